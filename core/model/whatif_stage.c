/*
 * whatif_stage - the states that a proposal leads through, on the way there and back.
 *
 * Design.  A stage is an overlay of its own, made from the list of changes.  The way there needs
 * one for each change but the last.  The way back leads through the same states in reverse,
 * because the executor undoes by comparison and puts back what went with a link (core/exec/side.c);
 * a stage is made only where it does not:
 *
 *   a change without an undo (neigh.flush) stays made;
 *   what a link that was down learns anew by itself (routes of router advertisements and redirects,
 *   addresses that are not permanent) is not there yet;
 *   a rule that was deleted comes back behind the others of its priority.
 *
 * What is in flight may still be rolled back, one or all, so the end is also looked at without it.
 * There its own steps are taken back in reverse; they include what went with a link.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "model/measure.h"
#include "model/stage.h"
#include "model/state.h"

#define HORIZON_SETTLES false /* settle() does something */

/* How a state is made. */
struct recipe {
	const struct whatif_in *in;
	const struct whatif *w;
	unsigned n_steps; /* of the plan that are made */
	bool back;	  /* coming back from its end */
	bool unfly;	  /* what is in flight is undone: all, or 'tx' */
	uint64_t tx;
};

static bool is_undone(const struct recipe *r, unsigned i)
{
	return r->unfly && (!r->tx || stage_tx(r->in, i) == r->tx);
}

static int take_back(struct overlay *o, const struct anod_change *c)
{
	struct anod_change back = {
		.has_pre = c->has_post, .has_post = c->has_pre, .pre = c->post, .post = c->pre
	};

	return overlay_apply(o, &back);
}

int stage_fly(struct overlay *o, const struct whatif_in *in)
{
	int r = 0;

	for (unsigned i = 0; i < in->n_in_flight && r == 0; i++)
		r = overlay_apply(o, &in->in_flight[i]);
	return r;
}

static int fly(struct overlay *o, const struct recipe *rc)
{
	int r = 0;

	if (!rc->unfly)
		return stage_fly(o, rc->in);
	for (unsigned i = 0; i < rc->in->n_in_flight && r == 0; i++)
		if (!is_undone(rc, i))
			r = overlay_apply(o, &rc->in->in_flight[i]);
	/* Where the kernel does not show it yet, this changes nothing. */
	for (unsigned i = rc->in->n_in_flight; i-- > 0 && r == 0;)
		if (is_undone(rc, i))
			r = take_back(o, &rc->in->in_flight[i]);
	return r;
}

/* ---- what an undo does not put back at once ---------------------------------------------- */

static bool sets_down(const struct anod_change *c)
{
	return c->has_pre && c->has_post && c->pre.type == ANOD_OBJ_LINK &&
	       (c->pre.u.link.flags & IFF_UP) && !(c->post.u.link.flags & IFF_UP);
}

struct learned {
	uint32_t ifindex;
	struct overlay *from; /* NULL: only look */
	bool any;
	int error;
};

static bool is_learned(const struct anod_object *o, uint32_t ifindex)
{
	const struct anod_route *r = &o->u.route;

	if (o->type == ANOD_OBJ_ADDR)
		return o->u.addr.ifindex == ifindex && o->u.addr.local.family == AF_INET6 &&
		       !(o->u.addr.flags & IFA_F_PERMANENT);
	if (r->protocol != RTPROT_RA && r->protocol != RTPROT_REDIRECT)
		return false;
	for (unsigned i = 0; i < r->n_legs; i++)
		if (r->leg[i].ifindex != ifindex)
			return false;
	return r->n_legs > 0;
}

static int note_learned(const struct anod_object *o, void *data)
{
	struct learned *l = data;

	if (!is_learned(o, l->ifindex))
		return 0;
	l->any = true;
	/* The object is a copy, so the edit disturbs nobody. */
	if (l->from)
		l->error = overlay_edit(l->from, o, true);
	return l->from ? MIN_OF(l->error, 0) : 1;
}

/* Does the model have routes that routers advertise, of which there are few ways? */
static bool has_learned_ways(const struct model *m)
{
	const struct rtab *t = &m->base.routes;

	for (uint32_t id = 0; id < t->n_ways; id++)
		if (t->way[id] &&
		    (t->way[id]->protocol == RTPROT_RA || t->way[id]->protocol == RTPROT_REDIRECT))
			return true;
	return false;
}

