/*
 * endpoint - where a model is asked, and the key that opens it.
 *
 * Design.  The URL is taken apart by libcurl's own parser, the one that will also connect, so that
 * what is judged here and what is connected to cannot differ ("http://127.0.0.1@evil/",
 * "0x7f.1").  libcurl keeps a copy of the header with the key inside its request buffer until the
 * connection is used again; that copy is out of our hands.
 */
#include "infer/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <curl/curl.h>

DEFINE_CLEANUP(CURLU *, curl_url_cleanup);

char *key_free(char *key)
{
	if (key)
		explicit_bzero(key, strlen(key));
	free(key);
	return NULL;
}

static int key_check_file(const char *path, const struct stat *st, char *why, size_t why_size)
{
	if (!S_ISREG(st->st_mode))
		snprintf(why, why_size, "key file %s is not a regular file", path);
	else if (st->st_uid != 0 && st->st_uid != geteuid())
		snprintf(why, why_size, "key file %s belongs to another user; chown root %s", path,
			 path);
	else if (st->st_mode & 077)
		snprintf(why, why_size, "key file %s is open to others; chmod 600 %s", path, path);
	else if (st->st_size > ENDPOINT_KEY_MAX)
		snprintf(why, why_size, "key file %s is larger than %d bytes", path,
			 ENDPOINT_KEY_MAX);
	else
		return 0;
	return -EACCES;
}

/* The key in 'text' without the white space around it, or NULL: it is none. */
static char *key_trim(char *text)
{
	static const char space[] = " \t\r\n";
	size_t n;

	text += strspn(text, space);
	for (n = strlen(text); n > 0 && strchr(space, text[n - 1]); n--)
		;
	text[n] = '\0';
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~')
			return NULL;
	return n > 0 ? text : NULL;
}

int key_read(const char *path, char **ret, char *why, size_t why_size)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char buf[ENDPOINT_KEY_MAX + 1], *key;
	struct stat st;
	ssize_t n;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0) {
		r = errno == ELOOP ? -EACCES : -errno;
		snprintf(why, why_size, "key file %s: %s", path,
			 errno == ELOOP ? "it is a symbolic link; name the file itself"
					: strerror(errno));
		return r;
	}
	r = key_check_file(path, &st, why, why_size);
	if (r < 0)
		return r;

	n = read(fd, buf, ENDPOINT_KEY_MAX);
	if (n < 0) {
		r = -errno;
		snprintf(why, why_size, "key file %s: %s", path, strerror(-r));
		return r;
	}
	buf[n] = '\0';
	key = strlen(buf) == (size_t) n ? key_trim(buf) : NULL;
	if (!key) {
		snprintf(why, why_size, "key file %s is not one line of printable characters",
			 path);
		r = -EACCES;
	} else {
		*ret = strdup(key);
		r = *ret ? 0 : -ENOMEM;
	}
	explicit_bzero(buf, sizeof(buf));
	return r;
}

bool host_is_loopback(const char *host)
{
	char plain[INET6_ADDRSTRLEN];
	struct in6_addr six;
	struct in_addr four;
	size_t n = strlen(host);

	if (strcasecmp(host, "localhost") == 0) /* libcurl never asks a resolver for it */
		return true;
	if (n > 2 && host[0] == '[' && host[n - 1] == ']' && n - 2 < sizeof(plain)) {
		memcpy(plain, host + 1, n - 2);
		plain[n - 2] = '\0';
		return inet_pton(AF_INET6, plain, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
	}
	return inet_pton(AF_INET, host, &four) == 1 && ntohl(four.s_addr) >> 24 == 127;
}

/* What the parser says of one part, compared without keeping it. */
static bool part_is(CURLU *u, CURLUPart part, const char *text)
{
	char *got = NULL;
	bool same = curl_url_get(u, part, &got, 0) == CURLUE_OK && strcasecmp(got, text) == 0;

	curl_free(got);
	return same;
}

static bool part_is_set(CURLU *u, CURLUPart part)
{
	char *got = NULL;
	bool set = curl_url_get(u, part, &got, 0) == CURLUE_OK;

	curl_free(got);
	return set;
}

static bool is_loopback(CURLU *u)
{
	char *host = NULL;
	bool yes = curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK && host_is_loopback(host);

	curl_free(host);
	return yes;
}

static int url_check(const struct endpoint *e, bool with_key, char *why, size_t why_size)
{
	_cleanup_(curl_url_cleanupp) CURLU *u = curl_url();
	bool tls;

	if (!u)
		return -ENOMEM;
	if (strlen(e->url) > ENDPOINT_URL_MAX ||
	    curl_url_set(u, CURLUPART_URL, e->url, CURLU_DISALLOW_USER) != CURLUE_OK) {
		snprintf(why, why_size,
			 "endpoint %s: the url is not of the form "
			 "https://host/path, without a user in it",
			 e->name);
		return -EINVAL;
	}
	tls = part_is(u, CURLUPART_SCHEME, "https");
	if (!tls && !part_is(u, CURLUPART_SCHEME, "http"))
		snprintf(why, why_size, "endpoint %s: the url is neither https nor http", e->name);
	else if (part_is_set(u, CURLUPART_QUERY) || part_is_set(u, CURLUPART_FRAGMENT))
		snprintf(why, why_size, "endpoint %s: the url has a query or fragment", e->name);
	else if (!tls && with_key && !is_loopback(u)) {
		snprintf(why, why_size,
			 "endpoint %s: the key is not sent over http to another "
			 "machine; use https",
			 e->name);
		return -EACCES;
	} else
		return 0;
	return -EINVAL;
}

/* "Authorization: Bearer %s" and the key.  The dialect's text is no format for printf(). */
static int header_make(const struct endpoint *e, const char *key, char **ret, char *why,
		       size_t why_size)
{
	const char *form = e->dialect->auth_header, *hole = form ? strstr(form, "%s") : NULL;
	size_t size;

	if (!hole) {
		snprintf(why, why_size, "endpoint %s: provider %s takes no key", e->name,
			 e->dialect->name);
		return -EINVAL;
	}
	size = strlen(form) + strlen(key) + 1;
	*ret = malloc(size);
	if (!*ret)
		return -ENOMEM;

	snprintf(*ret, size, "%.*s%s%s", (int) (hole - form), form, key, hole + 2);
	return 0;
}

int endpoint_prepare(const struct endpoint *e, char **ret_url, char **ret_header, char *why,
		     size_t why_size)
{
	_cleanup_(key_freep) char *key = NULL, *header = NULL;
	size_t n = strlen(e->url);
	char *url = NULL;
	int r;

	r = url_check(e, e->key_file != NULL, why, why_size);
	if (r >= 0 && e->key_file)
		r = key_read(e->key_file, &key, why, why_size);
	if (r >= 0 && key)
		r = header_make(e, key, &header, why, why_size);
	if (r < 0)
		return r;

	while (n > 0 && e->url[n - 1] == '/')
		n--;
	if (asprintf(&url, "%.*s%s", (int) n, e->url, e->dialect->path) < 0)
		return -ENOMEM;

	*ret_url = url;
	*ret_header = TAKE(header);
	return 0;
}
