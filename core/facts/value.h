/*
 * value - make, compare, convert and print typed values.
 *
 * Comparison is three-valued: anything against unknown is doubt.  Numbers of different types
 * (INT, REAL) compare as reals; different units never meet, because expr_check() refuses them.
 */
#ifndef FACTS_VALUE_H
#define FACTS_VALUE_H

#include <anod/value.h>

#include "base/util.h"

struct anod_value value_unknown(void);
struct anod_value value_bool(bool b);
struct anod_value value_int(int64_t i, enum anod_unit unit);
struct anod_value value_real(double r, enum anod_unit unit); /* not finite: unknown */
struct anod_value value_text(const char *text);
struct anod_value value_prefix(const struct anod_prefix *p);

/* Same type and content; unknown equals unknown (for change detection, not for guards). */
bool value_same(const struct anod_value *a, const struct anod_value *b);

enum value_cmp { VALUE_EQ, VALUE_NE, VALUE_LT, VALUE_LE, VALUE_GT, VALUE_GE };
enum anod_tri value_compare(enum value_cmp op, const struct anod_value *a,
			    const struct anod_value *b);

/* For people and files, in the shortest form that the lexer reads back, exactly but for the last
 * bit of some ratios: "true", "1500",
 * "30ms", "5%", "400Mbps", "198.51.100.0/22", "wan0", "unknown".  Returns buf. */
const char *value_format(const struct anod_value *v, char *buf, size_t size);

/* The same for people alone: at most four significant digits.  Returns buf. */
const char *value_show(const struct anod_value *v, char *buf, size_t size);

const char *type_name(enum anod_type t); /* "number" for INT and REAL */
const char *unit_name(enum anod_unit u); /* "duration", "ratio", "count", ... */

/* "192.0.2.0/24", "2001:db8::1"; an address of full length prints without "/32".
 * 0, or -EINVAL: not an address, host bits set behind the length (then *ret has them cleared). */
int prefix_parse(const char *text, struct anod_prefix *ret);
const char *prefix_format(const struct anod_prefix *p, char *buf, size_t size);
bool prefix_contains(const struct anod_prefix *outer, const struct anod_prefix *inner);
bool prefix_overlaps(const struct anod_prefix *a, const struct anod_prefix *b);

enum anod_tri tri_not(enum anod_tri t);
const char *tri_name(enum anod_tri t); /* "true", "false", "unknown" */

#endif
