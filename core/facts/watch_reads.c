/*
 * watch_reads - what the truth of an expression depends on.
 *
 * Design.  A nameless fact concerns the subject of its entity's name, whatever its kind, because
 * that is how the evaluator finds it (link.carrier and path.loss of wan0); of the subjects' own
 * kind it is a column that lies beside them.  Named facts, and all that is counted, concern every
 * subject.  A FOR or WITHIN node is not looked into: it is evaluated on its
 * own and marks what it is part of.  Sets are followed through their conditions; where nobody
 * can tell a condition, every event-driven fact is taken for part of it.
 */
#include "facts/watch_priv.h"

#include <errno.h>
#include <string.h>

#define SETS_NESTED 8 /* sets defined by sets */

struct collect {
	const struct store *store;
	const struct expr_env *scope;
	struct reads *reads;
	unsigned sets;
	bool no_memory;
};

/* Kinds whose nameless facts are those of a counted entity. */
struct around {
	const struct around *outer;
	uint16_t kind;
};

static bool is_counted(const struct around *around, uint16_t kind)
{
	for (; around; around = around->outer)
		if (around->kind == kind || around->kind == 0)
			return true;
	return false;
}

static uint16_t subject_kind(const struct expr *e, const struct around *around)
{
	struct around inner = { .outer = around };
	uint16_t kind;

	if (!e)
		return 0;
	if (e->op == EXPR_FACT || (e->op == EXPR_CALL && e->kind > 0))
		return !e->entity && e->slot >= 0 && !is_counted(around, e->kind) ? e->kind : 0;
	if (e->op == EXPR_COUNT && e->kind > 0) {
		inner.kind = e->kind;
		around = &inner;
	}
	kind = subject_kind(e->a, around);
	return kind ? kind : subject_kind(e->b, around);
}

uint16_t watch_subject_kind(const struct expr *e)
{
	return subject_kind(e, NULL);
}

static bool same_entity(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void add_read(struct collect *c, struct read **list, unsigned *n, unsigned *room,
		     const struct read *read)
{
	struct read *grown;

	for (unsigned i = 0; i < *n; i++) {
		struct read *old = &(*list)[i];

		if (old->id != read->id)
			continue;
		if (old->how == DEP_WIDE ||
		    (old->how == read->how && same_entity(old->entity, read->entity)))
			return;
	}
	if (*n == *room) {
		grown = reallocarray(*list, *room + 8, sizeof(*grown));
		if (!grown) {
			c->no_memory = true;
			return;
		}
		*list = grown;
		*room += 8;
	}
	(*list)[(*n)++] = *read;
}

static void add_attr(struct collect *c, const struct schema_attr *a, enum dep_how how,
		     const char *entity)
{
	struct reads *r = c->reads;
	struct read read = { .how = how, .entity = entity };

	if (!a)
		return;
	read.id = a->id;
	add_read(c, &r->attr, &r->n_attrs, &r->room_attrs, &read);
}

static void add_presence(struct collect *c, uint16_t kind, enum dep_how how, const char *entity)
{
	struct reads *r = c->reads;
	struct read read = { .id = kind, .how = how, .entity = entity };

	add_read(c, &r->presence, &r->n_presences, &r->room_presences, &read);
}

static void add_part(struct collect *c, const struct expr *node, bool wide)
{
	struct reads *r = c->reads;
	struct part *grown;

	if (r->n_parts == r->room_parts) {
		grown = reallocarray(r->part, r->room_parts + 4, sizeof(*grown));
		if (!grown) {
			c->no_memory = true;
			return;
		}
		r->part = grown;
		r->room_parts += 4;
	}
	r->part[r->n_parts++] = (struct part){ .node = node, .wide = wide };
}

static void collect(struct collect *c, const struct expr *e, const struct around *around);

static void collect_set(struct collect *c, const char *set)
{
	static const struct around all = { .kind = 0 };
	const struct expr *where = NULL;

	if (c->scope->set_where)
		where = c->scope->set_where(c->scope, set);
	else if (c->scope->in_set || c->scope->member || c->scope->overlaps)
		c->reads->any = true;

	c->reads->scoped = true;
	if (!where || c->sets == SETS_NESTED)
		return;
	c->sets++;
	collect(c, where, &all);
	c->sets--;
}

/* A column: of a fact, or of a function over time. */
static void collect_fact(struct collect *c, const struct expr *e, const struct around *around)
{
	enum dep_how how = DEP_NAME;

	if (e->kind == 0 || e->slot < 0)
		return;
	if (is_counted(around, e->kind) && !e->entity)
		how = DEP_WIDE;
	else if (e->entity)
		how = DEP_ENTITY;
	else if (e->kind == c->reads->kind)
		how = DEP_COLUMN;
	add_attr(c, schema_attr_at(store_schema(c->store), e->kind, (uint16_t) e->slot), how,
		 e->entity);
	if (how != DEP_COLUMN)
		add_presence(c, e->kind, how, e->entity);
}

static void collect_count(struct collect *c, const struct expr *e, const struct around *around)
{
	const struct schema *s = store_schema(c->store);
	const struct around inner = { .outer = around, .kind = e->kind };
	const char *kind = schema_kind_name(s, e->kind);

	if (!kind)
		return;
	add_presence(c, e->kind, DEP_WIDE, NULL);
	if (e->up) {
		add_attr(c, schema_attr(s, kind, "admin_up"), DEP_WIDE, NULL);
		add_attr(c, schema_attr(s, kind, "carrier"), DEP_WIDE, NULL);
	}
	if (e->name && e->fn < EXPR_FN_MIN)
		collect_set(c, e->name);
	collect(c, e->a, &inner);
	collect(c, e->b, &inner);
}

static void collect(struct collect *c, const struct expr *e, const struct around *around)
{
	if (!e)
		return;

	switch (e->op) {
	case EXPR_FACT:
		collect_fact(c, e, around);
		return;
	case EXPR_CALL:
		if (e->kind == 0)
			break;
		collect_fact(c, e, around);
		return;
	case EXPR_FOR:
	case EXPR_WITHIN:
		add_part(c, e, around != NULL);
		return;
	case EXPR_COUNT:
		collect_count(c, e, around);
		return;
	case EXPR_IN_SET:
	case EXPR_OVERLAPS:
		if (e->name)
			collect_set(c, e->name);
		break;
	case EXPR_OPERAND:
	case EXPR_BEFORE:
		c->reads->scoped = true;
		break;
	case EXPR_LITERAL:
	case EXPR_NOT:
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_COMPARE:
	case EXPR_ADD:
	case EXPR_SUB:
	case EXPR_MUL:
	case EXPR_DIV:
	case EXPR_FORMERLY:
		break;
	}
	collect(c, e->a, around);
	collect(c, e->b, around);
}

int reads_collect(const struct expr *e, const struct store *store, const struct expr_env *scope,
		  struct reads *ret)
{
	struct reads reads = { .kind = watch_subject_kind(e) };
	struct collect c = { .store = store, .scope = scope, .reads = &reads };

	collect(&c, e, NULL);
	if (reads.kind > 0)
		add_presence(&c, reads.kind, DEP_SUBJECT, NULL);
	if (c.no_memory) {
		reads_done(&reads);
		return -ENOMEM;
	}
	*ret = reads;
	return 0;
}

void reads_done(struct reads *r)
{
	free(r->attr);
	free(r->presence);
	free(r->part);
	*r = (struct reads){ 0 };
}
