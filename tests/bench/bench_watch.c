/*
 * bench_watch - what 1000 watches on 5000 links cost when the links change once a second.
 *
 * usage: bench_watch [ROUNDS]
 *
 * Design.  Each watch has a threshold of its own, so that none is shared: "link.rx_bps > N and
 * link.rx_errors > 0".  In a round the rows change (as many as the case says), and the CPU time of
 * one watch_run() is taken; storing the values is not part of it.  Milliseconds a round at one
 * round a second are permille of a core.  Rates walk a little, so that some ten of the five
 * million truths change in a round and are told; in the case "flip" the rates are thrown anew, and
 * a third of all truths change.
 *
 * "limit" is a hand-written loop over two plain arrays that does the same comparisons, keeps a
 * byte for each truth, and counts the changes.  It is given the list of rows that changed.
 * Nothing but the comparison is in it: no unknown values, no store, no names.
 */
#include <inttypes.h>

#include "bench.h"
#include "facts/table.h"
#include "facts/watch.h"

#define N_WATCHES 1000
#define N_LINKS	  5000
#define MBPS	  INT64_C(1000000)

static int64_t rx_bps[N_LINKS], rx_errors[N_LINKS];
static unsigned changed[N_LINKS], n_changed;
static uint8_t held[N_WATCHES][N_LINKS];
static uint64_t n_told;

static struct schema *schema;
static struct store *store;
static struct watches *watches;
static uint32_t entity[N_LINKS];
static uint16_t first_slot;

