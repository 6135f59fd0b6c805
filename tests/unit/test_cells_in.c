/* What a cell that lies may send, and what becomes of it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/links.h"

static const char *const proposes[] = { "route.del", NULL };
static const char *const senses[] = { "probe", NULL };
static const struct anod_plugin plugin = {
	.name = "liar", .roles = ANOD_AGENT, .proposes = proposes, .senses = senses
};
static const struct loaded_plugin loaded = { .desc = &plugin };
static char name[] = "liar";
static struct agent agents[1];
static struct host host;

static void open_host(void)
{
	log_open("test", LOG_CRIT); /* refusals are the point here */
	agents[0] = (struct agent){ .name = name, .plugin = &loaded, .state = "running" };
	host = (struct host){ .n_agents = 1, .agent = agents };
	host.incidents = incidents_new(1, NULL, NULL);
	cr_assert_not_null(host.incidents);
}

static void close_host(void)
{
	links_drop(&host);
	incidents_free(host.incidents);
}

TestSuite(cells_in, .init = open_host, .fini = close_host);

#define SAY(m, t)                                                                                  \
	((m).head.type = (t), (m).head.size = sizeof(m), cells_on_message(&host, 1, &(m).head))

Test(cells_in, a_message_of_no_kind_or_size_ends_the_cell)
{
	struct cell_note note = { .agent = CELL_AGENT_NUMBER };

	cr_expect_eq(SAY(note, 0), -EPROTO);
	cr_expect_eq(SAY(note, CELL_START), -EPROTO, "ours, not theirs");
	cr_expect_eq(SAY(note, CELL_FIND), -EPROTO, "too short");
	cr_expect_eq(SAY(note, CELL_PROPOSE), -EPROTO);
	cr_expect_eq(SAY(note, CELL_SENSE), -EPROTO);
	cr_expect_eq(SAY(note, CELL_LOG), 0);
	memset(note.text, 'x', sizeof(note.text));
	cr_expect_eq(SAY(note, CELL_LOG), -EPROTO, "text without an end");
	cr_expect_eq(SAY(note, CELL_CLEAR), -EPROTO);
	note.text[0] = '\0';
	note.agent = CELL_AGENT_NUMBER + 1;
	cr_expect_eq(SAY(note, CELL_LOG), -EPROTO, "another agent than the channel says");
	note.agent = 0;
	cr_expect_eq(SAY(note, CELL_LOG), -EPROTO);
	note.agent = CELL_AGENT_NUMBER;
	note.error = INT32_MIN;
	cr_expect_eq(SAY(note, CELL_FAILED), -EPROTO, "no error number");
	cr_expect_str_eq(agents[0].state, "running");
}

Test(cells_in, a_finding_is_checked_to_the_last_byte)
{
	struct cell_find m = { .agent = CELL_AGENT_NUMBER };
	struct anod_finding good = { .size = sizeof(good),
				     .code = "c",
				     .kind = "link",
				     .entity = "wan0",
				     .confidence = 0.5 };

	m.finding = good;
	m.finding.confidence = NAN;
	cr_expect_eq(SAY(m, CELL_FIND), -EPROTO);
	m.finding.confidence = 1.1;
	cr_expect_eq(SAY(m, CELL_FIND), -EPROTO);
	m.finding = good;
	m.finding.n_refs = ANOD_REFS_MAX + 1;
	cr_expect_eq(SAY(m, CELL_FIND), -EPROTO);
	m.finding = good;
	m.finding.n_rivals = UINT32_MAX;
	cr_expect_eq(SAY(m, CELL_FIND), -EPROTO);
	m.finding = good;
	memset(m.finding.summary, 'x', sizeof(m.finding.summary));
	cr_expect_eq(SAY(m, CELL_FIND), -EPROTO);
	cr_expect_eq(agents[0].n_findings, 0);
}

