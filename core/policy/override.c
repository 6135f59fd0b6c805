/*
 * override - an invariant lifted by people, for a while.
 *
 * Design.  One entry for each invariant that somebody has asked about: its name, the hash of its
 * text, and who asked when for how long.  Enough living requests do not make an override by
 * themselves; override_begin() does, when the host has written it down.  The text is hashed only
 * when an entry of the name exists, which is almost never, so a decision pays one comparison.
 */
#include "policy/override_int.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "policy/config.h"

struct overrides *overrides_new(const uint8_t nonce[APPROVAL_NONCE])
{
	struct overrides *o = calloc(1, sizeof(*o));

	if (o)
		memcpy(o->nonce, nonce, sizeof(o->nonce));
	return o;
}

struct overrides *overrides_free(struct overrides *o)
{
	for (unsigned i = 0; o && i < o->n; i++)
		free(o->item[i].invariant);
	free(o);
	return NULL;
}

/* ---- the text ----------------------------------------------------------------------------- */

static void add(crypto_hash_sha256_state *s, const void *data, size_t size)
{
	uint64_t n = size;

	(void) crypto_hash_sha256_update(s, (const uint8_t *) &n, sizeof(n));
	(void) crypto_hash_sha256_update(s, data, size);
}

static void text_hash(const struct policy_invariant *v, uint8_t ret[APPROVAL_HASH])
{
	uint8_t not_worse = v->not_worse;
	crypto_hash_sha256_state s;

	(void) crypto_hash_sha256_init(&s);
	add(&s, v->name, strlen(v->name));
	for (unsigned i = 0; i < v->n_requires; i++)
		if (v->require[i].text)
			add(&s, v->require[i].text, strlen(v->require[i].text));
	add(&s, &not_worse, sizeof(not_worse));
	add(&s, &v->override_by, sizeof(v->override_by));
	for (unsigned i = 0; i < v->n_override_groups; i++)
		add(&s, v->override_group[i], strlen(v->override_group[i]));
	add(&s, &v->override_for_us, sizeof(v->override_for_us));
	(void) crypto_hash_sha256_final(&s, ret);
}

void override_hash(const struct overrides *o, const struct policy_invariant *inv, uint64_t for_us,
		   uint8_t ret[APPROVAL_HASH])
{
	crypto_hash_sha256_state s;
	uint8_t text[APPROVAL_HASH];

	text_hash(inv, text);
	(void) crypto_hash_sha256_init(&s);
	add(&s, "anod override 1", 15);
	add(&s, text, sizeof(text));
	add(&s, &for_us, sizeof(for_us));
	add(&s, &o->round, sizeof(o->round));
	add(&s, o->nonce, sizeof(o->nonce));
	(void) crypto_hash_sha256_final(&s, ret);
}

void override_code(const struct overrides *o, const uint8_t hash[APPROVAL_HASH], const char *user,
		   char ret[APPROVAL_CODE_SIZE])
{
	approval_code(o->nonce, hash, user, ret);
}

/* ---- entries ------------------------------------------------------------------------------ */

static struct override *find(const struct overrides *o, const char *invariant)
{
	for (unsigned i = 0; i < o->n; i++)
		if (strcmp(o->item[i].invariant, invariant) == 0)
			return (struct override *) (uintptr_t) &o->item[i];
	return NULL;
}

static bool same_text(const struct override *x, const struct policy_invariant *inv)
{
	uint8_t text[APPROVAL_HASH];

	text_hash(inv, text);
	return memcmp(text, x->text, sizeof(text)) == 0;
}

void override_drop(struct overrides *o, struct override *x)
{
	unsigned at = (unsigned) (x - o->item);

	free(x->invariant);
	memmove(x, x + 1, (o->n - at - 1) * sizeof(*x));
	o->n--;
	o->round++;
}