static double cpu_ms(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

static void heard(void *data, uint64_t id, const char *name, enum anod_tri truth)
{
	(void) data, (void) id, (void) name, (void) truth;
	n_told++;
}

static void add_watch(int64_t threshold)
{
	struct expr_scope scope = { .schema = schema };
	struct diag_list diags = { 0 };
	struct expr *e = NULL;
	struct lexer l;
	char text[128];
	uint64_t id;

	(void) snprintf(text, sizeof(text), "link.rx_bps > %" PRId64 "bps and link.rx_errors > 0",
			threshold);
	lex_init(&l, "bench", text, strlen(text));
	if (expr_parse(&l, &diags, &e) < 0 || expr_check(e, &scope, true, &diags) < 0 ||
	    watch_add(watches, e, heard, NULL, &id) < 0)
		DIE("%s", text);
}

static void setup(void)
{
	static const struct anod_attr attrs[] = {
		{ .name = "rx_bytes", .type = ANOD_INT, .max_age_ms = 5000 },
		{ .name = "tx_bytes", .type = ANOD_INT, .max_age_ms = 5000 },
		{ .name = "rx_bps", .type = ANOD_INT, .unit = ANOD_UNIT_BPS, .max_age_ms = 5000 },
		{ .name = "rx_errors", .type = ANOD_INT, .max_age_ms = 5000 },
		{ 0 },
	};
	static const struct anod_kind kinds[] = { { .name = "link", .attrs = attrs }, { 0 } };
	const char *why;
	char name[16];

	schema = schema_new();
	if (!schema || schema_declare(schema, "bench", kinds, &why) < 0)
		DIE("schema");
	store = store_new(schema);
	watches = store ? watches_new(store) : NULL;
	if (!watches)
		DIE("store");
	first_slot = schema_attr(schema, "link", "rx_bytes")->slot;
	for (unsigned i = 0; i < N_LINKS; i++) {
		(void) snprintf(name, sizeof(name), "eth%u", i);
		if (store_entity(store, schema_kind_id(schema, "link"), name, 1, &entity[i]) < 0)
			DIE("%s", name);
		rx_bps[i] = lrand48() % (1000 * MBPS);
		rx_errors[i] = lrand48() % 3;
	}
	for (unsigned i = 0; i < N_WATCHES; i++)
		add_watch((i + 1) * MBPS);
}

/* A second has passed: each of 'permille' links has other values. */
static void change(unsigned permille, bool flip, uint64_t now_us)
{
	n_changed = 0;
	for (unsigned i = 0; i < N_LINKS; i++) {
		int64_t raw[4] = { lrand48(), lrand48() };

		if (permille == 0 || lrand48() % 1000 >= permille)
			continue;
		rx_bps[i] = flip ? lrand48() % (1000 * MBPS)
				 : llabs(rx_bps[i] + lrand48() % 10001 - 5000);
		rx_errors[i]++;
		raw[2] = rx_bps[i];
		raw[3] = rx_errors[i];
		if (store_put(store, entity[i], first_slot, 4, raw, 15, now_us) < 0)
			DIE("store_put");
		changed[n_changed++] = i;
	}
}

/* As good as the compiler can. */
static __attribute__((optimize("O3"))) void limit_all(unsigned k)
{
	const int64_t threshold = (k + 1) * MBPS;
	uint64_t n = 0;

	for (unsigned i = 0; i < N_LINKS; i++) {
		uint8_t now = (rx_bps[i] > threshold) & (rx_errors[i] > 0);

		n += now != held[k][i];
		held[k][i] = now;
	}
	n_told += n;
}

static void limit_some(unsigned k)
{
	const int64_t threshold = (k + 1) * MBPS;

	for (unsigned j = 0; j < n_changed; j++) {
		unsigned i = changed[j];
		uint8_t now = (rx_bps[i] > threshold) & (rx_errors[i] > 0);

		n_told += now != held[k][i];
		held[k][i] = now;
	}
}

static void limit_run(void)
{
	for (unsigned k = 0; k < N_WATCHES; k++) {
		if (n_changed == N_LINKS)
			limit_all(k);
		else
			limit_some(k);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return (x > y) - (x < y);
}

static void report(const char *name, const char *who, double *ms, int n)
{
	qsort(ms, (size_t) n, sizeof(*ms), by_value);
	(void) printf(
		"{\"work\":\"watch\",\"case\":\"%s\",\"who\":\"%s\",\"unit\":\"permille\","
		"\"n\":%d,\"min\":%.4f,\"p50\":%.4f,\"p90\":%.4f,\"p99\":%.4f,\"max\":%.4f}\n",
		name, who, n, ms[0], ms[n / 2], ms[n * 9 / 10], ms[n * 99 / 100], ms[n - 1]);
}

static void measure(const char *name, unsigned permille, bool flip, int n)
{
	double *anod = calloc((size_t) n, sizeof(*anod)),
	       *limit = calloc((size_t) n, sizeof(*limit));
	static uint64_t now_us = 1;

	if (!anod || !limit)
		DIE("memory");
	for (int i = -2; i < n; i++) { /* the first two warm up, and tell everything once */
		uint64_t told;
		double begin;

		now_us += 1000000;
		change(i < -1 ? 1000 : permille, flip, now_us);
		n_told = 0;
		begin = cpu_ms();
		(void) watch_run(watches, now_us);
		if (i >= 0)
			anod[i] = cpu_ms() - begin;
		told = n_told;
		n_told = 0;
		begin = cpu_ms();
		limit_run();
		if (i >= 0)
			limit[i] = cpu_ms() - begin;
		/* Both must have seen the same changes; at the very first also what is not true. */
		if (i >= 0 && told != n_told) {
			(void) fprintf(stderr,
				       "bench_watch: %s: told %" PRIu64 " and not %" PRIu64 "\n",
				       name, told, n_told);
			exit(EXIT_FAILURE);
		}
	}
	report(name, "limit", limit, n);
	report(name, "anod", anod, n);
	free(anod);
	free(limit);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 50;

	if (rounds < 1)
		return EXIT_FAILURE;
	setup();
	measure("1000x5000 all", 1000, false, rounds);
	measure("1000x5000 1%", 10, false, rounds);
	measure("1000x5000 none", 0, false, rounds);
	measure("1000x5000 flip", 1000, true, MAX_OF(rounds / 10, 1));
	watches_free(watches);
	store_free(store);
	schema_free(schema);
	return 0;
}
