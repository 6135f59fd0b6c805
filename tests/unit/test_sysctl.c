/* Numbers of /proc/sys/net: as facts and as objects; the sensor on this kernel. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "unit/fake_host.h"

#include "plugins/sysctl/number.c"

Test(sysctl, a_number_is_one_whole_number_and_nothing_else)
{
	int64_t n;

	cr_expect(sysctl_number("5\n", &n) && n == 5);
	cr_expect(sysctl_number(" -1 \n", &n) && n == -1);
	cr_expect(sysctl_number("262144", &n) && n == 262144);
	cr_expect(!sysctl_number("", &n) && !sysctl_number("\n", &n));
	cr_expect(!sysctl_number("1 2 3\n", &n) && !sysctl_number("1\n2\n", &n));
	cr_expect(!sysctl_number("cubic\n", &n) && !sysctl_number("99999999999999999999\n", &n));
}

static bool is_known(struct fake_host *h, void *data)
{
	const struct anod_value *v = fake_host_fact(h, "sysctl", "net.core.somaxconn", "value");

	(void) data;
	return v && v->type == ANOD_INT;
}

Test(sysctl, numbers_are_facts_and_objects_of_the_model, .timeout = 30)
{
	struct anod_object key = { .type = ANOD_OBJ_SYSCTL };
	struct fake_host *host = fake_host_new("sysctl");
	const struct anod_object *o;
	const struct anod_value *v;
	long long is = -1;
	FILE *f;

	cr_assert_eq(fake_host_start(host), 0);
	cr_assert(fake_host_wait(host, is_known, NULL, 10000));
	f = fopen("/proc/sys/net/core/somaxconn", "r");
	cr_assert(f && fscanf(f, "%lld", &is) == 1 && fclose(f) == 0);
	v = fake_host_fact(host, "sysctl", "net.core.somaxconn", "value");
	cr_expect_eq(v->u.i, is);
	v = fake_host_fact(host, "sysctl", "net.core.somaxconn", "writable");
	cr_assert(v && v->type == ANOD_BOOL);
	strcpy(key.u.sysctl.name, "net.core.somaxconn");
	o = fake_host_object(host, &key);
	cr_assert(o && o->u.sysctl.value == is);
	fake_host_free(host);
}
