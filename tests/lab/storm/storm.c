/*
 * storm - add or delete many host routes as fast as the kernel takes them.
 *
 * usage: storm add|del N DEV
 *
 * 200 messages in one send(), without acknowledgements.  A refusal ends it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PER_SEND 200

struct message {
	struct nlmsghdr h;
	struct rtmsg r;
	struct rtattr dst_head;
	uint32_t dst;
	struct rtattr oif_head;
	uint32_t oif;
};

static struct message message(uint32_t n, bool add, uint32_t oif)
{
	return (struct message){
		.h = { .nlmsg_len = sizeof(struct message),
		       .nlmsg_type = add ? RTM_NEWROUTE : RTM_DELROUTE,
		       .nlmsg_flags = (uint16_t) (NLM_F_REQUEST | (add ? NLM_F_CREATE : 0)) },
		.r = { .rtm_family = AF_INET,
		       .rtm_dst_len = 32,
		       .rtm_table = RT_TABLE_MAIN,
		       .rtm_protocol = add ? RTPROT_STATIC : 0,
		       .rtm_scope = add ? RT_SCOPE_LINK : RT_SCOPE_NOWHERE,
		       .rtm_type = add ? RTN_UNICAST : 0 },
		.dst_head = { RTA_LENGTH(4), RTA_DST },
		.dst = htonl(0x14000000u + n),
		.oif_head = { RTA_LENGTH(4), RTA_OIF },
		.oif = oif,
	};
}

int main(int argc, char **argv)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	uint32_t n = argc == 4 ? (uint32_t) atoi(argv[2]) : 0;
	uint32_t oif = argc == 4 ? if_nametoindex(argv[3]) : 0;
	static struct message q[PER_SEND];
	char answer[8192];

	if (!n || !oif || fd < 0 || bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0) {
		(void) fprintf(stderr, "usage: storm add|del N DEV (%s)\n", strerror(errno));
		return 2;
	}
	for (uint32_t i = 0; i < n;) {
		unsigned k = 0;

		for (; k < PER_SEND && i < n; k++, i++)
			q[k] = message(i, strcmp(argv[1], "add") == 0, oif);
		if (send(fd, q, k * sizeof(q[0]), 0) < 0 ||
		    recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0) {
			(void) fprintf(stderr, "storm: refused at %u\n", i);
			return 1;
		}
	}
	return 0;
}
