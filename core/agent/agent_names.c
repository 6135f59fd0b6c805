/*
 * agent_names - what names mean in the expressions of an agent.
 *
 * Design.  Beside facts there are the subject's name, options, kept values, and entities found by
 * "with".  The last are written like facts (r.metric) and become facts of a fixed entity with a
 * name that no entity can have; whoever evaluates them puts the right one in its place.  A bare
 * word that is one of these names is that, also where the grammar would take it for a text.
 */
#include "agent/program.h"

#include "facts/value.h"

int agent_option_of(const struct agent_program *a, const char *name)
{
	for (unsigned i = 0; i < a->n_options; i++)
		if (a->option[i].name && strcmp(a->option[i].name, name) == 0)
			return (int) i;
	return -1;
}

int agent_keep_of(const struct agent_program *a, const char *name)
{
	for (unsigned i = 0; i < a->n_keeps; i++)
		if (a->keep[i].name && strcmp(a->keep[i].name, name) == 0)
			return (int) i;
	return -1;
}

static int join_named(const struct agent_program *a, const char *name)
{
	for (unsigned i = 0; i < a->n_joins; i++)
		if (a->join[i].name && strcmp(a->join[i].name, name) == 0)
			return (int) i;
	return -1;
}

int agent_join_of(const struct agent_program *a, const struct expr *fact)
{
	if (fact->op != EXPR_FACT || !fact->entity || fact->entity[0] != EXPR_LOOKED_UP)
		return -1;
	return join_named(a, fact->entity + 1);
}

static bool is_own_name(const struct agent_program *a, const char *word)
{
	return strcmp(word, AGENT_SELF) == 0 || agent_option_of(a, word) >= 0 ||
	       agent_keep_of(a, word) >= 0;
}

/* ---- before the check: words and joins -------------------------------------------------------- */

static int resolve_join(struct parse *p, const struct agent_program *a, struct expr *e)
{
	int j = join_named(a, e->kind_name);
	char *kind, *entity;

	if (j < 0 || e->entity || !a->join[j].kind)
		return 0;
	kind = strdup(a->join[j].kind);
	if (!kind || asprintf(&entity, "%c%s", EXPR_LOOKED_UP, a->join[j].name) < 0) {
		free(kind);
		return parse_no_memory(p);
	}
	free(e->kind_name);
	e->kind_name = kind;
	e->entity = entity;
	return 0;
}

/* Of "host" there is one entity, as of "traffic". */
static int resolve_only_one(struct parse *p, const struct agent_program *a, struct expr *e)
{
	if (e->entity || strcmp(e->kind_name, "host") != 0 ||
	    (a->kind && strcmp(a->kind, "host") == 0))
		return 0;
	e->entity = strdup("self");
	return e->entity ? 0 : parse_no_memory(p);
}

static int resolve(struct parse *p, const struct agent_program *a, struct expr *e)
{
	int r = 0, r2;

	if (!e)
		return 0;
	if (e->op == EXPR_LITERAL && e->bare && is_own_name(a, e->lit.u.text)) {
		e->name = strdup(e->lit.u.text);
		if (!e->name)
			return parse_no_memory(p);
		e->op = EXPR_OPERAND;
	}
	if (e->op == EXPR_FACT && e->kind_name) {
		r = resolve_join(p, a, e);
		if (r == 0)
			r = resolve_only_one(p, a, e);
	}
	r2 = resolve(p, a, e->a);
	r = r < 0 ? r : r2;
	r2 = resolve(p, a, e->b);
	return r < 0 ? r : r2;
}

/* ---- the check ----------------------------------------------------------------------------------- */

static bool operand(const struct expr_scope *s, const char *name, uint8_t *ret_type,
		    uint8_t *ret_unit)
{
	const struct agent_program *a = s->data;
	int i;

	if (strcmp(name, AGENT_SELF) == 0) {
		*ret_type = ANOD_TEXT;
		*ret_unit = ANOD_UNIT_NONE;
		return true;
	}
	i = agent_option_of(a, name);
	if (i >= 0) {
		*ret_type = a->option[i].dflt.type;
		*ret_unit = a->option[i].dflt.unit;
		return true;
	}
	i = agent_keep_of(a, name);
	if (i < 0 || !a->keep[i].value)
		return false;
	*ret_type = a->keep[i].value->type;
	*ret_unit = a->keep[i].value->unit;
	return true;
}

static int bind_as(struct parse *p, struct agent_program *a, struct expr *e, bool truth,
		   bool before)
{
	const char *names[2 + AGENT_OPTIONS_MAX + AGENT_KEEPS_MAX] = { AGENT_SELF };
	struct expr_scope scope = {
		.schema = p->env->schema,
		.operand = operand,
		.names = names,
		.must_exist = true,
		.before_allowed = before,
		.data = a,
	};
	unsigned n = 1;
	int r = resolve(p, a, e);

	for (unsigned i = 0; i < a->n_options; i++)
		if (a->option[i].name)
			names[n++] = a->option[i].name;
	for (unsigned i = 0; i < a->n_keeps; i++)
		if (a->keep[i].name)
			names[n++] = a->keep[i].name;
	return r < 0 ? r : expr_check(e, &scope, truth, p->diags);
}

int agent_bind(struct parse *p, struct agent_program *a, struct expr *e, bool truth)
{
	return bind_as(p, a, e, truth, false);
}

