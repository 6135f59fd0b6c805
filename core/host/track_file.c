/*
 * track_file - the track of outcomes in the state folder.
 *
 * Design.  Appending a line costs a few us and cannot tear what is there; the whole is written
 * anew, beside and renamed, at each start and when there are twice as many lines as entries can
 * be.
 */
#include "host/track_file.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"

#define LINES_MAX (2 * TRACK_MAX + TRACK_TX_MAX) /* then it is written anew */

struct track_file {
	char path[512];
	int fd;
	unsigned n_lines;
	bool dirty; /* something is missing in it */
};

/* ---- writing ------------------------------------------------------------------------------ */

/* When it was written, by all clocks. */
static bool add_stamp(cJSON *o, int64_t now_us)
{
	return cJSON_AddNumberToObject(o, "wall_us", (double) clock_wall_us()) &&
	       cJSON_AddNumberToObject(o, "boot_us", (double) now_us) &&
	       cJSON_AddStringToObject(o, "boot", clock_boot_id());
}

/* Takes the object; 0 or -ENOMEM. */
static int print_line(FILE *to, cJSON *o, int64_t now_us)
{
	_cleanup_(freep) char *text = NULL;

	if (o && add_stamp(o, now_us))
		text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return text && fprintf(to, "%s\n", text) > 0 ? 0 : -ENOMEM;
}

static cJSON *head_json(const struct track *t, int64_t now_us)
{
	int64_t since_us = track_known_since(t);
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "track", 1);
	if (since_us != TRACK_EVER)
		cJSON_AddNumberToObject(o, "since_age_us", (double) (now_us - since_us));
	return o;
}

static int write_all(int fd, const char *text, size_t n)
{
	ssize_t done = write(fd, text, n);

	if (done == (ssize_t) n)
		return 0;
	return done < 0 ? -errno : -ENOSPC;
}

static int print_whole(const struct track *t, int64_t now_us, char **ret, size_t *ret_size)
{
	FILE *to = open_memstream(ret, ret_size);
	int r;

	if (!to)
		return -ENOMEM;
	r = print_line(to, head_json(t, now_us), now_us);
	for (unsigned i = 0; r == 0 && i < track_count(t); i++)
		r = print_line(to, track_entry_json(track_nth(t, i), now_us), now_us);
	if (fclose(to) != 0)
		r = -ENOMEM;
	return r;
}

/* All of it, beside and renamed. */
static int rewrite(struct track_file *f, const struct track *t, int64_t now_us)
{
	_cleanup_(freep) char *text = NULL;
	_cleanup_(closep) int fd = -1;
	char tmp[520];
	size_t size;
	int r = print_whole(t, now_us, &text, &size);

	if (r < 0)
		return r;
	(void) snprintf(tmp, sizeof(tmp), "%s.new", f->path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, size);
	if (r == 0 && rename(tmp, f->path) < 0)
		r = -errno;
	if (r < 0) {
		(void) unlink(tmp);
		return r;
	}

	if (f->fd >= 0)
		(void) close(f->fd);
	f->fd = TAKE_FD(fd);
	f->n_lines = track_count(t) + 1;
	f->dirty = false;
	return 0;
}

static int print_tx(const struct track *t, uint64_t tx, int64_t now_us, FILE *to, unsigned *ret_n,
		    bool *ret_failed)
{
	cJSON *o;
	int r = 0;

	*ret_n = 0;
	*ret_failed = false;
	for (unsigned i = 0; r == 0 && i < track_count(t); i++) {
		const struct track_entry *e = track_nth(t, i);

		if (e->tx != tx)
			continue;
		*ret_failed |= e->outcome == OUTCOME_ROLLED_BACK || e->outcome == OUTCOME_STUCK;
		r = print_line(to, track_entry_json(e, now_us), now_us);
		++*ret_n;
	}
	if (*ret_n > 0 || r < 0)
		return r;

	o = cJSON_CreateObject();
	cJSON_AddNumberToObject(o, "dropped", (double) tx);
	*ret_n = 1;
	return print_line(to, o, now_us);
}

