/*
 * conntrack - sensor: how full is the connection table, and what does it refuse?
 *
 * Design.  Two requests a reading, of which the kernel answers each from counters: neither walks the
 * table.  Only when it is more than half full, whose entries they are is counted (top.h): that is a
 * walk, of some microseconds for each entry, so it keeps to the observation budget.  nfnetlink answers CAP_NET_ADMIN only, so the socket is one that has it for the moment of
 * sending (ANOD_NL_ADMIN); where the daemon was not given it, the two numbers that matter most come
 * from /proc/sys/net/netfilter, which everybody may read, and the rest is unknown.
 *
 * Nothing is asked before those files are there, because asking would load the kernel's module for
 * connection tracking, and a sensor changes nothing.
 */
#include <anod/netlink.h>
#include <anod/option.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "stats.h"
#include "top.h"

#define COUNT_FILE "/proc/sys/net/netfilter/nf_conntrack_count"
#define MAX_FILE   "/proc/sys/net/netfilter/nf_conntrack_max"
#define ABSENT_US  UINT64_C(60000000) /* until the table is looked for again */
#define MAX_AGE_MS 100000
#define WALK_FROM  0.5 /* of the maximum; below that nobody asks whose they are */
#define WALK_US	   UINT64_C(2000000)

enum fact {
	FACT_ENTRIES,
	FACT_MAX,
	FACT_USED,
	FACT_COUNTERS,
	FACT_TOP_SHARE = FACT_COUNTERS + COUNTERS,
	FACT_UNREPLIED,
	FACT_SOURCES,
	FACTS, /* numbers */
	FACT_TOP_SOURCE = FACTS,
	FACTS_ALL
};

struct sensor {
	struct anod_ctx *ctx;
	struct anod_nl *nl;
	uint64_t timer, period_us, idle_us, need_us;
	uint32_t entity; /* 0: there is no table */
	int first_fact;
	unsigned n_asked; /* requests of this reading that have not ended */
	bool has_global, counted;
	struct global global;
	struct sums sums;
	bool said_absent, said_error;
	struct top top;
	bool walked, walking; /* 'top' is of a whole walk; one is under way */
	uint64_t walk_us;     /* when the next one may begin */
	int top_fact;
};

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data);

static void set_timer(struct sensor *s, uint64_t us)
{
	const struct anod_host *h = s->ctx->host;

	if (s->timer)
		(void) h->cancel(s->ctx, s->timer);
	s->timer = 0;
	(void) h->health(s->ctx, ANOD_HEALTH_PERIOD, us);
	if (h->timer(s->ctx, us, 0, on_timer, s, &s->timer) < 0)
		s->timer = 0;
}

static uint64_t wanted_us(const struct sensor *s)
{
	uint64_t us = s->need_us && s->need_us < s->idle_us ? s->need_us : s->idle_us;

	return us < s->period_us ? s->period_us : us;
}

/* ---- telling ------------------------------------------------------------------------------ */

static int64_t bits(double r)
{
	int64_t i;

	memcpy(&i, &r, sizeof(i));
	return i;
}

static bool is_full(const struct sensor *s)
{
	const struct global *g = &s->global;

	return s->has_global && g->has_max && g->max && g->entries > WALK_FROM * g->max;
}

/* What the last walk has counted; which of it is known. */
static uint64_t take_top(const struct sensor *s, int64_t v[FACTS])
{
	const struct top_source *first = top_first(&s->top);

	if (!first)
		return 0;
	v[FACT_TOP_SHARE] = bits((double) (first->n - first->over) / s->top.n);
	v[FACT_UNREPLIED] = bits((double) s->top.n_unreplied / s->top.n);
	v[FACT_SOURCES] = top_sources(&s->top);
	return UINT64_C(7) << FACT_TOP_SHARE;
}

static void publish_top(struct sensor *s)
{
	const struct top_source *first = s->walked ? top_first(&s->top) : NULL;
	struct anod_value v = { .type = ANOD_PREFIX };

	if (first)
		v.u.prefix = first->source;
	(void) s->ctx->host->publish(s->ctx, s->entity, s->top_fact, first ? &v : NULL);
}

