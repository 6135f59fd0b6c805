/*
 * history_read - points of a series for whoever draws or keeps them.
 *
 * Design.  One walk over one tier, into steps of the width that was asked for.  A gap inside such
 * a wider step is not told, because the step itself has a value.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "history/history_priv.h"

struct gather {
	uint64_t tier_us, step_us;
	struct history_point *point; /* owned */
	unsigned n, room, n_in_last;
	bool counter;
	int error;
};

static struct history_point *append(struct gather *g)
{
	if (g->n == g->room) {
		unsigned room = MAX_OF(g->room * 2, 256u);
		struct history_point *grown = reallocarray(g->point, room, sizeof(*grown));

		if (!grown) {
			g->error = -ENOMEM;
			return NULL;
		}
		g->point = grown;
		g->room = room;
	}
	return &g->point[g->n++];
}

static void merge(struct gather *g, const struct history_point *p)
{
	struct history_point *last = &g->point[g->n - 1];

	g->n_in_last++;
	if (g->counter)
		return; /* its value at the begin of the step */
	last->value += (p->value - last->value) / g->n_in_last;
	last->low = fmin(last->low, p->low);
	last->high = fmax(last->high, p->high);
}

static void gather(void *data, const struct history_point *p, bool gap_before)
{
	struct gather *g = data;
	uint64_t time_us = p->time_us / g->step_us * g->step_us;
	struct history_point *last = g->n > 0 ? &g->point[g->n - 1] : NULL, *q;

	if (last && last->time_us == time_us) {
		merge(g, p);
		return;
	}
	if (last && gap_before) {
		uint64_t at = last->time_us + g->step_us;

		q = append(g);
		if (!q)
			return;
		*q = (struct history_point){ .time_us = MIN_OF(at, time_us - 1) };
	}
	q = append(g);
	if (!q)
		return;
	*q = *p;
	q->time_us = time_us;
	g->n_in_last = 1;
}

static struct series *find(const struct history *h, const struct schema_attr *a, const char *entity)
{
	uint32_t e = store_find(h->store, a->kind, entity);
	int row = e ? table_row(h->store, e) : -ENOENT;
	struct column *c = history_column(h, a);
	unsigned block = row < 0 ? 0 : (unsigned) row / TABLE_BLOCK;
	struct series *s = NULL;

	if (c && row >= 0 && block < c->n_blocks && c->block[block])
		s = c->block[block]->series[row % TABLE_BLOCK];
	return s && s->entity == e ? s : history_find_gone(h, a, entity);
}

/* The finest tier that reaches back far enough; the coarse one may not exist. */
static bool choose_coarse(const struct arena *a, const struct series *s, uint64_t from_us,
			  uint64_t step_us)
{
	uint64_t fine = series_begin(a, s, false), coarse = series_begin(a, s, true);

	if (coarse == US_INFINITY)
		return false;
	if (fine == US_INFINITY || step_us > HISTORY_FINE_STEP_US)
		return true;
	return fine > from_us && coarse + HISTORY_COARSE_STEP_US <= fine;
}

int history_read(struct history *h, const struct schema_attr *a, const char *entity,
		 uint64_t from_us, uint64_t to_us, uint64_t step_us, struct history_point **ret,
		 unsigned *ret_n, uint64_t *ret_step_us)
{
	struct series *s = find(h, a, entity);
	struct gather g = { 0 };
	struct series_walk w = { .from_us = from_us, .to_us = to_us, .fn = gather, .data = &g };
	bool coarse;
	int r;

	if (!s)
		return -ENOENT;
	if (!s->coarse_off) {
		TAILQ_REMOVE(&h->shed, s, shed);
		TAILQ_INSERT_TAIL(&h->shed, s, shed);
	}
	coarse = choose_coarse(&h->arena, s, from_us, step_us);
	g.tier_us = coarse ? HISTORY_COARSE_STEP_US : HISTORY_FINE_STEP_US;
	g.step_us = (MAX_OF(step_us, g.tier_us) + g.tier_us - 1) / g.tier_us * g.tier_us;
	g.counter = s->form == SERIES_COUNTER;
	r = series_walk(&h->arena, s, coarse, &w);
	if (r >= 0)
		r = g.error;
	if (r < 0) {
		free(g.point);
		return r;
	}
	*ret = g.point;
	*ret_n = g.n;
	*ret_step_us = g.step_us;
	return 0;
}

static size_t series_bytes(const struct series *s)
{
	return s->size + (s->fine.n_chunks + s->coarse.n_chunks) * sizeof(struct chunk);
}

void history_each(const struct history *h, void (*fn)(const struct history_info *i, void *data),
		  void *data)
{
	const struct series *s;

	TAILQ_FOREACH(s, &h->all, all)
	{
		struct history_info i = { .attr = s->attr,
					  .entity = s->name,
					  .alive = s->entity && !s->idle_us,
					  .n_fine = s->fine.n + s->pending,
					  .n_coarse = s->coarse.n + (s->acc_n > 0),
					  .bytes = series_bytes(s) };

		fn(&i, data);
	}
}

/* Rows that somebody wants, with a value, and without a series. */
static uint64_t n_refused(const struct history *h, const struct column *c)
{
	unsigned n = table_n_blocks(h->store, c->attr->kind);
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct table_block *t =
			table_block(h->store, c->attr->kind, c->attr->slot, i);
		const struct column_block *b = i < c->n_blocks ? c->block[i] : NULL;
		uint64_t rows = t ? t->known : 0;

		if (b)
			rows &= b->refused;
		else if (c->n_all == 0)
			rows = 0;
		sum += (unsigned) __builtin_popcountll(rows);
	}
	return sum;
}

void history_get_stats(const struct history *h, struct history_stats *ret)
{
	const struct series *s;

	*ret = (struct history_stats){ .n_series = h->n_series,
				       .bytes = h->arena.used,
				       .max_bytes = h->arena.max_bytes,
				       .n_shed = h->n_shed,
				       .n_lost = h->n_lost,
				       .n_late = h->n_late };
	TAILQ_FOREACH(s, &h->all, all)
	ret->n_samples += s->fine.n + s->coarse.n + s->pending + (unsigned) (s->acc_n > 0);
	for (unsigned k = 1; k <= SCHEMA_KINDS_MAX; k++)
		for (unsigned i = 0; i < h->n_columns[k]; i++)
			ret->n_refused += n_refused(h, h->column[k][i]);
}
