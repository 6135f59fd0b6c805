/*
 * way - what many routes of an rtab share, interned.
 *
 * Design.  An id is an index into an array of pointers; ids of dropped ways are used again, so
 * they stay dense.  The hash index over them holds ids + 1.  A route's counters of use are
 * exact, so a way goes with its last route.
 */
#include "model/way.h"

#include <errno.h>
#include <string.h>

static uint32_t way_hash(const struct anod_object *o)
{
	const struct anod_route *r = &o->u.route;
	uint32_t h = (o->flags * 31u + r->nhid) * 31u + r->dst.family;
	size_t n = MIN_OF(r->n_legs, ANOD_LEGS_MAX) * sizeof(r->leg[0]);

	h = crc32c(h, &r->flags, sizeof(r->flags));
	h = crc32c(h, &r->mtu, sizeof(r->mtu));
	h = crc32c(h, &r->prefsrc, sizeof(r->prefsrc));
	h = crc32c(h, r->leg, n);
	return h * 31u + (uint32_t) (r->protocol << 16 | r->type << 8 | r->scope);
}

bool way_is(const struct way *w, const struct anod_object *o)
{
	const struct anod_route *r = &o->u.route;

	return w->obj_flags == o->flags && w->family == r->dst.family && w->nhid == r->nhid &&
	       w->flags == r->flags && w->mtu == r->mtu && w->protocol == r->protocol &&
	       w->type == r->type && w->scope == r->scope && w->n_legs == r->n_legs &&
	       memcmp(&w->prefsrc, &r->prefsrc, sizeof(w->prefsrc)) == 0 &&
	       memcmp(w->leg, r->leg, w->n_legs * sizeof(w->leg[0])) == 0;
}

static void index_way(struct rtab *t, uint32_t id)
{
	uint32_t mask = t->n_way_slots - 1, i = t->way[id]->hash & mask;

	while (t->way_slot[i])
		i = (i + 1) & mask;
	t->way_slot[i] = id + 1;
}

static int rebuild(struct rtab *t, uint32_t n_slots)
{
	uint32_t *slot = calloc(n_slots, sizeof(*slot));

	if (!slot)
		return -ENOMEM;

	free(t->way_slot);
	t->way_slot = slot;
	t->n_way_slots = n_slots;
	for (uint32_t id = 0; id < t->n_ways; id++)
		if (t->way[id])
			index_way(t, id);
	return 0;
}

static int find(const struct rtab *t, const struct anod_object *o, uint32_t hash, uint32_t *ret_id)
{
	uint32_t mask = t->n_way_slots - 1;

	if (!t->n_way_slots)
		return -ENOENT;

	for (uint32_t i = hash & mask; t->way_slot[i]; i = (i + 1) & mask) {
		const struct way *w = t->way[t->way_slot[i] - 1];

		if (w->hash == hash && way_is(w, o)) {
			*ret_id = t->way_slot[i] - 1;
			return 0;
		}
	}
	return -ENOENT;
}

/* A free id, with room for it in the array and in the index. */
static int new_id(struct rtab *t, uint32_t *ret_id)
{
	uint32_t id = t->free_way;
	struct way **way;

	if ((t->n_live_ways + 1) * 4 >= t->n_way_slots * 3 &&
	    rebuild(t, t->n_way_slots ? t->n_way_slots * 2 : 16) < 0)
		return -ENOMEM;

	while (id < t->n_ways && t->way[id])
		id++;
	t->free_way = id;

	if (id == t->ways_max) {
		uint32_t max = t->ways_max ? t->ways_max * 2 : 16;

		way = realloc(t->way, max * sizeof(struct way *));
		if (!way)
			return -ENOMEM;
		t->way = way;
		t->ways_max = max;
	}

	*ret_id = id;
	return 0;
}

int way_intern(struct rtab *t, const struct anod_object *o, uint32_t *ret_id)
{
	const struct anod_route *r = &o->u.route;
	uint32_t hash = way_hash(o), id;
	struct way *w;

	if (find(t, o, hash, &id) == 0) {
		t->way[id]->refs++;
		*ret_id = id;
		return 0;
	}

	if (new_id(t, &id) < 0)
		return -ENOMEM;
	w = malloc(sizeof(*w) + r->n_legs * sizeof(w->leg[0]));
	if (!w)
		return -ENOMEM;

	*w = (struct way){ .refs = 1,
			   .hash = hash,
			   .serial = ++t->way_serial,
			   .obj_flags = o->flags,
			   .family = r->dst.family,
			   .nhid = r->nhid,
			   .flags = r->flags,
			   .mtu = r->mtu,
			   .protocol = r->protocol,
			   .type = r->type,
			   .scope = r->scope,
			   .n_legs = r->n_legs,
			   .prefsrc = r->prefsrc };
	memcpy(w->leg, r->leg, r->n_legs * sizeof(w->leg[0]));
	t->way[id] = w;
	t->n_ways = MAX_OF(t->n_ways, id + 1);
	t->n_live_ways++;
	index_way(t, id);
	*ret_id = id;
	return 0;
}

/* As otab's: later ones of the run move back, so there are no tombstones. */
static void unindex(struct rtab *t, uint32_t id)
{
	uint32_t mask = t->n_way_slots - 1, hole = t->way[id]->hash & mask;

	while (t->way_slot[hole] != id + 1)
		hole = (hole + 1) & mask;
	t->way_slot[hole] = 0;
	for (uint32_t i = (hole + 1) & mask; t->way_slot[i]; i = (i + 1) & mask) {
		uint32_t home = t->way[t->way_slot[i] - 1]->hash & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		t->way_slot[hole] = t->way_slot[i];
		t->way_slot[i] = 0;
		hole = i;
	}
}

void way_unref(struct rtab *t, uint32_t id)
{
	struct way *w = t->way[id];

	if (--w->refs)
		return;

	unindex(t, id);
	free(w);
	t->way[id] = NULL;
	t->n_live_ways--;
	t->free_way = MIN_OF(t->free_way, id);
	while (t->n_ways && !t->way[t->n_ways - 1])
		t->n_ways--;
}

void ways_done(struct rtab *t)
{
	for (uint32_t id = 0; id < t->n_ways; id++)
		free(t->way[id]);
	free(t->way);
	free(t->way_slot);
}

void ways_reset(struct rtab *t)
{
	for (uint32_t id = 0; id < t->n_ways; id++)
		free(t->way[id]);
	t->n_ways = t->n_live_ways = t->free_way = 0;
	if (t->n_way_slots)
		memset(t->way_slot, 0, t->n_way_slots * sizeof(*t->way_slot));
}
