/*
 * lease - readers of three clients' lease files.
 *
 * Design.  Each file is walked once, line by line, statement by statement or option by option; what
 * is not known is passed over, so that options of a later version do no harm.
 */
#include "lease.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BOOTP_YIADDR  16
#define BOOTP_SIZE    236
#define OPTION_TIME   51
#define OPTION_SERVER 54

static struct lease fresh(void)
{
	return (struct lease){ .lifetime_s = LEASE_NOT, .expires_s = LEASE_NOT };
}

static bool is(const char *word, size_t len, const char *want)
{
	return strlen(want) == len && memcmp(word, want, len) == 0;
}

static int64_t number(const char *s, size_t len)
{
	int64_t n = 0;

	if (len == 0 || len > 15)
		return LEASE_NOT;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return LEASE_NOT;
		n = n * 10 + (s[i] - '0');
	}
	return n;
}

static void take_address(struct anod_prefix *p, const char *s, size_t len)
{
	char text[INET_ADDRSTRLEN];

	if (len == 0 || len >= sizeof(text))
		return;
	memcpy(text, s, len);
	text[len] = '\0';
	memset(p, 0, sizeof(*p));
	if (inet_pton(AF_INET, text, p->addr) != 1)
		return;
	p->family = AF_INET;
	p->len = 32;
}

/* DHCP's word for "for ever" is all ones. */
static int64_t lifetime(int64_t s)
{
	return s == UINT32_MAX ? LEASE_FOREVER : s;
}

/* ---- systemd-networkd --------------------------------------------------------------------- */

int lease_networkd(const char *text, size_t size, struct lease *ret)
{
	const char *end = text + size;
	struct lease l = fresh();

	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t) (end - text));
		const char *eq, *stop = eol ? eol : end;

		eq = memchr(text, '=', (size_t) (stop - text));
		if (eq && text[0] != '#') {
			size_t n = (size_t) (eq - text), len = (size_t) (stop - eq - 1);

			if (is(text, n, "ADDRESS"))
				take_address(&l.address, eq + 1, len);
			else if (is(text, n, "SERVER_ADDRESS"))
				take_address(&l.server, eq + 1, len);
			else if (is(text, n, "LIFETIME"))
				l.lifetime_s = lifetime(number(eq + 1, len));
		}
		text = stop + 1;
	}
	if (!l.address.family)
		return -EBADMSG;
	*ret = l;
	return 0;
}

/* ---- dhclient ----------------------------------------------------------------------------- */

struct cursor {
	const char *at, *end;
};

/* The next word, string or mark ('{', '}', ';'); its length, 0: the end.  Quotes are left out. */
static size_t token(struct cursor *c, const char **ret)
{
	while (c->at < c->end && (strchr(" \t\r\n", *c->at) || *c->at == '#')) {
		if (*c->at == '#')
			while (c->at < c->end && *c->at != '\n')
				c->at++;
		else
			c->at++;
	}
	if (c->at >= c->end)
		return 0;
	*ret = c->at;
	if (*c->at == '"') {
		const char *begin = ++c->at;

		while (c->at < c->end && *c->at != '"')
			c->at += *c->at == '\\' && c->at + 1 < c->end ? 2 : 1;
		*ret = begin;
		if (c->at >= c->end)
			return 0;
		c->at++;
		if (c->at - 1 > begin)
			return (size_t) (c->at - 1 - begin);
		*ret = begin - 1; /* of "" the mark itself: 0 is the end */
		return 1;
	}
	if (*c->at && strchr("{};", *c->at)) {
		c->at++;
		return 1;
	}
	do
		c->at++;
	while (c->at < c->end && (!*c->at || !strchr(" \t\r\n{};\"", *c->at)));
	return (size_t) (c->at - *ret);
}

