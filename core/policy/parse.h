/*
 * parse - what the parsers of statements share.
 *
 * Private to core/policy.  One struct parse lives through config_load(); an include swaps its
 * lexer.  Parsing and checking are two passes: statements are parsed file by file into the
 * configuration, then everything is checked at once, so that the order of statements and files
 * means nothing.
 *
 * A function that returns an error has reported it.  A statement that does not parse is kept by
 * its name and remembered as broken: references to it are then no errors of their own.
 */
#ifndef POLICY_PARSE_H
#define POLICY_PARSE_H

#include <errno.h>
#include <sodium/crypto_hash_sha256.h>
#include <string.h>
#include <uthash.h>

#include "facts/value.h"
#include "policy/config.h"

#define PARSE_INCLUDE_DEPTH 16
#define BLOCK_WORDS_MAX	    64
#define STATEMENTS_MAX	    20000
#define ERRORS_MAX	    1000 /* behind so many the rest is not parsed */
#define NAMES_MAX	    1000 /* of one list */
#define STRING_MAX	    1023 /* bytes of a path or an address */

struct name_place {	  /* where a name that is checked later stood */
	const char *name; /* by its address */
	struct lex_place place;
	UT_hash_handle hh;
};

struct parse {
	struct lexer lexer;
	const struct config_env *env;
	struct diag_list *diags;
	unsigned errors_before; /* in 'diags' when loading began */
	struct config *config;
	unsigned include_depth;
	const char *include_stack[PARSE_INCLUDE_DEPTH];
	unsigned n_statements, n_broken;
	struct lex_place *broken;	/* places of statements that did not parse */
	struct name_place *name_places; /* uthash */
	bool library;			/* in a file of agents: nothing else may stand there */
	bool has_policy;
	struct lex_place policy_place;
	crypto_hash_sha256_state hash;
};

/* ---- parse.c: tokens ---------------------------------------------------------------------- */

const struct token *parse_ahead(struct parse *p);
bool parse_is(struct parse *p, const char *word);
bool parse_accept(struct parse *p, const char *word);
/* The end of a statement or clause is ahead: a newline, '}' or the end of the file. */
bool parse_at_end(struct parse *p);
/* Always -EINVAL. */
int parse_error(struct parse *p, const struct lex_place *place, const char *fmt, ...)
	_printf_(3, 4);
void parse_warning(struct parse *p, const struct lex_place *place, const char *fmt, ...)
	_printf_(3, 4);
int parse_no_memory(struct parse *p);
/* "expected WHAT, not 'X'" at the next token. */
int parse_expected(struct parse *p, const char *what);
int parse_expect(struct parse *p, const char *word, const char *what);
/* "'CLAUSE' wants WHAT, not X". */
int parse_wants(struct parse *p, const char *clause, const char *what);

int parse_word(struct parse *p, const char *what, char **ret);	   /* a bare word */
int parse_name(struct parse *p, const char *what, char **ret);	   /* a word or a quoted text */
int parse_string(struct parse *p, const char *clause, char **ret); /* a quoted text */
/* Where a name that one of these returned stood; 'otherwise' when it is not known. */
const struct lex_place *parse_place_of(const struct parse *p, const char *name,
				       const struct lex_place *otherwise);
void parse_forget_places(struct parse *p);
int parse_duration(struct parse *p, const char *clause, uint64_t *ret_us); /* > 0 */
int parse_number(struct parse *p, const char *clause, int64_t min, int64_t max, int64_t *ret);
int parse_expr(struct parse *p, struct expr **ret);
/* "ACTION ARG VALUE ...", ...: quoted actions, appended to an array of at most 'max'. */
int parse_quoted_actions(struct parse *p, unsigned max, struct anod_action **array, unsigned *n);
/* "A, B" on a line or "{ A, B }" over lines: names appended to an array. */
int parse_names(struct parse *p, const char *what, char ***array, unsigned *n);
int parse_braced(struct parse *p, const char *what,
		 int (*item)(struct parse *, const char *what, void *), void *data);
/* The source from 'start' to the next token on one line, as a malloc()ed text. */
char *parse_text_since(struct parse *p, const char *start);
/* One of the NULL-ended list, by its index. */
int parse_choice(struct parse *p, const char *clause, const char *const *words, unsigned *ret);

