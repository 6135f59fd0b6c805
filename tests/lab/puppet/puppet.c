/*
 * puppet - an agent for tests: it proposes what its options say, or misbehaves as they say.
 *
 * Design.  The other agents propose two action kinds; through this one every kind goes the whole
 * way from the manifest to the kernel.  Its bad modes do by hand what a hijacked agent would:
 * they write to the cell's channel past the host table, and call the system past libc's good
 * manners.  What it could do in spite of the sandbox it says in its log, which the tests read.
 */
#include <anod/plugin.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#include "host/cell_proto.h"

#define FLIP_US 100000 /* between two proposals of mode flip */
#define CHANNEL 3      /* the cell's side of its channel, see core/host/procs.c */

static int option(struct anod_ctx *ctx, const char *name, unsigned n, char *ret)
{
	struct anod_value v;
	int r = ctx->host->opt(ctx, name, n, &v);

	if (r >= 0)
		(void) snprintf(ret, ANOD_TEXT_SIZE, "%s", v.u.text);
	return r;
}

/* "10.0.0.0/8" and "10.0.0.1" are prefixes, "17" and "17bytes" numbers, the rest is text. */
static struct anod_value value_of(const char *text)
{
	struct anod_value v = { .type = ANOD_PREFIX };
	char copy[ANOD_TEXT_SIZE], *slash, *end;

	(void) snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	if (inet_pton(AF_INET, copy, v.u.prefix.addr) == 1) {
		v.u.prefix.family = AF_INET;
		v.u.prefix.len = slash ? (uint8_t) atoi(slash + 1) : 32;
		return v;
	}
	v = (struct anod_value){ .type = ANOD_INT };
	v.u.i = strtoll(text, &end, 10);
	v.unit = strcmp(end, "bytes") == 0 ? ANOD_UNIT_BYTES
		 : strcmp(end, "bps") == 0 ? ANOD_UNIT_BPS
		 : strcmp(end, "us") == 0  ? ANOD_UNIT_TIME
					   : ANOD_UNIT_NONE;
	if (end != text && (!*end || v.unit))
		return v;

	v = (struct anod_value){ .type = ANOD_TEXT };
	(void) snprintf(v.u.text, sizeof(v.u.text), "%s", text);
	return v;
}

static void add_arg(struct anod_action *a, const char *name, const struct anod_value *v)
{
	struct anod_arg *to = &a->arg[a->n_args++];

	(void) snprintf(to->name, sizeof(to->name), "%.23s", name);
	to->value = *v;
}

/* Options 'kind' and 'args', or 'kind2' and 'args2'. */
static int make_action(struct anod_ctx *ctx, const char *kind, const char *args,
		       struct anod_action *ret)
{
	char text[ANOD_TEXT_SIZE], *equals;
	struct anod_value v;

	*ret = (struct anod_action){ .size = sizeof(*ret) };
	if (option(ctx, kind, 0, text) < 0)
		return -ENOENT;

	(void) snprintf(ret->kind, sizeof(ret->kind), "%.23s", text);
	while (ret->n_args < ANOD_ARGS_MAX && option(ctx, args, ret->n_args, text) >= 0) {
		equals = strchr(text, '=');
		if (!equals)
			return -EINVAL;
		*equals = '\0';
		v = value_of(equals + 1);
		/* An argument that is a text from outside, flag and all. */
		if (strcmp(equals + 1, "ALIAS") == 0)
			(void) ctx->host->get(ctx, "link", "wan1", "alias", &v, NULL);
		add_arg(ret, text, &v);
	}
	return 0;
}

static bool back;    /* mode flip: the second action is next */
static bool settled; /* its last proposal was refused: no more of it */

