#include <dlfcn.h>
#include <errno.h>
#include <sys/wait.h>

#include "base/log.h"
#include "infer_harness.h"

Test(entry, exports_its_two_entries_and_nothing_else)
{
	void *lib = dlopen(BUILD_DIR "/anod-infer.so", RTLD_NOW | RTLD_LOCAL);
	static const char *const hidden[] = { "infer_open", "http_open", "chan_open", "log_text" };

	cr_assert(eq(int, lib != NULL, 1), "%s", dlerror());
	cr_expect(eq(int, dlsym(lib, "anod_infer_main") != NULL, 1));
	cr_expect(eq(int, dlsym(lib, "anod_infer_open") != NULL, 1));
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		cr_expect(eq(int, dlsym(lib, hidden[i]) == NULL, 1), "%s", hidden[i]);
}

static const struct anod_dialect *const none[] = { NULL };
static const char refused[] = "{\"endpoints\":[{\"name\":\"a\",\"provider\":\"none\",\"url\":\"\","
			      "\"model\":\"\"}]}";

static void host_open(int fd)
{
	cr_assert(ge(int, sd_event_new(&h.loop), 0));
	cr_assert(eq(int,
		     chan_open(h.loop, fd, "test", harness_message, harness_closed, NULL, &h.chan),
		     0));
}

Test(entry, serves_as_a_process_until_the_host_goes)
{
	int fd[2], status = -1;
	pid_t pid;

	cr_assert(eq(int, chan_pair(fd), 0));
	pid = fork();
	cr_assert(ge(int, pid, 0));
	if (pid == 0) {
		close(fd[0]);
		_exit(-anod_infer_main(fd[1], none, test_actions, LOG_ERR));
	}
	close(fd[1]);
	host_open(fd[0]);
	harness_send(INFER_ASK, 5, refused);
	harness_wait(1);
	cr_expect(eq(u64, h.last.head.id, 5));
	cr_expect(eq(int, h.last.error, -EINVAL));
	h.chan = chan_free(h.chan);
	cr_assert(eq(int, waitpid(pid, &status, 0), pid));
	cr_expect(eq(int, status, 0));
	sd_event_unref(h.loop);
}

Test(entry, serves_inside_another_loop_and_goes_with_it)
{
	int fd[2];

	cr_assert(eq(int, chan_pair(fd), 0));
	host_open(fd[0]);
	cr_assert(eq(int, anod_infer_open(h.loop, fd[1], none, test_actions), 0));
	harness_send(INFER_ASK, 6, refused);
	harness_wait(1);
	cr_expect(eq(int, h.last.error, -EINVAL));
	cr_expect(eq(int, sd_event_exit(h.loop, 0), 0));
	cr_expect(eq(int, sd_event_loop(h.loop), 0));
	h.chan = chan_free(h.chan);
	sd_event_unref(h.loop);
}
