/*
 * guard_box - a whole rule as a region: agent, action, on, when, during.
 *
 * Design.  Follows match.c part by part; on and during are in guard_box_on.c.  An action's arguments
 * are those that its kind has: what it has not is unknown, and that is known beforehand.
 */
#include <errno.h>
#include <string.h>

#include "facts/value.h"
#include "policy/guard_box_priv.h"

/* ---- agents and kinds ------------------------------------------------------------------------ */

bool guard_names_kind(const struct policy_rule *r, const char *kind)
{
	for (unsigned i = 0; i < r->n_actions; i++) {
		size_t n = strlen(r->action[i]);

		if (n > 0 && r->action[i][n - 1] == '*' ? strncmp(r->action[i], kind, n - 1) == 0
							: strcmp(r->action[i], kind) == 0)
			return true;
	}
	return r->n_actions == 0;
}

/* By name or by a list: surely; by a condition: perhaps. */
static enum anod_tri names_agent(const struct policy *p, const struct policy_rule *r,
				 const char *agent)
{
	enum anod_tri truth = r->n_agents ? ANOD_FALSE : ANOD_TRUE;

	for (unsigned i = 0; i < r->n_agents; i++) {
		const struct policy_set *set = policy_find_set(p, r->agent[i]);

		if (strcmp(r->agent[i], agent) == 0)
			return ANOD_TRUE;
		for (unsigned k = 0; set && k < set->n_names; k++)
			if (strcmp(set->member[k], agent) == 0)
				return ANOD_TRUE;
		if (set && set->where)
			truth = ANOD_DOUBT;
	}
	return truth;
}

bool guard_names_agent(const struct policy *p, const struct policy_rule *r, const char *agent)
{
	return names_agent(p, r, agent) != ANOD_FALSE;
}

static const struct anod_param *find_param(const struct anod_action_desc *a, const char *name)
{
	for (const struct anod_param *p = a->params; p && p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static bool bounded(const struct anod_param *p)
{
	return p->min || p->max;
}

int guard_note_kind(struct space *s, const struct anod_action_desc *a)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < s->n_vars; i++) {
		struct var *v = &s->var[i];
		const struct anod_param *p =
			strncmp(v->key, "action.", 7) == 0 ? find_param(a, v->key + 7) : NULL;

		if (strcmp(v->key, "action.kind") == 0 && v->type == VAR_WORD)
			r = var_note_word(v, a->kind);
		for (unsigned k = 0; p && p->words && p->words[k] && v->type == VAR_WORD && r == 0;
		     k++)
			r = var_note_word(v, p->words[k]);
		if (r == 0 && p && bounded(p) && v->type == VAR_NUMBER)
			r = var_note_number(v, (double) p->min);
		if (r == 0 && p && bounded(p) && v->type == VAR_NUMBER)
			r = var_note_number(v, (double) p->max);
	}
	return r;
}

static bool is_of_kind(const struct var *v, unsigned piece, const void *data)
{
	const struct anod_action_desc *a = data;
	const struct anod_param *p;

	if (strcmp(v->key, "action.kind") == 0)
		return v->type != VAR_WORD || piece_is_word(v, piece, a->kind);
	if (strcmp(v->key, "action.step") == 0)
		return piece == PIECE_UNKNOWN || strcmp(a->kind, "route.metric") == 0 ||
		       strcmp(a->kind, "nexthop.weight") == 0;
	p = find_param(a, v->key + 7);
	if (!p || piece == PIECE_UNKNOWN)
		return piece == PIECE_UNKNOWN && (!p || !p->required);
	if (v->type == VAR_WORD && p->words) {
		for (unsigned i = 0; p->words[i]; i++)
			if (piece_is_word(v, piece, p->words[i]))
				return true;
		return false;
	}
	if (v->type == VAR_NUMBER && bounded(p))
		return piece_compares(v, piece, VALUE_GE, (double) p->min) &&
		       piece_compares(v, piece, VALUE_LE, (double) p->max);
	return true;
}

