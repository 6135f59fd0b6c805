/*
 * The model against the kernel: random tables, rules and next-hop objects in a namespace of the
 * test's own; every look-up must end at the same route, before and after links go down.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/netlab.h"
#include "world.h"

#define LINKS	 3
#define DUMP_MAX 512

struct kernel_answer {
	int error; /* -errno, or 0 and the route */
	struct anod_object route;
};

static int open_socket(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	cr_assert(fd >= 0 && bind(fd, (struct sockaddr *) &a, sizeof(a)) == 0);
	return fd;
}

/* RTM_GETROUTE with RTM_F_FIB_MATCH: the entry that a packet to 'dst' meets. */
static struct kernel_answer ask_kernel(int fd, const struct anod_prefix *dst, uint32_t mark)
{
	struct {
		struct nlmsghdr h;
		struct rtmsg r;
		char attrs[64];
	} q = { .h = { .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST },
		.r = { .rtm_family = dst->family,
		       .rtm_dst_len = dst->family == AF_INET ? 32 : 128,
		       .rtm_flags = RTM_F_FIB_MATCH } };
	uint64_t buf[1024];
	struct nlmsghdr *h = (struct nlmsghdr *) buf;
	struct kernel_answer a = { 0 };
	struct rtattr *rta = (struct rtattr *) (void *) q.attrs;
	size_t n = dst->family == AF_INET ? 4 : 16;
	ssize_t got;
	bool gone;

	rta->rta_type = RTA_DST;
	rta->rta_len = (unsigned short) RTA_LENGTH(n);
	memcpy(RTA_DATA(rta), dst->addr, n);
	rta = (struct rtattr *) (void *) (q.attrs + RTA_ALIGN(rta->rta_len));
	rta->rta_type = RTA_MARK;
	rta->rta_len = (unsigned short) RTA_LENGTH(4);
	memcpy(RTA_DATA(rta), &mark, 4);
	q.h.nlmsg_len = (uint32_t) ((char *) rta - (char *) &q) + RTA_LENGTH(4);

	cr_assert(send(fd, &q, q.h.nlmsg_len, 0) == (ssize_t) q.h.nlmsg_len);
	got = recv(fd, buf, sizeof(buf), 0);
	cr_assert(got >= (ssize_t) NLMSG_HDRLEN);
	if (h->nlmsg_type == NLMSG_ERROR)
		a.error = ((struct nlmsgerr *) NLMSG_DATA(h))->error;
	else
		cr_assert(anod_rtnl_decode(h, &a.route, &gone) == 1);
	return a;
}

static struct model *read_kernel(void)
{
	static struct anod_object dump[DUMP_MAX];
	struct model *m = model_new();

	/* What is behind neighbours takes no part in forwarding. */
	for (int t = ANOD_OBJ_LINK; t <= ANOD_OBJ_NEIGH; t++) {
		unsigned n = netlab_dump((enum anod_obj_type) t, dump, DUMP_MAX);

		cr_assert(n < DUMP_MAX);
		cr_assert(model_sync(m, (enum anod_obj_type) t, ANOD_SYNC_BEGIN) == 0);
		for (unsigned i = 0; i < n; i++)
			cr_assert(model_put(m, &dump[i]) == 0);
		cr_assert(model_sync(m, (enum anod_obj_type) t, ANOD_SYNC_DONE) == 0);
	}
	return m;
}

/* ---- random tables ---------------------------------------------------------------------- */

static void say(FILE *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(FILE *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void) vfprintf(f, fmt, ap);
	va_end(ap);
}

static void random_leg(struct dice *d, FILE *f, const char *word)
{
	uint32_t i = 1 + dice_roll(d, LINKS);

	if (dice_roll(d, 2))
		say(f, " %s via 10.255.%u.2 dev e%u", word, i, i);
	else
		say(f, " %s dev e%u", word, i);
}