/* Append a zeroed item; NULL: no memory.  For arrays that only ever grow by this. */
#define ARRAY_APPEND(array, n)                                                                     \
	({                                                                                         \
		__typeof__(array) grown_ = array_grow(array, n, sizeof(*(array)));                 \
		if (grown_)                                                                        \
			(array) = grown_;                                                          \
		grown_ ? &(array)[(n)++] : NULL;                                                   \
	})
void *array_grow(void *array, unsigned n, size_t item_size);

/* ---- parse_block.c: blocks and recovery --------------------------------------------------- */

struct block {
	const char *what;	  /* "permit": for messages */
	const char *const *words; /* NULL-ended: what may begin a clause */
	uint64_t many;		  /* bit i: word i may come more than once */
	/* Called behind the word. */
	int (*clause)(struct parse *p, void *target, unsigned index);
	const char *noun;  /* "a clause" or "an option" */
	uint64_t required; /* bit i: word i must come */
	bool not_empty;	   /* any clause will do, but there must be one */
};
/* "{ clauses }"; -EINVAL when any of them failed; all have been reported. */
int parse_block(struct parse *p, const struct block *b, void *target);
void parse_skip_newlines(struct parse *p);
/* Does a statement begin here? */
bool parse_statement_ahead(struct parse *p);
/* Behind the statement, whatever is in it. */
void parse_skip_statement(struct parse *p);
void parse_broken(struct parse *p, const struct lex_place *place);
bool parse_is_broken(const struct parse *p, const struct lex_place *place);
extern const char *const statement_words[];

/* ---- statements: called behind the keyword, which stood at 'place' ------------------------- */

int parse_policy_line(struct parse *p, const struct lex_place *place);
int parse_set(struct parse *p, const struct lex_place *place);
int parse_window(struct parse *p, const struct lex_place *place);
int parse_budget(struct parse *p, const struct lex_place *place);
int parse_invariant(struct parse *p, const struct lex_place *place);
/* "by N of GROUP, ... for DUR" behind "override", in an invariant. */
int parse_override(struct parse *p, struct policy_invariant *inv);
int parse_objective(struct parse *p, const struct lex_place *place);
int parse_permit(struct parse *p, const struct lex_place *place);
int parse_forbid(struct parse *p, const struct lex_place *place);
int parse_cap(struct parse *p, const struct lex_place *place);
int parse_link(struct parse *p, const struct lex_place *place);
int parse_group(struct parse *p, const struct lex_place *place);
int parse_endpoint(struct parse *p, const struct lex_place *place);
int parse_agent(struct parse *p, const struct lex_place *place);
int parse_sensor(struct parse *p, const struct lex_place *place);
/* config_agents.c: is "agent NAME" followed by the definition of a declarative agent?  Parse it. */
bool parse_definition_ahead(struct parse *p, const char *name);
int parse_definition(struct parse *p, const char *name, const char *start,
		     const struct lex_place *place);
/* The definition of this name: of the configuration, else of a file in the agents' folders; -1:
 * there is none, or it has errors, which are then said and '*ret_said' is true. */
int find_definition(struct parse *p, const char *name, bool *ret_said);
/* Parse the statements of a file in place; 'from' is where it was named. */
int parse_library_file(struct parse *p, const char *path, const struct lex_place *from);
/* Agents that are written in the configuration run, also without a block of options. */
int run_definitions(struct parse *p);
/* config_offer.c: there is no such plugin; say which there are.  -EINVAL. */
int no_such_plugin(struct parse *p, const struct config_block *b, uint32_t role, const char *what);
/* The options of the manifest that the block does not set. */
int parse_block_defaults(struct parse *p, struct config_block *b, const struct anod_plugin *m);
void definitions_done(struct config *c);
int parse_anod(struct parse *p, const struct lex_place *place);
int parse_damping(struct parse *p, const struct lex_place *place);
int parse_brake(struct parse *p, const struct lex_place *place);
int parse_peer(struct parse *p, const struct lex_place *place);
int parse_grant(struct parse *p, const struct lex_place *place);
int parse_history(struct parse *p, const struct lex_place *place);
/* What stands behind "require" in an invariant. */
int parse_requirement(struct parse *p, struct policy_require *q);
/* Clauses of a rule, in policy_parse_rule.c's order. */
int parse_level(struct parse *p, struct policy_rule *r);
int parse_on(struct parse *p, struct policy_rule *r);
int parse_promote(struct parse *p, struct policy_rule *r);
int parse_demote(struct parse *p, struct policy_rule *r);
int parse_quorum(struct parse *p, struct policy_rule *r);
int parse_notify(struct parse *p, struct policy_rule *r);
int parse_severity(struct parse *p, struct policy_rule *r);
int parse_reflex(struct parse *p, struct policy_rule *r);

