/*
 * ledger_sign - checkpoints, and the key that signs them.
 *
 * Design.  A signature costs as much as a hundred lines, so none is made where lines are appended:
 * ledger_tend() is called once a second and looks at what has come since.  A checkpoint is of the
 * line before its own.  It is a line of the ledger first and a file then (LEDGER_NOTE_FILE, the
 * newest one alone), neither of them synced: who gives it away to a witness syncs the ledger
 * before, or a crash would make a liar of us.
 *
 * A change of the key is a checkpoint that names the next key, signed by the old and the new.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "record/ledger_int.h"

static void make(const struct ledger *l, uint64_t wall_us, struct checkpoint *ret)
{
	*ret = (struct checkpoint){ .size = l->n, .wall_us = wall_us - wall_us % US_PER_MS };
	(void) copy_text(ret->origin, sizeof(ret->origin), l->signer.origin);
	(void) sodium_hex2bin(ret->head, NOTE_HASH, l->head, HASH_HEX, NULL, NULL, NULL);
}

/* For who copies files; the ledger's lines are what counts. */
static void put_file(const struct ledger *l)
{
	size_t size = strlen(l->note);
	int fd = openat(l->dir_fd, LEDGER_NOTE_FILE ".new",
			O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	bool good = fd >= 0 && write(fd, l->note, size) == (ssize_t) size;

	closep(&fd);
	if (!good || renameat(l->dir_fd, LEDGER_NOTE_FILE ".new", l->dir_fd, LEDGER_NOTE_FILE) < 0)
		(void) unlinkat(l->dir_fd, LEDGER_NOTE_FILE ".new", 0);
}

/* The line of a note that was made; then it is the newest. */
static int write_note(struct ledger *l, const char *kind, const struct checkpoint *c,
		      const char *note, struct cJSON *body, bool sync)
{
	int r;

	if (!body || !cJSON_AddStringToObject(body, "note", note)) {
		cJSON_Delete(body);
		return -ENOMEM;
	}
	r = ledger_append(l, kind, c->wall_us, body, sync);
	if (r < 0)
		return r;
	l->newest = *c;
	(void) copy_text(l->note, sizeof(l->note), note);
	l->signed_n = l->n;
	put_file(l);
	return 1;
}

int ledger_checkpoint(struct ledger *l, uint64_t boot_us, uint64_t wall_us)
{
	struct checkpoint c;
	char note[NOTE_SIZE];
	int r;

	if (!l->signer.origin[0] || l->n == 0 || l->n == l->signed_n)
		return 0;
	make(l, wall_us, &c);
	r = note_sign(&c, l->signer.secret, note);
	if (r >= 0)
		r = write_note(l, "checkpoint", &c, note, cJSON_CreateObject(), false);
	l->signed_us = boot_us;
	return r;
}

int ledger_tend(struct ledger *l, uint64_t boot_us, uint64_t wall_us)
{
	if (l->n == l->signed_n) {
		l->signed_us = boot_us;
		return 0;
	}
	if (l->n - l->signed_n < LEDGER_EVERY_LINES && boot_us - l->signed_us < LEDGER_EVERY_US)
		return 0;
	return ledger_checkpoint(l, boot_us, wall_us);
}

const struct checkpoint *ledger_newest(const struct ledger *l, const char **ret_note)
{
	if (!l->newest.size)
		return NULL;
	if (ret_note)
		*ret_note = l->note;
	return &l->newest;
}

int ledger_rotate(struct ledger *l, uint64_t boot_us, uint64_t wall_us)
{
	struct cJSON *body = cJSON_CreateObject();
	struct checkpoint c;
	char note[NOTE_SIZE], vkey[NOTE_VKEY];
	int r;

	r = !body ? -ENOMEM : !l->signer.origin[0] || l->n == 0 ? -EINVAL : 0;
	if (r >= 0 && !l->signer.rotating)
		r = signer_rotate(l->dir_fd, &l->signer);
	if (r < 0) {
		cJSON_Delete(body);
		return r;
	}
	make(l, wall_us, &c);
	c.rotates = true;
	memcpy(c.next, l->signer.next_pub, sizeof(c.next));
	r = note_sign(&c, l->signer.secret, note);
	if (r >= 0)
		r = note_add_sign(note, l->signer.next_secret);
	(void) cJSON_AddStringToObject(body, "key", note_vkey(c.origin, c.next, vkey));
	(void) cJSON_AddStringToObject(body, "why", "rotated; the key before signs it");
	if (r < 0) {
		cJSON_Delete(body);
		return r;
	}
	r = write_note(l, "signer", &c, note, body, true);
	if (r < 0)
		return r;
	l->signed_us = boot_us;
	return signer_rotate_end(l->dir_fd, &l->signer);
}

int ledger_dup(const struct ledger *l)
{
	int fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}
