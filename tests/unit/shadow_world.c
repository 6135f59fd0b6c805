/*
 * shadow_world - random routers for tests of the shadow, and what it should say of them.
 *
 * Design.  Few prefixes and few links, so that everything meets everything: nested destinations,
 * several metrics, multipath, next-hop objects and groups, routes that drop, a VLAN on the link,
 * links that are down already.
 */
#include "shadow_world.h"

#include <anod/rtnl.h>
#include <criterion/criterion.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <netinet/in.h>

#include "model/horizon.h"
#include "model/state.h"

static void put(struct model *m, const struct anod_object *o)
{
	cr_assert(model_put(m, o) == 0);
}

/* ---- random things ---------------------------------------------------------------------- */

static struct anod_prefix random_prefix(struct dice *d)
{
	static const uint8_t lens4[] = { 0, 1, 8, 15, 16, 17, 24, 32 };
	static const uint8_t lens6[] = { 0, 3, 32, 47, 48, 49, 64, 128 };
	bool v6 = dice_roll(d, 3) == 0;
	struct anod_prefix p = { .family = v6 ? AF_INET6 : AF_INET };
	uint8_t len = (v6 ? lens6 : lens4)[dice_roll(d, 8)];

	p.addr[0] = v6 ? 0x20 : 10;
	p.addr[v6 ? 5 : 1] = (uint8_t) (dice_roll(d, 2) * (v6 ? 1 : 128));
	p.addr[v6 ? 6 : 2] = (uint8_t) (dice_roll(d, 2) * 128);
	p.addr[v6 ? 15 : 3] = (uint8_t) dice_roll(d, 2);
	return prefix_cut(&p, len);
}

struct anod_prefix sw_address(struct dice *d)
{
	struct anod_prefix p = random_prefix(d);

	p.len = p.family == AF_INET6 ? 128 : 32;
	if (dice_roll(d, 3) == 0)
		p.addr[p.len / 8 - 1] ^= 2;
	if (dice_roll(d, 8) == 0)
		p.addr[0] ^= 0x40;
	return p;
}

static struct anod_leg random_leg(struct dice *d, uint8_t family)
{
	struct anod_leg leg = { .weight = 1, .ifindex = 2 + dice_roll(d, SW_LINKS - 1) };

	if (dice_roll(d, 3) == 0)
		leg.ifindex = SW_LOST;
	leg.via.family = family;
	leg.via.len = family == AF_INET6 ? 128 : 32;
	leg.via.addr[0] = 192;
	leg.via.addr[3] = (uint8_t) leg.ifindex;
	return leg;
}

static struct anod_object random_route(struct dice *d)
{
	static const uint8_t protocols[] = { RTPROT_BIRD, RTPROT_BIRD, RTPROT_STATIC,
					     RTPROT_KERNEL };
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };
	struct anod_route *r = &o.u.route;

	r->dst = random_prefix(d);
	r->table = RT_TABLE_MAIN;
	r->metric = 10 * (1 + dice_roll(d, 3));
	r->protocol = protocols[dice_roll(d, 4)];
	r->type = RTN_UNICAST;
	if (dice_roll(d, 12) == 0) {
		static const uint8_t types[] = { RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_THROW };

		r->type = types[dice_roll(d, 3)];
		return o;
	}
	if (dice_roll(d, 6) == 0) {
		r->nhid = (r->dst.family == AF_INET6 ? 20 : 0) + 1 + dice_roll(d, 6);
		return o;
	}
	r->n_legs = (uint8_t) (1 + (dice_roll(d, 4) == 0 ? dice_roll(d, 3) : 0));
	for (unsigned i = 0; i < r->n_legs; i++)
		r->leg[i] = random_leg(d, r->dst.family);
	return o;
}

static struct anod_object random_link(struct dice *d, uint32_t i)
{
	struct anod_object o = world_link_object(i, "eth?", dice_roll(d, 8) || i == SW_LOST, true);

