/* What makes the prediction of a lost link uncertain, and what does not. */
#include <criterion/criterion.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>

#include "model/horizon.h"
#include "world.h"

#include "model/shadow.h"

static struct model *m;
static struct shadow *s;
static struct shadow_in in;
static char why[256];

static void put(struct anod_object o)
{
	cr_assert(model_put(m, &o) == 0);
	if (s && o.type == ANOD_OBJ_ROUTE)
		shadow_route(s, &o.u.route.dst);
	else if (s)
		shadow_links(s);
}

static struct anod_object bird(const char *dst, uint32_t metric, uint32_t dev)
{
	struct anod_object o = world_route_object(dst, RT_TABLE_MAIN, metric,
						  dev == 2 ? "10.1.0.1" : "10.2.0.1", dev);

	o.u.route.protocol = RTPROT_BIRD;
	return o;
}

static void begin(bool standby)
{
	m = world_model();
	put(world_link_object(2, "wan0", true, true));
	put(world_link_object(3, "wan1", true, true));
	in = (struct shadow_in){ .model = m, .table = RT_TABLE_MAIN, .lost = 2, .max = 100 };
	in.n_standby = standby;
	in.standby[0] =
		(struct anod_leg){ .via = world_prefix("10.2.0.9"), .ifindex = 3, .weight = 1 };
	cr_assert(shadow_new(&in, &s) == 0);
}

static void end(void)
{
	s = shadow_free(s);
	m = model_free(m);
}

static const char *doubt(void)
{
	while (shadow_run(s, 100))
		;
	return shadow_doubt(s, why, sizeof(why));
}

/* The gateway's last byte of the first entry that leads somewhere; 0: there is none. */
static unsigned leads_to(void)
{
	struct shadow_op op[64];
	unsigned n, last = 0;

	shadow_untake(s);
	n = shadow_take(s, op, 64);
	for (unsigned i = 0; i < n && !last; i++)
		if (op[i].way > SHADOW_THROW)
			last = shadow_way(s, op[i].way)->leg[0].via.addr[3];
	return last;
}

Test(shadow, says_what_is_not_certain)
{
	struct anod_object o;

	begin(false);
	cr_assert_null(doubt());
	put(bird("192.0.2.0/24", 10, 2));
	cr_assert(doubt() && strstr(why, "192.0.2.0/24: nothing usable is left"), "%s", why);
	put(bird("192.0.2.0/24", 20, 3));
	cr_assert_null(doubt(), "%s", why);
	cr_assert_eq(leads_to(), 1);
	cr_assert_eq(shadow_behind(s), 1);

	/* A packet's tos chooses another route. */
	o = bird("192.0.2.0/24", 10, 3);
	o.u.route.tos = 8;
	put(o);
	cr_assert(doubt() && strstr(why, "tos"), "%s", why);
	cr_assert(model_del(m, &o) == 0);
	shadow_route(s, &o.u.route.dst);
	cr_assert_null(doubt());

	/* What goes over the link or takes its place carries something unknown. */
	o = bird("192.0.2.0/24", 20, 3);
	o.flags = ANOD_OBJ_LOSSY;
	put(o);
	cr_assert(doubt() && strstr(why, "cannot be predicted"), "%s", why);
	put(bird("192.0.2.0/24", 20, 3));
	cr_assert_null(doubt());
	/* What stays as it is may carry what it likes, unless others are meant. */
	o = bird("198.51.100.0/24", 20, 3);
	o.flags = ANOD_OBJ_LOSSY;
	put(o);
	cr_assert_null(doubt());
	o.flags |= ANOD_OBJ_UNSURE;
	put(o);
	cr_assert_null(doubt(), "nothing around it changes");
	put(bird("198.51.0.0/16", 10, 2));
	put(bird("198.51.0.0/16", 20, 3));
	cr_assert(doubt() && strstr(why, "for some packets only"), "%s", why);
	end();
}

