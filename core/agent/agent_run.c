/*
 * agent_run - the life of a declarative agent: what it watches, and what follows from it.
 *
 *   IDLE --when--> OPEN --cleared, nothing done--> IDLE
 *                  OPEN --cleared, something done--> RESTORING --verdict--> IDLE
 *
 * Design.  While a finding is open its proposals are tried in their order: the next one when one
 * was denied, failed or was rolled back, or was carried out and did not help for the refractory
 * time.  When all were tried it begins anew after a wait that doubles with each failure.  A
 * finding ends when 'clear' is true (without one: when 'when' is false), when the subject does
 * not concern the agent any more, or is gone.  Unknown neither opens nor ends anything.
 *
 * What an agent did is remembered by the agent, so it is forgotten when it starts again; a
 * restore with a condition of its own rests on facts and is not.
 */
#include <errno.h>
#include <syslog.h>

#include "agent/run.h"
#include "facts/value.h"

#define FAILURES_MAX 20 /* doublings are counted so far */

static struct agent_run *run_of(struct anod_ctx *ctx)
{
	return ctx->state;
}

/* ---- subjects ----------------------------------------------------------------------------------- */

static bool is_gone(struct agent_run *run, const struct subject *s)
{
	size_t n = strlen(run->a->kind);
	struct anod_value v;

	for (char **read = run->a->reads; *read; read++)
		if (strncmp(*read, run->a->kind, n) == 0 && (*read)[n] == '.' &&
		    (*read)[n + 1] != '*')
			return run->ctx->host->get(run->ctx, run->a->kind, s->name, *read + n + 1,
						   &v, NULL) == -ENOENT;
	return false;
}

static void cancel_timer(struct agent_run *run, struct subject *s)
{
	if (s->timer)
		(void) run->ctx->host->cancel(run->ctx, s->timer);
	s->timer = 0;
}

static void subject_drop(struct agent_run *run, struct subject *s)
{
	cancel_timer(run, s);
	agent_senses(run, s, false);
	HASH_DEL(run->subjects, s);
	free(s->keep);
	free(s);
}

/* ---- what follows ------------------------------------------------------------------------------- */

static uint64_t wait_of(const struct agent_program *a, const struct subject *s)
{
	uint64_t us = a->again_us;

	for (unsigned i = 0; i < s->failures && us < a->again_max_us; i++)
		us *= 2;
	return MIN_OF(us, a->again_max_us);
}

static void end(struct agent_run *run, struct subject *s, const char *why)
{
	/* One that nothing came of is withdrawn; one that is applied goes on by itself. */
	if (s->proposal)
		(void) run->ctx->host->cancel(run->ctx, s->proposal);
	if (s->finding)
		(void) run->ctx->host->clear(run->ctx, s->finding, why);
	s->finding = s->proposal = 0;
	s->trying = -1;
	s->phase = PHASE_IDLE;
	s->at = 0;
	s->missing = 0;
	s->applied = s->done = s->held = false;
	cancel_timer(run, s);
}

static const char *cleared(struct agent_run *run, struct subject *s)
{
	const struct agent_program *a = run->a;
	struct agent_eye y;

	agent_eye_init(&y, run, s);
	if (agent_truth(&y, &a->where) == ANOD_FALSE)
		return "it does not concern the agent any more";
	if (a->clear.expr)
		return agent_truth(&y, &a->clear) == ANOD_TRUE
			       ? (a->clear_why ? a->clear_why : "its condition to clear is true")
			       : NULL;
	return agent_truth(&y, &a->when) == ANOD_FALSE ? "its condition is false again" : NULL;
}

static bool found(struct agent_run *run, struct subject *s)
{
	struct agent_eye y;

	agent_eye_init(&y, run, s);
	return agent_truth(&y, &run->a->when) == ANOD_TRUE &&
	       agent_truth(&y, &run->a->where) == ANOD_TRUE;
}

static void look_open(struct agent_run *run, struct subject *s)
{
	const char *why = cleared(run, s);

	if (!why) {
		agent_update(run, s);
		agent_propose(run, s);
		return;
	}
	/* What is being verified is often why it cleared: its end is waited for. */
	if (s->proposal && s->applied)
		return;
	if (s->proposal) {
		(void) run->ctx->host->cancel(run->ctx, s->proposal);
		s->proposal = 0;
	}
	if (agent_restore(run, s)) {
		s->phase = PHASE_RESTORING;
		return;
	}
	s->failures = 0;
	end(run, s, why);
}

