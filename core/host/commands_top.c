/*
 * commands_top - "top" on the control socket: a page of links, sorted here.
 *
 * Design.  Numbers go out in base units; an unknown one is left out, and its reason stands under
 * "why".  What a page looks like is anodctl's affair.  What the answer is made from (top_rows, top_memory) lives
 * as long as somebody asks.
 */
#include <errno.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "host/commands.h"
#include "host/observe.h"
#include "host/top.h"

static const struct {
	const char *name;
	enum top_fact fact;
} columns[] = {
	{ "admin_up", FACT_ADMIN_UP },
	{ "carrier", FACT_CARRIER },
	{ "operstate", FACT_OPERSTATE },
	{ "role", FACT_ROLE },
	{ "kind", FACT_KIND },
	{ "master", FACT_MASTER },
	{ "alias", FACT_ALIAS },
	{ "mtu", FACT_MTU },
	{ "capacity", FACT_CAPACITY },
	{ "carrier_down", FACT_CARRIER_DOWN },
	{ "rx_bps", FACT_RX_BPS },
	{ "tx_bps", FACT_TX_BPS },
	{ "rx_pps", FACT_RX_PPS },
	{ "tx_pps", FACT_TX_PPS },
	{ "rx_errors", FACT_RX_ERRORS },
	{ "tx_errors", FACT_TX_ERRORS },
	{ "rx_dropped", FACT_RX_DROPPED },
	{ "tx_dropped", FACT_TX_DROPPED },
	{ "util", FACT_UTIL },
	{ "rtt", FACT_RTT },
	{ "jitter", FACT_JITTER },
	{ "loss", FACT_LOSS },
};

/* Oldest of the sampled facts; late: past half of the age at which it becomes unknown. */
static void note_age(const struct fact *f, const struct schema_attr *a, uint64_t now,
		     uint64_t *oldest, bool *late)
{
	uint64_t age = now > f->time_us ? now - f->time_us : 0;

	if (a->max_age_us == 0)
		return;
	*oldest = MAX_OF(*oldest, age);
	*late = *late || age > a->max_age_us / 2;
}

static void add_fact(cJSON *row, cJSON *why, const char *name, const struct fact *f)
{
	switch ((enum anod_type) f->value.type) {
	case ANOD_BOOL:
		cJSON_AddBoolToObject(row, name, f->value.u.i != 0);
		return;
	case ANOD_INT:
		cJSON_AddNumberToObject(row, name, (double) f->value.u.i);
		return;
	case ANOD_REAL:
		cJSON_AddNumberToObject(row, name, f->value.u.r);
		return;
	case ANOD_TEXT:
		cJSON_AddStringToObject(row, name, f->value.u.text);
		return;
	case ANOD_PREFIX:
	case ANOD_UNKNOWN:
		break;
	}
	cJSON_AddStringToObject(why, name, f->why ? f->why : "of no use here");
}

static void add_rates(cJSON *row, cJSON *why, const struct top *t, uint32_t link)
{
	static const char *const names[COUNTS] = { "rx_errors_ps", "tx_errors_ps", "rx_dropped_ps",
						   "tx_dropped_ps" };
	struct top_sample s;

	top_sample(t, link, &s);
	for (int c = 0; c < COUNTS; c++) {
		double rate = 0;
		const char *reason = top_memory_rate(t->memory, &s, c, &rate);

		if (reason)
			cJSON_AddStringToObject(why, names[c], reason);
		else
			cJSON_AddNumberToObject(row, names[c], rate);
	}
}

static cJSON *row_json(const struct top *t, uint32_t link)
{
	cJSON *row = cJSON_CreateObject(), *why = cJSON_CreateObject();
	const struct top_mark *m = top_mark_of(t, link);
	uint64_t oldest = 0;
	const char *word = top_state(t, link);
	bool late = false, no_capacity = false;

	cJSON_AddStringToObject(row, "name", store_entity_name(t->host->store, link));
	if (word)
		cJSON_AddStringToObject(row, "state", word);
	else
		cJSON_AddStringToObject(why, "state", "admin_up or carrier is unknown");
	for (size_t k = 0; k < ARRAY_SIZE(columns); k++) {
		struct fact f;

		(void) top_fact(t, link, columns[k].fact, &f);
		if (columns[k].fact == FACT_CAPACITY && f.value.type == ANOD_UNKNOWN)
			no_capacity = true;
		if (columns[k].fact == FACT_UTIL && no_capacity)
			f.why = "no capacity is configured";
		if (f.value.type != ANOD_UNKNOWN)
			note_age(&f, t->attr[columns[k].fact], host_now(t->host), &oldest, &late);
		add_fact(row, why, columns[k].name, &f);
	}
	add_rates(row, why, t, link);
	cJSON_AddNumberToObject(row, "age_us", (double) oldest);
	cJSON_AddBoolToObject(row, "late", late);
	if (m) {
		cJSON_AddNumberToObject(row, "incident", (double) m->incident);
		cJSON_AddStringToObject(row, "finding", m->code);
	}
	cJSON_AddItemToObject(row, "why", why);
	return row;
}

