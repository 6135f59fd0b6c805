/*
 * reply - one message of the kernel's generic netlink family "ethtool", taken apart.
 *
 * Design.  Answers and notifications of one subject hold the same attributes, so one reader
 * serves both.  Attributes of a nest go into a small table by their number first; a number that
 * comes twice counts as it came last.  Statistics of STATS_GET are in reply_stats.c.
 */
#include "reply.h"

#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <string.h>

#include "reply_int.h"
#include "words.h"

/* Since kernel 6.4 (include/uapi/linux/ethtool_netlink.h): how often the link went down, u32. */
#define LINKSTATE_EXT_DOWN_CNT 7
#define MBPS		       1000000

const struct topic_info topics[TOPICS] = {
	[TOPIC_STATE] = { ETHTOOL_MSG_LINKSTATE_GET, ETHTOOL_A_LINKSTATE_HEADER, SQI, 3,
			  DOWN_REASON, 2, 0 },
	[TOPIC_FEC] = { ETHTOOL_MSG_FEC_GET, ETHTOOL_A_FEC_HEADER, FEC_AUTO, 6, FEC, 1,
			ETHTOOL_FLAG_STATS },
	[TOPIC_STATS] = { ETHTOOL_MSG_STATS_GET, ETHTOOL_A_STATS_HEADER, SYMBOL_ERRORS, 17, 0, 0,
			  0 },
	[TOPIC_PAUSE] = { ETHTOOL_MSG_PAUSE_GET, ETHTOOL_A_PAUSE_HEADER, PAUSE_AUTONEG, 5, 0, 0,
			  ETHTOOL_FLAG_STATS },
	[TOPIC_MODES] = { ETHTOOL_MSG_LINKMODES_GET, ETHTOOL_A_LINKMODES_HEADER, SPEED, 4, DUPLEX,
			  2, 0 },
	[TOPIC_EEE] = { ETHTOOL_MSG_EEE_GET, ETHTOOL_A_EEE_HEADER, EEE_ENABLED, 2, 0, 0, 0 },
	[TOPIC_RINGS] = { ETHTOOL_MSG_RINGS_GET, ETHTOOL_A_RINGS_HEADER, RX_RING, 4, 0, 0, 0 },
	[TOPIC_COALESCE] = { ETHTOOL_MSG_COALESCE_GET, ETHTOOL_A_COALESCE_HEADER, RX_WAIT, 3, 0, 0,
			     0 },
	[TOPIC_CHANNELS] = { ETHTOOL_MSG_CHANNELS_GET, ETHTOOL_A_CHANNELS_HEADER, CHANNELS, 2, 0, 0,
			     0 },
	[TOPIC_MODULE] = { ETHTOOL_MSG_MODULE_GET, ETHTOOL_A_MODULE_HEADER, 0, 0, MODULE_POLICY, 2,
			   0 },
};

/* ---- attributes -------------------------------------------------------------------------- */

static void take(struct reply *r, enum number n, const struct nlattr *a, size_t size)
{
	uint64_t v;

	if (number(a, size, &v))
		set(r, n, size == 1 ? v != 0 : v);
}

static void say(struct reply *r, enum word w, const char *text)
{
	if (!text)
		return;
	r->word[w] = text;
	r->known_words |= 1u << w;
}

/* ---- what the subjects hold -------------------------------------------------------------- */

struct bits {
	const uint8_t *value;
	unsigned n;
};

/* A compact bit set: words of 32 bits in the byte order of this machine. */
static struct bits bitset(const struct nlattr *nest)
{
	const struct nlattr *tb[ATTRS];
	struct bits b = { 0 };

	split_nest(nest, tb);
	if (tb[ETHTOOL_A_BITSET_VALUE]) {
		b.value = nla_data(tb[ETHTOOL_A_BITSET_VALUE]);
		b.n = (unsigned) nla_len(tb[ETHTOOL_A_BITSET_VALUE]) / 4 * 32;
	}
	return b;
}

static bool bit(const struct bits *b, unsigned k)
{
	uint32_t w;

	if (k >= b->n)
		return false;
	memcpy(&w, b->value + k / 32 * 4, sizeof(w));
	return w >> k % 32 & 1;
}

