/*
 * top - whose connections fill the table, and how many were never answered.
 *
 * Design.  The counted sources are a small array that is searched from end to end, with the one that
 * was found last tried first: entries of a scan come in runs.  How many sources there are is estimated by
 * linear counting (Whang, Vander-Zanden, Taylor, 1990).
 */
#include "top.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <math.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

static bool parse_source(struct nlattr *tuple, struct anod_prefix *ret)
{
	struct nlattr *t[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1];

	if (nla_parse_nested(t, CTA_TUPLE_MAX, tuple, NULL) < 0 || !t[CTA_TUPLE_IP] ||
	    nla_parse_nested(ip, CTA_IP_MAX, t[CTA_TUPLE_IP], NULL) < 0)
		return false;
	*ret = (struct anod_prefix){ 0 };
	if (ip[CTA_IP_V4_SRC] && nla_len(ip[CTA_IP_V4_SRC]) == 4) {
		ret->family = AF_INET;
		ret->len = 32;
		memcpy(ret->addr, nla_data(ip[CTA_IP_V4_SRC]), 4);
		return true;
	}
	if (ip[CTA_IP_V6_SRC] && nla_len(ip[CTA_IP_V6_SRC]) == 16) {
		ret->family = AF_INET6;
		ret->len = 64;
		memcpy(ret->addr, nla_data(ip[CTA_IP_V6_SRC]), 8);
		return true;
	}
	return false;
}

bool entry_parse(const struct nlmsghdr *msg, struct anod_prefix *ret_source, bool *ret_replied)
{
	struct nlattr *a[CTA_MAX + 1];
	uint32_t status;

	if (msg->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) ||
	    msg->nlmsg_len < NLMSG_HDRLEN + sizeof(struct nfgenmsg) ||
	    nlmsg_parse((struct nlmsghdr *) (uintptr_t) msg, sizeof(struct nfgenmsg), a, CTA_MAX,
			NULL) < 0 ||
	    !a[CTA_TUPLE_ORIG] || !a[CTA_STATUS] || nla_len(a[CTA_STATUS]) != sizeof(status))
		return false;
	memcpy(&status, nla_data(a[CTA_STATUS]), sizeof(status));
	*ret_replied = ntohl(status) & IPS_SEEN_REPLY;
	return parse_source(a[CTA_TUPLE_ORIG], ret_source);
}

void top_begin(struct top *t)
{
	memset(t, 0, sizeof(*t));
}

/* FNV-1a, with its upper half mixed in: it is the lower bits that are used. */
static uint32_t hash(const struct anod_prefix *p)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (unsigned i = 0; i < sizeof(p->addr); i++)
		h = (h ^ p->addr[i]) * UINT64_C(0x100000001b3);
	h ^= p->family;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t) (h >> 32);
}

void top_add(struct top *t, const struct anod_prefix *source, bool replied)
{
	uint32_t h = hash(source) % TOP_BITS;
	struct top_source *least = &t->counted[0], *c;

	t->n++;
	t->n_unreplied += !replied;
	t->bit[h / 32] |= 1u << h % 32;
	for (unsigned i = 0; i < t->n_counted; i++) {
		c = &t->counted[i];
		if (memcmp(&c->source, source, sizeof(*source)) == 0) {
			struct top_source found = *c;

			/* To the front, so that a run is found at once. */
			*c = t->counted[0];
			found.n++;
			t->counted[0] = found;
			return;
		}
		if (c->n < least->n)
			least = c;
	}
	if (t->n_counted < TOP_COUNTED) {
		t->counted[t->n_counted++] = (struct top_source){ .source = *source, .n = 1 };
		return;
	}
	least->over = least->n++;
	least->source = *source;
}

const struct top_source *top_first(const struct top *t)
{
	const struct top_source *first = NULL;

	for (unsigned i = 0; i < t->n_counted; i++) {
		const struct top_source *c = &t->counted[i];

		if (!first || c->n - c->over > first->n - first->over)
			first = c;
	}
	return first;
}

uint32_t top_sources(const struct top *t)
{
	unsigned zero = 0;

	if (t->n_counted < TOP_COUNTED)
		return t->n_counted;
	for (unsigned i = 0; i < TOP_BITS / 32; i++)
		zero += 32 - (unsigned) __builtin_popcount(t->bit[i]);
	if (zero == 0)
		zero = 1;
	return (uint32_t) (TOP_BITS * log((double) TOP_BITS / zero) + 0.5);
}
