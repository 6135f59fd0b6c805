/*
 * signer - the Ed25519 key that signs a ledger's checkpoints, and its file.
 *
 * Design.  The file is replaced as a whole by a synced one: it changes at the first start and when
 * an operator rotates the key, never while something waits for the loop.
 */
#include "record/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>

#define TITLE	  "anod ledger signing key 1"
#define FILE_SIZE 512

void signer_wipe(struct signer *s)
{
	sodium_memzero(s, sizeof(*s));
}

static void set_keys(uint8_t pub[NOTE_PUBLIC], uint8_t secret[NOTE_SECRET],
		     const uint8_t seed[SIGNER_SEED])
{
	(void) crypto_sign_seed_keypair(pub, secret, seed);
}

static bool parse_hex(const char *text, uint8_t ret[SIGNER_SEED])
{
	size_t n;

	return strlen(text) == 2 * SIGNER_SEED &&
	       sodium_hex2bin(ret, SIGNER_SEED, text, 2 * SIGNER_SEED, NULL, &n, NULL) == 0 &&
	       n == SIGNER_SEED;
}

static bool parse_line(struct signer *s, const char *word, const char *value)
{
	uint8_t seed[SIGNER_SEED];
	bool good = true;

	if (strcmp(word, "origin") == 0) {
		good = note_origin_good(value) && copy_text(s->origin, NOTE_ORIGIN, value);
	} else if (strcmp(word, "told") == 0) {
		s->told = strcmp(value, "yes") == 0;
	} else if (strcmp(word, "secret") == 0) {
		good = parse_hex(value, seed);
		if (good)
			set_keys(s->pub, s->secret, seed);
	} else if (strcmp(word, "next") == 0) {
		good = parse_hex(value, seed);
		if (good)
			set_keys(s->next_pub, s->next_secret, seed);
		s->rotating = true;
	} else {
		good = false;
	}
	sodium_memzero(seed, sizeof(seed));
	return good;
}

static int parse(char *text, struct signer *s)
{
	bool secret = false;
	char *line = strsep(&text, "\n");

	if (strcmp(line, TITLE) != 0)
		return -EBADMSG;
	while ((line = strsep(&text, "\n")) && *line) {
		char *value = strchr(line, ' ');

		if (!value || !text) /* the last line has its end, too */
			return -EBADMSG;
		*value = '\0';
		secret = secret || strcmp(line, "secret") == 0;
		if (!parse_line(s, line, value + 1))
			return -EBADMSG;
	}
	return s->origin[0] && secret ? 0 : -EBADMSG;
}

int signer_read(int dir_fd, struct signer *ret)
{
	_cleanup_(closep) int fd = openat(dir_fd, SIGNER_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[FILE_SIZE];
	struct signer s = { 0 };
	ssize_t n;
	int r;

	if (fd < 0)
		return -errno;
	if (sodium_init() < 0)
		return -EIO;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	r = parse(text, &s);
	if (r >= 0)
		*ret = s;
	sodium_memzero(text, sizeof(text));
	signer_wipe(&s);
	return r;
}

int signer_write(int dir_fd, const struct signer *s)
{
	char secret[2 * SIGNER_SEED + 1], next[2 * SIGNER_SEED + 1], text[FILE_SIZE];
	_cleanup_(closep) int fd =
		openat(dir_fd, SIGNER_FILE ".new",
		       O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int n, r = 0;

	if (fd < 0)
		return -errno;
	/* The first half of libsodium's secret key is the seed (RFC 8032). */
	(void) sodium_bin2hex(secret, sizeof(secret), s->secret, SIGNER_SEED);
	(void) sodium_bin2hex(next, sizeof(next), s->next_secret, SIGNER_SEED);
	n = snprintf(text, sizeof(text), TITLE "\norigin %s\nsecret %s\ntold %s\n%s%s%s", s->origin,
		     secret, s->told ? "yes" : "no", s->rotating ? "next " : "",
		     s->rotating ? next : "", s->rotating ? "\n" : "");
	if (write(fd, text, (size_t) n) != n)
		r = -ENOSPC;
	else if (fsync(fd) < 0 || renameat(dir_fd, SIGNER_FILE ".new", dir_fd, SIGNER_FILE) < 0 ||
		 fsync(dir_fd) < 0)
		r = -errno;
	sodium_memzero(text, sizeof(text));
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(next, sizeof(next));
	if (r < 0)
		(void) unlinkat(dir_fd, SIGNER_FILE ".new", 0);
	return r;
}

int signer_make(int dir_fd, const char *name, struct signer *ret)
{
	char host[32], origin[NOTE_ORIGIN];
	struct signer s = { 0 };
	size_t n = 0;
	int r;

	if (sodium_init() < 0)
		return -EIO;
	(void) crypto_sign_keypair(s.pub, s.secret);
	for (; n < sizeof(host) - 1 && name[n]; n++)
		host[n] = name[n] > ' ' && name[n] <= '~' && name[n] != '+' && name[n] != '/'
				  ? name[n]
				  : '-';
	host[n] = '\0';
	(void) snprintf(origin, sizeof(origin), "anod/%s/%02x%02x%02x%02x", n ? host : "-",
			s.pub[0], s.pub[1], s.pub[2], s.pub[3]);
	(void) copy_text(s.origin, sizeof(s.origin), origin);
	r = signer_write(dir_fd, &s);
	if (r >= 0)
		*ret = s;
	signer_wipe(&s);
	return r;
}

int signer_rotate(int dir_fd, struct signer *s)
{
	int r;

	(void) crypto_sign_keypair(s->next_pub, s->next_secret);
	s->rotating = true;
	r = signer_write(dir_fd, s);
	if (r < 0)
		s->rotating = false;
	return r;
}

int signer_rotate_end(int dir_fd, struct signer *s)
{
	memcpy(s->pub, s->next_pub, sizeof(s->pub));
	memcpy(s->secret, s->next_secret, sizeof(s->secret));
	sodium_memzero(s->next_secret, sizeof(s->next_secret));
	s->rotating = false;
	s->told = true;
	return signer_write(dir_fd, s);
}
