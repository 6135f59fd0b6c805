/*
 * commands_story - incidents and transactions on the control socket, and the operator's words.
 *
 * Design.  An open transaction is shown from memory, an ended one from the ledger, so a restart
 * does not forget what was done.  What an operator says is written down before it is done.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/commands.h"
#include "host/people.h"

cJSON *cmd_incidents(struct command_call *c)
{
	cJSON *data = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(data, "incidents");
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(c->args, "all");
	const struct incident *i;

	for (unsigned n = 0; (i = incident_nth(c->h->incidents, n)); n++)
		if (i->open || cJSON_IsTrue(all))
			cJSON_AddItemToArray(list, incident_json(i, false));
	return data;
}

struct lookup {
	double tx;
	cJSON *decision, *transaction, *line; /* copies; line: the decision's */
};

/* Newest first: the last decision and the final state win. */
static int on_ledger_line(const cJSON *line, void *data)
{
	struct lookup *l = data;
	const cJSON *kind = cJSON_GetObjectItemCaseSensitive(line, "kind");
	const cJSON *tx = cJSON_GetObjectItemCaseSensitive(line, "tx");
	const cJSON *what;

	if (!cJSON_IsNumber(tx) || tx->valuedouble != l->tx || !cJSON_IsString(kind))
		return 0;

	if (!l->decision && strcmp(kind->valuestring, "decision") == 0) {
		what = cJSON_GetObjectItemCaseSensitive(line, "decision");
		l->decision = cJSON_Duplicate(what, true);
		l->line = cJSON_Duplicate(line, true);
	}
	if (!l->transaction && strcmp(kind->valuestring, "tx") == 0) {
		what = cJSON_GetObjectItemCaseSensitive(line, "transaction");
		l->transaction = cJSON_Duplicate(what, true);
	}
	return l->decision && l->transaction;
}

/* A transaction that a restart found in the journal has no proposal: its decision's line has. */
static void complete(cJSON *txn, const cJSON *line)
{
	static const char *const names[][2] = { { "reason", "because" },
						{ "actions", "actions" },
						{ "incident", "incident" } };
	const cJSON *reason = cJSON_GetObjectItemCaseSensitive(txn, "reason");

	if (!line || (cJSON_IsString(reason) && reason->valuestring[0]))
		return;

	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		const cJSON *from = cJSON_GetObjectItemCaseSensitive(line, names[k][1]);

		if (!from)
			continue;
		cJSON_DeleteItemFromObjectCaseSensitive(txn, names[k][0]);
		cJSON_AddItemToObject(txn, names[k][0], cJSON_Duplicate(from, true));
	}
}

/* From memory while it is open, from the ledger afterwards. */
static cJSON *find_txn(struct command_call *c, uint64_t id, cJSON **ret_decision)
{
	const struct txn *t = txns_get(c->h->txns, id);
	struct lookup l = { .tx = (double) id };

	if (ret_decision)
		*ret_decision = NULL;
	if (!t || ret_decision || !t->proposal.n_actions)
		(void) ledger_find_tx(c->h->state_dir, id, on_ledger_line, &l);
	if (ret_decision && l.decision)
		*ret_decision = TAKE(l.decision);
	if (t) {
		cJSON_Delete(l.transaction);
		l.transaction = txn_json(c->h, t);
	}
	complete(l.transaction, l.line);
	cJSON_Delete(l.decision);
	cJSON_Delete(l.line);
	return l.transaction;
}

