/*
 * instance - one running plugin: its options, memory, timers and descriptors.
 *
 * Design.  Ids of handles come from one counter per process and are never reused, so a plugin
 * that cancels twice, or cancels somebody else's handle, gets -ENOENT.  A timer that repeats is
 * re-armed from the time at which it was due, not from the time at which it ran, and skips what
 * it missed: a late loop does not make a storm.  Memory is a list of blocks with a total, so a
 * leak hits the plugin's own limit first.
 */
#include "host/instance.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>

#include <uthash.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/pace.h"

struct memory {
	struct memory *next;
	max_align_t data[];
};

/* Lies behind its struct handle in one block, so that the header needs no uthash. */
struct handle_table {
	struct handle *h;
	uint64_t id;
	UT_hash_handle hh;
};

static uint64_t last_id;

struct instance *instance_of(struct anod_ctx *ctx)
{
	return (struct instance *) ctx;
}

bool manifest_names(const char *const *list, const char *kind, const char *attr)
{
	for (; list && *list; list++) {
		const char *dot = strchr(*list, '.');
		size_t n = dot ? (size_t) (dot - *list) : strlen(*list);

		if (strncmp(*list, kind, n) != 0 || kind[n])
			continue;
		if (!dot || strcmp(dot + 1, "*") == 0 || !attr || strcmp(dot + 1, attr) == 0)
			return true;
	}
	return false;
}

bool manifest_events(const char *const *list, const struct schema_attr *a)
{
	char full[2 * ANOD_KIND_SIZE];

	if (a->max_age_us == 0)
		return manifest_names(list, a->kind_name, a->name);
	(void) snprintf(full, sizeof(full), "%.23s.%.23s", a->kind_name, a->name);
	return manifest_lists(list, full);
}

