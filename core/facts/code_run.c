/*
 * code_run - the vector machine.
 *
 * Design.  One loop over the instructions, each of which works on 64 rows, so that what it costs
 * to fetch one is spread over them.  Columns are read where they lie: loading one costs nothing
 * but asking for its block.  Lanes that nobody knows hold anything; masks keep them out.  Only
 * instructions that work row by row (texts, names, the tree evaluator) look at 'rows'; the others
 * are cheaper on all 64 than on a choice of them.
 */
#include "facts/code_machine.h"
#include "facts/code_vec.h"

const char *code_subject(const struct expr_env *env, uint16_t kind)
{
	const struct code_env *e = env->watch;

	(void) kind;
	return e->entity;
}

/* ---- what other entities know ------------------------------------------------------------ */

static const char *row_name(const struct frame *f, unsigned k)
{
	const struct store *s = f->env->env.store;

	if (f->c->uniform)
		return NULL;
	return store_entity_name(s, table_entity(s, f->c->kind, f->block * TABLE_BLOCK + k));
}

/* A column of another kind, gathered by the names of the rows; returns which are known. */
static uint64_t gather(const struct frame *f, const struct code_op *op, union code_lanes *ret)
{
	const struct store *s = f->env->env.store;
	uint64_t rest = f->rows, known = 0;

	*ret = (union code_lanes){ 0 };
	FOR_EACH_ROW(k, rest)
	{
		const char *name = row_name(f, k);
		uint32_t other = name ? store_find(s, op->kind, name) : 0;
		int row = other ? table_row(s, other) : -1;
		const struct table_block *b =
			row < 0 ? NULL
				: table_block(s, op->kind, op->slot, (unsigned) row / TABLE_BLOCK);
		unsigned at = (unsigned) row % TABLE_BLOCK;

		if (!b || !(b->known >> at & 1))
			continue;
		known |= UINT64_C(1) << k;
		ret->i[k] = b->u.i[at];
	}
	return known;
}

static struct code_truth named_flag(const struct frame *f, const struct code_op *op)
{
	union code_lanes lanes;
	uint64_t known = gather(f, op, &lanes);

	return truth_of(vec_int_true(lanes.i), known);
}

static struct code_truth ask_tree(const struct frame *f, const struct expr *node)
{
	struct code_truth ret = { 0 };
	uint64_t rest = f->rows;

	FOR_EACH_ROW(k, rest)
	{
		enum anod_tri truth;

		f->env->entity = row_name(f, k);
		truth = expr_truth(node, &f->env->env);
		ret.yes |= (uint64_t) (truth == ANOD_TRUE) << k;
		ret.no |= (uint64_t) (truth == ANOD_FALSE) << k;
	}
	return ret;
}

static uint64_t ask_tree_value(const struct frame *f, const struct code_op *op,
			       union code_lanes *ret)
{
	uint64_t rest = f->rows, known = 0;

	*ret = (union code_lanes){ 0 };
	FOR_EACH_ROW(k, rest)
	{
		struct anod_value v;

		f->env->entity = row_name(f, k);
		expr_value(op->u.node, &f->env->env, &v);
		if (v.type != op->type)
			continue;
		known |= UINT64_C(1) << k;
		ret->i[k] = v.u.i;
	}
	return known;
}

static struct code_truth held(const struct frame *f, const struct code_op *op)
{
	struct code_truth ret = { 0 };

	if (f->env->held)
		f->env->held(f->env, op->u.node, f->block, &ret);
	return ret;
}

/* ---- values ------------------------------------------------------------------------------ */

