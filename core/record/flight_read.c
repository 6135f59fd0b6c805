/*
 * flight_read - flight files, read again.
 *
 * Design.  A file may hold any bytes: sizes are checked against what is there before they are
 * used, texts are cleaned, and a record whose CRC does not fit is left out and counted, because
 * the records behind it are still good.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "history/codec.h"
#include "history/level.h"
#include "record/flight_int.h"

static void get_text(const uint8_t **at, char *text, size_t size)
{
	memcpy(text, *at, size);
	text[size - 1] = '\0';
	clean_text(text);
	*at += size;
}

static int parse_head(const uint8_t *data, size_t size, struct flight_head *ret)
{
	const uint8_t *at = data + 8;

	if (size < FLIGHT_HEAD_SIZE || memcmp(data, FLIGHT_MAGIC, 8) != 0)
		return -EBADMSG;
	if (get32(&at) != FLIGHT_VERSION || get32(&at) != FLIGHT_HEAD_SIZE)
		return -EBADMSG;
	ret->incident = get64(&at);
	ret->opened_us = get64(&at);
	ret->from_us = get64(&at);
	ret->to_us = get64(&at);
	ret->wall_offset_us = (int64_t) get64(&at);
	ret->n_series = get32(&at);
	ret->n_left_out = get32(&at);
	ret->complete = get32(&at) != 0;
	(void) get32(&at);
	get_text(&at, ret->title, ANOD_REASON_SIZE);
	if (get32(&at) != crc32c(0, data, FLIGHT_HEAD_SIZE - 8))
		return -EBADMSG;
	return get32(&at) == 0 ? 0 : -EBADMSG;
}

static void put_point(struct flight_series *s, uint64_t time_us, uint64_t number)
{
	struct history_point *p = &s->point[s->n++];

	*p = (struct history_point){ .time_us = time_us, .known = true };
	if (s->type == ANOD_REAL) {
		p->value = level_value((int64_t) number, HISTORY_FINE_MANTISSA, HISTORY_REAL_SCALE);
	} else {
		p->exact = (int64_t) number;
		p->value = (double) p->exact;
	}
	p->low = p->high = p->value;
}

static int get_points(struct flight_series *s, const uint8_t *data, size_t size, unsigned n,
		      uint32_t step, uint64_t base)
{
	struct codec_decoder d;
	struct codec_channel c;

	/* A gap is a point of its own. */
	s->point = calloc(2 * (size_t) n + 1, sizeof(*s->point));
	if (!s->point)
		return -ENOMEM;
	codec_decoder_init(&d, data, size);
	codec_channel_init(&c, s->counter ? 0 : (int64_t) base, 0);
	for (unsigned i = 0; i < n; i++) {
		bool gap = false;
		uint32_t skip = i ? codec_get_skip(&d, &gap) : 0;
		uint64_t number = i ? (uint64_t) codec_get(&d, &c) : base;

		if (i && s->counter)
			number += base;
		base = number;
		if (skip > UINT32_MAX - step)
			return -EBADMSG;
		if (gap)
			s->point[s->n++].time_us =
				(step + UINT64_C(1)) * HISTORY_FINE_STEP_US - (skip == 1);
		step += skip;
		put_point(s, step * HISTORY_FINE_STEP_US, number);
	}
	return 0;
}

static int parse_body(const uint8_t *at, size_t size, struct flight_series *ret)
{
	const uint8_t *end = at + size;
	uint32_t n, step;
	uint64_t base;

	if (size < FLIGHT_BODY_SIZE)
		return -EBADMSG;
	ret->type = *at++;
	ret->unit = *at++;
	ret->counter = *at++ != 0;
	at++;
	n = get32(&at);
	step = get32(&at);
	(void) get32(&at);
	base = get64(&at);
	get_text(&at, ret->kind, ANOD_KIND_SIZE);
	get_text(&at, ret->entity, ANOD_NAME_SIZE);
	get_text(&at, ret->attr, ANOD_NAME_SIZE);
	if (n > FLIGHT_POINTS_MAX || ret->type < ANOD_BOOL || ret->type > ANOD_REAL ||
	    ret->unit > ANOD_UNIT_PPS || (ret->counter && ret->type != ANOD_INT))
		return -EBADMSG;
	return get_points(ret, at, (size_t) (end - at), n, step, base);
}

