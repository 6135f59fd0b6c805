/*
 * netlink_admin - CAP_NET_ADMIN for the moment of one call, and what it may be used for.
 *
 * Design.  Some of what a sensor reads the kernel shows to CAP_NET_ADMIN only: statistics of
 * connection tracking (all of nfnetlink), the peers of WireGuard (keys lie beside them), drop
 * reasons.  The host keeps that capability permitted, for its children, but not effective, so that a
 * mistake in it cannot change the network.  Reading through the executor would mean to parse these
 * answers, with private keys in them, in the one process that may change things; raised here
 * around socket() and send() it is in force for a few microseconds in which nothing of others
 * runs, and for the messages below only.  The kernel asks for it twice: of who opened the socket and
 * of who sends.  Where the process was not given it, the kernel's -EPERM is the answer.
 *
 * Raw capset(2): libcap allocates, and this is called for each reading.
 */
#include "netlink_int.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/genetlink.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct allowed {
	const char *family;
	uint32_t commands; /* bit of each */
};

/* Of generic netlink.  WG_CMD_GET_DEVICE is 0 (uapi/linux/wireguard.h); NET_DM_CMD_* 1..8 but for the
 * hardware's (uapi/linux/net_dropmon.h): starting to listen changes nothing that is forwarded. */
static const struct allowed families[] = {
	{ "wireguard", 1u << 0 },
	/* ETHTOOL_MSG_MODULE_EEPROM_GET: the kernel keeps it from others because it takes long. */
	{ "ethtool", 1u << 31 },
	{ "NET_DM", 1u << 2 | 1u << 3 | 1u << 4 | 1u << 6 | 1u << 8 },
};

static bool caps_get(struct __user_cap_header_struct *h, struct __user_cap_data_struct d[2])
{
	*h = (struct __user_cap_header_struct){ .version = _LINUX_CAPABILITY_VERSION_3 };
	return syscall(SYS_capget, h, d) == 0;
}

bool nl_admin_raise(void)
{
	struct __user_cap_data_struct d[2];
	struct __user_cap_header_struct h;
	const uint32_t bit = 1u << CAP_NET_ADMIN;

	if (!caps_get(&h, d) || d[0].effective & bit || !(d[0].permitted & bit))
		return false;
	d[0].effective |= bit;
	return syscall(SYS_capset, &h, d) == 0;
}

void nl_admin_lower(bool raised)
{
	struct __user_cap_data_struct d[2];
	struct __user_cap_header_struct h;

	if (!raised || !caps_get(&h, d))
		return;
	d[0].effective &= ~(1u << CAP_NET_ADMIN);
	(void) syscall(SYS_capset, &h, d); /* giving up what one has is never refused */
}

void nl_admin_family(struct anod_nl *nl, const char *name, uint16_t id)
{
	for (unsigned i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (strcmp(families[i].family, name) == 0) {
			nl->admin_family = id;
			nl->admin_commands = families[i].commands;
		}
}

/* CT_GET changes nothing; its relative that clears counters has a number of its own. */
static bool may_ask_netfilter(const struct nlmsghdr *h)
{
	return (h->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET) &&
		(h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP) ||
	       h->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS) ||
	       h->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU);
}

bool nl_admin_may(const struct anod_nl *nl, const struct nlmsghdr *h)
{
	struct genlmsghdr g;

	if (nl->protocol == NETLINK_NETFILTER)
		return may_ask_netfilter(h);
	if (nl->protocol != NETLINK_GENERIC || h->nlmsg_len < NLMSG_HDRLEN + sizeof(g) ||
	    !nl->admin_family || h->nlmsg_type != nl->admin_family)
		return false;
	memcpy(&g, (const uint8_t *) h + NLMSG_HDRLEN, sizeof(g));
	return g.cmd < 32 && nl->admin_commands >> g.cmd & 1;
}
