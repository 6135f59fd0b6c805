/*
 * fuzz_icmp - bytes from the network into the decoder of echo replies.
 *
 * The first byte picks framing, family and whether the identifier is checked.  The rest is
 * copied to an allocation of its very size, so that reading outside it is seen.
 */
#include "plugins/probe/icmp.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t cookie = 1, number = 2;
	uint8_t *copy;
	bool ours;

	if (size < 1)
		return 0;
	copy = malloc(size - 1 ? size - 1 : 1);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	ours = icmp_reply(copy, size - 1, data[0] & 1 ? ICMP_BEHIND_IPV4 : ICMP_BARE, data[0] & 2,
			  data[0] & 4, 0x1234, &cookie, &number);
	/* Outputs are written on success only, and the number agrees with the sequence. */
	if (!ours && (cookie != 1 || number != 2))
		abort();
	free(copy);
	return 0;
}
