/*
 * signer - the Ed25519 key that signs a ledger's checkpoints, and its file.
 *
 * The key is made at the first start (SIGNER_FILE, 0600) together with the origin, the name of the
 * ledger in its checkpoints, which stays when the key is changed.  Each change is told by a line of
 * kind "signer"; the file remembers whether that line is written ("told"), and during a rotation
 * holds both keys, so a start that was cut short is finished by the next one.
 */
#ifndef RECORD_SIGNER_H
#define RECORD_SIGNER_H

#include "record/note.h"

#define SIGNER_FILE "ledger.sign"
#define SIGNER_SEED 32

struct signer {
	char origin[NOTE_ORIGIN]; /* "": there is no key */
	uint8_t pub[NOTE_PUBLIC], secret[NOTE_SECRET];
	bool told, rotating;
	uint8_t next_pub[NOTE_PUBLIC], next_secret[NOTE_SECRET]; /* when rotating */
};

/* -ENOENT: there is none; -EBADMSG: it is damaged. */
int signer_read(int dir_fd, struct signer *ret);
/* A new key; 'name' of this router becomes a part of the origin.  Written, not told. */
int signer_make(int dir_fd, const char *name, struct signer *ret);
int signer_write(int dir_fd, const struct signer *s); /* on the disk when it returns 0 */
/* Make the next key; signer_rotate_end() makes it the only one. */
int signer_rotate(int dir_fd, struct signer *s);
int signer_rotate_end(int dir_fd, struct signer *s);
void signer_wipe(struct signer *s);

#endif