static void on_verdict(struct anod_ctx *ctx, uint64_t id, enum anod_verdict v, int error,
		       const char *why, void *data)
{
	(void) id, (void) data;
	if (v == ANOD_COMMITTED)
		back = !back;
	if (v == ANOD_DENIED && !error) /* not: that one is under way */
		settled = true;
	ctx->host->log(ctx, LOG_NOTICE, "verdict %d error %d: %s", (int) v, error, why);
}

static void make_proposal(struct anod_ctx *ctx, struct anod_proposal *ret)
{
	char text[ANOD_TEXT_SIZE];

	*ret = (struct anod_proposal){
		.size = sizeof(*ret),
		.n_actions = 1,
		.confidence = 0.9,
		.reason = "a test wants it",
		.expect = "what the test expects",
	};
	(void) make_action(ctx, "kind", "args", &ret->action[0]);
	if (make_action(ctx, "kind2", "args2", &ret->action[1]) == 0)
		ret->n_actions = 2;
	if (option(ctx, "verify", 0, text) >= 0)
		(void) snprintf(ret->verify, sizeof(ret->verify), "%s", text);
}

static void propose(struct anod_ctx *ctx, bool only_find)
{
	struct anod_proposal p;
	struct anod_finding f = {
		.size = sizeof(f),
		.kind = "link",
		.entity = "wan1",
		.confidence = 0.9,
		.summary = "the puppet found something",
		.n_refs = 1,
		.ref = { { "link", "wan1", "alias" } },
		.no_cure = only_find,
	};
	uint64_t id;
	int r;

	make_proposal(ctx, &p);
	if (option(ctx, "finding", 0, f.code) >= 0)
		(void) ctx->host->find(ctx, &f, &p.finding);
	if (only_find)
		return;
	r = ctx->host->propose(ctx, &p, on_verdict, NULL, &id);
	if (r < 0)
		ctx->host->log(ctx, LOG_NOTICE, "propose: %s", strerror(-r));
}

/* To and fro, as an agent does that mistakes its own effect for a fault. */
static void flip(struct anod_ctx *ctx)
{
	struct anod_proposal p;
	uint64_t id;

	if (settled)
		return;
	make_proposal(ctx, &p);
	p.n_actions = 1;
	if (back)
		p.action[0] = p.action[1];
	(void) ctx->host->propose(ctx, &p, on_verdict, NULL, &id);
}

static void on_flip(struct anod_ctx *ctx, uint64_t id, void *data)
{
	(void) id, (void) data;
	flip(ctx);
}

/* ---- bad modes -------------------------------------------------------------------------- */

/* As a cell would, but about whatever 'agent' and 'kind' say. */
static void forge(struct anod_ctx *ctx, uint32_t agent, const char *kind)
{
	struct cell_propose m = {
		.head = { .type = CELL_PROPOSE, .size = sizeof(m), .id = 77 },
		.agent = agent,
	};

	make_proposal(ctx, &m.proposal);
	if (kind)
		(void) snprintf(m.proposal.action[0].kind, ANOD_KIND_SIZE, "%s", kind);
	(void) send(CHANNEL, &m, sizeof(m), 0);
}

static void leak(struct anod_ctx *ctx)
{
	char *volatile p; /* or the compiler leaves out what nobody reads */
	size_t mib = 0;

	while (mib < 4096 && (p = malloc(1 << 20))) {
		memset(p, 1, 1 << 20);
		mib++;
	}
	ctx->host->log(ctx, LOG_NOTICE, "leaked %zu MiB", mib);
}

static void tell(struct anod_ctx *ctx, const char *what, long r)
{
	ctx->host->log(ctx, LOG_NOTICE, "%s: %s", what, r >= 0 ? "DONE" : strerror(errno));
}

