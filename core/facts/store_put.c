/*
 * store_put - a row of numbers at a time, straight into the columns.
 *
 * Design.  The hot path of the counter sweep.  What does not change between two sweeps (types,
 * source, who listens) is looked up once and kept as a plan; what is nearly always so (the fact is
 * known already, named in this round, and in a block in which nothing has grown too old) is tested
 * with one mask per column, and whatever is different is left to put_slow().  The loop has no
 * calls and no branches on values, because counters of a router change without a pattern.
 * All of it lies inside one lock of the row, so readers see a put() as a whole.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "facts/store_priv.h"
#include "facts/value.h"

struct news { /* by bit: column first + bit */
	uint64_t changed;
	uint64_t again;
	uint64_t was;	 /* it was known and fresh, as 'old' has it */
	uint64_t lapsed; /* it was known and had grown too old */
	int64_t old[64];
};

static int plan_make(struct store *s, uint16_t kind, uint16_t first, unsigned n, struct plan *ret)
{
	const struct schema_attr *a = schema_attr_at(s->schema, kind, first);
	struct plan p = { .first = first, .n = (uint16_t) n, .version = s->interest };
	int sync;

	if (!a)
		return -EINVAL;
	sync = sync_of_attr(s, a);
	if (sync < 0)
		return sync;

	p.sync = (uint16_t) sync;
	for (unsigned k = 0; k < n; k++) {
		const struct schema_attr *next =
			schema_attr_at(s->schema, kind, (uint16_t) (first + k));
		uint64_t bit = UINT64_C(1) << k;

		if (!next)
			return -EINVAL;
		if (next->type == ANOD_TEXT || next->type == ANOD_PREFIX ||
		    next->source != a->source)
			return -EPROTO;
		sync = sync_of_attr(s, next);
		if (sync < 0)
			return sync;
		p.reals |= next->type == ANOD_REAL ? bit : 0;
		p.bools |= next->type == ANOD_BOOL ? bit : 0;
		p.outside |= next->flags & ANOD_VALUE_OUTSIDE ? bit : 0;
		if (s->n_listeners > 0 && (next->max_age_us == 0 || s->want[next->id]))
			p.tell |= bit;
		if (s->event[next->id])
			p.tell |= bit;
		p.events |= next->max_age_us == 0;
	}
	*ret = p;
	return 0;
}

static int plan_find(struct store *s, uint16_t kind, uint16_t first, unsigned n, struct plan **ret)
{
	struct kind *k = &s->kind[kind];
	struct plan *p, **at;
	int r;

	for (unsigned i = 0; i < PLANS; i++) {
		p = k->plan[i];
		if (!p || p->first != first || p->n != n || p->version != s->interest)
			continue;
		*ret = p;
		return 0;
	}

	at = &k->plan[k->next_plan % PLANS];
	p = realloc(*at, sizeof(*p) + n * sizeof(p->col[0]));
	if (!p)
		return -ENOMEM;
	*at = p;
	p->n = 0;
	r = plan_make(s, kind, first, n, p);
	if (r < 0)
		return r;
	k->next_plan++;
	if (schema_attr_at(s->schema, kind, first)->flags & SCHEMA_DERIVED)
		p->version--; /* the next statistic in this column may be of another type */
	*ret = p;
	return 0;
}

/* Columns of the block, those in 'make' made where they are missing; the others are NULL there. */
static int columns_open(struct store *s, const struct place *p, uint64_t make, struct plan *plan)
{
	plan->seg = NULL;
	plan->open = 0;
	for (unsigned k = 0; k < plan->n; k++) {
		const uint32_t *group;
		unsigned slot = plan->first + k;
		uint32_t place = p->seg->group[slot / SEG_COLUMNS];
		uint64_t bit = UINT64_C(1) << k;
		int r;

		group = shm_at(&s->shm, place);
		plan->col[k] = NULL;
		if (place && group[slot % SEG_COLUMNS]) {
			plan->col[k] = shm_at(&s->shm, group[slot % SEG_COLUMNS]);
		} else if (make & bit) {
			r = column_open(s, p->seg, slot,
					schema_attr_at(s->schema, p->kind, (uint16_t) slot)->type,
					&plan->col[k]);
			if (r < 0)
				return r;
		}
		plan->open |= plan->col[k] ? bit : 0;
	}
	plan->seg = p->seg;
	return 0;
}

