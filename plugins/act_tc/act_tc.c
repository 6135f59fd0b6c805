/*
 * act_tc - the actuator for the queueing discipline at the root of a link.
 *
 * Design.  Every setting of the new discipline is told to the kernel, also the usual ones: what is
 * there afterwards does not hang on what was there before, and can be compared member by member.
 * The usual ones are those of tc(8).  A link without a discipline that somebody chose has what the
 * kernel chooses; that comes back when ours is deleted, which is the undo.
 */
#include <anod/plan.h>
#include <anod/rtnl.h>

#include <errno.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define FRAME	   1514u /* bytes of a full Ethernet frame without its checksum */
#define RATE_MIN   8000
#define RATE_MAX   INT64_C(8000000000000) /* 1 TB/s */
#define US	   INT64_C(1)
#define S	   (INT64_C(1000000) * US)
#define HZ_SLOWEST 250u /* a bucket must hold what goes out between two ticks */

/* ---- what a kind has ----------------------------------------------------------------------- */

enum {
	HAS_RATE = 1,
	HAS_BURST = 2,
	HAS_LIMIT = 4,
	HAS_TARGET = 8,
	HAS_INTERVAL = 16,
	HAS_FLOWS = 32,
	HAS_QUANTUM = 64,
	HAS_ECN = 128,
	HAS_RTT = 256,
	HAS_CAKE = 512,
};

static const struct kind {
	const char *name;
	unsigned has;
	struct anod_qdisc usual;
} kinds[] = {
	{ "fq_codel",
	  HAS_LIMIT | HAS_TARGET | HAS_INTERVAL | HAS_FLOWS | HAS_QUANTUM | HAS_ECN,
	  { .limit = 10240,
	    .flows = 1024,
	    .target_us = 5000,
	    .interval_us = 100000,
	    .quantum = FRAME,
	    .flags = ANOD_QDISC_ECN } },
	{ "cake",
	  HAS_RATE | HAS_RTT | HAS_CAKE,
	  { .interval_us = 100000, .target_us = 5000, .flags = ANOD_QDISC_SPLIT_GSO } },
	{ "tbf", HAS_RATE | HAS_BURST | HAS_LIMIT, { 0 } },
	{ "fq",
	  HAS_LIMIT | HAS_FLOWS | HAS_QUANTUM,
	  { .limit = 10000, .flows = 1024, .quantum = 2 * FRAME } },
	{ "codel",
	  HAS_LIMIT | HAS_TARGET | HAS_INTERVAL | HAS_ECN,
	  { .limit = 1000, .target_us = 5000, .interval_us = 100000 } },
	{ "pfifo", HAS_LIMIT, { .limit = 1000 } },
	{ "bfifo", HAS_LIMIT, { .limit = 1000 * FRAME } },
	{ "pfifo_fast", 0, { 0 } },
	{ "noqueue", 0, { 0 } },
};

static const char *const kind_words[] = { "fq_codel", "cake",  "tbf",	     "fq",	"codel",
					  "pfifo",    "bfifo", "pfifo_fast", "noqueue", NULL };
static const char *const diffserv_words[] = { "besteffort", "diffserv3", NULL };

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

/* ---- arguments ----------------------------------------------------------------------------- */

/* Is the argument there, though a qdisc of this kind has nothing of the sort? */
static int only_of(struct anod_job *j, const struct kind *k, const char *name, unsigned has)
{
	for (uint32_t i = 0; i < j->a->n_args && i < ANOD_ARGS_MAX; i++)
		if (strncmp(j->a->arg[i].name, name, ANOD_KIND_SIZE) == 0 && !(k->has & has))
			return anod_refuse(j, -EINVAL, "a qdisc of kind %s has no '%s'", k->name,
					   name);
	return 0;
}

static int take_numbers(struct anod_job *j, const struct kind *k, struct anod_qdisc *q)
{
	const struct {
		const char *name;
		unsigned has;
		int64_t min, max;
		uint32_t *to;
	} args[] = {
		{ "burst", HAS_BURST, FRAME, 1 << 30, &q->burst },
		{ "limit", HAS_LIMIT, 1, INT32_MAX, &q->limit },
		{ "target", HAS_TARGET, 20 * US, S, &q->target_us },
		{ "interval", HAS_INTERVAL, 100 * US, 10 * S, &q->interval_us },
		{ "rtt", HAS_RTT, 100 * US, 10 * S, &q->interval_us },
		{ "quantum", HAS_QUANTUM, 256, 1 << 20, &q->quantum },
		{ "flows", HAS_FLOWS, 1, 65536, &q->flows },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(args) && r >= 0; i++) {
		r = only_of(j, k, args[i].name, args[i].has);
		if (r >= 0)
			r = anod_arg_int(j, args[i].name, args[i].min, args[i].max, args[i].to);
	}
	if (r >= 0 && k->has & HAS_RTT)
		q->target_us = q->interval_us / 20; /* as tc(8) has it */
	if (r >= 0 && strcmp(k->name, "fq") == 0 && q->flows & (q->flows - 1))
		return anod_refuse(j, -EINVAL, "flows of fq must be a power of two, not %u",
				   q->flows);
	return r < 0 ? r : 0;
}