static void publish(struct sensor *s)
{
	const struct anod_host *h = s->ctx->host;
	const struct global *g = &s->global;
	int64_t v[FACTS] = { [FACT_ENTRIES] = g->entries, [FACT_MAX] = g->max };
	uint64_t known = 0;

	if (!s->entity && h->entity(s->ctx, "conntrack", "table", &s->entity) < 0)
		return;
	if (s->has_global)
		known |= 1u << FACT_ENTRIES;
	if (s->has_global && g->has_max && g->max) {
		known |= 1u << FACT_MAX | 1u << FACT_USED;
		v[FACT_USED] = bits((double) g->entries / g->max);
	}
	memcpy(&v[FACT_COUNTERS], s->sums.total, sizeof(s->sums.total));
	if (s->counted)
		known |= (uint64_t) s->sums.known << FACT_COUNTERS;
	if (s->walked)
		known |= take_top(s, v);
	(void) h->put(s->ctx, s->entity, s->first_fact, FACTS, v, known);
	publish_top(s);
}

static bool read_number(const char *path, uint32_t *ret)
{
	char text[32], *end;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	unsigned long v;

	if (fd >= 0)
		(void) close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || end == text || v > UINT32_MAX)
		return false;
	*ret = (uint32_t) v;
	return true;
}

/* ---- a reading ---------------------------------------------------------------------------- */

static bool walk(struct sensor *s);

static void end_reading(struct sensor *s)
{
	uint64_t us = wanted_us(s);

	if (!s->has_global) {
		struct global *g = &s->global;

		s->has_global = read_number(COUNT_FILE, &g->entries);
		g->has_max = read_number(MAX_FILE, &g->max);
	}
	if (s->walking) {
		s->walking = false;
		s->walked = s->walked && s->top.n > 0;
		s->walk_us = s->ctx->host->now_us(s->ctx) +
			     (ANOD_HOST_HAS(s->ctx, pace) ? s->ctx->host->pace(s->ctx, WALK_US, 0)
							  : WALK_US);
	} else if (!is_full(s)) {
		s->walked = false;
	} else if (walk(s)) {
		return;
	}
	publish(s);
	if (ANOD_HOST_HAS(s->ctx, pace))
		us = s->ctx->host->pace(s->ctx, us, 0);
	set_timer(s, us);
}

static void complain(struct sensor *s, int error, const char *why)
{
	bool refused = error == -EPERM;

	if (!refused)
		(void) s->ctx->host->health(s->ctx, ANOD_HEALTH_ERROR, 1);
	if (!s->said_error)
		s->ctx->host->log(s->ctx, refused ? LOG_INFO : LOG_WARNING,
				  "ctnetlink: %s%s%s; only the number of entries is known%s",
				  strerror(-error), *why ? ": " : "", why,
				  refused ? " (start anod with CAP_NET_ADMIN)" : "");
	s->said_error = true;
}

static void on_global(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct sensor *s = data;

	(void) ctx;
	if (global_parse(msg, &s->global))
		s->has_global = true;
}

static void on_cpu(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct sensor *s = data;
	struct cpu c;

	(void) ctx;
	if (cpu_parse(msg, &c) && sums_add(&s->sums, &c) >= 0)
		s->counted = true;
}

static void on_done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us, void *data)
{
	struct sensor *s = data;

	(void) ctx, (void) held_us;
	if (error < 0)
		complain(s, error, why);
	else if (!s->n_asked)
		s->said_error = false;
	if (--s->n_asked == 0)
		end_reading(s);
}

static int ask(struct sensor *s, uint8_t type, uint16_t flags, anod_nl_msg_fn *each)
{
	struct anod_nl_put put;
	struct nfgenmsg *head = anod_nl_begin(&put, (uint16_t) (NFNL_SUBSYS_CTNETLINK << 8 | type),
					      flags, sizeof(*head));
	int r;

	head->nfgen_family = AF_UNSPEC;
	head->version = NFNETLINK_V0;
	r = anod_nl_ask(s->nl, anod_nl_end(&put), each, on_done, s);
	if (r >= 0)
		s->n_asked++;
	return r;
}

