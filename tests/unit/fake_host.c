/*
 * fake_host - a host for one sensor under test: loop, timers, facts and objects, all in the open.
 *
 * Design.  Everything is a small array that is searched from end to end: tests hold thousands of
 * objects at most.  Handles come from one counter and are never used again.
 */
#include "unit/fake_host.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <anod/rtnl.h>

#define SOURCES_MAX 64
#define FACTS_MAX   64
#define OPTIONS_MAX 8

struct source {
	uint64_t id; /* 0: free */
	int fd;	     /* -1: a timer */
	anod_io_fn *io;
	anod_timer_fn *timer;
	void *data;
	uint64_t due_us, every_us;
};

struct entity {
	char kind[ANOD_KIND_SIZE], name[ANOD_NAME_SIZE];
	bool gone, own;
	unsigned round; /* of the last BEGIN after which it was named */
	struct anod_value value[FACTS_MAX];
};

struct slot {
	struct anod_object o;
	unsigned round;
};

struct fake_host {
	struct anod_host table;
	struct anod_ctx ctx;
	const struct anod_plugin *plugin;
	void *so;
	int epoll;
	bool stopped;
	uint64_t last_id;
	struct source source[SOURCES_MAX];
	char option[OPTIONS_MAX][ANOD_KIND_SIZE];
	struct anod_value option_value[OPTIONS_MAX];
	char fact_name[FACTS_MAX][2 * ANOD_KIND_SIZE];
	unsigned n_facts;
	struct entity *entity;
	unsigned n_entities;
	struct slot *slot;
	unsigned n_slots, slots_size;
	unsigned round, lost[ANOD_OBJ_TYPES], done[ANOD_OBJ_TYPES];
	bool in_sync[ANOD_OBJ_TYPES], kind_in_sync[ANOD_OBJ_TYPES];
	unsigned begun[ANOD_OBJ_TYPES], kind_begun[ANOD_OBJ_TYPES]; /* round of the BEGIN */
	void *pool[16];
	unsigned n_pool;
	char log[512];
};

static struct fake_host *of(struct anod_ctx *ctx)
{
	return (struct fake_host *) ((char *) ctx - offsetof(struct fake_host, ctx));
}

static uint64_t boot_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

/* ---- everybody --------------------------------------------------------------------------- */

static void __attribute__((format(printf, 3, 4)))
host_log(struct anod_ctx *ctx, int priority, const char *fmt, ...)
{
	va_list ap;

	(void) priority;
	va_start(ap, fmt);
	(void) vsnprintf(of(ctx)->log, sizeof(of(ctx)->log), fmt, ap);
	va_end(ap);
}

static void *host_alloc(struct anod_ctx *ctx, size_t size)
{
	struct fake_host *h = of(ctx);

	cr_assert_lt(h->n_pool, 16);
	return h->pool[h->n_pool++] = calloc(1, size);
}

static uint64_t host_now_us(struct anod_ctx *ctx)
{
	(void) ctx;
	return boot_us();
}

static int host_opt(struct anod_ctx *ctx, const char *name, unsigned n, struct anod_value *ret)
{
	struct fake_host *h = of(ctx);
	const struct anod_opt *o;

	if (n > 0)
		return -ENOENT;
	for (unsigned i = 0; i < OPTIONS_MAX; i++)
		if (strcmp(h->option[i], name) == 0) {
			*ret = h->option_value[i];
			return 0;
		}
	for (o = h->plugin->opts; o->name && strcmp(o->name, name) != 0; o++)
		;
	cr_assert(o->name, "the plugin asks for an option '%s' that it does not have", name);
	/* Defaults here are plain numbers or "1s". */
	*ret = (struct anod_value){ .type = o->type, .unit = o->unit };
	ret->u.i = atoll(o->dflt);
	if (o->unit == ANOD_UNIT_TIME)
		ret->u.i *= 1000000;
	return 0;
}

static struct source *source_new(struct fake_host *h)
{
	for (unsigned i = 0; i < SOURCES_MAX; i++)
		if (!h->source[i].id) {
			h->source[i] = (struct source){ .id = ++h->last_id, .fd = -1 };
			return &h->source[i];
		}
	cr_assert_fail("the plugin holds more than %d sources", SOURCES_MAX);
	return NULL;
}

static struct source *source_find(struct fake_host *h, uint64_t id)
{
	for (unsigned i = 0; i < SOURCES_MAX; i++)
		if (h->source[i].id == id)
			return &h->source[i];
	return NULL;
}

static int host_timer(struct anod_ctx *ctx, uint64_t first_us, uint64_t every_us, anod_timer_fn *fn,
		      void *data, uint64_t *ret_id)
{
	struct source *s = source_new(of(ctx));

	s->timer = fn;
	s->data = data;
	s->due_us = boot_us() + first_us;
	s->every_us = every_us;
	*ret_id = s->id;
	return 0;
}

