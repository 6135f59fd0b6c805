/*
 * follow - changes of facts for one reader, as fast as it reads and no faster.
 *
 * Design.  An entry per fact that changed lately, found by (entity, slot), in one of two queues:
 * 'ready' waits to be sent, in the order of the first change; 'resting' was sent less than
 * FOLLOW_GAP_US ago, in the order of sending.  When its rest is over an entry that changed
 * meanwhile gets ready again, and one that did not is forgotten.  An entity that comes or goes is
 * an entry, too, and remembers its name.
 */
#include "host/follow.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "host/fact_match.h"

#define WAIT_US	     (20 * US_PER_MS) /* until there is room for the next lines */
#define BUDGET_BURST (FOLLOW_LINES_MAX / 4.0)

struct entry {
	uint64_t key;
	uint32_t entity;
	int slot; /* -1: the entity itself */
	uint16_t kind;
	bool gone, changed; /* changed: while it rested */
	unsigned folded;
	uint64_t sent_us;
	struct entry *next;
	UT_hash_handle hh;
	char name[]; /* of an entity that came or went */
};

struct queue {
	struct entry *first, **last;
};

struct follow {
	struct host *host;
	struct fact_match match;
	uint8_t named[SCHEMA_ATTRS_MAX + 1]; /* by id: sampled facts that are followed */
	struct entry *table;
	struct queue ready, resting;
	uint64_t lost, budget_us;
	double budget; /* lines that may be sent now */
};

static void push(struct queue *q, struct entry *e)
{
	e->next = NULL;
	*q->last = e;
	q->last = &e->next;
}

static struct entry *pop(struct queue *q)
{
	struct entry *e = q->first;

	if (e) {
		q->first = e->next;
		if (!q->first)
			q->last = &q->first;
	}
	return e;
}

static void forget(struct follow *f, struct entry *e)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is in the table */
	HASH_DEL(f->table, e);
	free(e);
}

/* ---- what is wanted ----------------------------------------------------------------------------- */

static void want(struct follow *f, bool on)
{
	const struct schema *s = f->host->schema;

	for (uint16_t id = 1; id <= SCHEMA_ATTRS_MAX; id++) {
		const struct schema_attr *a = schema_attr_by_id(s, id);

		if (!a)
			break;
		if (on)
			f->named[id] = a->max_age_us > 0 && fact_match_names(&f->match, a);
		if (!f->named[id])
			continue;
		store_want(f->host->store, a, on);
		need_look(f->host, a, on);
	}
}

int follow_new(struct host *h, const cJSON *pattern, struct follow **ret)
{
	struct follow *f = calloc(1, sizeof(*f));
	int r = f ? fact_match_open(&f->match, pattern) : -ENOMEM;

	if (r < 0) {
		free(f);
		return r;
	}
	f->host = h;
	f->ready.last = &f->ready.first;
	f->resting.last = &f->resting.first;
	f->budget = BUDGET_BURST;
	f->budget_us = host_now(h);
	want(f, true);
	*ret = f;
	return 0;
}

struct follow *follow_free(struct follow *f)
{
	struct entry *e, *next;

	if (!f)
		return NULL;

	want(f, false);
	HASH_ITER(hh, f->table, e, next)
	forget(f, e);
	fact_match_close(&f->match);
	free(f);
	return NULL;
}

/* ---- changes in ---------------------------------------------------------------------------------- */

/* An entity counts when any of its facts does. */
static bool follows_entity(const struct follow *f, const struct store_change *c)
{
	const struct schema *s = f->host->schema;

	if (fact_match_entity(&f->match, schema_kind_name(s, c->kind), c->name))
		return true;
	for (uint16_t slot = 0; slot < schema_n_slots(s, c->kind); slot++)
		if (fact_match_attr(&f->match, c->name, schema_attr_at(s, c->kind, slot)))
			return true;
	return false;
}

static bool follows(const struct follow *f, const struct store_change *c)
{
	if (!c->attr)
		return follows_entity(f, c);
	if (c->attr->max_age_us > 0)
		return f->named[c->attr->id] && fact_match_sampled(&f->match, c->name, c->attr);
	return fact_match_attr(&f->match, c->name, c->attr) ||
	       fact_match_entity(&f->match, c->attr->kind_name, c->name);
}

static struct entry *entry_new(struct follow *f, const struct store_change *c, uint64_t key)
{
	size_t n = c->attr ? 0 : strlen(c->name);
	struct entry *e;

