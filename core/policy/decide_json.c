/*
 * decide_json - the record of a decision for files and for the control socket.
 *
 * Design.  The form is that of "why" in docs/control.md.  It holds no time but the wall clock that
 * the decision was given, so a replay makes the same bytes.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "base/clock.h"
#include "facts/value.h"
#include "policy/decide.h"

static bool add_place(cJSON *o, const struct lex_place *p)
{
	char place[256];

	(void) snprintf(place, sizeof(place), "%.200s:%u:%u", p->file ? p->file : "", p->line,
			p->column);
	return cJSON_AddStringToObject(o, "place", place);
}

static bool add_text_or_null(cJSON *o, const char *key, const char *text)
{
	return text ? cJSON_AddStringToObject(o, key, text) != NULL
		    : cJSON_AddNullToObject(o, key) != NULL;
}

static bool add_rule(cJSON *list, const struct decided_rule *r)
{
	static const char *const kinds[] = { "", "permit", "forbid", "cap" };
	cJSON *o = cJSON_CreateObject();

	return o && cJSON_AddItemToArray(list, o) &&
	       cJSON_AddStringToObject(o, "kind", kinds[r->rule->kind]) &&
	       cJSON_AddStringToObject(o, "name", r->rule->name) && add_place(o, &r->rule->place) &&
	       cJSON_AddNumberToObject(o, "action", r->action) &&
	       cJSON_AddStringToObject(o, "truth", tri_name(r->truth)) &&
	       cJSON_AddBoolToObject(o, "counted", r->counted) &&
	       cJSON_AddStringToObject(o, "level", level_name(r->level)) &&
	       cJSON_AddStringToObject(o, "why", r->why);
}

static bool add_override(cJSON *o, const struct decided_invariant *v)
{
	char until[40];
	cJSON *by;

	if (!v->lifted_by)
		return true;
	by = cJSON_AddObjectToObject(o, "overridden");
	format_wall(v->lifted_until_us, until, sizeof(until));
	return by && cJSON_AddStringToObject(by, "by", v->lifted_by) &&
	       cJSON_AddStringToObject(by, "until", until);
}

static bool add_invariant(cJSON *list, const struct decided_invariant *v)
{
	cJSON *o = cJSON_CreateObject();

	return o && cJSON_AddItemToArray(list, o) &&
	       cJSON_AddStringToObject(o, "name", v->invariant->name) &&
	       add_place(o, v->failed ? &v->failed->place : &v->invariant->place) &&
	       cJSON_AddStringToObject(o, "holds", tri_name(v->holds)) &&
	       cJSON_AddStringToObject(o, "why", v->why) &&
	       cJSON_AddBoolToObject(o, "excused", v->excused) && add_override(o, v);
}

static bool add_lists(cJSON *o, const struct decision *d)
{
	cJSON *rules = cJSON_AddArrayToObject(o, "rules");
	cJSON *invariants = cJSON_AddArrayToObject(o, "invariants");
	bool ok = rules && invariants;

	for (unsigned i = 0; i < d->n_rules && ok; i++)
		ok = add_rule(rules, &d->rule[i]);
	for (unsigned i = 0; i < d->n_invariants && ok; i++)
		ok = add_invariant(invariants, &d->invariant[i]);
	return ok;
}

struct cJSON *decision_json(const struct decision *d)
{
	cJSON *o = cJSON_CreateObject();
	char t[40];

	if (o && (!d->damped || cJSON_AddTrueToObject(o, "damped")) &&
	    cJSON_AddStringToObject(o, "level", level_name(d->level)) &&
	    cJSON_AddStringToObject(o, "reason", d->reason) &&
	    cJSON_AddStringToObject(o, "policy", d->policy) &&
	    cJSON_AddStringToObject(o, "t", format_wall(d->wall_us, t, sizeof(t))) &&
	    cJSON_AddStringToObject(o, "resource", d->resource) &&
	    cJSON_AddNumberToObject(o, "generation", (double) d->generation) &&
	    add_text_or_null(o, "permit", d->permit ? d->permit->name : NULL) && add_lists(o, d) &&
	    add_text_or_null(o, "flip", d->flip) && add_text_or_null(o, "suggest", d->suggest))
		return o;

	cJSON_Delete(o);
	return NULL;
}
