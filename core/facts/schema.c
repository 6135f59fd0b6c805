/*
 * schema - which kinds of entities there are, and which attributes, from which source.
 *
 * Design.  A manifest is checked as a whole before the first attribute of it is taken over, so a
 * refused plugin leaves nothing behind.  Attributes are allocated one by one and never move:
 * pointers to them are handed out for the life of the schema.  The lists of names are made on
 * each declaration, because suggestions want plain arrays and declarations are few.
 */
#include "facts/schema.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>

#include "base/clock.h"

struct attr_node {
	struct schema_attr a;
	char *name, *help;
	UT_hash_handle hh; /* in its kind, by name */
};

struct kind_node {
	uint16_t id;
	char *name, *help;
	struct attr_node *attrs; /* uthash, in the order of slots */
	struct attr_node **slot; /* by slot */
	unsigned n_slots;
	const char **names; /* NULL-ended */
	unsigned n_names;
	UT_hash_handle hh; /* in the schema, by name */
};

struct source_node {
	struct source_node *next;
	char name[];
};

struct schema {
	struct kind_node *kinds; /* uthash */
	struct kind_node *kind[SCHEMA_KINDS_MAX];
	struct attr_node *attr[SCHEMA_ATTRS_MAX];
	unsigned n_kinds, n_attrs;
	const char *kind_names[SCHEMA_KINDS_MAX + 1];
	struct source_node *sources;
	char why[160];
};

/* Published once a second. */
#define BEAT(n, t, u, text)                                                                        \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .max_age_ms = 5000, .help = text                  \
	}

static const struct anod_kind core_kinds[] = {
	{ .name = "link",
	  .help = "A network interface of this router.",
	  .attrs =
		  (const struct anod_attr[]){
			  { .name = "role",
			    .type = ANOD_TEXT,
			    .help = "What the link is for, as the configuration says." },
			  { .name = "capacity",
			    .type = ANOD_INT,
			    .unit = ANOD_UNIT_BPS,
			    .help = "What the link can carry, as the configuration says." },
			  { 0 } } },
	{ .name = "host",
	  .help = "The daemon itself; its only entity is \"self\".",
	  .attrs =
		  (const struct anod_attr[]){
			  { .name = "lateness",
			    .type = ANOD_INT,
			    .unit = ANOD_UNIT_TIME,
			    .help = "How late the event loop runs its callbacks." },
			  { .name = "resyncs",
			    .type = ANOD_INT,
			    .help = "How often a source was read anew after lost events." },
			  { .name = "lost_events",
			    .type = ANOD_INT,
			    .help = "How often the kernel said that events were lost." },
			  BEAT("sched_delay", ANOD_INT, ANOD_UNIT_TIME,
			       "Time that the daemon was ready to run and had to wait for a CPU, "
			       "in the last second (/proc/self/schedstat)."),
			  BEAT("psi_cpu", ANOD_REAL, ANOD_UNIT_RATIO,
			       "Share of the last 10 s in which some task waited for a CPU "
			       "(/proc/pressure/cpu)."),
			  BEAT("psi_memory", ANOD_REAL, ANOD_UNIT_RATIO,
			       "The same for memory (/proc/pressure/memory)."),
			  BEAT("psi_io", ANOD_REAL, ANOD_UNIT_RATIO,
			       "The same for disks (/proc/pressure/io)."),
			  { 0 } } },
	{ .name = "sensor",
	  .help = "What a sensor says of its own work; the name is the plugin's.",
	  .attrs =
		  (const struct anod_attr[]){
			  BEAT("overruns", ANOD_INT, ANOD_UNIT_NONE,
			       "Times that a socket's buffer was full and events were lost "
			       "(ENOBUFS)."),
			  BEAT("resyncs", ANOD_INT, ANOD_UNIT_NONE,
			       "Whole readings that made up for lost events."),
			  BEAT("interrupted", ANOD_INT, ANOD_UNIT_NONE,
			       "Dumps that the kernel called inconsistent and that were read again "
			       "(NLM_F_DUMP_INTR)."),
			  BEAT("gaps", ANOD_INT, ANOD_UNIT_NONE,
			       "Answers that never came (sequence numbers)."),
			  BEAT("missed", ANOD_INT, ANOD_UNIT_NONE,
			       "Changes of a carrier that no event told of."),
			  BEAT("errors", ANOD_INT, ANOD_UNIT_NONE, "Readings that failed."),
			  BEAT("behind", ANOD_INT, ANOD_UNIT_TIME,
			       "How late it was against its period, at worst in the last second."),
			  BEAT("period", ANOD_INT, ANOD_UNIT_TIME,
			       "How often it reads now; 0: driven by events."),
			  BEAT("share", ANOD_REAL, ANOD_UNIT_RATIO,
			       "What it takes of one core: the CPU time of its callbacks, and the "
			       "time for which it held a lock or a thread, of the last 10 s."),
			  BEAT("limit", ANOD_REAL, ANOD_UNIT_RATIO,
			       "What it may take of one core now: its part of the observation "
			       "budget."),
			  BEAT("slowed", ANOD_REAL, ANOD_UNIT_NONE,
			       "By what factor its readings are put off, to stay within the limit; "
			       "1: they are not."),
			  BEAT("held", ANOD_INT, ANOD_UNIT_TIME,
			       "Time for which it held a lock of the kernel or a thread, or its "
			       "callbacks were blocked, in the last 10 s."),
			  { 0 } } },
	{ 0 },
};

