#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/action_text.h"

#define TEXT(n, r)                                                                                 \
	{                                                                                          \
		.name = n, .type = ANOD_TEXT, .required = r                                        \
	}
#define INT(n, r, lo, hi)                                                                          \
	{                                                                                          \
		.name = n, .type = ANOD_INT, .required = r, .min = lo, .max = hi                   \
	}
#define PREFIX(n, r)                                                                               \
	{                                                                                          \
		.name = n, .type = ANOD_PREFIX, .required = r                                      \
	}

static const char *const types[] = { "unicast", "blackhole", NULL };
static const struct anod_param set[] = {
	TEXT("dev", 1),
	TEXT("admin", 0),
	{ .name = "mtu", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES, .min = 68, .max = 65535 },
	{ 0 }
};
static const struct anod_param dev[] = { TEXT("dev", 1), { 0 } };
static const struct anod_param route[] = { PREFIX("dst", 1),
					   PREFIX("via", 0),
					   TEXT("dev", 0),
					   INT("metric", 0, 0, 4294967295),
					   INT("table", 0, 0, 0),
					   { .name = "type", .type = ANOD_TEXT, .words = types },
					   { 0 } };
static const struct anod_param weight[] = {
	INT("id", 1, 0, 0), INT("member", 1, 0, 0), INT("weight", 1, 1, 256), { 0 }
};
static const struct anod_action_desc list[] = {
	{ .kind = "link.set", .params = set },		{ .kind = "link.down", .params = dev },
	{ .kind = "route.replace", .params = route },	{ .kind = "route.del", .params = route },
	{ .kind = "nexthop.weight", .params = weight }, { 0 }
};
static const struct anod_action_desc *const actions[] = { &list[0], &list[1], &list[2],
							  &list[3], &list[4], NULL };

static int parse(const char *text, struct anod_action *a, struct diag_list *diags)
{
	struct lexer l;

	lex_init(&l, "t", text, strlen(text));
	return action_parse(&l, actions, diags, a);
}

static void is(const char *text, const char *want)
{
	struct diag_list diags = { 0 };
	struct anod_action a;
	char got[256];

	cr_expect(parse(text, &a, &diags) == 0, "%s: %s", text, diags.n ? diags.item[0].text : "");
	cr_expect_str_eq(action_format(&a, got, sizeof(got)), want);
	diag_done(&diags);
}

static void wrong(const char *text, const char *want)
{
	struct diag_list diags = { 0 };
	struct anod_action a;

	cr_expect(parse(text, &a, &diags) == -EINVAL, "%s", text);
	cr_assert(diags.n == 1, "%s", text);
	cr_expect_str_eq(diags.item[0].text, want);
	diag_done(&diags);
}

Test(action_text, reads_the_plain_form_and_that_of_ip)
{
	is("link.down dev wan0", "link.down dev wan0");
	is("link wan0 down", "link.down dev wan0");
	is("link.down wan0", "link.down dev wan0");
	is("link \"eth0.100\" mtu 1400", "link.set dev \"eth0.100\" mtu 1400B");
	is("link wan0 admin down", "link.set dev wan0 admin down");
	is("route replace default via 192.0.2.1 dev wan0 metric 5",
	   "route.replace dst 0.0.0.0/0 via 192.0.2.1 dev wan0 metric 5");
	is("route.replace dst default via 2001:db8::1 table main",
	   "route.replace dst ::/0 via 2001:db8::1 table 254");
	is("route replace 10.9.0.0/16 blackhole", "route.replace dst 10.9.0.0/16 type blackhole");
	is("route del 10.0.0.0/8 metric 7", "route.del dst 10.0.0.0/8 metric 7");
	is("nexthop weight 100 member 10 weight 3", "nexthop.weight id 100 member 10 weight 3");
}

Test(action_text, says_what_is_wrong_and_what_would_be_right)
{
	wrong("", "expected an action such as route.replace, not the end of the line");
	wrong("route.relpace dst default",
	      "there is no action 'route.relpace'; did you mean 'route.replace'?");
	wrong("link wan0 dwn", "there is no action 'link.dwn'; did you mean 'link.down'?");
	wrong("frobnicate", "there is no action 'frobnicate'; docs/actions.md lists them");
	wrong("route.del dst default metirc 5",
	      "route.del has no argument 'metirc'; did you mean 'metric'?");
	wrong("route.del metric 5", "route.del: 'dst' is missing");
	wrong("route.del dst wan0",
	      "'dst' wants an address or a prefix such as 192.0.2.0/24, not 'wan0'");
	wrong("route.del dst default dst default", "'dst' is given twice");
	wrong("link wan0 mtu 5", "'mtu' wants 68 to 65535");
	wrong("link wan0 mtu 5s", "'mtu' wants a number, not '5s'");
	wrong("link.down dev", "'dev' wants a name, not the end of the line");
}
