/*
 * qdisc - the queueing discipline at the root of a link (RTM_NEWQDISC, uapi/linux/pkt_sched.h).
 *
 * Design.  What the kernel has put there by itself has the handle 0; it comes back when the root is
 * deleted, so it counts as "not there".  Of what hangs below the root the object knows nothing, but
 * that somebody has put something there makes the root one that could not be restored.
 *
 * A request always tells every setting.  It is a change in place, without loss of what waits in the
 * queue, where the kernel has that.  Else it makes a new one, which takes the place of the old one in
 * the same moment; of one of the same kind that needs another handle, or the kernel would change the
 * old one after all (tc_modify_qdisc(), net/sched/sch_api.c, Linux 6.1).
 */
#include "rtnl/qdisc.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <string.h>

static const struct nla_policy policy[TCA_MAX + 1] = {
	[TCA_KIND] = { .type = NLA_STRING },
};

/* Settings of pfifo_fast and noqueue: none. */
static int read_none(const struct nlattr *options, struct anod_qdisc *q, bool *ret_more)
{
	(void) options;
	(void) q;
	(void) ret_more;
	return 0;
}

static void write_none(struct put *p, const struct anod_qdisc *q, const struct anod_qdisc *from)
{
	(void) p;
	(void) q;
	(void) from;
}

static const struct kind {
	const char *name;
	qdisc_read_fn *read;
	qdisc_write_fn *write;
	bool flat; /* TCA_OPTIONS holds a struct */
} kinds[] = {
	{ "noqueue", read_none, write_none },
	{ "pfifo_fast", read_none, write_none },
	{ "pfifo", qdisc_read_fifo, qdisc_write_fifo, true },
	{ "bfifo", qdisc_read_fifo, qdisc_write_fifo, true },
	{ "tbf", qdisc_read_tbf, qdisc_write_tbf },
	{ "codel", qdisc_read_codel, qdisc_write_codel },
	{ "fq_codel", qdisc_read_fq_codel, qdisc_write_fq_codel },
	{ "fq", qdisc_read_fq, qdisc_write_fq },
	{ "cake", qdisc_read_cake, qdisc_write_cake },
};

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strncmp(kinds[i].name, name, ANOD_IFNAME_SIZE) == 0)
			return &kinds[i];
	return NULL;
}

bool anod_qdisc_known(const char *kind)
{
	return kind_of(kind) != NULL;
}

static int decode_root(struct nlattr **tb, struct anod_object *ret, bool *ret_more)
{
	const struct kind *kind;

	wire_get_name(tb[TCA_KIND], ret->u.qdisc.kind);
	kind = kind_of(ret->u.qdisc.kind);
	if (!kind) {
		*ret_more = true;
		return 0;
	}
	return kind->read(tb[TCA_OPTIONS], &ret->u.qdisc, ret_more);
}

int codec_qdisc_decode(const struct nlmsghdr *m, struct anod_object *ret)
{
	const uint64_t held = HELD(TCA_KIND) | HELD(TCA_OPTIONS) | HELD(TCA_STATS) |
			      HELD(TCA_XSTATS) | HELD(TCA_FCNT) | HELD(TCA_STATS2) | HELD(TCA_PAD) |
			      HELD(TCA_HW_OFFLOAD);
	struct nlattr *tb[TCA_MAX + 1];
	const struct tcmsg *t = wire_head(m);
	bool more = false;
	int r;

	r = wire_parse(m, sizeof(*t), tb, TCA_MAX, policy, held, &more);
	if (r < 0)
		return r;
	if (t->tcm_ifindex <= 0)
		return -EBADMSG;
	/* Hooks for what comes in are no queues. */
	if (TC_H_MAJ(t->tcm_parent) == TC_H_MAJ(TC_H_INGRESS) && t->tcm_parent != TC_H_ROOT)
		return 0;

	ret->u.qdisc.ifindex = (uint32_t) t->tcm_ifindex;
	if (t->tcm_parent != TC_H_ROOT) {
		ret->flags |= ANOD_OBJ_LOSSY | ANOD_OBJ_BELOW;
		return t->tcm_handle ? 1 : 0; /* else it came with its parent */
	}
	if (!t->tcm_handle)
		return 2;

	ret->u.qdisc.handle = t->tcm_handle;
	r = decode_root(tb, ret, &more);
	if (more)
		ret->flags |= ANOD_OBJ_LOSSY;
	return r < 0 ? r : 1;
}

