/*
 * overrides - invariants that people have lifted: on record, saved, and over in time.
 *
 * Design.  An override counts when its line in the ledger and its entry in "overrides.json" are on
 * the disk, not before; when either cannot be written there is none.  The file says which boot it
 * is of, because its times are boot times: a restart of the daemon goes on with what is left, and
 * a reboot ends it, since nobody can say then how long the router was away.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/doctor.h"
#include "host/people.h"

#define FILE_SIZE (1u << 20)

static const char *file_path(const struct host *h, char *buf, size_t size)
{
	(void) snprintf(buf, size, "%s/overrides.json", h->state_dir);
	return buf;
}

static int write_synced(const char *dir, const char *path, const char *text)
{
	size_t n = strlen(text);
	_cleanup_(closep) int fd = -1, folder = -1;
	char tmp[600];

	(void) snprintf(tmp, sizeof(tmp), "%s.new", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	errno = ENOSPC;
	if (write(fd, text, n) != (ssize_t) n || fsync(fd) < 0 || rename(tmp, path) < 0)
		return -errno;
	folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder < 0 || fsync(folder) < 0 ? -errno : 0;
}

static int save(struct host *h)
{
	cJSON *o = cJSON_CreateObject(), *list = overrides_json(h->overrides, host_now(h));
	_cleanup_(freep) char *text = NULL;
	char path[512];
	int r;

	cJSON_AddStringToObject(o, "boot_id", clock_boot_id());
	if (list)
		cJSON_AddItemToObject(o, "overrides", list);
	text = list ? cJSON_PrintUnformatted(o) : NULL;
	cJSON_Delete(o);
	r = text ? write_synced(h->state_dir, file_path(h, path, sizeof(path)), text) : -ENOMEM;
	if (r < 0)
		log_warning("%s: %s", path, strerror(-r));
	return r;
}

/* In the ledger, durably; then to everybody who listens. */
static int tell(struct host *h, const char *what, const char *invariant, const char *who,
		uint64_t left_us, const char *why)
{
	cJSON *b = cJSON_CreateObject();
	char text[OVERRIDE_WHO + 400], until[40];
	int r;

	cJSON_AddStringToObject(b, "did", what);
	cJSON_AddStringToObject(b, "invariant", invariant);
	cJSON_AddStringToObject(b, "people", who);
	if (left_us)
		cJSON_AddStringToObject(
			b, "until", format_wall(clock_wall_us() + left_us, until, sizeof(until)));
	if (why[0])
		cJSON_AddStringToObject(b, "why", why);
	r = record_event_synced(h, "override", b);
	(void) snprintf(text, sizeof(text), "override %s: invariant \"%s\", by %s%s%s", what,
			invariant, who, why[0] ? ": " : "", why);
	log_notice("%s", text);
	monitor_send(h, "operator", 0, 0, who, text);
	return r;
}

uint64_t overrides_begin(struct host *h, const struct policy_invariant *inv)
{
	uint64_t now = host_now(h), until = override_begin(h->overrides, inv, now);
	const char *who = "";

	if (!until)
		return 0;
	(void) override_in_force(h->overrides, inv, now, NULL, &who);
	if (tell(h, "begins", inv->name, who, until - now, "") < 0 || save(h) < 0) {
		(void) override_end(h->overrides, inv->name);
		return 0;
	}
	txns_policy_changed(h->txns);
	return until;
}

struct over {
	struct host *host;
	bool any;
};

static void on_over(void *data, const char *invariant, const char *who, const char *why)
{
	struct over *o = data;

	o->any = true;
	(void) tell(o->host, "ends", invariant, who, 0, why);
}

int overrides_end(struct host *h, const char *invariant, const char *user)
{
	char why[ANOD_NAME_SIZE + 16];
	struct override_info i;
	int r = -ENOENT;

	(void) snprintf(why, sizeof(why), "ended by %s", user);
	for (unsigned n = 0; r < 0 && override_nth(h->overrides, n, host_now(h), &i); n++) {
		if (strcmp(i.invariant, invariant) != 0)
			continue;
		if (i.in_force)
			(void) tell(h, "ends", invariant, i.who, 0, why);
		r = override_end(h->overrides, invariant);
	}
	if (r < 0)
		return r;
	(void) save(h);
	txns_policy_changed(h->txns);
	return 0;
}

uint64_t overrides_run(struct host *h, uint64_t now_us)
{
	struct over o = { .host = h };
	uint64_t next;

	if (!h->overrides)
		return US_INFINITY;
	next = overrides_sweep(h->overrides, h->config, now_us, on_over, &o);
	if (o.any) {
		(void) save(h);
		txns_policy_changed(h->txns);
	}
	return next;
}

static void restore(struct host *h)
{
	_cleanup_(freep) char *text = NULL;
	_cleanup_(closep) int fd = -1;
	const cJSON *boot, *list;
	char path[512];
	cJSON *o;
	ssize_t n;

	fd = open(file_path(h, path, sizeof(path)), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;

	text = calloc(1, FILE_SIZE);
	n = text ? read(fd, text, FILE_SIZE - 1) : -1;
	o = n > 0 ? cJSON_ParseWithLength(text, (size_t) n) : NULL;
	boot = cJSON_GetObjectItemCaseSensitive(o, "boot_id");
	list = cJSON_GetObjectItemCaseSensitive(o, "overrides");
	if (!cJSON_IsString(boot) || !cJSON_IsArray(list))
		log_warning("%s is broken: no override is in force", path);
	else if (strcmp(boot->valuestring, clock_boot_id()) != 0 && cJSON_GetArraySize(list) > 0)
		log_notice("%s is of before the reboot: its overrides have ended", path);
	else if (strcmp(boot->valuestring, clock_boot_id()) == 0 &&
		 overrides_load(h->overrides, list, host_now(h)) < 0)
		log_warning("%s is broken: no override is in force", path);
	cJSON_Delete(o);
}

int overrides_open(struct host *h)
{
	uint8_t nonce[APPROVAL_NONCE];

	randombytes_buf(nonce, sizeof(nonce));
	h->overrides = overrides_new(nonce);
	sodium_memzero(nonce, sizeof(nonce));
	if (!h->overrides)
		return -ENOMEM;
	restore(h);
	(void) overrides_run(h, host_now(h));
	return 0;
}

void overrides_warn(const struct host *h, cJSON *list)
{
	struct override_info i;
	char text[OVERRIDE_WHO + 256], left[32];
	uint64_t now = host_now(h);

	for (unsigned n = 0; h->overrides && override_nth(h->overrides, n, now, &i); n++) {
		if (!i.in_force)
			continue;
		format_duration(i.until_us - now, left, sizeof(left));
		(void) snprintf(text, sizeof(text),
				"invariant \"%s\" is overridden by %s for another %s", i.invariant,
				i.who, left);
		cJSON_AddItemToArray(list, cJSON_CreateString(text));
	}
}