static struct attr_node *attr_free(struct attr_node *a)
{
	if (!a)
		return NULL;
	free(a->name);
	free(a->help);
	free(a);
	return NULL;
}
DEFINE_CLEANUP(struct attr_node *, attr_free);

static struct kind_node *kind_free(struct kind_node *k)
{
	struct attr_node *a, *next;

	if (!k)
		return NULL;

	HASH_ITER(hh, k->attrs, a, next)
	{
		HASH_DEL(k->attrs, a);
		attr_free(a);
	}
	free(k->slot);
	free(k->names);
	free(k->name);
	free(k->help);
	free(k);
	return NULL;
}
DEFINE_CLEANUP(struct kind_node *, kind_free);

struct schema *schema_free(struct schema *s)
{
	struct kind_node *k, *next;

	if (!s)
		return NULL;

	HASH_ITER(hh, s->kinds, k, next)
	{
		HASH_DEL(s->kinds, k);
		kind_free(k);
	}
	while (s->sources) {
		struct source_node *gone = s->sources;

		s->sources = gone->next;
		free(gone);
	}
	free(s);
	return NULL;
}

struct schema *schema_new(void)
{
	_cleanup_(schema_freep) struct schema *s = calloc(1, sizeof(*s));
	const char *why;

	if (!s || schema_declare(s, "core", core_kinds, &why) < 0 ||
	    schema_declare(s, "core", schema_intent_kinds, &why) < 0)
		return NULL;
	return TAKE(s);
}

static struct kind_node *kind_find(const struct schema *s, const char *name)
{
	struct kind_node *k;

	HASH_FIND_STR(s->kinds, name, k);
	return k;
}

static struct attr_node *attr_find(const struct kind_node *k, const char *name)
{
	struct attr_node *a;

	HASH_FIND_STR(k->attrs, name, a);
	return a;
}

static bool name_valid(const char *name)
{
	size_t len = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;

	return len > 0 && len < ANOD_KIND_SIZE && name[len] == '\0' && name[0] > '9';
}

/* Does 'source' provide it already, or may it do so beside those that do? */
static bool may_provide(const struct schema_attr *a, const char *source,
			const struct anod_attr *attr)
{
	if (a->type != attr->type || a->unit != attr->unit)
		return false;
	return (a->flags & attr->flags & ANOD_ATTR_SHARED)
		       ? a->max_age_us == attr->max_age_ms * US_PER_MS
		       : strcmp(a->source, source) == 0;
}

/* 1: new, 0: declared alike before by the same source, or -errno with s->why. */
static int attr_check(struct schema *s, const char *source, const struct kind_node *k,
		      const struct anod_kind *kind, const struct anod_attr *attr)
{
	const struct attr_node *a = k ? attr_find(k, attr->name) : NULL;

	if (!name_valid(attr->name) || attr->type < ANOD_BOOL || attr->type > ANOD_PREFIX ||
	    attr->unit > ANOD_UNIT_PPS) {
		(void) snprintf(s->why, sizeof(s->why), "%s.%.40s: bad name, type or unit",
				kind->name, attr->name);
		return -EINVAL;
	}
	if (!a)
		return 1;

	if (!may_provide(&a->a, source, attr)) {
		(void) snprintf(s->why, sizeof(s->why), "%s.%s is provided by %s already",
				kind->name, attr->name, a->a.source);
		return -EEXIST;
	}
	return 0;
}

/* Would all of it fit?  Counts a name twice that one manifest declares twice: too many, not
 * too few. */
