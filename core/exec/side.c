/*
 * side - what the kernel changes by itself when a link goes down.
 *
 * Design.  Linux removes the IPv4 and IPv6 routes, next hops, IPv6 addresses and permanent
 * neighbours of a link that is set down, says so for some of them only, and restores none of
 * them when the link comes up again.  An undo that just raised the link would therefore lose
 * them.  They become steps of their own, in front of the link's step: the undo runs last first,
 * so it raises the link, then addresses, neighbours, next hops, groups, and then the routes that
 * need all of these.  What the kernel learns anew by itself (its own routes, router
 * advertisements, addresses that are not permanent) is left to it.  An MTU below 1280 takes IPv6
 * off a link in the same way.
 *
 * A route that has a living leg elsewhere stays, with this leg marked dead, and is no dependant.
 *
 * An IPv6 route with an MTU of its own follows that of its link in part: lowered with it, and
 * raised with it when both are equal (rt6_mtu_change_route(), net/ipv6/route.c).  There and back is
 * then not where it began, so such a change is refused.
 */
#include "exec/plan.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"

#define IPV6_MTU_MIN 1280 /* RFC 8200, section 5 */

/* Objects looked at for one link; more are refused. */
#define FOUND_MAX (4 * STEPS_MAX)

/* In the order of application; the undo is the other way round. */
enum rank {
	RANK_NONE = 0,
	RANK_ROUTE_VIA, /* needs the ones below to be reached */
	RANK_ROUTE_LINK,
	RANK_GROUP,
	RANK_NEXTHOP,
	RANK_NEIGH,
	RANK_ADDR,
	RANKS,
};

struct found {
	const struct steps *steps;
	uint32_t ifindex;
	bool ipv6_only;
	bool mtu_only; /* routes with an MTU of their own */
	bool full;
	unsigned n, n_before; /* of this dump: where it began */
	struct anod_object obj[FOUND_MAX];
};

/* Does an earlier step of this plan take the link down? */
static bool will_be_down(const struct found *f, uint32_t ifindex)
{
	bool down = false;

	for (uint32_t i = 0; i < f->steps->n; i++) {
		const struct anod_change *c = &f->steps->step[i].change;

		if (c->has_post && c->post.type == ANOD_OBJ_LINK &&
		    c->post.u.link.ifindex == ifindex)
			down = !(c->post.u.link.flags & IFF_UP);
	}
	return down;
}

static enum rank route_rank(const struct found *f, const struct anod_route *r)
{
	enum rank rank = RANK_ROUTE_LINK;
	bool here = false;

	if (r->protocol == RTPROT_KERNEL || r->protocol == RTPROT_RA ||
	    r->protocol == RTPROT_REDIRECT)
		return RANK_NONE;

	for (unsigned i = 0; i < r->n_legs && i < ANOD_LEGS_MAX; i++) {
		if (r->leg[i].ifindex == f->ifindex)
			here = true;
		else if (!(r->leg[i].flags & RTNH_F_DEAD) && !will_be_down(f, r->leg[i].ifindex))
			return RANK_NONE;
		if (r->leg[i].via.family != 0)
			rank = RANK_ROUTE_VIA;
	}

	return here ? rank : RANK_NONE;
}

/* An IPv6 address that somebody has set.  A link-local one that carries more than an address is
 * the kernel's own (IFA_PROTO says so), which it makes again. */
static bool addr_is_set(const struct anod_object *o)
{
	const struct anod_addr *a = &o->u.addr;

	return a->local.family == AF_INET6 && a->flags & IFA_F_PERMANENT &&
	       !(a->scope == RT_SCOPE_LINK && o->flags & ANOD_OBJ_LOSSY);
}

