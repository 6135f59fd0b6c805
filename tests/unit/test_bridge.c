/*
 * A shadow and its table, with a played executor at the other end of the channel: what it is told
 * is done in a table of the test's, so that the table can be compared with the prediction.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>

#include "exec/table.h"
#include "host/bridge.h"
#include "world.h"

#define T  TABLE_FIRST
#define TX 42

static struct host h;
static int far; /* the executor's end */
static struct bridge *b;
static struct exec_table m;
static uint64_t now_us = 1000 * US_PER_S;

static struct {
	struct anod_prefix dst;
	uint32_t dev; /* 0: throw */
} table[4096];
static unsigned n_table, n_opens, n_closes;

static void put(struct anod_object o)
{
	cr_assert(model_put(h.model, &o) == 0);
	if (b)
		bridge_object(b, &o, false);
}

static void del(struct anod_object o)
{
	cr_assert(model_del(h.model, &o) == 0);
	if (b)
		bridge_object(b, &o, true);
}

static struct anod_object bird(const char *dst, uint32_t dev)
{
	struct anod_object o =
		world_route_object(dst, RT_TABLE_MAIN, 32, dev == 2 ? "10.1.0.1" : "10.2.0.1", dev);

	o.u.route.protocol = RTPROT_BIRD;
	return o;
}

static void begin(void)
{
	struct shadow_in in = { .table = RT_TABLE_MAIN, .lost = 2, .n_standby = 1, .max = 100000 };
	int fd[2];

	in.model = h.model = world_model();
	cr_assert(sd_event_new(&h.loop) >= 0 && chan_pair(fd) == 0);
	far = fd[1];
	cr_assert(chan_open(h.loop, fd[0], "exec", NULL, NULL, NULL, &h.proc[PROC_EXEC].chan) >= 0);
	put(world_link_object(2, "wan0", true, true));
	put(world_link_object(3, "wan1", true, true));
	in.standby[0] =
		(struct anod_leg){ .via = world_prefix("10.2.0.1"), .ifindex = 3, .weight = 1 };
	cr_assert(bridge_new(&h, &in, T, TX, &b) == 0);
}

static enum bridge_state run(void)
{
	enum bridge_state s;
	uint64_t next;

	do
		s = bridge_run(b, now_us, &next);
	while (next <= now_us);
	return s;
}

/* The next message to the executor, in 'm'; false: there is none. */
static bool heard(void)
{
	ssize_t n = recv(far, &m, sizeof(m), MSG_DONTWAIT);

	cr_assert(n < 0 || (n == (ssize_t) m.head.size && table_check(&m) && m.head.id == TX &&
			    m.table == T));
	return n > 0;
}

static void do_op(const struct table_op *op)
{
	unsigned i = 0;

	while (i < n_table && memcmp(&table[i].dst, &op->dst, sizeof(op->dst)) != 0)
		i++;
	if (op->way == TABLE_GONE) {
		cr_assert(i < n_table);
		table[i] = table[--n_table];
		return;
	}
	n_table += i == n_table;
	table[i].dst = op->dst;
	table[i].dev = op->way == TABLE_THROW ? 0 : m.leg[m.way[op->way].first].ifindex;
}

static void answer(int error)
{
	struct exec_tabled a = { .head = { .type = EXEC_TABLED, .size = sizeof(a), .id = TX } };

	a.verb = m.verb;
	a.table = m.table;
	a.error = error;
	a.n_done = error ? 0 : m.n_ops;
	(void) copy_text(a.why, sizeof(a.why), error ? strerror(-error) : "");
	if (!error && m.verb != TABLE_WRITE)
		n_table = 0;
	n_opens += m.verb == TABLE_OPEN;
	n_closes += m.verb == TABLE_CLOSE;
	for (unsigned i = 0; i < m.n_ops && !error; i++)
		do_op(&m.op[i]);
	cr_assert(bridge_tabled(b, &a) == 0);
}

/* Until nothing is said any more. */
static enum bridge_state serve(void)
{
	enum bridge_state s = run();

	while (heard()) {
		answer(0);
		s = run();
	}
	return s;
}

static int dev_of(const char *dst)
{
	struct anod_prefix p = world_prefix(dst);

	for (unsigned i = 0; i < n_table; i++)
		if (memcmp(&table[i].dst, &p, sizeof(p)) == 0)
			return (int) table[i].dev;
	return -1;
}

