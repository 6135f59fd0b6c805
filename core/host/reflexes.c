/*
 * reflexes - what is ready before its trigger: armed from the policy, judged again, accounted.
 *
 * Design.  One state for each permit with the clause, and one function for each state that says
 * when it wants to be called again; nothing here blocks or waits.  The transaction engine must not
 * be called from inside its own reports, so those only set the state, and the next turn acts.
 *
 *   waiting -> arming -> armed -> fired -> refractory -> [putting back] -> waiting ...
 *                ^--------'  disarmed: waiting, with the reason
 *
 * A reflex is known by the name of its permit; with another clause it is another one, and what was
 * armed for the old one is disarmed first.
 */
#include <errno.h>
#include <linux/if.h>
#include <stdarg.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/reflexes_int.h"

_Static_assert(REFLEX_TABLE_FIRST == TABLE_FIRST && REFLEX_TABLE_LAST == TABLE_LAST,
	       "tables of the policy are those that the executor writes");
_Static_assert(REFLEX_SLOTS == REFLEXES_MAX, "a slot for each");

/* ---- one ------------------------------------------------------------------------------------- */

const char *rfx_phase_name(enum reflex_phase phase)
{
	static const char *const names[] = { "",      "waiting",    "arming",	   "armed",
					     "fired", "refractory", "putting back" };

	return names[phase];
}

void rfx_enter(struct reflex *x, enum reflex_phase phase, const char *fmt, ...)
{
	char why[sizeof(x->why)];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (x->phase != phase) {
		x->since_us = host_now(x->h);
		log_debug("reflex \"%s\": %s%s%s", x->name, rfx_phase_name(phase),
			  why[0] ? ": " : "", why);
	}
	x->phase = phase;
	(void) copy_text(x->why, sizeof(x->why), why);
}

void rfx_record(struct reflex *x, const char *did, const char *why)
{
	const char *kind = x->kind ? reflex_kind_name(x->kind) : NULL;
	cJSON *b = cJSON_CreateObject();

	cJSON_AddStringToObject(b, "reflex", x->name);
	cJSON_AddStringToObject(b, "did", did);
	if (x->tx)
		cJSON_AddNumberToObject(b, "tx", (double) x->tx);
	if (kind)
		cJSON_AddStringToObject(b, "how", kind);
	cJSON_AddStringToObject(b, "why", why);
	(void) record_event(x->h, "reflex", b);
	log_notice("reflex \"%s\": %s%s%s", x->name, did, why[0] ? ": " : "", why);
}

struct find_link {
	const char *name;
	bool up;
};

static int see_link(const struct anod_object *o, void *data)
{
	struct find_link *f = data;

	if (strcmp(o->u.link.name, f->name) != 0)
		return 0;
	f->up = link_usable(&o->u.link);
	return 1;
}

bool rfx_link_up(const struct reflex *x)
{
	struct find_link f = { .name = x->permit ? x->permit->reflex.link : NULL };

	if (!f.name)
		return x->condition == ANOD_FALSE;
	(void) model_each(x->h->model, ANOD_OBJ_LINK, see_link, &f);
	return f.up;
}

struct reflex *rfx_free(struct reflex *x)
{
	if (!x)
		return NULL;
	rfx_unwatch(x);
	bridge_free(x->bridge);
	free(x->scope);
	free(x->key);
	free(x);
	return NULL;
}

/* ---- all ------------------------------------------------------------------------------------- */

int reflexes_open(struct host *h)
{
	struct reflexes *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->h = h;
	h->reflexes = s;
	reflexes_load(s);
	return 0;
}

void reflexes_close(struct host *h)
{
	struct reflexes *s = h->reflexes;

	for (unsigned i = 0; s && i < s->n; i++)
		rfx_free(s->item[i]);
	free(s);
	h->reflexes = NULL;
}

static struct reflex *find(struct reflexes *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++)
		if (strcmp(s->item[i]->name, name) == 0)
			return s->item[i];
	return NULL;
}

static unsigned free_slot(const struct reflexes *s)
{
	uint32_t taken = 0;
	unsigned slot = 0;

	for (unsigned i = 0; i < s->n; i++)
		taken |= UINT32_C(1) << s->item[i]->slot;
	while (taken & UINT32_C(1) << slot)
		slot++;
	return slot;
}

static struct reflex *add(struct reflexes *s, const char *name)
{
	struct reflex *x = s->n < REFLEXES_MAX ? calloc(1, sizeof(*x)) : NULL;

	if (!x)
		return NULL;
	x->h = s->h;
	x->slot = free_slot(s);
	(void) copy_text(x->name, sizeof(x->name), name);
	rfx_enter(x, REFLEX_WAITING, "not looked at yet");
	s->item[s->n++] = x;
	return x;
}

/* The clause of a reflex is another one, or gone. */
static void leave(struct reflex *x, const char *why)
{
	if (x->phase == REFLEX_ARMING || x->phase == REFLEX_ARMED)
		rfx_disarm(x, why);
	x->n_back = 0;
}

