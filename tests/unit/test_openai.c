#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <anod/plugin.h>

static const struct anod_dialect *d;

static void load(void)
{
	void *lib = dlopen(BUILD_DIR "/plugins/openai.so", RTLD_NOW | RTLD_LOCAL);
	const struct anod_plugin *p = lib ? dlsym(lib, "anod_plugin_v1") : NULL;

	cr_assert(eq(int, p != NULL, 1), "%s", lib ? "no anod_plugin_v1" : dlerror());
	cr_assert(eq(u32, p->roles, ANOD_MODEL));
	d = p->dialect;
}

TestSuite(openai, .init = load);

static struct anod_chat_reply reply;

static int decode(const char *body, long status)
{
	reply = (struct anod_chat_reply){ .size = sizeof(reply) };
	return d->decode(body, strlen(body), status, &reply);
}

Test(openai, encodes_schema_or_grammar)
{
	struct anod_chat c = { .size = sizeof(c),
			       .max_tokens = 9,
			       .model = "m\"x",
			       .system = "s",
			       .user = "{\"data\":1}",
			       .schema = "{\"type\":\"object\"}" };
	char *text = d->encode(&c);
	cJSON *o = cJSON_Parse(text);

	cr_assert(eq(int, cJSON_IsObject(o), 1), "%s", text);
	cr_expect(eq(int, strcmp(cJSON_GetObjectItem(o, "model")->valuestring, "m\"x"), 0));
	cr_expect(eq(int, strstr(text, "\"schema\":{\"type\":\"object\"}") != NULL, 1));
	cr_expect(eq(int, strstr(text, "\"strict\":true") != NULL, 1));
	cr_expect(eq(int, cJSON_GetArraySize(cJSON_GetObjectItem(o, "messages")), 2));
	cJSON_Delete(o);
	free(text);

	c.grammar = "root ::= \"x\"";
	text = d->encode(&c);
	cr_expect(eq(int, strstr(text, "\"grammar\":\"root ::= \\\"x\\\"\"") != NULL, 1));
	cr_expect(eq(int, strstr(text, "response_format") == NULL, 1));
	free(text);
}

Test(openai, decodes_an_answer)
{
	cr_assert(eq(int,
		     decode("{\"choices\":[{\"message\":{\"content\":\"{}\"},\"finish_reason\":"
			    "\"length\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":"
			    "-1}}",
			    200),
		     0));
	cr_expect(eq(int, strcmp(reply.text, "{}"), 0));
	cr_expect(eq(u32, reply.cut, 1));
	cr_expect(eq(u32, reply.tokens_in, 5));
	cr_expect(eq(u32, reply.tokens_out, 0));
	cr_expect(lt(dbl, reply.confidence, 0));
	free(reply.text);
}

Test(openai, repeats_the_servers_words_on_failure)
{
	static const struct {
		const char *body;
		long status;
		const char *why;
	} bad[] = {
		{ "{\"error\":{\"message\":\"no such model\"}}", 404, "no such model" },
		{ "{\"error\":\"busy\"}", 503, "busy" },
		{ "{\"detail\":\"x\\ny\"}", 422, "x?y" },
		{ "<html>", 502, "gives no reason" },
		{ "", 200, "not JSON" },
		{ "[]", 200, "not JSON" },
		{ "{\"error\":{\"message\":\"late\"}}", 200, "late" },
		{ "{}", 200, "no message content" },
		{ "{\"choices\":[]}", 200, "no message content" },
		{ "{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"no\"}}]}", 200,
		  "refused" },
		{ "{\"choices\":[{\"message\":{\"content\":7}}]}", 200, "no message content" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect(eq(int, decode(bad[i].body, bad[i].status), -EBADMSG), "%s", bad[i].body);
		cr_expect(eq(int, strstr(reply.why, bad[i].why) != NULL, 1), "%s: %s", bad[i].body,
			  reply.why);
		cr_expect(eq(int, reply.text == NULL, 1));
	}
}

/* Confidence of the answer {"cause":"ab","n":[1,true]} whose tokens are given. */
static double confidence(const char *tokens)
{
	char body[2048];

	snprintf(body, sizeof(body),
		 "{\"choices\":[{\"message\":{\"content\":\"{\\\"cause\\\":\\\"ab\\\",\\\"n\\\":[1,"
		 "true]}\"},\"logprobs\":{\"content\":%s}}]}",
		 tokens);
	cr_assert(eq(int, decode(body, 200), 0), "%s", reply.why);
	free(reply.text);
	return reply.confidence;
}

#define HEAD "[{\"token\":\"{\\\"cause\\\":\\\"\",\"logprob\":-40},"
#define TAIL                                                                                       \
	"{\"token\":\"\\\",\\\"n\\\":[\",\"logprob\":-40},{\"token\":\"1\",\"logprob\":-1},"       \
	"{\"token\":\",\",\"logprob\":-40},{\"token\":\"true\",\"logprob\":-3},{\"token\":\"]}\"," \
	"\"logprob\":-40},{\"token\":\"<end>\",\"logprob\":-40}]"

Test(openai, takes_confidence_from_the_tokens_of_values_only)
{
	cr_expect(epsilon_eq(dbl, confidence(HEAD "{\"token\":\"ab\",\"logprob\":-2}," TAIL),
			     exp(-2), 1e-9));
	cr_expect(epsilon_eq(dbl,
			     confidence(HEAD "{\"token\":\"a\",\"logprob\":-2},{\"token\":"
					     "\"?\",\"bytes\":[98],\"logprob\":-2}," TAIL),
			     exp(-2), 1e-9),
		  "bytes count, not the text of a token");
	cr_expect(epsilon_eq(dbl, confidence(HEAD "{\"token\":\"ab\",\"logprob\":null}," TAIL),
			     exp(-54 / 3.0), 1e-12));
	cr_expect(epsilon_eq(dbl, confidence(HEAD "{\"token\":\"ab\",\"logprob\":7}," TAIL),
			     exp(-4 / 3.0), 1e-9),
		  "no probability is above 1");
	cr_expect(lt(dbl, confidence(HEAD "{\"token\":\"zz\",\"logprob\":0}," TAIL), 0),
		  "tokens of another text");
	cr_expect(lt(dbl, confidence("[{\"token\":\"{\",\"logprob\":0}]"), 0), "not all of it");
	cr_expect(lt(dbl, confidence("[]"), 0));
	cr_expect(lt(dbl, confidence("{}"), 0));
	cr_expect(lt(dbl, confidence("[null,1,\"x\",{\"token\":3}]"), 0));
}
