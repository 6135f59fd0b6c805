/*
 * neighbours - the sockets, keys and guards behind txn/peers.h.
 *
 * Each peer has a UDP socket of its own that is connected to its address, so what others send never
 * reaches us.  Keys are read when the configuration is loaded and lie in memory that no core dump
 * holds.  A host without peers and grants has none of it: h->neighbours is NULL, which all of these
 * take.
 */
#ifndef HOST_NEIGHBOURS_H
#define HOST_NEIGHBOURS_H

#include "host/host.h"
#include "txn/peers.h"

struct neighbour { /* one peer of the configuration */
	struct host *host;
	unsigned number;
	int fd;
	sd_event_source *source;
	const struct config_peer *block; /* of the configuration in force */
	uint64_t opened_us, tried_us;
	char why[160]; /* why there is no key, or no socket */
};

struct neighbours {
	struct host *host;
	struct peers *peers;
	unsigned n;
	struct neighbour peer[PEERS_MAX];
	int file; /* "grants": what is given, so that a restart knows it */
};

/* After the engine; also when there is none in the configuration. */
int neighbours_open(struct host *h);
void neighbours_reload(struct host *h);
struct neighbours *neighbours_close(struct neighbours *n);
uint64_t neighbours_run(struct host *h, uint64_t now_us);
/* Is there a key that this process may use?  For config_env.key_usable. */
int neighbours_key_usable(void *data, const char *path, char *why, size_t why_size);

/* Of struct txn_ops. */
enum txn_grants neighbours_grants(void *host, const struct txn *t, uint64_t hold_us, bool ask,
				  char *why, size_t why_size);
void neighbours_grants_end(void *host, const struct txn *t, bool keep);

/* neighbours_give.c: what the policy says, and the file */
bool give_may(void *n, const char *grant, const char *peer, char *why, size_t why_size);
int give_note(void *n, unsigned place, const struct peer_given *g);
void give_over(void *n, unsigned place);
int give_open(struct neighbours *n); /* and what was given before */

/* neighbours_tell.c: ledger, people */
void neighbours_tell(void *data, const struct peer_news *n);
int neighbours_record(struct host *h, const struct peer_news *news); /* < 0: not in the ledger */
struct cJSON *neighbours_json(struct host *h);
/* "grants" of a transaction that has asked peers; nothing for others. */
void neighbours_txn_json(const struct host *h, struct cJSON *o, const struct txn *t);
void neighbours_doctor(struct cJSON *list, struct host *h);

#endif
