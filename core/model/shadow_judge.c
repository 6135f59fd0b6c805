/*
 * shadow_judge - what a way of the model becomes when the link is lost.
 *
 * Design.  Many routes share few ways, so each way is judged once; a route then costs one look into
 * an array.  A judgement is of the way with its serial number, because ids are used again, and of
 * an epoch, which ends when the links that go with the lost one, the standby or the candidates
 * change.  After another change of links or next hops all judgements are made again, and only if
 * one differs the routes are looked at.
 *
 * The links that go with the lost one are asked of overlays in which it is set down, and in which
 * it has no carrier: a VLAN goes with the link below.  Next-hop objects on it go in both cases, so
 * a route over one is judged by the legs that the object gives it now.
 */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "model/horizon.h"
#include "model/shadow_int.h"

#define REJUDGE_MAX 65536 /* ways; with more it is cheaper to look at the routes */

const struct overlay *shadow_overlay(struct shadow *s)
{
	if (!s->o)
		s->o = overlay_new(s->in.model);
	if (!s->o)
		s->broken = true;
	return s->o;
}

void shadow_overlay_done(struct shadow *s)
{
	s->o = overlay_free(s->o);
}

bool shadow_is_lost(const struct shadow *s, uint32_t ifindex)
{
	for (unsigned i = 0; i < s->n_lost; i++)
		if (s->lost[i] == ifindex)
			return true;
	return false;
}

/* Of a way of the model, its usable legs without the lost ones. */
static uint32_t legs_of(struct shadow *s, const struct way *w, const struct flow_path *p)
{
	struct anod_leg leg[ANOD_LEGS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_legs; i++) {
		if (shadow_is_lost(s, p->leg[i].ifindex))
			continue;
		leg[n] = p->leg[i];
		leg[n++].flags &= RTNH_F_ONLINK;
	}
	if (n == 1)
		leg[0].weight = 1; /* it has no meaning then */
	return shadow_way_get(s, w->family, leg, n, w->mtu, &w->prefsrc);
}

/* ---- judgements ------------------------------------------------------------------------- */

static bool leads(const struct way *w)
{
	switch (w->nhid && w->type == RTN_BLACKHOLE ? RTN_UNICAST : w->type) {
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
	case RTN_THROW:
		return false;
	default:
		return true;
	}
}

/* Has it a leg over the link, that the kernel would use? */
static bool touches(const struct shadow *s, const struct overlay *o, const struct way *w)
{
	struct anod_leg leg[ANOD_LEGS_MAX];
	unsigned n = leads(w) ? overlay_legs(o, w, leg) : 0;

	for (unsigned i = 0; i < n; i++)
		if (shadow_is_lost(s, leg[i].ifindex) &&
		    overlay_leg_state(o, &leg[i], w->family, NULL, 0) != LEG_DEAD)
			return true;
	return false;
}

static unsigned usable_rest(const struct shadow *s, const struct flow_path *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_legs; i++)
		n += !shadow_is_lost(s, p->leg[i].ifindex);
	return n;
}

/* 'legs' is held for *ret. */
static void judge(struct shadow *s, const struct overlay *o, const struct way *w,
		  struct judged *ret)
{
	struct lookup in = { .dst.family = w->family };
	struct flow_path p = { 0 };
	enum way_answer a = overlay_ask_way(o, w, &in, &p);

	*ret = (struct judged){ .serial = w->serial, .epoch = s->epoch, .kind = JUDGE_KEEPS };
	ret->flags = (uint8_t) ((w->protocol == RTPROT_KERNEL ? JUDGE_KERNEL : 0) |
				(w->obj_flags & ANOD_OBJ_LOSSY ? JUDGE_LOSSY : 0) |
				(w->obj_flags & ANOD_OBJ_UNSURE ? JUDGE_UNSURE : 0));
	if (a == WAY_PASSES || a == WAY_SPOILS) {
		ret->kind = a == WAY_PASSES ? JUDGE_PASSES : JUDGE_SPOILS;
	} else if (a == WAY_DECIDES && touches(s, o, w)) {
		ret->kind = usable_rest(s, &p) ? JUDGE_REST : JUDGE_GONE;
		if (ret->kind == JUDGE_REST)
			ret->legs = legs_of(s, w, &p);
	} else if (a == WAY_DECIDES && p.fate == FLOW_FORWARDED) {
		ret->flags |= JUDGE_LEADS;
	}
}