bool qdisc_in_place(const struct anod_qdisc *from, const struct anod_qdisc *to)
{
	/* The number of queues is fixed when it is made; fq's could be changed, fq_codel's not. */
	return strcmp(from->kind, to->kind) == 0 && from->flows == to->flows;
}

static void write_options(struct put *p, const struct anod_qdisc *q, const struct anod_qdisc *from)
{
	const struct kind *kind = kind_of(q->kind);
	size_t nest;

	put_name(p, TCA_KIND, q->kind);
	if (kind->write == write_none)
		return;
	if (kind->flat) {
		kind->write(p, q, from);
		return;
	}
	nest = put_nest(p, TCA_OPTIONS);
	kind->write(p, q, from);
	put_nest_end(p, nest);
}

/* One that is restored gets its own again.  Two of one kind that are no change in place have another
 * number of queues, which makes the difference where neither has a handle yet.  0: the kernel's
 * choice. */
static uint32_t new_handle(const struct anod_qdisc *q, const struct anod_qdisc *from)
{
	uint32_t handle;

	if (q->handle || !from || strcmp(q->kind, from->kind) != 0)
		return q->handle;
	handle = (0x4000u + q->flows % 0x3fffu) << 16;
	return handle == from->handle ? handle + (1u << 16) : handle;
}

int codec_qdisc_encode(enum anod_rtnl_verb verb, const struct anod_object *o,
		       const struct anod_object *from, void *buf, struct put *p)
{
	const struct anod_qdisc *q = &o->u.qdisc;
	const struct anod_qdisc *old =
		from && qdisc_in_place(&from->u.qdisc, q) ? &from->u.qdisc : NULL;
	struct tcmsg *t;

	if (verb == ANOD_RTNL_GET) {
		/* The kernel does not filter; an answer to a request for one goes to all listeners. */
		(void) put_begin(p, buf, RTM_GETQDISC, NLM_F_DUMP, sizeof(*t));
		return 0;
	}
	if (o->flags & ANOD_OBJ_LOSSY || (verb == ANOD_RTNL_SET && !kind_of(q->kind)))
		return -EOPNOTSUPP;
	if (verb == ANOD_RTNL_DEL)
		t = put_begin(p, buf, RTM_DELQDISC, NLM_F_ACK, sizeof(*t));
	else
		t = put_begin(p, buf, RTM_NEWQDISC, SET_FLAGS, sizeof(*t));
	t->tcm_ifindex = (int) q->ifindex;
	t->tcm_parent = TC_H_ROOT;
	if (verb == ANOD_RTNL_SET && !old)
		t->tcm_handle = new_handle(q, from ? &from->u.qdisc : NULL);
	if (verb == ANOD_RTNL_SET)
		write_options(p, q, old);
	return 0;
}

void anod_object_merge_below(struct anod_object *root, const struct anod_object *below)
{
	if (root->type == 0)
		*root = *below;
	root->flags |= ANOD_OBJ_LOSSY;
}

/* ---- comparing ----------------------------------------------------------------------------- */

static bool near(uint64_t a, uint64_t b, uint64_t by)
{
	return a > b ? a - b <= by : b - a <= by;
}

/* The kernel keeps the burst of a tbf as time, in ticks of 64 ns, and the times of codel in units of
 * 1.024 us: what comes back may differ by one of them. */
