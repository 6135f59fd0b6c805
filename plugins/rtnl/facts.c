/*
 * facts - objects as entities and attributes.
 *
 * Design.  Every object goes to the model; only what has a name in docs/facts.md becomes a fact.
 * What the kernel says is not there is an empty word, not unknown; a gateway has no such word,
 * so "on link" is a gateway that is unknown.
 */
#include "rtnl.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <string.h>

#include <netlink/attr.h>

/* ---- values ------------------------------------------------------------------------------ */

int facts_init(struct rtnl *r)
{
	for (unsigned i = 0; i < FACTS; i++) {
		r->fact[i] = r->ctx->host->fact_id(r->ctx, fact_names[i]);
		if (r->fact[i] < 0)
			return r->fact[i];
	}
	return 0;
}

static void put(struct rtnl *r, uint32_t entity, enum fact fact, const struct anod_value *v)
{
	(void) r->ctx->host->publish(r->ctx, entity, r->fact[fact], v);
}

static void put_int(struct rtnl *r, uint32_t entity, enum fact fact, enum anod_unit unit,
		    uint64_t i)
{
	put(r, entity, fact,
	    &(struct anod_value){ .type = ANOD_INT, .unit = (uint8_t) unit, .u.i = (int64_t) i });
}

void put_bool(struct rtnl *r, uint32_t entity, enum fact fact, bool b)
{
	put(r, entity, fact, &(struct anod_value){ .type = ANOD_BOOL, .u.i = b });
}

void put_time(struct rtnl *r, uint32_t entity, enum fact fact, bool known, uint64_t us)
{
	const struct anod_value v = { .type = ANOD_INT,
				      .unit = ANOD_UNIT_TIME,
				      .u.i = (int64_t) us };

	put(r, entity, fact, known ? &v : NULL);
}

/* Not more than 'size' bytes, and no half of a character at the end. */
static size_t utf8_cut(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	if (n < size)
		return n;
	while (n > 0 && ((unsigned char) text[n - 1] & 0xc0) == 0x80)
		n--;
	return n > 0 && ((unsigned char) text[n - 1] & 0x80) ? n - 1 : n;
}

static void put_text(struct rtnl *r, uint32_t entity, enum fact fact, const char *text,
		     uint8_t flags)
{
	struct anod_value v = { .type = ANOD_TEXT, .flags = flags };

	memcpy(v.u.text, text, utf8_cut(text, ANOD_TEXT_SIZE - 1));
	put(r, entity, fact, &v);
}

/* Family 0: unknown. */
static void put_prefix(struct rtnl *r, uint32_t entity, enum fact fact, const struct anod_prefix *p)
{
	struct anod_value v = { .type = ANOD_PREFIX, .u.prefix = *p };

	put(r, entity, fact, p->family ? &v : NULL);
}

static void put_dev(struct rtnl *r, uint32_t entity, enum fact fact, uint32_t ifindex)
{
	const char *name = ifindex ? link_name(r, ifindex) : "";

	put_text(r, entity, fact, name ? name : "", 0);
}

static const char *address_text(const struct anod_prefix *p, char *buf, size_t size)
{
	return p->family && inet_ntop(p->family, p->addr, buf, (socklen_t) size) ? buf : "";
}

/* ---- kinds ------------------------------------------------------------------------------- */

static const char *operstate_word(uint8_t state)
{
	static const char *const words[] = { "unknown", "notpresent", "down", "lowerlayerdown",
					     "testing", "dormant",    "up" };

	return words[state < ARRAY_SIZE(words) ? state : 0];
}

/* Settings of a family are unknown where it is off. */
static void put_setting(struct rtnl *r, const struct link_row *row, enum fact fact, uint8_t family,
			uint8_t bit)
{
	const struct anod_value v = { .type = ANOD_BOOL, .u.i = !!(row->link.conf & bit) };

	put(r, row->entity, fact, row->link.conf & family ? &v : NULL);
}

