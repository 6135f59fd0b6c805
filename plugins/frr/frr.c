/*
 * frr - the sensor of FRR's routing daemons, by their vty sockets.
 *
 * Design.  vtysh speaks to each daemon over a socket of its own; so does this sensor, with all of
 * them side by side: a bgpd that hangs holds up nobody else.  What is said are the constant commands
 * of frr_questions[] and the name of a peer that bgpd itself has told.  A daemon that does not answer
 * makes everything that it would tell unknown at once, and its daemon.up false; of one that was
 * never there nothing is published.
 */
#include "frr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define ANSWER_MAX (4u << 20) /* about 6000 BGP sessions */
#define ROWS_MAX   4096

const char *const frr_names[FRR_DAEMONS] = { "zebra", "bgpd", "ospfd", "bfdd" };

static void next(struct talk *t);

static void publish_daemon(struct talk *t, bool up)
{
	const char *name = frr_names[t->number];
	struct anod_value v[ANOD_DAEMON_ATTRS] = { 0 };
	char entity[ANOD_NAME_SIZE];
	int64_t memory, age;

	v[ANOD_DAEMON_UP] = anod_bool(up);
	if (up) {
		pid_t pid = anod_ask_pid(t->ask);

		v[ANOD_DAEMON_VERSION] = t->version;
		v[ANOD_DAEMON_LATENCY] = anod_int((int64_t) t->latency_us, ANOD_UNIT_TIME);
		if (anod_daemon_process(pid, name, &memory, &age) == 0) {
			v[ANOD_DAEMON_PID] = anod_int(pid, ANOD_UNIT_NONE);
			v[ANOD_DAEMON_MEMORY] = anod_int(memory, ANOD_UNIT_BYTES);
			v[ANOD_DAEMON_AGE] = anod_int(age, ANOD_UNIT_TIME);
		}
	}
	(void) snprintf(entity, sizeof(entity), "frr/%s", name);
	anod_list_begin(&t->daemon);
	(void) anod_list_put(&t->daemon, entity, v);
	anod_list_end(&t->daemon);
}

/* ---- the end of a conversation ------------------------------------------------------------ */

static void over(struct talk *t)
{
	struct frr *f = t->frr;

	t->busy = false;
	for (unsigned i = 0; i < FRR_DAEMONS; i++)
		if (f->talk[i].busy)
			return;
	anod_beat_next(&f->beat, 0);
}

static void say(struct talk *t, const char *what, int error)
{
	const struct anod_host *h = t->frr->ctx->host;
	bool absent = error == -ENOENT || error == -ECONNREFUSED;

	if (error == -EAGAIN)
		return;
	if (!absent)
		(void) h->health(t->frr->ctx, ANOD_HEALTH_ERROR, 1);
	if (error == t->said)
		return;
	t->said = error;
	if (!absent)
		h->log(t->frr->ctx, LOG_WARNING, "%s: %s: %s%s", frr_names[t->number], what,
		       strerror(-error),
		       error == -EACCES ? "; anod must be in the group frrvty" : "");
	else if (t->met)
		h->log(t->frr->ctx, LOG_WARNING, "%s does not answer any more",
		       frr_names[t->number]);
	else if (t->number == ZEBRA)
		h->log(t->frr->ctx, LOG_INFO, "no FRR answers in %s; option 'path'", t->frr->path);
}

static void gone(struct talk *t)
{
	t->version = (struct anod_value){ 0 };
	if (!t->met)
		return;
	publish_daemon(t, false);
	frr_unknown(t->frr, t->number);
}

static void failed(struct talk *t, const char *what, int error)
{
	say(t, what, error);
	gone(t);
	over(t);
}

static void on_lost(struct anod_ctx *ctx, void *data)
{
	struct talk *t = data;

	(void) ctx;
	gone(t);
	anod_beat_hurry(&t->frr->beat);
}

/* ---- question and answer ------------------------------------------------------------------ */

static void on_answer(struct anod_ctx *ctx, int error, char *text, size_t size, void *data)
{
	struct talk *t = data;
	const struct question *q = &frr_questions[t->step];
	int r = error;

	if (r == 0) {
		t->met = true;
		t->latency_us = ctx->host->now_us(ctx) - t->asked_us;
		r = q->take(t->frr, t, text, size);
	}
	/* A command that this version does not have is no reason to ask nothing else. */
	if (r < 0 && r != -EOPNOTSUPP) {
		failed(t, q->text ? q->text : "show bgp neighbors", r);
		return;
	}
	if (r == -EOPNOTSUPP)
		say(t, q->text ? q->text : "show bgp neighbors", r);
	if (q->text || r < 0)
		t->step++; /* else there may be another peer to ask for */
	next(t);
}

/* Ask the next question of this daemon's, or end. */
static void next(struct talk *t)
{
	struct frr *f = t->frr;

	for (;; t->step++) {
		const struct question *q = &frr_questions[t->step];
		char made[ANOD_ASK_REQUEST_MAX];
		const char *text = q->text;
		int r;

		if (!q->take)
			break;
		if (q->daemon != t->number || (q->take == frr_questions[0].take && t->version.type))
			continue;
		if (!text && !frr_why_question(f, made, sizeof(made))) {
			(void) q->take(f, t, "", 0);
			continue;
		}
		if (!text)
			text = made;
		t->asked_us = f->ctx->host->now_us(f->ctx);
		r = anod_ask(t->ask, text, strlen(text) + 1, on_answer, t);
		if (r < 0)
			failed(t, "cannot ask", r);
		return;
	}
	publish_daemon(t, true);
	over(t);
}

