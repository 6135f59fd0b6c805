/*
 * commands_history - "history" on the control socket (docs/control.md).
 *
 * Design.  All times go out as wall clock, which is what an engineer compares with a log; the
 * history has the clock that does not jump, so one offset is added to all points of an answer.
 * Points from memory and points of a flight file take the same way out.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "host/commands.h"
#include "host/history_host.h"
#include "record/flight.h"

#define POINTS_MAX   10000
#define LAST_DFLT_US (600 * US_PER_S)

struct answer {
	const char *kind, *entity, *attr;
	uint8_t type, unit;
	bool counter;
	int64_t offset_us; /* of the wall clock */
	uint64_t from_us, to_us, step_us;
	unsigned n;
	const struct history_point *point;
};

/* ---- points ------------------------------------------------------------------------------------- */

static void add_number(FILE *f, double v)
{
	char text[40];

	(void) snprintf(text, sizeof(text), "%.9g", v);
	fprintf(f, ",%s", isfinite(v) ? text : "null");
}

/* Written as text: an array of 10000 points as objects of cJSON is megabytes. */
static void add_point(FILE *f, const struct answer *a, const struct history_point *p)
{
	fprintf(f, "[%" PRId64, (int64_t) p->time_us + a->offset_us);
	if (!p->known) {
		fprintf(f, ",null]");
		return;
	}
	if (a->counter || (a->type != ANOD_REAL && a->step_us == HISTORY_FINE_STEP_US))
		fprintf(f, ",%" PRId64, p->exact);
	else
		add_number(f, p->value);
	if (!a->counter && (p->low < p->value || p->high > p->value)) {
		add_number(f, p->low);
		add_number(f, p->high);
	}
	fprintf(f, "]");
}

static void add_points(cJSON *o, const struct answer *a)
{
	_cleanup_(freep) char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return;
	fprintf(f, "[");
	for (unsigned i = 0; i < a->n; i++) {
		if (i > 0)
			fprintf(f, ",");
		add_point(f, a, &a->point[i]);
	}
	fprintf(f, "]");
	if (fclose(f) == 0)
		cJSON_AddRawToObject(o, "points", text);
}

static cJSON *answer_json(const struct host *h, const struct answer *a, const char *why, bool kept)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "kind", a->kind);
	cJSON_AddStringToObject(o, "entity", a->entity);
	cJSON_AddStringToObject(o, "attr", a->attr);
	cJSON_AddStringToObject(o, "unit", unit_name((enum anod_unit) a->unit));
	cJSON_AddBoolToObject(o, "counter", a->counter);
	cJSON_AddBoolToObject(o, "kept", kept);
	if (why)
		cJSON_AddStringToObject(o, "why", why);
	cJSON_AddNumberToObject(o, "now_us", (double) clock_wall_us());
	cJSON_AddNumberToObject(o, "from_us", (double) ((int64_t) a->from_us + a->offset_us));
	cJSON_AddNumberToObject(o, "to_us", (double) ((int64_t) a->to_us + a->offset_us));
	cJSON_AddNumberToObject(o, "step_us", (double) a->step_us);
	(void) h;
	add_points(o, a);
	return o;
}

/* ---- what is asked ------------------------------------------------------------------------------ */

/* A number of microseconds; false: it makes no sense, and the error is set. */
static bool time_arg(struct command_call *c, const char *name, bool *ret_given, int64_t *ret)
{
	const cJSON *a = cJSON_GetObjectItemCaseSensitive(c->args, name);

	*ret_given = a && !cJSON_IsNull(a);
	*ret = 0;
	if (!*ret_given)
		return true;
	if (!cJSON_IsNumber(a) || !(a->valuedouble >= 0) || a->valuedouble > 9e15) {
		(void) command_fail(c, EINVAL, "%s wants microseconds", name);
		return false;
	}
	*ret = (int64_t) a->valuedouble;
	return true;
}

/* From 'last_us' or 'from_us' and 'to_us' (wall clock) to what the history's clock calls them. */
static bool span_args(struct command_call *c, struct answer *a, uint64_t now)
{
	bool has_last, has_from, has_to, has_step;
	int64_t last, from, to, step;

	if (!time_arg(c, "last_us", &has_last, &last) ||
	    !time_arg(c, "from_us", &has_from, &from) || !time_arg(c, "to_us", &has_to, &to) ||
	    !time_arg(c, "step_us", &has_step, &step))
		return false;
	to = has_to ? to - a->offset_us : (int64_t) now;
	from = has_from ? from - a->offset_us : to - (has_last ? last : (int64_t) LAST_DFLT_US);
	to = MIN_OF(to, (int64_t) now);
	if (from > to) {
		(void) command_fail(c, EINVAL, "the time asked for ends before it begins");
		return false;
	}
	a->from_us = (uint64_t) MAX_OF(from, 0);
	a->to_us = (uint64_t) MAX_OF(to, 0);
	a->step_us = (uint64_t) step;
	return true;
}

