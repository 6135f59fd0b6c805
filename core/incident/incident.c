/*
 * incident - groups findings and keeps their timeline.
 *
 * Design.  Which incident a finding belongs to is decided once, when it opens, by three plain
 * questions in this order: was it here before, does it share an entity or link, is it the same
 * cause at the same time.  An incident holds each (agent, code, kind, entity) once; when it
 * returns its place is used again under a new id, so flapping fills the timeline and not the
 * list.  Everything is small enough to be searched from the newest on.
 */
#include "incident/incident.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "incident/incident_int.h"

const char *line_kind_name(enum line_kind k)
{
	switch (k) {
	case LINE_FACT:
		return "fact";
	case LINE_FINDING:
		return "finding";
	case LINE_ANSWER:
		return "answer";
	case LINE_DECISION:
		return "decision";
	case LINE_TX:
		return "tx";
	case LINE_OPERATOR:
		return "operator";
	case LINE_VERIFIED:
		return "verified";
	case LINE_CLEARED:
		return "cleared";
	case LINE_NOTE:
		return "note";
	}
	return NULL;
}

/* ---- list --------------------------------------------------------------------------------- */

static void free_one(struct incident *i)
{
	free(i->finding);
	free(i->line);
	free(i);
}

struct incidents *incidents_new(uint64_t first_id, incident_listener *fn, void *data)
{
	struct incidents *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;

	s->next_incident = s->next_finding = MAX_OF(first_id, UINT64_C(1));
	s->fn = fn;
	s->data = data;
	return s;
}

struct incidents *incidents_free(struct incidents *s)
{
	if (!s)
		return NULL;

	for (unsigned i = 0; i < s->n; i++)
		free_one(s->list[i]);
	free(s->list);
	free(s);
	return NULL;
}

void incident_drop(struct incidents *s, struct incident *i)
{
	unsigned at = 0;

	while (s->list[at] != i)
		at++;
	free_one(i);
	memmove(&s->list[at], &s->list[at + 1], (s->n - at - 1) * sizeof(struct incident *));
	s->n--;
}

static bool drop_oldest_closed(struct incidents *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (s->list[i]->open)
			continue;
		incident_drop(s, s->list[i]);
		return true;
	}
	return false;
}

struct incident *incident_add(struct incidents *s, uint64_t id)
{
	struct incident *i;
	unsigned at;

	if (s->n >= INCIDENTS_MAX && !drop_oldest_closed(s))
		return NULL;
	if (s->n == s->n_alloc) {
		unsigned n = s->n_alloc + 32;
		struct incident **larger = realloc(s->list, n * sizeof(struct incident *));

		if (!larger)
			return NULL;
		s->list = larger;
		s->n_alloc = n;
	}
	i = calloc(1, sizeof(*i));
	if (!i)
		return NULL;

	i->id = id;
	/* Restored ones come newest first. */
	for (at = s->n; at > 0 && s->list[at - 1]->id > id; at--)
		s->list[at] = s->list[at - 1];
	s->list[at] = i;
	s->n++;
	s->next_incident = MAX_OF(s->next_incident, id + 1);
	return i;
}

struct incident *incident_find_id(const struct incidents *s, uint64_t id)
{
	for (unsigned i = s->n; i-- > 0;)
		if (s->list[i]->id == id)
			return s->list[i];

	return NULL;
}

const struct incident *incident_get(const struct incidents *s, uint64_t id)
{
	return incident_find_id(s, id);
}

const struct incident *incident_nth(const struct incidents *s, unsigned n)
{
	return n < s->n ? s->list[s->n - 1 - n] : NULL;
}

/* ---- timeline ----------------------------------------------------------------------------- */

static bool room_for_line(struct incident *i)
{
	struct incident_line *larger;
	unsigned n;

	if (i->n_lines >= INCIDENT_LINES_MAX)
		return false;
	/* Powers of two from eight on. */
	if (i->n_lines > 0 && (i->n_lines < 8 || (i->n_lines & (i->n_lines - 1)) != 0))
		return true;

	n = i->n_lines ? i->n_lines * 2 : 8;
	larger = realloc(i->line, n * sizeof(*larger));
	if (!larger)
		return false;
	i->line = larger;
	return true;
}

/* In order of time; a line may be older than the last one (a fact of the evidence). */
static void add_line(struct incidents *s, struct incident *i, const struct incident_line *l)
{
	unsigned at = i->n_lines;

	if (room_for_line(i)) {
		for (; at > 0 && i->line[at - 1].boot_us > l->boot_us; at--)
			i->line[at] = i->line[at - 1];
		i->line[at] = *l;
		i->n_lines++;
	} else {
		i->n_lines_dropped++;
	}
	if (s->fn)
		s->fn(s->data, i, l);
}

