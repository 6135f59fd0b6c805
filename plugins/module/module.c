/*
 * module - the sensor of pluggable modules: what is plugged in, its light, its temperature.
 *
 * Design.  One round reads every port, one after the other, one piece after the other: I2C is slow
 * (a byte takes 25 to 90 us) and the kernel holds RTNL meanwhile, so requests go by a thread and
 * the host may slow the rounds down (pace()).  The kernel answers this question only to who has
 * CAP_NET_ADMIN; the thread has it, the process does without (ANOD_NL_ADMIN).
 *
 * Nothing is written to a module.
 */
#include <anod/option.h>

#include "module.h"

#include <errno.h>
#include <linux/ethtool_netlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#define LOOK_US	  UINT64_C(60000000) /* until a family that is missing is looked for again */
#define WAIT_NONE 30		     /* rounds until a port that has no module is asked again */
#define WAIT_BAD  3		     /* and one whose module did not answer */

static anod_timer_fn on_timer;
static void read_port(struct sensor *s);

static uint64_t wanted_period(const struct sensor *s)
{
	return s->every_us[0] || s->every_us[1] ? s->period_us : s->idle_us;
}

static void again_in(struct sensor *s, uint64_t us)
{
	if (s->timer)
		(void) s->ctx->host->cancel(s->ctx, s->timer);
	s->timer = 0;
	if (s->ctx->host->timer(s->ctx, us, 0, on_timer, NULL, &s->timer) < 0)
		(void) s->ctx->host->health(s->ctx, ANOD_HEALTH_ERROR, 1);
}

/* ---- a round ------------------------------------------------------------------------------- */

static void round_ends(struct sensor *s)
{
	uint64_t us = wanted_period(s);

	if (ANOD_HOST_HAS(s->ctx, pace))
		us = s->ctx->host->pace(s->ctx, us, s->held_us);
	(void) s->ctx->host->health(s->ctx, ANOD_HEALTH_PERIOD, us);
	again_in(s, us);
}

static void on_answer(struct anod_ctx *ctx, const struct nlmsghdr *m, void *data)
{
	struct sensor *s = ctx->state;
	struct port *p = s->port[s->at];
	const uint8_t *bytes = eeprom_data(m, p->ifindex, s->asked->len);

	(void) data;
	if (m->nlmsg_type != s->family.id || !bytes || s->arrived)
		return;
	s->arrived = true;
	port_take(p, s->asked, bytes);
}

/* The port did not answer: why, and when to ask again. */
static void refused(struct sensor *s, struct port *p, int error)
{
	bool had = p->entity != 0;

	if (error == -EPERM && !s->refused) {
		s->ctx->host->log(s->ctx, LOG_NOTICE,
				  "reading modules needs CAP_NET_ADMIN, which this process may not "
				  "have: start anod with it");
		s->refused = true;
	}
	if (had && error != -ENODEV)
		(void) s->ctx->host->health(s->ctx, ANOD_HEALTH_ERROR, 1);
	if (error == -EAGAIN || error == -EBUSY || error == -ETIMEDOUT || error == -ENOBUFS) {
		p->wait = 0; /* the flags that were read stay in the shadow; facts age */
		return;
	}
	port_lost(s, p);
	p->wait = had ? WAIT_BAD : WAIT_NONE;
}

static void on_done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us, void *data)
{
	struct sensor *s = ctx->state;
	struct port *p = s->port[s->at];

	(void) why, (void) data;
	s->held_us += held_us;
	if (error == 0 && !s->arrived)
		error = -EBADMSG;
	if (error < 0) {
		refused(s, p, error);
		s->at++;
		s->step = 0;
	}
	read_port(s);
}

static int ask(struct sensor *s, const struct port *p, const struct chunk *c)
{
	struct anod_nl_put put;
	uint32_t nest;
	const void *m;

	anod_nl_begin_genl(&put, &s->family, ETHTOOL_MSG_MODULE_EEPROM_GET,
			   NLM_F_REQUEST | NLM_F_ACK);
	nest = anod_nl_nest(&put, ETHTOOL_A_MODULE_EEPROM_HEADER);
	anod_nl_u32(&put, ETHTOOL_A_HEADER_DEV_INDEX, p->ifindex);
	anod_nl_nest_end(&put, nest);
	anod_nl_u32(&put, ETHTOOL_A_MODULE_EEPROM_OFFSET, c->offset);
	anod_nl_u32(&put, ETHTOOL_A_MODULE_EEPROM_LENGTH, c->len);
	anod_nl_u8(&put, ETHTOOL_A_MODULE_EEPROM_PAGE, c->page);
	anod_nl_u8(&put, ETHTOOL_A_MODULE_EEPROM_BANK, 0);
	anod_nl_u8(&put, ETHTOOL_A_MODULE_EEPROM_I2C_ADDRESS, c->i2c);
	m = anod_nl_end(&put);
	s->asked = c;
	s->arrived = false;
	return m ? anod_nl_ask(s->nl, m, on_answer, on_done, NULL) : -EMSGSIZE;
}