static cJSON *totals_json(const struct top *t)
{
	const struct top_totals *o = &t->totals;
	cJSON *j = cJSON_CreateObject();
	const struct incident *i;
	unsigned open = 0;

	for (unsigned n = 0; (i = incident_nth(t->host->incidents, n)); n++)
		open += i->open;
	cJSON_AddNumberToObject(j, "links", o->links);
	cJSON_AddNumberToObject(j, "matched", o->matched);
	cJSON_AddNumberToObject(j, "up", o->up);
	cJSON_AddNumberToObject(j, "down", o->down);
	cJSON_AddNumberToObject(j, "disabled", o->disabled);
	cJSON_AddNumberToObject(j, "unknown", o->unknown);
	cJSON_AddNumberToObject(j, "rx_bps", o->rx_bps);
	cJSON_AddNumberToObject(j, "tx_bps", o->tx_bps);
	cJSON_AddNumberToObject(j, "rate_unknown", o->rate_unknown);
	cJSON_AddNumberToObject(j, "errors_ps", o->errors_ps);
	cJSON_AddNumberToObject(j, "drops_ps", o->drops_ps);
	cJSON_AddNumberToObject(j, "error_unknown", o->error_unknown);
	cJSON_AddNumberToObject(j, "incidents_open", open);
	observe_json(t->host, j);
	return j;
}

static int parse(struct command_call *c, struct top_query *q)
{
	const char *kind = command_arg(c, "kind"), *sort = command_arg(c, "sort");
	const cJSON *offset = cJSON_GetObjectItemCaseSensitive(c->args, "offset");
	const cJSON *limit = cJSON_GetObjectItemCaseSensitive(c->args, "limit");

	q->match = command_arg(c, "match");
	q->reverse = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(c->args, "reverse"));
	q->limit = 50;
	if (kind && strcmp(kind, "link") != 0) {
		(void) command_fail(c, EINVAL, "top knows the kind link only");
		return -EINVAL;
	}
	for (int k = 0; sort && top_sort_names[k]; k++)
		if (strcmp(top_sort_names[k], sort) == 0) {
			q->sort = k;
			sort = NULL;
		}
	if (sort) {
		const char *near = nearest_word(sort, top_sort_names);

		(void) command_fail(c, EINVAL, "top cannot sort by that%s%s%s",
				    near ? "; did you mean '" : "", near ? near : "",
				    near ? "'?" : "");
		return -EINVAL;
	}
	if (cJSON_IsNumber(offset) && offset->valuedouble > 0)
		q->offset = (unsigned) MIN_OF(offset->valuedouble, STORE_ENTITIES_MAX);
	if (cJSON_IsNumber(limit) && limit->valuedouble >= 0)
		q->limit = (unsigned) MIN_OF(limit->valuedouble, TOP_ROWS_MAX);
	return 0;
}

static struct top *top_open(struct host *h)
{
	if (!h->top)
		h->top = calloc(1, sizeof(*h->top));
	if (!h->top)
		return NULL;
	h->top->host = h;
	h->top->asked_us = host_now(h);
	if (!h->top->memory)
		h->top->memory = top_memory_new();
	return h->top->memory ? h->top : NULL;
}

cJSON *cmd_top(struct command_call *c)
{
	struct top_query q = { .sort = TOP_NAME };
	char when[40];
	struct top *t;
	cJSON *o, *list;

	if (parse(c, &q) < 0)
		return NULL;
	t = top_open(c->h);
	if (!t || top_collect(t, &q) < 0)
		return command_fail(c, ENOMEM, "no memory");
	top_need(t, true);

	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "kind", "link");
	cJSON_AddStringToObject(o, "t", format_wall(clock_wall_us(), when, sizeof(when)));
	cJSON_AddStringToObject(o, "sort", top_sort_names[q.sort]);
	cJSON_AddBoolToObject(o, "reverse", q.reverse);
	cJSON_AddNumberToObject(o, "offset", q.offset);
	cJSON_AddItemToObject(o, "totals", totals_json(t));
	list = cJSON_AddArrayToObject(o, "rows");
	for (unsigned k = q.offset; k < t->n_rows; k++)
		cJSON_AddItemToArray(list, row_json(t, t->row[k].link));
	free(TAKE(t->row));
	return o;
}

void top_idle(struct host *h)
{
	if (h->top && host_now(h) - h->top->asked_us > TOP_LEASE_US)
		top_done(h);
}

void top_done(struct host *h)
{
	if (!h->top)
		return;

	top_need(h->top, false);
	top_memory_free(h->top->memory);
	free(h->top->row);
	free(TAKE(h->top));
}
