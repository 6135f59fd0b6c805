/*
 * config_env - a small world to check configurations against: kinds, actions, plugins.
 *
 * Shared by unit tests and fuzz targets, so it is all static.  The kinds are those of
 * docs/facts.md, the actions those of docs/actions.md, as far as the tests need them.
 */
#ifndef TESTS_CONFIG_ENV_H
#define TESTS_CONFIG_ENV_H

#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "policy/config.h"

#define INT(n, u)                                                                                  \
	{                                                                                          \
		.name = n, .type = ANOD_INT, .unit = ANOD_UNIT_##u                                 \
	}
#define REAL(n, u)                                                                                 \
	{                                                                                          \
		.name = n, .type = ANOD_REAL, .unit = ANOD_UNIT_##u                                \
	}
#define TEXT(n)                                                                                    \
	{                                                                                          \
		.name = n, .type = ANOD_TEXT                                                       \
	}
#define BOOL(n)                                                                                    \
	{                                                                                          \
		.name = n, .type = ANOD_BOOL                                                       \
	}
#define PREFIX(n)                                                                                  \
	{                                                                                          \
		.name = n, .type = ANOD_PREFIX                                                     \
	}

static const struct anod_attr env_link[] = {
	BOOL("admin_up"),
	BOOL("carrier"),
	TEXT("operstate"),
	TEXT("kind"),
	INT("mtu", BYTES),
	INT("rx_bytes", BYTES),
	INT("rx_packets", PACKETS),
	INT("rx_crc_errors", PACKETS),
	INT("rx_bps", BPS),
	INT("rx_pps", PPS),
	REAL("util", RATIO),
	{ .name = "alias", .type = ANOD_TEXT, .flags = ANOD_VALUE_OUTSIDE },
	{ 0 },
};
static const struct anod_attr env_neigh[] = {
	TEXT("dev"), PREFIX("dst"), TEXT("state"), INT("probes", NONE), { 0 }
};
static const struct anod_attr env_path[] = { INT("targets", NONE), INT("targets_up", NONE),
					     REAL("loss", RATIO),  INT("rtt", TIME),
					     INT("jitter", TIME),  { 0 } };
static const struct anod_kind env_kinds[] = { { "link", "an interface", env_link },
					      { "neigh", "a neighbour", env_neigh },
					      { "path", "an uplink as probes see it", env_path },
					      { 0 } };

static const struct anod_param env_dev[] = { { .name = "dev", .type = ANOD_TEXT }, { 0 } };
static const struct anod_param env_link_set[] = {
	{ .name = "dev", .type = ANOD_TEXT },
	{ .name = "mtu", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES },
	{ 0 },
};
static const struct anod_param env_route[] = {
	{ .name = "dst", .type = ANOD_PREFIX },
	{ .name = "via", .type = ANOD_PREFIX },
	{ .name = "dev", .type = ANOD_TEXT },
	{ .name = "metric", .type = ANOD_INT },
	{ 0 },
};
static const struct anod_param env_weight[] = { { .name = "id", .type = ANOD_INT },
						{ .name = "weight", .type = ANOD_INT },
						{ 0 } };
static const struct anod_param env_neigh_args[] = { { .name = "dev", .type = ANOD_TEXT },
						    { .name = "dst", .type = ANOD_PREFIX },
						    { 0 } };
static const struct anod_param env_sysctl[] = { { .name = "name", .type = ANOD_TEXT },
						{ .name = "value", .type = ANOD_INT },
						{ 0 } };
static const struct anod_param env_element[] = { { .name = "prefix", .type = ANOD_PREFIX }, { 0 } };

static const struct anod_action_desc env_action_list[] = {
	{ .kind = "link.set", .params = env_link_set, .flags = ANOD_ACT_UNDO },
	{ .kind = "link.down", .params = env_dev, .flags = ANOD_ACT_UNDO },
	{ .kind = "route.replace", .params = env_route, .flags = ANOD_ACT_UNDO },
	{ .kind = "route.metric", .params = env_route, .flags = ANOD_ACT_UNDO },
	{ .kind = "nexthop.weight", .params = env_weight, .flags = ANOD_ACT_UNDO },
	{ .kind = "neigh.flush", .params = env_neigh_args },
	{ .kind = "nft.element.add", .params = env_element, .flags = ANOD_ACT_UNDO },
	{ .kind = "sysctl.set", .params = env_sysctl, .flags = ANOD_ACT_UNDO | ANOD_ACT_NO_REFLEX },
};
static const struct anod_action_desc *const env_actions[] = {
	&env_action_list[0], &env_action_list[1], &env_action_list[2],
	&env_action_list[3], &env_action_list[4], &env_action_list[5],
	&env_action_list[6], &env_action_list[7], NULL,
};

