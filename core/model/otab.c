/*
 * otab - objects of one type by key.
 *
 * Design.  Open addressing with linear probing over node pointers; deletion moves later nodes of
 * the run back, so there are no tombstones and a feed that runs for months does not slow down.
 * The key is copied out of the object into a small zeroed buffer, which serves hash and
 * comparison alike; that is how a rule, whose key is nearly everything, needs no special case.
 */
#include "model/otab.h"

#include <errno.h>
#include <string.h>

#define SLOTS_MIN 16

struct okey {
	uint32_t size;
	uint64_t word[17]; /* what a rule needs */
};

static size_t body_size(enum anod_obj_type type)
{
	switch (type) {
	case ANOD_OBJ_LINK:
		return sizeof(struct anod_link);
	case ANOD_OBJ_ADDR:
		return sizeof(struct anod_addr);
	case ANOD_OBJ_ROUTE:
		return sizeof(struct anod_route);
	case ANOD_OBJ_NEXTHOP:
		return sizeof(struct anod_nexthop);
	case ANOD_OBJ_RULE:
		return sizeof(struct anod_rule);
	case ANOD_OBJ_NEIGH:
		return sizeof(struct anod_neigh);
	case ANOD_OBJ_QDISC:
		return sizeof(struct anod_qdisc);
	case ANOD_OBJ_SYSCTL:
		return sizeof(struct anod_sysctl);
	case ANOD_OBJ_WGPEER:
		return sizeof(struct anod_wgpeer);
	case ANOD_OBJ_UNIT:
		return sizeof(struct anod_sdunit);
	}
	return 0;
}

static void key_pair(struct okey *k, uint32_t ifindex, const struct anod_prefix *p)
{
	struct {
		uint32_t ifindex;
		struct anod_prefix prefix;
	} pair = { ifindex, *p };

	memcpy(k->word, &pair, sizeof(pair));
	k->size = sizeof(pair);
}

/* 'body' is the union's member for 'type'. */
static void key_of(enum anod_obj_type type, const void *body, struct okey *ret)
{
	const struct anod_addr *addr = body;
	const struct anod_neigh *neigh = body;
	struct anod_rule rule;

	_Static_assert(ANOD_SYSCTL_SIZE <= sizeof(ret->word), "and so must a name");
	_Static_assert(sizeof(rule) <= sizeof(ret->word), "a rule must fit into a key");
	*ret = (struct okey){ 0 };
	switch (type) {
	case ANOD_OBJ_LINK:
		memcpy(ret->word, &((const struct anod_link *) body)->ifindex, sizeof(uint32_t));
		ret->size = sizeof(uint32_t);
		break;
	case ANOD_OBJ_NEXTHOP:
		memcpy(ret->word, &((const struct anod_nexthop *) body)->id, sizeof(uint32_t));
		ret->size = sizeof(uint32_t);
		break;
	case ANOD_OBJ_ADDR:
		key_pair(ret, addr->ifindex, &addr->local);
		break;
	case ANOD_OBJ_NEIGH:
		key_pair(ret, neigh->ifindex, &neigh->dst);
		break;
	case ANOD_OBJ_RULE:
		memcpy(&rule, body, sizeof(rule));
		rule.protocol = 0;
		memcpy(ret->word, &rule, sizeof(rule));
		ret->size = sizeof(rule);
		break;
	case ANOD_OBJ_QDISC:
		memcpy(ret->word, &((const struct anod_qdisc *) body)->ifindex, sizeof(uint32_t));
		ret->size = sizeof(uint32_t);
		break;
	case ANOD_OBJ_SYSCTL:
		ret->size = (uint32_t) strnlen(((const struct anod_sysctl *) body)->name,
					       ANOD_SYSCTL_SIZE);
		memcpy(ret->word, ((const struct anod_sysctl *) body)->name, ret->size);
		break;
	case ANOD_OBJ_WGPEER:
		memcpy(ret->word, body, offsetof(struct anod_wgpeer, endpoint));
		ret->size = offsetof(struct anod_wgpeer, endpoint);
		break;
	case ANOD_OBJ_UNIT:
		ret->size = (uint32_t) strnlen(((const struct anod_sdunit *) body)->name,
					       ANOD_UNIT_SIZE);
		memcpy(ret->word, ((const struct anod_sdunit *) body)->name, ret->size);
		break;
	case ANOD_OBJ_ROUTE: /* of AF_MPLS; the others live in an rtab */
		key_pair(ret, ((const struct anod_route *) body)->table,
			 &((const struct anod_route *) body)->dst);
		break;
	}
}

static uint32_t key_hash(const struct okey *k)
{
	uint64_t h = UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < (k->size + 7) / 8; i++) {
		h = (h ^ k->word[i]) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	return (uint32_t) h;
}

