/*
 * kernel_open - the sockets of the kernel layer, from their opening to their end.
 *
 * Design.  One socket of rtnetlink at once; the one of generic netlink comes when it is asked for.  A
 * dump that was given up leaves its socket busy, so that one is replaced by a fresh one.
 */
#include "exec/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/util.h"

#define BUF_SIZE KERNEL_BUF_SIZE

static void set_option(int fd, int level, int option)
{
	int on = 1;

	/* Any of these may be older than the kernel; then its errors are only less wordy. */
	(void) setsockopt(fd, level, option, &on, sizeof(on));
}

static int open_socket(int protocol)
{
	struct timeval wait = { .tv_sec = KERNEL_WAIT_MS / 1000,
				.tv_usec = KERNEL_WAIT_MS % 1000 * 1000L };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	_cleanup_(closep) int fd = -1;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return -errno;

	set_option(fd, SOL_NETLINK, NETLINK_EXT_ACK);
	set_option(fd, SOL_NETLINK, NETLINK_CAP_ACK);
	set_option(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
	    connect(fd, (struct sockaddr *) &kernel, sizeof(kernel)) < 0)
		return -errno;

	return TAKE_FD(fd);
}

void kernel_replace_socket(struct kernel *k)
{
	int fd = open_socket(k->protocol);

	if (fd < 0)
		return; /* the next call reports what is wrong with the old one */

	(void) close(k->fd);
	k->fd = fd;
}

int kernel_open_protocol(struct kernel *k, int protocol)
{
	*k = (struct kernel){ .fd = -1, .proc = -1, .protocol = protocol };
	kernel_view_init(&k->view);

	k->buf = malloc(BUF_SIZE);
	if (!k->buf)
		return -ENOMEM;

	k->fd = open_socket(protocol);
	if (k->fd < 0) {
		freep(&k->buf);
		k->buf = NULL;
		return k->fd;
	}

	return 0;
}

int kernel_open(struct kernel *k)
{
	int r = kernel_open_protocol(k, NETLINK_ROUTE);

	/* Held, so that what becomes of mounts later keeps nobody from an undo; what is found under
	 * it is still that of the network namespace of who asks. */
	if (r >= 0)
		k->proc = open("/proc/sys/net", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return r;
}

void kernel_close(struct kernel *k)
{
	if (k->genl)
		kernel_close(k->genl);
	free(k->genl);
	k->genl = NULL;
	closep(&k->proc);
	closep(&k->fd);
	k->fd = k->proc = -1;
	freep(&k->buf);
	k->buf = NULL;
}
