/*
 * number - what a file of /proc/sys says, when it is one whole number.
 *
 * Design.  The first word of the text, and nothing behind it.
 */
#include "number.h"

#include <string.h>

bool sysctl_number(const char *text, int64_t *ret)
{
	const char *at = text, *line, *word, *more, *p;
	size_t size, n, n_more;

	if (!anod_next_line(&at, &line, &size) || *at)
		return false;
	p = line;
	return anod_next_word(&p, line + size, &word, &n) &&
	       !anod_next_word(&p, line + size, &more, &n_more) && anod_word_i64(word, n, ret);
}