/* "2 2026/11/24 05:00:00", "epoch 1795412965", "never". */
static int64_t read_date(struct cursor *c)
{
	const char *w, *clock;
	struct tm t = { 0 };
	size_t n = token(c, &w), m;
	char text[40];

	if (n == 0 || is(w, n, ";") || is(w, n, "never"))
		return LEASE_NOT;
	if (is(w, n, "epoch")) {
		n = token(c, &w);
		return number(w, n);
	}
	n = token(c, &w);
	m = n ? token(c, &clock) : 0;
	if (n != 10 || m != 8)
		return LEASE_NOT;
	(void) snprintf(text, sizeof(text), "%.10s %.8s", w, clock);
	if (sscanf(text, "%4d/%2d/%2d %2d:%2d:%2d", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour,
		   &t.tm_min, &t.tm_sec) != 6 ||
	    t.tm_year < 1970 || t.tm_mon < 1 || t.tm_mon > 12)
		return LEASE_NOT;
	t.tm_year -= 1900;
	t.tm_mon--;
	return timegm(&t);
}

/* One statement of a lease, whose first word is read; up to its ';'. */
static void statement(struct cursor *c, struct lease *l, const char *w, size_t n)
{
	bool option = is(w, n, "option");
	const char *v = w;
	size_t len;

	if (option) {
		n = token(c, &w);
		if (n == 0 || is(w, n, ";"))
			return;
	}
	if (is(w, n, "expire")) {
		l->expires_s = read_date(c);
	} else {
		struct cursor before = *c;

		len = token(c, &v);
		if (len && is(v, len, ";")) {
			*c = before;
		} else if (is(w, n, "interface") && len && len < sizeof(l->dev)) {
			memset(l->dev, 0, sizeof(l->dev));
			memcpy(l->dev, v, len);
		} else if (is(w, n, "fixed-address")) {
			take_address(&l->address, v, len);
		} else if (option && is(w, n, "dhcp-server-identifier")) {
			take_address(&l->server, v, len);
		} else if (option && is(w, n, "dhcp-lease-time")) {
			l->lifetime_s = lifetime(number(v, len));
		}
	}
	while ((len = token(c, &v)) && !is(v, len, ";"))
		if (is(v, len, "}")) { /* a ';' is missing */
			c->at--;
			return;
		}
}

int lease_dhclient(const char *text, size_t size, lease_fn *fn, void *data)
{
	struct cursor c = { text, text + size };
	struct lease l = fresh();
	bool open = false;
	const char *w;
	int count = 0;
	size_t n;

	while ((n = token(&c, &w))) {
		if (is(w, n, "{")) {
			l = fresh();
			open = true;
		} else if (is(w, n, "}")) {
			if (open && l.dev[0] && l.address.family) {
				fn(&l, data);
				count++;
			}
			open = false;
		} else if (open && !is(w, n, ";")) {
			statement(&c, &l, w, n);
		}
	}
	return count;
}

/* ---- dhcpcd ------------------------------------------------------------------------------- */

static int64_t u32(const uint8_t *p)
{
	return (int64_t) p[0] << 24 | (int64_t) p[1] << 16 | (int64_t) p[2] << 8 | p[3];
}

static struct anod_prefix address4(const uint8_t *p)
{
	struct anod_prefix a = { .family = AF_INET, .len = 32 };

	memcpy(a.addr, p, 4);
	return a;
}

int lease_dhcpcd(const uint8_t *data, size_t size, struct lease *ret)
{
	static const uint8_t cookie[4] = { 99, 130, 83, 99 };
	struct lease l = fresh();
	size_t at = BOOTP_SIZE + sizeof(cookie);

	/* op BOOTREPLY, and the cookie of RFC 2132. */
	if (size < at || data[0] != 2 || memcmp(data + BOOTP_SIZE, cookie, sizeof(cookie)) != 0)
		return -EBADMSG;
	l.address = address4(data + BOOTP_YIADDR);
	while (at < size && data[at] != 255) {
		size_t len;

		if (data[at] == 0) {
			at++;
			continue;
		}
		if (at + 2 > size || at + 2 + data[at + 1] > size)
			return -EBADMSG;
		len = data[at + 1];
		if (data[at] == OPTION_TIME && len == 4)
			l.lifetime_s = lifetime(u32(data + at + 2));
		else if (data[at] == OPTION_SERVER && len == 4)
			l.server = address4(data + at + 2);
		at += 2 + len;
	}
	*ret = l;
	return 0;
}
