/* facts_help - a schema, a store and expressions for the tests of facts. */
#ifndef TESTS_FACTS_HELP_H
#define TESTS_FACTS_HELP_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "facts/expr.h"
#include "facts/store.h"

#define SECOND UINT64_C(1000000)

static inline struct schema *help_schema(void)
{
	static const struct anod_attr rtnl[] = {
		{ .name = "admin_up", .type = ANOD_BOOL },
		{ .name = "carrier", .type = ANOD_BOOL },
		{ .name = "operstate", .type = ANOD_TEXT },
		{ .name = "mtu", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES },
		{ .name = "address", .type = ANOD_PREFIX },
		{ .name = "alias", .type = ANOD_TEXT, .flags = ANOD_VALUE_OUTSIDE },
		{ 0 },
	};
	static const struct anod_attr counters[] = {
		{ .name = "rx_bps", .type = ANOD_INT, .unit = ANOD_UNIT_BPS, .max_age_ms = 30000 },
		{ .name = "util", .type = ANOD_REAL, .unit = ANOD_UNIT_RATIO, .max_age_ms = 10000 },
		{ 0 },
	};
	static const struct anod_attr path[] = {
		{ .name = "loss", .type = ANOD_REAL, .unit = ANOD_UNIT_RATIO, .max_age_ms = 10000 },
		{ .name = "rtt", .type = ANOD_INT, .unit = ANOD_UNIT_TIME, .max_age_ms = 10000 },
		{ 0 },
	};
	static const struct anod_kind links[] = { { .name = "link", .attrs = rtnl }, { 0 } };
	static const struct anod_kind rates[] = { { .name = "link", .attrs = counters }, { 0 } };
	static const struct anod_kind paths[] = { { .name = "path", .attrs = path }, { 0 } };
	struct schema *s = schema_new();
	const char *why;

	cr_assert(s != NULL);
	cr_assert(eq(int, schema_declare(s, "rtnl", links, &why), 0));
	cr_assert(eq(int, schema_declare(s, "counters", rates, &why), 0));
	cr_assert(eq(int, schema_declare(s, "probe", paths, &why), 0));
	return s;
}

static inline uint32_t help_entity(struct store *s, const char *kind, const char *name)
{
	uint32_t e = 0;

	cr_assert(eq(int, store_entity(s, schema_kind_id(store_schema(s), kind), name, 0, &e), 0));
	return e;
}

/* Publish KIND NAME ATTR; makes the entity. */
static inline void help_put(struct store *s, const char *kind, const char *name, const char *attr,
			    struct anod_value v, uint64_t now_us)
{
	const struct schema_attr *a = schema_attr(store_schema(s), kind, attr);

	cr_assert(a != NULL, "%s.%s", kind, attr);
	cr_assert(eq(int, store_publish(s, help_entity(s, kind, name), a->slot, &v, now_us), 0));
}

/* Listeners hear of KIND ATTR although it is sampled. */
static inline void help_want(struct store *s, const char *kind, const char *attr)
{
	store_want(s, schema_attr(store_schema(s), kind, attr), true);
}

static inline struct fact help_get(const struct store *s, const char *kind, const char *name,
				   const char *attr, uint64_t now_us)
{
	const struct schema_attr *a = schema_attr(store_schema(s), kind, attr);
	struct fact f = { 0 };

	(void) store_get(s, store_find(s, a->kind, name), a->slot, now_us, &f);
	return f;
}

static inline const char *help_set_kind(const struct expr_scope *scope, const char *set)
{
	(void) scope;
	return strcmp(set, "uplinks") == 0     ? "link"
	       : strcmp(set, "customers") == 0 ? "prefix"
					       : NULL;
}

static inline bool help_operand(const struct expr_scope *scope, const char *name, uint8_t *ret_type,
				uint8_t *ret_unit)
{
	(void) scope;
	*ret_unit = ANOD_UNIT_NONE;
	*ret_type = strcmp(name, "action.dst") == 0 ? ANOD_PREFIX : ANOD_REAL;
	return strcmp(name, "action.dst") == 0 || strcmp(name, "model.confidence") == 0;
}

/* Parsed and checked. */
static inline struct expr *help_expr(const struct schema *s, const char *text)
{
	struct expr_scope scope = { .schema = s,
				    .set_kind = help_set_kind,
				    .operand = help_operand,
				    .before_allowed = true,
				    .history_allowed = true };
	struct diag_list diags = { 0 };
	struct expr *e = NULL;
	struct lexer l;
	int r;

	lex_init(&l, "test", text, strlen(text));
	r = expr_parse(&l, &diags, &e);
	if (r >= 0)
		r = expr_check(e, &scope, false, &diags);
	if (r < 0)
		diag_print(&diags, stderr);
	diag_done(&diags);
	cr_assert(eq(int, r, 0), "%s", text);
	return e;
}

#endif
