/*
 * anod/netlink.h - a sensor asks the kernel over netlink, and nobody waits.
 *
 * A socket has a queue of requests; one is under way at a time.  Answers are read when the loop has
 * time, ANOD_NL_TURN bytes in a turn at most, so a dump of 100,000 entries is spread over many
 * turns.  What goes wrong ends in the request's own done(): a dump that failed (the errno stands in
 * NLMSG_DONE, where libraries do not look), one that the kernel calls inconsistent, an answer that
 * never comes.  Health of the socket (overruns, interrupted dumps, gaps) is told by health().
 *
 * A request may keep the kernel busy in send() itself: reading the EEPROM of a module takes tens of
 * milliseconds of I2C, and nearly everything of ethtool waits for RTNL.  Sockets opened with
 * ANOD_NL_SLOW send from a thread, so the loop goes on; how long each request was held is told.
 *
 * Linked statically into the plugins that include it.  Attributes are read with libnl's attribute
 * layer (nla_parse() and so on); decoders are pure functions from bytes, so they can be fuzzed.
 *
 * Threads: the loop thread of the plugin.  Errors: negative errno.  Memory: the socket is the
 * plugin's until anod_nl_close(); messages given to callbacks die when they return.
 */
#ifndef ANOD_NETLINK_H
#define ANOD_NETLINK_H

#include <stddef.h>
#include <stdint.h>

#include <anod/plugin.h>

struct nlmsghdr;
struct anod_nl;

#define ANOD_NL_QUEUE_MAX 256 /* requests that wait; more are -EBUSY */
#define ANOD_NL_HEAD_MAX  256
#define ANOD_NL_MSG_MAX	  4096		    /* bytes of one request */
#define ANOD_NL_TURN	  (256u << 10)	    /* bytes of answers that one turn of the loop reads */
#define ANOD_NL_WAIT_US	  UINT64_C(5000000) /* without a sign of life a request is -ETIMEDOUT */

enum {
	ANOD_NL_SLOW = 1, /* requests may take long in the kernel: a thread sends them */
	ANOD_NL_LENIENT =
		2, /* without NETLINK_GET_STRICT_CHK: for old dump requests without a header */
	/* With CAP_NET_ADMIN for the moments in which the socket is opened and a request sent, where the
	 * process keeps it aside (permitted, not effective).  For what the kernel shows to nobody else;
	 * only the requests listed in core/plug/netlink_admin.c are sent, others are -EPERM.  Together
	 * with ANOD_NL_SLOW only the thread that sends has it: capabilities are of a thread. */
	ANOD_NL_ADMIN = 4,
};

/* 'protocol' is NETLINK_ROUTE, NETLINK_GENERIC, NETLINK_SOCK_DIAG, NETLINK_NETFILTER ...  Strict
 * checking and extended acks are on.  -EPROTONOSUPPORT: this kernel has no such protocol. */
int anod_nl_open(struct anod_ctx *ctx, int protocol, uint32_t flags, struct anod_nl **ret);
/* Requests that wait or are under way end silently: no callback follows.  NULL is fine. */
void anod_nl_close(struct anod_nl *nl);

/* ---- asking ----------------------------------------------------------------------------- */

/* One answer: any message but NLMSG_DONE and NLMSG_ERROR. */
typedef void anod_nl_msg_fn(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data);
/* The end.  'error': 0, or -errno of the kernel with its own words in 'why' ("" where it has none),
 * -EINTR: the dump was inconsistent and is to be asked for again, -ETIMEDOUT, -ENOBUFS.
 * 'held_us': how long send() took, for ANOD_NL_SLOW the time that the thread was held. */
typedef void anod_nl_done_fn(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us,
			     void *data);

/* Queue one request, which is copied: a whole message whose flags have NLM_F_DUMP or NLM_F_ACK (it
 * is added when neither is there).  nlmsg_seq is set here.  'each' may be NULL.  -EBUSY: too many
 * wait; -EMSGSIZE.  Never calls back before it returns. */
int anod_nl_ask(struct anod_nl *nl, const void *msg, anod_nl_msg_fn *each, anod_nl_done_fn *done,
		void *data);
/* Requests that have not ended. */
unsigned anod_nl_waiting(const struct anod_nl *nl);

/* ---- events ----------------------------------------------------------------------------- */

/* 'msg' NULL: events were lost; read everything again. */
typedef void anod_nl_event_fn(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data);
/* Join a multicast group.  Use a socket of its own for events, so that a flood of them does not
 * cost answers.  The receive buffer is made 4 MiB where we may. */
int anod_nl_listen(struct anod_nl *nl, unsigned group, anod_nl_event_fn *fn, void *data);

/* ---- generic netlink -------------------------------------------------------------------- */

#define ANOD_NL_GROUPS_MAX 8

struct anod_nl_family {
	uint16_t id;
	uint8_t version;
	uint8_t n_groups;
	struct {
		char name[16];
		uint32_t id;
	} group[ANOD_NL_GROUPS_MAX];
};
/* Look a family up at once (the kernel answers from a table).  -ENOENT: this kernel does not have
 * it, or its module is not loaded: try again later. */
int anod_nl_family(struct anod_nl *nl, const char *name, struct anod_nl_family *ret);
/* Id of one of its groups; 0: none. */
uint32_t anod_nl_group(const struct anod_nl_family *f, const char *name);

/* ---- making messages -------------------------------------------------------------------- */

/* A message under construction; what does not fit makes anod_nl_end() fail, nothing is written
 * outside. */
struct anod_nl_put {
	uint8_t buf[ANOD_NL_MSG_MAX] __attribute__((aligned(8)));
	uint32_t len;
	uint32_t full; /* 1: something did not fit */
};

/* Begin with a header and 'size' (at most ANOD_NL_HEAD_MAX) zero bytes for the family's own header,
 * which are returned. */
void *anod_nl_begin(struct anod_nl_put *p, uint16_t type, uint16_t flags, size_t size);
/* The same for generic netlink. */
void anod_nl_begin_genl(struct anod_nl_put *p, const struct anod_nl_family *f, uint8_t cmd,
			uint16_t flags);
void anod_nl_attr(struct anod_nl_put *p, uint16_t type, const void *data, size_t size);
void anod_nl_u8(struct anod_nl_put *p, uint16_t type, uint8_t v);
void anod_nl_u16(struct anod_nl_put *p, uint16_t type, uint16_t v);
void anod_nl_u32(struct anod_nl_put *p, uint16_t type, uint32_t v);
void anod_nl_u64(struct anod_nl_put *p, uint16_t type, uint64_t v);
void anod_nl_text(struct anod_nl_put *p, uint16_t type, const char *text);
/* A nest ends with the offset that opening it gave. */
uint32_t anod_nl_nest(struct anod_nl_put *p, uint16_t type);
void anod_nl_nest_end(struct anod_nl_put *p, uint32_t nest);
/* The message, ready for anod_nl_ask(); NULL: something did not fit. */
const void *anod_nl_end(struct anod_nl_put *p);

#endif /* ANOD_NETLINK_H */
