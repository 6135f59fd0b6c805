/*
 * expr_check - bind the names of a tree and type it.
 *
 * Design.  One pass from the leaves up.  Each node gets the type and unit of its result; type
 * ANOD_UNKNOWN means "cannot be known in this version or on this router" and goes with
 * everything, so one missing sensor gives one warning and no errors that follow from it.
 * A fact that nobody provides stays in the tree with kind 0 and slot -1: the evaluator answers
 * unknown, which a forbid counts and a permit does not.
 *
 * The units and their messages are in expr_type.c, the functions over time in expr_call.c.
 */
#include <errno.h>
#include <string.h>

#include "facts/expr_check.h"

static void check_node(struct check *c, struct expr *e);

static void set_type(struct expr *e, uint8_t type, uint8_t unit)
{
	e->type = type;
	e->unit = unit;
}

void check_not_evaluated(struct check *c, const struct expr *e, const char *what)
{
	diag_add(c->diags, DIAG_WARNING, &e->place,
		 "'%s' is not evaluated in this version: it is always unknown", what);
}

void check_history(struct check *c, const struct expr *e, const char *what)
{
	if (!c->scope->history_allowed)
		fail(c, e,
		     "'%s' is about what anod did before: only 'when' of a rule and 'require' of "
		     "an invariant may ask that",
		     what);
	else if (c->over_time || c->where_kind)
		fail(c, e, "'%s' cannot stand inside '%s'; it has a window of its own", what,
		     c->where_kind ? "where" : "for' or 'in");
}

static void not_provided(struct check *c, struct expr *e)
{
	set_type(e, ANOD_UNKNOWN, ANOD_UNIT_NONE);
	if (c->scope->must_exist) {
		fail(c, e, "no sensor provides '%s.%s'", e->kind_name, e->attr);
		return;
	}
	diag_add(c->diags, DIAG_WARNING, &e->place,
		 "no sensor provides '%s.%s': it is always unknown, which a forbid or cap counts "
		 "as in force and a permit never does",
		 e->kind_name, e->attr);
}

/* A kind whose name is near and that has the attribute: then it is a slip of the pen. */
static const char *near_kind(const struct check *c, const struct expr *e)
{
	const char *near = nearest_word(e->kind_name, schema_kind_names(c->scope->schema));

	return near && schema_attr(c->scope->schema, near, e->attr) ? near : NULL;
}

/* "modl.confidence": an operand with a slip in its first part. */
static const char *near_operand(const struct check *c, const struct expr *e)
{
	char word[2 * ANOD_NAME_SIZE];
	const char *near;

	(void) snprintf(word, sizeof(word), "%s.%s", e->kind_name, e->attr);
	near = e->entity ? NULL : nearest_word(word, c->scope->names);
	return near && strcmp(strrchr(word, '.'), strchr(near, '.') ? strrchr(near, '.') : "") == 0
		       ? near
		       : NULL;
}

static void bind_attr(struct expr *e, const struct schema_attr *a)
{
	e->kind = a->kind;
	e->slot = a->slot;
	set_type(e, a->type, a->unit);
}

/* Text that others control decides nothing: not even whether it equals something. */
void check_outside(struct check *c, const struct expr *e)
{
	const struct schema_attr *a;

	if (e->op != EXPR_FACT || e->slot < 0)
		return;
	a = schema_attr_at(c->scope->schema, e->kind, (uint16_t) e->slot);
	if (a && (a->flags & ANOD_VALUE_OUTSIDE))
		fail(c, e, "'%s.%s' is text from outside the router: nothing may depend on it",
		     e->kind_name, e->attr);
}

/* Of "traffic" there is one entity, so that traffic.out is never the subject's. */
static void name_the_only_one(struct check *c, struct expr *e)
{
	if (e->entity || strcmp(e->kind_name, "traffic") != 0)
		return;
	e->entity = strdup("uplinks");
	if (!e->entity)
		fail(c, e, "no memory");
}

