/*
 * agent_parse_act - propose, restore, sense; and what the parsers of clauses share.
 *
 * Design.  The terms of a proposal may stand on lines of their own below it, so whoever reads one
 * looks beyond the end of the line for a word that belongs to it.
 */
#include "agent/program.h"

/* The next token that is no newline, without taking anything. */
struct token agent_token_below(struct parse *p)
{
	struct lexer l = p->lexer;
	struct token t;

	do {
		lex_next(&l, &t);
	} while (t.type == TOKEN_NEWLINE);
	return t;
}

/* Take 'word', also from a line below. */
bool agent_accept_below(struct parse *p, const char *word)
{
	struct token t = agent_token_below(p);

	if (!token_is(&t, word))
		return false;
	parse_skip_newlines(p);
	return parse_accept(p, word);
}

bool agent_text_below(struct parse *p)
{
	if (agent_token_below(p).type != TOKEN_STRING)
		return false;
	parse_skip_newlines(p);
	return true;
}

int agent_too_many(struct parse *p, const char *clause, unsigned max)
{
	return parse_error(p, &parse_ahead(p)->place, "an agent has at most %u of '%s'", max,
			   clause);
}

int agent_parse_confidence(struct parse *p, double *ret)
{
	struct token t = *parse_ahead(p);
	double v = t.type != TOKEN_VALUE       ? -1
		   : t.value.type == ANOD_INT  ? (double) t.value.u.i
		   : t.value.type == ANOD_REAL ? t.value.u.r
					       : -1;

	if (!(v >= 0 && v <= 1) ||
	    (t.value.unit != ANOD_UNIT_NONE && t.value.unit != ANOD_UNIT_RATIO))
		return parse_wants(p, "confidence", "a number from 0 to 1");
	lex_next(&p->lexer, &t);
	*ret = v;
	return 0;
}

int agent_parse_cond(struct parse *p, struct agent_cond *c)
{
	c->place = parse_ahead(p)->place;
	c->watch = -1;
	return parse_expr(p, &c->expr);
}

/* ---- propose, restore, sense ------------------------------------------------------------------- */

static int parse_arg(struct parse *p, struct agent_action *x)
{
	struct agent_arg *arg = ARRAY_APPEND(x->arg, x->n_args);
	int r;

	if (!arg)
		return parse_no_memory(p);
	arg->place = parse_ahead(p)->place;
	r = parse_word(p, "the name of an argument", &arg->name);
	return r < 0 ? r : parse_expr(p, &arg->value);
}

/* ACTION { ARG VALUE ... } */
static int parse_action(struct parse *p, struct agent_action *x, const char *what)
{
	int r;

	x->place = parse_ahead(p)->place;
	r = parse_word(p, what, &x->kind);
	if (r < 0)
		return r;
	r = parse_expect(p, "{", "'{' and its arguments");
	while (r == 0) {
		parse_skip_newlines(p);
		if (parse_accept(p, "}"))
			return 0;
		if (parse_ahead(p)->type == TOKEN_END)
			return -EINVAL; /* the block around it says what is missing */
		r = parse_arg(p, x);
		(void) parse_accept(p, ",");
	}
	return r;
}

/* In quotes or not. */
static int parse_verify(struct parse *p, struct expr **ret)
{
	struct token t = *parse_ahead(p);
	struct lexer outer = p->lexer;
	int r;

	if (t.type != TOKEN_STRING)
		return parse_expr(p, ret);
	if (memchr(t.text, '\\', t.len))
		return parse_error(p, &t.place,
				   "write the condition behind 'verify' without the "
				   "outer quotes");
	lex_init(&p->lexer, t.place.file, t.text + 1, t.len - 2);
	p->lexer.line = t.place.line;
	p->lexer.column = t.place.column + 1;
	r = parse_expr(p, ret);
	if (r == 0 && parse_ahead(p)->type != TOKEN_END)
		r = parse_expected(p, "the end of the condition");
	p->lexer = outer;
	lex_next(&p->lexer, &t);
	return r;
}

static int parse_proposal_when(struct parse *p, struct agent_proposal *o)
{
	if (o->when.expr)
		return parse_error(p, &parse_ahead(p)->place,
				   "a second 'when' of this proposal; the agent's own stands above "
				   "its proposals");
	return agent_parse_cond(p, &o->when);
}

static int parse_sentence(struct parse *p, const char *clause, struct agent_text *ret)
{
	parse_skip_newlines(p);
	return agent_text_parse(p, clause, ret);
}

static int parse_terms(struct parse *p, struct agent_proposal *o)
{
	int r = 0;

	while (r == 0) {
		if (agent_accept_below(p, "when"))
			r = parse_proposal_when(p, o);
		else if (agent_accept_below(p, "reason"))
			r = parse_sentence(p, "reason", &o->reason);
		else if (agent_accept_below(p, "expect"))
			r = parse_sentence(p, "expect", &o->expect);
		else if (agent_accept_below(p, "verify"))
			r = parse_verify(p, &o->verify);
		else if (agent_accept_below(p, "confidence"))
			r = agent_parse_confidence(p, &o->confidence);
		else
			break;
	}
	return r;
}

/* propose ACTION { ... } [and ACTION { ... }] [when EXPR] [reason ""] [expect ""] [verify EXPR] */
int agent_parse_proposal(struct parse *p, struct agent_proposal *array, unsigned *n,
			 const char *clause)
{
	struct agent_proposal *o = &array[*n];
	int r;

	if (*n == AGENT_PROPOSALS_MAX)
		return agent_too_many(p, clause, AGENT_PROPOSALS_MAX);
	(*n)++;
	o->place = parse_ahead(p)->place;
	o->confidence = -1;
	o->when.watch = -1;
	do {
		if (o->n_actions == ANOD_ACTIONS_MAX)
			return parse_error(p, &parse_ahead(p)->place,
					   "a proposal has at most %d actions", ANOD_ACTIONS_MAX);
		r = parse_action(p, &o->action[o->n_actions++], "an action such as route.replace");
	} while (r == 0 && agent_accept_below(p, "and"));
	return r < 0 ? r : parse_terms(p, o);
}

int agent_parse_sense(struct parse *p, struct agent_program *a)
{
	if (a->n_senses == AGENT_SENSES_MAX)
		return agent_too_many(p, "sense", AGENT_SENSES_MAX);
	return parse_action(p, &a->sense[a->n_senses++], "a sensor such as probe");
}
