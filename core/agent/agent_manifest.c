/*
 * agent_manifest - what a declarative agent reads, proposes and can be told; and its end.
 *
 * Design.  Derived from the text and not written by anybody, so it can neither claim too much nor
 * forget something.  Its event() is for entities that go; what else it has to know it watches.
 */
#include "agent/program.h"

#include "facts/value.h"

struct list {
	char **word;
	unsigned n;
	int error;
};

static void add(struct list *l, const char *kind, const char *attr)
{
	char text[2 * ANOD_KIND_SIZE + 2];
	char **slot;

	(void) snprintf(text, sizeof(text), "%s%s%s", kind, attr ? "." : "", attr ? attr : "");
	for (unsigned i = 0; i < l->n; i++)
		if (strcmp(l->word[i], text) == 0)
			return;
	slot = ARRAY_APPEND(l->word, l->n);
	if (slot)
		*slot = strdup(text);
	if (!slot || !*slot)
		l->error = -ENOMEM;
}

static void add_reads(const struct expr *e, void *data)
{
	struct list *l = data;

	if (e->op == EXPR_FACT && e->kind_name && e->attr)
		add(l, e->kind_name, e->attr);
	if (e->op != EXPR_COUNT || e->fn >= EXPR_FN_MIN || !e->kind_name)
		return;
	if (e->up) {
		add(l, e->kind_name, "admin_up");
		add(l, e->kind_name, "carrier");
	}
	if (!e->b && !e->up)
		add(l, e->kind_name, "*");
}

static void walk(struct list *l, const struct expr *e)
{
	if (e)
		expr_walk(e, add_reads, l);
}

static void walk_text(struct list *l, const struct agent_text *t)
{
	for (unsigned i = 0; i < t->n; i++)
		walk(l, t->piece[i].value);
}

static void walk_action(struct list *l, const struct agent_action *x)
{
	for (unsigned i = 0; i < x->n_args; i++)
		walk(l, x->arg[i].value);
}

static void walk_proposal(struct list *l, const struct agent_proposal *o)
{
	for (unsigned i = 0; i < o->n_actions; i++)
		walk_action(l, &o->action[i]);
	walk(l, o->when.expr);
	walk_text(l, &o->reason);
	walk_text(l, &o->expect);
}

static void collect_reads(const struct agent_program *a, struct list *l)
{
	walk(l, a->where.expr);
	walk(l, a->when.expr);
	walk(l, a->clear.expr);
	walk_text(l, &a->sentence);
	for (unsigned i = 0; i < a->n_joins; i++) {
		walk(l, a->join[i].where);
		walk(l, a->join[i].order);
	}
	for (unsigned i = 0; i < a->n_keeps; i++)
		walk(l, a->keep[i].value);
	for (unsigned i = 0; i < a->n_rivals; i++)
		walk(l, a->rival[i].when.expr);
	for (unsigned i = 0; i < a->n_suppress; i++)
		walk(l, a->suppress[i].when.expr);
	for (unsigned i = 0; i < a->n_refs; i++)
		walk(l, a->ref[i]);
	for (unsigned i = 0; i < a->n_proposals; i++)
		walk_proposal(l, &a->proposal[i]);
	for (unsigned i = 0; i < a->n_restores; i++)
		walk_proposal(l, &a->restore[i]);
	for (unsigned i = 0; i < a->n_senses; i++)
		walk_action(l, &a->sense[i]);
}

/* NULL-ended. */
static int finish(struct list *l, char ***ret)
{
	char **slot = ARRAY_APPEND(l->word, l->n);

	*ret = l->word;
	return slot ? l->error : -ENOMEM;
}

/* As it would be written. */
static void quote(const char *text, char *to, size_t size)
{
	size_t n = 0;

	to[n++] = '"';
	for (; *text && n + 3 < size; text++) {
		if (*text == '"' || *text == '\\')
			to[n++] = '\\';
		to[n++] = *text;
	}
	to[n++] = '"';
	to[n] = '\0';
}

static int make_opt(const struct agent_option *o, struct anod_opt *ret)
{
	char text[2 * ANOD_TEXT_SIZE + 32];
	bool bounds = o->min.type != ANOD_UNKNOWN;
	char *dflt;

	if (o->dflt.type == ANOD_TEXT)
		quote(o->dflt.u.text, text, sizeof(text));
	else
		(void) value_format(&o->dflt, text, sizeof(text));
	dflt = strdup(text);
	*ret = (struct anod_opt){
		.name = o->name,
		.type = o->dflt.type,
		.unit = o->dflt.unit,
		.dflt = dflt,
		.min = !bounds			 ? 0
		       : o->min.type == ANOD_INT ? (double) o->min.u.i
						 : o->min.u.r,
		.max = !bounds			 ? 0
		       : o->max.type == ANOD_INT ? (double) o->max.u.i
						 : o->max.u.r,
		.help = o->help,
	};
	return dflt ? 0 : -ENOMEM;
}

