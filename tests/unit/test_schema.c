#include "facts/schema.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

static int declare(struct schema *s, const char *source, const char *kind, const char *attr,
		   uint8_t type, uint8_t unit, const char **ret_why)
{
	const struct anod_attr attrs[] = { { .name = attr,
					     .type = type,
					     .unit = unit,
					     .max_age_ms = 30000,
					     .help = "A test." },
					   { 0 } };
	const struct anod_kind kinds[] = { { .name = kind, .attrs = attrs }, { 0 } };

	return schema_declare(s, source, kinds, ret_why);
}

Test(schema, has_the_built_in_kinds)
{
	_cleanup_(schema_freep) struct schema *s = schema_new();
	const struct schema_attr *a = schema_attr(s, "link", "capacity");

	cr_assert_neq(a, NULL);
	cr_expect(eq(int, a->type, ANOD_INT));
	cr_expect(eq(int, a->unit, ANOD_UNIT_BPS));
	cr_expect_str_eq(a->source, "core");
	cr_expect(schema_attr(s, "link", "role") && schema_attr(s, "host", "lateness") &&
		  schema_attr(s, "host", "resyncs") && schema_attr(s, "host", "lost_events"));
	cr_expect(eq(uint, schema_n_kinds(s), 6));
	cr_expect(eq(int, schema_kind_id(s, "lnik"), 0));
}

Test(schema, ids_are_dense_and_pointers_stay)
{
	_cleanup_(schema_freep) struct schema *s = schema_new();
	const struct schema_attr *role = schema_attr(s, "link", "role"), *a;
	const char *why;

	for (int i = 0; i < 100; i++) {
		char name[24];

		(void) snprintf(name, sizeof(name), "a%d", i);
		cr_assert(eq(int, declare(s, "x", "link", name, ANOD_INT, 0, &why), 0));
	}
	cr_expect_eq(schema_attr(s, "link", "role"), role);
	a = schema_attr(s, "link", "a42");
	cr_expect_eq(schema_attr_by_id(s, a->id), a);
	cr_expect_eq(schema_attr_at(s, a->kind, a->slot), a);
	cr_expect(eq(u64, a->max_age_us, 30000000));
	cr_expect(eq(uint, schema_n_slots(s, a->kind), 102));
	cr_expect_str_eq(schema_attr_names(s, a->kind)[101], "a99");
	cr_expect_eq(schema_attr_names(s, a->kind)[102], NULL);
	cr_expect_str_eq(schema_kind_names(s)[1], "host");
	cr_expect_eq(schema_attr_by_id(s, 0), NULL);
	cr_expect_eq(schema_attr_at(s, 99, 0), NULL);
}

Test(schema, an_attribute_has_one_provider)
{
	_cleanup_(schema_freep) struct schema *s = schema_new();
	const char *why;

	cr_expect(eq(int, declare(s, "rtnl", "link", "carrier", ANOD_BOOL, 0, &why), 0));
	cr_expect(eq(int, declare(s, "rtnl", "link", "carrier", ANOD_BOOL, 0, &why), 0));
	cr_expect(eq(int, declare(s, "rtnl", "link", "carrier", ANOD_INT, 0, &why), -EEXIST));
	cr_expect(eq(int, declare(s, "other", "link", "carrier", ANOD_BOOL, 0, &why), -EEXIST));
	cr_expect_str_eq(why, "link.carrier is provided by rtnl already");
}

Test(schema, a_refused_manifest_leaves_nothing_behind)
{
	_cleanup_(schema_freep) struct schema *s = schema_new();
	const struct anod_attr attrs[] = { { .name = "good", .type = ANOD_INT },
					   { .name = "Bad-Name", .type = ANOD_INT },
					   { 0 } };
	const struct anod_kind kinds[] = { { .name = "optic", .attrs = attrs }, { 0 } };
	const char *why;

	cr_expect(eq(int, schema_declare(s, "x", kinds, &why), -EINVAL));
	cr_expect(strstr(why, "Bad-Name") != NULL);
	cr_expect(eq(int, schema_kind_id(s, "optic"), 0));
	cr_expect(eq(int, declare(s, "x", "Optic", "a", ANOD_INT, 0, &why), -EINVAL));
	cr_expect(eq(int, declare(s, "x", "optic", "a", 0, 0, &why), -EINVAL));
	cr_expect(eq(int, declare(s, "x", "optic", "a", ANOD_INT, 99, &why), -EINVAL));
	cr_expect(eq(int, declare(s, "x", "optic", "", ANOD_INT, 0, &why), -EINVAL));
}

