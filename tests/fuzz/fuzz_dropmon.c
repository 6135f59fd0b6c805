/*
 * fuzz_dropmon - messages of the drop monitor of any shape into its reader.
 *
 * The input is one message, copied to memory of its own size.  Names are names of entities.
 */
#include <stdlib.h>
#include <string.h>

#include "plugins/dropmon/alerts.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *data, const char *name, uint64_t packets)
{
	int *n = data;

	(void) packets;
	(*n)++;
	if (!name[0] || strlen(name) >= ANOD_NAME_SIZE)
		abort();
	for (; *name; name++)
		if (!plain(*name))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *copy;
	uint64_t lost;
	int n = 0, r;

	if (size < sizeof(*copy))
		return 0;
	copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	copy->nlmsg_len = (uint32_t) size;
	r = alert_parse(copy, check, &n);
	if (r >= 0 ? r != n : n != 0)
		abort();
	(void) alert_lost(copy, &lost);
	free(copy);
	return 0;
}
