/*
 * rtnl - what the files of the sensor share.
 *
 * feed.c reads events, dump.c reads whole tables and decides when, route.c, link.c and qdisc.c know
 * what is special about routes, links and qdiscs, facts.c publishes, rows.c remembers what was published.
 *
 * Thread: the host's loop.  Memory: 'struct rtnl' is the host's, rows are malloc()ed and freed in
 * rtnl_fini().
 */
#ifndef PLUGIN_RTNL_H
#define PLUGIN_RTNL_H

#include <linux/rtnetlink.h>
#include <stdbool.h>

#include <uthash.h>

#include <anod/plugin.h>
#include <anod/rtnl.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct nl_sock;

/* ---- what was published ------------------------------------------------------------------ */

/* The members of an object that name it, or a rule's place among its like; padding is zero. */
struct key {
	uint32_t type; /* enum anod_obj_type */
	uint32_t a, b, c;
	struct anod_prefix p;
};

/* An entity of ours in the fact store. */
struct row {
	struct key key;
	uint32_t entity;
	uint32_t round; /* of the last dump that named it */
	/* Of an address: until when it lasts, CLOCK_BOOTTIME; 0: for ever. */
	uint64_t valid_us, preferred_us;
	UT_hash_handle hh;
};

/* A link as last heard of; its name makes the names of addresses and neighbours. */
struct link_row {
	uint32_t ifindex;
	uint32_t entity; /* 0: none, see link.c */
	uint32_t round;
	bool named;	 /* is in the table of names */
	uint32_t missed; /* changes of the carrier that no event told of */
	struct anod_link link;
	UT_hash_handle hh; /* by ifindex */
	UT_hash_handle hn; /* by link.name */
};

/* A route of which the kernel may delete a part: several legs of IPv6, or twins of one key. */
struct part_row {
	struct key key;
	unsigned n_legs; /* 0: twins */
	UT_hash_handle hh;
};

/* In the order of fact_names[]. */
enum fact {
	FACT_LINK_IFINDEX,
	FACT_LINK_ADMIN_UP,
	FACT_LINK_CARRIER,
	FACT_LINK_OPERSTATE,
	FACT_LINK_MTU,
	FACT_LINK_KIND,
	FACT_LINK_MASTER,
	FACT_LINK_CARRIER_UP,
	FACT_LINK_CARRIER_DOWN,
	FACT_LINK_CARRIER_MISSED,
	FACT_LINK_ALIAS,
	FACT_LINK_FORWARDING4,
	FACT_LINK_FORWARDING6,
	FACT_LINK_RP_FILTER,
	FACT_LINK_IGNORE_LINKDOWN4,
	FACT_LINK_IGNORE_LINKDOWN6,
	FACT_ADDR_DEV,
	FACT_ADDR_ADDRESS,
	FACT_ADDR_TENTATIVE,
	FACT_ADDR_DAD_FAILED,
	FACT_ADDR_DEPRECATED,
	FACT_ADDR_PERMANENT,
	FACT_ADDR_VALID,
	FACT_ADDR_PREFERRED,
	FACT_ROUTE_TABLE,
	FACT_ROUTE_DST,
	FACT_ROUTE_METRIC,
	FACT_ROUTE_GATEWAY,
	FACT_ROUTE_DEV,
	FACT_ROUTE_LEGS,
	FACT_ROUTE_PROTOCOL,
	FACT_ROUTE_TYPE,
	FACT_NEXTHOP_ID,
	FACT_NEXTHOP_DEV,
	FACT_NEXTHOP_GATEWAY,
	FACT_NEXTHOP_MEMBERS,
	FACT_NEXTHOP_PROTOCOL,
	FACT_NEXTHOP_WEIGHTS,
	FACT_RULE_PRIORITY,
	FACT_RULE_TABLE,
	FACT_NEIGH_DEV,
	FACT_NEIGH_DST,
	FACT_NEIGH_STATE,
	FACT_NEIGH_PROBES,
	FACTS
};

/* ---- where it comes from ----------------------------------------------------------------- */

enum {
	FEED_LINK,
	FEED_ADDR,
	FEED_ROUTE4,
	FEED_ROUTE6,
	FEED_RULE,
	FEED_NEXTHOP,
	FEED_NEIGH,
	FEED_QDISC,
	FEEDS
};

/* A socket for one kind of event. */
struct feed {
	struct nl_sock *sock;
	int fd;
	uint64_t io; /* 0: not read now, because its table is being dumped */
};

/* A kind of object, and when to read all of it again. */
struct table {
	bool running, again;  /* being dumped; dump once more after it */
	bool ready;	      /* due, waits for its turn */
	bool lost;	      /* events were lost, and no dump has made up for it yet */
	bool hurry;	      /* wanted at once, not soon */
	unsigned follow;      /* routes: dumps that may follow, see dump_follow() */
	unsigned tries;	      /* dumps that were interrupted, in a row */
	uint32_t round;	      /* number of the dump */
	uint32_t n, n_before; /* objects of this dump and of the one before */
	uint64_t first_us;    /* of the triggers that wait; 0: none */
	uint64_t due_us;      /* 0: not wanted */
	uint64_t begun_us, not_before_us;
	uint64_t n_lost, warned_us;
};

#define BUF_SIZE (32u << 10) /* the kernel fills up to this much of a dump at once */

