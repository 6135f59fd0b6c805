/*
 * sim_disk - a disk that forgets what was not synced.
 *
 * Design.  The journal writes to its real file, so a reader sees the page cache; this remembers
 * what each unsynced write replaced, and a power loss puts it back, whole or in part.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sim/sim.h"
#include "txn/slot.h"

static void put(int fd, const void *buf, size_t size, uint64_t offset)
{
	if (pwrite(fd, buf, size, (off_t) offset) != (ssize_t) size)
		abort();
}

void sim_disk_forget(struct sim *s)
{
	for (unsigned i = 0; i < s->n_writes; i++)
		free(s->write[i].old);
	s->n_writes = 0;
	if (s->disk_fd >= 0)
		(void) close(s->disk_fd);
	s->disk_fd = -1;
}

static void remember(struct sim *s, int fd, size_t size, uint64_t offset)
{
	struct sim_write *w;
	char path[40];

	/* A write back in the background is as good as a sync. */
	if (s->n_writes == ARRAY_SIZE(s->write))
		sim_disk_forget(s);
	if (s->disk_fd < 0) {
		/* A description of its own: a copy would keep the host's lock alive. */
		(void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		s->disk_fd = open(path, O_RDWR | O_CLOEXEC);
	}

	w = &s->write[s->n_writes++];
	*w = (struct sim_write){ .offset = offset, .size = size, .old = malloc(size) };
	if (!w->old || pread(fd, w->old, size, (off_t) offset) != (ssize_t) size)
		abort();
}

/* The type is the first member behind the slot's head. */
static enum journal_type type_of(const void *buf)
{
	uint32_t type;

	memcpy(&type, (const uint8_t *) buf + SLOT_HEAD, sizeof(type));
	return (enum journal_type) type;
}

static bool failing(struct sim *s)
{
	if (s->writing == s->error_after)
		s->error_after = 0;

	return s->error_after == 0;
}

static void crash_point(struct sim *s, unsigned phase)
{
	sim_op(s);
	if (!s->crash_record || s->crash_record != s->writing || s->crash_phase != phase)
		return;

	s->crash_record = 0;
	sim_crash_now(s, s->crash);
}

static int disk_write(void *data, int fd, const void *buf, size_t size, uint64_t offset)
{
	struct sim *s = data;

	s->writing = type_of(buf);
	crash_point(s, 1);
	if (!s->host_alive)
		return -EIO;
	if (failing(s) && s->write_error)
		return s->write_error;

	remember(s, fd, size, offset);
	put(fd, buf, size, offset);
	crash_point(s, 2);
	return s->host_alive ? 0 : -EIO;
}

static int disk_sync(void *data, int fd)
{
	struct sim *s = data;

	(void) fd;
	sim_op(s);
	if (!s->host_alive)
		return -EIO;
	if (failing(s) && s->sync_error)
		return s->sync_error;

	sim_disk_forget(s);
	crash_point(s, 3);
	return s->host_alive ? 0 : -EIO;
}

const struct journal_io sim_disk = { .write = disk_write, .sync = disk_sync };

void sim_disk_power_loss(struct sim *s)
{
	for (unsigned i = s->n_writes; i-- > 0 && s->tear != SIM_TEAR_KEEP;) {
		const struct sim_write *w = &s->write[i];
		bool last = i + 1 == s->n_writes;
		size_t slots = w->size / JOURNAL_SLOT, from = 0, to = slots;

		if (s->tear == SIM_TEAR_HALF && !last)
			continue;
		if (s->tear == SIM_TEAR_HALF)
			from = slots / 2;
		if (s->tear == SIM_TEAR_LATE && last)
			to = slots - 1;
		put(s->disk_fd, w->old + from * JOURNAL_SLOT, (to - from) * JOURNAL_SLOT,
		    w->offset + from * JOURNAL_SLOT);
	}
	sim_disk_forget(s);
}
