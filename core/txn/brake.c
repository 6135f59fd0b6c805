/*
 * brake - what keeps an agent, or all of them together, from doing too much too fast.
 *
 * Design.  The buckets hold fractions of tokens and are filled when they are asked, so there is no
 * timer.  An agent that is put off is not deaf to good news: a look costs a decision without
 * words and without record, and is allowed ten times in a second; so the brake never delays what
 * the policy allows by now, and a storm of what it denies costs next to nothing.
 */
#include "txn/brake.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

#define ROUNDING 1e-6 /* of a token */

/* ---- rate --------------------------------------------------------------------------------- */

static void set_bucket(struct brake_bucket *k, unsigned count, uint64_t window_us, uint64_t now_us)
{
	double used = k->count ? k->count - k->tokens : 0;

	if (k->count == count && k->window_us == window_us)
		return;
	*k = (struct brake_bucket){
		.count = count, .window_us = window_us, .at_us = now_us, .tokens = count - used
	};
}

void brake_set(struct brake *b, const struct policy_brake *p, uint64_t now_us)
{
	b->on = p && !p->off;
	if (!b->on) {
		b->sick[0] = '\0';
		return;
	}
	b->mute_after = p->mute_after;
	set_bucket(&b->bucket[0], p->count, p->window_us, now_us);
	set_bucket(&b->bucket[1], p->shared_count, p->shared_window_us, now_us);
}

static void fill(struct brake_bucket *k, uint64_t now_us)
{
	if (now_us <= k->at_us)
		return;
	k->tokens += (double) (now_us - k->at_us) * k->count / (double) k->window_us;
	k->tokens = MIN_OF(k->tokens, (double) k->count);
	k->at_us = now_us;
}

bool brake_allows(struct brake *b, uint64_t now_us, uint64_t *ret_us, char *why, size_t size)
{
	const struct brake_bucket *empty = NULL;
	char window[32];

	*ret_us = now_us;
	for (unsigned i = 0; b->on && i < ARRAY_SIZE(b->bucket); i++) {
		struct brake_bucket *k = &b->bucket[i];
		uint64_t until_us;

		if (!k->count)
			continue;
		fill(k, now_us);
		if (k->tokens >= 1 - ROUNDING)
			continue;
		until_us = now_us +
			   (uint64_t) ceil((1 - k->tokens) * (double) k->window_us / k->count);
		if (!empty || until_us > *ret_us) {
			empty = k;
			*ret_us = until_us;
		}
	}
	if (!empty)
		return true;

	/* No time that is left: the reason of one that waits is news whenever it differs. */
	(void) snprintf(why, size, "the storm brake holds it: at most %u changes per %s",
			empty->count, format_duration(empty->window_us, window, sizeof(window)));
	return false;
}

unsigned brake_left(const struct brake_bucket *k, uint64_t now_us)
{
	struct brake_bucket now = *k;

	fill(&now, now_us);
	return now.tokens > 0 ? (unsigned) (now.tokens + ROUNDING) : 0;
}

void brake_take(struct brake *b, uint64_t at_us)
{
	for (unsigned i = 0; i < ARRAY_SIZE(b->bucket); i++) {
		/* So long ago that it has been forgiven. */
		if (!b->bucket[i].count || at_us + b->bucket[i].window_us <= b->bucket[i].at_us)
			continue;
		fill(&b->bucket[i], at_us);
		b->bucket[i].tokens--;
	}
}

/* ---- who was denied what ------------------------------------------------------------------ */

static struct brake_agent *find(struct brake *b, const char *agent)
{
	for (unsigned i = 0; i < b->n_agents; i++)
		if (strcmp(b->agent[i].name, agent) == 0)
			return &b->agent[i];
	return NULL;
}

static struct brake_agent *find_or_add(struct brake *b, const char *agent)
{
	struct brake_agent *a = find(b, agent);

	if (a)
		return a;
	if (b->n_agents < BRAKE_AGENTS) {
		a = &b->agent[b->n_agents++];
	} else {
		a = &b->agent[0];
		for (unsigned i = 1; i < b->n_agents; i++)
			if (b->agent[i].at_us < a->at_us)
				a = &b->agent[i];
	}
	*a = (struct brake_agent){ 0 };
	(void) copy_text(a->name, sizeof(a->name), agent);
	return a;
}