static void publish_settings(struct rtnl *r, const struct link_row *row)
{
	const struct anod_value filter = { .type = ANOD_INT, .u.i = row->link.rp_filter };

	put_setting(r, row, FACT_LINK_FORWARDING4, ANOD_LINK_CONF4, ANOD_LINK_FORWARDING4);
	put_setting(r, row, FACT_LINK_FORWARDING6, ANOD_LINK_CONF6, ANOD_LINK_FORWARDING6);
	put_setting(r, row, FACT_LINK_IGNORE_LINKDOWN4, ANOD_LINK_CONF4,
		    ANOD_LINK_IGNORE_LINKDOWN4);
	put_setting(r, row, FACT_LINK_IGNORE_LINKDOWN6, ANOD_LINK_CONF6,
		    ANOD_LINK_IGNORE_LINKDOWN6);
	put(r, row->entity, FACT_LINK_RP_FILTER, row->link.conf & ANOD_LINK_CONF4 ? &filter : NULL);
}

void publish_link(struct rtnl *r, const struct link_row *row, const struct nlmsghdr *m)
{
	const struct anod_link *l = &row->link;
	const struct nlattr *head = (const struct nlattr *) ((const uint8_t *) m + NLMSG_HDRLEN +
							     sizeof(struct ifinfomsg));
	const struct nlattr *alias;
	uint32_t e = row->entity;
	int left = (int) (m->nlmsg_len - NLMSG_HDRLEN - sizeof(struct ifinfomsg));

	put_int(r, e, FACT_LINK_IFINDEX, ANOD_UNIT_NONE, l->ifindex);
	put_bool(r, e, FACT_LINK_ADMIN_UP, l->flags & IFF_UP);
	put_bool(r, e, FACT_LINK_CARRIER, l->carrier);
	put_text(r, e, FACT_LINK_OPERSTATE, operstate_word(l->operstate), 0);
	put_int(r, e, FACT_LINK_MTU, ANOD_UNIT_BYTES, l->mtu);
	put_text(r, e, FACT_LINK_KIND, l->kind, 0);
	put_dev(r, e, FACT_LINK_MASTER, l->master);
	put_int(r, e, FACT_LINK_CARRIER_UP, ANOD_UNIT_NONE, l->carrier_up);
	put_int(r, e, FACT_LINK_CARRIER_DOWN, ANOD_UNIT_NONE, l->carrier_down);
	put_int(r, e, FACT_LINK_CARRIER_MISSED, ANOD_UNIT_NONE, row->missed);
	publish_settings(r, row);

	alias = nla_find(head, left, IFLA_IFALIAS);
	if (alias && nla_len(alias) > 0) {
		char text[ANOD_TEXT_SIZE] = "";
		size_t n = (size_t) nla_len(alias);

		memcpy(text, nla_data(alias), n < sizeof(text) ? n : sizeof(text) - 1);
		put_text(r, e, FACT_LINK_ALIAS, text, ANOD_VALUE_OUTSIDE);
	} else {
		put_text(r, e, FACT_LINK_ALIAS, "", ANOD_VALUE_OUTSIDE);
	}
}

static void publish_addr(struct rtnl *r, const struct anod_object *o, const struct key *k)
{
	const struct anod_addr *a = &o->u.addr;
	const char *dev = link_name(r, a->ifindex);
	char text[INET6_ADDRSTRLEN], name[ANOD_NAME_SIZE + INET6_ADDRSTRLEN];
	struct row *row;

	if (!dev)
		return;
	(void) snprintf(name, sizeof(name), "%s/%s/%u", dev,
			address_text(&a->local, text, sizeof(text)), a->local.len);
	row = row_make(r, k, name);
	if (!row)
		return;
	put_text(r, row->entity, FACT_ADDR_DEV, dev, 0);
	put_prefix(r, row->entity, FACT_ADDR_ADDRESS, &a->local);
	life_take(r, row, a->flags);
}

static const char *route_type_word(uint8_t type)
{
	static const char *const words[] = { "unspec",	 "unicast",   "local",	   "broadcast",
					     "anycast",	 "multicast", "blackhole", "unreachable",
					     "prohibit", "throw",     "nat",	   "xresolve" };

	return type < ARRAY_SIZE(words) ? words[type] : "unknown";
}

