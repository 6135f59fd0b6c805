/*
 * A budget is never exceeded, however several agents decide and charge in turns, the daemon is
 * restarted in between, and the wall clock jumps.  The seed is printed: ANOD_SEED=N, ANOD_ROUNDS=N.
 *
 * Every charge that was granted is kept with the true time, and each window of the past is counted
 * by hand.
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <string.h>

#include "random_policy.h"

#define ROUNDS	    10000
#define OPS	    30
#define PENDING_MAX 6
#define MINUTE	    (UINT64_C(60) * 1000000)

static const char *const agents[] = { "uplink", "arp", "planner" };
static const char *const links[] = { "wan0", "wan1" };

struct limits { /* of the budget of this round */
	unsigned count, shared;
	uint64_t window_us, shared_us;
	int per; /* 0: none, 1: link, 2: agent */
};

struct charge {
	uint64_t true_us;
	char key[ANOD_NAME_SIZE];
};

struct run {
	struct dice *d;
	struct world w;
	struct limits l;
	uint64_t true_us; /* since the beginning; never jumps */
	unsigned n_charges, n_pending, refused;
	struct charge charge[OPS * 2]; /* granted */
	struct {
		struct decision *d;
		unsigned agent, link;
		bool both; /* links */
	} pending[PENDING_MAX];
};

static void make_policy(struct run *r)
{
	static const char *const per[] = { "", " per link", " per agent" };
	char shared[64] = "", text[700];

	r->l = (struct limits){ .count = 1 + dice_roll(r->d, 3),
				.window_us = (5 + dice_roll(r->d, 50)) * MINUTE,
				.per = (int) dice_roll(r->d, 3) };
	if (dice_roll(r->d, 2)) {
		r->l.shared = r->l.count + dice_roll(r->d, 3);
		r->l.shared_us = r->l.window_us + (1 + dice_roll(r->d, 60)) * MINUTE;
		(void) snprintf(shared, sizeof(shared), " shared %u per %llum", r->l.shared,
				(unsigned long long) (r->l.shared_us / MINUTE));
	}
	/* Two permits of one budget, and one that comes in when there is no room. */
	(void) snprintf(
		text, sizeof(text),
		"budget b = %u per %llum%s%s\n"
		"permit \"one\" { agent any  action link.set  on link { wan0 }  level auto\n"
		" verify within 5s  budget b }\n"
		"permit \"two\" { agent any  action link.set  on link { wan1 }  level auto\n"
		" verify within 5s  budget b }\n"
		"permit \"rest\" { agent arp  action link.set  level observe }\n",
		r->l.count, (unsigned long long) (r->l.window_us / MINUTE), shared, per[r->l.per]);
	world_policy(&r->w, text);
}

static const char *key_of(const struct run *r, unsigned agent, unsigned link)
{
	static const char *const resource[] = { "link wan0", "link wan1" };

	return r->l.per == 0 ? "" : r->l.per == 1 ? resource[link] : agents[agent];
}

/* Decided now, charged some time later, if at all. */
static void decide_some(struct run *r)
{
	unsigned agent = dice_roll(r->d, ARRAY_SIZE(agents)), link = dice_roll(r->d, 2);
	bool both = dice_roll(r->d, 3) == 0;
	struct decision *d;

	for (unsigned i = 0; i <= both; i++) {
		struct anod_action *a =
			i ? world_also(&r->w, "link.set") : world_propose(&r->w, "link.set");

		world_arg(a, "dev", links[link ^ i]);
		world_arg(a, "mtu", "1400");
	}
	d = world_decide(&r->w, agents[agent]);
	if (d->level != LEVEL_AUTO || r->n_pending == PENDING_MAX) {
		r->refused += d->level != LEVEL_AUTO;
		decision_free(d);
		return;
	}
	r->pending[r->n_pending].d = d;
	r->pending[r->n_pending].agent = agent;
	r->pending[r->n_pending].both = both;
	r->pending[r->n_pending++].link = link;
}

