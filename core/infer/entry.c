/*
 * entry - what anod-infer.so exports.
 *
 * Design.  The two ways in which the host uses the module: as a process with a loop of its own,
 * which ends when nobody has asked for a while, and inside the host's loop for "anod run
 * --single".  Nothing else is visible, so the copies of core files in this object meet nobody.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "infer/infer.h"

#define EXPORT		 __attribute__((visibility("default")))
#define IDLE_ACCURACY_US 1000000

struct process {
	sd_event *loop;
	struct infer *infer;
};

static void on_gone_exit(void *data, int error)
{
	struct process *p = data;

	if (error < 0)
		log_error("the channel to the host broke: %s", strerror(-error));
	(void) sd_event_exit(p->loop, error);
}

static int on_idle(sd_event_source *s, uint64_t usec, void *data)
{
	struct process *p = data;
	uint64_t due = infer_last_us(p->infer) + INFER_IDLE_US;

	if (infer_n_open(p->infer) > 0)
		due = usec + INFER_IDLE_US;
	if (due <= usec) {
		log_debug("nothing was asked for a while; ending");
		return sd_event_exit(p->loop, 0);
	}
	return sd_event_source_set_time(s, due) < 0
		       ? -EIO
		       : sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

EXPORT int anod_infer_main(int fd, const struct anod_dialect *const *dialects,
			   const struct anod_action_desc *const *actions, int max_priority)
{
	_cleanup_(sd_event_unrefp) sd_event *loop = NULL;
	_cleanup_(infer_freep) struct infer *infer = NULL;
	_cleanup_(sd_event_source_disable_unrefp) sd_event_source *idle = NULL;
	struct process p;
	_cleanup_(closep) int owned = fd;
	int r;

	log_open("infer", max_priority);
	r = sd_event_new(&loop);
	if (r >= 0)
		r = infer_open(loop, TAKE_FD(owned), dialects, actions, &infer);
	if (r < 0) {
		log_error("cannot start: %s", strerror(-r));
		return r;
	}

	p = (struct process){ loop, infer };
	infer_on_gone(infer, on_gone_exit, &p);
	r = sd_event_add_time_relative(loop, &idle, CLOCK_BOOTTIME, INFER_IDLE_US, IDLE_ACCURACY_US,
				       on_idle, &p);
	return r < 0 ? r : sd_event_loop(loop);
}

/* Inside another's loop: goes with the channel, or with the loop's exit if that comes first. */
struct guest {
	struct infer *infer;
	sd_event_source *exit;
};

static void guest_free(struct guest *g)
{
	(void) sd_event_source_disable_unref(g->exit);
	(void) infer_free(g->infer);
	free(g);
}

static void on_gone_free(void *data, int error)
{
	(void) error; /* the host has the other end and hears of it */
	guest_free(data);
}

static int on_exit_free(sd_event_source *s, void *data)
{
	(void) s;
	guest_free(data);
	return 0;
}

EXPORT int anod_infer_open(sd_event *loop, int fd, const struct anod_dialect *const *dialects,
			   const struct anod_action_desc *const *actions)
{
	struct guest *g = calloc(1, sizeof(*g));
	_cleanup_(closep) int owned = fd;
	int r;

	if (!g)
		return -ENOMEM;

	r = sd_event_add_exit(loop, &g->exit, on_exit_free, g);
	if (r >= 0)
		r = infer_open(loop, TAKE_FD(owned), dialects, actions, &g->infer);
	if (r < 0) {
		guest_free(g);
		return r;
	}
	infer_on_gone(g->infer, on_gone_free, g);
	return 0;
}