static int host_cancel(struct anod_ctx *ctx, uint64_t id)
{
	struct fake_host *h = of(ctx);
	struct source *s = source_find(h, id);

	cr_assert(id && s, "cancel of %llu, which is not there", (unsigned long long) id);
	if (s->fd >= 0)
		cr_assert_eq(epoll_ctl(h->epoll, EPOLL_CTL_DEL, s->fd, NULL), 0);
	s->id = 0;
	return 0;
}

static int host_io(struct anod_ctx *ctx, int fd, uint32_t events, anod_io_fn *fn, void *data,
		   uint64_t *ret_id)
{
	struct source *s = source_new(of(ctx));
	struct epoll_event e = { .events = events, .data.u64 = s->id };

	s->fd = fd;
	s->io = fn;
	s->data = data;
	cr_assert_eq(epoll_ctl(of(ctx)->epoll, EPOLL_CTL_ADD, fd, &e), 0);
	*ret_id = s->id;
	return 0;
}

/* ---- facts ------------------------------------------------------------------------------- */

static int host_fact_id(struct anod_ctx *ctx, const char *kind_attr)
{
	for (unsigned i = 0; i < of(ctx)->n_facts; i++)
		if (strcmp(of(ctx)->fact_name[i], kind_attr) == 0)
			return (int) i + 1;
	return -ENOENT;
}

static struct entity *entity_find(struct fake_host *h, const char *kind, const char *name)
{
	for (unsigned i = 0; i < h->n_entities; i++)
		if (!h->entity[i].gone && strcmp(h->entity[i].name, name) == 0 &&
		    strcmp(h->entity[i].kind, kind) == 0)
			return &h->entity[i];
	return NULL;
}

static struct entity *entity_make(struct fake_host *h, const char *kind, const char *name)
{
	struct entity *e = entity_find(h, kind, name);

	if (!e) {
		h->entity = realloc(h->entity, (h->n_entities + 1) * sizeof(*e));
		e = &h->entity[h->n_entities++];
		memset(e, 0, sizeof(*e));
		(void) snprintf(e->kind, sizeof(e->kind), "%s", kind);
		(void) snprintf(e->name, sizeof(e->name), "%s", name);
	}
	return e;
}

static int host_entity(struct anod_ctx *ctx, const char *kind, const char *name, uint32_t *ret)
{
	struct entity *e;

	cr_assert_lt(strlen(name), ANOD_NAME_SIZE);
	e = entity_make(of(ctx), kind, name);
	e->own = true;
	e->round = of(ctx)->round;
	*ret = (uint32_t) (e - of(ctx)->entity) + 1;
	return 0;
}

static struct entity *entity_of(struct fake_host *h, uint32_t id)
{
	cr_assert(id > 0 && id <= h->n_entities, "no entity %u", id);
	return &h->entity[id - 1];
}

static int host_entity_gone(struct anod_ctx *ctx, uint32_t id)
{
	struct entity *e = entity_of(of(ctx), id);

	cr_assert(!e->gone && e->own, "%s/%s goes twice", e->kind, e->name);
	e->gone = true;
	return 0;
}

static const struct anod_attr *attr_of(struct fake_host *h, const char *kind_attr)
{
	for (const struct anod_kind *k = h->plugin->kinds; k->name; k++)
		for (const struct anod_attr *a = k->attrs; a->name; a++) {
			char name[2 * ANOD_KIND_SIZE];

			(void) snprintf(name, sizeof(name), "%s.%s", k->name, a->name);
			if (strcmp(name, kind_attr) == 0)
				return a;
		}
	return NULL;
}

static int host_publish(struct anod_ctx *ctx, uint32_t id, int fact, const struct anod_value *v)
{
	struct fake_host *h = of(ctx);
	struct entity *e = entity_of(h, id);
	const char *name = h->fact_name[fact - 1];
	const struct anod_attr *a = attr_of(h, name);

	cr_assert(!e->gone, "%s of %s, which is gone", name, e->name);
	cr_assert(strncmp(name, e->kind, strlen(e->kind)) == 0, "%s of a %s", name, e->kind);
	cr_assert(a && (!v || (v->type == a->type && v->unit == a->unit && v->flags == a->flags)),
		  "%s has another type than declared", name);
	e->value[fact - 1] = v ? *v : (struct anod_value){ 0 };
	e->round = h->round;
	return 0;
}

static int type_of(const char *kind)
{
	static const char *const kinds[] = {
		"", "link", "addr", "route", "nexthop", "rule", "neigh"
	};

	for (unsigned i = 1; i < 7; i++)
		if (strcmp(kinds[i], kind) == 0)
			return (int) i;
	return 0;
}

