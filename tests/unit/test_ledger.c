/* The ledger: one line each, a chain that shows every change, never half a line. */
#include "record/ledger.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char dir[] = "/tmp/anod-ledger-XXXXXX";

static void make_dir(void)
{
	cr_assert_not_null(mkdtemp(dir));
}

static void remove_dir(void)
{
	char command[64];

	(void) snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(ledger, .init = make_dir, .fini = remove_dir);

#define WALL UINT64_C(1763831101123456)

static const char *path(const char *name)
{
	static char p[128];

	(void) snprintf(p, sizeof(p), "%s/%s", dir, name);
	return p;
}

static int add(struct ledger *l, const char *text)
{
	struct cJSON *body = cJSON_CreateObject();

	(void) cJSON_AddStringToObject(body, "text", text);
	return ledger_append(l, "note", WALL, body, false);
}

static struct ledger *open_it(void)
{
	struct ledger *l = NULL;

	cr_assert_eq(ledger_open(dir, &l), 0);
	return l;
}

static char *read_all(const char *name, size_t *ret_size)
{
	int fd = open(path(name), O_RDONLY);
	struct stat st;
	char *buf;

	cr_assert_geq(fd, 0);
	cr_assert_eq(fstat(fd, &st), 0);
	buf = calloc(1, (size_t) st.st_size + 1);
	cr_assert_eq(read(fd, buf, (size_t) st.st_size), st.st_size);
	(void) close(fd);
	*ret_size = (size_t) st.st_size;
	return buf;
}

static void write_all(const char *name, const char *buf, size_t size)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_eq(write(fd, buf, size), (ssize_t) size);
	(void) close(fd);
}

static int64_t verify(struct ledger_fault *f)
{
	char head[65];

	return ledger_verify(dir, head, f);
}

Test(ledger, lines_are_json_for_people_and_the_chain_holds)
{
	struct ledger *l = open_it();
	struct cJSON *body = cJSON_CreateObject(), *line;
	char head[65], *text, *nl;
	uint64_t n;
	size_t size;

	cr_assert_eq(strspn(ledger_head(l, &n), "0"), 64);
	cr_assert_eq(n, 0);
	cr_assert_eq(verify(NULL), 0);
	(void) cJSON_AddStringToObject(body, "why", "a \"quote\"\nand a line");
	cr_assert_eq(ledger_add_u64(body, "big", UINT64_MAX), 0);
	cr_assert_eq(ledger_append(l, "decision", WALL, body, true), 0);
	cr_assert_eq(ledger_append(l, "empty", WALL, cJSON_CreateObject(), false), 0);

	text = read_all(LEDGER_FILE, &size);
	cr_assert(strncmp(text,
			  "{\"n\":1,\"t\":\"2025-11-22T17:05:01.123Z\",\"kind\":\"decision\","
			  "\"why\":\"a \\\"quote\\\"\\nand a line\","
			  "\"big\":18446744073709551615,\"prev\":\"0000",
			  120) == 0,
		  "%s", text);
	nl = strchr(text, '\n');
	*nl = 0;
	line = cJSON_Parse(text);
	cr_assert_str_eq(cJSON_GetObjectItem(line, "kind")->valuestring, "decision");
	cJSON_Delete(line);
	line = cJSON_Parse(nl + 1);
	cr_assert_str_eq(cJSON_GetObjectItem(line, "hash")->valuestring, ledger_head(l, &n));
	cr_assert_eq(n, 2);
	cJSON_Delete(line);
	free(text);

	cr_assert_eq(ledger_verify(dir, head, NULL), 2);
	cr_assert_str_eq(head, ledger_head(l, NULL));
	(void) ledger_close(l);
	l = open_it();
	cr_assert_str_eq(head, ledger_head(l, &n));
	cr_assert_eq(add(l, "goes on"), 0);
	cr_assert_eq(verify(NULL), 3);
	(void) ledger_close(l);
}

Test(ledger, bodies_that_would_break_a_line_are_refused)
{
	static const char *const own[] = { "n", "t", "kind", "prev", "hash" };
	struct ledger *l = open_it();

	for (unsigned i = 0; i < ARRAY_SIZE(own); i++) {
		struct cJSON *body = cJSON_CreateObject();

		(void) cJSON_AddStringToObject(body, own[i], "x");
		cr_assert_eq(ledger_append(l, "note", WALL, body, false), -EINVAL);
	}
	cr_assert_eq(ledger_append(l, "note", WALL, cJSON_CreateArray(), false), -EINVAL);
	cr_assert_eq(ledger_append(l, "a\"b", WALL, cJSON_CreateObject(), false), -EINVAL);
	cr_assert_eq(ledger_append(l, "", WALL, cJSON_CreateObject(), false), -EINVAL);
	cr_assert_eq(verify(NULL), 0);
	(void) ledger_close(l);
	cr_assert_eq(ledger_open("/nonexistent", &l), -ENOENT);
}

