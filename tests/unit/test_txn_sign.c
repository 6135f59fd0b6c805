/* What people say to a transaction, and when it counts. */
#include <errno.h>

#include "txn_world.h"

TestSuite(txn_sign, .init = world_open, .fini = world_close);

#define MINUTE (60 * US_PER_S)

static uint64_t ask(unsigned people)
{
	uint64_t id;

	world.level = LEVEL_APPROVE;
	world.permit.approvals = people;
	id = world_propose(1);
	sim_quiet(&world);
	cr_assert_eq(world_state(id), TXN_WAITING);
	return id;
}

static const struct txn *get(uint64_t id)
{
	return txns_get(world.engine, id);
}

Test(txn_sign, a_signature_is_for_the_plan_of_its_hash_and_no_other)
{
	uint64_t id = ask(1);
	uint8_t hash[APPROVAL_HASH];

	memcpy(hash, get(id)->plan.hash, sizeof(hash));
	for (unsigned i = 0; i < sizeof(hash); i++) {
		hash[i] ^= 1;
		cr_assert_eq(txns_approve(world.engine, id, "ann", true, hash), -ESTALE);
		hash[i] ^= 1;
	}
	cr_assert_eq(world_state(id), TXN_WAITING);
	cr_assert_eq(txns_approve(world.engine, id, "ann", true, hash), 0);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
}

Test(txn_sign, signatures_stay_while_the_plan_stays_and_go_with_it)
{
	uint64_t id = ask(2);
	uint8_t first[APPROVAL_HASH];

	memcpy(first, get(id)->plan.hash, sizeof(first));
	cr_assert_eq(world_approve(id, "ann", true), 0);
	txns_policy_changed(world.engine); /* another one that reads the same */
	sim_pass(&world, 5 * US_PER_S);
	cr_assert_eq(get(id)->n_approvals, 1);
	cr_assert_eq(memcmp(first, get(id)->plan.hash, sizeof(first)), 0);

	sim_meddle(&world, 1, 555); /* what it would change is not as it was */
	sim_pass(&world, 2 * US_PER_S);
	cr_assert_eq(get(id)->n_approvals, 0);
	cr_assert_eq(world.n_dropped, 1);
	cr_assert_str_eq(world.dropped_why, "what it would change is not as it was");
	cr_assert_str_eq(get(id)->why, "waits for 2 of 2 approvals: permit \"sim\"");
	cr_assert_eq(txns_approve(world.engine, id, "bob", true, first), -ESTALE);
	cr_assert_eq(get(id)->n_old_plans, 1);
	cr_assert_eq(memcmp(get(id)->old_plan[0].hash, first, sizeof(first)), 0);

	/* It becomes again what it was: the old word still does not count. */
	sim_meddle(&world, 1, 101);
	sim_pass(&world, 2 * US_PER_S);
	cr_assert_neq(memcmp(first, get(id)->plan.hash, sizeof(first)), 0);
	cr_assert_eq(txns_approve(world.engine, id, "ann", true, first), -ESTALE);

	cr_assert_eq(world_approve(id, "ann", true), 0);
	world.policy[7]++;
	sim_pass(&world, 2 * US_PER_S);
	cr_assert_str_eq(world.dropped_why, "the policy is another one");
	cr_assert_eq(world_approve(id, "ann", true), 0);
	cr_assert_eq(world_approve(id, "bob", true), 0);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
	cr_assert_eq(world.n_dropped, 2);
}

Test(txn_sign, a_plan_that_changed_while_nobody_looked_is_seen_before_the_code)
{
	uint64_t id = ask(1);
	uint8_t seen[APPROVAL_HASH];

	memcpy(seen, get(id)->plan.hash, sizeof(seen));
	sim_meddle(&world, 1, 555);
	cr_assert_eq(txns_review(world.engine, id), 0);
	cr_assert_eq(txns_approve(world.engine, id, "ann", true, seen), -ESTALE);

	world.level = LEVEL_DENY;
	cr_assert_eq(txns_review(world.engine, id), -EINVAL);
	cr_assert_eq(world_state(id), TXN_DENIED);
	cr_assert_eq(txns_review(world.engine, id), -ENOENT);

	id = ask(1);
	world.level = LEVEL_AUTO;
	cr_assert_eq(txns_review(world.engine, id), -EINVAL);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE, "it needs nobody any more");
}

