/*
 * fuzz_actuators - arbitrary actions into the plans for qdiscs, sysctls, peers of WireGuard and
 * units, and arbitrary bytes as requests of anod's own and as what WireGuard answers.
 *
 * Design.  The first byte says which.  1: a request (anod_own_sound()); 2: the attributes of a
 * device; 3: the text of a key; else an action, as bytes, and a number by which the played view
 * makes up what is there.  What is planned becomes a step, which must be sound: then neither the
 * executor nor the guardian would refuse what the other has made.
 */
#include <assert.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include <anod/plan.h>
#include <anod/rtnl.h>

#include "base/util.h"
#include "exec/exec.h"
#include "exec/plan.h"
#include "exec/step.h"

#undef ARRAY_SIZE
#undef ANOD_PLUGIN
#define ANOD_PLUGIN static const struct anod_plugin tc_plugin
#include "plugins/act_tc/act_tc.c"
#undef ANOD_PLUGIN
#undef S
#undef US
#define ANOD_PLUGIN static const struct anod_plugin sysctl_plugin
#include "plugins/act_sysctl/act_sysctl.c"
#undef ANOD_PLUGIN
#define ANOD_PLUGIN static const struct anod_plugin wg_plugin
#include "plugins/act_wg/act_wg.c"
#undef ANOD_PLUGIN
#define ANOD_PLUGIN static const struct anod_plugin unit_plugin
#include "plugins/act_unit/act_unit.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t luck;

static void make_up_qdisc(struct anod_object *o)
{
	static const char *const kinds_there[] = { "tbf", "cake", "fq_codel", "pfifo", "htb" };
	struct anod_qdisc *q = &o->u.qdisc;

	(void) copy_text(q->kind, sizeof(q->kind), kinds_there[luck % 5]);
	q->handle = luck << 16 | 1u << 16;
	q->rate_bps = luck % 5 < 2 ? (uint64_t) luck * 8000 : 0;
	q->limit = luck;
	if (luck % 5 == 4)
		o->flags |= ANOD_OBJ_LOSSY;
}

static int played_get(const struct anod_view *v, const struct anod_object *key,
		      struct anod_object *ret)
{
	(void) v;
	if (luck % 7 == 0)
		return luck % 2 ? -ENOENT : -ENODATA;

	*ret = *key;
	if (key->type == ANOD_OBJ_QDISC)
		make_up_qdisc(ret);
	else if (key->type == ANOD_OBJ_SYSCTL)
		ret->u.sysctl.value = (int64_t) luck - 1000;
	else if (key->type == ANOD_OBJ_WGPEER && luck % 2)
		ret->u.wgpeer.endpoint = (struct anod_prefix){ .family = 2, .len = 32 };
	return 0;
}

static int played_ifindex(const struct anod_view *v, const char *name)
{
	(void) v;
	return name[0] == 'w' ? 3 : -ENODEV;
}

static void check_plan(const struct anod_plan *plan, uint32_t flags)
{
	char why[EXEC_WHY_SIZE];
	struct steps s = { .step = calloc(STEPS_MAX, sizeof(struct exec_step)), .why = why };

	assert(plan->n_changes <= ANOD_CHANGES_MAX && s.step);
	for (uint32_t i = 0; i < plan->n_changes; i++) {
		int r = steps_add(&s, &plan->change[i], 0, flags & ANOD_ACT_UNDO, 0);

		/* A value that somebody has set outside the list's range cannot be put back. */
		assert(r == 0 ? step_check(&s.step[i]) ||
					plan->change[i].pre.type == ANOD_OBJ_SYSCTL
			      : r == -EOPNOTSUPP);
		if (r < 0)
			break;
	}
	free(s.step);
}

static void act(const struct anod_action *a)
{
	static const struct anod_action_desc *const all[] = { tc_actions, sysctl_actions,
							      wg_actions, unit_actions };
	const struct anod_view view = { .get = played_get, .ifindex = played_ifindex };
	char why[EXEC_WHY_SIZE];

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (const struct anod_action_desc *d = all[i]; d->kind; d++) {
			struct anod_plan plan = { 0 };
			int r;

			if (strncmp(d->kind, a->kind, ANOD_KIND_SIZE) != 0)
				continue;
			if (action_check(a, d, why, sizeof(why)) < 0)
				return;
			r = d->plan(a, &view, &plan);
			assert(memchr(plan.error, '\0', sizeof(plan.error)));
			assert(r == 0 || (r < 0 && plan.error[0] && plan.n_changes == 0));
			check_plan(&plan, d->flags);
		}
}

static void see_peer(void *data, const struct anod_object *o)
{
	char text[256];

	(void) data;
	assert(o->type == ANOD_OBJ_WGPEER && anod_object_same_key(o, o));
	(void) anod_object_text(o, text, sizeof(text));
}

static void key(const uint8_t *data, size_t size)
{
	char text[64] = "", again[ANOD_WGKEY_TEXT];
	uint8_t bytes[32];

	memcpy(text, data, MIN_OF(size, sizeof(text) - 1));
	if (anod_wgkey_parse(text, bytes) == 0)
		assert(strcmp(anod_wgkey_text(bytes, again), text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct anod_action a;
	uint32_t ifindex = 0;
	uint8_t *copy;

	if (size < 1)
		return 0;
	copy = malloc(size); /* of its own size, so that a read past its end is seen */
	assert(copy);
	memcpy(copy, data + 1, size - 1);
	if (data[0] == 1) {
		(void) anod_own_sound(copy, size - 1, true);
		(void) anod_own_sound(copy, size - 1, false);
	} else if (data[0] == 2) {
		(void) anod_wgpeer_decode(copy, size - 1, &ifindex, see_peer, NULL);
	} else if (data[0] == 3) {
		key(copy, size - 1);
	} else if (size - 1 >= sizeof(luck)) {
		memcpy(&luck, copy, sizeof(luck));
		memset(&a, 0, sizeof(a));
		memcpy(&a, copy + sizeof(luck), MIN_OF(size - 1 - sizeof(luck), sizeof(a)));
		act(&a);
	}
	free(copy);
	return 0;
}
