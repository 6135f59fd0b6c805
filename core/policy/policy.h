/*
 * policy - the checked form of the rules that an engineer wrote.
 *
 * The semantics are normative in docs/policy.md; in short: a permit counts only when its guard is
 * true, a forbid or cap counts unless its guard is false, the result is the minimum of the best
 * permit and of all caps, and invariants on the predicted state have the last word.  The order
 * of statements means nothing.
 *
 *   set NAME = link where EXPR | link { NAME, ... } | prefix { P, ... } | agent { NAME, ... }
 *            | flow { PREFIX -> SERVICE, ... }
 *   window NAME = daily HH:MM..HH:MM [tz "ZONE"] | DATE HH:MM .. DATE HH:MM [tz ZONE]
 *   budget NAME = N per DUR [shared N per DUR] [per link|resource|agent]
 *   invariant "NAME" { require REQUIREMENT ...  [if broken now allow when not worse]
 *                      [override by N of GROUP, ... for DUR] }
 *   permit "NAME" { agent action on when during level budget cooldown verify confirm undo
 *                   promote demote quorum notify severity reflex }
 *   forbid "NAME" { agent action on when during }
 *   cap "NAME"    { agent action on when during  to LEVEL [for DUR] }
 *
 * A permit has agent, action and level, with "any" where that is meant; level auto wants verify,
 * and an action that nothing undoes wants "verify within DUR that EXPR".
 * on = SET | not SET | KIND [not] in SET | link NAME, ... | prefix P, ... | KIND { NAME, ... },
 * with commas between alternatives; "on crash hold" is a clause of its own.
 *
 * Threads: read only after config_load().  Memory: owned by the policy unless said otherwise.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "facts/expr.h"

#define REFLEX_AGENT_NAME      "reflex" /* proposes what a reflex arms; no agent block has it */
#define REFLEX_SENTINEL_MIN_US 200
#define REFLEX_SENTINEL_MAX_US 1000000
#define REFLEX_TABLE_FIRST     17300 /* tables that are anod's own: TABLE_FIRST of exec/proto.h */
#define REFLEX_TABLE_LAST      17399
#define REFLEX_PREFIXES	       1000000
#define REFLEX_PREFIXES_MAX    10000000

/* Autonomy levels of policy.md 2.1, ordered. */
enum level {
	LEVEL_DENY = 0,	   /* recorded only */
	LEVEL_OBSERVE = 1, /* may watch and compute */
	LEVEL_PROPOSE = 2, /* shown to a person, never executed */
	LEVEL_APPROVE = 3, /* executed after signatures */
	LEVEL_AUTO = 4,
};
const char *level_name(enum level l);

enum set_kind { SET_LINK = 1, SET_PREFIX, SET_AGENT, SET_FLOW, SET_OTHER };

struct policy_flow {
	struct anod_prefix dst;
	char service[24]; /* "ssh", "icmp", "any" */
};

struct policy_set {
	char *name;
	enum set_kind kind;
	char *kind_name;    /* "link", "prefix", "agent", "flow", or another kind of the schema */
	struct expr *where; /* of "KIND where EXPR", or NULL */
	unsigned n_names;
	char **member; /* names of links, agents, entities */
	unsigned n_prefixes;
	struct anod_prefix *prefix;
	unsigned n_flows;
	struct policy_flow *flow;
	struct lex_place place;
};

struct policy_window {
	char *name;
	bool daily;
	uint32_t from_s, to_s; /* daily: seconds since midnight; to < from: over midnight */
	int64_t from_wall_s, to_wall_s; /* not daily: seconds since 1970 in the zone's wall time */
	char *zone;			/* IANA name; "UTC" when not written */
	struct lex_place place;
};

enum budget_per { BUDGET_PER_NONE, BUDGET_PER_RESOURCE, BUDGET_PER_AGENT };
struct policy_budget {
	char *name;
	unsigned count;
	uint64_t window_us;
	unsigned shared_count; /* 0: none */
	uint64_t shared_window_us;
	enum budget_per per;
	struct lex_place place;
};

/* What an invariant may ask for; docs/policy.md, section 5, says what each means.  F: set of flows,
 * L: of links, P: of prefixes. */
