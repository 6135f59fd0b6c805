#include "fake_agent_host.h"

#include "facts/expr.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#define S 1000000ULL

static const char *const target[] = { "192.0.2.1", "198.51.100.1" };

static void link_up(struct fake *f, const char *dev, bool carrier)
{
	fake_bool(f, "link", dev, "admin_up", true);
	fake_bool(f, "link", dev, "carrier", carrier);
}

/* A default route; what is NULL is left out. */
static void route(struct fake *f, const char *dst, const char *via, const char *dev, int metric,
		  int protocol, int legs)
{
	char name[ANOD_NAME_SIZE];

	(void) snprintf(name, sizeof(name), "main/%s/%d", dst, metric);
	fake_int(f, "route", name, "table", 254);
	fake_prefix(f, "route", name, "dst", dst);
	fake_int(f, "route", name, "metric", metric);
	if (via)
		fake_prefix(f, "route", name, "gateway", via);
	fake_text(f, "route", name, "dev", dev);
	fake_int(f, "route", name, "legs", legs);
	fake_int(f, "route", name, "protocol", protocol);
	fake_text(f, "route", name, "type", "unicast");
}

static const char *entity(const char *dev, int t)
{
	static char buf[ANOD_NAME_SIZE];

	(void) snprintf(buf, sizeof(buf), "%s/%s", dev, target[t]);
	return buf;
}

struct count {
	int64_t sent, lost;
};
static struct count count[2][2];

/* One outcome, as the sensor publishes it. */
static void outcome(struct fake *f, int uplink, int t, bool lost)
{
	const char *e = entity(uplink ? "wan1" : "wan0", t);
	struct count *c = &count[uplink][t];

	c->sent++;
	c->lost += lost;
	fake_int(f, "probe", e, "lost", c->lost);
	fake_int(f, "probe", e, "void", 0);
	fake_int(f, "probe", e, "sent", c->sent);
}

static void up(struct fake *f, const char *dev, bool is_up)
{
	for (int t = 0; t < 2; t++)
		fake_bool(f, "probe", entity(dev, t), "up", is_up);
}

static struct fake *new_uplink(bool probes)
{
	struct fake *f = fake_load(BUILD_DIR "/plugins/uplink.so");

	memset(count, 0, sizeof(count));
	fake_opt_text(f, "uplinks", "wan0");
	fake_opt_text(f, "uplinks", "wan1");
	for (int t = 0; probes && t < 2; t++)
		fake_opt_prefix(f, "probe", target[t]);
	link_up(f, "wan0", true);
	link_up(f, "wan1", true);
	route(f, "0.0.0.0/0", "10.0.0.1", "wan0", 100, 4, 1);
	route(f, "0.0.0.0/0", "10.1.0.1", "wan1", 200, 4, 1);
	cr_assert(eq(int, fake_start(f), 0));
	for (int u = 0; probes && u < 2; u++)
		for (int t = 0; t < 2; t++)
			outcome(f, u, t, false);
	if (probes) {
		up(f, "wan0", true);
		up(f, "wan1", true);
	}
	fake_advance(f, S);
	cr_assert(eq(uint, f->n_proposals, 0));
	cr_assert(eq(uint, fake_n_open(f), 0));
	return f;
}

/* Rounds of probes over both uplinks, a tenth of a second each. */
static void rounds(struct fake *f, unsigned n, unsigned lose0, unsigned lose1)
{
	static unsigned k;

	for (unsigned i = 0; i < n; i++) {
		fake_advance(f, S / 10);
		for (int t = 0; t < 2; t++) {
			k++;
			outcome(f, 0, t, lose0 && k % lose0 == 0);
			outcome(f, 1, t, lose1 && (k + 3) % lose1 == 0);
		}
		up(f, "wan0", true);
		up(f, "wan1", true);
	}
}

/* The kernel does what was committed. */
static void commit(struct fake *f, unsigned proposal, bool steering)
{
	fake_verdict(f, proposal, ANOD_APPLIED, NULL);
	if (steering)
		route(f, "0.0.0.0/0", "10.1.0.1", "wan1", 5, ANOD_RTPROT, 1);
	else
		fake_gone(f, "route", "main/0.0.0.0/0/5");
	fake_verdict(f, proposal, ANOD_VERIFIED, NULL);
	fake_verdict(f, proposal, ANOD_COMMITTED, NULL);
	fake_advance(f, S);
}

