/* agents/crc-watch: damaged frames, its healthy twin, and what looks like it. */
#include <criterion/criterion.h>
#include <string.h>

#include "declared.h"

/* Two uplinks with a default route each, 100000 frames a second. */
static struct declared *two_uplinks(const char *options)
{
	struct declared *d = declared_agent("crc-watch", options);

	for (int i = 0; i < 2; i++) {
		const char *dev = i ? "wan1" : "wan0";
		const char *route = i ? "main/0.0.0.0/0/20" : "main/0.0.0.0/0/10";

		declared_set(d, "link", dev, "carrier", "true");
		declared_set(d, "link", dev, "carrier_down", "0");
		declared_grow(d, "link", dev, "rx_packets", 100000);
		declared_grow(d, "link", dev, "rx_crc_errors", 0);
		declared_set(d, "route", route, "dev", dev);
		declared_set(d, "route", route, "dst", "0.0.0.0/0");
		declared_set(d, "route", route, "table", "254");
		declared_set(d, "route", route, "metric", i ? "20" : "10");
	}
	declared_run(d, 60);
	return d;
}

/* As the kernel has it when the proposal was carried out. */
static void lowered(struct declared *d)
{
	static const char name[] = "main/0.0.0.0/0/4000";

	declared_gone(d, "route", "main/0.0.0.0/0/10");
	declared_set(d, "route", name, "dev", "wan0");
	declared_set(d, "route", name, "dst", "0.0.0.0/0");
	declared_set(d, "route", name, "table", "254");
	declared_set(d, "route", name, "metric", "4000");
}

Test(crc_watch, lowers_the_route_and_puts_it_back_when_frames_are_good)
{
	struct declared *d = two_uplinks(NULL);

	declared_run(d, 240);
	cr_expect_eq(d->n_findings, 0, "healthy");
	declared_grow(d, "link", "wan0", "rx_crc_errors", 2000);
	declared_run(d, 30);
	cr_assert(declared_finding(d, "dirty-fibre", "wan0"), "%s", d->log);
	cr_expect_eq(declared_n_open(d), 1);
	cr_expect_str_eq(declared_action(d, 0),
			 "route.metric dst 0.0.0.0/0 table 254 metric 10 to 4000", "%s", d->log);
	lowered(d);
	declared_commit(d, 0);
	declared_run(d, 30);
	cr_expect_eq(d->n_proposals, 1);

	declared_grow(d, "link", "wan0", "rx_crc_errors", 0);
	declared_run(d, 600);
	cr_assert_eq(d->n_proposals, 2, "%u\n%s", d->n_proposals, d->log);
	cr_expect_str_eq(declared_action(d, 1), "route.metric dst 0.0.0.0/0 metric 4000 to 10");
	declared_commit(d, 1);
	cr_expect_eq(declared_n_open(d), 0);
	declared_free(d);
}

Test(crc_watch, leaves_the_only_way_and_what_has_a_common_cause_alone)
{
	struct declared *d = two_uplinks(NULL);

	/* A bad link is better than none. */
	declared_gone(d, "route", "main/0.0.0.0/0/20");
	declared_grow(d, "link", "wan0", "rx_crc_errors", 2000);
	declared_run(d, 60);
	cr_assert(declared_finding(d, "dirty-fibre", "wan0"), "%s", d->log);
	cr_expect_eq(d->n_proposals, 0);
	declared_free(d);

	/* Both at once: no plug does that. */
	d = two_uplinks(NULL);
	declared_grow(d, "link", "wan0", "rx_crc_errors", 2000);
	declared_grow(d, "link", "wan1", "rx_crc_errors", 2000);
	declared_run(d, 60);
	cr_expect_eq(declared_n_open(d), 2);
	cr_expect_eq(d->n_proposals, 0, "%s", declared_action(d, 0));
	/* Without a carrier nothing is said of frames. */
	declared_set(d, "link", "wan1", "carrier", "false");
	declared_run(d, 1);
	cr_expect_eq(declared_n_open(d), 1);
	declared_free(d);
}
