#include "facts/value.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <string.h>

#include "facts/lex.h"

static struct anod_value outside(const char *text)
{
	struct anod_value v = value_text(text);

	v.flags = ANOD_VALUE_OUTSIDE;
	return v;
}

static struct anod_value prefix(const char *text)
{
	struct anod_prefix p;

	cr_assert(eq(int, prefix_parse(text, &p), 0));
	return value_prefix(&p);
}

Test(value, formats_in_the_form_that_people_write)
{
	const struct {
		struct anod_value v;
		const char *text;
	} row[] = {
		{ value_unknown(), "unknown" },
		{ value_bool(true), "true" },
		{ value_int(1500, ANOD_UNIT_NONE), "1500" },
		{ value_int(INT64_MIN, ANOD_UNIT_NONE), "-9223372036854775808" },
		{ value_int(30000, ANOD_UNIT_TIME), "30ms" },
		{ value_int(1500, ANOD_UNIT_TIME), "1.5ms" },
		{ value_int(90000000, ANOD_UNIT_TIME), "90s" },
		{ value_int(120000000, ANOD_UNIT_TIME), "2m" },
		{ value_int(0, ANOD_UNIT_TIME), "0us" },
		{ value_int(-1500, ANOD_UNIT_TIME), "-1.5ms" },
		{ value_int(400000000, ANOD_UNIT_BPS), "400Mbps" },
		{ value_int(1500001, ANOD_UNIT_BPS), "1.500001Mbps" },
		{ value_int(65536, ANOD_UNIT_BYTES), "64KiB" },
		{ value_int(1500, ANOD_UNIT_BYTES), "1500B" },
		{ value_int(7, ANOD_UNIT_PACKETS), "7" },
		{ value_int(900, ANOD_UNIT_PPS), "900pps" },
		{ value_real(0.05, ANOD_UNIT_RATIO), "5%" },
		{ value_real(0.0001, ANOD_UNIT_RATIO), "0.01%" },
		{ value_real(5, ANOD_UNIT_NONE), "5.0" },
		{ value_real(0.25, ANOD_UNIT_NONE), "0.25" },
		{ value_real(NAN, ANOD_UNIT_NONE), "unknown" },
		{ value_text("wan0"), "wan0" },
		{ value_text("true"), "\"true\"" },
		{ value_text("a \"b\"\\"), "\"a \\\"b\\\"\\\\\"" },
		{ value_text(""), "\"\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		char buf[128];

		cr_expect_str_eq(value_format(&row[i].v, buf, sizeof(buf)), row[i].text);
	}
}

Test(value, what_is_formatted_reads_back_as_the_same_value)
{
	unsigned short seed[3] = { 1, 2, 3 };
	static const uint8_t unit[] = { ANOD_UNIT_NONE, ANOD_UNIT_TIME, ANOD_UNIT_BYTES,
					ANOD_UNIT_BPS, ANOD_UNIT_PPS };

	for (int i = 0; i < 20000; i++) {
		struct anod_value v, back;
		char buf[128];

		if (i % 4 == 0)
			v = value_real(erand48(seed) * pow(10, i % 7 - 3), ANOD_UNIT_RATIO);
		else if (i % 4 == 1)
			v = value_real(erand48(seed) * pow(10, i % 13 - 6), ANOD_UNIT_NONE);
		else
			v = value_int(llabs(jrand48(seed)) * (i % 3 ? 1 : 1000),
				      unit[(size_t) i % ARRAY_SIZE(unit)]);
		(void) value_format(&v, buf, sizeof(buf));
		cr_assert(eq(int, lex_value(buf, &back), 0), "unreadable: %s", buf);
		if (v.unit == ANOD_UNIT_RATIO)
			cr_assert(lt(dbl, fabs(v.u.r - back.u.r), 1e-15 * v.u.r), "%s", buf);
		else
			cr_assert(value_same(&v, &back), "%s", buf);
	}
}

Test(value, compares_in_three_values)
{
	const struct {
		enum value_cmp op;
		struct anod_value a, b;
		enum anod_tri truth;
	} row[] = {
		{ VALUE_EQ, value_int(1, 0), value_int(1, 0), ANOD_TRUE },
		{ VALUE_LT, value_int(1, 0), value_real(1.5, 0), ANOD_TRUE },
		{ VALUE_GE, value_real(1.5, 0), value_int(2, 0), ANOD_FALSE },
		{ VALUE_GT, value_int(INT64_MAX, 0), value_int(INT64_MAX - 1, 0), ANOD_TRUE },
		{ VALUE_LE, value_int(2, 0), value_int(2, 0), ANOD_TRUE },
		{ VALUE_NE, value_bool(true), value_bool(false), ANOD_TRUE },
		{ VALUE_LT, value_bool(true), value_bool(false), ANOD_DOUBT },
		{ VALUE_EQ, value_text("up"), value_text("up"), ANOD_TRUE },
		{ VALUE_EQ, value_text("up"), value_text("down"), ANOD_FALSE },
		{ VALUE_LT, value_text("a"), value_text("b"), ANOD_DOUBT },
		{ VALUE_EQ, value_text("up"), value_int(1, 0), ANOD_DOUBT },
		{ VALUE_EQ, value_unknown(), value_unknown(), ANOD_DOUBT },
		{ VALUE_NE, value_unknown(), value_int(1, 0), ANOD_DOUBT },
		{ VALUE_EQ, prefix("10.0.0.0/8"), prefix("10.0.0.0/8"), ANOD_TRUE },
		{ VALUE_EQ, prefix("10.0.0.0/8"), prefix("10.0.0.0/9"), ANOD_FALSE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++)
		cr_expect(eq(int, (int) value_compare(row[i].op, &row[i].a, &row[i].b),
			     (int) row[i].truth),
			  "row %zu", i);
}

Test(value, text_from_outside_is_in_doubt_against_every_text)
{
	struct anod_value a = outside("wan0"), b = value_text("wan0");

	cr_expect(eq(int, (int) value_compare(VALUE_EQ, &a, &b), ANOD_DOUBT));
	cr_expect(eq(int, (int) value_compare(VALUE_NE, &b, &a), ANOD_DOUBT));
	cr_expect(value_same(&a, &b));
}

Test(value, same_is_for_noticing_changes)
{
	struct anod_value u = value_unknown(), one = value_int(1, 0), us = value_int(1, 2);

	cr_expect(value_same(&u, &u));
	cr_expect(not(value_same(&u, &one)));
	cr_expect(not(value_same(&one, &us)));
}

Test(value, truth_has_names_and_a_negation)
{
	cr_expect(eq(int, (int) tri_not(ANOD_TRUE), ANOD_FALSE));
	cr_expect(eq(int, (int) tri_not(ANOD_DOUBT), ANOD_DOUBT));
	cr_expect_str_eq(tri_name(ANOD_DOUBT), "unknown");
	cr_expect_str_eq(type_name(ANOD_REAL), "number");
	cr_expect_str_eq(unit_name(ANOD_UNIT_TIME), "duration");
}
