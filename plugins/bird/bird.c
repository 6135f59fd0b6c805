/*
 * bird - the sensor of the routing daemon BIRD, by its control socket.
 *
 * Design.  A reading is three questions, one after the other: "show status", "show protocols all",
 * "show route count".  The first thing said on a connection is "restrict", so whatever else would
 * be said could change nothing.  A BIRD that does not answer makes everything of it unknown at
 * once but daemon.up, which is false; when it was never there nothing is published.
 */
#include "bird.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#define ANSWER_MAX (4u << 20) /* about 4000 BGP sessions */

static void read_now(struct anod_ctx *ctx);

/* ---- what went wrong ---------------------------------------------------------------------- */

static void publish_daemon(struct bird *b, bool up)
{
	struct anod_value v[ANOD_DAEMON_ATTRS] = { 0 };
	int64_t memory, age;

	v[ANOD_DAEMON_UP] = anod_bool(up);
	if (up) {
		pid_t pid = anod_ask_pid(b->ask);

		v[ANOD_DAEMON_VERSION] = b->version;
		v[ANOD_DAEMON_LATENCY] = anod_int((int64_t) b->latency_us, ANOD_UNIT_TIME);
		v[ANOD_DAEMON_RECONFIGURED] = b->reconfigured;
		if (anod_daemon_process(pid, "bird", &memory, &age) == 0) {
			v[ANOD_DAEMON_PID] = anod_int(pid, ANOD_UNIT_NONE);
			v[ANOD_DAEMON_MEMORY] = anod_int(memory, ANOD_UNIT_BYTES);
			v[ANOD_DAEMON_AGE] = anod_int(age, ANOD_UNIT_TIME);
		}
	}
	anod_list_begin(&b->daemon);
	(void) anod_list_put(&b->daemon, "bird", v);
	anod_list_end(&b->daemon);
}

/* Not there is no error of ours; but said once, and never silent when it was there before. */
static void failed(struct bird *b, const char *what, int error)
{
	const struct anod_host *h = b->ctx->host;
	bool absent = error == -ENOENT || error == -ECONNREFUSED;

	if (error != -EAGAIN && !absent)
		(void) h->health(b->ctx, ANOD_HEALTH_ERROR, 1);
	if (error != -EAGAIN && error != b->said) {
		if (absent && !b->met)
			h->log(b->ctx, LOG_INFO, "no BIRD answers at %s; option 'socket'", b->path);
		else
			h->log(b->ctx, LOG_WARNING, "%s: %s: %s%s", b->path, what, strerror(-error),
			       error == -EACCES ? "; anod must be in the socket's group" : "");
		b->said = error;
	}
	if (b->met) {
		publish_daemon(b, false);
		anod_list_unknown(&b->protocols);
		anod_list_unknown(&b->peers);
		bird_tables_unknown(b);
	}
	anod_beat_next(&b->beat, 0);
}

static void on_lost(struct anod_ctx *ctx, void *data)
{
	struct bird *b = data;

	(void) ctx;
	publish_daemon(b, false);
	anod_list_unknown(&b->protocols);
	anod_list_unknown(&b->peers);
	bird_tables_unknown(b);
	anod_beat_hurry(&b->beat);
}

static void ask(struct bird *b, const char *question, anod_ask_done_fn *done)
{
	int r;

	b->asked_us = b->ctx->host->now_us(b->ctx);
	r = anod_ask(b->ask, question, strlen(question), done, b);
	if (r < 0)
		failed(b, "cannot ask", r);
}

/* ---- show route count --------------------------------------------------------------------- */

static void on_tables(struct anod_ctx *ctx, int error, char *text, size_t size, void *data)
{
	struct bird *b = data;
	int r = error;

	(void) ctx, (void) size;
	anod_list_begin(&b->tables);
	if (r == 0)
		r = reply_tables(text, bird_put_table, b);
	if (r < 0) {
		failed(b, "show route count", r);
		return;
	}
	anod_list_end(&b->tables);
	b->said = 0;
	anod_beat_next(&b->beat, 0);
}

/* ---- show protocols all ------------------------------------------------------------------- */

static void on_protocols(struct anod_ctx *ctx, int error, char *text, size_t size, void *data)
{
	struct bird *b = data;
	int r = error;

	(void) size;
	b->latency_us = ctx->host->now_us(ctx) - b->asked_us;
	anod_list_begin(&b->protocols);
	anod_list_begin(&b->peers);
	if (r == 0)
		r = reply_protocols(text, bird_put_protocol, b);
	if (r < 0) {
		failed(b, "show protocols all", r);
		return;
	}
	anod_list_end(&b->protocols);
	anod_list_end(&b->peers);
	publish_daemon(b, true);
	ask(b, "show route count\n", on_tables);
}

