/*
 * triage - asks a model where the rules of the other agents are not enough.
 *
 * Design.  Open findings are facts of kind "finding".  One with rival explanations or without a
 * cure is put before a model, once its facts have settled; the answer becomes one proposal,
 * which policy judges like any other, or a finding of our own that says why there is none.  One
 * question is under way at a time and a finding is asked about again only when it changed or the
 * answer failed, every ten minutes at most.  Without an endpoint all this is silent but for one
 * line.
 */
#include <anod/plugin.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "evidence.h"
#include "json_out.h"

#define CASES_MAX    64
#define SETTLE_US    300000
#define ASK_AGAIN_US UINT64_C(600000000) /* unless the option 'again' says otherwise */
#define OWN_CODES    "triage-"

struct triage;

struct patient { /* a finding of another agent */
	struct triage *t;
	char name[ANOD_NAME_SIZE]; /* its id as text; "": free */
	uint64_t settled_us;	   /* look at it then; 0: nothing to look at */
	uint64_t asked_us;	   /* 0: never */
	uint64_t seen_hash;	   /* of what was asked about */
	bool failed;		   /* the last answer was an error */
	bool applied;		   /* 'proposal' is past the point of withdrawal */
	uint64_t question, proposal, finding;
	struct subject subject; /* as asked */
};

struct triage {
	struct anod_ctx *ctx;
	struct patient patient[CASES_MAX];
	uint64_t timer, wake_us;
	uint32_t timeout_ms, max_tokens;
	bool said_none, said_full;
	char input[EVIDENCE_SIZE];
	uint64_t again_us;
};

static const char *const proposes[] = { "route.replace", "route.del", "route.metric", "link.set",
					"link.up",	 "link.down", "neigh.flush",  NULL };

static void review(struct triage *t);

/* ---- what came of it -------------------------------------------------------------------- */

static void clear_own(struct patient *p, const char *why)
{
	if (p->finding)
		(void) p->t->ctx->host->clear(p->t->ctx, p->finding, why);
	p->finding = 0;
}

static void report_failure(struct patient *p, int error, const char *why)
{
	struct anod_finding f = { .size = sizeof(f),
				  .code = OWN_CODES "no-answer",
				  .confidence = 1 };

	p->failed = true;
	(void) snprintf(f.kind, sizeof(f.kind), "%.23s", p->subject.kind);
	(void) snprintf(f.entity, sizeof(f.entity), "%s", p->subject.entity);
	(void) snprintf(f.summary, sizeof(f.summary), "no usable answer about %.40s: %.90s",
			p->subject.code, why && *why ? why : strerror(-error));
	(void) p->t->ctx->host->find(p->t->ctx, &f, &p->finding);
}

static void on_verdict(struct anod_ctx *ctx, uint64_t id, enum anod_verdict v, int error,
		       const char *why, void *data)
{
	struct patient *p = data;

	(void) error;
	if (id != p->proposal)
		return;
	p->applied = v == ANOD_APPLIED || v == ANOD_VERIFIED;
	if (v < ANOD_DENIED)
		return;
	p->proposal = 0;
	if (v != ANOD_COMMITTED)
		ctx->host->log(ctx, LOG_INFO,
			       "what the model proposed for finding %s was not done: %s", p->name,
			       why ? why : "no reason");
}

static bool allowed(const char *kind)
{
	for (const char *const *k = proposes; *k; k++)
		if (!strncmp(*k, kind, ANOD_KIND_SIZE))
			return true;
	return false;
}

static void propose(struct patient *p, uint64_t answer, const struct anod_answer *a)
{
	const struct anod_host *h = p->t->ctx->host;
	struct anod_proposal x = {
		.size = sizeof(x), .n_actions = 1, .finding = p->subject.id, .answer = answer
	};
	int r;

	/* Not known is not sure. */
	x.confidence = a->confidence < 0 ? 0 : a->confidence > 1 ? 1 : a->confidence;
	x.action[0] = a->action;
	x.action[0].size = sizeof(x.action[0]);
	(void) snprintf(x.reason, sizeof(x.reason), "model: %.150s",
			a->summary && *a->summary ? a->summary
			: a->cause		  ? a->cause
						  : "no reason");
	(void) snprintf(x.expect, sizeof(x.expect), "%.40s of %.50s is cured", p->subject.code,
			p->subject.entity);
	json_clean(x.reason); /* the model's words go into a line for the operator */
	r = h->propose(p->t->ctx, &x, on_verdict, p, &p->proposal);
	if (r < 0) {
		p->proposal = 0;
		report_failure(p, r, NULL);
	}
}