int command_id(const struct command_call *c, char letter, uint64_t *ret)
{
	const char *id = command_arg(c, "id");
	char *end;

	if (!id || (id[0] != letter && id[0] != letter + 32) || id[1] < '0' || id[1] > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoull(id + 1, &end, 10);
	return *end || errno ? -EINVAL : 0;
}

/* What this user would sign; in no record, because it has his code. */
static void add_plan(struct command_call *c, uint64_t id, cJSON *txn)
{
	const struct txn *t = txns_get(c->h->txns, id);
	cJSON *plan = t ? people_plan_json(c->h, t, c->user) : NULL;

	if (plan)
		cJSON_AddItemToObject(txn, "plan", plan);
}

cJSON *cmd_show(struct command_call *c)
{
	cJSON *data = cJSON_CreateObject(), *t;
	const struct incident *i;
	uint64_t id;

	if (command_id(c, 'I', &id) == 0) {
		i = incident_get(c->h->incidents, id);
		if (i) {
			cJSON_AddItemToObject(data, "incident", incident_json(i, true));
			return data;
		}
		cJSON_Delete(data);
		return command_fail(c, ENOENT, "no incident I%" PRIu64, id);
	}
	if (command_id(c, 'T', &id) == 0) {
		t = find_txn(c, id, NULL);
		if (t) {
			add_plan(c, id, t);
			cJSON_AddItemToObject(data, "transaction", t);
			return data;
		}
		cJSON_Delete(data);
		return command_fail(c, ENOENT, "no transaction T%" PRIu64, id);
	}
	cJSON_Delete(data);
	return command_fail(c, EINVAL, "show wants an incident (I3) or a transaction (T12)");
}

cJSON *cmd_why(struct command_call *c)
{
	cJSON *data, *t, *decision;
	uint64_t id;

	if (command_id(c, 'T', &id) < 0)
		return command_fail(c, EINVAL, "why wants a transaction (T12)");

	t = find_txn(c, id, &decision);
	if (!t && !decision)
		return command_fail(c, ENOENT, "no transaction T%" PRIu64, id);

	add_plan(c, id, t);
	data = cJSON_CreateObject();
	cJSON_AddItemToObject(data, "transaction", t ? t : cJSON_CreateNull());
	cJSON_AddItemToObject(data, "decision", decision ? decision : cJSON_CreateNull());
	return data;
}

enum word { WORD_DENY, WORD_CONFIRM, WORD_ROLLBACK };

static int say(struct command_call *c, enum word w, const struct txn *t)
{
	struct txns *e = c->h->txns;
	char why[128];

	switch (w) {
	case WORD_DENY:
		return txns_deny(e, t->id, c->user);
	case WORD_CONFIRM:
		return txns_confirm(e, t->id, c->user);
	case WORD_ROLLBACK:
		(void) snprintf(why, sizeof(why), "rolled back by %s", c->user);
		return txns_rollback(e, t->id, why);
	}
	return -EINVAL;
}

/* What the word is for, when it does not fit the state. */
static const char *word_use(enum word w)
{
	switch (w) {
	case WORD_DENY:
		return "only one that waits can be denied; rollback undoes one that is applied";
	case WORD_CONFIRM:
		return "it waits for no confirmation";
	case WORD_ROLLBACK:
		return "only one that is applied can be rolled back; deny ends one that waits";
	}
	return "";
}

static cJSON *word(struct command_call *c, enum word w, const char *name)
{
	const struct txn *t;
	cJSON *data;
	uint64_t id;
	int r;

	if (command_id(c, 'T', &id) < 0)
		return command_fail(c, EINVAL, "%s wants a transaction (T12)", name);
	t = txns_get(c->h->txns, id);
	if (!t || txn_state_final(t->state))
		return command_fail(c, ENOENT, "T%" PRIu64 " is not open", id);
	/* Recorded first: a word that was carried out but not written down would be a lie. */
	command_note(c, name, t);
	r = say(c, w, t);
	if (r < 0)
		return command_fail(c, -r, "T%" PRIu64 " is %s: %s", id, txn_state_name(t->state),
				    r == -EINVAL ? word_use(w) : strerror(-r));

	if (w != WORD_CONFIRM)
		txns_person_no(c->h->txns, id, c->user);
	data = cJSON_CreateObject();
	t = txns_get(c->h->txns, id);
	cJSON_AddItemToObject(data, "transaction", t ? txn_json(c->h, t) : cJSON_CreateNull());
	return data;
}

cJSON *cmd_deny(struct command_call *c)
{
	return word(c, WORD_DENY, "deny");
}

cJSON *cmd_confirm(struct command_call *c)
{
	return word(c, WORD_CONFIRM, "confirm");
}

cJSON *cmd_rollback(struct command_call *c)
{
	return word(c, WORD_ROLLBACK, "rollback");
}

static cJSON *pause_now(struct command_call *c, bool paused)
{
	cJSON *data = cJSON_CreateObject();

	/* What resumes may be applied at once: the word comes first. */
	command_note(c, paused ? "pause" : "resume", NULL);
	c->h->paused = paused;
	txns_pause(c->h->txns, paused);
	cJSON_AddBoolToObject(data, "paused", paused);
	return data;
}

cJSON *cmd_pause(struct command_call *c)
{
	return pause_now(c, true);
}

cJSON *cmd_resume(struct command_call *c)
{
	return pause_now(c, false);
}
