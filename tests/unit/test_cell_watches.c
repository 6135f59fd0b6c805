/* Watches of agents: what a cell may ask the host to watch, and what it hears. */
#include "host/cell_watches.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "host/host.h"
#include "unit/facts_help.h"

static const char *const reads[] = { "link.carrier", "link.mtu", "path.*", NULL };

Test(cell_watches, an_expression_may_read_what_the_manifest_lists_and_nothing_else)
{
	static const struct {
		const char *text, *what; /* NULL: allowed */
	} row[] = {
		{ "link.carrier", NULL },
		{ "link.carrier and path.loss > 1% for 5s", NULL },
		{ "count(path where loss > 1%) > 2", NULL },
		{ "count(link where carrier) > 2", NULL },
		{ "mean(path.loss, 10s) > 1% in 1m", NULL },
		{ "link.carrier or link.wan0.operstate == up", "link.operstate" },
		{ "count(link up) > 2", "link.admin_up" },
		{ "mean(link.rx_bps, 10s) > 1Mbps", "link.rx_bps" },
		{ "max(link.util) > 1% for 1s", "link.util" },
		{ "bgp.flaps > 2", "bgp.flaps" },
	};
	struct schema *schema = help_schema();
	char what[128];

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct expr *e = help_expr(schema, row[i].text);

		what[0] = '\0';
		cr_expect_eq(watch_allowed(e, reads, what, sizeof(what)), !row[i].what, "%s",
			     row[i].text);
		cr_expect_str_eq(what, row[i].what ? row[i].what : "", "%s", row[i].text);
		expr_free(e);
	}
	schema_free(schema);
}

static const struct anod_plugin plugin = { .name = "liar", .roles = ANOD_AGENT, .reads = reads };
static const struct loaded_plugin loaded = { .desc = &plugin };
static char name[] = "liar";
static struct agent agents[1];
static struct host host;

static void open_host(void)
{
	log_open("test", LOG_CRIT); /* refusals are the point here */
	agents[0] = (struct agent){ .name = name, .plugin = &loaded, .state = "running" };
	host = (struct host){ .n_agents = 1, .agent = agents, .schema = help_schema() };
	host.store = store_new(host.schema);
	host.stats = stats_new(host.schema, host.store);
	host.watches = watches_new(host.store);
	cr_assert_not_null(host.watches);
}

static void close_host(void)
{
	cells_unwatch_all(&host, 1);
	watches_free(host.watches);
	stats_free(host.stats);
	store_free(host.store);
	schema_free(host.schema);
}

static int say(uint64_t id, const char *text, uint32_t size)
{
	static struct cell_watch m;

	m = (struct cell_watch){ .head = { .type = CELL_WATCH, .id = id },
				 .agent = CELL_AGENT_NUMBER,
				 .text_size = size };
	memcpy(m.text, text, size < sizeof(m.text) ? strnlen(text, size) : 0);
	m.head.size = (uint32_t) offsetof(struct cell_watch, text) + size;
	return cells_on_message(&host, 1, &m.head);
}

static int say_text(uint64_t id, const char *text)
{
	return say(id, text, (uint32_t) strlen(text) + 1);
}

Test(cell_watches, what_no_honest_cell_says_ends_it, .init = open_host, .fini = close_host)
{
	cr_expect_eq(say(1, "link.carrier", 12), -EPROTO, "a text without an end");
	cr_expect_eq(say(1, "link.carrier", 20), -EPROTO, "an end too early");
	cr_expect_eq(say(1, "", 0), -EPROTO);
	cr_expect_eq(say(1, "", CELL_WATCH_MAX + 1), -EPROTO);
	cr_expect_eq(say_text(1, "link.carrier"), 0);
	cr_expect_eq(say_text(1, "link.carrier"), -EPROTO, "a number twice");
	cr_expect_eq(agents[0].n_refused, 0);
}

