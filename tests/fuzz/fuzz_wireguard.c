/*
 * fuzz_wireguard - answers of WG_CMD_GET_DEVICE of any shape into the reader of peers.
 *
 * The input is one message, copied to memory of its own size.  Wiping must not change what is read.
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/wireguard/peers.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct peer one[PEERS_MESSAGE_MAX], two[PEERS_MESSAGE_MAX];
	uint32_t a = 0, b = 0;
	struct nlmsghdr *copy;
	int n, m;

	if (size < sizeof(*copy))
		return 0;
	copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	copy->nlmsg_len = (uint32_t) size;
	n = peers_parse(copy, &a, one);
	peers_wipe(copy);
	m = peers_parse(copy, &b, two);
	if (n != m || a != b || n > PEERS_MESSAGE_MAX)
		abort();
	free(copy);
	return 0;
}
