/*
 * ledger - the append-only, hash-chained record of every decision and its outcome.
 *
 * One JSON object a line (JSON Lines, UTF-8), for people, jq and log shippers alike:
 *   {"n":17,"t":"2026-11-22T17:05:01.123Z","kind":"decision","tx":12,...,"prev":"<hex>","hash":"<hex>"}
 * "hash" is SHA-256 over the line's bytes up to the comma before "hash"; "prev" is the hash of
 * the line before (64 zeros for the first).  A flipped byte, a lost, added or swapped line breaks
 * the chain at a line that ledger_verify() names.
 *
 * A sealed ledger has a "mac" between "prev" and "hash", under a key that is another one for each
 * line (record/seal.h), and lines of kind "checkpoint" with signed notes (record/note.h).  The
 * chain cannot see a cut tail; a checkpoint that somebody else keeps can.  docs/ledger.md has the
 * format; anod-verify (core/verify) checks all of it and shares no code with this.
 *
 * A line cut short by a crash is moved to "ledger.torn-N" when the ledger is opened, and a line
 * of kind "repair" says so.  Files turn over at LEDGER_SIZE to "ledger.NUMBER"; the chain goes on.
 */
#ifndef RECORD_LEDGER_H
#define RECORD_LEDGER_H

#include "base/util.h"

struct cJSON;
struct ledger;

#define LEDGER_FILE "ledger.jsonl"
#define LEDGER_SIZE (64u << 20)

/* Open or create in 'dir'.  -EBADMSG: the last line is not one of a ledger; ledger_verify() says
 * which file and line, and moving that file away lets a new chain begin. */
int ledger_open(const char *dir, struct ledger **ret);
struct ledger *ledger_close(struct ledger *l);
DEFINE_CLEANUP(struct ledger *, ledger_close);

/* Takes ownership of 'body' (an object; the keys n, t, kind, prev, mac, hash are the ledger's: -EINVAL).
 * Written with one write(2); durable on return when 'sync'.  -ENOSPC: nothing was written, the
 * chain is whole and a later call may succeed; -EIO is final. */
int ledger_append(struct ledger *l, const char *kind, uint64_t wall_us, struct cJSON *body,
		  bool sync);

/* ---- seal and checkpoints ----------------------------------------------------------------- */

#define LEDGER_EVERY_LINES 1000
#define LEDGER_EVERY_US	   (UINT64_C(60) * 1000000)
#define LEDGER_NOTE_FILE   "ledger.checkpoint"

struct ledger_seal_info { /* for people */
	bool sealed;
	bool fresh; /* there was no line when it was opened */
	bool begun; /* a new epoch began when it was opened or sealed */
	bool alarm; /* ... or lines are gone, for a reason that no crash explains */
	uint64_t epoch, since,
		lost;	 /* since: first line of the epoch; lost: lines, at the opening */
	bool seed_here;	 /* nobody has carried the seed away */
	char why[160];	 /* of begun, alarm or lost; "": as it should be */
	char vkey[160];	 /* public key of the checkpoints; "": none */
	char origin[64]; /* name of this ledger in its checkpoints */
};
void ledger_seal_info(struct ledger *l, struct ledger_seal_info *ret);
/* Seal what follows, and sign checkpoints; nothing where that is so already.  A ledger that was
 * sealed before is so again when ledger_open() returns.  'name': of this router. */
int ledger_seal(struct ledger *l, const char *name);

/* Once a second: signs a checkpoint after LEDGER_EVERY_LINES lines, or LEDGER_EVERY_US after one.
 * 1: there is a new one; 0: none is due. */
int ledger_tend(struct ledger *l, uint64_t boot_us, uint64_t wall_us);
/* Now, when there are lines behind the last one. */
int ledger_checkpoint(struct ledger *l, uint64_t boot_us, uint64_t wall_us);
struct checkpoint;
/* The newest one, and its note; NULL: none was made since it was opened. */
const struct checkpoint *ledger_newest(const struct ledger *l, const char **ret_note);
/* Change the signing key; the old one signs the new. */
int ledger_rotate(struct ledger *l, uint64_t boot_us, uint64_t wall_us);
/* What the operator carries away; malloc()ed.  The file is wiped.  -ENOENT: it was taken before. */
int ledger_take_seed(struct ledger *l, char **ret);
/* A descriptor of what was appended last, for a sync somewhere else: the caller's. */
int ledger_dup(const struct ledger *l);

/* A number that stays exact above 2^53, where cJSON's doubles end. */
int ledger_add_u64(struct cJSON *object, const char *key, uint64_t value);

/* Bytes since it was opened. */
uint64_t ledger_written(const struct ledger *l);
const char *ledger_head(const struct ledger *l, uint64_t *ret_n); /* hex; last line's number */

struct ledger_fault {
	char file[64];
	uint64_t line; /* in that file, from 1 */
	char why[160];
};
/* Walk all files of 'dir' in order.  >= 0: number of good lines and the head (65 bytes with
 * NUL); -EBADMSG: *ret_fault names the first bad line; other -errno. */
int64_t ledger_verify(const char *dir, char *ret_head, struct ledger_fault *ret_fault);

/* Newest lines first, for show and why: fn gets each parsed line; non-zero stops.  Reads at most
 * 'max' lines. */
int ledger_scan(const char *dir, unsigned max, int (*fn)(const struct cJSON *line, void *),
		void *data);
/* The same for the lines that begin with this "tx" behind their kind; the others are passed over
 * unparsed.  At most LEDGER_FIND bytes are looked at, which takes milliseconds. */
#define LEDGER_FIND (64u << 20)
int ledger_find_tx(const char *dir, uint64_t tx, int (*fn)(const struct cJSON *line, void *),
		   void *data);

#endif
