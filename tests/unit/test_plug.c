/* What several plugins share: kinds of several sensors, text made fit, steady counts. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include <anod/list.h>
#include <anod/routing.h>

#include "facts/schema.h"

#define US_PER_S 1000000

Test(plug, an_attribute_may_be_shared_when_all_declare_it_alike)
{
	static const struct anod_attr shared[] = {
		{ "state", ANOD_TEXT, .flags = ANOD_ATTR_SHARED, .max_age_ms = 1000 }, { 0 }
	};
	static const struct anod_attr older[] = {
		{ "state", ANOD_TEXT, .flags = ANOD_ATTR_SHARED, .max_age_ms = 2000 }, { 0 }
	};
	static const struct anod_attr own[] = { { "state", ANOD_TEXT, .max_age_ms = 1000 }, { 0 } };
	const struct anod_kind kind[] = { { "peer", "", shared }, { 0 } };
	const struct anod_kind other[] = { { "peer", "", older }, { 0 } };
	const struct anod_kind mine[] = { { "peer", "", own }, { 0 } };
	struct schema *s = schema_new();
	const char *why;

	cr_assert_eq(schema_declare(s, "a", kind, &why), 0);
	cr_expect_str_eq(schema_attr(s, "peer", "state")->source, "a");
	cr_expect_eq(schema_declare(s, "b", mine, &why), -EEXIST, "not without the flag");
	cr_expect_eq(schema_declare(s, "b", other, &why), -EEXIST, "nor with another age");
	cr_expect_str_eq(schema_attr(s, "peer", "state")->source, "a");
	cr_assert_eq(schema_declare(s, "b", kind, &why), 0);
	cr_expect_str_eq(schema_attr(s, "peer", "state")->source, "a, b");
	cr_expect_eq(schema_n_slots(s, schema_kind_id(s, "peer")), 1);
	schema_free(s);
}

static bool shown(const char *from, size_t size, const char *want)
{
	struct anod_value v = anod_text(from, size);

	return v.type == ANOD_TEXT && strcmp(v.u.text, want) == 0;
}

Test(plug, text_of_others_is_made_fit_to_be_shown)
{
	char longer[100];

	cr_expect(shown("leaf-1", 6, "leaf-1"));
	cr_expect(shown("a\nb\033[2Jc", 8, "a?b?[2Jc"), "no control characters");
	cr_expect(shown("caf\xc3\xa9", 5, "caf\xc3\xa9"), "UTF-8 stays");
	cr_expect(shown("caf\xc3", 4, "caf?"), "half a character does not");
	cr_expect(shown("\xc0\xaf\xed\xa0\x80", 5, "?????"), "too long a form, a surrogate");
	cr_expect(shown("\xc2\x9b", 2, "?"), "C1 controls are controls");
	cr_expect(shown("ab\0cd", 5, "ab"));
	cr_expect(shown("", 0, ""));
	memset(longer, 'x', sizeof(longer));
	memcpy(longer + 54, "\xc3\xa9", 2);
	cr_expect_eq(strlen(anod_text(longer, sizeof(longer)).u.text), 54,
		     "cut in front of what does not fit whole");
}

Test(plug, a_count_is_steady_when_it_stays_and_outlives_its_source)
{
	struct anod_steady s = ANOD_STEADY_NEW;

	cr_expect_eq(anod_steady(&s, 1000, 0, 10 * US_PER_S), -1);
	cr_expect_eq(anod_steady(&s, 1005, 5 * US_PER_S, 10 * US_PER_S), -1);
	cr_expect_eq(anod_steady(&s, 995, 10 * US_PER_S, 10 * US_PER_S), 995);
	cr_expect_eq(anod_steady(&s, 500, 11 * US_PER_S, 10 * US_PER_S), 995, "not yet");
	cr_expect_eq(anod_steady(&s, -1, 12 * US_PER_S, 10 * US_PER_S), 995, "it has ended");
	cr_expect_eq(anod_steady(&s, 100, 13 * US_PER_S, 10 * US_PER_S), 995);
	cr_expect_eq(anod_steady(&s, 100, 22 * US_PER_S, 10 * US_PER_S), 995);
	cr_expect_eq(anod_steady(&s, 100, 23 * US_PER_S, 10 * US_PER_S), 100);
	s = (struct anod_steady) ANOD_STEADY_NEW;
	cr_expect_eq(anod_steady(&s, 0, 0, 1), -1);
	cr_expect_eq(anod_steady(&s, 0, 1, 1), 0, "an empty table can be steady");
}
