/*
 * attrs - the facts that this sensor publishes; docs/facts.md in C.
 *
 * Design.  The order is that of enum number and then of enum word.  Counters keep the names of
 * IEEE 802.3 clause 30 in the help, so that they can be found in a data sheet.  Left out is what
 * rtnetlink counts as well (octets, broadcasts) and what says nothing on a full-duplex link.
 */
#include "ethtool.h"

/* A value lives through three readings of the longest period. */
#define STATS_AGE_MS	100000
#define SETTINGS_AGE_MS 200000

#define NUM(t, u, n, age, text)                                                                    \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .max_age_ms = age, .help = text                   \
	}
#define FLAG(n, text)	   NUM(ANOD_BOOL, ANOD_UNIT_NONE, n, SETTINGS_AGE_MS, text)
#define SETTING(n, text)   NUM(ANOD_INT, ANOD_UNIT_NONE, n, SETTINGS_AGE_MS, text)
#define FRAMES(n, text)	   NUM(ANOD_INT, ANOD_UNIT_PACKETS, n, STATS_AGE_MS, text)
#define COUNT(n, text)	   NUM(ANOD_INT, ANOD_UNIT_NONE, n, STATS_AGE_MS, text)
#define WORD(n, age, text) NUM(ANOD_TEXT, ANOD_UNIT_NONE, n, age, text)

