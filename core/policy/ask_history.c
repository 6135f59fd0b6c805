/*
 * ask_history - what guards and requirements ask about what was done before.
 *
 * Design.  In a rule the resource is the link that it is asked about, else the action's.  An
 * invariant is about no action, so it asks about all resources of the proposal and takes the worst.
 */
#include <string.h>

#include "policy/judge.h"

/* The resources that are asked about: the link of the rule, or, for an invariant, all that the
 * proposal is about.  Calls 'fn' for each, until it says so. */
static void each_resource(const struct ask *q, bool (*fn)(const char *resource, void *data),
			  void *data)
{
	char resource[ANOD_NAME_SIZE];

	if (q->act) {
		if (q->link)
			(void) snprintf(resource, sizeof(resource), "link %s", q->link);
		(void) fn(q->link ? resource : q->act->resource, data);
		return;
	}
	for (unsigned i = 0; q->in->proposal && i < q->in->proposal->n_actions; i++) {
		struct act act;

		act_init(&act, q->in, i);
		if (!act.n_links && fn(act.resource, data))
			return;
		for (unsigned k = 0; k < act.n_links; k++) {
			(void) snprintf(resource, sizeof(resource), "link %s", act.link[k]);
			if (fn(resource, data))
				return;
		}
	}
}

struct formerly {
	const struct ask *q;
	const struct expr *node;
	enum anod_tri truth;
};

static bool formerly_on(const char *resource, void *data)
{
	struct formerly *f = data;
	enum anod_tri one = track_formerly(f->q->in->track, f->node->name, resource,
					   f->node->dur_us, f->q->in->now_us);

	f->truth = MAX_OF(f->truth, one);
	return f->truth == ANOD_TRUE;
}

enum anod_tri ask_formerly(const struct expr_env *env, const struct expr *node)
{
	struct formerly f = { .q = env->data, .node = node, .truth = ANOD_FALSE };

	if (node->fn == EXPR_FN_ANY) {
		(void) formerly_on(NULL, &f);
		return f.truth;
	}
	/* It has links, and nobody knows which. */
	if (f.q->act && !f.q->act->links_known)
		f.truth = ANOD_DOUBT;
	each_resource(f.q, formerly_on, &f);
	return f.truth;
}

struct reversals {
	const struct ask *q;
	uint64_t within_us;
	int64_t low, high;
};

static bool reversals_on(const char *resource, void *data)
{
	struct reversals *r = data;
	int64_t low, high;

	track_reversals(r->q->in->track, resource, r->within_us, r->q->in->now_us, &low, &high);
	r->low = MAX_OF(r->low, low);
	r->high = MAX_OF(r->high, high);
	return false;
}

bool ask_reversals(const struct expr_env *env, uint64_t within_us, int64_t *ret_low,
		   int64_t *ret_high)
{
	struct reversals r = { .q = env->data, .within_us = within_us };

	each_resource(r.q, reversals_on, &r);
	if (r.q->act && !r.q->act->links_known)
		r.high = INT64_MAX;
	*ret_low = r.low;
	*ret_high = r.high;
	return true;
}
