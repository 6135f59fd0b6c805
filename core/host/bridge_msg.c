/*
 * bridge_msg - what is to be written, as a message to the executor.
 *
 * Design.  A message names each way once; when it has no room for one more, the rest of the
 * operations goes with the next.
 */
#include "host/bridge_msg.h"

#include <string.h>

/* The number of the way in the message; -1: it has no room. */
static int put_way(struct exec_table *m, uint32_t *id, const struct shadow *s, uint32_t way)
{
	const struct shadow_way *w = shadow_way(s, way);
	unsigned i = 0;

	while (i < m->n_ways && id[i] != way)
		i++;
	if (i < m->n_ways)
		return (int) i;
	if (i == TABLE_WAYS || m->n_legs + w->n_legs > TABLE_LEGS)
		return -1;
	id[m->n_ways++] = way;
	m->way[i] = (struct table_way){ .family = w->family,
					.n = w->n_legs,
					.first = (uint8_t) m->n_legs,
					.mtu = w->mtu,
					.prefsrc = w->prefsrc };
	memcpy(&m->leg[m->n_legs], w->leg, w->n_legs * sizeof(w->leg[0]));
	m->n_legs += w->n_legs;
	return (int) i;
}

unsigned bridge_put_ops(const struct shadow *s, const struct shadow_op *op, unsigned n,
			struct exec_table *m)
{
	uint32_t id[TABLE_WAYS] = { 0 };

	for (unsigned i = 0; i < n; i++) {
		int way = op[i].way == SHADOW_GONE    ? TABLE_GONE
			  : op[i].way == SHADOW_THROW ? TABLE_THROW
						      : put_way(m, id, s, op[i].way);

		if (way < 0 || m->n_ops == TABLE_OPS)
			return i;
		m->op[m->n_ops++] = (struct table_op){ .dst = op[i].dst, .way = (uint8_t) way };
	}
	return n;
}
