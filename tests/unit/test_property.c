/*
 * What policy promises, on random policies over the whole language.  The seed is printed:
 * ANOD_SEED=N repeats a run, ANOD_ROUNDS=N makes it longer (make check-long: a million).
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <string.h>

#include "policy/budget.h"
#include "policy/record.h"
#include "random_policy.h"

#define ROUNDS	    10000
#define COMPLETIONS 3

static void show(const struct statements *s)
{
	for (unsigned i = 0; i < s->n; i++)
		fprintf(stderr, "%s", s->text[i]);
}

/* Policy, proposal and facts of a round; true when it can be planned. */
static bool throw_all(struct dice *d, struct world *w, struct statements *s, struct history *h)
{
	random_statements(d, s);
	load_statements(w, s);
	random_proposal(d, w);
	random_history(d, h);
	live(w, h);
	return true;
}

Test(property, an_allow_with_unknown_facts_stays_allowed_under_every_completion, .timeout = 7200)
{
	struct dice d = { dice_seed("completion") };
	unsigned n = rounds_of(ROUNDS), allowed = 0, grew = 0;
	struct world w;

	random_world(&w);
	for (unsigned round = 0; round < n; round++) {
		struct history h, full;
		struct statements s;
		const char *agent = random_agent(&d);
		enum level now;

		throw_all(&d, &w, &s, &h);
		now = world_level(&w, agent);
		if (now == LEVEL_DENY)
			continue;
		allowed++;
		for (int i = 0; i < COMPLETIONS; i++) {
			enum level then;

			full = h;
			complete_history(&d, &full);
			live(&w, &full);
			then = world_level(&w, agent);
			grew += then > now;
			if (then < now)
				show(&s);
			cr_assert(then >= now, "round %u: %s became %s", round, level_name(now),
				  level_name(then));
		}
	}
	fprintf(stderr, "completion: %u policies, %u allowed, %u completions allowed more\n", n,
		allowed, grew);
	cr_expect(allowed > n / 20 && grew > allowed / 20);
	world_done(&w);
}

static void shuffle(struct dice *d, struct statements *s)
{
	for (unsigned i = s->n - 1; i > 0; i--) {
		unsigned k = dice_roll(d, i + 1);
		char swap[STATEMENT_SIZE];

		memcpy(swap, s->text[i], STATEMENT_SIZE);
		memcpy(s->text[i], s->text[k], STATEMENT_SIZE);
		memcpy(s->text[k], swap, STATEMENT_SIZE);
	}
}

Test(property, the_order_of_statements_means_nothing, .timeout = 7200)
{
	struct dice d = { dice_seed("order") };
	unsigned n = rounds_of(ROUNDS);
	struct world w;

	random_world(&w);
	for (unsigned round = 0; round < n; round++) {
		_cleanup_(decision_freep) struct decision *a = NULL, *b = NULL;
		const char *agent = random_agent(&d);
		struct statements s;
		struct history h;

		throw_all(&d, &w, &s, &h);
		a = world_decide(&w, agent);
		shuffle(&d, &s);
		load_statements(&w, &s);
		live(&w, &h);
		b = world_decide(&w, agent);
		/* The first one outlives its policy, so only what it owns is looked at. */
		if (a->level != b->level || strcmp(a->permit_name, b->permit_name) != 0)
			show(&s);
		cr_assert(a->level == b->level, "round %u: %s, then %s", round, a->reason,
			  b->reason);
		cr_assert_str_eq(a->permit_name, b->permit_name);
		cr_assert(!a->flip == !b->flip && !a->suggest == !b->suggest, "round %u", round);
		if (a->level > LEVEL_DENY)
			cr_assert_str_eq(a->reason, b->reason);
	}
	world_done(&w);
}

Test(property, a_forbid_or_cap_never_raises_and_a_permit_never_lowers, .timeout = 7200)
{
	struct dice d = { dice_seed("monotone") };
	unsigned n = rounds_of(ROUNDS), moved = 0;
	struct world w;

	random_world(&w);
	for (unsigned round = 0; round < n; round++) {
		static const char *const kinds[] = { "permit", "cap", "forbid" };
		const char *agent = random_agent(&d), *kind = kinds[dice_roll(&d, 3)];
		enum level before, after;
		struct statements s;
		struct history h;

		throw_all(&d, &w, &s, &h);
		before = world_level(&w, agent);
		random_statement(&d, kind, 99, s.text[s.n++]);
		load_statements(&w, &s);
		live(&w, &h);
		after = world_level(&w, agent);
		moved += before != after;
		if (kind[0] == 'p' ? after < before : after > before)
			show(&s);
		if (kind[0] == 'p')
			cr_assert(after >= before, "round %u", round);
		else
			cr_assert(after <= before, "round %u", round);
	}
	fprintf(stderr, "monotone: %u of %u answers moved\n", moved, n);
	cr_expect(moved > n / 50);
	world_done(&w);
}

