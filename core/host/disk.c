/*
 * disk - syncs of the journal beside the loop.
 *
 * Design.  fdatasync() takes from half a millisecond to many; the loop must not wait for it, and
 * neither must a packet.  One thread does nothing else: it reads a descriptor from a pipe, syncs
 * it, closes it and reports.  The journal writes through here (journal_set_io): a write goes to
 * the page cache at once, a sync is handed to the thread unless the next one shall be waited for
 * (an action whose effects outlive a reboot, a new block of transaction numbers).
 *
 * A sync that failed is final (policy.md R7): every later one fails too, the journal refuses, the
 * engine rolls back what is open and applies nothing more.  It is noticed one record later than
 * an inline sync would be; nothing is committed on a disk that has failed, because COMMIT is a
 * record as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/log.h"
#include "host/host.h"

#define STACK_SIZE (64u << 10)

struct disk {
	struct host *host;
	pthread_t thread;
	bool running, wait;
	uint64_t written;
	int request[2]; /* pipe of descriptors */
	int done;	/* eventfd */
	atomic_int error;
	uint64_t asked; /* requests so far, and how many of them are over */
	atomic_ullong handled;
	sd_event_source *source;
};

static void *work(void *data)
{
	struct disk *d = data;
	int fd;

	while (read(d->request[0], &fd, sizeof(fd)) == sizeof(fd)) {
		if (fd < 0) { /* of disk_settle() */
			fd = ~fd;
			(void) fsync(fd);
		} else if (fdatasync(fd) < 0) {
			atomic_store(&d->error, -errno);
			(void) eventfd_write(d->done, 1);
		}
		(void) close(fd);
		atomic_fetch_add(&d->handled, 1);
	}
	return NULL;
}

/* Only ever for an error: a sync that went well is no news. */
static int on_error(sd_event_source *s, int fd, uint32_t events, void *data)
{
	struct disk *d = data;
	eventfd_t n;

	(void) s, (void) events;
	(void) eventfd_read(fd, &n);
	log_error("journal in %s: %s; nothing more is changed until anod is restarted",
		  d->host->state_dir, strerror(-atomic_load(&d->error)));
	d->host->capped = true;
	return 0;
}

static int disk_write(void *data, int fd, const void *buf, size_t size, uint64_t offset)
{
	ssize_t n = pwrite(fd, buf, size, (off_t) offset);
	struct disk *d = data;

	if (n < 0)
		return -errno;
	d->written += (uint64_t) n;
	return (size_t) n == size ? 0 : -ENOSPC;
}

static int disk_sync(void *data, int fd)
{
	struct disk *d = data;
	int copy;

	if (atomic_load(&d->error))
		return atomic_load(&d->error);
	if (d->wait)
		return fdatasync(fd) < 0 ? -errno : 0;

	/* The journal may turn over to another file meanwhile; the copy is the thread's. */
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	if (write(d->request[1], &copy, sizeof(copy)) != sizeof(copy)) {
		/* A full pipe: the disk is far behind.  Then wait for it after all. */
		(void) close(copy);
		return fdatasync(fd) < 0 ? -errno : 0;
	}
	d->asked++;
	return 0;
}

/* The pipe takes a descriptor or, for what may fail, its complement. */
static uint64_t hand_over(struct disk *d, int fd, int request)
{
	if (!d || fd < 0 || write(d->request[1], &request, sizeof(request)) != sizeof(request)) {
		if (fd >= 0)
			(void) close(fd);
		return 0;
	}
	return ++d->asked;
}

uint64_t disk_later(struct disk *d, int fd)
{
	return hand_over(d, fd, fd);
}

void disk_settle(struct disk *d, int fd)
{
	(void) hand_over(d, fd, ~fd);
}

bool disk_is_done(const struct disk *d, uint64_t ticket)
{
	return d && ticket && !atomic_load(&d->error) && atomic_load(&d->handled) >= ticket;
}

static const struct journal_io disk_io = { .write = disk_write, .sync = disk_sync };

uint64_t disk_written(const struct disk *d)
{
	return d ? d->written : 0;
}

void disk_wait(struct disk *d, bool wait)
{
	if (d)
		d->wait = wait;
}

/* Signals are the loop's. */
static int start_thread(struct disk *d)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int r;

	sigfillset(&all);
	(void) pthread_sigmask(SIG_SETMASK, &all, &old);
	(void) pthread_attr_init(&attr);
	(void) pthread_attr_setstacksize(&attr, STACK_SIZE);
	r = pthread_create(&d->thread, &attr, work, d);
	(void) pthread_attr_destroy(&attr);
	(void) pthread_sigmask(SIG_SETMASK, &old, NULL);
	d->running = r == 0;
	return -r;
}

int disk_open(struct host *h, struct disk **ret)
{
	struct disk *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;

	d->host = h;
	d->request[0] = d->request[1] = d->done = -1;
	d->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = d->done < 0 || pipe2(d->request, O_CLOEXEC) < 0 ? -errno : 0;
	if (r >= 0 && fcntl(d->request[1], F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r >= 0)
		r = sd_event_add_io(h->loop, &d->source, d->done, EPOLLIN, on_error, d);
	if (r >= 0)
		r = start_thread(d);
	if (r < 0) {
		disk_close(d);
		return r;
	}
	journal_set_io(h->journal, &disk_io, d);
	*ret = d;
	return 0;
}

struct disk *disk_close(struct disk *d)
{
	if (!d)
		return NULL;

	if (d->request[1] >= 0)
		(void) close(d->request[1]);
	if (d->running)
		(void) pthread_join(d->thread, NULL);
	if (d->request[0] >= 0)
		(void) close(d->request[0]);
	if (d->done >= 0)
		(void) close(d->done);
	sd_event_source_disable_unref(d->source);
	free(d);
	return NULL;
}
