/*
 * kinds - the facts that this sensor publishes; docs/facts.md in C.
 */
#include "bird.h"

#define FACT(n, t, u, f, text)                                                                     \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .flags = f, .max_age_ms = 100000, .help = text    \
	}

static const struct anod_attr protocol_attrs[PROTOCOL_ATTRS + 1] = {
	[PROTOCOL_TYPE] = FACT("type", ANOD_TEXT, ANOD_UNIT_NONE, 0, "BGP OSPF Static Kernel ..."),
	[PROTOCOL_STATE] = FACT("state", ANOD_TEXT, ANOD_UNIT_NONE, 0, "up start down stop flush"),
	[PROTOCOL_AGE] = FACT("age", ANOD_INT, ANOD_UNIT_TIME, 0,
			      "how long it is in this state; of more than a day whole days, by "
			      "BIRD's timeformat"),
	[PROTOCOL_IMPORTED] = FACT("imported", ANOD_INT, ANOD_UNIT_NONE, 0,
				   "routes that it brings, over all channels"),
	[PROTOCOL_FILTERED] =
		FACT("filtered", ANOD_INT, ANOD_UNIT_NONE, 0,
		     "routes that its import filter refused; unknown without \"import "
		     "keep filtered\""),
	[PROTOCOL_EXPORTED] =
		FACT("exported", ANOD_INT, ANOD_UNIT_NONE, 0, "routes that it is given"),
	[PROTOCOL_INFO] = FACT("info", ANOD_TEXT, ANOD_UNIT_NONE, ANOD_VALUE_OUTSIDE,
			       "what BIRD adds; of BGP its state and last error"),
};

const struct anod_kind bird_kinds[BIRD_KINDS + 1] = {
	{ "daemon", "another daemon of this router", anod_daemon_attrs },
	{ "bgp_peer", "a BGP session of this router", anod_bgp_attrs },
	{ "rib", "a routing table of a daemon", anod_rib_attrs },
	{ "bird_protocol", "an instance of a protocol in BIRD", protocol_attrs },
	{ 0 },
};
