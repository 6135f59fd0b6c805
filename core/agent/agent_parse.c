/*
 * agent_parse - the clauses of a declarative agent.
 *
 * Design.  A block like those of rules, read with their helpers.  What goes with a proposal may
 * stand on lines of its own below it, so a 'when' behind a proposal is the proposal's; the
 * agent's own comes first.  Nothing is looked up here: that is agent_check.c.
 */
#include "agent/program.h"

#include "facts/value.h"

#define CONFIDENCE_DEFAULT 0.8

enum clause {
	C_SUMMARY,
	C_OPTION,
	C_ON,
	C_WITH,
	C_KEEP,
	C_WHEN,
	C_FIND,
	C_RIVAL,
	C_EVIDENCE,
	C_SUPPRESS,
	C_PROPOSE,
	C_RESTORE,
	C_AGAIN,
	C_CLEAR,
	C_SENSE,
};

static const char *const words[] = { "summary",	 "option",   "on",	"with",
				     "keep",	 "when",     "find",	"rival",
				     "evidence", "suppress", "propose", "restore",
				     "again",	 "clear",    "sense",	NULL };

#define MANY(x) (UINT64_C(1) << (x))

/* A code is a word for filters and policies: no blanks. */
static int parse_code(struct parse *p, const char *what, char **ret)
{
	struct lex_place place = parse_ahead(p)->place;
	int r = parse_name(p, what, ret);

	if (r == 0 && strpbrk(*ret, " \t\n"))
		return parse_error(p, &place, "a code is one word such as \"dirty-fibre\"");
	return r;
}

/* ---- option, on, with, keep ----------------------------------------------------------------- */

static int parse_number_value(struct parse *p, const char *clause, struct anod_value *ret)
{
	bool minus = parse_is(p, "-");
	struct token t = *lex_peek(&p->lexer, minus);

	if (t.type != TOKEN_VALUE || (t.value.type != ANOD_INT && t.value.type != ANOD_REAL))
		return parse_wants(p, clause, "a number");
	if (minus)
		lex_next(&p->lexer, &t);
	lex_next(&p->lexer, &t);
	*ret = t.value;
	if (minus && t.value.type == ANOD_INT)
		ret->u.i = -t.value.u.i;
	else if (minus)
		ret->u.r = -t.value.u.r;
	return 0;
}

static int parse_default(struct parse *p, struct anod_value *ret)
{
	struct token t = *parse_ahead(p);
	_cleanup_(freep) char *text = NULL;

	if (t.type == TOKEN_VALUE && t.value.type != ANOD_INT && t.value.type != ANOD_REAL) {
		lex_next(&p->lexer, &t);
		*ret = t.value;
		return 0;
	}
	if (t.type != TOKEN_WORD && t.type != TOKEN_STRING)
		return parse_number_value(p, "default", ret);
	lex_next(&p->lexer, &t);
	text = token_dup(&t);
	if (!text)
		return parse_no_memory(p);
	ret->type = ANOD_TEXT;
	if (!copy_text(ret->u.text, sizeof(ret->u.text), text))
		return parse_error(p, &t.place, "a text has at most %d bytes", ANOD_TEXT_SIZE - 1);
	return 0;
}

/* option NAME default VALUE [from MIN to MAX] ["HELP"] */
static int parse_option_clause(struct parse *p, struct agent_program *a)
{
	struct agent_option *o = &a->option[a->n_options];
	int r;

	if (a->n_options == AGENT_OPTIONS_MAX)
		return agent_too_many(p, "option", AGENT_OPTIONS_MAX);
	a->n_options++;
	o->place = parse_ahead(p)->place;
	r = parse_word(p, "the name of an option", &o->name);
	if (r == 0 && strchr(o->name, '.'))
		r = parse_error(p, &o->place, "the name of an option has no '.'");
	if (r == 0)
		r = parse_expect(p, "default", "'default' and a value");
	if (r == 0)
		r = parse_default(p, &o->dflt);
	if (r == 0 && parse_accept(p, "from")) {
		r = parse_number_value(p, "from", &o->min);
		if (r == 0)
			r = parse_expect(p, "to", "'to' and a number");
		if (r == 0)
			r = parse_number_value(p, "to", &o->max);
	}
	if (r == 0 && agent_text_below(p))
		r = parse_string(p, "option", &o->help);
	return r;
}

/* on KIND [where EXPR] */
static int parse_on_clause(struct parse *p, struct agent_program *a)
{
	int r;

	a->kind_place = parse_ahead(p)->place;
	r = parse_word(p, "a kind of entity such as link", &a->kind);
	if (r == 0 && agent_accept_below(p, "where"))
		r = agent_parse_cond(p, &a->where);
	return r;
}

