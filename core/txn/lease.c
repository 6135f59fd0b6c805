/*
 * lease - what a transaction holds alone, and who is next when several want it.
 *
 * Design.  Sets are small and compared rarely (when something begins or waits), so they are arrays;
 * a hash beside each name makes the usual answer, "no", one comparison of numbers.  The order
 * of those that wait is total, because ids differ.
 */
#include "txn/lease.h"

#include <string.h>

#include <anod/rtnl.h>

#include "base/util.h"

void lease_clear(struct lease *l)
{
	l->all = false;
	l->n = 0;
}

void lease_add(struct lease *l, const char *name, const char *link)
{
	uint32_t hash = crc32c(0, name, strlen(name));
	struct lease_key *k;

	if (!name[0])
		return;
	for (unsigned i = 0; i < l->n; i++)
		if (l->key[i].hash == hash && strcmp(l->key[i].name, name) == 0)
			return;
	if (l->n == LEASE_KEYS_MAX) {
		l->all = true;
		return;
	}

	k = &l->key[l->n++];
	k->hash = hash;
	if (!copy_text(k->name, sizeof(k->name), name))
		l->all = true;
	(void) copy_text(k->link, sizeof(k->link), link ? link : "");
}

const struct lease_key *lease_meets(const struct lease *a, const struct lease *b, bool *ret_all)
{
	*ret_all = (a->all && b->n) || (b->all && a->n);
	for (unsigned i = 0; i < b->n; i++)
		for (unsigned k = 0; k < a->n; k++)
			if (a->key[k].hash == b->key[i].hash &&
			    strcmp(a->key[k].name, b->key[i].name) == 0)
				return &b->key[i];
	return *ret_all && b->n ? &b->key[0] : NULL;
}

static const struct anod_object *object_of(const struct exec_step *s)
{
	return s->change.has_pre ? &s->change.pre : &s->change.post;
}

const struct anod_object *lease_object(const struct exec_step *a, unsigned n_a,
				       const struct exec_step *b, unsigned n_b)
{
	for (unsigned i = 0; i < n_b; i++)
		for (unsigned k = 0; k < n_a; k++)
			if (anod_object_same_key(object_of(&a[k]), object_of(&b[i])))
				return object_of(&b[i]);
	return NULL;
}

const char *lease_key_text(const struct lease_key *k, char *ret, size_t size)
{
	const char *space = strchr(k->name, ' ');

	if (strncmp(k->name, "srlg ", 5) == 0)
		(void) snprintf(ret, size, "srlg \"%s\"", space + 1);
	else
		(void) copy_text(ret, size, k->name);
	if (k->link[0] && !(strncmp(k->name, "link ", 5) == 0 && strcmp(space + 1, k->link) == 0)) {
		size_t n = strlen(ret);

		(void) snprintf(ret + n, size - n, " (link %s)", k->link);
	}
	return ret;
}

bool lease_before(const struct lease_rank *a, const struct lease_rank *b)
{
	if (a->redundancy != b->redundancy)
		return a->redundancy > b->redundancy;
	if (a->evidence != b->evidence)
		return a->evidence > b->evidence;
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->id < b->id;
}

const char *lease_before_why(const struct lease_rank *first, const struct lease_rank *then,
			     char *buf, size_t size)
{
	if (first->redundancy > 0 && then->redundancy < first->redundancy)
		return "it restores redundancy and this one does not";
	if (then->redundancy < first->redundancy)
		return "this one reduces redundancy";
	if (first->evidence != then->evidence)
		(void) snprintf(buf, size, "it rests on more measured evidence (%g facts, not %g)",
				first->evidence / 2.0, then->evidence / 2.0);
	else if (first->priority != then->priority)
		(void) snprintf(buf, size, "its priority is %u, this one's is %u", first->priority,
				then->priority);
	else
		return "it is older";
	return buf;
}
