/*
 * The sequence locks of the store, instruction by instruction.
 *
 * A stress test finds a row that is read half old and half new when it is lucky.  Here one side is
 * a child that is stepped by ptrace(), and the other does all of its work between two of its
 * instructions, for each of them in turn: what a reader sees must be one state wherever it was
 * interrupted, and so must what a writer that is stopped leaves behind an even count.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "facts/store_priv.h"
#include "facts/value.h"
#include "unit/facts_help.h"

#define COLUMNS	  4
#define ROOM	  31	 /* names beside eth0: the order is full, */
#define CROWD	  43	 /* ... and now it and the hash have grown */
#define STEPS_MAX 200000 /* of one call: more is a loop */
#define STRIDE	  5	 /* no gap between two loads that matter is shorter */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

enum { OLD, NEW, TORN, BUSY }; /* what a reader saw */

struct pair {
	struct schema *schema;
	struct store *store, *reader;
	uint32_t e; /* eth0 */
	uint16_t kind, first, text;
};

static void pair_begin(struct pair *p)
{
	static const struct anod_attr attrs[] = {
		{ .name = "a", .type = ANOD_INT },     { .name = "b", .type = ANOD_INT },
		{ .name = "c", .type = ANOD_INT },     { .name = "d", .type = ANOD_INT },
		{ .name = "text", .type = ANOD_TEXT }, { 0 }
	};
	static const struct anod_kind kinds[] = { { .name = "thing", .attrs = attrs }, { 0 } };
	const char *why;

	*p = (struct pair){ .schema = schema_new() };
	cr_assert(eq(int, schema_declare(p->schema, "test", kinds, &why), 0));
	p->kind = schema_kind_id(p->schema, "thing");
	p->first = schema_attr(p->schema, "thing", "a")->slot;
	p->text = schema_attr(p->schema, "thing", "text")->slot;
	p->store = store_new(p->schema);
	cr_assert(eq(int, store_open(p->schema, store_fd(p->store), &p->reader), 0));
	p->e = help_entity(p->store, "thing", "eth0");
}

static void pair_end(struct pair *p)
{
	store_free(p->reader);
	store_free(p->store);
	schema_free(p->schema);
}

static void put(struct pair *p, uint32_t e, int64_t factor)
{
	int64_t raw[COLUMNS];

	for (unsigned k = 0; k < COLUMNS; k++)
		raw[k] = factor * (k + 1);
	(void) store_put(p->store, e, p->first, COLUMNS, raw, UINT64_MAX, 1);
}

static void text(struct pair *p, char letter)
{
	struct anod_value v = { .type = ANOD_TEXT };

	memset(v.u.text, letter, ANOD_TEXT_SIZE - 1);
	(void) store_publish(p->store, p->e, p->text, &v, 1);
}

/* ---- what writers do: 'before' is done, 'act' comes in between ------------------------------- */

static void nothing(struct pair *p)
{
	(void) p;
}

static void put_old(struct pair *p)
{
	put(p, p->e, 1);
}

static void put_new(struct pair *p)
{
	put(p, p->e, 1000);
}

/* The row is another's, with other values. */
static void replace(struct pair *p)
{
	uint32_t other;

	(void) store_remove(p->store, p->e, 1);
	(void) store_entity(p->store, p->kind, "eth1", 1, &other);
	put(p, other, 1000);
}

static void text_old(struct pair *p)
{
	text(p, 'o');
}

static void text_new(struct pair *p)
{
	text(p, 'n');
}

static void add_names(struct pair *p, unsigned from, unsigned to)
{
	char name[16];
	uint32_t e;

	for (unsigned i = from; i < to; i++) {
		(void) snprintf(name, sizeof(name), "a%u", i);
		(void) store_entity(p->store, p->kind, name, 1, &e);
	}
}

static void settle_down(struct pair *p)
{
	add_names(p, 0, ROOM);
}

static void crowd(struct pair *p)
{
	add_names(p, ROOM, CROWD);
}

/* ---- what readers see ---------------------------------------------------------------------- */

static int see_row(const struct pair *p)
{
	int64_t raw[COLUMNS];
	uint64_t known;
	int r = store_get_row(p->reader, p->e, p->first, COLUMNS, 1, raw, &known);

	if (r == -EAGAIN)
		return BUSY;
	if (r == -ENOENT)
		return NEW;
	if (r < 0 || (known && known != (1u << COLUMNS) - 1))
		return TORN;
	for (unsigned k = 0; known && k < COLUMNS; k++)
		if (raw[k] != raw[0] * (k + 1))
			return TORN;
	return known && raw[0] == 1000 ? NEW : OLD;
}

/* As above, but the values of who has the row now are never ours. */
static int see_own_row(const struct pair *p)
{
	uint64_t known = 0;
	int64_t raw[COLUMNS] = { 0 };
	int r = store_get_row(p->reader, p->e, p->first, COLUMNS, 1, raw, &known);

	return r == -EAGAIN ? BUSY : r == -ENOENT ? NEW : known && raw[0] == 1 ? OLD : TORN;
}

