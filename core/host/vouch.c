/*
 * vouch - the ledger's seal and checkpoints in the daemon, and who keeps them.
 *
 * Design.  Once a second: is a checkpoint due, is the last one on the disk, who has not got it yet?
 * A peer that does not answer is asked again in GIVE_US, for ever; its answer must repeat the
 * nonce.  A change of the signing key is given first, because whoever has not seen it refuses what
 * the new key signs.  The first key of a peer is believed because it came inside the session that
 * its shared key authenticates.
 */
#include "host/vouch.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/neighbours.h"
#include "record/witness.h"

#define GIVE_US (5 * US_PER_S)

/* ---- start and end ------------------------------------------------------------------------ */

static void say_aloud(struct host *h, const char *text)
{
	log_tell(LOG_CRIT, 0, 0, "critical", "", "ledger: %s", text);
	monitor_send(h, "note", 0, 0, NULL, text);
}

int vouch_open(struct host *h)
{
	struct vouch *v = calloc(1, sizeof(*v));
	char name[65] = "";
	int r;

	if (!v)
		return -ENOMEM;
	h->vouch = v;
	(void) gethostname(name, sizeof(name) - 1);
	r = ledger_seal(h->ledger, name);
	if (r < 0) {
		log_error("ledger in %s: it cannot be sealed: %s", h->state_dir, strerror(-r));
		return r;
	}
	ledger_seal_info(h->ledger, &v->info);
	if (v->info.alarm)
		say_aloud(h, v->info.why);
	else if (v->info.lost)
		log_warning("ledger: %s", v->info.why);
	if (v->info.seed_here)
		log_notice(
			"ledger: its seed is still here; 'anodctl ledger key' shows it once, for "
			"you to carry away");
	return 0;
}

void vouch_close(struct host *h)
{
	if (h->vouch && h->ledger)
		(void) ledger_checkpoint(h->ledger, host_now(h), clock_wall_us());
	free(h->vouch);
	h->vouch = NULL;
}

/* ---- giving ------------------------------------------------------------------------------- */

static struct given *given_to(struct vouch *v, const char *peer)
{
	for (unsigned i = 0; i < v->n_given; i++)
		if (strcmp(v->given[i].peer, peer) == 0)
			return &v->given[i];
	return NULL;
}

static struct given *given_make(struct vouch *v, const char *peer)
{
	struct given *g = given_to(v, peer);

	if (g || v->n_given == PEERS_MAX)
		return g;
	g = &v->given[v->n_given++];
	*g = (struct given){ .rotation = v->rotation.size > 0 };
	(void) copy_text(g->peer, sizeof(g->peer), peer);
	return g;
}

/* Key and signature of the note as the peer wants them. */
static bool fill(const struct checkpoint *c, const char *note, const uint8_t key[NOTE_PUBLIC],
		 const uint8_t told[NOTE_PUBLIC], struct peer_msg *m)
{
	uint8_t raw[NOTE_PUBLIC + NOTE_SIGN];

	memcpy(raw, told, NOTE_PUBLIC);
	if (!note_signed_by(note, strlen(note), key, raw + NOTE_PUBLIC))
		return false;
	(void) copy_text(m->grant, sizeof(m->grant), c->origin);
	m->tx = c->size;
	m->hold_us = c->wall_us;
	m->flags = c->rotates ? PEER_ROTATES : 0;
	memcpy(m->plan, c->head, NOTE_HASH);
	(void) sodium_bin2base64(m->why, sizeof(m->why), raw, sizeof(raw),
				 sodium_base64_VARIANT_ORIGINAL);
	return true;
}

