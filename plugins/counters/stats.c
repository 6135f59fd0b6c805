/*
 * stats - the kernel's message of link counters, taken apart.
 *
 * Design.  The counters are read where they lie: with the filter that we ask with they are the
 * first attribute, or the second after a padding, so the loop runs once or twice.
 */
#include "stats.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <netlink/attr.h>

int stats_parse(const struct nlmsghdr *m, struct stats *ret)
{
	const uint8_t *head = (const uint8_t *) m + NLMSG_HDRLEN;
	const struct nlattr *a;
	int left;

	if (m->nlmsg_type != RTM_NEWSTATS ||
	    m->nlmsg_len < NLMSG_HDRLEN + sizeof(struct if_stats_msg))
		return 0;

	left = (int) (m->nlmsg_len - NLMSG_HDRLEN - sizeof(struct if_stats_msg));
	a = (const struct nlattr *) (head + sizeof(struct if_stats_msg));
	for (; nla_ok(a, left); a = nla_next(a, &left)) {
		if ((a->nla_type & NLA_TYPE_MASK) != IFLA_STATS_LINK_64)
			continue;
		ret->ifindex = ((const struct if_stats_msg *) head)->ifindex;
		ret->n = (uint32_t) nla_len(a) / (uint32_t) sizeof(uint64_t);
		ret->data = nla_data(a);
		return 1;
	}
	return 0;
}
