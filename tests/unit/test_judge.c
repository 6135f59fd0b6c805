/*
 * Properties of the semantics of policy.md 2.1, on random small policies.  The seed is printed;
 * ANOD_SEED=N repeats a run, ANOD_ROUNDS=N makes it longer.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "world.h"

#define STATEMENTS_MAX 10
#define TEXT_SIZE      512

struct statements {
	unsigned n;
	char text[STATEMENTS_MAX + 1][TEXT_SIZE];
};

static const char *pick(struct dice *d, const char *const *list, unsigned n)
{
	return list[dice_roll(d, n)];
}

/* Facts that the guards read, with the values that matter to them. */
static const struct {
	const char *kind, *entity, *attr;
	const char *value[4];
} facts[] = {
	{ "link", "wan0", "a", { "1", "5", "9", "5" } },
	{ "link", "wan1", "a", { "1", "5", "9", "5" } },
	{ "link", "wan0", "b", { "true", "false", "true", "false" } },
	{ "link", "wan1", "c", { "red", "blue", "red", "green" } },
	{ "link", "wan0", "role", { "uplink", "core", "uplink", "uplink" } },
	{ "link", "wan1", "role", { "uplink", "core", "uplink", "uplink" } },
	{ "link", "wan0", "rx_loss", { "0%", "1%", "5%", "50%" } },
	{ "path", "wan0", "loss", { "0%", "1%", "5%", "50%" } },
};

static void random_guard(struct dice *d, unsigned depth, char *buf, size_t size)
{
	static const char *const leaf[] = {
		"link.wan0.a > 3",
		"link.wan1.a == 5",
		"link.a <= 5",
		"link.wan0.b",
		"link.wan1.c == red",
		"link.wan1.c != blue",
		"link.rx_loss > 2%",
		"path.wan0.loss < 2%",
		"link.wan0.a + link.wan1.a > 9",
		"link.wan0.a / link.wan1.a >= 1",
		"link.wan0.a > link.wan1.a",
		"count(uplinks up) >= 2",
		"any(link where a > 7)",
		"every(uplinks where a < 7)",
		"link.wan0.b for 10s",
		"action.kind == \"link.set\"",
		"model.confidence > 50%",
		"path.wan9.loss > 1%",
	};
	char a[120], b[120];

	if (depth == 0 || dice_roll(d, 3) == 0) {
		(void) copy_text(buf, size, pick(d, leaf, ARRAY_SIZE(leaf)));
		return;
	}
	random_guard(d, depth - 1, a, sizeof(a));
	random_guard(d, depth - 1, b, sizeof(b));
	switch (dice_roll(d, 3)) {
	case 0:
		(void) snprintf(buf, size, "(%s and %s)", a, b);
		break;
	case 1:
		(void) snprintf(buf, size, "(%s or %s)", a, b);
		break;
	default:
		(void) snprintf(buf, size, "not (%s)", a);
		break;
	}
}

static void random_rule(struct dice *d, const char *kind, unsigned n, char *buf)
{
	static const char *const agents[] = { "uplink", "any", "doctors", "arp" };
	static const char *const actions[] = { "link.set", "link.*", "any", "route.del" };
	static const char *const levels[] = { "observe", "propose", "approve",
					      "auto\n verify within 5s that link.wan1.carrier" };
	static const char *const ons[] = { "", " on uplinks\n", " on link { wan0 }\n",
					   " on link { wan1, wan2 }\n" };
	static const char *const ceilings[] = { "observe", "propose", "approve" };
	char guard[260], when[280] = "";

	if (dice_roll(d, 4)) {
		random_guard(d, 2, guard, sizeof(guard));
		(void) snprintf(when, sizeof(when), " when %s\n", guard);
	}
	if (strcmp(kind, "permit") == 0)
		(void) snprintf(buf, TEXT_SIZE,
				"permit \"p%u\" {\n agent %s\n action %s\n%s%s level %s\n}\n", n,
				pick(d, agents, 4), pick(d, actions, 4), pick(d, ons, 4), when,
				pick(d, levels, 4));
	else if (strcmp(kind, "cap") == 0)
		(void) snprintf(buf, TEXT_SIZE, "cap \"c%u\" {\n agent %s\n%s%s to %s\n}\n", n,
				pick(d, agents, 4), pick(d, ons, 4), when, pick(d, ceilings, 3));
	else
		(void) snprintf(buf, TEXT_SIZE, "forbid \"f%u\" {\n agent %s\n action %s\n%s%s}\n",
				n, pick(d, agents, 4), pick(d, actions, 4), pick(d, ons, 4), when);
}

