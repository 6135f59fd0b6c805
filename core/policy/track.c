/*
 * track - what was done before, and what follows from it.
 *
 * Design.  One array in the order in which changes began.  Three chains through it, by hashes,
 * lead from the newest entry backwards: those of one (permit, agent, class), those of one
 * resource, and those that change the same thing.  So a question costs the entries that it is
 * about, not all.  Whether a change turned round the one before it is found once, when it is
 * applied.
 *
 * When the array is full an eighth of it goes at once, so that the chains are made anew rarely:
 * the oldest successes, and only when there are none, the oldest failures.  What goes is
 * forgotten: "formerly" and "reversals" do not know the time before it, and once failures go,
 * promotions do not either.
 */
#include "policy/track.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define BUCKETS 1024 /* of each chain; a power of two */
#define NOBODY	UINT32_MAX

enum chain { CHAIN_GROUP, CHAIN_RESOURCE, CHAIN_KEY, CHAINS };

struct item {
	struct track_entry e;
	uint32_t hash[CHAINS];
	uint32_t older[CHAINS]; /* the one before in the bucket; NOBODY: none */
	bool turned;		/* it turned round a change that was made at: */
	int64_t turned_us;
};

struct track {
	struct item *item;
	uint32_t n, max;
	int64_t lost_us;    /* nothing is known of the time before */
	int64_t dropped_us; /* successes of the time before may be forgotten */
	uint32_t newest[CHAINS][BUCKETS];
};

const char *outcome_name(enum outcome o)
{
	switch (o) {
	case OUTCOME_OPEN:
		return "open";
	case OUTCOME_VERIFIED:
		return "verified";
	case OUTCOME_ROLLED_BACK:
		return "rolled back";
	case OUTCOME_SUPERSEDED:
		return "superseded";
	case OUTCOME_STUCK:
		return "stuck";
	}
	return "";
}

struct track *track_new(void)
{
	struct track *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->lost_us = t->dropped_us = TRACK_EVER;
	memset(t->newest, 0xff, sizeof(t->newest));
	return t;
}

struct track *track_free(struct track *t)
{
	if (t)
		free(t->item);
	free(t);
	return NULL;
}

unsigned track_count(const struct track *t)
{
	return t->n;
}

const struct track_entry *track_nth(const struct track *t, unsigned n)
{
	return n < t->n ? &t->item[n].e : NULL;
}

const struct track_entry *track_find(const struct track *t, uint64_t tx)
{
	for (uint32_t i = t->n; i-- > 0;)
		if (t->item[i].e.tx == tx && t->item[i].e.nth == 0)
			return &t->item[i].e;
	return NULL;
}

int64_t track_known_since(const struct track *t)
{
	return t->lost_us;
}

void track_forget(struct track *t, int64_t before_us)
{
	t->lost_us = MAX_OF(t->lost_us, before_us);
}

/* ---- chains ------------------------------------------------------------------------------- */

static uint32_t hash_more(uint32_t hash, const char *text)
{
	return crc32c(hash, text, strlen(text) + 1);
}

static uint32_t group_hash(const char *permit, const char *agent, const char *role)
{
	return hash_more(hash_more(hash_more(0, permit), agent), role);
}

static void hash_item(struct item *x)
{
	x->hash[CHAIN_GROUP] = group_hash(x->e.permit, x->e.agent, x->e.role);
	x->hash[CHAIN_RESOURCE] = hash_more(0, x->e.resource);
	x->hash[CHAIN_KEY] = x->e.turn.key;
}

static void link_item(struct track *t, uint32_t at)
{
	struct item *x = &t->item[at];

	for (unsigned c = 0; c < CHAINS; c++) {
		uint32_t *newest = &t->newest[c][x->hash[c] % BUCKETS];

		x->older[c] = *newest;
		*newest = at;
	}
}

static void link_all(struct track *t)
{
	memset(t->newest, 0xff, sizeof(t->newest));
	for (uint32_t i = 0; i < t->n; i++)
		link_item(t, i);
}

/* The newest entry of a chain with this hash, or the next older one than 'x'. */
static const struct item *chain_first(const struct track *t, enum chain c, uint32_t hash)
{
	uint32_t i = t->newest[c][hash % BUCKETS];

	while (i != NOBODY && t->item[i].hash[c] != hash)
		i = t->item[i].older[c];
	return i == NOBODY ? NULL : &t->item[i];
}

static const struct item *chain_next(const struct track *t, enum chain c, const struct item *x)
{
	uint32_t i = x->older[c];

	while (i != NOBODY && t->item[i].hash[c] != x->hash[c])
		i = t->item[i].older[c];
	return i == NOBODY ? NULL : &t->item[i];
}

