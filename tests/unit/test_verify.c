/* anod-verify: whatever is done to a ledger behind its back is found, and named. */
#include "verify/verify.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "record/ledger.h"
#include "record/note.h"
#include "record/seal.h"

#define WALL UINT64_C(1763831101123456)
#define MAX  40

static char dir[] = "/tmp/anod-verify-XXXXXX";
static struct ledger *writer;
static uint64_t beat; /* of the loop, which the test moves */

/* The ledger as lines, each with its newline, and what belongs to it. */
static struct {
	char *line[MAX];
	size_t size[MAX];
	unsigned n;
	char *seed, pub[160], first_pub[160];
} good;

static void add(const char *text)
{
	struct cJSON *body = cJSON_CreateObject();

	(void) cJSON_AddStringToObject(body, "text", text);
	cr_assert_eq(ledger_append(writer, "note", WALL, body, false), 0);
}

static void read_file(const char *name, char **ret, size_t *ret_size)
{
	char path[128];
	struct stat st;
	int fd;

	(void) snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY);
	cr_assert(fd >= 0 && fstat(fd, &st) == 0);
	*ret = calloc(1, (size_t) st.st_size + 1);
	cr_assert_eq(read(fd, *ret, (size_t) st.st_size), st.st_size);
	(void) close(fd);
	*ret_size = (size_t) st.st_size;
}

static void checkpoint(void)
{
	beat += LEDGER_EVERY_US;
	cr_assert_eq(ledger_tend(writer, beat, WALL + beat), 1);
}

static void load_lines(void)
{
	char *text, *nl;
	size_t size;

	read_file(LEDGER_FILE, &text, &size);
	good.n = 0;
	for (char *p = text; *p; p = nl + 1) {
		nl = strchr(p, '\n');
		cr_assert(nl && good.n < MAX);
		good.size[good.n] = (size_t) (nl + 1 - p);
		good.line[good.n] = strndup(p, good.size[good.n]);
		good.n++;
	}
	free(text);
}

/* Sealed, two checkpoints, a rotation, another checkpoint, lines behind it. */
static void make(void)
{
	struct ledger_seal_info info;

	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(ledger_open(dir, &writer), 0);
	cr_assert_eq(ledger_seal(writer, "pe1.example net"), 0);
	ledger_seal_info(writer, &info);
	cr_assert(info.sealed && info.begun && !info.alarm && info.seed_here && info.epoch == 1);
	(void) copy_text(good.first_pub, sizeof(good.first_pub), info.vkey);
	cr_assert_eq(ledger_take_seed(writer, &good.seed), 0);
	cr_assert_eq(ledger_take_seed(writer, &(char *){ NULL }), -ENOENT, "shown once");
	add("one");
	add("two");
	checkpoint();
	add("three");
	cr_assert_eq(ledger_rotate(writer, beat, WALL), 0);
	add("four");
	checkpoint();
	add("five");
	add("six");
	ledger_seal_info(writer, &info);
	(void) copy_text(good.pub, sizeof(good.pub), info.vkey);
	cr_assert_str_neq(good.pub, good.first_pub);
	load_lines();
	cr_assert_eq(good.n, 11);
}

static void drop(void)
{
	char command[64];

	(void) ledger_close(writer);
	(void) snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
	for (unsigned i = 0; i < good.n; i++)
		free(good.line[i]);
	free(good.seed);
}

TestSuite(verify, .init = make, .fini = drop);

/* ---- asking the auditor ------------------------------------------------------------------- */

enum with { BARE = 0, SEED = 1, PUB = 2, PARTIAL = 4, STRICT = 8 };

static struct verify v;
static struct witness witness[NOTES_MAX + 1];
static const char *notes; /* of a witness, or NULL */

static void begin(enum with w)
{
	v = (struct verify){ .witness = witness, .partial = w & PARTIAL, .strict = w & STRICT };
	if (w & SEED)
		cr_assert_geq(verify_seeds(&v, good.seed, strlen(good.seed)), 1);
	if (w & PUB)
		cr_assert(verify_give_key(&v, good.first_pub));
	if (notes)
		cr_assert_geq(verify_witness(&v, "friend", notes, strlen(notes)), 1);
}

