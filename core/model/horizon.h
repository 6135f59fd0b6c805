/*
 * horizon - what routing daemons make of a change.
 *
 * There are two horizons.  At once (T+0) the kernel does what overlay_apply() predicts.  Later
 * (T+conv) the daemons have noticed: routes of theirs whose every leg is on a link that is not
 * usable, or leads to a gateway that is not on its link any more, are withdrawn; dead legs leave
 * their multipath; and of what their RIB held back, the best takes the place of what went.  An
 * invariant has to hold at both.
 *
 * What a RIB holds back is a *candidate*.  The kernel does not know it, so somebody has to tell:
 * today tests and snapshots do, later a sensor of FRR.  Candidates that nobody told of count as
 * absent, because that is the safe side: less is predicted to be reachable than will be.
 *
 * Routes of the kernel, of administrators and of anod (static, boot, dhcp, ra, 173) are not
 * touched: nobody withdraws them.
 *
 * Pure.  Threads: one.  Errors: negative errno.
 */
#ifndef MODEL_HORIZON_H
#define MODEL_HORIZON_H

#include "model/model.h"

/* True for routes that a routing daemon makes and withdraws: RTPROT_* of zebra, bird, babel, bgp,
 * isis, ospf, rip, eigrp and the like (uapi/linux/rtnetlink.h, FRR's zebra/rt_netlink.h). */
bool horizon_is_daemon(uint8_t protocol);

/* Tell of a route that a RIB has and the kernel has not.  'preference' is as an administrative
 * distance: lower is better, 0..255.  Key: table, destination, metric, preference.  Replaces.
 * -EINVAL: no route of a daemon, or one without legs.  -ENOMEM, -ENOSPC. */
int model_put_candidate(struct model *m, const struct anod_object *route, uint8_t preference);
/* Deleting what is not there is 0. */
int model_del_candidate(struct model *m, const struct anod_object *route, uint8_t preference);
unsigned model_candidates(const struct model *m);

#define MODEL_CANDIDATES_MAX 65536

/* Let the daemons reconverge.  To be done last: what is applied to the overlay afterwards is what
 * the kernel makes of it, and the daemons' answer to that is not predicted.  Its cost follows the
 * number of ways and candidates, not that of routes.  -ENOMEM. */
int overlay_converge(struct overlay *o);

/* A copy with edits, losses and all; of the same model.  NULL: no memory. */
struct overlay *overlay_copy(const struct overlay *o);

#endif
