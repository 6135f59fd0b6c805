/*
 * text - objects as one line for people, in the words of ip(8).
 *
 * Design.  An object does not know the names of links, so a device is "dev 3"; whoever has the
 * names may show them.  Words that do not fit the buffer are cut, never written past it.
 */
#include "rtnl/codec.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <stdarg.h>

struct line {
	char *buf;
	size_t size, len;
};

static void _printf_(2, 3) add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->buf + l->len, l->size - l->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len += MIN_OF((size_t) n, l->size - l->len - 1);
}

static void add_address(struct line *l, const char *word, const struct anod_prefix *p)
{
	char text[INET6_ADDRSTRLEN];

	if (p->family && inet_ntop(p->family, p->addr, text, sizeof(text)))
		add(l, "%s%s", word, text);
}

static void add_prefix(struct line *l, const char *word, const struct anod_prefix *p)
{
	if (!p->family)
		return;
	if (p->family == AF_MPLS) {
		add(l, "%slabel %u", word,
		    (unsigned) p->addr[0] << 12 | (unsigned) p->addr[1] << 4 | p->addr[2] >> 4);
		return;
	}
	add_address(l, word, p);
	add(l, "/%u", p->len);
}

static void add_table(struct line *l, uint32_t table)
{
	if (table == RT_TABLE_MAIN)
		add(l, " main");
	else if (table == RT_TABLE_LOCAL)
		add(l, " local");
	else if (table == RT_TABLE_DEFAULT)
		add(l, " default");
	else
		add(l, " %u", table);
}

static const char *protocol_word(uint8_t protocol)
{
	static const char *const words[256] = {
		[RTPROT_REDIRECT] = "redirect",
		[RTPROT_KERNEL] = "kernel",
		[RTPROT_BOOT] = "boot",
		[RTPROT_STATIC] = "static",
		[RTPROT_RA] = "ra",
		[RTPROT_ZEBRA] = "zebra",
		[RTPROT_BIRD] = "bird",
		[RTPROT_DHCP] = "dhcp",
		[RTPROT_KEEPALIVED] = "keepalived",
		[RTPROT_BABEL] = "babel",
		[ANOD_RTPROT] = "anod",
		[RTPROT_BGP] = "bgp",
		[RTPROT_ISIS] = "isis",
		[RTPROT_OSPF] = "ospf",
		[RTPROT_RIP] = "rip",
		[RTPROT_EIGRP] = "eigrp",
	};

	return words[protocol];
}

static void add_protocol(struct line *l, uint8_t protocol)
{
	if (protocol_word(protocol))
		add(l, " proto %s", protocol_word(protocol));
	else if (protocol)
		add(l, " proto %u", protocol);
}

const char *anod_protocol_text(int protocol, char *buf, size_t size)
{
	const char *word = protocol_word((uint8_t) protocol);

	if (word)
		(void) snprintf(buf, size, "%s", word);
	else
		(void) snprintf(buf, size, "%d", protocol);
	return buf;
}

static void add_lladdr(struct line *l, const uint8_t *lladdr, uint8_t len)
{
	for (unsigned i = 0; i < MIN_OF(len, ANOD_LLADDR_MAX); i++)
		add(l, "%s%02x", i ? ":" : " lladdr ", lladdr[i]);
}

static void add_link(struct line *l, const struct anod_link *k)
{
	add(l, "link %s dev %u %s mtu %u", k->name, k->ifindex, k->flags & IFF_UP ? "up" : "down",
	    k->mtu);
	if (k->conf & ANOD_LINK_IGNORE_LINKDOWN4)
		add(l, " ignore-linkdown");
	if (k->master)
		add(l, " master %u", k->master);
	add_lladdr(l, k->lladdr, k->lladdr_len);
}

static void add_leg(struct line *l, const struct anod_leg *g, bool weight)
{
	add_address(l, " via ", &g->via);
	if (g->ifindex)
		add(l, " dev %u", g->ifindex);
	if (g->label)
		add(l, " push %u", g->label - 1);
	if (weight)
		add(l, " weight %u", g->weight);
	if (g->flags & RTNH_F_ONLINK)
		add(l, " onlink");
	if (g->flags & LEG_STATE)
		add(l, g->flags & RTNH_F_DEAD ? " dead" : " linkdown");
}

