/*
 * snapshot_write - an object of a model as one line.
 *
 * Design.  What has its usual value is left out, so that a line is as short as an engineer would
 * write it; what snapshot_read() would not assume is written.
 */
#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <string.h>

#include <anod/rtnl.h>

#include "facts/value.h"
#include "model/snapshot_int.h"

struct line {
	const struct model *m;
	char *buf;
	size_t size, n;
};

static void _printf_(2, 3) add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->buf + l->n, l->size - l->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->n += MIN_OF((size_t) n, l->size - l->n - 1);
}

/* Names that the lexer does not read as one word are quoted. */
static void add_name(struct line *l, const char *word, const char *name)
{
	bool plain = name[0] == '_' || (name[0] >= 'a' && name[0] <= 'z') ||
		     (name[0] >= 'A' && name[0] <= 'Z');

	for (const char *c = name; *c && plain; c++)
		plain = *c == '_' || *c == '-' || (*c >= '0' && *c <= '9') ||
			(*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
	add(l, plain ? " %s %s" : " %s \"%s\"", word, name);
}

static void add_dev(struct line *l, const char *word, uint32_t ifindex)
{
	struct anod_object key = { .type = ANOD_OBJ_LINK, .u.link.ifindex = ifindex }, o;

	if (!ifindex)
		return;
	if (model_get(l->m, &key, &o) == 0)
		add_name(l, word, o.u.link.name);
	else
		add(l, " %s %u", word, ifindex);
}

static void add_prefix(struct line *l, const char *word, const struct anod_prefix *p)
{
	char text[INET6_ADDRSTRLEN + 8];

	if (p->family)
		add(l, " %s %s", word, prefix_format(p, text, sizeof(text)));
}

static void add_number(struct line *l, const char *word, uint64_t n, uint64_t usual)
{
	if (n != usual)
		add(l, " %s %llu", word, (unsigned long long) n);
}

static void add_lladdr(struct line *l, const uint8_t *lladdr, unsigned n)
{
	for (unsigned i = 0; i < MIN_OF(n, (unsigned) ANOD_LLADDR_MAX); i++)
		add(l, "%s%02x", i ? ":" : " lladdr \"", lladdr[i]);
	if (n)
		add(l, "\"");
}

static void add_protocol(struct line *l, uint8_t protocol, uint8_t usual)
{
	char text[16];

	if (protocol == usual)
		return;
	anod_protocol_text(protocol, text, sizeof(text));
	add(l, " proto %s", text);
}

/* What these words do not say together is the number. */
static void write_conf(struct line *l, const struct anod_link *k)
{
	const uint8_t ignore4 = ANOD_LINK_CONF4 | ANOD_LINK_IGNORE_LINKDOWN4;
	const uint8_t ignore6 = ANOD_LINK_CONF6 | ANOD_LINK_IGNORE_LINKDOWN6;
	bool filter = k->rp_filter || k->conf == ANOD_LINK_CONF4;
	uint8_t said = filter ? ANOD_LINK_CONF4 : 0;

	if (filter)
		add(l, " rp-filter %u", k->rp_filter);
	if ((k->conf & ignore4) == ignore4) {
		add(l, " ignore-linkdown");
		said |= ignore4;
	}
	if ((k->conf & ignore6) == ignore6) {
		add(l, " ignore-linkdown6");
		said |= ignore6;
	}
	add_number(l, "conf", k->conf, said);
	add_number(l, "vrf-table", k->vrf_table, 0);
}

static void write_link(struct line *l, const struct anod_link *k)
{
	add_name(l, "link", k->name);
	add(l, " index %u %s %s", k->ifindex, k->flags & IFF_UP ? "up" : "down",
	    k->carrier ? "carrier" : "no-carrier");
	add_number(l, "mtu", k->mtu, SNAPSHOT_MTU);
	if (k->kind[0])
		add_name(l, "kind", k->kind);
	add_dev(l, "master", k->master);
	add_dev(l, "lower", k->lower);
	add_lladdr(l, k->lladdr, k->lladdr_len);
	add_number(l, "flags", k->flags & ~(uint32_t) IFF_UP, 0);
	add_number(l, "operstate", k->operstate, snapshot_operstate(k->flags & IFF_UP, k->carrier));
	add_number(l, "carrier-ups", k->carrier_up, 0);
	add_number(l, "carrier-downs", k->carrier_down, 0);
	write_conf(l, k);
}

static void write_addr(struct line *l, const struct anod_addr *a)
{
	char text[INET6_ADDRSTRLEN];

	add(l, " addr %s/%u", inet_ntop(a->local.family, a->local.addr, text, sizeof(text)),
	    a->local.len);
	add_dev(l, "dev", a->ifindex);
	if (a->peer.family)
		add(l, " peer %s/%u", inet_ntop(a->peer.family, a->peer.addr, text, sizeof(text)),
		    a->peer.len);
	add_number(l, "scope", a->scope, RT_SCOPE_UNIVERSE);
	add_number(l, "flags", a->flags, SNAPSHOT_ADDR_FLAGS);
}

static void write_leg(struct line *l, const struct anod_leg *g)
{
	add_prefix(l, "via", &g->via);
	add_dev(l, "dev", g->ifindex);
	add_number(l, "weight", g->weight, 1);
	add_number(l, "legflags", g->flags, 0);
	if (g->label)
		add(l, " label %u", g->label - 1);
}

static void write_route(struct line *l, const struct anod_route *r)
{
	char text[INET6_ADDRSTRLEN + 8];

	prefix_format(&r->dst, text, sizeof(text));
	/* The lexer takes an address without a length for one of full length; so does this. */
	add(l, " route %s", text);
	if (r->type != RTN_UNICAST)
		add(l, " %s", snapshot_type_word(r->type));
	add_number(l, "nhid", r->nhid, 0);
	for (unsigned i = 0; i < r->n_legs; i++) {
		if (i)
			add(l, ",");
		write_leg(l, &r->leg[i]);
	}
	add_number(l, "table", r->table, RT_TABLE_MAIN);
	add_number(l, "metric", r->metric, r->dst.family == AF_INET6 ? 1024 : 0);
	add_number(l, "tos", r->tos, 0);
	add_protocol(l, r->protocol, RTPROT_STATIC);
	add_number(l, "scope", r->scope, snapshot_scope(r));
	add_prefix(l, "src", &r->prefsrc);
	add_number(l, "mtu", r->mtu, 0);
	add_number(l, "flags", r->flags, 0);
}

static void write_nexthop(struct line *l, const struct anod_nexthop *n)
{
	add(l, " nexthop %u", n->id);
	if (n->blackhole)
		add(l, " blackhole");
	add_prefix(l, "via", &n->via);
	add_dev(l, "dev", n->ifindex);
	for (unsigned i = 0; i < n->n_members; i++) {
		add(l, "%s%u", i ? ", " : " group ", n->member[i].id);
		add_number(l, "weight", n->member[i].weight, 1);
	}
	if (n->family != snapshot_family(n))
		add(l, " family %u", n->family);
	add_protocol(l, n->protocol, RTPROT_STATIC);
	add_number(l, "flags", n->flags, 0);
}

static void write_rule(struct line *l, const struct anod_rule *u)
{
	add(l, " rule %u", u->priority);
	if (u->family == AF_INET6)
		add(l, " inet6");
	add_prefix(l, "from", &u->src);
	add_prefix(l, "to", &u->dst);
	if (u->iif[0])
		add_name(l, "iif", u->iif);
	if (u->oif[0])
		add_name(l, "oif", u->oif);
	add_number(l, "fwmark", u->fwmark, 0);
	add_number(l, "fwmask", u->fwmask, u->fwmark ? UINT32_MAX : 0);
	add_number(l, "tos", u->tos, 0);
	add_number(l, "table", u->table, 0);
	add_number(l, "suppress", u->suppress_len, 0);
	add_number(l, "flags", u->flags, 0);
	if (u->action == FR_ACT_GOTO)
		add(l, " goto %u", u->target);
	else
		add_number(l, "action", u->action, SNAPSHOT_RULE_ACTION);
	add_number(l, "ipproto", u->ipproto, 0);
	if (u->sport_first || u->sport_last)
		add(l, " sport %u..%u", u->sport_first, u->sport_last);
	if (u->dport_first || u->dport_last)
		add(l, " dport %u..%u", u->dport_first, u->dport_last);
	if (u->has_uid)
		add(l, " uid %u..%u", u->uid_first, u->uid_last);
	add_protocol(l, u->protocol, RTPROT_STATIC);
	if (u->l3mdev)
		add(l, " l3mdev");
}

static void write_neigh(struct line *l, const struct anod_neigh *n)
{
	const char *word = snapshot_state_word(n->state);

	add_prefix(l, "neigh", &n->dst);
	add_dev(l, "dev", n->ifindex);
	if (word)
		add(l, " %s", word);
	else
		add(l, " state %u", n->state);
	add_lladdr(l, n->lladdr, n->lladdr_len);
	add_number(l, "flags", n->flags, 0);
	add_number(l, "probes", n->probes, 0);
}

size_t snapshot_line(const struct model *m, const struct anod_object *o, char *buf, size_t size)
{
	struct line l = { .m = m, .buf = buf, .size = size };

	buf[0] = '\0';
	switch ((enum anod_obj_type) o->type) {
	case ANOD_OBJ_LINK:
		write_link(&l, &o->u.link);
		break;
	case ANOD_OBJ_ADDR:
		write_addr(&l, &o->u.addr);
		break;
	case ANOD_OBJ_ROUTE:
		write_route(&l, &o->u.route);
		break;
	case ANOD_OBJ_NEXTHOP:
		write_nexthop(&l, &o->u.nexthop);
		break;
	case ANOD_OBJ_RULE:
		write_rule(&l, &o->u.rule);
		break;
	case ANOD_OBJ_NEIGH:
		write_neigh(&l, &o->u.neigh);
		break;
	case ANOD_OBJ_QDISC:
	case ANOD_OBJ_SYSCTL:
	case ANOD_OBJ_WGPEER:
	case ANOD_OBJ_UNIT:
		l.n = snapshot_write_node(m, o, buf, size);
		break;
	}
	if (o->flags & ANOD_OBJ_LOSSY)
		add(&l, " lossy");
	if (o->flags & ANOD_OBJ_UNSURE)
		add(&l, " unsure");
	/* Every part begins with its blank. */
	if (l.n)
		memmove(buf, buf + 1, l.n--);
	return l.n;
}
