/*
 * anod-verify - checks a ledger of anod(8), for somebody who does not trust the router.
 *
 * Design.  Files are mapped and read once, from the first line to the first fault.  Exit status:
 * 0 nothing is wrong, 1 there is a fault (named with its file and line), 2 wrong use, or something
 * that was brought along cannot be read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verify.h"

#define FILES_MAX   10000
#define BROUGHT_MAX (4u << 20) /* of a file with seeds, keys or notes */

enum { GOOD = 0, BAD = 1, USE = 2 };

static const char usage[] =
	"usage: anod-verify [--key SEEDFILE]... [--pub KEY]... [--witness FILE]... [--strict]\n"
	"                   FOLDER | FILE...\n"
	"\n"
	"  FOLDER          state folder of anod, or a copy of it: all of its ledger\n"
	"  FILE...         some files of a ledger, oldest first; the beginning may be missing\n"
	"  --key FILE      what 'anodctl ledger key' printed: every MAC is checked\n"
	"  --pub KEY       what 'anodctl ledger pubkey' printed, or a file with it\n"
	"  --witness FILE  checkpoints that somebody else has kept\n"
	"  --strict        lines that were lost with the power are a fault\n"
	"\n"
	"Exit status: 0 good, 1 a fault (its file and line are told), 2 wrong use or unreadable.\n";

struct map {
	const char *at;
	size_t size;
};

static int map_file(const char *path, struct map *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	struct stat st;
	void *p = NULL;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EINVAL;
	else if (st.st_size > 0)
		p = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		r = -errno;
	(void) close(fd);
	if (r < 0)
		return r;
	*ret = (struct map){ p ? p : "", p ? (size_t) st.st_size : 0 };
	return 0;
}

static void unmap(struct map *m)
{
	if (m->size)
		(void) munmap((void *) (uintptr_t) m->at, m->size);
}

/* ---- which files -------------------------------------------------------------------------- */

struct files {
	unsigned n;
	uint64_t number[FILES_MAX]; /* UINT64_MAX: the current one */
	char *path[FILES_MAX];
};

static bool add_file(struct files *f, const char *path, uint64_t number)
{
	if (f->n == FILES_MAX)
		return false;
	f->number[f->n] = number;
	f->path[f->n] = strdup(path);
	return f->path[f->n++] != NULL;
}

/* "ledger.12" or "ledger.jsonl". */
static bool is_part(const char *name, uint64_t *ret)
{
	char *end;

	if (strcmp(name, "ledger.jsonl") == 0) {
		*ret = UINT64_MAX;
		return true;
	}
	if (strncmp(name, "ledger.", 7) != 0 || name[7] < '1' || name[7] > '9' || strlen(name) > 25)
		return false;
	*ret = strtoull(name + 7, &end, 10);
	return *end == '\0';
}

static void sort(struct files *f)
{
	for (unsigned i = 1; i < f->n; i++)
		for (unsigned k = i; k > 0 && f->number[k] < f->number[k - 1]; k--) {
			uint64_t number = f->number[k];
			char *path = f->path[k];

			f->number[k] = f->number[k - 1];
			f->path[k] = f->path[k - 1];
			f->number[k - 1] = number;
			f->path[k - 1] = path;
		}
}

static int read_folder(struct files *f, const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	char path[4096];
	uint64_t number;
	bool good = true;

	if (!d)
		return -errno;
	while (good && (e = readdir(d))) {
		if (!is_part(e->d_name, &number))
			continue;
		good = snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) <
			       (int) sizeof(path) &&
		       add_file(f, path, number);
	}
	(void) closedir(d);
	sort(f);
	return good ? 0 : -E2BIG;
}

/* ---- what is brought along ---------------------------------------------------------------- */

static int complain(const char *path, const char *why)
{
	(void) fprintf(stderr, "anod-verify: %s: %s\n", path, why);
	return USE;
}

static int take_pub(struct verify *v, const char *arg)
{
	char copy[4096], *rest = copy, *word;
	struct map m = { 0 };
	bool any = false;
	int r;

	if (strchr(arg, '+') && verify_give_key(v, arg))
		return GOOD;
	r = map_file(arg, &m);
	if (r < 0)
		return complain(arg, strchr(arg, '+') ? "is no public key" : strerror(-r));
	(void) snprintf(copy, sizeof(copy), "%.*s", (int) (m.size < 4000 ? m.size : 4000), m.at);
	unmap(&m);
	while ((word = strsep(&rest, " \t\n")))
		any = (*word && verify_give_key(v, word)) || any;
	return any ? GOOD : complain(arg, "has no public key");
}

static int take_file(struct verify *v, const char *path, bool witness)
{
	struct map m = { 0 };
	int r = map_file(path, &m), n;

	if (r < 0)
		return complain(path, strerror(-r));
	if (m.size > BROUGHT_MAX)
		return complain(path, "is too large");
	n = witness ? verify_witness(v, path, m.at, m.size) : verify_seeds(v, m.at, m.size);
	unmap(&m);
	if (n > 0)
		return GOOD;
	return complain(path, witness ? "is no list of checkpoints" : "has no seed");
}

/* ---- telling ------------------------------------------------------------------------------ */

static void show_hex(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void) printf("%02x", p[i]);
}

