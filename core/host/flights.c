/*
 * flights - the flight recorder's pace: when which incident is written.
 *
 * Design.  At the opening what there is goes to the disk at once, so that a crash loses the
 * after-part at most; the whole again when five minutes have passed or the incident is closed.
 * Recorded are the kept series of the entities that its findings and their evidence name, and
 * those of the host itself.  The fine tier reaches ten minutes back, which is just the window.
 *
 * Whatever fails here is said once, in the log and by the doctor, and harms nothing else.  What
 * is written to the state folder in all is counted, because on a flash it is wear.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/history_host.h"
#include "record/flight.h"

#define BEFORE_US    (300 * US_PER_S)
#define AFTER_US     (300 * US_PER_S)
#define FLYING_MAX   16 /* incidents that are recorded at a time; others have their first part */
#define DAY_US	     (86400 * US_PER_S)
#define ENTITIES_MAX 64

struct flights {
	unsigned n;
	struct flying {
		uint64_t incident, opened_us, due_us;
	} flying[FLYING_MAX];
	uint64_t last;	/* newest incident that a recording was begun of */
	uint64_t day;	/* number of the day that 'today' counts */
	uint64_t today; /* bytes */
	uint64_t total; /* since the start */
	int error;
	char trouble[200];
};

/* ---- facts ---------------------------------------------------------------------------------------- */

static const struct anod_attr host_attrs[] = {
	{ .name = "flight_bytes",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_BYTES,
	  .help = "What the flight recorder wrote today (UTC)." },
	{ .name = "state_bytes_written",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_BYTES,
	  .help = "What was written to the state folder since the start: journal, ledger, flight "
		  "recorder; flash wear." },
	{ 0 }
};

static const struct anod_kind host_kinds[] = { { .name = "host", .attrs = host_attrs }, { 0 } };

int flights_schema(struct schema *s)
{
	const char *why;

	return schema_declare(s, "core", host_kinds, &why);
}

static void publish(struct host *h, const char *attr, uint64_t bytes)
{
	const struct schema_attr *a = schema_attr(h->schema, "host", attr);
	struct anod_value v = value_int((int64_t) bytes, ANOD_UNIT_BYTES);

	(void) store_publish(h->store, h->host_entity, a->slot, &v, host_now(h));
}

static void new_day(struct flights *f)
{
	uint64_t day = clock_wall_us() / DAY_US;

	if (day != f->day)
		f->today = 0;
	f->day = day;
}

static void count(struct host *h)
{
	struct flights *f = h->flights;

	new_day(f);
	publish(h, "flight_bytes", f->today);
	publish(h, "state_bytes_written",
		f->total + ledger_written(h->ledger) + disk_written(h->disk));
}

/* ---- what belongs to an incident -------------------------------------------------------------------- */

struct wanted {
	struct host *h;
	struct flight_writer *writer;
	uint64_t from_us, to_us;
	unsigned n;
	struct {
		const char *kind, *entity; /* borrowed from the incident */
	} of[ENTITIES_MAX];
};

static void want(struct wanted *w, const char *kind, const char *entity)
{
	for (unsigned i = 0; i < w->n; i++)
		if (strcmp(w->of[i].kind, kind) == 0 && strcmp(w->of[i].entity, entity) == 0)
			return;
	if (w->n == ENTITIES_MAX)
		return;
	w->of[w->n].kind = kind;
	w->of[w->n++].entity = entity;
}

static void want_all(struct wanted *w, const struct incident *i)
{
	want(w, "host", "self");
	for (unsigned k = 0; k < i->n_findings; k++) {
		const struct anod_finding *f = &i->finding[k].f;

		want(w, f->kind, f->entity);
		for (uint32_t r = 0; r < f->n_refs; r++)
			want(w, f->ref[r].kind, f->ref[r].entity);
	}
}

