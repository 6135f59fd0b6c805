/*
 * hello-agent - the smallest agent that finds something.
 *
 * It watches every link and opens a finding while one that is administratively up has no
 * carrier.  It proposes nothing and holds no privilege.  "make" builds
 * build/examples/hello-agent.so; copy it to the plugin folder and write in anod.conf:
 *
 *     agent hello-agent { greeting "good evening" }
 *
 * Then: ip link set dev eth1 down on the far side, and: anodctl incidents
 *
 * Design.  The watch does the work: the host evaluates the expression and calls back when its
 * truth changes for a link, so nothing here polls.
 */
#include <anod/plugin.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define LINKS_MAX 64

struct hello {
	struct {
		char link[ANOD_NAME_SIZE];
		uint64_t finding; /* 0: none open */
	} open[LINKS_MAX];
};

/* The slot of a link, or a free one, or NULL. */
static uint64_t *slot(struct hello *h, const char *link)
{
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < LINKS_MAX; i++)
			if (!strcmp(h->open[i].link, pass ? "" : link)) {
				(void) snprintf(h->open[i].link, ANOD_NAME_SIZE, "%s", link);
				return &h->open[i].finding;
			}
	return NULL;
}

static void on_carrier(struct anod_ctx *ctx, uint64_t id, const char *link, enum anod_tri lost,
		       void *data)
{
	uint64_t *finding = slot(data, link);
	struct anod_finding f = {
		.size = sizeof(f),
		.code = "hello-no-carrier",
		.kind = "link",
		.confidence = 0.9,
		.n_refs = 1,
		.ref = { { .kind = "link", .attr = "carrier" } },
		.no_cure = 1,
	};

	(void) id;
	if (!finding)
		return;
	if (lost == ANOD_TRUE && !*finding) {
		(void) snprintf(f.entity, sizeof(f.entity), "%s", link);
		(void) snprintf(f.ref[0].entity, sizeof(f.ref[0].entity), "%s", link);
		(void) snprintf(f.summary, sizeof(f.summary), "%s is up but has no carrier", link);
		(void) ctx->host->find(ctx, &f, finding);
	}
	/* Unknown (ANOD_DOUBT) is not "fine": the finding stays until the carrier is seen. */
	if (lost == ANOD_FALSE && *finding) {
		(void) ctx->host->clear(ctx, *finding, "the carrier is back");
		*finding = 0;
	}
}

static int on_init(struct anod_ctx *ctx)
{
	ctx->state = ctx->host->alloc(ctx, sizeof(struct hello)); /* freed by the host */
	return ctx->state ? 0 : -ENOMEM;
}

static int on_start(struct anod_ctx *ctx)
{
	struct anod_value greeting;
	uint64_t id;

	if (ctx->host->opt(ctx, "greeting", 0, &greeting) == 0)
		ctx->host->log(ctx, LOG_INFO, "%s", greeting.u.text);
	return ctx->host->watch(ctx, "link.admin_up == true and link.carrier == false", on_carrier,
				ctx->state, &id);
}

static const struct anod_opt opts[] = {
	{ "greeting", ANOD_TEXT, .dflt = "hello", .help = "what to log at the start" },
	{ NULL },
};

static const char *const reads[] = { "link.admin_up", "link.carrier", NULL };

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_AGENT,
	.name = "hello-agent",
	.version = "0.1.0",
	.summary = "finds links that are up without a carrier",
	.opts = opts,
	.reads = reads,
	.init = on_init,
	.start = on_start,
};