/* Ask for the next piece of this port, or of the next one. */
static void read_port(struct sensor *s)
{
	for (; s->at < s->n_ports; s->at++, s->step = 0) {
		struct port *p = s->port[s->at];
		const struct chunk *c;
		int e;

		if (s->step == 0) {
			if (p->wait && p->wait--)
				continue;
			port_begin(s, p);
			if (p->complete)
				s->step = 1;
		}
		c = port_next(p, &s->step);
		if (!c) {
			port_publish(s, p);
			continue;
		}
		e = ask(s, p, c);
		if (e >= 0)
			return;
		refused(s, p, e);
	}
	round_ends(s);
}

/* ---- when ---------------------------------------------------------------------------------- */

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct sensor *s = ctx->state;
	int e = 0;

	(void) id, (void) data;
	s->timer = 0;
	if (!s->family.id)
		e = anod_nl_family(s->nl, ETHTOOL_GENL_NAME, &s->family);
	if (e < 0) {
		s->family.id = 0;
		if (!s->missing)
			ctx->host->log(
				ctx, LOG_INFO,
				"this kernel has no ethtool netlink (%s); looking again every "
				"minute",
				strerror(-e));
		s->missing = true;
		again_in(s, LOOK_US);
		return;
	}
	s->held_us = 0;
	ports_find(s);
	s->at = 0;
	s->step = 0;
	read_port(s);
}

static int module_need(struct anod_ctx *ctx, const char *kind, const char *entity,
		       uint64_t every_us)
{
	struct sensor *s = ctx->state;
	uint64_t before = wanted_period(s);

	if (entity) /* one port more often than the others would not be cheaper */
		return 0;
	s->every_us[strcmp(kind, "optic") == 0] = every_us;
	if (s->timer && wanted_period(s) < before)
		again_in(s, 1000);
	return 0;
}

/* ---- life ---------------------------------------------------------------------------------- */

static int module_init(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->host->alloc(ctx, sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (!ANOD_HOST_HAS(ctx, health))
		return -ENOSYS;
	s->ctx = ctx;
	ctx->state = s;
	return 0;
}

static int module_start(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;
	int e;

	s->first_module = ctx->host->fact_id(ctx, "module.temperature");
	s->first_optic = ctx->host->fact_id(ctx, "optic.rx_power");
	e = s->first_module < 0 ? s->first_module : s->first_optic;
	if (e >= 0)
		e = anod_option(ctx, "period", &s->period_us);
	if (e >= 0)
		e = anod_option(ctx, "idle-period", &s->idle_us);
	if (e < 0)
		return e;
	if (s->idle_us < s->period_us)
		s->idle_us = s->period_us;

	e = anod_nl_open(ctx, NETLINK_GENERIC, ANOD_NL_SLOW | ANOD_NL_ADMIN, &s->nl);
	if (e < 0) {
		ctx->host->log(ctx, LOG_ERR, "cannot open a netlink socket: %s", strerror(-e));
		return e;
	}
	again_in(s, s->period_us < 1000000 ? s->period_us : 1000000);
	return 0;
}

static void module_stop(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (s->timer)
		(void) ctx->host->cancel(ctx, s->timer);
	s->timer = 0;
	anod_nl_close(s->nl);
	s->nl = NULL;
}

static void module_fini(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (!s)
		return;
	module_stop(ctx); /* a failed start leaves some open */
	ports_free(s);
}

static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "10s",
	  .min = 100e3,
	  .max = 60e6,
	  .help = "time between two readings of all modules while anybody uses the values" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "60s",
	  .min = 100e3,
	  .max = 60e6,
	  .help = "the same while nobody does; not less than 'period'" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "module",
	.version = "1",
	.summary = "pluggable modules: identity, light, temperature, alarms of each lane",
	.opts = opts,
	.kinds = module_kinds,
	.init = module_init,
	.start = module_start,
	.stop = module_stop,
	.fini = module_fini,
	.need = module_need,
	.cost = "86 bytes of I2C a reading of a CMIS module, 58 of a QSFP, 22 of an SFP (at 400 "
		"kHz 25 us "
		"each), in a thread; all pages when it is new; nothing where there is no module",
	.source = "MODULE_EEPROM_GET of generic netlink \"ethtool\"; SFF-8472, SFF-8636, "
		  "OIF-CMIS-05.2",
	.example = "optic.rx_power < module.rx_low_warning or optic.faults > 0",
};
