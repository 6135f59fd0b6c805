/*
 * follow - listens to what bridges learn, as far as a storm leaves time for, and tells of moves.
 *
 * Threads: the loop thread of the plugin.  Memory: the struct is the caller's, zero at first; what
 * it holds goes with follow_stop().
 */
#ifndef BRIDGE_FOLLOW_H
#define BRIDGE_FOLLOW_H

#include <anod/netlink.h>

#include "moves.h"

/* An address of bridge 'master' was behind 'from' and is behind 'to' (ifindex). */
typedef void follow_fn(struct anod_ctx *ctx, uint32_t master, uint32_t from, uint32_t to);

struct follow {
	struct anod_ctx *ctx;
	follow_fn *moved;
	struct anod_nl *nl; /* NULL: not listening */
	struct moves *moves;
	unsigned n_events; /* since the last reading */
};

/* At each reading: listen from now on ('on'), or not. */
void follow_keep(struct follow *f, bool on);
void follow_stop(struct follow *f);

#endif
