/* Plans become steps only when whose they are and how to undo them is known. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "exec/plan.h"
#include "unit/execlab.h"
#include "unit/netlab.h"

static struct serve s;

/* Adds a route with the metric of the highest one on the way that the view shows, plus one. */
static int chain_plan(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	struct anod_object o = lab_route("192.0.2.0/24", 1, "10.0.0.2", "wan0"), there;

	(void) a;
	cr_assert_eq(v->ifindex(v, "wan0"), (int) o.u.route.leg[0].ifindex);
	while (v->get(v, &o, &there) == 0)
		o.u.route.metric++;
	ret->n_changes = 1;
	ret->change[0] = lab_change(NULL, &o);
	return 0;
}

static const struct anod_param no_params[] = { { 0 } };
static const struct anod_action_desc chain = {
	.kind = "chain", .params = no_params, .flags = ANOD_ACT_UNDO, .plan = chain_plan
};
static const struct anod_action_desc *const chain_only[] = { &chain, NULL };

static int prepare(const struct anod_action_desc *const *descs, const char *kind, unsigned n)
{
	static struct exec_prepare p;

	p = (struct exec_prepare){ .n_actions = n, .foreign = 1 };
	for (unsigned i = 0; i < n; i++) {
		p.action[i].size = sizeof(p.action[i]);
		(void) copy_text(p.action[i].kind, sizeof(p.action[i].kind), kind);
	}
	return plan_prepare(&s.kernel, descs, &p, &s.steps);
}

Test(plan, later_actions_see_what_earlier_ones_will_have_done)
{
	lab_open(&s);
	cr_assert_eq(prepare(chain_only, "chain", 3), 0, "%s", s.steps.why);
	cr_assert_eq(s.steps.n_steps, 3);
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(s.steps.step[i].change.post.u.route.metric, i + 1);
		cr_assert_eq(s.steps.step[i].action, i);
	}

	/* What a step deletes is gone for the next one. */
	{
		struct steps steps = { .step = s.steps.step, .why = s.steps.why };
		struct anod_object o = s.steps.step[0].change.post, got;
		struct anod_change c = lab_change(&o, NULL);
		struct overlay view;

		cr_assert_eq(netlab_set(&o, NULL), 0);
		overlay_init(&view, &s.kernel.view, &steps);
		cr_assert_eq(view.view.get(&view.view, &o, &got), 0);
		cr_assert_eq(steps_add(&steps, &c, 0, true, 0), 0);
		cr_assert_eq(view.view.get(&view.view, &o, &got), -ENOENT);
	}
	serve_done(&s);
}

Test(plan, objects_of_others_are_refused_without_the_permits_word)
{
	struct anod_object old, new;
	struct anod_change c;

	lab_open(&s);
	netlab_run("ip route add default via 10.0.0.2 dev wan0 metric 100 proto static");
	old = lab_route("0.0.0.0/0", 100, "10.0.0.2", "wan0");
	old.u.route.protocol = RTPROT_STATIC;
	new = lab_route("0.0.0.0/0", 100, "10.0.1.2", "wan1");
	c = lab_change(&old, &new);
	cr_assert_eq(lab_prepare(&s, 1, &c, 1, false), -EPERM);
	cr_assert_str_eq(s.steps.why, "route main 0.0.0.0/0 metric 100 belongs to proto static; "
				      "the permit does not say 'foreign objects'");
	cr_assert_eq(lab_prepare(&s, 1, &c, 1, true), 0, "%s", s.steps.why);

	/* An action that never may does not, whatever the permit says. */
	lab_plan = (struct anod_plan){ .n_changes = 1, .change = { c } };
	cr_assert_eq(prepare(lab_actions, "mirror.once", 1), -EPERM);
	cr_assert(strstr(s.steps.why, "mirror.once never touches"), "%s", s.steps.why);
	serve_done(&s);
}

Test(plan, what_has_no_honest_undo_is_refused)
{
	struct anod_object o, p;
	struct anod_change c;

	lab_open(&s);
	o = p = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	o.flags = ANOD_OBJ_LOSSY;
	p.u.route.mtu = 1400;
	c = lab_change(&o, &p);
	cr_assert_eq(lab_prepare(&s, 1, &c, 1, true), -EOPNOTSUPP);
	cr_assert(strstr(s.steps.why, "change it by hand"), "%s", s.steps.why);

	/* Without an undo by declaration, nothing is there to be put back. */
	o.flags = 0;
	lab_plan = (struct anod_plan){ .n_changes = 1, .change = { lab_change(NULL, &o) } };
	cr_assert_eq(prepare(lab_actions, "mirror.once", 1), 0, "%s", s.steps.why);
	cr_assert_eq(s.steps.step[0].undo_len, 0);
	serve_done(&s);
}

Test(plan, bad_plans_and_unknown_kinds_get_a_sentence)
{
	struct anod_object o, q;
	struct anod_change c[2];

	lab_open(&s);
	cr_assert_eq(prepare(lab_actions, "route.teleport", 1), -EOPNOTSUPP);
	cr_assert(strstr(s.steps.why, "'route.teleport'"), "%s", s.steps.why);

	lab_plan = (struct anod_plan){ .error = "there is no link wan7; take wan0" };
	cr_assert_eq(prepare(lab_actions, "mirror", 1), -EINVAL);
	cr_assert_str_eq(s.steps.why, "mirror: there is no link wan7; take wan0");

	lab_plan = (struct anod_plan){ .n_changes = ANOD_CHANGES_MAX + 1 };
	cr_assert_eq(prepare(lab_actions, "mirror", 1), -EBADMSG);

	o = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	q = lab_route("192.0.2.0/24", 6, "10.0.0.2", "wan0");
	c[0] = lab_change(&o, &q); /* two objects in one change */
	cr_assert_eq(lab_prepare(&s, 1, c, 1, true), -EBADMSG);
	o.type = ANOD_OBJ_TYPES;
	c[0] = lab_change(NULL, &o);
	cr_assert_eq(lab_prepare(&s, 1, c, 1, true), -EBADMSG);
	o.type = ANOD_OBJ_LINK; /* links cannot be made */
	c[0] = lab_change(NULL, &o);
	cr_assert_lt(lab_prepare(&s, 1, c, 1, true), 0);
	cr_assert_neq(s.steps.why[0], '\0');
	cr_assert_eq(s.steps.n_steps, 0);
	serve_done(&s);
}