/* The text parses, and its names are kinds and attributes that the sensors declare. */
static void expect_expression(const char *text)
{
	static const struct anod_attr attrs[] = { { "carrier", ANOD_BOOL }, { NULL } };
	static const struct anod_kind links[] = { { "link", "", attrs }, { NULL } };
	struct fake *probe = fake_load(BUILD_DIR "/plugins/probe.so");
	_cleanup_(schema_freep) struct schema *schema = schema_new();
	_cleanup_(expr_freep) struct expr *e = NULL;
	struct expr_scope scope = { .schema = schema };
	struct diag_list diags = { 0 };
	const char *why;
	struct lexer l;

	cr_assert(ge(int, schema_declare(schema, "rtnl", links, &why), 0));
	cr_assert(ge(int, schema_declare(schema, "probe", probe->plugin->kinds, &why), 0));
	lex_init(&l, "verify", text, strlen(text));
	cr_assert(eq(int, expr_parse(&l, &diags, &e), 0), "%s", text);
	cr_expect(eq(int, expr_check(e, &scope, true, &diags), 0), "%s", text);
	cr_expect(eq(uint, diags.n, 0));
	cr_expect(eq(int, lex_peek(&l, 0)->type, TOKEN_END));
	diag_done(&diags);
	fake_free(probe);
}

Test(uplink, carrier_loss_steers_to_the_other_and_back)
{
	struct fake *f = new_uplink(true);
	const struct anod_action *a = &f->proposal[0].p.action[0];

	link_up(f, "wan0", false);
	cr_assert(eq(uint, f->n_proposals, 1), "at once");
	cr_expect(fake_open(f, "uplink-down", "wan0") != NULL);
	cr_expect(eq(int, fake_open(f, "uplink-down", "wan0")->f.no_cure, 0));
	cr_expect(eq(u64, f->proposal[0].p.finding, fake_open(f, "uplink-down", "wan0")->id));
	cr_expect(eq(int, strcmp(a->kind, "route.replace"), 0));
	cr_expect(fake_arg_is(a, "dst", "0.0.0.0/0") && fake_arg_is(a, "via", "10.1.0.1") &&
		  fake_arg_is(a, "dev", "wan1"));
	cr_expect(eq(i64, fake_arg(a, "metric")->u.i, 5));
	cr_expect(eq(int,
		     strcmp(f->proposal[0].p.verify,
			    "link.wan1.carrier == true and path.wan1.targets_up >= 1"),
		     0));
	expect_expression(f->proposal[0].p.verify);

	link_up(f, "wan0", false);
	fake_advance(f, 10 * S);
	cr_expect(eq(uint, f->n_proposals, 1), "one at a time");
	commit(f, 0, true);
	up(f, "wan1", true);
	cr_expect(eq(uint, f->n_proposals, 1), "it is as wanted");

	link_up(f, "wan0", true);
	for (int i = 0; i < 58; i++) {
		up(f, "wan0", true);
		up(f, "wan1", true);
		fake_advance(f, S);
	}
	cr_expect(eq(uint, f->n_proposals, 1), "not before the refractory time");
	cr_expect(fake_open(f, "uplink-down", "wan0") != NULL, "the incident goes on");
	fake_advance(f, 3 * S);
	cr_assert(eq(uint, f->n_proposals, 2));
	a = &f->proposal[1].p.action[0];
	cr_expect(eq(int, strcmp(a->kind, "route.del"), 0));
	cr_expect(fake_arg_is(a, "dst", "0.0.0.0/0") && !fake_arg(a, "dev"));
	cr_expect(eq(i64, fake_arg(a, "metric")->u.i, 5));
	cr_expect(eq(uint, fake_n_open(f), 0));
	commit(f, 1, false);
	up(f, "wan0", true);
	up(f, "wan1", true);
	fake_advance(f, 2 * S);
	cr_expect(eq(uint, f->n_proposals, 2));
	fake_free(f);
}

