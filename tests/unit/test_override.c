/* Invariants that people lift: who, for how long, and what ends it. */
#include "policy/override.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "config_env.h"

#include "base/clock.h"

#define MINUTE (60 * US_PER_S)
#define NOW    (1000 * MINUTE)

static struct schema *schema;
static struct config *config;
static struct overrides *list;

static const char text[] = "set mgmt = flow { 192.0.2.1 -> ssh }\n"
			   "group noc { ann, bob, %s }\n"
			   "group oncall { ann, dan }\n"
			   "invariant \"management path\" {\n"
			   "  require every mgmt reachable%s\n"
			   "  override by 2 of noc, oncall for 30m\n}\n"
			   "invariant \"never\" { require new blackhole == 0 }\n";

static struct config *load(const char *third, const char *more)
{
	struct config_env env = env_make(schema, NULL);
	struct diag_list diags = { 0 };
	struct config *c = NULL;
	char buf[1000];

	(void) snprintf(buf, sizeof(buf), text, third, more);
	cr_assert_eq(config_load_text("t", buf, &env, &diags, &c), 0, "%s",
		     diags.n ? diags.item[0].text : "");
	diag_done(&diags);
	return c;
}

static void open_world(void)
{
	const uint8_t nonce[APPROVAL_NONCE] = { 7 };

	schema = env_schema();
	config = load("cid", "");
	list = overrides_new(nonce);
}

static void close_world(void)
{
	overrides_free(list);
	config_free(config);
	schema_free(schema);
}

TestSuite(override, .init = open_world, .fini = close_world);

static const struct policy_invariant *path(void)
{
	return &config->policy->invariant[0];
}

static int ask(const char *user, uint64_t minutes, uint64_t now_us)
{
	return override_ask(list, config, path(), user, minutes * MINUTE, now_us);
}

static bool lifted(uint64_t now_us)
{
	return override_in_force(list, path(), now_us, NULL, NULL);
}

static void lift(uint64_t minutes)
{
	cr_assert_eq(ask("ann", minutes, NOW), 1);
	cr_assert_eq(ask("bob", minutes, NOW), 0);
	cr_assert_eq(override_begin(list, path(), NOW), NOW + minutes * MINUTE);
}

Test(override, wants_so_many_different_people_and_a_word_that_it_is_on_record)
{
	uint64_t until;
	const char *who;

	cr_assert_not(lifted(NOW));
	cr_assert_eq(ask("eve", 20, NOW), -EPERM);
	cr_assert_eq(ask("ann", 31, NOW), -ERANGE);
	cr_assert_eq(ask("ann", 0, NOW), -ERANGE);
	cr_assert_eq(ask("ann", 30, NOW), 1);
	cr_assert_eq(ask("ann", 30, NOW), -EALREADY, "in two groups, one person");
	cr_assert_eq(override_begin(list, path(), NOW), 0, "one is not enough");
	cr_assert_eq(ask("dan", 20, NOW + MINUTE), 0);
	cr_assert_not(lifted(NOW + MINUTE), "not before it is on record");
	cr_assert_eq(override_begin(list, path(), NOW + MINUTE), NOW + 21 * MINUTE, "the shortest");
	cr_assert(override_in_force(list, path(), NOW + 2 * MINUTE, &until, &who));
	cr_assert_eq(until, NOW + 21 * MINUTE);
	cr_assert_str_eq(who, "ann, dan");
	cr_assert_eq(ask("bob", 30, NOW + 2 * MINUTE), -EALREADY, "it is not made longer");
	cr_assert_eq(override_begin(list, path(), NOW + 2 * MINUTE), 0);
	cr_assert_not(override_in_force(list, &config->policy->invariant[1], NOW, NULL, NULL));
	cr_assert_eq(override_ask(list, config, &config->policy->invariant[1], "ann", MINUTE, NOW),
		     -EPERM, "this one has no override");
	cr_assert_not(override_in_force(NULL, path(), NOW, NULL, NULL));
}

struct heard {
	unsigned n;
	char why[100];
};

static void on_over(void *data, const char *invariant, const char *who, const char *why)
{
	struct heard *h = data;

	cr_expect_str_eq(invariant, "management path");
	cr_expect_str_eq(who, "ann, bob");
	(void) copy_text(h->why, sizeof(h->why), why);
	h->n++;
}