static void on_answer(struct anod_ctx *ctx, uint64_t id, const struct anod_answer *a, void *data)
{
	struct patient *p = data;

	if (id != p->question)
		return;
	p->question = 0;
	p->failed = false;
	if (a->error == -ENOTCONN) {
		if (!p->t->said_none)
			ctx->host->log(ctx, LOG_INFO,
				       "no model can be reached: findings are left "
				       "to the other agents");
		p->t->said_none = true;
		p->failed = true;
	} else if (a->error < 0) {
		report_failure(p, a->error, a->why);
	} else if (a->has_action && !allowed(a->action.kind)) {
		report_failure(p, -EBADMSG, "it proposes an action that was not offered");
	} else {
		p->t->said_none = false;
		clear_own(p, "answered");
		if (a->has_action)
			propose(p, id, a);
	}
	review(p->t);
}

/* ---- asking ----------------------------------------------------------------------------- */

static uint64_t hash_subject(const struct subject *s)
{
	struct subject x = *s;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	x.confidence = 0; /* a few percent more or less are no news */
	for (size_t i = 0; i < sizeof(x); i++)
		hash = (hash ^ ((const uint8_t *) &x)[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static void ask(struct patient *p, uint64_t now)
{
	struct triage *t = p->t;
	struct anod_question q = { .size = sizeof(q),
				   .timeout_ms = t->timeout_ms,
				   .max_tokens = t->max_tokens,
				   .task = "triage",
				   .input = t->input,
				   .actions = proposes,
				   .finding = strtoull(p->name, NULL, 10) };
	int r;

	p->asked_us = now;
	p->seen_hash = hash_subject(&p->subject);
	(void) evidence_write(t->ctx, &p->subject, t->input);
	r = t->ctx->host->infer(t->ctx, &q, on_answer, p, &p->question);
	if (r >= 0)
		return;

	p->question = 0;
	p->failed = true;
	if (r != -ENOTCONN) {
		report_failure(p, r, NULL);
	} else if (!t->said_none) {
		t->ctx->host->log(t->ctx, LOG_INFO,
				  "no model is configured: findings are left to the other agents");
		t->said_none = true;
	}
}

/* When to look at it again; UINT64_MAX: at its next change. */
static uint64_t review_patient(struct patient *p, uint64_t now, bool *busy)
{
	struct subject s;

	if (!p->name[0] || p->question || p->proposal)
		return UINT64_MAX;
	if (now < p->settled_us)
		return p->settled_us;
	if (!subject_read(p->t->ctx, p->name, &s) || (s.rivals == 0 && !s.no_cure) ||
	    !strncmp(s.code, OWN_CODES, strlen(OWN_CODES)))
		return UINT64_MAX;
	if (p->asked_us && !p->failed && hash_subject(&s) == p->seen_hash)
		return UINT64_MAX;
	if (p->asked_us && now < p->asked_us + p->t->again_us)
		return p->asked_us + p->t->again_us;
	if (*busy)
		return UINT64_MAX; /* the answer under way brings us back */

	p->subject = s;
	ask(p, now);
	*busy = p->question != 0;
	return p->question ? UINT64_MAX : now + p->t->again_us;
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct triage *t = data;

	(void) ctx;
	(void) id;
	t->timer = 0;
	review(t);
}

static void review(struct triage *t)
{
	const struct anod_host *h = t->ctx->host;
	uint64_t now = h->now_us(t->ctx), next = UINT64_MAX;
	bool busy = false;

	for (unsigned i = 0; i < CASES_MAX; i++)
		busy = busy || t->patient[i].question;
	for (unsigned i = 0; i < CASES_MAX; i++) {
		uint64_t at = review_patient(&t->patient[i], now, &busy);

		next = at < next ? at : next;
	}
	if (t->timer && t->wake_us == next)
		return;
	if (t->timer)
		(void) h->cancel(t->ctx, t->timer);
	t->timer = 0;
	t->wake_us = next;
	if (next != UINT64_MAX)
		(void) h->timer(t->ctx, next > now ? next - now : 1, 0, on_timer, t, &t->timer);
}

/* ---- events ----------------------------------------------------------------------------- */

static struct patient *patient_find(struct triage *t, const char *name)
{
	for (unsigned i = 0; i < CASES_MAX; i++)
		if (!strcmp(t->patient[i].name, name))
			return &t->patient[i];
	return NULL;
}

static void patient_gone(struct patient *p)
{
	const struct anod_host *h = p->t->ctx->host;
	struct triage *t = p->t;

	if (p->question)
		(void) h->cancel(t->ctx, p->question);
	/* Its cause may be gone because it was applied: then it must run its course. */
	if (p->proposal && !p->applied)
		(void) h->cancel(t->ctx, p->proposal);
	clear_own(p, "the finding was cleared");
	memset(p, 0, sizeof(*p));
	p->t = t;
}

static void admit(struct triage *t, const char *name)
{
	struct patient *p = patient_find(t, name);

	if (!p) {
		p = patient_find(t, "");
		if (!p) {
			if (!t->said_full)
				t->ctx->host->log(
					t->ctx, LOG_WARNING,
					"more than %d open findings: some are not looked at",
					CASES_MAX);
			t->said_full = true;
			return;
		}
		(void) snprintf(p->name, sizeof(p->name), "%s", name);
	}
	/* Not pushed on by every event, or a restless finding would never be looked at. */
	if (p->settled_us <= t->ctx->host->now_us(t->ctx))
		p->settled_us = t->ctx->host->now_us(t->ctx) + SETTLE_US;
}

static int on_event(struct anod_ctx *ctx, const struct anod_event *e)
{
	struct triage *t = ctx->state;

	if (strcmp(e->kind, "finding") != 0)
		return 0;
	if (e->attr) {
		admit(t, e->entity);
	} else {
		struct patient *p = patient_find(t, e->entity);

		if (p)
			patient_gone(p);
	}
	review(t);
	return 0;
}

/* ---- life ------------------------------------------------------------------------------- */

static int on_init(struct anod_ctx *ctx)
{
	struct triage *t = ctx->host->alloc(ctx, sizeof(*t));
	struct anod_value v;

	if (!t)
		return -ENOMEM;
	ctx->state = t;
	t->ctx = ctx;
	for (unsigned i = 0; i < CASES_MAX; i++)
		t->patient[i].t = t;
	t->timeout_ms =
		ctx->host->opt(ctx, "timeout", 0, &v) == 0 ? (uint32_t) (v.u.i / 1000) : 30000;
	t->again_us = ctx->host->opt(ctx, "again", 0, &v) == 0 ? (uint64_t) v.u.i : ASK_AGAIN_US;
	t->max_tokens = ctx->host->opt(ctx, "max-tokens", 0, &v) == 0 ? (uint32_t) v.u.i : 400;
	return 0;
}

static int on_start(struct anod_ctx *ctx)
{
	struct triage *t = ctx->state;
	const char *name;

	for (unsigned n = 0; (name = ctx->host->each(ctx, "finding", n)); n++)
		admit(t, name);
	review(t);
	return 0;
}

static const struct anod_opt opts[] = {
	{ "timeout", ANOD_INT, ANOD_UNIT_TIME, .dflt = "30s", .min = 1e5, .max = 600e6,
	  .help = "of one question, with retries" },
	{ "again", ANOD_INT, ANOD_UNIT_TIME, .dflt = "10m", .min = 1e6, .max = 86400e6,
	  .help = "between two questions about one finding, when it has changed or the first "
		  "failed" },
	{ "max-tokens", ANOD_INT, .dflt = "400", .min = 16, .max = 8192, .help = "of an answer" },
	{ NULL },
};

static const char *const reads[] = { "finding.*", "link.*",  "path.*", "probe.*",
				     "route.*",	  "neigh.*", NULL };

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_AGENT,
	.name = "triage",
	.version = "0.1.0",
	.summary = "asks a model about findings that have rival explanations or no cure",
	.opts = opts,
	.reads = reads,
	.proposes = proposes,
	.asks = 1,
	.init = on_init,
	.start = on_start,
	.event = on_event,
};
