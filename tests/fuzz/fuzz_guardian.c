/*
 * fuzz_guardian - arbitrary bytes as messages of a host that has been taken over, and as what the
 * kernel says about links.
 *
 * Design.  The input is a row of pieces, each behind a kind (one byte) and a length (32 bits,
 * little endian): 0 a message of the host, whose size is set as the channel guarantees it; 1 a
 * datagram of the link socket; 2 the answer to the next question for a link; 3 what the kernel
 * says to what was sent; 4 a tick.  Sockets are pairs of our own, so no kernel is touched; the
 * guardian's are changed as soon as it has opened them.  At the end the host dies.
 */
#include <assert.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "base/log.h"
#include "exec/guardian_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct guardian g;
static int host, ask, sent, events; /* our ends */

static void no_log(const char *process, int priority, const struct log_about *about,
		   const char *text)
{
	(void) process, (void) priority, (void) about;
	assert(strlen(text) < 4096);
}

static void pair(int type, int *ret_ours, int *ret_theirs)
{
	int fd[2];

	assert(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) == 0);
	*ret_ours = fd[0];
	*ret_theirs = fd[1];
}

static void open_guardian(void)
{
	memset(&g, 0, sizeof(g));
	g.state_dir = strdup("/nonexistent");
	g.kernel.fd = g.kernel.proc = g.pidfd = g.fence = g.reflex.events = g.hand.listen =
		g.hand.guest = -1;
	kernel_view_init(&g.kernel.view);
	g.epoll = epoll_create1(EPOLL_CLOEXEC);
	g.timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	g.reflex.tick = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	pair(SOCK_SEQPACKET, &host, &g.sock);
	pair(SOCK_DGRAM, &ask, &g.reflex.ask);
	pair(SOCK_DGRAM, &sent, &g.reflex.send);
	events = -1;
}

static void close_guardian(void)
{
	close_fd(&g.sock);
	g.host_dead = true;
	guardian_undo_due(&g);
	for (unsigned i = 0; i < GUARDIAN_ARMED_MAX; i++) {
		assert(!g.armed[i] || g.armed[i]->flags & GUARD_HOLD_ON_CRASH);
		armed_drop(&g, &g.armed[i]);
	}
	assert(g.reflex.n == 0 && g.reflex.events < 0);
	reflexes_close_sockets(&g);
	closep(&g.timer);
	closep(&g.epoll);
	closep(&host);
	closep(&ask);
	closep(&sent);
	closep(&events);
	free(g.state_dir);
}

/* The guardian watches links now: they are ours. */
static void take_events(void)
{
	int theirs;

	if (g.reflex.events < 0) {
		close_fd(&events);
	} else if (events < 0) {
		pair(SOCK_DGRAM, &events, &theirs);
		assert(dup3(theirs, g.reflex.events, O_CLOEXEC) >= 0);
		(void) close(theirs);
	}
}

/* Whatever was sent is a row of whole netlink messages that change something. */
static void check_sent(void)
{
	static uint8_t buf[STEPS_MAX * ANOD_NLMSG_MAX];
	struct nlmsghdr h;
	ssize_t n;

	while ((n = recv(sent, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC)) > 0) {
		assert((size_t) n <= sizeof(buf));
		for (size_t at = 0; at < (size_t) n; at += NLMSG_ALIGN(h.nlmsg_len)) {
			memcpy(&h, buf + at, sizeof(h));
			assert(h.nlmsg_len >= sizeof(h) && h.nlmsg_len <= (size_t) n - at);
			assert(h.nlmsg_flags & NLM_F_REQUEST && !(h.nlmsg_flags & NLM_F_ACK));
		}
	}
	while (recv(ask, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		continue;
}

static void check_answers(void)
{
	static union {
		struct chan_head head;
		struct exec_result room;
	} m;
	ssize_t n;

	while ((n = recv(host, &m, sizeof(m), MSG_DONTWAIT)) > 0)
		assert(m.head.size == (size_t) n && m.head.type >= GUARD_ARM);
}

static void from_host(const uint8_t *data, size_t size)
{
	static union {
		struct chan_head head;
		uint8_t room[sizeof(struct guard_arm) + 64];
	} m;

	size = MIN_OF(size, sizeof(m));
	if (size < sizeof(m.head))
		return;
	memcpy(&m, data, size);
	m.head.size = (uint32_t) size;
	(void) send(host, &m, size, MSG_DONTWAIT);
	guardian_read_messages(&g);
}

/* Make the sentinel's timer expire now. */
static void tick(void)
{
	const struct itimerspec now = { .it_value.tv_nsec = 1 };
	struct pollfd p = { .fd = g.reflex.tick, .events = POLLIN };

	if (g.reflex.tick_size > 0 && timerfd_settime(g.reflex.tick, 0, &now, NULL) == 0)
		(void) poll(&p, 1, 1000);
}

static void one_piece(uint8_t kind, const uint8_t *data, size_t size)
{
	switch (kind) {
	case 0:
		from_host(data, size);
		break;
	case 1:
		if (events >= 0)
			(void) send(events, data, size, MSG_DONTWAIT);
		break;
	case 2:
		(void) send(ask, data, size, MSG_DONTWAIT);
		return; /* it waits for the question */
	case 3:
		(void) send(sent, data, size, MSG_DONTWAIT);
		return;
	case 4:
		tick();
		break;
	}
	reflexes_run(&g);
	guardian_undo_due(&g);
	take_events();
	check_sent();
	check_answers();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t len;

	log_set_sink(no_log);
	open_guardian();
	while (size > 1 + sizeof(len)) {
		uint8_t kind = data[0];

		memcpy(&len, data + 1, sizeof(len));
		data += 1 + sizeof(len);
		size -= 1 + sizeof(len);
		len = (uint32_t) MIN_OF((size_t) len, size);
		one_piece(kind, data, len);
		data += len;
		size -= len;
	}
	close_guardian();
	return 0;
}
