/*
 * stats - columns of statistics: who wants which, and their attributes.
 *
 * Design.  A column is found by the name of its attribute, so two expressions that say the same
 * share one.  Nobody can say how long a schema_attr or a slot is remembered elsewhere (in the
 * explanation of a decision, in a cell), so a column that nobody wants any more keeps its
 * attribute for whoever asks for the same again, and gives it away only when there are STATS_MAX
 * of them.  Feeding is in stats_run.c.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "facts/stats_priv.h"
#include "facts/value.h"

#define NAME_SIZE 128

struct wanted {
	const struct stat_desc *fn;
	const struct schema_attr *base, *second;
	uint64_t span_us;
	unsigned depth;
	char name[NAME_SIZE], help[NAME_SIZE];
	struct anod_attr attr;
};

struct stats *stats_new(struct schema *schema, struct store *store)
{
	struct stats *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->schema = schema;
	t->store = store;
	t->memory.max = STATS_BYTES_MAX;
	return t;
}

static void column_free(struct stats *t, struct stats_column *c)
{
	if (c->refs > 0)
		stats_clear(t, c);
	free(c->block);
	free(c);
}

struct stats *stats_free(struct stats *t)
{
	if (!t)
		return NULL;

	for (unsigned k = 0; k < t->n; k++)
		column_free(t, t->column[k]);
	free(t->column);
	free(t);
	return NULL;
}

size_t stats_bytes(const struct stats *t)
{
	return t->memory.used;
}

unsigned stats_count(const struct stats *t)
{
	return t->n_used;
}

uint64_t stats_refused(const struct stats *t)
{
	return t->n_refused + t->memory.n_refused;
}

static struct stats_column *column_of(const struct stats *t, uint16_t kind, int slot)
{
	for (unsigned k = 0; k < t->n; k++)
		if (t->column[k]->attr->kind == kind && t->column[k]->attr->slot == slot)
			return t->column[k];
	return NULL;
}

bool stats_dropped(const struct stats *t, const struct schema_attr *a)
{
	const struct stats_column *c =
		a->flags & SCHEMA_DERIVED ? column_of(t, a->kind, a->slot) : NULL;

	return c && c->refs == 0;
}

/* ---- what an expression wants --------------------------------------------------------------- */

static void wanted_name(struct wanted *w)
{
	struct anod_value span = value_int((int64_t) w->span_us, ANOD_UNIT_TIME);
	char text[32] = "";

	if (w->span_us > 0)
		(void) value_format(&span, text, sizeof(text));
	(void) snprintf(w->name, sizeof(w->name), "%s(%s%s%s%s%s)", w->fn->name, w->base->name,
			w->second ? ", " : "", w->second ? w->second->name : "",
			w->span_us ? ", " : "", text);
	(void) snprintf(w->help, sizeof(w->help), "Calculated from %s while somebody asks for it.",
			w->base->name);
}

/* false: a fact in it is one that nobody provides. */
static bool want(const struct stats *t, const struct expr *e, struct wanted *ret)
{
	const struct expr *a = e->a, *b = e->b;
	const struct stats_column *inner;

	*ret = (struct wanted){ .fn = stat_find(e->name), .span_us = e->dur_us };
	if (!ret->fn || a->kind == 0 || a->slot < 0 || (b && (b->kind == 0 || b->slot < 0)))
		return false;

	ret->base = schema_attr_at(t->schema, a->kind, (uint16_t) a->slot);
	ret->second = b ? schema_attr_at(t->schema, b->kind, (uint16_t) b->slot) : NULL;
	inner = a->op == EXPR_CALL ? column_of(t, a->kind, a->slot) : NULL;
	ret->depth = inner ? inner->depth + 1 : 0;
	wanted_name(ret);
	ret->attr = (struct anod_attr){
		.name = ret->name,
		.type = ret->fn->truth ? ANOD_BOOL : ANOD_REAL,
		.unit = stat_unit(ret->fn->fn, ret->base->unit),
		.max_age_ms = (uint32_t) (ret->base->max_age_us / US_PER_MS),
		.help = ret->help,
	};
	return true;
}

/* ---- columns -------------------------------------------------------------------------------- */

static struct stats_column *find(const struct stats *t, const struct wanted *w)
{
	for (unsigned k = 0; k < t->n; k++) {
		struct stats_column *c = t->column[k];

		if (c->attr->kind == w->base->kind && strcmp(c->attr->name, w->name) == 0)
			return c;
	}
	return NULL;
}

/* A column that was let go longest ago and can hold this one's values. */
static struct stats_column *find_dropped(const struct stats *t, const struct wanted *w)
{
	struct stats_column *found = NULL;

	for (unsigned k = 0; k < t->n; k++) {
		struct stats_column *c = t->column[k];

		if (c->refs == 0 && c->attr->kind == w->base->kind &&
		    c->attr->type == w->attr.type && c->attr->max_age_us == w->base->max_age_us &&
		    (!found || c->dropped < found->dropped))
			found = c;
	}
	return found;
}

static int column_add(struct stats *t, const struct wanted *w, const char **ret_why,
		      struct stats_column **ret)
{
	const struct schema_attr *a;
	struct stats_column *c;
	int r;

