/*
 * shadow - the table that bridges the loss of a link: what its routes will be, kept up to date.
 *
 * For the routes of one table that go over a link, whoever owns them, the shadow says where each
 * destination goes when the link is lost: over what is left of its legs, over the next route that
 * the kernel has for it, over the best candidate of a daemon (horizon.h), or over the standby that
 * the policy names.  An entry of the shadow is a destination with legs, or "throw" (ask the next
 * table) where nothing changes.  A destination has an entry only where its answer differs from
 * that of the nearest entry that covers it, so that the packets of every address get exactly the
 * answer that they would get from the whole prediction; of what the table does not know the
 * shadow knows nothing either.
 *
 * Switched on by one rule in front of the table's own (architecture.md 10.14).
 *
 * The prediction is *certain* when every destination behind the link has an answer with usable
 * legs and none depends on what the model cannot hold (ANOD_OBJ_LOSSY, a lost sync, more entries
 * than 'max'); shadow_doubt() tells what is not.
 *
 * Cost: a changed route costs its own entry and those of its direct descendants; more than
 * SHADOW_SLICE of them, and every change of links, next hops or candidates, is done in slices by
 * shadow_run().  Memory: SHADOW_BYTES an entry at most, besides the model's own.
 *
 * Pure: no I/O, no clock.  Threads: one.  Errors: negative errno.
 */
#ifndef MODEL_SHADOW_H
#define MODEL_SHADOW_H

#include "model/model.h"

#define SHADOW_SLICE 512
#define SHADOW_BYTES 128

struct shadow_in {
	const struct model *model; /* borrowed, as the rest */
	uint32_t table;		   /* whose routes: RT_TABLE_MAIN usually */
	uint32_t lost;		   /* ifindex of the link that will be lost */
	/* Of the policy, by family; of a family without one there is only what the model knows. */
	unsigned n_standby;
	struct anod_leg standby[2];
	/* NULL: every route over the link. */
	bool (*in_scope)(const struct anod_prefix *dst, void *data);
	void *scope_data;
	unsigned max; /* entries */
};

struct shadow;
int shadow_new(const struct shadow_in *in, struct shadow **ret);
struct shadow *shadow_free(struct shadow *s);
DEFINE_CLEANUP(struct shadow *, shadow_free);

/* After the model has taken it: this route has changed or is gone.  -ENOMEM: the shadow is in
 * doubt until shadow_again(). */
int shadow_route(struct shadow *s, const struct anod_prefix *dst);
/* Links, next hops, rules or candidates have changed, or the model was out of sync: all anew. */
void shadow_again(struct shadow *s);
/* Do up to 'budget' destinations of what waits; how many wait still. */
unsigned shadow_run(struct shadow *s, unsigned budget);

/* Entries that differ from what was taken last, at most 'max'; the taken state is then as if
 * written.  Less specific ones first when they are new, last when they go, so that the shadow is
 * never wrong for an address on the way.  TABLE_* of exec/proto.h say the same on the wire. */
struct shadow_op {
	struct anod_prefix dst;
	bool gone, throw_;
	struct anod_leg leg; /* where it goes, of neither */
};
unsigned shadow_take(struct shadow *s, struct shadow_op *ret, unsigned max);
/* What was taken last has not been written: give all of it again. */
void shadow_untake(struct shadow *s);

unsigned shadow_entries(const struct shadow *s); /* of the prediction */
unsigned shadow_behind(const struct shadow *s);	 /* destinations that go over the link now */
unsigned shadow_untaken(const struct shadow *s); /* entries that differ from what was taken */
size_t shadow_memory(const struct shadow *s);	 /* bytes */
/* NULL: certain; else one sentence that names the first destination in doubt. */
const char *shadow_doubt(const struct shadow *s, char *buf, size_t size);

/* Has the daemon moved everything away from the lost link?  How many destinations still have a
 * route with a leg over it, lost or not. */
unsigned shadow_left(const struct shadow *s);

#endif
