/*
 * policy_parse_reflex - the clause "reflex { ... }" of a permit.
 *
 * Design.  A block within a block, so the errors of one do not hide those of the other.  The
 * actions of "do" are quoted, because they have words of their own; they are read here, as
 * "anodctl whatif" reads them, so that a mistake is named where it stands between the quotes.
 */
#include <netinet/in.h>

#include "policy/action_text.h"
#include "policy/parse.h"

#define REFRACTORY_US (30 * UINT64_C(1000000))

static int parse_trigger(struct parse *p, struct policy_reflex *x)
{
	if (parse_accept(p, "link"))
		return parse_name(p, "the name of a link", &x->link);
	if (parse_accept(p, "when"))
		return parse_expr(p, &x->when);
	return parse_expected(p, "'link' and its name, or 'when' and a condition");
}

static int parse_via(struct parse *p, struct policy_reflex *x)
{
	do {
		struct token t = *parse_ahead(p);
		const struct anod_prefix *g = &t.value.u.prefix;

		if (t.type != TOKEN_VALUE || t.value.type != ANOD_PREFIX)
			return parse_expected(p, "the address of a gateway such as 192.0.2.1");
		if (g->len != (g->family == AF_INET ? 32 : 128))
			return parse_error(p, &t.place, "'via' wants an address, not a prefix");
		for (unsigned i = 0; i < x->n_via; i++)
			if (x->via[i].family == g->family)
				return parse_error(p, &t.place,
						   "a second gateway of IPv%d; there is one for "
						   "each family",
						   g->family == AF_INET ? 4 : 6);
		x->via[x->n_via++] = *g;
		lex_next(&p->lexer, &t);
	} while (parse_accept(p, ","));
	return 0;
}

/* "LINK [via ADDR [, ADDR]]" */
static int parse_standby(struct parse *p, struct policy_reflex *x)
{
	int r = parse_name(p, "the name of a link", &x->standby);

	if (r == 0 && parse_accept(p, "via"))
		r = parse_via(p, x);
	return r;
}

/* The text between the quotes as it stands in the file, so that columns are right; with escapes
 * in it they are those of what it means. */
static int parse_action(struct parse *p, const struct token *t, struct anod_action *ret)
{
	_cleanup_(freep) char *text = token_dup(t);
	bool plain = !memchr(t->text, '\\', t->len);
	struct lexer l;
	int r;

	if (!text)
		return parse_no_memory(p);
	lex_init(&l, p->lexer.file, plain ? t->text + 1 : text, plain ? t->len - 2 : strlen(text));
	l.line = t->place.line;
	l.column = t->place.column + 1;
	r = action_parse(&l, p->env->actions, p->diags, ret);
	if (r == 0 && lex_peek(&l, 0)->type != TOKEN_END)
		r = parse_error(p, &lex_peek(&l, 0)->place, "one action for each pair of quotes");
	return r == 0 || r == -ENOMEM ? r : -EINVAL;
}

int parse_quoted_actions(struct parse *p, unsigned max, struct anod_action **array, unsigned *n)
{
	do {
		struct token t = *parse_ahead(p);
		struct anod_action *slot;

		if (t.type != TOKEN_STRING)
			return parse_expected(p, "a quoted action such as \"link.down dev wan0\"");
		if (*n == max)
			return parse_error(p, &t.place, "more than %u actions", max);
		lex_next(&p->lexer, &t);
		slot = ARRAY_APPEND(*array, *n);
		if (!slot)
			return parse_no_memory(p);
		if (parse_action(p, &t, slot) < 0)
			return -EINVAL;
	} while (parse_accept(p, ","));
	return 0;
}

static int parse_do(struct parse *p, struct policy_reflex *x)
{
	return parse_quoted_actions(p, ANOD_ACTIONS_MAX, &x->action, &x->n_actions);
}

static int parse_scope(struct parse *p, struct policy_reflex *x)
{
	return parse_word(p, "the name of a set of prefixes", &x->scope);
}

static int parse_sentinel(struct parse *p, struct policy_reflex *x)
{
	struct lex_place place = parse_ahead(p)->place;
	int r = parse_duration(p, "sentinel", &x->sentinel_us);

	if (r == 0 &&
	    (x->sentinel_us < REFLEX_SENTINEL_MIN_US || x->sentinel_us > REFLEX_SENTINEL_MAX_US))
		r = parse_error(p, &place, "'sentinel' wants a period from 200us to 1s");
	return r;
}

static int parse_refractory(struct parse *p, struct policy_reflex *x)
{
	return parse_duration(p, "refractory", &x->refractory_us);
}

static int parse_table(struct parse *p, struct policy_reflex *x)
{
	int64_t n;
	int r = parse_number(p, "table", REFLEX_TABLE_FIRST, REFLEX_TABLE_LAST, &n);

	if (r == 0)
		x->table = (uint32_t) n;
	return r;
}

/* "most N prefixes" behind "at" */
static int parse_at(struct parse *p, struct policy_reflex *x)
{
	int64_t n = 0;
	int r = parse_expect(p, "most", "'most' and a number");

	if (r == 0)
		r = parse_number(p, "at most", 1, REFLEX_PREFIXES_MAX, &n);
	if (r < 0)
		return r;
	x->max_prefixes = (unsigned) n;
	return parse_expect(p, "prefixes", "'prefixes'");
}

static int (*const clause_fn[])(struct parse *, struct policy_reflex *) = {
	parse_trigger,	parse_standby,	  parse_do,    parse_scope,
	parse_sentinel, parse_refractory, parse_table, parse_at,
};

static const char *const words[] = { "trigger",	   "standby", "do", "for", "sentinel",
				     "refractory", "table",   "at", NULL };

static int reflex_clause(struct parse *p, void *target, unsigned index)
{
	return clause_fn[index](p, target);
}

int parse_reflex(struct parse *p, struct policy_rule *r)
{
	static const struct block b = { .what = "reflex",
					.words = words,
					.many = UINT64_C(1) << 2, /* do */
					.clause = reflex_clause,
					.noun = "a clause",
					.required = UINT64_C(1) << 0 }; /* trigger */
	struct policy_reflex *x = &r->reflex;

	p->config->policy->has_reflex = true;
	*x = (struct policy_reflex){ .there = true,
				     .place = parse_ahead(p)->place,
				     .refractory_us = REFRACTORY_US,
				     .max_prefixes = REFLEX_PREFIXES };
	return parse_block(p, &b, x);
}

void reflex_done(struct policy_reflex *x)
{
	free(x->link);
	expr_free(x->when);
	free(x->standby);
	free(x->scope);
	free(x->action);
}
