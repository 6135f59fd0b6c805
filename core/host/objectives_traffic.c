/*
 * objectives_traffic - traffic.in and traffic.out: what goes over all uplinks together.
 *
 * Design.  A sum of facts that the counters publish, made as often as flows are measured.  It is
 * unknown while one of the links is: what that one carries could be anything.
 */
#include <string.h>

#include "host/objectives_int.h"

/* Over the links with role uplink; unknown while one of them is, or when there are none. */
void traffic_publish(struct host *h, uint64_t now_us)
{
	int64_t in = 0, out = 0, one_in, one_out;
	bool known = true, any = false;
	struct anod_value v;
	uint32_t e;

	for (unsigned k = 0; k < h->config->n_links; k++) {
		const struct config_link *l = &h->config->link[k];
		uint32_t link;

		if (!l->role || strcmp(l->role, "uplink") != 0)
			continue;
		link = store_find(h->store, h->link_kind, l->name);
		if (!link)
			continue; /* what is not there carries nothing */
		any = true;
		if (objective_int(h, link, "link", "rx_bps", now_us, &one_in) &&
		    objective_int(h, link, "link", "tx_bps", now_us, &one_out)) {
			in += one_in;
			out += one_out;
		} else {
			known = false;
		}
	}
	if (!any && !store_find(h->store, schema_kind_id(h->schema, "traffic"), "uplinks"))
		return;
	if (store_entity(h->store, schema_kind_id(h->schema, "traffic"), "uplinks", now_us, &e) < 0)
		return;
	v = value_int(in, ANOD_UNIT_BPS);
	objective_put(h, "traffic", e, "in", any && known ? &v : NULL, now_us);
	v = value_int(out, ANOD_UNIT_BPS);
	objective_put(h, "traffic", e, "out", any && known ? &v : NULL, now_us);
}
