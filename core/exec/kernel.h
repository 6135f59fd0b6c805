/*
 * kernel - read and write typed objects over one rtnetlink socket, synchronously.
 *
 * What rtnetlink does not know (sysctls, peers of WireGuard, units) is reached through the same calls
 * by requests of anod's own (ANOD_OWN_* in anod/rtnl.h).
 *
 * Used by the executor and the guardian, whose whole work is to wait for the kernel.  Extended
 * acks and strict checking are on; the kernel's errno and its own words are kept.  An answer that
 * does not come within KERNEL_WAIT_MS is -ETIMEDOUT, so a lost one cannot hang the caller.
 *
 * Threads: one.  Errors: negative errno, with one sentence in k->why that names the object.
 * Memory: the receive buffer is owned by the struct, which must not move while its view is used.
 */
#ifndef EXEC_KERNEL_H
#define EXEC_KERNEL_H

#include <anod/plugin.h>

#include "exec/proto.h"

#define KERNEL_WAIT_MS	2000
#define KERNEL_BUF_SIZE (64u << 10)

struct nlmsghdr;

struct kernel;

/* Ask for the unit of this name or, with 'start', start it (again).  0 and *ret (NULL: not wanted),
 * -ENOENT, or -errno by kernel_fail(). */
typedef int kernel_unit_fn(struct kernel *k, bool start, const char *name, struct anod_sdunit *ret);

struct kernel {
	int fd; /* -1: every call is -EBADF */
	uint32_t seq;
	int protocol;		 /* NETLINK_ROUTE, of 'genl' NETLINK_GENERIC */
	struct kernel *genl;	 /* owned; NULL: not asked for yet */
	int proc;		 /* /proc/sys/net; -1: there was none */
	kernel_unit_fn *unit;	 /* NULL: units cannot be reached from here (the guardian) */
	uint8_t *buf;		 /* owned; one datagram of the kernel */
	struct anod_view view;	 /* reads through this socket */
	int error;		 /* of the last call that failed: negative errno */
	char why[EXEC_WHY_SIZE]; /* and in words: object, errno, the kernel's own text; "" */
};

int kernel_open(struct kernel *k);
/* A socket of another protocol, for kernel_ask() and kernel_send(). */
int kernel_open_protocol(struct kernel *k, int protocol);
void kernel_close(struct kernel *k);

/* Send a ready request (one whole netlink message of at most ANOD_NLMSG_MAX bytes) and wait for
 * its ack: 0 or the kernel's -errno, and k->why. */
int kernel_send(struct kernel *k, const void *msg, size_t len);

/*
 * Send many ready requests at once, one after the other in 'buf', each 4-aligned and with
 * NLM_F_ACK in the last one alone.  Their numbers are set here.  'refused' is called for each that
 * the kernel refuses, with its index and k->error and k->why set.  Returns 0 when all were
 * looked at, or -errno.  Keep 'n' at 128 at most, so that all refusals fit into the socket.
 */
typedef void kernel_refused_fn(void *data, unsigned i);
int kernel_send_many(struct kernel *k, void *buf, size_t len, unsigned n,
		     kernel_refused_fn *refused, void *data);

/* Ask and give every message of the answer to 'each', undecoded; a result < 0 is returned in the
 * end.  A dump that the kernel calls inconsistent is -EAGAIN. */
typedef int kernel_raw_fn(void *data, const struct nlmsghdr *msg);
int kernel_ask(struct kernel *k, const void *msg, size_t len, kernel_raw_fn *each, void *data);

/* ---- kernel_own.c, kernel_wg.c: requests for which anod_own_is() is true --------------------- */

/* As kernel_send() and kernel_get_ready(). */
int kernel_own_send(struct kernel *k, const void *msg, size_t len);
int kernel_own_get(struct kernel *k, const void *msg, size_t len, const struct anod_object *key,
		   struct anod_object *ret);
int kernel_wg_set(struct kernel *k, const struct anod_own_peer *m);
int kernel_wg_get(struct kernel *k, const struct anod_wgpeer *key, struct anod_object *ret);

/* Make 'v' the view inside a struct kernel. */
void kernel_view_init(struct anod_view *v);

/* Read the object with the key of 'key': 0, -ENOENT, -errno. */
int kernel_get(struct kernel *k, const struct anod_object *key, struct anod_object *ret);
/* The same with a ready GET request. */
int kernel_get_ready(struct kernel *k, const void *msg, size_t len, const struct anod_object *key,
		     struct anod_object *ret);

/*
 * Every object that a ready dump request gives; one that does not decode ends it with -EBADMSG.
 * A dump that the kernel calls inconsistent starts again: 'each' then gets NULL and must forget
 * what it had.  A result < 0 of 'each' is returned when the dump is over.
 */
typedef int kernel_each_fn(void *data, const struct anod_object *obj);
/* Is this message worth decoding?  NULL in place of the function: all are. */
typedef bool kernel_only_fn(void *data, const struct nlmsghdr *msg);
int kernel_dump(struct kernel *k, const void *msg, size_t len, kernel_each_fn *each,
		kernel_only_fn *only, void *data);

/* Give up what the socket is busy with. */
void kernel_replace_socket(struct kernel *k);
/* Note a failure: returns 'error'. */
int kernel_fail(struct kernel *k, int error, const char *text);
/* Put the object of a change in front of k->why. */
void kernel_why_about(struct kernel *k, const struct anod_change *c);

#endif