static struct brake_denied *seen(struct brake_agent *a, uint64_t proposal)
{
	for (unsigned i = 0; i < BRAKE_SEEN; i++)
		if (a->seen[i].n && a->seen[i].proposal == proposal)
			return &a->seen[i];
	return NULL;
}

static struct brake_denied *seen_or_add(struct brake_agent *a, uint64_t proposal)
{
	struct brake_denied *d = seen(a, proposal);

	if (d)
		return d;
	d = &a->seen[0];
	for (unsigned i = 1; i < BRAKE_SEEN; i++)
		if (a->seen[i].at_us < d->at_us)
			d = &a->seen[i];
	*d = (struct brake_denied){ .proposal = proposal };
	return d;
}

/* xorshift64*: spreads agents, and need not be secret. */
static uint64_t roll(struct brake *b, uint64_t n)
{
	b->dice = b->dice ? b->dice : UINT64_C(0x9e3779b97f4a7c15);
	b->dice ^= b->dice >> 12;
	b->dice ^= b->dice << 25;
	b->dice ^= b->dice >> 27;
	return (b->dice * UINT64_C(0x2545f4914f6cdd1d) >> 11) % n;
}

static uint64_t back_off(struct brake *b, unsigned streak)
{
	uint64_t us = BRAKE_BACK_OFF_US;

	for (unsigned i = 1; i < streak && us < BRAKE_BACK_OFF_MAX; i++)
		us *= 2;
	us = MIN_OF(us, BRAKE_BACK_OFF_MAX);
	us = us - us / 4 + roll(b, us / 2);
	return MIN_OF(us, BRAKE_BACK_OFF_MAX);
}

bool brake_deny(struct brake *b, const char *agent, uint64_t proposal, uint64_t mark,
		uint64_t now_us)
{
	struct brake_agent *a;
	struct brake_denied *d;
	bool was;

	if (!b->on)
		return false;
	a = find_or_add(b, agent);
	d = seen_or_add(a, proposal);
	was = d->muted_until_us > now_us;
	a->streak++;
	a->at_us = d->at_us = now_us;
	a->until_us = now_us + back_off(b, a->streak);
	/* Another answer, or the same after a long time, is counted from the start. */
	d->n = d->n && d->mark == mark && !(d->muted_until_us && !was) ? d->n + 1 : 1;
	d->mark = mark;
	d->muted_until_us = d->n >= b->mute_after ? now_us + BRAKE_MUTE_US : 0;
	return d->muted_until_us && !was;
}

void brake_allow(struct brake *b, const char *agent)
{
	struct brake_agent *a = find(b, agent);

	if (!a)
		return;
	a->streak = 0;
	a->until_us = 0;
}

void brake_forgive(struct brake *b)
{
	b->n_agents = 0;
}

static bool muted(const struct brake_denied *d, uint64_t now_us)
{
	return d && d->muted_until_us > now_us;
}

enum brake_word brake_ask(struct brake *b, const char *agent, uint64_t proposal, uint64_t now_us,
			  char *why, size_t size)
{
	struct brake_agent *a = b->on ? find(b, agent) : NULL;
	const struct brake_denied *d = a ? seen(a, proposal) : NULL;
	char left[32];

	if (!a || (now_us >= a->until_us && !muted(d, now_us)))
		return BRAKE_HEAR;
	if (now_us >= a->looked_us + BRAKE_LOOK_US || !a->looked_us) {
		a->looked_us = now_us;
		return BRAKE_LOOK;
	}
	if (muted(d, now_us)) {
		b->n_muted++;
		(void) snprintf(why, size,
				"muted: this was denied %u times and nothing that the answer "
				"depended on has changed; heard again in %s",
				d->n,
				format_duration(d->muted_until_us - now_us, left, sizeof(left)));
	} else {
		b->n_put_off++;
		(void) snprintf(why, size,
				"agent %s was denied %u time%s in a row and backs off; it is heard "
				"again in %s",
				agent, a->streak, a->streak == 1 ? "" : "s",
				format_duration(a->until_us - now_us, left, sizeof(left)));
	}
	return BRAKE_STOP;
}

bool brake_looked(struct brake *b, const char *agent, uint64_t proposal, uint64_t mark,
		  bool allowed, uint64_t now_us)
{
	struct brake_agent *a = find(b, agent);
	const struct brake_denied *d = a ? seen(a, proposal) : NULL;

	(void) now_us;
	return allowed || !a || (d && d->mark != mark);
}
