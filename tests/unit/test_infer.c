#include "infer/infer.h"

#include <errno.h>

#include "infer_harness.h"

TestSuite(infer, .init = harness_open, .fini = harness_close);

#define USUAL ",\"timeout_ms\":60000"

Test(infer, answers_many_at_once_over_kept_connections)
{
	for (uint64_t id = 1; id <= 64; id++)
		harness_ask(id, "good", "", USUAL);
	harness_wait(64);
	cr_expect(eq(uint, infer_n_open(h.infer), 0));
	cr_expect(le(uint, h.server.n_peers, 64));

	for (unsigned n = 0; n < 10; n++)
		cr_expect(eq(int, harness_answer("good", "", USUAL)->error, 0));
	cr_expect(le(uint, h.server.n_peers, 64), "the connections are used again");
}

Test(infer, refuses_more_than_its_limit)
{
	for (uint64_t id = 1; id <= INFER_OPEN_MAX + 3; id++)
		harness_ask(id, "hang", "", USUAL);
	harness_wait(3);
	cr_expect(eq(uint, h.n_busy, 3));
	cr_expect(eq(uint, infer_n_open(h.infer), INFER_OPEN_MAX));

	for (uint64_t id = 1; id <= INFER_OPEN_MAX; id++)
		harness_send(INFER_CANCEL, id, "");
	cr_expect(eq(int, harness_answer("good", "", USUAL)->error, 0));
	cr_expect(eq(uint, infer_n_open(h.infer), 0));
}

Test(infer, cancels_without_an_answer)
{
	harness_ask(7, "hang", "", USUAL);
	harness_send(INFER_CANCEL, 7, "");
	harness_send(INFER_CANCEL, 8, "");
	harness_ask(7, "good", "", USUAL);
	harness_wait(1);
	cr_expect(eq(u64, h.last.head.id, 7));
	cr_expect(eq(int, h.last.error, 0));
	cr_expect(eq(uint, h.n_answers, 1));
}

Test(infer, answers_a_broken_question_with_its_reason)
{
	harness_send(INFER_ASK, 1, "{\"endpoints\":[]}");
	harness_wait(1);
	cr_expect(eq(int, h.last.error, -EINVAL));
	cr_expect(eq(int, strstr(h.last.why, "endpoints") != NULL, 1), "%s", h.last.why);
	harness_send(INFER_ASK, 2, "");
	harness_wait(2);
	cr_expect(eq(int, h.last.error, -EINVAL));
}

static unsigned n_gone;

static void on_gone(void *data, int error)
{
	(void) error;
	n_gone++;
	h.infer = infer_free(data);
}

Test(infer, closes_on_a_message_that_is_not_its_own)
{
	infer_on_gone(h.infer, on_gone, h.infer);
	harness_ask(1, "hang", "", USUAL);
	harness_send(99, 2, "");
	harness_wait(1);
	cr_expect(eq(int, h.chan == NULL, 1));
	cr_expect(eq(uint, n_gone, 1));
	cr_expect(eq(uint, h.n_answers, 0));
}

Test(infer, closes_on_an_id_that_is_open)
{
	harness_ask(1, "hang", "", USUAL);
	harness_ask(1, "good", "", USUAL);
	harness_wait(1);
	cr_expect(eq(int, h.chan == NULL, 1));
}

Test(infer, ignores_proxies_of_the_environment)
{
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	cr_expect(eq(int, harness_answer("good", "", USUAL)->error, 0), "%s", h.last.why);
}
