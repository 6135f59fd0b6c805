/*
 * ledger_read - checks the chain and walks it backwards.
 *
 * Design.  Verification works on a folder, not on an open ledger, so 'anodctl ledger verify'
 * needs no daemon and the daemon's own words are not asked.  Lines are read through stdio one by
 * one; for the newest lines the file is mapped and walked from its end.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "record/ledger_int.h"

static int open_in(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int) sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* ---- verify ------------------------------------------------------------------------------- */

struct chain {
	uint64_t n;
	char head[HASH_HEX + 1];
	struct ledger_fault *fault;
};

static int fault(struct chain *c, const char *file, uint64_t line, const char *why)
{
	if (c->fault) {
		(void) copy_text(c->fault->file, sizeof(c->fault->file), file);
		c->fault->line = line;
		(void) copy_text(c->fault->why, sizeof(c->fault->why), why);
	}
	return -EBADMSG;
}

static int check_line(struct chain *c, const char *file, uint64_t number, const char *line,
		      size_t size)
{
	struct line_parts p;
	const char *why;
	char text[160];

	if (line[size - 1] != '\n')
		return fault(c, file, number, "cut short: its newline is missing");
	why = line_parse(line, size - 1, &p);
	if (why)
		return fault(c, file, number, why);
	if (strcmp(p.prev, c->head) != 0)
		return fault(c, file, number,
			     "does not follow the line before it: lines are missing, added or "
			     "swapped");
	if (p.n != c->n + 1) {
		(void) snprintf(text, sizeof(text), "has number %llu, but %llu is due",
				(unsigned long long) p.n, (unsigned long long) c->n + 1);
		return fault(c, file, number, text);
	}

	c->n = p.n;
	memcpy(c->head, p.hash, sizeof(c->head));
	return 0;
}

static int check_file(struct chain *c, const char *dir, const char *name)
{
	_cleanup_(fclosep) FILE *f = NULL;
	_cleanup_(freep) char *line = NULL;
	int fd = open_in(dir, name), r = 0;
	size_t alloc = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	f = fdopen(fd, "r");
	if (!f) {
		(void) close(fd);
		return -errno;
	}
	for (uint64_t number = 1; r >= 0 && (n = getline(&line, &alloc, f)) > 0; number++)
		r = check_line(c, name, number, line, (size_t) n);
	if (r >= 0 && ferror(f))
		return -EIO;

	return r;
}

int64_t ledger_verify(const char *dir, char *ret_head, struct ledger_fault *ret_fault)
{
	struct chain c = { .fault = ret_fault };
	struct ledger_files f;
	char name[40];
	int r;

	memset(c.head, '0', HASH_HEX);
	r = ledger_files_read(dir, &f);
	if (r < 0)
		return r;

	for (unsigned i = 0; i < f.n + f.current && r >= 0; i++)
		r = check_file(&c, dir, ledger_file_name(&f, i, name, sizeof(name)));
	ledger_files_done(&f);
	if (r < 0)
		return r;

	if (ret_head)
		memcpy(ret_head, c.head, sizeof(c.head));
	return (int64_t) c.n;
}

/* ---- scan --------------------------------------------------------------------------------- */

typedef int scan_fn(const struct cJSON *line, void *data);

struct scan {
	uint64_t lines, bytes; /* that may still be looked at */
	char needle[40];       /* "": every line */
	scan_fn *fn;
	void *data;
};

/* Number, time and kind are shorter than this. */
#define HEAD_SIZE 160

static bool wanted(const struct scan *s, const char *line, size_t size)
{
	return !s->needle[0] ||
	       memmem(line, MIN_OF(size, (size_t) HEAD_SIZE), s->needle, strlen(s->needle));
}

static int scan_bytes(const char *p, size_t size, struct scan *s)
{
	int r = 0;

	while (size > 0 && s->lines > 0 && s->bytes > 0 && r == 0) {
		const char *nl = size > 1 ? memrchr(p, '\n', size - 1) : NULL;
		const char *start = nl ? nl + 1 : p;
		size_t n = size - (size_t) (start - p);

		/* A line that does not parse is verify's business. */
		if (wanted(s, start, n)) {
			struct cJSON *line = cJSON_ParseWithLength(start, n);

			if (line)
				r = s->fn(line, s->data);
			cJSON_Delete(line);
		}
		size -= n;
		s->lines--;
		s->bytes -= MIN_OF(s->bytes, n);
	}
	return r;
}

static int scan_file(const char *dir, const char *name, struct scan *s)
{
	_cleanup_(closep) int fd = open_in(dir, name);
	struct stat st;
	char *p;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size == 0)
		return 0;
	p = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;

	r = scan_bytes(p, (size_t) st.st_size, s);
	(void) munmap(p, (size_t) st.st_size);
	return r;
}

static int scan_all(const char *dir, struct scan *s)
{
	struct ledger_files f;
	char name[40];
	int r;

	r = ledger_files_read(dir, &f);
	if (r < 0)
		return r;

	for (unsigned i = f.n + f.current; i-- > 0 && r == 0 && s->lines > 0 && s->bytes > 0;)
		r = scan_file(dir, ledger_file_name(&f, i, name, sizeof(name)), s);
	ledger_files_done(&f);
	return r;
}

int ledger_scan(const char *dir, unsigned max, int (*fn)(const struct cJSON *line, void *),
		void *data)
{
	struct scan s = { .lines = max, .bytes = UINT64_MAX, .fn = fn, .data = data };

	return scan_all(dir, &s);
}

int ledger_find_tx(const char *dir, uint64_t tx, int (*fn)(const struct cJSON *line, void *),
		   void *data)
{
	struct scan s = { .lines = UINT64_MAX, .bytes = LEDGER_FIND, .fn = fn, .data = data };

	(void) snprintf(s.needle, sizeof(s.needle), "\",\"tx\":%llu,", (unsigned long long) tx);
	return scan_all(dir, &s);
}
