/*
 * dump - reading whole tables, and when.
 *
 * Design.  One dump at a time, on a socket of its own, read as the loop finds it readable.  A
 * table is wanted at once (at the start, after lost events) or soon: 5 ms after the last reason
 * and at most 50 ms after the first, but never so often that more than a quarter of the time
 * would go into it.  The kernel reports a failed dump in NLMSG_DONE's number, and one that was
 * not consistent by NLM_F_DUMP_INTR; both are done again, and until one succeeds what was lost
 * stays unknown.  Order matters: the names of links are needed for the names of the rest.
 */
#include "rtnl.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#include <netlink/msg.h>

#define MS	    UINT64_C(1000)
#define AFTER_LAST  (5 * MS)
#define AFTER_FIRST (50 * MS)
#define AFTER_ERROR (1000 * MS)
#define PAUSE_MIN   (5 * MS)
#define PAUSE_MAX   (2000 * MS)
#define FOLLOW_MAX  3
#define WARN_EVERY  (10000 * MS)
#define TRIES_MAX   5 /* interrupted dumps before a pause */
#define DUMP_BATCH  8 /* datagrams of up to 32 KiB in one turn of the loop */

static const enum anod_obj_type order[] = { ANOD_OBJ_LINK, ANOD_OBJ_ADDR,  ANOD_OBJ_NEXTHOP,
					    ANOD_OBJ_RULE, ANOD_OBJ_NEIGH, ANOD_OBJ_ROUTE,
					    ANOD_OBJ_QDISC };

static const struct {
	const char *kind;
	uint16_t msg;
	uint16_t head; /* size of the family's header; strict checking wants all of it */
} tables[ANOD_OBJ_TYPES] = {
	[ANOD_OBJ_LINK] = { "link", RTM_GETLINK, sizeof(struct ifinfomsg) },
	[ANOD_OBJ_ADDR] = { "addr", RTM_GETADDR, sizeof(struct ifaddrmsg) },
	[ANOD_OBJ_ROUTE] = { "route", RTM_GETROUTE, sizeof(struct rtmsg) },
	[ANOD_OBJ_NEXTHOP] = { "nexthop", RTM_GETNEXTHOP, sizeof(struct nhmsg) },
	[ANOD_OBJ_RULE] = { "rule", RTM_GETRULE, sizeof(struct fib_rule_hdr) },
	[ANOD_OBJ_NEIGH] = { "neigh", RTM_GETNEIGH, sizeof(struct ndmsg) },
	[ANOD_OBJ_QDISC] = { "qdisc", RTM_GETQDISC, sizeof(struct tcmsg) },
};

static void dump_next(struct rtnl *r);

const char *table_kind(enum anod_obj_type type)
{
	return tables[type].kind;
}

bool table_is_ours(enum anod_obj_type type)
{
	return tables[type].kind != NULL;
}

static uint64_t now(struct rtnl *r)
{
	return r->ctx->host->now_us(r->ctx);
}

static void say(struct rtnl *r, enum anod_obj_type type, enum anod_sync what)
{
	if (type != ANOD_OBJ_QDISC) /* of which we have no facts */
		(void) r->ctx->host->sync(r->ctx, tables[type].kind, what);
	(void) r->ctx->host->object_sync(r->ctx, type, what);
}

/* ---- when -------------------------------------------------------------------------------- */

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data);

/* Set the timer for the earliest table, unless it is set early enough. */
static void arm(struct rtnl *r)
{
	uint64_t first = UINT64_MAX, t = now(r);

	for (unsigned i = ANOD_OBJ_LINK; i < ANOD_OBJ_TYPES; i++)
		if (r->table[i].due_us && r->table[i].due_us < first)
			first = r->table[i].due_us;
	if (first == UINT64_MAX || (r->timer && r->timer_us <= first))
		return;

	if (r->timer)
		(void) r->ctx->host->cancel(r->ctx, r->timer);
	r->timer = 0;
	r->timer_us = first;
	if (r->ctx->host->timer(r->ctx, first > t ? first - t : 1, 0, on_timer, NULL, &r->timer) <
	    0)
		r->ctx->host->log(r->ctx, LOG_ERR, "no timer: tables will not be read again");
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct rtnl *r = ctx->state;
	uint64_t t = now(r);

	(void) id;
	(void) data;
	r->timer = 0;
	for (unsigned i = ANOD_OBJ_LINK; i < ANOD_OBJ_TYPES; i++) {
		struct table *table = &r->table[i];

		if (table->due_us && table->due_us <= t) {
			table->due_us = table->first_us = 0;
			table->hurry = false;
			table->ready = true;
		}
	}
	arm(r);
	dump_next(r);
}

