/*
 * doctor_facts - sensors that do not see well, and facts that are used and not known.
 *
 * Design.  What a sensor says of itself are facts of kind "sensor" (truth.c), so this reads what
 * everybody can read.  A fact is used when somebody asked store_need() for its column: a watch, a
 * guard, a statistic, the configuration of the history.
 */
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "host/doctor.h"
#include "host/history_host.h"

#define LISTED_MAX 12 /* attributes that are named; the rest is counted */

/* Of sensor NAME; false: unknown. */
static bool sensor_fact(struct host *h, const char *sensor, const char *attr, int64_t *ret)
{
	const struct schema_attr *a = schema_attr(h->schema, "sensor", attr);
	uint32_t e = a ? store_find(h->store, a->kind, sensor) : 0;
	struct fact f;

	if (!e || store_get(h->store, e, a->slot, host_now(h), &f) < 0 || f.value.type != ANOD_INT)
		return false;
	*ret = f.value.u.i;
	return true;
}

/* How many facts of a column there are, and how many of these are unknown now. */
static void count_column(struct host *h, const struct schema_attr *a, unsigned *seen,
			 unsigned *unknown)
{
	unsigned n = store_count(h->store, a->kind);
	uint64_t now = host_now(h);

	for (unsigned i = 0; i < n; i++) {
		struct fact f;

		if (store_get(h->store, store_nth(h->store, a->kind, i), a->slot, now, &f) < 0)
			continue;
		(*seen)++;
		*unknown += f.value.type == ANOD_UNKNOWN;
	}
}

static void check_health(cJSON *list, struct host *h, const char *name)
{
	int64_t n, behind, period;
	char late[32], every[32];

	if (sensor_fact(h, name, "behind", &behind) && sensor_fact(h, name, "period", &period) &&
	    period > 0 && behind > period / 2) {
		format_duration((uint64_t) behind, late, sizeof(late));
		format_duration((uint64_t) period, every, sizeof(every));
		doctor_add(list, name, BAD, "a longer period, or more CPU for anod",
			   "sensor %s is %s behind its period of %s: what is shorter goes unseen",
			   name, late, every);
	}
	if (sensor_fact(h, name, "overruns", &n) && n > 0)
		doctor_add(
			list, name, BAD,
			"a larger event-buffer (anod.conf), CAP_NET_ADMIN or net.core.rmem_max",
			"sensor %s: its buffer was full %lld times; everything was unknown until "
			"it had been read again",
			name, (long long) n);
	if (sensor_fact(h, name, "errors", &n) && n > 0)
		doctor_add(list, name, BAD, "see the log for the cause",
			   "sensor %s: %lld readings failed", name, (long long) n);
	if (sensor_fact(h, name, "gaps", &n) && n > 0)
		doctor_add(list, name, BAD, "less load, or a longer incident-period",
			   "sensor %s: %lld answers never came", name, (long long) n);
	if (sensor_fact(h, name, "missed", &n) && n > 0)
		doctor_add(list, name, NOT_KNOWN,
			   "look at link.carrier_changes_missed: the kernel merges quick changes",
			   "sensor %s: %lld changes of a carrier that no event told of", name,
			   (long long) n);
}

/* Sensors that have seen nothing are one line: most routers have no use for many of them. */
struct silent {
	unsigned n;
	char names[240];
};

static void add_silent(struct silent *s, const char *name)
{
	size_t at = strlen(s->names);

	(void) snprintf(s->names + at, sizeof(s->names) - at, "%s%s", s->n ? ", " : "", name);
	s->n++;
}

static void check_sensor(cJSON *list, struct host *h, const struct anod_plugin *p,
			 struct silent *silent)
{
	unsigned seen = 0, unknown = 0;

	for (const struct anod_kind *k = p->kinds; k->name; k++)
		for (const struct anod_attr *a = k->attrs; a && a->name; a++)
			count_column(h, schema_attr(h->schema, k->name, a->name), &seen, &unknown);
	if (seen == 0)
		add_silent(silent, p->name);
	else
		doctor_add(list, p->name, GOOD, NULL, "sensor %s: %u facts, %u of them unknown now",
			   p->name, seen, unknown);
	check_health(list, h, p->name);
}

static void add_needed(cJSON *list, const struct schema_attr *a, unsigned seen, unsigned unknown)
{
	static const char cure[] = "'anodctl facts' tells why; what depends on it is doubt";

	if (seen == 0)
		doctor_add(list, "needed", BAD, cure,
			   "%s.%s is used, and nobody provides it (source %s)", a->kind_name,
			   a->name, a->source);
	else
		doctor_add(list, "needed", unknown < seen ? NOT_KNOWN : BAD, cure,
			   "%s.%s is used, and %u of %u are unknown now (source %s)", a->kind_name,
			   a->name, unknown, seen, a->source);
}

/* What the daemon itself makes (findings) and has made none of, is known: there is none. */
static bool none_there(struct host *h, const struct schema_attr *a)
{
	return strcmp(a->source, "core") == 0 && store_count(h->store, a->kind) == 0;
}

/* Columns that somebody uses and of which nothing, or not all, is known. */
static void check_needed(cJSON *list, struct host *h)
{
	unsigned n_needed = 0, n_bad = 0;

	for (uint16_t id = 1; id <= SCHEMA_ATTRS_MAX; id++) {
		const struct schema_attr *a = schema_attr_by_id(h->schema, id);
		unsigned seen = 0, unknown = 0;

		if (!a || !store_needed(h->store, a) || history_only(h, a))
			continue;
		n_needed++;
		count_column(h, a, &seen, &unknown);
		if ((seen > 0 || none_there(h, a)) && !unknown)
			continue;
		if (n_bad++ < LISTED_MAX)
			add_needed(list, a, seen, unknown);
	}
	if (n_bad > LISTED_MAX)
		doctor_add(list, "needed", BAD, NULL, "%u more like these", n_bad - LISTED_MAX);
	if (!n_bad)
		doctor_add(list, "needed", GOOD, NULL, "all of %u attributes in use are known",
			   n_needed);
}

void doctor_facts(cJSON *list, struct host *h)
{
	struct silent silent = { 0 };

	for (unsigned i = 0; i < h->n_sensors; i++)
		check_sensor(list, h, h->sensor[i]->plugin, &silent);
	if (silent.n)
		doctor_add(list, "sensors", NOT_KNOWN,
			   "nothing, when this router has none of what they watch",
			   "sensor%s %s %s published nothing yet", silent.n == 1 ? "" : "s",
			   silent.names, silent.n == 1 ? "has" : "have");
	check_needed(list, h);
	if (!model_in_sync(h->model))
		doctor_add(list, "model", BAD, "wait: it is being re-read",
			   "the kernel's state is out of sync; no change is decided meanwhile");
}
