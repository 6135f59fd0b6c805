/* Requests for qdiscs, sysctls, peers of WireGuard and units, as bytes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>
#include <arpa/inet.h>
#include <string.h>

#include <anod/rtnl.h>

#include "rtnl/wire.h"

static uint8_t buf[ANOD_NLMSG_MAX] __attribute__((aligned(8)));

/* ---- qdiscs ---------------------------------------------------------------------------------- */

static const struct anod_qdisc qdiscs[] = {
	{ .kind = "tbf", .rate_bps = 8000000, .burst = 15140, .limit = 60000 },
	{ .kind = "tbf", .rate_bps = UINT64_C(80000000000), .burst = 40000000, .limit = 500000000 },
	{ .kind = "fq_codel",
	  .limit = 10240,
	  .flows = 1024,
	  .target_us = 5000,
	  .interval_us = 100000,
	  .quantum = 1514,
	  .flags = ANOD_QDISC_ECN },
	{ .kind = "codel", .limit = 1000, .target_us = 5000, .interval_us = 100000 },
	{ .kind = "fq", .limit = 10000, .flows = 512, .quantum = 3028 },
	{ .kind = "cake",
	  .rate_bps = 50000000,
	  .interval_us = 100000,
	  .target_us = 5000,
	  .overhead = (uint32_t) -4,
	  .flags =
		  ANOD_QDISC_BESTEFFORT | ANOD_QDISC_NAT | ANOD_QDISC_SPLIT_GSO | ANOD_QDISC_WASH },
	{ .kind = "cake", .interval_us = 30000, .target_us = 1500 },
	{ .kind = "pfifo", .limit = 1000 },
	{ .kind = "bfifo", .limit = 100000 },
	{ .kind = "pfifo_fast" },
	{ .kind = "noqueue" },
};

/* As the kernel keeps and tells them: a tbf's bucket as ticks, codel's times in units of 1.024 us. */
static void as_the_kernel_tells(struct nlmsghdr *m, const struct anod_qdisc *q)
{
	struct nlattr *a, *o;
	int rest, rest2;
	size_t head = NLMSG_HDRLEN + sizeof(struct tcmsg);

	nla_for_each_attr(a, (struct nlattr *) ((uint8_t *) m + head), (int) (m->nlmsg_len - head),
			  rest)
	{
		if (nla_type(a) != TCA_OPTIONS || strcmp(q->kind, "tbf") == 0)
			continue;
		nla_for_each_nested(o, a, rest2)
		{
			uint32_t v = nla_len(o) == 4 ? nla_get_u32(o) : 0;

			if (strstr(q->kind, "codel") &&
			    (v == q->target_us || v == q->interval_us)) {
				v = (uint32_t) (((uint64_t) v * 1000 >> 10 << 10) / 1000);
				memcpy(nla_data(o), &v, sizeof(v));
			}
		}
	}
}

Test(rtnl_settings, a_qdisc_survives_the_way_to_the_kernel_and_back)
{
	for (size_t i = 0; i < ARRAY_SIZE(qdiscs); i++) {
		struct anod_object o = { .type = ANOD_OBJ_QDISC }, back;
		struct nlmsghdr *m = (struct nlmsghdr *) buf;
		bool gone = true;

		o.u.qdisc = qdiscs[i];
		o.u.qdisc.ifindex = 7;
		o.u.qdisc.handle = 0x80010000;
		cr_assert_gt(anod_rtnl_encode(ANOD_RTNL_SET, &o, NULL, buf), 0, "%zu", i);
		cr_expect_eq(m->nlmsg_type, RTM_NEWQDISC);
		as_the_kernel_tells(m, &qdiscs[i]);
		if (strcmp(qdiscs[i].kind, "tbf") == 0)
			continue; /* its bucket comes back in other words: tests on the kernel */
		cr_assert_eq(anod_rtnl_decode(m, &back, &gone), 1, "%s", qdiscs[i].kind);
		cr_expect(!gone && back.flags == 0, "%s: %u", qdiscs[i].kind, back.flags);
		cr_expect(memcmp(&back, &o, sizeof(o)) == 0, "%s", qdiscs[i].kind);
	}
}

