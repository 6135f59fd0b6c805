/*
 * openai - the dialect of OpenAI's chat completions.
 *
 * Design.  OpenAI's own service and what speaks like it: llama.cpp's server, vLLM, Ollama, LM
 * Studio and most gateways.  Only members that all of them know are sent: max_tokens (not the
 * newer max_completion_tokens), a strict response_format or llama.cpp's grammar, and logprobs,
 * from which alone a confidence is taken.  Temperature 0, because an operator asks twice to hear
 * the same twice.
 */
#include "openai.h"

#include <stdlib.h>

#include <cjson/cJSON.h>

static void add_message(cJSON *list, const char *role, const char *content)
{
	cJSON *m = cJSON_CreateObject();

	(void) cJSON_AddStringToObject(m, "role", role);
	(void) cJSON_AddStringToObject(m, "content", content);
	(void) cJSON_AddItemToArray(list, m);
}

static void add_format(cJSON *o, const char *schema)
{
	cJSON *format = cJSON_AddObjectToObject(o, "response_format"), *inner;

	(void) cJSON_AddStringToObject(format, "type", "json_schema");
	inner = cJSON_AddObjectToObject(format, "json_schema");
	(void) cJSON_AddStringToObject(inner, "name", "answer");
	(void) cJSON_AddTrueToObject(inner, "strict");
	(void) cJSON_AddRawToObject(inner, "schema", schema);
}

static char *openai_encode(const struct anod_chat *c)
{
	cJSON *o = cJSON_CreateObject(), *messages;
	char *text;

	(void) cJSON_AddStringToObject(o, "model", c->model);
	messages = cJSON_AddArrayToObject(o, "messages");
	add_message(messages, "system", c->system);
	add_message(messages, "user", c->user);
	(void) cJSON_AddNumberToObject(o, "max_tokens", c->max_tokens);
	(void) cJSON_AddNumberToObject(o, "temperature", 0);
	(void) cJSON_AddFalseToObject(o, "stream");
	(void) cJSON_AddTrueToObject(o, "logprobs");
	if (c->grammar)
		(void) cJSON_AddStringToObject(o, "grammar", c->grammar);
	else if (c->schema)
		add_format(o, c->schema);

	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return text;
}

static const struct anod_dialect dialect = {
	.name = "openai",
	.path = "/chat/completions",
	.auth_header = "Authorization: Bearer %s",
	.encode = openai_encode,
	.decode = openai_decode,
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_MODEL,
	.name = "openai",
	.version = ANOD_VERSION,
	.summary = "models behind OpenAI-compatible chat completions (llama.cpp, vLLM, OpenAI)",
	.dialect = &dialect,
};
