/*
 * instance - one running plugin: its options, memory, timers and descriptors.
 *
 * Shared by sensors (in the host) and agents (in a cell).  Whatever a plugin holds hangs on its
 * instance and goes with it: instance_free() calls stop() and fini(), then cancels every handle
 * and frees all memory that the plugin took.
 */
#ifndef HOST_INSTANCE_H
#define HOST_INSTANCE_H

#include <systemd/sd-event.h>

#include <anod/plugin.h>

#include "facts/store.h"

#define INSTANCE_HANDLES_MAX 4096
#define INSTANCE_MEMORY_MAX  (64u << 20) /* bytes that alloc() gives to one instance */

struct instance_option {
	char name[32];
	struct anod_value value;
};

struct meter;  /* pace.h */
struct handle; /* a timer, a descriptor, a watch, a proposal ... */
struct handle_table;
typedef void handle_cancel_fn(struct handle *h);

struct instance {
	struct anod_ctx ctx; /* first: the plugin sees this member only */
	const struct anod_plugin *plugin;
	char name[ANOD_NAME_SIZE];
	unsigned number; /* among its owner's instances */
	sd_event *loop;
	struct store *store;
	void *owner; /* struct host or struct cell */
	unsigned n_options;
	struct instance_option *option; /* owned */
	struct memory *memory;		/* owned list */
	size_t memory_size;
	struct handle_table *handles; /* owned hash */
	unsigned n_handles;
	bool started, stopping;
	uint64_t n_refused; /* calls outside the manifest */
	uint64_t n_findings, n_proposals;
	struct { /* attributes of the last put(): the next is of the same */
		int first;
		unsigned n;
		uint16_t kind, slot;
	} run;
	unsigned n_watches;  /* of an agent */
	struct meter *meter; /* of a sensor: what it costs; borrowed; NULL: nobody asks */
};

struct handle {
	uint64_t id;
	struct instance *inst;
	handle_cancel_fn *cancel; /* frees what the handle holds beside itself */
	sd_event_source *source;  /* owned, or NULL */
	void *fn, *data;	  /* the plugin's callback */
	void *extra;		  /* of the kind of handle */
	uint64_t every_us, due_us;
	int fd;
};

/* 'table' is the host table of the role.  Options are copied. */
struct instance *instance_new(const struct anod_plugin *plugin, const char *name,
			      const struct anod_host *table, sd_event *loop, struct store *store,
			      void *owner);
int instance_add_option(struct instance *i, const char *name, const struct anod_value *v);
/* init() and start(); a failure is logged with its cause. */
int instance_start(struct instance *i);
struct instance *instance_free(struct instance *i);

struct instance *instance_of(struct anod_ctx *ctx);

/* A new handle with a fresh id, or NULL at the limit. */
struct handle *handle_new(struct instance *i, handle_cancel_fn *cancel, void *fn, void *data);
struct handle *handle_find(struct instance *i, uint64_t id);
void handle_free(struct handle *h); /* cancels */

/* Entries of the host table that every role shares. */
void instance_log(struct anod_ctx *, int priority, const char *fmt, ...) _printf_(3, 4);
void *instance_alloc(struct anod_ctx *, size_t);
uint64_t instance_now(struct anod_ctx *);
int instance_opt(struct anod_ctx *, const char *name, unsigned n, struct anod_value *ret);
int instance_timer(struct anod_ctx *, uint64_t first_us, uint64_t every_us, anod_timer_fn *,
		   void *data, uint64_t *ret_id);
int instance_io(struct anod_ctx *, int fd, uint32_t events, anod_io_fn *, void *data,
		uint64_t *ret_id);
int instance_cancel(struct anod_ctx *, uint64_t id);
int instance_get(struct anod_ctx *, const char *kind, const char *entity, const char *attr,
		 struct anod_value *ret, uint64_t *ret_age_us);
const char *instance_each(struct anod_ctx *, const char *kind, unsigned n);

/* True when the pattern list of a manifest ("link.carrier", "path.*") names kind.attr. */
bool manifest_names(const char *const *list, const char *kind, const char *attr);
/* True when it gives events of the attribute: of an event-driven one when it names it, of a sampled
 * one only when it names it in full ("path.rtt", not "path.*"). */
bool manifest_events(const char *const *list, const struct schema_attr *a);
/* True when a list of words (action kinds, sensors) has this one. */
bool manifest_lists(const char *const *list, const char *word);

#endif
