/*
 * damp - a resource that is changed to and fro is left alone for a while.
 *
 * Design.  Nothing is kept: the state is folded from the newest changes of the resource, oldest
 * first, whenever it is asked for.  So it cannot differ from the record, and a restart changes
 * nothing.  Time under a lock-out does not count for the window of reversals: nothing could happen
 * in it, and a resource that turns round as soon as it may has learnt nothing.
 */
#include "policy/damp.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "policy/track_int.h"

#define DIRECTIONS_MAX 16 /* of one resource; the least charged makes room */
#define TURNS_MAX      8  /* reversals that are remembered; more than lock */

struct direction {
	uint32_t key, to;
	int32_t way;
	double penalty;
	int64_t at_us, reuse_us; /* reuse_us 0: not suppressed */
	uint64_t tx;		 /* that was charged last */
};

struct fold {
	const struct policy_damping *p;
	struct damp_state *s;
	unsigned n_dirs;
	struct direction dir[DIRECTIONS_MAX];
	unsigned n_last;
	struct track_turn last[DIRECTIONS_MAX]; /* of each key, what stands */
	uint64_t turned_tx;
	unsigned n_turns;
	int64_t turn[TURNS_MAX];     /* when, without the time under lock-outs */
	int64_t locked_us, begun_us; /* in all lock-outs that have ended; when the last began */
	int64_t unlock_us;	     /* of the last one */
};

/* ---- penalty (RFC 2439, section 4.4) ------------------------------------------------------- */

static double decayed(const struct fold *f, const struct direction *d, int64_t now_us)
{
	return d->penalty * exp2(-(double) (now_us - d->at_us) / (double) f->p->half_life_us);
}

static bool same_direction(const struct direction *d, const struct track_turn *t)
{
	return d->key == t->key && d->way == t->way && (t->way || d->to == t->to);
}

static struct direction *direction(struct fold *f, const struct track_turn *t)
{
	struct direction *least = &f->dir[0];

	for (unsigned i = 0; i < f->n_dirs; i++) {
		if (same_direction(&f->dir[i], t))
			return &f->dir[i];
		if (f->dir[i].at_us < least->at_us)
			least = &f->dir[i];
	}
	if (f->n_dirs < DIRECTIONS_MAX)
		least = &f->dir[f->n_dirs++];
	*least = (struct direction){ .key = t->key, .way = t->way, .to = t->to };
	return least;
}

static void charge(struct fold *f, const struct track_entry *e)
{
	struct direction *d = direction(f, &e->turn);
	double ceiling = f->p->reuse * exp2((double) f->p->max_us / (double) f->p->half_life_us);

	if (d->tx == e->tx && d->at_us)
		return; /* the same cause */
	d->penalty = d->at_us ? decayed(f, d, e->applied_us) : 0;
	d->penalty = MIN_OF(d->penalty + DAMP_CHANGE, ceiling);
	d->at_us = e->applied_us;
	d->tx = e->tx;
	if (d->reuse_us <= d->at_us)
		d->reuse_us = 0;
	if (d->reuse_us || d->penalty >= f->p->suppress)
		d->reuse_us = d->at_us + (int64_t) ((double) f->p->half_life_us *
						    log2(d->penalty / f->p->reuse));
}

/* ---- reversals ---------------------------------------------------------------------------- */

static int64_t active(const struct fold *f, int64_t at_us)
{
	int64_t last_us = f->unlock_us - f->begun_us;

	return (at_us < f->unlock_us ? f->begun_us : at_us - last_us) - f->locked_us;
}

static unsigned in_window(const struct fold *f, int64_t now_us)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->n_turns; i++)
		n += active(f, now_us) - f->turn[i] < (int64_t) f->p->window_us;
	return n;
}

static void lock(struct fold *f, int64_t at_us)
{
	uint64_t span = f->p->lockout_us;

	if (f->s->locks && at_us - f->unlock_us > (int64_t) DAMP_LOCK_MAX)
		f->s->locks = 0;
	for (unsigned i = 0; i < f->s->locks && span < DAMP_LOCK_MAX; i++)
		span *= 2;
	span = MIN_OF(span, DAMP_LOCK_MAX);
	f->s->locks++;
	f->begun_us = at_us;
	f->unlock_us = at_us + (int64_t) span;
}

static void reversal(struct fold *f, const struct track_entry *e)
{
	unsigned n;

	if (f->turned_tx == e->tx)
		return;
	f->turned_tx = e->tx;
	/* The lock-out before this has ended: from here on its time is left out. */
	f->locked_us += f->unlock_us - f->begun_us;
	f->begun_us = f->unlock_us;
	if (f->n_turns == TURNS_MAX)
		memmove(f->turn, f->turn + 1, --f->n_turns * sizeof(f->turn[0]));
	f->turn[f->n_turns++] = active(f, e->applied_us);
	n = in_window(f, e->applied_us);
	f->s->turned_us = e->applied_us;
	f->s->critical = n >= DAMP_CRITICAL;
	if (n >= DAMP_REVERSALS)
		lock(f, e->applied_us);
}

static bool turns_round(const struct track_turn *was, const struct track_turn *is)
{
	return (is->way && is->way == -was->way) || (is->to == was->from && is->from == was->to);
}

