/*
 * limits - what budgets and cooldowns have used, across restarts.
 *
 * Design.  A daemon that forgot its budgets when it is restarted would be a way around them.  The
 * file "budgets.json" in the state folder is written whenever something was charged, between the
 * decision and its effect; it is not synced, because after a loss of power the effects are gone
 * too.  As long as the text fits a page, the file is one page, padded, and overwritten in place:
 * no signal can tear that, and it costs a few us where a rename(2) over an old file costs 0.3 ms
 * on ext4, which then starts to write back (auto_da_alloc).  Longer texts are written beside and
 * renamed.  Ages are stored, not times, with the wall clock of the writing, so a new boot does
 * not confuse them; a wall clock that went backwards counts as no time at all, which errs on the
 * strict side.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/host.h"

#define LIMITS_SIZE (4u << 20)
#define LIMITS_PAGE 4096

/* False: the file is not there yet, or not one page; nothing was written. */
static bool overwrite_page(const char *path, const char *page)
{
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == LIMITS_PAGE &&
	       pwrite(fd, page, LIMITS_PAGE, 0) == LIMITS_PAGE;
}

static int replace_file(const char *path, const char *text, size_t n)
{
	char tmp[600];
	_cleanup_(closep) int fd = -1;
	ssize_t done;

	(void) snprintf(tmp, sizeof(tmp), "%s.new", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	done = write(fd, text, n);
	if (done != (ssize_t) n)
		return done < 0 ? -errno : -ENOSPC;
	return rename(tmp, path) < 0 ? -errno : 0;
}

static int write_file(const char *path, const char *text)
{
	char page[LIMITS_PAGE];
	size_t n = strlen(text);

	if (n >= sizeof(page))
		return replace_file(path, text, n);

	memcpy(page, text, n);
	memset(page + n, ' ', sizeof(page) - n);
	page[sizeof(page) - 1] = '\n';
	return overwrite_page(path, page) ? 0 : replace_file(path, page, sizeof(page));
}

void budgets_save(struct host *h)
{
	cJSON *o = cJSON_CreateObject();
	_cleanup_(freep) char *text = NULL;
	char path[512];
	int r;

	cJSON_AddNumberToObject(o, "wall_us", (double) clock_wall_us());
	cJSON_AddItemToObject(o, "uses", budgets_json(h->budgets, host_now(h)));
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	(void) snprintf(path, sizeof(path), "%s/budgets.json", h->state_dir);
	r = text ? write_file(path, text) : -ENOMEM;
	if (r < 0)
		log_warning("%s: %s: a restart would forget what the budgets have used", path,
			    strerror(-r));
}

void budgets_restore(struct host *h)
{
	_cleanup_(freep) char *text = NULL;
	uint64_t wall = clock_wall_us(), then, away = 0;
	const cJSON *at;
	char path[512];
	cJSON *o;
	ssize_t n;
	int fd;

	(void) snprintf(path, sizeof(path), "%s/budgets.json", h->state_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;

	text = calloc(1, LIMITS_SIZE);
	n = text ? read(fd, text, LIMITS_SIZE - 1) : -1;
	(void) close(fd);
	o = n > 0 ? cJSON_ParseWithLength(text, (size_t) n) : NULL;
	at = cJSON_GetObjectItemCaseSensitive(o, "wall_us");
	if (cJSON_IsNumber(at)) {
		then = (uint64_t) at->valuedouble;
		away = wall > then ? wall - then : 0;
	}
	if (!o || budgets_load(h->budgets, cJSON_GetObjectItemCaseSensitive(o, "uses"), host_now(h),
			       away) < 0)
		log_warning("%s is broken: budgets start anew", path);
	cJSON_Delete(o);
}
