/*
 * top_facts - what the rows of "top" are made of: facts of a link, its path, and open findings.
 *
 * Design.  Rows that are shown are read fact by fact, with the reason when one is unknown; keys and
 * totals are of thousands of links and read straight from the columns.
 */
#include <string.h>

#include "facts/table.h"
#include "host/top.h"

static const struct {
	const char *kind, *attr;
} facts[TOP_FACTS] = {
	[FACT_ADMIN_UP] = { "link", "admin_up" },
	[FACT_CARRIER] = { "link", "carrier" },
	[FACT_OPERSTATE] = { "link", "operstate" },
	[FACT_ROLE] = { "link", "role" },
	[FACT_KIND] = { "link", "kind" },
	[FACT_MASTER] = { "link", "master" },
	[FACT_ALIAS] = { "link", "alias" },
	[FACT_MTU] = { "link", "mtu" },
	[FACT_CAPACITY] = { "link", "capacity" },
	[FACT_CARRIER_DOWN] = { "link", "carrier_down" },
	[FACT_RX_BPS] = { "link", "rx_bps" },
	[FACT_TX_BPS] = { "link", "tx_bps" },
	[FACT_RX_PPS] = { "link", "rx_pps" },
	[FACT_TX_PPS] = { "link", "tx_pps" },
	[FACT_RX_ERRORS] = { "link", "rx_errors" },
	[FACT_TX_ERRORS] = { "link", "tx_errors" },
	[FACT_RX_DROPPED] = { "link", "rx_dropped" },
	[FACT_TX_DROPPED] = { "link", "tx_dropped" },
	[FACT_UTIL] = { "link", "util" },
	[FACT_RTT] = { "path", "rtt" },
	[FACT_JITTER] = { "path", "jitter" },
	[FACT_LOSS] = { "path", "loss" },
};

bool top_fact(const struct top *t, uint32_t link, enum top_fact f, struct fact *ret)
{
	const struct schema_attr *a = t->attr[f];
	const struct store *s = t->host->store;
	uint32_t e = link;

	*ret = (struct fact){ .why = "no sensor provides it" };
	if (a && a->kind != t->host->link_kind) {
		e = store_find(s, a->kind, store_entity_name(s, link));
		ret->why = "no probe goes over the link";
	}
	return a && e && store_get(s, e, a->slot, host_now(t->host), ret) == 0;
}

/* The column of a fact where it has the row of 'entity', or NULL: unknown there.  Straight into the
 * table: this is asked thousands of times for one answer. */
const struct table_block *top_column(const struct top *t, uint32_t entity, enum top_fact f,
				     unsigned *ret_row)
{
	const struct schema_attr *a = t->attr[f];
	int row = a ? table_row(t->host->store, entity) : -1;
	const struct table_block *b;

	if (row < 0)
		return NULL;
	b = table_block(t->host->store, a->kind, a->slot, (unsigned) row / TABLE_BLOCK);
	*ret_row = (unsigned) row % TABLE_BLOCK;
	return b && (b->known >> *ret_row & 1) ? b : NULL;
}

/* A number, of any type that has one. */
bool top_number(const struct top *t, uint32_t link, enum top_fact f, double *ret)
{
	const struct schema_attr *a = t->attr[f];
	const struct table_block *b;
	uint32_t e = link;
	unsigned row;

	if (a && a->kind != t->host->link_kind)
		e = store_find(t->host->store, a->kind, store_entity_name(t->host->store, link));
	b = e ? top_column(t, e, f, &row) : NULL;
	if (!b)
		return false;
	*ret = a->type == ANOD_REAL ? b->u.r[row] : (double) b->u.i[row];
	return true;
}

void top_sample(const struct top *t, uint32_t link, struct top_sample *ret)
{
	int at = table_row(t->host->store, link);

	*ret = (struct top_sample){ .entity = link, .row = (uint16_t) MAX_OF(at, 0) };
	for (int c = 0; c < COUNTS; c++) {
		unsigned row;
		const struct table_block *b = top_column(t, link, FACT_RX_ERRORS + c, &row);

		if (!b)
			continue;
		ret->count[c] = b->u.i[row];
		ret->known |= (uint16_t) (1u << c);
		ret->time_us = b->time_us[row];
	}
}

/* Borrowed from the table. */
const char *top_state(const struct top *t, uint32_t link)
{
	const struct table_block *b;
	double up = 0, carrier = 0;
	unsigned row;

	if (!top_number(t, link, FACT_ADMIN_UP, &up))
		return NULL;
	if (up == 0)
		return "disabled";
	if (!top_number(t, link, FACT_CARRIER, &carrier))
		return NULL;
	b = top_column(t, link, FACT_OPERSTATE, &row);
	/* Virtual links that know no state of their own call it "unknown", and pass packets. */
	if (!b || strcmp(b->u.text[row], "unknown") == 0)
		return carrier != 0 ? "up" : "down";
	return b->u.text[row];
}

const struct top_mark *top_mark_of(const struct top *t, uint32_t link)
{
	for (unsigned k = 0; k < t->n_marks; k++)
		if (t->mark[k].link == link)
			return &t->mark[k];
	return NULL;
}

/* ---- open findings ---------------------------------------------------------------------------- */

/* What hangs on a link is named after it: "wan0", "wan0/192.0.2.1". */
static uint32_t link_of(const struct top *t, const struct anod_finding *f)
{
	static const char *const on_link[] = { "link", "path", "probe", "neigh", "addr" };
	char name[ANOD_NAME_SIZE];
	bool is = false;

	for (size_t k = 0; k < ARRAY_SIZE(on_link); k++)
		is = is || strcmp(f->kind, on_link[k]) == 0;
	if (!is)
		return 0;
	(void) copy_text(name, sizeof(name), f->entity);
	name[strcspn(name, "/")] = '\0';
	return store_find(t->host->store, t->host->link_kind, name);
}

void top_marks(struct top *t)
{
	const struct incident *i;

	t->n_marks = 0;
	for (unsigned n = 0; (i = incident_nth(t->host->incidents, n)); n++) {
		for (unsigned k = 0; i->open && k < i->n_findings; k++) {
			uint32_t link = i->finding[k].cleared_us ? 0 : link_of(t, &i->finding[k].f);

			if (link && t->n_marks < TOP_MARKS_MAX)
				t->mark[t->n_marks++] =
					(struct top_mark){ link, i->id, i->finding[k].f.code };
		}
	}
}

void top_look_up(struct top *t)
{
	for (int f = 0; f < TOP_FACTS; f++)
		t->attr[f] = schema_attr(t->host->schema, facts[f].kind, facts[f].attr);
}
