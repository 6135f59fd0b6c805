/*
 * softnet - the sensor of how the CPUs cope with packets.
 *
 * Design.  Three files, each with a rhythm of its own, because their costs differ: softnet_stat is
 * a short line for each CPU, /proc/stat a longer one, and /proc/interrupts a line for each
 * interrupt with a column for each CPU.  The kernel's counters have 32 bits and wrap within hours
 * at some hundred thousand packets a second, so they are made wide here; a reading every minute
 * is enough for that.
 *
 * All three files are those of the machine: a network namespace shows the CPUs of all.
 */
#include "softnet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

int cpu_entity(struct softnet *s, const char *kind, unsigned row, uint32_t *entity)
{
	char name[24] = "all";

	if (*entity)
		return 0;
	if (row > 0)
		(void) snprintf(name, sizeof(name), "cpu%u", row - 1);
	return s->ctx->host->entity(s->ctx, kind, name, entity);
}

void reading_failed(struct softnet *s, const char *path, int error, bool *said)
{
	if (!*said)
		s->ctx->host->log(s->ctx, error == -ENOENT ? LOG_INFO : LOG_WARNING, "%s: %s", path,
				  strerror(-error));
	if (!*said && error != -ENOENT && ANOD_HOST_HAS(s->ctx, health))
		(void) s->ctx->host->health(s->ctx, ANOD_HEALTH_ERROR, 1);
	*said = true;
}

/* ---- the kind "softnet" ------------------------------------------------------------------- */

static void widen(struct wide *w, uint32_t now, bool known)
{
	w->total = known ? w->total + (uint32_t) (now - w->last) : now;
	w->last = now;
}

static void put(struct softnet *s, unsigned number, const struct softnet_line *l, double share)
{
	struct softnet_row *row = &s->row[number];
	int64_t raw[SOFTNET_FACTS];
	uint64_t known = (1u << SOFTNET_FACTS) - 1;

	if (cpu_entity(s, "softnet", number, &row->entity) < 0)
		return;
	for (unsigned k = PROCESSED; k <= FLOW_LIMIT; k++)
		raw[k] = (int64_t) row->count[k].total;
	raw[BACKLOG] = l->backlog;
	raw[SHARE] = anod_real_bits(share);
	raw[BUSIEST] = s->busiest;
	if (!l->has_backlog)
		known &= ~(UINT64_C(1) << BACKLOG);
	if (share < 0)
		known &= ~(UINT64_C(1) << SHARE);
	if (number > 0)
		known &= ~(UINT64_C(1) << BUSIEST);
	if (s->ctx->host->put(s->ctx, row->entity, s->f_stat, SOFTNET_FACTS, raw, known) == -ENOENT)
		row->entity = 0;
}

static void take(struct softnet *s, const struct softnet_line *l)
{
	const uint32_t value[] = { l->processed, l->dropped, l->squeezed, l->rps, l->flow_limit };
	struct softnet_row *row = &s->row[l->cpu + 1], *all = &s->row[0];

	for (unsigned k = PROCESSED; k <= FLOW_LIMIT; k++) {
		uint64_t before = row->count[k].total;

		widen(&row->count[k], value[k], row->known);
		all->count[k].total += row->count[k].total - (row->known ? before : 0);
		if (k == PROCESSED)
			row->processed = row->known ? row->count[k].total - before : 0;
	}
	all->processed += row->processed;
	row->known = true;
	row->round = s->round;
}

/* CPUs that went offline are gone; their packets stay in the sum. */
static void forget(struct softnet *s)
{
	for (unsigned i = 1; i < ROWS_MAX; i++) {
		struct softnet_row *row = &s->row[i];

		if (!row->known || row->round == s->round)
			continue;
		if (row->entity)
			(void) s->ctx->host->entity_gone(s->ctx, row->entity);
		*row = (struct softnet_row){ 0 };
	}
}

static void softnet_read(struct anod_ctx *ctx, void *data)
{
	struct softnet *s = data;
	struct softnet_line l, all = { .has_backlog = true }, line[ROWS_MAX];
	const char *at;
	unsigned n = 0, lines = 0;
	double most = 0, packets;
	int r = anod_file_read(&s->stat, &s->text);

	(void) ctx;
	if (r < 0) {
		reading_failed(s, s->stat.path, r, &s->failed_stat);
		goto out;
	}
	s->failed_stat = false;
	s->round++;
	s->row[0].processed = 0;
	for (at = s->text.data; softnet_next(&at, lines, &l); lines++) {
		if (l.cpu + 1 >= ROWS_MAX || n == ROWS_MAX)
			continue;
		all.backlog += l.backlog;
		all.has_backlog &= l.has_backlog;
		take(s, &l);
		line[n++] = l;
	}
	packets = (double) s->row[0].processed;
	for (unsigned i = 0; i < n; i++) {
		double own = (double) s->row[line[i].cpu + 1].processed;

		if (own > most) {
			most = own;
			s->busiest = line[i].cpu;
		}
		put(s, line[i].cpu + 1, &line[i], packets > 0 ? own / packets : -1);
	}
	if (n > 0)
		put(s, 0, &all, packets > 0 ? most / packets : -1);
	forget(s);
out:
	anod_rhythm_next(&s->r_stat, 0);
}

/* ---- life --------------------------------------------------------------------------------- */

static int softnet_need(struct anod_ctx *ctx, const char *kind, const char *entity,
			uint64_t every_us)
{
	struct softnet *s = ctx->state;

	if (entity) /* an entity in an incident is read often enough with its kind */
		return 0;
	if (strcmp(kind, "cpu") == 0)
		return anod_rhythm_need(&s->r_cpu, every_us);
	if (strcmp(kind, "irq") == 0)
		return anod_rhythm_need(&s->r_irq, every_us);
	return anod_rhythm_need(&s->r_stat, every_us);
}

