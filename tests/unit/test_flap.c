#include "fake_agent_host.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#define S   1000000ULL
#define MIN (60 * S)

static void link_is(struct fake *f, const char *dev, bool carrier, int64_t down)
{
	fake_bool(f, "link", dev, "admin_up", true);
	fake_bool(f, "link", dev, "carrier", carrier);
	fake_int(f, "link", dev, "carrier_down", down);
}

static struct fake *new_flap(bool hold)
{
	struct fake *f = fake_load(BUILD_DIR "/plugins/flap.so");

	if (hold)
		fake_opt_text(f, "hold", "down");
	link_is(f, "wan0", true, 10);
	link_is(f, "wan1", true, 0);
	fake_text(f, "link", "wan0", "role", "uplink");
	fake_text(f, "link", "wan1", "role", "uplink");
	cr_assert(eq(int, fake_start(f), 0));
	fake_advance(f, 10 * S);
	return f;
}

/* 'n' more lost carriers in one message. */
static void lose(struct fake *f, const char *dev, int64_t n)
{
	fake_int(f, "link", dev, "carrier_down", fake_get(f, "link", dev, "carrier_down").u.i + n);
	fake_advance(f, S);
}

Test(flap, six_flaps_are_found_and_decay_clears)
{
	struct fake *f = new_flap(false);

	for (int i = 0; i < 6; i++) {
		cr_expect(eq(uint, fake_n_open(f), 0), "after %d", i);
		lose(f, "wan0", 1);
	}
	/* A second each has decayed a little: six are just not enough. */
	cr_expect(eq(uint, fake_n_open(f), 0));
	lose(f, "wan0", 1);
	cr_assert(fake_open(f, "link-flapping", "wan0") != NULL);
	cr_expect(eq(int, fake_open(f, "link-flapping", "wan0")->f.no_cure, 1));
	cr_expect(eq(uint, f->n_proposals, 0), "it only reports");
	fake_advance(f, 48 * MIN);
	cr_expect(eq(uint, fake_n_open(f), 1));
	fake_advance(f, 2 * MIN);
	cr_expect(eq(uint, fake_n_open(f), 0));
	cr_expect(lt(uint, f->n_timers_set, 20), "nothing ticks: %u", f->n_timers_set);
	fake_free(f);
}

Test(flap, a_jump_of_the_count_is_charged_in_full)
{
	struct fake *f = new_flap(false);

	lose(f, "wan0", 6);
	cr_expect(fake_open(f, "link-flapping", "wan0") != NULL);

	/* A count that begins anew (another device of that name) is no flap; a wrap is. */
	lose(f, "wan1", 0);
	fake_int(f, "link", "wan1", "carrier_down", 4000000000LL);
	fake_int(f, "link", "wan1", "carrier_down", 2);
	fake_advance(f, S);
	fake_gone(f, "link", "wan1");
	link_is(f, "wan1", true, 77);
	fake_advance(f, S);
	fake_free(f);
}

Test(flap, what_administration_causes_costs_nothing)
{
	struct fake *f = new_flap(false);

	for (int i = 0; i < 20; i++) {
		/* The count may be told before or after the state. */
		if (i % 2)
			lose(f, "wan0", 1);
		fake_bool(f, "link", "wan0", "admin_up", false);
		if (i % 2 == 0)
			fake_int(f, "link", "wan0", "carrier_down",
				 fake_get(f, "link", "wan0", "carrier_down").u.i + 1);
		fake_advance(f, S);
		fake_bool(f, "link", "wan0", "admin_up", true);
		fake_advance(f, 2 * S);
	}
	cr_expect(eq(uint, fake_n_open(f), 0));
	fake_advance(f, 10 * S);
	lose(f, "wan0", 6);
	cr_expect(eq(uint, fake_n_open(f), 1), "a cause of its own is charged again");
	fake_free(f);
}

Test(flap, a_flapping_uplink_is_held_down_and_lifted_at_reuse)
{
	struct fake *f = new_flap(true);

	lose(f, "wan0", 7);
	cr_assert(eq(uint, f->n_proposals, 1));
	cr_expect(zero(strcmp(f->proposal[0].p.action[0].kind, "link.down")));
	cr_expect(fake_arg_is(&f->proposal[0].p.action[0], "dev", "wan0"));
	fake_verdict(f, 0, ANOD_APPLIED, NULL);
	fake_bool(f, "link", "wan0", "admin_up", false);
	lose(f, "wan0", 1);
	fake_verdict(f, 0, ANOD_COMMITTED, NULL);
	fake_advance(f, 40 * MIN);
	cr_expect(eq(uint, f->n_proposals, 1));

	fake_advance(f, 10 * MIN);
	cr_assert(eq(uint, f->n_proposals, 2));
	cr_expect(zero(strcmp(f->proposal[1].p.action[0].kind, "link.up")));
	cr_expect(eq(uint, fake_n_open(f), 1), "not over before it is up again");
	fake_verdict(f, 1, ANOD_DENIED, "not now");
	fake_advance(f, 2 * MIN);
	cr_assert(eq(uint, f->n_proposals, 3), "a hold must be lifted in the end");
	fake_verdict(f, 2, ANOD_APPLIED, NULL);
	fake_bool(f, "link", "wan0", "admin_up", true);
	fake_advance(f, 10 * S);
	lose(f, "wan0", 7); /* flaps again before that is committed */
	cr_expect(eq(uint, f->n_proposals, 3), "one at a time");
	fake_verdict(f, 2, ANOD_COMMITTED, NULL);
	fake_advance(f, 60 * MIN);
	cr_expect(eq(uint, fake_n_open(f), 0));
	fake_free(f);
}

Test(flap, the_last_uplink_is_never_held_down)
{
	struct fake *f = new_flap(true);

	fake_bool(f, "link", "wan1", "carrier", false);
	lose(f, "wan0", 7);
	cr_expect(eq(uint, f->n_proposals, 0));
	cr_expect(eq(int, fake_open(f, "link-flapping", "wan0")->f.no_cure, 1));
	fake_free(f);

	f = new_flap(true);
	lose(f, "wan1", 7);
	cr_expect(eq(uint, f->n_proposals, 1));
	lose(f, "wan0", 7);
	cr_expect(eq(uint, f->n_proposals, 1), "the other one flaps, too");
	fake_verdict(f, 0, ANOD_DENIED, "no");
	fake_advance(f, 70 * MIN);
	cr_expect(eq(uint, f->n_proposals, 1), "a refused hold is not asked for again");
	cr_expect(eq(uint, fake_n_open(f), 0));
	fake_free(f);
}

Test(flap, options_that_contradict_each_other_are_refused)
{
	struct fake *f = fake_load(BUILD_DIR "/plugins/flap.so");

	fake_opt_int(f, "reuse", 7000);
	cr_expect(lt(int, fake_start(f), 0));
	cr_expect(strstr(f->log, "reuse must be less than suppress") != NULL);
	fake_free(f);
}
