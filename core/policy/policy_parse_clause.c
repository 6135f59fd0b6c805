/*
 * policy_parse_clause - the two longest clauses of a rule: level and on.
 *
 * Design.  "on" names what an action may touch: a set, entities of a kind, prefixes, or a set
 * negated.  Several, with commas, are alternatives.
 */
#include "policy/approval.h"
#include "policy/parse.h"

/* "by N of GROUP, ... [within DUR]" behind "approve"; without it anybody's one signature. */
static int parse_approval(struct parse *p, struct policy_rule *r)
{
	int64_t n = 1;
	int k = 0;

	r->approvals = 1;
	if (parse_accept(p, "by")) {
		k = parse_number(p, "approve by", 1, APPROVERS_MAX, &n);
		if (k == 0)
			k = parse_expect(p, "of", "'of' and a group");
		if (k == 0)
			k = parse_names(p, "the name of a group", &r->group, &r->n_groups);
		r->approvals = (unsigned) n;
	}
	if (k == 0 && parse_accept(p, "within"))
		k = parse_duration(p, "within", &r->approve_within_us);
	return k;
}

int parse_level(struct parse *p, struct policy_rule *r)
{
	static const char *const levels[] = { "observe", "propose", "approve", "auto", NULL };
	struct lex_place place = parse_ahead(p)->place;
	unsigned index;
	int k;

	if (parse_is(p, "deny"))
		return parse_error(p, &place, "a permit cannot deny; write a forbid");
	k = parse_choice(p, "level", levels, &index);
	if (k < 0)
		return k;
	r->level = (enum level)(index + 1);
	return r->level == LEVEL_APPROVE ? parse_approval(p, r) : 0;
}

static int parse_on_prefix(struct parse *p, const char *what, void *data)
{
	struct token t = *parse_ahead(p);
	struct policy_on *o = data;
	struct anod_prefix *slot;

	(void) what;
	if (t.type != TOKEN_VALUE || t.value.type != ANOD_PREFIX)
		return parse_expected(p, "an address or a prefix such as 192.0.2.0/24");
	lex_next(&p->lexer, &t);
	slot = ARRAY_APPEND(o->prefix, o->n_prefixes);
	if (!slot)
		return parse_no_memory(p);
	*slot = t.value.u.prefix;
	return 0;
}

/* Behind "prefix": "{ P, ... }" or "P, ..." */
static int parse_on_prefixes(struct parse *p, struct policy_on *o)
{
	int k;

	if (parse_is(p, "{")) {
		k = parse_braced(p, "", parse_on_prefix, o);
		if (k == 0 && o->n_prefixes == 0)
			return parse_error(p, &parse_ahead(p)->place,
					   "the list is empty; name at least one");
		return k;
	}

	do {
		k = parse_on_prefix(p, "", o);
	} while (k == 0 && lex_peek(&p->lexer, 1)->type == TOKEN_VALUE && parse_accept(p, ","));
	return k;
}

/* Behind "KIND": "[not] in SET", or names. */
static int parse_on_kind(struct parse *p, struct policy_on *o)
{
	o->negated = parse_accept(p, "not");
	if (parse_accept(p, "in"))
		return parse_word(p, "the name of a set", &o->set);
	if (o->negated)
		return parse_expected(p, "'in' and a set");
	if (strcmp(o->kind, "prefix") == 0)
		return parse_on_prefixes(p, o);
	return parse_names(p, "a name", &o->name, &o->n_names);
}

/* A kind is followed by what it is of; a set stands alone. */
static bool kind_ahead(struct parse *p)
{
	const struct token *next = lex_peek(&p->lexer, 1);

	if (next->type == TOKEN_VALUE || next->type == TOKEN_STRING || token_is(next, "{") ||
	    token_is(next, "not") || token_is(next, "in"))
		return true;
	return (parse_is(p, "link") || parse_is(p, "prefix")) && next->type == TOKEN_WORD;
}

static int parse_on_one(struct parse *p, struct policy_on *o)
{
	if (parse_accept(p, "not")) {
		o->negated = true;
		return parse_word(p, "the name of a set", &o->set);
	}
	if (parse_ahead(p)->type != TOKEN_WORD)
		return parse_expected(p, "a set, or a kind and names such as link wan0");
	if (!kind_ahead(p))
		return parse_word(p, "the name of a set", &o->set);
	if (parse_word(p, "a kind", &o->kind) < 0)
		return -EINVAL;
	return parse_on_kind(p, o);
}

static int parse_hold(struct parse *p, struct policy_rule *r)
{
	if (r->kind != RULE_PERMIT)
		return parse_error(p, &parse_ahead(p)->place, "'on crash hold' is for permits");
	r->hold_on_crash = true;
	return parse_expect(p, "hold", "'hold'");
}

int parse_on(struct parse *p, struct policy_rule *r)
{
	struct policy_on *o;
	int k;

	if (parse_is(p, "crash") && token_is(lex_peek(&p->lexer, 1), "hold")) {
		(void) parse_accept(p, "crash");
		return parse_hold(p, r);
	}
	if (r->n_on > 0)
		return parse_error(p, &parse_ahead(p)->place,
				   "a second 'on'; join them with a comma: on A, B");
	if (parse_accept(p, "any"))
		return 0;

	do {
		parse_skip_newlines(p);
		o = ARRAY_APPEND(r->on, r->n_on);
		if (!o)
			return parse_no_memory(p);
		k = parse_on_one(p, o);
	} while (k == 0 && parse_accept(p, ","));
	return k;
}
