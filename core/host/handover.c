/*
 * handover - a planned stop keeps what is armed, and the next daemon goes on with it.
 *
 * Design.  Greeting is done without the loop, before anything else is open: what the guardian
 * holds decides how the journal is read.  Whatever goes wrong, the channel is closed, which the
 * guardian takes for our death: it undoes, and we recover as after a crash.
 *
 * The fd store is used only where systemd says that it keeps something for us ($FDSTORE, since
 * version 254), because the guardian takes the end of a channel that was stored for "nobody comes
 * any more": that is how "systemctl stop" is told from a restart.  Without it the time decides.
 */
#include "host/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/log.h"

#define STORE_NAME   "guardian"
#define GREET_US     (2 * US_PER_S)
#define UNDO_WAIT_US (10 * US_PER_S) /* for a guardian of another version */
#define ANSWER_US    (1 * US_PER_S)

struct handover {
	int fd;	   /* the channel that was found, until it is adopted; else -1 */
	pid_t pid; /* of that guardian */
	bool stored;
	bool adopted; /* the guardian is not of our own making */
	sd_event_source *timer;
	unsigned n;
	struct guard_held held[GUARDIAN_ARMED_MAX];
};

static struct handover *handover_of(struct host *h)
{
	if (!h->handover) {
		h->handover = calloc(1, sizeof(*h->handover));
		if (h->handover)
			h->handover->fd = -1;
	}
	return h->handover;
}

void handover_close(struct host *h)
{
	if (!h->handover)
		return;

	closep(&h->handover->fd);
	sd_event_source_disable_unref(h->handover->timer);
	free(h->handover);
	h->handover = NULL;
}

/* ---- finding one ----------------------------------------------------------------------------- */

/* The channel that systemd has kept, or -1. */
static int take_stored(void)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names), fd = -1;

	for (int i = 0; i < n; i++) {
		int one = SD_LISTEN_FDS_START + i;

		if (fd < 0 && names && strcmp(names[i], STORE_NAME) == 0 &&
		    sd_is_socket(one, AF_UNIX, SOCK_SEQPACKET, 0) > 0)
			fd = one;
		else
			(void) close(one);
		if (names)
			free(names[i]);
	}
	free(names);
	return fd;
}

/* Its socket in the state folder, or -1: nobody waits there. */
static int connect_to_it(const char *state_dir)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	_cleanup_(closep) int dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	/* The folder's own path may be too long for an address. */
	(void) snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" GUARDIAN_SOCKET, dir);
	if (dir < 0 || fd < 0 || connect(fd, (struct sockaddr *) &a, sizeof(a)) < 0)
		return -1;

	return TAKE_FD(fd);
}

/* The next message: its size; 0: the end; -ETIMEDOUT. */
static int receive(int fd, void *buf, size_t size, uint64_t until_us)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t now = clock_boot_us();
	ssize_t n;

	if (poll(&p, 1, until_us > now ? (int) ((until_us - now) / US_PER_MS) + 1 : 0) <= 0)
		return -ETIMEDOUT;

	n = recv(fd, buf, size, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	return n > INT32_MAX ? -EPROTO : (int) n;
}