/* "link/eth0" */
static bool split(const char *text, char *kind, size_t size, const char **ret_entity)
{
	const char *slash = text ? strchr(text, '/') : NULL;
	size_t n = slash ? (size_t) (slash - text) : 0;

	if (!slash || n == 0 || n >= size || !slash[1])
		return false;
	memcpy(kind, text, n);
	kind[n] = '\0';
	*ret_entity = slash + 1;
	return true;
}

/* ---- an incident's ------------------------------------------------------------------------------ */

static bool incident_number(const cJSON *a, uint64_t *ret)
{
	const char *text = cJSON_IsString(a) ? a->valuestring : "";
	char *end;

	if (cJSON_IsNumber(a)) {
		*ret = a->valuedouble >= 1 && a->valuedouble < 9e15 ? (uint64_t) a->valuedouble : 0;
		return *ret > 0;
	}
	text += text[0] == 'I';
	*ret = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
	return *ret > 0 && *end == '\0';
}

static const struct flight_series *find_series(const struct flight *f, const char *kind,
					       const char *entity, const char *attr)
{
	for (unsigned i = 0; i < f->n; i++)
		if (strcmp(f->series[i].kind, kind) == 0 &&
		    strcmp(f->series[i].entity, entity) == 0 &&
		    strcmp(f->series[i].attr, attr) == 0)
			return &f->series[i];
	return NULL;
}

static void flight_facts(cJSON *o, const struct flight *f)
{
	cJSON_AddNumberToObject(o, "incident", (double) f->head.incident);
	cJSON_AddStringToObject(o, "title", f->head.title);
	cJSON_AddNumberToObject(o, "opened_us",
				(double) ((int64_t) f->head.opened_us + f->head.wall_offset_us));
	cJSON_AddBoolToObject(o, "complete", f->head.complete);
	if (f->n_damaged)
		cJSON_AddNumberToObject(o, "damaged", f->n_damaged);
	if (f->head.n_left_out)
		cJSON_AddNumberToObject(o, "left_out", f->head.n_left_out);
}

static cJSON *list_flight(const struct flight *f)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "series");

	for (unsigned i = 0; i < f->n; i++) {
		const struct flight_series *s = &f->series[i];
		char path[ANOD_KIND_SIZE + ANOD_NAME_SIZE];
		cJSON *e = cJSON_CreateObject();

		(void) snprintf(path, sizeof(path), "%s/%s", s->kind, s->entity);
		cJSON_AddStringToObject(e, "entity", path);
		cJSON_AddStringToObject(e, "attr", s->attr);
		cJSON_AddNumberToObject(e, "fine", s->n);
		cJSON_AddItemToArray(list, e);
	}
	flight_facts(o, f);
	return o;
}

static cJSON *of_incident(struct command_call *c, const cJSON *number, const char *kind,
			  const char *entity, const char *attr)
{
	const struct flight_series *s;
	struct answer a = { 0 };
	struct flight f;
	uint64_t id;
	cJSON *o;
	int r;

	if (!incident_number(number, &id))
		return command_fail(c, EINVAL, "incident wants a number such as 12 or I12");
	r = flight_read(c->h->state_dir, id, &f);
	if (r == -ENOENT)
		return command_fail(c, ENOENT,
				    "the flight recorder has nothing of I%" PRIu64
				    ": no such incident, or its file had to make room",
				    id);
	if (r < 0)
		return command_fail(c, -r, "flight file of I%" PRIu64 ": %s", id,
				    r == -EBADMSG ? "damaged" : strerror(-r));
	s = kind[0] ? find_series(&f, kind, entity, attr) : NULL;
	if (!kind[0]) {
		o = list_flight(&f);
	} else if (!s) {
		o = command_fail(c, ENOENT,
				 "nothing of %s/%s %s was recorded of I%" PRIu64
				 "; without entity and attr you get the list",
				 kind, entity, attr, id);
	} else {
		a = (struct answer){ kind,
				     entity,
				     attr,
				     s->type,
				     s->unit,
				     s->counter,
				     f.head.wall_offset_us,
				     f.head.from_us,
				     f.head.to_us,
				     HISTORY_FINE_STEP_US,
				     s->n,
				     s->point };
		o = answer_json(c->h, &a, "incident", true);
		flight_facts(o, &f);
	}
	flight_done(&f);
	return o;
}

/* ---- from memory -------------------------------------------------------------------------------- */

static const char *why_not(const struct host *h, const struct schema_attr *a, const char *entity)
{
	if (a->type == ANOD_TEXT || a->type == ANOD_PREFIX)
		return "no numbers";
	return history_why(h, a, entity) ? "nothing measured yet, or over the memory of history"
					 : "not watched";
}

