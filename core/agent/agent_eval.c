/*
 * agent_eval - values and truths that an agent works out itself, with get() and each().
 *
 * Design.  The evaluator of core/facts without a store: each fact comes through a hook that asks
 * the host.  An entity found by "with" is looked for when it is first needed and then stays the
 * same for all that is said and done in this moment, so an action cannot mix two routes.
 */
#include "agent/run.h"

#include "facts/value.h"

static int read_fact(struct agent_run *run, uint16_t kind, uint16_t slot, const char *entity,
		     struct anod_value *ret)
{
	const struct schema_attr *a = schema_attr_at(run->a->schema, kind, slot);

	return a ? run->ctx->host->get(run->ctx, a->kind_name, entity, a->name, ret, NULL)
		 : -ENOENT;
}

/* ---- entities found by "with" ------------------------------------------------------------------ */

static bool better(const struct agent_join *j, const struct anod_value *v,
		   const struct anod_value *best)
{
	if (best->type == ANOD_UNKNOWN)
		return v->type != ANOD_UNKNOWN;
	return value_compare(j->highest ? VALUE_GT : VALUE_LT, v, best) == ANOD_TRUE;
}

/* While one is looked for, its name is that of each candidate in turn. */
static void look_for(struct agent_eye *y, unsigned i)
{
	const struct agent_join *j = &y->run->a->join[i];
	struct anod_ctx *ctx = y->run->ctx;
	struct anod_value best = value_unknown(), v = value_unknown();
	char chosen[ANOD_NAME_SIZE] = "";
	const char *name;

	y->join[i].looked = y->join[i].found = true;
	for (unsigned n = 0; n < AGENT_LOOKED_MAX; n++) {
		name = ctx->host->each(ctx, j->kind, n);
		if (!name)
			break;
		(void) copy_text(y->join[i].name, sizeof(y->join[i].name), name);
		if (expr_truth(j->where, &y->env) != ANOD_TRUE)
			continue;
		if (j->order)
			expr_value(j->order, &y->env, &v);
		if (chosen[0] && !(j->order && better(j, &v, &best)))
			continue;
		best = v;
		(void) copy_text(chosen, sizeof(chosen), y->join[i].name);
		if (!j->order)
			break;
	}
	y->join[i].found = chosen[0] != '\0';
	(void) copy_text(y->join[i].name, sizeof(y->join[i].name), chosen);
}

static const char *joined(struct agent_eye *y, const char *entity)
{
	for (unsigned i = 0; i < y->run->a->n_joins; i++) {
		if (strcmp(y->run->a->join[i].name, entity + 1) != 0)
			continue;
		if (!y->join[i].looked)
			look_for(y, i);
		return y->join[i].found ? y->join[i].name : NULL;
	}
	return NULL;
}

const char *agent_entity(struct agent_eye *y, const struct expr *e)
{
	if (!e->entity)
		return y->s->name;
	return e->entity[0] == EXPR_LOOKED_UP ? joined(y, e->entity) : e->entity;
}

/* ---- hooks --------------------------------------------------------------------------------------- */

static const char *subject(const struct expr_env *env, uint16_t kind)
{
	(void) kind;
	return ((const struct agent_eye *) env)->s->name;
}

static bool fact(const struct expr_env *env, uint16_t kind, uint16_t slot, const char *entity,
		 struct anod_value *ret)
{
	struct agent_eye *y = env->data;
	struct anod_value v = value_unknown();

	if (entity[0] == EXPR_LOOKED_UP)
		entity = joined(y, entity);
	if (!entity || read_fact(y->run, kind, slot, entity, &v) < 0 || v.type == ANOD_UNKNOWN)
		return false;
	*ret = v;
	return true;
}

static bool operand(const struct expr_env *env, const char *name, struct anod_value *ret)
{
	const struct agent_eye *y = env->data;
	int i;

	if (strcmp(name, AGENT_SELF) == 0) {
		/* A name that is too long for a text is not known, rather than another one. */
		*ret = strlen(y->s->name) < ANOD_TEXT_SIZE ? value_text(y->s->name)
							   : value_unknown();
		return ret->type != ANOD_UNKNOWN;
	}
	i = agent_option_of(y->run->a, name);
	if (i >= 0) {
		*ret = y->run->option[i];
		return true;
	}
	i = agent_keep_of(y->run->a, name);
	if (i < 0 || !y->s->keep || y->s->keep[i].type == ANOD_UNKNOWN)
		return false;
	*ret = y->s->keep[i];
	return true;
}

void agent_eye_init(struct agent_eye *y, struct agent_run *run, struct subject *s)
{
	*y = (struct agent_eye){ .run = run, .s = s };
	y->env = (struct expr_env){
		.now_us = run->ctx->host->now_us(run->ctx),
		.subject = subject,
		.operand = operand,
		.fact = fact,
		.data = y,
	};
}

