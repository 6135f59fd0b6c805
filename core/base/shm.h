/*
 * shm - memory that one process writes and others read, and that grows.
 *
 * A memfd under one mapping of SHM_MAX bytes that never moves: what lies in it is named by its
 * place (a number of units of SHM_UNIT bytes from the start, 0: none), which means the same in
 * every process.  Memory is made real in steps of SHM_STEP before it is given out, so that want
 * of memory is an error here and never a SIGBUS at a store.  The owner's descriptor is sealed: from
 * then on nobody can map it writable or shrink it, and readers get one that was opened read-only.
 *
 * Memory that was released is given out again to requests of the same size.  A reader may still
 * look at it and must find out by other means (a sequence lock) that what it read was no more.
 *
 * Threads: one per process.  Errors: negative errno; -ENOSPC: SHM_MAX or a limit of the system.
 */
#ifndef BASE_SHM_H
#define BASE_SHM_H

#include "base/util.h"

#define SHM_MAX	  (512u << 20)
#define SHM_UNIT  64u
#define SHM_STEP  (128u << 10)
#define SHM_SIZES 64 /* different sizes of memory that was released; more are not used again */

struct shm_head { /* the first unit */
	uint64_t magic;
	uint32_t real; /* units that are there; only grows */
	uint32_t pad;
};

struct shm {
	uint8_t *base;
	int fd;	       /* the owner's; -1 in a reader */
	int reader_fd; /* to hand out; -1 in a reader */
	uint32_t used; /* units given out so far */
	uint32_t limit;
	unsigned n_sizes;
	struct {
		uint32_t units, first;
	} spare[SHM_SIZES];
};

/* 'max' bytes at most, SHM_MAX or less. */
int shm_new(struct shm *m, const char *name, size_t max);
/* Map what another process made, read-only; 'fd' is borrowed.  -EPROTO: it is nothing like that. */
int shm_attach(struct shm *m, int fd);
void shm_done(struct shm *m); /* also for all zero bytes and after an error of the two above */

/* Zeroed memory, its place in '*ret'.  -ENOMEM, -ENOSPC. */
int shm_alloc(struct shm *m, size_t size, uint32_t *ret);
/* Of the same size as it was asked for. */
void shm_release(struct shm *m, uint32_t at, size_t size);
size_t shm_real(const struct shm *m); /* bytes */

static inline void *shm_at(const struct shm *m, uint32_t at)
{
	return m->base + (size_t) at * SHM_UNIT;
}

/* For a reader that cannot trust what it has just read: does 'size' from 'at' on exist? */
static inline bool shm_has(const struct shm *m, uint32_t at, size_t size)
{
	const struct shm_head *h = (const struct shm_head *) (const void *) m->base;
	size_t real = (size_t) __atomic_load_n(&h->real, __ATOMIC_ACQUIRE) * SHM_UNIT;

	return at > 0 && (size_t) at * SHM_UNIT < real && real - (size_t) at * SHM_UNIT >= size;
}

#endif