static void check_fact(struct check *c, struct expr *e)
{
	const struct schema *s = c->scope->schema;
	const struct schema_attr *a = schema_attr(s, e->kind_name, e->attr);
	const char *near;
	uint16_t kind;

	if (a) {
		bind_attr(e, a);
		name_the_only_one(c, e);
		return;
	}

	kind = schema_kind_id(s, e->kind_name);
	near = kind ? nearest_word(e->attr, schema_attr_names(s, kind)) : near_kind(c, e);
	if (near && kind)
		fail(c, e, "a %s has no fact '%s'; did you mean '%s'?", e->kind_name, e->attr,
		     near);
	else if (near)
		fail(c, e, "there is no kind '%s'; did you mean '%s.%s'?", e->kind_name, near,
		     e->attr);
	else if (!kind && near_operand(c, e))
		fail(c, e, "there is no kind '%s'; did you mean '%s'?", e->kind_name,
		     near_operand(c, e));
	else
		not_provided(c, e);
}

/* A bare word inside "where" is an attribute of the one counted. */
static bool as_own_attr(struct check *c, struct expr *e)
{
	const char *kind = c->where_kind ? schema_kind_name(c->scope->schema, c->where_kind) : NULL;
	const struct schema_attr *a = kind ? schema_attr(c->scope->schema, kind, e->name) : NULL;

	if (!a)
		return false;
	e->kind_name = strdup(kind);
	if (!e->kind_name) {
		fail(c, e, "no memory");
		return true;
	}
	e->op = EXPR_FACT;
	e->attr = TAKE(e->name);
	bind_attr(e, a);
	return true;
}

static const char *near_name(const struct check *c, const char *name)
{
	const char *near = NULL;

	if (c->where_kind)
		near = nearest_word(name, schema_attr_names(c->scope->schema, c->where_kind));
	return near ? near : nearest_word(name, c->scope->names);
}

static void check_operand(struct check *c, struct expr *e)
{
	const char *near;
	uint8_t type, unit;

	if (c->scope->operand && c->scope->operand(c->scope, e->name, &type, &unit)) {
		set_type(e, type, unit);
		return;
	}
	if (!strchr(e->name, '.') && as_own_attr(c, e))
		return;

	if (c->scope->set_kind && c->scope->set_kind(c->scope, e->name)) {
		fail(c, e, "'%s' is a set; write count(%s), or X in %s", e->name, e->name, e->name);
		return;
	}
	near = near_name(c, e->name);
	if (near && strcmp(near, e->name) == 0)
		fail(c, e, "'%s' is no argument of the actions that are named here", e->name);
	else if (near)
		fail(c, e, "'%s' means nothing here; did you mean '%s'?", e->name, near);
	else
		fail(c, e, "'%s' means nothing here; facts are written KIND.ATTRIBUTE", e->name);
}

static void want_truth_of(struct check *c, const struct expr *e)
{
	char text[EXPR_TEXT_SIZE];

	if (e->type != ANOD_BOOL && e->type != ANOD_UNKNOWN)
		fail(c, e, "'%s' is %s, not something true or false; compare it with a value",
		     expr_text(e, text, sizeof(text)), expr_type_text(e->type, e->unit));
}

static void check_logic(struct check *c, struct expr *e)
{
	check_node(c, e->a);
	want_truth_of(c, e->a);
	if (e->b) {
		check_node(c, e->b);
		want_truth_of(c, e->b);
	}
	set_type(e, ANOD_BOOL, ANOD_UNIT_NONE);
}

struct before {
	unsigned n_before, n_facts;
};

static void count_before(const struct expr *e, void *data)
{
	struct before *b = data;

	b->n_before += e->op == EXPR_BEFORE;
	b->n_facts += e->op == EXPR_FACT || (e->op == EXPR_CALL && e->a);
}

/* "before" takes type and meaning from the one fact on the other side. */
static void check_before(struct check *c, struct expr *e)
{
	struct before left = { 0 }, right = { 0 };
	const struct expr *side;

	if (!c->scope->before_allowed)
		return; /* said where it stands */
	expr_walk(e->a, count_before, &left);
	expr_walk(e->b, count_before, &right);
	if (left.n_before + right.n_before == 0)
		return;

	side = left.n_before ? e->a : e->b;
	if (left.n_before + right.n_before > 1 ||
	    (left.n_before ? right.n_facts : left.n_facts) < 1)
		fail(c, side, "'before' wants one fact on the other side of the comparison");
}

