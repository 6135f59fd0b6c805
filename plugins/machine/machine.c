/*
 * machine - the sensor of the machine itself: pressure, clock, heat.
 *
 * Design.  Three kinds, each with a rhythm of its own.  Heat and clock move slowly, so they are
 * never read more often than every SLOW_US.
 */
#include "machine.h"

#include <errno.h>
#include <string.h>

#define SLOW_US UINT64_C(10000000)

static int machine_need(struct anod_ctx *ctx, const char *kind, const char *entity,
			uint64_t every_us)
{
	struct machine *m = ctx->state;

	if (entity)
		return 0;
	if (strcmp(kind, "clock") == 0)
		return anod_rhythm_need(&m->r_clock, every_us);
	if (strcmp(kind, "hwmon") == 0)
		return anod_rhythm_need(&m->r_hwmon, every_us);
	return anod_rhythm_need(&m->r_pressure, every_us);
}

static int machine_init(struct anod_ctx *ctx)
{
	struct machine *m = ctx->host->alloc(ctx, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->ctx = ctx;
	pressure_init(m);
	ctx->state = m;
	return 0;
}

static int start_rhythm(struct machine *m, struct anod_rhythm *r, anod_reading_fn *read,
			uint64_t least_us, uint64_t first_us)
{
	r->ctx = m->ctx;
	r->read = read;
	r->data = m;
	r->idle_us = anod_option_u64(m->ctx, "idle-period");
	r->least_us = least_us;
	return anod_rhythm_start(r, first_us);
}

static int machine_start(struct anod_ctx *ctx)
{
	struct machine *m = ctx->state;
	int r;

	if (!ANOD_HOST_HAS(ctx, put))
		return -ENOSYS;
	m->f_pressure = ctx->host->fact_id(ctx, "pressure.some");
	m->f_clock = ctx->host->fact_id(ctx, "clock.synchronized");
	m->f_leap = ctx->host->fact_id(ctx, "clock.leap");
	m->f_hwmon = ctx->host->fact_id(ctx, "hwmon.temperature");
	if (m->f_pressure < 0 || m->f_clock < 0 || m->f_leap < 0 || m->f_hwmon < 0)
		return -EINVAL;
	m->r_pressure.health = true;
	r = start_rhythm(m, &m->r_pressure, pressure_read, 0, 1000);
	if (r >= 0)
		r = start_rhythm(m, &m->r_clock, clock_read, SLOW_US, 2000);
	if (r >= 0)
		r = start_rhythm(m, &m->r_hwmon, hwmon_read, SLOW_US, 50000);
	return r;
}

static void machine_stop(struct anod_ctx *ctx)
{
	struct machine *m = ctx->state;

	anod_rhythm_stop(&m->r_pressure);
	anod_rhythm_stop(&m->r_clock);
	anod_rhythm_stop(&m->r_hwmon);
	hwmon_close(m);
}

static void machine_fini(struct anod_ctx *ctx)
{
	struct machine *m = ctx->state;

	if (!m)
		return;
	machine_stop(ctx); /* a failed start leaves some */
	pressure_close(m);
	anod_text_free(&m->text);
}

static const struct anod_kind kinds[] = {
	{ "pressure", "how long tasks wait for \"cpu\", \"memory\", \"io\", and for \"irq\"",
	  pressure_attrs },
	{ "clock", "the clock of the \"system\", as the kernel knows it", clock_attrs },
	{ "hwmon",
	  "a sensor, fan or power meter (\"coretemp/Core 0\"), a thermal zone "
	  "(\"zone0/x86_pkg_temp\"), a cooling device (\"cooling0/Processor\"), or \"cpu\": all "
	  "cores",
	  hwmon_attrs },
	{ 0 },
};

static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "1s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "time between two readings while anybody uses the values; of clock and heat at "
		  "least 10 s" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "30s",
	  .min = 1e6,
	  .max = 30e6,
	  .help = "the same while nobody does" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "machine",
	.version = "1",
	.summary = "pressure, clock and heat of the machine",
	.opts = opts,
	.kinds = kinds,
	.init = machine_init,
	.start = machine_start,
	.stop = machine_stop,
	.fini = machine_fini,
	.need = machine_need,
	.source = "/proc/pressure (accounting/psi.rst), adjtimex(2), /sys/class/hwmon, "
		  "/sys/class/thermal, thermal_throttle",
	.cost = "0.07 ms a reading of pressure (sensor.share at 1 s, a busy machine with two cores "
		"of an AMD EPYC)",
	.example = "clock.system.synchronized or clock.system.max_error < 100ms",
};