Test(cell_watches, what_is_not_allowed_is_refused_and_counted, .init = open_host,
     .fini = close_host)
{
	const struct schema_attr *mtu = schema_attr(host.schema, "link", "mtu");
	char deep[2048] = "";

	for (unsigned i = 0; i < 500; i++)
		strcat(deep, "((");
	cr_expect_eq(say_text(1, "link.carrier and"), 0);
	cr_expect_eq(say_text(2, deep), 0);
	cr_expect_eq(say_text(3, "link.operstate == up"), 0);
	cr_expect_eq(say_text(4, "count(uplinks) > 1"), 0, "a set of the policy");
	cr_expect_eq(agents[0].n_refused, 4);
	cr_expect_null(agents[0].watches);

	for (uint64_t i = 0; i < CELL_WATCHES_MAX; i++)
		cr_assert_eq(say_text(10 + i, "link.mtu > 1500"), 0);
	cr_expect_eq(agents[0].n_refused, 4);
	cr_expect_eq(say_text(9, "link.mtu > 1500"), 0);
	cr_expect_eq(agents[0].n_refused, 5);
	cr_expect_gt(store_needed(host.store, mtu), 0);
	cells_unwatch_all(&host, 1);
	cr_expect_eq(store_needed(host.store, mtu), 0, "nobody needs it any more");
	cr_expect_eq(say_text(9, "link.mtu > 1500"), 0);
	cr_expect_eq(agents[0].n_refused, 5);
}

Test(cell_watches, truths_of_a_turn_are_kept_until_it_ends_and_a_watch_may_go, .init = open_host,
     .fini = close_host)
{
	struct cell_note bye = { .head = { .type = CELL_UNWATCH, .size = sizeof(bye), .id = 7 },
				 .agent = CELL_AGENT_NUMBER };
	struct cell_truth t;

	help_put(host.store, "link", "wan0", "carrier", value_bool(true), 1);
	cr_assert_eq(say_text(7, "link.carrier"), 0);
	(void) watch_run(host.watches, 1);
	cr_assert_eq(agents[0].truths->n, sizeof(t) + 4);
	memcpy(&t, agents[0].truths->data, sizeof(t));
	cr_expect_eq(t.watch, 7);
	cr_expect_eq(t.truth, ANOD_TRUE);
	cr_expect_eq(t.name_size, 4);
	cr_expect_eq(memcmp(agents[0].truths->data + sizeof(t), "wan0", 4), 0);
	cells_truths(&host);
	cr_expect_eq(agents[0].truths->n, 0);

	cr_expect_eq(cells_on_message(&host, 1, &bye.head), 0);
	cr_expect_eq(cells_on_message(&host, 1, &bye.head), 0, "it may have been refused");
	help_put(host.store, "link", "wan0", "carrier", value_bool(false), 2);
	(void) watch_run(host.watches, 2);
	cr_expect_eq(agents[0].truths->n, 0);
	bye.agent = 2;
	cr_expect_eq(cells_on_message(&host, 1, &bye.head), -EPROTO);
}

Test(cell_watches, many_truths_of_one_turn_overwrite_nothing, .init = open_host, .fini = close_host)
{
	char long_name[ANOD_NAME_SIZE];

	cr_assert_eq(say_text(1, "link.carrier"), 0);
	for (int i = 0; i < 1500; i++) {
		(void) snprintf(long_name, sizeof(long_name), "%040d", i);
		help_put(host.store, "link", long_name, "carrier", value_bool(true), 1);
	}
	(void) watch_run(host.watches, 1);
	cr_expect_gt(agents[0].truths->n, 0);
	cr_expect_leq(agents[0].truths->n, CELL_TRUTHS_SIZE);
}

/* ---- more than a channel holds ---- */

#define MANY_LINKS   2500
#define MANY_WATCHES CELL_WATCHES_MAX

struct slow_cell { /* reads when the test says so */
	bool closed;
	uint64_t n_told;
	uint8_t truth[MANY_WATCHES][MANY_LINKS + 1]; /* 0: never told, else enum anod_tri + 1 */
};

static int never(void *data, const struct chan_head *m)
{
	(void) data, (void) m;
	return -EPROTO;
}

static void on_close(void *data, int error)
{
	(void) error;
	((struct slow_cell *) data)->closed = true;
}

