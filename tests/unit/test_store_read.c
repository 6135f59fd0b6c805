/* Readers in other processes: what they see, what they may not, and that a row is never torn. */
#include "facts/store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "facts/store_priv.h"
#include "facts/value.h"
#include "unit/facts_help.h"

Test(store_read, another_process_reads_the_same_and_writes_nothing)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema), *reader = NULL;
	struct anod_value v = value_bool(true);
	uint32_t wan0 = help_entity(s, "link", "wan0"), e;
	struct anod_prefix p;
	int64_t raw[2] = { 0 };
	uint64_t known;
	struct fact f;

	cr_assert(eq(int, store_open(schema, store_fd(s), &reader), 0));
	cr_assert(eq(int, prefix_parse("192.0.2.1", &p), 0));
	help_put(s, "link", "wan0", "alias", value_text("to the provider"), 1);
	help_put(s, "link", "wan0", "address", value_prefix(&p), 2);
	help_put(s, "link", "wan0", "util", value_real(0.5, 0), SECOND);
	cr_expect(eq(u32, store_find(reader, 1, "wan0"), wan0));
	cr_expect(eq(u16, store_entity_kind(reader, wan0), 1));
	cr_expect_str_eq(store_entity_name(reader, wan0), "wan0");
	cr_expect_str_eq(help_get(reader, "link", "wan0", "alias", 3).value.u.text,
			 "to the provider");
	cr_expect(eq(int, help_get(reader, "link", "wan0", "alias", 3).value.flags,
		     ANOD_VALUE_OUTSIDE));
	f = help_get(reader, "link", "wan0", "address", 3);
	cr_expect(eq(int, memcmp(&f.value.u.prefix, &p, sizeof(p)), 0));
	cr_expect_str_eq(help_get(reader, "link", "wan0", "mtu", 3).why, "never seen");
	/* Ageing is worked out by the reader itself. */
	cr_expect_null(help_get(reader, "link", "wan0", "util", 11 * SECOND).why);
	cr_expect_str_eq(help_get(reader, "link", "wan0", "util", 12 * SECOND).why, "too old");
	(void) store_sync(s, "rtnl", 1, ANOD_SYNC_LOST, 4);
	cr_expect_str_eq(help_get(reader, "link", "wan0", "alias", 5).why, "source out of sync");

	/* Entities that come after the reader opened it. */
	for (unsigned i = 0; i < 3000; i++) {
		char name[16];

		(void) snprintf(name, sizeof(name), "eth%u", i);
		e = help_entity(s, "link", name);
		cr_assert(eq(u32, store_find(reader, 1, name), e));
	}
	cr_expect(eq(uint, store_count(reader, 1), 3001));

	cr_expect(eq(int, store_entity(reader, 1, "wan1", 1, &e), -EROFS));
	cr_expect(eq(int, store_remove(reader, wan0, 1), -EROFS));
	cr_expect(eq(int, store_publish(reader, wan0, 1, &v, 1), -EROFS));
	cr_expect(eq(int, store_put(reader, wan0, 1, 1, raw, 1, 1), -EROFS));
	cr_expect(eq(int, store_sync(reader, "rtnl", 1, ANOD_SYNC_BEGIN, 1), -EROFS));
	cr_expect(eq(uint, store_expire(reader, US_INFINITY), 0));
	cr_expect(eq(u64, store_next_expiry(reader), US_INFINITY));
	(void) store_remove(s, wan0, 6);
	cr_expect(eq(int, store_get(reader, wan0, 0, 6, &f), -ENOENT));
	cr_expect(eq(int, store_get_row(reader, wan0, 0, 1, 6, raw, &known), -ENOENT));
	cr_expect_null(store_entity_name(reader, wan0));
	cr_expect(eq(u16, store_entity_kind(reader, wan0), 0));
	cr_expect(eq(int, mprotect(reader->seg, 4096, PROT_READ | PROT_WRITE), -1));
}

Test(store_read, what_is_no_store_is_refused)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	struct store *reader = NULL;
	struct shm m;

	cr_expect(eq(int, store_open(schema, -1, &reader), -EBADF));
	cr_assert(eq(int, shm_new(&m, "test", SHM_MAX), 0));
	cr_expect(eq(int, store_open(schema, m.reader_fd, &reader), -EPROTO));
	cr_expect_null(reader);
	shm_done(&m);
}

