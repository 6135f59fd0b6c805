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

static unsigned points(struct world *w, const struct schema_attr *a, const char *name, uint64_t from,
		       uint64_t step, struct history_point **ret, uint64_t *ret_step)
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
