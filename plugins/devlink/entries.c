/*
 * entries - the entities of the sensor, and what is published of each.
 *
 * Design.  Dumps come in the same order each time, so the next item is nearly always the next
 * entry; otherwise all are searched.
 */
#include "devlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_AGE_MS 200000 /* three readings of the longest period */

struct entry {
	enum what what;
	uint32_t entity, round;
	char name[ANOD_NAME_SIZE];
};

#define NUM(t, u, n, text)                                                                         \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .max_age_ms = MAX_AGE_MS, .help = text            \
	}
#define COUNT(u, n, text) NUM(ANOD_INT, u, n, text)
#define WORD(n, f, text)                                                                           \
	{                                                                                          \
		.name = n, .type = ANOD_TEXT, .flags = f, .max_age_ms = MAX_AGE_MS, .help = text   \
	}

static const struct anod_attr device_attrs[] = {
	WORD("driver", 0, "the kernel's driver (INFO_GET)"),
	WORD("serial", ANOD_VALUE_OUTSIDE, "serial number of the device"),
	WORD("firmware", ANOD_VALUE_OUTSIDE, "version of the firmware that runs"),
	{ 0 },
};
static const struct anod_attr reporter_attrs[] = {
	COUNT(ANOD_UNIT_NONE, "errors",
	      "errors reported since the driver started "
	      "(HEALTH_REPORTER_GET)"),
	COUNT(ANOD_UNIT_NONE, "recoveries", "and recoveries from them"),
	COUNT(ANOD_UNIT_TIME, "dump_age",
	      "how long ago the dump that is kept was taken; unknown: "
	      "there is none"),
	WORD("state", 0, "healthy or error"),
	{ 0 },
};
static const struct anod_attr trap_attrs[] = {
	COUNT(ANOD_UNIT_PACKETS, "packets",
	      "packets that the device handed to the CPU, or dropped "
	      "and told of (TRAP_GET)"),
	COUNT(ANOD_UNIT_BYTES, "bytes", "bytes of them"),
	COUNT(ANOD_UNIT_PACKETS, "dropped", "dropped by the device without telling more"),
	WORD("action", 0, "drop, trap or mirror"),
	WORD("group", 0, "the group that it is of"),
	{ 0 },
};
static const struct anod_attr group_attrs[] = {
	COUNT(ANOD_UNIT_PACKETS, "packets", "packets of all traps of the group (TRAP_GROUP_GET)"),
	COUNT(ANOD_UNIT_BYTES, "bytes", "bytes of them"),
	COUNT(ANOD_UNIT_PACKETS, "dropped", "dropped by the policer of the group"),
	{ 0 },
};
static const struct anod_attr policer_attrs[] = {
	COUNT(ANOD_UNIT_PPS, "rate", "what it lets through to the CPU (TRAP_POLICER_GET)"),
	COUNT(ANOD_UNIT_PACKETS, "burst", "at once"),
	COUNT(ANOD_UNIT_PACKETS, "dropped", "packets above that: the CPU did not see them"),
	{ 0 },
};
static const struct anod_attr resource_attrs[] = {
	COUNT(ANOD_UNIT_NONE, "size", "entries that there are; unknown: no limit (RESOURCE_DUMP)"),
	COUNT(ANOD_UNIT_NONE, "occ", "entries in use"),
	NUM(ANOD_REAL, ANOD_UNIT_RATIO, "used",
	    "occ of size; when it is full, routes or rules stay in "
	    "software"),
	{ 0 },
};

const struct anod_kind devlink_kinds[] = {
	[WHAT_DEVICE] = { "devlink", "a network device as its driver sees it: BUS/NAME",
			  device_attrs },
	[WHAT_REPORTER] = { "reporter",
			    "a health reporter: BUS/NAME/REPORTER, of a port "
			    "BUS/NAME/PORT/REPORTER",
			    reporter_attrs },
	[WHAT_TRAP] = { "trap", "a packet trap that has caught something: BUS/NAME/TRAP",
			trap_attrs },
	[WHAT_GROUP] = { "trapgroup", "a group of traps: BUS/NAME/GROUP", group_attrs },
	[WHAT_POLICER] = { "policer", "what limits traps to the CPU: BUS/NAME/ID", policer_attrs },
	[WHAT_RESOURCE] = { "resource",
			    "a table of the device: BUS/NAME/RESOURCE, inside another "
			    "one BUS/NAME/RESOURCE/RESOURCE",
			    resource_attrs },
	[WHATS] = { 0 },
};

