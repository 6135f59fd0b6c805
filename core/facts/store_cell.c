/*
 * store_cell - one fact: publish it, read it, forget it.
 *
 * Design.  Whether a value may be believed is worked out when it is read, from its age and from
 * the state of its source, so no reader can see a stale one between two runs of store_expire().
 * Listeners live in the past by as much: 'told' remembers what they take a fact for.  A fact
 * that is published after it had grown too old is announced even if its value is the old one,
 * because a reader in between has seen it unknown.
 */
#include "facts/store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "facts/store_priv.h"
#include "facts/value.h"

static bool on_heap(const struct schema_attr *a)
{
	return a->type == ANOD_TEXT || a->type == ANOD_PREFIX;
}

void cell_value(const struct cell *c, const struct schema_attr *a, struct anod_value *ret)
{
	*ret = (struct anod_value){ .type = a->type, .unit = a->unit, .flags = c->flags };
	if (c->state != CELL_KNOWN) {
		*ret = value_unknown();
		return;
	}

	switch ((enum anod_type) a->type) {
	case ANOD_BOOL:
	case ANOD_INT:
		ret->u.i = c->u.i;
		break;
	case ANOD_REAL:
		ret->u.r = c->u.r;
		break;
	case ANOD_TEXT:
		(void) copy_text(ret->u.text, sizeof(ret->u.text), c->u.text);
		break;
	case ANOD_PREFIX:
		ret->u.prefix = *c->u.prefix;
		break;
	case ANOD_UNKNOWN:
		break;
	}
}

void cell_clear(struct cell *c, const struct schema_attr *a, enum cell_state state)
{
	if (c->state == CELL_KNOWN && on_heap(a))
		free(c->u.text);
	c->u.i = 0;
	c->state = (uint8_t) state;
}

uint64_t cell_due(const struct cell *c, const struct schema_attr *a)
{
	if (c->state != CELL_KNOWN || a->max_age_us == 0 ||
	    c->time_us >= US_INFINITY - a->max_age_us - 1)
		return US_INFINITY;
	return c->time_us + a->max_age_us + 1;
}

const char *cell_doubt(const struct store *s, const struct cell *c, const struct schema_attr *a,
		       uint64_t now_us)
{
	const struct sync *sync;

	switch ((enum cell_state) c->state) {
	case CELL_NEVER:
		return "never seen";
	case CELL_WITHDRAWN:
		return "withdrawn";
	case CELL_KNOWN:
		break;
	}

	sync = sync_find(s, a);
	if (sync && sync->lost)
		return "source out of sync";
	return now_us >= cell_due(c, a) ? "too old" : NULL;
}

static bool cell_same(const struct cell *c, const struct schema_attr *a, const struct anod_value *v)
{
	struct anod_value old;

	if (c->state != CELL_KNOWN || c->flags != v->flags)
		return false;
	if (a->type == ANOD_BOOL || a->type == ANOD_INT)
		return c->u.i == v->u.i;

	cell_value(c, a, &old);
	return value_same(&old, v);
}

static int cell_set(struct cell *c, const struct schema_attr *a, const struct anod_value *v)
{
	struct cell new = { 0 };

	switch ((enum anod_type) a->type) {
	case ANOD_BOOL:
	case ANOD_INT:
		new.u.i = v->u.i;
		break;
	case ANOD_REAL:
		new.u.r = v->u.r;
		break;
	case ANOD_TEXT:
		new.u.text = strdup(v->u.text);
		break;
	case ANOD_PREFIX:
		new.u.prefix = malloc(sizeof(*new.u.prefix));
		if (new.u.prefix)
			*new.u.prefix = v->u.prefix;
		break;
	case ANOD_UNKNOWN:
		return -EPROTO;
	}
	if (on_heap(a) && !new.u.text)
		return -ENOMEM;

	cell_clear(c, a, CELL_NEVER);
	c->u = new.u;
	c->state = CELL_KNOWN;
	c->flags = v->flags;
	return 0;
}

/* What a plugin hands over, checked and in the one form that is stored. */
static int value_accept(const struct schema_attr *a, const struct anod_value *v,
			struct anod_value *ret)
{
	const struct anod_prefix *p = &v->u.prefix;

	if (v->type != a->type || (v->unit != ANOD_UNIT_NONE && v->unit != a->unit))
		return -EPROTO;

	*ret = *v;
	ret->unit = a->unit;
	ret->flags = (v->flags | a->flags) & ANOD_VALUE_OUTSIDE;
	switch ((enum anod_type) v->type) {
	case ANOD_BOOL:
		ret->u.i = v->u.i != 0;
		return 0;
	case ANOD_INT:
		return 0;
	case ANOD_REAL:
		return isfinite(v->u.r) ? 0 : -EPROTO;
	case ANOD_TEXT:
		if (!memchr(v->u.text, '\0', sizeof(v->u.text)))
			return -EPROTO;
		clean_text(ret->u.text);
		return 0;
	case ANOD_PREFIX:
		if (p->family == AF_INET)
			return p->len <= 32 ? 0 : -EPROTO;
		return p->family == AF_INET6 && p->len <= 128 ? 0 : -EPROTO;
	case ANOD_UNKNOWN:
		break;
	}
	return -EPROTO;
}

