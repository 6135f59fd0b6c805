/*
 * The table that bridges the loss of a link: exact for every address, the same whether it was
 * followed or built, right after every single write.  ANOD_SEED=N repeats a run, ANOD_ROUNDS=N
 * makes it longer.
 */
#include <criterion/criterion.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>

#include "model/rtab.h"
#include "random_policy.h"
#include "shadow_world.h"

#define ROUNDS	  10000
#define ADDRESSES 24

static struct shadow *build(const struct sw *w)
{
	struct shadow *s;

	cr_assert(shadow_new(&w->in, &s) == 0);
	while (shadow_run(s, 5))
		;
	return s;
}

Test(shadow, every_address_gets_the_whole_prediction, .timeout = 7200)
{
	struct dice d = { dice_seed("shadow") };
	unsigned n = rounds_of(ROUNDS), certain = 0, looked = 0, moved = 0;

	for (unsigned round = 0; round < n; round++) {
		_cleanup_(shadow_freep) struct shadow *s = NULL;
		_cleanup_(model_freep) struct model *m = NULL;
		struct sw_table t = { 0 };
		char why[256];
		struct sw w;

		sw_init(&w, &d);
		s = build(&w);
		sw_table_take(&t, s);
		m = sw_with_table(&w, &t);
		certain += !shadow_doubt(s, why, sizeof(why));
		for (unsigned i = 0; i < ADDRESSES && !shadow_doubt(s, why, sizeof(why)); i++) {
			struct anod_prefix x = sw_address(&d);
			struct flow_path want = { 0 }, got = { 0 }, now = { 0 };
			bool down = dice_roll(&d, 2);

			sw_expect(&w, down, &x, &want);
			sw_lookup_lost(m, down, &x, &got);
			sw_lookup_lost(w.model, down, &x, &now);
			if (!sw_same_path(&want, &got))
				sw_show(&w, &t);
			cr_assert(sw_same_path(&want, &got),
				  "round %u, %s: fate %d with %u legs (dev %u) is wanted, and %d "
				  "with %u (dev %u) got, for %u.%u.%u.%u/%u",
				  round, down ? "down" : "no carrier", (int) want.fate, want.n_legs,
				  want.leg[0].ifindex, (int) got.fate, got.n_legs,
				  got.leg[0].ifindex, x.addr[0], x.addr[1], x.addr[2], x.addr[3],
				  x.len);
			looked++;
			moved += !sw_same_path(&now, &got);
		}
		sw_done(&w);
	}
	fprintf(stderr, "shadow: %u worlds, %u certain, %u addresses, %u of them moved\n", n,
		certain, looked, moved);
	cr_expect(certain > n / 3 && moved > looked / 10);
}

/* What the table alone says of an address: "" for nothing, "throw", or legs. */
static void say(const struct sw_table *t, const struct anod_prefix *x, struct anod_object *ret)
{
	int best = -1;

	*ret = (struct anod_object){ 0 };
	for (unsigned i = 0; i < t->n; i++) {
		const struct anod_route *r = &t->route[i].u.route;
		struct anod_prefix cut = prefix_cut(x, r->dst.len);

		if (r->dst.len > best && memcmp(&cut, &r->dst, sizeof(cut)) == 0) {
			best = r->dst.len;
			*ret = t->route[i];
		}
	}
	/* No entry and "throw" are the same to a packet, and who says it does not matter. */
	if (ret->u.route.type == RTN_THROW)
		*ret = (struct anod_object){ 0 };
	memset(&ret->u.route.dst, 0, sizeof(ret->u.route.dst));
}

static void check_safe(struct sw_table *t, struct shadow *s, struct dice *d, unsigned round)
{
	struct anod_object before[ADDRESSES], after[ADDRESSES], now;
	struct anod_prefix x[ADDRESSES];
	struct sw_table end = *t;
	struct shadow_op op[4 * SW_ROUTES];
	unsigned n = shadow_take(s, op, ARRAY_SIZE(op));

	cr_assert(shadow_untaken(s) == 0);
	for (unsigned i = 0; i < n; i++)
		sw_table_do(&end, s, &op[i]);
	for (unsigned k = 0; k < ADDRESSES; k++) {
		x[k] = sw_address(d);
		say(t, &x[k], &before[k]);
		say(&end, &x[k], &after[k]);
	}
	for (unsigned i = 0; i < n; i++) {
		sw_table_do(t, s, &op[i]);
		for (unsigned k = 0; k < ADDRESSES; k++) {
			say(t, &x[k], &now);
			cr_assert(memcmp(&now, &before[k], sizeof(now)) == 0 ||
					  memcmp(&now, &after[k], sizeof(now)) == 0,
				  "round %u: a wrong answer after write %u of %u", round, i + 1, n);
		}
	}
}

Test(shadow, followed_is_as_built_and_no_write_makes_a_wrong_answer, .timeout = 7200)
{
	struct dice d = { dice_seed("shadow-steps") };
	unsigned n = rounds_of(ROUNDS) / 4;

	for (unsigned round = 0; round < n; round++) {
		_cleanup_(shadow_freep) struct shadow *s = NULL;
		struct sw_table t = { 0 };
		char why[256], why2[256];
		struct sw w;

		sw_init(&w, &d);
		s = build(&w);
		for (unsigned step = 0; step < 12; step++) {
			_cleanup_(shadow_freep) struct shadow *fresh = NULL;
			struct sw_table other = { 0 };
			unsigned changes = dice_roll(&d, 8);

			for (unsigned i = 0; i < changes; i++) {
				sw_change(&w, &d, s);
				/* Now and then it goes on in the middle of a scan. */
				if (dice_roll(&d, 3) == 0)
					(void) shadow_run(s, dice_roll(&d, 12));
			}
			while (shadow_run(s, 3))
				;
			if (dice_roll(&d, 20) == 0) {
				shadow_untake(s);
				t.n = 0;
			}
			check_safe(&t, s, &d, round);
			fresh = build(&w);
			sw_table_take(&other, fresh);
			cr_assert(sw_table_same(&t, &other), "round %u, step %u", round, step);
			why[0] = why2[0] = '\0';
			(void) shadow_doubt(s, why, sizeof(why));
			(void) shadow_doubt(fresh, why2, sizeof(why2));
			if (!why[0] != !why2[0])
				sw_show(&w, &t);
			cr_assert(!why[0] == !why2[0], "round %u, step %u: %s / %s", round, step,
				  why, why2);
			cr_assert(shadow_entries(s) == shadow_entries(fresh));
		}
		sw_done(&w);
	}
}
