/*
 * invariant_int - what the files of the invariants share.
 *
 *   invariant.c        all requirements at all stages; "not worse"
 *   invariant_link.c   counts of links, members, legs; load and capacity
 *   invariant_flow.c   ways of flows: reachable, disjoint, one lost, way back, MTU
 *   invariant_hop.c    loops, dead next hops
 *   invariant_change.c what moves, what is lost, what the actions are about
 *
 * A requirement is judged on one state at a time.  Nothing here keeps state or allocates.
 */
#ifndef POLICY_INVARIANT_INT_H
#define POLICY_INVARIANT_INT_H

#include "policy/judge.h"

struct probe { /* one requirement on one state */
	const struct policy_require *require;
	const struct decide_in *in;
	struct hypothesis *hyp;
	const struct overlay *state;
	const struct whatif_stage *stage; /* NULL: a state that the proposal has not touched */
	struct text *why;		  /* or NULL */
};

struct finding {
	enum anod_tri holds;
	double worse; /* how far it is violated; 0: it holds */
};

/* One part of it does not hold, or in doubt.  Doubt beside false is doubt: nobody can say that it
 * is not worse. */
static inline void finding_fails(struct finding *f, enum anod_tri holds, double worse)
{
	f->worse += worse;
	f->holds = f->holds == ANOD_DOUBT ? ANOD_DOUBT : holds;
}

#define PROBE_WHERE_SIZE 128
/* "after it", "after step 2 of 3", "while undoing step 1 of 3": where the state lies. */
const char *probe_where(const struct probe *p, char *buf);
#define WHERE(p) probe_where(p, (char[PROBE_WHERE_SIZE]){ 0 })

#define say(p, ...)                                                                                \
	do {                                                                                       \
		if ((p)->why)                                                                      \
			text_item((p)->why, __VA_ARGS__);                                          \
	} while (0)

const char *cmp_text(enum value_cmp cmp);
/* How far 'is' is from where 'cmp' and 'limit' want it, at least a little. */
double probe_distance(double is, double limit);
/* Compare numbers. */
enum anod_tri probe_compare(double is, enum value_cmp cmp, double limit);
/* "400Mbps"; returns buf. */
const char *bps_text(double bps, char *buf, size_t size);
#define BPS(x) bps_text(x, (char[32]){ 0 }, 32)
/* Value of the requirement's limit, of this link (or NULL); false: unknown. */
bool probe_limit(const struct probe *p, const char *link, double *ret);

/* Usable in this state, or by hypothesis. */
bool probe_link_up(const struct probe *p, const struct anod_link *l);
/* Is the link in the set of the requirement? */
enum anod_tri probe_in_set(const struct probe *p, const char *link);
/* Groups of links that fail together, by the configuration. */
void probe_risks(const struct probe *p, struct risks *ret);

struct finding judge_count(const struct probe *p);
struct finding judge_members(const struct probe *p);
struct finding judge_load(const struct probe *p);
struct finding judge_capacity(const struct probe *p);

struct finding judge_flows(const struct probe *p); /* every F ..., every P legs */
struct finding judge_endpoints(const struct probe *p);
struct finding judge_approvers(const struct probe *p);

struct finding judge_loops(const struct probe *p);
struct finding judge_nexthops(const struct probe *p);

struct finding judge_blackhole(const struct probe *p);
struct finding judge_blackhole_traffic(const struct probe *p);
struct finding judge_moved(const struct probe *p);
struct finding judge_moved_traffic(const struct probe *p);
struct finding judge_overlap(const struct probe *p);
struct finding judge_sysctl(const struct probe *p);
struct finding judge_open(const struct probe *p);
struct finding judge_one_per_srlg(const struct probe *p);
struct finding judge_undo_safe(const struct probe *p);

#endif
