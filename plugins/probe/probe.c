/*
 * probe - sensor: is an address answering over a link, and how well?
 *
 * Design.  Each probe has one timer, set for its next send or its next deadline, whichever is
 * first.  A wake-up first reads what has arrived, then judges what is due, then sends: so an
 * answer that waited for us is never judged lost.  Missed sends are skipped, not made up for.
 * Times of sends and arrivals are read from the clock when they happen; the loop's time is used
 * for planning only, because it stands still while other callbacks run.
 */
#include "probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>
#include <time.h>

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	(void) clock_gettime(id, &ts);
	return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

uint64_t boot_us(void)
{
	return (uint64_t) clock_ns(CLOCK_BOOTTIME) / 1000;
}

int64_t wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t wall_offset_ns(void)
{
	return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
}

void flight_stamp(struct flight *f)
{
	f->sent_us = boot_us();
	f->wall_offset = wall_offset_ns();
	f->sent_wall = wall_ns();
}

/* ---- outcomes --------------------------------------------------------------------------- */

void probe_settle(struct probe *p, struct flight *f, enum flight_state state, uint32_t rtt_us)
{
	f->state = state;
	conn_close(p, f);
	p->sent++;
	if (state == FLIGHT_ANSWERED) {
		window_answered(&p->window, rtt_us);
		p->up = ANOD_TRUE;
		p->complained = false;
	} else if (state == FLIGHT_LOST) {
		p->lost++;
		window_lost(&p->window);
		if (p->window.lost_in_row >= p->s->down_after)
			p->up = ANOD_FALSE;
	} else {
		p->voided++;
	}
	publish_outcome(p);
}

void probe_answer(struct probe *p, struct flight *f, const struct arrival *a)
{
	uint32_t rtt = 0;
	enum flight_state state = flight_answer(&p->flights, f, a, &rtt);

	if (state == FLIGHT_FREE)
		return; /* a duplicate */
	if (state == FLIGHT_OVERDUE || state == FLIGHT_LOST)
		p->overdue++;
	if (state != FLIGHT_OVERDUE)
		probe_settle(p, f, state, rtt);
}

/* An error that says "no way there" is the network's; the rest is our own trouble. */
static bool networks_fault(int error)
{
	switch (error) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
	case ENODEV:
	case ENXIO:
		return true;
	}
	return false;
}

/* ICMP that is not permitted has three usual cures. */
static const char hint[] = " (ICMP needs CAP_NET_RAW, or a group of the daemon in "
			   "net.ipv4.ping_group_range, and an output filter that lets it pass)";

static bool refused(int error, const struct lane *lane)
{
	return lane && (error == EPERM || error == EACCES);
}

static void send_one(struct probe *p)
{
	struct flight *f = flights_take(&p->flights);
	int r;

	if (!f)
		return; /* cannot be: FLIGHTS_MAX covers the longest timeout */

	flight_stamp(f);
	r = p->lane ? lane_send(p->lane, p, f) : conn_send(p, f);
	if (r >= 0) {
		/* Put aside between the stamp and the send, we do not know when it left. */
		if ((double) (boot_us() - f->sent_us) >
		    FLIGHT_LATE_SHARE * (double) p->spec.timeout_us)
			f->doubtful = true;
		return;
	}
	if (!networks_fault(-r) && !p->complained) {
		p->s->ctx->host->log(p->s->ctx, LOG_WARNING,
				     "%s: cannot send: %s%s; these probes count as void", p->name,
				     strerror(-r), refused(-r, p->lane) ? hint : "");
		p->complained = true;
	}
	probe_settle(p, f, networks_fault(-r) ? FLIGHT_LOST : FLIGHT_VOID, 0);
}

/* ---- clockwork -------------------------------------------------------------------------- */

static void on_wake(struct anod_ctx *ctx, uint64_t id, void *data);

static void set_wake(struct probe *p)
{
	const struct anod_host *h = p->s->ctx->host;
	uint64_t now = h->now_us(p->s->ctx), next = flights_deadline(&p->flights);

	if (p->timer)
		(void) h->cancel(p->s->ctx, p->timer);
	p->timer = 0;
	p->wake_us = next < p->send_us ? next : p->send_us;
	if (p->wake_us < now)
		p->wake_us = now;
	(void) h->timer(p->s->ctx, p->wake_us - now, 0, on_wake, p, &p->timer);
}

static void judge_due(struct probe *p)
{
	uint64_t now = boot_us();
	struct flight *f = flights_due(&p->flights, now);

	if (f && p->lane)
		lane_drain(p->lane);
	while ((f = flights_due(&p->flights, now))) {
		if (!p->lane)
			conn_check(p, f);
		if (f->state == FLIGHT_UP)
			probe_settle(p, f, flight_expire(&p->flights, f, now), 0);
	}
}

static void on_wake(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct probe *p = data;
	uint64_t now = ctx->host->now_us(ctx);

	(void) id;
	p->timer = 0;
	window_late(&p->window, now > p->wake_us ? now - p->wake_us : 0);
	judge_due(p);
	if (now >= p->send_us) {
		send_one(p);
		p->send_us += p->spec.every_us;
		if (p->send_us <= now)
			p->send_us = now + p->spec.every_us;
	}
	set_wake(p);
}

