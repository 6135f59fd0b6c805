/*
 * loads - the measured load of every link, for the prediction.
 *
 * Design.  How a load is measured is an expression of the policy, made with the requirement
 * (policy_check_require.c), so that the host keeps its statistic like any other.  It is the same for
 * all requirements, so the first one is asked.
 */
#include "policy/loads.h"

#include <errno.h>

#include "facts/value.h"
#include "policy/judge.h"

struct reading {
	struct ask ask;
	const struct expr *measure;
	struct link_load *load;
	unsigned n, max;
};

static bool wants_loads(const struct policy *p, const struct expr **ret_measure)
{
	bool wants = false;

	*ret_measure = NULL;
	for (unsigned i = 0; i < p->n_invariants; i++)
		for (unsigned k = 0; k < p->invariant[i].n_requires; k++) {
			const struct policy_require *r = &p->invariant[i].require[k];

			wants |= r->kind == REQUIRE_LOAD || r->kind == REQUIRE_MOVED_TRAFFIC ||
				 r->kind == REQUIRE_BLACKHOLE_TRAFFIC;
			if (r->measure && !*ret_measure)
				*ret_measure = r->measure;
		}
	return wants;
}

static int read_link(const struct anod_object *o, void *data)
{
	struct reading *r = data;
	struct link_load *l = &r->load[r->n];
	struct anod_value v = value_unknown();

	if (r->n == r->max)
		return 1;
	r->n++;
	*l = (struct link_load){ .ifindex = o->u.link.ifindex };
	r->ask.link = o->u.link.name;
	if (r->measure)
		ask_value(&r->ask, r->measure, &v);
	l->known = (v.type == ANOD_INT && v.u.i >= 0) || (v.type == ANOD_REAL && v.u.r >= 0);
	if (l->known)
		l->now_bps = v.type == ANOD_INT ? (double) v.u.i : v.u.r;
	return 0;
}

static int by_ifindex(const void *a, const void *b)
{
	const struct link_load *x = a, *y = b;

	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

int loads_read(const struct config *c, const struct store *s, const struct model *m,
	       uint64_t now_us, struct link_load **ret, unsigned *ret_n)
{
	struct decide_in in = { .config = c, .store = s, .now_us = now_us };
	struct reading r = { .max = model_count(m, ANOD_OBJ_LINK) };

	*ret = NULL;
	*ret_n = 0;
	if (!wants_loads(c->policy, &r.measure) || !r.max)
		return 0;

	r.load = calloc(r.max, sizeof(*r.load));
	if (!r.load)
		return -ENOMEM;
	ask_init(&r.ask, &in, NULL, NULL, NULL);
	(void) model_each(m, ANOD_OBJ_LINK, read_link, &r);
	qsort(r.load, r.n, sizeof(*r.load), by_ifindex);
	*ret = r.load;
	*ret_n = r.n;
	return 0;
}