static void route_entity_name(const struct anod_route *t, char *name, size_t size)
{
	char text[INET6_ADDRSTRLEN], number[12];
	const char *table = number;

	if (t->table == RT_TABLE_MAIN)
		table = "main";
	else if (t->table == RT_TABLE_LOCAL)
		table = "local";
	else if (t->table == RT_TABLE_DEFAULT)
		table = "default";
	else
		(void) snprintf(number, sizeof(number), "%u", t->table);
	(void) snprintf(name, size, "%s/%s/%u/%u", table, address_text(&t->dst, text, sizeof(text)),
			t->dst.len, t->metric);
}

static void publish_route(struct rtnl *r, const struct anod_object *o, const struct key *k)
{
	const struct anod_route *t = &o->u.route;
	char name[2 * INET6_ADDRSTRLEN];
	struct row *row;
	uint32_t e;

	/* A shadow table has a route for each of a daemon's: the model has them, and that is enough. */
	if (t->table >= ANOD_TABLE_FIRST && t->table <= ANOD_TABLE_LAST)
		return;
	/* The name has no room for a tos, and a route with one is seldom. */
	if ((t->dst.len && t->protocol != ANOD_RTPROT) || t->tos) {
		if (!t->dst.len || r->n_own_routes)
			row_drop(r, k);
		return;
	}
	route_entity_name(t, name, sizeof(name));
	row = row_make(r, k, name);
	if (!row)
		return;

	e = row->entity;
	put_int(r, e, FACT_ROUTE_TABLE, ANOD_UNIT_NONE, t->table);
	put_prefix(r, e, FACT_ROUTE_DST, &t->dst);
	put_int(r, e, FACT_ROUTE_METRIC, ANOD_UNIT_NONE, t->metric);
	put_prefix(r, e, FACT_ROUTE_GATEWAY, &t->leg[0].via);
	put_dev(r, e, FACT_ROUTE_DEV, t->leg[0].ifindex);
	put_int(r, e, FACT_ROUTE_LEGS, ANOD_UNIT_NONE, t->n_legs);
	put_int(r, e, FACT_ROUTE_PROTOCOL, ANOD_UNIT_NONE, t->protocol);
	put_text(r, e, FACT_ROUTE_TYPE, route_type_word(t->type), 0);
}

/* "10=64 11=64"; half a list would be taken for a whole one, so it is unknown then. */
static void put_weights(struct rtnl *r, uint32_t entity, const struct anod_nexthop *n)
{
	char text[ANOD_TEXT_SIZE] = "";
	size_t len = 0;

	for (unsigned i = 0; i < n->n_members && i < ANOD_LEGS_MAX && len < sizeof(text); i++)
		len += (size_t) snprintf(text + len, sizeof(text) - len, "%s%u=%u", i ? " " : "",
					 n->member[i].id, n->member[i].weight);
	if (len >= sizeof(text) || n->n_members > ANOD_LEGS_MAX)
		put(r, entity, FACT_NEXTHOP_WEIGHTS, NULL);
	else
		put_text(r, entity, FACT_NEXTHOP_WEIGHTS, text, 0);
}

static void publish_nexthop(struct rtnl *r, const struct anod_object *o, const struct key *k)
{
	const struct anod_nexthop *n = &o->u.nexthop;
	struct row *row;
	char name[12];
	uint32_t e;

	(void) snprintf(name, sizeof(name), "%u", n->id);
	row = row_make(r, k, name);
	if (!row)
		return;

	e = row->entity;
	put_int(r, e, FACT_NEXTHOP_ID, ANOD_UNIT_NONE, n->id);
	put_dev(r, e, FACT_NEXTHOP_DEV, n->ifindex);
	put_prefix(r, e, FACT_NEXTHOP_GATEWAY, &n->via);
	put_int(r, e, FACT_NEXTHOP_MEMBERS, ANOD_UNIT_NONE, n->n_members);
	put_int(r, e, FACT_NEXTHOP_PROTOCOL, ANOD_UNIT_NONE, n->protocol);
	put_weights(r, e, n);
}

