/*
 * commands_facts - "facts" and "schema" on the control socket.
 *
 * Design.  Numbers of 64 bits go out as they are written, not as doubles, which would lose the
 * last digits of a busy counter.  An answer holds a page of facts, and says how many there are.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/commands.h"
#include "host/fact_match.h"

#define FACTS_PAGE_MAX 2000 /* facts of one answer: more would hold up the loop */

static void add_raw(cJSON *o, const struct anod_value *v)
{
	char text[64];

	switch ((enum anod_type) v->type) {
	case ANOD_BOOL:
		cJSON_AddBoolToObject(o, "raw", v->u.i != 0);
		return;
	case ANOD_INT: /* as written: a double would lose digits of a 64-bit counter */
		(void) snprintf(text, sizeof(text), "%" PRId64, v->u.i);
		cJSON_AddRawToObject(o, "raw", text);
		return;
	case ANOD_REAL:
		cJSON_AddNumberToObject(o, "raw", v->u.r);
		return;
	case ANOD_TEXT:
		cJSON_AddStringToObject(o, "raw", v->u.text);
		return;
	case ANOD_PREFIX:
		cJSON_AddStringToObject(o, "raw", prefix_format(&v->u.prefix, text, sizeof(text)));
		return;
	case ANOD_UNKNOWN:
		break;
	}
	cJSON_AddNullToObject(o, "raw");
}

cJSON *fact_json(struct host *h, uint32_t entity, const struct schema_attr *a)
{
	uint64_t now = host_now(h);
	char text[96];
	struct fact f;
	cJSON *o;

	if (store_get(h->store, entity, a->slot, now, &f) < 0)
		return NULL;

	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "kind", a->kind_name);
	cJSON_AddStringToObject(o, "entity", store_entity_name(h->store, entity));
	cJSON_AddStringToObject(o, "attr", a->name);
	cJSON_AddStringToObject(o, "value", value_show(&f.value, text, sizeof(text)));
	add_raw(o, &f.value);
	cJSON_AddStringToObject(o, "unit", unit_name(a->unit));
	if (f.time_us)
		cJSON_AddNumberToObject(o, "age_us",
					(double) (now > f.time_us ? now - f.time_us : 0));
	else
		cJSON_AddNullToObject(o, "age_us");
	if (f.changed_us)
		cJSON_AddNumberToObject(o, "since_us",
					(double) (now > f.changed_us ? now - f.changed_us : 0));
	cJSON_AddNumberToObject(o, "max_age_us", (double) a->max_age_us);
	cJSON_AddStringToObject(o, "source", a->source);
	if (f.why)
		cJSON_AddStringToObject(o, "why", f.why);
	if (a->flags & ANOD_VALUE_OUTSIDE)
		cJSON_AddTrueToObject(o, "outside");
	return o;
}

/* Facts of one answer.  A page may begin anywhere, so what is before it is counted, not read. */
struct facts_page {
	struct host *h;
	struct fact_match match;
	unsigned offset, limit, total;
	cJSON *list;
};

static void take(struct facts_page *p, uint32_t entity, const struct schema_attr *a)
{
	cJSON *o;

	if (p->total++ < p->offset || p->limit == 0)
		return;
	o = fact_json(p->h, entity, a);
	if (!o)
		return;
	cJSON_AddItemToArray(p->list, o);
	p->limit--;
}

/* Attributes of one kind: those that there are, of them those that the pattern may mean. */
struct facts_kind {
	uint16_t kind;
	unsigned n_there;
	bool there[SCHEMA_ATTRS_MAX], maybe[SCHEMA_ATTRS_MAX];
};

static void kind_open(const struct facts_page *p, uint16_t kind, struct facts_kind *ret)
{
	const struct schema *s = p->h->schema;

	memset(ret, 0, sizeof(*ret));
	ret->kind = kind;
	for (uint16_t slot = 0; slot < schema_n_slots(s, kind); slot++) {
		const struct schema_attr *a = schema_attr_at(s, kind, slot);

		/* The column of a statistic that nobody asks for any more is no fact. */
		ret->there[slot] = !stats_dropped(p->h->stats, a);
		ret->maybe[slot] = ret->there[slot] && fact_match_maybe(&p->match, a);
		ret->n_there += ret->there[slot];
	}
}

