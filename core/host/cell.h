/*
 * cell - runs agents, away from everything that they could harm.
 *
 * A cell is a process without privilege, network or files (see sandbox.h), or, under
 * 'anod run --single', a part of the host's loop.  It keeps a mirror of the facts that its
 * agents may read, evaluates their watches on it, and turns their calls into messages.
 */
#ifndef HOST_CELL_H
#define HOST_CELL_H

#include <systemd/sd-event.h>

#include "base/util.h"

struct cell;

/* Serve the host on 'fd' (taken over).  'sandboxed': enter the sandbox before START. */
int cell_open(sd_event *loop, int fd, bool sandboxed, struct cell **ret);
struct cell *cell_free(struct cell *c);
DEFINE_CLEANUP(struct cell *, cell_free);

/* main of "anod cell FD". */
int cell_main(int fd);

#endif
