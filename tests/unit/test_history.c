#include "history/history.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <math.h>

#define S UINT64_C(1000000)

/* A store with links, a history on it, and a clock that the test moves. */
struct world {
	struct schema *schema;
	struct store *store;
	struct history *history;
	const struct schema_attr *rx, *bps, *util, *carrier;
	uint64_t now;
	uint32_t link[64];
};

static const struct anod_attr attrs[] = {
	{ .name = "rx", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES, .max_age_ms = 3000 },
	{ .name = "bps", .type = ANOD_INT, .unit = ANOD_UNIT_BPS, .max_age_ms = 3000 },
	{ .name = "util", .type = ANOD_REAL, .unit = ANOD_UNIT_RATIO, .max_age_ms = 3000 },
	{ .name = "carrier", .type = ANOD_BOOL },
	{ .name = "label", .type = ANOD_TEXT },
	{ 0 }
};
static const struct anod_kind kinds[] = { { .name = "thing", .attrs = attrs }, { 0 } };

static void world_begin(struct world *w, size_t bytes)
{
	const char *why;

	*w = (struct world){ .schema = schema_new(), .now = 1000 * S };
	cr_assert(schema_declare(w->schema, "test", kinds, &why) >= 0);
	w->store = store_new(w->schema);
	w->history = history_new(w->store, bytes);
	w->rx = schema_attr(w->schema, "thing", "rx");
	w->bps = schema_attr(w->schema, "thing", "bps");
	w->util = schema_attr(w->schema, "thing", "util");
	w->carrier = schema_attr(w->schema, "thing", "carrier");
}

static void world_end(struct world *w)
{
	history_free(w->history);
	store_free(w->store);
	schema_free(w->schema);
}

static void link_up(struct world *w, unsigned i)
{
	char name[16];

	(void) snprintf(name, sizeof(name), "eth%u", i);
	cr_assert(store_entity(w->store, w->rx->kind, name, w->now, &w->link[i]) >= 0);
}

static void put(struct world *w, unsigned i, const struct schema_attr *a, int64_t v)
{
	union {
		double r;
		int64_t i;
	} u = { .i = v };

	if (a->type == ANOD_REAL)
		u.r = (double) v / 1000;
	cr_assert(eq(int, store_put(w->store, w->link[i], a->slot, 1, &u.i, 1, w->now), 0));
}

static void turn(struct world *w)
{
	(void) store_expire(w->store, w->now);
	history_run(w->history, w->now);
	store_settle(w->store);
}

static unsigned points(struct world *w, const struct schema_attr *a, const char *name,
		       uint64_t from, uint64_t step, struct history_point **ret, uint64_t *ret_step)
{
	unsigned n = 0;

	cr_assert(eq(int, history_read(w->history, a, name, from, w->now, step, ret, &n, ret_step),
		     0));
	return n;
}

Test(history, keeps_what_it_is_told_to_keep_and_gives_it_back_exactly)
{
	struct history_point *p;
	uint64_t step;
	struct world w;
	unsigned n;

	world_begin(&w, HISTORY_BYTES_DFLT);
	link_up(&w, 0);
	cr_assert(eq(int, history_keep(w.history, schema_attr(w.schema, "thing", "label"), 0),
		     -EINVAL));
	cr_assert(eq(int, history_keep(w.history, w.rx, 0), 0));
	for (unsigned i = 0; i < 500; i++, w.now += S) {
		put(&w, 0, w.rx, INT64_C(9007199254740993) + i * i * 1000);
		put(&w, 0, w.bps, i);
		turn(&w);
	}
	w.now -= S;
	n = points(&w, w.rx, "eth0", 0, 0, &p, &step);
	cr_assert(eq(u64, step, S));
	cr_assert(eq(uint, n, 500));
	for (unsigned i = 0; i < n; i++) {
		cr_assert(p[i].known);
		cr_assert(eq(u64, p[i].time_us, 1000 * S + i * S));
		cr_assert(eq(i64, p[i].exact, INT64_C(9007199254740993) + i * i * 1000));
	}
	free(p);
	cr_assert(eq(int, history_read(w.history, w.bps, "eth0", 0, w.now, 0, &p, &n, &step),
		     -ENOENT));
	cr_assert(eq(int, history_read(w.history, w.rx, "eth1", 0, w.now, 0, &p, &n, &step),
		     -ENOENT));
	world_end(&w);
}