static void grant(struct run *r, unsigned agent, unsigned link)
{
	struct charge *c = &r->charge[r->n_charges++];

	c->true_us = r->true_us;
	(void) copy_text(c->key, sizeof(c->key), key_of(r, agent, link));
}

static void charge_some(struct run *r)
{
	const char *why = "";
	unsigned k;

	if (!r->n_pending)
		return;
	k = dice_roll(r->d, r->n_pending);
	if (decide_charge(r->w.budgets, r->pending[k].d, agents[r->pending[k].agent], r->w.now_us,
			  &why) == 0) {
		grant(r, r->pending[k].agent, r->pending[k].link);
		/* One proposal charges once for each key. */
		if (r->pending[k].both && r->l.per == 1)
			grant(r, r->pending[k].agent, r->pending[k].link ^ 1);
	} else {
		r->refused++;
	}
	decision_free(r->pending[k].d);
	r->pending[k] = r->pending[--r->n_pending];
}

static void pass(struct run *r, uint64_t us)
{
	r->true_us += us;
	r->w.now_us += us;
}

/* Boot time begins anew, or goes on; what the wall clock says of the time away is at most true. */
static void restart(struct run *r)
{
	cJSON *saved = budgets_json(r->w.budgets, r->w.now_us);
	uint64_t away_us = dice_roll(r->d, 40) * MINUTE, said_us = away_us;

	if (dice_roll(r->d, 2))
		said_us = dice_roll(r->d, 2) ? 0 : away_us / 2; /* the clock was put back */
	budgets_free(r->w.budgets);
	r->w.budgets = budgets_new();
	r->true_us += away_us;
	if (dice_roll(r->d, 2))
		r->w.now_us = dice_roll(r->d, 10) * MINUTE; /* a reboot */
	else
		r->w.now_us += away_us;
	cr_assert(saved && budgets_load(r->w.budgets, saved, r->w.now_us, said_us) == 0);
	cJSON_Delete(saved);
}

/* Charges within the window that ends with the k-th. */
static unsigned counted(const struct run *r, unsigned k, uint64_t window_us, bool all)
{
	unsigned n = 0;

	for (unsigned i = 0; i <= k; i++)
		n += r->charge[k].true_us - r->charge[i].true_us < window_us &&
		     (all || strcmp(r->charge[i].key, r->charge[k].key) == 0);
	return n;
}

static void check(const struct run *r, unsigned round)
{
	for (unsigned k = 0; k < r->n_charges; k++) {
		cr_assert(counted(r, k, r->l.window_us, false) <= r->l.count, "round %u", round);
		if (r->l.shared)
			cr_assert(counted(r, k, r->l.shared_us, true) <= r->l.shared, "round %u",
				  round);
	}
}

Test(property, a_budget_is_never_exceeded_under_any_interleaving, .timeout = 7200)
{
	struct dice d = { dice_seed("budgets") };
	unsigned n = rounds_of(ROUNDS), charges = 0, refused = 0;
	struct run r = { .d = &d };

	world_init(&r.w);
	world_link(&r.w, 2, "wan0", "uplink", true, true);
	world_link(&r.w, 3, "wan1", "uplink", true, true);
	for (unsigned round = 0; round < n; round++) {
		make_policy(&r);
		budgets_free(r.w.budgets);
		r.w.budgets = budgets_new();
		r.n_charges = r.n_pending = 0;
		for (unsigned op = 0; op < OPS; op++) {
			unsigned what = dice_roll(&d, 10);

			if (what < 4)
				decide_some(&r);
			else if (what < 7)
				charge_some(&r);
			else if (what < 9)
				pass(&r, dice_roll(&d, 15) * MINUTE + dice_roll(&d, 1000));
			else
				restart(&r);
			r.w.wall_us = (UINT64_C(1795359600) + dice_roll(&d, 1000000)) * 1000000;
		}
		check(&r, round);
		charges += r.n_charges;
		while (r.n_pending)
			decision_free(r.pending[--r.n_pending].d);
	}
	refused = r.refused;
	fprintf(stderr, "budgets: %u charges, %u refused\n", charges, refused);
	cr_expect(charges > n / 10 && refused > n / 20);
	world_done(&r.w);
}
