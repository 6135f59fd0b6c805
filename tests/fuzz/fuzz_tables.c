/*
 * fuzz_tables - kernel messages and texts of any shape into the reader of table sizes.
 *
 * Input that begins with text is taken for one of the files of /proc/net.
 */
#include "plugins/tables/decode.c"

#include "fuzz/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(const struct nlmsghdr *m)
{
	struct neigh_table t;
	struct nexthop n;

	if (decode_neigh_table(m, &t) > 0 &&
	    (!t.name[0] || strnlen(t.name, sizeof(t.name)) == sizeof(t.name)))
		abort();
	if (decode_nexthop(m, &n) > 0 && (!n.id || n.buckets > UINT16_MAX))
		abort();
}

static void take_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	const char *at = text;
	struct fib_table f;
	struct fib6 f6;

	if (!text)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	while (decode_trie(&at, &f))
		if (!f.id || !f.name[0] || at > text + size)
			abort();
	if (decode_fib6(text, &f6) && f6.routes > INT64_MAX)
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 4 && data[0] >= ' ' && data[1] >= ' ' && data[2] >= ' ' && data[3] >= ' ')
		take_text(data, size);
	else
		fuzz_messages(data, size, take);
	return 0;
}
