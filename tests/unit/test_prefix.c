#include "facts/value.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

static struct anod_prefix parse(const char *text)
{
	struct anod_prefix p;

	cr_assert(eq(int, prefix_parse(text, &p), 0), "%s", text);
	return p;
}

Test(prefix, reads_and_writes_addresses_and_prefixes)
{
	static const char *const pair[][2] = {
		{ "192.0.2.0/24", "192.0.2.0/24" },   { "0.0.0.0/0", "0.0.0.0/0" },
		{ "192.0.2.1", "192.0.2.1" },	      { "192.0.2.1/32", "192.0.2.1" },
		{ "2001:DB8::/32", "2001:db8::/32" }, { "::/0", "::/0" },
		{ "2001:db8:0::1", "2001:db8::1" },   { "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pair); i++) {
		struct anod_prefix p = parse(pair[i][0]);
		char buf[64];

		cr_expect_str_eq(prefix_format(&p, buf, sizeof(buf)), pair[i][1]);
	}
}

Test(prefix, refuses_what_is_no_address_and_shows_where_host_bits_are_set)
{
	static const char *const bad[] = {
		"",
		"192.0.2",
		"192.0.2.1/33",
		"192.0.2.0/",
		"192.0.2.0/-1",
		"192.0.2.0/024",
		"192.0.2.0/ 24",
		"2001:db8::/129",
		"wan0",
		"192.0.2.256",
		"1.2.3.4/99999999999",
		"2001:db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:1",
	};
	struct anod_prefix p;
	char buf[64];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cr_expect(eq(int, prefix_parse(bad[i], &p), -EINVAL), "%s", bad[i]);
		cr_expect(eq(int, p.family, 0), "%s", bad[i]);
	}
	cr_expect(eq(int, prefix_parse("192.0.2.1/24", &p), -EINVAL));
	cr_expect_str_eq(prefix_format(&p, buf, sizeof(buf)), "192.0.2.0/24");
}

Test(prefix, knows_what_lies_inside_what)
{
	static const struct {
		const char *outer, *inner;
		bool contains, overlaps;
	} row[] = {
		{ "10.0.0.0/8", "10.1.0.0/16", true, true },
		{ "10.1.0.0/16", "10.0.0.0/8", false, true },
		{ "10.0.0.0/9", "10.128.0.0/9", false, false },
		{ "0.0.0.0/0", "192.0.2.1", true, true },
		{ "0.0.0.0/0", "2001:db8::1", false, false },
		{ "2001:db8::/33", "2001:db8:8000::/33", false, false },
		{ "192.0.2.1", "192.0.2.1", true, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct anod_prefix a = parse(row[i].outer), b = parse(row[i].inner);

		cr_expect(eq(int, prefix_contains(&a, &b), row[i].contains), "row %zu", i);
		cr_expect(eq(int, prefix_overlaps(&a, &b), row[i].overlaps), "row %zu", i);
	}
}
