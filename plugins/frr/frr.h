/*
 * frr - the state of the sensor of FRR's daemons.
 */
#ifndef FRR_H
#define FRR_H

#include <stdbool.h>

#include <anod/ask.h>
#include <anod/plugin.h>
#include <anod/routing.h>
#include <anod/list.h>

#include "reduce.h"

#define WHY_MAX 8 /* peers asked for their reason in one reading */

enum { KIND_DAEMON, KIND_BGP, KIND_RIB, KIND_OSPF, KIND_BFD, FRR_KINDS };
enum { ZEBRA, BGPD, OSPFD, BFDD, FRR_DAEMONS };

enum { /* kind ospf_neighbor */
       OSPF_STATE,
       OSPF_ADDRESS,
       OSPF_AGE,
       OSPF_DEAD,
       OSPF_RETRANSMITS,
       OSPF_ATTRS
};

enum { /* kind bfd_peer */
       BFD_STATE,
       BFD_REASON,
       BFD_REMOTE_REASON,
       BFD_AGE,
       BFD_DETECT,
       BFD_ATTRS
};

/* A session as this reading adds it up, and what is kept of it over readings. */
struct peer {
	char name[ANOD_NAME_SIZE]; /* frr/VRF/PEER */
	struct anod_value v[ANOD_BGP_ATTRS];
	struct anod_value reason; /* kept */
	int64_t drops;		  /* those that 'reason' is about; REDUCE_NOT: none yet */
	bool seen;
};

struct frr;

struct talk { /* the conversation with one daemon */
	struct frr *frr;
	unsigned number;
	struct anod_ask *ask; /* owned */
	struct anod_list daemon;
	struct anod_value version;
	uint64_t asked_us, latency_us;
	unsigned step;
	bool met, busy;
	int said;
};

struct frr {
	struct anod_ctx *ctx;
	char path[ANOD_TEXT_SIZE];
	struct talk talk[FRR_DAEMONS];
	struct anod_list peers, ribs, ospf, bfd;
	struct peer *peer; /* owned */
	unsigned n_peers, peers_size;
	struct anod_steady steady[2]; /* of IPv4 and IPv6 */
	int64_t steady_us;
	struct anod_beat beat;
	uint64_t need_us[FRR_KINDS];
	unsigned n_why;		  /* asked in this reading */
	char why[ANOD_NAME_SIZE]; /* the peer that was asked for */
};

/* A question: to whom, what, and who takes the answer.  'text' NULL: made by frr_why_question(). */
struct question {
	unsigned daemon;
	const char *text;
	int (*take)(struct frr *f, struct talk *t, const char *text, size_t size);
};
extern const struct question frr_questions[]; /* ended by a NULL 'take' */
extern const struct anod_kind frr_kinds[];
extern const char *const frr_names[FRR_DAEMONS];

/* What each daemon's answers make known; all of it unknown. */
void frr_unknown(struct frr *f, unsigned daemon);
/* The next peer whose session was lost and is back, so that its reason is not in the list of failed
 * ones: a question about it.  False: there is none. */
bool frr_why_question(struct frr *f, char *ret, size_t size);

#endif
