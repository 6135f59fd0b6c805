/*
 * snapshot_link - lines of links, addresses, rules and neighbours.
 */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <string.h>

#include "model/snapshot_int.h"

/* Words that say all by themselves. */
static bool link_state(struct reading *r, struct anod_link *k)
{
	if (snapshot_accept(r, "up"))
		k->flags |= IFF_UP;
	else if (snapshot_accept(r, "down"))
		k->flags &= ~(uint32_t) IFF_UP;
	else if (snapshot_accept(r, "carrier"))
		k->carrier = 1;
	else if (snapshot_accept(r, "no-carrier"))
		k->carrier = 0;
	else if (snapshot_accept(r, "ignore-linkdown"))
		k->conf |= ANOD_LINK_CONF4 | ANOD_LINK_IGNORE_LINKDOWN4;
	else if (snapshot_accept(r, "ignore-linkdown6"))
		k->conf |= ANOD_LINK_CONF6 | ANOD_LINK_IGNORE_LINKDOWN6;
	else
		return false;
	return true;
}

/* Words with a number; false: another word. */
static bool link_number(struct reading *r, struct anod_link *k, int *ret)
{
	const struct {
		const char *word;
		uint32_t *to;
		uint8_t *to8;
	} numbers[] = {
		{ "index", &k->ifindex, NULL },
		{ "mtu", &k->mtu, NULL },
		{ "carrier-ups", &k->carrier_up, NULL },
		{ "carrier-downs", &k->carrier_down, NULL },
		{ "vrf-table", &k->vrf_table, NULL },
		{ "operstate", NULL, &k->operstate },
		{ "conf", NULL, &k->conf },
		{ "rp-filter", NULL, &k->rp_filter },
	};

	if (token_is(lex_peek(&r->l, 0), "rp-filter"))
		k->conf |= ANOD_LINK_CONF4;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (!snapshot_accept(r, numbers[i].word))
			continue;
		*ret = numbers[i].to ? snapshot_number32(r, numbers[i].to)
				     : snapshot_number8(r, numbers[i].to8);
		return true;
	}
	return false;
}

static int link_word(struct reading *r, struct anod_link *k)
{
	static const char *const words[] = { "index",
					     "up",
					     "down",
					     "carrier",
					     "no-carrier",
					     "mtu",
					     "kind",
					     "master",
					     "lower",
					     "lladdr",
					     "flags",
					     "operstate",
					     "carrier-ups",
					     "carrier-downs",
					     "conf",
					     "rp-filter",
					     "ignore-linkdown",
					     "ignore-linkdown6",
					     "vrf-table",
					     NULL };
	uint32_t flags;
	int e;

	if (link_state(r, k))
		return 0;
	if (link_number(r, k, &e))
		return e;
	if (snapshot_accept(r, "kind"))
		return snapshot_name(r, k->kind, sizeof(k->kind));
	if (snapshot_accept(r, "master"))
		return snapshot_device(r, &k->master);
	if (snapshot_accept(r, "lower"))
		return snapshot_device(r, &k->lower);
	if (snapshot_accept(r, "lladdr"))
		return snapshot_lladdr(r, k->lladdr, &k->lladdr_len);
	if (!snapshot_accept(r, "flags"))
		return snapshot_unknown(r, words, "link");
	e = snapshot_number32(r, &flags);
	k->flags |= flags;
	return e;
}

int snapshot_read_link(struct reading *r, struct anod_object *o)
{
	struct anod_link *k = &o->u.link;
	bool operstate = false;
	int e;

	o->type = ANOD_OBJ_LINK;
	k->flags = IFF_UP;
	k->carrier = 1;
	k->mtu = SNAPSHOT_MTU;
	e = snapshot_name(r, k->name, sizeof(k->name));
	while (e == 0 && !snapshot_at_end(r)) {
		if (snapshot_flag(r, o))
			continue;
		operstate |= token_is(lex_peek(&r->l, 0), "operstate");
		e = link_word(r, k);
	}
	if (e < 0)
		return e;
	if (!k->ifindex)
		k->ifindex = r->next_index;
	r->next_index = MAX_OF(r->next_index, k->ifindex + 1);
	if (!operstate)
		k->operstate = snapshot_operstate(k->flags & IFF_UP, k->carrier);
	return 0;
}

int snapshot_read_addr(struct reading *r, struct anod_object *o)
{
	static const char *const words[] = { "dev", "peer", "scope", "flags", NULL };
	struct anod_addr *a = &o->u.addr;
	int e;

	o->type = ANOD_OBJ_ADDR;
	a->flags = SNAPSHOT_ADDR_FLAGS;
	e = snapshot_address(r, &a->local);
	while (e == 0 && !snapshot_at_end(r)) {
		if (snapshot_accept(r, "dev"))
			e = snapshot_device(r, &a->ifindex);
		else if (snapshot_accept(r, "peer"))
			e = snapshot_address(r, &a->peer);
		else if (snapshot_accept(r, "scope"))
			e = snapshot_number8(r, &a->scope);
		else if (snapshot_accept(r, "flags"))
			e = snapshot_number32(r, &a->flags);
		else if (snapshot_flag(r, o))
			continue;
		else
			e = snapshot_unknown(r, words, "addr");
	}
	if (e == 0 && !a->ifindex)
		e = snapshot_wrong(r, lex_peek(&r->l, 0), "'dev' and a link");
	return e;
}

