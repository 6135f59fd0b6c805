/* The rtnetlink socket: what the kernel says is kept, and what it never says is not waited for. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "unit/execlab.h"
#include "unit/netlab.h"

static struct serve s;

static int set(struct kernel *k, const struct anod_object *o)
{
	uint32_t msg[ANOD_NLMSG_MAX / 4];
	int n = anod_rtnl_encode(ANOD_RTNL_SET, o, NULL, msg);

	cr_assert_gt(n, 0);
	return kernel_send(k, msg, (size_t) n);
}

Test(kernel, errno_and_the_kernels_own_words_are_kept)
{
	struct anod_object o;
	struct anod_change c;
	struct kernel *k = &s.kernel;

	lab_open(&s);
	o = lab_route("192.0.2.0/24", 5, "172.31.9.9", "wan0");
	cr_assert_eq(set(k, &o), -ENETUNREACH);
	cr_assert_eq(k->error, -ENETUNREACH);
	cr_assert_str_eq(k->why, "Network is unreachable: Nexthop has invalid gateway");

	c = lab_change(NULL, &o);
	kernel_why_about(k, &c);
	cr_assert(strstr(k->why, "192.0.2.0/24") == k->why + strlen("route main "), "%s", k->why);
	cr_assert(strstr(k->why, "invalid gateway"), "%s", k->why);

	/* However long the object, the cause stays. */
	memset(k->why, 'x', sizeof(k->why) - 1);
	memcpy(k->why, "cause", 5);
	kernel_why_about(k, &c);
	cr_assert(strstr(k->why, "cause"), "%s", k->why);
	serve_done(&s);
}

Test(kernel, one_object_is_found_whatever_hides_it)
{
	struct kernel *k = &s.kernel;
	struct anod_object o[6], now;

	lab_open(&s);
	o[0] = lab_route("0.0.0.0/0", 0, "10.0.0.2", "wan0");	/* by look-up */
	o[1] = lab_route("0.0.0.0/0", 100, "10.0.1.2", "wan1"); /* behind a better metric */
	o[2] = lab_route("192.0.2.0/24", 5, "10.0.0.2", "wan0");
	o[3] = lab_route("192.0.2.0/25", 5, "10.0.1.2", "wan1"); /* hides the one before */
	o[4] = lab_route("2001:db8:1::/48", 7, "2001:db8::2", "wan0");
	o[5] = lab_route("::/0", 1024, "2001:db8::2", "wan0");
	for (unsigned i = 0; i < 6; i++) {
		char text[256];

		anod_object_text(&o[i], text, sizeof(text));
		cr_assert_eq(kernel_get(k, &o[i], &now), -ENOENT, "%s", text);
		cr_assert_eq(set(k, &o[i]), 0, "%s: %s", text, k->why);
	}
	for (unsigned i = 0; i < 6; i++) {
		cr_assert_eq(kernel_get(k, &o[i], &now), 0);
		cr_assert(anod_object_matches(&now, &o[i], NULL));
	}

	now = o[2];
	now.u.route.table = 4242; /* the kernel has no such table */
	cr_assert_eq(kernel_get(k, &now, &now), -ENOENT);
	cr_assert_eq(k->view.get(&k->view, &o[1], &now), 0);
	serve_done(&s);
}

Test(kernel, a_name_gives_an_index_or_an_error)
{
	struct anod_view *v = &s.kernel.view;

	lab_open(&s);
	cr_assert_eq(v->ifindex(v, "wan0"), (int) netlab_ifindex("wan0"));
	cr_assert_eq(v->ifindex(v, "nowhere"), -ENODEV);
	cr_assert_eq(v->ifindex(v, ""), -ENODEV);
	cr_assert_eq(v->ifindex(v, "a-name-that-is-too-long"), -ENODEV);
	serve_done(&s);
	cr_assert_eq(v->ifindex(v, "wan0"), -EBADF);
}

Test(kernel, requests_that_are_no_single_message_are_not_sent)
{
	struct kernel *k = &s.kernel;
	struct {
		struct nlmsghdr h;
		uint8_t rest[ANOD_NLMSG_MAX];
	} m = { .h = { .nlmsg_len = 32 } };

	lab_open(&s);
	cr_assert_eq(kernel_send(k, &m, 0), -EINVAL);
	cr_assert_eq(kernel_send(k, &m, 15), -EINVAL);
	cr_assert_eq(kernel_send(k, &m, 31), -EINVAL);
	cr_assert_eq(kernel_send(k, &m, sizeof(m)), -EINVAL);
	kernel_close(k);
	cr_assert_eq(kernel_send(k, &m, 32), -EBADF);
	cr_assert(strstr(k->why, "no netlink socket"), "%s", k->why);
	serve_done(&s);
}