static int take_flags(struct anod_job *j, const struct kind *k, struct anod_qdisc *q)
{
	static const struct {
		const char *name;
		unsigned has;
		uint32_t flag;
	} args[] = {
		{ "ecn", HAS_ECN, ANOD_QDISC_ECN },
		{ "nat", HAS_CAKE, ANOD_QDISC_NAT },
		{ "ingress", HAS_CAKE, ANOD_QDISC_INGRESS },
		{ "ack_filter", HAS_CAKE, ANOD_QDISC_ACK_FILTER },
		{ "wash", HAS_CAKE, ANOD_QDISC_WASH },
	};
	const char *word = "";
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(args) && r >= 0; i++) {
		bool on = q->flags & args[i].flag;

		r = only_of(j, k, args[i].name, args[i].has);
		if (r >= 0)
			r = anod_arg_bool(j, args[i].name, &on);
		q->flags = on ? q->flags | args[i].flag : q->flags & ~args[i].flag;
	}
	if (r >= 0)
		r = only_of(j, k, "diffserv", HAS_CAKE);
	if (r >= 0)
		r = anod_arg_text(j, "diffserv", &word);
	if (r > 0 && strcmp(word, "besteffort") == 0)
		q->flags |= ANOD_QDISC_BESTEFFORT;
	return r < 0 ? r : 0;
}

static int take_overhead(struct anod_job *j, const struct kind *k, struct anod_qdisc *q)
{
	int64_t bytes = 0;
	int r = only_of(j, k, "overhead", HAS_CAKE);

	if (r >= 0)
		r = anod_arg_int64(j, "overhead", -64, 256, &bytes);
	q->overhead = (uint32_t) (int32_t) bytes;
	return r < 0 ? r : 0;
}

/* The kernel counts in bytes. */
static uint64_t whole_bytes(int64_t bps)
{
	return (uint64_t) bps / 8 * 8;
}

/* A bucket that holds 4 ms, and a queue for 50 ms: small enough not to be the delay that a shaper is
 * there to end. */
static void fill_tbf(struct anod_qdisc *q)
{
	uint64_t rate = q->rate_bps / 8, burst = rate / HZ_SLOWEST, queue = rate / 20;

	burst = burst < 10 * FRAME ? 10 * FRAME : burst;
	queue = queue < 10 * FRAME ? 10 * FRAME : queue;
	if (!q->burst)
		q->burst = burst < 1u << 30 ? (uint32_t) burst : 1u << 30;
	if (!q->limit)
		q->limit = queue + q->burst < INT32_MAX ? (uint32_t) (queue + q->burst) : INT32_MAX;
}

static int take_rate(struct anod_job *j, const struct kind *k, struct anod_qdisc *q)
{
	int64_t bps = 0;
	int r = only_of(j, k, "rate", HAS_RATE);

	if (r >= 0)
		r = anod_arg_int64(j, "rate", RATE_MIN, RATE_MAX, &bps);
	if (r == 0 && k->has & HAS_BURST)
		return anod_refuse(j, -EINVAL, "a qdisc of kind %s needs a rate", k->name);
	q->rate_bps = whole_bytes(bps);
	return r < 0 ? r : 0;
}

static int get_dev(struct anod_job *j, struct anod_object *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->type = ANOD_OBJ_QDISC;
	return anod_need(j, "dev", anod_arg_link(j, "dev", &ret->u.qdisc.ifindex));
}

/* ---- plans --------------------------------------------------------------------------------- */

static int plan_replace(const struct anod_action *a, const struct anod_view *v,
			struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	struct anod_object post, pre;
	struct anod_qdisc *q = &post.u.qdisc;
	const char *word = "";
	const struct kind *k;
	uint32_t ifindex;
	int r;

	r = get_dev(&j, &post);
	if (r >= 0)
		r = anod_need(&j, "type", anod_arg_text(&j, "type", &word));
	if (r < 0)
		return r;
	k = kind_of(word);
	if (!k)
		return anod_refuse(&j, -EINVAL, "no kind of qdisc that can be made is '%s'", word);

	ifindex = q->ifindex;
	*q = k->usual;
	q->ifindex = ifindex;
	memcpy(q->kind, k->name, strlen(k->name));
	r = take_rate(&j, k, q);
	if (r >= 0)
		r = take_numbers(&j, k, q);
	if (r >= 0)
		r = take_flags(&j, k, q);
	if (r >= 0)
		r = take_overhead(&j, k, q);
	if (r < 0)
		return r;
	if (k->has & HAS_BURST)
		fill_tbf(q);

	r = anod_look(&j, &post, &pre);
	return r < 0 ? r : anod_add_change(&j, r ? &pre : NULL, &post);
}

