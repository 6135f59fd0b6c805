/* What another process may send before anybody looks at it. */
#include "host/wire.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

Test(wire, only_values_that_are_whole_pass)
{
	struct anod_value v = { .type = ANOD_TEXT };

	cr_expect(wire_value_ok(&v));
	memset(v.u.text, 'x', sizeof(v.u.text));
	cr_expect_not(wire_value_ok(&v), "text without an end");
	v = (struct anod_value){ .type = ANOD_REAL, .u.r = NAN };
	cr_expect_not(wire_value_ok(&v), "not a number");
	v.u.r = INFINITY;
	cr_expect_not(wire_value_ok(&v), "without limit");
	v.u.r = 0.5;
	cr_expect(wire_value_ok(&v));
	v = (struct anod_value){ .type = ANOD_BOOL, .u.i = 7 };
	cr_expect_not(wire_value_ok(&v), "neither true nor false");
	v = (struct anod_value){ .type = ANOD_PREFIX, .u.prefix.len = 129 };
	cr_expect_not(wire_value_ok(&v), "longer than an address");
	v = (struct anod_value){ .type = ANOD_PREFIX + 1 };
	cr_expect_not(wire_value_ok(&v), "no such type");
}

Test(wire, only_actions_that_are_whole_pass)
{
	struct anod_action a = { .kind = "route.del", .n_args = 1 };

	a.arg[0].value.type = ANOD_TEXT;
	cr_expect(wire_action_ok(&a));
	a.n_args = ANOD_ARGS_MAX + 1;
	cr_expect_not(wire_action_ok(&a), "more arguments than there is room for");
	a.n_args = 1;
	memset(a.arg[0].value.u.text, 'x', sizeof(a.arg[0].value.u.text));
	cr_expect_not(wire_action_ok(&a), "an argument without an end");
	a.n_args = 0;
	cr_expect(wire_action_ok(&a), "what is not counted does not count");
	memset(a.kind, 'x', sizeof(a.kind));
	cr_expect_not(wire_action_ok(&a), "a kind without an end");
}