void cell_tell(struct store *s, struct row *row, const struct schema_attr *a,
	       const struct anod_value *was, uint64_t now_us)
{
	struct cell *c = &row->cell[a->slot];
	struct fact fact = { .time_us = c->time_us };
	struct store_change change = {
		.entity = row->handle,
		.kind = row->kind,
		.slot = a->slot,
		.name = row->name,
		.attr = a,
		.fact = &fact,
		.old = *was,
	};

	change.old_seq = c->seq;
	change.lapsed = c->told && was->type == ANOD_UNKNOWN;
	c->changed_us = now_us;
	c->seq = ++s->seq;
	fact.why = cell_doubt(s, c, a, now_us);
	c->told = !fact.why;
	fact.changed_us = c->changed_us;
	fact.seq = c->seq;
	if (c->told) {
		cell_value(c, a, &fact.value);
		if (cell_due(c, a) < row->age.due_us)
			heap_set(s->ageing, &row->age, cell_due(c, a));
	}
	s->stats.changed++;
	store_tell(s, &change);
}

static int row_room(const struct store *s, struct row *row)
{
	unsigned n = schema_n_slots(s->schema, row->kind);
	struct cell *cell = reallocarray(row->cell, n, sizeof(*cell));

	if (!cell)
		return -ENOMEM;
	memset(cell + row->n_cells, 0, (n - row->n_cells) * sizeof(*cell));
	row->cell = cell;
	row->n_cells = n;
	return 0;
}

/* An event-driven source outranks one that only samples: it says when the entity goes. */
static void note_maker(struct store *s, struct row *row, const struct schema_attr *a,
		       const struct sync *sync)
{
	bool ages = a->max_age_us > 0;

	if (row->maker > 0 && (ages || !row->maker_ages))
		return;
	row->maker = (uint16_t) (sync - s->sync + 1);
	row->maker_ages = ages;
}

/* The cell of an attribute, ready to be written, and its source. */
static int cell_open(struct store *s, struct row *row, const struct schema_attr *a,
		     struct cell **ret, struct sync **ret_sync)
{
	int r = 0;

	if (a->slot >= row->n_cells)
		r = row_room(s, row);
	if (r >= 0)
		r = sync_of_attr(s, a, ret_sync);
	if (r < 0)
		return r;

	note_maker(s, row, a, *ret_sync);
	*ret = &row->cell[a->slot];
	return 0;
}

int store_publish(struct store *s, uint32_t entity, uint16_t slot, const struct anod_value *value,
		  uint64_t now_us)
{
	struct row *row = store_row(s, entity);
	const struct schema_attr *a;
	struct anod_value new, was;
	struct sync *sync;
	struct cell *c;
	bool doubted;
	int r;

	if (!row)
		return -ENOENT;
	a = schema_attr_at(s->schema, row->kind, slot);
	if (!a)
		return -EINVAL;
	if (value && value->type != ANOD_UNKNOWN) {
		r = value_accept(a, value, &new);
		if (r < 0)
			return r;
		value = &new;
	} else {
		value = NULL;
	}
	r = cell_open(s, row, a, &c, &sync);
	if (r < 0)
		return r;

	s->stats.published++;
	doubted = cell_doubt(s, c, a, now_us) != NULL;
	c->round = sync->round;
	if (value && cell_same(c, a, value)) {
		c->time_us = MAX_OF(c->time_us, now_us);
		if (sync->lost || (c->told && !doubted))
			return 0;
		was = value_unknown();
	} else {
		cell_value(c, a, &was);
		if (doubted)
			was = value_unknown();
		if (value)
			r = cell_set(c, a, value);
		else
			cell_clear(c, a, CELL_WITHDRAWN);
		if (r < 0)
			return r;
		c->time_us = MAX_OF(c->time_us, now_us);
	}

	if (value ? !sync->lost : c->told)
		cell_tell(s, row, a, &was, now_us);
	return 0;
}

int store_get(const struct store *s, uint32_t entity, uint16_t slot, uint64_t now_us,
	      struct fact *ret)
{
	const struct row *row = store_row(s, entity);
	const struct schema_attr *a;
	const struct cell *c;

	if (!row)
		return -ENOENT;

	*ret = (struct fact){ .why = "never seen" };
	if (slot >= row->n_cells)
		return 0;

	a = schema_attr_at(s->schema, row->kind, slot);
	c = &row->cell[slot];
	ret->time_us = c->time_us;
	ret->changed_us = c->changed_us;
	ret->seq = c->seq;
	ret->why = cell_doubt(s, c, a, now_us);
	if (!ret->why)
		cell_value(c, a, &ret->value);
	return 0;
}
