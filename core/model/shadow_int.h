/*
 * shadow_int - the insides of a shadow, shared by its files only.
 *
 *   shadow.c         what has to be looked at again, and when; what is told of it
 *   shadow_judge.c   what a way of the model becomes when the link is lost
 *   shadow_way.c     where entries lead
 *   shadow_answer.c  from routes to the answer for a destination
 *   shadow_table.c   entries: what they should be, what was taken
 *   shadow_count.c   how many destinations the link concerns
 */
#ifndef MODEL_SHADOW_INT_H
#define MODEL_SHADOW_INT_H

#include "model/shadow.h"
#include "model/state.h"

enum doubt {
	DOUBT_NONE = 0,
	DOUBT_NO_WAY,  /* nothing usable is left */
	DOUBT_STANDBY, /* but the standby, and its link is not usable */
	DOUBT_LOSSY,   /* the route carries what the model cannot hold */
	DOUBT_TOS,     /* some packets have routes of their own, by tos */
	DOUBT_UNSURE,  /* or by what the model cannot hold */
};

/* ---- ways ------------------------------------------------------------------------------- */

struct sway { /* interned */
	uint32_t refs, hash;
	uint32_t next; /* in its bucket, or in the list of free places; 0 ends it */
	struct shadow_way w;
};

enum judge_kind {
	JUDGE_PASSES = 1, /* its legs are dead already */
	JUDGE_SPOILS,	  /* so are they, and the rest of the leaf is not asked */
	JUDGE_KEEPS,	  /* it decides, and does not go over the link */
	JUDGE_REST,	  /* it goes over the link, and over others that are usable */
	JUDGE_GONE,	  /* it goes over the link alone */
};
enum {
	JUDGE_KERNEL = 1, /* a connected route */
	JUDGE_LOSSY = 2,
	JUDGE_UNSURE = 4,
	JUDGE_LEADS = 8, /* of JUDGE_KEEPS: it has usable legs */
};
struct judged {
	uint64_t serial; /* of the way of the model that was judged */
	uint32_t epoch;
	uint32_t legs; /* held: of JUDGE_REST the rest, of JUDGE_KEEPS all when asked for; 0 */
	uint8_t kind, flags;
};

/* ---- entries ---------------------------------------------------------------------------- */

enum { ENTRY_DOUBT = 7, ENTRY_COVER = 8 }; /* 'flags': enum doubt, and: it leans on its covers */
struct sentry {
	uint8_t addr[16];
	uint8_t family, len, flags, pad; /* family 0: free */
	uint32_t want, taken;		 /* SHADOW_*, or a way that is held */
	uint32_t next, prev;		 /* ids + 1, in the list of what is to be written */
};
#define SENTRY_CHUNK_BITS 9

struct stable {
	struct sentry **chunk;
	uint32_t n_chunks, n_places, n, free; /* free: id + 1 */
	uint32_t *slot, n_slots;	      /* ids + 1 */
	/* To be written: new ones and those that go by family (0: IPv4) and length, changed ones. */
	uint32_t add[2][129], del[2][129], mod;
	uint32_t n_want, n_dirty, n_cover, n_doubt;
	uint32_t doubt_at; /* some entry in doubt, perhaps */
};

struct held { /* candidates that would live */
	struct anod_prefix dst;
	uint32_t way;  /* held; 0: it carries what cannot be held */
	uint32_t rank; /* best first */
};

#define INSIDE_MAX 32 /* more wait: all are looked at */

struct shadow {
	struct shadow_in in;
	uint32_t standby[2];   /* ways, held; 0: none of the family */
	bool standby_fails[2]; /* not usable now */
	uint32_t lost[OVERLAY_LOST_MAX];
	unsigned n_lost; /* the link and those that go with it */
	bool lost_overflow;

	struct sway **way; /* by id; 0 and 1 are SHADOW_* */
	uint32_t n_ways, max_ways, free_way, *bucket, n_buckets;
	size_t way_bytes;
	struct judged *judged; /* by id of the model's way */
	uint32_t n_judged, epoch;
	struct held *candidate; /* by destination */
	unsigned n_candidates;
	struct stable t;

	struct overlay *o; /* of the model as it is, during one call */
	bool env, all;	   /* waits: see shadow_links(), shadow_again() */
	/* Inside these destinations answers may be others: the last one is next. */
	struct anod_prefix inside[INSIDE_MAX + 129];
	unsigned n_inside;
	bool scanning;
	uint32_t scan_entry, scan_route[2];
	uint32_t served_at, n_served; /* entries in a row, see shadow_served() */
	bool broken;		      /* no memory */
	bool over;		      /* more entries than in.max */
};

static inline const struct rtab *shadow_rtab(const struct shadow *s)
{
	return &s->in.model->base.routes;
}

/* shadow_judge.c.  The overlay of the model without edits; NULL: no memory, and broken. */
const struct overlay *shadow_overlay(struct shadow *s);
void shadow_overlay_done(struct shadow *s);
/* NULL: no memory, and broken. */
const struct judged *shadow_judge(struct shadow *s, uint32_t way);
/* All usable legs of a way with JUDGE_LEADS, as a way; 0: no memory, and broken. */
uint32_t shadow_legs(struct shadow *s, uint32_t way);
/* Links, standby and candidates as they are now; true: answers may differ. */
bool shadow_look(struct shadow *s);
bool shadow_is_lost(const struct shadow *s, uint32_t ifindex);
void shadow_judges_done(struct shadow *s);

/* shadow_way.c.  With a reference for the caller; 0: no memory, and broken. */
uint32_t shadow_way_get(struct shadow *s, uint8_t family, const struct anod_leg *leg, unsigned n,
			uint32_t mtu, const struct anod_prefix *prefsrc);
void shadow_way_ref(struct shadow *s, uint32_t way);
void shadow_way_unref(struct shadow *s, uint32_t way);
void shadow_ways_done(struct shadow *s);

/* shadow_answer.c */
struct answer {
	uint32_t way;
	uint8_t doubt; /* enum doubt */
	bool cover;    /* not of its own routes */
};
/* Of a destination and of what contains it; false: the table has no such destination, and the
 * first is as the second. */
bool shadow_answer(struct shadow *s, const struct anod_prefix *dst, struct answer *ret,
		   struct answer *ret_around);

/* Has a packet to all of it a usable way in the table alone, as it is? */
bool shadow_leads(struct shadow *s, const struct anod_prefix *dst);

/* shadow_table.c */
struct sentry *stable_find(const struct stable *t, const struct anod_prefix *dst);
static inline struct sentry *stable_at(const struct stable *t, uint32_t id)
{
	return &t->chunk[id >> SENTRY_CHUNK_BITS][id & ((1u << SENTRY_CHUNK_BITS) - 1)];
}
static inline void sentry_dst(const struct sentry *e, struct anod_prefix *ret)
{
	*ret = (struct anod_prefix){ .family = e->family, .len = e->len };
	__builtin_memcpy(ret->addr, e->addr, sizeof(ret->addr));
}
/* want 0 and no flags: no entry.  Sets broken or over. */
void shadow_set(struct shadow *s, const struct anod_prefix *dst, uint32_t want, uint8_t flags);
void stable_done(struct stable *t);

#endif
