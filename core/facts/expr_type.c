/*
 * expr_type - types and units of results.
 *
 * Design.  A literal without a unit goes with everything that a plain number can mean: a count,
 * bytes, packets, packets per second, a ratio (0.05 is 5%).  It does not go with a duration or a
 * bit rate, where nobody could tell the scale, unless it is zero.  Everything else must have the
 * same unit.  ANOD_UNKNOWN goes with everything.
 */
#include "facts/expr_type.h"

#include <string.h>

#include "facts/stat.h"

const char *expr_type_text(uint8_t type, uint8_t unit)
{
	static const char *const units[] = {
		[ANOD_UNIT_NONE] = "a number",
		[ANOD_UNIT_RATIO] = "a ratio",
		[ANOD_UNIT_TIME] = "a duration",
		[ANOD_UNIT_BYTES] = "a number of bytes",
		[ANOD_UNIT_PACKETS] = "a number of packets",
		[ANOD_UNIT_BPS] = "a bit rate",
		[ANOD_UNIT_PPS] = "a packet rate",
	};

	switch ((enum anod_type) type) {
	case ANOD_BOOL:
		return "true or false";
	case ANOD_TEXT:
		return "a text";
	case ANOD_PREFIX:
		return "an address";
	case ANOD_INT:
	case ANOD_REAL:
		return unit < ARRAY_SIZE(units) ? units[unit] : "a number";
	case ANOD_UNKNOWN:
		break;
	}
	return "unknown";
}

const char *expr_text(const struct expr *e, char *buf, size_t size)
{
	_cleanup_(freep) char *text = expr_format(e);

	if (!text || strlen(text) < size)
		(void) snprintf(buf, size, "%s", text ? text : "");
	else
		(void) snprintf(buf, size, "%.*s...", (int) size - 4, text);
	return buf;
}

bool expr_is_number(const struct expr *e)
{
	return e->type == ANOD_INT || e->type == ANOD_REAL || e->type == ANOD_UNKNOWN;
}

static bool is_zero(const struct expr *e)
{
	return e->op == EXPR_LITERAL && e->lit.type == ANOD_INT && e->lit.u.i == 0;
}

bool expr_plain_fits(uint8_t unit)
{
	return unit != ANOD_UNIT_TIME && unit != ANOD_UNIT_BPS;
}

/* Same unit, or one side is a plain number that the other side's unit takes. */
static bool units_fit(const struct expr *a, const struct expr *b)
{
	if (a->unit == b->unit || is_zero(a) || is_zero(b))
		return true;
	if (a->unit == ANOD_UNIT_NONE)
		return expr_plain_fits(b->unit);
	return b->unit == ANOD_UNIT_NONE && expr_plain_fits(a->unit);
}

static void say_mixed(const struct expr *a, const struct expr *b, const char *verb, char *ret_why)
{
	char left[EXPR_TEXT_SIZE], right[EXPR_TEXT_SIZE];
	bool yes_no = a->type == ANOD_BOOL && b->type == ANOD_TEXT && b->op == EXPR_LITERAL;

	(void) snprintf(ret_why, EXPR_WHY_SIZE, "%s is %s and %s is %s: they cannot be %s%s",
			expr_text(a, left, sizeof(left)), expr_type_text(a->type, a->unit),
			expr_text(b, right, sizeof(right)), expr_type_text(b->type, b->unit), verb,
			yes_no ? "; write true or false" : "");
}

bool expr_type_compare(enum value_cmp cmp, const struct expr *a, const struct expr *b,
		       char *ret_why)
{
	bool order = cmp != VALUE_EQ && cmp != VALUE_NE;

	if (a->type == ANOD_UNKNOWN || b->type == ANOD_UNKNOWN)
		return true;
	if (expr_is_number(a) != expr_is_number(b) || (!expr_is_number(a) && a->type != b->type) ||
	    (expr_is_number(a) && !units_fit(a, b))) {
		say_mixed(a, b, "compared", ret_why);
		return false;
	}
	if (order && !expr_is_number(a)) {
		char text[EXPR_TEXT_SIZE];

		(void) snprintf(ret_why, EXPR_WHY_SIZE,
				"%s is %s: it can only be compared with == and !=",
				expr_text(a, text, sizeof(text)), expr_type_text(a->type, a->unit));
		return false;
	}
	return true;
}

static bool is_scale(const struct expr *e)
{
	return e->unit == ANOD_UNIT_NONE || e->unit == ANOD_UNIT_RATIO;
}

static void set_number(struct expr *e, uint8_t unit)
{
	bool whole = e->op != EXPR_DIV && e->a->type == ANOD_INT && e->b->type == ANOD_INT;

	e->type = whole ? ANOD_INT : ANOD_REAL;
	e->unit = unit;
}

static bool type_product(struct expr *e, char *ret_why)
{
	if (is_scale(e->a)) {
		set_number(e, e->b->unit == ANOD_UNIT_NONE ? e->a->unit : e->b->unit);
	} else if (is_scale(e->b)) {
		set_number(e, e->a->unit);
	} else {
		say_mixed(e->a, e->b, "multiplied", ret_why);
		return false;
	}
	return true;
}

static bool type_quotient(struct expr *e, char *ret_why)
{
	if (e->a->unit == e->b->unit) {
		set_number(e, ANOD_UNIT_RATIO);
	} else if (is_scale(e->b)) {
		set_number(e, e->a->unit);
	} else {
		say_mixed(e->a, e->b, "divided", ret_why);
		return false;
	}
	return true;
}

bool expr_type_arithmetic(struct expr *e, char *ret_why)
{
	const struct expr *odd = !expr_is_number(e->a) ? e->a : e->b;
	char text[EXPR_TEXT_SIZE];

	if (!expr_is_number(odd)) {
		(void) snprintf(ret_why, EXPR_WHY_SIZE, "%s is %s: there is nothing to calculate",
				expr_text(odd, text, sizeof(text)),
				expr_type_text(odd->type, odd->unit));
		return false;
	}
	if (e->a->type == ANOD_UNKNOWN || e->b->type == ANOD_UNKNOWN) {
		e->type = ANOD_UNKNOWN;
		return true;
	}
	if (e->op == EXPR_MUL)
		return type_product(e, ret_why);
	if (e->op == EXPR_DIV)
		return type_quotient(e, ret_why);

	if (!units_fit(e->a, e->b)) {
		say_mixed(e->a, e->b, e->op == EXPR_ADD ? "added" : "subtracted", ret_why);
		return false;
	}
	set_number(e, e->a->unit == ANOD_UNIT_NONE ? e->b->unit : e->a->unit);
	return true;
}

void expr_type_call(struct expr *e)
{
	const struct stat_desc *d = stat_find(e->name);

	if (d) {
		e->type = d->truth		       ? ANOD_BOOL
			  : e->a->type == ANOD_UNKNOWN ? ANOD_UNKNOWN
						       : ANOD_REAL;
		e->unit = stat_unit(d->fn, e->a->unit);
	} else if (strcmp(e->name, "path.loss") == 0) {
		e->type = ANOD_REAL;
		e->unit = ANOD_UNIT_RATIO;
	} else {
		e->type = ANOD_INT;
		e->unit = strcmp(e->name, "path.rtt") == 0 ? ANOD_UNIT_TIME : ANOD_UNIT_NONE;
	}
}
