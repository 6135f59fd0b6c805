#include <criterion/criterion.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include <anod/rtnl.h>

#include "facts/value.h"
#include "model/snapshot.h"

static struct diag_list diags;

static void setup(void)
{
	diags = (struct diag_list){ 0 };
}

static void teardown(void)
{
	diag_done(&diags);
}

static int read_text(const char *text, struct model *m)
{
	return snapshot_read("t.snap", text, strlen(text), m, NULL, NULL, &diags);
}

static void wrong(const char *text, const char *message)
{
	_cleanup_(model_freep) struct model *m = model_new();

	setup();
	cr_expect(read_text(text, m) == -EINVAL, "%s", text);
	cr_assert(diags.n > 0, "%s", text);
	cr_expect_str_eq(diags.item[0].text, message);
	diag_done(&diags);
}

static const char small[] = "# two uplinks\n"
			    "route default via 192.0.2.1 dev wan0 metric 100\n"
			    "link wan0 index 4\n"
			    "link wan1 no-carrier master br0\n"
			    "link br0 kind bridge\n"
			    "addr 192.0.2.2/24 dev wan0\n"
			    "route default via 2001:db8::1 dev wan1\n"
			    "route 10.9.0.0/16 blackhole table 100\n"
			    "route 10.1.0.0/16 via 192.0.2.1 dev wan0 weight 3, dev wan1 weight 2\n"
			    "nexthop 10 via 192.0.2.1 dev wan0\n"
			    "nexthop 100 group 10 weight 3, 11\n"
			    "route 10.2.0.0/16 nhid 100 proto bgp\n"
			    "rule 100 from 10.0.0.0/8 table 100\n"
			    "rule 101 fwmark 7 table 101 iif wan0\n"
			    "neigh 192.0.2.1 dev wan0 failed\n";

Test(snapshot, reads_what_an_engineer_writes, .init = setup, .fini = teardown)
{
	_cleanup_(model_freep) struct model *m = model_new();
	struct anod_object key = { .type = ANOD_OBJ_ROUTE }, o;

	cr_assert(read_text(small, m) == 0, "%s", diags.n ? diags.item[0].text : "");
	cr_expect(model_in_sync(m));
	cr_expect(model_count(m, ANOD_OBJ_LINK) == 3 && model_count(m, ANOD_OBJ_ROUTE) == 5);

	key.u.route = (struct anod_route){ .dst.family = AF_INET, .table = 254, .metric = 100 };
	cr_assert(model_get(m, &key, &o) == 0);
	cr_expect(o.u.route.leg[0].ifindex == 4 && o.u.route.leg[0].weight == 1 &&
		  o.u.route.scope == RT_SCOPE_UNIVERSE && o.u.route.protocol == RTPROT_STATIC);
	key.u.route = (struct anod_route){ .dst.family = AF_INET6, .table = 254, .metric = 1024 };
	cr_expect(model_get(m, &key, &o) == 0 && o.u.route.leg[0].ifindex == 5);

	key = (struct anod_object){ .type = ANOD_OBJ_LINK, .u.link.ifindex = 5 };
	cr_assert(model_get(m, &key, &o) == 0);
	cr_expect(o.u.link.master == 6 && !o.u.link.carrier && (o.u.link.flags & IFF_UP));
	key = (struct anod_object){ .type = ANOD_OBJ_NEXTHOP, .u.nexthop.id = 100 };
	cr_assert(model_get(m, &key, &o) == 0);
	cr_expect(o.u.nexthop.n_members == 2 && o.u.nexthop.member[0].weight == 3 &&
		  o.u.nexthop.member[1].weight == 1);
}

static int expect_fact(const struct snapshot_fact *f, void *data)
{
	static const char *const want[] = { "5%", "unknown", "uplink", "reachable" };
	unsigned *n = data;
	char text[64];

	cr_expect_str_eq(value_format(&f->value, text, sizeof(text)), want[*n]);
	cr_expect(*n || (f->age_us == 2000000 && strcmp(f->kind, "link") == 0 &&
			 strcmp(f->entity, "wan0") == 0 && strcmp(f->attr, "rx_loss") == 0));
	(*n)++;
	return 0;
}

static int keep_fact(const struct snapshot_fact *f, void *data)
{
	*(struct anod_value *) data = f->value;
	return 0;
}

Test(snapshot, reads_the_prefix_of_an_address_with_its_host_bits, .init = setup, .fini = teardown)
{
	static const char text[] = "fact addr.\"lo 10.0.0.1/24\".prefix 10.0.0.1/24\n";
	_cleanup_(model_freep) struct model *m = model_new();
	struct anod_value v = value_unknown();
	char said[64];

	cr_assert(snapshot_read("t", text, strlen(text), m, keep_fact, &v, &diags) == 0, "%s",
		  diags.n ? diags.item[0].text : "");
	cr_assert_str_eq(value_format(&v, said, sizeof(said)), "10.0.0.1/24");
}