static void configure_one(struct reflexes *s, const struct policy_rule *r)
{
	struct reflex *x = find(s, r->name);
	char *key = rfx_key(s->h->config, r);

	if (!x)
		x = add(s, r->name);
	if (!x) {
		free(key);
		(void) snprintf(s->too_many, sizeof(s->too_many),
				"\"%.40s\" and more: at most %d reflexes", r->name, REFLEXES_MAX);
		log_error("reflex %s", s->too_many);
		return;
	}
	if (x->key && (!key || strcmp(x->key, key) != 0))
		leave(x, "the policy asks for another reflex now");
	free(x->key);
	x->key = key;
	x->permit = r;
	x->facts = x->routes = true;
	x->next_us = 0;
	rfx_watch(x);
}

void reflexes_configure(struct host *h)
{
	const struct policy *p = h->config->policy;
	struct reflexes *s = h->reflexes;

	if (!s)
		return;
	s->too_many[0] = '\0';
	for (unsigned i = 0; i < s->n; i++) {
		rfx_unwatch(s->item[i]);
		s->item[i]->permit = NULL;
	}
	for (unsigned i = 0; i < p->n_rules; i++)
		if (p->rule[i].reflex.there)
			configure_one(s, &p->rule[i]);
	for (unsigned i = 0; i < s->n; i++)
		if (!s->item[i]->permit)
			leave(s->item[i], "the policy does not ask for it any more");
}

/* ---- news ------------------------------------------------------------------------------------ */

static bool over_link(const struct anod_route *r, const struct reflex_choice *c)
{
	for (unsigned i = 0; i < r->n_legs && i < ANOD_LEGS_MAX; i++)
		if (r->leg[i].ifindex == c->link || r->leg[i].ifindex == c->standby)
			return true;
	return r->nhid != 0;
}

/* Does the choice depend on the route?  One that leaves the link matters where the choice names its
 * destination; elsewhere it is covered more than it needs. */
static bool concerns(const struct reflex *x, const struct anod_object *o)
{
	const struct reflex_choice *c = &x->choice;

	if (o->type == ANOD_OBJ_NEIGH)
		return false;
	if (o->type != ANOD_OBJ_ROUTE || !c->link)
		return true;
	if (c->way == REFLEX_WAY_BRIDGE)
		return false; /* its shadow follows */
	if (over_link(&o->u.route, c))
		return true;
	for (unsigned i = 0; i < c->n_actions; i++)
		for (unsigned k = 0; k < c->action[i].n_args; k++) {
			const struct anod_value *v = &c->action[i].arg[k].value;

			if (v->type == ANOD_PREFIX &&
			    memcmp(&v->u.prefix, &o->u.route.dst, sizeof(v->u.prefix)) == 0)
				return true;
		}
	return false;
}

void reflexes_object(struct host *h, const struct anod_object *o, bool gone)
{
	struct reflexes *s = h->reflexes;

	for (unsigned i = 0; s && i < s->n; i++) {
		struct reflex *x = s->item[i];

		if (x->bridge)
			bridge_object(x->bridge, o, gone);
		if (!x->routes)
			x->routes = concerns(x, o);
	}
}

void reflexes_sync(struct host *h)
{
	struct reflexes *s = h->reflexes;

	for (unsigned i = 0; s && i < s->n; i++) {
		s->item[i]->routes = true;
		if (s->item[i]->bridge)
			bridge_sync(s->item[i]->bridge);
	}
}

/* ---- turns ----------------------------------------------------------------------------------- */

static uint64_t run(struct reflex *x, uint64_t now)
{
	switch (x->phase) {
	case REFLEX_WAITING:
		return x->permit ? rfx_try(x, now) : US_INFINITY;
	case REFLEX_ARMED:
		return rfx_judge(x, now);
	case REFLEX_FIRED:
		return rfx_run_fired(x, now);
	case REFLEX_REFRACTORY:
		return rfx_run_refractory(x, now);
	case REFLEX_ARMING:
	case REFLEX_RETURNING:
		break;
	}
	return US_INFINITY;
}

/* Of a clause that is gone, when nothing of it is open any more. */
static bool is_over(const struct reflex *x)
{
	return !x->permit && !x->tx && !x->back_tx;
}

uint64_t reflexes_turn(struct host *h)
{
	struct reflexes *s = h->reflexes;
	uint64_t next = US_INFINITY, t;

	for (unsigned i = 0; s && i < s->n;) {
		struct reflex *x = s->item[i];

		if (is_over(x)) {
			s->item[i] = s->item[--s->n];
			rfx_free(x);
			reflexes_save(s);
			continue;
		}
		t = run(x, host_now(h));
		next = MIN_OF(next, t);
		i++;
	}
	return next;
}

int reflexes_on_exec(struct host *h, const struct chan_head *msg)
{
	const struct exec_tabled *m = (const struct exec_tabled *) msg;
	struct reflexes *s = h->reflexes;

	if (msg->type != EXEC_TABLED || msg->size != sizeof(*m))
		return -EPROTO;
	for (unsigned i = 0; s && i < s->n; i++)
		if (s->item[i]->bridge && s->item[i]->choice.table == m->table)
			return bridge_tabled(s->item[i]->bridge, m);
	return 0; /* of one that is gone */
}

void reflexes_exec_restarted(struct host *h)
{
	struct reflexes *s = h->reflexes;

	for (unsigned i = 0; s && i < s->n; i++)
		if (s->item[i]->bridge)
			bridge_exec_restarted(s->item[i]->bridge);
}