Test(schema, limits_are_refused_by_name)
{
	_cleanup_(schema_freep) struct schema *s = schema_new();
	const char *why;
	char name[24];
	int r = 0;

	for (int i = 0; i < SCHEMA_KINDS_MAX && r == 0; i++) {
		(void) snprintf(name, sizeof(name), "kind%d", i);
		r = declare(s, "x", name, "a", ANOD_INT, 0, &why);
	}
	cr_expect(eq(int, r, -ENOSPC));
	cr_expect(strstr(why, "kind58") != NULL);
	cr_expect(eq(uint, schema_n_kinds(s), SCHEMA_KINDS_MAX));
	for (r = 0; r < 2000; r++) {
		(void) snprintf(name, sizeof(name), "b%d", r);
		if (declare(s, "x", "kind0", name, ANOD_INT, 0, &why) == -ENOSPC)
			break;
	}
	cr_expect(lt(int, r, SCHEMA_ATTRS_MAX));
	cr_expect_str_eq(schema_attr_by_id(s, SCHEMA_ATTRS_MAX)->kind_name, "kind0");
}

Test(schema, derived_attributes_stand_behind_and_change_their_names)
{
	_cleanup_(schema_freep) struct schema *s = schema_new();
	struct anod_attr attr = { .name = "rate(x, 5s)", .type = ANOD_REAL, .max_age_ms = 7 };
	const struct schema_attr *a = NULL, *again = NULL, *other = NULL;
	uint16_t kind = schema_kind_id(s, "link");
	unsigned n = schema_n_slots(s, kind);
	const char *why = "";

	cr_assert(eq(int, schema_derive(s, kind, &attr, &why, &a), 0));
	cr_expect(eq(uint, a->slot, n));
	cr_expect(eq(int, a->flags &SCHEMA_DERIVED, SCHEMA_DERIVED));
	cr_expect(eq(u64, a->max_age_us, 7000));
	cr_expect_str_eq(a->source, "core");
	cr_expect(schema_attr(s, "link", "rate(x, 5s)") == a);
	cr_expect(schema_attr_at(s, kind, (uint16_t) n) == a);
	for (const char *const *name = schema_attr_names(s, kind); *name; name++)
		cr_expect(strchr(*name, '(') == NULL, "%s is suggested", *name);
	/* The same again is the same; another type is not, and a sensor cannot take it. */
	cr_assert(eq(int, schema_derive(s, kind, &attr, &why, &again), 0));
	cr_expect(again == a);
	attr.type = ANOD_BOOL;
	cr_expect(eq(int, schema_derive(s, kind, &attr, &why, &again), -EINVAL));
	cr_expect(eq(int, schema_derive(s, 999, &attr, &why, &again), -EINVAL));
	attr.name = "role";
	attr.type = ANOD_TEXT;
	cr_expect(eq(int, schema_derive(s, kind, &attr, &why, &again), -EINVAL));
	cr_expect(strstr(why, "role") != NULL);

	attr = (struct anod_attr){ .name = "mean(y, 9s)", .type = ANOD_REAL };
	cr_expect(eq(int, schema_rename(s, a, &attr), 0));
	cr_expect(schema_attr(s, "link", "rate(x, 5s)") == NULL);
	cr_expect(schema_attr(s, "link", "mean(y, 9s)") == a);
	cr_expect(eq(u64, a->max_age_us, 0));
	cr_expect(eq(int, schema_rename(s, schema_attr(s, "link", "role"), &attr), -EINVAL));
	/* Sensors that declare later come behind it. */
	cr_expect(eq(int, declare(s, "x", "link", "late", ANOD_INT, 0, &why), 0));
	cr_expect(eq(uint, schema_attr(s, "link", "late")->slot, n + 1));
	for (unsigned k = 0; k < SCHEMA_ATTRS_MAX; k++) {
		char name[32];

		(void) snprintf(name, sizeof(name), "mean(z, %us)", k);
		attr.name = name;
		if (schema_derive(s, kind, &attr, &why, &other) == -ENOSPC)
			break;
	}
	cr_expect(strstr(why, "1024") != NULL, "%s", why);
}
