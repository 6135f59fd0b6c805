/*
 * poll - when a sensor reads, and what it says when it cannot.
 *
 * Design.  One timer, set anew after each reading, so two readings never overlap and a slow kernel
 * slows the sensor and not the loop.  The pace is that of the kind or entity that is needed most
 * often: sensors that use this read everything in one dump.  A failure is told once; as long as it
 * lasts the facts are unknown, and the pace is the idle one.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <anod/poll.h>
#include <anod/option.h>

#define FIRST_US    UINT64_C(20000) /* when the sensor rtnl has named the links */
#define RETRY_US    UINT64_C(10000)
#define RETRIES_MAX 3 /* of a reading that was not consistent */

struct want {
	char kind[ANOD_KIND_SIZE], entity[ANOD_NAME_SIZE];
	uint64_t every_us;
};

struct anod_poll {
	struct anod_ctx *ctx;
	const struct anod_kind *kinds;
	const char *what;
	anod_poll_fn *read;
	uint64_t period_us, idle_us;
	uint64_t timer, due_us, begun_us;
	bool reading, again;	    /* again: asked for during a reading */
	bool good;		    /* there was a reading: something may have been published */
	bool lost, failing, absent; /* as said to the host; as said in the log */
	unsigned n_retries, n_wants;
	struct want want[ANOD_POLL_WANTS];
};

static uint64_t wanted(const struct anod_poll *p)
{
	uint64_t least = p->idle_us;

	for (unsigned i = 0; i < p->n_wants; i++)
		if (p->want[i].every_us < least)
			least = p->want[i].every_us;
	return least;
}

uint64_t anod_poll_period(const struct anod_poll *p)
{
	return wanted(p);
}

/* ---- ticks -------------------------------------------------------------------------------- */

static void tell_sync(struct anod_poll *p, enum anod_sync what)
{
	for (const struct anod_kind *k = p->kinds; k->name; k++)
		(void) p->ctx->host->sync(p->ctx, k->name, what);
}

static void begin(struct anod_poll *p)
{
	p->reading = true;
	p->again = false;
	p->begun_us = p->ctx->host->now_us(p->ctx);
	p->read(p->ctx);
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct anod_poll *p = data;
	uint64_t now_us = ctx->host->now_us(ctx);

	(void) id;
	p->timer = 0;
	(void) ctx->host->health(ctx, ANOD_HEALTH_BEHIND,
				 now_us > p->due_us ? now_us - p->due_us : 0);
	begin(p);
}

/* The next reading is 'after_us' from now. */
static void set_timer(struct anod_poll *p, uint64_t after_us)
{
	if (p->timer)
		(void) p->ctx->host->cancel(p->ctx, p->timer);
	p->timer = 0;
	p->due_us = p->ctx->host->now_us(p->ctx) + after_us;
	(void) p->ctx->host->timer(p->ctx, after_us, 0, on_timer, p, &p->timer);
}

static bool is_absent(int error)
{
	return error == -ENOENT || error == -EOPNOTSUPP || error == -EPROTONOSUPPORT ||
	       error == -EAFNOSUPPORT;
}

static void tell_failure(struct anod_poll *p, int error, const char *why)
{
	const char *words = why && why[0] ? why : strerror(-error);

	if (is_absent(error)) {
		if (!p->absent)
			p->ctx->host->log(p->ctx, LOG_INFO, "no %s here: %s", p->what, words);
		p->absent = true;
	} else {
		(void) p->ctx->host->health(p->ctx, ANOD_HEALTH_ERROR, 1);
		if (!p->failing)
			p->ctx->host->log(p->ctx, LOG_ERR, "cannot read %s: %s", p->what, words);
		p->failing = true;
	}
	if (p->good && !p->lost)
		tell_sync(p, ANOD_SYNC_LOST);
	p->lost = p->good;
}

static uint64_t paced(struct anod_poll *p, uint64_t held_us)
{
	uint64_t every_us = wanted(p), spent_us = p->ctx->host->now_us(p->ctx) - p->begun_us;

	if (ANOD_HOST_HAS(p->ctx, pace))
		every_us = p->ctx->host->pace(p->ctx, every_us, held_us);
	(void) p->ctx->host->health(p->ctx, ANOD_HEALTH_PERIOD, every_us);
	if (p->again && every_us > ANOD_POLL_APART_US && wanted(p) == every_us)
		return ANOD_POLL_APART_US;
	return spent_us < every_us ? every_us - spent_us : 1000;
}

