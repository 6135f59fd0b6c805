#include "facts/expr.h"

#include "facts/value.h"
#include "unit/facts_help.h"

static const char *subject_wan0(const struct expr_env *env, uint16_t kind)
{
	(void) kind;
	return env->data ? env->data : "wan0";
}

static bool operand(const struct expr_env *env, const char *name, struct anod_value *ret)
{
	(void) env;
	if (strcmp(name, "model.confidence") != 0)
		return false;
	*ret = value_real(0.9, ANOD_UNIT_NONE);
	return true;
}

static enum anod_tri is_uplink(const struct expr_env *env, const char *set,
			       const struct anod_value *v)
{
	(void) env;
	(void) set;
	return strncmp(v->u.text, "wan", 3) == 0 ? ANOD_TRUE : ANOD_FALSE;
}

static enum anod_tri touches(const struct expr_env *env, const char *set,
			     const struct anod_value *v)
{
	(void) env;
	(void) set;
	return v->type == ANOD_PREFIX ? ANOD_TRUE : ANOD_DOUBT;
}

static bool before(const struct expr_env *env, const struct expr *fact, const char *entity,
		   struct anod_value *ret)
{
	(void) env;
	if (strcmp(fact->attr, "loss") != 0 || strcmp(entity, "wan0") != 0)
		return false;
	*ret = value_real(0.01, ANOD_UNIT_RATIO);
	return true;
}

static enum anod_tri held(const struct expr_env *env, const struct expr *node)
{
	(void) env;
	return node->dur_us == 10 * SECOND ? ANOD_TRUE : ANOD_FALSE;
}

static struct store *some_links(const struct schema *schema)
{
	struct store *s = store_new(schema);
	struct anod_prefix p;

	help_put(s, "link", "wan0", "carrier", value_bool(true), SECOND);
	help_put(s, "link", "wan0", "admin_up", value_bool(true), SECOND);
	help_put(s, "link", "wan0", "mtu", value_int(1500, 0), SECOND);
	help_put(s, "link", "wan0", "operstate", value_text("up"), SECOND);
	help_put(s, "link", "wan0", "capacity", value_int(100000000, 0), SECOND);
	help_put(s, "link", "wan0", "rx_bps", value_int(85000000, 0), SECOND);
	cr_assert(eq(int, prefix_parse("192.0.2.0/24", &p), 0));
	help_put(s, "link", "wan0", "address", value_prefix(&p), SECOND);
	help_put(s, "link", "wan1", "carrier", value_bool(false), SECOND);
	help_put(s, "path", "wan0", "loss", value_real(0.02, 0), SECOND);
	return s;
}

Test(expr_eval, truth_of_many_expressions)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = some_links(schema);
	struct expr_env env = {
		.store = s,
		.now_us = 2 * SECOND,
		.subject = subject_wan0,
		.operand = operand,
		.in_set = is_uplink,
		.overlaps = touches,
		.before = before,
		.held = held,
	};
	static const struct {
		const char *text;
		enum anod_tri truth;
	} row[] = {
		{ "link.carrier", ANOD_TRUE },
		{ "link.carrier == true", ANOD_TRUE },
		{ "link.wan1.carrier", ANOD_FALSE },
		{ "not link.wan1.carrier", ANOD_TRUE },
		{ "link.wan1.mtu > 0", ANOD_DOUBT },
		{ "link.wan9.carrier", ANOD_DOUBT },
		{ "link.wan1.carrier and link.wan9.carrier", ANOD_FALSE },
		{ "link.wan9.carrier and link.wan1.carrier", ANOD_FALSE },
		{ "link.carrier or link.wan9.carrier", ANOD_TRUE },
		{ "link.wan9.carrier or link.wan1.carrier", ANOD_DOUBT },
		{ "not link.wan9.carrier", ANOD_DOUBT },
		{ "link.mtu == 1500", ANOD_TRUE },
		{ "link.mtu < 1500.5", ANOD_TRUE },
		{ "link.mtu >= 9000", ANOD_FALSE },
		{ "link.operstate == \"up\"", ANOD_TRUE },
		{ "link.operstate != \"down\"", ANOD_TRUE },
		{ "link.rx_bps > 80% of link.capacity", ANOD_TRUE },
		{ "link.rx_bps + 10Mbps > 80% of link.capacity", ANOD_TRUE },
		{ "link.rx_bps / link.capacity < 0.9", ANOD_TRUE },
		{ "link.rx_bps - link.capacity < 0", ANOD_TRUE },
		{ "link.mtu / 0 > 1", ANOD_DOUBT },
		{ "link.mtu x 900000000000000000 > 0", ANOD_DOUBT },
		{ "link.mtu + 900000000000000000B x 100 > 0", ANOD_DOUBT },
		{ "path.loss > 1%", ANOD_TRUE },
		{ "path.loss <= before", ANOD_FALSE },
		{ "path.loss <= 3 x before", ANOD_TRUE },
		{ "before < path.loss", ANOD_TRUE },
		{ "path.rtt <= before", ANOD_DOUBT },
		{ "link.operstate in uplinks", ANOD_FALSE },
		{ "\"wan3\" in uplinks", ANOD_TRUE },
		{ "\"wan3\" not in uplinks", ANOD_FALSE },
		{ "link.wan9.operstate in uplinks", ANOD_DOUBT },
		{ "link.address overlaps 192.0.2.128/25", ANOD_TRUE },
		{ "link.address overlaps 10.0.0.0/8", ANOD_FALSE },
		{ "link.address overlaps customers", ANOD_TRUE },
		{ "link.wan1.address overlaps customers", ANOD_DOUBT },
		{ "model.confidence >= 0.9", ANOD_TRUE },
		{ "action.dst overlaps 10.0.0.0/8", ANOD_DOUBT },
		{ "link.carrier for 10s", ANOD_TRUE },
		{ "link.carrier for 20s", ANOD_FALSE },
		{ "p95(link.rx_bps, 5m) > 1Mbps", ANOD_DOUBT },
		{ "formerly route.replace within 5m", ANOD_DOUBT },
		{ "bgp.flaps > 20", ANOD_DOUBT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		_cleanup_(expr_freep) struct expr *e = help_expr(schema, row[i].text);

		cr_expect(eq(int, (int) expr_truth(e, &env), (int) row[i].truth), "%s",
			  row[i].text);
	}
}