static enum fault ask_bytes(enum with w, const char *text, size_t size)
{
	char *copy = malloc(size ? size : 1); /* a sanitizer sees one byte too many */

	memcpy(copy, text, size);
	begin(w);
	if (verify_file(&v, "ledger.jsonl", copy, size))
		(void) verify_end(&v);
	free(copy);
	return v.fault;
}

/* The lines in this order; an index of -1 ends them. */
static enum fault ask(enum with w, const int *order)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	enum fault r;

	for (; *order >= 0; order++)
		cr_assert_eq(fwrite(good.line[*order], 1, good.size[*order], f), good.size[*order]);
	(void) fclose(f);
	r = ask_bytes(w, text, size);
	free(text);
	return r;
}

static enum fault ask_all(enum with w, unsigned n)
{
	int order[MAX + 1] = { 0 };

	for (unsigned i = 0; i < n; i++)
		order[i] = (int) i;
	order[n] = -1;
	return ask(w, order);
}

static const enum with all_ways[] = { BARE, SEED, PUB, SEED | PUB };

Test(verify, what_the_writer_wrote_is_good_with_all_that_can_be_brought_along)
{
	for (unsigned i = 0; i < ARRAY_SIZE(all_ways); i++)
		cr_assert_eq(ask_all(all_ways[i], good.n), FAULT_NONE, "%s", v.why);
	cr_assert_eq(v.macs, good.n);
	cr_assert_eq(v.sealed_from, 1);
	cr_assert_eq(v.checkpoints, 3);
	cr_assert_eq(v.rotations, 1);
	cr_assert(v.trusted && v.trusted_size == 8, "by the first key, which signed the second");
	cr_assert_eq(v.n_remarks, 0);

	/* The writer's own check agrees. */
	cr_assert_eq(ledger_verify(dir, NULL, NULL), good.n);
}

Test(verify, every_flipped_byte_is_found_and_its_line_named)
{
	char *text;
	size_t size;
	uint64_t line = 1;

	read_file(LEDGER_FILE, &text, &size);
	for (size_t at = 0; at < size; at++) {
		static const char flip[] = { 1, 0x20, (char) 0x80 };

		for (unsigned k = 0; k < ARRAY_SIZE(flip); k++) {
			text[at] ^= flip[k];
			cr_assert_neq(ask_bytes(k == 1 ? SEED | PUB : BARE, text, size), FAULT_NONE,
				      "byte %zu", at);
			cr_assert_eq(v.fault_line, line, "byte %zu: line %" PRIu64 " not %" PRIu64,
				     at, v.fault_line, line);
			text[at] ^= flip[k];
		}
		line += text[at] == '\n';
	}
	free(text);
}

Test(verify, every_cut_doubled_swapped_or_moved_line_is_found)
{
	for (unsigned w = 0; w < ARRAY_SIZE(all_ways); w++)
		for (unsigned at = 0; at < good.n; at++) {
			int cut[MAX], twice[MAX], swapped[MAX], moved[MAX], n = 0, m = 0, k = 0;

			for (unsigned i = 0; i < good.n; i++) {
				if (i != at)
					cut[n++] = (int) i;
				twice[m++] = (int) i;
				if (i == at)
					twice[m++] = (int) i;
				swapped[i] = (int) (i == at ? at + 1 : i == at + 1 ? at : i);
				if (i != at)
					moved[k++] = (int) i;
			}
			cut[n] = twice[m] = swapped[good.n] = -1;
			moved[k++] = (int) at; /* to the end */
			moved[k] = -1;

			cr_assert_eq(ask(all_ways[w], twice), FAULT_INSERTED);
			cr_assert_eq(v.fault_line, at + 2);
			if (at + 1 == good.n)
				continue; /* the tail: below */
			cr_assert_eq(ask(all_ways[w], cut), FAULT_CUT, "line %u: %s", at + 1,
				     fault_name(v.fault));
			cr_assert_eq(v.fault_line, at + 1);
			cr_assert_eq(ask(all_ways[w], swapped), FAULT_SWAPPED);
			cr_assert_eq(v.fault_line, at + 1);
			cr_assert_neq(ask(all_ways[w], moved), FAULT_NONE);
		}
}

