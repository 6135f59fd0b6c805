/*
 * beat - when a sensor that reads whole lists reads next.
 *
 * Design.  One shot after the other: the next reading is set when the last one has ended, so that a
 * slow daemon is asked less often by itself.  The host's pace() has the last word.
 */
#include <anod/list.h>
#include <anod/option.h>

#include <errno.h>

static uint64_t wanted(const struct anod_beat *b)
{
	return b->every_us ? b->every_us : b->idle_us;
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct anod_beat *b = data;
	uint64_t now_us = ctx->host->now_us(ctx);

	(void) id;
	b->timer = 0;
	if (ANOD_HOST_HAS(ctx, health) && now_us > b->due_us)
		(void) ctx->host->health(ctx, ANOD_HEALTH_BEHIND, now_us - b->due_us);
	b->read(ctx);
}

static void set(struct anod_beat *b, uint64_t after_us)
{
	b->due_us = b->ctx->host->now_us(b->ctx) + after_us;
	(void) b->ctx->host->timer(b->ctx, after_us, 0, on_timer, b, &b->timer);
}

int anod_beat_start(struct anod_beat *b, struct anod_ctx *ctx, void (*read)(struct anod_ctx *),
		    uint64_t first_us)
{
	int r;

	*b = (struct anod_beat){ .ctx = ctx, .read = read };
	r = anod_option(ctx, "period", &b->period_us);
	if (r >= 0)
		r = anod_option(ctx, "idle-period", &b->idle_us);
	if (r < 0)
		return r;
	if (b->idle_us < b->period_us)
		b->idle_us = b->period_us;
	set(b, first_us);
	return 0;
}

void anod_beat_next(struct anod_beat *b, uint64_t held_us)
{
	uint64_t after_us = wanted(b);

	if (b->timer)
		return;
	if (ANOD_HOST_HAS(b->ctx, pace))
		after_us = b->ctx->host->pace(b->ctx, after_us, held_us);
	if (ANOD_HOST_HAS(b->ctx, health))
		(void) b->ctx->host->health(b->ctx, ANOD_HEALTH_PERIOD, after_us);
	set(b, after_us);
}

void anod_beat_hurry(struct anod_beat *b)
{
	if (!b->timer)
		return;
	(void) b->ctx->host->cancel(b->ctx, b->timer);
	set(b, 1000);
}

void anod_beat_need(struct anod_beat *b, uint64_t every_us)
{
	uint64_t was = wanted(b);

	b->every_us = every_us;
	if (every_us && every_us < was)
		anod_beat_hurry(b);
}

void anod_beat_stop(struct anod_beat *b)
{
	if (b->timer)
		(void) b->ctx->host->cancel(b->ctx, b->timer);
	b->timer = 0;
}
