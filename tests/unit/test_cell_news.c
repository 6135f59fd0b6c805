/* What an agent is told of the facts that it reads. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "base/log.h"
#include "facts/value.h"
#include "host/cell_int.h"
#include "unit/facts_help.h"

static const char *const reads[] = { "link.*", "link.rx_bps", "path.rtt", NULL };
static char heard[4096]; /* what event() was called with, a word each */

static int on_event(struct anod_ctx *ctx, const struct anod_event *e)
{
	size_t used = strlen(heard);
	char value[64];

	(void) ctx;
	(void) snprintf(heard + used, sizeof(heard) - used, "%s/%s.%s=%s ", e->kind, e->entity,
			e->attr ? e->attr : "gone", value_format(e->value, value, sizeof(value)));
	return 0;
}

static const struct anod_plugin plugin = { .name = "test", .reads = reads, .event = on_event };
static const struct anod_host table = { .size = sizeof(table) };
static struct schema *schema;
static struct store *store;
static struct cell cell;

static void ask(const char *kind, const char *attr)
{
	store_event(store, schema_attr(schema, kind, attr), true);
}

static void open_cell(void)
{
	log_open("test", LOG_CRIT);
	schema = help_schema();
	store = store_new(schema);
	cell = (struct cell){ .schema = schema, .n_agents = 2, .started = true };
	cr_assert(eq(int, store_open(schema, store_fd(store), &cell.store), 0));
	cell.agent[0] = NULL; /* one that did not start */
	cell.agent[1] = instance_new(&plugin, "test", &table, NULL, cell.store, &cell);
	cell.agent[1]->started = true;
	/* As cells.c asks on behalf of the manifest. */
	for (uint16_t id = 1; schema_attr_by_id(schema, id); id++)
		if (manifest_events(reads, schema_attr_by_id(schema, id)))
			store_event(store, schema_attr_by_id(schema, id), true);
	heard[0] = '\0';
}

static void close_cell(void)
{
	cell_news_done(&cell);
	instance_free(cell.agent[1]);
	store_free(cell.store);
	store_free(store);
	schema_free(schema);
}

TestSuite(cell_news, .init = open_cell, .fini = close_cell);

static const char *told(void)
{
	static char text[sizeof(heard)];

	heard[0] = '\0';
	cell_news_run(&cell);
	(void) strcpy(text, heard);
	return text;
}

Test(cell_news, an_agent_hears_what_its_manifest_names_in_order)
{
	help_put(store, "link", "old", "mtu", value_int(1500, 0), 1);
	cell_news_begin(&cell);
	cr_expect_str_eq(told(), "");

	help_put(store, "link", "wan0", "carrier", value_bool(true), 2);
	help_put(store, "link", "wan0", "operstate", value_text("up"), 2);
	help_put(store, "link", "wan0", "util", value_real(0.5, 0), 2); /* sampled, not in full */
	help_put(store, "link", "wan0", "rx_bps", value_int(1000, 0), 2);
	help_put(store, "path", "p", "rtt", value_int(3000, 0), 2);
	help_put(store, "path", "p", "loss", value_real(0, 0), 2);
	help_put(store, "link", "wan0", "carrier", value_bool(false), 3);
	cr_expect_str_eq(told(), "link/wan0.carrier=true link/wan0.operstate=up "
				 "link/wan0.rx_bps=1kbps path/p.rtt=3ms link/wan0.carrier=false ");
	cr_expect_str_eq(told(), "");

	/* Somebody else's interest is not ours. */
	ask("path", "loss");
	help_put(store, "path", "p", "loss", value_real(0.5, 0), 3);
	cr_expect_str_eq(told(), "");
	help_put(store, "link", "wan0", "carrier", value_unknown(), 4);
	cr_expect_str_eq(told(), "link/wan0.carrier=unknown ");

	/* An entity that was there before goes by its name, though its row has a new owner. */
	(void) store_remove(store, store_find(store, 1, "old"), 5);
	help_put(store, "link", "new", "mtu", value_int(9000, 0), 6);
	cr_expect_str_eq(told(), "link/old.gone=unknown link/new.mtu=9000B ");

	/* One that came and went before anybody looked has never been. */
	help_put(store, "link", "brief", "mtu", value_int(1, 0), 7);
	(void) store_remove(store, store_find(store, 1, "brief"), 7);
	cr_expect_str_eq(told(), "");
}

Test(cell_news, an_agent_that_was_lapped_hears_everything_again)
{
	help_put(store, "link", "goes", "carrier", value_bool(true), 1);
	help_put(store, "link", "wan0", "carrier", value_bool(true), 1);
	cell_news_begin(&cell);
	(void) store_remove(store, store_find(store, 1, "goes"), 2);
	for (int i = 0; i <= STORE_RING; i++)
		help_put(store, "link", "wan0", "mtu", value_int(i, 0), 3);
	help_put(store, "link", "wan0", "carrier", value_unknown(), 4);
	help_put(store, "link", "wan1", "carrier", value_bool(false), 5);
	cr_expect_str_eq(told(), "link/goes.gone=unknown link/wan1.carrier=false "
				 "link/wan0.carrier=unknown link/wan0.mtu=8KiB ");
	cr_expect_str_eq(told(), "");
	help_put(store, "link", "wan1", "carrier", value_bool(true), 6);
	cr_expect_str_eq(told(), "link/wan1.carrier=true ");
}
