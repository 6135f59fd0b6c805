/*
 * cpu - where the time of each CPU goes.
 *
 * Design.  Shares of the time between two readings, in ticks of the kernel (100 a second), so over
 * one second they are exact to 1 %.  The kernel's idle counters may go back by a tick; then it is
 * no reading.
 */
#include "softnet.h"

#include <string.h>

static void put(struct softnet *s, struct cpu_row *row, unsigned number, const uint64_t *time)
{
	static const uint8_t of[CPU_FACTS] = {
		[USER] = CPU_USER, [SYSTEM] = CPU_SYSTEM, [SOFTIRQ] = CPU_SOFTIRQ,
		[IRQ] = CPU_IRQ,   [STEAL] = CPU_STEAL,
	};
	int64_t raw[CPU_FACTS];
	uint64_t d[CPU_TIMES], all = 0;

	for (unsigned k = 0; k < CPU_TIMES; k++) {
		if (time[k] < row->last[k])
			return;
		d[k] = time[k] - row->last[k];
		all += d[k];
	}
	if (all == 0 || cpu_entity(s, "cpu", number, &row->entity) < 0)
		return;
	for (unsigned k = USER; k < CPU_FACTS; k++)
		raw[k] = anod_real_bits((double) d[of[k]] / (double) all);
	raw[BUSY] = anod_real_bits((double) (all - d[CPU_IDLE]) / (double) all);
	if (s->ctx->host->put(s->ctx, row->entity, s->f_cpu, CPU_FACTS, raw,
			      (1u << CPU_FACTS) - 1) < 0)
		row->entity = 0;
}

static void forget(struct softnet *s)
{
	for (unsigned i = 0; i < ROWS_MAX; i++) {
		struct cpu_row *row = &s->cpu_row[i];

		if (!row->known || row->round == s->round)
			continue;
		if (row->entity)
			(void) s->ctx->host->entity_gone(s->ctx, row->entity);
		*row = (struct cpu_row){ 0 };
	}
}

void cpu_read(struct anod_ctx *ctx, void *data)
{
	struct softnet *s = data;
	struct cpu_line l;
	const char *at;
	int r = anod_file_read(&s->cpu, &s->text);

	(void) ctx;
	if (r < 0) {
		reading_failed(s, s->cpu.path, r, &s->failed_cpu);
		anod_rhythm_next(&s->r_cpu, 0);
		return;
	}
	s->failed_cpu = false;
	s->round++;
	for (at = s->text.data; cpu_next(&at, &l);) {
		struct cpu_row *row = &s->cpu_row[l.cpu + 1 < ROWS_MAX ? l.cpu + 1 : 0];

		if (l.cpu + 1 >= ROWS_MAX)
			continue;
		if (row->known)
			put(s, row, (unsigned) (l.cpu + 1), l.time);
		memcpy(row->last, l.time, sizeof(row->last));
		row->known = true;
		row->round = s->round;
	}
	forget(s);
	anod_rhythm_next(&s->r_cpu, 0);
}

#define SHARE_OF(n, text)                                                                          \
	{                                                                                          \
		.name = n, .type = ANOD_REAL, .unit = ANOD_UNIT_RATIO, .max_age_ms = MAX_AGE_MS,   \
		.help = text                                                                       \
	}

const struct anod_attr cpu_attrs[CPU_FACTS + 1] = {
	[BUSY] = SHARE_OF("busy", "of the time since the last reading: not idle"),
	[USER] = SHARE_OF("user", "in programs"),
	[SYSTEM] = SHARE_OF("system", "in the kernel for programs"),
	[SOFTIRQ] = SHARE_OF("softirq", "in softirqs: mostly packets"),
	[IRQ] = SHARE_OF("irq", "in interrupts"),
	[STEAL] = SHARE_OF("steal", "taken by the hypervisor for others"),
};