static void random_invariant(struct dice *d, unsigned n, char *buf)
{
	static const char *const requires[] = {
		"count(uplinks up) >= 1", "count(uplinks up) >= 2", "count(uplinks up) != 0",
		"link.wan0.a < 9",	  "new blackhole == 0",	    "moved prefixes <= 5",
	};

	(void) snprintf(buf, TEXT_SIZE, "invariant \"i%u\" {\n require %s\n%s}\n", n,
			pick(d, requires, ARRAY_SIZE(requires)),
			dice_roll(d, 2) ? " if broken now allow when not worse\n" : "");
}

static void random_policy(struct dice *d, struct statements *s)
{
	s->n = 1 + dice_roll(d, STATEMENTS_MAX - 1);
	for (unsigned i = 0; i < s->n; i++) {
		unsigned kind = i == 0 ? 0 : dice_roll(d, 8);

		if (kind < 5)
			random_rule(d, "permit", i, s->text[i]);
		else if (kind == 5)
			random_rule(d, "cap", i, s->text[i]);
		else if (kind == 6)
			random_rule(d, "forbid", i, s->text[i]);
		else
			random_invariant(d, i, s->text[i]);
	}
}

static void load(struct world *w, const struct statements *s)
{
	char text[(STATEMENTS_MAX + 2) * TEXT_SIZE];
	int n = snprintf(text, sizeof(text),
			 "set uplinks = link where role == uplink\n"
			 "set doctors = agent { uplink, planner }\n");

	for (unsigned i = 0; i < s->n; i++)
		n += snprintf(text + n, sizeof(text) - (size_t) n, "%s", s->text[i]);
	world_policy(w, text);
}

static void random_proposal(struct dice *d, struct world *w)
{
	struct anod_action *a = world_propose(w, "link.set");

	world_arg(a, "dev", dice_roll(d, 2) ? "wan0" : "wan1");
	if (dice_roll(d, 2))
		world_arg(a, "mtu", dice_roll(d, 2) ? "1400" : "9000");
	else
		world_arg(a, "admin", "down");
}

static void setup(struct world *w)
{
	world_init(w);
	world_link(w, 2, "wan0", NULL, true, true);
	world_link(w, 3, "wan1", NULL, true, true);
	world_route(w, "0.0.0.0/0", 100, NULL, 2);
	world_route(w, "0.0.0.0/0", 200, NULL, 3);
	world_route(w, "10.0.0.0/8", 0, NULL, 2);
}

static unsigned rounds(unsigned usual)
{
	const char *text = getenv("ANOD_ROUNDS");

	return text ? (unsigned) strtoul(text, NULL, 0) : usual;
}

static void set_fact(struct world *w, unsigned i, const char *value)
{
	world_fact(w, facts[i].kind, facts[i].entity, facts[i].attr, value);
}

/* Each fact known or not; returns which are unknown. */
static unsigned random_facts(struct dice *d, struct world *w)
{
	unsigned unknown = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(facts); i++) {
		bool known = dice_roll(d, 3) != 0;

		set_fact(w, i, known ? facts[i].value[dice_roll(d, 4)] : "unknown");
		unknown |= known ? 0 : 1u << i;
	}
	return unknown;
}

static void complete(struct dice *d, struct world *w, unsigned unknown)
{
	for (unsigned i = 0; i < ARRAY_SIZE(facts); i++)
		if (unknown & 1u << i)
			set_fact(w, i, facts[i].value[dice_roll(d, 4)]);
}

Test(judge, an_allow_with_unknown_facts_stays_allowed_however_they_turn_out)
{
	struct dice d = { dice_seed("completion theorem") };
	unsigned n = rounds(10000), allowed = 0, completions = 0;
	struct world w;

	setup(&w);
	for (unsigned round = 0; round < n; round++) {
		struct statements s;
		unsigned unknown;
		enum level now;

		random_policy(&d, &s);
		load(&w, &s);
		random_proposal(&d, &w);
		unknown = random_facts(&d, &w);
		now = world_level(&w, "uplink");
		if (now == LEVEL_DENY || !unknown)
			continue;
		allowed++;
		for (int i = 0; i < 4; i++) {
			enum level then;

			complete(&d, &w, unknown);
			then = world_level(&w, "uplink");
			completions++;
			cr_assert(then >= now, "round %u: %s became %s\n%s%s%s", round,
				  level_name(now), level_name(then), s.text[0],
				  s.n > 1 ? s.text[1] : "", s.n > 2 ? s.text[2] : "");
		}
	}
	fprintf(stderr,
		"completion theorem: %u policies, %u allowed with unknown facts, "
		"%u completions\n",
		n, allowed, completions);
	cr_expect(allowed > n / 20);
	world_done(&w);
}