int incident_restore_add(struct incident *i, const struct incident_line *l)
{
	unsigned at = i->n_lines;

	if (!room_for_line(i)) {
		i->n_lines_dropped++;
		return -ENOSPC;
	}
	/* They come newest first: of two at one time, this one was before. */
	for (; at > 0 && i->line[at - 1].wall_us >= l->wall_us; at--)
		i->line[at] = i->line[at - 1];
	i->line[at] = *l;
	i->n_lines++;
	return 0;
}

static _printf_(6, 7) void say(struct incidents *s, struct incident *i, enum line_kind kind,
			       const char *agent, const uint64_t now_wall[2], const char *fmt, ...)
{
	struct incident_line l = {
		.boot_us = now_wall[0],
		.wall_us = now_wall[1],
		.kind = kind,
	};
	va_list ap;

	(void) copy_text(l.agent, sizeof(l.agent), agent);
	va_start(ap, fmt);
	(void) vsnprintf(l.text, sizeof(l.text), fmt, ap);
	va_end(ap);
	clean_text(l.text);
	add_line(s, i, &l);
}

void incident_note(struct incidents *s, uint64_t incident, enum line_kind kind, uint64_t tx,
		   const char *agent, uint64_t now_us, uint64_t wall_us, const char *fmt, ...)
{
	struct incident *i = incident ? incident_find_id(s, incident) : NULL;
	struct incident_line l = {
		.boot_us = now_us,
		.wall_us = wall_us,
		.kind = kind,
		.tx = tx,
	};
	va_list ap;

	if (!i)
		return;

	(void) copy_text(l.agent, sizeof(l.agent), agent ? agent : "");
	va_start(ap, fmt);
	(void) vsnprintf(l.text, sizeof(l.text), fmt, ap);
	va_end(ap);
	clean_text(l.text);
	add_line(s, i, &l);
}

/* ---- open and close ----------------------------------------------------------------------- */

static bool all_cleared(const struct incident *i)
{
	for (unsigned k = 0; k < i->n_findings; k++)
		if (!i->finding[k].cleared_us)
			return false;

	return true;
}

static void close_if_over(struct incidents *s, struct incident *i, const uint64_t now_wall[2])
{
	char took[40];

	if (!i->open || i->n_open_txns > 0 || !all_cleared(i))
		return;

	i->open = false;
	i->closed_us = now_wall[0];
	i->closed_wall_us = now_wall[1];
	say(s, i, LINE_NOTE, "", now_wall, "closed after %s",
	    format_duration(now_wall[0] - i->opened_us, took, sizeof(took)));
}

static void reopen(struct incidents *s, struct incident *i, const uint64_t now_wall[2])
{
	if (i->open)
		return;

	i->open = true;
	i->closed_us = i->closed_wall_us = 0;
	if (i->opened_us == 0 || i->opened_us > now_wall[0])
		i->opened_us = now_wall[0]; /* restored: opened in the time before the restart */
	say(s, i, LINE_NOTE, "", now_wall, "opened again");
}

static void make_title(struct incident *i)
{
	const struct anod_finding *f = &i->finding[0].f;
	unsigned more = i->n_findings - 1;
	char title[ANOD_NAME_SIZE * 4];

	if (more > 0)
		(void) snprintf(title, sizeof(title), "%s on %s %s and %u more", f->code, f->kind,
				f->entity, more);
	else
		(void) snprintf(title, sizeof(title), "%s on %s %s", f->code, f->kind, f->entity);
	clean_text(title);
	(void) copy_text(i->title, sizeof(i->title), title);
}

/* ---- findings ----------------------------------------------------------------------------- */

struct incident_finding *incident_add_finding(struct incident *i)
{
	struct incident_finding *larger;

	if (i->n_findings >= INCIDENT_FINDINGS_MAX)
		return NULL;
	larger = realloc(i->finding, (i->n_findings + 1) * sizeof(*larger));
	if (!larger)
		return NULL;

	i->finding = larger;
	larger[i->n_findings] = (struct incident_finding){ 0 };
	return &larger[i->n_findings++];
}

/* A figure that moves (5.6 % loss, 6.1 % loss) is not worth a line each time. */
static bool is_news(const struct incident_finding *known, const struct anod_finding *f,
		    uint64_t now_us)
{
	double change = known->f.confidence - f->confidence;

	if (change > 0.1 || change < -0.1)
		return true;
	return strcmp(known->f.summary, f->summary) != 0 &&
	       now_us - known->told_us >= INCIDENT_TELL_US;
}

