/*
 * lease_keys - which keys a decided proposal has to hold.
 *
 * Pure.  Threads: one.
 */
#ifndef TXN_LEASE_KEYS_H
#define TXN_LEASE_KEYS_H

#include "policy/decide.h"
#include "txn/lease.h"

/* The link, what it hangs on, and the groups that fail with it, added to 'l'.  A link that is not
 * there adds its name and the groups that the configuration gives it. */
void lease_add_link(struct lease *l, const struct config *c, const struct overlay *o,
		    const char *name);
/* All that the decision is on, links that it leaves included. */
void lease_add_decision(struct lease *l, const struct config *c, const struct overlay *o,
			const struct decision *d);
/* The links of objects that are changed. */
void lease_add_steps(struct lease *l, const struct config *c, const struct overlay *o,
		     const struct exec_step *step, unsigned n);

#endif
