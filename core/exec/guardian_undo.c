/*
 * guardian_undo - undoes what is due: its deadline has passed, or the host is dead.
 *
 * Design.  Right before each undo the journal is read again: a committed transaction is left
 * alone, whatever was armed (policy.md 5.1, R3).  A journal that cannot be read stops nothing,
 * because an undo that was not wanted costs less than a router that nobody reaches.
 * Transactions are undone newest first, as they may build on one another, and all of them before
 * the first is recorded: the record waits for the disk, and the next host would find out by
 * comparing as well.
 *
 * The lock on the journal keeps a starting host out.  A living host holds it itself, and a
 * process that it has left behind may; neither may stop a deadline, and comparing before undoing
 * makes two undos of one step harmless, so the lock is tried and not waited for.
 *
 * A host that is just committing holds the fence; then it is left alone until that is over, and
 * the journal says how it went.  Once this side has it, the host cannot commit any more (C18).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/log.h"
#include "exec/guardian_int.h"
#include "txn/fence.h"
#include "txn/journal.h"

#define BUSY_US (2 * US_PER_MS)

/* An open descriptor that holds the lock, or -1: someone else does, or there is no journal. */
static int lock_journal(const struct guardian *g)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", g->state_dir, JOURNAL_FILE) >= (int) sizeof(path))
		return -1;

	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &l) < 0)
		close_fd(&fd);
	return fd;
}

static void record(struct guardian *g, const struct armed *a)
{
	struct guardian_entry e = {
		.tx = a->tx,
		.when_us = a->due_us,
		.took_us = a->done_us - a->due_us,
		.cause = a->due_cause,
		.n_steps = a->n_steps,
	};
	int r;

	memcpy(e.state, a->result.state, sizeof(e.state));
	r = guardian_write(g->state_dir, &e);
	if (r < 0)
		log_about(LOG_ERR, a->tx, 0, "cannot write %s/%s: %s", g->state_dir, GUARDIAN_FILE,
			  strerror(-r));
}

/* Does the journal say that it has ended, and is there nothing to undo?  A reflex may have fired
 * behind the back of who wrote that nothing was changed, because this process was stopped. */
static bool has_ended(const struct armed *a, int last)
{
	if (last == JOURNAL_COMMIT || last == JOURNAL_DONE)
		return true;

	return last > 0 && journal_type_terminal((enum journal_type) last) && !a->sent_ns;
}

/* Undo one transaction, unless nothing of it is applied or the journal says that it has ended
 * well. */
static void undo(struct guardian *g, struct armed *a)
{
	a->result = (struct exec_result){ .head = { .type = GUARD_FIRED, .id = a->tx },
					  .n_steps = a->n_steps };
	if (a->state == ARMED_WAITS || a->n_steps == 0)
		return;

	a->last = journal_last_type(g->state_dir, a->tx);
	if (has_ended(a, a->last)) {
		fence_release(g->fence, a->tx);
		return;
	}

	a->result.error = steps_undo(&g->kernel, a->step, a->n_steps, a->result.state,
				     a->result.why, sizeof(a->result.why));
	a->done_us = clock_boot_us();
}

/* Record and report what undo() made of it. */
static void account(struct guardian *g, struct armed *a)
{
	const char *why =
		a->due_cause == GUARDIAN_DEADLINE ? "its deadline passed" : "the daemon died";
	struct guard_ack ended = { .head = { .type = GUARD_DISARMED, .id = a->tx } };

	if (a->state == ARMED_WAITS) {
		guardian_answer(g, &ended.head, sizeof(ended));
		log_about(LOG_INFO, a->tx, 0, "%s; its reflex has ended without firing", why);
		return;
	}
	if (a->n_steps == 0)
		return; /* it had only watched */
	if (!a->done_us) {
		log_about(LOG_INFO, a->tx, 0, "%s; the journal says %s: left alone", why,
			  journal_type_name((enum journal_type) a->last));
		return;
	}

	record(g, a);
	guardian_answer(g, &a->result.head, sizeof(a->result));
	if (a->result.error < 0)
		log_about(LOG_CRIT, a->tx, 0, "%s; undoing it failed: %s", why, a->result.why);
	else
		log_about(LOG_WARNING, a->tx, 0, "%s; undone in %" PRIu64 " us", why,
			  a->done_us - a->due_us);
}

static bool is_due(const struct guardian *g, const struct armed *a, uint64_t now_us)
{
	bool hold = a->flags & GUARD_HOLD_ON_CRASH && a->state == ARMED_UNDO;

	return !a->due_us && a->busy_us <= now_us &&
	       (a->deadline_us <= now_us || (g->host_dead && !hold));
}

/* The newest that is due, or NULL. */
static struct armed **next_due(struct guardian *g, uint64_t now_us)
{
	struct armed **next = NULL;

	for (unsigned i = 0; i < GUARDIAN_ARMED_MAX; i++)
		if (g->armed[i] && is_due(g, g->armed[i], now_us) &&
		    (!next || g->armed[i]->order > (*next)->order))
			next = &g->armed[i];

	return next;
}

void guardian_undo_due(struct guardian *g)
{
	struct armed **due[GUARDIAN_ARMED_MAX], **a;
	uint64_t now_us = clock_boot_us();
	unsigned n = 0;
	int lock;

	a = next_due(g, now_us);
	if (!a)
		return;

	lock = lock_journal(g);
	for (; a; a = next_due(g, now_us)) {
		bool late = (*a)->deadline_us <= now_us;

		if (fence_take(g->fence, (*a)->tx) == -EAGAIN) {
			(*a)->busy_us = clock_boot_us() + BUSY_US;
			g->changed = true;
			continue;
		}
		(*a)->due_cause = late ? GUARDIAN_DEADLINE : GUARDIAN_HOST_DIED;
		(*a)->due_us = late ? MAX_OF((*a)->deadline_us, UINT64_C(1)) : now_us;
		undo(g, *a);
		due[n++] = a;
	}
	for (unsigned i = 0; i < n; i++) {
		account(g, *due[i]);
		armed_drop(g, due[i]);
	}
	close_fd(&lock);
}
