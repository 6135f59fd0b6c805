#include "base/chan.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

struct message {
	struct chan_head head;
	uint64_t number;
};

struct end {
	sd_event *loop;
	struct chan *chan;
	unsigned n_messages, n_closed;
	uint64_t last;
	size_t last_size;
	int error;
	int answer;	/* of on_message */
	bool free_self; /* in a callback */
	bool in_send;	/* a callback now would come from inside chan_send() */
	bool from_inside;
};

static int on_message(void *data, const struct chan_head *msg)
{
	struct end *e = data;

	e->from_inside |= e->in_send;
	e->n_messages++;
	e->last_size = msg->size;
	e->last = ((const struct message *) (const void *) msg)->number;
	cr_assert(zero(int, (int) ((uintptr_t) msg % 8)));
	if (e->free_self)
		e->chan = chan_free(e->chan);
	return e->answer;
}

static void on_close(void *data, int error)
{
	struct end *e = data;

	e->from_inside |= e->in_send;
	e->n_closed++;
	e->error = error;
	if (e->free_self)
		e->chan = chan_free(e->chan);
}

static void two_ends(sd_event *loop, struct end *a, struct end *b)
{
	int fd[2];

	cr_assert(eq(int, chan_pair(fd), 0));
	*a = (struct end){ .loop = loop };
	*b = (struct end){ .loop = loop };
	cr_assert(eq(int, chan_open(loop, fd[0], "a", on_message, on_close, a, &a->chan), 0));
	cr_assert(eq(int, chan_open(loop, fd[1], "b", on_message, on_close, b, &b->chan), 0));
}

/* Until nothing more happens. */
static void settle(sd_event *loop)
{
	while (sd_event_run(loop, 0) > 0)
		;
}

static int send_number(struct end *e, uint64_t number)
{
	struct message m = { .head = { .type = 1, .size = sizeof(m) }, .number = number };

	return chan_send(e->chan, &m.head);
}

Test(chan, messages_arrive_in_order_and_beyond_what_the_socket_holds)
{
	struct end a, b;
	sd_event *loop;
	unsigned sent = 0;

	cr_assert(ge(int, sd_event_new(&loop), 0));
	two_ends(loop, &a, &b);
	for (uint64_t i = 1; i <= 5000; i++)
		sent += send_number(&a, i) == 0;
	cr_expect(eq(uint, sent, 5000));
	cr_expect(eq(uint, b.n_messages, 0));
	settle(loop);
	cr_expect(eq(uint, b.n_messages, 5000));
	cr_expect(eq(u64, b.last, 5000));

	cr_expect(eq(int, send_number(&b, 7), 0));
	settle(loop);
	cr_expect(eq(u64, a.last, 7));
	chan_free(a.chan);
	chan_free(b.chan);
	sd_event_unref(loop);
}

Test(chan, the_largest_message_fits_and_a_larger_one_is_refused)
{
	static uint8_t body[CHAN_MSG_MAX];
	struct message m = { .head = { .type = 2 }, .number = 42 };
	struct end a, b;
	sd_event *loop;

	cr_assert(ge(int, sd_event_new(&loop), 0));
	two_ends(loop, &a, &b);
	cr_expect(
		eq(int, chan_send2(a.chan, &m.head, sizeof(m), body, CHAN_MSG_MAX - sizeof(m)), 0));
	cr_expect(eq(int, chan_send2(a.chan, &m.head, sizeof(m), body, CHAN_MSG_MAX), -EMSGSIZE));
	cr_expect(eq(int, chan_send2(a.chan, &m.head, sizeof(m), NULL, 0), 0));
	settle(loop);
	cr_expect(eq(uint, b.n_messages, 2));
	cr_expect(eq(sz, b.last_size, sizeof(m)));
	cr_expect(eq(uint, a.n_closed + b.n_closed, 0));
	chan_free(a.chan);
	chan_free(b.chan);
	sd_event_unref(loop);
}

