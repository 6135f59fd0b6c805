/*
 * tcpinfo - what the files of the sensor share.
 *
 * diag.c takes messages apart, socks.c knows the sockets, way.c their links, groups.c sums up,
 * publish.c tells, tcpinfo.c is the clockwork.
 *
 * Thread: the host's loop.  Memory: 'struct sensor' is the host's; tables are malloc()ed and
 * freed in fini().
 */
#ifndef TCPINFO_TCPINFO_H
#define TCPINFO_TCPINFO_H

#include <anod/plugin.h>

#include "groups.h"
#include "socks.h"
#include "way.h"

#define UPLINKS_MAX 32
#define LOOKUPS_MAX 128 /* questions for a way in one reading; the rest waits for the next */

/* In the order of the manifest, in both kinds. */
enum fact {
	FACT_SEGS,
	FACT_RETRANS,
	FACT_SPURIOUS,
	FACT_BYTES,
	FACT_BYTES_RETRANS,
	FACT_SOCKETS,
	FACT_LOST,
	FACT_RTT,
	FACT_MIN_RTT,
	FACT_RATE,
	FACT_PMTU,
	FACT_STUCK,
	FACT_STUCK_ALIVE,
	FACT_STUCK_SIZE,
	FACTS
};

struct sensor {
	struct anod_ctx *ctx;
	struct anod_nl *diag, *route;
	struct ways ways;
	struct socks socks;
	struct groups uplinks, prefixes;
	uint8_t len4, len6; /* bits of a block of destinations */

	uint64_t timer, period_us, idle_us;
	uint64_t need_us[2]; /* of the two kinds; 0: nobody */
	bool reading;
	unsigned n_dumps; /* of this reading that have not ended */
	unsigned n_asked; /* ways */
	uint32_t gen;	  /* of the routes when this reading began */
	int error;	  /* of this reading */
	bool lost, said_error, said_full;

	int first_tcp, first_prefix; /* facts */
	int fact_dev, fact_block, fact_stuck_host, fact_gateway;
};

extern const struct anod_kind tcpinfo_kinds[];

/* ---- publish.c ---- */

int publish_init(struct sensor *s);
/* Account for all sockets whose way is known, and tell. */
void publish_reading(struct sensor *s);

#endif
