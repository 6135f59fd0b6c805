/*
 * commands_people - signatures and overrides on the control socket.
 *
 * Design.  Nothing is inferred: who signs gives the code of exactly the plan that is signed, and
 * the plan is made anew before the code is looked at.  Whatever the answer, it is on record with
 * the name before it is carried out; codes and keys are in no record.
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "host/commands.h"
#include "host/neighbours.h"
#include "host/people.h"

/* ---- approve ------------------------------------------------------------------------------ */

static cJSON *refused(struct command_call *c, const struct txn *t, int r)
{
	switch (r) {
	case -EPERM:
		command_note(c, "approve refused: in none of its groups", t);
		return command_fail(c, EPERM,
				    "%s is in none of the groups that may approve T%" PRIu64,
				    c->user, t->id);
	case -EALREADY:
		return command_fail(c, EALREADY, "%s has approved T%" PRIu64 " already", c->user,
				    t->id);
	case -EACCES:
		command_note(c, "approve refused: locked out by wrong codes", t);
		return command_fail(c, EACCES,
				    "%s has given %d wrong codes and cannot approve T%" PRIu64
				    " any more; somebody else can",
				    c->user, APPROVAL_TRIES, t->id);
	}
	return command_fail(c, -r, "T%" PRIu64 " is %s: %s", t->id, txn_state_name(t->state),
			    txn_state_final(t->state) ? t->why : "no approval is asked for");
}

/* A former plan that the code is of, or NULL. */
static const struct plan *plan_of_code(const struct signer *s, const struct txn *t,
				       const char *code)
{
	for (unsigned i = 0; i < t->n_old_plans; i++)
		if (signer_agrees(s, t->nonce, t->old_plan[i].hash, code))
			return &t->old_plan[i];
	return NULL;
}

static cJSON *wrong_code(struct command_call *c, const struct signer *s, const struct txn *t,
			 const char *code)
{
	const struct plan *old = plan_of_code(s, t, code);
	char did[96];
	unsigned left;

	if (old) {
		command_note(c, "approve refused: the plan has changed", t);
		return command_fail(c, ESTALE,
				    "the plan of T%" PRIu64 " has changed since you looked: %s; "
				    "look again: anodctl show T%" PRIu64,
				    t->id, plan_difference(old, &t->plan), t->id);
	}
	left = txns_wrong_code(c->h->txns, t->id, c->user);
	(void) snprintf(did, sizeof(did), "approve refused: wrong code, %u tries left%s", left,
			left ? "" : ": locked out");
	command_note(c, did, t);
	if (!left)
		return command_fail(c, EACCES,
				    "a wrong code, and it was the last try: %s cannot approve "
				    "T%" PRIu64 " any more",
				    c->user, t->id);
	return command_fail(c, EKEYREJECTED,
			    "this is not the code of %s for T%" PRIu64 " (%u tries left); %s",
			    c->user, t->id, left,
			    s->has_key ? "answer the plan's hash with your key: anodctl code"
				       : "'anodctl show' tells it");
}

static cJSON *sign(struct command_call *c, const struct txn *t, const char *code)
{
	_cleanup_(signer_close) struct signer s = { 0 };
	uint64_t id = t->id;
	char why[400];
	cJSON *data;
	int r;

	r = signer_open(c->h, c->user, &s, why, sizeof(why));
	if (r < 0) {
		command_note(c, "approve refused: the key cannot be used", t);
		return command_fail(c, EACCES, "%s", why);
	}
	if (!signer_agrees(&s, t->nonce, t->plan.hash, code))
		return wrong_code(c, &s, t, code);

	/* Recorded first: a word that was carried out but not written down would be a lie. */
	command_note_plan(c, "approve", t, t->plan.hash);
	r = txns_approve(c->h->txns, id, c->user, true, t->plan.hash);
	if (r < 0)
		return refused(c, t, r);
	data = cJSON_CreateObject();
	t = txns_get(c->h->txns, id);
	cJSON_AddItemToObject(data, "transaction", t ? txn_json(c->h, t) : cJSON_CreateNull());
	return data;
}

cJSON *cmd_approve(struct command_call *c)
{
	const char *code = command_arg(c, "code");
	const struct txn *t;
	uint64_t id;
	int r;

	if (command_id(c, 'T', &id) < 0)
		return command_fail(c, EINVAL, "approve wants a transaction (T12)");
	t = txns_get(c->h->txns, id);
	if (!t || txn_state_final(t->state))
		return command_fail(c, ENOENT, "T%" PRIu64 " is not open", id);
	if (!code || !code[0])
		return command_fail(c, EINVAL,
				    "approve wants the code of the plan, so that nobody signs what "
				    "he has not seen: 'anodctl show T%" PRIu64 "' shows both, then "
				    "'anodctl approve T%" PRIu64 " CODE'",
				    id, id);

	r = txns_review(c->h->txns, id);
	t = txns_get(c->h->txns, id);
	if (!t)
		return command_fail(c, ENOENT, "T%" PRIu64 " is not open", id);
	if (r >= 0)
		r = txns_may_sign(c->h->txns, id, c->user, people_may_sign(c->h, t, c->user));
	return r < 0 ? refused(c, t, r) : sign(c, t, code);
}

