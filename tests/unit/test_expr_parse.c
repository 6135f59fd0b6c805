#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "facts/expr.h"

static struct expr *parse(const char *text, struct lexer *l)
{
	struct diag_list diags = { 0 };
	struct expr *e = NULL;

	lex_init(l, "t", text, strlen(text));
	(void) expr_parse(l, &diags, &e);
	diag_done(&diags);
	return e;
}

/* Parses, and prints as 'canonical', which prints as itself. */
static void check_text(const char *text, const char *canonical)
{
	struct lexer l;
	struct expr *e = parse(text, &l);
	char *printed;

	cr_assert_not_null(e, "'%s' does not parse", text);
	printed = expr_format(e);
	cr_expect_str_eq(printed, canonical, "'%s' prints as '%s'", text, printed);
	expr_free(e);
	free(printed);

	e = parse(canonical, &l);
	cr_assert_not_null(e, "'%s' does not read back", canonical);
	printed = expr_format(e);
	cr_expect_str_eq(printed, canonical, "'%s' reads back as '%s'", canonical, printed);
	expr_free(e);
	free(printed);
}

Test(expr_parse, prints_brackets_only_where_they_matter)
{
	check_text("link.carrier", "link.carrier");
	check_text("((a))", "a");
	check_text("a or b and not c", "a or b and not c");
	check_text("(a or b) and c", "(a or b) and c");
	check_text("a and (b and c)", "a and (b and c)");
	check_text("1 - (2 - 3) - 4 > 0", "1 - (2 - 3) - 4 > 0");
	check_text("(2 * 3) + 1 > 0", "2 x 3 + 1 > 0");
	check_text("2 x (3 + 1) > 0", "2 x (3 + 1) > 0");
	check_text("(a and b) for 10s", "(a and b) for 10s");
	check_text("not a for 10s", "not a for 10s");
	check_text("(not a) for 10s", "(not a) for 10s");
	check_text("a > 80% of capacity", "a > 80% x capacity");
	check_text("a > 2 x 80% of capacity", "a > 2 x 80% of capacity");
	check_text("a > -5 - -5%", "a > -5 - -5%");
}

Test(expr_parse, reads_every_form_of_the_grammar)
{
	check_text("link.wan0.carrier", "link.wan0.carrier");
	check_text("link.\"wan0\".carrier", "link.wan0.carrier");
	check_text("link.eth0.100.carrier", "link.eth0.100.carrier");
	check_text("neigh.\"wan0/192.0.2.1\".state == failed",
		   "neigh.\"wan0/192.0.2.1\".state == failed");
	check_text("link.operstate == \"up\"", "link.operstate == up");
	check_text("link.operstate == \"two words\"", "link.operstate == \"two words\"");
	check_text("\"up\" == link.operstate", "\"up\" == link.operstate");
	check_text("link.rx_bps == capacity x 2", "link.rx_bps == capacity x 2");
	check_text("x.a == (capacity)", "x.a == (capacity)");
	check_text("action.prefix overlaps 10.0.0.0/8", "action.prefix overlaps 10.0.0.0/8");
	check_text("action.prefix overlaps ours", "action.prefix overlaps ours");
	check_text("action.dev in ups", "action.dev in ups");
	check_text("action.dev not in ups", "action.dev not in ups");
	check_text("not action.dev in ups", "action.dev not in ups");
	check_text("action.dev not in ups for 5s", "action.dev not in ups for 5s");
	check_text("a > 5 in 5m", "a > 5 in 5m");
	check_text("formerly link.down within 60m", "formerly link.down within 1h");
	check_text("count(ups) > 1", "count(ups) > 1");
	check_text("count(ups up) > 1", "count(ups up) > 1");
	check_text("count(link where carrier and\n mtu > 5) > 1",
		   "count(link where carrier and mtu > 5) > 1");
	check_text("every(ups where a or b)", "every(ups where a or b)");
	check_text("max(link.rx_bps where up) > 5", "max(link.rx_bps where up) > 5");
	check_text("rate(link.rx_bytes, 30s) > 1e-6 x p95(traffic.out, 15m)",
		   "rate(link.rx_bytes, 30s) > 1e-06 x p95(traffic.out, 15m)");
	check_text("changed(link.carrier) or reversals(resource) >= 2",
		   "changed(link.carrier) or reversals(resource) >= 2");
	check_text("changed(a.b,300s)", "changed(a.b, 5m)");
	check_text("lossy( a.lost ,a.sent) and shift(a.b, 10m)",
		   "lossy(a.lost, a.sent) and shift(a.b, 10m)");
	check_text("p99(rate(a.\"b/c\".d, 5s), 1d) > level(a.b)",
		   "p99(rate(a.\"b/c\".d, 5s), 1d) > level(a.b)");
	check_text("path.loss(mgmt) <= 1.2 x before", "path.loss(mgmt) <= 1.2 x before");
	check_text("a\nand b\n or c and\n d", "a and b or c and d");
}