static void stand(struct fold *f, const struct track_entry *e)
{
	unsigned i = 0;

	while (i < f->n_last && f->last[i].key != e->turn.key)
		i++;
	if (i == DIRECTIONS_MAX) {
		memmove(f->last, f->last + 1, sizeof(f->last) - sizeof(f->last[0]));
		i--;
	} else if (i == f->n_last) {
		f->n_last++;
	} else if (turns_round(&f->last[i], &e->turn) && e->applied_us >= f->unlock_us) {
		reversal(f, e);
	}
	f->last[i] = e->turn;
}

/* ---- the fold ----------------------------------------------------------------------------- */

/* The newest changes of the resource by the time of their effect, oldest first. */
static unsigned collect(const struct track *t, const char *resource,
			const struct track_entry *ret[DAMP_LOOK])
{
	unsigned n = 0, k;

	for (const struct track_item *x = chain_first(t, CHAIN_RESOURCE, track_hash(0, resource));
	     x && n < DAMP_LOOK; x = chain_next(t, CHAIN_RESOURCE, x)) {
		if (!x->e.applied || !x->e.turn.key || x->e.turn.from == x->e.turn.to ||
		    strcmp(x->e.resource, resource) != 0)
			continue;
		for (k = n++; k > 0 && ret[k - 1]->applied_us < x->e.applied_us; k--)
			ret[k] = ret[k - 1];
		ret[k] = &x->e;
	}
	for (k = 0; k < n / 2; k++) {
		const struct track_entry *e = ret[k];

		ret[k] = ret[n - 1 - k];
		ret[n - 1 - k] = e;
	}
	return n;
}

static void answer(const struct fold *f, const struct track_turn *turn, int64_t now_us)
{
	struct damp_state *s = f->s;

	for (unsigned i = 0; i < f->n_dirs; i++) {
		const struct direction *d = &f->dir[i];
		unsigned penalty = (unsigned) decayed(f, d, now_us);

		if (turn && turn->key && !same_direction(d, turn))
			continue;
		s->penalty = MAX_OF(s->penalty, penalty);
		if (d->reuse_us > now_us)
			s->reuse_us = MAX_OF(s->reuse_us, (uint64_t) d->reuse_us);
	}
	s->suppressed = s->reuse_us > 0;
	s->reversals = in_window(f, now_us);
	s->unlock_us = f->unlock_us > 0 ? (uint64_t) f->unlock_us : 0;
	s->locked = f->unlock_us > now_us;
	s->damped = s->locked || s->suppressed;
}

static void fold_all(struct fold *f, const struct policy_damping *p, const struct track_entry **e,
		     unsigned n, const struct track_turn *turn, int64_t now_us,
		     struct damp_state *ret)
{
	memset(f, 0, sizeof(*f));
	f->p = p;
	f->s = ret;
	f->unlock_us = f->begun_us = INT64_MIN / 4;
	for (unsigned i = 0; i < n; i++) {
		charge(f, e[i]);
		/* What was taken back is as if it had never been. */
		if (!e[i]->undone)
			stand(f, e[i]);
	}
	answer(f, turn, now_us);
}

/* A history that was lost may have held a lock-out; one that is longer than the first is not
 * guessed. */
static void add_loss(const struct track *t, const struct policy_damping *p, uint64_t now_us,
		     struct damp_state *ret)
{
	int64_t lost_us = track_known_since(t);

	if (ret->locked || lost_us == TRACK_EVER ||
	    lost_us + (int64_t) p->lockout_us <= (int64_t) now_us)
		return;
	ret->lost = ret->locked = ret->damped = true;
	ret->unlock_us = (uint64_t) (lost_us + (int64_t) p->lockout_us);
}

void damp_look(const struct track *t, const struct policy_damping *p, const char *resource,
	       const struct track_turn *turn, uint64_t now_us, struct damp_state *ret)
{
	const struct track_entry *e[DAMP_LOOK];
	unsigned n = t && !p->off ? collect(t, resource, e) : 0;
	struct fold f;

	*ret = (struct damp_state){ 0 };
	if (n)
		fold_all(&f, p, e, n, turn, (int64_t) now_us, ret);
	if (t && !p->off)
		add_loss(t, p, now_us, ret);
}

const char *damp_text(const struct damp_state *s, const struct policy_damping *p,
		      const char *resource, uint64_t now_us, uint64_t wall_us, char *ret,
		      size_t size)
{
	uint64_t until_us = s->locked ? s->unlock_us : s->reuse_us;
	uint64_t left_us = until_us > now_us ? until_us - now_us : 0;
	char window[32], left[32], until[40];

	(void) format_duration(left_us, left, sizeof(left));
	(void) format_wall(wall_us + left_us, until, sizeof(until));
	(void) format_duration(p->window_us, window, sizeof(window));
	if (s->lost)
		(void) snprintf(ret, size,
				"how often %s was turned round is not known, the history was lost; "
				"locked until %s (%s)",
				resource, until, left);
	else if (s->locked)
		(void) snprintf(ret, size,
				"%s was turned round %u times in %s; locked until %s (%s)",
				resource, s->reversals, window, until, left);
	else
		(void) snprintf(ret, size,
				"%s was changed that way too often (penalty %u of %u); suppressed "
				"until %s (%s)",
				resource, s->penalty, (unsigned) p->suppress, until, left);
	return ret;
}