/* ---- turns -------------------------------------------------------------------------------- */

/* The last thing that an applied change did: itself, or its undo. */
static struct track_turn last_turn(const struct track_entry *e, int64_t *ret_us)
{
	const struct track_turn *m = &e->turn;

	*ret_us = e->undone ? e->undone_us : e->applied_us;
	if (!e->undone)
		return *m;
	return (struct track_turn){ .key = m->key, .way = -m->way, .from = m->to, .to = m->from };
}

/* Did 'at' turn round what was done to the same thing before? */
static void find_turn(struct track *t, uint32_t at)
{
	struct item *x = &t->item[at];
	bool first = true;

	x->turned = false;
	if (!x->e.turn.key || !x->e.applied)
		return;

	for (const struct item *o = chain_next(t, CHAIN_KEY, x); o;
	     o = chain_next(t, CHAIN_KEY, o)) {
		struct track_turn before;

		if (!o->e.applied || o->e.tx == x->e.tx)
			continue;
		before = last_turn(&o->e, &x->turned_us);
		if ((first && x->e.turn.to == before.from && x->e.turn.from != x->e.turn.to) ||
		    (x->e.turn.way && x->e.turn.way == -before.way)) {
			x->turned = true;
			return;
		}
		first = false;
		if (before.way || !x->e.turn.way)
			return; /* the last one that had a way is what counts */
	}
}

/* ---- adding ------------------------------------------------------------------------------- */

static bool is_failure(enum outcome o)
{
	return o == OUTCOME_ROLLED_BACK || o == OUTCOME_STUCK;
}

static int64_t last_us(const struct track_entry *e)
{
	int64_t at_us = e->at_us;

	if (e->applied)
		at_us = MAX_OF(at_us, e->applied_us);
	return e->undone ? MAX_OF(at_us, e->undone_us) : at_us;
}

/* Forget the oldest of 'failures' or of the others, up to 'n'; returns how many went. */
static uint32_t drop_oldest(struct track *t, bool failures, uint32_t n)
{
	uint32_t kept = 0, gone = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		const struct track_entry *e = &t->item[i].e;
		bool go = gone < n && e->outcome != OUTCOME_OPEN &&
			  is_failure(e->outcome) == failures;

		if (!go) {
			t->item[kept++] = t->item[i];
			continue;
		}
		gone++;
		t->dropped_us = MAX_OF(t->dropped_us, last_us(e) + 1);
		if (failures)
			t->lost_us = MAX_OF(t->lost_us, last_us(e) + 1);
	}
	t->n = kept;
	return gone;
}

static void make_room(struct track *t, unsigned n)
{
	uint32_t want = MAX_OF(n, TRACK_MAX / 8u), gone;

	if (t->n + n <= TRACK_MAX)
		return;

	gone = drop_oldest(t, false, want);
	if (gone < want)
		(void) drop_oldest(t, true, want - gone);
	link_all(t);
}

static int grow(struct track *t, unsigned n)
{
	uint32_t max = t->max ? t->max : 16;
	struct item *item;

	while (max < t->n + n)
		max *= 2;
	if (max == t->max)
		return 0;

	item = realloc(t->item, max * sizeof(*item));
	if (!item)
		return -ENOMEM;
	t->item = item;
	t->max = max;
	return 0;
}

/* Two transactions of one number would be taken for one. */
static void renumber(struct track *t, uint64_t tx)
{
	uint64_t old = TRACK_OLD_TX;
	bool found = false;

	for (uint32_t i = 0; i < t->n; i++) {
		found |= t->item[i].e.tx == tx;
		old = MAX_OF(old, t->item[i].e.tx + 1);
	}
	for (uint32_t i = 0; i < t->n && found; i++)
		if (t->item[i].e.tx == tx)
			t->item[i].e.tx = old;
}

int track_add(struct track *t, const struct track_entry *e, unsigned n)
{
	int r;

	if (n == 0 || n > TRACK_TX_MAX)
		return -EINVAL;
	if (e->outcome == OUTCOME_OPEN)
		renumber(t, e->tx);
	make_room(t, n);
	if (t->n + n > TRACK_MAX)
		return -ENOSPC; /* all of it is open */
	r = grow(t, n);
	if (r < 0)
		return r;

	for (unsigned i = 0; i < n; i++) {
		struct item *x = &t->item[t->n];

		*x = (struct item){ .e = e[i] };
		hash_item(x);
		link_item(t, t->n);
		find_turn(t, t->n);
		t->n++;
	}
	return 0;
}

/* ---- what became of it -------------------------------------------------------------------- */