static void want_at(struct rtnl *r, struct table *t, uint64_t due)
{
	if (due < t->not_before_us)
		due = t->not_before_us;
	t->due_us = due;
	arm(r);
}

void dump_want(struct rtnl *r, enum anod_obj_type type, enum when when)
{
	struct table *t = &r->table[type];
	uint64_t at = now(r);

	t->again = t->running;
	if (t->ready || t->running || t->hurry)
		return;

	if (when == AT_ONCE) {
		t->hurry = true;
		want_at(r, t, at);
		return;
	}
	if (!t->first_us)
		t->first_us = at;
	at += AFTER_LAST;
	want_at(r, t, at < t->first_us + AFTER_FIRST ? at : t->first_us + AFTER_FIRST);
}

void dump_removed(struct rtnl *r)
{
	r->table[ANOD_OBJ_ROUTE].follow = FOLLOW_MAX;
	dump_want(r, ANOD_OBJ_ROUTE, SOON);
}

void dump_lost(struct rtnl *r, enum anod_obj_type type, const char *why)
{
	struct table *t = &r->table[type];
	uint64_t at = now(r);

	t->n_lost++;
	if (!t->warned_us || at - t->warned_us >= WARN_EVERY) {
		r->ctx->host->log(r->ctx, LOG_WARNING,
				  "events of kind %s were lost (%llu times so far): %s; reading "
				  "them all again",
				  tables[type].kind, (unsigned long long) t->n_lost, why);
		t->warned_us = at;
	}
	if (!t->lost)
		say(r, type, ANOD_SYNC_LOST);
	t->lost = true;
	dump_want(r, type, AT_ONCE);
}

/* ---- one dump ---------------------------------------------------------------------------- */

