/*
 * commands_ledger - the ledger's keys, checkpoints and witnesses on the control socket.
 *
 * Design.  One command, with the word "do": nothing (how it stands), key, checkpoint, rotate, add,
 * witnesses.  The seed leaves the router once, to root alone, and that is on record first.
 */
#include <errno.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "host/commands.h"
#include "host/vouch.h"
#include "record/witness.h"

static bool is_root(const struct command_call *c)
{
	return strcmp(c->user, "root") == 0;
}

static cJSON *about(struct command_call *c)
{
	cJSON *o = cJSON_CreateObject();
	uint64_t lines;

	cJSON_AddStringToObject(o, "head", ledger_head(c->h->ledger, &lines));
	cJSON_AddNumberToObject(o, "lines", (double) lines);
	cJSON_AddStringToObject(o, "dir", c->h->state_dir);
	vouch_json(c->h, o);
	return o;
}

static cJSON *key(struct command_call *c)
{
	struct ledger_seal_info i = { 0 };
	char *text = NULL;
	cJSON *o;
	int r;

	if (!is_root(c))
		return command_fail(c, EPERM, "the seed is for root alone");
	if (c->h->vouch)
		ledger_seal_info(c->h->ledger, &i);
	if (!i.seed_here)
		return command_fail(c, ENOENT,
				    "the seed was carried away, or this ledger was never sealed");
	command_note(c, "ledger key", NULL);
	r = vouch_take_seed(c->h, &text);
	if (r < 0)
		return command_fail(c, -r, "the seed cannot be taken away: %s", strerror(-r));
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "seed", text);
	free(text);
	return o;
}

static cJSON *checkpoint(struct command_call *c)
{
	const char *note = vouch_note(c->h);
	cJSON *o;

	if (!note)
		return command_fail(c, ENOENT, "there is no checkpoint");
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "note", note);
	return o;
}

static cJSON *rotate(struct command_call *c)
{
	int r;

	command_note(c, "ledger rotate", NULL);
	r = vouch_rotate(c->h);
	if (r < 0)
		return command_fail(c, -r, "the signing key is not changed: %s", strerror(-r));
	return about(c);
}

/* One note, and with the first of a ledger its key. */
static cJSON *add(struct command_call *c)
{
	const char *note = command_arg(c, "note"), *vkey = command_arg(c, "pubkey");
	char origin[NOTE_ORIGIN];
	uint8_t pub[NOTE_PUBLIC];
	cJSON *o;
	int r;

	if (!note)
		return command_fail(c, EINVAL, "add wants a note");
	if (!c->h->vouch)
		return command_fail(c, EINVAL, "nothing is kept here");
	if (vkey && note_vkey_parse(vkey, origin, pub) < 0)
		return command_fail(c, EINVAL, "pubkey is no public key of a ledger");
	command_note(c, "ledger witness add", NULL);
	r = vouch_add(c->h, note, vkey ? pub : NULL, c->user);
	if (r < 0)
		return command_fail(c, -r, "the checkpoint %s", witness_why(r));
	o = cJSON_CreateObject();
	cJSON_AddBoolToObject(o, "kept", r > 0);
	return o;
}

static cJSON *witnesses(struct command_call *c)
{
	cJSON *o = cJSON_CreateObject();

	vouch_witnesses_json(c->h, o);
	return o;
}

cJSON *cmd_ledger(struct command_call *c)
{
	static const struct {
		const char *name;
		cJSON *(*run)(struct command_call *);
	} words[] = { { "key", key },
		      { "checkpoint", checkpoint },
		      { "rotate", rotate },
		      { "add", add },
		      { "witnesses", witnesses } };
	const char *word = command_arg(c, "do");

	if (!word)
		return about(c);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].name, word) == 0)
			return words[i].run(c);
	return command_fail(c, EINVAL, "ledger does key, checkpoint, rotate, add or witnesses");
}
