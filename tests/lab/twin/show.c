/*
 * show - a configuration as lines that ip(8) takes, so that a difference can be had again.
 */
#include "twin.h"

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

static const struct model *names_of;

static const char *dev(uint32_t ifindex)
{
	static char name[4][ANOD_IFNAME_SIZE];
	static unsigned turn;
	struct anod_object o = { .type = ANOD_OBJ_LINK, .u.link.ifindex = ifindex };
	char *to = name[turn++ % 4];

	if (model_get(names_of, &o, &o) < 0)
		(void) snprintf(to, ANOD_IFNAME_SIZE, "%u", ifindex);
	else
		memcpy(to, o.u.link.name, ANOD_IFNAME_SIZE);
	return to;
}

static const char *host(const struct anod_prefix *p)
{
	static char text[4][INET6_ADDRSTRLEN];
	static unsigned turn;
	char *to = text[turn++ % 4];

	return p->family ? inet_ntop(p->family, p->addr, to, INET6_ADDRSTRLEN) : "any";
}

static void show_leg(const struct anod_leg *l, uint8_t family, bool weight)
{
	if (l->via.family)
		printf(" via %s%s", family && l->via.family != family ? "inet6 " : "",
		       host(&l->via));
	printf(" dev %s", dev(l->ifindex));
	if (weight)
		printf(" weight %u", l->weight);
	printf("%s", l->flags & RTNH_F_ONLINK ? " onlink" : "");
	if (l->flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN))
		printf(" # %s", l->flags & RTNH_F_DEAD ? "dead" : "linkdown");
}

static int show_route(const struct anod_object *o, void *data)
{
	static const char *const types[RTN_MAX + 1] = {
		[RTN_BLACKHOLE] = "blackhole ",
		[RTN_UNREACHABLE] = "unreachable ",
		[RTN_PROHIBIT] = "prohibit ",
		[RTN_THROW] = "throw ",
	};
	const struct anod_route *r = &o->u.route;

	(void) data;
	if (r->protocol == RTPROT_KERNEL && r->dst.family == AF_INET6 && r->dst.addr[0] == 0xfe)
		return 0;
	printf("%sip route add %s%s/%u table %u metric %u",
	       r->protocol == RTPROT_KERNEL ? "# " : "",
	       r->type <= RTN_MAX && types[r->type] ? types[r->type] : "", host(&r->dst),
	       r->dst.len, r->table, r->metric);
	if (r->tos)
		printf(" tos 0x%x", r->tos);
	if (r->nhid)
		printf(" nhid %u", r->nhid);
	for (unsigned i = 0; i < r->n_legs && !r->nhid; i++) {
		printf("%s", r->n_legs > 1 ? " nexthop" : "");
		show_leg(&r->leg[i], r->dst.family, r->n_legs > 1);
	}
	if (r->prefsrc.family)
		printf(" src %s", host(&r->prefsrc));
	printf("%s\n", o->flags & ANOD_OBJ_UNSURE ? " # unsure" : "");
	return 0;
}

static int show_nexthop(const struct anod_object *o, void *data)
{
	const struct anod_nexthop *n = &o->u.nexthop;
	struct anod_leg leg = { .via = n->via, .ifindex = n->ifindex, .flags = n->flags };

	(void) data;
	printf("ip %snexthop add id %u", n->family == AF_INET6 ? "-6 " : "", n->id);
	if (n->n_members)
		printf(" group ");
	for (unsigned i = 0; i < n->n_members; i++)
		printf("%s%u,%u", i ? "/" : "", n->member[i].id, n->member[i].weight);
	if (n->blackhole)
		printf(" blackhole");
	else if (!n->n_members)
		show_leg(&leg, 0, false);
	printf("\n");
	return 0;
}

static int show_rule(const struct anod_object *o, void *data)
{
	static const char *const actions[] = { [FR_ACT_NOP] = "nop",
					       [FR_ACT_BLACKHOLE] = "blackhole",
					       [FR_ACT_UNREACHABLE] = "unreachable",
					       [FR_ACT_PROHIBIT] = "prohibit" };
	const struct anod_rule *u = &o->u.rule;

	(void) data;
	printf("ip %srule add pref %u%s", u->family == AF_INET6 ? "-6 " : "", u->priority,
	       u->flags & FIB_RULE_INVERT ? " not" : "");
	if (u->src.family)
		printf(" from %s/%u", host(&u->src), u->src.len);
	if (u->dst.family)
		printf(" to %s/%u", host(&u->dst), u->dst.len);
	if (u->iif[0])
		printf(" iif %s", u->iif);
	if (u->oif[0])
		printf(" oif %s", u->oif);
	if (u->fwmask)
		printf(" fwmark 0x%x/0x%x", u->fwmark, u->fwmask);
	if (u->tos)
		printf(" tos 0x%x", u->tos);
	if (u->ipproto)
		printf(" ipproto %u", u->ipproto);
	if (u->sport_first)
		printf(" sport %u-%u", u->sport_first, u->sport_last);
	if (u->dport_first)
		printf(" dport %u-%u", u->dport_first, u->dport_last);
	if (u->has_uid)
		printf(" uidrange %u-%u", u->uid_first, u->uid_last);
	if (u->l3mdev)
		printf(" l3mdev");
	else if (u->action == FR_ACT_TO_TBL)
		printf(" lookup %u", u->table);
	else if (u->action == FR_ACT_GOTO)
		printf(" goto %u", u->target);
	else if (u->action < ARRAY_SIZE(actions) && actions[u->action])
		printf(" %s", actions[u->action]);
	if (u->suppress_len)
		printf(" suppress_prefixlength %u", u->suppress_len - 1);
	printf("\n");
	return 0;
}

static int show_link(const struct anod_object *o, void *data)
{
	const struct anod_link *l = &o->u.link;

	(void) data;
	printf("ip link set %s %s # %u %s%s%s%s%s%s\n", l->name, l->flags & IFF_UP ? "up" : "down",
	       l->ifindex, l->kind, l->carrier ? "" : " no carrier", l->master ? " master " : "",
	       l->master ? dev(l->master) : "",
	       l->conf & ANOD_LINK_IGNORE_LINKDOWN4 ? " ignore-linkdown4" : "",
	       l->conf & ANOD_LINK_IGNORE_LINKDOWN6 ? " ignore-linkdown6" : "");
	return 0;
}

static int show_addr(const struct anod_object *o, void *data)
{
	(void) data;
	printf("ip addr add %s/%u dev %s\n", host(&o->u.addr.local), o->u.addr.local.len,
	       dev(o->u.addr.ifindex));
	return 0;
}

void show_model(const struct model *m)
{
	names_of = m;
	(void) model_each(m, ANOD_OBJ_LINK, show_link, NULL);
	(void) model_each(m, ANOD_OBJ_ADDR, show_addr, NULL);
	(void) model_each(m, ANOD_OBJ_NEXTHOP, show_nexthop, NULL);
	(void) model_each(m, ANOD_OBJ_ROUTE, show_route, NULL);
	(void) model_each(m, ANOD_OBJ_RULE, show_rule, NULL);
}

const char *show_flow(const struct flow_key *k, char *buf, size_t size)
{
	(void) snprintf(buf, size,
			"to %s from %s iif '%s' oif '%s' mark %u tos 0x%x ipproto %u "
			"sport %u dport %u uid %d",
			host(&k->dst), host(&k->src), k->iif, k->oif, k->mark, k->tos, k->ipproto,
			k->sport, k->dport, (int) k->user - 1);
	return buf;
}
