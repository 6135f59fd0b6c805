/*
 * decode - an answer of chat completions, or the server's words about a failure.
 *
 * Design.  The envelope comes from outside and is only looked into for the members that are used;
 * the text in it is checked by the host.  Servers phrase errors in several forms ("error" as an
 * object or as a text, "message", "detail"); what is found is cut and made printable.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "openai.h"

#define TOKENS_MAX 1e9

static int say(struct anod_chat_reply *ret, const char *words)
{
	size_t n = 0;

	/* cppcheck-suppress arrayIndexThenCheck; two arrays */
	for (; words[n] && n < sizeof(ret->why) - 1; n++)
		ret->why[n] = words[n] >= ' ' && words[n] <= '~' ? words[n] : '?';
	ret->why[n] = '\0';
	return -EBADMSG;
}

static const char *text_of(const cJSON *o, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
}

static const char *error_words(const cJSON *root)
{
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");
	const char *found = text_of(error, "message");

	if (!found)
		found = cJSON_GetStringValue(error);
	if (!found)
		found = text_of(root, "message");
	if (!found)
		found = text_of(root, "detail");
	return found ? found : "the server gives no reason";
}

static uint32_t tokens_of(const cJSON *usage, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(usage, name);

	return cJSON_IsNumber(v) && v->valuedouble > 0 && v->valuedouble < TOKENS_MAX
		       ? (uint32_t) v->valuedouble
		       : 0;
}

static int take_choice(const cJSON *root, struct anod_chat_reply *ret)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "choices");
	const cJSON *choice = cJSON_GetArrayItem(list, 0);
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(choice, "message");
	const cJSON *usage = cJSON_GetObjectItemCaseSensitive(root, "usage");
	const cJSON *logprobs = cJSON_GetObjectItemCaseSensitive(choice, "logprobs");
	const char *content = text_of(message, "content"), *reason;

	ret->tokens_in = tokens_of(usage, "prompt_tokens");
	ret->tokens_out = tokens_of(usage, "completion_tokens");
	reason = text_of(choice, "finish_reason");
	ret->cut = reason && strcmp(reason, "length") == 0;
	if (!content)
		return say(ret, text_of(message, "refusal") ? "the model refused to answer"
							    : "the answer has no message content");

	ret->text = strdup(content);
	if (!ret->text)
		return -ENOMEM;
	ret->confidence =
		openai_confidence(content, cJSON_GetObjectItemCaseSensitive(logprobs, "content"));
	return 0;
}

int openai_decode(const char *body, size_t size, long http_status, struct anod_chat_reply *ret)
{
	cJSON *root = cJSON_ParseWithLength(body, size);
	int r;

	ret->confidence = -1;
	if (http_status < 200 || http_status >= 300)
		r = say(ret, error_words(root));
	else if (!cJSON_IsObject(root))
		r = say(ret, "the answer is not JSON: is this the url of chat completions?");
	else if (cJSON_GetObjectItemCaseSensitive(root, "error"))
		r = say(ret, error_words(root));
	else
		r = take_choice(root, ret);
	cJSON_Delete(root);
	return r;
}
