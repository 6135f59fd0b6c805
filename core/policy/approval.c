/*
 * approval - what a person signs, and how he says so.
 *
 * Design.  Every part goes into the hash behind its length, so that no two different plans have
 * the same bytes.  Structs are hashed as they are: they are zeroed where they are unused
 * (anod/object.h, anod/plugin.h), and their bytes are all that the executor will see.
 */
#include "policy/approval.h"

#include <sodium.h>
#include <string.h>

#include <anod/rtnl.h>

typedef crypto_hash_sha256_state hash_state;

static void add(hash_state *s, const void *data, size_t size)
{
	uint64_t n = size;

	(void) crypto_hash_sha256_update(s, (const uint8_t *) &n, sizeof(n));
	(void) crypto_hash_sha256_update(s, data, size);
}

static void add_text(hash_state *s, const char *text)
{
	add(s, text, strlen(text));
}

static void hash_one(const void *data, size_t size, uint8_t ret[APPROVAL_HASH])
{
	hash_state s;

	(void) crypto_hash_sha256_init(&s);
	add(&s, data, size);
	(void) crypto_hash_sha256_final(&s, ret);
}

static void canon(const struct anod_change *c, struct anod_change *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->has_pre = c->has_pre;
	ret->has_post = c->has_post;
	if (c->has_pre) {
		ret->pre = c->pre;
		anod_object_canon(&ret->pre);
	}
	if (c->has_post) {
		ret->post = c->post;
		anod_object_canon(&ret->post);
	}
}

static void hash_effect(const struct plan_in *in, uint8_t ret[APPROVAL_HASH])
{
	hash_state s;

	(void) crypto_hash_sha256_init(&s);
	for (unsigned i = 0; i < in->n_changes; i++) {
		struct anod_change c;

		canon(&in->change[i], &c);
		add(&s, &c, sizeof(c));
	}
	(void) crypto_hash_sha256_final(&s, ret);
}

void plan_digest(const struct plan_in *in, struct plan *ret)
{
	const struct anod_proposal *p = in->proposal;
	hash_state s;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->policy, in->policy, sizeof(ret->policy));
	hash_one(in->permit, strlen(in->permit), ret->permit);
	hash_effect(in, ret->effect);

	(void) crypto_hash_sha256_init(&s);
	add_text(&s, "anod plan 1");
	add(&s, &in->tx, sizeof(in->tx));
	add_text(&s, in->agent);
	add_text(&s, p->reason);
	add_text(&s, p->expect);
	add_text(&s, p->verify);
	add(&s, p->action, p->n_actions * sizeof(p->action[0]));
	add(&s, ret->effect, sizeof(ret->effect));
	add(&s, ret->policy, sizeof(ret->policy));
	add(&s, ret->permit, sizeof(ret->permit));
	(void) crypto_hash_sha256_final(&s, ret->content);
}

void plan_seal(struct plan *p, const uint8_t nonce[APPROVAL_NONCE], uint32_t round)
{
	hash_state s;

	(void) crypto_hash_sha256_init(&s);
	add(&s, p->content, sizeof(p->content));
	add(&s, nonce, APPROVAL_NONCE);
	add(&s, &round, sizeof(round));
	(void) crypto_hash_sha256_final(&s, p->hash);
}

bool plan_is_set(const struct plan *p)
{
	return !sodium_is_zero(p->content, sizeof(p->content));
}

const char *plan_difference(const struct plan *then, const struct plan *now)
{
	if (memcmp(then->effect, now->effect, sizeof(then->effect)) != 0)
		return "what it would change is not as it was";
	if (memcmp(then->permit, now->permit, sizeof(then->permit)) != 0)
		return "another permit allows it now";
	if (memcmp(then->policy, now->policy, sizeof(then->policy)) != 0)
		return "the policy is another one";
	return "it has changed and changed back";
}

/* The next change that is one, from *at on. */
static const struct anod_change *next_change(const struct anod_change *c, unsigned n, unsigned *at)
{
	while (*at < n && !c[*at].has_pre && !c[*at].has_post)
		(*at)++;
	return *at < n ? &c[(*at)++] : NULL;
}

bool plan_same_effect(const struct anod_change *a, unsigned n_a, const struct anod_change *b,
		      unsigned n_b)
{
	unsigned at_a = 0, at_b = 0;

	for (;;) {
		const struct anod_change *x = next_change(a, n_a, &at_a);
		const struct anod_change *y = next_change(b, n_b, &at_b);
		struct anod_change one, other;

		if (!x || !y)
			return !x && !y;
		canon(x, &one);
		canon(y, &other);
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): canon() clears all of it */
		if (memcmp(&one, &other, sizeof(one)) != 0)
			return false;
	}
}

void proposal_digest(const char *agent, const struct anod_proposal *p, uint8_t ret[APPROVAL_HASH])
{
	hash_state s;

	(void) crypto_hash_sha256_init(&s);
	add_text(&s, agent);
	add(&s, &p->finding, sizeof(p->finding));
	add(&s, p->action, p->n_actions * sizeof(p->action[0]));
	(void) crypto_hash_sha256_final(&s, ret);
}

/* ---- codes ------------------------------------------------------------------------------ */

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void approval_code(const uint8_t nonce[APPROVAL_NONCE], const uint8_t hash[APPROVAL_HASH],
		   const char *user, char ret[APPROVAL_CODE_SIZE])
{
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state s;
	uint64_t bits = 0;

	(void) crypto_auth_hmacsha256_init(&s, nonce, APPROVAL_NONCE);
	(void) crypto_auth_hmacsha256_update(&s, hash, APPROVAL_HASH);
	(void) crypto_auth_hmacsha256_update(&s, (const uint8_t *) user, strlen(user));
	(void) crypto_auth_hmacsha256_final(&s, mac);
	for (unsigned i = 0; i < 5; i++)
		bits = bits << 8 | mac[i];

	ret[APPROVAL_CODE_SIZE - 1] = '\0';
	for (int i = APPROVAL_CODE_SIZE - 2; i >= 0; i--) {
		if (i == 4) {
			ret[i] = '-';
			continue;
		}
		ret[i] = digits[bits & 31];
		bits >>= 5;
	}
}

static char plain_digit(char c)
{
	if (c >= 'a' && c <= 'z')
		c = (char) (c - 32);
	if (c == 'O')
		return '0';
	return c == 'I' || c == 'L' ? '1' : c;
}

/* Without hyphens and blanks, in capitals, the rest zeroed. */
static bool plain_code(const char *typed, char ret[APPROVAL_TYPED_SIZE])
{
	size_t n = 0;

	memset(ret, 0, APPROVAL_TYPED_SIZE);
	for (; *typed; typed++) {
		if (*typed == '-' || *typed == ' ')
			continue;
		if (n == APPROVAL_TYPED_SIZE)
			return false;
		ret[n++] = plain_digit(*typed);
	}
	return n > 0;
}

bool approval_code_is(const char *typed, const char *code)
{
	char a[APPROVAL_TYPED_SIZE], b[APPROVAL_TYPED_SIZE];
	bool whole = plain_code(typed, a) && plain_code(code, b);

	return whole && sodium_memcmp(a, b, sizeof(a)) == 0;
}
