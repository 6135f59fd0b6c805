/*
 * moved - how much finished and open transactions have moved, for "moved ... in DUR".
 *
 * Design.  An amount is one more kind of memory of the budgets.  It is kept as long as the longest
 * window of the policy asks for; without such a requirement nothing is remembered.
 */
#include "policy/moved.h"

#include "policy/budget.h"

static const char *const names[] = { "moved prefixes", "moved traffic" };

void moved_note(const struct decide_in *in, struct decision *d)
{
	const struct policy *p = in->config->policy;

	if (!in->whatif)
		return;
	d->moved_prefixes = in->whatif->moved_prefixes;
	d->moved_bps = in->whatif->moved_bps;
	d->moved_known = in->whatif->moved_known;
	for (unsigned i = 0; i < p->n_invariants; i++)
		for (unsigned k = 0; k < p->invariant[i].n_requires; k++)
			d->moved_keep_us =
				MAX_OF(d->moved_keep_us, p->invariant[i].require[k].window_us);
}

int moved_charge(struct budgets *b, const struct decision *d, uint64_t now_us)
{
	int r = 0;

	if (!d->moved_keep_us)
		return 0;
	if (d->moved_prefixes)
		r = budget_note(b, names[MOVED_PREFIXES], d->moved_prefixes, d->moved_keep_us,
				now_us);
	if (r == 0 && d->moved_known && d->moved_bps > 0)
		r = budget_note(b, names[MOVED_TRAFFIC], d->moved_bps, d->moved_keep_us, now_us);
	/* Nothing moves without a prefix that does. */
	if (r == 0 && !d->moved_known && d->moved_prefixes)
		r = budget_note(b, names[MOVED_TRAFFIC], -1, d->moved_keep_us, now_us);
	return r;
}

bool moved_within(const struct budgets *b, enum moved_what what, uint64_t window_us,
		  uint64_t now_us, double *ret)
{
	return budget_noted(b, names[what], window_us, now_us, ret);
}
