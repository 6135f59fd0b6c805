/*
 * objectives_file - accounts of objectives, across restarts and reboots.
 *
 * Design.  "objectives.json" in the state folder, written beside and renamed: once a minute, some
 * seconds after a change, and at the end.  Within one boot CLOCK_BOOTTIME says how long nobody ran;
 * across a reboot only the wall clock can, and one that is behind counts as no time.  Either way that
 * time is unknown: what the network did then nobody has measured.  An objective of another text is
 * not restored; a broken file costs the history and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "base/log.h"
#include "host/objectives_int.h"

#define FILE_MAX (16u << 20)

/* ---- out ------------------------------------------------------------------------------------- */

static cJSON *violations_json(const struct objective *o)
{
	unsigned first = o->n_violations > VIOLATIONS_KEPT ? o->n_violations - VIOLATIONS_KEPT : 0;
	cJSON *list = cJSON_CreateArray();

	for (unsigned k = first; k < o->n_violations; k++) {
		const struct violation *v = &o->violation[k % VIOLATIONS_KEPT];
		double n[4] = { (double) v->from_wall_us, (double) v->to_wall_us,
				(double) v->bad_us, (double) v->incident };

		cJSON_AddItemToArray(list, cJSON_CreateDoubleArray(n, 4));
	}
	return list;
}

static cJSON *objective_out(const struct objective *o)
{
	cJSON *j = cJSON_CreateObject();

	cJSON_AddStringToObject(j, "name", o->name);
	cJSON_AddStringToObject(j, "requires", o->key);
	cJSON_AddNumberToObject(j, "state", o->state);
	cJSON_AddNumberToObject(j, "since_wall_us", (double) o->since_wall_us);
	cJSON_AddItemToObject(j, "account", account_json(o->account));
	cJSON_AddItemToObject(j, "violations", violations_json(o));
	return j;
}

static int write_file(const char *path, const char *text)
{
	char tmp[600];
	_cleanup_(closep) int fd = -1;
	size_t size = strlen(text), done = 0;

	(void) snprintf(tmp, sizeof(tmp), "%s.new", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (done < size) {
		ssize_t n = write(fd, text + done, size - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t) n : 0;
	}
	return rename(tmp, path) < 0 ? -errno : 0;
}

static void file_path(const struct host *h, char *buf, size_t size)
{
	(void) snprintf(buf, size, "%s/objectives.json", h->state_dir);
}

void objectives_save(struct host *h)
{
	struct objectives *s = h->objectives;
	cJSON *o = cJSON_CreateObject(), *list;
	_cleanup_(freep) char *text = NULL;
	char path[512];
	int r;

	cJSON_AddNumberToObject(o, "wall_us", (double) clock_wall_us());
	cJSON_AddStringToObject(o, "boot_id", clock_boot_id());
	/* The accounts have been brought to this moment, not to now. */
	cJSON_AddNumberToObject(o, "boot_us", (double) s->eval_us);
	list = cJSON_AddArrayToObject(o, "objectives");
	for (unsigned k = 0; k < s->n; k++)
		cJSON_AddItemToArray(list, objective_out(s->item[k]));
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	file_path(h, path, sizeof(path));
	r = text ? write_file(path, text) : -ENOMEM;
	if (r < 0)
		log_warning("%s: %s: a restart would forget how objectives were fulfilled", path,
			    strerror(-r));
	s->saved_us = host_now(h);
	s->unsaved = false;
}

/* ---- in -------------------------------------------------------------------------------------- */

static const cJSON *get(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

static uint64_t number(const cJSON *i)
{
	return cJSON_IsNumber(i) && i->valuedouble >= 0 && i->valuedouble < 9e15
		       ? (uint64_t) i->valuedouble
		       : 0;
}

static uint64_t time_away(const cJSON *o, uint64_t now_us, uint64_t wall_us)
{
	const cJSON *boot = get(o, "boot_id");
	bool same = cJSON_IsString(boot) && boot->valuestring[0] &&
		    strcmp(boot->valuestring, clock_boot_id()) == 0;
	uint64_t then = number(get(o, same ? "boot_us" : "wall_us"));
	uint64_t now = same ? now_us : wall_us;

	return then && now > then ? now - then : 0;
}

static void violations_in(struct objective *o, const cJSON *list, uint64_t until_us)
{
	const cJSON *i;

	cJSON_ArrayForEach(i, list)
	{
		struct violation *v = &o->violation[o->n_violations % VIOLATIONS_KEPT];

		*v = (struct violation){ .from_wall_us = number(cJSON_GetArrayItem(i, 0)),
					 .to_wall_us = number(cJSON_GetArrayItem(i, 1)),
					 .bad_us = number(cJSON_GetArrayItem(i, 2)),
					 .incident = number(cJSON_GetArrayItem(i, 3)) };
		if (!v->to_wall_us)
			v->to_wall_us = until_us;
		o->n_violations++;
	}
}

static bool restore(struct host *h, const cJSON *in, uint64_t saved_wall_us)
{
	const cJSON *name = get(in, "name"), *key = get(in, "requires");
	struct objective *o;

	if (!cJSON_IsString(name) || !cJSON_IsString(key))
		return false;
	o = objective_find(h->objectives, name->valuestring);
	if (!o || strcmp(o->key, key->valuestring) != 0)
		return true; /* the policy has changed; "began" has said so */
	if (account_load(o->account, get(in, "account")) < 0)
		return number(get(get(in, "account"), "period_us")) != o->account->period_us;
	violations_in(o, get(in, "violations"), saved_wall_us);
	objective_note(h, o, "goes on");
	return true;
}

static cJSON *read_file(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(freep) char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size > FILE_MAX)
		return NULL;
	text = malloc((size_t) st.st_size + 1);
	n = text ? read(fd, text, (size_t) st.st_size) : -1;
	return n > 0 ? cJSON_ParseWithLength(text, (size_t) n) : NULL;
}

void objectives_restore(struct host *h)
{
	uint64_t wall = clock_wall_us(), now = host_now(h), away;
	const cJSON *list, *i;
	bool good = true;
	char path[512];
	cJSON *o;

	file_path(h, path, sizeof(path));
	if (access(path, F_OK) < 0)
		return;
	o = read_file(path);
	list = get(o, "objectives");
	good = cJSON_IsArray(list);
	away = time_away(o, now, wall);
	cJSON_ArrayForEach(i, list) good &= restore(h, i, number(get(o, "wall_us")));
	for (unsigned k = 0; k < h->objectives->n; k++)
		if (h->objectives->item[k]->account->now_us > 0)
			account_add(h->objectives->item[k]->account, away, ANOD_DOUBT, wall);
	if (!good)
		log_warning("%s is broken: objectives begin a new period", path);
	cJSON_Delete(o);
}
