/*
 * systemd - the sensor of units: whether services run, and how often they had to be started again.
 *
 * Design.  The configuration names the units; a router has hundreds and few matter.  Everything but
 * memory comes by events.  Without units the sensor opens no connection.
 */
#include "systemd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define FACT(n, t, u, age, text)                                                                   \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .max_age_ms = age, .help = text                   \
	}
#define EVENT(n, t, text) FACT(n, t, ANOD_UNIT_NONE, 0, text)
#define SAMPLE_AGE_MS	  200000

static const struct anod_attr unit_attrs[UNIT_ATTRS + 1] = {
	[UNIT_LOAD] =
		EVENT("load", ANOD_TEXT, "LoadState: loaded not-found bad-setting error masked"),
	[UNIT_STATE] = EVENT("state", ANOD_TEXT,
			     "ActiveState: active reloading inactive failed activating "
			     "deactivating"),
	[UNIT_SUB] = EVENT("sub", ANOD_TEXT,
			   "SubState; of a service running dead exited failed auto-restart ..."),
	[UNIT_RESULT] =
		EVENT("result", ANOD_TEXT,
		      "Result: success exit-code signal core-dump watchdog timeout oom-kill "
		      "start-limit-hit ..."),
	[UNIT_RESTARTS] = EVENT("restarts", ANOD_INT,
				"NRestarts: automatic ones; systemctl restart is none, and a start "
				"by hand after a failure sets it to 0"),
	[UNIT_EXIT_STATUS] =
		EVENT("exit_status", ANOD_INT,
		      "ExecMainStatus: exit status, or signal when it was ended by one"),
	[UNIT_PID] = EVENT("pid", ANOD_INT, "MainPID; 0: none"),
	[UNIT_UPTIME] = FACT("uptime", ANOD_INT, ANOD_UNIT_TIME, SAMPLE_AGE_MS,
			     "since it became active; 0: it is not"),
	[UNIT_MEMORY] = FACT("memory", ANOD_INT, ANOD_UNIT_BYTES, SAMPLE_AGE_MS,
			     "MemoryCurrent: of its control group"),
};

static const struct anod_kind kinds[] = {
	{ "unit", "a unit of systemd", unit_attrs },
	{ 0 },
};

static void on_beat(struct anod_ctx *ctx)
{
	struct systemd *s = ctx->state;

	if (s->in_sync || s->bus) {
		units_ask_memory(s);
		bus_pump(s);
	}
	anod_beat_next(&s->beat, 0);
}

static int add_unit(struct systemd *s, const char *name)
{
	struct unit *u = &s->unit[s->n_units];
	char *path = NULL;
	int r;

	if (s->n_units == UNITS_MAX)
		return -E2BIG;
	if (strlen(name) >= sizeof(u->name))
		return -ENAMETOOLONG;
	r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", name, &path);
	if (r < 0)
		return r;
	*u = (struct unit){ .s = s, .memory = UINT64_MAX };
	strcpy(u->name, name);
	r = strlen(path) < sizeof(u->path) ? 0 : -ENAMETOOLONG;
	if (r == 0)
		strcpy(u->path, path);
	free(path);
	s->n_units += r == 0;
	return r;
}

static int systemd_init(struct anod_ctx *ctx)
{
	struct systemd *s = ctx->host->alloc(ctx, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ctx = ctx;
	ctx->state = s;
	return ANOD_HOST_HAS(ctx, health) ? 0 : -ENOSYS;
}

static int systemd_start(struct anod_ctx *ctx)
{
	struct systemd *s = ctx->state;
	struct anod_value v;
	int r = ctx->host->opt(ctx, "socket", 0, &v);

	if (r < 0)
		return r;
	/* What stands in a D-Bus address without escapes. */
	if (v.u.text[strspn(v.u.text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_/.*")]) {
		ctx->host->log(ctx, LOG_ERR, "socket \"%s\": an unusual character in the path",
			       v.u.text);
		return -EINVAL;
	}
	(void) snprintf(s->address, sizeof(s->address), "unix:path=%s", v.u.text);
	for (unsigned i = 0; ctx->host->opt(ctx, "units", i, &v) >= 0; i++) {
		r = add_unit(s, v.u.text);
		if (r < 0) {
			ctx->host->log(ctx, LOG_ERR, "unit %s: %s", v.u.text, strerror(-r));
			return r;
		}
	}
	r = anod_list_init(&s->rows, ctx, &kinds[0], UNITS_MAX);
	if (r < 0 || s->n_units == 0)
		return r;
	r = anod_beat_start(&s->beat, ctx, on_beat, 1000000);
	if (r >= 0)
		bus_connect(s);
	return r;
}

static int systemd_need(struct anod_ctx *ctx, const char *kind, const char *entity,
			uint64_t every_us)
{
	struct systemd *s = ctx->state;

	(void) kind;
	if (!entity && s->n_units)
		anod_beat_need(&s->beat, every_us);
	return 0;
}

static void systemd_stop(struct anod_ctx *ctx)
{
	struct systemd *s = ctx->state;

	if (s->n_units)
		anod_beat_stop(&s->beat);
	bus_close(s);
}

static void systemd_fini(struct anod_ctx *ctx)
{
	struct systemd *s = ctx->state;

	if (!s)
		return;
	bus_close(s);
	anod_list_done(&s->rows);
}

static const struct anod_opt opts[] = {
	{ .name = "socket",
	  .type = ANOD_TEXT,
	  .dflt = "\"/run/dbus/system_bus_socket\"",
	  .help = "of the D-Bus system bus or, ending in \"/private\", systemd's own" },
	{ .name = "units",
	  .type = ANOD_TEXT,
	  .many = 1,
	  .help = "names of the units, with their suffix" },
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "10s",
	  .min = 500e3,
	  .max = 60e6,
	  .help = "time between two readings of memory and uptime while anybody uses them" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "60s",
	  .min = 500e3,
	  .max = 60e6,
	  .help = "the same while nobody does; not less than 'period'" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "systemd",
	.version = "1",
	.summary = "state and restarts of systemd's units",
	.opts = opts,
	.kinds = kinds,
	.init = systemd_init,
	.start = systemd_start,
	.stop = systemd_stop,
	.fini = systemd_fini,
	.need = systemd_need,
	.source = "D-Bus: org.freedesktop.systemd1(5), GetAll once and PropertiesChanged",
	.cost = "0.1 ms a reading of memory of one unit, nothing in between (sensor.share 0.02 % "
		"at 500ms)",
	.example = "sensor systemd { units \"bird.service\", \"frr.service\" }",
};
