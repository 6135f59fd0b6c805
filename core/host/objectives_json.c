/*
 * objectives_json - objectives for the control socket.
 *
 * Design.  The states are those of intent reports: TS 28.312 knows fulfilmentStatus (FULFILLED,
 * NOT_FULFILLED) and, for what is not fulfilled, a notFulfilledState.  "degraded" is one that is not
 * fulfilled while its error budget lasts.
 */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "host/commands.h"
#include "host/objectives_int.h"

static void add_number(cJSON *o, const char *name, double x)
{
	if (isfinite(x))
		cJSON_AddNumberToObject(o, name, x);
	else
		cJSON_AddNullToObject(o, name);
}

static void add_time(cJSON *o, const char *name, uint64_t wall_us)
{
	char text[40];

	if (wall_us)
		cJSON_AddStringToObject(o, name, format_wall(wall_us, text, sizeof(text)));
	else
		cJSON_AddNullToObject(o, name);
}

/* FulfilmentInfo of the intent report of TS 28.312. */
static void add_report(cJSON *o, const struct objective *obj)
{
	cJSON *r = cJSON_AddObjectToObject(o, "report");
	const char *state = objective_state_name(obj);

	cJSON_AddStringToObject(r, "fulfilmentStatus",
				obj->state == ANOD_TRUE ? "FULFILLED" : "NOT_FULFILLED");
	if (obj->state == ANOD_TRUE)
		return;
	cJSON_AddStringToObject(r, "notFulfilledState",
				obj->state == ANOD_DOUBT	 ? "ACKNOWLEDGED"
				: strcmp(state, "degraded") == 0 ? "DEGRADED"
								 : "FULFILMENTFAILED");
}

static void add_account(cJSON *o, const struct account *a)
{
	double left = account_left(a);
	struct account_burn burn;
	struct account_sum t;
	uint64_t lasts;
	cJSON *s;

	account_total(a, &t);
	account_burn(a, &burn);
	add_number(o, "target", a->target > 0 ? a->target : NAN);
	cJSON_AddNumberToObject(o, "period_us", (double) a->period_us);
	add_number(o, "budget_us", a->target > 0 ? (1 - a->target) * (double) a->period_us : NAN);
	add_number(o, "budget_left", left);
	add_number(o, "burn", burn.fast);
	add_number(o, "burn_slow", burn.slow);
	cJSON_AddNumberToObject(o, "burn_window_us", (double) account_burn_window(a, false));
	cJSON_AddNumberToObject(o, "burn_slow_window_us", (double) account_burn_window(a, true));
	lasts = account_lasts_us(a, isnan(burn.slow) ? burn.fast : MAX_OF(burn.fast, burn.slow));
	add_number(o, "lasts_us", lasts == UINT64_MAX ? NAN : (double) lasts);
	s = cJSON_AddObjectToObject(o, "time");
	cJSON_AddNumberToObject(s, "fulfilled_us", (double) t.ok * 1000);
	cJSON_AddNumberToObject(s, "not_fulfilled_us", (double) t.bad * 1000);
	cJSON_AddNumberToObject(s, "unknown_us", (double) t.unknown * 1000);
}

static int by_day(const void *a, const void *b)
{
	const struct account_day *x = a, *y = b;

	return (x->day > y->day) - (x->day < y->day);
}

static void add_days(cJSON *o, const struct account *a)
{
	cJSON *list = cJSON_AddArrayToObject(o, "days");
	struct account_day day[ACCOUNT_DAYS];

	memcpy(day, a->day, sizeof(day));
	qsort(day, ACCOUNT_DAYS, sizeof(*day), by_day);
	for (unsigned k = 0; k < ACCOUNT_DAYS; k++) {
		time_t t = (time_t) day[k].day * 86400;
		char text[32] = "";
		struct tm tm;
		cJSON *d;

		if (!day[k].day)
			continue;
		if (gmtime_r(&t, &tm))
			(void) strftime(text, sizeof(text), "%Y-%m-%d", &tm);
		d = cJSON_CreateObject();
		cJSON_AddStringToObject(d, "day", text);
		cJSON_AddNumberToObject(d, "fulfilled_us", day[k].t.ok * 1e3);
		cJSON_AddNumberToObject(d, "not_fulfilled_us", day[k].t.bad * 1e3);
		cJSON_AddNumberToObject(d, "unknown_us", day[k].t.unknown * 1e3);
		cJSON_AddItemToArray(list, d);
	}
}

