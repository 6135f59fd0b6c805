/* What a plugin holds, and that it goes with its instance. */
#include "host/instance.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/log.h"

static sd_event *loop;
static struct instance *inst;
static const struct anod_plugin plugin = { .name = "test" };
static const struct anod_host table = { .size = sizeof(table) };
static unsigned n_fired;

static void open_instance(void)
{
	log_open("test", LOG_ERR);
	cr_assert_geq(sd_event_new(&loop), 0);
	inst = instance_new(&plugin, "test", &table, loop, NULL, NULL);
	cr_assert_not_null(inst);
}

static void close_instance(void)
{
	inst = instance_free(inst);
	loop = sd_event_unref(loop);
}

TestSuite(instance, .init = open_instance, .fini = close_instance);

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	(void) id;
	if (data)
		(void) instance_cancel(ctx, *(uint64_t *) data);
	n_fired++;
}

static void run_until(unsigned n)
{
	uint64_t limit = clock_boot_us() + 5 * US_PER_S;

	while (n_fired < n && clock_boot_us() < limit)
		cr_assert_geq(sd_event_run(loop, 100000), 0);
	cr_assert_geq(n_fired, n);
}

Test(instance, a_timer_fires_once_or_until_it_is_cancelled)
{
	uint64_t once, often = 0;

	cr_assert_eq(instance_timer(&inst->ctx, 0, 0, on_timer, NULL, &once), 0);
	cr_expect_eq(n_fired, 0, "never inside the call that registers it");
	run_until(1);
	cr_expect_null(handle_find(inst, once), "it is gone");
	cr_expect_eq(instance_cancel(&inst->ctx, once), -ENOENT);

	n_fired = 0;
	cr_assert_eq(instance_timer(&inst->ctx, 0, 100, on_timer, NULL, &often), 0);
	run_until(3);
	cr_expect_eq(instance_cancel(&inst->ctx, often), 0);
	cr_expect_eq(instance_cancel(&inst->ctx, often), -ENOENT);

	n_fired = 0;
	cr_assert_eq(instance_timer(&inst->ctx, 0, 100, on_timer, &often, &often), 0);
	run_until(1);
	cr_expect_null(handle_find(inst, often), "a timer may cancel itself");
	cr_expect_eq(inst->n_handles, 0);
}

Test(instance, handles_have_a_limit_and_numbers_are_not_used_twice)
{
	uint64_t last = 0, id;
	unsigned n = 0;

	while (instance_timer(&inst->ctx, US_PER_S, 0, on_timer, NULL, &id) == 0) {
		cr_assert_gt(id, last);
		last = id;
		n++;
	}
	cr_expect_eq(n, INSTANCE_HANDLES_MAX);
	cr_expect_eq(instance_timer(&inst->ctx, 0, 0, on_timer, NULL, &id), -ENOSPC);
	cr_expect_eq(instance_cancel(&inst->ctx, last), 0);
	cr_assert_eq(instance_timer(&inst->ctx, 0, 0, on_timer, NULL, &id), 0);
	cr_expect_gt(id, last);
}

Test(instance, a_leak_meets_the_plugins_own_limit)
{
	uint8_t *p = instance_alloc(&inst->ctx, 100);

	cr_assert_not_null(p);
	for (unsigned i = 0; i < 100; i++)
		cr_assert_eq(p[i], 0, "memory is zeroed");
	cr_expect_null(instance_alloc(&inst->ctx, INSTANCE_MEMORY_MAX));
	cr_expect_null(instance_alloc(&inst->ctx, SIZE_MAX));
	cr_expect_not_null(instance_alloc(&inst->ctx, INSTANCE_MEMORY_MAX - 100));
	cr_expect_null(instance_alloc(&inst->ctx, 1));
}

Test(instance, options_of_one_name_are_a_list)
{
	struct anod_value v = { .type = ANOD_INT, .u.i = 1 }, ret = { 0 };

	cr_assert_eq(instance_add_option(inst, "n", &v), 0);
	v.u.i = 2;
	cr_assert_eq(instance_add_option(inst, "n", &v), 0);
	cr_expect_eq(instance_opt(&inst->ctx, "n", 1, &ret), 0);
	cr_expect_eq(ret.u.i, 2);
	cr_expect_eq(instance_opt(&inst->ctx, "n", 2, &ret), -ENOENT);
	cr_expect_eq(instance_opt(&inst->ctx, "m", 0, &ret), -ENOENT);
}

Test(instance, a_sampled_attribute_gives_events_only_when_it_is_named_in_full)
{
	static const char *const reads[] = { "link.*", "path.rtt", NULL };
	struct schema_attr carrier = { .kind_name = "link", .name = "carrier" };
	struct schema_attr rx = { .kind_name = "link", .name = "rx_bytes", .max_age_us = 1 };
	struct schema_attr rtt = { .kind_name = "path", .name = "rtt", .max_age_us = 1 };
	struct schema_attr loss = { .kind_name = "path", .name = "loss", .max_age_us = 1 };

	cr_expect(manifest_events(reads, &carrier));
	cr_expect_not(manifest_events(reads, &rx));
	cr_expect(manifest_events(reads, &rtt));
	cr_expect_not(manifest_events(reads, &loss));
	cr_expect_not(manifest_events(NULL, &carrier));
}

Test(instance, a_manifest_names_attributes_kinds_and_all_of_a_kind)
{
	static const char *const reads[] = { "link.carrier", "probe.*", "route", NULL };
	static const char *const words[] = { "route.del", NULL };

	cr_expect(manifest_names(reads, "link", "carrier"));
	cr_expect_not(manifest_names(reads, "link", "mtu"));
	cr_expect(manifest_names(reads, "link", NULL), "the entity itself");
	cr_expect_not(manifest_names(reads, "lin", "carrier"));
	cr_expect_not(manifest_names(reads, "linkx", "carrier"));
	cr_expect(manifest_names(reads, "probe", "rtt"));
	cr_expect(manifest_names(reads, "route", "metric"));
	cr_expect_not(manifest_names(NULL, "link", "carrier"));
	cr_expect(manifest_lists(words, "route.del"));
	cr_expect_not(manifest_lists(words, "route.delete"));
	cr_expect_not(manifest_lists(NULL, "route.del"));
}
