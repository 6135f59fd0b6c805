/*
 * facts - a queueing discipline as facts.
 *
 * Pure but for what it remembers of a row.  Threads: the loop.  Memory: the caller's.
 */
#ifndef TC_FACTS_H
#define TC_FACTS_H

#include <anod/plugin.h>

#include "qdisc.h"

/* In the order of the manifest; numbers first. */
enum {
	FACT_BYTES,
	FACT_PACKETS,
	FACT_DROPS,
	FACT_OVERLIMITS,
	FACT_REQUEUES,
	FACT_MARKS,
	FACT_BACKLOG,
	FACT_QLEN,
	FACT_LIMIT,
	FACT_LIMIT_BYTES,
	FACT_FULL,
	FACT_DELAY,
	FACT_PEAK_DELAY,
	FACT_BASE_DELAY,
	FACT_SENT_BPS,
	FACT_RATE,
	FACT_CAPACITY,
	FACTS_NUMBERS,
	FACT_KIND = FACTS_NUMBERS,
	FACT_DEV,
	FACTS
};

struct facts_last { /* of a row; zero: nothing yet */
	uint64_t time_us, bytes;
	char kind[QDISC_KIND_SIZE];
};

extern const struct anod_kind tc_kinds[];

/* raw[FACTS_NUMBERS] as put() takes it, and which of it is known.  'last' is renewed. */
uint64_t facts_fill(const struct qdisc *q, struct facts_last *last, uint64_t now_us, int64_t *raw);
/* The n-th tin as if it were a queueing discipline; n < q->n_tins. */
void facts_tin(const struct qdisc *q, unsigned n, struct qdisc *ret);

#endif
