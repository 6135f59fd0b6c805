/*
 * parse_block - blocks of clauses, and how parsing goes on behind an error.
 *
 * Design.  A clause ends at the end of its line or where a word begins the next one, so that
 * short blocks fit one line.  Behind an error the rest of the line is skipped, with any braces in
 * it, and the next clause is tried; so one run names every error.  A statement's keyword in the
 * place of a clause means that a '}' is missing: the message names the line of the '{'.
 */
#include "policy/parse.h"

const char *const statement_words[] = { "include",   "policy", "link",	  "group", "endpoint",
					"sensor",    "agent",  "anod",	  "set",   "window",
					"budget",    "permit", "forbid",  "cap",   "invariant",
					"objective", "reflex", "history", "peer",  "grant",
					"damping",   "brake",  NULL };

void parse_skip_newlines(struct parse *p)
{
	struct token t;

	while (parse_ahead(p)->type == TOKEN_NEWLINE)
		lex_next(&p->lexer, &t);
}

void parse_broken(struct parse *p, const struct lex_place *place)
{
	struct lex_place *slot = ARRAY_APPEND(p->broken, p->n_broken);

	/* Without memory an error that follows from this one is shown, too. */
	if (slot)
		*slot = *place;
}

bool parse_is_broken(const struct parse *p, const struct lex_place *place)
{
	for (unsigned i = 0; i < p->n_broken; i++) {
		if (p->broken[i].file == place->file && p->broken[i].line == place->line &&
		    p->broken[i].column == place->column)
			return true;
	}
	return false;
}

/* Take a token that is skipped; what the lexer has to say about it is said. */
static void skip_token(struct parse *p)
{
	struct token t;

	lex_next(&p->lexer, &t);
	if (t.type == TOKEN_BAD)
		(void) parse_error(p, &t.place, "%s", t.error);
}

static int find_word(const char *const *words, const struct token *t)
{
	for (int i = 0; words[i]; i++) {
		if (token_is(t, words[i]))
			return i;
	}
	return -1;
}

/* To the end of the line, to a word that begins the next clause, or in front of the '}' that
 * closes what surrounds it. */
static void skip_clause(struct parse *p, const char *const *words)
{
	unsigned open = 0;

	p->lexer.depth = 0;
	while (parse_ahead(p)->type != TOKEN_END) {
		if (open == 0 && (parse_ahead(p)->type == TOKEN_NEWLINE || parse_is(p, "}") ||
				  find_word(words, parse_ahead(p)) >= 0))
			return;
		if (parse_is(p, "{"))
			open++;
		else if (parse_is(p, "}"))
			open--;
		skip_token(p);
	}
}

void parse_skip_statement(struct parse *p)
{
	static const char *const none[] = { NULL };

	do {
		skip_clause(p, none);
	} while (parse_accept(p, "}"));
}

/* Does a statement begin here?  'is_clause': its word could begin a clause of the block, too,
 * and only what follows tells. */
static bool statement_ahead(struct parse *p, bool is_clause)
{
	struct lexer saved = p->lexer;
	struct token word, name, third;

	lex_next(&saved, &word);
	lex_next(&saved, &name);
	lex_next(&saved, &third);
	if (find_word(statement_words, &word) < 0)
		return false;
	if (is_clause)
		return (name.type == TOKEN_WORD && token_is(&third, "=")) ||
		       ((name.type == TOKEN_WORD || name.type == TOKEN_STRING) &&
			token_is(&third, "{"));
	return name.type == TOKEN_WORD || name.type == TOKEN_STRING || token_is(&name, "{");
}

bool parse_statement_ahead(struct parse *p)
{
	return statement_ahead(p, false);
}

static int unknown_clause(struct parse *p, const struct block *b)
{
	struct lex_place place = parse_ahead(p)->place;
	_cleanup_(freep) char *word = token_dup(parse_ahead(p)), *all = NULL;
	const char *near = word ? nearest_word(word, b->words) : NULL;
	size_t size = 0;
	FILE *f;

	skip_token(p);
	if (near)
		return parse_error(p, &place, "'%s' is not %s of %s; did you mean '%s'?", word,
				   b->noun, b->what, near);

	f = open_memstream(&all, &size);
	if (!word || !f)
		return parse_no_memory(p);
	for (unsigned i = 0; b->words[i]; i++)
		fprintf(f, "%s%s", i == 0 ? "" : ", ", b->words[i]);
	if (fclose(f) != 0)
		return parse_no_memory(p);
	if (!b->words[0])
		return parse_error(p, &place, "'%s' is not %s of %s, which has none", word, b->noun,
				   b->what);
	return parse_error(p, &place, "'%s' is not %s of %s; there are %s", word, b->noun, b->what,
			   all);
}

