#include "facts/store.h"

#include <errno.h>

#include "base/clock.h"
#include "facts/value.h"
#include "unit/store_heard.h"

static int sync_links(struct store *s, enum anod_sync what, uint64_t now_us)
{
	return store_sync(s, "rtnl", schema_kind_id(store_schema(s), "link"), what, now_us);
}

Test(store_sync, loss_makes_the_sources_values_unknown_and_no_others)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	struct heard h = { 0 };

	put_carrier(s, "wan0", true, 1);
	put_carrier(s, "wan1", true, 1);
	help_put(s, "link", "wan0", "role", value_text("uplink"), 1);
	(void) store_listen(s, listen, &h);

	cr_expect(eq(int, sync_links(s, ANOD_SYNC_LOST, 2), 0));
	cr_expect(eq(uint, h.unknown, 2));
	cr_expect_str_eq(help_get(s, "link", "wan0", "carrier", 3).why, "source out of sync");
	cr_expect_null(help_get(s, "link", "wan0", "role", 3).why);

	/* Events that still come are kept but not believed. */
	put_carrier(s, "wan0", false, 4);
	cr_expect(not(carrier_known(s, "wan0")));
	cr_expect(eq(uint, h.known, 0));
	cr_expect(eq(int, sync_links(s, ANOD_SYNC_DONE, 5), -EINVAL));
	cr_expect(eq(int, store_sync(s, "nobody", 1, ANOD_SYNC_LOST, 5), -EINVAL));
}

Test(store_sync, resync_turns_leftovers_into_gone)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	uint16_t link = schema_kind_id(schema, "link");
	struct heard h = { 0 };

	put_carrier(s, "wan0", true, 1);
	put_carrier(s, "wan1", true, 1);
	put_carrier(s, "wan2", true, 1);
	help_put(s, "link", "wan0", "mtu", value_int(1500, 0), 1);
	help_put(s, "link", "lab", "role", value_text("uplink"), 1);
	put_carrier(s, "lab", true, 1);
	(void) sync_links(s, ANOD_SYNC_LOST, 2);
	put_carrier(s, "wan2", true, 3); /* before BEGIN: does not count as named */
	(void) store_listen(s, listen, &h);

	cr_expect(eq(int, sync_links(s, ANOD_SYNC_BEGIN, 4), 0));
	put_carrier(s, "wan0", true, 5);
	cr_expect(not(carrier_known(s, "wan0")));
	cr_expect(eq(int, sync_links(s, ANOD_SYNC_DONE, 6), 0));

	cr_expect(carrier_known(s, "wan0"));
	cr_expect_str_eq(help_get(s, "link", "wan0", "mtu", 6).why, "withdrawn");
	cr_expect(eq(u32, store_find(s, link, "wan1"), 0));
	cr_expect(eq(u32, store_find(s, link, "wan2"), 0));
	cr_expect(gt(u32, store_find(s, link, "lab"), 0)); /* the configuration made it */
	cr_expect_null(help_get(s, "link", "lab", "role", 6).why);
	cr_expect(not(carrier_known(s, "lab")));
	cr_expect(eq(uint, h.known, 1));
	cr_expect(eq(uint, h.gone, 2));
	cr_expect(eq(uint, h.unknown, 0));
}

Test(store_sync, a_resync_without_loss_keeps_values_in_force)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	struct heard h = { 0 };

	put_carrier(s, "wan0", true, 1);
	put_carrier(s, "wan1", true, 1);
	(void) store_listen(s, listen, &h);
	(void) sync_links(s, ANOD_SYNC_BEGIN, 2);
	cr_expect(carrier_known(s, "wan0") && carrier_known(s, "wan1"));
	put_carrier(s, "wan0", true, 3);
	(void) sync_links(s, ANOD_SYNC_DONE, 4);
	cr_expect(carrier_known(s, "wan0"));
	cr_expect(eq(uint, h.known, 0));
	cr_expect(eq(uint, h.gone, 1));

	/* Lost again in the middle: only a full round believes anything. */
	(void) sync_links(s, ANOD_SYNC_BEGIN, 5);
	put_carrier(s, "wan0", true, 6);
	(void) sync_links(s, ANOD_SYNC_LOST, 7);
	cr_expect(eq(int, sync_links(s, ANOD_SYNC_DONE, 8), -EINVAL));
	cr_expect(not(carrier_known(s, "wan0")));
}