static void random_route(struct dice *d, FILE *f)
{
	static const char *const types[] = { "blackhole", "unreachable", "prohibit", "throw" };
	static const char *const nets[] = { "20.0.0.0/8",   "20.0.0.0/9",  "20.1.0.0/16",
					    "20.1.2.0/24",  "20.1.2.3/32", "0.0.0.0/0",
					    "20.128.0.0/9", "20.1.2.2/31", "21.0.0.0/8" };
	const char *net = nets[dice_roll(d, ARRAY_SIZE(nets))];
	uint32_t kind = dice_roll(d, 10), table = dice_roll(d, 3) ? 254 : 100 + dice_roll(d, 2);

	if (kind < 2) {
		say(f, "route add %s %s", types[dice_roll(d, 4)], net);
	} else if (kind < 4) {
		say(f, "route add %s nhid %u", net, 1 + dice_roll(d, 5));
	} else {
		say(f, "route add %s", net);
		if (kind < 6) {
			random_leg(d, f, "nexthop");
			random_leg(d, f, "nexthop");
		} else {
			random_leg(d, f, "");
		}
	}
	say(f, " table %u metric %u\n", table, dice_roll(d, 3) * 10);
}

static void random_route6(struct dice *d, FILE *f)
{
	static const char *const nets[] = { "2001:db8::/32", "2001:db8::/48", "2001:db8:1::/48",
					    "2001:db8::1/128", "::/0" };

	say(f, "-6 route add %s%s dev e%u metric %u\n", dice_roll(d, 5) ? "" : "blackhole ",
	    nets[dice_roll(d, ARRAY_SIZE(nets))], 1 + dice_roll(d, LINKS), 100 + dice_roll(d, 20));
}

static void random_rule(struct dice *d, FILE *f)
{
	static const char *const what[] = { "from all",		"fwmark 1",	   "to 20.1.0.0/16",
					    "not fwmark 1",	"from 10.0.0.0/8", "iif e1",
					    "not to 20.0.0.0/8" };
	static const char *const then[] = { "lookup 100", "lookup 101",
					    "lookup 100 suppress_prefixlength 0", "blackhole",
					    "prohibit" };

	say(f, "rule add %s pref %u %s\n", what[dice_roll(d, ARRAY_SIZE(what))],
	    1000 + dice_roll(d, 3) * 10, then[dice_roll(d, ARRAY_SIZE(then))]);
}

/* Lines that the kernel refuses (a second equal route) are passed over. */
static void random_tables(struct dice *d)
{
	FILE *f = popen("ip -force -batch - >/dev/null 2>&1", "w");

	cr_assert(f);
	for (unsigned i = 1; i <= LINKS; i++)
		say(f, "nexthop add id %u via 10.255.%u.2 dev e%u\n", i, i, i);
	say(f, "nexthop add id 4 group 1/2\nnexthop add id 5 group 2,200/3,1\n");
	for (unsigned i = 0; i < 25; i++)
		random_route(d, f);
	for (unsigned i = 0; i < 8; i++)
		random_route6(d, f);
	for (unsigned i = 0; i < dice_roll(d, 4); i++)
		random_rule(d, f);
	(void) pclose(f);
}

static void clear_tables(void)
{
	netlab_run("for t in 100 101 main; do ip route flush table $t; ip -6 route flush table $t; "
		   "done 2>/dev/null; ip nexthop flush >/dev/null 2>&1; ip rule flush; "
		   "ip rule add pref 0 lookup local 2>/dev/null; "
		   "ip rule add pref 32766 lookup main; ip rule add pref 32767 lookup default");
	for (unsigned i = 1; i <= LINKS; i++)
		netlab_run("ip link set e%u down; ip addr flush dev e%u; ip link set p%u up; "
			   "ip link set e%u up; ip addr add 10.255.%u.1/24 dev e%u",
			   i, i, i, i, i, i);
}

/* ---- comparison ------------------------------------------------------------------------- */

static void expect_same(int fd, const struct overlay *o, const char *dst, uint32_t mark,
			const char *when, unsigned round)
{
	struct flow_key k = { .dst = world_prefix(dst), .mark = mark };
	struct kernel_answer a = ask_kernel(fd, &k.dst, mark);
	const struct anod_route *want = &a.route.u.route, *got;
	char kernel[160], model[160];
	struct flow_path p;

	overlay_lookup(o, &k, &p);
	got = &p.route.u.route;
	(void) anod_object_text(&a.route, kernel, sizeof(kernel));
	(void) anod_object_text(&p.route, model, sizeof(model));
	if (a.error || want->type == RTN_BLACKHOLE || want->type == RTN_UNREACHABLE ||
	    want->type == RTN_PROHIBIT) {
		cr_assert(p.fate == FLOW_BLACKHOLE || p.fate == FLOW_PROHIBITED,
			  "round %u %s: to %s mark %u: kernel %s %s, model %s", round, when, dst,
			  mark, strerror(-a.error), kernel, model);
		return;
	}
	/* Until a rule is added the kernel keeps local and main in one trie and says "main". */
	cr_assert(p.route.type && (want->table == got->table || got->table == RT_TABLE_LOCAL) &&
			  want->metric == got->metric &&
			  memcmp(&want->dst, &got->dst, sizeof(want->dst)) == 0,
		  "round %u %s: to %s mark %u: kernel %s, model %s", round, when, dst, mark, kernel,
		  model);
}

