/*
 * Kill anything at any operation (policy.md 5.3): every write, sync, message and step of every way
 * that a transaction can take x {host, executor, guardian, several, all, power with each tear, a
 * hand-over}, and pairs of two such deaths.  The router ends before or after, the journal has one
 * terminal record, the budget is charged once at most and whenever something stays, the guardian
 * holds nothing, and a further death changes nothing.
 *
 * Pairs are drawn; the seed is printed: ANOD_SEED=N, ANOD_ROUNDS=N (of each way).  ANOD_LONG: every
 * pair, the second death 1 to 40 operations behind the first, for make check-long.
 */
#include "txn/txn.h"

#include <fcntl.h>
#include <stdio.h>

#include "txn_world.h"

TestSuite(txn_every, .init = world_open, .fini = world_close);

#define MINUTE (60 * US_PER_S)
#define SECOND US_PER_S
#define TX_MAX 2

/* What is done, one act at a time; between two of them the world gets quiet. */
enum act {
	ACT_END = 0,
	ACT_PROPOSE_1,
	ACT_PROPOSE_3,
	ACT_PROPOSE_OTHER, /* cell 7, of another resource */
	ACT_PROPOSE_SAME,  /* cells of the reflex, and its resource */
	ACT_ARM_READY,
	ACT_ARM_BRIDGE,
	ACT_ARM_KERNEL,
	ACT_SIGN,
	ACT_ROLLBACK,
	ACT_LINK_DOWN,
	ACT_TRIGGER,
	ACT_REJUDGE,
	ACT_DISARM,
	ACT_PAUSE,
	ACT_RESUME,
	ACT_FINISH,
	ACT_SETTLE,
	ACT_HAND_OVER,
	ACT_PASS_5S,
	ACT_PASS_20S,
	ACT_AT_ONCE, /* the next one follows before anybody has moved */
};

static const struct way {
	const char *name;
	uint64_t confirm_us, undo_after_us;
	bool fails, refused, holds, approve;
	bool settle; /* a kernel-armed one ends so */
	enum act act[8];
} ways[] = {
	{ "plain", .act = { ACT_PROPOSE_1 } },
	{ "soak", .confirm_us = 10 * SECOND, .act = { ACT_PROPOSE_3 } },
	{ "verification fails", .fails = true, .act = { ACT_PROPOSE_3 } },
	{ "approved", .approve = true, .act = { ACT_PROPOSE_3, ACT_SIGN } },
	{ "refused by the kernel", .refused = true, .act = { ACT_PROPOSE_3 } },
	{ "on crash hold", .confirm_us = 10 * SECOND, .holds = true, .act = { ACT_PROPOSE_3 } },
	{ "rolled back", .confirm_us = MINUTE, .act = { ACT_PROPOSE_3, ACT_ROLLBACK } },
	{ "undo after", .undo_after_us = 30 * SECOND, .act = { ACT_PROPOSE_3 } },
	{ "two at a time", .confirm_us = 10 * SECOND,
	  .act = { ACT_PROPOSE_3, ACT_AT_ONCE, ACT_PROPOSE_OTHER, ACT_PASS_5S } },
	{ "armed and disarmed", .act = { ACT_ARM_READY, ACT_REJUDGE, ACT_PASS_5S, ACT_DISARM } },
	{ "armed, paused", .act = { ACT_ARM_READY, ACT_PAUSE, ACT_RESUME } },
	{ "fired", .confirm_us = 10 * SECOND,
	  .act = { ACT_ARM_READY, ACT_REJUDGE, ACT_LINK_DOWN } },
	{ "fired by the host", .act = { ACT_ARM_READY, ACT_TRIGGER } },
	{ "fired, verification fails", .fails = true, .act = { ACT_ARM_READY, ACT_LINK_DOWN } },
	{ "fired, refused", .refused = true, .act = { ACT_ARM_READY, ACT_LINK_DOWN } },
	{ "fired, on crash hold", .confirm_us = 10 * SECOND, .holds = true,
	  .act = { ACT_ARM_READY, ACT_LINK_DOWN } },
	{ "fired while it is disarmed",
	  .act = { ACT_ARM_READY, ACT_DISARM, ACT_AT_ONCE, ACT_LINK_DOWN } },
	{ "fired while it is judged",
	  .act = { ACT_ARM_READY, ACT_REJUDGE, ACT_AT_ONCE, ACT_LINK_DOWN } },
	{ "fired while another wants the same",
	  .act = { ACT_ARM_READY, ACT_PROPOSE_SAME, ACT_AT_ONCE, ACT_LINK_DOWN } },
	{ "bridge", .undo_after_us = MINUTE,
	  .act = { ACT_ARM_BRIDGE, ACT_LINK_DOWN, ACT_PASS_5S, ACT_FINISH } },
	{ "bridge that nobody ends", .act = { ACT_ARM_BRIDGE, ACT_LINK_DOWN } },
	{ "the kernel, undone", .confirm_us = 10 * SECOND,
	  .act = { ACT_ARM_KERNEL, ACT_PASS_20S, ACT_LINK_DOWN, ACT_FINISH } },
	{ "the kernel, settled", .settle = true,
	  .act = { ACT_ARM_KERNEL, ACT_PASS_20S, ACT_LINK_DOWN, ACT_SETTLE } },
	{ "the kernel, disarmed", .act = { ACT_ARM_KERNEL, ACT_PASS_5S, ACT_DISARM } },
	{ "handed over", .confirm_us = 10 * SECOND,
	  .act = { ACT_ARM_READY, ACT_PROPOSE_OTHER, ACT_PASS_5S, ACT_HAND_OVER, ACT_PASS_5S,
		   ACT_LINK_DOWN } },
	{ "handed over, fired meanwhile", .confirm_us = 10 * SECOND,
	  .act = { ACT_ARM_READY, ACT_PROPOSE_OTHER, ACT_HAND_OVER, ACT_AT_ONCE, ACT_LINK_DOWN } },
	{ "handed over, the kernel", .act = { ACT_ARM_KERNEL, ACT_PASS_5S, ACT_HAND_OVER,
					      ACT_PASS_5S, ACT_LINK_DOWN, ACT_FINISH } },
};

