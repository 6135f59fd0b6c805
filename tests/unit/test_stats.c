#include <errno.h>
#include <math.h>

#include "base/clock.h"
#include "facts/stats.h"
#include "facts/table.h"
#include "unit/facts_help.h"

static struct schema *schema;
static struct store *store;
static struct stats *stats;

static struct schema *make_schema(void)
{
	static const struct anod_attr counters[] = {
		{ .name = "rx_bytes",
		  .type = ANOD_INT,
		  .unit = ANOD_UNIT_BYTES,
		  .max_age_ms = 5000 },
		{ .name = "rx_packets",
		  .type = ANOD_INT,
		  .unit = ANOD_UNIT_PACKETS,
		  .max_age_ms = 5000 },
		{ .name = "rx_lost",
		  .type = ANOD_INT,
		  .unit = ANOD_UNIT_PACKETS,
		  .max_age_ms = 5000 },
		{ .name = "load", .type = ANOD_REAL, .max_age_ms = 5000 },
		{ 0 },
	};
	static const struct anod_attr events[] = {
		{ .name = "carrier", .type = ANOD_BOOL },
		{ .name = "flaps", .type = ANOD_INT },
		{ .name = "operstate", .type = ANOD_TEXT },
		{ 0 },
	};
	static const struct anod_kind a[] = { { .name = "link", .attrs = counters }, { 0 } };
	static const struct anod_kind b[] = { { .name = "link", .attrs = events }, { 0 } };
	struct schema *s = schema_new();
	const char *why;

	cr_assert_eq(schema_declare(s, "counters", a, &why), 0);
	cr_assert_eq(schema_declare(s, "rtnl", b, &why), 0);
	return s;
}

static void open_all(void)
{
	schema = make_schema();
	store = store_new(schema);
	stats = stats_new(schema, store);
	cr_assert_not_null(stats);
}

static void close_all(void)
{
	stats_free(stats);
	store_free(store);
	schema_free(schema);
}

static struct expr *bound(const char *text)
{
	struct expr *e = help_expr(schema, text);
	const char *why = "";
	int r = stats_bind(stats, e, &why);

	cr_assert_eq(r, 0, "%s: %s", text, why);
	return e;
}

static void drop(struct expr *e)
{
	stats_unbind(stats, e);
	expr_free(e);
}

/* One turn of the host. */
static uint64_t turn(uint64_t now_us)
{
	uint64_t next;

	(void) store_expire(store, now_us);
	next = stats_run(stats, now_us);
	store_settle(store);
	return next;
}

static void put(const char *link, const char *attr, int64_t v, uint64_t now_us)
{
	help_put(store, "link", link, attr, value_int(v, ANOD_UNIT_NONE), now_us);
}

static double get(const char *link, const char *name, uint64_t now_us)
{
	struct fact f = help_get(store, "link", link, name, now_us);

	if (f.value.type == ANOD_BOOL)
		return (double) f.value.u.i;
	return f.value.type == ANOD_REAL ? f.value.u.r : (double) NAN;
}

Test(stats, adds_a_column_that_reads_like_a_fact, .init = open_all, .fini = close_all)
{
	struct expr *e = bound("rate(link.wan0.rx_bytes, 2s) > 7kbps");
	const struct schema_attr *a = schema_attr(schema, "link", "rate(rx_bytes, 2s)");
	struct expr_read read[4];
	struct expr_trace trace = { .read = read, .max = 4 };
	struct expr_env env = { .store = store, .trace = &trace };

	cr_assert_not_null(a);
	cr_expect_eq(a->type, ANOD_REAL);
	cr_expect_eq(a->unit, ANOD_UNIT_BPS);
	cr_expect_str_eq(a->source, "core");
	cr_expect_eq(a->max_age_us, 5 * US_PER_S);
	cr_expect_eq(e->a->op, EXPR_CALL);
	cr_expect_eq(e->a->slot, a->slot);
	cr_expect_str_eq(e->a->entity, "wan0");
	cr_expect_eq(stats_count(stats), 1);
	cr_expect_eq(store_needed(store, schema_attr(schema, "link", "rx_bytes")), 1);

	for (unsigned k = 0; k <= 3; k++) {
		put("wan0", "rx_bytes", 1000 * k, (10 + k) * US_PER_S);
		(void) turn((10 + k) * US_PER_S);
		env.now_us = (10 + k) * US_PER_S;
		trace.n = 0;
		cr_expect_eq(expr_truth(e, &env), k < 2 ? ANOD_DOUBT : ANOD_TRUE, "at %u s", k);
	}
	cr_expect_float_eq(get("wan0", a->name, 13 * US_PER_S), 8000, 1e-9);
	cr_expect_eq(trace.n, 1);
	cr_expect_eq(read[0].attr, a);
	cr_expect_str_eq(read[0].entity, "wan0");
	/* It is as fresh as its fact. */
	cr_expect_eq(isnan(get("wan0", a->name, 19 * US_PER_S)) != 0, true);
	drop(e);
	cr_expect_eq(stats_count(stats), 0);
	cr_expect_eq(stats_bytes(stats), 0);
	cr_expect_eq(store_needed(store, schema_attr(schema, "link", "rx_bytes")), 0);
	cr_expect_eq(isnan(get("wan0", a->name, 13 * US_PER_S)) != 0, true);
}

