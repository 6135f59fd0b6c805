/*
 * incident - findings that belong together, with one timeline.
 *
 * A finding opens an incident, or joins an open one when it names the same entity, an entity
 * that shares a link with it (also of one that closed within INCIDENT_JOIN_US: the tail of a
 * fault), or came within INCIDENT_JOIN_US from the same cause.  The timeline
 * holds, in order of time: the facts of the evidence, findings, answers of models, decisions,
 * each transition of a transaction, verification and recovery.  An incident closes when its
 * findings are cleared and its transactions final; it reopens when the finding returns within
 * INCIDENT_REOPEN_US.
 *
 * Pure but for the listener, which gets every new line (for the ledger, 'monitor' and the journal).
 */
#ifndef INCIDENT_INCIDENT_H
#define INCIDENT_INCIDENT_H

#include <anod/plugin.h>

#include "base/util.h"

#define INCIDENT_JOIN_US      (30 * UINT64_C(1000000))
#define INCIDENT_TELL_US      (60 * UINT64_C(1000000)) /* between two lines about the same finding */
#define INCIDENT_REOPEN_US    (300 * UINT64_C(1000000))
#define INCIDENTS_MAX	      1000 /* closed ones beyond it are dropped, oldest first */
#define INCIDENT_LINES_MAX    500  /* lines beyond it are counted only */
#define INCIDENT_LINE_SIZE    320
#define INCIDENT_FINDINGS_MAX 128 /* of one incident; beyond it -ENOSPC */

enum line_kind {
	LINE_FACT = 1,
	LINE_FINDING,
	LINE_ANSWER,
	LINE_DECISION,
	LINE_TX,
	LINE_OPERATOR,
	LINE_VERIFIED,
	LINE_CLEARED,
	LINE_NOTE
};
const char *line_kind_name(enum line_kind k);

struct incident_line {
	uint64_t wall_us, boot_us;
	enum line_kind kind;
	uint64_t tx; /* 0: none */
	char agent[ANOD_NAME_SIZE];
	char text[INCIDENT_LINE_SIZE];
};

/* What a fact of the evidence was when the finding was last said. */
struct incident_evidence {
	char value[64]; /* for people; "": nobody knows what it was */
	uint64_t age_us;
	bool dated; /* age_us is known */
};

struct incident_finding {
	uint64_t id;
	char agent[ANOD_NAME_SIZE];
	struct anod_finding f;
	struct incident_evidence evidence[ANOD_REFS_MAX]; /* of f.ref */
	uint64_t opened_us, cleared_us;			  /* 0: open */
	uint64_t told_us;				  /* when the timeline last heard of it */
	uint64_t seen_us;				  /* when its agent last said it */
};

struct incident {
	uint64_t id;
	char title[ANOD_REASON_SIZE];
	bool open;
	uint64_t opened_wall_us, closed_wall_us, opened_us, closed_us;
	unsigned n_findings, n_lines, n_lines_dropped, n_open_txns;
	struct incident_finding *finding;
	struct incident_line *line;
};

struct incidents;
typedef void incident_listener(void *data, const struct incident *i, const struct incident_line *l);

struct incidents *incidents_new(uint64_t first_id, incident_listener *fn, void *data);
/* Asked for each fact of a finding's evidence when it is said; *ret is empty before.  'fn' NULL:
 * evidence has names alone. */
typedef void incident_look(void *data, const struct anod_ref *ref, struct incident_evidence *ret);
void incidents_look(struct incidents *s, incident_look *fn, void *data);
struct incidents *incidents_free(struct incidents *s);
DEFINE_CLEANUP(struct incidents *, incidents_free);

/* Open or update; ids of the finding and its incident.  The cause is the same when the code is,
 * or when both name a fact as evidence.  -ENOSPC: INCIDENTS_MAX are open. */
int incident_find(struct incidents *s, const char *agent, const struct anod_finding *f,
		  uint64_t now_us, uint64_t wall_us, uint64_t *ret_finding, uint64_t *ret_incident);
int incident_clear(struct incidents *s, uint64_t finding, const char *why, uint64_t now_us,
		   uint64_t wall_us);
/* Add a line; 'incident' 0 is ignored. */
void incident_note(struct incidents *s, uint64_t incident, enum line_kind kind, uint64_t tx,
		   const char *agent, uint64_t now_us, uint64_t wall_us, const char *fmt, ...)
	_printf_(8, 9);
/* A transaction of the incident opened (+1) or ended (-1). */
void incident_txn(struct incidents *s, uint64_t incident, int change, uint64_t now_us,
		  uint64_t wall_us);

uint64_t incident_of_finding(const struct incidents *s, uint64_t finding); /* 0: none */
const struct anod_finding *incident_finding_get(const struct incidents *s, uint64_t finding);
const struct incident *incident_get(const struct incidents *s, uint64_t id);
const struct incident *incident_nth(const struct incidents *s, unsigned n); /* newest first */

struct cJSON;
/* The form of docs/control.md, "show"; without lines that of "incidents".  NULL: no memory. */
struct cJSON *incident_json(const struct incident *i, bool with_lines);
/* After a restart: bring back what a ledger line of kind "incident" says, whose body is
 * {"incident": incident_json()}; newest first.  1: restored, 0: already known, -EBADMSG.  One
 * that was open counts as closed until its finding returns, because its agents begin anew. */
int incident_restore(struct incidents *s, const struct cJSON *ledger_line);
/* Then, in a second walk of the same lines, the timeline: {"incident":{"id"},"line":{...}} as
 * incident_line_json() writes it.  Lines of unknown incidents are left out. */
int incident_restore_line(struct incidents *s, const struct cJSON *ledger_line);
struct cJSON *incident_line_json(const struct incident_line *l);

#endif