static void add_series(const struct history_info *i, void *data)
{
	struct wanted *w = data;
	struct flight_series s = { .type = i->attr->type,
				   .unit = i->attr->unit,
				   .counter = history_is_counter(i->attr) };
	uint64_t step_us;
	bool named = false;

	for (unsigned k = 0; k < w->n && !named; k++)
		named = strcmp(w->of[k].kind, i->attr->kind_name) == 0 &&
			strcmp(w->of[k].entity, i->entity) == 0;
	if (!named || !copy_text(s.attr, sizeof(s.attr), i->attr->name) ||
	    history_read(w->h->history, i->attr, i->entity, w->from_us, w->to_us, 1, &s.point, &s.n,
			 &step_us) < 0)
		return;
	copy_text(s.kind, sizeof(s.kind), i->attr->kind_name);
	copy_text(s.entity, sizeof(s.entity), i->entity);
	if (s.n > 0 && step_us == HISTORY_FINE_STEP_US)
		(void) flight_add(w->writer, &s);
	free(s.point);
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static void failed(struct host *h, uint64_t incident, int r)
{
	struct flights *f = h->flights;

	(void) snprintf(f->trouble, sizeof(f->trouble),
			"%s/" FLIGHT_DIR ": %s; the measurements around I%" PRIu64 " are not kept",
			h->state_dir, strerror(-r), incident);
	if (f->error != r)
		log_error("flight recorder: %s", f->trouble);
	f->error = r;
}

/* To the disk beside the loop, file and name; what a lost one would have told is lost, no more. */
static void settle(struct host *h, uint64_t incident)
{
	char path[512];

	h->flights->error = 0;
	(void) snprintf(path, sizeof(path), "%s/" FLIGHT_DIR "/%" PRIu64 ".rec", h->state_dir,
			incident);
	disk_settle(h->disk, open(path, O_RDONLY | O_CLOEXEC));
	(void) snprintf(path, sizeof(path), "%s/" FLIGHT_DIR, h->state_dir);
	disk_settle(h->disk, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static void write_flight(struct host *h, const struct flying *y, uint64_t now, bool complete)
{
	const struct incident *i = incident_get(h->incidents, y->incident);
	struct flight_head head = { .incident = y->incident,
				    .opened_us = y->opened_us,
				    .from_us = y->opened_us - MIN_OF(y->opened_us, BEFORE_US),
				    .to_us = now,
				    .wall_offset_us = (int64_t) (clock_wall_us() - now),
				    .complete = complete };
	_cleanup_(flight_writer_freep) struct flight_writer *writer = NULL;
	struct wanted w = { .h = h, .from_us = head.from_us, .to_us = now };
	uint64_t bytes = 0;
	int r;

	if (!i)
		return;
	copy_text(head.title, sizeof(head.title), i->title);
	w.writer = writer = flight_writer_new(&head);
	if (writer) {
		want_all(&w, i);
		history_each(h->history, add_series, &w);
	}
	r = writer ? flight_write(writer, h->state_dir, &bytes) : -ENOMEM;
	new_day(h->flights);
	h->flights->today += bytes;
	h->flights->total += bytes;
	if (r < 0)
		failed(h, y->incident, r);
	else
		settle(h, y->incident);
}

void flights_on_finding(struct host *h, uint64_t incident)
{
	const struct incident *i = incident_get(h->incidents, incident);
	struct flights *f = h->flights;
	struct flying y = { .incident = incident };

	/* Numbers only grow: an older one is being recorded, or was. */
	if (!i || incident <= f->last)
		return;

	f->last = incident;
	y.opened_us = host_now(h);
	y.due_us = y.opened_us + AFTER_US;
	write_flight(h, &y, y.opened_us, false);
	if (f->n < FLYING_MAX)
		f->flying[f->n++] = y;
}

void flights_beat(struct host *h)
{
	struct flights *f = h->flights;
	uint64_t now = host_now(h);

	for (unsigned k = f->n; k-- > 0;) {
		const struct incident *i = incident_get(h->incidents, f->flying[k].incident);
		struct flying y = f->flying[k];

		if (i && i->open && now < y.due_us)
			continue;
		f->flying[k] = f->flying[--f->n];
		write_flight(h, &y, now, true);
	}
	count(h);
}

/* ---- telling ---------------------------------------------------------------------------------------- */

cJSON *flights_json(const struct host *h)
{
	_cleanup_(freep) struct flight_entry *list = NULL;
	cJSON *o = cJSON_CreateObject(), *numbers;
	uint64_t sum = 0;
	unsigned n = 0;

	(void) flight_list(h->state_dir, &list, &n);
	cJSON_AddNumberToObject(o, "files", n);
	numbers = cJSON_AddArrayToObject(o, "incidents");
	for (unsigned k = 0; k < n; k++) {
		cJSON_AddItemToArray(numbers, cJSON_CreateNumber((double) list[k].incident));
		sum += list[k].bytes;
	}
	cJSON_AddNumberToObject(o, "bytes", (double) sum);
	cJSON_AddNumberToObject(o, "bytes_max", FLIGHT_BYTES_MAX);
	cJSON_AddNumberToObject(o, "written_today", (double) h->flights->today);
	return o;
}

const char *flights_trouble(const struct host *h)
{
	return h->flights && h->flights->error ? h->flights->trouble : NULL;
}

int flights_open(struct host *h)
{
	_cleanup_(freep) struct flight_entry *list = NULL;
	unsigned n = 0;

	h->flights = calloc(1, sizeof(*h->flights));
	if (!h->flights)
		return -ENOMEM;
	h->flights->day = clock_wall_us() / DAY_US;
	(void) flight_list(h->state_dir, &list, &n);
	/* What a reopened incident brings does not go over what was recorded of it. */
	for (unsigned k = 0; k < n; k++)
		h->flights->last = MAX_OF(h->flights->last, list[k].incident);
	return 0;
}

void flights_close(struct host *h)
{
	free(h->flights);
	h->flights = NULL;
}
