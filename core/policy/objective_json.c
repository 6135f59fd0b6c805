/*
 * objective_json - accounts in the state folder.
 *
 * Design.  An hour in which all was well looks like the one before, so parts are written as runs:
 * [how many, ok, bad, unknown], oldest first.  A file is checked number by number: it is ours, but
 * it may have been torn, or be of another version.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

#include "policy/objective.h"

#define NUMBER_MAX 9e15 /* a double still counts by ones */

static bool same_part(const struct account_part *a, const struct account_part *b)
{
	return a->ok == b->ok && a->bad == b->bad && a->unknown == b->unknown;
}

static void add_run(cJSON *list, uint64_t n, const struct account_part *p)
{
	double numbers[4] = { (double) n, p->ok, p->bad, p->unknown };

	cJSON_AddItemToArray(list, cJSON_CreateDoubleArray(numbers, 4));
}

static cJSON *ring_json(const struct account_ring *r)
{
	uint64_t first = r->last >= r->n ? r->last - r->n + 1 : 0, run = 0;
	cJSON *list = cJSON_CreateArray();

	for (uint64_t k = first; k <= r->last; k++) {
		const struct account_part *p = &r->part[k % r->n];

		run++;
		if (k < r->last && same_part(p, &r->part[(k + 1) % r->n]))
			continue;
		add_run(list, run, p);
		run = 0;
	}
	return list;
}

cJSON *account_json(const struct account *a)
{
	cJSON *o = cJSON_CreateObject(), *days;

	cJSON_AddNumberToObject(o, "period_us", (double) a->period_us);
	cJSON_AddNumberToObject(o, "now_us", (double) a->now_us);
	cJSON_AddItemToObject(o, "coarse", ring_json(&a->coarse));
	cJSON_AddItemToObject(o, "fine", ring_json(&a->fine));
	days = cJSON_AddArrayToObject(o, "days");
	for (unsigned k = 0; k < ACCOUNT_DAYS; k++)
		if (a->day[k].day)
			add_run(days, a->day[k].day, &a->day[k].t);
	return o;
}

static bool take(const cJSON *number, double max, uint64_t *ret)
{
	if (!cJSON_IsNumber(number) || !(number->valuedouble >= 0 && number->valuedouble <= max))
		return false;
	*ret = (uint64_t) number->valuedouble;
	return true;
}

/* [n, ok, bad, unknown] */
static bool take_run(const cJSON *run, uint64_t part_ms, uint64_t *ret_n, struct account_part *ret)
{
	uint64_t v[4];

	if (!cJSON_IsArray(run) || cJSON_GetArraySize(run) != 4)
		return false;
	for (int k = 0; k < 4; k++)
		if (!take(cJSON_GetArrayItem(run, k), UINT32_MAX, &v[k]))
			return false;
	if (v[0] == 0 || v[1] + v[2] + v[3] > part_ms)
		return false;
	*ret_n = v[0];
	*ret = (struct account_part){ (uint32_t) v[1], (uint32_t) v[2], (uint32_t) v[3] };
	return true;
}

static bool ring_load(struct account_ring *r, uint64_t part_ms, uint64_t now_us, const cJSON *list)
{
	uint64_t last = now_us / 1000 / part_ms, n = 0, run;
	struct account_part part;
	const cJSON *i;

	if (!cJSON_IsArray(list))
		return false;
	r->last = last;
	n = last >= r->n ? last - r->n + 1 : 0;
	cJSON_ArrayForEach(i, list)
	{
		if (!take_run(i, part_ms, &run, &part) || run > last + 1 - MIN_OF(n, last + 1))
			return false;
		while (run--)
			r->part[n++ % r->n] = part;
	}
	return n == last + 1;
}

static bool days_load(struct account *a, const cJSON *list)
{
	const cJSON *i;

	cJSON_ArrayForEach(i, list)
	{
		struct account_part part;
		uint64_t day;

		/* A wall clock that was set back books a day longer than it was. */
		if (!take_run(i, UINT32_MAX, &day, &part))
			return false;
		a->day[day % ACCOUNT_DAYS] =
			(struct account_day){ .day = (uint32_t) day, .t = part };
	}
	return true;
}

static const cJSON *get(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

int account_load(struct account *a, const cJSON *o)
{
	uint64_t period, coarse = a->period_us / 1000 / ACCOUNT_COARSE;
	uint64_t fine = MAX_OF(a->period_us / 1000 / 43200, UINT64_C(1));
	double target = a->target;

	account_init(a, target, a->period_us);
	if (take(get(o, "period_us"), NUMBER_MAX, &period) && period == a->period_us &&
	    take(get(o, "now_us"), NUMBER_MAX, &a->now_us) &&
	    ring_load(&a->coarse, coarse, a->now_us, get(o, "coarse")) &&
	    ring_load(&a->fine, fine, a->now_us, get(o, "fine")) && days_load(a, get(o, "days")))
		return 0;

	account_init(a, target, a->period_us);
	return -EBADMSG;
}
