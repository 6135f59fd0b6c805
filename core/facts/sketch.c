/*
 * sketch - a histogram of the values of a sliding window, with a bound on its relative error.
 *
 * Design.  Two views of the same samples: a ring of (part, bucket, number) in the order of time,
 * which says what leaves, and a sorted list of (bucket, number) over the whole window, which says
 * where a quantile is.  Few buckets are in use at a time, because what is measured on a network
 * keeps to a few powers of two; so a sorted list beats a dense array in memory.  The position of
 * the quantile is kept between two samples and moves a step or two (Huang 1979 did so for medians
 * of images), instead of a walk over the list each time.
 */
#include "facts/sketch.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define ZERO	  0x8000u
#define EXP_LEAST (1023u - 40u) /* biased exponent of the least magnitude that is not zero */

/* ---- buckets ------------------------------------------------------------------------------ */

uint16_t sketch_bucket(double v)
{
	double magnitude = fabs(v);
	uint64_t bits;
	uint32_t n;

	memcpy(&bits, &magnitude, sizeof(bits));
	n = (uint32_t) (bits >> (52 - SKETCH_BITS));
	if (n < EXP_LEAST << SKETCH_BITS)
		return ZERO;
	n = MIN_OF(n - (EXP_LEAST << SKETCH_BITS), ZERO - 2) + 1;
	return (uint16_t) (v < 0 ? ZERO - n : ZERO + n);
}

