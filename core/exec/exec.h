/*
 * exec - the privileged executor: the only code of anod that changes the router on purpose.
 *
 * It takes typed actions of fixed size, checks every field again (the host may be compromised),
 * plans them with the actuators' pure functions on what the kernel shows, and remembers the
 * before-image.  It loads actuators, no other plugins; parses no text; knows no policy.
 *
 * An object that carries another rtm_protocol than ANOD_RTPROT is touched only when the request
 * says so (policy: "foreign objects"); links and neighbours carry none and count as permitted.
 */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include <systemd/sd-event.h>

#include "exec/proto.h"

struct exec;

/* Serve 'fd' (taken over, also on failure) on 'loop' with the actuators given (NULL-ended,
 * borrowed).  When the channel ends, the loop is told to exit. */
int exec_open(sd_event *loop, int fd, const struct anod_action_desc *const *actions,
	      struct exec **ret);
struct exec *exec_free(struct exec *e);
DEFINE_CLEANUP(struct exec *, exec_free);

/* Check one action against its description: names, types, ranges, required arguments.
 * 0, or -EINVAL with one sentence in 'why'.  Pure; the host uses it too. */
int action_check(const struct anod_action *a, const struct anod_action_desc *d, char *why,
		 size_t why_size);

#endif
