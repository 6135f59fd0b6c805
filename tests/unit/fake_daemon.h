/*
 * fake_daemon - a daemon on a unix socket that answers as a test wants, or as it should not.
 *
 * It runs in a thread of its own, one connection at a time, because the sensor under test has the
 * loop.  Answers are looked up by the question.
 */
#ifndef TESTS_FAKE_DAEMON_H
#define TESTS_FAKE_DAEMON_H

#include <stddef.h>

struct fake_daemon;

enum fake_daemon_mode {
	FAKE_DAEMON_GOOD,
	FAKE_DAEMON_DRIP,    /* good, in pieces of a few bytes */
	FAKE_DAEMON_MUTE,    /* takes the question and says nothing */
	FAKE_DAEMON_GARBAGE, /* bytes that are no answer */
	FAKE_DAEMON_HUGE,    /* an answer without end */
	FAKE_DAEMON_CUT,     /* hangs up in the middle */
};

/* Listens at 'path'; 'greeting' is said first, NULL: nothing; a question ends with 'end'. */
struct fake_daemon *fake_daemon_new(const char *path, const char *greeting, char end);
/* What it says to a question that begins with these words; of several the last one set.  Any other
 * question is answered with "" of 'words'.  Copied. */
void fake_daemon_say(struct fake_daemon *d, const char *words, const void *answer, size_t size);
void fake_daemon_mode(struct fake_daemon *d, enum fake_daemon_mode mode);
/* End the connection that there is, as a daemon that crashed; it goes on listening. */
void fake_daemon_drop(struct fake_daemon *d);
unsigned fake_daemon_asked(struct fake_daemon *d); /* questions so far */
struct fake_daemon *fake_daemon_free(struct fake_daemon *d);

/* A file of the repository, NUL-ended; fails the test when it is not there. */
char *fake_daemon_file(const char *path, size_t *ret_size);

#endif
