/*
 * width - text and the columns of a terminal that it takes.
 *
 * Design.  Bytes are decoded here, not by mbrtowc(), because in the C locale that refuses what a
 * UTF-8 one takes, and a table must not lose its shape over it; only the width of a character is
 * asked of libc (wcwidth), whose tables follow Unicode.
 */
#include "cli/width.h"

#include <langinfo.h>
#include <string.h>
#include <wchar.h>

bool utf8_locale(void)
{
	static int known = -1;

	if (known < 0)
		known = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	return known;
}

/* Bytes of a whole, shortest-form character; 0: it is none. */
static size_t decode(const unsigned char *s, size_t n, wchar_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80    ? 1
		     : s[0] < 0xc2  ? 0
		     : s[0] < 0xe0  ? 2
		     : s[0] < 0xf0  ? 3
		     : s[0] <= 0xf4 ? 4
				    : 0;
	uint32_t code = len > 1 ? s[0] & (0xffu >> (len + 1)) : s[0];

	if (len == 0 || len > n)
		return 0;
	for (size_t k = 1; k < len; k++) {
		if ((s[k] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[k] & 0x3f);
	}
	if (len > 1 && (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)))
		return 0;
	*ret = (wchar_t) code;
	return len;
}

size_t text_next(const char *text, size_t n, int *ret_columns)
{
	wchar_t c = 0;
	size_t len;

	*ret_columns = -1;
	if (n == 0 || !*text)
		return 0;

	len = decode((const unsigned char *) text, n, &c);
	if (len == 0)
		return 1;
	if (c < 0x80)
		*ret_columns = c >= 0x20 && c < 0x7f ? 1 : -1;
	else if (utf8_locale())
		*ret_columns = wcwidth(c);
	return len;
}

size_t text_clip(const char *text, unsigned columns, unsigned *ret_columns)
{
	size_t at = 0, n = strlen(text), len;
	unsigned used = 0;
	int width;

	while ((len = text_next(text + at, n - at, &width)) > 0) {
		unsigned w = width < 0 ? 1 : (unsigned) width;

		if (used + w > columns)
			break;
		used += w;
		at += len;
	}
	if (ret_columns)
		*ret_columns = used;
	return at;
}

unsigned text_columns(const char *text)
{
	unsigned n;

	(void) text_clip(text, UINT32_MAX, &n);
	return n;
}
