/*
 * track_file - the track of outcomes in the state folder.
 *
 * Design.  Appending a line costs a few us and cannot tear what is there; the whole is written
 * anew, beside and renamed, at each start and when there are twice as many lines as entries can
 * be.  A last line without its end is what a loss of power leaves, and is left out: its
 * transaction's first line is there, and one without an end is judged by the journal
 * (standing.c).  Anything else that does not parse may hide a failure, so nothing of the file is
 * believed then.
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

#define FILE_SIZE_MAX (16u << 20)
#define LINES_MAX     (2 * TRACK_MAX + TRACK_TX_MAX) /* then it is written anew */

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

/* ---- reading ------------------------------------------------------------------------------ */

struct reading {
	int64_t now_us;
	uint64_t wall_us;
	bool has_head;
	int64_t since_us;
	unsigned n, max;
	struct track_entry *e;
};

struct stamp {
	uint64_t away_us;
	bool vague, same_boot;
};

static bool number_of(const cJSON *o, const char *name, double *ret)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	if (!cJSON_IsNumber(v) || !(v->valuedouble > -9e15) || !(v->valuedouble < 9e15))
		return false;
	*ret = v->valuedouble;
	return true;
}

/* How long ago the line was written.  A wall clock that went backwards does not tell: then it was
 * at the latest now, and "vague". */
static bool read_stamp(const cJSON *o, const struct reading *r, struct stamp *ret)
{
	const cJSON *boot = cJSON_GetObjectItemCaseSensitive(o, "boot");
	double wall, then;

	if (!cJSON_IsString(boot) || !number_of(o, "wall_us", &wall) || wall < 0 ||
	    !number_of(o, "boot_us", &then))
		return false;

	*ret = (struct stamp){ .same_boot = strcmp(boot->valuestring, clock_boot_id()) == 0 };
	if (ret->same_boot && r->now_us >= (int64_t) then)
		ret->away_us = (uint64_t) (r->now_us - (int64_t) then);
	else if (r->wall_us >= (uint64_t) wall)
		ret->away_us = r->wall_us - (uint64_t) wall;
	else
		ret->vague = true;
	return true;
}

static bool read_head(const cJSON *o, struct reading *r)
{
	struct stamp s;
	double version, age;

	if (!number_of(o, "track", &version) || version != 1 || !read_stamp(o, r, &s))
		return false;
	if (number_of(o, "since_age_us", &age)) {
		r->since_us = r->now_us - (int64_t) s.away_us - (int64_t) age;
		if (s.vague)
			r->since_us = r->now_us;
	}
	r->has_head = true;
	return true;
}

static void drop_tx(struct reading *r, uint64_t tx)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < r->n; i++)
		if (r->e[i].tx != tx)
			r->e[kept++] = r->e[i];
	r->n = kept;
}

/* A new beginning under an old number: another journal. */
static void renumber(struct reading *r, uint64_t tx)
{
	uint64_t old = TRACK_OLD_TX;

	for (unsigned i = 0; i < r->n; i++)
		old = MAX_OF(old, r->e[i].tx + 1);
	for (unsigned i = 0; i < r->n; i++)
		if (r->e[i].tx == tx)
			r->e[i].tx = old;
}

static bool put(struct reading *r, const struct track_entry *e)
{
	for (unsigned i = r->n; i-- > 0;) {
		if (r->e[i].tx != e->tx || r->e[i].nth != e->nth)
			continue;
		if (e->outcome == OUTCOME_OPEN) {
			renumber(r, e->tx);
			break;
		}
		r->e[i] = *e;
		return true;
	}
	if (r->n == r->max) {
		unsigned max = r->max ? r->max * 2 : 64;
		struct track_entry *grown = reallocarray(r->e, max, sizeof(*grown));

		if (!grown)
			return false;
		r->e = grown;
		r->max = max;
	}
	r->e[r->n++] = *e;
	return true;
}

static bool read_object(const cJSON *o, struct reading *r)
{
	struct track_entry e;
	struct stamp s;
	double tx;

	if (!r->has_head)
		return read_head(o, r);
	if (!read_stamp(o, r, &s))
		return false;
	if (number_of(o, "dropped", &tx) && tx > 0) {
		drop_tx(r, (uint64_t) tx);
		return true;
	}
	if (track_entry_read(o, r->now_us, s.away_us, &e) < 0)
		return false;

	e.vague |= s.vague;
	/* What was under way when the machine went down: nobody knows how far it came. */
	if (e.outcome == OUTCOME_OPEN && !s.same_boot) {
		e.outcome = OUTCOME_SUPERSEDED;
		e.vague = true;
		if (!e.applied)
			e.applied_us = e.at_us;
		e.applied = true;
	}
	return put(r, &e);
}

/* The number of the first line that cannot be believed; 0: all can. */
static unsigned read_lines(const char *text, size_t size, struct reading *r)
{
	unsigned line = 1;

	for (const char *at = text, *end; (end = memchr(at, '\n', size - (size_t) (at - text)));
	     at = end + 1, line++) {
		cJSON *o = cJSON_ParseWithLength(at, (size_t) (end - at));
		bool good = cJSON_IsObject(o) && read_object(o, r);

		cJSON_Delete(o);
		if (!good)
			return line;
	}
	return r->has_head ? 0 : line;
}

static int adopt(struct track *t, const struct reading *r)
{
	if (r->since_us != TRACK_EVER)
		track_forget(t, r->since_us);
	for (unsigned i = 0, n; i < r->n; i += n) {
		int k;

		for (n = 1; n < TRACK_TX_MAX && i + n < r->n && r->e[i + n].tx == r->e[i].tx; n++)
			;
		k = track_add(t, &r->e[i], n);
		if (k < 0)
			return k;
	}
	return 0;
}

static int read_file(const char *path, char **ret, size_t *ret_size)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(freep) char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > FILE_SIZE_MAX)
		return -EFBIG;
	text = malloc((size_t) st.st_size + 1);
	if (!text)
		return -ENOMEM;
	n = read(fd, text, (size_t) st.st_size);
	if (n < 0)
		return -errno;
	*ret_size = (size_t) n;
	*ret = TAKE(text);
	return 0;
}

static void begin_anew(const struct track_file *f, struct track *t, int64_t now_us, const char *why)
{
	char aside[528];

	(void) snprintf(aside, sizeof(aside), "%s.broken", f->path);
	log_error("%s: %s: what was done before is not known, so nobody is promoted%s%s", f->path,
		  why, rename(f->path, aside) < 0 ? "" : "; it is kept as ",
		  access(aside, F_OK) < 0 ? "" : aside);
	track_forget(t, now_us);
}

static void load(const struct track_file *f, bool fresh, struct track *t, int64_t now_us)
{
	struct reading r = { .now_us = now_us, .wall_us = clock_wall_us(), .since_us = TRACK_EVER };
	_cleanup_(freep) char *text = NULL;
	size_t size = 0;
	char why[64];
	int e = read_file(f->path, &text, &size);
	unsigned line = e < 0 ? 0 : read_lines(text, size, &r);

	if (e == -ENOENT && !fresh) {
		log_notice("%s is not there: what was done before is not known, so nobody is "
			   "promoted",
			   f->path);
		track_forget(t, now_us);
	} else if (e < 0 && e != -ENOENT) {
		begin_anew(f, t, now_us, strerror(-e));
	} else if (line) {
		(void) snprintf(why, sizeof(why), "line %u is broken", line);
		begin_anew(f, t, now_us, why);
	} else if (adopt(t, &r) < 0) {
		begin_anew(f, t, now_us, "it holds more than can be");
	}
	free(r.e);
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