unsigned track_applied(struct track *t, uint64_t tx, int64_t now_us)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		struct item *x = &t->item[i];

		if (x->e.tx != tx || x->e.applied)
			continue;
		x->e.applied = true;
		x->e.applied_us = now_us;
		find_turn(t, i);
		n++;
	}
	return n;
}

unsigned track_undone(struct track *t, uint64_t tx, int64_t now_us)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		struct track_entry *e = &t->item[i].e;

		if (e->tx != tx || !e->applied || e->undone)
			continue;
		e->undone = true;
		e->undone_us = now_us;
		n++;
	}
	return n;
}

unsigned track_end(struct track *t, uint64_t tx, enum outcome o, int64_t now_us)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		struct track_entry *e = &t->item[i].e;

		if (e->tx != tx)
			continue;
		e->outcome = o;
		e->at_us = now_us;
		n++;
	}
	return n;
}

unsigned track_doubt(struct track *t, uint64_t tx)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		struct track_entry *e = &t->item[i].e;

		if (e->tx != tx)
			continue;
		e->vague = true;
		if (!e->applied)
			e->applied_us = e->at_us;
		e->applied = true;
		n++;
	}
	return n;
}

unsigned track_drop(struct track *t, uint64_t tx)
{
	uint32_t kept = 0, n = t->n;

	for (uint32_t i = 0; i < t->n; i++)
		if (t->item[i].e.tx != tx)
			t->item[kept++] = t->item[i];
	if (kept == n)
		return 0;

	t->n = kept;
	link_all(t);
	return n - kept;
}

/* ---- standing ----------------------------------------------------------------------------- */

static bool in_group(const struct item *x, const struct policy_rule *permit, const char *agent,
		     const char *role)
{
	return !x->e.touched && strcmp(x->e.permit, permit->name) == 0 &&
	       strcmp(x->e.agent, agent) == 0 && strcmp(x->e.role, role) == 0;
}

/* When a window that ends now begins; what lies at it is outside. */
static int64_t window_begin(uint64_t window_us, int64_t now_us)
{
	if (!window_us || window_us > (uint64_t) INT64_MAX / 2)
		return TRACK_EVER;
	return now_us - (int64_t) window_us;
}

static void count_failures(const struct track *t, const struct policy_rule *permit,
			   const char *agent, const char *role, int64_t from_us,
			   struct track_standing *ret)
{
	uint32_t hash = group_hash(permit->name, agent, role);
	uint64_t tx = 0;

	for (const struct item *x = chain_first(t, CHAIN_GROUP, hash); x;
	     x = chain_next(t, CHAIN_GROUP, x)) {
		if (!is_failure(x->e.outcome) || !in_group(x, permit, agent, role))
			continue;
		if (!ret->has_failed || x->e.at_us > ret->failed_us)
			ret->failed_us = x->e.at_us;
		ret->has_failed = true;
		/* A transaction of several actions failed once. */
		if (x->e.at_us > from_us && x->e.tx != tx)
			ret->failed++;
		tx = x->e.tx;
	}
}

static unsigned count_verified(const struct track *t, const struct policy_rule *permit,
			       const char *agent, const char *action, const char *role,
			       int64_t from_us)
{
	uint32_t hash = group_hash(permit->name, agent, role);
	unsigned n = 0;
	uint64_t tx = 0;

	for (const struct item *x = chain_first(t, CHAIN_GROUP, hash); x;
	     x = chain_next(t, CHAIN_GROUP, x)) {
		const struct track_entry *e = &x->e;

		if (e->outcome != OUTCOME_VERIFIED || !e->audited || e->at_us <= from_us ||
		    strcmp(e->action, action) != 0 || !in_group(x, permit, agent, role))
			continue;
		/* How long ago is not known: it may be outside. */
		if (e->vague && from_us != TRACK_EVER)
			continue;
		n += e->tx != tx;
		tx = e->tx;
	}
	return n;
}

static void judge_promotion(const struct track *t, const struct policy_rule *permit,
			    const char *agent, const char *action, const char *role, int64_t now_us,
			    struct track_standing *ret)
{
	const struct policy_promote *p = &permit->promote;
	int64_t from_us = window_begin(p->within_us, now_us), since_us = from_us;

	count_failures(t, permit, agent, role, from_us, ret);
	/* "rollbacks == 0 in 30d" is not known before the history is 30 days long. */
	ret->unknown = p->to && p->within_us && t->lost_us > from_us;
	if (ret->has_failed && (!p->within_us || ret->failed > p->max_failures))
		since_us = MAX_OF(since_us, ret->failed_us);
	ret->verified = count_verified(t, permit, agent, action, role, since_us);
	ret->promoted = p->to && !ret->unknown && ret->verified >= p->after &&
			(!p->within_us || ret->failed <= p->max_failures);
}

