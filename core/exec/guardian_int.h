/*
 * guardian_int - what the files of the guardian share.
 *
 * guardian.c is its life, guardian_msg.c takes messages, guardian_undo.c undoes, guardian_ready.c
 * makes reflexes ready, guardian_reflex.c fires them, guardian_link.c reads what the kernel says
 * about links, guardian_hand.c goes from one host to the next.
 *
 * Threads: one.  Errors: negative errno; who gives up logs.
 */
#ifndef EXEC_GUARDIAN_INT_H
#define EXEC_GUARDIAN_INT_H

#include <time.h>

#include "base/clock.h"
#include "exec/guardian.h"
#include "exec/step.h"

enum armed_state {
	ARMED_UNDO = 0, /* its steps are applied, or may be: to be undone */
	ARMED_WAITS,	/* a reflex before its trigger: nothing is applied */
	ARMED_SENT,	/* a reflex that has fired and is not accounted for yet */
};

struct armed {
	uint64_t tx;
	uint64_t order; /* grows with every ARM and every firing */
	uint64_t deadline_us;
	uint32_t flags; /* GUARD_* of the ARM */
	uint32_t n_steps;
	uint32_t crc; /* of the ARM message */
	enum armed_state state;
	/* Of one that is due. */
	uint64_t due_us, done_us; /* 0: not due; left alone */
	enum guardian_cause due_cause;
	int last; /* record of the journal, as journal_last_type() */
	struct exec_result result;
	/* Of a reflex. */
	struct guard_trigger trigger;
	uint64_t seen_ns, sent_ns; /* CLOCK_BOOTTIME; 0: not fired */
	uint32_t cause;		   /* enum guard_cause */
	int32_t error;
	uint64_t busy_us; /* the host is ending it: not before then */
	uint32_t seq;	  /* nlmsg_seq of all its messages */
	size_t ready_size;
	uint8_t *ready; /* owned; NULL: it only watches */
	struct exec_step step[];
};

/* ---- links (guardian_link.c) ----------------------------------------------------------------- */

/* What one message of the kernel says about a link. */
struct link_news {
	uint32_t ifindex;
	bool up;		     /* IFF_UP, IFF_LOWER_UP and IFF_RUNNING */
	bool gone;		     /* deleted, or no link of this index */
	char name[ANOD_IFNAME_SIZE]; /* "": the message does not tell */
};

/* Every piece of news in a datagram of 'size' bytes, also of one that was cut.  Pure. */
typedef void link_news_fn(void *data, const struct link_news *news);
void link_news_each(const uint8_t *buf, size_t size, link_news_fn *fn, void *data);
/* Does it mean that the link of the trigger is not what it was?  Pure. */
bool link_news_lost(const struct link_news *news, const struct guard_trigger *t);

/* Bytes of a request for one link.  Its answers, errors too, carry the index as nlmsg_seq. */
#define LINK_REQUEST 40u
void link_request(uint32_t ifindex, uint8_t buf[LINK_REQUEST]);

/* Sockets of NETLINK_ROUTE: for events of links, with a long queue; and for requests.  Both do
 * not block.  A descriptor or -errno. */
int link_open_events(void);
int link_open_requests(void);

/* ---- reflexes (guardian_reflex.c, guardian_ready.c) ------------------------------------------ */

struct reflexes {
	int send;   /* what has been made ready goes out here */
	int ask;    /* requests for links */
	int events; /* RTNLGRP_LINK; -1 while no link is watched */
	int tick;   /* timer of the sentinel */
	uint32_t seq;
	unsigned n;
	struct armed *waits[GUARDIAN_ARMED_MAX]; /* in the order armed; borrowed */
	bool sent;				 /* one is ARMED_SENT */
	/* Requests for all links that are watched; those with a sentinel are the first. */
	size_t ask_size, tick_size;
	uint8_t request[GUARDIAN_ARMED_MAX * LINK_REQUEST] __attribute__((aligned(4)));
	uint64_t n_asks, ask_ns; /* by the sentinel: how many links, and what it took */
	uint8_t in[64u << 10] __attribute__((aligned(8)));
};

/* ---- hand-over (guardian_hand.c) ------------------------------------------------------------- */

struct hand {
	uint64_t until_us; /* 0: there is a host, or it is dead; else one is awaited */
	bool stored;	   /* GUARD_STORED */
	unsigned n_hosts;  /* that have been taken on */
	int listen, guest; /* the socket for hosts; one that has come and has not said HELLO */
};

struct guardian {
	int epoll, sock, timer, pidfd;
	int fence; /* txn/fence.h; < 0: there is none */
	bool host_dead;
	bool changed; /* what is armed: the timer must be set again */
	uint64_t order;
	struct kernel kernel;
	struct armed *armed[GUARDIAN_ARMED_MAX]; /* owned; NULL: free */
	char *state_dir;			 /* owned */
	struct reflexes reflex;
	struct hand hand;
	union {
		struct chan_head head;
		struct guard_arm arm;
		struct guard_ack ack;
		struct guard_handover handover;
		struct guard_hello hello;
	} in;
};

static inline uint64_t boot_ns(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t) t.tv_sec * UINT64_C(1000000000) + (uint64_t) t.tv_nsec;
}

/* One datagram into x->in, of the kernel only: any other sender needs CAP_NET_ADMIN, but a mistake
 * is cheap to exclude.  -EAGAIN: none is there. */
ssize_t reflex_receive(struct reflexes *x, int fd);
int reflexes_open_sockets(struct guardian *g);
void reflexes_close_sockets(struct guardian *g);
/* Is the trigger sound, for an ARM with these flags and steps?  Pure. */
bool reflex_check(const struct guard_arm *m);
/* 'a' has just been armed: make its messages ready and watch its link.  -ENETDOWN, -ENODEV: the
 * link is down or not the one that was meant. */
int reflex_arm(struct guardian *g, struct armed *a);
/* 'a' waits no longer. */
void reflex_forget(struct guardian *g, struct armed *a);
/* The host says that it is time. */
void reflex_trigger(struct guardian *g, struct armed *a);
/* Say (again) that it has fired. */
void reflex_tell(struct guardian *g, const struct armed *a);
/* Read events, tick: fire what is due.  First of all in each turn, because it must be fast. */
void reflexes_run(struct guardian *g);

/* A HANDOVER message; < 0: refused. */
int hand_over(struct guardian *g, const struct guard_handover *m);
/* The channel has ended: true: that was expected. */
bool hand_expects_end(const struct guardian *g);
/* A HELLO that came on the channel itself (GUARD_STORED). */
void hand_hello(struct guardian *g, const struct guard_hello *m);
/* Let hosts in, hear them, and give up when the time has come. */
void hand_run(struct guardian *g);
/* Nobody is awaited any more. */
void hand_close(struct guardian *g);

/* ---- the rest -------------------------------------------------------------------------------- */

int guardian_watch(struct guardian *g, int fd); /* wake when it is readable; -1: nothing */
void guardian_answer(struct guardian *g, struct chan_head *head, size_t size);
void guardian_read_messages(struct guardian *g);
/* What is due by the clock or by the host's death. */
void guardian_undo_due(struct guardian *g);
void armed_drop(struct guardian *g, struct armed **a);

/* The descriptor itself is -1 afterwards, which also takes it out of the epoll. */
static inline void close_fd(int *fd)
{
	closep(fd);
	*fd = -1;
}

#endif