/* The one mode of ours that the link can be in, by speed, lanes, duplex and what the peer
 * offers; NULL when it is not told or more than one would fit. */
static const char *mode_in_use(const struct bits *ours, const struct bits *peer, uint64_t mbps,
			       uint64_t lanes, bool half)
{
	const char *found = NULL;
	bool offered = false;

	for (unsigned k = 0; k < LINK_MODES; k++)
		offered |= bit(peer, k) && link_mode(k)->speed_mbps == mbps;
	for (unsigned k = 0; k < LINK_MODES; k++) {
		const struct link_mode *m = link_mode(k);

		if (!mbps || !bit(ours, k) || m->speed_mbps != mbps || m->half != half ||
		    (lanes && m->lanes != lanes) || (offered && !bit(peer, k)))
			continue;
		if (found)
			return NULL;
		found = m->name;
	}
	return found;
}

static void take_modes(struct reply *r, const struct nlattr *const *tb)
{
	struct bits ours = bitset(tb[ETHTOOL_A_LINKMODES_OURS]);
	struct bits peer = bitset(tb[ETHTOOL_A_LINKMODES_PEER]);
	uint64_t mbps = 0, lanes = 0, duplex = DUPLEX_UNKNOWN, best = 0;

	if (number(tb[ETHTOOL_A_LINKMODES_SPEED], 4, &mbps) && mbps != (uint32_t) SPEED_UNKNOWN)
		set(r, SPEED, mbps * MBPS);
	else
		mbps = 0;
	if (number(tb[ETHTOOL_A_LINKMODES_LANES], 4, &lanes) && lanes)
		set(r, WIDTH, lanes);
	take(r, AUTONEG, tb[ETHTOOL_A_LINKMODES_AUTONEG], 1);
	for (unsigned k = 0; k < LINK_MODES; k++)
		if (bit(&peer, k) && link_mode(k)->speed_mbps > best)
			best = link_mode(k)->speed_mbps;
	if (best)
		set(r, PEER_SPEED, best * MBPS);
	(void) number(tb[ETHTOOL_A_LINKMODES_DUPLEX], 1, &duplex);
	say(r, DUPLEX, duplex == DUPLEX_FULL ? "full" : duplex == DUPLEX_HALF ? "half" : NULL);
	say(r, MODE, mode_in_use(&ours, &peer, mbps, lanes, duplex == DUPLEX_HALF));
}

static void take_state(struct reply *r, const struct nlattr *const *tb)
{
	uint64_t link, state, detail = 0;

	take(r, SQI, tb[ETHTOOL_A_LINKSTATE_SQI], 4);
	take(r, SQI_MAX, tb[ETHTOOL_A_LINKSTATE_SQI_MAX], 4);
	take(r, EXT_DOWNS, tb[LINKSTATE_EXT_DOWN_CNT], 4);
	if (number(tb[ETHTOOL_A_LINKSTATE_EXT_STATE], 1, &state)) {
		say(r, DOWN_REASON, down_reason((uint8_t) state));
		(void) number(tb[ETHTOOL_A_LINKSTATE_EXT_SUBSTATE], 1, &detail);
		say(r, DOWN_DETAIL, detail ? down_detail((uint8_t) state, (uint8_t) detail) : "");
	} else if (number(tb[ETHTOOL_A_LINKSTATE_LINK], 1, &link) && link) {
		say(r, DOWN_REASON, "");
		say(r, DOWN_DETAIL, "");
	}
}

/* The k-th number of an array: the total, then one for each lane. */
static bool element(const struct nlattr *a, unsigned k, uint64_t *ret)
{
	if (!a || (unsigned) nla_len(a) < (k + 1) * sizeof(*ret))
		return false;
	memcpy(ret, (const uint8_t *) nla_data(a) + k * sizeof(*ret), sizeof(*ret));
	return !(*ret >> 63);
}

