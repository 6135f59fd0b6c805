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

/* ---- transactions ---------------------------------------------------------------------------- */

static struct reflex *of_tx(struct reflexes *s, uint64_t id)
{
	for (unsigned i = 0; s && i < s->n; i++)
		if (s->item[i]->tx == id || s->item[i]->back_tx == id)
			return s->item[i];
	return NULL;
}

static void armed(struct reflex *x)
{
	x->armed_us = host_now(x->h);
	x->armed_wall_us = clock_wall_us();
	x->backoff_us = x->lost_us = 0;
	rfx_enter(x, REFLEX_ARMED, "%s", "");
	rfx_record(x, "armed", x->choice.why);
	reflexes_save(x->h->reflexes);
}

static void back_off(struct reflex *x)
{
	x->backoff_us = x->backoff_us ? MIN_OF(x->backoff_us * 2, REFLEX_BACKOFF_US) : US_PER_S;
	x->next_us = host_now(x->h) + x->backoff_us;
}

/* How the transaction of what has fired ended. */
static void end_fired(struct reflex *x, const struct txn *t)
{
	if (t->state == TXN_DONE || t->undo_was_due)
		rfx_settle(x, FIRING_VERIFIED, t->why);
	else
		rfx_settle(x, t->state == TXN_ROLLED_BACK ? FIRING_UNDONE : FIRING_UNSURE, t->why);
	/* What was taken back needs no way back. */
	if (t->state == TXN_ROLLED_BACK)
		x->n_back = 0;
	x->quiet_us = 0;
	rfx_enter(x, REFLEX_REFRACTORY, "%s", "");
}

static void ended(struct reflex *x, const struct txn *t)
{
	enum reflex_phase was = x->phase;

	if (x->bridge && was != REFLEX_WAITING)
		bridge_rest(x->bridge);
	if (was == REFLEX_FIRED) {
		end_fired(x, t);
	} else if (was == REFLEX_ARMED) {
		rfx_record(x, "disarmed", x->leaving ? x->why : t->why);
		rfx_enter(x, REFLEX_WAITING, "%s", x->leaving ? x->why : t->why);
	} else if (was == REFLEX_ARMING) {
		rfx_enter(x, REFLEX_WAITING, "%s", x->leaving ? x->why : t->why);
		if (!x->leaving)
			back_off(x);
	} else if (was == REFLEX_REFRACTORY) {
		rfx_enter(x, REFLEX_WAITING, "it is armed again");
	}
	x->tx = 0;
	x->leaving = false;
	x->kind = REFLEX_NONE;
	x->routes = x->facts = true;
	reflexes_save(x->h->reflexes);
}

void reflexes_txn(struct host *h, const struct txn *t, enum txn_state old)
{
	struct reflexes *s = h->reflexes;
	struct reflex *x = of_tx(s, t->id);

	if (!x && s && s->asking && old == 0) {
		x = s->asking;
		if (s->returning)
			x->back_tx = t->id;
		else
			x->tx = t->id;
	}
	if (!x)
		return;
	if (x->back_tx == t->id) {
		rfx_returned(x, t);
		return;
	}
	if (txn_state_final(t->state))
		ended(x, t);
	else if (x->phase == REFLEX_ARMING && t->state == TXN_WAITING)
		(void) copy_text(x->why, sizeof(x->why), t->why);
	else if (x->phase == REFLEX_ARMING &&
		 (t->state == TXN_ARMED || (t->state == TXN_COMMIT && x->kind == REFLEX_KERNEL)))
		armed(x);
}

void reflexes_fired(struct host *h, const struct txn *t)
{
	struct reflex *x = of_tx(h->reflexes, t->id);

	if (x && x->tx == t->id)
		rfx_has_fired(x, t);
}

void reflexes_judged(struct host *h, const struct txn *t, const struct whatif *w)
{
	struct reflex *x = of_tx(h->reflexes, t->id);

	if (!x && h->reflexes && !h->reflexes->returning)
		x = h->reflexes->asking;
	if (x && w)
		rfx_effect(x, w);
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
