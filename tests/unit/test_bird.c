/* The sensor of BIRD: its reader of replies, and its behaviour with daemons good and bad. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/fake_daemon.h"
#include "unit/fake_host.h"

#include "plugins/bird/reply.c"

#define WAIT_MS 10000

static struct fake_host *host;
static struct fake_daemon *daemon_;
static char path[64];

static void stop(void)
{
	if (host)
		host = fake_host_free(host);
	daemon_ = fake_daemon_free(daemon_);
}

TestSuite(bird, .fini = stop, .timeout = 60);

/* ---- the reader --------------------------------------------------------------------------- */

struct seen {
	unsigned n;
	struct reply_protocol last;
	char name[32], neighbor[32], error[64], info[64], since[32];
};

static void see(const struct reply_protocol *p, void *data)
{
	struct seen *s = data;

	s->n++;
	s->last = *p;
	(void) snprintf(s->name, sizeof(s->name), "%s", p->name);
	(void) snprintf(s->neighbor, sizeof(s->neighbor), "%s", p->neighbor);
	(void) snprintf(s->error, sizeof(s->error), "%s", p->error);
	(void) snprintf(s->info, sizeof(s->info), "%s", p->info);
	(void) snprintf(s->since, sizeof(s->since), "%s", p->since);
}

static int protocols(const char *text, struct seen *s)
{
	char *copy = strdup(text);
	int r;

	memset(s, 0, sizeof(*s));
	r = reply_protocols(copy, see, s);
	free(copy);
	return r;
}

Test(bird, a_reply_is_read_by_its_words)
{
	struct seen s;

	cr_expect_eq(protocols("1002-a BGP --- up 2026-11-20 12:33:11 Established   \n"
			       "1006-  BGP state:          Established\n"
			       "     Neighbor address: fe80::1%x0\n"
			       "     Last error:       Socket: Connection reset by peer\n"
			       "   Routes:  3 imported, 1 filtered, 5 exported, 2 preferred\n"
			       "   Routes:  4 imported, 2 exported\n"
			       "0000 \n",
			       &s),
		     1);
	cr_expect_str_eq(s.name, "a");
	cr_expect_str_eq(s.since, "2026-11-20 12:33:11");
	cr_expect_str_eq(s.info, "Established");
	cr_expect_str_eq(s.neighbor, "fe80::1%x0");
	cr_expect_str_eq(s.error, "Socket: Connection reset by peer");
	cr_expect_eq(s.last.imported, 7, "of all channels");
	cr_expect_eq(s.last.filtered, 1);
	cr_expect_eq(s.last.exported, 7);

	cr_expect_eq(protocols("1002-a Static t up 05:49:24.684  \n0000 \n", &s), 1);
	cr_expect_str_eq(s.since, "05:49:24.684");
	cr_expect_eq(s.last.imported, REPLY_NOT, "unknown is not zero");

	cr_expect_eq(protocols("0000 \n", &s), 0, "no protocols is an answer");
	cr_expect_eq(protocols("9001 syntax error\n", &s), -EOPNOTSUPP);
	cr_expect_eq(protocols("", &s), -EBADMSG);
	cr_expect_eq(protocols("1002-a b c d e\n", &s), -EBADMSG, "without an end");
	cr_expect_eq(protocols("hello\n0000 \n", &s), -EBADMSG);
	cr_expect_eq(
		protocols("1002-a b c up\n1006-Routes: 99999999999999999999 imported\n0000 \n", &s),
		1);
	cr_expect_eq(s.last.imported, REPLY_NOT, "too large to be true");
}