/* ---- the record ------------------------------------------------------------------------- */

static char *json_of(struct world *w, const char *agent, struct decisions *pool)
{
	struct decide_in in = { .pool = pool,
				.config = w->config,
				.store = w->store,
				.watches = w->watches,
				.whatif = w->whatif,
				.in_sync = true,
				.budgets = w->budgets,
				.find = world_find,
				.agent = agent,
				.proposal = &w->proposal,
				.evidence = w->evidence,
				.now_us = w->now_us,
				.wall_us = w->wall_us };
	_cleanup_(decision_freep) struct decision *d = NULL;
	cJSON *o;
	char *text;

	cr_assert(decide(&in, &d) == 0);
	o = decision_json(d);
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return text;
}

Test(property, every_decision_has_a_reason_and_a_replay_gives_the_same_bytes, .timeout = 7200)
{
	struct dice d = { dice_seed("replay") };
	_cleanup_(decisions_freep) struct decisions *pool = decisions_new();
	unsigned n = rounds_of(ROUNDS);
	struct world w;

	random_world(&w);
	for (unsigned round = 0; round < n; round++) {
		const char *agent = random_agent(&d);
		_cleanup_(freep) char *first = NULL, *second = NULL, *third = NULL;
		struct decision *known;
		struct statements s;
		struct history h;

		throw_all(&d, &w, &s, &h);
		known = world_decide(&w, agent);
		/* A rule or an invariant by its name, or what stands above them. */
		cr_assert(strchr(known->reason, '"') || strstr(known->reason, "not possible") ||
				  strstr(known->reason, "no permit names agent"),
			  "round %u: %s", round, known->reason);
		decision_free(known);
		first = json_of(&w, agent, pool);
		second = json_of(&w, agent, pool);
		live(&w, &h); /* from the facts on */
		third = json_of(&w, agent, NULL);
		cr_assert_str_eq(first, second);
		cr_assert_str_eq(first, third);
	}
	world_done(&w);
}

/* ---- flat guards ------------------------------------------------------------------------ */

/* policy.md: a permit for each of the links, the others for one; by the trees alone. */
static enum anod_tri tree_truth(const struct decide_in *in, const struct act *act,
				const struct policy_rule *r)
{
	bool all = r->kind == RULE_PERMIT;
	enum anod_tri links = all ? ANOD_TRUE : ANOD_FALSE, agent;
	struct ask q;

	ask_init(&q, in, act, NULL, NULL);
	agent = ask_agent(&q, r);
	for (unsigned i = 0; i < MAX_OF(act->n_links, 1u); i++) {
		enum anod_tri on, when;

		q.link = i < act->n_links ? act->link[i] : NULL;
		on = ask_on(&q, r);
		when = r->when ? ask_truth(&q, r->when) : ANOD_TRUE;
		on = MIN_OF(on, when);
		links = all ? MIN_OF(links, on) : MAX_OF(links, on);
	}
	if (all && r->n_on && !act->links_known)
		links = MIN_OF(links, ANOD_DOUBT);
	return MIN_OF(agent, links);
}

Test(property, a_flat_guard_has_the_truth_of_its_tree, .timeout = 7200)
{
	struct dice d = { dice_seed("flat") };
	unsigned n = rounds_of(ROUNDS), judged[3] = { 0 };
	struct world w;

	random_world(&w);
	for (unsigned round = 0; round < n; round++) {
		const char *agent = random_agent(&d);
		struct statements s;
		struct decision *made;
		struct history h;

		throw_all(&d, &w, &s, &h);
		made = world_decide(&w, agent);
		for (unsigned i = 0; i < made->n_rules; i++) {
			const struct decided_rule *r = &made->rule[i];
			struct decide_in in = { .config = w.config,
						.store = w.store,
						.watches = w.watches,
						.whatif = w.whatif,
						.agent = agent,
						.proposal = &w.proposal,
						.evidence = w.evidence,
						.now_us = w.now_us };
			enum anod_tri tree =
				tree_truth(&in, &made->record->act[r->action], r->rule);

			if (r->rule->during)
				continue;
			judged[tree]++;
			if (r->truth != tree)
				show(&s);
			cr_assert(r->truth == tree, "round %u: %s is %s, its tree %s: %s", round,
				  r->rule->name, tri_name(r->truth), tri_name(tree), r->why);
		}
		decision_free(made);
	}
	fprintf(stderr, "flat: %u false, %u unknown, %u true\n", judged[0], judged[1], judged[2]);
	cr_expect(judged[0] > n / 10 && judged[1] > n / 10 && judged[2] > n / 10);
	world_done(&w);
}
