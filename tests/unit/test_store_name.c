/* Names by hash and in order, against arrays that are searched from end to end. */
#include "facts/store.h"

#include <errno.h>
#include <string.h>

#include "facts/store_priv.h"
#include "unit/facts_help.h"

#define NAMES 400

struct model {
	bool there[NAMES];
	uint32_t handle[NAMES];
};

/* In the natural order of names: numbers count by size, and a name before what begins with it. */
static void name_of(unsigned i, char *buf)
{
	(void) snprintf(buf, ANOD_NAME_SIZE, "if%u.%u", i / 20, i % 20);
}

static void compare(const struct store *s, const struct store *reader, const struct model *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < NAMES; i++) {
		char name[ANOD_NAME_SIZE];

		name_of(i, name);
		cr_assert(eq(u32, store_find(s, 1, name), m->there[i] ? m->handle[i] : 0));
		cr_assert(eq(u32, store_find(reader, 1, name), m->there[i] ? m->handle[i] : 0));
		if (!m->there[i])
			continue;
		cr_assert(eq(u32, store_nth(s, 1, n), m->handle[i]));
		cr_assert(eq(u32, store_nth(reader, 1, n), m->handle[i]));
		cr_assert_str_eq(store_entity_name(reader, m->handle[i]), name);
		n++;
	}
	cr_assert(eq(uint, store_count(s, 1), n));
	cr_assert(eq(uint, store_count(reader, 1), n));
	cr_assert(eq(u32, store_nth(reader, 1, n), 0));
}

Test(store_name, hash_and_order_agree_with_a_plain_array)
{
	for (unsigned round = 0; round < 6; round++) {
		_cleanup_(schema_freep) struct schema *schema = help_schema();
		_cleanup_(store_freep) struct store *s = store_new(schema), *reader = NULL;
		unsigned short seed[3] = { (unsigned short) round, 1, 2 };
		struct model m = { 0 };

		cr_assert(eq(int, store_open(schema, store_fd(s), &reader), 0));
		for (unsigned step = 0; step < 3000; step++) {
			unsigned i = (unsigned) nrand48(seed) % NAMES;
			/* Full, then empty, then full again. */
			bool add = (unsigned) nrand48(seed) % 10 < (step / 1000 == 1 ? 2 : 8);
			char name[ANOD_NAME_SIZE];

			name_of(i, name);
			if (add)
				m.handle[i] = help_entity(s, "link", name);
			else
				cr_assert(eq(int, store_remove(s, m.handle[i], 0),
					     m.there[i] ? 0 : -ENOENT));
			m.there[i] = add;
			if (step % 100 == 99)
				compare(s, reader, &m);
		}
	}
}

Test(store_name, a_reader_does_not_wait_for_ever_for_a_writer_that_stopped)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema), *reader = NULL;
	uint32_t e = help_entity(s, "link", "wan0");

	cr_assert(eq(int, store_open(schema, store_fd(s), &reader), 0));
	seq_write_begin(&s->seg->kind[1].seq);
	cr_expect(eq(u32, store_find(reader, 1, "wan0"), 0));
	cr_expect(eq(u32, store_nth(reader, 1, 0), 0));
	seq_write_end(&s->seg->kind[1].seq);
	cr_expect(eq(u32, store_find(reader, 1, "wan0"), e));
	cr_expect(eq(u32, store_find(reader, KINDS, "wan0"), 0));
	cr_expect(eq(u32, store_nth(reader, KINDS, 0), 0));
}

Test(store_name, entities_come_in_the_natural_order_of_names)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	static const char *const in[] = { "eth10", "wan0", "eth2",  "eth",    "eth2.100",
					  "lo",	   "eth1", "eth02", "eth2.7", "10" };
	static const char *const out[] = { "10",     "eth",	 "eth1",  "eth02", "eth2",
					   "eth2.7", "eth2.100", "eth10", "lo",	   "wan0" };
	uint16_t link = schema_kind_id(schema, "link");

	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		(void) help_entity(s, "link", in[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(out); i++)
		cr_expect_str_eq(store_entity_name(s, store_nth(s, link, i)), out[i]);
	cr_expect(eq(u32, store_nth(s, link, ARRAY_SIZE(out)), 0));

	cr_expect(eq(int, store_remove(s, store_find(s, link, "eth2"), 0), 0));
	cr_expect_str_eq(store_entity_name(s, store_nth(s, link, 4)), "eth2.7");
}