static void show_seal(const struct verify *v)
{
	if (!v->sealed)
		(void) printf("not sealed\n");
	else if (v->n_seeds)
		(void) printf("sealed from record %" PRIu64 ": %" PRIu64 " MACs are right\n",
			      v->sealed_from, v->macs);
	else
		(void) printf("sealed from record %" PRIu64
			      "; MACs were not checked: bring the seed along (--key)\n",
			      v->sealed_from);
}

static void show_good(const struct verify *v, unsigned n_files)
{
	(void) printf("good: %" PRIu64 " record%s in %u file%s", v->begun ? v->n - v->first + 1 : 0,
		      v->begun && v->n == v->first ? "" : "s", n_files, n_files == 1 ? "" : "s");
	if (v->begun && v->first > 1)
		(void) printf(" from record %" PRIu64, v->first);
	(void) printf(", head ");
	show_hex(v->head, HASH_SIZE);
	(void) putchar('\n');
	show_seal(v);
	(void) printf("%" PRIu64 " checkpoint%s", v->checkpoints, v->checkpoints == 1 ? "" : "s");
	if (v->checkpoints)
		(void) printf(", the last of record %" PRIu64 ", by %s", v->last_size,
			      v->now ? v->now->key.name : "?");
	if (v->checkpoints && v->trusted_size)
		(void) printf(", signed up to record %" PRIu64 " by a key that you gave",
			      v->trusted_size);
	else if (v->checkpoints)
		(void) printf("; its key is told by the ledger itself (--pub)");
	(void) putchar('\n');
	for (unsigned i = 0; i < v->n_witnesses; i++)
		if (v->witness[i].matches)
			(void) printf("covered up to record %" PRIu64 " by witness %s of %s\n",
				      v->witness[i].note.size, v->witness[i].file,
				      v->witness[i].note.when);
	for (unsigned i = 0; i < v->n_remarks && i < sizeof(v->remark) / sizeof(v->remark[0]); i++)
		(void) printf("note: %s\n", v->remark[i]);
	if (v->n_remarks > sizeof(v->remark) / sizeof(v->remark[0]))
		(void) printf("note: ... %u in all\n", v->n_remarks);
}

static int check(struct verify *v, const struct files *f)
{
	struct map m;
	bool good = true;

	for (unsigned i = 0; i < f->n && good; i++) {
		int r = map_file(f->path[i], &m);

		if (r < 0)
			return complain(f->path[i], strerror(-r));
		good = verify_file(v, f->path[i], m.at, m.size);
		unmap(&m);
	}
	if (good && verify_end(v)) {
		show_good(v, f->n);
		return GOOD;
	}
	(void) printf("%s:%" PRIu64 ": %s: %s\n", v->fault_file, v->fault_line,
		      fault_name(v->fault), v->why);
	return BAD;
}

/* ---- options ------------------------------------------------------------------------------ */

static int take_option(struct verify *v, const char *name, const char *value)
{
	if (strcmp(name, "--pub") == 0)
		return take_pub(v, value);
	if (strcmp(name, "--key") == 0)
		return take_file(v, value, false);
	if (strcmp(name, "--witness") == 0)
		return take_file(v, value, true);
	return complain(name, "is no option; see anod-verify --help");
}

static int take_place(struct verify *v, struct files *f, const char *path)
{
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return complain(path, strerror(errno));
	if (!S_ISDIR(st.st_mode)) {
		v->partial = true;
		return add_file(f, path, f->n) ? GOOD : complain(path, "is one file too many");
	}
	if (f->n)
		return complain(path, "a folder stands alone");
	r = read_folder(f, path);
	if (r < 0)
		return complain(path, strerror(-r));
	return f->n ? GOOD : complain(path, "there is no ledger in it");
}

int main(int argc, char **argv)
{
	struct verify *v = calloc(1, sizeof(*v));
	struct files *f = calloc(1, sizeof(*f));
	int status = GOOD;

	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		(void) fputs(usage, argc < 2 ? stderr : stdout);
		return argc < 2 ? USE : GOOD;
	}
	if (strcmp(argv[1], "--version") == 0) {
		(void) puts("anod-verify " ANOD_VERSION);
		return GOOD;
	}
	if (v)
		v->witness = calloc(NOTES_MAX + 1, sizeof(*v->witness));
	if (!v || !f || !v->witness || sodium_init() < 0)
		return complain("start", "no memory");
	for (int i = 1; i < argc && status == GOOD; i++) {
		if (strcmp(argv[i], "--strict") == 0)
			v->strict = true;
		else if (argv[i][0] == '-' && i + 1 < argc)
			status = take_option(v, argv[i], argv[i + 1]), i++;
		else if (argv[i][0] == '-')
			status = complain(argv[i], "wants a value, or is no option");
		else
			status = take_place(v, f, argv[i]);
	}
	if (status == GOOD && f->n == 0)
		status = complain("FOLDER", "is missing; see anod-verify --help");
	if (status == GOOD)
		status = check(v, f);
	for (unsigned i = 0; i < f->n; i++)
		free(f->path[i]);
	sodium_memzero(v->seed, sizeof(v->seed));
	free(v->witness);
	free(f);
	free(v);
	return status;
}
