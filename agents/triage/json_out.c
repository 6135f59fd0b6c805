/*
 * json_out - a bounded JSON writer.
 *
 * Design.  One flag says that the next element needs a comma, one that the buffer is full.  Who
 * wants to close brackets whatever happens gives a smaller size first and raises it at the end.
 */
#include "json_out.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void json_init(struct json_out *j, char *buf, size_t size)
{
	*j = (struct json_out){ .buf = buf, .size = size };
	buf[0] = 0;
}

static void put(struct json_out *j, const char *text, size_t len)
{
	if (j->full || j->n + len >= j->size) {
		j->full = true;
		return;
	}
	memcpy(j->buf + j->n, text, len);
	j->n += len;
	j->buf[j->n] = 0;
}

/* The length of the well-formed UTF-8 character at 's', or 0 (RFC 3629). */
static size_t utf8_char(const unsigned char *s)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static size_t printable(const char *text)
{
	if ((unsigned char) *text < 0x20 || *text == 0x7f)
		return 0;
	return utf8_char((const unsigned char *) text);
}

void json_clean(char *text)
{
	while (*text) {
		size_t len = printable(text);

		if (len == 0)
			*text = '?';
		text += len ? len : 1;
	}
}

static void put_string(struct json_out *j, const char *text)
{
	put(j, "\"", 1);
	while (*text) {
		size_t len = printable(text);

		if (len == 0) {
			put(j, "?", 1);
			len = 1;
		} else {
			if (*text == '"' || *text == '\\')
				put(j, "\\", 1);
			put(j, text, len);
		}
		text += len;
	}
	put(j, "\"", 1);
}

static void element(struct json_out *j, const char *key)
{
	if (j->comma)
		put(j, ",", 1);
	j->comma = true;
	if (!key)
		return;
	put_string(j, key);
	put(j, ":", 1);
}

void json_open(struct json_out *j, const char *key, char bracket)
{
	element(j, key);
	put(j, &bracket, 1);
	j->comma = false;
}

void json_close(struct json_out *j, char bracket)
{
	put(j, &bracket, 1);
	j->comma = true;
}

void json_text(struct json_out *j, const char *key, const char *text)
{
	element(j, key);
	put_string(j, text);
}

void json_number(struct json_out *j, const char *key, double number)
{
	char buf[32] = "null";

	if (isfinite(number))
		(void) snprintf(buf, sizeof(buf), "%.10g", number);
	element(j, key);
	put(j, buf, strlen(buf));
}

void json_bool(struct json_out *j, const char *key, bool b)
{
	element(j, key);
	put(j, b ? "true" : "false", b ? 4 : 5);
}

static void json_prefix(struct json_out *j, const char *key, const struct anod_prefix *p)
{
	char buf[INET6_ADDRSTRLEN + 4] = "";

	if (p->family && inet_ntop(p->family, p->addr, buf, INET6_ADDRSTRLEN) &&
	    p->len != (p->family == AF_INET6 ? 128 : 32))
		(void) snprintf(buf + strlen(buf), 5, "/%u", p->len);
	json_text(j, key, buf);
}

void json_value(struct json_out *j, const char *key, const struct anod_value *v)
{
	char buf[24];

	switch ((enum anod_type) v->type) {
	case ANOD_UNKNOWN:
		element(j, key);
		put(j, "null", 4);
		break;
	case ANOD_BOOL:
		json_bool(j, key, v->u.i != 0);
		break;
	case ANOD_INT:
		(void) snprintf(buf, sizeof(buf), "%lld", (long long) v->u.i);
		element(j, key);
		put(j, buf, strlen(buf));
		break;
	case ANOD_REAL:
		json_number(j, key, v->u.r);
		break;
	case ANOD_TEXT:
		if (!(v->flags & ANOD_VALUE_OUTSIDE)) {
			json_text(j, key, v->u.text);
			break;
		}
		json_open(j, key, '{');
		json_text(j, "outside", v->u.text);
		json_close(j, '}');
		break;
	case ANOD_PREFIX:
		json_prefix(j, key, &v->u.prefix);
		break;
	}
}

struct json_out json_mark(const struct json_out *j)
{
	return *j;
}

bool json_fits(struct json_out *j, const struct json_out *mark)
{
	if (!j->full)
		return true;
	*j = *mark;
	j->buf[j->n] = 0;
	return false;
}
