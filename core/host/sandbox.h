/*
 * sandbox - takes everything from a process but computing and talking to the host.
 *
 * No new privileges, no capabilities, no network, no file system (Landlock where the kernel has
 * it), no user but nobody where we are root, limits on memory, descriptors and processes, and a
 * seccomp filter that lets through what an event loop needs.  A call outside it ends the process:
 * the host sees that and says so.
 */
#ifndef HOST_SANDBOX_H
#define HOST_SANDBOX_H

#include <stddef.h>

#define SANDBOX_MEMORY (512u << 20) /* bytes of address space of a cell, beside what is shared */

/* For cells, which have mapped 'shared' bytes of somebody else's memory.  0, or -errno of what could not be taken away: then the process must not go on. */
int sandbox_enter(size_t shared);

/* For the inference process: as sandbox_enter(), but with network and reading files. */
int sandbox_enter_network(void);

/* For the host and the executor: keep only these capabilities (CAP_* numbers, ended by -1) in
 * the effective set, and no new privileges.  'permitted' keeps more for later children. */
int sandbox_keep(const int *effective, const int *permitted);

#endif
