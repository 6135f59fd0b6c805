/*
 * call_url - what an engineer writes as a service's address.
 *
 * Design.  No general parser of URLs: a scheme, a literal address, a port and a path are all that
 * can be called, and each thing that cannot be has a sentence that says what to write.
 */
#include <anod/call.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(char *why, const char *what)
{
	(void) snprintf(why, ANOD_REASON_SIZE, "%s", what);
	return -EINVAL;
}

/* The end of the address in 'at', which is copied; NULL: it is too long or not closed. */
static const char *take_address(const char *at, char *ret, size_t size)
{
	bool bracket = *at == '[';
	size_t n = bracket ? strcspn(++at, "]") : strcspn(at, ":/");

	if (n >= size || (bracket && at[n] != ']'))
		return NULL;
	memcpy(ret, at, n);
	ret[n] = '\0';
	return at + n + bracket;
}

static bool take_port(const char **at, uint16_t *ret)
{
	unsigned long n;
	char *end;

	if (**at != ':')
		return true;
	n = strtoul(*at + 1, &end, 10);
	if (end == *at + 1 || (*at)[1] == '-' || (*at)[1] == '+' || n == 0 || n > UINT16_MAX)
		return false;
	*at = end;
	*ret = (uint16_t) n;
	return true;
}

static bool is_path(const char *p)
{
	if (*p != '/' && *p != '\0')
		return false;
	for (; *p; p++)
		if (*p <= ' ' || *p > '~' || *p == '#')
			return false;
	return true;
}

int anod_call_url(const char *url, struct anod_call_spec *ret, char *why)
{
	bool tls = strncmp(url, "https://", 8) == 0;
	char address[INET6_ADDRSTRLEN];
	const char *at, *authority;

	memset(ret, 0, sizeof(*ret));
	if (!tls && strncmp(url, "http://", 7) != 0)
		return refuse(why, "begin with http:// or https://");
	authority = at = url + (tls ? 8 : 7);
	ret->port = tls ? 443 : 80;
	ret->ask = !tls;

	at = take_address(at, address, sizeof(address));
	if (!at)
		return refuse(why, "the address is too long, or its ']' is missing");
	ret->address.family = *authority == '[' ? AF_INET6 : AF_INET;
	ret->address.len = *authority == '[' ? 128 : 32;
	if (inet_pton(ret->address.family, address, ret->address.addr) != 1)
		return refuse(why, "write an address, not a name (192.0.2.1, [2001:db8::1]): "
				   "names are not resolved here");
	if (!take_port(&at, &ret->port))
		return refuse(why, "a port is a number from 1 to 65535");
	if (!is_path(at))
		return refuse(why, "a path begins with '/' and has no spaces and no '#'");
	if (strlen(at) >= sizeof(ret->path) || (size_t) (at - authority) >= sizeof(ret->host))
		return refuse(why, "too long: a path has at most 63 characters");

	(void) snprintf(ret->path, sizeof(ret->path), "%s", *at ? at : "/");
	memcpy(ret->host, authority, (size_t) (at - authority));
	return 0;
}
