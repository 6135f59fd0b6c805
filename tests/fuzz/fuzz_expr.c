/*
 * fuzz_expr - any bytes as an expression: what it prints reads back to the same text, before and
 * after its names are bound.
 */
#include "config_env.h"

#define SIZE_MAX_TESTED (16u << 10)

static const char *set_kind(const struct expr_scope *scope, const char *set)
{
	(void) scope;
	return strcmp(set, "uplinks") == 0 ? "link" : strcmp(set, "ours") == 0 ? "prefix" : NULL;
}

static bool operand(const struct expr_scope *scope, const char *name, uint8_t *ret_type,
		    uint8_t *ret_unit)
{
	(void) scope;
	*ret_unit = ANOD_UNIT_NONE;
	*ret_type = strcmp(name, "action.dst") == 0   ? ANOD_PREFIX
		    : strcmp(name, "action.dev") == 0 ? ANOD_TEXT
						      : ANOD_UNKNOWN;
	return *ret_type != ANOD_UNKNOWN;
}

static struct expr *parse(const char *text, size_t size)
{
	struct diag_list diags = { 0 };
	struct expr *e = NULL;
	struct lexer l;
	int r;

	lex_init(&l, "fuzz", text, size);
	r = expr_parse(&l, &diags, &e);
	if ((r < 0) != (diags.n_errors > 0))
		abort();
	diag_done(&diags);
	return e;
}

/* What 'e' prints parses and prints the same. */
static void check_round_trip(const struct expr *e)
{
	char *text = expr_format(e), *again;
	struct expr *copy = parse(text, strlen(text));

	if (!copy) {
		fprintf(stderr, "does not read back: %s\n", text);
		abort();
	}
	again = expr_format(copy);
	if (strcmp(text, again) != 0) {
		fprintf(stderr, "%s\nreads back as\n%s\n", text, again);
		abort();
	}
	free(text);
	free(again);
	expr_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "uplinks", "ours", "action.dst", "action.dev", NULL };
	static struct schema *schema;
	struct expr_scope scope = { .set_kind = set_kind, .operand = operand, .names = names };
	struct diag_list diags = { 0 };
	struct anod_value v;
	struct expr *e;
	char *text;

	if (size > SIZE_MAX_TESTED)
		return 0;
	if (!schema)
		schema = env_schema();
	text = strndup((const char *) data, size);
	(void) lex_value(text, &v);
	free(text);

	e = parse((const char *) data, size);
	if (!e)
		return 0;
	check_round_trip(e);
	scope.schema = schema;
	scope.before_allowed = size % 2;
	if (expr_check(e, &scope, true, &diags) < 0 && diags.n_errors == 0)
		abort();
	check_round_trip(e);
	diag_done(&diags);
	expr_free(e);
	return 0;
}
