/*
 * shadow_answer - from routes to the answer for a destination.
 *
 * Design.  A destination has an opinion of its own when one of its routes decides; else it is
 * transparent, and the opinion of what contains it counts.  The answer for a destination is found
 * from the routes of the table alone, never from other entries, so that the order in which
 * destinations are looked at means nothing.
 *
 * "throw" stands for all that the table itself answers as well after the loss: then there is
 * nothing to be known of it here but whether it may be relied on.  A destination that has lost all
 * its routes and has no standby leans on what contains it; the kernel may keep the dead route, so
 * the entry has to carry the legs of the cover.
 */
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "model/shadow_int.h"

#define COVERS_MAX 129

/* What the routes of one destination say. */
struct opinion {
	uint32_t way;	/* 0: nothing */
	uint32_t leads; /* 'way' is SHADOW_THROW because of this way of the model, + 1; or 0 */
	uint8_t doubt;
	bool lossy;  /* of 'leads' */
	bool unsure; /* others than these packets go elsewhere */
	bool leans;  /* its routes are lost, and there is no standby */
	bool spoils; /* IPv4: covers at the same address are not asked */
	bool tos;    /* some packets have other routes */
};

static uint32_t candidate_of(const struct shadow *s, const struct anod_prefix *dst, bool *ret_found)
{
	unsigned lo = 0, hi = s->n_candidates;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		int r = memcmp(&s->candidate[mid].dst, dst, sizeof(*dst));

		if (r == 0) {
			*ret_found = true;
			return s->candidate[mid].way;
		}
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret_found = false;
	return 0;
}

/* The routes of the destination are lost. */
static void replace(const struct shadow *s, const struct anod_prefix *dst, bool lossy,
		    struct opinion *ret)
{
	unsigned v6 = dst->family == AF_INET6;
	bool found;
	uint32_t way = candidate_of(s, dst, &found);

	ret->way = SHADOW_THROW;
	if (lossy || (found && !way)) {
		ret->doubt = DOUBT_LOSSY;
	} else if (found) {
		ret->way = way;
	} else if (s->standby[v6]) {
		ret->way = s->standby[v6];
		if (s->standby_fails[v6]) {
			ret->way = SHADOW_THROW;
			ret->doubt = DOUBT_STANDBY;
		}
	} else {
		ret->way = 0;
		ret->leans = true;
	}
}

/* Has a route for some packets a leg over the link? */
static bool tos_over_link(struct shadow *s, const struct route *head)
{
	for (const struct route *r = head; r; r = rtab_next(shadow_rtab(s), r)) {
		const struct judged *j = shadow_judge(s, r->way);

		if (j && (j->kind == JUDGE_REST || j->kind == JUDGE_GONE))
			return true;
	}
	return false;
}

static bool in_scope(const struct shadow *s, const struct anod_prefix *dst)
{
	return !s->in.in_scope || s->in.in_scope(dst, s->in.scope_data);
}

/* The first way that decides once the link is lost; NULL: none.  *ret_lost is the first one that
 * goes over the link, or NULL. */
static const struct judged *decider(struct shadow *s, const struct route *head, struct opinion *ret,
				    const struct judged **ret_lost, uint32_t *ret_id, bool *lossy)
{
	*ret_lost = NULL;
	for (const struct route *r = head; r; r = rtab_next(shadow_rtab(s), r)) {
		const struct judged *j;

		if (r->tos) {
			ret->tos |= r->family == AF_INET;
			continue;
		}
		j = shadow_judge(s, r->way);
		if (!j || j->kind == JUDGE_PASSES)
			continue;
		if (j->kind == JUDGE_SPOILS) {
			ret->spoils = true;
			return NULL;
		}
		*lossy |= j->kind != JUDGE_KEEPS && j->flags & (JUDGE_LOSSY | JUDGE_UNSURE);
		if (j->kind != JUDGE_KEEPS && !*ret_lost)
			*ret_lost = j;
		if (j->kind == JUDGE_GONE)
			continue;
		*ret_id = r->way;
		return j;
	}
	return NULL;
}