static void read_now(struct anod_ctx *ctx)
{
	struct frr *f = ctx->state;

	for (unsigned i = 0; i < FRR_DAEMONS; i++) {
		f->talk[i].busy = true;
		f->talk[i].step = 0;
	}
	for (unsigned i = 0; i < FRR_DAEMONS; i++)
		next(&f->talk[i]);
}

/* ---- life --------------------------------------------------------------------------------- */

static int frr_init(struct anod_ctx *ctx)
{
	struct frr *f = ctx->host->alloc(ctx, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->ctx = ctx;
	ctx->state = f;
	return ANOD_HOST_HAS(ctx, health) ? 0 : -ENOSYS;
}

static int open_talk(struct frr *f, unsigned number)
{
	struct talk *t = &f->talk[number];
	char path[ANOD_TEXT_SIZE + 16];
	/* bfdd tells its sessions to an enabled terminal only. */
	struct anod_ask_way way = { .path = path,
				    .max = ANSWER_MAX,
				    .whole = reduce_whole,
				    .hello = number == BFDD ? "enable" : NULL,
				    .hello_size = number == BFDD ? sizeof("enable") : 0 };
	int r;

	t->frr = f;
	t->number = number;
	(void) snprintf(path, sizeof(path), "%s/%s.vty", f->path, frr_names[number]);
	r = anod_list_init(&t->daemon, f->ctx, &frr_kinds[KIND_DAEMON], 1);
	return r < 0 ? r : anod_ask_open(f->ctx, &way, on_lost, t, &t->ask);
}

static int frr_start(struct anod_ctx *ctx)
{
	struct frr *f = ctx->state;
	struct anod_value v;
	int r = ctx->host->opt(ctx, "path", 0, &v);

	if (r < 0)
		return r;
	strcpy(f->path, v.u.text);
	r = ctx->host->opt(ctx, "steady", 0, &v);
	if (r < 0)
		return r;
	f->steady_us = v.u.i;
	f->steady[0] = f->steady[1] = (struct anod_steady) ANOD_STEADY_NEW;
	r = anod_list_init(&f->peers, ctx, &frr_kinds[KIND_BGP], ROWS_MAX);
	if (r >= 0)
		r = anod_list_init(&f->ribs, ctx, &frr_kinds[KIND_RIB], 2);
	if (r >= 0)
		r = anod_list_init(&f->ospf, ctx, &frr_kinds[KIND_OSPF], ROWS_MAX);
	if (r >= 0)
		r = anod_list_init(&f->bfd, ctx, &frr_kinds[KIND_BFD], ROWS_MAX);
	for (unsigned i = 0; r >= 0 && i < FRR_DAEMONS; i++)
		r = open_talk(f, i);
	return r < 0 ? r : anod_beat_start(&f->beat, ctx, read_now, 100000);
}

static int frr_need(struct anod_ctx *ctx, const char *kind, const char *entity, uint64_t every_us)
{
	struct frr *f = ctx->state;

	for (unsigned i = 0; !entity && i < FRR_KINDS; i++)
		if (strcmp(frr_kinds[i].name, kind) == 0)
			f->need_us[i] = every_us;
	every_us = 0;
	for (unsigned i = 0; i < FRR_KINDS; i++)
		if (f->need_us[i] && (!every_us || f->need_us[i] < every_us))
			every_us = f->need_us[i];
	anod_beat_need(&f->beat, every_us);
	return 0;
}

static void frr_stop(struct anod_ctx *ctx)
{
	struct frr *f = ctx->state;

	anod_beat_stop(&f->beat);
	for (unsigned i = 0; i < FRR_DAEMONS; i++) {
		anod_ask_close(f->talk[i].ask);
		f->talk[i].ask = NULL;
	}
}

static void frr_fini(struct anod_ctx *ctx)
{
	struct frr *f = ctx->state;

	if (!f)
		return;
	for (unsigned i = 0; i < FRR_DAEMONS; i++) {
		anod_ask_close(f->talk[i].ask);
		anod_list_done(&f->talk[i].daemon);
	}
	anod_list_done(&f->peers);
	anod_list_done(&f->ribs);
	anod_list_done(&f->ospf);
	anod_list_done(&f->bfd);
	free(f->peer);
}

static const struct anod_opt opts[] = {
	{ .name = "path",
	  .type = ANOD_TEXT,
	  .dflt = "\"/run/frr\"",
	  .help = "folder of the daemons' vty sockets" },
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "2s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "time between two readings while anybody uses the facts" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "30s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "the same while nobody does; not less than 'period'" },
	{ .name = "steady",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "30s",
	  .min = 1e6,
	  .max = 3600e6,
	  .help = "a table that stays within 1 % for so long is steady" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "frr",
	.version = "1",
	.summary = "BGP, OSPF and BFD sessions and tables of FRR's daemons",
	.opts = opts,
	.kinds = frr_kinds,
	.init = frr_init,
	.start = frr_start,
	.stop = frr_stop,
	.fini = frr_fini,
	.need = frr_need,
	.source = "vty sockets of FRR's zebra, bgpd, ospfd, bfdd: show ... json",
	.cost = "0.79 ms a reading of 101 BGP sessions, OSPF, BFD and tables (sensor.share 0.39 % "
		"at 200ms)",
	.example = "sensor frr { path \"/run/frr\" }",
};
