/*
 * pace - what one sensor costs, what it may cost, and how long it therefore waits.
 *
 * Design.  What has a long wait behind it cannot be woken, so a wait is never long because of what
 * others need at this moment.  A callback costs two looks at two clocks.  Time in which the thread did not run is either
 * ours (the callback waited for a lock) or not (somebody else had the CPU).  The kernel tells them
 * apart by its count of voluntary switches, which costs a third system call; so that is asked for
 * only for the next WATCH_BLOCKS callbacks of a sensor that once took BLOCKED_NS longer than its
 * CPU time.
 */
#include "host/pace.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/util.h"

#define SLOT_NS	     1e9
#define BLOCKED_NS   UINT64_C(500000)
#define WATCH_BLOCKS 64

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	(void) clock_gettime(id, &t);
	return (uint64_t) t.tv_sec * UINT64_C(1000000000) + (uint64_t) t.tv_nsec;
}

static uint64_t real_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static uint64_t real_wall_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t real_switches(void)
{
	struct rusage u;

	return getrusage(RUSAGE_THREAD, &u) < 0 ? 0 : (uint64_t) u.ru_nvcsw;
}

struct meter_clocks meter_clocks = { real_cpu_ns, real_wall_ns, real_switches };

void meter_init(struct meter *m, double limit)
{
	*m = (struct meter){ .limit = limit, .budget = limit, .slowed = 1, .n_slots = 1 };
}

/* ---- callbacks ---------------------------------------------------------------------------- */

static void add(struct meter *m, uint64_t cpu_ns, uint64_t held_ns)
{
	m->cpu_ns[m->slot] += cpu_ns;
	m->held_ns[m->slot] += held_ns;
	m->debt_ns += (double) cpu_ns + (double) held_ns;
	m->reading_ns += (double) cpu_ns + (double) held_ns;
}

bool meter_begin(struct meter *m)
{
	if (!m || m->running)
		return false;
	m->running = true;
	m->switches_at = m->watch_blocks ? meter_clocks.switches() : 0;
	m->wall_at_ns = meter_clocks.wall_ns();
	m->cpu_at_ns = meter_clocks.cpu_ns();
	return true;
}

/* Count what the running callback has cost so far, and count on from here. */
static void count_running(struct meter *m)
{
	uint64_t cpu_at_ns = meter_clocks.cpu_ns(), wall_at_ns = meter_clocks.wall_ns();
	uint64_t cpu_ns = cpu_at_ns - m->cpu_at_ns, wall_ns = wall_at_ns - m->wall_at_ns;
	uint64_t away_ns = wall_ns > cpu_ns ? wall_ns - cpu_ns : 0, held_ns = 0;

	if (m->watch_blocks) {
		uint64_t switches = meter_clocks.switches();

		if (switches != m->switches_at && away_ns >= BLOCKED_NS)
			held_ns = away_ns;
		m->switches_at = switches;
		m->watch_blocks--;
	}
	if (away_ns >= BLOCKED_NS) {
		if (!m->watch_blocks)
			m->switches_at = meter_clocks.switches();
		m->watch_blocks = WATCH_BLOCKS;
	}
	add(m, cpu_ns, held_ns);
	m->cpu_at_ns = cpu_at_ns;
	m->wall_at_ns = wall_at_ns;
}

void meter_end(struct meter *m, bool begun)
{
	if (!begun)
		return;
	count_running(m);
	m->running = false;
}

/* ---- pace --------------------------------------------------------------------------------- */

static void pay(struct meter *m, uint64_t now_us)
{
	double least = -m->limit * METER_SLOTS * SLOT_NS;

	if (m->debt_us && now_us > m->debt_us)
		m->debt_ns -= (double) (now_us - m->debt_us) * 1e3 * m->limit;
	m->debt_ns = MAX_OF(m->debt_ns, least);
	if (m->n_beats < PACE_GRACE)
		m->debt_ns = MIN_OF(m->debt_ns, 0);
	m->debt_us = now_us;
}