/* ---- an attacker with the files, and what he may have of the keys --------------------------- */

static struct seal stolen; /* what he found in the key file */

/* Line 'at' says something else, and hashes are made again from there on; MACs by 'key' when he has
 * one.  'prefix': so many lines stay as they are. */
static char *forge(unsigned at, const struct seal *key, unsigned *ret_n)
{
	struct seal s = key ? *key : (struct seal){ .fd = -1 };
	char *text = NULL, prev[65] = "";
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	for (unsigned i = 0; i < good.n; i++) {
		_cleanup_(freep) char *line = strdup(good.line[i]), *made = NULL;
		char *p = strstr(line, "\"text\":\""), *tail = strstr(line, ",\"prev\":");
		uint8_t sum[32], mac[32];
		char hex[65];

		if (i < at) {
			memcpy(prev, strstr(line, "\"hash\":\"") + 8, 64);
			fputs(line, f);
			continue;
		}
		if (i == at && p)
			p[8] ^= 1;
		*tail = '\0';
		if (!prev[0])
			memset(prev, '0', 64);
		cr_assert_gt(asprintf(&made, "%s,\"prev\":\"%s\"", line, prev), 0);
		(void) crypto_hash_sha256(sum, (uint8_t *) made, strlen(made));
		if (key && s.n <= i + 1) {
			seal_mac(&s, sum, mac);
			seal_evolve(&s, 1);
			(void) sodium_bin2hex(hex, sizeof(hex), mac, 32);
		} else {
			memcpy(hex, strstr(good.line[i], "\"mac\":\"") + 7, 64);
			hex[64] = '\0';
		}
		free(TAKE(made));
		cr_assert_gt(asprintf(&made, "%s,\"prev\":\"%s\",\"mac\":\"%s\"", line, prev, hex),
			     0);
		(void) crypto_hash_sha256(sum, (uint8_t *) made, strlen(made));
		(void) sodium_bin2hex(prev, sizeof(prev), sum, 32);
		fprintf(f, "%s,\"hash\":\"%s\"}\n", made, prev);
	}
	(void) fclose(f);
	*ret_n = good.n;
	return text;
}

static void steal(void)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);

	cr_assert_eq(seal_open(fd, &stolen), 0);
	(void) close(fd);
	(void) close(stolen.fd);
	cr_assert_eq(stolen.n, good.n + 1);
}

Test(verify, a_line_that_was_made_again_by_who_has_todays_key_is_found)
{
	unsigned n;

	steal();
	for (unsigned at = 0; at < good.n; at++) {
		_cleanup_(freep) char *plain = forge(at, NULL, &n), *todays = NULL;
		bool says = strstr(good.line[at], "\"text\":\"") != NULL;
		struct seal s = stolen;

		if (!says)
			continue;
		/* He has only the hashes. */
		cr_assert_eq(ask_bytes(SEED, plain, strlen(plain)), FAULT_RESIGNED, "line %u: %s",
			     at + 1, fault_name(v.fault));
		cr_assert_eq(v.fault_line, at + 1);
		/* He has the key of the next line, and begins with it where he forges. */
		s.n = at + 1;
		todays = forge(at, &s, &n);
		cr_assert_eq(ask_bytes(SEED, todays, strlen(todays)), FAULT_RESIGNED);
		cr_assert_eq(v.fault_line, at + 1);
	}
	/* Before a checkpoint the signature tells it without any seed, too. */
	{
		_cleanup_(freep) char *text = forge(2, NULL, &n);

		cr_assert_eq(ask_bytes(BARE, text, strlen(text)), FAULT_RESIGNED);
		cr_assert_eq(v.fault_line, 5, "the checkpoint behind it");
	}
	/* With the key of a line he can make that line: forward security promises the past alone. */
	{
		_cleanup_(closep) int folder = open(dir, O_RDONLY | O_DIRECTORY);
		_cleanup_(freep) char *text = NULL;
		struct seal s = { .fd = -1, .n = 10 };
		const char *hex = strrchr(good.seed, ' ') + 1;

		(void) sodium_hex2bin(s.key, 32, hex, 64, NULL, NULL, NULL);
		seal_evolve(&s, 9);
		text = forge(9, &s, &n);
		cr_assert_eq(ask_bytes(SEED, text, strlen(text)), FAULT_NONE, "%s", v.why);
	}
}

