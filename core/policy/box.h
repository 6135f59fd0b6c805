/*
 * box - regions of requests and facts, exactly.
 *
 * A guard reads a few variables: facts, arguments of the action, conditions that were held.  What
 * it can tell apart of each is finite, because it compares with constants only: a number falls
 * into an interval between two of them or on one of them, a word is one of those written or
 * another, a prefix lies so or so to those written.  Such a class of values is a piece, and "nobody
 * knows" is a piece as well.  A box is a set of pieces for each variable; a region is a union of boxes.
 * So intersection, inclusion, difference and emptiness are exact and cost a few words each.
 *
 * What is not a comparison with a constant (two facts, a statistic, "X for D", a count) is
 * a variable of its own under its text.  Variables are taken to be independent; that can only make
 * a region larger, so "empty" and "inside" are never said wrongly.  Relations that hold between
 * them and help (X for D implies X now) are put in by dnf.c.
 *
 * Order of use: space_new(), space_*() notes for all that will be asked, space_seal(), regions.
 * Errors: -ENOMEM; -E2BIG: more than a named limit, and nothing is decided.  Pure.  Threads: one.
 */
#ifndef POLICY_BOX_H
#define POLICY_BOX_H

#include "policy/config.h"

#define SPACE_VARS_MAX	 128
#define SPACE_PIECES_MAX 512	/* of one variable */
#define REGION_BOXES_MAX 1024	/* of one region */
#define SPACE_NUMBER_MAX 9.0e15 /* constants beyond (2^53) are not compared exactly */

enum var_type {
	VAR_TRUTH = 1, /* pieces: unknown, false, true */
	VAR_NUMBER,    /* unknown, and 2n + 1 intervals and points of n constants */
	VAR_WORD,      /* unknown, n words, another one */
	VAR_PREFIX,    /* unknown, and one prefix of each class */
	VAR_ORDER,     /* of two things: unknown, less, equal, greater */
};
enum {
	PIECE_UNKNOWN = 0,
	PIECE_FALSE = 1,
	PIECE_TRUE = 2,
	PIECE_LESS = 1,
	PIECE_EQUAL,
	PIECE_MORE
};

struct var {
	char *key; /* owned; its text: "link.rx_loss", "action.dst", "on link" */
	enum var_type type;
	uint8_t unit;
	bool whole;	       /* integers only */
	bool never_known;      /* nothing gives it a value here */
	bool known;	       /* never unknown: the agent, the kind of action */
	double low, high;      /* what a number can be; infinite: anything */
	const struct expr *of; /* borrowed: the first expression that reads it, or NULL */
	unsigned n;	       /* constants */
	double *number;	       /* sorted when sealed */
	char **word;
	unsigned n_written; /* of the prefixes, when sealed */
	struct anod_prefix *written;
	struct anod_prefix *prefix; /* until sealed those written, then one of each class */
	unsigned n_pieces, at;	    /* at: first of its 64-bit words in a box */
};

struct space {
	const struct config *config; /* borrowed, as all below */
	const struct schema *schema;
	unsigned n_vars, n_words;
	struct var *var;
	/* Facts without a name have a subject of any kind: inside the condition of a set. */
	bool any_subject;
	uint64_t *all; /* the box of everything that can be */
};

struct space *space_new(const struct config *c, const struct schema *s);
struct space *space_free(struct space *s);
DEFINE_CLEANUP(struct space *, space_free);

/* Find or make; 'ret' borrowed until the next one. */
int space_var(struct space *s, const char *key, enum var_type type, struct var **ret);
const struct var *space_find(const struct space *s, const char *key);
int var_note_number(struct var *v, double x);
int var_note_word(struct var *v, const char *word);
int var_note_prefix(struct var *v, const struct anod_prefix *p);
int space_seal(struct space *s);
int var_seal_prefix(struct var *v); /* for it: a prefix of each class instead of those written */

/* ---- pieces ------------------------------------------------------------------------------ */

/* The piece compares so with a constant that was noted.  Not for unknown. */
/* Does a comparison hold of something that is less (-1), equal (0) or greater (1)? */
bool order_holds(enum value_cmp cmp, int order);
bool piece_compares(const struct var *v, unsigned piece, enum value_cmp cmp, double x);
/* The piece that a number is in. */
unsigned piece_at(const struct var *v, double x);
/* The class of a prefix: that which lies as it does to those written. */
unsigned piece_around(const struct var *v, const struct anod_prefix *p);
bool piece_is_word(const struct var *v, unsigned piece, const char *word);
/* One prefix of the piece; all of it lies to the prefixes that were noted as this one does. */
const struct anod_prefix *piece_prefix(const struct var *v, unsigned piece);
/* A value of the piece, as ordinary as can be; type ANOD_UNKNOWN: unknown, or no such. */
struct anod_value piece_value(const struct var *v, unsigned piece);
/* A number of the interval; 'low' and 'high' may be infinite. */
double number_within(double low, double high, bool whole);

/* ---- boxes ------------------------------------------------------------------------------- */

typedef uint64_t *box_t; /* s->n_words words */

static inline bool box_has(const struct var *v, const uint64_t *b, unsigned piece)
{
	return b[v->at + piece / 64] >> (piece % 64) & 1;
}
static inline void box_set(const struct var *v, uint64_t *b, unsigned piece)
{
	b[v->at + piece / 64] |= UINT64_C(1) << (piece % 64);
}
/* Nothing of the variable is in it. */
void box_clear(const struct var *v, uint64_t *b);
bool box_empty(const struct space *s, const uint64_t *b);
bool box_inside(const struct space *s, const uint64_t *inner, const uint64_t *outer);
/* b &= a; false: empty. */
bool box_meet(const struct space *s, uint64_t *b, const uint64_t *a);
bool boxes_meet(const struct space *s, const uint64_t *a, const uint64_t *b);
/* The variable is not bound: every piece of it is in the box. */
bool box_free_in(const struct space *s, const uint64_t *b, const struct var *v);

struct region {
	unsigned n, max;
	uint64_t *box; /* n boxes one after the other; owned */
};
static inline uint64_t *region_box(const struct space *s, const struct region *r, unsigned i)
{
	return r->box + (size_t) i * s->n_words;
}
void region_done(struct region *r); /* for _cleanup_ as well */
int region_add(const struct space *s, struct region *r, const uint64_t *box);
int region_all(const struct space *s, struct region *ret);
/* r = a & b, into an empty region. */
int region_meet(const struct space *s, const struct region *a, const struct region *b,
		struct region *ret);
/* r |= a. */
int region_join(const struct space *s, struct region *r, const struct region *a);
/* ret = a without b, as boxes that do not overlap where those of 'a' do not. */
int region_minus(const struct space *s, const struct region *a, const struct region *b,
		 struct region *ret);
/* 1: all of a is in b, 0: not, with a box of the rest in 'ret_rest' (n_words) unless NULL. */
int region_inside(const struct space *s, const struct region *a, const struct region *b,
		  uint64_t *ret_rest);

/* Fewer boxes for the same region: those that differ in one variable become one. */
void region_tidy(const struct space *s, struct region *r);

/* "link.rx_loss > 5% and action.dst in 10.0.0.0/8": what the box binds, for people. */
void box_text(const struct space *s, const uint64_t *b, char *buf, size_t size);

#endif
