/*
 * ethtool - the sensor of what Ethernet devices say of themselves: modes, FEC, errors, settings.
 *
 * Design.  A reading is a row of dumps, one for each subject and for all links at once, each asked
 * when the one before has ended.  What changes with the traffic is read every 'period' while
 * anybody uses it, else every 'idle-period'; settings every 'settings-period', and at once when
 * the kernel's multicast group "monitor" tells of a change.  Drivers ask firmware for most of it
 * and the kernel holds RTNL meanwhile, so requests go by a thread and the host may slow us down
 * (pace()).  A subject that no link answers - most have no FEC - is asked again rarely.
 *
 * Nothing is changed here.  The cable test (ETHTOOL_MSG_CABLE_TEST_ACT) is left out for that
 * reason: it takes the link down, so it is an action and needs an actuator of its own.
 */
#include <anod/option.h>

#include "ethtool.h"

#include <errno.h>
#include <linux/ethtool_netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#define LOOK_US UINT64_C(60000000) /* until a family that is missing is looked for again */
#define SKIP	30		   /* readings without a question that nobody answers */
#define STATS_GROUPS                                                                               \
	((1u << ETHTOOL_STATS_ETH_PHY) | (1u << ETHTOOL_STATS_ETH_MAC) |                           \
	 (1u << ETHTOOL_STATS_ETH_CTRL) | (1u << ETHTOOL_STATS_RMON))

static anod_timer_fn on_timer;
static void ask(struct ethtool *t);

static uint64_t wanted_period(const struct ethtool *t)
{
	return t->every_us || t->lanes_every_us || t->n_wanted || t->crowd ? t->period_us
									   : t->idle_us;
}

static void again_in(struct ethtool *t, uint64_t us)
{
	if (t->timer)
		(void) t->ctx->host->cancel(t->ctx, t->timer);
	t->timer = 0;
	if (t->ctx->host->timer(t->ctx, us, 0, on_timer, NULL, &t->timer) < 0)
		(void) t->ctx->host->health(t->ctx, ANOD_HEALTH_ERROR, 1);
}

/* ---- a reading --------------------------------------------------------------------------- */

static void reading_ends(struct ethtool *t)
{
	uint64_t us = wanted_period(t);

	t->topic = TOPICS;
	t->failing = t->failed;
	if (t->with_settings && !t->failed) {
		rows_end(t);
		t->settings_due_us = t->ctx->host->now_us(t->ctx) + t->settings_us;
	}
	if (ANOD_HOST_HAS(t->ctx, pace))
		us = t->ctx->host->pace(t->ctx, us, t->held_us);
	(void) t->ctx->host->health(t->ctx, ANOD_HEALTH_PERIOD, us);
	again_in(t, us);
}

static void on_answer(struct anod_ctx *ctx, const struct nlmsghdr *m, void *data)
{
	struct ethtool *t = ctx->state;
	struct reply r;

	(void) data;
	if (m->nlmsg_type != t->family.id || !reply_parse(m, &r))
		return;
	t->answers += (r.known | r.known_words) != 0; /* some links answer with nothing */
	rows_answer(t, &r);
}

static void failed(struct ethtool *t, int error, const char *why)
{
	if (error == -EINTR)
		(void) t->ctx->host->health(t->ctx, ANOD_HEALTH_INTERRUPTED, 1);
	else if (error == -ETIMEDOUT)
		(void) t->ctx->host->health(t->ctx, ANOD_HEALTH_GAP, 1);
	else if (error == -ENOBUFS)
		(void) t->ctx->host->health(t->ctx, ANOD_HEALTH_OVERRUN, 1);
	else
		(void) t->ctx->host->health(t->ctx, ANOD_HEALTH_ERROR, 1);
	if (!t->failing && error != -EINTR)
		t->ctx->host->log(t->ctx, LOG_WARNING, "ethtool request %u: %s%s%s",
				  topics[t->topic].get, strerror(-error), *why ? ": " : "", why);
	t->failing = t->failed = true;
}

static void on_done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us, void *data)
{
	struct ethtool *t = ctx->state;

	(void) data;
	t->held_us += held_us;
	/* A subject that is younger than this kernel is no failure; an inconsistent dump is put
	 * right by the next reading, because each row stands for itself. */
	if (error == -EOPNOTSUPP || (error == 0 && t->answers == 0))
		t->skip[t->topic] = SKIP;
	else if (error < 0)
		failed(t, error, why);
	if (error == -ENOENT || error == -EINVAL) { /* the family may have another id by now */
		t->family.id = 0;
		reading_ends(t);
		return;
	}
	t->topic++;
	ask(t);
}

