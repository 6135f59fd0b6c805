#include "infer/call.h"

#include <errno.h>

#include "infer_harness.h"

TestSuite(call, .init = harness_open, .fini = harness_close);

Test(call, returns_a_checked_action)
{
	const struct infer_answer *a = harness_answer("good", "", ",\"timeout_ms\":60000");

	cr_assert(eq(int, a->error, 0), "%s", a->why);
	cr_expect(eq(int, strcmp(a->endpoint, "good"), 0));
	cr_expect(eq(int, strcmp(a->model, "m"), 0));
	cr_expect(eq(int, strcmp(a->cause, "dirty-fibre"), 0));
	cr_expect(eq(u32, a->has_action, 1));
	cr_expect(eq(int, strcmp(a->action.arg[0].value.u.text, "wan1"), 0));
	cr_expect(eq(u32, a->tokens_in, 100));
	cr_expect(eq(u32, a->tokens_out, 20));
	cr_expect(eq(u32, a->tries, 1));
	cr_expect(gt(u64, a->took_us, 0));
	cr_expect(lt(dbl, a->confidence, 0), "the server gave no probabilities");
	cr_expect(eq(int, strstr(h.seen, "\"response_format\"") != NULL, 1));
	cr_expect(eq(int, strstr(h.seen, "Authorization") == NULL, 1));

	(void) harness_answer("good", ",\"grammar\":true", ",\"timeout_ms\":60000");
	cr_expect(eq(int, strstr(h.seen, "\"grammar\":\"root ::= ") != NULL, 1));
	cr_expect(eq(int, strstr(h.seen, "\"response_format\"") == NULL, 1));
}

/* Each ends inside its deadline (that is what harness_wait() waits for), with its reason. */
Test(call, survives_every_bad_endpoint)
{
	static const struct {
		const char *word;
		int error;
		const char *why;
	} bad[] = {
		{ "lie", -EBADMSG, "not strict JSON" },
		{ "html", -EBADMSG, "is not JSON" },
		{ "empty", -EBADMSG, "is not JSON" },
		{ "redirect", -EREMOTEIO, "redirects are not followed" },
		{ "closed", -EACCES, "HTTP 401: bad?[31m key" },
		{ "later", -EBUSY, "asks to wait 3600 s: loading model" },
		{ "huge", -EMSGSIZE, "larger than 128 KiB" },
		{ "hang", -ETIMEDOUT, "deadline" },
		{ "drip", -ETIMEDOUT, "deadline" },
		{ "hangup", -ECONNRESET, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t before = clock_boot_us();
		const struct infer_answer *a =
			harness_answer(bad[i].word, "", ",\"timeout_ms\":3000");

		cr_expect(eq(int, a->error, bad[i].error), "%s: %s", bad[i].word, a->why);
		cr_expect(eq(int, strstr(a->why, bad[i].why) != NULL, 1), "%s: %s", bad[i].word,
			  a->why);
		cr_expect(eq(u32, a->has_action, 0));
		cr_expect(lt(u64, a->took_us, 20 * US_PER_S), "%s", bad[i].word);
		cr_expect(lt(u64, clock_boot_us() - before, 20 * US_PER_S), "%s", bad[i].word);
	}
}

Test(call, falls_over_to_the_next_endpoint)
{
	const struct infer_answer *a;

	a = harness_answer("closed html redirect lie huge good", "", ",\"timeout_ms\":60000");
	cr_assert(eq(int, a->error, 0), "%s", a->why);
	cr_expect(eq(int, strcmp(a->endpoint, "good"), 0));
	cr_expect(eq(int, *a->why, 0));
	cr_expect(eq(u32, a->tries, 8), "twice where the answer was invalid");

	a = harness_answer("hang good", ",\"timeout_ms\":100", ",\"timeout_ms\":60000");
	cr_expect(eq(int, a->error, 0), "%s", a->why);
	cr_expect(eq(int, strcmp(a->endpoint, "good"), 0));
}

Test(call, asks_again_after_an_invalid_answer)
{
	const struct infer_answer *a = harness_answer("lieonce", "", ",\"timeout_ms\":60000");

	cr_expect(eq(int, a->error, 0), "%s", a->why);
	cr_expect(eq(u32, a->tries, 2));
	cr_expect(eq(int, strstr(h.seen, "An answer before this one was refused") != NULL, 1));
	cr_expect(eq(int, strstr(h.seen, "I shut wan0") == NULL, 1), "its words are not repeated");
}

Test(call, waits_as_the_server_asks)
{
	const struct infer_answer *a = harness_answer("busyonce", "", ",\"timeout_ms\":60000");

	cr_expect(eq(int, a->error, 0), "%s", a->why);
	cr_expect(ge(u64, a->took_us, US_PER_S));
}

Test(call, asks_a_large_model_when_unsure_and_keeps_the_first_answer)
{
	static const char rest[] = ",\"timeout_ms\":60000,\"sure\":0.5";
	const struct infer_answer *a = harness_answer("unsure", "", rest);

	cr_expect(eq(int, a->error, 0), "%s", a->why);
	cr_expect(epsilon_eq(dbl, a->confidence, 0.1, 1e-6));

	a = harness_answer("unsure good", "", rest);
	cr_expect(eq(int, strcmp(a->endpoint, "unsure"), 0), "the next one is not large");
	a = harness_answer("unsure good", ",\"large\":true", rest);
	cr_expect(eq(int, strcmp(a->endpoint, "good"), 0));
	a = harness_answer("unsure closed", ",\"large\":true", rest);
	cr_expect(eq(int, a->error, 0), "%s", a->why);
	cr_expect(eq(int, strcmp(a->endpoint, "unsure"), 0));
	cr_expect(eq(int, strcmp(a->cause, "guess"), 0));
}

Test(call, sends_a_key_and_never_to_the_wrong_place)
{
	char path[] = "/tmp/anod-call-XXXXXX", more[128];
	int fd = mkstemp(path);
	const struct infer_answer *a;

	cr_assert(ge(int, fd, 0));
	cr_assert(eq(int, (int) write(fd, "sk-secret\n", 10), 10));
	close(fd);
	snprintf(more, sizeof(more), ",\"key_file\":\"%s\"", path);
	a = harness_answer("good", more, ",\"timeout_ms\":60000");
	cr_expect(eq(int, a->error, 0), "%s", a->why);
	cr_expect(eq(int, strstr(h.seen, "Authorization: Bearer sk-secret\r\n") != NULL, 1));
	a = harness_answer("closed", more, ",\"timeout_ms\":60000");
	cr_expect(eq(int, strstr(a->why, "sk-secret") == NULL, 1));

	harness_send(
		INFER_ASK, 1,
		"{\"endpoints\":[{\"name\":\"far\",\"provider\":\"openai\",\"model\":\"m\","
		"\"url\":\"http://192.0.2.1/v1\",\"key_file\":\"/etc/shadow\"}],\"user\":\"1\","
		"\"timeout_ms\":60000,\"max_tokens\":9}");
	harness_wait(h.n_answers + 1);
	cr_expect(eq(int, h.last.error, -EACCES));
	cr_expect(eq(int, strstr(h.last.why, "use https") != NULL, 1), "%s", h.last.why);
	cr_expect(eq(u32, h.last.tries, 0));
	(void) unlink(path);
}
