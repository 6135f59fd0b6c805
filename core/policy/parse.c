/*
 * parse - tokens, names, numbers and lists for the parsers of statements.
 *
 * Design.  Everything that can be wrong about a single word is said here, in one form: "'timeout'
 * wants a duration such as 2s, not 5%" with the place of what stands there.
 */
#include "policy/parse.h"

#include <stdarg.h>

const struct token *parse_ahead(struct parse *p)
{
	return lex_peek(&p->lexer, 0);
}

bool parse_is(struct parse *p, const char *word)
{
	return token_is(parse_ahead(p), word);
}

bool parse_accept(struct parse *p, const char *word)
{
	struct token t;

	if (!parse_is(p, word))
		return false;
	lex_next(&p->lexer, &t);
	return true;
}

bool parse_at_end(struct parse *p)
{
	enum token_type t = parse_ahead(p)->type;

	return t == TOKEN_END || t == TOKEN_NEWLINE || parse_is(p, "}");
}

int parse_error(struct parse *p, const struct lex_place *place, const char *fmt, ...)
{
	_cleanup_(freep) char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	diag_add(p->diags, DIAG_ERROR, place, "%s", n < 0 ? "no memory" : text);
	return -EINVAL;
}

void parse_warning(struct parse *p, const struct lex_place *place, const char *fmt, ...)
{
	_cleanup_(freep) char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	diag_add(p->diags, DIAG_WARNING, place, "%s", n < 0 ? "no memory" : text);
}

int parse_no_memory(struct parse *p)
{
	(void) parse_error(p, &parse_ahead(p)->place, "no memory");
	return -ENOMEM;
}

/* What stands there, for a message: "'x'", "5%", "the end of the line". */
static const char *describe(const struct token *t, char *buf, size_t size)
{
	switch (t->type) {
	case TOKEN_END:
		return "the end of the file";
	case TOKEN_NEWLINE:
		return "the end of the line";
	case TOKEN_VALUE:
	case TOKEN_TIME:
	case TOKEN_DATE:
	case TOKEN_STRING:
		(void) snprintf(buf, size, "%.*s", (int) MIN_OF(t->len, (size_t) 40), t->text);
		return buf;
	case TOKEN_WORD:
	case TOKEN_PUNCT:
	case TOKEN_BAD:
		break;
	}
	(void) snprintf(buf, size, "'%.*s'", (int) MIN_OF(t->len, (size_t) 40), t->text);
	return buf;
}

/* A bad token is reported by whoever takes it, and only then. */
static bool take_bad(struct parse *p)
{
	struct token t;

	if (parse_ahead(p)->type != TOKEN_BAD)
		return false;
	lex_next(&p->lexer, &t);
	(void) parse_error(p, &t.place, "%s", t.error);
	return true;
}

int parse_expected(struct parse *p, const char *what)
{
	struct token t = *parse_ahead(p);
	char text[64];

	if (take_bad(p))
		return -EINVAL;
	return parse_error(p, &t.place, "expected %s, not %s", what,
			   describe(&t, text, sizeof(text)));
}

int parse_expect(struct parse *p, const char *word, const char *what)
{
	return parse_accept(p, word) ? 0 : parse_expected(p, what);
}

int parse_wants(struct parse *p, const char *clause, const char *what)
{
	struct token t = *parse_ahead(p);
	char text[64];

	if (take_bad(p))
		return -EINVAL;
	return parse_error(p, &t.place, "'%s' wants %s, not %s", clause, what,
			   describe(&t, text, sizeof(text)));
}

/* A message about a name that does not exist points at the name, not at its statement. */
static int remember_place(struct parse *p, const char *name, const struct lex_place *place)
{
	struct name_place *n;

	HASH_FIND_PTR(p->name_places, &name, n);
	if (!n) {
		n = calloc(1, sizeof(*n));
		if (!n)
			return parse_no_memory(p);
		n->name = name;
		HASH_ADD_PTR(p->name_places, name, n);
	}
	n->place = *place;
	return 0;
}

const struct lex_place *parse_place_of(const struct parse *p, const char *name,
				       const struct lex_place *otherwise)
{
	struct name_place *n;

	HASH_FIND_PTR(p->name_places, &name, n);
	return n ? &n->place : otherwise;
}

void parse_forget_places(struct parse *p)
{
	struct name_place *n, *next;

	HASH_ITER(hh, p->name_places, n, next)
	{
		HASH_DEL(p->name_places, n);
		free(n);
	}
}

