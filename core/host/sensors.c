/*
 * sensors - the host table as a sensor sees it, and the life of sensors.
 *
 * Design.  A sensor publishes through handles that it resolved once: the id of an attribute of
 * its own manifest and the handle of an entity.  What a fact id may name is checked when it is
 * resolved, so publish() and put() are one bounds check and one store call.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/host.h"
#include "host/observe.h"
#include "host/reflexes.h"

static struct host *host_of(struct anod_ctx *ctx)
{
	return instance_of(ctx)->owner;
}

/* ---- the host table ----------------------------------------------------------------------- */

static bool declares(const struct instance *i, const char *kind)
{
	for (const struct anod_kind *k = i->plugin->kinds; k && k->name; k++)
		if (strcmp(k->name, kind) == 0)
			return true;
	return false;
}

/* A manifest that declares an attribute of this kind as another's would have been refused. */
static bool shares(const struct instance *i, const struct schema_attr *a)
{
	return (a->flags & ANOD_ATTR_SHARED) && declares(i, a->kind_name);
}

static int sensor_fact_id(struct anod_ctx *ctx, const char *kind_attr)
{
	struct instance *i = instance_of(ctx);
	const char *dot = strchr(kind_attr, '.');
	const struct schema_attr *a;
	char kind[ANOD_KIND_SIZE];

	if (!dot || (size_t) (dot - kind_attr) >= sizeof(kind))
		return -EINVAL;

	memcpy(kind, kind_attr, (size_t) (dot - kind_attr));
	kind[dot - kind_attr] = '\0';
	a = schema_attr(store_schema(i->store), kind, dot + 1);
	if (!a)
		return -ENOENT;
	if (strcmp(a->source, i->plugin->name) != 0 && !shares(i, a)) {
		i->n_refused++;
		return -EPERM;
	}
	return a->id;
}

static int sensor_entity(struct anod_ctx *ctx, const char *kind, const char *name, uint32_t *ret)
{
	struct instance *i = instance_of(ctx);
	uint16_t k = schema_kind_id(store_schema(i->store), kind);

	if (!k || !declares(i, kind))
		return k ? -EPERM : -ENOENT;
	if (!name[0] || strlen(name) >= ANOD_NAME_SIZE)
		return -EINVAL;
	return store_entity(i->store, k, name, instance_now(ctx), ret);
}

static int sensor_gone(struct anod_ctx *ctx, uint32_t entity)
{
	return store_remove(instance_of(ctx)->store, entity, instance_now(ctx));
}

static int sensor_publish(struct anod_ctx *ctx, uint32_t entity, int id, const struct anod_value *v)
{
	struct instance *i = instance_of(ctx);
	const struct schema_attr *a;

	if (id <= 0 || id > UINT16_MAX)
		return -EINVAL;

	a = schema_attr_by_id(store_schema(i->store), (uint16_t) id);
	if (!a)
		return -ENOENT;
	if (store_entity_kind(i->store, entity) != a->kind)
		return -EINVAL;
	return store_publish(i->store, entity, a->slot, v, instance_now(ctx));
}

/* What put() may write.  Ids and slots are given in the order of declaration, so two neighbours
 * that are as far apart in the one as in the other have nobody else's between them. */
static int find_run(struct instance *i, int first, unsigned n)
{
	const struct schema *schema = store_schema(i->store);
	const struct schema_attr *a, *last;

	if (first <= 0 || n == 0 || n > 64 || (unsigned) first + n - 1 > UINT16_MAX)
		return -EINVAL;
	a = schema_attr_by_id(schema, (uint16_t) first);
	last = schema_attr_by_id(schema, (uint16_t) (first + (int) n - 1));
	if (!a || !last)
		return -ENOENT;
	if (last->kind != a->kind || last->slot != a->slot + n - 1)
		return -EINVAL;

	i->run.first = first;
	i->run.n = n;
	i->run.kind = a->kind;
	i->run.slot = a->slot;
	return 0;
}

static int sensor_put(struct anod_ctx *ctx, uint32_t entity, int first, unsigned n,
		      const int64_t *raw, uint64_t known)
{
	struct instance *i = instance_of(ctx);

	if (first != i->run.first || n != i->run.n) {
		int r = find_run(i, first, n);

		if (r < 0)
			return r;
	}
	return store_put_kind(i->store, i->run.kind, entity, i->run.slot, n, raw, known,
			      instance_now(ctx));
}

