/*
 * parse - the kernel's message of a bond or of one of its members, taken apart.
 *
 * Design.  Both are RTM_NEWLINK: a bond has IFLA_INFO_DATA of kind "bond", a member
 * IFLA_INFO_SLAVE_DATA.  What a mode does not have is not in the message, which 'has' tells.  The
 * partner's port state is 16 bits wide in the message and 8 on the wire.
 */
#include "bond.h"

#include <linux/if_bonding.h>
#include <linux/if_link.h>
#include <string.h>

#include <netlink/attr.h>

#include <anod/masters.h>

/* Of headers before 6.19. */
#define SLAVE_CHURN_ACTOR   11 /* IFLA_BOND_SLAVE_AD_CHURN_ACTOR_STATE */
#define SLAVE_CHURN_PARTNER 12

/* Up to four bytes in the order of the machine, 0 when they are not all there. */
static uint32_t number(const struct nlattr *a, size_t size)
{
	uint32_t v32 = 0;
	uint16_t v16 = 0;
	uint8_t v8 = 0;

	if (nla_len(a) < (int) size)
		return 0;
	switch (size) {
	case sizeof(v8):
		memcpy(&v8, nla_data(a), sizeof(v8));
		return v8;
	case sizeof(v16):
		memcpy(&v16, nla_data(a), sizeof(v16));
		return v16;
	default:
		memcpy(&v32, nla_data(a), sizeof(v32));
		return v32;
	}
}

static void take_ad(const struct nlattr *nest, struct bond *b)
{
	const struct nlattr *a;
	int left;

	b->has |= BOND_HAS_AD;
	nla_for_each_nested(a, nest, left)
	{
		switch (nla_type(a)) {
		case IFLA_BOND_AD_INFO_AGGREGATOR:
			b->aggregator = (uint16_t) number(a, 2);
			break;
		case IFLA_BOND_AD_INFO_NUM_PORTS:
			b->ports = (uint16_t) number(a, 2);
			break;
		case IFLA_BOND_AD_INFO_ACTOR_KEY:
			b->actor_key = (uint16_t) number(a, 2);
			break;
		case IFLA_BOND_AD_INFO_PARTNER_KEY:
			b->partner_key = (uint16_t) number(a, 2);
			break;
		case IFLA_BOND_AD_INFO_PARTNER_MAC:
			if (nla_len(a) >= (int) sizeof(b->partner))
				memcpy(b->partner, nla_data(a), sizeof(b->partner));
			break;
		}
	}
}

int bond_parse(const struct nlmsghdr *m, struct bond *ret)
{
	struct anod_link_info link;
	const struct nlattr *a;
	int left, r;

	memset(ret, 0, sizeof(*ret));
	r = anod_link_info(m, "bond", false, &link);
	if (r <= 0)
		return r;
	ret->ifindex = link.ifindex;
	memcpy(ret->name, link.name, sizeof(ret->name));

	nla_for_each_nested(a, link.data, left)
	{
		switch (nla_type(a)) {
		case IFLA_BOND_MODE:
			ret->mode = (uint8_t) number(a, 1);
			break;
		case IFLA_BOND_ACTIVE_SLAVE:
			ret->active = number(a, 4);
			ret->has |= BOND_HAS_ACTIVE;
			break;
		case IFLA_BOND_XMIT_HASH_POLICY:
			ret->hash = (uint8_t) number(a, 1);
			break;
		case IFLA_BOND_MIN_LINKS:
			ret->min_links = number(a, 4);
			break;
		case IFLA_BOND_AD_LACP_RATE:
			ret->lacp_fast = (uint8_t) number(a, 1);
			break;
		case IFLA_BOND_AD_INFO:
			take_ad(a, ret);
			break;
		}
	}
	return 1;
}

static uint8_t churn(const struct nlattr *a)
{
	uint32_t c = number(a, 1);

	return nla_len(a) >= 1 && c < CHURN_UNKNOWN ? (uint8_t) c : CHURN_UNKNOWN;
}

int bond_parse_member(const struct nlmsghdr *m, struct bond_member *ret)
{
	struct anod_link_info link;
	const struct nlattr *a;
	int left, r;

	memset(ret, 0, sizeof(*ret));
	ret->actor_churn = ret->partner_churn = CHURN_UNKNOWN;
	r = anod_link_info(m, "bond", true, &link);
	if (r <= 0)
		return r;
	ret->ifindex = link.ifindex;
	ret->master = link.master;
	memcpy(ret->name, link.name, sizeof(ret->name));

	nla_for_each_nested(a, link.data, left)
	{
		switch (nla_type(a)) {
		case IFLA_BOND_SLAVE_STATE:
			ret->backup = number(a, 1) == BOND_STATE_BACKUP;
			break;
		case IFLA_BOND_SLAVE_MII_STATUS:
			ret->mii = (uint8_t) number(a, 1);
			break;
		case IFLA_BOND_SLAVE_LINK_FAILURE_COUNT:
			ret->failures = number(a, 4);
			break;
		case IFLA_BOND_SLAVE_AD_AGGREGATOR_ID:
			ret->aggregator = (uint16_t) number(a, 2);
			ret->has |= MEMBER_HAS_AGGREGATOR;
			break;
		case IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE:
			ret->actor = (uint8_t) number(a, 1);
			ret->has |= MEMBER_HAS_ACTOR;
			break;
		case IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE:
			ret->partner = (uint16_t) number(a, 2);
			ret->has |= MEMBER_HAS_PARTNER;
			break;
		case SLAVE_CHURN_ACTOR:
			ret->actor_churn = churn(a);
			break;
		case SLAVE_CHURN_PARTNER:
			ret->partner_churn = churn(a);
			break;
		}
	}
	return 1;
}
