/*
 * fault - a library that is loaded before libc and lets the disk fail and the wall clock step.
 *
 * Design.  What shall happen is in a small file named by ANOD_FAULTS, mapped by every process that
 * the library is loaded into, so a test switches faults on and off while the daemon runs.  The
 * guardian is static and sees none of it.  Only regular files fail: pipes and sockets do not.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct faults {
	int64_t wall_s;	     /* added to CLOCK_REALTIME */
	int32_t sync_error;  /* errno of fsync() and fdatasync(); 0: they work */
	int32_t write_error; /* errno of write() and pwrite() to regular files */
	int32_t exec_ends;   /* 1: "anod exec" ends at once */
};

static const struct faults *faults;

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static void end_as_told(void)
{
	char cmdline[64] = "";
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, cmdline, sizeof(cmdline) - 1);

	if (fd >= 0)
		(void) close(fd);
	if (n > 0 && strcmp(cmdline + strlen(cmdline) + 1, "exec") == 0)
		_exit(3);
}

__attribute__((constructor)) static void map_faults(void)
{
	const char *path = getenv("ANOD_FAULTS");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(*faults), PROT_READ, MAP_SHARED, fd, 0);
	(void) close(fd);
	if (p == MAP_FAILED)
		return;
	faults = p;
	if (faults->exec_ends)
		end_as_told();
}

static int fails(int fd, int error)
{
	struct stat st;

	if (!error || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;

	errno = error;
	return 1;
}

#define SYNC_ERROR  (faults ? faults->sync_error : 0)
#define WRITE_ERROR (faults ? faults->write_error : 0)

__attribute__((visibility("default"))) int fdatasync(int fd)
{
	return fails(fd, SYNC_ERROR) ? -1 : ((int (*)(int))(uintptr_t) next("fdatasync"))(fd);
}

__attribute__((visibility("default"))) int fsync(int fd)
{
	return fails(fd, SYNC_ERROR) ? -1 : ((int (*)(int))(uintptr_t) next("fsync"))(fd);
}

__attribute__((visibility("default"))) ssize_t write(int fd, const void *buf, size_t n)
{
	typedef ssize_t fn(int, const void *, size_t);

	return fails(fd, WRITE_ERROR) ? -1 : ((fn *) (uintptr_t) next("write"))(fd, buf, n);
}

__attribute__((visibility("default"))) ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
	typedef ssize_t fn(int, const void *, size_t, off_t);

	return fails(fd, WRITE_ERROR) ? -1 : ((fn *) (uintptr_t) next("pwrite"))(fd, buf, n, at);
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *t)
{
	typedef int fn(clockid_t, struct timespec *);
	int r = ((fn *) (uintptr_t) next("clock_gettime"))(clock, t);

	if (r == 0 && faults && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		t->tv_sec += faults->wall_s;
	return r;
}

__attribute__((visibility("default"))) time_t time(time_t *ret)
{
	struct timespec t = { 0 };

	(void) clock_gettime(CLOCK_REALTIME, &t);
	if (ret)
		*ret = t.tv_sec;
	return t.tv_sec;
}

__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict tv,
							void *restrict zone)
{
	struct timespec t = { 0 };

	(void) zone;
	(void) clock_gettime(CLOCK_REALTIME, &t);
	tv->tv_sec = t.tv_sec;
	tv->tv_usec = t.tv_nsec / 1000;
	return 0;
}
