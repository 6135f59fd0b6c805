/*
 * shadow - the table that bridges the loss of a link.
 *
 * Design.  What changes is looked at by destination: its answer, and that of what contains it, are
 * found anew from the model's routes (shadow_answer.c), and if its answer is another, so are those
 * of the destinations inside, in slices when they are many.  What concerns everything is a scan of all entries and then of all
 * routes of the model, in slices; what changes behind the scan is looked at by itself, and what it
 * has not reached yet it will reach.  A scan that is asked for during a scan follows it.
 */
#include "model/shadow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include "model/shadow_int.h"

#define SKIPS 16 /* places of other tables that cost as much as one destination */

/* ---- one destination -------------------------------------------------------------------- */

/* True: what is inside may have another answer, too. */
static bool update(struct shadow *s, const struct anod_prefix *dst)
{
	const struct sentry *e = stable_find(&s->t, dst);
	struct answer now, around;
	uint8_t flags, had = e ? e->flags : 0;
	uint32_t was, want;
	bool there = shadow_answer(s, dst, &now, &around);

	if (s->broken)
		return false;
	was = e && e->want ? e->want : around.way;
	want = now.way != around.way ? now.way : 0;
	/* Of what is in doubt together with its cover only the cover is noted. */
	flags = (uint8_t) (now.doubt && !around.doubt ? now.doubt : 0);
	if (there && now.cover)
		flags = (uint8_t) (now.doubt | ENTRY_COVER);
	shadow_set(s, dst, want, flags);
	return was != now.way || had != flags || s->t.n_cover || s->t.n_doubt || s->scanning ||
	       s->env;
}

struct inside {
	struct shadow *s;
	unsigned left;
};

static unsigned slice_of(const struct shadow *s)
{
	return s->in.slice ? s->in.slice : SHADOW_SLICE;
}

static int see_inside(uint32_t id, uint32_t cover, void *data)
{
	struct inside *in = data;
	struct anod_prefix dst;

	(void) cover;
	if (in->left-- == 0)
		return 1;
	route_dst(rtab_route(shadow_rtab(in->s), id), &dst);
	(void) update(in->s, &dst);
	return 0;
}

/* What lies inside, as far as one slice goes; else each half of it by itself, which ends because
 * a walk begins with the longest destination that contains the rest.  Returns the slice's cost. */
static unsigned look_inside(struct shadow *s, const struct anod_prefix *dst)
{
	const struct fib *f = rtab_fib(shadow_rtab(s), s->in.table, dst->family);
	unsigned slice = slice_of(s);
	struct inside in = { .s = s, .left = slice };
	struct bits bits = trie_bits(dst);
	struct anod_prefix half = *dst;

	if (!f || !f->n_long || !trie_walk(shadow_rtab(s), f, &bits, dst->len, see_inside, &in))
		return slice - in.left;
	if (s->n_inside + 2 > ARRAY_SIZE(s->inside)) {
		s->all = true;
		return slice;
	}
	half.len++;
	s->inside[s->n_inside++] = half;
	half.addr[dst->len / 8] |= (uint8_t) (0x80u >> dst->len % 8);
	s->inside[s->n_inside++] = half;
	return slice;
}

void shadow_route(struct shadow *s, const struct anod_prefix *dst)
{
	struct anod_prefix cut = prefix_cut(dst, dst->len);

	if (s->all || s->broken)
		return; /* all of them will be looked at, or none */
	/* A gateway may be on its link now, or not any more. */
	s->env |= s->n_candidates > 0;
	if (update(s, &cut)) {
		s->all |= s->n_inside > INSIDE_MAX;
		if (!s->all)
			(void) look_inside(s, &cut);
	}
	shadow_overlay_done(s);
}

/* ---- all of them ------------------------------------------------------------------------ */

void shadow_links(struct shadow *s)
{
	s->env = true;
}

void shadow_again(struct shadow *s)
{
	s->env = s->all = true;
	s->broken = false;
}

