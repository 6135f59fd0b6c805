/*
 * note - signed checkpoints: what a ledger was at a moment, under an Ed25519 signature.
 *
 * Design.  A note that comes in is taken apart and its signed part written again: only what is
 * then the same byte for byte is accepted, so there is one text for each checkpoint, and a
 * checkpoint that travelled as numbers (txn/peer_msg.h) has the same signature.
 */
#include "record/note.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define DASH	"\xe2\x80\x94 " /* U+2014 and a space */
#define KEY_ID	4
#define ED25519 1
#define B64(n)	sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL)

bool note_origin_good(const char *origin)
{
	size_t n = 0;

	for (; origin[n]; n++)
		if (origin[n] <= ' ' || origin[n] > '~' || origin[n] == '+')
			return false;
	return n > 0 && n < NOTE_ORIGIN;
}

static void key_id(const char *origin, const uint8_t pub[NOTE_PUBLIC], uint8_t ret[KEY_ID])
{
	static const uint8_t middle[2] = { '\n', ED25519 };
	crypto_hash_sha256_state s;
	uint8_t sum[32];

	(void) crypto_hash_sha256_init(&s);
	(void) crypto_hash_sha256_update(&s, (const uint8_t *) origin, strlen(origin));
	(void) crypto_hash_sha256_update(&s, middle, sizeof(middle));
	(void) crypto_hash_sha256_update(&s, pub, NOTE_PUBLIC);
	(void) crypto_hash_sha256_final(&s, sum);
	memcpy(ret, sum, KEY_ID);
}

const char *note_vkey(const char *origin, const uint8_t pub[NOTE_PUBLIC], char buf[NOTE_VKEY])
{
	uint8_t id[KEY_ID], key[1 + NOTE_PUBLIC] = { ED25519 };
	char text[B64(sizeof(key))];

	key_id(origin, pub, id);
	memcpy(key + 1, pub, NOTE_PUBLIC);
	(void) sodium_bin2base64(text, sizeof(text), key, sizeof(key),
				 sodium_base64_VARIANT_ORIGINAL);
	(void) snprintf(buf, NOTE_VKEY, "%s+%02x%02x%02x%02x+%s", origin, id[0], id[1], id[2],
			id[3], text);
	return buf;
}

