/*
 * schema_intent - the kinds of facts that intents are made of and tell of.
 *
 * Design.  They are built in like "host", because expressions know them by name: path.rtt(SET) and
 * path.loss(SET) read flows.SET, and traffic.in and traffic.out are those of the one entity.  The
 * host publishes them (host/objectives*.c) about once a second.
 */
#include "facts/schema.h"

#define ATTR(n, t, u, text)                                                                        \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .max_age_ms = 10000, .help = text                 \
	}

static const struct anod_attr flows_attrs[] = {
	ATTR("rtt", ANOD_INT, ANOD_UNIT_TIME,
	     "Round trip of the last probe of the slowest member; a lost probe counts as its "
	     "timeout."),
	ATTR("loss", ANOD_REAL, ANOD_UNIT_RATIO,
	     "Share of lost probes in the last 30 s, of the worst member."),
	ATTR("members", ANOD_INT, ANOD_UNIT_NONE, "Members of the set that are probed."),
	ATTR("measured", ANOD_INT, ANOD_UNIT_NONE, "Of these, members of which loss is known."),
	{ 0 },
};

static const struct anod_attr traffic_attrs[] = {
	ATTR("in", ANOD_INT, ANOD_UNIT_BPS, "Sum of rx_bps of the links with role uplink."),
	ATTR("out", ANOD_INT, ANOD_UNIT_BPS, "Sum of tx_bps of the links with role uplink."),
	{ 0 },
};

static const struct anod_attr objective_attrs[] = {
	ATTR("fulfilled", ANOD_BOOL, ANOD_UNIT_NONE, "All its requirements are true now."),
	ATTR("budget_left", ANOD_REAL, ANOD_UNIT_RATIO,
	     "Share of the error budget that is left; below 0: overspent."),
	ATTR("burn", ANOD_REAL, ANOD_UNIT_RATIO,
	     "How fast the budget is spent now; 1: it lasts exactly the period (fast windows)."),
	ATTR("burn_slow", ANOD_REAL, ANOD_UNIT_RATIO, "The same over the slow windows."),
	ATTR("since", ANOD_INT, ANOD_UNIT_TIME, "Time for which it has been as it is."),
	{ 0 },
};

const struct anod_kind schema_intent_kinds[] = {
	{ .name = "flows", .help = "The flows of a set, measured together.", .attrs = flows_attrs },
	{ .name = "traffic",
	  .help = "What the router exchanges with the outside; its only entity is \"uplinks\".",
	  .attrs = traffic_attrs },
	{ .name = "objective", .help = "An intent of the policy.", .attrs = objective_attrs },
	{ 0 },
};
