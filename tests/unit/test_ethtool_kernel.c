/* The sensor ethtool against this kernel: a pair of veth, which have a speed and a state. */
#include <criterion/criterion.h>
#include <string.h>

#include "unit/fake_host.h"
#include "unit/netlab.h"

static bool has_speed(struct fake_host *h, void *data)
{
	const struct anod_value *v = fake_host_fact(h, "link", data, "speed");

	return v && v->type == ANOD_INT;
}

Test(ethtool_kernel, a_link_of_this_kernel_has_the_speed_that_it_tells)
{
	struct anod_value index = { .type = ANOD_INT }, kind = { .type = ANOD_TEXT };
	struct fake_host *h;

	netlab_enter();
	netlab_veth("e0", "e1");
	h = fake_host_new("ethtool");
	fake_host_set_int(h, "period", 100000, ANOD_UNIT_TIME);
	fake_host_set_int(h, "settings-period", 200000, ANOD_UNIT_TIME);
	index.u.i = netlab_ifindex("e0");
	fake_host_put(h, "link", "e0", "ifindex", &index);
	fake_host_put(h, "link", "e0", "kind", &kind);
	cr_assert_eq(fake_host_start(h), 0);
	if (!fake_host_wait(h, has_speed, "e0", 5000)) {
		fake_host_free(h);
		cr_skip_test("no ethtool netlink here: %s", fake_host_log(h));
	}
	cr_assert_eq(fake_host_fact(h, "link", "e0", "speed")->u.i, 10000000000);
	cr_assert_str_eq(fake_host_fact(h, "link", "e0", "duplex")->u.text, "full");
	cr_assert_str_eq(fake_host_fact(h, "link", "e0", "down_reason")->u.text, "");
	cr_assert_null(fake_host_fact(h, "link", "e1", "speed"), "nobody has named e1");
	cr_assert_eq(fake_host_health(h, ANOD_HEALTH_GAP), 0);
	cr_assert_eq(fake_host_health(h, ANOD_HEALTH_ERROR), 0);
	fake_host_free(h);
}