static void check_compare(struct check *c, struct expr *e)
{
	char why[EXPR_WHY_SIZE];

	check_before(c, e);
	c->comparing++;
	check_node(c, e->a);
	check_node(c, e->b);
	c->comparing--;
	check_outside(c, e->a);
	check_outside(c, e->b);
	set_type(e, ANOD_BOOL, ANOD_UNIT_NONE);
	if (!expr_type_compare(e->cmp, e->a, e->b, why))
		fail(c, e, "%s", why);
}

static void check_arithmetic(struct check *c, struct expr *e)
{
	char why[EXPR_WHY_SIZE];

	check_node(c, e->a);
	check_node(c, e->b);
	if (!expr_type_arithmetic(e, why)) {
		fail(c, e, "%s", why);
		set_type(e, ANOD_UNKNOWN, ANOD_UNIT_NONE);
	}
}

static bool check_set(struct check *c, const struct expr *e, const char **ret_kind)
{
	const char *near, *kind = NULL;

	if (c->scope->set_kind)
		kind = c->scope->set_kind(c->scope, e->name);
	if (kind) {
		*ret_kind = kind;
		return true;
	}

	near = nearest_word(e->name, c->scope->names);
	if (near)
		fail(c, e, "there is no set '%s'; did you mean '%s'?", e->name, near);
	else
		fail(c, e, "there is no set '%s'; write set %s = ...", e->name, e->name);
	return false;
}

/* Texts are names of entities: they go with every set but one of prefixes, and only prefixes do
 * with that. */
static void check_in_set(struct check *c, struct expr *e)
{
	char text[EXPR_TEXT_SIZE];
	const char *kind;
	bool prefixes;

	check_node(c, e->a);
	check_outside(c, e->a);
	set_type(e, ANOD_BOOL, ANOD_UNIT_NONE);
	if (!check_set(c, e, &kind) || !*kind || e->a->type == ANOD_UNKNOWN)
		return;

	prefixes = strcmp(kind, "prefix") == 0 || strcmp(kind, "flow") == 0;
	if (e->a->type != (prefixes ? ANOD_PREFIX : ANOD_TEXT))
		fail(c, e, "'%s' is %s, but '%s' is a set of %s%s",
		     expr_text(e->a, text, sizeof(text)), expr_type_text(e->a->type, e->a->unit),
		     e->name, kind, strcmp(kind, "prefix") == 0 ? "es" : "s");
}

static void check_overlaps(struct check *c, struct expr *e)
{
	char text[EXPR_TEXT_SIZE];
	const char *kind;

	check_node(c, e->a);
	set_type(e, ANOD_BOOL, ANOD_UNIT_NONE);
	if (e->b) {
		check_node(c, e->b);
		if (e->b->type != ANOD_PREFIX)
			fail(c, e->b, "'overlaps' wants a prefix or a set of prefixes, not %s",
			     expr_type_text(e->b->type, e->b->unit));
	} else if (check_set(c, e, &kind) && *kind && strcmp(kind, "prefix") != 0) {
		fail(c, e, "'overlaps' wants a set of prefixes, but '%s' is a set of %ss", e->name,
		     kind);
	}
	if (e->a->type != ANOD_UNKNOWN && e->a->type != ANOD_PREFIX)
		fail(c, e, "'%s' is %s, not a prefix", expr_text(e->a, text, sizeof(text)),
		     expr_type_text(e->a->type, e->a->unit));
}

static void check_over_time(struct check *c, struct expr *e)
{
	static uint32_t last_id;

	c->over_time++;
	check_node(c, e->a);
	c->over_time--;
	want_truth_of(c, e->a);
	set_type(e, ANOD_BOOL, ANOD_UNIT_NONE);
	e->id = ++last_id;
}

