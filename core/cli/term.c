/*
 * term - the terminal: its size, its keys, and its state, which is always given back.
 *
 * Design.  Plain ECMA-48 sequences that every terminal of the last thirty years knows; no terminfo,
 * no curses.  Ordinary signals are blocked and read from a descriptor in the loop.  Those that say
 * that the program itself is broken run a handler that does nothing but give the terminal back,
 * with calls that are safe there.
 */
#include "cli/term.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>

static const char enter[] = "\033[?1049h\033[?25l\033[?7l\033[2J";
static const char leave[] = "\033[0m\033[?7h\033[?25h\033[?1049l";

static struct termios saved;
static volatile sig_atomic_t changed; /* the terminal is not as we found it */
static sigset_t old_mask;

/* Safe in a signal handler and at exit. */
static void give_back(void)
{
	if (!changed)
		return;

	changed = 0;
	(void) !write(STDOUT_FILENO, leave, sizeof(leave) - 1);
	(void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
}

static void on_crash(int sig)
{
	give_back();
	(void) raise(sig); /* SA_RESETHAND: now it kills */
}

static void take(void)
{
	struct termios raw = saved;

	raw.c_lflag &= ~(tcflag_t) (ICANON | ECHO | IEXTEN);
	raw.c_iflag &= ~(tcflag_t) (ICRNL | INLCR | IXON);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	changed = 1;
	(void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
	(void) term_write(enter, sizeof(enter) - 1);
}

static void catch_crashes(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPIPE };
	struct sigaction a = { .sa_handler = on_crash, .sa_flags = SA_RESETHAND };

	for (size_t k = 0; k < ARRAY_SIZE(fatal); k++)
		(void) sigaction(fatal[k], &a, NULL);
}

void term_resize(struct term *t)
{
	struct winsize w;

	t->cols = 80;
	t->rows = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col && w.ws_row) {
		t->cols = w.ws_col;
		t->rows = w.ws_row;
	}
}

int term_open(struct term *t)
{
	static bool at_exit;
	sigset_t set;

	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &saved) < 0)
		return -ENOTTY;

	(void) sigemptyset(&set);
	for (const int *s = (const int[]){ SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT,
					   SIGWINCH, 0 };
	     *s; s++)
		(void) sigaddset(&set, *s);
	(void) sigprocmask(SIG_BLOCK, &set, &old_mask);
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (t->signals < 0)
		return -errno;

	if (!at_exit)
		(void) atexit(give_back);
	at_exit = true;
	catch_crashes();
	take();
	term_resize(t);
	t->open = true;
	return 0;
}

void term_close(struct term *t)
{
	if (!t->open)
		return;

	t->open = false;
	give_back();
	(void) close(t->signals);
	(void) sigprocmask(SIG_SETMASK, &old_mask, NULL);
}

enum term_event term_signal(struct term *t)
{
	struct signalfd_siginfo s;

	if (read(t->signals, &s, sizeof(s)) != sizeof(s))
		return TERM_NOTHING;

	switch ((int) s.ssi_signo) {
	case SIGTSTP:
		give_back();
		(void) raise(SIGSTOP);
		take();
		term_resize(t);
		return TERM_RESIZED;
	case SIGCONT:
	case SIGWINCH:
		term_resize(t);
		return TERM_RESIZED;
	case SIGINT:
		return TERM_QUIT;
	default:
		return TERM_KILLED;
	}
}

int term_write(const char *text, size_t n)
{
	while (n > 0) {
		ssize_t w = write(STDOUT_FILENO, text, n);

		if (w < 0 && errno == EAGAIN) { /* somebody made it non-blocking: wait */
			struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

			(void) poll(&p, 1, 1000);
			continue;
		}
		if (w < 0 && errno != EINTR)
			return -EIO;
		text += w > 0 ? w : 0;
		n -= w > 0 ? (size_t) w : 0;
	}
	return 0;
}

unsigned output_columns(void)
{
	const char *env = getenv("COLUMNS");
	struct winsize w;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col)
		return w.ws_col;
	return env && atoi(env) > 0 ? (unsigned) atoi(env) : 80;
}

/* ---- keys -------------------------------------------------------------------------------------- */

static const struct {
	const char *sequence;
	int key;
} sequences[] = {
	{ "[A", KEY_UP },	{ "[B", KEY_DOWN }, { "[C", KEY_RIGHT },      { "[D", KEY_LEFT },
	{ "OA", KEY_UP },	{ "OB", KEY_DOWN }, { "OC", KEY_RIGHT },      { "OD", KEY_LEFT },
	{ "[5~", KEY_PAGE_UP }, { "[H", KEY_HOME }, { "[6~", KEY_PAGE_DOWN }, { "[F", KEY_END },
	{ "OH", KEY_HOME },	{ "OF", KEY_END },  { "[1~", KEY_HOME },      { "[4~", KEY_END },
	{ "[7~", KEY_HOME },	{ "[8~", KEY_END }, { "[3~", KEY_DELETE },
};

/* "[" parameters, then one letter; or "O" and a letter. */
static size_t sequence_length(const char *in, size_t n)
{
	size_t k = 1;

	if (in[0] == 'O')
		return n >= 2 ? 2 : 1;
	while (k < n && in[k] >= 0x20 && in[k] < 0x40)
		k++;
	return k < n ? k + 1 : n;
}

size_t key_parse(const char *in, size_t n, int *ret_key)
{
	size_t len;

	if (n == 0)
		return 0;
	*ret_key = (unsigned char) in[0];
	if (in[0] == '\n')
		*ret_key = KEY_ENTER;
	if (in[0] == '\b')
		*ret_key = KEY_BACKSPACE;
	if (in[0] != '\033' || n == 1 || (in[1] != '[' && in[1] != 'O'))
		return 1;

	len = sequence_length(in + 1, n - 1);
	*ret_key = KEY_OTHER;
	for (size_t k = 0; k < ARRAY_SIZE(sequences); k++)
		if (strlen(sequences[k].sequence) == len &&
		    memcmp(sequences[k].sequence, in + 1, len) == 0)
			*ret_key = sequences[k].key;
	return len + 1;
}