Test(uplink, both_families_move_in_one_proposal)
{
	struct fake *f = new_uplink(false);

	route(f, "::/0", "fe80::1", "wan0", 1024, 4, 1);
	route(f, "::/0", "fe80::2", "wan1", 2048, 4, 1);
	fake_advance(f, S);
	link_up(f, "wan0", false);
	cr_assert(eq(uint, f->n_proposals, 1));
	cr_assert(eq(uint, f->proposal[0].p.n_actions, 2));
	cr_expect(fake_arg_is(&f->proposal[0].p.action[1], "dst", "::/0"));
	cr_expect(fake_arg_is(&f->proposal[0].p.action[1], "via", "fe80::2"));
	cr_expect(eq(int, strcmp(f->proposal[0].p.verify, "link.wan1.carrier == true"), 0));
	fake_free(f);
}

Test(uplink, gateway_and_quorum_have_their_own_codes)
{
	struct fake *f = new_uplink(true);

	fake_text(f, "neigh", "wan0/10.0.0.1", "state", "failed");
	cr_expect(eq(uint, fake_n_open(f), 0), "the targets answer through it");
	fake_bool(f, "probe", entity("wan0", 0), "up", false);
	fake_bool(f, "probe", entity("wan0", 1), "up", false);
	cr_expect(fake_open(f, "gateway-dead", "wan0") != NULL);
	cr_assert(eq(uint, f->n_proposals, 1));
	fake_text(f, "neigh", "wan0/10.0.0.1", "state", "incomplete");
	cr_expect(fake_open(f, "gateway-dead", "wan0") != NULL, "the kernel asks once more");

	fake_bool(f, "probe", entity("wan0", 0), "up", true);
	fake_bool(f, "probe", entity("wan0", 1), "up", true);
	fake_text(f, "neigh", "wan0/10.0.0.1", "state", "reachable");
	fake_bool(f, "probe", entity("wan0", 0), "up", false);
	cr_expect(fake_open(f, "uplink-dead", "wan0") == NULL, "one of two is no quorum");
	fake_bool(f, "probe", entity("wan0", 1), "up", false);
	cr_expect(fake_open(f, "uplink-dead", "wan0") != NULL);
	cr_expect(eq(uint, fake_n_open(f), 1), "one finding of an uplink at a time");
	cr_expect(eq(uint, f->n_proposals, 1));
	fake_free(f);
}

Test(uplink, gray_loss_steers_and_shared_loss_does_not)
{
	struct fake *f = new_uplink(true);
	const struct fake_finding *x;

	rounds(f, 120, 11, 0);
	x = fake_open(f, "uplink-gray-loss", "wan0");
	cr_assert(x != NULL);
	cr_expect(gt(dbl, x->f.confidence, 0.9));
	cr_expect(eq(int, x->f.no_cure, 0));
	cr_assert(eq(uint, f->n_proposals, 1));
	cr_expect(fake_arg_is(&f->proposal[0].p.action[0], "dev", "wan1"));
	cr_expect(gt(dbl, f->proposal[0].p.confidence, 0.9));
	fake_free(f);

	f = new_uplink(true);
	rounds(f, 120, 11, 11);
	x = fake_open(f, "uplink-gray-loss", "wan0");
	cr_assert(x != NULL);
	cr_expect(lt(dbl, x->f.confidence, 0.5));
	cr_expect(gt(uint, x->f.n_rivals, 0));
	cr_expect(eq(int, strcmp(x->f.rival[0].code, "shared-loss"), 0));
	cr_expect(eq(int, x->f.no_cure, 1), "for somebody else to look at");
	cr_expect(eq(uint, f->n_proposals, 0));

	/* Proof of health clears it. */
	rounds(f, 900, 0, 0);
	cr_expect(eq(uint, fake_n_open(f), 0));
	fake_free(f);
}

