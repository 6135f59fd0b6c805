/*
 * rows - which entities this sensor has in the fact store.
 *
 * Design.  An entity is found by the key of its object, never by its name: a deletion may be read
 * after the link whose name is part of the entity's is gone.  The host's limit on entities is
 * the limit here too.
 */
#include "rtnl.h"

#include <stdlib.h>
#include <string.h>

void key_of(const struct anod_object *o, struct key *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->type = o->type;
	switch ((enum anod_obj_type) o->type) {
	case ANOD_OBJ_LINK:
		ret->a = o->u.link.ifindex;
		break;
	case ANOD_OBJ_ADDR:
		ret->a = o->u.addr.ifindex;
		ret->p = o->u.addr.local;
		break;
	case ANOD_OBJ_ROUTE:
		ret->a = o->u.route.table;
		ret->b = o->u.route.metric;
		ret->c = o->u.route.tos;
		ret->p = o->u.route.dst;
		break;
	case ANOD_OBJ_NEXTHOP:
		ret->a = o->u.nexthop.id;
		break;
	case ANOD_OBJ_RULE:
		ret->a = o->u.rule.priority;
		ret->b = o->u.rule.family;
		break;
	case ANOD_OBJ_NEIGH:
		ret->a = o->u.neigh.ifindex;
		ret->p = o->u.neigh.dst;
		break;
	case ANOD_OBJ_QDISC: /* none of these is an entity of this sensor's */
	case ANOD_OBJ_SYSCTL:
	case ANOD_OBJ_WGPEER:
	case ANOD_OBJ_UNIT:
		break;
	}
}

struct row *row_find(struct rtnl *r, const struct key *k)
{
	struct row *row;

	HASH_FIND(hh, r->rows, k, sizeof(*k), row);
	return row;
}

static bool is_own_route(const struct key *k)
{
	return k->type == ANOD_OBJ_ROUTE && k->p.len;
}

struct row *row_make(struct rtnl *r, const struct key *k, const char *name)
{
	struct row *row = row_find(r, k);

	if (row) {
		/* Tells the host that a dump has named it. */
		(void) r->ctx->host->entity(r->ctx, table_kind(k->type), name, &row->entity);
		row->round = r->table[k->type].round;
		return row;
	}

	row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	row->key = *k;
	row->round = r->table[k->type].round;
	if (r->ctx->host->entity(r->ctx, table_kind(k->type), name, &row->entity) < 0) {
		free(row);
		return NULL;
	}
	HASH_ADD(hh, r->rows, key, sizeof(row->key), row);
	r->n_own_routes += is_own_route(k);
	return row;
}

static void row_free(struct rtnl *r, struct row *row)
{
	r->n_own_routes -= is_own_route(&row->key);
	HASH_DEL(r->rows, row);
	free(row);
}

void row_drop(struct rtnl *r, const struct key *k)
{
	struct row *row = row_find(r, k);

	if (!row)
		return;
	(void) r->ctx->host->entity_gone(r->ctx, row->entity);
	row_free(r, row);
}

void row_drop_link(struct rtnl *r, uint32_t ifindex)
{
	struct row *row, *next;

	HASH_ITER(hh, r->rows, row, next)
	{
		if ((row->key.type != ANOD_OBJ_ADDR && row->key.type != ANOD_OBJ_NEIGH) ||
		    row->key.a != ifindex)
			continue;
		(void) r->ctx->host->entity_gone(r->ctx, row->entity);
		row_free(r, row);
	}
}

void row_sweep(struct rtnl *r, enum anod_obj_type type)
{
	struct row *row, *next;

	HASH_ITER(hh, r->rows, row, next)
	if (row->key.type == type && row->round != r->table[type].round)
		row_free(r, row);
}

void rows_free(struct rtnl *r)
{
	struct link_row *link, *next_link;
	struct part_row *part, *next_part;
	struct row *row, *next;

	HASH_ITER(hh, r->rows, row, next)
	row_free(r, row);
	HASH_ITER(hh, r->links, link, next_link)
	link_forget(r, link);
	HASH_ITER(hh, r->parts, part, next_part)
	{
		HASH_DEL(r->parts, part);
		free(part);
	}
}
