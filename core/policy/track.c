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
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/track_int.h"

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

uint32_t track_hash(uint32_t hash, const char *text)
{
	return crc32c(hash, text, strlen(text) + 1);
}

uint32_t track_group(const char *permit, const char *agent, const char *role)
{
	return track_hash(track_hash(track_hash(0, permit), agent), role);
}

static void hash_item(struct track_item *x)
{
	x->hash[CHAIN_GROUP] = track_group(x->e.permit, x->e.agent, x->e.role);
	x->hash[CHAIN_RESOURCE] = track_hash(0, x->e.resource);
	x->hash[CHAIN_KEY] = x->e.turn.key;
}

static void link_item(struct track *t, uint32_t at)
{
	struct track_item *x = &t->item[at];

	for (unsigned c = 0; c < CHAINS; c++) {
		uint32_t *newest = &t->newest[c][x->hash[c] % TRACK_BUCKETS];

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

const struct track_item *chain_first(const struct track *t, enum chain c, uint32_t hash)
{
	uint32_t i = t->newest[c][hash % TRACK_BUCKETS];

	while (i != TRACK_NOBODY && t->item[i].hash[c] != hash)
		i = t->item[i].older[c];
	return i == TRACK_NOBODY ? NULL : &t->item[i];
}

const struct track_item *chain_next(const struct track *t, enum chain c, const struct track_item *x)
{
	uint32_t i = x->older[c];

	while (i != TRACK_NOBODY && t->item[i].hash[c] != x->hash[c])
		i = t->item[i].older[c];
	return i == TRACK_NOBODY ? NULL : &t->item[i];
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
	struct track_item *x = &t->item[at];
	bool first = true;

	x->turned = false;
	if (!x->e.turn.key || !x->e.applied)
		return;

	for (const struct track_item *o = chain_next(t, CHAIN_KEY, x); o;
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
	struct track_item *item;

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
		struct track_item *x = &t->item[t->n];

		*x = (struct track_item){ .e = e[i] };
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
		struct track_item *x = &t->item[i];

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
