/*
 * reply - one message of the kernel's generic netlink family "ethtool", taken apart.
 *
 * Pure.  Threads: any.  Memory: words in the result are constants.  Nothing outside of the
 * message is read, whatever its lengths say; what a message does not hold, or holds in a size
 * that cannot be, is unknown.
 */
#ifndef ETHTOOL_REPLY_H
#define ETHTOOL_REPLY_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include <anod/object.h>

#define LANES_MAX 8 /* ETHTOOL_MAX_LANES of the kernel */

/* The facts of a link that are numbers, in the order in which they are declared; those of one
 * command stand together, so that they are stored at once. */
enum number {
	/* LINKMODES_GET */
	SPEED,
	WIDTH,
	AUTONEG,
	PEER_SPEED,
	/* LINKSTATE_GET */
	SQI,
	SQI_MAX,
	EXT_DOWNS,
	/* FEC_GET */
	FEC_AUTO,
	FEC_CORRECTED,
	FEC_UNCORRECTED,
	FEC_BITS,
	FEC_BER,  /* real, calculated by rows.c between two readings */
	FEC_LOSS, /* the same */
	/* STATS_GET */
	SYMBOL_ERRORS,
	MAC_RX_FRAMES,
	MAC_TX_FRAMES,
	FCS_ERRORS,
	ALIGN_ERRORS,
	LATE_COLLISIONS,
	LENGTH_ERRORS,
	TOO_LONG_ERRORS,
	MAC_RX_ERRORS,
	MAC_TX_ERRORS,
	CTRL_RX,
	CTRL_TX,
	CTRL_UNKNOWN,
	RMON_UNDERSIZE,
	RMON_OVERSIZE,
	RMON_FRAGMENTS,
	RMON_JABBERS,
	/* PAUSE_GET */
	PAUSE_AUTONEG,
	PAUSE_RX,
	PAUSE_TX,
	PAUSE_RX_FRAMES,
	PAUSE_TX_FRAMES,
	/* EEE_GET */
	EEE_ENABLED,
	EEE_ACTIVE,
	/* RINGS_GET */
	RX_RING,
	RX_RING_MAX,
	TX_RING,
	TX_RING_MAX,
	/* COALESCE_GET */
	RX_WAIT,
	TX_WAIT,
	ADAPTIVE_RX,
	/* CHANNELS_GET */
	CHANNELS,
	CHANNELS_MAX,
	NUMBERS
};

/* And those that are words. */
enum word {
	DUPLEX, /* LINKMODES_GET */
	MODE,
	DOWN_REASON, /* LINKSTATE_GET */
	DOWN_DETAIL,
	FEC,	       /* FEC_GET */
	MODULE_POLICY, /* MODULE_GET */
	MODULE_POWER,
	WORDS
};

/* What we ask of all links, in this order. */
enum topic {
	TOPIC_STATE,
	TOPIC_FEC,
	TOPIC_STATS,
	TOPIC_PAUSE,
	TOPIC_SETTINGS, /* from here on: what seldom changes */
	TOPIC_MODES = TOPIC_SETTINGS,
	TOPIC_EEE,
	TOPIC_RINGS,
	TOPIC_COALESCE,
	TOPIC_CHANNELS,
	TOPIC_MODULE,
	TOPICS
};

struct topic_info {
	uint8_t get;	  /* ETHTOOL_MSG_*_GET */
	uint8_t header;	  /* its attribute with the header, the same in request and answer */
	uint8_t first, n; /* its numbers */
	uint8_t word, words;
	uint32_t flags; /* ETHTOOL_FLAG_* beside compact bit sets */
};
extern const struct topic_info topics[TOPICS];

struct lane {
	uint64_t corrected, uncorrected, bits;
};

struct reply {
	enum topic topic;
	bool partial; /* a notification: what it does not hold has not become unknown */
	uint32_t ifindex;
	char name[ANOD_IFNAME_SIZE];
	uint64_t known; /* bit k: number[k] */
	int64_t number[NUMBERS];
	uint32_t known_words; /* bit k: word[k] */
	const char *word[WORDS];
	/* Per lane, where the device counts so. */
	unsigned n_lanes;
	uint8_t lane_known; /* bit 0 corrected, 1 uncorrected, 2 bits */
	struct lane lane[LANES_MAX];
};

/* 'm' lies whole in the buffer, header and all (nlmsg_ok()), and is of the family "ethtool".
 * 1, or 0: not an answer or notification that is read here, or one that names no link. */
int reply_parse(const struct nlmsghdr *m, struct reply *ret);

#endif
