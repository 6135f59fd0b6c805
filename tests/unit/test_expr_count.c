#include "facts/expr.h"

#include "facts/value.h"
#include "unit/facts_help.h"

static enum anod_tri in_uplinks(const struct expr_env *env, const char *set, uint16_t kind,
				const char *entity)
{
	(void) env;
	(void) set;
	(void) kind;
	return strcmp(entity, "maybe") == 0	? ANOD_DOUBT
	       : strncmp(entity, "wan", 3) == 0 ? ANOD_TRUE
						: ANOD_FALSE;
}

static void link_up(struct store *s, const char *name, bool up)
{
	help_put(s, "link", name, "admin_up", value_bool(true), 1);
	help_put(s, "link", name, "carrier", value_bool(up), 1);
}

/* wan0 up, wan1 down, wan2 unknown; lan0 up; "maybe" up and perhaps a member. */
static struct store *some_links(const struct schema *schema)
{
	struct store *s = store_new(schema);

	link_up(s, "wan0", true);
	link_up(s, "wan1", false);
	(void) help_entity(s, "link", "wan2");
	link_up(s, "lan0", true);
	link_up(s, "maybe", true);
	help_put(s, "link", "wan0", "mtu", value_int(1500, 0), 1);
	help_put(s, "link", "wan1", "mtu", value_int(9000, 0), 1);
	help_put(s, "link", "lan0", "mtu", value_int(1400, 0), 1);
	help_put(s, "path", "wan0", "loss", value_real(0.5, 0), 1);
	return s;
}

static enum anod_tri truth(const struct schema *schema, const struct store *s, const char *text)
{
	_cleanup_(expr_freep) struct expr *e = help_expr(schema, text);
	struct expr_env env = { .store = s, .now_us = 1, .member = in_uplinks };

	return expr_truth(e, &env);
}

Test(expr_count, doubt_about_one_does_not_undo_what_the_others_decide)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = some_links(schema);
	/* count(uplinks up): wan0 surely, wan2 and maybe possibly: 1..3 */
	static const struct {
		const char *text;
		enum anod_tri truth;
	} row[] = {
		{ "count(uplinks up) >= 1", ANOD_TRUE },
		{ "count(uplinks up) >= 2", ANOD_DOUBT },
		{ "count(uplinks up) >= 4", ANOD_FALSE },
		{ "count(uplinks up) > 0", ANOD_TRUE },
		{ "count(uplinks up) > 3", ANOD_FALSE },
		{ "count(uplinks up) < 4", ANOD_TRUE },
		{ "count(uplinks up) < 1", ANOD_FALSE },
		{ "count(uplinks up) <= 3", ANOD_TRUE },
		{ "count(uplinks up) <= 2", ANOD_DOUBT },
		{ "count(uplinks up) == 0", ANOD_FALSE },
		{ "count(uplinks up) == 1", ANOD_DOUBT },
		{ "count(uplinks up) != 4", ANOD_TRUE },
		{ "2 <= count(uplinks up)", ANOD_DOUBT },
		{ "1 <= count(uplinks up)", ANOD_TRUE },
		{ "count(link) == 5", ANOD_TRUE },
		{ "count(link) > count(uplinks up)", ANOD_TRUE },
		{ "count(link where mtu > 1450) == 2", ANOD_DOUBT },
		{ "count(link where mtu > 1450) >= 2", ANOD_TRUE },
		{ "count(uplinks up) > link.wan7.mtu", ANOD_DOUBT },
		{ "count(path where link.wan0.carrier) == 1", ANOD_TRUE },
		{ "every(uplinks up)", ANOD_FALSE },
		{ "any(uplinks up)", ANOD_TRUE },
		{ "any(uplinks where mtu > 9000)", ANOD_DOUBT },
		{ "every(uplinks where mtu >= 1500)", ANOD_DOUBT },
		{ "every(path where loss < 60%)", ANOD_TRUE },
		{ "max(link.mtu where link.mtu > 0) > 0", ANOD_DOUBT },
		{ "max(path.loss) == 50%", ANOD_TRUE },
		{ "sum(path.loss) == 50%", ANOD_TRUE },
		{ "count(link where count(path where loss > 10%) == 1) == 5", ANOD_TRUE },
		{ "count(link where any(path where count(link) == 5)) == 5", ANOD_DOUBT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++)
		cr_expect(eq(int, (int) truth(schema, s, row[i].text), (int) row[i].truth), "%s",
			  row[i].text);
}

Test(expr_count, folds_over_known_members_and_nothing)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	_cleanup_(store_freep) struct store *s = store_new(schema);
	static const struct {
		const char *text;
		enum anod_tri truth;
	} full[] = {
		{ "min(link.mtu) == 1400", ANOD_TRUE },
		{ "max(link.mtu) == 9000", ANOD_TRUE },
		{ "sum(link.mtu) == 11900", ANOD_TRUE },
		{ "avg(link.mtu where mtu < 2000) == 1450", ANOD_TRUE },
	}, empty[] = {
		{ "sum(link.mtu) == 0", ANOD_TRUE },	{ "min(link.mtu) == 0", ANOD_DOUBT },
		{ "avg(link.mtu) == 0", ANOD_DOUBT },	{ "count(link) == 0", ANOD_TRUE },
		{ "every(link up)", ANOD_TRUE },	{ "any(link up)", ANOD_FALSE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(empty); i++)
		cr_expect(eq(int, (int) truth(schema, s, empty[i].text), (int) empty[i].truth),
			  "%s", empty[i].text);
	help_put(s, "link", "a", "mtu", value_int(1500, 0), 1);
	help_put(s, "link", "b", "mtu", value_int(9000, 0), 1);
	help_put(s, "link", "c", "mtu", value_int(1400, 0), 1);
	for (size_t i = 0; i < ARRAY_SIZE(full); i++)
		cr_expect(eq(int, (int) truth(schema, s, full[i].text), (int) full[i].truth), "%s",
			  full[i].text);
	help_put(s, "link", "d", "mtu", value_int(INT64_MAX, 0), 1);
	cr_expect(eq(int, (int) truth(schema, s, "sum(link.mtu) > 0"), ANOD_DOUBT));
}
