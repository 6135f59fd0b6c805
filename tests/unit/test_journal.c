/* The journal: durable, whole or not there, and never more than was written. */
#include "txn/journal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "txn/slot.h"

static char dir[] = "/tmp/anod-journal-XXXXXX";
static struct exec_step step[STEPS_MAX];

static void make_dir(void)
{
	cr_assert_not_null(mkdtemp(dir));
}

static void remove_dir(void)
{
	char command[64];

	(void) snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(journal, .init = make_dir, .fini = remove_dir);

static struct journal *open_it(void)
{
	struct journal *j = NULL;

	cr_assert_eq(journal_open(dir, 0, &j), 0);
	return j;
}

static int append(struct journal *j, uint32_t type, uint64_t tx, uint32_t n_steps, bool sync)
{
	struct journal_record r = {
		.type = type,
		.tx = tx,
		.boot_us = 5,
		.deadline_us = tx * 1000,
		.agent = "uplink",
		.n_steps = n_steps,
		.step = step,
	};

	for (uint32_t i = 0; i < n_steps; i++)
		step[i].get_len = step[i].undo_len = 60;
	return journal_append(j, &r, sync);
}

static const char *path(const char *name)
{
	static char p[128];

	(void) snprintf(p, sizeof(p), "%s/%s", dir, name);
	return p;
}

static int count(void *data, const struct journal_record *r)
{
	(void) r;
	++*(unsigned *) data;
	return 0;
}

static unsigned n_records(void)
{
	unsigned n = 0;

	cr_assert_eq(journal_read(dir, count, &n), 0);
	return n;
}

Test(journal, what_was_written_is_there_after_a_restart)
{
	struct journal *j = open_it();
	const struct journal_open_tx *o;
	uint64_t a = journal_next_tx(j), b = journal_next_tx(j), c = journal_next_tx(j);
	struct stat st;

	cr_assert(a == 1 && b == 2 && c == 3);
	cr_assert_eq(append(j, JOURNAL_INTENT, a, 2, true), 0);
	cr_assert_eq(append(j, JOURNAL_INTENT, b, 1, true), 0);
	cr_assert_eq(append(j, JOURNAL_APPLIED, b, 0, false), 0);
	cr_assert_eq(append(j, JOURNAL_INTENT, c, 1, true), 0);
	cr_assert_eq(append(j, JOURNAL_ABORTED, c, 0, false), 0);
	cr_assert_eq(append(j, JOURNAL_COMMIT, a, 0, true), 0);
	cr_assert_eq(journal_open_count(j), 2);
	cr_assert_eq(journal_last_type(dir, b), JOURNAL_APPLIED, "read beside the writer");
	(void) journal_close(j);

	j = open_it();
	cr_assert_eq(journal_open_count(j), 2);
	o = journal_open_at(j, 0);
	cr_assert(o->tx == a && o->last == JOURNAL_COMMIT && o->deadline_us == 1000);
	cr_assert(o->intent && o->intent->n_steps == 2 && o->intent->step[1].undo_len == 60);
	cr_assert_str_eq(o->intent->boot_id, clock_boot_id());
	o = journal_open_at(j, 1);
	cr_assert(o->tx == b && o->last == JOURNAL_APPLIED);
	cr_assert_null(journal_open_at(j, 2));
	cr_assert_eq(journal_last_type(dir, c), JOURNAL_ABORTED);
	cr_assert_eq(journal_last_type(dir, 99), 0);
	cr_assert_eq(journal_next_tx(j), 4, "unused numbers are given back");
	cr_assert_eq(stat(path(JOURNAL_FILE), &st), 0);
	cr_assert_eq(st.st_size, JOURNAL_SIZE);
	(void) journal_close(j);
}

static int compare_last(void *data, const struct journal_record *r)
{
	uint32_t *last = data;

	last[r->tx] = r->type;
	return 0;
}

Test(journal, the_last_type_is_that_of_the_whole_scan)
{
	struct journal *j = open_it();
	uint32_t last[300] = { 0 };

	for (uint64_t tx = 1; tx < 300; tx++) {
		cr_assert_eq(append(j, JOURNAL_INTENT, tx, tx % STEPS_MAX + 1, false), 0);
		if (tx > 20 && tx % 3)
			cr_assert_eq(append(j, JOURNAL_COMMIT, tx - 20, 0, false), 0);
		if (tx > 50 && tx % 2)
			(void) append(j, JOURNAL_ROLLED_BACK, tx - 50, 0, false);
	}
	cr_assert_eq(journal_read(dir, compare_last, last), 0);
	for (uint64_t tx = 1; tx < 300; tx++)
		cr_assert_eq(journal_last_type(dir, tx), (int) last[tx], "%llu",
			     (unsigned long long) tx);
	(void) journal_close(j);
}

Test(journal, only_one_terminal_record_per_transaction)
{
	struct journal *j = open_it();

	cr_assert_eq(append(j, JOURNAL_APPLIED, 1, 0, false), -EALREADY, "no INTENT");
	cr_assert_eq(append(j, JOURNAL_INTENT, 1, 1, true), 0);
	cr_assert_eq(append(j, JOURNAL_INTENT, 1, 1, true), -EEXIST);
	cr_assert_eq(append(j, JOURNAL_DONE, 1, 0, false), 0);
	cr_assert_eq(append(j, JOURNAL_ROLLED_BACK, 1, 0, false), -EALREADY);
	cr_assert_eq(n_records(), 2);
	(void) journal_close(j);
}

Test(journal, has_one_writer_and_waits_for_it)
{
	struct journal *j = open_it(), *other = NULL;
	uint64_t before = clock_boot_us();

	cr_assert_eq(journal_open(dir, 20000, &other), -EBUSY);
	cr_assert_geq(clock_boot_us() - before, 20000);
	(void) journal_close(j);
	(void) journal_close(open_it());
}

static void overwrite(uint64_t offset, const void *data, size_t size)
{
	int fd = open(path(JOURNAL_FILE), O_WRONLY);

	cr_assert_geq(fd, 0);
	cr_assert_eq(pwrite(fd, data, size, (off_t) offset), (ssize_t) size);
	(void) close(fd);
}

Test(journal, a_torn_tail_is_dropped_and_never_written_over)
{
	struct journal *j = open_it();
	uint8_t zero[JOURNAL_SLOT] = { 0 };

	cr_assert_eq(append(j, JOURNAL_INTENT, 1, 1, true), 0);
	cr_assert_eq(append(j, JOURNAL_INTENT, 2, 1, true), 0);
	(void) journal_close(j);
	/* Two headers, two records of five slots: the last one loses its fourth slot. */
	overwrite((2 + 5 + 3) * JOURNAL_SLOT, zero, sizeof(zero));

	j = open_it();
	cr_assert_eq(journal_open_count(j), 1);
	cr_assert_eq(append(j, JOURNAL_INTENT, 3, 1, true), 0);
	cr_assert_eq(append(j, JOURNAL_DONE, 1, 0, true), 0);
	(void) journal_close(j);

	j = open_it();
	cr_assert_eq(journal_open_count(j), 1);
	cr_assert_eq(journal_open_at(j, 0)->tx, 3);
	cr_assert_eq(journal_last_type(dir, 2), 0);
	(void) journal_close(j);
}

Test(journal, a_flip_in_an_old_record_neither_hides_newer_ones_nor_commits)
{
	struct journal *j = open_it();
	uint8_t junk[JOURNAL_SLOT];

	memset(junk, 0xa5, sizeof(junk));
	cr_assert_eq(append(j, JOURNAL_INTENT, 1, 1, true), 0);
	cr_assert_eq(append(j, JOURNAL_INTENT, 2, 1, true), 0);
	cr_assert_eq(append(j, JOURNAL_COMMIT, 2, 0, true), 0);
	cr_assert_eq(append(j, JOURNAL_ROLLBACK, 1, 0, true), 0);
	(void) journal_close(j);
	overwrite((2 + 1) * JOURNAL_SLOT + 77, "x", 1); /* in the INTENT of 1 */

	j = open_it();
	cr_assert_eq(journal_open_count(j), 2);
	cr_assert(journal_open_at(j, 0)->tx == 2 && journal_open_at(j, 0)->last == JOURNAL_COMMIT);
	cr_assert(journal_open_at(j, 1)->tx == 1 &&
		  journal_open_at(j, 1)->last == JOURNAL_ROLLBACK);
	cr_assert_null(journal_open_at(j, 1)->intent);
	(void) journal_close(j);

	overwrite((2 + 10) * JOURNAL_SLOT, junk, sizeof(junk)); /* the COMMIT of 2 */
	cr_assert_eq(journal_last_type(dir, 2), JOURNAL_INTENT);
	cr_assert_eq(journal_last_type(dir, 1), JOURNAL_ROLLBACK);
}

Test(journal, a_header_may_be_torn_but_not_both)
{
	struct journal *j = open_it();
	uint8_t junk[JOURNAL_SLOT];
	uint64_t tx;
	int version = 2;

	memset(junk, 0x5a, sizeof(junk));
	tx = journal_next_tx(j);
	(void) journal_close(j);
	for (unsigned i = 0; i < 2; i++) {
		overwrite(i * JOURNAL_SLOT, junk, sizeof(junk));
		j = open_it();
		cr_assert_gt(journal_next_tx(j), tx, "no number twice");
		(void) journal_next_tx(j);
		(void) journal_close(j); /* writes the damaged one anew */
	}
	overwrite(8, &version, sizeof(version));
	overwrite(JOURNAL_SLOT + 8, &version, sizeof(version));
	cr_assert_eq(journal_open(dir, 0, &j), -EPROTONOSUPPORT);
	overwrite(0, junk, sizeof(junk));
	overwrite(JOURNAL_SLOT, junk, sizeof(junk));
	cr_assert_eq(journal_open(dir, 0, &j), -EBADMSG);
	cr_assert_eq(journal_last_type(dir, 1), -EBADMSG);
}

Test(journal, a_newer_format_is_refused_and_its_writer_named)
{
	uint32_t version = 2;
	struct journal *j = open_it();
	char by[40];

	cr_assert_gt(journal_next_tx(j), 0);
	(void) journal_close(j);
	cr_assert_str_eq(journal_writer(dir, by, sizeof(by)), ANOD_VERSION);

	/* Its other header may still be one of ours, and its own be laid out otherwise. */
	overwrite(8, &version, sizeof(version));
	overwrite(16, &version, sizeof(version));
	cr_assert_eq(journal_open(dir, 0, &j), -EPROTONOSUPPORT);
	overwrite(256,
		  "\x01"
		  "9.9",
		  5);
	overwrite(16, "\xff\xff", 2);
	cr_assert_str_eq(journal_writer(dir, by, sizeof(by)), "?9.9");
	cr_assert_str_eq(journal_writer("/nonexistent", by, sizeof(by)), "");
}

Test(journal, other_files_and_folders_are_left_alone)
{
	struct journal *j;
	char text[32] = "";
	int fd = open(path(JOURNAL_FILE), O_RDWR | O_CREAT, 0600);

	cr_assert_eq(write(fd, "my notes\n", 9), 9);
	cr_assert_eq(journal_open(dir, 0, &j), -EBADMSG);
	cr_assert_eq(pread(fd, text, sizeof(text), 0), 9);
	cr_assert_str_eq(text, "my notes\n");
	(void) close(fd);

	cr_assert_eq(journal_open("/nonexistent", 0, &j), -ENOENT);
	cr_assert_eq(journal_last_type("/nonexistent", 1), -ENOENT);
}

/* ---- turning over ------------------------------------------------------------------------- */

Test(journal, a_full_file_turns_over_and_keeps_what_is_open)
{
	struct journal *j = open_it();
	uint64_t tx;

	cr_assert_eq(append(j, JOURNAL_INTENT, journal_next_tx(j), STEPS_MAX, true), 0);
	cr_assert_eq(append(j, JOURNAL_APPLIED, 1, 0, false), 0);
	for (unsigned i = 0; i < 1500; i++) {
		tx = journal_next_tx(j);
		cr_assert_eq(append(j, JOURNAL_INTENT, tx, 1, false), 0, "%u", i);
		cr_assert_eq(append(j, JOURNAL_DONE, tx, 0, false), 0);
	}
	cr_assert_lt(n_records(), 2000, "turned over");
	cr_assert_eq(journal_open_count(j), 1);
	(void) journal_close(j);
	cr_assert_neq(access(path(JOURNAL_FILE ".new"), F_OK), 0);

	j = open_it();
	cr_assert_eq(journal_open_count(j), 1);
	cr_assert(journal_open_at(j, 0)->tx == 1 && journal_open_at(j, 0)->last == JOURNAL_APPLIED);
	cr_assert_eq(journal_open_at(j, 0)->intent->n_steps, STEPS_MAX);
	cr_assert_eq(journal_next_tx(j), 1502);
	(void) journal_close(j);
}

Test(journal, a_left_over_new_file_does_no_harm)
{
	struct journal *j = open_it();
	int fd;

	cr_assert_eq(append(j, JOURNAL_INTENT, 1, 1, true), 0);
	(void) journal_close(j);
	fd = open(path(JOURNAL_FILE ".new"), O_WRONLY | O_CREAT, 0600);
	cr_assert_eq(write(fd, "half", 4), 4);
	(void) close(fd);

	j = open_it();
	cr_assert_eq(journal_open_count(j), 1);
	for (uint64_t tx = 2; tx < 1700; tx++) {
		cr_assert_eq(append(j, JOURNAL_INTENT, tx, 1, false), 0);
		cr_assert_eq(append(j, JOURNAL_DONE, tx, 0, false), 0);
	}
	cr_assert_eq(journal_open_count(j), 1);
	(void) journal_close(j);
}

Test(journal, a_journal_full_of_open_transactions_refuses_intents_but_not_ends)
{
	struct journal *j = open_it();
	uint64_t tx = 0;
	int r;

	for (uint32_t i = 0; i < STEPS_MAX; i++)
		step[i].get_len = step[i].undo_len = ANOD_NLMSG_MAX;
	do {
		struct journal_record rec = {
			.type = JOURNAL_INTENT,
			.tx = ++tx,
			.n_steps = STEPS_MAX,
			.step = step,
		};

		r = journal_append(j, &rec, false);
	} while (r == 0);
	cr_assert_eq(r, -ENOSPC);
	cr_assert_gt(tx, 50);
	for (uint64_t i = 1; i < tx; i++)
		cr_assert_eq(append(j, JOURNAL_ROLLBACK, i, 0, false), 0);
	for (uint64_t i = 1; i < tx; i++)
		cr_assert_eq(append(j, JOURNAL_ROLLED_BACK, i, 0, false), 0);
	cr_assert_eq(append(j, JOURNAL_INTENT, tx, 1, false), 0, "there is room again");
	(void) journal_close(j);
}

/* ---- a disk that fails -------------------------------------------------------------------- */

struct disk {
	int write_error, sync_error;
	unsigned n_syncs;
};

static int disk_write(void *data, int fd, const void *buf, size_t size, uint64_t offset)
{
	struct disk *d = data;
	int r = d->write_error;

	if (r == 0 || r == -EIO) /* a failed write may have reached the file */
		(void) !pwrite(fd, buf, size, (off_t) offset);
	d->write_error = r == -EIO ? 0 : r;
	return r;
}

static int disk_sync(void *data, int fd)
{
	struct disk *d = data;

	(void) fd;
	d->n_syncs++;
	return d->sync_error;
}

static const struct journal_io disk_io = { .write = disk_write, .sync = disk_sync };

Test(journal, a_full_disk_refuses_and_recovers)
{
	struct journal *j = open_it();
	struct disk d = { .write_error = -ENOSPC };

	journal_set_io(j, &disk_io, &d);
	cr_assert_eq(append(j, JOURNAL_INTENT, 1, 1, true), -ENOSPC);
	cr_assert_eq(journal_open_count(j), 0);
	d.write_error = 0;
	cr_assert_eq(append(j, JOURNAL_INTENT, 1, 1, true), 0);
	cr_assert_eq(n_records(), 1);
	(void) journal_close(j);
}

Test(journal, a_failed_sync_is_final_and_takes_the_record_back)
{
	struct journal *j = open_it();
	struct disk d = { 0 };

	journal_set_io(j, &disk_io, &d);
	cr_assert_eq(append(j, JOURNAL_INTENT, 1, 1, true), 0);
	cr_assert_eq(append(j, JOURNAL_APPLIED, 1, 0, false), 0);
	cr_assert_eq(d.n_syncs, 1, "APPLIED is not synced");
	d.sync_error = -EIO;
	cr_assert_eq(append(j, JOURNAL_COMMIT, 1, 0, true), -EIO);
	cr_assert_eq(journal_last_type(dir, 1), JOURNAL_APPLIED, "the guardian sees no COMMIT");
	d.sync_error = 0;
	cr_assert_eq(append(j, JOURNAL_COMMIT, 1, 0, true), -EIO, "no second try");
	cr_assert_eq(append(j, JOURNAL_DONE, 1, 0, false), -EIO);
	(void) journal_close(j);
	cr_assert_eq(journal_last_type(dir, 1), JOURNAL_APPLIED);
}

Test(journal, a_failed_write_is_taken_back)
{
	struct journal *j = open_it();
	struct disk d = { 0 };

	journal_set_io(j, &disk_io, &d);
	cr_assert_eq(append(j, JOURNAL_INTENT, 1, 1, true), 0);
	d.write_error = -EIO;
	cr_assert_eq(append(j, JOURNAL_COMMIT, 1, 0, true), -EIO);
	cr_assert_eq(journal_last_type(dir, 1), JOURNAL_INTENT);
	(void) journal_close(j);
}

Test(journal, no_number_without_room_to_reserve_it)
{
	struct journal *j = open_it();
	struct disk d = { .write_error = -ENOSPC };

	journal_set_io(j, &disk_io, &d);
	cr_assert_eq(journal_next_tx(j), 0);
	d.write_error = 0;
	cr_assert_eq(journal_next_tx(j), 1);
	d.sync_error = -EIO;
	for (unsigned i = 0; i < 63; i++)
		cr_assert_neq(journal_next_tx(j), 0);
	cr_assert_eq(journal_next_tx(j), 0);
	(void) journal_close(j);
}
