#include "history/codec.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#define N 5000

static uint8_t bytes[N * (CODEC_NUMBER_MAX + CODEC_SKIP_MAX)];
static size_t n_bytes;
static uint64_t seed = 88172645463325252;

static void sink(void *data, uint8_t byte)
{
	(void) data;
	bytes[n_bytes++] = byte;
}

static uint64_t dice(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

/* Numbers through the codec and back; returns the bytes. */
static size_t round_trip(const int64_t *v, unsigned n, uint8_t scale, bool skips)
{
	static uint32_t steps[N];
	static bool gaps[N];
	struct codec_encoder e;
	struct codec_decoder d;
	struct codec_channel c;

	n_bytes = 0;
	codec_encoder_init(&e);
	codec_channel_init(&c, v[0], scale);
	for (unsigned i = 0; i < n; i++) {
		steps[i] = skips && dice() % 4 == 0 ? (uint32_t) (dice() >> (32 + dice() % 31)) | 1
						    : 1;
		gaps[i] = skips && dice() % 8 == 0;
		codec_put_skip(&e, steps[i], gaps[i], sink, NULL);
		codec_put(&e, &c, v[i], sink, NULL);
	}
	codec_finish(&e, sink, NULL);

	codec_decoder_init(&d, bytes, n_bytes);
	codec_channel_init(&c, v[0], scale);
	for (unsigned i = 0; i < n; i++) {
		bool gap;

		cr_assert(eq(u32, codec_get_skip(&d, &gap), steps[i]), "at %u of %u", i, n);
		cr_assert(eq(int, gap, gaps[i]));
		cr_assert(eq(i64, codec_get(&d, &c), v[i]), "at %u of %u", i, n);
	}
	return n_bytes;
}

Test(codec, gives_back_every_number)
{
	static int64_t v[N];
	static const int64_t edge[] = { 0, 1, -1, INT64_MAX, INT64_MIN, INT64_MIN + 1, 1500, 0 };

	/* Any width, changing its mind often: escapes, wrapping differences, carries. */
	for (unsigned round = 0; round < 200; round++) {
		unsigned n = 1 + (unsigned) (dice() % 300), width = (unsigned) (dice() % 64);

		for (unsigned i = 0; i < n; i++) {
			if (dice() % 20 == 0)
				width = (unsigned) (dice() % 64);
			v[i] = (int64_t) (dice() >> width) * (dice() % 2 ? 1 : -1);
			if (dice() % 30 == 0)
				v[i] = edge[dice() % ARRAY_SIZE(edge)];
		}
		(void) round_trip(v, n, (uint8_t) (dice() % 66), round % 2);
	}
	for (unsigned i = 0; i < N; i++)
		v[i] = edge[i % ARRAY_SIZE(edge)];
	(void) round_trip(v, N, 0, false);
}

Test(codec, takes_few_bits_for_what_resembles_itself)
{
	static int64_t v[N];
	size_t n;

	n = round_trip(v, N, 0, false); /* zeros */
	cr_assert(lt(u64, n, N / 100), "%zu", n);
	for (unsigned i = 0; i < N; i++)
		v[i] = 1000000;
	n = round_trip(v, N, 0, false);
	cr_assert(lt(u64, n, N / 100), "%zu", n);
	/* 10 bits of noise are 1.25 bytes: at most a tenth on top. */
	for (unsigned i = 0; i < N; i++)
		v[i] = 1000000 + (int64_t) (dice() % 1024);
	n = round_trip(v, N, 0, false);
	cr_assert(lt(u64, n, N * 1.25 * 1.1), "%zu", n);
	cr_assert(gt(u64, n, N * 1.25), "%zu", n);
	/* A level that changes costs once. */
	for (unsigned i = 0; i < N; i++)
		v[i] = i < N / 2 ? 17 : 9000000017;
	n = round_trip(v, N, 0, false);
	cr_assert(lt(u64, n, N / 40), "%zu", n);
}

Test(codec, no_number_is_longer_than_it_promises)
{
	struct codec_encoder e;
	struct codec_channel c;
	size_t worst = 0;

	/* Learn one side for long, then take the other. */
	for (unsigned round = 0; round < 400; round++) {
		unsigned shift = (unsigned) (dice() % 64);

		n_bytes = 0;
		codec_encoder_init(&e);
		codec_channel_init(&c, 0, 0);
		for (unsigned i = 0; i < 300; i++)
			codec_put(&e, &c, round % 2 ? (int64_t) (dice() >> shift) : 1 << shift % 31,
				  sink, NULL);
		for (unsigned i = 0; i < 4; i++) {
			size_t before = n_bytes + e.n_held;

			codec_put(&e, &c, i % 2 ? INT64_MIN : INT64_MAX - (int64_t) i, sink, NULL);
			worst = MAX_OF(worst, n_bytes + e.n_held - before);
			before = n_bytes + e.n_held;
			codec_put_skip(&e, UINT32_MAX, true, sink, NULL);
			cr_assert(le(u64, n_bytes + e.n_held - before, CODEC_SKIP_MAX));
		}
	}
	cr_assert(le(u64, worst, CODEC_NUMBER_MAX));
}

Test(codec, reads_any_bytes_without_harm)
{
	struct codec_decoder d;
	struct codec_channel c;
	bool gap;

	for (unsigned round = 0; round < 300; round++) {
		size_t n = dice() % 200;

		for (size_t i = 0; i < n; i++)
			bytes[i] = round % 3 == 0 ? 0xff : (uint8_t) dice();
		codec_decoder_init(&d, bytes, n);
		codec_channel_init(&c, (int64_t) dice(), (uint8_t) dice());
		for (unsigned i = 0; i < 500; i++) {
			cr_assert(ge(u32, codec_get_skip(&d, &gap), 1));
			(void) codec_get(&d, &c);
		}
	}
}
