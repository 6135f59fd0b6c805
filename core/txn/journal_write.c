/*
 * journal_write - makes records durable.
 *
 * Design.  Slots 0 and 1 hold the file's header by turns, so a torn header leaves the other; the
 * records follow, one behind the other, and everything behind them is zero.  slot.c makes the
 * bytes; this file is about where they lie and when they are durable.
 *
 * Relies on being the only writer (OFD lock).  The file never grows, because syncing a growing
 * file costs half as much again.  Turning over (compact) zeroes and syncs a new file, some 30 ms
 * once in 900 transactions.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "txn/journal_int.h"
#include "txn/slot.h"

#define NEW_FILE JOURNAL_FILE ".new"
#define TX_BLOCK 64 /* numbers reserved by one header write */
/* Kept free for the records that close open transactions; an INTENT does not get it. */
#define RESERVE(n_open) (((uint64_t) (n_open) + 1) * 6 * JOURNAL_SLOT)

struct journal {
	int dir_fd, fd;
	const struct journal_io *io;
	void *io_data;
	uint64_t tail; /* where the next record goes */
	uint64_t seq;
	uint32_t prev_crc;
	uint64_t generation;
	uint64_t next_tx, tx_end; /* numbers below tx_end are reserved */
	bool failed;		  /* R7: a sync failed */
	struct open_list open;
};

unsigned journal_open_count(const struct journal *j)
{
	return j->open.n;
}

const struct journal_open_tx *journal_open_at(const struct journal *j, unsigned n)
{
	return n < j->open.n ? &j->open.tx[n].pub : NULL;
}

unsigned journal_stuck_count(const struct journal *j)
{
	return j->open.n_stuck;
}

const struct journal_record *journal_stuck_at(const struct journal *j, unsigned n)
{
	return n < j->open.n_stuck ? &j->open.stuck[n] : NULL;
}

static int write_all(void *data, int fd, const void *buf, size_t size, uint64_t offset)
{
	ssize_t n = pwrite(fd, buf, size, (off_t) offset);

	(void) data;
	if (n < 0)
		return -errno;

	return (size_t) n == size ? 0 : -ENOSPC;
}

static int sync_data(void *data, int fd)
{
	(void) data;
	return fdatasync(fd) < 0 ? -errno : 0;
}

static const struct journal_io plain_io = { .write = write_all, .sync = sync_data };

void journal_set_io(struct journal *j, const struct journal_io *io, void *data)
{
	j->io = io ? io : &plain_io;
	j->io_data = data;
}

/* A full disk may get room again; every other error is the end of this journal (R7). */
static int write_failed(struct journal *j, int r)
{
	if (r == -ENOSPC || r == -EDQUOT)
		return -ENOSPC;

	j->failed = true;
	return -EIO;
}

static int write_header(struct journal *j, int fd, uint64_t next_tx, bool sync)
{
	uint8_t slot[JOURNAL_SLOT] = { 0 };
	struct file_header h = {
		.magic = HEADER_MAGIC,
		.version = HEADER_VERSION,
		.generation = j->generation + 1,
		.next_tx = next_tx,
	};
	int r;

	(void) copy_text(h.boot_id, sizeof(h.boot_id), clock_boot_id());
	h.crc = journal_header_crc(&h);
	memcpy(slot, &h, sizeof(h));
	_Static_assert(sizeof(h) <= HEADER_WRITER, "both fit");
	(void) copy_text((char *) slot + HEADER_WRITER, HEADER_WRITER_SIZE, ANOD_VERSION);

	r = j->io->write(j->io_data, fd, slot, sizeof(slot), h.generation % 2 * JOURNAL_SLOT);
	if (r >= 0 && sync)
		r = j->io->sync(j->io_data, fd);
	if (r < 0)
		return write_failed(j, r);

	j->generation++;
	return 0;
}

int journal_reserve(struct journal *j)
{
	int r;

	if (j->next_tx < j->tx_end)
		return 0;
	if (j->failed)
		return -EIO;
	r = write_header(j, j->fd, j->next_tx + TX_BLOCK, true);
	if (r >= 0)
		j->tx_end = j->next_tx + TX_BLOCK;
	return r;
}

uint64_t journal_next_tx(struct journal *j)
{
	return journal_reserve(j) < 0 ? 0 : j->next_tx++;
}

