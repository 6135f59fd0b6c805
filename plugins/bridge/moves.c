/*
 * moves - how often an address that a bridge has learned appears behind another port.
 *
 * Design.  Four places to look at for each address, so that two busy addresses do not push each
 * other out; the one that was heard of longest ago makes room.
 */
#include "moves.h"

#include <stdlib.h>
#include <string.h>

#define WAYS 4

struct place {
	uint32_t master, port; /* master 0: free */
	uint32_t heard;
	uint16_t vlan;
	uint8_t mac[6];
};

struct moves {
	uint32_t clock;
	struct place place[MOVES_SIZE];
};

struct moves *moves_new(void)
{
	return calloc(1, sizeof(struct moves));
}

struct moves *moves_free(struct moves *m)
{
	free(m);
	return NULL;
}

void moves_forget(struct moves *m)
{
	memset(m, 0, sizeof(*m));
}

/* FNV-1a. */
static uint32_t hash(const struct fdb_entry *e)
{
	uint8_t bytes[12];
	uint32_t h = 2166136261u;

	memcpy(bytes, e->mac, 6);
	memcpy(bytes + 6, &e->vlan, 2);
	memcpy(bytes + 8, &e->master, 4);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		h = (h ^ bytes[i]) * 16777619u;
	return h ^ h >> 15;
}

static bool same(const struct place *p, const struct fdb_entry *e)
{
	return p->master == e->master && p->vlan == e->vlan &&
	       memcmp(p->mac, e->mac, sizeof(p->mac)) == 0;
}

uint32_t moves_take(struct moves *m, const struct fdb_entry *e)
{
	struct place *set = &m->place[hash(e) % (MOVES_SIZE / WAYS) * WAYS], *oldest = set;
	uint32_t was;

	m->clock++;
	for (unsigned i = 0; i < WAYS; i++) {
		if (same(&set[i], e)) {
			was = set[i].port;
			set[i].port = e->port;
			set[i].heard = m->clock;
			return was != e->port ? was : 0;
		}
		if (!set[i].master || m->clock - set[i].heard > m->clock - oldest->heard)
			oldest = &set[i];
	}
	*oldest = (struct place){
		.master = e->master, .port = e->port, .heard = m->clock, .vlan = e->vlan
	};
	memcpy(oldest->mac, e->mac, sizeof(oldest->mac));
	return 0;
}
