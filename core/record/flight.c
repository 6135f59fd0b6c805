/*
 * flight - what was measured around an incident, kept in a file.
 *
 * Design.  A file is put together in memory and written with one write(2), so that a flash sees
 * one run of blocks.  A file at the opening and one when its after-part is complete: a crash
 * between loses that part at most.  Reading is in flight_read.c.
 */
#include "record/flight.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "history/codec.h"
#include "history/level.h"
#include "record/flight_int.h"

struct flight_writer {
	struct flight_head head;
	uint8_t *data; /* owned */
	size_t n, room;
};

struct flight_writer *flight_writer_new(const struct flight_head *head)
{
	struct flight_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->head = *head;
	w->room = 4096;
	w->n = FLIGHT_HEAD_SIZE;
	w->data = malloc(w->room);
	return w->data ? w : flight_writer_free(w);
}

struct flight_writer *flight_writer_free(struct flight_writer *w)
{
	if (w)
		free(w->data);
	free(w);
	return NULL;
}

static int need(struct flight_writer *w, size_t n)
{
	size_t room = w->room;
	uint8_t *grown;

	while (room < w->n + n)
		room *= 2;
	if (room == w->room)
		return 0;
	grown = realloc(w->data, room);
	if (!grown)
		return -ENOMEM;
	w->data = grown;
	w->room = room;
	return 0;
}

static void put_byte(void *data, uint8_t byte)
{
	struct flight_writer *w = data;

	w->data[w->n++] = byte; /* need() saw to the room */
}

static int64_t number_of(const struct flight_series *s, const struct history_point *p)
{
	return s->type == ANOD_REAL ? level_of(p->value, HISTORY_FINE_MANTISSA, HISTORY_REAL_SCALE)
				    : p->exact;
}

/* The known points as samples of the codec, the first one as 'base'. */
static int put_points(struct flight_writer *w, const struct flight_series *s, int64_t *ret_base,
		      uint32_t *ret_step, uint16_t *ret_n)
{
	struct codec_encoder e;
	struct codec_channel c;
	uint32_t step = 0;
	bool gap = false;
	uint16_t n = 0;
	int64_t last = 0;

	codec_encoder_init(&e);
	for (unsigned i = 0; i < s->n && n < FLIGHT_POINTS_MAX; i++) {
		const struct history_point *p = &s->point[i];
		uint32_t now = (uint32_t) (p->time_us / HISTORY_FINE_STEP_US);
		int64_t number = number_of(s, p);

		if (!p->known) {
			gap = true;
			continue;
		}
		if (n > 0 && now <= step)
			return -EINVAL;
		if (n == 0) {
			*ret_base = number;
			*ret_step = now;
			codec_channel_init(&c, s->counter ? 0 : number, 0);
		} else {
			codec_put_skip(&e, now - step, gap, put_byte, w);
			codec_put(&e, &c,
				  s->counter ? (int64_t) ((uint64_t) number - (uint64_t) last)
					     : number,
				  put_byte, w);
		}
		last = number;
		step = now;
		gap = false;
		n++;
	}
	if (n > 0)
		codec_finish(&e, put_byte, w);
	*ret_n = n;
	return 0;
}

static void put_text(uint8_t **at, const char *text, size_t size)
{
	copy_text((char *) *at, size, text);
	*at += size;
}

