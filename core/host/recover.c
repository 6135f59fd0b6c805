/*
 * recover - takes a change back when what it was made for has recovered.
 *
 * Design.  The condition is asked in the turn in which a fact has changed, as verification is, and
 * at least once a second, because facts grow old.  Doubt is not recovery: it begins the time anew.
 * A transaction that was found after a restart has no decision; the permit of its name in the
 * policy of now is asked, and when there is none any more, "undo after" alone ends it.
 */
#include "host/recover.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "host/engine_verify.h"
#include "policy/track.h"

#define RECOVER_ASK_US US_PER_S

struct recovery {
	uint64_t tx, since_us; /* since when it is true */
};

struct recover {
	unsigned n;
	struct recovery item[TXNS_MAX];
};

static const struct policy_rule *permit_of(const struct host *h, const struct txn *t)
{
	const struct policy *p = h->config->policy;
	const char *name = txns_rule(h->txns, t->id);

	for (unsigned i = 0; i < p->n_rules; i++)
		if (p->rule[i].kind == RULE_PERMIT && strcmp(p->rule[i].name, name) == 0)
			return p->rule[i].recover ? &p->rule[i] : NULL;

	return NULL;
}

uint64_t recover_hold(const struct track *t, const struct policy_rule *permit, const char *resource)
{
	unsigned n = permit->probation_us
			     ? track_relapses(t, permit->name, resource, permit->probation_us)
			     : 0;
	uint64_t hold = n ? permit->probation_us : 0;

	for (; n > 1 && hold < RECOVER_MAX_US; n--)
		hold *= 2;
	return MIN_OF(hold, RECOVER_MAX_US);
}

static struct recovery *find(struct recover *r, uint64_t tx)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->item[i].tx == tx)
			return &r->item[i];

	return NULL;
}

static void forget(struct recover *r, struct recovery *x)
{
	if (x)
		*x = r->item[--r->n];
}

static void look(struct host *h, const struct txn *t, const struct policy_rule *permit,
		 uint64_t now_us)
{
	const char *resource = txns_resource(h->txns, t->id);
	struct recovery *x = find(h->recover, t->id);
	_cleanup_(freep) char *text = NULL;
	char why[EXEC_WHY_SIZE];
	struct verify_env v;

	verify_env_init(&v, h, t, NULL);
	if (expr_truth(permit->recover, &v.env) != ANOD_TRUE) {
		forget(h->recover, x);
		return;
	}
	if (!x) {
		x = &h->recover->item[h->recover->n++];
		*x = (struct recovery){ .tx = t->id, .since_us = now_us };
	}
	if (now_us - x->since_us < recover_hold(h->track, permit, resource))
		return;

	text = expr_format(permit->recover);
	(void) snprintf(why, sizeof(why), "recovered: %s", text ? text : permit->name);
	forget(h->recover, x);
	(void) txns_finish(h->txns, t->id, why);
}

uint64_t recover_turn(struct host *h, uint64_t now_us)
{
	const struct txn *t;
	unsigned n = 0;

	for (unsigned i = 0; (t = txns_nth(h->txns, i));) {
		const struct policy_rule *permit =
			t->state == TXN_COMMIT && t->reflex.kind == REFLEX_NONE ? permit_of(h, t)
										: NULL;

		if (permit && !h->recover)
			h->recover = calloc(1, sizeof(*h->recover));
		if (permit && h->recover && n++ < TXNS_MAX)
			look(h, t, permit, now_us);
		if (txns_nth(h->txns, i) == t) /* else it has just ended */
			i++;
	}
	for (unsigned i = 0; h->recover && i < h->recover->n;) {
		t = txns_get(h->txns, h->recover->item[i].tx);
		if (t && t->state == TXN_COMMIT)
			i++;
		else
			forget(h->recover, &h->recover->item[i]);
	}
	return n ? now_us + RECOVER_ASK_US : US_INFINITY;
}

void recover_close(struct host *h)
{
	free(TAKE(h->recover));
}

struct cJSON *recover_json(const struct host *h, const struct txn *t)
{
	const struct policy_rule *permit = t->state == TXN_COMMIT ? permit_of(h, t) : NULL;
	const struct recovery *x = h->recover ? find(h->recover, t->id) : NULL;
	_cleanup_(freep) char *text = NULL;
	cJSON *o;

	if (!permit)
		return NULL;

	text = expr_format(permit->recover);
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "when", text ? text : "");
	cJSON_AddNumberToObject(
		o, "hold_us",
		(double) recover_hold(h->track, permit, txns_resource(h->txns, t->id)));
	if (x)
		cJSON_AddNumberToObject(o, "since_us", (double) x->since_us);
	return o;
}