enum require_kind {
	REQUIRE_EXPR = 1,	   /* expr over facts; links as predicted */
	REQUIRE_COUNT_UP,	   /* count(L up) OP n */
	REQUIRE_REACHABLE,	   /* every F reachable [via n disjoint links] */
	REQUIRE_DISJOINT_SRLGS,	   /* every F reachable via n disjoint srlgs */
	REQUIRE_WITHOUT_LINK,	   /* every F reachable with 1 link lost */
	REQUIRE_WITHOUT_SRLG,	   /* every F reachable with 1 srlg lost */
	REQUIRE_ON_LINK,	   /* every F reachable on link */
	REQUIRE_RETURNS,	   /* every F returns */
	REQUIRE_MTU_KEPT,	   /* every F mtu not smaller */
	REQUIRE_MTU,		   /* every F mtu OP n bytes */
	REQUIRE_MEMBERS,	   /* every L members OP n */
	REQUIRE_LEGS,		   /* every P legs OP n */
	REQUIRE_LOAD,		   /* every L load OP expr */
	REQUIRE_CAPACITY,	   /* total L capacity OP expr */
	REQUIRE_NEW_BLACKHOLE,	   /* new blackhole OP n [prefixes] */
	REQUIRE_BLACKHOLE_TRAFFIC, /* new blackhole traffic OP expr */
	REQUIRE_MOVED_PREFIXES,	   /* moved prefixes OP n | ratio of table [in window] */
	REQUIRE_MOVED_TRAFFIC,	   /* moved traffic OP expr [in window] */
	REQUIRE_LOOP_FREE,	   /* loop free */
	REQUIRE_NEXTHOPS_ALIVE,	   /* next hops [of P] alive */
	REQUIRE_NO_OVERLAP,	   /* no pattern on P or F */
	REQUIRE_OPEN,		   /* open transactions OP n */
	REQUIRE_ONE_PER_SRLG,	   /* one open transaction per srlg */
	REQUIRE_UNDO_SAFE,	   /* undo safe */
	REQUIRE_SYSCTL,		   /* sysctl pattern in low..high */
	REQUIRE_ENDPOINTS,	   /* keeps endpoints */
	REQUIRE_APPROVERS,	   /* keeps approvers */
};
struct policy_require {
	enum require_kind kind;
	struct expr *expr; /* the limit, or all of REQUIRE_EXPR; or NULL */
	/* How the load of a link is measured, in bytes per second: of those that are about traffic.
	 * NULL: nobody counts it. */
	struct expr *measure;
	char *set;     /* or NULL */
	char *pattern; /* of actions, or of names of sysctls; or NULL */
	enum value_cmp cmp;
	uint64_t n;
	double ratio;	    /* of the table; 0: n counts */
	int64_t low, high;  /* of REQUIRE_SYSCTL */
	uint64_t window_us; /* 0: of this proposal alone */
	char *text;	    /* as written, for messages */
	struct lex_place place;
};
struct policy_invariant {
	char *name;
	unsigned n_requires;
	struct policy_require *require;
	bool not_worse; /* if broken now allow when not worse */
	/* "override by N of GROUP, ... for DUR": so many people together may lift it, see
	 * override.h.  0: nobody may. */
	unsigned override_by;
	unsigned n_override_groups;
	char **override_group;
	uint64_t override_for_us; /* at most */
	struct lex_place place;
};

enum rule_kind { RULE_PERMIT = 1, RULE_FORBID, RULE_CAP };

struct policy_on {    /* "on" clause: any of these */
	char *set;    /* name of a set, or NULL */
	bool negated; /* "prefix not in SET" */
	char *kind;   /* "link", "prefix": of a literal list */
	unsigned n_names;
	char **name;
	unsigned n_prefixes;
	struct anod_prefix *prefix;
};

/* "promote to LEVEL after N verified and rollbacks == 0 in DUR": earned autonomy, see track.h. */
struct policy_promote {
	enum level to; /* LEVEL_DENY: the clause is not there */
	unsigned after;
	uint64_t within_us;    /* only outcomes of so long ago count */
	unsigned max_failures; /* rollbacks that are still accepted in that time; 0 usually */
};

/* "demote to LEVEL [for DUR] after rollback": what a permit gives after a failure. */
struct policy_demote {
	bool to_set; /* the clause is there */
	enum level to;
	uint64_t for_us; /* 0: until it is earned back, or leaves the window of "promote" */
};

/* "quorum N of peers { A, B } grant "WHAT" within DUR" */
struct policy_quorum {
	unsigned n; /* 0: the clause is not there */
	unsigned n_peers;
	char **peer;
	char *grant;
	uint64_t within_us;
};

/* perceivedSeverity of ITU-T X.733 and TS 28.532, in rising order. */
enum severity {
	SEVERITY_NONE = 0,
	SEVERITY_WARNING,
	SEVERITY_MINOR,
	SEVERITY_MAJOR,
	SEVERITY_CRITICAL
};
const char *severity_name(enum severity s); /* "": none */

