/*
 * policy_parse_rule - permit, forbid, cap and reflex: their clauses.
 *
 * Design.  One table of words for each statement and one of functions for all of them; a clause
 * function writes into the rule and knows nothing of the others.  What "level" and "on" hold is
 * long enough for a file of its own (policy_parse_clause.c).
 */
#include "policy/parse.h"

static int parse_agents(struct parse *p, struct policy_rule *r)
{
	if (parse_accept(p, "any"))
		return 0;
	return parse_names(p, "the name of an agent, or 'any'", &r->agent, &r->n_agents);
}

static int parse_actions(struct parse *p, struct policy_rule *r)
{
	if (parse_accept(p, "any"))
		return 0;
	return parse_names(p, "an action such as route.replace, or 'any'", &r->action,
			   &r->n_actions);
}

static int parse_when(struct parse *p, struct policy_rule *r)
{
	return parse_expr(p, &r->when);
}

static int parse_during(struct parse *p, struct policy_rule *r)
{
	return parse_word(p, "the name of a window", &r->during);
}

static int parse_rule_budget(struct parse *p, struct policy_rule *r)
{
	return parse_word(p, "the name of a budget", &r->budget);
}

static int parse_cooldown(struct parse *p, struct policy_rule *r)
{
	static const char *const per[] = { "resource", "agent", "group", NULL };
	unsigned index = 0;
	int k;

	k = parse_duration(p, "cooldown", &r->cooldown_us);
	if (k == 0 && parse_accept(p, "per"))
		k = parse_choice(p, "per", per, &index);
	if (k < 0)
		return k;
	r->cooldown_per = strdup(per[index]);
	return r->cooldown_per ? 0 : parse_no_memory(p);
}

/* "within DUR [that EXPR]" */
static int parse_verify(struct parse *p, struct policy_rule *r)
{
	int k;

	k = parse_expect(p, "within", "'within' and a duration");
	if (k == 0)
		k = parse_duration(p, "within", &r->verify_within_us);
	if (k < 0 || !parse_accept(p, "that"))
		return k;
	return parse_expr(p, &r->verify);
}

/* "after DUR" or "by operator [within DUR]" */
static int parse_confirm(struct parse *p, struct policy_rule *r)
{
	int k;

	if (parse_accept(p, "after"))
		return parse_duration(p, "confirm", &r->confirm_us);
	if (!parse_accept(p, "by"))
		return parse_expected(p, "'after' and a duration, or 'by operator'");
	k = parse_expect(p, "operator", "'operator'");
	if (k < 0)
		return k;
	r->confirm_by_hand = true;
	r->confirm_us = 10 * UINT64_C(60000000);
	if (!parse_accept(p, "within"))
		return 0;
	return parse_duration(p, "within", &r->confirm_us);
}

/* "after DUR [unless renewed]" */
static int parse_undo(struct parse *p, struct policy_rule *r)
{
	int k;

	k = parse_expect(p, "after", "'after' and a duration");
	if (k == 0)
		k = parse_duration(p, "undo", &r->undo_after_us);
	if (k < 0 || !parse_accept(p, "unless"))
		return k;
	r->undo_unless_renewed = true;
	return parse_expect(p, "renewed", "'renewed'");
}

static int parse_priority(struct parse *p, struct policy_rule *r)
{
	int64_t n;
	int k = parse_number(p, "priority", 0, 9, &n);

	if (k == 0)
		r->priority = (unsigned) n;
	return k;
}

static int parse_foreign(struct parse *p, struct policy_rule *r)
{
	r->touch_foreign = true;
	return parse_expect(p, "objects", "'objects'");
}

/* "to LEVEL [for DUR]" of a cap */
static int parse_to(struct parse *p, struct policy_rule *r)
{
	static const char *const levels[] = { "deny", "observe", "propose", "approve", NULL };
	unsigned index;
	int k;

	k = parse_choice(p, "to", levels, &index);
	if (k < 0)
		return k;
	r->level = (enum level) index;
	return parse_accept(p, "for") ? parse_duration(p, "for", &r->cap_for_us) : 0;
}

