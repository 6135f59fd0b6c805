/*
 * flip - the smallest single change that would change the answer.
 *
 * Design.  Found by trying: every comparison of a fact with a value, in the guards of the rules
 * that decide and in the requirements that fail, is turned around once, and the whole proposal is
 * judged again with that one fact changed.  The change that raises the answer most is named; of
 * equals the first by its text, so that the order of statements does not matter.  What is not a
 * fact (an approval, a budget, a window, a permit that is missing) is named when no fact helps.
 *
 * Only answers below auto come here, so what this costs no proposal waits for.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "facts/value.h"
#include "policy/record.h"

#define FLIP_TRIES_MAX 256 /* judgements for one flip */

struct flip {
	const struct decide_in *in;
	const struct record *rec;
	struct ask ask; /* on whose behalf the present guard is asked */
	enum level now, best;
	unsigned tries;
	struct text text; /* of the best */
};

static const char *const cmp_text[] = { "==", "!=", "<", "<=", ">", ">=" };
static const enum value_cmp cmp_not[] = {
	VALUE_NE, VALUE_EQ, VALUE_GE, VALUE_GT, VALUE_LE, VALUE_LT
};
/* With the sides exchanged. */
static const enum value_cmp cmp_swap[] = { VALUE_EQ, VALUE_NE, VALUE_GT,
					   VALUE_GE, VALUE_LT, VALUE_LE };

static void try_hypothesis(struct flip *f, struct hypothesis *h, struct text *text)
{
	struct answer a;
	char held[32];

	if (f->tries++ >= FLIP_TRIES_MAX || judge_all(f->in, f->rec->act, h, &a, NULL) < 0 ||
	    a.level <= f->now)
		return;
	if (h->held_us)
		text_add(text, " for %s", format_duration(h->held_us, held, sizeof(held)));
	if (a.level > f->best || (a.level == f->best && strcmp(text->b, f->text.b) < 0)) {
		f->best = a.level;
		f->text = *text;
	}
}

/* ---- values ----------------------------------------------------------------------------- */

/* A value of the attribute that compares so with 'v'; false: none is known. */
static bool value_for(const struct schema_attr *a, enum value_cmp cmp, const struct anod_value *v,
		      struct anod_value *ret)
{
	double x, step;

	*ret = *v;
	if (v->type == ANOD_BOOL) {
		ret->u.i = cmp == VALUE_NE ? !v->u.i : v->u.i;
		return true;
	}
	if (v->type == ANOD_TEXT || v->type == ANOD_PREFIX)
		/* Any other one would do, but nobody can say which. */
		return cmp == VALUE_EQ;
	if (v->type != ANOD_INT && v->type != ANOD_REAL)
		return false;

	x = v->type == ANOD_INT ? (double) v->u.i : v->u.r;
	step = a->type == ANOD_INT ? 1 : MAX_OF(fabs(x) * 1e-6, 1e-9);
	if (cmp == VALUE_LT)
		x -= step;
	else if (cmp == VALUE_GT || cmp == VALUE_NE)
		x += step;
	if (a->type == ANOD_INT && fabs(x) < 9e18)
		*ret = value_int(
			(int64_t) (cmp == VALUE_LT || cmp == VALUE_LE ? floor(x) : ceil(x)),
			(enum anod_unit) a->unit);
	else
		*ret = value_real(x, (enum anod_unit) a->unit);
	return true;
}

static void name_fact(const struct schema_attr *a, const char *entity, struct text *t)
{
	text_add(t, "%s.%s.%s", a->kind_name, entity, a->name);
}

static void try_value(struct flip *f, const struct expr *fact, const char *entity,
		      enum value_cmp cmp, const struct anod_value *limit)
{
	const struct schema_attr *a =
		schema_attr_at(store_schema(f->in->store), fact->kind, (uint16_t) fact->slot);
	struct hypothesis h = { .kind = fact->kind, .slot = fact->slot };
	struct text t = { 0 };
	char value[96];

	if (!a || !value_for(a, cmp, limit, &h.value))
		return;
	(void) copy_text(h.entity, sizeof(h.entity), entity);
	name_fact(a, entity, &t);
	if (h.value.type == ANOD_BOOL)
		text_add(&t, " %s", h.value.u.i ? "true" : "false");
	else
		text_add(&t, " %s %s", cmp_text[cmp], value_format(limit, value, sizeof(value)));
	try_hypothesis(f, &h, &t);
}

