/*
 * openai - parts of the dialect of OpenAI's chat completions.
 */
#ifndef OPENAI_OPENAI_H
#define OPENAI_OPENAI_H

#include <anod/plugin.h>

struct cJSON;

/* See struct anod_dialect. */
int openai_decode(const char *body, size_t size, long http_status, struct anod_chat_reply *ret);

/* The geometric mean of the probabilities of those tokens of 'text' (JSON) that lie in its
 * values; punctuation and keys are given by the schema and say nothing.  'tokens' is the array
 * logprobs.content.  Negative: not known (no list, or it is not a list of this text). */
double openai_confidence(const char *text, const struct cJSON *tokens);

#endif
