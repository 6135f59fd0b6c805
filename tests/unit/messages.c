/* messages - recorded netlink messages, one after the other, as a dump brings them. */
#include "unit/messages.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *load(const char *name, size_t *ret_size)
{
	char path[512];
	uint8_t *data;
	long size;
	FILE *f;

	(void) snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", SOURCE_DIR, name);
	f = fopen(path, "rb");
	cr_assert(f, "no file %s", path);
	cr_assert_eq(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	rewind(f);
	data = malloc((size_t) size + 1);
	cr_assert(data && fread(data, 1, (size_t) size, f) == (size_t) size);
	(void) fclose(f);
	*ret_size = (size_t) size;
	return data;
}

static void give(const uint8_t *message, size_t size, uint32_t said, messages_fn *fn, void *data)
{
	struct nlmsghdr *copy = malloc(size);

	memcpy(copy, message, size);
	copy->nlmsg_len = said;
	fn(copy, data);
	free(copy);
}

unsigned messages_each(const char *name, messages_fn *fn, void *data)
{
	size_t size, at = 0;
	uint8_t *all = load(name, &size);
	unsigned n = 0;

	while (at + sizeof(struct nlmsghdr) <= size) {
		struct nlmsghdr h;

		memcpy(&h, all + at, sizeof(h));
		cr_assert(h.nlmsg_len >= sizeof(h) && h.nlmsg_len <= size - at);
		give(all + at, h.nlmsg_len, h.nlmsg_len, fn, data);
		at += NLMSG_ALIGN(h.nlmsg_len);
		n++;
	}
	free(all);
	return n;
}

struct torment {
	messages_fn *fn;
	void *data;
};

static void torment(const struct nlmsghdr *m, void *data)
{
	const struct torment *t = data;
	uint8_t *copy = malloc(m->nlmsg_len);

	for (uint32_t n = sizeof(*m); n < m->nlmsg_len; n++)
		give((const uint8_t *) m, n, n, t->fn, t->data);
	memcpy(copy, m, m->nlmsg_len);
	for (uint32_t i = sizeof(*m); i < m->nlmsg_len; i++) {
		copy[i] ^= 0xff;
		give(copy, m->nlmsg_len, m->nlmsg_len, t->fn, t->data);
		copy[i] ^= 0xfe; /* one bit is left turned over */
		give(copy, m->nlmsg_len, m->nlmsg_len, t->fn, t->data);
		copy[i] ^= 0x01;
	}
	free(copy);
}

void messages_torment(const char *name, messages_fn *fn, void *data)
{
	(void) messages_each(name, torment, &(struct torment){ fn, data });
}
