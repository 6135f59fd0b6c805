/*
 * fuzz_bird - text of any kind into the readers of BIRD's replies.
 *
 * The first byte says what was asked: 'p'rotocols, 's'tatus, 't'ables; the rest is the answer.  Its
 * strings have to lie in the answer, numbers have to be counts or REPLY_NOT, and an answer that is
 * whole has to be so however it was cut into pieces on its way.
 */
#include <stdlib.h>

#include "plugins/bird/reply.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *begin, *end;

static void inside(const char *s)
{
	/* "" of a member that BIRD did not name is a constant. */
	if (s[0] && (s < begin || s + strlen(s) > end))
		abort();
}

static void counted(int64_t n)
{
	if (n < REPLY_NOT)
		abort();
}

static void on_protocol(const struct reply_protocol *p, void *data)
{
	const char *const all[] = { p->name,	  p->type,     p->state,       p->since,
				    p->info,	  p->vrf,      p->description, p->error,
				    p->bgp_state, p->neighbor, p->neighbor_as };
	int64_t age;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		inside(all[i]);
	counted(p->imported);
	counted(p->filtered);
	counted(p->exported);
	if (reply_age("2026-11-23 05:49:33.912", p->since, &age) == 0 && age < 0)
		abort();
	++*(int *) data;
}

static void on_table(const struct reply_table *t, void *data)
{
	inside(t->name);
	counted(t->routes);
	counted(t->prefixes);
	++*(int *) data;
}

static void pieces(const char *text, size_t size)
{
	size_t at = 0, by_byte = 0;
	int whole = size ? reply_whole(text, size, &at) : 0, r = 0;

	for (size_t n = 1; n <= size && r == 0; n++)
		r = reply_whole(text, n, &by_byte);
	if (whole == 1 && r != 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reply_status status;
	int64_t age;
	int n = 0, r = 0;
	char *text;

	if (size < 1)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	begin = text;
	end = text + size;
	pieces(text, size - 1);
	switch (data[0]) {
	case 'p':
		r = reply_protocols(text, on_protocol, &n);
		break;
	case 't':
		r = reply_tables(text, on_table, &n);
		break;
	case 's':
		if (reply_status(text, &status) == 0) {
			inside(status.version);
			if (reply_age(status.now, status.reconfigured, &age) == 0 && age < 0)
				abort();
		}
		break;
	default:
		break;
	}
	if (r > 0 && r != n)
		abort();
	free(text);
	return 0;
}
