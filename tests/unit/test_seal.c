/* The ledger's seal: an evolving key that survives crashes and never goes back. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/util.h"
#include "record/ledger.h"
#include "record/seal.h"
#include "record/signer.h"
#include "record/witness.h"

#include "verify/verify.h"

#define WALL UINT64_C(1763831101123456)

static char dir[] = "/tmp/anod-seal-XXXXXX";
static int dir_fd;
static struct ledger *l;
static struct ledger_seal_info info;
static char seeds[4096]; /* all that were taken */

static void add(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct cJSON *body = cJSON_CreateObject();

		(void) cJSON_AddNumberToObject(body, "i", i);
		cr_assert_eq(ledger_append(l, "note", WALL, body, false), 0);
	}
}

/* As the daemon does, and the operator takes what seed there is. */
static void start(void)
{
	char *text = NULL;

	cr_assert_eq(ledger_open(dir, &l), 0);
	cr_assert_eq(ledger_seal(l, "pe1"), 0);
	ledger_seal_info(l, &info);
	if (ledger_take_seed(l, &text) == 0) {
		cr_assert_lt(strlen(seeds) + strlen(text), sizeof(seeds));
		(void) strcat(seeds, text);
		free(text);
	}
}

static void stop(void)
{
	l = ledger_close(l);
}

static void make(void)
{
	cr_assert_not_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	start();
	add(5);
}

static void drop(void)
{
	char command[64];

	stop();
	(void) close(dir_fd);
	(void) snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(seal, .init = make, .fini = drop);

static char *get_file(const char *name, size_t *ret_size)
{
	int fd = openat(dir_fd, name, O_RDONLY);
	struct stat st;
	char *buf;

	cr_assert(fd >= 0 && fstat(fd, &st) == 0, "%s", name);
	buf = calloc(1, (size_t) st.st_size + 1);
	cr_assert_eq(read(fd, buf, (size_t) st.st_size), st.st_size);
	(void) close(fd);
	*ret_size = (size_t) st.st_size;
	return buf;
}

static void put_file(const char *name, const void *data, size_t size)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_eq(write(fd, data, size), (ssize_t) size);
	(void) close(fd);
}

/* The auditor's word on all files, with all seeds. */
static struct verify v;
static enum fault audit(bool strict)
{
	static const char *const names[] = { "ledger.1", LEDGER_FILE };

	v = (struct verify){ .strict = strict };
	cr_assert_geq(verify_seeds(&v, seeds, strlen(seeds)), 1);
	for (unsigned i = 0; i < ARRAY_SIZE(names) && !v.fault; i++) {
		_cleanup_(freep) char *text = NULL;
		size_t size;

		if (faccessat(dir_fd, names[i], F_OK, 0) < 0)
			continue;
		text = get_file(names[i], &size);
		(void) verify_file(&v, names[i], text, size);
	}
	(void) verify_end(&v);
	return v.fault;
}

/* Without its last lines. */
static void cut(unsigned lines)
{
	size_t size;
	_cleanup_(freep) char *text = get_file(LEDGER_FILE, &size);

	for (unsigned i = 0; i < lines; i++)
		size = (size_t) ((char *) memrchr(text, '\n', size - 1) + 1 - text);
	put_file(LEDGER_FILE, text, size);
}

