/*
 * layout - which columns of a table fit, and how wide each is.
 */
#ifndef CLI_LAYOUT_H
#define CLI_LAYOUT_H

#include "base/util.h"

struct column {
	const char *head;
	unsigned min, max; /* width; max is what it would like */
	unsigned rank;	   /* 0 is the last to be left out */
	unsigned width;	   /* result; 0: left out */
};

/* Columns stand one blank apart.  First all that fit at their least width, in the order of their
 * ranks; what is left then widens them in the same order.  'cols' 0: no limit. */
void layout(struct column *c, unsigned n, unsigned cols);

#endif
