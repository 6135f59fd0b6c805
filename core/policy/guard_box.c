/*
 * guard_box - a whole rule as a region: agent, action, on, when, during.
 *
 * Design.  Follows match.c part by part.  The link that an action is on is a variable "on link": one
 * of the names that are written, another one, none at all (the empty word: then an "on" is
 * false, also a negated one) or not known (then it is in doubt).  Times are numbers: seconds of
 * the day and of the calendar, in each zone that a window names.
 */
#include <errno.h>
#include <string.h>

#include "facts/value.h"
#include "policy/dnf.h"

#define NO_LINK	   "" /* word of the "on" variables: the action is on none */
#define DAY_LAST_S 86399

static bool wants_true(enum where w)
{
	return w == WHERE_TRUE || w == WHERE_NOT_FALSE;
}

static bool takes_doubt(enum where w)
{
	return w == WHERE_NOT_TRUE || w == WHERE_NOT_FALSE;
}

static enum where negate(enum where w)
{
	static const enum where of[] = { WHERE_FALSE, WHERE_TRUE, WHERE_NOT_FALSE, WHERE_NOT_TRUE };

	return of[w];
}

/* ---- boxes of one variable ------------------------------------------------------------------ */

static uint64_t *full_box(const struct space *s)
{
	uint64_t *b = calloc(s->n_words + 1, sizeof(*b));

	if (b)
		memcpy(b, s->all, s->n_words * sizeof(*b));
	return b;
}

typedef bool keep_fn(const struct var *v, unsigned piece, const void *data);

static void keep(const struct space *s, uint64_t *b, const struct var *v, keep_fn *fn,
		 const void *data)
{
	for (unsigned p = 0; p < v->n_pieces; p++)
		if (box_has(v, s->all, p) && !fn(v, p, data))
			b[v->at + p / 64] &= ~(UINT64_C(1) << (p % 64));
}

static int add_kept(const struct space *s, const struct var *v, keep_fn *fn, const void *data,
		    struct region *ret)
{
	_cleanup_(freep) uint64_t *b = full_box(s);

	if (!b)
		return -ENOMEM;
	keep(s, b, v, fn, data);
	return region_add(s, ret, b);
}

static bool is_unknown(const struct var *v, unsigned piece, const void *data)
{
	(void) v;
	(void) data;
	return piece == PIECE_UNKNOWN;
}

static bool is_none(const struct var *v, unsigned piece, const void *data)
{
	(void) data;
	return piece_is_word(v, piece, NO_LINK);
}

static bool is_named(const struct var *v, unsigned piece, const void *data)
{
	return piece != PIECE_UNKNOWN && !is_none(v, piece, data);
}

/* ---- on ------------------------------------------------------------------------------------- */

static const char *on_kind(const struct policy_on *on, const struct policy_set *set)
{
	if (on->kind)
		return on->kind;
	return set && set->kind_name ? set->kind_name : "link";
}

static bool on_prefixes(const char *kind)
{
	return strcmp(kind, "prefix") == 0 || strcmp(kind, "flow") == 0;
}

static void on_key(const char *kind, char *buf, size_t size)
{
	if (on_prefixes(kind))
		(void) copy_text(buf, size, "action.dst");
	else if (strcmp(kind, "neigh") == 0 || strcmp(kind, "nexthop") == 0)
		(void) snprintf(buf, size, "on %s", kind);
	else
		(void) copy_text(buf, size, "on link");
}

static int note_on(struct space *s, const struct policy_on *on)
{
	const struct policy_set *set = on->set ? policy_find_set(s->config->policy, on->set) : NULL;
	const char *kind = on_kind(on, set);
	bool prefixes = on_prefixes(kind);
	char key[ANOD_NAME_SIZE];
	struct var *v;
	int r;

	on_key(kind, key, sizeof(key));
	r = space_var(s, key, prefixes ? VAR_PREFIX : VAR_WORD, &v);
	if (r == 0 && !prefixes)
		r = var_note_word(v, NO_LINK);
	for (unsigned i = 0; r == 0 && i < on->n_names; i++)
		r = var_note_word(v, on->name[i]);
	for (unsigned i = 0; r == 0 && prefixes && i < on->n_prefixes; i++)
		r = var_note_prefix(v, &on->prefix[i]);
	for (unsigned i = 0; r == 0 && set && i < set->n_names; i++)
		r = var_note_word(v, set->member[i]);
	for (unsigned i = 0; r == 0 && prefixes && set && i < set->n_prefixes; i++)
		r = var_note_prefix(v, &set->prefix[i]);
	for (unsigned i = 0; r == 0 && prefixes && set && i < set->n_flows; i++)
		r = var_note_prefix(v, &set->flow[i].dst);
	if (r == 0 && set && set->where)
		r = dnf_note(s, set->where);
	return r;
}

