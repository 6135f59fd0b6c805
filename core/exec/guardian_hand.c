/*
 * guardian_hand - from one host to the next.
 *
 * Design.  After a HANDOVER the end of the channel and of the host's process mean nothing until a
 * new host has come or the time is over; then what is armed ends as at a crash.  Deadlines and
 * reflexes go on meanwhile, and what they did is told by HELD.  A new host comes through a socket
 * in the state folder, or finds the old channel in its fd store; either way it says HELLO first,
 * with its protocol and the size of a message that holds all others, so that two versions which
 * would misread one another part with a reason.
 *
 * HELD messages are sent without waiting, because this process runs ahead of all others: a host
 * whose queue is too short for them is not taken, and may come again.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "base/log.h"
#include "exec/guardian_int.h"

/* The address of the socket.  A path in sun_path may have 107 bytes and a state folder more; the
 * folder's descriptor stands for it.  The descriptor, or -errno. */
static int address_of(const char *dir, struct sockaddr_un *ret)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void) snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/" GUARDIAN_SOCKET,
			fd);
	return fd;
}

static void remove_socket(const struct guardian *g)
{
	struct sockaddr_un a;
	_cleanup_(closep) int dir = address_of(g->state_dir, &a);

	if (dir >= 0)
		(void) unlinkat(dir, GUARDIAN_SOCKET, 0);
}

static int listen_for_hosts(struct guardian *g)
{
	struct sockaddr_un a;
	_cleanup_(closep) int dir = address_of(g->state_dir, &a), fd = -1;
	mode_t mask;
	int r;

	if (dir < 0)
		return dir;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;

	(void) unlinkat(dir, GUARDIAN_SOCKET, 0); /* of one that was killed */
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0 || listen(fd, 4) < 0 ? -errno : 0;
	(void) umask(mask);
	if (r >= 0)
		r = guardian_watch(g, fd);
	if (r >= 0)
		g->hand.listen = TAKE_FD(fd);
	return r;
}

void hand_close(struct guardian *g)
{
	if (g->hand.listen >= 0)
		remove_socket(g);
	close_fd(&g->hand.listen);
	close_fd(&g->hand.guest);
	g->hand.until_us = 0;
	g->changed = true;
}

int hand_over(struct guardian *g, const struct guard_handover *m)
{
	struct guard_ack ack = { .head = { .type = GUARD_ARMED }, .crc = crc32c(0, m, sizeof(*m)) };
	uint64_t now_us = clock_boot_us();
	int r;

	if (m->flags & ~(uint32_t) GUARD_STORED || m->pad || m->until_us <= now_us ||
	    m->until_us - now_us > GUARD_HANDOVER_MAX_US)
		return -EPROTO;

	r = listen_for_hosts(g);
	if (r < 0)
		log_warning("no socket for the next host in %s: %s", g->state_dir, strerror(-r));
	if (r < 0 && !(m->flags & GUARD_STORED))
		return r;

	guardian_answer(g, &ack.head, sizeof(ack));
	g->hand.until_us = m->until_us;
	g->hand.stored = m->flags & GUARD_STORED;
	g->changed = true;
	return 0;
}

bool hand_expects_end(const struct guardian *g)
{
	return g->hand.until_us && !g->hand.stored;
}

/* ---- the next host --------------------------------------------------------------------------- */