static void take_entity(struct facts_page *p, const struct facts_kind *k, uint32_t entity)
{
	const struct schema *s = p->h->schema;
	const char *name = store_entity_name(p->h->store, entity);
	uint16_t n = (uint16_t) schema_n_slots(s, k->kind);
	bool all = fact_match_entity(&p->match, schema_kind_name(s, k->kind), name);

	if (all && (p->limit == 0 || p->total + k->n_there <= p->offset)) {
		p->total += k->n_there;
		return;
	}
	for (uint16_t slot = 0; slot < n; slot++) {
		const struct schema_attr *a = schema_attr_at(s, k->kind, slot);

		if (all ? k->there[slot] : k->maybe[slot] && fact_match_attr(&p->match, name, a))
			take(p, entity, a);
	}
}

static unsigned page_arg(const struct command_call *c, const char *name, unsigned dflt,
			 unsigned max)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(c->args, name);

	return cJSON_IsNumber(n) && n->valuedouble >= 0 ? (unsigned) MIN_OF(n->valuedouble, max)
							: dflt;
}

cJSON *cmd_facts(struct command_call *c)
{
	struct facts_page p = {
		.h = c->h,
		.offset = page_arg(c, "offset", 0, UINT32_MAX / 2),
		.limit = page_arg(c, "limit", FACTS_PAGE_MAX, FACTS_PAGE_MAX),
	};
	const struct schema *s = c->h->schema;
	cJSON *data;

	if (fact_match_open(&p.match, cJSON_GetObjectItemCaseSensitive(c->args, "pattern")) < 0)
		return command_fail(c, EINVAL, "pattern is a text, or a list of at most %d",
				    FACT_PATTERNS_MAX);
	data = cJSON_CreateObject();
	p.list = cJSON_AddArrayToObject(data, "facts");
	for (uint16_t kind = 1; kind <= schema_n_kinds(s); kind++) {
		struct facts_kind k;

		kind_open(&p, kind, &k);
		for (unsigned n = 0; n < store_count(c->h->store, kind); n++)
			take_entity(&p, &k, store_nth(c->h->store, kind, n));
	}
	fact_match_close(&p.match);
	cJSON_AddNumberToObject(data, "offset", p.offset);
	cJSON_AddNumberToObject(data, "total", p.total);
	return data;
}

static const char *type_word(uint8_t type)
{
	static const char *const words[] = { "unknown", "bool", "int", "real", "text", "prefix" };

	return type < ARRAY_SIZE(words) ? words[type] : "?";
}

cJSON *cmd_schema(struct command_call *c)
{
	const struct schema *s = c->h->schema;
	cJSON *data = cJSON_CreateObject(), *kinds = cJSON_AddArrayToObject(data, "kinds");

	for (uint16_t k = 1; k <= schema_n_kinds(s); k++) {
		cJSON *o = cJSON_CreateObject(), *attrs;

		cJSON_AddStringToObject(o, "kind", schema_kind_name(s, k));
		cJSON_AddStringToObject(o, "help", schema_kind_help(s, k) ?: "");
		attrs = cJSON_AddArrayToObject(o, "attrs");
		for (uint16_t i = 0; i < schema_n_slots(s, k); i++) {
			const struct schema_attr *a = schema_attr_at(s, k, i);
			cJSON *e;

			if (stats_dropped(c->h->stats, a))
				continue;
			e = cJSON_CreateObject();
			cJSON_AddStringToObject(e, "attr", a->name);
			cJSON_AddStringToObject(e, "type", type_word(a->type));
			cJSON_AddStringToObject(e, "unit", unit_name(a->unit));
			cJSON_AddNumberToObject(e, "max_age_us", (double) a->max_age_us);
			cJSON_AddStringToObject(e, "source", a->source);
			cJSON_AddStringToObject(e, "help", a->help ?: "");
			cJSON_AddItemToArray(attrs, e);
		}
		cJSON_AddItemToArray(kinds, o);
	}
	return data;
}
