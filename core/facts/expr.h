/*
 * expr - expressions over facts, shared by watches, policy and declarative agents.
 *
 * A text becomes a tree (expr_parse), the tree is bound to the schema and typed (expr_check), and
 * a bound tree is evaluated against an environment (expr_truth, expr_value) as often as wanted.
 *
 *   expr    = or ;  or = and { "or" and } ;  and = not { "and" not } ;  not = [ "not" ] test
 *   test    = sum [ op sum ] [ "for" DUR | "in" DUR ]
 *           | sum [ "not" ] "in" SET | sum "overlaps" (SET | PREFIX)
 *           | "formerly" ACTION ["any"] "within" DUR
 *   op      = == != < <= > >=
 *   sum     = term { ("+" | "-") term } ;  term = factor { ("x" | "*" | "/") factor }
 *   factor  = VALUE [ "of" factor ] | STRING | fact | "before" | function | "(" expr ")"
 *   fact    = KIND.ATTR | KIND.NAME.ATTR | KIND."NAME".ATTR
 *   function= count|every|any (SET|KIND ["up" | "where" expr])
 *           | min|max|sum|avg (fact ["where" expr])
 *           | rate|mean|low|high|p50|p95|p99|trend|ewma|zscore|shift (over, DUR)
 *           | changed (over [, DUR]) | level|unusual (over) | lossy (fact, fact)
 *           | reversals (resource, DUR) | path.loss|path.rtt (NAME)
 *   over    = fact | function over time
 *   A bare word on the right of == and != is a text, unless something is calculated with it.
 *   "and" and "or" may end a line or begin one.
 *
 * "KIND.ATTR" without a name is the subject's (in a policy: the entity that the action is on;
 * in a watch: every entity of the kind in turn; inside count(... where ...): the one counted).
 *
 * Three-valued (Kleene): unknown operands give unknown unless the other side decides.  Overflow,
 * division by zero and a dead provider are unknown.  "X for D" is true when X was true without
 * a break for D, false when X was false at some moment in D, else unknown.  "X in D" is its dual:
 * true when X was true at some moment in the last D, false when X was false throughout it, else
 * unknown.  Both need somebody who remembers (expr_env.held; watch.h).
 *
 * Functions over time (facts/stats.h) are columns of statistics: stats_bind() finds the column of
 * each, and from then on the call is read like a fact.  That is: an EXPR_CALL with kind > 0 and
 * slot >= 0 means the column (kind, slot), of the entity 'entity' or, where that is NULL, of the
 * subject.  One that is not bound is unknown.
 *
 * "formerly" (of the resource, with "any": of anywhere) and "reversals" ask about what was done
 * before (policy/track.h): only rules and invariants may (expr_scope.history_allowed).  A comparison
 * with reversals(resource) may stand in front of "in DUR", which is then its window:
 * "reversals(resource) >= 2 in 30m" is "reversals(resource, 30m) >= 2".
 * path.loss(NAME) and path.rtt(NAME) are bound by expr_check() in the same way: of a set of flows
 * to flows.NAME.loss, else to path.NAME.loss.  traffic.in and traffic.out are of the only entity of
 * their kind, "uplinks".
 *
 * Pure; bounded: EXPR_NODES_MAX nodes, EXPR_DEPTH_MAX levels, each evaluated once per entity.
 */
#ifndef FACTS_EXPR_H
#define FACTS_EXPR_H

#include "facts/diag.h"
#include "facts/store.h"
#include "facts/value.h"

#define EXPR_LOOKED_UP '@' /* begins the entity of a fact that was written r.ATTR (core/agent) */
#define EXPR_NODES_MAX 512
#define EXPR_DEPTH_MAX 32

enum expr_op {
	EXPR_LITERAL = 1, /* lit */
	EXPR_FACT,	  /* kind, slot; entity NULL: the subject's */
	EXPR_OPERAND,	  /* name: action.dst, model.confidence ... */
	EXPR_BEFORE,	  /* the other side's fact when the transaction began */
	EXPR_NOT,	  /* a */
	EXPR_AND,	  /* a, b */
	EXPR_OR,
	EXPR_COMPARE, /* cmp, a, b */
	EXPR_ADD,     /* a, b */
	EXPR_SUB,
	EXPR_MUL,
	EXPR_DIV,
	EXPR_IN_SET,   /* a in set 'name' */
	EXPR_OVERLAPS, /* a overlaps set 'name' or literal b */
	EXPR_FOR,      /* a held for dur_us */
	EXPR_WITHIN,   /* "a in DUR": a was true within dur_us */
	EXPR_FORMERLY, /* action 'name' within dur_us; fn EXPR_FN_ANY: on any resource */
	EXPR_CALL,  /* function 'name': a, b = arguments, dur_us; kind, slot, entity: see above */
	EXPR_COUNT, /* count, every, any over set or kind: fn, name or kind, b = where or NULL */
};

enum expr_fn {
	EXPR_FN_COUNT = 1,
	EXPR_FN_EVERY,
	EXPR_FN_ANY,
	EXPR_FN_MIN,
	EXPR_FN_MAX,
	EXPR_FN_SUM,
	EXPR_FN_AVG
};

