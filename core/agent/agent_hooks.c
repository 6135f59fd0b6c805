/*
 * agent_hooks - the hooks of a declarative agent's manifest, and what its watches tell.
 *
 * Design.  init() finds the program where agent_attach() has put it and puts what runs it into its
 * place.  A watch of no entity is true for all subjects or for none.
 */
#include <errno.h>
#include <syslog.h>

#include "agent/run.h"

static struct subject *subject_get(struct agent_run *run, const char *name)
{
	struct subject *s;

	HASH_FIND_STR(run->subjects, name, s);
	if (s)
		return s;
	if (HASH_COUNT(run->subjects) >= AGENT_SUBJECTS_MAX) {
		if (!run->full)
			run->ctx->host->log(run->ctx, LOG_WARNING,
					    "there are more than %d of kind %s: the rest is not "
					    "looked at",
					    AGENT_SUBJECTS_MAX, run->a->kind);
		run->full = true;
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	(void) copy_text(s->name, sizeof(s->name), name);
	memset(s->truth, ANOD_DOUBT, sizeof(s->truth));
	s->trying = -1;
	HASH_ADD_STR(run->subjects, name, s);
	return s;
}

static void on_watch(struct anod_ctx *ctx, uint64_t id, const char *entity, enum anod_tri truth,
		     void *data)
{
	struct watch_slot *w = data;
	struct agent_run *run = w->run;
	struct subject *s, *next;

	(void) ctx, (void) id;
	if (w->global) {
		w->truth = truth;
		HASH_ITER(hh, run->subjects, s, next)
		{
			agent_soon(run, s);
		}
		return;
	}
	s = subject_get(run, entity);
	if (!s)
		return;
	s->truth[w->nr] = (uint8_t) truth;
	agent_soon(run, s);
}

/* ---- hooks ------------------------------------------------------------------------------------------ */

void agent_attach(struct anod_ctx *ctx, const struct agent_program *a)
{
	ctx->state = (void *) (uintptr_t) a;
}

int agent_run_init(struct anod_ctx *ctx)
{
	const struct agent_program *a = ctx->state;
	struct agent_run *run;

	if (!a || a->magic != AGENT_PROGRAM_MAGIC)
		return -EINVAL;
	run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	run->magic = AGENT_RUN_MAGIC;
	run->ctx = ctx;
	run->a = a;
	for (unsigned i = 0; i < a->n_options; i++)
		if (ctx->host->opt(ctx, a->option[i].name, 0, &run->option[i]) < 0)
			run->option[i] = a->option[i].dflt;
	ctx->state = run;
	return 0;
}

static bool is_global(const struct agent_cond *c)
{
	for (unsigned i = 0; i < c->n_watched; i++)
		if (watch_subject_kind(c->watched[i]))
			return false;
	return true;
}

int agent_run_start(struct anod_ctx *ctx)
{
	struct agent_run *run = ctx->state;
	const struct agent_program *a = run->a;

	for (unsigned i = 0; i < a->n_watches; i++) {
		struct watch_slot *w = &run->watch[i];
		_cleanup_(freep) char *text = agent_watch_text(run, a->watch[i]);
		int r;

		*w = (struct watch_slot){
			.run = run, .nr = i, .global = is_global(a->watch[i]), .truth = ANOD_DOUBT
		};
		if (!text)
			return -ENOMEM;
		r = ctx->host->watch(ctx, text, on_watch, w, &w->id);
		if (r < 0) {
			ctx->host->log(ctx, LOG_ERR, "cannot watch '%.100s': %s", text,
				       strerror(-r));
			return r;
		}
	}
	return 0;
}

/* A watch that was in doubt of an entity anyhow does not say that it went; this does. */
int agent_run_event(struct anod_ctx *ctx, const struct anod_event *e)
{
	struct agent_run *run = ctx->state;
	struct subject *s;

	if (e->attr || strcmp(e->kind, run->a->kind) != 0)
		return 0;
	HASH_FIND_STR(run->subjects, e->entity, s);
	if (s)
		agent_soon(run, s);
	return 0;
}

/* The host cancels what is held. */
void agent_run_stop(struct anod_ctx *ctx)
{
	(void) ctx;
}

void agent_run_fini(struct anod_ctx *ctx)
{
	struct agent_run *run = ctx->state;
	struct subject *s, *next;

	ctx->state = NULL;
	if (!run || run->magic != AGENT_RUN_MAGIC)
		return; /* it never came to init(): that is the program */
	HASH_ITER(hh, run->subjects, s, next)
	{
		HASH_DEL(run->subjects, s);
		free(s->keep);
		free(s);
	}
	free(run);
}
