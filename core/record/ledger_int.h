/*
 * ledger_int - the form of a line and the order of files, for the writer and for the readers.
 */
#ifndef RECORD_LEDGER_INT_H
#define RECORD_LEDGER_INT_H

#include "record/ledger.h"

#define HASH_HEX 64
/* ,"prev":"<64>","hash":"<64>"} */
#define LINE_TAIL  (9 + HASH_HEX + 10 + HASH_HEX + 2)
#define LINE_MAX_N (1u << 20) /* bytes of one line */

/* SHA-256 of 'data' as 64 hex digits and NUL. */
void line_hash(const char *data, size_t size, char ret[HASH_HEX + 1]);

struct line_parts {
	uint64_t n;
	char prev[HASH_HEX + 1], hash[HASH_HEX + 1];
};
/* Take a line (without its newline) apart; NULL, or what is wrong with its form or its hash. */
const char *line_parse(const char *line, size_t size, struct line_parts *ret);

/* Files of a ledger, oldest first: "ledger.1", "ledger.2", ..., "ledger.jsonl". */
struct ledger_files {
	unsigned n;
	uint64_t *number; /* of the turned-over ones; owned */
	bool current;	  /* "ledger.jsonl" exists */
};
int ledger_files_read(const char *dir, struct ledger_files *ret);
void ledger_files_done(struct ledger_files *f);
/* Name of the i-th of n (+ 1 when current). */
const char *ledger_file_name(const struct ledger_files *f, unsigned i, char *buf, size_t size);

#endif
