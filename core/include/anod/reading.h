/*
 * anod/reading.h - what sensors of files have in common: a file that stays open, and a rhythm.
 *
 * A file of /proc or /sys is opened once and read again from its beginning; when that fails it is
 * closed, and opened again the next time, so a file that comes and goes (a module, a device) needs
 * no care.  A rhythm says when to read: every 'period' while somebody uses the values, else rarely,
 * and never more often than the observation budget allows (pace() of anod/plugin.h).
 *
 * Linked statically into the plugins that include it.  Text comes as one NUL-ended string; parsers
 * are pure functions of it, so they can be fuzzed.
 *
 * Threads: the loop thread of the plugin.  Errors: negative errno.  Memory: the structs are the
 * plugin's; anod_file_close(), anod_text_free() and anod_rhythm_stop() let go of what they hold.
 */
#ifndef ANOD_READING_H
#define ANOD_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <anod/plugin.h>

/* ---- files ------------------------------------------------------------------------------ */

#define ANOD_TEXT_MAX (4u << 20) /* longer files are cut there, behind a whole line */

struct anod_text { /* a buffer that grows; one for all files of a sensor will do */
	char *data;
	size_t size, room;
};
void anod_text_free(struct anod_text *t);

struct anod_file {
	const char *path; /* borrowed */
	int fd;		  /* -1: not open */
};
#define ANOD_FILE(p)                                                                               \
	{                                                                                          \
		.path = (p), .fd = -1                                                              \
	}

/* The file as it is now, NUL-ended, in t->data; its length.  -ENOENT and so on: it cannot be opened
 * or read, now; -ENOMEM. */
int anod_file_read(struct anod_file *f, struct anod_text *t);
void anod_file_close(struct anod_file *f);

/* ---- taking text apart ------------------------------------------------------------------ */

/* The first line of '*at', without its end, to '*ret' and '*ret_size'; '*at' moves behind it.
 * False: there is none. */
bool anod_next_line(const char **at, const char **ret, size_t *ret_size);
/* The same for words between spaces and tabs of the line [*at, end). */
bool anod_next_word(const char **at, const char *end, const char **ret, size_t *ret_size);
/* A whole decimal or, with 'base' 16, hexadecimal number that fits; false: it is none. */
bool anod_word_u64(const char *word, size_t size, unsigned base, uint64_t *ret);
/* The same with a sign. */
bool anod_word_i64(const char *word, size_t size, int64_t *ret);
bool anod_word_is(const char *word, size_t size, const char *text);

/* ---- rhythm ----------------------------------------------------------------------------- */

typedef void anod_reading_fn(struct anod_ctx *ctx, void *data);

struct anod_rhythm {
	struct anod_ctx *ctx;
	anod_reading_fn *read; /* ends with anod_rhythm_next() */
	void *data;
	uint64_t idle_us;  /* while nobody uses the values */
	uint64_t least_us; /* never more often than this; 0: no bound */
	bool pair;	   /* values come of two readings: the second one follows soon */
	bool health;	   /* tells its period and lateness: one rhythm of a sensor does */
	/* Its own. */
	bool again;
	uint64_t need_us, wait_us, due_us, timer;
};

/* Set what is above "its own", then start; the first reading comes after 'first_us'. */
int anod_rhythm_start(struct anod_rhythm *r, uint64_t first_us);
/* From need() of the plugin, for a whole kind: so often, 0: nobody uses it. */
int anod_rhythm_need(struct anod_rhythm *r, uint64_t every_us);
/* The reading has ended; 'held_us' as in pace(). */
void anod_rhythm_next(struct anod_rhythm *r, uint64_t held_us);
/* Between two readings, as wanted now. */
uint64_t anod_rhythm_wanted(const struct anod_rhythm *r);
void anod_rhythm_stop(struct anod_rhythm *r);

/* A REAL as put() takes it. */
int64_t anod_real_bits(double real);

/* The option of this name as a number, or 0. */
uint64_t anod_option_u64(struct anod_ctx *ctx, const char *name);

#endif /* ANOD_READING_H */
