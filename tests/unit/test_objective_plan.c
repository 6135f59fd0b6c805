/* Which flows are probed, how, and how often: all of it from the text of the policy. */
#include "policy/objective_plan.h"

#include <criterion/criterion.h>
#include <string.h>

#include "config_env.h"

static struct schema *schema;

static void setup(void)
{
	schema = env_schema();
}

static void teardown(void)
{
	schema_free(schema);
}

TestSuite(objective_plan, .init = setup, .fini = teardown);

#define MS  UINT64_C(1000)
#define SET "set voice = flow { 192.0.2.10 -> sip, 198.51.100.0/24 -> icmp }\n"

static struct config *load(const char *text)
{
	struct config_env env = env_make(schema, NULL);
	struct diag_list diags = { 0 };
	struct config *c = NULL;

	(void) config_load_text("test", text, &env, &diags, &c);
	cr_assert_not_null(c, "%s", diags.n ? diags.item[0].text : "");
	diag_done(&diags);
	return c;
}

/* Pace and patience of the n-th probe. */
static void expect_pace(const char *text, unsigned n, uint64_t every_us, uint64_t timeout_us)
{
	struct config *c = load(text);
	struct flow_plan p;

	cr_assert_eq(flow_plan_make(c->policy, schema, &p), 0);
	cr_assert_gt(p.n_probes, n, "%s", text);
	cr_expect_eq(p.probe[n].every_us, every_us, "%s: every %llu us", text,
		     (unsigned long long) p.probe[n].every_us);
	cr_expect_eq(p.probe[n].timeout_us, timeout_us, "%s: timeout %llu us", text,
		     (unsigned long long) p.probe[n].timeout_us);
	flow_plan_done(&p);
	config_free(c);
}

Test(objective_plan, the_pace_follows_from_what_is_asked)
{
	expect_pace(SET "objective \"a\" { require path.rtt(voice) < 30ms }", 0, 1000 * MS,
		    300 * MS);
	expect_pace(SET "objective \"a\" { require path.rtt(voice) < 5ms }", 0, 1000 * MS,
		    200 * MS);
	expect_pace(SET "objective \"a\" { require path.rtt(voice) < 2s }", 0, 1000 * MS,
		    1000 * MS);
	expect_pace(SET "objective \"a\" { require p95(path.rtt(voice), 5m) < 30ms }", 1, 3000 * MS,
		    300 * MS);
	expect_pace(SET "objective \"a\" { require p95(path.rtt(voice), 1h) < 30ms }", 1, 5000 * MS,
		    300 * MS);
	expect_pace(SET "objective \"a\" { require path.loss(voice) < 1% }", 0, 150 * MS,
		    1000 * MS);
	expect_pace(SET "objective \"a\" { require 1% > path.loss(voice) }", 0, 150 * MS,
		    1000 * MS);
	expect_pace(SET "objective \"a\" { require path.loss(voice) < 5% }", 0, 750 * MS,
		    1000 * MS);
	expect_pace(SET "objective \"a\" { require path.loss(voice) < 0.1% }", 0, 50 * MS,
		    1000 * MS);
	expect_pace(SET "objective \"a\" { require mean(path.loss(voice), 5m) < 0.1% }", 0,
		    150 * MS, 1000 * MS);
}

Test(objective_plan, the_tightest_reader_counts_and_all_share_a_probe)
{
	struct config *c =
		load(SET "set other = flow { 192.0.2.10 -> tcp/5060, 2001:db8::/64 -> udp/53 }\n"
			 "set unread = flow { 192.0.2.99 -> ssh }\n"
			 "objective \"a\" { require p95(path.rtt(voice), 5m) < 30ms and "
			 "path.loss(voice) < 1% }\n"
			 "invariant \"b\" { require path.rtt(other) < 500ms }\n"
			 "forbid \"c\" { agent any  action any  when path.loss(other) > 50% }\n");
	struct flow_plan p;

	cr_assert_eq(flow_plan_make(c->policy, schema, &p), 0);
	cr_assert_eq(p.n_sets, 2, "what nobody reads is not probed");
	cr_assert_eq(p.n_probes, 3, "192.0.2.10 tcp/5060 is in both");
	for (unsigned k = 0; k < p.n_probes; k++) {
		const struct flow_probe *f = &p.probe[k];

		if (f->port == 5060) {
			cr_expect_eq(f->every_us, 150 * MS);
			cr_expect_eq(f->timeout_us, 1000 * MS, "the most patient reader counts");
		} else if (f->port == 53) {
			cr_expect_str_eq(f->proto, "udp");
			cr_expect_eq(f->target.len, 128);
			cr_expect_eq(f->target.addr[15], 1, "the first host of a network");
			cr_expect_eq(f->every_us, 1000 * MS);
		} else {
			cr_expect_str_eq(f->proto, "icmp");
			cr_expect_eq(f->target.addr[3], 1);
			cr_expect_eq(f->target.len, 32);
		}
	}
	cr_expect_float_eq(p.slowed, 1, 1e-9);
	flow_plan_done(&p);
	config_free(c);
}

Test(objective_plan, all_probes_together_are_bounded)
{
	char text[16384] = "set many = flow { ";
	struct config *c;
	struct flow_plan p;
	double rate = 0;

	for (unsigned k = 0; k < PLAN_PROBES_MAX + 10; k++)
		(void) snprintf(text + strlen(text), sizeof(text) - strlen(text),
				"%s192.0.2.%u -> tcp/%u", k ? ", " : "", k % 250 + 1, k + 1);
	strcat(text, " }\nobjective \"a\" { require path.loss(many) < 0.5% }\n");
	c = load(text);
	cr_assert_eq(flow_plan_make(c->policy, schema, &p), 0);
	cr_expect_eq(p.n_probes, PLAN_PROBES_MAX);
	cr_expect_eq(p.set[0].n_left_out, 10);
	for (unsigned k = 0; k < p.n_probes; k++)
		rate += 1e6 / (double) p.probe[k].every_us;
	cr_expect_leq(rate, PLAN_RATE_MAX);
	cr_expect_geq(rate, PLAN_RATE_MAX * 0.99);
	cr_expect_gt(p.slowed, 10);
	flow_plan_done(&p);
	config_free(c);
}

Test(objective_plan, services_are_words_or_ports)
{
	const char *proto;
	uint16_t port;

	cr_expect(flow_service("sip", &proto, &port) && port == 5060 && strcmp(proto, "tcp") == 0);
	cr_expect(flow_service("any", &proto, &port) && port == 0 && strcmp(proto, "icmp") == 0);
	cr_expect(flow_service("udp/65535", &proto, &port) && port == 65535);
	cr_expect_not(flow_service("udp/65536", &proto, &port));
	cr_expect_not(flow_service("tcp/0", &proto, &port));
	cr_expect_not(flow_service("tcp/", &proto, &port));
	cr_expect_not(flow_service("tcp/22x", &proto, &port));
	cr_expect_not(flow_service("icmp/8", &proto, &port));
	cr_expect_not(flow_service("", &proto, &port));
}