static void give(struct host *h, struct given *g, uint64_t now)
{
	struct vouch *v = h->vouch;
	struct ledger_seal_info info;
	struct peer_msg m = { 0 };
	char origin[NOTE_ORIGIN];
	uint8_t pub[NOTE_PUBLIC];
	bool good;

	ledger_seal_info(h->ledger, &info);
	if (note_vkey_parse(info.vkey, origin, pub) < 0)
		return;
	if (g->rotation)
		good = fill(&v->rotation, v->rotation_note, v->rotation_pub, v->rotation.next, &m);
	else
		good = fill(&v->out, v->out_note, pub, pub, &m);
	if (!good)
		return;
	randombytes_buf(g->nonce, sizeof(g->nonce));
	memcpy(m.nonce, g->nonce, sizeof(m.nonce));
	g->asked_us = now;
	g->asked_size = m.tx;
	(void) peers_head(h->neighbours->peers, g->peer, &m);
}

/* A reload may have taken peers away. */
static void forget_gone(struct host *h)
{
	struct vouch *v = h->vouch;
	struct peer_info i;

	for (unsigned k = v->n_given; k-- > 0;) {
		bool there = false;

		for (unsigned p = 0; h->neighbours && peers_nth(h->neighbours->peers, p, &i); p++)
			there = there || strcmp(i.name, v->given[k].peer) == 0;
		if (!there)
			v->given[k] = v->given[--v->n_given];
	}
}

static void give_all(struct host *h, uint64_t now)
{
	struct vouch *v = h->vouch;
	struct peer_info i;

	forget_gone(h);
	for (unsigned k = 0; h->neighbours && peers_nth(h->neighbours->peers, k, &i); k++) {
		struct given *g = given_make(v, i.name);

		if (g && i.answers && (g->size < v->out.size || g->rotation) &&
		    now - g->asked_us >= GIVE_US)
			give(h, g, now);
	}
}

void vouch_on_kept(void *neighbours, const char *peer, const struct peer_msg *m)
{
	struct host *h = ((struct neighbours *) neighbours)->host;
	struct given *g = h->vouch ? given_to(h->vouch, peer) : NULL;
	bool first;

	if (!g || !g->asked_us || sodium_memcmp(m->nonce, g->nonce, sizeof(g->nonce)) != 0)
		return;
	sodium_memzero(g->nonce, sizeof(g->nonce));
	if (m->why[0] && strcmp(g->why, m->why) != 0)
		log_warning("peer %s does not keep our ledger's checkpoint: %s", peer, m->why);
	(void) copy_text(g->why, sizeof(g->why), m->why);
	first = g->rotation;
	g->rotation = false;
	if (m->why[0] || m->tx != g->asked_size)
		return;
	g->size = m->tx;
	g->kept_us = host_now(h);
	if (first) /* now the newest */
		g->asked_us = 0;
}

/* ---- keeping ------------------------------------------------------------------------------ */

int vouch_add(struct host *h, const char *note, const uint8_t *pub, const char *from)
{
	int r = witness_add(h->state_dir, note, pub, from);
	struct checkpoint c = { 0 };
	char text[256];
	cJSON *b;

	if (r != -ESTALE)
		return r;
	(void) note_parse(note, strlen(note), &c);
	(void) snprintf(text, sizeof(text),
			"the checkpoint of %s of %" PRIu64 " records that %s brought %s", c.origin,
			c.size, from, witness_why(r));
	if (strcmp(text, h->vouch->contradiction) == 0)
		return r;
	(void) copy_text(h->vouch->contradiction, sizeof(h->vouch->contradiction), text);
	b = cJSON_CreateObject();
	cJSON_AddStringToObject(b, "from", from);
	cJSON_AddStringToObject(b, "did", "contradicts");
	cJSON_AddStringToObject(b, "note", note);
	(void) record_event(h, "witness", b);
	say_aloud(h, text);
	return r;
}

void vouch_on_head(void *neighbours, const char *peer, const struct peer_msg *m,
		   struct peer_msg *answer)
{
	struct host *h = ((struct neighbours *) neighbours)->host;
	uint8_t raw[NOTE_PUBLIC + NOTE_SIGN], old[NOTE_PUBLIC];
	struct checkpoint c = { .size = m->tx, .wall_us = m->hold_us };
	_cleanup_(freep) struct witness_log *w = calloc(1, sizeof(*w));
	const uint8_t *key = raw;
	char note[NOTE_SIZE];
	int r = -EBADMSG;
	size_t n;

