/*
 * agent_check_action - the actions that an agent proposes, against their schemas.
 *
 * Design.  What can be said of an argument when the text is read is said then: its name, its type
 * and unit, a word that it may not be, a constant that is out of range.  What is calculated is
 * held within the range when it is calculated (agent_convert.c).
 */
#include "agent/program.h"

#include "facts/value.h"

static const struct anod_param *find_param(const struct anod_action_desc *d, const char *name)
{
	for (const struct anod_param *p = d->params; p && p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static int no_such_action(struct parse *p, const struct agent_action *x)
{
	const char *list[257] = { 0 }, *near;
	unsigned n = 0;

	for (unsigned i = 0; p->env->actions[i] && n < ARRAY_SIZE(list) - 1; i++)
		list[n++] = p->env->actions[i]->kind;
	near = nearest_word(x->kind, list);
	if (near)
		return parse_error(p, &x->place, "there is no action '%s'; did you mean '%s'?",
				   x->kind, near);
	return parse_error(p, &x->place, "there is no action '%s'; docs/actions.md lists them",
			   x->kind);
}

static int no_such_param(struct parse *p, const struct agent_action *x, const struct agent_arg *arg)
{
	const char *list[2 * ANOD_ARGS_MAX + 1] = { 0 }, *near;
	unsigned n = 0;

	for (const struct anod_param *m = x->desc->params; m->name && n < ARRAY_SIZE(list) - 1; m++)
		list[n++] = m->name;
	near = nearest_word(arg->name, list);
	if (near)
		return parse_error(p, &arg->place, "%s has no argument '%s'; did you mean '%s'?",
				   x->kind, arg->name, near);
	return parse_error(p, &arg->place, "%s has no argument '%s'; docs/actions.md lists them",
			   x->kind, arg->name);
}

/* A bare word that is no name of the agent's: a word, "default", a table. */
static int take_word(struct parse *p, struct agent_arg *arg, const char *word)
{
	static const struct anod_prefix any = { .family = 2 /* AF_INET */ };
	struct expr *e = arg->value;
	struct anod_value v = value_unknown();

	if (arg->param->type == ANOD_TEXT) {
		v.type = ANOD_TEXT;
		if (!copy_text(v.u.text, sizeof(v.u.text), word))
			return parse_error(p, &e->place, "'%s' wants a text of at most %d bytes",
					   arg->name, ANOD_TEXT_SIZE - 1);
	} else if (arg->param->type == ANOD_PREFIX && strcmp(word, "default") == 0) {
		v = value_prefix(&any);
	} else if (strcmp(arg->name, "table") == 0 && strcmp(word, "main") == 0) {
		v = value_int(254, ANOD_UNIT_NONE);
	} else {
		return 0; /* the check says what is wrong with it */
	}
	e->op = EXPR_LITERAL;
	e->lit = v;
	free(e->name);
	e->name = NULL;
	return 0;
}

static bool is_own_name(const struct agent_program *a, const char *word)
{
	return strcmp(word, AGENT_SELF) == 0 || agent_option_of(a, word) >= 0 ||
	       agent_keep_of(a, word) >= 0;
}

static bool fits(const struct anod_param *m, const struct expr *e)
{
	bool number = e->type == ANOD_INT || e->type == ANOD_REAL;

	if (e->type == ANOD_UNKNOWN)
		return true;
	if (m->type == ANOD_TEXT) /* a number stands for its digits */
		return e->type == ANOD_TEXT || (number && !m->words && !m->entity);
	if (m->type != ANOD_INT && m->type != ANOD_REAL)
		return m->type == e->type;
	if (!number)
		return false;
	return e->unit == m->unit || (e->unit == ANOD_UNIT_NONE &&
				      (expr_plain_fits(m->unit) || m->unit == ANOD_UNIT_NONE));
}

static int check_words(struct parse *p, const struct agent_arg *arg)
{
	const struct anod_param *m = arg->param;
	const char *near;

	if (!m->words)
		return 0;
	for (const char *const *w = m->words; *w; w++)
		if (strcmp(*w, arg->value->lit.u.text) == 0)
			return 0;
	near = nearest_word(arg->value->lit.u.text, m->words);
	if (near)
		return parse_error(p, &arg->value->place, "'%s' cannot be '%s'; did you mean '%s'?",
				   arg->name, arg->value->lit.u.text, near);
	return parse_error(p, &arg->value->place, "'%s' cannot be '%s'", arg->name,
			   arg->value->lit.u.text);
}

static int check_literal(struct parse *p, const struct agent_arg *arg)
{
	const struct anod_param *m = arg->param;
	const struct anod_value *v = &arg->value->lit;
	double n = v->type == ANOD_INT ? (double) v->u.i : v->u.r;

	if (arg->value->op != EXPR_LITERAL)
		return 0;
	if (v->type == ANOD_TEXT)
		return check_words(p, arg);
	if ((v->type != ANOD_INT && v->type != ANOD_REAL) || m->type != ANOD_INT ||
	    (!m->min && !m->max))
		return 0;
	if (n < (double) m->min || n > (double) m->max)
		return parse_error(p, &arg->value->place, "'%s' wants %lld to %lld", arg->name,
				   (long long) m->min, (long long) m->max);
	return 0;
}

/* Text that others control is never an argument. */
static int check_outside(struct parse *p, const struct agent_arg *arg)
{
	const struct expr *e = arg->value;
	const struct schema_attr *s =
		e->op == EXPR_FACT ? schema_attr(p->env->schema, e->kind_name, e->attr) : NULL;

	if (s && (s->flags & ANOD_VALUE_OUTSIDE))
		return parse_error(
			p, &e->place,
			"'%s.%s' is text from outside the router: it is never an argument",
			e->kind_name, e->attr);
	return 0;
}

static int check_arg(struct parse *p, struct agent_program *a, struct agent_action *x,
		     struct agent_arg *arg)
{
	struct expr *e = arg->value;
	int r = 0;

	arg->param = find_param(x->desc, arg->name);
	if (!arg->param)
		return no_such_param(p, x, arg);
	for (const struct agent_arg *before = x->arg; before < arg; before++)
		if (strcmp(before->name, arg->name) == 0)
			return parse_error(p, &arg->place, "'%s' is given twice", arg->name);
	if (e->op == EXPR_OPERAND && !is_own_name(a, e->name))
		r = take_word(p, arg, e->name);
	if (r == 0)
		r = agent_bind(p, a, e, false);
	if (r == 0)
		r = agent_must_be_local(p, e, "an argument");
	if (r < 0)
		return r;
	if (!fits(arg->param, e))
		return parse_error(p, &e->place, "'%s' of %s is %s, not %s", arg->name, x->kind,
				   expr_type_text(arg->param->type, arg->param->unit),
				   expr_type_text(e->type, e->unit));
	r = check_outside(p, arg);
	return r < 0 ? r : check_literal(p, arg);
}

int agent_check_action(struct parse *p, struct agent_program *a, struct agent_action *x)
{
	int r = 0;

	for (unsigned i = 0; p->env->actions[i] && !x->desc; i++)
		if (strcmp(p->env->actions[i]->kind, x->kind) == 0)
			x->desc = p->env->actions[i];
	if (!x->desc)
		return no_such_action(p, x);
	if (x->n_args > ANOD_ARGS_MAX)
		return parse_error(p, &x->place, "an action has at most %d arguments",
				   ANOD_ARGS_MAX);
	for (unsigned i = 0; i < x->n_args; i++) {
		int one = check_arg(p, a, x, &x->arg[i]);

		r = r < 0 ? r : one;
	}
	for (const struct anod_param *m = x->desc->params; m && m->name; m++) {
		bool there = !m->required;

		for (unsigned i = 0; i < x->n_args; i++)
			there |= strcmp(x->arg[i].name, m->name) == 0;
		if (!there)
			r = parse_error(p, &x->place, "%s: '%s' is missing", x->kind, m->name);
	}
	return r;
}
