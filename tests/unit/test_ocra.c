/* Response codes, by the vectors of RFC 6287 appendix C for SHA-256. */
#include "base/ocra.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"

static const struct ocra_key key = { .size = 32, .byte = "12345678901234567890123456789012" };
/* SHA-1 of the PIN "1234". */
static const uint8_t pin[20] = { 0x71, 0x10, 0xed, 0xa4, 0xd0, 0x9e, 0x06, 0x2a, 0xa5, 0xe4,
				 0xa3, 0x90, 0xb0, 0xa5, 0x72, 0xac, 0x0d, 0x2c, 0x02, 0x20 };

/* Question as text, behind 'counter' (8 bytes or none). */
static void expect(const char *suite, const uint64_t *counter, const void *question, size_t n,
		   bool with_pin, const char *code)
{
	uint8_t input[8 + OCRA_QUESTION + sizeof(pin)] = { 0 };
	size_t at = 0;
	char got[OCRA_CODE_SIZE];

	for (int i = 0; counter && i < 8; i++)
		input[at++] = (uint8_t) (*counter >> (56 - 8 * i));
	memcpy(input + at, question, n);
	at += OCRA_QUESTION;
	if (with_pin) {
		memcpy(input + at, pin, sizeof(pin));
		at += sizeof(pin);
	}
	ocra_respond(suite, &key, input, at, got);
	cr_expect_str_eq(got, code, "%s: %s, not %s", suite, got, code);
}

Test(ocra, the_vectors_of_the_rfc)
{
	static const struct {
		const char *question, *code;
	} qa[] = {
		{ "CLI22220SRV11110", "28247970" }, { "CLI22221SRV11111", "01984843" },
		{ "CLI22222SRV11112", "65387857" }, { "CLI22223SRV11113", "03351211" },
		{ "CLI22224SRV11114", "83412541" }, { "SRV11110CLI22220", "15510767" },
		{ "SRV11111CLI22221", "90175646" }, { "SRV11112CLI22222", "33777207" },
		{ "SRV11113CLI22223", "95285278" }, { "SRV11114CLI22224", "28934924" },
		{ "SIG10000", "53095496" },	    { "SIG11000", "04110475" },
		{ "SIG12000", "31331128" },	    { "SIG13000", "76028668" },
		{ "SIG14000", "46554205" },
	};
	/* Decimal challenges are put in as hexadecimal digits from the left: 12345678 = 0xbc614e. */
	static const struct {
		uint8_t question[4];
		const char *code;
	} qn[] = { { { 0 }, "83238735" },
		   { { 0xa9, 0x8a, 0xc7 }, "01501458" },
		   { { 0x15, 0x31, 0x58, 0xe0 }, "17957585" },
		   { { 0x1f, 0xca, 0x05, 0x50 }, "86776967" },
		   { { 0x2a, 0x62, 0xb1, 0xc0 }, "86807031" } };
	static const uint8_t question[] = { 0xbc, 0x61, 0x4e };
	static const char *const counted[] = { "65347737", "86775851", "78192410", "71565254",
					       "10104329", "65983500", "70069104", "91771096",
					       "75011558", "08522129" };

	for (unsigned i = 0; i < ARRAY_SIZE(qa); i++)
		expect("OCRA-1:HOTP-SHA256-8:QA08", NULL, qa[i].question, strlen(qa[i].question),
		       false, qa[i].code);
	for (unsigned i = 0; i < ARRAY_SIZE(qn); i++)
		expect("OCRA-1:HOTP-SHA256-8:QN08-PSHA1", NULL, qn[i].question, 4, true,
		       qn[i].code);
	for (uint64_t i = 0; i < ARRAY_SIZE(counted); i++)
		expect("OCRA-1:HOTP-SHA256-8:C-QN08-PSHA1", &i, question, 3, true, counted[i]);
}

