/* Netlink sockets of others: the file, whose they are, and the sensor on this kernel. */
#include <criterion/criterion.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/fake_host.h"

#include "plugins/sockets/owner.c"
#include "plugins/sockets/parse.c"

Test(sockets, columns_are_found_by_their_heading)
{
	const char *at =
		"sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    "
		"Drops    Inode\n"
		"000000008ca78938 0   123        00000441 512      0        0     2        7  "
		"      476\n"
		"000000008ca78938 16  4026531840 00000000 0        0        0     2        0\n"
		"000000008ca78938 99  1 0 0 0 0 0 0 0\n"
		"000000008ca78938 4   4294963196 80000000 0 0 0 2 18446744073709551615 9\n"
		"000000008ca78938 15  4294963196 80000000 0 0 0 2 3 9 new\n";
	struct nl_heading h;
	struct nl_line l;
	char buf[16];

	cr_assert(nl_heading(&at, &h));
	cr_assert(nl_next(&at, &h, &l));
	cr_expect(l.protocol == 0 && l.port == 123 && l.groups == 0x441 && l.rmem == 512);
	cr_expect(l.drops == 7 && l.inode == 476);
	cr_assert(nl_next(&at, &h, &l));
	cr_expect(l.protocol == 15 && l.drops == 3 && l.inode == 9,
		  "cut or strange lines are skipped");
	cr_expect(!nl_next(&at, &h, &l));

	at = "Drops sk Pid Eth Inode More Groups Rmem\n5 x 77 4 1 z 1 2\n";
	cr_assert(nl_heading(&at, &h) && nl_next(&at, &h, &l));
	cr_expect(l.drops == 5 && l.port == 77 && l.protocol == 4 && l.inode == 1 && l.rmem == 2);
	at = "sk Eth Pid Groups Rmem Inode\n";
	cr_expect(!nl_heading(&at, &h), "no drops");
	at = "";
	cr_expect(!nl_heading(&at, &h));

	cr_expect_str_eq(nl_protocol(NETLINK_ROUTE, buf, sizeof(buf)), "ROUTE");
	cr_expect_str_eq(nl_protocol(NETLINK_NETFILTER, buf, sizeof(buf)), "NETFILTER");
	cr_expect_str_eq(nl_protocol(31, buf, sizeof(buf)), "31");
}

Test(sockets, an_owner_is_told_by_the_address_or_not_at_all)
{
	struct nl_line l = { .port = (uint32_t) getpid() };
	char name[COMM_SIZE] = "a/b c\"\x7f";
	struct owner o;

	owner_clean(name);
	cr_expect_str_eq(name, "a_b_c__");
	name[0] = '\0';
	owner_clean(name);
	cr_expect_str_eq(name, "unknown");

	(void) prctl(PR_SET_NAME, "some daemon");
	owner_find(&l, &o);
	cr_expect(o.pid == getpid() && !o.own);
	cr_expect_str_eq(o.name, "some daemon");
	l.port |= 5u << 22; /* as libnl makes them */
	owner_find(&l, &o);
	cr_expect_eq(o.pid, getpid());
	l.port = 0xfffff000;
	owner_find(&l, &o);
	cr_expect(!o.pid && !o.name[0], "the kernel's own choice says nothing");
	(void) prctl(PR_SET_NAME, "anod: exec");
	l.port = (uint32_t) getpid();
	owner_find(&l, &o);
	cr_expect(o.own);
	cr_expect(owner_is_daemon("zebra") && owner_is_daemon("bird") && !owner_is_daemon("bash"));
}

/* A daemon that listens to links and never reads. */
static pid_t listener(const char *name, int *ret_wake)
{
	int ready[2], wake[2];
	char c;
	pid_t pid;

	cr_assert(pipe(ready) == 0 && pipe(wake) == 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		struct sockaddr_nl self = { .nl_family = AF_NETLINK,
					    .nl_pid = (uint32_t) getpid(),
					    .nl_groups = RTMGRP_LINK };
		int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

		(void) prctl(PR_SET_NAME, name);
		if (bind(fd, (struct sockaddr *) &self, sizeof(self)) < 0 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		close(wake[1]);
		(void) !read(wake[0], &c, 1);
		_exit(0);
	}
	close(ready[1]);
	close(wake[0]);
	cr_assert_eq(read(ready[0], &c, 1), 1);
	close(ready[0]);
	*ret_wake = wake[1];
	return pid;
}

static bool is_there(struct fake_host *h, void *data)
{
	const struct anod_value *v = fake_host_fact(h, "nlsock", data, "drops");

	return v && v->type == ANOD_INT;
}

static bool is_gone(struct fake_host *h, void *data)
{
	return fake_host_fact(h, "nlsock", data, "drops") == NULL;
}

Test(sockets, a_daemon_that_listens_is_seen_by_its_name_until_it_ends, .timeout = 60)
{
	struct fake_host *host = fake_host_new("sockets");
	const struct anod_value *v;
	int wake;
	pid_t pid = listener("some/daemon", &wake);

	cr_assert_eq(fake_host_start(host), 0);
	cr_assert_eq(fake_host_need(host, "nlsock", NULL, 100000), 0);
	cr_assert(fake_host_wait(host, is_there, (void *) "some_daemon/ROUTE", 10000));
	v = fake_host_fact(host, "nlsock", "some_daemon/ROUTE", "pid");
	cr_assert(v && v->u.i == pid);
	v = fake_host_fact(host, "nlsock", "some_daemon/ROUTE", "process");
	cr_assert(v && strcmp(v->u.text, "some/daemon") == 0 && v->flags == ANOD_VALUE_OUTSIDE);
	v = fake_host_fact(host, "nlsock", "some_daemon/ROUTE", "groups");
	cr_assert(v && v->u.i == RTMGRP_LINK);
	v = fake_host_fact(host, "nlsock", "some_daemon/ROUTE", "own");
	cr_assert(v && v->u.i == 0);
	close(wake);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_assert(fake_host_wait(host, is_gone, (void *) "some_daemon/ROUTE", 10000));
	fake_host_free(host);
}
