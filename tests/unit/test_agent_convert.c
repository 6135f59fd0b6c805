/* Values as arguments of actions: rounded, held within their range, or refused. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "agent/program.h"
#include "facts/value.h"

Test(agent_convert, rounds_and_holds_numbers_within_the_range)
{
	static const struct anod_param whole = {
		.type = ANOD_INT, .unit = ANOD_UNIT_BYTES, .min = 68, .max = 65535
	};
	static const struct anod_param open = { .type = ANOD_INT };
	static const struct anod_param share = { .type = ANOD_REAL, .unit = ANOD_UNIT_RATIO };
	static const struct {
		const struct anod_param *p;
		double is;
		int64_t becomes;
	} cases[] = {
		{ &whole, 1400.4, 1400 },    { &whole, 1400.5, 1401 }, { &whole, 5, 68 },
		{ &whole, 1e12, 65535 },     { &whole, -1e300, 68 },   { &open, -2.5, -3 },
		{ &open, 1e300, INT64_MAX }, { &open, 0.4, 0 },
	};
	struct anod_value v, got;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		v = value_real(cases[i].is, ANOD_UNIT_NONE);
		cr_assert(eq(int, agent_convert(cases[i].p, &v, &got), 0));
		cr_expect(eq(i64, got.u.i, cases[i].becomes));
		cr_expect(eq(int, got.type, ANOD_INT));
		cr_expect(eq(int, got.unit, cases[i].p->unit));
	}
	v = value_int(1, ANOD_UNIT_NONE);
	cr_assert(eq(int, agent_convert(&share, &v, &got), 0));
	cr_expect(got.type == ANOD_REAL && got.u.r == 1 && got.unit == ANOD_UNIT_RATIO);
}

Test(agent_convert, makes_digits_of_a_number_and_refuses_the_unknown_and_the_foreign)
{
	static const struct anod_param text = { .type = ANOD_TEXT }, flag = { .type = ANOD_BOOL },
				       number = { .type = ANOD_INT };
	struct anod_value v = value_real(524288.2, ANOD_UNIT_NONE), got;

	cr_assert(eq(int, agent_convert(&text, &v, &got), 0));
	cr_expect_str_eq(got.u.text, "524288");
	v = value_text("wan0");
	cr_expect(eq(int, agent_convert(&text, &v, &got), 0));
	cr_expect_str_eq(got.u.text, "wan0");
	cr_expect(eq(int, agent_convert(&number, &v, &got), -EINVAL));
	v.flags = ANOD_VALUE_OUTSIDE;
	cr_expect(eq(int, agent_convert(&text, &v, &got), -EINVAL));
	v = value_unknown();
	cr_expect(eq(int, agent_convert(&text, &v, &got), -EINVAL));
	v = value_bool(true);
	cr_expect(eq(int, agent_convert(&flag, &v, &got), 0));
	cr_expect(eq(int, agent_convert(&text, &v, &got), -EINVAL));
}