	if (t->n == t->room) {
		struct stats_column **grown = reallocarray(t->column, t->room + 16, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		t->column = grown;
		t->room += 16;
	}
	r = schema_derive(t->schema, w->base->kind, &w->attr, ret_why, &a);
	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->attr = a;
	t->column[t->n++] = c;
	*ret = c;
	return 0;
}

static int column_get(struct stats *t, const struct wanted *w, const char **ret_why,
		      struct stats_column **ret)
{
	struct stats_column *c = t->n >= STATS_MAX ? find_dropped(t, w) : NULL;
	int r;

	/* Columns stay, and so does their share of the schema: what agents can make is bounded, or
	 * watches of one kind after the other would leave nothing for the policy and for sensors. */
	if (!c && t->for_agent && t->n >= STATS_MAX) {
		*ret_why = "all columns are taken, and none that was dropped is of its kind";
		return -ENOSPC;
	}
	if (!c)
		return column_add(t, w, ret_why, ret);
	r = schema_rename(t->schema, c->attr, &w->attr);
	if (r < 0)
		return r;
	*ret = c;
	return 0;
}

static int column_begin(struct stats *t, struct stats_column *c, const struct wanted *w,
			const char **ret_why)
{
	static char why[160];
	size_t size, max = t->for_agent ? t->memory.max / 4 * 3 : t->memory.max;

	c->fn = w->fn;
	c->base = w->base;
	c->second = w->second;
	c->span_us = w->span_us;
	c->depth = w->depth;
	c->scale = stat_scale(w->fn->fn, w->base->unit);
	stat_window_init(&c->window, w->fn->fn, w->span_us, w->base->max_age_us,
			 w->base->type == ANOD_INT, &t->memory);
	c->row_size = stat_size(w->fn->fn, &c->window);
	c->hold_us = w->base->max_age_us == 0 ? stat_hold_us(w->fn->fn, w->span_us) : 0;
	c->next_us = 0;
	size = table_n_blocks(t->store, w->base->kind) * stats_block_size(c);
	if (t->memory.used + size > max) {
		(void) snprintf(why, sizeof(why),
				"%.80s of all %u entities would bring the statistics over %u MiB",
				w->name, store_count(t->store, w->base->kind),
				(unsigned) (max >> 20));
		*ret_why = why;
		return -ENOSPC;
	}

	store_need(t->store, c->base, true);
	if (c->second)
		store_need(t->store, c->second, true);
	t->n_used++;
	return 0;
}

static void column_end(struct stats *t, struct stats_column *c)
{
	stats_clear(t, c);
	store_need(t->store, c->base, false);
	if (c->second)
		store_need(t->store, c->second, false);
	t->n_used--;
	c->dropped = ++t->n_drops;
}

static int column_want(struct stats *t, const struct wanted *w, const char **ret_why,
		       struct stats_column **ret)
{
	unsigned max = t->for_agent ? STATS_MAX - STATS_POLICY : STATS_MAX;
	struct stats_column *c = find(t, w);
	static char why[64];
	int r = 0;

	*ret_why = "out of memory";
	if (!c || c->refs == 0) {
		if (t->n_used >= max) {
			(void) snprintf(why, sizeof(why), "there are %u statistics already", max);
			*ret_why = why;
			r = -ENOSPC;
		}
		if (r >= 0 && !c)
			r = column_get(t, w, ret_why, &c);
		if (r >= 0)
			r = column_begin(t, c, w, ret_why);
		if (r < 0) {
			t->n_refused++;
			return r;
		}
	}
	c->refs++;
	*ret = c;
	return 0;
}

/* ---- bind and unbind ------------------------------------------------------------------------ */

static int bind_call(struct stats *t, struct expr *e, const char **ret_why)
{
	_cleanup_(freep) char *entity = e->a->entity ? strdup(e->a->entity) : NULL;
	struct stats_column *c;
	struct wanted w;
	int r;

	if (!want(t, e, &w))
		return 0;
	if (e->a->entity && !entity) {
		*ret_why = "out of memory";
		return -ENOMEM;
	}
	r = column_want(t, &w, ret_why, &c);
	if (r < 0)
		return r;
	e->kind = c->attr->kind;
	e->slot = c->attr->slot;
	free(e->entity);
	e->entity = TAKE(entity);
	return 0;
}

/* Arguments first: a function of a function is one of its column. */
static int bind_tree(struct stats *t, struct expr *e, const char **ret_why)
{
	int r;

	if (!e)
		return 0;
	r = bind_tree(t, e->a, ret_why);
	if (r >= 0)
		r = bind_tree(t, e->b, ret_why);
	return r >= 0 && e->op == EXPR_CALL ? bind_call(t, e, ret_why) : r;
}

int stats_bind(struct stats *t, struct expr *e, const char **ret_why)
{
	int r = bind_tree(t, e, ret_why);

	if (r < 0)
		stats_unbind(t, e);
	return r;
}

int stats_bind_agent(struct stats *t, struct expr *e, const char **ret_why)
{
	int r;

	t->for_agent = true;
	r = stats_bind(t, e, ret_why);
	t->for_agent = false;
	return r;
}

void stats_unbind(struct stats *t, struct expr *e)
{
	struct stats_column *c;

	if (!e)
		return;
	stats_unbind(t, e->a);
	stats_unbind(t, e->b);
	/* path.rtt(NAME) was bound by expr_check(), and stays so. */
	if (e->op != EXPR_CALL || e->kind == 0 || e->slot < 0 || !stat_find(e->name))
		return;

	c = column_of(t, e->kind, e->slot);
	if (c && c->refs > 0 && --c->refs == 0)
		column_end(t, c);
	e->kind = 0;
	e->slot = -1;
	free(e->entity);
	e->entity = NULL;
}
