/*
 * code_count - count, every and any over the rows of a kind, 64 at a time.
 *
 * Design.  The condition is a program of its own, whose subject is the entity that is counted.
 * Membership of a set is the one thing that is asked entity by entity.  The rules of doubt are
 * those of expr_count.c.
 */
#include "facts/code_priv.h"
#include "facts/code_vec.h"

static struct code_truth both(struct code_truth a, struct code_truth b)
{
	return (struct code_truth){ .yes = a.yes & b.yes, .no = a.no | b.no };
}

static struct code_truth flag_of(const struct code_count *n, const struct code_env *env, int slot,
				 unsigned block)
{
	const struct table_block *b =
		slot < 0 ? NULL : table_block(env->env.store, n->e->kind, (uint16_t) slot, block);
	uint64_t yes = b ? vec_int_true(b->u.i) & b->known : 0;

	return (struct code_truth){ .yes = yes, .no = b ? b->known & ~yes : 0 };
}

static struct code_truth members(const struct code_count *n, struct code_env *env, unsigned block,
				 uint64_t rows)
{
	const struct store *s = env->env.store;
	struct code_truth ret = { 0 };

	if (!n->e->name)
		return (struct code_truth){ .yes = rows };
	if (!env->env.member)
		return ret;
	for (; rows; rows &= rows - 1) {
		unsigned k = (unsigned) __builtin_ctzll(rows);
		uint32_t entity = table_entity(s, n->e->kind, block * TABLE_BLOCK + k);
		enum anod_tri truth = env->env.member(&env->env, n->e->name, n->e->kind,
						      store_entity_name(s, entity));

		ret.yes |= (uint64_t) (truth == ANOD_TRUE) << k;
		ret.no |= (uint64_t) (truth == ANOD_FALSE) << k;
	}
	return ret;
}

static struct code_truth meets(const struct code_count *n, struct code_env *env, unsigned block,
			       uint64_t rows)
{
	struct code_truth ret = { .yes = rows }, where;

	if (n->e->up) {
		ret = both(ret, flag_of(n, env, n->admin_up, block));
		ret = both(ret, flag_of(n, env, n->carrier, block));
	}
	if (n->where && (rows & ~ret.no)) {
		code_run(n->where, env, block, rows & ~ret.no, &where);
		ret = both(ret, where);
	}
	return ret;
}

void code_count_begin(const struct code_count *n, struct code_env *env)
{
	if (n->where)
		code_begin(n->where, env);
}

void code_count(const struct code_count *n, struct code_env *env, int64_t *ret_sure,
		int64_t *ret_possible)
{
	const struct store *s = env->env.store;
	int64_t sure = 0, possible = 0;

	for (unsigned block = 0; block < table_n_blocks(s, n->e->kind); block++) {
		uint64_t rows = table_rows(s, n->e->kind, block);
		struct code_truth member = members(n, env, block, rows), met;

		if (!(rows & ~member.no))
			continue;
		met = both(member, meets(n, env, block, rows & ~member.no));
		sure += __builtin_popcountll(met.yes & rows);
		possible += __builtin_popcountll(~met.no & rows);
	}
	*ret_sure = sure;
	*ret_possible = possible;
}

enum anod_tri code_count_test(const struct code_count *n, struct code_env *env)
{
	const struct store *s = env->env.store;
	bool every = n->e->fn == EXPR_FN_EVERY;
	uint64_t doubt = 0;

	for (unsigned block = 0; block < table_n_blocks(s, n->e->kind); block++) {
		uint64_t rows = table_rows(s, n->e->kind, block);
		struct code_truth member = members(n, env, block, rows), met;

		rows &= ~member.no;
		if (!rows)
			continue;
		met = meets(n, env, block, rows);
		/* One surely that fails, or one surely that passes, decides. */
		if (every ? member.yes & met.no & rows : member.yes & met.yes & rows)
			return every ? ANOD_FALSE : ANOD_TRUE;
		doubt |= rows & (every ? ~met.yes : ~met.no);
	}
	return doubt ? ANOD_DOUBT : every ? ANOD_TRUE : ANOD_FALSE;
}
