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
 *   {"endpoints":[{"name","provider","url","model","key_file","timeout_ms","large"}...] in the
 *    order to be asked, "system","user","actions":[action schemas, see action_schema_json()],
 *    "timeout_ms","max_tokens","links":[names that a TEXT with entity "link" may be]}
 * 'id' names the question.  INFER_CANCEL drops one.
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

struct cJSON;
/* JSON schema of an answer that may use these kinds (NULL-ended descriptions):
 * {"cause","summary","action":{"kind":enum|null, "args":{...}}}; and the same as GBNF without
 * white space.  malloc()ed text; NULL: no memory.  Pure. */
char *answer_schema_json(const struct anod_action_desc *const *actions, const char *const *links);
char *answer_grammar(const struct anod_action_desc *const *actions, const char *const *links);

/* Strictly check an answer's text: one JSON object, no other keys, types, ranges, enums, sizes,
 * no duplicate keys; a link must be one of 'links'.  0 and the checked members of *ret, or
 * -EBADMSG and ret->why.  Pure; fuzzed. */
int answer_check(const char *text, size_t size, const struct anod_action_desc *const *actions,
		 const char *const *links, struct infer_answer *ret);

/* Frame evidence as data: JSON with every outside text in {"outside": "..."}; bounded. */
char *evidence_frame(const char *input_json);

struct infer;
int infer_open(sd_event *loop, int fd, const struct anod_dialect *const *dialects,
	       const struct anod_action_desc *const *actions, struct infer **ret);
struct infer *infer_free(struct infer *i);

#endif
