/*
 * whatif - the effect of a proposal before it is made.
 *
 * Design.  Two overlays of one model: 'before' has what is in flight, 'after' also the actions,
 * planned one after the other by the actuators' own plan(), so that prediction and execution
 * cannot differ.  After every single change of the plan the prefixes are measured (measure.c).
 */
#include "model/whatif.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "model/measure.h"
#include "model/state.h"

static int refuse(struct whatif *w, int error, const char *fmt, ...) _printf_(3, 4);
static int refuse(struct whatif *w, int error, const char *fmt, ...)
{
	char text[sizeof(w->error)];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void) copy_text(w->error, sizeof(w->error), text);
	return error;
}

static int apply_in_flight(struct overlay *o, const struct whatif_in *in)
{
	for (unsigned i = 0; i < in->n_in_flight; i++) {
		int r = overlay_apply(o, &in->in_flight[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool lossy(const struct anod_change *c)
{
	return (c->has_pre && (c->pre.flags & ANOD_OBJ_LOSSY)) ||
	       (c->has_post && (c->post.flags & ANOD_OBJ_LOSSY));
}

/* Plan one action on what the earlier ones left, and measure each of its changes. */
static int run_action(const struct whatif_in *in, unsigned nth, struct whatif *w)
{
	const struct anod_action *a = &in->action[nth];
	const struct anod_action_desc *desc = in->find(a->kind, in->find_data);
	struct anod_plan plan = { 0 };
	int r;

	if (!desc || !desc->plan)
		return refuse(w, -ENOENT, "no actuator for action '%.*s'", ANOD_KIND_SIZE, a->kind);

	r = desc->plan(a, overlay_view(w->after), &plan);
	if (r < 0)
		return refuse(w, -EINVAL, "%s: %s", desc->kind,
			      plan.error[0] ? plan.error : strerror(-r));
	if (plan.n_changes > ANOD_CHANGES_MAX)
		return refuse(w, -EINVAL, "%s: the plan has %u changes, at most %d are possible",
			      desc->kind, plan.n_changes, ANOD_CHANGES_MAX);

	for (unsigned i = 0; i < plan.n_changes; i++) {
		if (lossy(&plan.change[i]))
			return refuse(w, -EINVAL,
				      "%s: the object carries something that could not be "
				      "restored; change it by hand",
				      desc->kind);
		w->step[w->n_steps] = plan.change[i];
		w->step_action[w->n_steps++] = nth;
		r = overlay_apply(w->after, &plan.change[i]);
		if (r == 0)
			r = measure_step(w);
		if (r < 0)
			return refuse(w, r, "%s: not predicted: %s", desc->kind, strerror(-r));
	}
	return 0;
}

int whatif_run(const struct whatif_in *in, struct whatif **ret)
{
	struct whatif *w;
	int r = 0;

	*ret = NULL;
	if (in->n_actions > ANOD_ACTIONS_MAX)
		return -E2BIG;

	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->generation = model_generation(in->model);
	w->before = overlay_new(in->model);
	w->after = overlay_new(in->model);
	if (!w->before || !w->after)
		r = -ENOMEM;
	if (r == 0)
		r = apply_in_flight(w->before, in);
	if (r == 0)
		r = apply_in_flight(w->after, in);
	if (r < 0)
		(void) refuse(w, r, "what is in flight cannot be predicted: %s", strerror(-r));

	for (unsigned i = 0; i < in->n_actions && r == 0; i++)
		r = run_action(in, i, w);

	/* Also when refused: the caller wants w->error. */
	*ret = w;
	return r;
}

struct whatif *whatif_free(struct whatif *w)
{
	if (w) {
		overlay_free(w->before);
		overlay_free(w->after);
		free(w);
	}
	return NULL;
}

/* ---- paths ------------------------------------------------------------------------------ */

#define CUT_MAX 16

unsigned whatif_disjoint_paths(const struct overlay *o, const struct flow_key *k, unsigned max)
{
	uint32_t cut[CUT_MAX];
	unsigned n = 0;

	max = MIN_OF(max, CUT_MAX);
	while (n < max) {
		struct flow_path path;

		overlay_lookup_without(o, k, cut, n, &path);
		if (path.fate == FLOW_LOCAL)
			return max;
		if (path.fate != FLOW_FORWARDED || path.doubt)
			break;
		cut[n++] = path.leg[0].ifindex;
	}
	return n;
}

bool whatif_survives_one_link(const struct overlay *o, const struct flow_key *k, char *ret_link)
{
	struct flow_path now, then;

	overlay_lookup(o, k, &now);
	if (now.fate == FLOW_LOCAL)
		return true;
	if (now.fate != FLOW_FORWARDED || now.doubt) {
		memset(ret_link, 0, ANOD_IFNAME_SIZE);
		return false;
	}

	/* The loss of a link that the flow does not use changes nothing for it. */
	for (unsigned i = 0; i < now.n_legs; i++) {
		const struct anod_link *l;

		overlay_lookup_without(o, k, &now.leg[i].ifindex, 1, &then);
		if ((then.fate == FLOW_FORWARDED || then.fate == FLOW_LOCAL) && !then.doubt)
			continue;
		l = overlay_link(o, now.leg[i].ifindex);
		(void) copy_text(ret_link, ANOD_IFNAME_SIZE, l ? l->name : "");
		return false;
	}
	return true;
}
