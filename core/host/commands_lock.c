/*
 * commands_lock - what is locked, and a person's word that it may be changed again.
 *
 * Design.  The engine locks (core/txn/txn_lock.c); here a person sees what and why, and unlocks it
 * after having looked at the router.  His word is recorded before it counts.
 */
#include <errno.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "host/commands.h"

static cJSON *locks_json(const struct txns *e)
{
	cJSON *list = cJSON_CreateArray(), *o;
	const struct txn_lock *l;

	for (unsigned i = 0; (l = txns_lock(e, i)); i++) {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "resource", l->resource);
		cJSON_AddNumberToObject(o, "tx", (double) l->tx);
		if (l->until_us == US_INFINITY)
			cJSON_AddNullToObject(o, "until_us");
		else
			cJSON_AddNumberToObject(o, "until_us", (double) l->until_us);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

cJSON *cmd_unlock(struct command_call *c)
{
	const cJSON *a = cJSON_GetObjectItemCaseSensitive(c->args, "resource");
	const char *resource = cJSON_GetStringValue(a);
	char did[ANOD_NAME_SIZE + 16];
	const struct txn_lock *l = NULL;
	cJSON *data;

	if (a && !resource)
		return command_fail(c, EINVAL, "unlock wants a resource (\"link wan0\"), or none");
	for (unsigned i = 0; resource && (l = txns_lock(c->h->txns, i)); i++)
		if (strcmp(l->resource, resource) == 0)
			break;
	if (resource && !l)
		return command_fail(c, ENOENT,
				    "'%s' is not locked; unlock without a resource "
				    "lists what is",
				    resource);
	if (resource) {
		(void) snprintf(did, sizeof(did), "unlock %s", resource);
		command_note(c, did, txns_get(c->h->txns, l->tx));
		(void) txns_unlock(c->h->txns, resource, c->user);
	}
	data = cJSON_CreateObject();
	cJSON_AddItemToObject(data, "locks", locks_json(c->h->txns));
	return data;
}
