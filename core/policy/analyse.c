/*
 * analyse - the list of findings, and what its parts share.
 *
 * Design.  Each check is a walk over the configuration that adds findings; none knows of another,
 * but a rule that never counts is mute for the checks behind the first.  A region that is larger
 * than its limits leaves its question undecided, which is a note.
 */
#include "policy/analyse_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

void findings_done(struct findings *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		free(l->item[i].text);
		free(l->item[i].cure);
	}
	free(l->item);
	*l = (struct findings){ 0 };
}

static struct finding *new_finding(struct findings *l)
{
	struct finding *grown;

	if (l->n == FINDINGS_MAX) {
		l->n_dropped++;
		return NULL;
	}
	grown = realloc(l->item, (l->n + 1) * sizeof(*grown));
	if (!grown) {
		l->no_memory = true;
		return NULL;
	}
	l->item = grown;
	return &l->item[l->n++];
}

void find(struct analysis *a, enum finding_level level, const char *check,
	  const struct lex_place *place, const char *fmt, ...)
{
	char text[2048], *bar;
	struct finding *f;
	va_list args;

	if (level == FINDING_NOTE && !a->in->notes)
		return;
	f = new_finding(a->out);
	if (!f)
		return;
	va_start(args, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	bar = strrchr(text, '|');
	if (bar)
		*bar = '\0';
	*f = (struct finding){ .level = level,
			       .check = check,
			       .place = *place,
			       .text = strdup(text),
			       .cure = strdup(bar ? bar + 1 : "") };
	a->out->no_memory |= !f->text || !f->cure;
}

const char *rule_word(const struct policy_rule *r)
{
	static const char *const words[] = { "rule", "permit", "forbid", "cap" };

	return words[r->kind];
}

enum level rule_top(const struct policy_rule *r)
{
	return r->kind == RULE_PERMIT ? MAX_OF(r->level, r->promote.to) : r->level;
}

/* ---- pairs --------------------------------------------------------------------------------- */

static bool depends_on_kind(const struct space *s)
{
	for (unsigned i = 0; i < s->n_vars; i++)
		if (strncmp(s->var[i].key, "action.", 7) == 0 ||
		    strcmp(s->var[i].key, "on link") == 0)
			return true;
	return false;
}

int pair_open(struct analysis *x, const struct policy_rule *a, const struct policy_rule *b,
	      struct pair *ret)
{
	const struct config_env *env = x->in->env;
	int r;

	*ret = (struct pair){ .a = a, .b = b };
	ret->space = space_new(x->in->config, env->schema);
	if (!ret->space)
		return -ENOMEM;
	r = guard_note(ret->space, a);
	if (r == 0 && b != a)
		r = guard_note(ret->space, b);
	for (unsigned i = 0; r == 0 && env->actions[i]; i++)
		r = guard_note_kind(ret->space, env->actions[i]);
	if (r == 0)
		r = space_seal(ret->space);
	ret->by_kind = depends_on_kind(ret->space);
	return r;
}

void pair_done(struct pair *p)
{
	p->space = space_free(p->space);
}

const char *agent_name(const struct analysis *x, unsigned i)
{
	return config_proposer(x->in->config, i);
}

int pair_agent(const struct analysis *x, const struct pair *p, unsigned i)
{
	const struct config *c = x->in->config;

	if (!config_proposer(c, 0))
		return i == 0 && p->a->n_agents == 0 && p->b->n_agents == 0 ? 0 : -1;
	for (; config_proposer(c, i); i++)
		if (guard_names_agent(x->policy, p->a, config_proposer(c, i)) &&
		    guard_names_agent(x->policy, p->b, config_proposer(c, i)))
			return (int) i;
	return -1;
}

int pair_kind(const struct analysis *x, const struct pair *p, unsigned i)
{
	const struct anod_action_desc *const *k = x->in->env->actions;

	/* Where kinds do not matter, the first stands for all. */
	for (unsigned n = 0; k[n]; n++) {
		if (!guard_names_kind(p->a, k[n]->kind) || !guard_names_kind(p->b, k[n]->kind))
			continue;
		if (n >= i)
			return (int) n;
		if (!p->by_kind)
			return -1;
	}
	return -1;
}

/* ---- all ----------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	const struct finding *f = a, *g = b;
	int order = strcmp(f->place.file ? f->place.file : "", g->place.file ? g->place.file : "");

	if (order == 0)
		order = (f->place.line > g->place.line) - (f->place.line < g->place.line);
	if (order == 0)
		order = (f->place.column > g->place.column) - (f->place.column < g->place.column);
	if (order == 0)
		order = (int) f->level - (int) g->level;
	return order ? order : strcmp(f->text, g->text);
}

int analyse(const struct analyse_in *in, struct findings *ret)
{
	struct analysis x = { .in = in, .policy = in->config->policy, .out = ret };

	*ret = (struct findings){ 0 };
	x.mute = calloc(x.policy->n_rules + 1, 1);
	if (!x.mute)
		return -ENOMEM;
	analyse_sets(&x);
	analyse_rules(&x);
	analyse_pairs(&x);
	analyse_invariants(&x);
	analyse_terms(&x);
	analyse_facts(&x);
	analyse_agents(&x);
	free(x.mute);
	if (ret->no_memory) {
		findings_done(ret);
		return -ENOMEM;
	}
	if (ret->n)
		qsort(ret->item, ret->n, sizeof(*ret->item), by_place);
	return 0;
}

int analyse_load(const struct config *c, const struct config_env *env, struct diag_list *diags)
{
	struct analyse_in in = { .config = c, .env = env, .max_pairs = ANALYSE_PAIRS_LOAD };
	struct findings l;
	int r = analyse(&in, &l);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < l.n; i++)
		diag_add(diags, DIAG_WARNING, &l.item[i].place, "%s%s%s", l.item[i].text,
			 l.item[i].cure[0] ? "; " : "", l.item[i].cure);
	findings_done(&l);
	return 0;
}
