/*
 * agent_act - what an agent says and proposes.
 *
 * Design.  Nothing is proposed with a value that is not known: the next proposal gets its turn,
 * and the log says what was missing.  A look-alike that is not disproven holds proposals back,
 * because acting on the wrong cause is worse than acting late; so does a rival explanation that
 * is at least as likely as the finding.
 */
#include <errno.h>
#include <syslog.h>

#include "agent/run.h"
#include "facts/value.h"

/* ---- the finding ------------------------------------------------------------------------------ */

/* Which rivals hold now. */
static uint32_t rivals_of(struct agent_eye *y)
{
	const struct agent_program *a = y->run->a;
	uint32_t set = 0;

	for (unsigned i = 0; i < a->n_rivals; i++)
		if (agent_truth(y, &a->rival[i].when) == ANOD_TRUE)
			set |= UINT32_C(1) << i;
	return set;
}

static void add_ref(struct anod_finding *f, const struct expr *e, const char *entity)
{
	struct anod_ref *to = &f->ref[f->n_refs];

	if (f->n_refs == ANOD_REFS_MAX || !entity)
		return;
	for (uint32_t i = 0; i < f->n_refs; i++)
		if (strcmp(f->ref[i].kind, e->kind_name) == 0 &&
		    strcmp(f->ref[i].entity, entity) == 0 && strcmp(f->ref[i].attr, e->attr) == 0)
			return;
	(void) copy_text(to->kind, sizeof(to->kind), e->kind_name);
	(void) copy_text(to->entity, sizeof(to->entity), entity);
	(void) copy_text(to->attr, sizeof(to->attr), e->attr);
	f->n_refs++;
}

struct refs {
	struct agent_eye *eye;
	struct anod_finding *f;
};

static void ref_of(const struct expr *e, void *data)
{
	const struct refs *r = data;

	if (e->op == EXPR_FACT && e->kind_name && e->attr)
		add_ref(r->f, e, agent_entity(r->eye, e));
}

static void fill_finding(struct agent_eye *y, struct anod_finding *f)
{
	const struct agent_program *a = y->run->a;
	struct refs refs = { y, f };

	*f = (struct anod_finding){
		.size = sizeof(*f),
		.confidence = a->confidence,
		.no_cure = a->n_proposals == 0,
	};
	(void) copy_text(f->code, sizeof(f->code), a->code);
	(void) copy_text(f->kind, sizeof(f->kind), a->kind);
	(void) copy_text(f->entity, sizeof(f->entity), y->s->name);
	if (a->sentence.n)
		agent_say(y, &a->sentence, f->summary, sizeof(f->summary));
	else
		(void) snprintf(f->summary, sizeof(f->summary), "%s: %s", y->s->name, a->code);
	for (unsigned i = 0; i < a->n_refs; i++)
		ref_of(a->ref[i], &refs);
	if (!a->n_refs)
		expr_walk(a->when.expr, ref_of, &refs);
	for (unsigned i = 0; i < a->n_rivals; i++) {
		if (!(y->s->rivals >> i & 1))
			continue;
		(void) copy_text(f->rival[f->n_rivals].code, sizeof(f->rival[0].code),
				 a->rival[i].code);
		f->rival[f->n_rivals++].confidence = a->rival[i].confidence;
	}
}

static void tell(struct agent_eye *y)
{
	struct agent_run *run = y->run;
	struct anod_finding f;
	int r;

	fill_finding(y, &f);
	r = run->ctx->host->find(run->ctx, &f, &y->s->finding);
	if (r < 0)
		run->ctx->host->log(run->ctx, LOG_WARNING, "%s: the finding is refused: %s",
				    y->s->name, strerror(-r));
}

