/*
 * recovery(recovery(x)) = recovery(x), for what a random run leaves: a journal with transactions
 * anywhere on their way, cut off by a death of everything or of the power, and damaged after that.
 * The seed is printed; ANOD_SEED=N repeats a run, ANOD_ROUNDS=N makes it longer.
 */
#include "txn/txn.h"

#include <fcntl.h>

#include "txn_world.h"
#include "unit/dice.h"

#define ROUNDS	   150
#define ROUNDS_MAX 20000
#define TX_MAX	   32
#define HEADERS	   (2 * JOURNAL_SLOT)
#define HOUR	   (3600 * US_PER_S)

static struct dice d;

struct found {
	struct sim_kernel kernel;
	unsigned n_records, n_open, n_stuck;
	uint8_t terminals[TX_MAX]; /* how many, by transaction */
};

static struct {
	unsigned damaged, stuck, records;
} count;

/* ---- what has happened -------------------------------------------------------------------- */

static void do_something(void)
{
	static const enum reflex_kind kinds[] = { REFLEX_READY, REFLEX_KERNEL, REFLEX_BRIDGE };
	int64_t set[3][2];
	struct anod_proposal p;
	unsigned n = 1 + dice_roll(&d, 3);
	uint64_t id;

	(void) snprintf(world.resource, sizeof(world.resource), "link sim%u", dice_roll(&d, 4));
	world.permit.confirm_us = dice_roll(&d, 2) ? 0 : US_PER_S * dice_roll(&d, 60);
	world.permit.undo_after_us = dice_roll(&d, 4) ? 0 : US_PER_S * (1 + dice_roll(&d, 60));
	world.permit.hold_on_crash = dice_roll(&d, 5) == 0;
	if (dice_roll(&d, 5) == 0) {
		struct txn_reflex r = { .kind = kinds[dice_roll(&d, 3)],
					.trigger = { .ifindex = 4, .link = "sim0" } };

		for (unsigned i = 0; i < n; i++) {
			set[i][0] = (int64_t) (i * 2 + 1);
			set[i][1] = 1001 + (int64_t) i;
		}
		p = sim_proposal(n, (const int64_t(*)[2]) set);
		if (txns_arm(world.engine, "reflex", &r, &p, &id) < 0)
			return; /* it is armed */
		sim_quiet(&world);
		if (dice_roll(&d, 2))
			(void) txns_trigger(world.engine, id);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		set[i][0] = (int64_t) (i * 2 + dice_roll(&d, 2));
		set[i][1] = (int64_t) (2000 + dice_roll(&d, 1000));
	}
	p = sim_proposal(n, (const int64_t(*)[2]) set);
	(void) txns_propose(world.engine, "uplink", 1, 2, &p, &id);
}

/* Up to a moment in the middle of something. */
static void live_a_while(void)
{
	for (unsigned n = 1 + dice_roll(&d, 5); n > 0; n--) {
		unsigned steps = dice_roll(&d, 40);

		do_something();
		while (steps-- > 0 && sim_step(&world))
			;
		if (dice_roll(&d, 3) == 0)
			sim_pass(&world, US_PER_S * dice_roll(&d, 30));
	}
}

static void damage_one(uint8_t *journal, size_t used)
{
	size_t at = HEADERS + dice_roll(&d, (uint32_t) (used - HEADERS));
	size_t slot = at / JOURNAL_SLOT * JOURNAL_SLOT;
	size_t other = HEADERS +
		       dice_roll(&d, (uint32_t) ((used - HEADERS) / JOURNAL_SLOT)) * JOURNAL_SLOT;

	switch (dice_roll(&d, 5)) {
	case 0:
		memset(journal + slot, 0, JOURNAL_SLOT);
		return;
	case 1:
		memmove(journal + slot, journal + other, JOURNAL_SLOT);
		return;
	case 2: /* one of the two heads */
		journal[dice_roll(&d, JOURNAL_SLOT)] ^= (uint8_t) (1 + dice_roll(&d, 255));
		return;
	default:
		journal[at] ^= (uint8_t) (1 + dice_roll(&d, 255));
	}
}