static int each_learned(const struct overlay *before, struct learned *l)
{
	int r = overlay_each(before, ANOD_OBJ_ADDR, note_learned, l);

	if (r == 0 && has_learned_ways(before->model))
		r = overlay_each(before, ANOD_OBJ_ROUTE, note_learned, l);
	return r < 0 ? r : l->error < 0 ? l->error : 0;
}

static bool rule_loses_place(const struct overlay *before, const struct anod_change *c)
{
	unsigned n = 0;

	if (!c->has_pre || c->has_post || c->pre.type != ANOD_OBJ_RULE)
		return false;
	for (unsigned i = 0; i < before->rules->n; i++)
		n += before->rules->at[i].rule->family == c->pre.u.rule.family &&
		     before->rules->at[i].rule->priority == c->pre.u.rule.priority;
	return n > 1;
}

/* Does the undo of this change lead to another state than the one it came from? */
static int leaves_a_trace(const struct whatif *w, unsigned step, bool *ret)
{
	const struct anod_change *c = &w->step[step];
	struct learned l = { .ifindex = c->pre.u.link.ifindex };
	int r;

	*ret = !w->step_undo[step] || rule_loses_place(w->before, c);
	if (*ret || !sets_down(c))
		return 0;
	r = each_learned(w->before, &l);
	*ret = l.any;
	return r;
}

/* What the undo of the steps from 'rc->n_steps' on leaves behind. */
static int leave_traces(struct overlay *o, const struct recipe *rc)
{
	const struct whatif *w = rc->w;
	int r = 0;

	for (unsigned i = rc->n_steps; i < w->n_steps && r == 0; i++) {
		const struct anod_change *c = &w->step[i];
		struct learned l = { .ifindex = c->pre.u.link.ifindex, .from = o };

		if (!w->step_undo[i]) {
			r = overlay_apply(o, c);
		} else if (rule_loses_place(w->before, c)) {
			r = overlay_apply(o, c);
			if (r == 0)
				r = take_back(o, c);
		} else if (sets_down(c)) {
			r = each_learned(w->before, &l);
		}
	}
	return r;
}

/* ---- making stages ----------------------------------------------------------------------- */

static int make_state(const struct recipe *rc, struct overlay **ret)
{
	struct overlay *o = overlay_new(rc->in->model);
	int r = o ? fly(o, rc) : -ENOMEM;

	for (unsigned i = 0; i < rc->n_steps && r == 0; i++)
		r = overlay_apply(o, &rc->w->step[i]);
	if (r == 0 && rc->back)
		r = leave_traces(o, rc);
	if (r < 0)
		overlay_free(o);
	else
		*ret = o;
	return r;
}

/* What the routing daemons make of it; false in *ret_changed: nothing, and 'o' is as it was. */
static int settle(struct overlay *o, bool *ret_changed)
{
	(void) o;
	*ret_changed = false;
	return 0;
}

static int measure_stage(struct whatif *w, struct whatif_stage *s)
{
	unsigned nth = (unsigned) (s - w->stage);
	struct link_load *load = w->loads ? w->loads + (size_t) (nth + 1) * w->n_loads : NULL;
	struct measured m;
	int r = measure(s->ref, s->state, &m);

	if (r < 0)
		return r;
	s->prefixes = m.prefixes;
	s->moved = m.moved;
	s->blackholes = m.lost;
	s->mended = m.mended;
	if (!load)
		return 0;

	memcpy(load, w->load_before, w->n_loads * sizeof(*load));
	s->load = load;
	return load_predict(s->ref, s->state, load, w->n_loads, &s->traffic);
}

/* Add the stage, and the settled one when that is another. */
static int add_stage(struct whatif *w, const struct recipe *rc, const struct whatif_stage *like)
{
	struct whatif_stage *s = &w->stage[w->n_stages];
	bool changed;
	int r = 0;

	*s = *like;
	if (!s->state) {
		r = make_state(rc, &s->owned);
		s->state = s->owned;
	}
	if (r < 0)
		return r;
	w->n_stages++;
	r = measure_stage(w, s);
	if (r < 0 || !HORIZON_SETTLES)
		return r;

	s = &w->stage[w->n_stages];
	*s = *like;
	s->settled = true;
	s->owned_ref = NULL; /* the other one owns it */
	r = make_state(rc, &s->owned);
	if (r < 0)
		return r;
	s->state = s->owned;
	r = settle(s->owned, &changed);
	if (r < 0 || !changed) {
		s->owned = overlay_free(s->owned);
		return r;
	}
	w->n_stages++;
	return measure_stage(w, s);
}

