/*
 * kernel - read and write typed objects over one rtnetlink socket, synchronously.
 *
 * Design.  One raw socket without libnl's caches or its error codes, which hide causes: the
 * errno of the ack is what counts, and the kernel's own text goes with it.  Requests are numbered
 * and answers with another number are dropped, so a late answer to a request that was given up
 * is never taken for the present one.  A dump reports failure in NLMSG_DONE, not as an error
 * message; a dump that was given up leaves the socket busy, so the socket is then replaced
 * (kernel_open.c).
 */
#include "exec/kernel.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>

#include "base/clock.h"
#include "base/util.h"

#define BUF_SIZE     KERNEL_BUF_SIZE
#define DUMP_TRIES   8
#define EXT_ACK_TEXT 160

/* What a request makes of its answers. */
struct answers {
	/* An object, or NULL: begin again.  < 0 is kept as the result. */
	kernel_each_fn *each;
	kernel_only_fn *only;
	kernel_raw_fn *raw; /* instead of the two */
	void *data;
	bool dump;
	bool interrupted; /* by NLM_F_DUMP_INTR */
	int error;	  /* of 'each' or of decoding */
};

int kernel_fail(struct kernel *k, int error, const char *text)
{
	k->error = error;
	(void) snprintf(k->why, sizeof(k->why), "%s%s%s", strerror(-error), text[0] ? ": " : "",
			text);
	return error;
}

void kernel_why_about(struct kernel *k, const struct anod_change *c)
{
	const struct anod_object *o = c->has_post ? &c->post : &c->pre;
	char object[EXEC_WHY_SIZE], why[EXEC_WHY_SIZE];

	memcpy(why, k->why, sizeof(why));
	(void) anod_object_text(o, object, sizeof(object));
	if ((size_t) snprintf(k->why, sizeof(k->why), "%s: %s", object, why) < sizeof(k->why))
		return;

	/* The cause matters more than the end of the object. */
	(void) snprintf(k->why, sizeof(k->why), "%.100s...: %.150s", object, why);
}

/* NLMSG_DATA() without its loss of const. */
static const void *payload(const struct nlmsghdr *h)
{
	return (const uint8_t *) h + NLMSG_HDRLEN;
}

/* The kernel's own words from an ack or a NLMSG_DONE; "" where it has none. */
static void ext_ack_text(const struct nlmsghdr *h, char *ret, size_t size)
{
	size_t at = NLMSG_HDRLEN +
		    (h->nlmsg_type == NLMSG_ERROR ? sizeof(struct nlmsgerr) : sizeof(int));
	const struct nlmsgerr *e = payload(h);
	const struct nlattr *a;

	ret[0] = '\0';
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;

	/* Without NLM_F_CAPPED the request stands between the header and the attributes. */
	if (h->nlmsg_type == NLMSG_ERROR && !(h->nlmsg_flags & NLM_F_CAPPED) &&
	    e->msg.nlmsg_len >= NLMSG_HDRLEN)
		at += NLMSG_ALIGN(e->msg.nlmsg_len) - NLMSG_HDRLEN;
	if (at >= h->nlmsg_len)
		return;

	a = nla_find((const struct nlattr *) ((const char *) h + at), (int) (h->nlmsg_len - at),
		     NLMSGERR_ATTR_MSG);
	if (a)
		(void) snprintf(ret, size, "%.*s", nla_len(a), (const char *) nla_data(a));
}

/* An ack or the end of a dump: 0, or the kernel's -errno. */
static int take_end(struct kernel *k, const struct nlmsghdr *h)
{
	bool ack = h->nlmsg_type == NLMSG_ERROR;
	char text[EXT_ACK_TEXT];
	int error = 0;

	if (h->nlmsg_len < NLMSG_HDRLEN + (ack ? sizeof(struct nlmsgerr) : sizeof(int)))
		return ack ? kernel_fail(k, -EBADMSG, "short ack from the kernel") : 0;

	memcpy(&error, payload(h), sizeof(error));
	if (error >= 0)
		return 0;

	ext_ack_text(h, text, sizeof(text));
	return kernel_fail(k, error, text);
}