static int plan_rate(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	struct anod_object post, pre;
	const struct kind *k;
	uint32_t burst;
	int64_t bps;
	int r;

	r = get_dev(&j, &post);
	if (r >= 0)
		r = anod_need(&j, "rate", anod_arg_int64(&j, "rate", RATE_MIN, RATE_MAX, &bps));
	if (r >= 0)
		r = anod_look(&j, &post, &pre);
	if (r < 0)
		return r;
	k = r ? kind_of(pre.u.qdisc.kind) : NULL;
	if (!k || !(k->has & HAS_RATE))
		return anod_refuse(&j, -EINVAL,
				   "its qdisc%s%s has no rate: make one with qdisc.replace, type "
				   "cake or tbf",
				   r ? " " : "", r ? pre.u.qdisc.kind : "");

	post = pre;
	post.u.qdisc.rate_bps = whole_bytes(bps);
	/* A bucket that is too small for the rate would be the limit. */
	burst = post.u.qdisc.burst;
	post.u.qdisc.burst = 0;
	if (k->has & HAS_BURST)
		fill_tbf(&post.u.qdisc);
	if (burst > post.u.qdisc.burst)
		post.u.qdisc.burst = burst;
	return anod_add_change(&j, &pre, &post);
}

static int plan_del(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	struct anod_object key, pre;
	int r;

	r = get_dev(&j, &key);
	if (r >= 0)
		r = anod_look(&j, &key, &pre);
	if (r == 0)
		return anod_refuse(&j, -ENOENT, "its qdisc is the one that the kernel chooses");
	return r < 0 ? r : anod_add_change(&j, &pre, NULL);
}

/* ---- the plugin ---------------------------------------------------------------------------- */

#define LINK                                                                                       \
	{                                                                                          \
		.name = "dev", .type = ANOD_TEXT, .required = 1, .entity = "link", .help = "link"  \
	}
#define END                                                                                        \
	{                                                                                          \
		0                                                                                  \
	}
#define INT(n, u, lo, hi, text)                                                                    \
	{                                                                                          \
		.name = n, .type = ANOD_INT, .unit = u, .min = lo, .max = hi, .help = text         \
	}
#define BOOL(n, text)                                                                              \
	{                                                                                          \
		.name = n, .type = ANOD_BOOL, .help = text                                         \
	}

static const struct anod_param params_replace[] = {
	LINK,
	{ .name = "type", /* "kind" is the action's own, to a policy */
	  .type = ANOD_TEXT,
	  .required = 1,
	  .words = kind_words,
	  .help = "queueing discipline" },
	INT("rate", ANOD_UNIT_BPS, RATE_MIN, RATE_MAX, "tbf, cake: shaped to this"),
	INT("burst", ANOD_UNIT_BYTES, FRAME, 1 << 30, "tbf: size of the bucket; else 4 ms"),
	INT("limit", 0, 1, INT32_MAX, "packets, of tbf and bfifo bytes; tbf: else 50 ms"),
	INT("target", ANOD_UNIT_TIME, 20, S, "codel, fq_codel: delay that may stand; else 5 ms"),
	INT("interval", ANOD_UNIT_TIME, 100, 10 * S, "codel, fq_codel: else 100 ms"),
	INT("rtt", ANOD_UNIT_TIME, 100, 10 * S, "cake: round trip of its flows; else 100 ms"),
	INT("flows", 0, 1, 65536, "fq_codel, fq: queues; else 1024"),
	INT("quantum", ANOD_UNIT_BYTES, 256, 1 << 20, "fq_codel, fq: bytes of a turn"),
	BOOL("ecn", "codel, fq_codel: mark before dropping"),
	INT("overhead", ANOD_UNIT_BYTES, -64, 256, "cake: bytes that the line adds to a packet"),
	BOOL("nat", "cake: hosts behind our NAT are told apart"),
	{ .name = "diffserv",
	  .type = ANOD_TEXT,
	  .words = diffserv_words,
	  .help = "cake: classes by DSCP; else diffserv3" },
	BOOL("ingress", "cake: shapes what has come in"),
	BOOL("ack_filter", "cake: drops TCP acks that a later one makes needless"),
	BOOL("wash", "cake: takes the DSCP out"),
	END,
};
static const struct anod_param params_rate[] = {
	LINK,
	{ .name = "rate",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_BPS,
	  .required = 1,
	  .min = RATE_MIN,
	  .max = RATE_MAX,
	  .help = "shaped to this" },
	END,
};
static const struct anod_param params_del[] = { LINK, END };

static const struct anod_action_desc tc_actions[] = {
	{ "qdisc.replace", "give a link another queueing discipline, or other settings of its own",
	  params_replace, ANOD_ACT_UNDO, plan_replace },
	{ "qdisc.rate", "shape a link to another rate; all else of its tbf or cake stays",
	  params_rate, ANOD_ACT_UNDO, plan_rate },
	{ "qdisc.del", "go back to the queueing discipline that the kernel chooses", params_del,
	  ANOD_ACT_UNDO, plan_del },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_ACTUATOR,
	.name = "act_tc",
	.version = "1",
	.summary = "queueing disciplines through rtnetlink",
	.actions = tc_actions,
};
