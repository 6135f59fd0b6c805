/*
 * fuzz_stat - any bytes as a series for every function over time.
 *
 * First byte: the function; two for the window; then records of a step in time and a value.  Answers
 * are finite or unknown, truths are 0 or 1, low <= high, and in the end all memory is back.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "facts/stat.h"

struct record { /* nine bytes */
	uint8_t step;
	uint8_t value[8];
};

static void must(bool ok, const char *what, const struct stat_desc *d)
{
	if (ok)
		return;

	(void) fprintf(stderr, "%s: %s\n", d->name, what);
	abort();
}

static uint64_t step_us(uint8_t step)
{
	return UINT64_C(1) + ((uint64_t) (step & 31) << (step >> 5) * 4);
}

static void feed_all(const struct stat_desc *d, uint64_t span_us, const uint8_t *data, size_t size)
{
	struct stat_memory m = { .max = 100000 };
	struct stat_window w;
	uint64_t t = US_PER_S;
	void *state;

	stat_window_init(&w, d->fn, span_us, 20 * US_PER_S, size % 2, &m);
	state = calloc(1, stat_size(d->fn, &w));
	must(state, "no memory", d);
	for (; size >= sizeof(struct record); size -= 9, data += 9) {
		struct stat_sample s = { .report = data[0] != 0 };
		double got;

		t += step_us(data[0]);
		s.time_us = t;
		s.changed_us = t - (data[1] & 1);
		memcpy(&s.count, data + 1, sizeof(s.count));
		memcpy(&s.value, data + 1, sizeof(s.value));
		s.second = (int64_t) ((uint64_t) s.count << 1);
		if (!isfinite(s.value))
			s.value = (double) s.count;
		if (data[0] == 255) {
			stat_break(d->fn, state, &w);
			continue;
		}
		got = stat_feed(d->fn, state, &w, &s);
		must(!d->truth || isnan(got) || got == 0 || got == 1, "no truth", d);
		(void) stat_due(d->fn, state, &w);
	}
	stat_done(d->fn, state, &w);
	must(m.used == 0, "memory is kept", d);
	free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct stat_desc *d;
	uint64_t span_us;

	if (size < 3)
		return 0;
	d = stat_nth(data[0] % STAT_LOSSY);
	span_us = d->window == STAT_NO ? 0 : (2 + (data[1] | (uint64_t) data[2] << 8)) * US_PER_S;
	feed_all(d, span_us, data + 3, size - 3);
	return 0;
}