static int send_to(int fd, struct chan_head *head, size_t size)
{
	head->size = (uint32_t) size;
	return send(fd, head, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int send_held(int fd, const struct armed *a)
{
	struct guard_held m = {
		.head = { .type = GUARD_HELD, .id = a->tx },
		.deadline_us = a->deadline_us == US_INFINITY && a->sent_ns ? 0 : a->deadline_us,
		.seen_ns = a->seen_ns,
		.sent_ns = a->sent_ns,
		.flags = a->flags,
		.n_steps = a->n_steps,
		.crc = a->crc,
		.error = a->error,
		.cause = a->cause,
	};

	return send_to(fd, &m.head, sizeof(m));
}

struct guard_hello guardian_hello(uint32_t proto, int error)
{
	struct guard_hello m = { .head = { .type = GUARD_HELLO, .size = sizeof(m) },
				 .proto = proto,
				 .arm_size = sizeof(struct guard_arm),
				 .error = error,
				 .pid = getpid() };

	(void) copy_text(m.version, sizeof(m.version), ANOD_VERSION);
	return m;
}

void guardian_hello_version(const struct guard_hello *m, char ret[sizeof(m->version)])
{
	memcpy(ret, m->version, sizeof(m->version));
	ret[sizeof(m->version) - 1] = '\0';
	clean_text(ret);
}

static int tell_all(struct guardian *g, int fd)
{
	struct guard_held end = { .head = { .type = GUARD_HELD } };
	struct guard_hello hello = guardian_hello(GUARD_PROTO, 0);
	int r = send_to(fd, &hello.head, sizeof(hello));

	for (unsigned i = 0; i < GUARDIAN_ARMED_MAX && r >= 0; i++)
		if (g->armed[i])
			r = send_held(fd, g->armed[i]);
	return r < 0 ? r : send_to(fd, &end.head, sizeof(end));
}

/* It cannot be this one: nothing must be lost silently, so it all ends here. */
static void refuse(struct guardian *g, int fd, const struct guard_hello *m)
{
	struct guard_hello hello = guardian_hello(GUARD_PROTO, -EPROTONOSUPPORT);
	char version[sizeof(m->version)];

	(void) send_to(fd, &hello.head, sizeof(hello));
	guardian_hello_version(m, version);
	log_error("the new daemon (anod %s, protocol %u) cannot go on with the guardian of anod "
		  "%s (protocol %u): what is armed ends as if the daemon had died",
		  version, m->proto, ANOD_VERSION, GUARD_PROTO);
	g->host_dead = true;
}

static void forget_told(struct guardian *g)
{
	for (unsigned i = 0; i < GUARDIAN_ARMED_MAX; i++)
		if (g->armed[i] && g->armed[i]->n_steps == 0 && g->armed[i]->sent_ns)
			armed_drop(g, &g->armed[i]);
}

/* 'pid' of the host; -errno: it was not taken. */
static int take_host(struct guardian *g, int fd, const struct guard_hello *m, pid_t pid)
{
	int r;

	if (m->head.id != 0 || m->pid < 0)
		return -EPROTO;
	if (m->proto != GUARD_PROTO || m->arm_size != sizeof(struct guard_arm)) {
		refuse(g, fd, m);
		return -EPROTONOSUPPORT;
	}
	r = tell_all(g, fd);
	if (r < 0)
		return r;

	forget_told(g);
	g->hand.n_hosts++;
	close_fd(&g->pidfd);
	/* Without it the end of the channel tells of the host's death. */
	if (pid > 0)
		g->pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
	(void) guardian_watch(g, g->pidfd);
	return 0;
}

void hand_hello(struct guardian *g, const struct guard_hello *m)
{
	int r = take_host(g, g->sock, m, m->pid);

	if (r >= 0 || r == -EPROTONOSUPPORT)
		hand_close(g);
	else
		log_error("the next host cannot be taken on: %s", strerror(-r));
}

static bool may_come(const struct guardian *g, int fd, struct ucred *ret)
{
	socklen_t size = sizeof(*ret);
	struct stat st;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &size) == 0 &&
	       (ret->uid == 0 || (stat(g->state_dir, &st) == 0 && ret->uid == st.st_uid));
}

static void let_in(struct guardian *g)
{
	_cleanup_(closep) int fd =
		accept4(g->hand.listen, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct ucred who = { 0 };

	if (fd < 0)
		return;
	if (!may_come(g, fd, &who)) {
		log_warning("user %u may not be the next host", who.uid);
		return;
	}

	close_fd(&g->hand.guest); /* the last to come counts */
	if (guardian_watch(g, fd) >= 0)
		g->hand.guest = TAKE_FD(fd);
}

static void hear_guest(struct guardian *g)
{
	struct guard_hello m;
	struct ucred who = { 0 };
	ssize_t n = recv(g->hand.guest, &m, sizeof(m), MSG_DONTWAIT | MSG_TRUNC);
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(m) || m.head.size != sizeof(m) || m.head.type != GUARD_HELLO ||
	    !may_come(g, g->hand.guest, &who)) {
		close_fd(&g->hand.guest);
		return;
	}

	r = take_host(g, g->hand.guest, &m, who.pid);
	if (r < 0 && r != -EPROTONOSUPPORT) {
		log_error("the next host cannot be taken on: %s", strerror(-r));
		close_fd(&g->hand.guest);
		return;
	}
	/* Also one that was refused: it waits for the end of the channel, which is that of the
	 * undos. */
	close_fd(&g->sock);
	g->sock = TAKE_FD(g->hand.guest);
	hand_close(g);
}

void hand_run(struct guardian *g)
{
	if (g->hand.until_us && g->host_dead)
		hand_close(g); /* the one who kept the channel has let it go */
	if (!g->hand.until_us)
		return;

	if (g->hand.listen >= 0)
		let_in(g);
	if (g->hand.guest >= 0)
		hear_guest(g);
	if (g->hand.until_us && g->hand.until_us <= clock_boot_us()) {
		log_warning("no new host has come: what is armed ends as if the daemon had died");
		hand_close(g);
		g->host_dead = true;
	}
}
