/*
 * lex_literal - numbers with units, addresses, dates and times.
 *
 * Design.  A run of characters is first measured, then told apart by its shape: two colons or
 * three points make an address, NN:NN a time, NNNN-NN-NN a date, the rest is a number with a
 * unit.  Numbers are converted exactly: digits are kept as an integer with a power of ten, so
 * that 0.1ms is 100 us and not 99.99, and what does not fit is an error rather than rounded.
 */
#include "facts/lex_literal.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "facts/value.h"

#define DIGITS_MAX 19 /* significant digits of a number: all fit a uint64_t */

struct unit_word {
	const char *word;
	uint8_t unit;
	int64_t factor;
};

static const struct unit_word unit_words[] = {
	{ "", ANOD_UNIT_NONE, 1 },
	{ "k", ANOD_UNIT_NONE, 1000 },
	{ "M", ANOD_UNIT_NONE, 1000000 },
	{ "G", ANOD_UNIT_NONE, 1000000000 },
	{ "us", ANOD_UNIT_TIME, 1 },
	{ "ms", ANOD_UNIT_TIME, 1000 },
	{ "s", ANOD_UNIT_TIME, 1000000 },
	{ "m", ANOD_UNIT_TIME, 60000000 },
	{ "h", ANOD_UNIT_TIME, INT64_C(3600000000) },
	{ "d", ANOD_UNIT_TIME, INT64_C(86400000000) },
	{ "B", ANOD_UNIT_BYTES, 1 },
	{ "kB", ANOD_UNIT_BYTES, 1000 },
	{ "MB", ANOD_UNIT_BYTES, 1000000 },
	{ "GB", ANOD_UNIT_BYTES, 1000000000 },
	{ "KiB", ANOD_UNIT_BYTES, 1 << 10 },
	{ "MiB", ANOD_UNIT_BYTES, 1 << 20 },
	{ "GiB", ANOD_UNIT_BYTES, 1 << 30 },
	{ "TiB", ANOD_UNIT_BYTES, INT64_C(1) << 40 },
	{ "bps", ANOD_UNIT_BPS, 1 },
	{ "kbps", ANOD_UNIT_BPS, 1000 },
	{ "Mbps", ANOD_UNIT_BPS, 1000000 },
	{ "Gbps", ANOD_UNIT_BPS, 1000000000 },
	{ "Tbps", ANOD_UNIT_BPS, INT64_C(1000000000000) },
	{ "pps", ANOD_UNIT_PPS, 1 },
	{ "kpps", ANOD_UNIT_PPS, 1000 },
	{ "Mpps", ANOD_UNIT_PPS, 1000000 },
};

/* What people write instead, where the nearest word would not find it. */
static const char *const unit_aliases[][2] = {
	{ "sec", "s" },	    { "secs", "s" },	{ "second", "s" },  { "seconds", "s" },
	{ "min", "m" },	    { "mins", "m" },	{ "minutes", "m" }, { "hour", "h" },
	{ "hours", "h" },   { "hr", "h" },	{ "day", "d" },	    { "days", "d" },
	{ "msec", "ms" },   { "usec", "us" },	{ "kbit", "kbps" }, { "mbit", "Mbps" },
	{ "Mbit", "Mbps" }, { "gbit", "Gbps" }, { "Gbit", "Gbps" }, { "mbps", "Mbps" },
	{ "gbps", "Gbps" }, { "Kbps", "kbps" }, { "K", "k" },	    { "kb", "kB" },
	{ "KB", "KiB" },
};

static void bad(struct token *t, const char *fmt, ...) _printf_(2, 3);
static void bad(struct token *t, const char *fmt, ...)
{
	va_list ap;

	t->type = TOKEN_BAD;
	va_start(ap, fmt);
	(void) vsnprintf(t->error, sizeof(t->error), fmt, ap);
	va_end(ap);
}

/* As much of a literal as a message can hold. */
static int shown(size_t len)
{
	return (int) MIN_OF(len, (size_t) 24);
}

