/*
 * softnet - what the files of the sensor share.
 *
 * softnet.c is the plugin and the kind "softnet", cpu.c the kind "cpu", irq.c the kind "irq" and
 * devices.c knows which interrupts are of which link; parse.c takes the kernel's text apart.
 */
#ifndef PLUGIN_SOFTNET_H
#define PLUGIN_SOFTNET_H

#include "parse.h"

#define ROWS_MAX     257 /* CPUs that have facts of their own, and "all" */
#define MAX_AGE_MS   60000
#define IRQ_LEAST_US UINT64_C(5000000) /* the file is long where there are many CPUs */

enum softnet_fact {
	PROCESSED,
	DROPPED,
	SQUEEZED,
	RPS,
	FLOW_LIMIT,
	BACKLOG,
	SHARE,
	BUSIEST,
	SOFTNET_FACTS
};
enum cpu_fact { BUSY, USER, SYSTEM, SOFTIRQ, IRQ, STEAL, CPU_FACTS };
enum irq_fact { INTERRUPTS, LINES, IRQ_CPU, SKEW, IRQ_FACTS };

/* A 32-bit counter of the kernel, made wide. */
struct wide {
	uint32_t last;
	uint64_t total;
};

struct softnet_row { /* of a CPU; row 0: of all */
	uint32_t entity;
	bool known; /* has been read before */
	uint64_t round;
	struct wide count[FLOW_LIMIT + 1];
	uint64_t processed; /* since the last reading */
};

struct cpu_row {
	uint32_t entity;
	bool known;
	uint64_t round;
	uint64_t last[CPU_TIMES];
};

struct device { /* a link with interrupts of its own */
	char name[ANOD_IFNAME_SIZE];
	uint32_t entity;
	bool known, seen;
	uint64_t total;	   /* at the last reading */
	uint64_t *per_cpu; /* n_cpus, at the last reading; owned */
};

struct softnet {
	struct anod_ctx *ctx;
	struct anod_text text;
	struct anod_file stat, cpu, irq;
	struct anod_rhythm r_stat, r_cpu, r_irq;
	bool failed_stat, failed_cpu, failed_irq; /* said so */
	int f_stat, f_cpu, f_irq;		  /* the first fact of each kind */
	uint64_t round;
	uint32_t busiest; /* the last CPU that was */
	struct softnet_row row[ROWS_MAX];
	struct cpu_row cpu_row[ROWS_MAX];

	struct irq_table *table; /* owned */
	struct device *device;	 /* owned, DEVS_MAX */
	unsigned n_cpus;
	uint64_t scanned_us; /* 0: never */
};

/* The row's entity: "all" for row 0, else "cpuN". */
int cpu_entity(struct softnet *s, const char *kind, unsigned row, uint32_t *entity);
/* A file could not be read: say so once; what was published grows old by itself. */
void reading_failed(struct softnet *s, const char *path, int error, bool *said);

/* cpu.c */
extern const struct anod_attr cpu_attrs[];
anod_reading_fn cpu_read;

/* irq.c */
extern const struct anod_attr irq_attrs[];
anod_reading_fn irq_read;
void irq_free(struct softnet *s);

/* devices.c: fills s->table->dev and s->device by /sys/class/net */
void devices_scan(struct softnet *s);
void device_free(struct device *d);

#endif
