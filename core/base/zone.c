/*
 * zone - wall time of an IANA time zone.
 *
 * Design.  A TZif file holds the past and some of the future as a list of transitions, and a rule
 * for all time after them.  The file is kept as it is and searched in place; every number in it
 * is checked against its size, because the file may be damaged.  The version 1 block (32 bit) is
 * skipped.
 */
#include "base/zone.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define ZONE_DIR       "/usr/share/zoneinfo/"
#define ZONE_FILE_SIZE (64u << 10) /* bytes; the largest real one has 4 KiB */
#define ZONE_NAME_SIZE 64
#define HEADER_SIZE    44u

struct counts { /* of a TZif header */
	uint32_t isut, isstd, leap, time, type, chars;
};

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

static int64_t get_i64(const uint8_t *p)
{
	return (int64_t) ((uint64_t) get_u32(p) << 32 | get_u32(p + 4));
}

static int read_header(const uint8_t *p, size_t size, struct counts *ret)
{
	if (size < HEADER_SIZE || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
		return -EBADMSG;

	*ret = (struct counts){ get_u32(p + 20), get_u32(p + 24), get_u32(p + 28),
				get_u32(p + 32), get_u32(p + 36), get_u32(p + 40) };
	if ((ret->isut | ret->isstd | ret->leap | ret->time | ret->type | ret->chars) >
	    ZONE_FILE_SIZE)
		return -EBADMSG;
	return 0;
}

/* Bytes of a block behind its header; 'width' of a time. */
static size_t block_size(const struct counts *c, size_t width)
{
	return c->time * (width + 1) + c->type * (size_t) 6 + c->chars + c->leap * (width + 4) +
	       c->isstd + c->isut;
}

static int offset_of_type(const uint8_t *types, const struct counts *c, unsigned type, int32_t *ret)
{
	if (type >= c->type)
		return -EBADMSG;
	*ret = (int32_t) get_u32(types + (size_t) type * 6);
	return 0;
}

/* The rule behind the last block, between two newlines. */
static int offset_by_footer(const uint8_t *p, size_t size, int64_t utc_s, int32_t *ret)
{
	char rule[128];
	const uint8_t *end;

	if (size < 2 || p[0] != '\n')
		return -EBADMSG;
	end = memchr(p + 1, '\n', size - 1);
	if (!end || (size_t) (end - p) > sizeof(rule))
		return -EBADMSG;

	memcpy(rule, p + 1, (size_t) (end - p) - 1);
	rule[end - p - 1] = 0;
	return posix_zone_offset(rule, utc_s, ret);
}

int tzif_offset(const uint8_t *file, size_t size, int64_t utc_s, int32_t *ret_east_s)
{
	const uint8_t *times, *types, *end = file + size;
	struct counts c;
	uint32_t lo = 0, hi;
	int r = read_header(file, size, &c);

	if (r < 0)
		return r;
	if (block_size(&c, 4) > size - HEADER_SIZE)
		return -EBADMSG;
	file += HEADER_SIZE + block_size(&c, 4);
	r = read_header(file, (size_t) (end - file), &c);
	if (r < 0)
		return r;
	times = file + HEADER_SIZE;
	if (block_size(&c, 8) > (size_t) (end - times))
		return -EBADMSG;

	/* The number of transitions at or before the time. */
	for (hi = c.time; lo < hi;) {
		uint32_t mid = (lo + hi) / 2;

		if (get_i64(times + (size_t) mid * 8) <= utc_s)
			lo = mid + 1;
		else
			hi = mid;
	}

	types = times + (size_t) c.time * 9;
	if (lo == c.time && times + block_size(&c, 8) + 2 < end &&
	    times[block_size(&c, 8) + 1] != '\n')
		return offset_by_footer(times + block_size(&c, 8),
					(size_t) (end - times) - block_size(&c, 8), utc_s,
					ret_east_s);
	return offset_of_type(types, &c, lo ? times[c.time * 8 + lo - 1] : 0, ret_east_s);
}

/* ---- files ------------------------------------------------------------------------------ */

static struct zone {
	char name[ZONE_NAME_SIZE];
	uint8_t *file;
	size_t size;
} zones[ZONES_MAX];
static unsigned n_zones;

/* A name that cannot leave the folder. */
static bool name_valid(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= ZONE_NAME_SIZE || name[0] == '/' || name[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char) name[i]) && !strchr("/_+-", name[i]))
			return false;
	return true;
}

static int read_zone(const char *name, struct zone *ret)
{
	char path[sizeof(ZONE_DIR) + ZONE_NAME_SIZE];
	_cleanup_(freep) uint8_t *file = NULL;
	_cleanup_(closep) int fd = -1;
	ssize_t n;

	(void) snprintf(path, sizeof(path), ZONE_DIR "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	file = malloc(ZONE_FILE_SIZE);
	if (!file)
		return -ENOMEM;
	n = read(fd, file, ZONE_FILE_SIZE);
	if (n < 0)
		return -errno;

	(void) copy_text(ret->name, sizeof(ret->name), name);
	ret->size = (size_t) n;
	ret->file = realloc(file, ret->size ? ret->size : 1);
	if (!ret->file)
		return -ENOMEM;
	file = NULL;
	return 0;
}

int zone_offset(const char *zone, int64_t utc_s, int32_t *ret_east_s)
{
	unsigned i;
	int r;

	if (strcmp(zone, "UTC") == 0) {
		*ret_east_s = 0;
		return 0;
	}
	if (!name_valid(zone))
		return -EINVAL;

	for (i = 0; i < n_zones; i++)
		if (strcmp(zones[i].name, zone) == 0)
			break;
	if (i == ZONES_MAX)
		return -ENOSPC;
	if (i == n_zones) {
		r = read_zone(zone, &zones[i]);
		if (r < 0)
			return r;
		n_zones++;
	}
	return tzif_offset(zones[i].file, zones[i].size, utc_s, ret_east_s);
}
