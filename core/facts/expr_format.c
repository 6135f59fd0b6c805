/*
 * expr_format - the canonical text of a tree, and a walk over it.
 *
 * Design.  Brackets are written where the level of the grammar asks for them and nowhere else;
 * what this writes parses to the same tree, no deeper than what was read, which a fuzz target
 * checks.  "of" is written as the product that it is where that needs no brackets.
 */
#include <errno.h>
#include <string.h>

#include "facts/expr_parser.h"

enum level_of { /* of the grammar in expr.h, from loose to tight */
		LEVEL_OR = 1,
		LEVEL_AND,
		LEVEL_NOT,
		LEVEL_TIME, /* "X for DUR" */
		LEVEL_TEST,
		LEVEL_SUM,
		LEVEL_TERM,
		LEVEL_FACTOR, /* "N of X" */
		LEVEL_PRIMARY,
};

static void format(const struct expr *e, enum level_of least, FILE *f);

static enum level_of level_of(const struct expr *e)
{
	switch (e->op) {
	case EXPR_OR:
		return LEVEL_OR;
	case EXPR_AND:
		return LEVEL_AND;
	case EXPR_NOT: /* "X not in SET" */
		return e->a->op == EXPR_IN_SET ? LEVEL_TEST : LEVEL_NOT;
	case EXPR_FOR:
	case EXPR_WITHIN:
	case EXPR_FORMERLY: /* takes no "for" behind it */
		return LEVEL_TIME;
	case EXPR_COMPARE:
	case EXPR_IN_SET:
	case EXPR_OVERLAPS:
		return LEVEL_TEST;
	case EXPR_ADD:
	case EXPR_SUB:
		return LEVEL_SUM;
	case EXPR_MUL:
	case EXPR_DIV:
		return LEVEL_TERM;
	case EXPR_LITERAL:
	case EXPR_FACT:
	case EXPR_OPERAND:
	case EXPR_BEFORE:
	case EXPR_CALL:
	case EXPR_COUNT:
		break;
	}
	return LEVEL_PRIMARY;
}

static bool reads_as_word(const char *text)
{
	struct lexer l;
	struct token t;

	lex_init(&l, "", text, strlen(text));
	lex_next(&l, &t);
	return t.type == TOKEN_WORD && t.len == strlen(text) && !memchr(t.text, '.', t.len) &&
	       !expr_is_reserved(&t) && !token_is(&t, "before");
}

static void format_quoted(const char *text, FILE *f)
{
	fputc('"', f);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', f);
		if (*text == '\n' || *text == '\t')
			fputs(*text == '\n' ? "\\n" : "\\t", f);
		else
			fputc(*text, f);
	}
	fputc('"', f);
}

static void format_duration_us(uint64_t us, FILE *f)
{
	struct anod_value v = value_int((int64_t) us, ANOD_UNIT_TIME);
	char text[64];

	fputs(value_format(&v, text, sizeof(text)), f);
}

static void format_literal(const struct expr *e, bool bare, FILE *f)
{
	char text[128];

	if (e->lit.type != ANOD_TEXT)
		fputs(value_format(&e->lit, text, sizeof(text)), f);
	else if (bare && reads_as_word(e->lit.u.text))
		fputs(e->lit.u.text, f);
	else
		format_quoted(e->lit.u.text, f);
}

/* May the name of an entity stand between two points without quotes? */
static bool is_plain_name(const char *name)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-";

	while (*name) {
		size_t n = strspn(name, chars);

		if (n == 0 || *name == '-')
			return false;
		name += n;
		if (*name == '\0')
			return true;
		if (*name++ != '.')
			return false;
	}
	return false;
}

static void format_fact(const struct expr *e, FILE *f)
{
	if (e->entity && e->entity[0] == EXPR_LOOKED_UP) {
		fprintf(f, "%s.%s", e->entity + 1, e->attr);
		return;
	}
	fputs(e->kind_name, f);
	fputc('.', f);
	if (e->entity) {
		if (is_plain_name(e->entity))
			fputs(e->entity, f);
		else
			format_quoted(e->entity, f);
		fputc('.', f);
	}
	fputs(e->attr, f);
}

static void format_members(const struct expr *e, FILE *f)
{
	static const char *const names[] = {
		[EXPR_FN_COUNT] = "count", [EXPR_FN_EVERY] = "every", [EXPR_FN_ANY] = "any",
		[EXPR_FN_MIN] = "min",	   [EXPR_FN_MAX] = "max",     [EXPR_FN_SUM] = "sum",
		[EXPR_FN_AVG] = "avg",
	};

	fprintf(f, "%s(", names[e->fn]);
	if (e->a)
		format(e->a, LEVEL_PRIMARY, f);
	else
		fputs(e->name ? e->name : e->kind_name, f);
	if (e->up)
		fputs(" up", f);
	if (e->b) {
		fputs(" where ", f);
		format(e->b, LEVEL_OR, f);
	}
	fputc(')', f);
}

