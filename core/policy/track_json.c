/*
 * track_json - an entry of the track as JSON, with ages in place of times.
 *
 * Design.  Boot time means nothing after a reboot, so what is written is how long ago something
 * was, and the reader says how long ago it was written.  Names are read as they are: a permit
 * that is gone simply is not asked about any more.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "policy/track.h"

static bool add_age(cJSON *o, const char *name, int64_t at_us, int64_t now_us)
{
	int64_t age_us;

	if (__builtin_sub_overflow(now_us, at_us, &age_us))
		return false;
	return cJSON_AddNumberToObject(o, name, (double) MAX_OF(age_us, 0)) != NULL;
}

static bool add_turn(cJSON *o, const struct track_turn *m)
{
	return !m->key || (cJSON_AddNumberToObject(o, "key", m->key) &&
			   cJSON_AddNumberToObject(o, "way", m->way) &&
			   cJSON_AddNumberToObject(o, "from", m->from) &&
			   cJSON_AddNumberToObject(o, "to", m->to));
}

static bool add_all(cJSON *o, const struct track_entry *e, int64_t now_us)
{
	return cJSON_AddNumberToObject(o, "tx", (double) e->tx) &&
	       cJSON_AddNumberToObject(o, "nth", e->nth) &&
	       cJSON_AddStringToObject(o, "agent", e->agent) &&
	       cJSON_AddStringToObject(o, "permit", e->permit) &&
	       cJSON_AddStringToObject(o, "action", e->action) &&
	       cJSON_AddStringToObject(o, "resource", e->resource) &&
	       cJSON_AddStringToObject(o, "class", e->role) &&
	       cJSON_AddStringToObject(o, "end", outcome_name(e->outcome)) &&
	       (!e->audited || cJSON_AddTrueToObject(o, "audited")) &&
	       (!e->touched || cJSON_AddTrueToObject(o, "touched")) &&
	       (!e->vague || cJSON_AddTrueToObject(o, "vague")) && add_turn(o, &e->turn) &&
	       add_age(o, "age_us", e->at_us, now_us) &&
	       (!e->applied || add_age(o, "applied_age_us", e->applied_us, now_us)) &&
	       (!e->undone || add_age(o, "undone_age_us", e->undone_us, now_us));
}

cJSON *track_entry_json(const struct track_entry *e, int64_t now_us)
{
	cJSON *o = cJSON_CreateObject();

	if (o && add_all(o, e, now_us))
		return o;
	cJSON_Delete(o);
	return NULL;
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool take_text(const cJSON *o, const char *name, char *ret, size_t size)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsString(v) && strlen(v->valuestring) < size &&
	       copy_text(ret, size, v->valuestring);
}

static bool take_number(const cJSON *o, const char *name, double least, double most, double *ret)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	if (!cJSON_IsNumber(v) || !(v->valuedouble >= least) || !(v->valuedouble <= most))
		return false;
	*ret = v->valuedouble;
	return true;
}

/* False: it is there and no age. */
static bool take_time(const cJSON *o, const char *name, int64_t now_us, uint64_t away_us,
		      bool *ret_is, int64_t *ret_us)
{
	double age;

	*ret_is = cJSON_GetObjectItemCaseSensitive(o, name) != NULL;
	if (!*ret_is)
		return true;
	if (!take_number(o, name, 0, 9e15, &age))
		return false;
	*ret_us = now_us - (int64_t) MIN_OF(away_us, (uint64_t) INT64_MAX / 4) - (int64_t) age;
	return true;
}

static bool take_outcome(const cJSON *o, enum outcome *ret)
{
	char word[16];

	if (!take_text(o, "end", word, sizeof(word)))
		return false;
	for (*ret = OUTCOME_OPEN; *ret <= OUTCOME_STUCK; (*ret)++)
		if (strcmp(word, outcome_name(*ret)) == 0)
			return true;
	return false;
}

static bool take_turn(const cJSON *o, struct track_turn *ret)
{
	double key, way, from, to;

	*ret = (struct track_turn){ 0 };
	if (!cJSON_GetObjectItemCaseSensitive(o, "key"))
		return true;
	if (!take_number(o, "key", 1, UINT32_MAX, &key) || !take_number(o, "way", -1, 1, &way) ||
	    !take_number(o, "from", 0, UINT32_MAX, &from) ||
	    !take_number(o, "to", 0, UINT32_MAX, &to))
		return false;
	*ret = (struct track_turn){ .key = (uint32_t) key,
				    .way = (int32_t) way,
				    .from = (uint32_t) from,
				    .to = (uint32_t) to };
	return true;
}

static bool is_true(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, name));
}

int track_entry_read(const cJSON *o, int64_t now_us, uint64_t away_us, struct track_entry *ret)
{
	struct track_entry e = { 0 };
	double tx, nth;
	bool has_age;

	if (!take_number(o, "tx", 0, 9e15, &tx) ||
	    !take_number(o, "nth", 0, TRACK_TX_MAX - 1, &nth) ||
	    !take_text(o, "agent", e.agent, sizeof(e.agent)) ||
	    !take_text(o, "permit", e.permit, sizeof(e.permit)) ||
	    !take_text(o, "action", e.action, sizeof(e.action)) ||
	    !take_text(o, "resource", e.resource, sizeof(e.resource)) ||
	    !take_text(o, "class", e.role, sizeof(e.role)) || !take_outcome(o, &e.outcome) ||
	    !take_turn(o, &e.turn) ||
	    !take_time(o, "age_us", now_us, away_us, &has_age, &e.at_us) || !has_age ||
	    !take_time(o, "applied_age_us", now_us, away_us, &e.applied, &e.applied_us) ||
	    !take_time(o, "undone_age_us", now_us, away_us, &e.undone, &e.undone_us))
		return -EBADMSG;

	e.tx = (uint64_t) tx;
	e.nth = (unsigned) nth;
	e.audited = is_true(o, "audited");
	e.touched = is_true(o, "touched");
	e.vague = is_true(o, "vague");
	*ret = e;
	return 0;
}