Test(expr_eval, values_keep_whole_numbers_whole_and_spread_the_unknown)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = some_links(schema);
	struct expr_env env = { .store = s, .now_us = 2 * SECOND, .subject = subject_wan0 };
	static const struct {
		const char *text, *value;
	} row[] = {
		{ "link.mtu + 100", "1600B" },	    { "link.mtu x 2 - 1", "2999B" },
		{ "link.mtu / 1000", "1.5B" },	    { "80% of link.capacity", "80Mbps" },
		{ "link.wan1.mtu + 1", "unknown" }, { "link.carrier", "true" },
		{ "link.mtu > 9000", "false" },	    { "link.wan9.carrier", "unknown" },
		{ "link.operstate", "up" },	    { "model.confidence", "unknown" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		_cleanup_(expr_freep) struct expr *e = help_expr(schema, row[i].text);
		struct anod_value v;
		char buf[80];

		expr_value(e, &env, &v);
		cr_expect_str_eq(value_format(&v, buf, sizeof(buf)), row[i].value, "%s: %s",
				 row[i].text, buf);
	}
}

Test(expr_eval, without_hooks_everything_they_would_answer_is_unknown)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	struct expr_env env = { .now_us = 1 };
	static const char *const text[] = {
		"link.carrier",		"link.wan0.carrier",
		"model.confidence > 0", "\"a\" in uplinks",
		"path.loss < before",	"link.carrier for 1s",
		"count(link) > 0",	"action.dst overlaps customers",
		"any(link up)",		"max(link.mtu) > 1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		_cleanup_(expr_freep) struct expr *e = help_expr(schema, text[i]);

		cr_expect(eq(int, (int) expr_truth(e, &env), ANOD_DOUBT), "%s", text[i]);
	}
}

Test(expr_eval, the_trace_names_each_fact_once_with_its_age_or_the_reason)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = some_links(schema);
	_cleanup_(expr_freep) struct expr *e = help_expr(
		schema,
		"link.wan1.carrier and link.mtu > 1 and link.mtu < 9 and model.confidence > 0 "
		"and link.wan7.mtu > 1 and bgp.flaps > 2 and link.util > 1%");
	struct expr_read read[8];
	struct expr_trace trace = { .read = read, .max = 5 };
	struct expr_env env = { .store = s,
				.now_us = 3 * SECOND,
				.subject = subject_wan0,
				.operand = operand,
				.trace = &trace };

	cr_expect(eq(int, (int) expr_truth(e, &env), ANOD_FALSE));
	cr_assert(eq(uint, trace.n, 5));
	cr_expect(eq(uint, trace.n_dropped, 1));
	cr_expect_str_eq(read[0].attr->name, "carrier");
	cr_expect_str_eq(read[0].entity, "wan1");
	cr_expect(eq(u64, read[0].age_us, 2 * SECOND));
	cr_expect_null(read[0].why);
	cr_expect_str_eq(read[1].attr->name, "mtu");
	cr_expect_null(read[2].attr);
	cr_expect_str_eq(read[2].operand, "model.confidence");
	cr_expect_str_eq(read[3].why, "no such entity");
	cr_expect_str_eq(read[4].operand, "bgp.flaps");
	cr_expect_str_eq(read[4].why, "no sensor provides it");
}

/* ---- what is decided stays decided ------------------------------------------------------ */

static unsigned short seed[3];

static unsigned dice(unsigned n)
{
	return (unsigned) nrand48(seed) % n;
}

