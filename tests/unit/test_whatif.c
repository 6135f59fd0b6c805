#include <criterion/criterion.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "model/state.h"
#include "world.h"

static int run(const struct model *m, const struct anod_action *a, unsigned n, struct whatif **ret)
{
	struct whatif_in in = { .model = m, .action = a, .n_actions = n, .find = world_find };

	return whatif_run(&in, ret);
}

static void put(struct model *m, struct anod_object o)
{
	cr_assert(model_put(m, &o) == 0);
}

static struct model *two_uplinks(void)
{
	struct model *m = world_model();

	put(m, world_link_object(2, "wan0", true, true));
	put(m, world_link_object(3, "wan1", true, true));
	put(m, world_route_object("0.0.0.0/0", 254, 100, NULL, 2));
	put(m, world_route_object("10.0.0.0/8", 254, 0, NULL, 2));
	return m;
}

Test(whatif, plans_each_action_on_what_the_earlier_ones_left)
{
	_cleanup_(model_freep) struct model *m = two_uplinks();
	_cleanup_(whatif_freep) struct whatif *w = NULL;
	struct anod_action a[2] = { { .kind = "route.add" }, { .kind = "route.metric" } };
	struct flow_key k = { .dst = world_prefix("8.8.8.8") };
	struct flow_path p;

	world_arg(&a[0], "dst", "0.0.0.0/0");
	world_arg(&a[0], "dev", "wan1");
	world_arg(&a[0], "metric", "500");
	world_arg(&a[1], "dst", "0.0.0.0/0");
	world_arg(&a[1], "metric", "500");
	world_arg(&a[1], "to", "50");
	cr_assert(run(m, a, 2, &w) == 0, "%s", w ? w->error : "");
	cr_expect(w->n_steps == 3 && w->step_action[2] == 1);
	overlay_lookup(w->before, &k, &p);
	cr_expect(p.leg[0].ifindex == 2);
	overlay_lookup(w->after, &k, &p);
	cr_expect(p.leg[0].ifindex == 3);
	cr_expect(w->prefixes == 2 && w->moved_prefixes == 1 && w->new_blackholes == 0);
	cr_expect(model_count(m, ANOD_OBJ_ROUTE) == 2);
}

Test(whatif, says_why_an_action_is_not_possible)
{
	_cleanup_(model_freep) struct model *m = two_uplinks();
	struct anod_object lossy = world_route_object("11.0.0.0/8", 254, 0, NULL, 2);
	struct anod_action a = { .kind = "route.del" };
	struct whatif *w = NULL;

	world_arg(&a, "dst", "12.0.0.0/8");
	cr_expect(run(m, &a, 1, &w) == -EINVAL);
	cr_expect(w && strstr(w->error, "there is no route to 12.0.0.0/8"), "%s", w->error);
	whatif_free(w);
	(void) copy_text(a.kind, sizeof(a.kind), "nothing.known");
	cr_expect(run(m, &a, 1, &w) == -ENOENT && strstr(w->error, "nothing.known"));
	whatif_free(w);
	cr_expect(run(m, &a, ANOD_ACTIONS_MAX + 1, &w) == -E2BIG && !w);

	lossy.flags = ANOD_OBJ_LOSSY;
	put(m, lossy);
	a = (struct anod_action){ .kind = "route.del" };
	world_arg(&a, "dst", "11.0.0.0/8");
	cr_expect(run(m, &a, 1, &w) == -EINVAL);
	whatif_free(w);
}

Test(whatif, counts_paths_that_share_no_link)
{
	_cleanup_(model_freep) struct model *m = two_uplinks();
	struct flow_key k = { .dst = world_prefix("10.1.1.1") };
	struct anod_object multi = world_route_object("10.0.0.0/8", 254, 0, NULL, 2);
	char link[ANOD_IFNAME_SIZE];
	struct overlay *o = overlay_new(m);

	cr_expect(whatif_disjoint_paths(o, &k, 4) == 1);
	cr_expect(!whatif_survives_one_link(o, &k, link));
	cr_expect_str_eq(link, "wan0");
	overlay_free(o);

	put(m, world_route_object("0.0.0.0/0", 254, 200, NULL, 3));
	o = overlay_new(m);
	cr_expect(whatif_disjoint_paths(o, &k, 4) == 2);
	cr_expect(whatif_disjoint_paths(o, &k, 1) == 1);
	cr_expect(whatif_survives_one_link(o, &k, link));
	overlay_free(o);

	put(m, world_link_object(4, "wan2", true, true));
	world_add_leg(&multi, NULL, 4, 1);
	put(m, multi);
	o = overlay_new(m);
	cr_expect(whatif_disjoint_paths(o, &k, 4) == 3);
	overlay_free(o);
}

/* Every prefix looked up in both states, one by one. */
struct brute {
	const struct whatif *w;
	struct anod_route seen[600];
	unsigned n, moved, lost;
};

