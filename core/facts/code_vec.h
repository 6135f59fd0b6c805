/*
 * code_vec - arithmetic and comparisons on 64 rows at a time; private to the vector machine.
 *
 * Every function works on all TABLE_BLOCK lanes, whatever lies in those that nobody knows; the
 * caller masks them off.  A comparison returns bit k for lane k.  Plain loops that gcc and clang
 * turn into vector instructions (the Makefile compiles this file with -O3); on x86 a second
 * version for AVX2 is chosen when the program is loaded.
 *
 * Pure.  Threads: any.
 */
#ifndef FACTS_CODE_VEC_H
#define FACTS_CODE_VEC_H

#include "facts/table.h"

/* a > c, a < c, a == c; whole numbers exactly, reals as doubles. */
uint64_t vec_int_gt(const int64_t *a, int64_t c);
uint64_t vec_int_lt(const int64_t *a, int64_t c);
uint64_t vec_int_eq(const int64_t *a, int64_t c);
uint64_t vec_real_gt(const double *a, double c);
uint64_t vec_real_lt(const double *a, double c);
uint64_t vec_real_eq(const double *a, double c);

/* Lane by lane. */
uint64_t vec_int_gt2(const int64_t *a, const int64_t *b);
uint64_t vec_int_eq2(const int64_t *a, const int64_t *b);
uint64_t vec_real_gt2(const double *a, const double *b);
uint64_t vec_real_eq2(const double *a, const double *b);

/* Lanes of a BOOL column that are true. */
uint64_t vec_int_true(const int64_t *a);

/* The result of each lane, which may be one of the operands; returns the lanes whose result can be
 * stored (no overflow; finite). */
uint64_t vec_int_add(const int64_t *a, const int64_t *b, int64_t *ret);
uint64_t vec_int_sub(const int64_t *a, const int64_t *b, int64_t *ret);
uint64_t vec_int_mul(const int64_t *a, const int64_t *b, int64_t *ret);
uint64_t vec_real_add(const double *a, const double *b, double *ret);
uint64_t vec_real_sub(const double *a, const double *b, double *ret);
uint64_t vec_real_mul(const double *a, const double *b, double *ret);
uint64_t vec_real_div(const double *a, const double *b, double *ret);

void vec_to_real(const int64_t *a, double *ret);
void vec_int_fill(int64_t *ret, int64_t c);
void vec_real_fill(double *ret, double c);

#endif