static enum anod_tri by_role(const struct expr_env *env, const char *set, uint16_t kind,
			     const char *entity)
{
	const struct schema_attr *a = schema_attr(store_schema(env->store), "link", "role");
	struct anod_value want = value_text("uplink");
	struct fact f = { 0 };

	(void) set;
	(void) store_get(env->store, store_find(env->store, kind, entity), a->slot, env->now_us,
			 &f);
	return value_compare(VALUE_EQ, &f.value, &want);
}

static void random_number(FILE *f, unsigned depth)
{
	static const char *const leaf[] = {
		"link.mtu",
		"link.wan1.mtu",
		"1500B",
		"3B",
		"max(link.mtu)",
		"min(link.mtu where carrier)",
		"sum(link.mtu where mtu > 2)",
		"avg(link.mtu where admin_up)",
	};

	if (depth == 0 || dice(3) == 0) {
		fputs(leaf[dice(ARRAY_SIZE(leaf))], f);
		return;
	}
	fputc('(', f);
	random_number(f, depth - 1);
	if (dice(4) == 0) {
		fputs(dice(2) ? " x 2" : " / 2", f);
	} else {
		fputs(dice(2) ? " + " : " - ", f);
		random_number(f, depth - 1);
	}
	fputc(')', f);
}

static void random_truth(FILE *f, unsigned depth)
{
	static const char *const op[] = { "==", "!=", "<", "<=", ">", ">=" };
	static const char *const leaf[] = {
		"link.carrier",
		"link.wan1.admin_up",
		"every(uplinks up)",
		"any(uplinks up)",
		"every(link where mtu > 2)",
		"any(link where carrier)",
		"every(uplinks where mtu > 1 or carrier)",
	};
	static const char *const count[] = {
		"count(uplinks)",
		"count(uplinks up)",
		"count(link where carrier)",
		"count(link where mtu > 1 and not carrier)",
		"count(link up)",
	};

	switch (depth == 0 ? 2 + dice(2) : dice(6)) {
	case 0:
	case 1:
		fputc('(', f);
		random_truth(f, depth - 1);
		fputs(dice(2) ? " and " : " or ", f);
		random_truth(f, depth - 1);
		fputc(')', f);
		return;
	case 2:
		fputs(leaf[dice(ARRAY_SIZE(leaf))], f);
		return;
	case 3:
		fprintf(f, "%s %s ", count[dice(ARRAY_SIZE(count))], op[dice(ARRAY_SIZE(op))]);
		if (dice(3) == 0)
			fputs(count[dice(ARRAY_SIZE(count))], f);
		else
			fprintf(f, "%u", dice(4));
		return;
	case 4:
		fputs("not (", f);
		random_truth(f, depth - 1);
		fputc(')', f);
		return;
	default:
		random_number(f, depth - 1);
		fprintf(f, " %s ", op[dice(ARRAY_SIZE(op))]);
		random_number(f, depth - 1);
	}
}

static const char *const names[] = { "wan0", "wan1", "wan2" };

/* Every fact that is unknown gets a value, or one in two of them. */
static void learn(struct store *s, bool all)
{
	static const char *const attrs[] = { "carrier", "admin_up", "mtu", "role" };

	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		for (size_t a = 0; a < ARRAY_SIZE(attrs); a++) {
			struct fact f = help_get(s, "link", names[n], attrs[a], 1);

			if (f.value.type != ANOD_UNKNOWN || (!all && dice(2)))
				continue;
			help_put(s, "link", names[n], attrs[a],
				 a < 2	  ? value_bool(dice(2))
				 : a == 2 ? value_int(dice(5), 0)
					  : value_text(dice(2) ? "uplink" : "core"),
				 1);
		}
	}
}

Test(expr_eval, no_later_fact_turns_over_an_answer)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	unsigned decided = 0, doubts = 0;

	for (unsigned round = 0; round < 4000; round++) {
		_cleanup_(store_freep) struct store *s = store_new(schema);
		_cleanup_(expr_freep) struct expr *e = NULL;
		_cleanup_(freep) char *text = NULL;
		struct expr_env env = {
			.store = s, .now_us = 1, .subject = subject_wan0, .member = by_role
		};
		enum anod_tri first, later;
		size_t size;
		FILE *f = open_memstream(&text, &size);

		seed[0] = (unsigned short) round;
		seed[1] = seed[2] = 77;
		random_truth(f, 3);
		(void) fclose(f);
		e = help_expr(schema, text);
		for (size_t n = 0; n < ARRAY_SIZE(names); n++)
			(void) help_entity(s, "link", names[n]);
		learn(s, false);
		first = expr_truth(e, &env);
		learn(s, false);
		later = expr_truth(e, &env);
		if (first != ANOD_DOUBT)
			cr_assert(eq(int, (int) later, (int) first), "%s", text);
		learn(s, true);
		if (later != ANOD_DOUBT)
			cr_assert(eq(int, (int) expr_truth(e, &env), (int) later), "%s", text);
		decided += first != ANOD_DOUBT;
		doubts += first == ANOD_DOUBT;
	}
	/* Both kinds must be common, or the test says nothing. */
	cr_expect(gt(uint, decided, 500));
	cr_expect(gt(uint, doubts, 500));
}
