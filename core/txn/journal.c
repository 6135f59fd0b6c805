/*
 * journal - reads the journal's file.
 *
 * Design.  Linked into the guardian, which asks for the last record of a transaction before it
 * undoes it: libc and core/base only, no lock, no writing.  A record that the host is writing
 * at this moment fails its CRC and is not there yet.  Records are written one behind another and
 * a sync makes all earlier ones durable, so behind STOP_BYTES of zeros there is none and a
 * reader need not look at the whole file.
 */
#include "txn/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "txn/journal_int.h"
#include "txn/slot.h"

_Static_assert(STOP_BYTES >= SLOT_PARTS_MAX * JOURNAL_SLOT, "a gap ends the records");

static bool all_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

int journal_read_fd(int fd, uint8_t **ret, size_t *ret_size)
{
	_cleanup_(freep) uint8_t *buf = NULL;
	size_t size = 0, zeros = 0;

	while (zeros < STOP_BYTES && size < JOURNAL_SIZE) {
		uint8_t *larger = realloc(buf, size + CHUNK);
		ssize_t n;

		if (!larger)
			return -ENOMEM;
		buf = larger;

		n = pread(fd, buf + size, CHUNK, (off_t) size);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		zeros = all_zero(buf + size, (size_t) n) ? zeros + (size_t) n : 0;
		size += (size_t) n;
	}

	*ret = TAKE(buf);
	*ret_size = size;
	return 0;
}

uint32_t journal_header_crc(const struct file_header *h)
{
	return crc32c(0, &h->generation, sizeof(*h) - offsetof(struct file_header, generation));
}

int journal_read_header(const uint8_t *buf, size_t size, struct file_header *ret)
{
	struct file_header h;
	int r = -EBADMSG;

	for (unsigned i = 0; i < 2 && size >= (i + 1) * JOURNAL_SLOT; i++) {
		memcpy(&h, buf + i * JOURNAL_SLOT, sizeof(h));
		if (memcmp(h.magic, HEADER_MAGIC, sizeof(h.magic)) != 0 ||
		    h.crc != journal_header_crc(&h))
			continue;
		if (h.version != HEADER_VERSION)
			return -EPROTONOSUPPORT;
		if (r == 0 && h.generation < ret->generation)
			continue;
		*ret = h;
		r = 0;
	}
	return r;
}

/* Read and scan the journal of 'dir' without a lock. */
static int scan_dir(const char *dir, journal_fn *fn, void *data)
{
	_cleanup_(freep) uint8_t *buf = NULL;
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX];
	struct file_header h;
	struct slot_scan s;
	size_t size;
	int r;

	if (snprintf(path, sizeof(path), "%s/" JOURNAL_FILE, dir) >= (int) sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	r = journal_read_fd(fd, &buf, &size);
	if (r < 0)
		return r;
	r = journal_read_header(buf, size, &h);
	if (r < 0)
		return r;

	return slot_scan(buf + HEADER_BYTES, size > HEADER_BYTES ? size - HEADER_BYTES : 0, fn,
			 data, &s);
}

int journal_read(const char *dir, journal_fn *fn, void *data)
{
	return scan_dir(dir, fn, data);
}

struct last_type {
	uint64_t tx;
	int type;
};

static int note_last_type(void *data, const struct journal_record *r)
{
	struct last_type *l = data;

	/* Nothing that follows a terminal record counts. */
	if (r->tx == l->tx && !journal_type_terminal((enum journal_type) l->type))
		l->type = (int) r->type;

	return 0;
}

int journal_last_type(const char *dir, uint64_t tx)
{
	struct last_type l = { .tx = tx };
	int r = scan_dir(dir, note_last_type, &l);

	return r < 0 ? r : l.type;
}
