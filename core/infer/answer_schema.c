/*
 * answer_schema - what a model may answer, as a JSON schema.
 *
 * Design.  The subset that every server takes in its strict mode: each member is required,
 * additionalProperties is false, an argument that may be left out is nullable, and there are no
 * bounds of length or range: some servers refuse them, llama.cpp turns a long maxLength into a
 * huge grammar.  Bounds and units are in the descriptions, where the model reads them, and
 * answer_check() enforces them.
 *
 * An action that needs a link is left out when there is no link to name, because an enum may not
 * be empty.
 */
#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "infer/answer.h"
#include "infer/infer.h"
#include "infer/offer.h"

DEFINE_CLEANUP(cJSON *, cJSON_Delete);

const char *param_unit_word(const struct anod_param *p)
{
	switch ((enum anod_unit) p->unit) {
	case ANOD_UNIT_RATIO:
		return "as a ratio, 1 is 100 %";
	case ANOD_UNIT_TIME:
		return "in microseconds";
	case ANOD_UNIT_BYTES:
		return "in bytes";
	case ANOD_UNIT_PACKETS:
		return "in packets";
	case ANOD_UNIT_BPS:
		return "in bits per second";
	case ANOD_UNIT_PPS:
		return "in packets per second";
	case ANOD_UNIT_NONE:
		break;
	}
	return "";
}

bool param_offered(const struct anod_param *p, const char *const *links)
{
	return !param_is_link(p) || list_size(links) > 0;
}

bool action_offered(const struct anod_action_desc *d, const char *const *links)
{
	for (const struct anod_param *p = d->params; p->name; p++)
		if (p->required && !param_offered(p, links))
			return false;
	return true;
}

static const char *type_word(const struct anod_param *p)
{
	switch ((enum anod_type) p->type) {
	case ANOD_BOOL:
		return "boolean";
	case ANOD_INT:
		return "integer";
	case ANOD_REAL:
		return "number";
	case ANOD_TEXT:
	case ANOD_PREFIX:
	case ANOD_UNKNOWN:
		break;
	}
	return "string";
}

static void describe(cJSON *s, const struct anod_param *p)
{
	char text[320];
	int n = snprintf(text, sizeof(text), "%s", p->help ? p->help : p->name);
	const char *unit = param_unit_word(p);

	if (n < 0 || (size_t) n >= sizeof(text))
		n = (int) sizeof(text) - 1;
	if (*unit)
		n += snprintf(text + n, sizeof(text) - (size_t) n, "; %s", unit);
	if ((size_t) n < sizeof(text) && p->type == ANOD_INT && (p->min || p->max))
		(void) snprintf(text + n, sizeof(text) - (size_t) n, "; %" PRId64 " to %" PRId64,
				p->min, p->max);
	clean_text(text);
	(void) cJSON_AddStringToObject(s, "description", text);
}

static void add_words(cJSON *s, const char *const *words, bool nullable)
{
	cJSON *list = cJSON_AddArrayToObject(s, "enum");

	for (; *words; words++)
		(void) cJSON_AddItemToArray(list, cJSON_CreateString(*words));
	if (nullable)
		(void) cJSON_AddItemToArray(list, cJSON_CreateNull());
}

static cJSON *param_schema(const struct anod_param *p, const char *const *links)
{
	cJSON *s = cJSON_CreateObject(), *types;
	const char *const *words = param_is_link(p) ? links : p->words;

	if (p->required)
		(void) cJSON_AddStringToObject(s, "type", type_word(p));
	else {
		types = cJSON_AddArrayToObject(s, "type");
		(void) cJSON_AddItemToArray(types, cJSON_CreateString(type_word(p)));
		(void) cJSON_AddItemToArray(types, cJSON_CreateString("null"));
	}
	if (p->type == ANOD_TEXT && words)
		add_words(s, words, !p->required);
	describe(s, p);
	return s;
}

/* An object whose members are all required. */
static cJSON *object_schema(cJSON **ret_properties)
{
	cJSON *s = cJSON_CreateObject();

	(void) cJSON_AddStringToObject(s, "type", "object");
	*ret_properties = cJSON_AddObjectToObject(s, "properties");
	(void) cJSON_AddArrayToObject(s, "required");
	(void) cJSON_AddFalseToObject(s, "additionalProperties");
	return s;
}

static void add_property(cJSON *s, const char *name, cJSON *schema)
{
	(void) cJSON_AddItemToObject(cJSON_GetObjectItemCaseSensitive(s, "properties"), name,
				     schema);
	(void) cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(s, "required"),
				    cJSON_CreateString(name));
}

static cJSON *text_schema(const char *description)
{
	cJSON *s = cJSON_CreateObject();

	(void) cJSON_AddStringToObject(s, "type", "string");
	(void) cJSON_AddStringToObject(s, "description", description);
	return s;
}

static cJSON *action_schema(const struct anod_action_desc *d, const char *const *links)
{
	const char *const kind[] = { d->kind, NULL };
	cJSON *properties, *s = object_schema(&properties), *args = object_schema(&properties);
	cJSON *word = cJSON_CreateObject();

	for (const struct anod_param *p = d->params; p->name; p++)
		if (param_offered(p, links))
			add_property(args, p->name, param_schema(p, links));

	(void) cJSON_AddStringToObject(word, "type", "string");
	add_words(word, kind, false);
	if (d->help)
		(void) cJSON_AddStringToObject(s, "description", d->help);
	add_property(s, "kind", word);
	add_property(s, "args", args);
	return s;
}

char *answer_schema_json(const struct anod_action_desc *const *actions, const char *const *links)
{
	cJSON *properties, *any, *action = cJSON_CreateObject(), *null = cJSON_CreateObject();
	_cleanup_(cJSON_Deletep) cJSON *s = object_schema(&properties);

	add_property(s, "cause",
		     text_schema("root cause, a few lower-case words joined by '-', "
				 "at most 60 bytes"));
	add_property(s, "summary", text_schema("one sentence for the operator, at most 150 bytes"));

	(void) cJSON_AddStringToObject(action, "description", "null: do nothing");
	any = cJSON_AddArrayToObject(action, "anyOf");
	(void) cJSON_AddStringToObject(null, "type", "null");
	(void) cJSON_AddItemToArray(any, null);
	for (; actions && *actions; actions++)
		if (action_offered(*actions, links))
			(void) cJSON_AddItemToArray(any, action_schema(*actions, links));
	add_property(s, "action", action);
	return cJSON_PrintUnformatted(s);
}
