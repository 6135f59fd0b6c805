/*
 * watch_held - since when something has been true.
 *
 * Design.  Two times are enough: since when the expression has been true, and since when it has
 * not been false.  "X for D" is true when the first is D ago, doubt when the second is, else
 * false.  Before a node was first evaluated nobody looked, so at first "not false" reaches back
 * for ever and "true" begins now: a guard that asks for ten minutes of health is in doubt for
 * the ten minutes after a start.
 */
#include "facts/watch_priv.h"

#define ALWAYS 0 /* as far back as anybody can tell */

static uint64_t add_us(uint64_t a, uint64_t b)
{
	return a > US_INFINITY - b ? US_INFINITY : a + b;
}

/* When something that began then has lasted long enough; US_INFINITY: never. */
static uint64_t ripe_us(const struct subject *s, uint64_t since_us)
{
	return since_us == ALWAYS ? 0 : add_us(since_us, s->item->key->dur_us);
}

static enum anod_tri answer_at(const struct subject *s, uint64_t now_us)
{
	if (ripe_us(s, s->true_since) <= now_us)
		return ANOD_TRUE;
	return ripe_us(s, s->not_false_since) <= now_us ? ANOD_DOUBT : ANOD_FALSE;
}

/* When the answer changes though nothing else does. */
static uint64_t next_change(const struct subject *s, uint64_t now_us)
{
	uint64_t doubt_us = ripe_us(s, s->not_false_since);
	uint64_t true_us = ripe_us(s, s->true_since);

	if (doubt_us > now_us)
		return MIN_OF(doubt_us, true_us);
	return true_us > now_us ? true_us : US_INFINITY;
}

void held_changed(struct watches *w, const struct subject *s)
{
	for (unsigned i = 0; i < s->item->n_parents; i++) {
		struct parent *p = &s->item->parent[i];
		struct subject *same = p->wide ? NULL : subject_find(p->item, s->name);

		if (p->wide)
			item_mark(w, p->item, false);
		else if (same)
			subject_mark(w, same, false);
	}
}

/* The answer is worked out anew; whoever depends on it hears of a change. */
static void settle(struct watches *w, struct subject *s, uint64_t now_us)
{
	enum anod_tri before = s->held;

	s->held = answer_at(s, now_us);
	heap_set(&w->timers, &s->timer, next_change(s, now_us));
	if (s->held != before || !s->evaluated)
		held_changed(w, s);
}

void held_note(struct watches *w, struct subject *s, enum anod_tri truth, uint64_t now_us)
{
	if (truth != ANOD_TRUE)
		s->true_since = US_INFINITY;
	else if (s->true_since == US_INFINITY || s->broken)
		s->true_since = now_us;

	if (truth == ANOD_FALSE)
		s->not_false_since = US_INFINITY;
	else if (!s->evaluated)
		s->not_false_since = ALWAYS;
	else if (s->not_false_since == US_INFINITY)
		s->not_false_since = now_us;

	settle(w, s, now_us);
	s->truth = truth;
	s->evaluated = true;
}

void held_run_timers(struct watches *w, uint64_t now_us)
{
	struct heap_node *node;

	while ((node = heap_first(&w->timers)) != NULL && node->due_us <= now_us)
		settle(w, HEAP_ENTRY(node, struct subject, timer), now_us);
}

static struct item *find_node(const struct watches *w, const struct expr *node)
{
	struct item *item;

	HASH_FIND_PTR(w->held, &node, item);
	return item;
}

/* As of now, even if something changed since the last run. */
static enum anod_tri answer_now(const struct watches *w, const struct subject *s, uint64_t now_us)
{
	enum anod_tri past = s->evaluated ? answer_at(s, now_us) : ANOD_DOUBT, now;

	if (!s->dirty)
		return past;
	if (s->broken)
		past = MIN_OF(past, ANOD_DOUBT);
	now = subject_truth(w, s, now_us);
	return MIN_OF(past, now);
}

enum anod_tri watch_held(const struct watches *w, const struct expr *node, const char *entity,
			 uint64_t now_us)
{
	const struct item *item = find_node(w, node);
	const struct subject *s;

	if (!item)
		return ANOD_DOUBT;
	s = subject_find(item, item->reads.kind > 0 ? entity : "");
	return s ? answer_now(w, s, now_us) : ANOD_DOUBT;
}

enum anod_tri held_hook(const struct expr_env *env, const struct expr *node)
{
	const struct watch_env *e = env->watch;
	const struct item *item = find_node(e->watches, node);
	const char *entity = "";

	if (item && item->reads.kind > 0)
		entity = env->subject(env, item->reads.kind);
	return entity ? watch_held(e->watches, node, entity, env->now_us) : ANOD_DOUBT;
}