Test(expr_parse, stops_in_front_of_what_does_not_belong_to_it)
{
	static const char *const cases[][2] = {
		{ "a == b to propose", "to" },
		{ "a level auto", "level" },
		{ "a > 5 }", "}" },
		{ "a for 5s for 6s", "for" },
		{ "a not b", "not" },
		{ "count(a) > 1, 2", "," },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lexer l;
		struct expr *e = parse(cases[i][0], &l);

		cr_assert_not_null(e, "%s", cases[i][0]);
		cr_expect(token_is(lex_peek(&l, 0), cases[i][1]), "%s", cases[i][0]);
		expr_free(e);
	}
}

Test(expr_parse, builds_the_tree_that_is_meant)
{
	struct lexer l;
	struct expr *e = parse("link.\"wan0\".rx_bps >= 5Mbps for 10s", &l);

	cr_assert_not_null(e);
	cr_expect_eq(e->op, EXPR_FOR);
	cr_expect_eq(e->dur_us, 10000000);
	cr_assert_eq(e->a->op, EXPR_COMPARE);
	cr_expect_eq(e->a->cmp, VALUE_GE);
	cr_expect_eq(e->a->a->op, EXPR_FACT);
	cr_expect_str_eq(e->a->a->kind_name, "link");
	cr_expect_str_eq(e->a->a->entity, "wan0");
	cr_expect_str_eq(e->a->a->attr, "rx_bps");
	cr_expect_eq(e->a->a->slot, -1);
	cr_expect_eq(e->a->b->lit.u.i, 5000000);
	expr_free(e);
	cr_expect_null(expr_free(NULL));
}

Test(expr_parse, refuses_and_says_why)
{
	static const char *const bad[] = {
		"",
		"and",
		"a and",
		"a >",
		"(a",
		"a = b",
		"a for",
		"a for 5",
		"count(",
		"count(a",
		"cuont(a)",
		"rate(a)",
		"rate(a,5)",
		"level(a.b, 5m) > 1",
		"lossy(a.b)",
		"changed(a.b,)",
		"mean((a.b), 5s)",
		"mean(nosuch(a.b), 5s)",
		"formerly",
		"formerly x",
		"link.\"x\"",
		"link.* > 5",
		"a in 5%",
		"a overlaps",
		"5 of",
		"min(5)",
		"@",
		"\"open",
		"a > \"a-text-that-is-longer-than-what-a-value-can-hold-in-its-bytes\"",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct diag_list diags = { 0 };
		struct expr *e = NULL;
		struct lexer l;

		lex_init(&l, "t", bad[i], strlen(bad[i]));
		cr_expect_eq(expr_parse(&l, &diags, &e), -EINVAL, "'%s' parses", bad[i]);
		cr_expect_eq(diags.n_errors, 1, "'%s': %u errors", bad[i], diags.n_errors);
		diag_done(&diags);
		expr_free(e);
	}
}

/* 'n' times 'open', a, 'n' times 'close'. */
static bool nested_parses(unsigned n, const char *open, const char *close)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct lexer l;
	struct expr *e;

	for (unsigned i = 0; i < n; i++)
		fputs(open, f);
	fputc('a', f);
	for (unsigned i = 0; i < n; i++)
		fputs(close, f);
	(void) fclose(f);
	e = parse(text, &l);
	expr_free(e);
	free(text);
	return e != NULL;
}

Test(expr_parse, bounds_nesting_and_size)
{
	cr_expect(nested_parses(EXPR_DEPTH_MAX, "(", ")"));
	cr_expect_not(nested_parses(EXPR_DEPTH_MAX + 1, "(", ")"));
	cr_expect_not(nested_parses(EXPR_DEPTH_MAX + 1, "not ", ""));
	cr_expect_not(nested_parses(100000, "(", ")"));
	cr_expect_not(nested_parses(1000, "count(link where ", ")"));
	cr_expect_not(nested_parses(100000, "changed(", ")"));
	cr_expect(nested_parses(EXPR_NODES_MAX / 2 - 1, "", " or a"));
	cr_expect_not(nested_parses(EXPR_NODES_MAX, "", " or a"));
}

static void count_node(const struct expr *e, void *data)
{
	unsigned *n = data;

	*n += e->op != 0;
}

Test(expr_parse, walks_every_node)
{
	struct lexer l;
	struct expr *e = parse("a and (b or link.c > 5 for 5s)", &l);
	unsigned n = 0;

	expr_walk(e, count_node, &n);
	cr_expect_eq(n, 8);
	expr_free(e);
}
