/*
 * serve - what the executor does with each message, without the channel that brings it.
 *
 * Design.  PREPARE plans and keeps the steps under the transaction's number; APPLY carries them
 * out; UNDO and CHECK work on the steps in the message, so that an executor which was started
 * again can finish what the one before it began.  A step is applied only while its object is
 * still as it was planned on, and counts as done only when the kernel shows the new state.
 */
#include "exec/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/util.h"
#include "exec/plan.h"
#include "exec/step.h"
#include "exec/table.h"

static struct prepared *prepared_find(struct serve *s, uint64_t id)
{
	for (unsigned i = 0; i < SERVE_PREPARED_MAX; i++)
		if (s->prepared[i].step && s->prepared[i].id == id)
			return &s->prepared[i];

	return NULL;
}

static void prepared_drop(struct prepared *p)
{
	free(p->step);
	*p = (struct prepared){ 0 };
}

/* The place of this transaction, a free one, or the oldest. */
static struct prepared *prepared_place(struct serve *s, uint64_t id)
{
	struct prepared *p = prepared_find(s, id);

	if (p)
		return p;

	p = &s->prepared[0];
	for (unsigned i = 1; i < SERVE_PREPARED_MAX && p->step; i++)
		if (!s->prepared[i].step || s->prepared[i].age < p->age)
			p = &s->prepared[i];

	return p;
}

static int prepared_keep(struct serve *s, uint64_t id, const struct exec_steps *from)
{
	struct prepared *p = prepared_place(s, id);
	struct exec_step *step;

	step = malloc(MAX_OF(from->n_steps, 1u) * sizeof(*step));
	if (!step)
		return -ENOMEM;

	memcpy(step, from->step, from->n_steps * sizeof(*step));
	prepared_drop(p);
	*p = (struct prepared){ .id = id, .age = ++s->age, .n_steps = from->n_steps, .step = step };
	return 0;
}

static int on_prepare(struct serve *s, const struct exec_prepare *p)
{
	struct exec_steps *out = &s->steps;
	struct prepared *old = prepared_find(s, p->head.id);

	if (p->head.size != sizeof(*p) || p->n_actions > ANOD_ACTIONS_MAX || p->foreign > 1)
		return -EPROTO;

	if (old)
		prepared_drop(old);
	out->head = (struct chan_head){ .type = EXEC_PREPARED, .id = p->head.id };

	(void) plan_prepare(&s->kernel, s->actions, p, out);
	if (out->error == 0 && prepared_keep(s, p->head.id, out) < 0) {
		out->error = -ENOMEM;
		out->n_steps = 0;
		(void) copy_text(out->why, sizeof(out->why), "no memory to keep the plan in");
	}

	return s->reply(s->data, &out->head,
			steps_size(offsetof(struct exec_steps, step), out->n_steps));
}

/* The state of a step that could not go on, and why. */
static int stop(struct serve *s, struct exec_result *out, int error, const char *text,
		const struct exec_step *step)
{
	if (text) {
		(void) snprintf(s->kernel.why, sizeof(s->kernel.why), "%s", text);
		kernel_why_about(&s->kernel, &step->change);
	}

	(void) copy_text(out->why, sizeof(out->why), s->kernel.why);
	out->error = error;
	return error;
}

static int must_be_before(struct serve *s, struct exec_result *out, uint32_t i,
			  const struct exec_step *step)
{
	enum step_state state = step_look(&s->kernel, step);

	out->state[i] = state;
	if (state == STEP_PRE)
		return 0;
	if (state == STEP_UNKNOWN)
		return stop(s, out, s->kernel.error, NULL, step);

	return stop(s, out, -ESTALE, "changed meanwhile, so this plan no longer fits", step);
}

