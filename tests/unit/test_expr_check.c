#include <criterion/criterion.h>
#include <errno.h>

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
	return strcmp(set, "ups") == 0	    ? "link"
	       : strcmp(set, "ours") == 0   ? "prefix"
	       : strcmp(set, "broken") == 0 ? ""
					    : NULL;
}

static bool operand(const struct expr_scope *scope, const char *name, uint8_t *ret_type,
		    uint8_t *ret_unit)
{
	(void) scope;
	*ret_unit = ANOD_UNIT_NONE;
	*ret_type = strcmp(name, "action.dst") == 0   ? ANOD_PREFIX
		    : strcmp(name, "action.dev") == 0 ? ANOD_TEXT
						      : ANOD_UNKNOWN;
	return *ret_type != ANOD_UNKNOWN;
}

/* The checked tree, or NULL; the first message goes to 'said' (256 bytes), "" when there is none. */
static struct expr *check(const char *text, bool before, char *said)
{
	static const char *const names[] = { "ups", "ours", "action.dst", NULL };
	struct expr_scope scope = { .schema = schema,
				    .set_kind = set_kind,
				    .operand = operand,
				    .names = names,
				    .before_allowed = before };
	struct diag_list diags = { 0 };
	struct expr *e = NULL;
	struct lexer l;

	lex_init(&l, "t", text, strlen(text));
	if (expr_parse(&l, &diags, &e) == 0 && expr_check(e, &scope, true, &diags) < 0)
		e = expr_free(e);
	(void) snprintf(said, 256, "%s", diags.n ? diags.item[0].text : "");
	diag_done(&diags);
	return e;
}

static void expect_fine(const char *text)
{
	char said[256];
	struct expr *e = check(text, false, said);

	cr_expect_not_null(e, "'%s': %s", text, said);
	cr_expect_str_eq(said, "", "'%s': %s", text, said);
	expr_free(e);
}

static void expect_said(const char *text, bool before, bool loads, const char *part)
{
	char said[256];
	struct expr *e = check(text, before, said);

	cr_expect_eq(e != NULL, loads, "'%s': %s", text, said);
	cr_expect_not_null(strstr(said, part), "'%s' says: %s", text, said);
	expr_free(e);
}

Test(expr_check, accepts_what_fits, .init = setup, .fini = teardown)
{
	static const char *const fine[] = {
		"link.carrier",
		"not link.carrier for 5s",
		"link.util > 5% in 5m and not link.carrier in 5s",
		"link.util > 70% and link.util > 0.7 and link.util > 0",
		"link.mtu == 1500 and link.rx_bps > 0 and path.rtt > 0",
		"link.rx_packets > 5k and link.rx_pps < 5000",
		"link.operstate == up and link.operstate != \"down\"",
		"link.rx_bps + 5Mbps > 2 x link.rx_bps - 10% of 400Mbps",
		"link.rx_crc_errors / link.rx_packets > 1%",
		"count(ups up) / count(ups) >= 50%",
		"count(link where role == uplink and mtu > 1400) > 2",
		"every(ups where carrier) or any(ups up)",
		"max(link.rx_bps where carrier) < 1Gbps",
		"action.dst overlaps ours and action.dst overlaps 10.0.0.0/8",
		"action.dst in ours or action.dev in ups",
		"action.dev in broken or action.dst overlaps broken or count(broken) > 1",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(fine); i++)
		expect_fine(fine[i]);
}

Test(expr_check, names_both_sides_of_a_mismatch, .init = setup, .fini = teardown)
{
	expect_said("link.util > 5m", false, false, "link.util is a ratio and 5m is a duration");
	expect_said("path.rtt > 30", false, false, "path.rtt is a duration and 30 is a number");
	expect_said("link.rx_bps > 1000", false, false, "a bit rate and 1000 is a number");
	expect_said("link.carrier > 5", false, false, "true or false and 5 is a number");
	expect_said("link.carrier > true", false, false, "only be compared with == and !=");
	expect_said("link.util", false, false, "not something true or false");
	expect_said("link.util + 5s > 1", false, false, "they cannot be added");
	expect_said("path.rtt x path.rtt > 1", false, false, "they cannot be multiplied");
	expect_said("action.dev overlaps ours", false, false, "is a text, not a prefix");
	expect_said("action.dst in ups", false, false, "but 'ups' is a set of links");
}