/* with NAME = KIND where EXPR [lowest|highest EXPR] */
static int parse_with(struct parse *p, struct agent_program *a)
{
	struct agent_join *j = &a->join[a->n_joins];
	int r;

	if (a->n_joins == AGENT_JOINS_MAX)
		return agent_too_many(p, "with", AGENT_JOINS_MAX);
	a->n_joins++;
	j->place = parse_ahead(p)->place;
	r = parse_word(p, "a name such as r", &j->name);
	if (r == 0 && strchr(j->name, '.'))
		r = parse_error(p, &j->place, "the name behind 'with' has no '.'");
	if (r == 0)
		r = parse_expect(p, "=", "'=' and a kind of entity");
	if (r == 0)
		r = parse_word(p, "a kind of entity such as route", &j->kind);
	if (r == 0 && !agent_accept_below(p, "where"))
		r = parse_expected(p, "'where' and a condition");
	if (r == 0)
		r = parse_expr(p, &j->where);
	if (r == 0 && agent_accept_below(p, "lowest")) {
		r = parse_expr(p, &j->order);
	} else if (r == 0 && agent_accept_below(p, "highest")) {
		j->highest = true;
		r = parse_expr(p, &j->order);
	}
	return r;
}

/* keep NAME = EXPR */
static int parse_keep(struct parse *p, struct agent_program *a)
{
	struct agent_keep *k = &a->keep[a->n_keeps];
	int r;

	if (a->n_keeps == AGENT_KEEPS_MAX)
		return agent_too_many(p, "keep", AGENT_KEEPS_MAX);
	a->n_keeps++;
	k->place = parse_ahead(p)->place;
	r = parse_word(p, "a name for the value", &k->name);
	if (r == 0 && strchr(k->name, '.'))
		r = parse_error(p, &k->place, "the name of a kept value has no '.'");
	if (r == 0)
		r = parse_expect(p, "=", "'=' and a value");
	return r < 0 ? r : parse_expr(p, &k->value);
}

/* ---- find, rival, evidence, suppress --------------------------------------------------------- */

/* find "CODE" [confidence N] ["SENTENCE"] */
static int parse_find(struct parse *p, struct agent_program *a)
{
	int r = parse_code(p, "the code of the finding", &a->code);

	if (r == 0 && agent_accept_below(p, "confidence"))
		r = agent_parse_confidence(p, &a->confidence);
	if (r == 0 && agent_text_below(p))
		r = agent_text_parse(p, "find", &a->sentence);
	return r;
}

/* rival "CODE" [confidence N] [when EXPR] */
static int parse_rival(struct parse *p, struct agent_program *a)
{
	struct agent_rival *v = &a->rival[a->n_rivals];
	int r;

	if (a->n_rivals == ANOD_RIVALS_MAX)
		return agent_too_many(p, "rival", ANOD_RIVALS_MAX);
	a->n_rivals++;
	v->confidence = 0.2;
	v->when.watch = -1;
	r = parse_code(p, "the code of another explanation", &v->code);
	if (r == 0 && parse_accept(p, "confidence"))
		r = agent_parse_confidence(p, &v->confidence);
	if (r == 0 && parse_accept(p, "when"))
		r = agent_parse_cond(p, &v->when);
	return r;
}

/* evidence FACT, ... */
static int parse_evidence(struct parse *p, struct agent_program *a)
{
	int r;

	do {
		if (a->n_refs == ANOD_REFS_MAX)
			return agent_too_many(p, "evidence", ANOD_REFS_MAX);
		parse_skip_newlines(p);
		r = parse_expr(p, &a->ref[a->n_refs]);
		if (r == 0)
			a->n_refs++;
	} while (r == 0 && parse_accept(p, ","));
	return r;
}

/* suppress when EXPR ["WHY"] */
static int parse_suppress(struct parse *p, struct agent_program *a)
{
	struct agent_suppress *s = &a->suppress[a->n_suppress];
	int r;

	if (a->n_suppress == AGENT_SUPPRESS_MAX)
		return agent_too_many(p, "suppress", AGENT_SUPPRESS_MAX);
	a->n_suppress++;
	s->when.watch = -1;
	r = parse_expect(p, "when", "'when' and a condition");
	if (r == 0)
		r = agent_parse_cond(p, &s->when);
	if (r == 0 && agent_text_below(p))
		r = parse_string(p, "suppress", &s->why);
	return r;
}

/* ---- again, clear ------------------------------------------------------------------------------- */

