/*
 * guardian_help - what the tests of the guardian share: one in this process, the host's end of its
 * channel, and a route that has been or is to be moved from wan0 to wan1.
 */
#ifndef TESTS_UNIT_GUARDIAN_HELP_H
#define TESTS_UNIT_GUARDIAN_HELP_H

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "exec/guardian.h"
#include "txn/journal.h"
#include "unit/execlab.h"
#include "unit/netlab.h"

#define LONG_US (600 * US_PER_S)

static struct serve s;
static struct anod_object old, new;

static struct lab {
	struct guardian *g;
	int fd; /* the host's end */
	char dir[160];
	struct journal *journal; /* or NULL */
} lab;

/* The old route is there; the change to the new one, not applied. */
static inline struct anod_change open_route(void)
{
	lab_open(&s);
	old = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	new = lab_route("192.0.2.0/24", 5, "10.0.1.2", "wan1");
	cr_assert_eq(netlab_set(&old, NULL), 0);
	return lab_change(&old, &new);
}

/* 'path' ends with XXXXXX. */
static inline void open_folder(const char *path)
{
	(void) copy_text(lab.dir, sizeof(lab.dir), path);
	cr_assert_not_null(mkdtemp(lab.dir));
}

static inline void open_guardian(int pidfd)
{
	int fd[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	lab.fd = fd[0];
	cr_assert_eq(guardian_open(fd[1], pidfd, lab.dir, &lab.g), 0);
}

static inline void close_guardian(void)
{
	lab.g = guardian_free(lab.g);
	lab.journal = journal_close(lab.journal);
	if (lab.fd >= 0)
		close(lab.fd);
}

/* Wait until the guardian has something to do, and let it. */
static inline int run(void)
{
	struct pollfd p = { .fd = guardian_fd(lab.g), .events = POLLIN };

	cr_assert_eq(poll(&p, 1, 10000), 1, "nothing happened");
	return guardian_run(lab.g);
}

static inline bool no_answer(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

/* The next answer, which must be of this kind; the guardian works until it is there. */
static inline const void *answer_on(int fd, uint32_t type, uint64_t id)
{
	static union {
		struct chan_head head;
		struct exec_result room;
	} m;

	while (no_answer(fd))
		cr_assert_eq(run(), 1);
	cr_assert_gt(recv(fd, &m, sizeof(m), MSG_DONTWAIT), 0);
	cr_assert_eq(m.head.type, type, "%u, not %u", m.head.type, type);
	cr_assert_eq(m.head.id, id, "%lu", (unsigned long) m.head.id);
	return &m;
}

/* An ARM message with room for 'n' steps and a deadline far away; static. */
static inline struct guard_arm *arm_of(uint64_t tx, uint32_t flags, unsigned n)
{
	static struct guard_arm m;

	memset(&m, 0, sizeof(m));
	m.head = (struct chan_head){ GUARD_ARM, 0, tx };
	m.head.size = (uint32_t) (offsetof(struct guard_arm, step) + n * sizeof(struct exec_step));
	m.deadline_us = clock_boot_us() + LONG_US;
	m.flags = flags;
	m.n_steps = n;
	return &m;
}

static inline void set_trigger(struct guard_arm *m, const char *link)
{
	m->trigger.ifindex = netlab_ifindex(link);
	(void) copy_text(m->trigger.link, sizeof(m->trigger.link), link);
}

#endif
