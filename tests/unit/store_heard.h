/* store_heard - the carrier of links, and what a listener of the store has heard. */
#ifndef TESTS_STORE_HEARD_H
#define TESTS_STORE_HEARD_H

#include "unit/facts_help.h"

static inline bool carrier_known(const struct store *s, const char *name)
{
	return help_get(s, "link", name, "carrier", 1000).value.type == ANOD_BOOL;
}

static inline void put_carrier(struct store *s, const char *name, bool up, uint64_t now_us)
{
	help_put(s, "link", name, "carrier", value_bool(up), now_us);
}

struct heard {
	unsigned known, unknown, gone;
};

static inline void listen(void *data, const struct store_change *c)
{
	struct heard *h = data;

	if (c->slot < 0)
		h->gone += c->gone;
	else if (c->fact->why)
		h->unknown++;
	else
		h->known++;
}

#endif
