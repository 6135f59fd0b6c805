/*
 * snapshot_words - usual values and words of snapshots.
 */
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <anod/rtnl.h>

#include "model/snapshot_int.h"

static const struct {
	const char *word;
	uint16_t state;
} states[] = {
	{ "permanent", NUD_PERMANENT }, { "noarp", NUD_NOARP },
	{ "reachable", NUD_REACHABLE }, { "stale", NUD_STALE },
	{ "delay", NUD_DELAY },		{ "probe", NUD_PROBE },
	{ "failed", NUD_FAILED },	{ "incomplete", NUD_INCOMPLETE },
};

uint8_t snapshot_operstate(bool up, bool carrier)
{
	return up && carrier ? IF_OPER_UP : IF_OPER_DOWN;
}

uint8_t snapshot_scope(const struct anod_route *r)
{
	if (r->dst.family != AF_INET || r->type != RTN_UNICAST || r->nhid || !r->n_legs ||
	    r->leg[0].via.family)
		return RT_SCOPE_UNIVERSE;
	return RT_SCOPE_LINK;
}

uint8_t snapshot_family(const struct anod_nexthop *n)
{
	if (n->n_members)
		return AF_UNSPEC;
	return n->via.family ? n->via.family : AF_INET;
}

const char *snapshot_type_word(uint8_t type)
{
	const char *word = anod_route_type_text(type);

	return word ? word : "unspec";
}

const char *snapshot_state_word(uint16_t nud)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (states[i].state == nud)
			return states[i].word;
	return NULL;
}

bool snapshot_type(const struct token *t, uint8_t *ret)
{
	for (unsigned i = 0; i <= RTN_MAX; i++)
		if (token_is(t, snapshot_type_word((uint8_t) i))) {
			*ret = (uint8_t) i;
			return true;
		}
	return false;
}

bool snapshot_state(const struct token *t, uint16_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (token_is(t, states[i].word)) {
			*ret = states[i].state;
			return true;
		}
	return false;
}

bool snapshot_protocol(const struct token *t, uint8_t *ret)
{
	char text[16];

	if (t->type == TOKEN_VALUE && t->value.type == ANOD_INT && t->value.u.i >= 0 &&
	    t->value.u.i <= UINT8_MAX) {
		*ret = (uint8_t) t->value.u.i;
		return true;
	}
	for (int i = 0; i <= UINT8_MAX; i++)
		if (token_is(t, anod_protocol_text(i, text, sizeof(text)))) {
			*ret = (uint8_t) i;
			return true;
		}
	return false;
}