static void brute_path(const struct overlay *o, const struct anod_route *r, struct flow_path *ret)
{
	static const uint32_t later[] = { RT_TABLE_MAIN, RT_TABLE_DEFAULT };

	memset(ret, 0, sizeof(*ret));
	overlay_lookup_table(o, r->table, &r->dst, NULL, 0, ret);
	for (unsigned i = 0; i < 2 && !ret->fate; i++)
		if (r->table != later[i])
			overlay_lookup_table(o, later[i], &r->dst, NULL, 0, ret);
}

static int brute_one(const struct anod_object *obj, void *data)
{
	const struct anod_route *r = &obj->u.route;
	struct brute *b = data;
	struct flow_path was, is;
	bool differ;

	if (r->type != RTN_UNICAST || r->tos)
		return 0;
	for (unsigned i = 0; i < b->n; i++)
		if (b->seen[i].table == r->table &&
		    memcmp(&b->seen[i].dst, &r->dst, sizeof(r->dst)) == 0)
			return 0;
	b->seen[b->n++] = *r;
	brute_path(b->w->before, r, &was);
	brute_path(b->w->after, r, &is);
	differ = was.n_legs != is.n_legs;
	for (unsigned i = 0; i < was.n_legs && !differ; i++)
		differ = was.leg[i].ifindex != is.leg[i].ifindex;
	b->moved += differ;
	b->lost += was.fate == FLOW_FORWARDED && is.fate != FLOW_FORWARDED;
	return 0;
}

static void random_tables(struct dice *d, struct model *m)
{
	for (uint32_t i = 2; i < 6; i++) {
		char name[8];

		(void) snprintf(name, sizeof(name), "eth%u", i);
		put(m, world_link_object(i, name, dice_roll(d, 5) != 0, dice_roll(d, 5) != 0));
	}
	for (unsigned i = 0; i < 40; i++) {
		struct anod_object o = { .type = ANOD_OBJ_ROUTE };
		struct anod_prefix p = { .family = AF_INET };

		for (int k = 0; k < 2; k++)
			p.addr[k] = (uint8_t) dice_roll(d, 3);
		o.u.route.dst = prefix_cut(&p, (uint8_t) dice_roll(d, 17));
		o.u.route.table = dice_roll(d, 4) ? 254 : 100;
		o.u.route.metric = dice_roll(d, 3);
		o.u.route.protocol = ANOD_RTPROT;
		o.u.route.type = dice_roll(d, 8) ? RTN_UNICAST : RTN_BLACKHOLE;
		for (unsigned k = 0; k <= dice_roll(d, 2) && o.u.route.type == RTN_UNICAST; k++)
			world_add_leg(&o, NULL, 2 + dice_roll(d, 4), 1);
		put(m, o);
	}
}

static unsigned random_actions(struct dice *d, struct anod_action *a)
{
	static const char *const links[] = { "eth2", "eth3", "eth4", "eth5" };
	char dst[32];

	(void) snprintf(dst, sizeof(dst), "%u.%u.0.0/16", dice_roll(d, 3), dice_roll(d, 3));
	switch (dice_roll(d, 3)) {
	case 0:
		(void) copy_text(a->kind, sizeof(a->kind), "link.down");
		world_arg(a, "dev", links[dice_roll(d, 4)]);
		return 1;
	case 1:
		(void) copy_text(a->kind, sizeof(a->kind), "route.replace");
		world_arg(a, "dst", dice_roll(d, 2) ? dst : "0.0.0.0/0");
		world_arg(a, "dev", links[dice_roll(d, 4)]);
		return 1;
	default:
		(void) copy_text(a->kind, sizeof(a->kind), "route.del");
		world_arg(a, "dst", dice_roll(d, 2) ? dst : "0.0.0.0/0");
		return 1;
	}
}

Test(whatif, measures_what_looking_at_every_prefix_would)
{
	struct dice d = { dice_seed("measure") };
	static struct brute b;
	unsigned planned = 0;

	for (unsigned round = 0; round < 3000; round++) {
		_cleanup_(model_freep) struct model *m = world_model();
		struct anod_action a = { 0 };
		struct whatif *w = NULL;

		random_tables(&d, m);
		(void) random_actions(&d, &a);
		if (run(m, &a, 1, &w) < 0 || w->n_steps != 1) {
			whatif_free(w);
			continue;
		}
		planned++;
		b = (struct brute){ .w = w };
		(void) overlay_each(w->before, ANOD_OBJ_ROUTE, brute_one, &b);
		(void) overlay_each(w->after, ANOD_OBJ_ROUTE, brute_one, &b);
		cr_assert(w->prefixes == b.n, "round %u: %u prefixes, not %u", round, w->prefixes,
			  b.n);
		cr_assert(w->moved_prefixes == b.moved, "round %u %s: %u moved, not %u", round,
			  a.kind, w->moved_prefixes, b.moved);
		cr_assert(w->new_blackholes == b.lost, "round %u %s: %u lost, not %u", round,
			  a.kind, w->new_blackholes, b.lost);
		whatif_free(w);
	}
	cr_expect(planned > 1000, "%u", planned);
}