static void end(void)
{
	b = bridge_free(b);
	while (heard())
		n_closes += m.verb == TABLE_CLOSE;
	cr_assert_eq(n_closes, 1, "the table is emptied in the end");
	h.proc[PROC_EXEC].chan = chan_free(h.proc[PROC_EXEC].chan);
	h.model = model_free(h.model);
	h.loop = sd_event_unref(h.loop);
	(void) close(far);
}

static void fill(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char dst[32];

		(void) snprintf(dst, sizeof(dst), "100.64.%u.%u/32", i / 256, i % 256);
		put(bird(dst, 2));
	}
}

Test(bridge, is_filled_in_batches_and_then_ready)
{
	struct bridge_stats stats;
	unsigned n = 0;

	begin();
	fill(1500);
	cr_assert_eq(run(), BRIDGE_FILLING);
	cr_assert(heard() && m.verb == TABLE_OPEN);
	cr_assert_eq(run(), BRIDGE_FILLING);
	cr_assert(!heard(), "nothing is written before the table is open");
	answer(0);
	while (run() == BRIDGE_FILLING) {
		cr_assert(heard() && m.verb == TABLE_WRITE && m.n_ops <= TABLE_OPS);
		n++;
		cr_assert_eq(run(), BRIDGE_FILLING);
		cr_assert(!heard(), "one message is under way at a time");
		answer(0);
	}
	cr_assert_eq(n, 3);
	cr_assert_eq(n_table, 1500);
	bridge_stats(b, &stats);
	cr_assert(stats.entries == 1500 && stats.writes == 1500 && !stats.unwritten &&
		  stats.behind == 1500 && !stats.behind_us);

	/* A daemon's changes follow; another table is not ours to follow. */
	put(bird("100.64.0.7/32", 3));
	del(bird("100.64.0.8/32", 2));
	put(world_route_object("9.9.9.0/24", 100, 0, NULL, 2));
	cr_assert_eq(serve(), BRIDGE_READY);
	cr_assert(n_table == 1498 && dev_of("100.64.0.7/32") == -1 && dev_of("9.9.9.0/24") == -1);
	bridge_stats(b, &stats);
	cr_assert_eq(stats.writes, 1502);
	end();
}

Test(bridge, more_ways_than_a_message_has_room_for_go_with_the_next)
{
	unsigned n = 0;

	begin();
	for (unsigned i = 0; i < 100; i++) {
		struct anod_object o;
		char dst[32], via[32];

		(void) snprintf(dst, sizeof(dst), "100.64.0.%u/32", i);
		(void) snprintf(via, sizeof(via), "10.2.0.%u", 1 + i);
		o = bird(dst, 2);
		world_add_leg(&o, via, 3, 1);
		put(o);
	}
	(void) run();
	cr_assert(heard() && m.verb == TABLE_OPEN);
	answer(0);
	for (; run() == BRIDGE_FILLING; n++) {
		cr_assert(heard() && m.n_ways <= TABLE_WAYS);
		answer(0);
	}
	cr_assert_eq(n, 4);
	cr_assert(n_table == 100 && dev_of("100.64.0.99/32") == 3);
	end();
}

Test(bridge, what_is_behind_for_long_is_not_ready)
{
	struct bridge_stats stats;

	begin();
	fill(3);
	cr_assert_eq(serve(), BRIDGE_READY);
	put(bird("192.0.2.0/24", 2));
	now_us = host_now(&h);
	cr_assert_eq(run(), BRIDGE_READY, "said just now");
	now_us += BRIDGE_BEHIND_US;
	cr_assert_eq(run(), BRIDGE_FILLING);
	bridge_stats(b, &stats);
	cr_assert(stats.behind_us && stats.behind_us <= now_us - BRIDGE_BEHIND_US);
	cr_assert_eq(serve(), BRIDGE_READY);
	bridge_stats(b, &stats);
	cr_assert(stats.lag_us > 0 && !stats.behind_us);

	/* The standby goes: in doubt, and sure again when it is back. */
	put(world_link_object(3, "wan1", true, false));
	cr_assert_eq(serve(), BRIDGE_DOUBT);
	cr_assert(strstr(bridge_why(b), "standby is not usable"), "%s", bridge_why(b));
	put(world_link_object(3, "wan1", true, true));
	cr_assert_eq(serve(), BRIDGE_READY);
	cr_assert_eq(n_table, 4);
	cr_assert_eq(n_opens, 1);

	/* Set down, the kernel has dropped our routes over it: all is written anew. */
	put(world_link_object(3, "wan1", false, false));
	cr_assert_eq(serve(), BRIDGE_DOUBT);
	cr_assert(n_opens == 2 && n_table == 0);
	put(world_link_object(3, "wan1", true, true));
	cr_assert_eq(serve(), BRIDGE_READY);
	cr_assert_eq(n_table, 4);
	end();
}

