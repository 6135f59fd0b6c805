/*
 * declared - see the header.
 *
 * Design.  A small host over the daemon's own parts.  Without Criterion, because the fuzz target
 * includes it as well.
 */
#include "declared.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "base/clock.h"
#include "facts/stats.h"
#include "facts/table.h"
#include "facts/watch.h"
#include "host/cell_watches.h"
#include "host/host.h"
#include "host/policy_cmd.h"
#include "policy/action_text.h"

#define STEP_US	   (100 * US_PER_MS)
#define FACTS_MAX  1024
#define TIMERS_MAX 256

struct item { /* a fact that is renewed */
	char kind[ANOD_KIND_SIZE], entity[ANOD_NAME_SIZE], attr[ANOD_KIND_SIZE];
	struct anod_value v;
	double grow, is;
};

struct timer {
	uint64_t id, due_us, every_us;
	anod_timer_fn *fn;
	void *data;
};

struct watched {
	struct declared *d;
	uint64_t id, inner;
	anod_watch_fn *fn;
	void *data;
	struct expr *e;
};

struct declared_world {
	struct policy_world world; /* plugins, when it opened them */
	bool has_world, dead;
	struct schema *schema;
	struct store *store;
	struct stats *stats;
	struct watches *watches;
	struct config *config;
	const struct anod_plugin *m;
	uint64_t now_us, last_id;
	unsigned n_items, n_timers, n_watched;
	struct item item[FACTS_MAX];
	struct timer timer[TIMERS_MAX];
	struct watched watched[64];
	struct config_option *option;
	unsigned n_options;
	char action[512];
};

#define DIE(...)                                                                                   \
	do {                                                                                       \
		fprintf(stderr, "declared: " __VA_ARGS__);                                         \
		fputc('\n', stderr);                                                               \
		abort();                                                                           \
	} while (0)

static struct declared *of(struct anod_ctx *ctx)
{
	return (struct declared *) ctx;
}

/* ---- the host table ------------------------------------------------------------------------------ */