/* again after DUR [at most DUR] */
static int parse_again(struct parse *p, struct agent_program *a)
{
	int r = parse_expect(p, "after", "'after' and a duration");

	if (r == 0)
		r = parse_duration(p, "again after", &a->again_us);
	a->again_max_us = 16 * a->again_us;
	if (r < 0 || !parse_accept(p, "at"))
		return r;
	r = parse_expect(p, "most", "'most' and a duration");
	if (r == 0)
		r = parse_duration(p, "at most", &a->again_max_us);
	if (r == 0 && a->again_max_us < a->again_us)
		r = parse_error(p, &parse_ahead(p)->place,
				"'at most' may not be shorter than 'again after'");
	return r;
}

/* clear when EXPR ["WHY"] */
static int parse_clear(struct parse *p, struct agent_program *a)
{
	int r = parse_expect(p, "when", "'when' and a condition");

	if (r == 0)
		r = agent_parse_cond(p, &a->clear);
	if (r == 0 && agent_text_below(p))
		r = parse_string(p, "clear", &a->clear_why);
	return r;
}

static int clause(struct parse *p, void *target, unsigned index)
{
	struct agent_program *a = target;

	switch ((enum clause) index) {
	case C_SUMMARY:
		return parse_string(p, "summary", &a->summary);
	case C_OPTION:
		return parse_option_clause(p, a);
	case C_ON:
		return parse_on_clause(p, a);
	case C_WITH:
		return parse_with(p, a);
	case C_KEEP:
		return parse_keep(p, a);
	case C_WHEN:
		return agent_parse_cond(p, &a->when);
	case C_FIND:
		return parse_find(p, a);
	case C_RIVAL:
		return parse_rival(p, a);
	case C_EVIDENCE:
		return parse_evidence(p, a);
	case C_SUPPRESS:
		return parse_suppress(p, a);
	case C_PROPOSE:
		return agent_parse_proposal(p, a->proposal, &a->n_proposals, "propose");
	case C_RESTORE:
		return agent_parse_proposal(p, a->restore, &a->n_restores, "restore");
	case C_AGAIN:
		return parse_again(p, a);
	case C_CLEAR:
		return parse_clear(p, a);
	case C_SENSE:
		return agent_parse_sense(p, a);
	}
	return -EINVAL;
}

/* ---- the whole ------------------------------------------------------------------------------------ */

static bool language_begins(const struct token *word)
{
	for (unsigned i = 0; words[i]; i++)
		if (token_is(word, words[i]))
			return true;
	return false;
}

/* The agent has none of its own: it stands too far down. */
static void say_whose_when(struct parse *p, const struct agent_program *a)
{
	for (unsigned i = 0; i < a->n_proposals; i++) {
		const struct agent_cond *c = &a->proposal[i].when;

		if (!c->expr || c->place.line == a->proposal[i].place.line)
			continue;
		(void) parse_error(
			p, &c->place,
			"this 'when' belongs to the proposal in line %u; the agent's own "
			"stands above its proposals",
			a->proposal[i].place.line);
		return;
	}
}

static int language_parse(struct parse *p, struct config_def *d)
{
	_cleanup_(agent_program_freep) struct agent_program *a = calloc(1, sizeof(*a));
	const struct block b = {
		.what = "agent",
		.words = words,
		.many = MANY(C_OPTION) | MANY(C_WITH) | MANY(C_KEEP) | MANY(C_RIVAL) |
			MANY(C_EVIDENCE) | MANY(C_SUPPRESS) | MANY(C_PROPOSE) | MANY(C_RESTORE) |
			MANY(C_SENSE),
		.required = MANY(C_ON) | MANY(C_WHEN) | MANY(C_FIND),
		.clause = clause,
		.noun = "a clause",
	};
	int r;

	if (!a)
		return parse_no_memory(p);
	a->magic = AGENT_PROGRAM_MAGIC;
	a->name = strdup(d->name);
	if (!a->name)
		return parse_no_memory(p);
	a->place = d->place;
	a->schema = p->env->schema;
	a->confidence = CONFIDENCE_DEFAULT;
	a->again_us = AGENT_AGAIN_US;
	a->again_max_us = 16 * AGENT_AGAIN_US;
	a->where.watch = a->when.watch = a->clear.watch = -1;
	r = parse_block(p, &b, a);
	if (r < 0 && !a->when.expr)
		say_whose_when(p, a);
	if (r == 0)
		r = agent_check(p, a);
	if (r == 0 && agent_make_manifest(a) < 0)
		r = parse_no_memory(p);
	if (r < 0)
		return r;
	d->manifest = &a->manifest;
	d->program = TAKE(a);
	return 0;
}

static void language_free(void *program)
{
	(void) agent_program_free(program);
}

const struct config_agents agent_language = {
	.text_max = AGENT_TEXT_MAX,
	.begins = language_begins,
	.parse = language_parse,
	.free = language_free,
};
