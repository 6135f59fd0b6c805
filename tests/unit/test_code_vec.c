#include "facts/code_vec.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

static const int64_t whole[] = { 0, 1, -1, 5, INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1 };
static const double real[] = { 0, 1, -1, 0.5, 1e308, -1e308, 9007199254740993.0, 1e-300 };

/* Each pair of the values above in one lane or another. */
static void fill(int64_t *a, int64_t *b, double *x, double *y)
{
	for (unsigned i = 0; i < TABLE_BLOCK; i++) {
		a[i] = whole[i % 8];
		b[i] = whole[i / 8];
		x[i] = real[i % 8];
		y[i] = real[i / 8];
	}
}

#define SAME(mask, test)                                                                           \
	do {                                                                                       \
		uint64_t mask_ = (mask);                                                           \
		for (unsigned i = 0; i < TABLE_BLOCK; i++)                                         \
			cr_expect(eq(int, (int) (mask_ >> i & 1), (int) (test)), "lane %u", i);    \
	} while (0)

Test(code_vec, comparisons_are_exact_in_every_lane)
{
	int64_t a[TABLE_BLOCK], b[TABLE_BLOCK];
	double x[TABLE_BLOCK], y[TABLE_BLOCK];

	fill(a, b, x, y);
	SAME(vec_int_gt2(a, b), a[i] > b[i]);
	SAME(vec_int_eq2(a, b), a[i] == b[i]);
	SAME(vec_real_gt2(x, y), x[i] > y[i]);
	SAME(vec_real_eq2(x, y), x[i] == y[i]);
	SAME(vec_int_true(a), a[i] != 0);
	for (unsigned k = 0; k < 8; k++) {
		SAME(vec_int_gt(a, whole[k]), a[i] > whole[k]);
		SAME(vec_int_lt(a, whole[k]), a[i] < whole[k]);
		SAME(vec_int_eq(a, whole[k]), a[i] == whole[k]);
		SAME(vec_real_gt(x, real[k]), x[i] > real[k]);
		SAME(vec_real_lt(x, real[k]), x[i] < real[k]);
		SAME(vec_real_eq(x, real[k]), x[i] == real[k]);
	}
}

Test(code_vec, what_does_not_fit_is_not_stored_as_something_else)
{
	int64_t a[TABLE_BLOCK], b[TABLE_BLOCK], r[TABLE_BLOCK], whole_result;
	double x[TABLE_BLOCK], y[TABLE_BLOCK], s[TABLE_BLOCK];

	fill(a, b, x, y);
	SAME(vec_int_add(a, b, r),
	     !__builtin_add_overflow(a[i], b[i], &whole_result) && r[i] == whole_result);
	SAME(vec_int_sub(a, b, r),
	     !__builtin_sub_overflow(a[i], b[i], &whole_result) && r[i] == whole_result);
	SAME(vec_int_mul(a, b, r),
	     !__builtin_mul_overflow(a[i], b[i], &whole_result) && r[i] == whole_result);
	SAME(vec_real_add(x, y, s), isfinite(x[i] + y[i]) && s[i] == x[i] + y[i]);
	SAME(vec_real_sub(x, y, s), isfinite(x[i] - y[i]) && s[i] == x[i] - y[i]);
	SAME(vec_real_mul(x, y, s), isfinite(x[i] * y[i]) && s[i] == x[i] * y[i]);
	SAME(vec_real_div(x, y, s), isfinite(x[i] / y[i]) && s[i] == x[i] / y[i]);
	SAME((vec_int_add(a, b, a), UINT64_MAX),
	     a[i] == (int64_t) ((uint64_t) whole[i % 8] + (uint64_t) b[i]));
}
