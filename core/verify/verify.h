/*
 * verify - an auditor's reading of anod's ledger, from docs/ledger.md and nothing else.
 *
 * This folder includes no other part of anod: what is wrong in the writer shall not be wrong here.
 * scan.c takes lines apart, note.c signed checkpoints, chain.c goes along the ledger, main.c is
 * the program anod-verify(8).
 *
 * Nothing is trusted but what the caller brings along: seeds of the evolving key, public keys,
 * witnesses' notes.  Bytes come from whoever wants to be believed; none of them crashes this.
 */
#ifndef VERIFY_VERIFY_H
#define VERIFY_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_SIZE   32
#define SIGN_SIZE   64
#define ORIGIN_SIZE 64
#define NOTE_SIZE   1024
#define VKEY_SIZE   160
#define WHY_SIZE    240
#define SEEDS_MAX   64
#define KEYS_MAX    64 /* signing keys, given and met */
#define NOTES_MAX   256
#define LINE_SIZE   (1u << 20) /* longest line */
#define SKIP_MAX    100000000  /* keys that one gap may skip */

/* ---- scan.c ------------------------------------------------------------------------------- */

struct span {
	const char *at;
	size_t size;
};

struct line {
	struct span text; /* without its newline */
	struct span kind; /* without its quotes */
	uint64_t n;
	bool has_mac;
	uint8_t prev[HASH_SIZE], mac[HASH_SIZE], hash[HASH_SIZE];
	size_t mac_at, hash_at; /* of the commas before them */
};
/* NULL, or what is wrong with its form.  Hashes are not computed here. */
const char *scan_line(const char *at, size_t size, struct line *ret);
/* A member of the line itself, as it is written. */
bool scan_member(const struct line *l, const char *name, struct span *ret);
/* Values of that. */
bool scan_u64(struct span value, uint64_t *ret);
bool scan_text(struct span value, char *buf, size_t size); /* false: no string, or too long */
bool scan_hash(struct span value, uint8_t ret[HASH_SIZE]);
bool span_is(struct span s, const char *text);

/* ---- note.c ------------------------------------------------------------------------------- */

struct vkey {
	char name[ORIGIN_SIZE];
	uint8_t id[4], key[32];
};
bool vkey_parse(const char *text, struct vkey *ret);

struct note {
	char origin[ORIGIN_SIZE], when[32];
	uint64_t size;
	uint8_t head[HASH_SIZE];
	bool rotates;
	struct vkey next; /* when it does */
	char text[NOTE_SIZE];
	size_t text_size, note_size; /* what is signed; all of it */
};
/* NULL, or what is wrong with it. */
const char *audit_note(const char *at, size_t size, struct note *ret);
bool audit_signed_by(const struct note *n, const struct vkey *k);

/* ---- chain.c ------------------------------------------------------------------------------ */

enum fault {
	FAULT_NONE,
	FAULT_FORM,	 /* no line of a ledger */
	FAULT_FLIPPED,	 /* not the bytes that were hashed */
	FAULT_CUT,	 /* lines are missing */
	FAULT_SWAPPED,	 /* two lines changed places */
	FAULT_INSERTED,	 /* a line that was not there, or is there twice */
	FAULT_RESIGNED,	 /* made again by somebody who had not the key of that time */
	FAULT_TRUNCATED, /* the end is missing */
	FAULT_KEY,	 /* nothing that was brought along vouches for this key */
	FAULT_READ,	 /* a file cannot be read */
};
const char *fault_name(enum fault f);

struct witness {
	const char *file;
	struct note note;
	bool matches;
};

struct hand {
	struct vkey key;
	bool given; /* by the caller */
	bool met;   /* in the ledger */
};

struct verify {
	/* what was brought along */
	uint8_t seed[SEEDS_MAX][HASH_SIZE];
	bool seed_used[SEEDS_MAX];
	unsigned n_seeds;
	struct hand signer[KEYS_MAX];
	unsigned n_signers;
	bool keys_given, partial, strict; /* partial: the beginning may be missing */
	struct witness *witness;	  /* NOTES_MAX; the caller's */
	unsigned n_witnesses;

	/* where it is */
	const char *file;
	uint64_t line;
	uint64_t first, n; /* numbers of the first and the last line */
	uint8_t head[HASH_SIZE];
	bool begun;

	/* the seal */
	uint64_t sealed_from, epochs, unsealed_from;
	bool sealed, checked; /* checked: the epoch's keys are known */
	uint8_t key[HASH_SIZE];
	uint64_t index; /* of the key */
	uint64_t macs, gaps, lost;

	/* checkpoints */
	const struct hand *now;
	bool trusted, ever_trusted;
	uint64_t checkpoints, last_size, rotations;
	uint64_t trusted_size;

	/* the first fault */
	enum fault fault;
	char fault_file[256];
	uint64_t fault_line;
	char why[WHY_SIZE];
	unsigned n_remarks;
	char remark[8][WHY_SIZE];
};

/* A whole file of the ledger, in order; false: there is a fault. */
bool verify_file(struct verify *v, const char *name, const char *at, size_t size);
/* After the last one: what only the end can tell. */
bool verify_end(struct verify *v);
/* Seeds of a file that the operator carried away: how many; < 0: none in it, or too many. */
int verify_seeds(struct verify *v, const char *text, size_t size);
bool verify_give_key(struct verify *v, const char *vkey);
/* Notes of a witness, one behind another: how many; < 0: something else is in it. */
int verify_witness(struct verify *v, const char *file, const char *at, size_t size);

#endif