static int ask_kind(const struct space *s, const struct anod_action_desc *a, struct region *ret)
{
	_cleanup_(freep) uint64_t *b = guard_box(s);

	if (!b)
		return -ENOMEM;
	for (unsigned i = 0; a && i < s->n_vars; i++) {
		const struct var *v = &s->var[i];
		const struct anod_param *dev = find_param(a, "dev");

		/* A word of "resource against action.dst" is none of its arguments. */
		if (strncmp(v->key, "action.", 7) == 0 && !strpbrk(v->key, " "))
			guard_keep(s, b, v, is_of_kind, a);
		if (strcmp(v->key, "on link") == 0 && dev && dev->required)
			guard_keep(s, b, v, guard_is_named, NULL);
	}
	return region_add(s, ret, b);
}

/* ---- the rule -------------------------------------------------------------------------------- */

static void agent_key(const struct policy_rule *r, const char *agent, char *buf, size_t size)
{
	(void) snprintf(buf, size, "agent %.60s in %.60s", agent, r->agent[0]);
}

int guard_note(struct space *s, const struct policy_rule *rule)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < rule->n_on; i++)
		r = guard_note_on(s, &rule->on[i]);
	if (r == 0 && rule->when)
		r = dnf_note(s, rule->when);
	if (r == 0 && rule->during)
		r = guard_note_window(s, rule->during);
	for (unsigned i = 0; r == 0 && config_proposer(s->config, i); i++) {
		const char *agent = config_proposer(s->config, i);
		char key[2 * ANOD_NAME_SIZE + 16];
		struct var *v;

		if (names_agent(s->config->policy, rule, agent) != ANOD_DOUBT)
			continue;
		agent_key(rule, agent, key, sizeof(key));
		r = space_var(s, key, VAR_TRUTH, &v);
	}
	return r;
}

struct sum { /* of the parts */
	const struct space *s;
	enum where w;
	struct region now;
};

static int sum_add(struct sum *m, const struct region *part)
{
	struct region both = { 0 };
	int r;

	if (!guard_wants_true(m->w))
		return region_join(m->s, &m->now, part);
	r = region_meet(m->s, &m->now, part, &both);
	region_done(&m->now);
	m->now = both;
	return r;
}

static bool truth_as(const struct var *v, unsigned piece, const void *data)
{
	enum where w = *(const enum where *) data;

	(void) v;
	return piece == PIECE_UNKNOWN ? guard_takes_doubt(w)
				      : (piece == PIECE_TRUE) == guard_wants_true(w);
}

/* The agent, where only the condition of a set decides. */
static int sum_agent(struct sum *m, const struct policy_rule *rule, const char *agent)
{
	_cleanup_(region_done) struct region one = { 0 };
	char key[2 * ANOD_NAME_SIZE + 16];
	const struct var *v;
	int r;

	if (!agent || names_agent(m->s->config->policy, rule, agent) != ANOD_DOUBT)
		return 0;
	agent_key(rule, agent, key, sizeof(key));
	v = space_find(m->s, key);
	if (!v)
		return -E2BIG;
	r = guard_add(m->s, v, truth_as, &m->w, &one);
	return r < 0 ? r : sum_add(m, &one);
}

int guard_parts(const struct space *s, const struct policy_rule *rule, const char *agent,
		const struct anod_action_desc *a, enum where w, unsigned parts, struct region *ret)
{
	_cleanup_(region_done) struct region on = { 0 }, when = { 0 }, during = { 0 }, kind = { 0 };
	struct sum m = { .s = s, .w = w };
	int r = guard_wants_true(w) ? region_all(s, &m.now) : 0;

	if (r == 0)
		r = sum_agent(&m, rule, agent);
	if (r == 0 && rule->n_on && (parts & GUARD_ON)) {
		r = guard_ask_on(s, rule, w, &on);
		if (r == 0)
			r = sum_add(&m, &on);
	}
	if (r == 0 && rule->when && (parts & GUARD_WHEN)) {
		r = dnf_region(s, rule->when, w, &when);
		if (r == 0)
			r = sum_add(&m, &when);
	}
	if (r == 0 && rule->during && (parts & GUARD_DURING)) {
		r = guard_ask_window(s, rule->during, w, &during);
		if (r == 0)
			r = sum_add(&m, &during);
	}
	if (r == 0)
		r = ask_kind(s, a, &kind);
	if (r == 0)
		r = region_meet(s, &m.now, &kind, ret);
	region_done(&m.now);
	return r;
}

int guard_region(const struct space *s, const struct policy_rule *r, const char *agent,
		 const struct anod_action_desc *a, enum where w, struct region *ret)
{
	return guard_parts(s, r, agent, a, w, GUARD_ALL, ret);
}
