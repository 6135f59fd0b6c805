/*
 * loads - the measured load of every link, for the prediction.
 */
#ifndef POLICY_LOADS_H
#define POLICY_LOADS_H

#include "model/load.h"
#include "policy/decide.h"

/* What the policy's requirements measure ("p95(rate(link.tx_bytes, 30s), 5m)") of each link of the
 * model, by ifindex; one that is not known is there and unknown.  Nothing (0 and NULL) when no
 * requirement asks for it.  *ret is malloc()ed.  -ENOMEM. */
int loads_read(const struct config *c, const struct store *s, const struct model *m,
	       uint64_t now_us, struct link_load **ret, unsigned *ret_n);

#endif