/* ---- guards ----------------------------------------------------------------------------- */

static const char *entity_of(const struct flip *f, const struct expr *fact)
{
	const struct schema *s = store_schema(f->in->store);
	const char *kind;

	if (fact->entity)
		return fact->entity;
	if (f->ask.entity_kind && fact->kind == f->ask.entity_kind)
		return f->ask.entity;
	if (fact->kind == f->ask.kind_link || fact->kind == f->ask.kind_path)
		return f->ask.link;
	kind = schema_kind_name(s, fact->kind);
	if (kind && strcmp(kind, "host") == 0)
		return "self";
	if (kind && f->ask.act && strcmp(kind, "neigh") == 0)
		return f->ask.act->neigh;
	return NULL;
}

static void try_fact(struct flip *f, const struct expr *fact, enum value_cmp cmp,
		     const struct expr *other)
{
	const char *entity = entity_of(f, fact);
	struct anod_value limit;

	if (fact->slot < 0 || !entity || !entity[0])
		return;
	ask_value(&f->ask, other, &limit);
	try_value(f, fact, entity, cmp, &limit);
	try_value(f, fact, entity, cmp_not[cmp], &limit);
}

/* Bring each link that is not up, up. */
static void try_links_up(struct flip *f)
{
	const struct schema *s = store_schema(f->in->store);
	const struct schema_attr *a = schema_attr(s, "link", "carrier");
	struct expr carrier = { .op = EXPR_FACT };
	struct anod_value up = value_bool(true);

	if (!a)
		return;
	carrier.kind = a->kind;
	carrier.slot = a->slot;
	for (unsigned i = 0; i < store_count(f->in->store, a->kind); i++) {
		uint32_t entity = store_nth(f->in->store, a->kind, i);
		struct fact now;

		if (!entity || store_get(f->in->store, entity, a->slot, f->in->now_us, &now) < 0 ||
		    value_same(&now.value, &up))
			continue;
		try_value(f, &carrier, store_entity_name(f->in->store, entity), VALUE_EQ, &up);
	}
}

static void try_expr(struct flip *f, const struct expr *e)
{
	struct anod_value yes = value_bool(true);
	const char *entity;

	if (!e)
		return;
	switch (e->op) {
	case EXPR_FACT:
		entity = e->type == ANOD_BOOL && e->slot >= 0 ? entity_of(f, e) : NULL;
		if (!entity || !entity[0])
			return;
		try_value(f, e, entity, VALUE_EQ, &yes);
		try_value(f, e, entity, VALUE_NE, &yes);
		return;
	case EXPR_COMPARE:
		if (e->a->op == EXPR_FACT)
			try_fact(f, e->a, e->cmp, e->b);
		if (e->b->op == EXPR_FACT)
			try_fact(f, e->b, cmp_swap[e->cmp], e->a);
		if (e->a->op == EXPR_FACT || e->b->op == EXPR_FACT)
			return;
		break;
	case EXPR_COUNT:
		if (e->up)
			try_links_up(f);
		return;
	default:
		break;
	}
	try_expr(f, e->a);
	try_expr(f, e->b);
}

static void try_set(struct flip *f, const char *set, const char *link)
{
	const struct policy_set *s = policy_find_set(f->in->config->policy, set);
	struct ask outer = f->ask;

	if (!s || !s->where || !link)
		return;
	f->ask.entity_kind = f->ask.kind_link;
	f->ask.entity = f->ask.link = link;
	try_expr(f, s->where);
	f->ask = outer;
}

static void try_rules(struct flip *f)
{
	struct policy *p = f->in->config->policy;

	for (unsigned i = 0; i < f->in->proposal->n_actions; i++) {
		const struct act *act = &f->rec->act[i];
		const struct rule_list *list = rules_for(p, f->in->agent, act->action->kind);

		ask_init(&f->ask, f->in, act, NULL, NULL);
		for (unsigned k = 0; list && k < list->n; k++) {
			const struct policy_rule *r = &p->rule[list->at[k]];

			for (unsigned l = 0; l < MAX_OF(act->n_links, 1u); l++) {
				f->ask.link = l < act->n_links ? act->link[l] : NULL;
				try_expr(f, r->when);
				for (unsigned o = 0; o < r->n_on; o++)
					if (r->on[o].set)
						try_set(f, r->on[o].set, f->ask.link);
			}
		}
	}
}

