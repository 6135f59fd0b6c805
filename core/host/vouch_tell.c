/*
 * vouch_tell - the ledger's seal, checkpoints and witnesses, for people.
 *
 * Design.  What is told of other routers' checkpoints is read from their files when it is asked
 * for; nothing of it is kept here.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "host/doctor.h"
#include "host/vouch.h"
#include "record/witness.h"

static void add_checkpoint(cJSON *o, const char *name, const struct checkpoint *c)
{
	cJSON *p = cJSON_AddObjectToObject(o, name);
	uint64_t wall = clock_wall_us();
	char when[40];

	cJSON_AddNumberToObject(p, "size", (double) c->size);
	cJSON_AddStringToObject(p, "t", format_wall(c->wall_us, when, sizeof(when)));
	cJSON_AddNumberToObject(p, "age_us", wall > c->wall_us ? (double) (wall - c->wall_us) : 0);
}

void vouch_json(struct host *h, cJSON *o)
{
	struct ledger_seal_info i;
	cJSON *seal;

	if (!h->vouch)
		return;
	ledger_seal_info(h->ledger, &i);
	seal = cJSON_AddObjectToObject(o, "seal");
	cJSON_AddNumberToObject(seal, "epoch", (double) i.epoch);
	cJSON_AddNumberToObject(seal, "since", (double) i.since);
	cJSON_AddBoolToObject(seal, "seed_here", i.seed_here);
	cJSON_AddBoolToObject(seal, "alarm", h->vouch->info.alarm);
	cJSON_AddNumberToObject(seal, "lost", (double) h->vouch->info.lost);
	if (h->vouch->info.why[0])
		cJSON_AddStringToObject(seal, "why", h->vouch->info.why);
	cJSON_AddStringToObject(o, "origin", i.origin);
	cJSON_AddStringToObject(o, "pubkey", i.vkey);
	if (h->vouch->out.size)
		add_checkpoint(o, "checkpoint", &h->vouch->out);
	else
		cJSON_AddNullToObject(o, "checkpoint");
}

static int add_log(const struct witness_log *w, void *data)
{
	cJSON *o = cJSON_CreateObject();
	char vkey[NOTE_VKEY];

	cJSON_AddStringToObject(o, "origin", w->origin);
	cJSON_AddStringToObject(o, "from", w->from);
	cJSON_AddStringToObject(o, "file", w->file);
	cJSON_AddStringToObject(o, "pubkey", note_vkey(w->origin, w->pub, vkey));
	cJSON_AddNumberToObject(o, "notes", w->n);
	add_checkpoint(o, "checkpoint", &w->last);
	cJSON_AddItemToArray(data, o);
	return 0;
}

void vouch_witnesses_json(struct host *h, cJSON *o)
{
	cJSON *kept = cJSON_AddArrayToObject(o, "kept"),
	      *given = cJSON_AddArrayToObject(o, "given");
	const struct vouch *v = h->vouch;
	uint64_t now = host_now(h);

	(void) witness_each(h->state_dir, add_log, kept);
	for (unsigned k = 0; v && k < v->n_given; k++) {
		const struct given *g = &v->given[k];
		cJSON *p = cJSON_CreateObject();

		cJSON_AddStringToObject(p, "peer", g->peer);
		cJSON_AddNumberToObject(p, "size", (double) g->size);
		if (g->kept_us)
			cJSON_AddNumberToObject(p, "age_us", (double) (now - g->kept_us));
		if (g->why[0])
			cJSON_AddStringToObject(p, "why", g->why);
		cJSON_AddItemToArray(given, p);
	}
}

void vouch_doctor(cJSON *list, struct host *h)
{
	const struct vouch *v = h->vouch;
	struct ledger_seal_info i;

	if (!v)
		return;
	ledger_seal_info(h->ledger, &i);
	if (v->info.alarm)
		doctor_add(list, "seal", BAD,
			   "look at it with anod-verify and a witness's checkpoints; the record "
			   "goes on",
			   "the ledger: %s", v->info.why);
	else if (i.seed_here)
		doctor_add(list, "seal", NOTE,
			   "anodctl ledger key > FILE, and carry the file away from here",
			   "the ledger's seed is still on this router: who takes it can write the "
			   "past again");
	else
		doctor_add(list, "seal", GOOD, NULL,
			   "the ledger is sealed from record %" PRIu64 ", epoch %" PRIu64, i.since,
			   i.epoch);
	for (unsigned k = 0; k < v->n_given; k++)
		if (v->given[k].why[0])
			doctor_add(
				list, "witness", BAD,
				"look at this ledger with anod-verify and what that router keeps",
				"peer %s does not keep our checkpoint: it %s", v->given[k].peer,
				v->given[k].why);
	if (v->contradiction[0])
		doctor_add(list, "witness", BAD,
			   "look at that router's ledger with anod-verify and the file in "
			   "\"witness\" here",
			   "%s", v->contradiction);
}