static bool from_base64(const char *text, size_t n, void *ret, size_t size)
{
	const char *end;
	size_t got;

	return sodium_base642bin(ret, size, text, n, NULL, &got, &end,
				 sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       got == size && end == text + n;
}

int note_vkey_parse(const char *text, char ret_origin[NOTE_ORIGIN], uint8_t ret_pub[NOTE_PUBLIC])
{
	const char *plus = strchr(text, '+'), *second = plus ? strchr(plus + 1, '+') : NULL;
	uint8_t key[1 + NOTE_PUBLIC];
	char origin[NOTE_ORIGIN], same[NOTE_VKEY];

	if (!second || plus - text >= NOTE_ORIGIN || strlen(text) >= NOTE_VKEY)
		return -EBADMSG;
	memcpy(origin, text, (size_t) (plus - text));
	origin[plus - text] = '\0';
	if (!note_origin_good(origin) ||
	    !from_base64(second + 1, strlen(second + 1), key, sizeof(key)) || key[0] != ED25519 ||
	    strcmp(note_vkey(origin, key + 1, same), text) != 0)
		return -EBADMSG;

	(void) copy_text(ret_origin, NOTE_ORIGIN, origin);
	memcpy(ret_pub, key + 1, NOTE_PUBLIC);
	return 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

size_t checkpoint_text(const struct checkpoint *c, char buf[NOTE_SIZE])
{
	char head[B64(NOTE_HASH)], when[40], vkey[NOTE_VKEY];
	int n;

	(void) sodium_bin2base64(head, sizeof(head), c->head, NOTE_HASH,
				 sodium_base64_VARIANT_ORIGINAL);
	n = snprintf(buf, NOTE_SIZE, "%s\n%" PRIu64 "\n%s\nsha256-chain %s\n", c->origin, c->size,
		     head, format_wall(c->wall_us, when, sizeof(when)));
	if (c->rotates)
		n += snprintf(buf + n, NOTE_SIZE - (size_t) n, "key %s\n",
			      note_vkey(c->origin, c->next, vkey));
	return (size_t) n;
}

/* The signature line of 'pub' to the end of the note; the name is its first line. */
static int add_line(char buf[NOTE_SIZE], const uint8_t pub[NOTE_PUBLIC],
		    const uint8_t sign[NOTE_SIGN])
{
	size_t at = strlen(buf), origin_size = strcspn(buf, "\n");
	uint8_t raw[KEY_ID + NOTE_SIGN];
	char text[B64(sizeof(raw))], origin[NOTE_ORIGIN];

	if (origin_size >= sizeof(origin))
		return -E2BIG;
	memcpy(origin, buf, origin_size);
	origin[origin_size] = '\0';
	key_id(origin, pub, raw);
	memcpy(raw + KEY_ID, sign, NOTE_SIGN);
	(void) sodium_bin2base64(text, sizeof(text), raw, sizeof(raw),
				 sodium_base64_VARIANT_ORIGINAL);
	return snprintf(buf + at, NOTE_SIZE - at, DASH "%s %s\n", origin, text) <
			       (int) (NOTE_SIZE - at)
		       ? 0
		       : -E2BIG;
}

int note_add_sign(char buf[NOTE_SIZE], const uint8_t secret[NOTE_SECRET])
{
	const char *end = strstr(buf, "\n\n");
	uint8_t pub[NOTE_PUBLIC], sign[NOTE_SIGN];

	if (!end)
		return -EBADMSG;
	(void) crypto_sign_ed25519_sk_to_pk(pub, secret);
	(void) crypto_sign_detached(sign, NULL, (const uint8_t *) buf, (size_t) (end + 1 - buf),
				    secret);
	return add_line(buf, pub, sign);
}

int note_sign(const struct checkpoint *c, const uint8_t secret[NOTE_SECRET], char buf[NOTE_SIZE])
{
	size_t n = checkpoint_text(c, buf);

	(void) copy_text(buf + n, NOTE_SIZE - n, "\n");
	return note_add_sign(buf, secret);
}

int note_put_sign(const struct checkpoint *c, const uint8_t pub[NOTE_PUBLIC],
		  const uint8_t sign[NOTE_SIGN], char buf[NOTE_SIZE])
{
	size_t n = checkpoint_text(c, buf);

	(void) copy_text(buf + n, NOTE_SIZE - n, "\n");
	return add_line(buf, pub, sign);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* "2026-11-22T17:05:01.123Z" and no other form. */
static bool parse_wall(const char *text, uint64_t *ret)
{
	struct tm tm = { 0 };
	char same[40];
	time_t t;
	int ms;

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms) != 7)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	t = timegm(&tm);
	if (t < 0)
		return false;
	*ret = (uint64_t) t * US_PER_S + (uint64_t) ms * US_PER_MS;
	return strcmp(format_wall(*ret, same, sizeof(same)), text) == 0;
}

static bool parse_lines(char *text, struct checkpoint *c)
{
	char *rest = text, *line[6] = { 0 }, origin[NOTE_ORIGIN];
	unsigned n = 0;
	uint64_t size = 0;

	while (n < ARRAY_SIZE(line) && rest && *rest)
		line[n++] = strsep(&rest, "\n");
	if (n < 4 || n > 5 || !copy_text(c->origin, sizeof(c->origin), line[0]) ||
	    !note_origin_good(c->origin) ||
	    !from_base64(line[2], strlen(line[2]), c->head, NOTE_HASH) ||
	    strncmp(line[3], "sha256-chain ", 13) != 0 || !parse_wall(line[3] + 13, &c->wall_us))
		return false;
	for (const char *p = line[1]; *p; p++) {
		if (*p < '0' || *p > '9' || size > UINT64_MAX / 10 - 1)
			return false;
		size = size * 10 + (uint64_t) (*p - '0');
	}
	c->size = size;
	c->rotates = n == 5;
	return !c->rotates || (strncmp(line[4], "key ", 4) == 0 &&
			       note_vkey_parse(line[4] + 4, origin, c->next) == 0 &&
			       strcmp(origin, c->origin) == 0);
}

int note_parse(const char *note, size_t size, struct checkpoint *ret)
{
	const char *end = memmem(note, size, "\n\n", 2);
	char copy[NOTE_SIZE], same[NOTE_SIZE];
	struct checkpoint c = { 0 };
	size_t n;

	if (!end || size >= NOTE_SIZE || memchr(note, '\0', size))
		return -EBADMSG;
	n = (size_t) (end + 1 - note);
	memcpy(copy, note, n);
	copy[n] = '\0';
	if (!parse_lines(copy, &c) || checkpoint_text(&c, same) != n || memcmp(same, note, n) != 0)
		return -EBADMSG;
	*ret = c;
	return 0;
}

bool note_signed_by(const char *note, size_t size, const uint8_t pub[NOTE_PUBLIC],
		    uint8_t *ret_sign)
{
	const char *end = memmem(note, size, "\n\n", 2), *stop = note + size, *line, *nl;
	size_t text_size = end ? (size_t) (end + 1 - note) : 0, origin_size;
	uint8_t raw[KEY_ID + NOTE_SIGN], id[KEY_ID];
	char origin[NOTE_ORIGIN];

	origin_size = end ? strcspn(note, "\n") : NOTE_ORIGIN;
	if (origin_size >= sizeof(origin))
		return false;
	memcpy(origin, note, origin_size);
	origin[origin_size] = '\0';
	key_id(origin, pub, id);
	for (line = end + 2; line < stop; line = nl + 1) {
		const size_t skip = strlen(DASH) + origin_size + 1;

		nl = memchr(line, '\n', (size_t) (stop - line));
		if (!nl)
			return false;
		if ((size_t) (nl - line) <= skip || memcmp(line, DASH, strlen(DASH)) != 0 ||
		    memcmp(line + strlen(DASH), origin, origin_size) != 0 ||
		    line[skip - 1] != ' ' ||
		    !from_base64(line + skip, (size_t) (nl - line) - skip, raw, sizeof(raw)) ||
		    memcmp(raw, id, KEY_ID) != 0)
			continue;
		if (crypto_sign_verify_detached(raw + KEY_ID, (const uint8_t *) note, text_size,
						pub) != 0)
			continue;
		if (ret_sign)
			memcpy(ret_sign, raw + KEY_ID, NOTE_SIGN);
		return true;
	}
	return false;
}
