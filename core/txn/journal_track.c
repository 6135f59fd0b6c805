/*
 * journal_track - which transactions the journal leaves open.
 *
 * Design.  A record without a terminal one behind it is open.  The INTENT is kept whole, because
 * recovery and turning over need its steps; of the others only the last one counts.  A record
 * whose INTENT is missing (damage) is kept too: the engine has to say that it is stuck.  A STUCK one
 * is closed, and its record is kept until it is unlocked.
 */
#include <errno.h>
#include <string.h>

#include "txn/journal_int.h"

static struct journal_record *record_free(struct journal_record *r)
{
	if (r)
		free(r->step);
	free(r);
	return NULL;
}

DEFINE_CLEANUP(struct journal_record *, record_free);

static int record_copy(const struct journal_record *from, struct journal_record **ret)
{
	_cleanup_(record_freep) struct journal_record *r = malloc(sizeof(*r));

	if (!r)
		return -ENOMEM;
	*r = *from;
	r->step = NULL;

	if (from->n_steps > 0) {
		r->step = malloc(from->n_steps * sizeof(*r->step));
		if (!r->step)
			return -ENOMEM;
		memcpy(r->step, from->step, from->n_steps * sizeof(*r->step));
	}
	*ret = TAKE(r);
	return 0;
}

struct open_tx *open_list_find(const struct open_list *l, uint64_t tx)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->tx[i].pub.tx == tx)
			return &l->tx[i];

	return NULL;
}

static int add_open(struct open_list *l, uint64_t tx, struct open_tx **ret)
{
	if (l->n == l->n_alloc) {
		unsigned n = l->n_alloc + 64;
		struct open_tx *larger = realloc(l->tx, n * sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		l->tx = larger;
		l->n_alloc = n;
	}
	*ret = &l->tx[l->n++];
	**ret = (struct open_tx){ .pub.tx = tx };
	return 0;
}

static void drop_open(struct open_list *l, struct open_tx *o)
{
	size_t after = (size_t) (&l->tx[l->n] - (o + 1));

	record_free(o->intent);
	memmove(o, o + 1, after * sizeof(*o));
	l->n--;
}

static int add_stuck(struct open_list *l, const struct journal_record *r)
{
	struct journal_record *larger = realloc(l->stuck, (l->n_stuck + 1) * sizeof(*larger));

	if (!larger)
		return -ENOMEM;
	l->stuck = larger;
	l->stuck[l->n_stuck] = *r;
	l->stuck[l->n_stuck].n_steps = 0;
	l->stuck[l->n_stuck++].step = NULL;
	return 0;
}

static int drop_stuck(struct open_list *l, uint64_t tx)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->n_stuck; i++)
		if (l->stuck[i].tx != tx)
			l->stuck[n++] = l->stuck[i];
	l->n_stuck = n;
	return 0;
}

int open_list_track(void *data, const struct journal_record *r)
{
	struct open_list *l = data;
	struct open_tx *o = open_list_find(l, r->tx);
	int e;

	l->max_tx = MAX_OF(l->max_tx, r->tx);

	if (r->type == JOURNAL_UNLOCKED)
		return drop_stuck(l, r->tx);
	if (journal_type_terminal((enum journal_type) r->type)) {
		if (o)
			drop_open(l, o);
		return r->type == JOURNAL_STUCK ? add_stuck(l, r) : 0;
	}
	if (!o) {
		e = add_open(l, r->tx, &o);
		if (e < 0)
			return e;
	}
	if (r->type == JOURNAL_INTENT && !o->intent) {
		e = record_copy(r, &o->intent);
		if (e < 0)
			return e;
		o->pub.intent = o->intent;
	}

	o->last = *r;
	o->last.n_steps = 0;
	o->last.step = NULL;
	o->pub.last = (enum journal_type) r->type;
	o->pub.deadline_us = r->deadline_us;
	return 0;
}

void open_list_done(struct open_list *l)
{
	while (l->n > 0)
		drop_open(l, &l->tx[l->n - 1]);
	free(l->tx);
	free(l->stuck);
	*l = (struct open_list){ 0 };
}