	if (HASH_COUNT(f->table) >= FOLLOW_ENTRIES_MAX)
		return NULL;
	e = calloc(1, sizeof(*e) + n + 1);
	if (!e)
		return NULL;
	e->key = key;
	e->entity = c->entity;
	e->slot = c->slot;
	e->kind = c->kind;
	memcpy(e->name, c->name, n);
	HASH_ADD(hh, f->table, key, sizeof(e->key), e);
	return e;
}

void follow_change(struct follow *f, const struct store_change *c, uint64_t now_us)
{
	uint64_t key = (uint64_t) c->entity << 32 | (uint32_t) (c->slot + 1);
	struct entry *e;

	(void) now_us;
	if (!follows(f, c))
		return;

	HASH_FIND(hh, f->table, &key, sizeof(key), e);
	if (!e) {
		e = entry_new(f, c, key);
		if (!e) {
			f->lost++;
			return;
		}
		push(&f->ready, e);
	} else {
		e->folded += e->changed || e->sent_us == 0;
		e->changed = e->sent_us != 0;
	}
	e->gone = c->gone;
}

/* ---- lines out ----------------------------------------------------------------------------------- */

static void wake(struct follow *f, uint64_t now_us)
{
	struct entry *e;

	while ((e = f->resting.first) && now_us - e->sent_us >= FOLLOW_GAP_US) {
		(void) pop(&f->resting);
		if (!e->changed) {
			forget(f, e);
			continue;
		}
		e->changed = false;
		e->sent_us = 0;
		push(&f->ready, e);
	}
}

static void add_time(cJSON *o, uint64_t age_us)
{
	char when[40];

	cJSON_AddStringToObject(o, "t", format_wall(clock_wall_us() - age_us, when, sizeof(when)));
}

static cJSON *entity_json(const struct follow *f, const struct entry *e)
{
	cJSON *o = cJSON_CreateObject();

	add_time(o, 0);
	cJSON_AddStringToObject(o, "kind", schema_kind_name(f->host->schema, e->kind));
	cJSON_AddStringToObject(o, "entity", e->name);
	cJSON_AddStringToObject(o, "event", e->gone ? "gone" : "came");
	return o;
}

static cJSON *line_json(const struct follow *f, const struct entry *e, uint64_t now_us)
{
	const struct schema_attr *a;
	struct fact v;
	cJSON *o;

	if (e->slot < 0)
		return entity_json(f, e);

	a = schema_attr_at(f->host->schema, e->kind, (uint16_t) e->slot);
	o = a ? fact_json(f->host, e->entity, a) : NULL;
	if (!o || store_get(f->host->store, e->entity, a->slot, now_us, &v) < 0) {
		cJSON_Delete(o);
		return NULL; /* it went: its entity's line says so */
	}
	add_time(o, v.changed_us && v.changed_us < now_us && !v.why ? now_us - v.changed_us : 0);
	return o;
}

static bool may_send(struct follow *f, uint64_t now_us)
{
	double s = (double) (now_us - f->budget_us) / (double) US_PER_S;

	f->budget = MIN_OF(f->budget + s * FOLLOW_LINES_MAX, BUDGET_BURST);
	f->budget_us = now_us;
	return f->budget >= 1;
}

cJSON *follow_next(struct follow *f, uint64_t now_us)
{
	struct entry *e;
	cJSON *o = NULL;

	wake(f, now_us);
	while (!o && (f->ready.first || f->lost) && may_send(f, now_us)) {
		if (f->lost) {
			o = cJSON_CreateObject();
			add_time(o, 0);
			cJSON_AddNumberToObject(o, "lost", (double) f->lost);
			f->lost = 0;
			break;
		}
		e = pop(&f->ready);
		o = line_json(f, e, now_us);
		if (!o) {
			forget(f, e);
			continue;
		}
		if (e->folded)
			cJSON_AddNumberToObject(o, "folded", e->folded);
		e->folded = 0;
		e->sent_us = now_us;
		push(&f->resting, e);
	}
	if (o)
		f->budget -= 1;
	return o;
}

uint64_t follow_due(const struct follow *f, uint64_t now_us)
{
	if (f->ready.first || f->lost)
		return now_us + WAIT_US;
	return f->resting.first ? f->resting.first->sent_us + FOLLOW_GAP_US : US_INFINITY;
}