/* "80..90", or "80" for one; false: another word. */
static bool range_word(struct reading *r, const char *word, uint64_t max, uint64_t range[2], int *e)
{
	if (!snapshot_accept(r, word))
		return false;
	*e = snapshot_number(r, max, &range[0]);
	range[1] = range[0];
	if (*e == 0 && snapshot_accept(r, ".."))
		*e = snapshot_number(r, max, &range[1]);
	return true;
}

/* Conditions on the packet's socket and transport; false: another word. */
static bool flow_word(struct reading *r, struct anod_rule *u, int *e)
{
	uint64_t range[2];

	if (range_word(r, "sport", UINT16_MAX, range, e)) {
		u->sport_first = (uint16_t) range[0];
		u->sport_last = (uint16_t) range[1];
	} else if (range_word(r, "dport", UINT16_MAX, range, e)) {
		u->dport_first = (uint16_t) range[0];
		u->dport_last = (uint16_t) range[1];
	} else if (range_word(r, "uid", UINT32_MAX, range, e)) {
		u->has_uid = 1;
		u->uid_first = (uint32_t) range[0];
		u->uid_last = (uint32_t) range[1];
	} else if (snapshot_accept(r, "ipproto")) {
		*e = snapshot_number8(r, &u->ipproto);
	} else {
		return false;
	}
	return true;
}

static int rule_word(struct reading *r, struct anod_object *o)
{
	static const char *const words[] = { "inet6",  "from",	 "to",	  "iif",     "oif",
					     "fwmark", "fwmask", "tos",	  "table",   "suppress",
					     "flags",  "action", "proto", "l3mdev",  "goto",
					     "sport",  "dport",	 "uid",	  "ipproto", NULL };
	struct anod_rule *u = &o->u.rule;
	int e = 0;

	if (flow_word(r, u, &e))
		return e;
	if (snapshot_accept(r, "goto")) {
		u->action = FR_ACT_GOTO;
		return snapshot_number32(r, &u->target);
	}

	if (snapshot_accept(r, "inet6")) {
		u->family = AF_INET6;
		return 0;
	}
	if (snapshot_accept(r, "l3mdev")) {
		u->l3mdev = 1;
		return 0;
	}
	if (snapshot_accept(r, "from"))
		return snapshot_prefix(r, &u->src);
	if (snapshot_accept(r, "to"))
		return snapshot_prefix(r, &u->dst);
	if (snapshot_accept(r, "iif"))
		return snapshot_name(r, u->iif, sizeof(u->iif));
	if (snapshot_accept(r, "oif"))
		return snapshot_name(r, u->oif, sizeof(u->oif));
	if (snapshot_accept(r, "fwmark")) {
		u->fwmask = u->fwmask ? u->fwmask : UINT32_MAX;
		return snapshot_number32(r, &u->fwmark);
	}
	if (snapshot_accept(r, "fwmask"))
		return snapshot_number32(r, &u->fwmask);
	if (snapshot_accept(r, "tos"))
		return snapshot_number8(r, &u->tos);
	if (snapshot_accept(r, "table"))
		return snapshot_number32(r, &u->table);
	if (snapshot_accept(r, "suppress"))
		return snapshot_number32(r, &u->suppress_len);
	if (snapshot_accept(r, "flags"))
		return snapshot_number32(r, &u->flags);
	if (snapshot_accept(r, "action"))
		return snapshot_number8(r, &u->action);
	if (snapshot_accept(r, "proto"))
		return snapshot_proto(r, &u->protocol);
	return snapshot_unknown(r, words, "rule");
}

int snapshot_read_rule(struct reading *r, struct anod_object *o)
{
	struct anod_rule *u = &o->u.rule;
	int e;

	o->type = ANOD_OBJ_RULE;
	u->action = SNAPSHOT_RULE_ACTION;
	u->protocol = RTPROT_STATIC;
	u->family = AF_INET;
	e = snapshot_number32(r, &u->priority);
	while (e == 0 && !snapshot_at_end(r))
		if (snapshot_flag(r, o))
			continue;
		else
			e = rule_word(r, o);
	if (u->src.family == AF_INET6 || u->dst.family == AF_INET6)
		u->family = AF_INET6;
	return e;
}

int snapshot_read_neigh(struct reading *r, struct anod_object *o)
{
	static const char *const words[] = { "dev",	  "state",  "lladdr", "flags",	   "probes",
					     "reachable", "failed", "stale",  "permanent", NULL };
	struct anod_neigh *n = &o->u.neigh;
	uint64_t value = 0;
	int e;

	o->type = ANOD_OBJ_NEIGH;
	n->state = NUD_REACHABLE;
	e = snapshot_prefix(r, &n->dst);
	while (e == 0 && !snapshot_at_end(r)) {
		struct token t = *lex_peek(&r->l, 0);

		if (snapshot_state(&t, &n->state)) {
			lex_next(&r->l, &t);
		} else if (snapshot_accept(r, "dev")) {
			e = snapshot_device(r, &n->ifindex);
		} else if (snapshot_accept(r, "state")) {
			e = snapshot_number(r, UINT16_MAX, &value);
			n->state = (uint16_t) value;
		} else if (snapshot_accept(r, "lladdr")) {
			e = snapshot_lladdr(r, n->lladdr, &n->lladdr_len);
		} else if (snapshot_accept(r, "flags")) {
			e = snapshot_number8(r, &n->flags);
		} else if (snapshot_accept(r, "probes")) {
			e = snapshot_number32(r, &n->probes);
		} else if (snapshot_flag(r, o)) {
			continue;
		} else {
			e = snapshot_unknown(r, words, "neigh");
		}
	}
	return e;
}
