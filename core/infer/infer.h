/*
 * infer - all HTTP to models, in a process of its own.
 *
 * The host sends a question as JSON text (so that this side is the only one that parses foreign
 * JSON), the process answers with one struct of fixed size that holds a checked action or an
 * error.  It is started on demand and ended after INFER_IDLE_US without work, because libcurl
 * costs more memory than the rest of anod together.
 *
 * Built as a shared object (anod-infer.so) that "anod infer FD" loads, and "anod run --single"
 * too, so that nothing else links libcurl.
 *
 * The question (host -> infer), type INFER_ASK, body JSON:
 *   {"endpoints":[{"name","provider","url","model","key_file","timeout_ms","large","grammar"}...]
 *      in the order to be asked; key_file, timeout_ms, large and grammar may be left out.
 *      grammar true: the server takes GBNF (llama.cpp), which is then sent instead of a schema,
 *      because a small model loops on the white space that a schema lets through
 *    "system": what the task is, of the host, "" or left out: the usual triage
 *    "user": the evidence as JSON text; it is framed here, see evidence_frame()
 *    "actions":["link.set"...] kinds that the answer may use, of the table given to infer_open()
 *    "links":[names that a TEXT with entity "link" may be]
 *    "timeout_ms","max_tokens"
 *    "sure": 0..1, or left out: an answer whose confidence is known and below it is kept, while
 *      the next endpoint with "large" is asked; the first answer counts if that one fails}
 * 'id' names the question.  INFER_CANCEL drops one, without an answer.  INFER_ANSWER is one
 * struct infer_answer.  Every question that is not cancelled gets exactly one answer, inside its
 * timeout.  A question that crosses with the end of an idle process has none: the host sees the
 * channel close, starts the process again and asks again.
 */
#ifndef INFER_INFER_H
#define INFER_INFER_H

#include <anod/plugin.h>

#include "base/chan.h"

#define INFER_IDLE_US	(60 * UINT64_C(1000000))
#define INFER_OPEN_MAX	512
#define INFER_BODY_MAX	(128u << 10) /* bytes of an HTTP answer; more is refused */
#define INFER_INPUT_MAX (16u << 10)

enum infer_type { INFER_ASK = 64, INFER_CANCEL, INFER_ANSWER };

struct infer_answer {
	struct chan_head head;
	int32_t error; /* 0, -ETIMEDOUT, -EBADMSG, -ECONNREFUSED, -EACCES (key) ... */
	uint32_t has_action;
	uint32_t tokens_in, tokens_out;
	uint32_t tries;
	uint32_t cut; /* the answer was cut by the token limit */
	uint64_t took_us;
	double confidence; /* < 0: not known */
	char endpoint[ANOD_NAME_SIZE];
	char model[ANOD_NAME_SIZE];
	char why[256];		    /* when error; the server's words are cleaned */
	char cause[ANOD_NAME_SIZE]; /* bounded, cleaned; from outside */
	char summary[ANOD_REASON_SIZE];
	struct anod_action action;
};

/* JSON schema of an answer that may use these kinds (NULL-ended descriptions):
 * {"cause","summary","action":null|{"kind":enum,"args":{...}}}; and the same as GBNF without
 * white space.  The schema keeps to what every server takes: each member required, null for an
 * argument that is not given, no bounds (they are in the descriptions; answer_check() enforces
 * them).  'links' as in answer_check().  malloc()ed text; NULL: no memory.  Pure. */
char *answer_schema_json(const struct anod_action_desc *const *actions, const char *const *links);
char *answer_grammar(const struct anod_action_desc *const *actions, const char *const *links);

/* Strictly check an answer's text: one JSON object, no other keys, types, ranges, enums, sizes,
 * no duplicate keys; a link must be one of 'links' (NULL-ended; NULL: none).  Arguments come out
 * in the order of the description; null counts as not given.  0 and cause, summary, has_action
 * and action of *ret, or -EBADMSG and ret->why with these members empty.  Pure; fuzzed. */
int answer_check(const char *text, size_t size, const struct anod_action_desc *const *actions,
		 const char *const *links, struct infer_answer *ret);

/* Frame evidence as data: {"data":...} with every text that is not one plain word, or that the
 * caller has wrapped himself, as {"outside":"..."}: cleaned, escaped and cut.  At most
 * INFER_INPUT_MAX bytes; what did not fit is left out and "truncated":true says so.  Text that is
 * not JSON becomes one outside text.  malloc()ed; NULL: no memory.  Pure; fuzzed. */
char *evidence_frame(const char *input_json);

/* Serve 'fd' (taken over in any case) on 'loop'.  The tables are NULL-ended and borrowed. */
struct infer;
int infer_open(sd_event *loop, int fd, const struct anod_dialect *const *dialects,
	       const struct anod_action_desc *const *actions, struct infer **ret);
struct infer *infer_free(struct infer *i); /* drops what is open, without answers */
DEFINE_CLEANUP(struct infer *, infer_free);

/* Called once when the host is gone (0 or -errno); 'i' may be freed from inside. */
typedef void infer_gone_fn(void *data, int error);
void infer_on_gone(struct infer *i, infer_gone_fn *gone, void *data);

unsigned infer_n_open(const struct infer *i);
uint64_t infer_last_us(const struct infer *i); /* CLOCK_BOOTTIME of the last question or answer */

/*
 * What anod-infer.so exports, and nothing else.
 *
 * anod_infer_main(): the process "anod infer FD": an own loop until the host closes the channel or
 * nothing was asked for INFER_IDLE_US.  'max_priority' as in log_open().  0 or -errno.
 * anod_infer_open(): the same inside 'loop' ("anod run --single"), without the idle end; it goes
 * with the channel or with the loop's exit.
 */
int anod_infer_main(int fd, const struct anod_dialect *const *dialects,
		    const struct anod_action_desc *const *actions, int max_priority);
int anod_infer_open(sd_event *loop, int fd, const struct anod_dialect *const *dialects,
		    const struct anod_action_desc *const *actions);

#endif
