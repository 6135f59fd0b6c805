/*
 * trie - the destinations of one table and family: exact, longest-prefix and subtree questions.
 *
 * A place in the trie holds the id of the first route of a destination.  The destination with
 * length 0 is not in the trie but beside it (struct fib), because a change of a default route must
 * not concern what lies below it.
 *
 * Threads: one.  Memory: of the rtab; pointers are good until its next change.
 */
#ifndef MODEL_TRIE_H
#define MODEL_TRIE_H

#include <anod/object.h>

#include "base/util.h"

struct rtab;
struct fib;

/* Bits of a destination, the first one highest. */
struct bits {
	uint64_t hi, lo;
};

struct tnode {
	uint64_t inner;	 /* lengths depth .. depth + 5 that are there: 1 + 2 + 4 .. 32 bits */
	uint64_t outer;	 /* nodes below, by the six bits after 'depth' */
	uint32_t kids;	 /* run of nodes, one for each bit of outer */
	uint32_t leaves; /* run of route ids, one for each bit of inner */
	uint32_t any;	 /* some route below or in it: has the bits that were skipped */
	int8_t depth;	 /* bits before it: 1, 7, 13 ...; -5: the top */
};

struct bits trie_bits(const struct anod_prefix *p);

/* Place of the id for exactly this destination (len > 0), or NULL. */
uint32_t *trie_find(const struct rtab *t, const struct fib *f, const struct bits *b, unsigned len);
/* It must not be there yet.  Its place, as trie_find(); NULL: no memory. */
uint32_t *trie_insert(struct rtab *t, struct fib *f, const struct bits *b, unsigned len,
		      uint32_t id);
/* It must be there. */
void trie_remove(struct rtab *t, struct fib *f, const struct bits *b, unsigned len);
/* Let nothing refer to the route 'id' of this destination any more, but to 'now' of the same. */
void trie_forget(struct rtab *t, struct fib *f, const struct bits *b, unsigned len, uint32_t id,
		 uint32_t now);

/* Destinations that contain an address or prefix, longest first, 'len' at most. */
struct covers {
	const struct rtab *t;
	const struct fib *f; /* NULL: none */
	int n;		     /* -1: also the default has been told */
	struct {
		const struct tnode *node;
		uint64_t bits;
	} at[22];
};
void covers_begin(struct covers *c, const struct rtab *t, const struct fib *f, const struct bits *b,
		  unsigned len);
/* Id of the first route, or RTAB_NONE. */
uint32_t covers_next(struct covers *c);

/* Every destination inside b/len, itself too, but no default; covers before what they cover.
 * 'cover' is the id of the nearest one inside that contains it, else RTAB_NONE.  Non-zero from 'fn'
 * ends it and is returned.  The trie must stay as it is. */
typedef int trie_fn(uint32_t id, uint32_t cover, void *data);
int trie_walk(const struct rtab *t, const struct fib *f, const struct bits *b, unsigned len,
	      trie_fn *fn, void *data);

#endif