	o.u.link.name[3] = (char) ('0' + i);
	o.u.link.carrier = dice_roll(d, 8) || i == SW_LOST;
	if (dice_roll(d, 6) == 0)
		o.u.link.conf = ANOD_LINK_CONF4 | ANOD_LINK_IGNORE_LINKDOWN4 | ANOD_LINK_CONF6 |
				ANOD_LINK_IGNORE_LINKDOWN6;
	if (i == 6) {
		(void) copy_text(o.u.link.kind, sizeof(o.u.link.kind), "vlan");
		o.u.link.lower = SW_LOST;
	}
	return o;
}

/* 1..4 and 21..24: one leg; 5, 6, 25, 26: groups of them. */
static void put_nexthops(struct model *m, struct dice *d)
{
	for (uint32_t i = 1; i <= 26; i = i == 6 ? 21 : i + 1) {
		struct anod_object o = { .type = ANOD_OBJ_NEXTHOP };
		struct anod_nexthop *n = &o.u.nexthop;
		uint8_t family = i > 20 ? AF_INET6 : AF_INET;

		n->id = i;
		if (i % 20 <= 4) {
			struct anod_leg leg = random_leg(d, family);

			n->family = family;
			n->ifindex = leg.ifindex;
			n->via = leg.via;
		} else {
			n->n_members = 2;
			n->member[0] = (struct anod_member){ i - i % 20 + 1 + dice_roll(d, 2), 1 };
			n->member[1] = (struct anod_member){ i - i % 20 + 3 + dice_roll(d, 2), 1 };
		}
		put(m, &o);
	}
}

static const struct anod_link *link_of(const struct sw *w, uint32_t ifindex)
{
	const struct onode *n = otab_find_id(&w->model->base.tab[ANOD_OBJ_LINK], ifindex);

	return n ? ONODE_AS(link, n) : NULL;
}

static bool scope(const struct anod_prefix *dst, void *data)
{
	(void) data;
	return dst->len != 17 && dst->len != 49;
}

static void put_route(struct sw *w, const struct anod_object *o)
{
	put(w->model, o);
	for (unsigned i = 0; i < w->n_routes; i++)
		if (anod_object_same_key(&w->route[i], o)) {
			w->route[i] = *o;
			return;
		}
	w->route[w->n_routes++] = *o;
}

void sw_init(struct sw *w, struct dice *d)
{
	unsigned n = 2 + dice_roll(d, 22);

	*w = (struct sw){ .model = world_model() };
	for (uint32_t i = 2; i <= SW_LINKS; i++) {
		struct anod_object o = random_link(d, i);

		put(w->model, &o);
	}
	put_nexthops(w->model, d);
	for (unsigned i = 0; i < n; i++) {
		struct anod_object o = random_route(d);

		put_route(w, &o);
	}
	w->in = (struct shadow_in){
		.model = w->model, .table = RT_TABLE_MAIN, .lost = SW_LOST, .max = 1000
	};
	w->in.slice = dice_roll(d, 4);
	if (dice_roll(d, 3) == 0)
		w->in.in_scope = scope;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct anod_leg *leg = &w->in.standby[w->in.n_standby];

		if (dice_roll(d, 3) == 0)
			continue;
		*leg = random_leg(d, v6 ? AF_INET6 : AF_INET);
		leg->ifindex = 3;
		leg->via.addr[3] = 99;
		w->in.n_standby++;
	}
}

void sw_show(const struct sw *w, const struct sw_table *t)
{
	char text[256];

	for (uint32_t i = 2; i <= SW_LINKS; i++)
		fprintf(stderr, "link %u flags %x carrier %u conf %u\n", i, link_of(w, i)->flags,
			link_of(w, i)->carrier, link_of(w, i)->conf);
	for (unsigned i = 0; i < w->in.n_standby; i++)
		fprintf(stderr, "standby of %u\n", w->in.standby[i].via.family);
	fprintf(stderr, "scope %d\n", w->in.in_scope != NULL);
	for (unsigned i = 0; i < w->n_routes; i++)
		fprintf(stderr, "%s\n", anod_object_text(&w->route[i], text, sizeof(text)));
	for (unsigned i = 0; i < t->n; i++)
		fprintf(stderr, "%s\n", anod_object_text(&t->route[i], text, sizeof(text)));
}

