/*
 * track_read - the lines of the track's file.
 *
 * Design.  Strict: a line that does not parse may hide a failure, so nothing of the file is
 * believed then.  Only a last line without its end is left out, which is what a loss of power
 * leaves; its transaction's first line is there.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/util.h"
#include "host/track_file.h"

#define FILE_SIZE_MAX (16u << 20)

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

	for (const char *at = text, *end;
	     size > 0 && (end = memchr(at, '\n', size - (size_t) (at - text)));
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

int track_read(const char *path, struct track *t, int64_t now_us, unsigned *ret_line)
{
	struct reading r = { .now_us = now_us, .wall_us = clock_wall_us(), .since_us = TRACK_EVER };
	_cleanup_(freep) char *text = NULL;
	size_t size = 0;
	int e = read_file(path, &text, &size);

	*ret_line = 0;
	if (e == 0) {
		*ret_line = read_lines(text, size, &r);
		e = *ret_line ? -EBADMSG : adopt(t, &r);
	}
	free(r.e);
	return e;
}