void publish_rule(struct rtnl *r, const struct anod_object *o)
{
	const struct anod_rule *u = &o->u.rule;
	struct key k;
	struct row *row;
	char name[32];

	key_of(o, &k);
	/* The kernel lists rules by priority: the like of this one came just before. */
	if (r->rule_place.a == k.a && r->rule_place.b == k.b && r->rule_place.type)
		k.c = r->rule_place.c + 1;
	r->rule_place = k;
	(void) snprintf(name, sizeof(name), "%u/%s/%u", u->priority,
			u->family == AF_INET6 ? "inet6" : "inet", k.c);
	row = row_make(r, &k, name);
	if (!row)
		return;
	put_int(r, row->entity, FACT_RULE_PRIORITY, ANOD_UNIT_NONE, u->priority);
	put_int(r, row->entity, FACT_RULE_TABLE, ANOD_UNIT_NONE, u->table);
}

static const char *neigh_state_word(uint16_t state)
{
	static const struct {
		uint16_t bit;
		const char *word;
	} words[] = {
		{ NUD_PERMANENT, "permanent" }, { NUD_NOARP, "noarp" },
		{ NUD_REACHABLE, "reachable" }, { NUD_STALE, "stale" },
		{ NUD_DELAY, "delay" },		{ NUD_PROBE, "probe" },
		{ NUD_FAILED, "failed" },	{ NUD_INCOMPLETE, "incomplete" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		if (state & words[i].bit)
			return words[i].word;
	return "incomplete"; /* NUD_NONE: made, and not yet asked for */
}

static void publish_neigh(struct rtnl *r, const struct anod_object *o, const struct key *k)
{
	const struct anod_neigh *n = &o->u.neigh;
	const char *dev = link_name(r, n->ifindex);
	char text[INET6_ADDRSTRLEN], name[ANOD_NAME_SIZE + INET6_ADDRSTRLEN];
	struct row *row;

	if (!dev)
		return;
	(void) snprintf(name, sizeof(name), "%s/%s", dev,
			address_text(&n->dst, text, sizeof(text)));
	row = row_make(r, k, name);
	if (!row)
		return;
	put_text(r, row->entity, FACT_NEIGH_DEV, dev, 0);
	put_prefix(r, row->entity, FACT_NEIGH_DST, &n->dst);
	put_text(r, row->entity, FACT_NEIGH_STATE, neigh_state_word(n->state), 0);
	put_int(r, row->entity, FACT_NEIGH_PROBES, ANOD_UNIT_NONE, n->probes);
}

void publish(struct rtnl *r, const struct anod_object *o, bool gone)
{
	struct key k;

	if (o->type == ANOD_OBJ_NEIGH && anod_object_is_noise(o))
		return;

	(void) r->ctx->host->object(r->ctx, o, gone);
	if (o->type == ANOD_OBJ_ROUTE && gone && o->u.route.dst.len && !r->n_own_routes)
		return; /* the usual one of a full table */
	key_of(o, &k);
	if (gone) {
		if (o->type != ANOD_OBJ_RULE)
			row_drop(r, &k);
		return;
	}

	switch ((enum anod_obj_type) o->type) {
	case ANOD_OBJ_ADDR:
		publish_addr(r, o, &k);
		break;
	case ANOD_OBJ_ROUTE:
		publish_route(r, o, &k);
		break;
	case ANOD_OBJ_NEXTHOP:
		publish_nexthop(r, o, &k);
		break;
	case ANOD_OBJ_NEIGH:
		publish_neigh(r, o, &k);
		break;
	case ANOD_OBJ_LINK:  /* publish_link() */
	case ANOD_OBJ_RULE:  /* publish_rule() */
	case ANOD_OBJ_QDISC: /* qdisc.c */
	case ANOD_OBJ_SYSCTL:
	case ANOD_OBJ_WGPEER:
	case ANOD_OBJ_UNIT:
		break;
	}
}
