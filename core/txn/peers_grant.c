/*
 * peers_grant - giving a grant to a neighbour, and taking it back.
 *
 * Design.  What we use or want ourselves counts like what we have given; the sum stays below the
 * limit whatever comes in which order.  A question that comes again gets the same answer while its
 * grant stands.  A new question of the same transaction takes the place of the old one, because
 * its number is higher: whoever asks has let go of the first.
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "facts/value.h"
#include "txn/peers_int.h"

static bool is_used(const struct peer_given *g)
{
	return g->grant[0] != '\0';
}

static bool is_nonce(const struct peer_given *g, const uint8_t *nonce)
{
	return memcmp(g->nonce, nonce, sizeof(g->nonce)) == 0;
}

unsigned given_count(const struct peers *p, const char *grant, const uint8_t *except,
		     uint64_t now_us)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PEER_GIVEN_MAX; i++) {
		const struct peer_given *g = &p->given[i];

		n += is_used(g) && g->until_us > now_us && strcmp(g->grant, grant) == 0 &&
		     (!except || !is_nonce(g, except));
	}
	return n;
}

static void end(struct peers *p, struct peer_given *g, const char *why)
{
	peers_tell(p, PEER_RELEASES, g->peer, g->grant, g->tx, g->plan, 0, why);
	memset(g, 0, sizeof(*g));
	p->ops->over(p->data, (unsigned) (g - p->given));
}

const struct peer_given *given_find(const struct peers *p, const char *grant, uint64_t now_us)
{
	for (unsigned i = 0; i < PEER_GIVEN_MAX; i++) {
		const struct peer_given *g = &p->given[i];

		if (is_used(g) && g->until_us > now_us && strcmp(g->grant, grant) == 0)
			return g;
	}
	return NULL;
}

static struct peer_given *find_given(struct peers *p, const struct link *l,
				     const struct peer_msg *m)
{
	for (unsigned i = 0; i < PEER_GIVEN_MAX; i++) {
		struct peer_given *g = &p->given[i];

		if (is_used(g) && strcmp(g->peer, l->name) == 0 && is_nonce(g, m->nonce))
			return g;
	}
	return NULL;
}

static void say_out(const struct peers *p, const char *grant, uint64_t now_us, char *why)
{
	const struct peer_given *g = given_find(p, grant, now_us);
	char left[32];

	if (g)
		(void) snprintf(why, PEER_WHY_SIZE, "%s has it, for another %s at most", g->peer,
				format_duration(g->until_us - now_us, left, sizeof(left)));
}

/* Is there room?  Else why not. */
static bool room(struct peers *p, const struct peer_msg *m, uint64_t now_us, char *why)
{
	unsigned limit = p->ops->limit(p->data, m->grant), own = asks_count(p, m->grant, 0);

	if (!limit || !m->grant[0]) {
		(void) snprintf(why, PEER_WHY_SIZE, "its policy has no grant \"%s\"", m->grant);
		return false;
	}
	if (m->hold_us == 0 || m->hold_us > PEER_HOLD_MAX_US) {
		(void) snprintf(why, PEER_WHY_SIZE, "a grant is for 7 days at most");
		return false;
	}
	if (own + given_count(p, m->grant, m->nonce, now_us) < limit)
		return true;
	if (own)
		(void) snprintf(why, PEER_WHY_SIZE, "it has a transaction of its own for it");
	else
		say_out(p, m->grant, now_us, why);
	return false;
}

/* Older questions of this transaction count no more. */
static void forget_older(struct peers *p, const struct link *l, const struct peer_msg *m)
{
	for (unsigned i = 0; i < PEER_GIVEN_MAX; i++) {
		struct peer_given *g = &p->given[i];

		if (is_used(g) && strcmp(g->peer, l->name) == 0 && g->tx == m->tx &&
		    memcmp(g->run, m->run, sizeof(g->run)) == 0 && !is_nonce(g, m->nonce) &&
		    strcmp(g->grant, m->grant) == 0)
			end(p, g, "it asks for another plan");
	}
}

