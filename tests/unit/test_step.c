/* A step is undone by comparison, and a link is the same link only by name and address too. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/if.h>
#include <string.h>

#include "exec/step.h"
#include "unit/execlab.h"
#include "unit/netlab.h"

static struct serve s;
static struct exec_steps kept;

Test(step, C17_a_link_that_was_replaced_is_another_link)
{
	struct anod_object pre, post;
	struct anod_change c;

	lab_open(&s);
	pre = post = lab_link("wan1");
	post.u.link.mtu = 1400;
	c = lab_change(&pre, &post);
	lab_do(&s, 1, &c, 1);
	kept = s.steps;
	cr_assert_eq(step_look(&s.kernel, &kept.step[0]), STEP_POST);

	/* State that the change did not name may move. */
	netlab_run("ip link set isp1 down");
	cr_assert_eq(step_look(&s.kernel, &kept.step[0]), STEP_POST);

	netlab_run("ip link set wan1 name wan9");
	cr_assert_eq(step_undo(&s.kernel, &kept.step[0]), STEP_OTHER);
	cr_assert_eq(lab_link("wan9").u.link.mtu, 1400);
	netlab_run("ip link set wan9 name wan1");
	cr_assert_eq(step_undo(&s.kernel, &kept.step[0]), STEP_UNDONE);
	netlab_run("ip link del wan1");
	cr_assert_eq(step_undo(&s.kernel, &kept.step[0]), STEP_OTHER);
	serve_done(&s);
}

Test(step, an_undo_that_the_kernel_refuses_is_told_with_its_words)
{
	struct anod_object a, b;
	struct anod_change c;
	struct exec_result r;

	lab_open(&s);
	a = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	b = lab_route("192.0.2.0/24", 5, "10.0.1.2", "wan1");
	cr_assert_eq(netlab_set(&a, NULL), 0);
	c = lab_change(&a, &b);
	lab_do(&s, 1, &c, 1);
	kept = s.steps;
	netlab_run("ip addr flush dev wan0"); /* the old gateway is out of reach now */

	r = lab_steps(&s, EXEC_UNDO, &kept);
	cr_assert_eq(r.state[0], STEP_UNDO_FAILED);
	cr_assert_eq(r.error, -ENETUNREACH);
	cr_assert(strstr(r.why, "192.0.2.0/24") && strstr(r.why, "unreachable"), "%s", r.why);
	cr_assert(lab_is(&b), "still a working route");

	kernel_close(&s.kernel);
	r = lab_steps(&s, EXEC_UNDO, &kept);
	cr_assert_eq(r.state[0], STEP_UNKNOWN);
	cr_assert_eq(r.error, -EBADF);
	cr_assert_eq(lab_steps(&s, EXEC_CHECK, &kept).state[0], STEP_UNKNOWN);
	serve_done(&s);
}

Test(step, a_request_that_does_nothing_is_not_called_an_undo)
{
	struct anod_object a, b, other;
	struct anod_change c;

	lab_open(&s);
	a = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	other = lab_route("198.51.100.0/24", 5, "10.0.0.2", "wan0");
	b = lab_route("192.0.2.0/24", 5, "10.0.1.2", "wan1");
	cr_assert_eq(netlab_set(&a, NULL), 0);
	c = lab_change(&a, &b);
	lab_do(&s, 1, &c, 1);
	kept = s.steps;
	/* The bytes of the undo do something else than the change says. */
	kept.step[0].undo_len =
		(uint32_t) anod_rtnl_encode(ANOD_RTNL_SET, &other, NULL, kept.step[0].undo);
	cr_assert(step_check(&kept.step[0]));
	cr_assert_eq(step_undo(&s.kernel, &kept.step[0]), STEP_UNDO_FAILED);
	cr_assert_eq(s.kernel.error, -EIO);

	kept.step[0].undo_len = 0;
	cr_assert(step_check(&kept.step[0]));
	cr_assert_eq(step_undo(&s.kernel, &kept.step[0]), STEP_UNDONE, "nothing to put back");
	serve_done(&s);
}
