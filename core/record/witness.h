/*
 * witness - other routers' checkpoints, kept for them.
 *
 * A ledger cannot show that its end was cut off, or that it was put back to an older copy.  Who has
 * seen a later checkpoint can.  For each ledger (origin) there is a file in "witness" in the state
 * folder with its public key and its last WITNESS_KEEP notes, newest last; 'anod-verify --witness'
 * takes such a file as it is.
 *
 * A note is kept when its signature is of the key that is known (the first one is told with the
 * first note: by the operator, or by the peer inside its authenticated session), and when it fits
 * the last one: its size never falls, and the same size has the same head.  One that does not fit
 * is proof that the ledger was written again, and is refused with -ESTALE.
 */
#ifndef RECORD_WITNESS_H
#define RECORD_WITNESS_H

#include "record/note.h"

#define WITNESS_DIR  "witness"
#define WITNESS_KEEP 8	/* notes of one ledger */
#define WITNESS_MAX  64 /* ledgers */

struct witness_log {
	char file[40]; /* its name in the folder */
	char origin[NOTE_ORIGIN];
	char from[64]; /* peer or user that brought it; text from outside, cleaned */
	uint8_t pub[NOTE_PUBLIC];
	unsigned n;
	struct checkpoint last;
	char note[WITNESS_KEEP][NOTE_SIZE]; /* oldest first */
};

/* 'pub': the key, when the ledger is a new one here; NULL: it must be known.  1: kept; 0: it was
 * there.  -EBADMSG: no note; -ENOKEY: its key is not known; -EKEYREJECTED: not signed by it, or
 * 'pub' is another one; -ESTALE: it contradicts what is kept; -EUSERS: too many ledgers. */
int witness_add(const char *dir, const char *note, const uint8_t *pub, const char *from);
/* All of them; non-zero stops. */
int witness_each(const char *dir, int (*fn)(const struct witness_log *, void *), void *data);
int witness_find(const char *dir, const char *origin, struct witness_log *ret); /* -ENOENT */
/* What a note is refused for, as a sentence. */
const char *witness_why(int r);

#endif