Test(stats, shares_a_column_and_gives_it_up_with_the_last, .init = open_all, .fini = close_all)
{
	struct expr *a = bound("rate(link.rx_packets, 2s) > 5 or mean(link.load, 10s) > 1");
	struct expr *b = bound("count(link where rate(rx_packets, 2s) > 5) > 1");
	unsigned slots = schema_n_slots(schema, schema_kind_id(schema, "link"));

	cr_expect_eq(stats_count(stats), 2);
	cr_expect_eq(a->a->a->slot, b->a->b->a->slot);
	drop(a);
	cr_expect_eq(stats_count(stats), 1);
	cr_expect_not(stats_dropped(stats, schema_attr(schema, "link", "rate(rx_packets, 2s)")));
	cr_expect(stats_dropped(stats, schema_attr(schema, "link", "mean(load, 10s)")));
	cr_expect_not(stats_dropped(stats, schema_attr(schema, "link", "load")));
	drop(b);
	cr_expect_eq(stats_count(stats), 0);
	a = bound("rate(link.rx_packets, 2s) > 5");
	cr_expect_eq(schema_n_slots(schema, schema_kind_id(schema, "link")), slots);
	drop(a);
}

Test(stats, begins_anew_after_doubt_a_gap_and_another_entity, .init = open_all, .fini = close_all)
{
	struct expr *e = bound("rate(link.rx_bytes, 2s) > 5bps");
	const char *name = "rate(rx_bytes, 2s)";
	uint16_t kind = schema_kind_id(schema, "link");
	uint64_t t = 10 * US_PER_S;
	uint32_t id;

	for (unsigned k = 0; k < 4; k++, t += US_PER_S) {
		put("wan0", "rx_bytes", 100 * k, t);
		(void) turn(t);
	}
	cr_expect_eq(isnan(get("wan0", name, t)) != 0, false);
	/* Events were lost: unknown at once, and a whole window after it is back. */
	cr_assert_eq(store_sync(store, "counters", kind, ANOD_SYNC_LOST, t), 0);
	(void) turn(t);
	cr_expect_eq(isnan(get("wan0", name, t)) != 0, true);
	cr_assert_eq(store_sync(store, "counters", kind, ANOD_SYNC_BEGIN, t), 0);
	put("wan0", "rx_bytes", 1000, t);
	cr_assert_eq(store_sync(store, "counters", kind, ANOD_SYNC_DONE, t), 0);
	for (unsigned k = 0; k < 4; k++, t += US_PER_S) {
		put("wan0", "rx_bytes", 1000 + k, t);
		(void) turn(t);
		cr_expect_eq(isnan(get("wan0", name, t)) != 0, k < 2, "%u s after the doubt", k);
	}
	/* Nothing came for longer than its maximum age. */
	t += 7 * US_PER_S;
	for (unsigned k = 0; k < 4; k++, t += US_PER_S) {
		put("wan0", "rx_bytes", 2000 + k, t);
		(void) turn(t);
		cr_expect_eq(isnan(get("wan0", name, t)) != 0, k < 2, "%u s after the gap", k);
	}
	/* Its row is another's. */
	id = store_find(store, kind, "wan0");
	cr_assert_eq(store_remove(store, id, t), 0);
	put("wan7", "rx_bytes", 9000, t);
	cr_expect_eq(table_row(store, store_find(store, kind, "wan7")) / TABLE_BLOCK, 0);
	for (unsigned k = 0; k < 4; k++) {
		t += US_PER_S;
		put("wan7", "rx_bytes", 9000 + k, t);
		(void) turn(t);
		cr_expect_eq(isnan(get("wan7", name, t)) != 0, k < 2, "%u s after it came", k);
	}
	drop(e);
}

