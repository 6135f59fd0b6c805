/* Of core/record/flight.c and flight_read.c; test_flight.c is that of the probe's flights. */
#include "record/flight.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#define S UINT64_C(1000000)
#define N 600

static char dir[] = "/tmp/anod-flight-XXXXXX";
static struct history_point point[3][N];

static void make_points(void)
{
	for (unsigned i = 0; i < N; i++) {
		uint64_t t = (1000 + i + i / 300) * S;

		point[0][i] =
			(struct history_point){ .time_us = t,
						.known = true,
						.exact = INT64_C(1) << 60 | (int64_t) i * i * 997 };
		point[1][i] = (struct history_point){ .time_us = t,
						      .known = i % 100 != 50,
						      .exact = -50 + (int64_t) (i % 7) };
		point[2][i] = (struct history_point){ .time_us = t,
						      .known = true,
						      .value = i % 90 == 0 ? 0 : 0.5 / (i + 1) };
	}
}

static const struct flight_series series[] = {
	{ "link", "eth0", "rx_bytes", ANOD_INT, ANOD_UNIT_BYTES, true, N, point[0] },
	{ "link", "eth0", "rx_pps", ANOD_INT, ANOD_UNIT_PPS, false, N, point[1] },
	{ "path", "wan\"0", "loss", ANOD_REAL, ANOD_UNIT_RATIO, false, N, point[2] },
};

static struct flight_writer *writer_of(uint64_t incident)
{
	struct flight_head head = { .incident = incident,
				    .opened_us = 1300 * S,
				    .from_us = 1000 * S,
				    .to_us = 1600 * S,
				    .wall_offset_us = -77,
				    .complete = true,
				    .title = "loss on path wan0" };
	struct flight_writer *w = flight_writer_new(&head);

	make_points();
	for (unsigned i = 0; i < 3; i++)
		cr_assert(eq(int, flight_add(w, &series[i]), 0));
	return w;
}

static void check(const struct flight *f)
{
	cr_assert(eq(uint, f->n, 3));
	cr_assert(eq(uint, f->n_damaged, 0));
	cr_assert(eq(i64, f->head.wall_offset_us, -77));
	cr_assert(eq(u64, f->head.opened_us, 1300 * S));
	cr_assert(f->head.complete);
	cr_assert_str_eq(f->head.title, "loss on path wan0");
	for (unsigned k = 0; k < 3; k++) {
		const struct flight_series *s = &f->series[k];
		unsigned j = 0;

		cr_assert_str_eq(s->entity, series[k].entity);
		cr_assert_str_eq(s->attr, series[k].attr);
		for (unsigned i = 0; i < N; i++) {
			const struct history_point *p = &point[k][i];

			if (!p->known) {
				cr_assert_not(s->point[j++].known);
				continue;
			}
			cr_assert(eq(u64, s->point[j].time_us, p->time_us));
			if (k < 2)
				cr_assert(eq(i64, s->point[j].exact, p->exact));
			else
				cr_assert(fabs(s->point[j].value - p->value) <=
					  p->value * 0x1p-17 + 1e-9);
			j++;
		}
		cr_assert(eq(uint, s->n, j));
	}
}

static void clean_up(void)
{
	char command[80];

	(void) snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	cr_assert(eq(int, system(command), 0));
}

Test(flight_file, reads_back_what_was_written)
{
	struct flight_writer *w = writer_of(12);
	struct flight_entry *list;
	struct flight f;
	uint64_t bytes;
	unsigned n;

	cr_assert(ne(ptr, mkdtemp(dir), NULL));
	cr_assert(eq(int, flight_read(dir, 12, &f), -ENOENT));
	cr_assert(eq(int, flight_list(dir, &list, &n), 0));
	cr_assert(eq(uint, n, 0));
	cr_assert(eq(int, flight_write(w, dir, &bytes), 0));
	cr_assert(lt(u64, bytes, 5000));
	cr_assert(eq(int, flight_read(dir, 12, &f), 0));
	check(&f);
	flight_done(&f);
	cr_assert(eq(int, flight_read(dir, 13, &f), -ENOENT));
	cr_assert(eq(int, flight_list(dir, &list, &n), 0));
	cr_assert(eq(uint, n, 1));
	cr_assert(eq(u64, list[0].bytes, bytes));
	free(list);
	flight_writer_free(w);
	clean_up();
}

Test(flight_file, a_damaged_record_costs_itself_and_no_other)
{
	struct flight_writer *w = writer_of(12);
	struct flight f;
	const uint8_t *image;
	uint8_t *copy;
	size_t size;
	unsigned whole = 0;

	image = flight_image(w, &size);
	copy = malloc(size);
	memcpy(copy, image, size);
	for (size_t i = 0; i < size; i += 3) {
		int r;

		copy[i] ^= 0x10;
		r = flight_parse(copy, size, &f);
		copy[i] ^= 0x10;
		if (r < 0) {
			cr_assert(eq(int, r, -EBADMSG));
			cr_assert(lt(u64, i, 240));
			continue;
		}
		whole += f.n == 3;
		cr_assert(ge(uint, f.n + f.n_damaged, 1));
		cr_assert(ge(uint, f.n_damaged, 1), "byte %zu", i);
		flight_done(&f);
	}
	cr_assert(eq(uint, whole, 0));
	/* Cut anywhere: no harm, and what is whole reads. */
	for (size_t i = 0; i < size; i += 5) {
		if (flight_parse(copy, i, &f) < 0)
			continue;
		cr_assert(lt(uint, f.n, 3));
		flight_done(&f);
	}
	free(copy);
	flight_writer_free(w);
}

