/* Tables of anod's own: written in batches, refused where they are somebody else's. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "exec/table.h"
#include "unit/execlab.h"
#include "unit/netlab.h"

#define T (TABLE_FIRST + 5)

static struct serve s;
static struct exec_table m;
static struct exec_tabled got;
static unsigned n_got;

static int keep(void *data, struct chan_head *head, size_t size)
{
	(void) data;
	cr_assert(head->type == EXEC_TABLED && size == sizeof(got));
	got = *(struct exec_tabled *) head;
	n_got++;
	return 0;
}

static void begin(enum table_verb verb)
{
	memset(&m, 0, sizeof(m));
	m.head.type = EXEC_TABLE;
	m.head.id = 7;
	m.verb = verb;
	m.table = T;
}

static unsigned add_way(uint8_t family, unsigned n, const char *const via[], const char *dev[])
{
	struct table_way *w = &m.way[m.n_ways];

	*w = (struct table_way){ .family = family, .n = (uint8_t) n, .first = (uint8_t) m.n_legs };
	for (unsigned i = 0; i < n; i++) {
		struct anod_leg *l = &m.leg[m.n_legs++];

		*l = (struct anod_leg){ .ifindex = netlab_ifindex(dev[i]), .weight = 1 };
		if (via[i])
			l->via = netlab_address(via[i]);
	}
	return m.n_ways++;
}

static void add_op(const char *dst, unsigned way)
{
	m.op[m.n_ops].dst = netlab_address(dst);
	m.op[m.n_ops++].way = (uint8_t) way;
}

static int ask(void)
{
	unsigned before = n_got;
	int r;

	m.head.size = (uint32_t) table_size(m.n_ops);
	r = serve_message(&s, &m.head);
	cr_assert(n_got == before + (r == 0));
	return r;
}

static void do_it(int error)
{
	cr_assert_eq(ask(), 0);
	cr_assert_eq(got.error, error, "%d: %s", got.error, got.why);
	cr_assert(got.head.id == 7 && got.table == T && got.verb == m.verb);
}

static unsigned in_table(uint32_t table)
{
	static struct anod_object all[600];
	unsigned n = netlab_dump(ANOD_OBJ_ROUTE, all, ARRAY_SIZE(all)), k = 0;

	for (unsigned i = 0; i < n; i++)
		k += all[i].u.route.table == table;
	return k;
}

static struct anod_object route_to(const char *dst)
{
	struct anod_object key = { .type = ANOD_OBJ_ROUTE }, now;

	key.u.route.dst = netlab_address(dst);
	key.u.route.table = T;
	key.u.route.metric = key.u.route.dst.family == AF_INET6 ? 1024 : 0;
	cr_assert_eq(netlab_get(&key, &now, NULL), 0, "%s is not there", dst);
	cr_assert_eq(now.u.route.protocol, ANOD_RTPROT);
	return now;
}

static void open_lab(void)
{
	lab_open(&s);
	netlab_run("ip addr add 2001:db8:1::1/64 dev wan1 nodad");
	s.reply = keep;
}

static const char *const gw0[] = { "10.0.0.2" }, *const gw1[] = { "10.0.1.2" };
static const char *const gw01[] = { "10.0.0.2", "10.0.1.2" };
static const char *const six01[] = { "2001:db8::2", "2001:db8:1::2" };
static const char *const none[] = { NULL }, *const lost[] = { "172.16.0.1" };
static const char *wan0[] = { "wan0" }, *wan1[] = { "wan1" }, *both[] = { "wan0", "wan1" };

/* Over the first two ways in turns. */
static void add_many(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char dst[32];

		(void) snprintf(dst, sizeof(dst), "100.64.%u.%u/32", i / 256, i % 256);
		add_op(dst, i % 2);
	}
}

