/* The terms of a permit for a transaction that a hand-over has left. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "world.h"

#define POLICY                                                                                     \
	"set uplinks = link where role == uplink\n"                                                \
	"budget steers = 1 per 1h per link\n"                                                      \
	"permit \"steer\" { agent uplink  action route.replace  on uplinks  level auto\n"          \
	"budget steers  cooldown 10m  verify within 5s that link.wan0.carrier }\n"                 \
	"permit \"free\" { agent uplink  action route.del  level auto  verify within 5s that "     \
	"link.wan0.carrier }\n"                                                                    \
	"cap \"no\" { action link.down  to observe }\n"

Test(decide_recall, the_permit_of_the_name_gives_the_terms_and_charges)
{
	_cleanup_(budgets_freep) struct budgets *b = budgets_new();
	_cleanup_(decision_freep) struct decision *d = NULL;
	_cleanup_(decision_freep) struct decision *other = NULL;
	_cleanup_(decision_freep) struct decision *free_one = NULL;
	const char *why = NULL;
	struct world w;

	world_init(&w);
	world_policy(&w, POLICY);
	cr_assert_eq(decision_recall(w.config, "nothing", "uplink", "link wan0", 7, &d), -ENOENT);
	cr_assert_eq(decision_recall(w.config, "no", "uplink", "link wan0", 7, &d), -ENOENT,
		     "a cap permits nothing");
	cr_assert_eq(decision_recall(w.config, "steer", "uplink", "link wan0", 7, &d), 0);
	cr_assert_eq(d->level, LEVEL_AUTO);
	cr_assert_str_eq(d->permit->name, "steer");
	cr_assert_str_eq(d->permit_name, "steer");
	cr_assert_str_eq(d->resource, "link wan0");
	cr_assert_eq(d->wall_us, 7);

	cr_assert_eq(decide_room(b, d, w.now_us, &why), 0);
	cr_assert_eq(decide_room(b, d, w.now_us, &why), 0, "a question charges nothing");
	cr_assert_eq(decide_charge(b, d, "uplink", w.now_us, &why), 0);
	cr_assert_eq(decide_room(b, d, w.now_us, &why), -EBUSY);
	cr_assert_eq(strncmp(why, "permit steer cools down for", 27), 0, "%s", why);
	cr_assert_eq(decide_room(b, d, w.now_us + 11 * 60 * US_PER_S, &why), -EBUSY);
	cr_assert_eq(strncmp(why, "budget steers is used up", 24), 0, "%s", why);
	cr_assert_eq(decide_room(b, d, w.now_us + 61 * 60 * US_PER_S, &why), 0);

	/* The key is of the resource, as when it was decided. */
	cr_assert_eq(decision_recall(w.config, "steer", "uplink", "link wan1", 7, &other), 0);
	cr_assert_eq(decide_room(b, other, w.now_us, &why), 0);
	cr_assert_eq(decision_recall(w.config, "free", "uplink", "", 7, &free_one), 0);
	cr_assert_eq(free_one->n_charges, 0);
	world_done(&w);
}
