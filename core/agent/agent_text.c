/*
 * agent_text - sentences with {expressions} in them.
 *
 * Design.  Split when they are parsed, so that a mistake between the braces has its own column,
 * and typed with the rest.  "{{" is a brace.
 */
#include "agent/program.h"

static int add_piece(struct parse *p, struct agent_text *t, char *text, struct expr *value)
{
	struct agent_piece *piece = ARRAY_APPEND(t->piece, t->n);

	if (!piece) {
		free(text);
		expr_free(value);
		return parse_no_memory(p);
	}
	piece->text = text;
	piece->value = value;
	return 0;
}

/* The expression of 'len' bytes at 'at', which is 'offset' characters into the token. */
static int parse_value(struct parse *p, const struct token *t, const char *at, size_t len,
		       struct agent_text *ret)
{
	struct lexer outer = p->lexer;
	struct expr *e = NULL;
	int r;

	lex_init(&p->lexer, t->place.file, at, len);
	p->lexer.line = t->place.line;
	p->lexer.column = t->place.column + (uint32_t) (at - t->text);
	r = parse_expr(p, &e);
	if (r == 0 && parse_ahead(p)->type != TOKEN_END)
		r = parse_expected(p, "'}'");
	p->lexer = outer;
	if (r < 0) {
		expr_free(e);
		return r;
	}
	return add_piece(p, ret, NULL, e);
}

/* Up to the next expression: with "\x" and "{{" taken as what they mean. */
static char *plain(const char **at, const char *end)
{
	char *text = malloc((size_t) (end - *at) + 1), *to = text;

	if (!text)
		return NULL;
	for (; *at < end; (*at)++) {
		if (**at == '{' && (*at + 1 == end || (*at)[1] != '{'))
			break;
		if ((**at == '{' || **at == '\\') && *at + 1 < end)
			(*at)++;
		*to++ = **at;
	}
	*to = '\0';
	return text;
}

int agent_text_parse(struct parse *p, const char *clause, struct agent_text *ret)
{
	struct token t = *parse_ahead(p);
	const char *at = t.text + 1, *end = t.text + t.len - 1;
	int r = 0;

	if (t.type != TOKEN_STRING)
		return parse_wants(p, clause, "a text in quotes");
	if (ret->n)
		return parse_error(p, &t.place, "a second text for '%s'", clause);
	ret->place = t.place;
	while (at < end && r == 0) {
		const char *close;
		char *text = plain(&at, end);

		if (!text)
			return parse_no_memory(p);
		r = add_piece(p, ret, text, NULL);
		if (r < 0 || at == end)
			break;
		close = memchr(at, '}', (size_t) (end - at));
		if (!close)
			return parse_error(p, &t.place,
					   "missing '}' in the text behind '%s'; a brace itself is "
					   "written '{{'",
					   clause);
		r = parse_value(p, &t, at + 1, (size_t) (close - at - 1), ret);
		at = close + 1;
	}
	lex_next(&p->lexer, &t);
	return r;
}

int agent_text_check(struct parse *p, struct agent_program *a, struct agent_text *t)
{
	int r, result = 0;

	for (unsigned i = 0; i < t->n; i++) {
		if (!t->piece[i].value)
			continue;
		r = agent_bind(p, a, t->piece[i].value, false);
		if (r == 0)
			r = agent_must_be_local(p, t->piece[i].value, "a text");
		if (r < 0)
			result = r;
	}
	return result;
}

void agent_text_done(struct agent_text *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		free(t->piece[i].text);
		expr_free(t->piece[i].value);
	}
	free(t->piece);
}
