#include "infer/infer.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "infer/answer.h"
#include "infer_actions.h"

static struct infer_answer a;

static int check(const char *text)
{
	return answer_check(text, strlen(text), test_actions, test_links, &a);
}

static int check_action(const char *action)
{
	char text[1024];

	snprintf(text, sizeof(text), "{\"cause\":\"c\",\"summary\":\"s\",\"action\":%s}", action);
	return check(text);
}

Test(answer, takes_a_diagnosis_without_an_action)
{
	cr_assert(eq(int,
		     check("{\"action\":null,\"summary\":\"The fibre is dirty.\","
			   "\"cause\":\"dirty-fibre\"}"),
		     0),
		  "%s", a.why);
	cr_expect(eq(str, a.cause, "dirty-fibre"));
	cr_expect(eq(str, a.summary, "The fibre is dirty."));
	cr_expect(eq(u32, a.has_action, 0));
}

Test(answer, takes_an_action_and_orders_its_arguments)
{
	cr_assert(eq(int,
		     check_action("{\"args\":{\"mtu\":1400,\"admin\":null,\"dev\":\"wan1\"},"
				  "\"kind\":\"link.set\"}"),
		     0),
		  "%s", a.why);
	cr_expect(eq(u32, a.has_action, 1));
	cr_expect(eq(u32, a.action.size, sizeof(a.action)));
	cr_expect(eq(str, a.action.kind, "link.set"));
	cr_assert(eq(u32, a.action.n_args, 2));
	cr_expect(eq(str, a.action.arg[0].name, "dev"));
	cr_expect(eq(str, a.action.arg[0].value.u.text, "wan1"));
	cr_expect(eq(str, a.action.arg[1].name, "mtu"));
	cr_expect(eq(i64, a.action.arg[1].value.u.i, 1400));
	cr_expect(eq(int, a.action.arg[1].value.unit, ANOD_UNIT_BYTES));

	cr_assert(eq(int, check_action("{\"kind\":\"test.shape\",\"args\":{}}"), 0), "%s", a.why);
	cr_expect(eq(u32, a.action.n_args, 0));
	cr_assert(eq(int,
		     check_action("{\"kind\":\"route.metric\",\"args\":{\"dst\":\"0.0.0.0/0\","
				  "\"metric\":100,\"to\":2e2}}"),
		     0),
		  "%s", a.why);
	cr_expect(eq(i64, a.action.arg[2].value.u.i, 200));
	cr_expect(eq(int, a.action.arg[0].value.type, ANOD_PREFIX));
}

Test(answer, refuses_what_is_not_the_shape)
{
	static const char *const bad[] = {
		"",
		"null",
		"[]",
		"{}",
		"\"down wan0\"",
		"Sure! {\"cause\":\"c\"}",
		"{\"cause\":\"c\",\"summary\":\"s\"}",
		"{\"cause\":1,\"summary\":\"s\",\"action\":null}",
		"{\"cause\":\"c\",\"summary\":null,\"action\":null}",
		"{\"cause\":\"c\",\"summary\":\"s\",\"action\":null,\"confidence\":1}",
		"{\"cause\":\"c\",\"cause\":\"d\",\"summary\":\"s\",\"action\":null}",
		"{\"cause\":\"c\",\"Summary\":\"s\",\"action\":null}",
		"{\"cause\":\"c\",\"summary\":\"s\",\"action\":null}}",
		"{\"cause\":\"c\",\"summary\":\"s\",\"action\":null} trailing",
		"{\"cause\":\"a\\u0000b\",\"summary\":\"s\",\"action\":null}",
		"{\"cause\":\"c\",\"summary\":\"two\\nlines\",\"action\":null}",
		"{\"cause\":\"c\",\"summary\":\"s\",\"action\":\"link.set\"}",
		"{\"cause\":\"c\",\"summary\":\"s\",\"action\":[]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cr_expect(eq(int, check(bad[i]), -EBADMSG), "%s", bad[i]);
		cr_expect(gt(sz, strlen(a.why), 10), "%s", bad[i]);
		cr_expect(eq(str, a.cause, ""));
		cr_expect(eq(u32, a.has_action, 0));
	}
}