void anod_poll_end(struct anod_poll *p, int error, const char *why, uint64_t held_us)
{
	p->reading = false;
	if (error == -EINTR) {
		(void) p->ctx->host->health(p->ctx, ANOD_HEALTH_INTERRUPTED, 1);
		if (++p->n_retries <= RETRIES_MAX) {
			set_timer(p, RETRY_US);
			return;
		}
	}
	p->n_retries = 0;
	if (error < 0) {
		tell_failure(p, error, why);
		set_timer(p, is_absent(error) ? ANOD_POLL_ABSENT_US : p->idle_us);
		return;
	}

	if (p->lost) {
		tell_sync(p, ANOD_SYNC_BEGIN);
		tell_sync(p, ANOD_SYNC_DONE);
	}
	p->lost = p->failing = p->absent = false;
	p->good = true;
	set_timer(p, paced(p, held_us));
}

void anod_poll_soon(struct anod_poll *p)
{
	uint64_t now_us = p->ctx->host->now_us(p->ctx), at_us = now_us + ANOD_POLL_SOON_US;

	/* A storm of events is not a storm of readings. */
	if (at_us < p->begun_us + ANOD_POLL_APART_US)
		at_us = p->begun_us + ANOD_POLL_APART_US;
	if (p->reading)
		p->again = true;
	else if (p->due_us > at_us)
		set_timer(p, at_us - now_us);
}

/* ---- need --------------------------------------------------------------------------------- */

static struct want *find_want(struct anod_poll *p, const char *kind, const char *entity)
{
	for (unsigned i = 0; i < p->n_wants; i++)
		if (strcmp(p->want[i].kind, kind) == 0 && strcmp(p->want[i].entity, entity) == 0)
			return &p->want[i];
	return NULL;
}

static void note(struct anod_poll *p, const char *kind, const char *entity, uint64_t every_us)
{
	struct want *w = find_want(p, kind, entity);

	if (!every_us) {
		if (w)
			*w = p->want[--p->n_wants];
		return;
	}
	if (!w && p->n_wants == ANOD_POLL_WANTS)
		return; /* the others' pace will do */
	if (!w) {
		w = &p->want[p->n_wants++];
		memset(w, 0, sizeof(*w));
		memcpy(w->kind, kind, strnlen(kind, sizeof(w->kind) - 1));
		memcpy(w->entity, entity, strnlen(entity, sizeof(w->entity) - 1));
	}
	w->every_us = every_us;
}

int anod_poll_need(struct anod_poll *p, const char *kind, const char *entity, uint64_t every_us)
{
	uint64_t before_us = wanted(p), now_us = p->ctx->host->now_us(p->ctx);

	note(p, kind, entity ? entity : "", every_us);
	/* What is wanted more often than before is read now, not after the long period. */
	if (wanted(p) < before_us && !p->reading && !p->absent && p->due_us > now_us + 1000)
		set_timer(p, 1000);
	return 0;
}

/* ---- life --------------------------------------------------------------------------------- */

int anod_poll_start(struct anod_ctx *ctx, const struct anod_kind *kinds, const char *what,
		    anod_poll_fn *read, struct anod_poll **ret)
{
	struct anod_poll *p;
	int r;

	if (!ANOD_HOST_HAS(ctx, health))
		return -ENOSYS;
	p = ctx->host->alloc(ctx, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->ctx = ctx;
	p->kinds = kinds;
	p->what = what;
	p->read = read;
	r = anod_option(ctx, "period", &p->period_us);
	if (r >= 0)
		r = anod_option(ctx, "idle-period", &p->idle_us);
	if (r < 0)
		return r;

	if (p->idle_us < p->period_us)
		p->idle_us = p->period_us;
	*ret = p;
	(void) ctx->host->health(ctx, ANOD_HEALTH_PERIOD, p->idle_us);
	set_timer(p, FIRST_US);
	return p->timer ? 0 : -ENOSPC;
}

void anod_poll_stop(struct anod_poll *p)
{
	if (p && p->timer)
		(void) p->ctx->host->cancel(p->ctx, p->timer);
	if (p)
		p->timer = 0;
}
