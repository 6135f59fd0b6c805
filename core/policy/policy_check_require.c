/*
 * policy_check_require - the requirements of invariants, after all files are parsed.
 *
 * Design.  A table says of each kind which sets it may be about; the rest are limits, which must be
 * of the unit that is compared with them.  What is measured for them (the load of links) becomes
 * an expression of the policy, so that the host keeps it like any other.
 */
#include "policy/parse.h"

#define IN(kind) (1u << (kind))

static const unsigned sets_of[] = {
	[REQUIRE_COUNT_UP] = IN(SET_LINK),
	[REQUIRE_REACHABLE] = IN(SET_FLOW),
	[REQUIRE_DISJOINT_SRLGS] = IN(SET_FLOW),
	[REQUIRE_WITHOUT_LINK] = IN(SET_FLOW),
	[REQUIRE_WITHOUT_SRLG] = IN(SET_FLOW),
	[REQUIRE_ON_LINK] = IN(SET_FLOW),
	[REQUIRE_RETURNS] = IN(SET_FLOW),
	[REQUIRE_MTU_KEPT] = IN(SET_FLOW),
	[REQUIRE_MTU] = IN(SET_FLOW),
	[REQUIRE_MEMBERS] = IN(SET_LINK),
	[REQUIRE_LEGS] = IN(SET_PREFIX),
	[REQUIRE_LOAD] = IN(SET_LINK),
	[REQUIRE_CAPACITY] = IN(SET_LINK),
	[REQUIRE_NEXTHOPS_ALIVE] = IN(SET_PREFIX) | IN(SET_FLOW),
	[REQUIRE_NO_OVERLAP] = IN(SET_PREFIX) | IN(SET_FLOW),
	[REQUIRE_APPROVERS] = 0,
};

static const char *wanted_kind(unsigned kinds)
{
	return kinds == IN(SET_LINK)	 ? "links"
	       : kinds == IN(SET_FLOW)	 ? "flows"
	       : kinds == IN(SET_PREFIX) ? "prefixes"
					 : "prefixes or flows";
}

static void no_such_set(struct parse *p, const struct policy_require *q, unsigned kinds)
{
	const struct policy *policy = p->config->policy;
	const struct lex_place *place = parse_place_of(p, q->set, &q->place);
	const char *names[256] = { 0 }, *near;
	unsigned n = 0;

	for (unsigned i = 0; i < policy->n_sets && n < ARRAY_SIZE(names) - 1; i++)
		names[n++] = policy->set[i].name;
	near = nearest_word(q->set, names);
	if (near)
		(void) parse_error(p, place, "there is no set '%s'; did you mean '%s'?", q->set,
				   near);
	else
		(void) parse_error(p, place, "there is no set '%s'; write set %s = %s { ... }",
				   q->set, q->set,
				   kinds & IN(SET_LINK)	    ? "link"
				   : kinds & IN(SET_PREFIX) ? "prefix"
							    : "flow");
}

/* The set of a requirement, of the kind that it is about. */
static void check_set(struct parse *p, const struct policy_require *q)
{
	const struct policy_set *s = policy_find_set(p->config->policy, q->set);
	unsigned kinds = sets_of[q->kind];

	if (s && parse_is_broken(p, &s->place))
		return;
	if (!s && kinds == IN(SET_LINK) && strcmp(q->set, "link") == 0)
		return;
	if (!s)
		no_such_set(p, q, kinds);
	else if (!(kinds & IN(s->kind)))
		(void) parse_error(p, &q->place, "'%s' wants a set of %s, and '%s' is one of %s%s",
				   q->text, wanted_kind(kinds), q->set, s->kind_name,
				   s->kind == SET_PREFIX ? "es" : "s");
}

/* A bit rate, or a share of one. */
static void check_limit(struct parse *p, struct scope *scope, struct policy_require *q)
{
	scope->rule = NULL;
	scope->expr.before_allowed = false;
	if (expr_check(q->expr, &scope->expr, false, p->diags) == 0 &&
	    q->expr->type != ANOD_UNKNOWN && q->expr->unit != ANOD_UNIT_BPS)
		(void) parse_error(p, &q->expr->place, "this wants a bit rate, not %s%s",
				   expr_type_text(q->expr->type, q->expr->unit),
				   q->kind == REQUIRE_LOAD && q->expr->unit == ANOD_UNIT_RATIO
					   ? "; write 80% of capacity"
					   : "");
}

/* How much a link carries: the rate of half a minute, in all but the busiest moments of five. */
static void add_measure(struct parse *p, struct scope *scope, struct policy_require *q)
{
	static const char text[] = "p95(rate(link.tx_bytes, 30s), 5m)";
	struct lexer l;

	if (!schema_attr(p->env->schema, "link", "tx_bytes")) {
		parse_warning(p, &q->place,
			      "'%s' needs link.tx_bytes, which no sensor measures: it counts as "
			      "unknown",
			      q->text);
		return;
	}
	lex_init(&l, "built-in", text, sizeof(text) - 1);
	if (expr_parse(&l, p->diags, &q->measure) == 0) {
		scope->rule = NULL;
		(void) expr_check(q->measure, &scope->expr, false, p->diags);
	}
}

static void check_pattern(struct parse *p, const struct policy_require *q)
{
	for (unsigned i = 0; p->env->actions[i]; i++)
		if (action_matches(q->pattern, p->env->actions[i]->kind))
			return;
	/* A policy may be written before its actuator is there, but not unnoticed. */
	parse_warning(p, &q->place, "'%s': there is no action '%s' yet", q->text, q->pattern);
}

void policy_check_require(struct parse *p, struct scope *scope, struct policy_require *q)
{
	if (q->set)
		check_set(p, q);
	switch (q->kind) {
	case REQUIRE_EXPR:
		scope->expr.history_allowed = true;
		(void) scope_check(scope, q->expr, NULL, false);
		scope->expr.history_allowed = false;
		policy_check_history(p, q->expr);
		return;
	case REQUIRE_LOAD:
	case REQUIRE_BLACKHOLE_TRAFFIC:
	case REQUIRE_MOVED_TRAFFIC:
		check_limit(p, scope, q);
		add_measure(p, scope, q);
		return;
	case REQUIRE_CAPACITY:
		check_limit(p, scope, q);
		return;
	case REQUIRE_DISJOINT_SRLGS:
	case REQUIRE_WITHOUT_SRLG:
	case REQUIRE_ONE_PER_SRLG:
		if (!p->config->n_srlgs)
			parse_warning(p, &q->place,
				      "'%s': no link has an srlg, so each is a group of its own",
				      q->text);
		return;
	case REQUIRE_NO_OVERLAP:
		check_pattern(p, q);
		return;
	case REQUIRE_COUNT_UP:
	case REQUIRE_REACHABLE:
	case REQUIRE_WITHOUT_LINK:
	case REQUIRE_ON_LINK:
	case REQUIRE_RETURNS:
	case REQUIRE_MTU_KEPT:
	case REQUIRE_MTU:
	case REQUIRE_MEMBERS:
	case REQUIRE_LEGS:
	case REQUIRE_NEW_BLACKHOLE:
	case REQUIRE_MOVED_PREFIXES:
	case REQUIRE_LOOP_FREE:
	case REQUIRE_NEXTHOPS_ALIVE:
	case REQUIRE_OPEN:
	case REQUIRE_UNDO_SAFE:
	case REQUIRE_SYSCTL:
	case REQUIRE_ENDPOINTS:
	case REQUIRE_APPROVERS:
		return;
	}
}