static bool all_finite(const int64_t *raw, uint64_t which)
{
	for (; which; which &= which - 1) {
		double d;

		memcpy(&d, &raw[__builtin_ctzll(which)], sizeof(d));
		if (!isfinite(d))
			return false;
	}
	return true;
}

/* One column, whatever its state; as store_publish() does it, but for the telling. */
static void put_slow(struct store *s, const struct place *p, const struct plan *plan, unsigned k,
		     struct table_block *t, const int64_t *raw, uint64_t now_us, struct news *news)
{
	const struct schema_attr *a =
		schema_attr_at(s->schema, p->kind, (uint16_t) (plan->first + k));
	bool lost = s->seg->lost[a->id], known = t->known & p->bit;
	bool late = now_us >= cell_due(t->time_us[p->row], a);
	bool outside = plan->outside >> k & 1;
	bool same = raw && (t->stored & p->bit) && t->u.i[p->row] == *raw &&
		    outside == (t->outside >> p->row & 1);
	bool doubted = !known || lost || late;
	uint64_t bit = UINT64_C(1) << k;

	news->old[k] = t->u.i[p->row];
	if (raw) {
		STORE(&t->u.i[p->row], *raw);
		bits_set(&t->outside, p->bit, outside);
	}
	bits_set(&t->stored, p->bit, raw);
	bits_set(&t->withdrawn, p->bit, !raw);
	STORE(&t->time_us[p->row], MAX_OF(t->time_us[p->row], now_us));
	t->named |= p->bit;
	t->touched |= p->bit;
	if (same ? lost || !doubted : raw ? lost : !known)
		return;

	news->changed |= bit;
	news->was |= doubted ? 0 : bit;
	news->lapsed |= known && late ? bit : 0;
	news->again |= cell_changed(t, p->row, raw, now_us) ? bit : 0;
	if (known && late)
		t->again |= p->bit; /* it had fallen away before it came back */
	if (raw)
		age_note(s, p->block, cell_due(t->time_us[p->row], a));
}

/* Columns that are known, fresh and named; returns the others.  'keep': somebody has to be told,
 * so old values are kept. */
static inline __attribute__((always_inline)) uint64_t put_fast(const struct place *p, unsigned n,
							       struct table_block *const *col,
							       const int64_t *raw, uint64_t now_us,
							       bool keep, struct news *news)
{
	uint64_t bit = p->bit, others = 0, changed = 0, again = 0;
	unsigned row = p->row;

	for (unsigned k = 0; k < n; k++) {
		struct table_block *t = col[k];
		int64_t old;

		if (!(t->known & t->named & ~t->outside & bit)) {
			others |= UINT64_C(1) << k;
			continue;
		}
		t->touched |= bit;
		STORE(&t->time_us[row], now_us);
		old = t->u.i[row];
		if (old == raw[k])
			continue;
		changed |= UINT64_C(1) << k;
		if (keep) {
			news->old[k] = old;
			again |= t->dirty & bit ? UINT64_C(1) << k : 0;
		}
		t->again |= t->dirty & bit;
		t->dirty |= bit;
		STORE(&t->u.i[row], raw[k]);
		STORE(&t->changed_us[row], now_us);
	}
	news->changed = changed;
	news->was = changed;
	news->again = again;
	return others;
}

