/*
 * netlink_int - what the files of anod/netlink.h share.
 */
#ifndef PLUG_NETLINK_INT_H
#define PLUG_NETLINK_INT_H

#include <anod/netlink.h>

#include <linux/netlink.h>
#include <stdbool.h>

#define NL_WHY_SIZE 160

struct nl_request {
	struct nl_request *next;
	anod_nl_msg_fn *each;
	anod_nl_done_fn *done;
	void *data;
	uint64_t held_us;
	int error;	  /* found before the kernel ended it: by send(), or an inconsistent dump */
	bool dump, ended; /* ended: the kernel has said its last word */
	bool sent;	  /* send() has returned */
	char why[NL_WHY_SIZE];
	uint8_t msg[] __attribute__((aligned(8)));
};

/* The thread of a slow socket.  It takes one message at a time. */
struct nl_sender;

struct anod_nl {
	struct anod_ctx *ctx;
	int protocol, fd;
	uint32_t flags, port, seq;
	uint64_t io, timer;	    /* handles; 0: none */
	uint64_t heard_us;	    /* of the last sign of life */
	struct nl_request *first;   /* under way; the others wait behind it */
	struct nl_request *started; /* it was sent; NULL: the first one was not yet */
	struct nl_request **last;
	unsigned n_waiting;
	unsigned group;
	anod_nl_event_fn *event;
	void *event_data;
	struct nl_sender *sender;
	unsigned busy; /* inside so many callbacks: a close() has to wait */
	bool closed;
	uint16_t admin_family; /* of ANOD_NL_ADMIN: what may be asked; 0: nothing yet */
	uint32_t admin_commands;
};

/* The thread has sent the request under way. */
void nl_on_sent(struct anod_nl *nl, int error, uint64_t held_us);

/* Start the thread; 'fd' may be replaced between two messages. */
int nl_sender_new(struct anod_nl *nl, struct nl_sender **ret);
/* Hand a message over; it must live until nl_on_sent(). */
void nl_sender_send(struct nl_sender *s, int fd, const void *msg, size_t len);
/* Waits for a request that the kernel is busy with. */
void nl_sender_free(struct nl_sender *s);

/* send() that tells how long it took: 0 or -errno. */
int send_timed(int fd, const void *msg, size_t len, uint64_t *ret_us);

/* The kernel's own words from an ack or a NLMSG_DONE; "" where it has none. */
void nl_ack_text(const struct nlmsghdr *h, char *ret, size_t size);

/* ---- ANOD_NL_ADMIN: netlink_admin.c ---- */

/* Have CAP_NET_ADMIN until nl_admin_lower() is given the result. */
bool nl_admin_raise(void);
void nl_admin_lower(bool raised);
/* May this be asked with it? */
bool nl_admin_may(const struct anod_nl *nl, const struct nlmsghdr *h);
/* A family was looked up. */
void nl_admin_family(struct anod_nl *nl, const char *name, uint16_t id);

#endif
