/*
 * Numbers told by classes against every destination looked up among all routes, one by one.
 */
#include <criterion/criterion.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "model/effect.h"
#include "model/horizon.h"
#include "model/measure.h"
#include "model/sweep.h"
#include "model_brute.h"
#include "world.h"

#define LINKS	 5
#define NEXTHOPS 7
#define GROUPS	 512

static unsigned cases(void)
{
	const char *n = getenv("ANOD_ROUNDS");

	return n ? (unsigned) strtoul(n, NULL, 10) : 10000;
}

/* ---- random networks -------------------------------------------------------------------- */

static uint32_t any_table(struct dice *d)
{
	static const uint32_t tables[] = { 254, 254, 254, 254, 100, 100, 1000, 253, 255 };

	return tables[dice_roll(d, ARRAY_SIZE(tables))];
}

/* Many that contain each other; of IPv6 also ones that differ far behind. */
static struct anod_prefix any_prefix(struct dice *d)
{
	static const uint8_t bytes[] = { 0, 0, 0, 1, 128, 255 };
	static const uint8_t lens6[] = { 0, 1, 7, 32, 33, 48, 63, 64, 65, 100, 127, 128 };
	static const uint8_t lens4[] = { 0, 0, 1, 8, 9, 12, 13, 16, 18, 19, 24, 25, 30, 31, 32 };
	bool v6 = dice_roll(d, 3) == 0;
	struct anod_prefix p = { .family = v6 ? AF_INET6 : AF_INET };

	for (unsigned i = 0; i < (v6 ? 16 : 4); i++)
		p.addr[i] =
			i == 0 || dice_roll(d, 3) == 0 ? bytes[dice_roll(d, ARRAY_SIZE(bytes))] : 0;
	return prefix_cut(&p, v6 ? lens6[dice_roll(d, ARRAY_SIZE(lens6))]
				 : lens4[dice_roll(d, ARRAY_SIZE(lens4))]);
}

static struct anod_leg any_leg(struct dice *d)
{
	struct anod_leg leg = { .ifindex = 1 + dice_roll(d, LINKS + 1),
				.weight = 1 + (dice_roll(d, 4) == 0),
				.flags = dice_roll(d, 12) == 0 ? RTNH_F_DEAD : 0 };

	if (dice_roll(d, 2))
		leg.via = world_prefix(dice_roll(d, 2) ? "10.9.0.1" : "10.9.0.2");
	return leg;
}

static struct anod_object any_route(struct dice *d)
{
	static const uint8_t types[] = { RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_THROW, RTN_THROW,
					 RTN_LOCAL };
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };
	struct anod_route *r = &o.u.route;

	r->dst = any_prefix(d);
	r->table = any_table(d);
	r->metric = dice_roll(d, 4) ? 0 : dice_roll(d, 3);
	r->tos = dice_roll(d, 15) == 0 ? 16 : 0;
	r->protocol = dice_roll(d, 3) ? RTPROT_BGP : RTPROT_STATIC;
	r->scope = dice_roll(d, 12) == 0 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	r->type = dice_roll(d, 6) ? RTN_UNICAST : types[dice_roll(d, ARRAY_SIZE(types))];
	if (r->type == RTN_LOCAL && r->dst.family == AF_INET)
		r->scope = RT_SCOPE_HOST;
	else if (r->type != RTN_UNICAST)
		return o;
	if (dice_roll(d, 4) == 0 && r->type == RTN_UNICAST)
		r->nhid = 1 + dice_roll(d, NEXTHOPS);
	r->n_legs = (uint8_t) (1 + (dice_roll(d, 3) == 0) + (dice_roll(d, 9) == 0));
	for (unsigned i = 0; i < r->n_legs; i++)
		r->leg[i] = any_leg(d);
	return o;
}

static struct anod_object any_link(struct dice *d)
{
	uint32_t i = 1 + dice_roll(d, LINKS);
	struct anod_object o;
	char name[8];

	(void) snprintf(name, sizeof(name), "eth%u", i);
	o = world_link_object(i, name, dice_roll(d, 5) != 0, dice_roll(d, 5) != 0);
	o.u.link.conf = dice_roll(d, 4) ? 0 : (uint8_t) dice_roll(d, 64);
	if (i == LINKS && dice_roll(d, 2)) {
		(void) strcpy(o.u.link.kind, "vrf");
		o.u.link.vrf_table = dice_roll(d, 2) ? 100 : 1000;
	} else if (dice_roll(d, 3) == 0) {
		o.u.link.master = LINKS;
	}
	return o;
}

