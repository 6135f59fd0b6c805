/*
 * alerts - what the kernel's drop monitor says, taken apart.
 *
 * Design.  A packet's alert has its reason from Linux 5.18 on, before that the symbol, and without
 * symbols the address.  A summary has addresses alone, in one attribute without a type that ends
 * with an array (struct net_dm_alert_msg).  Names become entities: what is not a letter, a digit or
 * one of "_.+-/" is an underscore.  Drops of hardware come from devlink's traps and are left to them.
 */
#include "alerts.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/net_dropmon.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

static bool plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("_.+-/", c));
}

static bool text(const struct nlattr *a, char ret[ANOD_NAME_SIZE])
{
	const char *from = a ? nla_data(a) : "";
	size_t max = a ? (size_t) nla_len(a) : 0, n = 0;

	for (; n < max && n < ANOD_NAME_SIZE - 1 && from[n]; n++)
		ret[n] = '_';
	ret[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (plain(from[i]))
			ret[i] = from[i];
	return n > 0;
}

static bool number(const struct nlattr *a, void *ret, size_t size)
{
	if (!a || nla_len(a) < (int) size)
		return false;
	memcpy(ret, nla_data(a), size);
	return true;
}

static void place(const void *pc, char ret[ANOD_NAME_SIZE])
{
	uint64_t at;

	memcpy(&at, pc, sizeof(at));
	(void) snprintf(ret, ANOD_NAME_SIZE, "0x%llx", (unsigned long long) at);
}

static int packet(struct nlattr *const *tb, alert_fn *fn, void *data)
{
	char name[ANOD_NAME_SIZE];
	uint64_t pc;
	uint16_t origin;

	if (number(tb[NET_DM_ATTR_ORIGIN], &origin, sizeof(origin)) && origin != NET_DM_ORIGIN_SW)
		return 0;
	if (!text(tb[NET_DM_ATTR_REASON], name) && !text(tb[NET_DM_ATTR_SYMBOL], name)) {
		if (!number(tb[NET_DM_ATTR_PC], &pc, sizeof(pc)))
			return -EBADMSG;
		place(&pc, name);
	}
	fn(data, name, 1);
	return 1;
}

static int summary(const struct nlattr *a, alert_fn *fn, void *data)
{
	const size_t one = sizeof(struct net_dm_drop_point);
	struct net_dm_drop_point p;
	char name[ANOD_NAME_SIZE];
	uint32_t n;

	if (!number(a, &n, sizeof(n)) || n > ((size_t) nla_len(a) - sizeof(n)) / one)
		return -EBADMSG;
	for (uint32_t i = 0; i < n; i++) {
		memcpy(&p, (const uint8_t *) nla_data(a) + sizeof(n) + i * one, one);
		place(p.pc, name);
		fn(data, name, p.count);
	}
	return (int) n;
}

/* Its command, or -EBADMSG. */
static int open_message(const struct nlmsghdr *msg, struct nlattr *tb[NET_DM_ATTR_MAX + 1])
{
	struct genlmsghdr g;
	uint8_t *body = (uint8_t *) (uintptr_t) msg + NLMSG_HDRLEN;

	if (msg->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return -EBADMSG;
	memcpy(&g, body, sizeof(g));
	memset(tb, 0, (NET_DM_ATTR_MAX + 1) * sizeof(*tb));
	if (nla_parse(tb, NET_DM_ATTR_MAX, (struct nlattr *) (body + GENL_HDRLEN),
		      (int) (msg->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN), NULL) < 0)
		return -EBADMSG;
	return g.cmd;
}

/* nla_parse() leaves attributes of type 0 out. */
static const struct nlattr *first_of(const struct nlmsghdr *msg)
{
	const struct nlattr *a =
		(const struct nlattr *) ((const uint8_t *) msg + NLMSG_HDRLEN + GENL_HDRLEN);

	return nla_find(a, (int) (msg->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN), NET_DM_ATTR_UNSPEC);
}

int alert_parse(const struct nlmsghdr *msg, alert_fn *fn, void *data)
{
	struct nlattr *tb[NET_DM_ATTR_MAX + 1];
	int cmd = open_message(msg, tb);

	if (cmd == NET_DM_CMD_PACKET_ALERT)
		return packet(tb, fn, data);
	if (cmd == NET_DM_CMD_ALERT && first_of(msg))
		return summary(first_of(msg), fn, data);
	return cmd < 0 ? cmd : 0;
}

bool alert_lost(const struct nlmsghdr *msg, uint64_t *ret)
{
	struct nlattr *tb[NET_DM_ATTR_MAX + 1];

	/* NET_DM_ATTR_STATS_DROPPED is 0 as well. */
	return open_message(msg, tb) == NET_DM_CMD_STATS_NEW && tb[NET_DM_ATTR_STATS] &&
	       number(nla_find(nla_data(tb[NET_DM_ATTR_STATS]), nla_len(tb[NET_DM_ATTR_STATS]),
			       NET_DM_ATTR_STATS_DROPPED),
		      ret, sizeof(*ret));
}