void agent_find(struct agent_run *run, struct subject *s)
{
	const struct agent_program *a = run->a;
	struct agent_eye y;

	agent_eye_init(&y, run, s);
	if (!s->keep && a->n_keeps)
		s->keep = calloc(a->n_keeps, sizeof(*s->keep));
	for (unsigned i = 0; i < a->n_keeps && s->keep; i++) {
		s->keep[i] = value_unknown();
		expr_value(a->keep[i].value, &y.env, &s->keep[i]);
	}
	s->rivals = rivals_of(&y);
	tell(&y);
}

void agent_update(struct agent_run *run, struct subject *s)
{
	struct agent_eye y;
	uint32_t now;

	agent_eye_init(&y, run, s);
	now = rivals_of(&y);
	if (now == s->rivals && s->finding)
		return;
	s->rivals = now;
	tell(&y);
}

/* ---- actions ------------------------------------------------------------------------------------ */

static int fill_action(struct agent_eye *y, const struct agent_action *x, struct anod_action *ret,
		       const char **ret_missing)
{
	*ret = (struct anod_action){ .size = sizeof(*ret) };
	(void) copy_text(ret->kind, sizeof(ret->kind), x->kind);
	for (unsigned i = 0; i < x->n_args; i++) {
		struct anod_arg *arg = &ret->arg[ret->n_args];
		struct anod_value v = value_unknown();

		expr_value(x->arg[i].value, &y->env, &v);
		*ret_missing = x->arg[i].name;
		if (!x->arg[i].param) {
			if (v.type == ANOD_UNKNOWN)
				return -EINVAL;
			arg->value = v;
		} else if (agent_convert(x->arg[i].param, &v, &arg->value) < 0) {
			return -EINVAL;
		}
		(void) copy_text(arg->name, sizeof(arg->name), x->arg[i].name);
		ret->n_args++;
	}
	return 0;
}

static int fill_proposal(struct agent_eye *y, const struct agent_proposal *o,
			 struct anod_proposal *p, const char **ret_missing)
{
	const struct agent_program *a = y->run->a;
	int r = 0;

	*p = (struct anod_proposal){
		.size = sizeof(*p),
		.finding = y->s->finding,
		.confidence = o->confidence < 0 ? a->confidence : o->confidence,
		.n_actions = o->n_actions,
	};
	for (unsigned i = 0; i < o->n_actions && r == 0; i++)
		r = fill_action(y, &o->action[i], &p->action[i], ret_missing);
	if (r == 0 && o->verify) {
		*ret_missing = "verify";
		r = agent_verify_text(y, o->verify, p->verify, sizeof(p->verify));
	}
	if (o->reason.n)
		agent_say(y, &o->reason, p->reason, sizeof(p->reason));
	else if (a->sentence.n)
		agent_say(y, &a->sentence, p->reason, sizeof(p->reason));
	else
		(void) copy_text(p->reason, sizeof(p->reason), a->code);
	if (o->expect.n)
		agent_say(y, &o->expect, p->expect, sizeof(p->expect));
	return r;
}

static void on_verdict(struct anod_ctx *ctx, uint64_t id, enum anod_verdict v, int error,
		       const char *why, void *data)
{
	struct subject *s = data;

	(void) error;
	if (s->proposal == id)
		agent_verdict(ctx->state, s, v, why ? why : "");
}

/* Once, until something could be proposed. */
static void say_missing(struct agent_eye *y, const struct agent_proposal *o, int nr,
			const char *what, int error)
{
	struct anod_ctx *ctx = y->run->ctx;

	if (y->s->missing >> nr & 1)
		return;
	y->s->missing |= UINT32_C(1) << nr;
	if (error == -E2BIG)
		ctx->host->log(ctx, LOG_NOTICE,
			       "%s: %s is not proposed: '%s' is too long with all names in it",
			       y->s->name, o->action[0].kind, what);
	else
		ctx->host->log(ctx, LOG_NOTICE,
			       "%s: %s is not proposed: '%s' rests on something that is not known",
			       y->s->name, o->action[0].kind, what);
}