/*
 * "reflex { trigger link LINK | trigger when EXPR
 *           standby LINK [via ADDR [, ADDR]] | do "ACTION ARG VALUE ..." ...
 *           [for SET] [sentinel DUR] [refractory DUR] [table N] [at most N prefixes] }"
 *
 * A clause of a permit: what the permit allows is made ready before it is needed.  With "standby"
 * the routes that go over the trigger's link get a way over another one, and the daemon chooses
 * how (docs/reflexes.md): the kernel armed, the bridge or ready bytes.  With "do" these actions
 * are ready bytes.  What is armed is proposed by the agent "reflex" and decided as any other.
 */
struct policy_reflex {
	bool there; /* the clause is written */
	struct lex_place place;
	char *link;	   /* trigger: this link is down or without carrier; or NULL */
	struct expr *when; /* trigger: this becomes true; or NULL */
	char *standby;	   /* link, or NULL: "do" */
	unsigned n_via;
	struct anod_prefix via[2]; /* gateways, one of a family */
	char *scope;		   /* set of prefixes; NULL: every route over the link */
	unsigned n_actions;	   /* of "do" */
	struct anod_action *action;
	uint64_t sentinel_us;	/* 0: no carrier sentinel */
	uint64_t refractory_us; /* so long the link is up before it is used again; 30 s */
	uint32_t table;		/* of a bridge; 0: a free one of TABLE_FIRST.. */
	unsigned max_prefixes;	/* of a bridge; 1,000,000 */
};

struct policy_rule {
	enum rule_kind kind;
	char *name;
	struct lex_place place;
	unsigned n_agents; /* 0: any.  A name is an agent's or a set's */
	char **agent;
	unsigned n_actions; /* 0: any */
	char **action;	    /* "route.replace", "route.*" */
	unsigned n_on;	    /* 0: any */
	struct policy_on *on;
	struct expr *when;   /* NULL: true */
	char *during;	     /* window or NULL */
	enum level level;    /* permit: granted; forbid: DENY; cap: ceiling */
	uint64_t cap_for_us; /* cap "for DUR": stays so long after it was last in force */
	/* obligations, permit only */
	unsigned approvals; /* of level approve by N of GROUP, ... */
	unsigned n_groups;
	char **group;
	uint64_t approve_within_us; /* 0: 10 min */
	char *budget;
	uint64_t cooldown_us;
	char *cooldown_per; /* "resource" (default), "agent", "group" */
	struct expr *verify;
	uint64_t verify_within_us; /* 0: verified by read-back alone */
	uint64_t confirm_us;	   /* SOAK; 0: commit when verified */
	bool confirm_by_hand;	   /* "confirm by operator within DUR" */
	uint64_t undo_after_us;	   /* 0: stays */
	bool undo_unless_renewed;
	bool hold_on_crash; /* "on crash hold": guardian waits for the deadline */
	bool touch_foreign; /* "foreign objects": may change what has another rtm_protocol */
	struct policy_promote promote;
	struct policy_demote demote;
	struct policy_quorum quorum;
	unsigned n_notify;
	char **notify; /* groups or people to be told */
	enum severity severity;
	struct policy_reflex reflex;
};

/* An intent: what the network has to be like, and in what share of time (SLO).  From it the host
 * makes probes, watches, facts of kind "objective" and a condition of every verification. */
struct policy_objective {
	char *name;
	struct lex_place place;
	unsigned n_requires;
	struct expr **require; /* all must be true */
	double target;	       /* share of time, 0..1; 0: no budget was written */
	uint64_t period_us;    /* of the error budget */
};

struct policy {
	char *name;
	uint64_t revision;
	bool has_reflex; /* a permit has the clause, so the agent "reflex" may propose */
	unsigned n_sets, n_windows, n_budgets, n_invariants, n_rules, n_objectives, n_expr;
	struct policy_set *set;
	struct policy_window *window;
	struct policy_budget *budget;
	struct policy_invariant *invariant;
	struct policy_rule *rule;
	struct policy_objective *objective;
	struct rule_index *index; /* rules by agent and kind of action; owned */
};
void rule_index_free(struct rule_index *index); /* for policy_free() */
/* Rules were changed in place (mutation tests do that): what was made from them is made anew. */
void policy_changed(struct policy *p);
/* List the rules that may name this agent, for each of the kinds (NULL-ended); without it the first
 * decision does.  -ENOMEM. */
int rules_index(struct policy *p, const char *agent, const struct anod_action_desc *const *actions);

const struct policy_set *policy_find_set(const struct policy *p, const char *name);
const struct policy_window *policy_find_window(const struct policy *p, const char *name);
const struct policy_budget *policy_find_budget(const struct policy *p, const char *name);

struct policy *policy_free(struct policy *p);
DEFINE_CLEANUP(struct policy *, policy_free);

#endif
