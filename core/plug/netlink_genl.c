/*
 * netlink_genl - generic netlink families by name, and the kernel's own words.
 *
 * Design.  The kernel answers CTRL_CMD_GETFAMILY inside send(), so the answer lies in the socket
 * when send() returns and reading it does not wait.  A socket of its own keeps the queue of the
 * caller's out of it.  When nobody has the family, the kernel tries to load its module first,
 * which takes milliseconds: who does not find one asks again rarely.
 */
#include "netlink_int.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void nl_ack_text(const struct nlmsghdr *h, char *ret, size_t size)
{
	size_t at = NLMSG_HDRLEN +
		    (h->nlmsg_type == NLMSG_ERROR ? sizeof(struct nlmsgerr) : sizeof(int));
	const struct nlattr *a;

	ret[0] = '\0';
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (h->nlmsg_type == NLMSG_ERROR && !(h->nlmsg_flags & NLM_F_CAPPED)) {
		const struct nlmsgerr *e = (const void *) ((const uint8_t *) h + NLMSG_HDRLEN);

		if (h->nlmsg_len >= at && e->msg.nlmsg_len >= NLMSG_HDRLEN)
			at += NLMSG_ALIGN((size_t) e->msg.nlmsg_len) - NLMSG_HDRLEN;
	}
	if (at >= h->nlmsg_len)
		return;
	a = nla_find((const struct nlattr *) ((const uint8_t *) h + at), (int) (h->nlmsg_len - at),
		     NLMSGERR_ATTR_MSG);
	if (a)
		(void) snprintf(ret, size, "%.*s", nla_len(a), (const char *) nla_data(a));
}

static int take_groups(const struct nlattr *groups, struct anod_nl_family *ret)
{
	const struct nlattr *g;
	int rest;

	for (g = nla_data(groups), rest = nla_len(groups); nla_ok(g, rest);
	     g = nla_next(g, &rest)) {
		struct nlattr *tb[CTRL_ATTR_MCAST_GRP_MAX + 1];

		if (ret->n_groups == ANOD_NL_GROUPS_MAX ||
		    nla_parse(tb, CTRL_ATTR_MCAST_GRP_MAX, nla_data(g), nla_len(g), NULL) < 0 ||
		    !tb[CTRL_ATTR_MCAST_GRP_NAME] || !tb[CTRL_ATTR_MCAST_GRP_ID] ||
		    nla_len(tb[CTRL_ATTR_MCAST_GRP_ID]) < 4)
			continue;
		(void) snprintf(ret->group[ret->n_groups].name, sizeof(ret->group[0].name), "%.*s",
				nla_len(tb[CTRL_ATTR_MCAST_GRP_NAME]),
				(const char *) nla_data(tb[CTRL_ATTR_MCAST_GRP_NAME]));
		ret->group[ret->n_groups++].id = nla_get_u32(tb[CTRL_ATTR_MCAST_GRP_ID]);
	}
	return 0;
}

static int take_family(const struct nlmsghdr *h, size_t size, struct anod_nl_family *ret)
{
	struct nlattr *tb[CTRL_ATTR_MAX + 1];
	int error;

	if (size < NLMSG_HDRLEN || h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > size)
		return -EBADMSG;
	if (h->nlmsg_type == NLMSG_ERROR) {
		if (h->nlmsg_len < NLMSG_HDRLEN + sizeof(struct nlmsgerr))
			return -EBADMSG;
		memcpy(&error, (const uint8_t *) h + NLMSG_HDRLEN, sizeof(error));
		return error < 0 ? error : -EBADMSG;
	}
	if (h->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN ||
	    nla_parse(tb, CTRL_ATTR_MAX,
		      (struct nlattr *) ((uint8_t *) (uintptr_t) h + NLMSG_HDRLEN + GENL_HDRLEN),
		      (int) (h->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN), NULL) < 0 ||
	    !tb[CTRL_ATTR_FAMILY_ID] || nla_len(tb[CTRL_ATTR_FAMILY_ID]) < 2)
		return -EBADMSG;

	memset(ret, 0, sizeof(*ret));
	ret->id = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
	if (tb[CTRL_ATTR_VERSION] && nla_len(tb[CTRL_ATTR_VERSION]) >= 4)
		ret->version = (uint8_t) nla_get_u32(tb[CTRL_ATTR_VERSION]);
	return tb[CTRL_ATTR_MCAST_GROUPS] ? take_groups(tb[CTRL_ATTR_MCAST_GROUPS], ret) : 0;
}

int anod_nl_family(struct anod_nl *nl, const char *name, struct anod_nl_family *ret)
{
	static const struct anod_nl_family control = { .id = GENL_ID_CTRL, .version = 1 };
	uint8_t answer[4096] __attribute__((aligned(8)));
	struct anod_nl_put put;
	const struct nlmsghdr *h;
	uint64_t held;
	ssize_t n;
	int fd, r;

	anod_nl_begin_genl(&put, &control, CTRL_CMD_GETFAMILY, 0);
	anod_nl_text(&put, CTRL_ATTR_FAMILY_NAME, name);
	h = anod_nl_end(&put);
	if (!h)
		return -EINVAL;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		return -errno;
	r = send_timed(fd, h, h->nlmsg_len, &held);
	n = r < 0 ? r : recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
	if (r >= 0)
		r = n < 0 ? -errno : take_family((const void *) answer, (size_t) n, ret);
	if (r >= 0)
		nl_admin_family(nl, name, ret->id);
	(void) close(fd);
	return r;
}

uint32_t anod_nl_group(const struct anod_nl_family *f, const char *name)
{
	for (unsigned i = 0; i < f->n_groups; i++)
		if (strcmp(f->group[i].name, name) == 0)
			return f->group[i].id;
	return 0;
}
