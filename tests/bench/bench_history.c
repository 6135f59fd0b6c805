/*
 * bench_history - bytes a sample of the history, and what it costs.
 *
 * usage: bench_history     prints a JSON line for each case and contender
 *
 * Data: tests/bench/data, real counters and their licences.  A column that changes in less than a
 * quarter of its rows is left out, because what stands still costs nothing in any scheme.
 *   raw          8 bytes of time and 8 of value
 *   gorilla      Pelkonen et al. 2015, times and XORed doubles, blocks of 150; our reference code
 *   zlib-9       of the differences as 64-bit numbers, a column in one piece
 *   anod-exact   the fine tier's coder, blocks of 150 with their heads
 *   anod-1/256   the coarse tier's: counters rounded down to 1/256 of a step, blocks of 720
 *   anod-memory  case "day": all of a series that holds a day of 10 s steps and ten minutes of
 *                1 s steps, chunks and bookkeeping included, a sample of either
 * Case "encode" and "decode" are ns a sample; "load" is CPU of history_run() for 5000 links with
 * 4 counters each at 1 Hz, percent of a core, and "room" how many series there then are.
 */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "history/history.h"
#include "history/level.h"
#include "history/series.h"
#include "tests/bench/bench.h"

#define COLUMNS_MAX 16
#define ROWS_MAX    8000

struct table {
	const char *name;
	unsigned n_columns, n_rows;
	int64_t v[COLUMNS_MAX][ROWS_MAX]; /* counters */
};

static void print_row(const char *c, const char *who, const char *unit, double v)
{
	printf("{\"work\":\"history\",\"case\":\"%s\",\"who\":\"%s\",\"unit\":\"%s\",\"n\":1,"
	       "\"p50\":%.4g}\n",
	       c, who, unit, v);
	(void) fflush(stdout);
}