static const void *question(struct ethtool *t, struct anod_nl_put *p)
{
	const struct topic_info *i = &topics[t->topic];
	uint32_t nest;

	anod_nl_begin_genl(p, &t->family, i->get, NLM_F_REQUEST | NLM_F_DUMP);
	nest = anod_nl_nest(p, i->header);
	anod_nl_u32(p, ETHTOOL_A_HEADER_FLAGS, ETHTOOL_FLAG_COMPACT_BITSETS | i->flags);
	anod_nl_nest_end(p, nest);
	if (t->topic == TOPIC_STATS) {
		uint32_t groups = STATS_GROUPS;

		nest = anod_nl_nest(p, ETHTOOL_A_STATS_GROUPS);
		anod_nl_attr(p, ETHTOOL_A_BITSET_NOMASK, NULL, 0);
		anod_nl_u32(p, ETHTOOL_A_BITSET_SIZE, 4);
		anod_nl_attr(p, ETHTOOL_A_BITSET_VALUE, &groups, sizeof(groups));
		anod_nl_nest_end(p, nest);
	}
	return anod_nl_end(p);
}

/* Ask what is next. */
static void ask(struct ethtool *t)
{
	enum topic end = t->with_settings ? TOPICS : TOPIC_SETTINGS;
	struct anod_nl_put p;
	const void *m;
	int e;

	while (t->topic < end && t->skip[t->topic]) {
		t->skip[t->topic]--;
		t->topic++;
	}
	if (t->topic >= end) {
		reading_ends(t);
		return;
	}
	t->answers = 0;
	t->next = 0;
	m = question(t, &p);
	e = m ? anod_nl_ask(t->nl, m, on_answer, on_done, NULL) : -EMSGSIZE;
	if (e < 0) {
		failed(t, e, "");
		reading_ends(t);
	}
}

/* ---- when -------------------------------------------------------------------------------- */

static void on_news(struct anod_ctx *ctx, const struct nlmsghdr *m, void *data)
{
	struct ethtool *t = ctx->state;
	struct reply r;

	(void) data;
	if (!m) {
		(void) ctx->host->health(ctx, ANOD_HEALTH_OVERRUN, 1);
		t->settings_due_us = 0; /* with the next reading */
		return;
	}
	if (t->family.id && m->nlmsg_type == t->family.id && reply_parse(m, &r))
		rows_answer(t, &r);
}

/* 0, or -errno: there is no such family (now). */
static int find_family(struct ethtool *t)
{
	int e = anod_nl_family(t->nl, ETHTOOL_GENL_NAME, &t->family);
	uint32_t group;

	if (e < 0) {
		t->family.id = 0;
		if (!t->missing)
			t->ctx->host->log(t->ctx, LOG_INFO,
					  "this kernel has no ethtool netlink (%s); looking again "
					  "every minute",
					  strerror(-e));
		t->missing = true;
		return e;
	}
	t->missing = false;
	group = anod_nl_group(&t->family, ETHTOOL_MCGRP_MONITOR_NAME);
	anod_nl_close(t->news);
	t->news = NULL;
	if (group)
		e = anod_nl_open(t->ctx, NETLINK_GENERIC, 0, &t->news);
	if (group && e >= 0)
		e = anod_nl_listen(t->news, group, on_news, NULL);
	if (e < 0) /* then settings are only as fresh as their period */
		t->ctx->host->log(t->ctx, LOG_WARNING, "cannot listen for changed settings: %s",
				  strerror(-e));
	return 0;
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct ethtool *t = ctx->state;

	(void) id, (void) data;
	t->timer = 0;
	if (!t->family.id && find_family(t) < 0) {
		again_in(t, LOOK_US);
		return;
	}
	t->with_settings = ctx->host->now_us(ctx) >= t->settings_due_us;
	t->held_us = 0;
	t->failed = false;
	t->round++;
	t->topic = 0;
	ask(t);
}

static uint64_t hash(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (uint8_t) *text) * UINT64_C(0x100000001b3); /* FNV-1a */
	return (h ^ '/') * UINT64_C(0x100000001b3);
}