/* The kind whose entities are counted; 0 when there is none. */
static uint16_t check_members(struct check *c, struct expr *e)
{
	const struct schema *s = c->scope->schema;
	const char *kind = NULL, *near;
	uint16_t id;

	if (e->name && c->scope->set_kind)
		kind = c->scope->set_kind(c->scope, e->name);
	if (kind) {
		id = schema_kind_id(s, kind);
		if (!id && *kind)
			fail(c, e, "'%s' is a set of kind '%s', which has no facts to count",
			     e->name, kind);
		return id;
	}

	kind = e->name ? e->name : e->kind_name;
	id = schema_kind_id(s, kind);
	if (id) {
		if (e->name)
			e->kind_name = TAKE(e->name);
		return id;
	}
	near = nearest_word(kind, c->scope->names);
	if (!near)
		near = nearest_word(kind, schema_kind_names(s));
	if (near)
		fail(c, e, "'%s' is neither a set nor a kind; did you mean '%s'?", kind, near);
	else
		fail(c, e, "'%s' is neither a set nor a kind", kind);
	return 0;
}

static void check_where(struct check *c, struct expr *e)
{
	uint16_t outer = c->where_kind;

	if (!e->b)
		return;
	c->where_kind = e->kind;
	check_node(c, e->b);
	want_truth_of(c, e->b);
	c->where_kind = outer;
}

static void check_count(struct check *c, struct expr *e)
{
	if (e->fn >= EXPR_FN_MIN) {
		check_node(c, e->a);
		e->kind = e->a->kind;
		set_type(e, e->a->type, e->a->unit);
		if (!expr_is_number(e->a)) {
			fail(c, e->a, "only numbers have a minimum, maximum, sum or average");
			set_type(e, ANOD_UNKNOWN, ANOD_UNIT_NONE);
		}
		check_where(c, e);
		return;
	}

	e->kind = check_members(c, e);
	if (!e->kind)
		return;
	if (e->fn != EXPR_FN_COUNT && !e->up && !e->b)
		fail(c, e, "'every' and 'any' want 'up' or 'where ...'");
	if (e->up &&
	    !schema_attr(c->scope->schema, schema_kind_name(c->scope->schema, e->kind), "carrier"))
		fail(c, e, "'up' is for links, and these are of the kind '%s'",
		     schema_kind_name(c->scope->schema, e->kind));
	set_type(e, e->fn == EXPR_FN_COUNT ? ANOD_INT : ANOD_BOOL, ANOD_UNIT_NONE);
	check_where(c, e);
}

/* The argument of path.loss and path.rtt names a path, a set or a link: no fact by itself. */
static void check_call_arguments(struct check *c, struct expr *e)
{
	if (!check_takes_name(e->name))
		check_node(c, e->a);
	if (e->b)
		check_node(c, e->b);
}

static void check_node(struct check *c, struct expr *e)
{
	switch (e->op) {
	case EXPR_LITERAL:
		set_type(e, e->lit.type, e->lit.unit);
		break;
	case EXPR_FACT:
		check_fact(c, e);
		break;
	case EXPR_OPERAND:
		check_operand(c, e);
		break;
	case EXPR_BEFORE:
		set_type(e, ANOD_UNKNOWN, ANOD_UNIT_NONE);
		if (!c->scope->before_allowed)
			fail(c, e, "'before' has a meaning only inside verify");
		else if (c->comparing == 0)
			fail(c, e, "'before' has a meaning only in a comparison");
		break;
	case EXPR_NOT:
	case EXPR_AND:
	case EXPR_OR:
		check_logic(c, e);
		break;
	case EXPR_COMPARE:
		check_compare(c, e);
		break;
	case EXPR_ADD:
	case EXPR_SUB:
	case EXPR_MUL:
	case EXPR_DIV:
		check_arithmetic(c, e);
		break;
	case EXPR_IN_SET:
		check_in_set(c, e);
		break;
	case EXPR_OVERLAPS:
		check_overlaps(c, e);
		break;
	case EXPR_FOR:
	case EXPR_WITHIN:
		check_over_time(c, e);
		break;
	case EXPR_FORMERLY:
		set_type(e, ANOD_BOOL, ANOD_UNIT_NONE);
		check_history(c, e, "formerly");
		break;
	case EXPR_CALL:
		check_call_arguments(c, e);
		check_call(c, e);
		break;
	case EXPR_COUNT:
		check_count(c, e);
		break;
	}
}

int expr_check(struct expr *e, const struct expr_scope *scope, bool want_truth,
	       struct diag_list *diags)
{
	struct check c = { .scope = scope, .diags = diags };

	check_node(&c, e);
	if (want_truth)
		want_truth_of(&c, e);
	return c.failed ? -EINVAL : 0;
}
