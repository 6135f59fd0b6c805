/* The track outlives the daemon and the machine; a file that lies makes nobody trusted. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "host/track_file.h"

#define SECOND INT64_C(1000000)
#define DAY    (86400 * SECOND)

static char dir[] = "/tmp/anod-track-XXXXXX", path[64], said[4096];

static void hear(const char *process, int priority, const struct log_about *about, const char *text)
{
	(void) process, (void) priority, (void) about;
	(void) snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n", text);
}

static void make_dir(void)
{
	cr_assert_not_null(mkdtemp(dir));
	(void) snprintf(path, sizeof(path), "%s/track.jsonl", dir);
	log_set_sink(hear);
}

static void remove_dir(void)
{
	char command[64];

	log_set_sink(NULL);
	(void) snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(track_file, .init = make_dir, .fini = remove_dir);

struct kept {
	struct track *track;
	struct track_file *file;
};

static struct kept start(bool fresh, int64_t now_us)
{
	struct kept k = { .track = track_new() };

	cr_assert_eq(track_file_open(dir, fresh, k.track, now_us, &k.file), 0);
	return k;
}

static void stop(struct kept *k)
{
	k->file = track_file_close(k->file);
	k->track = track_free(k->track);
}

static void begin(struct kept *k, uint64_t tx, int64_t now_us)
{
	struct track_entry e[2] = {
		{ .agent = "a",
		  .permit = "p",
		  .action = "link.set",
		  .role = "uplink",
		  .audited = true,
		  .tx = tx,
		  .at_us = now_us,
		  .turn = { 3, 1, 0, 1 } },
	};

	(void) copy_text(e[0].resource, sizeof(e[0].resource), "link wan0");
	e[1] = e[0];
	e[1].nth = 1;
	(void) copy_text(e[1].resource, sizeof(e[1].resource), "link wan1");
	cr_assert_eq(track_add(k->track, e, 2), 0);
	track_file_note(k->file, k->track, tx, now_us);
}

static void finish(struct kept *k, uint64_t tx, enum outcome o, int64_t now_us)
{
	cr_assert_eq(track_applied(k->track, tx, now_us), 2);
	cr_assert_eq(track_end(k->track, tx, o, now_us), 2);
	track_file_note(k->file, k->track, tx, now_us);
}

static struct track_standing stand(const struct kept *k, int64_t now_us)
{
	static char name[] = "p";
	static const struct policy_rule r = { .name = name,
					      .level = LEVEL_APPROVE,
					      .promote = { LEVEL_AUTO, 2, 30 * (uint64_t) DAY,
							   0 } };
	struct track_standing s;

	track_standing(k->track, &r, "a", "link.set", "uplink", (uint64_t) now_us, &s);
	return s;
}

static void write_text(const char *text, const char *mode)
{
	FILE *f = fopen(path, mode);

	cr_assert_not_null(f);
	cr_assert_geq(fputs(text, f), 0);
	cr_assert_eq(fclose(f), 0);
}

Test(track_file, what_was_earned_is_there_after_a_kill)
{
	int64_t now = (int64_t) clock_boot_us();
	struct kept k = start(true, now);

	for (uint64_t tx = 1; tx <= 2; tx++) {
		begin(&k, tx, now);
		finish(&k, tx, OUTCOME_VERIFIED, now);
	}
	begin(&k, 3, now);
	begin(&k, 4, now);
	cr_expect_eq(track_drop(k.track, 4), 2);
	track_file_note(k.file, k.track, 4, now);
	cr_expect(stand(&k, now).promoted);
	stop(&k); /* closing writes nothing */

	k = start(false, now + SECOND);
	cr_expect(stand(&k, now + SECOND).promoted);
	cr_expect_eq(track_count(k.track), 6);
	cr_expect_eq(track_find(k.track, 3)->outcome, OUTCOME_OPEN, "of this boot: still open");
	cr_expect_null(track_find(k.track, 4), "nothing was changed by it");
	cr_expect_eq(track_formerly(k.track, "link.set", "link wan1", DAY, (uint64_t) now),
		     ANOD_TRUE);
	finish(&k, 3, OUTCOME_ROLLED_BACK, now + 2 * SECOND);
	stop(&k);
	k = start(false, now + 3 * SECOND);
	cr_expect_not(stand(&k, now + 3 * SECOND).promoted);
	cr_expect_eq(stand(&k, now + 3 * SECOND).failed, 1);
	/* The journal began anew, and so do its numbers. */
	begin(&k, 3, now + 4 * SECOND);
	finish(&k, 3, OUTCOME_VERIFIED, now + 4 * SECOND);
	stop(&k);
	k = start(false, now + 5 * SECOND);
	cr_expect_eq(stand(&k, now + 5 * SECOND).failed, 1);
	cr_expect_eq(stand(&k, now + 5 * SECOND).verified, 1);
	cr_expect_str_eq(said, "");
	stop(&k);
}