Test(flight_file, the_oldest_files_make_room_and_a_full_one_leaves_out)
{
	static struct history_point noise[FLIGHT_POINTS_MAX];
	struct flight_series s = series[0];
	uint64_t bytes, sum = 0, random = 88172645463325252;
	struct flight_entry *list;
	struct flight f;
	unsigned n;

	cr_assert(ne(ptr, mkdtemp(dir), NULL));
	for (unsigned i = 0; i < FLIGHT_POINTS_MAX; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		noise[i] = (struct history_point){ .time_us = (i + 1) * S,
						   .known = true,
						   .exact = (int64_t) random };
	}
	s.n = FLIGHT_POINTS_MAX;
	s.point = noise;
	for (uint64_t k = 1; k <= 20; k++) {
		struct flight_head head = { .incident = k };
		struct flight_writer *w = flight_writer_new(&head);
		int r = 0;

		while ((r = flight_add(w, &s)) == 0)
			;
		cr_assert(eq(int, r, 1));
		cr_assert(eq(int, flight_write(w, dir, &bytes), 0));
		cr_assert(le(u64, bytes, FLIGHT_FILE_MAX));
		flight_writer_free(w);
	}
	cr_assert(eq(int, flight_list(dir, &list, &n), 0));
	for (unsigned i = 0; i < n; i++)
		sum += list[i].bytes;
	cr_assert(le(u64, sum, FLIGHT_BYTES_MAX));
	cr_assert(eq(u64, list[n - 1].incident, 20));
	cr_assert(eq(u64, list[0].incident, 20 - n + 1));
	free(list);
	cr_assert(eq(int, flight_read(dir, 20, &f), 0));
	cr_assert(eq(u32, f.head.n_left_out, 1));
	cr_assert(eq(uint, f.n, f.head.n_series));
	flight_done(&f);
	clean_up();
}

Test(flight_file, a_full_disk_is_an_error_and_leaves_the_old_file)
{
	struct flight_writer *w = writer_of(12);
	char path[80];
	struct flight f;
	uint64_t bytes;

	cr_assert(ne(ptr, mkdtemp(dir), NULL));
	cr_assert(eq(int, flight_write(w, dir, &bytes), 0));
	(void) snprintf(path, sizeof(path), "%s/flight/.new", dir);
	if (symlink("/dev/full", path) < 0)
		cr_skip_test("no symbolic link here");
	cr_assert(eq(int, flight_write(w, dir, &bytes), -ENOSPC));
	cr_assert(eq(int, flight_read(dir, 12, &f), 0));
	check(&f);
	flight_done(&f);
	flight_writer_free(w);
	clean_up();
}

Test(flight_file, what_is_no_file_stops_nobody_and_a_clock_that_jumped_makes_none_old)
{
	static const struct timespec future[2] = { { .tv_sec = 4000000000 },
						   { .tv_sec = 4000000000 } };
	struct flight_entry *list;
	struct flight_writer *w;
	char path[80];
	struct flight f;
	uint64_t bytes;
	unsigned n;

	cr_assert(ne(ptr, mkdtemp(dir), NULL));
	for (uint64_t k = 1; k <= 3; k++) {
		w = writer_of(k);
		cr_assert(eq(int, flight_write(w, dir, &bytes), 0));
		flight_writer_free(w);
	}
	(void) snprintf(path, sizeof(path), "%s/flight/1.rec", dir);
	cr_assert(eq(int, utimensat(AT_FDCWD, path, future, 0), 0));
	cr_assert(eq(int, flight_list(dir, &list, &n), 0));
	cr_assert(eq(uint, n, 3));
	cr_expect(eq(u64, list[0].incident, 1), "the first to go");
	free(list);

	(void) snprintf(path, sizeof(path), "%s/flight/7.rec", dir);
	cr_assert(eq(int, mkfifo(path, 0600), 0));
	cr_expect(eq(int, flight_read(dir, 7, &f), -EBADMSG));
	(void) snprintf(path, sizeof(path), "%s/flight/8.rec", dir);
	cr_assert(eq(int, symlink("1.rec", path), 0));
	cr_expect(eq(int, flight_read(dir, 8, &f), -EBADMSG));
	(void) snprintf(path, sizeof(path), "%s/flight/9.rec", dir);
	cr_assert(eq(int, mkdir(path, 0700), 0));
	cr_expect(eq(int, flight_read(dir, 9, &f), -EBADMSG));
	clean_up();
}
