/*
 * cell_api - the host table as an agent sees it.
 *
 * Design.  Every call that leaves the cell is checked here against the manifest, so that an
 * honest agent learns at once what it may not do, and again in the host, because a dishonest one
 * may write to the channel itself.  Ids are the cell's own: the host keeps the pair (agent, id).
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/cell_int.h"
#include "host/cell_watches.h"

static struct cell *cell_of(struct anod_ctx *ctx)
{
	return instance_of(ctx)->owner;
}

/* ---- findings --------------------------------------------------------------------------- */

static struct open_finding *finding_slot(struct cell *c, unsigned agent,
					 const struct anod_finding *f)
{
	for (unsigned i = 0; i < c->n_findings; i++) {
		struct open_finding *o = &c->finding[i];

		if (o->agent == agent && strcmp(o->code, f->code) == 0 &&
		    strcmp(o->kind, f->kind) == 0 && strcmp(o->entity, f->entity) == 0)
			return o;
	}
	return NULL;
}

static int api_find(struct anod_ctx *ctx, const struct anod_finding *f, uint64_t *ret_id)
{
	struct instance *i = instance_of(ctx);
	struct cell *c = cell_of(ctx);
	struct open_finding *o = finding_slot(c, i->number, f);
	struct cell_find m = {
		.head = { .type = CELL_FIND },
		.agent = i->number,
		.finding = *f,
	};

	if (!f->code[0] || !f->kind[0] || f->n_refs > ANOD_REFS_MAX ||
	    f->n_rivals > ANOD_RIVALS_MAX || !(f->confidence >= 0 && f->confidence <= 1))
		return -EINVAL;

	if (!o) {
		if (c->n_findings == CELL_FINDINGS_MAX)
			return -ENOSPC;
		o = &c->finding[c->n_findings++];
		*o = (struct open_finding){ .id = ++c->last_id, .agent = i->number };
		copy_text(o->code, sizeof(o->code), f->code);
		copy_text(o->kind, sizeof(o->kind), f->kind);
		copy_text(o->entity, sizeof(o->entity), f->entity);
	}
	m.head.id = o->id;
	if (ret_id)
		*ret_id = o->id;
	return cell_send(c, &m.head, sizeof(m));
}

static int api_clear(struct anod_ctx *ctx, uint64_t finding, const char *why)
{
	struct cell *c = cell_of(ctx);
	struct cell_note m = {
		.head = { .type = CELL_CLEAR, .id = finding },
		.agent = instance_of(ctx)->number,
	};

	for (unsigned i = 0; i < c->n_findings; i++) {
		if (c->finding[i].id != finding || c->finding[i].agent != m.agent)
			continue;
		c->finding[i] = c->finding[--c->n_findings];
		copy_text(m.text, sizeof(m.text), why ? why : "");
		return cell_send(c, &m.head, sizeof(m));
	}
	return -ENOENT;
}

/* ---- proposals and questions ------------------------------------------------------------- */

static bool may_propose(const struct instance *i, const struct anod_proposal *p)
{
	for (uint32_t k = 0; k < p->n_actions; k++)
		if (!manifest_lists(i->plugin->proposes, p->action[k].kind))
			return false;
	return true;
}

/* The agent no longer wants it: worth a word to the host while nothing has been applied. */
static void propose_cancel(struct handle *h)
{
	struct cell_note m = {
		.head = { .type = CELL_WITHDRAW, .id = h->id },
		.agent = h->inst->number,
	};

	(void) cell_send(h->inst->owner, &m.head, sizeof(m));
}

static int api_propose(struct anod_ctx *ctx, const struct anod_proposal *p, anod_verdict_fn *fn,
		       void *data, uint64_t *ret_id)
{
	struct instance *i = instance_of(ctx);
	struct cell *c = cell_of(ctx);
	struct cell_propose m = {
		.head = { .type = CELL_PROPOSE },
		.agent = i->number,
		.proposal = *p,
	};
	struct handle *h;
	int r;

	if (p->n_actions == 0 || p->n_actions > ANOD_ACTIONS_MAX)
		return -EINVAL;
	if (!may_propose(i, p)) {
		i->n_refused++;
		return -EPERM;
	}

	h = handle_new(i, propose_cancel, (void *) fn, data);
	if (!h)
		return -ENOSPC;

	m.head.id = h->id;
	r = cell_send(c, &m.head, sizeof(m));
	if (r < 0) {
		h->cancel = NULL;
		handle_free(h);
		return r;
	}
	i->n_proposals++;
	if (ret_id)
		*ret_id = h->id;
	return 0;
}

