#include <criterion/criterion.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "model/classes.h"
#include "model/state.h"
#include "world.h"

static struct anod_object random_route(struct dice *d)
{
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };
	struct anod_route *r = &o.u.route;
	bool v6 = dice_roll(d, 4) == 0;
	struct anod_prefix p = { .family = v6 ? AF_INET6 : AF_INET };

	for (int i = 0; i < 4; i++)
		p.addr[i] = (uint8_t) dice_roll(d, 4);
	r->dst = prefix_cut(&p, (uint8_t) dice_roll(d, 33));
	r->table = 254 + dice_roll(d, 2);
	r->metric = dice_roll(d, 3);
	r->tos = dice_roll(d, 8) == 0 ? 16 : 0;
	r->type = RTN_UNICAST;
	r->protocol = (uint8_t) dice_roll(d, 3);
	r->n_legs = (uint8_t) (1 + dice_roll(d, 2));
	for (unsigned i = 0; i < r->n_legs; i++)
		r->leg[i] = (struct anod_leg){ .ifindex = 1 + dice_roll(d, 4), .weight = 1 };
	return o;
}

static bool same_key(const struct anod_object *a, const struct anod_object *b)
{
	return a->u.route.table == b->u.route.table && a->u.route.metric == b->u.route.metric &&
	       a->u.route.tos == b->u.route.tos &&
	       memcmp(&a->u.route.dst, &b->u.route.dst, sizeof(a->u.route.dst)) == 0;
}

struct shadow {
	struct anod_object o[512];
	unsigned n;
};

static struct anod_object *shadow_find(struct shadow *s, const struct anod_object *key)
{
	for (unsigned i = 0; i < s->n; i++)
		if (same_key(&s->o[i], key))
			return &s->o[i];
	return NULL;
}

static int check_one(const struct anod_object *o, void *data)
{
	struct anod_object *there = shadow_find(data, o);

	cr_assert(there && memcmp(there, o, sizeof(*o)) == 0, "a route that nobody put");
	return 0;
}

Test(model, holds_exactly_the_routes_that_were_put)
{
	struct dice d = { dice_seed("model") };
	_cleanup_(model_freep) struct model *m = model_new();
	static struct shadow s;

	for (unsigned step = 0; step < 20000; step++) {
		struct anod_object o = random_route(&d), got;
		struct anod_object *there = shadow_find(&s, &o);

		if (dice_roll(&d, 3) == 0 || s.n == ARRAY_SIZE(s.o)) {
			cr_assert(model_del(m, &o) == 0);
			if (there)
				*there = s.o[--s.n];
			cr_assert(model_get(m, &o, &got) == -ENOENT);
		} else {
			cr_assert(model_put(m, &o) == 0);
			if (!there)
				there = &s.o[s.n++];
			*there = o;
			cr_assert(model_get(m, &o, &got) == 0);
			cr_assert(memcmp(&got, &o, sizeof(o)) == 0);
		}
		cr_assert(model_count(m, ANOD_OBJ_ROUTE) == s.n);
	}
	cr_assert(model_each(m, ANOD_OBJ_ROUTE, check_one, &s) == 0);
	for (unsigned i = 0; i < s.n; i++) {
		struct anod_object got;

		cr_assert(model_get(m, &s.o[i], &got) == 0);
	}
	while (s.n)
		cr_assert(model_del(m, &s.o[--s.n]) == 0);
	cr_expect(m->base.routes.n_live_ways == 0 && m->base.routes.n_chains == 0);
}

Test(model, holds_small_objects_by_key)
{
	struct dice d = { dice_seed("otab") };
	_cleanup_(model_freep) struct model *m = model_new();
	bool there[200] = { 0 };
	unsigned n = 0;

	for (unsigned step = 0; step < 20000; step++) {
		uint32_t id = dice_roll(&d, 200);
		struct anod_object o = { .type = ANOD_OBJ_NEXTHOP, .u.nexthop.id = id + 1 }, got;

		if (dice_roll(&d, 2)) {
			o.u.nexthop.ifindex = dice_roll(&d, 9);
			cr_assert(model_put(m, &o) == 0);
			n += !there[id];
			there[id] = true;
			cr_assert(model_get(m, &o, &got) == 0 && memcmp(&o, &got, sizeof(o)) == 0);
		} else {
			cr_assert(model_del(m, &o) == 0);
			n -= there[id];
			there[id] = false;
			cr_assert(model_get(m, &o, &got) == -ENOENT);
		}
		cr_assert(model_count(m, ANOD_OBJ_NEXTHOP) == n);
	}
}