/* Entries whose destination has gone unseen. */
static void scan_entry(struct shadow *s)
{
	struct sentry *e = stable_at(&s->t, s->scan_entry++);
	struct anod_prefix dst;

	if (!e->family)
		return;
	sentry_dst(e, &dst);
	if (!rtab_chain(shadow_rtab(s), s->in.table, &dst))
		(void) update(s, &dst);
}

/* One route, or a few places of other tables. */
static void scan_route(struct shadow *s, unsigned kind)
{
	const struct rtab *t = shadow_rtab(s);

	for (unsigned i = 0; i < SKIPS && s->scan_route[kind] < t->pool[kind].n_used; i++) {
		const struct route *r = rtab_route(t, s->scan_route[kind]++ << 1 | kind);
		struct anod_prefix dst;

		if (!r->family || r->table != s->in.table)
			continue;
		route_dst(r, &dst);
		(void) update(s, &dst);
		return;
	}
}

static unsigned waiting(const struct shadow *s)
{
	const struct rtab *t = shadow_rtab(s);
	unsigned n = s->env || s->all;

	if (s->all)
		n += s->t.n + t->n;
	if (s->scanning)
		n += s->t.n_places - MIN_OF(s->scan_entry, s->t.n_places) + t->n_used -
		     s->scan_route[0] - s->scan_route[1] + 1;
	return n + s->n_inside * slice_of(s);
}

unsigned shadow_run(struct shadow *s, unsigned budget)
{
	const struct rtab *t = shadow_rtab(s);

	/* What was refused for want of room has to be looked at when there is some. */
	if (s->over && s->t.n < s->in.max - s->in.max / 8) {
		s->over = false;
		s->all = true;
	}
	if (s->env) {
		s->env = false;
		s->all |= shadow_look(s);
	}
	if (s->all && !s->scanning) {
		s->all = false;
		s->scanning = true;
		s->n_inside = 0;
		s->scan_entry = s->scan_route[0] = s->scan_route[1] = 0;
	}
	while (s->n_inside && budget && !s->broken) {
		struct anod_prefix next = s->inside[--s->n_inside];
		unsigned cost = look_inside(s, &next) + 1;

		budget -= MIN_OF(budget, cost);
	}
	while (s->scanning && budget && !s->broken) {
		if (s->scan_entry < s->t.n_places)
			scan_entry(s);
		else if (s->scan_route[0] < t->pool[0].n_used)
			scan_route(s, 0);
		else if (s->scan_route[1] < t->pool[1].n_used)
			scan_route(s, 1);
		else
			s->scanning = false;
		budget--;
	}
	shadow_overlay_done(s);
	return s->broken ? 0 : waiting(s);
}

/* ---- what is told of it ----------------------------------------------------------------- */

static bool taken_uses(const struct shadow *s, bool (*fn)(const struct shadow_way *, const void *),
		       const void *what)
{
	bool may = false;

	for (uint32_t i = SHADOW_THROW + 1; i < s->n_ways && !may; i++)
		may = s->way[i] && fn(&s->way[i]->w, what);
	for (uint32_t id = 0; may && id < s->t.n_places; id++) {
		const struct sentry *e = stable_at(&s->t, id);

		if (e->family && e->taken > SHADOW_THROW && fn(&s->way[e->taken]->w, what))
			return true;
	}
	return false;
}

static bool has_leg_on(const struct shadow_way *w, const void *what)
{
	const uint32_t *ifindex = what;

	for (unsigned i = 0; i < w->n_legs; i++)
		if (w->leg[i].ifindex == *ifindex)
			return true;
	return false;
}

bool shadow_uses_link(const struct shadow *s, uint32_t ifindex)
{
	return taken_uses(s, has_leg_on, &ifindex);
}

static bool has_source(const struct shadow_way *w, const void *what)
{
	const struct anod_prefix *local = what;

	return w->prefsrc.family == local->family &&
	       memcmp(w->prefsrc.addr, local->addr, sizeof(local->addr)) == 0;
}

bool shadow_uses_source(const struct shadow *s, const struct anod_prefix *local)
{
	return taken_uses(s, has_source, local);
}

