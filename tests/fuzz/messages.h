/*
 * messages - the input of a fuzz target as netlink messages, one after the other.
 *
 * Each is copied to memory of its own size, so that a read past its end is seen; its length is the
 * one that it has there, whatever it said.
 */
#ifndef FUZZ_MESSAGES_H
#define FUZZ_MESSAGES_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void fuzz_messages(const uint8_t *data, size_t size, void (*fn)(const struct nlmsghdr *m))
{
	while (size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr h, *copy;
		size_t len;

		memcpy(&h, data, sizeof(h));
		len = h.nlmsg_len < sizeof(h) || h.nlmsg_len > size ? size : h.nlmsg_len;
		copy = malloc(len);
		if (!copy)
			return;
		memcpy(copy, data, len);
		copy->nlmsg_len = (uint32_t) len;
		fn(copy);
		free(copy);
		len = NLMSG_ALIGN(len) < size ? NLMSG_ALIGN(len) : size;
		data += len;
		size -= len;
	}
}

#endif