int flight_add(struct flight_writer *w, const struct flight_series *s)
{
	size_t begin = w->n, worst, size;
	uint32_t step = 0;
	int64_t base = 0;
	uint16_t n = 0;
	uint8_t *at;
	int r;

	worst = FLIGHT_RECORD_SIZE + FLIGHT_BODY_SIZE +
		((size_t) MIN_OF(s->n, (unsigned) FLIGHT_POINTS_MAX) + 1) *
			(CODEC_NUMBER_MAX + CODEC_SKIP_MAX);
	r = need(w, worst);
	if (r < 0)
		return r;

	w->n += FLIGHT_RECORD_SIZE + FLIGHT_BODY_SIZE;
	r = put_points(w, s, &base, &step, &n);
	size = w->n - begin;
	if (r < 0 || w->n > FLIGHT_FILE_MAX || w->head.n_series >= FLIGHT_SERIES_MAX) {
		w->n = begin;
		w->head.n_left_out += r >= 0;
		return r < 0 ? r : 1;
	}
	at = w->data + begin + FLIGHT_RECORD_SIZE;
	*at++ = s->type;
	*at++ = s->unit;
	*at++ = s->counter;
	*at++ = 0;
	put32(&at, n);
	put32(&at, step);
	put32(&at, 0);
	put64(&at, (uint64_t) base);
	put_text(&at, s->kind, ANOD_KIND_SIZE);
	put_text(&at, s->entity, ANOD_NAME_SIZE);
	put_text(&at, s->attr, ANOD_NAME_SIZE);
	at = w->data + begin;
	put32(&at, (uint32_t) (size - FLIGHT_RECORD_SIZE));
	put32(&at, crc32c(0, at + 4, size - FLIGHT_RECORD_SIZE));
	w->head.n_series++;
	return 0;
}

const uint8_t *flight_image(struct flight_writer *w, size_t *ret_size)
{
	const struct flight_head *h = &w->head;
	uint8_t *at = w->data;

	memcpy(at, FLIGHT_MAGIC, 8);
	at += 8;
	put32(&at, FLIGHT_VERSION);
	put32(&at, FLIGHT_HEAD_SIZE);
	put64(&at, h->incident);
	put64(&at, h->opened_us);
	put64(&at, h->from_us);
	put64(&at, h->to_us);
	put64(&at, (uint64_t) h->wall_offset_us);
	put32(&at, h->n_series);
	put32(&at, h->n_left_out);
	put32(&at, h->complete);
	put32(&at, 0);
	put_text(&at, h->title, ANOD_REASON_SIZE);
	put32(&at, crc32c(0, w->data, (size_t) (at - w->data)));
	put32(&at, 0);
	*ret_size = w->n;
	return w->data;
}

/* ---- files -------------------------------------------------------------------------------------- */

static int open_folder(const char *dir)
{
	char path[512];
	int fd;

	(void) snprintf(path, sizeof(path), "%s/" FLIGHT_DIR, dir);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The oldest go until the rest fits. */
static void prune(const char *dir, int dir_fd, uint64_t incident)
{
	_cleanup_(freep) struct flight_entry *list = NULL;
	uint64_t sum = 0;
	unsigned n = 0;
	char name[40];

	if (flight_list(dir, &list, &n) < 0)
		return;
	for (unsigned i = 0; i < n; i++)
		sum += list[i].bytes;
	for (unsigned i = 0; i < n && sum > FLIGHT_BYTES_MAX; i++) {
		if (list[i].incident == incident)
			continue;
		(void) snprintf(name, sizeof(name), "%" PRIu64 ".rec", list[i].incident);
		if (unlinkat(dir_fd, name, 0) == 0)
			sum -= list[i].bytes;
	}
}

static int write_all(int dir_fd, const uint8_t *data, size_t size, uint64_t *ret_bytes)
{
	_cleanup_(closep) int fd =
		openat(dir_fd, ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, data, size);
	if (n < 0)
		return -errno;
	*ret_bytes = (uint64_t) n;
	return (size_t) n == size ? 0 : -ENOSPC;
}

int flight_write(struct flight_writer *w, const char *dir, uint64_t *ret_bytes)
{
	_cleanup_(closep) int dir_fd = open_folder(dir);
	const uint8_t *data;
	char name[40];
	size_t size;
	int r;

	*ret_bytes = 0;
	if (dir_fd < 0)
		return dir_fd;
	data = flight_image(w, &size);
	(void) snprintf(name, sizeof(name), "%" PRIu64 ".rec", w->head.incident);
	r = write_all(dir_fd, data, size, ret_bytes);
	if (r >= 0 && renameat(dir_fd, ".new", dir_fd, name) < 0)
		r = -errno;
	if (r < 0)
		(void) unlinkat(dir_fd, ".new", 0);
	else
		prune(dir, dir_fd, w->head.incident);
	return r;
}
