/*
 * link_info - what a message says of a link that is a master, or has one.
 *
 * Design.  A bond has IFLA_INFO_DATA of kind "bond", its member IFLA_INFO_SLAVE_DATA of slave kind
 * "bond"; with bridges it is the same.  Messages of AF_BRIDGE are about ports as well, with the
 * attributes elsewhere, and are left to those who ask for them.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <netlink/attr.h>

#include <anod/masters.h>

int anod_link_info(const struct nlmsghdr *m, const char *kind, bool member,
		   struct anod_link_info *ret)
{
	const struct nlattr *head, *info, *name, *of_kind, *master;
	struct ifinfomsg i;
	int left;

	if (m->nlmsg_type != RTM_NEWLINK)
		return 0;
	if (m->nlmsg_len < NLMSG_HDRLEN + sizeof(i))
		return -EBADMSG;
	memcpy(&i, (const uint8_t *) m + NLMSG_HDRLEN, sizeof(i));
	head = (const struct nlattr *) ((const uint8_t *) m + NLMSG_HDRLEN + sizeof(i));
	left = (int) (m->nlmsg_len - NLMSG_HDRLEN - sizeof(i));
	info = nla_find(head, left, IFLA_LINKINFO);
	if (i.ifi_family != AF_UNSPEC || !info)
		return 0;
	of_kind = nla_find(nla_data(info), nla_len(info),
			   member ? IFLA_INFO_SLAVE_KIND : IFLA_INFO_KIND);
	if (!of_kind || nla_strcmp(of_kind, kind) != 0)
		return 0;

	memset(ret, 0, sizeof(*ret));
	name = nla_find(head, left, IFLA_IFNAME);
	if (!name || nla_len(name) < 2 || i.ifi_index <= 0)
		return -EBADMSG;
	(void) nla_strlcpy(ret->name, name, sizeof(ret->name));
	if (!ret->name[0])
		return -EBADMSG;
	ret->ifindex = (uint32_t) i.ifi_index;
	master = nla_find(head, left, IFLA_MASTER);
	if (master && nla_len(master) >= (int) sizeof(ret->master))
		memcpy(&ret->master, nla_data(master), sizeof(ret->master));
	ret->data = nla_find(nla_data(info), nla_len(info),
			     member ? IFLA_INFO_SLAVE_DATA : IFLA_INFO_DATA);
	return ret->data && (ret->master || !member) ? 1 : 0;
}