/* The member of a struct tcmsg that says so. */
static int decode_tc(uint16_t type, uint32_t parent, uint32_t handle, const char *kind,
		     struct anod_object *ret, bool *gone)
{
	struct put p;
	struct tcmsg *t = put_begin(&p, buf, type, 0, sizeof(*t));

	t->tcm_ifindex = 7;
	t->tcm_parent = parent;
	t->tcm_handle = handle;
	put_name(&p, TCA_KIND, kind);
	(void) put_end(&p);
	return anod_rtnl_decode((struct nlmsghdr *) buf, ret, gone);
}

Test(rtnl_settings, only_what_somebody_chose_counts_as_a_qdisc)
{
	struct anod_object o;
	bool gone;

	/* The kernel's own choice: there is none. */
	cr_expect_eq(decode_tc(RTM_NEWQDISC, TC_H_ROOT, 0, "fq_codel", &o, &gone), 1);
	cr_expect(gone && o.u.qdisc.ifindex == 7);
	cr_expect_eq(decode_tc(RTM_NEWQDISC, 1, 0, "pfifo_fast", &o, &gone), 0, "came with mq");
	cr_expect_eq(decode_tc(RTM_NEWQDISC, TC_H_CLSACT, 0xffff0000, "clsact", &o, &gone), 0);

	cr_expect_eq(decode_tc(RTM_NEWQDISC, TC_H_ROOT, 0x10000, "htb", &o, &gone), 1);
	cr_expect(!gone && o.flags == ANOD_OBJ_LOSSY);
	cr_expect_eq(anod_rtnl_encode(ANOD_RTNL_SET, &o, NULL, buf), -EOPNOTSUPP);
	cr_expect_eq(anod_rtnl_encode(ANOD_RTNL_DEL, &o, NULL, buf), -EOPNOTSUPP);
	cr_expect_eq(decode_tc(RTM_NEWQDISC, 0x10001, 0x20000, "pfifo_fast", &o, &gone), 1);
	cr_expect_eq(o.flags, ANOD_OBJ_LOSSY | ANOD_OBJ_BELOW);
	cr_expect_eq(decode_tc(RTM_DELQDISC, TC_H_ROOT, 0x10000, "noqueue", &o, &gone), 1);
	cr_expect(gone);
	cr_expect_eq(decode_tc(RTM_NEWQDISC, TC_H_ROOT, 0x10000, "pfifo", &o, &gone), -EBADMSG);
}

Test(rtnl_settings, a_change_in_place_keeps_the_queue_and_another_kind_does_not)
{
	struct anod_object a = { .type = ANOD_OBJ_QDISC }, b;
	const struct tcmsg *t = wire_head((const struct nlmsghdr *) buf);

	a.u.qdisc = qdiscs[2];
	a.u.qdisc.handle = 0x80010000;
	b = a;
	b.u.qdisc.handle = 0;
	b.u.qdisc.limit = 500;
	cr_assert_gt(anod_rtnl_encode(ANOD_RTNL_SET, &b, &a, buf), 0);
	cr_expect_eq(t->tcm_handle, 0);
	b.u.qdisc.flows = 64;
	cr_assert_gt(anod_rtnl_encode(ANOD_RTNL_SET, &b, &a, buf), 0);
	cr_expect(t->tcm_handle && t->tcm_handle != a.u.qdisc.handle, "a new one of the same kind");
	cr_assert_gt(anod_rtnl_encode(ANOD_RTNL_SET, &a, &b, buf), 0);
	cr_expect_eq(t->tcm_handle, a.u.qdisc.handle, "one that comes back gets its own");
}

