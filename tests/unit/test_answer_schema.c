#include "infer/infer.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "infer_actions.h"

/* Strict servers want every object closed and every property required. */
static void expect_closed(const cJSON *s)
{
	const cJSON *child, *properties = cJSON_GetObjectItemCaseSensitive(s, "properties");

	if (cJSON_IsObject(s) && properties) {
		cr_expect(
			cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(s, "additionalProperties")));
		cr_expect(eq(int, cJSON_GetArraySize(properties),
			     cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(s, "required"))));
	}
	cJSON_ArrayForEach(child, s) expect_closed(child);
}

static const cJSON *walk(const cJSON *o, const char *const *path)
{
	for (; *path; path++)
		o = **path >= '0' && **path <= '9' ? cJSON_GetArrayItem(o, atoi(*path))
						   : cJSON_GetObjectItemCaseSensitive(o, *path);
	return o;
}
#define WALK(o, ...) walk(o, (const char *const[]){ __VA_ARGS__, NULL })

Test(answer_schema, says_exactly_what_may_be_answered)
{
	char *text = answer_schema_json(test_actions, test_links);
	cJSON *s = cJSON_Parse(text);
	const cJSON *mtu = WALK(s, "properties", "action", "anyOf", "1", "properties", "args",
				"properties", "mtu");

	cr_assert(cJSON_IsObject(s));
	expect_closed(s);
	cr_expect(eq(int, cJSON_GetArraySize(WALK(s, "properties", "action", "anyOf")), 5));
	cr_expect(eq(str, WALK(s, "properties", "action", "anyOf", "0", "type")->valuestring,
		     "null"));
	cr_expect(
		eq(str,
		   WALK(s, "properties", "action", "anyOf", "1", "properties", "kind", "enum", "0")
			   ->valuestring,
		   "link.set"));
	cr_expect(eq(str,
		     WALK(s, "properties", "action", "anyOf", "1", "properties", "args",
			  "properties", "dev", "enum", "2")
			     ->valuestring,
		     "lan0"));
	cr_expect(eq(str, WALK(mtu, "type", "1")->valuestring, "null"));
	cr_expect(eq(str, WALK(mtu, "description")->valuestring,
		     "largest packet; in bytes; 68 to 65535"));
	cJSON_Delete(s);
	free(text);
}

Test(answer_schema, leaves_out_what_cannot_be_answered)
{
	char *text = answer_schema_json(test_actions, NULL);

	cr_expect(eq(ptr, strstr(text, "link.set"), NULL), "it needs a link and there is none");
	cr_expect(not(eq(ptr, strstr(text, "route.metric"), NULL)));
	free(text);
	text = answer_schema_json(NULL, NULL);
	cr_expect(not(eq(ptr, strstr(text, "\"anyOf\":[{\"type\":\"null\"}]"), NULL)), "%s", text);
	free(text);
}