static double cpu_ns(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

/* ---- data ----------------------------------------------------------------------------------------- */

/* Every 'step'-th row; 'increases': the file has those and not the counters. */
static void load(struct table *t, const char *name, const char *file, bool increases, unsigned step)
{
	char path[512], *line = NULL;
	size_t size = 0;
	unsigned row = 0;
	FILE *f;

	*t = (struct table){ .name = name };
	(void) snprintf(path, sizeof(path), SOURCE_DIR "/tests/bench/data/%s", file);
	f = fopen(path, "re");
	if (!f)
		DIE("%s: cannot be read", path);
	while (getline(&line, &size, f) > 0 && t->n_rows < ROWS_MAX) {
		char *at = line, *end;
		unsigned c = 0;

		if (line[0] < '0' || line[0] > '9' || row++ % step)
			continue;
		for (; c < COLUMNS_MAX && *at && *at != '\n'; c++, at = end) {
			int64_t x = strtoll(at, &end, 10);

			if (end == at)
				break;
			t->v[c][t->n_rows] = x;
			if (increases && t->n_rows > 0)
				t->v[c][t->n_rows] += t->v[c][t->n_rows - 1];
		}
		t->n_columns = c;
		t->n_rows++;
	}
	free(line);
	(void) fclose(f);
}

static bool busy(const struct table *t, unsigned c)
{
	unsigned n = 0;

	for (unsigned i = 1; i < t->n_rows; i++)
		n += t->v[c][i] != t->v[c][i - 1];
	return n * 4 >= t->n_rows;
}

/* ---- contenders ------------------------------------------------------------------------------------- */

static double gorilla(const int64_t *v, unsigned n)
{
	unsigned lead = 65, trail = 0, l, m;
	uint64_t last = 0, x;
	double bits = 0, d;

	for (unsigned i = 0; i < n; i++) {
		d = (double) v[i];
		memcpy(&x, &d, sizeof(x));
		if (i % 150 == 0) {
			bits += 64 + 14 + 64; /* time, its first difference, value */
			lead = 65;
		} else if (x == last) {
			bits += 1 + 1;
		} else {
			l = MIN_OF((unsigned) __builtin_clzll(x ^ last), 31u);
			m = (unsigned) __builtin_ctzll(x ^ last);
			bits += 1 + 2; /* the time is as expected */
			if (l >= lead && m >= trail) {
				bits += 64 - lead - trail;
			} else {
				bits += 5 + 6 + 64 - l - m;
				lead = l;
				trail = m;
			}
		}
		last = x;
	}
	return bits / 8;
}

typedef int compress_fn(unsigned char *to, unsigned long *to_size, const unsigned char *from,
			unsigned long size, int level);

static compress_fn *zlib(void)
{
	void *lib = dlopen("libz.so.1", RTLD_NOW), *fn = lib ? dlsym(lib, "compress2") : NULL;
	compress_fn *ret;

	memcpy(&ret, &fn, sizeof(ret));
	return ret;
}

static double deflated(compress_fn *compress, const int64_t *v, unsigned n)
{
	unsigned long size = n * 9ul + 1000;
	unsigned char *to = malloc(size);
	int64_t *d = calloc(n, sizeof(*d));

	if (!to || !d)
		DIE("no memory");
	d[0] = v[0];
	for (unsigned i = 1; i < n; i++)
		d[i] = v[i] - v[i - 1];
	(void) compress(to, &size, (unsigned char *) d, n * sizeof(*d), 9);
	free(to);
	free(d);
	return (double) size;
}

/* A column through a tier; ns of each are added up. */
static double tiered(const int64_t *v, unsigned n, bool coarse, double *encode, double *decode)
{
	struct codec_channel channel = { 0 };
	struct tier t = { 0 };
	struct tier_shape shape;
	struct arena a;
	int64_t hat = v[0];
	double bytes = 0, from = cpu_ns();

	arena_init(&a, 64u << 20);
	series_shape(SERIES_COUNTER, coarse, &shape);
	for (unsigned i = 0; i < n; i++) {
		bool begin = tier_full(&a, &t, &shape) || v[i] < hat;
		struct sample s = { .step = i + 1, .number = { v[i] - hat } };

		if (coarse && !begin)
			s.number[0] = level_floor((uint64_t) (v[i] - hat), HISTORY_COARSE_MANTISSA);
		if (tier_add(&a, &t, &shape, &channel, &s, begin, v[i]) < 0)
			DIE("the tier is full");
		hat = !coarse || begin ? v[i]
				       : hat + (int64_t) level_floor_value(s.number[0],
									   HISTORY_COARSE_MANTISSA);
	}
	*encode += cpu_ns() - from;

	from = cpu_ns();
	for (uint32_t b = t.oldest; b; b = tier_block(&a, b)->next) {
		struct block_reader r;
		struct sample s;
		uint8_t *data;
		size_t size;

		if (tier_bytes(&a, &t, b, &data, &size) < 0)
			DIE("no memory");
		block_reader_init(&r, tier_block(&a, b), &shape, data, size);
		while (block_reader_next(&r, &s))
			;
		bytes += (double) (size + sizeof(struct block_head));
		free(data);
	}
	*decode += cpu_ns() - from;
	arena_done(&a);
	return bytes;
}

static void run_table(const struct table *t, compress_fn *compress, double *encode, double *decode,
		      double *samples)
{
	double sum[4] = { 0 }, n = 0;

	for (unsigned c = 0; c < t->n_columns; c++) {
		if (!busy(t, c))
			continue;
		n += t->n_rows;
		sum[0] += gorilla(t->v[c], t->n_rows);
		sum[1] += compress ? deflated(compress, t->v[c], t->n_rows) : 0;
		sum[2] += tiered(t->v[c], t->n_rows, false, encode, decode);
		sum[3] += tiered(t->v[c], t->n_rows, true, encode, decode);
	}
	*samples += 2 * n;
	print_row(t->name, "raw", "bytes a sample", 16);
	print_row(t->name, "gorilla", "bytes a sample", sum[0] / n);
	if (compress)
		print_row(t->name, "zlib-9", "bytes a sample", sum[1] / n);
	print_row(t->name, "anod-exact", "bytes a sample", sum[2] / n);
	print_row(t->name, "anod-1/256", "bytes a sample", sum[3] / n);
}

/* ---- a day ------------------------------------------------------------------------------------------ */

/* A series as the daemon has it, fed once a second for a day with the increases of a table, each
 * spread over ten seconds; what it holds then. */
static void run_day(const struct table *t)
{
	static const struct schema_attr attr = { .type = ANOD_INT,
						 .unit = ANOD_UNIT_BYTES,
						 .max_age_us = 5000000 };
	double bytes = 0, n = 0;
	char name[48];

	for (unsigned c = 0; c < t->n_columns; c++) {
		struct series *s = calloc(1, series_size(SERIES_COUNTER, "eth0"));
		int64_t value = 0;
		struct arena a;

		if (!s)
			DIE("no memory");
		arena_init(&a, 64u << 20);
		series_init(s, &attr, 1, "eth0");
		for (unsigned i = 0; busy(t, c) && i < 86400; i++) {
			unsigned row = i / 10 % (t->n_rows - 1);
			int64_t d = t->v[c][row + 1] - t->v[c][row];

			value += d / 10 + (i % 10 == 0 ? d % 10 : 0);
			(void) series_feed(&a, s, (uint64_t) (i + 1) * HISTORY_FINE_STEP_US, value);
		}
		bytes += s->fine.n ? (double) (s->size + a.used) : 0;
		n += s->fine.n + s->coarse.n;
		series_done(&a, s);
		arena_done(&a);
		free(s);
	}
	(void) snprintf(name, sizeof(name), "day-%s", t->name);
	print_row(name, "anod-memory", "bytes a sample", bytes / n);
}

/* ---- load ------------------------------------------------------------------------------------------- */

#define LINKS  5000
#define TURNS  700
#define METRES 4 /* counters of a link */

static void run_load(size_t memory, const char *who)
{
	static const struct anod_attr attrs[] = {
		{ .name = "a", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES, .max_age_ms = 5000 },
		{ .name = "b", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES, .max_age_ms = 5000 },
		{ .name = "c", .type = ANOD_INT, .unit = ANOD_UNIT_PACKETS, .max_age_ms = 5000 },
		{ .name = "d", .type = ANOD_INT, .unit = ANOD_UNIT_PACKETS, .max_age_ms = 5000 },
		{ 0 }
	};
	static const struct anod_kind kinds[] = { { .name = "port", .attrs = attrs }, { 0 } };
	static int64_t v[LINKS][METRES];
	static uint32_t entity[LINKS];
	struct schema *schema = schema_new();
	struct store *store = store_new(schema);
	struct history *h = history_new(store, memory);
	const struct schema_attr *first;
	uint64_t random = 88172645463325252, now = 1000000000;
	struct history_stats st;
	const char *why;
	char name[32];
	double spent = 0;

	if (schema_declare(schema, "bench", kinds, &why) < 0)
		DIE("%s", why);
	first = schema_attr(schema, "port", "a");
	for (unsigned i = 0; i < LINKS; i++) {
		(void) snprintf(name, sizeof(name), "eth%u", i);
		if (store_entity(store, first->kind, name, now, &entity[i]) < 0)
			DIE("%s", name);
	}
	for (uint16_t k = 0; k < METRES; k++)
		(void) history_keep(h, schema_attr_at(schema, first->kind, first->slot + k), 0);
	for (unsigned turn = 0; turn < TURNS; turn++, now += 1000000) {
		double from;

		for (unsigned i = 0; i < LINKS; i++) {
			for (unsigned k = 0; k < METRES; k++) {
				random ^= random << 13;
				random ^= random >> 7;
				random ^= random << 17;
				/* Around a rate of its own, give or take a half. */
				v[i][k] += (int64_t) (random % (1000u << (i % 12 + k % 2 * 4))) +
					   (500 << (i % 12 + k % 2 * 4));
			}
			(void) store_put(store, entity[i], first->slot, METRES, v[i], 15, now);
		}
		from = cpu_ns();
		history_run(h, now);
		spent += turn >= 10 ? cpu_ns() - from : 0; /* series are made in the first one */
		store_settle(store);
	}
	history_get_stats(h, &st);
	print_row("load-5000x4", who, "percent of a core", spent / (TURNS - 10) / 1e9 * 100);
	print_row("room-5000x4", who, "series", st.n_series);
	print_row("memory-5000x4", who, "MiB", (double) st.bytes / (1u << 20));
	print_row("sample-5000x4", who, "bytes a sample",
		  (double) st.bytes / (double) st.n_samples);
	history_free(h);
	store_free(store);
	schema_free(schema);
}

int main(void)
{
	static struct table t;
	static const struct {
		const char *name, *file;
		bool increases;
		unsigned step;
	} set[] = {
		{ "kddi", "kddi-pps.tsv", true, 1 },
		{ "nab", "nab-counts.tsv", true, 1 },
		{ "host-1s", "own-host-1s.tsv", false, 1 },
		{ "host-10s", "own-host-1s.tsv", false, 10 },
		{ "veth-1s", "own-veth-1s.tsv", false, 1 },
		{ "veth-10s", "own-veth-1s.tsv", false, 10 },
	};
	compress_fn *compress = zlib();
	double encode = 0, decode = 0, n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(set); i++) {
		load(&t, set[i].name, set[i].file, set[i].increases, set[i].step);
		run_table(&t, compress, &encode, &decode, &n);
		if (!strstr(set[i].name, "-1s"))
			run_day(&t);
	}
	print_row("encode", "anod", "ns", encode / n);
	print_row("decode", "anod", "ns", decode / n);
	run_load(HISTORY_BYTES_DFLT, "anod-8MiB");
	run_load(128u << 20, "anod-128MiB");
	return 0;
}
