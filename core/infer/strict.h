/*
 * strict - JSON as RFC 8259 has it and not a byte more.
 *
 * cJSON keeps duplicate keys, raw control characters, broken UTF-8 and leading zeros, and cuts a
 * string at \u0000.  Text from a model is passed through here first.
 *
 * Beside the grammar, text that hides something from a reader is refused: control characters
 * (escaped ones too), zero-width and direction-changing characters.
 */
#ifndef INFER_STRICT_H
#define INFER_STRICT_H

#include "base/util.h"

#define STRICT_DEPTH_MAX 16

/* 0, or -EBADMSG and one sentence with the place.  Pure. */
int json_strict(const char *text, size_t size, char *why, size_t why_size);

/* The code point at 'p' and its length, or 0: not UTF-8.  'p' < 'end'. */
unsigned utf8_decode(const unsigned char *p, const unsigned char *end, uint32_t *ret);

/* A character that a reader cannot see, or that changes what he sees. */
bool char_hidden(uint32_t cp);

/* A name, address or number: [A-Za-z0-9._:/%@+-]+, at most 'max' bytes. */
bool word_plain(const char *text, size_t max);

#endif
