/*
 * txn_json - a transaction and its actions, for the control socket, the ledger and people.
 */
#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include <anod/rtnl.h>

#include "base/clock.h"
#include "facts/value.h"
#include "host/host.h"

const char *action_text(const struct anod_action *a, char *buf, size_t size)
{
	size_t n = 0;
	char v[80];

	n += (size_t) snprintf(buf, size, "%s", a->kind);
	for (uint32_t k = 0; k < a->n_args && n < size; k++)
		n += (size_t) snprintf(buf + n, size - n, " %s %s", a->arg[k].name,
				       value_format(&a->arg[k].value, v, sizeof(v)));
	return buf;
}

/* Objects know interfaces by number; people by name. */
static const char *object_name(const struct host *h, const struct anod_object *o, char *buf,
			       size_t size)
{
	char raw[256], *dev;
	struct anod_object key = { .type = ANOD_OBJ_LINK }, link;
	int used = 0;

	anod_object_text(o, raw, sizeof(raw));
	dev = strstr(raw, " dev ");
	if (!dev || sscanf(dev, " dev %u%n", &key.u.link.ifindex, &used) != 1 ||
	    model_get(h->model, &key, &link) < 0) {
		(void) snprintf(buf, size, "%s", raw);
		return buf;
	}
	(void) snprintf(buf, size, "%.*s dev %s%s", (int) (dev - raw), raw, link.u.link.name,
			dev + used);
	return buf;
}

static void add_changes(cJSON *o, const struct host *h, const struct txn *t)
{
	cJSON *list = cJSON_AddArrayToObject(o, "changes");
	bool planned = t->state == TXN_WAITING; /* by the what-if; nothing is prepared yet */
	char text[280];

	for (unsigned k = 0; k < (planned ? t->n_changes : t->n_steps); k++) {
		const struct anod_change *c = planned ? &t->change[k] : &t->step[k].change;
		cJSON *e = cJSON_CreateObject();

		if (c->has_pre)
			cJSON_AddStringToObject(e, "before",
						object_name(h, &c->pre, text, sizeof(text)));
		else
			cJSON_AddNullToObject(e, "before");
		if (c->has_post)
			cJSON_AddStringToObject(e, "after",
						object_name(h, &c->post, text, sizeof(text)));
		else
			cJSON_AddNullToObject(e, "after");
		cJSON_AddItemToArray(list, e);
	}
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
		cJSON_AddItemToArray(list, cJSON_CreateString(action_text(&t->proposal.action[k],
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
	if (!txn_state_final(t->state) && t->deadline_us)
		cJSON_AddNumberToObject(o, "deadline_us", (double) t->deadline_us);
	if (t->by_guardian)
		cJSON_AddTrueToObject(o, "by_guardian");
	return o;
}
