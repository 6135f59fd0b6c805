/*
 * units - what systemd tells of its units.
 *
 * Design.  All properties once, then the signal PropertiesChanged, which systemd sends for each
 * change of those used here but of memory; so nothing is polled that events tell
 * (org.freedesktop.systemd1(5)).  Signals are asked for before the properties, so no change falls in
 * between.  A unit that stops may be unloaded, and comes back under the same object path.  After a
 * reload, or when systemd took over its bus name again, everything is asked for anew.
 */
#include "systemd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MANAGER	   "org.freedesktop.systemd1"
#define PATH	   "/org/freedesktop/systemd1"
#define PROPERTIES "org.freedesktop.DBus.Properties"

/* ---- properties --------------------------------------------------------------------------- */

struct property {
	const char *name;
	char type; /* of D-Bus: s, u, i, t */
	uint16_t offset, size;
};

#define TEXT_OF(n, member)                                                                         \
	{                                                                                          \
		n, 's', offsetof(struct unit, member), sizeof(((struct unit *) 0)->member)         \
	}
#define NUMBER_OF(n, t, member)                                                                    \
	{                                                                                          \
		n, t, offsetof(struct unit, member), 0                                             \
	}

static const struct property properties[] = {
	TEXT_OF("LoadState", load),
	TEXT_OF("ActiveState", state),
	TEXT_OF("SubState", sub),
	TEXT_OF("Result", result),
	NUMBER_OF("NRestarts", 'u', restarts),
	NUMBER_OF("MainPID", 'u', pid),
	NUMBER_OF("ExecMainStatus", 'i', exit_status),
	NUMBER_OF("ActiveEnterTimestampMonotonic", 't', entered_us),
	NUMBER_OF("MemoryCurrent", 't', memory),
};