static const struct {
	uint8_t numbers; /* that are put(), 'used' with them */
	uint8_t texts;
	uint8_t first_text; /* attribute */
} shape[WHATS] = {
	[WHAT_DEVICE] = { 0, 3, 0 }, [WHAT_REPORTER] = { 3, 1, 3 }, [WHAT_TRAP] = { 3, 2, 3 },
	[WHAT_GROUP] = { 3, 0, 0 },  [WHAT_POLICER] = { 3, 0, 0 },  [WHAT_RESOURCE] = { 3, 0, 0 },
};

int entries_init(struct devlink *d)
{
	for (unsigned i = 0; i < WHATS; i++) {
		char name[2 * ANOD_KIND_SIZE] = "";

		(void) strncat(name, devlink_kinds[i].name, ANOD_KIND_SIZE - 1);
		(void) strcat(name, ".");
		(void) strncat(name, devlink_kinds[i].attrs[0].name, ANOD_KIND_SIZE - 1);
		d->fact[i] = d->ctx->host->fact_id(d->ctx, name);
		if (d->fact[i] < 0)
			return d->fact[i];
	}
	return 0;
}

/* ---- entries ------------------------------------------------------------------------------ */

static struct entry *find(struct devlink *d, const struct item *i)
{
	for (uint32_t k = 0; k < d->n_entries; k++) {
		uint32_t at = (d->next + k) % d->n_entries;

		if (d->entry[at].what == i->what && strcmp(d->entry[at].name, i->name) == 0) {
			d->next = at + 1;
			return &d->entry[at];
		}
	}
	return NULL;
}

static struct entry *add(struct devlink *d, const struct item *i)
{
	struct entry *e;

	if (d->n_entries == ENTRIES_MAX)
		return NULL;
	if (d->n_entries == d->entries_size) {
		uint32_t size = d->entries_size ? 2 * d->entries_size : 32;

		e = realloc(d->entry, size * sizeof(*e));
		if (!e)
			return NULL;
		d->entry = e;
		d->entries_size = size;
	}
	e = &d->entry[d->n_entries];
	*e = (struct entry){ .what = i->what };
	memcpy(e->name, i->name, sizeof(e->name));
	if (d->ctx->host->entity(d->ctx, devlink_kinds[i->what].name, e->name, &e->entity) < 0)
		return NULL;
	d->n_entries++;
	return e;
}

void entries_end(struct devlink *d)
{
	uint32_t kept = 0;

	for (uint32_t k = 0; k < d->n_entries; k++) {
		if (d->entry[k].round == d->round)
			d->entry[kept++] = d->entry[k];
		else
			(void) d->ctx->host->entity_gone(d->ctx, d->entry[k].entity);
	}
	d->n_entries = kept;
	d->next = 0;
}

void entries_free(struct devlink *d)
{
	free(d->entry);
	d->entry = NULL;
	d->n_entries = d->entries_size = 0;
}

/* ---- storing ------------------------------------------------------------------------------ */

static int64_t real_us(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t) t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void put_numbers(struct devlink *d, const struct entry *e, const struct item *i)
{
	int64_t raw[ITEM_NUMBERS];
	uint32_t known = i->known;

	memcpy(raw, i->number, sizeof(raw));
	if (i->what == WHAT_REPORTER && known & 4) {
		raw[2] = real_us() - raw[2];
		if (raw[2] < 0)
			known &= ~4u;
	}
	if (i->what == WHAT_RESOURCE && (known & 3) == 3 && raw[0] > 0) {
		double used = (double) raw[1] / (double) raw[0];

		memcpy(&raw[2], &used, sizeof(used));
		known |= 4;
	}
	(void) d->ctx->host->put(d->ctx, e->entity, d->fact[i->what], shape[i->what].numbers, raw,
				 known);
}

static void put_texts(struct devlink *d, const struct entry *e, const struct item *i)
{
	const struct anod_attr *attr = &devlink_kinds[i->what].attrs[shape[i->what].first_text];
	int fact = d->fact[i->what] + shape[i->what].first_text;

	for (unsigned k = 0; k < shape[i->what].texts; k++) {
		struct anod_value v = { .type = ANOD_TEXT, .flags = (uint8_t) attr[k].flags };

		if (!(i->known_texts >> k & 1))
			continue; /* a device's come with another answer */
		memcpy(v.u.text, i->text[k], sizeof(v.u.text));
		(void) d->ctx->host->publish(d->ctx, e->entity, fact + (int) k, &v);
	}
}

void entries_take(struct devlink *d, const struct item *i)
{
	struct entry *e = find(d, i);

	if (!e && i->what == WHAT_TRAP && !i->number[0] && !i->number[2])
		return;
	if (!e)
		e = add(d, i);
	if (!e) {
		(void) d->ctx->host->health(d->ctx, ANOD_HEALTH_ERROR, 1);
		return;
	}
	e->round = d->round;
	if (shape[i->what].numbers)
		put_numbers(d, e, i);
	put_texts(d, e, i);
}
