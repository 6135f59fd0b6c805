/*
 * guardian_file - what the guardian did, for the next host.
 *
 * Design.  Entries of one size, each with its own CRC, appended by one write().  A tail that is
 * no whole entry (power loss, a full disk) is cut off before the next append, so that entries
 * stay where a reader looks for them.  The file is opened by name each time, because trimming
 * replaces it.
 */
#include "exec/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"

static uint32_t entry_crc(const struct guardian_entry *e)
{
	return crc32c(0, e, offsetof(struct guardian_entry, crc));
}

static int path_of(const char *dir, const char *suffix, char *buf, size_t size)
{
	int n = snprintf(buf, size, "%s/%s%s", dir, GUARDIAN_FILE, suffix);

	return n >= (int) size ? -ENAMETOOLONG : 0;
}

static int write_all(int fd, const void *data, size_t size)
{
	ssize_t n = write(fd, data, size);

	if (n < 0)
		return -errno;
	if ((size_t) n != size)
		return -ENOSPC;

	return fdatasync(fd) < 0 ? -errno : 0;
}

int guardian_write(const char *state_dir, struct guardian_entry *e)
{
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX];
	struct stat st;
	off_t torn;
	int r;

	r = path_of(state_dir, "", path, sizeof(path));
	if (r < 0)
		return r;

	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;

	torn = st.st_size % (off_t) sizeof(*e);
	if (torn > 0 && ftruncate(fd, st.st_size - torn) < 0)
		return -errno;

	(void) copy_text(e->boot_id, sizeof(e->boot_id), clock_boot_id());
	e->crc = entry_crc(e);
	return write_all(fd, e, sizeof(*e));
}

int guardian_read(const char *state_dir, struct guardian_entry **ret, unsigned *ret_n)
{
	_cleanup_(freep) struct guardian_entry *e = NULL;
	_cleanup_(fclosep) FILE *f = NULL;
	char path[PATH_MAX];
	struct stat st;
	size_t n, good = 0;
	int r;

	r = path_of(state_dir, "", path, sizeof(path));
	if (r < 0)
		return r;

	f = fopen(path, "re");
	if (!f && errno == ENOENT) {
		*ret = NULL;
		*ret_n = 0;
		return 0;
	}
	if (!f || fstat(fileno(f), &st) < 0)
		return -errno;

	n = (size_t) st.st_size / sizeof(*e);
	e = malloc(MAX_OF(n, (size_t) 1) * sizeof(*e));
	if (!e)
		return -ENOMEM;
	n = fread(e, sizeof(*e), n, f);
	if (ferror(f))
		return -EIO;

	for (size_t i = 0; i < n; i++)
		if (e[i].crc == entry_crc(&e[i]) && e[i].n_steps <= STEPS_MAX)
			e[good++] = e[i];

	*ret = TAKE(e);
	*ret_n = (unsigned) good;
	return 0;
}

int guardian_trim(const char *state_dir)
{
	_cleanup_(freep) struct guardian_entry *e = NULL;
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX], next[PATH_MAX];
	unsigned n = 0;
	int r;

	r = path_of(state_dir, "", path, sizeof(path));
	if (r >= 0)
		r = path_of(state_dir, ".new", next, sizeof(next));
	if (r >= 0)
		r = guardian_read(state_dir, &e, &n);
	if (r < 0 || n < 8 * GUARDIAN_KEEP)
		return r;

	fd = open(next, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, e + n - GUARDIAN_KEEP, GUARDIAN_KEEP * sizeof(*e));
	if (r >= 0 && rename(next, path) < 0)
		r = -errno;
	return r;
}