Test(bird, ages_are_taken_from_all_forms_of_its_times)
{
	static const char now[] = "2026-11-23 05:49:33.912";
	int64_t us;

	cr_assert_eq(reply_age(now, "05:49:24.684", &us), 0);
	cr_expect_eq(us, 9228000);
	cr_assert_eq(reply_age(now, "23:49:33.912", &us), 0);
	cr_expect_eq(us / 1000000, 6 * 3600, "before midnight: %lld", (long long) us);
	cr_assert_eq(reply_age(now, "2026-11-22", &us), 0);
	cr_expect_eq(us / 1000000, 86400 + 5 * 3600 + 49 * 60 + 33);
	cr_assert_eq(reply_age(now, "2026-11-23 05:49:33", &us), 0);
	cr_expect_eq(us, 912000);
	cr_assert_eq(reply_age(now, "2026-11-24", &us), 0);
	cr_expect_eq(us, 0, "a clock that was set back");
	cr_expect_eq(reply_age(now, "", &us), -EINVAL);
	cr_expect_eq(reply_age(now, "yesterday", &us), -EINVAL);
	cr_expect_eq(reply_age(now, "2026-13-01", &us), -EINVAL);
	cr_expect_eq(reply_age(now, "25:00:00", &us), -EINVAL);
	cr_expect_eq(reply_age("05:49:33", "05:49:32", &us), -EINVAL, "now has a date");
}

/* ---- the sensor --------------------------------------------------------------------------- */

static void say_file(const char *words, const char *file)
{
	size_t size;
	char name[128], *text;

	(void) snprintf(name, sizeof(name), "tests/fuzz/corpus/bird/%s", file);
	text = fake_daemon_file(name, &size);
	fake_daemon_say(daemon_, words, text + 1, size - 1);
	free(text);
}

static void start(void)
{
	(void) snprintf(path, sizeof(path), "/tmp/anod-test-bird-%d.ctl", (int) getpid());
	daemon_ = fake_daemon_new(path, "0001 BIRD 2.0.12 ready.\n", '\n');
	fake_daemon_say(daemon_, "restrict", "0016 Access restricted\n", 23);
	say_file("show protocols", "protocols");
	say_file("show status", "status");
	say_file("show route count", "tables");
	host = fake_host_new("bird");
	fake_host_set_text(host, "socket", path);
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
	return has("daemon", "bird", "up", 1) && has("rib", "bird/default/master4", "routes", 5);
}

static bool down(struct fake_host *h, void *data)
{
	(void) h, (void) data;
	return has("daemon", "bird", "up", 0);
}

Test(bird, what_it_says_becomes_facts)
{
	start();
	cr_assert(fake_host_wait(host, up, NULL, WAIT_MS), "%s", fake_host_log(host));
	cr_expect(is("daemon", "bird", "version", "2.0.12"));
	cr_expect(is("bgp_peer", "bird/default/10.9.0.77", "state", "active"));
	cr_expect(is("bgp_peer", "bird/default/10.9.0.77", "reason", "Socket: No route to host"));
	cr_expect(has("bgp_peer", "bird/default/10.9.0.78", "enabled", 0));
	cr_expect(has("bgp_peer", "bird/default/10.9.0.77", "enabled", 1));
	cr_expect(has("bgp_peer", "bird/default/10.9.0.77", "peer_as", 65077));
	cr_expect(is("bird_protocol", "o", "state", "up"));
	cr_expect(has("bird_protocol", "st", "imported", 3));
	cr_expect(unknown("bird_protocol", "st", "filtered"), "BIRD does not say");
	cr_expect(unknown("daemon", "bird", "memory"), "this process is no bird");
	cr_expect_eq(fake_host_health(host, ANOD_HEALTH_ERROR), 0);
}

static bool dropped(struct fake_host *h, void *data)
{
	(void) h;
	return has("bgp_peer", "bird/default/10.9.0.2", "drops", *(int *) data);
}

static void session(const char *state, const char *since)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
			 "1002-t BGP --- up %s %s\n1006-  BGP state: %s\n     Neighbor address: "
			 "10.9.0.2\n0000 \n",
			 since, state, state);

	fake_daemon_say(daemon_, "show protocols", text, (size_t) n);
}

static bool established(struct fake_host *h, void *data)
{
	(void) h, (void) data;
	return is("bgp_peer", "bird/default/10.9.0.2", "state", "established");
}