/* ---- peers --------------------------------------------------------------------------------- */

cJSON *cmd_peers(struct command_call *c)
{
	return neighbours_json(c->h);
}

/* ---- overrides ---------------------------------------------------------------------------- */

static void add_span(cJSON *o, const char *name, uint64_t us)
{
	cJSON_AddNumberToObject(o, name, (double) us);
}

static cJSON *invariant_json(const struct policy_invariant *v)
{
	cJSON *o = cJSON_CreateObject(), *list;

	cJSON_AddStringToObject(o, "invariant", v->name);
	list = cJSON_AddArrayToObject(o, "requires");
	for (unsigned i = 0; i < v->n_requires; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(v->require[i].text ?: ""));
	cJSON_AddNumberToObject(o, "by", v->override_by);
	list = cJSON_AddArrayToObject(o, "groups");
	for (unsigned i = 0; i < v->n_override_groups; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(v->override_group[i]));
	add_span(o, "max_us", v->override_for_us);
	return o;
}

/* What there is about it: who has asked, whether it is in force. */
static void add_state(struct command_call *c, cJSON *o, const struct policy_invariant *v)
{
	uint64_t now = host_now(c->h);
	struct override_info i;
	char text[40];

	for (unsigned n = 0; override_nth(c->h->overrides, n, now, &i); n++) {
		if (strcmp(i.invariant, v->name) != 0)
			continue;
		cJSON_AddBoolToObject(o, "in_force", i.in_force);
		cJSON_AddStringToObject(o, "people", i.who);
		if (!i.in_force)
			cJSON_AddNumberToObject(o, "needs", v->override_by - i.n_people);
		if (i.until_us > now) {
			add_span(o, "left_us", i.until_us - now);
			format_wall(clock_wall_us() + i.until_us - now, text, sizeof(text));
			cJSON_AddStringToObject(o, "until", text);
		}
		return;
	}
	cJSON_AddFalseToObject(o, "in_force");
	cJSON_AddStringToObject(o, "people", "");
	cJSON_AddNumberToObject(o, "needs", v->override_by);
}

cJSON *cmd_overrides(struct command_call *c)
{
	cJSON *data = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(data, "overrides");
	const struct policy *p = c->h->config->policy;

	for (unsigned i = 0; i < p->n_invariants; i++) {
		cJSON *o;

		if (!p->invariant[i].override_by)
			continue;
		o = invariant_json(&p->invariant[i]);
		add_state(c, o, &p->invariant[i]);
		cJSON_AddItemToArray(list, o);
	}
	return data;
}

static cJSON *override_refused(struct command_call *c, const struct policy_invariant *v, int r)
{
	char max[32];

	switch (r) {
	case -EPERM:
		if (!v->override_by)
			return command_fail(c, EPERM,
					    "nobody may override \"%s\": it has no 'override by N "
					    "of GROUP for DURATION'",
					    v->name);
		command_note(c, "override refused: in none of its groups", NULL);
		return command_fail(c, EPERM,
				    "%s is in none of the groups that may override \"%s\"", c->user,
				    v->name);
	case -ERANGE:
		return command_fail(c, ERANGE, "\"%s\" may be overridden for %s at most", v->name,
				    format_duration(v->override_for_us, max, sizeof(max)));
	case -EACCES:
		command_note(c, "override refused: locked out by wrong codes", NULL);
		return command_fail(c, EACCES,
				    "%s has given %d wrong codes and has to wait ten minutes",
				    c->user, APPROVAL_TRIES);
	case -EALREADY:
		return command_fail(c, EALREADY,
				    "%s has asked for that already, or it is in force: see "
				    "'anodctl overrides'",
				    c->user);
	}
	return command_fail(c, -r, "the override was not taken: %s", strerror(-r));
}

/* What he would agree to, with his code; nothing is changed. */
static cJSON *override_preview(struct command_call *c, const struct policy_invariant *v,
			       uint64_t for_us)
{
	cJSON *data = cJSON_CreateObject(), *o = invariant_json(v);
	char hex[2 * APPROVAL_HASH + 1], code[APPROVAL_CODE_SIZE];
	uint8_t hash[APPROVAL_HASH];

	override_hash(c->h->overrides, v, for_us, hash);
	add_state(c, o, v);
	add_span(o, "for_us", for_us);
	cJSON_AddStringToObject(o, "hash", sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash)));
	if (config_key_file(c->h->config, c->user)) {
		cJSON_AddTrueToObject(o, "key");
	} else {
		override_code(c->h->overrides, hash, c->user, code);
		cJSON_AddStringToObject(o, "code", code);
	}
	cJSON_AddFalseToObject(o, "asked");
	cJSON_AddItemToObject(data, "override", o);
	return data;
}

