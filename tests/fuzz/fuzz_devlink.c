/*
 * fuzz_devlink - kernel messages of any shape into the reader of devlink.
 *
 * The input is one byte that says what was asked, then netlink messages, one after the other.  Each
 * is copied to memory of its own size, so that a read past its end is seen.  Names are words that
 * an entity can have, and no number is negative.
 */
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/devlink/items.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_item(const struct item *i, void *data)
{
	enum what *what = data;

	if (i->what != *what || strnlen(i->name, sizeof(i->name)) == sizeof(i->name) || !i->name[0])
		abort();
	for (const char *p = i->name; *p; p++)
		if (*p <= ' ' || *p > '~')
			abort();
	for (unsigned k = 0; k < ITEM_NUMBERS; k++)
		if ((i->known >> k & 1) && i->number[k] < 0)
			abort();
	for (unsigned k = 0; k < ITEM_TEXTS; k++)
		if (strnlen(i->text[k], ANOD_TEXT_SIZE) == ANOD_TEXT_SIZE)
			abort();
}

static void take_one(const uint8_t *message, size_t size, enum what what)
{
	struct nlmsghdr *copy = malloc(size);

	if (!copy)
		return;
	memcpy(copy, message, size);
	copy->nlmsg_len = (uint32_t) size;
	if (items_parse(copy, what, check_item, &what) > RESOURCES_MAX)
		abort();
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum what what = size ? data[0] % WHATS : 0;

	data += size > 0;
	size -= size > 0;
	while (size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr h;
		size_t len;

		memcpy(&h, data, sizeof(h));
		len = h.nlmsg_len < sizeof(h) || h.nlmsg_len > size ? size : h.nlmsg_len;
		take_one(data, len, what);
		len = NLMSG_ALIGN(len) < size ? NLMSG_ALIGN(len) : size;
		data += len;
		size -= len;
	}
	return 0;
}
