/*
 * reply - BIRD's control protocol.
 *
 * Design.  Each line of an answer begins with four digits and '-', or with a space where the digits
 * are those of the line before; the last one has a space behind the digits (doc/reply_codes of
 * BIRD 2.0).  What the lines say is meant for people, so they are read like people read them: by
 * the words in front of the colon, wherever the columns are, and what is not understood is left
 * out.
 */
#include "reply.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CODE_SIZE 4

enum {
	CODE_PROTOCOL = 1002,
	CODE_DETAILS = 1006,
	CODE_COUNT = 1007,
	CODE_VERSION = 1000,
	CODE_STATUS = 1011,
	CODE_TOTAL = 14,
	CODE_REFUSED = 8000
};

static bool has_code(const char *line)
{
	for (int i = 0; i < CODE_SIZE; i++)
		if (line[i] < '0' || line[i] > '9')
			return false;
	return true;
}

int reply_whole(const char *text, size_t size, size_t *at)
{
	const char *end;

	while ((end = memchr(text + *at, '\n', size - *at))) {
		const char *line = text + *at;
		size_t len = (size_t) (end - line);

		*at += len + 1;
		if (len > CODE_SIZE && line[CODE_SIZE] == ' ' && has_code(line))
			return *at == size ? 1 : -EBADMSG;
		if (line[0] != ' ' && line[0] != '+' &&
		    (len <= CODE_SIZE || line[CODE_SIZE] != '-' || !has_code(line)))
			return -EBADMSG;
	}
	return 0;
}

/* The next line with its code, or NULL: there is none.  '*code' keeps what it was on lines without
 * one, and is -1 for a line of nobody's. */
static char *next_line(char **text, int *code)
{
	char *line = *text, *end = strchr(line, '\n');

	if (!*line)
		return NULL;
	*text = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	if (line[0] == ' ')
		return line + 1;
	if (strlen(line) > CODE_SIZE && has_code(line) &&
	    (line[CODE_SIZE] == '-' || line[CODE_SIZE] == ' ')) {
		*code = (line[0] - '0') * 1000 + (line[1] - '0') * 100 + (line[2] - '0') * 10 +
			(line[3] - '0');
		return line + CODE_SIZE + 1;
	}
	*code = -1;
	return line;
}

static char *trim(char *s)
{
	char *end;

	while (*s == ' ' || *s == '\t')
		s++;
	for (end = s + strlen(s); end > s && (end[-1] == ' ' || end[-1] == '\t'); end--)
		;
	*end = '\0';
	return s;
}

/* The next word, ended by a NUL; "" at the end. */
static char *word(char **s)
{
	char *w;

	while (**s == ' ' || **s == '\t')
		(*s)++;
	w = *s;
	while (**s && **s != ' ' && **s != '\t')
		(*s)++;
	if (**s)
		*(*s)++ = '\0';
	return w;
}

static int64_t add_count(int64_t sum, int64_t n)
{
	if (sum == REPLY_NOT)
		return n;
	return n > INT64_MAX - sum ? INT64_MAX : sum + n;
}

/* A decimal number without sign at the front of 's', or REPLY_NOT. */
static int64_t number(const char *s)
{
	int64_t n = 0;

	if (*s < '0' || *s > '9')
		return REPLY_NOT;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (n > (INT64_MAX - 9) / 10)
			return REPLY_NOT;
		n = n * 10 + (*s - '0');
	}
	return n;
}

/* ---- show protocols all ------------------------------------------------------------------- */

/* "3 imported, 1 filtered, 5 exported, 2 preferred" */
static void take_routes(struct reply_protocol *p, char *s)
{
	for (char *part = s; part;) {
		char *comma = strchr(part, ','), *w = part;
		int64_t n;

		if (comma)
			*comma = '\0';
		n = number(word(&w));
		w = word(&w);
		if (n != REPLY_NOT && strcmp(w, "imported") == 0)
			p->imported = add_count(p->imported, n);
		else if (n != REPLY_NOT && strcmp(w, "filtered") == 0)
			p->filtered = add_count(p->filtered, n);
		else if (n != REPLY_NOT && strcmp(w, "exported") == 0)
			p->exported = add_count(p->exported, n);
		part = comma ? comma + 1 : NULL;
	}
}

static void take_detail(struct reply_protocol *p, char *line)
{
	struct {
		const char *key;
		const char **value;
	} keys[] = {
		{ "Description", &p->description },
		{ "VRF", &p->vrf },
		{ "Message", &p->error },
		{ "BGP state", &p->bgp_state },
		{ "Neighbor address", &p->neighbor },
		{ "Neighbor AS", &p->neighbor_as },
		{ "Last error", &p->error },
	};
	char *colon = strchr(line, ':'), *key, *value;

	if (!colon)
		return;
	*colon = '\0';
	key = trim(line);
	value = trim(colon + 1);
	if (strcmp(key, "Routes") == 0) {
		take_routes(p, value);
		return;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i].key) == 0)
			*keys[i].value = value;
}

static struct reply_protocol head(char *line)
{
	struct reply_protocol p = {
		.vrf = "",
		.description = "",
		.error = "",
		.bgp_state = "",
		.neighbor = "",
		.neighbor_as = "",
		.imported = REPLY_NOT,
		.filtered = REPLY_NOT,
		.exported = REPLY_NOT,
	};
	char *second;

