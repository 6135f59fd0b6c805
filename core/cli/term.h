/*
 * term - the terminal: its size, its keys, and its state, which is always given back.
 *
 * term_open() switches to the alternate screen without echo; term_close() goes back, and so do the
 * end of the program and the signals that kill it (but SIGKILL).  SIGINT, SIGTERM, SIGHUP, SIGQUIT,
 * SIGTSTP, SIGCONT and SIGWINCH come through term.signals, to be read by term_signal().
 *
 * One at a time; not for threads.  Errors: negative errno.
 */
#ifndef CLI_TERM_H
#define CLI_TERM_H

#include "base/util.h"

enum key {
	KEY_ESC = 27,
	KEY_ENTER = '\r',
	KEY_BACKSPACE = 127,
	KEY_UP = 256,
	KEY_DOWN,
	KEY_LEFT,
	KEY_RIGHT,
	KEY_PAGE_UP,
	KEY_PAGE_DOWN,
	KEY_HOME,
	KEY_END,
	KEY_DELETE,
	KEY_OTHER, /* a sequence that means nothing here */
};

struct term {
	int signals; /* descriptor; readable when a signal came */
	unsigned cols, rows;
	bool open;
};

/* -ENOTTY: input or output is no terminal. */
int term_open(struct term *t);
void term_close(struct term *t);
void term_resize(struct term *t);
/* What a signal asks for. */
enum term_event { TERM_NOTHING, TERM_RESIZED, TERM_QUIT, TERM_KILLED };
enum term_event term_signal(struct term *t);
/* All of it in one go where the terminal takes it.  -EIO: it is gone. */
int term_write(const char *text, size_t n);

/* The first key in 'n' bytes of input: how many bytes it takes, 0: none.  An escape that nothing
 * follows is the key ESC; terminals send sequences in one piece. */
size_t key_parse(const char *in, size_t n, int *ret_key);

/* Columns of the output for pages that are no screens: of the terminal, of COLUMNS, or 80; 0 for
 * anything else, which has no width. */
unsigned output_columns(void);

#endif
