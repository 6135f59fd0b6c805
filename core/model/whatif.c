/*
 * whatif - the effect of a proposal before it is made.
 *
 * Design.  Two overlays of one model: 'before' has what is in flight, 'after' also the actions,
 * planned one after the other by the actuators' own plan(), so that prediction and execution
 * cannot differ.  The states in between and the ways back are made afterwards, from the list of
 * changes, and only where they differ from these two (whatif_stage.c): most plans have one change.
 */
#include "model/whatif.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "model/stage.h"

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

static bool lossy(const struct anod_change *c)
{
	return (c->has_pre && (c->pre.flags & ANOD_OBJ_LOSSY)) ||
	       (c->has_post && (c->post.flags & ANOD_OBJ_LOSSY));
}

/* Plan one action on what the earlier ones left. */
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
		w->step_undo[w->n_steps] = desc->flags & ANOD_ACT_UNDO;
		w->step_action[w->n_steps++] = nth;
		r = overlay_apply(w->after, &plan.change[i]);
		if (r < 0)
			return refuse(w, r, "%s: not predicted: %s", desc->kind, strerror(-r));
	}
	return 0;
}

/* A change that stands already, made once more on what 'before' is without it. */
static int run_made(const struct whatif_in *in, unsigned nth, struct whatif *w)
{
	int r;

	if (w->n_steps == ARRAY_SIZE(w->step))
		return refuse(w, -EINVAL, "more changes than are possible");
	w->step[w->n_steps] = in->made[nth];
	w->step_undo[w->n_steps++] = true;
	r = overlay_apply(w->after, &in->made[nth]);
	return r < 0 ? refuse(w, r, "not predicted: %s", strerror(-r)) : 0;
}

static int name_trigger(const struct whatif_in *in, struct whatif *w)
{
	const struct anod_link *l = in->trigger ? overlay_link(w->before, in->trigger) : NULL;

	if (in->trigger && !l)
		return refuse(w, -ENODEV, "the link of the trigger is not there");
	if (l)
		(void) copy_text(w->trigger_link, sizeof(w->trigger_link), l->name);
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
	w->ready = in->ready;
	w->before = overlay_new(in->model);
	w->after = overlay_new(in->model);
	if (!w->before || !w->after)
		r = -ENOMEM;
	if (r == 0)
		r = stage_base(w->before, in);
	if (r == 0)
		r = stage_base(w->after, in);
	if (r < 0)
		(void) refuse(w, r, "what is in flight cannot be predicted: %s", strerror(-r));
	if (r == 0)
		r = name_trigger(in, w);

	for (unsigned i = 0; i < in->n_made && r == 0; i++)
		r = run_made(in, i, w);
	for (unsigned i = 0; i < in->n_actions && !in->n_made && r == 0; i++)
		r = run_action(in, i, w);
	if (r == 0) {
		r = stages_make(w, in);
		if (r < 0)
			(void) refuse(w, r, "not predicted: %s", strerror(-r));
	}

	/* Also when refused: the caller wants w->error. */
	*ret = w;
	return r;
}

struct whatif *whatif_free(struct whatif *w)
{
	if (w) {
		stages_free(w);
		overlay_free(w->before);
		overlay_free(w->after);
		free(w);
	}
	return NULL;
}
