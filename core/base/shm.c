/*
 * shm - memory that one process writes and others read, and that grows.
 *
 * Design.  fallocate() both lengthens the file and takes the pages, so a store into what was
 * given out cannot fail.  F_SEAL_FUTURE_WRITE (since 5.1) leaves the owner's mapping writable and
 * refuses every later one, also through mprotect(); where it is missing, the descriptor for
 * readers is still open for reading only.  F_SEAL_SEAL keeps a reader from sealing growth away
 * from us.  RLIMIT_FSIZE counts for a memfd, too, and says EFBIG.
 */
#include "base/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define MAGIC UINT64_C(0x6d68732d646f6e61) /* "anod-shm" */

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

static struct shm_head *head(const struct shm *m)
{
	return (struct shm_head *) (void *) m->base;
}

static uint32_t units(size_t size)
{
	return (uint32_t) ((size + SHM_UNIT - 1) / SHM_UNIT);
}

static int make_real(int fd, off_t at, off_t size)
{
	int r;

	do
		r = fallocate(fd, 0, at, size);
	while (r < 0 && errno == EINTR); /* tmpfs gives up for any signal */
	if (r < 0)
		return errno == ENOMEM ? -ENOMEM : -ENOSPC;
	return 0;
}

static int grow(struct shm *m, uint32_t need)
{
	uint32_t real = head(m)->real, step = SHM_STEP / SHM_UNIT;
	uint32_t want = MIN_OF((need + step - 1) / step * step, m->limit);
	int r;

	if (need > m->limit)
		return -ENOSPC;
	r = make_real(m->fd, (off_t) real * SHM_UNIT, (off_t) (want - real) * SHM_UNIT);
	if (r < 0)
		return r;

	__atomic_store_n(&head(m)->real, want, __ATOMIC_RELEASE);
	return 0;
}

static int seal(struct shm *m)
{
	char path[32];

	if (fcntl(m->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_SEAL) < 0 &&
	    fcntl(m->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return -errno;

	(void) snprintf(path, sizeof(path), "/proc/self/fd/%d", m->fd);
	m->reader_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (m->reader_fd < 0) /* without /proc the seal has to do */
		m->reader_fd = fcntl(m->fd, F_DUPFD_CLOEXEC, 0);
	return m->reader_fd < 0 ? -errno : 0;
}

int shm_new(struct shm *m, const char *name, size_t max)
{
	void *base;
	int r;

	*m = (struct shm){ .fd = -1, .reader_fd = -1 };
	m->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (m->fd < 0)
		return -errno;
	m->limit = units(MIN_OF(max, (size_t) SHM_MAX));
	r = make_real(m->fd, 0, SHM_STEP);
	if (r < 0) {
		shm_done(m);
		return r;
	}
	base = mmap(NULL, SHM_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, m->fd, 0);
	if (base == MAP_FAILED) {
		r = -errno;
		shm_done(m);
		return r;
	}

	m->base = base;
	m->used = 1;
	*head(m) = (struct shm_head){ .magic = MAGIC, .real = SHM_STEP / SHM_UNIT };
	r = seal(m);
	if (r < 0)
		shm_done(m);
	return r;
}

int shm_attach(struct shm *m, int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	void *base;

	*m = (struct shm){ .fd = -1, .reader_fd = -1 };
	if (size < (off_t) SHM_STEP)
		return size < 0 ? -errno : -EPROTO;
	base = mmap(NULL, SHM_MAX, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (base == MAP_FAILED)
		return -errno;

	m->base = base;
	if (head(m)->magic == MAGIC)
		return 0;
	shm_done(m);
	return -EPROTO;
}

void shm_done(struct shm *m)
{
	if (!m->base && !m->limit && m->fd == 0)
		return;
	if (m->base)
		(void) munmap(m->base, SHM_MAX);
	if (m->fd >= 0)
		(void) close(m->fd);
	if (m->reader_fd >= 0)
		(void) close(m->reader_fd);
	*m = (struct shm){ .fd = -1, .reader_fd = -1 };
}

int shm_alloc(struct shm *m, size_t size, uint32_t *ret)
{
	uint32_t n = units(size);

	if (size == 0 || size > SHM_MAX)
		return -ENOSPC;

	for (unsigned i = 0; i < m->n_sizes; i++) {
		uint32_t at = m->spare[i].first;

		if (m->spare[i].units != n || !at)
			continue;
		memcpy(&m->spare[i].first, shm_at(m, at), sizeof(at));
		memset(shm_at(m, at), 0, (size_t) n * SHM_UNIT);
		*ret = at;
		return 0;
	}

	if (m->used + n > head(m)->real) {
		int r = grow(m, m->used + n);

		if (r < 0)
			return r;
	}
	*ret = m->used;
	m->used += n;
	return 0;
}

void shm_release(struct shm *m, uint32_t at, size_t size)
{
	uint32_t n = units(size);
	unsigned i = 0;

	if (!at)
		return;
	while (i < m->n_sizes && m->spare[i].units != n)
		i++;
	if (i == SHM_SIZES)
		return;
	if (i == m->n_sizes)
		m->spare[m->n_sizes++].units = n;
	memcpy(shm_at(m, at), &m->spare[i].first, sizeof(at));
	m->spare[i].first = at;
}

size_t shm_real(const struct shm *m)
{
	return (size_t) head(m)->real * SHM_UNIT;
}
