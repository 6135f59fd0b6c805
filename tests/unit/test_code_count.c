#include "facts/code_priv.h"

#include "facts/value.h"
#include "unit/facts_help.h"

/* eth1 is a member, eth2 may be one, the others are not. */
static enum anod_tri member(const struct expr_env *env, const char *set, uint16_t kind,
			    const char *entity)
{
	(void) env;
	cr_expect_str_eq(set, "uplinks");
	cr_expect(eq(int, kind, 1));
	return strcmp(entity, "eth1") == 0   ? ANOD_TRUE
	       : strcmp(entity, "eth2") == 0 ? ANOD_DOUBT
					     : ANOD_FALSE;
}

static enum anod_tri truth(struct store *s, const char *text, bool with_sets)
{
	struct code_env env = { .env = { .store = s, .now_us = 1, .subject = code_subject } };
	struct expr *e = help_expr(store_schema(s), text);
	struct code_truth t;
	enum anod_tri tree;
	struct code *c;

	env.env.watch = &env;
	if (with_sets)
		env.env.member = member;
	cr_assert(eq(int, code_compile(e, store_schema(s), 0, &c), 0));
	cr_expect(eq(uint, code_n_tree(c), 0), "%s", text);
	code_begin(c, &env);
	code_run(c, &env, 0, 1, &t);
	tree = expr_truth(e, &env.env);
	cr_expect(eq(int, (int) tree,
		     t.yes  ? ANOD_TRUE
		     : t.no ? ANOD_FALSE
			    : ANOD_DOUBT),
		  "%s", text);
	code_free(c);
	expr_free(e);
	return tree;
}

Test(code_count, doubt_about_some_decides_nothing_that_the_others_have_decided)
{
	struct schema *schema = help_schema();
	struct store *s = store_new(schema);
	char name[16];

	/* 150 links: 100 are up, 30 are down, of 20 nobody knows. */
	for (unsigned i = 0; i < 150; i++) {
		(void) snprintf(name, sizeof(name), "eth%u", i);
		(void) help_entity(s, "link", name);
		help_put(s, "link", name, "admin_up", value_bool(true), 1);
		if (i < 130)
			help_put(s, "link", name, "carrier", value_bool(i < 100), 1);
	}
	cr_expect(eq(int, (int) truth(s, "count(link up) >= 100", false), ANOD_TRUE));
	cr_expect(eq(int, (int) truth(s, "count(link up) > 120", false), ANOD_FALSE));
	cr_expect(eq(int, (int) truth(s, "count(link up) > 100", false), ANOD_DOUBT));
	cr_expect(eq(int, (int) truth(s, "count(link up) == 121", false), ANOD_FALSE));
	cr_expect(eq(int, (int) truth(s, "count(link up) != 99", false), ANOD_TRUE));
	cr_expect(eq(int, (int) truth(s, "count(link) == 150", false), ANOD_TRUE));
	cr_expect(eq(int, (int) truth(s, "count(link where carrier) + 0 > 1", false), ANOD_DOUBT));
	cr_expect(eq(int, (int) truth(s, "any(link where carrier)", false), ANOD_TRUE));
	cr_expect(eq(int, (int) truth(s, "every(link where carrier)", false), ANOD_FALSE));
	cr_expect(eq(int, (int) truth(s, "every(link where admin_up)", false), ANOD_TRUE));
	cr_expect(eq(int, (int) truth(s, "every(link where carrier or not carrier)", false),
		     ANOD_DOUBT));
	cr_expect(eq(int, (int) truth(s, "any(link where mtu > 1)", false), ANOD_DOUBT));
	cr_expect(eq(int, (int) truth(s, "any(path where loss > 1%)", false), ANOD_FALSE));

	cr_expect(eq(int, (int) truth(s, "count(uplinks) > 0", false), ANOD_DOUBT));
	cr_expect(eq(int, (int) truth(s, "count(uplinks) > 0", true), ANOD_TRUE));
	cr_expect(eq(int, (int) truth(s, "count(uplinks up) > 1", true), ANOD_DOUBT));
	cr_expect(eq(int, (int) truth(s, "every(uplinks where carrier)", true), ANOD_TRUE));
	cr_expect(eq(int, (int) truth(s, "any(uplinks where not carrier)", true), ANOD_FALSE));
	store_free(s);
	schema_free(schema);
}