static void take_object(struct answers *a, const struct nlmsghdr *h)
{
	struct anod_object obj;
	bool gone;
	int r;

	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		a->interrupted = true;
	if (a->raw && a->error >= 0)
		a->error = MIN_OF(a->raw(a->data, h), 0);
	if (!a->each || a->error < 0 || (a->only && !a->only(a->data, h)))
		return;

	r = anod_rtnl_decode(h, &obj, &gone);
	if (r > 0 && !gone)
		r = a->each(a->data, &obj);
	if (r < 0)
		a->error = r;
}

/* One datagram.  1: more must follow, 0: complete, -errno. */
static int take_datagram(struct kernel *k, size_t n, struct answers *a)
{
	size_t at = 0;

	while (n - at >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *h = (const struct nlmsghdr *) (k->buf + at);

		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > n - at)
			return kernel_fail(k, -EBADMSG, "the kernel sent a torn message");
		at += MIN_OF(NLMSG_ALIGN((size_t) h->nlmsg_len), n - at);

		if (h->nlmsg_seq != k->seq)
			continue;

		if (h->nlmsg_type == NLMSG_DONE && h->nlmsg_flags & NLM_F_DUMP_INTR)
			a->interrupted = true;
		if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE)
			return take_end(k, h);
		if (h->nlmsg_type == NLMSG_NOOP || h->nlmsg_type == NLMSG_OVERRUN)
			continue;

		take_object(a, h);
		if ((a->each || a->raw) && !a->dump)
			return 0;
	}

	return 1;
}

