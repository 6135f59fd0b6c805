/*
 * cell - runs agents, away from everything that they could harm.
 *
 * A cell is a process without privilege, network or files (see sandbox.h), or, under
 * 'anod run --single', a part of the host's loop.  It reads facts from the host's store in shared
 * memory, evaluates its agents' watches on them, and turns their calls into messages.
 */
#ifndef HOST_CELL_H
#define HOST_CELL_H

#include <systemd/sd-event.h>

#include "base/util.h"

struct cell;

/* Serve the host on 'fd' (taken over).  'facts': store_fd() of its store, borrowed.  'sandboxed':
 * enter the sandbox before START. */
int cell_open(sd_event *loop, int fd, int facts, bool sandboxed, struct cell **ret);
struct cell *cell_free(struct cell *c);
DEFINE_CLEANUP(struct cell *, cell_free);

#define CELL_FACTS_FD 4 /* where a cell's process finds the store */

/* main of "anod cell FD". */
int cell_main(int fd);

#endif
