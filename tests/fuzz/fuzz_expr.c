/*
 * fuzz_expr - any bytes as an expression: what it prints reads back to the same text, before and
 * after its names are bound; and the vector machine and a watch say of each entity of a small
 * store what the tree evaluator says.
 */
#include "config_env.h"

#include "facts/code.h"
#include "facts/watch.h"

#define SIZE_MAX_TESTED (16u << 10)
#define N_ENTITIES	5 /* of each kind */
#define NOW_US		UINT64_C(1000000)

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

/* ---- evaluation -------------------------------------------------------------------------- */

static struct anod_value some_value(const struct schema_attr *a, unsigned n)
{
	static const int64_t numbers[] = { 0, 1, 1500, INT64_MAX, INT64_MIN };
	static const double reals[] = { 0, 0.05, 1, -1e308, 1e308 };
	static const char *const texts[] = { "up", "down", "core", "", "uplink" };
	struct anod_prefix p = { .family = 2, .len = 24, .addr = { 10, 0, (uint8_t) n } };

	switch ((enum anod_type) a->type) {
	case ANOD_BOOL:
		return value_bool(n % 2);
	case ANOD_INT:
		return value_int(numbers[n % 5], ANOD_UNIT_NONE);
	case ANOD_REAL:
		return value_real(reals[n % 5], ANOD_UNIT_NONE);
	case ANOD_TEXT:
		return value_text(texts[n % 5]);
	case ANOD_PREFIX:
		return value_prefix(&p);
	case ANOD_UNKNOWN:
		break;
	}
	return value_unknown();
}

/* Two of three facts are known. */
static struct store *small_store(const struct schema *schema)
{
	static const char *const names[N_ENTITIES] = { "wan0", "eth0", "lan0", "wan1", "a.b" };
	struct store *s = store_new(schema);

	for (uint16_t kind = 1; kind <= schema_n_kinds(schema); kind++) {
		for (unsigned n = 0; n < N_ENTITIES; n++) {
			uint32_t e;

			if (store_entity(s, kind, names[n], 1, &e) < 0)
				abort();
			for (uint16_t slot = 0; slot < schema_n_slots(schema, kind); slot++) {
				const struct schema_attr *a = schema_attr_at(schema, kind, slot);
				struct anod_value v = some_value(a, n + slot);

				if ((n + slot) % 3 > 0)
					(void) store_publish(s, e, slot, &v, NOW_US);
			}
		}
	}
	return s;
}

static const char *named(const struct expr_env *env, uint16_t kind)
{
	(void) kind;
	return env->data;
}

static enum anod_tri by_tree(const struct expr *e, const struct store *s, const char *name)
{
	struct expr_env env = {
		.store = s, .now_us = NOW_US, .subject = named, .data = (void *) (uintptr_t) name
	};

	return expr_truth(e, &env);
}

static void check_code(const struct expr *e, const struct store *s)
{
	struct code_env env = { .env = { .store = s, .now_us = NOW_US, .subject = code_subject } };
	uint16_t kind = watch_subject_kind(e);
	uint64_t rows = kind ? table_rows(s, kind, 0) : 1;
	struct code_truth t;
	struct code *c;

	env.env.watch = &env;
	if (code_compile(e, store_schema(s), kind, &c) < 0)
		abort();
	code_begin(c, &env);
	code_run(c, &env, 0, rows, &t);
	code_free(c);
	for (; rows; rows &= rows - 1) {
		unsigned k = (unsigned) __builtin_ctzll(rows);
		enum anod_tri got = t.yes >> k & 1  ? ANOD_TRUE
				    : t.no >> k & 1 ? ANOD_FALSE
						    : ANOD_DOUBT;
		const char *name = kind ? store_entity_name(s, table_entity(s, kind, k)) : NULL;

		if (by_tree(e, s, name) != got || (t.yes & t.no)) {
			fprintf(stderr, "%s of %s\n", tri_name(got), name ? name : "all");
			abort();
		}
	}
}

static void ignore(void *data, uint64_t id, const char *entity, enum anod_tri truth)
{
	(void) data, (void) id, (void) entity, (void) truth;
}

/* With its nodes over time: whatever comes out, it comes to an end and nothing is left. */
static void check_watch(const struct expr *e, struct store *s)
{
	struct watches *w = watches_new(s);
	uint64_t id;

	if (!w || watch_add(w, e, ignore, NULL, &id) < 0)
		abort();
	for (uint64_t now = NOW_US; now < NOW_US + 3; now++)
		(void) watch_run(w, now);
	if (watch_pending(w) || watch_remove(w, id) < 0)
		abort();
	watches_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "uplinks", "ours", "action.dst", "action.dev", NULL };
	static struct schema *schema;
	static struct store *store;
	struct expr_scope scope = { .set_kind = set_kind, .operand = operand, .names = names };
	struct diag_list diags = { 0 };
	struct anod_value v;
	struct expr *e;
	char *text;
	int r;

	if (size > SIZE_MAX_TESTED)
		return 0;
	if (!schema)
		schema = env_schema();
	if (!store)
		store = small_store(schema);
	text = strndup((const char *) data, size);
	(void) lex_value(text, &v);
	free(text);

	e = parse((const char *) data, size);
	if (!e)
		return 0;
	check_round_trip(e);
	scope.schema = schema;
	scope.before_allowed = size % 2;
	r = expr_check(e, &scope, true, &diags);
	if (r < 0 && diags.n_errors == 0)
		abort();
	check_round_trip(e);
	if (r >= 0) {
		check_code(e, store);
		check_watch(e, store);
	}
	diag_done(&diags);
	expr_free(e);
	return 0;
}
