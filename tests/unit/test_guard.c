/* Rules made flat: what is read once, what is kept, and what is used again. */
#include <criterion/criterion.h>
#include <string.h>

#include "policy/numbers.h"
#include "policy/record.h"
#include "policy/room.h"
#include "world.h"

static struct decide_in question(struct world *w, struct decisions *pool)
{
	return (struct decide_in){ .pool = pool,
				   .config = w->config,
				   .store = w->store,
				   .whatif = w->whatif,
				   .in_sync = true,
				   .budgets = w->budgets,
				   .find = world_find,
				   .agent = "uplink",
				   .proposal = &w->proposal,
				   .now_us = w->now_us,
				   .wall_us = w->wall_us };
}

static void setup(struct world *w, const char *policy)
{
	struct anod_action *a;

	world_init(w);
	world_link(w, 2, "wan0", "uplink", true, true);
	world_fact(w, "link", "wan0", "a", "5");
	world_policy(w, policy);
	a = world_propose(w, "link.set");
	world_arg(a, "dev", "wan0");
	world_arg(a, "mtu", "1400");
	decision_free(world_decide(w, "uplink"));
}

static bool same_number(const void *a, const void *b)
{
	return *(const int *) a / 10 == *(const int *) b / 10;
}

Test(numbers, equal_things_get_the_number_of_the_first)
{
	static int thing[1000];
	struct numbers t = { 0 };

	for (int i = 0; i < 1000; i++) {
		thing[i] = i;
		cr_assert(numbers_add(&t, (uint64_t) (i / 10 % 7), &thing[i], same_number) ==
			  (uint32_t) (i / 10));
	}
	cr_expect(t.n == 100);
	cr_expect(*(const int *) t.thing[42] == 420);
	numbers_done(&t);
	cr_expect(t.n == 0 && !t.thing);
}

Test(room, grows_between_judgements_and_never_within)
{
	struct room r = { 0 };
	char *a, *b;

	cr_expect(!room_take(&r, 1) && room_short(&r));
	cr_assert(room_grow(&r) == 0);
	a = room_take(&r, 100);
	b = room_take(&r, 1);
	cr_assert(a && b == a + 112 && !room_short(&r), "aligned for anything");
	room_give_back(&r, b, 0);
	cr_expect(room_take(&r, 8) == b, "what was not needed is taken again");
	cr_expect(!room_take(&r, ROOM_MIN) && room_short(&r));
	cr_expect(room_take(&r, 8), "what fits is still there");
	cr_assert(room_grow(&r) == 0 && r.size > ROOM_MIN && !r.n);
	cr_expect(room_take(&r, ROOM_MIN) && !room_short(&r));
	cr_expect(!room_take(&r, ROOM_MAX) && room_grow(&r) < 0, "there is an end");
	room_done(&r);
}

Test(guard, asks_once_what_several_rules_ask)
{
	const struct rule_list *list, *other;
	struct world w;

	setup(&w,
	      "set uplinks = link where role == uplink\n"
	      "permit \"a\" { agent any  action link.*  on uplinks\n"
	      " when link.a > 3 and link.wan0.a < 9 and count(uplinks up) >= 1  level approve }\n"
	      "permit \"b\" { agent any  action link.*  on uplinks\n"
	      " when not (7 < link.a) or count(uplinks up) >= 1 or link.a == link.wan0.a  level "
	      "approve "
	      "}\n"
	      "permit \"c\" { agent arp  action route.*  level approve }\n"
	      "cap \"d\" { when link.c == red and not link.b  to propose }\n");
	list = rules_for(w.config->policy, "uplink", "link.set");
	cr_assert(list && list->n == 3);
	/* link.a, link.wan0.a, link.b, link.c */
	cr_expect(list->guards->n_cells == 4, "%u cells", list->guards->n_cells);
	cr_expect(list->guards->n_terms == 1 && list->guards->n_ons == 1);
	cr_expect(list->guards->n_agents == 0, "names are no question");
	other = rules_for(w.config->policy, "planner", "link.down");
	cr_expect(other == list, "the same rules are one list");
	other = rules_for(w.config->policy, "arp", "route.del");
	cr_expect(other && other != list && other->n == 2);
	world_done(&w);
}

Test(guard, the_record_keeps_the_facts_as_they_were)
{
	_cleanup_(decisions_freep) struct decisions *pool = decisions_new();
	struct decision *d = NULL, *first;
	struct decide_in in;
	struct world w;

	setup(&w,
	      "permit \"a\" { agent uplink  action link.set  when link.a > 3 and link.rx_loss < "
	      "2%\n"
	      " level approve }\n"
	      "permit \"b\" { agent uplink  action link.set  when link.a > 3  level propose }\n");
	world_fact(&w, "link", "wan0", "rx_loss", "1%");
	in = question(&w, pool);
	in.now_us = w.now_us += 2000000;
	cr_assert(decide_quietly(&in, &d) == 0);
	cr_expect(d->level == LEVEL_APPROVE && strcmp(d->permit_name, "a") == 0);
	cr_expect(!d->reason && !d->rule, "no words yet");

	world_fact(&w, "link", "wan0", "a", "1");
	world_fact(&w, "link", "wan0", "rx_loss", "unknown");
	cr_assert(decision_tell(d, &in) == 0);
	cr_assert(d->n_rules == 2);
	cr_expect_str_eq(d->rule[0].why, "link.wan0.a 5 (age 2s); link.wan0.rx_loss 1% (age 2s)");
	cr_expect_str_eq(d->rule[1].why, "link.wan0.a 5 (age 2s)");

	/* A decision that was freed is the next one, and knows nothing of the last. */
	first = d;
	d = decision_free(d);
	cr_assert(decide_quietly(&in, &d) == 0);
	cr_expect(d == first && d->level == LEVEL_DENY && !d->permit_name[0]);
	cr_assert(decision_tell(d, &in) == 0);
	cr_expect_str_eq(d->rule[1].why, "link.wan0.a 1 (age 0us)");
	decision_free(d);
	world_done(&w);
}
