/* Who is told, how loud, and where it goes: the log, the monitor's line, notify.jsonl. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "host/notify.h"

static char dir[] = "/tmp/anod-notify-XXXXXX", path[64], said[4096];
static char ann[] = "ann", bob[] = "bob", carla[] = "carla", noc[] = "noc", oncall[] = "oncall";
static char *in_noc[] = { ann, bob }, *in_oncall[] = { ann, carla };
static struct config_group groups[] = { { .name = noc, .n_users = 2, .user = in_noc },
					{ .name = oncall, .n_users = 2, .user = in_oncall } };
static struct config config = { .n_groups = 2, .group = groups };
static struct host host;
static char *told[] = { noc, carla }, permit_name[] = "drain";
static struct policy_rule permit = { .kind = RULE_PERMIT,
				     .name = permit_name,
				     .n_notify = 2,
				     .notify = told,
				     .severity = SEVERITY_MAJOR };

static void hear(const char *process, int priority, const struct log_about *about, const char *text)
{
	(void) process;
	(void) snprintf(said, sizeof(said), "%d %s [%s] %s", priority, about->severity,
			about->notify, text);
}

static void make_dir(void)
{
	cr_assert_not_null(mkdtemp(dir));
	(void) snprintf(path, sizeof(path), "%s/notify.jsonl", dir);
	host = (struct host){ .run_dir = dir, .state_dir = dir, .config = &config };
	log_set_sink(hear);
}

static void remove_dir(void)
{
	char command[64];

	notify_done(&host);
	log_set_sink(NULL);
	(void) snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(notify, .init = make_dir, .fini = remove_dir);

static cJSON *read_line(int fd)
{
	char buf[8192] = "";

	cr_assert_gt(read(fd, buf, sizeof(buf) - 1), 0);
	return cJSON_Parse(buf);
}

static const char *text_of(const cJSON *o, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return text ? text : "";
}

Test(notify, groups_become_people_and_severity_a_priority)
{
	static const struct {
		enum severity severity;
		int priority;
	} row[] = { { SEVERITY_CRITICAL, LOG_ALERT },
		    { SEVERITY_MAJOR, LOG_CRIT },
		    { SEVERITY_MINOR, LOG_ERR },
		    { SEVERITY_WARNING, LOG_WARNING },
		    { SEVERITY_NONE, LOG_NOTICE } };
	char expected[128], *list;
	cJSON *o;
	int fd;

	notify_permit(&host, &permit, "standing", "doctor", "it is auto");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	o = read_line(fd);
	list = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(o, "people"));
	cr_expect_str_eq(list, "[\"ann\",\"bob\",\"carla\"]");
	cr_expect_str_eq(text_of(o, "event"), "standing");
	cr_expect_str_eq(text_of(o, "severity"), "major");
	cr_expect_str_eq(text_of(o, "permit"), "drain");
	cr_expect_str_eq(text_of(o, "text"), "it is auto");
	cr_expect_str_eq(said, "2 major [noc carla ann bob] it is auto");
	free(list);
	cJSON_Delete(o);
	(void) close(fd);

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		permit.severity = row[i].severity;
		notify_permit(&host, &permit, "standing", "doctor", "x");
		(void) snprintf(expected, sizeof(expected), "%d %s [noc carla ann bob] x",
				row[i].priority, severity_name(row[i].severity));
		cr_expect_str_eq(said, expected);
	}

	/* Nobody is to be told: nobody is. */
	said[0] = '\0';
	permit.n_notify = 0;
	permit.severity = SEVERITY_NONE;
	notify_permit(&host, &permit, "standing", "doctor", "y");
	cr_expect_str_eq(said, "");
}

Test(notify, what_a_fifo_without_a_reader_cannot_take_waits)
{
	char expected[8];
	int fd;

	cr_assert_eq(mkfifo(path, 0600), 0);
	for (unsigned i = 0; i < NOTIFY_WAITING_MAX + 3; i++) {
		(void) snprintf(expected, sizeof(expected), "n%u", i);
		notify_permit(&host, &permit, "standing", "doctor", expected);
	}
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	notify_beat(&host);
	for (unsigned i = 3; i < NOTIFY_WAITING_MAX + 3; i++) {
		char line[4096] = "";
		size_t n = 0;
		cJSON *o;

		do {
			cr_assert_eq(read(fd, line + n, 1), 1, "line %u", i);
		} while (line[n++] != '\n');
		o = cJSON_Parse(line);
		(void) snprintf(expected, sizeof(expected), "n%u", i);
		cr_expect_str_eq(text_of(o, "text"), expected, "in order, the oldest are lost");
		cJSON_Delete(o);
	}
	cr_expect(strstr(said, "3 were lost"), "%s", said);
	(void) close(fd);
}

Test(notify, the_file_stays_small_and_links_are_not_followed)
{
	char long_text[900], old[80], other[80];
	struct stat st;

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	(void) snprintf(old, sizeof(old), "%s.old", path);
	(void) snprintf(other, sizeof(other), "%s/other", dir);
	for (unsigned i = 0; i < 2 * NOTIFY_SIZE / 1000; i++)
		notify_permit(&host, &permit, "standing", "doctor", long_text);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_lt(st.st_size, NOTIFY_SIZE);
	cr_expect_eq(st.st_mode & 027, 0, "not for everybody");
	cr_assert_eq(stat(old, &st), 0);
	cr_expect_lt(st.st_size, NOTIFY_SIZE + 4096);

	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(symlink(other, path), 0);
	notify_permit(&host, &permit, "standing", "doctor", "z");
	cr_expect_neq(access(other, F_OK), 0);
}
