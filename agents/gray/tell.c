/*
 * tell - findings of gray loss, with their evidence.
 */
#include "gray.h"

#include <stdio.h>
#include <string.h>

static void add_ref(struct anod_finding *f, const char *kind, const char *entity, const char *attr)
{
	struct anod_ref *r;

	if (f->n_refs == ANOD_REFS_MAX)
		return;
	r = &f->ref[f->n_refs++];
	(void) snprintf(r->kind, sizeof(r->kind), "%s", kind);
	(void) snprintf(r->entity, sizeof(r->entity), "%s", entity);
	(void) snprintf(r->attr, sizeof(r->attr), "%s", attr);
}

static void add_rival(struct anod_finding *f, const char *code, double confidence)
{
	struct anod_rival *r = &f->rival[f->n_rivals++];

	(void) snprintf(r->code, sizeof(r->code), "%s", code);
	r->confidence = confidence;
}

static void begin(struct anod_finding *f, const char *code, const char *kind, const char *entity)
{
	*f = (struct anod_finding){ .size = sizeof(*f) };
	(void) snprintf(f->code, sizeof(f->code), "%s", code);
	(void) snprintf(f->kind, sizeof(f->kind), "%s", kind);
	(void) snprintf(f->entity, sizeof(f->entity), "%s", entity);
}

void tell_gray(struct path *p)
{
	bool probed = path_heard(p) && sprt_word(&p->test) == SPRT_LOSSY;
	unsigned prefixes = path_prefixes(p, NULL);
	struct anod_finding f;

	begin(&f, "gray-loss", "link", p->dev);
	f.confidence = probed && prefixes >= 2 ? 0.97 : 0.9;
	if (probed)
		(void) snprintf(f.summary, sizeof(f.summary),
				"%s loses %.1f %% of the segments of our connections, and control "
				"probes over it are lost alike",
				p->dev, p->loss * 100);
	else
		(void) snprintf(f.summary, sizeof(f.summary),
				"%s loses %.1f %% of the segments of our connections, to %u blocks "
				"of destinations that lose over no other link",
				p->dev, p->loss * 100, prefixes);
	add_ref(&f, "tcp", p->dev, "lost");
	add_ref(&f, "tcp", p->dev, "segs");
	add_ref(&f, "tcp", p->dev, "rtt");
	add_ref(&f, "tcp", p->dev, "min_rtt");
	for (unsigned i = 0; i < p->a->n_probes; i++) {
		add_ref(&f, "probe", p->target[i].entity, "lost");
		add_ref(&f, "probe", p->target[i].entity, "sent");
	}
	add_rival(&f, "destination-loss", probed ? 0.02 : 0.08);
	add_rival(&f, "congestion", p->full_us ? 0.1 : 0.02);
	(void) p->a->ctx->host->find(p->a->ctx, &f, &p->finding);
}

void tell_elsewhere(struct path *p)
{
	const char *prefix = NULL;
	unsigned n = path_prefixes(p, &prefix);
	struct anod_finding f;

	/* More than one would have been the path; none is a block that nobody lists. */
	if (n != 1)
		return;
	begin(&f, "destination-loss", "tcp_prefix", prefix);
	f.confidence = 0.8;
	f.no_cure = 1;
	(void) snprintf(
		f.summary, sizeof(f.summary),
		"connections to %s lose %.1f %%; control probes over %s do not: the loss is "
		"behind this path",
		prefix + strlen(p->dev) + 1, p->loss * 100, p->dev);
	add_ref(&f, "tcp_prefix", prefix, "lost");
	add_ref(&f, "tcp_prefix", prefix, "segs");
	for (unsigned i = 0; i < p->a->n_probes; i++)
		add_ref(&f, "probe", p->target[i].entity, "loss");
	add_rival(&f, "gray-loss", 0.1);
	(void) p->a->ctx->host->find(p->a->ctx, &f, &p->finding);
}

void tell_clear(struct path *p, const char *why)
{
	if (p->finding)
		(void) p->a->ctx->host->clear(p->a->ctx, p->finding, why);
	p->finding = 0;
}