static void shuffle(struct dice *d, struct statements *s)
{
	for (unsigned i = s->n - 1; i > 0; i--) {
		unsigned k = dice_roll(d, i + 1);
		char swap[TEXT_SIZE];

		memcpy(swap, s->text[i], TEXT_SIZE);
		memcpy(s->text[i], s->text[k], TEXT_SIZE);
		memcpy(s->text[k], swap, TEXT_SIZE);
	}
}

Test(judge, the_order_of_statements_means_nothing)
{
	struct dice d = { dice_seed("order") };
	struct world w;

	setup(&w);
	for (unsigned round = 0; round < rounds(2000); round++) {
		struct decision *a, *b;
		struct statements s;
		char permit[64];

		random_policy(&d, &s);
		load(&w, &s);
		random_proposal(&d, &w);
		(void) random_facts(&d, &w);
		a = world_decide(&w, "uplink");
		(void) copy_text(permit, sizeof(permit), a->permit ? a->permit->name : "");
		/* The record outlives its policy here, so only what it owns is looked at. */
		shuffle(&d, &s);
		load(&w, &s);
		b = world_decide(&w, "uplink");
		cr_assert(a->level == b->level, "round %u", round);
		cr_assert_str_eq(permit, b->permit ? b->permit->name : "");
		if (a->level > LEVEL_DENY || !a->n_invariants)
			cr_assert_str_eq(a->reason, b->reason);
		cr_assert(!a->flip == !b->flip, "round %u", round);
		if (a->flip && a->level > LEVEL_DENY)
			cr_assert_str_eq(a->flip, b->flip);
		decision_free(a);
		decision_free(b);
	}
	world_done(&w);
}

Test(judge, more_forbids_and_caps_never_raise_and_more_permits_never_lower)
{
	struct dice d = { dice_seed("monotone") };
	struct world w;

	setup(&w);
	for (unsigned round = 0; round < rounds(3000); round++) {
		struct statements s;
		enum level before, after;
		unsigned kind = dice_roll(&d, 4);

		random_policy(&d, &s);
		load(&w, &s);
		random_proposal(&d, &w);
		(void) random_facts(&d, &w);
		before = world_level(&w, "uplink");
		if (kind == 3)
			random_invariant(&d, 99, s.text[s.n++]);
		else
			random_rule(&d,
				    kind == 0	? "permit"
				    : kind == 1 ? "cap"
						: "forbid",
				    99, s.text[s.n++]);
		load(&w, &s);
		after = world_level(&w, "uplink");
		if (kind == 0)
			cr_assert(after >= before, "round %u: %s", round, s.text[s.n - 1]);
		/* A further invariant may excuse another by what it sees shrink. */
		else if (kind != 3)
			cr_assert(after <= before, "round %u: %s", round, s.text[s.n - 1]);
	}
	world_done(&w);
}

/* Every fact that a flip names is tried by a fresh decision. */
Test(judge, a_flip_flips)
{
	struct dice d = { dice_seed("flip") };
	unsigned flips = 0;
	struct world w;

	setup(&w);
	for (unsigned round = 0; round < rounds(2000); round++) {
		char kind[16], entity[16], attr[16], op[16], value[16] = "";
		struct statements s;
		struct decision *before;
		enum level level;
		int n;

		random_policy(&d, &s);
		load(&w, &s);
		random_proposal(&d, &w);
		(void) random_facts(&d, &w);
		before = world_decide(&w, "uplink");
		level = before->level;
		n = before->flip ? sscanf(before->flip, "%15[a-z].%15[a-z0-9].%15[a-z_] %15s %15s",
					  kind, entity, attr, op, value)
				 : 0;
		/* "X for 10s" wants history, and the model has carrier and admin_up. */
		if (n < 4 || strstr(before->flip, " for ") || strcmp(attr, "carrier") == 0 ||
		    strcmp(attr, "admin_up") == 0) {
			decision_free(before);
			continue;
		}
		if (op[0] == 't' || op[0] == 'f') {
			world_fact(&w, kind, entity, attr, op);
		} else if (strcmp(op, "==") == 0 || strcmp(op, "<=") == 0 ||
			   strcmp(op, ">=") == 0) {
			world_fact(&w, kind, entity, attr, value);
		} else {
			decision_free(before);
			continue;
		}
		flips++;
		cr_assert(world_level(&w, "uplink") > level, "round %u: %s", round, before->flip);
		decision_free(before);
	}
	fprintf(stderr, "flip: %u tried\n", flips);
	cr_expect(flips > 50);
	world_done(&w);
}