Test(store_sync, a_sampling_source_does_not_own_what_an_event_source_names)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);

	help_put(s, "link", "wan0", "rx_bps", value_int(1, 0), 1);
	put_carrier(s, "wan0", true, 1);
	help_put(s, "link", "wan1", "rx_bps", value_int(1, 0), 1);
	(void) sync_links(s, ANOD_SYNC_BEGIN, 2);
	(void) sync_links(s, ANOD_SYNC_DONE, 3);
	cr_expect(eq(u32, store_find(s, 1, "wan0"), 0));
	cr_expect(gt(u32, store_find(s, 1, "wan1"), 0));
}

/* ---- against a model that does everything the slow and plain way ------------------------ */

#define NAMES 6
#define ATTRS 4

static const char *const attr_name[ATTRS] = { "carrier", "mtu", "rx_bps", "util" };
static const char *const attr_source[ATTRS] = { "rtnl", "rtnl", "counters", "counters" };
static const uint64_t attr_age[ATTRS] = { 0, 0, 30 * SECOND, 10 * SECOND };

struct naive {
	bool there[NAMES];
	struct {
		bool known, named;
		int64_t value;
		uint64_t time_us;
	} fact[NAMES][ATTRS];
	int maker[NAMES]; /* index into 'source', or -1 */
	bool maker_ages[NAMES];
	bool lost[2], begun[2];
	/* What a listener believes; -1: unknown. */
	int64_t told[NAMES][ATTRS];
};

static int source_of(unsigned attr)
{
	return attr < 2 ? 0 : 1;
}

static struct anod_value as_value(unsigned attr, int64_t v)
{
	return attr == 0   ? value_bool(v)
	       : attr == 3 ? value_real((double) v, ANOD_UNIT_RATIO)
			   : value_int(v, ANOD_UNIT_NONE);
}

static int64_t as_number(const struct anod_value *v)
{
	return v->type == ANOD_UNKNOWN ? -1 : v->type == ANOD_REAL ? (int64_t) v->u.r : v->u.i;
}

static void naive_listen(void *data, const struct store_change *c)
{
	struct naive *m = data;
	unsigned name = (unsigned) (c->name[1] - '0');

	if (c->slot < 0) {
		for (unsigned a = 0; a < ATTRS; a++)
			m->told[name][a] = -1;
		return;
	}
	for (unsigned a = 0; a < ATTRS; a++)
		if (strcmp(c->attr->name, attr_name[a]) == 0)
			m->told[name][a] = as_number(&c->fact->value);
}

static void naive_publish(struct naive *m, unsigned n, unsigned a, int64_t v, uint64_t now)
{
	bool ages = attr_age[a] > 0;

	if (!m->there[n]) {
		m->there[n] = true;
		m->maker[n] = -1;
	}
	if (m->maker[n] < 0 || (m->maker_ages[n] && !ages)) {
		m->maker[n] = source_of(a);
		m->maker_ages[n] = ages;
	}
	m->fact[n][a].known = v >= 0;
	m->fact[n][a].value = v;
	m->fact[n][a].time_us = now;
	m->fact[n][a].named = true;
}

static void naive_drop(struct naive *m, unsigned n)
{
	m->there[n] = false;
	memset(m->fact[n], 0, sizeof(m->fact[n]));
}

static void naive_done(struct naive *m, int source)
{
	for (unsigned n = 0; n < NAMES; n++) {
		bool named = false;

		for (unsigned a = 0; a < ATTRS; a++)
			named |= source_of(a) == source && m->fact[n][a].named;
		if (!m->there[n])
			continue;
		if (m->maker[n] == source && !named) {
			naive_drop(m, n);
			continue;
		}
		for (unsigned a = 0; a < ATTRS; a++)
			if (source_of(a) == source && !m->fact[n][a].named)
				m->fact[n][a].known = false;
	}
	m->lost[source] = m->begun[source] = false;
}