static void take_fec(struct reply *r, const struct nlattr *const *tb)
{
	const struct nlattr *s[ATTRS], *array[3];
	static const enum number total[3] = { FEC_CORRECTED, FEC_UNCORRECTED, FEC_BITS };
	uint64_t active, v;

	take(r, FEC_AUTO, tb[ETHTOOL_A_FEC_AUTO], 1);
	if (number(tb[ETHTOOL_A_FEC_ACTIVE], 4, &active))
		say(r, FEC, fec_word((uint32_t) active));
	split_nest(tb[ETHTOOL_A_FEC_STATS], s);
	array[0] = s[ETHTOOL_A_FEC_STAT_CORRECTED];
	array[1] = s[ETHTOOL_A_FEC_STAT_UNCORR];
	array[2] = s[ETHTOOL_A_FEC_STAT_CORR_BITS];
	for (unsigned i = 0; i < 3; i++) {
		if (element(array[i], 0, &v))
			set(r, total[i], v);
		for (unsigned k = 0; k < LANES_MAX && element(array[i], k + 1, &v); k++) {
			uint64_t *at[3] = { &r->lane[k].corrected, &r->lane[k].uncorrected,
					    &r->lane[k].bits };

			*at[i] = v;
			r->lane_known |= (uint8_t) (1u << i);
			if (k >= r->n_lanes)
				r->n_lanes = k + 1;
		}
	}
}

static void take_pause(struct reply *r, const struct nlattr *const *tb)
{
	const struct nlattr *s[ATTRS];

	take(r, PAUSE_AUTONEG, tb[ETHTOOL_A_PAUSE_AUTONEG], 1);
	take(r, PAUSE_RX, tb[ETHTOOL_A_PAUSE_RX], 1);
	take(r, PAUSE_TX, tb[ETHTOOL_A_PAUSE_TX], 1);
	split_nest(tb[ETHTOOL_A_PAUSE_STATS], s);
	take(r, PAUSE_RX_FRAMES, s[ETHTOOL_A_PAUSE_STAT_RX_FRAMES], 8);
	take(r, PAUSE_TX_FRAMES, s[ETHTOOL_A_PAUSE_STAT_TX_FRAMES], 8);
}

static void take_module(struct reply *r, const struct nlattr *const *tb)
{
	uint64_t v;

	if (number(tb[ETHTOOL_A_MODULE_POWER_MODE_POLICY], 1, &v))
		say(r, MODULE_POLICY, v == 1 ? "high" : v == 2 ? "auto" : NULL);
	if (number(tb[ETHTOOL_A_MODULE_POWER_MODE], 1, &v))
		say(r, MODULE_POWER, v == 1 ? "low" : v == 2 ? "high" : NULL);
}

static void take_settings(struct reply *r, const struct nlattr *const *tb)
{
	static const struct {
		uint8_t topic, number, attr, size;
	} all[] = {
		{ TOPIC_EEE, EEE_ENABLED, ETHTOOL_A_EEE_ENABLED, 1 },
		{ TOPIC_EEE, EEE_ACTIVE, ETHTOOL_A_EEE_ACTIVE, 1 },
		{ TOPIC_RINGS, RX_RING, ETHTOOL_A_RINGS_RX, 4 },
		{ TOPIC_RINGS, RX_RING_MAX, ETHTOOL_A_RINGS_RX_MAX, 4 },
		{ TOPIC_RINGS, TX_RING, ETHTOOL_A_RINGS_TX, 4 },
		{ TOPIC_RINGS, TX_RING_MAX, ETHTOOL_A_RINGS_TX_MAX, 4 },
		{ TOPIC_COALESCE, RX_WAIT, ETHTOOL_A_COALESCE_RX_USECS, 4 },
		{ TOPIC_COALESCE, TX_WAIT, ETHTOOL_A_COALESCE_TX_USECS, 4 },
		{ TOPIC_COALESCE, ADAPTIVE_RX, ETHTOOL_A_COALESCE_USE_ADAPTIVE_RX, 1 },
		{ TOPIC_CHANNELS, CHANNELS, ETHTOOL_A_CHANNELS_COMBINED_COUNT, 4 },
		{ TOPIC_CHANNELS, CHANNELS_MAX, ETHTOOL_A_CHANNELS_COMBINED_MAX, 4 },
	};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].topic == r->topic)
			take(r, all[i].number, tb[all[i].attr], all[i].size);
}

/* ---- the message ------------------------------------------------------------------------- */