struct expr {
	enum expr_op op;
	enum value_cmp cmp;
	enum expr_fn fn;
	struct lex_place place;
	struct expr *a, *b; /* owned */
	struct anod_value lit;
	char *name;	    /* owned: set, operand, function, action */
	char *kind_name;    /* owned: as written */
	char *entity;	    /* owned: name of the entity, or NULL */
	char *attr;	    /* owned: as written */
	uint16_t kind;	    /* bound by expr_check(), of functions over time by stats_bind() */
	int slot;	    /* bound; -1: not */
	uint8_t type, unit; /* bound: of the result */
	bool up;	    /* count(SET up) */
	bool bare;	    /* a text that was written without quotes */
	uint64_t dur_us;
	uint32_t id; /* EXPR_FOR, EXPR_WITHIN: number within the process, given by expr_check() */
};

struct expr *expr_free(struct expr *e);
DEFINE_CLEANUP(struct expr *, expr_free);

/* Parse as far as the expression goes and stop in front of the first token that does not belong
 * to it.  -EINVAL: 'diags' has the error. */
int expr_parse(struct lexer *l, struct diag_list *diags, struct expr **ret);

/* What names mean beside the schema: sets and operands of the place where the text stands. */
struct expr_scope {
	const struct schema *schema;
	/* The kind of entities in a set ("link", "prefix", "flow", "agent"), or NULL: no such set.
	 * "": there is one, but it has errors of its own; what uses it is not checked. */
	const char *(*set_kind)(const struct expr_scope *, const char *set);
	/* Type of an operand ("action.dst"); false: no such operand here. */
	bool (*operand)(const struct expr_scope *, const char *name, uint8_t *ret_type,
			uint8_t *ret_unit);
	const char *const *names; /* NULL-ended: sets and operands, for suggestions */
	bool before_allowed;	  /* inside verify */
	bool history_allowed;	  /* "formerly" and "reversals" */
	bool must_exist;	  /* a fact that no sensor provides is an error, not a warning */
	const void *data;
};
/* Bind and type; the result must be a truth value when 'want_truth'.  -EINVAL with diags. */
int expr_check(struct expr *e, const struct expr_scope *scope, bool want_truth,
	       struct diag_list *diags);

/* "a duration", "a ratio", "a text": for messages; static. */
const char *expr_type_text(uint8_t type, uint8_t unit);
/* May a number without a unit stand for this unit?  Not for a duration or a bit rate. */
bool expr_plain_fits(uint8_t unit);

/* One fact that an evaluation read, for explanations. */
struct expr_read {
	const struct schema_attr *attr; /* NULL for an operand */
	char entity[ANOD_NAME_SIZE];
	char operand[ANOD_NAME_SIZE]; /* for an operand; else "" */
	struct anod_value value;
	uint64_t age_us;
	const char *why; /* when unknown; static */
};

struct expr_trace {
	struct expr_read *read; /* caller's array */
	unsigned n, max, n_dropped;
};

struct expr_env {
	const struct store *store;
	uint64_t now_us;
	/* Name of the entity that a nameless fact of 'kind' means, or NULL: none (unknown). */
	const char *(*subject)(const struct expr_env *, uint16_t kind);
	/* false: unknown. */
	bool (*operand)(const struct expr_env *, const char *name, struct anod_value *ret);
	enum anod_tri (*in_set)(const struct expr_env *, const char *set,
				const struct anod_value *v);
	/* Does the prefix overlap one of the set? */
	enum anod_tri (*overlaps)(const struct expr_env *, const char *set,
				  const struct anod_value *v);
	/* Is the entity of a kind in the set (for count and every)? */
	enum anod_tri (*member)(const struct expr_env *, const char *set, uint16_t kind,
				const char *entity);
	/* The condition that makes a member of the set, or NULL: a fixed list.  For watches, which
	 * have to know what facts a set depends on. */
	const struct expr *(*set_where)(const struct expr_env *, const char *set);
	/* Value of the fact node when the transaction began; false: unknown. */
	bool (*before)(const struct expr_env *, const struct expr *fact, const char *entity,
		       struct anod_value *ret);
	/* Truth of an EXPR_FOR or EXPR_WITHIN node for the subject; see watch_held(). */
	enum anod_tri (*held)(const struct expr_env *, const struct expr *node);
	/* A value that takes the place of the store's ("if it were so", a predicted state); false:
	 * the store's counts. */
	bool (*fact)(const struct expr_env *, uint16_t kind, uint16_t slot, const char *entity,
		     struct anod_value *ret);
	/* Was the action of the EXPR_FORMERLY node applied? */
	enum anod_tri (*formerly)(const struct expr_env *, const struct expr *node);
	/* Between how many and how many times the resource was turned round; false: unknown. */
	bool (*reversals)(const struct expr_env *, uint64_t within_us, int64_t *ret_low,
			  int64_t *ret_high);
	struct expr_trace *trace; /* or NULL */
	void *data;		  /* of the hooks */
	void *watch;		  /* of 'subject' and 'held' when watch.c provides them */
};

/* Any hook may be NULL: what it would have answered is then unknown. */
enum anod_tri expr_truth(const struct expr *e, const struct expr_env *env);
void expr_value(const struct expr *e, const struct expr_env *env, struct anod_value *ret);

/* Canonical text of a tree; malloc()ed. */
char *expr_format(const struct expr *e);

/* A deep copy, bound like the original; NULL: no memory. */
struct expr *expr_copy(const struct expr *e);
/* The same tree with the same bindings; places and ids do not count. */
bool expr_same(const struct expr *a, const struct expr *b);

/* Visit every node, parents first. */
void expr_walk(const struct expr *e, void (*fn)(const struct expr *, void *), void *data);

#endif