void sw_done(struct sw *w)
{
	w->model = model_free(w->model);
}

void sw_change(struct sw *w, struct dice *d, struct shadow *s)
{
	unsigned what = dice_roll(d, 12), i = w->n_routes ? dice_roll(d, w->n_routes) : 0;
	struct anod_object o;

	if (what == 0) {
		o = random_link(d, 3 + dice_roll(d, SW_LINKS - 2));
		put(w->model, &o);
		shadow_links(s);
	} else if (what < 5 && w->n_routes) {
		o = w->route[i];
		w->route[i] = w->route[--w->n_routes];
		cr_assert(model_del(w->model, &o) == 0);
		shadow_route(s, &o.u.route.dst);
	} else if (w->n_routes < SW_ROUTES) {
		o = random_route(d);
		put_route(w, &o);
		shadow_route(s, &o.u.route.dst);
	}
}

/* ---- the table -------------------------------------------------------------------------- */

void sw_table_do(struct sw_table *t, const struct shadow *s, const struct shadow_op *op)
{
	unsigned i = 0;

	while (i < t->n && memcmp(&t->route[i].u.route.dst, &op->dst, sizeof(op->dst)) != 0)
		i++;
	if (op->way == SHADOW_GONE) {
		cr_assert(i < t->n, "an entry goes that was not there");
		t->route[i] = t->route[--t->n];
		return;
	}
	t->n += i == t->n;
	cr_assert(t->n <= ARRAY_SIZE(t->route));
	t->route[i] = (struct anod_object){ .type = ANOD_OBJ_ROUTE };
	t->route[i].u.route = (struct anod_route){
		.dst = op->dst, .table = SW_TABLE, .protocol = ANOD_RTPROT, .type = RTN_THROW
	};
	if (op->way != SHADOW_THROW) {
		const struct shadow_way *way = shadow_way(s, op->way);

		cr_assert(way->n_legs && way->family == op->dst.family);
		t->route[i].u.route.type = RTN_UNICAST;
		t->route[i].u.route.n_legs = way->n_legs;
		memcpy(t->route[i].u.route.leg, way->leg, way->n_legs * sizeof(way->leg[0]));
	}
}

void sw_table_take(struct sw_table *t, struct shadow *s)
{
	struct shadow_op op[7];
	unsigned n;

	while ((n = shadow_take(s, op, ARRAY_SIZE(op))))
		for (unsigned i = 0; i < n; i++)
			sw_table_do(t, s, &op[i]);
	cr_assert(shadow_untaken(s) == 0);
}

bool sw_table_same(const struct sw_table *a, const struct sw_table *b)
{
	bool same = a->n == b->n;

	for (unsigned i = 0; i < a->n && same; i++) {
		same = false;
		for (unsigned k = 0; k < b->n && !same; k++)
			same = memcmp(&a->route[i], &b->route[k], sizeof(a->route[i])) == 0;
	}
	return same;
}

/* ---- the expectation -------------------------------------------------------------------- */

static bool goes(const struct anod_link *l)
{
	return l->ifindex == SW_LOST || l->ifindex == 6;
}

struct naive {
	enum { PASS, SPOIL, KEEP, OVER } what;
	unsigned n; /* usable legs that stay */
	struct anod_leg leg[ANOD_LEGS_MAX];
};

static unsigned legs_of(const struct sw *w, const struct anod_route *r, struct anod_leg *ret)
{
	struct anod_object key = { .type = ANOD_OBJ_NEXTHOP, .u.nexthop.id = r->nhid }, nh, one;
	unsigned n = 0;

	if (!r->nhid) {
		memcpy(ret, r->leg, r->n_legs * sizeof(*ret));
		return r->n_legs;
	}
	cr_assert(model_get(w->model, &key, &nh) == 0);
	for (unsigned i = 0; i < MAX_OF(nh.u.nexthop.n_members, 1u); i++) {
		one = nh;
		key.u.nexthop.id = nh.u.nexthop.member[i].id;
		if (nh.u.nexthop.n_members)
			cr_assert(model_get(w->model, &key, &one) == 0);
		ret[n++] = (struct anod_leg){ .via = one.u.nexthop.via,
					      .ifindex = one.u.nexthop.ifindex,
					      .weight = 1 };
	}
	return n;
}

