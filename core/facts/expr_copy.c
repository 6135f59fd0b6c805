/*
 * expr_copy - copies of trees, and whether two trees mean the same.
 *
 * Design.  The watches keep a tree longer than the watcher who brought it, when another one brought
 * the same.  "The same" is decided on the bound tree and not on its text alone: a fact that was
 * bound before its sensor declared it means "unknown" for ever.
 */
#include <string.h>

#include "facts/expr.h"

static bool copy_word(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

static bool copy_side(struct expr **to, const struct expr *from)
{
	*to = from ? expr_copy(from) : NULL;
	return *to || !from;
}

struct expr *expr_copy(const struct expr *e)
{
	_cleanup_(expr_freep) struct expr *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *e;
	copy->a = copy->b = NULL;
	copy->name = copy->kind_name = copy->entity = copy->attr = NULL;
	copy->place = (struct lex_place){ 0 }; /* of a text that may go */
	if (!copy_word(&copy->name, e->name) || !copy_word(&copy->kind_name, e->kind_name) ||
	    !copy_word(&copy->entity, e->entity) || !copy_word(&copy->attr, e->attr) ||
	    !copy_side(&copy->a, e->a) || !copy_side(&copy->b, e->b))
		return NULL;
	return TAKE(copy);
}

static bool same_word(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool expr_same(const struct expr *a, const struct expr *b)
{
	if (!a || !b)
		return a == b;
	return a->op == b->op && a->cmp == b->cmp && a->fn == b->fn && a->kind == b->kind &&
	       a->slot == b->slot && a->type == b->type && a->unit == b->unit && a->up == b->up &&
	       a->dur_us == b->dur_us && value_same(&a->lit, &b->lit) &&
	       same_word(a->name, b->name) && same_word(a->kind_name, b->kind_name) &&
	       same_word(a->entity, b->entity) && same_word(a->attr, b->attr) &&
	       expr_same(a->a, b->a) && expr_same(a->b, b->b);
}
