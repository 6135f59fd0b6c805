/*
 * The sensor of drops: its decoder on messages built after uapi/linux/net_dropmon.h
 * (tests/fuzz/corpus/dropmon), and the sensor against whatever kernel this is.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <anod/netlink.h>

#include "unit/fake_host.h"

#include "plugins/dropmon/alerts.c"

static struct fake_host *host;

static void stop(void)
{
	if (host)
		host = fake_host_free(host);
}

TestSuite(dropmon, .fini = stop, .timeout = 60);

/* ---- messages ----------------------------------------------------------------------------- */

struct heard {
	unsigned n;
	uint64_t packets;
	char name[ANOD_NAME_SIZE]; /* the last one */
};

static void hear(void *data, const char *name, uint64_t packets)
{
	struct heard *h = data;

	h->n++;
	h->packets += packets;
	(void) snprintf(h->name, sizeof(h->name), "%s", name);
}

static struct nlmsghdr *load(const char *name)
{
	static uint8_t buf[4096] __attribute__((aligned(8)));
	char path[512];
	size_t n;
	FILE *f;

	(void) snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/dropmon/%s", SOURCE_DIR, name);
	f = fopen(path, "r");
	cr_assert(f, "%s", path);
	n = fread(buf, 1, sizeof(buf), f);
	(void) fclose(f);
	cr_assert(NLMSG_OK((struct nlmsghdr *) buf, n));
	return (struct nlmsghdr *) buf;
}

static int feed(const char *name, struct heard *ret)
{
	*ret = (struct heard){ 0 };
	return alert_parse(load(name), hear, ret);
}

Test(dropmon, a_drop_is_named_by_reason_or_symbol_or_place)
{
	struct heard h;

	cr_expect_eq(feed("reason", &h), 1);
	cr_expect_str_eq(h.name, "NO_SOCKET");
	cr_expect_eq(h.packets, 1);
	cr_expect_eq(feed("symbol", &h), 1);
	cr_expect_str_eq(h.name, "udp_rcv+0x5a/0x100__x_");
	cr_expect_eq(feed("place", &h), 1);
	cr_expect_str_eq(h.name, "0xffffffff81234567");
	cr_expect_eq(feed("summary", &h), 2);
	cr_expect_eq(h.packets, 10);
	cr_expect_str_eq(h.name, "0xffffffff8200");
}

Test(dropmon, what_is_no_software_drop_is_none)
{
	struct heard h;

	cr_expect_eq(feed("hardware", &h), 0);
	cr_expect_eq(feed("stats", &h), 0);
	cr_expect_eq(feed("nothing", &h), -EBADMSG);
	cr_expect_eq(feed("lying", &h), -EBADMSG);
	cr_expect_eq(h.n, 0);
}

Test(dropmon, the_kernel_tells_what_its_queue_lost)
{
	uint64_t lost = 0;

	cr_expect(alert_lost(load("stats"), &lost));
	cr_expect_eq(lost, 42);
	cr_expect_not(alert_lost(load("reason"), &lost));
}

Test(dropmon, a_cut_message_is_refused)
{
	struct nlmsghdr *m = load("summary");
	const uint32_t size = m->nlmsg_len;
	struct heard h = { 0 };
	uint64_t lost;

	for (m->nlmsg_len = NLMSG_HDRLEN; m->nlmsg_len < size; m->nlmsg_len++) {
		cr_expect(alert_parse(m, hear, &h) <= 0);
		cr_expect_not(alert_lost(m, &lost));
	}
	cr_expect_eq(h.n, 0);
}

/* ---- the sensor --------------------------------------------------------------------------- */

static bool said_or_published(struct fake_host *h, void *data)
{
	(void) data;
	return fake_host_entities(h, "drop") || fake_host_log(h)[0];
}

static void start(bool on)
{
	struct anod_value v = { .type = ANOD_BOOL, .u.i = on };

	host = fake_host_new("dropmon");
	fake_host_set(host, "on", &v);
	fake_host_set_int(host, "period", 100000, ANOD_UNIT_TIME);
	fake_host_set_int(host, "idle-period", 100000, ANOD_UNIT_TIME);
	cr_assert_eq(fake_host_start(host), 0);
}

Test(dropmon, nothing_is_asked_of_the_kernel_while_it_is_off)
{
	start(false);
	cr_expect_not(fake_host_wait(host, said_or_published, NULL, 300));
	cr_expect_eq(fake_host_need(host, "drop", NULL, 100000), 0);
}

/* To a port that nobody listens on. */
static void send_into_nothing(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void) sendto(fd, "x", 1, 0, (struct sockaddr *) &to, sizeof(to));
	(void) close(fd);
}

static bool udp_drop(struct fake_host *h, void *data)
{
	const struct anod_value *v = fake_host_fact(h, "drop", "NO_SOCKET", "packets");

	(void) data;
	send_into_nothing();
	return v && v->type == ANOD_INT && v->u.i > 0;
}

Test(dropmon, drops_are_published_or_it_is_said_what_is_needed)
{
	const struct anod_value *v;

	start(true);
	cr_assert(fake_host_wait(host, said_or_published, NULL, 10000));
	if (!fake_host_entities(host, "drop")) {
		cr_log_info("%s", fake_host_log(host));
		cr_assert(strstr(fake_host_log(host), "modprobe drop_monitor") ||
			  strstr(fake_host_log(host), "CAP_"));
		return;
	}
	cr_assert(fake_host_wait(host, udp_drop, NULL, 20000));
	v = fake_host_fact(host, "drop", "all", "lost");
	cr_assert(v && v->type == ANOD_INT);
	v = fake_host_fact(host, "drop", "NO_SOCKET", "lost");
	cr_assert(v && v->type == ANOD_UNKNOWN);
	/* It was stopped: the next one can configure it, and says nothing. */
	stop();
	start(true);
	cr_assert(fake_host_wait(host, said_or_published, NULL, 10000));
	cr_expect(fake_host_entities(host, "drop"));
	cr_expect_str_eq(fake_host_log(host), "");
}