static int grow_judged(struct shadow *s, uint32_t way)
{
	uint32_t max = s->n_judged ? s->n_judged : 64;
	struct judged *more;

	while (max <= way)
		max *= 2;
	more = realloc(s->judged, max * sizeof(*more));
	if (!more) {
		s->broken = true;
		return -1;
	}
	memset(&more[s->n_judged], 0, (max - s->n_judged) * sizeof(*more));
	s->judged = more;
	s->n_judged = max;
	return 0;
}

const struct judged *shadow_judge(struct shadow *s, uint32_t way)
{
	const struct way *w = shadow_rtab(s)->way[way];
	const struct overlay *o;
	struct judged *j;

	if (way >= s->n_judged && grow_judged(s, way) < 0)
		return NULL;
	j = &s->judged[way];
	if (j->serial == w->serial && j->epoch == s->epoch)
		return j;
	o = shadow_overlay(s);
	if (!o)
		return NULL;
	shadow_way_unref(s, j->legs);
	judge(s, o, w, j);
	return j;
}

uint32_t shadow_legs(struct shadow *s, uint32_t way)
{
	const struct way *w = shadow_rtab(s)->way[way];
	struct lookup in = { .dst.family = w->family };
	const struct overlay *o;
	struct flow_path p = { 0 };

	if (s->judged[way].legs)
		return s->judged[way].legs;
	o = shadow_overlay(s);
	if (!o)
		return 0;
	(void) overlay_ask_way(o, w, &in, &p);
	s->judged[way].legs = legs_of(s, w, &p);
	return s->judged[way].legs;
}

/* Judge all again; true: one of them is another. */
static bool rejudge(struct shadow *s)
{
	const struct rtab *t = shadow_rtab(s);
	const struct overlay *o = shadow_overlay(s);
	bool news = false;

	if (t->n_ways > REJUDGE_MAX || !o) {
		s->epoch++;
		return true;
	}
	for (uint32_t id = 0; id < MIN_OF(t->n_ways, s->n_judged); id++) {
		struct judged *j = &s->judged[id], now;

		if (!t->way[id] || j->serial != t->way[id]->serial || j->epoch != s->epoch)
			continue;
		judge(s, o, t->way[id], &now);
		if (j->kind == JUDGE_KEEPS && j->legs && now.flags & JUDGE_LEADS) {
			struct judged was = *j;

			*j = now;
			(void) shadow_legs(s, id);
			now = *j;
			*j = was;
		}
		news |= now.kind != j->kind || now.flags != j->flags || now.legs != j->legs;
		shadow_way_unref(s, j->legs);
		*j = now;
	}
	return news;
}

void shadow_judges_done(struct shadow *s)
{
	free(s->judged);
	free(s->candidate);
}

/* ---- links, standby, candidates --------------------------------------------------------- */

static struct overlay *without_link(const struct shadow *s, bool down)
{
	const struct onode *n = otab_find_id(&s->in.model->base.tab[ANOD_OBJ_LINK], s->in.lost);
	struct anod_change c = { .has_pre = n != NULL, .has_post = n != NULL };
	struct overlay *o = overlay_new(s->in.model);

	if (!o || !n)
		return o;
	onode_object(&s->in.model->base.tab[ANOD_OBJ_LINK], n, &c.pre);
	c.post = c.pre;
	if (down)
		c.post.u.link.flags &= ~(uint32_t) IFF_UP;
	else
		c.post.u.link.carrier = 0;
	return overlay_apply(o, &c) < 0 ? overlay_free(o) : o;
}

static void lose(struct shadow *s, uint32_t ifindex)
{
	if (shadow_is_lost(s, ifindex))
		return;
	if (s->n_lost == ARRAY_SIZE(s->lost))
		s->lost_overflow = true;
	else
		s->lost[s->n_lost++] = ifindex;
}