static void judge(const struct sw *w, const struct anod_route *r, struct naive *ret)
{
	uint8_t ignore =
		r->dst.family == AF_INET6 ? ANOD_LINK_IGNORE_LINKDOWN6 : ANOD_LINK_IGNORE_LINKDOWN4;
	struct anod_leg leg[ANOD_LEGS_MAX];
	unsigned n, dead = 0;
	bool over = false;

	*ret = (struct naive){ .what = KEEP };
	if (r->type != RTN_UNICAST)
		return;
	n = legs_of(w, r, leg);
	for (unsigned i = 0; i < n; i++) {
		const struct anod_link *l = link_of(w, leg[i].ifindex);

		if (!(l->flags & IFF_UP) || (!l->carrier && l->conf & ignore))
			dead++;
		over |= goes(l) && (l->flags & IFF_UP);
		if (link_usable(l) && !goes(l))
			ret->leg[ret->n++] = leg[i];
	}
	if (dead == n)
		ret->what = r->nhid && r->dst.family == AF_INET ? SPOIL : PASS;
	else if (over)
		ret->what = OVER;
}

static int by_metric(const void *a, const void *b)
{
	const struct anod_object *x = a, *y = b;

	return (x->u.route.metric > y->u.route.metric) - (x->u.route.metric < y->u.route.metric);
}

static unsigned chain_of(const struct sw *w, const struct anod_prefix *dst, struct anod_object *ret)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_routes; i++)
		if (memcmp(&w->route[i].u.route.dst, dst, sizeof(*dst)) == 0)
			ret[n++] = w->route[i];
	qsort(ret, n, sizeof(*ret), by_metric);
	return n;
}

/* What the policy and the routes of one destination ask for. */
struct fate {
	enum { AS_IT_IS, LEFT, LEGS, COVER } what;
	struct naive legs;
};

static struct fate fate_of(const struct sw *w, const struct anod_object *chain, unsigned n)
{
	const struct anod_prefix *dst = &chain[0].u.route.dst;
	struct fate f = { AS_IT_IS };
	bool kernel = false;

	for (unsigned i = 0; i < n; i++) {
		struct naive v;

		judge(w, &chain[i].u.route, &v);
		if (v.what == PASS)
			continue;
		if (f.what == AS_IT_IS) {
			if (v.what != OVER)
				return f;
			if (w->in.in_scope && !scope(dst, NULL))
				return (struct fate){ LEFT };
			kernel = chain[i].u.route.protocol == RTPROT_KERNEL;
			f.what = COVER;
		}
		if (v.what == OVER && !v.n)
			continue;
		if (v.n && !(kernel && v.what == OVER))
			return (struct fate){ LEGS, v };
		break;
	}
	if (f.what == COVER && kernel)
		return (struct fate){ LEFT };
	if (f.what != COVER)
		return f;
	for (unsigned i = 0; i < w->in.n_standby; i++)
		if (w->in.standby[i].via.family == dst->family)
			return (struct fate){ LEGS, { KEEP, 1, { w->in.standby[i] } } };
	return f;
}

static void lose(struct overlay *o, bool down)
{
	struct anod_change c = { .has_pre = 1, .has_post = 1 };

	c.pre.type = ANOD_OBJ_LINK;
	c.pre.u.link = *overlay_link(o, SW_LOST);
	c.post = c.pre;
	if (down)
		c.post.u.link.flags &= ~(uint32_t) IFF_UP;
	else
		c.post.u.link.carrier = 0;
	cr_assert(overlay_apply(o, &c) == 0);
}