static void want(struct ethtool *t, uint64_t which, bool on)
{
	unsigned i = 0;

	while (i < t->n_wanted && t->wanted[i] != which)
		i++;
	if (!on && i < t->n_wanted)
		t->wanted[i] = t->wanted[--t->n_wanted];
	else if (on && i == t->n_wanted && i < WANTED_MAX)
		t->wanted[t->n_wanted++] = which;
	else if (on && i == WANTED_MAX)
		t->crowd = true;
}

static int ethtool_need(struct anod_ctx *ctx, const char *kind, const char *entity,
			uint64_t every_us)
{
	struct ethtool *t = ctx->state;
	uint64_t before_us = wanted_period(t);

	if (entity)
		want(t, hash(hash(UINT64_C(0xcbf29ce484222325), kind), entity), every_us > 0);
	else if (strcmp(kind, "link") == 0)
		t->every_us = every_us;
	else
		t->lanes_every_us = every_us;
	if (t->topic == TOPICS && t->family.id && wanted_period(t) < before_us)
		again_in(t, 1000);
	return 0;
}

/* ---- life -------------------------------------------------------------------------------- */

static int ethtool_init(struct anod_ctx *ctx)
{
	struct ethtool *t = ctx->host->alloc(ctx, sizeof(*t));

	if (!t)
		return -ENOMEM;
	if (!ANOD_HOST_HAS(ctx, health))
		return -ENOSYS;
	t->ctx = ctx;
	t->topic = TOPICS;
	ctx->state = t;
	return 0;
}

static int ethtool_start(struct anod_ctx *ctx)
{
	struct ethtool *t = ctx->state;
	int e;

	t->first_fact = ctx->host->fact_id(ctx, "link.speed");
	t->first_lane_fact = ctx->host->fact_id(ctx, "feclane.corrected");
	e = t->first_fact < 0 ? t->first_fact : t->first_lane_fact;
	if (e >= 0)
		e = anod_option(ctx, "period", &t->period_us);
	if (e >= 0)
		e = anod_option(ctx, "idle-period", &t->idle_us);
	if (e >= 0)
		e = anod_option(ctx, "settings-period", &t->settings_us);
	if (e < 0)
		return e;
	if (t->idle_us < t->period_us)
		t->idle_us = t->period_us;

	e = anod_nl_open(ctx, NETLINK_GENERIC, ANOD_NL_SLOW, &t->nl);
	if (e < 0) {
		ctx->host->log(ctx, LOG_ERR, "cannot open a netlink socket: %s", strerror(-e));
		return e;
	}
	/* Soon, when the sensor rtnl has named the links. */
	again_in(t, t->period_us / 2);
	return 0;
}

static void ethtool_stop(struct anod_ctx *ctx)
{
	struct ethtool *t = ctx->state;

	if (t->timer)
		(void) ctx->host->cancel(ctx, t->timer);
	t->timer = 0;
	anod_nl_close(t->news);
	anod_nl_close(t->nl);
	t->news = t->nl = NULL;
}

static void ethtool_fini(struct anod_ctx *ctx)
{
	struct ethtool *t = ctx->state;

	if (!t)
		return;
	ethtool_stop(ctx); /* a failed start leaves some open */
	rows_free(t);
}

static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "1s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "time between two readings of counters and link state while anybody uses them" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "10s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "the same while nobody does; not less than 'period'" },
	{ .name = "incident-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "1s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "the same for a link in an open incident; all links are read then" },
	{ .name = "settings-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "60s",
	  .min = 1e6,
	  .max = 60e6,
	  .help = "time between two readings of what changes by configuration; the kernel tells of "
		  "changes besides" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "ethtool",
	.version = "1",
	.summary = "modes, FEC, IEEE 802.3 counters and settings of Ethernet links",
	.opts = opts,
	.kinds = ethtool_kinds,
	.init = ethtool_init,
	.start = ethtool_start,
	.stop = ethtool_stop,
	.fini = ethtool_fini,
	.need = ethtool_need,
	.source = "generic netlink \"ethtool\" (uapi/linux/ethtool_netlink.h)",
	.cost = "0.02 % of a core and 1.3 ms of the kernel's time a second with 64 veth links on a "
		"busy "
		"machine; drivers that ask their firmware take longer, and are asked less often "
		"then",
	.example = "rate(link.fec_uncorrected, 10s) > 0 or link.down_reason == \"no-cable\"",
};
