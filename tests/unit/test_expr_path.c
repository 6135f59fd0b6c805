/* path.rtt(NAME) and traffic.out: facts in a form of their own, also inside functions over time. */
#include "facts/stats.h"
#include "facts/table.h"
#include "unit/facts_help.h"

static struct schema *schema;
static struct store *store;

static void open_all(void)
{
	schema = help_schema();
	store = store_new(schema);
}

static void close_all(void)
{
	store_free(store);
	schema_free(schema);
}

TestSuite(expr_path, .init = open_all, .fini = close_all);

static const char *set_kind(const struct expr_scope *scope, const char *set)
{
	(void) scope;
	return strcmp(set, "voice") == 0 ? "flow" : strcmp(set, "ours") == 0 ? "prefix" : NULL;
}

static struct expr *check(const char *text, char *said, size_t size)
{
	static const char *const names[] = { "voice", "ours", NULL };
	struct expr_scope scope = { .schema = schema, .set_kind = set_kind, .names = names };
	struct diag_list diags = { 0 };
	struct expr *e = NULL;
	struct lexer l;

	lex_init(&l, "t", text, strlen(text));
	if (expr_parse(&l, &diags, &e) == 0 && expr_check(e, &scope, true, &diags) < 0)
		e = expr_free(e);
	(void) snprintf(said, size, "%s", diags.n ? diags.item[0].text : "");
	diag_done(&diags);
	return e;
}

static void expect_truth(const char *text, uint64_t now_us, enum anod_tri truth)
{
	struct expr_env env = { .store = store, .now_us = now_us };
	char said[256];
	struct expr *e = check(text, said, sizeof(said));

	cr_assert_not_null(e, "%s: %s", text, said);
	cr_expect_str_eq(said, "", "%s: %s", text, said);
	cr_expect_eq(expr_truth(e, &env), truth, "%s", text);
	expr_free(e);
}

static void expect_error(const char *text, const char *what)
{
	char said[256];
	struct expr *e = check(text, said, sizeof(said));

	cr_expect_null(e, "%s", text);
	cr_expect(strstr(said, what) != NULL, "%s: %s", text, said);
	expr_free(e);
}

Test(expr_path, of_a_set_of_flows_and_of_a_link)
{
	expect_truth("path.rtt(voice) < 30ms", SECOND, ANOD_DOUBT);
	help_put(store, "flows", "voice", "rtt", value_int(20000, ANOD_UNIT_TIME), SECOND);
	help_put(store, "flows", "voice", "loss", value_real(0.02, ANOD_UNIT_RATIO), SECOND);
	help_put(store, "path", "wan0", "rtt", value_int(40000, ANOD_UNIT_TIME), SECOND);
	help_put(store, "path", "voice", "rtt", value_int(90000, ANOD_UNIT_TIME), SECOND);
	help_put(store, "traffic", "uplinks", "out", value_int(7000000, ANOD_UNIT_BPS), SECOND);
	expect_truth("path.rtt(voice) < 30ms", 2 * SECOND, ANOD_TRUE);
	expect_truth("path.loss(voice) < 1%", 2 * SECOND, ANOD_FALSE);
	expect_truth("path.rtt(wan0) < 30ms", 2 * SECOND, ANOD_FALSE);
	expect_truth("flows.voice.rtt == path.rtt(voice)", 2 * SECOND, ANOD_TRUE);
	expect_truth("traffic.out < 8Mbps and traffic.uplinks.out > 6Mbps", 2 * SECOND, ANOD_TRUE);
	expect_truth("traffic.in < 8Mbps", 2 * SECOND, ANOD_DOUBT);
	expect_truth("path.rtt(voice) < 30ms", 20 * SECOND, ANOD_DOUBT);

	expect_error("path.rtt(ours) < 30ms", "'ours' is a set of prefixes");
	expect_error("path.rtt(voise) < 30ms", "did you mean 'voice'");
	expect_error("path.rtt(link.wan0.mtu) < 30ms", "wants a name");
	expect_error("path.rtt(voice) < 1%", "cannot be compared");
}

Test(expr_path, a_function_over_time_of_it_is_bound_and_let_go)
{
	struct stats *stats = stats_new(schema, store);
	struct expr_env env = { .store = store };
	const char *why;
	char said[256], *text;
	struct expr *e = check("p95(path.rtt(voice), 4s) < 30ms", said, sizeof(said));

	cr_assert_not_null(e, "%s", said);
	cr_assert_eq(stats_bind(stats, e, &why), 0, "%s", why);
	cr_expect_eq(stats_count(stats), 1);
	for (unsigned s = 1; s < 20; s++) {
		env.now_us = s * SECOND;
		help_put(store, "flows", "voice", "rtt", value_int(1000 * s, ANOD_UNIT_TIME),
			 env.now_us);
		(void) stats_run(stats, env.now_us);
		store_settle(store);
	}
	cr_expect_eq(expr_truth(e, &env), ANOD_TRUE);
	text = expr_format(e);
	cr_expect_str_eq(text, "p95(path.rtt(voice), 4s) < 30ms");
	free(text);

	stats_unbind(stats, e);
	cr_expect_eq(stats_count(stats), 0);
	cr_expect_str_eq(e->a->a->entity, "voice", "what the checker bound stays so");
	cr_expect_gt(e->a->a->kind, 0);
	cr_assert_eq(stats_bind(stats, e, &why), 0, "a reload binds again");
	stats_unbind(stats, e);
	expr_free(e);
	stats_free(stats);
}