/* Answers and notifications have numbers of their own (ETHTOOL_MSG_*_REPLY, _NTF). */
static bool find_topic(uint8_t cmd, struct reply *r)
{
	static const struct {
		uint8_t cmd, topic, partial;
	} all[] = {
		{ ETHTOOL_MSG_LINKSTATE_GET_REPLY, TOPIC_STATE, 0 },
		{ ETHTOOL_MSG_FEC_GET_REPLY, TOPIC_FEC, 0 },
		{ ETHTOOL_MSG_FEC_NTF, TOPIC_FEC, 1 },
		{ ETHTOOL_MSG_STATS_GET_REPLY, TOPIC_STATS, 0 },
		{ ETHTOOL_MSG_PAUSE_GET_REPLY, TOPIC_PAUSE, 0 },
		{ ETHTOOL_MSG_PAUSE_NTF, TOPIC_PAUSE, 1 },
		{ ETHTOOL_MSG_LINKMODES_GET_REPLY, TOPIC_MODES, 0 },
		{ ETHTOOL_MSG_LINKMODES_NTF, TOPIC_MODES, 0 },
		{ ETHTOOL_MSG_EEE_GET_REPLY, TOPIC_EEE, 0 },
		{ ETHTOOL_MSG_EEE_NTF, TOPIC_EEE, 0 },
		{ ETHTOOL_MSG_RINGS_GET_REPLY, TOPIC_RINGS, 0 },
		{ ETHTOOL_MSG_RINGS_NTF, TOPIC_RINGS, 0 },
		{ ETHTOOL_MSG_COALESCE_GET_REPLY, TOPIC_COALESCE, 0 },
		{ ETHTOOL_MSG_COALESCE_NTF, TOPIC_COALESCE, 0 },
		{ ETHTOOL_MSG_CHANNELS_GET_REPLY, TOPIC_CHANNELS, 0 },
		{ ETHTOOL_MSG_CHANNELS_NTF, TOPIC_CHANNELS, 0 },
		{ ETHTOOL_MSG_MODULE_GET_REPLY, TOPIC_MODULE, 0 },
		{ ETHTOOL_MSG_MODULE_NTF, TOPIC_MODULE, 0 },
	};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].cmd == cmd) {
			r->topic = all[i].topic;
			r->partial = all[i].partial;
			return true;
		}
	return false;
}

static bool take_header(struct reply *r, const struct nlattr *nest)
{
	const struct nlattr *tb[ATTRS];
	const struct nlattr *name;
	uint64_t ifindex;

	split_nest(nest, tb);
	name = tb[ETHTOOL_A_HEADER_DEV_NAME];
	if (!number(tb[ETHTOOL_A_HEADER_DEV_INDEX], 4, &ifindex) || !ifindex || !name)
		return false;
	r->ifindex = (uint32_t) ifindex;
	if (nla_len(name) < 1 || nla_len(name) > ANOD_IFNAME_SIZE)
		return false;
	memcpy(r->name, nla_data(name), (size_t) nla_len(name));
	r->name[ANOD_IFNAME_SIZE - 1] = '\0';
	return r->name[0] != '\0';
}

int reply_parse(const struct nlmsghdr *m, struct reply *ret)
{
	const uint8_t *head = (const uint8_t *) m + NLMSG_HDRLEN;
	const struct nlattr *tb[ATTRS];
	const void *data = head + GENL_HDRLEN;
	int size;

	memset(ret, 0, sizeof(*ret));
	if (m->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN ||
	    !find_topic(((const struct genlmsghdr *) head)->cmd, ret))
		return 0;
	size = (int) (m->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	split(data, size, tb);
	if (!take_header(ret, tb[topics[ret->topic].header]))
		return 0;

	switch (ret->topic) {
	case TOPIC_STATE:
		take_state(ret, tb);
		break;
	case TOPIC_FEC:
		take_fec(ret, tb);
		break;
	case TOPIC_STATS:
		take_stats(ret, data, size);
		break;
	case TOPIC_PAUSE:
		take_pause(ret, tb);
		break;
	case TOPIC_MODES:
		take_modes(ret, tb);
		break;
	case TOPIC_MODULE:
		take_module(ret, tb);
		break;
	case TOPIC_EEE:
	case TOPIC_RINGS:
	case TOPIC_COALESCE:
	case TOPIC_CHANNELS:
		take_settings(ret, tb);
		break;
	case TOPICS:
		break;
	}
	return 1;
}
