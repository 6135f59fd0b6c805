/*
 * expr_call - check the functions over time: arguments, windows, types.
 *
 * Design.  What a function wants is in the table of stat.h.  A mistake here would otherwise show
 * as a number that means nothing (the rate of a gauge) or as one that is never known (a window of
 * a year), so both are refused, with what to write instead.
 */
#include "facts/expr_check.h"

#include <string.h>

#include "facts/stat.h"
#include "facts/stats.h"

bool check_takes_name(const char *function)
{
	return !stat_find(function);
}

bool check_is_path(const struct expr *e)
{
	return e->op == EXPR_CALL && strncmp(e->name, "path.", 5) == 0;
}

/* path.rtt(NAME) of a set of flows is flows.NAME.rtt; of anything else that has no set of this
 * name, path.NAME.rtt.  The call keeps its form and reads like a fact (expr.h).  false: neither
 * fact is provided. */
static bool bind_path(struct check *c, struct expr *e)
{
	const char *kind = c->scope->set_kind ? c->scope->set_kind(c->scope, e->a->name) : NULL;
	const struct schema_attr *a =
		schema_attr(c->scope->schema, kind ? "flows" : "path", e->name + strlen("path."));
	const char *near = kind ? NULL : nearest_word(e->a->name, c->scope->names);

	if (kind && *kind && strcmp(kind, "flow") != 0)
		fail(c, e->a,
		     "'%s' wants a set of flows or the name of a link, and '%s' is a set of %s%s",
		     e->name, e->a->name, kind, strcmp(kind, "prefix") == 0 ? "es" : "s");
	else if (near && c->scope->set_kind && c->scope->set_kind(c->scope, near))
		fail(c, e->a, "there is no set '%s'; did you mean '%s'?", e->a->name, near);
	if (!a)
		return c->failed;

	free(e->entity);
	e->entity = strdup(e->a->name);
	if (!e->entity) {
		fail(c, e, "no memory");
		return true;
	}
	e->kind = a->kind;
	e->slot = a->slot;
	return true;
}

static void check_name(struct check *c, struct expr *e)
{
	char text[EXPR_TEXT_SIZE];

	if (e->a->op == EXPR_OPERAND && check_is_path(e) && bind_path(c, e)) {
		e->a->type = ANOD_TEXT;
		expr_type_call(e);
		return;
	}
	if (e->a->op != EXPR_OPERAND)
		fail(c, e->a, "'%s' wants a name, not a fact", e->name);
	else if (strcmp(e->name, "reversals") == 0 && strcmp(e->a->name, "resource") != 0)
		fail(c, e->a, "'reversals' wants the word 'resource'");
	e->a->type = ANOD_TEXT;
	e->a->unit = ANOD_UNIT_NONE;
	expr_type_call(e);
	if (strcmp(e->name, "reversals") == 0) {
		check_history(c, e, "reversals");
		if (!e->dur_us)
			fail(c, e,
			     "'reversals' wants a window: write reversals(resource, 30m), or "
			     "reversals(resource) >= 2 in 30m");
		return;
	}
	(void) snprintf(text, sizeof(text), "%s(...)", e->name);
	if (!check_is_path(e) || e->a->op == EXPR_OPERAND)
		check_not_evaluated(c, e, text);
}

static unsigned nested(const struct expr *e)
{
	return e->op == EXPR_CALL && stat_find(e->name) ? 1 + nested(e->a) : 0;
}

static bool is_counter(const struct expr *e)
{
	return e->op == EXPR_FACT && e->type == ANOD_INT &&
	       (e->unit == ANOD_UNIT_NONE || e->unit == ANOD_UNIT_BYTES ||
		e->unit == ANOD_UNIT_PACKETS);
}

static bool check_argument(struct check *c, const struct expr *call, const struct stat_desc *d,
			   struct expr *a)
{
	char text[EXPR_TEXT_SIZE];

	(void) expr_text(a, text, sizeof(text));
	if (a->op != EXPR_FACT && !nested(a) && !check_is_path(a)) {
		fail(c, a, "'%s' wants a fact such as link.rx_bytes, not '%s'", d->name, text);
		return false;
	}
	check_outside(c, a);
	if (a->type == ANOD_UNKNOWN)
		return true;
	if (!d->any && !expr_is_number(a))
		fail(c, a, "'%s' wants a number, and '%s' is %s", d->name, text,
		     expr_type_text(a->type, a->unit));
	else if (d->counter && !is_counter(a) && a->unit >= ANOD_UNIT_BPS)
		fail(c, a, "'%s' wants a counter, and '%s' is %s already; write mean(%s, 30s)",
		     d->name, text, expr_type_text(a->type, a->unit), text);
	else if (d->counter && !is_counter(a))
		fail(c, a, "'%s' wants a counter, and '%s' is %s; 'trend' tells how fast it grows",
		     d->name, text, expr_type_text(a->type, a->unit));
	else if (nested(call) > STATS_NESTED)
		fail(c, a, "functions over time nest at most %d deep", STATS_NESTED);
	else
		return true;
	return false;
}

static void check_window(struct check *c, const struct expr *e)
{
	struct anod_value least = value_int(STATS_WINDOW_MIN, ANOD_UNIT_TIME);
	struct anod_value most = value_int(STATS_WINDOW_MAX, ANOD_UNIT_TIME);
	struct anod_value is = value_int((int64_t) e->dur_us, ANOD_UNIT_TIME);
	char a[32], b[32], text[32];

	if (e->dur_us > 0 && (e->dur_us < STATS_WINDOW_MIN || e->dur_us > STATS_WINDOW_MAX))
		fail(c, e, "the window of '%s' must be from %s to %s, not %s", e->name,
		     value_format(&least, a, sizeof(a)), value_format(&most, b, sizeof(b)),
		     value_format(&is, text, sizeof(text)));
}

static bool same_entity(const struct expr *a, const struct expr *b)
{
	if (a->kind != b->kind || !a->entity != !b->entity)
		return false;
	return !a->entity || strcmp(a->entity, b->entity) == 0;
}

void check_call(struct check *c, struct expr *e)
{
	const struct stat_desc *d = stat_find(e->name);
	bool good;

	if (!d) {
		check_name(c, e);
		return;
	}
	good = check_argument(c, e, d, e->a);
	if (e->b && check_argument(c, e, d, e->b) && e->a->type != ANOD_UNKNOWN &&
	    e->b->type != ANOD_UNKNOWN && !same_entity(e->a, e->b))
		fail(c, e->b, "'%s' wants two facts of the same entity", d->name);
	check_window(c, e);
	expr_type_call(e);
	if (!good) /* one message is enough */
		e->type = ANOD_UNKNOWN;
}
