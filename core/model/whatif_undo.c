/*
 * whatif_undo - what an undo does not put back at once.
 *
 * Design.  The executor undoes by comparison and puts back what went with a link, so the way back
 * leads through the states of the way there, but for three things:
 *
 *   a change without an undo (neigh.flush) stays made;
 *   what a link that was down learns anew by itself (routes of router advertisements and redirects,
 *   addresses that are not permanent) is not there yet;
 *   a rule that was deleted comes back behind the others of its priority.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

#include "model/stage.h"
#include "model/state.h"

int stage_take_back(struct overlay *o, const struct anod_change *c)
{
	struct anod_change back = {
		.has_pre = c->has_post, .has_post = c->has_pre, .pre = c->post, .post = c->pre
	};

	return overlay_apply(o, &back);
}

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

int undo_leaves_trace(const struct whatif *w, unsigned step, bool *ret)
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

int undo_leave_traces(struct overlay *o, const struct whatif *w, unsigned from)
{
	int r = 0;

	for (unsigned i = from; i < w->n_steps && r == 0; i++) {
		const struct anod_change *c = &w->step[i];
		struct learned l = { .ifindex = c->pre.u.link.ifindex, .from = o };

		if (!w->step_undo[i]) {
			r = overlay_apply(o, c);
		} else if (rule_loses_place(w->before, c)) {
			r = overlay_apply(o, c);
			if (r == 0)
				r = stage_take_back(o, c);
		} else if (sets_down(c)) {
			r = each_learned(w->before, &l);
		}
	}
	return r;
}
