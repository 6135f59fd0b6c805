/*
 * bus - a D-Bus connection on the host's loop.
 *
 * Design.  sd-bus is asked which events and which time it waits for, and the host's io() and timer()
 * are set to that after each turn.  Calls are asynchronous, so nothing waits; a turn handles a
 * bounded number of messages.  The manager's private socket (/run/systemd/private) speaks the same
 * protocol without a bus in between: no greeting, no match rules at the other side.
 */
#include "systemd.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
#include <time.h>

#define TURN_MESSAGES  64
#define CALL_WAIT_US   UINT64_C(5000000)
#define BACKOFF_US     UINT64_C(1000000)
#define BACKOFF_MAX_US UINT64_C(30000000)

static uint64_t monotonic_us(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

static void cancel(struct systemd *s, uint64_t *id)
{
	if (*id)
		(void) s->ctx->host->cancel(s->ctx, *id);
	*id = 0;
}

void bus_close(struct systemd *s)
{
	cancel(s, &s->io);
	cancel(s, &s->io_timer);
	cancel(s, &s->retry);
	s->io_events = 0;
	if (s->bus)
		sd_bus_close(s->bus);
	s->bus = sd_bus_unref(s->bus);
}

static void on_retry(struct anod_ctx *ctx, uint64_t id, void *data)
{
	(void) id, (void) data;
	((struct systemd *) ctx->state)->retry = 0;
	bus_connect(ctx->state);
}

static void say(struct systemd *s, int error)
{
	bool absent = error == -ENOENT || error == -ECONNREFUSED;

	if (s->said == error)
		return;
	s->said = error;
	if (absent && !s->met)
		s->ctx->host->log(s->ctx, LOG_INFO, "no systemd answers at %s; option 'socket'",
				  s->address);
	else
		s->ctx->host->log(s->ctx, LOG_WARNING, "%s: %s", s->address, strerror(-error));
	if (!absent)
		(void) s->ctx->host->health(s->ctx, ANOD_HEALTH_ERROR, 1);
}

/* The connection is of no use any more: everything is unknown, and it is tried again. */
static void broken(struct systemd *s, int error)
{
	say(s, error);
	units_lost(s);
	bus_close(s);
	s->backoff_us = s->backoff_us ? s->backoff_us * 2 : BACKOFF_US;
	if (s->backoff_us > BACKOFF_MAX_US)
		s->backoff_us = BACKOFF_MAX_US;
	(void) s->ctx->host->timer(s->ctx, s->backoff_us, 0, on_retry, NULL, &s->retry);
}

static void on_io(struct anod_ctx *ctx, int fd, uint32_t events, void *data)
{
	(void) fd, (void) events, (void) data;
	bus_pump(ctx->state);
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	(void) id, (void) data;
	((struct systemd *) ctx->state)->io_timer = 0;
	bus_pump(ctx->state);
}

/* Wait for what sd-bus waits for. */
static int arm(struct systemd *s)
{
	uint64_t until = UINT64_MAX, now = monotonic_us();
	int events = sd_bus_get_events(s->bus), fd = sd_bus_get_fd(s->bus);
	int r = events < 0 ? events : fd;

	if (r >= 0)
		r = sd_bus_get_timeout(s->bus, &until);
	if (r < 0)
		return r;
	if (!s->io || events != s->io_events) {
		cancel(s, &s->io);
		/* The bits of poll(2) are those of epoll(7). */
		r = s->ctx->host->io(s->ctx, fd, (uint32_t) events, on_io, NULL, &s->io);
		s->io_events = events;
	}
	cancel(s, &s->io_timer);
	if (r >= 0 && until != UINT64_MAX)
		r = s->ctx->host->timer(s->ctx, until > now ? until - now : 1, 0, on_timer, NULL,
					&s->io_timer);
	return r;
}

void bus_pump(struct systemd *s)
{
	int r = 1;

	for (unsigned n = 0; s->bus && r > 0 && n < TURN_MESSAGES; n++)
		r = sd_bus_process(s->bus, NULL);
	if (!s->bus)
		return;
	if (r >= 0 && !sd_bus_is_open(s->bus))
		r = -ECONNRESET;
	if (r >= 0)
		r = arm(s);
	if (r < 0) {
		broken(s, r);
		return;
	}
	if (s->in_sync) {
		s->backoff_us = 0;
		s->said = 0;
	}
}

static bool is_private(const char *address)
{
	size_t n = strlen(address), m = strlen("/private");

	return n >= m && strcmp(address + n - m, "/private") == 0;
}

void bus_connect(struct systemd *s)
{
	int r = sd_bus_new(&s->bus);

	if (r >= 0)
		r = sd_bus_set_address(s->bus, s->address);
	if (r >= 0 && !is_private(s->address))
		r = sd_bus_set_bus_client(s->bus, 1);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(s->bus, CALL_WAIT_US);
	if (r >= 0)
		r = sd_bus_start(s->bus);
	if (r >= 0)
		r = units_ask(s);
	if (r < 0)
		broken(s, r);
	else
		bus_pump(s);
}
