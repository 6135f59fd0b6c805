/*
 * cell_proto - what the host and a cell say to each other.
 *
 * A cell holds one agent today, and its number there is CELL_AGENT_NUMBER: which agent speaks is
 * known from the channel, never from what is said.
 *
 * The cell inherits the segment of the fact store, read-only (facts/store.h).  The host sends the
 * schema, whose ids must be the cell's as well, the agents with their options, and START; then
 * NEWS, at most once in a turn, when the store's ring has something that an agent of the cell
 * hears of.  The cell sends findings, proposals, questions and requests, each with the number of its
 * agent and an id that the cell chose.  The host believes none of it: sizes, strings, numbers and
 * the manifest are checked.
 *
 * Watches are evaluated in the host.  TRUTHS come behind the NEWS of the changes that made them.
 *
 * A declarative agent comes as its text, in front of its AGENT, which then has no path, behind the
 * arguments of the actions that it proposes.
 *
 *   host -> cell  ATTR* (PARAM* TEXT)? AGENT* START  NEWS* TRUTHS*  VERDICT ANSWER PING STOP
 *   cell -> host  READY  LOG FIND CLEAR PROPOSE WITHDRAW ASK SENSE UNSENSE WATCH UNWATCH PONG FAILED
 */
#ifndef HOST_CELL_PROTO_H
#define HOST_CELL_PROTO_H

#include <anod/plugin.h>

#include "base/chan.h"

#define CELL_AGENTS_MAX	  32
#define CELL_AGENT_NUMBER 1
#define CELL_OPTIONS_MAX  256
#define CELL_INPUT_MAX	  (16u << 10)
#define CELL_ASK_KINDS	  16
#define CELL_WATCHES_MAX  256	/* of an agent */
#define CELL_WATCH_MAX	  4096	/* bytes of its text, with the NUL */
#define CELL_TRUTHS_SIZE  32000 /* of a message */
/* With so much in a cell's queue its watches are told no more, but for subjects that went; they
 * are told again when it is down to the second.  A watch of all entities fits in between, and
 * what is above the first is left for the rest (CHAN_QUEUE_MAX). */
#define CELL_QUEUE_HIGH (5u << 20)
#define CELL_QUEUE_LOW	(128u << 10)
#define CELL_LOG_LINES	200 /* of an agent into the log, in */
#define CELL_LOG_US	(10000 * UINT64_C(1000))
#define CELL_PING_US	(1000 * UINT64_C(1000))
#define CELL_HANG_US	(5000 * UINT64_C(1000))	 /* without a PONG: the cell is killed */
#define CELL_SWEEP_US	(60000 * UINT64_C(1000)) /* for a restarted agent to find its findings */
#define CELL_PATH_SIZE	512
/* A cell's own numbers of findings begin here; smaller ones are the host's (facts "finding.*"). */
#define CELL_FIRST_FINDING (UINT64_C(1) << 32)

enum cell_type {
	CELL_ATTR = 128,
	CELL_AGENT,
	CELL_NEWS,
	CELL_START,
	CELL_VERDICT,
	CELL_ANSWER,
	CELL_TRUTHS,
	CELL_PING,
	CELL_STOP,
	CELL_PARAM,
	CELL_TEXT,
	CELL_READY = 160,
	CELL_LOG,
	CELL_FIND,
	CELL_CLEAR,
	CELL_PROPOSE,
	CELL_WITHDRAW,
	CELL_ASK,
	CELL_SENSE,
	CELL_UNSENSE,
	CELL_WATCH,
	CELL_UNWATCH,
	CELL_PONG,
	CELL_FAILED,
};

struct cell_attr { /* in the order of ids */
	struct chan_head head;
	char kind[ANOD_KIND_SIZE], attr[ANOD_KIND_SIZE]; /* attr "": the kind itself */
	char source[ANOD_KIND_SIZE];
	uint32_t type, unit, flags;
	uint16_t id, kind_id;
	uint64_t max_age_us;
};

struct cell_param { /* of an action */
	struct chan_head head;
	char action[ANOD_KIND_SIZE], name[ANOD_KIND_SIZE];
	uint32_t type, unit, required, pad;
	int64_t min, max;
};

#define CELL_TEXT_SIZE 31744
struct cell_text { /* of a declarative agent */
	struct chan_head head;
	uint32_t text_size, pad;
	char text[CELL_TEXT_SIZE]; /* only text_size bytes, with the NUL, are sent */
};

struct cell_option {
	char name[32]; /* "probe.every"; a list repeats the name */
	struct anod_value value;
};

struct cell_agent {
	struct chan_head head; /* id: number of the agent, from 1 */
	char name[ANOD_NAME_SIZE];
	char path[CELL_PATH_SIZE];
	uint32_t n_options, pad;
	struct cell_option option[CELL_OPTIONS_MAX]; /* only n_options are sent */
};

struct cell_verdict {
	struct chan_head head; /* id: the proposal's */
	uint32_t agent, verdict;
	int32_t error;
	uint32_t pad;
	char why[256];
};

struct cell_answer {
	struct chan_head head; /* id: the question's */
	uint32_t agent;
	int32_t error;
	uint32_t has_action, tokens_in, tokens_out, pad;
	double confidence;
	char why[256];
	char cause[ANOD_NAME_SIZE];
	char summary[ANOD_REASON_SIZE];
	struct anod_action action;
};

struct cell_truth {	/* within a message, not aligned */
	uint64_t watch; /* the cell's number of it */
	uint8_t truth;	/* enum anod_tri */
	uint8_t name_size;
	char name[]; /* of the entity, without a NUL */
} __attribute__((packed));

struct cell_truths {
	struct chan_head head;
	uint32_t agent, n;		/* bytes of 'data', which are all that is sent */
	uint8_t data[CELL_TRUTHS_SIZE]; /* struct cell_truth, one behind the other */
};

/* CLEAR (id: the finding), WITHDRAW, LOG, FAILED, UNSENSE (id: the request), UNWATCH (the watch) */
struct cell_note {
	struct chan_head head;
	uint32_t agent;
	int32_t error; /* LOG: priority */
	char text[256];
};

struct cell_find {
	struct chan_head head; /* id: the cell's number of the finding */
	uint32_t agent, pad;
	struct anod_finding finding;
};

struct cell_propose {
	struct chan_head head; /* id: the proposal */
	uint32_t agent, pad;
	struct anod_proposal proposal; /* .finding: the cell's number */
};

struct cell_ask {
	struct chan_head head; /* id: the question */
	uint32_t agent;
	uint32_t timeout_ms, max_tokens, n_kinds;
	char task[ANOD_KIND_SIZE];
	char kind[CELL_ASK_KINDS][ANOD_KIND_SIZE];
	uint64_t finding; /* 0, the cell's own number, or the host's */
	uint32_t input_size, pad;
	char input[CELL_INPUT_MAX]; /* only input_size bytes, with the NUL, are sent */
};

struct cell_watch {
	struct chan_head head; /* id: the watch */
	uint32_t agent, text_size;
	char text[CELL_WATCH_MAX]; /* only text_size bytes, with the NUL, are sent */
};

struct cell_sense {
	struct chan_head head; /* id: the request */
	uint32_t agent, pad;
	struct anod_action request;
};

#endif