/* The same lines under another boot id and an older wall clock. */
static void as_of_another_boot(double wall_earlier_us)
{
	_cleanup_(freep) char *text = calloc(1, 1 << 20);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *at;
	FILE *f;

	cr_assert_gt(read(fd, text, (1 << 20) - 1), 0);
	(void) close(fd);
	f = fopen(path, "w");
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		double wall;

		at = strstr(line, "\"wall_us\":");
		cr_assert(at && sscanf(at, "\"wall_us\":%lf", &wall) == 1);
		fprintf(f, "%.*s\"wall_us\":%.0f,\"boot_us\":77,\"boot\":\"another\"}\n",
			(int) (at - line), line, wall - wall_earlier_us);
	}
	(void) fclose(f);
}

Test(track_file, ages_outlive_a_reboot)
{
	int64_t now = 40 * DAY;
	struct kept k = start(true, now);

	begin(&k, 1, now);
	finish(&k, 1, OUTCOME_VERIFIED, now);
	begin(&k, 2, now);
	finish(&k, 2, OUTCOME_VERIFIED, now);
	begin(&k, 3, now);
	stop(&k);
	as_of_another_boot(29 * DAY);
	k = start(false, 10 * SECOND);
	cr_expect(stand(&k, 10 * SECOND).promoted, "29 of 30 days ago: %s", said);
	cr_expect_not(stand(&k, 10 * SECOND + DAY).promoted, "30 days ago");
	cr_expect_eq(track_find(k.track, 3)->outcome, OUTCOME_SUPERSEDED,
		     "the machine went down: says nothing");
	cr_expect_eq(track_formerly(k.track, "link.set", "link wan0", 30 * (uint64_t) DAY, 10),
		     ANOD_TRUE);
	stop(&k);
}

Test(track_file, a_wall_clock_that_went_back_leaves_doubt)
{
	struct kept k = start(true, DAY);

	for (uint64_t tx = 1; tx <= 2; tx++) {
		begin(&k, tx, DAY);
		finish(&k, tx, OUTCOME_VERIFIED, DAY);
	}
	stop(&k);
	as_of_another_boot(-5 * DAY);
	k = start(false, 10 * SECOND);
	cr_expect_not(stand(&k, 10 * SECOND).promoted, "when it was is not known");
	cr_expect_eq(track_formerly(k.track, "link.set", "link wan0", DAY, 10 * SECOND),
		     ANOD_DOUBT);
	stop(&k);
}

Test(track_file, a_file_that_lies_makes_nobody_trusted)
{
	static const char *const bad[] = {
		"",
		"{}\n",
		"nonsense\n",
		"{\"track\":2,\"wall_us\":1,\"boot_us\":1,\"boot\":\"x\"}\n",
		"{\"track\":1,\"wall_us\":1,\"boot_us\":1}\n",
		"{\"track\":1,\"wall_us\":1,\"boot_us\":1,\"boot\":\"x\"}\n{\"tx\":1}\n",
		"{\"track\":1,\"wall_us\":1,\"boot_us\":1,\"boot\":\"x\"}\n\n",
	};
	char aside[80];

	(void) snprintf(aside, sizeof(aside), "%s.broken", path);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct kept k;

		said[0] = '\0';
		write_text(bad[i], "w");
		k = start(false, 40 * DAY);
		cr_expect(strstr(said, path) && strstr(said, "nobody is promoted"), "%s: %s",
			  bad[i], said);
		cr_expect_eq(access(aside, F_OK), 0, "%s", bad[i]);
		cr_expect_eq(track_known_since(k.track), 40 * DAY);
		cr_expect_eq(track_formerly(k.track, "any.thing", NULL, DAY, 40 * DAY + 1),
			     ANOD_DOUBT);
		stop(&k);
		/* That is remembered, too. */
		said[0] = '\0';
		k = start(false, 40 * DAY + SECOND);
		cr_expect_lt(track_known_since(k.track), 40 * DAY + SECOND);
		cr_expect_gt(track_known_since(k.track), 39 * DAY);
		cr_expect_str_eq(said, "");
		stop(&k);
	}
}