static int send_request(struct rtnl *r, enum anod_obj_type type)
{
	struct {
		struct nlmsghdr h;
		uint8_t rest[32];
	} q = { 0 };

	q.h.nlmsg_type = tables[type].msg;
	q.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	q.h.nlmsg_seq = ++r->dump_seq;
	q.h.nlmsg_len = NLMSG_HDRLEN + tables[type].head;
	if (type == ANOD_OBJ_LINK) {
		struct rtattr a = { RTA_LENGTH(sizeof(uint32_t)), IFLA_EXT_MASK };
		uint32_t mask = RTEXT_FILTER_SKIP_STATS;

		memcpy(q.rest + sizeof(struct ifinfomsg), &a, sizeof(a));
		memcpy(q.rest + sizeof(struct ifinfomsg) + RTA_LENGTH(0), &mask, sizeof(mask));
		q.h.nlmsg_len += RTA_LENGTH(sizeof(mask));
	}
	return send(r->dump.fd, &q, q.h.nlmsg_len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void pause_after(struct table *t, uint64_t at)
{
	uint64_t pause = 3 * (at - t->begun_us);

	if (pause < PAUSE_MIN)
		pause = PAUSE_MIN;
	t->not_before_us = at + (pause < PAUSE_MAX ? pause : PAUSE_MAX);
}

/* The kernel tells of a link before it removes the routes, which takes it some time: look twice,
 * and again until two dumps are equally long. */
static void dump_follow(struct rtnl *r, struct table *t, uint64_t at)
{
	if (t->follow == FOLLOW_MAX || (t->follow && t->n != t->n_before)) {
		t->follow--;
		want_at(r, t, at + AFTER_FIRST);
	} else {
		t->follow = 0;
	}
	t->n_before = t->n;
}

static void dump_done(struct rtnl *r, enum anod_obj_type type)
{
	struct table *t = &r->table[type];
	bool lost = t->lost;

	if (type == ANOD_OBJ_LINK)
		link_sweep(r);
	row_sweep(r, type);
	t->tries = 0;
	t->lost = false;
	say(r, type, ANOD_SYNC_DONE);

	/* Links that were lost may have come back with other names. */
	for (unsigned i = 1; type == ANOD_OBJ_LINK && lost && i < ARRAY_SIZE(order); i++)
		dump_want(r, order[i], AT_ONCE);
}

/* 'result': 0, -EINTR (not consistent), -EAGAIN (events were lost meanwhile) or -errno. */
static void dump_end(struct rtnl *r, int result)
{
	enum anod_obj_type type = r->dumping;
	struct table *t = &r->table[type];
	uint64_t at = now(r);

	if (result == 0 && type == ANOD_OBJ_ROUTE)
		route_dump_end(r);
	/* What came during the dump is taken before it counts as complete: had some of it been lost,
	 * everything would be believed for a moment that is already old. */
	if (result == 0 && !feed_catch_up(r, type))
		result = -EAGAIN;
	if (result == 0)
		dump_done(r, type);
	t->running = false;
	r->dumping = 0;
	pause_after(t, at);
	feed_resume(r, type);

	if (result == -EINTR)
		health(r, ANOD_HEALTH_INTERRUPTED, 1);
	if (result == -EINTR || result == -EAGAIN) {
		want_at(r, t, ++t->tries % TRIES_MAX ? at : at + AFTER_FIRST);
	} else if (result < 0) {
		health(r, ANOD_HEALTH_ERROR, 1);
		r->ctx->host->log(r->ctx, LOG_ERR, "cannot read all of kind %s: %s; trying again",
				  tables[type].kind, strerror(-result));
		want_at(r, t, at + AFTER_ERROR);
	} else if (type == ANOD_OBJ_ROUTE) {
		dump_follow(r, t, at);
	}
	if (t->again)
		dump_want(r, type, SOON);
	t->again = false;
	dump_next(r);
}

static void dump_begin(struct rtnl *r, enum anod_obj_type type)
{
	struct table *t = &r->table[type];
	int e;

	t->ready = false;
	if (!feed_pause(r, type)) {
		want_at(r, t, now(r) + AFTER_LAST);
		return;
	}
	t->running = true;
	t->again = false;
	t->begun_us = now(r);
	t->round++;
	t->n = 0;
	t->due_us = t->first_us = 0;
	t->hurry = false;
	r->dumping = type;
	r->interrupted = false;
	memset(&r->rule_place, 0, sizeof(r->rule_place));
	memset(&r->root, 0, sizeof(r->root));
	if (type == ANOD_OBJ_ROUTE)
		route_dump_begin(r);
	say(r, type, ANOD_SYNC_BEGIN);

	e = send_request(r, type);
	if (e < 0)
		dump_end(r, e);
}

static void dump_next(struct rtnl *r)
{
	for (unsigned i = 0; i < ARRAY_SIZE(order) && !r->dumping; i++)
		if (r->table[order[i]].ready)
			dump_begin(r, order[i]);
}

static void take(struct rtnl *r, const struct nlmsghdr *m)
{
	struct anod_object o;
	bool gone;

	if (anod_rtnl_decode(m, &o, &gone) <= 0 || gone || o.type != r->dumping)
		return;

	r->msg = m;
	r->table[o.type].n++;
	if (o.type == ANOD_OBJ_LINK)
		link_take(r, &o, m, false);
	else if (o.type == ANOD_OBJ_ROUTE)
		route_dump_take(r, &o);
	else if (o.type == ANOD_OBJ_QDISC)
		qdisc_take(r, &o, false);
	else
		publish(r, &o, false);
	if (o.type == ANOD_OBJ_RULE)
		publish_rule(r, &o);
}

/* The number behind the header of NLMSG_DONE and NLMSG_ERROR. */
static int result_of(const struct nlmsghdr *m)
{
	int32_t error = 0;

	if (m->nlmsg_len >= NLMSG_HDRLEN + sizeof(error))
		memcpy(&error, (const uint8_t *) m + NLMSG_HDRLEN, sizeof(error));
	/* A kernel without next-hop objects has none: that is a complete answer. */
	return error == -EOPNOTSUPP ? 0 : error;
}

static void take_datagram(struct rtnl *r, int left)
{
	struct nlmsghdr *m = (struct nlmsghdr *) r->buf;

	for (; nlmsg_ok(m, left); m = nlmsg_next(m, &left)) {
		if (!r->dumping || m->nlmsg_seq != r->dump_seq)
			continue; /* of a dump that was given up */
		if (m->nlmsg_flags & NLM_F_DUMP_INTR)
			r->interrupted = true;
		if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR) {
			int result = result_of(m);

			dump_end(r, result < 0 ? result : r->interrupted ? -EINTR : 0);
			return;
		}
		take(r, m);
	}
}

void dump_io(struct anod_ctx *ctx, int fd, uint32_t events, void *data)
{
	struct rtnl *r = ctx->state;

	(void) fd;
	(void) events;
	(void) data;
	for (unsigned i = 0; i < DUMP_BATCH; i++) {
		int n = feed_receive(r, &r->dump);

		if (n == -EAGAIN || n == -EWOULDBLOCK || n == -EINTR)
			return;
		if (n < 0) {
			if (r->dumping)
				dump_end(r, n);
			return;
		}
		take_datagram(r, n);
	}
}