static void opinion_of(struct shadow *s, const struct route *head, struct opinion *ret)
{
	const struct judged *lost, *j;
	struct anod_prefix dst;
	bool lossy = false, left;
	uint32_t id = 0;

	*ret = (struct opinion){ 0 };
	j = decider(s, head, ret, &lost, &id, &lossy);
	if (!lost) {
		ret->way = j ? SHADOW_THROW : 0;
		ret->leads = j && j->flags & JUDGE_LEADS ? id + 1 : 0;
		ret->lossy = j && j->flags & (JUDGE_LOSSY | JUDGE_UNSURE);
		ret->unsure = j && j->flags & JUDGE_UNSURE;
	} else {
		route_dst(head, &dst);
		left = !in_scope(s, &dst) ||
		       (lost->flags & JUDGE_KERNEL &&
			(!j || j->kind != JUDGE_KEEPS || !(j->flags & JUDGE_LEADS)));
		ret->spoils &= !left;
		if (left) {
			ret->way = SHADOW_THROW;
			return;
		}
		if (!j || (j->kind == JUDGE_KEEPS && !(j->flags & JUDGE_LEADS))) {
			replace(s, &dst, lossy, ret);
			/* Its next route drops, so nothing else is asked. */
			if (j && ret->leans)
				*ret = (struct opinion){ .way = SHADOW_THROW,
							 .doubt = DOUBT_NO_WAY };
		} else if (lossy || j->flags & (JUDGE_LOSSY | JUDGE_UNSURE)) {
			ret->way = SHADOW_THROW;
			ret->doubt = DOUBT_LOSSY;
		} else {
			ret->way = j->kind == JUDGE_REST ? j->legs : shadow_legs(s, id);
		}
	}
	if (ret->tos && tos_over_link(s, head)) {
		*ret = (struct opinion){ .way = SHADOW_THROW, .doubt = DOUBT_TOS };
	}
}

/* Do two destinations of IPv4 begin at the same address?  The kernel has them in one leaf then. */
static bool same_leaf(const struct route *a, const struct route *b)
{
	return a->family == AF_INET && memcmp(a->addr, b->addr, 4) == 0;
}

static struct answer doubtful(uint8_t why, bool cover)
{
	return (struct answer){ .way = SHADOW_THROW, .doubt = why, .cover = cover };
}

/* The answer of the table for what has 'head[i]' as its longest destination. */
static struct answer resolve(struct shadow *s, const struct route *const *head, unsigned n,
			     unsigned i)
{
	const struct route *spoilt = NULL;
	bool leans = false;

	for (; i < n; i++) {
		struct opinion v;

		if (spoilt && same_leaf(spoilt, head[i]))
			continue;
		opinion_of(s, head[i], &v);
		if (v.spoils && (!v.way || v.leans))
			spoilt = head[i];
		leans |= v.leans;
		if ((v.tos && !v.way) || v.unsure) {
			if (leans || resolve(s, head, n, i + 1).way != SHADOW_THROW)
				return doubtful(v.tos ? DOUBT_TOS : DOUBT_UNSURE, leans);
		}
		if (!v.way)
			continue;
		if (!leans || v.way != SHADOW_THROW)
			return (struct answer){ .way = v.way, .doubt = v.doubt, .cover = leans };
		if (v.doubt || !v.leads || v.lossy)
			return doubtful(v.lossy ? DOUBT_LOSSY : DOUBT_NO_WAY, true);
		return (struct answer){ .way = shadow_legs(s, v.leads - 1), .cover = true };
	}
	return leans ? doubtful(DOUBT_NO_WAY, true) : (struct answer){ .way = SHADOW_THROW };
}

bool shadow_answer(struct shadow *s, const struct anod_prefix *dst, struct answer *ret,
		   struct answer *ret_around)
{
	const struct route *head[COVERS_MAX];
	struct covers at;
	unsigned n = 0;
	bool there;

	rtab_covers(shadow_rtab(s), s->in.table, dst, &at);
	for (uint32_t id = covers_next(&at); id != RTAB_NONE && n < COVERS_MAX;
	     id = covers_next(&at))
		head[n++] = rtab_route(at.t, id);
	there = n && head[0]->len == dst->len;
	*ret_around = resolve(s, head, n, there);
	*ret = there ? resolve(s, head, n, 0) : *ret_around;
	return there;
}

bool shadow_leads(struct shadow *s, const struct anod_prefix *dst)
{
	const struct overlay *o = shadow_overlay(s);
	struct lookup in = { .dst = *dst };
	struct flow_path p = { 0 };
	struct route_ref at;

	return o && overlay_ask_table(o, s->in.table, &in, &p, &at) == WAY_DECIDES &&
	       p.fate == FLOW_FORWARDED;
}
