/* watch_help - a watched store that notes what its watches say. */
#ifndef TESTS_WATCH_HELP_H
#define TESTS_WATCH_HELP_H

#include "facts/value.h"
#include "facts/watch.h"
#include "unit/facts_help.h"

struct rig {
	struct schema *schema;
	struct store *store;
	struct watches *w;
	struct expr *expr[8];
	unsigned n_exprs, n_calls;
	char said[512]; /* "wan0=true wan1=unknown " since rig_run() */
	uint64_t next_us;
};

static inline void rig_init(struct rig *r)
{
	*r = (struct rig){ .schema = help_schema() };
	r->store = store_new(r->schema);
	r->w = watches_new(r->store);
	cr_assert(r->w != NULL);
}

static inline void rig_done(struct rig *r)
{
	watches_free(r->w);
	store_free(r->store);
	for (unsigned i = 0; i < r->n_exprs; i++)
		expr_free(r->expr[i]);
	schema_free(r->schema);
}

static inline void rig_heard(void *data, uint64_t id, const char *entity, enum anod_tri truth)
{
	struct rig *r = data;
	size_t len = strlen(r->said);

	(void) id;
	r->n_calls++;
	(void) snprintf(r->said + len, sizeof(r->said) - len, "%s=%s ", entity, tri_name(truth));
}

static inline const struct expr *rig_expr(struct rig *r, const char *text)
{
	r->expr[r->n_exprs] = help_expr(r->schema, text);
	return r->expr[r->n_exprs++];
}

static inline uint64_t rig_watch(struct rig *r, const char *text)
{
	uint64_t id = 0;

	cr_assert(eq(int, watch_add(r->w, rig_expr(r, text), rig_heard, r, &id), 0));
	return id;
}

static inline const char *rig_run(struct rig *r, uint64_t now_us)
{
	r->said[0] = '\0';
	(void) store_expire(r->store, now_us);
	r->next_us = watch_run(r->w, now_us);
	return r->said;
}

static inline void rig_carrier(struct rig *r, const char *name, bool up, uint64_t now_us)
{
	help_put(r->store, "link", name, "carrier", value_bool(up), now_us);
}

#endif
