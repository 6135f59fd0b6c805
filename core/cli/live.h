/*
 * live - a screen that asks the daemon again and again.
 *
 * live_open() takes the terminal and the connection; live_show() runs one screen until it is left,
 * and a screen may show another from its key() (details).  Nothing waits for the daemon: keys and
 * sizes count at once, and a daemon that is gone is said on the screen and looked for again every
 * LIVE_RETRY_US, while the last answer stays with its age.
 */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include "cli/cli.h"
#include "cli/page.h"
#include "cli/term.h"

#define LIVE_RETRY_US	 UINT64_C(1000000)
#define LIVE_PATIENCE_US UINT64_C(5000000) /* an answer that takes longer is said to be late */
#define LIVE_LINE_MAX	 (64u << 20)	   /* bytes of one answer */

struct live {
	struct cli *cli;
	struct term term;
	struct page page;
	int fd; /* -1: no daemon */
	char *in;
	size_t n_in, in_size;
	double id;				  /* of the question that is open; 0: none */
	uint64_t every_us;			  /* between questions */
	uint64_t asked_us, answered_us, tried_us; /* CLOCK_BOOTTIME; 0: never */
	bool paused, over, ask_now;
	int status;	  /* of the program, when over */
	char notice[160]; /* why there is no news; "" when all is well */
};

/* One screen.  All get its 'data'. */
struct live_screen {
	/* The next question, args owned by the caller. */
	const char *(*question)(void *data, struct live *l, cJSON **ret_args);
	void (*answer)(void *data, struct live *l, cJSON *answer); /* takes ownership of the data */
	void (*draw)(void *data, struct live *l, struct page *p);
	/* False: leave this screen. */
	bool (*key)(void *data, struct live *l, int key);
};

/* EXIT_UNREACHABLE, EXIT_USE (no terminal) after a message, or EXIT_GOOD. */
int live_open(struct live *l, struct cli *c, uint64_t every_us);
void live_show(struct live *l, const struct live_screen *s, void *data);
int live_close(struct live *l); /* exit status */

/* live_keys.c: keys that all screens share. */
/* Space, '+' and '-': pause and period. */
void live_key(struct live *l, int key);
/* Is it a key that moves?  Then where to: '*ret' may lie outside the table. */
bool scroll_key(int key, long page, long at, long *ret);
/* A key in a line that is being typed; true: Enter or Esc. */
bool line_key(char *line, size_t size, int key);
/* Keep the chosen one of 'n' rows within the table, and on a screen of 'room' of them. */
void settle_rows(unsigned *offset, unsigned *chosen, unsigned n, unsigned room);

/* "3s", or "" while the last answer is as young as it should be. */
const char *live_age(const struct live *l, char *buf, size_t size);

#endif