Test(snapshot, reads_facts, .init = setup, .fini = teardown)
{
	static const char text[] = "fact link.wan0.rx_loss 5% age 2s\nfact path.wan0.rtt unknown\n"
				   "fact link.wan0.role uplink\n"
				   "fact neigh.\"wan0/192.0.2.1\".state reachable\n";
	_cleanup_(model_freep) struct model *m = model_new();
	unsigned n = 0;

	cr_assert(snapshot_read("t", text, strlen(text), m, expect_fact, &n, &diags) == 0, "%s",
		  diags.n ? diags.item[0].text : "");
	cr_expect(n == 4);
}

/* ---- round trip ---------------------------------------------------------------------------- */

static uint32_t state = 1;

static uint32_t rnd(uint32_t n)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % n;
}

static struct anod_prefix any_prefix(bool host)
{
	struct anod_prefix p = { .family = rnd(2) ? AF_INET : AF_INET6 };
	uint8_t max = p.family == AF_INET ? 32 : 128;

	p.len = host ? max : (uint8_t) rnd(max + 1u);
	for (unsigned i = 0; i < p.len; i++)
		if (rnd(2))
			p.addr[i / 8] |= (uint8_t) (0x80 >> i % 8);
	return p;
}

static void any_legs(struct anod_route *r)
{
	r->n_legs = (uint8_t) rnd(4);
	for (unsigned i = 0; i < r->n_legs; i++) {
		r->leg[i].ifindex = rnd(3) ? rnd(4) + 1 : 0;
		r->leg[i].weight = rnd(3) ? 1 : rnd(256) + 1;
		r->leg[i].flags = rnd(4) ? 0 : RTNH_F_ONLINK;
		r->leg[i].label = rnd(6) ? 0 : rnd(1u << 20) + 1;
		if (rnd(2) || !r->leg[i].ifindex)
			r->leg[i].via = any_prefix(true);
	}
}