Test(track_file, a_missing_file_is_nothing_only_on_a_new_router)
{
	struct kept k = start(false, DAY);

	cr_expect_eq(track_known_since(k.track), DAY);
	cr_expect_not_null(strstr(said, "is not there"));
	stop(&k);
	cr_assert_eq(unlink(path), 0);
	k = start(true, DAY);
	cr_expect_eq(track_known_since(k.track), TRACK_EVER);
	stop(&k);
}

Test(track_file, half_a_last_line_costs_only_that_line)
{
	int64_t now = (int64_t) clock_boot_us();
	struct kept k = start(true, now);
	struct stat st;

	for (uint64_t tx = 1; tx <= 3; tx++)
		begin(&k, tx, now);
	finish(&k, 1, OUTCOME_VERIFIED, now);
	finish(&k, 2, OUTCOME_VERIFIED, now);
	finish(&k, 3, OUTCOME_ROLLED_BACK, now);
	stop(&k);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(truncate(path, st.st_size - 5), 0);
	k = start(false, now);
	cr_expect_eq(track_count(k.track), 6);
	cr_expect_eq(track_nth(k.track, 5)->outcome, OUTCOME_OPEN, "to be settled by the journal");
	stop(&k);
}

Test(track_file, a_full_disk_is_said_and_a_failure_on_it_is_not_forgotten)
{
	int64_t now = (int64_t) clock_boot_us();
	struct kept k = start(true, now);
	struct rlimit limit = { .rlim_max = RLIM_INFINITY };
	struct stat st;

	(void) signal(SIGXFSZ, SIG_IGN);
	begin(&k, 1, now);
	finish(&k, 1, OUTCOME_VERIFIED, now);
	cr_assert_eq(stat(path, &st), 0);
	limit.rlim_cur = (rlim_t) st.st_size + 10;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	begin(&k, 2, now);
	finish(&k, 2, OUTCOME_VERIFIED, now);
	cr_expect(strstr(said, path) && strstr(said, "a restart forgets them"), "%s", said);
	cr_expect(stand(&k, now).promoted);
	begin(&k, 3, now);
	finish(&k, 3, OUTCOME_STUCK, now);
	cr_expect_not_null(strstr(said, "after a restart nobody is promoted"), "%s", said);

	limit.rlim_cur = RLIM_INFINITY;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	track_file_retry(k.file, k.track, now);
	cr_expect_not_null(strstr(said, "can be written again"));
	stop(&k);
	k = start(false, now);
	cr_expect_eq(stand(&k, now).failed, 1, "all is there");
	stop(&k);
}

Test(track_file, half_a_line_that_did_not_fit_is_taken_out_again)
{
	int64_t now = (int64_t) clock_boot_us();
	struct kept k = start(true, now);
	struct rlimit limit = { .rlim_max = RLIM_INFINITY };
	struct stat st;

	(void) signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(stat(path, &st), 0);
	limit.rlim_cur = (rlim_t) st.st_size + 10;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	begin(&k, 1, now);
	limit.rlim_cur = RLIM_INFINITY;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	finish(&k, 1, OUTCOME_STUCK, now);
	stop(&k);
	k = start(false, now);
	cr_expect_eq(stand(&k, now).failed, 1);
	cr_expect_null(strstr(said, "broken"), "%s", said);
	stop(&k);
}

Test(track_file, it_stays_small)
{
	struct kept k = start(true, DAY);
	struct stat st;

	for (uint64_t tx = 1; tx <= 3 * TRACK_MAX; tx++) {
		begin(&k, tx, DAY + (int64_t) tx);
		if (tx % 1024 == 0) /* looking for a number costs the whole list */
			finish(&k, tx, OUTCOME_VERIFIED, DAY + (int64_t) tx);
		else
			track_end(k.track, tx, OUTCOME_VERIFIED, DAY + (int64_t) tx);
	}
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_lt(st.st_size, 8 << 20);
	stop(&k);
	k = start(false, DAY);
	cr_expect_leq(track_count(k.track), TRACK_MAX);
	cr_expect_gt(track_count(k.track), TRACK_MAX / 2);
	stop(&k);
}
