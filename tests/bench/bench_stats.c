/*
 * bench_stats - what a statistic costs: CPU and memory per row and second.
 *
 * Design.  LINKS links are swept once a second of a clock that the program moves; only stats_run()
 * is measured, after windows are full.  A figure is the CPU time of a run divided by its rows, so
 * caches are as warm as after a sweep.  "limit" is the least that anybody could do for a rate over
 * 30 s: a ring of 31 plain columns, one subtraction and one store a row.  "exact" sorts out the
 * quantile of the same window by selection.  One line of JSON each goes to stdout.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "facts/stats.h"
#include "facts/table.h"
#include "facts/value.h"

#define LINKS	 5000
#define COUNTERS 4
#define ROUNDS	 100
#define SECOND	 UINT64_C(1000000)

static struct schema *schema;
static struct store *store;
static struct stats *stats;
static uint16_t kind;
static uint32_t entity[LINKS];
static int64_t raw[LINKS][COUNTERS + 1];
static uint64_t now = 1000 * SECOND, seed = 88172645463325252u;
static double took[ROUNDS];

static void must(bool ok, const char *what)
{
	if (ok)
		return;

	(void) fprintf(stderr, "bench_stats: %s\n", what);
	exit(EXIT_FAILURE);
}

static double cpu_ns(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

static uint64_t dice(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void open_store(void)
{
	static const struct anod_attr attrs[] = {
		{ .name = "c0", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES, .max_age_ms = 3000 },
		{ .name = "c1", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES, .max_age_ms = 3000 },
		{ .name = "c2", .type = ANOD_INT, .unit = ANOD_UNIT_PACKETS, .max_age_ms = 3000 },
		{ .name = "c3", .type = ANOD_INT, .unit = ANOD_UNIT_PACKETS, .max_age_ms = 3000 },
		{ .name = "rtt", .type = ANOD_REAL, .max_age_ms = 3000 },
		{ 0 },
	};
	const struct anod_kind kinds[] = { { .name = "link", .attrs = attrs }, { 0 } };
	const char *why;
	char name[32];

	schema = schema_new();
	must(schema && schema_declare(schema, "counters", kinds, &why) == 0, "schema");
	store = store_new(schema);
	stats = store ? stats_new(schema, store) : NULL;
	must(stats, "store");
	kind = schema_kind_id(schema, "link");
	for (unsigned i = 0; i < LINKS; i++) {
		(void) snprintf(name, sizeof(name), "eth%u", i);
		must(store_entity(store, kind, name, 0, &entity[i]) == 0, name);
	}
}

/* A sweep: counters grow by what a busy link carries, the delay is near 20 ms with a tail. */
static void sweep(void)
{
	uint16_t slot = schema_attr(schema, "link", "c0")->slot;

	now += SECOND;
	(void) store_expire(store, now);
	for (unsigned i = 0; i < LINKS; i++) {
		uint64_t d = dice();
		double rtt = 20000 + (double) (d % 3000) + ((d >> 20) % 16 ? 0 : 15000.0);

		for (unsigned k = 0; k < COUNTERS; k++)
			raw[i][k] += (int64_t) ((d >> (8 * k)) % 4000000);
		memcpy(&raw[i][COUNTERS], &rtt, sizeof(rtt));
		must(store_put(store, entity[i], slot, COUNTERS + 1, raw[i], UINT64_MAX, now) == 0,
		     "put");
	}
}

