/*
 * bridge - a shadow and its table in the kernel, kept the same by the executor.
 *
 * Design.  The shadow follows the model; what differs from what was written last goes to the
 * executor in batches, one under way at a time, and only when nothing waits to be looked at: in
 * the middle of a scan a new entry could be written before its exceptions.  Whatever goes wrong
 * ends the same way: the table is opened again, which empties it, and written anew.
 *
 * The kernel drops routes of our table by itself, and of IPv4 tells nobody: those over a link that
 * is set down or has lost its addresses, and those with a source address that is gone.  Then the
 * table is written anew, too.
 *
 * The executor's own writes come back as events and are known by their table: they are no routes
 * of the daemon.
 */
#include "host/bridge.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <string.h>

#include "base/log.h"
#include "exec/table.h"
#include "host/bridge_msg.h"

#define RUN_BUDGET   2048 /* destinations of one turn: about a millisecond */
#define SERVE_BUDGET 4096
#define LOOK_US	     (20 * US_PER_MS) /* how often convergence is looked at */
#define RETRY_MIN_US (1 * US_PER_S)
#define RETRY_MAX_US (30 * US_PER_S)
#define MINUTE_US    (60 * US_PER_S)

struct bridge {
	struct host *host;
	struct shadow *shadow;
	struct shadow_in in;
	uint32_t table;
	uint64_t tx;
	char why[EXEC_WHY_SIZE];

	bool open;	/* the executor has opened the table */
	bool under_way; /* a message is not answered yet */
	bool anew;	/* what is in the kernel is not known any more */
	bool filled;	/* since then all was in the kernel once */
	bool failed;
	uint64_t retry_us, backoff_us;
	unsigned waits; /* of the shadow */
	/* Taken, and not sent yet: a message has room for some ways only. */
	struct shadow_op op[TABLE_OPS];
	unsigned n_ops, op_at;

	uint64_t sent_since_us; /* the oldest change in what is under way; 0: none is */
	uint64_t since_us;	/* the oldest change in what was not sent yet; 0: none */
	uint64_t lag_us, lag_was_us, lag_minute_us;
	uint64_t writes, errors;

	bool standing, converged;
	uint64_t stood_us, changed_us, look_us;
	uint64_t clear_us; /* since when nothing needs the table, but for the noise; 0: it does */
};

/* Messages come between two turns, so a stamp may be a little later than 'now_us'. */
static uint64_t elapsed(uint64_t since_us, uint64_t now_us)
{
	return now_us > since_us ? now_us - since_us : 0;
}

static const char *failure(struct bridge *b, uint64_t now_us, const char *why)
{
	b->failed = b->anew = true;
	b->backoff_us = MIN_OF(MAX_OF(b->backoff_us * 2, RETRY_MIN_US), RETRY_MAX_US);
	b->retry_us = now_us + b->backoff_us;
	(void) copy_text(b->why, sizeof(b->why), why);
	return b->why;
}

/* ---- messages --------------------------------------------------------------------------- */

static int tell(struct bridge *b, enum table_verb verb)
{
	struct exec_table m = { .head = { .type = EXEC_TABLE, .id = b->tx }, .verb = verb };
	struct chan *chan = b->host->proc[PROC_EXEC].chan;
	int r;

	if (!chan)
		return -ENOTCONN;
	m.table = b->table;
	if (verb == TABLE_WRITE)
		b->op_at += bridge_put_ops(b->shadow, &b->op[b->op_at], b->n_ops - b->op_at, &m);
	m.head.size = (uint32_t) table_size(m.n_ops);
	r = chan_send(chan, &m.head);
	b->under_way = r >= 0;
	return r;
}

static void write_some(struct bridge *b, uint64_t now_us)
{
	if (b->op_at == b->n_ops) {
		b->op_at = 0;
		b->n_ops = shadow_take(b->shadow, b->op, TABLE_OPS);
		if (!b->n_ops)
			return;
		b->sent_since_us = b->since_us ? b->since_us : now_us;
		if (!shadow_untaken(b->shadow))
			b->since_us = 0;
	}
	if (tell(b, TABLE_WRITE) < 0)
		(void) failure(b, now_us, "the executor is not there");
}

static void write_anew(struct bridge *b, uint64_t now_us)
{
	shadow_untake(b->shadow);
	b->n_ops = b->op_at = 0;
	b->open = b->filled = b->anew = b->failed = false;
	b->since_us = b->since_us ? b->since_us : now_us;
	b->sent_since_us = 0;
	if (tell(b, TABLE_OPEN) < 0)
		(void) failure(b, now_us, "the executor is not there");
}