Test(override, ends_by_itself_also_when_the_clock_jumps)
{
	struct heard h = { 0 };

	lift(20);
	cr_assert(lifted(NOW + 20 * MINUTE - 1));
	cr_assert_not(lifted(NOW + 20 * MINUTE), "to the microsecond, without a sweep");
	cr_assert_not(lifted(NOW + 500 * MINUTE), "suspended for long");
	cr_assert_eq(overrides_sweep(list, config, NOW + MINUTE, on_over, &h), NOW + 20 * MINUTE);
	cr_assert_eq(h.n, 0);
	cr_assert_eq(overrides_sweep(list, config, NOW + 500 * MINUTE, on_over, &h), US_INFINITY);
	cr_assert_eq(h.n, 1);
	cr_assert_str_eq(h.why, "its time is over");
	cr_assert_not(lifted(NOW + MINUTE), "a clock that goes back brings nothing back");

	lift(20);
	cr_assert_eq(override_end(list, "management path"), 0);
	cr_assert_not(lifted(NOW));
	cr_assert_eq(override_end(list, "management path"), -ENOENT);
}

Test(override, a_lonely_request_lapses)
{
	struct heard h = { 0 };

	cr_assert_eq(ask("ann", 20, NOW), 1);
	cr_assert_eq(overrides_sweep(list, config, NOW, on_over, &h), NOW + OVERRIDE_ASK_US);
	cr_assert_eq(ask("bob", 20, NOW + OVERRIDE_ASK_US), 1, "ann's is too old");
	cr_assert_eq(override_begin(list, path(), NOW + OVERRIDE_ASK_US), 0);
	cr_assert_eq(ask("ann", 20, NOW + OVERRIDE_ASK_US + MINUTE), 0);
	(void) overrides_sweep(list, config, NOW + 3 * OVERRIDE_ASK_US, on_over, &h);
	cr_assert_eq(override_begin(list, path(), NOW + 3 * OVERRIDE_ASK_US), 0);
	cr_assert_eq(h.n, 0, "it was never in force");
}

Test(override, never_outlives_its_text_or_its_people)
{
	static const struct {
		const char *third, *more, *why;
	} c[] = {
		{ "cid", "\n  require new blackhole == 0", "the invariant reads differently now" },
		{ "cid", "\n  if broken now allow when not worse",
		  "the invariant reads differently now" },
		{ "cid", " with 1 link lost", "the invariant reads differently now" },
		{ "fay", "", NULL },
	};
	struct config *old = config;

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++) {
		struct heard h = { 0 };

		lift(20);
		config = load(c[i].third, c[i].more);
		cr_expect_eq(lifted(NOW + 1), c[i].why == NULL, "%u: before any sweep", i);
		(void) overrides_sweep(list, config, NOW + 1, on_over, &h);
		cr_expect_eq(h.n, c[i].why ? 1 : 0);
		cr_expect_str_eq(h.why, c[i].why ? c[i].why : "");
		config_free(config);
		config = old;
		if (!c[i].why)
			cr_expect_eq(override_end(list, "management path"), 0);
	}

	/* bob is in no group any more. */
	lift(20);
	free(config->group[0].user[1]);
	config->group[0].user[1] = strdup("boris");
	{
		struct heard h = { 0 };

		(void) overrides_sweep(list, config, NOW + 1, on_over, &h);
		cr_expect_eq(h.n, 1);
		cr_expect(strstr(h.why, "in none of its groups"), "%s", h.why);
	}
}

Test(override, codes_are_for_this_text_this_time_and_once)
{
	uint8_t a[APPROVAL_HASH], b[APPROVAL_HASH];
	struct config *other;

	override_hash(list, path(), 20 * MINUTE, a);
	override_hash(list, path(), 20 * MINUTE, b);
	cr_assert_eq(memcmp(a, b, sizeof(a)), 0);
	override_hash(list, path(), 21 * MINUTE, b);
	cr_assert_neq(memcmp(a, b, sizeof(a)), 0);
	other = load("cid", " with 1 link lost");
	override_hash(list, &other->policy->invariant[0], 20 * MINUTE, b);
	cr_assert_neq(memcmp(a, b, sizeof(a)), 0);
	config_free(other);
	lift(20);
	override_hash(list, path(), 20 * MINUTE, b);
	cr_assert_neq(memcmp(a, b, sizeof(a)), 0, "the next one has another");
	override_hash(list, path(), 20 * MINUTE, a);
	cr_assert_eq(override_end(list, "management path"), 0);
	override_hash(list, path(), 20 * MINUTE, b);
	cr_assert_neq(memcmp(a, b, sizeof(a)), 0);
}

