/* The numbers of a cell, and ours. */
#include "host/links.h"

#include <criterion/criterion.h>
#include <errno.h>

Test(links, a_number_means_something_for_its_agent_and_kind_only)
{
	struct host h = { 0 };
	struct cell_link *l;

	cr_assert_eq(link_add(&h, 1, LINK_FINDING, 7, 100), 0);
	cr_assert_eq(link_add(&h, 2, LINK_FINDING, 7, 200), 0);
	cr_assert_eq(link_add(&h, 1, LINK_PROPOSAL, 7, 300), 0);
	cr_expect_eq(link_find(&h, 1, LINK_FINDING, 7)->ours, 100);
	cr_expect_eq(link_find(&h, 2, LINK_FINDING, 7)->ours, 200);
	cr_expect_eq(link_find(&h, 1, LINK_PROPOSAL, 7)->ours, 300);
	cr_expect_null(link_find(&h, 2, LINK_PROPOSAL, 7));

	cr_assert_eq(link_add(&h, 1, LINK_FINDING, 7, 101), 0);
	l = link_find(&h, 1, LINK_FINDING, 7);
	cr_expect_eq(l->ours, 101, "told again: the newer one");
	link_del(&h, l);
	cr_expect_null(link_find(&h, 1, LINK_FINDING, 7));
	links_drop(&h);
	cr_expect_null(h.links);
}

Test(links, a_cell_cannot_fill_the_memory_of_the_host)
{
	struct host h = { 0 };
	uint64_t n = 0;
	int r;

	do
		r = link_add(&h, 1, LINK_FINDING, n, n);
	while (r == 0 && ++n < 100000);
	cr_expect_eq(r, -ENOSPC);
	cr_expect_lt(n, 100000);
	cr_expect_eq(link_add(&h, 1, LINK_FINDING, 1, 5), 0, "a known one may still change");
	links_drop(&h);
}