static void every_kind_of_route(void)
{
	struct anod_object now;

	begin(TABLE_WRITE);
	(void) add_way(AF_INET, 1, gw1, wan1);
	(void) add_way(AF_INET, 2, gw01, both);
	(void) add_way(AF_INET6, 2, six01, both);
	(void) add_way(AF_INET, 1, none, wan0);
	m.way[0].mtu = 1400;
	m.way[0].prefsrc = netlab_address("10.0.1.1");
	add_op("0.0.0.0/0", 0);
	add_op("192.0.2.0/24", 1);
	add_op("198.51.100.0/24", TABLE_THROW);
	add_op("203.0.113.0/24", 3);
	add_op("2001:db8:99::/48", 2);
	add_op("::/0", TABLE_THROW);
	add_many(400);
	do_it(0);
	cr_assert_eq(got.n_done, 406);
	cr_assert_eq(in_table(T), 406);
	now = route_to("0.0.0.0/0");
	cr_assert(now.u.route.mtu == 1400 && now.u.route.prefsrc.addr[3] == 1);
	cr_assert_eq(route_to("192.0.2.0/24").u.route.n_legs, 2);
	cr_assert_eq(route_to("198.51.100.0/24").u.route.type, RTN_THROW);
	cr_assert_eq(route_to("203.0.113.0/24").u.route.scope, RT_SCOPE_LINK);
	cr_assert_eq(route_to("2001:db8:99::/48").u.route.n_legs, 2);
	cr_assert_eq(route_to("::/0").u.route.type, RTN_THROW);
}

/* What goes twice is gone. */
static void each_becomes_another_kind(void)
{
	begin(TABLE_WRITE);
	(void) add_way(AF_INET, 1, gw0, wan0);
	(void) add_way(AF_INET6, 1, six01, wan0);
	add_op("0.0.0.0/0", TABLE_THROW);
	add_op("198.51.100.0/24", 0);
	add_op("192.0.2.0/24", TABLE_GONE);
	add_op("192.0.2.0/24", TABLE_GONE);
	add_op("2001:db8:99::/48", TABLE_THROW);
	add_op("::/0", 1);
	do_it(0);
	cr_assert_eq(got.n_errors, 0);
	cr_assert_eq(in_table(T), 405);
	cr_assert_eq(route_to("0.0.0.0/0").u.route.type, RTN_THROW);
	cr_assert_eq(route_to("198.51.100.0/24").u.route.n_legs, 1);
	cr_assert_eq(route_to("2001:db8:99::/48").u.route.type, RTN_THROW);
	cr_assert_eq(route_to("::/0").u.route.n_legs, 1);
}

Test(exec_table, routes_come_change_and_go_by_the_hundred)
{
	open_lab();
	begin(TABLE_OPEN);
	do_it(0);
	every_kind_of_route();
	each_becomes_another_kind();
	begin(TABLE_WRITE);
	add_op("2001:db8:99::/48", TABLE_GONE);
	do_it(0);
	cr_assert_eq(in_table(T), 404);

	begin(TABLE_CLOSE);
	do_it(0);
	cr_assert_eq(got.n_done, 404);
	cr_assert_eq(in_table(T), 0);
	serve_done(&s);
}

Test(exec_table, a_refused_route_is_named_and_stops_no_other)
{
	open_lab();
	begin(TABLE_WRITE);
	(void) add_way(AF_INET, 1, gw1, wan1);
	(void) add_way(AF_INET, 1, lost, wan1);
	add_many(TABLE_OPS);
	do_it(-ENETUNREACH);
	cr_assert(got.n_errors == TABLE_OPS / 2 && got.n_done == TABLE_OPS / 2, "%u, %u",
		  got.n_errors, got.n_done);
	cr_assert(strstr(got.why, "100.64.0.1/32 in table 17305"), "%s", got.why);
	cr_assert_eq(in_table(T), TABLE_OPS / 2);

	/* Opened again it is empty. */
	begin(TABLE_OPEN);
	do_it(0);
	cr_assert_eq(in_table(T), 0);
	serve_done(&s);
}

