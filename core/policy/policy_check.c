/*
 * policy_check - names, sets and objectives, after all files are parsed.
 *
 * Design.  Every name of a kind is sorted once to find duplicates, so that a policy of thousands
 * of rules does not take a square of that.  Statements that did not parse are looked at for
 * their names only.  Rules are checked in policy_check_rule.c, requirements in
 * policy_check_require.c.
 */
#include "policy/parse.h"

/* ---- duplicates ------------------------------------------------------------------------------- */

struct named {
	const char *name;
	const struct lex_place *place;
	unsigned order;
};

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->order > y->order) - (x->order < y->order);
}

/* 'array' of items of 'size' with a name and a place at these offsets. */
static void check_unique(struct parse *p, const char *what, const void *array, unsigned n,
			 size_t size, size_t name, size_t place)
{
	_cleanup_(freep) struct named *list = calloc(n + 1, sizeof(*list));
	const char *item = array;
	unsigned first = 0;

	if (!list) {
		(void) parse_no_memory(p);
		return;
	}
	for (unsigned i = 0; i < n; i++, item += size)
		list[i] = (struct named){ *(char *const *) (item + name),
					  (const struct lex_place *) (item + place), i };
	qsort(list, n, sizeof(*list), by_name);
	for (unsigned i = 1; i < n; i++) {
		if (strcmp(list[i].name, list[first].name) != 0) {
			first = i;
			continue;
		}
		(void) parse_error(p, list[i].place, "%s '%s' exists already, in %s:%u", what,
				   list[i].name, list[first].place->file, list[first].place->line);
	}
}

#define CHECK_UNIQUE(p, what, array, n)                                                            \
	check_unique(p, what, array, n, sizeof(*(array)), offsetof(__typeof__(*(array)), name),    \
		     offsetof(__typeof__(*(array)), place))

static void check_names(struct parse *p)
{
	struct policy *policy = p->config->policy;

	CHECK_UNIQUE(p, "set", policy->set, policy->n_sets);
	CHECK_UNIQUE(p, "window", policy->window, policy->n_windows);
	CHECK_UNIQUE(p, "budget", policy->budget, policy->n_budgets);
	CHECK_UNIQUE(p, "invariant", policy->invariant, policy->n_invariants);
	CHECK_UNIQUE(p, "rule", policy->rule, policy->n_rules);
	CHECK_UNIQUE(p, "objective", policy->objective, policy->n_objectives);
	CHECK_UNIQUE(p, "reflex", p->reflex, p->n_reflexes);
	CHECK_UNIQUE(p, "link", p->config->link, p->config->n_links);
	CHECK_UNIQUE(p, "group", p->config->group, p->config->n_groups);
	CHECK_UNIQUE(p, "endpoint", p->config->endpoint, p->config->n_endpoints);
	CHECK_UNIQUE(p, "peer", p->config->peer, p->config->n_peers);
	CHECK_UNIQUE(p, "grant", p->config->grant, p->config->n_grants);
	CHECK_UNIQUE(p, "agent", p->config->agent, p->config->n_agents);
	CHECK_UNIQUE(p, "sensor", p->config->sensor, p->config->n_sensors);
}

/* ---- sets ------------------------------------------------------------------------------------- */

static void unknown_kind(struct parse *p, const struct policy_set *s)
{
	static const char *const more[] = { "prefix", "agent", "flow", NULL };
	const struct lex_place *place = parse_place_of(p, s->kind_name, &s->place);
	const char *near = nearest_word(s->kind_name, schema_kind_names(p->env->schema));

	if (!near)
		near = nearest_word(s->kind_name, more);
	if (near)
		(void) parse_error(p, place, "there is no kind '%s'; did you mean '%s'?",
				   s->kind_name, near);
	else
		(void) parse_error(p, place, "there is no kind '%s'", s->kind_name);
}

static void unknown_agent(struct parse *p, const struct policy_set *s, const char *name)
{
	(void) parse_error(p, parse_place_of(p, name, &s->place),
			   "there is no agent '%s'; write agent %s { ... }", name, name);
}

/* Inside "KIND where": bare words are attributes, which expr_check() knows only inside count().
 * So the expression is checked as the "where" of a count over the kind. */
static void check_where(struct parse *p, struct scope *scope, struct policy_set *s)
{
	struct expr count = { .op = EXPR_COUNT,
			      .fn = EXPR_FN_ANY,
			      .place = s->where->place,
			      .kind_name = s->kind_name,
			      .b = s->where };

	(void) p;
	(void) scope_check(scope, &count, NULL, false);
}

static void check_set(struct parse *p, struct scope *scope, struct policy_set *s)
{
	if (s->kind == SET_OTHER || s->kind == SET_LINK) {
		if (!schema_kind_id(p->env->schema, s->kind_name)) {
			unknown_kind(p, s);
			return;
		}
	}
	if (s->where)
		check_where(p, scope, s);
	for (unsigned i = 0; s->kind == SET_AGENT && i < s->n_names; i++) {
		if (!find_agent(p, s->member[i]))
			unknown_agent(p, s, s->member[i]);
	}
}

/* ---- all --------------------------------------------------------------------------------------- */

static void check_all(struct parse *p, struct scope *scope)
{
	struct policy *policy = p->config->policy;

	for (unsigned i = 0; i < policy->n_sets; i++) {
		if (!parse_is_broken(p, &policy->set[i].place))
			check_set(p, scope, &policy->set[i]);
	}
	for (unsigned i = 0; i < policy->n_invariants; i++) {
		struct policy_invariant *inv = &policy->invariant[i];

		if (parse_is_broken(p, &inv->place))
			continue;
		for (unsigned k = 0; k < inv->n_requires; k++)
			policy_check_require(p, scope, &inv->require[k]);
		check_people(p, &inv->place, inv->name, inv->override_by, inv->override_group,
			     inv->n_override_groups);
	}
	for (unsigned i = 0; i < policy->n_rules; i++) {
		if (!parse_is_broken(p, &policy->rule[i].place))
			policy_check_rule(p, scope, &policy->rule[i]);
	}
	policy_check_brake(p);
	for (unsigned i = 0; i < policy->n_objectives; i++)
		policy_check_objective(p, scope, &policy->objective[i]);
	for (unsigned i = 0; i < p->config->n_grants; i++)
		config_check_grant(p, scope, &p->config->grant[i]);
	for (unsigned i = 0; i < p->n_reflexes; i++) {
		policy_check_rule(p, scope, &p->reflex[i]);
		parse_warning(p, &p->reflex[i].place,
			      "reflex \"%s\" is not evaluated in this version: nothing is armed",
			      p->reflex[i].name);
	}
}

void policy_check(struct parse *p)
{
	struct scope scope;

	check_names(p);
	if (scope_init(&scope, p) < 0)
		(void) parse_no_memory(p);
	else
		check_all(p, &scope);
	scope_done(&scope);
}
