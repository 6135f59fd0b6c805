/*
 * evidence - facts, labelled and bounded.
 *
 * Design.  A fixed list of kinds and attributes, the telling ones first, because a model of a
 * few hundred million parameters loses the thread in a dump.  Text that somebody outside the
 * router wrote is marked as such here and framed as data by the host.
 */
#include "evidence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_out.h"

#define TAIL_ROOM 64 /* for the end of the document */

struct view { /* what is shown of a kind */
	const char *kind;
	const char *const *attrs;
};

static const char *const link_attrs[] = { "role",	   "admin_up",	 "carrier",    "operstate",
					  "carrier_down",  "util",	 "rx_errors",  "tx_errors",
					  "rx_crc_errors", "rx_dropped", "tx_dropped", "mtu",
					  "alias",	   NULL };
static const char *const path_attrs[] = { "targets", "targets_up", "loss", "rtt", "jitter", NULL };
static const char *const route_attrs[] = { "dst",      "gateway", "dev",   "metric",
					   "protocol", "legs",	  "table", NULL };
static const char *const probe_attrs[] = { "up", "loss", "rtt", "sent", "lost", NULL };
static const char *const neigh_attrs[] = { "state", NULL };

static const struct view views[] = {
	{ "link", link_attrs },	  { "path", path_attrs },   { "route", route_attrs },
	{ "probe", probe_attrs }, { "neigh", neigh_attrs },
};

struct writer {
	struct anod_ctx *ctx;
	struct json_out out;
	unsigned n, left_out;
};

static void write_fact(struct writer *w, const char *kind, const char *entity, const char *attr)
{
	struct json_out mark = json_mark(&w->out);
	char name[ANOD_KIND_SIZE * 2 + ANOD_NAME_SIZE + 4];
	struct anod_value v;
	uint64_t age, age_ms;

	if (w->ctx->host->get(w->ctx, kind, entity, attr, &v, &age) < 0)
		return;
	age_ms = age / 1000;
	(void) snprintf(name, sizeof(name), "%s.%s.%s", kind, entity, attr);
	json_open(&w->out, NULL, '{');
	json_text(&w->out, "fact", name);
	json_value(&w->out, "value", &v);
	if (v.type != ANOD_UNKNOWN)
		json_number(&w->out, "age_ms", (double) age_ms);
	json_close(&w->out, '}');
	if (json_fits(&w->out, &mark))
		w->n++;
	else
		w->left_out++;
}

static void write_entity(struct writer *w, const struct view *view, const char *entity)
{
	for (const char *const *a = view->attrs; *a; a++)
		write_fact(w, view->kind, entity, *a);
}

static void write_facts(struct writer *w, const struct subject *s)
{
	const char *entity;

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (strcmp(views[i].kind, s->kind) == 0)
			write_entity(w, &views[i], s->entity);
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		for (unsigned n = 0; (entity = w->ctx->host->each(w->ctx, views[i].kind, n)); n++)
			if (strcmp(views[i].kind, s->kind) != 0 || strcmp(entity, s->entity) != 0)
				write_entity(w, &views[i], entity);
}

unsigned evidence_write(struct anod_ctx *ctx, const struct subject *s, char buf[EVIDENCE_SIZE])
{
	struct writer w = { .ctx = ctx };

	json_init(&w.out, buf, EVIDENCE_SIZE - TAIL_ROOM);
	json_open(&w.out, NULL, '{');
	json_open(&w.out, "finding", '{');
	json_text(&w.out, "code", s->code);
	json_text(&w.out, "kind", s->kind);
	json_text(&w.out, "entity", s->entity);
	json_number(&w.out, "confidence", s->confidence);
	json_number(&w.out, "rivals", (double) s->rivals);
	json_bool(&w.out, "no_cure", s->no_cure);
	json_value(&w.out, "summary", &s->summary);
	json_close(&w.out, '}');
	json_open(&w.out, "facts", '[');
	write_facts(&w, s);
	w.out.size = EVIDENCE_SIZE;
	json_close(&w.out, ']');
	json_number(&w.out, "left_out", w.left_out);
	json_close(&w.out, '}');
	return w.n;
}

static bool read_text(struct anod_ctx *ctx, const char *finding, const char *attr,
		      char ret[ANOD_TEXT_SIZE])
{
	struct anod_value v;

	if (ctx->host->get(ctx, "finding", finding, attr, &v, NULL) < 0 || v.type != ANOD_TEXT ||
	    !v.u.text[0])
		return false;
	memcpy(ret, v.u.text, ANOD_TEXT_SIZE);
	return true;
}

bool subject_read(struct anod_ctx *ctx, const char *finding, struct subject *ret)
{
	const struct anod_host *h = ctx->host;
	struct anod_value v;

	memset(ret, 0, sizeof(*ret));
	ret->id = strtoull(finding, NULL, 10);
	if (!ret->id || !read_text(ctx, finding, "code", ret->code) ||
	    !read_text(ctx, finding, "kind", ret->kind) ||
	    !read_text(ctx, finding, "entity", ret->entity))
		return false;
	if (h->get(ctx, "finding", finding, "rivals", &v, NULL) < 0 || v.type != ANOD_INT)
		return false;
	ret->rivals = v.u.i;
	if (h->get(ctx, "finding", finding, "no_cure", &v, NULL) < 0 || v.type != ANOD_BOOL)
		return false;
	ret->no_cure = v.u.i != 0;
	if (h->get(ctx, "finding", finding, "confidence", &v, NULL) == 0 && v.type == ANOD_REAL)
		ret->confidence = v.u.r;
	if (h->get(ctx, "finding", finding, "incident", &v, NULL) == 0 && v.type == ANOD_INT)
		ret->incident = v.u.i;
	if (h->get(ctx, "finding", finding, "summary", &v, NULL) == 0 && v.type == ANOD_TEXT)
		ret->summary = v;
	return true;
}
