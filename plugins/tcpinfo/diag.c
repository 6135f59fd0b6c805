/*
 * diag - sock_diag's messages about TCP sockets, taken apart and made.
 *
 * Design.  The request carries a program of two instructions that runs in the kernel on each
 * socket: programs of a host that talk to one another over 127.0.0.0/8 or ::1 are often most of
 * its sockets, and none of them crosses a link.  struct tcp_info has grown with nearly every kernel
 * and only at its end, so what an older kernel does not send is read as zero, and the parts that the
 * counters need are required.  A socket that was opened as IPv6 and speaks IPv4 is shown as
 * what it speaks.
 */
#include "diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <stddef.h>
#include <string.h>

/* States of net/tcp_states.h in which sent data may be under way. */
enum { ESTABLISHED = 1, FIN_WAIT1 = 4, CLOSE_WAIT = 8, LAST_ACK = 9, CLOSING = 11 };
#define STATES                                                                                     \
	(1u << ESTABLISHED | 1u << FIN_WAIT1 | 1u << CLOSE_WAIT | 1u << LAST_ACK | 1u << CLOSING)

/* The begin of struct tcp_info of uapi/linux/tcp.h.  That header and glibc's, which libnl includes and
 * which ends at total_retrans, do not go together in one file. */
struct info {
	uint8_t state, ca_state, retransmits, probes, backoff, options, wscale;
	uint8_t rate_app_limited; /* bit 0 */
	uint32_t rto, ato, snd_mss, rcv_mss;
	uint32_t unacked, sacked, lost, retrans, fackets;
	uint32_t last_data_sent, last_ack_sent, last_data_recv, last_ack_recv;
	uint32_t pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering;
	uint32_t rcv_rtt, rcv_space, total_retrans;
	uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
	uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
	uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
	uint32_t delivered, delivered_ce;
	uint64_t bytes_sent, bytes_retrans;
	uint32_t dsack_dups, reord_seen;
};
_Static_assert(offsetof(struct info, total_retrans) == 100 &&
		       offsetof(struct info, delivery_rate) == 160 &&
		       offsetof(struct info, bytes_retrans) == 208,
	       "as in the kernel");

#define END(member) (offsetof(struct info, member) + sizeof(((struct info *) 0)->member))

static void address(uint8_t family, const uint32_t from[4], struct anod_prefix *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *bytes = (const uint8_t *) from;

	*ret = (struct anod_prefix){ .family = AF_INET, .len = 32 };
	if (family == AF_INET6 && memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		memcpy(ret->addr, bytes + sizeof(mapped), 4);
	} else if (family == AF_INET6) {
		*ret = (struct anod_prefix){ .family = AF_INET6, .len = 128 };
		memcpy(ret->addr, bytes, 16);
	} else {
		memcpy(ret->addr, bytes, 4);
	}
}

static void take_info(const struct info *i, struct sample *ret)
{
	ret->ca_state = i->ca_state;
	ret->retransmits = i->retransmits;
	ret->backoff = i->backoff;
	ret->app_limited = i->rate_app_limited & 1;
	ret->snd_mss = i->snd_mss;
	ret->pmtu = i->pmtu;
	ret->unacked = i->unacked;
	ret->sacked = i->sacked;
	ret->lost = i->lost;
	ret->rtt = i->rtt;
	ret->min_rtt = i->min_rtt;
	ret->retrans = i->total_retrans;
	ret->segs_in = i->segs_in;
	ret->segs_out = i->data_segs_out;
	ret->dsacks = i->dsack_dups;
	ret->bytes_acked = i->bytes_acked;
	ret->bytes_sent = i->bytes_sent;
	ret->bytes_retrans = i->bytes_retrans;
	ret->delivery_rate = i->delivery_rate;
}

bool diag_parse(const struct nlmsghdr *msg, struct sample *ret)
{
	struct nlattr *tb[INET_DIAG_MAX + 1] = { 0 };
	struct inet_diag_msg m;
	struct info info = { 0 };
	size_t size;

	if (msg->nlmsg_type != SOCK_DIAG_BY_FAMILY || msg->nlmsg_len < NLMSG_LENGTH(sizeof(m)))
		return false;
	memcpy(&m, (const uint8_t *) msg + NLMSG_HDRLEN, sizeof(m));
	if (m.idiag_family != AF_INET && m.idiag_family != AF_INET6)
		return false;
	if (nla_parse(tb, INET_DIAG_MAX,
		      (struct nlattr *) ((uint8_t *) (uintptr_t) msg + NLMSG_SPACE(sizeof(m))),
		      (int) (msg->nlmsg_len - NLMSG_LENGTH(sizeof(m))), NULL) < 0 ||
	    !tb[INET_DIAG_INFO])
		return false;
	size = (size_t) nla_len(tb[INET_DIAG_INFO]);
	if (size < END(data_segs_out))
		return false;
	memcpy(&info, nla_data(tb[INET_DIAG_INFO]), size < sizeof(info) ? size : sizeof(info));

	*ret = (struct sample){ .cookie = (uint64_t) m.id.idiag_cookie[1] << 32 |
					  m.id.idiag_cookie[0],
				.ifindex = m.id.idiag_if,
				.uid = m.idiag_uid,
				.state = m.idiag_state,
				.sport = ntohs(m.id.idiag_sport),
				.dport = ntohs(m.id.idiag_dport),
				.has_bytes = size >= END(bytes_retrans) };
	address(m.idiag_family, m.id.idiag_src, &ret->src);
	address(m.idiag_family, m.id.idiag_dst, &ret->dst);
	take_info(&info, ret);
	return true;
}

/* "Is the peer's address in this block?  Then go on to the jump, else to the end: yes."  The kernel
 * checks that going on leads to the end exactly, so "no" is a jump to four bytes behind it. */
struct filter {
	struct inet_diag_bc_op op;
	uint8_t family, prefix_len, pad[2]; /* struct inet_diag_hostcond, whose end is open */
	int32_t port;
	uint32_t addr[4];
};

static void add_filter(struct anod_nl_put *p, uint8_t family)
{
	struct inet_diag_bc_op no = { .code = INET_DIAG_BC_JMP, .yes = 4, .no = 8 };
	size_t size = offsetof(struct filter, addr) + (family == AF_INET6 ? 16 : 4);
	struct filter f = {
		.op = { .code = INET_DIAG_BC_D_COND,
			.yes = (uint8_t) size,
			.no = (uint16_t) (size + sizeof(no)) },
		.family = family,
		.prefix_len = 8,
		.port = -1,
	};
	uint8_t program[sizeof(f) + sizeof(no)];

	f.addr[0] = htonl(INADDR_LOOPBACK);
	if (family == AF_INET6) {
		f.prefix_len = 128;
		memcpy(f.addr, &in6addr_loopback, 16);
	}
	memcpy(program, &f, size);
	memcpy(program + size, &no, sizeof(no));
	anod_nl_attr(p, INET_DIAG_REQ_BYTECODE, program, size + sizeof(no));
}

const void *diag_request(struct anod_nl_put *p, uint8_t family)
{
	struct inet_diag_req_v2 *req =
		anod_nl_begin(p, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, sizeof(*req));

	req->sdiag_family = family;
	req->sdiag_protocol = IPPROTO_TCP;
	req->idiag_ext = 1 << (INET_DIAG_INFO - 1);
	req->idiag_states = STATES;
	add_filter(p, family);
	return anod_nl_end(p);
}