struct rtnl {
	struct anod_ctx *ctx;
	struct feed feed[FEEDS];
	struct table table[ANOD_OBJ_TYPES];
	struct feed dump;
	uint32_t dump_seq;
	enum anod_obj_type dumping; /* 0: none */
	bool interrupted;	    /* this dump is not consistent */
	uint64_t timer, timer_us;   /* the next dump that is due */
	int fact[FACTS];	    /* handles */
	struct anod_object pending; /* a route whose twins may follow; type 0: none */
	struct anod_object root;    /* the last qdisc of the dump; type 0: none */
	struct row *rows;
	unsigned n_own_routes; /* rows of routes that are no default routes */
	struct link_row *links, *link_names;
	struct part_row *parts;
	bool parts_full;	    /* more than PARTS_MAX: any route may have parts */
	const struct nlmsghdr *msg; /* that is being taken */
	uint64_t life_timer;	    /* 0: no address ends */
	struct key rule_place;	    /* of the last rule of a dump, to number its like */
	uint8_t buf[BUF_SIZE] __attribute__((aligned(8)));
};

/* ---- feed.c ------------------------------------------------------------------------------ */

int feed_open_all(struct rtnl *r, size_t buffer_size);
int feed_open_dump(struct rtnl *r);
void feed_stop(struct rtnl *r, struct feed *f); /* no callback follows */
void feed_close_all(struct rtnl *r);
/* Read all that waits for a table and then leave its feeds alone.  False: too much waits, the
 * feeds go on; try again soon. */
bool feed_pause(struct rtnl *r, enum anod_obj_type type);
/* After the dump: take what came meanwhile.  False: some of it was lost. */
bool feed_catch_up(struct rtnl *r, enum anod_obj_type type);
void feed_resume(struct rtnl *r, enum anod_obj_type type);
/* One datagram from the kernel into r->buf: its size, -EAGAIN, -ENOBUFS, -errno. */
int feed_receive(struct rtnl *r, const struct feed *f);

/* ---- dump.c ------------------------------------------------------------------------------ */

enum when { AT_ONCE, SOON };
/* Read the whole table again. */
void dump_want(struct rtnl *r, enum anod_obj_type type, enum when when);
/* A link or a next hop went away: routes go with it, without a word, about now. */
void dump_removed(struct rtnl *r);
/* Events of this table were lost: say so, and read it again. */
void dump_lost(struct rtnl *r, enum anod_obj_type type, const char *why);
anod_io_fn dump_io;
const char *table_kind(enum anod_obj_type type); /* "link" */
/* Does this sensor read objects of the type? */
bool table_is_ours(enum anod_obj_type type);

/* ---- what to do with an object ----------------------------------------------------------- */

void link_take(struct rtnl *r, const struct anod_object *o, const struct nlmsghdr *m, bool gone);
/* The name of a link, or NULL: it is gone already.  Valid until the next call. */
const char *link_name(struct rtnl *r, uint32_t ifindex);
void link_sweep(struct rtnl *r);
void link_forget(struct rtnl *r, struct link_row *row); /* frees it */
void health(struct rtnl *r, enum anod_health what, uint64_t n);

void route_event(struct rtnl *r, const struct anod_object *o, const struct nlmsghdr *m, bool gone);
void route_dump_begin(struct rtnl *r);
void route_dump_take(struct rtnl *r, const struct anod_object *o);
void route_dump_end(struct rtnl *r);

/* qdisc.c: for the model alone, which needs them as before-images. */
void qdisc_take(struct rtnl *r, const struct anod_object *o, bool gone);
void qdisc_link_gone(struct rtnl *r, uint32_t ifindex);

/* To the model and to the facts. */
void publish(struct rtnl *r, const struct anod_object *o, bool gone);
/* A rule in a dump; facts only, its place in the list is its name. */
void publish_rule(struct rtnl *r, const struct anod_object *o);
void publish_link(struct rtnl *r, const struct link_row *row, const struct nlmsghdr *m);

/* ---- life.c ------------------------------------------------------------------------------ */

/* Flags and lifetimes of an address, from r->msg. */
void life_take(struct rtnl *r, struct row *row, uint32_t flags);
void life_stop(struct rtnl *r);
void put_bool(struct rtnl *r, uint32_t entity, enum fact fact, bool b);
/* 'known' false: unknown. */
void put_time(struct rtnl *r, uint32_t entity, enum fact fact, bool known, uint64_t us);

/* ---- rows.c ------------------------------------------------------------------------------ */

void key_of(const struct anod_object *o, struct key *ret);
struct row *row_find(struct rtnl *r, const struct key *k);
/* NULL: no memory, or the host takes no more entities. */
struct row *row_make(struct rtnl *r, const struct key *k, const char *name);
void row_drop(struct rtnl *r, const struct key *k); /* tells the host */
/* Addresses and neighbours of a link that was renamed or went away. */
void row_drop_link(struct rtnl *r, uint32_t ifindex);
/* Forget what a complete dump has not named; the host does so by itself. */
void row_sweep(struct rtnl *r, enum anod_obj_type type);
void rows_free(struct rtnl *r);

/* ---- kinds.c, facts.c --------------------------------------------------------------------- */

extern const struct anod_kind rtnl_kinds[];
extern const char *const fact_names[FACTS];
int facts_init(struct rtnl *r); /* look up the handles of fact_names[] */

#endif
