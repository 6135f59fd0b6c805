/*
 * agent_check - a declarative agent against facts and actions, once it is parsed.
 *
 * Design.  Everything is looked at, also behind a mistake, so that one run names them all.  The
 * order is that of dependence: kept values are typed before what uses them.
 */
#include "agent/program.h"

#include "facts/value.h"

/* The first error counts; all have been reported. */
static int both(int a, int b)
{
	return a < 0 ? a : b;
}

static int check_kind(struct parse *p, const char *kind, const struct lex_place *place)
{
	const char *near;

	if (schema_kind_id(p->env->schema, kind))
		return 0;
	near = nearest_word(kind, schema_kind_names(p->env->schema));
	if (near)
		return parse_error(p, place, "there is no kind '%s'; did you mean '%s'?", kind,
				   near);
	return parse_error(p, place,
			   "there is no kind '%s': no sensor that is installed provides it", kind);
}

/* ---- options, names --------------------------------------------------------------------------- */

static bool is_number(const struct anod_value *v)
{
	return v->type == ANOD_INT || v->type == ANOD_REAL;
}

static double number(const struct anod_value *v)
{
	return v->type == ANOD_INT ? (double) v->u.i : v->u.r;
}

static int check_bounds(struct parse *p, const struct agent_option *o)
{
	if (o->min.type == ANOD_UNKNOWN)
		return 0;
	if (!is_number(&o->dflt))
		return parse_error(p, &o->place, "option '%s' is %s, which has no range", o->name,
				   expr_type_text(o->dflt.type, o->dflt.unit));
	if ((o->min.unit != o->dflt.unit && number(&o->min) != 0) ||
	    (o->max.unit != o->dflt.unit && number(&o->max) != 0))
		return parse_error(p, &o->place, "option '%s' is %s, and its range is not", o->name,
				   expr_type_text(o->dflt.type, o->dflt.unit));
	if (number(&o->min) >= number(&o->max))
		return parse_error(p, &o->place, "the range of option '%s' is empty", o->name);
	if (number(&o->dflt) < number(&o->min) || number(&o->dflt) > number(&o->max))
		return parse_error(p, &o->place, "the default of option '%s' is outside its range",
				   o->name);
	return 0;
}

static int name_taken(struct parse *p, const struct lex_place *place, const char *name,
		      const char *as)
{
	return parse_error(p, place, "'%s' is %s already; choose another name", name, as);
}

static int check_name(struct parse *p, const struct agent_program *a, const struct lex_place *place,
		      const char *name, unsigned n_options, unsigned n_keeps, unsigned n_joins)
{
	if (strcmp(name, AGENT_SELF) == 0)
		return name_taken(p, place, name, "the name of the subject");
	for (unsigned i = 0; i < n_options; i++)
		if (strcmp(a->option[i].name, name) == 0)
			return name_taken(p, place, name, "an option");
	for (unsigned i = 0; i < n_keeps; i++)
		if (strcmp(a->keep[i].name, name) == 0)
			return name_taken(p, place, name, "a kept value");
	for (unsigned i = 0; i < n_joins; i++)
		if (strcmp(a->join[i].name, name) == 0)
			return name_taken(p, place, name, "an entity found by 'with'");
	return 0;
}

static int check_names(struct parse *p, const struct agent_program *a)
{
	int r = 0;

	for (unsigned i = 0; i < a->n_options; i++) {
		r = both(r, check_name(p, a, &a->option[i].place, a->option[i].name, i, 0, 0));
		r = both(r, check_bounds(p, &a->option[i]));
	}
	for (unsigned i = 0; i < a->n_keeps; i++)
		r = both(r,
			 check_name(p, a, &a->keep[i].place, a->keep[i].name, a->n_options, i, 0));
	for (unsigned i = 0; i < a->n_joins; i++) {
		const struct agent_join *j = &a->join[i];

		r = both(r, check_name(p, a, &j->place, j->name, a->n_options, a->n_keeps, i));
		if (schema_kind_id(p->env->schema, j->name))
			r = both(r, name_taken(p, &j->place, j->name, "a kind of entity"));
	}
	return r;
}

