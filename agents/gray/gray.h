/*
 * gray - what the files of the agent share.
 *
 * gray.c is life and events, path.c judges one link, group.c knows next-hop groups and proposes,
 * tell.c finds and clears, sprt.c is the test.
 *
 * Thread: the cell's.  Memory: all from host->alloc, bounded by the numbers below.
 */
#ifndef GRAY_GRAY_H
#define GRAY_GRAY_H

#include <anod/plugin.h>
#include <stdbool.h>

#include "sprt.h"

#define PATHS_MAX    16
#define TARGETS_MAX  4
#define GROUPS_MAX   8
#define MEMBERS_MAX  8
#define PREFIXES_MAX 32
#define SNAPSHOTS    16 /* seconds of TCP counters */

#define TICK_US	    UINT64_C(1000000)
#define RETRY_US    UINT64_C(60000000) /* after a refusal; doubles */
#define RETRY_MAX   6
#define CONGEST_US  UINT64_C(10000000) /* loss so soon after a full queue is the queue's */
#define QUEUE_US    5000	       /* round-trip time above the least one: a standing queue */
#define SILENT_US   UINT64_C(5000000)  /* probes that say nothing for so long are none */
#define RELAPSE	    10		       /* clean times; a fault within them doubles the next one */
#define RELAPSE_MAX 4		       /* doublings */

/* What is thought of a link:
 *
 *   WELL -> SUSPECT (connections lose) -> GRAY (so do control probes, or a second destination)
 *                                      -> ELSEWHERE (probes do not: it is behind the path)
 *   GRAY -> WELL (probes say so for the clean time; weights are back)
 *   SUSPECT, ELSEWHERE -> WELL (connections lose no more, or a queue of ours explains it)
 */
enum state { WELL, SUSPECT, GRAY, ELSEWHERE };

struct target {
	struct anod_prefix address;
	char entity[ANOD_NAME_SIZE]; /* "wan0/192.0.2.1" */
	int64_t sent, lost, voided, fed_sent, fed_lost, fed_voided;
	bool based;
};

struct path { /* a link by which members of groups go */
	struct agent *a;
	char dev[ANOD_IFNAME_SIZE];
	enum state state;
	enum anod_tri tcp; /* lossy(tcp.lost, tcp.segs) */
	bool ignored;	   /* until 'tcp' is false once: a queue, or judged already */
	double loss;	   /* of connections, when it was suspected */
	struct sprt test, back;
	struct target target[TARGETS_MAX];
	uint64_t heard_us;	   /* of probes */
	uint64_t full_us;	   /* a queue was seen to stand */
	uint64_t bad_us, clean_us; /* evidence of loss was last seen; how long it has to be away */
	uint64_t restored_us;
	unsigned relapses;
	struct {
		int64_t segs, lost;
	} past[SNAPSHOTS];
	unsigned n_past;
	uint64_t finding;
};

enum member_state { NORMAL, LOWERING, LOWERED, RAISING };

struct member {
	struct agent *a;
	struct group *g;
	uint32_t id;
	unsigned weight, before; /* now; before we lowered it */
	struct path *path;
	enum member_state state;
	uint64_t proposal, retry_us;
	unsigned refused;
};

struct group {
	uint32_t id;
	struct member member[MEMBERS_MAX];
	unsigned n_members;
	bool there;
};

struct agent {
	struct anod_ctx *ctx;
	uint64_t every_us, clean_us;
	unsigned keep; /* weight of a lossy member */
	struct anod_prefix probe[TARGETS_MAX];
	unsigned n_probes;
	struct path *path[PATHS_MAX];
	unsigned n_paths;
	struct group group[GROUPS_MAX];
	unsigned n_groups;
	char lossy[PREFIXES_MAX][ANOD_NAME_SIZE]; /* tcp_prefix entities that are; "": free */
	bool said_full;
};

/* ---- gray.c ---- */

/* The path of a link, made when new; NULL: there are too many. */
struct path *path_get(struct agent *a, const char *dev);
/* Number of a fact, or 'dflt' when it is not known. */
int64_t number(struct agent *a, const char *kind, const char *entity, const char *attr,
	       int64_t dflt);

/* ---- path.c ---- */

/* Connections over it lose, or lose no more. */
void path_tcp(struct path *p, enum anod_tri lossy);
/* Outcomes of a target's probes: its counters have grown. */
void path_probed(struct path *p, struct target *t);
/* It is well again when no member is held down any more. */
void path_settle(struct path *p);
/* A second has passed. */
void path_tick(struct path *p);
/* Lossy destinations behind it. */
unsigned path_prefixes(const struct path *p, const char **ret_one);
/* Has it been well for the clean time, for sure? */
bool path_clean(const struct path *p);
/* Segments lost a second that would prove that most of the loss is gone. */
double path_limit(const struct path *p);
/* Do its probes speak? */
bool path_heard(const struct path *p);

/* ---- group.c ---- */

/* Read what the groups are. */
void groups_read(struct agent *a);
/* Propose what follows from the paths. */
void groups_review(struct agent *a);
/* Is a member of this path still lowered, or about to be? */
bool groups_hold(const struct agent *a, const struct path *p);

/* ---- tell.c ---- */

void tell_gray(struct path *p);
void tell_elsewhere(struct path *p);
void tell_clear(struct path *p, const char *why);

#endif
