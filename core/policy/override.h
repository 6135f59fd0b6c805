/*
 * override - an invariant lifted by people, for a while.
 *
 * "override by 2 of noc for 30m" in an invariant says who may.  Each of them says so on the
 * control socket, with a reason; when enough different people of the groups have, the override is
 * in force, for as long as they asked at most, and it is in the journal before it counts.  It ends by
 * itself, can be ended early by any of them, and never outlives a change of the invariant's text.
 *
 * Pure; times are given.  Threads: one.
 */
#ifndef POLICY_OVERRIDE_H
#define POLICY_OVERRIDE_H

#include "policy/policy.h"

struct overrides;

/* Is the invariant lifted now?  *ret_until_us and *ret_who ("alice, bob", borrowed until the next
 * change) may be NULL. */
bool override_in_force(const struct overrides *o, const struct policy_invariant *inv,
		       uint64_t now_us, uint64_t *ret_until_us, const char **ret_who);

#endif