static void add_violations(cJSON *o, const struct objective *obj)
{
	double budget = (1 - obj->account->target) * (double) obj->account->period_us;
	unsigned n = MIN_OF(obj->n_violations, VIOLATIONS_KEPT);
	cJSON *list = cJSON_AddArrayToObject(o, "violations");

	for (unsigned k = 1; k <= n; k++) {
		const struct violation *v =
			&obj->violation[(obj->n_violations - k) % VIOLATIONS_KEPT];
		cJSON *one = cJSON_CreateObject();

		add_time(one, "from", v->from_wall_us);
		add_time(one, "to", v->to_wall_us);
		cJSON_AddNumberToObject(one, "not_fulfilled_us", (double) v->bad_us);
		add_number(one, "share_of_budget",
			   obj->account->target > 0 ? (double) v->bad_us / budget : NAN);
		if (v->incident)
			cJSON_AddNumberToObject(one, "incident", (double) v->incident);
		cJSON_AddItemToArray(list, one);
	}
}

static cJSON *one_json(struct host *h, const struct objective *o, bool past)
{
	uint64_t wall = clock_wall_us();
	cJSON *j = cJSON_CreateObject();

	cJSON_AddStringToObject(j, "name", o->name);
	cJSON_AddStringToObject(j, "state", objective_state_name(o));
	add_report(j, o);
	add_time(j, "since", o->since_wall_us);
	cJSON_AddNumberToObject(j, "since_us",
				wall > o->since_wall_us ? (double) (wall - o->since_wall_us) : 0);
	add_account(j, o->account);
	cJSON_AddItemToObject(j, "requirements", objective_requirements(h, o));
	cJSON_AddItemToObject(j, "probes", objective_probes(h, o));
	if (o->incident)
		cJSON_AddNumberToObject(j, "incident", (double) o->incident);
	if (past) {
		add_days(j, o->account);
		add_violations(j, o);
	}
	return j;
}

cJSON *objectives_json(struct host *h, const char *name)
{
	const struct objectives *s = h->objectives;
	cJSON *data = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(data, "objectives");
	const struct objective *o = name ? objective_find(s, name) : NULL;
	double rate = 0;

	if (name && !o) {
		cJSON_Delete(data);
		return NULL;
	}
	for (unsigned k = 0; s && k < s->n; k++)
		if (!name || s->item[k] == o)
			cJSON_AddItemToArray(list, one_json(h, s->item[k], name != NULL));
	for (unsigned k = 0; s && k < s->n_members; k++)
		rate += 1e6 / (double) s->member[k].probe.every_us;
	cJSON_AddNumberToObject(data, "probes", s ? s->n_members : 0);
	cJSON_AddNumberToObject(data, "probes_per_s", rate);
	cJSON_AddNumberToObject(data, "slowed", s ? s->plan.slowed : 1);
	return data;
}

cJSON *objectives_summary(const struct host *h)
{
	const struct objectives *s = h->objectives;
	unsigned n[3] = { 0 }, spent = 0;
	cJSON *o;

	for (unsigned k = 0; s && k < s->n; k++) {
		n[s->item[k]->state]++;
		spent += account_left(s->item[k]->account) <= 0;
	}
	o = cJSON_CreateObject();
	cJSON_AddNumberToObject(o, "fulfilled", n[ANOD_TRUE]);
	cJSON_AddNumberToObject(o, "not_fulfilled", n[ANOD_FALSE]);
	cJSON_AddNumberToObject(o, "unknown", n[ANOD_DOUBT]);
	cJSON_AddNumberToObject(o, "budgets_spent", spent);
	return o;
}

cJSON *cmd_objectives(struct command_call *c)
{
	const char *name = command_arg(c, "name");
	cJSON *data = objectives_json(c->h, name);

	return data ? data : command_fail(c, ENOENT, "the policy has no objective \"%.60s\"", name);
}
