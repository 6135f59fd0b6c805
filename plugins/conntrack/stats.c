/*
 * stats - ctnetlink's statistics, taken apart and summed up.
 *
 * Design.  The kernel's counters wrap at 2^32, which a busy router's "found" does within the hour,
 * so what each CPU said last is kept and differences are added.  The first reading counts in
 * full: the numbers are those of conntrack -S.
 */
#include "stats.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

#define ATTRS_MAX 31

static bool parse(const struct nlmsghdr *msg, uint8_t type, struct nlattr **tb,
		  struct nfgenmsg *ret)
{
	if (msg->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | type) ||
	    msg->nlmsg_len < NLMSG_LENGTH(sizeof(*ret)))
		return false;
	memcpy(ret, (const uint8_t *) msg + NLMSG_HDRLEN, sizeof(*ret));
	return nla_parse(
		       tb, ATTRS_MAX,
		       (struct nlattr *) ((uint8_t *) (uintptr_t) msg + NLMSG_SPACE(sizeof(*ret))),
		       (int) (msg->nlmsg_len - NLMSG_LENGTH(sizeof(*ret))), NULL) >= 0;
}

static bool number(struct nlattr *const *tb, unsigned type, uint32_t *ret)
{
	if (!tb[type] || nla_len(tb[type]) < 4)
		return false;
	*ret = ntohl(nla_get_u32(tb[type]));
	return true;
}

bool global_parse(const struct nlmsghdr *msg, struct global *ret)
{
	struct nlattr *tb[ATTRS_MAX + 1] = { 0 };
	struct nfgenmsg head;

	if (!parse(msg, IPCTNL_MSG_CT_GET_STATS, tb, &head))
		return false;
	*ret = (struct global){ 0 };
	ret->has_max = number(tb, CTA_STATS_GLOBAL_MAX_ENTRIES, &ret->max);
	return number(tb, CTA_STATS_GLOBAL_ENTRIES, &ret->entries);
}

bool cpu_parse(const struct nlmsghdr *msg, struct cpu *ret)
{
	static const uint8_t attr[COUNTERS] = {
		[COUNT_FOUND] = CTA_STATS_FOUND,
		[COUNT_INVALID] = CTA_STATS_INVALID,
		[COUNT_INSERT_FAILED] = CTA_STATS_INSERT_FAILED,
		[COUNT_DROP] = CTA_STATS_DROP,
		[COUNT_EARLY_DROP] = CTA_STATS_EARLY_DROP,
		[COUNT_ERROR] = CTA_STATS_ERROR,
		[COUNT_SEARCH_RESTART] = CTA_STATS_SEARCH_RESTART,
		[COUNT_CLASH] = CTA_STATS_CLASH_RESOLVE,
		[COUNT_CHAIN_TOOLONG] = CTA_STATS_CHAIN_TOOLONG,
	};
	struct nlattr *tb[ATTRS_MAX + 1] = { 0 };
	struct nfgenmsg head;

	if (!parse(msg, IPCTNL_MSG_CT_GET_STATS_CPU, tb, &head))
		return false;
	*ret = (struct cpu){ .number = ntohs(head.res_id) };
	for (unsigned i = 0; i < COUNTERS; i++)
		if (number(tb, attr[i], &ret->value[i]))
			ret->known |= 1u << i;
	return true;
}

void sums_begin(struct sums *s)
{
	s->known = (1u << COUNTERS) - 1;
}

/* Where a CPU is kept; made when new. */
static struct cpu *slot(struct sums *s, uint16_t cpu)
{
	struct cpu *more;

	for (uint32_t i = 0; i < s->n_cpus; i++)
		if (s->cpu[i].number == cpu)
			return &s->cpu[i];
	more = realloc(s->cpu, (s->n_cpus + 1) * sizeof(*more));
	if (!more)
		return NULL;
	s->cpu = more;
	more[s->n_cpus] = (struct cpu){ .number = cpu };
	return &more[s->n_cpus++];
}

int sums_add(struct sums *s, const struct cpu *c)
{
	struct cpu *was;

	if (c->number >= CPUS_MAX)
		return -E2BIG;
	was = slot(s, c->number);
	if (!was)
		return -ENOMEM;
	for (unsigned i = 0; i < COUNTERS; i++)
		if (c->known >> i & 1)
			s->total[i] += (uint32_t) (c->value[i] - was->value[i]);
	s->known &= c->known;
	*was = *c;
	return 0;
}

void sums_free(struct sums *s)
{
	free(s->cpu);
	*s = (struct sums){ 0 };
}
