/*
 * ledger_seal - epochs of the evolving key: going on after a start, beginning a new one.
 *
 * Design.  What the key file says and what the last lines say may differ after a crash, in one of
 * two ways.  The file is behind: its key goes forward over the lines that are there, each of which
 * must have the MAC that it names.  The file is ahead: lines that were written are gone; a line of
 * kind "gap" says how many keys were skipped.  A crash of the daemon alone never leaves a gap,
 * because the line is written first; only lost power does, so a gap while the kernel has been up
 * is an alarm.  Whatever else is found, the key is lost: a line of kind "sealed" says so and
 * begins the next epoch with a new seed.  Nothing is ever written unsealed after that.
 *
 * What is about to be said is in the key file first ("lost", an index of 0), so a second crash
 * before the line is there does not swallow it.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "record/ledger_int.h"

#define FORM	   1
#define EPOCH_LOOK 1000000 /* lines that are searched for the number of the last epoch */

int ledger_sealed(struct ledger *l)
{
	l->last_sealed = l->seal.fd >= 0;
	if (!l->last_sealed)
		return 0;

	seal_evolve(&l->seal, 1);
	l->seal.n++;
	l->seal.lost = 0;
	(void) copy_text(l->seal.boot, sizeof(l->seal.boot), clock_boot_id());
	if (seal_store(&l->seal) >= 0)
		return 0;
	/* The line is there, its key as well: as good as a disk that has failed. */
	l->failed = true;
	return -EIO;
}

/* ---- the key is behind -------------------------------------------------------------------- */

/* One line that was written before the key went on. */
static bool step_over(struct seal *s, const char *line, size_t size)
{
	uint8_t mac[SEAL_KEY], named[SEAL_KEY];
	struct line_parts p;

	if (line_parse(line, size, &p) || !p.mac[0] || p.n != s->n)
		return false;
	(void) sodium_hex2bin(named, sizeof(named), p.mac, HASH_HEX, NULL, NULL, NULL);
	seal_mac(s, p.sum, mac);
	if (sodium_memcmp(mac, named, sizeof(mac)) != 0)
		return false;
	seal_evolve(s, 1);
	s->n++;
	s->lost = 0;
	return true;
}

/* The last 'count' lines of a whole file. */
static bool step_over_end(struct seal *s, const char *p, size_t size, uint64_t count)
{
	size_t at = size;

	for (uint64_t i = 0; i < count; i++) {
		const char *nl = at > 1 ? memrchr(p, '\n', at - 1) : NULL;

		if (at == 0)
			return false;
		at = nl ? (size_t) (nl - p) + 1 : 0;
	}
	while (at < size) {
		const char *nl = memchr(p + at, '\n', size - at);

		if (!nl || !step_over(s, p + at, (size_t) (nl - p) - at))
			return false;
		at = (size_t) (nl - p) + 1;
	}
	return true;
}

