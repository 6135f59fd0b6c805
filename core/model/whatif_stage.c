/*
 * whatif_stage - the states that a proposal leads through, on the way there and back.
 *
 * Design.  A stage is an overlay of its own, made from the list of changes.  The way there needs
 * one for each change but the last.  The way back leads through the same states in reverse,
 * because the executor undoes by comparison and puts back what went with a link (core/exec/side.c);
 * a stage is made only where it does not
 * (whatif_undo.c).
 *
 * A trigger is looked at with every number of changes made: it does not wait for the last one.
 *
 * What is in flight may still be rolled back, one or all, so the end is also looked at without it.
 * There its own steps are taken back in reverse; they include what went with a link.
 */
#include <errno.h>
#include <string.h>

#include "model/horizon.h"
#include "model/measure.h"
#include "model/stage.h"
#include "model/state.h"

/* How a state is made. */
struct recipe {
	const struct whatif_in *in;
	const struct whatif *w;
	unsigned n_steps; /* of the plan that are made */
	bool back;	  /* coming back from its end */
	bool unfly;	  /* what is in flight is undone: all, or 'tx' */
	uint64_t tx;
	enum trigger_kind trigger; /* 0: it has not come */
};

static bool is_undone(const struct recipe *r, unsigned i)
{
	return r->unfly && (!r->tx || stage_tx(r->in, i) == r->tx);
}

int stage_fly(struct overlay *o, const struct whatif_in *in)
{
	int r = 0;

	for (unsigned i = 0; i < in->n_in_flight && r == 0; i++)
		r = overlay_apply(o, &in->in_flight[i]);
	return r;
}

int stage_unmake(struct overlay *o, const struct whatif_in *in)
{
	int r = 0;

	for (unsigned i = in->n_made; i-- > 0 && r == 0;)
		r = stage_take_back(o, &in->made[i]);
	return r;
}

int stage_base(struct overlay *o, const struct whatif_in *in)
{
	int r = stage_fly(o, in);

	return r < 0 ? r : stage_unmake(o, in);
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
			r = stage_take_back(o, &rc->in->in_flight[i]);
	return r;
}

/* ---- making stages ----------------------------------------------------------------------- */

static int make_state(const struct recipe *rc, struct overlay **ret)
{
	bool late = rc->trigger && rc->in->ready;
	struct overlay *o = overlay_new(rc->in->model);
	int r = o ? fly(o, rc) : -ENOMEM;

	if (r == 0)
		r = stage_unmake(o, rc->in);
	if (r == 0 && late)
		r = stage_trigger(o, rc->in->trigger, rc->trigger);
	for (unsigned i = 0; i < rc->n_steps && r == 0; i++)
		r = late ? stage_late(o, &rc->w->step[i]) : overlay_apply(o, &rc->w->step[i]);
	if (r == 0 && rc->trigger && !late)
		r = stage_trigger(o, rc->in->trigger, rc->trigger);
	if (r == 0 && rc->back)
		r = undo_leave_traces(o, rc->w, rc->n_steps);
	if (r < 0)
		overlay_free(o);
	else
		*ret = o;
	return r;
}

/* Is there anybody who could react? */
static bool has_daemons(const struct model *m)
{
	const struct rtab *t = &m->base.routes;

	if (model_candidates(m))
		return true;
	for (uint32_t id = 0; id < t->n_ways; id++)
		if (t->way[id] && horizon_is_daemon(t->way[id]->protocol))
			return true;
	return false;
}

/* What the routing daemons make of it. */
static int settle(const struct overlay *from, struct overlay **ret)
{
	struct overlay *o = overlay_copy(from);
	int r = o ? overlay_converge(o) : -ENOMEM;

	if (r < 0)
		overlay_free(o);
	else
		*ret = o;
	return r;
}

