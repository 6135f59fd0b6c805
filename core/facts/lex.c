/*
 * lex - tokens of the one language.
 *
 * Design.  A hand-written scanner over a borrowed text.  Characters are checked here once (UTF-8,
 * no NUL, no control characters), so that nothing behind the lexer meets them.  Whatever starts
 * like a number, an address, a date or a time goes to lex_scan_literal() in lex_literal.c.
 *
 * A newline is a token unless a bracket is open or the next line goes on with "and" or "or";
 * an opening or closing brace ends every open bracket, so that a missing ')' costs one clause
 * and not the rest of the file.
 */
#include "facts/lex.h"

#include <string.h>

#include "facts/lex_literal.h"

void lex_init(struct lexer *l, const char *file, const char *text, size_t size)
{
	*l = (struct lexer){
		.file = file, .text = text, .end = text + size, .pos = text, .line = 1, .column = 1
	};
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) /* a byte order mark */
		l->pos += 3;
}

/* Length of the character at 's', or 0: not UTF-8 (RFC 3629). */
static unsigned char_length(const char *s, const char *end)
{
	const unsigned char *u = (const unsigned char *) s;
	unsigned len = u[0] < 0x80	    ? 1
		       : u[0] < 0xc2	    ? 0
		       : (u[0] >> 5) == 0x6 ? 2
		       : (u[0] >> 4) == 0xe ? 3
		       : u[0] < 0xf5	    ? 4
					    : 0;

	if (len == 0 || (size_t) (end - s) < len)
		return 0;
	for (unsigned i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	}

	if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
	    (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
		return 0;
	return len;
}

static bool is_control(const char *s)
{
	return ((unsigned char) *s < 0x20 && *s != '\t') || *s == 0x7f;
}

/* Behind 'n' bytes on one line; the column counts characters, not bytes. */
static void advance(struct lexer *l, size_t n)
{
	for (; n > 0; n--, l->pos++)
		l->column += ((unsigned char) *l->pos & 0xc0) != 0x80;
}

static void advance_line(struct lexer *l)
{
	l->pos++;
	l->line++;
	l->column = 1;
}

/* Comments may hold any well-formed text; what is not is left for the scanner to refuse. */
static void skip_comment(struct lexer *l)
{
	while (l->pos < l->end && *l->pos != '\n') {
		unsigned n = char_length(l->pos, l->end);

		if (n == 0 || (is_control(l->pos) && *l->pos != '\r'))
			return;
		advance(l, n);
	}
}

static void skip_blanks(struct lexer *l)
{
	while (l->pos < l->end) {
		if (*l->pos == ' ' || *l->pos == '\t' || *l->pos == '\r')
			advance(l, 1);
		else if (*l->pos == '#')
			skip_comment(l);
		else
			return;
	}
}

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

static bool has_word(const struct lexer *l, const char *word)
{
	size_t n = strlen(word);

	return (size_t) (l->end - l->pos) >= n && memcmp(l->pos, word, n) == 0 &&
	       ((size_t) (l->end - l->pos) == n || !is_word_char(l->pos[n]));
}

/* In front of a newline: go over it and all blank lines.  True when the clause goes on. */
static bool skip_newlines(struct lexer *l)
{
	while (l->pos < l->end && *l->pos == '\n') {
		advance_line(l);
		skip_blanks(l);
	}
	return l->depth > 0 || has_word(l, "and") || has_word(l, "or");
}

static void token_bad(struct token *t, const char *error)
{
	t->type = TOKEN_BAD;
	(void) copy_text(t->error, sizeof(t->error), error);
}

/* Bytes of a word: names joined by '.', each by exactly one; ".*" may close it. */
static size_t word_length(const char *s, const char *end)
{
	const char *p = s;

	for (; p < end; p++) {
		bool more = p + 1 < end;

		if (*p == '-' && more && p[1] == '>')
			break;
		if (is_word_char(*p))
			continue;
		if (*p != '.' || !more || p[-1] == '.')
			break;
		if (p[1] == '*')
			return (size_t) (p + 2 - s);
		if (!is_word_char(p[1]) || p[1] == '-')
			break;
	}
	return (size_t) (p - s);
}

static void scan_word(struct lexer *l, struct token *t)
{
	t->type = TOKEN_WORD;
	t->len = word_length(l->pos, l->end);
	if (token_is(t, "true") || token_is(t, "false")) {
		t->type = TOKEN_VALUE;
		t->value = (struct anod_value){ .type = ANOD_BOOL, .u.i = t->len == 4 };
	}
	advance(l, t->len);
}

/* What is wrong with the character at 's' inside a text, or NULL; '*ret_n' bytes are taken. */
static const char *scan_text_char(const char *s, const char *end, unsigned *ret_n)
{
	*ret_n = char_length(s, end);
	if (*ret_n == 0) {
		*ret_n = 1;
		return "the text has bytes that are not UTF-8; save the file as UTF-8";
	}
	if (is_control(s))
		return "the text has a control character; write \\n or \\t where that is meant";
	if (*s != '\\')
		return NULL;
	if (s + 1 >= end || !s[1] || !strchr("\"\\nt", s[1]))
		return "a text knows \\\", \\\\, \\n and \\t; write \\\\ for a backslash";
	*ret_n = 2;
	return NULL;
}

static void scan_string(struct lexer *l, struct token *t)
{
	const char *start = l->pos;

	t->type = TOKEN_STRING;
	advance(l, 1);
	while (l->pos < l->end && *l->pos != '"' && *l->pos != '\n') {
		unsigned n;
		const char *error = scan_text_char(l->pos, l->end, &n);

		if (error && t->type == TOKEN_STRING)
			token_bad(t, error);
		advance(l, n);
	}

	if (l->pos < l->end && *l->pos == '"')
		advance(l, 1);
	else if (t->type == TOKEN_STRING)
		token_bad(t, "the text does not end on this line; close it with '\"'");
	t->len = (size_t) (l->pos - start);
}

static size_t punct_length(const char *s, const char *end)
{
	static const char *const two[] = { "==", "!=", "<=", ">=", "->", ".." };

	if (end - s >= 2) {
		for (unsigned i = 0; i < ARRAY_SIZE(two); i++) {
			if (memcmp(s, two[i], 2) == 0)
				return 2;
		}
	}
	return strchr("{}(),=<>+-*/[].", *s) ? 1 : 0;
}

static void track_depth(struct lexer *l, char c)
{
	if (c == '(' || c == '[')
		l->depth++;
	else if ((c == ')' || c == ']') && l->depth > 0)
		l->depth--;
	else if (c == '{' || c == '}')
		l->depth = 0;
}

/* What is meant by a character that other languages have. */
static const char *cure_of(char c, unsigned length)
{
	return length > 1 || c == '\'' || c == '`' ? "; quote texts with '\"'"
	       : c == '&'			   ? "; write 'and'"
	       : c == '|'			   ? "; write 'or'"
	       : c == '!'			   ? "; write 'not'"
	       : c == ';'			   ? "; a clause ends with its line"
	       : c == ':'			   ? "; nothing stands between a word and its value"
	       : c == '%'			   ? "; write it close to its number: 5%"
						   : "";
}

/* Something that belongs nowhere: one character, or all bytes of a kind in a row. */
static void scan_bad(struct lexer *l, struct token *t)
{
	unsigned n = char_length(l->pos, l->end);

	if (n == 0) {
		do {
			advance(l, 1);
			t->len++;
		} while (l->pos < l->end && char_length(l->pos, l->end) == 0);
		token_bad(t, "bytes that are not UTF-8; save the file as UTF-8");
	} else if (is_control(l->pos)) {
		bool nul = *l->pos == '\0';

		while (l->pos < l->end && is_control(l->pos) && *l->pos != '\n' &&
		       (*l->pos == '\0') == nul) {
			advance(l, 1);
			t->len++;
		}
		token_bad(t, nul ? "a NUL byte; is this a text file?"
				 : "a control character outside of any text");
	} else {
		t->len = n;
		t->type = TOKEN_BAD;
		(void) snprintf(t->error, sizeof(t->error), "'%.*s' is no part of the language%s",
				(int) n, l->pos, cure_of(*l->pos, n));
		advance(l, n);
	}
}

static void scan(struct lexer *l, struct token *t)
{
	size_t n;

	if (is_control(l->pos) || char_length(l->pos, l->end) != 1) {
		scan_bad(l, t);
		return;
	}

	n = lex_scan_literal(l->pos, l->end, t);
	if (n > 0) {
		t->len = n;
		advance(l, n);
		return;
	}
	if (*l->pos == '"') {
		scan_string(l, t);
		return;
	}
	if (is_word_char(*l->pos) && *l->pos != '-') {
		scan_word(l, t);
		return;
	}

	n = punct_length(l->pos, l->end);
	if (n == 0) {
		scan_bad(l, t);
		return;
	}
	t->type = TOKEN_PUNCT;
	t->len = n;
	if (n == 1)
		track_depth(l, *l->pos);
	advance(l, n);
}

static void scan_token(struct lexer *l, struct token *t)
{
	const char *start = l->pos;

	*t = (struct token){ .place = { .file = l->file } };
	skip_blanks(l);
	if (l->pos < l->end && *l->pos == '\n') {
		struct lex_place place = { l->file, l->line, l->column };

		if (!skip_newlines(l)) {
			/* The text points in front of blanks and comments: the clause's end. */
			*t = (struct token){ .type = TOKEN_NEWLINE, .place = place, .text = start };
			return;
		}
	}

	t->place.line = l->line;
	t->place.column = l->column;
	t->text = l->pos;
	t->glued = l->pos == start;
	if (l->pos >= l->end) {
		t->type = TOKEN_END;
		t->text = start;
		return;
	}
	scan(l, t);
}

void lex_next(struct lexer *l, struct token *ret)
{
	(void) lex_peek(l, 0);
	*ret = l->ahead[0];
	l->ahead[0] = l->ahead[1];
	l->n_ahead--;
}

const struct token *lex_peek(struct lexer *l, unsigned n)
{
	while (l->n_ahead <= n)
		scan_token(l, &l->ahead[l->n_ahead++]);
	return &l->ahead[n];
}

bool token_is(const struct token *t, const char *word_or_punct)
{
	return (t->type == TOKEN_WORD || t->type == TOKEN_PUNCT) &&
	       strlen(word_or_punct) == t->len && memcmp(t->text, word_or_punct, t->len) == 0;
}

char *token_dup(const struct token *t)
{
	const char *from = t->text, *end = t->text + t->len;
	char *copy, *to;

	if (t->type != TOKEN_STRING)
		return strndup(t->text, t->len);

	copy = to = malloc(t->len);
	if (!copy)
		return NULL;
	for (from++, end--; from < end; from++) {
		if (*from != '\\') {
			*to++ = *from;
			continue;
		}
		from++;
		*to++ = *from == 'n' ? '\n' : *from == 't' ? '\t' : *from;
	}
	*to = '\0';
	return copy;
}

int lex_value(const char *text, struct anod_value *ret)
{
	return lex_parse_literal(text, ret);
}
