/*
 * window - is it the time for it?
 *
 * The wall clock decides, and nothing is remembered: a step of the clock moves what is true now
 * and harms nothing else.
 */
#ifndef POLICY_WINDOW_H
#define POLICY_WINDOW_H

#include "policy/policy.h"

/* Doubt: the zone is not known on this router. */
enum anod_tri window_contains(const struct policy_window *w, uint64_t wall_us);

#endif