Test(uplink, void_probes_are_nobodys_loss)
{
	struct fake *f = new_uplink(true);

	for (int i = 0; i < 200; i++) {
		struct count *c = &count[0][0];

		c->sent += 2;
		fake_int(f, "probe", entity("wan0", 0), "void", i + 1);
		fake_int(f, "probe", entity("wan0", 0), "sent", c->sent);
	}
	cr_expect(eq(uint, fake_n_open(f), 0));
	/* A sensor that begins anew is not a gain of minus four hundred. */
	fake_int(f, "probe", entity("wan0", 0), "lost", 0);
	fake_int(f, "probe", entity("wan0", 0), "void", 0);
	fake_int(f, "probe", entity("wan0", 0), "sent", 1);
	fake_int(f, "probe", entity("wan0", 0), "sent", 2);
	cr_expect(eq(uint, fake_n_open(f), 0));
	fake_free(f);
}

Test(uplink, unknown_facts_stop_it_and_it_says_so_once)
{
	struct fake *f = new_uplink(false);

	fake_unknown(f, "link", "wan1", "carrier");
	link_up(f, "wan0", false);
	fake_advance(f, 10 * S);
	cr_expect(eq(uint, f->n_proposals, 0));
	cr_expect(strstr(f->log, "unknown: nothing is proposed") != NULL);
	cr_expect(strstr(strstr(f->log, "nothing is proposed") + 1, "nothing is proposed") == NULL);

	fake_bool(f, "link", "wan1", "carrier", true);
	cr_expect(eq(uint, f->n_proposals, 1));
	fake_free(f);

	/* Routes out of sync: the same. */
	f = new_uplink(false);
	fake_unknown(f, "route", "main/0.0.0.0/0/200", "dst");
	fake_advance(f, S);
	link_up(f, "wan0", false);
	cr_expect(eq(uint, f->n_proposals, 0));
	fake_free(f);
}

Test(uplink, before_the_links_are_read_nothing_is_wrong)
{
	struct fake *f = fake_load(BUILD_DIR "/plugins/uplink.so");

	fake_opt_text(f, "uplinks", "wan0");
	fake_opt_text(f, "uplinks", "wan1");
	cr_assert(eq(int, fake_start(f), 0));
	fake_advance(f, S);
	cr_expect(eq(uint, fake_n_open(f), 0));
	fake_bool(f, "link", "lo", "carrier", true);
	link_up(f, "wan1", true);
	cr_expect(fake_open(f, "uplink-down", "wan0") != NULL, "now it is missing");
	fake_free(f);
}

Test(uplink, silent_probes_are_not_fine)
{
	struct fake *f = new_uplink(true);

	fake_advance(f, 30 * S); /* nothing is published any more */
	link_up(f, "wan0", false);
	fake_advance(f, S);
	cr_expect(fake_open(f, "uplink-down", "wan0") != NULL);
	cr_expect(eq(uint, f->n_proposals, 0), "nobody knows whether wan1 works");
	up(f, "wan1", true);
	cr_expect(eq(uint, f->n_proposals, 1));
	fake_free(f);
}

Test(uplink, nothing_left_is_said_and_not_proposed)
{
	struct fake *f = new_uplink(false);

	link_up(f, "wan1", false);
	cr_expect(eq(uint, f->n_proposals, 0), "the traffic is not there");
	link_up(f, "wan0", false);
	cr_expect(eq(uint, f->n_proposals, 0));
	cr_expect(eq(int, fake_open(f, "uplink-down", "wan0")->f.no_cure, 1));
	cr_expect(eq(int, fake_open(f, "uplink-down", "wan1")->f.no_cure, 0));
	link_up(f, "wan1", true); /* returning beats down */
	cr_expect(eq(uint, f->n_proposals, 1));
	cr_expect(eq(int, fake_open(f, "uplink-down", "wan0")->f.no_cure, 0));
	fake_free(f);
}

Test(uplink, a_refusal_is_respected_until_something_changes)
{
	struct fake *f = new_uplink(false);

	link_up(f, "wan0", false);
	fake_verdict(f, 0, ANOD_DENIED, "rule \"night only\"");
	fake_advance(f, 3600 * S);
	cr_expect(eq(uint, f->n_proposals, 1), "nothing has changed");
	cr_expect(strstr(f->log, "night only") != NULL);

	link_up(f, "wan0", true); /* a flap: a new cause */
	link_up(f, "wan0", false);
	fake_advance(f, S);
	cr_expect(eq(uint, f->n_proposals, 2));
	fake_verdict(f, 1, ANOD_ROLLED_BACK, "not verified");
	link_up(f, "wan0", true);
	link_up(f, "wan0", false);
	fake_advance(f, S);
	cr_expect(eq(uint, f->n_proposals, 2), "not before the back-off");
	fake_advance(f, 10 * S);
	cr_expect(eq(uint, f->n_proposals, 3));

	/* A waiting one is withdrawn when its cause goes away. */
	fake_verdict(f, 2, ANOD_WAITING, "for an approval");
	link_up(f, "wan0", true);
	fake_advance(f, 70 * S);
	cr_expect(f->proposal[2].cancelled);
	cr_expect(eq(uint, f->n_proposals, 3));
	fake_free(f);
}

