/* Probes of a size: whether large packets pass, said without the kernel's idea of the path MTU. */
#include "fake_agent_host.h"

#include "unit/netlab.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct anod_action request(int64_t size, const char *proto)
{
	struct anod_action a = { .size = sizeof(a), .kind = "probe", .n_args = 5 };

	strcpy(a.arg[0].name, "dev");
	a.arg[0].value = (struct anod_value){ .type = ANOD_TEXT, .u.text = "tcp0" };
	strcpy(a.arg[1].name, "target");
	a.arg[1].value = fake_address("10.9.0.1");
	strcpy(a.arg[2].name, "every");
	a.arg[2].value = (struct anod_value){ .type = ANOD_INT, .u.i = 50000 };
	strcpy(a.arg[3].name, "timeout");
	a.arg[3].value = (struct anod_value){ .type = ANOD_INT, .u.i = 300000 };
	strcpy(a.arg[4].name, "size");
	a.arg[4].value = (struct anod_value){ .type = ANOD_INT, .u.i = size };
	if (proto) {
		strcpy(a.arg[5].name, "proto");
		a.arg[5].value.type = ANOD_TEXT;
		strcpy(a.arg[5].value.u.text, proto);
		a.n_args = 6;
	}
	return a;
}

static int64_t counter(struct fake *f, int64_t size, const char *attr)
{
	char name[64];

	(void) snprintf(name, sizeof(name), "tcp0/10.9.0.1/size/%lld", (long long) size);
	return fake_get(f, "probe", name, attr).u.i;
}

static bool said_enough(struct fake *f)
{
	return counter(f, 1500, "sent") >= 5 && counter(f, 1400, "sent") >= 5;
}

/* A neighbour in a namespace of its own whose end of the link takes in 'mtu' bytes, and says nothing
 * of what is larger. */
static void neighbour(int mtu)
{
	int here, there;

	netlab_enter();
	here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	netlab_enter();
	there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	cr_assert(here >= 0 && there >= 0);
	netlab_run("ip link add name peer0 type veth peer name tcp0 netns /proc/%d/fd/%d",
		   (int) getpid(), here);
	netlab_run("ip link set peer0 mtu %d up && ip addr add 10.9.0.1/24 dev peer0", mtu);
	cr_assert_eq(setns(here, CLONE_NEWNET), 0);
	netlab_run("ip link set tcp0 mtu 1500 up && ip addr add 10.9.0.2/24 dev tcp0");
}

static struct fake *new_sensor(void)
{
	struct fake *f = fake_load(BUILD_DIR "/plugins/probe.so");

	f->real_time = true;
	cr_assert_eq(fake_start(f), 0);
	return f;
}

Test(probe_size, large_packets_that_vanish_are_lost_and_smaller_ones_answered)
{
	struct anod_action large = request(1500, NULL), small = request(1400, NULL);
	struct fake *f;

	neighbour(1400);
	/* A route of a smaller MTU does not keep a large one from being sent. */
	netlab_run("ip route add 10.9.0.1/32 dev tcp0 mtu 1300");
	f = new_sensor();
	cr_assert_eq(fake_ask_sensor(f, &large, true), 0);
	cr_assert_eq(fake_ask_sensor(f, &small, true), 0);
	cr_assert(fake_run(f, said_enough, 8000000), "%s", f->log);
	cr_expect_eq(counter(f, 1400, "lost"), 0);
	cr_expect_eq(counter(f, 1400, "void"), 0);
	cr_expect_eq(counter(f, 1500, "void"), 0, "%s", f->log);
	cr_expect_geq(counter(f, 1500, "lost"), 4);
	cr_expect_eq(fake_get(f, "path", "tcp0", "targets").type, ANOD_UNKNOWN,
		     "they say nothing of the loss of the path");
	fake_free(f);
}

Test(probe_size, size_that_makes_no_sense_is_refused)
{
	struct fake *f = new_sensor();
	struct anod_action a = request(67, NULL);

	cr_expect_lt(fake_ask_sensor(f, &a, true), 0);
	cr_expect_not_null(strstr(f->log, "size is not in 68..9216"));
	a = request(9217, NULL);
	cr_expect_lt(fake_ask_sensor(f, &a, true), 0);
	a = request(1500, "tcp");
	cr_expect_lt(fake_ask_sensor(f, &a, true), 0);
	fake_free(f);
}
