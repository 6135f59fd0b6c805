/*
 * decode - what the kernel says of bridges, ports, VLANs and learned addresses, taken apart.
 *
 * Design.  A bridge and a port are RTM_NEWLINK with the attributes where a bond has them.  The
 * VLANs of one port may come in several messages and as ranges, so they are added up.
 */
#include "decode.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include <netlink/attr.h>

#include <anod/masters.h>

/* As many bytes as the attribute has, up to 4, in the order of the machine. */
static uint32_t number(const struct nlattr *a)
{
	uint16_t v16;
	uint32_t v32;

	switch (nla_len(a)) {
	case 0:
		return 0;
	case 1:
		return *(const uint8_t *) nla_data(a);
	case 2:
	case 3:
		memcpy(&v16, nla_data(a), sizeof(v16));
		return v16;
	default:
		memcpy(&v32, nla_data(a), sizeof(v32));
		return v32;
	}
}

static void take_id(const struct nlattr *a, uint8_t *ret)
{
	if (nla_len(a) >= BRIDGE_ID_SIZE)
		memcpy(ret, nla_data(a), BRIDGE_ID_SIZE);
}

int decode_bridge(const struct nlmsghdr *m, struct bridge *ret)
{
	struct anod_link_info link;
	const struct nlattr *a;
	int left, r = anod_link_info(m, "bridge", false, &link);

	if (r <= 0)
		return r;
	memset(ret, 0, sizeof(*ret));
	ret->ifindex = link.ifindex;
	memcpy(ret->name, link.name, sizeof(ret->name));
	nla_for_each_nested(a, link.data, left)
	{
		switch (nla_type(a)) {
		case IFLA_BR_STP_STATE:
			ret->stp = number(a) != 0;
			break;
		case IFLA_BR_VLAN_FILTERING:
			ret->vlan_filtering = number(a) != 0;
			break;
		case IFLA_BR_TOPOLOGY_CHANGE:
			ret->topology_change = number(a) != 0;
			break;
		case IFLA_BR_TOPOLOGY_CHANGE_DETECTED:
			ret->topology_detected = number(a) != 0;
			break;
		case IFLA_BR_MCAST_SNOOPING:
			ret->snooping = number(a) != 0;
			break;
		case IFLA_BR_MCAST_QUERIER:
			ret->querier = number(a) != 0;
			break;
		case IFLA_BR_ROOT_PORT:
			ret->root_port = (uint16_t) number(a);
			break;
		case IFLA_BR_ROOT_PATH_COST:
			ret->root_cost = number(a);
			break;
		case IFLA_BR_ROOT_ID:
			take_id(a, ret->root);
			break;
		case IFLA_BR_BRIDGE_ID:
			take_id(a, ret->id);
			break;
		}
	}
	return 1;
}

int decode_port(const struct nlmsghdr *m, struct bridge_port *ret)
{
	struct anod_link_info link;
	const struct nlattr *a;
	int left, r = anod_link_info(m, "bridge", true, &link);

	if (r <= 0)
		return r;
	memset(ret, 0, sizeof(*ret));
	ret->ifindex = link.ifindex;
	ret->master = link.master;
	memcpy(ret->name, link.name, sizeof(ret->name));
	nla_for_each_nested(a, link.data, left)
	{
		switch (nla_type(a)) {
		case IFLA_BRPORT_STATE:
			ret->state = (uint8_t) number(a);
			break;
		case IFLA_BRPORT_PRIORITY:
			ret->priority = (uint16_t) number(a);
			break;
		case IFLA_BRPORT_COST:
			ret->cost = number(a);
			break;
		case IFLA_BRPORT_GUARD:
			ret->guard = number(a) != 0;
			break;
		case IFLA_BRPORT_PROTECT:
			ret->root_block = number(a) != 0;
			break;
		case IFLA_BRPORT_LEARNING:
			ret->learning = number(a) != 0;
			break;
		case IFLA_BRPORT_UNICAST_FLOOD:
			ret->flood = number(a) != 0;
			break;
		case IFLA_BRPORT_ISOLATED:
			ret->isolated = number(a) != 0;
			break;
		case IFLA_BRPORT_LOCKED:
			ret->locked = number(a) != 0;
			break;
		case IFLA_BRPORT_NO:
			ret->number = (uint16_t) number(a);
			break;
		}
	}
	return 1;
}

