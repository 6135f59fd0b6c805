/*
 * rhythm - when a sensor reads its files.
 *
 * Design.  One timer, set anew at the end of each reading: what pace() answers is the time until the
 * next one.  The new time is counted from when the last one was due, so that the timer's own
 * lateness does not add up.
 */
#include <anod/reading.h>

#include <errno.h>
#include <string.h>

#define SOON_US 1000
#define PAIR_US UINT64_C(1000000)

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct anod_rhythm *r = data;
	uint64_t now_us = ctx->host->now_us(ctx);

	(void) id;
	r->timer = 0;
	if (r->health && ANOD_HOST_HAS(ctx, health))
		(void) ctx->host->health(ctx, ANOD_HEALTH_BEHIND,
					 now_us > r->due_us ? now_us - r->due_us : 0);
	r->read(ctx, r->data);
}

static int set(struct anod_rhythm *r, uint64_t due_us)
{
	uint64_t now_us = r->ctx->host->now_us(r->ctx);

	if (r->timer)
		(void) r->ctx->host->cancel(r->ctx, r->timer);
	r->timer = 0;
	r->due_us = due_us > now_us ? due_us : now_us;
	return r->ctx->host->timer(r->ctx, r->due_us > now_us ? r->due_us - now_us : 1, 0, on_timer,
				   r, &r->timer);
}

uint64_t anod_rhythm_wanted(const struct anod_rhythm *r)
{
	uint64_t us = r->need_us ? r->need_us : r->idle_us;

	return us < r->least_us ? r->least_us : us;
}

int anod_rhythm_start(struct anod_rhythm *r, uint64_t first_us)
{
	r->need_us = 0;
	r->again = r->pair;
	r->wait_us = anod_rhythm_wanted(r);
	r->timer = 0;
	return set(r, r->ctx->host->now_us(r->ctx) + first_us);
}

int anod_rhythm_need(struct anod_rhythm *r, uint64_t every_us)
{
	bool again = every_us && every_us == r->need_us; /* what was put off is wanted now */
	uint64_t before_us = anod_rhythm_wanted(r), now_us, soon_us;

	r->need_us = every_us;
	/* A reading that runs, or has not been started, ends with next(). */
	if (!r->timer || (anod_rhythm_wanted(r) >= before_us && !again))
		return 0;
	if (again && r->wait_us <= anod_rhythm_wanted(r))
		return 0;
	now_us = r->ctx->host->now_us(r->ctx);
	soon_us = now_us + SOON_US;
	return set(r, soon_us < r->due_us ? soon_us : r->due_us);
}

void anod_rhythm_next(struct anod_rhythm *r, uint64_t held_us)
{
	uint64_t wanted_us = anod_rhythm_wanted(r), now_us = r->ctx->host->now_us(r->ctx);
	uint64_t due_us;

	if (r->again && wanted_us > PAIR_US)
		wanted_us = PAIR_US;
	r->again = false;
	r->wait_us = ANOD_HOST_HAS(r->ctx, pace) ? r->ctx->host->pace(r->ctx, wanted_us, held_us)
						 : wanted_us;
	if (r->health && ANOD_HOST_HAS(r->ctx, health))
		(void) r->ctx->host->health(r->ctx, ANOD_HEALTH_PERIOD, r->wait_us);
	due_us = r->due_us + r->wait_us;
	/* What is late stays late; it is not made up for. */
	if (due_us <= now_us)
		due_us = now_us + r->wait_us;
	(void) set(r, due_us);
}

void anod_rhythm_stop(struct anod_rhythm *r)
{
	if (r->timer)
		(void) r->ctx->host->cancel(r->ctx, r->timer);
	r->timer = 0;
}

int64_t anod_real_bits(double real)
{
	int64_t i;

	memcpy(&i, &real, sizeof(i));
	return i;
}

uint64_t anod_option_u64(struct anod_ctx *ctx, const char *name)
{
	struct anod_value v;

	return ctx->host->opt(ctx, name, 0, &v) == 0 && v.type == ANOD_INT && v.u.i > 0
		       ? (uint64_t) v.u.i
		       : 0;
}
