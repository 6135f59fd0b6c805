/*
 * width - text and the columns of a terminal that it takes.
 *
 * Everything here takes any bytes: what is not UTF-8, not printable, or not of the locale counts
 * as one column and is shown as '?'.
 */
#ifndef CLI_WIDTH_H
#define CLI_WIDTH_H

#include "base/util.h"

/* May characters beyond ASCII be printed?  From the locale; main() calls setlocale(). */
bool utf8_locale(void);

/* The next character: its bytes, and its columns (0 for one that joins the one before).  'n' bytes
 * are there; 0: the end.  '*ret_columns' -1: not printable, to be shown as '?'. */
size_t text_next(const char *text, size_t n, int *ret_columns);
unsigned text_columns(const char *text);
/* Bytes of the longest beginning that takes at most 'columns'. */
size_t text_clip(const char *text, unsigned columns, unsigned *ret_columns);

#endif