/* A listener may put another run, and the plan may be replaced then: so of it a copy is used. */
static void put_tell(struct store *s, const struct place *p, const struct plan *plan,
		     const struct news *news)
{
	struct table_block *col[64];
	unsigned first = plan->first;

	memcpy(col, plan->col, plan->n * sizeof(col[0]));
	for (uint64_t left = news->changed & plan->tell; left; left &= left - 1) {
		unsigned k = (unsigned) __builtin_ctzll(left);
		const struct schema_attr *a =
			schema_attr_at(s->schema, p->kind, (uint16_t) (first + k));
		struct anod_value was = { 0 };

		if (news->was >> k & 1)
			was = (struct anod_value){ .type = a->type,
						   .unit = a->unit,
						   .u.i = news->old[k] };
		cell_tell(s, p, a, col[k], &was, news->lapsed >> k & 1, news->again >> k & 1);
	}
}

static int store_put_row(struct store *s, const struct place *p, struct plan *plan,
			 const int64_t *raw, uint64_t known, uint64_t now_us)
{
	unsigned n = plan->n;
	uint64_t all = n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX, others = all, make;
	bool lost = s->sync[plan->sync - 1].lost;
	struct table_block *const *col = plan->col;
	struct news news;
	int r;

	/* What was never known needs no column, but for being named between BEGIN and DONE. */
	make = s->sync[plan->sync - 1].begun ? all : known & all;
	if (plan->seg != p->seg || (make & ~plan->open)) {
		r = columns_open(s, p, make, plan);
		if (r < 0)
			return r;
	}

	news.lapsed = 0;
	seq_write_begin(&p->seg->seq[p->row]);
	if ((known & all) != all || lost || plan->outside || age_pending(s, p->block, now_us))
		news.changed = news.was = news.again = 0;
	else if (plan->tell)
		others = put_fast(p, n, col, raw, now_us, true, &news);
	else
		others = put_fast(p, n, col, raw, now_us, false, &news);
	for (others &= plan->open; others; others &= others - 1) {
		unsigned k = (unsigned) __builtin_ctzll(others);

		put_slow(s, p, plan, k, col[k], known >> k & 1 ? &raw[k] : NULL, now_us, &news);
	}
	seq_write_end(&p->seg->seq[p->row]);

	s->stats.published += n;
	kind_note(s, p->block, plan->first, n, news.changed != 0);
	if (!news.changed)
		return 0;
	s->seq++;
	s->stats.changed += (unsigned) __builtin_popcountll(news.changed & ~plan->tell);
	if (news.changed & plan->tell)
		put_tell(s, p, plan, &news);
	return 0;
}

int store_put(struct store *s, uint32_t entity, uint16_t first, unsigned n, const int64_t *raw,
	      uint64_t known, uint64_t now_us)
{
	return store_put_kind(s, 0, entity, first, n, raw, known, now_us);
}

int store_put_kind(struct store *s, uint16_t kind, uint32_t entity, uint16_t first, unsigned n,
		   const int64_t *raw, uint64_t known, uint64_t now_us)
{
	struct plan *plan;
	int64_t clean[64];
	struct place p;
	int r;

	if (s->reader)
		return -EROFS;
	if (n == 0 || n > 64)
		return -EINVAL;
	r = place_find(s, entity, &p);
	if (r >= 0 && kind && kind != p.kind)
		r = -EINVAL;
	if (r >= 0)
		r = plan_find(s, p.kind, first, n, &plan);
	if (r < 0)
		return r;
	if (plan->reals && !all_finite(raw, plan->reals & known))
		return -EPROTO;

	if (plan->bools) {
		for (unsigned k = 0; k < n; k++)
			clean[k] = plan->bools >> k & 1 ? raw[k] != 0 : raw[k];
		raw = clean;
	}
	if (p.block->maker[p.row] == 0 || (plan->events && (p.block->maker_ages & p.bit)))
		note_maker(p.block, p.row, !plan->events, plan->sync);
	return store_put_row(s, &p, plan, raw, known, now_us);
}
