/*
 * bench_host - the real sensors, store and model without the rest of the daemon.
 *
 * A 'struct host' that is half filled: what sensors.c needs, and no more.  Ends the program when
 * something fails; a benchmark has nobody to report to.
 */
#ifndef BENCH_BENCH_HOST_H
#define BENCH_BENCH_HOST_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/host.h"

static inline void must(int r, const char *what)
{
	if (r >= 0)
		return;
	(void) fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(-r));
	exit(EXIT_FAILURE);
}

/* CPU time of this thread. */
static inline double cpu_us(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static inline double wall_us(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static inline int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* A row of the table, as tests/bench/report.py reads it; sorts 'v'. */
static inline void bench_row(const char *work, const char *name, const char *who, const char *unit,
			     double *v, unsigned n)
{
	if (!n)
		return;
	qsort(v, n, sizeof(*v), by_value);
	(void) printf("{\"work\":\"%s\",\"case\":\"%s\",\"who\":\"%s\",\"unit\":\"%s\",\"n\":%u,"
		      "\"min\":%.3f,\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"max\":%.3f}\n",
		      work, name, who, unit, n, v[0], v[n / 2], v[n * 9 / 10], v[n * 99 / 100],
		      v[n - 1]);
	(void) fflush(stdout);
}

static inline void keep_sensors(struct plugins *p, const char *const *names)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n; i++) {
		bool keep = false;

		for (unsigned k = 0; names[k]; k++)
			keep |= strcmp(p->item[i].desc->name, names[k]) == 0;
		if (keep)
			p->item[n++] = p->item[i];
		else
			plugin_close(&p->item[i]);
	}
	p->n = n;
}

/* 'names': NULL-ended sensors; 'options': their blocks of the configuration. */
static inline struct host *bench_host(const char *const *names, const char *options)
{
	static const struct anod_action_desc *const no_actions[] = { NULL };
	struct host *h = calloc(1, sizeof(*h));
	const struct anod_plugin *list[8] = { NULL };
	struct diag_list diags = { 0 };
	struct config_env env;

	log_open("bench", LOG_ERR);
	must(h ? 0 : -ENOMEM, "host");
	must(sd_event_new(&h->loop), "loop");
	h->schema = schema_new();
	h->store = store_new(h->schema);
	h->model = model_new();
	h->link_kind = schema_kind_id(h->schema, "link");
	must(plugins_open(BUILD_DIR "/plugins", ANOD_SENSOR, &h->plugins), "plugins");
	keep_sensors(h->plugins, names);
	must(sensors_declare(h), "schema");
	for (unsigned i = 0; i < h->plugins->n && i < 7; i++)
		list[i] = h->plugins->item[i].desc;
	env = (struct config_env){ .schema = h->schema, .actions = no_actions, .plugins = list };
	if (config_load_text("bench", options, &env, &diags, &h->config) < 0) {
		diag_print(&diags, stderr);
		exit(EXIT_FAILURE);
	}
	must(truth_open(h), "truth");
	must(store_entity(h->store, schema_kind_id(h->schema, "host"), "self", 0, &h->host_entity),
	     "store");
	must(sensors_start(h), "sensors");
	return h;
}

/* Run the loop until the model is complete and 'n' links have a name. */
static inline void bench_settle(struct host *h, unsigned n)
{
	double end = wall_us() + 60e6;

	while ((!model_in_sync(h->model) || store_count(h->store, h->link_kind) < n) &&
	       wall_us() < end)
		must(sd_event_run(h->loop, 100000), "loop");
	must(model_in_sync(h->model) ? 0 : -ETIME, "reading the kernel's state");
}

#endif
