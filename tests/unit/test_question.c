#include "infer/question.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "infer_actions.h"

static char *encode(const struct anod_chat *c)
{
	char *text;

	return asprintf(&text, "%s|%u|%s|%s", c->model, c->max_tokens, c->user,
			c->grammar ? "grammar" : "schema") < 0
		       ? NULL
		       : text;
}

static const struct anod_dialect echo = { .name = "echo", .path = "/e", .encode = encode };
static const struct anod_dialect *const dialects[] = { &echo, NULL };
static char why[256];

static int parse(const char *text, struct question *q)
{
	return question_parse(q, text, strlen(text), dialects, test_actions, why, sizeof(why));
}

#define E                                                                                          \
	"\"endpoints\":[{\"name\":\"a\",\"provider\":\"echo\",\"url\":\"http://"                   \
	"h\",\"model\":\"m\"}]"
#define T ",\"timeout_ms\":1000,\"max_tokens\":50"

Test(question, is_parsed_and_encoded)
{
	struct question q;
	char *body;

	cr_assert(eq(int,
		     parse("{\"endpoints\":[{\"name\":\"a\",\"provider\":\"echo\",\"url\":"
			   "\"http://h\",\"model\":\"m\",\"key_file\":\"\",\"timeout_ms\":20,"
			   "\"grammar\":true},{\"name\":\"b\",\"provider\":\"echo\",\"url\":"
			   "\"https://h\",\"model\":\"n\",\"key_file\":\"/k\",\"large\":true}],"
			   "\"actions\":[\"link.set\"],\"links\":[\"wan0\"],\"sure\":0.5,"
			   "\"user\":\"{\\\"alias\\\":\\\"a b\\\"}\"" T "}",
			   &q),
		     0),
		  "%s", why);
	cr_expect(eq(uint, q.n_endpoints, 2));
	cr_expect(eq(int, q.endpoint[0].key_file == NULL, 1));
	cr_expect(eq(u32, q.endpoint[0].timeout_ms, 20));
	cr_expect(q.endpoint[1].large && !q.endpoint[0].large);
	cr_expect(eq(int, q.action[0] == &test_link_set, 1));
	cr_expect(eq(int, strcmp(q.link[0], "wan0"), 0));
	cr_expect(epsilon_eq(dbl, q.sure, 0.5, 1e-9));
	body = question_encode(&q, 0, false);
	cr_expect(eq(str, body, "m|50|{\"data\":{\"alias\":{\"outside\":\"a b\"}}}|grammar"));
	free(body);
	body = question_encode(&q, 1, true);
	cr_expect(eq(int, strstr(body, "|schema") != NULL, 1));
	free(body);
	question_done(&q);
}

Test(question, is_refused_with_a_reason)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"endpoints\":[]" T ",\"user\":\"\"}",
		"{\"endpoints\":[1]" T ",\"user\":\"\"}",
		"{\"endpoints\":[{\"name\":\"a\",\"provider\":\"other\",\"url\":\"u\",\"model\":"
		"\"m\"}]" T ",\"user\":\"\"}",
		"{" E T "}",
		"{" E T ",\"user\":{}}",
		"{" E ",\"max_tokens\":5,\"user\":\"\"}",
		"{" E ",\"timeout_ms\":0,\"max_tokens\":5,\"user\":\"\"}",
		"{" E T ",\"user\":\"\",\"actions\":[\"rm\"]}",
		"{" E T ",\"user\":\"\",\"actions\":[7]}",
		"{" E T ",\"user\":\"\",\"links\":[\"two words\"]}",
		"{" E T ",\"user\":\"\",\"links\":[\"name-longer-than-15\"]}",
		"{" E T ",\"user\":\"\",\"sure\":2}",
		"{" E T ",\"user\":\"\",\"sure\":\"yes\"}",
	};
	struct question q;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		*why = '\0';
		cr_expect(eq(int, parse(bad[i], &q), -EINVAL), "%s", bad[i]);
		cr_expect(gt(sz, strlen(why), 12), "%s", bad[i]);
		question_done(&q);
	}
}
