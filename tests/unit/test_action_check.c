/* Every field of an action is checked, and a refusal says what to write instead. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>

#include "exec/exec.h"
#include "facts/value.h"

static const char *const words[] = { "up", "down", NULL };
static const struct anod_param params[] = {
	{ .name = "dev", .type = ANOD_TEXT, .required = 1, .entity = "link" },
	{ .name = "admin", .type = ANOD_TEXT, .words = words },
	{ .name = "mtu", .type = ANOD_INT, .unit = ANOD_UNIT_BYTES, .min = 68, .max = 65535 },
	{ .name = "id", .type = ANOD_INT },
	{ .name = "dst", .type = ANOD_PREFIX },
	{ .name = "share", .type = ANOD_REAL, .unit = ANOD_UNIT_RATIO },
	{ .name = "on", .type = ANOD_BOOL },
	{ 0 },
};
static const struct anod_action_desc desc = { .kind = "link.set", .params = params };

static struct anod_action a;
static char why[EXEC_WHY_SIZE];

static struct anod_value *arg(const char *name, struct anod_value v)
{
	struct anod_arg *at = &a.arg[a.n_args++];

	(void) copy_text(at->name, sizeof(at->name), name);
	at->value = v;
	return &at->value;
}

/* link.set dev=wan0 */
static void begin(void)
{
	memset(&a, 0, sizeof(a));
	a.size = sizeof(a);
	strcpy(a.kind, "link.set");
	(void) arg("dev", value_text("wan0"));
}

static bool good(void)
{
	why[0] = '\0';
	return action_check(&a, &desc, why, sizeof(why)) == 0;
}

static bool refused(const char *text)
{
	why[0] = '\0';
	return action_check(&a, &desc, why, sizeof(why)) == -EINVAL && strstr(why, text);
}

static struct anod_value prefix(const char *text)
{
	struct anod_prefix p;

	cr_assert_eq(prefix_parse(text, &p), 0);
	return value_prefix(&p);
}

Test(action_check, a_whole_action_passes)
{
	begin();
	(void) arg("admin", value_text("up"));
	(void) arg("mtu", value_int(68, ANOD_UNIT_BYTES));
	(void) arg("id", value_int(INT64_MIN, ANOD_UNIT_NONE));
	(void) arg("dst", prefix("2001:db8::/32"));
	(void) arg("share", value_real(0.5, ANOD_UNIT_RATIO));
	(void) arg("on", value_bool(true));
	cr_assert(good(), "%s", why);
}

Test(action_check, names_are_checked)
{
	begin();
	(void) arg("mtuu", value_int(1500, ANOD_UNIT_BYTES));
	cr_assert(refused("did you mean 'mtu'?"), "%s", why);
	begin();
	(void) arg("\x01\x02 %s", value_int(1, ANOD_UNIT_NONE));
	cr_assert(refused("takes no argument '?? %s'"), "%s", why);
	begin();
	(void) arg("dev", value_text("wan0"));
	cr_assert(refused("'dev' is given twice"), "%s", why);
	begin();
	a.n_args = 0;
	cr_assert(refused("'dev' is missing"), "%s", why);
	begin();
	memset(a.arg[0].name, 'd', sizeof(a.arg[0].name));
	cr_assert(refused("has no end"), "%s", why);
}

Test(action_check, sizes_and_kinds_are_checked)
{
	begin();
	a.size--;
	cr_assert(refused("size"), "%s", why);
	begin();
	a.n_args = ANOD_ARGS_MAX + 1;
	cr_assert(refused("size"), "%s", why);
	begin();
	memset(a.kind, 'k', sizeof(a.kind));
	cr_assert(refused("not a link.set"), "%s", why);
	begin();
	strcpy(a.kind, "link.up");
	cr_assert(refused("not a link.set"), "%s", why);
}

Test(action_check, text_is_bounded_printable_and_from_inside)
{
	static const char *const bad_names[] = {
		"", ".", "..", "a/b", "a:b", "a b", "sixteen-letters-"
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad_names); i++) {
		begin();
		a.arg[0].value = value_text(bad_names[i]);
		cr_assert(refused("cannot be the name of a link"), "%s: %s", bad_names[i], why);
	}
	begin();
	a.arg[0].value.flags = ANOD_VALUE_OUTSIDE;
	cr_assert(refused("from outside"), "%s", why);
	begin();
	memset(a.arg[0].value.u.text, 'x', ANOD_TEXT_SIZE);
	cr_assert(refused("without an end"), "%s", why);
	begin();
	a.arg[0].value.u.text[1] = '\n';
	cr_assert(refused("cannot be printed"), "%s", why);
	begin();
	(void) arg("admin", value_text("dwon"));
	cr_assert(refused("'admin' cannot be 'dwon'; one of its words is 'down'"), "%s", why);
}

Test(action_check, types_units_and_ranges_are_checked)
{
	struct anod_value v = value_int(1500, ANOD_UNIT_BYTES);
	static const int64_t bad_mtu[] = { 67, 65536, -1, INT64_MAX, INT64_MIN };

	for (unsigned i = 0; i < ARRAY_SIZE(bad_mtu); i++) {
		begin();
		(void) arg("mtu", value_int(bad_mtu[i], ANOD_UNIT_BYTES));
		cr_assert(refused("outside 68..65535"), "%s", why);
	}
	begin();
	(void) arg("mtu", value_int(1500, ANOD_UNIT_TIME));
	cr_assert(refused("must be counted in"), "%s", why);
	begin();
	(void) arg("mtu", value_unknown());
	cr_assert(refused("is unknown"), "%s", why);
	begin();
	(void) arg("mtu", value_text("1500"));
	cr_assert(refused("must be a"), "%s", why);
	begin();
	v.type = 200;
	(void) arg("mtu", v);
	cr_assert(refused("must be a"), "%s", why);
	begin();
	arg("on", value_bool(true))->u.i = 2;
	cr_assert(refused("neither"), "%s", why);
	begin();
	arg("share", value_real(0.5, ANOD_UNIT_RATIO))->u.r = NAN;
	cr_assert(refused("finite"), "%s", why);
}

Test(action_check, prefixes_are_whole)
{
	static const struct anod_prefix bad[] = {
		{ .family = 0 },
		{ .family = AF_UNIX, .len = 8 },
		{ .family = AF_INET, .len = 33 },
		{ .family = AF_INET6, .len = 129 },
		{ .family = AF_INET, .len = 8, .addr = { 10, 1 } },
		{ .family = AF_INET, .len = 32, .addr = { 10, 0, 0, 1, 1 } },
		{ .family = AF_INET6, .len = 127, .addr = { [15] = 1 } },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		begin();
		(void) arg("dst", value_prefix(&bad[i]));
		cr_assert(refused("is not a prefix"), "%u: %s", i, why);
	}
	begin();
	(void) arg("dst", prefix("0.0.0.0/0"));
	cr_assert(good(), "%s", why);
}