Test(stats, frees_the_states_of_rows_that_went, .init = open_all, .fini = close_all)
{
	struct expr *e = bound("p95(link.load, 2s) > 5");
	uint64_t t = 10 * US_PER_S;
	char name[16];

	for (unsigned k = 0; k < 200; k++) {
		(void) snprintf(name, sizeof(name), "eth%u", k);
		help_put(store, "link", name, "load", value_real(k, 0), t);
	}
	(void) turn(t);
	cr_expect_gt(stats_bytes(stats), 0);
	for (unsigned k = 0; k < 200; k++) {
		(void) snprintf(name, sizeof(name), "eth%u", k);
		(void) store_remove(store, help_entity(store, "link", name), t);
	}
	(void) turn(t + 1);
	cr_expect_eq(stats_bytes(stats), 0, "%zu bytes", stats_bytes(stats));
	drop(e);
}

Test(stats, keeps_time_for_facts_that_only_events_change, .init = open_all, .fini = close_all)
{
	struct expr *rate = bound("rate(link.flaps, 32s) > 0");
	struct expr *lately = bound("changed(link.operstate, 10s)");
	struct expr *just = bound("changed(link.operstate)");
	uint64_t t = 100 * US_PER_S, next;

	put("wan0", "flaps", 7, t);
	help_put(store, "link", "wan0", "operstate", value_text("up"), t);
	next = turn(t);
	cr_expect_eq(next, t + US_PER_S, "%d", (int) (next - t));
	cr_expect_eq(isnan(get("wan0", "rate(flaps, 32s)", t)) != 0, true);
	/* Nothing is published, only the clock goes on. */
	for (unsigned k = 1; k <= 40; k++) {
		(void) turn(t + k * US_PER_S);
		cr_expect_eq(isnan(get("wan0", "rate(flaps, 32s)", t)) != 0, k < 32, "after %u s",
			     k);
		cr_expect_eq(isnan(get("wan0", "changed(operstate, 10s)", t)) != 0, k < 10);
	}
	t += 40 * US_PER_S;
	cr_expect_eq(get("wan0", "rate(flaps, 32s)", t), 0);
	cr_expect_eq(get("wan0", "changed(operstate, 10s)", t), 0);
	cr_expect_eq(isnan(get("wan0", "changed(operstate)", t)) != 0, true);

	t += US_PER_S / 2;
	put("wan0", "flaps", 11, t);
	help_put(store, "link", "wan0", "operstate", value_text("down"), t);
	next = turn(t);
	cr_expect_float_eq(get("wan0", "rate(flaps, 32s)", t), 4.0 / 32, 1e-9);
	cr_expect_eq(get("wan0", "changed(operstate, 10s)", t), 1);
	cr_expect_eq(get("wan0", "changed(operstate)", t), 1);
	cr_expect_leq(next, t + US_PER_S);
	for (unsigned k = 1; k <= 40; k++)
		(void) turn(t + k * US_PER_S);
	cr_expect_eq(get("wan0", "rate(flaps, 32s)", t), 0);
	cr_expect_eq(get("wan0", "changed(operstate, 10s)", t), 0);
	cr_expect_eq(get("wan0", "changed(operstate)", t), 1);
	help_put(store, "link", "wan0", "operstate", value_text("down"), t + 41 * US_PER_S);
	(void) turn(t + 41 * US_PER_S);
	cr_expect_eq(get("wan0", "changed(operstate)", t), 0);
	drop(rate);
	drop(just);
	/* Without the others it is due exactly when it turns. */
	t += 60 * US_PER_S;
	help_put(store, "link", "wan0", "operstate", value_text("up"), t);
	cr_expect_eq(turn(t), t + 10 * US_PER_S);
	drop(lately);
	cr_expect_eq(turn(t), US_INFINITY);
}

