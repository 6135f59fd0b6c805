/*
 * txn_lease - who holds what among the open transactions, and who is next.
 *
 * Design.  Nobody keeps a table of locks: a transaction holds its keys by the state that it is in,
 * so a lease cannot outlive it.  One that waits stands behind every other that waits for a key
 * of its own and goes before it, even when the key is free, or somebody who wants much would wait
 * for ever.  Whoever waits for people or for peers holds nobody up.
 *
 * The plan that is in flight changes what the next decision says: a decision remembers which ones
 * flew when it was made, and is made again before INTENT when that has changed, although the model
 * may not have heard of it yet.
 */
#include <string.h>

#include "txn/txn_int.h"

#include <anod/rtnl.h>

void lease_decided(struct txns *e, struct entry *x)
{
	lease_clear(&x->lease);
	x->ranked = false;
	x->flights = lease_flights(e, x);
	lease_add(&x->lease, x->resource, NULL);
	if (e->ops->lease)
		e->ops->lease(e->data, &x->t, &x->lease);
}

/* A reflex that is armed has changed nothing yet. */
static bool flies(const struct entry *x)
{
	return x->t.state >= TXN_INTENT && !entry_held(x);
}

static bool holds(const struct entry *x)
{
	return x->t.state == TXN_PREPARING || flies(x);
}

uint64_t lease_flights(const struct txns *e, const struct entry *x)
{
	uint64_t mark = 0;

	for (unsigned i = 0; i < e->n; i++)
		if (e->open[i] != x && flies(e->open[i]))
			mark += e->open[i]->t.id * UINT64_C(0x9e3779b97f4a7c15);
	return mark;
}

/* One that was found after a restart was not decided here: by its steps and its resource. */
static const struct lease *lease_of(const struct txns *e, struct entry *x)
{
	if (x->lease.n || x->lease.all)
		return &x->lease;

	lease_add(&x->lease, x->resource, NULL);
	if (e->ops->lease)
		e->ops->lease(e->data, &x->t, &x->lease);
	return &x->lease;
}

/* The key or object that 'x' wants and 'o' has, in words; NULL: none. */
static const char *common(const struct txns *e, struct entry *x, struct entry *o, char *buf,
			  size_t size)
{
	const struct anod_object *obj;
	bool all;
	const struct lease_key *k = lease_meets(lease_of(e, x), lease_of(e, o), &all);
	size_t n;

	if (k && all)
		n = (size_t) snprintf(buf, size, "too much to be told apart, ");
	else
		n = 0;
	if (k)
		return lease_key_text(k, buf + n, size - n), buf;
	obj = lease_object(x->t.step, x->t.n_steps, o->t.step, o->t.n_steps);
	return obj ? anod_object_text(obj, buf, size) : NULL;
}

static const struct lease_rank *rank_of(const struct txns *e, struct entry *x)
{
	if (x->ranked)
		return &x->rank;

	x->ranked = true;
	x->rank = (struct lease_rank){ .id = x->t.id };
	if (e->ops->rank)
		e->ops->rank(e->data, &x->t, &x->rank);
	x->rank.priority = x->terms.priority;
	return &x->rank;
}

/* Of those that wait for a lease as 'x' does, the first one that goes before it. */
static const char *ahead(const struct txns *e, struct entry *x, struct entry **ret, char *buf,
			 size_t size)
{
	for (unsigned i = 0; i < e->n; i++) {
		struct entry *o = e->open[i];

		if (o == x || o->t.state != TXN_WAITING || o->asks || o->polls ||
		    !common(e, x, o, buf, size) || !lease_before(rank_of(e, o), rank_of(e, x)))
			continue;
		*ret = o;
		return buf;
	}
	return NULL;
}

static void add_ahead(const struct txns *e, struct entry *x, const char *what, char *buf,
		      size_t size)
{
	char key[128], why[128];
	struct entry *o;
	size_t n = strlen(buf);

	if (!ahead(e, x, &o, key, sizeof(key)))
		return;
	(void) snprintf(buf + n, size - n, "%sT%llu, which wants %s, goes first: %s", what,
			(unsigned long long) o->t.id, key,
			lease_before_why(rank_of(e, o), rank_of(e, x), why, sizeof(why)));
}

const char *lease_hindrance(const struct txns *e, struct entry *x, char *buf, size_t size)
{
	char key[128];

	buf[0] = '\0';
	for (unsigned i = 0; i < e->n; i++) {
		struct entry *o = e->open[i];

		if (o == x || !holds(o) || !common(e, x, o, key, sizeof(key)))
			continue;
		(void) snprintf(buf, size, "transaction T%llu holds %s",
				(unsigned long long) o->t.id, key);
		add_ahead(e, x, "; ", buf, size);
		return buf;
	}
	/* One that holds it already is not called back. */
	if (x->t.state != TXN_PREPARING)
		add_ahead(e, x, "transaction ", buf, size);
	return buf[0] ? buf : NULL;
}