static struct peer_given *give(struct peers *p, const struct link *l, const struct peer_msg *m,
			       uint64_t now_us)
{
	struct peer_given *g = NULL;

	for (unsigned i = 0; i < PEER_GIVEN_MAX && !g; i++)
		if (!is_used(&p->given[i]))
			g = &p->given[i];
	if (!g)
		return NULL;

	(void) copy_text(g->grant, sizeof(g->grant), m->grant);
	(void) copy_text(g->peer, sizeof(g->peer), l->name);
	memcpy(g->run, m->run, sizeof(g->run));
	memcpy(g->nonce, m->nonce, sizeof(g->nonce));
	memcpy(g->plan, m->plan, sizeof(g->plan));
	g->tx = m->tx;
	g->until_us = now_us + m->hold_us;
	if (p->ops->give(p->data, (unsigned) (g - p->given), g) >= 0)
		return g;
	memset(g, 0, sizeof(*g));
	return NULL;
}

static void refuse(struct peers *p, const struct link *l, const struct peer_msg *m,
		   struct peer_msg *a)
{
	a->type = PEER_REFUSED;
	peers_tell(p, PEER_WAS_REFUSED, l->name, m->grant, m->tx, m->plan, 0, a->why);
}

void given_asked(struct peers *p, struct link *l, const struct peer_msg *m, struct peer_msg *a,
		 uint64_t now_us)
{
	struct peer_given *g = find_given(p, l, m);

	if (g && g->until_us > now_us && memcmp(g->plan, m->plan, sizeof(g->plan)) == 0 &&
	    strcmp(g->grant, m->grant) == 0) {
		a->type = PEER_GRANTED; /* as before */
		a->hold_us = g->until_us - now_us;
		return;
	}
	if (g) { /* its time is over, or the nonce is of something else */
		(void) copy_text(a->why, sizeof(a->why), "its time is over");
		refuse(p, l, m, a);
		return;
	}

	forget_older(p, l, m);
	peers_tell(p, PEER_ASKS, l->name, m->grant, m->tx, m->plan, m->hold_us, "");
	if (!room(p, m, now_us, a->why) ||
	    !p->ops->may(p->data, m->grant, l->name, a->why, sizeof(a->why))) {
		refuse(p, l, m, a);
		return;
	}
	g = give(p, l, m, now_us);
	if (!g) {
		(void) copy_text(a->why, sizeof(a->why), "it could not write the grant down");
		refuse(p, l, m, a);
		return;
	}
	a->type = PEER_GRANTED;
	a->hold_us = m->hold_us;
	peers_tell(p, PEER_WAS_GRANTED, l->name, m->grant, m->tx, m->plan, m->hold_us, "");
}

void given_released(struct peers *p, const struct link *l, const struct peer_msg *m,
		    struct peer_msg *a)
{
	struct peer_given *g = find_given(p, l, m);

	if (g)
		end(p, g, "given back");
	a->type = PEER_RELEASED; /* also when we know of none: it is released */
}

void given_fresh(struct peers *p, const struct link *l)
{
	for (unsigned i = 0; i < PEER_GIVEN_MAX; i++) {
		struct peer_given *g = &p->given[i];

		if (is_used(g) && strcmp(g->peer, l->name) == 0 &&
		    memcmp(g->run, l->run, sizeof(g->run)) != 0)
			end(p, g, "it was started again and has nothing open");
	}
}

uint64_t given_run(struct peers *p, uint64_t now_us)
{
	uint64_t next = US_INFINITY;

	for (unsigned i = 0; i < PEER_GIVEN_MAX; i++) {
		struct peer_given *g = &p->given[i];

		if (!is_used(g))
			continue;
		if (g->until_us <= now_us)
			end(p, g, "its time is over");
		else
			next = MIN_OF(next, g->until_us);
	}
	return next;
}

void peers_restore(struct peers *p, unsigned place, const struct peer_given *g)
{
	if (place < PEER_GIVEN_MAX)
		p->given[place] = *g;
}

const struct peer_given *peers_given(const struct peers *p, unsigned place)
{
	return place < PEER_GIVEN_MAX && is_used(&p->given[place]) ? &p->given[place] : NULL;
}
