/*
 * The grammar is tried by writing sentences with it: a small generator follows GBNF at random,
 * and each sentence must pass answer_check(), which knows nothing of grammars.
 */
#include "infer/infer.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "infer/strict.h"
#include "infer_actions.h"

struct writer {
	const char *grammar;
	unsigned short seed[3];
	char out[4096];
	size_t used;
};

static unsigned pick(struct writer *w, unsigned n)
{
	return (unsigned) nrand48(w->seed) % n;
}

static void emit(struct writer *w, char c)
{
	cr_assert(lt(sz, w->used, sizeof(w->out) - 1));
	w->out[w->used++] = c;
	w->out[w->used] = '\0';
}

/* The end of one item: literal, class, group or name. */
static const char *item_end(const char *p)
{
	char close = *p == '"' ? '"' : *p == '[' ? ']' : *p == '(' ? ')' : '\0';

	if (!close)
		return p + strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789-");
	for (p++; *p && *p != close;) {
		if (close == ')')
			p = *p == '(' || *p == '"' || *p == '[' ? item_end(p) : p + 1;
		else
			p += *p == '\\' ? 2 : 1;
	}
	return p + 1;
}

static void write_class(struct writer *w, const char *p, const char *end)
{
	char set[256];
	unsigned n = 0;

	for (p++; p < end - 1; p++) {
		char from = *p == '\\' ? *++p : *p, to = from;

		if (p[1] == '-' && p + 2 < end - 1) {
			p += 2;
			to = *p == '\\' ? *++p : *p;
		}
		for (int c = from; c <= to; c++)
			set[n++] = (char) c;
	}
	emit(w, set[pick(w, n)]);
}

static void write_expr(struct writer *w, const char *p, const char *end);

static void write_rule(struct writer *w, const char *name, size_t size)
{
	for (const char *l = w->grammar; *l; l = strchr(l, '\n') + 1)
		if (strncmp(l, name, size) == 0 && strncmp(l + size, " ::= ", 5) == 0) {
			write_expr(w, l + size + 5, strchr(l, '\n'));
			return;
		}
	cr_assert(0, "no rule %.*s", (int) size, name);
}

static void write_item(struct writer *w, const char *p, const char *end)
{
	if (*p == '"')
		for (p++; p < end - 1; p++)
			emit(w, *p == '\\' ? *++p : *p);
	else if (*p == '[')
		write_class(w, p, end);
	else if (*p == '(')
		write_expr(w, p + 1, end - 1);
	else
		write_rule(w, p, (size_t) (end - p));
}

static void write_sequence(struct writer *w, const char *p, const char *end)
{
	while (p < end && *p == ' ')
		p++;
	while (p < end) {
		const char *stop = item_end(p);
		unsigned least = 1, most = 1;

		cr_assert(stop > p, "at %s", p);
		if (*stop == '?')
			least = 0;
		else if (*stop == '{')
			cr_assert(sscanf(stop, "{%u,%u}", &least, &most) == 2);
		for (unsigned n = least + pick(w, most - least + 1); n > 0; n--)
			write_item(w, p, stop);
		p = *stop == '{' ? strchr(stop, '}') + 1 : *stop == '?' ? stop + 1 : stop;
		while (p < end && *p == ' ')
			p++;
	}
}

static void write_expr(struct writer *w, const char *p, const char *end)
{
	const char *from[64] = { p }, *to[64];
	unsigned n = 1;

	while (p < end) {
		if (*p == '|') {
			to[n - 1] = p;
			from[n++] = ++p;
		} else
			p = *p == ' ' || *p == '?' ? p + 1
			    : *p == '{'		   ? strchr(p, '}') + 1
						   : item_end(p);
	}
	to[n - 1] = end;
	n = pick(w, n);
	write_sequence(w, from[n], to[n]);
}

Test(answer_grammar, writes_only_what_the_check_takes)
{
	char *grammar = answer_grammar(test_actions, test_links);
	struct writer w = { .grammar = grammar, .seed = { 1, 2, 3 } };
	static struct infer_answer a;
	unsigned kinds[5] = { 0 }, out_of_range = 0;

	for (unsigned i = 0; i < 5000; i++) {
		char why[256];

		w.used = 0;
		write_rule(&w, "root", 4);
		cr_assert(eq(int, json_strict(w.out, w.used, why, sizeof(why)), 0), "%s: %s", why,
			  w.out);
		if (answer_check(w.out, w.used, test_actions, test_links, &a) < 0) {
			/* It knows neither ranges nor what makes an address. */
			cr_assert(strstr(a.why, "is not within") || strstr(a.why, "an address") ||
					  strstr(a.why, "whole number"),
				  "%s: %s", a.why, w.out);
			out_of_range++;
			continue;
		}
		kinds[0] += !a.has_action;
		for (unsigned k = 0; test_actions[k]; k++)
			kinds[k + 1] +=
				a.has_action && strcmp(a.action.kind, test_actions[k]->kind) == 0;
	}
	cr_expect(gt(uint, kinds[0], 100));
	cr_expect(gt(uint, kinds[1], 100));
	cr_expect(gt(uint, kinds[4], 100));
	cr_expect(gt(uint, out_of_range, 100));
	free(grammar);
}

Test(answer_grammar, has_no_white_space_and_quotes_names)
{
	static const char *const odd[] = { "a\"b\\c", NULL };
	char *grammar = answer_grammar(test_actions, odd);

	cr_expect(not(eq(ptr, strstr(grammar, "link ::= (\"\\\"a\\\"b\\\\c\\\"\")"), NULL)), "%s",
		  grammar);
	cr_expect(eq(ptr, strpbrk(grammar, "\t\r"), NULL));
	cr_expect(eq(ptr, strstr(grammar, "\\n"), NULL));
	free(grammar);
	grammar = answer_grammar(test_actions, NULL);
	cr_expect(eq(ptr, strstr(grammar, "link"), NULL));
	free(grammar);
	grammar = answer_grammar(NULL, NULL);
	cr_expect(not(eq(ptr, strstr(grammar, "action ::= \"null\"\n"), NULL)));
	free(grammar);
}
