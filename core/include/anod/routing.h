/*
 * anod/routing.h - what sensors of routing daemons publish alike: daemons, BGP peers, tables.
 *
 * A rule about BGP sessions should not care which daemon speaks BGP, so the kinds are declared once
 * and every attribute has ANOD_ATTR_SHARED: each sensor publishes entities of its own daemon, whose
 * names begin with it.
 *
 *   daemon    "bird", "frr/bgpd"
 *   bgp_peer  DAEMON/VRF/PEER: "bird/default/192.0.2.1", "frr/red/2001:db8::1"
 *   rib       DAEMON/VRF/TABLE: "bird/default/master4", "frr/default/ipv4"
 *
 * Values are given to anod_list_put() in the order of these enums.
 */
#ifndef ANOD_ROUTING_H
#define ANOD_ROUTING_H

#include <sys/types.h>

#include <anod/plugin.h>

enum { /* daemon */
       ANOD_DAEMON_UP,
       ANOD_DAEMON_VERSION,
       ANOD_DAEMON_PID,
       ANOD_DAEMON_AGE,
       ANOD_DAEMON_MEMORY,
       ANOD_DAEMON_RECONFIGURED,
       ANOD_DAEMON_LATENCY,
       ANOD_DAEMON_ATTRS
};

enum { /* bgp_peer */
       ANOD_BGP_STATE,
       ANOD_BGP_ENABLED,
       ANOD_BGP_AGE,
       ANOD_BGP_DROPS,
       ANOD_BGP_RECEIVED,
       ANOD_BGP_FILTERED,
       ANOD_BGP_SENT,
       ANOD_BGP_QUEUED,
       ANOD_BGP_PEER_AS,
       ANOD_BGP_NAME,
       ANOD_BGP_REASON,
       ANOD_BGP_ATTRS
};

enum { /* rib */
       ANOD_RIB_ROUTES,
       ANOD_RIB_PREFIXES,
       ANOD_RIB_INSTALLED,
       ANOD_RIB_STEADY,
       ANOD_RIB_ATTRS
};

extern const struct anod_attr anod_daemon_attrs[], anod_bgp_attrs[], anod_rib_attrs[];

/* The count of a table when it was last at rest: within 1 % of itself for a while.  It outlives the
 * daemon, so that what there is after a restart can be compared with what there was before. */
struct anod_steady {
	int64_t count, since_us; /* of the count that may become steady; -1: none */
	int64_t steady;		 /* -1: none yet */
};
#define ANOD_STEADY_NEW                                                                            \
	{                                                                                          \
		.count = -1, .steady = -1                                                          \
	}
/* A count at 'now_us', -1: nobody knows; the steady one, -1: none yet. */
int64_t anod_steady(struct anod_steady *s, int64_t count, int64_t now_us, int64_t window_us);

/* Of process 'pid': resident memory in bytes and age in us, from /proc.  -ESRCH: there is no such
 * process, or its name (comm) is not 'comm'. */
int anod_daemon_process(pid_t pid, const char *comm, int64_t *ret_memory, int64_t *ret_age_us);

#endif
