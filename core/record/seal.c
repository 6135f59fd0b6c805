/*
 * seal - the evolving key of a ledger, and the small file that it lives in.
 *
 * Design.  The file is written in place and never made anew, so a full disk does not stop it: its
 * blocks are there.  Numbers are in network byte order; a copy has a sector to itself.
 */
#include "record/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"

#define COPY_SIZE 512
enum {
	AT_EPOCH = 8,
	AT_INDEX = 16,
	AT_N = 24,
	AT_LOST = 32,
	AT_KEY = 40,
	AT_BOOT = AT_KEY + SEAL_KEY,
	AT_CRC = AT_BOOT + SEAL_BOOT,
	STATE_SIZE = AT_CRC + 4,
};
_Static_assert(STATE_SIZE <= COPY_SIZE, "a copy fits into its sector");

static const uint8_t magic[AT_EPOCH] = "ANODKEY1";
static const char next_tag[] = "anod ledger next key 1"; /* with their NULs */
static const char seed_tag[] = "anod ledger seed 1";

/* ---- keys --------------------------------------------------------------------------------- */

static void tagged(const char *tag, size_t size, const uint8_t key[SEAL_KEY], uint8_t ret[SEAL_KEY])
{
	crypto_hash_sha256_state s;

	(void) crypto_hash_sha256_init(&s);
	(void) crypto_hash_sha256_update(&s, (const unsigned char *) tag, size);
	(void) crypto_hash_sha256_update(&s, key, SEAL_KEY);
	(void) crypto_hash_sha256_final(&s, ret);
	sodium_memzero(&s, sizeof(s));
}

void seal_evolve(struct seal *s, uint64_t steps)
{
	uint8_t next[SEAL_KEY];

	for (uint64_t i = 0; i < steps; i++) {
		tagged(next_tag, sizeof(next_tag), s->key, next);
		memcpy(s->key, next, sizeof(next));
	}
	sodium_memzero(next, sizeof(next));
	s->index += steps;
}

void seal_mac(const struct seal *s, const uint8_t sum[SEAL_KEY], uint8_t ret[SEAL_KEY])
{
	(void) crypto_auth_hmacsha256(ret, sum, SEAL_KEY, s->key);
}

void seal_name(const uint8_t key[SEAL_KEY], uint8_t ret[SEAL_KEY])
{
	tagged(seed_tag, sizeof(seed_tag), key, ret);
}

/* ---- the file ----------------------------------------------------------------------------- */

static bool take_copy(const uint8_t *at, struct seal *ret)
{
	uint32_t crc = crc32c(0, at, AT_CRC);
	const uint8_t end[4] = { (uint8_t) (crc >> 24), (uint8_t) (crc >> 16), (uint8_t) (crc >> 8),
				 (uint8_t) crc };

	if (memcmp(at, magic, sizeof(magic)) != 0 || memcmp(at + AT_CRC, end, sizeof(end)) != 0)
		return false;
	ret->epoch = get_be64(at + AT_EPOCH);
	ret->index = get_be64(at + AT_INDEX);
	ret->n = get_be64(at + AT_N);
	ret->lost = get_be64(at + AT_LOST);
	memcpy(ret->key, at + AT_KEY, SEAL_KEY);
	memcpy(ret->boot, at + AT_BOOT, SEAL_BOOT);
	ret->boot[SEAL_BOOT - 1] = '\0';
	return true;
}

static bool newer(const struct seal *a, const struct seal *b)
{
	if (a->epoch != b->epoch)
		return a->epoch > b->epoch;
	return a->index > b->index;
}

int seal_open(int dir_fd, struct seal *ret)
{
	struct seal a = { .fd = -1 }, b = { .fd = -1 };
	uint8_t in[2 * COPY_SIZE] = { 0 };
	_cleanup_(closep) int fd = openat(dir_fd, SEAL_KEY_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	bool has_a, has_b;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = pread(fd, in, sizeof(in), 0);
	if (n < 0)
		return -errno;
	has_a = take_copy(in, &a);
	has_b = take_copy(in + COPY_SIZE, &b);
	sodium_memzero(in, sizeof(in));
	if (has_a || has_b) {
		*ret = !has_b || (has_a && newer(&a, &b)) ? a : b;
		ret->fd = TAKE_FD(fd);
	}
	sodium_memzero(a.key, SEAL_KEY);
	sodium_memzero(b.key, SEAL_KEY);
	return has_a || has_b ? 0 : -EBADMSG;
}

int seal_store(const struct seal *s)
{
	uint8_t out[2 * COPY_SIZE] = { 0 };
	uint32_t crc;
	ssize_t n;
	int r;

	memcpy(out, magic, sizeof(magic));
	put_be64(out + AT_EPOCH, s->epoch);
	put_be64(out + AT_INDEX, s->index);
	put_be64(out + AT_N, s->n);
	put_be64(out + AT_LOST, s->lost);
	memcpy(out + AT_KEY, s->key, SEAL_KEY);
	memcpy(out + AT_BOOT, s->boot, SEAL_BOOT);
	crc = crc32c(0, out, AT_CRC);
	for (unsigned i = 0; i < 4; i++)
		out[AT_CRC + i] = (uint8_t) (crc >> (24 - 8 * i));
	memcpy(out + COPY_SIZE, out, COPY_SIZE);

	n = pwrite(s->fd, out, sizeof(out), 0);
	r = n < 0 ? -errno : n == sizeof(out) ? 0 : -EIO;
	sodium_memzero(out, sizeof(out));
	return r;
}

int seal_sync(const struct seal *s)
{
	return s->fd >= 0 && fdatasync(s->fd) < 0 ? -errno : 0;
}

void seal_done(struct seal *s)
{
	closep(&s->fd);
	s->fd = -1;
	sodium_memzero(s->key, SEAL_KEY);
}

/* Behind the seeds that nobody has taken yet. */
static int keep_seed(const struct seal *s, int dir_fd)
{
	_cleanup_(closep) int fd =
		openat(dir_fd, SEAL_SEED_FILE,
		       O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	char hex[2 * SEAL_KEY + 1], line[160];
	int n, r = 0;

	if (fd < 0)
		return -errno;
	(void) sodium_bin2hex(hex, sizeof(hex), s->key, SEAL_KEY);
	n = snprintf(line, sizeof(line), "anod-seed epoch %" PRIu64 " line %" PRIu64 " %s\n",
		     s->epoch, s->n, hex);
	if (write(fd, line, (size_t) n) != n)
		r = -ENOSPC;
	else if (fsync(fd) < 0)
		r = -errno;
	sodium_memzero(hex, sizeof(hex));
	sodium_memzero(line, sizeof(line));
	return r;
}

int seal_begin(struct seal *s, int dir_fd, uint64_t epoch, uint64_t n)
{
	int r;

	seal_done(s);
	if (sodium_init() < 0)
		return -EIO;
	*s = (struct seal){ .fd = -1, .epoch = epoch, .n = n };
	(void) copy_text(s->boot, sizeof(s->boot), clock_boot_id());
	randombytes_buf(s->key, SEAL_KEY);
	r = keep_seed(s, dir_fd);
	if (r >= 0) {
		s->fd = openat(dir_fd, SEAL_KEY_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			       0600);
		r = s->fd < 0 ? -errno : seal_store(s);
	}
	if (r >= 0 && (fsync(s->fd) < 0 || fsync(dir_fd) < 0))
		r = -errno;
	if (r < 0)
		seal_done(s);
	return r;
}