/* A kernel played by the other end of a socket pair. */
struct played {
	struct kernel k;
	int fd;
};

static void play(struct played *p)
{
	struct timeval limit = { .tv_usec = 20000 };
	int fd[2];

	cr_assert_eq(kernel_open(&p->k), 0);
	close(p->k.fd);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
	cr_assert_eq(setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	p->k.fd = fd[0];
	p->fd = fd[1];
}

static void say(const struct played *p, uint16_t type, uint16_t flags, uint32_t seq, int error,
		size_t len)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		uint8_t room[64];
	} m = { .h = { .nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = seq } };

	m.h.nlmsg_len = (uint32_t) len;
	m.e.error = error;
	cr_assert_gt(send(p->fd, &m, len, 0), 0);
}

static const struct nlmsghdr set_request = { .nlmsg_len = 16, .nlmsg_type = RTM_NEWROUTE };
static const struct nlmsghdr dump_request = { .nlmsg_len = 16,
					      .nlmsg_type = RTM_GETROUTE,
					      .nlmsg_flags = NLM_F_DUMP };
#define ACK_LEN (NLMSG_HDRLEN + sizeof(struct nlmsgerr))

static int count_starts(void *data, const struct anod_object *o)
{
	*(unsigned *) data += o == NULL;
	return 0;
}

Test(kernel, answers_out_of_turn_are_dropped_and_torn_ones_refused)
{
	static struct played p;
	unsigned starts = 0;

	play(&p);
	say(&p, NLMSG_ERROR, 0, 77, -EPERM, ACK_LEN); /* of a request that was given up */
	say(&p, NLMSG_ERROR, 0, 1, 0, ACK_LEN);
	cr_assert_eq(kernel_send(&p.k, &set_request, 16), 0);

	say(&p, NLMSG_ERROR, 0, 2, -EEXIST, ACK_LEN);
	cr_assert_eq(kernel_send(&p.k, &set_request, 16), -EEXIST);
	say(&p, NLMSG_ERROR, 0, 3, -EEXIST, NLMSG_HDRLEN + 2);
	cr_assert_eq(kernel_send(&p.k, &set_request, 16), -EBADMSG);
	say(&p, NLMSG_ERROR, NLM_F_ACK_TLVS | NLM_F_CAPPED, 4, -EINVAL, ACK_LEN + 3);
	cr_assert_eq(kernel_send(&p.k, &set_request, 16), -EINVAL);

	/* A dump that was interrupted begins again; its error stands in NLMSG_DONE. */
	say(&p, NLMSG_DONE, NLM_F_DUMP_INTR, 5, 0, NLMSG_HDRLEN + 4);
	say(&p, NLMSG_DONE, 0, 6, 0, NLMSG_HDRLEN + 4);
	cr_assert_eq(kernel_dump(&p.k, &dump_request, 16, count_starts, NULL, &starts), 0);
	cr_assert_eq(starts, 2);
	say(&p, RTM_NEWROUTE, NLM_F_MULTI, 7, 0, NLMSG_HDRLEN + 4); /* too short to decode */
	say(&p, NLMSG_DONE, 0, 7, 0, NLMSG_HDRLEN + 4);
	cr_assert_eq(kernel_dump(&p.k, &dump_request, 16, count_starts, NULL, &starts), -EBADMSG);
	for (uint32_t seq = 8; seq < 16; seq++)
		say(&p, NLMSG_DONE, NLM_F_DUMP_INTR, seq, 0, NLMSG_HDRLEN + 4);
	cr_assert_eq(kernel_dump(&p.k, &dump_request, 16, count_starts, NULL, &starts), -EAGAIN);
	say(&p, NLMSG_DONE, 0, 16, -ENOBUFS, NLMSG_HDRLEN + 4);
	cr_assert_eq(kernel_dump(&p.k, &dump_request, 16, count_starts, NULL, &starts), -ENOBUFS);
	kernel_close(&p.k);
	close(p.fd);
}

Test(kernel, a_lost_answer_is_not_waited_for)
{
	static struct played p;
	uint64_t start = clock_boot_us();

	play(&p);
	cr_assert_eq(kernel_send(&p.k, &set_request, 16), -ETIMEDOUT);
	cr_assert_lt(clock_boot_us() - start, (KERNEL_WAIT_MS + 1000) * US_PER_MS);
	cr_assert(strstr(p.k.why, "no answer"), "%s", p.k.why);
	kernel_close(&p.k);
	close(p.fd);
}
