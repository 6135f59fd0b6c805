/*
 * rows - links with their last counters, and what is published of them.
 *
 * Design.  RTM_GETSTATS knows numbers, facts have names.  The name is kept, and before each use
 * checked against the fact link.ifindex, which the sensor rtnl keeps current; only when they
 * disagree is the kernel asked.  A link that has no entity yet, or no longer, is left out: this
 * sensor adds to links and never makes one.
 */
#include "counters.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

/* 1: the name belongs to the number, 0: it does not, -ENOENT: no such entity. */
static int name_holds(struct counters *c, const struct row *row)
{
	struct anod_value v;
	int r;

	if (!row->name[0])
		return 0;
	r = c->ctx->host->get(c->ctx, "link", row->name, "ifindex", &v, NULL);
	if (r < 0)
		return r;
	return v.type == ANOD_INT && v.u.i == row->ifindex;
}

static bool find_name(struct counters *c, struct row *row)
{
	char name[IF_NAMESIZE];

	if (name_holds(c, row) > 0)
		return true;
	if (!if_indextoname(row->ifindex, name))
		return false;
	/* Another link under an old number: its counters are no continuation. */
	if (strcmp(row->name, name) != 0)
		memset(&row->last, 0, sizeof(row->last));
	memset(row->name, 0, sizeof(row->name));
	memcpy(row->name, name, strlen(name));
	return name_holds(c, row) >= 0; /* rtnl may be out of sync: then the kernel's word counts */
}

static void put(struct counters *c, uint32_t entity, enum fact fact, struct anod_value *v)
{
	if (v) {
		v->type = link_counters[fact].type;
		v->unit = link_counters[fact].unit;
	}
	(void) c->ctx->host->publish(c->ctx, entity, c->fact[fact], v);
}

static void put_int(struct counters *c, uint32_t entity, enum fact fact, uint64_t i)
{
	put(c, entity, fact, &(struct anod_value){ .u.i = (int64_t) i });
}

static void put_counters(struct counters *c, uint32_t e, const struct reading *r)
{
	put_int(c, e, RX_BYTES, r->rx_bytes);
	put_int(c, e, TX_BYTES, r->tx_bytes);
	put_int(c, e, RX_PACKETS, r->rx_packets);
	put_int(c, e, TX_PACKETS, r->tx_packets);
	put_int(c, e, RX_ERRORS, r->rx_errors);
	put_int(c, e, TX_ERRORS, r->tx_errors);
	put_int(c, e, RX_DROPPED, r->rx_dropped);
	put_int(c, e, TX_DROPPED, r->tx_dropped);
	put_int(c, e, RX_CRC_ERRORS, r->rx_crc_errors);
}

static void put_rates(struct counters *c, const struct row *row, uint32_t e, const struct rates *r)
{
	struct anod_value capacity;

	put_int(c, e, RX_BPS, (uint64_t) r->rx_bps);
	put_int(c, e, TX_BPS, (uint64_t) r->tx_bps);
	put_int(c, e, RX_PPS, (uint64_t) r->rx_pps);
	put_int(c, e, TX_PPS, (uint64_t) r->tx_pps);
	if (c->ctx->host->get(c->ctx, "link", row->name, "capacity", &capacity, NULL) == 0 &&
	    capacity.type == ANOD_INT && capacity.u.i > 0)
		put(c, e, UTIL, &(struct anod_value){ .u.r = rates_util(r, capacity.u.i) });
	else
		put(c, e, UTIL, NULL);
}

static void put_no_rates(struct counters *c, uint32_t e)
{
	for (enum fact f = RX_BPS; f < FACTS; f++)
		put(c, e, f, NULL);
}

static struct row *row_of(struct counters *c, uint32_t ifindex)
{
	struct row *row;

	HASH_FIND(hh, c->rows, &ifindex, sizeof(ifindex), row);
	if (row)
		return row;
	row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	row->ifindex = ifindex;
	HASH_ADD(hh, c->rows, ifindex, sizeof(row->ifindex), row);
	return row;
}

void row_take(struct counters *c, uint32_t ifindex, const struct reading *now)
{
	struct row *row = row_of(c, ifindex);
	struct rates rates;
	uint32_t entity;

	if (!row)
		return;
	row->sweep = c->sweep;
	if (!find_name(c, row) || c->ctx->host->entity(c->ctx, "link", row->name, &entity) < 0)
		return;

	put_counters(c, entity, now);
	if (rates_between(&row->last, now, &rates))
		put_rates(c, row, entity, &rates);
	else
		put_no_rates(c, entity);
	row->last = *now;
}

void rows_sweep(struct counters *c)
{
	struct row *row, *next;

	HASH_ITER(hh, c->rows, row, next)
	if (row->sweep != c->sweep) {
		HASH_DEL(c->rows, row);
		free(row);
	}
}

void rows_free(struct counters *c)
{
	struct row *row, *next;

	HASH_ITER(hh, c->rows, row, next)
	{
		HASH_DEL(c->rows, row);
		free(row);
	}
}
