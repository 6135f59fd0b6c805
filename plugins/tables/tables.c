/*
 * tables - the sensor of table sizes: neighbours and their thresholds, routes, next-hop groups.
 *
 * Design.  One reading is a dump of the neighbour tables, which is a dozen messages and one for
 * each interface, and one of the next-hop objects when somebody uses groups.  The routes are
 * counted by the kernel, which walks the whole tree for it (some 30 ns a prefix), so that is done
 * every 'fib-period' and, of IPv4, without holding a lock.  An interface's own neighbour limits
 * are not read: the kernel has none.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <uthash.h>

#include <anod/netlink.h>
#include <anod/poll.h>

#include "decode.h"
#include "kinds.h"

#define GROUPS_MAX 4096	 /* more are left out */
#define TEXT_SIZE  65536 /* of /proc/net/fib_triestat: some 180 tables */
#define HOPS_MAX   65536 /* of which is remembered that they are down */
#define KNOWN(n)   (UINT64_C(1) << (n))

struct down { /* a next hop that does not carry */
	uint32_t id;
	UT_hash_handle hh;
};

struct tables {
	struct anod_ctx *ctx;
	struct anod_nl *nl;
	struct anod_poll *poll;
	struct anod_rows *rows[KINDS];
	bool group_needed;
	uint64_t fib_us, fib_due_us;
	struct nexthop *group; /* of the dump under way */
	unsigned n_groups, groups_size;
	struct down *down;
	char text[TEXT_SIZE];
};

/* ---- neighbours --------------------------------------------------------------------------- */

static void on_neigh_table(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct tables *t = ctx->state;
	uint64_t known = KNOWN(NEIGH_LOOKUPS) - 1;
	int64_t raw[NEIGH_FACTS] = { 0 };
	struct neigh_table n;
	struct anod_row *row;
	double used;

	(void) data;
	if (decode_neigh_table(msg, &n) <= 0)
		return;
	row = anod_rows_take(t->rows[KIND_NEIGH], n.family, n.name);
	if (!row)
		return;
	raw[NEIGH_ENTRIES] = n.entries;
	for (unsigned i = 0; i < 3; i++)
		raw[NEIGH_THRESH1 + (int) i] = n.thresh[i];
	used = n.thresh[2] ? (double) n.entries / n.thresh[2] : 0;
	memcpy(&raw[NEIGH_USED], &used, sizeof(used));
	if (!n.thresh[2])
		known &= ~KNOWN(NEIGH_USED);
	raw[NEIGH_LOOKUPS] = (int64_t) (n.lookups & INT64_MAX);
	raw[NEIGH_HITS] = (int64_t) (n.hits & INT64_MAX);
	raw[NEIGH_FAILED] = (int64_t) (n.res_failed & INT64_MAX);
	raw[NEIGH_FORCED] = (int64_t) (n.forced_gc & INT64_MAX);
	raw[NEIGH_FULLS] = (int64_t) (n.table_fulls & INT64_MAX);
	if (n.has_stats)
		known = (KNOWN(NEIGH_FACTS) - KNOWN(NEIGH_LOOKUPS)) | known;
	anod_rows_put(t->rows[KIND_NEIGH], row, raw, known);
}

/* ---- routes ------------------------------------------------------------------------------- */

static bool read_text(struct tables *t, const char *path)
{
	size_t n = 0;
	ssize_t r = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	while (n < sizeof(t->text) - 1 && (r = read(fd, t->text + n, sizeof(t->text) - 1 - n)) > 0)
		n += (size_t) r;
	(void) close(fd);
	t->text[n] = '\0';
	return r >= 0 && n > 0;
}

static void put_fib(struct tables *t, uint64_t key, const char *name, const int64_t *raw,
		    uint64_t known)
{
	struct anod_row *row = anod_rows_take(t->rows[KIND_FIB], key, name);

	if (row)
		anod_rows_put(t->rows[KIND_FIB], row, raw, known);
}

