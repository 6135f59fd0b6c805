/*
 * guard_box_on - what a rule is on and when it may be, as regions.
 *
 * Design.  Follows match.c.  The link that an action is on is a variable "on link": one of the names
 * that are written, another one, none at all (the empty word: then an "on" is false, also a negated
 * one) or not known (then it is in doubt).  Times are numbers: seconds of the day and of the
 * calendar, in each zone that a window names.
 */
#include <errno.h>
#include <string.h>

#include "facts/value.h"
#include "policy/guard_box_priv.h"

#define NO_LINK	   "" /* word of the "on" variables: the action is on none */
#define DAY_LAST_S 86399

uint64_t *guard_box(const struct space *s)
{
	uint64_t *b = calloc(s->n_words + 1, sizeof(*b));

	if (b)
		memcpy(b, s->all, s->n_words * sizeof(*b));
	return b;
}

void guard_keep(const struct space *s, uint64_t *b, const struct var *v, guard_keep_fn *fn,
		const void *data)
{
	for (unsigned p = 0; p < v->n_pieces; p++)
		if (box_has(v, s->all, p) && !fn(v, p, data))
			b[v->at + p / 64] &= ~(UINT64_C(1) << (p % 64));
}

int guard_add(const struct space *s, const struct var *v, guard_keep_fn *fn, const void *data,
	      struct region *ret)
{
	_cleanup_(freep) uint64_t *b = guard_box(s);

	if (!b)
		return -ENOMEM;
	guard_keep(s, b, v, fn, data);
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

bool guard_is_named(const struct var *v, unsigned piece, const void *data)
{
	return piece != PIECE_UNKNOWN && !is_none(v, piece, data);
}

static enum where negate(enum where w)
{
	static const enum where of[] = { WHERE_FALSE, WHERE_TRUE, WHERE_NOT_FALSE, WHERE_NOT_TRUE };

	return of[w];
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

int guard_note_on(struct space *s, const struct policy_on *on)
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

	if (!guard_is_named(v, piece, NULL))
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
	_cleanup_(region_done) struct region where = { 0 }, named = { 0 };
	struct members m = *list;
	int r;

	m.in = guard_wants_true(w);
	if (!m.set || !m.set->where)
		return guard_add(s, v, is_member, &m, ret);
	r = dnf_region(s, m.set->where, w, &where);
	if (r == 0)
		r = guard_add(s, v, guard_is_named, NULL, &named);
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
		if (r == 0 && !guard_wants_true(w))
			r = guard_add(s, v, is_unknown, NULL, ret);
		return r;
	}
	if (r == 0 && guard_takes_doubt(w))
		r = guard_add(s, v, is_unknown, NULL, ret);
	if (r == 0 && !guard_wants_true(w))
		r = guard_add(s, v, is_none, NULL, ret);
	return r;
}

int guard_ask_on(const struct space *s, const struct policy_rule *rule, enum where w,
		 struct region *ret)
{
	_cleanup_(region_done) struct region all = { 0 };
	int r = 0;

	if (guard_wants_true(w)) {
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

int guard_note_window(struct space *s, const char *name)
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

int guard_ask_window(const struct space *s, const char *name, enum where w, struct region *ret)
{
	struct in_window q = { .w = policy_find_window(s->config->policy, name),
			       .in = guard_wants_true(w) };
	char key[2 * ANOD_NAME_SIZE];
	const struct var *v;

	if (!q.w)
		return -E2BIG;
	window_key(q.w, key, sizeof(key));
	v = space_find(s, key);
	return v ? guard_add(s, v, is_within, &q, ret) : -E2BIG;
}
