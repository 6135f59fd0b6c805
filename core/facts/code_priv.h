/*
 * code_priv - instructions of the vector machine; for its own files.
 *
 *   code_compile.c   trees to programs (and code_gen.c, code_value.c)
 *   code_run.c       the machine (and code_compare.c)
 *   code_count.c     count, every and any over the rows of a kind
 *   code_vec.c       its inner loops
 *
 * Two stacks of registers: truths (two masks) and values (64 lanes and a mask of those that are
 * known).  An instruction names the registers that it reads and writes, so the stacks exist only
 * while compiling.
 */
#ifndef FACTS_CODE_PRIV_H
#define FACTS_CODE_PRIV_H

#include "facts/code.h"

/* What is nested deeper is left to the tree evaluator. */
#define CODE_TRUTHS_MAX 24
#define CODE_VALUES_MAX 12

enum code_op_type {
	/* truths */
	CODE_DOUBT = 1,	 /* nothing is known */
	CODE_CONST,	 /* i: 0 or 1 */
	CODE_FLAG,	 /* slot: a BOOL column */
	CODE_NAMED_FLAG, /* kind, slot: the BOOL of the entity of the same name */
	CODE_COLUMN_INT, /* slot, cmp, i: an INT column against a constant */
	CODE_COLUMN_REAL,
	CODE_COMPARE_INT, /* cmp, values a, b */
	CODE_COMPARE_REAL,
	CODE_BOUNDS, /* cmp, values a..a2 against b..b2, type: what can still be */
	CODE_SAME,   /* cmp: == or !=, truths a, b */
	CODE_TEXT,   /* slot, cmp: a TEXT column against node->lit */
	CODE_NOT,    /* truth a */
	CODE_AND,    /* truths a, b */
	CODE_OR,
	CODE_SKIP_AND, /* to 'jump' when truth a decides every row */
	CODE_SKIP_OR,
	CODE_HELD, /* node */
	CODE_TREE, /* node: ask the tree evaluator */
	CODE_PART, /* jump: number of the part */
	CODE_COUNT_TEST /* jump: number of the count: every, any */,
	/* values */
	CODE_LOAD,  /* slot, type */
	CODE_NAMED, /* kind, slot, type: of the entity of the same name */
	CODE_INT,   /* i */
	CODE_REAL,  /* r */
	CODE_TO_REAL,
	CODE_ADD, /* values a, b; type */
	CODE_SUB,
	CODE_MUL,
	CODE_DIV,
	CODE_TREE_VALUE,  /* node, type */
	CODE_PART_VALUE,  /* jump, type */
	CODE_PART_BOUNDS, /* jump: into dst and dst + 1 */
	CODE_COUNT,	  /* jump: number of the count: into dst and dst + 1 */
	CODE_SETTLE,	  /* known where values a and a + 1 are the same */
};

struct code_op {
	uint8_t op;   /* enum code_op_type */
	uint8_t cmp;  /* enum value_cmp */
	uint8_t type; /* ANOD_INT or ANOD_REAL */
	uint8_t dst, a, a2, b, b2;
	uint16_t kind, slot, jump;
	union {
		int64_t i;
		double r;
		const struct expr *node;
	} u;
};

/* Something that is the same for every row, and what it was at code_begin(). */
struct code_part {
	struct code *code;
	struct code_truth truth; /* bit 0 */
	bool known;
	int64_t raw, raw_high; /* the bits of a value, or of two bounds */
};

/* count, every or any over a kind. */
struct code_count {
	const struct expr *e;
	struct code *where; /* NULL: none */
	int admin_up, carrier;
};

struct code {
	const struct schema *schema;
	uint16_t kind;
	bool uniform; /* row 0 of block 0 stands for all */
	bool bounds;  /* the result is two values, the least and the most */
	uint8_t type; /* of the result: ANOD_BOOL, ANOD_INT or ANOD_REAL */
	unsigned n_ops, room_ops;
	struct code_op *op;
	unsigned n_parts, n_counts;
	struct code_part *part;
	struct code_count *count;
};

union code_lanes {
	int64_t i[TABLE_BLOCK];
	double r[TABLE_BLOCK];
};

struct code_value {
	const union code_lanes *at; /* a column, or the register's own lanes */
	uint64_t known;
};

struct code_machine {
	struct code_truth truth[CODE_TRUTHS_MAX];
	struct code_value value[CODE_VALUES_MAX];
	union code_lanes lanes[CODE_VALUES_MAX];
};

/* Leaves the result in truth[0], or value[0] and value[1]. */
void code_execute(const struct code *c, struct code_env *env, unsigned block, uint64_t rows,
		  struct code_machine *m);

void code_count_begin(const struct code_count *n, struct code_env *env);
/* EXPR_FN_COUNT: between how many and how many.  Call code_count_begin() first. */
void code_count(const struct code_count *n, struct code_env *env, int64_t *ret_sure,
		int64_t *ret_possible);
/* EXPR_FN_EVERY, EXPR_FN_ANY. */
enum anod_tri code_count_test(const struct code_count *n, struct code_env *env);

#endif