Test(rtnl_settings, what_the_kernel_rounds_is_no_change)
{
	struct anod_object a = { .type = ANOD_OBJ_QDISC }, b;

	a.u.qdisc = qdiscs[1];
	b = a;
	b.u.qdisc.handle = 5;
	b.u.qdisc.burst -= 600; /* a tick of 64 ns is 640 bytes at 10 GB/s */
	cr_expect(anod_object_matches(&a, &b, NULL));
	b.u.qdisc.burst -= 6000;
	cr_expect(!anod_object_matches(&a, &b, NULL));
	b = a;
	b.u.qdisc.limit++;
	cr_expect(!anod_object_matches(&a, &b, NULL));
}

/* ---- sysctls --------------------------------------------------------------------------------- */

Test(rtnl_settings, a_name_becomes_a_path_only_by_the_list)
{
	static const struct {
		const char *name, *path, *link;
	} good[] = {
		{ "net.core.rmem_max", "core/rmem_max", NULL },
		{ "net.ipv4.neigh.default.gc_thresh3", "ipv4/neigh/default/gc_thresh3", NULL },
		{ "net.ipv4.conf.eth0.rp_filter", "ipv4/conf/eth0/rp_filter", "eth0" },
		{ "net.ipv4.conf.eth0.100.rp_filter", "ipv4/conf/eth0.100/rp_filter", "eth0.100" },
		{ "net.ipv4.conf.rp_filter.rp_filter", "ipv4/conf/rp_filter/rp_filter",
		  "rp_filter" },
	};
	static const char *const bad[] = {
		"",
		"net.",
		"net.core.rmem_maxx",
		"net.core",
		"kernel.core_pattern",
		"net.ipv4.ip_forward",
		"net.ipv4.conf..rp_filter",
		"net.ipv4.conf.all.rp_filter",
		"net.ipv4.conf.default.rp_filter",
		"net.ipv4.conf...rp_filter",
		"net.ipv4.conf....rp_filter",
		"net.ipv4.conf.../../kernel.rp_filter",
		"net.ipv4.conf.a/b.rp_filter",
		"net.ipv4.conf.a b.rp_filter",
		"net.ipv4.conf.a\nb.rp_filter",
		"net.ipv4.conf.sixteencharacter.rp_filter",
		"net.ipv4.conf.rp_filter",
		"net/core/rmem_max",
	};
	char path[128], link[ANOD_IFNAME_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		cr_assert_eq(anod_sysctl_path(good[i].name, path, sizeof(path)), 0, "%s",
			     good[i].name);
		cr_expect_str_eq(path, good[i].path);
		cr_expect_eq(anod_sysctl_link(good[i].name, link), good[i].link != NULL);
		if (good[i].link)
			cr_expect_str_eq(link, good[i].link);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cr_expect_eq(anod_sysctl_path(bad[i], path, sizeof(path)), -EPERM, "%s", bad[i]);
		cr_expect_null(anod_sysctl_find(bad[i]), "%s", bad[i]);
	}
}

Test(rtnl_settings, every_rule_has_a_path_and_a_range)
{
	const struct anod_sysctl_rule *rule;
	char path[128], why[160];

	for (unsigned i = 0; (rule = anod_sysctl_nth(i)); i++) {
		struct anod_sysctl s = { .value = rule->min };
		const char *star = strchr(rule->name, '*');

		(void) snprintf(s.name, sizeof(s.name), "%.*s%s%s",
				star ? (int) (star - rule->name) : 96, rule->name,
				star ? "wan0" : "", star ? star + 1 : "");
		cr_expect_eq(anod_sysctl_find(s.name), rule, "%s is under two rules", s.name);
		cr_expect_eq(anod_sysctl_path(s.name, path, sizeof(path)), 0);
		cr_expect(rule->min < rule->max && rule->scope && rule->help[0]);
		cr_expect_eq(anod_sysctl_check(&s, why, sizeof(why)), 0);
		s.value = rule->max + 1;
		cr_expect_eq(anod_sysctl_check(&s, why, sizeof(why)), -ERANGE);
		s.value = rule->min - 1;
		cr_expect_eq(anod_sysctl_check(&s, why, sizeof(why)), -ERANGE);
	}
}

