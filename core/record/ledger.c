/*
 * ledger - appends lines to the chain.
 *
 * Design.  A line goes out with one write(2); what a full disk cut short is cut off again at
 * once, so the file always ends with a whole line while we live.  What a crash cut short is
 * moved aside at the next start.  The head is kept here, so appending reads nothing.
 *
 * In a sealed ledger the key of the line is written over by the next one behind the line's
 * write(2) and before ledger_append() returns.  Whoever is killed between the two leaves a key
 * that is one line old; the next start takes it forward over that line.
 *
 * A complete last line with a wrong hash is not repaired: the chain goes on behind it, and
 * ledger_verify() names it for ever.
 */
#include "record/ledger.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "record/ledger_int.h"

int ledger_add_u64(struct cJSON *object, const char *key, uint64_t value)
{
	char text[24];

	(void) snprintf(text, sizeof(text), "%" PRIu64, value);
	return cJSON_AddRawToObject(object, key, text) ? 0 : -ENOMEM;
}

uint64_t ledger_written(const struct ledger *l)
{
	return l ? l->written : 0;
}

const char *ledger_head(const struct ledger *l, uint64_t *ret_n)
{
	if (ret_n)
		*ret_n = l->n;

	return l->head;
}

/* ---- writing ------------------------------------------------------------------------------ */

static int open_current(struct ledger *l)
{
	int fd = openat(l->dir_fd, LEDGER_FILE,
			O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);

	if (fd < 0)
		return -errno;
	if (fsync(l->dir_fd) < 0) {
		(void) close(fd);
		return -errno;
	}
	closep(&l->fd);
	l->fd = fd;
	l->size = 0;
	return 0;
}

static int turn_over(struct ledger *l)
{
	char name[40];

	if (fdatasync(l->fd) < 0 || seal_sync(&l->seal) < 0)
		return -errno;
	(void) snprintf(name, sizeof(name), "ledger.%" PRIu64, l->next_file);
	if (renameat(l->dir_fd, LEDGER_FILE, l->dir_fd, name) < 0)
		return -errno;

	l->next_file++;
	return open_current(l);
}

/* All of the line or nothing of it. */
static int write_line(struct ledger *l, const char *line, size_t size, bool sync)
{
	ssize_t n;
	int r;

	n = write(l->fd, line, size);
	if (n == (ssize_t) size) {
		if (sync && fdatasync(l->fd) < 0) {
			l->failed = true; /* what is on the disk is unknown from now on */
			return -EIO;
		}
		l->size += size;
		l->written += size;
		return 0;
	}

	r = n < 0 ? -errno : -ENOSPC;
	if (n > 0 && ftruncate(l->fd, (off_t) l->size) < 0)
		l->failed = true;
	if (r == -EIO || l->failed) {
		l->failed = true;
		return -EIO;
	}
	return -ENOSPC;
}

static bool has_own_key(const struct cJSON *body)
{
	static const char *const own[] = { "n", "t", "kind", "prev", "mac", "hash" };

	for (unsigned i = 0; i < ARRAY_SIZE(own); i++)
		if (cJSON_HasObjectItem(body, own[i]))
			return true;

	return false;
}

static bool kind_valid(const char *kind)
{
	return kind[0] && strspn(kind, "abcdefghijklmnopqrstuvwxyz-_.") == strlen(kind);
}

static int append(struct ledger *l, const char *kind, uint64_t wall_us, const struct cJSON *body,
		  bool sync)
{
	_cleanup_(freep) char *line = NULL;
	char hash[HASH_HEX + 1];
	size_t size;
	int r;

	if (!cJSON_IsObject(body) || has_own_key(body) || !kind_valid(kind))
		return -EINVAL;
	if (l->failed)
		return -EIO;

	r = line_make(l, kind, wall_us, body, &line, &size, hash);
	if (r < 0)
		return r;
	if (size > LINE_MAX_N)
		return -E2BIG;
	if (l->size > 0 && l->size + size > LEDGER_SIZE) {
		r = turn_over(l);
		if (r < 0)
			return r == -ENOSPC ? r : -EIO;
	}

	r = write_line(l, line, size, sync);
	if (r < 0)
		return r;
	l->n++;
	memcpy(l->head, hash, sizeof(hash));
	return ledger_sealed(l);
}

int ledger_append(struct ledger *l, const char *kind, uint64_t wall_us, struct cJSON *body,
		  bool sync)
{
	int r = append(l, kind, wall_us, body, sync);

	cJSON_Delete(body);
	return r;
}

/* ---- opening ------------------------------------------------------------------------------ */

/* The last LINE_MAX_N bytes at most of a file; malloc()ed. */
static int read_end(int fd, uint64_t file_size, char **ret, size_t *ret_size)
{
	size_t size = (size_t) MIN_OF(file_size, (uint64_t) 2 * LINE_MAX_N);
	char *buf = malloc(size + 1);
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	n = pread(fd, buf, size, (off_t) (file_size - size));
	if (n != (ssize_t) size) {
		free(buf);
		return n < 0 ? -errno : -EIO;
	}
	*ret = buf;
	*ret_size = size;
	return 0;
}