static int see_text(const struct pair *p)
{
	struct fact f;
	int r = store_get(p->reader, p->e, p->text, 1, &f);

	if (r < 0 || f.why)
		return r < 0 || strcmp(f.why, "being written") != 0 ? TORN : BUSY;
	for (unsigned k = 0; k < ANOD_TEXT_SIZE - 1; k++)
		if (f.value.u.text[k] != f.value.u.text[0])
			return TORN;
	return f.value.u.text[0] == 'n' ? NEW : OLD;
}

static int see_name(const struct pair *p)
{

	if (store_find(p->reader, p->kind, "eth0") != p->e)
		return TORN;
	return store_count(p->reader, p->kind) > CROWD ? NEW : OLD;
}

static const struct scene {
	const char *name;
	void (*before)(struct pair *p), (*act)(struct pair *p);
	int (*see)(const struct pair *p);
} scenes[] = {
	{ "a row", put_old, put_new, see_row },
	{ "the first row of a block", nothing, put_new, see_row },
	{ "a row that changes hands", put_old, replace, see_own_row },
	{ "a text", text_old, text_new, see_text },
	{ "a name", settle_down, crowd, see_name },
};

/* ---- stepping ------------------------------------------------------------------------------ */

static void skip_where_nobody_can_step(void)
{
	const char *preload = getenv("LD_PRELOAD");
	int status;
	pid_t pid;

	if (SANITIZED)
		cr_skip_test("ten times the instructions; the plain build does it");
	if (preload && strstr(preload, "vgpreload"))
		cr_skip_test("valgrind steps by itself");
	pid = fork();
	if (pid == 0)
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0);
	cr_assert(eq(int, waitpid(pid, &status, 0), pid));
	if (status != 0)
		cr_skip_test("ptrace() is not allowed here");
}

static pid_t begin_child(struct pair *p, bool reads, const struct scene *scene)
{
	pid_t pid = fork();

	cr_assert(ge(int, pid, 0));
	if (pid > 0) {
		cr_assert(eq(int, waitpid(pid, NULL, 0), pid));
		return pid;
	}
	(void) ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	(void) raise(SIGSTOP);
	if (reads)
		_exit(scene->see(p));
	scene->act(p);
	_exit(0);
}

/* True: it stands at the next instruction; else '*status' is how it ended. */
static bool step(pid_t pid, int *status)
{
	cr_assert(eq(int, ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0));
	cr_assert(eq(int, waitpid(pid, status, 0), pid));
	return WIFSTOPPED(*status);
}

Test(store_steps, a_reader_sees_one_state_wherever_the_writer_comes_in_between)
{
	skip_where_nobody_can_step();
	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
		const struct scene *scene = &scenes[i];
		unsigned seen[BUSY + 1] = { 0 };
		bool ended = false;

		for (unsigned at = 0; !ended && at < STEPS_MAX; at += STRIDE) {
			struct pair p;
			int status = 0;
			pid_t pid;

			pair_begin(&p);
			scene->before(&p);
			pid = begin_child(&p, true, scene);
			for (unsigned k = 0; k < at && !ended; k++)
				ended = !step(pid, &status);
			if (!ended) {
				scene->act(&p);
				cr_assert(eq(int, ptrace(PTRACE_CONT, pid, NULL, NULL), 0));
				cr_assert(eq(int, waitpid(pid, &status, 0), pid));
			}
			cr_assert_eq(WIFEXITED(status), 1, "%s: 0x%x", scene->name, status);
			seen[WEXITSTATUS(status)]++;
			cr_assert_neq(WEXITSTATUS(status), TORN, "%s: at instruction %u",
				      scene->name, at);
			pair_end(&p);
		}
		cr_expect(ended, "%s", scene->name);
		cr_expect_gt(seen[OLD], 0, "%s", scene->name);
		cr_expect_gt(seen[NEW], 0, "%s", scene->name);
		cr_expect_eq(seen[BUSY], 0, "%s", scene->name);
	}
}

/* A reader waits while the count is odd; with an even one it must find a whole row. */
static bool locked(const struct pair *p)
{
	const struct seg_block *b = seg_block_at(p->reader, p->kind, 0);

	return (LOAD(&p->reader->seg->kind[p->kind].seq) | LOAD(&b->seq[0])) & 1;
}

Test(store_steps, a_writer_that_stops_anywhere_leaves_one_state_or_a_lock)
{
	skip_where_nobody_can_step();
	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
		const struct scene *scene = &scenes[i];
		unsigned seen[BUSY + 1] = { 0 }, n_locked = 0, n = 0;
		struct pair p;
		int status;
		pid_t pid;

		pair_begin(&p);
		scene->before(&p);
		pid = begin_child(&p, false, scene);
		while (step(pid, &status) && n++ < STEPS_MAX) {
			int saw = locked(&p) ? BUSY : scene->see(&p);

			n_locked += saw == BUSY;
			seen[saw]++;
			if (saw == TORN)
				break;
		}
		cr_expect_eq(seen[TORN], 0, "%s: at instruction %u", scene->name, n);
		cr_expect_gt(seen[OLD], 0, "%s", scene->name);
		cr_expect_gt(n_locked, 0, "%s", scene->name);
		if (!WIFEXITED(status)) {
			(void) kill(pid, SIGKILL);
			(void) waitpid(pid, &status, 0);
		}
		cr_expect_eq(scene->see(&p), NEW, "%s", scene->name);
		pair_end(&p);
	}
}
