/*
 * bench_store - what a fact costs: written, read, and read by another process.
 *
 * Design.  LINKS links with the fourteen counters of a link, swept row by row as the counter
 * sensor does it, beside the least that anybody could do: the same values and times stored into
 * plain arrays, a column each ("limit").  A figure is the time of a whole sweep divided by its
 * links, so caches are as cold or warm as they are in a sweep.  One line of JSON each goes to
 * stdout.  "reader get" is done through a second mapping, read-only, as a cell has it.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/shm.h"
#include "facts/store.h"
#include "facts/value.h"

#define LINKS  5000
#define ATTRS  14
#define ROUNDS 200

static struct schema *schema;
static struct store *store, *reader;
static uint32_t entity[LINKS];
static uint16_t kind;
static int64_t raw[LINKS][ATTRS];
static double took[ROUNDS];
static int64_t sum; /* so that nothing is left out */

static struct {
	int64_t value[ATTRS][LINKS];
	uint64_t time_us[ATTRS][LINKS], changed_us[ATTRS][LINKS];
} arrays;

static void must(bool ok, const char *what)
{
	if (ok)
		return;

	(void) fprintf(stderr, "bench_store: %s\n", what);
	exit(EXIT_FAILURE);
}

static double now_ns(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void open_store(void)
{
	static char names[ATTRS][8];
	static struct anod_attr attrs[ATTRS + 1];
	struct anod_kind kinds[] = { { .name = "link", .attrs = attrs }, { 0 } };
	char name[32];
	const char *why;

	for (unsigned i = 0; i < ATTRS; i++) {
		(void) snprintf(names[i], sizeof(names[i]), "rx_%u", i);
		attrs[i] = (struct anod_attr){ .name = names[i],
					       .type = ANOD_INT,
					       .max_age_ms = 15000 };
	}
	schema = schema_new();
	must(schema && schema_declare(schema, "counters", kinds, &why) == 0, "schema");
	store = store_new(schema);
	must(store && store_open(schema, store_fd(store), &reader) == 0, "store");
	kind = schema_kind_id(schema, "link");
	for (unsigned i = 0; i < LINKS; i++) {
		(void) snprintf(name, sizeof(name), "eth%u", i);
		must(store_entity(store, kind, name, 0, &entity[i]) == 0, name);
	}
}

/* ---- the cases -------------------------------------------------------------------------------- */

static uint16_t first_slot(void)
{
	return schema_attr(schema, "link", "rx_0")->slot;
}

static void change(void)
{
	for (unsigned i = 0; i < LINKS; i++)
		for (unsigned k = 0; k < ATTRS; k++)
			raw[i][k] += i % 7 + k;
}

static void put(uint64_t now)
{
	uint16_t slot = first_slot();

	for (unsigned i = 0; i < LINKS; i++)
		sum += store_put(store, entity[i], slot, ATTRS, raw[i], UINT64_MAX, now);
}

static void publish(uint64_t now)
{
	uint16_t slot = first_slot();

	for (unsigned i = 0; i < LINKS; i++) {
		struct anod_value v = value_int(raw[i][0], ANOD_UNIT_NONE);

		sum += store_publish(store, entity[i], slot, &v, now);
	}
}

static void get_from(const struct store *s, uint64_t now)
{
	uint16_t slot = first_slot();
	struct fact f;

	for (unsigned i = 0; i < LINKS; i++)
		sum += store_get(s, entity[i], slot, now, &f) + f.value.u.i;
}

static void get_row(uint64_t now)
{
	uint16_t slot = first_slot();
	int64_t row[ATTRS];
	uint64_t known;

	for (unsigned i = 0; i < LINKS; i++)
		sum += store_get_row(reader, entity[i], slot, ATTRS, now, row, &known) + row[0];
}

static void get(uint64_t now)
{
	get_from(store, now);
}

static void reader_get(uint64_t now)
{
	get_from(reader, now);
}

static void find(uint64_t now)
{
	char name[32];

	(void) now;
	for (unsigned i = 0; i < LINKS; i++) {
		(void) snprintf(name, sizeof(name), "eth%u", i);
		sum += store_find(reader, kind, name);
	}
}

static void array_put(uint64_t now)
{
	for (unsigned i = 0; i < LINKS; i++)
		for (unsigned k = 0; k < ATTRS; k++) {
			if (arrays.value[k][i] != raw[i][k])
				arrays.changed_us[k][i] = now;
			arrays.value[k][i] = raw[i][k];
			arrays.time_us[k][i] = now;
		}
}

static void array_get(uint64_t now)
{
	(void) now;
	for (unsigned i = 0; i < LINKS; i++)
		sum += arrays.value[0][i];
}

static void measure(const char *name, const char *who, void (*sweep)(uint64_t now), bool changing)
{
	static uint64_t now = 1000000;

	for (unsigned round = 0; round < ROUNDS; round++) {
		double begin;

		if (changing)
			change();
		now += 1000000;
		begin = now_ns();
		sweep(now);
		(void) store_expire(store, now); /* as every turn of the host */
		took[round] = (now_ns() - begin) / LINKS;
	}
	qsort(took, ROUNDS, sizeof(*took), by_value);
	(void) printf("{\"work\":\"store\",\"case\":\"%s\",\"who\":\"%s\",\"unit\":\"ns\",\"n\":%d,"
		      "\"min\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"max\":%.1f}\n",
		      name, who, ROUNDS, took[0], took[ROUNDS / 2], took[ROUNDS * 9 / 10],
		      took[ROUNDS * 99 / 100], took[ROUNDS - 1]);
}

/* A big router: every link with forty numbers that have been seen. */
static void memory(void)
{
	static struct anod_attr attrs[41];
	static char names[40][8];
	struct anod_kind kinds[] = { { .name = "big", .attrs = attrs }, { 0 } };
	int64_t zero[40] = { 0 };
	struct store_stats stats;
	struct store *s;
	const char *why;
	uint32_t e;

	for (unsigned i = 0; i < 40; i++) {
		(void) snprintf(names[i], sizeof(names[i]), "x_%u", i);
		attrs[i] = (struct anod_attr){ .name = names[i], .type = ANOD_INT };
	}
	must(schema_declare(schema, "big", kinds, &why) == 0, why);
	s = store_new(schema);
	must(s, "store");
	for (unsigned i = 0; i < LINKS; i++) {
		char name[32];

		(void) snprintf(name, sizeof(name), "eth%u", i);
		must(store_entity(s, schema_kind_id(schema, "big"), name, 0, &e) == 0 &&
			     store_put(s, e, 0, 40, zero, UINT64_MAX, 1) == 0,
		     name);
	}
	store_get_stats(s, &stats);
	(void) printf("{\"work\":\"store\",\"case\":\"memory, 5000 x 40\",\"who\":\"anod\","
		      "\"unit\":\"MB\",\"n\":1,\"p50\":%.2f}\n",
		      (double) stats.bytes / 1e6);
	store_free(s);
}

int main(void)
{
	open_store();
	measure("put, changed", "anod", put, true);
	measure("put, changed", "limit", array_put, true);
	measure("put, unchanged", "anod", put, false);
	measure("put, unchanged", "limit", array_put, false);
	measure("publish, changed", "anod", publish, true);
	measure("publish, unchanged", "anod", publish, false);
	put(UINT64_C(1) << 40); /* nothing is too old from here on */
	measure("get", "anod", get, false);
	measure("reader get", "anod", reader_get, false);
	measure("get", "limit", array_get, false);
	measure("reader get, row", "anod", get_row, false);
	measure("reader find", "anod", find, false);
	memory();
	store_free(reader);
	store_free(store);
	schema_free(schema);
	return sum == 1;
}