static bool worse(const struct anod_link *was, const struct anod_link *now)
{
	return (link_usable(was) && !link_usable(now)) || (was->flags & ~now->flags & IFF_UP);
}

static int look_links(struct shadow *s)
{
	const struct otab *t = &s->in.model->base.tab[ANOD_OBJ_LINK];
	_cleanup_(overlay_freep) struct overlay *down = without_link(s, true);
	_cleanup_(overlay_freep) struct overlay *off = without_link(s, false);

	if (!down || !off)
		return -1;
	s->n_lost = 0;
	s->lost_overflow = false;
	lose(s, s->in.lost);
	for (unsigned i = 0; i < t->n_slots; i++) {
		const struct anod_link *l = otab_at(t, i) ? ONODE_AS(link, otab_at(t, i)) : NULL;

		if (l && (worse(l, overlay_link(down, l->ifindex)) ||
			  worse(l, overlay_link(off, l->ifindex))))
			lose(s, l->ifindex);
	}
	return 0;
}

static int by_dst(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	int r = memcmp(&x->dst, &y->dst, sizeof(x->dst));

	return r != 0 ? r : (x->rank > y->rank) - (x->rank < y->rank);
}

/* Those that would live, the best of each destination. */
static int look_candidates(struct shadow *s)
{
	const struct candidates *all = &s->in.model->candidates;
	_cleanup_(overlay_freep) struct overlay *o = NULL;
	struct anod_object route;
	unsigned n = 0, kept = 0;

	for (unsigned i = 0; i < s->n_candidates; i++)
		shadow_way_unref(s, s->candidate[i].way);
	s->n_candidates = 0;
	free(s->candidate);
	s->candidate = NULL;
	if (!all->n)
		return 0;

	o = without_link(s, true);
	s->candidate = malloc(all->n * sizeof(*s->candidate));
	if (!o || overlay_converge(o) < 0 || !s->candidate)
		return -1;
	for (unsigned i = 0; i < all->n; i++) {
		const struct anod_route *r = &route.u.route;

		if (all->at[i].route.u.route.table != s->in.table ||
		    !overlay_candidate_lives(o, &all->at[i].route, &route))
			continue;
		s->candidate[n].dst = prefix_cut(&r->dst, r->dst.len);
		s->candidate[n].rank = i;
		s->candidate[n++].way = route.flags & ANOD_OBJ_LOSSY
						? 0
						: shadow_way_get(s, r->dst.family, r->leg,
								 r->n_legs, r->mtu, &r->prefsrc);
	}
	qsort(s->candidate, n, sizeof(*s->candidate), by_dst);
	for (unsigned i = 0; i < n; i++) {
		if (kept && memcmp(&s->candidate[kept - 1].dst, &s->candidate[i].dst,
				   sizeof(s->candidate[i].dst)) == 0)
			shadow_way_unref(s, s->candidate[i].way);
		else
			s->candidate[kept++] = s->candidate[i];
	}
	s->n_candidates = kept;
	return 0;
}

bool shadow_look(struct shadow *s)
{
	uint32_t was[OVERLAY_LOST_MAX];
	unsigned n_was = s->n_lost;
	bool news = s->n_candidates > 0;

	memcpy(was, s->lost, sizeof(was));
	if (look_links(s) < 0 || look_candidates(s) < 0) {
		s->broken = true;
		return true;
	}
	news |= s->n_candidates > 0 || n_was != s->n_lost ||
		memcmp(was, s->lost, n_was * sizeof(was[0])) != 0;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		const struct anod_leg *leg = s->standby[v6] ? s->way[s->standby[v6]]->w.leg : NULL;
		const struct onode *n =
			leg ? otab_find_id(&s->in.model->base.tab[ANOD_OBJ_LINK], leg->ifindex)
			    : NULL;
		bool fails =
			!n || !link_usable(ONODE_AS(link, n)) || shadow_is_lost(s, leg->ifindex);

		news |= fails != s->standby_fails[v6];
		s->standby_fails[v6] = fails;
	}
	if (news)
		s->epoch++;
	return rejudge(s) || news;
}
