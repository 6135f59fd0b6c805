/*
 * override_save - overrides in force as JSON, and back.
 *
 * Design.  What is read came from a file, so nothing of it is taken unless all of it is sound.  An
 * end that lies further away than an override may last is not, whatever the file says.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "policy/override_int.h"

static bool save_one(cJSON *list, const struct override *x)
{
	cJSON *o = cJSON_CreateObject(), *people;
	char text[2 * APPROVAL_HASH + 1];

	(void) sodium_bin2hex(text, sizeof(text), x->text, sizeof(x->text));
	if (!o || !cJSON_AddItemToArray(list, o) ||
	    !cJSON_AddStringToObject(o, "invariant", x->invariant) ||
	    !cJSON_AddStringToObject(o, "text", text) ||
	    !cJSON_AddNumberToObject(o, "until_us", (double) x->until_us))
		return false;

	people = cJSON_AddArrayToObject(o, "people");
	for (unsigned i = 0; people && i < x->n; i++)
		if (!cJSON_AddItemToArray(people, cJSON_CreateString(x->request[i].user)))
			return false;
	return people != NULL;
}

struct cJSON *overrides_json(const struct overrides *o, uint64_t now_us)
{
	cJSON *list = cJSON_CreateArray();

	for (unsigned i = 0; list && i < o->n; i++) {
		if (o->item[i].until_us <= now_us || save_one(list, &o->item[i]))
			continue;
		cJSON_Delete(list);
		return NULL;
	}
	return list;
}

static int load_people(struct override *x, const cJSON *people)
{
	const cJSON *p;

	cJSON_ArrayForEach(p, people)
	{
		if (!cJSON_IsString(p) || !p->valuestring[0] || x->n == ARRAY_SIZE(x->request) ||
		    !copy_text(x->request[x->n].user, sizeof(x->request[0].user), p->valuestring))
			return -EBADMSG;
		x->n++;
	}
	override_name_people(x);
	return x->n ? 0 : -EBADMSG;
}

static int load_one(struct override *x, const cJSON *o, uint64_t now_us)
{
	const cJSON *name = cJSON_GetObjectItem(o, "invariant"),
		    *text = cJSON_GetObjectItem(o, "text");
	const cJSON *until = cJSON_GetObjectItem(o, "until_us");
	const cJSON *people = cJSON_GetObjectItem(o, "people");
	size_t n = 0;
	int r;

	if (!cJSON_IsString(name) || !cJSON_IsString(text) || !cJSON_IsNumber(until) ||
	    !cJSON_IsArray(people) || !(until->valuedouble > 0) ||
	    !(until->valuedouble < (double) (now_us + OVERRIDE_MAX_US)))
		return -EBADMSG;
	if (sodium_hex2bin(x->text, sizeof(x->text), text->valuestring, strlen(text->valuestring),
			   NULL, &n, NULL) != 0 ||
	    n != sizeof(x->text))
		return -EBADMSG;
	r = load_people(x, people);
	if (r < 0)
		return r;

	x->until_us = (uint64_t) until->valuedouble;
	x->invariant = strdup(name->valuestring);
	return x->invariant ? 0 : -ENOMEM;
}

int overrides_load(struct overrides *o, const struct cJSON *list, uint64_t now_us)
{
	unsigned before = o->n;
	const cJSON *i;
	int r = cJSON_IsArray(list) ? 0 : -EBADMSG;

	cJSON_ArrayForEach(i, list)
	{
		if (r < 0 || o->n == ARRAY_SIZE(o->item))
			break;
		o->item[o->n] = (struct override){ 0 };
		r = load_one(&o->item[o->n], i, now_us);
		o->n += r == 0;
	}
	while (r < 0 && o->n > before)
		override_drop(o, &o->item[o->n - 1]);
	return r;
}