Test(verify, a_cut_tail_is_seen_by_a_witness_and_by_nobody_else)
{
	const char *note;
	const struct checkpoint *c = ledger_newest(writer, &note);

	cr_assert(c && c->size == 8);
	for (unsigned n = 0; n <= good.n; n++) {
		notes = NULL;
		cr_assert_eq(ask_all(n ? SEED : BARE, n), FAULT_NONE, "%u: %s", n, v.why);
		notes = note;
		(void) ask_all(BARE, n);
		cr_assert_eq(v.fault, n >= c->size ? FAULT_NONE : FAULT_TRUNCATED, "%u lines: %s",
			     n, v.why);
		cr_assert(n < c->size || v.witness[0].matches);
	}
	/* Half a line at the end is a fault of its own. */
	cr_assert_eq(ask_bytes(BARE, good.line[0], good.size[0] - 1), FAULT_TRUNCATED);
}

Test(verify, a_witness_sees_a_past_that_was_written_again)
{
	char pub[160];
	const char *note;
	unsigned n;

	(void) ledger_newest(writer, &note);
	notes = note;
	cr_assert_eq(ask_all(SEED | PUB, good.n), FAULT_NONE);
	{
		/* Everything made again, checkpoints left out: good for who has nothing but the files. */
		_cleanup_(freep) char *text = forge(9, NULL, &n);

		cr_assert_eq(ask_bytes(BARE, text, strlen(text)), FAULT_NONE, "behind the witness");
	}
	/* Of another ledger, and of this one by a key that it never had. */
	notes = NULL;
	begin(BARE);
	{
		struct checkpoint c = { .origin = "anod/other/01020304", .size = 3 };
		uint8_t secret[64], key[32];
		char other[NOTE_SIZE];

		(void) crypto_sign_keypair(key, secret);
		cr_assert_eq(note_sign(&c, secret, other), 0);
		notes = other;
		cr_assert_eq(ask_all(BARE, good.n), FAULT_KEY);
		cr_assert_not_null(strstr(v.why, "another ledger"));
		(void) copy_text(c.origin, sizeof(c.origin), ledger_newest(writer, NULL)->origin);
		cr_assert_eq(note_sign(&c, secret, other), 0);
		cr_assert_eq(ask_all(BARE, good.n), FAULT_KEY);
		cr_assert_str_eq(v.fault_file, "friend");
		notes = NULL;
		(void) note_vkey(c.origin, key, pub);
	}
	begin(BARE);
	v.n_signers = 0;
	cr_assert(verify_give_key(&v, pub));
	cr_assert(!verify_end(&v) && v.fault == FAULT_KEY, "a key that is not this ledger's");
}

