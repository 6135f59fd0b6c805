#include "infer/answer.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include <cjson/cJSON.h>

#include "infer_actions.h"

static int arg(const struct anod_param *p, const char *json, struct anod_value *ret)
{
	cJSON *v = cJSON_Parse(json);
	char why[256] = "";
	int r = answer_check_arg(p, v, test_links, ret, why, sizeof(why));

	cJSON_Delete(v);
	cr_expect(eq(int, r == 0, *why == '\0'));
	return r;
}

Test(answer_arg, keeps_units_and_signs)
{
	struct anod_value v;

	cr_expect(eq(int, arg(&test_shape_params[0], "true", &v), 0));
	cr_expect(eq(i64, v.u.i, 1));
	cr_expect(eq(int, arg(&test_shape_params[1], "0.25", &v), 0));
	cr_expect(epsilon_eq(dbl, v.u.r, 0.25, 1e-12));
	cr_expect(eq(int, v.unit, ANOD_UNIT_RATIO));
	cr_expect(eq(int, arg(&test_shape_params[2], "-5", &v), 0));
	cr_expect(eq(i64, v.u.i, -5));
	cr_expect(eq(int, v.unit, ANOD_UNIT_TIME));
	cr_expect(eq(int, arg(&test_neigh_replace_params[1], "\"2001:db8::1\"", &v), 0));
	cr_expect(eq(int, v.u.prefix.len, 128));
}

Test(answer_arg, refuses_null_and_other_types)
{
	static const char *const json[] = { "null", "{}", "[]", "[1]", "\"\"" };
	struct anod_value v;

	for (size_t i = 0; i < ARRAY_SIZE(json); i++) {
		for (const struct anod_param *p = test_shape_params; p->name; p++)
			cr_expect(eq(int, arg(p, json[i], &v), -EBADMSG), "%s %s", p->name,
				  json[i]);
		for (const struct anod_param *p = test_neigh_replace_params; p->name; p++)
			cr_expect(eq(int, arg(p, json[i], &v), -EBADMSG), "%s %s", p->name,
				  json[i]);
	}
}

Test(answer_arg, finds_actions_and_links_by_name)
{
	cr_expect(eq(int, action_find(test_actions, "link.set") == &test_link_set, 1));
	cr_expect(eq(int, action_find(test_actions, "link.se") == NULL, 1));
	cr_expect(eq(int, action_find(NULL, "link.set") == NULL, 1));
	cr_expect(eq(uint, list_size(NULL), 0));
	cr_expect(eq(uint, list_size(test_links), 3));
	cr_expect(list_has(test_links, "lan0"));
	cr_expect(not(list_has(NULL, "lan0")));
}
