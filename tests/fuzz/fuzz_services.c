/*
 * fuzz_services - bytes from a network into the reader of DNS answers, and from a configuration
 * into the reader of URLs.
 */
#include "plugins/dns/query.c"

#include <stdlib.h>

#include <anod/call.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_url(const uint8_t *data, size_t size)
{
	struct anod_call_spec s;
	char why[ANOD_REASON_SIZE] = "";
	char *text = malloc(size + 1);

	if (!text)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	/* Refused with a reason, or with all that a call needs. */
	if (anod_call_url(text, &s, why) < 0 ? !why[0] : !s.port || s.path[0] != '/')
		abort();
	free(text);
}

static void read_answer(const uint8_t *data, size_t size)
{
	uint8_t question[QUERY_SIZE], *copy = malloc(size ? size : 1);
	struct query_answer a;
	int n = query_make("example.com", 1, 0x1234, question);

	if (copy && n > 0) {
		memcpy(copy, data, size);
		if (query_read(question, (size_t) n, copy, size, &a) && size < (size_t) n)
			abort();
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (data[0] == 'u')
		read_url(data + 1, size - 1);
	else
		read_answer(data + 1, size - 1);
	return 0;
}
