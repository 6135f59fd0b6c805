/*
 * qdisc - the queueing disciplines of links, for the model.
 *
 * Design.  The model has those that somebody has chosen: a link without one has what the kernel
 * chooses.  One below the root only makes the root something that could not be restored; when such
 * a one goes, the table is read again, because nothing else tells whether it was the last.  Facts
 * of queues are another sensor's (tc).
 */
#include "rtnl.h"

void qdisc_take(struct rtnl *r, const struct anod_object *o, bool gone)
{
	struct anod_object now = { 0 };

	if (!(o->flags & ANOD_OBJ_BELOW)) {
		if (r->dumping == ANOD_OBJ_QDISC)
			r->root = *o;
		(void) r->ctx->host->object(r->ctx, o, gone);
		return;
	}
	if (gone) {
		dump_want(r, ANOD_OBJ_QDISC, SOON);
		return;
	}
	if (r->dumping != ANOD_OBJ_QDISC) {
		dump_want(r, ANOD_OBJ_QDISC, SOON);
		return;
	}
	/* In a dump it comes behind its root; one that the kernel has chosen is not told of. */
	if (r->root.u.qdisc.ifindex == o->u.qdisc.ifindex)
		now = r->root;
	anod_object_merge_below(&now, o);
	r->root = now;
	(void) r->ctx->host->object(r->ctx, &now, 0);
}

void qdisc_link_gone(struct rtnl *r, uint32_t ifindex)
{
	struct anod_object key = { .type = ANOD_OBJ_QDISC, .u.qdisc.ifindex = ifindex };

	(void) r->ctx->host->object(r->ctx, &key, 1);
}
