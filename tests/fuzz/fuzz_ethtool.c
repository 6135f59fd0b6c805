/*
 * fuzz_ethtool - kernel messages of any shape into the reader of ethtool netlink, and into the
 * one that takes a module's memory out of an answer.
 *
 * The input is netlink messages, one after the other.  Each is copied to memory of its own size, so
 * that a read past its end is seen.  A name ends within its size, what is known belongs to the
 * subject of the message, and no counter is negative.
 */
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/ethtool/reply.c"
#include "plugins/ethtool/reply_stats.c"
#include "plugins/ethtool/words.c"
#undef LANES_MAX
#include "plugins/module/store.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* store.c decodes what it publishes; nothing is published here. */
void module_decode(const struct image *in, struct module_info *ret)
{
	(void) in, (void) ret;
	abort();
}

static void check_reply(const struct reply *r)
{
	const struct topic_info *i = &topics[r->topic];
	uint64_t mine = ((UINT64_C(1) << i->n) - 1) << i->first;
	uint32_t my_words = ((1u << i->words) - 1) << i->word;

	if (r->topic >= TOPICS || strnlen(r->name, sizeof(r->name)) == sizeof(r->name) ||
	    !r->ifindex || (r->known & ~mine) || (r->known_words & ~my_words) || r->n_lanes > 8)
		abort();
	for (unsigned k = 0; k < NUMBERS; k++)
		if ((r->known >> k & 1) && r->number[k] < 0)
			abort();
	for (unsigned k = 0; k < WORDS; k++)
		if ((r->known_words >> k & 1) && !r->word[k])
			abort();
}

static void take_one(const uint8_t *message, size_t size)
{
	struct nlmsghdr *copy = malloc(size);
	const uint8_t *bytes;
	struct reply r;
	unsigned sum = 0;

	if (!copy)
		return;
	memcpy(copy, message, size);
	copy->nlmsg_len = (uint32_t) size;
	if (reply_parse(copy, &r))
		check_reply(&r);
	bytes = eeprom_data(copy, 2, 128);
	for (unsigned i = 0; bytes && i < 128; i++)
		sum += bytes[i];
	if (sum > 128 * 255)
		abort();
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	while (size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr h;
		size_t len;

		memcpy(&h, data, sizeof(h));
		len = h.nlmsg_len < sizeof(h) || h.nlmsg_len > size ? size : h.nlmsg_len;
		take_one(data, len);
		len = NLMSG_ALIGN(len) < size ? NLMSG_ALIGN(len) : size;
		data += len;
		size -= len;
	}
	return 0;
}