static void misbehave(struct anod_ctx *ctx, const char *mode)
{
	char garbage[512];

	if (!strcmp(mode, "crash"))
		abort();
	if (!strcmp(mode, "hang"))
		for (volatile int n = 0;; n++)
			;
	if (!strcmp(mode, "leak"))
		leak(ctx);
	if (!strcmp(mode, "lie"))
		forge(ctx, CELL_AGENT_NUMBER, "link.destroy");
	if (!strcmp(mode, "impostor"))
		forge(ctx, CELL_AGENT_NUMBER + 1, NULL);
	if (!strcmp(mode, "garbage")) {
		memset(garbage, 0xa5, sizeof(garbage));
		(void) send(CHANNEL, garbage, sizeof(garbage), 0);
	}
	if (!strcmp(mode, "file"))
		tell(ctx, "open /etc/passwd", open("/etc/passwd", O_RDONLY));
	if (!strcmp(mode, "socket"))
		tell(ctx, "socket", socket(AF_INET, SOCK_DGRAM, 0));
	if (!strcmp(mode, "fork"))
		tell(ctx, "fork", syscall(SYS_fork));
	if (!strcmp(mode, "exec")) {
		tell(ctx, "exec", execl("/bin/true", "true", (char *) NULL));
	}
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	char mode[ANOD_TEXT_SIZE] = "propose";

	(void) id, (void) data;
	(void) option(ctx, "mode", 0, mode);
	if (!strcmp(mode, "propose") || !strcmp(mode, "find"))
		propose(ctx, !strcmp(mode, "find"));
	else
		misbehave(ctx, mode);
}

/* Once: what it proposes may well change the truth of it. */
static void on_watch(struct anod_ctx *ctx, uint64_t id, const char *entity, enum anod_tri truth,
		     void *data)
{
	(void) entity;
	if (truth != ANOD_TRUE)
		return;
	on_timer(ctx, id, data);
	(void) ctx->host->cancel(ctx, id);
}

static int on_start(struct anod_ctx *ctx)
{
	char when[ANOD_TEXT_SIZE], mode[ANOD_TEXT_SIZE] = "";
	uint64_t id;

	(void) option(ctx, "mode", 0, mode);
	if (!strcmp(mode, "flip"))
		return ctx->host->timer(ctx, FLIP_US, FLIP_US, on_flip, NULL, &id);
	if (option(ctx, "when", 0, when) >= 0)
		return ctx->host->watch(ctx, when, on_watch, NULL, &id);
	return ctx->host->timer(ctx, 1, 0, on_timer, NULL, &id);
}

static const struct anod_opt opts[] = {
	{ "mode", ANOD_TEXT, .dflt = "propose",
	  .words = "propose find flip crash hang leak lie impostor garbage file socket fork exec "
		   "idle",
	  .help = "what it does at its start" },
	{ "when", ANOD_TEXT, .help = "expression that it waits for; else it begins at once" },
	{ "kind", ANOD_TEXT, .help = "of the action" },
	{ "args", ANOD_TEXT, .many = 1, .help = "of the action, \"dev=wan1\"" },
	{ "kind2", ANOD_TEXT, .help = "of a second action" },
	{ "args2", ANOD_TEXT, .many = 1, .help = "of a second action" },
	{ "verify", ANOD_TEXT, .help = "expression of the proposal" },
	{ "finding", ANOD_TEXT, .help = "code of a finding about wan1 that the proposal is for" },
	{ NULL },
};

static const char *const reads[] = { "link.*", "path.*", NULL };
static const char *const proposes[] = { "link.set",	 "link.up",	    "link.down",
					"route.add",	 "route.replace",   "route.del",
					"route.metric",	 "nexthop.replace", "nexthop.weight",
					"rule.add",	 "rule.del",	    "neigh.flush",
					"neigh.replace", "qdisc.replace",   "qdisc.rate",
					"qdisc.del",	 "sysctl.set",	    "wg.endpoint",
					"wg.keepalive",	 "unit.restart",    NULL };

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_AGENT,
	.name = "puppet",
	.version = "0",
	.summary = "proposes what a test says",
	.opts = opts,
	.reads = reads,
	.proposes = proposes,
	.start = on_start,
};
