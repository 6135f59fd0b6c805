/*
 * words - the kernel's numbers of Ethernet as words: link modes, FEC, reasons why a link is down.
 *
 * Pure.  Threads: any.  Memory: the words are constants.  A number that these tables do not know
 * gives NULL, never a guess.
 */
#ifndef ETHTOOL_WORDS_H
#define ETHTOOL_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* enum ethtool_link_mode_bit_indices of uapi/linux/ethtool.h, up to kernel 6.18. */
#define LINK_MODES 125

struct link_mode {
	const char *name;    /* as ethtool(8) shows it: "400000baseDR4/Full" */
	uint32_t speed_mbps; /* 0: no speed (a port, pause, FEC) */
	uint8_t lanes;	     /* of the medium; 0: no speed */
	uint8_t half;	     /* half duplex */
};

/* NULL: not known here. */
const struct link_mode *link_mode(unsigned bit);
/* Of ETHTOOL_A_FEC_ACTIVE, a bit number of a link mode: "off", "rs", "baser", "llrs", or NULL. */
const char *fec_word(uint32_t bit);
/* ETHTOOL_A_LINKSTATE_EXT_STATE: "no-cable", "autoneg" ... or NULL. */
const char *down_reason(uint8_t state);
/* ETHTOOL_A_LINKSTATE_EXT_SUBSTATE of a state: "no-partner" ... or NULL. */
const char *down_detail(uint8_t state, uint8_t substate);

#endif
