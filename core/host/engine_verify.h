/*
 * engine_verify - verification of transactions: what txn_ops asks, and the questions behind it.
 *
 * Control links: with "verify ... that EXPR against SET" the same expression is asked of every link
 * of SET that no open transaction touches and that shares no device with one that is touched.  If
 * one of them has changed its answer since the transaction began, something else is going on and
 * the verification is inconclusive, as it is when none of them can be measured; what is
 * inconclusive at the end is rolled back.  (Difference in differences, on truth values.)
 *
 * Everything runs on the host's loop.
 */
#ifndef HOST_ENGINE_VERIFY_H
#define HOST_ENGINE_VERIFY_H

#include "host/objectives.h"

#define BEFORE_MAX   128
#define CONTROLS_MAX 16

struct before_value {
	uint16_t kind;
	int slot;
	char entity[ANOD_NAME_SIZE];
	struct anod_value value;
};

struct control_link {
	char name[ANOD_IFNAME_SIZE];
	enum anod_tri was; /* the condition, when the transaction began */
};

struct tx_before {	  /* struct txn.before */
	struct expr *own; /* the proposal's verify, owned; or NULL */
	struct objectives_mark fulfilled;
	char why[ANOD_REASON_SIZE]; /* what is no longer so, or not sure; "": nothing */
	unsigned n, n_controls;
	struct before_value item[BEFORE_MAX];
	struct control_link control[CONTROLS_MAX];
};

struct verify_env {
	struct expr_env env; /* first */
	struct host *host;
	const struct txn *txn;
	const char
		*control; /* the link that is asked about instead of the transaction's; or NULL */
};

/* engine_verify.c: of txn_ops */
enum txn_verify engine_verify(void *host, const struct txn *t);
const char *engine_verify_why(void *host, const struct txn *t);
void engine_snapshot_before(void *host, struct txn *t);
void engine_drop_before(void *host, struct txn *t);

/* The proposal's own verify text as a checked tree; NULL with 0 when it has none. */
int engine_compile_verify(struct host *h, const char *agent, const char *text, struct expr **ret,
			  char *why, size_t why_size);
/* An environment in which nameless facts are those of the transaction's link, or of 'control'. */
void verify_env_init(struct verify_env *v, struct host *h, const struct txn *t,
		     const char *control);

/* control_links.c: choose the control links of the permit, and their answers now. */
void control_begin(struct host *h, const struct txn *t, struct tx_before *b);
/* ANOD_TRUE, or doubt and b->why. */
enum anod_tri control_judge(struct host *h, const struct txn *t, struct tx_before *b);

#endif
