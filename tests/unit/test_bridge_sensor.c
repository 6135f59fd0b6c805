/* The sensor of bridges: messages recorded from this kernel and from Debian's 6.1
 * (tests/fuzz/corpus/bridge), the table of moves, and the sensor against the kernel. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/fake_host.h"
#include "unit/messages.h"
#include "unit/netlab.h"

#include "plugins/bridge/decode.c"
#include "plugins/bridge/kinds.c"
#include "plugins/bridge/moves.c"

#define WAIT_MS 5000

static struct fake_host *host;

static void stop(void)
{
	if (host)
		host = fake_host_free(host);
}

TestSuite(bridge_sensor, .fini = stop, .timeout = 60);

struct all {
	struct bridge b[2];
	struct bridge_port p[4];
	struct port_vlans vlans[8];
	unsigned n_bridges, n_ports, n_fdb, n_vlans;
};

static void collect(const struct nlmsghdr *m, void *data)
{
	struct all *a = data;
	struct fdb_entry e;
	uint32_t ifindex;

	a->n_bridges += decode_bridge(m, &a->b[a->n_bridges]) > 0;
	a->n_ports += decode_port(m, &a->p[a->n_ports]) > 0;
	a->n_fdb += decode_fdb(m, &e) > 0;
	a->n_vlans += decode_vlans(m, &ifindex, &a->vlans[a->n_vlans]) > 0;
}

Test(bridge_sensor, reads_bridges_ports_and_vlans)
{
	struct all a = { 0 };
	char text[24];

	cr_assert_eq(messages_each("bridge/host", collect, &a), 3);
	cr_assert_eq(a.n_bridges, 1);
	cr_assert_eq(a.n_ports, 2);
	cr_expect_str_eq(a.b[0].name, "br0");
	cr_expect(a.b[0].stp && !a.b[0].vlan_filtering && a.b[0].snooping && !a.b[0].querier);
	bridge_id_text(a.b[0].root, text);
	cr_expect_eq(strncmp(text, "8000.", 5), 0);
	cr_expect_eq(memcmp(a.b[0].root, a.b[0].id, 8), 0, "alone, it is the root");
	cr_expect_str_eq(a.p[1].name, "u1");
	cr_expect_eq(a.p[1].cost, 55);
	cr_expect(a.p[1].guard && a.p[1].isolated && a.p[1].learning);
	cr_expect(!a.p[0].guard && !a.p[0].isolated);
	cr_expect_eq(a.p[0].priority, 32);
	cr_expect_str_eq(port_state_word(a.p[0].state), "listening");

	memset(&a, 0, sizeof(a));
	cr_assert_eq(messages_each("bridge/vlan_vm", collect, &a), 3, "br0, m0, n0");
	cr_assert_eq(a.n_vlans, 3);
	cr_expect_str_eq(a.vlans[1].list, "1,10-20,30");
	cr_expect_eq(a.vlans[1].n, 13);
	cr_expect_eq(a.vlans[1].pvid, 1);
	cr_expect_eq(a.vlans[2].pvid, 5);
	cr_expect_eq(a.vlans[2].n, 11);
}

Test(bridge_sensor, a_list_of_vlans_that_is_too_long_says_so)
{
	struct port_vlans v = { 0 };

	for (uint16_t i = 1000; i < 1100; i += 2)
		add_text(&v, i, i);
	cr_expect(v.cut);
	cr_expect_str_eq(v.list + strlen(v.list) - 3, "...");
}

static void try(const struct nlmsghdr *m, void *data)
{
	(void) data;
	collect(m, &(struct all){ 0 });
}

Test(bridge_sensor, survives_messages_that_are_cut_or_lie)
{
	messages_torment("bridge/host", try, NULL);
	messages_torment("bridge/vlan_vm", try, NULL);
	messages_torment("bridge/fdb_host", try, NULL);
}

Test(bridge_sensor, a_move_is_seen_and_a_full_table_makes_none_up)
{
	struct moves *m = moves_new();
	struct fdb_entry e = { .master = 9, .port = 1, .mac = { 2, 0, 0, 0, 0, 1 } };
	unsigned moved = 0;

	cr_expect_eq(moves_take(m, &e), 0, "new");
	cr_expect_eq(moves_take(m, &e), 0, "again");
	e.port = 2;
	cr_expect_eq(moves_take(m, &e), 1, "from port 1");
	e.vlan = 7;
	e.port = 3;
	cr_expect_eq(moves_take(m, &e), 0, "in another VLAN it is another address");
	e.master = 10;
	cr_expect_eq(moves_take(m, &e), 0, "and in another bridge");

	/* Ten times as many addresses as places, each behind one port. */
	for (uint32_t i = 0; i < 20 * MOVES_SIZE; i++) {
		uint32_t n = i % (10 * MOVES_SIZE);

		e = (struct fdb_entry){ .master = 9, .port = 1 + n % 7 };
		memcpy(e.mac, &n, sizeof(n));
		moved += moves_take(m, &e) != 0;
	}
	cr_expect_eq(moved, 0);
	/* A loop among them is seen, although the table is full. */
	for (unsigned i = 0; i < 1000; i++) {
		e = (struct fdb_entry){ .master = 9, .port = 1 + i % 2, .mac = { 6 } };
		moved += moves_take(m, &e) != 0;
	}
	cr_expect_eq(moved, 999);
	moves_forget(m);
	e.port = 77;
	cr_expect_eq(moves_take(m, &e), 0, "after a loss nothing is known");
	moves_free(m);
}