static cJSON *override_now(struct command_call *c, const struct policy_invariant *v,
			   uint64_t for_us, const char *reason)
{
	char did[ANOD_REASON_SIZE + 300], span[32];
	cJSON *data, *o;
	int r;

	(void) snprintf(did, sizeof(did), "override of invariant \"%.80s\" asked for %s: %.160s",
			v->name, format_duration(for_us, span, sizeof(span)), reason);
	command_note(c, did, NULL);
	r = override_ask(c->h->overrides, c->h->config, v, c->user, for_us, host_now(c->h));
	if (r < 0)
		return override_refused(c, v, r);
	if (r == 0 && !overrides_begin(c->h, v))
		return command_fail(c, EIO,
				    "it could not be put on record, so it is not in force: see "
				    "'anodctl doctor'");
	data = cJSON_CreateObject();
	o = invariant_json(v);
	add_state(c, o, v);
	cJSON_AddTrueToObject(o, "asked");
	cJSON_AddItemToObject(data, "override", o);
	return data;
}

static cJSON *override_sign(struct command_call *c, const struct policy_invariant *v,
			    uint64_t for_us, const char *code)
{
	const char *reason = command_arg(c, "reason");
	_cleanup_(signer_close) struct signer s = { 0 };
	uint8_t hash[APPROVAL_HASH];
	char why[400], own[APPROVAL_CODE_SIZE];
	bool fits;

	if (!reason || !reason[0])
		return command_fail(c, EINVAL, "override wants a reason, for the record");
	if (signer_open(c->h, c->user, &s, why, sizeof(why)) < 0) {
		command_note(c, "override refused: the key cannot be used", NULL);
		return command_fail(c, EACCES, "%s", why);
	}
	override_hash(c->h->overrides, v, for_us, hash);
	override_code(c->h->overrides, hash, c->user, own);
	fits = s.has_key ? signer_agrees(&s, NULL, hash, code) : approval_code_is(code, own);
	if (!fits) {
		unsigned left = override_wrong_code(c->h->overrides, c->user, host_now(c->h));
		char did[96];

		(void) snprintf(did, sizeof(did), "override refused: wrong code, %u tries left",
				left);
		command_note(c, did, NULL);
		return command_fail(c, EKEYREJECTED,
				    "this is not the code of %s for this invariant and time "
				    "(%u tries left); ask without a code to see it",
				    c->user, left);
	}
	return override_now(c, v, for_us, reason);
}

static const struct policy_invariant *find_invariant(const struct command_call *c, const char *name)
{
	const struct policy *p = c->h->config->policy;

	for (unsigned i = 0; i < p->n_invariants; i++)
		if (strcmp(p->invariant[i].name, name) == 0)
			return &p->invariant[i];
	return NULL;
}

cJSON *cmd_override(struct command_call *c)
{
	const char *name = command_arg(c, "invariant"), *code = command_arg(c, "code");
	const cJSON *span = cJSON_GetObjectItemCaseSensitive(c->args, "for_us");
	const cJSON *end = cJSON_GetObjectItemCaseSensitive(c->args, "end");
	const struct policy_invariant *v;
	uint64_t for_us;
	int r;

	if (!name)
		return command_fail(c, EINVAL, "override wants the name of an invariant");
	v = find_invariant(c, name);
	if (!v)
		return command_fail(c, ENOENT,
				    "there is no such invariant; 'anodctl overrides' names those "
				    "that may be overridden");
	if (cJSON_IsTrue(end)) {
		char did[200];

		/* It only puts a limit back: everybody who may use the socket can. */
		(void) snprintf(did, sizeof(did), "override of invariant \"%.80s\" ended", v->name);
		command_note(c, did, NULL);
		if (overrides_end(c->h, v->name, c->user) < 0)
			return command_fail(c, ENOENT, "\"%s\" is not overridden", v->name);
		return cmd_overrides(c);
	}
	for_us = !cJSON_IsNumber(span) ? v->override_for_us
		 : span->valuedouble > 0 && span->valuedouble <= (double) OVERRIDE_MAX_US
			 ? (uint64_t) span->valuedouble
			 : 0;
	r = override_may_ask(c->h->overrides, c->h->config, v, c->user, for_us, host_now(c->h));
	if (r < 0)
		return override_refused(c, v, r);
	return code && code[0] ? override_sign(c, v, for_us, code) : override_preview(c, v, for_us);
}
