/*
 * fake_agent_host - a struct anod_host for tests of plugins.
 *
 * Design.  One table of facts serves both directions: the test writes what an agent reads, a
 * sensor writes what the test reads.  Events are delivered at once, which the contract allows
 * (the plugin is never inside a call of its own then).  Limits are those of the arrays; hitting
 * one aborts, because it is the test that is wrong.
 */
#include "fake_agent_host.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define TIMERS	512
#define IOS	512
#define OPTIONS 64
#define ENTS	256
#define POOL	256

struct fake_fact {
	bool used;
	char kind[ANOD_KIND_SIZE], entity[ANOD_NAME_SIZE], attr[ANOD_KIND_SIZE];
	struct anod_value value;
	uint64_t time_us;
};

struct fake_timer {
	uint64_t id, at_us, every_us;
	anod_timer_fn *fn;
	void *data;
};

struct fake_io {
	uint64_t id;
	int fd;
	uint32_t events;
	anod_io_fn *fn;
	void *data;
};

struct fake_private {
	struct anod_host host;
	struct fake_fact fact[FAKE_FACTS];
	struct fake_timer timer[TIMERS];
	struct fake_io io[IOS];
	struct {
		char name[ANOD_KIND_SIZE * 2];
		struct anod_value value;
	} opt[OPTIONS];
	unsigned n_opts;
	struct {
		char kind[ANOD_KIND_SIZE], name[ANOD_NAME_SIZE];
	} ent[ENTS];
	unsigned n_ents;
	void *pool[POOL];
	unsigned n_pool;
};

static struct fake *fake_of(struct anod_ctx *ctx)
{
	return (struct fake *) ctx;
}

