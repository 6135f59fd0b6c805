/*
 * json_out - writes JSON into a buffer of fixed size.
 *
 * What does not fit is left out whole: a mark is taken before an element and gone back to when
 * it overflowed.  Text is escaped, control characters and broken UTF-8 are replaced by '?', so
 * the result is valid JSON whatever the text was.
 *
 * Pure.
 */
#ifndef TRIAGE_JSON_OUT_H
#define TRIAGE_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include <anod/value.h>

struct json_out {
	char *buf; /* the caller's; always NUL-ended */
	size_t size, n;
	bool full;  /* something did not fit */
	bool comma; /* the next element needs one */
};

void json_init(struct json_out *j, char *buf, size_t size);
/* "key": when not NULL, then '{', '['. */
void json_open(struct json_out *j, const char *key, char bracket);
void json_close(struct json_out *j, char bracket);
void json_text(struct json_out *j, const char *key, const char *text);
void json_number(struct json_out *j, const char *key, double number);
void json_bool(struct json_out *j, const char *key, bool b);
/* As it is, in the base unit; text from outside as {"outside":"..."}; unknown as null. */
void json_value(struct json_out *j, const char *key, const struct anod_value *v);

/* Replace control characters and broken UTF-8 (a character that was cut) by '?', in place. */
void json_clean(char *text);

struct json_out json_mark(const struct json_out *j);
/* True: all since the mark fitted.  False: it is taken out again. */
bool json_fits(struct json_out *j, const struct json_out *mark);

#endif