bool manifest_lists(const char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

struct instance *instance_new(const struct anod_plugin *plugin, const char *name,
			      const struct anod_host *table, sd_event *loop, struct store *store,
			      void *owner)
{
	struct instance *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;

	i->ctx.host = table;
	i->plugin = plugin;
	copy_text(i->name, sizeof(i->name), name);
	i->loop = sd_event_ref(loop);
	i->store = store;
	i->owner = owner;
	return i;
}

int instance_add_option(struct instance *i, const char *name, const struct anod_value *v)
{
	struct instance_option *o;

	o = reallocarray(i->option, i->n_options + 1, sizeof(*o));
	if (!o)
		return -ENOMEM;

	i->option = o;
	copy_text(o[i->n_options].name, sizeof(o->name), name);
	o[i->n_options++].value = *v;
	return 0;
}

int instance_start(struct instance *i)
{
	bool begun = meter_begin(i->meter);
	int r = i->plugin->init ? i->plugin->init(&i->ctx) : 0;

	if (r >= 0 && i->plugin->start) {
		r = i->plugin->start(&i->ctx);
		i->started = r >= 0;
	} else {
		i->started = r >= 0;
	}
	meter_end(i->meter, begun);
	if (r < 0)
		log_error("%s: cannot start: %s", i->name, strerror(-r));
	return r;
}

struct instance *instance_free(struct instance *i)
{
	struct memory *m;

	if (!i)
		return NULL;

	i->stopping = true;
	if (i->started && i->plugin->stop)
		i->plugin->stop(&i->ctx);
	if (i->plugin->fini)
		i->plugin->fini(&i->ctx);
	while (i->handles)
		handle_free(i->handles->h);
	while ((m = i->memory)) {
		i->memory = m->next;
		free(m);
	}
	sd_event_unref(i->loop);
	free(i->option);
	free(i);
	return NULL;
}

struct handle *handle_new(struct instance *i, handle_cancel_fn *cancel, void *fn, void *data)
{
	struct handle_table *t;
	struct handle *h;

	if (i->n_handles >= INSTANCE_HANDLES_MAX) {
		log_warning("%s: more than %d timers, watches and requests", i->name,
			    INSTANCE_HANDLES_MAX);
		return NULL;
	}

	h = calloc(1, sizeof(*h) + sizeof(*t));
	if (!h)
		return NULL;

	t = (struct handle_table *) (h + 1);
	h->id = t->id = ++last_id;
	t->h = h;
	h->inst = i;
	h->cancel = cancel;
	h->fn = fn;
	h->data = data;
	h->fd = -1;
	HASH_ADD(hh, i->handles, id, sizeof(t->id), t);
	i->n_handles++;
	return h;
}

struct handle *handle_find(struct instance *i, uint64_t id)
{
	struct handle_table *t;

	HASH_FIND(hh, i->handles, &id, sizeof(id), t);
	return t ? t->h : NULL;
}

void handle_free(struct handle *h)
{
	struct handle_table *t = (struct handle_table *) (h + 1);

	HASH_DEL(h->inst->handles, t);
	h->inst->n_handles--;
	sd_event_source_disable_unref(h->source);
	if (h->cancel)
		h->cancel(h);
	free(h);
}

void instance_log(struct anod_ctx *ctx, int priority, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clean_text(text);
	log_text(priority, "%s: %s", instance_of(ctx)->name, text);
}

void *instance_alloc(struct anod_ctx *ctx, size_t size)
{
	struct instance *i = instance_of(ctx);
	struct memory *m;

	if (size > INSTANCE_MEMORY_MAX - i->memory_size) {
		log_warning("%s: wants more than %u MiB of memory", i->name,
			    INSTANCE_MEMORY_MAX >> 20);
		return NULL;
	}

	m = calloc(1, sizeof(*m) + size);
	if (!m)
		return NULL;

	m->next = i->memory;
	i->memory = m;
	i->memory_size += size;
	return m->data;
}

uint64_t instance_now(struct anod_ctx *ctx)
{
	uint64_t now;

	return sd_event_now(instance_of(ctx)->loop, CLOCK_BOOTTIME, &now) < 0 ? clock_boot_us()
									      : now;
}

int instance_opt(struct anod_ctx *ctx, const char *name, unsigned n, struct anod_value *ret)
{
	struct instance *i = instance_of(ctx);

	for (unsigned k = 0; k < i->n_options; k++) {
		if (strcmp(i->option[k].name, name) != 0 || n--)
			continue;
		*ret = i->option[k].value;
		return 0;
	}
	return -ENOENT;
}

/* The number of a handle whose event source was added with the result 'r'. */
static int handle_give(struct handle *h, int r, uint64_t *ret_id)
{
	if (r < 0) {
		handle_free(h);
		return r;
	}

	(void) sd_event_source_set_description(h->source, h->inst->name);
	if (ret_id)
		*ret_id = h->id;
	return 0;
}

static int on_timer(sd_event_source *s, uint64_t due, void *data)
{
	struct handle *h = data;
	struct instance *i = h->inst;
	anod_timer_fn *fn = (anod_timer_fn *) h->fn;
	uint64_t id = h->id, now = instance_now(&i->ctx);
	void *fn_data = h->data;
	bool begun;

	if (h->every_us) {
		h->due_us += h->every_us;
		if (h->due_us <= now)
			h->due_us += (now - h->due_us) / h->every_us * h->every_us + h->every_us;
		(void) sd_event_source_set_time(s, h->due_us);
		(void) sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
	} else {
		handle_free(h);
	}
	(void) due;
	begun = meter_begin(i->meter);
	fn(&i->ctx, id, fn_data);
	meter_end(i->meter, begun);
	return 0;
}

int instance_timer(struct anod_ctx *ctx, uint64_t first_us, uint64_t every_us, anod_timer_fn *fn,
		   void *data, uint64_t *ret_id)
{
	struct instance *i = instance_of(ctx);
	struct handle *h;
	int r;

	if (i->stopping)
		return -ESHUTDOWN;

	h = handle_new(i, NULL, (void *) fn, data);
	if (!h)
		return -ENOSPC;

	h->every_us = every_us;
	h->due_us = instance_now(ctx) + first_us;
	/* The accuracy of a probe is the accuracy of its timer; the default of sd-event is 250 ms. */
	r = sd_event_add_time(i->loop, &h->source, CLOCK_BOOTTIME, h->due_us, 1, on_timer, h);
	return handle_give(h, r, ret_id);
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *data)
{
	struct handle *h = data;
	anod_io_fn *fn = (anod_io_fn *) h->fn;
	struct instance *i = h->inst; /* the handle may be cancelled inside */
	bool begun = meter_begin(i->meter);

	(void) s;
	fn(&i->ctx, fd, events, h->data);
	meter_end(i->meter, begun);
	return 0;
}

int instance_io(struct anod_ctx *ctx, int fd, uint32_t events, anod_io_fn *fn, void *data,
		uint64_t *ret_id)
{
	struct instance *i = instance_of(ctx);
	struct handle *h;
	int r;

	if (i->stopping)
		return -ESHUTDOWN;

	h = handle_new(i, NULL, (void *) fn, data);
	if (!h)
		return -ENOSPC;

	h->fd = fd;
	r = sd_event_add_io(i->loop, &h->source, fd, events, on_io, h);
	return handle_give(h, r, ret_id);
}

int instance_cancel(struct anod_ctx *ctx, uint64_t id)
{
	struct handle *h = handle_find(instance_of(ctx), id);

	if (!h)
		return -ENOENT;

	handle_free(h);
	return 0;
}

int instance_get(struct anod_ctx *ctx, const char *kind, const char *entity, const char *attr,
		 struct anod_value *ret, uint64_t *ret_age_us)
{
	struct instance *i = instance_of(ctx);
	const struct schema_attr *a = schema_attr(store_schema(i->store), kind, attr);
	uint64_t now = instance_now(ctx);
	struct fact f;
	uint32_t e;
	int r;

	if ((i->plugin->roles & ANOD_AGENT) && !manifest_names(i->plugin->reads, kind, attr)) {
		i->n_refused++;
		return -EPERM;
	}
	if (!a)
		return -ENOENT;
	e = store_find(i->store, a->kind, entity);
	if (!e)
		return -ENOENT;
	r = store_get(i->store, e, a->slot, now, &f);
	if (r < 0)
		return r;

	*ret = f.value;
	if (ret_age_us)
		*ret_age_us = f.time_us && f.time_us < now ? now - f.time_us : 0;
	return 0;
}

const char *instance_each(struct anod_ctx *ctx, const char *kind, unsigned n)
{
	struct instance *i = instance_of(ctx);
	uint16_t k = schema_kind_id(store_schema(i->store), kind);
	uint32_t e = k ? store_nth(i->store, k, n) : 0;

	return e ? store_entity_name(i->store, e) : NULL;
}
