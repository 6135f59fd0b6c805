/*
 * rows - links with their last counters, and what is published of them.
 *
 * Design.  RTM_GETSTATS knows numbers, facts have names.  A row keeps the handle of its entity,
 * which the sensor rtnl never gives to another ifindex; when the host says that the entity is
 * gone, and only then, the kernel is asked for the name, and the name is taken when the fact
 * link.ifindex agrees.  A link that has no entity (yet) is left out: this sensor adds to links
 * and never makes one.
 *
 * The kernel lists links in the same order every time, so each row remembers which came after it:
 * that guess is one load and one comparison, and is right but for links that came or went.
 * Numbers of rows stay; what misses is found by bisection.
 */
#include "counters.h"

#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MAX 4 /* sweeps between two looks for the entity of a link that has none */

/* Where a counter is in struct rtnl_link_stats64. */
#define AT(member) (offsetof(struct rtnl_link_stats64, member) / sizeof(uint64_t))
static const uint8_t place[COUNTERS] = {
	[RX_BYTES] = AT(rx_bytes),
	[TX_BYTES] = AT(tx_bytes),
	[RX_PACKETS] = AT(rx_packets),
	[TX_PACKETS] = AT(tx_packets),
	[RX_ERRORS] = AT(rx_errors),
	[TX_ERRORS] = AT(tx_errors),
	[RX_DROPPED] = AT(rx_dropped),
	[TX_DROPPED] = AT(tx_dropped),
	[RX_CRC_ERRORS] = AT(rx_crc_errors),
	[RX_MISSED] = AT(rx_missed_errors),
	[RX_FIFO_ERRORS] = AT(rx_fifo_errors),
	[RX_FRAME_ERRORS] = AT(rx_frame_errors),
	[RX_LENGTH_ERRORS] = AT(rx_length_errors),
	[TX_CARRIER_ERRORS] = AT(tx_carrier_errors),
	[MULTICAST] = AT(multicast),
	[COLLISIONS] = AT(collisions),
};
/* Every kernel that has RTM_GETSTATS has at least so many counters. */
#define PLACES (AT(tx_compressed) + 1)

#define BITS(n) ((UINT64_C(1) << (n)) - 1)
#define COUNTED BITS(COUNTERS)
#define RATES	(BITS(FACTS) & ~COUNTED)
#define NO_UTIL (BITS(UTIL) & ~COUNTED)

/* ---- which row ---------------------------------------------------------------------------- */

/* Place in by_ifindex[] of a number, or of where it belongs. */
static uint32_t position(const struct counters *c, uint32_t ifindex)
{
	uint32_t low = 0, high = c->n_links;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (c->row[c->by_ifindex[middle]].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int grow(struct counters *c)
{
	uint32_t size = c->rows_size ? 2 * c->rows_size : 64;
	uint32_t *by_ifindex = reallocarray(c->by_ifindex, size, sizeof(*by_ifindex));
	struct row_name *name = reallocarray(c->row_name, size, sizeof(*name));
	struct row *row = reallocarray(c->row, size, sizeof(*row));

	if (by_ifindex)
		c->by_ifindex = by_ifindex;
	if (name)
		c->row_name = name;
	if (row)
		c->row = row;
	if (!by_ifindex || !name || !row)
		return -ENOMEM;

	c->rows_size = size;
	return 0;
}

int rows_init(struct counters *c)
{
	int r = grow(c);

	if (r < 0)
		return r;
	memset(&c->row[0], 0, sizeof(c->row[0]));
	c->n_rows = 1;
	return 0;
}

void rows_free(struct counters *c)
{
	free(c->row);
	free(c->row_name);
	free(c->by_ifindex);
}

/* A free row: a new one, or after it one whose link is gone.  0: no memory. */
static uint32_t take_free(struct counters *c)
{
	if (c->n_links + 1 < c->n_rows)
		for (uint32_t i = 1; i < c->n_rows; i++)
			if (!c->row[i].ifindex)
				return i;
	if (c->n_rows == c->rows_size && grow(c) < 0)
		return 0;
	return c->n_rows++;
}

static uint32_t make(struct counters *c, uint32_t ifindex, uint32_t before)
{
	uint32_t i = take_free(c);

	if (!i)
		return 0;
	memmove(&c->by_ifindex[before + 1], &c->by_ifindex[before],
		(c->n_links - before) * sizeof(c->by_ifindex[0]));
	c->by_ifindex[before] = i;
	c->n_links++;
	c->row[i] = (struct row){ .ifindex = ifindex };
	c->row_name[i] = (struct row_name){ 0 };
	return i;
}

/* 0: no memory. */
static uint32_t row_search(struct counters *c, uint32_t ifindex)
{
	uint32_t p = position(c, ifindex);
	uint32_t i = p < c->n_links ? c->by_ifindex[p] : 0;

	if (!i || c->row[i].ifindex != ifindex)
		i = make(c, ifindex, p);
	return i;
}

void rows_begin(struct counters *c)
{
	c->at = 0;
	c->round++;
}

void rows_end(struct counters *c)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < c->n_links; k++) {
		uint32_t i = c->by_ifindex[k];

		if (c->row[i].round == c->round)
			c->by_ifindex[n++] = i;
		else
			c->row[i].ifindex = 0;
	}
	c->n_links = n;
}