Test(expr_check, suggests_what_was_meant, .init = setup, .fini = teardown)
{
	expect_said("link.carier", false, false, "did you mean 'carrier'?");
	expect_said("lnk.carrier", false, false, "did you mean 'link.carrier'?");
	expect_said("acton.dst overlaps ours", false, false, "did you mean 'action.dst'?");
	expect_said("action.dts overlaps ours", false, false, "did you mean 'action.dst'?");
	expect_said("action.dev in upss", false, false, "did you mean 'ups'?");
	expect_said("count(uos) > 1", false, false, "did you mean 'ups'?");
	expect_said("count(link where carier) > 1", false, false, "did you mean 'carrier'?");
	expect_said("ups", false, false, "is a set");
}

Test(expr_check, warns_of_what_stays_unknown, .init = setup, .fini = teardown)
{
	expect_said("bgp.flaps > 20", false, true, "no sensor provides 'bgp.flaps'");
	expect_said("link.fec_uncorrected > 20%", false, true, "no sensor provides");
	expect_said("bgp.flaps + 5s > 20% of bgp.x", false, true, "no sensor provides");
}

Test(expr_check, keeps_history_to_rules, .init = setup, .fini = teardown)
{
	expect_said("reversals(resource, 5m) > 2", false, false, "only 'when' of a rule");
	expect_said("formerly link.down within 5m", false, false, "only 'when' of a rule");
}

Test(expr_check, keeps_before_to_comparisons_of_verify, .init = setup, .fini = teardown)
{
	char said[256];
	struct expr *e = check("link.util <= 1.1 x before", true, said);

	cr_expect_not_null(e, "%s", said);
	expr_free(e);
	expect_said("link.util <= before", false, false, "only inside verify");
	expect_said("before", true, false, "only in a comparison");
	expect_said("before > 5", true, false, "wants one fact");
}

Test(expr_check, lets_nothing_depend_on_text_from_outside, .init = setup, .fini = teardown)
{
	expect_said("link.alias == core", false, false, "text from outside the router");
	expect_said("\"x\" != link.wan0.alias", false, false, "text from outside the router");
	expect_said("link.alias in ups", false, false, "text from outside the router");
	expect_said("count(link where alias == y) > 1", false, false, "text from outside");
}

Test(expr_check, binds_kinds_slots_and_numbers, .init = setup, .fini = teardown)
{
	char said[256];
	struct expr *a = check("link.carrier for 5s", false, said);
	struct expr *b = check("count(link where carrier) > 1", false, said);
	struct expr *c = check("bgp.up for 5s", false, said);
	const struct schema_attr *attr = schema_attr(schema, "link", "carrier");

	cr_assert(a && b && c);
	cr_expect_eq(a->a->kind, attr->kind);
	cr_expect_eq(a->a->slot, attr->slot);
	cr_expect_eq(a->type, ANOD_BOOL);
	cr_expect_eq(b->a->kind, attr->kind);
	cr_expect_str_eq(b->a->kind_name, "link");
	cr_expect_null(b->a->name);
	cr_expect_eq(b->a->b->op, EXPR_FACT);
	cr_expect_eq(b->a->b->slot, attr->slot);
	cr_expect_eq(c->a->kind, 0);
	cr_expect_eq(c->a->slot, -1);
	cr_expect_neq(a->id, c->id);
	cr_expect_gt(a->id, 0);
	expr_free(a);
	expr_free(b);
	expr_free(c);
}

Test(expr_check, names_types_for_messages)
{
	cr_expect_str_eq(expr_type_text(ANOD_INT, ANOD_UNIT_TIME), "a duration");
	cr_expect_str_eq(expr_type_text(ANOD_TEXT, 0), "a text");
	cr_expect_str_eq(expr_type_text(ANOD_INT, 200), "a number");
	cr_expect(expr_plain_fits(ANOD_UNIT_BYTES));
	cr_expect_not(expr_plain_fits(ANOD_UNIT_TIME));
}
