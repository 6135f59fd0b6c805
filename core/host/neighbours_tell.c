/*
 * neighbours_tell - what peers said and were told: ledger, incidents, people.
 *
 * Design.  Both routers write down the same story, each from its side, with the hash of the plan in
 * it; so the two ledgers can be laid side by side.  A peer's words are data from outside: cleaned
 * when they came in, shown as text, believed by nobody.
 */
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "facts/value.h"
#include "host/doctor.h"
#include "host/neighbours.h"

static bool is_ours(enum peer_what w)
{
	return w <= PEER_IS_RELEASED;
}

int neighbours_record(struct host *h, const struct peer_news *n)
{
	cJSON *b = cJSON_CreateObject();
	char hex[2 * APPROVAL_HASH + 1];

	cJSON_AddStringToObject(b, "peer", n->peer);
	cJSON_AddStringToObject(b, "did", peer_what_text(n->what));
	cJSON_AddStringToObject(b, "grant", n->grant);
	/* The number is the asker's: another router's has another name here. */
	cJSON_AddNumberToObject(b, is_ours(n->what) ? "tx" : "its_tx", (double) n->tx);
	cJSON_AddStringToObject(b, "plan",
				sodium_bin2hex(hex, sizeof(hex), n->plan, APPROVAL_HASH));
	if (n->hold_us)
		cJSON_AddNumberToObject(b, "hold_us", (double) n->hold_us);
	if (n->why[0])
		cJSON_AddStringToObject(b, "why", n->why);
	return record_event(h, "peer", b);
}

void neighbours_tell(void *data, const struct peer_news *n)
{
	struct host *h = ((struct neighbours *) data)->host;
	const struct txn *t = is_ours(n->what) && h->txns ? txns_get(h->txns, n->tx) : NULL;
	bool asks = n->what == PEER_IS_ASKED || n->what == PEER_ASKS;
	char text[PEER_WHY_SIZE + PEER_GRANT_SIZE + ANOD_NAME_SIZE + 64];

	if (n->what != PEER_WAS_GRANTED) /* that was on record before it was given */
		(void) neighbours_record(h, n);
	(void) snprintf(text, sizeof(text), "peer %s %s: \"%s\"%s%s", n->peer,
			peer_what_text(n->what), n->grant, n->why[0] ? ": " : "", n->why);
	if (t)
		incident_note(h->incidents, t->incident, LINE_TX, t->id, n->peer, host_now(h),
			      clock_wall_us(), "%s", text);
	log_about(asks ? LOG_INFO : LOG_NOTICE, t ? t->id : 0, t ? t->incident : 0, "%s", text);
	if (!asks)
		monitor_send(h, "peer", t ? t->incident : 0, t ? t->id : 0, n->peer, text);
}

void neighbours_txn_json(const struct host *h, cJSON *o, const struct txn *t)
{
	struct quorum_info q;
	cJSON *g = NULL, *list = NULL;

	for (unsigned i = 0; h->neighbours && peers_asked(h->neighbours->peers, t->id, i, &q);
	     i++) {
		cJSON *one = cJSON_CreateObject();

		if (!g) {
			g = cJSON_AddObjectToObject(o, "grants");
			cJSON_AddStringToObject(g, "grant", q.grant);
			cJSON_AddNumberToObject(g, "needs", q.needed);
			list = cJSON_AddArrayToObject(g, "peers");
		}
		cJSON_AddStringToObject(one, "peer", q.peer);
		cJSON_AddStringToObject(one, "answer", q.answer);
		if (q.why[0])
			cJSON_AddStringToObject(one, "why", q.why);
		cJSON_AddItemToArray(list, one);
	}
}

static const char *state_of(const struct neighbour *y, const struct peer_info *i)
{
	return !i->has_key	? "no key"
	       : y->fd < 0	? "no socket"
	       : i->answers	? "answers"
	       : i->n_wrong_mac ? "wrong key"
	       : i->last_us	? "silent"
				: "never answered";
}

static cJSON *peer_json(const struct neighbours *n, unsigned number, uint64_t now)
{
	const struct neighbour *y = &n->peer[number];
	cJSON *o = cJSON_CreateObject();
	struct peer_info i;
	char text[64];

	(void) peers_nth(n->peers, number, &i);
	cJSON_AddStringToObject(o, "peer", i.name);
	cJSON_AddStringToObject(o, "address",
				prefix_format(&y->block->address, text, sizeof(text)));
	cJSON_AddNumberToObject(o, "port", y->block->port);
	cJSON_AddStringToObject(o, "state", state_of(y, &i));
	if (y->why[0])
		cJSON_AddStringToObject(o, "why", y->why);
	if (i.last_us)
		cJSON_AddNumberToObject(o, "age_us", (double) (now - i.last_us));
	if (i.rtt_us)
		cJSON_AddNumberToObject(o, "rtt_us", (double) i.rtt_us);
	cJSON_AddNumberToObject(o, "wrong_mac", (double) i.n_wrong_mac);
	cJSON_AddNumberToObject(o, "malformed", (double) i.n_malformed);
	cJSON_AddNumberToObject(o, "replayed", (double) i.n_replayed);
	cJSON_AddNumberToObject(o, "limited", (double) i.n_limited);
	return o;
}

cJSON *neighbours_json(struct host *h)
{
	cJSON *data = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(data, "peers"), *given;
	const struct neighbours *n = h->neighbours;
	uint64_t now = host_now(h);

	for (unsigned i = 0; n && i < n->n; i++)
		cJSON_AddItemToArray(list, peer_json(n, i, now));
	given = cJSON_AddArrayToObject(data, "given");
	for (unsigned i = 0; n && i < PEER_GIVEN_MAX; i++) {
		const struct peer_given *g = peers_given(n->peers, i);
		cJSON *o;

		if (!g)
			continue;
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "grant", g->grant);
		cJSON_AddStringToObject(o, "peer", g->peer);
		cJSON_AddNumberToObject(o, "its_tx", (double) g->tx);
		cJSON_AddNumberToObject(o, "left_us",
					g->until_us > now ? (double) (g->until_us - now) : 0);
		cJSON_AddItemToArray(given, o);
	}
	return data;
}

void neighbours_doctor(cJSON *list, struct host *h)
{
	const struct neighbours *n = h->neighbours;
	struct peer_info i;

	for (unsigned k = 0; n && k < n->n; k++) {
		const struct neighbour *y = &n->peer[k];

		if (!peers_nth(n->peers, k, &i))
			continue;
		if (!i.has_key)
			doctor_add(list, "peer", BAD,
				   "put the same key on both routers, owned by root, mode 0600, "
				   "then 'anodctl reload'",
				   "peer %s cannot be asked: %s: %s", i.name, y->block->key_file,
				   y->why);
		else if (i.answers)
			doctor_add(list, "peer", GOOD, NULL, "peer %s answers", i.name);
		else if (i.n_wrong_mac)
			doctor_add(list, "peer", BAD, "put the same key on both routers",
				   "peer %s has another key: %" PRIu64
				   " datagrams with a wrong MAC",
				   i.name, i.n_wrong_mac);
		else
			doctor_add(list, "peer", BAD,
				   "is anod running there, with this router as its peer, and does "
				   "UDP between them pass?",
				   "peer %s does not answer%s%s: it grants nothing", i.name,
				   y->why[0] ? ": " : "", y->why);
	}
}