/* ---- the sensor --------------------------------------------------------------------------- */

struct want {
	const char *kind, *name, *attr, *text;
	int64_t least;
};

static bool reached(struct fake_host *h, void *data)
{
	const struct want *w = data;
	const struct anod_value *v = fake_host_fact(h, w->kind, w->name, w->attr);

	if (!v || v->type == ANOD_UNKNOWN)
		return false;
	return w->text ? strcmp(v->u.text, w->text) == 0 : v->u.i >= w->least;
}

static void expect(const char *kind, const char *name, const char *attr, const char *text,
		   int64_t least)
{
	struct want w = { kind, name, attr, text, least };

	cr_assert(fake_host_wait(host, reached, &w, WAIT_MS), "%s of %s: %s", attr, name,
		  fake_host_log(host));
}

static bool port_gone(struct fake_host *h, void *data)
{
	return !fake_host_fact(h, "bridge_port", data, "cost");
}

Test(bridge_sensor, tells_of_ports_that_change_and_addresses_that_move)
{
	netlab_enter();
	netlab_veth("p0", "q0");
	netlab_veth("p1", "q1");
	netlab_run("ip link add br0 type bridge; ip link set br0 up; "
		   "ip link set p0 master br0; ip link set p1 master br0");
	host = fake_host_new("bridge");
	fake_host_set_int(host, "idle-period", 50000, ANOD_UNIT_TIME);
	fake_host_set_int(host, "period", 50000, ANOD_UNIT_TIME);
	cr_assert_eq(fake_host_start(host), 0);
	expect("bridge", "br0", "ports", NULL, 2);
	expect("bridge", "br0", "forwarding", NULL, 2);
	expect("bridge_port", "p0", "state", "forwarding", 0);
	expect("bridge_port", "p0", "bridge", "br0", 0);
	cr_expect_eq(fake_host_fact(host, "bridge_port", "p0", "vlans")->type, ANOD_UNKNOWN);
	cr_expect_eq(fake_host_fact(host, "bridge", "br0", "fdb_moves")->u.i, 0);

	netlab_run("bridge link set dev p1 cost 77 isolated on guard on; "
		   "bridge link set dev p1 state 0");
	expect("bridge_port", "p1", "cost", NULL, 77);
	expect("bridge_port", "p1", "guard", NULL, 1);
	expect("bridge_port", "p1", "state", "disabled", 0);
	expect("bridge_port", "p1", "changes", NULL, 1);
	netlab_run("bridge link set dev p1 state 3");
	expect("bridge_port", "p1", "changes", NULL, 2);

	/* One address behind both ports in turn. */
	netlab_run("ip link set q0 address 02:00:00:00:00:77; ip link set q1 address "
		   "02:00:00:00:00:77; ip addr add 10.0.0.1/24 dev q0; ip addr add 10.1.0.1/24 dev "
		   "q1; ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:99 dev q0; ip neigh add "
		   "10.1.0.2 lladdr 02:00:00:00:00:99 dev q1");
	netlab_run("bash -c 'for i in {1..10}; do echo >/dev/udp/10.0.0.2/9; sleep 0.02; "
		   "echo >/dev/udp/10.1.0.2/9; sleep 0.02; done'");
	expect("bridge", "br0", "fdb_moves", NULL, 10);
	expect("bridge_port", "p0", "fdb_moves", NULL, 10);
	netlab_run("ip link set p1 nomaster");
	cr_assert(fake_host_wait(host, port_gone, "p1", WAIT_MS));
}