void incidents_look(struct incidents *s, incident_look *fn, void *data)
{
	s->look = fn;
	s->look_data = data;
}

static void look_at_evidence(const struct incidents *s, struct incident_finding *f)
{
	memset(f->evidence, 0, sizeof(f->evidence));
	for (uint32_t k = 0; s->look && k < f->f.n_refs; k++)
		s->look(s->look_data, &f->f.ref[k], &f->evidence[k]);
}

static void say_finding(struct incidents *s, struct incident *i, const char *agent,
			const struct anod_finding *f, const uint64_t now_wall[2])
{
	say(s, i, LINE_FINDING, agent, now_wall, "%s on %s %s: %s (confidence %.2f)", f->code,
	    f->kind, f->entity, f->summary, f->confidence);
}

int incident_find(struct incidents *s, const char *agent, const struct anod_finding *f,
		  uint64_t now_us, uint64_t wall_us, uint64_t *ret_finding, uint64_t *ret_incident)
{
	const uint64_t now_wall[2] = { now_us, wall_us };
	struct incident_finding *known;
	struct incident *i;
	bool news = true;

	if (f->n_refs > ANOD_REFS_MAX || f->n_rivals > ANOD_RIVALS_MAX)
		return -EINVAL;

	i = incident_choose(s, agent, f, now_us, wall_us, &known);
	if (!i) {
		i = incident_add(s, s->next_incident);
		if (!i)
			return -ENOSPC;
		i->open = true;
		i->opened_us = now_us;
		i->opened_wall_us = wall_us;
	}
	if (known && !known->cleared_us) {
		news = is_news(known, f, now_us);
	} else {
		if (!known)
			known = incident_add_finding(i);
		if (!known) {
			if (i->n_findings == 0)
				incident_drop(s, i);
			return -ENOSPC;
		}
		known->id = s->next_finding++;
		known->opened_us = now_us;
		known->cleared_us = 0;
	}
	(void) copy_text(known->agent, sizeof(known->agent), agent);
	known->seen_us = now_us;
	known->f = *f;
	look_at_evidence(s, known);

	make_title(i);
	reopen(s, i, now_wall);
	*ret_finding = known->id;
	*ret_incident = i->id;
	if (news) {
		known->told_us = now_us;
		say_finding(s, i, agent, f, now_wall);
	}
	return 0;
}

static struct incident_finding *find_finding(const struct incidents *s, uint64_t id,
					     struct incident **ret)
{
	for (unsigned k = s->n; k-- > 0;) {
		struct incident *i = s->list[k];

		for (unsigned n = 0; n < i->n_findings; n++)
			if (i->finding[n].id == id) {
				*ret = i;
				return &i->finding[n];
			}
	}
	return NULL;
}

int incident_clear(struct incidents *s, uint64_t finding, const char *why, uint64_t now_us,
		   uint64_t wall_us)
{
	const uint64_t now_wall[2] = { now_us, wall_us };
	struct incident_finding *f;
	struct incident *i;

	f = find_finding(s, finding, &i);
	if (!f)
		return -ENOENT;
	if (f->cleared_us)
		return 0;

	f->cleared_us = MAX_OF(now_us, UINT64_C(1));
	say(s, i, LINE_CLEARED, f->agent, now_wall, "%s on %s %s cleared: %s", f->f.code, f->f.kind,
	    f->f.entity, why ? why : "");
	close_if_over(s, i, now_wall);
	return 0;
}

void incident_txn(struct incidents *s, uint64_t incident, int change, uint64_t now_us,
		  uint64_t wall_us)
{
	struct incident *i = incident ? incident_find_id(s, incident) : NULL;
	const uint64_t now_wall[2] = { now_us, wall_us };

	if (!i)
		return;
	if (change > 0) {
		i->n_open_txns++;
		reopen(s, i, now_wall);
		return;
	}
	if (i->n_open_txns > 0)
		i->n_open_txns--;
	close_if_over(s, i, now_wall);
}

uint64_t incident_of_finding(const struct incidents *s, uint64_t finding)
{
	struct incident *i;

	return find_finding(s, finding, &i) ? i->id : 0;
}

const struct anod_finding *incident_finding_get(const struct incidents *s, uint64_t finding)
{
	struct incident *i;
	const struct incident_finding *f = find_finding(s, finding, &i);

	return f ? &f->f : NULL;
}
