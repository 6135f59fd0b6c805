/*
 * scan - a line of the ledger, taken apart.
 *
 * Design.  A line is strict JSON (RFC 8259): an object that begins with n, t and kind and ends with
 * prev, mac (in the sealed part) and hash, in this order, with nothing between them; what comes in
 * between is the writer's.  The ends are at fixed places, so sums are taken of bytes and not of
 * what a parser made of them.  Nothing is copied and nothing is allocated.
 */
#include <sodium.h>
#include <string.h>

#include "verify.h"

#define DEPTH_MAX 64
#define HEX	  (2 * HASH_SIZE)

/* ---- JSON --------------------------------------------------------------------------------- */

struct cursor {
	const char *at, *end;
};

static bool eat(struct cursor *c, char want)
{
	if (c->at == c->end || *c->at != want)
		return false;
	c->at++;
	return true;
}

static bool is_hex_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool eat_escape(struct cursor *c)
{
	if (c->at == c->end)
		return false;
	if (*c->at != 'u')
		return memchr("\"\\/bfnrt", *c->at++, 8) != NULL;
	c->at++;
	for (unsigned i = 0; i < 4; i++, c->at++)
		if (c->at == c->end || !is_hex_digit(*c->at))
			return false;
	return true;
}

static bool eat_string(struct cursor *c)
{
	if (!eat(c, '"'))
		return false;
	while (c->at < c->end) {
		char ch = *c->at++;

		if (ch == '"')
			return true;
		if ((unsigned char) ch < ' ' || (ch == '\\' && !eat_escape(c)))
			return false;
	}
	return false;
}

static bool eat_digits(struct cursor *c)
{
	const char *from = c->at;

	while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
		c->at++;
	return c->at > from;
}

static bool eat_number(struct cursor *c)
{
	(void) eat(c, '-');
	if (!eat(c, '0') && !eat_digits(c))
		return false;
	if (eat(c, '.') && !eat_digits(c))
		return false;
	if (c->at < c->end && (*c->at == 'e' || *c->at == 'E')) {
		c->at++;
		if (!eat(c, '+'))
			(void) eat(c, '-');
		return eat_digits(c);
	}
	return true;
}

static bool eat_word(struct cursor *c, const char *word)
{
	size_t n = strlen(word);

	if ((size_t) (c->end - c->at) < n || memcmp(c->at, word, n) != 0)
		return false;
	c->at += n;
	return true;
}

static bool eat_value(struct cursor *c, unsigned depth);

static bool eat_list(struct cursor *c, char close, unsigned depth)
{
	if (eat(c, close))
		return true;
	do {
		if (close == '}' && (!eat_string(c) || !eat(c, ':')))
			return false;
		if (!eat_value(c, depth + 1))
			return false;
	} while (eat(c, ','));
	return eat(c, close);
}

/* The writer puts no spaces between things. */
static bool eat_value(struct cursor *c, unsigned depth)
{
	if (c->at == c->end || depth > DEPTH_MAX)
		return false;
	switch (*c->at) {
	case '"':
		return eat_string(c);
	case '{':
		c->at++;
		return eat_list(c, '}', depth);
	case '[':
		c->at++;
		return eat_list(c, ']', depth);
	case 't':
		return eat_word(c, "true");
	case 'f':
		return eat_word(c, "false");
	case 'n':
		return eat_word(c, "null");
	default:
		return eat_number(c);
	}
}

/* The next member of the line's own object; false: the end, or no JSON. */
static bool next_member(struct cursor *c, struct span *name, struct span *value)
{
	const char *from = c->at;

	if (!eat_string(c))
		return false;
	*name = (struct span){ from + 1, (size_t) (c->at - from) - 2 };
	if (!eat(c, ':'))
		return false;
	from = c->at;
	if (!eat_value(c, 1))
		return false;
	*value = (struct span){ from, (size_t) (c->at - from) };
	return true;
}

/* ---- values ------------------------------------------------------------------------------- */

bool span_is(struct span s, const char *text)
{
	return s.size == strlen(text) && memcmp(s.at, text, s.size) == 0;
}

