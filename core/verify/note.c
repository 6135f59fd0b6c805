/*
 * note - signed checkpoints, as an auditor reads them: C2SP signed-note and tlog-checkpoint.
 *
 * Design.  Lines first, then the empty line, then signatures.  A signature of a key that is not
 * asked for is passed over, as signed-note wants it; one that names the key and does not fit is
 * as good as none.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "verify.h"

#define DASH	"\xe2\x80\x94 "
#define ED25519 1

static bool base64(const char *at, size_t n, uint8_t *ret, size_t size)
{
	const char *end;
	size_t got;

	return sodium_base642bin(ret, size, at, n, NULL, &got, &end,
				 sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       got == size && end == at + n;
}

static bool take_name(const char *at, size_t n, char ret[ORIGIN_SIZE])
{
	if (n == 0 || n >= ORIGIN_SIZE)
		return false;
	for (size_t i = 0; i < n; i++)
		if (at[i] <= ' ' || at[i] > '~' || at[i] == '+')
			return false;
	memcpy(ret, at, n);
	ret[n] = '\0';
	return true;
}

static void make_id(struct vkey *k)
{
	uint8_t in[ORIGIN_SIZE + 2 + sizeof(k->key)], sum[HASH_SIZE];
	size_t n = strlen(k->name);

	memcpy(in, k->name, n);
	in[n++] = '\n';
	in[n++] = ED25519;
	memcpy(in + n, k->key, sizeof(k->key));
	(void) crypto_hash_sha256(sum, in, n + sizeof(k->key));
	memcpy(k->id, sum, sizeof(k->id));
}

bool vkey_parse(const char *text, struct vkey *ret)
{
	const char *plus = strchr(text, '+'), *last = plus ? strchr(plus + 1, '+') : NULL;
	uint8_t raw[1 + 32];
	struct vkey k;
	char id[9];

	if (!last || last - plus != 9 || !take_name(text, (size_t) (plus - text), k.name) ||
	    !base64(last + 1, strlen(last + 1), raw, sizeof(raw)) || raw[0] != ED25519)
		return false;
	memcpy(k.key, raw + 1, sizeof(k.key));
	make_id(&k);
	(void) snprintf(id, sizeof(id), "%02x%02x%02x%02x", k.id[0], k.id[1], k.id[2], k.id[3]);
	if (memcmp(id, plus + 1, 8) != 0)
		return false;
	*ret = k;
	return true;
}

static bool take_line(const char **at, const char *end, struct span *ret)
{
	const char *nl = memchr(*at, '\n', (size_t) (end - *at));

	if (!nl)
		return false;
	*ret = (struct span){ *at, (size_t) (nl - *at) };
	*at = nl + 1;
	return true;
}

static const char *take_extension(struct note *n, struct span line)
{
	char text[VKEY_SIZE];

	if (line.size <= 4 || memcmp(line.at, "key ", 4) != 0)
		return NULL; /* somebody else's */
	if (line.size - 4 >= sizeof(text))
		return "its next key is none";
	memcpy(text, line.at + 4, line.size - 4);
	text[line.size - 4] = '\0';
	if (n->rotates || !vkey_parse(text, &n->next))
		return "its next key is none";
	n->rotates = true;
	return NULL;
}

static const char *parse_text(struct note *n, const char *at, const char *end)
{
	struct span line;
	const char *why;

	if (!take_line(&at, end, &line) || !take_name(line.at, line.size, n->origin))
		return "it has no origin";
	if (!take_line(&at, end, &line) || !scan_u64(line, &n->size))
		return "it has no size";
	if (!take_line(&at, end, &line) || !base64(line.at, line.size, n->head, HASH_SIZE))
		return "it has no hash";
	if (!take_line(&at, end, &line) || line.size < 13 || line.size - 13 >= sizeof(n->when) ||
	    memcmp(line.at, "sha256-chain ", 13) != 0)
		return "it is not of a chain of SHA-256";
	memcpy(n->when, line.at + 13, line.size - 13);
	n->when[line.size - 13] = '\0';
	for (const char *p = n->when; *p; p++)
		if (*p < ' ' || *p > '~')
			return "its time is none";
	while (at < end) {
		if (!take_line(&at, end, &line))
			return "a line of it has no end";
		why = take_extension(n, line);
		if (why)
			return why;
	}
	return NULL;
}

const char *audit_note(const char *at, size_t size, struct note *ret)
{
	const char *gap = memmem(at, size, "\n\n", 2), *p, *end = at + size;
	struct note n = { 0 };
	struct span line;
	const char *why;

	if (!gap)
		return "it has no signatures";
	n.text_size = (size_t) (gap + 1 - at);
	for (p = gap + 2; end - p > 4 && memcmp(p, DASH, 4) == 0;)
		if (!take_line(&p, end, &line))
			return "its last line has no end";
	n.note_size = (size_t) (p - at);
	if (n.note_size == n.text_size + 1)
		return "it has no signatures";
	if (n.note_size >= sizeof(n.text))
		return "it is too long";
	why = parse_text(&n, at, at + n.text_size);
	if (why)
		return why;
	memcpy(n.text, at, n.note_size);
	*ret = n;
	return NULL;
}

bool audit_signed_by(const struct note *n, const struct vkey *k)
{
	const char *at = n->text + n->text_size + 1, *end = n->text + n->note_size;
	size_t skip = strlen(DASH) + strlen(k->name) + 1;
	uint8_t raw[sizeof(k->id) + SIGN_SIZE];
	struct span line;

	while (at < end && take_line(&at, end, &line)) {
		if (line.size <= skip || memcmp(line.at + 4, k->name, skip - 5) != 0 ||
		    line.at[skip - 1] != ' ' ||
		    !base64(line.at + skip, line.size - skip, raw, sizeof(raw)) ||
		    memcmp(raw, k->id, sizeof(k->id)) != 0)
			continue;
		if (crypto_sign_verify_detached(raw + sizeof(k->id), (const uint8_t *) n->text,
						n->text_size, k->key) == 0)
			return true;
	}
	return false;
}