static void any_object(struct anod_object *o, unsigned n)
{
	struct anod_route *r = &o->u.route;
	struct anod_rule *u = &o->u.rule;

	*o = (struct anod_object){ .type = ANOD_OBJ_LINK + rnd(ANOD_OBJ_TYPES - 1),
				   .flags = rnd(10) ? 0 : rnd(4) };
	switch ((enum anod_obj_type) o->type) {
	case ANOD_OBJ_LINK:
		o->u.link = (struct anod_link){ .ifindex = n + 1,
						.flags = rnd(2) ? IFF_UP | IFF_RUNNING : rnd(65536),
						.mtu = rnd(2) ? 1500 : rnd(9000),
						.master = rnd(2) ? 0 : n + 100,
						.carrier = (uint8_t) rnd(2),
						.operstate = (uint8_t) rnd(7),
						.carrier_up = rnd(3),
						.lladdr_len = (uint8_t) (rnd(2) * 6),
						.conf = (uint8_t) (rnd(2) ? 0 : rnd(64)),
						.vrf_table = rnd(3) ? 0 : rnd(300) };
		if (o->u.link.conf & ANOD_LINK_CONF4)
			o->u.link.rp_filter = (uint8_t) rnd(3);
		(void) snprintf(o->u.link.name, ANOD_IFNAME_SIZE, rnd(2) ? "eth%u" : "%u.a-b:%u", n,
				n);
		for (unsigned i = 0; i < o->u.link.lladdr_len; i++)
			o->u.link.lladdr[i] = (uint8_t) rnd(256);
		break;
	case ANOD_OBJ_ADDR:
		o->u.addr = (struct anod_addr){ .ifindex = rnd(9) + 1,
						.flags = rnd(2) ? 128 : rnd(4096),
						.local = any_prefix(true),
						.scope = (uint8_t) (rnd(2) * 253) };
		o->u.addr.local.len = (uint8_t) rnd(o->u.addr.local.len + 1u);
		if (rnd(3) == 0)
			o->u.addr.peer = any_prefix(true);
		break;
	case ANOD_OBJ_ROUTE:
		*r = (struct anod_route){ .dst = any_prefix(false),
					  .table = rnd(2) ? 254 : rnd(1000) + 1,
					  .metric = rnd(2) ? 0 : rnd(5000),
					  .tos = rnd(8) ? 0 : 4,
					  .flags = rnd(8) ? 0 : 16,
					  .mtu = rnd(4) ? 0 : 1400,
					  .protocol = (uint8_t) rnd(256),
					  .type = (uint8_t) (rnd(3) ? RTN_UNICAST : 1 + rnd(9)),
					  .scope = (uint8_t) (rnd(2) * 253) };
		if (rnd(4) == 0)
			r->nhid = rnd(100) + 1;
		if (r->type == RTN_UNICAST)
			any_legs(r);
		if (rnd(4) == 0)
			r->prefsrc = any_prefix(true);
		break;
	case ANOD_OBJ_NEXTHOP:
		o->u.nexthop = (struct anod_nexthop){ .id = n + 1,
						      .ifindex = rnd(5),
						      .flags = rnd(4) ? 0 : RTNH_F_ONLINK,
						      .family = rnd(2) ? AF_INET : AF_INET6,
						      .protocol = (uint8_t) rnd(256),
						      .blackhole = (uint8_t) (rnd(5) == 0),
						      .n_members = (uint8_t) (rnd(2) * rnd(5)) };
		if (rnd(2))
			o->u.nexthop.via = any_prefix(true);
		for (unsigned i = 0; i < o->u.nexthop.n_members; i++)
			o->u.nexthop.member[i] =
				(struct anod_member){ rnd(1000) + 1, rnd(2) ? 1 : rnd(256) + 1 };
		break;
	case ANOD_OBJ_RULE:
		*u = (struct anod_rule){ .family = rnd(2) ? AF_INET : AF_INET6,
					 .priority = rnd(32767),
					 .fwmark = rnd(3) ? 0 : rnd(1000),
					 .fwmask = rnd(2) ? 0 : rnd(1000),
					 .table = rnd(300),
					 .suppress_len = rnd(3) ? 0 : rnd(33),
					 .flags = rnd(4) ? 0 : 2,
					 .action = (uint8_t) (rnd(3) ? 1 : rnd(9)),
					 .tos = (uint8_t) rnd(16),
					 .protocol = (uint8_t) rnd(256),
					 .l3mdev = (uint8_t) rnd(2),
					 .ipproto = (uint8_t) (rnd(2) ? 0 : rnd(256)) };
		if (u->action == FR_ACT_GOTO)
			u->target = rnd(32767);
		if (rnd(3) == 0) {
			u->sport_first = (uint16_t) (1 + rnd(1000));
			u->sport_last = (uint16_t) (u->sport_first + rnd(2) * rnd(1000));
		}
		if (rnd(3) == 0) {
			u->dport_first = (uint16_t) (1 + rnd(1000));
			u->dport_last = 65535;
		}
		if (rnd(3) == 0) {
			u->has_uid = 1;
			u->uid_first = rnd(1000);
			u->uid_last = rnd(2) ? UINT32_MAX - 1 : u->uid_first;
		}
		if (rnd(2)) {
			u->src = any_prefix(false);
			u->family = u->src.family;
		}
		if (rnd(2))
			(void) copy_text(u->iif, sizeof(u->iif), "wan0.7");
		break;
	case ANOD_OBJ_NEIGH:
		o->u.neigh =
			(struct anod_neigh){ .ifindex = rnd(5) + 1,
					     .dst = any_prefix(true),
					     .state = (uint16_t) (rnd(2) ? NUD_STALE : rnd(256)),
					     .flags = (uint8_t) rnd(256),
					     .lladdr_len = (uint8_t) (rnd(2) * 6),
					     .probes = rnd(4) };
		break;
	case ANOD_OBJ_QDISC:
		o->u.qdisc =
			(struct anod_qdisc){ .ifindex = n + 1,
					     .kind = "fq_codel",
					     .handle = rnd(2) ? 0 : rnd(1u << 24) << 8,
					     .limit = rnd(2) * rnd(10000),
					     .rate_bps = (uint64_t) (rnd(2) * rnd(1u << 20)) << 12,
					     .burst = rnd(2) * rnd(100000),
					     .target_us = rnd(2) * 5000,
					     .interval_us = rnd(2) * rnd(100000),
					     .quantum = rnd(2) * 1514,
					     .flows = rnd(2) * 1024,
					     .overhead = rnd(2) ? 0 : (uint32_t) -20,
					     .flags = rnd(128) };
		break;
	case ANOD_OBJ_SYSCTL:
		(void) snprintf(o->u.sysctl.name, ANOD_SYSCTL_SIZE, "net.ipv4.conf.e%u.7.x", n);
		o->u.sysctl.value = (int64_t) rnd(1u << 20) << 30;
		break;
	case ANOD_OBJ_WGPEER:
		o->u.wgpeer = (struct anod_wgpeer){ .ifindex = rnd(5) + 1,
						    .port = (uint16_t) rnd(65536),
						    .keepalive_s = (uint16_t) (rnd(2) * 25) };
		for (unsigned i = 0; i < 32; i++)
			o->u.wgpeer.public_key[i] = (uint8_t) rnd(256);
		if (rnd(2))
			o->u.wgpeer.endpoint = any_prefix(true);
		break;
	case ANOD_OBJ_UNIT:
		o->u.unit = (struct anod_sdunit){ .starts = rnd(3), .active = (uint8_t) rnd(2) };
		(void) snprintf(o->u.unit.name, ANOD_UNIT_SIZE, "a-%u@b.service", n);
		break;
	}
}