static void judge_demotion(const struct track *t, const struct policy_rule *permit, int64_t now_us,
			   struct track_standing *ret)
{
	const struct policy_demote *d = &permit->demote;
	uint64_t for_us = d->for_us ? d->for_us : permit->promote.within_us;
	int64_t from_us = window_begin(for_us, now_us);
	int64_t failed_us = ret->has_failed ? ret->failed_us : TRACK_EVER;

	/* A history that was lost may have held a failure. */
	failed_us = MAX_OF(failed_us, t->lost_us);
	if (!d->to_set || failed_us == TRACK_EVER || failed_us <= from_us)
		return;
	if (!d->for_us && ret->promoted)
		return; /* earned back */

	ret->demoted = true;
	ret->unknown |= !ret->has_failed || t->lost_us > ret->failed_us;
	ret->demoted_until_us = for_us ? failed_us + (int64_t) for_us : INT64_MAX;
}

void track_standing(const struct track *t, const struct policy_rule *permit, const char *agent,
		    const char *action, const char *role, uint64_t now_us,
		    struct track_standing *ret)
{
	*ret = (struct track_standing){ .unknown = !t || !role[0] };
	if (ret->unknown) {
		ret->demoted = permit->demote.to_set;
		ret->demoted_until_us = INT64_MAX;
		return;
	}

	judge_promotion(t, permit, agent, action, role, (int64_t) now_us, ret);
	judge_demotion(t, permit, (int64_t) now_us, ret);
}

enum level track_level(const struct policy_rule *permit, const struct track_standing *s)
{
	if (s->demoted)
		return MIN_OF(permit->level, permit->demote.to);
	return s->promoted ? MAX_OF(permit->level, permit->promote.to) : permit->level;
}

/* ---- formerly, reversals ------------------------------------------------------------------- */

static bool kind_matches(const char *pattern, const char *kind)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return strncmp(pattern, kind, n - 1) == 0;
	return strcmp(pattern, kind) == 0;
}

static int64_t known_since(const struct track *t)
{
	return MAX_OF(t->lost_us, t->dropped_us);
}

/* Of one entry: was it such an action, within the window? */
static enum anod_tri was_applied(const struct track_entry *e, const char *action, int64_t from_us)
{
	if (e->touched || !e->applied || e->applied_us <= from_us ||
	    !kind_matches(action, e->action))
		return ANOD_FALSE;
	return e->vague ? ANOD_DOUBT : ANOD_TRUE;
}

enum anod_tri track_formerly(const struct track *t, const char *action, const char *resource,
			     uint64_t within_us, uint64_t now_us)
{
	int64_t from_us = window_begin(within_us, (int64_t) now_us);
	enum anod_tri truth, one;

	if (!t)
		return ANOD_DOUBT;

	truth = known_since(t) > from_us ? ANOD_DOUBT : ANOD_FALSE;
	if (!resource) {
		for (uint32_t i = 0; i < t->n && truth != ANOD_TRUE; i++) {
			one = was_applied(&t->item[i].e, action, from_us);
			truth = MAX_OF(truth, one);
		}
		return truth;
	}
	for (const struct item *x = chain_first(t, CHAIN_RESOURCE, hash_more(0, resource));
	     x && truth != ANOD_TRUE; x = chain_next(t, CHAIN_RESOURCE, x)) {
		if (strcmp(x->e.resource, resource) != 0)
			continue;
		one = was_applied(&x->e, action, from_us);
		truth = MAX_OF(truth, one);
	}
	return truth;
}

static void count_turns(const struct item *x, int64_t from_us, int64_t *low, int64_t *high)
{
	const struct track_entry *e = &x->e;
	int64_t n;

	if (!e->applied || e->applied_us <= from_us)
		return;
	n = (x->turned && x->turned_us > from_us) +
	    (e->undone && e->turn.key && e->turn.from != e->turn.to);
	*high += n;
	if (!e->vague)
		*low += n;
}

void track_reversals(const struct track *t, const char *resource, uint64_t within_us,
		     uint64_t now_us, int64_t *ret_low, int64_t *ret_high)
{
	int64_t from_us = window_begin(within_us, (int64_t) now_us);

	*ret_low = *ret_high = 0;
	for (const struct item *x = t ? chain_first(t, CHAIN_RESOURCE, hash_more(0, resource))
				      : NULL;
	     x; x = chain_next(t, CHAIN_RESOURCE, x))
		if (strcmp(x->e.resource, resource) == 0)
			count_turns(x, from_us, ret_low, ret_high);
	if (!t || known_since(t) > from_us)
		*ret_high = INT64_MAX;
}