static int sensor_health(struct anod_ctx *ctx, enum anod_health what, uint64_t n)
{
	return truth_health(host_of(ctx), instance_of(ctx), what, n);
}

static void count(struct host *h, const char *attr, uint64_t n)
{
	const struct schema_attr *a = schema_attr(h->schema, "host", attr);
	struct anod_value v = { .type = ANOD_INT, .u.i = (int64_t) n };

	if (a && h->host_entity)
		(void) store_publish(h->store, h->host_entity, a->slot, &v, host_now(h));
}

static int sensor_sync(struct anod_ctx *ctx, const char *kind, enum anod_sync what)
{
	struct instance *i = instance_of(ctx);
	struct host *h = i->owner;
	uint16_t k = schema_kind_id(h->schema, kind);

	if (!k || !declares(i, kind))
		return -ENOENT;

	if (what == ANOD_SYNC_LOST)
		count(h, "lost_events", ++h->n_lost);
	if (what == ANOD_SYNC_DONE)
		count(h, "resyncs", ++h->n_resyncs);
	truth_sync(h, i, what);
	return store_sync(h->store, i->plugin->name, k, what, instance_now(ctx));
}

static int sensor_object(struct anod_ctx *ctx, const struct anod_object *o, int gone)
{
	struct host *h = host_of(ctx);
	int r;

	if (o->type == 0 || o->type >= ANOD_OBJ_TYPES)
		return -EINVAL;
	r = gone ? model_del(h->model, o) : model_put(h->model, o);
	reflexes_object(h, o, gone);
	return r;
}

static int sensor_object_sync(struct anod_ctx *ctx, enum anod_obj_type type, enum anod_sync what)
{
	struct host *h = host_of(ctx);
	int r = model_sync(h->model, type, what);

	reflexes_sync(h);
	return r;
}

static uint64_t sensor_pace(struct anod_ctx *ctx, uint64_t wanted_us, uint64_t held_us)
{
	struct meter *m = instance_of(ctx)->meter;

	return m ? meter_pace(m, instance_now(ctx), wanted_us, held_us) : wanted_us;
}

static int no_watch(struct anod_ctx *ctx, const char *expr, anod_watch_fn *fn, void *data,
		    uint64_t *ret_id)
{
	(void) ctx, (void) expr, (void) fn, (void) data, (void) ret_id;
	return -EPERM;
}

static int no_find(struct anod_ctx *ctx, const struct anod_finding *f, uint64_t *ret_id)
{
	(void) ctx, (void) f, (void) ret_id;
	return -EPERM;
}

static int no_clear(struct anod_ctx *ctx, uint64_t id, const char *why)
{
	(void) ctx, (void) id, (void) why;
	return -EPERM;
}

static int no_propose(struct anod_ctx *ctx, const struct anod_proposal *p, anod_verdict_fn *fn,
		      void *data, uint64_t *ret_id)
{
	(void) ctx, (void) p, (void) fn, (void) data, (void) ret_id;
	return -EPERM;
}

static int no_infer(struct anod_ctx *ctx, const struct anod_question *q, anod_answer_fn *fn,
		    void *data, uint64_t *ret_id)
{
	(void) ctx, (void) q, (void) fn, (void) data, (void) ret_id;
	return -EPERM;
}

static int no_sense(struct anod_ctx *ctx, const struct anod_action *a, uint64_t *ret_id)
{
	(void) ctx, (void) a, (void) ret_id;
	return -EPERM;
}

static const struct anod_host sensor_table = {
	.size = sizeof(sensor_table),
	.log = instance_log,
	.alloc = instance_alloc,
	.now_us = instance_now,
	.opt = instance_opt,
	.timer = instance_timer,
	.cancel = instance_cancel,
	.io = instance_io,
	.fact_id = sensor_fact_id,
	.entity = sensor_entity,
	.entity_gone = sensor_gone,
	.publish = sensor_publish,
	.sync = sensor_sync,
	.object = sensor_object,
	.object_sync = sensor_object_sync,
	.get = instance_get,
	.each = instance_each,
	.watch = no_watch,
	.find = no_find,
	.clear = no_clear,
	.propose = no_propose,
	.infer = no_infer,
	.sense = no_sense,
	.put = sensor_put,
	.health = sensor_health,
	.pace = sensor_pace,
};