static int add_way_there(struct whatif *w, const struct whatif_in *in)
{
	struct recipe rc = { .in = in, .w = w, .n_steps = w->n_steps };
	struct whatif_stage s = { .kind = STAGE_END, .state = w->after, .ref = w->before };
	int r = add_stage(w, &rc, &s);

	for (unsigned k = 1; k < w->n_steps && r == 0; k++) {
		rc.n_steps = k;
		s = (struct whatif_stage){ .kind = STAGE_STEP, .step = k, .ref = w->before };
		r = add_stage(w, &rc, &s);
	}
	return r;
}

static int add_way_back(struct whatif *w, const struct whatif_in *in)
{
	struct recipe rc = { .in = in, .w = w, .back = true };
	bool traces = false, one;
	int r = 0;

	for (unsigned k = w->n_steps; k-- > 0 && r == 0;) {
		struct whatif_stage s = { .kind = STAGE_UNDO, .step = k + 1, .ref = w->before };

		r = leaves_a_trace(w, k, &one);
		if (r < 0)
			return r;
		traces |= one;
		if (!traces)
			continue;
		rc.n_steps = k;
		r = add_stage(w, &rc, &s);
	}
	return r;
}

/* The end without what is in flight: without all of it, and without each. */
static int add_flights(struct whatif *w, const struct whatif_in *in)
{
	unsigned n = w->n_flights > 1 ? w->n_flights + 1 : w->n_flights;
	int r = 0;

	for (unsigned i = 0; i < n && r == 0; i++) {
		struct recipe rc = { .in = in, .w = w, .unfly = true };
		struct whatif_stage s = { .kind = STAGE_FLIGHT };

		if (i > 0 || n == 1)
			s.tx = rc.tx = w->flight[n == 1 ? 0 : i - 1].tx;
		r = make_state(&rc, &s.owned_ref);
		if (r < 0)
			return r;
		s.ref = s.owned_ref;
		rc.n_steps = w->n_steps;
		r = add_stage(w, &rc, &s);
		if (r < 0 && (w->n_stages == 0 || w->stage[w->n_stages - 1].owned_ref != s.ref))
			overlay_free(s.owned_ref);
	}
	return r;
}

/* ---- all ---------------------------------------------------------------------------------- */

static void sum_up(struct whatif *w)
{
	w->moved_known = w->loads;
	for (unsigned i = 0; i < w->n_stages; i++) {
		const struct whatif_stage *s = &w->stage[i];

		w->prefixes = MAX_OF(w->prefixes, s->prefixes);
		if (!stage_is_strict(s))
			continue;
		w->moved_prefixes = MAX_OF(w->moved_prefixes, s->moved);
		w->new_blackholes = MAX_OF(w->new_blackholes, s->blackholes);
		w->moved_bps = MAX_OF(w->moved_bps, s->traffic.moved_bps);
		w->lost_bps = MAX_OF(w->lost_bps, s->traffic.lost_bps);
		w->moved_known &= s->traffic.known;
	}
	w->mended = w->stage[0].mended;
}

static int make_room(struct whatif *w, const struct whatif_in *in)
{
	size_t n = (size_t) 2 * (2u * MAX_OF(w->n_steps, 1u) + w->n_flights + 1u);

	w->stage = calloc(n, sizeof(*w->stage));
	if (!w->stage)
		return -ENOMEM;
	if (!in->n_loads)
		return 0;

	w->loads = calloc(n + 1, in->n_loads * sizeof(*w->loads));
	if (!w->loads)
		return -ENOMEM;
	w->n_loads = in->n_loads;
	memcpy(w->loads, in->load, in->n_loads * sizeof(*w->loads));
	w->load_before = w->loads;
	return 0;
}

int stages_make(struct whatif *w, const struct whatif_in *in)
{
	int r = flights_list(w, in);

	if (r == 0)
		r = make_room(w, in);
	if (r == 0)
		r = add_way_there(w, in);
	if (r == 0)
		r = add_way_back(w, in);
	if (r == 0)
		r = add_flights(w, in);
	if (r == 0)
		sum_up(w);
	return r;
}

void stages_free(struct whatif *w)
{
	for (unsigned i = 0; i < w->n_stages; i++) {
		overlay_free(w->stage[i].owned);
		overlay_free(w->stage[i].owned_ref);
	}
	free(w->stage);
	free(w->flight);
	free(w->loads);
}
