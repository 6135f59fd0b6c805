/*
 * fuzz_counters - kernel messages of any shape into the reader of link counters.
 *
 * The input is netlink messages, one after the other, as a dump brings them.  Each is copied to
 * memory of its own size, so that a read past its end is seen.  What comes out has to lie in the
 * message, and rates between it and what came before have to be finite and not negative.
 */
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/counters/rates.c"
#include "plugins/counters/stats.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct reading last;
static uint64_t now_us;

static void rate(const struct stats *s)
{
	struct reading is = { .time_us = now_us += s->ifindex + 1 };
	struct rates r;

	if (s->n > 3) {
		is.rx_packets = stats_at(s, 0);
		is.tx_packets = stats_at(s, 1);
		is.rx_bytes = stats_at(s, 2);
		is.tx_bytes = stats_at(s, 3);
	}
	/* Differences beyond 2^60 do not fit a rate; no link gets so far in its life. */
	if ((is.rx_bytes | is.tx_bytes | is.rx_packets | is.tx_packets) >> 40)
		return;
	if (rates_between(&last, &is, &r) && (r.rx_bps < 0 || r.tx_bps < 0 || r.rx_pps < 0 ||
					      r.tx_pps < 0 || !(rates_util(&r, 1000) >= 0)))
		abort();
	last = is;
}

static void take(const uint8_t *message, size_t size)
{
	struct nlmsghdr *copy = malloc(size);
	const uint8_t *end = (const uint8_t *) copy + size;
	struct stats s;
	uint64_t sum = 0;

	if (!copy)
		return;
	memcpy(copy, message, size);
	copy->nlmsg_len = (uint32_t) size;
	if (stats_parse(copy, &s)) {
		if (s.data < (const uint8_t *) copy || s.data + s.n * sizeof(uint64_t) > end)
			abort();
		for (unsigned k = 0; k < s.n; k++)
			sum += stats_at(&s, k);
		now_us += sum & 1;
		rate(&s);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	last = (struct reading){ 0 };
	now_us = 1;
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
	return 0;
}
