/*
 * proof - executor and guardian count as there when they have answered once.
 *
 * Design.  A fork that worked proves nothing: the program may be missing, may not be executable, or
 * end at once.  A transaction that leaned on such a process would write its INTENT, charge its
 * budget and only then learn better.  So each is asked something harmless when it starts, and the
 * engine is told of it with the answer; one that ends before is told of at once, with the reason
 * for people, and proposals wait.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "host/reflexes.h"

static bool matters(const struct proc *p)
{
	return p->kind == PROC_EXEC || p->kind == PROC_GUARDIAN;
}

static void tell(struct proc *p, bool there)
{
	if (p->kind == PROC_GUARDIAN) {
		txns_guard_restarted(p->host->txns, there);
		return;
	}
	txns_exec_restarted(p->host->txns, there);
	if (there)
		reflexes_exec_restarted(p->host);
}

void proof_ask(struct proc *p)
{
	struct guard_ack status = { .head = { .type = GUARD_STATUS, .size = sizeof(status) } };
	struct exec_steps check = { .head = { .type = EXEC_CHECK,
					      .size = offsetof(struct exec_steps, step) } };

	if (!matters(p))
		return;

	/* The first one: nothing leans on it yet, and nothing may. */
	if (!p->restarts)
		tell(p, false);
	p->proven = false;
	/* One that is dead already is told of by its end. */
	(void) chan_send(p->chan, p->kind == PROC_EXEC ? &check.head : &status.head);
}

bool proof_taken(struct proc *p, const struct chan_head *msg)
{
	if (!matters(p) || p->proven || msg->id != 0 ||
	    msg->type != (p->kind == PROC_EXEC ? EXEC_CHECKED : GUARD_STATE))
		return false;

	p->proven = true;
	p->why[0] = '\0';
	tell(p, true);
	return true;
}

void proof_failed(struct proc *p, const siginfo_t *info)
{
	char guardian[600];
	const char *path = "/proc/self/exe";

	if (!matters(p) || p->host->stopping || p->proven)
		return;

	if (p->kind == PROC_GUARDIAN)
		path = installed_file("anod-guardian", guardian, sizeof(guardian));
	if (info->si_code == CLD_EXITED && info->si_status == 127)
		(void) snprintf(p->why, sizeof(p->why), "%.180s: %s", path,
				access(path, X_OK) < 0 ? strerror(errno) : "cannot be executed");
	else if (info->si_code == CLD_EXITED)
		(void) snprintf(p->why, sizeof(p->why), "it ends at once, with status %d",
				info->si_status);
	else
		(void) snprintf(p->why, sizeof(p->why), "it ends at once, by signal %d (%s)",
				info->si_status, strsignal(info->si_status));
	log_error("%s cannot be started: %s; nothing is changed until it can", p->name, p->why);
	tell(p, false);
}

const char *proof_missing(const struct host *h, enum proc_kind kind)
{
	const struct proc *p = &h->proc[kind];

	if (p->proven)
		return NULL;

	return p->why[0] ? p->why : "it is being started";
}