/* The chain from line 'at' on made anew with one line exchanged, without MACs being right. */
Test(verify, a_checkpoint_by_another_key_is_found)
{
	struct checkpoint c = { 0 };
	uint8_t secret[64], key[32];
	char note[NOTE_SIZE], *json;
	const char *real;

	/* The writer itself is made to sign with another key, as one who stole it would. */
	real = strstr(good.line[4], "\"note\":\"") + 7;
	cr_assert_not_null(real);
	(void) crypto_sign_keypair(key, secret);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t n;
		struct cJSON *body = cJSON_CreateObject();
		const char *head = ledger_head(writer, &n);
		_cleanup_(freep) char *text = NULL;
		size_t size;

		(void) copy_text(c.origin, sizeof(c.origin), ledger_newest(writer, NULL)->origin);
		c.size = n - i; /* then also of another record */
		c.wall_us = WALL - WALL % 1000;
		(void) sodium_hex2bin(c.head, 32, head, 64, NULL, NULL, NULL);
		cr_assert_eq(note_sign(&c, secret, note), 0);
		(void) cJSON_AddStringToObject(body, "note", note);
		json = cJSON_PrintUnformatted(body);
		free(json);
		cr_assert_eq(ledger_append(writer, "checkpoint", WALL, body, false), 0);
		read_file(LEDGER_FILE, &text, &size);
		cr_assert_eq(ask_bytes(SEED, text, size), FAULT_RESIGNED);
		cr_assert_eq(v.fault_line, good.n + 1, "the first of them");
	}
}

Test(verify, a_key_that_changes_without_the_old_ones_word_needs_another_voucher)
{
	struct cJSON *body = cJSON_CreateObject();
	_cleanup_(freep) char *text = NULL;
	uint8_t secret[64], key[32];
	char vkey[NOTE_VKEY];
	size_t size;

	(void) crypto_sign_keypair(key, secret);
	(void) cJSON_AddStringToObject(body, "key", note_vkey("anod/pe1/00000000", key, vkey));
	cr_assert_eq(ledger_append(writer, "signer", WALL, body, false), 0);
	read_file(LEDGER_FILE, &text, &size);
	cr_assert_eq(ask_bytes(BARE, text, size), FAULT_KEY);
	cr_assert_eq(v.fault_line, good.n + 1);
	cr_assert_eq(ask_bytes(PUB, text, size), FAULT_KEY);
	/* The seed vouches for the line, so it was the router; it is told. */
	cr_assert_eq(ask_bytes(SEED, text, size), FAULT_NONE, "%s", v.why);
	cr_assert_eq(v.n_remarks, 1);
	begin(PUB);
	cr_assert(verify_give_key(&v, vkey));
	cr_assert(verify_file(&v, "x", text, size) && verify_end(&v), "%s", v.why);
}

Test(verify, a_part_of_a_ledger_can_be_checked_and_a_whole_one_must_begin)
{
	for (unsigned from = 1; from < good.n; from++) {
		int order[MAX];

		for (unsigned i = from; i <= good.n; i++)
			order[i - from] = i < good.n ? (int) i : -1;
		cr_assert_eq(ask(BARE, order), FAULT_CUT);
		cr_assert_eq(v.fault_line, 1);
		cr_assert_eq(ask(PARTIAL, order), FAULT_NONE, "%u: %s", from, v.why);
		cr_assert_eq(ask(PARTIAL | SEED, order), FAULT_NONE, "%u: %s", from, v.why);
		cr_assert_eq(v.macs, good.n - from, "the key is found");
	}
}

Test(verify, seeds_and_keys_that_belong_elsewhere_are_said_to)
{
	static const char other[] =
		"anod-seed epoch 1 line 1 "
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";

	begin(BARE);
	cr_assert_eq(verify_seeds(&v, other, strlen(other)), 1);
	cr_assert(!verify_file(&v, "x", good.line[0], good.size[0]));
	cr_assert_eq(v.fault, FAULT_KEY);
	cr_assert_lt(verify_seeds(&v,
				  "no seed in such a long line, although it is long enough for one "
				  "in the end\n",
				  74),
		     0);
	cr_assert_eq(verify_seeds(&v, "# words\n\n", 9), 0);
	cr_assert(!verify_give_key(&v, "name+00000000+AAAA"));
	cr_assert_lt(verify_witness(&v, "x", "words\n", 6), 0);
	begin(SEED);
	cr_assert(!verify_end(&v) && v.fault == FAULT_KEY, "an empty ledger is not sealed");
}