/* Write 'r' at *tail of 'fd'; everything is as before when it fails. */
static int write_record(struct journal *j, int fd, const struct journal_record *r, uint64_t *tail,
			uint32_t *prev_crc, bool sync)
{
	_cleanup_(freep) uint8_t *buf = NULL;
	int n = slot_count(r), e;
	uint32_t crc;
	size_t size;

	if (n < 0)
		return n;
	size = (size_t) n * JOURNAL_SLOT;
	buf = malloc(size);
	if (!buf)
		return -ENOMEM;

	/* A number is used once even when the write fails: what reached the disk then must not
	 * pass for a part of the next record. */
	n = slot_encode(r, ++j->seq, *prev_crc, buf, &crc);
	if (n < 0)
		return n;

	e = j->io->write(j->io_data, fd, buf, size, *tail);
	if (e >= 0 && sync)
		e = j->io->sync(j->io_data, fd);
	if (e < 0) {
		e = write_failed(j, e);
		memset(buf, 0, size);
		/* Best effort: the disk has just failed. */
		(void) j->io->write(j->io_data, fd, buf, size, *tail);
		return e;
	}

	*tail += size;
	*prev_crc = crc;
	return 0;
}

static int lock_file(int fd, uint64_t wait_us)
{
	uint64_t until = clock_boot_us() + wait_us;
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	while (fcntl(fd, F_OFD_SETLK, &l) < 0) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return -errno;
		if (clock_boot_us() >= until)
			return -EBUSY;
		(void) nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return 0;
}

/* Real zeros, not a hole: a later sync then has no metadata to write. */
static int zero_file(int fd, uint64_t from)
{
	static const uint8_t zero[CHUNK];
	int r = posix_fallocate(fd, 0, JOURNAL_SIZE);

	if (r != 0)
		return -r;

	while (from < JOURNAL_SIZE) {
		ssize_t n = pwrite(fd, zero, MIN_OF(CHUNK, JOURNAL_SIZE - from), (off_t) from);

		if (n < 0)
			return -errno;
		from += (uint64_t) n;
	}
	return 0;
}

