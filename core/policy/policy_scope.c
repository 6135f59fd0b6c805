/*
 * policy_scope - what names mean in the expressions of a policy.
 *
 * Design.  Sets are the policy's; operands are the arguments of actions and the few names that
 * schema.h lists.  Inside a rule that names its actions only their arguments exist: a guard on
 * "action.mtu" in a permit for route.del would be unknown for ever, which is an error here.
 */
#include "policy/parse.h"

static const struct {
	const char *name;
	uint8_t type, unit;
} operands[] = {
	{ "action.kind", ANOD_TEXT, ANOD_UNIT_NONE },
	{ "action.step", ANOD_REAL, ANOD_UNIT_RATIO },
	{ "model.confidence", ANOD_REAL, ANOD_UNIT_RATIO },
	{ "evidence.count", ANOD_INT, ANOD_UNIT_NONE },
	{ "resource", ANOD_TEXT, ANOD_UNIT_NONE },
	{ "capacity", ANOD_INT, ANOD_UNIT_BPS },
};

const struct anod_action_desc *find_action(const struct parse *p, const char *kind)
{
	for (unsigned i = 0; p->env->actions[i]; i++) {
		if (strcmp(p->env->actions[i]->kind, kind) == 0)
			return p->env->actions[i];
	}
	return NULL;
}

bool action_matches(const char *pattern, const char *kind)
{
	size_t n = strlen(pattern);

	if (n >= 2 && strcmp(pattern + n - 2, ".*") == 0)
		return strncmp(pattern, kind, n - 1) == 0;
	return strcmp(pattern, kind) == 0;
}

static bool rule_names(const struct policy_rule *r, const char *kind)
{
	if (!r || r->n_actions == 0)
		return true;
	for (unsigned i = 0; i < r->n_actions; i++) {
		if (action_matches(r->action[i], kind))
			return true;
	}
	return false;
}

static const struct anod_param *find_param(const struct scope *s, const char *name)
{
	const struct anod_action_desc *const *actions = s->parse->env->actions;

	for (unsigned i = 0; actions[i]; i++) {
		if (!rule_names(s->rule, actions[i]->kind))
			continue;
		for (const struct anod_param *a = actions[i]->params; a && a->name; a++) {
			if (strcmp(a->name, name) == 0)
				return a;
		}
	}
	return NULL;
}

static bool scope_operand(const struct expr_scope *es, const char *name, uint8_t *ret_type,
			  uint8_t *ret_unit)
{
	const struct scope *s = es->data;
	const struct anod_param *param;

	for (unsigned i = 0; i < ARRAY_SIZE(operands); i++) {
		if (strcmp(operands[i].name, name) == 0) {
			*ret_type = operands[i].type;
			*ret_unit = operands[i].unit;
			return true;
		}
	}
	param = strncmp(name, "action.", 7) == 0 ? find_param(s, name + 7) : NULL;
	if (!param)
		return false;
	*ret_type = param->type;
	*ret_unit = param->unit;
	return true;
}

static const char *scope_set_kind(const struct expr_scope *es, const char *set)
{
	const struct scope *s = es->data;
	const struct policy_set *found = policy_find_set(s->parse->config->policy, set);

	if (!found)
		return NULL;
	return parse_is_broken(s->parse, &found->place) ? "" : found->kind_name;
}

static int add_name(struct scope *s, const char *name)
{
	const char **grown = ARRAY_APPEND(s->names, s->n_names);

	if (!grown)
		return -ENOMEM;
	*grown = name;
	return 0;
}

static int add_param(struct scope *s, const char *param)
{
	char **slot = ARRAY_APPEND(s->owned, s->n_owned);

	if (!slot || asprintf(slot, "action.%s", param) < 0) {
		if (slot)
			*slot = NULL;
		return -ENOMEM;
	}
	for (unsigned i = 0; i < s->n_names; i++) {
		if (strcmp(s->names[i], *slot) == 0)
			return 0;
	}
	return add_name(s, *slot);
}

int scope_init(struct scope *s, const struct parse *p)
{
	const struct policy *policy = p->config->policy;
	int r = 0;

	*s = (struct scope){ .parse = p,
			     .expr = { .schema = p->env->schema,
				       .set_kind = scope_set_kind,
				       .operand = scope_operand } };
	for (unsigned i = 0; r == 0 && i < ARRAY_SIZE(operands); i++)
		r = add_name(s, operands[i].name);
	for (unsigned i = 0; r == 0 && p->env->actions[i]; i++) {
		const struct anod_param *a = p->env->actions[i]->params;

		for (; r == 0 && a && a->name; a++)
			r = add_param(s, a->name);
	}
	for (unsigned i = 0; r == 0 && i < policy->n_sets; i++)
		r = add_name(s, policy->set[i].name);
	if (r == 0)
		r = add_name(s, NULL);
	s->expr.data = s;
	s->expr.names = s->names;
	return r;
}

void scope_done(struct scope *s)
{
	for (unsigned i = 0; i < s->n_owned; i++)
		free(s->owned[i]);
	free(s->owned);
	free(s->names);
}

int scope_check(struct scope *s, struct expr *e, const struct policy_rule *rule, bool before)
{
	s->rule = rule;
	s->expr.before_allowed = before;
	return expr_check(e, &s->expr, true, s->parse->diags);
}

void check_subjectless(struct parse *p, const struct expr *e, struct subjectless *c)
{
	if (!e || c->failed)
		return;
	if (e->op == EXPR_OPERAND) {
		c->failed = true;
		(void) parse_error(p, &e->place, "'%s' means nothing in %s: %s", e->name, c->noun,
				   c->why);
	} else if (e->op == EXPR_FACT && !e->entity) {
		c->failed = true;
		(void) parse_error(
			p, &e->place,
			"%s is about no particular %s: write %s.NAME.%s, or count(%s where ...)",
			c->noun, e->kind_name, e->kind_name, e->attr, e->kind_name);
	}
	c->n_facts += e->op == EXPR_FACT || e->op == EXPR_COUNT;
	if (e->op == EXPR_COUNT)
		return; /* its facts are of the one counted */
	if (e->op == EXPR_CALL && strncmp(e->name, "path.", 5) == 0) {
		c->n_facts++;
		return;
	}
	check_subjectless(p, e->a, c);
	check_subjectless(p, e->b, c);
}