static void read_fib(struct tables *t)
{
	const char *at = t->text;
	struct fib_table f;
	struct fib6 f6;

	anod_rows_begin(t->rows[KIND_FIB]);
	if (read_text(t, "/proc/self/net/fib_triestat")) {
		while (decode_trie(&at, &f)) {
			int64_t raw[FIB_FACTS] = { (int64_t) (f.routes & INT64_MAX),
						   (int64_t) (f.nodes & INT64_MAX),
						   (int64_t) (f.bytes & INT64_MAX), 0 };
			char name[ANOD_NAME_SIZE];

			(void) snprintf(name, sizeof(name), "inet/%s", f.name);
			put_fib(t, f.id, name, raw,
				KNOWN(FIB_ROUTES) | KNOWN(FIB_NODES) | KNOWN(FIB_BYTES));
		}
	}
	if (read_text(t, "/proc/self/net/rt6_stats") && decode_fib6(t->text, &f6)) {
		int64_t raw[FIB_FACTS] = { (int64_t) f6.routes, (int64_t) f6.nodes, 0,
					   (int64_t) f6.cache };

		put_fib(t, 0, "inet6", raw,
			KNOWN(FIB_ROUTES) | KNOWN(FIB_NODES) | KNOWN(FIB_CACHE));
	}
	anod_rows_end(t->rows[KIND_FIB]);
}

/* ---- groups of next hops ------------------------------------------------------------------ */

static void note_down(struct tables *t, const struct nexthop *n)
{
	struct down *d;

	if (!(n->flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) || HASH_COUNT(t->down) >= HOPS_MAX)
		return;
	d = calloc(1, sizeof(*d));
	if (!d)
		return;
	d->id = n->id;
	HASH_ADD(hh, t->down, id, sizeof(d->id), d);
}

static void on_nexthop(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct tables *t = ctx->state;
	struct nexthop n;

	(void) data;
	if (decode_nexthop(msg, &n) <= 0)
		return;
	if (!n.n_members) {
		note_down(t, &n);
		return;
	}
	if (t->n_groups == t->groups_size) {
		unsigned size = t->groups_size ? 2 * t->groups_size : 16;
		struct nexthop *more =
			size <= GROUPS_MAX ? reallocarray(t->group, size, sizeof(*more)) : NULL;

		if (!more)
			return;
		t->group = more;
		t->groups_size = size;
	}
	t->group[t->n_groups++] = n;
}

static void put_group(struct tables *t, const struct nexthop *g)
{
	uint64_t known = KNOWN(GROUP_MEMBERS) | KNOWN(GROUP_BUCKETS);
	int64_t raw[GROUP_FACTS] = { 0 };
	char name[ANOD_NAME_SIZE];
	struct anod_row *row;
	unsigned up = 0;

	for (unsigned i = 0; i < g->n_members && i < GROUP_MEMBERS_MAX; i++) {
		struct down *d;

		HASH_FIND(hh, t->down, &g->member[i], sizeof(g->member[i]), d);
		up += !d;
	}
	(void) snprintf(name, sizeof(name), "%u", g->id);
	row = anod_rows_take(t->rows[KIND_GROUP], g->id, name);
	if (!row)
		return;
	raw[GROUP_MEMBERS] = g->n_members;
	raw[GROUP_MEMBERS_UP] = up;
	raw[GROUP_BUCKETS] = g->buckets;
	raw[GROUP_UNBALANCED] = (int64_t) (g->unbalanced_us & INT64_MAX);
	if (g->n_members <= GROUP_MEMBERS_MAX)
		known |= KNOWN(GROUP_MEMBERS_UP);
	if (g->buckets)
		known |= KNOWN(GROUP_UNBALANCED);
	anod_rows_put(t->rows[KIND_GROUP], row, raw, known);
}

static void forget_down(struct tables *t)
{
	struct down *d, *next;

	HASH_ITER(hh, t->down, d, next)
	{
		HASH_DEL(t->down, d);
		free(d);
	}
}

/* ---- readings ----------------------------------------------------------------------------- */

static void finish(struct tables *t, int error, const char *why)
{
	uint64_t now_us = t->ctx->host->now_us(t->ctx);

	if (error == 0 && now_us >= t->fib_due_us) {
		read_fib(t);
		t->fib_due_us = now_us + t->fib_us;
	}
	anod_poll_end(t->poll, error, why, 0);
}

static void on_nexthops_done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us,
			     void *data)
{
	struct tables *t = ctx->state;

	(void) data, (void) held_us;
	if (error == 0) {
		anod_rows_begin(t->rows[KIND_GROUP]);
		for (unsigned i = 0; i < t->n_groups; i++)
			put_group(t, &t->group[i]);
		anod_rows_end(t->rows[KIND_GROUP]);
	}
	/* Kernels before 5.3 have no next-hop objects. */
	finish(t, error == -EOPNOTSUPP ? 0 : error, why);
}