/* The line that holds byte 'at', from 1. */
static uint64_t line_of(const char *text, size_t at)
{
	uint64_t n = 1;

	for (size_t i = 0; i < at; i++)
		n += text[i] == '\n';
	return n;
}

Test(ledger, every_flipped_byte_is_found_and_its_line_named)
{
	struct ledger *l = open_it();
	size_t size;
	char *text;

	for (unsigned i = 0; i < 5; i++)
		cr_assert_eq(add(l, "some words"), 0);
	(void) ledger_close(l);
	text = read_all(LEDGER_FILE, &size);

	for (size_t at = 0; at < size; at++) {
		static const char flip[] = { 1, 0x20, (char) 0x80 };

		for (unsigned k = 0; k < ARRAY_SIZE(flip); k++) {
			struct ledger_fault f = { 0 };
			uint64_t line = line_of(text, at);

			text[at] ^= flip[k];
			write_all(LEDGER_FILE, text, size);
			cr_assert_eq(verify(&f), -EBADMSG, "byte %zu", at);
			cr_assert_str_eq(f.file, LEDGER_FILE);
			cr_assert_eq(f.line, line, "byte %zu in line %llu: %llu, %s", at,
				     (unsigned long long) line, (unsigned long long) f.line, f.why);
			text[at] ^= flip[k];
		}
	}
	write_all(LEDGER_FILE, text, size);
	cr_assert_eq(verify(NULL), 5);
	free(text);
}

Test(ledger, lost_added_and_swapped_lines_are_found)
{
	struct ledger *l = open_it();
	struct ledger_fault f;
	size_t size, len;
	char *text, *copy;

	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(add(l, "equally long"), 0);
	(void) ledger_close(l);
	text = read_all(LEDGER_FILE, &size);
	len = size / 4;
	copy = malloc(size + len);

	memcpy(copy, text, len); /* without line 2 */
	memcpy(copy + len, text + 2 * len, 2 * len);
	write_all(LEDGER_FILE, copy, 3 * len);
	cr_assert(verify(&f) == -EBADMSG && f.line == 2, "%s", f.why);

	memcpy(copy, text, 2 * len); /* line 2 twice */
	memcpy(copy + 2 * len, text + len, 3 * len);
	write_all(LEDGER_FILE, copy, 5 * len);
	cr_assert(verify(&f) == -EBADMSG && f.line == 3, "%s", f.why);

	memcpy(copy, text, size); /* 2 and 3 swapped */
	memcpy(copy + len, text + 2 * len, len);
	memcpy(copy + 2 * len, text + len, len);
	write_all(LEDGER_FILE, copy, size);
	cr_assert(verify(&f) == -EBADMSG && f.line == 2, "%s", f.why);

	write_all(LEDGER_FILE, text + len, size - len); /* without the first */
	cr_assert(verify(&f) == -EBADMSG && f.line == 1, "%s", f.why);

	write_all(LEDGER_FILE, text, 2 * len); /* a cut tail cannot be seen from inside */
	cr_assert_eq(verify(&f), 2);
	free(copy);
	free(text);
}

Test(ledger, a_torn_last_line_is_moved_aside_and_said_so)
{
	struct ledger *l = open_it();
	size_t size, cut;
	char *text;

	cr_assert_eq(add(l, "one"), 0);
	cr_assert_eq(add(l, "two"), 0);
	(void) ledger_close(l);
	text = read_all(LEDGER_FILE, &size);

	/* Every length that a crash may leave, the missing newline included. */
	for (cut = size / 2 + 5; cut < size; cut += 7) {
		struct ledger_fault f;
		char *now, *torn, name[40];
		static unsigned n;
		size_t now_size, torn_size;

		write_all(LEDGER_FILE, text, cut);
		cr_assert_eq(verify(&f), -EBADMSG);
		cr_assert_eq(f.line, 2);
		l = open_it();
		cr_assert_eq(add(l, "three"), 0);
		(void) ledger_close(l);
		cr_assert_eq(verify(&f), 3, "one, repair, three");
		now = read_all(LEDGER_FILE, &now_size);
		cr_assert_not_null(strstr(now, "\"kind\":\"repair\""));
		(void) snprintf(name, sizeof(name), "ledger.torn-%u", ++n);
		cr_assert_not_null(strstr(now, name));
		torn = read_all(name, &torn_size);
		cr_assert_eq(memcmp(torn, text + cut - torn_size, torn_size), 0);
		free(torn);
		free(now);
	}
	free(text);
}

Test(ledger, a_first_line_may_be_torn_too_but_other_files_are_left_alone)
{
	struct ledger *l;

	write_all(LEDGER_FILE, "{\"n\":1,\"t", 9);
	l = open_it();
	(void) ledger_close(l);
	cr_assert_eq(verify(NULL), 1);
	write_all(LEDGER_FILE, "my own notes\n", 13);
	cr_assert_eq(ledger_open(dir, &l), -EBADMSG);
}