const char *anod_route_type_text(uint8_t type)
{
	static const char *const types[] = {
		[RTN_UNICAST] = "unicast",
		[RTN_LOCAL] = "local",
		[RTN_BROADCAST] = "broadcast",
		[RTN_ANYCAST] = "anycast",
		[RTN_MULTICAST] = "multicast",
		[RTN_BLACKHOLE] = "blackhole",
		[RTN_UNREACHABLE] = "unreachable",
		[RTN_PROHIBIT] = "prohibit",
		[RTN_THROW] = "throw",
		[RTN_NAT] = "nat",
		[RTN_XRESOLVE] = "xresolve",
	};

	return type < ARRAY_SIZE(types) ? types[type] : NULL;
}

static void add_route(struct line *l, const struct anod_route *t)
{
	unsigned n = MIN_OF(t->n_legs, ANOD_LEGS_MAX);

	add(l, "route");
	add_table(l, t->table);
	if (t->type != RTN_UNICAST && anod_route_type_text(t->type))
		add(l, " %s", anod_route_type_text(t->type));
	add_prefix(l, " ", &t->dst);
	if (t->tos)
		add(l, " tos 0x%02x", t->tos);
	add(l, " metric %u", t->metric);
	if (t->nhid)
		add(l, " nhid %u", t->nhid);
	for (unsigned i = 0; i < n && !t->nhid; i++) {
		if (n > 1)
			add(l, " nexthop");
		add_leg(l, &t->leg[i], n > 1);
	}
	add_address(l, " src ", &t->prefsrc);
	if (t->mtu)
		add(l, " mtu %u", t->mtu);
	add_protocol(l, t->protocol);
}

static void add_nexthop(struct line *l, const struct anod_nexthop *n)
{
	add(l, "nexthop %u", n->id);
	for (unsigned i = 0; i < MIN_OF(n->n_members, ANOD_LEGS_MAX); i++)
		add(l, "%s%u weight %u", i ? ", " : " group ", n->member[i].id,
		    n->member[i].weight);
	if (n->blackhole)
		add(l, " blackhole");
	add_address(l, " via ", &n->via);
	if (n->ifindex)
		add(l, " dev %u", n->ifindex);
	if (n->flags & RTNH_F_ONLINK)
		add(l, " onlink");
	add_protocol(l, n->protocol);
}

static void add_rule(struct line *l, const struct anod_rule *u)
{
	add(l, "rule %s %u:", u->family == AF_INET6 ? "inet6" : "inet", u->priority);
	if (u->flags & FIB_RULE_INVERT)
		add(l, " not");
	add_prefix(l, " from ", &u->src);
	add_prefix(l, " to ", &u->dst);
	if (u->tos)
		add(l, " tos 0x%02x", u->tos);
	if (u->fwmask)
		add(l, " fwmark 0x%x/0x%x", u->fwmark, u->fwmask);
	if (u->iif[0])
		add(l, " iif %s", u->iif);
	if (u->oif[0])
		add(l, " oif %s", u->oif);
	if (u->ipproto)
		add(l, " ipproto %u", u->ipproto);
	if (u->sport_first)
		add(l, " sport %u-%u", u->sport_first, u->sport_last);
	if (u->dport_first)
		add(l, " dport %u-%u", u->dport_first, u->dport_last);
	if (u->has_uid)
		add(l, " uidrange %u-%u", u->uid_first, u->uid_last);
	if (u->action == FR_ACT_GOTO)
		add(l, " goto %u", u->target);
	else if (u->l3mdev)
		add(l, " lookup [l3mdev]");
	else if (u->action == FR_ACT_TO_TBL) {
		add(l, " lookup");
		add_table(l, u->table);
	} else
		add(l, " action %u", u->action);
	if (u->suppress_len)
		add(l, " suppress_prefixlength %u", u->suppress_len - 1);
	add_protocol(l, u->protocol);
}

static const char *neigh_state(uint16_t state)
{
	return state & NUD_PERMANENT	? "permanent"
	       : state & NUD_NOARP	? "noarp"
	       : state & NUD_REACHABLE	? "reachable"
	       : state & NUD_STALE	? "stale"
	       : state & NUD_DELAY	? "delay"
	       : state & NUD_PROBE	? "probe"
	       : state & NUD_FAILED	? "failed"
	       : state & NUD_INCOMPLETE ? "incomplete"
					: "none";
}