Test(stats, calculates_functions_of_functions, .init = open_all, .fini = close_all)
{
	struct expr *e = bound("high(rate(link.rx_bytes, 2s), 4s) > 1Mbps");
	const char *name = "high(rate(rx_bytes, 2s), 4s)";
	uint64_t t = 50 * US_PER_S;

	cr_expect_eq(stats_count(stats), 2);
	for (unsigned k = 0; k < 20; k++, t += US_PER_S) {
		put("wan0", "rx_bytes", k < 10 ? 0 : 1000000, t);
		(void) turn(t);
		/* The rate is known from 2 on, and seen for 4 s at 6. */
		cr_expect_eq(isnan(get("wan0", name, t)) != 0, k < 6, "at %u", k);
		if (k >= 6)
			cr_expect_eq(get("wan0", name, t), k >= 10 && k <= 15 ? 4e6 : 0, "at %u",
				     k);
	}
	drop(e);
	cr_expect_eq(stats_count(stats), 0);
}

Test(stats, leaves_what_nobody_provides_unbound, .init = open_all, .fini = close_all)
{
	struct expr *e = help_expr(schema, "rate(bgp.updates, 30s) > 5 or path.loss(mgmt) > 1");
	struct expr_env env = { .store = store };
	const char *why;

	cr_expect_eq(stats_bind(stats, e, &why), 0);
	cr_expect_eq(stats_count(stats), 0);
	cr_expect_eq(expr_truth(e, &env), ANOD_DOUBT);
	drop(e);
}

Test(stats, refuses_over_its_limits_and_says_which, .init = open_all, .fini = close_all)
{
	struct expr *e[STATS_MAX + 1];
	const char *why = "";
	char text[64];

	for (unsigned k = 0; k <= STATS_MAX; k++) {
		(void) snprintf(text, sizeof(text), "mean(link.load, %us) > 1", k + 2);
		e[k] = help_expr(schema, text);
		cr_assert_eq(stats_bind(stats, e[k], &why), k < STATS_MAX ? 0 : -ENOSPC, "%s: %s",
			     text, why);
	}
	cr_expect_not_null(strstr(why, "256"), "%s", why);
	cr_expect_eq(stats_refused(stats), 1);
	cr_expect_eq(e[STATS_MAX]->a->slot, -1);
	/* A slot that nobody uses is used again, the oldest first. */
	stats_unbind(stats, e[7]);
	stats_unbind(stats, e[3]);
	cr_assert_eq(stats_bind(stats, e[STATS_MAX], &why), 0, "%s", why);
	cr_expect_not_null(schema_attr(schema, "link", "mean(load, 258s)"));
	cr_expect_null(schema_attr(schema, "link", "mean(load, 9s)"));
	cr_expect_not_null(schema_attr(schema, "link", "mean(load, 5s)"));
	for (unsigned k = 0; k <= STATS_MAX; k++)
		drop(e[k]);
	cr_expect_eq(stats_count(stats), 0);
}

Test(stats, keeps_some_back_for_the_policy, .init = open_all, .fini = close_all)
{
	struct expr *e[STATS_MAX], *shared;
	unsigned n = 0;
	const char *why = "";
	char text[64];
	int r = 0;

	for (; r >= 0; n++) {
		(void) snprintf(text, sizeof(text), "mean(link.load, %us) > 1", n + 2);
		e[n] = help_expr(schema, text);
		r = stats_bind_agent(stats, e[n], &why);
	}
	cr_expect_eq(n - 1, STATS_MAX - STATS_POLICY);
	cr_expect_not_null(strstr(why, "192"), "%s", why);
	/* What is kept already costs nothing more; and the policy goes on. */
	shared = help_expr(schema, "mean(link.load, 2s) > 5");
	cr_expect_eq(stats_bind_agent(stats, shared, &why), 0);
	cr_expect_eq(stats_bind(stats, e[n - 1], &why), 0);
	drop(shared);
	while (n > 0)
		drop(e[--n]);
}

