/* The sensor of table sizes: messages and texts recorded from this kernel and from Debian's 6.1
 * (tests/fuzz/corpus/tables), and the sensor against the kernel. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/fake_host.h"
#include "unit/messages.h"
#include "unit/netlab.h"

#include "plugins/tables/decode.c"

#define WAIT_MS 10000

static struct fake_host *host;

static void stop(void)
{
	if (host)
		host = fake_host_free(host);
}

TestSuite(tables, .fini = stop, .timeout = 60);

struct all {
	struct neigh_table t[4];
	struct nexthop n[8];
	unsigned n_tables, n_hops;
};

static void collect(const struct nlmsghdr *m, void *data)
{
	struct all *a = data;

	a->n_tables += decode_neigh_table(m, &a->t[a->n_tables]) > 0;
	a->n_hops += decode_nexthop(m, &a->n[a->n_hops]) > 0;
}

Test(tables, reads_neighbour_tables_and_groups)
{
	struct all a = { 0 };

	cr_assert_gt(messages_each("tables/neigh_host", collect, &a), 2);
	cr_assert_eq(a.n_tables, 2, "the parameters of interfaces are no tables");
	cr_expect_str_eq(a.t[0].name, "arp_cache");
	cr_expect_str_eq(a.t[1].name, "ndisc_cache");
	cr_expect_eq(a.t[0].thresh[0], 128);
	cr_expect_eq(a.t[0].thresh[1], 512);
	cr_expect_eq(a.t[0].thresh[2], 1024);
	cr_expect_gt(a.t[0].lookups, a.t[0].hits);
	a.n_tables = 0;
	cr_assert_eq(messages_each("tables/neigh_vm", collect, &a), 8);
	cr_assert_geq(a.n_tables, 1);
	cr_expect_eq(a.t[0].thresh[2], 1024);

	cr_assert_eq(messages_each("tables/nexthop_host", collect, &a), 4);
	cr_assert_eq(a.n_hops, 4);
	cr_expect_eq(a.n[2].id, 10);
	cr_expect_eq(a.n[2].n_members, 2);
	cr_expect_eq(a.n[2].member[1], 2);
	cr_expect_eq(a.n[2].buckets, 0);
	cr_expect_eq(a.n[3].buckets, 8, "resilient");
}

static char *load(const char *name)
{
	static char text[8192];
	char path[512];
	size_t n;
	FILE *f;

	(void) snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", SOURCE_DIR, name);
	f = fopen(path, "r");
	cr_assert(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	(void) fclose(f);
	return text;
}

Test(tables, counts_the_routes_of_each_table)
{
	const char *at = load("tables/trie");
	struct fib_table f;
	struct fib6 f6;
	bool seen[3] = { false };

	while (decode_trie(&at, &f)) {
		if (f.id == 100) {
			cr_expect_str_eq(f.name, "100");
			cr_expect_eq(f.routes, 1);
			seen[0] = true;
		} else if (f.id == RT_TABLE_MAIN) {
			cr_expect_eq(f.routes, 2, "10.0.0.0/24 and 10.8.0.0/16");
			cr_expect_gt(f.bytes, 0);
			seen[1] = true;
		} else if (f.id == RT_TABLE_LOCAL) {
			cr_expect_gt(f.nodes, 3);
			seen[2] = true;
		}
	}
	cr_expect(seen[0] && seen[1] && seen[2]);
	cr_expect(decode_fib6("0009 0006 0010 0007 0001 0000 0000\n", &f6));
	cr_expect(f6.nodes == 9 && f6.routes == 7 && f6.cache == 1);
	cr_expect(!decode_fib6("0009 0006", &f6));
	cr_expect(!decode_fib6("", &f6));
	at = "Main:";
	cr_expect(decode_trie(&at, &f) && f.routes == 0 && !decode_trie(&at, &f));
}

static void try(const struct nlmsghdr *m, void *data)
{
	struct neigh_table t;
	struct nexthop n;

	(void) data;
	(void) decode_neigh_table(m, &t);
	(void) decode_nexthop(m, &n);
}

Test(tables, survives_messages_that_are_cut_or_lie)
{
	messages_torment("tables/neigh_host", try, NULL);
	messages_torment("tables/nexthop_host", try, NULL);
}

struct want {
	const char *kind, *name, *attr;
	int64_t least;
};

static bool reached(struct fake_host *h, void *data)
{
	const struct want *w = data;
	const struct anod_value *v = fake_host_fact(h, w->kind, w->name, w->attr);

	return v && v->type == ANOD_INT && v->u.i >= w->least;
}

static bool group_gone(struct fake_host *h, void *data)
{
	(void) data;
	return !fake_host_fact(h, "nexthop_group", "10", "members");
}

Test(tables, tells_of_neighbours_routes_and_groups_of_the_kernel)
{
	struct want neigh = { "neigh_table", "arp_cache", "gc_thresh3", 1 },
		    fib = { "fib", "inet/main", "routes", 3 },
		    fib6 = { "fib", "inet6", "routes", 1 },
		    group = { "nexthop_group", "10", "members_up", 2 };

	netlab_enter();
	netlab_veth("v0", "w0");
	cr_assert_eq(system("ip addr add 10.0.0.1/24 dev v0 && ip route add 10.1.0.0/16 dev v0 && "
			    "ip route add 10.2.0.0/16 dev v0 && "
			    "ip nexthop add id 1 via 10.0.0.2 dev v0 && "
			    "ip nexthop add id 2 via 10.0.0.3 dev v0 && "
			    "ip nexthop add id 10 group 1/2"),
		     0);
	host = fake_host_new("tables");
	fake_host_set_int(host, "idle-period", 50000, ANOD_UNIT_TIME);
	fake_host_set_int(host, "period", 50000, ANOD_UNIT_TIME);
	fake_host_set_int(host, "fib-period", 50000, ANOD_UNIT_TIME);
	cr_assert_eq(fake_host_start(host), 0);
	cr_assert(fake_host_wait(host, reached, &neigh, WAIT_MS));
	cr_expect_eq(fake_host_fact(host, "neigh_table", "arp_cache", "used")->type, ANOD_REAL);
	cr_assert(fake_host_wait(host, reached, &group, WAIT_MS));
	cr_assert(fake_host_wait(host, reached, &fib, WAIT_MS));
	cr_assert(fake_host_wait(host, reached, &fib6, WAIT_MS));
	cr_expect_eq(fake_host_fact(host, "fib", "inet/main", "cache")->type, ANOD_UNKNOWN);
	cr_assert_eq(fake_host_need(host, "nexthop_group", NULL, 50000), 0);
	cr_assert_eq(system("ip nexthop del id 10"), 0);
	cr_assert(fake_host_wait(host, group_gone, NULL, WAIT_MS));
}