static int manifest_check(struct schema *s, const char *source, const struct anod_kind *kinds)
{
	unsigned n_kinds = s->n_kinds, n_attrs = s->n_attrs;

	for (const struct anod_kind *kind = kinds; kind->name; kind++) {
		const struct kind_node *k = kind_find(s, kind->name);

		if (!name_valid(kind->name)) {
			(void) snprintf(s->why, sizeof(s->why), "%.40s: bad name of a kind",
					kind->name);
			return -EINVAL;
		}
		n_kinds += !k;
		for (const struct anod_attr *attr = kind->attrs; attr && attr->name; attr++) {
			int r = attr_check(s, source, k, kind, attr);

			if (r < 0)
				return r;
			n_attrs += (unsigned) r;
		}
		if (n_kinds > SCHEMA_KINDS_MAX || n_attrs > SCHEMA_ATTRS_MAX) {
			(void) snprintf(s->why, sizeof(s->why),
					"%s: more than %d kinds or %d attributes", kind->name,
					SCHEMA_KINDS_MAX, SCHEMA_ATTRS_MAX);
			return -ENOSPC;
		}
	}
	return 0;
}

static const char *source_intern(struct schema *s, const char *name)
{
	size_t size = strlen(name) + 1;
	struct source_node *n;

	for (n = s->sources; n; n = n->next)
		if (strcmp(n->name, name) == 0)
			return n->name;

	n = malloc(sizeof(*n) + size);
	if (!n)
		return NULL;
	memcpy(n->name, name, size);
	n->next = s->sources;
	s->sources = n;
	return n->name;
}

static struct kind_node *kind_intern(struct schema *s, const struct anod_kind *kind)
{
	_cleanup_(kind_freep) struct kind_node *k = NULL;
	struct kind_node *known = kind_find(s, kind->name);

	if (known)
		return known;

	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->id = (uint16_t) (s->n_kinds + 1);
	k->name = strdup(kind->name);
	k->help = strdup(kind->help ? kind->help : "");
	k->names = calloc(1, sizeof(*k->names));
	if (!k->name || !k->help || !k->names)
		return NULL;

	HASH_ADD_KEYPTR(hh, s->kinds, k->name, strlen(k->name), k);
	s->kind_names[s->n_kinds] = k->name;
	s->kind[s->n_kinds++] = k;
	return TAKE(k);
}

/* Names for suggestions: of what sensors declare. */
static int name_add(struct kind_node *k, const char *name)
{
	const char **names = reallocarray(k->names, k->n_names + 2, sizeof(*names));

	if (!names)
		return -ENOMEM;
	k->names = names;
	k->names[k->n_names++] = name;
	k->names[k->n_names] = NULL;
	return 0;
}

static int attr_add(struct schema *s, const char *source, struct kind_node *k,
		    const struct anod_attr *attr)
{
	_cleanup_(attr_freep) struct attr_node *a = calloc(1, sizeof(*a));
	struct attr_node **slot;

	if (!a)
		return -ENOMEM;
	a->name = strdup(attr->name);
	a->help = strdup(attr->help ? attr->help : "");
	slot = reallocarray(k->slot, k->n_slots + 1, sizeof(*slot));
	if (slot)
		k->slot = slot;
	if (!a->name || !a->help || !slot)
		return -ENOMEM;
	if (!(attr->flags & SCHEMA_DERIVED) && name_add(k, a->name) < 0)
		return -ENOMEM;

	a->a = (struct schema_attr){
		.id = (uint16_t) (s->n_attrs + 1),
		.kind = k->id,
		.slot = (uint16_t) k->n_slots,
		.type = attr->type,
		.unit = attr->unit,
		.flags = attr->flags,
		.max_age_us = attr->max_age_ms * US_PER_MS,
		.name = a->name,
		.kind_name = k->name,
		.source = source,
		.help = a->help,
	};
	k->slot[k->n_slots++] = a;
	s->attr[s->n_attrs++] = a;
	HASH_ADD_KEYPTR(hh, k->attrs, a->name, strlen(a->name), a);
	(void) TAKE(a);
	return 0;
}

/* One more provider: "bird, frr". */
static int attr_share(struct schema *s, struct attr_node *a, const char *source)
{
	char both[2 * ANOD_NAME_SIZE];
	const char *name;

	if (!(a->a.flags & ANOD_ATTR_SHARED) || strstr(a->a.source, source))
		return 0;
	(void) snprintf(both, sizeof(both), "%s, %s", a->a.source, source);
	name = source_intern(s, both);
	if (!name)
		return -ENOMEM;
	a->a.source = name;
	return 0;
}

int schema_declare(struct schema *s, const char *source, const struct anod_kind *kinds,
		   const char **ret_why)
{
	const char *name;
	int r;

	*ret_why = s->why;
	r = manifest_check(s, source, kinds);
	if (r < 0)
		return r;

	(void) snprintf(s->why, sizeof(s->why), "out of memory");
	name = source_intern(s, source);
	if (!name)
		return -ENOMEM;

	for (const struct anod_kind *kind = kinds; kind->name; kind++) {
		struct kind_node *k = kind_intern(s, kind);

		if (!k)
			return -ENOMEM;
		for (const struct anod_attr *attr = kind->attrs; attr && attr->name; attr++) {
			struct attr_node *known = attr_find(k, attr->name);

			r = known ? attr_share(s, known, name) : attr_add(s, name, k, attr);
			if (r < 0)
				return r;
		}
	}
	s->why[0] = '\0';
	return 0;
}