/* Groups are kept whatever their members are: only all next hops together tell. */
static enum rank rank_of(const struct found *f, const struct anod_object *o)
{
	switch ((enum anod_obj_type) o->type) {
	case ANOD_OBJ_ROUTE:
		if (f->ipv6_only && o->u.route.dst.family != AF_INET6)
			return RANK_NONE;
		return route_rank(f, &o->u.route);
	case ANOD_OBJ_NEXTHOP:
		if (f->ipv6_only)
			return RANK_NONE;
		if (o->u.nexthop.n_members > 0)
			return RANK_GROUP;
		return o->u.nexthop.ifindex == f->ifindex ? RANK_NEXTHOP : RANK_NONE;
	case ANOD_OBJ_ADDR:
		return o->u.addr.ifindex == f->ifindex && addr_is_set(o) ? RANK_ADDR : RANK_NONE;
	case ANOD_OBJ_NEIGH:
		if (f->ipv6_only && o->u.neigh.dst.family != AF_INET6)
			return RANK_NONE;
		return o->u.neigh.ifindex == f->ifindex && o->u.neigh.state & NUD_PERMANENT
			       ? RANK_NEIGH
			       : RANK_NONE;
	case ANOD_OBJ_LINK:
	case ANOD_OBJ_RULE:
	case ANOD_OBJ_QDISC: /* the link keeps it when it goes down */
	case ANOD_OBJ_SYSCTL:
	case ANOD_OBJ_WGPEER:
	case ANOD_OBJ_UNIT:
		return RANK_NONE;
	}

	return RANK_NONE;
}

static void keep(struct found *f, const struct anod_object *o)
{
	if (rank_of(f, o) == RANK_NONE ||
	    (f->mtu_only && (o->type != ANOD_OBJ_ROUTE || !o->u.route.mtu)))
		return;

	if (f->n == FOUND_MAX)
		f->full = true;
	else
		f->obj[f->n++] = *o;
}

static int on_object(void *data, const struct anod_object *o)
{
	struct found *f = data;

	if (!o)
		f->n = f->n_before;
	else if (!overlay_find(f->steps, o))
		keep(f, o);

	return 0;
}

/* One dump: a fixed header of the family, and at most one attribute that filters by link. */
static int dump(struct kernel *k, struct found *f, uint16_t type, const void *fixed,
		size_t fixed_size, uint16_t attr)
{
	struct {
		struct nlmsghdr h;
		uint8_t room[64];
	} msg = { .h = { .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };
	struct rtattr a = { .rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = attr };
	size_t n = NLMSG_ALIGN(fixed_size);
	int r;

	memcpy(msg.room, fixed, fixed_size);
	if (attr) {
		memcpy(msg.room + n, &a, sizeof(a));
		memcpy(msg.room + n + RTA_LENGTH(0), &f->ifindex, sizeof(f->ifindex));
		n += RTA_SPACE(sizeof(f->ifindex));
	}
	msg.h.nlmsg_len = (uint32_t) NLMSG_LENGTH(n);

	f->n_before = f->n;
	r = kernel_dump(k, &msg, msg.h.nlmsg_len, on_object, NULL, f);
	/* A kernel without IPv6 or without next-hop objects has none of them. */
	if (r == -EAFNOSUPPORT || r == -EOPNOTSUPP || r == -ENOENT)
		r = 0;
	return r;
}

static int dump_all(struct kernel *k, struct found *f)
{
	struct rtmsg route4 = { .rtm_family = AF_INET }, route6 = { .rtm_family = AF_INET6 };
	struct ifaddrmsg addr = { .ifa_family = AF_INET6, .ifa_index = f->ifindex };
	struct nhmsg nexthop = { 0 };
	struct ndmsg neigh = { 0 };
	int r;

	r = f->ipv6_only ? 0 : dump(k, f, RTM_GETROUTE, &route4, sizeof(route4), RTA_OIF);
	if (r >= 0)
		r = dump(k, f, RTM_GETROUTE, &route6, sizeof(route6), RTA_OIF);
	if (r >= 0)
		r = f->ipv6_only ? 0 : dump(k, f, RTM_GETNEXTHOP, &nexthop, sizeof(nexthop), 0);
	if (r >= 0)
		r = dump(k, f, RTM_GETADDR, &addr, sizeof(addr), 0);
	if (r >= 0)
		r = dump(k, f, RTM_GETNEIGH, &neigh, sizeof(neigh), NDA_IFINDEX);

	return r;
}

/* What earlier steps will have made. */
static void add_planned(struct found *f)
{
	for (uint32_t i = 0; i < f->steps->n; i++) {
		const struct anod_change *c = &f->steps->step[i].change;

		if (c->has_post && overlay_find(f->steps, &c->post) == c)
			keep(f, &c->post);
	}
}

static bool has_nexthop(const struct found *f, uint32_t id)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->obj[i].type == ANOD_OBJ_NEXTHOP && f->obj[i].u.nexthop.id == id &&
		    f->obj[i].u.nexthop.n_members == 0)
			return true;

	return false;
}