/* What watch_run() and the end of the turn do. */
static void settle(void)
{
	uint64_t *dirty = table_dirty(store, kind);

	for (unsigned b = 0; b < table_n_blocks(store, kind); b++) {
		for (uint16_t s = 0; s < schema_n_slots(schema, kind); s++) {
			struct table_block *t = table_block(store, kind, s, b);

			if (t)
				t->dirty = t->again = 0;
		}
		dirty[b / 64] = 0;
	}
	store_settle(store);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void print(const char *name, const char *who, const char *unit, unsigned rows)
{
	for (unsigned k = 0; k < ROUNDS; k++)
		took[k] /= rows;
	qsort(took, ROUNDS, sizeof(*took), by_value);
	(void) printf(
		"{\"work\":\"stats\",\"case\":\"%s\",\"who\":\"%s\",\"unit\":\"%s\","
		"\"n\":%d,\"min\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"max\":%.1f}\n",
		name, who, unit, ROUNDS, took[0], took[ROUNDS / 2], took[ROUNDS * 9 / 10],
		took[ROUNDS * 99 / 100], took[ROUNDS - 1]);
}

static struct expr *parse(const char *text)
{
	struct expr_scope scope = { .schema = schema };
	struct diag_list diags = { 0 };
	struct expr *e = NULL;
	const char *why = "";
	struct lexer l;

	lex_init(&l, "bench", text, strlen(text));
	must(expr_parse(&l, &diags, &e) == 0 && expr_check(e, &scope, false, &diags) == 0, text);
	must(stats_bind(stats, e, &why) == 0, why);
	diag_done(&diags);
	return e;
}

/* 'columns' functions, told apart by the counter: '#' in the text; after 'fill' seconds. */
static void measure(const char *name, const char *text, unsigned columns, unsigned fill)
{
	struct expr *e[COUNTERS];
	char one[96];
	double begin;

	for (unsigned k = 0; k < columns; k++) {
		(void) copy_text(one, sizeof(one), text);
		if (strchr(one, '#'))
			*strchr(one, '#') = (char) ('0' + k);
		e[k] = parse(one);
	}
	for (unsigned k = 0; k < fill + ROUNDS; k++) {
		sweep();
		begin = cpu_ns();
		(void) stats_run(stats, now);
		if (k >= fill)
			took[k - fill] = cpu_ns() - begin;
		settle();
	}
	print(name, "anod", "ns", LINKS * columns);
	took[0] = (double) stats_bytes(stats);
	for (unsigned k = 1; k < ROUNDS; k++)
		took[k] = took[0];
	print(name, "anod", "B", LINKS * columns);
	for (unsigned k = 0; k < columns; k++) {
		stats_unbind(stats, e[k]);
		expr_free(e[k]);
	}
	settle();
}

/* ---- contenders ------------------------------------------------------------------------------- */

static void limit_rate(void)
{
	static int64_t ring[COUNTERS][31][LINKS];
	static double result[COUNTERS][LINKS];
	static uint64_t time_us[COUNTERS][LINKS];
	double begin, sum = 0;

	for (unsigned k = 0; k < 31 + ROUNDS; k++) {
		sweep();
		begin = cpu_ns();
		for (unsigned c = 0; c < COUNTERS; c++)
			for (unsigned i = 0; i < LINKS; i++) {
				int64_t was = ring[c][(k + 1) % 31][i];

				ring[c][k % 31][i] = raw[i][c];
				result[c][i] = (double) (raw[i][c] - was) / 30;
				time_us[c][i] = now;
			}
		if (k >= 31)
			took[k - 31] = cpu_ns() - begin;
		sum += result[k % COUNTERS][k];
		settle();
	}
	must(sum != 0 && time_us[0][0] > 0, "sum");
	print("rate 30s, 4 columns", "limit", "ns", LINKS * COUNTERS);
}

static double nth(double *v, unsigned n, unsigned rank)
{
	unsigned low = 0, high = n - 1;

	while (low < high) {
		double pivot = v[(low + high) / 2];
		unsigned i = low, j = high;

		while (i <= j) {
			while (v[i] < pivot)
				i++;
			while (v[j] > pivot)
				j--;
			if (i <= j) {
				double t = v[i];

				v[i++] = v[j];
				v[j] = t;
				if (j == 0)
					break;
				j--;
			}
		}
		if (rank <= j)
			high = j;
		else if (rank >= i)
			low = i;
		else
			break;
	}
	return v[rank];
}

/* One row alone, with the series of a link: selection in a copy of the window. */
static void exact_p95(void)
{
	static double window[900], copy[900];
	double begin, sum = 0;

	for (unsigned k = 0; k < 900; k++)
		window[k] = 20000 + (double) (dice() % 3000);
	for (unsigned k = 0; k < ROUNDS; k++) {
		window[k % 900] = 20000 + (double) (dice() % 3000);
		begin = cpu_ns();
		for (unsigned again = 0; again < 10; again++) {
			memcpy(copy, window, sizeof(copy));
			sum += nth(copy, 900, 854);
		}
		took[k] = cpu_ns() - begin;
	}
	must(sum > 0, "sum");
	print("p95 15m", "exact", "ns", 10);
}

int main(void)
{
	open_store();
	limit_rate();
	measure("rate 30s, 4 columns", "rate(link.c#, 30s)", 4, 40);
	measure("rate 15m, 4 columns", "rate(link.c#, 15m)", 4, 100);
	exact_p95();
	measure("p95 15m", "p95(link.rtt, 15m)", 1, 1000);
	measure("p50 1m", "p50(link.rtt, 1m)", 1, 100);
	measure("mean 30s", "mean(link.rtt, 30s)", 1, 40);
	measure("high 30s", "high(link.rtt, 30s)", 1, 40);
	measure("trend 5m", "trend(link.rtt, 5m)", 1, 350);
	measure("ewma 10s", "ewma(link.rtt, 10s)", 1, 40);
	measure("zscore 15m", "zscore(link.rtt, 15m)", 1, 1000);
	measure("changed 30s", "changed(link.rtt, 30s)", 1, 40);
	measure("shift 10m", "shift(link.rtt, 10m)", 1, 150);
	measure("unusual", "unusual(link.rtt)", 1, 40);
	measure("lossy", "lossy(link.c3, link.c2)", 1, 40);
	stats_free(stats);
	store_free(store);
	schema_free(schema);
	return 0;
}
