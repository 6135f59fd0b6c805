/*
 * blame - a regression after the fact is laid at somebody's door: the youngest goes back first.
 *
 * Design.  Two changes that no what-if saw in conflict may still spoil each other's numbers.  When
 * what one was verified by (its condition, or an objective) turns false while several are in
 * VERIFYING or SOAK, the one that was applied last is rolled back, because everything was well
 * before it came.  When that is done and what it changed has had time to settle, and it is
 * still false, the next one goes; at last the sufferer itself, which also goes when its own time is
 * over first.  Only one is taken back at a time, or both would go for the fault of one.
 */
#include <inttypes.h>
#include <stdio.h>

#include "txn/txn_int.h"

static struct entry *youngest(const struct txns *e, const struct entry *than, unsigned *ret_n)
{
	struct entry *last = NULL;

	*ret_n = 0;
	for (unsigned i = 0; i < e->n; i++) {
		struct entry *o = e->open[i];

		if (o->t.state != TXN_SOAK && o->t.state != TXN_VERIFYING)
			continue;
		++*ret_n;
		if (o->applied_us < than->applied_us ||
		    (o->applied_us == than->applied_us && o->t.id <= than->t.id))
			continue;
		if (!last || o->applied_us > last->applied_us ||
		    (o->applied_us == last->applied_us && o->t.id > last->t.id))
			last = o;
	}
	return last;
}

/* The last one that was blamed is on its way back, or its effect may not be seen yet. */
static bool unsettled(const struct txns *e, const struct entry *x, uint64_t now)
{
	const struct txn *t = e->blamed ? txns_get(e, e->blamed) : NULL;

	return t && (!txn_state_final(t->state) || now < t->changed_us + x->terms.verify_us);
}

bool blame_other(struct txns *e, struct entry *x, uint64_t now)
{
	const char *kpi = e->ops->verify_why ? e->ops->verify_why(e->data, &x->t) : NULL;
	struct entry *y;
	char why[EXEC_WHY_SIZE];
	unsigned n;

	if (now >= x->t.deadline_us)
		return false;
	if (unsettled(e, x, now))
		return true;
	y = youngest(e, x, &n);
	if (!y)
		return false;

	e->blamed = y->t.id;
	(void) snprintf(why, sizeof(why),
			"what T%" PRIu64 " was verified by is so no longer: %s%s%s; this is the "
			"youngest of %u that are not committed and goes back first",
			x->t.id, kpi ? kpi : "the verification of permit \"",
			kpi ? "" : x->terms.rule, kpi ? "" : "\"", n);
	undo_begin(e, y, why);
	return true;
}
