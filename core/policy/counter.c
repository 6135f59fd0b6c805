/*
 * counter - search for the nearest box of another answer.
 *
 * Design.  The present point is found by asking each variable of the space on the stage.  A box is as
 * far as it has variables whose present piece is not in it; those of "for" follow from their
 * facts and cost nothing.  The nearest ones are tried in turn.
 */
#include "policy/counter.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/zone.h"
#include "facts/value.h"
#include "policy/diff_priv.h"

#define DAY_S 86400

void counters_done(struct counters *l)
{
	for (unsigned i = 0; i < l->n_raise; i++)
		free(l->raise[i].text);
	for (unsigned i = 0; i < l->n_lower; i++)
		free(l->lower[i].text);
	*l = (struct counters){ 0 };
}

struct search {
	const struct counter_in *in;
	struct space *space;
	const struct anod_action_desc *kind;
	struct act act;
	struct point now; /* pieces at present */
	struct anod_value value[SPACE_VARS_MAX];
	enum level level; /* at present */
};

struct candidate {
	struct point then;
	unsigned n_facts, far;
};

/* ---- the stage -------------------------------------------------------------------------------- */

static bool is_held(const struct var *v)
{
	return v->of && (v->of->op == EXPR_FOR || v->of->op == EXPR_WITHIN);
}

static void longest(const struct expr *e, uint64_t *us)
{
	if (!e)
		return;
	if (e->op == EXPR_FOR || e->op == EXPR_WITHIN)
		*us = MAX_OF(*us, e->dur_us);
	longest(e->a, us);
	longest(e->b, us);
}

struct passing {
	const struct counter_in *in;
	int (*change)(struct stage *s, void *data);
	void *data;
};

static int again(struct stage *s, void *data)
{
	const struct passing *p = data;
	int r = p->change ? p->change(s, p->data) : 0;

	return r >= 0 ? p->in->set(s, p->in->data) : r;
}

/* Guards begin to be watched, time passes, and all is as it was. */
static int let_time_pass(const struct counter_in *in, struct stage *s,
			 int (*change)(struct stage *s, void *data), void *data)
{
	const struct policy *p = in->config->policy;
	struct passing passing = { in, change, data };
	uint64_t us = 0, step_us = UINT64_MAX;
	int r = 0;

	for (unsigned i = 0; i < p->n_rules && r >= 0; i++) {
		if (!p->rule[i].when)
			continue;
		longest(p->rule[i].when, &us);
		r = watch_track(s->watches, p->rule[i].when);
		step_us = stage_step(s, p->rule[i].when, step_us);
	}
	if (r < 0 || !us)
		return MIN_OF(r, 0);
	return stage_pass(s, us + US_PER_S, MIN_OF(step_us, us + US_PER_S), again, &passing);
}

static int set_up(const struct counter_in *in, int (*change)(struct stage *s, void *data),
		  void *data, struct stage **ret)
{
	_cleanup_(stage_freep) struct stage *s = stage_new(in->schema, in->env->actions);
	int r;

	if (!s)
		return -ENOMEM;
	r = stage_bind(s, in->config);
	s->proposal = *in->proposal;
	s->wall_us = in->wall_us;
	if (r >= 0 && change)
		r = change(s, data);
	if (r >= 0)
		r = in->set(s, in->data);
	if (r >= 0)
		r = let_time_pass(in, s, change, data);
	if (r >= 0)
		*ret = TAKE(s);
	return MIN_OF(r, 0);
}

/* ---- the present ------------------------------------------------------------------------------ */

static bool is_clock(const struct var *v)
{
	return !v->of && v->type == VAR_NUMBER && strstr(v->key, " in ");
}

static struct anod_value clock_value(const struct stage *s, const struct var *v)
{
	int64_t utc_s = (int64_t) (s->wall_us / US_PER_S);
	int32_t east_s;

