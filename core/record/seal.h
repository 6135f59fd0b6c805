/*
 * seal - the evolving key of a ledger, and the small file that it lives in.
 *
 * Each line of a sealed ledger is authenticated with a key of its own.  The first key of an epoch is
 * random (the seed); the next one is a hash of the one before, which is then forgotten, in memory
 * and in the file.  Who takes the router finds the key of the next line and can go back to none.
 * The seed is carried away by the operator (SEAL_SEED_FILE, until then): who has it can compute all
 * keys of the epoch and check every line.
 *
 *   key of line i + 1 = SHA-256("anod ledger next key 1" NUL || key of line i)
 *   mac of line i     = HMAC-SHA-256(key of line i, SHA-256 of its bytes before ,"mac")
 *   name of a seed    = SHA-256("anod ledger seed 1" NUL || seed), in the line "sealed"
 *
 * The file has two copies of the same state, each with a CRC, in sectors of their own; both are
 * written over at once, so no older key is left in it, and a write that the power cut short leaves
 * at least one of them.  It is not synced with every line: what it says after a power failure may
 * be older than the ledger (the key then goes forward over the lines that are there) or newer (the
 * lines are lost, and a line of kind "gap" says how many).
 *
 * Threads: one.  Nothing is allocated here.
 */
#ifndef RECORD_SEAL_H
#define RECORD_SEAL_H

#include "base/util.h"

#define SEAL_KEY       32 /* bytes of a key, a MAC and a hash */
#define SEAL_KEY_FILE  "ledger.key"
#define SEAL_SEED_FILE "ledger.seed"
#define SEAL_BOOT      40

struct seal {
	int fd;		/* of the key file; -1: not sealed */
	uint64_t epoch; /* from 1 */
	uint64_t index; /* of the key, from 0 in each epoch */
	uint64_t n;	/* number of the line that it is for */
	uint64_t lost;	/* keys that were skipped and that line n has to say so; 0: none */
	uint8_t key[SEAL_KEY];
	char boot[SEAL_BOOT]; /* the kernel's boot id when it was written; "": not known */
};

/* What the file says.  -ENOENT: there is none; -EBADMSG: neither copy is good; other -errno. */
int seal_open(int dir_fd, struct seal *ret);
/* A new seed: appended to the seed file, then the key file is made; both are on the disk on return.
 * 'n': the line that it begins with. */
int seal_begin(struct seal *s, int dir_fd, uint64_t epoch, uint64_t n);
/* Put the state into the file, over the one before. */
int seal_store(const struct seal *s);
int seal_sync(const struct seal *s);
/* Wipes the key; the file stays.  Twice is once. */
void seal_done(struct seal *s);

/* Forward by 'steps' keys; in memory only. */
void seal_evolve(struct seal *s, uint64_t steps);
void seal_mac(const struct seal *s, const uint8_t sum[SEAL_KEY], uint8_t ret[SEAL_KEY]);
/* Name of the key as a seed. */
void seal_name(const uint8_t key[SEAL_KEY], uint8_t ret[SEAL_KEY]);

#endif
