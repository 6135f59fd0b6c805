/*
 * bird - the sensor of the routing daemon BIRD, by its control socket.
 *
 * Design.  A reading is three questions, one after the other: "show status", "show protocols all",
 * "show route count".  The first thing said on a connection is "restrict", so whatever else would
 * be said could change nothing.  A BIRD that does not answer makes everything of it unknown at
 * once but daemon.up, which is false; when it was never there nothing is published.  BIRD does not
 * count lost sessions, so this file does: a session that is not established any more, or is younger
 * than the time since it was seen established.
 */
#include "bird.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#define ANSWER_MAX    (4u << 20) /* about 4000 BGP sessions */
#define PROTOCOLS_MAX 4096
#define SLACK_US      2000000 /* between two clocks and roundings */

static void read_now(struct anod_ctx *ctx);

static struct anod_value text(const char *s)
{
	return s[0] ? anod_text(s, strlen(s)) : (struct anod_value){ 0 };
}

static struct anod_value count(int64_t n)
{
	return n == REPLY_NOT ? (struct anod_value){ 0 } : anod_int(n, ANOD_UNIT_NONE);
}

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

/* Nothing is known of them but what they were. */
static void tables_unknown(struct bird *b)
{
	struct anod_value v[ANOD_RIB_ATTRS] = { 0 };

	for (unsigned i = 0; i < b->n_tables; i++) {
		struct table *t = &b->table[i];

		v[ANOD_RIB_STEADY] = count(anod_steady(&t->steady, -1, 0, 0));
		if (anod_list_has(&b->tables, t->name))
			(void) anod_list_put(&b->tables, t->name, v);
	}
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
		tables_unknown(b);
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
	tables_unknown(b);
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

static struct table *table_of(struct bird *b, const char *name)
{
	struct table *t;

	for (unsigned i = 0; i < b->n_tables; i++)
		if (strcmp(b->table[i].name, name) == 0)
			return &b->table[i];
	if (b->n_tables == TABLES_MAX)
		return NULL;
	t = &b->table[b->n_tables++];
	*t = (struct table){ .steady = ANOD_STEADY_NEW };
	strcpy(t->name, name);
	return t;
}

static void put_table(const struct reply_table *r, void *data)
{
	struct bird *b = data;
	struct anod_value v[ANOD_RIB_ATTRS] = { 0 };
	char name[ANOD_NAME_SIZE];
	struct table *t;

	if (snprintf(name, sizeof(name), "bird/default/%s", r->name) >= (int) sizeof(name))
		return;
	t = table_of(b, name);
	if (!t)
		return;
	v[ANOD_RIB_ROUTES] = anod_int(r->routes, ANOD_UNIT_NONE);
	v[ANOD_RIB_PREFIXES] = anod_int(r->prefixes, ANOD_UNIT_NONE);
	v[ANOD_RIB_STEADY] = count(anod_steady(
		&t->steady, r->routes, (int64_t) b->ctx->host->now_us(b->ctx), b->steady_us));
	(void) anod_list_put(&b->tables, name, v);
}

static void on_tables(struct anod_ctx *ctx, int error, char *text, size_t size, void *data)
{
	struct bird *b = data;
	int r = error;

	(void) ctx, (void) size;
	anod_list_begin(&b->tables);
	if (r == 0)
		r = reply_tables(text, put_table, b);
	if (r < 0) {
		failed(b, "show route count", r);
		return;
	}
	anod_list_end(&b->tables);
	b->said = 0;
	anod_beat_next(&b->beat, 0);
}

/* ---- show protocols all ------------------------------------------------------------------- */

static struct anod_value age_of(const struct bird *b, const char *then)
{
	int64_t us;

	return reply_age(b->now, then, &us) < 0 ? (struct anod_value){ 0 }
						: anod_int(us, ANOD_UNIT_TIME);
}

/* BIRD's names of states (bgp_state_dsc() of BIRD 2.0) as RFC 4271 has them. */
static const char *bgp_state(const char *bird)
{
	static const char *const states[][2] = {
		{ "Idle", "idle" },
		{ "Connect", "connect" },
		{ "Active", "active" },
		{ "OpenSent", "opensent" },
		{ "OpenConfirm", "openconfirm" },
		{ "Established", "established" },
		{ "Close", "idle" },
		{ "Down", "idle" },
		{ "Passive", "active" },
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(bird, states[i][0]) == 0)
			return states[i][1];
	return "";
}

static struct session *session(struct bird *b, const char *name)
{
	for (unsigned i = 0; i < b->n_sessions; i++)
		if (strcmp(b->session[i].name, name) == 0)
			return &b->session[i];
	if (b->n_sessions == b->sessions_size) {
		unsigned size = b->sessions_size ? b->sessions_size * 2 : 8;
		struct session *grown = reallocarray(b->session, size, sizeof(*grown));

		if (!grown || b->n_sessions >= PROTOCOLS_MAX)
			return b->session = grown ? grown : b->session, NULL;
		b->session = grown;
		b->sessions_size = size;
	}
	b->session[b->n_sessions] = (struct session){ 0 };
	strcpy(b->session[b->n_sessions].name, name);
	return &b->session[b->n_sessions++];
}

/* A session that stays grows older as time goes by; one that was made anew in between does not. */
static int64_t count_drops(struct bird *b, const char *name, bool established,
			   const struct anod_value *age)
{
	struct session *s = session(b, name);
	uint64_t now_us = b->ctx->host->now_us(b->ctx);
	int64_t age_us = age->type == ANOD_INT ? age->u.i : REPLY_NOT;

	if (!s)
		return REPLY_NOT;
	if (s->established &&
	    (!established || (age_us != REPLY_NOT && s->age_us != REPLY_NOT &&
			      age_us + SLACK_US < s->age_us + (int64_t) (now_us - s->seen_us))))
		s->drops++;
	s->established = established;
	s->age_us = age_us;
	s->seen_us = now_us;
	return s->drops;
}

static void put_peer(struct bird *b, const struct reply_protocol *p, const struct anod_value *age)
{
	const char *state = bgp_state(p->bgp_state);
	bool established = strcmp(state, "established") == 0;
	const char *vrf = p->vrf[0] ? p->vrf : "default";
	struct anod_value v[ANOD_BGP_ATTRS] = { 0 };
	char name[ANOD_NAME_SIZE];

	if (snprintf(name, sizeof(name), "bird/%s/%s", vrf,
		     p->neighbor[0] ? p->neighbor : p->name) >= (int) sizeof(name))
		return;
	/* Two sessions with one neighbour: the second one is named by its protocol. */
	if (anod_list_seen(&b->peers, name) &&
	    snprintf(name, sizeof(name), "bird/%s/%s", vrf, p->name) >= (int) sizeof(name))
		return;

	v[ANOD_BGP_STATE] = text(state);
	v[ANOD_BGP_ENABLED] = anod_bool(strcmp(p->bgp_state, "Down") != 0);
	v[ANOD_BGP_AGE] = *age;
	v[ANOD_BGP_DROPS] = count(count_drops(b, name, established, age));
	v[ANOD_BGP_RECEIVED] = count(established ? p->imported : 0);
	v[ANOD_BGP_FILTERED] = count(p->filtered);
	v[ANOD_BGP_SENT] = count(established ? p->exported : 0);
	if (p->neighbor_as[0])
		v[ANOD_BGP_PEER_AS] = anod_int(atoll(p->neighbor_as), ANOD_UNIT_NONE);
	v[ANOD_BGP_NAME] = text(p->description[0] ? p->description : p->name);
	v[ANOD_BGP_REASON] = text(p->error);
	(void) anod_list_put(&b->peers, name, v);
}

static void put_protocol(const struct reply_protocol *p, void *data)
{
	struct bird *b = data;
	struct anod_value v[PROTOCOL_ATTRS] = { 0 };
	struct anod_value age = age_of(b, p->since);

	v[PROTOCOL_TYPE] = text(p->type);
	v[PROTOCOL_STATE] = text(p->state);
	v[PROTOCOL_AGE] = age;
	v[PROTOCOL_IMPORTED] = count(p->imported);
	v[PROTOCOL_FILTERED] = count(p->filtered);
	v[PROTOCOL_EXPORTED] = count(p->exported);
	v[PROTOCOL_INFO] = text(p->info);
	if (strlen(p->name) < ANOD_NAME_SIZE)
		(void) anod_list_put(&b->protocols, p->name, v);
	if (strcmp(p->type, "BGP") == 0)
		put_peer(b, p, &age);
}

static void on_protocols(struct anod_ctx *ctx, int error, char *text, size_t size, void *data)
{
	struct bird *b = data;
	int r = error;

	(void) size;
	b->latency_us = ctx->host->now_us(ctx) - b->asked_us;
	anod_list_begin(&b->protocols);
	anod_list_begin(&b->peers);
	if (r == 0)
		r = reply_protocols(text, put_protocol, b);
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
	struct reply_status s;
	int r = error;

	(void) ctx, (void) size;
	if (r == 0)
		r = reply_status(answer, &s);
	if (r < 0) {
		failed(b, "show status", r);
		return;
	}
	b->met = true;
	b->version = text(s.version);
	(void) snprintf(b->now, sizeof(b->now), "%s", s.now);
	b->reconfigured = age_of(b, s.reconfigured);
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
	  .dflt = "/run/bird/bird.ctl",
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
	.example = "sensor bird { socket \"/run/bird/bird.ctl\" }",
};