static cJSON *no_attr(struct command_call *c, const char *kind, const char *attr)
{
	const struct schema *s = c->h->schema;
	const char *near = nearest_word(attr, schema_attr_names(s, schema_kind_id(s, kind)));

	if (near)
		return command_fail(c, ENOENT, "a %s has no fact '%s'; did you mean '%s'?", kind,
				    attr, near);
	return command_fail(c, ENOENT, "a %s has no fact '%s'", kind, attr);
}

static cJSON *from_memory(struct command_call *c, const char *kind, const char *entity,
			  const char *attr)
{
	const struct schema_attr *s = schema_attr(c->h->schema, kind, attr);
	uint64_t now = host_now(c->h), room;
	struct answer a = { .kind = kind, .entity = entity, .attr = attr };
	_cleanup_(freep) struct history_point *point = NULL;
	const char *why;
	int r;

	if (!s && !schema_kind_id(c->h->schema, kind))
		return command_fail(c, ENOENT, "there is no kind '%s'", kind);
	if (!s)
		return no_attr(c, kind, attr);
	a.type = s->type;
	a.unit = s->unit;
	a.counter = history_is_counter(s);
	a.offset_us = (int64_t) (clock_wall_us() - now);
	if (!span_args(c, &a, now))
		return NULL;
	/* So that what comes fits one answer. */
	room = (a.to_us - a.from_us) / POINTS_MAX;
	if (room > HISTORY_COARSE_STEP_US)
		a.step_us = MAX_OF(a.step_us, room);
	why = history_why(c->h, s, entity);
	r = history_read(c->h->history, s, entity, a.from_us, a.to_us, a.step_us, &point, &a.n,
			 &a.step_us);
	if (r == -ENOENT && !store_find(c->h->store, s->kind, entity))
		return command_fail(c, ENOENT, "there is no %s '%s'", kind, entity);
	if (r == -ENOENT)
		return answer_json(c->h, &a, why_not(c->h, s, entity), false);
	if (r < 0)
		return command_fail(c, -r, "history of %s/%s %s: %s", kind, entity, attr,
				    strerror(-r));
	a.point = point;
	return answer_json(c->h, &a, why ? why : "lingering", true);
}

struct listing {
	const struct host *h;
	cJSON *list;
};

static void list_one(const struct history_info *i, void *data)
{
	const struct listing *l = data;
	char path[ANOD_KIND_SIZE + ANOD_NAME_SIZE];
	const char *why = history_why(l->h, i->attr, i->entity);
	cJSON *o = cJSON_CreateObject();

	(void) snprintf(path, sizeof(path), "%s/%s", i->attr->kind_name, i->entity);
	cJSON_AddStringToObject(o, "entity", path);
	cJSON_AddStringToObject(o, "attr", i->attr->name);
	cJSON_AddStringToObject(o, "why", i->alive && why ? why : "lingering");
	cJSON_AddNumberToObject(o, "fine", i->n_fine);
	cJSON_AddNumberToObject(o, "coarse", i->n_coarse);
	cJSON_AddNumberToObject(o, "bytes", (double) i->bytes);
	cJSON_AddItemToArray(l->list, o);
}

static cJSON *list_all(struct command_call *c)
{
	cJSON *o = cJSON_CreateObject();
	struct listing l = { c->h, cJSON_AddArrayToObject(o, "series") };
	struct history_stats st;

	history_each(c->h->history, list_one, &l);
	history_get_stats(c->h->history, &st);
	cJSON_AddNumberToObject(o, "bytes", (double) st.bytes);
	cJSON_AddNumberToObject(o, "bytes_max", (double) st.max_bytes);
	cJSON_AddNumberToObject(o, "samples", (double) st.n_samples);
	cJSON_AddNumberToObject(o, "refused", (double) st.n_refused);
	cJSON_AddNumberToObject(o, "shed", (double) st.n_shed);
	cJSON_AddNumberToObject(o, "lost", (double) st.n_lost);
	cJSON_AddNumberToObject(o, "late", (double) st.n_late);
	cJSON_AddItemToObject(o, "flight", flights_json(c->h));
	return o;
}

cJSON *cmd_history(struct command_call *c)
{
	const char *path = command_arg(c, "entity"), *attr = command_arg(c, "attr"), *entity = "";
	const cJSON *incident = cJSON_GetObjectItemCaseSensitive(c->args, "incident");
	char kind[ANOD_KIND_SIZE] = "";

	if (!c->h->history)
		return command_fail(c, EAGAIN, "the history has not begun yet");
	if (!path && !attr)
		return incident ? of_incident(c, incident, kind, "", "") : list_all(c);
	if (!split(path, kind, sizeof(kind), &entity) || !attr)
		return command_fail(c, EINVAL,
				    "entity wants KIND/NAME such as link/eth0, and attr one of its "
				    "facts such as rx_bytes");
	return incident ? of_incident(c, incident, kind, entity, attr)
			: from_memory(c, kind, entity, attr);
}