struct copy {
	struct model *m;
	char *text;
	size_t size;
	FILE *f;
	unsigned differ;
};

static int write_one(const struct anod_object *o, void *data)
{
	struct copy *c = data;
	char line[2048];

	snapshot_line(c->m, o, line, sizeof(line));
	(void) fprintf(c->f, "%s\n", line);
	return 0;
}

static int compare_one(const struct anod_object *o, void *data)
{
	struct copy *c = data;
	struct anod_object got;
	char line[2048];

	if (model_get(c->m, o, &got) == 0 && memcmp(&got, o, sizeof(got)) == 0)
		return 0;
	snapshot_line(c->m, o, line, sizeof(line));
	cr_log_error("lost on the way: %s", line);
	c->differ++;
	return 0;
}

Test(snapshot, survives_a_round_trip, .init = setup, .fini = teardown)
{
	for (unsigned seed = 1; seed <= 200; seed++) {
		_cleanup_(model_freep) struct model *m = model_new(), *back = model_new();
		struct copy c = { .m = m };
		struct anod_object o;

		state = seed;
		for (unsigned i = 0; i < 30; i++) {
			any_object(&o, i);
			(void) model_put(m, &o);
		}
		c.f = open_memstream(&c.text, &c.size);
		for (int t = ANOD_OBJ_LINK; t < ANOD_OBJ_TYPES; t++)
			(void) model_each(m, (enum anod_obj_type) t, write_one, &c);
		(void) fclose(c.f);
		cr_assert(read_text(c.text, back) == 0, "seed %u: %s in\n%s", seed,
			  diags.n ? diags.item[0].text : "", c.text);
		c.m = back;
		for (int t = ANOD_OBJ_LINK; t < ANOD_OBJ_TYPES; t++) {
			(void) model_each(m, (enum anod_obj_type) t, compare_one, &c);
			cr_expect(model_count(m, (enum anod_obj_type) t) ==
				  model_count(back, (enum anod_obj_type) t));
		}
		free(c.text);
		cr_assert(c.differ == 0, "seed %u", seed);
	}
}

Test(snapshot, names_the_first_mistake_of_a_line)
{
	wrong("lnk wan0\n", "expected link, addr, route, nexthop, rule, neigh, qdisc, sysctl, "
			    "wgpeer, unit or fact, not 'lnk'");
	wrong("link a\nqdisc a kind fq_codel limt 5\n",
	      "'limt' is not known of a qdisc; did you mean 'limit'?");
	wrong("link a\nwgpeer a key \"short\"\n", "expected a key as wg(8) shows it, not 'key'");
	wrong("sysctl \"net.core.rmem_max\"\n", "the line ends where a number is expected");
	wrong("link wan0 mut 1400\n", "'mut' is not known of a link; did you mean 'mtu'?");
	wrong("link wan0\nlink wan0 index 1\n", "this is there already; one line for each");
	wrong("link a\nlink a\n", "there are two links of this name");
	wrong("route 10.0.0.0/8 dev wan9\n", "there is no link 'wan9'; write a line for it");
	wrong("route via 10.0.0.1\n", "expected an address or a prefix, not 'via'");
	wrong("route 10.0.0.0/8 metric\n", "the line ends where a number is expected");
	wrong("addr 10.0.0.1/33 dev a\n",
	      "expected an address with its length such as 192.0.2.1/24, not '10.0.0.1/33'");
	wrong("addr 10.0.0.1/24\n", "the line ends where 'dev' and a link is expected");
	wrong("neigh 10.0.0.1 dev 1 lladdr \"02:zz\"\n",
	      "expected an address such as \"02:00:00:00:00:01\", not '\"02:zz\"'");
	wrong("fact link.carrier true\n",
	      "expected a fact with its entity such as link.wan0.carrier");
	wrong("fact link.wan0.carrier\n", "the line ends where a value is expected");
	wrong("fact link.wan0.carrier true old\n", "expected the end of the line, not 'old'");
	wrong("link aaaaaaaaaaaaaaaaaaaa\n",
	      "expected a name of at most 15 characters, not 'aaaaaaaaaaaaaaaaaaaa'");
}
