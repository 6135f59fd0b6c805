/*
 * txn_world - what the tests of transactions share: a simulated world in a folder of its own, and
 * questions about how it ended.
 */
#ifndef TESTS_UNIT_TXN_WORLD_H
#define TESTS_UNIT_TXN_WORLD_H

#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/sim.h"

static char world_dir[64];
static struct sim world;

static inline void world_open(void)
{
	(void) copy_text(world_dir, sizeof(world_dir), "/tmp/anod-txn-XXXXXX");
	log_open("test", LOG_ERR); /* skipped slots are the point here */
	cr_assert_not_null(mkdtemp(world_dir));
	sim_init(&world, world_dir);
	cr_assert_eq(sim_start_host(&world), 0);
}

static inline void world_close(void)
{
	char path[96];

	sim_done(&world);
	cr_assert_eq(world.n_before, 0, "every snapshot was dropped");
	(void) snprintf(path, sizeof(path), "%s/journal", world_dir);
	(void) unlink(path);
	(void) rmdir(world_dir);
}

/* Propose to set cells 1..n to 1001..; its id. */
static inline uint64_t world_propose(unsigned n)
{
	static const int64_t set[4][2] = { { 1, 1001 }, { 2, 1002 }, { 3, 1003 }, { 7, 1007 } };
	struct anod_proposal p = sim_proposal(n, set);
	uint64_t id = 0;

	cr_assert_eq(txns_propose(world.engine, "uplink", 1, 2, &p, &id), 0);
	return id;
}

static inline uint64_t world_set(int64_t cell, int64_t value)
{
	struct anod_proposal p = sim_proposal(1, (const int64_t[1][2]){ { cell, value } });
	uint64_t id = 0;

	cr_assert_eq(txns_propose(world.engine, "uplink", 1, 2, &p, &id), 0);
	return id;
}

/* Arm a reflex on link sim0 that sets cells 1..n; its id. */
static inline uint64_t world_arm(enum reflex_kind kind, unsigned n)
{
	static const int64_t set[3][2] = { { 1, 1001 }, { 2, 1002 }, { 3, 1003 } };
	struct txn_reflex r = { .kind = kind, .trigger = { .ifindex = 4, .link = "sim0" } };
	struct anod_proposal p = sim_proposal(n, set);
	uint64_t id = 0;

	world.adopt_trigger = r.trigger;
	world.adopt_proposal = p;
	cr_assert_eq(txns_arm(world.engine, "reflex", &r, &p, &id), 0);
	return id;
}

/* For world.lease_of: each cell is a link of its own. */
static inline void world_own_link(struct sim *s, const struct txn *t, struct lease *l)
{
	char key[32];

	(void) s;
	(void) snprintf(key, sizeof(key), "link wan%d",
			(int) t->proposal.action[0].arg[0].value.u.i);
	lease_add(l, key, NULL);
}

/* Signs the plan of now. */
static inline int world_approve(uint64_t id, const char *user, bool in_group)
{
	static const uint8_t none[APPROVAL_HASH];
	const struct txn *t = txns_get(world.engine, id);

	return txns_approve(world.engine, id, user, in_group, t ? t->plan.hash : none);
}

static inline enum txn_state world_state(uint64_t id)
{
	const struct txn *t = txns_get(world.engine, id);

	return t ? t->state : 0;
}

/* Propose to set cells 1..n; in its soak somebody else sets cell 1, which is left alone. */
static inline uint64_t world_meddled(unsigned n, uint32_t value)
{
	uint64_t id = world_propose(n);

	sim_quiet(&world);
	sim_meddle(&world, 1, value);
	sim_settle(&world, 5 * US_PER_S);
	cr_assert_eq(world_state(id), TXN_SUPERSEDED);
	cr_assert_eq(world.kernel.value[1], value);
	return id;
}

static inline bool world_is_before(void)
{
	return memcmp(world.kernel.has, world.boot_config.has, sizeof(world.kernel.has)) == 0 &&
	       memcmp(world.kernel.value, world.boot_config.value, sizeof(world.kernel.value)) == 0;
}

static inline bool world_is_after(unsigned n)
{
	static const unsigned cell[] = { 1, 2, 3, 7 };
	unsigned same = 0;

	for (unsigned i = 0; i < n; i++)
		same += world.kernel.has[cell[i]] && world.kernel.value[cell[i]] == 1000 + cell[i];
	return same == n;
}

struct world_records {
	unsigned n, n_terminal;
	uint64_t tx;
	uint32_t type[64];
	uint64_t deadline_us[64];
};

static int world_see(void *data, const struct journal_record *r)
{
	struct world_records *w = data;

	if (r->tx != w->tx)
		return 0;
	w->n_terminal += journal_type_terminal((enum journal_type) r->type);
	w->deadline_us[w->n] = r->deadline_us;
	w->type[w->n++] = r->type;
	return 0;
}

/* All records of a transaction in the file. */
static inline struct world_records world_journal(uint64_t tx)
{
	struct world_records w = { .tx = tx };

	cr_assert_eq(journal_read(world_dir, world_see, &w), 0);
	return w;
}

static inline uint32_t world_last_record(uint64_t tx)
{
	struct world_records w = world_journal(tx);

	return w.n ? w.type[w.n - 1] : 0;
}

static inline void world_expect_records(uint64_t tx, unsigned n, const uint32_t *type)
{
	struct world_records w = world_journal(tx);

	cr_assert_eq(w.n, n, "%u records", w.n);
	for (unsigned i = 0; i < n; i++)
		cr_assert_eq(w.type[i], type[i], "record %u: %s", i,
			     journal_type_name((enum journal_type) w.type[i]));
}
#define WORLD_RECORDS(tx, ...)                                                                     \
	world_expect_records(tx, ARRAY_SIZE(((const uint32_t[]){ __VA_ARGS__ })),                  \
			     (const uint32_t[]){ __VA_ARGS__ })

#endif