Test(history, follows_entities_that_go_and_come_back)
{
	struct history_stats st;
	struct history_point *p;
	uint64_t step;
	struct world w;
	unsigned n, gaps = 0;

	world_begin(&w, HISTORY_BYTES_DFLT);
	link_up(&w, 0);
	link_up(&w, 1);
	cr_assert(eq(int, history_keep(w.history, w.rx, 0), 0));
	cr_assert(eq(int, history_keep(w.history, w.util, w.link[1]), 0));
	for (unsigned i = 0; i < 100; i++, w.now += S) {
		if (i == 30)
			(void) store_remove(w.store, w.link[0], w.now);
		if (i == 60)
			link_up(&w, 0);
		if (i < 30 || i >= 60)
			put(&w, 0, w.rx, i);
		if (i < 30 || i >= 60)
			put(&w, 0, w.util, i);
		put(&w, 1, w.util, i);
		turn(&w);
		if (i == 45) {
			n = points(&w, w.rx, "eth0", 0, 0, &p, &step);
			cr_assert(eq(uint, n, 30));
			free(p);
		}
	}
	n = points(&w, w.rx, "eth0", 0, 0, &p, &step);
	for (unsigned i = 0; i < n; i++)
		gaps += !p[i].known;
	cr_assert(eq(uint, n, 71));
	cr_assert(eq(uint, gaps, 1));
	free(p);
	n = points(&w, w.util, "eth1", 0, 0, &p, &step);
	cr_assert(eq(uint, n, 100));
	free(p);
	cr_assert(eq(int, history_read(w.history, w.util, "eth0", 0, w.now, 0, &p, &n, &step),
		     -ENOENT));

	/* Nobody keeps them any more: an hour later they are forgotten. */
	history_drop(w.history, w.rx, 0);
	history_drop(w.history, w.util, w.link[1]);
	for (unsigned i = 0; i < 62; i++, w.now += 60 * S) {
		put(&w, 0, w.rx, 7);
		turn(&w);
		history_get_stats(w.history, &st);
		if (i < 58)
			cr_assert(eq(uint, st.n_series, 2), "minute %u", i);
	}
	cr_assert(eq(uint, st.n_series, 0));
	world_end(&w);
}

Test(history, values_that_became_unknown_and_a_loop_that_stood_still_are_gaps)
{
	struct history_point *p;
	uint64_t step;
	struct world w;
	unsigned n, gaps = 0;

	world_begin(&w, HISTORY_BYTES_DFLT);
	link_up(&w, 0);
	cr_assert(eq(int, history_keep(w.history, w.bps, 0), 0));
	cr_assert(eq(int, history_keep(w.history, w.carrier, 0), 0));
	for (unsigned i = 0; i < 300; i++, w.now += S) {
		int64_t zero = 0;

		if (i == 50)
			w.now += 100 * S; /* the machine slept */
		if (i == 100)		  /* withdrawn for a moment */
			(void) store_put(w.store, w.link[0], w.bps->slot, 1, &zero, 0, w.now);
		if (i != 100)
			put(&w, 0, w.bps, i);
		if (i == 0 || i == 200)
			put(&w, 0, w.carrier, i == 0);
		turn(&w);
	}
	n = points(&w, w.bps, "eth0", 0, 0, &p, &step);
	for (unsigned i = 0; i < n; i++)
		gaps += !p[i].known;
	cr_assert(eq(uint, gaps, 2));
	free(p);
	/* What speaks only when it changes is sampled once a minute, so that it does not grow old. */
	n = points(&w, w.carrier, "eth0", 0, 0, &p, &step);
	cr_assert(ge(uint, n, 6));
	cr_assert(eq(i64, p[0].exact, 1));
	cr_assert(eq(i64, p[n - 1].exact, 0));
	free(p);
	world_end(&w);
}

