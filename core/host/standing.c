/*
 * standing - what history earns.
 *
 * Design.  A transaction is entered at INTENT, marked when the kernel has it, and ended when it is
 * kept, rolled back or left; each step is one line in the file before anything else is done, so a
 * daemon that is killed finds at its next start what was open.  The recovery of the engine says
 * how it ended.  What even that does not know has failed: its terminal record was written, and we
 * died before ours.
 *
 * Whoever is promoted or loses it is told when it is so, not when it is asked next; a promotion
 * that ends because its outcomes grew too old is found by a look once a minute.
 */
#include "host/standing.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/notify.h"
#include "host/track_file.h"

#define LOOK_EVERY_US (60 * US_PER_S)
#define KNOWN_MAX     1024 /* (permit, agent, action, class) whose changes are told */

struct known {
	char permit[ANOD_NAME_SIZE], agent[ANOD_NAME_SIZE];
	char action[ANOD_KIND_SIZE], role[ANOD_NAME_SIZE];
	enum level level;
};

struct standing {
	struct track_file *file;
	uint64_t look_us; /* when to look again */
	bool quiet;	  /* the first look: nothing has changed */
	unsigned n_known;
	struct known known[KNOWN_MAX];
};

static int64_t now_of(const struct host *h)
{
	return (int64_t) host_now(h);
}

/* ---- who has a standing ------------------------------------------------------------------- */

static bool earns(const struct policy_rule *r)
{
	return r->kind == RULE_PERMIT && (r->promote.to || r->demote.to_set);
}

static bool same_group(const struct track_entry *a, const struct track_entry *b)
{
	return strcmp(a->permit, b->permit) == 0 && strcmp(a->agent, b->agent) == 0 &&
	       strcmp(a->action, b->action) == 0 && strcmp(a->role, b->role) == 0;
}

typedef void group_fn(struct host *h, const struct policy_rule *r, const struct track_entry *e,
		      void *data);

/* Call 'fn' for one entry of each (agent, action, class) of the permit; how many. */
static unsigned each_group(struct host *h, const struct policy_rule *r, group_fn *fn, void *data)
{
	unsigned at[KNOWN_MAX], n = 0;

	for (unsigned i = 0; i < track_count(h->track) && n < KNOWN_MAX; i++) {
		const struct track_entry *e = track_nth(h->track, i);
		bool seen = e->touched || !e->role[0] || strcmp(e->permit, r->name) != 0;

		for (unsigned k = 0; k < n && !seen; k++)
			seen = same_group(track_nth(h->track, at[k]), e);
		if (seen)
			continue;
		at[n++] = i;
		fn(h, r, e, data);
	}
	return n;
}

/* ---- telling ------------------------------------------------------------------------------ */

static void tell(struct host *h, const struct policy_rule *r, const struct known *k, enum level was,
		 const struct track_standing *s)
{
	bool up = k->level > was;
	char how[256], text[640];
	cJSON *b = cJSON_CreateObject();

	(void) standing_text(r, s, host_now(h), how, sizeof(how));
	(void) snprintf(text, sizeof(text), "permit \"%s\" of agent %s on %s is %s %s for %s: %s",
			k->permit, k->agent, k->role, level_name(k->level),
			up ? "from now on" : "again", k->action, how);
	if (k->level < r->level)
		(void) snprintf(text, sizeof(text),
				"permit \"%s\" of agent %s on %s is only %s for %s: %s", k->permit,
				k->agent, k->role, level_name(k->level), k->action, how);
	cJSON_AddStringToObject(b, "permit", k->permit);
	cJSON_AddStringToObject(b, "agent", k->agent);
	cJSON_AddStringToObject(b, "action", k->action);
	cJSON_AddStringToObject(b, "class", k->role);
	cJSON_AddStringToObject(b, "was", level_name(was));
	cJSON_AddStringToObject(b, "level", level_name(k->level));
	cJSON_AddNumberToObject(b, "verified", s->verified);
	cJSON_AddNumberToObject(b, "needs", r->promote.after);
	cJSON_AddNumberToObject(b, "failed", s->failed);
	cJSON_AddStringToObject(b, "text", text);
	(void) record_event(h, "standing", b);
	log_text(up ? LOG_NOTICE : LOG_WARNING, "%s", text);
	monitor_send(h, "standing", 0, 0, k->agent, text);
	notify_permit(h, r, "standing", k->agent, text);
}

static struct known *find_known(struct standing *s, const struct track_entry *e)
{
	struct known *k;

	for (unsigned i = 0; i < s->n_known; i++) {
		k = &s->known[i];
		if (strcmp(k->permit, e->permit) == 0 && strcmp(k->agent, e->agent) == 0 &&
		    strcmp(k->action, e->action) == 0 && strcmp(k->role, e->role) == 0)
			return k;
	}
	if (s->n_known == KNOWN_MAX)
		return NULL;