Test(chan, a_full_queue_closes_the_channel_but_never_from_inside_send)
{
	static uint8_t body[64 << 10];
	struct message m = { .head = { .type = 2 } };
	struct end a, b;
	sd_event *loop;
	int r = 0;

	cr_assert(ge(int, sd_event_new(&loop), 0));
	two_ends(loop, &a, &b);
	a.in_send = true;
	for (int i = 0; i < 1000 && r == 0; i++)
		r = chan_send2(a.chan, &m.head, sizeof(m), body, sizeof(body));
	a.in_send = false;
	cr_expect(eq(int, r, -ENOBUFS));
	cr_expect(eq(int, send_number(&a, 1), -ENOTCONN));
	settle(loop);
	cr_expect(eq(uint, a.n_closed, 1));
	cr_expect(eq(int, a.error, -ENOBUFS));
	cr_expect(not(a.from_inside));
	chan_free(a.chan);
	settle(loop);
	cr_expect(eq(uint, b.n_closed, 1));
	cr_expect(eq(int, b.error, 0));
	chan_free(b.chan);
	sd_event_unref(loop);
}

Test(chan, what_a_dying_peer_had_sent_still_arrives)
{
	struct end a, b;
	sd_event *loop;

	cr_assert(ge(int, sd_event_new(&loop), 0));
	two_ends(loop, &a, &b);
	cr_expect(eq(int, send_number(&a, 1), 0));
	cr_expect(eq(int, send_number(&a, 2), 0));
	cr_expect(eq(int, send_number(&b, 9), 0)); /* which a leaves unread */
	a.chan = chan_free(a.chan);
	cr_expect(eq(int, send_number(&b, 10), -ENOTCONN));
	settle(loop);
	cr_expect(eq(u64, b.last, 2));
	cr_expect(eq(uint, b.n_closed, 1));
	cr_expect(eq(int, b.error, 0));
	chan_free(b.chan);
	sd_event_unref(loop);
}

Test(chan, a_channel_may_be_freed_from_its_callbacks)
{
	struct end a, b;
	sd_event *loop;

	cr_assert(ge(int, sd_event_new(&loop), 0));
	two_ends(loop, &a, &b);
	b.free_self = true;
	cr_expect(eq(int, send_number(&a, 1), 0));
	cr_expect(eq(int, send_number(&a, 2), 0));
	settle(loop);
	cr_expect(eq(uint, b.n_messages, 1));
	cr_expect(eq(uint, b.n_closed, 0));
	cr_expect(eq(uint, a.n_closed, 1));
	chan_free(a.chan);

	two_ends(loop, &a, &b);
	a.free_self = true;
	chan_free(b.chan);
	settle(loop);
	cr_expect(eq(uint, a.n_closed, 1));
	cr_expect(eq(ptr, a.chan, NULL));
	sd_event_unref(loop);
}

Test(chan, a_peer_that_breaks_the_protocol_is_closed)
{
	static uint8_t big[CHAN_MSG_MAX + 1];
	struct message wrong_size = { .head = { .size = 999 } };
	const struct {
		const void *bytes;
		size_t size;
	} bad[] = { { "short", 5 }, { &wrong_size, sizeof(wrong_size) }, { big, sizeof(big) } };
	sd_event *loop;

	cr_assert(ge(int, sd_event_new(&loop), 0));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct end a, b;

		two_ends(loop, &a, &b);
		cr_assert(eq(sz, (size_t) send(chan_fd(a.chan), bad[i].bytes, bad[i].size, 0),
			     bad[i].size));
		settle(loop);
		cr_expect(eq(uint, b.n_messages, 0), "row %zu", i);
		cr_expect(eq(int, b.error, -EPROTO), "row %zu", i);
		chan_free(a.chan);
		chan_free(b.chan);
	}

	{
		struct end a, b;

		two_ends(loop, &a, &b);
		b.answer = -EBADMSG;
		cr_expect(eq(int, send_number(&a, 1), 0));
		cr_expect(eq(int, send_number(&a, 2), 0));
		settle(loop);
		cr_expect(eq(uint, b.n_messages, 1));
		cr_expect(eq(int, b.error, -EBADMSG));
		chan_free(a.chan);
		chan_free(b.chan);
	}
	sd_event_unref(loop);
}
