/* count(... up) in invariants, where the range or the kind decides. */
#include <criterion/criterion.h>

#include "world.h"

static const struct {
	const char *require;
	enum anod_tri holds;
} cases[] = {
	/* wan0 and wan1 are up; whether wan1 is in the set nobody knows. */
	{ "count(link up) == 2", ANOD_TRUE },	  { "count(link up) < 2", ANOD_FALSE },
	{ "count(uplinks up) >= 1", ANOD_TRUE },  { "count(uplinks up) != 0", ANOD_TRUE },
	{ "count(uplinks up) == 3", ANOD_FALSE }, { "count(uplinks up) != 2", ANOD_DOUBT },
	{ "count(uplinks up) == 1", ANOD_DOUBT }, { "count(uplinks up) > 2", ANOD_FALSE },
};

Test(count_up, a_range_decides_what_all_of_it_agrees_on)
{
	struct anod_action *a;
	struct world w;

	world_init(&w);
	world_link(&w, 2, "wan0", "uplink", true, true);
	world_link(&w, 3, "wan1", NULL, true, true);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct decision *d;
		char text[200];

		(void) snprintf(text, sizeof(text),
				"set uplinks = link where role == uplink\n"
				"invariant \"i\" { require %s }\n",
				cases[i].require);
		world_policy(&w, text);
		a = world_propose(&w, "link.set");
		world_arg(a, "dev", "wan0");
		world_arg(a, "mtu", "1400");
		d = world_decide(&w, "uplink");
		cr_expect(d->n_invariants == 1 && d->invariant[0].holds == cases[i].holds, "%s: %s",
			  cases[i].require, d->invariant[0].why);
		decision_free(d);
	}
	world_done(&w);
}