/* ---- which entity ------------------------------------------------------------------------- */

static void read_capacity(struct counters *c, uint32_t i)
{
	struct anod_value v;

	c->row[i].capacity = 0;
	if (c->row[i].entity &&
	    c->ctx->host->get(c->ctx, "link", c->row_name[i].name, "capacity", &v, NULL) == 0 &&
	    v.type == ANOD_INT && v.u.i > 0)
		c->row[i].capacity = v.u.i;
}

void rows_refresh(struct counters *c)
{
	for (uint32_t k = 0; k < c->n_links; k++)
		read_capacity(c, c->by_ifindex[k]);
}

/* The handle of the entity that has this ifindex now; false: there is none that we know of. */
static bool find_entity(struct counters *c, uint32_t i)
{
	struct row *row = &c->row[i];
	struct row_name *n = &c->row_name[i];
	char name[IF_NAMESIZE];
	struct anod_value v;

	row->entity = 0;
	row->has_util = false;
	memset(&row->last, 0, sizeof(row->last)); /* another entity: no continuation */
	if (n->wait) {
		n->wait--;
		return false;
	}
	if (if_indextoname(row->ifindex, name) &&
	    c->ctx->host->get(c->ctx, "link", name, "ifindex", &v, NULL) == 0 &&
	    v.type == ANOD_INT && v.u.i == row->ifindex &&
	    c->ctx->host->entity(c->ctx, "link", name, &row->entity) >= 0) {
		memset(n, 0, sizeof(*n));
		memcpy(n->name, name, strnlen(name, sizeof(n->name) - 1));
		read_capacity(c, i);
		return true;
	}
	row->entity = 0;
	n->name[0] = '\0';
	n->wait = n->tries = n->tries ? (n->tries < WAIT_MAX ? 2 * n->tries : WAIT_MAX) : 1;
	return false;
}

static bool has_name(const struct counters *c, uint32_t i, const char *name)
{
	return i && i < c->n_rows && c->row[i].ifindex && c->row[i].entity &&
	       strcmp(c->row_name[i].name, name) == 0;
}

uint32_t row_wanted(const struct counters *c, struct wanted *w)
{
	if (has_name(c, w->row, w->name))
		return c->row[w->row].ifindex;
	for (uint32_t k = 0; k < c->n_links; k++) {
		if (!has_name(c, c->by_ifindex[k], w->name))
			continue;
		w->row = c->by_ifindex[k];
		return c->row[w->row].ifindex;
	}
	return 0;
}

/* ---- what is stored ------------------------------------------------------------------------ */

/* Rates between the last reading and this one; what of them is known. */
static uint64_t put_rates(const struct row *row, const struct reading *now, int64_t *raw)
{
	struct rates r;
	double util;

	memset(&raw[RX_BPS], 0, (FACTS - RX_BPS) * sizeof(raw[0]));
	if (!rates_between(&row->last, now, &r))
		return 0;
	raw[RX_BPS] = r.rx_bps;
	raw[TX_BPS] = r.tx_bps;
	raw[RX_PPS] = r.rx_pps;
	raw[TX_PPS] = r.tx_pps;
	if (!row->capacity)
		return NO_UTIL;
	util = rates_util(&r, row->capacity);
	memcpy(&raw[UTIL], &util, sizeof(util));
	return RATES;
}

/* Most links have no capacity, so no utilisation: what is the same for all goes the fast way. */
static int put(struct counters *c, struct row *row, const int64_t *raw, uint64_t known)
{
	bool util = known & ~(COUNTED | NO_UTIL);
	unsigned n = util || row->has_util ? FACTS : UTIL;

	row->has_util = util;
	return c->ctx->host->put(c->ctx, row->entity, c->first_fact, n, raw, known);
}

static void store(struct counters *c, uint32_t i, const struct stats *s, uint64_t time_us)
{
	struct row *row = &c->row[i];
	int64_t raw[FACTS];
	struct reading now;
	uint64_t known;
	int r;

	row->round = c->round;
	if ((!row->entity && !find_entity(c, i)) || s->n < PLACES)
		return;

	for (unsigned k = 0; k < COUNTERS; k++)
		raw[k] = (int64_t) stats_at(s, place[k]);
	now = (struct reading){ time_us, (uint64_t) raw[RX_BYTES], (uint64_t) raw[TX_BYTES],
				(uint64_t) raw[RX_PACKETS], (uint64_t) raw[TX_PACKETS] };
	known = COUNTED | put_rates(row, &now, raw);
	r = put(c, row, raw, known);
	if (r == -ENOENT && find_entity(c, i))
		r = put(c, row, raw, COUNTED);
	if (r < 0 && r != -ENOENT)
		(void) c->ctx->host->health(c->ctx, ANOD_HEALTH_ERROR, 1);
	row->last = now;
}

void row_take(struct counters *c, const struct stats *s, uint64_t time_us)
{
	uint32_t i = c->row[c->at].next;

	if (!i || c->row[i].ifindex != s->ifindex) {
		i = row_search(c, s->ifindex);
		if (!i)
			return;
		c->row[c->at].next = i;
	}
	c->at = i;
	store(c, i, s, time_us);
}

void row_take_one(struct counters *c, const struct stats *s, uint64_t time_us)
{
	uint32_t i = row_search(c, s->ifindex);

	if (i)
		store(c, i, s, time_us);
}
