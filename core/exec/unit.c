/*
 * unit - services of systemd, over D-Bus.
 *
 * Design.  A connection is made for each request and closed behind it: requests are rare, and one
 * that is kept would gather signals that nobody reads.  Starting is RestartUnit(), which is told to
 * replace what is under way and answers when the job stands in the queue; before it the unit's count
 * of failures is forgotten, because systemd starts none that has failed too often.
 *
 * systemd lets root start units; for another user it asks polkit, which needs a rule of its own.
 */
#include "exec/unit.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/clock.h"
#include "base/util.h"

#define WAIT_US (2 * US_PER_S)
#define BUS	"org.freedesktop.systemd1"
#define PATH	"/org/freedesktop/systemd1"
#define MANAGER BUS ".Manager"
#define UNIT	BUS ".Unit"

static int fail(struct kernel *k, int error, const sd_bus_error *e, const char *what)
{
	char text[EXEC_WHY_SIZE];

	(void) snprintf(text, sizeof(text), "%s%s%s", what, e->message ? ": " : "",
			e->message ? e->message : "");
	clean_text(text);
	return kernel_fail(k, error, text);
}

static int read_unit(struct kernel *k, sd_bus *bus, const char *name, struct anod_sdunit *ret)
{
	_cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	_cleanup_(freep) char *loaded = NULL, *active = NULL;
	const char *path;
	int r;

	r = sd_bus_call_method(bus, BUS, PATH, MANAGER, "LoadUnit", &e, &m, "s", name);
	if (r >= 0)
		r = sd_bus_message_read(m, "o", &path);
	if (r >= 0)
		r = sd_bus_get_property_string(bus, BUS, path, UNIT, "LoadState", &e, &loaded);
	if (r >= 0)
		r = sd_bus_get_property_string(bus, BUS, path, UNIT, "ActiveState", &e, &active);
	if (r < 0)
		return fail(k, r, &e, "asking systemd for the unit");
	if (strcmp(loaded, "not-found") == 0)
		return -ENOENT;

	*ret = (struct anod_sdunit){ .active = strcmp(active, "active") == 0 };
	(void) copy_text(ret->name, sizeof(ret->name), name);
	return 0;
}

static int start_unit(struct kernel *k, sd_bus *bus, const char *name)
{
	_cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error none = SD_BUS_ERROR_NULL;
	int r;

	/* Refused where there is nothing to forget. */
	(void) sd_bus_call_method(bus, BUS, PATH, MANAGER, "ResetFailedUnit", &none, NULL, "s",
				  name);
	r = sd_bus_call_method(bus, BUS, PATH, MANAGER, "RestartUnit", &e, NULL, "ss", name,
			       "replace");
	return r < 0 ? fail(k, r, &e, "asking systemd to start the unit") : 0;
}

int unit_reach(struct kernel *k, bool start, const char *name, struct anod_sdunit *ret)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	struct anod_sdunit unit;
	int r;

	r = sd_bus_open_system(&bus);
	if (r < 0)
		return kernel_fail(k, r == -ENOENT ? -ENOTCONN : r,
				   "no D-Bus to reach systemd by (is it running here?)");
	(void) sd_bus_set_method_call_timeout(bus, WAIT_US);

	r = start ? start_unit(k, bus, name) : read_unit(k, bus, name, &unit);
	if (r >= 0 && !start && ret)
		*ret = unit;
	return r < 0 ? r : 0;
}