struct trial {
	const struct way *way;
	enum sim_crash crash, again;
	unsigned at, again_after;
	enum sim_tear tear;
	bool drains, lazy;
};

static struct tx {
	uint64_t id;
	unsigned n_cells;
	unsigned cell[3];
	uint32_t value[3];
} tx[TX_MAX];
static unsigned n_tx;
static char what[256];

static uint8_t pristine[128 << 10];

/* An empty journal again, without making the file anew. */
static void reset_journal(void)
{
	char path[96];
	int fd;

	(void) snprintf(path, sizeof(path), "%s/journal", world_dir);
	fd = open(path, O_RDWR);
	if (!pristine[0])
		cr_assert_eq(pread(fd, pristine, sizeof(pristine), 0), (ssize_t) sizeof(pristine));
	cr_assert_eq(pwrite(fd, pristine, sizeof(pristine), 0), (ssize_t) sizeof(pristine));
	(void) close(fd);
}

/* ---- acts --------------------------------------------------------------------------------- */

static const int64_t three[3][2] = { { 1, 1001 }, { 2, 1002 }, { 3, 1003 } };
static const int64_t other[1][2] = { { 7, 1007 } };
static const int64_t same[2][2] = { { 2, 7002 }, { 1, 7001 } };

/* Nobody else's id is kept of a host that has died on the way. */
static void remember(uint64_t id, unsigned n, const int64_t set[][2])
{
	struct tx *t = &tx[n_tx++];

	cr_assert_leq(n_tx, TX_MAX);
	*t = (struct tx){ .id = id, .n_cells = n };
	for (unsigned i = 0; i < n; i++) {
		t->cell[i] = (unsigned) set[i][0];
		t->value[i] = (uint32_t) set[i][1];
	}
}

static void propose(const char *resource, unsigned n, const int64_t set[][2])
{
	struct anod_proposal p = sim_proposal(n, set);
	uint64_t id = 0;

	(void) copy_text(world.resource, sizeof(world.resource), resource);
	if (txns_propose(world.engine, "uplink", 1, 0, &p, &id) == 0)
		remember(id, n, set);
}

static void arm(enum reflex_kind kind)
{
	struct txn_reflex r = { .kind = kind, .trigger = { .ifindex = 4, .link = "sim0" } };
	struct anod_proposal p = sim_proposal(3, three);
	uint64_t id = 0;

	(void) copy_text(world.resource, sizeof(world.resource), "link sim0");
	world.adopts = true;
	world.adopt_trigger = r.trigger;
	world.adopt_proposal = p;
	if (txns_arm(world.engine, "reflex", &r, &p, &id) == 0)
		remember(id, 3, three);
}