/* What was measured is the load with the link; what the trigger itself loses is not the plan's. */
static int load_after_trigger(struct whatif *w, struct whatif_stage *s, struct link_load *load)
{
	struct load_result without;
	int r;

	memcpy(load, w->load_before, w->n_loads * sizeof(*load));
	r = load_predict(w->before, s->ref, load, w->n_loads, &without);
	if (r < 0)
		return r;
	memcpy(load, w->load_before, w->n_loads * sizeof(*load));
	r = load_predict(w->before, s->state, load, w->n_loads, &s->traffic);
	if (r < 0)
		return r;
	s->traffic.lost_bps = MAX_OF(s->traffic.lost_bps - without.lost_bps, 0.0);
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

	s->load = load;
	if (s->kind == STAGE_TRIGGER)
		return load_after_trigger(w, s, load);
	memcpy(load, w->load_before, w->n_loads * sizeof(*load));
	return load_predict(s->ref, s->state, load, w->n_loads, &s->traffic);
}

/* The same when daemons have reacted.  They would also react to what is wrong without the proposal,
 * so it is compared with that. */
static int add_settled(struct whatif *w, const struct whatif_stage *now)
{
	struct whatif_stage *s = &w->stage[w->n_stages];
	int r = 0;

	*s = *now;
	s->settled = true;
	s->owned = s->owned_ref = NULL;
	s->load = NULL;
	if (now->ref != w->before) {
		r = settle(now->ref, &s->owned_ref);
		s->ref = s->owned_ref;
	} else {
		if (!w->before_settled)
			r = settle(w->before, &w->before_settled);
		s->ref = w->before_settled;
	}
	if (r == 0)
		r = settle(now->state, &s->owned);
	if (r < 0) {
		s->owned_ref = overlay_free(s->owned_ref);
		return r;
	}
	s->state = s->owned;
	w->n_stages++;
	return measure_stage(w, s);
}

/* Add the stage, and the settled one when somebody could react. */
static int add_stage(struct whatif *w, const struct recipe *rc, const struct whatif_stage *like)
{
	struct whatif_stage *s = &w->stage[w->n_stages];
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
	if (r < 0 || !has_daemons(rc->in->model))
		return r;
	return add_settled(w, s);
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

		r = undo_leaves_trace(w, k, &one);
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

static bool owns(const struct whatif *w, const struct overlay *ref)
{
	for (unsigned i = 0; i < w->n_stages; i++)
		if (w->stage[i].owned_ref == ref)
			return true;
	return false;
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
		/* It belongs to the first stage that has it. */
		if (r < 0 && !owns(w, s.owned_ref))
			overlay_free(s.owned_ref);
	}
	return r;
}

/* When the trigger has come, in each of its ways, with some of the changes made. */
static int add_triggers(struct whatif *w, const struct whatif_in *in)
{
	unsigned from = w->n_steps ? 1 : 0;
	int r = 0;

	for (enum trigger_kind k = TRIGGER_CARRIER; in->trigger && k <= TRIGGER_DOWN; k++)
		for (unsigned n = from; n <= w->n_steps && r == 0; n++) {
			struct recipe rc = { .in = in, .w = w, .trigger = k };
			struct whatif_stage s = { .kind = STAGE_TRIGGER, .step = n, .trigger = k };

			r = make_state(&rc, &s.owned_ref);
			if (r < 0)
				return r;
			s.ref = s.owned_ref;
			rc.n_steps = n;
			r = add_stage(w, &rc, &s);
			if (r < 0 && !owns(w, s.owned_ref))
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
	w->mended = 0;
	for (unsigned i = 0; i < w->n_stages; i++)
		if (stage_is_end(w, &w->stage[i]) && !w->stage[i].settled)
			w->mended = MAX_OF(w->mended, w->stage[i].mended);
}

static int make_room(struct whatif *w, const struct whatif_in *in)
{
	unsigned triggers = in->trigger ? TRIGGERS_MAX : 0;
	size_t n = (size_t) 2 * ((2u + triggers) * MAX_OF(w->n_steps, 1u) + w->n_flights + 1u);

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
		r = add_triggers(w, in);
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
	overlay_free(w->before_settled);
	free(w->stage);
	free(w->flight);
	free(w->loads);
}
