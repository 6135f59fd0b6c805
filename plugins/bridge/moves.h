/*
 * moves - how often an address that a bridge has learned appears behind another port.
 *
 * Pure.  A table of fixed size: an address that has no room takes the place of another, which can
 * hide a move of an address that is heard seldom, and never makes one up; in a loop the same
 * addresses move many times a second.
 */
#ifndef BRIDGE_MOVES_H
#define BRIDGE_MOVES_H

#include "decode.h"

#define MOVES_SIZE 4096 /* places; 24 bytes each */

struct moves;

struct moves *moves_new(void); /* NULL: no memory */
struct moves *moves_free(struct moves *m);
/* Events were lost: what is known of places may be wrong. */
void moves_forget(struct moves *m);
/* The port that the address was behind until now, 0: it has not moved. */
uint32_t moves_take(struct moves *m, const struct fdb_entry *e);

#endif