static void compare(int fd, const struct overlay *o, const char *when, unsigned round)
{
	static const char *const dsts[] = { "20.0.0.1",	  "20.1.0.1",	"20.1.2.1",   "20.1.2.2",
					    "20.1.2.3",	  "20.200.0.1", "21.1.1.1",   "22.1.1.1",
					    "10.255.1.2", "10.255.2.1", "10.255.3.9", "127.0.0.1" };
	static const char *const dsts6[] = { "2001:db8::1", "2001:db8::2", "2001:db8:1::1",
					     "2001:db8:2::1", "2001:db9::1" };

	for (size_t i = 0; i < ARRAY_SIZE(dsts); i++)
		for (uint32_t mark = 0; mark < 2; mark++)
			expect_same(fd, o, dsts[i], mark, when, round);
	for (size_t i = 0; i < ARRAY_SIZE(dsts6); i++)
		expect_same(fd, o, dsts6[i], 0, when, round);
}

/* Asking for a link makes the kernel finish what it has put off about carriers. */
static void settle(uint32_t ifindex)
{
	struct anod_object key = { .type = ANOD_OBJ_LINK, .u.link.ifindex = ifindex }, link;

	cr_assert(netlab_get(&key, &link, NULL) == 0);
}

/* The overlay does to 'link' what 'ip link set' has done to the kernel. */
static void predict(struct overlay *o, uint32_t ifindex, bool up, bool carrier)
{
	struct anod_change c = { .has_pre = 1, .has_post = 1 };
	struct anod_object key = { .type = ANOD_OBJ_LINK, .u.link.ifindex = ifindex };

	cr_assert(overlay_get(o, &key, &c.pre) == 0);
	c.post = c.pre;
	c.post.u.link.flags =
		up ? c.post.u.link.flags | IFF_UP : c.post.u.link.flags & ~(unsigned) IFF_UP;
	c.post.u.link.carrier = carrier;
	cr_assert(overlay_apply(o, &c) == 0);
}

Test(lookup, ends_where_the_kernels_does, .timeout = 120)
{
	struct dice d = { dice_seed("lookup") };
	int fd;

	netlab_enter();
	for (unsigned i = 1; i <= LINKS; i++) {
		char e[8], p[8];

		(void) snprintf(e, sizeof(e), "e%u", i);
		(void) snprintf(p, sizeof(p), "p%u", i);
		netlab_veth(e, p);
	}
	fd = open_socket();
	for (unsigned round = 0; round < 15; round++) {
		_cleanup_(model_freep) struct model *m = NULL;
		_cleanup_(overlay_freep) struct overlay *o = NULL;
		uint32_t a = 1 + dice_roll(&d, LINKS), b = 1 + dice_roll(&d, LINKS);
		char name[8];

		clear_tables();
		random_tables(&d);
		m = read_kernel();
		o = overlay_new(m);
		compare(fd, o, "as it is", round);

		/* The carrier of one link, then another set down, then up again. */
		netlab_run("ip link set p%u down", a);
		(void) snprintf(name, sizeof(name), "e%u", a);
		settle(netlab_ifindex(name));
		predict(o, netlab_ifindex(name), true, false);
		(void) snprintf(name, sizeof(name), "p%u", a);
		predict(o, netlab_ifindex(name), false, false);
		compare(fd, o, "without carrier", round);
		netlab_run("ip link set e%u down", b);
		(void) snprintf(name, sizeof(name), "e%u", b);
		predict(o, netlab_ifindex(name), false, false);
		compare(fd, o, "with a link down", round);
		netlab_run("ip link set e%u up", b);
		settle(netlab_ifindex(name));
		predict(o, netlab_ifindex(name), true, a != b);
		compare(fd, o, "with the link up again", round);
	}
	(void) close(fd);
}