static void act(enum act a)
{
	uint64_t id = n_tx ? tx[0].id : 0;

	switch (a) {
	case ACT_PROPOSE_1:
		propose("link sim0", 1, three);
		return;
	case ACT_PROPOSE_3:
		propose("link sim0", 3, three);
		return;
	case ACT_PROPOSE_OTHER:
		propose("link sim1", 1, other);
		return;
	case ACT_PROPOSE_SAME:
		propose("link sim0", 2, same);
		return;
	case ACT_ARM_READY:
		arm(REFLEX_READY);
		return;
	case ACT_ARM_BRIDGE:
		arm(REFLEX_BRIDGE);
		return;
	case ACT_ARM_KERNEL:
		arm(REFLEX_KERNEL);
		return;
	case ACT_SIGN:
		(void) world_approve(id, "ann", true);
		return;
	case ACT_ROLLBACK:
		(void) txns_rollback(world.engine, id, "by ann");
		return;
	case ACT_LINK_DOWN:
		sim_link(&world, true);
		return;
	case ACT_TRIGGER:
		(void) txns_trigger(world.engine, id);
		return;
	case ACT_REJUDGE:
		(void) txns_rejudge(world.engine, id);
		return;
	case ACT_DISARM:
		(void) txns_disarm(world.engine, id, "not wanted");
		return;
	case ACT_PAUSE:
		txns_pause(world.engine, true);
		return;
	case ACT_RESUME:
		txns_pause(world.engine, false);
		return;
	case ACT_FINISH:
		(void) txns_finish(world.engine, id, "as planned");
		return;
	case ACT_SETTLE:
		(void) txns_settle(world.engine, id, "the kernel has moved on");
		return;
	case ACT_HAND_OVER:
		sim_crash_now(&world, SIM_CRASH_HANDOVER);
		return;
	case ACT_PASS_5S:
		sim_pass(&world, 5 * SECOND);
		return;
	case ACT_PASS_20S:
		sim_pass(&world, 20 * SECOND);
		return;
	case ACT_END:
	case ACT_AT_ONCE:
		return;
	}
}

/* What is still armed when all is done. */
static void clean_up(const struct way *w)
{
	for (unsigned round = 0; round < 4 && txns_nth(world.engine, 0); round++) {
		for (unsigned i = 0; i < n_tx; i++) {
			uint64_t id = tx[i].id;

			if (!w->settle || txns_settle(world.engine, id, "over") < 0)
				(void) txns_disarm(world.engine, id, "over");
		}
		sim_settle(&world, 10 * MINUTE);
	}
}

static void take_way(const struct way *w)
{
	world.permit.confirm_us = w->confirm_us;
	world.permit.undo_after_us = w->undo_after_us;
	world.permit.hold_on_crash = w->holds;
	if (w->fails)
		world.verify = TXN_VERIFY_NO;
	if (w->refused)
		world.kernel.refuse_cell = world.boot_config.refuse_cell = 3;
	if (w->approve)
		world.level = LEVEL_APPROVE;
}

/* One run; the number of operations that it took. */
static unsigned run(const struct trial *t)
{
	(void) snprintf(what, sizeof(what),
			"%s, crash %d at %u, %d after %u, tear %d, drains %d, lazy %d",
			t->way->name, t->crash, t->at, t->again, t->again_after, t->tear, t->drains,
			t->lazy);
	n_tx = 0;
	sim_done(&world);
	reset_journal();
	sim_init(&world, world_dir);
	cr_assert_eq(sim_start_host(&world), 0);
	take_way(t->way);
	world.n_ops = 0;
	world.crash_at = t->at;
	world.crash = t->crash;
	world.again_after = t->again_after;
	world.again = t->again;
	world.tear = t->tear;
	world.exec_drains = t->drains;
	world.lazy_disk = t->lazy;

	for (unsigned i = 0; i < ARRAY_SIZE(t->way->act) && t->way->act[i]; i++) {
		act(t->way->act[i]);
		if (i + 1 < ARRAY_SIZE(t->way->act) && t->way->act[i + 1] == ACT_AT_ONCE)
			act(t->way->act[i += 2]);
		sim_quiet(&world);
	}
	sim_settle(&world, 10 * MINUTE);
	clean_up(t->way);
	return world.n_ops;
}

/* ---- judging ------------------------------------------------------------------------------ */

static uint32_t wanted(unsigned cell, bool *ret_has)
{
	*ret_has = world.boot_config.has[cell];
	for (unsigned i = n_tx; i-- > 0;)
		for (unsigned k = 0; k < tx[i].n_cells; k++)
			if (tx[i].cell[k] == cell && world_last_record(tx[i].id) == JOURNAL_DONE) {
				*ret_has = true;
				return tx[i].value[k];
			}
	return world.boot_config.value[cell];
}

