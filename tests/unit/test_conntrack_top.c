/* Whose connections fill the table. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <anod/netlink.h>

#include "plugins/conntrack/top.c"

static struct anod_prefix source(uint32_t n)
{
	struct anod_prefix p = { .family = AF_INET, .len = 32 };

	memcpy(p.addr, &n, sizeof(n));
	return p;
}

/* An entry as ctnetlink_fill_info() writes it (uapi/linux/netfilter/nfnetlink_conntrack.h). */
static const struct nlmsghdr *entry(struct anod_nl_put *put, const void *addr, size_t size,
				    uint32_t status)
{
	struct nfgenmsg *g =
		anod_nl_begin(put, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW, 0, sizeof(*g));
	uint32_t tuple = anod_nl_nest(put, CTA_TUPLE_ORIG), ip = anod_nl_nest(put, CTA_TUPLE_IP);

	g->nfgen_family = size == 4 ? AF_INET : AF_INET6;
	anod_nl_attr(put, size == 4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, addr, size);
	anod_nl_nest_end(put, ip);
	anod_nl_nest_end(put, tuple);
	anod_nl_u32(put, CTA_STATUS, htonl(status));
	return anod_nl_end(put);
}

Test(conntrack_top, an_entry_has_a_source_and_was_answered_or_not)
{
	static const uint8_t v4[4] = { 192, 0, 2, 7 };
	static const uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9 };
	struct anod_nl_put put;
	struct nlmsghdr *m;
	struct anod_prefix p;
	bool replied;

	cr_assert(entry_parse(entry(&put, v4, 4, IPS_SEEN_REPLY | IPS_CONFIRMED), &p, &replied));
	cr_expect(replied && p.family == AF_INET && p.len == 32 && memcmp(p.addr, v4, 4) == 0);
	cr_assert(entry_parse(entry(&put, v6, 16, IPS_CONFIRMED), &p, &replied));
	cr_expect(!replied && p.len == 64 && memcmp(p.addr, v6, 8) == 0 && p.addr[8] == 0);
	cr_expect(!entry_parse(entry(&put, v6, 5, 0), &p, &replied), "no such address");
	m = (struct nlmsghdr *) (uintptr_t) entry(&put, v4, 4, 0);
	m->nlmsg_len -= 8;
	cr_expect(!entry_parse(m, &p, &replied), "cut");
	m->nlmsg_len = NLMSG_HDRLEN;
	cr_expect(!entry_parse(m, &p, &replied));
	m = (struct nlmsghdr *) (uintptr_t) entry(&put, v4, 4, 0);
	m->nlmsg_type = NLMSG_DONE;
	cr_expect(!entry_parse(m, &p, &replied));
}

Test(conntrack_top, the_largest_source_is_found_among_many)
{
	struct top *t = malloc(sizeof(*t));
	struct anod_prefix scanner = source(0xdeadbeef);
	const struct top_source *first;
	uint32_t n;

	top_begin(t);
	cr_expect_null(top_first(t));
	cr_expect_eq(top_sources(t), 0);
	for (uint32_t i = 0; i < 30000; i++) {
		struct anod_prefix p = source(i % 10000 * 2654435761u);

		top_add(t, &p, true);
		if (i % 2)
			top_add(t, &scanner, false);
	}
	first = top_first(t);
	cr_assert(first && memcmp(&first->source, &scanner, sizeof(scanner)) == 0);
	n = first->n - first->over;
	cr_expect(n <= 15000 && n >= 15000 - t->n / TOP_COUNTED, "%u of 15000", n);
	cr_expect(t->n == 45000 && t->n_unreplied == 15000);
	cr_expect(top_sources(t) > 9800 && top_sources(t) < 10200, "%u of 10001", top_sources(t));

	/* As many as are counted: exactly. */
	top_begin(t);
	for (uint32_t i = 0; i < 1000; i++) {
		struct anod_prefix p = source(i % 100);

		top_add(t, &p, true);
	}
	cr_expect_eq(top_sources(t), 100);
	first = top_first(t);
	cr_expect(first->n == 10 && first->over == 0);
	free(t);
}
