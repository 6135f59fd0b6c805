/*
 * exec - the privileged executor on its channel.
 *
 * Design.  Only the glue: serve.c does the work.  An executor without a host has no purpose, so
 * the end of the channel ends the loop; what it left half done is undone by the guardian.
 */
#include "exec/exec.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "exec/serve.h"
#include "exec/unit.h"

struct exec {
	sd_event *loop;
	struct chan *chan;
	struct serve serve;
};

static int on_message(void *data, const struct chan_head *msg)
{
	struct exec *e = data;
	int r = serve_message(&e->serve, msg);

	if (r < 0)
		log_error("message %u of %u bytes from the host refused: %s", msg->type, msg->size,
			  strerror(-r));
	return r;
}

static void on_close(void *data, int error)
{
	struct exec *e = data;

	if (error < 0)
		log_error("the channel to the host failed: %s", strerror(-error));
	/* Fails only when the loop has ended already. */
	(void) sd_event_exit(e->loop, error < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int send_reply(void *data, struct chan_head *head, size_t size)
{
	struct exec *e = data;

	head->size = (uint32_t) size;
	return chan_send(e->chan, head);
}

int exec_open(sd_event *loop, int fd, const struct anod_action_desc *const *actions,
	      struct exec **ret)
{
	_cleanup_(exec_freep) struct exec *e = NULL;
	int r;

	e = calloc(1, sizeof(*e));
	if (!e) {
		(void) close(fd);
		return -ENOMEM;
	}
	e->loop = sd_event_ref(loop);
	e->serve.actions = actions;
	e->serve.reply = send_reply;
	e->serve.data = e;

	r = kernel_open(&e->serve.kernel);
	e->serve.kernel.unit = unit_reach;
	if (r < 0) {
		(void) close(fd);
		return r;
	}

	r = chan_open(loop, fd, "exec", on_message, on_close, e, &e->chan);
	if (r < 0)
		return r;

	*ret = TAKE(e);
	return 0;
}

struct exec *exec_free(struct exec *e)
{
	if (!e)
		return NULL;

	e->chan = chan_free(e->chan);
	serve_done(&e->serve);
	sd_event_unref(e->loop);
	free(e);
	return NULL;
}
