/*
 * log - what the daemon says to its operator.
 *
 * To the journal with fields where stderr is connected to it (JOURNAL_STREAM), else to stderr:
 * on a terminal as "anod: text", elsewhere as "warning anod: text [T12 I3]".  A library layer (base, facts, model, policy) returns errors and never
 * logs; the layer that gives up logs once, with the object and the cause.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>
#include <syslog.h>

#include "base/util.h"

/* 'process' is the word before each line ("anod", "exec", "guardian"); kept, not copied.
 * 'max_priority' is LOG_INFO unless -v (LOG_DEBUG) or -q (LOG_WARNING). */
void log_open(const char *process, int max_priority);

/* What a line is about, and whom it concerns. */
struct log_about {
	uint64_t tx, incident; /* 0: none */
	const char *severity;  /* "major" (X.733), or "" */
	const char *notify;    /* groups and people, separated by spaces, or "" */
};

/* Where lines go instead of stderr; NULL: stderr.  'text' has no control characters. */
typedef void log_sink_fn(const char *process, int priority, const struct log_about *about,
			 const char *text);
void log_set_sink(log_sink_fn *sink);

/* Send lines to the journal, with fields, if stderr is connected to it; true then.  In a file of
 * its own, so that the static guardian links no libsystemd. */
bool log_use_journal(void);

void log_text(int priority, const char *fmt, ...) _printf_(2, 3);

/* The same with the fields ANOD_TX= and ANOD_INCIDENT= (0: left out). */
void log_about(int priority, uint64_t tx, uint64_t incident, const char *fmt, ...) _printf_(4, 5);

/* The same for people: with SEVERITY= and an ANOD_NOTIFY= for each name. */
void log_tell(int priority, uint64_t tx, uint64_t incident, const char *severity,
	      const char *notify, const char *fmt, ...) _printf_(6, 7);

#define log_error(...)	 log_text(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_text(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)	 log_text(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)	 log_text(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	 log_text(LOG_DEBUG, __VA_ARGS__)

#endif