unsigned shadow_entries(const struct shadow *s)
{
	return s->t.n_want;
}

unsigned shadow_untaken(const struct shadow *s)
{
	return s->t.n_dirty;
}

size_t shadow_memory(const struct shadow *s)
{
	return sizeof(*s) +
	       (size_t) s->t.n_chunks * sizeof(struct sentry) * (1u << SENTRY_CHUNK_BITS) +
	       (size_t) s->t.n_slots * sizeof(uint32_t) + s->way_bytes +
	       (size_t) s->max_ways * (sizeof(struct sway *) + sizeof(uint32_t)) +
	       (size_t) s->n_judged * sizeof(struct judged) +
	       (size_t) s->n_candidates * sizeof(struct held);
}

static const struct sentry *some_doubt(const struct shadow *s)
{
	const struct stable *t = &s->t;
	uint32_t at = t->doubt_at;

	if (at && at <= t->n_places && stable_at(t, at - 1)->flags & ENTRY_DOUBT)
		return stable_at(t, at - 1);
	for (uint32_t id = 0; id < t->n_places; id++)
		if (stable_at(t, id)->flags & ENTRY_DOUBT)
			return stable_at(t, id);
	return NULL;
}

static const char *doubt_text(uint8_t doubt)
{
	switch ((enum doubt)(doubt & ENTRY_DOUBT)) {
	case DOUBT_NO_WAY:
		return "nothing usable is left when the link is lost, and there is no standby";
	case DOUBT_STANDBY:
		return "the standby is not usable";
	case DOUBT_LOSSY:
		return "its route carries something that cannot be predicted";
	case DOUBT_TOS:
		return "it has routes for a tos, and not all of its packets would go one way";
	case DOUBT_UNSURE:
		return "its route is for some packets only, and it is not known for which";
	case DOUBT_NONE:
		break;
	}
	return "";
}

const char *shadow_doubt(const struct shadow *s, char *buf, size_t size)
{
	char addr[INET6_ADDRSTRLEN] = "";
	const struct sentry *e;

	if (s->broken)
		(void) snprintf(buf, size, "there is no memory for the prediction");
	else if (!model_in_sync(s->in.model))
		(void) snprintf(buf, size, "what the kernel has is being read again");
	else if (s->lost_overflow)
		(void) snprintf(buf, size, "more than %d links go with the lost one",
				OVERLAY_LOST_MAX);
	else if (s->over)
		(void) snprintf(buf, size, "the prediction has more than %u entries", s->in.max);
	else if (s->t.n_doubt && (e = some_doubt(s)))
		(void) snprintf(buf, size, "%s/%u: %s",
				inet_ntop(e->family, e->addr, addr, sizeof(addr)), e->len,
				doubt_text(e->flags));
	else
		return NULL;
	return buf;
}

/* ---- life ------------------------------------------------------------------------------- */

int shadow_new(const struct shadow_in *in, struct shadow **ret)
{
	_cleanup_(shadow_freep) struct shadow *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->in = *in;
	s->n_ways = s->free_way = SHADOW_THROW + 1;
	for (unsigned i = 0; i < MIN_OF(in->n_standby, ARRAY_SIZE(in->standby)); i++) {
		const struct anod_prefix none = { 0 };
		const struct anod_leg *leg = &in->standby[i];

		for (unsigned v6 = 0; v6 < 2; v6++) {
			uint8_t family = v6 ? AF_INET6 : AF_INET;

			if (leg->via.family && leg->via.family != family)
				continue;
			shadow_way_unref(s, s->standby[v6]);
			s->standby[v6] = shadow_way_get(s, family, leg, 1, 0, &none);
			if (!s->standby[v6])
				return -ENOMEM;
		}
	}
	shadow_again(s);
	*ret = TAKE(s);
	return 0;
}

struct shadow *shadow_free(struct shadow *s)
{
	if (s) {
		shadow_overlay_done(s);
		stable_done(&s->t);
		shadow_judges_done(s);
		shadow_ways_done(s);
		free(s);
	}
	return NULL;
}