Test(seal, no_older_key_is_left_in_the_file_or_can_be_had_from_it)
{
	struct seal s = { .fd = -1 }, now = { .fd = -1 };
	uint8_t earlier[20][SEAL_KEY];
	char *file;
	size_t size;

	(void) sodium_hex2bin(s.key, SEAL_KEY, strrchr(seeds, ' ') + 1, 64, NULL, NULL, NULL);
	for (unsigned i = 0; i < 20; i++) {
		memcpy(earlier[i], s.key, SEAL_KEY);
		seal_evolve(&s, 1);
	}
	for (unsigned n = 7; n < 20; n++) {
		cr_assert_eq(seal_open(dir_fd, &now), 0);
		cr_assert_eq(now.index, n);
		cr_assert_eq(now.n, n + 1);
		cr_assert_eq(memcmp(now.key, earlier[n], SEAL_KEY), 0, "the key of the next line");
		seal_done(&now);
		file = get_file(SEAL_KEY_FILE, &size);
		for (unsigned i = 0; i < n; i++)
			cr_assert_null(memmem(file, size, earlier[i], SEAL_KEY), "key %u at %u", i,
				       n);
		free(file);
		add(1);
	}
	cr_assert_eq(faccessat(dir_fd, SEAL_SEED_FILE, F_OK, 0), -1, "the seed was carried away");
	cr_assert_eq(audit(true), FAULT_NONE, "%s", v.why);
}

Test(seal, a_key_that_is_behind_goes_forward_over_the_lines_that_are_there)
{
	for (unsigned lines = 0; lines < 6; lines++) {
		size_t size;
		_cleanup_(freep) char *old = get_file(SEAL_KEY_FILE, &size);

		add(lines);
		stop();
		put_file(SEAL_KEY_FILE, old, size);
		start();
		cr_assert(!info.begun && !info.alarm && !info.lost, "%s", info.why);
		add(1);
		cr_assert_eq(audit(true), FAULT_NONE, "%u lines: %s", lines, v.why);
	}
	/* Also when the file was turned over in between. */
	{
		size_t size;
		_cleanup_(freep) char *old = get_file(SEAL_KEY_FILE, &size);

		add(1);
		stop();
		put_file(SEAL_KEY_FILE, old, size);
		cr_assert_eq(renameat(dir_fd, LEDGER_FILE, dir_fd, "ledger.1"), 0);
		start();
		cr_assert(!info.begun && !info.alarm, "%s", info.why);
		add(1);
		cr_assert_eq(audit(true), FAULT_NONE, "%s", v.why);
	}
}

/* As after another boot. */
static void another_boot(void)
{
	struct seal s;

	cr_assert_eq(seal_open(dir_fd, &s), 0);
	(void) copy_text(s.boot, sizeof(s.boot), "00000000-0000-0000-0000-000000000000");
	cr_assert_eq(seal_store(&s), 0);
	seal_done(&s);
}

Test(seal, lines_that_the_power_took_are_said_and_lines_that_somebody_took_are_an_alarm)
{
	for (unsigned lines = 1; lines < 4; lines++) {
		add(3);
		stop();
		cut(lines);
		another_boot();
		start();
		cr_assert(!info.begun && !info.alarm && info.lost == lines, "%s", info.why);
		add(1);
		cr_assert_eq(audit(false), FAULT_NONE, "%s", v.why);
		cr_assert_eq(v.gaps, lines);
	}
	cr_assert_eq(v.lost, 1 + 2 + 3);
	cr_assert_eq(audit(true), FAULT_CUT, "not for who is strict");

	/* Power fails again behind the promise to say it, and before it is said. */
	stop();
	cut(2);
	{
		struct seal s;

		cr_assert_eq(seal_open(dir_fd, &s), 0);
		s.lost = 2;
		s.n -= 2;
		(void) copy_text(s.boot, sizeof(s.boot), "00000000-0000-0000-0000-000000000000");
		cr_assert_eq(seal_store(&s), 0);
		seal_done(&s);
	}
	start();
	cr_assert_eq(info.lost, 2);
	add(2);
	cr_assert_eq(audit(false), FAULT_NONE, "%s", v.why);

	stop();
	cut(1);
	start();
	cr_assert(info.alarm && info.lost == 1);
	cr_assert_not_null(strstr(info.why, "the machine was not down"));
	add(1);
	cr_assert_eq(audit(false), FAULT_CUT);
}