static int receive(struct kernel *k, struct answers *a)
{
	uint64_t until = clock_boot_us() + KERNEL_WAIT_MS * US_PER_MS;
	int r;

	do {
		struct sockaddr_nl peer = { 0 };
		socklen_t peer_size = sizeof(peer);
		ssize_t n = recvfrom(k->fd, k->buf, BUF_SIZE, MSG_TRUNC, (struct sockaddr *) &peer,
				     &peer_size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return kernel_fail(k, -errno, "reading the kernel's answer");
		if ((size_t) n > BUF_SIZE)
			return kernel_fail(k, -EMSGSIZE,
					   "the kernel's answer is longer than 64 KiB");

		if (peer.nl_pid != 0)
			continue;

		r = take_datagram(k, (size_t) n, a);
		if (r <= 0)
			return r;
		if (a->dump)
			until = clock_boot_us() + KERNEL_WAIT_MS * US_PER_MS;
	} while (clock_boot_us() < until);

	return kernel_fail(k, -ETIMEDOUT, "no answer from the kernel within 2 s");
}

/* Send and take the answers.  'flags' are added to the request's. */
static int ask(struct kernel *k, const void *msg, size_t len, uint16_t flags, struct answers *a)
{
	union {
		struct nlmsghdr h;
		uint8_t room[ANOD_NLMSG_MAX];
	} out;
	ssize_t n;
	int r;

	if (k->fd < 0)
		return kernel_fail(k, -EBADF, "there is no netlink socket");
	if (len < sizeof(out.h) || len > sizeof(out.room))
		return kernel_fail(k, -EINVAL, "a request of impossible length");

	memcpy(&out, msg, len);
	if (out.h.nlmsg_len != len)
		return kernel_fail(k, -EINVAL, "a request that is not one netlink message");
	out.h.nlmsg_flags |= NLM_F_REQUEST | flags;
	out.h.nlmsg_seq = ++k->seq;
	out.h.nlmsg_pid = 0;
	a->dump = (out.h.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;

	do
		n = send(k->fd, &out, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return kernel_fail(k, -errno, "sending to the kernel");

	r = receive(k, a);
	if (r < 0 && a->dump)
		kernel_replace_socket(k);
	return r;
}

int kernel_send(struct kernel *k, const void *msg, size_t len)
{
	struct answers a = { 0 };
	struct nlmsghdr h;

	if (len >= sizeof(h)) {
		memcpy(&h, msg, sizeof(h));
		if (anod_own_is(&h))
			return kernel_own_send(k, msg, len);
	}
	return ask(k, msg, len, NLM_F_ACK, &a);
}

int kernel_ask(struct kernel *k, const void *msg, size_t len, kernel_raw_fn *each, void *data)
{
	struct answers a = { .raw = each, .data = data };
	int r = ask(k, msg, len, 0, &a);

	if (r < 0)
		return r;
	if (a.interrupted)
		return kernel_fail(k, -EAGAIN, "the kernel's table changed during the dump");
	return a.error < 0 ? kernel_fail(k, a.error, "reading what the kernel has") : 0;
}

/* A datagram with refusals of requests 'first' and later.  1: more must follow, 0: the last one has
 * its ack. */
static int take_refusals(struct kernel *k, size_t size, uint32_t first, kernel_refused_fn *refused,
			 void *data)
{
	size_t at = 0;

	while (size - at >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *h = (const struct nlmsghdr *) (k->buf + at);

		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > size - at)
			return kernel_fail(k, -EBADMSG, "the kernel sent a torn message");
		at += MIN_OF(NLMSG_ALIGN((size_t) h->nlmsg_len), size - at);
		if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq - first > k->seq - first)
			continue;
		if (take_end(k, h) < 0)
			refused(data, h->nlmsg_seq - first);
		if (h->nlmsg_seq == k->seq)
			return 0;
	}
	return 1;
}

int kernel_send_many(struct kernel *k, void *buf, size_t len, unsigned n,
		     kernel_refused_fn *refused, void *data)
{
	uint64_t until = clock_boot_us() + KERNEL_WAIT_MS * US_PER_MS;
	uint32_t first = k->seq + 1;
	size_t at = 0;
	ssize_t got;

	if (k->fd < 0)
		return kernel_fail(k, -EBADF, "there is no netlink socket");
	for (unsigned i = 0; i < n; i++) {
		struct nlmsghdr *h = (struct nlmsghdr *) ((uint8_t *) buf + at);

		h->nlmsg_seq = ++k->seq;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	do
		got = send(k->fd, buf, len, MSG_NOSIGNAL);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return kernel_fail(k, -errno, "sending to the kernel");

	do {
		struct sockaddr_nl peer = { 0 };
		socklen_t peer_size = sizeof(peer);

		got = recvfrom(k->fd, k->buf, BUF_SIZE, 0, (struct sockaddr *) &peer, &peer_size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			break;
		if (got < 0)
			return kernel_fail(k, -errno, "reading the kernel's answer");
		if (peer.nl_pid == 0) {
			int r = take_refusals(k, (size_t) got, first, refused, data);

			if (r <= 0)
				return r;
		}
	} while (clock_boot_us() < until);

	return kernel_fail(k, -ETIMEDOUT, "no answer from the kernel within 2 s");
}

int kernel_dump(struct kernel *k, const void *msg, size_t len, kernel_each_fn *each,
		kernel_only_fn *only, void *data)
{
	for (int i = 0; i < DUMP_TRIES; i++) {
		struct answers a = { .each = each, .only = only, .data = data };
		int r;

		r = each(data, NULL);
		if (r < 0)
			return r;

		r = ask(k, msg, len, 0, &a);
		if (r < 0)
			return r;
		if (a.error < 0 && !a.interrupted)
			return kernel_fail(k, a.error, "reading what the kernel has");
		if (!a.interrupted)
			return 0;
	}

	return kernel_fail(k, -EAGAIN, "the kernel's table changed during every one of 8 dumps");
}