static struct anod_object any_address(struct dice *d)
{
	static const char *const own[] = { "10.9.0.3/24", "10.9.0.3/32", "1.0.0.1/9", "0.0.0.1/8",
					   "2001:db8::3/64" };
	struct anod_object o = { .type = ANOD_OBJ_ADDR, .u.addr.ifindex = 1 + dice_roll(d, LINKS) };
	const char *text = own[dice_roll(d, ARRAY_SIZE(own))], *slash = strchr(text, '/');
	char host[32];

	(void) snprintf(host, sizeof(host), "%.*s", (int) (slash - text), text);
	o.u.addr.local = world_prefix(host);
	o.u.addr.local.len = (uint8_t) strtoul(slash + 1, NULL, 10);
	o.u.addr.flags = dice_roll(d, 6) ? 0 : IFA_F_SECONDARY;
	return o;
}

/* 1 to 4 are next hops, the others are groups of the last three; the first is a blackhole at
 * times, which cannot be in a group. */
static struct anod_object any_nexthop(struct dice *d)
{
	struct anod_object o = { .type = ANOD_OBJ_NEXTHOP };
	struct anod_nexthop *n = &o.u.nexthop;

	n->id = 1 + dice_roll(d, NEXTHOPS);
	if (n->id > 4) {
		n->n_members = (uint8_t) (1 + dice_roll(d, 3));
		for (unsigned i = 0, first = dice_roll(d, 3); i < n->n_members; i++)
			n->member[i] = (struct anod_member){ .id = 2 + (first + i) % 3,
							     .weight = 1 + dice_roll(d, 2) };
		return o;
	}
	n->family = AF_INET;
	n->blackhole = n->id == 1 && dice_roll(d, 3) == 0;
	if (!n->blackhole)
		n->ifindex = 1 + dice_roll(d, LINKS);
	return o;
}

static struct anod_object any_object(struct dice *d)
{
	switch (dice_roll(d, 5)) {
	case 0:
		return any_link(d);
	case 1:
		return any_nexthop(d);
	case 2:
		return any_address(d);
	default:
		return any_route(d);
	}
}

static int nth_route(const struct anod_object *o, void *data)
{
	struct {
		unsigned n;
		struct anod_object o;
	} *want = data;

	want->o = *o;
	return want->n-- == 0;
}

/* Puts some, and deletes some of what is there. */
static void churn(struct dice *d, struct model *m, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct {
			unsigned n;
			struct anod_object o;
		} some = { .n = dice_roll(d, 1 + model_count(m, ANOD_OBJ_ROUTE)) };

		if (dice_roll(d, 3)) {
			some.o = dice_roll(d, 5) ? any_route(d) : any_object(d);
			cr_assert(model_put(m, &some.o) == 0);
		} else if (model_each(m, ANOD_OBJ_ROUTE, nth_route, &some) == 1) {
			cr_assert(model_del(m, &some.o) == 0);
		}
	}
}

static void random_network(struct dice *d, struct model *m)
{
	for (unsigned i = 0; i < 3 * LINKS; i++) {
		struct anod_object o = any_link(d);

		cr_assert(model_put(m, &o) == 0);
	}
	for (unsigned i = 0; i < 2 * NEXTHOPS; i++) {
		struct anod_object o = any_nexthop(d);

		cr_assert(model_put(m, &o) == 0);
	}
	for (unsigned i = dice_roll(d, 2) * 2 * LINKS; i > 0; i--) {
		struct anod_object o = any_address(d);

		cr_assert(model_put(m, &o) == 0);
	}
	for (unsigned i = dice_roll(d, 4); i > 0; i--) {
		struct anod_object o = any_route(d);

		(void) model_put_candidate(m, &o, (uint8_t) dice_roll(d, 3));
	}
	churn(d, m, 10 + dice_roll(d, 90));
}

/* A change of what the overlay shows. */
static struct anod_change random_change(struct dice *d, struct overlay *o)
{
	struct anod_change c = { .has_post = 1 };

