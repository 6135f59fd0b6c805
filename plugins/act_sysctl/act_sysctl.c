/*
 * act_sysctl - the actuator for numbers of /proc/sys/net.
 *
 * Design.  Which names and which values is not decided here: the list is the executor's
 * (core/rtnl/sysctl.c), which asks it again.  This plan asks it so that a proposal is refused with a
 * sentence before anybody has to think about it.
 */
#include <anod/plan.h>
#include <anod/rtnl.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The kernel makes the table as long as whole pages are (nf_ct_alloc_hashtable()). */
#define BUCKETS	     "net.netfilter.nf_conntrack_buckets"
#define BUCKETS_PAGE 512

static int plan_set(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	struct anod_object post = { .type = ANOD_OBJ_SYSCTL }, pre;
	struct anod_sysctl *s = &post.u.sysctl;
	char why[ANOD_REASON_SIZE];
	const char *name = "";
	int r;

	r = anod_need(&j, "name", anod_arg_text(&j, "name", &name));
	if (r >= 0)
		r = anod_need(&j, "value",
			      anod_arg_int64(&j, "value", INT64_MIN, INT64_MAX, &s->value));
	if (r < 0)
		return r;
	(void) snprintf(s->name, sizeof(s->name), "%s", name);
	r = anod_sysctl_check(s, why, sizeof(why));
	if (r < 0)
		return anod_refuse(&j, r, "%s", why);
	if (strcmp(s->name, BUCKETS) == 0)
		s->value = (s->value + BUCKETS_PAGE - 1) / BUCKETS_PAGE * BUCKETS_PAGE;

	r = anod_look(&j, &post, &pre);
	if (r == 0)
		return anod_refuse(&j, -ENOENT,
				   "there is no %s here: its module is not loaded, or its link is "
				   "not there",
				   s->name);
	return r < 0 ? r : anod_add_change(&j, &pre, &post);
}

static const struct anod_param params_set[] = {
	{ .name = "name",
	  .type = ANOD_TEXT,
	  .required = 1,
	  .help = "sysctl with dots, as net.core.rmem_max; one of the list in docs/actions.md" },
	{ .name = "value", .type = ANOD_INT, .required = 1, .help = "within the list's range" },
	{ 0 },
};

static const struct anod_action_desc sysctl_actions[] = {
	{ "sysctl.set", "give a number of /proc/sys/net another value", params_set,
	  ANOD_ACT_UNDO | ANOD_ACT_NO_REFLEX, plan_set },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_ACTUATOR,
	.name = "act_sysctl",
	.version = "1",
	.summary = "numbers of /proc/sys/net from a fixed list",
	.actions = sysctl_actions,
};