static int say_hello(int fd, bool single)
{
	/* A guardian cannot move into our own process. */
	struct guard_hello m = guardian_hello(single ? 0 : GUARD_PROTO, 0);

	return send(fd, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* It has refused us, and undoes what it holds: the end of its channel is the end of that. */
static void wait_for_undo(int fd, const struct guard_hello *m)
{
	uint64_t until = clock_boot_us() + UNDO_WAIT_US;
	char version[sizeof(m->version)];
	struct exec_result any;
	int r;

	guardian_hello_version(m, version);
	log_error("the guardian of the last run is of anod %s (protocol %u); this is anod %s "
		  "(protocol %u), which cannot go on with it: what was armed is undone",
		  version, m->proto, ANOD_VERSION, GUARD_PROTO);
	do
		r = receive(fd, &any, sizeof(any), until);
	while (r > 0);
	if (r < 0)
		log_warning("the guardian of the last run is still at work: %s", strerror(-r));
}

static int greet(struct host *h, struct handover *o)
{
	uint64_t until = clock_boot_us() + GREET_US;
	struct guard_hello m;
	struct guard_held held;
	int r = say_hello(o->fd, h->options.single);

	if (r < 0)
		return r;
	r = receive(o->fd, &m, sizeof(m), until);
	if (r != sizeof(m) || m.head.type != GUARD_HELLO || m.pid <= 0)
		return r < 0 ? r : -EPROTO;
	if (m.error) {
		wait_for_undo(o->fd, &m);
		return m.error;
	}

	o->pid = m.pid;
	for (;;) {
		r = receive(o->fd, &held, sizeof(held), until);
		if (r != sizeof(held) || held.head.type != GUARD_HELD)
			return r < 0 ? r : -EPROTO;
		if (held.head.id == 0)
			return 0;
		if (o->n == ARRAY_SIZE(o->held))
			return -EPROTO;
		o->held[o->n++] = held;
	}
}

void handover_find(struct host *h)
{
	struct handover *o = handover_of(h);
	int r;

	if (!o)
		return;

	o->fd = take_stored();
	o->stored = o->fd >= 0;
	if (o->fd < 0)
		o->fd = connect_to_it(h->state_dir);
	if (o->fd < 0)
		return;

	r = greet(h, o);
	if (r >= 0)
		return;

	if (r != -EPROTONOSUPPORT)
		log_error("the guardian of the last run cannot be taken over: %s", strerror(-r));
	(void) close(TAKE_FD(o->fd));
	o->n = 0;
}

int handover_adopt(struct host *h)
{
	struct handover *o = h->handover;
	int r;

	if (!o || o->fd < 0)
		return 0;

	r = proc_adopt(h, PROC_GUARDIAN, TAKE_FD(o->fd), o->pid);
	if (r < 0) {
		log_error("the guardian of the last run cannot be taken over: %s", strerror(-r));
		o->n = 0;
		return 0;
	}
	o->adopted = true;
	log_notice("going on with the guardian of the last run (pid %d), which holds %u", o->pid,
		   o->n);
	return 1;
}

unsigned handover_held(const struct host *h, const struct guard_held **ret)
{
	*ret = h->handover ? h->handover->held : NULL;
	return h->handover ? h->handover->n : 0;
}

void handover_done(struct host *h)
{
	/* Kept any longer, it would hide our own death from the guardian. */
	if (h->handover && h->handover->stored)
		(void) sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" STORE_NAME);
}

/* ---- a planned stop -------------------------------------------------------------------------- */

static bool any_open(const struct host *h)
{
	const struct txn *t;

	for (unsigned n = 0; h->txns && (t = txns_nth(h->txns, n)); n++)
		if (t->state > TXN_PREPARING)
			return true;

	return false;
}

/* True: systemd holds the channel and lets it go when there is no next daemon. */
static bool store_channel(struct chan *c)
{
	const char *max = getenv("FDSTORE");
	int fd = chan_fd(c);

	return max && atoi(max) > 0 &&
	       sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=" STORE_NAME, &fd, 1) > 0 &&
	       sd_notify_barrier(0, ANSWER_US) >= 0;
}

static int on_no_answer(sd_event_source *s, uint64_t due, void *data)
{
	(void) s, (void) due;
	log_warning("the guardian does not answer: what is armed is not handed over");
	host_stop(data);
	return 0;
}

bool handover_begin(struct host *h)
{
	struct guard_handover m = { .head = { GUARD_HANDOVER, sizeof(m), 0 } };
	struct chan *c = h->proc[PROC_GUARDIAN].chan;
	struct handover *o = handover_of(h);
	uint64_t us = h->config->handover_set ? h->config->handover_us : HANDOVER_US_DFLT;

	/* Asked twice: whoever stops us does not want to wait. */
	if (h->stopping || h->options.single || !us || !c || !o || !any_open(h))
		return false;

	m.flags = store_channel(c) ? GUARD_STORED : 0;
	m.until_us = clock_boot_us() + us;
	if (chan_send(c, &m.head) < 0 ||
	    sd_event_add_time_relative(h->loop, &o->timer, CLOCK_BOOTTIME, ANSWER_US, US_PER_MS,
				       on_no_answer, h) < 0)
		return false;

	h->stopping = true; /* nothing new begins */
	(void) sd_notify(0, "STOPPING=1");
	log_notice("handing over to the next daemon; without one in %" PRIu64 " s what is armed is "
		   "undone",
		   us / US_PER_S);
	return true;
}

/* ---- the guardian says ----------------------------------------------------------------------- */

static void renew(struct host *h, const struct guard_state *m)
{
	if (m->n_undos || m->n_waiting || any_open(h) || h->stopping)
		return;

	log_info("the guardian of the last run holds nothing any more: a new one takes its place");
	h->handover->adopted = false;
	proc_renew(&h->proc[PROC_GUARDIAN]);
}

bool handover_on_guard(struct host *h, const struct chan_head *msg)
{
	if (msg->type == GUARD_STATE && msg->size == sizeof(struct guard_state)) {
		if (h->handover && h->handover->adopted)
			renew(h, (const struct guard_state *) msg);
		return true;
	}
	if (msg->id != 0 || (msg->type != GUARD_ARMED && msg->type != GUARD_DISARMED))
		return false;

	if (msg->type == GUARD_DISARMED)
		log_error("the guardian cannot wait for the next daemon: what is armed is undone");
	if (h->stopping)
		host_stop(h);
	return true;
}

void handover_beat(struct host *h)
{
	struct guard_ack m = { .head = { GUARD_STATUS, sizeof(m), 0 } };
	struct chan *c = h->proc[PROC_GUARDIAN].chan;

	if (h->handover && h->handover->adopted && c && !any_open(h))
		(void) chan_send(c, &m.head);
}