static void format_call(const struct expr *e, FILE *f)
{
	fprintf(f, "%s(", e->name);
	format(e->a, LEVEL_PRIMARY, f);
	if (e->b) {
		fputs(", ", f);
		format(e->b, LEVEL_PRIMARY, f);
	}
	if (e->dur_us > 0) {
		fputs(", ", f);
		format_duration_us(e->dur_us, f);
	}
	fputc(')', f);
}

static void format_two(const struct expr *e, const char *word, enum level_of left,
		       enum level_of right, FILE *f)
{
	format(e->a, left, f);
	fprintf(f, " %s ", word);
	format(e->b, right, f);
}

static void format_compare(const struct expr *e, FILE *f)
{
	static const char *const ops[] = {
		[VALUE_EQ] = "==", [VALUE_NE] = "!=", [VALUE_LT] = "<",
		[VALUE_LE] = "<=", [VALUE_GT] = ">",  [VALUE_GE] = ">="
	};

	format(e->a, LEVEL_SUM, f);
	fprintf(f, " %s ", ops[e->cmp]);
	if (e->b->op == EXPR_LITERAL)
		format_literal(e->b, e->cmp == VALUE_EQ || e->cmp == VALUE_NE, f);
	else if (e->b->op == EXPR_OPERAND && !strchr(e->b->name, '.') &&
		 (e->cmp == VALUE_EQ || e->cmp == VALUE_NE)) {
		/* Bare it would read as a text. */
		fputc('(', f);
		format(e->b, LEVEL_OR, f);
		fputc(')', f);
	} else {
		format(e->b, LEVEL_SUM, f);
	}
}

static void format_overlaps(const struct expr *e, FILE *f)
{
	format(e->a, LEVEL_SUM, f);
	fputs(" overlaps ", f);
	if (e->b)
		format(e->b, LEVEL_PRIMARY, f);
	else
		fputs(e->name, f);
}

static void format_over_time(const struct expr *e, FILE *f)
{
	format(e->a, LEVEL_TEST, f);
	fputs(e->op == EXPR_FOR ? " for " : " in ", f);
	format_duration_us(e->dur_us, f);
}

static void format_not(const struct expr *e, FILE *f)
{
	if (e->a->op == EXPR_IN_SET) {
		format(e->a->a, LEVEL_SUM, f);
		fprintf(f, " not in %s", e->a->name);
	} else {
		fputs("not ", f);
		format(e->a, LEVEL_NOT, f);
	}
}

static void format_bare(const struct expr *e, FILE *f)
{
	switch (e->op) {
	case EXPR_LITERAL:
		format_literal(e, false, f);
		break;
	case EXPR_FACT:
		format_fact(e, f);
		break;
	case EXPR_OPERAND:
		fputs(e->name, f);
		break;
	case EXPR_BEFORE:
		fputs("before", f);
		break;
	case EXPR_NOT:
		format_not(e, f);
		break;
	case EXPR_AND:
		format_two(e, "and", LEVEL_AND, LEVEL_NOT, f);
		break;
	case EXPR_OR:
		format_two(e, "or", LEVEL_OR, LEVEL_AND, f);
		break;
	case EXPR_COMPARE:
		format_compare(e, f);
		break;
	case EXPR_ADD:
		format_two(e, "+", LEVEL_SUM, LEVEL_TERM, f);
		break;
	case EXPR_SUB:
		format_two(e, "-", LEVEL_SUM, LEVEL_TERM, f);
		break;
	case EXPR_MUL:
		format_two(e, "x", LEVEL_TERM, LEVEL_FACTOR, f);
		break;
	case EXPR_DIV:
		format_two(e, "/", LEVEL_TERM, LEVEL_FACTOR, f);
		break;
	case EXPR_IN_SET:
		format(e->a, LEVEL_SUM, f);
		fprintf(f, " in %s", e->name);
		break;
	case EXPR_OVERLAPS:
		format_overlaps(e, f);
		break;
	case EXPR_FOR:
	case EXPR_WITHIN:
		format_over_time(e, f);
		break;
	case EXPR_FORMERLY:
		fprintf(f, "formerly %s%s within ", e->name, e->fn == EXPR_FN_ANY ? " any" : "");
		format_duration_us(e->dur_us, f);
		break;
	case EXPR_CALL:
		format_call(e, f);
		break;
	case EXPR_COUNT:
		format_members(e, f);
		break;
	}
}

static void format(const struct expr *e, enum level_of least, FILE *f)
{
	bool brackets = level_of(e) < least;

	if (brackets && least == LEVEL_FACTOR && e->op == EXPR_MUL && e->a->op == EXPR_LITERAL) {
		format_two(e, "of", LEVEL_PRIMARY, LEVEL_PRIMARY, f);
		return;
	}

	if (brackets)
		fputc('(', f);
	format_bare(e, f);
	if (brackets)
		fputc(')', f);
}

char *expr_format(const struct expr *e)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	format(e, LEVEL_OR, f);
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

void expr_walk(const struct expr *e, void (*fn)(const struct expr *, void *), void *data)
{
	if (!e)
		return;
	fn(e, data);
	expr_walk(e->a, fn, data);
	expr_walk(e->b, fn, data);
}
