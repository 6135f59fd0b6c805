#include "base/log.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

static char seen[512];
static unsigned n_seen;

static void remember(const char *process, int priority, const struct log_about *about,
		     const char *text)
{
	n_seen++;
	(void) snprintf(seen, sizeof(seen), "%s %d T%" PRIu64 " I%" PRIu64 " %s%s%s %s", process,
			priority, about->tx, about->incident, about->severity,
			about->severity[0] ? " " : "", about->notify, text);
}

Test(log, a_sink_gets_clean_text_of_the_levels_asked_for)
{
	log_open("exec", LOG_INFO);
	log_set_sink(remember);
	errno = EBUSY;
	log_about(LOG_WARNING, 7, 3, "alias '%s'", "x\nforged line");
	cr_expect(eq(int, errno, EBUSY));
	cr_expect(eq(str, seen, "exec 4 T7 I3  alias 'x?forged line'"));
	log_tell(LOG_CRIT, 7, 0, "major", "noc ann", "it is stuck");
	cr_expect(eq(str, seen, "exec 2 T7 I0 major noc ann it is stuck"));
	log_debug("not wanted");
	cr_expect(eq(uint, n_seen, 2));
}

Test(log, lines_on_a_pipe_name_their_level)
{
	char buf[256] = "";
	int fd[2], saved = dup(STDERR_FILENO);

	cr_assert(eq(int, pipe2(fd, O_CLOEXEC), 0));
	(void) dup2(fd[1], STDERR_FILENO);
	log_open("anod", LOG_DEBUG);
	log_error("no memory");
	log_about(LOG_NOTICE, 0, 2, "opened");
	log_about(LOG_INFO, 5, 2, "applied");
	log_tell(LOG_ALERT, 5, 0, "critical", "noc", "stuck");
	(void) dup2(saved, STDERR_FILENO);
	cr_assert(gt(int, (int) read(fd[0], buf, sizeof(buf) - 1), 0));
	cr_expect(eq(str, buf,
		     "error anod: no memory\nnotice anod: opened [I2]\ninfo anod: applied [T5 I2]\n"
		     "alert anod: stuck [T5 critical noc]\n"));
}

Test(log, the_journal_is_used_only_where_stderr_is_its_stream)
{
	char stream[64];
	struct stat st;

	unsetenv("JOURNAL_STREAM");
	cr_expect(not(log_use_journal()));
	setenv("JOURNAL_STREAM", "1:1", 1);
	cr_expect(not(log_use_journal()));
	setenv("JOURNAL_STREAM", "nonsense", 1);
	cr_expect(not(log_use_journal()));

	cr_assert(eq(int, fstat(STDERR_FILENO, &st), 0));
	(void) snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t) st.st_dev,
			(uintmax_t) st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	cr_expect(log_use_journal());
	log_info("into a journal that may not be there");
	log_set_sink(NULL);
}
