/* Shared memory that grows: that it is real, that it ends in an error, and who may write it. */
#include "base/shm.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

Test(shm, it_grows_in_steps_and_ends_in_an_error)
{
	struct shm m;
	uint32_t at, first;
	size_t size = 1000, n = 0;

	cr_assert(eq(int, shm_new(&m, "test", 1u << 20), 0));
	cr_expect(eq(sz, shm_real(&m), SHM_STEP));
	cr_assert(eq(int, shm_alloc(&m, size, &first), 0));
	cr_expect(eq(u32, first, 1));
	memset(shm_at(&m, first), 0xff, size);
	while (shm_alloc(&m, size, &at) == 0) {
		static const char zero[1000];

		cr_assert(eq(int, memcmp(shm_at(&m, at), zero, size), 0));
		memset(shm_at(&m, at), 0xff, size);
		n++;
	}
	cr_expect(eq(int, shm_alloc(&m, size, &at), -ENOSPC));
	cr_expect(eq(sz, shm_real(&m), 1u << 20));
	cr_expect(eq(sz, n, ((1u << 20) - 64) / 1024 - 1));
	cr_expect(eq(int, shm_alloc(&m, 0, &at), -ENOSPC));
	cr_expect(eq(int, shm_alloc(&m, SIZE_MAX, &at), -ENOSPC));

	/* What was released is there again, for its size only. */
	shm_release(&m, first, size);
	cr_expect(eq(int, shm_alloc(&m, size - 64, &at), 0)); /* the rest at the end */
	cr_expect(eq(int, shm_alloc(&m, 64, &at), -ENOSPC));
	cr_expect(eq(int, shm_alloc(&m, size, &at), 0));
	cr_expect(eq(u32, at, first));
	cr_expect(eq(int, *(char *) shm_at(&m, at), 0));
	cr_expect(shm_has(&m, at, size));
	cr_expect(not(shm_has(&m, 0, 1)));
	cr_expect(not(shm_has(&m, at, 1u << 20)));
	cr_expect(not(shm_has(&m, UINT32_MAX, 1)));
	shm_done(&m);
	shm_done(&m);
}

Test(shm, want_of_memory_is_an_error_and_no_signal)
{
	struct rlimit l = { 1u << 20, 1u << 20 };
	struct shm m;
	uint32_t at;
	int r;

	(void) signal(SIGXFSZ, SIG_IGN);
	cr_assert(eq(int, shm_new(&m, "test", SHM_MAX), 0));
	cr_assert(eq(int, setrlimit(RLIMIT_FSIZE, &l), 0));
	do {
		r = shm_alloc(&m, 4096, &at);
		if (r >= 0)
			memset(shm_at(&m, at), 1, 4096);
	} while (r >= 0);
	cr_expect(eq(int, r, -ENOSPC));
	cr_expect(ge(sz, shm_real(&m), (1u << 20) - SHM_STEP));
	shm_done(&m);
}

Test(shm, a_reader_sees_what_is_written_and_cannot_write)
{
	struct shm m, reader;
	uint32_t at;
	void *p;
	int fd;

	cr_assert(eq(int, shm_new(&m, "test", SHM_MAX), 0));
	cr_assert(eq(int, shm_attach(&reader, m.reader_fd), 0));
	cr_assert(eq(int, shm_alloc(&m, 2 * SHM_STEP, &at), 0));
	(void) strcpy(shm_at(&m, at), "text");
	cr_expect_str_eq(shm_at(&reader, at), "text");
	cr_expect(shm_has(&reader, at, 2 * SHM_STEP));

	cr_expect(eq(int, mprotect(reader.base, SHM_STEP, PROT_READ | PROT_WRITE), -1));
	p = mmap(NULL, SHM_STEP, PROT_READ | PROT_WRITE, MAP_SHARED, m.reader_fd, 0);
	cr_expect(eq(ptr, p, MAP_FAILED));
	cr_expect(eq(sz, (size_t) pwrite(m.reader_fd, "x", 1, 0), (size_t) -1));
	cr_expect(eq(int, ftruncate(m.reader_fd, 0), -1));
	cr_expect(eq(int, fcntl(m.reader_fd, F_ADD_SEALS, F_SEAL_GROW), -1));
	/* The seal holds for a descriptor that may write, too. */
	fd = dup(m.fd);
	p = mmap(NULL, SHM_STEP, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_expect(eq(ptr, p, MAP_FAILED));
	cr_expect(eq(sz, (size_t) pwrite(fd, "x", 1, 0), (size_t) -1));
	cr_expect(eq(int, ftruncate(fd, 0), -1));
	cr_expect(eq(int, fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), -1));
	(void) close(fd);
	shm_done(&reader);
	shm_done(&m);
}

Test(shm, what_is_not_a_segment_is_refused)
{
	_cleanup_(closep) int fd = memfd_create("test", MFD_CLOEXEC);
	struct shm m;

	cr_expect(eq(int, shm_attach(&m, -1), -EBADF));
	cr_expect(eq(int, shm_attach(&m, fd), -EPROTO));
	cr_assert(eq(int, ftruncate(fd, SHM_STEP), 0));
	cr_expect(eq(int, shm_attach(&m, fd), -EPROTO));
}
