/*
 * qdisc_aqm - settings of the disciplines that keep queues short: codel, fq_codel, fq, cake.
 *
 * Design.  Settings that the object does not hold are fine as long as they are what the kernel
 * gives a new qdisc (net/sched/sch_*.c, Linux 6.1 to 6.18), because then a restored one has them
 * again; anything else makes the object one that cannot be restored.
 */
#include "rtnl/qdisc.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <string.h>

/* A u32 that is absent or other than usual. */
static bool unusual(const struct nlattr *a, uint32_t usual)
{
	return a && nla_get_u32(a) != usual;
}

/* 'numbers' have 4 bytes at least; 'others' may be there, too. */
static int parse(const struct nlattr *options, struct nlattr **tb, int max, uint64_t numbers,
		 uint64_t others, bool *ret_more)
{
	struct nla_policy policy[32] = { 0 };

	for (int i = 1; i <= max; i++)
		policy[i].minlen = numbers & HELD(i) ? 4 : 0;
	if (!options || wire_parse_run(nla_data(options), (size_t) nla_len(options), tb, max,
				       policy, numbers | others, ret_more) < 0)
		return -EBADMSG;
	return 0;
}

/* ---- codel --------------------------------------------------------------------------------- */

/* The kernel keeps units of 1024 ns and tells whole us, rounded down: the shortest time that gives
 * the same. */
static uint32_t codel_us(const struct nlattr *a)
{
	uint64_t told = wire_get_u32(a, 0), units = (told * 1000 + 1023) / 1024;

	return (uint32_t) MIN_OF((units * 1024 + 999) / 1000, (uint64_t) UINT32_MAX);
}

int qdisc_read_codel(const struct nlattr *options, struct anod_qdisc *q, bool *ret_more)
{
	const uint64_t held = HELD(TCA_CODEL_TARGET) | HELD(TCA_CODEL_LIMIT) |
			      HELD(TCA_CODEL_INTERVAL) | HELD(TCA_CODEL_ECN);
	struct nlattr *tb[TCA_CODEL_MAX + 1];

	if (parse(options, tb, TCA_CODEL_MAX, held, 0, ret_more) < 0)
		return -EBADMSG;
	q->target_us = codel_us(tb[TCA_CODEL_TARGET]);
	q->interval_us = codel_us(tb[TCA_CODEL_INTERVAL]);
	q->limit = wire_get_u32(tb[TCA_CODEL_LIMIT], 0);
	q->flags |= wire_get_u32(tb[TCA_CODEL_ECN], 0) ? ANOD_QDISC_ECN : 0;
	return 0;
}

void qdisc_write_codel(struct put *p, const struct anod_qdisc *q, const struct anod_qdisc *from)
{
	(void) from;
	put_u32(p, TCA_CODEL_TARGET, q->target_us);
	put_u32(p, TCA_CODEL_INTERVAL, q->interval_us);
	put_u32(p, TCA_CODEL_LIMIT, q->limit);
	put_u32(p, TCA_CODEL_ECN, !!(q->flags & ANOD_QDISC_ECN));
}

#define FQ_CODEL_BATCH	64u
#define FQ_CODEL_MEMORY (32u << 20)

int qdisc_read_fq_codel(const struct nlattr *options, struct anod_qdisc *q, bool *ret_more)
{
	const uint64_t held = HELD(TCA_FQ_CODEL_TARGET) | HELD(TCA_FQ_CODEL_LIMIT) |
			      HELD(TCA_FQ_CODEL_INTERVAL) | HELD(TCA_FQ_CODEL_ECN) |
			      HELD(TCA_FQ_CODEL_FLOWS) | HELD(TCA_FQ_CODEL_QUANTUM) |
			      HELD(TCA_FQ_CODEL_DROP_BATCH_SIZE) | HELD(TCA_FQ_CODEL_MEMORY_LIMIT);
	struct nlattr *tb[TCA_FQ_CODEL_MAX + 1];

	if (parse(options, tb, TCA_FQ_CODEL_MAX, held, 0, ret_more) < 0)
		return -EBADMSG;
	if (unusual(tb[TCA_FQ_CODEL_DROP_BATCH_SIZE], FQ_CODEL_BATCH) ||
	    unusual(tb[TCA_FQ_CODEL_MEMORY_LIMIT], FQ_CODEL_MEMORY))
		*ret_more = true;
	q->target_us = codel_us(tb[TCA_FQ_CODEL_TARGET]);
	q->interval_us = codel_us(tb[TCA_FQ_CODEL_INTERVAL]);
	q->limit = wire_get_u32(tb[TCA_FQ_CODEL_LIMIT], 0);
	q->flows = wire_get_u32(tb[TCA_FQ_CODEL_FLOWS], 0);
	q->quantum = wire_get_u32(tb[TCA_FQ_CODEL_QUANTUM], 0);
	q->flags |= wire_get_u32(tb[TCA_FQ_CODEL_ECN], 0) ? ANOD_QDISC_ECN : 0;
	return 0;
}

