/*
 * stats - statistics over time of columns, kept only where somebody asked.
 *
 * "rate(link.rx_bytes, 30s)" is a column of its own: stats_bind() adds the attribute
 * "rate(rx_bytes, 30s)" to the kind (source "core") and from then on stats_run() feeds it, row by
 * row, from what was published since the last run.  Expressions read it like any other fact, so
 * the tree evaluator, the watches and "anodctl facts" need to know nothing of statistics.  Two
 * binds of the same function of the same fact are one column.
 *
 * A statistic is unknown until its window has been seen whole, when its fact is unknown (it then
 * begins anew), and after a counter went backwards (a restart, not a wrap: counters are 64 bits).
 * It is as fresh as its fact: same maximum age, same time.
 *
 *   rate(x, D)            increase a second of a counter over the last D; of bytes in bit/s
 *   mean(x, D) low(x, D) high(x, D)   of the samples of the last D
 *   p50 p95 p99(x, D)     quantile of the samples of the last D; relative error <= 2 %
 *   trend(x, D)           least-squares slope a second
 *   ewma(x, D)            exponentially weighted mean, time constant D
 *   zscore(x, D)          robust: (x - median) / (1.4826 MAD) of the last D
 *   changed(x, D)         BOOL: the value changed in the last D
 *   changed(x)            BOOL: the last report of its source brought another value
 *   shift(x, D)           BOOL: a change of the level of x was found in the last D (core/detect)
 *   level(x)              where the level of x is since its last change
 *   unusual(x)            robust z-score against the seasonal baseline of x (core/detect)
 *   lossy(lost, sent)     BOOL: sequential loss test on two counters (core/detect)
 *
 * The value of an event-driven fact holds between two reports, so its statistics are fed with it
 * every D / 32, but not more often than once a second.
 *
 * Pure; time is an argument.  Memory: STATS_BYTES_MAX, further wants are refused and counted.
 */
#ifndef FACTS_STATS_H
#define FACTS_STATS_H

#include "facts/expr.h"

#define STATS_MAX	 256	     /* columns of statistics */
#define STATS_BYTES_MAX	 (64u << 20) /* of states; see stats_bytes() */
#define STATS_POLICY	 64	     /* of these, not for agents; and a quarter of the memory */
#define STATS_NESTED	 2	     /* p95(rate(x, 10s), 15m) */
#define STATS_WINDOW_MIN (2 * UINT64_C(1000000))
#define STATS_WINDOW_MAX (UINT64_C(7) * 86400 * 1000000)

struct stats;

/* Both are borrowed and outlive it. */
struct stats *stats_new(struct schema *schema, struct store *store);
struct stats *stats_free(struct stats *t);
DEFINE_CLEANUP(struct stats *, stats_free);

/* Bind every function over time in a checked tree to its column (expr.kind, expr.slot), and begin
 * to keep it; counted, so each bind wants one unbind.  -ENOSPC: a limit, '*ret_why' names it. */
int stats_bind(struct stats *t, struct expr *e, const char **ret_why);
/* The same for a text that an agent wrote: what the policy may need is kept back. */
int stats_bind_agent(struct stats *t, struct expr *e, const char **ret_why);
void stats_unbind(struct stats *t, struct expr *e);

/* Feed what was published since the last store_settle(), after store_expire().  Returns when to be
 * called again at the latest, or US_INFINITY: only after the next publication. */
uint64_t stats_run(struct stats *t, uint64_t now_us);

size_t stats_bytes(const struct stats *t);
unsigned stats_count(const struct stats *t);
/* Is it a statistic that nobody wants any more, so that nobody need hear of it? */
bool stats_dropped(const struct stats *t, const struct schema_attr *a);
/* Binds and rows that were refused for a limit. */
uint64_t stats_refused(const struct stats *t);

#endif