Test(ocra, our_suite_as_another_implementation_computes_it)
{
	uint8_t challenge[OCRA_CHALLENGE];
	char code[OCRA_CODE_SIZE];

	/* SHA-256 of "a plan"; the code by Python's hmac. */
	static const char hex[] =
		"a27fa2bacd5796b82680016a6b8865a616a9e4f6b6a198d3776ddc07536e3158";

	for (unsigned i = 0; i < sizeof(challenge); i++)
		cr_assert_eq(sscanf(hex + 2 * i, "%2hhx", &challenge[i]), 1);
	ocra_code(&key, challenge, code);
	cr_assert_str_eq(code, "15039325");
	challenge[31] ^= 1;
	ocra_code(&key, challenge, code);
	cr_assert_str_neq(code, "15039325");
}

Test(ocra, keys_are_digits_and_nothing_else)
{
	static const struct {
		const char *text;
		size_t size; /* 0: refused */
	} c[] = {
		{ "000102030405060708090a0b0c0d0e0f", 16 },
		{ "  000102030405060708090A0B0C0D0E0F\n", 16 },
		{ "000102030405060708090a0b0c0d0e", 0 },
		{ "000102030405060708090a0b0c0d0e0f0", 0 },
		{ "000102030405060708090a0b0c0d0e0g", 0 },
		{ "00010203 0405060708090a0b0c0d0e0f", 0 },
		{ "", 0 },
		{ "\n", 0 },
		{ "secret", 0 },
	};
	char longest[2 * OCRA_KEY_MAX + 3];
	struct ocra_key k;

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++) {
		int r = ocra_key_parse(c[i].text, strlen(c[i].text), &k);

		cr_expect_eq(r, c[i].size ? 0 : -EBADMSG, "'%s'", c[i].text);
		if (r == 0)
			cr_expect_eq(k.size, c[i].size);
	}
	memset(longest, 'a', sizeof(longest));
	cr_expect_eq(ocra_key_parse(longest, 2 * OCRA_KEY_MAX, &k), 0);
	cr_expect_eq(ocra_key_parse(longest, 2 * OCRA_KEY_MAX + 2, &k), -EBADMSG);
	cr_expect_eq(ocra_key_parse("00\0"
				    "0102030405060708090a0b0c0d0e0f",
				    33, &k),
		     -EBADMSG);
}

Test(ocra, a_key_that_others_may_read_is_no_key)
{
	char path[] = "/tmp/anod-key-XXXXXX", other[40], why[160] = "";
	int fd = mkstemp(path);
	struct ocra_key k;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, "000102030405060708090a0b0c0d0e0f\n", 33), 33);
	(void) close(fd);
	(void) snprintf(other, sizeof(other), "%s.link", path);

	cr_expect_eq(ocra_key_read(path, geteuid(), &k, why, sizeof(why)), 0);
	cr_expect_eq(k.size, 16);
	for (mode_t m = 1; m < 0100; m <<= 1) {
		cr_assert_eq(chmod(path, 0600 | m), 0);
		cr_expect_eq(ocra_key_read(path, geteuid(), &k, why, sizeof(why)), -EPERM);
		cr_expect(strstr(why, "chmod 600"), "%s", why);
		cr_expect_null(strstr(why, "0001"), "the key is in no message");
	}
	cr_assert_eq(chmod(path, 0600), 0);
	cr_assert_eq(symlink(path, other), 0);
	cr_expect_eq(ocra_key_read(other, geteuid(), &k, why, sizeof(why)), -ELOOP);
	cr_expect_eq(ocra_key_read("/tmp", geteuid(), &k, why, sizeof(why)), -EPERM);
	cr_expect_eq(ocra_key_read("/nowhere/key", geteuid(), &k, why, sizeof(why)), -ENOENT);
	if (geteuid() == 0) {
		cr_assert_eq(chown(path, 1, 1), 0);
		cr_expect_eq(ocra_key_read(path, 0, &k, why, sizeof(why)), -EPERM);
		cr_expect(strstr(why, "another user"), "%s", why);
		cr_expect_eq(ocra_key_read(path, 1, &k, why, sizeof(why)), 0);
	}
	(void) unlink(path);
	(void) unlink(other);
}
