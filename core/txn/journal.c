/*
 * journal - reads the journal's file.
 *
 * Design.  Linked into the guardian, which asks for the last record of a transaction before it
 * undoes it: libc and core/base only, no lock, no writing.  That question is on the way of every
 * undo, so it checks the CRCs of that transaction alone (0.3 ms of a full journal; all of them
 * take 14).  A record that the host is writing at this moment fails its CRC and is not there yet.  Records are written one behind another and
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
		if (memcmp(h.magic, HEADER_MAGIC, sizeof(h.magic)) != 0)
			continue;
		/* Whatever else it holds: the other header may be an old one of ours. */
		if (h.version > HEADER_VERSION)
			return -EPROTONOSUPPORT;
		if (h.crc != journal_header_crc(&h))
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

static int open_in(const char *dir)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/" JOURNAL_FILE, dir) >= (int) sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

const char *journal_writer(const char *dir, char *buf, size_t size)
{
	_cleanup_(closep) int fd = open_in(dir);
	char slot[JOURNAL_SLOT], text[HEADER_WRITER_SIZE + 1];
	uint64_t newest = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < 2 && fd >= 0; i++) {
		struct file_header h;

		if (pread(fd, slot, sizeof(slot), i * JOURNAL_SLOT) != sizeof(slot))
			break;
		memcpy(&h, slot, sizeof(h));
		if (memcmp(h.magic, HEADER_MAGIC, sizeof(h.magic)) != 0 || h.generation < newest)
			continue;
		newest = h.generation;
		memcpy(text, slot + HEADER_WRITER, HEADER_WRITER_SIZE);
		text[HEADER_WRITER_SIZE] = '\0';
		clean_text(text);
		(void) copy_text(buf, size, text);
	}
	return buf;
}

int journal_read(const char *dir, journal_fn *fn, void *data)
{
	_cleanup_(freep) uint8_t *buf = NULL;
	_cleanup_(closep) int fd = open_in(dir);
	struct file_header h;
	struct slot_scan s;
	size_t size = 0;
	int r;

	if (fd < 0)
		return fd;
	r = journal_read_fd(fd, &buf, &size);
	if (r < 0)
		return r;
	r = journal_read_header(buf, size, &h);
	if (r < 0)
		return r;

	return slot_scan(buf + HEADER_BYTES, size > HEADER_BYTES ? size - HEADER_BYTES : 0, fn,
			 data, &s);
}

struct last {
	uint64_t tx, seq;
	int type;
	uint8_t chunk[CHUNK], record[SLOT_PARTS_MAX * JOURNAL_SLOT];
};

static int note_type(void *data, const struct journal_record *r)
{
	*(uint32_t *) data = r->type;
	return 0;
}

/* The record of 'n' slots at 'offset' seems to be one of ours. */
static int look_at(struct last *l, int fd, uint64_t offset, unsigned n)
{
	ssize_t size = pread(fd, l->record, (size_t) n * JOURNAL_SLOT, (off_t) offset);
	struct slot_scan s;
	uint32_t type = 0;
	int r;

	if (size < 0)
		return -errno;
	r = slot_scan(l->record, (size_t) size, note_type, &type, &s);
	/* Nothing that follows a terminal record counts, nor does an old copy. */
	if (r < 0 || type == 0 || s.last_seq <= l->seq ||
	    journal_type_terminal((enum journal_type) l->type))
		return r;

	l->seq = s.last_seq;
	l->type = (int) type;
	return 0;
}

static int look_through(struct last *l, int fd)
{
	uint64_t zeros = 0, tx;
	int r;

	for (uint64_t at = 0; zeros < STOP_BYTES && at < JOURNAL_SIZE; at += CHUNK) {
		ssize_t n = pread(fd, l->chunk, CHUNK, (off_t) at);

		if (n <= 0)
			return n < 0 ? -errno : 0;
		zeros = all_zero(l->chunk, (size_t) n) ? zeros + (uint64_t) n : 0;
		for (size_t i = at ? 0 : HEADER_BYTES; !zeros && i + JOURNAL_SLOT <= (size_t) n;
		     i += JOURNAL_SLOT) {
			unsigned n_slots = slot_peek(l->chunk + i, &tx);

			if (n_slots == 0 || tx != l->tx)
				continue;
			r = look_at(l, fd, at + i, n_slots);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int journal_last_type(const char *dir, uint64_t tx)
{
	_cleanup_(freep) struct last *l = malloc(sizeof(*l));
	_cleanup_(closep) int fd = open_in(dir);
	struct file_header h;
	ssize_t n;
	int r;

	if (fd < 0)
		return fd;
	if (!l)
		return -ENOMEM;
	l->tx = tx;
	l->seq = 0;
	l->type = 0;

	n = pread(fd, l->chunk, HEADER_BYTES, 0);
	if (n < 0)
		return -errno;
	r = journal_read_header(l->chunk, (size_t) n, &h);
	if (r < 0)
		return r;
	r = look_through(l, fd);
	return r < 0 ? r : l->type;
}
