/*
 * store - opens and closes; who listens, wants and needs.
 *
 * Design.  What readers in other processes have to see lies in the segment; what only the host
 * works with (listeners, ageing, who made an entity) is on its heap, so that nothing here has to
 * be careful of being read half-done.
 */
#include "facts/store.h"

#include <errno.h>
#include <string.h>

#include "facts/store_priv.h"

struct store *store_new(const struct schema *schema)
{
	_cleanup_(store_freep) struct store *s = calloc(1, sizeof(*s));
	uint32_t root;

	if (!s)
		return NULL;
	s->schema = schema;
	s->ageing = calloc(1, sizeof(*s->ageing));
	s->kind = calloc(KINDS, sizeof(*s->kind));
	if (!s->ageing || !s->kind || shm_new(&s->shm, "anod-facts", SHM_MAX) < 0 ||
	    shm_alloc(&s->shm, sizeof(struct seg), &root) < 0)
		return NULL;

	s->seg = shm_at(&s->shm, root);
	if (ring_open(s) < 0)
		return NULL;
	s->seg->size = sizeof(*s->seg);
	s->seg->magic = SEG_MAGIC;
	return TAKE(s);
}

int store_open(const struct schema *schema, int fd, struct store **ret)
{
	_cleanup_(store_freep) struct store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->schema = schema;
	s->reader = true;
	s->names = calloc(1, sizeof(*s->names));
	if (!s->names)
		return -ENOMEM;
	r = shm_attach(&s->shm, fd);
	if (r < 0)
		return r;

	s->seg = shm_at(&s->shm, SEG_ROOT);
	if (!shm_has(&s->shm, SEG_ROOT, sizeof(*s->seg)) || s->seg->magic != SEG_MAGIC ||
	    s->seg->size != sizeof(*s->seg))
		return -EPROTO;
	*ret = TAKE(s);
	return 0;
}

int store_fd(const struct store *s)
{
	return s->shm.reader_fd;
}

static void kind_done(struct kind *k)
{
	for (unsigned i = 0; i < k->n_blocks; i++)
		free(k->block[i]);
	free(k->block);
	for (unsigned i = 0; i < PLANS; i++)
		free(k->plan[i]);
}

struct store *store_free(struct store *s)
{
	if (!s)
		return NULL;

	for (unsigned kind = 0; s->kind && kind < KINDS; kind++)
		kind_done(&s->kind[kind]);
	if (s->ageing)
		heap_done(s->ageing);
	shm_done(&s->shm);
	free(s->ageing);
	free(s->kind);
	free(s->names);
	free(s->generation);
	free(s->unused);
	free(s->sync);
	free(s);
	return NULL;
}

const struct schema *store_schema(const struct store *s)
{
	return s->schema;
}

void store_get_stats(const struct store *s, struct store_stats *ret)
{
	*ret = s->stats;
	ret->bytes = s->reader ? 0 : shm_real(&s->shm);
}

uint64_t store_seq(const struct store *s)
{
	return s->seq;
}

/* ---- listeners -------------------------------------------------------------------------- */

int store_listen(struct store *s, store_listener *fn, void *data)
{
	if (s->n_listeners == STORE_LISTENERS_MAX)
		return -ENOSPC;

	s->listener[s->n_listeners].fn = fn;
	s->listener[s->n_listeners++].data = data;
	s->interest++;
	return 0;
}

void store_unlisten(struct store *s, store_listener *fn, void *data)
{
	for (unsigned i = 0; i < s->n_listeners; i++) {
		if (s->listener[i].fn != fn || s->listener[i].data != data)
			continue;
		s->n_listeners--;
		s->interest++;
		memmove(&s->listener[i], &s->listener[i + 1],
			(s->n_listeners - i) * sizeof(s->listener[0]));
		return;
	}
}

void store_tell(struct store *s, const struct store_change *c)
{
	for (unsigned i = 0; i < s->n_listeners; i++)
		s->listener[i].fn(s->listener[i].data, c);
}

static void count(uint16_t *n, bool more)
{
	if (more)
		++*n;
	else if (*n > 0)
		--*n;
}

void store_want(struct store *s, const struct schema_attr *a, bool want)
{
	count(&s->want[a->id], want);
	s->interest++;
}

void store_need(struct store *s, const struct schema_attr *a, bool need)
{
	count(&s->need[a->id], need);
}

unsigned store_needed(const struct store *s, const struct schema_attr *a)
{
	return s->need[a->id];
}

/* ---- sources ---------------------------------------------------------------------------- */

int sync_of_attr(struct store *s, const struct schema_attr *a)
{
	uint16_t i = s->sync_of[a->id];
	struct sync *sync;

	if (i > 0)
		return i;

	/* The schema keeps one copy of each name of a source. */
	while (i < s->n_sync && (s->sync[i].kind != a->kind || s->sync[i].source != a->source))
		i++;
	if (i == s->n_sync) {
		sync = reallocarray(s->sync, s->n_sync + 1, sizeof(*sync));
		if (!sync)
			return -ENOMEM;
		s->sync = sync;
		s->sync[s->n_sync++] = (struct sync){ .source = a->source, .kind = a->kind };
	}
	STORE(&s->seg->lost[a->id], s->sync[i].lost);
	s->sync_of[a->id] = ++i;
	return i;
}
