/* The sensor of FRR: its reader of answers, and its behaviour with daemons good and bad. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/fake_daemon.h"
#include "unit/fake_host.h"

#include "plugins/frr/reduce.c"

#define WAIT_MS 10000

static struct fake_host *host;
static struct fake_daemon *bgpd, *zebra, *bfdd;
static char folder[64];

static void stop(void)
{
	if (host)
		host = fake_host_free(host);
	bgpd = fake_daemon_free(bgpd);
	zebra = fake_daemon_free(zebra);
	bfdd = fake_daemon_free(bfdd);
	if (folder[0])
		(void) rmdir(folder);
}

TestSuite(frr, .fini = stop, .timeout = 60);

/* ---- the reader --------------------------------------------------------------------------- */

static int whole(const char *text, size_t size)
{
	size_t at = 0;

	return reduce_whole(text, size, &at);
}

Test(frr, an_answer_ends_with_three_zeros_and_a_result)
{
	cr_expect_eq(whole("{}\n\0\0\0\0", 7), 1);
	cr_expect_eq(whole("% no\0\0\0\2", 8), 1);
	cr_expect_eq(whole("{}\n\0\0\0", 6), 0);
	cr_expect_eq(whole("{}\n", 3), 0);
	cr_expect_eq(whole("\0\0\0\0", 4), 1);
	cr_expect_eq(whole("{}\0x\0\0\0", 7), -EBADMSG);
	cr_expect_eq(whole("{}\0\0\0\0\0", 7), -EBADMSG, "something behind the end");
}

struct seen {
	unsigned n;
	int64_t received, age_ms, queued;
	bool enabled;
	char state[32], reason[64];
};

static void see(const struct reduce_peer *p, void *data)
{
	struct seen *s = data;

	s->n++;
	s->received = p->received;
	s->age_ms = p->age_ms;
	s->queued = p->queued;
	s->enabled = p->enabled;
	(void) snprintf(s->state, sizeof(s->state), "%s", p->state);
	(void) snprintf(s->reason, sizeof(s->reason), "%s", p->reason);
}

#define PEER(text) "{\"default\":{\"ipv4Unicast\":{\"peers\":{\"10.0.0.1\":" text "}}}}\0\0\0\0"

Test(frr, what_is_missing_or_of_another_type_is_unknown)
{
	static const char good[] =
		PEER("{\"state\":\"Idle (Admin)\",\"peerState\":\"Admin\","
		     "\"pfxRcd\":3,\"inq\":1,\"outq\":2,\"peerUptime\":\"never\","
		     "\"peerUptimeMsec\":0}");
	static const char odd[] = PEER("{\"state\":7,\"pfxRcd\":\"3\",\"peerUptimeMsec\":1e300,"
				       "\"inq\":-1}");
	static const char none[] = "{\"default\":{}}\0\0\0\0", list[] = "[]\0\0\0\0";
	static const char refused[] = "% unknown\0\0\0\2", cut[] = "{\"default\":{\0\0\0\0";
	struct seen s = { 0 };

	cr_expect_eq(reduce_summary(good, sizeof(good) - 1, see, &s), 1);
	cr_expect(!s.enabled && s.received == 3 && s.queued == 3);
	cr_expect_eq(s.age_ms, REDUCE_NOT, "never is not since now");
	cr_expect_eq(reduce_summary(odd, sizeof(odd) - 1, see, &s), 1);
	cr_expect(s.received == REDUCE_NOT && s.age_ms == REDUCE_NOT && s.queued == REDUCE_NOT);
	cr_expect_str_eq(s.state, "");
	cr_expect_eq(reduce_summary(none, sizeof(none) - 1, see, &s), 0, "no peers is an answer");
	cr_expect_eq(reduce_summary(list, sizeof(list) - 1, see, &s), -EBADMSG);
	cr_expect_eq(reduce_summary(cut, sizeof(cut) - 1, see, &s), -EBADMSG);
	cr_expect_eq(reduce_summary(refused, sizeof(refused) - 1, see, &s), -EOPNOTSUPP);
	cr_expect_eq(reduce_summary("", 0, see, &s), -EBADMSG);
}

/* ---- the sensor --------------------------------------------------------------------------- */

static void say_file(struct fake_daemon *d, const char *words, const char *file)
{
	size_t size;
	char name[128], *text;

	(void) snprintf(name, sizeof(name), "tests/fuzz/corpus/frr/%s", file);
	text = fake_daemon_file(name, &size);
	fake_daemon_say(d, words, text + 1, size - 1);
	free(text);
}

static struct fake_daemon *new_daemon(const char *name)
{
	char path[128];
	struct fake_daemon *d;

	(void) snprintf(path, sizeof(path), "%s/%s.vty", folder, name);
	d = fake_daemon_new(path, NULL, '\0');
	say_file(d, "show version", "version");
	return d;
}