Test(ledger, a_wrong_last_line_is_not_repaired_but_named_for_ever)
{
	struct ledger *l = open_it();
	struct ledger_fault f;
	size_t size;
	char *text;

	cr_assert_eq(add(l, "one"), 0);
	cr_assert_eq(add(l, "two"), 0);
	(void) ledger_close(l);
	text = read_all(LEDGER_FILE, &size);
	*strstr(text, "two") = 'T';
	write_all(LEDGER_FILE, text, size);
	free(text);
	l = open_it();
	cr_assert_eq(add(l, "three"), 0);
	(void) ledger_close(l);
	cr_assert_eq(verify(&f), -EBADMSG);
	cr_assert_eq(f.line, 2);
}

Test(ledger, a_full_disk_never_leaves_half_a_line)
{
	struct ledger *l = open_it();
	struct rlimit old, tight;
	struct stat st;
	unsigned refused = 0;

	(void) signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(add(l, "before"), 0);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = old;
	/* The limit cuts writes at every byte of a line, as a full disk does. */
	for (unsigned extra = 0; extra < 300; extra++) {
		cr_assert_eq(stat(path(LEDGER_FILE), &st), 0);
		tight.rlim_cur = (rlim_t) st.st_size + extra;
		cr_assert_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
		if (add(l, "no room") == -ENOSPC)
			refused++;
		cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
		cr_assert_gt(verify(NULL), 0, "extra %u", extra);
	}
	cr_assert_gt(refused, 200);
	cr_assert_eq(add(l, "after"), 0);
	cr_assert_gt(verify(NULL), 0);
	(void) ledger_close(l);
}

/* ---- many files --------------------------------------------------------------------------- */

static void fill_over(struct ledger *l)
{
	_cleanup_(freep) char *big = calloc(1, 900 << 10);

	memset(big, 'x', (900 << 10) - 1);
	for (unsigned i = 0; i < LEDGER_SIZE / (900 << 10) + 3; i++)
		cr_assert_eq(add(l, big), 0, "%u", i);
}

static int newest(const struct cJSON *line, void *data)
{
	double *n = data;

	cr_assert_eq(cJSON_GetObjectItem(line, "n")->valuedouble, (*n)--);
	return 0;
}

static int count_line(const struct cJSON *line, void *data)
{
	cr_assert_eq(cJSON_GetObjectItem(line, "tx")->valuedouble, 12);
	++*(unsigned *) data;
	return 0;
}

Test(ledger, the_lines_of_a_transaction_are_found_without_parsing_the_others)
{
	struct ledger *l = open_it();
	unsigned n = 0;

	for (unsigned i = 0; i < 300; i++) {
		struct cJSON *body = cJSON_CreateObject();

		(void) cJSON_AddNumberToObject(body, "tx", i % 30 == 12 ? 12 : 112 + i);
		(void) cJSON_AddStringToObject(body, "text", "\",\"tx\":12,");
		cr_assert_eq(ledger_append(l, i % 2 ? "tx" : "decision", WALL, body, false), 0);
	}
	cr_assert_eq(ledger_find_tx(dir, 12, count_line, &n), 0);
	cr_assert_eq(n, 10);
	n = 0;
	cr_assert_eq(ledger_find_tx(dir, 1, count_line, &n), 0);
	cr_assert_eq(n, 0);
	(void) ledger_close(l);
}

static int stop_at_once(const struct cJSON *line, void *data)
{
	(void) line;
	(void) data;
	return 42;
}

Test(ledger, files_turn_over_and_the_chain_goes_on)
{
	struct ledger *l = open_it();
	struct ledger_fault f;
	uint64_t n;
	char from[128];
	double next;

	fill_over(l);
	(void) ledger_head(l, &n);
	cr_assert_eq(access(path("ledger.1"), F_OK), 0);
	cr_assert_eq(verify(&f), (int64_t) n, "%s", f.why);
	(void) ledger_close(l);

	/* A crash between the rename and the new file. */
	(void) copy_text(from, sizeof(from), path(LEDGER_FILE));
	cr_assert_eq(rename(from, path("ledger.2")), 0);
	l = open_it();
	cr_assert_eq(add(l, "goes on"), 0);
	cr_assert_eq(verify(&f), (int64_t) n + 1);
	(void) ledger_close(l);

	next = (double) n + 1;
	cr_assert_eq(ledger_scan(dir, 8, newest, &next), 0);
	cr_assert_eq(next, (double) n + 1 - 8, "over all three files");
	cr_assert_eq(ledger_scan(dir, 5, stop_at_once, NULL), 42);

	cr_assert_eq(unlink(path("ledger.2")), 0);
	cr_assert_eq(verify(&f), -EBADMSG);
	cr_assert_str_eq(f.file, LEDGER_FILE);
	cr_assert_eq(f.line, 1);
}