static int take_text(struct parse *p, char **ret)
{
	struct token t;
	char *text;

	lex_next(&p->lexer, &t);
	text = token_dup(&t);
	if (!text)
		return parse_no_memory(p);
	free(*ret);
	*ret = text;
	return remember_place(p, text, &t.place);
}

static int take_name(struct parse *p, char **ret)
{
	const struct token *t = parse_ahead(p);

	if (t->len > ANOD_NAME_SIZE - 1 + (t->type == TOKEN_STRING ? 2 : 0))
		return parse_error(p, &t->place, "a name has at most %d bytes", ANOD_NAME_SIZE - 1);
	return take_text(p, ret);
}

int parse_word(struct parse *p, const char *what, char **ret)
{
	return parse_ahead(p)->type == TOKEN_WORD ? take_name(p, ret) : parse_expected(p, what);
}

int parse_name(struct parse *p, const char *what, char **ret)
{
	const struct token *t = parse_ahead(p);

	if (t->type != TOKEN_WORD && t->type != TOKEN_STRING)
		return parse_expected(p, what);
	if (t->type == TOKEN_STRING && t->len == 2)
		return parse_error(p, &t->place, "expected %s, not an empty text", what);
	return take_name(p, ret);
}

int parse_string(struct parse *p, const char *clause, char **ret)
{
	const struct token *t = parse_ahead(p);

	if (t->type != TOKEN_STRING)
		return parse_wants(p, clause, "a text in quotes");
	if (t->len > STRING_MAX + 2)
		return parse_error(p, &t->place, "'%s' wants a text of at most %d bytes", clause,
				   STRING_MAX);
	return take_text(p, ret);
}

int parse_duration(struct parse *p, const char *clause, uint64_t *ret_us)
{
	struct token t = *parse_ahead(p);

	if (t.type != TOKEN_VALUE || t.value.type != ANOD_INT || t.value.unit != ANOD_UNIT_TIME ||
	    t.value.u.i <= 0)
		return parse_wants(p, clause, "a duration such as 2s");
	lex_next(&p->lexer, &t);
	*ret_us = (uint64_t) t.value.u.i;
	return 0;
}

int parse_number(struct parse *p, const char *clause, int64_t min, int64_t max, int64_t *ret)
{
	bool minus = parse_is(p, "-") && min < 0;
	struct token t = *lex_peek(&p->lexer, minus);
	int64_t i = t.type == TOKEN_VALUE && t.value.type == ANOD_INT ? t.value.u.i : 0;
	char what[80];

	if (t.type != TOKEN_VALUE || t.value.type != ANOD_INT || t.value.unit != ANOD_UNIT_NONE)
		return parse_wants(p, clause, "a whole number");
	i = minus ? -i : i;
	if (i < min || i > max) {
		if (min == max)
			(void) snprintf(what, sizeof(what), "the number %lld", (long long) min);
		else if (max == INT64_MAX)
			(void) snprintf(what, sizeof(what), "a number of at least %lld",
					(long long) min);
		else
			(void) snprintf(what, sizeof(what), "a number from %lld to %lld",
					(long long) min, (long long) max);
		return parse_wants(p, clause, what);
	}

	if (minus)
		lex_next(&p->lexer, &t);
	lex_next(&p->lexer, &t);
	*ret = i;
	return 0;
}

int parse_expr(struct parse *p, struct expr **ret)
{
	struct expr *e;
	int r;

	r = expr_parse(&p->lexer, p->diags, &e);
	if (r < 0)
		return r;
	expr_free(*ret);
	*ret = e;
	p->config->policy->n_expr++;
	return 0;
}

void *array_grow(void *array, unsigned n, size_t item_size)
{
	char *grown = array;

	if ((n & (n - 1)) == 0 || n == 0) {
		grown = reallocarray(array, n ? (size_t) n * 2 : 1, item_size);
		if (!grown)
			return NULL;
	}
	memset(grown + (size_t) n * item_size, 0, item_size);
	return grown;
}

struct names {
	char ***array;
	unsigned *n;
};

static int parse_one_name(struct parse *p, const char *what, void *data)
{
	struct names *names = data;
	char *name = NULL, **slot;
	int r;

	if (*names->n == NAMES_MAX)
		return parse_error(p, &parse_ahead(p)->place, "a list has at most %d names",
				   NAMES_MAX);
	r = parse_name(p, what, &name);
	if (r < 0)
		return r;
	slot = ARRAY_APPEND(*names->array, *names->n);
	if (!slot) {
		free(name);
		return parse_no_memory(p);
	}
	*slot = name;
	return 0;
}

