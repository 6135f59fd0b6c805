/*
 * fence - one of host and guardian at a time decides how a transaction ends.
 *
 * The host reads the clock, writes COMMIT, and makes it durable; the guardian reads the journal,
 * finds no COMMIT, and undoes.  A host that is stopped between the two steps (SIGSTOP, a suspended
 * machine, a disk that hangs) would commit what is being undone.  So each holds the fence of the
 * transaction while it is at it (policy.md 5.3, C18; tests/spin/anod.pml shows that this is
 * enough): an OFD write lock on one byte of a file that is never replaced, at the offset of the
 * transaction's number.  The kernel takes it from a process that dies.
 *
 * Errors: negative errno.
 */
#ifndef TXN_FENCE_H
#define TXN_FENCE_H

#include <stdint.h>

#define FENCE_FILE "fence" /* in the state folder; empty */

/* A descriptor, or -errno. */
int fence_open(const char *state_dir);
/* 0: it is ours now, or was; -EAGAIN: the other has it.  Does not wait. */
int fence_take(int fd, uint64_t tx);
void fence_release(int fd, uint64_t tx);

#endif