static size_t span(const char *s, const char *end, int (*is)(int))
{
	const char *p = s;

	while (p < end && is((unsigned char) *p))
		p++;
	return (size_t) (p - s);
}

static int is_unit_char(int c)
{
	return isalpha(c) || c == '%' || c == '_' || isdigit(c);
}

static bool digits_at(const char *s, const char *end, unsigned n)
{
	if ((size_t) (end - s) < n)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (!isdigit((unsigned char) s[i]))
			return false;
	}
	return true;
}

static unsigned two_digits(const char *s)
{
	return (unsigned) (s[0] - '0') * 10 + (unsigned) (s[1] - '0');
}

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
static int64_t days_since_1970(int64_t y, unsigned m, unsigned d)
{
	int64_t era_day;

	y -= m <= 2;
	era_day = 365 * y + y / 4 - y / 100 + y / 400;
	return era_day + (153 * ((int64_t) m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1 - 719468;
}

static unsigned month_days(unsigned y, unsigned m)
{
	static const unsigned days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return days[m - 1] + (m == 2 && leap);
}

static size_t scan_date(const char *s, const char *end, struct token *t)
{
	unsigned y, m, d;

	if (!digits_at(s, end, 4) || end - s < 10 || s[4] != '-' || !digits_at(s + 5, end, 2) ||
	    s[7] != '-' || !digits_at(s + 8, end, 2))
		return 0;

	y = two_digits(s) * 100 + two_digits(s + 2);
	m = two_digits(s + 5);
	d = two_digits(s + 8);
	if (y < 1970 || m < 1 || m > 12 || d < 1 || d > month_days(y, m)) {
		bad(t, "'%.*s' is no day of the calendar", 10, s);
		return 10;
	}

	t->type = TOKEN_DATE;
	t->value = value_int(days_since_1970(y, m, d), ANOD_UNIT_NONE);
	return 10;
}

/* [H]H:MM[:SS]; 24:00 is the end of the day. */
static bool scan_time(const char *s, size_t len, struct token *t)
{
	unsigned digits = len > 1 && s[1] == ':' ? 1 : 2, h, m, sec = 0;
	const char *end = s + len;

	if (!digits_at(s, end, digits) || (len != digits + 3 && len != digits + 6) ||
	    s[digits] != ':' || !digits_at(s + digits + 1, end, 2))
		return false;
	if (len == digits + 6 && (s[digits + 3] != ':' || !digits_at(s + digits + 4, end, 2)))
		return false;

	h = digits == 1 ? (unsigned) (s[0] - '0') : two_digits(s);
	m = two_digits(s + digits + 1);
	if (len == digits + 6)
		sec = two_digits(s + digits + 4);
	if (m > 59 || sec > 59 || h * 3600 + m * 60 + sec > 86400) {
		bad(t, "'%.*s' is no time of the day", shown(len), s);
		return true;
	}

	t->type = TOKEN_TIME;
	t->value = value_int((int64_t) (h * 3600 + m * 60 + sec) * 1000000, ANOD_UNIT_TIME);
	return true;
}

static void scan_prefix(const char *s, size_t len, struct token *t)
{
	struct anod_prefix p;
	char text[64], fixed[64];

	if (len >= sizeof(text)) {
		bad(t, "'%.*s...' is no address", shown(len), s);
		return;
	}
	memcpy(text, s, len);
	text[len] = '\0';
	if (prefix_parse(text, &p) == 0) {
		t->type = TOKEN_VALUE;
		t->value = value_prefix(&p);
		return;
	}

	if (p.family != 0 && strchr(text, '/'))
		bad(t, "'%.*s' has bits behind its length; write %s", shown(len), s,
		    prefix_format(&p, fixed, sizeof(fixed)));
	else
		bad(t, "'%.*s' is no address or prefix%s", shown(len), s,
		    strchr(text, ':') ? "; quote a hardware address with '\"'" : "");
}

/* Addresses and times: a run of hexadecimal digits, ':' and single '.', then /LENGTH. */
static size_t scan_colons(const char *s, const char *end, struct token *t)
{
	unsigned colons = 0, points = 0;
	bool hex = false;
	const char *p = s;

	for (; p < end && (isxdigit((unsigned char) *p) || *p == ':' || *p == '.'); p++) {
		if (*p == '.' && p + 1 < end && p[1] == '.')
			break;
		colons += *p == ':';
		points += *p == '.';
		hex |= isalpha((unsigned char) *p) != 0;
	}
	if (p > s && p[-1] == '.') { /* the end of "192.0.2.1." */
		points--;
		p--;
	}
	if (colons == 0 && (points != 3 || hex))
		return 0;
	if (p < end && (isalpha((unsigned char) *p) || *p == '_') && colons == 0)
		return 0;

	if (scan_time(s, (size_t) (p - s), t))
		return (size_t) (p - s);
	/* One colon is a time or a slip, never an address; a word keeps its letters. */
	if (colons == 1 && (hex || !isdigit((unsigned char) *s)))
		return 0;
	if (p < end && *p == '/')
		p += 1 + span(p + 1, end, isdigit);
	scan_prefix(s, (size_t) (p - s), t);
	return (size_t) (p - s);
}

/* A decimal number as digits and a power of ten. */
struct decimal {
	uint64_t digits;
	int exponent;
	bool real;  /* has a point or an exponent */
	bool long_; /* more digits than an integer holds */
};

static size_t scan_decimal(const char *s, const char *end, struct decimal *ret)
{
	struct decimal d = { 0 };
	const char *p = s;
	bool point = false;
	unsigned n = 0;

	for (; p < end; p++) {
		if (*p == '.' && !point && p + 1 < end && isdigit((unsigned char) p[1])) {
			point = d.real = true;
			continue;
		}
		if (!isdigit((unsigned char) *p))
			break;
		if (d.digits > 0 || *p != '0')
			n++;
		if (n > DIGITS_MAX) {
			d.long_ = true;
			continue;
		}
		d.digits = d.digits * 10 + (uint64_t) (*p - '0');
		d.exponent -= point;
	}

	if (p < end && (*p == 'e' || *p == 'E')) {
		const char *q = p + 1;
		bool minus = q < end && *q == '-';
		int e = 0;

		q += q < end && (*q == '-' || *q == '+');
		if (q < end && isdigit((unsigned char) *q)) {
			for (; q < end && isdigit((unsigned char) *q); q++)
				e = MIN_OF(e * 10 + (*q - '0'), 10000);
			d.exponent += minus ? -e : e;
			d.real = true;
			p = q;
		}
	}
	*ret = d;
	return (size_t) (p - s);
}

/* digits x factor x 10^exponent as a whole number; false when it is none or too large. */
static bool to_whole(const struct decimal *d, int64_t factor, int64_t *ret)
{
	__int128 v = (__int128) d->digits * factor;
	int e = d->exponent;

	if (d->long_)
		return false;
	for (; e > 0 && v != 0; e--) {
		v *= 10;
		if (v > INT64_MAX)
			return false;
	}
	for (; e < 0 && v != 0; e++) {
		if (v % 10 != 0)
			return false;
		v /= 10;
	}
	if (v > INT64_MAX)
		return false;

	*ret = (int64_t) v;
	return true;
}

static double to_real(const char *s, size_t len)
{
	char text[512];

	if (len >= sizeof(text))
		return NAN;
	memcpy(text, s, len);
	text[len] = '\0';
	return strtod(text, NULL);
}

static void unknown_unit(struct token *t, const char *s, size_t len, const char *unit,
			 size_t unit_len)
{
	const char *names[ARRAY_SIZE(unit_words) + 1] = { 0 };
	const char *near = NULL;
	char word[16], hint[48];

	if (unit_len < sizeof(word)) {
		memcpy(word, unit, unit_len);
		word[unit_len] = '\0';
		for (unsigned i = 0; i < ARRAY_SIZE(unit_aliases) && !near; i++) {
			if (strcmp(word, unit_aliases[i][0]) == 0)
				near = unit_aliases[i][1];
		}
		for (unsigned i = 1; i < ARRAY_SIZE(unit_words); i++)
			names[i - 1] = unit_words[i].word;
		if (!near && unit_len > 2)
			near = nearest_word(word, names);
	}

	if (unit_len == 1 && *unit == 'x') {
		bad(t, "'%.*s': leave a space in front of 'x'", shown(len), s);
		return;
	}
	if (near)
		(void) snprintf(hint, sizeof(hint), "; did you mean '%s'?", near);
	else
		(void) snprintf(hint, sizeof(hint), "; quote a name that begins with a digit");
	bad(t, "'%.*s' has no known unit%s", shown(len), s, hint);
}

static const struct unit_word *find_unit(const char *unit, size_t len)
{
	for (unsigned i = 0; i < ARRAY_SIZE(unit_words); i++) {
		if (strlen(unit_words[i].word) == len && memcmp(unit_words[i].word, unit, len) == 0)
			return &unit_words[i];
	}
	return NULL;
}

static size_t scan_number(const char *s, const char *end, struct token *t)
{
	const struct unit_word *u;
	struct decimal d;
	size_t number = scan_decimal(s, end, &d);
	size_t unit = span(s + number, end, is_unit_char);
	double r = to_real(s, number);
	int64_t i;

	t->type = TOKEN_VALUE;
	if (unit == 1 && s[number] == '%') {
		t->value = value_real(r / 100, ANOD_UNIT_RATIO);
		if (t->value.type == ANOD_UNKNOWN)
			bad(t, "'%.*s' is too large", shown(number + unit), s);
		return number + unit;
	}

	u = find_unit(s + number, unit);
	if (!u) {
		unknown_unit(t, s, number + unit, s + number, unit);
		return number + unit;
	}

	if (!(d.real && *u->word == '\0') && to_whole(&d, u->factor, &i)) {
		t->value = value_int(i, (enum anod_unit) u->unit);
		return number + unit;
	}
	t->value = value_real(r * (double) u->factor, (enum anod_unit) u->unit);
	if (t->value.type == ANOD_UNKNOWN || (!d.real && *u->word == '\0') ||
	    fabs(t->value.u.r) > 9e18)
		bad(t, "'%.*s' is too large", shown(number + unit), s);
	else if (u->unit == ANOD_UNIT_TIME)
		bad(t, "'%.*s' is finer than a microsecond", shown(number + unit), s);
	return number + unit;
}

size_t lex_scan_literal(const char *s, const char *end, struct token *t)
{
	size_t n = 0;

	if (isxdigit((unsigned char) *s) || (*s == ':' && s + 1 < end && s[1] == ':'))
		n = scan_date(s, end, t);
	if (n == 0 && (isxdigit((unsigned char) *s) || *s == ':'))
		n = scan_colons(s, end, t);
	if (n == 0 && isdigit((unsigned char) *s))
		n = scan_number(s, end, t);
	return n;
}

int lex_parse_literal(const char *text, struct anod_value *ret)
{
	const char *end = text + strlen(text);
	bool minus = *text == '-';
	struct token t;
	struct lexer l;

	lex_init(&l, "", text + minus, (size_t) (end - text) - minus);
	lex_next(&l, &t);
	if (t.type != TOKEN_VALUE || t.text != text + minus || t.text + t.len != end)
		return -EINVAL;
	if (minus && t.value.type == ANOD_INT)
		t.value.u.i = -t.value.u.i;
	else if (minus && t.value.type == ANOD_REAL)
		t.value.u.r = -t.value.u.r;
	else if (minus)
		return -EINVAL;

	*ret = t.value;
	return 0;
}