static int (*const clause_fn[])(struct parse *, struct policy_rule *) = {
	parse_agents,	parse_actions,	   parse_on,	   parse_when,	 parse_during,
	parse_level,	parse_rule_budget, parse_cooldown, parse_verify, parse_confirm,
	parse_undo,	parse_promote,	   parse_demote,   parse_quorum, parse_notify,
	parse_severity, parse_foreign,	   parse_priority,
};

static const char *const permit_words[] = {
	"agent",    "action",	"on",	   "when",     "during",  "level",  "budget",
	"cooldown", "verify",	"confirm", "undo",     "promote", "demote", "quorum",
	"notify",   "severity", "foreign", "priority", NULL,
};

static const char *const forbid_words[] = { "agent", "action", "on", "when", "during", NULL };

static const char *const cap_words[] = {
	"agent", "action", "on", "when", "during", "to", NULL,
};

#define MANY_ON (UINT64_C(1) << 2) /* "on SET" beside "on crash hold" */
/* agent, action, level: whom, what and how far is written out, never left to a default */
#define PERMIT_NEEDS (UINT64_C(1) << 0 | UINT64_C(1) << 1 | UINT64_C(1) << 5)
#define CAP_NEEDS    (UINT64_C(1) << 5)

static int rule_clause(struct parse *p, void *target, unsigned index)
{
	return clause_fn[index](p, target);
}

static int cap_clause(struct parse *p, void *target, unsigned index)
{
	return index == 5 ? parse_to(p, target) : clause_fn[index](p, target);
}

static int parse_rule_body(struct parse *p, struct policy_rule *r, const struct block *b,
			   const struct lex_place *place)
{
	char what[32];
	int k;

	r->place = *place;
	(void) snprintf(what, sizeof(what), "the name of the %s", b->what);
	k = parse_name(p, what, &r->name);
	if (k < 0)
		return k;
	return parse_block(p, b, r);
}

static int parse_rule(struct parse *p, enum rule_kind kind, const struct block *b,
		      const struct lex_place *place)
{
	struct policy *policy = p->config->policy;
	struct policy_rule rule = { .kind = kind,
				    .level = LEVEL_DENY,
				    .priority = POLICY_PRIORITY },
			   *slot;
	int r;

	r = parse_rule_body(p, &rule, b, place);
	if (!rule.name)
		return r;
	slot = ARRAY_APPEND(policy->rule, policy->n_rules);
	if (!slot) {
		rule_done(&rule);
		return parse_no_memory(p);
	}
	*slot = rule;
	return r;
}

int parse_permit(struct parse *p, const struct lex_place *place)
{
	static const struct block b = { .what = "permit",
					.words = permit_words,
					.many = MANY_ON,
					.clause = rule_clause,
					.noun = "a clause",
					.required = PERMIT_NEEDS };
	return parse_rule(p, RULE_PERMIT, &b, place);
}

int parse_forbid(struct parse *p, const struct lex_place *place)
{
	static const struct block b = { .what = "forbid",
					.words = forbid_words,
					.many = MANY_ON,
					.clause = rule_clause,
					.noun = "a clause",
					.not_empty = true };

	return parse_rule(p, RULE_FORBID, &b, place);
}

int parse_cap(struct parse *p, const struct lex_place *place)
{
	static const struct block b = { .what = "cap",
					.words = cap_words,
					.many = MANY_ON,
					.clause = cap_clause,
					.noun = "a clause",
					.required = CAP_NEEDS };

	return parse_rule(p, RULE_CAP, &b, place);
}

/* A permit that is judged before its trigger; kept apart, because it must not permit anything. */
int parse_reflex(struct parse *p, const struct lex_place *place)
{
	static const struct block b = { .what = "reflex",
					.words = permit_words,
					.many = MANY_ON,
					.clause = rule_clause,
					.noun = "a clause",
					.required = PERMIT_NEEDS };
	struct policy_rule rule = { .kind = RULE_PERMIT, .level = LEVEL_DENY }, *slot;
	int r;

	r = parse_rule_body(p, &rule, &b, place);
	slot = r == 0 ? ARRAY_APPEND(p->reflex, p->n_reflexes) : NULL;
	if (!slot) {
		rule_done(&rule);
		return r < 0 ? r : parse_no_memory(p);
	}
	*slot = rule;
	return 0;
}
