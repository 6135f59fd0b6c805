/*
 * policy_parse_objective - intents: what the network has to be like, and how much of the time.
 */
#include "policy/objective.h"
#include "policy/objective_plan.h"
#include "policy/parse.h"

/* "RATIO per DUR": the share of time in which it must hold */
static int parse_error_budget(struct parse *p, struct policy_objective *o)
{
	struct token t = *parse_ahead(p);
	int r;

	if (t.type != TOKEN_VALUE || t.value.unit != ANOD_UNIT_RATIO ||
	    !(t.value.u.r > 0 && t.value.u.r <= 1))
		return parse_wants(p, "budget", "a share such as 99.9%");
	if (t.value.u.r == 1)
		return parse_error(
			p, &t.place,
			"a budget of 100%% leaves no error at all, and the first one spends "
			"it; write a share such as 99.9%%");
	if (t.value.u.r < 0.5)
		parse_warning(p, &t.place,
			      "the share is that of the time in which it holds, and this is less "
			      "than half of it");
	lex_next(&p->lexer, &t);
	o->target = t.value.u.r;
	r = parse_expect(p, "per", "'per' and a duration");
	t = *parse_ahead(p);
	if (r == 0)
		r = parse_duration(p, "per", &o->period_us);
	if (r == 0 && (o->period_us < OBJECTIVE_PERIOD_MIN || o->period_us > OBJECTIVE_PERIOD_MAX))
		return parse_error(p, &t.place, "the period of a budget is from 10m to 366d");
	return r;
}

/* ---- checks ---------------------------------------------------------------------------------- */

int parse_unknown_service(struct parse *p, const struct lex_place *place, const char *service)
{
	const char *near = nearest_word(service, flow_service_names());

	if (near)
		return parse_error(p, place, "there is no service '%s'; did you mean '%s'?",
				   service, near);
	return parse_error(p, place,
			   "there is no service '%s'; write tcp/PORT, udp/PORT, icmp or any",
			   service);
}

/* Can the probes tell so little loss from none? */
static void check_loss(struct parse *p, const struct expr *e)
{
	const struct expr *loss, *limit;

	if (!e)
		return;
	check_loss(p, e->a);
	check_loss(p, e->b);
	if (e->op != EXPR_COMPARE)
		return;
	loss = e->a->op == EXPR_LITERAL ? e->b : e->a;
	limit = e->a->op == EXPR_LITERAL ? e->a : e->b;
	if (loss->op == EXPR_CALL && strcmp(loss->name, "path.loss") == 0 &&
	    limit->op == EXPR_LITERAL && limit->lit.type == ANOD_REAL && limit->lit.u.r > 0 &&
	    limit->lit.u.r * PLAN_LOSS_WINDOW / 2 < PLAN_EVERY_MIN)
		parse_warning(
			p, &limit->place,
			"one lost probe is more than this: 30s hold 600 probes at most; write "
			"mean(path.loss(...), 5m) < ...");
}

void policy_check_objective(struct parse *p, struct scope *scope, struct policy_objective *o)
{
	if (strlen(o->name) >= ANOD_NAME_SIZE)
		(void) parse_error(p, &o->place, "the name of an objective has at most %d bytes",
				   ANOD_NAME_SIZE - 1);
	if (o - p->config->policy->objective == OBJECTIVES_MAX)
		(void) parse_error(p, &o->place, "a policy has at most %d objectives",
				   OBJECTIVES_MAX);
	for (unsigned i = 0; i < o->n_requires; i++) {
		struct subjectless c = { .noun = "an objective", .why = "there is no action" };

		if (scope_check(scope, o->require[i], NULL, false) < 0)
			continue;
		check_subjectless(p, o->require[i], &c);
		check_loss(p, o->require[i]);
		if (!c.failed && c.n_facts == 0)
			(void) parse_error(
				p, &o->require[i]->place,
				"nothing in this requirement is measured: it reads no fact");
	}
}

/* ---- the statement --------------------------------------------------------------------------- */

static int objective_clause(struct parse *p, void *target, unsigned index)
{
	struct policy_objective *o = target;
	struct expr **slot;

	if (index == 1)
		return parse_error_budget(p, o);
	slot = ARRAY_APPEND(o->require, o->n_requires);
	return slot ? parse_expr(p, slot) : parse_no_memory(p);
}

int parse_objective(struct parse *p, const struct lex_place *place)
{
	static const char *const words[] = { "require", "budget", NULL };
	static const struct block b = { .what = "objective",
					.words = words,
					.many = 1,
					.clause = objective_clause,
					.noun = "a clause",
					.required = 1 };
	struct policy_objective o = { .place = *place }, *slot;
	struct policy *policy = p->config->policy;
	int r;

	r = parse_name(p, "the name of the objective", &o.name);
	if (r == 0)
		r = parse_block(p, &b, &o);
	slot = r == 0 ? ARRAY_APPEND(policy->objective, policy->n_objectives) : NULL;
	if (!slot) {
		objective_done(&o);
		return r < 0 ? r : parse_no_memory(p);
	}
	*slot = o;
	return 0;
}
