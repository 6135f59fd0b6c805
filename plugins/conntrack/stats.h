/*
 * stats - ctnetlink's statistics, taken apart and summed up.
 *
 * Pure.  Counters have the names and meanings of uapi/linux/netfilter/nfnetlink_conntrack.h; the
 * kernel keeps them for each CPU in 32 bits, here they are of all CPUs in 64.
 */
#ifndef CONNTRACK_STATS_H
#define CONNTRACK_STATS_H

#include <stdbool.h>
#include <stdint.h>

#define CPUS_MAX 1024

struct nlmsghdr;

/* In the order of the manifest. */
enum counter {
	COUNT_FOUND,
	COUNT_INVALID,
	COUNT_INSERT_FAILED,
	COUNT_DROP,
	COUNT_EARLY_DROP,
	COUNT_ERROR,
	COUNT_SEARCH_RESTART,
	COUNT_CLASH,
	COUNT_CHAIN_TOOLONG,
	COUNTERS
};

struct global {
	uint32_t entries, max;
	bool has_max; /* since Linux 4.18 */
};

struct cpu {
	uint16_t number;
	uint32_t known; /* bit k: value[k] was there */
	uint32_t value[COUNTERS];
};

/* False: another message, or cut. */
bool global_parse(const struct nlmsghdr *msg, struct global *ret);
bool cpu_parse(const struct nlmsghdr *msg, struct cpu *ret);

struct sums {
	int64_t total[COUNTERS];
	uint32_t known; /* of the last reading */
	struct cpu *cpu;
	uint32_t n_cpus;
};

/* A reading begins; a CPU of it (0, -ENOMEM, -E2BIG: too many).  A counter that wraps goes on. */
void sums_begin(struct sums *s);
int sums_add(struct sums *s, const struct cpu *c);
void sums_free(struct sums *s);

#endif
