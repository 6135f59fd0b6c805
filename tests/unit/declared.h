/*
 * declared - runs a declarative agent on facts that a test writes, without a daemon.
 *
 * Store, statistics and watches are the daemon's own, and so is what the manifest lets through;
 * the clock is moved by hand, in steps of 100 ms, and what was set is renewed in each of them, as a
 * sensor would.  What the agent finds and proposes is recorded; verdicts are the test's.
 *
 *	struct declared *d = declared_agent("crc-watch", "threshold=1e-5");
 *	declared_set(d, "link", "wan0", "carrier", "true");
 *	declared_grow(d, "link", "wan0", "rx_packets", 100000);
 *	declared_run(d, 90);
 *	cr_assert(declared_finding(d, "dirty-fibre", "wan0"));
 *
 * A misuse aborts with its reason.
 */
#ifndef TESTS_DECLARED_H
#define TESTS_DECLARED_H

#include <anod/plugin.h>

#include <stdbool.h>

#include "facts/schema.h"

#define DECLARED_RECORDS 64

struct declared_finding {
	bool open;
	unsigned updates; /* calls of find() */
	uint64_t id;
	struct anod_finding f;
	char why[ANOD_REASON_SIZE]; /* of its end */
};

struct declared_proposal {
	bool cancelled, ended;
	uint64_t id;
	struct anod_proposal p;
	anod_verdict_fn *fn;
	void *data;
};

struct declared {
	struct anod_ctx ctx; /* first */
	struct declared_world *world;
	unsigned n_findings, n_proposals, n_senses;
	struct declared_finding finding[DECLARED_RECORDS];
	struct declared_proposal proposal[DECLARED_RECORDS];
	struct anod_action sense[DECLARED_RECORDS];
	char log[16384];
};

/* agents/NAME/NAME.agent against the facts and actions of the plugins that are built.  'options':
 * "floor=1400B dev=lan0", or NULL.  It is started. */
struct declared *declared_agent(const char *name, const char *options);
/* The same of a text; and of any schema (owned from then on) and actions.  NULL and the first error
 * in 'why' when it does not load. */
struct declared *declared_text(const char *text, const char *options);
struct declared *declared_new(struct schema *schema, const struct anod_action_desc *const *actions,
			      const char *text, const char *options, char *why, size_t size);
struct declared *declared_free(struct declared *d);

/* A fact, as it is written in an expression ("true", "1500B", "5%", a bare text); NULL: unknown from
 * now on, and not renewed. */
void declared_set(struct declared *d, const char *kind, const char *entity, const char *attr,
		  const char *value);
/* A counter that grows by so much in a second; it begins at 0, or goes on where it is. */
void declared_grow(struct declared *d, const char *kind, const char *entity, const char *attr,
		   double per_second);
void declared_gone(struct declared *d, const char *kind, const char *entity);
/* So many seconds; 0: only what is due now. */
void declared_run(struct declared *d, double seconds);

const struct anod_plugin *declared_manifest(const struct declared *d);
/* The open finding, or NULL. */
const struct anod_finding *declared_finding(struct declared *d, const char *code,
					    const char *entity);
unsigned declared_n_open(struct declared *d);
/* The n-th proposal as text: "link.set dev lan0 mtu 1300B"; "" when there are not so many. */
const char *declared_action(struct declared *d, unsigned n);
void declared_verdict(struct declared *d, unsigned n, enum anod_verdict v, const char *why);
/* WAITING to COMMITTED. */
void declared_commit(struct declared *d, unsigned n);

#endif