Test(seal, a_lost_key_begins_a_new_epoch_aloud)
{
	static const char *const damage[] = { "gone", "empty", "flipped", "older epoch" };
	size_t size;
	_cleanup_(freep) char *first = get_file(SEAL_KEY_FILE, &size);
	char one_seed[sizeof(seeds)];

	(void) copy_text(one_seed, sizeof(one_seed), seeds);
	for (unsigned i = 0; i < ARRAY_SIZE(damage); i++) {
		_cleanup_(freep) char *key = get_file(SEAL_KEY_FILE, &size);

		add(3);
		stop();
		key[50] ^= 1; /* both copies */
		key[512 + 50] ^= 1;
		if (i == 0)
			cr_assert_eq(unlinkat(dir_fd, SEAL_KEY_FILE, 0), 0);
		else
			put_file(SEAL_KEY_FILE, i == 3 ? first : key, i == 1 ? 0 : size);
		start();
		cr_assert(info.begun && info.alarm && info.epoch == i + 2, "%s: %s", damage[i],
			  info.why);
		cr_assert_not_null(strstr(info.why, "the key was lost"));
		add(1);
		cr_assert_eq(audit(true), FAULT_NONE, "%s: %s", damage[i], v.why);
		cr_assert_eq(v.epochs, i + 2);
	}
	/* One copy that is good is enough. */
	{
		_cleanup_(freep) char *key = get_file(SEAL_KEY_FILE, &size);

		stop();
		key[50] ^= 1;
		put_file(SEAL_KEY_FILE, key, size);
		start();
		cr_assert(!info.begun && !info.alarm);
	}
	/* Who has the first seed alone is told where it ends. */
	(void) copy_text(seeds, sizeof(seeds), one_seed);
	cr_assert_eq(audit(false), FAULT_KEY);
	cr_assert_eq(v.fault_line, 7 + 3 + 1);
}

/* What an older anod would append. */
static void unsealed_line(void)
{
	uint64_t n;
	char head[65], line[600], hex[65];
	uint8_t sum[32];
	int fd, size;

	(void) copy_text(head, sizeof(head), ledger_head(l, &n));
	size = snprintf(line, sizeof(line),
			"{\"n\":%" PRIu64 ",\"t\":\"2026-11-22T17:05:01.123Z\",\"kind\":\"note\","
			"\"prev\":\"%s\"",
			n + 1, head);
	(void) crypto_hash_sha256(sum, (uint8_t *) line, (size_t) size);
	(void) sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum));
	size += snprintf(line + size, sizeof(line) - (size_t) size, ",\"hash\":\"%s\"}\n", hex);
	fd = openat(dir_fd, LEDGER_FILE, O_WRONLY | O_APPEND);
	cr_assert_eq(write(fd, line, (size_t) size), size);
	(void) close(fd);
}

Test(seal, what_was_written_without_the_seal_is_named_and_sealing_goes_on)
{
	unsealed_line();
	stop();
	start();
	cr_assert(info.begun && info.alarm && info.epoch == 2);
	add(1);
	cr_assert_eq(ledger_verify(dir, NULL, NULL), 7 + 1 + 2 + 1, "the chain is whole");
	cr_assert_eq(audit(false), FAULT_RESIGNED);
	cr_assert_eq(v.fault_line, 8);
}

Test(seal, a_ledger_from_before_is_sealed_from_then_on_and_a_new_one_is_a_new_epoch)
{
	char other[] = "/tmp/anod-seal-XXXXXX", command[128];
	struct ledger *old = NULL;

	cr_assert_not_null(mkdtemp(other));
	cr_assert_eq(ledger_open(other, &old), 0);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(ledger_append(old, "note", WALL, cJSON_CreateObject(), false), 0);
	(void) ledger_close(old);
	cr_assert_eq(ledger_open(other, &old), 0);
	ledger_seal_info(old, &info);
	cr_assert(!info.sealed && !info.begun);
	cr_assert_eq(ledger_seal(old, "pe1"), 0);
	ledger_seal_info(old, &info);
	cr_assert(info.sealed && !info.alarm && info.since == 4);
	(void) ledger_close(old);
	cr_assert_eq(ledger_verify(other, NULL, NULL), 5);
	(void) snprintf(command, sizeof(command), "rm -rf %s", other);
	cr_assert_eq(system(command), 0);

	/* The operator moved the files away and left the keys. */
	stop();
	cr_assert_eq(unlinkat(dir_fd, LEDGER_FILE, 0), 0);
	start();
	cr_assert(info.begun && !info.alarm && info.epoch == 2 && info.since == 1);
	add(1);
	cr_assert_eq(audit(true), FAULT_NONE, "%s", v.why);
}