	if (zone_offset(strstr(v->key, " in ") + 4, utc_s, &east_s) < 0)
		return value_unknown();
	utc_s += east_s;
	return value_int(v->key[0] == 't' ? utc_s % DAY_S : utc_s, ANOD_UNIT_NONE);
}

static struct anod_value on_value(const struct search *x, const struct var *v)
{
	if (strcmp(v->key, "on neigh") == 0)
		return value_text(x->act.neigh);
	if (strcmp(v->key, "on nexthop") == 0)
		return value_text(x->act.nexthop);
	if (!x->act.n_links)
		return x->act.links_known ? value_text("") : value_unknown();
	return value_text(x->act.link[0]);
}

static unsigned piece_of_value(const struct var *v, const struct anod_value *x)
{
	if (x->type == ANOD_UNKNOWN)
		return PIECE_UNKNOWN;
	switch (v->type) {
	case VAR_TRUTH:
		return x->type != ANOD_BOOL ? PIECE_UNKNOWN : x->u.i ? PIECE_TRUE : PIECE_FALSE;
	case VAR_NUMBER:
		return piece_at(v, x->type == ANOD_INT ? (double) x->u.i : x->u.r);
	case VAR_WORD:
		for (unsigned p = 1; p <= v->n; p++)
			if (strcmp(v->word[p - 1], x->u.text) == 0)
				return p;
		return v->n + 1;
	case VAR_PREFIX:
		return piece_around(v, &x->u.prefix);
	case VAR_ORDER:
		break;
	}
	return PIECE_UNKNOWN;
}

static unsigned order_piece(struct search *x, struct stage *s, const struct var *v)
{
	_cleanup_(freep) char *first = expr_format(v->of->a);
	struct anod_value a, b;
	bool swap;

	if (!first)
		return PIECE_UNKNOWN;
	swap = strncmp(v->key, first, strlen(first)) != 0 || v->key[strlen(first)] != ' ';
	stage_value(s, x->in->config, x->in->agent, swap ? v->of->b : v->of->a, &a);
	stage_value(s, x->in->config, x->in->agent, swap ? v->of->a : v->of->b, &b);
	if (value_compare(VALUE_LT, &a, &b) == ANOD_TRUE)
		return PIECE_LESS;
	if (value_compare(VALUE_EQ, &a, &b) == ANOD_TRUE)
		return PIECE_EQUAL;
	return value_compare(VALUE_GT, &a, &b) == ANOD_TRUE ? PIECE_MORE : PIECE_UNKNOWN;
}

static void find_present(struct search *x, struct stage *s)
{
	for (unsigned i = 0; i < x->space->n_vars; i++) {
		const struct var *v = &x->space->var[i];
		const struct anod_value *dst = act_arg(&x->act, "dst");
		struct anod_value value = value_unknown();

		if (v->type == VAR_ORDER) {
			x->now.piece[i] = order_piece(x, s, v);
			continue;
		}
		if (v->of && v->type != VAR_PREFIX)
			stage_value(s, x->in->config, x->in->agent, v->of, &value);
		else if (v->of)
			stage_value(s, x->in->config, x->in->agent, v->of, &value);
		else if (is_clock(v))
			value = clock_value(s, v);
		else if (strncmp(v->key, "on ", 3) == 0)
			value = on_value(x, v);
		else if (strcmp(v->key, "action.dst") == 0 && dst)
			value = *dst;
		x->value[i] = value;
		x->now.piece[i] = piece_of_value(v, &value);
	}
}

/* ---- candidates ------------------------------------------------------------------------------- */

