#include <criterion/criterion.h>

#include "config_env.h"

static struct schema *schema;

static void setup(void)
{
	schema = env_schema();
	cr_assert_not_null(schema);
}

static void teardown(void)
{
	schema_free(schema);
}

static const char *set_kind(const struct expr_scope *scope, const char *set)
{
	(void) scope;
	return strcmp(set, "ups") == 0 ? "link" : NULL;
}

static bool operand(const struct expr_scope *scope, const char *name, uint8_t *ret_type,
		    uint8_t *ret_unit)
{
	(void) scope;
	*ret_unit = ANOD_UNIT_NONE;
	*ret_type = ANOD_PREFIX;
	return strcmp(name, "action.dst") == 0;
}

/* The checked tree, or NULL; the first message goes to 'said'. */
static struct expr *check(const char *text, char *said, size_t size)
{
	static const char *const names[] = { "ups", "action.dst", NULL };
	struct expr_scope scope = {
		.schema = schema, .set_kind = set_kind, .operand = operand, .names = names
	};
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

static void expect_fine(const char *text)
{
	char said[512];
	struct expr *e = check(text, said, sizeof(said));

	cr_expect_not_null(e, "'%s': %s", text, said);
	cr_expect_str_eq(said, "", "'%s': %s", text, said);
	expr_free(e);
}

static void expect_refused(const char *text, const char *part)
{
	char said[512];
	struct expr *e = check(text, said, sizeof(said));

	cr_expect_null(e, "'%s' is taken: %s", text, said);
	cr_expect_not_null(strstr(said, part), "'%s' says: %s", text, said);
	expr_free(e);
}

Test(expr_call, types_functions_over_time, .init = setup, .fini = teardown)
{
	static const char *const fine[] = {
		"rate(link.rx_bytes, 30s) > 1Mbps and rate(link.rx_packets, 2s) > 5k",
		"rate(path.targets, 1h) > 0.01",
		"p95(link.util, 15m) > 80% or p50(path.rtt, 7d) > 30ms",
		"mean(path.rtt, 1m) > 1.5 x low(path.rtt, 1h) or high(link.rx_bps, 5m) > 1Gbps",
		"trend(path.rtt, 1d) > 1ms or ewma(path.rtt, 10s) > 50ms",
		"zscore(path.rtt, 15m) > 4 or unusual(link.rx_bps) > 6",
		"changed(link.operstate) or changed(link.carrier, 5m) and not changed(link.mtu)",
		"shift(path.rtt, 10m) and level(path.rtt) > 40ms",
		"lossy(link.rx_crc_errors, link.rx_packets) for 10s",
		"lossy(path.\"a/b\".targets_up, path.\"a/b\".targets)",
		"p95(rate(link.rx_bytes, 10s), 15m) > 80% of 1Gbps",
		"count(link where rate(rx_packets, 10s) > 5) > 1",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(fine); i++)
		expect_fine(fine[i]);
}

Test(expr_call, says_what_a_function_over_time_wants, .init = setup, .fini = teardown)
{
	expect_refused("rate(link.rx_bps, 30s) > 1Mbps",
		       "a bit rate already; write mean(link.rx_bps, 30s)");
	expect_refused("rate(path.rtt, 30s) > 1", "'trend' tells how fast it grows");
	expect_refused("rate(link.util, 30s) > 1", "'trend' tells how fast it grows");
	expect_refused("mean(link.carrier, 30s) > 1", "wants a number, and");
	expect_refused("p95(link.operstate, 30s) > 1", "is a text");
	expect_refused("mean(action.dst, 30s) > 1", "wants a fact such as");
	expect_refused("mean(count(ups), 30s) > 1", "wants a fact such as");
	expect_refused("mean(link.rx_bps, 1s) > 1Mbps", "must be from 2s to 7d");
	expect_refused("mean(link.rx_bps, 8d) > 1Mbps", "must be from 2s to 7d");
	expect_refused("changed(link.alias)", "text from outside the router");
	expect_refused("lossy(link.rx_crc_errors, link.wan0.rx_packets)",
		       "two facts of the same entity");
	expect_refused("lossy(path.targets, link.rx_packets)", "two facts of the same entity");
	expect_refused("p95(mean(rate(link.rx_bytes, 9s), 9s), 9s) > 1Mbps", "nest at most 2 deep");
	expect_refused("mean(link.rx_bps, 30s) > 5", "a bit rate and 5 is a number");
	expect_refused("rate(link.rx_bytes, 30s) > 5MB", "they cannot be compared");
	expect_refused("shift(path.rtt, 1m) > 5", "true or false and 5 is a number");
	expect_refused("rate(link.rx_byts, 30s) > 1Mbps", "did you mean 'rx_bytes'?");
	expect_refused("mena(link.rx_bps, 30s) > 1", "did you mean 'mean'?");
	expect_refused("quantile(link.rx_bps) > 1", "unusual, lossy");
}

Test(expr_call, a_function_of_what_nobody_provides_is_no_error, .init = setup, .fini = teardown)
{
	static const char *const later[] = {
		"rate(bgp.updates, 30s) > 5",
		"p95(bgp.bps, 15m) > 1Gbps",
		"lossy(bgp.lost, bgp.sent)",
		"changed(bgp.state)",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(later); i++) {
		char said[512];
		struct expr *e = check(later[i], said, sizeof(said));

		cr_expect_not_null(e, "'%s': %s", later[i], said);
		cr_expect_not_null(strstr(said, "no sensor provides"), "%s", said);
		expr_free(e);
	}
}
