/*
 * ledger - the append-only, hash-chained record of every decision and its outcome.
 *
 * One JSON object a line (JSON Lines, UTF-8), for people, jq and log shippers alike:
 *   {"n":17,"t":"2026-11-22T17:05:01.123Z","kind":"decision","tx":12,...,"prev":"<hex>","hash":"<hex>"}
 * "hash" is SHA-256 over the line's bytes up to the comma before "hash"; "prev" is the hash of
 * the line before (64 zeros for the first).  A flipped byte, a lost, added or swapped line breaks
 * the chain at a line that ledger_verify() names.  What the chain cannot see is a cut tail:
 * 'anodctl ledger verify --head HEX' compares with a head noted elsewhere.
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

/* Takes ownership of 'body' (an object; the keys n, t, kind, prev, hash are the ledger's: -EINVAL).
 * Written with one write(2); durable on return when 'sync'.  -ENOSPC: nothing was written, the
 * chain is whole and a later call may succeed; -EIO is final. */
int ledger_append(struct ledger *l, const char *kind, uint64_t wall_us, struct cJSON *body,
		  bool sync);

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

#endif
