/* Keys of a terminal. */
#include <criterion/criterion.h>
#include <string.h>

#include "cli/term.h"

Test(term, keys_are_taken_one_by_one_and_unknown_sequences_whole)
{
	static const struct {
		const char *in;
		size_t used;
		int key;
	} c[] = {
		{ "q", 1, 'q' },
		{ "\033", 1, KEY_ESC },
		{ "\033[A", 3, KEY_UP },
		{ "\033OB", 3, KEY_DOWN },
		{ "\033[5~q", 4, KEY_PAGE_UP },
		{ "\033[F", 3, KEY_END },
		{ "\033[1;5C", 6, KEY_OTHER },
		{ "\033[200~text", 6, KEY_OTHER },
		{ "\033[", 2, KEY_OTHER },
		{ "\033O", 2, KEY_OTHER },
		{ "\033x", 1, KEY_ESC },
		{ "\r", 1, KEY_ENTER },
		{ "\n", 1, KEY_ENTER },
		{ "\b", 1, KEY_BACKSPACE },
		{ "\xc3\xbc", 1, 0xc3 },
	};

	for (size_t k = 0; k < ARRAY_SIZE(c); k++) {
		int key = 0;

		cr_expect_eq(key_parse(c[k].in, strlen(c[k].in), &key), c[k].used, "%zu", k);
		cr_expect_eq(key, c[k].key, "%zu: %d", k, key);
	}
	cr_expect_eq(key_parse("", 0, &(int){ 0 }), 0);
}

Test(term, every_input_comes_to_an_end)
{
	uint32_t seed = 1;

	for (int round = 0; round < 2000; round++) {
		char in[64];
		size_t at = 0, used;
		int key;

		for (size_t k = 0; k < sizeof(in); k++) {
			seed = seed * 1103515245 + 12345;
			in[k] = "\033[O;0A~q\xc3"[seed >> 16 & 7];
		}
		while ((used = key_parse(in + at, sizeof(in) - at, &key)) > 0) {
			at += used;
			cr_assert_leq(at, sizeof(in));
		}
		cr_assert_eq(at, sizeof(in));
	}
}
