/*
 * guardian_link - what the kernel says about links, for the guardian's reflexes.
 *
 * Design.  Not the codec of core/rtnl: a reflex needs three flags and the name, and every
 * microsecond in between is an outage.  Messages of other families are about a bridge port or an
 * address family and say nothing about the link itself (RTM_DELLINK of AF_BRIDGE: it has left
 * its bridge).  A datagram may be cut; flags and name stand in front.
 */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "exec/guardian_int.h"

#define EVENTS_SIZE   (4 << 20)
#define REQUESTS_SIZE (1 << 20)

static void copy_name(const uint8_t *at, size_t left, char *ret)
{
	struct rtattr a;

	while (left >= sizeof(a)) {
		memcpy(&a, at, sizeof(a));
		if (a.rta_len < sizeof(a) || a.rta_len > left)
			return;
		if ((a.rta_type & NLA_TYPE_MASK) == IFLA_IFNAME) {
			memcpy(ret, at + sizeof(a),
			       MIN_OF(a.rta_len - sizeof(a), (size_t) ANOD_IFNAME_SIZE - 1));
			return;
		}
		left -= MIN_OF((size_t) RTA_ALIGN(a.rta_len), left);
		at += RTA_ALIGN(a.rta_len);
	}
}

/* One message, of which 'size' bytes are there.  False: nothing about a link. */
static bool news_of(const struct nlmsghdr *h, const uint8_t *body, size_t size,
		    struct link_news *ret)
{
	const uint32_t good = IFF_UP | IFF_LOWER_UP | IFF_RUNNING;
	struct ifinfomsg i;
	struct nlmsgerr e;

	*ret = (struct link_news){ 0 };
	if (h->nlmsg_type == NLMSG_ERROR && size >= sizeof(e)) {
		memcpy(&e, body, sizeof(e));
		ret->ifindex = h->nlmsg_seq;
		ret->gone = true;
		return e.error == -ENODEV;
	}
	if ((h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK) || size < sizeof(i))
		return false;

	memcpy(&i, body, sizeof(i));
	if (i.ifi_family != AF_UNSPEC || i.ifi_index <= 0)
		return false;

	ret->ifindex = (uint32_t) i.ifi_index;
	ret->gone = h->nlmsg_type == RTM_DELLINK;
	ret->up = (i.ifi_flags & good) == good;
	copy_name(body + NLMSG_ALIGN(sizeof(i)), size - sizeof(i), ret->name);
	return true;
}

void link_news_each(const uint8_t *buf, size_t size, link_news_fn *fn, void *data)
{
	struct nlmsghdr h;
	struct link_news news;

	while (size >= sizeof(h)) {
		size_t len;

		memcpy(&h, buf, sizeof(h));
		if (h.nlmsg_len < sizeof(h))
			return;
		len = MIN_OF((size_t) h.nlmsg_len, size);
		if (news_of(&h, buf + sizeof(h), len - sizeof(h), &news))
			fn(data, &news);
		/* Of what is there: NLMSG_ALIGN() of a huge length is 0. */
		len = MIN_OF(NLMSG_ALIGN(len), size);
		buf += len;
		size -= len;
	}
}

bool link_news_lost(const struct link_news *news, const struct guard_trigger *t)
{
	if (news->ifindex != t->ifindex)
		return false;

	return news->gone || !news->up ||
	       (news->name[0] && strncmp(news->name, t->link, sizeof(t->link)) != 0);
}

void link_request(uint32_t ifindex, uint8_t buf[LINK_REQUEST])
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
		struct rtattr a;
		uint32_t mask;
	} m = {
		.h = { .nlmsg_len = sizeof(m),
		       .nlmsg_type = RTM_GETLINK,
		       .nlmsg_flags = NLM_F_REQUEST,
		       .nlmsg_seq = ifindex },
		.i = { .ifi_index = (int) ifindex },
		.a = { .rta_len = RTA_LENGTH(sizeof(m.mask)), .rta_type = IFLA_EXT_MASK },
		.mask = RTEXT_FILTER_SKIP_STATS,
	};

	_Static_assert(sizeof(m) == LINK_REQUEST, "one whole message");
	memcpy(buf, &m, sizeof(m));
}

static int open_socket(uint32_t groups, int queue)
{
	struct sockaddr_nl own = { .nl_family = AF_NETLINK, .nl_groups = groups };
	_cleanup_(closep) int fd = -1;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0 || bind(fd, (struct sockaddr *) &own, sizeof(own)) < 0)
		return -errno;

	/* Without the privilege the queue is as long as net.core.rmem_max lets it be; one that runs
	 * over is noticed and mended. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue)) < 0)
		(void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &queue, sizeof(queue));
	return TAKE_FD(fd);
}

int link_open_events(void)
{
	return open_socket(RTMGRP_LINK, EVENTS_SIZE);
}

int link_open_requests(void)
{
	return open_socket(0, REQUESTS_SIZE);
}
