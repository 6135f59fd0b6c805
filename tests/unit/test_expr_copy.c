#include "facts/value.h"
#include "unit/facts_help.h"

Test(expr_copy, a_copy_is_the_same_and_any_difference_shows)
{
	static const char *const text[] = {
		"link.carrier",
		"link.wan0.carrier",
		"not link.carrier",
		"link.mtu > 1500",
		"link.mtu >= 1500",
		"link.mtu > 1501",
		"link.carrier for 5s",
		"link.carrier for 6s",
		"link.carrier in 5s",
		"count(uplinks) > 2",
		"count(uplinks up) > 2",
		"count(link where mtu > 2) > 2",
		"every(link where mtu > 2)",
		"mean(link.mtu, 5s) > 2",
		"link.address overlaps customers",
		"action.dst in customers",
	};
	struct schema *schema = help_schema();

	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		struct expr *e = help_expr(schema, text[i]), *copy = expr_copy(e);
		char *one = expr_format(e), *two = expr_format(copy);

		cr_expect_str_eq(one, two);
		for (size_t k = 0; k < ARRAY_SIZE(text); k++) {
			struct expr *other = help_expr(schema, text[k]);

			cr_expect_eq(expr_same(copy, other), i == k, "%s and %s", text[i], text[k]);
			expr_free(other);
		}
		expr_free(e);
		expr_free(copy);
		free(one);
		free(two);
	}
	schema_free(schema);
}

Test(expr_copy, the_same_text_bound_otherwise_is_not_the_same)
{
	struct schema *schema = help_schema();
	struct expr *e = help_expr(schema, "link.carrier"), *unbound = expr_copy(e);

	unbound->kind = 0;
	unbound->slot = -1;
	cr_expect_not(expr_same(e, unbound));
	expr_free(e);
	expr_free(unbound);
	schema_free(schema);
}