static bool try_one(struct agent_eye *y, const struct agent_proposal *o, int nr)
{
	struct agent_run *run = y->run;
	struct anod_proposal p;
	const char *missing = "";
	int r = fill_proposal(y, o, &p, &missing);

	if (r < 0) {
		say_missing(y, o, nr, missing, r);
		return false;
	}
	y->s->missing = 0;
	r = run->ctx->host->propose(run->ctx, &p, on_verdict, y->s, &y->s->proposal);
	if (r < 0) {
		run->ctx->host->log(run->ctx, LOG_WARNING, "%s: %s cannot be proposed: %s",
				    y->s->name, o->action[0].kind, strerror(-r));
		y->s->proposal = 0;
		return false;
	}
	y->s->trying = nr;
	y->s->applied = false;
	return true;
}

/* ---- proposals ----------------------------------------------------------------------------------- */

/* Why nothing is proposed, or NULL. */
static const char *held_back(struct agent_eye *y)
{
	const struct agent_program *a = y->run->a;

	for (unsigned i = 0; i < a->n_suppress; i++) {
		enum anod_tri t = agent_truth(y, &a->suppress[i].when);

		if (t == ANOD_TRUE)
			return a->suppress[i].why ? a->suppress[i].why
						  : "it looks like another fault";
		if (t == ANOD_DOUBT)
			return "it is not known that it is no other fault";
	}
	for (unsigned i = 0; i < a->n_rivals; i++)
		if ((y->s->rivals >> i & 1) && a->rival[i].confidence >= a->confidence)
			return a->rival[i].code;
	return NULL;
}

void agent_propose(struct agent_run *run, struct subject *s)
{
	const struct agent_program *a = run->a;
	struct agent_eye y;
	const char *why;

	if (s->proposal || !a->n_proposals)
		return;
	agent_eye_init(&y, run, s);
	why = held_back(&y);
	if (why) {
		if (!s->held)
			run->ctx->host->log(run->ctx, LOG_NOTICE, "%s: nothing is proposed: %s",
					    s->name, why);
		s->held = true;
		agent_later(run, s, a->again_us);
		return;
	}
	s->held = false;
	if (y.env.now_us < s->next_us) {
		agent_later(run, s, s->next_us - y.env.now_us);
		return;
	}
	for (unsigned i = s->at; i < a->n_proposals; i++)
		if (agent_truth(&y, &a->proposal[i].when) == ANOD_TRUE &&
		    try_one(&y, &a->proposal[i], (int) i))
			return;
	/* None is left, or none is due yet: some conditions tell by no watch when they are. */
	s->at = 0;
	agent_later(run, s, a->again_us);
}

bool agent_restore(struct agent_run *run, struct subject *s)
{
	const struct agent_program *a = run->a;
	struct agent_eye y;

	agent_eye_init(&y, run, s);
	for (unsigned i = 0; i < a->n_restores; i++) {
		const struct agent_proposal *o = &a->restore[i];

		/* Without a condition it is for what this agent did itself. */
		if (o->when.expr ? agent_truth(&y, &o->when) == ANOD_TRUE : s->done)
			if (try_one(&y, o, (int) i))
				return true;
	}
	return false;
}

/* ---- sensing -------------------------------------------------------------------------------------- */

void agent_senses(struct agent_run *run, struct subject *s, bool on)
{
	const struct agent_program *a = run->a;
	struct anod_action request;
	const char *missing = "";
	struct agent_eye y;

	if (!a->n_senses)
		return;
	agent_eye_init(&y, run, s);
	for (unsigned i = 0; i < a->n_senses; i++) {
		if (on && !s->sense[i] && fill_action(&y, &a->sense[i], &request, &missing) == 0)
			(void) run->ctx->host->sense(run->ctx, &request, &s->sense[i]);
		if (!on && s->sense[i]) {
			(void) run->ctx->host->cancel(run->ctx, s->sense[i]);
			s->sense[i] = 0;
		}
	}
}
