/*
 * commands_facts - "facts" and "schema" on the control socket.
 *
 * Design.  Numbers of 64 bits go out as they are written, not as doubles, which would lose the
 * last digits of a busy counter.
 */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/commands.h"

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
	cJSON_AddNumberToObject(o, "max_age_us", (double) a->max_age_us);
	cJSON_AddStringToObject(o, "source", a->source);
	if (f.why)
		cJSON_AddStringToObject(o, "why", f.why);
	if (a->flags & ANOD_VALUE_OUTSIDE)
		cJSON_AddTrueToObject(o, "outside");
	return o;
}

static bool wanted(const char *pattern, const char *kind, const char *entity, const char *attr)
{
	char path[2 * ANOD_NAME_SIZE + ANOD_KIND_SIZE];

	if (!pattern || !pattern[0])
		return true;
	(void) snprintf(path, sizeof(path), "%s/%s.%s", kind, entity, attr);
	if (fnmatch(pattern, path, 0) == 0)
		return true;
	/* "link/wan0" and "link" mean all of it. */
	(void) snprintf(path, sizeof(path), "%s/%s", kind, entity);
	return fnmatch(pattern, path, 0) == 0 || strcmp(pattern, kind) == 0;
}

cJSON *cmd_facts(struct command_call *c)
{
	struct host *h = c->h;
	const char *pattern = command_arg(c, "pattern");
	cJSON *data = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(data, "facts");

	for (uint16_t k = 1; k <= schema_n_kinds(h->schema); k++) {
		for (unsigned n = 0; n < store_count(h->store, k); n++) {
			uint32_t e = store_nth(h->store, k, n);
			const char *name = store_entity_name(h->store, e);

			for (uint16_t s = 0; s < schema_n_slots(h->schema, k); s++) {
				const struct schema_attr *a = schema_attr_at(h->schema, k, s);

				if (!stats_dropped(h->stats, a) &&
				    wanted(pattern, a->kind_name, name, a->name))
					cJSON_AddItemToArray(list, fact_json(h, e, a));
			}
		}
	}
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
