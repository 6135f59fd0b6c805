/*
 * txn_json - a transaction and its actions, for the control socket, the ledger and people.
 */
#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include <anod/rtnl.h>

#include "base/clock.h"
#include "facts/value.h"
#include "host/neighbours.h"
#include "host/recover.h"
#include "policy/action_text.h"

/* Objects know interfaces by number; people by name. */
const char *object_named(const struct model *m, const struct anod_object *o, char *buf, size_t size)
{
	char raw[512];
	const char *from = raw, *dev;
	size_t n = 0;

	anod_object_text(o, raw, sizeof(raw));
	buf[0] = '\0';
	if (o->type == ANOD_OBJ_LINK) {
		/* It has its name already. */
		dev = strstr(raw, " dev ");
		n = dev ? (size_t) snprintf(buf, size, "%.*s", (int) (dev - raw), raw) : 0;
		from = dev ? dev + 5 + strspn(dev + 5, "0123456789") : raw;
	}
	while ((dev = strstr(from, " dev ")) && n < size) {
		struct anod_object key = { .type = ANOD_OBJ_LINK }, link;
		int used = 0;

		if (sscanf(dev, " dev %u%n", &key.u.link.ifindex, &used) != 1 ||
		    model_get(m, &key, &link) < 0)
			used = 5;
		n += (size_t) snprintf(buf + n, size - n, "%.*s%s%s", (int) (dev - from), from,
				       " dev ", used > 5 ? link.u.link.name : "");
		from = dev + used;
	}
	if (n < size)
		(void) snprintf(buf + n, size - n, "%s", from);
	return buf;
}

static void add_changes(cJSON *o, const struct host *h, const struct txn *t)
{
	cJSON *list = cJSON_AddArrayToObject(o, "changes");
	bool planned = t->state == TXN_WAITING; /* by the what-if; nothing is prepared yet */
	char text[512];

	for (unsigned k = 0; k < (planned ? t->n_changes : t->n_steps); k++) {
		const struct anod_change *c = planned ? &t->change[k] : &t->step[k].change;
		cJSON *e = cJSON_CreateObject();

		if (c->has_pre)
			cJSON_AddStringToObject(
				e, "before", object_named(h->model, &c->pre, text, sizeof(text)));
		else
			cJSON_AddNullToObject(e, "before");
		if (c->has_post)
			cJSON_AddStringToObject(
				e, "after", object_named(h->model, &c->post, text, sizeof(text)));
		else
			cJSON_AddNullToObject(e, "after");
		cJSON_AddItemToArray(list, e);
	}
}

static void add_reflex(cJSON *o, const struct txn *t)
{
	static const char *const causes[] = {
		[GUARD_CAUSE_EVENT] = "event",
		[GUARD_CAUSE_SENTINEL] = "sentinel",
		[GUARD_CAUSE_HOST] = "condition",
	};
	const struct txn_reflex *x = &t->reflex;
	cJSON *r;

	if (!x->kind)
		return;

	r = cJSON_AddObjectToObject(o, "reflex");
	cJSON_AddStringToObject(r, "kind", reflex_kind_name(x->kind));
	if (x->trigger.link[0])
		cJSON_AddStringToObject(r, "link", x->trigger.link);
	if (x->trigger.sentinel_us)
		cJSON_AddNumberToObject(r, "sentinel_us", x->trigger.sentinel_us);
	cJSON_AddBoolToObject(r, "fired", x->seen_ns != 0);
	if (!x->seen_ns)
		return;
	if (x->cause < ARRAY_SIZE(causes) && causes[x->cause])
		cJSON_AddStringToObject(r, "cause", causes[x->cause]);
	cJSON_AddNumberToObject(r, "seen_us", (double) x->seen_ns / 1000);
	if (x->sent_ns > x->seen_ns)
		cJSON_AddNumberToObject(r, "took_ns", (double) (x->sent_ns - x->seen_ns));
}

cJSON *txn_json(const struct host *h, const struct txn *t)
{
	cJSON *o = cJSON_CreateObject(), *list;
	char text[256];

	cJSON_AddNumberToObject(o, "id", (double) t->id);
	cJSON_AddStringToObject(o, "state", txn_state_name(t->state));
	cJSON_AddStringToObject(o, "agent", t->agent);
	if (t->incident)
		cJSON_AddNumberToObject(o, "incident", (double) t->incident);
	cJSON_AddStringToObject(o, "reason", t->proposal.reason);
	cJSON_AddStringToObject(o, "expect", t->proposal.expect);
	list = cJSON_AddArrayToObject(o, "actions");
	for (uint32_t k = 0; k < t->proposal.n_actions; k++)
		cJSON_AddItemToArray(list, cJSON_CreateString(action_format(&t->proposal.action[k],
									    text, sizeof(text))));
	add_changes(o, h, t);
	if (t->decision)
		cJSON_AddStringToObject(o, "level", level_name(t->decision->level));
	/* Its configuration, and the permit with it, may be gone when it has ended. */
	if (t->decision && t->decision->permit_name[0])
		cJSON_AddStringToObject(o, "rule", t->decision->permit_name);
	cJSON_AddStringToObject(o, "created", format_wall(t->created_wall_us, text, sizeof(text)));
	cJSON_AddStringToObject(o, "why", t->why);
	list = cJSON_AddArrayToObject(o, "approvals");
	for (unsigned k = 0; k < t->n_approvals; k++)
		cJSON_AddItemToArray(list, cJSON_CreateString(t->approver[k]));
	if (t->state == TXN_WAITING && t->decision && t->decision->level == LEVEL_APPROVE &&
	    t->decision->permit)
		cJSON_AddNumberToObject(o, "needs", MAX_OF(t->decision->permit->approvals, 1u));
	if (!txn_state_final(t->state) && t->deadline_us && t->deadline_us != US_INFINITY)
		cJSON_AddNumberToObject(o, "deadline_us", (double) t->deadline_us);
	neighbours_txn_json(h, o, t);
	if ((list = recover_json(h, t)))
		cJSON_AddItemToObject(o, "recovery", list);
	add_reflex(o, t);
	if (t->by_guardian)
		cJSON_AddTrueToObject(o, "by_guardian");
	return o;
}