bool override_in_force(const struct overrides *o, const struct policy_invariant *inv,
		       uint64_t now_us, uint64_t *ret_until_us, const char **ret_who)
{
	const struct override *x = o ? find(o, inv->name) : NULL;

	if (!x || x->until_us <= now_us || !inv->override_by || !same_text(x, inv))
		return false;
	if (ret_until_us)
		*ret_until_us = x->until_us;
	if (ret_who)
		*ret_who = x->who;
	return true;
}

/* ---- asking ------------------------------------------------------------------------------- */

static bool alive(const struct request *r, uint64_t now_us)
{
	return now_us < r->asked_us + OVERRIDE_ASK_US;
}

static void forget_requests(struct override *x, uint64_t now_us)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < x->n; i++)
		if (alive(&x->request[i], now_us))
			x->request[kept++] = x->request[i];
	x->n = kept;
}

static struct guess *find_guess(const struct overrides *o, const char *user)
{
	for (unsigned i = 0; i < o->n_guesses; i++)
		if (strcmp(o->guess[i].user, user) == 0)
			return (struct guess *) (uintptr_t) &o->guess[i];
	return NULL;
}

static bool locked_out(const struct overrides *o, const char *user, uint64_t now_us)
{
	const struct guess *g = find_guess(o, user);

	return g && g->n >= APPROVAL_TRIES && now_us < g->last_us + OVERRIDE_ASK_US;
}

unsigned override_wrong_code(struct overrides *o, const char *user, uint64_t now_us)
{
	struct guess *g = find_guess(o, user);

	if (!g && o->n_guesses < ARRAY_SIZE(o->guess)) {
		g = &o->guess[o->n_guesses++];
		*g = (struct guess){ 0 };
	}
	if (!g) { /* the one that is longest ago makes room */
		g = &o->guess[0];
		for (unsigned i = 1; i < o->n_guesses; i++)
			if (o->guess[i].last_us < g->last_us)
				g = &o->guess[i];
	}
	if (strcmp(g->user, user) != 0 || now_us >= g->last_us + OVERRIDE_ASK_US) {
		(void) copy_text(g->user, sizeof(g->user), user);
		g->n = 0;
	}
	g->n = MIN_OF(g->n + 1, (unsigned) APPROVAL_TRIES);
	g->last_us = now_us;
	return APPROVAL_TRIES - g->n;
}

int override_may_ask(const struct overrides *o, const struct config *c,
		     const struct policy_invariant *inv, const char *user, uint64_t for_us,
		     uint64_t now_us)
{
	const struct override *x = find(o, inv->name);

	if (!inv->override_by ||
	    !config_in_groups(c, inv->override_group, inv->n_override_groups, user))
		return -EPERM;
	if (for_us == 0 || for_us > MIN_OF(inv->override_for_us, OVERRIDE_MAX_US))
		return -ERANGE;
	if (locked_out(o, user, now_us))
		return -EACCES;
	if (!x || !same_text(x, inv))
		return 0;
	if (x->until_us > now_us)
		return -EALREADY;
	for (unsigned i = 0; i < x->n; i++)
		if (alive(&x->request[i], now_us) && strcmp(x->request[i].user, user) == 0)
			return -EALREADY;
	return 0;
}

static int entry_for(struct overrides *o, const struct policy_invariant *inv, uint64_t now_us,
		     struct override **ret)
{
	struct override *x = find(o, inv->name);

	if (x && x->until_us <= now_us && (x->until_us || !same_text(x, inv))) {
		override_drop(o, x);
		x = NULL;
	}
	if (!x) {
		if (o->n == ARRAY_SIZE(o->item))
			return -ENOSPC;
		x = &o->item[o->n];
		*x = (struct override){ .invariant = strdup(inv->name) };
		if (!x->invariant)
			return -ENOMEM;
		text_hash(inv, x->text);
		o->n++;
	}
	*ret = x;
	return 0;
}

