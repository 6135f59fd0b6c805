/*
 * arbitrate - what the host tells the engine about proposals that stand in each other's way.
 */
#ifndef HOST_ARBITRATE_H
#define HOST_ARBITRATE_H

#include "host/host.h"

/* struct txn_ops. */
void arbitrate_lease(void *host, const struct txn *t, struct lease *l);
void arbitrate_rank(void *host, const struct txn *t, struct lease_rank *ret);

#endif
