/*
 * kinds - the facts that this sensor publishes; docs/facts.md in C.
 */
#include "frr.h"

#define FACT(n, t, u, f, text)                                                                     \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .flags = f, .max_age_ms = 100000, .help = text    \
	}

static const struct anod_attr ospf_attrs[OSPF_ATTRS + 1] = {
	[OSPF_STATE] = FACT("state", ANOD_TEXT, ANOD_UNIT_NONE, 0,
			    "down attempt init 2-way exstart exchange loading full (RFC 2328, "
			    "10.1)"),
	[OSPF_ADDRESS] = FACT("address", ANOD_PREFIX, ANOD_UNIT_NONE, 0, "its own on that link"),
	[OSPF_AGE] = FACT("age", ANOD_INT, ANOD_UNIT_TIME, 0, "how long it is in this state"),
	[OSPF_DEAD] = FACT("dead_time", ANOD_INT, ANOD_UNIT_TIME, 0,
			   "until it counts as dead without another hello"),
	[OSPF_RETRANSMITS] = FACT("retransmits", ANOD_INT, ANOD_UNIT_NONE, 0,
				  "link states that it has not acknowledged yet"),
};

static const struct anod_attr bfd_attrs[BFD_ATTRS + 1] = {
	[BFD_STATE] = FACT("state", ANOD_TEXT, ANOD_UNIT_NONE, 0, "up down init shutdown"),
	[BFD_REASON] = FACT("reason", ANOD_TEXT, ANOD_UNIT_NONE, 0,
			    "our diagnostic of the last change (RFC 5880, 4.1)"),
	[BFD_REMOTE_REASON] =
		FACT("remote_reason", ANOD_TEXT, ANOD_UNIT_NONE, 0, "the peer's diagnostic"),
	[BFD_AGE] = FACT("age", ANOD_INT, ANOD_UNIT_TIME, 0, "how long it is up, or down"),
	[BFD_DETECT] = FACT("detect", ANOD_INT, ANOD_UNIT_TIME, 0,
			    "after so long without a packet it is down (RFC 5880, 6.8.4)"),
};

const struct anod_kind frr_kinds[FRR_KINDS + 1] = {
	[KIND_DAEMON] = { "daemon", "another daemon of this router", anod_daemon_attrs },
	[KIND_BGP] = { "bgp_peer", "a BGP session of this router", anod_bgp_attrs },
	[KIND_RIB] = { "rib", "a routing table of a daemon", anod_rib_attrs },
	[KIND_OSPF] = { "ospf_neighbor", "an OSPFv2 neighbour", ospf_attrs },
	[KIND_BFD] = { "bfd_peer", "a BFD session", bfd_attrs },
};
