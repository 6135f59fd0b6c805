/*
 * commands - what the parts of the control socket's commands share.
 */
#ifndef HOST_COMMANDS_H
#define HOST_COMMANDS_H

#include "host/host.h"

struct command_call {
	struct host *h;
	const char *user;
	const struct cJSON *args;
	char *error; /* 512 bytes; one sentence when the command fails */
	int err;
};

/* NULL, with the error set: for "return command_fail(...)". */
struct cJSON *command_fail(struct command_call *c, int err, const char *fmt, ...) _printf_(3, 4);
/* A text argument, or NULL. */
const char *command_arg(const struct command_call *c, const char *name);
/* Who did what, in ledger, incident and log.  't' may be NULL. */
void command_note(struct command_call *c, const char *what, const struct txn *t);
/* The same with the hash of the plan that was signed. */
void command_note_plan(struct command_call *c, const char *what, const struct txn *t,
		       const uint8_t hash[APPROVAL_HASH]);
/* The argument "id": a letter and a number.  -EINVAL. */
int command_id(const struct command_call *c, char letter, uint64_t *ret);

struct cJSON *cmd_facts(struct command_call *c);
struct cJSON *cmd_schema(struct command_call *c);
struct cJSON *cmd_history(struct command_call *c);
struct cJSON *cmd_incidents(struct command_call *c);
struct cJSON *cmd_show(struct command_call *c);
struct cJSON *cmd_why(struct command_call *c);
struct cJSON *cmd_approve(struct command_call *c);
struct cJSON *cmd_override(struct command_call *c);
struct cJSON *cmd_overrides(struct command_call *c);
struct cJSON *cmd_peers(struct command_call *c);
struct cJSON *cmd_deny(struct command_call *c);
struct cJSON *cmd_confirm(struct command_call *c);
struct cJSON *cmd_rollback(struct command_call *c);
struct cJSON *cmd_pause(struct command_call *c);
struct cJSON *cmd_resume(struct command_call *c);
struct cJSON *cmd_agents(struct command_call *c);
struct cJSON *cmd_damping(struct command_call *c);
struct cJSON *cmd_standing(struct command_call *c);
struct cJSON *cmd_unlock(struct command_call *c);
struct cJSON *cmd_reload(struct command_call *c);
struct cJSON *cmd_status(struct command_call *c);
struct cJSON *cmd_ledger(struct command_call *c);
struct cJSON *cmd_monitor(struct command_call *c);
struct cJSON *cmd_top(struct command_call *c);
struct cJSON *cmd_doctor(struct command_call *c);
struct cJSON *cmd_verify(struct command_call *c);
struct cJSON *cmd_whatif(struct command_call *c);
struct cJSON *cmd_snapshot(struct command_call *c);
struct cJSON *cmd_objectives(struct command_call *c);

#endif
