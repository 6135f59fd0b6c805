/*
 * pressure - how long tasks wait for CPU, memory and disks.
 *
 * Design.  The averages of 10 s are the kernel's; the times are counters, so rate() of them gives
 * the share over any window.  "cpu full" says nothing outside of a cgroup and is 0 there.
 */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY 1

static const char *const resource[PRESSURES] = { "cpu", "memory", "io", "irq" };
static const char *const path[PRESSURES] = { "/proc/pressure/cpu", "/proc/pressure/memory",
					     "/proc/pressure/io", "/proc/pressure/irq" };

/* "avg10=1.19": hundredths of a percent. */
static bool percent(const char *word, size_t size, double *ret)
{
	const char *dot = memchr(word, '.', size);
	uint64_t whole, part;

	if (!dot || size - (size_t) (dot - word) != 3 ||
	    !anod_word_u64(word, (size_t) (dot - word), 10, &whole) ||
	    !anod_word_u64(dot + 1, 2, 10, &part) || whole > 100)
		return false;
	*ret = ((double) whole + (double) part / 100) / 100;
	return true;
}

static bool value_of(const char *word, size_t size, const char *name, const char **ret,
		     size_t *ret_size)
{
	size_t n = strlen(name);

	if (size <= n || memcmp(word, name, n) != 0)
		return false;
	*ret = word + n;
	*ret_size = size - n;
	return true;
}

static void parse_line(const char *line, size_t size, struct pressure *p)
{
	const char *at = line, *word, *v;
	bool has_share = false, has_time = false;
	size_t n, v_size;
	unsigned k;

	if (!anod_next_word(&at, line + size, &word, &n))
		return;
	k = anod_word_is(word, n, "full");
	if (!k && !anod_word_is(word, n, "some"))
		return;
	while (anod_next_word(&at, line + size, &word, &n)) {
		if (value_of(word, n, "avg10=", &v, &v_size))
			has_share = percent(v, v_size, &p->share[k]);
		if (value_of(word, n, "total=", &v, &v_size))
			has_time = anod_word_u64(v, v_size, 10, &p->time[k]) &&
				   p->time[k] <= INT64_MAX;
	}
	p->has[k] = has_share && has_time;
}

bool pressure_parse(const char *text, struct pressure *ret)
{
	const char *line;
	size_t size;

	*ret = (struct pressure){ 0 };
	while (anod_next_line(&text, &line, &size))
		parse_line(line, size, ret);
	return ret->has[0] || ret->has[1];
}

int64_t memory_available(const char *text)
{
	const char *line, *word;
	size_t size, n;

	while (anod_next_line(&text, &line, &size)) {
		const char *at = line;
		uint64_t kib;

		if (anod_next_word(&at, line + size, &word, &n) &&
		    anod_word_is(word, n, "MemAvailable:") &&
		    anod_next_word(&at, line + size, &word, &n) &&
		    anod_word_u64(word, n, 10, &kib) && kib < INT64_MAX / 1024)
			return (int64_t) kib * 1024;
	}
	return -1;
}

static void put(struct machine *m, unsigned k, const struct pressure *p, int64_t available)
{
	int64_t raw[PRESSURE_FACTS] = { [SOME] = anod_real_bits(p->share[0]),
					[FULL] = anod_real_bits(p->share[1]),
					[SOME_TIME] = (int64_t) p->time[0],
					[FULL_TIME] = (int64_t) p->time[1],
					[AVAILABLE] = available };
	uint64_t known = (p->has[0] ? 1u << SOME | 1u << SOME_TIME : 0) |
			 (p->has[1] ? 1u << FULL | 1u << FULL_TIME : 0) |
			 (available >= 0 ? 1u << AVAILABLE : 0);

	if (!m->pressure_entity[k] &&
	    m->ctx->host->entity(m->ctx, "pressure", resource[k], &m->pressure_entity[k]) < 0)
		return;
	if (m->ctx->host->put(m->ctx, m->pressure_entity[k], m->f_pressure, PRESSURE_FACTS, raw,
			      known) < 0)
		m->pressure_entity[k] = 0;
}

void pressure_read(struct anod_ctx *ctx, void *data)
{
	struct machine *m = data;
	struct pressure p;

	(void) ctx;
	/* A kernel that does not measure it has no file, or refuses to read it (psi=0). */
	for (unsigned k = 0; k < PRESSURES; k++) {
		bool has = anod_file_read(&m->pressure[k], &m->text) >= 0 &&
			   pressure_parse(m->text.data, &p);
		int64_t available = -1;

		if (!has)
			p = (struct pressure){ 0 };
		if (k == MEMORY && anod_file_read(&m->meminfo, &m->text) >= 0)
			available = memory_available(m->text.data);
		if (has || available >= 0)
			put(m, k, &p, available);
	}
	anod_rhythm_next(&m->r_pressure, 0);
}

void pressure_init(struct machine *m)
{
	for (unsigned k = 0; k < PRESSURES; k++)
		m->pressure[k] = (struct anod_file) ANOD_FILE(path[k]);
	m->meminfo = (struct anod_file) ANOD_FILE("/proc/meminfo");
}

void pressure_close(struct machine *m)
{
	for (unsigned k = 0; k < PRESSURES; k++)
		anod_file_close(&m->pressure[k]);
	anod_file_close(&m->meminfo);
}

#define SHARE_OF(n, text)                                                                          \
	{                                                                                          \
		.name = n, .type = ANOD_REAL, .unit = ANOD_UNIT_RATIO, .max_age_ms = MAX_AGE_MS,   \
		.help = text                                                                       \
	}
#define TIME_OF(n, text)                                                                           \
	{                                                                                          \
		.name = n, .type = ANOD_INT, .unit = ANOD_UNIT_TIME, .max_age_ms = MAX_AGE_MS,     \
		.help = text                                                                       \
	}

const struct anod_attr pressure_attrs[PRESSURE_FACTS + 1] = {
	[SOME] = SHARE_OF("some", "of the last 10 s: some task waited for it"),
	[FULL] = SHARE_OF("full", "all tasks that were not idle waited for it"),
	[SOME_TIME] = TIME_OF("some_time", "for which some task has waited, since boot"),
	[FULL_TIME] = TIME_OF("full_time", "for which all have, since boot"),
	[AVAILABLE] = { .name = "available",
			.type = ANOD_INT,
			.unit = ANOD_UNIT_BYTES,
			.max_age_ms = MAX_AGE_MS,
			.help = "of \"memory\": what programs and the kernel can still have "
				"without "
				"swapping (MemAvailable of /proc/meminfo)" },
};
