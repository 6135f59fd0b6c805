/*
 * host_turn - what the daemon does after each event, and once a second.
 *
 * Design.  The loop is sd-event's, one event at a time, with a turn behind each.  A post source
 * and a timer for the deadline would do the same and cost four system calls for every event.
 *
 * The loop's own lateness is measured by a timer that knows when it should have run; it is a
 * fact (host.lateness), and sensors use the same clock for theirs (promise 9).
 */
#include <malloc.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/brakes.h"
#include "host/handover.h"
#include "host/history_host.h"
#include "host/neighbours.h"
#include "host/notify.h"
#include "host/objectives.h"
#include "host/observe.h"
#include "host/people.h"
#include "host/recover.h"
#include "host/reflexes.h"
#include "host/safe.h"
#include "host/standing.h"
#include "host/top.h"
#include "host/vouch.h"

#define BEAT_US		(1 * US_PER_S)
#define TRIM_BEATS	30 /* large files are read rarely, and leave their room in the heap */
#define FIRST_SYNC_US	(5 * US_PER_S)
#define LATENESS_WINDOW (60 * US_PER_S)
#define TURN_MIN_US	100 /* between two turns that nothing but their deadlines asked for */

/*
 * Agents start when the first picture of the network is complete, as plugin.h promises: a link
 * that has not been read yet is not a link that is gone.  A sensor that cannot get it must not
 * keep them out for ever.
 */
static void start_agents(struct host *h, uint64_t now)
{
	if (h->agents_started || (!model_in_sync(h->model) && now - h->started_us < FIRST_SYNC_US))
		return;

	h->agents_started = true;
	if (!model_in_sync(h->model))
		log_warning("the kernel's state could not be read in %llu s: agents start blind",
			    (unsigned long long) (FIRST_SYNC_US / US_PER_S));
	(void) cells_start(h);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return MIN_OF(a, b);
}

/* Returns when the next one is due, if nothing happens before. */
static uint64_t turn(struct host *h)
{
	uint64_t now = clock_boot_us(), next, t;

	start_agents(h, now);
	(void) store_expire(h->store, now);
	next = objectives_measure(h, now);
	next = earlier(next, stats_run(h->stats, now));
	history_run(h->history, now);
	store_settle(h->store);
	cells_news(h); /* a cell hears of the facts before it hears what they make true */
	t = watch_run(h->watches, now);
	if (cells_truths(h))
		t = now;
	next = earlier(next, t);
	next = earlier(next, reflexes_turn(h));
	next = earlier(next, overrides_run(h, now));
	next = earlier(next, objectives_turn(h, now));
	next = earlier(next, txns_run(h->txns));
	next = earlier(next, recover_turn(h, now));
	next = earlier(next, safe_turn(h, now));
	next = earlier(next, neighbours_run(h, now));
	next = earlier(next, store_next_expiry(h->store));
	if (h->control)
		next = earlier(next, control_turn(h->control, now));
	configs_sweep(h);
	cells_news(h);
	return next;
}

/* After each event a turn; and one when the last turn's deadline has come. */
int host_turns(struct host *h)
{
	uint64_t next = 0, now, wait_us;
	int r;

	while (sd_event_get_state(h->loop) != SD_EVENT_FINISHED) {
		now = clock_boot_us();
		wait_us = next == US_INFINITY ? UINT64_MAX
			  : next > now	      ? MAX_OF(next - now, TURN_MIN_US)
					      : TURN_MIN_US;
		r = sd_event_run(h->loop, wait_us);
		if (r < 0)
			return r;
		if (!h->stopping)
			next = turn(h);
	}
	(void) sd_event_get_exit_code(h->loop, &r);
	return r;
}

static uint64_t measure_lateness(struct host *h, uint64_t due)
{
	uint64_t now = clock_boot_us(), late = now > due ? now - due : 0;
	const struct schema_attr *a = schema_attr(h->schema, "host", "lateness");
	struct anod_value v;

	if (now - h->lateness_since_us > LATENESS_WINDOW) {
		h->lateness_since_us = now;
		h->lateness_us = 0;
	}
	h->lateness_us = MAX_OF(h->lateness_us, late);
	v = value_int((int64_t) late, ANOD_UNIT_TIME);
	(void) store_publish(h->store, h->host_entity, a->slot, &v, now);
	return late;
}

/* Once a second. */
static int on_beat(sd_event_source *s, uint64_t due, void *data)
{
	struct host *h = data;

	cells_ping(h, measure_lateness(h, due));
	truth_beat(h);
	needs_beat(h);
	observe_beat(h);
	cells_sweep(h);
	advice_idle(h);
	top_idle(h);
	history_beat(h);
	flights_beat(h);
	standing_beat(h, false);
	brakes_beat(h);
	notify_beat(h);
	vouch_beat(h);
	handover_beat(h);
	if (h->trim || ++h->beats >= TRIM_BEATS) {
		(void) malloc_trim(0);
		h->beats = 0;
	}
	h->trim = false;
	(void) sd_event_source_set_time(s, clock_boot_us() + BEAT_US);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

int host_beat(struct host *h)
{
	return sd_event_add_time(h->loop, &h->beat, CLOCK_BOOTTIME, clock_boot_us() + BEAT_US, 1,
				 on_beat, h);
}
