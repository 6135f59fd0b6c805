/*
 * program - a declarative agent as it was parsed: private to core/agent.
 *
 * Expressions are of two sorts.  Watched ones ask facts only, and functions over time; the host
 * evaluates them for every entity and says when their truth changes.  Local ones name the
 * subject, a kept value or an entity found by "with"; the agent evaluates them itself, when it
 * acts, with what get() tells.  A condition is cut at its "and"s, so that each part is of one sort.
 */
#ifndef AGENT_PROGRAM_H
#define AGENT_PROGRAM_H

#include "agent/agent.h"
#include "facts/expr.h"
#include "facts/watch.h"
#include "policy/parse.h"

#define AGENT_OPTIONS_MAX   32
#define AGENT_JOINS_MAX	    4
#define AGENT_KEEPS_MAX	    8
#define AGENT_SUPPRESS_MAX  4
#define AGENT_PROPOSALS_MAX 8
#define AGENT_SENSES_MAX    4
#define AGENT_WATCHES_MAX   32
#define AGENT_PARTS_MAX	    32 /* of a condition, cut at its "and"s */
#define AGENT_AGAIN_US	    (60 * UINT64_C(1000000))
#define AGENT_PROGRAM_MAGIC 0x61670001u
#define AGENT_SELF	    "name" /* the subject's name, in expressions */

struct agent_option {
	char *name, *help;
	struct anod_value dflt, min, max; /* min, max unknown: no bound */
	struct lex_place place;
};

/* "with r = route where r.dev == name lowest r.metric": another entity, looked up when it acts. */
struct agent_join {
	char *name, *kind;
	struct expr *where, *order;
	bool highest;
	struct lex_place place;
};

/* "keep old = link.mtu": the value when the finding was opened. */
struct agent_keep {
	char *name;
	struct expr *value;
	struct lex_place place;
};

struct agent_cond {
	struct expr *expr;	     /* as written; NULL: always true */
	unsigned n_local, n_watched; /* parts of 'expr', borrowed */
	struct expr *local[AGENT_PARTS_MAX], *watched[AGENT_PARTS_MAX];
	int watch; /* number among the program's watches; -1: none */
	struct lex_place place;
};

/* A sentence with {expressions} in it. */
struct agent_text {
	unsigned n;
	struct agent_piece {
		char *text;	    /* owned; or */
		struct expr *value; /* owned */
	} * piece;
	struct lex_place place;
};

struct agent_arg {
	char *name;
	struct expr *value;
	const struct anod_param *param; /* borrowed from the action's schema */
	struct lex_place place;
};

struct agent_action {
	char *kind;
	const struct anod_action_desc *desc; /* borrowed; NULL: of a sense */
	unsigned n_args;
	struct agent_arg *arg;
	struct lex_place place;
};

struct agent_proposal {
	unsigned n_actions;
	struct agent_action action[ANOD_ACTIONS_MAX];
	struct agent_cond when;
	struct agent_text reason, expect;
	struct expr *verify;
	double confidence; /* negative: that of the finding */
	struct lex_place place;
};

struct agent_rival {
	char *code;
	double confidence;
	struct agent_cond when;
};

struct agent_suppress {
	struct agent_cond when;
	char *why;
};

struct agent_program {
	uint32_t magic;		     /* first: see agent_attach() */
	const struct schema *schema; /* borrowed; what it was checked against */
	char *name, *summary;
	struct lex_place place;
	char *kind; /* of its subjects */
	struct lex_place kind_place;
	struct agent_cond where, when, clear;
	char *clear_why;
	char *code;
	double confidence;
	struct agent_text sentence;
	unsigned n_options, n_joins, n_keeps, n_rivals, n_suppress, n_refs, n_proposals, n_restores,
		n_senses;
	struct agent_option option[AGENT_OPTIONS_MAX];
	struct agent_join join[AGENT_JOINS_MAX];
	struct agent_keep keep[AGENT_KEEPS_MAX];
	struct agent_rival rival[ANOD_RIVALS_MAX];
	struct agent_suppress suppress[AGENT_SUPPRESS_MAX];
	struct expr *ref[ANOD_REFS_MAX];
	struct agent_proposal proposal[AGENT_PROPOSALS_MAX], restore[AGENT_PROPOSALS_MAX];
	struct agent_action sense[AGENT_SENSES_MAX];
	uint64_t again_us, again_max_us;
	unsigned n_watches;
	struct agent_cond *watch[AGENT_WATCHES_MAX];
	/* The manifest and what it points to. */
	struct anod_plugin manifest;
	struct anod_opt *opts;
	char **reads, **proposes, **senses; /* NULL-ended */
};

struct agent_program *agent_program_free(struct agent_program *a);
DEFINE_CLEANUP(struct agent_program *, agent_program_free);

/* agent_parse_act.c */
struct token agent_token_below(struct parse *p); /* the next that is no newline; nothing is taken */
bool agent_accept_below(struct parse *p, const char *word); /* also from a line below */
bool agent_text_below(struct parse *p); /* a quoted text is next, perhaps on a line below */
int agent_too_many(struct parse *p, const char *clause, unsigned max);
int agent_parse_confidence(struct parse *p, double *ret);
int agent_parse_cond(struct parse *p, struct agent_cond *c);
int agent_parse_proposal(struct parse *p, struct agent_proposal *array, unsigned *n,
			 const char *clause);
int agent_parse_sense(struct parse *p, struct agent_program *a);

/* agent_names.c: bind and type; every mistake is reported. */
int agent_bind(struct parse *p, struct agent_program *a, struct expr *e, bool truth);
int agent_bind_verify(struct parse *p, struct agent_program *a, struct expr *e);
/* ... a condition, cut and given a watch.  'about': it must ask about the subject. */
int agent_bind_cond(struct parse *p, struct agent_program *a, struct agent_cond *c,
		    const char *clause, bool may_be_local, bool about);
/* Only with what get() gives; -EINVAL with diags. */
int agent_must_be_local(struct parse *p, const struct expr *e, const char *what);
/* Of an entity found by "with": its number, else -1. */
int agent_join_of(const struct agent_program *a, const struct expr *fact);
int agent_option_of(const struct agent_program *a, const char *name);
int agent_keep_of(const struct agent_program *a, const char *name);

/* agent_check.c: the whole, once it is parsed. */
int agent_check(struct parse *p, struct agent_program *a);
/* agent_check_action.c */
int agent_check_action(struct parse *p, struct agent_program *a, struct agent_action *x);
/* agent_never.c: conditions that can never be true. */
int agent_check_never(struct parse *p, const struct agent_program *a);

/* agent_text.c */
int agent_text_parse(struct parse *p, const char *clause, struct agent_text *ret);
int agent_text_check(struct parse *p, struct agent_program *a, struct agent_text *t);
void agent_text_done(struct agent_text *t);

/* agent_manifest.c */
int agent_make_manifest(struct agent_program *a);

/* agent_convert.c: a value as an argument wants it: whole numbers rounded and held within the
 * range.  -EINVAL: unknown, of another type, or text from outside the router. */
int agent_convert(const struct anod_param *param, const struct anod_value *v,
		  struct anod_value *ret);

/* agent_run.c: hooks of the manifest. */
int agent_run_init(struct anod_ctx *ctx);
int agent_run_start(struct anod_ctx *ctx);
int agent_run_event(struct anod_ctx *ctx, const struct anod_event *e);
void agent_run_stop(struct anod_ctx *ctx);
void agent_run_fini(struct anod_ctx *ctx);

#endif