int override_ask(struct overrides *o, const struct config *c, const struct policy_invariant *inv,
		 const char *user, uint64_t for_us, uint64_t now_us)
{
	int r = override_may_ask(o, c, inv, user, for_us, now_us);
	struct override *x = NULL;

	if (r == 0)
		r = entry_for(o, inv, now_us, &x);
	if (r < 0)
		return r;
	if (!x)
		return -ENOMEM;

	forget_requests(x, now_us);
	if (x->n == ARRAY_SIZE(x->request))
		return -ENOSPC;
	x->request[x->n] = (struct request){ .for_us = for_us, .asked_us = now_us };
	(void) copy_text(x->request[x->n++].user, sizeof(x->request[0].user), user);
	return x->n >= inv->override_by ? 0 : (int) (inv->override_by - x->n);
}

void override_name_people(struct override *x)
{
	size_t n = 0;

	x->who[0] = '\0';
	for (unsigned i = 0; i < x->n && n < sizeof(x->who); i++)
		n += (size_t) snprintf(x->who + n, sizeof(x->who) - n, "%s%s", i ? ", " : "",
				       x->request[i].user);
}

uint64_t override_begin(struct overrides *o, const struct policy_invariant *inv, uint64_t now_us)
{
	struct override *x = find(o, inv->name);
	uint64_t shortest = US_INFINITY;

	if (!x || x->until_us || !same_text(x, inv))
		return 0;
	forget_requests(x, now_us);
	if (!inv->override_by || x->n < inv->override_by)
		return 0;

	for (unsigned i = 0; i < x->n; i++)
		shortest = MIN_OF(shortest, x->request[i].for_us);
	override_name_people(x);
	x->until_us = now_us + shortest;
	o->round++;
	return x->until_us;
}

int override_end(struct overrides *o, const char *invariant)
{
	struct override *x = find(o, invariant);

	if (!x)
		return -ENOENT;
	override_drop(o, x);
	return 0;
}

/* ---- what is over ------------------------------------------------------------------------- */

static const struct policy_invariant *find_invariant(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->policy->n_invariants; i++)
		if (strcmp(c->policy->invariant[i].name, name) == 0)
			return &c->policy->invariant[i];
	return NULL;
}

/* NULL: it goes on. */
static const char *why_over(const struct override *x, const struct config *c, uint64_t now_us)
{
	const struct policy_invariant *inv = find_invariant(c, x->invariant);

	if (x->until_us && x->until_us <= now_us)
		return "its time is over";
	if (!inv)
		return "there is no such invariant any more";
	if (!same_text(x, inv))
		return "the invariant reads differently now";
	for (unsigned i = 0; i < x->n; i++)
		if (!config_in_groups(c, inv->override_group, inv->n_override_groups,
				      x->request[i].user))
			return "one of those who asked is in none of its groups any more";
	return x->n || x->until_us ? NULL : "nobody else asked in time";
}

uint64_t overrides_sweep(struct overrides *o, const struct config *c, uint64_t now_us,
			 override_over_fn *fn, void *data)
{
	uint64_t next = US_INFINITY;

	for (unsigned i = 0; i < o->n;) {
		struct override *x = &o->item[i];
		const char *why;

		if (!x->until_us)
			forget_requests(x, now_us);
		why = why_over(x, c, now_us);
		if (!why) {
			next = MIN_OF(next, x->until_us ? x->until_us
							: x->request[0].asked_us + OVERRIDE_ASK_US);
			i++;
			continue;
		}
		if (fn && x->until_us)
			fn(data, x->invariant, x->who, why);
		override_drop(o, x);
	}
	return next;
}

bool override_nth(const struct overrides *o, unsigned n, uint64_t now_us, struct override_info *ret)
{
	struct override x;

	if (n >= o->n)
		return false;

	x = o->item[n];
	override_name_people(&x);
	*ret = (struct override_info){ .invariant = x.invariant,
				       .n_people = x.n,
				       .in_force = x.until_us > now_us,
				       .until_us = x.until_us,
				       .for_us = US_INFINITY };
	(void) copy_text(ret->who, sizeof(ret->who), x.who);
	for (unsigned i = 0; i < x.n; i++)
		ret->for_us = MIN_OF(ret->for_us, x.request[i].for_us);
	if (!x.until_us && x.n)
		ret->until_us = x.request[0].asked_us + OVERRIDE_ASK_US;
	return true;
}
