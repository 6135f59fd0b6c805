#include "infer/endpoint.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static char dir[] = "/tmp/anod-key-XXXXXX", path[64], why[256];

static void key_file(const char *text, size_t size, mode_t mode)
{
	int fd;

	(void) unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	cr_assert(fd >= 0);
	cr_assert(eq(sz, (size_t) write(fd, text, size), size));
	cr_assert(eq(int, fchmod(fd, mode), 0));
	close(fd);
}

static void make_dir(void)
{
	cr_assert(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/key", dir);
}

static void remove_dir(void)
{
	(void) unlink(path);
	(void) rmdir(dir);
}

TestSuite(endpoint, .init = make_dir, .fini = remove_dir);

Test(endpoint, reads_a_key_that_only_its_owner_can_read)
{
	char *key = NULL;

	key_file(" \n sk-123\r\n", 11, 0600);
	cr_assert(eq(int, key_read(path, &key, why, sizeof(why)), 0), "%s", why);
	cr_expect(eq(str, key, "sk-123"));
	key_free(key);

	key_file("sk-123\n", 7, 0640);
	cr_expect(eq(int, key_read(path, &key, why, sizeof(why)), -EACCES));
	cr_expect(eq(int, strstr(why, "chmod 600") && strstr(why, path), 1), "%s", why);
	cr_expect(eq(int, strstr(why, "sk-123") == NULL, 1));
}

Test(endpoint, refuses_odd_key_files)
{
	static char big[ENDPOINT_KEY_MAX + 1];
	char link[80], *key = NULL;

	cr_expect(eq(int, key_read(dir, &key, why, sizeof(why)), -EACCES), "a folder");
	cr_expect(eq(int, key_read("/nonexistent/key", &key, why, sizeof(why)), -ENOENT));
	snprintf(link, sizeof(link), "%s/link", dir);
	key_file("sk\n", 3, 0600);
	cr_assert(eq(int, symlink(path, link), 0));
	cr_expect(eq(int, key_read(link, &key, why, sizeof(why)), -EACCES));
	(void) unlink(link);

	key_file("", 0, 0600);
	cr_expect(eq(int, key_read(path, &key, why, sizeof(why)), -EACCES), "empty");
	key_file("a\r\nX-Evil: 1\n", 13, 0600);
	cr_expect(eq(int, key_read(path, &key, why, sizeof(why)), -EACCES), "two lines");
	key_file("a\0b", 3, 0600);
	cr_expect(eq(int, key_read(path, &key, why, sizeof(why)), -EACCES), "a NUL");
	memset(big, 'k', sizeof(big));
	key_file(big, sizeof(big), 0600);
	cr_expect(eq(int, key_read(path, &key, why, sizeof(why)), -EACCES), "large");
	if (geteuid() == 0) {
		key_file("sk\n", 3, 0600);
		cr_assert(eq(int, chown(path, 65534, 65534), 0));
		cr_expect(eq(int, key_read(path, &key, why, sizeof(why)), -EACCES), "another's");
	}
}

static const struct anod_dialect dialect = {
	.name = "openai",
	.path = "/chat/completions",
	.auth_header = "Authorization: Bearer %s",
};

static int prepare(const char *url, bool with_key, char *ret_url, size_t size)
{
	struct endpoint e = { .dialect = &dialect,
			      .name = "e",
			      .url = url,
			      .model = "m",
			      .key_file = with_key ? path : NULL };
	_cleanup_(key_freep) char *header = NULL;
	_cleanup_(freep) char *full = NULL;
	int r = endpoint_prepare(&e, &full, &header, why, sizeof(why));

	if (r == 0) {
		snprintf(ret_url, size, "%s", full);
		cr_expect(eq(int, header != NULL, with_key));
		if (header)
			cr_expect(eq(str, header, "Authorization: Bearer sk%s%d"));
	}
	return r;
}

Test(endpoint, sends_a_key_over_tls_or_to_this_machine_only)
{
	static const char *const may[] = { "https://models.example/v1", "http://127.0.0.1:8080/v1",
					   "http://localhost/v1/",	"http://[::1]:1/v1",
					   "http://127.9.9.9/v1",	"HTTP://LOCALHOST/v1" };
	static const char *const may_not[] = { "http://192.0.2.1/v1",
					       "http://models.example/v1",
					       "http://127.0.0.1.evil.example/v1",
					       "http://localhost.evil.example/v1",
					       "http://[::ffff:192.0.2.1]/v1",
					       "http://128.0.0.1/v1" };
	char url[256];

	key_file("sk%s%d", 6, 0600); /* no format either */
	for (size_t i = 0; i < ARRAY_SIZE(may); i++)
		cr_expect(eq(int, prepare(may[i], true, url, sizeof(url)), 0), "%s: %s", may[i],
			  why);
	for (size_t i = 0; i < ARRAY_SIZE(may_not); i++) {
		cr_expect(eq(int, prepare(may_not[i], true, url, sizeof(url)), -EACCES), "%s",
			  may_not[i]);
		cr_expect(eq(int, strstr(why, "use https") != NULL, 1), "%s", why);
		cr_expect(eq(int, prepare(may_not[i], false, url, sizeof(url)), 0));
	}
}

Test(endpoint, joins_and_checks_urls)
{
	static const char *const bad[] = { "",
					   "no url at all",
					   "ftp://h/v1",
					   "file:///etc/passwd",
					   "http://user:pw@h/v1",
					   "http://127.0.0.1@evil.example/",
					   "http://h/v1?x=1",
					   "http://h/v1#x",
					   "gopher://h/",
					   "http://" };
	char url[256];

	cr_expect(eq(int, prepare("http://h:8080/v1//", false, url, sizeof(url)), 0));
	cr_expect(eq(str, url, "http://h:8080/v1/chat/completions"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect(eq(int, prepare(bad[i], false, url, sizeof(url)), -EINVAL), "%s", bad[i]);
}