	k = &s->known[s->n_known++];
	*k = (struct known){ .level = LEVEL_DENY };
	(void) copy_text(k->permit, sizeof(k->permit), e->permit);
	(void) copy_text(k->agent, sizeof(k->agent), e->agent);
	(void) copy_text(k->action, sizeof(k->action), e->action);
	(void) copy_text(k->role, sizeof(k->role), e->role);
	return k;
}

static void look_group(struct host *h, const struct policy_rule *r, const struct track_entry *e,
		       void *data)
{
	struct standing *s = data;
	struct known *k = find_known(s, e);
	struct track_standing now;
	enum level was;

	if (!k)
		return;
	track_standing(h->track, r, e->agent, e->action, e->role, host_now(h), &now);
	was = k->level ? k->level : r->level;
	k->level = track_level(r, &now);
	if (k->level != was && !s->quiet)
		tell(h, r, k, was, &now);
}

static void look(struct host *h)
{
	const struct policy *p = h->config->policy;
	struct standing *s = h->standing;

	for (unsigned i = 0; i < p->n_rules; i++)
		if (earns(&p->rule[i]))
			(void) each_group(h, &p->rule[i], look_group, s);
	s->look_us = host_now(h) + LOOK_EVERY_US;
}

void standing_beat(struct host *h, bool at_once)
{
	struct standing *s = h->standing;

	if (!s || (!at_once && host_now(h) < s->look_us))
		return;
	if (at_once)
		s->n_known = 0; /* permits may be others by the same name */
	s->quiet = at_once;
	look(h);
	s->quiet = false;
	track_file_retry(s->file, h->track, now_of(h));
}

/* ---- feeding ------------------------------------------------------------------------------ */

static void save(struct host *h, uint64_t tx)
{
	track_file_note(h->standing->file, h->track, tx, now_of(h));
}

static void begin(struct host *h, const struct txn *t)
{
	const struct decision *d = t->decision;
	int r;

	if (!d || !d->n_entries)
		return;
	for (unsigned i = 0; i < d->n_entries; i++) {
		d->entry[i].tx = t->id;
		d->entry[i].at_us = now_of(h);
		d->entry[i].outcome = OUTCOME_OPEN;
	}
	r = track_add(h->track, d->entry, d->n_entries);
	if (r < 0)
		log_warning("T%" PRIu64 " leaves no track: %s", t->id, strerror(-r));
	else
		save(h, t->id);
}

static void end(struct host *h, const struct txn *t, enum outcome o)
{
	if (track_end(h->track, t->id, o, now_of(h)) == 0)
		return;
	save(h, t->id);
	look(h);
}

/* It was in force before it was taken back, and a restart may have been in between. */
static void taken_back(struct host *h, const struct txn *t, const struct track_entry *e)
{
	if (!e->applied)
		(void) track_applied(h->track, t->id, e->at_us);
	(void) track_undone(h->track, t->id, now_of(h));
	if (t->undo_was_due && e->outcome == OUTCOME_VERIFIED)
		save(h, t->id); /* as it was meant */
	else if (t->undo_was_due && t->reflex.kind == REFLEX_BRIDGE)
		end(h, t, OUTCOME_VERIFIED); /* its way back is its good end */
	else
		end(h, t, OUTCOME_ROLLED_BACK);
}

static void kept(struct host *h, const struct txn *t, const struct track_entry *e)
{
	if (e->outcome != OUTCOME_OPEN)
		return;
	if (!e->applied)
		(void) track_applied(h->track, t->id, e->at_us);
	end(h, t, OUTCOME_VERIFIED);
}

static void finish(struct host *h, const struct txn *t, const struct track_entry *e)
{
	switch (t->state) {
	case TXN_COMMIT:
	case TXN_DONE:
		kept(h, t, e);
		return;
	case TXN_ROLLED_BACK:
		taken_back(h, t, e);
		return;
	case TXN_STUCK:
		end(h, t, OUTCOME_STUCK);
		return;
	case TXN_SUPERSEDED:
		if (e->outcome == OUTCOME_OPEN)
			end(h, t, OUTCOME_SUPERSEDED);
		return;
	case TXN_CLOSED_BY_REBOOT:
		if (e->outcome != OUTCOME_OPEN)
			return;
		(void) track_doubt(h->track, t->id);
		end(h, t, OUTCOME_SUPERSEDED);
		return;
	case TXN_ABORTED:
	case TXN_FAILED: /* nothing was changed */
		if (e->outcome == OUTCOME_OPEN && track_drop(h->track, t->id))
			save(h, t->id);
		return;
	default:
		return;
	}
}