static int64_t naive_value(const struct naive *m, unsigned n, unsigned a, uint64_t now)
{
	if (!m->there[n] || !m->fact[n][a].known || m->lost[source_of(a)])
		return -1;
	if (attr_age[a] > 0 && now - m->fact[n][a].time_us > attr_age[a])
		return -1;
	return m->fact[n][a].value;
}

static void step_sync(struct store *s, struct naive *m, unsigned dice, uint64_t now)
{
	int source = (int) (dice % 2), r;
	enum anod_sync what = (enum anod_sync)(1 + dice / 2 % 3);

	r = store_sync(s, source ? "counters" : "rtnl", 1, what, now);
	if (what == ANOD_SYNC_LOST) {
		m->lost[source] = true;
		m->begun[source] = false;
	} else if (what == ANOD_SYNC_BEGIN) {
		m->begun[source] = true;
		for (unsigned n = 0; n < NAMES; n++)
			for (unsigned a = 0; a < ATTRS; a++)
				if (source_of(a) == source)
					m->fact[n][a].named = false;
	} else {
		cr_assert(eq(int, r, m->begun[source] ? 0 : -EINVAL));
		if (m->begun[source])
			naive_done(m, source);
	}
}

static void compare(const struct store *s, const struct naive *m, uint64_t now)
{
	for (unsigned n = 0; n < NAMES; n++) {
		char name[8];

		(void) snprintf(name, sizeof(name), "n%u", n);
		cr_assert(eq(int, store_find(s, 1, name) != 0, m->there[n]));
		for (unsigned a = 0; a < ATTRS; a++) {
			struct fact f = help_get(s, "link", name, attr_name[a], now);

			cr_assert(eq(i64, as_number(&f.value), naive_value(m, n, a, now)),
				  "%s.%s of %s", name, attr_name[a], attr_source[a]);
			cr_assert(eq(i64, m->told[n][a], as_number(&f.value)), "told %s.%s", name,
				  attr_name[a]);
		}
	}
}

Test(store_sync, random_histories_agree_with_a_naive_model)
{
	for (unsigned round = 0; round < 60; round++) {
		_cleanup_(schema_freep) struct schema *schema = help_schema();
		_cleanup_(store_freep) struct store *s = store_new(schema);
		unsigned short seed[3] = { (unsigned short) round, 11, 12 };
		struct naive m = { 0 };
		uint64_t now = SECOND;

		memset(m.told, 0xff, sizeof(m.told));
		help_want(s, "link", "util");
		help_want(s, "link", "rx_bps");
		(void) store_listen(s, naive_listen, &m);
		for (int step = 0; step < 600; step++) {
			unsigned dice = (unsigned) nrand48(seed), n = dice % NAMES;
			unsigned a = dice / NAMES % ATTRS, v = dice / 64 % 3;
			char name[8];

			(void) snprintf(name, sizeof(name), "n%u", n);
			now += dice % 5 == 0 ? dice % (4 * SECOND) : 0;
			switch (dice / 1024 % 12) {
			case 0:
				step_sync(s, &m, dice / 65536, now);
				break;
			case 1:
				(void) store_remove(s, store_find(s, 1, name), now);
				naive_drop(&m, n);
				break;
			case 2:
				help_put(s, "link", name, attr_name[a], value_unknown(), now);
				naive_publish(&m, n, a, -1, now);
				break;
			default:
				v = a == 0 ? v % 2 : v;
				help_put(s, "link", name, attr_name[a], as_value(a, v), now);
				naive_publish(&m, n, a, v, now);
			}
			(void) store_expire(s, now);
			cr_assert(gt(u64, store_next_expiry(s), now));
			compare(s, &m, now);
		}
	}
}
