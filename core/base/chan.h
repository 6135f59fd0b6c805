/*
 * chan - messages between the processes of anod.
 *
 * A SOCK_SEQPACKET socketpair with one fixed-size C struct per datagram, each starting with
 * struct chan_head.  Both ends belong to the same build, so structs cross as they are; a
 * receiver still checks size and every field, because the other process may be compromised.
 * 'anod run --single' keeps both ends in one loop; nothing else changes.
 *
 * Loop: callbacks come from sd-event, never from inside chan_send().  Sending never blocks: what
 * the socket does not take is queued up to CHAN_QUEUE_MAX bytes, then -ENOBUFS and the channel
 * is closed (on_close with -ENOBUFS), because a gap would be silent.
 */
#ifndef BASE_CHAN_H
#define BASE_CHAN_H

#include <systemd/sd-event.h>

#include "base/util.h"

#define CHAN_MSG_MAX   (192u << 10)
#define CHAN_QUEUE_MAX (8u << 20)

struct chan_head {
	uint32_t type;
	uint32_t size; /* of the whole message */
	uint64_t id;   /* of the request that it answers or names; else 0 */
};

struct chan;
/* 'msg' is 8-aligned and valid during the call.  < 0: the peer broke the protocol; the channel
 * is closed. */
typedef int chan_message_fn(void *data, const struct chan_head *msg);
/* Once; the peer is gone (0) or -errno.  The channel may be freed from inside. */
typedef void chan_close_fn(void *data, int error);

/* Two connected, non-blocking, close-on-exec descriptors with large buffers. */
int chan_pair(int ret_fd[2]);

/* Takes ownership of 'fd'. */
int chan_open(sd_event *loop, int fd, const char *name, chan_message_fn *on_message,
	      chan_close_fn *on_close, void *data, struct chan **ret);
struct chan *chan_free(struct chan *c); /* no callback follows */
DEFINE_CLEANUP(struct chan *, chan_free);

int chan_send(struct chan *c, const struct chan_head *msg);
/* Send head and a body that lies elsewhere, as one datagram; head->size is set here. */
int chan_send2(struct chan *c, struct chan_head *head, size_t head_size, const void *body,
	       size_t body_size);
/* Bytes that wait for the socket; who may send more than CHAN_QUEUE_MAX paces itself by it. */
size_t chan_queued(const struct chan *c);
int chan_fd(const struct chan *c);

#endif