Test(seal, a_full_disk_leaves_no_half_line_and_no_key_that_is_used_twice)
{
	struct rlimit old, tight;
	unsigned refused = 0;

	(void) signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = old;
	for (unsigned extra = 0; extra < 380; extra += 3) {
		struct stat st;

		cr_assert_eq(fstatat(dir_fd, LEDGER_FILE, &st, 0), 0);
		tight.rlim_cur = (rlim_t) st.st_size + extra;
		cr_assert_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
		if (ledger_append(l, "note", WALL, cJSON_CreateObject(), false) == -ENOSPC)
			refused++;
		cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
	}
	cr_assert_gt(refused, 50);
	add(1);
	cr_assert_eq(audit(true), FAULT_NONE, "%s", v.why);
}

/* ---- checkpoints -------------------------------------------------------------------------- */

Test(seal, checkpoints_are_signed_after_many_lines_or_a_minute_and_not_without_lines)
{
	uint64_t now = 1000 * US_PER_S;

	cr_assert_eq(ledger_tend(l, now, WALL), 1, "of what came since the start");
	for (unsigned i = 0; i < 200; i++)
		cr_assert_eq(ledger_tend(l, now += US_PER_S, WALL), 0, "nothing came");
	add(1);
	cr_assert_eq(ledger_tend(l, now += US_PER_S, WALL), 0);
	cr_assert_eq(ledger_tend(l, now += LEDGER_EVERY_US, WALL), 1);
	add(LEDGER_EVERY_LINES);
	cr_assert_eq(ledger_tend(l, now += US_PER_S, WALL), 1);
	/* The clock may be anywhere. */
	add(1);
	cr_assert_eq(ledger_tend(l, now += LEDGER_EVERY_US, WALL + 10 * 365 * 86400 * US_PER_S), 1);
	add(1);
	cr_assert_eq(ledger_tend(l, now += LEDGER_EVERY_US, WALL - 10 * 365 * 86400 * US_PER_S), 1);
	cr_assert_eq(audit(true), FAULT_NONE, "%s", v.why);
	cr_assert_eq(v.checkpoints, 5);
}

Test(seal, a_signing_key_that_is_lost_or_half_rotated_is_dealt_with_at_the_next_start)
{
	struct signer s;
	char vkey[160];

	cr_assert_eq(ledger_checkpoint(l, 1, WALL), 1);
	(void) copy_text(vkey, sizeof(vkey), info.vkey);
	/* Cut short before its line. */
	stop();
	cr_assert_eq(signer_read(dir_fd, &s), 0);
	cr_assert_eq(signer_rotate(dir_fd, &s), 0);
	start();
	cr_assert(strcmp(info.vkey, vkey) != 0 && !info.alarm);
	cr_assert_eq(audit(true), FAULT_NONE, "%s", v.why);
	cr_assert_eq(v.rotations, 1);
	/* Cut short behind it: told twice. */
	stop();
	cr_assert_eq(signer_rotate(dir_fd, &s), 0);
	memcpy(s.next_pub, s.pub, sizeof(s.pub));
	start();
	add(1);
	cr_assert_eq(ledger_checkpoint(l, 1, WALL), 1);
	signer_wipe(&s);

	stop();
	put_file(SIGNER_FILE, "words\n", 6);
	start();
	cr_assert(info.alarm && strstr(info.why, "signing key was lost"));
	add(1);
	cr_assert_eq(ledger_checkpoint(l, 1, WALL), 1);
	v.fault = audit(true);
	cr_assert(v.fault == FAULT_NONE || v.fault == FAULT_KEY, "%s", v.why);
}

