#include "base/util.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

Test(util, copy_text_cuts_between_characters_and_zeroes_the_rest)
{
	char buf[8];

	memset(buf, 'x', sizeof(buf));
	cr_expect(copy_text(buf, sizeof(buf), "wan0"));
	cr_expect(zero(int, memcmp(buf, "wan0\0\0\0\0", sizeof(buf))));
	cr_expect(copy_text(buf, sizeof(buf), "1234567"));
	cr_expect(not(copy_text(buf, sizeof(buf), "12345678")));
	cr_expect(eq(str, buf, "1234567"));
	cr_expect(not(copy_text(buf, sizeof(buf), "12345\xd0\x9a\xd0\xb8")));
	cr_expect(eq(str, buf, "12345\xd0\x9a"));
	cr_expect(not(copy_text(buf, sizeof(buf), "123456\xd0\x9a")));
	cr_expect(eq(str, buf, "123456"));
	cr_expect(not(copy_text(buf, 0, "")));
}

Test(util, clean_text_leaves_only_what_is_printable)
{
	static const char *const pair[][2] = {
		{ "eth0 to Київ", "eth0 to Київ" },
		{ "a\nb\tc\x1b[31m", "a?b?c?[31m" },
		{ "\xff\xfe", "??" },
		{ "a\xc2\x80z", "a?z" },	/* C1 control */
		{ "a\xe2\x80\xaez", "a?z" },	/* right-to-left override */
		{ "\xc0\xaf", "??" },		/* overlong '/' */
		{ "\xed\xa0\x80", "???" },	/* surrogate */
		{ "\xf4\x90\x80\x80", "????" }, /* beyond U+10FFFF */
		{ "x\xe2\x82", "x??" },		/* cut short */
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pair); i++) {
		char buf[64];

		(void) copy_text(buf, sizeof(buf), pair[i][0]);
		clean_text(buf);
		cr_expect_str_eq(buf, pair[i][1]);
	}
}

Test(util, nearest_word_suggests_slips_and_nothing_else)
{
	static const char *const list[] = { "agent", "action", "carrier", "mtu", NULL };

	cr_expect_str_eq(nearest_word("agnt", list), "agent");
	cr_expect_str_eq(nearest_word("aegnt", list), "agent");
	cr_expect_str_eq(nearest_word("mut", list), "mtu");
	cr_expect_str_eq(nearest_word("carier", list), "carrier");
	cr_expect_eq(nearest_word("operstate", list), NULL);
	cr_expect_eq(nearest_word("xyz", list), NULL);
	cr_expect_eq(nearest_word("", list), NULL);
	cr_expect_eq(nearest_word("a", NULL), NULL);
}

Test(util, crc32c_matches_rfc_3720_and_goes_on_where_it_stopped)
{
	uint8_t zeros[32] = { 0 };
	uint32_t part = crc32c(0, "1234", 4);

	cr_expect(eq(u32, crc32c(0, "123456789", 9), 0xe3069283));
	cr_expect(eq(u32, crc32c(part, "56789", 5), 0xe3069283));
	cr_expect(eq(u32, crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa));
	cr_expect(eq(u32, crc32c(0, "", 0), 0));
}
