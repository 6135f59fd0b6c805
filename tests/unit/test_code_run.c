#include "facts/code.h"

#include "facts/watch.h"
#include "unit/code_random.h"

struct held_env {
	struct code_env code;
	const struct expr *node;
	struct code_truth held;
};

static struct code_truth run(const struct expr *e, const struct store *s, unsigned block,
			     uint64_t rows, uint64_t now_us)
{
	struct code_env env = { .env = { .store = s, .now_us = now_us, .subject = code_subject } };
	struct code_truth t = { 0 };
	struct code *c = NULL;

	env.env.watch = &env;
	cr_assert(eq(int, code_compile(e, store_schema(s), watch_subject_kind(e), &c), 0));
	code_begin(c, &env);
	code_run(c, &env, block, rows, &t);
	code_free(c);
	return t;
}

static const char *named(const struct expr_env *env, uint16_t kind)
{
	(void) kind;
	return env->data;
}

static enum anod_tri tree(const struct expr *e, const struct store *s, const char *name,
			  uint64_t now_us)
{
	struct expr_env env = {
		.store = s, .now_us = now_us, .subject = named, .data = (void *) (uintptr_t) name
	};

	return expr_truth(e, &env);
}

static enum anod_tri at(const struct code_truth *t, unsigned k)
{
	return t->yes >> k & 1 ? ANOD_TRUE : t->no >> k & 1 ? ANOD_FALSE : ANOD_DOUBT;
}

/* Every row of every block, whole blocks and random parts of them. */
static void agree(const struct expr *e, const char *text, const struct store *s, uint64_t now_us,
		  struct dice *d)
{
	uint16_t kind = watch_subject_kind(e);
	unsigned n = kind ? table_n_blocks(s, kind) : 1;

	for (unsigned block = 0; block < n; block++) {
		uint64_t rows = kind ? table_rows(s, kind, block) : 1;
		struct code_truth t;

		if (roll(d, 3) == 0)
			rows &= (uint64_t) mrand48() << 32 | (uint32_t) nrand48(d->seed);
		t = run(e, s, block, rows, now_us);
		cr_assert(eq(u64, t.yes & t.no, 0), "%s", text);
		cr_assert(eq(u64, (t.yes | t.no) & ~rows, 0), "%s", text);
		for (; rows; rows &= rows - 1) {
			unsigned k = (unsigned) __builtin_ctzll(rows);
			uint32_t entity = kind ? table_entity(s, kind, block * TABLE_BLOCK + k) : 0;
			const char *name = kind ? store_entity_name(s, entity) : NULL;

			cr_assert(eq(int, (int) at(&t, k), (int) tree(e, s, name, now_us)),
				  "%s, %s", text, name ? name : "");
		}
	}
}

Test(code_run, agrees_with_the_tree_on_random_expressions_and_facts)
{
	unsigned n_expressions = 0, n_trees = 0;

	for (unsigned short round = 0; round < 25; round++) {
		struct dice d = { .seed = { round, 7, 11 } };
		struct schema *schema = help_schema();
		struct store *s = store_new(schema);
		uint64_t now = SECOND;

		for (unsigned i = 0; i < 1500; i++)
			random_step(&d, s, now += roll(&d, SECOND / 200));
		for (unsigned i = 0; i < 60; i++) {
			char *text;
			struct expr *e = random_expr(&d, schema, &text);
			struct code *c;

			if (!e)
				continue;
			n_expressions++;
			cr_assert(eq(int, code_compile(e, schema, watch_subject_kind(e), &c), 0));
			n_trees += code_n_tree(c) > 0;
			code_free(c);
			(void) store_expire(s, now);
			agree(e, text, s, now, &d);
			for (unsigned k = 0; k < 20; k++)
				random_step(&d, s, now += roll(&d, SECOND / 4));
			(void) store_expire(s, now);
			agree(e, text, s, now, &d);
			expr_free(e);
			free(text);
		}
		store_free(s);
		schema_free(schema);
	}
	/* The dice are fair: most are well typed, and most need no tree. */
	cr_expect(gt(uint, n_expressions, 500));
	cr_expect(lt(uint, n_trees, n_expressions * 3 / 4));
}