static void host_log(struct anod_ctx *ctx, int priority, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void host_log(struct anod_ctx *ctx, int priority, const char *fmt, ...)
{
	struct declared *d = of(ctx);
	size_t n = strlen(d->log);
	va_list ap;

	(void) priority;
	va_start(ap, fmt);
	(void) vsnprintf(d->log + n, sizeof(d->log) - n, fmt, ap);
	va_end(ap);
	n = strlen(d->log);
	if (n + 1 < sizeof(d->log))
		memcpy(d->log + n, "\n", 2);
}

static uint64_t now_us(struct anod_ctx *ctx)
{
	return of(ctx)->world->now_us;
}

static int host_opt(struct anod_ctx *ctx, const char *name, unsigned n, struct anod_value *ret)
{
	const struct config_block *b = &of(ctx)->world->config->agent[0];

	for (unsigned i = 0; i < b->n_options; i++)
		if (strcmp(b->option[i].name, name) == 0 && n < b->option[i].n_values) {
			*ret = b->option[i].value[n];
			return 0;
		}
	return -ENOENT;
}

static int host_timer(struct anod_ctx *ctx, uint64_t first_us, uint64_t every_us, anod_timer_fn *fn,
		      void *data, uint64_t *ret_id)
{
	struct declared_world *w = of(ctx)->world;

	if (w->n_timers == TIMERS_MAX)
		return -ENOSPC;
	w->timer[w->n_timers++] =
		(struct timer){ ++w->last_id, w->now_us + first_us, every_us, fn, data };
	if (ret_id)
		*ret_id = w->last_id;
	return 0;
}

static int host_cancel(struct anod_ctx *ctx, uint64_t id)
{
	struct declared *d = of(ctx);
	struct declared_world *w = d->world;

	for (unsigned i = 0; i < w->n_timers; i++)
		if (w->timer[i].id == id) {
			w->timer[i] = w->timer[--w->n_timers];
			return 0;
		}
	for (unsigned i = 0; i < d->n_proposals && i < DECLARED_RECORDS; i++)
		if (d->proposal[i].id == id && !d->proposal[i].ended) {
			d->proposal[i].cancelled = d->proposal[i].ended = true;
			return 0;
		}
	return -ENOENT;
}

static int host_get(struct anod_ctx *ctx, const char *kind, const char *entity, const char *attr,
		    struct anod_value *ret, uint64_t *ret_age_us)
{
	struct declared_world *w = of(ctx)->world;
	const struct schema_attr *a = schema_attr(w->schema, kind, attr);
	uint32_t e = a ? store_find(w->store, a->kind, entity) : 0;
	struct fact f;

	if (!manifest_names(w->m->reads, kind, attr))
		return -EPERM;
	if (!e || store_get(w->store, e, a->slot, w->now_us, &f) < 0)
		return -ENOENT;
	*ret = f.value;
	if (ret_age_us)
		*ret_age_us = w->now_us - f.time_us;
	return 0;
}

static const char *host_each(struct anod_ctx *ctx, const char *kind, unsigned n)
{
	struct declared_world *w = of(ctx)->world;
	uint16_t k = schema_kind_id(w->schema, kind);
	uint32_t e = k ? store_nth(w->store, k, n) : 0;

	return e ? store_entity_name(w->store, e) : NULL;
}

static void on_truth(void *data, uint64_t id, const char *entity, enum anod_tri truth)
{
	struct watched *w = data;

	(void) id;
	w->fn(&w->d->ctx, w->id, entity, truth, w->data);
}

static int host_watch(struct anod_ctx *ctx, const char *text, anod_watch_fn *fn, void *data,
		      uint64_t *ret_id)
{
	struct declared *d = of(ctx);
	struct declared_world *w = d->world;
	struct watched *to = &w->watched[w->n_watched];
	char what[128];
	const char *why = "";
	int r;

	if (w->n_watched == ARRAY_SIZE(w->watched))
		return -ENOSPC;
	*to = (struct watched){ .d = d, .id = ++w->last_id, .fn = fn, .data = data };
	r = watch_parse(NULL, w->schema, text, &to->e);
	if (r < 0)
		DIE("the watch '%s' does not parse", text);
	if (!watch_allowed(to->e, w->m->reads, what, sizeof(what)))
		DIE("the watch '%s' reads %s, which the manifest does not list", text, what);
	r = stats_bind_agent(w->stats, to->e, &why);
	if (r >= 0)
		r = watch_add(w->watches, to->e, on_truth, to, &to->inner);
	if (r < 0) {
		expr_free(to->e);
		return r;
	}
	w->n_watched++;
	*ret_id = to->id;
	return 0;
}

static int host_find(struct anod_ctx *ctx, const struct anod_finding *f, uint64_t *ret_id)
{
	struct declared *d = of(ctx);
	struct declared_finding *to = NULL;

	for (unsigned i = 0; i < d->n_findings && !to; i++)
		if (d->finding[i].open && strcmp(d->finding[i].f.code, f->code) == 0 &&
		    strcmp(d->finding[i].f.entity, f->entity) == 0)
			to = &d->finding[i];
	if (!to && d->n_findings == DECLARED_RECORDS)
		return -ENOSPC;
	if (!to) {
		to = &d->finding[d->n_findings++];
		to->id = ++d->world->last_id;
	}
	to->open = true;
	to->updates++;
	to->f = *f;
	*ret_id = to->id;
	return 0;
}

static int host_clear(struct anod_ctx *ctx, uint64_t id, const char *why)
{
	struct declared *d = of(ctx);

	for (unsigned i = 0; i < d->n_findings; i++)
		if (d->finding[i].id == id && d->finding[i].open) {
			d->finding[i].open = false;
			(void) copy_text(d->finding[i].why, sizeof(d->finding[i].why), why);
			return 0;
		}
	return -ENOENT;
}

static int host_propose(struct anod_ctx *ctx, const struct anod_proposal *p, anod_verdict_fn *fn,
			void *data, uint64_t *ret_id)
{
	struct declared *d = of(ctx);
	struct declared_proposal *to = &d->proposal[d->n_proposals];

	for (uint32_t i = 0; i < p->n_actions; i++)
		if (!manifest_lists(d->world->m->proposes, p->action[i].kind))
			return -EPERM;
	if (d->n_proposals == DECLARED_RECORDS)
		return -ENOSPC;
	d->n_proposals++;
	*to = (struct declared_proposal){
		.id = ++d->world->last_id, .p = *p, .fn = fn, .data = data
	};
	*ret_id = to->id;
	return 0;
}

static int host_sense(struct anod_ctx *ctx, const struct anod_action *request, uint64_t *ret_id)
{
	struct declared *d = of(ctx);

	if (!manifest_lists(d->world->m->senses, request->kind))
		return -EPERM;
	if (d->n_senses == DECLARED_RECORDS)
		return -ENOSPC;
	d->sense[d->n_senses++] = *request;
	*ret_id = ++d->world->last_id;
	return 0;
}

static const struct anod_host table = {
	.size = sizeof(table),
	.log = host_log,
	.now_us = now_us,
	.opt = host_opt,
	.timer = host_timer,
	.cancel = host_cancel,
	.get = host_get,
	.each = host_each,
	.watch = host_watch,
	.find = host_find,
	.clear = host_clear,
	.propose = host_propose,
	.sense = host_sense,
};

/* ---- facts and time -------------------------------------------------------------------------------- */

static void publish(struct declared_world *w, const struct item *i)
{
	const struct schema_attr *a = schema_attr(w->schema, i->kind, i->attr);
	uint32_t e;

	if (!a || store_entity(w->store, a->kind, i->entity, w->now_us, &e) < 0)
		DIE("there is no fact %s.%s", i->kind, i->attr);
	if (store_publish(w->store, e, a->slot, i->v.type == ANOD_UNKNOWN ? NULL : &i->v,
			  w->now_us) < 0)
		DIE("%s.%s.%s cannot have that value", i->kind, i->entity, i->attr);
}

static struct item *item_of(struct declared_world *w, const char *kind, const char *entity,
			    const char *attr)
{
	struct item *i;

	for (i = w->item; i < w->item + w->n_items; i++)
		if (strcmp(i->kind, kind) == 0 && strcmp(i->entity, entity) == 0 &&
		    strcmp(i->attr, attr) == 0)
			return i;
	if (w->n_items == FACTS_MAX)
		DIE("too many facts");
	i = &w->item[w->n_items++];
	*i = (struct item){ 0 };
	(void) copy_text(i->kind, sizeof(i->kind), kind);
	(void) copy_text(i->entity, sizeof(i->entity), entity);
	(void) copy_text(i->attr, sizeof(i->attr), attr);
	return i;
}

static struct anod_value value_of(const struct schema_attr *a, const char *text)
{
	struct anod_value v = value_unknown();

	if (a->type == ANOD_TEXT) {
		v = value_text(text);
	} else if (lex_value(text, &v) < 0) {
		DIE("'%s' is no value for %s.%s", text, a->kind_name, a->name);
	} else if (a->type == ANOD_REAL && v.type == ANOD_INT) {
		v = value_real((double) v.u.i, (enum anod_unit) a->unit);
	}
	if (v.type != a->type)
		DIE("'%s' is of another type than %s.%s", text, a->kind_name, a->name);
	v.unit = a->unit;
	v.flags = a->flags & ANOD_VALUE_OUTSIDE;
	return v;
}

void declared_set(struct declared *d, const char *kind, const char *entity, const char *attr,
		  const char *value)
{
	struct declared_world *w = d->world;
	const struct schema_attr *a = schema_attr(w->schema, kind, attr);
	struct item *i = item_of(w, kind, entity, attr);

	if (!a)
		DIE("there is no fact %s.%s", kind, attr);
	i->grow = 0;
	i->v = value ? value_of(a, value) : value_unknown();
	i->is = i->v.type == ANOD_INT ? (double) i->v.u.i : 0;
	publish(w, i);
}

void declared_grow(struct declared *d, const char *kind, const char *entity, const char *attr,
		   double per_second)
{
	struct item *i = item_of(d->world, kind, entity, attr);
	const struct schema_attr *a = schema_attr(d->world->schema, kind, attr);

	if (!a)
		DIE("there is no fact %s.%s", kind, attr);
	i->grow = per_second;
	i->v = value_int((int64_t) i->is, (enum anod_unit) a->unit);
	publish(d->world, i);
}

void declared_gone(struct declared *d, const char *kind, const char *entity)
{
	struct declared_world *w = d->world;

	for (unsigned i = 0; i < w->n_items;) {
		if (strcmp(w->item[i].kind, kind) == 0 && strcmp(w->item[i].entity, entity) == 0)
			w->item[i] = w->item[--w->n_items];
		else
			i++;
	}
	(void) store_remove(w->store, store_find(w->store, schema_kind_id(w->schema, kind), entity),
			    w->now_us);
	if (w->m->event) {
		const struct anod_event e = { .kind = kind,
					      .entity = entity,
					      .time_us = w->now_us };

		(void) w->m->event(&d->ctx, &e);
	}
}

static void fire_timers(struct declared *d)
{
	struct declared_world *w = d->world;

	for (unsigned i = 0, n = 0; i < w->n_timers && n < 100000; n++) {
		struct timer t = w->timer[i];

		if (t.due_us > w->now_us) {
			i++;
			continue;
		}
		if (t.every_us)
			w->timer[i].due_us += t.every_us;
		else
			w->timer[i] = w->timer[--w->n_timers];
		t.fn(&d->ctx, t.id, t.data);
		i = 0;
	}
}

static void turn(struct declared *d)
{
	struct declared_world *w = d->world;

	(void) store_expire(w->store, w->now_us);
	(void) stats_run(w->stats, w->now_us);
	store_settle(w->store);
	(void) watch_run(w->watches, w->now_us);
	fire_timers(d);
}

void declared_run(struct declared *d, double seconds)
{
	struct declared_world *w = d->world;
	uint64_t end = w->now_us + (uint64_t) (seconds * 1e6);

	turn(d);
	while (w->now_us < end) {
		w->now_us += STEP_US;
		for (unsigned i = 0; i < w->n_items; i++) {
			struct item *it = &w->item[i];

			if (it->v.type == ANOD_UNKNOWN)
				continue;
			it->is += it->grow * STEP_US / 1e6;
			if (it->grow != 0)
				it->v.u.i = (int64_t) it->is;
			publish(w, it);
		}
		turn(d);
	}
}

/* ---- begin and end ----------------------------------------------------------------------------------- */

/* "a=1 b=2" as a block that names the agent. */
static void option_block(const char *name, const char *options, char *buf, size_t size)
{
	size_t n = (size_t) snprintf(buf, size, "\nagent %s { ", name);

	for (const char *c = options; *c && n + 4 < size; c++)
		buf[n++] = *c == '=' ? ' ' : *c;
	(void) snprintf(buf + n, size - n, " }\n");
}

static int no_file(void *data, const char *path, char **ret_text, size_t *ret_size)
{
	(void) data, (void) path, (void) ret_text, (void) ret_size;
	return -ENOENT;
}

static int load(struct declared_world *w, const struct anod_action_desc *const *actions,
		const char *text, const char *options, char *why, size_t size)
{
	static const struct anod_plugin *const none[] = { NULL };
	const struct config_env env = { .schema = w->schema,
					.actions = actions,
					.plugins = none,
					.read_file = no_file,
					.agents = &agent_language };
	struct diag_list diags = { 0 };
	char block[512] = "", name[64] = "";
	char *all = NULL;
	int r;

	if (options && sscanf(strstr(text, "agent ") ?: "", "agent %63s", name) == 1)
		option_block(name, options, block, sizeof(block));
	if (asprintf(&all, "%s%s", text, block) < 0)
		abort();
	r = config_load_text("agent", all, &env, &diags, &w->config);
	free(all);
	*why = '\0';
	for (unsigned i = 0; i < diags.n && !*why; i++)
		if (diags.item[i].level == DIAG_ERROR)
			(void) snprintf(why, size, "%u:%u: %s", diags.item[i].place.line,
					diags.item[i].place.column, diags.item[i].text);
	diag_done(&diags);
	if (r == 0 && (w->config->n_defs != 1 || w->config->n_agents != 1))
		r = -EINVAL;
	return r;
}

struct declared *declared_new(struct schema *schema, const struct anod_action_desc *const *actions,
			      const char *text, const char *options, char *why, size_t size)
{
	struct declared *d = calloc(1, sizeof(*d));
	struct declared_world *w = calloc(1, sizeof(*w));

	if (!d || !w)
		abort();
	d->world = w;
	d->ctx.host = &table;
	w->schema = schema;
	w->now_us = 1000 * US_PER_S;
	if (load(w, actions, text, options, why, size) < 0)
		return declared_free(d);
	w->m = w->config->def[0].manifest;
	w->store = store_new(schema);
	w->stats = stats_new(schema, w->store);
	w->watches = watches_new(w->store);
	agent_attach(&d->ctx, agent_program_of(&w->config->def[0]));
	if (w->m->init(&d->ctx) < 0 || w->m->start(&d->ctx) < 0) {
		(void) snprintf(why, size, "it does not start: %.200s", d->log);
		return declared_free(d);
	}
	return d;
}

struct declared *declared_text(const char *text, const char *options)
{
	struct policy_world world;
	struct declared *d;
	char why[512];

	if (policy_world_open(&world, BUILD_DIR "/plugins", stderr) < 0)
		DIE("the plugins of " BUILD_DIR " cannot be opened");
	d = declared_new(world.schema, world.env.actions, text, options, why, sizeof(why));
	if (!d)
		DIE("%s", why);
	d->world->world = world;
	d->world->has_world = true;
	return d;
}

struct declared *declared_agent(const char *name, const char *options)
{
	char path[512], *text;
	struct declared *d;
	size_t size;

	(void) snprintf(path, sizeof(path), SOURCE_DIR "/agents/%s/%s.agent", name, name);
	if (config_read_file(NULL, path, &text, &size) < 0)
		DIE("%s cannot be read", path);
	d = declared_text(text, options);
	free(text);
	return d;
}

struct declared *declared_free(struct declared *d)
{
	struct declared_world *w = d ? d->world : NULL;

	if (!d)
		return NULL;
	if (w->m) {
		w->m->stop(&d->ctx);
		w->m->fini(&d->ctx);
	}
	for (unsigned i = 0; i < w->n_watched; i++) {
		(void) watch_remove(w->watches, w->watched[i].inner);
		stats_unbind(w->stats, w->watched[i].e);
		expr_free(w->watched[i].e);
	}
	watches_free(w->watches);
	stats_free(w->stats);
	store_free(w->store);
	config_free(w->config);
	schema_free(w->schema);
	w->world.schema = NULL;
	if (w->has_world)
		policy_world_close(&w->world);
	free(w);
	free(d);
	return NULL;
}

/* ---- what it did ----------------------------------------------------------------------------------------- */

const struct anod_plugin *declared_manifest(const struct declared *d)
{
	return d->world->m;
}

const struct anod_finding *declared_finding(struct declared *d, const char *code,
					    const char *entity)
{
	for (unsigned i = 0; i < d->n_findings; i++)
		if (d->finding[i].open && strcmp(d->finding[i].f.code, code) == 0 &&
		    strcmp(d->finding[i].f.entity, entity) == 0)
			return &d->finding[i].f;
	return NULL;
}

unsigned declared_n_open(struct declared *d)
{
	unsigned n = 0;

	for (unsigned i = 0; i < d->n_findings; i++)
		n += d->finding[i].open;
	return n;
}

const char *declared_action(struct declared *d, unsigned n)
{
	char *buf = d->world->action;

	if (n >= d->n_proposals)
		return "";
	return action_format(&d->proposal[n].p.action[0], buf, sizeof(d->world->action));
}

void declared_verdict(struct declared *d, unsigned n, enum anod_verdict v, const char *why)
{
	struct declared_proposal *p = &d->proposal[n];

	if (n >= d->n_proposals || p->ended)
		DIE("there is no open proposal %u", n);
	p->ended = v >= ANOD_DENIED;
	p->fn(&d->ctx, p->id, v, 0, why, p->data);
	fire_timers(d);
}

void declared_commit(struct declared *d, unsigned n)
{
	declared_verdict(d, n, ANOD_APPLIED, "");
	declared_verdict(d, n, ANOD_VERIFIED, "");
	declared_verdict(d, n, ANOD_COMMITTED, "");
}