Test(history, a_longer_time_comes_from_the_coarse_tier_and_in_the_step_asked_for)
{
	struct history_point *p;
	uint64_t step;
	struct world w;
	unsigned n;

	world_begin(&w, HISTORY_BYTES_DFLT);
	link_up(&w, 0);
	history_keep(w.history, w.rx, 0);
	history_keep(w.history, w.bps, 0);
	for (unsigned i = 0; i < 7200; i++, w.now += S) {
		put(&w, 0, w.rx, i * 1000);
		put(&w, 0, w.bps, i % 60);
		turn(&w);
	}
	n = points(&w, w.rx, "eth0", w.now - 500 * S, 0, &p, &step);
	cr_assert(eq(u64, step, S));
	cr_assert(ge(uint, n, 499));
	free(p);
	n = points(&w, w.rx, "eth0", w.now - 3600 * S, 0, &p, &step);
	cr_assert(eq(u64, step, 10 * S));
	cr_assert(ge(uint, n, 359));
	for (unsigned i = 1; i < n; i++)
		cr_assert(eq(u64, p[i].time_us - p[i - 1].time_us, 10 * S));
	free(p);
	n = points(&w, w.bps, "eth0", w.now - 3600 * S, 60 * S, &p, &step);
	cr_assert(eq(u64, step, 60 * S));
	cr_assert(ge(uint, n, 59));
	for (unsigned i = 1; i + 1 < n; i++) {
		cr_assert(eq(dbl, p[i].low, 0));
		cr_assert(eq(dbl, p[i].high, 59));
		cr_assert(fabs(p[i].value - 29.5) < 0.5);
	}
	free(p);
	world_end(&w);
}

Test(history, leaves_room_for_what_is_chosen_by_name)
{
	struct history_stats st;
	struct history_point *p;
	uint64_t step;
	struct world w;
	unsigned n;

	world_begin(&w, HISTORY_BYTES_MIN);
	for (unsigned i = 0; i < 64; i++)
		link_up(&w, i);
	history_keep(w.history, w.rx, 0);
	history_keep(w.history, w.bps, 0);
	for (unsigned i = 0; i < 200; i++, w.now += S) {
		for (unsigned k = 0; k < 64; k++)
			put(&w, k, w.rx, i), put(&w, k, w.bps, i), put(&w, k, w.util, i);
		if (i == 100)
			history_keep(w.history, w.util, w.link[60]);
		turn(&w);
		if (i == 99) {
			history_get_stats(w.history, &st);
			cr_assert(eq(uint, st.n_series,
				     HISTORY_BYTES_MIN / 4 * 3 / HISTORY_SERIES_BYTES));
			cr_assert(eq(u64, st.n_refused, 2 * 64 - st.n_series));
		}
	}
	n = points(&w, w.util, "eth60", 0, 0, &p, &step);
	cr_assert(gt(uint, n, 90));
	free(p);
	world_end(&w);
}