static bool has_addr(const struct found *f, const struct anod_prefix *p)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->obj[i].type == ANOD_OBJ_ADDR &&
		    memcmp(f->obj[i].u.addr.local.addr, p->addr, sizeof(p->addr)) == 0)
			return true;

	return false;
}

/* The change that the kernel makes to one object; false: none. */
static bool side_change(const struct found *f, const struct anod_object *o, struct anod_change *ret)
{
	struct anod_nexthop *g;
	unsigned n = 0;

	*ret = (struct anod_change){ .has_pre = 1, .pre = *o };
	if (rank_of(f, o) != RANK_GROUP)
		return true;

	ret->post = *o;
	g = &ret->post.u.nexthop;
	memset(g->member, 0, sizeof(g->member));
	for (unsigned i = 0; i < o->u.nexthop.n_members && i < ANOD_LEGS_MAX; i++)
		if (!has_nexthop(f, o->u.nexthop.member[i].id))
			g->member[n++] = o->u.nexthop.member[i];
	if (n == o->u.nexthop.n_members)
		return false;

	g->n_members = (uint8_t) n;
	ret->has_post = n > 0;
	if (!ret->has_post)
		memset(&ret->post, 0, sizeof(ret->post));
	return true;
}

static int no_undo(struct steps *s, const struct anod_object *o, const char *link, const char *text)
{
	char object[EXEC_WHY_SIZE - 112];

	(void) anod_object_text(o, object, sizeof(object));
	(void) snprintf(s->why, EXEC_WHY_SIZE, "%s would go with link %s and %s", object, link,
			text);
	return -EOPNOTSUPP;
}

/* A route whose last legs go with two links of one plan: no order of undoing has both up. */
static bool on_two_links(const struct found *f, const struct anod_object *o)
{
	const struct anod_route *r = &o->u.route;

	for (unsigned i = 0; o->type == ANOD_OBJ_ROUTE && i < r->n_legs && i < ANOD_LEGS_MAX; i++)
		if (r->leg[i].ifindex != f->ifindex && will_be_down(f, r->leg[i].ifindex))
			return true;

	return false;
}

static int add_side(struct steps *s, const struct found *f, const struct anod_object *o,
		    const char *link, uint32_t action)
{
	struct anod_change c;
	int r;

	if (!side_change(f, o, &c))
		return 0;
	if (o->flags & ANOD_OBJ_LOSSY)
		return no_undo(s, o, link, "could not be put back as it is");
	if (on_two_links(f, o))
		return no_undo(s, o, link, "with another one of this plan; take one at a time");
	/* Duplicate address detection takes a second, in which the kernel refuses the route. */
	if (o->type == ANOD_OBJ_ROUTE && o->u.route.prefsrc.family == AF_INET6 &&
	    has_addr(f, &o->u.route.prefsrc))
		return no_undo(s, o, link, "not come back at once, because of its source address");

	r = steps_add(s, &c, action, true, STEP_SIDE);
	if (r == -E2BIG)
		(void) snprintf(s->why, EXEC_WHY_SIZE,
				"more goes with link %s (%u routes, next hops and addresses) than "
				"one transaction can put back (%u); remove or move them first",
				link, f->n, (unsigned) STEPS_MAX);
	return r;
}

static uint32_t mtu_follows(uint32_t route, uint32_t from, uint32_t to)
{
	return route >= to || route == from ? to : route;
}