static int host_sync(struct anod_ctx *ctx, const char *kind, enum anod_sync what)
{
	struct fake_host *h = of(ctx);
	int type = type_of(kind);

	cr_assert_neq(type, 0);
	if (what == ANOD_SYNC_BEGIN)
		h->kind_begun[type] = ++h->round;
	h->kind_in_sync[type] =
		what == ANOD_SYNC_DONE || (what == ANOD_SYNC_BEGIN && h->kind_in_sync[type]);
	for (unsigned i = 0; i < h->n_entities && what == ANOD_SYNC_DONE; i++)
		if (strcmp(h->entity[i].kind, kind) == 0 && h->entity[i].own &&
		    h->entity[i].round < h->kind_begun[type])
			h->entity[i].gone = true;
	return 0;
}

/* ---- objects ----------------------------------------------------------------------------- */

static struct slot *slot_find(struct fake_host *h, const struct anod_object *key)
{
	for (unsigned i = 0; i < h->n_slots; i++)
		if (anod_object_same_key(&h->slot[i].o, key))
			return &h->slot[i];
	return NULL;
}

static int host_object(struct anod_ctx *ctx, const struct anod_object *o, int gone)
{
	struct fake_host *h = of(ctx);
	struct slot *s = slot_find(h, o);

	if (gone) {
		if (s)
			*s = h->slot[--h->n_slots];
		return 0;
	}
	if (!s) {
		if (h->n_slots == h->slots_size) {
			h->slots_size = h->slots_size * 2 + 64;
			h->slot = realloc(h->slot, h->slots_size * sizeof(*s));
		}
		s = &h->slot[h->n_slots++];
	}
	s->o = *o;
	s->round = h->round;
	return 0;
}

static int host_object_sync(struct anod_ctx *ctx, enum anod_obj_type type, enum anod_sync what)
{
	struct fake_host *h = of(ctx);

	if (what == ANOD_SYNC_LOST) {
		h->lost[type]++;
		h->in_sync[type] = false;
	} else if (what == ANOD_SYNC_BEGIN) {
		h->begun[type] = ++h->round;
	} else {
		h->done[type]++;
		h->in_sync[type] = true;
		for (unsigned i = h->n_slots; i-- > 0;)
			if (h->slot[i].o.type == type && h->slot[i].round < h->begun[type])
				h->slot[i] = h->slot[--h->n_slots];
	}
	return 0;
}

static int host_get(struct anod_ctx *ctx, const char *kind, const char *entity, const char *attr,
		    struct anod_value *ret, uint64_t *ret_age_us)
{
	const struct anod_value *v = fake_host_fact(of(ctx), kind, entity, attr);

	if (!v)
		return -ENOENT;
	*ret = *v;
	if (ret_age_us)
		*ret_age_us = 0;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static const char *host_each(struct anod_ctx *ctx, const char *kind, unsigned n)
{
	static const char *names[4096];
	struct fake_host *h = of(ctx);
	unsigned found = 0;

	for (unsigned i = 0; i < h->n_entities && found < 4096; i++)
		if (!h->entity[i].gone && strcmp(h->entity[i].kind, kind) == 0)
			names[found++] = h->entity[i].name;
	qsort(names, found, sizeof(names[0]), by_name);
	return n < found ? names[n] : NULL;
}

/* ---- for the test ------------------------------------------------------------------------ */

static void know_fact(struct fake_host *h, const char *kind, const char *attr)
{
	char name[2 * ANOD_KIND_SIZE];

	(void) snprintf(name, sizeof(name), "%s.%s", kind, attr);
	if (host_fact_id(&h->ctx, name) > 0)
		return;
	cr_assert_lt(h->n_facts, FACTS_MAX);
	memcpy(h->fact_name[h->n_facts++], name, sizeof(name));
}

struct fake_host *fake_host_new(const char *plugin)
{
	struct fake_host *h = calloc(1, sizeof(*h));
	char path[256];

