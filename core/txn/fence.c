/*
 * fence - one of host and guardian at a time decides how a transaction ends.
 *
 * Design.  Nothing is ever written to the file: it is there to be locked, so it works on a full
 * disk.  libc only, because the guardian is static.
 */
#include "txn/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

static int lock(int fd, uint64_t tx, short type)
{
	struct flock l = { .l_type = type,
			   .l_whence = SEEK_SET,
			   .l_start = (off_t) (tx & INT64_MAX),
			   .l_len = 1 };

	if (fcntl(fd, F_OFD_SETLK, &l) == 0)
		return 0;

	return errno == EACCES ? -EAGAIN : -errno;
}

int fence_open(const char *state_dir)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", state_dir, FENCE_FILE) >= (int) sizeof(path))
		return -ENAMETOOLONG;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

int fence_take(int fd, uint64_t tx)
{
	return lock(fd, tx, F_WRLCK);
}

void fence_release(int fd, uint64_t tx)
{
	(void) lock(fd, tx, F_UNLCK);
}
