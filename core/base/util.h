/*
 * util - what every file needs and libc lacks.
 *
 * Thin on purpose: hash tables are uthash's, growing text is open_memstream()'s.
 */
#ifndef BASE_UTIL_H
#define BASE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b)  ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b)  ((a) > (b) ? (a) : (b))

/* The value of a pointer or descriptor, which is NULL or -1 afterwards: ownership moves. */
#define TAKE(p)                                                                                    \
	({                                                                                         \
		__typeof__(p) take_ = (p);                                                         \
		(p) = NULL;                                                                        \
		take_;                                                                             \
	})
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int take_ = (fd);                                                                  \
		(fd) = -1;                                                                         \
		take_;                                                                             \
	})

#define _cleanup_(f)	     __attribute__((cleanup(f)))
#define _printf_(fmt, first) __attribute__((format(printf, fmt, first)))
#define _pure_		     __attribute__((pure))

/* DEFINE_CLEANUP(struct x *, x_free) makes x_freep for _cleanup_. */
#define DEFINE_CLEANUP(type, func)                                                                 \
	static inline void func##p(type *p)                                                        \
	{                                                                                          \
		if (*p)                                                                            \
			func(*p);                                                                  \
	}                                                                                          \
	struct swallow_semicolon_##func

static inline void freep(void *p)
{
	free(*(void **) p);
}

static inline void fclosep(FILE **f)
{
	if (*f)
		(void) fclose(*f);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		(void) close(*fd);
}

/* Copy text into a fixed field: always NUL-ended, the rest zeroed, cut at a UTF-8 border.
 * True when all of it fitted. */
bool copy_text(char *dst, size_t size, const char *src);

/* Replace control characters and broken UTF-8 by '?', in place: for text from outside. */
void clean_text(char *text);

/* The word of the NULL-ended list that is nearest to 'word' (Damerau-Levenshtein distance at
 * most a third of its length, at least 1), or NULL. */
const char *nearest_word(const char *word, const char *const *list);

/* CRC-32C (Castagnoli), as in RFC 3720 B.4; 0 to begin with. */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);

#endif