static const struct kind_node *kind_at(const struct schema *s, uint16_t kind)
{
	return kind > 0 && kind <= s->n_kinds ? s->kind[kind - 1] : NULL;
}

int schema_derive(struct schema *s, uint16_t kind, const struct anod_attr *attr,
		  const char **ret_why, const struct schema_attr **ret)
{
	struct kind_node *k = kind > 0 && kind <= s->n_kinds ? s->kind[kind - 1] : NULL;
	struct anod_attr derived = *attr;
	const struct attr_node *a = k ? attr_find(k, attr->name) : NULL;
	const char *source = source_intern(s, "core");
	int r;

	*ret_why = s->why;
	(void) snprintf(s->why, sizeof(s->why), "%.80s cannot be derived", attr->name);
	if (!k || (a && (a->a.type != attr->type || !(a->a.flags & SCHEMA_DERIVED))))
		return -EINVAL;
	if (a) {
		*ret = &a->a;
		return 0;
	}
	if (s->n_attrs == SCHEMA_ATTRS_MAX) {
		(void) snprintf(s->why, sizeof(s->why), "more than %d attributes",
				SCHEMA_ATTRS_MAX);
		return -ENOSPC;
	}
	derived.flags |= SCHEMA_DERIVED;
	r = source ? attr_add(s, source, k, &derived) : -ENOMEM;
	if (r < 0) {
		(void) snprintf(s->why, sizeof(s->why), "out of memory");
		return r;
	}
	s->why[0] = '\0';
	*ret = &k->slot[k->n_slots - 1]->a;
	return 0;
}

int schema_rename(struct schema *s, const struct schema_attr *a, const struct anod_attr *attr)
{
	struct kind_node *k = s->kind[a->kind - 1];
	struct attr_node *node = k->slot[a->slot];
	char *name = strdup(attr->name), *help = strdup(attr->help ? attr->help : "");

	if (!name || !help || !(a->flags & SCHEMA_DERIVED)) {
		free(name);
		free(help);
		return name && help ? -EINVAL : -ENOMEM;
	}
	HASH_DEL(k->attrs, node);
	free(node->name);
	free(node->help);
	node->name = name;
	node->help = help;
	node->a.name = name;
	node->a.help = help;
	node->a.type = attr->type;
	node->a.unit = attr->unit;
	node->a.max_age_us = attr->max_age_ms * US_PER_MS;
	HASH_ADD_KEYPTR(hh, k->attrs, node->name, strlen(node->name), node);
	return 0;
}

uint16_t schema_kind_id(const struct schema *s, const char *kind)
{
	const struct kind_node *k = kind_find(s, kind);

	return k ? k->id : 0;
}

const char *schema_kind_name(const struct schema *s, uint16_t kind)
{
	const struct kind_node *k = kind_at(s, kind);

	return k ? k->name : NULL;
}

const char *schema_kind_help(const struct schema *s, uint16_t kind)
{
	const struct kind_node *k = kind_at(s, kind);

	return k ? k->help : NULL;
}

unsigned schema_n_kinds(const struct schema *s)
{
	return s->n_kinds;
}

unsigned schema_n_slots(const struct schema *s, uint16_t kind)
{
	const struct kind_node *k = kind_at(s, kind);

	return k ? k->n_slots : 0;
}

const struct schema_attr *schema_attr(const struct schema *s, const char *kind, const char *attr)
{
	const struct kind_node *k = kind_find(s, kind);
	const struct attr_node *a = k ? attr_find(k, attr) : NULL;

	return a ? &a->a : NULL;
}

const struct schema_attr *schema_attr_at(const struct schema *s, uint16_t kind, uint16_t slot)
{
	const struct kind_node *k = kind_at(s, kind);

	return k && slot < k->n_slots ? &k->slot[slot]->a : NULL;
}

const struct schema_attr *schema_attr_by_id(const struct schema *s, uint16_t id)
{
	return id > 0 && id <= s->n_attrs ? &s->attr[id - 1]->a : NULL;
}

const char *const *schema_kind_names(const struct schema *s)
{
	return s->kind_names;
}

const char *const *schema_attr_names(const struct schema *s, uint16_t kind)
{
	static const char *const none[] = { NULL };
	const struct kind_node *k = kind_at(s, kind);

	return k ? k->names : none;
}
