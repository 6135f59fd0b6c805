/*
 * bench_table - 100,000 routes into a table of anod's own.
 *
 * Design.  In a network namespace of its own.  Contenders take turns on the same routes:
 *
 *   limit  200 prebuilt requests a send(), no ack: the least that the kernel allows
 *   anod   what the executor does with TABLE messages of 512 operations: checked, encoded, written
 *          in batches, refusals heard
 *
 * Each round opens the table, which empties it.  Each row is one line of JSON.
 *
 * usage: bench_table [ROUNDS]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/util.h"
#include "bench_row.h"
#include "exec/serve.h"
#include "exec/table.h"

#define ROUTES 100000u
#define ROUNDS 32u
#define T      TABLE_FIRST

static struct serve serve;
static struct exec_table m;
static struct exec_tabled got;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void) fprintf(stderr, "bench_table: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static double now_ms(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

static void row(const char *name, const char *who, double *v, unsigned n)
{
	char text[64];

	(void) snprintf(text, sizeof(text), "%s-100k", name);
	print_row("table", text, who, "ms", v, n);
}

static int keep(void *data, struct chan_head *head, size_t size)
{
	(void) data, (void) size;
	got = *(struct exec_tabled *) head;
	return 0;
}

static struct anod_prefix host(uint32_t i)
{
	struct anod_prefix p = { .family = AF_INET, .len = 32 };

	i = htonl(0x14000000u + i);
	memcpy(p.addr, &i, sizeof(i));
	return p;
}

static double ask(enum table_verb verb)
{
	double start = now_ms();

	m.head = (struct chan_head){ .type = EXEC_TABLE };
	m.head.size = (uint32_t) table_size(m.n_ops);
	m.verb = verb;
	m.table = T;
	must(serve_message(&serve, &m.head) == 0 && got.error == 0, got.why);
	return now_ms() - start;
}

static double fill_anod(void)
{
	double took = 0;

	memset(&m, 0, sizeof(m));
	m.n_ways = m.n_legs = 1;
	m.way[0] = (struct table_way){ .family = AF_INET, .n = 1 };
	m.leg[0] = (struct anod_leg){ .ifindex = 1, .weight = 1 };
	for (uint32_t i = 0; i < ROUTES;) {
		for (m.n_ops = 0; m.n_ops < TABLE_OPS && i < ROUTES; i++)
			m.op[m.n_ops++] = (struct table_op){ .dst = host(i) };
		took += ask(TABLE_WRITE);
	}
	memset(&m, 0, sizeof(m));
	return took;
}

static double fill_limit(int fd)
{
	static uint8_t buf[200 * 128] __attribute__((aligned(8)));
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };
	double took = 0, start;

	o.u.route = (struct anod_route){ .table = T,
					 .type = RTN_UNICAST,
					 .protocol = ANOD_RTPROT,
					 .scope = RT_SCOPE_LINK,
					 .n_legs = 1 };
	o.u.route.leg[0] = (struct anod_leg){ .ifindex = 1, .weight = 1 };
	for (uint32_t i = 0; i < ROUTES;) {
		size_t len = 0;

		for (unsigned k = 0; k < 200 && i < ROUTES; k++, i++) {
			uint8_t one[ANOD_NLMSG_MAX] __attribute__((aligned(8)));
			struct nlmsghdr *h = (struct nlmsghdr *) one;
			int n;

			o.u.route.dst = host(i);
			n = anod_rtnl_encode(ANOD_RTNL_SET, &o, NULL, one);
			must(n > 0 && n <= 128, "encode");
			h->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE;
			memcpy(buf + len, one, (size_t) n);
			len += NLMSG_ALIGN((size_t) n);
		}
		start = now_ms();
		must(send(fd, buf, len, 0) == (ssize_t) len, "send");
		took += now_ms() - start;
	}
	return took;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned) atoi(argv[1]) : 7;
	static double limit[ROUNDS], anod[ROUNDS], empty[ROUNDS];
	int fd;

	rounds = MIN_OF(MAX_OF(rounds, 1u), ROUNDS);
	if (unshare(CLONE_NEWNET) < 0 || system("ip link set lo up") != 0) {
		(void) fprintf(stderr, "bench_table: needs a network namespace of its own: %s\n",
			       strerror(errno));
		return 77;
	}
	must(kernel_open(&serve.kernel) == 0, "kernel_open");
	serve.reply = keep;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	must(fd >= 0, "socket");
	for (unsigned i = 0; i < rounds; i++) {
		(void) ask(TABLE_OPEN);
		limit[i] = fill_limit(fd);
		(void) ask(TABLE_OPEN);
		anod[i] = fill_anod();
		empty[i] = ask(TABLE_CLOSE);
		must(got.n_done == ROUTES, "not all routes were there");
	}
	row("write", "limit", limit, rounds);
	row("write", "anod", anod, rounds);
	row("empty", "anod", empty, rounds);
	serve_done(&serve);
	(void) close(fd);
	return EXIT_SUCCESS;
}
