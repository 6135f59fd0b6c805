/*
 * compare - one packet, asked of the kernel and of the model.
 *
 * Design.  The kernel answers RTM_F_FIB_MATCH with the route that decided, or with an error for
 * routes and rules that drop and where there is none.  Compared are the route (table, prefix, tos,
 * metric), its usable legs with their weights as a set, and the kind of error.
 */
#include "twin.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static bool is_drop(uint8_t type)
{
	return type == RTN_BLACKHOLE || type == RTN_UNREACHABLE || type == RTN_PROHIBIT ||
	       type == RTN_THROW;
}

/* The errors that the kernel may give for what the model says. */
static bool error_fits(const struct flow_path *p, int error)
{
	switch (p->route.type ? p->route.u.route.type : 0) {
	case RTN_BLACKHOLE:
		return error == -EINVAL;
	case RTN_UNREACHABLE:
		return error == -EHOSTUNREACH;
	case RTN_PROHIBIT:
		return error == -EACCES;
	case RTN_THROW: /* and a rule may have decided after it */
		return error == -ENETUNREACH || error == -EACCES || error == -EINVAL;
	case RTN_UNICAST: /* over a next-hop object that drops */
		return error == -EINVAL && p->route.u.route.nhid;
	default:
		return p->fate == FLOW_BLACKHOLE ? error == -ENETUNREACH || error == -EINVAL
						 : error == -ENETUNREACH || error == -EACCES;
	}
}

static bool same_leg(const struct anod_leg *a, const struct anod_leg *b, bool weight)
{
	return a->ifindex == b->ifindex && (!weight || a->weight == b->weight) &&
	       a->label == b->label && memcmp(&a->via, &b->via, sizeof(a->via)) == 0;
}

/* An IPv4 leg with an IPv6 gateway is not marked when it is made without a carrier. */
static bool is_unmarked(const struct overlay *o, const struct anod_route *r,
			const struct anod_leg *leg)
{
	const struct anod_link *l = overlay_link(o, leg->ifindex);

	return r->dst.family == AF_INET && leg->via.family == AF_INET6 && l && !l->carrier;
}

/* The kernel's usable legs, as far as a bound socket may use them. */
static unsigned usable(const struct overlay *o, const struct anod_route *r,
		       const struct flow_key *k, struct anod_leg *ret)
{
	/* IPv6 asks a group only whether it has such a leg. */
	uint32_t oif = k->oif[0] && !(k->dst.family == AF_INET6 && (k->src.family || r->nhid))
			       ? world_ifindex(k->oif)
			       : 0;
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_legs; i++)
		if (!(r->leg[i].flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) &&
		    !is_unmarked(o, r, &r->leg[i]) &&
		    (!oif || strcmp(k->oif, "vrf0") == 0 || r->leg[i].ifindex == oif))
			ret[n++] = r->leg[i];
	return n;
}

static bool same_legs(const struct overlay *o, const struct flow_path *p,
		      const struct anod_route *r, const struct flow_key *k)
{
	struct anod_leg kernel[ANOD_LEGS_MAX];
	unsigned n = usable(o, r, k, kernel), taken = 0;
	/* One leg has no weight in the kernel's answer. */
	bool weight = r->n_legs > 1;

	if (n != p->n_legs)
		return false;
	for (unsigned i = 0; i < n; i++) {
		unsigned j = 0;

		while (j < n && ((taken & 1u << j) || !same_leg(&kernel[i], &p->leg[j], weight)))
			j++;
		if (j == n)
			return false;
		taken |= 1u << j;
	}
	return true;
}

static bool same(const struct overlay *o, const struct flow_path *p, const struct answer *a,
		 const struct flow_key *k)
{
	const struct anod_route *kernel = &a->route.u.route, *model = &p->route.u.route;
	bool same_table;

	if (a->error || is_drop(kernel->type)) {
		if (k->oif[0] && !p->route.type && a->error == -EHOSTUNREACH)
			return p->fate != FLOW_LOCAL; /* taken as on the link */
		return (p->fate == FLOW_BLACKHOLE || p->fate == FLOW_PROHIBITED) &&
		       (!a->error || error_fits(p, a->error));
	}
	/* Until a rule is added local and main are one table for IPv4, which is called main. */
	same_table = kernel->table == model->table ||
		     (p->fate == FLOW_LOCAL && kernel->table == RT_TABLE_MAIN);
	if (!p->route.type || !same_table || kernel->metric != model->metric ||
	    kernel->tos != model->tos || memcmp(&kernel->dst, &model->dst, sizeof(model->dst)) != 0)
		return false;
	if (p->fate == FLOW_LOCAL)
		return kernel->type == RTN_LOCAL || kernel->type == RTN_ANYCAST;
	return kernel->type == RTN_UNICAST && same_legs(o, p, kernel, k) &&
	       p->fate == (p->n_legs ? FLOW_FORWARDED : FLOW_BLACKHOLE);
}

static void count(struct tally *t, const struct flow_path *p)
{
	t->lookups++;
	t->forwarded += p->fate == FLOW_FORWARDED;
	t->local += p->fate == FLOW_LOCAL;
	t->dropped += p->fate == FLOW_BLACKHOLE || p->fate == FLOW_PROHIBITED;
	t->doubts += p->doubt;
}

/* The leg that the kernel chooses is one of the model's. */
static bool same_way(const struct flow_path *p, const struct flow_key *k)
{
	struct answer a = net_way(k);

	for (unsigned i = 0; i < p->n_legs && !a.error; i++)
		if (same_leg(&a.route.u.route.leg[0], &p->leg[i], false))
			return true;
	return false;
}

static int has_address(const struct anod_object *o, void *data)
{
	const struct anod_prefix *p = data;

	return o->u.addr.local.family == p->family &&
	       memcmp(o->u.addr.local.addr, p->addr, sizeof(p->addr)) == 0;
}

bool compare(const struct overlay *o, const struct flow_key *k, const char *when, struct tally *t)
{
	static const char *const fates[] = { "?", "forwarded", "local", "blackhole", "prohibited" };
	struct answer a = net_route(k);
	char kernel[400], model[400], flow[400];
	struct anod_prefix src = k->src;
	struct flow_path p;

	/* The kernel takes no IPv4 source that is not its own. */
	if (k->src.family == AF_INET && !k->iif[0] &&
	    !overlay_each(o, ANOD_OBJ_ADDR, has_address, &src))
		return true;
	overlay_lookup(o, k, &p);
	count(t, &p);
	if (p.doubt || same(o, &p, &a, k))
		return true;
	/* IPv6 keeps the way of a next-hop object for all routes that use it, and then names the
	 * first of them, or none when that is gone (rt6_get_pcpu_route() goes by fib6_nh). */
	if (k->dst.family == AF_INET6) {
		net_forget_ways();
		a = net_route(k);
		if (same(o, &p, &a, k))
			return true;
		/* That this very look-up has used it under another route first: the way itself. */
		if (p.route.u.route.nhid && a.route.u.route.nhid && same_way(&p, k))
			return true;
	}

	t->differences++;
	printf("DIFFERENCE %s\n  packet %s\n  kernel %s\n  model  %s %s\n  legs  ", when,
	       show_flow(k, flow, sizeof(flow)),
	       a.error ? strerror(-a.error) : anod_object_text(&a.route, kernel, sizeof(kernel)),
	       fates[p.fate], p.route.type ? anod_object_text(&p.route, model, sizeof(model)) : "");
	for (unsigned i = 0; i < p.n_legs; i++)
		printf(" %u", p.leg[i].ifindex);
	printf("\n");
	return false;
}