static uint64_t arithmetic(const struct frame *f, const struct code_op *op, union code_lanes *ret)
{
	const struct code_value *a = &f->m->value[op->a], *b = &f->m->value[op->b];
	uint64_t known = a->known & b->known;

	switch ((enum code_op_type) op->op) {
	case CODE_ADD:
		return known & (op->type == ANOD_INT ? vec_int_add(a->at->i, b->at->i, ret->i)
						     : vec_real_add(a->at->r, b->at->r, ret->r));
	case CODE_SUB:
		return known & (op->type == ANOD_INT ? vec_int_sub(a->at->i, b->at->i, ret->i)
						     : vec_real_sub(a->at->r, b->at->r, ret->r));
	case CODE_MUL:
		return known & (op->type == ANOD_INT ? vec_int_mul(a->at->i, b->at->i, ret->i)
						     : vec_real_mul(a->at->r, b->at->r, ret->r));
	default:
		return known & vec_real_div(a->at->r, b->at->r, ret->r);
	}
}

static void load(const struct frame *f, const struct code_op *op)
{
	const struct table_block *b = frame_column(f, op->slot);
	struct code_value *v = &f->m->value[op->dst];

	if (b) {
		*v = (struct code_value){ .at = (const void *) &b->u, .known = b->known };
		return;
	}
	f->m->lanes[op->dst] = (union code_lanes){ 0 };
	*v = (struct code_value){ .at = &f->m->lanes[op->dst] };
}

static void fill(const struct frame *f, unsigned value, int64_t raw, bool known)
{
	vec_int_fill(f->m->lanes[value].i, raw);
	f->m->value[value] =
		(struct code_value){ .at = &f->m->lanes[value], .known = known ? UINT64_MAX : 0 };
}

static void count_bounds(const struct frame *f, const struct code_op *op)
{
	const struct code_count *n = &f->c->count[op->jump];
	int64_t sure, possible;

	code_count_begin(n, f->env);
	code_count(n, f->env, &sure, &possible);
	fill(f, op->dst, sure, true);
	fill(f, op->dst + 1u, possible, true);
}

static struct code_truth count_test(const struct frame *f, const struct code_op *op)
{
	const struct code_count *n = &f->c->count[op->jump];
	enum anod_tri truth;

	code_count_begin(n, f->env);
	truth = code_count_test(n, f->env);
	return (struct code_truth){ .yes = truth == ANOD_TRUE, .no = truth == ANOD_FALSE };
}

static void part_value(const struct frame *f, const struct code_op *op)
{
	const struct code_part *p = &f->c->part[op->jump];

	fill(f, op->dst, p->raw, p->known);
	if (op->op == CODE_PART_BOUNDS)
		fill(f, op->dst + 1u, p->raw_high, p->known);
}

/* An instruction that makes a value. */
static void execute_value(const struct frame *f, const struct code_op *op)
{
	union code_lanes *lanes = &f->m->lanes[op->dst];
	struct code_value *v = f->m->value + op->dst, *a = f->m->value + op->a;

	switch ((enum code_op_type) op->op) {
	case CODE_LOAD:
		load(f, op);
		return;
	case CODE_NAMED:
		v->known = gather(f, op, lanes);
		break;
	case CODE_INT:
		fill(f, op->dst, op->u.i, true);
		return;
	case CODE_REAL:
		vec_real_fill(lanes->r, op->u.r);
		v->known = UINT64_MAX;
		break;
	case CODE_TO_REAL:
		vec_to_real(a->at->i, lanes->r);
		v->known = a->known;
		break;
	case CODE_TREE_VALUE:
		v->known = ask_tree_value(f, op, lanes);
		break;
	case CODE_PART_VALUE:
	case CODE_PART_BOUNDS:
		part_value(f, op);
		return;
	case CODE_COUNT:
		count_bounds(f, op);
		return;
	case CODE_SETTLE:
		v->known = code_compare(VALUE_EQ, ANOD_INT, a, a + 1).yes;
		return;
	default:
		v->known = arithmetic(f, op, lanes);
		break;
	}
	v->at = lanes;
}

/* ---- the loop ---------------------------------------------------------------------------- */

static struct code_truth flag(const struct frame *f, const struct code_op *op)
{
	const struct table_block *b = frame_column(f, op->slot);

	return b ? truth_of(vec_int_true(b->u.i), b->known) : (struct code_truth){ 0 };
}

static struct code_truth part_truth(const struct frame *f, const struct code_op *op)
{
	const struct code_truth *t = &f->c->part[op->jump].truth;