/* AND, OR and NOT are written so elsewhere. */
static const char *small_word(const struct token *t)
{
	return token_is(t, "AND")   ? "and"
	       : token_is(t, "OR")  ? "or"
	       : token_is(t, "NOT") ? "not"
				    : NULL;
}

/*
 * A word behind a clause, on its line, that begins no other one: it belongs to what was written
 * before rather than being a clause that nobody knows.
 */
static int check_behind(struct parse *p, const struct block *b, int index)
{
	const struct token *t = parse_ahead(p);
	const char *small = small_word(t);
	char what[96];

	if (parse_at_end(p) || find_word(b->words, t) >= 0 || find_word(statement_words, t) >= 0)
		return 0;
	if (small)
		return parse_error(p, &t->place, "write '%s' in small letters", small);
	if (t->type == TOKEN_WORD) {
		_cleanup_(freep) char *word = token_dup(t);

		if (word && nearest_word(word, b->words))
			return 0; /* a clause that is misspelt; told as that */
	}
	(void) snprintf(what, sizeof(what), "the end of '%s'%s%s", b->words[index],
			t->type == TOKEN_WORD ? ", or " : "", t->type == TOKEN_WORD ? b->noun : "");
	return parse_expected(p, what);
}

static int parse_clause(struct parse *p, const struct block *b, void *target, uint32_t *line,
			int index)
{
	struct token word;
	int r;

	lex_next(&p->lexer, &word);
	if (line[index] > 0 && !(b->many & UINT64_C(1) << index))
		return parse_error(p, &word.place, "a second '%s'; the first is in line %u",
				   b->words[index], line[index]);
	line[index] = word.place.line;
	r = b->clause(p, target, (unsigned) index);
	if (r < 0)
		return r;
	return check_behind(p, b, index);
}

static int missing_brace(struct parse *p, uint32_t line)
{
	return parse_error(p, &parse_ahead(p)->place, "missing '}' for the '{' in line %u", line);
}

/* What is granted to whom is written out, never left to a default. */
static int check_required(struct parse *p, const struct block *b, const struct lex_place *place,
			  const uint32_t *line)
{
	bool empty = true;
	int r = 0;

	for (unsigned i = 0; b->words[i]; i++) {
		empty &= line[i] == 0;
		if (line[i] == 0 && (b->required & UINT64_C(1) << i))
			r = parse_error(p, place, "this %s has no '%s'", b->what, b->words[i]);
	}
	if (empty && b->not_empty)
		r = parse_error(p, place,
				"this %s is empty: it would hold for everything; write "
				"'action any' if that is meant",
				b->what);
	return r;
}

/* The '{' of a block, with what was meant when it is not there. */
static int parse_open(struct parse *p)
{
	const struct token *t = parse_ahead(p);

	if (t->type == TOKEN_NEWLINE)
		return parse_error(p, &t->place, "expected '{' on this line, behind the name");
	if (t->type == TOKEN_WORD)
		return parse_expected(p, "'{' (a name of several words is quoted)");
	return parse_expect(p, "{", "'{'");
}

int parse_block(struct parse *p, const struct block *b, void *target)
{
	struct lex_place place = parse_ahead(p)->place;
	uint32_t line[BLOCK_WORDS_MAX] = { 0 };
	bool misspelt = false; /* then what seems to lack may be that */
	int r, result;

	result = parse_open(p);
	if (result < 0)
		return result;

	for (;;) {
		int index;

		parse_skip_newlines(p);
		if (parse_accept(p, "}")) {
			r = misspelt ? 0 : check_required(p, b, &place, line);
			return result < 0 ? result : r;
		}
		if (parse_ahead(p)->type == TOKEN_END)
			return missing_brace(p, place.line);

		index = find_word(b->words, parse_ahead(p));
		if (statement_ahead(p, index >= 0))
			return missing_brace(p, place.line);
		if (index >= 0)
			r = parse_clause(p, b, target, line, index);
		else if (parse_ahead(p)->type == TOKEN_WORD)
			r = unknown_clause(p, b);
		else
			r = parse_expected(p, "a word that begins a clause");
		if (r < 0) {
			result = r;
			misspelt |= index < 0;
			skip_clause(p, b->words);
		}
	}
}
