/*
 * infer_actions - a small table of actions for the tests of inference.
 *
 * The real ones come from actuators; these have the same shape, so that the tests need none.
 */
#ifndef TESTS_INFER_ACTIONS_H
#define TESTS_INFER_ACTIONS_H

#include <anod/plugin.h>

static const char *const test_admin_words[] = { "up", "down", NULL };

static const struct anod_param test_link_set_params[] = {
	{ "dev", ANOD_TEXT, .required = 1, .entity = "link", .help = "the interface" },
	{ "admin", ANOD_TEXT, .words = test_admin_words, .help = "administrative state" },
	{ "mtu", ANOD_INT, ANOD_UNIT_BYTES, .min = 68, .max = 65535, .help = "largest packet" },
	{ NULL },
};
static const struct anod_param test_route_metric_params[] = {
	{ "dst", ANOD_PREFIX, .required = 1, .help = "destination" },
	{ "table", ANOD_INT, .min = 1, .max = 4294967295, .help = "routing table" },
	{ "metric", ANOD_INT, .required = 1, .min = 0, .max = 4294967295, .help = "metric now" },
	{ "to", ANOD_INT, .required = 1, .min = 0, .max = 4294967295, .help = "metric then" },
	{ NULL },
};
static const struct anod_param test_neigh_replace_params[] = {
	{ "dev", ANOD_TEXT, .required = 1, .entity = "link", .help = "the interface" },
	{ "dst", ANOD_PREFIX, .required = 1, .help = "the neighbour's address" },
	{ "lladdr", ANOD_TEXT, .required = 1, .help = "its link-layer address" },
	{ NULL },
};
/* No argument is required: an odd shape on purpose, with every type. */
static const struct anod_param test_shape_params[] = {
	{ "on", ANOD_BOOL, .help = "shaping" },
	{ "share", ANOD_REAL, ANOD_UNIT_RATIO, .help = "of the capacity" },
	{ "delay", ANOD_INT, ANOD_UNIT_TIME, .min = -5, .max = 1000000, .help = "target" },
	{ NULL },
};

static const struct anod_action_desc test_link_set = {
	.kind = "link.set",
	.help = "set an interface up or down or its MTU",
	.params = test_link_set_params,
	.flags = ANOD_ACT_UNDO,
};
static const struct anod_action_desc test_route_metric = {
	.kind = "route.metric",
	.help = "prefer or avoid a route",
	.params = test_route_metric_params,
	.flags = ANOD_ACT_UNDO,
};
static const struct anod_action_desc test_neigh_replace = {
	.kind = "neigh.replace",
	.help = "set a neighbour's address",
	.params = test_neigh_replace_params,
	.flags = ANOD_ACT_UNDO,
};
static const struct anod_action_desc test_shape = {
	.kind = "test.shape",
	.help = "shape",
	.params = test_shape_params,
};

static const struct anod_action_desc *const test_actions[] __attribute__((unused)) = {
	&test_link_set, &test_route_metric, &test_neigh_replace, &test_shape, NULL,
};
static const char *const test_links[] __attribute__((unused)) = { "wan0", "wan1", "lan0", NULL };

#endif