Test(uplink, a_restart_finds_its_own_steering_route)
{
	struct fake *f = fake_load(BUILD_DIR "/plugins/uplink.so");

	fake_opt_text(f, "uplinks", "wan0");
	fake_opt_text(f, "uplinks", "wan1");
	link_up(f, "wan0", false);
	link_up(f, "wan1", true);
	route(f, "0.0.0.0/0", "10.0.0.1", "wan0", 100, 4, 1);
	route(f, "0.0.0.0/0", "10.1.0.1", "wan1", 200, 4, 1);
	route(f, "0.0.0.0/0", "10.1.0.1", "wan1", 5, ANOD_RTPROT, 1);
	cr_assert(eq(int, fake_start(f), 0));
	fake_advance(f, 5 * S);
	cr_expect(eq(uint, f->n_proposals, 0), "it is there already");
	link_up(f, "wan0", true);
	fake_advance(f, 70 * S);
	cr_assert(eq(uint, f->n_proposals, 1));
	cr_expect(eq(int, strcmp(f->proposal[0].p.action[0].kind, "route.del"), 0));
	fake_free(f);
}

Test(uplink, discovers_uplinks_and_leaves_strangers_alone)
{
	struct fake *f = fake_load(BUILD_DIR "/plugins/uplink.so");

	fake_opt_prefix(f, "probe", target[0]);
	link_up(f, "eth0.100", true);
	link_up(f, "ppp0", true);
	route(f, "0.0.0.0/0", "10.0.0.1", "eth0.100", 100, 4, 1);
	route(f, "0.0.0.0/0", NULL, "ppp0", 200, 4, 1);
	cr_assert(eq(int, fake_start(f), 0));
	fake_advance(f, S);
	cr_assert(eq(uint, f->n_senses, 2));
	cr_expect(fake_arg_is(&f->sense[0].request, "dev", "eth0.100"));
	cr_expect(fake_arg_is(&f->sense[0].request, "target", target[0]));
	cr_expect(eq(i64, fake_arg(&f->sense[0].request, "every")->u.i, 200000));
	fake_bool(f, "probe", "eth0.100/192.0.2.1", "up", true);
	fake_bool(f, "probe", "ppp0/192.0.2.1", "up", true);
	link_up(f, "ppp0", false);
	link_up(f, "eth0.100", false);
	link_up(f, "ppp0", true);
	cr_assert(eq(uint, f->n_proposals, 1));
	cr_expect(fake_arg(&f->proposal[0].p.action[0], "via") == NULL,
		  "a point-to-point link has no gateway");
	cr_expect(fake_arg_is(&f->proposal[0].p.action[0], "dev", "ppp0"));
	fake_verdict(f, 0, ANOD_DENIED, "no");
	link_up(f, "eth0.100", true);
	link_up(f, "ppp0", false);
	fake_advance(f, 70 * S);
	fake_free(f);

	/* A default route over something else is the operator's business. */
	f = new_uplink(false);
	route(f, "0.0.0.0/0", NULL, "tun0", 50, 4, 1);
	fake_advance(f, S);
	link_up(f, "wan0", false);
	fake_advance(f, S);
	cr_expect(eq(uint, f->n_proposals, 0));
	fake_free(f);
}

