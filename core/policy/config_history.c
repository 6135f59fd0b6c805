/*
 * config_history - "history { memory 8MB  keep link.rx_bytes, path.rtt }".
 *
 * Design.  What is kept is written as facts are in expressions, so their parser and checker say
 * what is wrong with a name.  There is one history, so several blocks add up.
 */
#include "policy/parse.h"

static int parse_memory(struct parse *p)
{
	struct token t = *parse_ahead(p);

	if (t.type != TOKEN_VALUE || t.value.type != ANOD_INT || t.value.unit != ANOD_UNIT_BYTES ||
	    t.value.u.i < (int64_t) CONFIG_HISTORY_MIN ||
	    t.value.u.i > (int64_t) CONFIG_HISTORY_MAX)
		return parse_wants(p, "memory", "a size from 256KiB to 1GiB such as 8MiB");
	if (p->config->history_bytes)
		return parse_error(p, &t.place, "'memory' is set in another block already");
	lex_next(&p->lexer, &t);
	p->config->history_bytes = (uint64_t) t.value.u.i;
	return 0;
}

static int parse_keep(struct parse *p)
{
	do {
		struct lex_place place = parse_ahead(p)->place;
		struct expr *e = NULL, **slot;
		int r = parse_expr(p, &e);

		if (r < 0)
			return r;
		if (e->op != EXPR_FACT) {
			expr_free(e);
			return parse_error(p, &place,
					   "'keep' wants attributes such as link.rx_bytes, or "
					   "link.wan0.rx_bytes of one link");
		}
		slot = ARRAY_APPEND(p->config->history_keep, p->config->n_history_keeps);
		if (!slot) {
			expr_free(e);
			return parse_no_memory(p);
		}
		*slot = e;
	} while (parse_accept(p, ","));
	return 0;
}

static int history_clause(struct parse *p, void *target, unsigned index)
{
	(void) target;
	return index == 0 ? parse_memory(p) : parse_keep(p);
}

int parse_history(struct parse *p, const struct lex_place *place)
{
	static const char *const words[] = { "memory", "keep", NULL };
	static const struct block b = { .what = "history",
					.words = words,
					.many = 1 << 1,
					.clause = history_clause,
					.noun = "an option" };

	(void) place;
	return parse_block(p, &b, p->config);
}

void config_history_check(struct parse *p)
{
	const struct expr_scope scope = { .schema = p->env->schema };

	for (unsigned i = 0; i < p->config->n_history_keeps; i++) {
		struct expr *e = p->config->history_keep[i];

		if (expr_check(e, &scope, false, p->diags) < 0)
			continue;
		if (e->type != ANOD_BOOL && e->type != ANOD_INT && e->type != ANOD_REAL)
			(void) parse_error(p, &e->place,
					   "%s.%s is no number: a history is kept of numbers only",
					   e->kind_name, e->attr);
	}
}