struct members {
	const struct policy_on *on;
	const struct policy_set *set;
	bool in; /* or those that are not */
};

static bool has_word(const struct var *v, unsigned piece, char *const *word, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (piece_is_word(v, piece, word[i]))
			return true;
	return false;
}

static bool has_prefix(const struct anod_prefix *p, const struct members *m)
{
	for (unsigned i = 0; i < m->on->n_prefixes; i++)
		if (prefix_contains(&m->on->prefix[i], p))
			return true;
	for (unsigned i = 0; m->set && i < m->set->n_prefixes; i++)
		if (prefix_contains(&m->set->prefix[i], p))
			return true;
	for (unsigned i = 0; m->set && i < m->set->n_flows; i++)
		if (prefix_contains(&m->set->flow[i].dst, p))
			return true;
	return false;
}

static bool is_member(const struct var *v, unsigned piece, const void *data)
{
	const struct members *m = data;
	bool in;

	if (!is_named(v, piece, NULL))
		return false;
	if (v->type == VAR_PREFIX)
		in = has_prefix(piece_prefix(v, piece), m);
	else
		in = has_word(v, piece, m->on->name, m->on->n_names) ||
		     (m->set && has_word(v, piece, m->set->member, m->set->n_names));
	return in == m->in;
}

/* Where it is one by the list; or by the condition of the set. */
static int ask_members(const struct space *s, const struct var *v, const struct members *list,
		       enum where w, struct region *ret)
{
	_cleanup_(region_done) struct region where = { 0 }, named = { 0 }, listed = { 0 };
	struct members m = *list;
	int r;

	m.in = wants_true(w);
	if (!m.set || !m.set->where)
		return add_kept(s, v, is_member, &m, ret);
	r = dnf_region(s, m.set->where, w, &where);
	if (r == 0)
		r = add_kept(s, v, is_named, NULL, &named);
	return r < 0 ? r : region_meet(s, &named, &where, ret);
}

static int ask_on(const struct space *s, const struct policy_on *on, enum where w,
		  struct region *ret)
{
	struct members m = { .on = on };
	char key[ANOD_NAME_SIZE];
	const struct var *v;
	const char *kind;
	int r;

	m.set = on->set ? policy_find_set(s->config->policy, on->set) : NULL;
	kind = on_kind(on, m.set);
	on_key(kind, key, sizeof(key));
	v = space_find(s, key);
	if (!v)
		return -E2BIG;

	r = ask_members(s, v, &m, on->negated ? negate(w) : w, ret);
	if (v->type == VAR_PREFIX) {
		/* An action without a destination is on no prefix, and that is known. */
		if (r == 0 && !wants_true(w))
			r = add_kept(s, v, is_unknown, NULL, ret);
		return r;
	}
	if (r == 0 && takes_doubt(w))
		r = add_kept(s, v, is_unknown, NULL, ret);
	if (r == 0 && !wants_true(w))
		r = add_kept(s, v, is_none, NULL, ret);
	return r;
}

static int ask_ons(const struct space *s, const struct policy_rule *rule, enum where w,
		   struct region *ret)
{
	_cleanup_(region_done) struct region all = { 0 };
	int r = 0;

	if (wants_true(w)) {
		for (unsigned i = 0; r == 0 && i < rule->n_on; i++) {
			_cleanup_(region_done) struct region one = { 0 };

			r = ask_on(s, &rule->on[i], w, &one);
			if (r == 0)
				r = region_join(s, ret, &one);
		}
		return r;
	}
	r = region_all(s, &all);
	for (unsigned i = 0; r == 0 && i < rule->n_on; i++) {
		_cleanup_(region_done) struct region one = { 0 };
		struct region both = { 0 };

		r = ask_on(s, &rule->on[i], w, &one);
		if (r == 0)
			r = region_meet(s, &all, &one, &both);
		region_done(&all);
		all = both;
	}
	return r < 0 ? r : region_join(s, ret, &all);
}

/* ---- during --------------------------------------------------------------------------------- */

