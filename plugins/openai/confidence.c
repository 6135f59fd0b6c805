/*
 * confidence - how sure a model was of its answer, from the probabilities of its tokens.
 *
 * Design.  The number that a model writes about itself is noise; the probabilities of what it
 * chose are not.  A schema or grammar leaves punctuation and keys no choice, and llama.cpp reports
 * the probability before the grammar has cut, so these tokens would only blur the mean.  A first
 * pass marks the bytes of the values, a second walks the tokens over the same bytes.  Tokens that
 * do not spell the text mean that the list is not of this text: then nothing is known.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "openai.h"

#define DEPTH_MAX   32
#define LOGPROB_MIN (-50.0) /* stands for "never" (some servers send -9999 or -inf) */

struct walk {
	bool object[DEPTH_MAX]; /* kind of each open container */
	unsigned depth;
	bool key; /* the next string is a key */
};

/* The end of the string that starts at 'i', behind its closing quote. */
static size_t string_end(const char *text, size_t i)
{
	for (i++; text[i] && text[i] != '"'; i++)
		if (text[i] == '\\' && text[i + 1])
			i++;
	return text[i] ? i + 1 : i;
}

/* Take one structural character; false: it belongs to a value. */
static bool structural(struct walk *w, char c)
{
	switch (c) {
	case '{':
	case '[':
		if (w->depth < DEPTH_MAX)
			w->object[w->depth] = c == '{';
		w->depth++;
		w->key = c == '{';
		return true;
	case '}':
	case ']':
		w->depth -= w->depth > 0;
		w->key = false;
		return true;
	case ',':
		w->key = w->depth > 0 && w->depth <= DEPTH_MAX && w->object[w->depth - 1];
		return true;
	case ':':
		w->key = false;
		return true;
	}
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* mask[i] is 1 where text[i] lies in a value: inside a string that is no key, or in a word or
 * number. */
static void mark_values(const char *text, char *mask)
{
	struct walk w = { .depth = 0 };

	for (size_t i = 0; text[i];) {
		size_t end;

		if (text[i] != '"') {
			mask[i] = !structural(&w, text[i]);
			i++;
			continue;
		}
		end = string_end(text, i);
		if (!w.key && end > i + 2)
			memset(mask + i + 1, 1, end - i - 2);
		i = end;
	}
}

/* How many bytes of 'text' a token spells; 0: an empty token; -1: other bytes.  Where a token
 * ends inside a character only its list of bytes is exact. */
static int token_spells(const cJSON *token, const char *text)
{
	const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(token, "bytes"), *b;
	const char *word = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(token, "token"));
	int n = 0;

	if (cJSON_IsArray(bytes)) {
		cJSON_ArrayForEach(b, bytes)
		{
			if (!text[n] || b->valuedouble != (unsigned char) text[n])
				return -1;
			n++;
		}
		return n;
	}
	if (!word || strncmp(word, text, strlen(word)) != 0)
		return -1;
	return (int) strlen(word);
}

/* Over the tokens until the text is spelled.  False: they do not spell it. */
static bool sum_tokens(const char *text, const char *mask, const cJSON *tokens, double *ret_sum,
		       unsigned *ret_n)
{
	const cJSON *t;
	size_t at = 0;

	cJSON_ArrayForEach(t, tokens)
	{
		const cJSON *p = cJSON_GetObjectItemCaseSensitive(t, "logprob");
		int n;

		if (!text[at])
			break; /* what follows are end marks */
		n = token_spells(t, text + at);
		if (n < 0)
			return false;
		if (memchr(mask + at, 1, (size_t) n)) {
			/* JSON has no -inf, which comes as null. */
			double d = cJSON_IsNumber(p) ? p->valuedouble : LOGPROB_MIN;

			*ret_sum += fmin(0, fmax(LOGPROB_MIN, d));
			(*ret_n)++;
		}
		at += (size_t) n;
	}
	return text[at] == '\0';
}

double openai_confidence(const char *text, const cJSON *tokens)
{
	double sum = 0;
	unsigned n = 0;
	char *mask;
	bool spelled;

	if (!cJSON_IsArray(tokens) || !tokens->child)
		return -1;
	mask = calloc(1, strlen(text) + 1);
	if (!mask)
		return -1;

	mark_values(text, mask);
	spelled = sum_tokens(text, mask, tokens, &sum, &n);
	free(mask);
	return spelled && n > 0 ? exp(sum / n) : -1;
}
