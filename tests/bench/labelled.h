/*
 * labelled - what the benchmarks on labelled series share: files, clocks, lines of JSON.
 *
 * A program that cannot read its data says where to get it and ends with status 77.
 */
#ifndef BENCH_LABELLED_H
#define BENCH_LABELLED_H

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"

#define EXIT_SKIP 77

/* CPU time of this process: other work on the machine is not ours. */
static inline double ns_now(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

/* One figure, in the form of the other benchmarks. */
static inline void figure(const char *work, const char *name, const char *who, const char *unit,
			  double value)
{
	printf("{\"work\":\"%s\",\"case\":\"%s\",\"who\":\"%s\",\"unit\":\"%s\",\"n\":1,"
	       "\"p50\":%.6g}\n",
	       work, name, who, unit, value);
}

static inline _Noreturn void no_data(const char *path, const char *where)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, path, strerror(errno));
	fprintf(stderr, "The data set is at %s; tests/bench/data/README.md says what goes where.\n",
		where);
	exit(EXIT_SKIP);
}

/* The whole file with a NUL behind it, to be freed; NULL with errno set. */
static inline char *file_text(const char *path)
{
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	size_t room = 1 << 16, n = 0;
	char *text = f ? malloc(room) : NULL;

	if (!text)
		return NULL;
	for (;;) {
		size_t got = fread(text + n, 1, room - n - 1, f);

		n += got;
		if (got == 0)
			break;
		if (room - n < 2) {
			char *more = realloc(text, room *= 2);

			if (!more) {
				free(text);
				return NULL;
			}
			text = more;
		}
	}
	text[n] = '\0';
	return text;
}

/* The names in a folder that end in ".csv", sorted; the number of them, or -1. */
static inline int is_csv(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && strcmp(dot, ".csv") == 0;
}

static inline int csv_files(const char *dir, struct dirent ***ret)
{
	return scandir(dir, ret, is_csv, alphasort);
}

#endif
