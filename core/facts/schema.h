/*
 * schema - which kinds of entities there are, and which attributes, from which source.
 *
 * Filled from the sensors' manifests before the configuration is checked, then only read.  An
 * attribute has one provider.  Ids are small, dense and stable while the daemon runs.
 *
 * Built in, declared by schema_new() with source "core":
 *   link.role TEXT, link.capacity BPS    from the configuration's "link NAME { ... }"
 *   host.lateness TIME, host.resyncs,    the daemon's own (architecture.md promises 8 and 9)
 *   host.lost_events, host.sched_delay TIME, host.psi_cpu, psi_memory, psi_io RATIO
 *   sensor.overruns, resyncs, interrupted, gaps, missed, errors, behind TIME, period TIME
 *   flows.rtt TIME, flows.loss RATIO, traffic.in, traffic.out BPS, objective.fulfilled BOOL ...
 *                                        what intents read and tell (schema_intent.c)
 * Names without a stored value, resolved by the evaluator's environment:
 *   action.KIND's arguments, action.kind, action.step; model.confidence; evidence.count;
 *   resource; capacity
 *
 * Errors: negative errno.  Memory: strings of a declaration are copied.
 */
#ifndef FACTS_SCHEMA_H
#define FACTS_SCHEMA_H

#include <anod/plugin.h>

#include "base/util.h"

#define SCHEMA_KINDS_MAX 64
#define SCHEMA_ATTRS_MAX 1024

/* schema_attr.flags, beside ANOD_VALUE_*: made by schema_derive(). */
#define SCHEMA_DERIVED 0x8000

struct schema_attr {
	uint16_t id;   /* 1.. over all kinds */
	uint16_t kind; /* id of its kind, 1.. */
	uint16_t slot; /* 0.. within its kind: the column */
	uint8_t type, unit;
	uint16_t flags;
	uint64_t max_age_us; /* 0: event-driven */
	const char *name, *kind_name, *source, *help;
};

struct schema;

extern const struct anod_kind schema_intent_kinds[]; /* for schema_new() */

struct schema *schema_new(void); /* NULL: no memory */
struct schema *schema_free(struct schema *s);
DEFINE_CLEANUP(struct schema *, schema_free);

/* Take over a manifest's kinds.  -EEXIST: an attribute has another provider, -ENOSPC: a limit;
 * '*ret_why' then names it, in a static buffer. */
int schema_declare(struct schema *s, const char *source, const struct anod_kind *kinds,
		   const char **ret_why);

/* Add an attribute that is calculated from others: source "core", flag SCHEMA_DERIVED, and a name
 * that is no word ("rate(rx_bytes, 30s)"), so that no sensor can declare it.  It stands behind
 * those that sensors declared and is left out of schema_attr_names().  Declared again with the
 * same name, it is the same attribute.  -ENOSPC: a limit, -EINVAL: no such kind, or another type
 * than before. */
int schema_derive(struct schema *s, uint16_t kind, const struct anod_attr *attr,
		  const char **ret_why, const struct schema_attr **ret);
/* Give a derived attribute another name, unit, type, maximum age and help, when nobody uses it any
 * more: its slot is used again. */
int schema_rename(struct schema *s, const struct schema_attr *a, const struct anod_attr *attr);

uint16_t schema_kind_id(const struct schema *s, const char *kind); /* 0: none */
const char *schema_kind_name(const struct schema *s, uint16_t kind);
const char *schema_kind_help(const struct schema *s, uint16_t kind);
unsigned schema_n_kinds(const struct schema *s);
unsigned schema_n_slots(const struct schema *s, uint16_t kind);

const struct schema_attr *schema_attr(const struct schema *s, const char *kind, const char *attr);
const struct schema_attr *schema_attr_at(const struct schema *s, uint16_t kind, uint16_t slot);
const struct schema_attr *schema_attr_by_id(const struct schema *s, uint16_t id);

/* NULL-ended lists for suggestions; borrowed until the next schema_declare(). */
const char *const *schema_kind_names(const struct schema *s);
const char *const *schema_attr_names(const struct schema *s, uint16_t kind);

#endif