/* "500 Mbit/s" where that is exact. */
static void add_rate(struct line *l, uint64_t bps)
{
	static const struct {
		uint64_t of;
		const char *word;
	} units[] = { { 1000000000, "Gbit/s" }, { 1000000, "Mbit/s" }, { 1000, "kbit/s" } };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (bps % units[i].of == 0) {
			add(l, " rate %" PRIu64 " %s", bps / units[i].of, units[i].word);
			return;
		}
	add(l, " rate %" PRIu64 " bit/s", bps);
}

static void add_us(struct line *l, const char *word, uint32_t us)
{
	if (us && us % 1000 == 0)
		add(l, " %s %u ms", word, us / 1000);
	else if (us)
		add(l, " %s %u us", word, us);
}

static void add_count(struct line *l, const char *word, uint32_t n)
{
	if (n)
		add(l, " %s %u", word, n);
}

static void add_qdisc(struct line *l, const struct anod_qdisc *q)
{
	static const char *const flags[] = { "ecn",	  "nat",	"besteffort", "ingress",
					     "split-gso", "ack-filter", "wash" };

	add(l, "qdisc dev %u %.15s", q->ifindex, q->kind);
	if (q->rate_bps)
		add_rate(l, q->rate_bps);
	add_count(l, "burst", q->burst);
	add_count(l, "limit", q->limit);
	add_us(l, "target", q->target_us);
	add_us(l, "interval", q->interval_us);
	add_count(l, "quantum", q->quantum);
	add_count(l, "flows", q->flows);
	if (q->overhead)
		add(l, " overhead %d", (int32_t) q->overhead);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (q->flags & (1u << i))
			add(l, " %s", flags[i]);
}

static void add_wgpeer(struct line *l, const struct anod_wgpeer *w)
{
	char key[ANOD_WGKEY_TEXT];

	add(l, "wgpeer dev %u %s", w->ifindex, anod_wgkey_text(w->public_key, key));
	add_address(l, " endpoint ", &w->endpoint);
	if (w->endpoint.family)
		add(l, " port %u", w->port);
	if (w->keepalive_s)
		add(l, " keepalive %u s", w->keepalive_s);
}

const char *anod_object_text(const struct anod_object *o, char *buf, size_t size)
{
	struct line l = { buf, size, 0 };

	if (!size)
		return buf;

	buf[0] = '\0';
	switch ((enum anod_obj_type) o->type) {
	case ANOD_OBJ_LINK:
		add_link(&l, &o->u.link);
		break;
	case ANOD_OBJ_ADDR:
		add_prefix(&l, "addr ", &o->u.addr.local);
		add_address(&l, " peer ", &o->u.addr.peer);
		add(&l, " dev %u", o->u.addr.ifindex);
		break;
	case ANOD_OBJ_ROUTE:
		add_route(&l, &o->u.route);
		break;
	case ANOD_OBJ_NEXTHOP:
		add_nexthop(&l, &o->u.nexthop);
		break;
	case ANOD_OBJ_RULE:
		add_rule(&l, &o->u.rule);
		break;
	case ANOD_OBJ_NEIGH:
		add_address(&l, "neigh ", &o->u.neigh.dst);
		add(&l, " dev %u", o->u.neigh.ifindex);
		add_lladdr(&l, o->u.neigh.lladdr, o->u.neigh.lladdr_len);
		add(&l, " %s", neigh_state(o->u.neigh.state));
		break;
	case ANOD_OBJ_QDISC:
		add_qdisc(&l, &o->u.qdisc);
		break;
	case ANOD_OBJ_SYSCTL:
		add(&l, "sysctl %.95s = %" PRId64, o->u.sysctl.name, o->u.sysctl.value);
		break;
	case ANOD_OBJ_WGPEER:
		add_wgpeer(&l, &o->u.wgpeer);
		break;
	case ANOD_OBJ_UNIT:
		add(&l, "unit %.63s%s", o->u.unit.name, o->u.unit.starts ? " started again" : "");
		break;
	default:
		add(&l, "object of type %u", o->type);
	}
	if (o->flags & ANOD_OBJ_LOSSY)
		add(&l, " (not all of it is shown)");
	return buf;
}