int agent_bind_verify(struct parse *p, struct agent_program *a, struct expr *e)
{
	return bind_as(p, a, e, true, true);
}

/* ---- conditions ------------------------------------------------------------------------------------ */

struct look {
	const struct agent_program *a;
	const struct expr *local;  /* something that only the agent can evaluate */
	const struct expr *remote; /* something that only the host can */
	const struct expr *fact;
};

static bool remote(const struct expr *e)
{
	return e->op == EXPR_CALL || e->op == EXPR_COUNT || e->op == EXPR_FOR ||
	       e->op == EXPR_WITHIN || e->op == EXPR_IN_SET || e->op == EXPR_FORMERLY ||
	       e->op == EXPR_BEFORE || (e->op == EXPR_OVERLAPS && !e->b);
}

static void look_at(const struct expr *e, void *data)
{
	struct look *l = data;

	if (!l->remote && remote(e))
		l->remote = e;
	if (e->op == EXPR_FACT && !l->fact)
		l->fact = e;
	if (l->local)
		return;
	if (e->op == EXPR_OPERAND && agent_option_of(l->a, e->name) < 0)
		l->local = e;
	else if (agent_join_of(l->a, e) >= 0)
		l->local = e;
}

int agent_must_be_local(struct parse *p, const struct expr *e, const char *what)
{
	struct agent_program none = { 0 };
	struct look l = { .a = &none };
	_cleanup_(freep) char *text = NULL;

	expr_walk(e, look_at, &l);
	if (!l.remote)
		return 0;
	text = expr_format(l.remote);
	return parse_error(p, &l.remote->place,
			   "'%s' can stand in conditions only: for %s an agent reads facts as they "
			   "are",
			   text ? text : "this", what);
}

static uint16_t subject_kind(const struct parse *p, const struct agent_program *a)
{
	return schema_kind_id(p->env->schema, a->kind);
}

/* Watches are about the kind of their first fact without a name: let it be the subject's. */
static void lead_with(struct expr *e, uint16_t kind)
{
	struct expr *a = e->a;

	if (e->op != EXPR_AND && e->op != EXPR_OR)
		return;
	lead_with(e->a, kind);
	lead_with(e->b, kind);
	if (watch_subject_kind(e->a) == kind || watch_subject_kind(e->b) != kind)
		return;
	e->a = e->b;
	e->b = a;
}

static int add_part(struct parse *p, struct agent_program *a, struct agent_cond *c, struct expr *e,
		    const char *clause, bool may_be_local)
{
	uint16_t kind = subject_kind(p, a);
	struct look l = { .a = a };

	expr_walk(e, look_at, &l);
	if (c->n_local + c->n_watched == AGENT_PARTS_MAX)
		return parse_error(p, &e->place, "the condition has more than %d parts",
				   AGENT_PARTS_MAX);
	if (l.local && l.remote)
		return parse_error(
			p, &l.remote->place,
			"this cannot be asked together with '%s', which is looked up when "
			"the agent acts: put an 'and' between them",
			l.local->op == EXPR_OPERAND ? l.local->name : l.local->entity + 1);
	if (l.local && l.fact && !may_be_local)
		return parse_error(
			p, &l.local->place,
			"'%s' is looked up when the agent acts, and '%s' must be known "
			"all the time: ask it behind a proposal, or ask for facts of the "
			"%s itself",
			l.local->op == EXPR_OPERAND ? l.local->name : l.local->entity + 1, clause,
			a->kind);
	if (l.local || (!l.fact && !l.remote)) {
		c->local[c->n_local++] = e;
		return 0;
	}
	lead_with(e, kind);
	c->watched[c->n_watched++] = e;
	/* The part that is about the subject comes first. */
	if (watch_subject_kind(c->watched[0]) != kind && watch_subject_kind(e) == kind) {
		c->watched[c->n_watched - 1] = c->watched[0];
		c->watched[0] = e;
	}
	return 0;
}

static int cut(struct parse *p, struct agent_program *a, struct agent_cond *c, struct expr *e,
	       const char *clause, bool may_be_local)
{
	int r;

	if (e->op != EXPR_AND)
		return add_part(p, a, c, e, clause, may_be_local);
	r = cut(p, a, c, e->a, clause, may_be_local);
	return r < 0 ? r : cut(p, a, c, e->b, clause, may_be_local);
}

int agent_bind_cond(struct parse *p, struct agent_program *a, struct agent_cond *c,
		    const char *clause, bool may_be_local, bool about)
{
	int r;

	if (!c->expr)
		return 0;
	r = agent_bind(p, a, c->expr, true);
	if (r == 0)
		r = cut(p, a, c, c->expr, clause, may_be_local);
	if (r < 0)
		return r;
	if (about && (!c->n_watched || watch_subject_kind(c->watched[0]) != subject_kind(p, a)))
		return parse_error(p, &c->place,
				   "'%s' asks for no fact of the %s itself: write a condition on "
				   "%s.ATTRIBUTE",
				   clause, a->kind, a->kind);
	if (!c->n_watched)
		return 0;
	if (a->n_watches == AGENT_WATCHES_MAX)
		return parse_error(p, &c->place, "an agent has at most %d conditions",
				   AGENT_WATCHES_MAX);
	c->watch = (int) a->n_watches;
	a->watch[a->n_watches++] = c;
	return 0;
}