	return (struct code_truth){ .yes = t->yes & 1 ? UINT64_MAX : 0,
				    .no = t->no & 1 ? UINT64_MAX : 0 };
}

/* An instruction that makes a truth, or a value. */
static void execute_one(const struct frame *f, const struct code_op *op)
{
	struct code_truth *t = f->m->truth, *dst = t + op->dst;
	const struct code_value *v = f->m->value;

	switch ((enum code_op_type) op->op) {
	case CODE_DOUBT:
		*dst = (struct code_truth){ 0 };
		break;
	case CODE_CONST:
		*dst = truth_of(op->u.i ? UINT64_MAX : 0, UINT64_MAX);
		break;
	case CODE_FLAG:
		*dst = flag(f, op);
		break;
	case CODE_NAMED_FLAG:
		*dst = named_flag(f, op);
		break;
	case CODE_COLUMN_INT:
		*dst = code_column_int(f, op);
		break;
	case CODE_COLUMN_REAL:
		*dst = code_column_real(f, op);
		break;
	case CODE_COMPARE_INT:
	case CODE_COMPARE_REAL:
		*dst = code_compare((enum value_cmp) op->cmp, op->type, v + op->a, v + op->b);
		break;
	case CODE_BOUNDS:
		*dst = code_bounds(f, op);
		break;
	case CODE_SAME:
		*dst = code_same_truth(f, op);
		break;
	case CODE_TEXT:
		*dst = code_text(f, op);
		break;
	case CODE_NOT:
		*dst = truth_not(t[op->a]);
		break;
	case CODE_AND:
		*dst = truth_and(t[op->a], t[op->b]);
		break;
	case CODE_OR:
		*dst = truth_or(t[op->a], t[op->b]);
		break;
	case CODE_HELD:
		*dst = held(f, op);
		break;
	case CODE_TREE:
		*dst = ask_tree(f, op->u.node);
		break;
	case CODE_PART:
		*dst = part_truth(f, op);
		break;
	case CODE_COUNT_TEST:
		*dst = count_test(f, op);
		break;
	default:
		execute_value(f, op);
		break;
	}
}

void code_execute(const struct code *c, struct code_env *env, unsigned block, uint64_t rows,
		  struct code_machine *m)
{
	const struct frame f = { .c = c, .env = env, .block = block, .rows = rows, .m = m };

	for (unsigned i = 0; i < c->n_ops;) {
		const struct code_op *op = &c->op[i++];

		if (op->op == CODE_SKIP_AND) {
			if ((rows & ~m->truth[op->a].no) == 0)
				i = op->jump;
		} else if (op->op == CODE_SKIP_OR) {
			if ((rows & ~m->truth[op->a].yes) == 0)
				i = op->jump;
		} else {
			execute_one(&f, op);
		}
	}
	env->entity = NULL;
}

static void part_begin(struct code_part *p, struct code_env *env)
{
	struct code_machine m;

	/* What the code does not write is unknown. */
	m.truth[0] = (struct code_truth){ 0 };
	m.value[0].known = 0;
	code_begin(p->code, env);
	code_execute(p->code, env, 0, 1, &m);
	if (p->code->type == ANOD_BOOL) {
		p->truth = m.truth[0];
		return;
	}
	p->known = m.value[0].known & 1;
	p->raw = p->raw_high = 0;
	if (!p->known)
		return;
	p->raw = m.value[0].at->i[0];
	/* Of a value that is no bound nobody asks. */
	p->raw_high = p->code->bounds ? m.value[1].at->i[0] : 0;
}

void code_begin(struct code *c, struct code_env *env)
{
	for (unsigned i = 0; i < c->n_parts; i++)
		part_begin(&c->part[i], env);
}

void code_run(const struct code *c, struct code_env *env, unsigned block, uint64_t rows,
	      struct code_truth *ret)
{
	struct code_machine m;

	m.truth[0] = (struct code_truth){ 0 };
	code_execute(c, env, block, rows, &m);
	ret->yes = m.truth[0].yes & rows;
	ret->no = m.truth[0].no & rows;
}