/* The decision is made on a model; the executor plans on the kernel. */
Test(txn_sign, what_the_executor_would_do_must_be_what_was_signed)
{
	uint64_t id = ask(1);

	cr_assert_eq(world_approve(id, "ann", true), 0);
	sim_meddle(&world, 1, 555); /* before the executor looks; the model knows nothing of it */
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_FAILED);
	cr_assert(strstr(get(id)->why, "not as it was when this was signed"), "%s", get(id)->why);
	cr_assert_eq(world.kernel.value[1], 555);
	cr_assert_eq(world_last_record(id), 0);

	/* Nobody signs what is automatic. */
	world.level = LEVEL_AUTO;
	id = world_set(2, 1002);
	sim_meddle(&world, 2, 556);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE);
}

Test(txn_sign, a_decision_that_fell_takes_no_signature)
{
	uint64_t id = ask(1);

	world.level = LEVEL_PROPOSE;
	sim_pass(&world, 3 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_WAITING);
	cr_assert_eq(world_approve(id, "ann", true), -EINVAL);
	cr_assert_eq(get(id)->n_approvals, 0);
}

Test(txn_sign, five_wrong_codes_lock_one_person_out_of_one_transaction)
{
	uint64_t id = ask(1), other;

	for (unsigned left = APPROVAL_TRIES; left-- > 0;) {
		cr_assert_eq(txns_may_sign(world.engine, id, "eve", true), 0);
		cr_assert_eq(txns_wrong_code(world.engine, id, "eve"), left);
	}
	cr_assert_eq(txns_may_sign(world.engine, id, "eve", true), -EACCES);
	cr_assert_eq(world_approve(id, "eve", true), -EACCES, "the right one comes too late");
	cr_assert_eq(txns_wrong_code(world.engine, id, "eve"), 0);
	sim_meddle(&world, 1, 555);
	sim_pass(&world, 2 * US_PER_S);
	cr_assert_eq(world_approve(id, "eve", true), -EACCES, "also for another plan");

	world.resource[5] = 'x';
	other = world_set(2, 1002);
	sim_quiet(&world);
	cr_assert_eq(txns_may_sign(world.engine, other, "eve", true), 0);
	cr_assert_eq(world_approve(id, "ann", true), 0);

	/* More guessers than can be counted: nobody new may try. */
	for (unsigned i = 0; i < APPROVERS_MAX; i++) {
		char user[16];

		(void) snprintf(user, sizeof(user), "u%u", i);
		cr_assert_eq(txns_wrong_code(world.engine, other, user), APPROVAL_TRIES - 1);
	}
	cr_assert_eq(txns_may_sign(world.engine, other, "ann", true), -EACCES);
	cr_assert_eq(txns_wrong_code(world.engine, other, "ann"), 0);
	cr_assert_eq(txns_may_sign(world.engine, other, "u3", true), 0);
}

Test(txn_sign, a_persons_no_holds_against_the_same_proposal)
{
	uint64_t id = ask(1), again;

	cr_assert_eq(txns_deny(world.engine, id, "ann"), 0);
	txns_person_no(world.engine, id, "ann");
	world.level = LEVEL_AUTO;
	again = world_propose(1);
	cr_assert_eq(world_state(again), TXN_DENIED, "also when nobody would have to sign");
	cr_assert_str_eq(get(again)->why, "denied: ann has said no to the same in T1");
	world.resource[5] = 'x';
	cr_assert_neq(world_state(world_set(1, 1002)), TXN_DENIED, "another one is another one");
	sim_settle(&world, TXN_NO_US);
	sim_pass(&world, TXN_NO_US);
	again = world_propose(1);
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(again), TXN_DONE, "not for ever");

	world.permit.confirm_us = MINUTE;
	id = world_set(2, 1002);
	sim_quiet(&world);
	cr_assert_eq(txns_rollback(world.engine, id, "rolled back by ann"), 0);
	txns_person_no(world.engine, id, "ann");
	sim_settle(&world, MINUTE);
	cr_assert_eq(world_state(id), TXN_ROLLED_BACK);
	cr_assert_eq(world_state(world_set(2, 1002)), TXN_DENIED);
	txns_pause(world.engine, true);
	txns_pause(world.engine, false);
	id = world_set(2, 1002);
	sim_settle(&world, 2 * MINUTE);
	cr_assert_eq(world_state(id), TXN_DONE, "resumed");
	for (unsigned i = 0; i < 40; i++) /* a ring */
		txns_person_no(world.engine, id, "ann");
	txns_person_no(world.engine, 4711, "ann");
}