/* Is it a fact that could be otherwise, and that we can make so? */
static bool may_change(const struct var *v)
{
	if (is_clock(v))
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

		if (box_has(v, box, x->now.piece[i]) || is_held(v))
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

/* ---- trying ----------------------------------------------------------------------------------- */

struct trial {
	const struct search *x;
	const struct candidate *c;
};

static const char *subject(const struct search *x, const char *kind)
{
	if (strcmp(kind, "host") == 0)
		return "self";
	if (strcmp(kind, "neigh") == 0)
		return x->act.neigh;
	if (strcmp(kind, "nexthop") == 0)
		return x->act.nexthop;
	return x->act.n_links ? x->act.link[0] : NULL;
}

static int set_operand(struct stage *s, const struct trial *t, const struct var *v,
		       const struct anod_value *value)
{
	if (strcmp(v->key, "model.confidence") == 0)
		s->proposal.confidence = value->type == ANOD_REAL ? value->u.r : -1;
	else if (strcmp(v->key, "evidence.count") == 0)
		s->evidence = value->type == ANOD_INT ? (unsigned) value->u.i : 0;
	else if (strcmp(v->key, "capacity") == 0 && t->x->act.n_links)
		return stage_fact(s, "link", t->x->act.link[0], "capacity", value);
	return 0;
}

static int set_clock(struct stage *s, const struct var *v, unsigned piece)
{
	for (uint64_t us = s->wall_us; us < s->wall_us + UINT64_C(400) * DAY_S * US_PER_S;
	     us += 600 * US_PER_S) {
		struct stage then = *s;
		struct anod_value value;

		then.wall_us = us;
		value = clock_value(&then, v);
		if (piece_of_value(v, &value) == piece) {
			s->wall_us = us;
			return 0;
		}
	}
	return -ENOTSUP;
}

static int change_one(struct stage *s, const struct trial *t, unsigned i)
{
	const struct var *v = &t->x->space->var[i];
	struct anod_value value = piece_value(v, t->c->then.piece[i]);

	if (is_clock(v))
		return set_clock(s, v, t->c->then.piece[i]);
	if (v->of->op == EXPR_OPERAND)
		return set_operand(s, t, v, &value);
	if (v->of->op == EXPR_COUNT) {
		int64_t now = t->x->value[i].type == ANOD_INT ? t->x->value[i].u.i : 0;

		/* Nobody can say which of those counted would be gone. */
		return value.u.i < now ? -ENOTSUP
				       : stage_count(s, t->x->in->config, v->of,
						     (unsigned) (value.u.i - now));
	}
	return stage_publish(s, v->of, subject(t->x, schema_kind_name(s->schema, v->of->kind)),
			     &value);
}

static int change_all(struct stage *s, void *data)
{
	const struct trial *t = data;
	int r = 0;

	for (unsigned i = 0; i < t->x->space->n_vars && r >= 0; i++)
		if (t->c->then.piece[i] != t->x->now.piece[i])
			r = change_one(s, t, i);
	return r;
}

/* The level with the changes; negative: it could not be tried. */
static int try_candidate(const struct search *x, const struct candidate *c)
{
	struct trial t = { x, c };
	_cleanup_(stage_freep) struct stage *s = NULL;
	_cleanup_(decision_freep) struct decision *d = NULL;
	int r = set_up(x->in, change_all, &t, &s);

	if (r == 0)
		r = stage_decide(s, x->in->config, x->in->agent, x->in->plan, &d);
	return r < 0 ? r : (int) d->level;
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
	who = subject(x, e->kind_name);
	text_add(t, "%s.%s.%s", e->kind_name, who ? who : "?", e->attr);
}

static const char *show_value(const struct var *v, const struct anod_value *value, char *buf,
			      size_t size)
{
	if (v->type == VAR_WORD && value->type == ANOD_TEXT && !value->u.text[0])
		return "none";
	if (is_clock(v) && value->type == ANOD_INT && v->key[0] == 't') {
		(void) snprintf(buf, size, "%02d:%02d", (int) (value->u.i / 3600),
				(int) (value->u.i / 60 % 60));
		return buf;
	}
	if (is_clock(v) && value->type == ANOD_INT)
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
		got = try_candidate(x, &c[i]);
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
		find_present(x, s);
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
	int r = x ? set_up(in, NULL, NULL, &s) : -ENOMEM;

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