static void on_neigh_done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us,
			  void *data)
{
	struct tables *t = ctx->state;
	struct anod_nl_put p;
	int r;

	(void) data, (void) held_us;
	if (error == 0)
		anod_rows_end(t->rows[KIND_NEIGH]);
	if (error < 0 || (!t->group_needed && ctx->host->now_us(ctx) < t->fib_due_us)) {
		finish(t, error, why);
		return;
	}
	t->n_groups = 0;
	forget_down(t);
	(void) anod_nl_begin(&p, RTM_GETNEXTHOP, NLM_F_DUMP, sizeof(struct nhmsg));
	r = anod_nl_ask(t->nl, anod_nl_end(&p), on_nexthop, on_nexthops_done, NULL);
	if (r < 0)
		finish(t, r, NULL);
}

static void read_all(struct anod_ctx *ctx)
{
	struct tables *t = ctx->state;
	struct anod_nl_put p;
	int r;

	anod_rows_begin(t->rows[KIND_NEIGH]);
	(void) anod_nl_begin(&p, RTM_GETNEIGHTBL, NLM_F_DUMP, sizeof(struct ndtmsg));
	r = anod_nl_ask(t->nl, anod_nl_end(&p), on_neigh_table, on_neigh_done, NULL);
	if (r < 0)
		anod_poll_end(t->poll, r, NULL, 0);
}

/* ---- life --------------------------------------------------------------------------------- */

static int tables_init(struct anod_ctx *ctx)
{
	struct tables *t = ctx->host->alloc(ctx, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->ctx = ctx;
	ctx->state = t;
	return 0;
}

static int tables_start(struct anod_ctx *ctx)
{
	struct tables *t = ctx->state;
	struct anod_value v;
	int r = ctx->host->opt(ctx, "fib-period", 0, &v);

	if (r >= 0)
		t->fib_us = (uint64_t) v.u.i;
	for (unsigned i = 0; r >= 0 && i < KINDS; i++)
		r = anod_rows_new(ctx, &tables_kinds[i], 0, &t->rows[i]);
	if (r >= 0)
		r = anod_nl_open(ctx, NETLINK_ROUTE, 0, &t->nl);
	if (r >= 0)
		r = anod_poll_start(ctx, tables_kinds, "tables", read_all, &t->poll);
	if (r < 0)
		ctx->host->log(ctx, LOG_ERR, "cannot start: %s", strerror(-r));
	return r;
}

static int tables_need(struct anod_ctx *ctx, const char *kind, const char *entity,
		       uint64_t every_us)
{
	struct tables *t = ctx->state;

	if (!entity && strcmp(kind, tables_kinds[KIND_GROUP].name) == 0)
		t->group_needed = every_us > 0;
	/* Routes have a pace of their own. */
	if (strcmp(kind, tables_kinds[KIND_FIB].name) == 0)
		return 0;
	return anod_poll_need(t->poll, kind, entity, every_us);
}

static void tables_stop(struct anod_ctx *ctx)
{
	struct tables *t = ctx->state;

	anod_poll_stop(t->poll);
	anod_nl_close(t->nl);
	t->nl = NULL;
}

static void tables_fini(struct anod_ctx *ctx)
{
	struct tables *t = ctx->state;

	if (!t)
		return;
	tables_stop(ctx); /* a failed start leaves some open */
	for (unsigned i = 0; i < KINDS; i++)
		t->rows[i] = anod_rows_free(t->rows[i]);
	forget_down(t);
	free(t->group);
}

static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "1s",
	  .min = 50e3,
	  .max = 30e6,
	  .help = "time between two readings while anybody uses the values" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "30s",
	  .min = 50e3,
	  .max = 30e6,
	  .help = "the same while nobody does; not less than 'period'" },
	{ .name = "incident-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "500ms",
	  .min = 20e3,
	  .max = 30e6,
	  .help = "the same while one of the tables is in an open incident" },
	{ .name = "fib-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "30s",
	  .min = 50e3,
	  .max = 30e6,
	  .help = "time between two counts of routes, for which the kernel walks the whole table" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "tables",
	.version = "1",
	.summary = "sizes of tables: neighbours and their thresholds, routes, next-hop groups",
	.opts = opts,
	.kinds = tables_kinds,
	.init = tables_init,
	.start = tables_start,
	.stop = tables_stop,
	.fini = tables_fini,
	.need = tables_need,
	.source =
		"RTM_GETNEIGHTBL (uapi/linux/neighbour.h), RTM_GETNEXTHOP (uapi/linux/nexthop.h), "
		"/proc/net/fib_triestat, /proc/net/rt6_stats",
	.cost = "0.3 ms a reading with 64 interfaces (sensor.share; 6.18, load 15); routes beside, "
		"every "
		"fib-period",
	.example = "watch neigh_table.used > 0.9; neigh_table.arp_cache.table_fulls",
};