static void damage(void)
{
	uint8_t *journal = malloc(JOURNAL_SIZE);
	size_t used = JOURNAL_SIZE;
	char path[96];
	int fd;

	(void) snprintf(path, sizeof(path), "%s/%s", world_dir, JOURNAL_FILE);
	fd = open(path, O_RDWR | O_CLOEXEC);
	cr_assert(journal && fd >= 0);
	cr_assert_eq(pread(fd, journal, JOURNAL_SIZE, 0), (ssize_t) JOURNAL_SIZE);
	while (used > HEADERS && journal[used - 1] == 0)
		used--;
	used = (used + JOURNAL_SLOT - 1) / JOURNAL_SLOT * JOURNAL_SLOT;
	if (used > HEADERS && dice_roll(&d, 2)) {
		for (unsigned n = 1 + dice_roll(&d, 4); n > 0; n--)
			damage_one(journal, used);
		cr_assert_eq(pwrite(fd, journal, JOURNAL_SIZE, 0), (ssize_t) JOURNAL_SIZE);
		count.damaged++;
	}
	close(fd);
	free(journal);
}

/* ---- what became of it -------------------------------------------------------------------- */

static int see(void *data, const struct journal_record *r)
{
	struct found *o = data;

	o->n_records++;
	o->n_stuck += r->type == JOURNAL_STUCK;
	if (r->tx < TX_MAX)
		o->terminals[r->tx] += journal_type_terminal((enum journal_type) r->type);
	return 0;
}

static struct found recovered(void)
{
	struct found o = { 0 };

	sim_settle(&world, HOUR);
	cr_assert(world.host_alive);
	cr_assert(!txns_recovering(world.engine));
	o.kernel = world.kernel;
	cr_assert_eq(journal_read(world_dir, see, &o), 0);
	while (txns_nth(world.engine, o.n_open))
		o.n_open++;
	return o;
}

/* The same run as often as it is called with the same dice; 'again': a second death while the
 * first one is recovered from, so many operations behind it. */
static struct found run(uint64_t seed, unsigned again, bool twice)
{
	struct found o, after;

	d.state = seed;
	world_open();
	live_a_while();
	world.tear = (enum sim_tear) dice_roll(&d, SIM_TEARS);
	sim_crash_now(&world, dice_roll(&d, 3) ? SIM_CRASH_ALL : SIM_CRASH_POWER);
	damage();
	if (again) {
		world.n_ops = 0;
		world.crash_at = again;
		world.crash = dice_roll(&d, 2) ? SIM_CRASH_ALL : SIM_CRASH_HOST;
	}
	o = recovered();
	if (twice) {
		sim_crash_now(&world, SIM_CRASH_ALL);
		after = recovered();
		cr_assert(memcmp(&after.kernel, &o.kernel, sizeof(o.kernel)) == 0, "seed %llu",
			  (unsigned long long) seed);
		cr_assert_eq(after.n_records, o.n_records, "seed %llu: %u records, then %u",
			     (unsigned long long) seed, o.n_records, after.n_records);
		cr_assert_eq(after.n_open, o.n_open, "seed %llu", (unsigned long long) seed);
	}
	world_close();
	return o;
}

Test(property, recovering_twice_is_recovering_once, .timeout = 7200)
{
	unsigned rounds = MIN_OF(rounds_of(ROUNDS), (unsigned) ROUNDS_MAX);
	struct dice seeds = { dice_seed("recovery") };

	for (unsigned n = 0; n < rounds; n++) {
		uint64_t seed = (uint64_t) dice_roll(&seeds, UINT32_MAX) << 16 | n;
		unsigned again = 1 + dice_roll(&seeds, 60);
		struct found once = run(seed, 0, true), more = run(seed, again, false);

		cr_assert(memcmp(&once.kernel, &more.kernel, sizeof(once.kernel)) == 0,
			  "round %u, seed %llu, again after %u", n, (unsigned long long) seed,
			  again);
		for (unsigned tx = 0; tx < TX_MAX; tx++) {
			cr_assert_leq(once.terminals[tx], 1, "T%u of seed %llu", tx,
				      (unsigned long long) seed);
			cr_assert_leq(more.terminals[tx], 1, "T%u of seed %llu", tx,
				      (unsigned long long) seed);
		}
		count.stuck += once.n_stuck;
		count.records += once.n_records;
	}
	fprintf(stderr, "recovery: %u runs, %u of them damaged, %u records, %u stuck\n", 2 * rounds,
		count.damaged, count.records, count.stuck);
	cr_expect(count.damaged > rounds / 4 && count.records > rounds);
}
