/*
 * sim_kernel - cells that can be set, refused and meddled with.
 *
 * Design.  A cell is shown to the engine as a route, a qdisc or a sysctl, by its number, so that
 * steps, before-images and journal records have their real form and size; nobody but this file looks
 * into it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "sim/sim.h"

static struct anod_object cell_object(unsigned cell, uint32_t value)
{
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };

	if (cell % 4 == 2) {
		o.type = ANOD_OBJ_QDISC;
		o.u.qdisc =
			(struct anod_qdisc){ .ifindex = cell + 1, .kind = "pfifo", .limit = value };
		return o;
	}
	if (cell % 4 == 3) {
		o.type = ANOD_OBJ_SYSCTL;
		(void) snprintf(o.u.sysctl.name, sizeof(o.u.sysctl.name), "net.cell.%u", cell);
		o.u.sysctl.value = value;
		return o;
	}
	o.u.route.dst.family = AF_INET;
	o.u.route.table = 254;
	o.u.route.metric = cell;
	o.u.route.mtu = value;
	o.u.route.protocol = ANOD_RTPROT;
	return o;
}

unsigned sim_cell(const struct exec_step *step)
{
	const struct anod_change *c = &step->change;
	const struct anod_object *o = c->has_post ? &c->post : &c->pre;
	unsigned cell = o->u.route.metric;

	if (o->type == ANOD_OBJ_QDISC)
		cell = o->u.qdisc.ifindex - 1;
	else if (o->type == ANOD_OBJ_SYSCTL)
		(void) sscanf(o->u.sysctl.name, "net.cell.%u", &cell);
	return cell % SIM_CELLS;
}

static uint32_t value_of(const struct anod_object *o)
{
	return o->type == ANOD_OBJ_QDISC    ? o->u.qdisc.limit
	       : o->type == ANOD_OBJ_SYSCTL ? (uint32_t) o->u.sysctl.value
					    : o->u.route.mtu;
}

void sim_plan(const struct sim *s, const struct exec_prepare *p, struct exec_steps *ret)
{
	ret->n_steps = 0;
	for (uint32_t i = 0; i < p->n_actions; i++) {
		unsigned cell = (unsigned) p->action[i].arg[0].value.u.i % SIM_CELLS;
		uint32_t value = (uint32_t) p->action[i].arg[1].value.u.i;
		struct exec_step *step = &ret->step[ret->n_steps];

		if (s->kernel.has[cell] && s->kernel.value[cell] == value)
			continue; /* nothing to change */

		memset(step, 0, sizeof(*step));
		step->action = i;
		step->get_len = 32;
		step->undo_len = 64;
		memset(step->get, 0x11, step->get_len);
		memset(step->undo, 0x22, step->undo_len);
		step->change.has_post = 1;
		step->change.post = cell_object(cell, value);
		step->change.has_pre = s->kernel.has[cell];
		if (step->change.has_pre)
			step->change.pre = cell_object(cell, s->kernel.value[cell]);
		ret->n_steps++;
	}
}

int sim_apply(struct sim *s, const struct exec_step *step)
{
	unsigned cell = sim_cell(step);

	if (s->kernel.refuse_cell == (int) cell)
		return -ENETUNREACH;

	s->kernel.has[cell] = step->change.has_post;
	s->kernel.value[cell] = value_of(&step->change.post);
	return 0;
}

static bool is(const struct sim *s, unsigned cell, uint32_t has, const struct anod_object *o)
{
	if (!s->kernel.has[cell] || !has)
		return !s->kernel.has[cell] && !has;

	return s->kernel.value[cell] == value_of(o);
}

enum step_state sim_look(const struct sim *s, const struct exec_step *step)
{
	const struct anod_change *c = &step->change;
	unsigned cell = sim_cell(step);

	if (is(s, cell, c->has_post, &c->post))
		return STEP_POST;

	return is(s, cell, c->has_pre, &c->pre) ? STEP_PRE : STEP_OTHER;
}

enum step_state sim_undo(struct sim *s, const struct exec_step *step)
{
	enum step_state state = sim_look(s, step);
	unsigned cell = sim_cell(step);

	if (state != STEP_POST)
		return state;
	if (s->kernel.jam_cell == (int) cell)
		return STEP_UNDO_FAILED;

	s->kernel.has[cell] = step->change.has_pre;
	s->kernel.value[cell] = step->change.has_pre ? value_of(&step->change.pre) : 0;
	return STEP_UNDONE;
}

void sim_meddle(struct sim *s, unsigned cell, uint32_t value)
{
	s->kernel.has[cell] = true;
	s->kernel.value[cell] = value;
}