void standing_txn(struct host *h, const struct txn *t, enum txn_state old)
{
	const struct track_entry *e;

	if (!h->standing)
		return;
	/* What only waits for its trigger has done nothing that could be counted. */
	if (t->state == TXN_INTENT && (!t->reflex.kind || t->reflex.kind == REFLEX_KERNEL))
		begin(h, t);
	else if (t->state == TXN_VERIFYING && old != TXN_APPLYING && !track_find(h->track, t->id))
		begin(h, t);
	if (t->state == TXN_VERIFYING)
		(void) track_applied(h->track, t->id, now_of(h));
	else if ((e = track_find(h->track, t->id)))
		finish(h, t, e);
}

/* ---- start -------------------------------------------------------------------------------- */

int standing_open(struct host *h)
{
	struct ledger_seal_info ledger;

	h->standing = calloc(1, sizeof(*h->standing));
	if (!h->standing)
		return -ENOMEM;
	ledger_seal_info(h->ledger, &ledger);
	return track_file_open(h->state_dir, ledger.fresh, h->track, now_of(h), &h->standing->file);
}

void standing_settle(struct host *h)
{
	for (unsigned i = 0; i < track_count(h->track); i++) {
		const struct track_entry *e = track_nth(h->track, i);
		const struct txn *t = txns_get(h->txns, e->tx);

		if (e->outcome != OUTCOME_OPEN || (t && !txn_state_final(t->state)))
			continue;
		log_warning("T%" PRIu64 " of agent %s: how it ended was lost when anod was killed; "
			    "it counts as rolled back",
			    e->tx, e->agent);
		(void) track_doubt(h->track, e->tx);
		(void) track_end(h->track, e->tx, OUTCOME_ROLLED_BACK, now_of(h));
		save(h, e->tx);
	}
	standing_beat(h, true);
}

void standing_close(struct host *h)
{
	if (!h->standing)
		return;
	h->standing->file = track_file_close(h->standing->file);
	free(h->standing);
	h->standing = NULL;
}

/* ---- answering ---------------------------------------------------------------------------- */

static void add_terms(cJSON *o, const struct policy_rule *r)
{
	cJSON_AddStringToObject(o, "permit", r->name);
	cJSON_AddStringToObject(o, "base", level_name(r->level));
	if (!r->promote.to)
		return;
	cJSON_AddStringToObject(o, "promotes_to", level_name(r->promote.to));
	cJSON_AddNumberToObject(o, "needs", r->promote.after);
	if (r->promote.within_us)
		cJSON_AddNumberToObject(o, "within_us", (double) r->promote.within_us);
}

static void add_row(struct host *h, const struct policy_rule *r, const struct track_entry *e,
		    void *data)
{
	cJSON *o = cJSON_CreateObject();
	struct track_standing s;
	char text[256];

	track_standing(h->track, r, e->agent, e->action, e->role, host_now(h), &s);
	add_terms(o, r);
	cJSON_AddStringToObject(o, "agent", e->agent);
	cJSON_AddStringToObject(o, "action", e->action);
	cJSON_AddStringToObject(o, "class", e->role);
	cJSON_AddStringToObject(o, "level", level_name(track_level(r, &s)));
	cJSON_AddNumberToObject(o, "verified", s.verified);
	cJSON_AddNumberToObject(o, "failed", s.failed);
	cJSON_AddBoolToObject(o, "promoted", s.promoted);
	cJSON_AddBoolToObject(o, "demoted", s.demoted);
	(void) standing_text(r, &s, host_now(h), text, sizeof(text));
	if (!text[0]) /* there is nothing to earn, and nothing was lost */
		(void) snprintf(text, sizeof(text), "%u verified, %u rolled back", s.verified,
				s.failed);
	cJSON_AddStringToObject(o, "text", text);
	cJSON_AddItemToArray(data, o);
}

cJSON *standing_json(struct host *h)
{
	cJSON *data = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(data, "standing"), *o;
	const struct policy *p = h->config->policy;
	int64_t since_us = h->track ? track_known_since(h->track) : TRACK_EVER;

	for (unsigned i = 0; i < p->n_rules && h->track; i++) {
		const struct policy_rule *r = &p->rule[i];

		if (!earns(r) || each_group(h, r, add_row, list) > 0)
			continue;
		o = cJSON_CreateObject();
		add_terms(o, r);
		cJSON_AddStringToObject(o, "level", level_name(r->level));
		cJSON_AddNumberToObject(o, "verified", 0);
		cJSON_AddStringToObject(o, "text", "nothing was done under it yet");
		cJSON_AddItemToArray(list, o);
	}
	if (since_us != TRACK_EVER)
		cJSON_AddNumberToObject(data, "known_for_us", (double) (now_of(h) - since_us));
	return data;
}
