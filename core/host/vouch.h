/*
 * vouch - the ledger's seal and checkpoints in the daemon, and who keeps them.
 *
 * A checkpoint is given away only when the ledger is on the disk up to it (disk_later), so a
 * witness never has more than this router after a power failure.  Every peer is given the newest
 * one until it says that it keeps it; what peers give us is kept in "witness" (record/witness.h).
 *
 * All of these take a host whose h->vouch is NULL.
 */
#ifndef HOST_VOUCH_H
#define HOST_VOUCH_H

#include "host/host.h"
#include "record/note.h"
#include "txn/peers.h"

/* Behind ledger_open(), before anything is written: seals, and says aloud what it found. */
int vouch_open(struct host *h);
void vouch_beat(struct host *h);  /* once a second */
void vouch_close(struct host *h); /* the last checkpoint */

/* Of struct peers_ops. */
void vouch_on_head(void *neighbours, const char *peer, const struct peer_msg *m,
		   struct peer_msg *answer);
void vouch_on_kept(void *neighbours, const char *peer, const struct peer_msg *m);

/* For an operator; these wait for the disk.  A checkpoint of now, to be given away; NULL: none. */
const char *vouch_note(struct host *h);
int vouch_rotate(struct host *h);		 /* the signing key; peers are told */
int vouch_take_seed(struct host *h, char **ret); /* malloc()ed; -ENOENT: it was taken before */

/* < 0: errno of witness_add(), and it was said aloud where it is a contradiction. */
int vouch_add(struct host *h, const char *note, const uint8_t *pub, const char *from);

/* vouch_tell.c */
void vouch_json(struct host *h, struct cJSON *o);	    /* members of the command "ledger" */
void vouch_witnesses_json(struct host *h, struct cJSON *o); /* whose I keep, who keeps mine */
void vouch_doctor(struct cJSON *list, struct host *h);

struct given { /* our checkpoints, to one peer */
	char peer[ANOD_NAME_SIZE];
	uint64_t size, kept_us; /* what it keeps, and since when; 0: nothing that we know of */
	uint64_t asked_us, asked_size;
	uint8_t nonce[PEER_RANDOM];
	bool rotation; /* it has to see the change of the key first */
	char why[PEER_WHY_SIZE];
};

struct vouch {
	struct ledger_seal_info info; /* as it was at the start */
	uint64_t ticket;	      /* of the sync up to 'waiting' */
	struct checkpoint waiting, out;
	char waiting_note[NOTE_SIZE], out_note[NOTE_SIZE]; /* out: may be given away */
	struct checkpoint rotation; /* the last one of this run; size 0: none */
	char rotation_note[NOTE_SIZE];
	uint8_t rotation_pub[NOTE_PUBLIC]; /* the key before it */
	unsigned n_given;
	struct given given[PEERS_MAX];
	char contradiction[256]; /* the last one of somebody else's ledger; "": none */
};

#endif
