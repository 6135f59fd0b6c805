/*
 * fuzz_conntrack - messages of ctnetlink of any shape into the reader of its statistics.
 *
 * The input is netlink messages, one after the other.  Each is copied to memory of its own size, so
 * that a read past its end is seen.  Sums only grow.
 */
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/conntrack/stats.c"
#include "plugins/conntrack/top.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sums sums;
static struct top top;

static void take(const uint8_t *message, size_t size)
{
	struct nlmsghdr *copy = malloc(size);
	struct sums was = sums;
	struct global g;
	struct anod_prefix source;
	bool replied;
	struct cpu c;

	if (!copy)
		return;
	memcpy(copy, message, size);
	copy->nlmsg_len = (uint32_t) size;
	(void) global_parse(copy, &g);
	if (cpu_parse(copy, &c) && sums_add(&sums, &c) >= 0 && sums.n_cpus > CPUS_MAX)
		abort();
	if (entry_parse(copy, &source, &replied)) {
		top_add(&top, &source, replied);
		if (!top_first(&top) || top_first(&top)->n > top.n || top.n_unreplied > top.n)
			abort();
	}
	for (unsigned i = 0; i < COUNTERS; i++)
		if (sums.total[i] < was.total[i])
			abort();
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sums_begin(&sums);
	top_begin(&top);
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
	sums_free(&sums);
	return 0;
}
