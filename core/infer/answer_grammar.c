/*
 * answer_grammar - what a model may answer, as GBNF without white space.
 *
 * Design.  A small model that may write white space writes white space until its tokens are used
 * up (seen with Gemma 3 270M and llama.cpp's json_schema: tabs to the limit, finish_reason
 * "length").  So the grammar has one spelling for everything: no space, members in the order of
 * the description, required arguments first, bounded lengths.  What it lets through is still
 * checked: it knows no ranges.
 */
#include <string.h>

#include "infer/answer.h"
#include "infer/infer.h"
#include "infer/offer.h"

/* A quoted terminal with 'before' and 'after' around the text. */
static void literal(FILE *f, const char *before, const char *text, const char *after)
{
	const char *const part[] = { before, text, after };

	fputc('"', f);
	for (unsigned i = 0; i < ARRAY_SIZE(part); i++)
		for (const char *c = part[i]; *c; c++) {
			if (*c == '"' || *c == '\\')
				fputc('\\', f);
			fputc(*c, f);
		}
	fputc('"', f);
}

static void words(FILE *f, const char *const *list)
{
	fputc('(', f);
	for (unsigned i = 0; list[i]; i++) {
		if (i > 0)
			fputs(" | ", f);
		literal(f, "\"", list[i], "\"");
	}
	fputc(')', f);
}

static void value(FILE *f, const struct anod_param *p)
{
	switch ((enum anod_type) p->type) {
	case ANOD_BOOL:
		fputs("(\"true\" | \"false\")", f);
		break;
	case ANOD_INT:
		fputs(p->min >= 0 && p->max > 0 ? "count" : "int", f);
		break;
	case ANOD_REAL:
		fputs("real", f);
		break;
	case ANOD_TEXT:
		if (param_is_link(p))
			fputs("link", f);
		else if (p->words)
			words(f, p->words);
		else
			fputs("word", f);
		break;
	case ANOD_PREFIX:
		fputs("prefix", f);
		break;
	case ANOD_UNKNOWN:
		fputs("\"null\"", f);
		break;
	}
}

static void member(FILE *f, const struct anod_param *p, const char *comma)
{
	literal(f, comma, "\"", p->name);
	fputc(' ', f);
	literal(f, "\"", ":", "");
	fputc(' ', f);
	value(f, p);
	fputc(' ', f);
}

/* The optional parameters from 'p' on, each may be left out. */
static void optional(FILE *f, const struct anod_param *p, const char *const *links)
{
	for (; p->name; p++) {
		if (p->required || !param_offered(p, links))
			continue;
		fputc('(', f);
		member(f, p, ",");
		fputs(")? ", f);
	}
}

/* args-N ::= "{" members "}".  Without a required one, any optional one may be the first. */
static void args(FILE *f, const struct anod_action_desc *d, unsigned n, const char *const *links)
{
	bool first = true;

	fprintf(f, "args-%u ::= \"{\" ", n);
	for (const struct anod_param *p = d->params; p->name; p++)
		if (p->required) {
			member(f, p, first ? "" : ",");
			first = false;
		}
	if (!first)
		optional(f, d->params, links);
	else {
		fputs("(\"\"", f);
		for (const struct anod_param *p = d->params; p->name; p++)
			if (param_offered(p, links)) {
				fputs(" | ", f);
				member(f, p, "");
				optional(f, p + 1, links);
			}
		fputs(") ", f);
	}
	fputs("\"}\"\n", f);
}

static void actions_rule(FILE *f, const struct anod_action_desc *const *actions,
			 const char *const *links)
{
	unsigned n = 0;

	fputs("action ::= \"null\"", f);
	for (unsigned i = 0; actions && actions[i]; i++)
		if (action_offered(actions[i], links)) {
			fputs(" | ", f);
			literal(f, "{\"kind\":\"", actions[i]->kind, "\",\"args\":");
			fprintf(f, " args-%u \"}\"", n++);
		}
	fputc('\n', f);

	n = 0;
	for (unsigned i = 0; actions && actions[i]; i++)
		if (action_offered(actions[i], links))
			args(f, actions[i], n++, links);
}

char *answer_grammar(const struct anod_action_desc *const *actions, const char *const *links)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;

	fputs("root ::= \"{\\\"cause\\\":\" cause \",\\\"summary\\\":\" summary "
	      "\",\\\"action\\\":\" action \"}\"\n"
	      "cause ::= \"\\\"\" [a-z] [a-z0-9-]{1,58} \"\\\"\"\n"
	      "summary ::= \"\\\"\" [ !#-[\\]-~]{1,150} \"\\\"\"\n"
	      "word ::= \"\\\"\" [A-Za-z0-9._:/%@+-]{1,55} \"\\\"\"\n"
	      "prefix ::= \"\\\"\" [0-9a-f:./]{2,43} \"\\\"\"\n"
	      "count ::= \"0\" | [1-9] [0-9]{0,14}\n"
	      "int ::= \"-\"? count\n"
	      "real ::= int (\".\" [0-9]{1,6})?\n",
	      f);
	if (list_size(links) > 0) {
		fputs("link ::= ", f);
		words(f, links);
		fputc('\n', f);
	}
	actions_rule(f, actions, links);

	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
