/* The executor on a real channel and loop. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "exec/exec.h"
#include "unit/execlab.h"
#include "unit/netlab.h"

static struct host {
	sd_event *loop;
	struct chan *chan;
	struct exec *exec;
	unsigned n;
	bool closed;
	union {
		struct chan_head head;
		struct exec_steps steps;
		struct exec_result result;
	} answer;
} host;

static int on_message(void *data, const struct chan_head *msg)
{
	(void) data;
	host.n++;
	cr_assert_leq(msg->size, sizeof(host.answer));
	memcpy(&host.answer, msg, msg->size);
	return 0;
}

static void on_close(void *data, int error)
{
	(void) data;
	(void) error;
	host.closed = true;
}

static void open_host(void)
{
	struct serve unused;
	int fd[2];

	lab_open(&unused);
	serve_done(&unused);
	cr_assert_geq(sd_event_new(&host.loop), 0);
	cr_assert_eq(chan_pair(fd), 0);
	cr_assert_eq(exec_open(host.loop, fd[1], lab_actions, &host.exec), 0);
	cr_assert_eq(chan_open(host.loop, fd[0], "host", on_message, on_close, NULL, &host.chan),
		     0);
}

static void close_host(void)
{
	host.exec = exec_free(host.exec);
	host.chan = chan_free(host.chan);
	sd_event_unref(host.loop);
}

static void ask(const struct chan_head *msg, uint32_t type)
{
	host.n = 0;
	cr_assert_geq(chan_send(host.chan, msg), 0);
	while (host.n == 0)
		cr_assert_gt(sd_event_run(host.loop, 10 * 1000 * 1000), 0, "no answer");
	cr_assert_eq(host.answer.head.type, type);
}

Test(exec, prepare_and_apply_over_the_channel)
{
	static struct exec_prepare p;
	struct exec_apply a = { { EXEC_APPLY, sizeof(a), 9 } };
	struct anod_object o;

	open_host();
	o = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	lab_plan = (struct anod_plan){ .n_changes = 1, .change = { lab_change(NULL, &o) } };
	p = (struct exec_prepare){ .head = { EXEC_PREPARE, sizeof(p), 9 }, .n_actions = 1 };
	p.action[0].size = sizeof(p.action[0]);
	strcpy(p.action[0].kind, "mirror");

	ask(&p.head, EXEC_PREPARED);
	cr_assert_eq(host.answer.steps.error, 0, "%s", host.answer.steps.why);
	cr_assert_eq(host.answer.steps.n_steps, 1);
	ask(&a.head, EXEC_APPLIED);
	cr_assert_eq(host.answer.result.error, 0, "%s", host.answer.result.why);
	cr_assert(lab_is(&o));
	cr_assert_null(exec_free(NULL));
	close_host();
}

Test(exec, a_host_that_breaks_the_protocol_or_dies_ends_the_loop)
{
	struct chan_head bad = { 999, sizeof(bad), 1 };

	open_host();
	cr_assert_geq(chan_send(host.chan, &bad), 0);
	while (sd_event_get_state(host.loop) != SD_EVENT_FINISHED)
		cr_assert_geq(sd_event_run(host.loop, 10 * 1000 * 1000), 0);
	close_host();

	open_host();
	host.chan = chan_free(host.chan);
	while (sd_event_get_state(host.loop) != SD_EVENT_FINISHED)
		cr_assert_geq(sd_event_run(host.loop, 10 * 1000 * 1000), 0);
	close_host();
}