/* Each is where its terminal record says, whole; after a power loss all is as at boot. */
static void judge_kernel(const struct trial *t)
{
	bool power = t->crash == SIM_CRASH_POWER || t->again == SIM_CRASH_POWER;
	bool has;

	if (power && world_is_before())
		return;
	for (unsigned c = 0; c < SIM_CELLS; c++) {
		uint32_t value = wanted(c, &has);

		cr_assert(world.kernel.has[c] == has && (!has || world.kernel.value[c] == value),
			  "cell %u is %u, wanted %u: %s", c, world.kernel.value[c], value, what);
	}
}

static void judge_journal(void)
{
	unsigned n_done = 0, n_begun = 0;

	for (unsigned i = 0; i < n_tx; i++) {
		struct world_records w = world_journal(tx[i].id);

		cr_assert_eq(w.n_terminal, w.n > 0, "T%d has %u terminal records: %s",
			     (int) tx[i].id, w.n_terminal, what);
		if (w.n == 0)
			continue;
		cr_assert_eq(w.type[0], JOURNAL_INTENT, "%s", what);
		cr_assert(journal_type_terminal((enum journal_type) w.type[w.n - 1]), "%s", what);
		cr_assert(w.type[w.n - 1] != JOURNAL_STUCK && w.type[w.n - 1] != JOURNAL_SUPERSEDED,
			  "T%d ends %s: %s", (int) tx[i].id,
			  journal_type_name((enum journal_type) w.type[w.n - 1]), what);
		n_begun++;
		n_done += w.type[w.n - 1] == JOURNAL_DONE;
	}
	cr_assert(world.n_charges >= n_done && world.n_charges <= MAX_OF(n_begun, n_tx),
		  "charged %u times for %u: %s", world.n_charges, n_done, what);
}

static int fold(void *data, const struct journal_record *r)
{
	uint32_t *crc = data;

	*crc = crc32c(*crc, &r->type, sizeof(r->type));
	*crc = crc32c(*crc, &r->tx, sizeof(r->tx));
	*crc = crc32c(*crc, &r->boot_us, sizeof(r->boot_us));
	return 0;
}

/* Recovery twice is recovery once. */
static void judge_again(void)
{
	struct sim_kernel kernel = world.kernel;
	uint32_t before = 0, after = 0;

	world.crash_at = 0; /* one that has not struck yet never will */
	cr_assert_eq(journal_read(world_dir, fold, &before), 0);
	sim_crash_now(&world, SIM_CRASH_ALL);
	sim_settle(&world, 10 * MINUTE);
	cr_assert_eq(journal_read(world_dir, fold, &after), 0);
	cr_assert_eq(before, after, "the second recovery writes: %s", what);
	cr_assert(memcmp(kernel.value, world.kernel.value, sizeof(kernel.value)) == 0 &&
			  memcmp(kernel.has, world.kernel.has, sizeof(kernel.has)) == 0,
		  "the second recovery changes: %s", what);
}

static void judge(const struct trial *t)
{
	cr_assert_null(txns_nth(world.engine, 0), "T%d is still %s: %s",
		       (int) txns_nth(world.engine, 0)->id,
		       txn_state_name(txns_nth(world.engine, 0)->state), what);
	cr_assert_eq(world.n_armed, 0, "still armed: %s", what);
	judge_journal();
	judge_kernel(t);
	judge_again();
}

/* ---- enumerating -------------------------------------------------------------------------- */

static const struct {
	enum sim_crash crash;
	enum sim_tear tear;
	bool drains, lazy;
} deaths[] = {
	{ SIM_CRASH_HOST, 0, false, false },
	{ SIM_CRASH_HOST, 0, true, false },
	{ SIM_CRASH_HOST, 0, false, true },
	{ SIM_CRASH_EXEC, 0, false, false },
	{ SIM_CRASH_GUARD, 0, false, false },
	{ SIM_CRASH_BOTH, 0, false, false },
	{ SIM_CRASH_BOTH, 0, true, false },
	{ SIM_CRASH_HOST_EXEC, 0, false, false },
	{ SIM_CRASH_ALL, 0, false, false },
	{ SIM_CRASH_ALL, 0, false, true },
	{ SIM_CRASH_POWER, SIM_TEAR_DROP, false, false },
	{ SIM_CRASH_POWER, SIM_TEAR_KEEP, false, false },
	{ SIM_CRASH_POWER, SIM_TEAR_HALF, false, false },
	{ SIM_CRASH_POWER, SIM_TEAR_LATE, false, false },
	/* Late syncs: what is torn is the end of a long tail, not a record that was waited for. */
	{ SIM_CRASH_POWER, SIM_TEAR_DROP, false, true },
	{ SIM_CRASH_POWER, SIM_TEAR_KEEP, false, true },
	{ SIM_CRASH_HANDOVER, 0, false, false },
	{ SIM_CRASH_HANDOVER, 0, true, false },
};