/* Take one property into the unit; the type that the message says decides what is read. */
static int take_value(struct unit *u, const struct property *p, sd_bus_message *m)
{
	char contents[2] = { p->type, '\0' };
	void *at = (char *) u + p->offset;
	const char *text;
	int r = sd_bus_message_enter_container(m, 'v', contents);

	if (r < 0)
		return r;
	if (p->type != 's') {
		r = sd_bus_message_read_basic(m, p->type, at);
	} else {
		r = sd_bus_message_read_basic(m, 's', &text);
		if (r >= 0)
			(void) snprintf(at, p->size, "%s", text);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int take_property(struct unit *u, sd_bus_message *m)
{
	const char *name, *contents;
	char type;
	int r = sd_bus_message_read_basic(m, 's', &name);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
		if (strcmp(name, properties[i].name) != 0)
			continue;
		r = sd_bus_message_peek_type(m, &type, &contents);
		if (r < 0)
			return r;
		if (type == 'v' && contents[0] == properties[i].type && !contents[1])
			return take_value(u, &properties[i], m);
	}
	return sd_bus_message_skip(m, "v");
}

/* a{sv} */
static int take_properties(struct unit *u, sd_bus_message *m)
{
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = take_property(u, m);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* ---- facts -------------------------------------------------------------------------------- */

static struct anod_value text(const char *s)
{
	return s[0] ? anod_text(s, strlen(s)) : (struct anod_value){ 0 };
}

static struct anod_value uptime(const struct unit *u)
{
	struct timespec now;
	int64_t us;

	if (strcmp(u->state, "active") != 0 && strcmp(u->state, "reloading") != 0)
		return anod_int(0, ANOD_UNIT_TIME);
	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	us = (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000 - (int64_t) u->entered_us;
	return anod_int(us > 0 ? us : 0, ANOD_UNIT_TIME);
}

/* For the model, which actions on units are planned on. */
static void feed(const struct unit *u)
{
	struct anod_object o = { .type = ANOD_OBJ_UNIT };

	strcpy(o.u.unit.name, u->name);
	o.u.unit.active = strcmp(u->state, "active") == 0;
	(void) u->s->ctx->host->object(u->s->ctx, &o, strcmp(u->load, "not-found") == 0);
}

static void publish(struct unit *u)
{
	struct anod_value v[UNIT_ATTRS] = { 0 };

	feed(u);

	v[UNIT_LOAD] = text(u->load);
	v[UNIT_STATE] = text(u->state);
	v[UNIT_SUB] = text(u->sub);
	v[UNIT_RESULT] = text(u->result);
	v[UNIT_RESTARTS] = anod_int(u->restarts, ANOD_UNIT_NONE);
	v[UNIT_EXIT_STATUS] = anod_int(u->exit_status, ANOD_UNIT_NONE);
	v[UNIT_PID] = anod_int(u->pid, ANOD_UNIT_NONE);
	v[UNIT_UPTIME] = uptime(u);
	if (u->memory != UINT64_MAX)
		v[UNIT_MEMORY] = anod_int((int64_t) u->memory, ANOD_UNIT_BYTES);
	(void) anod_list_put(&u->s->rows, u->name, v);
}

/* All units have been read since the connection was made. */
static void check_sync(struct systemd *s)
{
	for (unsigned i = 0; i < s->n_units; i++)
		if (!s->unit[i].read)
			return;
	if (s->in_sync)
		return;
	s->in_sync = s->met = true;
	(void) s->ctx->host->object_sync(s->ctx, ANOD_OBJ_UNIT, ANOD_SYNC_DONE);
	if (s->lost)
		(void) s->ctx->host->sync(s->ctx, "unit", ANOD_SYNC_DONE);
	s->lost = false;
	anod_beat_hurry(&s->beat);
}

void units_lost(struct systemd *s)
{
	if (s->met && !s->lost) {
		(void) s->ctx->host->sync(s->ctx, "unit", ANOD_SYNC_LOST);
		(void) s->ctx->host->object_sync(s->ctx, ANOD_OBJ_UNIT, ANOD_SYNC_LOST);
	}
	s->lost = s->lost || s->met;
	s->in_sync = false;
	for (unsigned i = 0; i < s->n_units; i++)
		s->unit[i].read = false;
}

/* ---- asking ------------------------------------------------------------------------------- */

/* The error of a reply, or 0; a manager that refuses is told of once by the caller's log. */
static int reply_error(sd_bus_message *m)
{
	return sd_bus_message_is_method_error(m, NULL) ? -sd_bus_message_get_errno(m) : 0;
}

static int on_properties(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct unit *u = data;
	int r = reply_error(m);

	(void) error;
	u->memory = UINT64_MAX;
	if (r >= 0)
		r = take_properties(u, m);
	if (r < 0) {
		/* Nothing is known of this one; the next beat asks again. */
		(void) u->s->ctx->host->health(u->s->ctx, ANOD_HEALTH_ERROR, 1);
		return 0;
	}
	u->read = true;
	publish(u);
	check_sync(u->s);
	return 0;
}

static int ask_unit(struct unit *u)
{
	/* An empty interface means all of them. */
	return sd_bus_call_method_async(u->s->bus, NULL, MANAGER, u->path, PROPERTIES, "GetAll",
					on_properties, u, "s", "");
}

static int on_changed(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct unit *u = data;
	int r = sd_bus_message_skip(m, "s"); /* the interface */

	(void) error;
	if (r >= 0)
		r = take_properties(u, m);
	if (r < 0)
		(void) ask_unit(u); /* not understood: ask */
	else if (u->read)
		publish(u);
	return 0;
}

static void ask_all(struct systemd *s)
{
	for (unsigned i = 0; i < s->n_units; i++)
		(void) ask_unit(&s->unit[i]);
}

/* Reloading(b active), or the name of systemd has a new owner. */
static int on_reload(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct systemd *s = data;

	(void) m, (void) error;
	(void) sd_bus_call_method_async(s->bus, NULL, MANAGER, PATH, MANAGER ".Manager",
					"Subscribe", NULL, NULL, "");
	ask_all(s);
	return 0;
}

static int on_memory(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct unit *u = data;
	int r = reply_error(m);

	(void) error;
	u->memory = UINT64_MAX;
	if (r >= 0 && sd_bus_message_read(m, "v", "t", &u->memory) < 0)
		u->memory = UINT64_MAX;
	if (u->read)
		publish(u);
	return 0;
}

void units_ask_memory(struct systemd *s)
{
	for (unsigned i = 0; i < s->n_units; i++) {
		struct unit *u = &s->unit[i];

		if (!u->read)
			(void) ask_unit(u);
		else
			(void) sd_bus_call_method_async(s->bus, NULL, MANAGER, u->path, PROPERTIES,
							"Get", on_memory, u, "ss",
							MANAGER ".Service", "MemoryCurrent");
	}
}

int units_ask(struct systemd *s)
{
	int r = sd_bus_match_signal_async(s->bus, NULL, NULL, PATH, MANAGER ".Manager", "Reloading",
					  on_reload, NULL, s);

	if (r >= 0)
		r = sd_bus_match_signal_async(s->bus, NULL, "org.freedesktop.DBus", NULL,
					      "org.freedesktop.DBus", "NameOwnerChanged", on_reload,
					      NULL, s);
	/* The private socket tells everybody everything and knows no subscriptions. */
	if (r >= 0)
		r = sd_bus_call_method_async(s->bus, NULL, MANAGER, PATH, MANAGER ".Manager",
					     "Subscribe", NULL, NULL, "");
	for (unsigned i = 0; r >= 0 && i < s->n_units; i++) {
		r = sd_bus_match_signal_async(s->bus, NULL, NULL, s->unit[i].path, PROPERTIES,
					      "PropertiesChanged", on_changed, NULL, &s->unit[i]);
		if (r >= 0)
			r = ask_unit(&s->unit[i]);
	}
	if (r < 0)
		return r;
	if (s->lost)
		(void) s->ctx->host->sync(s->ctx, "unit", ANOD_SYNC_BEGIN);
	(void) s->ctx->host->object_sync(s->ctx, ANOD_OBJ_UNIT, ANOD_SYNC_BEGIN);
	return 0;
}
