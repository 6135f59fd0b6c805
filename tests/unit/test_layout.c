/* Which columns of a table fit. */
#include <criterion/criterion.h>

#include "cli/layout.h"

Test(layout, the_last_rank_goes_first_and_what_is_left_widens_the_first)
{
	static const struct {
		unsigned cols, width[4];
	} c[] = {
		{ 0, { 10, 6, 6, 30 } }, { 100, { 10, 6, 6, 30 } }, { 30, { 5, 6, 6, 10 } },
		{ 34, { 9, 6, 6, 10 } }, { 29, { 10, 6, 6, 0 } },   { 20, { 6, 6, 6, 0 } },
		{ 12, { 5, 6, 0, 0 } },	 { 5, { 5, 0, 0, 0 } },	    { 3, { 0, 0, 0, 0 } },
	};

	for (size_t k = 0; k < ARRAY_SIZE(c); k++) {
		struct column col[] = { { "A", 5, 10, 0, 0 },
					{ "B", 6, 6, 1, 0 },
					{ "C", 6, 6, 2, 0 },
					{ "D", 10, 30, 3, 0 } };
		unsigned used = 0;

		layout(col, 4, c[k].cols);
		for (int n = 0; n < 4; n++) {
			cr_expect_eq(col[n].width, c[k].width[n], "%u: %d is %u", c[k].cols, n,
				     col[n].width);
			used += col[n].width ? col[n].width + (used > 0) : 0;
		}
		cr_expect(c[k].cols == 0 || used <= c[k].cols);
	}
}
