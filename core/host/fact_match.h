/*
 * fact_match - which facts somebody means by a pattern.
 *
 * A pattern is a glob over KIND/NAME.ATTR.  "link/wan0" or "link" means all of it.  A sampled fact
 * (one with a maximum age) is named only by a pattern that writes its attribute: "link/wan0.rx_*",
 * "link/wan0.*", but not "link/wan0", because following all of them is a flood.
 *
 * Memory: the patterns are copied.  Errors: negative errno.
 */
#ifndef HOST_FACT_MATCH_H
#define HOST_FACT_MATCH_H

#include "facts/schema.h"

#define FACT_PATTERNS_MAX 8

struct cJSON;

struct fact_match {
	char *pattern[FACT_PATTERNS_MAX]; /* owned; none: everything */
	unsigned n;
};

/* From a text, a list of texts, or NULL for everything.  -EINVAL: neither; -E2BIG: too many. */
int fact_match_open(struct fact_match *m, const struct cJSON *pattern);
void fact_match_close(struct fact_match *m);

/* All of an entity's facts? */
bool fact_match_entity(const struct fact_match *m, const char *kind, const char *name);
/* This one? */
bool fact_match_attr(const struct fact_match *m, const char *name, const struct schema_attr *a);
/* May it match for any entity?  Cheap, and asked once for each attribute. */
bool fact_match_maybe(const struct fact_match *m, const struct schema_attr *a);
/* Is a sampled fact named for any entity; and for this one? */
bool fact_match_names(const struct fact_match *m, const struct schema_attr *a);
bool fact_match_sampled(const struct fact_match *m, const char *name, const struct schema_attr *a);

#endif