/* Behind an error in a list: behind its '}', unless another '{' says that it has none. */
static void skip_list(struct parse *p)
{
	struct lexer saved = p->lexer;
	struct token t;

	p->lexer.depth = 0;
	do {
		lex_next(&p->lexer, &t);
	} while (t.type != TOKEN_END && !token_is(&t, "{") && !token_is(&t, "}"));
	if (!token_is(&t, "}"))
		p->lexer = saved;
}

static int missing_brace(struct parse *p, uint32_t line)
{
	return parse_error(p, &parse_ahead(p)->place, "missing '}' for the '{' in line %u", line);
}

static int expected_brace(struct parse *p, uint32_t line)
{
	char what[64];

	if (parse_ahead(p)->place.line == line)
		return parse_expected(p, "',' or '}'");
	(void) snprintf(what, sizeof(what), "',' or '}' for the '{' in line %u", line);
	return parse_expected(p, what);
}

static int parse_items(struct parse *p, uint32_t line, const char *what,
		       int (*item)(struct parse *, const char *what, void *), void *data)
{
	parse_skip_newlines(p);
	while (!parse_accept(p, "}")) {
		bool between;
		int r;

		if (parse_ahead(p)->type == TOKEN_END)
			return missing_brace(p, line);
		r = item(p, what, data);
		if (r < 0)
			return r;
		between = parse_ahead(p)->type == TOKEN_NEWLINE;
		between |= parse_accept(p, ",");
		parse_skip_newlines(p);
		if (between && parse_statement_ahead(p))
			return missing_brace(p, line);
		if (!between && !parse_is(p, "}") && parse_ahead(p)->type != TOKEN_END)
			return expected_brace(p, line);
	}
	return 0;
}

/* Items between '{' and '}', with a comma or a new line between them. */
int parse_braced(struct parse *p, const char *what,
		 int (*item)(struct parse *, const char *what, void *), void *data)
{
	uint32_t line = parse_ahead(p)->place.line;
	int r;

	r = parse_expect(p, "{", "'{'");
	if (r < 0)
		return r;
	r = parse_items(p, line, what, item, data);
	if (r < 0)
		skip_list(p);
	return r;
}

int parse_names(struct parse *p, const char *what, char ***array, unsigned *n)
{
	struct names names = { array, n };
	int r;

	if (parse_is(p, "{")) {
		struct lex_place place = parse_ahead(p)->place;
		unsigned before = *n;

		r = parse_braced(p, what, parse_one_name, &names);
		if (r == 0 && *n == before)
			r = parse_error(p, &place, "the list is empty; name at least one");
		return r;
	}

	do {
		parse_skip_newlines(p); /* behind a comma a list may go on */
		r = parse_one_name(p, what, &names);
	} while (r == 0 && parse_accept(p, ","));
	return r;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

char *parse_text_since(struct parse *p, const char *start)
{
	const char *end = parse_ahead(p)->text;
	char *text = malloc((size_t) (end - start) + 1), *to = text;
	bool quoted = false;

	if (!text)
		return NULL;
	for (; start < end; start++) {
		if (*start == '"')
			quoted = !quoted;
		if (*start == '#' && !quoted) {
			while (start + 1 < end && *start != '\n')
				start++;
		}
		if (!is_blank(*start))
			*to++ = *start;
		else if (to > text && to[-1] != ' ')
			*to++ = ' ';
	}
	while (to > text && to[-1] == ' ')
		to--;
	*to = '\0';
	return text;
}

int parse_choice(struct parse *p, const char *clause, const char *const *words, unsigned *ret)
{
	_cleanup_(freep) char *word = NULL, *all = NULL;
	const char *near;
	size_t size = 0;
	struct lex_place place = parse_ahead(p)->place;
	FILE *f;

	for (unsigned i = 0; words[i]; i++) {
		if (parse_accept(p, words[i])) {
			*ret = i;
			return 0;
		}
	}

	f = open_memstream(&all, &size);
	if (!f)
		return parse_no_memory(p);
	for (unsigned i = 0; words[i]; i++)
		fprintf(f, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
	if (fclose(f) != 0)
		return parse_no_memory(p);
	if (parse_ahead(p)->type != TOKEN_WORD)
		return parse_wants(p, clause, all);

	word = token_dup(parse_ahead(p));
	near = word ? nearest_word(word, words) : NULL;
	if (near)
		return parse_error(p, &place, "'%s' wants %s, not '%s'; did you mean '%s'?", clause,
				   all, word, near);
	return parse_wants(p, clause, all);
}