void cell_on_verdict(struct instance *i, const struct cell_verdict *m)
{
	struct handle *h = handle_find(i, m->head.id);
	anod_verdict_fn *fn;
	void *data;

	if (!h || h->cancel != propose_cancel)
		return;

	fn = (anod_verdict_fn *) h->fn;
	data = h->data;
	if (m->verdict >= ANOD_DENIED) {
		h->cancel = NULL;
		handle_free(h);
	}
	if (fn)
		fn(&i->ctx, m->head.id, (enum anod_verdict) m->verdict, m->error, m->why, data);
}

static int api_infer(struct anod_ctx *ctx, const struct anod_question *q, anod_answer_fn *fn,
		     void *data, uint64_t *ret_id)
{
	struct instance *i = instance_of(ctx);
	struct cell_ask m = {
		.head = { .type = CELL_ASK },
		.agent = i->number,
		.timeout_ms = q->timeout_ms,
		.max_tokens = q->max_tokens,
		.finding = q->size > offsetof(struct anod_question, finding) ? q->finding : 0,
	};
	size_t n = q->input ? strlen(q->input) + 1 : 1;
	struct handle *h;
	int r;

	if (!i->plugin->asks) {
		i->n_refused++;
		return -EPERM;
	}
	if (n > CELL_INPUT_MAX)
		return -E2BIG;

	for (const char *const *k = q->actions; k && *k; k++) {
		if (m.n_kinds == CELL_ASK_KINDS || !manifest_lists(i->plugin->proposes, *k))
			return -EPERM;
		copy_text(m.kind[m.n_kinds++], ANOD_KIND_SIZE, *k);
	}

	h = handle_new(i, NULL, (void *) fn, data);
	if (!h)
		return -ENOSPC;

	m.head.id = h->id;
	m.input_size = (uint32_t) n;
	copy_text(m.task, sizeof(m.task), q->task ? q->task : "");
	memcpy(m.input, q->input ? q->input : "", n);
	r = cell_send(cell_of(ctx), &m.head, offsetof(struct cell_ask, input) + n);
	if (r < 0) {
		handle_free(h);
		return r;
	}
	if (ret_id)
		*ret_id = h->id;
	return 0;
}

void cell_on_answer(struct instance *i, const struct cell_answer *m)
{
	struct handle *h = handle_find(i, m->head.id);
	struct anod_answer a = {
		.size = sizeof(a),
		.error = m->error,
		.why = m->error ? m->why : NULL,
		.cause = m->cause,
		.summary = m->summary,
		.confidence = m->confidence,
		.has_action = m->has_action,
		.tokens_in = m->tokens_in,
		.tokens_out = m->tokens_out,
		.action = m->action,
	};
	anod_answer_fn *fn;
	void *data;

	if (!h)
		return;

	fn = (anod_answer_fn *) h->fn;
	data = h->data;
	handle_free(h);
	if (fn)
		fn(&i->ctx, m->head.id, &a, data);
}

/* ---- sensing ----------------------------------------------------------------------------- */

static void sense_cancel(struct handle *h)
{
	struct cell_note m = {
		.head = { .type = CELL_UNSENSE, .id = h->id },
		.agent = h->inst->number,
	};

	(void) cell_send(h->inst->owner, &m.head, sizeof(m));
}

static int api_sense(struct anod_ctx *ctx, const struct anod_action *request, uint64_t *ret_id)
{
	struct instance *i = instance_of(ctx);
	struct cell_sense m = {
		.head = { .type = CELL_SENSE },
		.agent = i->number,
		.request = *request,
	};
	struct handle *h;
	int r;

	if (!manifest_lists(i->plugin->senses, request->kind)) {
		i->n_refused++;
		return -EPERM;
	}
	h = handle_new(i, sense_cancel, NULL, NULL);
	if (!h)
		return -ENOSPC;

	m.head.id = h->id;
	r = cell_send(cell_of(ctx), &m.head, sizeof(m));
	if (r < 0) {
		h->cancel = NULL;
		handle_free(h);
		return r;
	}
	if (ret_id)
		*ret_id = h->id;
	return 0;
}

/* ---- watches ----------------------------------------------------------------------------- */

static void watch_cancel(struct handle *h)
{
	struct cell_note m = {
		.head = { .type = CELL_UNWATCH, .id = h->id },
		.agent = h->inst->number,
	};

	h->inst->n_watches--;
	(void) cell_send(h->inst->owner, &m.head, sizeof(m));
}

/* Said here, because the host's refusal would not reach the agent. */
static int check_watch(struct instance *i, const struct cell *c, const char *text)
{
	_cleanup_(expr_freep) struct expr *e = NULL;
	char what[2 * ANOD_KIND_SIZE + ANOD_NAME_SIZE];
	int r = watch_parse(i->name, c->schema, text, &e);

	if (r < 0)
		return r;
	if (watch_allowed(e, i->plugin->reads, what, sizeof(what)))
		return 0;
	i->n_refused++;
	log_error("%s: watch '%s': %s is not in the manifest", i->name, text, what);
	return -EPERM;
}