static double border(uint32_t n)
{
	uint64_t bits = (uint64_t) (n - 1 + (EXP_LEAST << SKETCH_BITS)) << (52 - SKETCH_BITS);
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

double sketch_value(uint16_t bucket)
{
	uint32_t n = bucket > ZERO ? bucket - ZERO : ZERO - bucket;
	double low, high, v;

	if (n == 0)
		return 0;
	low = border(n);
	high = border(n + 1);
	v = 2 / (1 / low + 1 / high); /* as far from both, relatively */
	return bucket > ZERO ? v : -v;
}

double sketch_whole(uint16_t bucket)
{
	uint32_t n = bucket > ZERO ? bucket - ZERO : ZERO - bucket;
	double v = sketch_value(bucket), near = round(v);

	if (n == 0 || fabs(near) < border(n) || fabs(near) >= border(n + 1))
		near = n > 0 && border(n) == floor(border(n)) ? copysign(border(n), v) : v;
	return near;
}

/* ---- memory ------------------------------------------------------------------------------- */

static size_t bucket_bytes(unsigned room)
{
	return room * (sizeof(uint32_t) + sizeof(uint16_t));
}

static void *take(struct stat_memory *m, void *old, size_t old_size, size_t size)
{
	void *p;

	if (m->used - old_size + size > m->max) {
		m->n_refused++;
		return NULL;
	}
	p = realloc(old, size);
	if (p)
		m->used += size - old_size;
	return p;
}

static void empty(struct sketch *k)
{
	k->total = k->below = 0;
	k->head = k->n = k->n_buckets = k->at = 0;
}

void sketch_done(struct sketch *k, struct stat_memory *memory)
{
	memory->used -= k->room * sizeof(*k->ring) + bucket_bytes(k->room_buckets);
	free(k->ring);
	free(k->count);
	*k = (struct sketch){ 0 };
}

/* Counts and buckets share a piece of memory, counts first. */
static int grow_buckets(struct sketch *k, struct stat_memory *m)
{
	unsigned room = k->room_buckets ? k->room_buckets * 2u : 16;
	uint32_t *p = take(m, k->count, bucket_bytes(k->room_buckets), bucket_bytes(room));

	if (!p)
		return -ENOMEM;
	memmove(p + room, p + k->room_buckets, k->n_buckets * sizeof(uint16_t));
	k->count = p;
	k->bucket = (uint16_t *) (p + room);
	k->room_buckets = (uint16_t) room;
	return 0;
}

static int grow_ring(struct sketch *k, struct stat_memory *m)
{
	unsigned room = k->room ? k->room * 2u : 32, wrapped = k->room - k->head;
	struct sketch_entry *p = take(m, k->ring, k->room * sizeof(*p), room * sizeof(*p));

	if (!p)
		return -ENOMEM;
	/* A full ring: what stands behind the end comes last again. */
	if (k->n > wrapped)
		memcpy(p + k->room, p, (k->n - wrapped) * sizeof(*p));
	k->ring = p;
	k->room = (uint16_t) room;
	return 0;
}

/* ---- the sorted list ---------------------------------------------------------------------- */

static unsigned list_find(const struct sketch *k, uint16_t bucket)
{
	unsigned low = 0, n = k->n_buckets;

	while (n > 0) {
		unsigned half = n / 2;

		if (k->bucket[low + half] < bucket) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

static int list_add(struct sketch *k, uint16_t bucket, uint32_t n, struct stat_memory *m)
{
	unsigned i = list_find(k, bucket);

	if (i == k->n_buckets || k->bucket[i] != bucket) {
		int r = k->n_buckets == k->room_buckets ? grow_buckets(k, m) : 0;

		if (r < 0)
			return r;
		memmove(k->bucket + i + 1, k->bucket + i, (k->n_buckets - i) * sizeof(*k->bucket));
		memmove(k->count + i + 1, k->count + i, (k->n_buckets - i) * sizeof(*k->count));
		k->bucket[i] = bucket;
		k->count[i] = 0;
		if (i <= k->at && k->n_buckets > 0)
			k->at++;
		k->n_buckets++;
	}
	k->count[i] += n;
	k->total += n;
	if (i < k->at)
		k->below += n;
	return 0;
}

static void list_take(struct sketch *k, uint16_t bucket, uint32_t n)
{
	unsigned i = list_find(k, bucket);

	k->count[i] -= n;
	k->total -= n;
	if (i < k->at)
		k->below -= n;
	if (k->count[i] > 0)
		return;

	k->n_buckets--;
	memmove(k->bucket + i, k->bucket + i + 1, (k->n_buckets - i) * sizeof(*k->bucket));
	memmove(k->count + i, k->count + i + 1, (k->n_buckets - i) * sizeof(*k->count));
	if (i < k->at) {
		k->at--;
	} else if (k->at == k->n_buckets && k->at > 0) {
		k->at--;
		k->below -= k->count[k->at];
	}
}

/* ---- the ring ----------------------------------------------------------------------------- */

static struct sketch_entry *ring_at(const struct sketch *k, unsigned n)
{
	return &k->ring[(k->head + n) & (k->room - 1u)];
}

static int by_part(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Two neighbouring parts become one. */
static int coarsen(struct sketch *k)
{
	uint32_t key[SKETCH_ENTRIES_MAX];
	uint8_t count[SKETCH_ENTRIES_MAX];
	unsigned n = k->n, to = 0;

	if (k->coarse == SKETCH_COARSE_MAX)
		return -ENOSPC;
	k->coarse++;
	/* Age of the new part, so that the order of time is descending; bucket; place of 'n'. */
	for (unsigned i = 0; i < n; i++) {
		const struct sketch_entry *e = ring_at(k, i);
		uint32_t part = k->newest - (uint8_t) (k->newest - e->part);

		count[i] = e->n;
		key[i] = (15 - ((k->newest >> 1) - (part >> 1))) << 28 |
			 (uint32_t) e->bucket << 12 | i;
	}
	k->newest >>= 1;
	qsort(key, n, sizeof(*key), by_part);
	k->head = 0;
	for (unsigned i = 0; i < n; i++) {
		struct sketch_entry e = {
			.bucket = (uint16_t) (key[i] >> 12),
			.n = count[key[i] & 0xfff],
			.part = (uint8_t) (k->newest - (15 - (key[i] >> 28))),
		};
		struct sketch_entry *last = to > 0 ? &k->ring[to - 1] : NULL;

		if (last && last->bucket == e.bucket && last->part == e.part &&
		    last->n + e.n <= UINT8_MAX)
			last->n = (uint8_t) (last->n + e.n);
		else
			k->ring[to++] = e;
	}
	k->n = (uint16_t) to;
	return 0;
}

static int make_room(struct sketch *k, struct stat_memory *m)
{
	int r = 0;

	if (k->n < k->room)
		return 0;
	if (k->room < SKETCH_ENTRIES_MAX)
		return grow_ring(k, m);
	while (r >= 0 && k->n > SKETCH_ENTRIES_MAX * 3 / 4)
		r = coarsen(k);
	return r;
}

static void expire(struct sketch *k, uint32_t oldest)
{
	while (k->n > 0) {
		const struct sketch_entry *e = ring_at(k, 0);
		uint32_t part = k->newest - (uint8_t) (k->newest - e->part);

		if ((int32_t) (part - oldest) >= 0)
			return;
		list_take(k, e->bucket, e->n);
		k->head = (uint16_t) ((k->head + 1u) & (k->room - 1u));
		k->n--;
	}
}

static int ring_add(struct sketch *k, uint32_t part, uint16_t bucket, struct stat_memory *m)
{
	int r;

	for (unsigned i = k->n; i > 0; i--) {
		struct sketch_entry *e = ring_at(k, i - 1);

		if (e->part != (uint8_t) part)
			break;
		if (e->bucket == bucket && e->n < UINT8_MAX) {
			e->n++;
			return 0;
		}
	}
	r = make_room(k, m);
	if (r < 0)
		return r;
	/* It may have become coarser. */
	*ring_at(k, k->n++) =
		(struct sketch_entry){ .bucket = bucket, .n = 1, .part = (uint8_t) k->newest };
	return 0;
}

int sketch_add(struct sketch *k, uint32_t part, uint32_t oldest, double v,
	       struct stat_memory *memory)
{
	uint16_t bucket = sketch_bucket(v);
	int r;

	part >>= k->coarse;
	oldest >>= k->coarse;
	if (k->n > 0 && part - k->newest > part - oldest)
		empty(k); /* all of it is older than the window, perhaps by more than 256 parts */
	k->newest = part;
	expire(k, oldest);
	r = ring_add(k, part, bucket, memory);
	if (r >= 0)
		r = list_add(k, bucket, 1, memory);
	if (r < 0)
		empty(k);
	return r;
}

/* ---- answers ------------------------------------------------------------------------------ */

uint16_t sketch_quantile(struct sketch *k, double q)
{
	uint32_t rank = (uint32_t) (q * (k->total - 1));

	while (k->below > rank)
		k->below -= k->count[--k->at];
	while (k->below + k->count[k->at] <= rank)
		k->below += k->count[k->at++];
	return k->bucket[k->at];
}