/* ---- life --------------------------------------------------------------------------------- */

int sensors_declare(struct host *h)
{
	const char *why = "";

	for (unsigned i = 0; i < h->plugins->n; i++) {
		const struct anod_plugin *p = h->plugins->item[i].desc;
		int r;

		if (!(p->roles & ANOD_SENSOR))
			continue;
		r = schema_declare(h->schema, p->name, p->kinds, &why);
		if (r < 0) {
			log_error("sensor %s: %s: %s", p->name, why, strerror(-r));
			return r;
		}
	}
	return 0;
}

static const struct config_block *block_of(const struct host *h, const char *sensor)
{
	for (unsigned i = 0; i < h->config->n_sensors; i++)
		if (strcmp(h->config->sensor[i].plugin, sensor) == 0)
			return &h->config->sensor[i];
	return NULL;
}

static int add_options(struct instance *i, const struct config_block *b)
{
	for (unsigned k = 0; b && k < b->n_options; k++) {
		for (unsigned n = 0; n < b->option[k].n_values; n++) {
			int r = instance_add_option(i, b->option[k].name, &b->option[k].value[n]);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* A text as it would be written: one that is no word stands in quotes. */
static void unquote(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);

	(void) copy_text(to, size, from[0] == '"' ? from + 1 : from);
	if (from[0] == '"' && n > 1 && n - 2 < size)
		to[n - 2] = '\0';
}

/* A sensor without a block runs with its manifest's defaults. */
static int add_defaults(struct instance *i)
{
	for (const struct anod_opt *o = i->plugin->opts; o && o->name; o++) {
		struct anod_value v;
		int r;

		if (!o->dflt)
			continue;
		r = lex_value(o->dflt, &v);
		if (r < 0 || o->type == ANOD_TEXT) {
			v = (struct anod_value){ .type = ANOD_TEXT };
			unquote(v.u.text, sizeof(v.u.text), o->dflt);
		}
		r = instance_add_option(i, o->name, &v);
		if (r < 0)
			return r;
	}
	return 0;
}

int sensors_start(struct host *h)
{
	h->n_sensors_failed = 0;
	h->sensor = calloc(h->plugins->n + 1, sizeof(struct instance *));
	h->sensor_failed = calloc(h->plugins->n + 1, sizeof(*h->sensor_failed));
	if (!h->sensor || !h->sensor_failed)
		return -ENOMEM;

	for (unsigned i = 0; i < h->plugins->n; i++) {
		const struct anod_plugin *p = h->plugins->item[i].desc;
		const struct config_block *b;
		struct instance *s;
		int r;

		if (!(p->roles & ANOD_SENSOR))
			continue;
		b = block_of(h, p->name);
		s = instance_new(p, p->name, &sensor_table, h->loop, h->store, h);
		if (!s)
			return -ENOMEM;
		s->number = h->n_sensors;
		s->meter = observe_meter(h, s);
		r = b ? add_options(s, b) : add_defaults(s);
		if (r >= 0)
			r = instance_start(s);
		if (r == -ENOMEM) {
			instance_free(s);
			return r;
		}
		if (r < 0) { /* instance_start() has told: its facts stay unknown */
			instance_free(s);
			h->sensor_failed[h->n_sensors_failed++] = p->name;
			continue;
		}
		h->sensor[h->n_sensors++] = s;
	}
	return 0;
}

void sensors_reloaded(struct host *h)
{
	for (unsigned i = 0; i < h->n_sensors; i++)
		if (h->sensor[i]->plugin->reload)
			(void) h->sensor[i]->plugin->reload(&h->sensor[i]->ctx);
}

void sensors_stop(struct host *h)
{
	sensors_unrequest_all(h);
	needs_done(h);
	truth_forget(h);
	while (h->n_sensors)
		instance_free(h->sensor[--h->n_sensors]);
	free(h->sensor);
	free(h->sensor_failed);
	h->sensor = NULL;
	h->sensor_failed = NULL;
}