static struct trial trial_of(const struct way *w, unsigned death)
{
	return (struct trial){ .way = w,
			       .crash = deaths[death].crash,
			       .tear = deaths[death].tear,
			       .drains = deaths[death].drains,
			       .lazy = deaths[death].lazy };
}

/* Without a crash. */
static unsigned operations(const struct way *w, bool lazy)
{
	struct trial t = { .way = w, .lazy = lazy };
	unsigned n = run(&t);

	judge(&t);
	return n;
}

static void every_death(unsigned part, unsigned n_parts)
{
	unsigned n_runs = 0;

	for (unsigned w = part; w < ARRAY_SIZE(ways); w += n_parts) {
		unsigned n[2] = { operations(&ways[w], false), operations(&ways[w], true) };

		cr_assert_gt(n[0], 10, "%s", ways[w].name);
		for (unsigned d = 0; d < ARRAY_SIZE(deaths); d++) {
			struct trial t = trial_of(&ways[w], d);

			for (t.at = 1; t.at <= n[t.lazy]; t.at++, n_runs++) {
				(void) run(&t);
				cr_assert_geq(world.n_crashes, 1, "%s", ways[w].name);
				judge(&t);
			}
		}
	}
	(void) fprintf(stderr, "txn_every: %u runs\n", n_runs);
	cr_assert_gt(n_runs, 3000);
}

/* In parts, because each has its share of time. */
Test(txn_every, operation_of_every_way_with_every_death_1, .timeout = 300)
{
	every_death(0, 4);
}

Test(txn_every, operation_of_every_way_with_every_death_2, .timeout = 300)
{
	every_death(1, 4);
}

Test(txn_every, operation_of_every_way_with_every_death_3, .timeout = 300)
{
	every_death(2, 4);
}

Test(txn_every, operation_of_every_way_with_every_death_4, .timeout = 300)
{
	every_death(3, 4);
}

static uint64_t dice;

static unsigned roll(unsigned n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (unsigned) (dice % n);
}

/* A second death, up to so many operations behind the first. */
#define BEHIND 40

static void every_pair(const struct way *w)
{
	static const unsigned behind[] = { 1, 2, 3, 4, 6, 9, 13, 19, 28, BEHIND };

	for (unsigned d = 0; d < ARRAY_SIZE(deaths); d++) {
		struct trial t = trial_of(w, d);
		unsigned n = operations(w, t.lazy);

		for (unsigned a = 0; a < ARRAY_SIZE(deaths); a++) {
			t.again = deaths[a].crash;
			for (t.at = 1; t.at <= n; t.at++)
				for (unsigned b = 0; b < ARRAY_SIZE(behind); b++) {
					t.again_after = behind[b];
					(void) run(&t);
					judge(&t);
				}
		}
	}
}

Test(txn_every, pair_of_deaths, .timeout = 36000)
{
	const char *seed = getenv("ANOD_SEED"), *rounds = getenv("ANOD_ROUNDS");
	unsigned n_rounds = rounds ? (unsigned) strtoul(rounds, NULL, 0) : 200;

	dice = seed ? strtoull(seed, NULL, 0) : clock_boot_us() | 1;
	(void) fprintf(stderr, "txn_every: seed %llu, %u pairs a way (ANOD_SEED, ANOD_ROUNDS)\n",
		       (unsigned long long) dice, n_rounds);
	for (unsigned w = 0; w < ARRAY_SIZE(ways); w++) {
		unsigned n = operations(&ways[w], false);

		if (getenv("ANOD_LONG"))
			every_pair(&ways[w]);
		for (unsigned i = 0; i < n_rounds; i++) {
			struct trial t = trial_of(&ways[w], roll(ARRAY_SIZE(deaths)));

			t.at = 1 + roll(n);
			t.again = deaths[roll(ARRAY_SIZE(deaths))].crash;
			t.again_after = 1 + roll(BEHIND);
			(void) run(&t);
			judge(&t);
		}
	}
}
