/*
 * counter - search for the nearest box of another answer.
 *
 * Design.  The present point is found by asking each variable of the space on the stage.  A box is as
 * far as it has variables whose present piece is not in it; those of "for" follow from their
 * facts and cost nothing.  The nearest ones are tried in turn.
 */
#include "policy/counter_priv.h"

#include <errno.h>

#include "base/clock.h"
#include "facts/value.h"

void counters_done(struct counters *l)
{
	for (unsigned i = 0; i < l->n_raise; i++)
		free(l->raise[i].text);
	for (unsigned i = 0; i < l->n_lower; i++)
		free(l->lower[i].text);
	*l = (struct counters){ 0 };
}

/* ---- candidates ------------------------------------------------------------------------------- */

/* Is it a fact that could be otherwise, and that we can make so? */
static bool may_change(const struct var *v)
{
	if (counter_is_clock(v))
		return true;
	if (!v->of || v->type == VAR_ORDER)
		return false;
	switch (v->of->op) {
	case EXPR_FACT:
	case EXPR_CALL:
		/* A role is written in the configuration: it is no fact that turns. */
		return v->of->kind > 0 && v->of->slot >= 0 &&
		       !(v->of->attr && strcmp(v->of->attr, "role") == 0);
	case EXPR_COUNT:
		return v->of->fn == EXPR_FN_COUNT;
	case EXPR_OPERAND:
		return strncmp(v->key, "action.", 7) != 0 && strcmp(v->key, "resource") != 0;
	default:
		return false;
	}
}

static unsigned distance(unsigned a, unsigned b)
{
	return a > b ? a - b : b - a;
}

/* The nearest piece of the box; a value rather than none. */
static unsigned nearest_piece(const struct var *v, const uint64_t *box, unsigned now)
{
	unsigned best = PIECE_UNKNOWN;

	for (unsigned p = 1; p < v->n_pieces; p++)
		if (box_has(v, box, p) &&
		    (best == PIECE_UNKNOWN ||
		     (v->type == VAR_NUMBER && distance(p, now) < distance(best, now))))
			best = p;
	return best;
}

/* false: the box is out of reach. */
static bool reach(const struct search *x, const uint64_t *box, struct candidate *ret)
{
	*ret = (struct candidate){ .then = x->now };
	for (unsigned i = 0; i < x->space->n_vars; i++) {
		const struct var *v = &x->space->var[i];

		if (box_has(v, box, x->now.piece[i]) || counter_is_held(v))
			continue;
		if (!may_change(v))
			return false;
		ret->then.piece[i] = nearest_piece(v, box, x->now.piece[i]);
		if (ret->then.piece[i] == PIECE_UNKNOWN && v->of && v->of->op == EXPR_COUNT)
			return false;
		ret->n_facts++;
		ret->far +=
			v->type == VAR_NUMBER ? distance(ret->then.piece[i], x->now.piece[i]) : 2;
	}
	return ret->n_facts > 0 && ret->n_facts <= COUNTER_FACTS_MAX;
}

/* ---- telling ---------------------------------------------------------------------------------- */

static void name_var(const struct search *x, const struct var *v, struct text *t)
{
	const struct expr *e = v->of;
	const char *who;

	if (!e || e->op != EXPR_FACT || e->entity) {
		text_add(t, "%s", v->key);
		return;
	}
	who = counter_subject(x, e->kind_name);
	text_add(t, "%s.%s.%s", e->kind_name, who ? who : "?", e->attr);
}

static const char *show_value(const struct var *v, const struct anod_value *value, char *buf,
			      size_t size)
{
	if (v->type == VAR_WORD && value->type == ANOD_TEXT && !value->u.text[0])
		return "none";
	if (counter_is_clock(v) && value->type == ANOD_INT && v->key[0] == 't') {
		(void) snprintf(buf, size, "%02d:%02d", (int) (value->u.i / 3600),
				(int) (value->u.i / 60 % 60));
		return buf;
	}
	if (counter_is_clock(v) && value->type == ANOD_INT)
		return format_wall((uint64_t) value->u.i * US_PER_S, buf, size);
	return value_show(value, buf, size);
}