/* Files are synced with the key when they turn over, so what is behind is in the last one. */
static bool catch_up(struct ledger *l)
{
	uint64_t count = l->n + 1 - l->seal.n;
	_cleanup_(closep) int turned = -1;
	int fd = l->fd;
	struct stat st;
	char name[40];
	bool good;
	char *p;

	if (count == 0)
		return true;
	if (l->size == 0) {
		(void) snprintf(name, sizeof(name), "ledger.%" PRIu64, l->next_file - 1);
		fd = turned = openat(l->dir_fd, name, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
		return false;
	p = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return false;
	good = step_over_end(&l->seal, p, (size_t) st.st_size, count);
	(void) munmap(p, (size_t) st.st_size);
	return good && seal_store(&l->seal) >= 0;
}

/* ---- the key is ahead --------------------------------------------------------------------- */

static int say_gap(struct ledger *l, bool same_boot)
{
	struct cJSON *body = cJSON_CreateObject();
	const uint64_t lost = l->seal.lost;

	if (!body)
		return -ENOMEM;
	(void) ledger_add_u64(body, "lost", lost);
	/* Among the lines that are gone may be one of this kind. */
	(void) ledger_add_u64(body, "index", l->seal.index);
	(void) cJSON_AddBoolToObject(body, "same_boot", same_boot);
	(void) cJSON_AddStringToObject(
		body, "why",
		same_boot ? "lines that were written are gone, and the machine was not down"
			  : "lines that were written are gone: the power failed, or the ledger was "
			    "put back");
	l->info.lost = lost;
	l->info.alarm = same_boot;
	(void) snprintf(l->info.why, sizeof(l->info.why),
			"%" PRIu64 " line%s of the ledger %s gone%s", lost, lost == 1 ? "" : "s",
			lost == 1 ? "is" : "are",
			same_boot ? ", and the machine was not down" : " after the power failed");
	return ledger_append(l, "gap", clock_wall_us(), body, true);
}

static int gap(struct ledger *l)
{
	bool same_boot = l->seal.boot[0] && strcmp(l->seal.boot, clock_boot_id()) == 0;
	int r;

	if (l->seal.n > l->n + 1) {
		l->seal.lost += l->seal.n - l->n - 1;
		l->seal.n = l->n + 1;
		r = seal_store(&l->seal);
		if (r < 0)
			return r;
	}
	return say_gap(l, same_boot);
}

/* ---- epochs ------------------------------------------------------------------------------- */

static int find_epoch(const struct cJSON *line, void *data)
{
	const struct cJSON *kind = cJSON_GetObjectItemCaseSensitive(line, "kind");
	const struct cJSON *epoch = cJSON_GetObjectItemCaseSensitive(line, "epoch");
	uint64_t *ret = data;

	if (!cJSON_IsString(kind) || strcmp(kind->valuestring, "sealed") != 0 ||
	    !cJSON_IsNumber(epoch) || epoch->valuedouble < 1)
		return 0;
	*ret = (uint64_t) epoch->valuedouble;
	return 1;
}

static int new_epoch(struct ledger *l, uint64_t epoch, const char *why)
{
	struct cJSON *body;
	uint8_t name[SEAL_KEY];
	char hex[HASH_HEX + 1];
	int r = seal_begin(&l->seal, l->dir_fd, epoch, l->n + 1);

	if (r < 0)
		return r;
	seal_name(l->seal.key, name);
	(void) sodium_bin2hex(hex, sizeof(hex), name, sizeof(name));
	body = cJSON_CreateObject();
	if (!body)
		return -ENOMEM;
	(void) cJSON_AddNumberToObject(body, "form", FORM);
	(void) ledger_add_u64(body, "epoch", epoch);
	(void) cJSON_AddStringToObject(body, "seed", hex);
	(void) cJSON_AddStringToObject(body, "why", why);
	l->info.begun = true;
	l->info.since = l->n + 1;
	(void) snprintf(l->info.why, sizeof(l->info.why), "%s", why);
	return ledger_append(l, "sealed", clock_wall_us(), body, true);
}

static const char *what_is_wrong(struct ledger *l, int r)
{
	if (r == -ENOENT)
		return "the key was lost: " SEAL_KEY_FILE " is missing";
	if (r == -EBADMSG)
		return "the key was lost: " SEAL_KEY_FILE " is damaged";
	if (r < 0)
		return "the key was lost: " SEAL_KEY_FILE " cannot be read";
	if (l->n == 0)
		return "the ledger is a new one";
	/* The last line says whether the first of the epoch was written. */
	if (l->seal.index == 0 && l->seal.n == l->n + 1)
		return "a start was cut short before the line that begins this epoch";
	if (!l->last_sealed)
		return "lines were written without the seal";
	if (l->seal.n <= l->n && !catch_up(l))
		return "the key was lost: " SEAL_KEY_FILE " does not fit the last lines";
	return NULL;
}

int ledger_resume(struct ledger *l, const char *dir)
{
	int r = seal_open(l->dir_fd, &l->seal);
	uint64_t epoch = r < 0 ? 0 : l->seal.epoch, in_ledger = 0;
	const char *why;

	if (r == -ENOENT && !l->last_sealed)
		return 0;
	/* What passes (no descriptor left, a folder that is read-only) is no lost key. */
	if (r < 0 && r != -ENOENT && r != -EBADMSG && r != -EIO)
		return r;
	why = what_is_wrong(l, r);
	if (why) {
		/* A new chain and a start that was cut short are no alarm. */
		l->info.alarm = r < 0 || (l->n > 0 && l->seal.index > 0);
		(void) ledger_scan(dir, EPOCH_LOOK, find_epoch, &in_ledger);
		return new_epoch(l, MAX_OF(epoch, in_ledger) + 1, why);
	}
	l->info.since = 0;
	return l->seal.n > l->n + 1 || l->seal.lost ? gap(l) : 0;
}

/* ---- the signing key ---------------------------------------------------------------------- */

static int tell_signer(struct ledger *l, const char *why)
{
	struct cJSON *body = cJSON_CreateObject();
	char vkey[NOTE_VKEY];
	int r;

	if (!body)
		return -ENOMEM;
	(void) cJSON_AddStringToObject(body, "key",
				       note_vkey(l->signer.origin, l->signer.pub, vkey));
	(void) cJSON_AddStringToObject(body, "why", why);
	r = ledger_append(l, "signer", clock_wall_us(), body, true);
	if (r < 0 || l->signer.told)
		return r;
	l->signer.told = true;
	return signer_write(l->dir_fd, &l->signer);
}

static int open_signer(struct ledger *l, const char *name)
{
	int r = signer_read(l->dir_fd, &l->signer);
	const char *why = NULL;

	if (r == -ENOENT || r == -EBADMSG) {
		/* There was one when something was signed in this folder. */
		bool lost = r == -EBADMSG || faccessat(l->dir_fd, LEDGER_NOTE_FILE, F_OK, 0) == 0;

		why = lost ? "the signing key was lost: " SIGNER_FILE " is missing or damaged"
			   : "made at the first start";
		if (lost && !l->info.why[0])
			(void) copy_text(l->info.why, sizeof(l->info.why), why);
		l->info.alarm = l->info.alarm || lost;
		r = signer_make(l->dir_fd, name, &l->signer);
	} else if (r >= 0 && !l->signer.told) {
		why = "made at the first start";
	} else if (r >= 0 && l->info.begun) {
		why = "the same in the new epoch";
	}
	return r >= 0 && why ? tell_signer(l, why) : r;
}

int ledger_seal(struct ledger *l, const char *name)
{
	int r = l->seal.fd < 0 ? new_epoch(l, 1, "sealing begins") : 0;

	if (r >= 0 && !l->signer.origin[0])
		r = open_signer(l, name);
	if (r >= 0 && l->signer.rotating) /* it was cut short */
		r = ledger_rotate(l, clock_boot_us(), clock_wall_us());
	return r;
}

void ledger_seal_info(struct ledger *l, struct ledger_seal_info *ret)
{
	*ret = l->info;
	ret->sealed = l->seal.fd >= 0;
	ret->epoch = l->seal.epoch;
	ret->seed_here = faccessat(l->dir_fd, SEAL_SEED_FILE, F_OK, 0) == 0;
	if (!ret->since && ret->sealed)
		ret->since = l->seal.n - MIN_OF(l->seal.n, l->seal.index);
	if (!l->signer.origin[0])
		return;
	(void) copy_text(ret->origin, sizeof(ret->origin), l->signer.origin);
	(void) note_vkey(l->signer.origin, l->signer.pub, ret->vkey);
}

int ledger_take_seed(struct ledger *l, char **ret)
{
	_cleanup_(closep) int fd =
		openat(l->dir_fd, SEAL_SEED_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(freep) char *text = NULL;
	struct stat st;
	size_t size;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	size = (size_t) MIN_OF(st.st_size, 64 << 10);
	text = calloc(1, size + 1);
	if (!text)
		return -ENOMEM;
	if (pread(fd, text, size, 0) != (ssize_t) size)
		return -EIO;
	*ret = strdup(text);
	/* What a disk keeps of it is another matter (docs/ledger.md). */
	sodium_memzero(text, size);
	if (!*ret)
		return -ENOMEM;
	if (pwrite(fd, text, size, 0) != (ssize_t) size || fsync(fd) < 0 ||
	    unlinkat(l->dir_fd, SEAL_SEED_FILE, 0) < 0) {
		free(TAKE(*ret));
		return -EIO;
	}
	return 0;
}