/* A column that nobody wants stays, for the next of its kind and type. */
Test(stats, agents_that_ask_for_one_kind_after_the_other_do_not_use_up_the_schema, .init = open_all,
     .fini = close_all)
{
	static const char *const form[][2] = { { "mean(link.load, ", ") > 1" },
					       { "changed(link.load, ", ")" },
					       { "mean(link.flaps, ", ") > 1" },
					       { "changed(link.flaps, ", ")" } };
	struct expr *e[STATS_MAX];
	uint16_t link = schema_kind_id(schema, "link");
	unsigned most = STATS_MAX - STATS_POLICY, before = schema_n_slots(schema, link);
	const char *why = "";
	char text[64];

	for (unsigned f = 0; f < ARRAY_SIZE(form); f++) {
		for (unsigned k = 0; k < most; k++) {
			(void) snprintf(text, sizeof(text), "%s%us%s", form[f][0], k + 2,
					form[f][1]);
			e[k] = help_expr(schema, text);
			(void) stats_bind_agent(stats, e[k], &why);
		}
		for (unsigned k = 0; k < most; k++)
			drop(e[k]);
	}
	cr_expect_eq(schema_n_slots(schema, link), before + STATS_MAX);
	cr_expect_gt(stats_refused(stats), 0);
	for (unsigned k = 0; k < STATS_POLICY; k++) {
		(void) snprintf(text, sizeof(text), "changed(link.flaps, %us)", k + 1000);
		e[k] = help_expr(schema, text);
		cr_expect_eq(stats_bind(stats, e[k], &why), 0, "%s", why);
	}
	for (unsigned k = 0; k < STATS_POLICY; k++)
		drop(e[k]);
}

Test(stats, refuses_what_would_take_too_much_memory, .init = open_all, .fini = close_all)
{
	struct expr *e[40];
	unsigned n = 0;
	const char *why = "";
	char text[64];
	int r = 0;

	for (unsigned k = 0; k < 20000; k++) {
		(void) snprintf(text, sizeof(text), "eth%u", k);
		put(text, "rx_bytes", k, 10 * US_PER_S);
	}
	for (; n < 40 && r >= 0; n++) {
		(void) snprintf(text, sizeof(text), "trend(link.rx_bytes, %us) > 1", n + 2);
		e[n] = help_expr(schema, text);
		r = stats_bind(stats, e[n], &why);
		(void) turn(10 * US_PER_S);
	}
	cr_expect_eq(r, -ENOSPC);
	cr_expect_not_null(strstr(why, "over 64 MiB"), "%s", why);
	cr_expect_leq(stats_bytes(stats), STATS_BYTES_MAX);
	for (unsigned k = 0; k < n; k++)
		drop(e[k]);
	cr_expect_eq(stats_bytes(stats), 0);
}

Test(stats, finds_loss_in_two_counters_and_starts_again_with_them, .init = open_all,
     .fini = close_all)
{
	struct expr *e = bound("lossy(link.rx_lost, link.rx_packets)");
	const char *name = "lossy(rx_lost, rx_packets)";
	uint64_t t = 10 * US_PER_S;
	int64_t sent = 0, lost = 0;

	cr_expect_str_eq(schema_attr(schema, "link", name)->source, "core");
	for (unsigned k = 0; k < 60; k++, t += US_PER_S) {
		sent += 100;
		lost += k < 30 ? 0 : 10;
		put("wan0", "rx_lost", lost, t);
		put("wan0", "rx_packets", sent, t);
		(void) turn(t);
		if (k < 2)
			cr_expect(isnan(get("wan0", name, t)), "at %u", k);
		else if (k < 30)
			cr_expect_eq(get("wan0", name, t), 0, "at %u", k);
	}
	cr_expect_eq(get("wan0", name, t), 1);
	put("wan0", "rx_lost", 0, t);
	put("wan0", "rx_packets", 0, t);
	(void) turn(t);
	cr_expect_eq(isnan(get("wan0", name, t)) != 0, true);
	drop(e);
}

/* Statistics of many rows at once give what each row would give alone. */
Test(stats, feeds_every_row_of_every_block, .init = open_all, .fini = close_all)
{
	struct expr *e = bound("rate(link.rx_packets, 4s) > 1");
	uint64_t t = 100 * US_PER_S;
	char name[16];

	for (unsigned s = 0; s < 8; s++, t += US_PER_S) {
		for (unsigned k = 0; k < 300; k++) {
			(void) snprintf(name, sizeof(name), "eth%u", k);
			if ((k + s) % 5 != 0)
				put(name, "rx_packets", (int64_t) (s * k), t);
		}
		(void) turn(t);
	}
	for (unsigned k = 0; k < 300; k++) {
		(void) snprintf(name, sizeof(name), "eth%u", k);
		cr_expect_float_eq(get(name, "rate(rx_packets, 4s)", t), k, 1e-6, "%s", name);
	}
	drop(e);
}