Test(store_read, a_row_whose_writer_stopped_reads_as_unknown)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema), *reader = NULL;
	uint32_t e = help_entity(s, "link", "wan0");
	const struct schema_attr *a = schema_attr(schema, "link", "mtu");
	uint64_t known;
	int64_t raw;
	struct place p;

	cr_assert(eq(int, store_open(schema, store_fd(s), &reader), 0));
	help_put(s, "link", "wan0", "mtu", value_int(1500, 0), 1);
	cr_assert(eq(int, place_find(s, e, &p), 0));
	seq_write_begin(&p.seg->seq[p.row]);
	cr_expect_str_eq(help_get(reader, "link", "wan0", "mtu", 1).why, "being written");
	cr_expect(eq(int, store_get_row(reader, e, a->slot, 1, 1, &raw, &known), -EAGAIN));
	cr_expect_null(store_entity_name(reader, e));
	seq_write_end(&p.seg->seq[p.row]);
	cr_expect_null(help_get(reader, "link", "wan0", "mtu", 1).why);
	cr_expect(eq(int, store_get_row(reader, e, a->slot, 1, 1, &raw, &known), 0));
	cr_expect(eq(u64, known, 1));
	cr_expect(eq(i64, raw, 1500));
	cr_expect(eq(int, store_get_row(reader, e, 0, 8, 1, &raw, &known), -EPROTO));
	cr_expect(eq(int, store_get_row(reader, e, 999, 1, 1, &raw, &known), -EINVAL));
	cr_expect(eq(int, store_get_row(reader, e, 0, 0, 1, &raw, &known), -EINVAL));
}

/* ---- under full write load -------------------------------------------------------------- */

#define LINKS	 128 /* whole blocks */
#define COUNTERS 14
#define READERS	 2

static struct schema *counter_schema(void)
{
	static const char *const names[COUNTERS] = { "a", "b", "c", "d", "e", "f", "g",
						     "h", "i", "j", "k", "l", "m", "n" };
	struct anod_attr attrs[COUNTERS + 2] = { 0 };
	struct anod_kind kinds[] = { { .name = "link", .attrs = attrs }, { 0 } };
	struct schema *s = schema_new();
	const char *why;

	for (unsigned i = 0; i < COUNTERS; i++)
		attrs[i] = (struct anod_attr){ .name = names[i], .type = ANOD_INT };
	attrs[COUNTERS] = (struct anod_attr){ .name = "text", .type = ANOD_TEXT };
	cr_assert(eq(int, schema_declare(s, "counters", kinds, &why), 0));
	return s;
}

struct load { /* what the processes share */
	bool stop;
	uint64_t reads[READERS], torn[READERS], busy[READERS];
	uint64_t rounds;
	unsigned grown; /* entities that came one after the other, to make new blocks */
};

static unsigned slot_of(const struct schema *s, const char *attr)
{
	return schema_attr(s, "link", attr)->slot;
}

/* Every column of a row is a multiple of the first, and a text one letter all through. */
static bool row_good(const struct store *s, uint32_t e, struct load *load, unsigned me)
{
	uint16_t first = (uint16_t) slot_of(store_schema(s), "a");
	int64_t raw[COUNTERS];
	uint64_t known;
	struct fact f;
	int r = store_get_row(s, e, first, COUNTERS, 1, raw, &known);

	load->busy[me] += r == -EAGAIN;
	if (r == 0 && known == (1u << COUNTERS) - 1)
		for (unsigned k = 0; k < COUNTERS; k++)
			if (raw[k] != raw[0] * (k + 1))
				return false;
	if (r == 0 && known && known != (1u << COUNTERS) - 1)
		return false;
	if (store_get(s, e, (uint16_t) slot_of(store_schema(s), "text"), 1, &f) == 0 && !f.why)
		for (unsigned k = 0; k < ANOD_TEXT_SIZE - 1; k++)
			if (f.value.u.text[k] != f.value.u.text[0])
				return false;
	return true;
}

static void reader_main(const struct schema *schema, int fd, struct load *load, unsigned me)
{
	struct store *s = NULL;

	if (store_open(schema, fd, &s) < 0)
		_exit(1);
	for (unsigned i = 0; !LOAD(&load->stop); i++) {
		const char *found;
		char name[16];
		uint32_t e;

		/* One lies in wait for the first row of a block, whose columns come one by one. */
		if (me == 0)
			(void) snprintf(name, sizeof(name), "eth%u", i % LINKS);
		else
			(void) snprintf(name, sizeof(name), "new%u",
					(LOAD(&load->grown) + 63) / 64 * 64);
		e = store_find(s, 1, name);
		load->torn[me] += e && !row_good(s, e, load, me);
		/* The name of a handle stays its name, though its row is another's soon. */
		found = e ? store_entity_name(s, e) : NULL;
		load->torn[me] += found && strcmp(found, name) != 0;
		STORE(&load->reads[me], load->reads[me] + 1);
	}
	store_free(s);
	_exit(0);
}

