/*
 * value - make, compare and print typed values.
 *
 * Design.  Whatever cannot be compared is doubt, never false: a guard that is wrong about its
 * types must not look like one that says no.  Text from outside is in doubt against every other
 * text, so that no alias that a neighbour sets can satisfy a rule (architecture.md promise 6);
 * expr_check() refuses to write such a comparison, this is the second lock.
 */
#include "facts/value.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct anod_value value_unknown(void)
{
	return (struct anod_value){ .type = ANOD_UNKNOWN };
}

struct anod_value value_bool(bool b)
{
	return (struct anod_value){ .type = ANOD_BOOL, .u.i = b };
}

struct anod_value value_int(int64_t i, enum anod_unit unit)
{
	return (struct anod_value){ .type = ANOD_INT, .unit = (uint8_t) unit, .u.i = i };
}

struct anod_value value_real(double r, enum anod_unit unit)
{
	if (!isfinite(r))
		return value_unknown();
	return (struct anod_value){ .type = ANOD_REAL, .unit = (uint8_t) unit, .u.r = r };
}

struct anod_value value_text(const char *text)
{
	struct anod_value v = { .type = ANOD_TEXT };

	(void) copy_text(v.u.text, sizeof(v.u.text), text);
	return v;
}

struct anod_value value_prefix(const struct anod_prefix *p)
{
	return (struct anod_value){ .type = ANOD_PREFIX, .u.prefix = *p };
}

static bool prefix_same(const struct anod_prefix *a, const struct anod_prefix *b)
{
	return a->family == b->family && a->len == b->len &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static bool text_same(const struct anod_value *a, const struct anod_value *b)
{
	return strncmp(a->u.text, b->u.text, sizeof(a->u.text)) == 0;
}

bool value_same(const struct anod_value *a, const struct anod_value *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == ANOD_UNKNOWN)
		return true;
	if (a->unit != b->unit)
		return false;

	switch ((enum anod_type) a->type) {
	case ANOD_UNKNOWN:
		return true;
	case ANOD_BOOL:
	case ANOD_INT:
		return a->u.i == b->u.i;
	case ANOD_REAL:
		return !(a->u.r < b->u.r) && !(a->u.r > b->u.r);
	case ANOD_TEXT:
		return text_same(a, b);
	case ANOD_PREFIX:
		return prefix_same(&a->u.prefix, &b->u.prefix);
	}
	return false;
}

static enum anod_tri tri_of(bool b)
{
	return b ? ANOD_TRUE : ANOD_FALSE;
}

static enum anod_tri by_order(enum value_cmp op, int order)
{
	switch (op) {
	case VALUE_EQ:
		return tri_of(order == 0);
	case VALUE_NE:
		return tri_of(order != 0);
	case VALUE_LT:
		return tri_of(order < 0);
	case VALUE_LE:
		return tri_of(order <= 0);
	case VALUE_GT:
		return tri_of(order > 0);
	case VALUE_GE:
		return tri_of(order >= 0);
	}
	return ANOD_DOUBT;
}

static bool is_number(const struct anod_value *v)
{
	return v->type == ANOD_INT || v->type == ANOD_REAL;
}

static double as_real(const struct anod_value *v)
{
	return v->type == ANOD_INT ? (double) v->u.i : v->u.r;
}

enum anod_tri value_compare(enum value_cmp op, const struct anod_value *a,
			    const struct anod_value *b)
{
	bool equality = op == VALUE_EQ || op == VALUE_NE;

	if (is_number(a) && is_number(b)) {
		double x = as_real(a), y = as_real(b);

		if (a->type == ANOD_INT && b->type == ANOD_INT)
			return by_order(op, (a->u.i > b->u.i) - (a->u.i < b->u.i));
		return by_order(op, (x > y) - (x < y));
	}
	if (a->type != b->type)
		return ANOD_DOUBT;

	switch ((enum anod_type) a->type) {
	case ANOD_BOOL:
		return equality ? by_order(op, (a->u.i != 0) != (b->u.i != 0)) : ANOD_DOUBT;
	case ANOD_TEXT:
		if ((a->flags | b->flags) & ANOD_VALUE_OUTSIDE)
			return ANOD_DOUBT;
		return equality ? by_order(op, !text_same(a, b)) : ANOD_DOUBT;
	case ANOD_PREFIX:
		return equality ? by_order(op, !prefix_same(&a->u.prefix, &b->u.prefix))
				: ANOD_DOUBT;
	case ANOD_UNKNOWN:
	case ANOD_INT:
	case ANOD_REAL:
		break;
	}
	return ANOD_DOUBT;
}

