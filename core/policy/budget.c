/*
 * budget - what has been used up, and until when something rests.
 *
 * Design.  A budget is a sliding window: charges are kept with their time and forgotten when both
 * windows of the budget have passed.  The list is short (what an agent may do in an hour is
 * counted on fingers), so it is gone through; a hash of name and key makes that a comparison of
 * integers.  Names are kept whole, because the list is saved.
 */
#include "policy/budget.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"

enum use_kind { USE_CHARGE = 1, USE_REST, USE_CAP, USE_AMOUNT };
static const char *const use_words[] = { "", "charge", "rest", "cap", "amount" };

struct use {
	enum use_kind kind;
	uint32_t name_hash, key_hash;
	char *name, *key; /* owned */
	int64_t time_us;  /* of a charge; before the boot: negative */
	int64_t until_us; /* after that it means nothing */
	double amount;	  /* of USE_AMOUNT; negative: not known */
};

struct budgets {
	struct use *use;
	unsigned n, max;
};

struct budgets *budgets_new(void)
{
	return calloc(1, sizeof(struct budgets));
}

static void use_done(struct use *u)
{
	free(u->name);
	free(u->key);
}

struct budgets *budgets_free(struct budgets *b)
{
	if (b) {
		for (unsigned i = 0; i < b->n; i++)
			use_done(&b->use[i]);
		free(b->use);
		free(b);
	}
	return NULL;
}

static uint32_t hash_text(const char *text)
{
	return crc32c(0, text, strlen(text));
}

static bool use_is(const struct use *u, enum use_kind kind, uint32_t hash, const char *name)
{
	return u->kind == kind && u->name_hash == hash && strcmp(u->name, name) == 0;
}

static void prune(struct budgets *b, int64_t now_us)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < b->n; i++) {
		if (b->use[i].until_us > now_us)
			b->use[kept++] = b->use[i];
		else
			use_done(&b->use[i]);
	}
	b->n = kept;
}

static int add(struct budgets *b, enum use_kind kind, const char *name, const char *key,
	       int64_t time_us, int64_t until_us)
{
	struct use u = { .kind = kind, .time_us = time_us, .until_us = until_us };

	if (b->n == BUDGET_USES_MAX)
		return -ENOSPC;
	if (b->n == b->max) {
		unsigned max = b->max ? b->max * 2 : 16;
		struct use *use = realloc(b->use, max * sizeof(*use));

		if (!use)
			return -ENOMEM;
		b->use = use;
		b->max = max;
	}

	u.name = strdup(name);
	u.key = strdup(key);
	if (!u.name || !u.key) {
		use_done(&u);
		return -ENOMEM;
	}
	u.name_hash = hash_text(name);
	u.key_hash = hash_text(key);
	b->use[b->n++] = u;
	return 0;
}

/* ---- charges ---------------------------------------------------------------------------- */

const char *budget_key(const struct policy_budget *p, const char *resource, const char *agent)
{
	switch (p->per) {
	case BUDGET_PER_NONE:
		return "";
	case BUDGET_PER_RESOURCE:
		return resource;
	case BUDGET_PER_AGENT:
		return agent;
	}
	return "";
}

/* How many charges lie in the window that ends now, and when the oldest of them leaves it. */
static unsigned charges(const struct budgets *b, const char *name, const char *key,
			uint64_t window_us, uint64_t now_us, uint64_t *ret_free_us)
{
	uint32_t hash = hash_text(name);
	int64_t from = (int64_t) now_us - (int64_t) window_us, oldest = INT64_MAX;
	unsigned n = 0;

	for (unsigned i = 0; i < b->n; i++) {
		const struct use *u = &b->use[i];

		if (!use_is(u, USE_CHARGE, hash, name) || u->time_us <= from ||
		    (key && strcmp(u->key, key) != 0))
			continue;
		n++;
		oldest = MIN_OF(oldest, u->time_us);
	}

	if (n)
		*ret_free_us = (uint64_t) (oldest + (int64_t) window_us);
	return n;
}

bool budget_allows(const struct budgets *b, const struct policy_budget *p, const char *key,
		   uint64_t now_us, uint64_t *ret_free_us)
{
	uint64_t own_free = 0, shared_free = 0;
	bool own = charges(b, p->name, key, p->window_us, now_us, &own_free) < p->count;
	bool shared = !p->shared_count || charges(b, p->name, NULL, p->shared_window_us, now_us,
						  &shared_free) < p->shared_count;

	*ret_free_us = MAX_OF(own ? 0 : own_free, shared ? 0 : shared_free);
	return own && shared;
}

int budget_charge(struct budgets *b, const struct policy_budget *p, const char *key,
		  uint64_t now_us)
{
	uint64_t keep_us = MAX_OF(p->window_us, p->shared_count ? p->shared_window_us : 0);
	uint64_t free_us;

	prune(b, (int64_t) now_us);
	if (!budget_allows(b, p, key, now_us, &free_us))
		return -EBUSY;
	return add(b, USE_CHARGE, p->name, key, (int64_t) now_us, (int64_t) (now_us + keep_us));
}

/* ---- rests and caps --------------------------------------------------------------------- */

static struct use *find(const struct budgets *b, enum use_kind kind, const char *name,
			const char *key)
{
	uint32_t hash = hash_text(name);

	for (unsigned i = 0; i < b->n; i++)
		if (use_is(&b->use[i], kind, hash, name) && strcmp(b->use[i].key, key) == 0)
			return &b->use[i];
	return NULL;
}

static uint64_t until(const struct budgets *b, enum use_kind kind, const char *name,
		      const char *key, uint64_t now_us)
{
	const struct use *u = find(b, kind, name, key);

	return u && u->until_us > (int64_t) now_us ? (uint64_t) u->until_us : 0;
}

