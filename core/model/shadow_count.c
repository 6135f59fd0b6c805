/*
 * shadow_count - how many destinations the link concerns.
 *
 * Design.  Destinations are not counted one by one but by the classes of the model (classes.h),
 * which know in which order the ways of a destination are tried.  A class belongs to the table
 * whose routes to everything come first in it.
 */
#include <errno.h>
#include <linux/rtnetlink.h>

#include "model/classes.h"
#include "model/shadow_int.h"

/* What a way says of the question: 1 yes, 0 no, -1 the next way is asked. */
typedef int way_fn(struct shadow *s, uint32_t way);

static int goes_over(struct shadow *s, uint32_t way)
{
	const struct judged *j = shadow_judge(s, way);

	if (!j || j->kind == JUDGE_PASSES || j->kind == JUDGE_SPOILS)
		return -1;
	return j->kind != JUDGE_KEEPS && !(j->flags & JUDGE_KERNEL);
}

/* Next-hop objects that are gone have taken their routes along, so the legs of the route are as
 * good as those of the object. */
static int has_leg_over(struct shadow *s, uint32_t way)
{
	const struct way *w = shadow_rtab(s)->way[way];
	const struct judged *j = shadow_judge(s, way);

	for (unsigned i = 0; i < w->n_legs; i++)
		if (shadow_is_lost(s, w->leg[i].ifindex))
			return w->protocol != RTPROT_KERNEL;
	return !j || j->kind == JUDGE_PASSES || j->kind == JUDGE_SPOILS ? -1 : 0;
}

static int ask_zero(struct shadow *s, const struct fib *f, way_fn *fn)
{
	const struct rtab *t = shadow_rtab(s);
	const struct route *r = f->zero == RTAB_NONE ? NULL : rtab_route(t, f->zero);

	for (; r; r = rtab_next(t, r)) {
		int a = r->tos ? -1 : fn(s, r->way);

		if (a >= 0)
			return a;
	}
	return 0;
}

static int ask_class(struct shadow *s, uint32_t c, way_fn *fn)
{
	const struct rtab *t = shadow_rtab(s);
	const struct class *k;
	int a = -1;

	for (; c && a < 0; c = k->parent) {
		k = &t->classes->at[c];
		if (k->way & CLASS_ZERO)
			return ask_zero(s, t->fib[k->way & ~CLASS_ZERO], fn);
		a = fn(s, k->way);
	}
	return a > 0;
}

/* The table that the destinations of a class are in. */
static uint32_t table_of(const struct rtab *t, uint32_t c)
{
	while (c && !(t->classes->at[c].way & CLASS_ZERO))
		c = t->classes->at[c].parent;
	return c ? t->fib[t->classes->at[c].way & ~CLASS_ZERO]->table : RT_TABLE_UNSPEC;
}

static unsigned count(struct shadow *s, way_fn *fn)
{
	const struct rtab *t = shadow_rtab(s);
	unsigned n = 0;

	if (!t->classes || classes_ready(t->classes) < 0)
		return 0;
	for (uint32_t c = 1; c <= t->classes->n; c++) {
		const struct class *k = &t->classes->at[c];

		if (k->refs && k->count && table_of(t, c) == s->in.table && ask_class(s, c, fn))
			n += k->count;
	}
	shadow_overlay_done(s);
	return n;
}

unsigned shadow_behind(struct shadow *s)
{
	return count(s, goes_over);
}

int shadow_served(struct shadow *s, unsigned budget)
{
	const struct stable *t = &s->t;
	int r = -EAGAIN;

	while (r == -EAGAIN && budget-- && s->n_served < t->n_places) {
		const struct sentry *e;
		struct anod_prefix dst;

		s->served_at %= t->n_places;
		e = stable_at(t, s->served_at);
		sentry_dst(e, &dst);
		if (e->family && e->taken > SHADOW_THROW && !shadow_leads(s, &dst)) {
			s->n_served = 0;
			r = 0;
		} else {
			s->served_at++;
			s->n_served++;
		}
	}
	if (s->n_served >= t->n_places) {
		s->n_served = 0;
		r = 1;
	}
	shadow_overlay_done(s);
	return r;
}

unsigned shadow_left(struct shadow *s)
{
	return count(s, has_leg_over);
}
