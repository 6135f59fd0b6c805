/*
 * top_rows - which links "top" answers with, in which order, and the totals of all.
 *
 * Design.  One walk over the links in the order of their names: totals, the key that is sorted by,
 * and the best 'offset + limit' of them in a heap, so that a page out of thousands costs one
 * comparison for most of them.  Rows whose key is unknown come last whatever the direction:
 * unknown is neither small nor large.
 */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/clock.h"
#include "facts/table.h"
#include "host/top.h"

const char *const top_sort_names[] = { "name",	  "state",    "role",  "rx",   "tx",
				       "packets", "errors",   "drops", "util", "rtt",
				       "loss",	  "incident", NULL };

/* ---- keys -------------------------------------------------------------------------------------- */

static bool sum(const struct top *t, uint32_t link, enum top_fact a, enum top_fact b, double *ret)
{
	double x = 0, y = 0;

	if (!top_number(t, link, a, &x) || !top_number(t, link, b, &y))
		return false;
	*ret = x + y;
	return true;
}

/* What needs an eye comes first: down, then in between, then up, then what is off on purpose. */
static double state_rank(const struct top *t, uint32_t link)
{
	const char *state = top_state(t, link);

	if (!state)
		return 2;
	if (strcmp(state, "up") == 0)
		return 1;
	return strcmp(state, "disabled") == 0 ? 0 : strcmp(state, "down") == 0 ? 4 : 3;
}

/* A second, received and sent. */
static bool both(const struct top *t, const struct top_sample *s, enum top_count c, double *ret)
{
	double rx, tx;

	if (top_memory_rate(t->memory, s, c, &rx) || top_memory_rate(t->memory, s, c + 1, &tx))
		return false;
	*ret = rx + tx;
	return true;
}

/* The first six bytes of the word as a number that sorts like it.  No role: no key. */
static bool role_key(const struct top *t, uint32_t link, double *ret)
{
	const struct table_block *b;
	bool end = false;
	unsigned row;

	b = top_column(t, link, FACT_ROLE, &row);
	if (!b || !b->u.text[row][0])
		return false;
	*ret = 0;
	for (int k = 0; k < 6; k++) {
		end = end || b->u.text[row][k] == '\0';
		*ret = *ret * 256 + (end ? 0 : (unsigned char) b->u.text[row][k]);
	}
	return true;
}

static void set_key(const struct top *t, const struct top_query *q, struct top_row *r)
{
	const struct top_mark *m;
	struct top_sample s;

	switch (q->sort) {
	case TOP_STATE:
		r->key = state_rank(t, r->link);
		r->known = true;
		break;
	case TOP_RX:
		r->known = top_number(t, r->link, FACT_RX_BPS, &r->key);
		break;
	case TOP_TX:
		r->known = top_number(t, r->link, FACT_TX_BPS, &r->key);
		break;
	case TOP_PACKETS:
		r->known = sum(t, r->link, FACT_RX_PPS, FACT_TX_PPS, &r->key);
		break;
	case TOP_ERRORS:
		top_sample(t, r->link, &s);
		r->known = both(t, &s, COUNT_RX_ERRORS, &r->key);
		break;
	case TOP_DROPS:
		top_sample(t, r->link, &s);
		r->known = both(t, &s, COUNT_RX_DROPPED, &r->key);
		break;
	case TOP_UTIL:
		r->known = top_number(t, r->link, FACT_UTIL, &r->key);
		break;
	case TOP_RTT:
		r->known = top_number(t, r->link, FACT_RTT, &r->key);
		break;
	case TOP_LOSS:
		r->known = top_number(t, r->link, FACT_LOSS, &r->key);
		break;
	case TOP_INCIDENT:
		m = top_mark_of(t, r->link);
		r->known = m != NULL;
		r->key = m ? (double) m->incident : 0;
		break;
	case TOP_ROLE:
		r->known = role_key(t, r->link, &r->key);
		break;
	case TOP_NAME:
	case TOP_SORTS:
		break;
	}
}

/* Does 'a' stand before 'b'?  Numbers: the greatest first; words: in their order. */
static bool before(const struct top_query *q, const struct top_row *a, const struct top_row *b)
{
	bool rising = (q->sort == TOP_NAME || q->sort == TOP_ROLE) != q->reverse;

	if (q->sort == TOP_NAME)
		return rising ? a->nth < b->nth : a->nth > b->nth;
	if (a->known != b->known)
		return a->known;
	if (!a->known || a->key == b->key)
		return a->nth < b->nth;
	return rising ? a->key < b->key : a->key > b->key;
}

