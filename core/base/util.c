/*
 * util - text that fits, text that is clean, the nearest word, and a checksum.
 *
 * Design.  Text from outside (an interface alias, a model's answer) reaches terminals, JSON and
 * the journal, so one function decides what is printable: well-formed UTF-8 without control
 * characters and without the marks that turn the direction of writing, with which a name could
 * pose as another one.  The checksum is table-driven: the records it guards are 512 bytes.
 */
#include "base/util.h"

#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64 /* longer words are not worth a suggestion */

static bool is_continuation(char c)
{
	return ((unsigned char) c & 0xc0) == 0x80;
}

bool copy_text(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src), keep = len;

	if (size == 0)
		return false;

	if (keep >= size) {
		keep = size - 1;
		while (keep > 0 && is_continuation(src[keep]))
			keep--;
	}

	memcpy(dst, src, keep);
	memset(dst + keep, 0, size - keep);
	return keep == len;
}

/* Length of the well-formed character at 's' and its code point, or 0 (RFC 3629). */
static unsigned utf8_char(const unsigned char *s, uint32_t *ret_code)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned len = s[0] < 0x80	     ? 1
		       : (s[0] >> 5) == 0x6  ? 2
		       : (s[0] >> 4) == 0xe  ? 3
		       : (s[0] >> 3) == 0x1e ? 4
					     : 0;
	uint32_t code;

	if (len == 0)
		return 0;
	code = len == 1 ? s[0] : s[0] & (0x7fu >> len);
	for (unsigned i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3fu);
	}

	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;

	*ret_code = code;
	return len;
}

static bool is_printable(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		return false;
	if ((code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
		return false;
	return code != 0x2028 && code != 0x2029;
}

void clean_text(char *text)
{
	unsigned char *in = (unsigned char *) text, *out = in;

	while (*in) {
		uint32_t code = 0;
		unsigned len = utf8_char(in, &code);

		if (len > 0 && is_printable(code)) {
			memmove(out, in, len);
			out += len;
		} else {
			*out++ = '?';
		}
		in += len > 0 ? len : 1;
	}
	*out = '\0';
}

/* Optimal string alignment: edits and swaps of neighbours.  Both words up to WORD_MAX. */
static unsigned word_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned row[3][WORD_MAX + 1];
	unsigned *before = row[0], *last = row[1], *now = row[2];

	for (size_t j = 0; j <= b_len; j++)
		last[j] = (unsigned) j;

	for (size_t i = 1; i <= a_len; i++) {
		unsigned *spare = before;

		now[0] = (unsigned) i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned cost = last[j - 1] + (a[i - 1] != b[j - 1]);

			cost = MIN_OF(cost, last[j] + 1);
			cost = MIN_OF(cost, now[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cost = MIN_OF(cost, before[j - 2] + 1);
			now[j] = cost;
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[b_len];
}

const char *nearest_word(const char *word, const char *const *list)
{
	size_t len = strlen(word);
	unsigned least = (unsigned) MAX_OF(len / 3, (size_t) 1) + 1;
	const char *nearest = NULL;

	if (!list || len == 0 || len > WORD_MAX)
		return NULL;

	for (; *list; list++) {
		size_t other = strlen(*list);
		unsigned distance;

		if (other > WORD_MAX)
			continue;
		distance = word_distance(word, len, *list, other);
		if (distance < least) {
			least = distance;
			nearest = *list;
		}
	}
	return nearest;
}

static uint32_t crc32c_table(uint32_t crc, const uint8_t *p, size_t size)
{
	static uint32_t table[256];

	if (table[1] == 0) {
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t v = i;

			for (int bit = 0; bit < 8; bit++)
				v = v & 1 ? v >> 1 ^ 0x82f63b78u : v >> 1;
			table[i] = v;
		}
	}

	while (size-- > 0)
		crc = table[(crc ^ *p++) & 0xff] ^ crc >> 8;
	return crc;
}

#ifdef __x86_64__
/* The CPU's own instruction: the guardian reads a whole journal before it may undo. */
__attribute__((target("sse4.2"))) static uint32_t crc32c_cpu(uint32_t crc, const uint8_t *p,
							     size_t size)
{
	uint64_t c = crc, word;

	for (; size >= sizeof(word); size -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		c = __builtin_ia32_crc32di(c, word);
	}
	while (size-- > 0)
		c = __builtin_ia32_crc32qi((uint32_t) c, *p++);
	return (uint32_t) c;
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc32c_cpu(~crc, data, size);
#endif
	return ~crc32c_table(~crc, data, size);
}
