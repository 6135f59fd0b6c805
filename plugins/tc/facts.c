/*
 * facts - a queueing discipline as facts; docs/facts.md in C.
 *
 * Design.  The delay is what the discipline measures itself.  Where it does not, it is what waits
 * divided by the rate at which it leaves: that of a shaper when there is one, because a queue that
 * waits is sent at exactly this rate, else the rate between the last two readings.  An empty
 * queue has no delay; one of which nothing was sent has an unknown one.
 */
#include "facts.h"

#include <string.h>

/* Three readings of the longest period. */
#define MAX_AGE_MS 100000

#define FACT(n, t, u, text)                                                                        \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .max_age_ms = MAX_AGE_MS, .help = text            \
	}
#define PACKETS(n, text) FACT(n, ANOD_INT, ANOD_UNIT_PACKETS, text)
#define BYTES(n, text)	 FACT(n, ANOD_INT, ANOD_UNIT_BYTES, text)
#define TIME(n, text)	 FACT(n, ANOD_INT, ANOD_UNIT_TIME, text)
#define BPS(n, text)	 FACT(n, ANOD_INT, ANOD_UNIT_BPS, text)

static const struct anod_attr attrs[FACTS + 1] = {
	[FACT_BYTES] = BYTES("bytes", "sent (TCA_STATS_BASIC)"),
	[FACT_PACKETS] = PACKETS("packets", "sent (TCA_STATS_PKT64)"),
	[FACT_DROPS] = PACKETS("drops", "thrown away: the queue was full, or to keep it short "
					"(TCA_STATS_QUEUE, 32 bits)"),
	[FACT_OVERLIMITS] = FACT("overlimits", ANOD_INT, ANOD_UNIT_NONE,
				 "times that the rate set did not let a packet go at once"),
	[FACT_REQUEUES] = FACT("requeues", ANOD_INT, ANOD_UNIT_NONE,
			       "times that the device did not take a packet"),
	[FACT_MARKS] = PACKETS("marks", "marked instead of dropped (ECN, RFC 3168; and of cake, "
					"codel: by ce_threshold)"),
	[FACT_BACKLOG] = BYTES("backlog", "that wait now"),
	[FACT_QLEN] = PACKETS("qlen", "that wait now"),
	[FACT_LIMIT] =
		PACKETS("limit", "that may wait; unknown where bytes are limited, or nothing "
				 "is"),
	[FACT_LIMIT_BYTES] = BYTES("limit_bytes", "that may wait, of those that limit bytes (tbf, "
						  "bfifo, red; cake: memory)"),
	[FACT_FULL] = FACT("full", ANOD_REAL, ANOD_UNIT_RATIO, "share of the limit that waits now"),
	[FACT_DELAY] = TIME("delay", "in the queue: what codel, cake (its worst tin) and pie "
				     "measure; of others backlog divided by the rate sent"),
	[FACT_PEAK_DELAY] = TIME("peak_delay", "a follower of delay that rises fast (cake)"),
	[FACT_BASE_DELAY] = TIME("base_delay", "a follower of delay that falls fast: of sparse "
					       "flows (cake)"),
	[FACT_SENT_BPS] = BPS("sent_bps", "rate between the last two readings"),
	[FACT_RATE] = BPS("rate", "that it shapes to (tbf, cake)"),
	[FACT_CAPACITY] = BPS("capacity", "estimate of cake with autorate-ingress"),
	[FACT_KIND] = FACT("kind", ANOD_TEXT, ANOD_UNIT_NONE,
			   "fq_codel, cake, tbf, pfifo ...; \"tin\" for one of cake's"),
	[FACT_DEV] = FACT("dev", ANOD_TEXT, ANOD_UNIT_NONE, "its link"),
};

const struct anod_kind tc_kinds[] = {
	{ "qdisc",
	  "a queueing discipline: DEV for the root of a link, DEV/ingress, DEV/HANDLE, and /tinN "
	  "of "
	  "one of cake's",
	  attrs },
	{ 0 },
};

void facts_tin(const struct qdisc *q, unsigned n, struct qdisc *ret)
{
	const struct qdisc_tin *t = &q->tin[n];

	*ret = (struct qdisc){ .ifindex = q->ifindex,
			       .handle = q->handle,
			       .kind = "tin",
			       .has = QDISC_BASIC | QDISC_QUEUE | QDISC_MARKS | QDISC_DELAY |
				      QDISC_TIMES | (t->rate_bps ? QDISC_RATE : 0),
			       .bytes = t->bytes,
			       .packets = t->packets,
			       .drops = t->drops,
			       .marks = t->marks,
			       .backlog = t->backlog,
			       .qlen = t->qlen,
			       .delay_us = t->delay_us,
			       .peak_us = t->peak_us,
			       .base_us = t->base_us,
			       .rate_bps = t->rate_bps };
}

