/*
 * reply_stats - the counters of IEEE 802.3 and RMON in an answer to STATS_GET.
 *
 * Design.  They are nests whose attribute *number* is the counter, inside a group; what the driver
 * does not count is not there.
 */
#include <linux/ethtool_netlink.h>

#include "reply_int.h"

/* Which counter of a group is which number, + 1; 0: not kept. */
static const uint8_t phy_counters[ATTRS] = {
	[ETHTOOL_A_STATS_ETH_PHY_5_SYM_ERR] = SYMBOL_ERRORS + 1,
};
static const uint8_t mac_counters[ATTRS] = {
	[ETHTOOL_A_STATS_ETH_MAC_2_TX_PKT] = MAC_TX_FRAMES + 1,
	[ETHTOOL_A_STATS_ETH_MAC_5_RX_PKT] = MAC_RX_FRAMES + 1,
	[ETHTOOL_A_STATS_ETH_MAC_6_FCS_ERR] = FCS_ERRORS + 1,
	[ETHTOOL_A_STATS_ETH_MAC_7_ALIGN_ERR] = ALIGN_ERRORS + 1,
	[ETHTOOL_A_STATS_ETH_MAC_10_LATE_COL] = LATE_COLLISIONS + 1,
	[ETHTOOL_A_STATS_ETH_MAC_12_TX_INT_ERR] = MAC_TX_ERRORS + 1,
	[ETHTOOL_A_STATS_ETH_MAC_15_RX_INT_ERR] = MAC_RX_ERRORS + 1,
	[ETHTOOL_A_STATS_ETH_MAC_23_IR_LEN_ERR] = LENGTH_ERRORS + 1,
	[ETHTOOL_A_STATS_ETH_MAC_25_TOO_LONG_ERR] = TOO_LONG_ERRORS + 1,
};
static const uint8_t ctrl_counters[ATTRS] = {
	[ETHTOOL_A_STATS_ETH_CTRL_3_TX] = CTRL_TX + 1,
	[ETHTOOL_A_STATS_ETH_CTRL_4_RX] = CTRL_RX + 1,
	[ETHTOOL_A_STATS_ETH_CTRL_5_RX_UNSUP] = CTRL_UNKNOWN + 1,
};
static const uint8_t rmon_counters[ATTRS] = {
	[ETHTOOL_A_STATS_RMON_UNDERSIZE] = RMON_UNDERSIZE + 1,
	[ETHTOOL_A_STATS_RMON_OVERSIZE] = RMON_OVERSIZE + 1,
	[ETHTOOL_A_STATS_RMON_FRAG] = RMON_FRAGMENTS + 1,
	[ETHTOOL_A_STATS_RMON_JABBER] = RMON_JABBERS + 1,
};
static const uint8_t *const group_counters[] = {
	[ETHTOOL_STATS_ETH_PHY] = phy_counters,
	[ETHTOOL_STATS_ETH_MAC] = mac_counters,
	[ETHTOOL_STATS_ETH_CTRL] = ctrl_counters,
	[ETHTOOL_STATS_RMON] = rmon_counters,
};

static void take_group(struct reply *r, const struct nlattr *group)
{
	const struct nlattr *tb[ATTRS], *a;
	int left = nla_len(group);
	uint64_t id, v;

	split_nest(group, tb);
	if (!number(tb[ETHTOOL_A_STATS_GRP_ID], 4, &id) ||
	    id >= sizeof(group_counters) / sizeof(group_counters[0]))
		return;

	for (a = nla_data(group); left > 0 && nla_ok(a, left); a = nla_next(a, &left)) {
		const struct nlattr *s[ATTRS];

		if (nla_type(a) != ETHTOOL_A_STATS_GRP_STAT)
			continue;
		split_nest(a, s);
		for (unsigned k = 0; k < ATTRS; k++)
			if (group_counters[id][k] && number(s[k], 8, &v))
				set(r, group_counters[id][k] - 1u, v);
	}
}

void take_stats(struct reply *r, const void *data, int size)
{
	const struct nlattr *a = data;

	for (; size > 0 && nla_ok(a, size); a = nla_next(a, &size))
		if (nla_type(a) == ETHTOOL_A_STATS_GRP)
			take_group(r, a);
}
