/*
 * top - the links of the router in an order, as "anodctl top" shows them.
 *
 * Only the rows that fit on a screen leave the host, so an answer stays small with thousands of
 * links; the totals are of all that match.  Errors and drops a second are taken against what the
 * counters were some seconds ago (top_memory), which is kept while somebody looks and forgotten
 * TOP_LEASE_US after the last question.
 */
#ifndef HOST_TOP_H
#define HOST_TOP_H

#include "host/host.h"

#define TOP_ROWS_MAX  500 /* in one answer */
#define TOP_LEASE_US  (30 * UINT64_C(1000000))
#define TOP_STEP_US   (5 * UINT64_C(1000000)) /* rates of errors are over one or two of these */
#define TOP_MARKS_MAX 256		      /* open findings that are looked at */

/* ---- top_memory.c: what counters were ------------------------------------------------------- */

enum top_count { COUNT_RX_ERRORS, COUNT_TX_ERRORS, COUNT_RX_DROPPED, COUNT_TX_DROPPED, COUNTS };

struct top_sample {
	uint32_t entity;  /* 0: an empty place */
	uint16_t row;	  /* of the table of links: its place */
	uint16_t known;	  /* bit (1 << enum top_count) */
	uint64_t time_us; /* when the source read them */
	int64_t count[COUNTS];
};

struct top_memory;

struct top_memory *top_memory_new(void); /* NULL: no memory */
struct top_memory *top_memory_free(struct top_memory *m);
/* Is it time to remember again?  Then begin, and add every link.  -ENOMEM. */
bool top_memory_due(const struct top_memory *m, uint64_t now_us);
int top_memory_begin(struct top_memory *m, unsigned n_rows, uint64_t now_us);
void top_memory_add(struct top_memory *m, const struct top_sample *s);
/* Increase a second of one counter since the older memory.  NULL and '*ret', or why it is not
 * known (static). */
const char *top_memory_rate(const struct top_memory *m, const struct top_sample *now,
			    enum top_count c, double *ret);

/* ---- top_rows.c: which links, in which order -------------------------------------------------- */

enum top_sort {
	TOP_NAME,
	TOP_STATE,
	TOP_ROLE,
	TOP_RX,
	TOP_TX,
	TOP_PACKETS,
	TOP_ERRORS,
	TOP_DROPS,
	TOP_UTIL,
	TOP_RTT,
	TOP_LOSS,
	TOP_INCIDENT,
	TOP_SORTS
};
extern const char *const top_sort_names[]; /* NULL-ended */

/* Facts that a row is made of.  Those of "path" are found by the link's name. */
enum top_fact {
	FACT_ADMIN_UP,
	FACT_CARRIER,
	FACT_OPERSTATE,
	FACT_ROLE,
	FACT_KIND,
	FACT_MASTER,
	FACT_ALIAS,
	FACT_MTU,
	FACT_CAPACITY,
	FACT_CARRIER_DOWN,
	FACT_RX_BPS,
	FACT_TX_BPS,
	FACT_RX_PPS,
	FACT_TX_PPS,
	FACT_RX_ERRORS,
	FACT_TX_ERRORS,
	FACT_RX_DROPPED,
	FACT_TX_DROPPED,
	FACT_UTIL,
	FACT_RTT,
	FACT_JITTER,
	FACT_LOSS,
	TOP_FACTS
};

struct top_mark { /* an open finding about a link, its path, or what hangs on it */
	uint32_t link;
	uint64_t incident;
	const char *code; /* borrowed from the incident */
};

struct top_row {
	uint32_t link;
	uint32_t nth; /* in the order of names */
	bool known;   /* there is a key; rows without one come last */
	double key;
};

struct top_totals {
	unsigned links, matched, up, down, disabled, unknown;
	double rx_bps, tx_bps, errors_ps, drops_ps;
	unsigned rate_unknown, error_unknown; /* matching links that the sums are without */
};

struct top_query {
	enum top_sort sort;
	bool reverse;
	const char *match; /* glob over names; NULL: all */
	unsigned offset, limit;
};

struct top {
	struct host *host;
	struct top_memory *memory; /* owned; NULL: nobody looks */
	bool needed;
	uint64_t asked_us;
	/* One answer: */
	const struct schema_attr *attr[TOP_FACTS]; /* NULL: no sensor provides it */
	struct top_totals totals;
	struct top_mark mark[TOP_MARKS_MAX];
	unsigned n_marks;
	struct top_row *row; /* owned: first those that were asked for */
	unsigned n_rows;
};

/* One fact of a link; false: there is none of the kind, and 'ret' is unknown. */
bool top_fact(const struct top *t, uint32_t link, enum top_fact f, struct fact *ret);
/* The counters of a link, as far as they may be believed. */
void top_sample(const struct top *t, uint32_t link, struct top_sample *ret);
/* "up", "down" (no carrier), "disabled" (admin down), an operstate, or NULL: unknown.  'buf' holds
 * it. */
const char *top_state(const struct top *t, uint32_t link, char buf[static ANOD_TEXT_SIZE]);
const struct top_mark *top_mark_of(const struct top *t, uint32_t link); /* newest; or NULL */
/* Are the sampled facts of links needed for this?  While they are, their sensor reads them often. */
void top_need(struct top *t, bool need);
/* Fill totals, marks and rows; rows [offset, n_rows) are the answer. */
int top_collect(struct top *t, const struct top_query *q);

/* ---- commands_top.c ---------------------------------------------------------------------------- */

void top_idle(struct host *h); /* once a second: forget what nobody asks for */
void top_done(struct host *h);

#endif
