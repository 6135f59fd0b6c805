/* What is stuck locks its resource until a person has looked; what is superseded, for a while. */
#include "txn/txn.h"

#include <errno.h>

#include "txn_world.h"

TestSuite(txn_lock, .init = world_open, .fini = world_close);

#define MINUTE (60 * US_PER_S)

/* An undo that fails: the router is between. */
static uint64_t stuck(void)
{
	uint64_t id;

	world.kernel.jam_cell = 1;
	world.verify = TXN_VERIFY_NO;
	id = world_propose(1);
	sim_settle(&world, 10 * MINUTE);
	cr_assert_eq(world_state(id), TXN_STUCK, "%s", txn_state_name(world_state(id)));
	world.kernel.jam_cell = -1;
	world.verify = TXN_VERIFY_YES;
	return id;
}

static void denied(const char *why)
{
	uint64_t id = world_set(7, 7);

	cr_assert_eq(world_state(id), TXN_DENIED);
	cr_assert_str_eq(txns_get(world.engine, id)->why, why);
	cr_assert_eq(world_last_record(id), 0);
}

static bool goes(int64_t value)
{
	uint64_t id = world_set(7, value);

	sim_settle(&world, MINUTE);
	return world_state(id) == TXN_DONE;
}

Test(txn_lock, C20_an_undo_that_fails_locks_the_resource_until_a_person_has_looked)
{
	uint64_t id = stuck(), other;
	char text[128];

	(void) snprintf(text, sizeof(text),
			"only observed: T%d is stuck and link sim0 is locked "
			"until a person has looked (anodctl unlock link sim0)",
			(int) id);
	denied(text);
	cr_assert_eq(world_journal(id).n_terminal, 1);
	cr_assert_eq(txns_lock(world.engine, 0)->tx, id);
	cr_assert_null(txns_lock(world.engine, 1));

	/* Another resource is free. */
	(void) copy_text(world.resource, sizeof(world.resource), "link sim1");
	cr_assert(goes(8));
	(void) copy_text(world.resource, sizeof(world.resource), "link sim0");

	/* Neither a crash nor hours change that. */
	sim_crash_now(&world, SIM_CRASH_ALL);
	sim_pass(&world, 600 * MINUTE);
	denied(text);
	cr_assert_eq(txns_unlock(world.engine, "link sim1", "ann"), -ENOENT);
	cr_assert_eq(txns_unlock(world.engine, "link sim0", "ann"), 0);
	cr_assert_eq(txns_unlock(world.engine, "link sim0", "ann"), -ENOENT);
	cr_assert(goes(9));
	WORLD_RECORDS(id, JOURNAL_INTENT, JOURNAL_APPLIED, JOURNAL_ROLLBACK, JOURNAL_STUCK,
		      JOURNAL_UNLOCKED);
	sim_crash_now(&world, SIM_CRASH_ALL);
	sim_settle(&world, MINUTE);
	cr_assert(goes(10), "unlocked for good");

	/* The journal is turned over many times: the lock stays. */
	world.kernel.value[1] = 101;
	id = stuck();
	cr_assert_eq(txns_lock(world.engine, 0)->tx, id);
	(void) copy_text(world.resource, sizeof(world.resource), "link sim1");
	for (unsigned i = 0; i < 3000; i++) {
		other = world_set(7, (int64_t) (20 + i));
		sim_settle(&world, MINUTE);
		cr_assert_eq(world_state(other), TXN_DONE);
	}
	(void) copy_text(world.resource, sizeof(world.resource), "link sim0");
	sim_crash_now(&world, SIM_CRASH_ALL);
	sim_settle(&world, MINUTE);
	cr_assert_not(goes(5));

	/* A reboot undoes what was stuck. */
	sim_crash_now(&world, SIM_CRASH_POWER);
	sim_settle(&world, MINUTE);
	cr_assert_null(txns_lock(world.engine, 0));
	cr_assert(goes(5));
	sim_crash_now(&world, SIM_CRASH_HOST);
	sim_settle(&world, MINUTE);
	cr_assert_null(txns_lock(world.engine, 0));
}

Test(txn_lock, C16_somebody_elses_change_is_left_alone_and_its_resource_for_a_while)
{
	world.permit.confirm_us = MINUTE;
	(void) world_meddled(1, 5);
	denied("only observed: somebody else has changed what T1 did to link sim0, which is left "
	       "alone for 61 s more");
	sim_pass(&world, TXN_LOCK_US);
	cr_assert_null(txns_lock(world.engine, 0));
	world.permit.confirm_us = 0;
	cr_assert(goes(8));
}

Test(txn_lock, a_lock_disarms_reflexes_on_the_resource)
{
	uint64_t reflex, id;

	/* Neither of the two holds the lease. */
	world.permit.undo_after_us = 10 * MINUTE;
	id = world_set(7, 7);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_COMMIT);
	reflex = world_arm(REFLEX_READY, 1);
	sim_quiet(&world);
	cr_assert_eq(world_state(reflex), TXN_ARMED);
	sim_meddle(&world, 7, 5);
	sim_settle(&world, 11 * MINUTE);
	cr_assert_eq(world_state(id), TXN_SUPERSEDED);
	cr_assert_eq(world_state(reflex), TXN_ABORTED);
	cr_assert_str_eq(txns_get(world.engine, reflex)->why, "disarmed: link sim0 is locked");
}
