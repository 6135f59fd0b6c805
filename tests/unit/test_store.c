#include "facts/store.h"

#include <errno.h>

#include "facts/value.h"
#include "unit/facts_help.h"

struct heard {
	struct store *store;
	unsigned came, went, n;
	bool readable;
};

static void listen(void *data, const struct store_change *c)
{
	struct heard *h = data;

	h->n++;
	if (c->slot >= 0)
		return;
	h->came += !c->gone;
	h->went += c->gone;
	h->readable = store_find(h->store, c->kind, c->name) != 0;
}

Test(store, listeners_hear_of_entities_and_see_the_state_after)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	struct heard h = { .store = s };
	uint64_t seq = store_seq(s);
	uint32_t e;

	cr_assert(eq(int, store_listen(s, listen, &h), 0));
	e = help_entity(s, "link", "wan0");
	cr_expect(eq(uint, h.came, 1));
	cr_expect(h.readable);
	(void) store_remove(s, e, 0);
	cr_expect(eq(uint, h.went, 1));
	cr_expect(not(h.readable));
	cr_expect(eq(u64, store_seq(s), seq + 2));

	store_unlisten(s, listen, &h);
	(void) help_entity(s, "link", "wan0");
	cr_expect(eq(uint, h.n, 2));
	for (unsigned i = 0; i < STORE_LISTENERS_MAX; i++)
		cr_expect(eq(int, store_listen(s, listen, &h), 0));
	cr_expect(eq(int, store_listen(s, listen, &h), -ENOSPC));
}

Test(store, wants_and_needs_are_counted)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	const struct schema_attr *util = schema_attr(schema, "link", "util");
	struct heard h = { .store = s };

	store_need(s, util, false); /* one too many is none */
	cr_expect(eq(uint, store_needed(s, util), 0));
	store_need(s, util, true);
	store_need(s, util, true);
	store_need(s, util, false);
	cr_expect(eq(uint, store_needed(s, util), 1));

	/* A sampled attribute is told of while somebody wants it. */
	(void) store_listen(s, listen, &h);
	help_put(s, "link", "wan0", "util", value_real(0.1, 0), 1);
	cr_expect(eq(uint, h.n, 1), "the entity");
	store_want(s, util, true);
	store_want(s, util, true);
	store_want(s, util, false);
	help_put(s, "link", "wan0", "util", value_real(0.2, 0), 2);
	cr_expect(eq(uint, h.n, 2));
	store_want(s, util, false);
	help_put(s, "link", "wan0", "util", value_real(0.3, 0), 3);
	cr_expect(eq(uint, h.n, 2));
}
