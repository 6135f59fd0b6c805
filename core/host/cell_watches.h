/*
 * cell_watches - watches of agents: checked in the cell, checked again and kept in the host.
 *
 * The cell parses the text first, so that the agent hears of a mistake at once and with its place;
 * the host believes none of that.  A watch may read what the agent's manifest lists and nothing
 * else.
 */
#ifndef HOST_CELL_WATCHES_H
#define HOST_CELL_WATCHES_H

#include "facts/expr.h"

/* Parse and check the text of a watch.  -EINVAL: logged, with the column, in the name of 'who';
 * NULL: not. */
int watch_parse(const char *who, const struct schema *schema, const char *text, struct expr **ret);
/* Does the manifest's list 'reads' name all that 'e' reads?  Else 'ret_what' has the first that it
 * does not ("link.mtu", "link"). */
bool watch_allowed(const struct expr *e, const char *const *reads, char *ret_what, size_t size);

#endif
