/*
 * irq - interrupts of links, and on which CPU they are served.
 *
 * Design.  The file has a line for each interrupt of the machine, so nothing is read where no link
 * has interrupts of its own (a container, a namespace with virtual links).  Which ones are a link's
 * is looked up anew every SCAN_US.
 */
#include "softnet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_US	  UINT64_C(60000000)
#define ROOM_CPUS 1024

void irq_free(struct softnet *s)
{
	for (unsigned i = 0; s->device && i < DEVS_MAX; i++)
		device_free(&s->device[i]);
	free(s->device);
	if (s->table)
		free(s->table->per_cpu);
	free(s->table);
	s->device = NULL;
	s->table = NULL;
}

static int prepare(struct softnet *s)
{
	uint64_t now_us = s->ctx->host->now_us(s->ctx);

	if (!s->table)
		s->table = calloc(1, sizeof(*s->table));
	if (!s->device)
		s->device = calloc(DEVS_MAX, sizeof(*s->device));
	if (!s->table || !s->device)
		return -ENOMEM;
	if (!s->scanned_us || now_us - s->scanned_us >= SCAN_US) {
		devices_scan(s);
		s->scanned_us = now_us;
	}
	return 0;
}

static bool any_device(const struct softnet *s)
{
	for (unsigned i = 0; i < DEVS_MAX; i++)
		if (s->device[i].name[0])
			return true;
	return false;
}

/* The CPU that served most of them since the last reading; its share, or -1: there were none. */
static double busiest(const struct device *d, const uint64_t *now, unsigned n_cpus, int64_t *ret)
{
	uint64_t most = 0, all = 0;

	for (unsigned k = 0; k < n_cpus; k++) {
		uint64_t n = now[k] >= d->per_cpu[k] ? now[k] - d->per_cpu[k] : 0;

		all += n;
		if (n > most) {
			most = n;
			*ret = k;
		}
	}
	return all ? (double) most / (double) all : -1;
}

static void put(struct softnet *s, unsigned i)
{
	const uint64_t *now = s->table->per_cpu + (size_t) i * s->n_cpus;
	struct device *d = &s->device[i];
	int64_t raw[IRQ_FACTS] = {
		[INTERRUPTS] = (int64_t) s->table->sum[i].total, [LINES] = s->table->sum[i].lines
	};
	uint64_t known = 1u << INTERRUPTS | 1u << LINES;
	double skew = -1;

	if (!d->per_cpu)
		d->per_cpu = calloc(s->n_cpus, sizeof(*d->per_cpu));
	if (!d->per_cpu)
		return;
	if (d->known)
		skew = busiest(d, now, s->n_cpus, &raw[IRQ_CPU]);
	if (skew >= 0) {
		raw[SKEW] = anod_real_bits(skew);
		known |= 1u << SKEW | 1u << IRQ_CPU;
	}
	memcpy(d->per_cpu, now, s->n_cpus * sizeof(*now));
	d->known = true;
	if (!d->entity && s->ctx->host->entity(s->ctx, "irq", d->name, &d->entity) < 0)
		return;
	if (s->ctx->host->put(s->ctx, d->entity, s->f_irq, IRQ_FACTS, raw, known) < 0)
		d->entity = 0;
}

/* The number of columns has changed: what was counted per CPU is of no use. */
static int set_columns(struct softnet *s, unsigned n)
{
	if (n == s->n_cpus && s->table->per_cpu)
		return 0;
	free(s->table->per_cpu);
	s->table->per_cpu = calloc((size_t) DEVS_MAX * n, sizeof(uint64_t));
	s->n_cpus = s->table->n_cpus = n;
	for (unsigned i = 0; i < DEVS_MAX; i++) {
		free(s->device[i].per_cpu);
		s->device[i].per_cpu = NULL;
		s->device[i].known = false;
	}
	return s->table->per_cpu ? 0 : -ENOMEM;
}

static int read_file(struct softnet *s)
{
	unsigned n;
	int r = prepare(s);

	if (r < 0 || !any_device(s))
		return r;
	r = anod_file_read(&s->irq, &s->text);
	if (r < 0)
		return r;
	n = irq_columns(s->text.data);
	if (n == 0 || n > ROOM_CPUS)
		return -EPROTO;
	r = set_columns(s, n);
	if (r < 0)
		return r;
	memset(s->table->sum, 0, sizeof(s->table->sum));
	memset(s->table->per_cpu, 0, (size_t) DEVS_MAX * n * sizeof(uint64_t));
	irq_add(s->table, s->text.data);
	for (unsigned i = 0; i < DEVS_MAX; i++)
		if (s->device[i].name[0] && s->table->sum[i].lines)
			put(s, i);
	return 0;
}

void irq_read(struct anod_ctx *ctx, void *data)
{
	struct softnet *s = data;
	int r = read_file(s);

	(void) ctx;
	if (r < 0)
		reading_failed(s, s->irq.path, r, &s->failed_irq);
	else
		s->failed_irq = false;
	anod_rhythm_next(&s->r_irq, 0);
}

const struct anod_attr irq_attrs[IRQ_FACTS + 1] = {
	[INTERRUPTS] = { .name = "interrupts",
			 .type = ANOD_INT,
			 .max_age_ms = MAX_AGE_MS,
			 .help = "of the link's device, on all its lines, since boot" },
	[LINES] = { .name = "lines",
		    .type = ANOD_INT,
		    .max_age_ms = MAX_AGE_MS,
		    .help = "interrupt lines (queues) of the device" },
	[IRQ_CPU] = { .name = "cpu",
		      .type = ANOD_INT,
		      .max_age_ms = MAX_AGE_MS,
		      .help = "the CPU that served most of them since the last reading" },
	[SKEW] = { .name = "skew",
		   .type = ANOD_REAL,
		   .unit = ANOD_UNIT_RATIO,
		   .max_age_ms = MAX_AGE_MS,
		   .help = "that CPU's part of them; unknown when there were none" },
};
