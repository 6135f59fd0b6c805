/* Which facts a pattern means. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>

#include "host/fact_match.h"

static struct fact_match m;

static void done(void)
{
	fact_match_close(&m);
}

TestSuite(fact_match, .fini = done);

static int use(const char *json)
{
	cJSON *o = cJSON_Parse(json);
	int r;

	fact_match_close(&m);
	r = fact_match_open(&m, o);
	cJSON_Delete(o);
	return r;
}

Test(fact_match, a_pattern_means_what_it_says)
{
	static const struct {
		const char *pattern, *kind, *name, *attr;
		bool entity, one, names;
	} c[] = {
		{ "\"\"", "link", "wan0", "rx_bytes", true, true, false },
		{ "\"link\"", "link", "wan0", "rx_bytes", true, false, false },
		{ "\"link/wan0\"", "link", "wan0", "rx_bytes", true, false, false },
		{ "\"link/wan*\"", "link", "wan0", "rx_bytes", true, true, false },
		{ "\"link/wan0.rx_bytes\"", "link", "wan0", "rx_bytes", false, true, true },
		{ "\"link/wan0.rx_bytes\"", "link", "wan0", "tx_bytes", false, false, false },
		{ "\"link/*.?x_bytes\"", "link", "wan0", "rx_bytes", false, true, true },
		{ "\"link/wan0.*\"", "link", "wan0", "rx_bytes", false, true, true },
		{ "\"link/eth0.100\"", "link", "eth0.100", "rx_bytes", true, false, false },
		{ "\"link/eth0.100.mtu\"", "link", "eth0.100", "mtu", false, true, true },
		{ "\"path/*.rtt\"", "link", "wan0", "rtt", false, false, false },
		{ "\"*\"", "link", "wan0", "rx_bytes", true, true, false },
		{ "[\"path/x\",\"link/wan0\"]", "link", "wan0", "mtu", true, false, false },
		{ "[]", "link", "wan0", "mtu", true, true, false },
		{ "\"link/[\"", "link", "[", "mtu", true, false, false },
	};

	for (size_t k = 0; k < ARRAY_SIZE(c); k++) {
		struct schema_attr a = { .name = c[k].attr, .kind_name = c[k].kind };

		cr_assert_eq(use(c[k].pattern), 0);
		cr_expect_eq(fact_match_entity(&m, c[k].kind, c[k].name), c[k].entity, "%zu", k);
		cr_expect_eq(fact_match_attr(&m, c[k].name, &a), c[k].one, "%zu", k);
		cr_expect_eq(fact_match_names(&m, &a), c[k].names, "%zu", k);
		cr_expect(fact_match_maybe(&m, &a) || !c[k].one, "%zu: the quick look misses one",
			  k);
	}
}

Test(fact_match, of_several_patterns_the_one_that_fits_must_name_a_sampled_fact)
{
	struct schema_attr rx = { .name = "rx_bytes", .kind_name = "link" };

	cr_assert_eq(use("[\"link/wan0\",\"link/lo.rx_bytes\"]"), 0);
	cr_expect(fact_match_names(&m, &rx));
	cr_expect(fact_match_sampled(&m, "lo", &rx));
	cr_expect_not(fact_match_sampled(&m, "wan0", &rx));
}

Test(fact_match, the_quick_look_leaves_out_what_cannot_match)
{
	struct schema_attr rx = { .name = "rx_bytes", .kind_name = "link" };
	struct schema_attr tx = { .name = "tx_bytes", .kind_name = "link" };

	cr_assert_eq(use("\"link/*.rx_bytes\""), 0);
	cr_expect(fact_match_maybe(&m, &rx));
	cr_expect_not(fact_match_maybe(&m, &tx));
	cr_assert_eq(use("\"link/*bytes\""), 0);
	cr_expect(fact_match_maybe(&m, &rx) && fact_match_maybe(&m, &tx));
}

Test(fact_match, what_is_no_pattern_is_refused)
{
	cr_expect_eq(use("7"), -EINVAL);
	cr_expect_eq(use("[\"a\",7]"), -EINVAL);
	cr_expect_eq(use("[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"]"), 0);
	cr_expect_eq(use("[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]"), -E2BIG);
	cr_expect_eq(fact_match_open(&m, NULL), 0);
}