static void on_entry(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct sensor *s = data;
	struct anod_prefix source;
	bool replied;

	(void) ctx;
	if (entry_parse(msg, &source, &replied))
		top_add(&s->top, &source, replied);
}

/* A walk that failed, or was not consistent, says nothing. */
static void on_walked(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us,
		      void *data)
{
	struct sensor *s = data;

	s->walked = error == 0;
	on_done(ctx, error == -EINTR ? 0 : error, why, held_us, data);
}

/* Begin to count whose the entries are, when it is time; the reading goes on afterwards. */
static bool walk(struct sensor *s)
{
	struct nfgenmsg *head;
	struct anod_nl_put put;

	if (!s->nl || s->ctx->host->now_us(s->ctx) < s->walk_us)
		return false;
	head = anod_nl_begin(&put, (uint16_t) (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET),
			     NLM_F_DUMP, sizeof(*head));
	head->nfgen_family = AF_UNSPEC;
	head->version = NFNETLINK_V0;
	top_begin(&s->top);
	s->walked = false;
	s->walking = anod_nl_ask(s->nl, anod_nl_end(&put), on_entry, on_walked, s) >= 0;
	s->n_asked += s->walking;
	return s->walking;
}

static void absent(struct sensor *s)
{
	if (s->entity)
		(void) s->ctx->host->entity_gone(s->ctx, s->entity);
	s->entity = 0;
	sums_free(&s->sums);
	if (!s->said_absent)
		s->ctx->host->log(s->ctx, LOG_INFO, "this kernel tracks no connections");
	s->said_absent = true;
	set_timer(s, ABSENT_US);
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct sensor *s = data;

	(void) ctx, (void) id;
	s->timer = 0;
	if (access(COUNT_FILE, R_OK) < 0) {
		absent(s);
		return;
	}
	s->said_absent = s->has_global = s->counted = false;
	sums_begin(&s->sums);
	if (s->nl && (ask(s, IPCTNL_MSG_CT_GET_STATS, 0, on_global) < 0 ||
		      ask(s, IPCTNL_MSG_CT_GET_STATS_CPU, NLM_F_DUMP, on_cpu) < 0))
		complain(s, -ENOBUFS, "");
	if (!s->n_asked)
		end_reading(s);
}

static int conntrack_need(struct anod_ctx *ctx, const char *kind, const char *entity,
			  uint64_t every_us)
{
	struct sensor *s = ctx->state;
	uint64_t before = wanted_us(s);

	(void) kind;
	if (entity)
		return 0;
	s->need_us = every_us;
	if (!s->n_asked && s->entity && wanted_us(s) < before)
		set_timer(s, 1000);
	return 0;
}

/* ---- life --------------------------------------------------------------------------------- */

static int conntrack_init(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->host->alloc(ctx, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ctx = ctx;
	ctx->state = s;
	return 0;
}

static int conntrack_start(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;
	int r = anod_option(ctx, "period", &s->period_us);

	if (r >= 0)
		r = anod_option(ctx, "idle-period", &s->idle_us);
	if (r < 0)
		return r;
	if (s->idle_us < s->period_us)
		s->idle_us = s->period_us;
	s->first_fact = ctx->host->fact_id(ctx, "conntrack.entries");
	if (s->first_fact < 0)
		return s->first_fact;
	s->top_fact = ctx->host->fact_id(ctx, "conntrack.top_source");
	if (s->top_fact < 0)
		return s->top_fact;
	r = anod_nl_open(ctx, NETLINK_NETFILTER, ANOD_NL_ADMIN, &s->nl);
	if (r < 0)
		complain(s, r, "no socket");
	set_timer(s, s->period_us / 2);
	return 0;
}

static void conntrack_stop(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (s->timer)
		(void) ctx->host->cancel(ctx, s->timer);
	s->timer = 0;
	anod_nl_close(s->nl);
	s->nl = NULL;
}

static void conntrack_fini(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (!s)
		return;
	conntrack_stop(ctx);
	sums_free(&s->sums);
}

#define ATTR(n, t, u, text)                                                                        \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .max_age_ms = MAX_AGE_MS, .help = text            \
	}
