/*
 * reduce - what daemons of FRR answer on their vty sockets, as values.
 *
 * Pure: from bytes to structs.  JSON answers are thousands of bytes a peer, of which a dozen are
 * wanted.  Strings given out die with the call.  Any bytes are fine: -EBADMSG: no JSON or not of the
 * shape that FRR 8 to 10 gives, -EOPNOTSUPP: the daemon does not know the command.
 */
#ifndef FRR_REDUCE_H
#define FRR_REDUCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDUCE_NOT (-1) /* of a number: FRR does not say */

struct reduce_peer {
	const char *vrf, *peer, *state, *description, *reason; /* "" where FRR does not say */
	bool enabled;
	int64_t peer_as, age_ms, drops, received, sent, queued;
};

struct reduce_ospf {
	const char *dev, *router, *state, *address;
	int64_t age_ms, dead_ms, retransmits;
};

struct reduce_bfd {
	const char *dev, *vrf, *peer, *state, *reason, *remote_reason;
	int64_t age_s, detect_ms;
};

struct reduce_rib {
	int64_t routes, installed;
};

/* For anod_ask_way: an answer ends with three NULs and the command's result. */
int reduce_whole(const char *text, size_t size, size_t *at);

typedef void reduce_peer_fn(const struct reduce_peer *, void *data);
typedef void reduce_ospf_fn(const struct reduce_ospf *, void *data);
typedef void reduce_bfd_fn(const struct reduce_bfd *, void *data);

/* "show bgp vrf all summary json".  A peer comes once for each address family. */
int reduce_summary(const char *text, size_t size, reduce_peer_fn *fn, void *data);
/* "show bgp vrf all summary failed json": vrf, peer and reason alone. */
int reduce_failed(const char *text, size_t size, reduce_peer_fn *fn, void *data);
/* "show bgp vrf V neighbors P json": the same of one peer. */
int reduce_neighbor(const char *text, size_t size, reduce_peer_fn *fn, void *data);
int reduce_ospf(const char *text, size_t size, reduce_ospf_fn *fn, void *data);
int reduce_bfd(const char *text, size_t size, reduce_bfd_fn *fn, void *data);
int reduce_rib(const char *text, size_t size, struct reduce_rib *ret);
/* "show version": "8.4.4" into 'ret'. */
int reduce_version(const char *text, size_t size, char *ret, size_t ret_size);

#endif