	c.post = dice_roll(d, 6) ? any_object(d) : any_link(d);
	if (c.post.type == ANOD_OBJ_LINK && dice_roll(d, 2))
		c.post.u.link.flags &= ~(uint32_t) IFF_UP;
	c.has_pre = overlay_get(o, &c.post, &c.pre) == 0;
	if (c.post.type != ANOD_OBJ_LINK && c.has_pre && dice_roll(d, 3) == 0)
		c.has_post = 0;
	cr_assert(overlay_apply(o, &c) >= 0);
	return c;
}

/* ---- comparison ------------------------------------------------------------------------- */

struct told {
	const struct overlay *before, *after;
	struct brute_sum sum;
	unsigned n;
	struct {
		struct flow_path was, is;
		unsigned n;
	} group[GROUPS];
	const char *wrong;
};

static bool same(const struct flow_path *a, const struct flow_path *b)
{
	return a->fate == b->fate && flow_same_legs(a, b);
}

static unsigned *group_of(struct told *t, const struct flow_path *was, const struct flow_path *is)
{
	for (unsigned i = 0; i < t->n; i++)
		if (same(&t->group[i].was, was) && same(&t->group[i].is, is))
			return &t->group[i].n;
	cr_assert(t->n < GROUPS);
	t->group[t->n].was = *was;
	t->group[t->n].is = *is;
	t->group[t->n].n = 0;
	return &t->group[t->n++].n;
}

static void brute_one(uint32_t table, const struct anod_prefix *dst, void *data)
{
	struct told *t = data;
	struct flow_path was, is;

	brute_path(t->before, table, dst, NULL, 0, &was);
	brute_path(t->after, table, dst, NULL, 0, &is);
	brute_add(&t->sum, &was, &is);
	(*group_of(t, &was, &is))++;
}

/* Take the group away from what the brute way found; its example must be in it. */
static int check_group(const struct flow_group *g, void *data)
{
	struct told *t = data;
	unsigned *n = group_of(t, g->was, g->is);
	struct flow_path was, is;

	if (*n != g->prefixes)
		t->wrong = "another number of prefixes in a group";
	*n = 0;
	brute_path(t->before, g->table, &g->example, NULL, 0, &was);
	brute_path(t->after, g->table, &g->example, NULL, 0, &is);
	if (!same(&was, g->was) || !same(&is, g->is))
		t->wrong = "an example that is not in the group";
	return 0;
}

static const char *compare(struct overlay *before, struct overlay *after)
{
	struct measured w;
	static struct told t;

	t = (struct told){ .before = before, .after = after };
	brute_each(before, after, brute_one, &t);
	cr_assert(measure(before, after, &w) == 0);
	if (w.prefixes != t.sum.prefixes)
		return "another number of prefixes";
	if (w.moved != t.sum.moved)
		return "another number of moved prefixes";
	if (w.lost != t.sum.lost || w.mended != t.sum.mended)
		return "another number of blackholes";
	cr_assert(flows_each(before, after, check_group, &t) == 0);
	for (unsigned i = 0; i < t.n; i++)
		if (t.group[i].n)
			return "a group is missing";
	return t.wrong;
}

/* One look-up of a random destination, by trie and by hand. */
static const char *compare_path(struct dice *d, const struct overlay *o)
{
	struct anod_prefix dst = any_prefix(d);
	uint32_t table = any_table(d), cut = 1 + dice_roll(d, LINKS);
	struct flow_path a, b;

	path_legs(o, table, &dst, &cut, 1, &a);
	brute_path(o, table, &dst, &cut, 1, &b);
	return same(&a, &b) ? NULL : "another path";
}

/* A group whose members are not there, which no kernel has, loses them when a link goes down. */
static int is_odd(const struct anod_object *obj, void *data)
{
	for (unsigned i = 0; i < obj->u.nexthop.n_members; i++)
		if (!overlay_nexthop(data, obj->u.nexthop.member[i].id))
			return 1;
	return 0;
}

