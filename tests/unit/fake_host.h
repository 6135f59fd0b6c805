/*
 * fake_host - a host for one sensor under test: loop, timers, facts and objects, all in the open.
 *
 * Real time and real descriptors; fake_host_wait() runs the loop until a condition holds.  What
 * the plugin does against the contract (a callback after cancel, a value of the wrong type, an
 * entity that it does not own) fails the test.
 */
#ifndef TESTS_FAKE_HOST_H
#define TESTS_FAKE_HOST_H

#include <stdbool.h>

#include <anod/plugin.h>

struct fake_host;

/* Load a plugin of this build ("rtnl").  Fails the test when that is not possible. */
struct fake_host *fake_host_new(const char *plugin);
/* One without a plugin, for what plugins are made of; and what such code is handed. */
struct fake_host *fake_host_bare(void);
struct anod_ctx *fake_host_ctx(struct fake_host *h);
struct fake_host *fake_host_free(struct fake_host *h); /* stop(), fini() */
void fake_host_set_int(struct fake_host *h, const char *option, int64_t value, enum anod_unit unit);
void fake_host_set_text(struct fake_host *h, const char *option, const char *value);
/* Any value; the same option again: the next one of a list. */
void fake_host_set(struct fake_host *h, const char *option, const struct anod_value *v);
/* pace() gives what is wanted, what was held, and so much more. */
void fake_host_pace(struct fake_host *h, uint64_t more_us);
int fake_host_start(struct fake_host *h); /* init(), start() */

typedef bool fake_host_cond(struct fake_host *h, void *data);
/* True when the condition came to hold within 'ms'. */
bool fake_host_wait(struct fake_host *h, fake_host_cond *cond, void *data, unsigned ms);

/* NULL: no such entity.  A value of type ANOD_UNKNOWN where nothing is known. */
const struct anod_value *fake_host_fact(struct fake_host *h, const char *kind, const char *name,
					const char *attr);
/* Put a fact there that another source would. */
void fake_host_put(struct fake_host *h, const char *kind, const char *name, const char *attr,
		   const struct anod_value *v);
unsigned fake_host_entities(struct fake_host *h, const char *kind);

/* NULL: not there. */
const struct anod_object *fake_host_object(struct fake_host *h, const struct anod_object *key);
unsigned fake_host_objects(struct fake_host *h, enum anod_obj_type type);

/* How often a type was said to be lost, and to be complete. */
unsigned fake_host_lost(struct fake_host *h, enum anod_obj_type type);
unsigned fake_host_done(struct fake_host *h, enum anod_obj_type type);
/* Complete, with nothing lost since, for objects and facts alike. */
bool fake_host_in_sync(struct fake_host *h, enum anod_obj_type type);
/* Calls of put(). */
unsigned fake_host_puts(struct fake_host *h);
uint64_t fake_host_health(struct fake_host *h, enum anod_health what);
/* The same of facts alone, for a sensor without objects. */
unsigned fake_host_kind_lost(struct fake_host *h, enum anod_obj_type type);
bool fake_host_kind_in_sync(struct fake_host *h, enum anod_obj_type type);
/* The handle of an entity, 0: none; and make one go, as another sensor would. */
uint32_t fake_host_handle(struct fake_host *h, const char *kind, const char *name);
void fake_host_drop(struct fake_host *h, const char *kind, const char *name);
/* What the host tells a sensor. */
int fake_host_need(struct fake_host *h, const char *kind, const char *entity, uint64_t every_us);
int fake_host_reload(struct fake_host *h);
const char *fake_host_log(struct fake_host *h); /* the last line */

#endif
