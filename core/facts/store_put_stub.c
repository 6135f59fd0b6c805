/* store_put - stand-in until the columns are there. */
#include <string.h>
#include "facts/store.h"
int store_put(struct store *s, uint32_t entity, uint16_t first, unsigned n, const int64_t *raw,
	      uint64_t known, uint64_t now_us)
{
	uint16_t kind = store_entity_kind(s, entity);
	if (!kind)
		return -2;
	for (unsigned k = 0; k < n; k++) {
		const struct schema_attr *a = schema_attr_at(store_schema(s), kind, (uint16_t) (first + k));
		struct anod_value v = { .type = a->type, .unit = a->unit, .u.i = raw[k] };
		int r;
		r = store_publish(s, entity, a->slot, known >> k & 1 ? &v : NULL, now_us);
		if (r < 0)
			return r;
	}
	return 0;
}
static unsigned needed[SCHEMA_ATTRS_MAX + 1];
void store_need(struct store *s, const struct schema_attr *a, bool need)
{
	(void) s;
	needed[a->id] += need ? 1 : -1;
}
unsigned store_needed(const struct store *s, const struct schema_attr *a)
{
	(void) s;
	return needed[a->id];
}