	if (h->vouch && w && note_origin_good(m->grant) &&
	    sodium_base642bin(raw, sizeof(raw), m->why, strlen(m->why), NULL, &n, NULL,
			      sodium_base64_VARIANT_ORIGINAL) == 0 &&
	    n == sizeof(raw)) {
		(void) copy_text(c.origin, sizeof(c.origin), m->grant);
		memcpy(c.head, m->plan, NOTE_HASH);
		if (m->flags & PEER_ROTATES) {
			/* It tells the next key; who signs it must be known. */
			c.rotates = true;
			memcpy(c.next, raw, NOTE_PUBLIC);
			key = witness_find(h->state_dir, c.origin, w) == 0
				      ? memcpy(old, w->pub, NOTE_PUBLIC)
				      : NULL;
		}
		r = key ? note_put_sign(&c, key, raw + NOTE_PUBLIC, note) : -ENOKEY;
		if (r >= 0)
			r = vouch_add(h, note, c.rotates ? NULL : raw, peer);
	}
	if (r >= 0)
		answer->tx = m->tx;
	else
		(void) copy_text(answer->why, sizeof(answer->why), witness_why(r));
}

/* ---- time --------------------------------------------------------------------------------- */

/* A rotation outlives the notes behind it, for peers that were away. */
static void take_newest(struct host *h)
{
	struct vouch *v = h->vouch;
	const char *note;
	const struct checkpoint *c = ledger_newest(h->ledger, &note);

	if (!c || c->size == v->waiting.size)
		return;
	v->waiting = *c;
	(void) copy_text(v->waiting_note, sizeof(v->waiting_note), note);
	v->ticket = 0;
}

static void publish(struct vouch *v)
{
	v->out = v->waiting;
	memcpy(v->out_note, v->waiting_note, sizeof(v->out_note));
	if (!v->out.rotates)
		return;
	v->rotation = v->out;
	memcpy(v->rotation_note, v->out_note, sizeof(v->rotation_note));
	for (unsigned i = 0; i < v->n_given; i++)
		v->given[i].rotation = true;
}

void vouch_beat(struct host *h)
{
	struct vouch *v = h->vouch;
	uint64_t now = host_now(h);

	if (!v || h->capped)
		return;
	if (v->waiting.size == v->out.size) {
		if (ledger_tend(h->ledger, now, clock_wall_us()) < 0)
			return;
		take_newest(h);
	}
	if (v->waiting.size != v->out.size) {
		if (!v->ticket)
			v->ticket = disk_later(h->disk, ledger_dup(h->ledger));
		if (disk_is_done(h->disk, v->ticket))
			publish(v);
	}
	if (v->out.size)
		give_all(h, now);
}

/* Waits for the disk: only for an operator's word. */
static void publish_now(struct host *h)
{
	struct vouch *v = h->vouch;
	_cleanup_(closep) int fd = -1;

	take_newest(h);
	fd = ledger_dup(h->ledger);
	if (v->waiting.size != v->out.size && fd >= 0 && fdatasync(fd) == 0)
		publish(v);
}

const char *vouch_note(struct host *h)
{
	struct vouch *v = h->vouch;

	if (!v)
		return NULL;
	(void) ledger_checkpoint(h->ledger, host_now(h), clock_wall_us());
	publish_now(h);
	return v->out.size ? v->out_note : NULL;
}

int vouch_rotate(struct host *h)
{
	struct ledger_seal_info info;
	char origin[NOTE_ORIGIN];
	int r;

	if (!h->vouch)
		return -EINVAL;
	ledger_seal_info(h->ledger, &info);
	r = note_vkey_parse(info.vkey, origin, h->vouch->rotation_pub);
	if (r >= 0)
		r = ledger_rotate(h->ledger, host_now(h), clock_wall_us());
	if (r >= 0)
		publish_now(h);
	return r;
}

int vouch_take_seed(struct host *h, char **ret)
{
	return h->vouch ? ledger_take_seed(h->ledger, ret) : -ENOENT;
}
