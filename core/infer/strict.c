/*
 * strict - JSON as RFC 8259 has it and not a byte more.
 *
 * Design.  A recursive descent over the bytes, limited in depth, that builds nothing: cJSON does
 * that afterwards.  Duplicate keys are left to the caller, who knows which keys there are.
 */
#include "infer/strict.h"

#include <errno.h>
#include <string.h>

struct scan {
	const unsigned char *start, *p, *end;
	unsigned depth;
	const char *wrong; /* the first thing found */
};

static int scan_value(struct scan *s);

static int wrong(struct scan *s, const char *what)
{
	s->wrong = what;
	return -EBADMSG;
}

unsigned utf8_decode(const unsigned char *p, const unsigned char *end, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned size = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	uint32_t cp;

	if (size == 0 || *p > 0xf4 || (size_t) (end - p) < size)
		return 0;
	if (size == 1) {
		*ret = *p;
		return 1;
	}

	cp = *p & (0x7fu >> size);
	for (unsigned i = 1; i < size; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3fu);
	}
	if (cp < least[size] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
		return 0;

	*ret = cp;
	return size;
}

bool char_hidden(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0xad ||
	       (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || (cp >= 0xfff9 && cp <= 0xfffb) ||
	       (cp >= 0xe0000 && cp <= 0xe0fff);
}

bool word_plain(const char *text, size_t max)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				"._:/%@+-");

	return n > 0 && n <= max && text[n] == '\0';
}

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

/* Four hexadecimal digits at s->p. */
static int scan_hex4(struct scan *s, uint32_t *ret)
{
	uint32_t v = 0;

	if (s->end - s->p < 4)
		return wrong(s, "a \\u escape ends early");

	for (int i = 0; i < 4; i++, s->p++) {
		unsigned char c = *s->p | 0x20;

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t) (c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint32_t) (c - 'a' + 10);
		else
			return wrong(s, "a \\u escape is not hexadecimal");
	}
	*ret = v;
	return 0;
}

/* s->p is behind the backslash. */
static int scan_escape(struct scan *s)
{
	uint32_t cp, low;

	if (s->p == s->end)
		return wrong(s, "a string does not end");
	if (strchr("\"\\/", *s->p) && *s->p) {
		s->p++;
		return 0;
	}
	if (*s->p != 'u')
		return wrong(s, strchr("bfnrt", *s->p) && *s->p ? "a text holds a control character"
								: "an escape is not one of JSON's");
	s->p++;
	if (scan_hex4(s, &cp) < 0)
		return -EBADMSG;
	if (cp >= 0xdc00 && cp < 0xe000)
		return wrong(s, "a surrogate stands alone");
	if (cp >= 0xd800 && cp < 0xdc00) {
		if (s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u')
			return wrong(s, "a surrogate stands alone");
		s->p += 2;
		if (scan_hex4(s, &low) < 0)
			return -EBADMSG;
		if (low < 0xdc00 || low >= 0xe000)
			return wrong(s, "a surrogate stands alone");
		cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
	}
	return char_hidden(cp) ? wrong(s, "a text holds a control or hidden character") : 0;
}

static int scan_string(struct scan *s)
{
	for (s->p++; s->p < s->end && *s->p != '"';) {
		uint32_t cp;
		unsigned n;

		if (*s->p == '\\') {
			s->p++;
			if (scan_escape(s) < 0)
				return -EBADMSG;
			continue;
		}
		n = utf8_decode(s->p, s->end, &cp);
		if (n == 0)
			return wrong(s, "a text is not UTF-8");
		if (char_hidden(cp))
			return wrong(s, "a text holds a control or hidden character");
		s->p += n;
	}
	if (s->p == s->end)
		return wrong(s, "a string does not end");

	s->p++;
	return 0;
}

static size_t scan_digits(struct scan *s)
{
	const unsigned char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (size_t) (s->p - from);
}

static int scan_number(struct scan *s)
{
	const unsigned char *first;

	if (*s->p == '-')
		s->p++;
	first = s->p;
	if (scan_digits(s) == 0)
		return wrong(s, "a value is neither text, number, object, array, true, false nor "
				"null");
	if (*first == '0' && s->p - first > 1)
		return wrong(s, "a number starts with zeros");
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (scan_digits(s) == 0)
			return wrong(s, "a number has no digit behind its point");
	}
	if (s->p < s->end && (*s->p | 0x20) == 'e') {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (scan_digits(s) == 0)
			return wrong(s, "a number has an empty exponent");
	}
	return 0;
}

static int scan_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t) (s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return wrong(s, "a word is not true, false or null");

	s->p += n;
	return 0;
}

static int scan_key(struct scan *s)
{
	skip_space(s);
	if (s->p == s->end || *s->p != '"')
		return wrong(s, "an object's key is missing");
	if (scan_string(s) < 0)
		return -EBADMSG;

	skip_space(s);
	if (s->p == s->end || *s->p != ':')
		return wrong(s, "a colon is missing");
	s->p++;
	return 0;
}

/* Both containers: '{' key ':' value ',' ... '}' and '[' value ',' ... ']'. */
static int scan_container(struct scan *s, bool object)
{
	const unsigned char close = object ? '}' : ']';

	if (++s->depth > STRICT_DEPTH_MAX)
		return wrong(s, "it is nested too deeply");

	s->p++;
	skip_space(s);
	if (s->p < s->end && *s->p == close) {
		s->p++;
		s->depth--;
		return 0;
	}
	for (;;) {
		if (object && scan_key(s) < 0)
			return -EBADMSG;
		if (scan_value(s) < 0)
			return -EBADMSG;
		skip_space(s);
		if (s->p == s->end || (*s->p != ',' && *s->p != close))
			return wrong(s, s->p == s->end ? "it ends early" : "a comma is missing");
		if (*s->p++ == close)
			break;
	}
	s->depth--;
	return 0;
}

static int scan_value(struct scan *s)
{
	skip_space(s);
	if (s->p == s->end)
		return wrong(s, "it ends early");

	switch (*s->p) {
	case '{':
		return scan_container(s, true);
	case '[':
		return scan_container(s, false);
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		return scan_number(s);
	}
}

int json_strict(const char *text, size_t size, char *why, size_t why_size)
{
	const unsigned char *start = (const unsigned char *) text;
	struct scan s = { .start = start, .p = start, .end = start + size };
	int r = scan_value(&s);

	if (r >= 0) {
		skip_space(&s);
		if (s.p != s.end)
			r = wrong(&s, "something follows the JSON value");
	}
	if (r < 0)
		snprintf(why, why_size, "not strict JSON at byte %zu: %s", (size_t) (s.p - s.start),
			 s.wrong);
	return r;
}
