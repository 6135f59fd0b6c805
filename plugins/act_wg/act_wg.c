/*
 * act_wg - the actuator for peers of WireGuard interfaces.
 *
 * Design.  A peer is only ever changed, never made or deleted: it is a key of somebody else, and
 * what it may send is a matter of trust.  Its addresses (AllowedIPs) are left alone for the same
 * reason.
 */
#include <anod/plan.h>
#include <anod/rtnl.h>

#include <errno.h>
#include <string.h>

#define S INT64_C(1000000)

/* The peer as it is, which has to be there. */
static int get_peer(struct anod_job *j, struct anod_object *ret)
{
	struct anod_object key = { .type = ANOD_OBJ_WGPEER };
	const char *text = "";
	int r;

	r = anod_need(j, "dev", anod_arg_link(j, "dev", &key.u.wgpeer.ifindex));
	if (r >= 0)
		r = anod_need(j, "peer", anod_arg_text(j, "peer", &text));
	if (r < 0)
		return r;
	if (anod_wgkey_parse(text, key.u.wgpeer.public_key) < 0)
		return anod_refuse(j, -EINVAL,
				   "peer must be a public key as wg(8) shows it, 44 characters");

	r = anod_look(j, &key, ret);
	if (r == 0)
		return anod_refuse(j, -ENOENT,
				   "there is no such peer there, or it is no interface of "
				   "WireGuard; a peer is made with wg(8)");
	return r < 0 ? r : 0;
}

static int plan_endpoint(const struct anod_action *a, const struct anod_view *v,
			 struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	struct anod_object pre = { 0 }, post;
	uint32_t port = 0;
	int r;

	r = get_peer(&j, &pre);
	if (r < 0)
		return r;
	post = pre;
	port = pre.u.wgpeer.port;
	r = anod_need(&j, "endpoint", anod_arg_address(&j, "endpoint", &post.u.wgpeer.endpoint));
	if (r >= 0)
		r = anod_arg_int(&j, "port", 1, UINT16_MAX, &port);
	if (r < 0)
		return r;
	if (port == 0)
		return anod_refuse(&j, -EINVAL,
				   "port is missing: the peer has no endpoint to take it from");
	post.u.wgpeer.port = (uint16_t) port;
	/* An endpoint cannot be taken away again, so there would be no way back. */
	if (!pre.u.wgpeer.endpoint.family)
		return anod_refuse(
			&j, -EOPNOTSUPP,
			"the peer has no endpoint yet: give it its first one with wg(8)");
	return anod_add_change(&j, &pre, &post);
}

static int plan_keepalive(const struct anod_action *a, const struct anod_view *v,
			  struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	struct anod_object pre, post;
	int64_t every = 0;
	int r;

	r = get_peer(&j, &pre);
	if (r >= 0)
		r = anod_need(&j, "every", anod_arg_int64(&j, "every", 0, UINT16_MAX * S, &every));
	if (r < 0)
		return r;
	post = pre;
	post.u.wgpeer.keepalive_s = (uint16_t) ((every + S - 1) / S);
	return anod_add_change(&j, &pre, &post);
}

#define PEER                                                                                       \
	{ .name = "dev",                                                                           \
	  .type = ANOD_TEXT,                                                                       \
	  .required = 1,                                                                           \
	  .entity = "link",                                                                        \
	  .help = "interface of WireGuard" },                                                      \
	{                                                                                          \
		.name = "peer", .type = ANOD_TEXT, .required = 1,                                  \
		.help = "its public key, 44 characters"                                            \
	}

static const struct anod_param params_endpoint[] = {
	PEER,
	{ .name = "endpoint",
	  .type = ANOD_PREFIX,
	  .required = 1,
	  .help = "address to which its packets go" },
	{ .name = "port",
	  .type = ANOD_INT,
	  .min = 1,
	  .max = UINT16_MAX,
	  .help = "and port; else the one that it has" },
	{ 0 },
};
static const struct anod_param params_keepalive[] = {
	PEER,
	{ .name = "every",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .required = 1,
	  .max = UINT16_MAX * S,
	  .help = "a packet at least so often; whole seconds, 0s is off" },
	{ 0 },
};

static const struct anod_action_desc wg_actions[] = {
	{ "wg.endpoint", "send to a peer of WireGuard at another address", params_endpoint,
	  ANOD_ACT_UNDO | ANOD_ACT_NO_REFLEX, plan_endpoint },
	{ "wg.keepalive", "keep the way to a peer of WireGuard open, or not", params_keepalive,
	  ANOD_ACT_UNDO | ANOD_ACT_NO_REFLEX, plan_keepalive },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_ACTUATOR,
	.name = "act_wg",
	.version = "1",
	.summary = "endpoint and keepalive of peers of WireGuard",
	.actions = wg_actions,
};