/* ---- requests --------------------------------------------------------------------------- */

/* The fastest request sets the pace; a slower one gets more than it asked for. */
static void set_pace(struct probe *p)
{
	unsigned best = 0;

	for (unsigned i = 1; i < p->n_asks; i++)
		if (p->ask[i].every_us < p->ask[best].every_us)
			best = i;
	p->spec.every_us = p->ask[best].every_us;
	p->spec.timeout_us = p->flights.timeout_us = p->ask[best].timeout_us;
}

static void probe_free(struct probe *p)
{
	struct sensor *s = p->s;
	struct probe **at = &s->probes;

	while (*at && *at != p)
		at = &(*at)->next;
	if (*at) {
		*at = p->next;
		s->n_probes--;
	}
	if (p->timer)
		(void) s->ctx->host->cancel(s->ctx, p->timer);
	for (unsigned i = 0; i < FLIGHTS_MAX; i++)
		if (p->flights.f[i].state == FLIGHT_UP)
			conn_close(p, &p->flights.f[i]);
	if (p->entity)
		publish_gone(p);
	lane_put(p->lane);
	free(p);
}

static int probe_new(struct sensor *s, const struct spec *spec, const char *name)
{
	struct probe *p;
	int r;

	if (s->n_probes == PROBES_MAX)
		return -ENOSPC;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->s = s;
	p->spec = *spec;
	p->up = ANOD_DOUBT;
	strcpy(p->name, name); /* both are ANOD_NAME_SIZE */
	window_init(&p->window, s->window);
	p->ask[p->n_asks].every_us = spec->every_us;
	p->ask[p->n_asks++].timeout_us = spec->timeout_us;
	set_pace(p);
	if (getrandom(&p->cookie, sizeof(p->cookie), 0) != sizeof(p->cookie))
		r = -EIO;
	else
		r = spec->proto == PROTO_ICMP ? lane_get(s, spec, &p->lane) : 0;
	if (r >= 0)
		r = publish_new(p);
	if (r < 0) {
		probe_free(p);
		return r;
	}

	p->next = s->probes;
	s->probes = p;
	/* Probes that were asked for together must not all leave in the same microsecond. */
	p->send_us = s->ctx->host->now_us(s->ctx) + 1000 * (s->n_probes++ % 50);
	set_wake(p);
	return 0;
}

static int add_ask(struct probe *p, const struct spec *spec)
{
	if (p->n_asks == ASKS_MAX)
		return -ENOSPC;
	p->ask[p->n_asks].every_us = spec->every_us;
	p->ask[p->n_asks++].timeout_us = spec->timeout_us;
	set_pace(p);
	if (p->send_us > p->s->ctx->host->now_us(p->s->ctx) + p->spec.every_us) {
		p->send_us = p->s->ctx->host->now_us(p->s->ctx) + p->spec.every_us;
		set_wake(p);
	}
	return 0;
}

static int drop_ask(struct probe *p, const struct spec *spec)
{
	unsigned i = 0;

	while (i < p->n_asks &&
	       (p->ask[i].every_us != spec->every_us || p->ask[i].timeout_us != spec->timeout_us))
		i++;
	if (i == p->n_asks)
		return -ENOENT;
	p->ask[i] = p->ask[--p->n_asks];
	if (p->n_asks)
		set_pace(p);
	else
		probe_free(p);
	return 0;
}

static int on_sense(struct anod_ctx *ctx, const struct anod_action *request, int on)
{
	struct sensor *s = ctx->state;
	char name[ANOD_NAME_SIZE];
	struct probe *p;
	struct spec spec;
	int r = request_parse(ctx, request, &spec);

	if (r >= 0)
		r = request_name(&spec, name);
	if (r < 0)
		return r;
	for (p = s->probes; p; p = p->next)
		if (!strcmp(p->name, name))
			break;
	if (on)
		return p ? add_ask(p, &spec) : probe_new(s, &spec, name);
	return p ? drop_ask(p, &spec) : -ENOENT;
}

/* ---- life ------------------------------------------------------------------------------- */

static int on_init(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->host->alloc(ctx, sizeof(*s));
	struct anod_value v;

	if (!s)
		return -ENOMEM;
	ctx->state = s;
	s->ctx = ctx;
	s->window = ctx->host->opt(ctx, "window", 0, &v) == 0 ? (unsigned) v.u.i : 60;
	s->down_after = ctx->host->opt(ctx, "down-after", 0, &v) == 0 ? (unsigned) v.u.i : 3;
	return publish_init(s);
}

static void on_fini(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	while (s && s->probes)
		probe_free(s->probes);
}

static const struct anod_opt opts[] = {
	{ "window", ANOD_INT, .dflt = "60", .min = 10, .max = WINDOW_MAX,
	  .help = "outcomes that loss, rtt, jitter and late are taken over" },
	{ "down-after", ANOD_INT, .dflt = "3", .min = 1, .max = 100,
	  .help = "losses in a row after which a target is not up" },
	{ NULL },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "probe",
	.version = "0.1.0",
	.summary = "probes addresses over a link by ICMP echo, TCP connect or UDP",
	.opts = opts,
	.kinds = probe_kinds,
	.init = on_init,
	.stop = on_fini,
	.fini = on_fini,
	.sense = on_sense,
};