Test(uplink, a_name_that_is_no_word_is_quoted)
{
	struct fake *f = fake_load(BUILD_DIR "/plugins/uplink.so");

	fake_opt_text(f, "uplinks", "wan0");
	fake_opt_text(f, "uplinks", "eth0.100");
	link_up(f, "wan0", false);
	link_up(f, "eth0.100", true);
	route(f, "0.0.0.0/0", "10.0.0.1", "wan0", 100, 4, 1);
	route(f, "0.0.0.0/0", "10.1.0.1", "eth0.100", 200, 4, 1);
	cr_assert(eq(int, fake_start(f), 0));
	fake_advance(f, S);
	cr_assert(eq(uint, f->n_proposals, 1));
	cr_expect(eq(int, strcmp(f->proposal[0].p.verify, "link.\"eth0.100\".carrier == true"), 0));
	expect_expression(f->proposal[0].p.verify);
	fake_free(f);
}

Test(uplink, balance_uses_all_healthy_ones_by_weight)
{
	struct fake *f = fake_load(BUILD_DIR "/plugins/uplink.so");
	const struct anod_action *a;

	fake_opt_text(f, "uplinks", "wan0");
	fake_opt_text(f, "uplinks", "wan1");
	fake_opt_int(f, "weights", 1);
	fake_opt_int(f, "weights", 3);
	fake_opt_text(f, "mode", "balance");
	link_up(f, "wan0", true);
	link_up(f, "wan1", true);
	route(f, "0.0.0.0/0", "10.0.0.1", "wan0", 100, 4, 1);
	route(f, "0.0.0.0/0", "10.1.0.1", "wan1", 200, 4, 1);
	cr_assert(eq(int, fake_start(f), 0));
	fake_advance(f, S);
	cr_assert(eq(uint, f->n_proposals, 1));
	a = &f->proposal[0].p.action[0];
	cr_expect(fake_arg_is(a, "dev", "wan1") && fake_arg_is(a, "dev2", "wan0"));
	cr_expect(fake_arg_is(a, "via2", "10.0.0.1"));
	cr_expect(eq(i64, fake_arg(a, "weight")->u.i, 3));
	cr_expect(eq(i64, fake_arg(a, "weight2")->u.i, 1));
	expect_expression(f->proposal[0].p.verify);
	fake_verdict(f, 0, ANOD_APPLIED, NULL);
	route(f, "0.0.0.0/0", "10.1.0.1", "wan1", 5, ANOD_RTPROT, 2);
	fake_verdict(f, 0, ANOD_COMMITTED, NULL);
	fake_advance(f, S);
	cr_expect(eq(uint, f->n_proposals, 1));

	link_up(f, "wan1", false);
	cr_assert(eq(uint, f->n_proposals, 2));
	cr_expect(eq(int, strcmp(f->proposal[1].p.action[0].kind, "route.del"), 0),
		  "the natural route is the one that is left");
	fake_free(f);
}

Test(uplink, a_hidden_steering_route_is_not_proposed)
{
	struct fake *f = new_uplink(false);

	fake_gone(f, "route", "main/0.0.0.0/0/100");
	route(f, "0.0.0.0/0", "10.0.0.1", "wan0", 0, 4, 1);
	fake_advance(f, S);
	link_up(f, "wan0", false);
	fake_advance(f, S);
	cr_expect(eq(uint, f->n_proposals, 0));
	cr_expect(strstr(f->log, "hides the steering route") != NULL);
	cr_expect(eq(int, fake_open(f, "uplink-down", "wan0")->f.no_cure, 1));
	fake_free(f);
}

Test(uplink, refuses_options_that_contradict_each_other)
{
	struct fake *f = fake_load(BUILD_DIR "/plugins/uplink.so");

	fake_opt_prefix(f, "probe", "192.0.2.0/24");
	cr_expect(lt(int, fake_start(f), 0));
	fake_free(f);

	f = fake_load(BUILD_DIR "/plugins/uplink.so");
	fake_opt_text(f, "probe.proto", "tcp");
	cr_expect(lt(int, fake_start(f), 0), "tcp needs a port");
	fake_free(f);

	f = fake_load(BUILD_DIR "/plugins/uplink.so");
	fake_opt_real(f, "healthy", 0.01);
	fake_opt_real(f, "burst", 0.001);
	cr_expect(lt(int, fake_start(f), 0));
	cr_expect(strstr(f->log, "burst must not be less") != NULL);
	fake_free(f);
}