bool qdisc_matches(const struct anod_qdisc *now, const struct anod_qdisc *want)
{
	struct anod_qdisc a = *now, b = *want;

	if (!near(a.burst, b.burst, 2 + b.rate_bps / 8 * 128 / 1000000000u) ||
	    !near(a.target_us, b.target_us, 1) || !near(a.interval_us, b.interval_us, 1))
		return false;
	a.handle = b.handle = a.burst = b.burst = 0;
	a.target_us = b.target_us = a.interval_us = b.interval_us = 0;
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* ---- first in, first out; token bucket ----------------------------------------------------- */

int qdisc_read_fifo(const struct nlattr *options, struct anod_qdisc *q, bool *ret_more)
{
	struct tc_fifo_qopt opt;

	(void) ret_more;
	if (!options || nla_len(options) < (int) sizeof(opt))
		return -EBADMSG;
	memcpy(&opt, nla_data(options), sizeof(opt));
	q->limit = opt.limit;
	return 0;
}

void qdisc_write_fifo(struct put *p, const struct anod_qdisc *q, const struct anod_qdisc *from)
{
	struct tc_fifo_qopt opt = { .limit = q->limit };

	(void) from;
	put_attr(p, TCA_OPTIONS, &opt, sizeof(opt));
}

#define TICK_NS 64u /* PSCHED_TICKS2NS(1), include/net/pkt_sched.h */

int qdisc_read_tbf(const struct nlattr *options, struct anod_qdisc *q, bool *ret_more)
{
	static const struct nla_policy tbf[TCA_TBF_MAX + 1] = {
		[TCA_TBF_PARMS] = { .minlen = sizeof(struct tc_tbf_qopt) },
		[TCA_TBF_RATE64] = { .type = NLA_U64 },
	};
	const uint64_t held = HELD(TCA_TBF_PARMS) | HELD(TCA_TBF_RATE64) | HELD(TCA_TBF_PAD);
	struct nlattr *tb[TCA_TBF_MAX + 1];
	struct tc_tbf_qopt opt;
	uint64_t rate;
	double burst;

	if (!options ||
	    wire_parse_run(nla_data(options), (size_t) nla_len(options), tb, TCA_TBF_MAX, tbf, held,
			   ret_more) < 0 ||
	    !tb[TCA_TBF_PARMS])
		return -EBADMSG;
	memcpy(&opt, nla_data(tb[TCA_TBF_PARMS]), sizeof(opt));
	rate = tb[TCA_TBF_RATE64] ? nla_get_u64(tb[TCA_TBF_RATE64]) : opt.rate.rate;
	if (opt.peakrate.rate || opt.rate.overhead || opt.rate.mpu ||
	    opt.rate.linklayer == TC_LINKLAYER_ATM || rate > UINT64_MAX / 8)
		*ret_more = true;

	burst = (double) opt.buffer * TICK_NS * (double) rate / 1e9;
	q->rate_bps = rate * 8;
	q->limit = opt.limit;
	q->burst = burst < (double) UINT32_MAX ? (uint32_t) burst : UINT32_MAX;
	q->burst += (double) q->burst < burst; /* rounded up: what was asked for, as a rule */
	return 0;
}

void qdisc_write_tbf(struct put *p, const struct anod_qdisc *q, const struct anod_qdisc *from)
{
	uint64_t rate = q->rate_bps / 8;
	struct tc_tbf_qopt opt = { .limit = q->limit };

	(void) from;
	opt.rate.rate = (uint32_t) MIN_OF(rate, (uint64_t) UINT32_MAX);
	opt.rate.linklayer = TC_LINKLAYER_ETHERNET; /* else the kernel wants a table of its own */
	put_attr(p, TCA_TBF_PARMS, &opt, sizeof(opt));
	if (rate >= UINT32_MAX)
		put_attr(p, TCA_TBF_RATE64, &rate, sizeof(rate));
	put_u32(p, TCA_TBF_BURST, q->burst);
}
