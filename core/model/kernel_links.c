/*
 * kernel_links - what a change of one link does to others, done to an overlay.
 *
 * Design.  As read in Linux 6.18:
 *   veth     has a carrier while both ends are up (veth_open(), veth_close())
 *   bridge   has one while a port is usable (br_port_state_selection(), without STP)
 *   bond, team   lose theirs with the last usable port; when one comes back is up to LACP
 *   vlan     goes down with the link below (vlan_device_event()), loses the carrier with its
 *   macvlan, ipvlan, macsec   lose the carrier with the link below
 *
 * Where what comes back is up to others only the loss is predicted: the prediction then shows
 * less than there will be, never more.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "model/state.h"

struct follow {
	struct overlay *o;
	const struct anod_link *changed; /* as it is now; not usable when it is gone */
	struct anod_object *at;		 /* those that change, as they will be */
	unsigned n, max;
};

static bool is_kind(const struct anod_link *l, const char *kind)
{
	return strcmp(l->kind, kind) == 0;
}

/* overlay_each() without a copy of each. */
static int each_link(const struct overlay *o, int (*fn)(const struct anod_link *, void *),
		     void *data)
{
	const struct otab *base = &o->model->base.tab[ANOD_OBJ_LINK];
	const struct otab *edit = &o->edit.tab[ANOD_OBJ_LINK];
	int r = 0;

	for (unsigned i = 0; i < base->n_slots && r == 0; i++) {
		const struct onode *n = otab_at(base, i);

		if (n && !otab_find_id(edit, ONODE_AS(link, n)->ifindex))
			r = fn(ONODE_AS(link, n), data);
	}
	for (unsigned i = 0; i < edit->n_slots && r == 0; i++) {
		const struct onode *n = otab_at(edit, i);

		if (n && !n->gone)
			r = fn(ONODE_AS(link, n), data);
	}
	return r;
}

struct ports {
	uint32_t master;
	bool usable;
};

static int see_port(const struct anod_link *l, void *data)
{
	struct ports *p = data;

	p->usable |= l->master == p->master && link_usable(l);
	return 0;
}

static bool has_usable_port(const struct overlay *o, uint32_t master)
{
	struct ports p = { .master = master };

	(void) each_link(o, see_port, &p);
	return p.usable;
}

static bool is_up(const struct anod_link *l)
{
	return l->flags & IFF_UP;
}

/* What becomes of 'l', which is not the changed link itself. */
static void follow_one(const struct follow *f, struct anod_link *l)
{
	const struct anod_link *x = f->changed;
	bool is_master = x->master && x->master == l->ifindex, below = l->lower == x->ifindex;

	if (is_kind(l, "veth") && below)
		l->carrier = is_up(l) && is_up(x);
	else if (is_kind(l, "bridge") && is_master)
		l->carrier = is_up(l) && has_usable_port(f->o, l->ifindex);
	else if ((is_kind(l, "bond") || is_kind(l, "team")) && is_master)
		l->carrier = l->carrier && has_usable_port(f->o, l->ifindex);
	else if (is_kind(l, "vlan") && below && !is_up(x))
		l->flags &= ~(uint32_t) IFF_UP;
	if ((is_kind(l, "vlan") || is_kind(l, "macvlan") || is_kind(l, "ipvlan") ||
	     is_kind(l, "macsec")) &&
	    below && !link_usable(x))
		l->carrier = 0;
}

static int collect(const struct anod_link *l, void *data)
{
	struct anod_link now = *l;
	struct follow *f = data;

	if (l->ifindex == f->changed->ifindex)
		return 0;
	follow_one(f, &now);
	if (now.carrier == l->carrier && now.flags == l->flags)
		return 0;

	if (f->n == f->max) {
		unsigned max = f->max ? f->max * 2 : 4;
		struct anod_object *at = realloc(f->at, max * sizeof(*at));

		if (!at)
			return -ENOMEM;
		f->at = at;
		f->max = max;
	}
	f->at[f->n++] = (struct anod_object){ .type = ANOD_OBJ_LINK, .u.link = now };
	return 0;
}

/* The carrier that a link has of itself after it was set up or down. */
static int own_carrier(struct overlay *o, const struct anod_link *now)
{
	const struct anod_link *peer = now->lower ? overlay_link(o, now->lower) : NULL;
	struct anod_object obj = { .type = ANOD_OBJ_LINK, .u.link = *now };
	uint8_t carrier = now->carrier;
	int r;

	if (is_kind(now, "veth") && peer)
		carrier = is_up(now) && is_up(peer);
	else if (is_kind(now, "bridge"))
		carrier = is_up(now) && has_usable_port(o, now->ifindex);
	if (carrier == now->carrier)
		return 0;

	obj.u.link.carrier = carrier;
	r = overlay_edit(o, &obj, false);
	return r < 0 ? r : 0;
}

int overlay_own_carrier(struct overlay *o, const struct anod_link *was)
{
	const struct anod_link *now = overlay_link(o, was->ifindex);

	return now && ((was->flags ^ now->flags) & IFF_UP) ? own_carrier(o, now) : 0;
}

int overlay_links_follow(struct overlay *o, const struct anod_link *was)
{
	const struct anod_link *now = overlay_link(o, was->ifindex);
	struct anod_link gone = { .ifindex = was->ifindex, .master = was->master };
	struct anod_link changed = now ? *now : gone;
	struct follow f = { .o = o, .changed = &changed };
	int r;

	if (is_up(was) == is_up(&changed) && link_usable(was) == link_usable(&changed))
		return 0;

	r = each_link(o, collect, &f);
	for (unsigned i = 0; i < f.n && r == 0; i++) {
		struct anod_change c = { .has_post = 1, .post = f.at[i] };

		r = overlay_apply(o, &c);
	}
	free(f.at);
	return r;
}
