/*
 * parse - /proc/net/softnet_stat, /proc/stat and /proc/interrupts as numbers.
 *
 * Pure functions of NUL-ended text.  Columns that are missing or are no numbers make a line count
 * as not there; columns that this version does not know are skipped.
 */
#ifndef PLUGIN_SOFTNET_PARSE_H
#define PLUGIN_SOFTNET_PARSE_H

#include <anod/reading.h>

#define CPUS_MAX 1024 /* beyond: summed up only */
#define IRQ_MAX	 16384
#define DEVS_MAX 256
#define DEV_NONE UINT16_MAX

struct softnet_line { /* net/core/net-procfs.c, softnet_seq_show() */
	uint32_t processed, dropped, squeezed, rps, flow_limit;
	uint32_t backlog; /* 0 where the kernel does not tell (before 5.10) */
	uint32_t cpu;	  /* the line's number where it does not tell */
	bool has_backlog;
};
/* The next line; 'index': how many came before. */
bool softnet_next(const char **at, unsigned index, struct softnet_line *ret);

enum { CPU_USER, CPU_SYSTEM, CPU_IDLE, CPU_IRQ, CPU_SOFTIRQ, CPU_STEAL, CPU_TIMES };
struct cpu_line { /* fs/proc/stat.c, in ticks; nice is in USER, iowait in IDLE */
	int cpu;  /* -1: all together */
	uint64_t time[CPU_TIMES];
};
/* The next line that begins with "cpu"; others are skipped. */
bool cpu_next(const char **at, struct cpu_line *ret);

/* How many interrupts of each device there were, and on which CPU the most. */
struct irq_sum {
	uint64_t total;
	unsigned lines;
};
struct irq_table {
	uint16_t dev[IRQ_MAX]; /* of an interrupt: index of its device, or DEV_NONE */
	struct irq_sum sum[DEVS_MAX];
	uint64_t *per_cpu; /* DEVS_MAX x n_cpus, the caller's; NULL: not wanted */
	unsigned n_cpus;   /* columns that per_cpu has */
};
/* The columns of the heading "CPU0 CPU1 ..."; 0: it is none. */
unsigned irq_columns(const char *text);
/* Adds the lines of the devices in t->dev to t->sum and t->per_cpu. */
void irq_add(struct irq_table *t, const char *text);

#endif