/* ---- requests of anod's own -------------------------------------------------------------------- */

Test(rtnl_settings, a_request_of_our_own_is_sound_in_one_form_only)
{
	struct anod_object o = { .type = ANOD_OBJ_SYSCTL, .u.sysctl.value = 1 };
	int n;

	strcpy(o.u.sysctl.name, "net.ipv4.tcp_mtu_probing");
	n = anod_rtnl_encode(ANOD_RTNL_SET, &o, NULL, buf);
	cr_assert_gt(n, 0);
	cr_expect(anod_own_is((const struct nlmsghdr *) buf));
	cr_expect(anod_own_sound(buf, (size_t) n, false));
	cr_expect(!anod_own_sound(buf, (size_t) n, true), "it does not ask");
	cr_expect(!anod_own_sound(buf, (size_t) n - 1, false));
	cr_expect(!anod_own_sound(buf, 8, false));
	/* Every byte behind the end of the name counts. */
	buf[NLMSG_HDRLEN + 60] = 1;
	cr_expect(!anod_own_sound(buf, (size_t) n, false));
	buf[NLMSG_HDRLEN + 60] = 0;
	buf[NLMSG_HDRLEN] = 'k';
	cr_expect(!anod_own_sound(buf, (size_t) n, false));

	o.u.sysctl.value = 9;
	n = anod_rtnl_encode(ANOD_RTNL_SET, &o, NULL, buf);
	cr_expect(!anod_own_sound(buf, (size_t) n, false), "out of its range");
	cr_expect_eq(anod_rtnl_encode(ANOD_RTNL_DEL, &o, NULL, buf), -EOPNOTSUPP);

	o = (struct anod_object){ .type = ANOD_OBJ_UNIT };
	strcpy(o.u.unit.name, "bird.service");
	n = anod_rtnl_encode(ANOD_RTNL_SET, &o, NULL, buf);
	cr_expect(n > 0 && anod_own_sound(buf, (size_t) n, false));
	strcpy(o.u.unit.name, "anod.service");
	cr_expect_eq(anod_rtnl_encode(ANOD_RTNL_SET, &o, NULL, buf), -EOPNOTSUPP);
}

Test(rtnl_settings, no_unit_of_the_machines_own_is_started)
{
	static const char *const bad[] = { "",
					   "bird",
					   ".service",
					   "bird.target",
					   "anod.service",
					   "anod-x.service",
					   "dbus.service",
					   "dbus-broker.service",
					   "../x.service",
					   "a b.service",
					   "a/b.service",
					   "systemd-networkd.service",
					   "x;y.service",
					   "user@0.service" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect(!anod_unit_valid(bad[i]), "%s", bad[i]);
	cr_expect(anod_unit_valid("bird.service") && anod_unit_valid("frr@a-b.service"));
}

/* ---- WireGuard --------------------------------------------------------------------------------- */

struct seen {
	unsigned n;
	struct anod_object last;
};

static void see(void *data, const struct anod_object *o)
{
	struct seen *s = data;

	s->n++;
	s->last = *o;
}

/* After uapi/linux/wireguard.h; 'rest': only key and addresses, as in a message that goes on. */
static size_t add_peer(struct put *p, uint8_t key, bool rest)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(51820) };
	size_t peer = put_nest(p, 0);
	uint8_t bytes[32] = { key };

	put_attr(p, WGPEER_A_PUBLIC_KEY, bytes, 32);
	if (!rest) {
		inet_pton(AF_INET, "192.0.2.1", &at.sin_addr);
		put_attr(p, WGPEER_A_PRESHARED_KEY, bytes, 32);
		put_attr(p, WGPEER_A_ENDPOINT, &at, sizeof(at));
		put_u16(p, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 25);
	}
	put_nest_end(p, peer);
	return p->len;
}