void reflex_done(struct policy_reflex *x);
/* What holds where neither damping nor brake is written. */
void damping_defaults(struct policy *p);

void rule_done(struct policy_rule *r);
void config_group_done(struct config_group *g);
void objective_done(struct policy_objective *o);
/* Is this an IANA time zone by its form and area?  '*ret_near' may be NULL. */
bool zone_is_plausible(const char *zone, const char **ret_near);

/* ---- checks, after all files ---------------------------------------------------------------- */

struct scope;

void config_check(struct parse *p);
void config_history_check(struct parse *p);
void config_people_check(struct parse *p);
void config_peers_check(struct parse *p);
void config_peers_done(struct config *c);
/* Of a permit's quorum. */
void config_check_quorum(struct parse *p, const struct policy_rule *r);
void config_check_grant(struct parse *p, struct scope *scope, struct config_grant *g);
/* Are the groups there, and so many different people in them? */
void check_people(struct parse *p, const struct lex_place *place, const char *name, unsigned need,
		  char *const *group, unsigned n_groups);
void policy_check(struct parse *p);
void policy_check_brake(struct parse *p);
void policy_check_rule(struct parse *p, struct scope *scope, struct policy_rule *r);
/* Of a permit's promote, demote, notify; of a rule's or invariant's "formerly". */
void policy_check_trust(struct parse *p, const struct policy_rule *r);
void policy_check_reflex(struct parse *p, struct scope *scope, const struct policy_rule *r);
void policy_check_history(struct parse *p, const struct expr *e);
/* Of a permit's "recover when" and "against": that what they measure is there to be measured. */
void policy_check_recover(struct parse *p, const struct policy_rule *r);
void policy_check_auto(struct parse *p, const struct policy_rule *r, const char *what);
void policy_check_objective(struct parse *p, struct scope *scope, struct policy_objective *o);
/* A service that no flow can have; -EINVAL. */
int parse_unknown_service(struct parse *p, const struct lex_place *place, const char *service);
void policy_check_require(struct parse *p, struct scope *scope, struct policy_require *q);
const struct anod_plugin *find_plugin(const struct parse *p, const char *name, uint32_t role);
/* "reflex" or "safe": proposals of the daemon itself. */
bool is_own_agent(const char *name);
const struct config_block *find_agent(const struct parse *p, const char *name);
const struct anod_action_desc *find_action(const struct parse *p, const char *kind);
/* "route.*", "any" or an exact kind. */
bool action_matches(const char *pattern, const char *kind);

/* ---- policy_scope.c: what names mean in expressions ------------------------------------------ */

struct scope {
	struct expr_scope expr; /* first: data of the hooks */
	const struct parse *parse;
	const struct policy_rule *rule; /* whose actions' arguments are operands, or NULL */
	const char **names;		/* owned array of borrowed and owned names */
	char **owned;
	unsigned n_names, n_owned;
};
int scope_init(struct scope *s, const struct parse *p);
void scope_done(struct scope *s);
/* Check 'e' for a place in a rule (NULL: elsewhere). */
int scope_check(struct scope *s, struct expr *e, const struct policy_rule *rule, bool before);

/* An expression in a place that has no action, and so no link that it is about. */
struct subjectless {
	const char *noun, *why; /* "an objective", "there is no action" */
	unsigned n_facts;	/* that it reads */
	bool failed;		/* the first mistake was told */
};
void check_subjectless(struct parse *p, const struct expr *e, struct subjectless *c);

#endif
