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
 * Both ways to lose a link are predicted by one table: set down (the kernel drops its routes) and
 * without carrier (it keeps them).  For a destination whose packets go over the link now:
 *
 *   1. usable legs of the same route on other links;
 *   2. the next route of the same destination, if its legs are usable;
 *   3. the best candidate of that destination;
 *   4. the standby, if the policy names one of the family;
 *   5. else what contains the destination: the legs that its packets would have there.
 *
 * Left to the kernel ("throw", not counted as behind the link) are destinations out of scope, and
 * connected ones (protocol kernel) without another route: what was reached on the link itself is
 * not elsewhere, and a session to a gateway must not survive over the standby, because its end is
 * what tells the daemon.
 *
 * The prediction is *certain* when every destination behind the link has an answer with usable
 * legs and none depends on what the model cannot hold (ANOD_OBJ_LOSSY, routes for a tos, a lost
 * sync, more entries than 'max'); shadow_doubt() tells what is not.
 *
 * Cost: a changed route costs its own entry and those of its descendants; more than SHADOW_SLICE
 * of them, and every change of links, next hops or candidates, is done in slices by shadow_run().
 * Memory: SHADOW_BYTES an entry at most, besides the model's own.
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
	/* Of the policy, by family of the gateway; one without a gateway is for both.  For a family
	 * without one there is only what the model knows. */
	unsigned n_standby;
	struct anod_leg standby[2];
	/* NULL: every route over the link. */
	bool (*in_scope)(const struct anod_prefix *dst, void *data);
	void *scope_data;
	unsigned max;	/* entries */
	unsigned slice; /* 0: SHADOW_SLICE */
};

struct shadow;
int shadow_new(const struct shadow_in *in, struct shadow **ret);
struct shadow *shadow_free(struct shadow *s);
DEFINE_CLEANUP(struct shadow *, shadow_free);

/* After the model has taken it: this route has changed or is gone.  Without memory the shadow is
 * in doubt until shadow_again(). */
void shadow_route(struct shadow *s, const struct anod_prefix *dst);
/* Links, next hops, addresses or candidates have changed: what depends on them anew. */
void shadow_links(struct shadow *s);
/* The model was out of sync: all anew. */
void shadow_again(struct shadow *s);
/* Do up to 'budget' destinations of what waits; how many wait still. */
unsigned shadow_run(struct shadow *s, unsigned budget);

/* Where an entry leads: what of a route is not its key. */
struct shadow_way {
	uint8_t family; /* of the destinations */
	uint8_t n_legs;
	uint32_t mtu;		    /* RTAX_MTU; 0: none */
	struct anod_prefix prefsrc; /* family 0: none */
	struct anod_leg leg[];	    /* n_legs */
};

/* Entries that differ from what was taken last, at most 'max'; the taken state is then as if
 * written.  New ones come first, more specific before less specific; then those that change; then
 * those that go, less specific before more specific.  So, after every one of them, each address
 * has the answer that it had or the one that it will have.  exec/proto.h says the same on the
 * wire. */
enum { SHADOW_GONE = 0, SHADOW_THROW = 1 };
struct shadow_op {
	struct anod_prefix dst;
	uint32_t way; /* SHADOW_*, or for shadow_way() until the next call */
};
unsigned shadow_take(struct shadow *s, struct shadow_op *ret, unsigned max);
const struct shadow_way *shadow_way(const struct shadow *s, uint32_t way);
/* The table in the kernel is empty: give all of it again. */
void shadow_untake(struct shadow *s);
/* Has anything that was taken a leg over this link, or this address as its source? */
bool shadow_uses_link(const struct shadow *s, uint32_t ifindex);
bool shadow_uses_source(const struct shadow *s, const struct anod_prefix *local);

unsigned shadow_entries(const struct shadow *s); /* of the prediction */
/* Destinations whose packets go over the link now, in scope or not. */
unsigned shadow_behind(struct shadow *s);
unsigned shadow_untaken(const struct shadow *s); /* entries that differ from what was taken */
size_t shadow_memory(const struct shadow *s);	 /* bytes */
/* NULL: certain; else one sentence that names the first destination in doubt. */
const char *shadow_doubt(const struct shadow *s, char *buf, size_t size);

/* Has the daemon moved everything away from the lost link?  How many destinations still have a
 * route with a leg over it, lost or not, where the packets would go first; connected ones do not
 * count.  As shadow_behind(): its cost is that of the model's classes. */
unsigned shadow_left(struct shadow *s);
/* Does the table itself lead on by now wherever an entry that was taken has legs?  Looks at 'budget'
 * entries.  1: yes, all; 0: not all; -EAGAIN: ask again. */
int shadow_served(struct shadow *s, unsigned budget);

#endif
