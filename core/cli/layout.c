/*
 * layout - which columns of a table fit, and how wide each is.
 *
 * Design.  A column that does not fit keeps no later one out that is narrower, so a small terminal
 * shows as much as it can.
 */
#include "cli/layout.h"

void layout(struct column *c, unsigned n, unsigned cols)
{
	unsigned used = 0, ranks = 0;

	for (unsigned k = 0; k < n; k++) {
		c[k].width = cols ? 0 : c[k].max;
		ranks = MAX_OF(ranks, c[k].rank + 1);
	}
	if (cols == 0)
		return;

	for (unsigned rank = 0; rank < ranks; rank++)
		for (unsigned k = 0; k < n; k++) {
			unsigned need = c[k].min + (used > 0);

			if (c[k].rank != rank || used + need > cols)
				continue;
			c[k].width = c[k].min;
			used += need;
		}
	for (unsigned rank = 0; rank < ranks; rank++)
		for (unsigned k = 0; k < n; k++) {
			unsigned more;

			if (c[k].rank != rank || c[k].width == 0)
				continue;
			more = MIN_OF(c[k].max - c[k].width, cols - used);
			c[k].width += more;
			used += more;
		}
}