static int softnet_init(struct anod_ctx *ctx)
{
	struct softnet *s = ctx->host->alloc(ctx, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ctx = ctx;
	s->stat = (struct anod_file) ANOD_FILE("/proc/net/softnet_stat");
	s->cpu = (struct anod_file) ANOD_FILE("/proc/stat");
	s->irq = (struct anod_file) ANOD_FILE("/proc/interrupts");
	ctx->state = s;
	return 0;
}

static int start_rhythm(struct softnet *s, struct anod_rhythm *r, anod_reading_fn *read,
			uint64_t first_us)
{
	r->ctx = s->ctx;
	r->read = read;
	r->data = s;
	r->pair = true;
	r->idle_us = anod_option_u64(s->ctx, "idle-period");
	return anod_rhythm_start(r, first_us);
}

static int softnet_start(struct anod_ctx *ctx)
{
	struct softnet *s = ctx->state;
	int r;

	if (!ANOD_HOST_HAS(ctx, put))
		return -ENOSYS;
	s->f_stat = ctx->host->fact_id(ctx, "softnet.processed");
	s->f_cpu = ctx->host->fact_id(ctx, "cpu.busy");
	s->f_irq = ctx->host->fact_id(ctx, "irq.interrupts");
	if (s->f_stat < 0 || s->f_cpu < 0 || s->f_irq < 0)
		return -EINVAL;
	s->r_stat.health = true;
	s->r_irq.least_us = IRQ_LEAST_US;
	r = start_rhythm(s, &s->r_stat, softnet_read, 1000);
	if (r >= 0)
		r = start_rhythm(s, &s->r_cpu, cpu_read, 2000);
	if (r >= 0)
		r = start_rhythm(s, &s->r_irq, irq_read, 3000);
	return r;
}

static void softnet_stop(struct anod_ctx *ctx)
{
	struct softnet *s = ctx->state;

	anod_rhythm_stop(&s->r_stat);
	anod_rhythm_stop(&s->r_cpu);
	anod_rhythm_stop(&s->r_irq);
}

static void softnet_fini(struct anod_ctx *ctx)
{
	struct softnet *s = ctx->state;

	if (!s)
		return;
	softnet_stop(ctx); /* a failed start leaves some */
	anod_file_close(&s->stat);
	anod_file_close(&s->cpu);
	anod_file_close(&s->irq);
	irq_free(s);
	anod_text_free(&s->text);
}

#define COUNTER(n, u, text)                                                                        \
	{                                                                                          \
		.name = n, .type = ANOD_INT, .unit = u, .max_age_ms = MAX_AGE_MS, .help = text     \
	}

static const struct anod_attr softnet_attrs[SOFTNET_FACTS + 1] = {
	[PROCESSED] = COUNTER("processed", ANOD_UNIT_PACKETS,
			      "received packets that were handed on, since boot"),
	[DROPPED] =
		COUNTER("dropped", ANOD_UNIT_PACKETS,
			"dropped because the CPU's backlog was full (net.core.netdev_max_backlog): "
			"of virtual links, RPS and drivers without NAPI"),
	[SQUEEZED] = COUNTER("squeezed", ANOD_UNIT_NONE,
			     "times that a softirq ended with packets left because its budget was "
			     "used up (net.core.netdev_budget, netdev_budget_usecs)"),
	[RPS] = COUNTER("rps", ANOD_UNIT_NONE,
			"times that another CPU handed packets to this one (RPS)"),
	[FLOW_LIMIT] = COUNTER("flow_limit", ANOD_UNIT_PACKETS,
			       "dropped by the flow limit of a backlog that was half full"),
	[BACKLOG] = COUNTER("backlog", ANOD_UNIT_PACKETS,
			    "packets that wait in the backlog now; unknown before Linux 5.10"),
	[SHARE] = { .name = "share",
		    .type = ANOD_REAL,
		    .unit = ANOD_UNIT_RATIO,
		    .max_age_ms = MAX_AGE_MS,
		    .help = "of the packets since the last reading: this CPU's part, and for "
			    "\"all\" "
			    "that of the busiest CPU; unknown when there were none" },
	[BUSIEST] =
		COUNTER("busiest", ANOD_UNIT_NONE,
			"only of \"all\": the CPU that had the most packets, the last time that "
			"there were any"),
};

static const struct anod_kind kinds[] = {
	{ "softnet", "packets through a CPU: \"cpu0\", and \"all\"", softnet_attrs },
	{ "cpu", "where the time of a CPU goes: \"cpu0\", and \"all\"", cpu_attrs },
	{ "irq", "interrupts of a link's device, by the link's name", irq_attrs },
	{ 0 },
};

static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "1s",
	  .min = 100e3,
	  .max = 20e6,
	  .help = "time between two readings while anybody uses the values; of interrupts at "
		  "least 5 s" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "15s",
	  .min = 1e6,
	  .max = 20e6,
	  .help = "the same while nobody does" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "softnet",
	.version = "1",
	.summary = "packets, time and interrupts of each CPU",
	.opts = opts,
	.kinds = kinds,
	.init = softnet_init,
	.start = softnet_start,
	.stop = softnet_stop,
	.fini = softnet_fini,
	.need = softnet_need,
	.source = "/proc/net/softnet_stat, /proc/stat, /proc/interrupts (Documentation/filesystems/"
		  "proc.rst), /sys/class/net/*/device",
	.cost = "0.05 ms a reading of 2 CPUs (sensor.share at 1 s, a busy machine with two cores "
		"of an AMD EPYC)",
	.example = "rate(softnet.all.squeezed, 10s) > 100",
};