Test(model, tells_rules_apart_by_all_but_their_protocol)
{
	_cleanup_(model_freep) struct model *m = model_new();
	struct anod_object o = { .type = ANOD_OBJ_RULE }, got;

	o.u.rule.priority = 100;
	o.u.rule.table = 254;
	cr_assert(model_put(m, &o) == 0);
	o.u.rule.protocol = 4;
	cr_assert(model_put(m, &o) == 0);
	cr_expect(model_count(m, ANOD_OBJ_RULE) == 1);
	(void) copy_text(o.u.rule.iif, sizeof(o.u.rule.iif), "wan0");
	cr_expect(model_get(m, &o, &got) == -ENOENT);
	cr_assert(model_put(m, &o) == 0);
	cr_expect(model_count(m, ANOD_OBJ_RULE) == 2);
}

Test(model, sweeps_what_a_resync_does_not_name)
{
	_cleanup_(model_freep) struct model *m = world_model();
	struct anod_object a = world_route_object("10.0.0.0/8", 254, 0, NULL, 2), got;
	struct anod_object b = world_route_object("10.1.0.0/16", 254, 0, NULL, 2);
	uint64_t generation;

	cr_expect(model_in_sync(m));
	cr_assert(model_put(m, &a) == 0 && model_put(m, &b) == 0);
	generation = model_generation(m);
	cr_assert(model_put(m, &a) == 0);
	cr_expect(model_generation(m) == generation, "nothing changed");

	cr_assert(model_sync(m, ANOD_OBJ_ROUTE, ANOD_SYNC_LOST) == 0);
	cr_expect(!model_in_sync(m));
	cr_expect(model_sync(m, ANOD_OBJ_ROUTE, ANOD_SYNC_DONE) == -EPROTO);
	cr_assert(model_sync(m, ANOD_OBJ_ROUTE, ANOD_SYNC_BEGIN) == 0);
	cr_assert(model_put(m, &b) == 0);
	/* Lost again in the middle: the dump may have missed it. */
	cr_assert(model_sync(m, ANOD_OBJ_ROUTE, ANOD_SYNC_LOST) == 0);
	cr_expect(model_sync(m, ANOD_OBJ_ROUTE, ANOD_SYNC_DONE) == -EPROTO);
	cr_expect(model_count(m, ANOD_OBJ_ROUTE) == 2);
	cr_assert(model_sync(m, ANOD_OBJ_ROUTE, ANOD_SYNC_BEGIN) == 0);
	cr_assert(model_put(m, &b) == 0);
	cr_assert(model_sync(m, ANOD_OBJ_ROUTE, ANOD_SYNC_DONE) == 0);
	cr_expect(model_in_sync(m));
	cr_expect(model_get(m, &a, &got) == -ENOENT);
	cr_expect(model_get(m, &b, &got) == 0);
}

Test(model, refuses_what_no_kernel_has)
{
	_cleanup_(model_freep) struct model *m = model_new();
	struct anod_object o = world_route_object("10.0.0.0/8", 254, 0, NULL, 2);

	o.u.route.dst.len = 33;
	cr_expect(model_put(m, &o) == -EINVAL);
	o.u.route.dst.len = 8;
	o.u.route.dst.family = 0;
	cr_expect(model_put(m, &o) == -EINVAL);
	o.u.route.dst.family = AF_INET;
	o.u.route.n_legs = ANOD_LEGS_MAX + 1;
	cr_expect(model_put(m, &o) == -EINVAL);
	o.type = 99;
	cr_expect(model_put(m, &o) == -EINVAL);
}

static size_t runs_size(const struct runs *r)
{
	return (size_t) r->n_chunks * (((size_t) r->unit << RUNS_CHUNK_BITS) + 2 * sizeof(void *));
}

Test(model, holds_a_hundred_thousand_routes_in_five_megabytes)
{
	_cleanup_(model_freep) struct model *m = model_new();
	const struct rtab *t = &m->base.routes;
	size_t bytes;

	for (uint32_t i = 0; i < 100000; i++) {
		struct anod_object o = { .type = ANOD_OBJ_ROUTE };
		uint32_t net = htobe32(0x0b000000u + (i << 8));

		o.u.route.dst.family = AF_INET;
		o.u.route.dst.len = 24;
		memcpy(o.u.route.dst.addr, &net, 4);
		o.u.route.table = 254;
		o.u.route.type = RTN_UNICAST;
		o.u.route.n_legs = 1;
		o.u.route.leg[0] = (struct anod_leg){ .ifindex = 1 + i % 7, .weight = 1 };
		cr_assert(model_put(m, &o) == 0);
	}
	bytes = (size_t) t->pool[1].n_chunks *
			((RTAB_SHORT << RTAB_CHUNK_BITS) + 2 * sizeof(void *)) +
		runs_size(&t->nodes) + runs_size(&t->leaves);
	cr_expect(t->n_live_ways == 7 && t->classes->n_live == 9);
	cr_expect(bytes < 5u << 20, "%zu bytes", bytes);
}