static uint64_t real_now_us(void)
{
	struct timespec ts;

	(void) clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

static void put(char *dst, size_t size, const char *src)
{
	assert(strlen(src) < size);
	memset(dst, 0, size);
	memcpy(dst, src, strlen(src));
}

/* ---- the host table --------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void host_log(struct anod_ctx *ctx, int priority,
							   const char *fmt, ...)
{
	struct fake *f = fake_of(ctx);
	size_t n = strlen(f->log);
	va_list ap;

	if (n + 256 > sizeof(f->log))
		return;
	n += (size_t) snprintf(f->log + n, 8, "<%d> ", priority);
	va_start(ap, fmt);
	(void) vsnprintf(f->log + n, 250, fmt, ap);
	va_end(ap);
	strcat(f->log, "\n");
	if (getenv("FAKE_LOG"))
		fprintf(stderr, "%s", f->log + n);
}

static void *host_alloc(struct anod_ctx *ctx, size_t size)
{
	struct fake_private *p = fake_of(ctx)->priv;

	assert(p->n_pool < POOL);
	return p->pool[p->n_pool++] = calloc(1, size);
}

static uint64_t host_now(struct anod_ctx *ctx)
{
	struct fake *f = fake_of(ctx);

	if (f->real_time)
		f->now_us = real_now_us();
	return f->now_us;
}

static int host_opt(struct anod_ctx *ctx, const char *name, unsigned n, struct anod_value *ret)
{
	struct fake_private *p = fake_of(ctx)->priv;

	for (unsigned i = 0; i < p->n_opts; i++)
		if (!strcmp(p->opt[i].name, name) && n-- == 0) {
			*ret = p->opt[i].value;
			return 0;
		}
	return -ENOENT;
}

static int host_timer(struct anod_ctx *ctx, uint64_t first_us, uint64_t every_us, anod_timer_fn *fn,
		      void *data, uint64_t *ret_id)
{
	struct fake *f = fake_of(ctx);
	uint64_t now = host_now(ctx);

	f->n_timers_set++;
	for (unsigned i = 0; i < TIMERS; i++)
		if (!f->priv->timer[i].id) {
			f->priv->timer[i] = (struct fake_timer){ ++f->next_id, now + first_us,
								 every_us, fn, data };
			*ret_id = f->next_id;
			return 0;
		}
	abort();
}

static int host_cancel(struct anod_ctx *ctx, uint64_t id)
{
	struct fake *f = fake_of(ctx);

	assert(id);
	for (unsigned i = 0; i < TIMERS; i++)
		if (f->priv->timer[i].id == id)
			return memset(&f->priv->timer[i], 0, sizeof(struct fake_timer)), 0;
	for (unsigned i = 0; i < IOS; i++)
		if (f->priv->io[i].id == id)
			return memset(&f->priv->io[i], 0, sizeof(struct fake_io)), 0;
	for (unsigned i = 0; i < f->n_proposals; i++)
		if (f->proposal[i].id == id)
			return f->proposal[i].cancelled = true, 0;
	for (unsigned i = 0; i < f->n_questions; i++)
		if (f->question[i].id == id)
			return f->question[i].cancelled = true, 0;
	for (unsigned i = 0; i < f->n_senses; i++)
		if (f->sense[i].id == id)
			return f->sense[i].cancelled = true, 0;
	return -ENOENT;
}

static int host_io(struct anod_ctx *ctx, int fd, uint32_t events, anod_io_fn *fn, void *data,
		   uint64_t *ret_id)
{
	struct fake *f = fake_of(ctx);

	for (unsigned i = 0; i < IOS; i++)
		if (!f->priv->io[i].id) {
			f->priv->io[i] = (struct fake_io){ ++f->next_id, fd, events, fn, data };
			*ret_id = f->next_id;
			return 0;
		}
	return -ENOSPC;
}

/* Handle: index of the attribute in the manifest, counted over all kinds, from 1. */
static int host_fact_id(struct anod_ctx *ctx, const char *kind_attr)
{
	int n = 0;

	for (const struct anod_kind *k = fake_of(ctx)->plugin->kinds; k && k->name; k++)
		for (const struct anod_attr *a = k->attrs; a->name; a++) {
			size_t len = strlen(k->name);

			n++;
			if (!strncmp(kind_attr, k->name, len) && kind_attr[len] == '.' &&
			    !strcmp(kind_attr + len + 1, a->name))
				return n;
		}
	return -ENOENT;
}

static const struct anod_attr *attr_of(const struct anod_plugin *p, int id, const char **ret_kind)
{
	for (const struct anod_kind *k = p->kinds; k && k->name; k++)
		for (const struct anod_attr *a = k->attrs; a->name; a++)
			if (--id == 0)
				return *ret_kind = k->name, a;
	abort();
}

static int host_entity(struct anod_ctx *ctx, const char *kind, const char *name, uint32_t *ret)
{
	struct fake_private *p = fake_of(ctx)->priv;

	for (unsigned i = 0; i < p->n_ents; i++)
		if (!strcmp(p->ent[i].kind, kind) && !strcmp(p->ent[i].name, name))
			return *ret = i + 1, 0;
	assert(p->n_ents < ENTS);
	put(p->ent[p->n_ents].kind, ANOD_KIND_SIZE, kind);
	put(p->ent[p->n_ents].name, ANOD_NAME_SIZE, name);
	return *ret = ++p->n_ents, 0;
}

static struct fake_fact *fact_find(struct fake *f, const char *kind, const char *entity,
				   const char *attr)
{
	for (unsigned i = 0; i < FAKE_FACTS; i++) {
		struct fake_fact *x = &f->priv->fact[i];

		if (x->used && !strcmp(x->kind, kind) && !strcmp(x->entity, entity) &&
		    (!attr || !strcmp(x->attr, attr)))
			return x;
	}
	return NULL;
}

/* True when the manifest of the agent reads it. */
static bool reads(const struct anod_plugin *p, const char *kind, const char *attr)
{
	char name[ANOD_KIND_SIZE * 2 + 1];

	(void) snprintf(name, sizeof(name), "%s.%s", kind, attr ? attr : "*");
	for (const char *const *r = p->reads; r && *r; r++)
		if (!fnmatch(*r, name, 0) ||
		    (!attr && !strncmp(*r, kind, strlen(kind)) && (*r)[strlen(kind)] == '.'))
			return true;
	return false;
}

static void tell(struct fake *f, const char *kind, const char *entity, const char *attr,
		 const struct anod_value *v)
{
	struct anod_event e = { kind, entity, attr, v, ++f->seq, host_now(&f->ctx) };

	if (f->started && f->plugin->event && reads(f->plugin, kind, attr))
		(void) f->plugin->event(&f->ctx, &e);
}

static void fact_put(struct fake *f, const char *kind, const char *entity, const char *attr,
		     const struct anod_value *v)
{
	struct fake_fact *x = fact_find(f, kind, entity, attr);

	for (unsigned i = 0; !x && i < FAKE_FACTS; i++)
		if (!f->priv->fact[i].used)
			x = &f->priv->fact[i];
	assert(x);
	x->used = true;
	put(x->kind, sizeof(x->kind), kind);
	put(x->entity, sizeof(x->entity), entity);
	put(x->attr, sizeof(x->attr), attr);
	x->value = *v;
	x->time_us = host_now(&f->ctx);
	tell(f, kind, entity, attr, v);
}

static int host_publish(struct anod_ctx *ctx, uint32_t entity, int fact_id,
			const struct anod_value *value)
{
	struct fake *f = fake_of(ctx);
	static const struct anod_value unknown;
	const char *kind;
	const struct anod_attr *a = attr_of(f->plugin, fact_id, &kind);

	assert(entity && entity <= f->priv->n_ents);
	assert(!strcmp(kind, f->priv->ent[entity - 1].kind));
	assert(!value || (value->type == a->type && value->unit == a->unit));
	fact_put(f, kind, f->priv->ent[entity - 1].name, a->name, value ? value : &unknown);
	return 0;
}

static int host_entity_gone(struct anod_ctx *ctx, uint32_t entity)
{
	struct fake *f = fake_of(ctx);

	assert(entity && entity <= f->priv->n_ents);
	fake_gone(f, f->priv->ent[entity - 1].kind, f->priv->ent[entity - 1].name);
	return 0;
}

static int host_sync(struct anod_ctx *ctx, const char *kind, enum anod_sync s)
{
	(void) ctx;
	(void) kind;
	(void) s;
	return 0;
}

static int host_get(struct anod_ctx *ctx, const char *kind, const char *entity, const char *attr,
		    struct anod_value *ret, uint64_t *ret_age_us)
{
	struct fake *f = fake_of(ctx);
	const struct fake_fact *x = fact_find(f, kind, entity, attr);

	if (!fact_find(f, kind, entity, NULL))
		return -ENOENT;
	*ret = x ? x->value : (struct anod_value){ 0 };
	if (ret_age_us)
		*ret_age_us = x ? host_now(ctx) - x->time_us : 0;
	return 0;
}

static const char *host_each(struct anod_ctx *ctx, const char *kind, unsigned n)
{
	struct fake *f = fake_of(ctx);
	const char *last = "";

	for (;; n--) { /* the smallest name behind 'last', n times */
		const char *best = NULL;

		for (unsigned i = 0; i < FAKE_FACTS; i++) {
			const struct fake_fact *x = &f->priv->fact[i];

			if (x->used && !strcmp(x->kind, kind) && strcmp(x->entity, last) > 0 &&
			    (!best || strcmp(x->entity, best) < 0))
				best = x->entity;
		}
		if (!best || n == 0)
			return best;
		last = best;
	}
}

static int host_watch(struct anod_ctx *ctx, const char *expr, anod_watch_fn *fn, void *data,
		      uint64_t *ret_id)
{
	struct fake *f = fake_of(ctx);

	put(f->watch.expr, sizeof(f->watch.expr), expr);
	f->watch.fn = fn;
	f->watch.data = data;
	*ret_id = f->watch.id = ++f->next_id;
	assert(f->n_watches < FAKE_WATCHES);
	f->watches[f->n_watches++] = f->watch;
	return 0;
}

static int host_find(struct anod_ctx *ctx, const struct anod_finding *x, uint64_t *ret_id)
{
	struct fake *f = fake_of(ctx);
	struct fake_finding *o = NULL;

	assert(x->size == sizeof(*x) && x->code[0] && x->kind[0] && x->entity[0]);
	assert(x->n_refs <= ANOD_REFS_MAX && x->n_rivals <= ANOD_RIVALS_MAX);
	assert(x->confidence >= 0 && x->confidence <= 1);
	for (unsigned i = 0; i < f->n_findings; i++)
		if (f->finding[i].open && !strcmp(f->finding[i].f.code, x->code) &&
		    !strcmp(f->finding[i].f.entity, x->entity))
			o = &f->finding[i];
	if (!o) {
		assert(f->n_findings < FAKE_RECORDS);
		o = &f->finding[f->n_findings++];
		o->id = ++f->next_id;
		o->open = true;
	}
	o->f = *x;
	o->updates++;
	*ret_id = o->id;
	return 0;
}

static int host_clear(struct anod_ctx *ctx, uint64_t id, const char *why)
{
	struct fake *f = fake_of(ctx);

	for (unsigned i = 0; i < f->n_findings; i++)
		if (f->finding[i].id == id && f->finding[i].open) {
			f->finding[i].open = false;
			(void) snprintf(f->finding[i].why, sizeof(f->finding[i].why), "%s", why);
			return 0;
		}
	return -ENOENT;
}

static bool listed(const char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (!strcmp(*list, word))
			return true;
	return false;
}

static int host_propose(struct anod_ctx *ctx, const struct anod_proposal *p, anod_verdict_fn *fn,
			void *data, uint64_t *ret_id)
{
	struct fake *f = fake_of(ctx);

	assert(p->size == sizeof(*p) && p->n_actions && p->n_actions <= ANOD_ACTIONS_MAX);
	for (unsigned i = 0; i < p->n_actions; i++) {
		assert(p->action[i].size == sizeof(p->action[i]));
		assert(listed(f->plugin->proposes, p->action[i].kind));
	}
	if (f->propose_error)
		return f->propose_error;
	assert(f->n_proposals < FAKE_RECORDS);
	f->proposal[f->n_proposals] = (struct fake_proposal){ ++f->next_id, false, *p, fn, data };
	*ret_id = f->proposal[f->n_proposals++].id;
	return 0;
}

static int host_infer(struct anod_ctx *ctx, const struct anod_question *q, anod_answer_fn *fn,
		      void *data, uint64_t *ret_id)
{
	struct fake *f = fake_of(ctx);
	struct fake_question *x;

	assert(f->plugin->asks && q->size == sizeof(*q) && strlen(q->input) <= 16384);
	if (f->infer_error)
		return f->infer_error;
	assert(f->n_questions < FAKE_RECORDS);
	x = &f->question[f->n_questions++];
	*x = (struct fake_question){ ++f->next_id, .timeout_ms = q->timeout_ms,
				     .max_tokens = q->max_tokens, .fn = fn, .data = data };
	put(x->task, sizeof(x->task), q->task);
	x->input = strdup(q->input);
	while (q->actions && q->actions[x->n_actions])
		assert(listed(f->plugin->proposes, q->actions[x->n_actions++]));
	*ret_id = x->id;
	return 0;
}

static int host_sense(struct anod_ctx *ctx, const struct anod_action *request, uint64_t *ret_id)
{
	struct fake *f = fake_of(ctx);

	assert(request->size == sizeof(*request) && listed(f->plugin->senses, request->kind));
	assert(f->n_senses < FAKE_RECORDS);
	f->sense[f->n_senses] = (struct fake_sense){ ++f->next_id, false, *request };
	*ret_id = f->sense[f->n_senses++].id;
	return 0;
}

static const struct anod_host table = {
	.size = sizeof(struct anod_host),
	.log = host_log,
	.alloc = host_alloc,
	.now_us = host_now,
	.opt = host_opt,
	.timer = host_timer,
	.cancel = host_cancel,
	.io = host_io,
	.fact_id = host_fact_id,
	.entity = host_entity,
	.entity_gone = host_entity_gone,
	.publish = host_publish,
	.sync = host_sync,
	.get = host_get,
	.each = host_each,
	.watch = host_watch,
	.find = host_find,
	.clear = host_clear,
	.propose = host_propose,
	.infer = host_infer,
	.sense = host_sense,
};

/* ---- life ------------------------------------------------------------------------------- */

struct fake *fake_new(const struct anod_plugin *plugin)
{
	struct fake *f = calloc(1, sizeof(*f));

	assert(f && plugin && plugin->size == sizeof(*plugin) && plugin->name);
	f->priv = calloc(1, sizeof(*f->priv));
	assert(f->priv);
	f->plugin = plugin;
	f->now_us = 1000000;
	f->priv->host = table;
	f->ctx.host = &f->priv->host;
	return f;
}

struct fake *fake_load(const char *so_path)
{
	void *so = dlopen(so_path, RTLD_NOW | RTLD_LOCAL);
	const struct anod_plugin *p = so ? dlsym(so, "anod_plugin_v1") : NULL;
	struct fake *f;

	if (!p) {
		fprintf(stderr, "%s: %s\n", so_path, dlerror());
		abort();
	}
	f = fake_new(p);
	f->so = so;
	return f;
}

void fake_free(struct fake *f)
{
	if (!f)
		return;
	if (f->started && f->plugin->stop)
		f->plugin->stop(&f->ctx);
	f->started = false;
	if (f->plugin->fini)
		f->plugin->fini(&f->ctx);
	for (unsigned i = 0; i < f->n_questions; i++)
		free(f->question[i].input);
	for (unsigned i = 0; i < f->priv->n_pool; i++)
		free(f->priv->pool[i]);
	if (f->so)
		(void) dlclose(f->so);
	free(f->priv);
	free(f);
}

/* Defaults of the manifest become values, as the host's configuration does it: numbers with
 * the few units that our own manifests use. */
static bool default_value(const struct anod_opt *o, struct anod_value *ret)
{
	char *end;
	double r = strtod(o->dflt, &end);

	*ret = (struct anod_value){ .type = o->type, .unit = o->unit };
	if (o->type == ANOD_TEXT)
		return put(ret->u.text, sizeof(ret->u.text), o->dflt), true;
	if (o->type == ANOD_BOOL)
		return ret->u.i = !strcmp(o->dflt, "true"), true;
	if (o->unit == ANOD_UNIT_TIME)
		r *= !strcmp(end, "ms") ? 1e3 : !strcmp(end, "s") ? 1e6 : 60e6;
	if (!strcmp(end, "%"))
		r /= 100;
	if (o->type == ANOD_REAL)
		ret->u.r = r;
	else
		ret->u.i = (int64_t) r;
	return true;
}

static void add_defaults(struct fake *f)
{
	struct anod_value v;

	for (const struct anod_opt *o = f->plugin->opts; o && o->name; o++) {
		if (host_opt(&f->ctx, o->name, 0, &v) == 0 || !o->dflt || !default_value(o, &v))
			continue;
		assert(f->priv->n_opts < OPTIONS);
		put(f->priv->opt[f->priv->n_opts].name, ANOD_KIND_SIZE * 2, o->name);
		f->priv->opt[f->priv->n_opts++].value = v;
	}
}

int fake_start(struct fake *f)
{
	int r = 0;

	add_defaults(f);
	if (f->plugin->init)
		r = f->plugin->init(&f->ctx);
	if (r >= 0 && f->plugin->start)
		r = f->plugin->start(&f->ctx);
	f->started = r >= 0;
	return r;
}

static void opt_add(struct fake *f, const char *name, const struct anod_value *v)
{
	const struct anod_opt *o = f->plugin->opts;

	while (o && o->name && strcmp(o->name, name))
		o++;
	assert(o && o->name && o->type == v->type); /* the manifest declares it so */
	assert(f->priv->n_opts < OPTIONS);
	put(f->priv->opt[f->priv->n_opts].name, ANOD_KIND_SIZE * 2, name);
	f->priv->opt[f->priv->n_opts].value = *v;
	f->priv->opt[f->priv->n_opts++].value.unit = o->unit;
}

void fake_opt_text(struct fake *f, const char *name, const char *text)
{
	struct anod_value v = { .type = ANOD_TEXT };

	put(v.u.text, sizeof(v.u.text), text);
	opt_add(f, name, &v);
}

void fake_opt_int(struct fake *f, const char *name, int64_t i)
{
	opt_add(f, name, &(struct anod_value){ .type = ANOD_INT, .u.i = i });
}

void fake_opt_real(struct fake *f, const char *name, double r)
{
	opt_add(f, name, &(struct anod_value){ .type = ANOD_REAL, .u.r = r });
}

void fake_opt_prefix(struct fake *f, const char *name, const char *address)
{
	struct anod_value v = fake_address(address);

	opt_add(f, name, &v);
}

/* ---- facts ------------------------------------------------------------------------------ */

struct anod_value fake_address(const char *text)
{
	struct anod_value v = { .type = ANOD_PREFIX };
	char buf[64], *slash;

	put(buf, sizeof(buf), text);
	slash = strchr(buf, '/');
	if (slash)
		*slash = 0;
	v.u.prefix.family = strchr(buf, ':') ? AF_INET6 : AF_INET;
	v.u.prefix.len = v.u.prefix.family == AF_INET6 ? 128 : 32;
	if (inet_pton(v.u.prefix.family, buf, v.u.prefix.addr) != 1)
		abort();
	if (slash)
		v.u.prefix.len = (uint8_t) atoi(slash + 1);
	return v;
}

void fake_int(struct fake *f, const char *kind, const char *entity, const char *attr, int64_t i)
{
	fact_put(f, kind, entity, attr, &(struct anod_value){ .type = ANOD_INT, .u.i = i });
}

void fake_bool(struct fake *f, const char *kind, const char *entity, const char *attr, bool b)
{
	fact_put(f, kind, entity, attr, &(struct anod_value){ .type = ANOD_BOOL, .u.i = b });
}

void fake_real(struct fake *f, const char *kind, const char *entity, const char *attr, double r)
{
	fact_put(f, kind, entity, attr, &(struct anod_value){ .type = ANOD_REAL, .u.r = r });
}

void fake_text(struct fake *f, const char *kind, const char *entity, const char *attr,
	       const char *text)
{
	struct anod_value v = { .type = ANOD_TEXT };

	put(v.u.text, sizeof(v.u.text), text);
	fact_put(f, kind, entity, attr, &v);
}

void fake_outside(struct fake *f, const char *kind, const char *entity, const char *attr,
		  const char *text)
{
	struct anod_value v = { .type = ANOD_TEXT, .flags = ANOD_VALUE_OUTSIDE };

	put(v.u.text, sizeof(v.u.text), text);
	fact_put(f, kind, entity, attr, &v);
}

void fake_prefix(struct fake *f, const char *kind, const char *entity, const char *attr,
		 const char *address)
{
	struct anod_value v = fake_address(address);

	fact_put(f, kind, entity, attr, &v);
}

void fake_unknown(struct fake *f, const char *kind, const char *entity, const char *attr)
{
	fact_put(f, kind, entity, attr, &(struct anod_value){ 0 });
}

void fake_gone(struct fake *f, const char *kind, const char *entity)
{
	struct fake_fact *x;

	while ((x = fact_find(f, kind, entity, NULL)))
		x->used = false;
	tell(f, kind, entity, NULL, NULL);
}

struct anod_value fake_get(struct fake *f, const char *kind, const char *entity, const char *attr)
{
	const struct fake_fact *x = fact_find(f, kind, entity, attr);

	return x ? x->value : (struct anod_value){ 0 };
}

/* ---- time ------------------------------------------------------------------------------- */

static struct fake_timer *next_timer(struct fake *f)
{
	struct fake_timer *best = NULL;

	for (unsigned i = 0; i < TIMERS; i++) {
		struct fake_timer *t = &f->priv->timer[i];

		if (t->id && (!best || t->at_us < best->at_us))
			best = t;
	}
	return best;
}

static void fire(struct fake *f, struct fake_timer *t)
{
	struct fake_timer due = *t;

	if (due.every_us)
		t->at_us += due.every_us;
	else
		memset(t, 0, sizeof(*t));
	due.fn(&f->ctx, due.id, due.data);
}

void fake_advance(struct fake *f, uint64_t us)
{
	uint64_t end = f->now_us + us;
	struct fake_timer *t;

	assert(!f->real_time);
	while ((t = next_timer(f)) && t->at_us <= end) {
		if (t->at_us > f->now_us)
			f->now_us = t->at_us;
		fire(f, t);
	}
	f->now_us = end;
}

static void poll_once(struct fake *f, int wait_ms)
{
	struct pollfd p[IOS];
	uint64_t id[IOS];
	nfds_t n = 0;

	for (unsigned i = 0; i < IOS; i++) {
		const struct fake_io *io = &f->priv->io[i];

		if (!io->id)
			continue;
		id[n] = io->id;
		p[n++] = (struct pollfd){ io->fd, (short) io->events, 0 };
	}
	if (poll(p, n, wait_ms) <= 0)
		return;
	for (nfds_t k = 0; k < n; k++)
		for (unsigned i = 0; p[k].revents && i < IOS; i++)
			if (f->priv->io[i].id == id[k]) { /* not cancelled meanwhile */
				f->priv->io[i].fn(&f->ctx, p[k].fd, (uint32_t) p[k].revents,
						  f->priv->io[i].data);
				break;
			}
}

bool fake_run(struct fake *f, bool (*done)(struct fake *), uint64_t limit_us)
{
	uint64_t end = real_now_us() + limit_us;

	assert(f->real_time);
	while (!done(f)) {
		struct fake_timer *t = next_timer(f);
		uint64_t now = host_now(&f->ctx);

		if (now > end)
			return false;
		if (t && t->at_us <= now)
			fire(f, t);
		else
			poll_once(f, t && t->at_us - now < 10000
					     ? (int) ((t->at_us - now + 999) / 1000)
					     : 10);
	}
	return true;
}

/* ---- answers ---------------------------------------------------------------------------- */

void fake_verdict(struct fake *f, unsigned proposal, enum anod_verdict v, const char *why)
{
	struct fake_proposal *p = &f->proposal[proposal];

	assert(proposal < f->n_proposals && !p->cancelled);
	p->fn(&f->ctx, p->id, v, v == ANOD_FAILED ? -EIO : 0, why, p->data);
}

void fake_answer(struct fake *f, unsigned question, const struct anod_answer *a)
{
	struct fake_question *q = &f->question[question];

	assert(question < f->n_questions && !q->cancelled && !q->answered);
	q->answered = true;
	q->fn(&f->ctx, q->id, a, q->data);
}

int fake_ask_sensor(struct fake *f, const struct anod_action *request, bool on)
{
	return f->plugin->sense(&f->ctx, request, on);
}

const struct fake_finding *fake_open(struct fake *f, const char *code, const char *entity)
{
	for (unsigned i = 0; i < f->n_findings; i++)
		if (f->finding[i].open && !strcmp(f->finding[i].f.code, code) &&
		    !strcmp(f->finding[i].f.entity, entity))
			return &f->finding[i];
	return NULL;
}

unsigned fake_n_open(struct fake *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->n_findings; i++)
		n += f->finding[i].open;
	return n;
}

const struct anod_value *fake_arg(const struct anod_action *a, const char *name)
{
	for (unsigned i = 0; i < a->n_args; i++)
		if (!strcmp(a->arg[i].name, name))
			return &a->arg[i].value;
	return NULL;
}

bool fake_arg_is(const struct anod_action *a, const char *name, const char *text)
{
	const struct anod_value *v = fake_arg(a, name);
	struct anod_value want;

	if (!v)
		return false;
	if (v->type == ANOD_TEXT)
		return !strcmp(v->u.text, text);
	want = fake_address(text);
	return v->type == ANOD_PREFIX &&
	       !memcmp(&v->u.prefix, &want.u.prefix, sizeof(want.u.prefix));
}
