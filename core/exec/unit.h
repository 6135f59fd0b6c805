/*
 * unit - services of systemd, for the kernel layer of the executor.
 *
 * The guardian has none of this: a start has no undo.
 *
 * Threads: one.  Errors: by kernel_fail().  Memory: no connection is kept.
 */
#ifndef EXEC_UNIT_H
#define EXEC_UNIT_H

#include "exec/kernel.h"

/* For struct kernel.  Waits for systemd's answer for two seconds at most, and never for the unit. */
int unit_reach(struct kernel *k, bool start, const char *name, struct anod_sdunit *ret);

#endif