/* ---- what reads -------------------------------------------------------------------------------- */

struct later {
	const struct agent_program *a;
	int from;
	const struct expr *found;
};

static void look_later(const struct expr *e, void *data)
{
	struct later *l = data;

	if (!l->found && agent_join_of(l->a, e) > l->from)
		l->found = e;
}

/* One is looked up after the other, so that it ends. */
static int check_order(struct parse *p, const struct agent_program *a, unsigned i)
{
	struct later l = { .a = a, .from = (int) i };

	expr_walk(a->join[i].where, look_later, &l);
	if (a->join[i].order)
		expr_walk(a->join[i].order, look_later, &l);
	if (!l.found)
		return 0;
	return parse_error(p, &l.found->place, "'%s' is found further below: put its 'with' above",
			   l.found->entity + 1);
}

static int check_joins(struct parse *p, struct agent_program *a)
{
	int r = 0;

	for (unsigned i = 0; i < a->n_joins; i++) {
		struct agent_join *j = &a->join[i];
		int one = check_kind(p, j->kind, &j->place);

		if (one == 0)
			one = agent_bind(p, a, j->where, true);
		if (one == 0)
			one = agent_must_be_local(p, j->where, "'with'");
		if (one == 0 && j->order)
			one = agent_bind(p, a, j->order, false);
		if (one == 0 && j->order)
			one = agent_must_be_local(p, j->order, "'with'");
		if (one == 0 && j->order && j->order->type != ANOD_INT &&
		    j->order->type != ANOD_REAL)
			one = parse_error(p, &j->order->place, "only numbers have a %s one",
					  j->highest ? "highest" : "lowest");
		if (one == 0)
			one = check_order(p, a, i);
		r = both(r, one);
	}
	return r;
}

static int check_keeps(struct parse *p, struct agent_program *a)
{
	int r = 0;

	for (unsigned i = 0; i < a->n_keeps; i++) {
		int one = agent_bind(p, a, a->keep[i].value, false);

		if (one == 0)
			one = agent_must_be_local(p, a->keep[i].value, "a value to keep");
		r = both(r, one);
	}
	return r;
}

static int check_conditions(struct parse *p, struct agent_program *a)
{
	int r = agent_bind_cond(p, a, &a->where, "where", false, false);

	for (unsigned i = 0; i < a->n_rivals; i++)
		r = both(r, agent_bind_cond(p, a, &a->rival[i].when, "rival", true, false));
	for (unsigned i = 0; i < a->n_suppress; i++)
		r = both(r, agent_bind_cond(p, a, &a->suppress[i].when, "suppress", true, false));
	for (unsigned i = 0; i < a->n_proposals; i++)
		r = both(r, agent_bind_cond(p, a, &a->proposal[i].when, "when", true, false));
	for (unsigned i = 0; i < a->n_restores; i++)
		r = both(r, agent_bind_cond(p, a, &a->restore[i].when, "when", true, false));
	r = both(r, agent_bind_cond(p, a, &a->clear, "clear", false, false));
	/* Last, so that at the start its truth comes behind that of all the others. */
	return both(r, agent_bind_cond(p, a, &a->when, "when", false, true));
}

static int check_evidence(struct parse *p, struct agent_program *a)
{
	int r = 0;

	for (unsigned i = 0; i < a->n_refs; i++) {
		struct expr *e = a->ref[i];
		int one = agent_bind(p, a, e, false);

		if (one == 0 && e->op != EXPR_FACT)
			one = parse_error(p, &e->place,
					  "evidence is a list of facts such as link.rx_crc_errors");
		r = both(r, one);
	}
	return r;
}

/* ---- what acts ----------------------------------------------------------------------------------- */