/* ---- witnesses ---------------------------------------------------------------------------- */

static void sign(const char *origin, uint64_t size, uint8_t head, const uint8_t secret[64],
		 const uint8_t *next, char note[NOTE_SIZE])
{
	struct checkpoint c = { .size = size, .wall_us = WALL - WALL % 1000 };

	(void) copy_text(c.origin, sizeof(c.origin), origin);
	memset(c.head, head, sizeof(c.head));
	c.rotates = next;
	if (next)
		memcpy(c.next, next, sizeof(c.next));
	cr_assert_eq(note_sign(&c, secret, note), 0);
}

Test(seal, a_witness_keeps_what_fits_and_refuses_what_contradicts)
{
	uint8_t pub[2][32], secret[2][64];
	struct witness_log w;
	char note[NOTE_SIZE];

	for (unsigned i = 0; i < 2; i++)
		(void) crypto_sign_keypair(pub[i], secret[i]);
	sign("anod/pe2/00", 10, 1, secret[0], NULL, note);
	cr_assert_eq(witness_add(dir, note, NULL, "root"), -ENOKEY);
	cr_assert_eq(witness_add(dir, note, pub[1], "root"), -EKEYREJECTED);
	cr_assert_eq(witness_add(dir, note, pub[0], "pe2\x1b"), 1);
	cr_assert_eq(witness_add(dir, note, NULL, "pe2"), 0);
	sign("anod/pe2/00", 9, 1, secret[0], NULL, note);
	cr_assert_eq(witness_add(dir, note, NULL, "pe2"), -ESTALE, "smaller");
	sign("anod/pe2/00", 10, 2, secret[0], NULL, note);
	cr_assert_eq(witness_add(dir, note, NULL, "pe2"), -ESTALE, "another head");
	sign("anod/pe2/00", 11, 2, secret[1], NULL, note);
	cr_assert_eq(witness_add(dir, note, pub[1], "pe2"), -EKEYREJECTED, "the first key counts");
	note[strlen(note) / 2] ^= 1;
	cr_assert_neq(witness_add(dir, note, pub[1], "pe2"), 1);
	/* The old key names the next one. */
	sign("anod/pe2/00", 11, 3, secret[0], pub[1], note);
	cr_assert_eq(witness_add(dir, note, NULL, "pe2"), 1);
	sign("anod/pe2/00", 12, 3, secret[0], NULL, note);
	cr_assert_eq(witness_add(dir, note, NULL, "pe2"), -EKEYREJECTED, "it is over");
	for (uint64_t i = 12; i < 30; i++) {
		sign("anod/pe2/00", i, 3, secret[1], NULL, note);
		cr_assert_eq(witness_add(dir, note, NULL, "pe2"), 1);
	}
	cr_assert_eq(witness_find(dir, "anod/pe2/00", &w), 0);
	cr_assert_eq(w.n, WITNESS_KEEP);
	cr_assert_eq(w.last.size, 29);
	cr_assert_str_eq(w.note[WITNESS_KEEP - 1], note);
	cr_assert_eq(witness_find(dir, "anod/pe3/00", &w), -ENOENT);
	/* No limit is reached by who wants to fill the disk. */
	for (unsigned i = 0; i < WITNESS_MAX + 5; i++) {
		char origin[NOTE_ORIGIN];
		int r;

		(void) snprintf(origin, sizeof(origin), "x/%u", i);
		sign(origin, 1, 1, secret[0], NULL, note);
		r = witness_add(dir, note, pub[0], "pe2");
		cr_assert_eq(r, i + 1 < WITNESS_MAX ? 1 : -EUSERS, "%u: %d", i, r);
	}
}
