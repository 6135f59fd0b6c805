/*
 * note - signed checkpoints: what a ledger was at a moment, under an Ed25519 signature.
 *
 * The form is that of C2SP signed-note and tlog-checkpoint, so what mirrors logs can carry it:
 *
 *   anod/pe1/6f1d0c2a                               origin: which ledger
 *   17204                                           size: number of its lines
 *   kRz1...=                                        "hash" of that line, base64
 *   sha256-chain 2026-11-22T17:05:01.123Z           it is the head of a chain, and no Merkle root
 *   key anod/pe1/6f1d0c2a+0badcafe+AX...            only when the signer changes: the next key
 *
 *   — anod/pe1/6f1d0c2a DUYP8Tk...                  U+2014, name, base64(key id || signature)
 *
 * A key is told as NAME+ID+base64(0x01 || public key); ID is the first four bytes of
 * SHA-256(NAME || 0x0A || 0x01 || public key), in hexadecimal.
 *
 * Pure.  Threads: any.
 */
#ifndef RECORD_NOTE_H
#define RECORD_NOTE_H

#include "base/util.h"

#define NOTE_ORIGIN 64	 /* with its NUL */
#define NOTE_SIZE   1024 /* of a whole note with its NUL */
#define NOTE_VKEY   160	 /* of a key as text with its NUL */
#define NOTE_PUBLIC 32
#define NOTE_SECRET 64
#define NOTE_SIGN   64
#define NOTE_HASH   32

struct checkpoint {
	char origin[NOTE_ORIGIN]; /* printable ASCII without spaces and '+' */
	uint64_t size;
	uint8_t head[NOTE_HASH];
	uint64_t wall_us; /* whole milliseconds */
	bool rotates;
	uint8_t next[NOTE_PUBLIC]; /* the next key, when it rotates */
};

bool note_origin_good(const char *origin);
/* What is signed: the lines up to the empty one.  Returns its length. */
size_t checkpoint_text(const struct checkpoint *c, char buf[NOTE_SIZE]);
/* The whole note with one signature; further ones are appended.  -E2BIG. */
int note_sign(const struct checkpoint *c, const uint8_t secret[NOTE_SECRET], char buf[NOTE_SIZE]);
int note_add_sign(char buf[NOTE_SIZE], const uint8_t secret[NOTE_SECRET]);
/* The same with a signature that is there already. */
int note_put_sign(const struct checkpoint *c, const uint8_t pub[NOTE_PUBLIC],
		  const uint8_t sign[NOTE_SIGN], char buf[NOTE_SIZE]);
/* -EBADMSG: not of this form.  Nothing is said about signatures. */
int note_parse(const char *note, size_t size, struct checkpoint *ret);
/* Is one of the signatures of this key, and good?  It goes to ret_sign, which may be NULL. */
bool note_signed_by(const char *note, size_t size, const uint8_t pub[NOTE_PUBLIC],
		    uint8_t *ret_sign);

const char *note_vkey(const char *origin, const uint8_t pub[NOTE_PUBLIC], char buf[NOTE_VKEY]);
/* -EBADMSG: no such text, or its id does not belong to name and key. */
int note_vkey_parse(const char *text, char ret_origin[NOTE_ORIGIN], uint8_t ret_pub[NOTE_PUBLIC]);

#endif