static int set_until(struct budgets *b, enum use_kind kind, const char *name, const char *key,
		     uint64_t until_us, uint64_t now_us)
{
	struct use *u;

	prune(b, (int64_t) now_us);
	u = find(b, kind, name, key);
	if (!u)
		return add(b, kind, name, key, (int64_t) now_us, (int64_t) until_us);
	u->until_us = MAX_OF(u->until_us, (int64_t) until_us);
	return 0;
}

uint64_t budget_rest_until(const struct budgets *b, const char *rule, const char *key,
			   uint64_t now_us)
{
	return until(b, USE_REST, rule, key, now_us);
}

int budget_rest(struct budgets *b, const char *rule, const char *key, uint64_t until_us,
		uint64_t now_us)
{
	return set_until(b, USE_REST, rule, key, until_us, now_us);
}

uint64_t budget_cap_until(const struct budgets *b, const char *cap, const char *key,
			  uint64_t now_us)
{
	return until(b, USE_CAP, cap, key, now_us);
}

int budget_hold_cap(struct budgets *b, const char *cap, const char *key, uint64_t until_us,
		    uint64_t now_us)
{
	return set_until(b, USE_CAP, cap, key, until_us, now_us);
}

/* ---- amounts ---------------------------------------------------------------------------- */

int budget_note(struct budgets *b, const char *what, double amount, uint64_t keep_us,
		uint64_t now_us)
{
	int r;

	prune(b, (int64_t) now_us);
	r = add(b, USE_AMOUNT, what, "", (int64_t) now_us, (int64_t) (now_us + keep_us));
	if (r == 0)
		b->use[b->n - 1].amount = amount;
	return r;
}

bool budget_noted(const struct budgets *b, const char *what, uint64_t window_us, uint64_t now_us,
		  double *ret)
{
	int64_t from = (int64_t) now_us - (int64_t) window_us;
	uint32_t hash = hash_text(what);
	bool known = true;

	*ret = 0;
	for (unsigned i = 0; i < b->n; i++) {
		const struct use *u = &b->use[i];

		if (!use_is(u, USE_AMOUNT, hash, what) || u->time_us <= from)
			continue;
		if (u->amount >= 0)
			*ret += u->amount;
		else
			known = false;
	}
	return known;
}

/* ---- saving ----------------------------------------------------------------------------- */

struct cJSON *budgets_json(const struct budgets *b, uint64_t now_us)
{
	cJSON *list = cJSON_CreateArray();

	for (unsigned i = 0; i < b->n && list; i++) {
		const struct use *u = &b->use[i];
		cJSON *o;

		if (u->until_us <= (int64_t) now_us)
			continue;
		o = cJSON_CreateObject();
		if (!o || !cJSON_AddItemToArray(list, o) ||
		    !cJSON_AddStringToObject(o, "use", use_words[u->kind]) ||
		    !cJSON_AddStringToObject(o, "name", u->name) ||
		    !cJSON_AddStringToObject(o, "key", u->key) ||
		    !cJSON_AddNumberToObject(o, "age_us",
					     (double) ((int64_t) now_us - u->time_us)) ||
		    !cJSON_AddNumberToObject(o, "left_us",
					     (double) (u->until_us - (int64_t) now_us)) ||
		    (u->kind == USE_AMOUNT && !cJSON_AddNumberToObject(o, "amount", u->amount))) {
			cJSON_Delete(list);
			return NULL;
		}
	}
	return list;
}

static int load_use(struct budgets *b, const cJSON *o, int64_t now_us, int64_t away_us)
{
	const cJSON *word = cJSON_GetObjectItem(o, "use"), *name = cJSON_GetObjectItem(o, "name");
	const cJSON *key = cJSON_GetObjectItem(o, "key"), *age = cJSON_GetObjectItem(o, "age_us");
	const cJSON *left = cJSON_GetObjectItem(o, "left_us");

	if (!cJSON_IsString(word) || !cJSON_IsString(name) || !cJSON_IsString(key) ||
	    !cJSON_IsNumber(age) || !cJSON_IsNumber(left) || !(age->valuedouble >= 0) ||
	    !(age->valuedouble < 9e15) || !(left->valuedouble >= 0) || !(left->valuedouble < 9e15))
		return -EBADMSG;

	for (enum use_kind kind = USE_CHARGE; kind <= USE_AMOUNT; kind++) {
		const cJSON *amount = cJSON_GetObjectItem(o, "amount");
		int r;

		if (strcmp(word->valuestring, use_words[kind]) != 0)
			continue;
		if (kind == USE_AMOUNT &&
		    (!cJSON_IsNumber(amount) ||
		     !(amount->valuedouble >= -1 && amount->valuedouble < 1e18)))
			return -EBADMSG;
		r = add(b, kind, name->valuestring, key->valuestring,
			now_us - away_us - (int64_t) age->valuedouble,
			now_us - away_us + (int64_t) left->valuedouble);
		if (r == 0 && kind == USE_AMOUNT)
			b->use[b->n - 1].amount = amount->valuedouble;
		return r;
	}
	return -EBADMSG;
}

int budgets_load(struct budgets *b, const struct cJSON *list, uint64_t now_us, uint64_t away_us)
{
	const cJSON *o;

	if (!cJSON_IsArray(list))
		return -EBADMSG;
	away_us = MIN_OF(away_us, (uint64_t) INT64_MAX / 4);
	cJSON_ArrayForEach(o, list)
	{
		int r = load_use(b, o, (int64_t) now_us, (int64_t) away_us);

		if (r < 0)
			return r;
	}
	prune(b, (int64_t) now_us);
	return 0;
}