static void take_truths(struct slow_cell *c, const struct cell_truths *m)
{
	for (uint32_t at = 0; at < m->n;) {
		struct cell_truth t;
		char link[ANOD_NAME_SIZE] = "";
		unsigned number;

		memcpy(&t, m->data + at, sizeof(t));
		memcpy(link, m->data + at + sizeof(t), t.name_size);
		at += (uint32_t) sizeof(t) + t.name_size;
		cr_assert_eq(sscanf(link, "eth%u", &number), 1);
		cr_assert(t.watch < MANY_WATCHES && number <= MANY_LINKS);
		c->truth[t.watch][number] = (uint8_t) (t.truth + 1);
		c->n_told++;
	}
}

/* One turn of the host: what the watches say goes out. */
static bool host_turn(uint64_t now)
{
	(void) watch_run(host.watches, now);
	return cells_truths(&host);
}

/* The cell reads all that there is, and the host goes on until it has no more to say. */
static void catch_up(struct slow_cell *c, sd_event *loop, int fd, uint64_t now)
{
	static _Alignas(8) uint8_t buffer[CHAN_MSG_MAX];
	bool more = true;

	while (more) {
		more = host_turn(now);
		while (sd_event_run(loop, 0) > 0)
			more = true;
		while (read(fd, buffer, sizeof(buffer)) > 0) {
			take_truths(c, (const void *) buffer);
			more = true;
		}
	}
}

static void expect_all_told(const struct slow_cell *c)
{
	for (unsigned i = 0; i < MANY_WATCHES; i++) {
		for (unsigned k = 0; k <= MANY_LINKS; k++) {
			bool above = (k == 7 ? 1499 : k % 1500) > i;
			int told = c->truth[i][k];

			if (k == 9)
				cr_assert(told == 0 || told == ANOD_DOUBT + 1, "%u eth9", i);
			else
				cr_assert_eq(told, (above ? ANOD_TRUE : ANOD_FALSE) + 1,
					     "%u eth%u: %d", i, k, told);
		}
	}
}

Test(cell_watches, what_a_channel_does_not_hold_is_told_when_the_cell_has_read, .init = open_host,
     .fini = close_host)
{
	struct slow_cell *c = calloc(1, sizeof(*c));
	uint16_t link = schema_kind_id(host.schema, "link");
	sd_event *loop;
	char text[64];
	int fd[2];

	cr_assert_geq(sd_event_new(&loop), 0);
	cr_assert_geq(chan_pair(fd), 0);
	cr_assert_geq(chan_open(loop, fd[0], "cell", never, on_close, c, &agents[0].cell.chan), 0);
	for (unsigned i = 0; i <= MANY_LINKS; i++) {
		(void) snprintf(text, sizeof(text), "eth%u", i);
		help_put(host.store, "link", text, "mtu", value_int(i % 1500, 0), 1);
	}
	for (unsigned i = 0; i < MANY_WATCHES; i++) {
		(void) snprintf(text, sizeof(text), "link.mtu > %u", i);
		cr_assert_eq(say_text(i, text), 0);
	}
	(void) host_turn(1);
	cr_expect_gt(agents[0].n_behind, 0);

	/* Meanwhile one changes, and one goes: those hear of it who had heard of it. */
	help_put(host.store, "link", "eth7", "mtu", value_int(1499, 0), 2);
	cr_assert_eq(store_remove(host.store, store_find(host.store, link, "eth9"), 2), 0);
	(void) host_turn(2);
	catch_up(c, loop, fd[1], 3);
	cr_assert_not(c->closed, "a channel that is overfilled is closed");
	cr_expect_eq(agents[0].n_behind, 0);
	cr_expect_gt(agents[0].n_put_off, 0);
	expect_all_told(c);

	/* From then on changes alone are told. */
	c->n_told = 0;
	help_put(host.store, "link", "eth7", "mtu", value_int(0, 0), 4);
	catch_up(c, loop, fd[1], 4);
	cr_expect_eq(c->n_told, MANY_WATCHES);

	agents[0].cell.chan = chan_free(agents[0].cell.chan);
	sd_event_unref(loop);
	(void) close(fd[1]);
	free(c);
}
