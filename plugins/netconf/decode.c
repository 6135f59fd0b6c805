/*
 * decode - the kernel's message of the settings of IP on links, taken apart.
 *
 * Design.  An event about one setting has that one only: what is not in a message is not known by
 * it, which 'known' tells.
 */
#include "decode.h"

#include <errno.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>

static void take(struct netconf *c, unsigned conf, int32_t value)
{
	c->value[conf] = value;
	c->known |= 1u << conf;
}

int decode_netconf(const struct nlmsghdr *m, struct netconf *ret)
{
	/* The family's header is one byte, padded. */
	const size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct netconfmsg));
	bool has_index = false;
	const struct nlattr *a;
	int left;

	if (m->nlmsg_type != RTM_NEWNETCONF)
		return 0;
	if (m->nlmsg_len < head)
		return -EBADMSG;
	memset(ret, 0, sizeof(*ret));
	ret->family = *((const uint8_t *) m + NLMSG_HDRLEN);
	if (ret->family != AF_INET && ret->family != AF_INET6)
		return 0;

	a = (const struct nlattr *) ((const uint8_t *) m + head);
	left = (int) (m->nlmsg_len - head);
	for (; nla_ok(a, left); a = nla_next(a, &left)) {
		int32_t v;

		if (nla_len(a) < (int) sizeof(v))
			continue;
		memcpy(&v, nla_data(a), sizeof(v));
		switch (nla_type(a)) {
		case NETCONFA_IFINDEX:
			ret->ifindex = v;
			has_index = true;
			break;
		case NETCONFA_FORWARDING:
			take(ret, CONF_FORWARDING, v);
			break;
		case NETCONFA_MC_FORWARDING:
			take(ret, CONF_MC_FORWARDING, v);
			break;
		case NETCONFA_PROXY_NEIGH:
			take(ret, CONF_PROXY_NEIGH, v);
			break;
		case NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN:
			take(ret, CONF_IGNORE_LINKDOWN, v);
			break;
		case NETCONFA_RP_FILTER:
			take(ret, CONF_RP_FILTER, v);
			break;
		}
	}
	return has_index ? 1 : -EBADMSG;
}