static void start(void)
{
	(void) snprintf(folder, sizeof(folder), "/tmp/anod-test-frr-%d", (int) getpid());
	cr_assert_eq(mkdir(folder, 0700), 0);
	zebra = new_daemon("zebra");
	say_file(zebra, "show ip", "rib");
	bgpd = new_daemon("bgpd");
	say_file(bgpd, "show bgp vrf all summary json", "summary");
	say_file(bgpd, "show bgp vrf all summary failed json", "failed");
	say_file(bgpd, "show bgp vrf default neighbors", "neighbor");
	bfdd = new_daemon("bfdd");
	fake_daemon_say(bfdd, "enable", "\0\0\0\0", 4);
	say_file(bfdd, "show bfd", "bfd");
	host = fake_host_new("frr");
	fake_host_set_text(host, "path", folder);
	fake_host_set_int(host, "period", 100000, ANOD_UNIT_TIME);
	fake_host_set_int(host, "idle-period", 100000, ANOD_UNIT_TIME);
	cr_assert_eq(fake_host_start(host), 0);
}

static bool is(const char *kind, const char *name, const char *attr, const char *text)
{
	const struct anod_value *v = fake_host_fact(host, kind, name, attr);

	return v && v->type == ANOD_TEXT && strcmp(v->u.text, text) == 0;
}

static bool has(const char *kind, const char *name, const char *attr, int64_t n)
{
	const struct anod_value *v = fake_host_fact(host, kind, name, attr);

	return v && (v->type == ANOD_INT || v->type == ANOD_BOOL) && v->u.i == n;
}

static bool unknown(const char *kind, const char *name, const char *attr)
{
	const struct anod_value *v = fake_host_fact(host, kind, name, attr);

	return v && v->type == ANOD_UNKNOWN;
}

static bool up(struct fake_host *h, void *data)
{
	(void) h, (void) data;
	return has("daemon", "frr/bgpd", "up", 1) && has("daemon", "frr/zebra", "up", 1) &&
	       has("daemon", "frr/bfdd", "up", 1);
}

static bool bgpd_down(struct fake_host *h, void *data)
{
	(void) h, (void) data;
	return has("daemon", "frr/bgpd", "up", 0);
}

Test(frr, what_its_daemons_say_becomes_facts)
{
	start();
	cr_assert(fake_host_wait(host, up, NULL, WAIT_MS), "%s", fake_host_log(host));
	cr_expect(is("daemon", "frr/bgpd", "version", "8.4.4"));
	cr_expect(has("bgp_peer", "frr/default/10.9.0.89", "enabled", 0));
	cr_expect(has("bgp_peer", "frr/default/10.9.0.88", "peer_as", 65088));
	cr_expect(is("bgp_peer", "frr/default/10.9.0.1", "name", "transit of the office"));
	cr_expect(is("bfd_peer", "y0/10.9.0.1", "state", "up"));
	cr_expect(has("bfd_peer", "y0/10.9.0.1", "detect", 1500000), "5 x 300 ms");
	cr_expect(fake_host_fact(host, "rib", "frr/default/ipv4", "installed")->type == ANOD_INT);
	cr_expect(!fake_host_fact(host, "daemon", "frr/ospfd", "up"), "it was never there");
	cr_expect_eq(fake_host_health(host, ANOD_HEALTH_ERROR), 0);
}

Test(frr, one_that_hangs_holds_up_nobody_else)
{
	unsigned asked;

	start();
	cr_assert(fake_host_wait(host, up, NULL, WAIT_MS));
	fake_daemon_mode(bgpd, FAKE_DAEMON_MUTE);
	asked = fake_daemon_asked(zebra);
	cr_assert(fake_host_wait(host, bgpd_down, NULL, WAIT_MS));
	cr_expect(unknown("bgp_peer", "frr/default/10.9.0.1", "state"));
	cr_expect(is("bfd_peer", "y0/10.9.0.1", "state", "up"));
	cr_expect(has("daemon", "frr/zebra", "up", 1));
	cr_expect_gt(fake_daemon_asked(zebra), asked);
}

Test(frr, garbage_and_floods_make_it_unknown_and_it_is_asked_again)
{
	static const enum fake_daemon_mode bad[] = { FAKE_DAEMON_GARBAGE, FAKE_DAEMON_HUGE,
						     FAKE_DAEMON_CUT };

	start();
	cr_assert(fake_host_wait(host, up, NULL, WAIT_MS));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fake_daemon_mode(bgpd, bad[i]);
		cr_assert(fake_host_wait(host, bgpd_down, NULL, WAIT_MS), "mode %u", bad[i]);
		cr_expect(unknown("bgp_peer", "frr/default/10.9.0.1", "drops"));
		fake_daemon_drop(bgpd);
		fake_daemon_mode(bgpd, FAKE_DAEMON_DRIP);
		cr_assert(fake_host_wait(host, up, NULL, WAIT_MS), "mode %u: it is back", bad[i]);
	}
}

static bool reasoned(struct fake_host *h, void *data)
{
	(void) h, (void) data;
	return is("bgp_peer", "frr/default/10.9.0.1", "reason", "No AFI/SAFI activated for peer");
}

/* The list of failed ones has reasons of those that are down now only. */
Test(frr, a_session_that_came_back_is_asked_for_its_reason)
{
	static const char nobody[] = "{\"default\":{}}\n\0\0\0\0";

	start();
	fake_daemon_say(bgpd, "show bgp vrf all summary failed json", nobody, sizeof(nobody) - 1);
	cr_assert(fake_host_wait(host, reasoned, NULL, WAIT_MS));
}
