#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "facts/lex.h"

/* Types of all tokens as letters: w word, s string, v value, t time, d date, n newline, b bad, and
 * punctuation as it stands. */
static void check_shape(const char *text, const char *shape)
{
	static const char letters[] = {
		[TOKEN_NEWLINE] = 'n', [TOKEN_WORD] = 'w', [TOKEN_STRING] = 's',
		[TOKEN_VALUE] = 'v',   [TOKEN_TIME] = 't', [TOKEN_DATE] = 'd',
		[TOKEN_BAD] = 'b',     [TOKEN_PUNCT] = 'p'
	};
	struct lexer l;
	struct token t;
	char is[256];
	size_t n = 0;

	lex_init(&l, "t", text, strlen(text));
	for (lex_next(&l, &t); t.type != TOKEN_END && n < sizeof(is) - 3; lex_next(&l, &t)) {
		if (t.type == TOKEN_PUNCT)
			n += (size_t) snprintf(is + n, 3, "%.*s", (int) t.len, t.text);
		else
			is[n++] = letters[t.type];
	}
	is[n] = '\0';
	cr_expect_str_eq(is, shape, "'%s' is '%s', not '%s'", text, is, shape);
}

static struct token one(const char *text)
{
	struct lexer l;
	struct token t;

	lex_init(&l, "t", text, strlen(text));
	lex_next(&l, &t);
	return t;
}

Test(lex, tells_tokens_apart)
{
	check_shape("", "");
	check_shape("permit \"x\" { agent a }", "ws{ww}");
	check_shape("link.wan0.carrier", "w");
	check_shape("link.\"wan0.100\".mtu", "w.s.w");
	check_shape("route.* a.b-c", "ww");
	check_shape("a->b", "w->w");
	check_shape("a - b-c -5", "w-w-v");
	check_shape("== != <= >= -> .. < > = + * /", "==!=<=>=->..<>=+*/");
	check_shape("01:00..05:00", "t..t");
	check_shape("2026-12-20 00:00 .. 2027-01-03 24:00:00", "dt..dt");
	check_shape("192.0.2.1 10.0.0.0/8 2001:db8::/32 ::1 fe80::1 :: ::/0", "vvvvvvv");
	check_shape("face cafe.b add1", "www");
	check_shape("true false trueish", "vvw");
	check_shape("198.51.100.0/22,2001:db8:40::/44", "v,v");
}

Test(lex, ends_a_clause_at_a_newline_unless_it_goes_on)
{
	check_shape("a\nb", "wnw");
	check_shape("a\n\n # c\n\nb\n", "wnwn");
	check_shape("a # comment\nb", "wnw");
	check_shape("a\n and b\n\tor c\norange", "wwwwwnw");
	check_shape("f(a,\nb\n) c\nd", "w(w,w)wnw");
	check_shape("f(a {\nb }\nc", "w(w{nw}nw");
	check_shape("a\r\nb\r\n", "wnwn");
}