Test(history, stays_within_its_budget_and_gives_up_what_nobody_read)
{
	struct history_stats st;
	struct history_point *p;
	uint64_t step, random = 88172645463325252;
	struct world w;
	unsigned n;

	world_begin(&w, HISTORY_BYTES_MIN);
	for (unsigned i = 0; i < 64; i++) {
		link_up(&w, i);
		history_keep(w.history, w.rx, w.link[i]);
		history_keep(w.history, w.bps, w.link[i]);
		history_keep(w.history, w.util, w.link[i]);
	}
	for (unsigned i = 0; i < 5000; i++, w.now += S) {
		for (unsigned k = 0; k < 64; k++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			put(&w, k, w.rx, (int64_t) i * 100000000 + (int64_t) (random >> 56));
			put(&w, k, w.bps, (int64_t) (random >> 56));
			put(&w, k, w.util, (int64_t) (random >> 56));
		}
		turn(&w);
		if (i % 100 == 0) {
			n = points(&w, w.rx, "eth7", 0, 0, &p, &step);
			free(p);
			history_get_stats(w.history, &st);
			cr_assert(le(u64, st.bytes, st.max_bytes));
		}
	}
	cr_assert(eq(uint, st.n_series, HISTORY_BYTES_MIN / HISTORY_SERIES_BYTES));
	cr_assert(eq(u64, st.n_refused, 3 * 64 - st.n_series));
	cr_assert(gt(u64, st.n_shed, 40));
	cr_assert(eq(u64, st.n_lost, 0));
	/* Who was read kept its past; the others have a few minutes. */
	n = points(&w, w.rx, "eth7", 0, 10 * S, &p, &step);
	cr_assert(gt(uint, n, 400));
	free(p);
	n = points(&w, w.bps, "eth60", 0, 10 * S, &p, &step);
	cr_assert(lt(uint, n, 100));
	cr_assert(gt(uint, n, 5));
	free(p);

	/* Less memory takes effect at once, and more lets the others in. */
	history_set_memory(w.history, 8 << 20);
	for (unsigned i = 0; i < 70; i++, w.now += S) {
		for (unsigned k = 0; k < 64; k++)
			put(&w, k, w.util, i), put(&w, k, w.bps, i), put(&w, k, w.rx, 1);
		turn(&w);
	}
	history_get_stats(w.history, &st);
	cr_assert(eq(uint, st.n_series, 3 * 64));
	cr_assert(eq(u64, st.n_refused, 0));
	history_set_memory(w.history, HISTORY_BYTES_MIN);
	history_get_stats(w.history, &st);
	cr_assert(le(u64, st.bytes, HISTORY_BYTES_MIN));
	world_end(&w);
}

/* The row of an entity that went is another's within the same second. */
Test(history, an_entity_in_the_row_of_one_that_went_has_a_history_of_its_own)
{
	struct history_stats st;
	struct history_point *p;
	struct world w;
	uint64_t step;
	unsigned n;

	world_begin(&w, HISTORY_BYTES_DFLT);
	link_up(&w, 0);
	cr_assert(eq(int, history_keep(w.history, w.rx, 0), 0));
	cr_assert(eq(int, history_keep(w.history, w.util, w.link[0]), 0));
	for (unsigned i = 0; i < 20; i++, w.now += S) {
		if (i == 10) {
			int row = table_row(w.store, w.link[0]);

			(void) store_remove(w.store, w.link[0], w.now);
			link_up(&w, 1);
			cr_assert(eq(int, table_row(w.store, w.link[1]), row));
			cr_expect(eq(
				int,
				history_read(w.history, w.rx, "eth1", 0, w.now, 0, &p, &n, &step),
				-ENOENT));
		}
		put(&w, i / 10, w.rx, i);
		put(&w, i / 10, w.util, i);
		turn(&w);
	}
	n = points(&w, w.rx, "eth0", 0, 0, &p, &step);
	cr_expect(eq(uint, n, 10));
	cr_expect(eq(i64, p[n - 1].exact, 9));
	free(p);
	n = points(&w, w.rx, "eth1", 0, 0, &p, &step);
	cr_expect(eq(uint, n, 10));
	cr_expect(eq(i64, p[0].exact, 10));
	free(p);
	cr_expect(eq(int, history_read(w.history, w.util, "eth1", 0, w.now, 0, &p, &n, &step),
		     -ENOENT),
		  "only eth0 was kept by its name");

	/* Forgotten for want of memory before anybody saw that it went. */
	(void) store_remove(w.store, w.link[1], w.now);
	history_set_memory(w.history, HISTORY_BYTES_MIN);
	for (unsigned i = 2; i < 64; i++)
		link_up(&w, i);
	for (unsigned i = 2; i < 64; i++)
		put(&w, i, w.rx, i);
	turn(&w);
	history_get_stats(w.history, &st);
	cr_expect(gt(uint, st.n_series, 0));
	world_end(&w);
}
