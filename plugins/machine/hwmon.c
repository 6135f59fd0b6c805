/*
 * hwmon - temperatures, fans, power, and what the machine does against heat.
 *
 * Design.  What there is is looked up every SCAN_US; where there is nothing (a virtual machine), no
 * thread is started.  Files of one entity are neighbours in the list, so a row is put at once.
 */
#include "machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
#include <unistd.h>

#define SCAN_US UINT64_C(300000000)

static void close_files(struct machine *m)
{
	for (unsigned i = 0; i < m->n_channels; i++)
		if (m->channel[i].fd >= 0)
			(void) close(m->channel[i].fd);
	m->n_channels = 0;
}

void hwmon_close(struct machine *m)
{
	if (m->worker_io)
		(void) m->ctx->host->cancel(m->ctx, m->worker_io);
	worker_close(m->worker); /* before what it reads goes */
	close_files(m);
	free(m->channel);
	m->worker = NULL;
	m->channel = NULL;
	m->worker_io = 0;
}

/* The channels [i, end) are of one entity. */
static void put_row(struct machine *m, unsigned i, unsigned end)
{
	static const bool is_int[HWMON_FACTS] = {
		[FAN] = true, [THROTTLES] = true, [ALARM] = true
	};
	int64_t raw[HWMON_FACTS] = { 0 };
	const char *name = m->channel[i].entity;
	uint64_t known = 0;
	uint32_t entity;

	for (; i < end; i++) {
		const struct channel *c = &m->channel[i];

		if (c->error)
			continue;
		known |= UINT64_C(1) << c->fact;
		if (!is_int[c->fact])
			raw[c->fact] = anod_real_bits((double) c->value * c->scale);
		else if (c->fact == ALARM)
			raw[ALARM] |= c->value != 0;
		else
			raw[c->fact] += c->value;
	}
	if (m->ctx->host->entity(m->ctx, "hwmon", name, &entity) >= 0)
		(void) m->ctx->host->put(m->ctx, entity, m->f_hwmon, HWMON_FACTS, raw, known);
}

static void on_done(struct anod_ctx *ctx, int fd, uint32_t events, void *data)
{
	struct machine *m = data;
	uint64_t took_us = worker_done(m->worker);

	(void) ctx, (void) fd, (void) events;
	if (!took_us)
		return;
	for (unsigned i = 0, end; i < m->n_channels; i = end) {
		for (end = i + 1; end < m->n_channels; end++)
			if (strcmp(m->channel[i].entity, m->channel[end].entity) != 0)
				break;
		put_row(m, i, end);
	}
	anod_rhythm_next(&m->r_hwmon, took_us);
}

static int prepare(struct machine *m)
{
	uint64_t now_us = m->ctx->host->now_us(m->ctx);
	int r = 0;

	if (m->scanned_us && now_us - m->scanned_us < SCAN_US)
		return 0;
	if (!m->channel)
		m->channel = calloc(CHANNELS_MAX, sizeof(*m->channel));
	if (!m->channel)
		return -ENOMEM;
	close_files(m);
	m->n_channels = hwmon_scan("/sys", m->channel, CHANNELS_MAX);
	m->scanned_us = now_us;
	if (m->n_channels && !m->worker) {
		r = worker_open(&m->worker, &m->worker_fd);
		if (r >= 0)
			r = m->ctx->host->io(m->ctx, m->worker_fd, EPOLLIN, on_done, m,
					     &m->worker_io);
	}
	if (r < 0)
		m->n_channels = 0;
	if (!m->n_channels) {
		free(m->channel);
		m->channel = NULL;
	}
	return r;
}

void hwmon_read(struct anod_ctx *ctx, void *data)
{
	struct machine *m = data;
	int r;

	if (m->worker && worker_busy(m->worker)) {
		anod_rhythm_next(&m->r_hwmon, 0);
		return;
	}
	r = prepare(m);
	if (r < 0)
		ctx->host->log(ctx, LOG_WARNING, "temperatures and fans are not read: %s",
			       strerror(-r));
	if (r < 0 || !m->n_channels)
		anod_rhythm_next(&m->r_hwmon, 0);
	else
		worker_start(m->worker, m->channel, m->n_channels);
}

#define HWMON(n, t, u, text)                                                                       \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .max_age_ms = MAX_AGE_MS, .help = text            \
	}

const struct anod_attr hwmon_attrs[HWMON_FACTS + 1] = {
	[TEMPERATURE] = HWMON("temperature", ANOD_REAL, ANOD_UNIT_NONE, "degrees Celsius"),
	[LIMIT] = HWMON("limit", ANOD_REAL, ANOD_UNIT_NONE,
			"degrees Celsius at which it is critical, as chip or firmware say"),
	[FAN] = HWMON("fan", ANOD_INT, ANOD_UNIT_NONE, "turns a minute"),
	[POWER] = HWMON("power", ANOD_REAL, ANOD_UNIT_NONE, "watts"),
	[COOLING] = HWMON("cooling", ANOD_REAL, ANOD_UNIT_RATIO,
			  "how far a cooling device is turned up; of a processor: slowed down"),
	[THROTTLES] = HWMON("throttles", ANOD_INT, ANOD_UNIT_NONE,
			    "times that a core was slowed down by its heat, since boot"),
	[ALARM] = HWMON("alarm", ANOD_BOOL, ANOD_UNIT_NONE,
			"the chip says that a limit is passed, or that a fan stands still"),
};