static void note_lag(struct bridge *b, uint64_t now_us)
{
	uint64_t age_us = elapsed(b->lag_minute_us, now_us);

	if (age_us >= MINUTE_US) {
		b->lag_was_us = age_us < 2 * MINUTE_US ? b->lag_us : 0;
		b->lag_us = 0;
		b->lag_minute_us = now_us;
	}
	if (b->sent_since_us)
		b->lag_us = MAX_OF(b->lag_us, elapsed(b->sent_since_us, now_us));
}

int bridge_tabled(struct bridge *b, const struct exec_tabled *m)
{
	uint64_t now_us = host_now(b->host);

	if (m->head.size != sizeof(*m))
		return -EPROTO;
	if (!b->under_way || m->table != b->table)
		return 0; /* to one before */
	b->under_way = false;
	if (m->verb == TABLE_WRITE) {
		b->writes += m->n_done;
		b->errors += m->n_errors;
	}
	if (m->error < 0) {
		char why[EXEC_WHY_SIZE];

		(void) copy_text(why, sizeof(why), m->why);
		log_warning("shadow table %" PRIu32 ": %s", b->table, failure(b, now_us, why));
		return 0;
	}
	b->open |= m->verb == TABLE_OPEN;
	if (m->verb == TABLE_WRITE && b->op_at == b->n_ops) {
		if (b->filled)
			note_lag(b, now_us);
		b->sent_since_us = 0;
		b->backoff_us = 0;
	}
	return 0;
}

void bridge_exec_restarted(struct bridge *b)
{
	b->under_way = false;
	b->anew = true;
	b->retry_us = 0;
}

/* ---- what happens ----------------------------------------------------------------------- */

static void changed(struct bridge *b)
{
	b->changed_us = host_now(b->host);
	if (!b->since_us && (shadow_untaken(b->shadow) || b->waits))
		b->since_us = b->changed_us;
}

/* Has the kernel dropped routes of our table with this? */
static bool takes_routes_along(const struct bridge *b, const struct anod_object *o, bool gone)
{
	if (o->type == ANOD_OBJ_LINK)
		return (gone || !(o->u.link.flags & IFF_UP)) &&
		       shadow_uses_link(b->shadow, o->u.link.ifindex);
	return gone && (shadow_uses_link(b->shadow, o->u.addr.ifindex) ||
			shadow_uses_source(b->shadow, &o->u.addr.local));
}

void bridge_object(struct bridge *b, const struct anod_object *o, bool gone)
{
	switch ((enum anod_obj_type) o->type) {
	case ANOD_OBJ_ROUTE:
		if (o->u.route.table != b->in.table ||
		    (o->u.route.dst.family != AF_INET && o->u.route.dst.family != AF_INET6))
			return;
		shadow_route(b->shadow, &o->u.route.dst);
		changed(b);
		break;
	case ANOD_OBJ_LINK:
	case ANOD_OBJ_ADDR:
		b->anew |= takes_routes_along(b, o, gone);
		shadow_links(b->shadow);
		b->waits++;
		break;
	case ANOD_OBJ_NEXTHOP:
		shadow_links(b->shadow);
		b->waits++;
		break;
	case ANOD_OBJ_RULE:
	case ANOD_OBJ_NEIGH:
	case ANOD_OBJ_QDISC:
	case ANOD_OBJ_SYSCTL:
	case ANOD_OBJ_WGPEER:
	case ANOD_OBJ_UNIT:
		break;
	}
}

void bridge_sync(struct bridge *b)
{
	shadow_again(b->shadow);
	b->waits++;
}

/* ---- convergence ------------------------------------------------------------------------ */

/* When to look again goes to *ret_next. */
static bool is_over(struct bridge *b, uint64_t now_us, uint64_t *ret_next)
{
	uint64_t quiet_us = elapsed(MAX_OF(b->changed_us, b->stood_us), now_us);
	int served;

	*ret_next = b->look_us;
	if (elapsed(b->stood_us, now_us) >= BRIDGE_MAX_US) {
		(void) copy_text(b->why, sizeof(b->why),
				 "the daemon has not moved everything within a minute");
		return true;
	}
	if (now_us < b->look_us)
		return false;
	*ret_next = b->look_us = now_us + LOOK_US;
	/* What is left is counted for the whole table; with a scope only what is served counts. */
	if (b->waits || !model_in_sync(b->in.model) ||
	    (!b->in.in_scope && shadow_left(b->shadow))) {
		b->clear_us = 0;
		return false;
	}
	if (!b->in.in_scope && quiet_us >= BRIDGE_SETTLED_US)
		return true;
	served = shadow_served(b->shadow, SERVE_BUDGET);
	if (served == -EAGAIN)
		*ret_next = b->look_us = now_us;
	if (served == 0)
		b->clear_us = 0;
	else if (served > 0 && !b->clear_us)
		b->clear_us = now_us;
	return b->clear_us && (MIN_OF(quiet_us, now_us - b->clear_us) >= BRIDGE_QUIET_US ||
			       now_us - b->clear_us >= BRIDGE_NOISY_US);
}