Test(cells_in, a_proposal_outside_the_manifest_goes_nowhere)
{
	static struct cell_propose m = { .agent = CELL_AGENT_NUMBER };

	cr_expect_eq(SAY(m, CELL_PROPOSE), -EPROTO, "without an action");
	m.proposal.n_actions = ANOD_ACTIONS_MAX + 1;
	cr_expect_eq(SAY(m, CELL_PROPOSE), -EPROTO);
	m.proposal.n_actions = 1;
	m.proposal.confidence = NAN;
	cr_expect_eq(SAY(m, CELL_PROPOSE), -EPROTO);
	m.proposal.confidence = 1;
	m.head.id = UINT64_C(1) << 48;
	cr_expect_eq(SAY(m, CELL_PROPOSE), -EPROTO, "a number that would name another agent");
	m.head.id = 1;
	(void) strcpy(m.proposal.action[0].kind, "link.set");
	cr_expect_eq(SAY(m, CELL_PROPOSE), 0);
	cr_expect_eq(agents[0].n_refused, 1);
	cr_expect_eq(agents[0].n_proposals, 0);
	(void) strcpy(m.proposal.action[0].kind, "route.del");
	m.proposal.action[0].n_args = 1;
	m.proposal.action[0].arg[0].value.type = ANOD_REAL;
	m.proposal.action[0].arg[0].value.u.r = NAN;
	cr_expect_eq(SAY(m, CELL_PROPOSE), -EPROTO, "not a number");
}

Test(cells_in, what_the_manifest_does_not_name_is_neither_asked_nor_sensed)
{
	static struct cell_ask ask = { .agent = CELL_AGENT_NUMBER, .input_size = 2 };
	struct cell_sense sense = { .agent = CELL_AGENT_NUMBER };

	ask.head.type = CELL_ASK;
	ask.head.size = offsetof(struct cell_ask, input) + 2;
	cr_expect_eq(cells_on_message(&host, 1, &ask.head), 0);
	cr_expect_eq(agents[0].n_refused, 1, "it may not ask");
	ask.input_size = CELL_INPUT_MAX + 1;
	cr_expect_eq(cells_on_message(&host, 1, &ask.head), -EPROTO);
	ask.input_size = 2;
	ask.input[1] = 'x';
	cr_expect_eq(cells_on_message(&host, 1, &ask.head), -EPROTO, "input without an end");

	(void) strcpy(sense.request.kind, "rtnl");
	cr_expect_eq(SAY(sense, CELL_SENSE), 0);
	cr_expect_eq(agents[0].n_refused, 2);
	cr_expect_null(host.request);
}

Test(cells_in, an_agent_that_shouts_is_cut_short)
{
	struct cell_note note = { .agent = CELL_AGENT_NUMBER, .error = LOG_DEBUG };

	for (unsigned i = 0; i < 3 * CELL_LOG_LINES; i++)
		cr_assert_eq(SAY(note, CELL_LOG), 0);
	cr_expect_eq(agents[0].n_logged, CELL_LOG_LINES);
	cr_expect_eq(agents[0].n_unlogged, 2 * CELL_LOG_LINES);
	agents[0].log_since_us -= CELL_LOG_US + 1;
	cr_expect_eq(SAY(note, CELL_LOG), 0);
	cr_expect_eq(agents[0].n_unlogged, 0);
}

/* Promise 9 of the architecture: what we were late for is nobody's hang. */
Test(cells_in, a_daemon_that_was_late_kills_no_cell)
{
	int fd[2], status;
	pid_t pid = fork();

	if (pid == 0) {
		(void) pause();
		_exit(0);
	}
	cr_assert_geq(sd_event_new(&host.loop), 0);
	cr_assert_geq(chan_pair(fd), 0);
	cr_assert_geq(chan_open(host.loop, fd[0], "cell", NULL, NULL, NULL, &agents[0].cell.chan),
		      0);
	agents[0].cell.pid = pid;
	agents[0].cell_started = true;
	agents[0].cell_pong_us = clock_boot_us() - 2 * CELL_HANG_US;
	cells_ping(&host, 2 * CELL_HANG_US);
	cr_expect_eq(waitpid(pid, &status, WNOHANG), 0, "it lives");

	agents[0].cell_pong_us = clock_boot_us() - 2 * CELL_HANG_US;
	cells_ping(&host, 0);
	cr_expect_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	agents[0].cell.chan = chan_free(agents[0].cell.chan);
	host.loop = sd_event_unref(host.loop);
	(void) close(fd[1]);
}
