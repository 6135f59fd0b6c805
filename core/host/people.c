/*
 * people - what the daemon knows of those who may say something.
 *
 * Design.  A key is read from its file for each code and wiped again: an engineer who takes a key
 * away has taken it away.  Former plans are tried too, so that a code that was good a moment ago
 * is answered with what has changed, and not counted as a guess.
 */
#include "host/people.h"

#include <errno.h>
#include <pwd.h>
#include <sodium.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "host/doctor.h"

bool people_exist(void *data, const char *user)
{
	_cleanup_(fclosep) FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *p;

	(void) data;
	while (f && (p = fgetpwent(f)))
		if (strcmp(p->pw_name, user) == 0)
			return true;
	return !f; /* who cannot look cannot say that somebody is missing */
}

int people_plan(const struct host *h, struct txn *t, const struct decision *d,
		const struct whatif *w)
{
	unsigned n = w ? w->n_steps : 0;
	struct anod_change *change = calloc(MAX_OF(n, 1u), sizeof(*change));
	struct plan_in in = {
		.tx = t->id,
		.agent = t->agent,
		.proposal = &t->proposal,
		.change = change,
		.n_changes = n,
		.policy = h->config->hash,
		.permit = d->permit_name,
	};

	if (!change)
		return -ENOMEM;

	if (n)
		memcpy(change, w->step, n * sizeof(*change));
	if (sodium_is_zero(t->nonce, sizeof(t->nonce)))
		randombytes_buf(t->nonce, sizeof(t->nonce));
	plan_digest(&in, &t->plan);
	free(t->change);
	t->change = change;
	t->n_changes = n;
	return 0;
}

bool people_may_sign(const struct host *h, const struct txn *t, const char *user)
{
	const struct policy_rule *p = t->decision ? t->decision->permit : NULL;

	return p && (p->n_groups == 0 || config_in_groups(h->config, p->group, p->n_groups, user));
}

/* ---- codes -------------------------------------------------------------------------------- */

int signer_open(const struct host *h, const char *user, struct signer *ret, char *why,
		size_t why_size)
{
	const char *path = config_key_file(h->config, user);
	char text[160];
	int r;

	*ret = (struct signer){ .user = user, .has_key = path };
	r = path ? ocra_key_read(path, geteuid(), &ret->key, text, sizeof(text)) : 0;
	if (r < 0)
		(void) snprintf(why, why_size, "the key of %s in %.160s cannot be used: %s", user,
				path, text);
	return r;
}

void signer_close(struct signer *s)
{
	ocra_key_wipe(&s->key);
}

bool signer_agrees(const struct signer *s, const uint8_t nonce[APPROVAL_NONCE],
		   const uint8_t hash[APPROVAL_HASH], const char *typed)
{
	char code[MAX_OF(APPROVAL_CODE_SIZE, OCRA_CODE_SIZE)];
	bool same;

	if (s->has_key)
		ocra_code(&s->key, hash, code);
	else
		approval_code(nonce, hash, s->user, code);
	same = approval_code_is(typed, code);
	sodium_memzero(code, sizeof(code));
	return same;
}

/* ---- what a person is shown --------------------------------------------------------------- */

void people_add_code(const struct host *h, cJSON *o, const uint8_t nonce[APPROVAL_NONCE],
		     const uint8_t hash[APPROVAL_HASH], const char *user)
{
	char hex[2 * APPROVAL_HASH + 1], code[APPROVAL_CODE_SIZE];

	cJSON_AddStringToObject(o, "hash", sodium_bin2hex(hex, sizeof(hex), hash, APPROVAL_HASH));
	if (config_key_file(h->config, user)) {
		cJSON_AddTrueToObject(o, "key");
		return;
	}
	approval_code(nonce, hash, user, code);
	cJSON_AddStringToObject(o, "code", code);
}

cJSON *people_plan_json(const struct host *h, const struct txn *t, const char *user)
{
	const struct decision *d = t->decision;
	bool may = people_may_sign(h, t, user), has = false;
	cJSON *o;

	if (t->state != TXN_WAITING || !d || d->level != LEVEL_APPROVE || !plan_is_set(&t->plan))
		return NULL;

	for (unsigned i = 0; i < t->n_approvals; i++)
		has |= strcmp(t->approver[i], user) == 0;
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "policy", d->policy);
	cJSON_AddStringToObject(o, "permit", d->permit_name);
	cJSON_AddStringToObject(o, "user", user);
	cJSON_AddBoolToObject(o, "may_sign", may && !has);
	cJSON_AddBoolToObject(o, "has_signed", has);
	if (may && !has) {
		people_add_code(h, o, t->nonce, t->plan.hash, user);
	} else {
		char hex[2 * APPROVAL_HASH + 1];

		cJSON_AddStringToObject(
			o, "hash", sodium_bin2hex(hex, sizeof(hex), t->plan.hash, APPROVAL_HASH));
	}
	return o;
}

void people_doctor(cJSON *list, const struct host *h)
{
	const struct config *c = h->config;
	cJSON *lifted = cJSON_CreateArray(), *line;

	overrides_warn(h, lifted);
	cJSON_ArrayForEach(line, lifted) doctor_add(
		list, "override", BAD, "anodctl override --end NAME", "%s", line->valuestring);
	cJSON_Delete(lifted);
	for (unsigned i = 0; i < c->n_groups; i++)
		for (unsigned k = 0; k < c->group[i].n_users; k++) {
			const char *path = c->group[i].key_file[k];
			struct ocra_key key = { 0 };
			char why[160];
			bool bad =
				path && ocra_key_read(path, geteuid(), &key, why, sizeof(why)) < 0;

			ocra_key_wipe(&key);
			if (bad)
				doctor_add(list, "key", BAD,
					   "put the key there, owned by root, mode 0600",
					   "%s cannot sign: %s: %s", c->group[i].user[k], path,
					   why);
		}
}