bool scan_u64(struct span v, uint64_t *ret)
{
	uint64_t n = 0;

	if (v.size == 0 || v.size > 20 || (v.size > 1 && v.at[0] == '0'))
		return false;
	for (size_t i = 0; i < v.size; i++) {
		uint64_t digit = (uint64_t) (v.at[i] - '0');

		if (v.at[i] < '0' || v.at[i] > '9' || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*ret = n;
	return true;
}

bool scan_text(struct span v, char *buf, size_t size)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	size_t n = 0;

	if (v.size < 2 || v.at[0] != '"')
		return false;
	for (size_t i = 1; i + 1 < v.size; i++) {
		char c = v.at[i];

		if (c == '\\') {
			const char *p = memchr(from, v.at[++i], sizeof(from) - 1);

			if (!p) /* \uXXXX is in nothing that is looked at */
				return false;
			c = to[p - from];
		}
		if (n + 1 >= size)
			return false;
		buf[n++] = c;
	}
	buf[n] = '\0';
	return true;
}

bool scan_hash(struct span v, uint8_t ret[HASH_SIZE])
{
	size_t n;

	if (v.size != HEX + 2 || v.at[0] != '"' || v.at[HEX + 1] != '"')
		return false;
	for (size_t i = 1; i <= HEX; i++)
		if (!is_hex_digit(v.at[i]) || (v.at[i] >= 'A' && v.at[i] <= 'F'))
			return false;
	return sodium_hex2bin(ret, HASH_SIZE, v.at + 1, HEX, NULL, &n, NULL) == 0 && n == HASH_SIZE;
}

bool scan_member(const struct line *l, const char *name, struct span *ret)
{
	struct cursor c = { l->text.at + 1, l->text.at + l->text.size };
	struct span key;

	do {
		if (!next_member(&c, &key, ret))
			return false;
		if (span_is(key, name))
			return true;
	} while (eat(&c, ','));
	return false;
}

/* ---- the line ----------------------------------------------------------------------------- */

static bool own_name(struct span name)
{
	return span_is(name, "n") || span_is(name, "t") || span_is(name, "kind") ||
	       span_is(name, "prev") || span_is(name, "mac") || span_is(name, "hash");
}

static const char *scan_begin(struct cursor *c, struct line *l)
{
	struct span name, value;

	if (!eat(c, '{') || !next_member(c, &name, &value) || !span_is(name, "n") ||
	    !scan_u64(value, &l->n) || l->n == 0)
		return "does not begin with its number";
	if (!eat(c, ',') || !next_member(c, &name, &value) || !span_is(name, "t") ||
	    value.at[0] != '"')
		return "has no time behind its number";
	if (!eat(c, ',') || !next_member(c, &name, &value) || !span_is(name, "kind") ||
	    value.at[0] != '"')
		return "has no kind behind its time";
	l->kind = (struct span){ value.at + 1, value.size - 2 };
	return NULL;
}

const char *scan_line(const char *at, size_t size, struct line *ret)
{
	static const char no_end[] = "does not end in \"prev\", \"mac\" and \"hash\"";
	struct cursor c = { at, at + size };
	struct line l = { .text = { at, size } };
	struct span name, value;
	bool prev = false;
	const char *why = scan_begin(&c, &l), *comma;

	if (why)
		return why;
	for (;;) {
		comma = c.at;
		if (!eat(&c, ',') || !next_member(&c, &name, &value))
			return "is not JSON, or has no hash";
		if (!own_name(name)) {
			if (prev)
				return no_end;
			continue;
		}
		if (span_is(name, "prev") && !prev && scan_hash(value, l.prev)) {
			prev = true;
		} else if (span_is(name, "mac") && prev && !l.has_mac && scan_hash(value, l.mac)) {
			l.has_mac = true;
			l.mac_at = (size_t) (comma - at);
		} else if (span_is(name, "hash") && prev && scan_hash(value, l.hash)) {
			l.hash_at = (size_t) (comma - at);
			break;
		} else {
			return no_end;
		}
	}
	if (!eat(&c, '}') || c.at != c.end)
		return no_end;
	*ret = l;
	return NULL;
}
