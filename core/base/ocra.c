/*
 * ocra - response codes of people: OCRA, RFC 6287.
 *
 * Design.  libsodium has the HMAC; what is left is the layout of the input and the truncation of
 * RFC 4226.  Keys live in files and on the stack of whoever needs one just now, and are wiped
 * there: a daemon that kept them would hand them out with its first core dump.
 */
#include "base/ocra.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX 512 /* bytes of a key file */

void ocra_key_wipe(struct ocra_key *k)
{
	sodium_memzero(k, sizeof(*k));
}

/* RFC 4226 5.3: 31 bits from where the last four point to, as a decimal number. */
static void truncate_mac(const uint8_t mac[crypto_auth_hmacsha256_BYTES], char *ret)
{
	const uint8_t *at = mac + (mac[crypto_auth_hmacsha256_BYTES - 1] & 15);
	uint32_t n = (uint32_t) (at[0] & 0x7f) << 24 | (uint32_t) at[1] << 16 |
		     (uint32_t) at[2] << 8 | at[3];

	(void) snprintf(ret, OCRA_CODE_SIZE, "%08u", n % 100000000u);
}

void ocra_respond(const char *suite, const struct ocra_key *k, const void *input, size_t size,
		  char ret[OCRA_CODE_SIZE])
{
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state s;

	(void) crypto_auth_hmacsha256_init(&s, k->byte, k->size);
	(void) crypto_auth_hmacsha256_update(&s, (const uint8_t *) suite, strlen(suite) + 1);
	(void) crypto_auth_hmacsha256_update(&s, input, size);
	(void) crypto_auth_hmacsha256_final(&s, mac);
	truncate_mac(mac, ret);
	sodium_memzero(&s, sizeof(s));
	sodium_memzero(mac, sizeof(mac));
}

void ocra_code(const struct ocra_key *k, const uint8_t challenge[OCRA_CHALLENGE],
	       char ret[OCRA_CODE_SIZE])
{
	uint8_t question[OCRA_QUESTION] = { 0 };

	memcpy(question, challenge, OCRA_CHALLENGE);
	ocra_respond(OCRA_SUITE, k, question, sizeof(question), ret);
}

int ocra_key_parse(const char *text, size_t size, struct ocra_key *ret)
{
	static const char blank[] = " \t\r\n";
	struct ocra_key k = { 0 };
	const char *end = text;
	int r;

	while (size && strchr(blank, *text) && *text) {
		text++;
		size--;
	}
	while (size && strchr(blank, text[size - 1]) && text[size - 1])
		size--;

	r = sodium_hex2bin(k.byte, sizeof(k.byte), text, size, NULL, &k.size, &end);
	if (r == 0 && end == text + size && k.size >= OCRA_KEY_MIN) {
		*ret = k;
		r = 0;
	} else {
		r = -EBADMSG;
	}
	ocra_key_wipe(&k);
	return r;
}

static int check_file(int fd, uid_t owner, char *why, size_t why_size)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		(void) snprintf(why, why_size, "%s", strerror(errno));
		return -errno;
	}
	if (!S_ISREG(st.st_mode)) {
		(void) snprintf(why, why_size, "it is no regular file");
		return -EPERM;
	}
	if (st.st_uid != owner && st.st_uid != 0) {
		(void) snprintf(why, why_size, "it belongs to another user (uid %u); chown it",
				st.st_uid);
		return -EPERM;
	}
	if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		(void) snprintf(why, why_size, "others may use it (mode %04o); chmod 600",
				st.st_mode & 07777);
		return -EPERM;
	}
	return 0;
}

int ocra_key_read(const char *path, uid_t owner, struct ocra_key *ret, char *why, size_t why_size)
{
	_cleanup_(closep) int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	char text[FILE_MAX];
	ssize_t n;
	int r;

	if (fd < 0) {
		r = -errno;
		(void) snprintf(why, why_size, "%s",
				r == -ELOOP ? "it is a symbolic link" : strerror(-r));
		return r;
	}
	r = check_file(fd, owner, why, why_size);
	if (r < 0)
		return r;

	n = read(fd, text, sizeof(text));
	r = n < 0 ? -errno : ocra_key_parse(text, (size_t) n, ret);
	sodium_memzero(text, sizeof(text));
	if (n < 0)
		(void) snprintf(why, why_size, "%s", strerror(-r));
	else if (r < 0)
		(void) snprintf(why, why_size,
				"it does not hold 32 to 128 hexadecimal digits; make one with "
				"'openssl rand -hex 32'");
	return r;
}
