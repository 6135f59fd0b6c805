/*
 * ledger_int - the form of a line and the order of files, for the writer and for the readers.
 *
 * ledger.c: opening, appending.  ledger_seal.c: epochs of the evolving key.  ledger_sign.c:
 * checkpoints and the key that signs them.  ledger_line.c, ledger_read.c: reading.
 */
#ifndef RECORD_LEDGER_INT_H
#define RECORD_LEDGER_INT_H

#include "record/ledger.h"
#include "record/seal.h"
#include "record/signer.h"

#define HASH_HEX 64
/* ,"prev":"<64>","hash":"<64>"} and, in a sealed one, ,"mac":"<64>" between the two */
#define LINE_TAIL  (9 + HASH_HEX + 10 + HASH_HEX + 2)
#define LINE_MAC   (8 + HASH_HEX + 1)
#define LINE_MAX_N (1u << 20) /* bytes of one line */

struct ledger {
	int dir_fd, fd;
	uint64_t size;	  /* of the current file */
	uint64_t n;	  /* of the last line */
	uint64_t written; /* bytes since it was opened */
	char head[HASH_HEX + 1];
	uint64_t next_file; /* number that the current one gets when it is full */
	bool failed;

	struct seal seal;
	bool last_sealed; /* the last line has a MAC */
	struct ledger_seal_info info;

	struct signer signer;
	uint64_t signed_n;	  /* number of the last line of kind checkpoint */
	uint64_t signed_us;	  /* when a checkpoint was last made or looked for */
	struct checkpoint newest; /* size 0: none since it was opened */
	char note[NOTE_SIZE];
};

struct line_parts {
	uint64_t n;
	char prev[HASH_HEX + 1], hash[HASH_HEX + 1];
	char mac[HASH_HEX + 1]; /* "": the line is not sealed */
	uint8_t sum[SEAL_KEY];	/* what the MAC is of */
};
/* Take a line (without its newline) apart; NULL, or what is wrong with its form or its hash. */
const char *line_parse(const char *line, size_t size, struct line_parts *ret);

/* The next line with its newline; malloc()ed; its hash to 'ret_hash'. */
int line_make(const struct ledger *l, const char *kind, uint64_t wall_us, const struct cJSON *body,
	      char **ret, size_t *ret_size, char ret_hash[HASH_HEX + 1]);

/* ledger_seal.c: go on with the seal that the folder has, or begin a new epoch where it is lost. */
int ledger_resume(struct ledger *l, const char *dir);
/* The line was written: its key is forgotten. */
int ledger_sealed(struct ledger *l);

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
