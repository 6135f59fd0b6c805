/*
 * fuzz_tcpinfo - messages of sock_diag and routes of any shape into the sensor's pure part.
 *
 * The input is netlink messages, one after the other; NLMSG_DONE ends a dump.  Each is copied to
 * memory of its own size, so that a read past its end is seen.  Whatever sockets say: the table
 * stays within its limit, a socket is found by its cookie, and counters of groups never go back.
 */
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "plugins/tcpinfo/diag.c"
#include "plugins/tcpinfo/groups.c"
#include "plugins/tcpinfo/socks.c"
#include "plugins/tcpinfo/way.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_SOCKS  100
#define MAX_GROUPS 3

static struct socks socks;
static struct group group[MAX_GROUPS];
static struct groups groups = { group, MAX_GROUPS };
static uint64_t now_us;

static void end_dump(void)
{
	struct group was[MAX_GROUPS];

	memcpy(was, group, sizeof(was));
	socks_sweep(&socks);
	groups_begin(&groups);
	for (uint32_t i = 0; i < socks.n; i++) {
		struct sock *s = &socks.row[i];
		struct anod_prefix block = block_of(&s->now.dst, 24);
		struct counts d = sock_settle(s);
		bool stuck = sock_stuck(s);
		uint32_t old;
		struct group *g;

		if (find(&socks, s->now.cookie) != s)
			abort();
		g = groups_get(&groups, 1, &block, stuck ? GROUP_STUCK : d.bytes, &s->prefix, &old);
		if (g)
			group_add(g, s, &d, stuck, stuck && sock_peer_alive(&socks, s));
	}
	for (unsigned i = 0; i < MAX_GROUPS; i++)
		if (is(&group[i], was[i].ifindex, &was[i].prefix) &&
		    (group[i].segs < was[i].segs || group[i].retrans < was[i].retrans ||
		     group_median(group[i].rtt, group[i].n_seen) == UINT32_MAX / 2))
			abort();
	socks_begin(&socks);
}

static void take(const uint8_t *message, size_t size)
{
	struct nlmsghdr *copy = malloc(size);
	struct anod_nl_put put;
	struct sample s;
	struct way way;

	if (!copy)
		return;
	memcpy(copy, message, size);
	copy->nlmsg_len = (uint32_t) size;
	(void) way_parse(copy, &way);
	if (diag_parse(copy, &s)) {
		if (!way_request(&put, &s))
			abort();
		(void) socks_take(&socks, &s, now_us += 1000);
		if (socks.n > MAX_SOCKS)
			abort();
	}
	if (copy->nlmsg_type == NLMSG_DONE)
		end_dump();
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	socks_init(&socks, MAX_SOCKS);
	memset(group, 0, sizeof(group));
	now_us = 1;
	socks_begin(&socks);
	while (size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr h;
		size_t len;

		memcpy(&h, data, sizeof(h));
		len = h.nlmsg_len < sizeof(h) || h.nlmsg_len > size ? size : h.nlmsg_len;
		take(data, len);
		len = NLMSG_ALIGN(len) < size ? NLMSG_ALIGN(len) : size;
		data += len;
		size -= len;
	}
	end_dump();
	socks_free(&socks);
	return 0;
}