static void window_key(const struct policy_window *w, char *buf, size_t size)
{
	(void) snprintf(buf, size, "%s in %s", w->daily ? "time of day" : "date",
			w->zone ? w->zone : "UTC");
}

static int note_window(struct space *s, const char *name)
{
	const struct policy_window *w = policy_find_window(s->config->policy, name);
	char key[2 * ANOD_NAME_SIZE];
	struct var *v;
	int r;

	if (!w)
		return -E2BIG;
	window_key(w, key, sizeof(key));
	r = space_var(s, key, VAR_NUMBER, &v);
	if (r < 0)
		return r;
	v->whole = v->known = true;
	if (w->daily) {
		v->low = 0;
		v->high = DAY_LAST_S;
	}
	r = var_note_number(v, w->daily ? (double) w->from_s : (double) w->from_wall_s);
	return r < 0 ? r : var_note_number(v, w->daily ? (double) w->to_s : (double) w->to_wall_s);
}

struct in_window {
	const struct policy_window *w;
	bool in;
};

static bool is_within(const struct var *v, unsigned piece, const void *data)
{
	const struct in_window *q = data;
	double from = q->w->daily ? q->w->from_s : (double) q->w->from_wall_s;
	double to = q->w->daily ? q->w->to_s : (double) q->w->to_wall_s;
	bool begun = piece_compares(v, piece, VALUE_GE, from);
	bool open = piece_compares(v, piece, VALUE_LT, to), in;

	if (piece == PIECE_UNKNOWN)
		return false;
	if (q->w->daily && q->w->from_s == q->w->to_s)
		in = true;
	else
		in = q->w->daily && q->w->from_s > q->w->to_s ? begun || open : begun && open;
	return in == q->in;
}

static int ask_window(const struct space *s, const char *name, enum where w, struct region *ret)
{
	struct in_window q = { .w = policy_find_window(s->config->policy, name),
			       .in = wants_true(w) };
	char key[2 * ANOD_NAME_SIZE];
	const struct var *v;

	if (!q.w)
		return -E2BIG;
	window_key(q.w, key, sizeof(key));
	v = space_find(s, key);
	return v ? add_kept(s, v, is_within, &q, ret) : -E2BIG;
}

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
	_cleanup_(freep) uint64_t *b = full_box(s);

	if (!b)
		return -ENOMEM;
	for (unsigned i = 0; a && i < s->n_vars; i++) {
		const struct var *v = &s->var[i];
		const struct anod_param *dev = find_param(a, "dev");

		/* A word of "resource against action.dst" is none of its arguments. */
		if (strncmp(v->key, "action.", 7) == 0 && !strpbrk(v->key, " "))
			keep(s, b, v, is_of_kind, a);
		if (strcmp(v->key, "on link") == 0 && dev && dev->required)
			keep(s, b, v, is_named, NULL);
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
		r = note_on(s, &rule->on[i]);
	if (r == 0 && rule->when)
		r = dnf_note(s, rule->when);
	if (r == 0 && rule->during)
		r = note_window(s, rule->during);
	for (unsigned i = 0; r == 0 && i < s->config->n_agents; i++) {
		const char *agent = s->config->agent[i].name;
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

	if (!wants_true(m->w))
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
	return piece == PIECE_UNKNOWN ? takes_doubt(w) : (piece == PIECE_TRUE) == wants_true(w);
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
	r = add_kept(m->s, v, truth_as, &m->w, &one);
	return r < 0 ? r : sum_add(m, &one);
}

int guard_parts(const struct space *s, const struct policy_rule *rule, const char *agent,
		const struct anod_action_desc *a, enum where w, unsigned parts, struct region *ret)
{
	_cleanup_(region_done) struct region on = { 0 }, when = { 0 }, during = { 0 }, kind = { 0 };
	struct sum m = { .s = s, .w = w };
	int r = wants_true(w) ? region_all(s, &m.now) : 0;

	if (r == 0)
		r = sum_agent(&m, rule, agent);
	if (r == 0 && rule->n_on && (parts & GUARD_ON)) {
		r = ask_ons(s, rule, w, &on);
		if (r == 0)
			r = sum_add(&m, &on);
	}
	if (r == 0 && rule->when && (parts & GUARD_WHEN)) {
		r = dnf_region(s, rule->when, w, &when);
		if (r == 0)
			r = sum_add(&m, &when);
	}
	if (r == 0 && rule->during && (parts & GUARD_DURING)) {
		r = ask_window(s, rule->during, w, &during);
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