static const char *compare_sweep(const struct model *m, struct overlay *o,
				 const struct anod_change *in_flight, unsigned n)
{
	struct nminus1 row[LINKS];

	if (overlay_each(o, ANOD_OBJ_NEXTHOP, is_odd, o) != 0)
		return NULL;
	/* An overlay remembers that a link was down; together with the next one that is lost this
	 * may hide a route whose leg on it has come up again. */
	for (unsigned i = 0; i < o->n_lost_links; i++)
		if (overlay_link(o, o->lost_link[i])->flags & IFF_UP)
			return NULL;
	/* So it does with one that had no address for a while. */
	for (unsigned i = 0; i < o->n_lost4_links; i++)
		if (overlay_has_ipv4(o, o->lost4_link[i]))
			return NULL;
	for (uint32_t i = 0; i < LINKS; i++)
		row[i].ifindex = i + 1;
	cr_assert(sweep_links(o, row, LINKS) == 0);
	for (uint32_t i = 0; i < LINKS; i++) {
		_cleanup_(overlay_freep) struct overlay *lost = overlay_new(m);
		struct anod_object key = { .type = ANOD_OBJ_LINK, .u.link.ifindex = i + 1 };
		struct anod_change c = { .has_pre = 1, .has_post = 1 };
		struct told t = { .before = o, .after = lost };

		for (unsigned k = 0; k < n; k++)
			cr_assert(overlay_apply(lost, &in_flight[k]) >= 0);
		if (overlay_get(lost, &key, &c.pre) < 0)
			continue;
		c.post = c.pre;
		c.post.u.link.flags &= ~(uint32_t) IFF_UP;
		cr_assert(overlay_apply(lost, &c) >= 0);
		brute_each(o, lost, brute_one, &t);
		if (row[i].moved_prefixes != t.sum.moved || row[i].new_blackholes != t.sum.lost)
			return "the sweep found another number";
	}
	return NULL;
}

/* Two overlays with something in flight, and what one change more does. */
static const char *one_case(struct dice *d, struct model *m, bool sweep)
{
	_cleanup_(overlay_freep) struct overlay *before = overlay_new(m);
	_cleanup_(overlay_freep) struct overlay *after = overlay_new(m);
	struct anod_change in_flight[3];
	unsigned n = dice_roll(d, 3);
	const char *wrong;

	for (unsigned i = 0; i < n; i++) {
		in_flight[i] = random_change(d, before);
		cr_assert(overlay_apply(after, &in_flight[i]) >= 0);
	}
	wrong = sweep ? compare_sweep(m, before, in_flight, n) : NULL;
	for (unsigned i = 1 + dice_roll(d, 3); i > 0; i--)
		(void) random_change(d, after);
	if (dice_roll(d, 3) == 0) {
		cr_assert(overlay_converge(after) == 0);
		if (dice_roll(d, 2))
			cr_assert(overlay_converge(before) == 0);
	}
	if (!wrong)
		wrong = compare(before, after);
	return wrong ? wrong : compare_path(d, after);
}

Test(property, classes_tell_what_looking_at_every_destination_would, .timeout = 7200)
{
	struct dice d = { dice_seed("classes") };
	unsigned all = cases();

	for (unsigned n = 0; n < all;) {
		_cleanup_(model_freep) struct model *m = world_model();

		random_network(&d, m);
		for (unsigned k = 0; k < 8 && n < all; k++, n++) {
			const char *wrong = one_case(&d, m, k == 0);

			cr_assert(!wrong, "case %u: %s", n, wrong);
			churn(&d, m, dice_roll(&d, 5));
		}
	}
}

Test(classes, are_the_same_when_built_anew)
{
	struct dice d = { dice_seed("rebuild") };

	for (unsigned n = 0; n < 200; n++) {
		_cleanup_(model_freep) struct model *m = world_model();
		struct classes *cl = m->base.routes.classes;
		const char *wrong;
		uint32_t live;

		random_network(&d, m);
		churn(&d, m, 100);
		live = cl->n_live;
		cl->broken = true;
		churn(&d, m, n % 2);
		cr_assert(classes_ready(cl) == 0);
		cr_assert(n % 2 || cl->n_live == live, "%u classes, not %u", cl->n_live, live);
		wrong = one_case(&d, m, true);
		cr_assert(!wrong, "case %u: %s", n, wrong);
		cr_assert(model_sync(m, ANOD_OBJ_ROUTE, ANOD_SYNC_BEGIN) == 0);
		cr_assert(model_sync(m, ANOD_OBJ_ROUTE, ANOD_SYNC_DONE) == 0);
		cr_assert(cl->n_live == 0 && cl->n_dests == 0);
		cr_assert(m->base.routes.n_live_ways == 0);
	}
}
