/* What the guardian wrote is read back whole, whatever the disk lost. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "exec/guardian.h"

static char dir[64], path[96];

static void open_dir(void)
{
	strcpy(dir, "/tmp/anod-entries-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	(void) snprintf(path, sizeof(path), "%s/" GUARDIAN_FILE, dir);
}

static void close_dir(void)
{
	(void) unlink(path);
	cr_assert_eq(rmdir(dir), 0, "something else was left");
}

static void write_one(uint64_t tx)
{
	struct guardian_entry e = { .tx = tx, .n_steps = 2, .state = { 4, 3 }, .cause = 1 };

	cr_assert_eq(guardian_write(dir, &e), 0);
}

static unsigned entries(uint64_t *ret_first, uint64_t *ret_last)
{
	_cleanup_(freep) struct guardian_entry *e = NULL;
	unsigned n;

	cr_assert_eq(guardian_read(dir, &e, &n), 0);
	for (unsigned i = 0; i < n; i++)
		cr_assert(e[i].state[1] == 3 && strcmp(e[i].boot_id, clock_boot_id()) == 0);
	*ret_first = n > 0 ? e[0].tx : 0;
	*ret_last = n > 0 ? e[n - 1].tx : 0;
	return n;
}

Test(guardian_file, entries_survive_a_torn_tail_and_damage)
{
	struct stat st;
	uint64_t first, last;
	int fd;

	open_dir();
	cr_assert_eq(entries(&first, &last), 0, "no file is no entry");
	write_one(1);
	write_one(2);
	cr_assert_eq(entries(&first, &last), 2);

	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(truncate(path, st.st_size - 7), 0);
	cr_assert_eq(entries(&first, &last), 1);
	write_one(3);
	cr_assert_eq(entries(&first, &last), 2, "the tail was cut off first");
	cr_assert_eq(last, 3);

	fd = open(path, O_WRONLY);
	cr_assert_eq(pwrite(fd, "x", 1, 9), 1);
	close(fd);
	cr_assert_eq(entries(&first, &last), 1);
	cr_assert_eq(first, 3);
	close_dir();
}

Test(guardian_file, a_long_file_is_trimmed_to_its_end)
{
	uint64_t first, last;

	open_dir();
	cr_assert_eq(guardian_trim(dir), 0);
	for (uint64_t tx = 1; tx <= 8 * GUARDIAN_KEEP; tx++) {
		if (tx == 8 * GUARDIAN_KEEP)
			cr_assert_eq(guardian_trim(dir), 0, "not long yet");
		write_one(tx);
	}
	cr_assert_eq(entries(&first, &last), 8 * GUARDIAN_KEEP);
	cr_assert_eq(guardian_trim(dir), 0);
	cr_assert_eq(entries(&first, &last), GUARDIAN_KEEP);
	cr_assert_eq(last, 8 * GUARDIAN_KEEP);
	close_dir();
}

Test(guardian_file, what_cannot_be_written_is_an_error)
{
	struct guardian_entry e = { .tx = 1 };
	struct guardian_entry *list = NULL;
	char long_dir[5000];
	unsigned n;

	memset(long_dir, 'a', sizeof(long_dir) - 1);
	long_dir[sizeof(long_dir) - 1] = '\0';
	cr_assert_eq(guardian_write(long_dir, &e), -ENAMETOOLONG);
	cr_assert_eq(guardian_read(long_dir, &list, &n), -ENAMETOOLONG);
	cr_assert_eq(guardian_write("/nonexistent", &e), -ENOENT);
	open_dir();
	cr_assert_eq(symlink("/dev/full", path), 0);
	cr_assert_eq(guardian_write(dir, &e), -ELOOP, "links are not followed");
	close_dir();
}
