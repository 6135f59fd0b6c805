/*
 * witness - other routers' checkpoints, kept for them.
 *
 * Design.  A file is small and is replaced as a whole; it is not synced, because a witness that
 * forgets the last minute with the power is still one.  The name of the file is a hash of the
 * origin, so nothing from outside is ever a path.
 */
#include "record/witness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (WITNESS_KEEP * NOTE_SIZE + 1024)

static void name_of(const char *origin, char buf[40])
{
	uint8_t sum[32];
	char hex[2 * 12 + 1];

	(void) crypto_hash_sha256(sum, (const uint8_t *) origin, strlen(origin));
	(void) sodium_bin2hex(hex, sizeof(hex), sum, 12);
	(void) snprintf(buf, 40, "%s.note", hex);
}

static int open_folder(const char *dir, bool make)
{
	char path[512];
	int fd;

	(void) snprintf(path, sizeof(path), "%s/" WITNESS_DIR, dir);
	if (make && mkdir(path, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* ---- files -------------------------------------------------------------------------------- */

/* "# key VKEY", "# from NAME", an empty line, notes with an empty line behind each. */
static int parse(char *text, struct witness_log *w)
{
	char origin[NOTE_ORIGIN], *key = strsep(&text, "\n"), *from = strsep(&text, "\n");

	if (!key || !from || !text || strncmp(key, "# key ", 6) != 0 ||
	    strncmp(from, "# from ", 7) != 0 || note_vkey_parse(key + 6, origin, w->pub) < 0)
		return -EBADMSG;
	(void) copy_text(w->origin, sizeof(w->origin), origin);
	(void) copy_text(w->from, sizeof(w->from), from + 7);
	clean_text(w->from);
	while (w->n < WITNESS_KEEP) {
		char *end;
		size_t size;

		text += strspn(text, "\n");
		/* The text, the empty line, signatures, the empty line. */
		end = strstr(text, "\n\n");
		end = end ? strstr(end + 2, "\n\n") : NULL;
		if (!end)
			break;
		size = (size_t) (end + 1 - text);
		if (note_parse(text, size, &w->last) < 0)
			return -EBADMSG;
		memcpy(w->note[w->n], text, size);
		w->note[w->n++][size] = '\0';
		text = end + 2;
	}
	return w->n ? 0 : -EBADMSG;
}

static int read_log(int folder, const char *name, struct witness_log *w)
{
	_cleanup_(closep) int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(freep) char *text = NULL;
	ssize_t n;

	if (fd < 0)
		return -errno;
	text = malloc(FILE_MAX + 1);
	if (!text)
		return -ENOMEM;
	n = read(fd, text, FILE_MAX);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	*w = (struct witness_log){ 0 };
	(void) copy_text(w->file, sizeof(w->file), name);
	return parse(text, w);
}

static int write_log(int folder, const struct witness_log *w)
{
	_cleanup_(closep) int fd =
		openat(folder, ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	_cleanup_(freep) char *text = malloc(FILE_MAX);
	char vkey[NOTE_VKEY];
	int n;

	if (fd < 0)
		return -errno;
	if (!text)
		return -ENOMEM;
	n = snprintf(text, FILE_MAX, "# key %s\n# from %s\n", note_vkey(w->origin, w->pub, vkey),
		     w->from);
	for (unsigned i = 0; i < w->n; i++)
		n += snprintf(text + n, FILE_MAX - (size_t) n, "\n%s", w->note[i]);
	n += snprintf(text + n, FILE_MAX - (size_t) n, "\n");
	if (write(fd, text, (size_t) n) != n || renameat(folder, ".new", folder, w->file) < 0) {
		int r = errno ? -errno : -ENOSPC;

		(void) unlinkat(folder, ".new", 0);
		return r;
	}
	return 0;
}

/* ---- what is kept ------------------------------------------------------------------------- */

static int count(const struct witness_log *w, void *data)
{
	(void) w;
	++*(unsigned *) data;
	return 0;
}

/* Does it fit what is kept?  1: it is new. */
static int fits(const struct witness_log *w, const struct checkpoint *c)
{
	if (c->size < w->last.size)
		return -ESTALE;
	if (c->size == w->last.size && memcmp(c->head, w->last.head, NOTE_HASH) != 0)
		return -ESTALE;
	return c->size > w->last.size || (c->rotates && !w->last.rotates);
}

/* The log of this origin; a new one, under the key 'pub', when there is none that can be read. */
static int log_of(const char *dir, int folder, const struct checkpoint *c, const uint8_t *pub,
		  struct witness_log *w)
{
	unsigned n = 0;
	char name[40];
	int r;

	name_of(c->origin, name);
	r = read_log(folder, name, w);
	if (r != -ENOENT && r != -EBADMSG)
		return r;
	if (!pub)
		return -ENOKEY;
	(void) witness_each(dir, count, &n);
	if (n >= WITNESS_MAX)
		return -EUSERS;

	*w = (struct witness_log){ 0 };
	(void) copy_text(w->file, sizeof(w->file), name);
	(void) copy_text(w->origin, sizeof(w->origin), c->origin);
	memcpy(w->pub, pub, NOTE_PUBLIC);
	return 0;
}

/* The oldest note makes room. */
static void add_note(struct witness_log *w, const char *note, size_t size,
		     const struct checkpoint *c)
{
	if (w->n == WITNESS_KEEP) {
		memmove(w->note[0], w->note[1], sizeof(w->note[0]) * (WITNESS_KEEP - 1));
		w->n--;
	}
	memcpy(w->note[w->n++], note, size + 1);
	w->last = *c;
	if (c->rotates)
		memcpy(w->pub, c->next, NOTE_PUBLIC);
}

int witness_add(const char *dir, const char *note, const uint8_t *pub, const char *from)
{
	_cleanup_(freep) struct witness_log *w = calloc(1, sizeof(*w));
	_cleanup_(closep) int folder = -1;
	size_t size = strlen(note);
	struct checkpoint c;
	int r;

	if (!w)
		return -ENOMEM;
	if (note_parse(note, size, &c) < 0)
		return -EBADMSG;
	folder = open_folder(dir, true);
	if (folder < 0)
		return folder;
	r = log_of(dir, folder, &c, pub, w);
	if (r < 0)
		return r;
	if (!note_signed_by(note, size, w->pub, NULL))
		return -EKEYREJECTED;
	if (w->n) {
		r = fits(w, &c);
		if (r <= 0)
			return r;
	}
	add_note(w, note, size, &c);
	(void) copy_text(w->from, sizeof(w->from), from);
	clean_text(w->from);
	r = write_log(folder, w);
	return r < 0 ? r : 1;
}

int witness_each(const char *dir, int (*fn)(const struct witness_log *, void *), void *data)
{
	_cleanup_(freep) struct witness_log *w = calloc(1, sizeof(*w));
	_cleanup_(closep) int folder = open_folder(dir, false);
	struct dirent *e;
	int r = 0;
	DIR *d;

	if (!w)
		return -ENOMEM;
	if (folder < 0)
		return folder == -ENOENT ? 0 : folder;
	d = fdopendir(dup(folder));
	if (!d)
		return -errno;
	while (r == 0 && (e = readdir(d))) {
		size_t n = strlen(e->d_name);

		if (n > 5 && n < sizeof(w->file) && strcmp(e->d_name + n - 5, ".note") == 0 &&
		    read_log(folder, e->d_name, w) >= 0)
			r = fn(w, data);
	}
	(void) closedir(d);
	return r;
}

int witness_find(const char *dir, const char *origin, struct witness_log *ret)
{
	_cleanup_(closep) int folder = open_folder(dir, false);
	char name[40];

	if (folder < 0)
		return folder;
	name_of(origin, name);
	return read_log(folder, name, ret);
}

const char *witness_why(int r)
{
	switch (r) {
	case -EBADMSG:
		return "is no signed checkpoint of a ledger";
	case -ENOKEY:
		return "is of a ledger whose public key is not known here";
	case -EKEYREJECTED:
		return "is not signed by the key that is known of this ledger";
	case -ESTALE:
		return "contradicts a later or equal checkpoint that is kept: that ledger was cut, "
		       "put back or written again";
	case -EUSERS:
		return "is of one ledger too many";
	default:
		return strerror(-r);
	}
}
