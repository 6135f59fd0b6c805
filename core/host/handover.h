/*
 * handover - a planned stop keeps what is armed, and the next daemon goes on with it.
 *
 * On SIGTERM with open transactions the guardian is told to wait for the next daemon
 * (GUARD_HANDOVER) for the time of "handover" in the block "anod" of the configuration.  The next
 * one finds it through the fd store of systemd, where there is one, else through a socket in the
 * state folder, learns what it holds, and goes on with it; what it cannot go on with is undone.
 * SIGINT, kill -9 and a crash hand nothing over: the guardian undoes at once.
 *
 * The guardian that was taken over is the program of the former binary.  As soon as it holds
 * nothing it is replaced by one of this binary.
 *
 * Called from the host's loop.  Errors: negative errno; logged here.
 */
#ifndef HOST_HANDOVER_H
#define HOST_HANDOVER_H

#include "host/host.h"

#define HANDOVER_US_DFLT (30 * UINT64_C(1000000))

/* Before the journal is opened: is a guardian of the last run waiting?  Greets it and learns what
 * it holds.  One that is of another version undoes what it holds; this waits for that. */
void handover_find(struct host *h);
/* Instead of starting a guardian: go on with the one that was found.  1: so it is; 0: none. */
int handover_adopt(struct host *h);
/* What it held when it was found; borrowed until handover_close(). */
unsigned handover_held(const struct host *h, const struct guard_held **ret);
/* The start is over: whoever kept the channel for us may let it go. */
void handover_done(struct host *h);

/* Before a planned stop.  True: wait, host_stop() is called when the guardian has answered. */
bool handover_begin(struct host *h);
/* A message of the guardian.  True: it was for this module. */
bool handover_on_guard(struct host *h, const struct chan_head *msg);
/* Once a second: replace a guardian that was taken over, when it holds nothing. */
void handover_beat(struct host *h);
void handover_close(struct host *h);

#endif
