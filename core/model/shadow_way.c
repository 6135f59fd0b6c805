/*
 * shadow_way - where entries lead, interned.
 *
 * Design.  Many entries share few ways: the standby, mostly.  A way is counted by the entries, the
 * judgements and the candidates that hold it, and its number is used again when it is gone.
 */
#include <stdlib.h>
#include <string.h>

#include "model/shadow_int.h"

static uint32_t hash_of(uint8_t family, const struct anod_leg *leg, unsigned n, uint32_t mtu,
			const struct anod_prefix *prefsrc)
{
	uint32_t h = crc32c(family, leg, n * sizeof(*leg));

	h = crc32c(h, &mtu, sizeof(mtu));
	return crc32c(h, prefsrc, sizeof(*prefsrc));
}

static bool is_way(const struct shadow_way *w, uint8_t family, const struct anod_leg *leg,
		   unsigned n, uint32_t mtu, const struct anod_prefix *prefsrc)
{
	return w->family == family && w->n_legs == n && w->mtu == mtu &&
	       memcmp(&w->prefsrc, prefsrc, sizeof(*prefsrc)) == 0 &&
	       memcmp(w->leg, leg, n * sizeof(*leg)) == 0;
}

/* Room for one more; the buckets grow with the places. */
static int grow_ways(struct shadow *s)
{
	uint32_t max = s->max_ways ? s->max_ways * 2 : 16, *bucket;
	struct sway **way = realloc(s->way, max * sizeof(*way));

	if (!way)
		return -1;
	s->way = way;
	bucket = calloc(max, sizeof(*bucket));
	if (!bucket)
		return -1;
	for (uint32_t i = SHADOW_THROW + 1; i < s->n_ways; i++) {
		uint32_t *to;

		if (!way[i])
			continue;
		to = &bucket[way[i]->hash & (max - 1)];
		way[i]->next = *to;
		*to = i;
	}
	free(s->bucket);
	s->bucket = bucket;
	s->n_buckets = s->max_ways = max;
	return 0;
}

static size_t sway_size(unsigned n_legs)
{
	return sizeof(struct sway) + n_legs * sizeof(struct anod_leg);
}

uint32_t shadow_way_get(struct shadow *s, uint8_t family, const struct anod_leg *leg, unsigned n,
			uint32_t mtu, const struct anod_prefix *prefsrc)
{
	uint32_t hash = hash_of(family, leg, n, mtu, prefsrc), id = 0;
	struct sway *w;

	for (id = s->n_buckets ? s->bucket[hash & (s->n_buckets - 1)] : 0; id;
	     id = s->way[id]->next)
		if (s->way[id]->hash == hash &&
		    is_way(&s->way[id]->w, family, leg, n, mtu, prefsrc)) {
			s->way[id]->refs++;
			return id;
		}

	for (id = s->free_way; id < s->n_ways && s->way[id];)
		id++;
	w = malloc(sway_size(n));
	if (!w || (id >= s->max_ways && grow_ways(s) < 0)) {
		free(w);
		s->broken = true;
		return 0;
	}
	*w = (struct sway){
		.refs = 1,
		.hash = hash,
		.next = s->bucket[hash & (s->n_buckets - 1)],
		.w = { .family = family, .n_legs = (uint8_t) n, .mtu = mtu, .prefsrc = *prefsrc }
	};
	memcpy(w->w.leg, leg, n * sizeof(*leg));
	s->bucket[hash & (s->n_buckets - 1)] = id;
	s->way[id] = w;
	s->free_way = id + 1;
	s->n_ways = MAX_OF(s->n_ways, id + 1);
	s->way_bytes += sway_size(n);
	return id;
}

void shadow_way_ref(struct shadow *s, uint32_t way)
{
	if (way > SHADOW_THROW)
		s->way[way]->refs++;
}

void shadow_way_unref(struct shadow *s, uint32_t way)
{
	struct sway *w = way > SHADOW_THROW ? s->way[way] : NULL;
	uint32_t *link;

	if (!w || --w->refs)
		return;
	link = &s->bucket[w->hash & (s->n_buckets - 1)];
	while (*link != way)
		link = &s->way[*link]->next;
	*link = w->next;
	s->way_bytes -= sway_size(w->w.n_legs);
	free(w);
	s->way[way] = NULL;
	s->free_way = MIN_OF(s->free_way, way);
}

const struct shadow_way *shadow_way(const struct shadow *s, uint32_t way)
{
	return &s->way[way]->w;
}

void shadow_ways_done(struct shadow *s)
{
	for (uint32_t i = SHADOW_THROW + 1; i < s->n_ways; i++)
		free(s->way[i]);
	free(s->way);
	free(s->bucket);
}