uint64_t meter_pace(struct meter *m, uint64_t now_us, uint64_t wanted_us, uint64_t held_us)
{
	double wait_us, most_us, factor;

	if (m->running)
		count_running(m);
	add(m, 0, MIN_OF(held_us, PACE_MAX_US) * 1000);
	m->paced = true;
	pay(m, now_us);
	most_us = MAX_OF(m->reading_ns / m->budget / 1e3, (double) PACE_STEP_US);
	m->reading_ns = 0;
	if (m->free || wanted_us == 0)
		return wanted_us;

	wait_us = MIN_OF(m->debt_ns / m->limit / 1e3, most_us);
	wait_us = MIN_OF(wait_us, (double) PACE_MAX_US);
	wait_us = MAX_OF(wait_us, (double) wanted_us);
	factor = wait_us / (double) wanted_us;
	if (factor >= m->slowed || now_us >= m->slowed_until_us) {
		m->slowed = factor;
		m->wait_us = (uint64_t) wait_us;
		m->wanted_us = wanted_us;
		m->slowed_until_us = now_us + (uint64_t) wait_us + wanted_us;
	}
	return (uint64_t) wait_us;
}

void meter_beat(struct meter *m, uint64_t now_us)
{
	pay(m, now_us);
	if (now_us >= m->slowed_until_us)
		m->slowed = 1;
	m->slot = (m->slot + 1) % METER_SLOTS;
	m->cpu_ns[m->slot] = m->held_ns[m->slot] = 0;
	if (m->n_slots < METER_SLOTS)
		m->n_slots++;
	if (m->n_beats < PACE_GRACE)
		m->n_beats++;
}

static double sum(const uint64_t *slots)
{
	uint64_t s = 0;

	for (unsigned i = 0; i < METER_SLOTS; i++)
		s += slots[i];
	return (double) s;
}

double meter_share(const struct meter *m)
{
	return (sum(m->cpu_ns) + sum(m->held_ns)) / (m->n_slots * SLOT_NS);
}

uint64_t meter_held_us(const struct meter *m)
{
	return (uint64_t) (sum(m->held_ns) / 1e3);
}

double meter_slowed(const struct meter *m)
{
	return m->free ? 1 : m->slowed;
}

double meter_need(const struct meter *m)
{
	return m->n_beats < PACE_GRACE ? 0 : meter_share(m) * meter_slowed(m);
}

/* ---- shares ------------------------------------------------------------------------------- */

static int by_need(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return (x > y) - (x < y);
}

/* What one more would get beside these, were it to want everything: the level to which the budget
 * fills those that need more.  'skip': the one of the sorted needs that is its own. */
static double level(const double *need, unsigned n, unsigned skip, double budget)
{
	unsigned left = n; /* the others, and the one itself */

	for (unsigned i = 0; i < n; i++) {
		if (i == skip)
			continue;
		if (need[i] * left >= budget)
			break;
		budget -= need[i];
		left--;
	}
	return budget / left;
}

void meters_share(struct meter *const *m, unsigned n, double budget)
{
	double need[METERS_MAX] = { 0 }, sorted[METERS_MAX] = { 0 }, unpaced = 0;
	unsigned n_paced = 0;

	n = MIN_OF(n, METERS_MAX);
	for (unsigned i = 0; i < n; i++) {
		need[i] = meter_need(m[i]);
		if (m[i]->paced)
			sorted[n_paced++] = need[i];
		else
			unpaced += need[i];
	}
	qsort(sorted, n_paced, sizeof(sorted[0]), by_need);

	for (unsigned i = 0; i < n; i++) {
		double own = m[i]->paced ? 0 : need[i];
		double rest = MAX_OF(budget - (unpaced - own), budget * PACE_RESERVE);
		unsigned k = 0;

		/* One that is not paced stands beside all that are. */
		while (m[i]->paced && k + 1 < n_paced && sorted[k] < need[i])
			k++;
		m[i]->limit = level(sorted, m[i]->paced ? n_paced : n_paced + 1,
				    m[i]->paced ? k : n_paced, rest);
		m[i]->limit = MAX_OF(m[i]->limit, PACE_LEAST);
		m[i]->budget = MAX_OF(budget, PACE_LEAST);
	}
}
