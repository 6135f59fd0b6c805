/*
 * witness - one request out of a region: an example that an engineer can look at and try.
 *
 * Pure.
 */
#ifndef POLICY_WITNESS_H
#define POLICY_WITNESS_H

#include "policy/dnf.h"

struct point {
	unsigned piece[SPACE_VARS_MAX]; /* of each variable, in their order */
};

/* The most ordinary point of a box: known where it may be, true rather than false when bound. */
void point_of(const struct space *s, const uint64_t *box, struct point *ret);
/* The n-th one, in some order in which neighbours differ; false: there are not so many. */
bool point_nth(const struct space *s, const uint64_t *box, unsigned n, struct point *ret);

/* "agent uplink, route.replace dst 10.1.0.0/16, link.util = 71%": what the box binds; the rest may be
 * anything.  'agent' and 'kind' may be NULL. */
void point_text(const struct space *s, const uint64_t *box, const struct point *p,
		const char *agent, const char *kind, char *buf, size_t size);

#endif
