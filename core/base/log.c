/*
 * log - what the daemon says to its operator.
 *
 * Design.  One line is one write(), so lines of several processes that share a stderr do not mix.
 * Control characters are replaced: what is logged may quote a peer or a model, and must not be
 * able to forge a second line.  The journal is a sink that log_journal.c plugs in.
 */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define LINE_SIZE 2048 /* longer lines are cut */

static const char *log_process = "anod";
static int log_max = LOG_INFO;
static log_sink_fn *log_sink;

void log_open(const char *process, int max_priority)
{
	log_process = process;
	log_max = max_priority;
}

void log_set_sink(log_sink_fn *sink)
{
	log_sink = sink;
}

static const char *level_name(int priority)
{
	static const char *const name[] = { "emergency", "alert",  "critical", "error",
					    "warning",	 "notice", "info",     "debug" };

	return name[MIN_OF((unsigned) priority, ARRAY_SIZE(name) - 1)];
}

static void _printf_(4, 5) about_add(char *buf, size_t size, size_t *n, const char *fmt, ...)
{
	va_list ap;
	int k;

	*n += (size_t) snprintf(buf + *n, size - *n, "%s", *n ? " " : " [");
	va_start(ap, fmt);
	k = vsnprintf(buf + *n, size - *n, fmt, ap);
	va_end(ap);
	*n = MIN_OF(*n + (size_t) MAX_OF(k, 0), size - 1);
}

/* " [T12 I3 major noc oncall]" */
static const char *about_text(const struct log_about *a, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	if (a->tx > 0)
		about_add(buf, size - 1, &n, "T%" PRIu64, a->tx);
	if (a->incident > 0)
		about_add(buf, size - 1, &n, "I%" PRIu64, a->incident);
	if (a->severity[0])
		about_add(buf, size - 1, &n, "%s", a->severity);
	if (a->notify[0])
		about_add(buf, size - 1, &n, "%.500s", a->notify);
	if (n)
		(void) strcpy(buf + n, "]");
	return buf;
}

static void log_stderr(int priority, const struct log_about *a, const char *text)
{
	bool terminal = isatty(STDERR_FILENO);
	char about[640], line[LINE_SIZE + sizeof(about) + 64];
	int n;

	(void) about_text(a, about, sizeof(about));
	n = snprintf(line, sizeof(line), "%s%s%s: %s%s\n", terminal ? "" : level_name(priority),
		     terminal ? "" : " ", log_process, text, about);
	if (n <= 0)
		return;
	/* Nobody to tell when stderr is gone or full. */
	if (write(STDERR_FILENO, line, MIN_OF((size_t) n, sizeof(line) - 1)) < 0)
		return;
}

_printf_(3, 0) static void log_va(int priority, const struct log_about *about, const char *fmt,
				  va_list ap)
{
	int saved = errno;
	char text[LINE_SIZE];

	if (priority > log_max)
		return;

	(void) vsnprintf(text, sizeof(text), fmt, ap);
	clean_text(text);
	if (log_sink)
		log_sink(log_process, priority, about, text);
	else
		log_stderr(priority, about, text);
	errno = saved;
}

void log_text(int priority, const char *fmt, ...)
{
	static const struct log_about nothing = { .severity = "", .notify = "" };
	va_list ap;

	va_start(ap, fmt);
	log_va(priority, &nothing, fmt, ap);
	va_end(ap);
}

void log_about(int priority, uint64_t tx, uint64_t incident, const char *fmt, ...)
{
	const struct log_about about = { tx, incident, "", "" };
	va_list ap;

	va_start(ap, fmt);
	log_va(priority, &about, fmt, ap);
	va_end(ap);
}

void log_tell(int priority, uint64_t tx, uint64_t incident, const char *severity,
	      const char *notify, const char *fmt, ...)
{
	const struct log_about about = { tx, incident, severity, notify };
	va_list ap;

	va_start(ap, fmt);
	log_va(priority, &about, fmt, ap);
	va_end(ap);
}