static int parse_records(const uint8_t *data, size_t size, struct flight *f)
{
	size_t at = FLIGHT_HEAD_SIZE;

	while (size - at >= FLIGHT_RECORD_SIZE && f->n < FLIGHT_SERIES_MAX) {
		const uint8_t *p = data + at;
		uint32_t n = get32(&p), crc = get32(&p);
		struct flight_series *s = &f->series[f->n];
		int r;

		if (n > size - at - FLIGHT_RECORD_SIZE)
			break;
		r = crc32c(0, p, n) == crc ? parse_body(p, n, s) : -EBADMSG;
		if (r == -ENOMEM)
			return r;
		if (r >= 0) {
			f->n++;
		} else {
			free(s->point);
			*s = (struct flight_series){ 0 };
			f->n_damaged++;
		}
		at += FLIGHT_RECORD_SIZE + n;
	}
	f->n_damaged += at < size;
	return 0;
}

int flight_parse(const uint8_t *data, size_t size, struct flight *ret)
{
	struct flight f = { 0 };
	int r;

	r = parse_head(data, size, &f.head);
	if (r < 0)
		return r;
	f.series = calloc(FLIGHT_SERIES_MAX, sizeof(*f.series));
	r = f.series ? parse_records(data, size, &f) : -ENOMEM;
	if (r < 0) {
		flight_done(&f);
		return r;
	}
	*ret = f;
	return 0;
}

void flight_done(struct flight *f)
{
	for (unsigned i = 0; f->series && i < FLIGHT_SERIES_MAX; i++)
		free(f->series[i].point);
	free(f->series);
	*f = (struct flight){ 0 };
}

int flight_read(const char *dir, uint64_t incident, struct flight *ret)
{
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_(closep) int fd = -1;
	char path[512];
	struct stat st;
	ssize_t n;

	/* A pipe of that name must not stop the daemon. */
	(void) snprintf(path, sizeof(path), "%s/" FLIGHT_DIR "/%" PRIu64 ".rec", dir, incident);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ELOOP ? -EBADMSG : -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EBADMSG;
	data = malloc(FLIGHT_FILE_MAX);
	if (!data)
		return -ENOMEM;
	n = read(fd, data, FLIGHT_FILE_MAX);
	return n < 0 ? -errno : flight_parse(data, (size_t) n, ret);
}

static int by_age(const void *a, const void *b)
{
	const struct flight_entry *x = a, *y = b;

	/* Numbers grow; the clock may have jumped since. */
	return x->incident < y->incident ? -1 : x->incident > y->incident;
}

/* "NUMBER.rec" */
static bool is_ours(const char *name, uint64_t *ret_incident)
{
	char *end;

	if (name[0] < '0' || name[0] > '9')
		return false;
	errno = 0;
	*ret_incident = strtoull(name, &end, 10);
	return errno == 0 && strcmp(end, ".rec") == 0;
}

int flight_list(const char *dir, struct flight_entry **ret, unsigned *ret_n)
{
	struct flight_entry *list = NULL, *grown;
	unsigned n = 0;
	char path[512];
	struct dirent *e;
	struct stat st;
	DIR *d;

	(void) snprintf(path, sizeof(path), "%s/" FLIGHT_DIR, dir);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		struct flight_entry entry;

		if (!is_ours(e->d_name, &entry.incident) ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		entry.bytes = (uint64_t) st.st_size;
		grown = reallocarray(list, n + 1, sizeof(*list));
		if (!grown) {
			(void) closedir(d);
			free(list);
			return -ENOMEM;
		}
		list = grown;
		list[n++] = entry;
	}
	if (d)
		(void) closedir(d);
	if (n > 1)
		qsort(list, n, sizeof(*list), by_age);
	*ret = list;
	*ret_n = n;
	return 0;
}
