/*
 * anod/ask.h - a sensor asks another daemon over its unix stream socket, and nobody waits.
 *
 * One conversation: connect, an optional greeting and an optional first word, then question and
 * answer in turn.  What can go wrong with somebody else's daemon ends in the question's own done():
 * it is not there, refuses, hangs, answers without end, or dies in the middle.  The connection is
 * then closed, and the next one is tried after 1 s, 2 s, 4 s, 5 s; an answer sets that back.
 *
 * Linked statically into the plugins that include it.
 *
 * Threads: the loop thread of the plugin.  Errors: negative errno.  Memory: the conversation is the
 * plugin's until anod_ask_close(); the text given to done() dies when it returns.
 */
#ifndef ANOD_ASK_H
#define ANOD_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <anod/plugin.h>

#define ANOD_ASK_REQUEST_MAX 256		       /* bytes of a question */
#define ANOD_ASK_TURN	     (256u << 10)	       /* bytes of an answer read in one turn */
#define ANOD_ASK_WAIT_US     UINT64_C(3000000)	       /* for a whole answer */
#define ANOD_ASK_BACKOFF_US  UINT64_C(1000000)	       /* the first; doubles */
#define ANOD_ASK_BACKOFF_MAX (5 * ANOD_ASK_BACKOFF_US) /* and the longest */

struct anod_ask;

/* Is the answer whole?  'text' is all that has come, 'size' > 0; '*at' starts at 0 and is the
 * function's own between two calls of one answer, so that nothing is looked at twice.
 * 1: whole, 0: more is to come, -EBADMSG: this is not what the daemon would say. */
typedef int anod_ask_whole_fn(const char *text, size_t size, size_t *at);

struct anod_ask_way {
	const char *path; /* of the socket; a leading '@' is the abstract namespace */
	size_t max;	  /* bytes of an answer; more is -E2BIG */
	anod_ask_whole_fn *whole;
	bool greets;	   /* the daemon speaks first */
	const char *hello; /* said first on each connection, its answer is dropped; NULL: nothing */
	size_t hello_size;
};

/* 'error' 0 with the answer, whose last byte is followed by a NUL; or with 'text' "":
 * -ETIMEDOUT, -E2BIG, -EBADMSG, -ECONNRESET (ended in the middle), -ENOMEM. */
typedef void anod_ask_done_fn(struct anod_ctx *ctx, int error, char *text, size_t size, void *data);
/* The daemon hung up, or spoke, while nobody had asked: it has ended or was started again. */
typedef void anod_ask_lost_fn(struct anod_ctx *ctx, void *data);

/* 'path', 'hello' are copied.  'lost' may be NULL. */
int anod_ask_open(struct anod_ctx *ctx, const struct anod_ask_way *way, anod_ask_lost_fn *lost,
		  void *data, struct anod_ask **ret);
/* A question on its way ends silently.  NULL is fine. */
void anod_ask_close(struct anod_ask *a);

/* Ask; done() follows, never before this returns.  Any error means that it does not follow:
 * -EAGAIN: it is not time for another try, -EBUSY: a question is on its way, -ENOENT,
 * -ECONNREFUSED, -EACCES ... of connect(2). */
int anod_ask(struct anod_ask *a, const char *question, size_t size, anod_ask_done_fn *done,
	     void *data);
/* The process that listens (SO_PEERCRED), 0: not connected. */
pid_t anod_ask_pid(const struct anod_ask *a);
bool anod_ask_connected(const struct anod_ask *a);

#endif
