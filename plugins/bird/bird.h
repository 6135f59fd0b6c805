/*
 * bird - the state of the sensor of BIRD.
 */
#ifndef BIRD_H
#define BIRD_H

#include <stdbool.h>
#include <stdio.h>

#include <anod/ask.h>
#include <anod/plugin.h>
#include <anod/routing.h>
#include <anod/list.h>

#include "reply.h"

#define BIRD_KINDS    4
#define TABLES_MAX    64
#define PROTOCOLS_MAX 4096

enum { /* kind bird_protocol */
       PROTOCOL_TYPE,
       PROTOCOL_STATE,
       PROTOCOL_AGE,
       PROTOCOL_IMPORTED,
       PROTOCOL_FILTERED,
       PROTOCOL_EXPORTED,
       PROTOCOL_INFO,
       PROTOCOL_ATTRS
};

struct session { /* a BGP session, for counting its losses */
	char name[ANOD_NAME_SIZE];
	bool established;
	int64_t drops, age_us;
	uint64_t seen_us;
};

struct table { /* what is kept of a table while BIRD is away */
	char name[ANOD_NAME_SIZE];
	struct anod_steady steady;
};

struct bird {
	struct anod_ctx *ctx;
	char path[ANOD_TEXT_SIZE];
	struct anod_ask *ask; /* owned */
	struct anod_beat beat;
	struct anod_list daemon, peers, tables, protocols;
	struct session *session; /* owned */
	unsigned n_sessions, sessions_size;
	struct table table[TABLES_MAX];
	unsigned n_tables;
	int64_t steady_us;
	uint64_t need_us[BIRD_KINDS];
	uint64_t asked_us, latency_us;
	bool met; /* it has answered once */
	int said; /* the last error in the log */
	struct anod_value version, reconfigured;
	char now[40]; /* BIRD's clock in this reading */
};

extern const struct anod_kind bird_kinds[];

/* ---- publish.c; for the readers of reply.h, 'data' is the struct bird --------------------- */

void bird_put_table(const struct reply_table *t, void *data);
void bird_put_protocol(const struct reply_protocol *p, void *data);
/* Nothing is known of the tables any more but what they were when they were steady. */
void bird_tables_unknown(struct bird *b);
/* How long before this reading a time of BIRD's is; unknown when it cannot be read. */
struct anod_value bird_age_of(const struct bird *b, const char *then);

#endif