/* Read back what the kernel took. */
static int must_be_after(struct serve *s, struct exec_result *out, uint32_t i,
			 const struct exec_step *step)
{
	enum step_state state = step->undo_len > 0 ? step_look(&s->kernel, step) : STEP_POST;

	out->state[i] = state;
	if (state == STEP_POST)
		return 0;
	if (state == STEP_UNKNOWN)
		return stop(s, out, s->kernel.error, NULL, step);

	return stop(s, out, -EIO, "the kernel took the change and shows another state", step);
}

static int apply_one(struct serve *s, struct exec_result *out, uint32_t i,
		     const struct exec_step *step)
{
	int r;

	r = must_be_before(s, out, i, step);
	if (r < 0 || step->flags & STEP_SIDE)
		return r;

	r = step_apply(&s->kernel, step);
	if (r < 0)
		return stop(s, out, r, NULL, step);

	return must_be_after(s, out, i, step);
}

static void apply_all(struct serve *s, struct exec_result *out, const struct prepared *p)
{
	for (uint32_t i = 0; i < p->n_steps; i++) {
		if (apply_one(s, out, i, &p->step[i]) < 0)
			return;

		out->n_done = i + 1;
		if (p->step[i].flags & STEP_SIDE)
			continue;
		for (uint32_t k = i; k-- > 0 && p->step[k].flags & STEP_SIDE;)
			out->state[k] = out->state[i];
	}
}

static int on_apply(struct serve *s, const struct exec_apply *a)
{
	struct exec_result out = { .head = { .type = EXEC_APPLIED, .id = a->head.id } };
	struct prepared *p = prepared_find(s, a->head.id);

	if (a->head.size != sizeof(*a))
		return -EPROTO;

	if (p) {
		out.n_steps = p->n_steps;
		apply_all(s, &out, p);
		prepared_drop(p);
	} else {
		out.error = -ENOENT;
		(void) snprintf(out.why, sizeof(out.why),
				"nothing is prepared for transaction %" PRIu64 "; prepare it again",
				a->head.id);
	}

	return s->reply(s->data, &out.head, sizeof(out));
}

static int on_steps(struct serve *s, const struct exec_steps *m)
{
	bool undo = m->head.type == EXEC_UNDO;
	struct exec_result out = { .head = { .type = undo ? EXEC_UNDONE : EXEC_CHECKED,
					     .id = m->head.id } };

	if (m->head.size < offsetof(struct exec_steps, step) ||
	    m->head.size != steps_size(offsetof(struct exec_steps, step), m->n_steps))
		return -EPROTO;
	for (uint32_t i = 0; i < m->n_steps; i++)
		if (!step_check(&m->step[i]))
			return -EPROTO;

	out.n_steps = m->n_steps;
	out.error = (undo ? steps_undo : steps_look)(&s->kernel, m->step, m->n_steps, out.state,
						     out.why, sizeof(out.why));
	return s->reply(s->data, &out.head, sizeof(out));
}

static int on_table(struct serve *s, const struct exec_table *m)
{
	struct exec_tabled out = { .head = { .type = EXEC_TABLED, .id = m->head.id } };

	if (!table_check(m))
		return -EPROTO;
	table_do(&s->kernel, m, &out);
	return s->reply(s->data, &out.head, sizeof(out));
}

int serve_message(struct serve *s, const struct chan_head *msg)
{
	if (msg->size < sizeof(*msg))
		return -EPROTO;

	s->kernel.error = 0;
	s->kernel.why[0] = '\0';

	switch (msg->type) {
	case EXEC_PREPARE:
		return on_prepare(s, (const struct exec_prepare *) msg);
	case EXEC_APPLY:
		return on_apply(s, (const struct exec_apply *) msg);
	case EXEC_CHECK:
	case EXEC_UNDO:
		return on_steps(s, (const struct exec_steps *) msg);
	case EXEC_TABLE:
		return on_table(s, (const struct exec_table *) msg);
	default:
		return -EPROTO;
	}
}

void serve_done(struct serve *s)
{
	for (unsigned i = 0; i < SERVE_PREPARED_MAX; i++)
		prepared_drop(&s->prepared[i]);
	kernel_close(&s->kernel);
}