	p.name = word(&line);
	p.type = word(&line);
	(void) word(&line); /* its table */
	p.state = word(&line);
	p.since = word(&line);
	/* "2026-11-20 12:33:11" is two words. */
	second = line;
	while (*second == ' ')
		second++;
	if (strchr(p.since, '-') && isdigit((unsigned char) second[0]) && strlen(second) >= 8 &&
	    second[2] == ':' && second[5] == ':') {
		char *gap = line - 1;

		line = second;
		(void) word(&line);
		/* Back to one piece: the word in front ended at 'gap'. */
		memset(gap, ' ', (size_t) (second - gap));
	}
	p.info = trim(line);
	return p;
}

int reply_protocols(char *text, reply_protocol_fn *fn, void *data)
{
	struct reply_protocol p = { 0 };
	bool open = false;
	int n = 0, code = -1;
	char *line;

	while ((line = next_line(&text, &code))) {
		if (code >= CODE_REFUSED)
			return -EOPNOTSUPP;
		if (code < 0)
			return -EBADMSG;
		if (code == CODE_DETAILS && open)
			take_detail(&p, line);
		if (code != CODE_PROTOCOL)
			continue;
		if (open)
			fn(&p, data);
		p = head(line);
		open = p.name[0] && p.state[0];
		n += open;
	}
	if (open)
		fn(&p, data);
	return code == 0 ? n : -EBADMSG;
}

/* ---- show route count, show status -------------------------------------------------------- */

/* "4 of 4 routes for 4 networks in table master4" */
int reply_tables(char *text, reply_table_fn *fn, void *data)
{
	int n = 0, code = -1;
	char *line;

	while ((line = next_line(&text, &code))) {
		struct reply_table t;
		char *w = line;

		if (code >= CODE_REFUSED)
			return -EOPNOTSUPP;
		if (code < 0)
			return -EBADMSG;
		if (code != CODE_COUNT)
			continue;
		t.routes = number(word(&w));
		(void) word(&w);
		(void) word(&w);
		(void) word(&w);
		if (strcmp(word(&w), "for") != 0)
			continue;
		t.prefixes = number(word(&w));
		(void) word(&w);
		(void) word(&w);
		if (strcmp(word(&w), "table") != 0)
			continue;
		t.name = word(&w);
		if (!t.name[0] || t.routes == REPLY_NOT || t.prefixes == REPLY_NOT)
			continue;
		fn(&t, data);
		n++;
	}
	return code == CODE_TOTAL || code == CODE_COUNT || code == 0 ? n : -EBADMSG;
}

static char *behind(char *line, const char *words)
{
	line = trim(line);
	return strncmp(line, words, strlen(words)) == 0 ? line + strlen(words) : NULL;
}

int reply_status(char *text, struct reply_status *ret)
{
	struct reply_status s = { "", "", "" };
	int code = -1;
	char *line, *rest;

	while ((line = next_line(&text, &code))) {
		if (code >= CODE_REFUSED)
			return -EOPNOTSUPP;
		if (code < 0)
			return -EBADMSG;
		if (code == CODE_VERSION && (rest = behind(line, "BIRD ")))
			s.version = rest;
		if (code == CODE_STATUS && (rest = behind(line, "Current server time is ")))
			s.now = rest;
		if (code == CODE_STATUS && (rest = behind(line, "Last reconfiguration on ")))
			s.reconfigured = rest;
	}
	if (!s.version[0])
		return -EBADMSG;
	*ret = s;
	return 0;
}

/* ---- times -------------------------------------------------------------------------------- */

#define DAY_S 86400

/* Seconds; of a time without a date those since midnight, and '*ret_dated' is false. */
static int read_time(const char *text, double *ret, bool *ret_dated)
{
	struct tm t = { .tm_mday = 1 };
	double s = 0;
	int y, used = 0;

	*ret_dated =
		sscanf(text, "%4d-%2d-%2d%n", &y, &t.tm_mon, &t.tm_mday, &used) == 3 && used == 10;
	if (*ret_dated &&
	    (y < 1970 || t.tm_mon < 1 || t.tm_mon > 12 || t.tm_mday < 1 || t.tm_mday > 31))
		return -EINVAL;
	text += *ret_dated ? used : 0;
	if (!*ret_dated || *text) {
		if (sscanf(text, "%2d:%2d:%6lf%n", &t.tm_hour, &t.tm_min, &s, &used) != 3 ||
		    t.tm_hour < 0 || t.tm_hour > 23 || t.tm_min < 0 || t.tm_min > 59 ||
		    !(s >= 0 && s < 61))
			return -EINVAL;
	}
	if (!*ret_dated) {
		*ret = t.tm_hour * 3600 + t.tm_min * 60 + s;
		return 0;
	}
	t.tm_year = y - 1900;
	t.tm_mon--;
	*ret = (double) timegm(&t) + s;
	return 0;
}

int reply_age(const char *now, const char *then, int64_t *ret_us)
{
	bool now_dated, dated;
	double n, t, age;

	if (read_time(now, &n, &now_dated) < 0 || read_time(then, &t, &dated) < 0 || !now_dated)
		return -EINVAL;
	if (dated) {
		age = n - t;
	} else {
		age = fmod(n, DAY_S) - t;
		if (age < -1) /* before midnight */
			age += DAY_S;
	}
	if (age < 0) /* a clock that was set, or rounded */
		age = 0;
	*ret_us = (int64_t) (age * 1e6 + 0.5);
	return 0;
}