static bool node_has_key(const struct otab *t, const struct onode *n, const struct okey *k,
			 uint32_t hash)
{
	struct okey other;

	if (n->hash != hash)
		return false;
	key_of(t->type, n->body, &other);
	return other.size == k->size && memcmp(other.word, k->word, k->size) == 0;
}

/* Slot of the key, or of the hole where it belongs.  The table is never full. */
static unsigned slot_of(const struct otab *t, const struct okey *k, uint32_t hash)
{
	unsigned mask = t->n_slots - 1, i = hash & mask;

	while (t->slot[i] && !node_has_key(t, t->slot[i], k, hash))
		i = (i + 1) & mask;
	return i;
}

static int grow(struct otab *t)
{
	unsigned n_slots = t->n_slots ? t->n_slots * 2 : SLOTS_MIN, mask = n_slots - 1;
	struct onode **slot = calloc(n_slots, sizeof(*slot));

	if (!slot)
		return -ENOMEM;

	for (unsigned i = 0; i < t->n_slots; i++) {
		unsigned to;

		if (!t->slot[i])
			continue;
		for (to = t->slot[i]->hash & mask; slot[to];)
			to = (to + 1) & mask;
		slot[to] = t->slot[i];
	}

	free(t->slot);
	t->slot = slot;
	t->n_slots = n_slots;
	return 0;
}

static void drop_slot(struct otab *t, unsigned hole)
{
	unsigned mask = t->n_slots - 1;

	free(t->slot[hole]);
	t->slot[hole] = NULL;
	t->n--;
	for (unsigned i = (hole + 1) & mask; t->slot[i]; i = (i + 1) & mask) {
		unsigned home = t->slot[i]->hash & mask;

		/* It may move to the hole unless its home lies behind the hole. */
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		t->slot[hole] = t->slot[i];
		t->slot[i] = NULL;
		hole = i;
	}
}

int otab_put(struct otab *t, const struct anod_object *o, bool gone, uint32_t mark)
{
	size_t size = body_size(t->type);
	struct onode *n;
	struct okey k;
	uint32_t hash;
	unsigned i;

	if (t->n * 4 >= t->n_slots * 3 && grow(t) < 0)
		return -ENOMEM;

	key_of(t->type, &o->u, &k);
	hash = key_hash(&k);
	i = slot_of(t, &k, hash);
	n = t->slot[i];
	if (n && n->flags == o->flags && n->gone == gone && memcmp(n->body, &o->u, size) == 0) {
		n->mark = mark;
		return 0;
	}

	if (!n) {
		n = calloc(1, sizeof(*n) + (size + 7) / 8 * 8);
		if (!n)
			return -ENOMEM;
		n->seq = ++t->seq;
		n->hash = hash;
		t->slot[i] = n;
		t->n++;
	}

	n->flags = o->flags;
	n->gone = gone;
	n->mark = mark;
	memcpy(n->body, &o->u, size);
	return 1;
}

bool otab_del(struct otab *t, const struct anod_object *key)
{
	struct okey k;
	unsigned i;

	if (!t->n)
		return false;

	key_of(t->type, &key->u, &k);
	i = slot_of(t, &k, key_hash(&k));
	if (!t->slot[i])
		return false;

	drop_slot(t, i);
	return true;
}

const struct onode *otab_find(const struct otab *t, const struct anod_object *key)
{
	struct okey k;

	if (!t->n)
		return NULL;

	key_of(t->type, &key->u, &k);
	return t->slot[slot_of(t, &k, key_hash(&k))];
}

const struct onode *otab_find_id(const struct otab *t, uint32_t id)
{
	struct okey k = { .size = sizeof(id), .word = { 0 } };

	if (!t->n)
		return NULL;

	memcpy(k.word, &id, sizeof(id));
	return t->slot[slot_of(t, &k, key_hash(&k))];
}

unsigned otab_sweep(struct otab *t, uint32_t mark)
{
	unsigned swept = 0;

	for (unsigned i = 0; i < t->n_slots; i++)
		/* A node that moves into the slot has to be looked at, too. */
		while (t->slot[i] && t->slot[i]->mark != mark) {
			drop_slot(t, i);
			swept++;
		}
	return swept;
}

void onode_object(const struct otab *t, const struct onode *n, struct anod_object *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->type = t->type;
	ret->flags = n->flags;
	memcpy(&ret->u, n->body, body_size(t->type));
}

void otab_done(struct otab *t)
{
	for (unsigned i = 0; i < t->n_slots; i++)
		free(t->slot[i]);
	free(t->slot);
	*t = (struct otab){ .type = t->type };
}