static void try_invariants(struct flip *f)
{
	const struct policy *p = f->in->config->policy;

	ask_init(&f->ask, f->in, NULL, NULL, NULL);
	for (unsigned i = 0; i < p->n_invariants; i++)
		for (unsigned k = 0; k < p->invariant[i].n_requires; k++) {
			const struct policy_require *r = &p->invariant[i].require[k];

			if (r->kind == REQUIRE_COUNT_UP)
				try_links_up(f);
			else if (r->kind == REQUIRE_EXPR)
				try_expr(f, r->expr);
		}
}

/* ---- what is no fact -------------------------------------------------------------------- */

struct held {
	const struct flip *flip;
	struct text *text;
	const struct policy_rule *rule; /* that the text is about */
};

/* A permit that only waits for its budget, its window or the like; the first by name. */
static void note_held(const struct judged *j, struct held *h)
{
	uint64_t now_us = h->flip->in->now_us;
	char left[32];

	if (j->rule->kind != RULE_PERMIT || j->counted || j->level <= h->flip->now ||
	    (h->rule && strcmp(h->rule->name, j->rule->name) <= 0))
		return;
	(void) format_duration(j->until_us > now_us ? j->until_us - now_us : 0, left, sizeof(left));
	h->text->n = 0;
	if (j->hold == HOLD_FOREIGN)
		text_add(h->text, "\"foreign objects\" in permit \"%s\"", j->rule->name);
	else if (j->hold == HOLD_BUDGET)
		text_add(h->text, "budget %s, free in %s", j->rule->budget, left);
	else if (j->hold == HOLD_COOLDOWN)
		text_add(h->text, "the cooldown of permit \"%s\", over in %s", j->rule->name, left);
	else if (j->during == ANOD_FALSE && j->on == ANOD_TRUE)
		text_add(h->text, "window %s of permit \"%s\"", j->rule->during, j->rule->name);
	else
		return;
	h->rule = j->rule;
}

static bool say_invariant(const struct flip *f, struct text *t)
{
	const struct policy *p = f->in->config->policy;

	for (unsigned i = 0; i < p->n_invariants; i++)
		for (unsigned k = 0; k < p->invariant[i].n_requires; k++) {
			const struct policy_require *r = &p->invariant[i].require[k];
			const char *set = r->set ? r->set : "link";

			if (r->kind == REQUIRE_COUNT_UP && r->cmp >= VALUE_GT) {
				text_add(t, "count(%s up) %s %llu: bring another link of %s up",
					 set, cmp_text[r->cmp], (unsigned long long) r->n, set);
				return true;
			}
			if (r->kind >= REQUIRE_REACHABLE && r->kind <= REQUIRE_WITHOUT_SRLG) {
				text_add(t, "another way to the flows of %s", r->set);
				return true;
			}
		}
	return false;
}

static char *other_change(struct flip *f, const struct answer *now)
{
	struct held held = { .flip = f, .text = &f->text };

	f->text = (struct text){ 0 };
	if (now->level == LEVEL_APPROVE && now->permit) {
		text_add(&f->text, "approval by ");
		text_approval(&f->text, now->permit);
		return strdup(f->text.b);
	}
	if (!now->invariants_hold)
		return say_invariant(f, &f->text) ? strdup(f->text.b) : NULL;
	if (now->bar)
		return NULL;

	for (unsigned i = 0; i < f->rec->n_actions; i++)
		for (unsigned k = 0; k < f->rec->views[i].guards->n; k++)
			note_held(&f->rec->judged[i][k], &held);
	return held.rule ? strdup(f->text.b) : NULL;
}

char *flip_find(const struct decide_in *in, const struct record *rec)
{
	const struct answer *now = &rec->answer;
	struct flip f = { .in = in, .rec = rec, .now = now->level, .best = now->level };
	struct text both = { 0 };

	if (!in->whatif)
		return NULL;
	if (!in->in_sync)
		return strdup("the model of the network read again");
	if (in->paused)
		return strdup("the operator's resume");

	try_rules(&f);
	try_invariants(&f);
	if (f.best == f.now)
		return other_change(&f, now);
	if (now->level == LEVEL_APPROVE && now->permit) {
		text_add(&both, "approval by ");
		text_approval(&both, now->permit);
		text_add(&both, ", or %s", f.text.b);
		return strdup(both.b);
	}
	return strdup(f.text.b);
}
