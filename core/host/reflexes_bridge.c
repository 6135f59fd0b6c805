/*
 * reflexes_bridge - the table behind a reflex of kind "bridge".
 *
 * Design.  First the question is asked without the table; when the answer is yes it is filled; then
 * the question is asked again, with the table in the model, as it then is in the kernel.  Only a
 * table that is as predicted is armed, and one that is not any more, for longer than a storm of
 * routes takes, is disarmed.  It is kept filled while the reflex waits for what passes by itself,
 * and given back with the reflex.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "facts/value.h"
#include "host/reflexes_int.h"

#define BEHIND_MAX_US (2 * US_PER_S)

static bool in_scope(const struct anod_prefix *dst, void *data)
{
	const struct reflex *x = data;

	for (unsigned i = 0; i < x->n_scope; i++)
		if (prefix_contains(&x->scope[i], dst))
			return true;
	return false;
}

/* A copy, because the configuration may go before the bridge does. */
static int copy_scope(struct reflex *x)
{
	const char *name = x->permit->reflex.scope;
	const struct policy_set *s = name ? policy_find_set(x->h->config->policy, name) : NULL;

	free(x->scope);
	x->scope = NULL;
	x->n_scope = 0;
	if (!s)
		return 0;
	x->scope = calloc(s->n_prefixes + 1, sizeof(*x->scope));
	if (!x->scope)
		return -ENOMEM;
	memcpy(x->scope, s->prefix, s->n_prefixes * sizeof(*x->scope));
	x->n_scope = s->n_prefixes;
	return 0;
}

static int open_bridge(struct reflex *x)
{
	struct shadow_in in = { .model = x->h->model,
				.table = RT_TABLE_MAIN,
				.lost = x->choice.link,
				.max = x->permit->reflex.max_prefixes };
	int r = copy_scope(x);

	if (r < 0)
		return r;
	for (unsigned f = 0; f < 2; f++)
		if (x->choice.covers[f])
			in.standby[in.n_standby++] = x->choice.leg[f];
	if (x->permit->reflex.scope) {
		in.in_scope = in_scope;
		in.scope_data = x;
	}
	return bridge_new(x->h, &in, x->choice.table, x->slot + 1, &x->bridge);
}

static void say_state(struct reflex *x, enum bridge_state s)
{
	struct bridge_stats stats;

	bridge_stats(x->bridge, &stats);
	if (s == BRIDGE_FILLING)
		rfx_enter(x, REFLEX_WAITING, "its table is being filled: %u of %u routes",
			  stats.entries - MIN_OF(stats.entries, stats.unwritten), stats.entries);
	else
		rfx_enter(x, REFLEX_WAITING, "no bridge: %s", bridge_why(x->bridge));
}

bool rfx_bridge_ready(struct reflex *x, uint64_t now, uint64_t *ret_next)
{
	enum bridge_state s;
	int r = 0;

	*ret_next = US_INFINITY;
	if (x->choice.way != REFLEX_WAY_BRIDGE) {
		x->bridge = bridge_free(x->bridge);
		return true;
	}
	if (!x->bridge)
		r = open_bridge(x);
	if (r < 0) {
		rfx_enter(x, REFLEX_WAITING, "no bridge: %s", strerror(-r));
		return false;
	}
	s = bridge_run(x->bridge, now, ret_next);
	x->filling = s == BRIDGE_FILLING;
	if (s == BRIDGE_READY)
		return true;
	say_state(x, s);
	return false;
}

bool rfx_bridge_filled(struct reflex *x, uint64_t now, uint64_t *ret_next)
{
	*ret_next = US_INFINITY;
	if (x->bridge && bridge_run(x->bridge, now, ret_next) == BRIDGE_FILLING)
		return false;
	x->filling = false;
	return true;
}

bool rfx_bridge_stands(struct reflex *x, uint64_t now, uint64_t *ret_next)
{
	struct bridge_stats stats;
	enum bridge_state s;

	*ret_next = US_INFINITY;
	if (!x->bridge)
		return true;
	s = bridge_run(x->bridge, now, ret_next);
	if (s == BRIDGE_DOUBT || s == BRIDGE_FAILED) {
		rfx_disarm(x, bridge_why(x->bridge));
		return false;
	}
	bridge_stats(x->bridge, &stats);
	if (s == BRIDGE_FILLING && stats.behind_us && now > stats.behind_us + BEHIND_MAX_US) {
		rfx_disarm(x, "its table is behind the routes for too long");
		return false;
	}
	return true;
}