/* What concerns it is looked at by the sensors that it asks; in doubt as before. */
static void look_sensing(struct agent_run *run, struct subject *s)
{
	enum anod_tri concerns;
	struct agent_eye y;

	if (!run->a->n_senses)
		return;
	agent_eye_init(&y, run, s);
	concerns = agent_truth(&y, &run->a->where);
	if (concerns != ANOD_DOUBT)
		agent_senses(run, s, concerns == ANOD_TRUE);
}

static void look(struct agent_run *run, struct subject *s)
{
	s->dirty = false;
	if (is_gone(run, s)) {
		end(run, s, "it is gone");
		subject_drop(run, s);
		return;
	}
	look_sensing(run, s);
	switch (s->phase) {
	case PHASE_IDLE:
		if (!found(run, s))
			return;
		s->phase = PHASE_OPEN;
		agent_find(run, s);
		agent_propose(run, s);
		return;
	case PHASE_OPEN:
		look_open(run, s);
		return;
	case PHASE_RESTORING:
		return;
	}
}

/* ---- time ---------------------------------------------------------------------------------------- */

static void on_soon(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct agent_run *run = data;
	struct subject *s, *next;

	(void) ctx, (void) id;
	run->soon = false;
	HASH_ITER(hh, run->subjects, s, next)
	{
		if (s->dirty)
			look(run, s);
	}
}

void agent_soon(struct agent_run *run, struct subject *s)
{
	s->dirty = true;
	if (run->soon)
		return;
	run->soon = run->ctx->host->timer(run->ctx, 0, 0, on_soon, run, NULL) >= 0;
}

static void on_later(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct subject *s = data;

	(void) id;
	s->timer = 0;
	agent_soon(run_of(ctx), s);
}

void agent_later(struct agent_run *run, struct subject *s, uint64_t us)
{
	cancel_timer(run, s);
	if (run->ctx->host->timer(run->ctx, us, 0, on_later, s, &s->timer) < 0)
		s->timer = 0;
}

/* ---- verdicts ----------------------------------------------------------------------------------------- */

/* The next one at once, or all from the first after a wait. */
static void go_on(struct agent_run *run, struct subject *s, uint64_t now, unsigned next)
{
	s->at = next;
	if (next >= run->a->n_proposals) {
		s->at = 0;
		s->next_us = now + wait_of(run->a, s);
	}
	if (s->failures < FAILURES_MAX)
		s->failures++;
}

static void final(struct agent_run *run, struct subject *s, enum anod_verdict v, const char *why)
{
	uint64_t now = run->ctx->host->now_us(run->ctx);
	unsigned tried = (unsigned) s->trying;

	if (v != ANOD_COMMITTED)
		run->ctx->host->log(run->ctx, LOG_INFO, "%s: proposal %u: %s", s->name, tried + 1,
				    why[0] ? why : "it came to nothing");
	switch (v) {
	case ANOD_COMMITTED:
		/* Whether it helps is seen until then; if not, the next one. */
		s->done = true;
		s->next_us = now + wait_of(run->a, s);
		s->at = (tried + 1) % run->a->n_proposals;
		s->failures += s->at == 0 && s->failures < FAILURES_MAX;
		return;
	case ANOD_DENIED:
	case ANOD_FAILED:
	case ANOD_ROLLED_BACK:
		go_on(run, s, now, tried + 1);
		return;
	case ANOD_SUPERSEDED:
		go_on(run, s, now, run->a->n_proposals);
		return;
	case ANOD_EXPIRED:
		s->next_us = now + wait_of(run->a, s);
		s->at = tried;
		s->failures += s->failures < FAILURES_MAX;
		return;
	case ANOD_WAITING:
	case ANOD_APPLIED:
	case ANOD_VERIFIED:
		return;
	}
}

void agent_verdict(struct agent_run *run, struct subject *s, enum anod_verdict v, const char *why)
{
	char text[ANOD_REASON_SIZE];

	if (v < ANOD_DENIED) {
		s->applied |= v == ANOD_APPLIED || v == ANOD_VERIFIED;
		return;
	}
	s->proposal = 0;
	if (s->phase == PHASE_RESTORING) {
		(void) snprintf(text, sizeof(text), "cleared%s%s",
				v == ANOD_COMMITTED ? ", and what was done is put back"
						    : ", but what was done stays: ",
				v == ANOD_COMMITTED ? "" : why);
		end(run, s, text);
		s->next_us = run->ctx->host->now_us(run->ctx) + wait_of(run->a, s);
		agent_soon(run, s);
		return;
	}
	final(run, s, v, why);
	s->trying = -1;
	s->applied = false;
	agent_soon(run, s);
}