static void grow(struct store *s, struct load *load)
{
	uint16_t first = (uint16_t) slot_of(store_schema(s), "a");
	int64_t raw[COUNTERS];
	char name[16];
	uint32_t e;

	for (unsigned k = 0; k < COUNTERS; k++)
		raw[k] = k + 1;
	for (unsigned i = 0; i < 64 && load->grown < 64000; i++) {
		(void) snprintf(name, sizeof(name), "new%u", load->grown);
		e = help_entity(s, "link", name);
		cr_assert(eq(int, store_put(s, e, first, COUNTERS, raw, UINT64_MAX, 1), 0));
		STORE(&load->grown, load->grown + 1);
	}
}

static void write_round(struct store *s, uint32_t *e, uint64_t round)
{
	uint16_t first = (uint16_t) slot_of(store_schema(s), "a");
	uint16_t text = (uint16_t) slot_of(store_schema(s), "text");
	struct anod_value v = { .type = ANOD_TEXT };

	memset(v.u.text, 'a' + (int) (round % 26), ANOD_TEXT_SIZE - 1);
	for (unsigned i = 0; i < LINKS; i++) {
		int64_t raw[COUNTERS];
		char name[16];

		for (unsigned k = 0; k < COUNTERS; k++)
			raw[k] = (int64_t) (round * LINKS + i) * (k + 1);
		/* Some go, so that rows change hands. */
		if ((round + i) % 97 == 0) {
			(void) snprintf(name, sizeof(name), "eth%u", i);
			cr_assert(eq(int, store_remove(s, e[i], 1), 0));
			e[i] = help_entity(s, "link", name);
		}
		cr_assert(eq(int, store_put(s, e[i], first, COUNTERS, raw, UINT64_MAX, 1), 0));
		if (i % 8 == 0)
			cr_assert(eq(int, store_publish(s, e[i], text, &v, 1), 0));
	}
}

Test(store_read, a_row_is_never_torn_and_a_reader_never_stops_the_writer)
{
	_cleanup_(schema_freep) struct schema *schema = counter_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	struct load *load = mmap(NULL, sizeof(*load), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t limit = clock_boot_us() + 20 * SECOND, held;
	uint32_t e[LINKS];
	pid_t pid[READERS];

	cr_assert(ne(ptr, load, MAP_FAILED));
	for (unsigned i = 0; i < LINKS; i++) {
		char name[16];

		(void) snprintf(name, sizeof(name), "eth%u", i);
		e[i] = help_entity(s, "link", name);
	}
	for (unsigned i = 0; i < READERS; i++) {
		pid[i] = fork();
		cr_assert(ge(int, pid[i], 0));
		if (pid[i] == 0)
			reader_main(schema, store_fd(s), load, i);
	}

	/* Until both have read enough; the writer asks nobody. */
	while ((LOAD(&load->reads[0]) < 100000 || LOAD(&load->reads[1]) < 100000) &&
	       clock_boot_us() < limit) {
		write_round(s, e, ++load->rounds);
		grow(s, load);
	}
	cr_expect(ge(u64, load->reads[0], 100000));
	cr_expect(ge(u64, load->reads[1], 100000));
	/* A reader that was stopped, wherever it was, holds nothing up. */
	(void) kill(pid[0], SIGSTOP);
	held = load->rounds;
	while (load->rounds < held + 100)
		write_round(s, e, ++load->rounds);
	(void) kill(pid[0], SIGCONT);

	STORE(&load->stop, true);
	for (unsigned i = 0; i < READERS; i++) {
		int status;

		cr_assert(eq(int, waitpid(pid[i], &status, 0), pid[i]));
		cr_expect(eq(int, status, 0));
		cr_expect(eq(u64, load->torn[i], 0));
		/* Only where the writer lost its CPU in the middle of a row. */
		cr_expect(lt(u64, load->busy[i], load->reads[i] / 1000));
	}
	(void) munmap(load, sizeof(*load));
}
