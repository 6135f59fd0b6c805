/*
 * whatif_trigger - the loss of a link that a reflex waits for, on an overlay.
 *
 * Design.  Made on the link as the overlay has it, because a change of the plan may have set
 * something of it that says what the loss means (ignore_routes_with_linkdown).  The other way round a
 * change of the link that is made when it has no carrier any more must not give it one back: only
 * what it changes is set, as the executor sends only that.
 */
#include <errno.h>
#include <linux/if.h>

#include "model/stage.h"
#include "model/state.h"

#define DOWN_OPERSTATE 2 /* IF_OPER_DOWN */

const char *trigger_text(enum trigger_kind k)
{
	switch (k) {
	case TRIGGER_CARRIER:
		return "has lost its carrier";
	case TRIGGER_DOWN:
		return "is down";
	}
	return "";
}

int stage_trigger(struct overlay *o, uint32_t ifindex, enum trigger_kind k)
{
	const struct anod_link *l = overlay_link(o, ifindex);
	struct anod_change c = { .has_pre = 1, .has_post = 1 };

	if (!l)
		return 0; /* the plan has taken it away: nothing is left to lose */
	c.pre = (struct anod_object){ .type = ANOD_OBJ_LINK, .u.link = *l };
	c.post = c.pre;
	c.post.u.link.flags &= ~(uint32_t) (IFF_LOWER_UP | IFF_RUNNING);
	if (k == TRIGGER_DOWN)
		c.post.u.link.flags &= ~(uint32_t) IFF_UP;
	c.post.u.link.carrier = 0;
	c.post.u.link.operstate = DOWN_OPERSTATE;
	return overlay_apply(o, &c);
}

int stage_late(struct overlay *o, const struct anod_change *c)
{
	const struct anod_link *l;
	struct anod_change now = *c;
	uint32_t differ;

	if (!c->has_pre || !c->has_post || c->post.type != ANOD_OBJ_LINK)
		return overlay_apply(o, c);
	l = overlay_link(o, c->post.u.link.ifindex);
	if (!l)
		return 0;

	now.pre.u.link = now.post.u.link = *l;
	differ = c->pre.u.link.flags ^ c->post.u.link.flags;
	now.post.u.link.flags = (l->flags & ~differ) | (c->post.u.link.flags & differ);
	if (c->pre.u.link.mtu != c->post.u.link.mtu)
		now.post.u.link.mtu = c->post.u.link.mtu;
	differ = c->pre.u.link.conf ^ c->post.u.link.conf;
	now.post.u.link.conf = (uint8_t) ((l->conf & ~differ) | (c->post.u.link.conf & differ));
	return overlay_apply(o, &now);
}