/* False: there was no reading of this very queue before. */
static bool sent_rate(const struct qdisc *q, const struct facts_last *last, uint64_t now_us,
		      uint64_t *ret_bps)
{
	uint64_t us = now_us - last->time_us, bytes = q->bytes - last->bytes;

	if (!last->time_us || now_us <= last->time_us || q->bytes < last->bytes ||
	    bytes > UINT64_MAX / 8000000 || strcmp(last->kind, q->kind) != 0)
		return false;
	*ret_bps = bytes * 8000000 / us;
	return true;
}

static bool delay_of(const struct qdisc *q, uint64_t bps, uint64_t *ret_us)
{
	if (q->has & QDISC_DELAY) {
		/* What codel keeps is of the last packet that left, however long ago. */
		*ret_us = q->has & QDISC_QUEUE && !q->qlen && !(q->has & QDISC_TIMES) ? 0
										      : q->delay_us;
		return true;
	}
	if (!(q->has & QDISC_QUEUE))
		return false;
	if (q->has & QDISC_RATE && q->rate_bps)
		bps = q->rate_bps;
	if (!q->backlog)
		*ret_us = 0;
	else if (bps)
		*ret_us = (uint64_t) q->backlog * 8000000 / bps;
	return !q->backlog || bps;
}

static bool full_of(const struct qdisc *q, double *ret)
{
	if (!(q->has & QDISC_QUEUE))
		return false;
	if (q->has & QDISC_LIMIT && q->limit)
		*ret = (double) q->qlen / q->limit;
	else if (q->has & QDISC_LIMIT_BYTES && q->limit_bytes)
		*ret = (double) q->backlog / (double) q->limit_bytes;
	else
		return false;
	return true;
}

static int64_t clamp(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (int64_t) v;
}

/* The numbers that the kernel gives as they are: which flag of qdisc.has says so. */
static uint64_t plain(const struct qdisc *q, int64_t *raw)
{
	const struct {
		uint64_t v;
		uint32_t flag;
	} of[FACTS_NUMBERS] = {
		[FACT_BYTES] = { q->bytes, QDISC_BASIC },
		[FACT_PACKETS] = { q->packets, QDISC_BASIC },
		[FACT_DROPS] = { q->drops, QDISC_QUEUE },
		[FACT_OVERLIMITS] = { q->overlimits, QDISC_QUEUE },
		[FACT_REQUEUES] = { q->requeues, QDISC_QUEUE },
		[FACT_MARKS] = { q->marks, QDISC_MARKS },
		[FACT_BACKLOG] = { q->backlog, QDISC_QUEUE },
		[FACT_QLEN] = { q->qlen, QDISC_QUEUE },
		[FACT_LIMIT] = { q->limit, QDISC_LIMIT },
		[FACT_LIMIT_BYTES] = { q->limit_bytes, QDISC_LIMIT_BYTES },
		[FACT_PEAK_DELAY] = { q->peak_us, QDISC_TIMES },
		[FACT_BASE_DELAY] = { q->base_us, QDISC_TIMES },
		[FACT_RATE] = { q->rate_bps, QDISC_RATE },
		[FACT_CAPACITY] = { q->capacity_bps, QDISC_CAPACITY },
	};
	uint64_t known = 0;

	for (unsigned i = 0; i < FACTS_NUMBERS; i++) {
		raw[i] = clamp(of[i].v);
		if (q->has & of[i].flag)
			known |= UINT64_C(1) << i;
	}
	return known;
}

uint64_t facts_fill(const struct qdisc *q, struct facts_last *last, uint64_t now_us, int64_t *raw)
{
	uint64_t known = plain(q, raw), bps = 0, us = 0;
	double full;

	if (q->has & QDISC_BASIC && sent_rate(q, last, now_us, &bps)) {
		raw[FACT_SENT_BPS] = clamp(bps);
		known |= UINT64_C(1) << FACT_SENT_BPS;
	}
	if (delay_of(q, bps, &us)) {
		raw[FACT_DELAY] = clamp(us);
		known |= UINT64_C(1) << FACT_DELAY;
	}
	if (full_of(q, &full)) {
		memcpy(&raw[FACT_FULL], &full, sizeof(full));
		known |= UINT64_C(1) << FACT_FULL;
	}
	last->time_us = now_us;
	last->bytes = q->bytes;
	memcpy(last->kind, q->kind, sizeof(last->kind));
	return known;
}
