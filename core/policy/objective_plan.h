/*
 * objective_plan - which probes a policy needs, and how often.
 *
 * Whoever reads path.rtt(SET) or path.loss(SET) - an objective, an invariant, a guard, a set -
 * needs the flows of that set to be probed.  How often follows from what is asked:
 *   loss below R over D    D x R / 2: one lost probe alone is not a violation yet; D is the window of
 *                          the function around it, at least PLAN_LOSS_WINDOW
 *   rtt in a function over D   D / 100: a quantile of at least a hundred samples
 *   rtt alone              once a second
 * and how long an answer is waited for:
 *   rtt below T            10 x T, within PLAN_TIMEOUT_MIN and PLAN_TIMEOUT: what took longer is lost
 *   otherwise              PLAN_TIMEOUT
 * within PLAN_EVERY_MIN and _MAX.  The tightest of all that read a flow counts, and one probe serves
 * them all.  Together they send at most PLAN_RATE_MAX a second: beyond it all are slowed down.
 *
 * Pure.  Errors: -ENOMEM.
 */
#ifndef POLICY_OBJECTIVE_PLAN_H
#define POLICY_OBJECTIVE_PLAN_H

#include "policy/policy.h"

#define PLAN_PROBES_MAX	 128 /* further flows are not probed, and unknown */
#define PLAN_RATE_MAX	 100 /* probes a second, of all together */
#define PLAN_EVERY_MIN	 (UINT64_C(50) * 1000)
#define PLAN_EVERY_MAX	 (UINT64_C(5) * 1000000)
#define PLAN_EVERY_DFLT	 (UINT64_C(1) * 1000000)
#define PLAN_LOSS_WINDOW (UINT64_C(30) * 1000000)
#define PLAN_TIMEOUT	 (UINT64_C(1) * 1000000)
#define PLAN_TIMEOUT_MIN (UINT64_C(200) * 1000)

struct flow_probe {
	struct anod_prefix target; /* an address */
	const char *proto;	   /* "icmp", "tcp", "udp": static */
	uint16_t port;		   /* 0 with icmp */
	uint64_t every_us, timeout_us;
};

struct flow_set {
	const struct policy_set *set;
	uint64_t every_us, timeout_us;
	unsigned n, *probe; /* owned; indexes into plan.probe */
	unsigned n_left_out;
};

struct flow_plan {
	unsigned n_sets, n_probes;
	struct flow_set *set;
	struct flow_probe *probe;
	double slowed; /* 1: as often as wanted; 2: half as often */
};

int flow_plan_make(const struct policy *p, const struct schema *s, struct flow_plan *ret);
void flow_plan_done(struct flow_plan *p);
/* The same probes at the same pace, with the same patience. */
bool flow_probe_same(const struct flow_probe *a, const struct flow_probe *b);

/* How a service is probed: "sip" is tcp 5060.  false: there is no such service. */
bool flow_service(const char *name, const char **ret_proto, uint16_t *ret_port);
/* NULL-ended, for suggestions. */
const char *const *flow_service_names(void);
/* The address of a flow that is probed: of a network its first host. */
void flow_target(const struct policy_flow *f, struct anod_prefix *ret);

#endif
