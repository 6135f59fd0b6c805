/*
 * guardian - holds the undo of every open transaction and fires it when the daemon cannot; holds
 * reflexes, ready before their trigger, and fires them faster than the daemon could.
 *
 * A separate static program without plugins or parsers.  It undoes on the deadline of a
 * transaction, and at once on the host's death (end of file on the socket, or the pidfd), except
 * where the policy said "on crash hold".  Before it undoes on the host's death it reads the
 * journal: a transaction whose COMMIT or terminal record is durable is left alone (C7).  It
 * holds an OFD lock on the journal while it undoes, and a starting host waits for that lock
 * (C18).  What it undid goes to the file "guardian" in the state folder, for the next host.
 *
 * A reflex fires on the loss of its link, told by the kernel or found by asking (the sentinel), or
 * on the host's word; proto.h says exactly when.  What has fired is from then on an undo as any
 * other.  The program runs under SCHED_FIFO where it may (CAP_SYS_NICE); it works without.
 *
 * A host that ends on purpose hands over first: for a while (until_us) its end is no death, and
 * the next host, another process or another binary, goes on with this guardian and all that it
 * holds.  Who may come is checked by SO_PEERCRED: root, or the owner of the state folder.
 *
 * argv: anod-guardian FD HOST-PIDFD STATE-DIR; it ends when the host is dead and nothing is armed.
 *
 * Threads: one.  Errors: negative errno.  Nothing from the channel is trusted: a message that is
 * not sound is refused and answered with DISARMED.
 */
#ifndef EXEC_GUARDIAN_H
#define EXEC_GUARDIAN_H

#include "exec/proto.h"

#define GUARDIAN_FILE	   "guardian" /* in the state folder: struct guardian_entry, appended */
#define GUARDIAN_SOCKET	   "guardian.sock" /* there, while it waits for a host */
#define GUARDIAN_ARMED_MAX 64
#define GUARDIAN_KEEP	   256
#define GUARDIAN_PRIORITY  50 /* of SCHED_FIFO */

enum guardian_cause { GUARDIAN_DEADLINE = 1, GUARDIAN_HOST_DIED = 2 };

struct guardian_entry {
	uint64_t tx;
	uint64_t when_us; /* CLOCK_BOOTTIME of the trigger */
	uint64_t took_us; /* from the trigger to the last step undone */
	char boot_id[40];
	uint32_t cause; /* enum guardian_cause */
	uint32_t n_steps;
	uint32_t state[STEPS_MAX];
	uint32_t crc; /* CRC-32C over what is above */
	uint32_t pad;
};

/*
 * Takes over 'fd'.  No sd-event here, because the static program has none: the guardian is one
 * epoll descriptor that is readable when guardian_run() has work.  'anod run --single' hangs it
 * into its own loop.  'pidfd' of the host (taken over), or -1 when the guardian lives in it.
 */
struct guardian;
int guardian_open(int fd, int pidfd, const char *state_dir, struct guardian **ret);
struct guardian *guardian_free(struct guardian *g);
int guardian_fd(const struct guardian *g);
/* Do what is due, without waiting.  1: go on; 0: host dead and nothing armed: end; < 0: -errno. */
int guardian_run(struct guardian *g);
/* A greeting of this program; text of the other one's version that may be printed. */
struct guard_hello guardian_hello(uint32_t proto, int error);
void guardian_hello_version(const struct guard_hello *m, char ret[sizeof(m->version)]);
/* True while something is armed and the host lives: no signal short of SIGKILL may end it. */
bool guardian_needed(const struct guardian *g);

/* Entries of the file; malloc()ed; n >= 0 or -errno.  A torn tail is left out. */
int guardian_read(const char *state_dir, struct guardian_entry **ret, unsigned *ret_n);
/* Append one and make it durable; sets boot_id and crc. */
int guardian_write(const char *state_dir, struct guardian_entry *e);
/* Keep only the GUARDIAN_KEEP latest entries of a file that has many more. */
int guardian_trim(const char *state_dir);

#endif
