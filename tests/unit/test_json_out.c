#include "agents/triage/json_out.c"

#include <cJSON.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <netinet/in.h>
#include <stdlib.h>

static char buf[4096];

Test(json_out, text_of_any_bytes_stays_json)
{
	unsigned short seed[3] = { 5 };

	for (int n = 0; n < 3000; n++) {
		struct json_out j;
		char text[32];
		cJSON *x;

		for (size_t i = 0; i < sizeof(text) - 1; i++)
			text[i] = (char) (1 + nrand48(seed) % 255);
		text[sizeof(text) - 1] = 0;
		json_init(&j, buf, sizeof(buf));
		json_open(&j, NULL, '{');
		json_text(&j, "t", text);
		json_text(&j, text, "u");
		json_close(&j, '}');
		x = cJSON_ParseWithOpts(buf, NULL, true);
		cr_assert(x != NULL, "%s", buf);
		cJSON_Delete(x);
		for (const char *c = buf; *c; c++)
			cr_assert(ge(int, (unsigned char) *c, 0x20));
	}
}

Test(json_out, values_by_type)
{
	struct anod_value v = { .type = ANOD_TEXT, .flags = ANOD_VALUE_OUTSIDE };
	struct json_out j;

	json_init(&j, buf, sizeof(buf));
	json_open(&j, NULL, '[');
	strcpy(v.u.text, "drop \"all\"\\ routes\n");
	json_value(&j, NULL, &v);
	v.flags = 0;
	json_value(&j, NULL, &v);
	v = (struct anod_value){ .type = ANOD_INT, .u.i = INT64_MIN };
	json_value(&j, NULL, &v);
	v = (struct anod_value){ .type = ANOD_REAL, .u.r = 0.05 };
	json_value(&j, NULL, &v);
	v = (struct anod_value){ .type = ANOD_PREFIX, .u.prefix = { AF_INET, 8, { 0 }, { 10 } } };
	json_value(&j, NULL, &v);
	v.u.prefix.len = 32;
	json_value(&j, NULL, &v);
	v = (struct anod_value){ .type = ANOD_BOOL, .u.i = 1 };
	json_value(&j, NULL, &v);
	v = (struct anod_value){ 0 };
	json_value(&j, NULL, &v);
	json_number(&j, NULL, 0. / 0.);
	json_close(&j, ']');
	cr_expect(eq(
		str, buf,
		"[{\"outside\":\"drop \\\"all\\\"\\\\ routes?\"},\"drop \\\"all\\\"\\\\ routes?\","
		"-9223372036854775808,0.05,\"10.0.0.0/8\",\"10.0.0.0\",true,null,null]"));
}

Test(json_out, what_does_not_fit_is_left_out_whole)
{
	for (size_t size = 3; size < 60; size++) {
		struct json_out j, mark;
		cJSON *x;

		json_init(&j, buf, size - 1);
		json_open(&j, NULL, '[');
		for (int i = 0; i < 10; i++) {
			mark = json_mark(&j);
			json_open(&j, NULL, '{');
			json_number(&j, "n", i);
			json_close(&j, '}');
			(void) json_fits(&j, &mark);
		}
		j.size = size;
		json_close(&j, ']');
		cr_assert(lt(sz, strlen(buf), size));
		x = cJSON_ParseWithOpts(buf, NULL, true);
		cr_assert(x != NULL, "%zu: %s", size, buf);
		cJSON_Delete(x);
	}
}

Test(json_out, clean_repairs_text_that_was_cut)
{
	char cut[] = "caf\xc3", bad[] = "a\x1b[31m\xff\xe2\x82\xac";

	json_clean(cut);
	json_clean(bad);
	cr_expect(eq(str, cut, "caf?"));
	cr_expect(eq(str, bad, "a?[31m?\xe2\x82\xac"));
}
