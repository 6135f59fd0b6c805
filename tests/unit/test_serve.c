/* The executor's dialogue: what it prepares it can apply, read back and undo, and nothing else. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "unit/execlab.h"
#include "unit/netlab.h"

static struct serve s;
static struct exec_steps kept;

Test(serve, a_change_is_applied_read_back_and_undone)
{
	struct anod_object old, new;
	struct anod_change c;
	struct exec_result r;

	lab_open(&s);
	old = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	new = lab_route("192.0.2.0/24", 5, "10.0.1.2", "wan1");
	cr_assert_eq(netlab_set(&old, NULL), 0);
	c = lab_change(&old, &new);

	cr_assert_eq(lab_prepare(&s, 7, &c, 1, false), 0, "%s", s.steps.why);
	cr_assert_eq(s.steps.n_steps, 1);
	cr_assert(lab_is(&old), "PREPARE touches nothing");
	kept = s.steps;
	cr_assert_eq(lab_steps(&s, EXEC_CHECK, &kept).state[0], STEP_PRE);

	r = lab_apply(&s, 7);
	cr_assert_eq(r.error, 0, "%s", r.why);
	cr_assert_eq(r.n_done, 1);
	cr_assert_eq(r.state[0], STEP_POST);
	cr_assert(lab_is(&new));
	cr_assert_eq(lab_apply(&s, 7).error, -ENOENT, "applied once only");
	cr_assert_eq(lab_steps(&s, EXEC_CHECK, &kept).state[0], STEP_POST);

	lab_restart(&s); /* another process finishes what this one began */
	r = lab_steps(&s, EXEC_UNDO, &kept);
	cr_assert_eq(r.error, 0, "%s", r.why);
	cr_assert_eq(r.state[0], STEP_UNDONE);
	cr_assert(lab_is(&old));
	cr_assert_eq(lab_steps(&s, EXEC_UNDO, &kept).state[0], STEP_PRE, "undoing twice is safe");
	serve_done(&s);
}

Test(serve, what_somebody_else_changed_is_left_alone)
{
	struct anod_object a, b, theirs;
	struct anod_change c;
	struct exec_result r;

	lab_open(&s);
	a = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	b = lab_route("192.0.2.0/24", 5, "10.0.1.2", "wan1");
	theirs = lab_route("192.0.2.0/24", 5, "10.0.0.99", "wan0");
	cr_assert_eq(netlab_set(&a, NULL), 0);
	c = lab_change(&a, &b);

	/* Between PREPARE and APPLY. */
	cr_assert_eq(lab_prepare(&s, 1, &c, 1, false), 0);
	cr_assert_eq(netlab_set(&theirs, &a), 0);
	r = lab_apply(&s, 1);
	cr_assert_eq(r.error, -ESTALE);
	cr_assert_eq(r.n_done, 0);
	cr_assert_eq(r.state[0], STEP_OTHER);
	cr_assert(strstr(r.why, "192.0.2.0/24") && strstr(r.why, "changed meanwhile"), "%s", r.why);
	cr_assert(lab_is(&theirs));

	/* Between APPLY and UNDO. */
	cr_assert_eq(netlab_set(&a, &theirs), 0);
	lab_do(&s, 2, &c, 1);
	kept = s.steps;
	cr_assert_eq(netlab_set(&theirs, &b), 0);
	r = lab_steps(&s, EXEC_UNDO, &kept);
	cr_assert_eq(r.error, 0);
	cr_assert_eq(r.state[0], STEP_OTHER);
	cr_assert(lab_is(&theirs));

	/* Deleted by somebody: that is not ours to put back either. */
	cr_assert_eq(netlab_del(&theirs), 0);
	cr_assert_eq(lab_steps(&s, EXEC_UNDO, &kept).state[0], STEP_OTHER);
	cr_assert_null(lab_now(&a));
	serve_done(&s);
}

Test(serve, a_refused_step_stops_the_rest_and_keeps_the_kernels_words)
{
	struct anod_object good, bad, never;
	struct anod_change c[3];
	struct exec_result r;

	lab_open(&s);
	good = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	bad = lab_route("198.51.100.0/24", 5, "172.31.9.9", "wan0"); /* gateway out of reach */
	never = lab_route("203.0.113.0/24", 5, "10.0.0.2", "wan0");
	c[0] = lab_change(NULL, &good);
	c[1] = lab_change(NULL, &bad);
	c[2] = lab_change(NULL, &never);

	cr_assert_eq(lab_prepare(&s, 3, c, 3, false), 0, "%s", s.steps.why);
	kept = s.steps;
	r = lab_apply(&s, 3);
	cr_assert_eq(r.error, -ENETUNREACH, "%s", r.why);
	cr_assert_eq(r.n_done, 1);
	cr_assert_eq(r.state[0], STEP_POST);
	cr_assert_eq(r.state[2], STEP_UNKNOWN);
	cr_assert(strstr(r.why, "198.51.100.0/24") && strstr(r.why, "Network is unreachable") &&
			  strstr(r.why, "invalid gateway"),
		  "%s", r.why);

	r = lab_steps(&s, EXEC_UNDO, &kept);
	cr_assert_eq(r.error, 0);
	cr_assert_eq(r.state[0], STEP_UNDONE);
	cr_assert_eq(r.state[1], STEP_PRE);
	cr_assert_eq(r.state[2], STEP_PRE);
	cr_assert_null(lab_now(&good));
	serve_done(&s);
}

