/*
 * fake_host - a host for one sensor under test: loop, timers, facts and objects, all in the open.
 *
 * Design.  Sources are a small array; facts and objects are in fake_host_store.c.  Handles come
 * from one counter and are never used again.
 */
#include "unit/fake_host_int.h"

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

/* Here numbers are plain, "1s", "100ms" or "5%". */
static struct anod_value default_of(const struct anod_opt *o)
{
	struct anod_value v = { .type = o->type, .unit = o->unit };

	if (o->type == ANOD_TEXT)
		(void) snprintf(v.u.text, sizeof(v.u.text), "%s", o->dflt);
	else if (o->type == ANOD_REAL)
		v.u.r = atof(o->dflt) * (strchr(o->dflt, '%') ? 0.01 : 1);
	else if (o->type == ANOD_BOOL)
		v.u.i = strcmp(o->dflt, "true") == 0;
	else
		v.u.i = atoll(o->dflt);
	if (o->unit == ANOD_UNIT_TIME)
		v.u.i *= strstr(o->dflt, "ms") ? 1000 : 1000000;
	return v;
}

static int host_opt(struct anod_ctx *ctx, const char *name, unsigned n, struct anod_value *ret)
{
	struct fake_host *h = of(ctx);
	const struct anod_opt *o;

	for (unsigned i = 0; i < OPTIONS_MAX && h->option[i][0]; i++)
		if (strcmp(h->option[i], name) == 0 && n-- == 0) {
			*ret = h->option_value[i];
			return 0;
		}
	for (unsigned i = 0; i < OPTIONS_MAX && h->option[i][0]; i++)
		if (strcmp(h->option[i], name) == 0)
			return -ENOENT;
	for (o = h->plugin->opts; o->name && strcmp(o->name, name) != 0; o++)
		;
	cr_assert(o->name, "the plugin asks for an option '%s' that it does not have", name);
	if (!o->dflt || n > 0)
		return -ENOENT;
	*ret = default_of(o);
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

static uint64_t host_pace(struct anod_ctx *ctx, uint64_t wanted_us, uint64_t held_us)
{
	return wanted_us + held_us + of(ctx)->pace_us;
}

static void fake_host_table(struct fake_host *h)
{
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
		.pace = host_pace,
	};
	fake_host_store_table(&h->table);
	h->ctx.host = &h->table;
}

/* ---- for the test ------------------------------------------------------------------------ */

struct fake_host *fake_host_new(const char *plugin)
{
	struct fake_host *h = calloc(1, sizeof(*h));
	char path[256];

	(void) snprintf(path, sizeof(path), "%s/plugins/%s.so", BUILD_DIR, plugin);
	h->so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	cr_assert(h->so, "%s", dlerror());
	h->plugin = dlsym(h->so, "anod_plugin_v1");
	cr_assert(h->plugin && h->plugin->size == sizeof(*h->plugin));
	fake_host_table(h);
	h->only_samples = true;
	for (const struct anod_kind *k = h->plugin->kinds; k && k->name; k++)
		for (const struct anod_attr *a = k->attrs; a->name; a++) {
			h->only_samples &= a->max_age_ms > 0;
			fake_host_know(h, k->name, a->name);
		}
	return h;
}

struct fake_host *fake_host_bare(void)
{
	struct fake_host *h = calloc(1, sizeof(*h));

	fake_host_table(h);
	return h;
}

struct anod_ctx *fake_host_ctx(struct fake_host *h)
{
	return &h->ctx;
}

struct fake_host *fake_host_free(struct fake_host *h)
{
	if (h->plugin && h->plugin->stop && !h->stopped)
		h->plugin->stop(&h->ctx);
	if (h->plugin && h->plugin->fini)
		h->plugin->fini(&h->ctx);
	for (unsigned i = 0; i < h->n_pool; i++)
		free(h->pool[i]);
	free(h->entity);
	free(h->slot);
	close(h->epoll);
	if (h->so)
		dlclose(h->so);
	free(h);
	return NULL;
}

void fake_host_set(struct fake_host *h, const char *option, const struct anod_value *v)
{
	unsigned i = 0;

	while (h->option[i][0])
		cr_assert_lt(++i, OPTIONS_MAX);
	(void) snprintf(h->option[i], sizeof(h->option[i]), "%s", option);
	h->option_value[i] = *v;
}

void fake_host_set_int(struct fake_host *h, const char *option, int64_t value, enum anod_unit unit)
{
	fake_host_set(
		h, option,
		&(struct anod_value){ .type = ANOD_INT, .unit = (uint8_t) unit, .u.i = value });
}

void fake_host_set_text(struct fake_host *h, const char *option, const char *value)
{
	struct anod_value v = { .type = ANOD_TEXT };

	(void) snprintf(v.u.text, sizeof(v.u.text), "%s", value);
	fake_host_set(h, option, &v);
}

void fake_host_pace(struct fake_host *h, uint64_t more_us)
{
	h->pace_us = more_us;
}

int fake_host_start(struct fake_host *h)
{
	int r = h->plugin->init ? h->plugin->init(&h->ctx) : 0;

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

const char *fake_host_log(struct fake_host *h)
{
	return h->log;
}

int fake_host_need(struct fake_host *h, const char *kind, const char *entity, uint64_t every_us)
{
	return h->plugin->need(&h->ctx, kind, entity, every_us);
}

int fake_host_reload(struct fake_host *h)
{
	return h->plugin->reload(&h->ctx);
}