static int check_verify(struct parse *p, struct agent_program *a, struct agent_proposal *o)
{
	_cleanup_(freep) char *text = NULL;
	int r;

	if (!o->verify)
		return 0;
	r = agent_bind_verify(p, a, o->verify);
	if (r < 0)
		return r;
	text = expr_format(o->verify);
	if (!text)
		return parse_no_memory(p);
	if (strlen(text) >= ANOD_REASON_SIZE)
		return parse_error(
			p, &o->verify->place,
			"the condition behind 'verify' is longer than %d bytes; the rest "
			"belongs into the permit",
			ANOD_REASON_SIZE - 1);
	return 0;
}

static int check_proposal(struct parse *p, struct agent_program *a, struct agent_proposal *o)
{
	int r = 0;

	for (unsigned i = 0; i < o->n_actions; i++)
		r = both(r, agent_check_action(p, a, &o->action[i]));
	r = both(r, agent_text_check(p, a, &o->reason));
	r = both(r, agent_text_check(p, a, &o->expect));
	return both(r, check_verify(p, a, o));
}

/* The sensor must be one that can be asked; a cell knows none, and need not look again. */
static int check_sensor(struct parse *p, const struct agent_action *x)
{
	const char *names[256] = { 0 }, *near;
	unsigned n = 0;

	for (unsigned i = 0; p->env->plugins[i] && n < ARRAY_SIZE(names) - 1; i++)
		if ((p->env->plugins[i]->roles & ANOD_SENSOR) && p->env->plugins[i]->sense)
			names[n++] = p->env->plugins[i]->name;
	for (unsigned i = 0; i < n; i++)
		if (strcmp(names[i], x->kind) == 0)
			return 0;
	if (!p->env->plugins[0])
		return 0;
	near = nearest_word(x->kind, names);
	return parse_error(p, &x->place,
			   near ? "there is no sensor '%s' that can be asked; did you mean '%s'?"
				: "there is no sensor '%s' that can be asked",
			   x->kind, near);
}

static int check_sense_arg(struct parse *p, struct agent_program *a, struct expr *e)
{
	int r;

	if (e->op == EXPR_OPERAND && strcmp(e->name, AGENT_SELF) != 0 &&
	    agent_option_of(a, e->name) < 0 && agent_keep_of(a, e->name) < 0) {
		e->op = EXPR_LITERAL;
		e->lit = value_text(e->name);
		free(e->name);
		e->name = NULL;
	}
	r = agent_bind(p, a, e, false);
	return r < 0 ? r : agent_must_be_local(p, e, "an argument");
}

static int check_senses(struct parse *p, struct agent_program *a)
{
	int r = 0;

	for (unsigned i = 0; i < a->n_senses; i++) {
		const struct agent_action *x = &a->sense[i];

		r = both(r, check_sensor(p, x));
		if (x->n_args > ANOD_ARGS_MAX)
			r = both(r,
				 parse_error(p, &x->place, "at most %d arguments", ANOD_ARGS_MAX));
		for (unsigned k = 0; k < x->n_args; k++)
			r = both(r, check_sense_arg(p, a, x->arg[k].value));
	}
	return r;
}

int agent_check(struct parse *p, struct agent_program *a)
{
	int r = check_kind(p, a->kind, &a->kind_place);

	r = both(r, check_names(p, a));
	if (r < 0)
		return r; /* whatever follows would follow from this */
	r = check_joins(p, a);
	r = both(r, check_keeps(p, a));
	r = both(r, check_conditions(p, a));
	r = both(r, agent_text_check(p, a, &a->sentence));
	r = both(r, check_evidence(p, a));
	for (unsigned i = 0; i < a->n_proposals; i++)
		r = both(r, check_proposal(p, a, &a->proposal[i]));
	for (unsigned i = 0; i < a->n_restores; i++)
		r = both(r, check_proposal(p, a, &a->restore[i]));
	r = both(r, check_senses(p, a));
	if (r == 0 && a->n_restores && !a->n_proposals)
		r = parse_error(p, &a->restore[0].place,
				"there is nothing to restore: the agent proposes nothing");
	return r < 0 ? r : agent_check_never(p, a);
}
