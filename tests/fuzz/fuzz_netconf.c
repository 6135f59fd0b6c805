/* fuzz_netconf - kernel messages of any shape into the reader of settings of IP. */
#include "plugins/netconf/decode.c"

#include "fuzz/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void give(const struct nlmsghdr *m)
{
	struct netconf c;

	if (decode_netconf(m, &c) > 0 &&
	    ((c.family != AF_INET && c.family != AF_INET6) || c.known >> CONFS))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_messages(data, size, give);
	return 0;
}
