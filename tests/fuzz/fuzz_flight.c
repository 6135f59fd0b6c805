/*
 * fuzz_flight - any bytes as a flight file.
 *
 * Input: the file.  If its first byte is '!' the rest is one whose checksums are put right first,
 * so that what is behind them is reached.
 *
 * Holds: no crash; every text ends and is printable, every value is a number, points are in the
 * order of time; what reads can be written, and then reads as the same.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "record/flight.h"
#include "record/flight_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *data, size_t size)
{
	uint8_t *at = data + FLIGHT_HEAD_SIZE - 8;

	if (size < FLIGHT_HEAD_SIZE)
		return;
	put32(&at, crc32c(0, data, FLIGHT_HEAD_SIZE - 8));
	for (size_t k = FLIGHT_HEAD_SIZE; size - k >= FLIGHT_RECORD_SIZE;) {
		const uint8_t *p = data + k;
		uint32_t n = get32(&p);

		if (n > size - k - FLIGHT_RECORD_SIZE)
			return;
		at = data + k + 4;
		put32(&at, crc32c(0, data + k + FLIGHT_RECORD_SIZE, n));
		k += FLIGHT_RECORD_SIZE + n;
	}
}

static void check_series(const struct flight_series *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct history_point *p = &s->point[i];

		if (i > 0 && p->time_us <= s->point[i - 1].time_us)
			abort();
		if (p->known && !isfinite(p->value))
			abort();
	}
}

static void check(const struct flight *f)
{
	struct flight_writer *w = flight_writer_new(&(struct flight_head){ .incident = 1 });
	const uint8_t *image;
	struct flight again;
	unsigned n = 0;
	size_t size;

	for (unsigned i = 0; w && i < f->n; i++) {
		check_series(&f->series[i]);
		n += flight_add(w, &f->series[i]) == 0;
	}
	if (!w)
		return;
	image = flight_image(w, &size);
	if (flight_parse(image, size, &again) < 0 || again.n != n || again.n_damaged)
		abort();
	for (unsigned i = 0; n == f->n && i < n; i++) {
		const struct flight_series *x = &f->series[i], *y = &again.series[i];

		for (unsigned k = 0; k < x->n && x->n == y->n; k++)
			if (x->point[k].time_us != y->point[k].time_us ||
			    x->point[k].exact != y->point[k].exact)
				abort();
	}
	flight_done(&again);
	flight_writer_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool fix = size > 0 && data[0] == '!';
	uint8_t *copy = malloc(size + 1);
	struct flight f;

	if (!copy)
		return 0;
	memcpy(copy, data + fix, size - fix);
	if (fix)
		mend(copy, size - fix);
	if (flight_parse(copy, size - fix, &f) >= 0) {
		check(&f);
		flight_done(&f);
	}
	free(copy);
	return 0;
}