struct scale {
	int64_t factor;
	const char *name;
	bool exact; /* only for whole multiples: nobody writes 1.5m */
};

/* From large to small; the last one is the base unit. */
static const struct scale *scales_of(uint8_t unit)
{
	static const struct scale none[] = { { 1, "", false } };
	static const struct scale time[] = {
		{ INT64_C(86400000000), "d", true },
		{ INT64_C(3600000000), "h", true },
		{ 60000000, "m", true },
		{ 1000000, "s", false },
		{ 1000, "ms", false },
		{ 1, "us", false },
	};
	static const struct scale bytes[] = { { INT64_C(1) << 40, "TiB", true },
					      { 1 << 30, "GiB", true },
					      { 1 << 20, "MiB", true },
					      { 1 << 10, "KiB", true },
					      { 1, "B", false } };
	static const struct scale bps[] = { { INT64_C(1000000000000), "Tbps", false },
					    { 1000000000, "Gbps", false },
					    { 1000000, "Mbps", false },
					    { 1000, "kbps", false },
					    { 1, "bps", false } };
	static const struct scale pps[] = { { 1, "pps", false } };

	switch ((enum anod_unit) unit) {
	case ANOD_UNIT_TIME:
		return time;
	case ANOD_UNIT_BYTES:
		return bytes;
	case ANOD_UNIT_BPS:
		return bps;
	case ANOD_UNIT_PPS:
		return pps;
	case ANOD_UNIT_NONE:
	case ANOD_UNIT_RATIO:
	case ANOD_UNIT_PACKETS:
		break;
	}
	return none;
}

static void format_int(int64_t i, uint8_t unit, char *buf, size_t size)
{
	uint64_t magnitude = i < 0 ? -(uint64_t) i : (uint64_t) i, factor, rest;
	const struct scale *s = scales_of(unit);
	char fraction[32] = "";

	while (s->factor > 1 && ((uint64_t) s->factor > magnitude ||
				 (s->exact && magnitude % (uint64_t) s->factor != 0)))
		s++;

	factor = (uint64_t) s->factor;
	rest = magnitude % factor;
	if (rest > 0) {
		char *end = fraction;

		*end++ = '.';
		for (uint64_t digit = factor / 10; rest > 0; digit /= 10) {
			/* cppcheck-suppress zerodivcond; nothing is left behind the ones */
			*end++ = (char) ('0' + rest / digit);
			rest %= digit;
		}
		*end = '\0';
	}
	(void) snprintf(buf, size, "%s%" PRIu64 "%s%s", i < 0 ? "-" : "", magnitude / factor,
			fraction, s->name);
}

/* The shortest text that reads back as 'r'.  A few ratios are no hundredth of any double; theirs
 * reads back as a neighbour. */
static void format_real(double r, uint8_t unit, char *buf, size_t size)
{
	double divisor = unit == ANOD_UNIT_RATIO ? 100 : 1;
	const struct scale *s = scales_of(unit);
	char number[40];

	/* 80Mbps and not 80000000bps */
	if (s->factor > 1 && fabs(r) < 9e15 && !(r < floor(r)) && !(r > floor(r))) {
		format_int((int64_t) r, unit, buf, size);
		return;
	}
	while (s->factor > 1)
		s++;
	for (int digits = 1; digits <= 17; digits++) {
		double back;

		(void) snprintf(number, sizeof(number), "%.*g", digits, r * divisor);
		back = strtod(number, NULL) / divisor;
		/* 80% and not 8e+01%: an exponent only where the number needs it. */
		if (!(back < r) && !(back > r) &&
		    (!strchr(number, 'e') || !(fabs(r) >= 1e-4 && fabs(r) < 1e9)))
			break;
	}

	/* Without a point a plain number would read back as a whole one. */
	(void) snprintf(buf, size, "%s%s%s", number,
			unit == ANOD_UNIT_NONE && !strpbrk(number, ".e") ? ".0" : "",
			unit == ANOD_UNIT_RATIO ? "%" : s->name);
}

