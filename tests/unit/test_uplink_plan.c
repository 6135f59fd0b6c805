#include "agents/uplink/uplink_plan.c"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define H HEALTH_HEALTHY
#define E HEALTH_ELSEWHERE
#define R HEALTH_RETURNING
#define G HEALTH_GRAY
#define D HEALTH_DOWN
#define U HEALTH_UNKNOWN

static struct plan plan_of(const enum health_state state[3], unsigned n, bool balance,
			   struct plan_now now)
{
	struct plan_uplink u[3];
	struct plan p;

	for (unsigned i = 0; i < n; i++)
		u[i] = (struct plan_uplink){ state[i], 1, true };
	plan_make(u, n, balance, &now, &p);
	return p;
}

/* Over the own steering route of one leg, or not. */
static struct plan_now over(int uplink)
{
	return (struct plan_now){ .natural = 0, .steering = true, .first = uplink, .n_legs = 1 };
}

static const struct plan_now plain = { .natural = 0, .first = -1 };

Test(uplink_plan, one_way_of_three)
{
	const struct {
		enum health_state s[3];
		int steering; /* -1: none; natural is uplink 0 */
		enum plan_verb verb;
		unsigned leg;
	} c[] = {
		{ { H, H, H }, -1, PLAN_KEEP, 0 },
		{ { D, H, H }, -1, PLAN_SET, 1 },
		{ { D, D, H }, -1, PLAN_SET, 2 },
		{ { D, D, D }, -1, PLAN_NO_CURE, 0 },
		{ { D, G, D }, -1, PLAN_SET, 1 }, /* lossy beats dead */
		{ { D, G, R }, -1, PLAN_SET, 2 },
		{ { G, H, H }, -1, PLAN_SET, 1 },
		{ { G, R, D }, -1, PLAN_NO_CURE, 0 }, /* not from lossy to doubtful */
		{ { G, G, G }, -1, PLAN_NO_CURE, 0 },
		{ { G, E, H }, -1, PLAN_SET, 1 },
		{ { E, H, H }, -1, PLAN_KEEP, 0 }, /* loss elsewhere: no steering */
		{ { U, H, H }, -1, PLAN_KEEP, 0 }, /* unknown: not away */
		{ { D, U, H }, -1, PLAN_SET, 2 },  /* unknown: not towards */
		{ { D, U, U }, -1, PLAN_NO_CURE, 0 },
		{ { D, H, H }, 1, PLAN_KEEP, 0 },
		{ { R, H, H }, 1, PLAN_KEEP, 0 },
		{ { H, H, H }, 1, PLAN_DEL, 0 },
		{ { H, G, H }, 1, PLAN_DEL, 0 },
		{ { R, D, D }, 1, PLAN_DEL, 0 }, /* returning beats dead */
		{ { R, G, H }, 1, PLAN_SET, 2 },
		{ { D, H, H }, 2, PLAN_SET, 1 },  /* back up by one */
		{ { D, E, H }, 2, PLAN_KEEP, 0 }, /* not up to a lossy one */
		{ { D, U, H }, 2, PLAN_KEEP, 0 },
		{ { H, U, U }, 1, PLAN_KEEP, 0 }, /* where it is now is unknown: hold */
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct plan p =
			plan_of(c[i].s, 3, false, c[i].steering < 0 ? plain : over(c[i].steering));

		cr_expect(eq(int, p.verb, c[i].verb), "case %zu", i);
		if (p.verb == PLAN_SET)
			cr_expect(eq(uint, p.leg[0], c[i].leg), "case %zu", i);
	}
}

Test(uplink_plan, weight_ranks_before_order_and_no_way_is_no_choice)
{
	struct plan_uplink u[3] = { { D, 1, true }, { H, 1, true }, { H, 5, true } };
	struct plan_now stranger = { .natural = 0, .steering = true, .first = -1, .n_legs = 1 };
	struct plan p;

	plan_make(u, 3, false, &plain, &p);
	cr_expect(eq(uint, p.leg[0], 2));
	u[2].has_way = false;
	plan_make(u, 3, false, &plain, &p);
	cr_expect(eq(uint, p.leg[0], 1));
	u[1].has_way = false;
	plan_make(u, 3, false, &plain, &p);
	cr_expect(eq(int, p.verb, PLAN_NO_CURE));

	/* A steering route of ours over a link that is not configured any more. */
	u[0].state = H;
	plan_make(u, 3, false, &stranger, &p);
	cr_expect(eq(int, p.verb, PLAN_DEL));
}

Test(uplink_plan, balance_spreads_over_what_is_usable)
{
	struct plan_now two = { .natural = 0, .steering = true, .first = 0, .n_legs = 2 };
	struct plan p = plan_of((enum health_state[]){ H, H, D }, 3, true, plain);

	cr_expect(eq(int, p.verb, PLAN_SET));
	cr_expect(eq(uint, p.n_legs, 2));
	cr_expect(eq(uint, p.leg[0], 0));
	cr_expect(eq(uint, p.leg[1], 1));

	p = plan_of((enum health_state[]){ H, H, D }, 3, true, two);
	cr_expect(eq(int, p.verb, PLAN_KEEP), "after a restart the legs are not known");
	two.legs_mask = 5;
	p = plan_of((enum health_state[]){ H, H, D }, 3, true, two);
	cr_expect(eq(int, p.verb, PLAN_SET), "other legs");
	two.legs_mask = 3;
	p = plan_of((enum health_state[]){ H, H, H }, 3, true, two);
	cr_expect(eq(uint, p.n_legs, 3));
	p = plan_of((enum health_state[]){ D, H, D }, 3, true, two);
	cr_expect(eq(int, p.verb, PLAN_SET));
	cr_expect(eq(uint, p.n_legs, 1));
	cr_expect(eq(uint, p.leg[0], 1));
	p = plan_of((enum health_state[]){ H, D, D }, 3, true, two);
	cr_expect(eq(int, p.verb, PLAN_DEL), "the natural way is the only one");
	p = plan_of((enum health_state[]){ H, U, D }, 3, true, two);
	cr_expect(eq(int, p.verb, PLAN_KEEP), "no leg goes on a guess");
}

/* From any state of the world, following the plan leads to a plan that keeps. */
Test(uplink_plan, never_swings)
{
	static const enum health_state all[] = { H, E, R, G, HEALTH_DEAD, HEALTH_GATEWAY, D, U };

	for (unsigned n = 0; n < 8 * 8 * 8 * 4 * 2; n++) {
		enum health_state s[3] = { all[n % 8], all[n / 8 % 8], all[n / 64 % 8] };
		struct plan_now now = n / 512 % 4 == 3 ? plain : over((int) (n / 512 % 4));
		bool balance = n / 2048;
		struct plan p = plan_of(s, 3, balance, now);

		if (p.verb == PLAN_DEL) {
			now = plain;
		} else if (p.verb == PLAN_SET) {
			now = over((int) p.leg[0]);
			now.n_legs = p.n_legs;
			for (unsigned i = 0; i < p.n_legs; i++)
				now.legs_mask |= 1u << p.leg[i];
			for (unsigned i = 0; i < p.n_legs; i++)
				cr_assert(p.leg[i] < 3 && s[p.leg[i]] != U && s[p.leg[i]] != D);
		}
		p = plan_of(s, 3, balance, now);
		cr_assert(p.verb == PLAN_KEEP || p.verb == PLAN_NO_CURE, "world %u", n);
	}
}