Test(answer, refuses_actions_outside_their_description)
{
	static const char *const bad[] = {
		"{\"kind\":\"link.down\",\"args\":{\"dev\":\"wan0\"}}",
		"{\"kind\":null,\"args\":{}}",
		"{\"kind\":\"link.set\"}",
		"{\"kind\":\"link.set\",\"args\":[]}",
		"{\"kind\":\"link.set\",\"args\":{}}",
		"{\"kind\":\"link.set\",\"args\":{\"dev\":null}}",
		"{\"kind\":\"link.set\",\"args\":{\"dev\":\"eth9\"}}",
		"{\"kind\":\"link.set\",\"args\":{\"dev\":\"WAN0\"}}",
		"{\"kind\":\"link.set\",\"args\":{\"dev\":\"wan0\",\"admin\":\"off\"}}",
		"{\"kind\":\"link.set\",\"args\":{\"dev\":\"wan0\",\"mtu\":67}}",
		"{\"kind\":\"link.set\",\"args\":{\"dev\":\"wan0\",\"mtu\":65536}}",
		"{\"kind\":\"link.set\",\"args\":{\"dev\":\"wan0\",\"mtu\":1500.5}}",
		"{\"kind\":\"link.set\",\"args\":{\"dev\":\"wan0\",\"mtu\":\"1500\"}}",
		"{\"kind\":\"link.set\",\"args\":{\"dev\":\"wan0\",\"mtu\":1e400}}",
		"{\"kind\":\"link.set\",\"args\":{\"dev\":\"wan0\",\"mtu\":9007199254740993}}",
		"{\"kind\":\"link.set\",\"args\":{\"dev\":\"wan0\",\"force\":true}}",
		"{\"kind\":\"link.set\",\"args\":{\"dev\":\"wan0\",\"mtu\":1400,\"mtu\":1500}}",
		"{\"kind\":\"link.set\",\"args\":{\"dev\":\"wan0\"},\"why\":\"x\"}",
		"{\"kind\":\"neigh.replace\",\"args\":{\"dev\":\"wan0\",\"dst\":\"192.0.2.1\","
		"\"lladdr\":\"; rm -rf /\"}}",
		"{\"kind\":\"neigh.replace\",\"args\":{\"dev\":\"wan0\",\"dst\":\"host\","
		"\"lladdr\":\"02:00:00:00:00:01\"}}",
		"{\"kind\":\"route.metric\",\"args\":{\"dst\":\"192.0.2.1/"
		"24\",\"metric\":1,\"to\":2}}",
		"{\"kind\":\"test.shape\",\"args\":{\"on\":1}}",
		"{\"kind\":\"test.shape\",\"args\":{\"share\":\"0.5\"}}",
		"{\"kind\":\"test.shape\",\"args\":{\"share\":1e999}}",
		"{\"kind\":\"test.shape\",\"args\":{\"delay\":-6}}",
	};

	static const char named[] = "{\"cause\":\"c\",\"summary\":\"s\",\"action\":{\"kind\":"
				    "\"link.set\",\"args\":{\"dev\":\"wan0\"}}}";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cr_expect(eq(int, check_action(bad[i]), -EBADMSG), "%s", bad[i]);
		cr_expect(eq(u32, a.action.n_args, 0));
	}
	cr_expect(eq(int, answer_check(named, strlen(named), test_actions, NULL, &a), -EBADMSG),
		  "no link may be named");
}

Test(answer, refuses_what_is_too_long)
{
	static char big[ANSWER_TEXT_MAX + 200];
	char cause[ANOD_NAME_SIZE + 1], text[512];

	memset(cause, 'c', sizeof(cause));
	cause[ANOD_NAME_SIZE] = '\0';
	snprintf(text, sizeof(text), "{\"cause\":\"%s\",\"summary\":\"s\",\"action\":null}", cause);
	cr_expect(eq(int, check(text), -EBADMSG));
	snprintf(text, sizeof(text), "{\"cause\":\"%s\",\"summary\":\"s\",\"action\":null}",
		 cause + 1);
	cr_expect(eq(int, check(text), 0), "%s", a.why);

	memset(big, ' ', sizeof(big) - 1);
	memcpy(big, "{\"cause\":\"c\",\"summary\":\"s\",\"action\":null}", 41);
	cr_expect(eq(int, check(big), -EBADMSG));
}

Test(answer, cleans_the_models_words_in_its_own_sentence)
{
	cr_assert(eq(int, check("{\"\xc3\xa4 very long key that somebody outside has chosen\":1}"),
		     -EBADMSG));
	cr_expect(lt(sz, strlen(a.why), 120));
}

Test(answer, tells_the_valid_files_of_the_corpus_from_the_others)
{
	static const char folder[] = SOURCE_DIR "/tests/fuzz/corpus/answer";
	DIR *d = opendir(folder);
	unsigned valid = 0, other = 0;
	struct dirent *e;

	cr_assert(eq(int, d != NULL, 1));
	while ((e = readdir(d))) {
		static char text[65536], path[512];
		size_t n;
		FILE *f;
		int want;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		f = fopen(path, "rb");
		cr_assert(eq(int, f != NULL, 1));
		n = fread(text, 1, sizeof(text), f);
		fclose(f);
		want = strncmp(e->d_name, "valid-", 6) == 0 ? 0 : -EBADMSG;
		cr_expect(eq(int, answer_check(text, n, test_actions, test_links, &a), want),
			  "%s: %s", e->d_name, a.why);
		*(want ? &other : &valid) += 1;
	}
	closedir(d);
	cr_expect(ge(uint, valid, 8));
	cr_expect(ge(uint, other, 25));
}