Test(shadow, the_standby_has_to_be_usable)
{
	begin(true);
	put(bird("192.0.2.0/24", 10, 2));
	cr_assert_null(doubt());
	cr_assert_eq(leads_to(), 9);
	put(world_link_object(3, "wan1", true, false));
	cr_assert(doubt() && strstr(why, "the standby is not usable"), "%s", why);
	put(world_link_object(3, "wan1", true, true));
	cr_assert_null(doubt());

	(void) model_sync(m, ANOD_OBJ_ROUTE, ANOD_SYNC_LOST);
	cr_assert(doubt() && strstr(why, "read again"), "%s", why);
	end();
}

Test(shadow, has_a_limit_and_recovers_from_it)
{
	char dst[32];

	begin(true);
	for (unsigned i = 0; i < 300; i++) {
		(void) snprintf(dst, sizeof(dst), "100.64.%u.%u/32", i / 256, i % 256);
		put(bird(dst, 10, 2));
	}
	cr_assert(doubt() && strstr(why, "more than 100 entries"), "%s", why);
	cr_assert_eq(shadow_entries(s), 100);
	cr_assert_lt(shadow_memory(s), 64 * 1024);
	for (unsigned i = 60; i < 300; i++) {
		struct anod_object o;

		(void) snprintf(dst, sizeof(dst), "100.64.%u.%u/32", i / 256, i % 256);
		o = bird(dst, 10, 2);
		cr_assert(model_del(m, &o) == 0);
		shadow_route(s, &o.u.route.dst);
	}
	cr_assert_null(doubt());
	cr_assert_eq(shadow_entries(s), 60);
	end();
}

Test(shadow, one_entry_speaks_for_what_it_covers)
{
	char dst[32];

	begin(true);
	put(bird("0.0.0.0/0", 10, 2));
	for (unsigned i = 0; i < 250; i++) {
		(void) snprintf(dst, sizeof(dst), "100.64.0.%u/32", i);
		put(bird(dst, 10, i % 50 == 0 ? 3 : 2));
	}
	cr_assert_null(doubt());
	cr_assert_eq(shadow_entries(s), 1 + 5);
	cr_assert_eq(shadow_behind(s), 246);
	cr_assert_eq(shadow_left(s), 246);
	end();
}

Test(shadow, the_best_candidate_comes_before_the_standby)
{
	struct anod_object o = bird("192.0.2.0/24", 10, 3);

	begin(true);
	put(world_route_object("10.2.0.0/24", RT_TABLE_MAIN, 0, NULL, 3));
	put(bird("192.0.2.0/24", 10, 2));
	cr_assert_null(doubt());
	cr_assert_eq(leads_to(), 9);
	o.u.route.leg[0].via = world_prefix("10.2.0.7");
	cr_assert(model_put_candidate(m, &o, 30) == 0);
	o.u.route.leg[0].via = world_prefix("10.2.0.8");
	cr_assert(model_put_candidate(m, &o, 20) == 0);
	/* One that would be lost, too, is none. */
	o = bird("192.0.2.0/24", 10, 2);
	cr_assert(model_put_candidate(m, &o, 10) == 0);
	shadow_links(s);
	cr_assert_null(doubt());
	cr_assert_eq(leads_to(), 8);
	/* Its gateway is not on the link any more. */
	o = world_route_object("10.2.0.0/24", RT_TABLE_MAIN, 0, NULL, 3);
	cr_assert(model_del(m, &o) == 0);
	shadow_route(s, &o.u.route.dst);
	cr_assert_null(doubt());
	cr_assert_eq(leads_to(), 9);
	end();
}

Test(shadow, what_was_reached_on_the_link_is_left_to_the_kernel)
{
	struct anod_object o = world_route_object("10.1.0.0/24", RT_TABLE_MAIN, 0, NULL, 2);
	struct shadow_op op[8];
	unsigned n;

	begin(true);
	o.u.route.protocol = RTPROT_KERNEL;
	put(o);
	put(bird("0.0.0.0/0", 10, 2));
	cr_assert_null(doubt());
	n = shadow_take(s, op, 8);
	cr_assert(n == 2 && op[0].dst.len == 24 && op[0].way == SHADOW_THROW && op[1].dst.len == 0,
		  "the exception is written before the rule");
	cr_assert_eq(shadow_behind(s), 1);
	cr_assert_eq(shadow_left(s), 1);
	cr_assert(shadow_uses_link(s, 3) && !shadow_uses_link(s, 2));
	end();
}