Test(bridge, refusals_and_a_new_executor_end_in_writing_all_anew)
{
	begin();
	fill(2);
	(void) run();
	cr_assert(heard());
	answer(-EEXIST);
	cr_assert_eq(run(), BRIDGE_FAILED);
	cr_assert(strstr(bridge_why(b), "exists"), "%s", bridge_why(b));
	cr_assert(!heard(), "not at once again");
	now_us = host_now(&h) + US_PER_S;
	cr_assert_eq(serve(), BRIDGE_READY);
	cr_assert(n_opens == 2 && n_table == 2);

	put(bird("192.0.2.0/24", 2));
	(void) run();
	cr_assert(heard());
	answer(-ENETUNREACH);
	cr_assert_eq(run(), BRIDGE_FAILED);
	now_us += 31 * US_PER_S;
	cr_assert_eq(serve(), BRIDGE_READY);
	cr_assert(n_opens == 3 && n_table == 3);

	put(bird("198.51.100.0/24", 2));
	(void) run();
	cr_assert(heard(), "and its end comes instead of an answer");
	bridge_exec_restarted(b);
	cr_assert_eq(run(), BRIDGE_FILLING);
	cr_assert(heard() && m.verb == TABLE_OPEN);
	answer(0);
	cr_assert_eq(serve(), BRIDGE_READY);
	cr_assert(n_opens == 4 && n_table == 4);
	end();
}

Test(bridge, stands_still_until_the_daemon_has_converged)
{
	enum bridge_state s;
	uint64_t next;

	begin();
	fill(50);
	cr_assert_eq(serve(), BRIDGE_READY);
	now_us = host_now(&h);
	put(world_link_object(2, "wan0", true, false));
	bridge_stand(b, now_us);
	cr_assert_eq(run(), BRIDGE_STANDING);
	for (unsigned i = 0; i < 50; i++) {
		char dst[32];

		(void) snprintf(dst, sizeof(dst), "100.64.0.%u/32", i);
		put(bird(dst, 3));
		now_us = host_now(&h) + US_PER_S;
		cr_assert_eq(bridge_run(b, now_us, &next), BRIDGE_STANDING, "at %u", i);
	}
	cr_assert(!heard(), "the table stands still");
	s = run();
	for (unsigned i = 0; i < 20 && s == BRIDGE_STANDING; i++) {
		now_us += BRIDGE_QUIET_US / 4;
		s = run();
	}
	cr_assert_eq(s, BRIDGE_CONVERGED);
	cr_assert_eq(n_table, 50);
	bridge_rest(b);
	cr_assert_eq(serve(), BRIDGE_READY);
	cr_assert_eq(n_table, 0, "nothing is behind the link any more");
	end();
}

Test(bridge, waits_for_routes_that_the_kernel_has_dropped_and_the_daemon_will_give)
{
	struct anod_object gone;

	begin();
	fill(3);
	cr_assert_eq(serve(), BRIDGE_READY);
	now_us = host_now(&h);
	put(world_link_object(2, "wan0", false, false));
	for (unsigned i = 0; i < 3; i++) {
		gone = bird("100.64.0.0/32", 2);
		gone.u.route.dst.addr[3] = (uint8_t) i;
		del(gone);
	}
	bridge_stand(b, now_us);
	now_us += 2 * BRIDGE_QUIET_US;
	cr_assert_eq(run(), BRIDGE_STANDING, "nothing leads there but the bridge");
	put(bird("100.64.0.0/30", 3));
	now_us += BRIDGE_QUIET_US;
	(void) run();
	now_us += BRIDGE_QUIET_US;
	cr_assert_eq(run(), BRIDGE_CONVERGED);
	bridge_rest(b);

	/* What is gone for good ends it, too, and so does a minute of anything. */
	fill(3);
	put(world_link_object(2, "wan0", true, true));
	cr_assert_eq(serve(), BRIDGE_READY);
	put(world_link_object(2, "wan0", true, false));
	now_us = host_now(&h);
	bridge_stand(b, now_us);
	now_us += BRIDGE_MAX_US - 1;
	cr_assert_eq(run(), BRIDGE_STANDING, "a dead route is still there");
	now_us++;
	cr_assert_eq(run(), BRIDGE_CONVERGED);
	cr_assert(strstr(bridge_why(b), "minute"));
	end();
}