static const struct anod_opt env_uplink_opts[] = {
	{ .name = "uplinks",
	  .type = ANOD_TEXT,
	  .many = 1,
	  .required = 1,
	  .help = "interfaces, the preferred one first" },
	{ .name = "probe", .type = ANOD_PREFIX, .many = 1 },
	{ .name = "probe.every",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "200ms",
	  .min = 10e3,
	  .max = 3600e6 },
	{ .name = "proto", .type = ANOD_TEXT, .words = "icmp tcp udp", .dflt = "icmp" },
	{ .name = "loss", .type = ANOD_REAL, .unit = ANOD_UNIT_RATIO, .dflt = "5%", .max = 1 },
	{ .name = "table", .type = ANOD_INT, .dflt = "254", .min = 1, .max = 4294967295.0 },
	{ .name = "floor", .type = ANOD_INT, .unit = ANOD_UNIT_BPS },
	{ .name = "offset", .type = ANOD_INT, .min = -10, .max = 10 },
	{ .name = "sticky", .type = ANOD_BOOL, .dflt = "true" },
	{ 0 },
};
static const struct anod_opt env_counters_opts[] = {
	{ .name = "every",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "1s",
	  .min = 1e3,
	  .max = 60e6 },
	{ 0 },
};
static const struct anod_opt env_no_opts[] = { { 0 } };
static const struct anod_dialect env_openai = { .name = "openai" };
static const struct anod_dialect env_anthropic = { .name = "anthropic" };

#define PLUGIN(n, r, o)                                                                            \
	{                                                                                          \
		.size = sizeof(struct anod_plugin), .name = n, .roles = r, .opts = o               \
	}
static const struct anod_plugin env_plugin_list[] = {
	PLUGIN("uplink", ANOD_AGENT, env_uplink_opts),
	PLUGIN("doctor", ANOD_AGENT, env_no_opts),
	PLUGIN("counters", ANOD_SENSOR, env_counters_opts),
	{ .size = sizeof(struct anod_plugin),
	  .name = "m1",
	  .roles = ANOD_MODEL,
	  .dialect = &env_openai },
	{ .size = sizeof(struct anod_plugin),
	  .name = "m2",
	  .roles = ANOD_MODEL,
	  .dialect = &env_anthropic },
};
static const struct anod_plugin *const env_plugins[] = { &env_plugin_list[0], &env_plugin_list[1],
							 &env_plugin_list[2], &env_plugin_list[3],
							 &env_plugin_list[4], NULL };

#undef INT
#undef REAL
#undef TEXT
#undef BOOL
#undef PREFIX
#undef PLUGIN

/* Paths are relative to the folder that 'data' names; NULL: there are no files. */
static int env_read_file(void *data, const char *path, char **ret_text, size_t *ret_size)
{
	char full[512];

	if (!data)
		return -ENOENT;
	(void) snprintf(full, sizeof(full), "%s/%s", (const char *) data, path);
	return config_read_file(NULL, full, ret_text, ret_size);
}

static int env_glob(void *data, const char *pattern, char ***ret_paths)
{
	size_t skip = data ? strlen(data) + 1 : 0;
	char full[512];
	int n;

	if (!data) {
		*ret_paths = calloc(1, sizeof(char *));
		return *ret_paths ? 0 : -ENOMEM;
	}
	(void) snprintf(full, sizeof(full), "%s/%s", (const char *) data, pattern);
	n = config_glob(NULL, full, ret_paths);
	for (int i = 0; i < n; i++)
		memmove((*ret_paths)[i], (*ret_paths)[i] + skip,
			strlen((*ret_paths)[i] + skip) + 1);
	return n;
}

/* The schema is the caller's to free. */
static struct schema *env_schema(void)
{
	struct schema *s = schema_new();
	const char *why;

	if (s && schema_declare(s, "test", env_kinds, &why) < 0)
		s = schema_free(s);
	return s;
}

/* Whom this small world does not know. */
static bool env_user_exists(void *data, const char *name)
{
	(void) data;
	return strncmp(name, "ghost", 5) != 0;
}

/* Keys that cannot be used here, by their names. */
static int env_key_usable(void *data, const char *path, char *why, size_t why_size)
{
	(void) data;
	if (strstr(path, "missing"))
		(void) snprintf(why, why_size, "No such file or directory");
	else if (strstr(path, "open"))
		(void) snprintf(why, why_size, "others may use it (mode 0644); chmod 600");
	else
		return 0;
	return -EPERM;
}

static inline struct config_env env_make(const struct schema *schema, const char *folder)
{
	return (struct config_env){ .schema = schema,
				    .actions = env_actions,
				    .plugins = env_plugins,
				    .read_file = env_read_file,
				    .glob = env_glob,
				    .user_exists = env_user_exists,
				    .key_usable = env_key_usable,
				    .agents = &agent_language,
				    .agent_dirs = "agents",
				    .data = (void *) (uintptr_t) folder };
}

#endif