Test(override, five_wrong_codes_and_ten_minutes_of_rest)
{
	for (unsigned left = APPROVAL_TRIES; left-- > 0;)
		cr_assert_eq(override_wrong_code(list, "ann", NOW), left);
	cr_assert_eq(ask("ann", 20, NOW + OVERRIDE_ASK_US - 1), -EACCES);
	cr_assert_eq(ask("bob", 20, NOW), 1);
	cr_assert_eq(ask("ann", 20, NOW + OVERRIDE_ASK_US), 1, "bob's has lapsed, ann may again");
	cr_assert_eq(override_wrong_code(list, "ann", NOW + 2 * OVERRIDE_ASK_US),
		     APPROVAL_TRIES - 1);
	for (unsigned i = 0; i < 3 * APPROVERS_MAX; i++) {
		char user[16];

		(void) snprintf(user, sizeof(user), "u%u", i);
		(void) override_wrong_code(list, user, NOW + i);
	}
}

Test(override, what_is_in_force_is_saved_and_read_again)
{
	static const char *const broken[] = {
		"{}",
		"[1]",
		"[{}]",
#define HEX "0000000000000000000000000000000000000000000000000000000000000000"
		"[{\"invariant\":\"x\",\"text\":\"00\",\"until_us\":61000000000,\"people\":[\"a\"]}"
		"]",
		"[{\"invariant\":7,\"text\":\"" HEX
		"\",\"until_us\":61000000000,\"people\":[\"a\"]}]",
		"[{\"invariant\":\"x\",\"text\":\"" HEX "\",\"until_us\":1e18,\"people\":[\"a\"]}]",
		"[{\"invariant\":\"x\",\"text\":\"" HEX "\",\"until_us\":-1,\"people\":[\"a\"]}]",
		"[{\"invariant\":\"x\",\"text\":\"" HEX
		"\",\"until_us\":61000000000,\"people\":[]}]",
		"[{\"invariant\":\"x\",\"text\":\"" HEX
		"\",\"until_us\":61000000000,\"people\":[1]}]",
	};
	const uint8_t nonce[APPROVAL_NONCE] = { 9 };
	struct override_info info;
	cJSON *saved;
	const char *who;
	uint64_t until;

	cr_assert_eq(ask("ann", 20, NOW), 1);
	saved = overrides_json(list, NOW);
	cr_assert_eq(cJSON_GetArraySize(saved), 0, "a request is not");
	cJSON_Delete(saved);
	cr_assert_eq(ask("bob", 20, NOW), 0);
	cr_assert_neq(override_begin(list, path(), NOW), 0);
	saved = overrides_json(list, NOW + MINUTE);

	overrides_free(list);
	list = overrides_new(nonce);
	cr_assert_eq(overrides_load(list, saved, NOW + 2 * MINUTE), 0);
	cJSON_Delete(saved);
	cr_assert(override_in_force(list, path(), NOW + 19 * MINUTE, &until, &who));
	cr_assert_eq(until, NOW + 20 * MINUTE, "what is left, not all of it again");
	cr_assert_str_eq(who, "ann, bob");
	cr_assert(override_nth(list, 0, NOW + 19 * MINUTE, &info));
	cr_assert(info.in_force && strcmp(info.who, "ann, bob") == 0);
	cr_assert_not(override_nth(list, 1, NOW, &info));
	cr_assert_not(lifted(NOW + 20 * MINUTE));

	for (unsigned i = 0; i < ARRAY_SIZE(broken); i++) {
		cJSON *o;

		o = cJSON_Parse(broken[i]);
		cr_assert_not_null(o);
		cr_expect_eq(overrides_load(list, o, NOW), -EBADMSG, "%s", broken[i]);
		cJSON_Delete(o);
	}
	cr_assert_not(override_nth(list, 1, NOW, &info));
}
