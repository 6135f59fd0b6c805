/* The fence is one's at a time, for each transaction, and dies with its holder. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "txn/fence.h"

Test(fence, one_holds_it_and_the_other_is_told)
{
	char dir[] = "/tmp/anod-fence-XXXXXX", path[64];
	int host, guardian;

	cr_assert_not_null(mkdtemp(dir));
	host = fence_open(dir);
	guardian = fence_open(dir);
	cr_assert(host >= 0 && guardian >= 0);

	cr_assert_eq(fence_take(host, 7), 0);
	cr_assert_eq(fence_take(host, 7), 0, "it is ours");
	cr_assert_eq(fence_take(guardian, 7), -EAGAIN);
	cr_assert_eq(fence_take(guardian, 8), 0, "another transaction");
	cr_assert_eq(fence_take(host, 8), -EAGAIN);
	fence_release(guardian, 7);
	cr_assert_eq(fence_take(guardian, 7), -EAGAIN, "not his to give back");
	fence_release(host, 7);
	cr_assert_eq(fence_take(guardian, 7), 0);
	cr_assert_eq(fence_take(host, 7), -EAGAIN);
	close(guardian);
	cr_assert_eq(fence_take(host, 7), 0, "the dead hold nothing");
	cr_assert_eq(fence_take(host, INT64_MAX), 0, "the last number");

	cr_assert_eq(fence_take(-1, 7), -EBADF);
	cr_assert_eq(fence_open("/proc/nowhere"), -ENOENT);
	close(host);
	snprintf(path, sizeof(path), "%s/" FENCE_FILE, dir);
	unlink(path);
	rmdir(dir);
}
