/*
 * fact_match - which facts somebody means by a pattern.
 *
 * Design.  A router with thousands of links has a hundred thousand facts, and a pattern is tried on
 * all of them.  So entities are tried first, and of their attributes only those whose name fits the
 * plain text behind the pattern's last wildcard.
 */
#include "host/fact_match.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#define PATH_SIZE (2 * ANOD_NAME_SIZE + ANOD_KIND_SIZE + 2)

static int add(struct fact_match *m, const cJSON *pattern)
{
	if (!cJSON_IsString(pattern))
		return -EINVAL;
	if (!pattern->valuestring[0])
		return 0;
	if (m->n == FACT_PATTERNS_MAX)
		return -E2BIG;
	m->pattern[m->n] = strdup(pattern->valuestring);
	if (!m->pattern[m->n])
		return -ENOMEM;
	m->n++;
	return 0;
}

int fact_match_open(struct fact_match *m, const cJSON *pattern)
{
	const cJSON *p;
	int r = 0;

	*m = (struct fact_match){ 0 };
	if (cJSON_IsArray(pattern))
		cJSON_ArrayForEach(p, pattern) r = r < 0 ? r : add(m, p);
	else if (pattern)
		r = add(m, pattern);
	if (r < 0)
		fact_match_close(m);
	return r;
}

void fact_match_close(struct fact_match *m)
{
	for (unsigned k = 0; k < m->n; k++)
		free(m->pattern[k]);
	*m = (struct fact_match){ 0 };
}

bool fact_match_entity(const struct fact_match *m, const char *kind, const char *name)
{
	char path[PATH_SIZE];

	if (m->n == 0)
		return true;
	(void) snprintf(path, sizeof(path), "%s/%s", kind, name);
	for (unsigned k = 0; k < m->n; k++)
		if (strcmp(m->pattern[k], kind) == 0 || fnmatch(m->pattern[k], path, 0) == 0)
			return true;
	return false;
}

bool fact_match_attr(const struct fact_match *m, const char *name, const struct schema_attr *a)
{
	char path[PATH_SIZE];

	if (m->n == 0)
		return true;
	(void) snprintf(path, sizeof(path), "%s/%s.%s", a->kind_name, name, a->name);
	for (unsigned k = 0; k < m->n; k++)
		if (fnmatch(m->pattern[k], path, 0) == 0)
			return true;
	return false;
}

/* What every match of the pattern ends with. */
static const char *plain_end(const char *pattern)
{
	const char *end = pattern;

	for (const char *p = pattern; *p; p++)
		if (strchr("*?[]\\", *p))
			end = p + 1;
	return end;
}

bool fact_match_maybe(const struct fact_match *m, const struct schema_attr *a)
{
	for (unsigned k = 0; k < m->n; k++) {
		const char *end = plain_end(m->pattern[k]);
		size_t n = strlen(end), len = strlen(a->name);

		/* The part of it that must lie within the attribute's name. */
		if (memcmp(n > len ? end + n - len : end, n > len ? a->name : a->name + len - n,
			   MIN_OF(n, len)) == 0)
			return true;
	}
	return m->n == 0;
}

/* Does the pattern write an attribute, and is this one like that? */
static bool writes(const char *p, const struct schema_attr *a)
{
	const char *slash = strchr(p, '/'), *dot = strrchr(p, '.');
	char kind[ANOD_KIND_SIZE];

	if (!slash || !dot || dot < slash || slash - p >= (long) sizeof(kind))
		return false;
	(void) snprintf(kind, sizeof(kind), "%.*s", (int) (slash - p), p);
	return fnmatch(kind, a->kind_name, 0) == 0 && fnmatch(dot + 1, a->name, 0) == 0;
}

bool fact_match_names(const struct fact_match *m, const struct schema_attr *a)
{
	for (unsigned k = 0; k < m->n; k++)
		if (writes(m->pattern[k], a))
			return true;
	return false;
}

bool fact_match_sampled(const struct fact_match *m, const char *name, const struct schema_attr *a)
{
	char path[PATH_SIZE];

	(void) snprintf(path, sizeof(path), "%s/%s.%s", a->kind_name, name, a->name);
	for (unsigned k = 0; k < m->n; k++)
		if (writes(m->pattern[k], a) && fnmatch(m->pattern[k], path, 0) == 0)
			return true;
	return false;
}
