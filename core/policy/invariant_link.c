/*
 * invariant_link - how many links are up, how wide a bond is, how full a link gets.
 *
 * Design.  Links are counted in the predicted state.  Which of them belong to a set is asked of the
 * facts, so a membership that is unknown makes a range of a number: what is sure and what is
 * possible, and the requirement holds when it does at both ends.
 */
#include <math.h>
#include <net/if.h>
#include <string.h>

#include "facts/value.h"
#include "policy/invariant_int.h"

bool probe_link_up(const struct probe *p, const struct anod_link *l)
{
	const struct schema *s = store_schema(p->in->store);
	const struct hypothesis *h = p->hyp;
	const struct schema_attr *a;
	bool carrier = l->carrier, up = l->flags & IFF_UP;

	if (h && h->kind == schema_kind_id(s, "link") && strcmp(h->entity, l->name) == 0) {
		a = schema_attr_at(s, h->kind, (uint16_t) h->slot);
		if (a && strcmp(a->name, "carrier") == 0)
			carrier = h->value.u.i;
		else if (a && strcmp(a->name, "admin_up") == 0)
			up = h->value.u.i;
	}
	return up && carrier;
}

enum anod_tri probe_in_set(const struct probe *p, const char *link)
{
	struct ask q;

	/* "link": all of them. */
	if (!p->require->set || strcmp(p->require->set, "link") == 0)
		return ANOD_TRUE;
	ask_init(&q, p->in, NULL, p->hyp, NULL);
	return ask_member(&q, p->require->set, q.kind_link, link);
}

/* ---- count(SET up), members -------------------------------------------------------------- */

struct count_up {
	const struct probe *probe;
	uint32_t master; /* 0, or only its members, whatever set they are in */
	unsigned sure, possible;
};

static int count_link(const struct anod_object *o, void *data)
{
	struct count_up *c = data;
	const struct anod_link *l = &o->u.link;
	enum anod_tri in;

	if ((c->master && l->master != c->master) || !probe_link_up(c->probe, l))
		return 0;
	in = c->master ? ANOD_TRUE : probe_in_set(c->probe, l->name);
	c->sure += in == ANOD_TRUE;
	c->possible += in != ANOD_FALSE;
	return 0;
}

struct finding judge_count(const struct probe *p)
{
	const struct policy_require *r = p->require;
	const char *set = r->set ? r->set : "link";
	struct count_up c = { .probe = p };
	bool end = !p->stage || (p->stage->kind == STAGE_END && !p->stage->settled);
	enum anod_tri low, high;
	struct finding f;
	bool sharp;

	if (overlay_each(p->state, ANOD_OBJ_LINK, count_link, &c) < 0)
		return (struct finding){ .holds = ANOD_DOUBT };

	low = probe_compare(c.sure, r->cmp, (double) r->n);
	high = probe_compare(c.possible, r->cmp, (double) r->n);
	/* == and != may hold in between only. */
	sharp = c.sure == c.possible || r->cmp >= VALUE_LT || r->n < c.sure || r->n > c.possible;
	f.holds = low == high && sharp ? low : ANOD_DOUBT;
	f.worse = probe_distance(c.sure, (double) r->n);
	if (c.sure != c.possible)
		say(p, "count(%s up) %s = %u to %u (membership unknown), need %s %llu", set,
		    end ? "after" : WHERE(p), c.sure, c.possible, cmp_text(r->cmp),
		    (unsigned long long) r->n);
	else if (end)
		say(p, "count(%s up) after = %u, need %s %llu", set, c.sure, cmp_text(r->cmp),
		    (unsigned long long) r->n);
	else
		say(p, "count(%s up) = %u %s, need %s %llu", set, c.sure, WHERE(p),
		    cmp_text(r->cmp), (unsigned long long) r->n);
	return f;
}

struct members {
	const struct probe *probe;
	struct finding f;
	unsigned n; /* bonds that were looked at */
};

static int count_members(const struct anod_object *o, void *data)
{
	struct members *m = data;
	const struct probe *p = m->probe;
	struct count_up c = { .probe = p, .master = o->u.link.ifindex };
	enum anod_tri in = probe_in_set(p, o->u.link.name);

	if (in == ANOD_FALSE)
		return 0;
	m->n++;
	if (overlay_each(p->state, ANOD_OBJ_LINK, count_link, &c) < 0)
		return -1;
	if (probe_compare(c.sure, p->require->cmp, (double) p->require->n) == ANOD_TRUE)
		return 0;

	finding_fails(&m->f, in == ANOD_TRUE ? ANOD_FALSE : ANOD_DOUBT,
		      probe_distance(c.sure, (double) p->require->n));
	say(p, "%s has %u usable member%s %s%s, need %s %llu", o->u.link.name, c.sure,
	    c.sure == 1 ? "" : "s", WHERE(p), in == ANOD_TRUE ? "" : " (and may not be in the set)",
	    cmp_text(p->require->cmp), (unsigned long long) p->require->n);
	return 0;
}

/* A bond of a fixed list that is not there has no members. */
static void check_missing(struct members *m)
{
	const struct probe *p = m->probe;
	const struct policy_set *s = policy_find_set(p->in->config->policy, p->require->set);

	for (unsigned i = 0; s && i < s->n_names; i++) {
		if (overlay_ifindex(p->state, s->member[i]) > 0)
			continue;
		finding_fails(&m->f, ANOD_FALSE, (double) p->require->n);
		say(p, "there is no link %s", s->member[i]);
	}
}