/* Does the lexer read it as one word? */
static bool is_word(const char *text)
{
	static const char *const taken[] = { "true", "false", "unknown", "and", "or",	  "not",
					     "in",   "for",   "of",	 "x",	"before", NULL };

	if (strspn(text, "0123456789-.") > 0 || text[0] == '\0')
		return false;
	for (unsigned i = 0; taken[i]; i++)
		if (strcmp(text, taken[i]) == 0)
			return false;
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789_-")] == '\0';
}

static void format_text(const char *text, char *buf, size_t size)
{
	size_t n = 0;

	if (is_word(text)) {
		(void) snprintf(buf, size, "%s", text);
		return;
	}

	if (size < 3) {
		(void) copy_text(buf, size, "");
		return;
	}
	buf[n++] = '"';
	for (; *text && n + 3 < size; text++) {
		const char *escaped = strchr("\"\"\\\\\nn\tt", *text);

		if (*text == '"' || *text == '\\' || *text == '\n' || *text == '\t')
			buf[n++] = '\\';
		buf[n++] = *text == '\n' || *text == '\t' ? escaped[1] : *text;
	}
	buf[n++] = '"';
	buf[n] = '\0';
}

const char *value_format(const struct anod_value *v, char *buf, size_t size)
{
	switch ((enum anod_type) v->type) {
	case ANOD_UNKNOWN:
		break;
	case ANOD_BOOL:
		(void) snprintf(buf, size, "%s", v->u.i ? "true" : "false");
		return buf;
	case ANOD_INT:
		format_int(v->u.i, v->unit, buf, size);
		return buf;
	case ANOD_REAL:
		format_real(v->u.r, v->unit, buf, size);
		return buf;
	case ANOD_TEXT:
		format_text(v->u.text, buf, size);
		return buf;
	case ANOD_PREFIX:
		return prefix_format(&v->u.prefix, buf, size);
	}
	(void) snprintf(buf, size, "unknown");
	return buf;
}

const char *type_name(enum anod_type t)
{
	switch (t) {
	case ANOD_UNKNOWN:
		return "unknown";
	case ANOD_BOOL:
		return "truth";
	case ANOD_INT:
	case ANOD_REAL:
		return "number";
	case ANOD_TEXT:
		return "text";
	case ANOD_PREFIX:
		return "prefix";
	}
	return "unknown";
}

const char *unit_name(enum anod_unit u)
{
	switch (u) {
	case ANOD_UNIT_NONE:
		return "count";
	case ANOD_UNIT_RATIO:
		return "ratio";
	case ANOD_UNIT_TIME:
		return "duration";
	case ANOD_UNIT_BYTES:
		return "bytes";
	case ANOD_UNIT_PACKETS:
		return "packets";
	case ANOD_UNIT_BPS:
		return "bits per second";
	case ANOD_UNIT_PPS:
		return "packets per second";
	}
	return "count";
}

enum anod_tri tri_not(enum anod_tri t)
{
	return (enum anod_tri)(ANOD_TRUE - t);
}

const char *tri_name(enum anod_tri t)
{
	return t == ANOD_TRUE ? "true" : t == ANOD_FALSE ? "false" : "unknown";
}

const char *value_show(const struct anod_value *v, char *buf, size_t size)
{
	struct anod_value rounded = *v;
	char text[32];

	if (v->type != ANOD_REAL)
		return value_format(v, buf, size);

	(void) snprintf(text, sizeof(text), "%.4g", v->u.r);
	rounded.u.r = strtod(text, NULL);
	if (v->unit != ANOD_UNIT_RATIO)
		return value_format(&rounded, buf, size);

	(void) snprintf(buf, size, "%.4g%%", v->u.r * 100);
	return buf;
}