Test(code_run, what_most_watches_are_made_of_needs_no_tree)
{
	static const char *const plain[] = {
		"link.rx_bps > 900Mbps and link.mtu > 0",
		"not link.carrier or link.util >= 5%",
		"5% < link.util",
		"link.util > 1",
		"link.rx_bps + 5Mbps > 2 x link.rx_bps - 10% of 400Mbps",
		"link.operstate == up",
		"link.carrier == link.admin_up",
		"link.carrier and path.loss > 1%",
		"link.mtu > count(link where carrier)",
		"count(link where mtu > 1500) >= count(link up) and link.carrier",
		"every(link where carrier)",
		"link.carrier for 5s and link.util > 5% in 5s",
	};
	struct schema *schema = help_schema();

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		struct expr *e = help_expr(schema, plain[i]);
		struct code *c;

		cr_assert(eq(int, code_compile(e, schema, watch_subject_kind(e), &c), 0));
		cr_expect(eq(uint, code_n_tree(c), 0), "%s", plain[i]);
		code_free(c);
		expr_free(e);
	}
	schema_free(schema);
}

static void held(const struct code_env *env, const struct expr *node, unsigned block,
		 struct code_truth *ret)
{
	const struct held_env *h = (const void *) env;

	cr_expect(node == h->node);
	cr_expect(eq(uint, block, 0));
	*ret = h->held;
}

Test(code_run, a_for_node_is_asked_for_a_block_at_a_time)
{
	struct schema *schema = help_schema();
	struct store *s = store_new(schema);
	struct held_env env = { .code = { .env = { .store = s, .subject = code_subject },
					  .held = held },
				.held = { .yes = 1, .no = 2 } };
	struct expr *e = help_expr(schema, "not link.carrier for 5s");
	struct code_truth t;
	struct code *c;

	env.code.env.watch = &env;
	env.node = e->a;
	help_put(s, "link", "wan0", "carrier", value_bool(true), 1);
	help_put(s, "link", "wan1", "carrier", value_bool(true), 1);
	help_put(s, "link", "wan2", "carrier", value_bool(true), 1);
	cr_assert(eq(int, code_compile(e, schema, 1, &c), 0));
	code_begin(c, &env.code);
	code_run(c, &env.code, 0, 7, &t);
	cr_expect(eq(u64, t.yes, 2));
	cr_expect(eq(u64, t.no, 1));
	code_free(c);
	expr_free(e);
	store_free(s);
	schema_free(schema);
}

Test(code_run, deep_trees_fall_back_and_stay_right)
{
	struct schema *schema = help_schema();
	struct store *s = store_new(schema);
	char sum[512] = "", test[1024] = "";
	struct dice d = { .seed = { 1, 2, 3 } };
	struct expr *e;

	for (unsigned i = 0; i < 25; i++)
		strcat(sum, "1 + (");
	strcat(sum, "link.mtu");
	for (unsigned i = 0; i < 25; i++)
		strcat(sum, ")");
	for (unsigned i = 0; i < 28; i++)
		strcat(test, "link.carrier and (");
	strcat(test, "link.mtu > 1500");
	for (unsigned i = 0; i < 28; i++)
		strcat(test, ")");
	for (unsigned i = 0; i < 500; i++)
		random_step(&d, s, 1);

	strcat(sum, " > 1525");
	e = help_expr(schema, sum);
	agree(e, sum, s, 1, &d);
	expr_free(e);
	e = help_expr(schema, test);
	agree(e, test, s, 1, &d);
	expr_free(e);
	store_free(s);
	schema_free(schema);
}
