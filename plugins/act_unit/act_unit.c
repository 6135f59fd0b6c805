/*
 * act_unit - the actuator for services of systemd.
 *
 * Design.  A start is a change of the moment: it has no undo, so no transaction takes it back, and
 * what must be true before it is the policy's business (docs/actions.md).  It is asked for and not
 * waited for; whether it has helped is what the proposal's verification finds.
 */
#include <anod/plan.h>
#include <anod/rtnl.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int plan_restart(const struct anod_action *a, const struct anod_view *v,
			struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	struct anod_object key = { .type = ANOD_OBJ_UNIT }, pre, post;
	const char *name = "";
	int r;

	r = anod_need(&j, "name", anod_arg_text(&j, "name", &name));
	if (r < 0)
		return r;
	if (!anod_unit_valid(name))
		return anod_refuse(
			&j, -EPERM,
			"'%s' is no unit that may be started: a NAME.service, and none of "
			"anod, D-Bus or systemd itself",
			name);
	(void) snprintf(key.u.unit.name, sizeof(key.u.unit.name), "%s", name);

	r = anod_look(&j, &key, &pre);
	if (r == 0)
		return anod_refuse(&j, -ENOENT, "systemd knows no unit '%s'", name);
	if (r < 0)
		return r;
	post = pre;
	post.u.unit.starts++;
	post.u.unit.active = 1;
	return anod_add_change(&j, &pre, &post);
}

static const struct anod_param params_restart[] = {
	{ .name = "name",
	  .type = ANOD_TEXT,
	  .required = 1,
	  .help = "a service of systemd, as bird.service" },
	{ 0 },
};

static const struct anod_action_desc unit_actions[] = {
	{ "unit.restart", "start a service of systemd again, also one that has given up",
	  params_restart, ANOD_ACT_NO_REFLEX, plan_restart },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_ACTUATOR,
	.name = "act_unit",
	.version = "1",
	.summary = "starts services of systemd over D-Bus",
	.actions = unit_actions,
};
