/*
 * code_vec - arithmetic and comparisons on 64 rows at a time.
 *
 * Design.  A mask is built without a branch: each lane that compares true contributes its own
 * bit of a table, and the contributions are ORed, which is a reduction that a compiler can
 * vectorise with 64-bit lanes throughout.  Whether a lane overflowed is computed in unsigned
 * arithmetic from the signs, because the checked built-ins do not vectorise.
 */
#include "facts/code_vec.h"

#include <float.h>
#include <math.h>

/* ASan instruments the resolver that picks a version before it has set itself up. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
	!defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CLONED __attribute__((target_clones("avx2", "default")))
#else
#define CLONED
#endif

#define BIT4(n)	 UINT64_C(1) << (n), UINT64_C(2) << (n), UINT64_C(4) << (n), UINT64_C(8) << (n)
#define BIT16(n) BIT4(n), BIT4((n) + 4), BIT4((n) + 8), BIT4((n) + 12)

static const uint64_t bit[TABLE_BLOCK] = { BIT16(0), BIT16(16), BIT16(32), BIT16(48) };

/* A function that compares each lane 'x' with 'y'. */
#define COMPARE(name, type, second, y, test)                                                       \
	CLONED uint64_t name(const type *a, second b)                                              \
	{                                                                                          \
		uint64_t mask = 0;                                                                 \
                                                                                                   \
		for (unsigned i = 0; i < TABLE_BLOCK; i++)                                         \
			mask |= (a[i] test y) ? bit[i] : 0;                                        \
		return mask;                                                                       \
	}

/* -Wfloat-equal is not on: reals compare as they stand, like value_compare() does. */
COMPARE(vec_int_gt, int64_t, int64_t, b, >)
COMPARE(vec_int_lt, int64_t, int64_t, b, <)
COMPARE(vec_int_eq, int64_t, int64_t, b, ==)
COMPARE(vec_real_gt, double, double, b, >)
COMPARE(vec_real_lt, double, double, b, <)
COMPARE(vec_real_eq, double, double, b, ==)
COMPARE(vec_int_gt2, int64_t, const int64_t *, b[i], >)
COMPARE(vec_int_eq2, int64_t, const int64_t *, b[i], ==)
COMPARE(vec_real_gt2, double, const double *, b[i], >)
COMPARE(vec_real_eq2, double, const double *, b[i], ==)

CLONED uint64_t vec_int_true(const int64_t *a)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < TABLE_BLOCK; i++)
		mask |= a[i] != 0 ? bit[i] : 0;
	return mask;
}

CLONED uint64_t vec_int_add(const int64_t *a, const int64_t *b, int64_t *ret)
{
	uint64_t good = 0;

	for (unsigned i = 0; i < TABLE_BLOCK; i++) {
		uint64_t x = (uint64_t) a[i], y = (uint64_t) b[i], sum = x + y;

		/* Overflow: the operands' signs agree, and the sum's does not. */
		good |= (int64_t) ((x ^ sum) & (y ^ sum)) >= 0 ? bit[i] : 0;
		ret[i] = (int64_t) sum;
	}
	return good;
}

CLONED uint64_t vec_int_sub(const int64_t *a, const int64_t *b, int64_t *ret)
{
	uint64_t good = 0;

	for (unsigned i = 0; i < TABLE_BLOCK; i++) {
		uint64_t x = (uint64_t) a[i], y = (uint64_t) b[i], rest = x - y;

		good |= (int64_t) ((x ^ y) & (x ^ rest)) >= 0 ? bit[i] : 0;
		ret[i] = (int64_t) rest;
	}
	return good;
}

uint64_t vec_int_mul(const int64_t *a, const int64_t *b, int64_t *ret)
{
	uint64_t good = 0;

	for (unsigned i = 0; i < TABLE_BLOCK; i++) {
		int64_t product;

		good |= __builtin_mul_overflow(a[i], b[i], &product) ? 0 : bit[i];
		ret[i] = product;
	}
	return good;
}

#define ARITHMETIC(name, op)                                                                       \
	CLONED uint64_t name(const double *a, const double *b, double *ret)                        \
	{                                                                                          \
		uint64_t good = 0;                                                                 \
                                                                                                   \
		for (unsigned i = 0; i < TABLE_BLOCK; i++) {                                       \
			double r = a[i] op b[i];                                                   \
                                                                                                   \
			good |= fabs(r) <= DBL_MAX ? bit[i] : 0;                                   \
			ret[i] = r;                                                                \
		}                                                                                  \
		return good;                                                                       \
	}

ARITHMETIC(vec_real_add, +)
ARITHMETIC(vec_real_sub, -)
ARITHMETIC(vec_real_mul, *)
ARITHMETIC(vec_real_div, /)

void vec_to_real(const int64_t *a, double *ret)
{
	for (unsigned i = 0; i < TABLE_BLOCK; i++)
		ret[i] = (double) a[i];
}

void vec_int_fill(int64_t *ret, int64_t c)
{
	for (unsigned i = 0; i < TABLE_BLOCK; i++)
		ret[i] = c;
}

void vec_real_fill(double *ret, double c)
{
	for (unsigned i = 0; i < TABLE_BLOCK; i++)
		ret[i] = c;
}