static void edit_chain(struct overlay *o, const struct anod_object *chain, unsigned n,
		       const struct fate *f, const struct sw *w)
{
	struct anod_object new = chain[0];
	struct naive v;

	for (unsigned i = 0; i < n; i++) {
		judge(w, &chain[i].u.route, &v);
		if (f->what == LEGS || (f->what == COVER && v.what == OVER && !v.n))
			cr_assert(overlay_edit(o, &chain[i], true) >= 0);
	}
	if (f->what != LEGS)
		return;
	new.u.route.nhid = 0;
	new.u.route.type = RTN_UNICAST;
	new.u.route.protocol = RTPROT_STATIC;
	new.u.route.n_legs = (uint8_t) f->legs.n;
	memset(new.u.route.leg, 0, sizeof(new.u.route.leg));
	memcpy(new.u.route.leg, f->legs.leg, f->legs.n * sizeof(f->legs.leg[0]));
	cr_assert(overlay_edit(o, &new, false) >= 0);
}

static void lookup(const struct overlay *o, const struct anod_prefix *x, struct flow_path *ret)
{
	struct flow_key k = { .dst = *x };

	overlay_lookup(o, &k, ret);
}

void sw_lookup_lost(const struct model *m, bool down, const struct anod_prefix *x,
		    struct flow_path *ret)
{
	_cleanup_(overlay_freep) struct overlay *o = overlay_new(m);

	lose(o, down);
	lookup(o, x, ret);
}

/* Is what decides for the address now left to the kernel? */
static bool is_left(const struct sw *w, const struct anod_prefix *x)
{
	_cleanup_(overlay_freep) struct overlay *o = overlay_new(w->model);
	struct lookup in = { .dst = *x };
	struct anod_object chain[SW_ROUTES];
	struct flow_path p = { 0 };
	struct route_ref at;
	struct anod_prefix dst;
	unsigned n;

	if (overlay_ask_table(o, RT_TABLE_MAIN, &in, &p, &at) == WAY_PASSES)
		return false;
	route_dst(at.route, &dst);
	n = chain_of(w, &dst, chain);
	return fate_of(w, chain, n).what == LEFT;
}

void sw_expect(const struct sw *w, bool down, const struct anod_prefix *x, struct flow_path *ret)
{
	_cleanup_(overlay_freep) struct overlay *o = overlay_new(w->model);

	lose(o, down);
	for (unsigned i = 0; i < w->n_routes && !is_left(w, x); i++) {
		struct anod_object chain[SW_ROUTES];
		unsigned n = chain_of(w, &w->route[i].u.route.dst, chain);
		struct fate f = fate_of(w, chain, n);

		if (w->route[i].u.route.metric == chain[0].u.route.metric)
			edit_chain(o, chain, n, &f, w);
	}
	lookup(o, x, ret);
}

static int copy(const struct anod_object *o, void *data)
{
	put(data, o);
	return 0;
}

struct model *sw_with_table(const struct sw *w, const struct sw_table *t)
{
	struct model *m = world_model();

	for (unsigned type = ANOD_OBJ_LINK; type < ANOD_OBJ_TYPES; type++)
		(void) model_each(w->model, (enum anod_obj_type) type, copy, m);
	for (unsigned i = 0; i < t->n; i++)
		put(m, &t->route[i]);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct anod_object o = { .type = ANOD_OBJ_RULE };

		o.u.rule.family = v6 ? AF_INET6 : AF_INET;
		o.u.rule.priority = 32765;
		o.u.rule.table = SW_TABLE;
		o.u.rule.action = FR_ACT_TO_TBL;
		put(m, &o);
	}
	return m;
}

bool sw_same_path(const struct flow_path *a, const struct flow_path *b)
{
	bool nothing = !a->n_legs && !b->n_legs;

	/* Nothing found after a "throw" is still nothing found. */
	if (nothing && (a->route.u.route.type == RTN_THROW || b->route.u.route.type == RTN_THROW) &&
	    a->fate >= FLOW_BLACKHOLE && b->fate >= FLOW_BLACKHOLE)
		return true;
	if (a->fate != b->fate || a->n_legs != b->n_legs)
		return false;
	for (unsigned i = 0; i < a->n_legs; i++) {
		bool found = false;

		for (unsigned k = 0; k < b->n_legs && !found; k++)
			found = a->leg[i].ifindex == b->leg[k].ifindex &&
				memcmp(&a->leg[i].via, &b->leg[k].via, sizeof(a->leg[i].via)) == 0;
		if (!found)
			return false;
	}
	return true;
}