/* ---- the page ---------------------------------------------------------------------------------- */

/* The row that stands last is at the root: a candidate needs to be compared with it alone. */
static void sink(const struct top_query *q, struct top_row *row, unsigned n, unsigned at)
{
	for (;;) {
		unsigned last = at;

		for (unsigned c = 2 * at + 1; c <= 2 * at + 2 && c < n; c++)
			if (before(q, &row[last], &row[c]))
				last = c;
		if (last == at)
			return;
		struct top_row swap = row[at];

		row[at] = row[last];
		row[last] = swap;
		at = last;
	}
}

static void take_row(struct top *t, const struct top_query *q, unsigned room,
		     const struct top_row *r)
{
	if (t->n_rows < room) {
		t->row[t->n_rows++] = *r;
		for (unsigned k = t->n_rows / 2; t->n_rows == room && k-- > 0;)
			sink(q, t->row, room, k);
	} else if (room > 0 && before(q, r, &t->row[0])) {
		t->row[0] = *r;
		sink(q, t->row, room, 0);
	}
}

static int compare(const void *a, const void *b, void *data)
{
	return before(data, a, b) ? -1 : before(data, b, a);
}

static void count(struct top *t, uint32_t link)
{
	struct top_totals *o = &t->totals;
	const char *state = top_state(t, link);
	double rx = 0, tx = 0, sum[2];
	struct top_sample s;

	if (!state)
		o->unknown++;
	else if (strcmp(state, "up") == 0)
		o->up++;
	else if (strcmp(state, "disabled") == 0)
		o->disabled++;
	else
		o->down++;
	if (top_number(t, link, FACT_RX_BPS, &rx) && top_number(t, link, FACT_TX_BPS, &tx)) {
		o->rx_bps += rx;
		o->tx_bps += tx;
	} else {
		o->rate_unknown++;
	}
	top_sample(t, link, &s);
	if (both(t, &s, COUNT_RX_ERRORS, &sum[0]) && both(t, &s, COUNT_RX_DROPPED, &sum[1])) {
		o->errors_ps += sum[0];
		o->drops_ps += sum[1];
	} else {
		o->error_unknown++;
	}
}

void top_need(struct top *t, bool need)
{
	if (t->needed == need)
		return;
	t->needed = need;
	top_look_up(t);
	for (int f = 0; f < TOP_FACTS; f++)
		if (t->attr[f] && t->attr[f]->max_age_us > 0)
			need_look(t->host, t->attr[f], need);
}

static void remember(struct top *t, unsigned n_links, uint64_t now)
{
	const struct store *s = t->host->store;
	unsigned n_rows = table_n_blocks(s, t->host->link_kind) * TABLE_BLOCK;

	if (!top_memory_due(t->memory, now) || top_memory_begin(t->memory, n_rows, now) < 0)
		return;
	for (unsigned n = 0; n < n_links; n++) {
		struct top_sample sample;

		top_sample(t, store_nth(s, t->host->link_kind, n), &sample);
		top_memory_add(t->memory, &sample);
	}
}

int top_collect(struct top *t, const struct top_query *q)
{
	const struct host *h = t->host;
	unsigned n_links = store_count(h->store, h->link_kind);
	unsigned room = MIN_OF(q->offset + q->limit, n_links);

	top_look_up(t);
	t->totals = (struct top_totals){ .links = n_links };
	t->n_rows = 0;
	t->row = calloc(room + 1, sizeof(*t->row));
	if (!t->row)
		return -ENOMEM;

	remember(t, n_links, host_now(h));
	top_marks(t);
	for (unsigned n = 0; n < n_links; n++) {
		struct top_row r = { .link = store_nth(h->store, h->link_kind, n), .nth = n };

		if (q->match && fnmatch(q->match, store_entity_name(h->store, r.link), 0) != 0)
			continue;
		t->totals.matched++;
		count(t, r.link);
		set_key(t, q, &r);
		take_row(t, q, room, &r);
	}
	qsort_r(t->row, t->n_rows, sizeof(*t->row), compare, (void *) (uintptr_t) q);
	return 0;
}