/* Move what follows the last newline to "ledger.torn-N". */
static int move_torn(struct ledger *l, const char *torn, size_t size, char *ret_name,
		     size_t name_size)
{
	_cleanup_(closep) int fd = -1;
	ssize_t n;

	for (unsigned i = 1; fd < 0; i++) {
		(void) snprintf(ret_name, name_size, "ledger.torn-%u", i);
		fd = openat(l->dir_fd, ret_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
		if (fd < 0 && errno != EEXIST)
			return -errno;
	}
	n = write(fd, torn, size);
	if (n < 0 || fsync(fd) < 0)
		return -errno;
	if ((size_t) n < size)
		return -ENOSPC;

	l->size -= size;
	if (ftruncate(l->fd, (off_t) l->size) < 0 || fsync(l->fd) < 0 || fsync(l->dir_fd) < 0)
		return -errno;

	return 0;
}

/* Head and number from the last whole line of 'buf', which ends with it. */
static int take_head(struct ledger *l, const char *buf, size_t size)
{
	const char *start = size > 1 ? memrchr(buf, '\n', size - 1) : NULL;
	struct line_parts p = { 0 };

	start = start ? start + 1 : buf;
	(void) line_parse(start, size - 1 - (size_t) (start - buf), &p);
	if (!p.hash[0] || p.n == 0)
		return -EBADMSG;

	memcpy(l->head, p.hash, sizeof(l->head));
	l->n = p.n;
	l->last_sealed = p.mac[0];
	return 0;
}

/* The chain's head from the file open at 'fd'; a torn tail stays for the caller. */
static int load_file(struct ledger *l, int fd, char *ret_torn, size_t torn_size)
{
	_cleanup_(freep) char *buf = NULL;
	const char *nl;
	size_t size = 0, whole;
	struct stat st;
	int r;

	ret_torn[0] = 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size == 0)
		return 0;
	r = read_end(fd, (uint64_t) st.st_size, &buf, &size);
	if (r < 0)
		return r;

	/* NOLINTNEXTLINE(clang-analyzer-core.*): -errno is never 0, so there is a buffer */
	nl = memrchr(buf, '\n', size);
	whole = nl ? (size_t) (nl - buf) + 1 : 0;
	if (whole < size) {
		if (!nl && (uint64_t) st.st_size > size)
			return -EBADMSG; /* megabytes without a newline: no ledger */
		r = move_torn(l, buf + whole, size - whole, ret_torn, torn_size);
		if (r < 0)
			return r;
	}
	return whole ? take_head(l, buf, whole) : 0;
}

/* When the current file is new or empty the chain goes on from the one before. */
static int load_last_turned(struct ledger *l, const struct ledger_files *f)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_(freep) char *buf = NULL;
	char name[40];
	size_t size = 0;
	struct stat st;
	int r;

	if (f->n == 0)
		return 0;
	fd = openat(l->dir_fd, ledger_file_name(f, f->n - 1, name, sizeof(name)),
		    O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	r = read_end(fd, (uint64_t) st.st_size, &buf, &size);
	if (r < 0)
		return r;

	return size > 0 && buf[size - 1] == '\n' ? take_head(l, buf, size) : -EBADMSG;
}

static int load(struct ledger *l, const char *dir, char *ret_torn, size_t torn_size)
{
	struct ledger_files f = { 0 };
	struct stat st;
	int r;

	r = ledger_files_read(dir, &f);
	if (r < 0)
		return r;
	l->next_file = f.n > 0 ? f.number[f.n - 1] + 1 : 1;

	r = open_current(l);
	if (r >= 0 && fstat(l->fd, &st) < 0)
		r = -errno;
	if (r >= 0) {
		l->size = (uint64_t) st.st_size;
		r = load_file(l, l->fd, ret_torn, torn_size);
	}
	if (r >= 0 && l->n == 0)
		r = load_last_turned(l, &f);
	ledger_files_done(&f);
	return r;
}

static int note_repair(struct ledger *l, const char *torn)
{
	struct cJSON *body = cJSON_CreateObject();

	if (!body)
		return -ENOMEM;
	(void) cJSON_AddStringToObject(body, "why", "the last line was cut short by a crash");
	(void) cJSON_AddStringToObject(body, "moved_to", torn);
	return ledger_append(l, "repair", clock_wall_us(), body, true);
}

int ledger_open(const char *dir, struct ledger **ret)
{
	_cleanup_(ledger_closep) struct ledger *l = calloc(1, sizeof(*l));
	char torn[40] = "";
	int r;

	if (!l)
		return -ENOMEM;
	l->fd = l->seal.fd = -1;
	/* Keys are in no core dump and no swap, as far as limits let us. */
	(void) sodium_mlock(l, sizeof(*l));
	memset(l->head, '0', HASH_HEX);
	l->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir_fd < 0)
		return -errno;

	r = load(l, dir, torn, sizeof(torn));
	l->info.fresh = l->n == 0;
	if (r >= 0)
		r = ledger_resume(l, dir);
	if (r >= 0 && torn[0])
		r = note_repair(l, torn);
	if (r < 0)
		return r;

	*ret = TAKE(l);
	return 0;
}

struct ledger *ledger_close(struct ledger *l)
{
	if (!l)
		return NULL;

	(void) seal_sync(&l->seal);
	seal_done(&l->seal);
	signer_wipe(&l->signer);
	closep(&l->fd);
	closep(&l->dir_fd);
	(void) sodium_munlock(l, sizeof(*l));
	free(l);
	return NULL;
}