Test(rtnl_settings, a_device_of_wireguard_may_come_in_parts)
{
	struct seen s = { 0 };
	uint32_t ifindex = 0;
	struct put p = { .buf = buf };
	size_t peers;

	put_u32(&p, WGDEVICE_A_IFINDEX, 9);
	peers = put_nest(&p, WGDEVICE_A_PEERS);
	(void) add_peer(&p, 1, false);
	put_nest_end(&p, peers);
	cr_assert_eq(anod_wgpeer_decode(buf, p.len, &ifindex, see, &s), 0);
	cr_expect(s.n == 1 && s.last.u.wgpeer.ifindex == 9 && s.last.u.wgpeer.keepalive_s == 25);
	cr_expect(s.last.u.wgpeer.port == 51820 && s.last.u.wgpeer.endpoint.addr[0] == 192);
	cr_expect_eq(anod_wgpeer_decode(buf, p.len - 3, &ifindex, see, &s), 0, "a part is cut off");

	p = (struct put){ .buf = buf };
	peers = put_nest(&p, WGDEVICE_A_PEERS);
	(void) add_peer(&p, 1, true);
	(void) add_peer(&p, 2, false);
	put_nest_end(&p, peers);
	s.n = 0;
	cr_assert_eq(anod_wgpeer_decode(buf, p.len, &ifindex, see, &s), 0);
	cr_expect(s.n == 1 && s.last.u.wgpeer.ifindex == 9 && s.last.u.wgpeer.public_key[0] == 2,
		  "the rest of a peer is no peer");
}

Test(rtnl_settings, a_key_has_one_text)
{
	static const char text[] = "tk3l6/HwGTDl5N4jIrBgbCJFGs1Uu0Lh0F7cKJkXN3g=";
	char again[ANOD_WGKEY_TEXT], other[sizeof(text)];
	uint8_t key[32];

	cr_assert_eq(anod_wgkey_parse(text, key), 0);
	cr_expect(key[0] == 0xb6 && key[1] == 0x4d && key[31] == 0x78);
	cr_expect_str_eq(anod_wgkey_text(key, again), text);
	strcpy(other, text);
	other[42] = 'h'; /* the bits that stand for nothing */
	cr_expect_eq(anod_wgkey_parse(other, key), -EINVAL);
	cr_expect_eq(anod_wgkey_parse("", key), -EINVAL);
	other[42] = '!';
	cr_expect_eq(anod_wgkey_parse(other, key), -EINVAL);
}

Test(rtnl_settings, only_what_a_change_of_a_peer_alters_counts)
{
	struct anod_object pre = { .type = ANOD_OBJ_WGPEER }, post, now;
	const struct anod_own_peer *m =
		(const struct anod_own_peer *) (const void *) (buf + NLMSG_HDRLEN);

	pre.u.wgpeer.ifindex = 3;
	pre.u.wgpeer.endpoint = (struct anod_prefix){ .family = AF_INET, .len = 32 };
	pre.u.wgpeer.port = 1;
	post = pre;
	post.u.wgpeer.keepalive_s = 25;
	now = post;
	now.u.wgpeer.port = 7; /* it has roamed */
	cr_expect(anod_object_matches(&now, &post, &pre));
	cr_expect(!anod_object_matches(&now, &post, NULL));
	cr_assert_gt(anod_rtnl_encode(ANOD_RTNL_SET, &post, &pre, buf), 0);
	cr_expect_eq(m->members, ANOD_WGPEER_KEEPALIVE);

	post = pre;
	post.u.wgpeer.port = 2;
	cr_expect(!anod_object_matches(&now, &post, &pre));
	cr_assert_gt(anod_rtnl_encode(ANOD_RTNL_SET, &post, &pre, buf), 0);
	cr_expect_eq(m->members, ANOD_WGPEER_ENDPOINT);
	/* An endpoint cannot be taken away. */
	pre.u.wgpeer.endpoint.family = 0;
	cr_expect_eq(anod_rtnl_encode(ANOD_RTNL_SET, &pre, &post, buf), -EOPNOTSUPP);
}