Test(exec_table, a_table_with_a_route_of_somebody_else_is_not_taken)
{
	open_lab();
	begin(TABLE_WRITE);
	add_op("192.0.2.0/24", TABLE_THROW);
	do_it(0);
	netlab_run("ip -6 route add 2001:db8:5::/48 via 2001:db8::2 table %d proto static", T);
	netlab_run("ip route add 10.9.0.0/16 via 10.0.0.2 table main proto %d", ANOD_RTPROT);
	begin(TABLE_OPEN);
	do_it(-EEXIST);
	cr_assert(strstr(got.why, "17305") && strstr(got.why, "2001:db8:5::/48"), "%s", got.why);
	cr_assert_eq(in_table(T), 2, "nothing was touched");
	begin(TABLE_CLOSE);
	do_it(0);
	cr_assert_eq(in_table(T), 1, "ours went, theirs stayed");
	netlab_run("ip route show table main | grep -q 10.9.0.0/16");
	serve_done(&s);
}

/* Until a namespace has had a rule, the kernel keeps local and main in one trie and shows it twice. */
static unsigned times_shown(const char *dst)
{
	FILE *f = fopen("/proc/thread-self/net/fib_trie", "re");
	char line[128];
	unsigned n = 0;

	cr_assert(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, dst) != NULL;
	(void) fclose(f);
	return n;
}

Test(exec_table, a_table_that_is_opened_has_paid_for_the_first_rule)
{
	unsigned before;

	open_lab();
	netlab_run("ip route add 198.51.100.7/32 via 10.0.0.2");
	before = times_shown("198.51.100.7");
	begin(TABLE_OPEN);
	do_it(0);
	cr_assert_lt(times_shown("198.51.100.7"), before, "local and main are still one");
	netlab_run("test $(ip -4 rule show | wc -l) = 3");
	serve_done(&s);
}

Test(exec_table, messages_that_are_not_sound_close_the_channel)
{
	open_lab();
	for (unsigned i = 0; i < 22; i++) {
		begin(i == 19 ? TABLE_OPEN : TABLE_WRITE);
		(void) add_way(AF_INET, 2, gw01, both);
		add_op("192.0.2.0/24", 0);
		if (i == 0)
			m.table = TABLE_FIRST - 1;
		if (i == 1)
			m.table = RT_TABLE_MAIN;
		if (i == 2)
			m.table = TABLE_LAST + 1;
		if (i == 3)
			m.verb = 4;
		if (i == 4)
			m.op[0].dst.addr[3] = 1;
		if (i == 5)
			m.op[0].dst.len = 33;
		if (i == 6)
			m.op[0].way = 1;
		if (i == 7)
			m.op[0].dst = netlab_address("2001:db8::/32");
		if (i == 8)
			m.way[0].n = 3;
		if (i == 9)
			m.way[0].n = 0;
		if (i == 10)
			m.leg[1].weight = 257;
		if (i == 11)
			m.leg[1].ifindex = 0;
		if (i == 12)
			m.leg[1].flags = RTNH_F_DEAD;
		if (i == 13)
			m.leg[1].via.len = 24;
		if (i == 14)
			m.way[0].prefsrc = netlab_address("2001:db8::1");
		if (i == 15)
			m.n_ways = TABLE_WAYS + 1;
		if (i == 16)
			m.n_legs = TABLE_LEGS + 1;
		if (i == 17)
			m.way[0].family = AF_INET6;
		if (i == 18)
			m.leg[0].label = (1 << 20) + 1;
		if (i == 20)
			m.way[0].first = 255;
		if (i == 21)
			m.op[0].dst.family = AF_UNSPEC;
		cr_assert_eq(ask(), -EPROTO, "case %u", i);
	}
	begin(TABLE_WRITE);
	m.n_ops = 2;
	m.head.size = (uint32_t) table_size(1);
	cr_assert_eq(serve_message(&s, &m.head), -EPROTO);
	cr_assert_eq(in_table(T), 0);
	serve_done(&s);
}