void qdisc_write_fq_codel(struct put *p, const struct anod_qdisc *q, const struct anod_qdisc *from)
{
	put_u32(p, TCA_FQ_CODEL_TARGET, q->target_us);
	put_u32(p, TCA_FQ_CODEL_INTERVAL, q->interval_us);
	put_u32(p, TCA_FQ_CODEL_LIMIT, q->limit);
	put_u32(p, TCA_FQ_CODEL_ECN, !!(q->flags & ANOD_QDISC_ECN));
	put_u32(p, TCA_FQ_CODEL_QUANTUM, q->quantum);
	if (!from) /* later it is -EINVAL, even when it is the same */
		put_u32(p, TCA_FQ_CODEL_FLOWS, q->flows);
}

/* ---- fq ------------------------------------------------------------------------------------ */

/* Of Linux 6.7 and later; older headers end before them. */
enum { FQ_PRIOMAP = 16, FQ_WEIGHTS = 17, FQ_OFFLOAD_HORIZON = 18, FQ_LAST = 18 };

#define FQ_FLOW_LIMIT	  100u
#define FQ_REFILL_US	  40000u
#define FQ_ORPHAN_MASK	  1023u
#define FQ_LOW_RATE	  (550000u / 8)
#define FQ_TIMER_SLACK_NS 10000u
#define FQ_HORIZON_US	  10000000u
/* The initial quantum of a new fq is ten packets, the other one is two. */
#define FQ_INITIAL 5u

static bool fq_unusual(struct nlattr **tb, const struct anod_qdisc *q)
{
	/* "Disabled" is UINT32_MAX ns, which is told in us. */
	const struct nlattr *ce = tb[TCA_FQ_CE_THRESHOLD];

	return unusual(tb[TCA_FQ_FLOW_PLIMIT], FQ_FLOW_LIMIT) ||
	       unusual(tb[TCA_FQ_INITIAL_QUANTUM], FQ_INITIAL * q->quantum) ||
	       unusual(tb[TCA_FQ_RATE_ENABLE], 1) || unusual(tb[TCA_FQ_FLOW_MAX_RATE], ~0u) ||
	       unusual(tb[TCA_FQ_FLOW_REFILL_DELAY], FQ_REFILL_US) ||
	       unusual(tb[TCA_FQ_ORPHAN_MASK], FQ_ORPHAN_MASK) ||
	       unusual(tb[TCA_FQ_LOW_RATE_THRESHOLD], FQ_LOW_RATE) ||
	       unusual(tb[TCA_FQ_TIMER_SLACK], FQ_TIMER_SLACK_NS) ||
	       unusual(tb[TCA_FQ_HORIZON], FQ_HORIZON_US) || unusual(tb[FQ_OFFLOAD_HORIZON], 0) ||
	       (ce && nla_get_u32(ce) < UINT32_MAX / 1000);
}

int qdisc_read_fq(const struct nlattr *options, struct anod_qdisc *q, bool *ret_more)
{
	/* A byte (are packets beyond the horizon dropped?), the bands, and what is obsolete. */
	const uint64_t others = HELD(TCA_FQ_HORIZON_DROP) | HELD(FQ_PRIOMAP) | HELD(FQ_WEIGHTS) |
				HELD(TCA_FQ_FLOW_DEFAULT_RATE);
	struct nlattr *tb[FQ_LAST + 1];
	uint32_t log;

	if (parse(options, tb, FQ_LAST, (HELD(FQ_LAST + 1) - 2) & ~others, others, ret_more) < 0)
		return -EBADMSG;
	q->limit = wire_get_u32(tb[TCA_FQ_PLIMIT], 0);
	q->quantum = wire_get_u32(tb[TCA_FQ_QUANTUM], 0);
	log = wire_get_u32(tb[TCA_FQ_BUCKETS_LOG], 0);
	q->flows = log < 32 ? 1u << log : 0;
	if (fq_unusual(tb, q) || log > 18 ||
	    (tb[TCA_FQ_HORIZON_DROP] &&
	     (nla_len(tb[TCA_FQ_HORIZON_DROP]) < 1 ||
	      *(const uint8_t *) nla_data(tb[TCA_FQ_HORIZON_DROP]) != 1)))
		*ret_more = true;
	return 0;
}

void qdisc_write_fq(struct put *p, const struct anod_qdisc *q, const struct anod_qdisc *from)
{
	uint32_t log = 0;

	(void) from;
	while (log < 18 && 1u << log < q->flows)
		log++;
	put_u32(p, TCA_FQ_PLIMIT, q->limit);
	put_u32(p, TCA_FQ_QUANTUM, q->quantum);
	put_u32(p, TCA_FQ_INITIAL_QUANTUM, FQ_INITIAL * q->quantum);
	put_u32(p, TCA_FQ_BUCKETS_LOG, log);
}