int agent_make_manifest(struct agent_program *a)
{
	struct list reads = { 0 }, proposes = { 0 }, senses = { 0 };
	int r = 0;

	collect_reads(a, &reads);
	for (unsigned i = 0; i < a->n_proposals; i++)
		for (unsigned k = 0; k < a->proposal[i].n_actions; k++)
			add(&proposes, a->proposal[i].action[k].kind, NULL);
	for (unsigned i = 0; i < a->n_restores; i++)
		for (unsigned k = 0; k < a->restore[i].n_actions; k++)
			add(&proposes, a->restore[i].action[k].kind, NULL);
	for (unsigned i = 0; i < a->n_senses; i++)
		add(&senses, a->sense[i].kind, NULL);
	r = MIN_OF(r, finish(&reads, &a->reads));
	r = MIN_OF(r, finish(&proposes, &a->proposes));
	r = MIN_OF(r, finish(&senses, &a->senses));
	a->opts = calloc(a->n_options + 1, sizeof(*a->opts));
	if (!a->opts)
		return -ENOMEM;
	for (unsigned i = 0; i < a->n_options && r >= 0; i++)
		r = make_opt(&a->option[i], &a->opts[i]);
	if (!a->summary)
		a->summary = strdup("");
	a->manifest = (struct anod_plugin){
		.size = sizeof(a->manifest),
		.roles = ANOD_AGENT,
		.name = a->name,
		.version = ANOD_VERSION,
		.summary = a->summary,
		.opts = a->opts,
		.reads = (const char *const *) a->reads,
		.proposes = (const char *const *) a->proposes,
		.senses = (const char *const *) a->senses,
		.init = agent_run_init,
		.start = agent_run_start,
		.stop = agent_run_stop,
		.fini = agent_run_fini,
		.event = agent_run_event,
	};
	return a->summary ? r : -ENOMEM;
}

/* ---- the end ---------------------------------------------------------------------------------------- */

static void free_words(char **list)
{
	for (char **w = list; w && *w; w++)
		free(*w);
	free(list);
}

static void action_done(struct agent_action *x)
{
	for (unsigned i = 0; i < x->n_args; i++) {
		free(x->arg[i].name);
		expr_free(x->arg[i].value);
	}
	free(x->arg);
	free(x->kind);
}

static void proposal_done(struct agent_proposal *o)
{
	for (unsigned i = 0; i < o->n_actions; i++)
		action_done(&o->action[i]);
	expr_free(o->when.expr);
	agent_text_done(&o->reason);
	agent_text_done(&o->expect);
	expr_free(o->verify);
}

static void manifest_done(struct agent_program *a)
{
	for (unsigned i = 0; a->opts && i < a->n_options; i++)
		free((char *) (uintptr_t) a->opts[i].dflt);
	free(a->opts);
	free_words(a->reads);
	free_words(a->proposes);
	free_words(a->senses);
}

static void names_done(struct agent_program *a)
{
	for (unsigned i = 0; i < a->n_options; i++) {
		free(a->option[i].name);
		free(a->option[i].help);
	}
	for (unsigned i = 0; i < a->n_joins; i++) {
		free(a->join[i].name);
		free(a->join[i].kind);
		expr_free(a->join[i].where);
		expr_free(a->join[i].order);
	}
	for (unsigned i = 0; i < a->n_keeps; i++) {
		free(a->keep[i].name);
		expr_free(a->keep[i].value);
	}
}

struct agent_program *agent_program_free(struct agent_program *a)
{
	if (!a)
		return NULL;

	manifest_done(a);
	names_done(a);
	for (unsigned i = 0; i < a->n_rivals; i++) {
		free(a->rival[i].code);
		expr_free(a->rival[i].when.expr);
	}
	for (unsigned i = 0; i < a->n_suppress; i++) {
		expr_free(a->suppress[i].when.expr);
		free(a->suppress[i].why);
	}
	for (unsigned i = 0; i < ANOD_REFS_MAX; i++)
		expr_free(a->ref[i]);
	for (unsigned i = 0; i < a->n_proposals; i++)
		proposal_done(&a->proposal[i]);
	for (unsigned i = 0; i < a->n_restores; i++)
		proposal_done(&a->restore[i]);
	for (unsigned i = 0; i < a->n_senses; i++)
		action_done(&a->sense[i]);
	expr_free(a->where.expr);
	expr_free(a->when.expr);
	expr_free(a->clear.expr);
	agent_text_done(&a->sentence);
	free(a->clear_why);
	free(a->name);
	free(a->summary);
	free(a->kind);
	free(a->code);
	free(a);
	return NULL;
}