Test(serve, two_steps_on_one_object_are_checked_and_undone_in_order)
{
	struct anod_object a, b, x;
	struct anod_change c[2];
	struct exec_result r;

	lab_open(&s);
	a = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	b = lab_route("192.0.2.0/24", 5, "10.0.1.2", "wan1");
	x = lab_route("192.0.2.0/24", 5, "10.0.1.3", "wan1");
	cr_assert_eq(netlab_set(&a, NULL), 0);
	c[0] = lab_change(&a, &b);
	c[1] = lab_change(&b, &x);
	lab_do(&s, 4, c, 2);
	kept = s.steps;

	r = lab_steps(&s, EXEC_CHECK, &kept);
	cr_assert_eq(r.state[0], STEP_POST, "the second step presumes the first");
	cr_assert_eq(r.state[1], STEP_POST);
	r = lab_steps(&s, EXEC_UNDO, &kept);
	cr_assert_eq(r.state[0], STEP_UNDONE);
	cr_assert_eq(r.state[1], STEP_UNDONE);
	cr_assert(lab_is(&a));
	serve_done(&s);
}

Test(serve, unsound_messages_are_refused_and_do_nothing)
{
	static struct exec_steps m;
	struct anod_object o;
	struct anod_change c;
	struct exec_prepare *p = (struct exec_prepare *) &m;

	lab_open(&s);
	o = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	c = lab_change(NULL, &o);
	lab_do(&s, 1, &c, 1);
	kept = s.steps;
	kept.head = (struct chan_head){ EXEC_UNDO, offsetof(struct exec_steps, step[1]), 1 };

#define REFUSED(...)                                                                               \
	do {                                                                                       \
		m = kept;                                                                          \
		__VA_ARGS__;                                                                       \
		cr_assert_eq(serve_message(&s, &m.head), -EPROTO, #__VA_ARGS__);                   \
	} while (0)

	REFUSED(m.head.size = 3);
	REFUSED(m.head.size--);
	REFUSED(m.head.type = 0);
	REFUSED(m.head.type = EXEC_UNDONE);
	REFUSED(m.n_steps = 2);
	REFUSED(m.n_steps = STEPS_MAX + 1);
	REFUSED(m.n_steps = UINT32_MAX);
	REFUSED(m.step[0].undo_len = ANOD_NLMSG_MAX + 1);
	REFUSED(m.step[0].undo_len = 15);
	REFUSED(m.step[0].get_len = 0);
	REFUSED(m.step[0].action = ANOD_ACTIONS_MAX);
	REFUSED(m.step[0].flags = 2);
	REFUSED(m.step[0].change.has_pre = 2);
	REFUSED(m.step[0].change.has_post = 0);
	REFUSED(m.step[0].change.post.type = ANOD_OBJ_TYPES);
	REFUSED(m.step[0].undo[4] = 17, m.step[0].undo[5] = 0); /* RTM_DELLINK */
	REFUSED(m.step[0].undo[4] = 40, m.step[0].undo[5] = 0); /* RTM_NEWTCLASS */
	REFUSED(memcpy(m.step[0].get, m.step[0].undo, sizeof(m.step[0].get)));
	REFUSED(m.step[0].undo[0]++); /* its length */
	REFUSED(m.head.type = EXEC_PREPARE);
	REFUSED(memset(&m, 0, sizeof(m)), p->head.type = EXEC_PREPARE, p->head.size = sizeof(*p),
		p->n_actions = ANOD_ACTIONS_MAX + 1);
	REFUSED(memset(&m, 0, sizeof(m)), p->head.type = EXEC_PREPARE, p->head.size = sizeof(*p),
		p->foreign = 2);
	cr_assert(lab_is(&o), "nothing was undone");
	serve_done(&s);
}

Test(serve, what_is_prepared_is_bounded_and_the_oldest_goes_first)
{
	struct anod_object o;
	struct anod_change c;

	lab_open(&s);
	o = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	c = lab_change(NULL, &o);
	for (uint64_t tx = 1; tx <= SERVE_PREPARED_MAX + 1; tx++)
		cr_assert_eq(lab_prepare(&s, tx, &c, 1, false), 0);

	cr_assert_eq(lab_apply(&s, 1).error, -ENOENT, "forgotten");
	cr_assert_eq(lab_apply(&s, 2).error, 0);
	cr_assert_eq(lab_apply(&s, SERVE_PREPARED_MAX + 1).error, -ESTALE, "it is there by now");
	cr_assert_eq(lab_prepare(&s, 99, &c, 0, false), 0);
	cr_assert_eq(s.steps.n_steps, 0, "nothing to change is no error");
	cr_assert_eq(lab_apply(&s, 99).error, 0);
	serve_done(&s);
}