enum anod_tri agent_truth(struct agent_eye *y, const struct agent_cond *c)
{
	enum anod_tri t = ANOD_TRUE, one;

	if (c->watch >= 0) {
		const struct watch_slot *w = &y->run->watch[c->watch];

		t = w->global ? w->truth : (enum anod_tri) y->s->truth[c->watch];
	}
	for (unsigned i = 0; i < c->n_local && t != ANOD_FALSE; i++) {
		one = expr_truth(c->local[i], &y->env);
		t = MIN_OF(t, one);
	}
	return t;
}

/* ---- texts for the host ------------------------------------------------------------------------- */

static void become(struct expr *e, const struct anod_value *v)
{
	e->op = EXPR_LITERAL;
	e->lit = *v;
	free(e->name);
	e->name = NULL;
}

static void put_options(const struct agent_run *run, struct expr *e)
{
	int i;

	if (!e)
		return;
	i = e->op == EXPR_OPERAND ? agent_option_of(run->a, e->name) : -1;
	if (i >= 0)
		become(e, &run->option[i]);
	put_options(run, e->a);
	put_options(run, e->b);
}

char *agent_watch_text(const struct agent_run *run, const struct agent_cond *c)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	bool bad = !f;

	for (unsigned i = 0; i < c->n_watched && !bad; i++) {
		_cleanup_(expr_freep) struct expr *e = expr_copy(c->watched[i]);
		_cleanup_(freep) char *part = NULL;

		put_options(run, e);
		part = e ? expr_format(e) : NULL;
		bad = !part;
		if (part)
			(void) fprintf(f, c->n_watched > 1 ? "%s(%s)" : "%s%s", i ? " and " : "",
				       part);
	}
	if (f && fclose(f) != 0)
		bad = true;
	if (!bad)
		return text;
	free(text);
	return NULL;
}

/* Facts of links and paths without a name are those of the action's link, as in a permit. */
static bool is_actions(const struct agent_program *a, const struct expr *e)
{
	return strcmp(e->kind_name, a->kind) != 0 &&
	       (strcmp(e->kind_name, "link") == 0 || strcmp(e->kind_name, "path") == 0);
}

static int put_entity(struct agent_eye *y, struct expr *e)
{
	const char *name = e->entity ? joined(y, e->entity) : y->s->name;
	char *copy = name ? strdup(name) : NULL;

	if (!copy)
		return name ? -ENOMEM : -EINVAL;
	free(e->entity);
	e->entity = copy;
	return 0;
}

static int put_names(struct agent_eye *y, struct expr *e)
{
	struct anod_value v;
	int r;

	if (!e)
		return 0;
	if (e->op == EXPR_COUNT) { /* its facts are of the ones counted */
		put_options(y->run, e);
		return 0;
	}
	if (e->op == EXPR_OPERAND) {
		if (!operand(&y->env, e->name, &v))
			return -EINVAL;
		become(e, &v);
	}
	if (e->op == EXPR_FACT &&
	    (e->entity ? agent_join_of(y->run->a, e) >= 0 : !is_actions(y->run->a, e))) {
		r = put_entity(y, e);
		if (r < 0)
			return r;
	}
	r = put_names(y, e->a);
	return r < 0 ? r : put_names(y, e->b);
}

int agent_verify_text(struct agent_eye *y, const struct expr *e, char *buf, size_t size)
{
	_cleanup_(expr_freep) struct expr *copy = expr_copy(e);
	_cleanup_(freep) char *text = NULL;
	int r = copy ? put_names(y, copy) : -ENOMEM;

	if (r < 0)
		return r;
	text = expr_format(copy);
	if (!text)
		return -ENOMEM;
	return copy_text(buf, size, text) ? 0 : -E2BIG;
}

/* ---- sentences ----------------------------------------------------------------------------------- */

void agent_say(struct agent_eye *y, const struct agent_text *t, char *buf, size_t size)
{
	char all[4 * ANOD_REASON_SIZE], word[ANOD_TEXT_SIZE + 32];
	size_t n = 0;

	all[0] = '\0';
	for (unsigned i = 0; i < t->n && n < sizeof(all); i++) {
		const char *text = t->piece[i].text;
		struct anod_value v;

		if (!text) {
			expr_value(t->piece[i].value, &y->env, &v);
			text = v.type == ANOD_TEXT ? v.u.text : value_show(&v, word, sizeof(word));
		}
		n += (size_t) snprintf(all + n, sizeof(all) - n, "%s", text);
	}
	clean_text(all);
	(void) copy_text(buf, size, all);
}