static const struct anod_attr link_attrs[NUMBERS + WORDS + 1] = {
	[SPEED] = NUM(ANOD_INT, ANOD_UNIT_BPS, "speed", SETTINGS_AGE_MS,
		      "of the link as it runs (LINKMODES_GET); unknown while it is down"),
	[WIDTH] = SETTING("lanes", "lanes in use, 1 to 8 (LINKMODES_GET)"),
	[AUTONEG] = FLAG("autoneg", "whether speed and duplex are negotiated (LINKMODES_GET)"),
	[PEER_SPEED] = NUM(ANOD_INT, ANOD_UNIT_BPS, "peer_speed", SETTINGS_AGE_MS,
			   "fastest mode that the other end offers (LINKMODES_GET)"),
	[SQI] = COUNT("sqi", "signal quality, 0 to sqi_max; 100BASE-T1 and 1000BASE-T1 "
			     "(LINKSTATE_GET)"),
	[SQI_MAX] = COUNT("sqi_max", "the best that sqi can be (LINKSTATE_GET)"),
	[EXT_DOWNS] = COUNT("phy_downs", "times that the PHY lost the link, also ones too short "
					 "for carrier_down (LINKSTATE_GET, since Linux 6.4)"),
	[FEC_AUTO] = NUM(ANOD_BOOL, ANOD_UNIT_NONE, "fec_auto", STATS_AGE_MS,
			 "whether the device chooses the FEC mode (FEC_GET)"),
	[FEC_CORRECTED] = COUNT("fec_corrected", "FEC code words with errors that were corrected; "
						 "802.3 30.5.1.1.17 (FEC_GET)"),
	[FEC_UNCORRECTED] = COUNT("fec_uncorrected", "FEC code words that could not be corrected: "
						     "frames are lost; 802.3 30.5.1.1.18"),
	[FEC_BITS] = COUNT("fec_corrected_bits", "bits that FEC has corrected (FEC_GET)"),
	[FEC_BER] =
		NUM(ANOD_REAL, ANOD_UNIT_NONE, "pre_fec_ber", STATS_AGE_MS,
		    "bit errors before FEC, of all bits between the last two readings: corrected "
		    "bits over speed; what FEC can bear is 2.4e-4 for RS(544,514), 3.1e-5 for "
		    "RS(528,514)"),
	[FEC_LOSS] =
		NUM(ANOD_REAL, ANOD_UNIT_RATIO, "fec_loss", STATS_AGE_MS,
		    "share of frames of 1518 bytes that is lost with code words that could not be "
		    "corrected, between the last two readings; predicted: the line is full of code "
		    "words also when no frame is sent"),
	[SYMBOL_ERRORS] = COUNT("symbol_errors", "carrier events with a wrong symbol; "
						 "SymbolErrorDuringCarrier (STATS_GET eth-phy)"),
	[MAC_RX_FRAMES] = FRAMES("mac_rx_frames", "FramesReceivedOK (STATS_GET eth-mac)"),
	[MAC_TX_FRAMES] = FRAMES("mac_tx_frames", "FramesTransmittedOK (STATS_GET eth-mac)"),
	[FCS_ERRORS] =
		FRAMES("fcs_errors", "frames with a wrong checksum; FrameCheckSequenceErrors "
				     "(STATS_GET eth-mac)"),
	[ALIGN_ERRORS] = FRAMES("align_errors", "AlignmentErrors: not a whole number of bytes"),
	[LATE_COLLISIONS] = FRAMES("late_collisions", "LateCollisions: the ends do not agree on "
						      "duplex, or the cable is too long"),
	[LENGTH_ERRORS] = FRAMES("length_errors", "InRangeLengthErrors: length field and length "
						  "differ"),
	[TOO_LONG_ERRORS] =
		FRAMES("too_long_errors", "FrameTooLongErrors: the MTU of the other end "
					  "is larger"),
	[MAC_RX_ERRORS] = FRAMES("mac_rx_errors", "FramesLostDueToIntMACRcvError: the MAC itself "
						  "lost them"),
	[MAC_TX_ERRORS] = FRAMES("mac_tx_errors", "FramesLostDueToIntMACXmitError"),
	[CTRL_RX] = FRAMES("ctrl_rx", "MACControlFramesReceived (STATS_GET eth-ctrl)"),
	[CTRL_TX] = FRAMES("ctrl_tx", "MACControlFramesTransmitted"),
	[CTRL_UNKNOWN] = FRAMES("ctrl_unknown", "UnsupportedOpcodesReceived"),
	[RMON_UNDERSIZE] =
		FRAMES("undersize", "whole frames below 64 bytes; etherStatsUndersizePkts "
				    "(RFC 2819, STATS_GET rmon)"),
	[RMON_OVERSIZE] = FRAMES("oversize", "whole frames above the maximum; "
					     "etherStatsOversizePkts"),
	[RMON_FRAGMENTS] = FRAMES("fragments", "short with a wrong checksum: a duplex mismatch; "
					       "etherStatsFragments"),
	[RMON_JABBERS] = FRAMES("jabbers", "long with a wrong checksum; etherStatsJabbers"),
	[PAUSE_AUTONEG] = NUM(ANOD_BOOL, ANOD_UNIT_NONE, "pause_autoneg", STATS_AGE_MS,
			      "whether pause is negotiated (PAUSE_GET)"),
	[PAUSE_RX] = NUM(ANOD_BOOL, ANOD_UNIT_NONE, "pause_rx", STATS_AGE_MS,
			 "whether pause frames of the other end are obeyed"),
	[PAUSE_TX] = NUM(ANOD_BOOL, ANOD_UNIT_NONE, "pause_tx", STATS_AGE_MS,
			 "whether this end sends pause frames"),
	[PAUSE_RX_FRAMES] = FRAMES("pause_rx_frames", "PAUSEMACCtrlFramesReceived (PAUSE_GET)"),
	[PAUSE_TX_FRAMES] = FRAMES("pause_tx_frames", "PAUSEMACCtrlFramesTransmitted"),
	[EEE_ENABLED] = FLAG("eee_enabled", "Energy-Efficient Ethernet may be used (EEE_GET)"),
	[EEE_ACTIVE] = FLAG("eee_active", "and both ends agreed to (EEE_GET)"),
	[RX_RING] = SETTING("rx_ring", "descriptors of a receive ring (RINGS_GET)"),
	[RX_RING_MAX] = SETTING("rx_ring_max", "what it can be set to"),
	[TX_RING] = SETTING("tx_ring", "descriptors of a send ring (RINGS_GET)"),
	[TX_RING_MAX] = SETTING("tx_ring_max", "what it can be set to"),
	[RX_WAIT] = NUM(ANOD_INT, ANOD_UNIT_TIME, "rx_wait", SETTINGS_AGE_MS,
			"a received packet waits so long for an interrupt (COALESCE_GET rx-usecs)"),
	[TX_WAIT] = NUM(ANOD_INT, ANOD_UNIT_TIME, "tx_wait", SETTINGS_AGE_MS,
			"the same of a sent one (COALESCE_GET tx-usecs)"),
	[ADAPTIVE_RX] = FLAG("adaptive_rx", "rx_wait follows the load (COALESCE_GET)"),
	[CHANNELS] = SETTING("channels", "pairs of queues in use (CHANNELS_GET combined)"),
	[CHANNELS_MAX] = SETTING("channels_max", "and how many there can be"),
	[NUMBERS + DUPLEX] = WORD("duplex", SETTINGS_AGE_MS, "full or half (LINKMODES_GET)"),
	[NUMBERS + MODE] = WORD("mode", SETTINGS_AGE_MS,
				"the link mode in use, \"400000baseDR4/Full\", where only one of "
				"those that are advertised fits speed, lanes and the other end"),
	[NUMBERS + DOWN_REASON] = WORD("down_reason", STATS_AGE_MS,
				       "why there is no link: autoneg training logical-mismatch "
				       "bad-signal no-cable cable-issue eeprom-issue "
				       "calibration-failure power-exceeded overheat module; empty "
				       "while there is one (LINKSTATE_GET)"),
	[NUMBERS + DOWN_DETAIL] = WORD("down_detail", STATS_AGE_MS,
				       "more of it: no-partner, no-common-mode, remote-fault, "
				       "not-aligned, no-signal ... (LINKSTATE_GET)"),
	[NUMBERS + FEC] =
		WORD("fec", STATS_AGE_MS, "FEC that is in use: off, rs, baser or llrs (FEC_GET)"),
	[NUMBERS + MODULE_POLICY] = WORD("module_policy", SETTINGS_AGE_MS,
					 "power of the module: high, or auto (high while the link "
					 "is up) (MODULE_GET)"),
	[NUMBERS + MODULE_POWER] =
		WORD("module_power", SETTINGS_AGE_MS, "what it is now: low or high (MODULE_GET)"),
};

static const struct anod_attr lane_attrs[] = {
	COUNT("corrected", "FEC code words or symbols corrected on this lane (FEC_GET)"),
	COUNT("uncorrected", "those that could not be corrected"),
	COUNT("corrected_bits", "bits that were corrected"),
	COUNT("lane", "its number, from 0"),
	WORD("dev", STATS_AGE_MS, "the link that it is a part of"),
	{ 0 },
};

const struct anod_kind ethtool_kinds[] = {
	{ "link", "a network interface", link_attrs },
	{ "feclane", "a lane as FEC counts it: DEV/LANE, lanes from 0", lane_attrs },
	{ 0 },
};
