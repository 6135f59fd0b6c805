/*
 * way - by which link does a socket's traffic leave?
 *
 * Pure but for struct ways, which listens for changes of the routes.
 */
#ifndef TCPINFO_WAY_H
#define TCPINFO_WAY_H

#include "diag.h"

/* Ask the kernel for the route of this very flow: RTM_GETROUTE with both addresses and ports. */
const void *way_request(struct anod_nl_put *p, const struct sample *s);
struct way {
	uint32_t ifindex;	    /* 0: it does not leave the host, or goes nowhere */
	struct anod_prefix gateway; /* family 0: on link */
};
/* False: no answer. */
bool way_parse(const struct nlmsghdr *msg, struct way *ret);

struct ways {
	struct anod_nl *listener; /* NULL: a change was heard, or it was never opened */
	uint32_t gen;		  /* state of the routes; grows with each change that is heard */
};

/* Listen (again) for the next change.  0 or -errno; then each reading has to ask anew. */
int ways_listen(struct anod_ctx *ctx, struct ways *w);
void ways_close(struct ways *w);

#endif