/* ---- cake ---------------------------------------------------------------------------------- */

static const struct {
	int attr;
	uint32_t flag;
} cake_flags[] = {
	{ TCA_CAKE_NAT, ANOD_QDISC_NAT },
	{ TCA_CAKE_INGRESS, ANOD_QDISC_INGRESS },
	{ TCA_CAKE_SPLIT_GSO, ANOD_QDISC_SPLIT_GSO },
	{ TCA_CAKE_ACK_FILTER, ANOD_QDISC_ACK_FILTER },
	{ TCA_CAKE_WASH, ANOD_QDISC_WASH },
};

static bool cake_unusual(struct nlattr **tb)
{
	uint32_t mode = wire_get_u32(tb[TCA_CAKE_DIFFSERV_MODE], CAKE_DIFFSERV_DIFFSERV3);
	bool raw = tb[TCA_CAKE_RAW] != NULL;

	return (mode != CAKE_DIFFSERV_DIFFSERV3 && mode != CAKE_DIFFSERV_BESTEFFORT) ||
	       unusual(tb[TCA_CAKE_ATM], CAKE_ATM_NONE) ||
	       unusual(tb[TCA_CAKE_FLOW_MODE], CAKE_FLOW_TRIPLE) ||
	       unusual(tb[TCA_CAKE_AUTORATE], 0) || unusual(tb[TCA_CAKE_MPU], 0) ||
	       unusual(tb[TCA_CAKE_MEMORY], 0) || unusual(tb[TCA_CAKE_FWMARK], 0) ||
	       wire_get_u32(tb[TCA_CAKE_ACK_FILTER], 0) == CAKE_ACK_AGGRESSIVE ||
	       /* An overhead of 0 is something else than none. */
	       (!raw && wire_get_u32(tb[TCA_CAKE_OVERHEAD], 0) == 0);
}

int qdisc_read_cake(const struct nlattr *options, struct anod_qdisc *q, bool *ret_more)
{
	const uint64_t others = HELD(TCA_CAKE_PAD) | HELD(TCA_CAKE_RAW);
	struct nlattr *tb[TCA_CAKE_MAX + 1], *rate;

	if (parse(options, tb, TCA_CAKE_MAX, (HELD(TCA_CAKE_MAX + 1) - 2) & ~others, others,
		  ret_more) < 0)
		return -EBADMSG;
	rate = tb[TCA_CAKE_BASE_RATE64];
	if (rate && nla_len(rate) < 8)
		return -EBADMSG;
	if (cake_unusual(tb) || (rate && nla_get_u64(rate) > UINT64_MAX / 8))
		*ret_more = true;

	q->rate_bps = rate ? nla_get_u64(rate) * 8 : 0;
	q->interval_us = wire_get_u32(tb[TCA_CAKE_RTT], 0);
	q->target_us = wire_get_u32(tb[TCA_CAKE_TARGET], 0);
	q->overhead = tb[TCA_CAKE_RAW] ? 0 : wire_get_u32(tb[TCA_CAKE_OVERHEAD], 0);
	if (wire_get_u32(tb[TCA_CAKE_DIFFSERV_MODE], 0) == CAKE_DIFFSERV_BESTEFFORT)
		q->flags |= ANOD_QDISC_BESTEFFORT;
	for (size_t i = 0; i < ARRAY_SIZE(cake_flags); i++)
		if (wire_get_u32(tb[cake_flags[i].attr], 0))
			q->flags |= cake_flags[i].flag;
	return 0;
}

void qdisc_write_cake(struct put *p, const struct anod_qdisc *q, const struct anod_qdisc *from)
{
	uint64_t rate = q->rate_bps / 8;

	(void) from;
	put_attr(p, TCA_CAKE_BASE_RATE64, &rate, sizeof(rate));
	put_u32(p, TCA_CAKE_DIFFSERV_MODE,
		q->flags & ANOD_QDISC_BESTEFFORT ? CAKE_DIFFSERV_BESTEFFORT
						 : CAKE_DIFFSERV_DIFFSERV3);
	put_u32(p, TCA_CAKE_RTT, q->interval_us);
	put_u32(p, TCA_CAKE_TARGET, q->target_us);
	put_u32(p, q->overhead ? TCA_CAKE_OVERHEAD : TCA_CAKE_RAW, q->overhead);
	for (size_t i = 0; i < ARRAY_SIZE(cake_flags); i++)
		put_u32(p, (uint16_t) cake_flags[i].attr, !!(q->flags & cake_flags[i].flag));
}