int decode_fdb(const struct nlmsghdr *m, struct fdb_entry *ret)
{
	const struct nlattr *a;
	struct ndmsg head;
	bool has_mac = false;
	int left;

	if (m->nlmsg_type != RTM_NEWNEIGH)
		return 0;
	if (m->nlmsg_len < NLMSG_HDRLEN + sizeof(head))
		return -EBADMSG;
	memcpy(&head, (const uint8_t *) m + NLMSG_HDRLEN, sizeof(head));
	if (head.ndm_family != AF_BRIDGE)
		return 0;

	memset(ret, 0, sizeof(*ret));
	ret->port = (uint32_t) head.ndm_ifindex;
	ret->fixed = head.ndm_state & (NUD_PERMANENT | NUD_NOARP);
	a = (const struct nlattr *) ((const uint8_t *) m + NLMSG_HDRLEN + sizeof(head));
	left = (int) (m->nlmsg_len - NLMSG_HDRLEN - sizeof(head));
	for (; nla_ok(a, left); a = nla_next(a, &left)) {
		switch (nla_type(a)) {
		case NDA_LLADDR:
			if (nla_len(a) != sizeof(ret->mac))
				return 0;
			memcpy(ret->mac, nla_data(a), sizeof(ret->mac));
			has_mac = true;
			break;
		case NDA_MASTER:
			ret->master = number(a);
			break;
		case NDA_VLAN:
			ret->vlan = (uint16_t) number(a);
			break;
		}
	}
	return has_mac && ret->master ? 1 : 0;
}

/* ---- VLANs -------------------------------------------------------------------------------- */

static void add_text(struct port_vlans *v, uint16_t from, uint16_t to)
{
	char text[16];
	size_t at = strlen(v->list);
	int n = from == to ? snprintf(text, sizeof(text), "%s%u", at ? "," : "", from)
			   : snprintf(text, sizeof(text), "%s%u-%u", at ? "," : "", from, to);

	if (v->cut)
		return;
	/* Room for a sign that more follow. */
	if (at + (size_t) n + 4 >= sizeof(v->list)) {
		(void) snprintf(v->list + at, sizeof(v->list) - at, "...");
		v->cut = true;
		return;
	}
	memcpy(v->list + at, text, (size_t) n + 1);
}

static void take_entry(const struct nlattr *nest, struct port_vlans *add)
{
	const struct nlattr *a;
	struct bridge_vlan_info info = { 0 };
	uint16_t to = 0;
	int left;

	nla_for_each_nested(a, nest, left)
	{
		if (nla_type(a) == BRIDGE_VLANDB_ENTRY_INFO && nla_len(a) >= (int) sizeof(info))
			memcpy(&info, nla_data(a), sizeof(info));
		else if (nla_type(a) == BRIDGE_VLANDB_ENTRY_RANGE)
			to = (uint16_t) number(a);
	}
	if (!info.vid || info.vid > 4094)
		return;
	if (to < info.vid || to > 4094)
		to = info.vid;
	add->n += to - info.vid + 1u;
	if (info.flags & BRIDGE_VLAN_INFO_PVID)
		add->pvid = info.vid;
	add_text(add, info.vid, to);
}

int decode_vlans(const struct nlmsghdr *m, uint32_t *ret_ifindex, struct port_vlans *add)
{
	struct br_vlan_msg head;
	const struct nlattr *a;
	int left;

	if (m->nlmsg_type != RTM_NEWVLAN)
		return 0;
	if (m->nlmsg_len < NLMSG_HDRLEN + sizeof(head))
		return -EBADMSG;
	memcpy(&head, (const uint8_t *) m + NLMSG_HDRLEN, sizeof(head));
	*ret_ifindex = head.ifindex;
	a = (const struct nlattr *) ((const uint8_t *) m + NLMSG_HDRLEN + sizeof(head));
	left = (int) (m->nlmsg_len - NLMSG_HDRLEN - sizeof(head));
	for (; add && nla_ok(a, left); a = nla_next(a, &left))
		if (nla_type(a) == BRIDGE_VLANDB_ENTRY)
			take_entry(a, add);
	return 1;
}

const char *port_state_word(uint8_t state)
{
	static const char *const words[] = { "disabled", "listening", "learning", "forwarding",
					     "blocking" };

	return state < sizeof(words) / sizeof(words[0]) ? words[state] : "unknown";
}