	(void) snprintf(path, sizeof(path), "%s/plugins/%s.so", BUILD_DIR, plugin);
	h->so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	cr_assert(h->so, "%s", dlerror());
	h->plugin = dlsym(h->so, "anod_plugin_v1");
	cr_assert(h->plugin && h->plugin->size == sizeof(*h->plugin));
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	h->table = (struct anod_host){
		.size = sizeof(h->table),
		.log = host_log,
		.alloc = host_alloc,
		.now_us = host_now_us,
		.opt = host_opt,
		.timer = host_timer,
		.cancel = host_cancel,
		.io = host_io,
		.fact_id = host_fact_id,
		.entity = host_entity,
		.entity_gone = host_entity_gone,
		.publish = host_publish,
		.sync = host_sync,
		.object = host_object,
		.object_sync = host_object_sync,
		.get = host_get,
		.each = host_each,
	};
	h->ctx.host = &h->table;
	for (const struct anod_kind *k = h->plugin->kinds; k->name; k++)
		for (const struct anod_attr *a = k->attrs; a->name; a++)
			know_fact(h, k->name, a->name);
	return h;
}

struct fake_host *fake_host_free(struct fake_host *h)
{
	if (h->plugin->stop && !h->stopped)
		h->plugin->stop(&h->ctx);
	h->plugin->fini(&h->ctx);
	for (unsigned i = 0; i < h->n_pool; i++)
		free(h->pool[i]);
	free(h->entity);
	free(h->slot);
	close(h->epoll);
	dlclose(h->so);
	free(h);
	return NULL;
}

void fake_host_set_int(struct fake_host *h, const char *option, int64_t value, enum anod_unit unit)
{
	unsigned i = 0;

	while (h->option[i][0])
		cr_assert_lt(++i, OPTIONS_MAX);
	(void) snprintf(h->option[i], sizeof(h->option[i]), "%s", option);
	h->option_value[i] =
		(struct anod_value){ .type = ANOD_INT, .unit = (uint8_t) unit, .u.i = value };
}

int fake_host_start(struct fake_host *h)
{
	int r = h->plugin->init(&h->ctx);

	return r < 0 ? r : h->plugin->start(&h->ctx);
}

/* Milliseconds until the next timer, at most 'max'. */
static int until_timer(struct fake_host *h, int max)
{
	uint64_t now = boot_us();

	for (unsigned i = 0; i < SOURCES_MAX; i++) {
		struct source *s = &h->source[i];
		uint64_t left = s->due_us > now ? (s->due_us - now + 999) / 1000 : 0;

		if (s->id && s->timer && left < (uint64_t) max)
			max = (int) left;
	}
	return max;
}

static void run_timers(struct fake_host *h)
{
	for (unsigned i = 0; i < SOURCES_MAX; i++) {
		struct source *s = &h->source[i], was = *s;

		if (!s->id || !s->timer || s->due_us > boot_us())
			continue;
		if (s->every_us)
			s->due_us += s->every_us;
		else
			s->id = 0;
		was.timer(&h->ctx, was.id, was.data);
	}
}

bool fake_host_wait(struct fake_host *h, fake_host_cond *cond, void *data, unsigned ms)
{
	uint64_t end = boot_us() + ms * 1000ull;
	struct epoll_event e;

	while (!cond(h, data)) {
		if (boot_us() > end)
			return false;
		if (epoll_wait(h->epoll, &e, 1, until_timer(h, 20)) == 1) {
			struct source *s = source_find(h, e.data.u64);

			cr_assert(s && s->io, "an event after cancel()");
			s->io(&h->ctx, s->fd, e.events, s->data);
		}
		run_timers(h);
	}
	return true;
}

const struct anod_value *fake_host_fact(struct fake_host *h, const char *kind, const char *name,
					const char *attr)
{
	const struct entity *e = entity_find(h, kind, name);
	char fact[2 * ANOD_KIND_SIZE];
	int id;

	(void) snprintf(fact, sizeof(fact), "%s.%s", kind, attr);
	id = host_fact_id(&h->ctx, fact);
	return e && id > 0 ? &e->value[id - 1] : NULL;
}

void fake_host_put(struct fake_host *h, const char *kind, const char *name, const char *attr,
		   const struct anod_value *v)
{
	char fact[2 * ANOD_KIND_SIZE];

	know_fact(h, kind, attr);
	(void) snprintf(fact, sizeof(fact), "%s.%s", kind, attr);
	entity_make(h, kind, name)->value[host_fact_id(&h->ctx, fact) - 1] = *v;
}

unsigned fake_host_entities(struct fake_host *h, const char *kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->n_entities; i++)
		n += !h->entity[i].gone && strcmp(h->entity[i].kind, kind) == 0;
	return n;
}

const struct anod_object *fake_host_object(struct fake_host *h, const struct anod_object *key)
{
	const struct slot *s = slot_find(h, key);

	return s ? &s->o : NULL;
}

unsigned fake_host_objects(struct fake_host *h, enum anod_obj_type type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->n_slots; i++)
		n += h->slot[i].o.type == type;
	return n;
}

unsigned fake_host_lost(struct fake_host *h, enum anod_obj_type type)
{
	return h->lost[type];
}

unsigned fake_host_done(struct fake_host *h, enum anod_obj_type type)
{
	return h->done[type];
}

bool fake_host_in_sync(struct fake_host *h, enum anod_obj_type type)
{
	return h->in_sync[type] && h->kind_in_sync[type];
}

const char *fake_host_log(struct fake_host *h)
{
	return h->log;
}