static char *tell(const struct search *x, const struct candidate *c)
{
	struct text t = { 0 };
	char was[96], then[96];

	for (unsigned i = 0; i < x->space->n_vars; i++) {
		const struct var *v = &x->space->var[i];
		struct anod_value value = piece_value(v, c->then.piece[i]);

		if (c->then.piece[i] == x->now.piece[i])
			continue;
		if (t.n)
			text_add(&t, " and ");
		name_var(x, v, &t);
		text_add(&t, " = %s (now %s)", show_value(v, &value, then, sizeof(then)),
			 show_value(v, &x->value[i], was, sizeof(was)));
	}
	return strdup(t.b);
}

/* ---- the search ------------------------------------------------------------------------------- */

static int by_distance(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->n_facts != y->n_facts)
		return x->n_facts < y->n_facts ? -1 : 1;
	return (x->far > y->far) - (x->far < y->far);
}

static bool told(const struct counter *list, unsigned n, const char *text)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(list[i].text, text) == 0)
			return true;
	return false;
}

static int search(const struct search *x, struct region level[LEVELS], bool raise,
		  struct counter *list, unsigned *n)
{
	unsigned most = 0, found = 0;
	struct candidate *c;

	for (int l = 0; l < LEVELS; l++)
		if (raise ? l > (int) x->level : l < (int) x->level)
			most += level[l].n;
	c = calloc(most + 1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	for (int l = 0; l < LEVELS; l++)
		for (unsigned i = 0;
		     (raise ? l > (int) x->level : l < (int) x->level) && i < level[l].n; i++)
			found += reach(x, region_box(x->space, &level[l], i), &c[found]);
	if (found)
		qsort(c, found, sizeof(*c), by_distance);
	for (unsigned i = 0; i < MIN_OF(found, COUNTER_TRIES) && *n < COUNTER_SHOWN; i++) {
		int got;
		char *text;

		/* Fewer facts have been told already. */
		if (*n && c[i].n_facts > list[0].n_facts)
			break;
		got = counter_try(x, &c[i]);
		if (got < 0 || (raise ? got <= (int) x->level : got >= (int) x->level))
			continue;
		text = tell(x, &c[i]);
		if (!text || told(list, *n, text)) {
			free(text);
			continue;
		}
		list[(*n)++] = (struct counter){ .level = (enum level) got,
						 .n_facts = c[i].n_facts,
						 .text = text };
	}
	free(c);
	return 0;
}

static int find_both(struct search *x, struct stage *s, struct counters *ret)
{
	struct region level[LEVELS] = { 0 };
	int r;

	x->space = space_new(x->in->config, x->in->schema);
	r = x->space ? level_note(x->space, x->in->agent, x->kind) : -ENOMEM;
	if (r == 0)
		r = guard_note_kind(x->space, x->kind);
	if (r == 0)
		r = space_seal(x->space);
	if (r == 0)
		r = level_regions(x->space, x->in->agent, x->kind, level);
	for (int l = 0; l < LEVELS && r == 0; l++)
		r = held_settled(x->space, &level[l]);
	if (r == 0) {
		counter_present(x, s);
		r = search(x, level, true, ret->raise, &ret->n_raise);
	}
	if (r == 0)
		r = search(x, level, false, ret->lower, &ret->n_lower);
	for (int l = 0; l < LEVELS; l++)
		region_done(&level[l]);
	x->space = space_free(x->space);
	ret->decided = r == 0;
	return r == -E2BIG ? 0 : r;
}

int counter_find(const struct counter_in *in, struct decision **ret, struct counters *ret_list)
{
	_cleanup_(stage_freep) struct stage *s = NULL;
	_cleanup_(freep) struct search *x = calloc(1, sizeof(*x));
	int r = x ? counter_set_up(in, NULL, NULL, &s) : -ENOMEM;

	*ret_list = (struct counters){ 0 };
	if (r == 0)
		r = stage_decide(s, in->config, in->agent, in->plan, ret);
	if (r < 0)
		return r;
	x->in = in;
	x->level = (*ret)->level;
	for (unsigned i = 0; in->env->actions[i]; i++)
		if (strcmp(in->env->actions[i]->kind, in->proposal->action[0].kind) == 0)
			x->kind = in->env->actions[i];
	stage_act(s, in->config, in->agent, &x->act);
	return x->kind ? find_both(x, s, ret_list) : 0;
}