/* An IPv6 route that an MTU and its undo would leave with another MTU, or NULL. */
static const struct anod_object *mtu_lost(const struct found *f, uint32_t from, uint32_t to)
{
	for (unsigned i = 0; i < f->n; i++) {
		const struct anod_object *o = &f->obj[i];
		uint32_t mtu = o->type == ANOD_OBJ_ROUTE ? o->u.route.mtu : 0;

		if (mtu && o->u.route.dst.family == AF_INET6 &&
		    mtu_follows(mtu_follows(mtu, from, to), to, from) != mtu)
			return o;
	}
	return NULL;
}

static int side_mtu(struct kernel *k, struct steps *s, const struct anod_link *pre,
		    const struct anod_link *post)
{
	struct rtmsg route6 = { .rtm_family = AF_INET6 };
	const struct anod_object *lost;
	_cleanup_(freep) struct found *f = NULL;
	char object[EXEC_WHY_SIZE - 112];
	int r;

	f = malloc(sizeof(*f));
	if (!f)
		return -ENOMEM;
	*f = (struct found){ .steps = s, .ifindex = pre->ifindex, .mtu_only = true };
	r = dump(k, f, RTM_GETROUTE, &route6, sizeof(route6), RTA_OIF);
	if (r < 0) {
		(void) copy_text(s->why, EXEC_WHY_SIZE, k->why);
		return r;
	}
	add_planned(f);
	lost = mtu_lost(f, pre->mtu, post->mtu);
	if (!lost)
		return 0;

	(void) anod_object_text(lost, object, sizeof(object));
	(void) snprintf(s->why, EXEC_WHY_SIZE,
			"%s would not have its own MTU back after one of link %s", object,
			pre->name);
	return -EOPNOTSUPP;
}

/* What goes with a next-hop object is told by its routes in the kernel; not by those of this plan. */
static bool changes_nexthops(const struct steps *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		const struct anod_change *c = &s->step[i].change;
		const struct anod_object *o = c->has_post ? &c->post : &c->pre;

		if (s->step[i].flags & STEP_SIDE)
			continue;
		if (o->type == ANOD_OBJ_NEXTHOP || (o->type == ANOD_OBJ_ROUTE && o->u.route.nhid))
			return true;
	}
	return false;
}

int side_plan(struct kernel *k, struct steps *s, const struct anod_change *link, uint32_t action)
{
	const struct anod_link *pre = &link->pre.u.link, *post = &link->post.u.link;
	_cleanup_(freep) struct found *f = NULL;
	bool down, ipv6_off;
	int r;

	if (!link->has_pre || !link->has_post || link->pre.type != ANOD_OBJ_LINK)
		return 0;
	down = pre->flags & IFF_UP && !(post->flags & IFF_UP);
	ipv6_off = pre->flags & IFF_UP && pre->mtu >= IPV6_MTU_MIN && post->mtu < IPV6_MTU_MIN;
	if (!down && !ipv6_off)
		return pre->mtu == post->mtu ? 0 : side_mtu(k, s, pre, post);
	if (changes_nexthops(s)) {
		(void) snprintf(s->why, EXEC_WHY_SIZE,
				"link %s goes down behind a change of next-hop objects: what goes "
				"with it is not known; make it a transaction of its own",
				pre->name);
		return -EOPNOTSUPP;
	}

	f = malloc(sizeof(*f));
	if (!f)
		return -ENOMEM;
	*f = (struct found){ .steps = s, .ifindex = pre->ifindex, .ipv6_only = !down };

	r = dump_all(k, f);
	if (r < 0) {
		(void) copy_text(s->why, EXEC_WHY_SIZE, k->why);
		return r;
	}
	add_planned(f);
	if (f->full) {
		(void) snprintf(s->why, EXEC_WHY_SIZE,
				"more than %u routes, next hops and addresses go with link %s; "
				"remove or move them first",
				(unsigned) FOUND_MAX, pre->name);
		return -E2BIG;
	}

	for (enum rank rank = RANK_NONE + 1; rank < RANKS; rank++)
		for (unsigned i = 0; i < f->n; i++)
			if (rank_of(f, &f->obj[i]) == rank) {
				r = add_side(s, f, &f->obj[i], pre->name, action);
				if (r < 0)
					return r;
			}

	return 0;
}