static int api_watch(struct anod_ctx *ctx, const char *expr, anod_watch_fn *fn, void *data,
		     uint64_t *ret_id)
{
	struct instance *i = instance_of(ctx);
	struct cell *c = cell_of(ctx);
	struct cell_watch m = { .head = { .type = CELL_WATCH }, .agent = i->number };
	size_t size = strlen(expr) + 1;
	struct handle *h;
	int r;

	if (size > sizeof(m.text))
		return -E2BIG;
	r = check_watch(i, c, expr);
	if (r < 0)
		return r;
	if (i->n_watches == CELL_WATCHES_MAX)
		return -ENOSPC;
	h = handle_new(i, watch_cancel, (void *) fn, data);
	if (!h)
		return -ENOSPC;

	m.head.id = h->id;
	m.text_size = (uint32_t) size;
	memcpy(m.text, expr, size);
	r = cell_send(c, &m.head, offsetof(struct cell_watch, text) + size);
	if (r < 0) {
		h->cancel = NULL;
		handle_free(h);
		return r;
	}
	i->n_watches++;
	if (ret_id)
		*ret_id = h->id;
	return 0;
}

int cell_on_truths(struct instance *i, const struct cell_truths *m)
{
	size_t at = 0, size = m->head.size - offsetof(struct cell_truths, data);
	struct cell_truth t;
	char entity[ANOD_NAME_SIZE];

	while (at + sizeof(t) <= size) {
		struct handle *h;

		memcpy(&t, m->data + at, sizeof(t));
		at += sizeof(t);
		if (t.name_size >= sizeof(entity) || t.name_size > size - at || t.truth > ANOD_TRUE)
			return -EPROTO;
		memcpy(entity, m->data + at, t.name_size);
		entity[t.name_size] = '\0';
		at += t.name_size;
		h = handle_find(i, t.watch); /* NULL: cancelled since */
		if (h && h->cancel == watch_cancel)
			((anod_watch_fn *) h->fn)(&i->ctx, h->id, entity, (enum anod_tri) t.truth,
						  h->data);
	}
	return at == size ? 0 : -EPROTO;
}

/* ---- what an agent may not ---------------------------------------------------------------- */

static int deny_io(struct anod_ctx *ctx, int fd, uint32_t events, anod_io_fn *fn, void *data,
		   uint64_t *ret_id)
{
	(void) ctx, (void) fd, (void) events, (void) fn, (void) data, (void) ret_id;
	return -EPERM;
}

static int deny_fact_id(struct anod_ctx *ctx, const char *name)
{
	(void) ctx, (void) name;
	return -EPERM;
}

static int deny_entity(struct anod_ctx *ctx, const char *kind, const char *name, uint32_t *ret)
{
	(void) ctx, (void) kind, (void) name, (void) ret;
	return -EPERM;
}

static int deny_gone(struct anod_ctx *ctx, uint32_t entity)
{
	(void) ctx, (void) entity;
	return -EPERM;
}

static int deny_publish(struct anod_ctx *ctx, uint32_t e, int id, const struct anod_value *v)
{
	(void) ctx, (void) e, (void) id, (void) v;
	return -EPERM;
}

static int deny_sync(struct anod_ctx *ctx, const char *kind, enum anod_sync what)
{
	(void) ctx, (void) kind, (void) what;
	return -EPERM;
}

static int deny_object(struct anod_ctx *ctx, const struct anod_object *o, int gone)
{
	(void) ctx, (void) o, (void) gone;
	return -EPERM;
}

static int deny_object_sync(struct anod_ctx *ctx, enum anod_obj_type type, enum anod_sync what)
{
	(void) ctx, (void) type, (void) what;
	return -EPERM;
}

static void api_log(struct anod_ctx *ctx, int priority, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void api_log(struct anod_ctx *ctx, int priority, const char *fmt, ...)
{
	struct cell_note m = {
		.head = { .type = CELL_LOG },
		.agent = instance_of(ctx)->number,
		.error = priority,
	};
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(m.text, sizeof(m.text), fmt, ap);
	va_end(ap);
	(void) cell_send(cell_of(ctx), &m.head, sizeof(m));
}

const struct anod_host cell_table = {
	.size = sizeof(cell_table),
	.log = api_log,
	.alloc = instance_alloc,
	.now_us = instance_now,
	.opt = instance_opt,
	.timer = instance_timer,
	.cancel = instance_cancel,
	.io = deny_io,
	.fact_id = deny_fact_id,
	.entity = deny_entity,
	.entity_gone = deny_gone,
	.publish = deny_publish,
	.sync = deny_sync,
	.object = deny_object,
	.object_sync = deny_object_sync,
	.get = instance_get,
	.each = instance_each,
	.watch = api_watch,
	.find = api_find,
	.clear = api_clear,
	.propose = api_propose,
	.infer = api_infer,
	.sense = api_sense,
};