struct finding judge_members(const struct probe *p)
{
	struct members m = { .probe = p, .f.holds = ANOD_TRUE };

	if (overlay_each(p->state, ANOD_OBJ_LINK, count_members, &m) < 0)
		return (struct finding){ .holds = ANOD_DOUBT };
	check_missing(&m);
	if (m.f.holds == ANOD_TRUE)
		say(p, "each of %u link%s of %s has members %s %llu %s", m.n, m.n == 1 ? "" : "s",
		    p->require->set, cmp_text(p->require->cmp), (unsigned long long) p->require->n,
		    WHERE(p));
	return m.f;
}

/* ---- load and capacity ------------------------------------------------------------------- */

static bool capacity_of(const struct probe *p, const char *link, double *ret)
{
	const struct store *s = p->in->store;
	const struct schema_attr *a = schema_attr(store_schema(s), "link", "capacity");
	uint32_t entity = a ? store_find(s, a->kind, link) : 0;
	struct fact f;

	if (!entity || store_get(s, entity, a->slot, p->in->now_us, &f) < 0 ||
	    f.value.type != ANOD_INT)
		return false;
	*ret = (double) f.value.u.i;
	return true;
}

/* Predicted at this stage, or as measured now. */
static bool load_of(const struct probe *p, unsigned i, double *ret)
{
	const struct link_load *now = &p->in->whatif->load_before[i];
	const struct link_load *then = p->stage && p->stage->load ? &p->stage->load[i] : NULL;

	*ret = then ? then->after_bps : now->now_bps;
	return then ? then->after_known : now->known;
}

static void judge_link_load(const struct probe *p, unsigned i, const struct anod_link *l,
			    struct finding *f)
{
	enum anod_tri in = probe_in_set(p, l->name), holds;
	double load, limit;

	if (in == ANOD_FALSE)
		return;
	if (!load_of(p, i, &load)) {
		say(p, "the load of link %s %s is unknown", l->name, WHERE(p));
		finding_fails(f, ANOD_DOUBT, 0);
		return;
	}
	if (!probe_limit(p, l->name, &limit)) {
		say(p, "the limit for link %s is unknown: has it a capacity?", l->name);
		finding_fails(f, ANOD_DOUBT, 0);
		return;
	}

	holds = probe_compare(load, p->require->cmp, limit);
	if (holds == ANOD_TRUE)
		return;
	finding_fails(f, in == ANOD_DOUBT ? ANOD_DOUBT : holds,
		      limit > 0 ? probe_distance(load, limit) / limit : 1);
	say(p, "link %s carries %s %s, need %s %s", l->name, BPS(load), WHERE(p),
	    cmp_text(p->require->cmp), BPS(limit));
}

struct finding judge_load(const struct probe *p)
{
	const struct whatif *w = p->in->whatif;
	struct finding f = { .holds = ANOD_TRUE };

	if (!w->n_loads) {
		say(p, "the load of no link is measured");
		return (struct finding){ .holds = ANOD_DOUBT };
	}
	for (unsigned i = 0; i < w->n_loads; i++) {
		const struct anod_link *l = overlay_link(p->state, w->load_before[i].ifindex);

		if (l && link_usable(l))
			judge_link_load(p, i, l, &f);
	}
	if (f.holds == ANOD_TRUE)
		say(p, "no link of %s is fuller %s", p->require->set, WHERE(p));
	return f;
}

struct total {
	const struct probe *probe;
	double bps;
	unsigned unknown; /* links whose membership or capacity is not known */
};

static int add_capacity(const struct anod_object *o, void *data)
{
	struct total *t = data;
	enum anod_tri in;
	double bps;

	if (!probe_link_up(t->probe, &o->u.link))
		return 0;
	in = probe_in_set(t->probe, o->u.link.name);
	if (in == ANOD_FALSE)
		return 0;
	if (in == ANOD_TRUE && capacity_of(t->probe, o->u.link.name, &bps))
		t->bps += bps;
	else
		t->unknown++;
	return 0;
}

struct finding judge_capacity(const struct probe *p)
{
	struct total t = { .probe = p };
	struct finding f = { .holds = ANOD_DOUBT };
	double limit;

	if (overlay_each(p->state, ANOD_OBJ_LINK, add_capacity, &t) < 0)
		return f;
	if (!probe_limit(p, NULL, &limit)) {
		say(p, "%s: what it is compared with is unknown", p->require->text);
		return f;
	}

	f.holds = probe_compare(t.bps, p->require->cmp, limit);
	/* More can only help. */
	if (f.holds != ANOD_TRUE && t.unknown)
		f.holds = ANOD_DOUBT;
	f.worse = probe_distance(t.bps, limit);
	if (t.unknown)
		say(p, "capacity of %s is at least %s %s, and %u link%s unknown; need %s %s",
		    p->require->set, BPS(t.bps), WHERE(p), t.unknown,
		    t.unknown == 1 ? " is" : "s are", cmp_text(p->require->cmp), BPS(limit));
	else
		say(p, "capacity of %s is %s %s, need %s %s", p->require->set, BPS(t.bps), WHERE(p),
		    cmp_text(p->require->cmp), BPS(limit));
	return f;
}