static int append(struct track_file *f, const char *text, size_t size)
{
	struct stat st;
	int r;

	if (f->fd < 0)
		return -EBADF;
	if (fstat(f->fd, &st) < 0)
		return -errno;
	r = write_all(f->fd, text, size);
	/* Half a line would make the next one unreadable. */
	if (r < 0 && ftruncate(f->fd, st.st_size) < 0)
		return -errno;
	return r;
}

static void not_written(struct track_file *f, int error, bool failed)
{
	if (failed && (f->fd < 0 || ftruncate(f->fd, 0) < 0))
		(void) unlink(f->path);
	if (!f->dirty || failed)
		log_error("%s: %s: %s", f->path, strerror(-error),
			  failed ? "a rollback could not be kept; the file was emptied, so that "
				   "after a restart nobody is promoted"
				 : "outcomes are not kept; a restart forgets them");
	f->dirty = true;
}

void track_file_note(struct track_file *f, const struct track *t, uint64_t tx, int64_t now_us)
{
	_cleanup_(freep) char *text = NULL;
	bool failed = true;
	unsigned n = 0;
	size_t size;
	FILE *to;
	int r;

	if (!f)
		return;
	to = open_memstream(&text, &size);
	r = to ? print_tx(t, tx, now_us, to, &n, &failed) : -ENOMEM;
	if (to && fclose(to) != 0)
		r = -ENOMEM;
	if (r == 0)
		r = append(f, text, size);
	f->n_lines += n;
	if (r == 0 && f->n_lines > LINES_MAX)
		r = rewrite(f, t, now_us);
	if (r < 0)
		not_written(f, r, failed);
}

void track_file_retry(struct track_file *f, const struct track *t, int64_t now_us)
{
	if (f && f->dirty && rewrite(f, t, now_us) == 0)
		log_notice("%s can be written again: all outcomes are kept", f->path);
}

/* ---- start ----------------------------------------------------------------------------- */

static void begin_anew(const struct track_file *f, struct track *t, int64_t now_us, const char *why)
{
	char aside[528];

	while (track_count(t) > 0)
		(void) track_drop(t, track_nth(t, 0)->tx);
	(void) snprintf(aside, sizeof(aside), "%s.broken", f->path);
	log_error("%s: %s: what was done before is not known, so nobody is promoted%s%s", f->path,
		  why, rename(f->path, aside) < 0 ? "" : "; it is kept as ",
		  access(aside, F_OK) < 0 ? "" : aside);
	track_forget(t, now_us);
}

static void load(const struct track_file *f, bool fresh, struct track *t, int64_t now_us)
{
	unsigned line;
	char why[64];
	int r = track_read(f->path, t, now_us, &line);

	if (r == -ENOENT && !fresh) {
		log_notice("%s is not there: what was done before is not known, so nobody is "
			   "promoted",
			   f->path);
		track_forget(t, now_us);
	} else if (line) {
		(void) snprintf(why, sizeof(why), "line %u is broken", line);
		begin_anew(f, t, now_us, why);
	} else if (r < 0 && r != -ENOENT) {
		begin_anew(f, t, now_us, strerror(-r));
	}
}

int track_file_open(const char *state_dir, bool fresh, struct track *t, int64_t now_us,
		    struct track_file **ret)
{
	struct track_file *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->fd = -1;
	(void) snprintf(f->path, sizeof(f->path), "%s/track.jsonl", state_dir);
	load(f, fresh, t, now_us);
	r = rewrite(f, t, now_us);
	if (r < 0)
		not_written(f, r, false);
	*ret = f;
	return 0;
}

struct track_file *track_file_close(struct track_file *f)
{
	if (!f)
		return NULL;
	if (f->fd >= 0)
		(void) close(f->fd);
	free(f);
	return NULL;
}