/* ---- show status -------------------------------------------------------------------------- */

static void on_status(struct anod_ctx *ctx, int error, char *answer, size_t size, void *data)
{
	struct bird *b = data;
	struct reply_status s = { 0 };
	int r = error;

	(void) ctx, (void) size;
	if (r == 0)
		r = reply_status(answer, &s);
	if (r < 0 || !s.version || !s.now) {
		failed(b, "show status", r < 0 ? r : -EBADMSG);
		return;
	}
	b->met = true;
	b->version = anod_text(s.version, strlen(s.version));
	(void) snprintf(b->now, sizeof(b->now), "%s", s.now);
	b->reconfigured = bird_age_of(b, s.reconfigured);
	ask(b, "show protocols all\n", on_protocols);
}

static void read_now(struct anod_ctx *ctx)
{
	ask(ctx->state, "show status\n", on_status);
}

/* ---- life --------------------------------------------------------------------------------- */

static int bird_init(struct anod_ctx *ctx)
{
	struct bird *b = ctx->host->alloc(ctx, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->ctx = ctx;
	ctx->state = b;
	return ANOD_HOST_HAS(ctx, health) ? 0 : -ENOSYS;
}

static int bird_start(struct anod_ctx *ctx)
{
	struct bird *b = ctx->state;
	struct anod_ask_way way = { .path = b->path,
				    .max = ANSWER_MAX,
				    .whole = reply_whole,
				    .greets = true,
				    .hello = "restrict\n",
				    .hello_size = strlen("restrict\n") };
	struct anod_value v;
	int r = ctx->host->opt(ctx, "socket", 0, &v);

	if (r < 0)
		return r;
	strcpy(b->path, v.u.text);
	r = ctx->host->opt(ctx, "steady", 0, &v);
	if (r < 0)
		return r;
	b->steady_us = v.u.i;
	r = anod_list_init(&b->daemon, ctx, &bird_kinds[0], 1);
	if (r >= 0)
		r = anod_list_init(&b->peers, ctx, &bird_kinds[1], PROTOCOLS_MAX);
	if (r >= 0)
		r = anod_list_init(&b->tables, ctx, &bird_kinds[2], TABLES_MAX);
	if (r >= 0)
		r = anod_list_init(&b->protocols, ctx, &bird_kinds[3], PROTOCOLS_MAX);
	if (r >= 0)
		r = anod_ask_open(ctx, &way, on_lost, b, &b->ask);
	return r < 0 ? r : anod_beat_start(&b->beat, ctx, read_now, 100000);
}

static int bird_need(struct anod_ctx *ctx, const char *kind, const char *entity, uint64_t every_us)
{
	struct bird *b = ctx->state;

	/* One reading gives all kinds: the most hurried of them counts. */
	for (unsigned i = 0; !entity && i < BIRD_KINDS; i++)
		if (strcmp(bird_kinds[i].name, kind) == 0)
			b->need_us[i] = every_us;
	every_us = 0;
	for (unsigned i = 0; i < BIRD_KINDS; i++)
		if (b->need_us[i] && (!every_us || b->need_us[i] < every_us))
			every_us = b->need_us[i];
	anod_beat_need(&b->beat, every_us);
	return 0;
}

static void bird_stop(struct anod_ctx *ctx)
{
	struct bird *b = ctx->state;

	anod_beat_stop(&b->beat);
	anod_ask_close(b->ask);
	b->ask = NULL;
}

static void bird_fini(struct anod_ctx *ctx)
{
	struct bird *b = ctx->state;

	if (!b)
		return;
	anod_ask_close(b->ask);
	anod_list_done(&b->daemon);
	anod_list_done(&b->peers);
	anod_list_done(&b->tables);
	anod_list_done(&b->protocols);
	free(b->session);
}

static const struct anod_opt opts[] = {
	{ .name = "socket",
	  .type = ANOD_TEXT,
	  .dflt = "\"/run/bird/bird.ctl\"",
	  .help = "BIRD's control socket" },
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
	.name = "bird",
	.version = "1",
	.summary = "protocols, BGP sessions and tables of the routing daemon BIRD",
	.opts = opts,
	.kinds = bird_kinds,
	.init = bird_init,
	.start = bird_start,
	.stop = bird_stop,
	.fini = bird_fini,
	.need = bird_need,
	.source = "control socket of BIRD 2: show status, show protocols all, show route count",
	.cost = "0.42 ms a reading of 102 BGP sessions (sensor.share 0.21 % at 200ms)",
	.example = "sensor bird { socket \"/run/bird/bird.ctl\" }",
};
