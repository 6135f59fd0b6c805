#include "infer/strict.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

static char why[256];

static int strict(const char *text)
{
	return json_strict(text, strlen(text), why, sizeof(why));
}

Test(strict, takes_what_rfc_8259_has)
{
	static const char *const good[] = {
		"{}",
		"[]",
		" {\"a\" : [1, -0, 0.5, 1e3, -1.25E-2] }\r\n\t",
		"null",
		"true",
		"\"\"",
		"\"\\\"\\\\\\/\"",
		"\"\\u00e4\\ud83d\\ude00\"",
		"\"h\xc3\xa4\xe2\x82\xac\"",
		"0",
		"[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		cr_expect(eq(int, strict(good[i]), 0), "%s: %s", good[i], why);
}

Test(strict, refuses_the_rest_and_names_the_place)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"[1",
		"{\"a\":1,}",
		"[1,]",
		"{a:1}",
		"{'a':1}",
		"{\"a\" 1}",
		"01",
		"-",
		"+1",
		".5",
		"1.",
		"1e",
		"0x1",
		"NaN",
		"Infinity",
		"True",
		"nul",
		"\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"a\nb\"",
		"\"\x01\"",
		"{} {}",
		"{}x",
		"1 2",
		"// x\n1",
		"[1 2]",
		"{\"a\":1 \"b\":2}",
		"\xef\xbb\xbf{}",
		"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
		"```json\n{}\n```",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect(eq(int, strict(bad[i]), -EBADMSG), "%s", bad[i]);
	(void) strict("[1,x]");
	cr_expect(not(eq(ptr, strstr(why, "byte 3"), NULL)), "%s", why);
	cr_expect(eq(int, json_strict("{}\0{}", 5, why, sizeof(why)), -EBADMSG));
}

Test(strict, refuses_text_that_hides_something)
{
	static const char *const bad[] = {
		"\"\\u0000\"",		"\"\\n\"",
		"\"\\u001b[31m\"",	"\"\\u007f\"",
		"\"\\u202e\"",		"\"\xe2\x80\xae\"",
		"\"\xe2\x80\x8b\"",	"\"\xef\xbb\xbf\"",
		"\"\xc2\x85\"",		"\"\\ud800\"",
		"\"\\udc00\"",		"\"\\ud800\\u0041\"",
		"\"\\ud83dx\"",		"\"\xff\"",
		"\"\xc0\xaf\"",		"\"\xed\xa0\x80\"",
		"\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"",
		"\"\xf3\xa0\x80\xa1\"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect(eq(int, strict(bad[i]), -EBADMSG), "case %zu", i);
}

Test(strict, knows_plain_words)
{
	cr_expect(word_plain("wan0", 15));
	cr_expect(word_plain("2001:db8::1/64", 48));
	cr_expect(not(word_plain("", 15)));
	cr_expect(not(word_plain("two words", 15)));
	cr_expect(not(word_plain("interface-name-too-long", 15)));
	cr_expect(not(word_plain("a\"b", 15)));
	cr_expect(not(word_plain("h\xc3\xa4", 15)));
}