void bridge_stand(struct bridge *b, uint64_t now_us)
{
	b->standing = true;
	b->converged = false;
	b->stood_us = b->look_us = now_us;
	b->clear_us = 0;
	b->why[0] = '\0';
}

void bridge_rest(struct bridge *b)
{
	b->standing = b->converged = false;
	b->why[0] = '\0';
}

/* ---- its turn --------------------------------------------------------------------------- */

static uint64_t oldest(const struct bridge *b)
{
	if (!b->sent_since_us || !b->since_us)
		return MAX_OF(b->sent_since_us, b->since_us);
	return MIN_OF(b->sent_since_us, b->since_us);
}

static enum bridge_state state_of(struct bridge *b, uint64_t now_us)
{
	uint64_t since = oldest(b);

	if (b->failed)
		return BRIDGE_FAILED;
	if (!b->waits && shadow_doubt(b->shadow, b->why, sizeof(b->why)))
		return BRIDGE_DOUBT;
	if (!b->filled || b->anew || b->waits ||
	    (since && elapsed(since, now_us) >= BRIDGE_BEHIND_US))
		return BRIDGE_FILLING;
	return BRIDGE_READY;
}

static void keep_up(struct bridge *b, uint64_t now_us, uint64_t *ret_next)
{
	if (b->under_way)
		return; /* its answer wakes us */
	if (b->failed && now_us < b->retry_us) {
		*ret_next = b->retry_us;
		return;
	}
	if (b->anew)
		write_anew(b, now_us);
	else if (b->open && (!b->waits || b->op_at < b->n_ops))
		write_some(b, now_us);
	if (b->failed)
		*ret_next = b->retry_us;
}

enum bridge_state bridge_run(struct bridge *b, uint64_t now_us, uint64_t *ret_next)
{
	enum bridge_state s;

	*ret_next = UINT64_MAX;
	b->waits = shadow_run(b->shadow, RUN_BUDGET);
	if (!b->waits && !shadow_untaken(b->shadow))
		b->since_us = 0;
	if (b->standing) {
		b->converged = b->converged || is_over(b, now_us, ret_next);
		s = b->converged ? BRIDGE_CONVERGED : BRIDGE_STANDING;
	} else {
		keep_up(b, now_us, ret_next);
		b->filled |= b->open && !b->under_way && !b->anew && !b->waits;
		s = state_of(b, now_us);
	}
	if (b->waits)
		*ret_next = now_us;
	return s;
}

/* ---- the rest --------------------------------------------------------------------------- */

const char *bridge_why(const struct bridge *b)
{
	return b->why;
}

void bridge_stats(const struct bridge *b, struct bridge_stats *ret)
{
	*ret = (struct bridge_stats){ .entries = shadow_entries(b->shadow),
				      .behind = shadow_behind(b->shadow),
				      .unwritten = shadow_untaken(b->shadow) + b->n_ops - b->op_at,
				      .writes = b->writes,
				      .errors = b->errors,
				      .memory = sizeof(*b) + shadow_memory(b->shadow),
				      .lag_us = MAX_OF(b->lag_us, b->lag_was_us),
				      .behind_us = oldest(b) };
}

int bridge_new(struct host *h, const struct shadow_in *in, uint32_t table, uint64_t tx,
	       struct bridge **ret)
{
	_cleanup_(freep) struct bridge *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	*b = (struct bridge){ .host = h, .in = *in, .table = table, .tx = tx, .anew = true };
	r = shadow_new(in, &b->shadow);
	if (r < 0)
		return r;
	b->lag_minute_us = host_now(h);
	b->waits = 1;
	*ret = TAKE(b);
	return 0;
}

struct bridge *bridge_free(struct bridge *b)
{
	if (b) {
		(void) tell(b, TABLE_CLOSE); /* without an executor the next bridge empties it */
		b->shadow = shadow_free(b->shadow);
		free(b);
	}
	return NULL;
}
