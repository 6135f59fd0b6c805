/*
 * stage_facts - put facts on the stage: by name, by text, by expression, as entities to be counted.
 */
#include <errno.h>
#include <string.h>

#include "facts/lex.h"
#include "facts/value.h"
#include "policy/stage.h"

#define COUNT_MAX 64 /* entities made for one count */

int stage_fact(struct stage *s, const char *kind, const char *entity, const char *attr,
	       const struct anod_value *v)
{
	const struct schema_attr *a = schema_attr(s->schema, kind, attr);
	struct anod_value as = *v;
	uint32_t id;
	int r;

	if (!a)
		return -ENOENT;
	if (a->type == ANOD_REAL && v->type == ANOD_INT)
		as = value_real((double) v->u.i, (enum anod_unit) a->unit);
	if (a->type == ANOD_INT && v->type == ANOD_REAL)
		as = value_int((int64_t) v->u.r, (enum anod_unit) a->unit);
	if (as.type != ANOD_UNKNOWN && as.type != a->type)
		return -EINVAL;
	as.unit = a->unit;
	r = store_entity(s->store, a->kind, entity, s->now_us, &id);
	return r < 0 ? r : stage_put(s, id, a->slot, &as);
}

int stage_fact_text(struct stage *s, const char *text, const char **ret_why)
{
	static char why[256];
	const char *equal = strchr(text, '='), *dot = strchr(text, '.'), *last = NULL;
	const struct schema_attr *a;
	char kind[ANOD_KIND_SIZE], entity[ANOD_NAME_SIZE], attr[ANOD_KIND_SIZE];
	struct anod_value v = value_unknown();
	int r;

	*ret_why = why;
	for (const char *p = text; equal && p < equal; p++)
		if (*p == '.')
			last = p;
	if (!equal || !dot || !last || last == dot || (size_t) (dot - text) >= sizeof(kind) ||
	    (size_t) (last - dot) > sizeof(entity) || (size_t) (equal - last) > sizeof(attr)) {
		(void) snprintf(why, sizeof(why),
				"'%.100s' is no fact; write KIND.NAME.ATTRIBUTE=VALUE, as in "
				"link.wan0.rx_loss=5%%",
				text);
		return -EINVAL;
	}
	(void) snprintf(kind, sizeof(kind), "%.*s", (int) (dot - text), text);
	(void) snprintf(entity, sizeof(entity), "%.*s", (int) (last - dot - 1), dot + 1);
	(void) snprintf(attr, sizeof(attr), "%.*s", (int) (equal - last - 1), last + 1);
	a = schema_attr(s->schema, kind, attr);
	if (!a) {
		(void) snprintf(why, sizeof(why), "there is no fact '%.24s.%.24s'", kind, attr);
		return -EINVAL;
	}
	if (strcmp(equal + 1, "unknown") != 0) {
		if (a->type == ANOD_TEXT)
			v = value_text(equal + 1);
		else if (lex_value(equal + 1, &v) < 0)
			v = value_unknown();
		if (v.type == ANOD_UNKNOWN) {
			(void) snprintf(why, sizeof(why), "'%.60s' is no value", equal + 1);
			return -EINVAL;
		}
	}
	r = stage_fact(s, kind, entity, attr, &v);
	if (r < 0)
		(void) snprintf(why, sizeof(why), "'%.60s' is no value of %.24s.%.24s", equal + 1,
				kind, attr);
	return r;
}

int stage_publish(struct stage *s, const struct expr *e, const char *entity,
		  const struct anod_value *v)
{
	const struct schema_attr *a =
		e->kind && e->slot >= 0 ? schema_attr_at(s->schema, e->kind, (uint16_t) e->slot)
					: NULL;
	struct anod_value as = *v;
	uint32_t id;
	int r;

	entity = e->entity ? e->entity : entity;
	/* What nobody provides and what has no subject is unknown: that is had for nothing. */
	if (!a || !entity || !entity[0])
		return v->type == ANOD_UNKNOWN ? 0 : -ENOTSUP;
	if (a->type == ANOD_REAL && v->type == ANOD_INT)
		as = value_real((double) v->u.i, (enum anod_unit) a->unit);
	if (as.type != ANOD_UNKNOWN)
		as.unit = a->unit;
	r = store_entity(s->store, a->kind, entity, s->now_us, &id);
	return r < 0 ? r : stage_put(s, id, a->slot, &as);
}

/* ---- counts --------------------------------------------------------------------------- */

static int make_member(struct stage *stage, const struct space *s, const struct point *p,
		       const struct expr *e, const char *name)
{
	struct anod_value yes = value_bool(true);
	const char *kind = schema_kind_name(stage->schema, e->kind);
	uint32_t id;
	int r = store_entity(stage->store, e->kind, name, stage->now_us, &id);

	if (r == 0 && e->up)
		r = stage_fact(stage, kind, name, "admin_up", &yes);
	if (r == 0 && e->up)
		r = stage_fact(stage, kind, name, "carrier", &yes);
	for (unsigned i = 0; r == 0 && s && i < s->n_vars; i++) {
		struct anod_value v = piece_value(&s->var[i], p->piece[i]);

		if (!s->var[i].of ||
		    (s->var[i].of->op != EXPR_FACT && s->var[i].of->op != EXPR_CALL))
			return -ENOTSUP;
		r = stage_publish(stage, s->var[i].of, name, &v);
	}
	return r;
}

int stage_count(struct stage *stage, const struct config *c, const struct expr *e, unsigned n)
{
	const struct policy_set *set = e->name ? policy_find_set(c->policy, e->name) : NULL;
	_cleanup_(space_freep) struct space *s = space_new(c, stage->schema);
	_cleanup_(region_done) struct region where = { 0 }, cond = { 0 }, both = { 0 };
	struct point p;
	int r = s ? 0 : -ENOMEM;

	if (n > COUNT_MAX || (set && set->n_names && n > set->n_names))
		return -ENOTSUP;
	if (r == 0)
		s->any_subject = true;
	if (r == 0 && e->b)
		r = dnf_note(s, e->b);
	if (r == 0 && set && set->where)
		r = dnf_note(s, set->where);
	if (r == 0)
		r = space_seal(s);
	if (r == 0)
		r = e->b ? dnf_region(s, e->b, WHERE_TRUE, &where) : region_all(s, &where);
	if (r == 0)
		r = set && set->where ? dnf_region(s, set->where, WHERE_TRUE, &cond)
				      : region_all(s, &cond);
	if (r == 0)
		r = region_meet(s, &where, &cond, &both);
	if (r < 0 || !both.n)
		return r < 0 ? r : -ENOTSUP;
	point_of(s, both.box, &p);
	for (unsigned i = 0; i < n && r == 0; i++) {
		char name[32];

		(void) snprintf(name, sizeof(name), "counted%u", stage->n_counted++);
		r = make_member(stage, s, &p, e, set && set->n_names ? set->member[i] : name);
	}
	return r;
}