#define COUNT(k, n, text)                                                                          \
	[FACT_COUNTERS + k] = ATTR(n, ANOD_INT, ANOD_UNIT_NONE, text " (conntrack -S)")

static const struct anod_attr attrs[FACTS_ALL + 1] = {
	[FACT_ENTRIES] = ATTR("entries", ANOD_INT, ANOD_UNIT_NONE,
			      "connections in the table of this namespace"),
	[FACT_MAX] = ATTR("max", ANOD_INT, ANOD_UNIT_NONE,
			  "entries beyond which new connections are dropped (nf_conntrack_max)"),
	[FACT_USED] = ATTR("used", ANOD_REAL, ANOD_UNIT_RATIO, "entries / max"),
	COUNT(COUNT_FOUND, "found", "look-ups that found an entry"),
	COUNT(COUNT_INVALID, "invalid", "packets that could not be tracked"),
	COUNT(COUNT_INSERT_FAILED, "insert_failed", "entries that could not be added: clashes"),
	COUNT(COUNT_DROP, "drop", "packets dropped: no room, or no memory, for their connection"),
	COUNT(COUNT_EARLY_DROP, "early_drop", "entries thrown out early to make room"),
	COUNT(COUNT_ERROR, "error", "packets with broken headers"),
	COUNT(COUNT_SEARCH_RESTART, "search_restart", "look-ups begun again: the table grew"),
	COUNT(COUNT_CLASH, "clash_resolve", "races of two packets for one entry that were solved"),
	COUNT(COUNT_CHAIN_TOOLONG, "chain_toolong",
	      "entries refused because of too many in one bucket"),
	[FACT_TOP_SHARE] = { .name = "top_share",
			     .type = ANOD_REAL,
			     .unit = ANOD_UNIT_RATIO,
			     .max_age_ms = MAX_AGE_MS,
			     .help = "of the entries: those of the source that has the most, an "
				     "IPv6 /64 being one; unknown while the table is not half "
				     "full" },
	[FACT_UNREPLIED] = { .name = "unreplied",
			     .type = ANOD_REAL,
			     .unit = ANOD_UNIT_RATIO,
			     .max_age_ms = MAX_AGE_MS,
			     .help = "of the entries: those that were never answered" },
	[FACT_SOURCES] = ATTR("sources", ANOD_INT, ANOD_UNIT_NONE,
			      "how many sources have entries; above 256 an estimate, 1 %"),
	[FACT_TOP_SOURCE] = { .name = "top_source",
			      .type = ANOD_PREFIX,
			      .max_age_ms = MAX_AGE_MS,
			      .help = "the source that has the most entries" },
	{ 0 },
};

static const struct anod_kind kinds[] = {
	{ "conntrack", "the kernel's table of connections", attrs },
	{ 0 },
};

static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "1s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "time between two readings while anybody uses the values" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "10s",
	  .min = 100e3,
	  .max = 30e6,
	  .help = "the same while nobody does; not less than 'period'" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "conntrack",
	.version = "1",
	.summary = "the connection table: how full it is, and what it refuses",
	.opts = opts,
	.kinds = kinds,
	.init = conntrack_init,
	.start = conntrack_start,
	.stop = conntrack_stop,
	.fini = conntrack_fini,
	.need = conntrack_need,
	.source = "ctnetlink: IPCTNL_MSG_CT_GET_STATS, _STATS_CPU "
		  "(uapi/linux/netfilter/nfnetlink_conntrack.h)",
	.cost = "90 us a reading, whatever the size of the table (6.18, 2 CPUs, fact sensor.share)",
	.example = "conntrack.table.used > 0.9",
};