Test(lex, converts_numbers_exactly)
{
	static const struct {
		const char *text;
		uint8_t type, unit;
		int64_t i;
		double r;
	} cases[] = {
		{ "30ms", ANOD_INT, ANOD_UNIT_TIME, 30000, 0 },
		{ "0.1ms", ANOD_INT, ANOD_UNIT_TIME, 100, 0 },
		{ "1.5h", ANOD_INT, ANOD_UNIT_TIME, INT64_C(5400000000), 0 },
		{ "5m", ANOD_INT, ANOD_UNIT_TIME, 300000000, 0 },
		{ "5M", ANOD_INT, ANOD_UNIT_NONE, 5000000, 0 },
		{ "200k", ANOD_INT, ANOD_UNIT_NONE, 200000, 0 },
		{ "400Gbps", ANOD_INT, ANOD_UNIT_BPS, INT64_C(400000000000), 0 },
		{ "64KiB", ANOD_INT, ANOD_UNIT_BYTES, 65536, 0 },
		{ "0.1%", ANOD_REAL, ANOD_UNIT_RATIO, 0, 0.001 },
		{ "5%", ANOD_REAL, ANOD_UNIT_RATIO, 0, 0.05 },
		{ "1e-6", ANOD_REAL, ANOD_UNIT_NONE, 0, 1e-6 },
		{ "1.0", ANOD_REAL, ANOD_UNIT_NONE, 0, 1 },
		{ "9223372036854775807", ANOD_INT, ANOD_UNIT_NONE, INT64_MAX, 0 },
		{ "2kpps", ANOD_INT, ANOD_UNIT_PPS, 2000, 0 },
		{ "1e3s", ANOD_INT, ANOD_UNIT_TIME, 1000000000, 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct token t = one(cases[i].text);

		cr_expect_eq(t.type, TOKEN_VALUE, "%s", cases[i].text);
		cr_expect_eq(t.value.type, cases[i].type, "%s", cases[i].text);
		cr_expect_eq(t.value.unit, cases[i].unit, "%s", cases[i].text);
		if (cases[i].type == ANOD_INT)
			cr_expect_eq(t.value.u.i, cases[i].i, "%s", cases[i].text);
		else
			cr_expect_float_eq(t.value.u.r, cases[i].r, 1e-15, "%s", cases[i].text);
	}
}

Test(lex, refuses_what_cannot_be_meant)
{
	static const char *const bad[] = {
		"9223372036854775808",
		"0.1us",
		"5sec",
		"4g0",
		"1.3x",
		"25:00",
		"2026-02-29",
		"10.0.0.1/8",
		"300.1.1.1",
		"1:2:3:4",
		"\"open",
		"\"\\q\"",
		"99999999999d",
		"1e400",
		"@",
		"'x'",
		"\x01",
		"\xff",
		"\xc0\xaf",
		"\xed\xa0\x80",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct token t = one(bad[i]);

		cr_expect_eq(t.type, TOKEN_BAD, "%s", bad[i]);
		cr_expect(t.error[0] != '\0', "%s has no error", bad[i]);
	}
	cr_expect_eq(one("2024-02-29").value.u.i, 19782);
	cr_expect_eq(one("1970-01-01").value.u.i, 0);
}

Test(lex, goes_on_behind_a_bad_token)
{
	check_shape("a @ b", "wbw");
	check_shape("a \"open\nb", "wbnw");
	check_shape("5zz 6", "bv");
	check_shape("a \"b\xff c\" d", "wbw");
}

Test(lex, counts_lines_and_characters)
{
	const char *text = "\xef\xbb\xbf\xd0\xb0\n  \"\xd0\xb0\xd0\xb1\" b\n# c\n\tx";
	struct lexer l;
	struct token t;

	lex_init(&l, "file", text, strlen(text));
	lex_next(&l, &t);
	cr_expect_eq(t.type, TOKEN_BAD); /* letters outside ASCII belong in quotes */
	cr_expect_eq(t.place.column, 1);
	lex_next(&l, &t);
	cr_expect_eq(t.type, TOKEN_NEWLINE);
	lex_next(&l, &t);
	cr_expect_eq(t.place.line, 2);
	cr_expect_eq(t.place.column, 3);
	lex_next(&l, &t);
	cr_expect_eq(t.place.column, 8);
	lex_next(&l, &t);
	lex_next(&l, &t);
	cr_expect_eq(t.place.line, 4);
	cr_expect_eq(t.place.column, 2);
	cr_expect_str_eq(t.place.file, "file");
}

Test(lex, looks_ahead_without_taking)
{
	struct lexer l;
	struct token t;

	lex_init(&l, "t", "a b c", 5);
	cr_expect(token_is(lex_peek(&l, 1), "b"));
	cr_expect(token_is(lex_peek(&l, 0), "a"));
	lex_next(&l, &t);
	cr_expect(token_is(&t, "a"));
	cr_expect(token_is(lex_peek(&l, 1), "c"));
	for (int i = 0; i < 4; i++)
		lex_next(&l, &t);
	cr_expect_eq(t.type, TOKEN_END);
}

Test(lex, copies_texts_without_quotes_and_escapes)
{
	struct token t = one("\"a\\\"b\\\\n\\n\\t\"");
	char *text = token_dup(&t);

	cr_expect_str_eq(text, "a\"b\\n\n\t");
	free(text);
	t = one("and");
	cr_expect(token_is(&t, "and"));
	t = one("\"and\"");
	cr_expect_not(token_is(&t, "and"));
}

Test(lex, reads_one_value_for_options)
{
	struct anod_value v;

	cr_expect_eq(lex_value("30ms", &v), 0);
	cr_expect_eq(v.u.i, 30000);
	cr_expect_eq(lex_value("-5", &v), 0);
	cr_expect_eq(v.u.i, -5);
	cr_expect_eq(lex_value("-5%", &v), 0);
	cr_expect_float_eq(v.u.r, -0.05, 1e-15);
	cr_expect_eq(lex_value("10.0.0.0/8", &v), 0);
	cr_expect_eq(v.type, ANOD_PREFIX);

	cr_expect_eq(lex_value("", &v), -EINVAL);
	cr_expect_eq(lex_value("30ms 5", &v), -EINVAL);
	cr_expect_eq(lex_value(" 5", &v), -EINVAL);
	cr_expect_eq(lex_value("wan0", &v), -EINVAL);
	cr_expect_eq(lex_value("-true", &v), -EINVAL);
	cr_expect_eq(lex_value("--5", &v), -EINVAL);
}