/* A locked, zeroed file beside the journal; publish_file() makes it the journal. */
static int create_file(int dir_fd, int *ret)
{
	_cleanup_(closep) int fd =
		openat(dir_fd, NEW_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = lock_file(fd, 0);
	if (r < 0)
		return r;
	if (ftruncate(fd, 0) < 0)
		return -errno;
	r = zero_file(fd, 0);
	if (r < 0) {
		(void) unlinkat(dir_fd, NEW_FILE, 0);
		return r;
	}

	*ret = TAKE_FD(fd);
	return 0;
}

static int publish_file(int dir_fd, int fd)
{
	if (fsync(fd) < 0 || renameat(dir_fd, NEW_FILE, dir_fd, JOURNAL_FILE) < 0 ||
	    fsync(dir_fd) < 0)
		return -errno;

	return 0;
}

/* Write the records of open transactions to a new file that replaces this one. */
static int compact(struct journal *j)
{
	_cleanup_(closep) int fd = -1;
	uint64_t tail = HEADER_BYTES;
	uint32_t prev_crc = 0;
	int r;

	r = create_file(j->dir_fd, &fd);
	if (r < 0)
		return r == -ENOSPC || r == -EDQUOT ? -ENOSPC : -EIO;

	r = write_header(j, fd, j->tx_end, false);
	for (unsigned i = 0; i < j->open.n && r >= 0; i++) {
		const struct open_tx *o = &j->open.tx[i];

		if (o->intent)
			r = write_record(j, fd, o->intent, &tail, &prev_crc, false);
		if (r >= 0 && o->last.type != JOURNAL_INTENT)
			r = write_record(j, fd, &o->last, &tail, &prev_crc, false);
	}
	for (unsigned i = 0; i < j->open.n_stuck && r >= 0; i++)
		r = write_record(j, fd, &j->open.stuck[i], &tail, &prev_crc, false);
	if (r < 0)
		return r;
	r = publish_file(j->dir_fd, fd);
	if (r < 0)
		return write_failed(j, r);

	(void) close(j->fd);
	j->fd = TAKE_FD(fd);
	j->tail = tail;
	j->prev_crc = prev_crc;
	return 0;
}

int journal_append(struct journal *j, const struct journal_record *rec, bool sync)
{
	bool intent = rec->type == JOURNAL_INTENT;
	struct journal_record r = *rec;
	uint64_t need;
	int n = slot_count(rec), e;

	if (j->failed)
		return -EIO;
	if (n < 0)
		return n;
	if (rec->type != JOURNAL_UNLOCKED && intent == !!open_list_find(&j->open, r.tx))
		return intent ? -EEXIST : -EALREADY;

	if (!r.boot_id[0])
		(void) copy_text(r.boot_id, sizeof(r.boot_id), clock_boot_id());

	need = (uint64_t) n * JOURNAL_SLOT + (intent ? RESERVE(j->open.n) : 0);
	if (j->tail + need > JOURNAL_SIZE) {
		e = compact(j);
		if (e < 0)
			return e;
		if (j->tail + need > JOURNAL_SIZE)
			return -ENOSPC;
	}

	e = write_record(j, j->fd, &r, &j->tail, &j->prev_crc, sync);
	if (e < 0)
		return e;

	return open_list_track(&j->open, &r);
}

/* Open and lock the file that the name stands for; it may be replaced while we wait. */
static int open_locked(struct journal *j, uint64_t lock_wait_us)
{
	struct stat a, b;
	int r;

	for (;;) {
		j->fd = openat(j->dir_fd, JOURNAL_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		if (j->fd < 0)
			return -errno;
		r = lock_file(j->fd, lock_wait_us);
		if (r < 0)
			return r;
		if (fstat(j->fd, &a) < 0)
			return -errno;
		if (fstatat(j->dir_fd, JOURNAL_FILE, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
		    a.st_ino == b.st_ino && a.st_dev == b.st_dev)
			break;
		(void) close(TAKE_FD(j->fd));
	}
	return S_ISREG(a.st_mode) ? 0 : -EBADMSG;
}

static int load(struct journal *j)
{
	_cleanup_(freep) uint8_t *buf = NULL;
	struct file_header h = { 0 };
	struct slot_scan s;
	struct stat st;
	size_t size;
	int r;

	r = journal_read_fd(j->fd, &buf, &size);
	if (r < 0)
		return r;
	r = journal_read_header(buf, size, &h);
	if (r < 0)
		return r;
	j->generation = h.generation;

	r = slot_scan(buf + HEADER_BYTES, size > HEADER_BYTES ? size - HEADER_BYTES : 0,
		      open_list_track, &j->open, &s);
	if (r < 0)
		return r;
	/* Behind what was found, whole or not: a torn record is never written over. */
	j->tail = HEADER_BYTES + s.end;
	j->seq = s.last_seq;
	j->prev_crc = s.last_crc;
	j->next_tx = MAX_OF(MAX_OF(h.next_tx, UINT64_C(1)), j->open.max_tx + 1);
	j->tx_end = j->next_tx;
	if (s.n_bad > 0 || s.n_gaps > 0)
		log_warning("journal: skipped %llu damaged slots of %s, %llu gaps",
			    (unsigned long long) s.n_bad, JOURNAL_FILE,
			    (unsigned long long) s.n_gaps);

	if (fstat(j->fd, &st) < 0)
		return -errno;
	if ((uint64_t) st.st_size >= JOURNAL_SIZE)
		return 0;
	/* It was cut; what is missing would be written as a hole. */
	r = zero_file(j->fd, (uint64_t) st.st_size);
	return r < 0 ? r : fsync(j->fd) < 0 ? -errno : 0;
}

static int create_journal(struct journal *j)
{
	int r = create_file(j->dir_fd, &j->fd);

	if (r < 0)
		return r;
	r = write_header(j, j->fd, 1, false);
	if (r < 0)
		return r;

	return publish_file(j->dir_fd, j->fd);
}

int journal_open(const char *dir, uint64_t lock_wait_us, struct journal **ret)
{
	_cleanup_(journal_closep) struct journal *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return -ENOMEM;
	j->fd = -1;
	journal_set_io(j, NULL, NULL);
	j->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dir_fd < 0)
		return -errno;

	r = open_locked(j, lock_wait_us);
	if (r == -ENOENT) {
		r = create_journal(j);
		if (r < 0)
			return r;
	} else if (r < 0) {
		return r;
	}
	r = load(j);
	if (r < 0)
		return r;

	*ret = TAKE(j);
	return 0;
}

struct journal *journal_close(struct journal *j)
{
	if (!j)
		return NULL;

	/* Give back the numbers that were reserved and not used.  When this is lost they are
	 * skipped, no more. */
	if (j->fd >= 0 && !j->failed && j->next_tx < j->tx_end)
		(void) write_header(j, j->fd, j->next_tx, false);

	open_list_done(&j->open);
	closep(&j->fd);
	closep(&j->dir_fd);
	free(j);
	return NULL;
}