Test(bird, lost_sessions_are_counted_also_between_two_readings)
{
	int n = 0;

	start();
	session("Established", "05:00:00");
	cr_assert(fake_host_wait(host, dropped, &n, WAIT_MS));
	session("Active", "05:49:30");
	n = 1;
	cr_assert(fake_host_wait(host, dropped, &n, WAIT_MS));
	session("Established", "05:49:25");
	cr_assert(fake_host_wait(host, established, NULL, WAIT_MS));
	cr_expect(dropped(host, &n));
	/* It is there before and after, but younger than it would be. */
	session("Established", "05:49:31");
	n = 2;
	cr_assert(fake_host_wait(host, dropped, &n, WAIT_MS));
}

static bool gone(struct fake_host *h, void *data)
{
	(void) data;
	return !fake_host_fact(h, "bgp_peer", "bird/default/10.9.0.77", "state") &&
	       fake_host_fact(h, "bgp_peer", "bird/default/10.9.0.2", "state");
}

Test(bird, what_it_does_not_name_any_more_is_gone)
{
	start();
	cr_assert(fake_host_wait(host, up, NULL, WAIT_MS));
	session("Established", "05:49:00");
	cr_assert(fake_host_wait(host, gone, NULL, WAIT_MS));
}

Test(bird, a_bad_daemon_makes_everything_unknown_and_is_asked_again)
{
	static const enum fake_daemon_mode bad[] = { FAKE_DAEMON_GARBAGE, FAKE_DAEMON_CUT,
						     FAKE_DAEMON_HUGE };

	start();
	cr_assert(fake_host_wait(host, up, NULL, WAIT_MS));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fake_daemon_mode(daemon_, bad[i]);
		cr_assert(fake_host_wait(host, down, NULL, WAIT_MS), "mode %u", bad[i]);
		cr_expect(unknown("bgp_peer", "bird/default/10.9.0.77", "state"));
		cr_expect(unknown("rib", "bird/default/master4", "routes"));
		cr_expect(unknown("bird_protocol", "o", "state"));
		fake_daemon_drop(daemon_);
		fake_daemon_mode(daemon_, FAKE_DAEMON_DRIP);
		cr_assert(fake_host_wait(host, up, NULL, WAIT_MS), "mode %u: it is back", bad[i]);
	}
	cr_expect_geq(fake_host_health(host, ANOD_HEALTH_ERROR), 3);
}

Test(bird, a_daemon_that_hangs_is_given_up_and_nobody_waits)
{
	start();
	cr_assert(fake_host_wait(host, up, NULL, WAIT_MS));
	fake_daemon_mode(daemon_, FAKE_DAEMON_MUTE);
	cr_assert(fake_host_wait(host, down, NULL, WAIT_MS));
	cr_expect(strstr(fake_host_log(host), "timed out"), "%s", fake_host_log(host));
}

Test(bird, a_daemon_that_ends_is_noticed_at_once)
{
	start();
	cr_assert(fake_host_wait(host, up, NULL, WAIT_MS));
	daemon_ = fake_daemon_free(daemon_);
	cr_assert(fake_host_wait(host, down, NULL, 1000));
	cr_expect(unknown("bgp_peer", "bird/default/10.9.0.77", "state"));
}

static bool said(struct fake_host *h, void *data)
{
	(void) data;
	return strstr(fake_host_log(h), "no BIRD answers") != NULL;
}

Test(bird, without_a_daemon_nothing_is_published)
{
	host = fake_host_new("bird");
	fake_host_set_text(host, "socket", "/tmp/anod-test-nobody.ctl");
	cr_assert_eq(fake_host_start(host), 0);
	cr_assert(fake_host_wait(host, said, NULL, WAIT_MS));
	cr_expect_eq(fake_host_entities(host, "daemon"), 0);
	cr_expect_eq(fake_host_health(host, ANOD_HEALTH_ERROR), 0);
}
