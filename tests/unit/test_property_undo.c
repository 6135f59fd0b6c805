/*
 * undo(apply(s)) = s, on the kernel: random routers, random plans of every kind of action, through
 * the executor's own code, and what ip(8) prints of everything before and after.  The seed is
 * printed; ANOD_SEED=N repeats a run, ANOD_ROUNDS=N makes it longer.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit/action_help.h"
#include "unit/execlab.h"
#include "unit/netlab.h"
#include "unit/random_policy.h"

#define ROUNDS	   250
#define ROUNDS_MAX 20000 /* a million take a day */
#define DUMP_SIZE  (256u << 10)

static struct serve s;
static struct exec_steps kept;
static struct dice d;
static char said[2048]; /* the plan in words */

static const char *one_of(const char *const *list, unsigned n)
{
	return list[dice_roll(&d, n)];
}
#define ONE_OF(...)                                                                                \
	one_of((const char *const[]){ __VA_ARGS__ },                                               \
	       (unsigned) ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

/* ---- the router -------------------------------------------------------------------------- */

static const char *dst4(void)
{
	return ONE_OF("0.0.0.0/0", "192.0.2.0/24", "192.0.2.128/25", "198.51.100.7/32",
		      "203.0.113.0/24");
}

static const char *dst6(void)
{
	return ONE_OF("::/0", "2001:db8:9::/48", "2001:db8:9:1::/64", "2001:db8:a::7/128");
}

static const char *leg4(void)
{
	return ONE_OF("via 10.0.0.2 dev wan0", "via 10.0.1.2 dev wan1", "via 10.0.0.9 dev wan0",
		      "via 10.0.2.2 dev lan0", "dev wan1");
}

static const char *leg6(void)
{
	return ONE_OF("via 2001:db8::2 dev wan0", "via 2001:db8:1::2 dev wan1",
		      "via 2001:db8::9 dev wan0");
}

static const char *extra(void)
{
	return ONE_OF("", "", " mtu 1400", " proto static", " proto bird", " proto 173",
		      " table 100", " realm 4");
}

static void route_command(FILE *f)
{
	unsigned metric = 5 * (1 + dice_roll(&d, 3));

	switch (dice_roll(&d, 8)) {
	case 0:
		fprintf(f, "route add %s metric %u nexthop %s weight 3 nexthop %s weight 1%s\n",
			dst4(), metric, leg4(), leg4(), ONE_OF("", " proto static"));
		return;
	case 1:
		fprintf(f, "route add %s metric %u nexthop %s nexthop %s weight 7\n", dst6(),
			metric, leg6(), leg6());
		return;
	case 2:
		fprintf(f, "route add %s %s metric %u table 100\n",
			ONE_OF("blackhole", "unreachable", "prohibit"), dst4(), metric);
		return;
	case 3:
		fprintf(f, "route add %s metric %u nhid %u\n", dst4(), metric,
			1 + dice_roll(&d, 4));
		return;
	case 4:
		fprintf(f, "route add %s metric %u nhid %u\n", dst6(), metric, 5);
		return;
	case 5:
	case 6:
		fprintf(f, "route add %s %s metric %u%s\n", dst6(), leg6(), metric,
			ONE_OF("", " proto static", " mtu 1300", " proto 173", " expires 600"));
		return;
	default:
		fprintf(f, "route add %s %s metric %u%s%s\n", dst4(), leg4(), metric, extra(),
			ONE_OF("", " src 10.0.0.1", " onlink", " tos 0x10"));
	}
}

static void world_command(FILE *f)
{
	switch (dice_roll(&d, 9)) {
	case 0:
		fprintf(f, "rule add %s lookup 100\n",
			ONE_OF("pref 500 from 10.9.0.0/16", "pref 501 to 192.0.2.0/24",
			       "pref 502 fwmark 7", "pref 503 iif lan0",
			       "pref 504 from 2001:db8:9::/48"));
		return;
	case 1:
		fprintf(f, "neigh add %s lladdr 02:00:00:00:00:0%u dev wan0 nud permanent\n",
			ONE_OF("10.0.0.2", "10.0.0.9", "2001:db8::2"), dice_roll(&d, 10));
		return;
	case 2:
		fprintf(f, "addr add 10.0.%u.%u/24 dev %s\n", dice_roll(&d, 3),
			20 + dice_roll(&d, 3), ONE_OF("wan0", "wan1", "lan0"));
		return;
	default:
		route_command(f);
	}
}

/* Commands that do not fit (a route that is there already) are passed over. */
static void run_batch(const char *path)
{
	char command[128];

	(void) snprintf(command, sizeof(command), "ip -force -batch %s >/dev/null 2>&1", path);
	(void) !system(command);
}

static void change_world(unsigned n)
{
	char path[] = "/tmp/anod-undo-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	cr_assert_not_null(f);
	while (n-- > 0)
		world_command(f);
	fclose(f);
	run_batch(path);
	(void) unlink(path);
}

static const char *a_link(void)
{
	return ONE_OF("wan0", "wan1", "lan0");
}

static void make_world(void)
{
	lab_open(&s);
	s.actions = descs;
	netlab_veth("lan0", "pc0");
	netlab_run("ip addr add 10.0.2.1/24 dev lan0; ip addr add 2001:db8:1::1/64 dev wan1 nodad;"
		   "ip nexthop add id 1 via 10.0.0.2 dev wan0;"
		   "ip nexthop add id 2 via 10.0.1.2 dev wan1 proto static;"
		   "ip nexthop add id 3 group 1,255/2,1; ip nexthop add id 4 group 1/2;"
		   "ip nexthop add id 5 via 2001:db8::2 dev wan0");
	netlab_run(
		"tc qdisc add dev %s root %s; tc qdisc add dev %s root %s || true", a_link(),
		ONE_OF("pfifo limit 7", "tbf rate 9mbit burst 20000 limit 90000"), a_link(),
		ONE_OF("pfifo limit 7", "tbf rate 9mbit burst 20000 limit 90000", "prio", "htb"));
	change_world(20 + dice_roll(&d, 20));
}

/* Everything, as ip(8) prints it, in an order of its own; what passes with time is left out.  The
 * legs of a route have no order (IPv6 turns it around each time), so each is a line. */
static const char *dump(char *buf)
{
	FILE *f = popen("(printf 'link show\\naddr show\\nroute show table all\\nrule show\\n"
			"nexthop show\\nneigh show nud permanent\\n' | ip -d -o -batch -;"
			"printf 'route show table all\\nrule show\\n' | ip -d -6 -o -batch -;"
			"tc qdisc show | sed -E 's/^(qdisc [a-z_]+) [0-9a-f]+:/\\1/';"
			"grep . /proc/sys/net/ipv4/tcp_mtu_probing "
			"/proc/sys/net/ipv4/conf/*/rp_filter) 2>&1 |"
			"sed -E 's/ linkdown//g; s/expires [0-9]+sec//; s/ cache//; s/qlen 1000//;"
			"s/ promiscuity .*//; s/ direct_packets_stat.*//; "
			"s/\\\\\tnexthop/\\nnexthop/g' | sort",
			"r");
	size_t n;

	cr_assert_not_null(f);
	n = fread(buf, 1, DUMP_SIZE - 1, f);
	buf[n] = '\0';
	pclose(f);
	cr_assert(n > 500 && n < DUMP_SIZE - 1, "%zu bytes: %s", n, buf);
	return buf;
}

/* The same, once the kernel has done what it does by and by (addresses of links that came up). */
static void dump_settled(char *buf)
{
	static char again[DUMP_SIZE];

	do {
		(void) dump(buf);
		(void) usleep(30000);
	} while (strcmp(buf, dump(again)) != 0);
}

/* ---- plans ------------------------------------------------------------------------------- */

static void add(const char *kind, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(const char *kind, const char *fmt, ...)
{
	size_t at = strlen(said);
	char args[256];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(args, sizeof(args), fmt, ap);
	va_end(ap);
	(void) snprintf(said + at, sizeof(said) - at, "%s %s; ", kind, args);
	add_action(kind, args);
}

static void random_route(void)
{
	unsigned metric = 5 * (1 + dice_roll(&d, 3));
	const char *kind = ONE_OF("route.add", "route.replace", "route.replace");

	switch (dice_roll(&d, 7)) {
	case 0:
		add(kind, "dst=%s metric=%u via=2001:db8::%u dev=wan0", dst6(), metric,
		    2 + dice_roll(&d, 3));
		return;
	case 1:
		add(kind,
		    "dst=%s metric=%u via=10.0.0.2 dev=wan0 weight=%u via2=10.0.1.2 dev2=wan1",
		    dst4(), metric, 1 + dice_roll(&d, 9));
		return;
	case 2:
		add(kind, "dst=%s metric=%u type=%s table=100", dst4(), metric,
		    ONE_OF("blackhole", "unreachable", "prohibit"));
		return;
	case 3:
		add(kind, "dst=%s metric=%u nhid=%u", dst4(), metric, 1 + dice_roll(&d, 4));
		return;
	case 4:
		add("route.del", "dst=%s metric=%u", dice_roll(&d, 3) ? dst4() : dst6(), metric);
		return;
	case 5:
		add("route.metric", "dst=%s metric=%u to=%u", dice_roll(&d, 3) ? dst4() : dst6(),
		    metric, 7 + dice_roll(&d, 3));
		return;
	default:
		add(kind, "dst=%s metric=%u via=10.0.%u.2 dev=%s%s", dst4(), metric,
		    dice_roll(&d, 2), ONE_OF("wan0", "wan1"), ONE_OF("", " mtu=1300"));
	}
}

static void random_action(void)
{
	switch (dice_roll(&d, 19)) {
	case 0:
		add("link.set", "dev=%s mtu=%u", a_link(), 1280 + 20 * dice_roll(&d, 9));
		return;
	case 1:
		add(ONE_OF("link.down", "link.up"), "dev=%s", a_link());
		return;
	case 2:
		add("link.set", "dev=%s admin=%s mtu=1400", a_link(), ONE_OF("up", "down"));
		return;
	case 3:
		add("nexthop.replace", "id=%u via=10.0.%u.2 dev=%s", 1 + dice_roll(&d, 7),
		    dice_roll(&d, 2), ONE_OF("wan0", "wan1"));
		return;
	case 4:
		add("nexthop.replace", "id=%u member1=1 weight1=%u member2=2", 3 + dice_roll(&d, 5),
		    1 + dice_roll(&d, 200));
		return;
	case 5:
		add("nexthop.weight", "id=%u member=%u weight=%u", 3 + dice_roll(&d, 2),
		    1 + dice_roll(&d, 2), 1 + dice_roll(&d, 255));
		return;
	case 6:
		add("rule.add", "priority=%u table=%u %s", 500 + dice_roll(&d, 8),
		    100 + dice_roll(&d, 2),
		    ONE_OF("src=10.9.0.0/16", "dst=192.0.2.0/24", "fwmark=7", "iif=lan0",
			   "src=2001:db8:9::/48"));
		return;
	case 7:
		add("rule.del", "table=100 %s",
		    ONE_OF("priority=500 src=10.9.0.0/16", "priority=501 dst=192.0.2.0/24",
			   "priority=502 fwmark=7", "priority=503 iif=lan0",
			   "priority=504 src=2001:db8:9::/48"));
		return;
	case 8:
		add("neigh.replace", "dev=wan0 dst=%s lladdr=02:00:00:00:00:%02u",
		    ONE_OF("10.0.0.2", "10.0.0.9", "10.0.0.30", "2001:db8::2"), dice_roll(&d, 99));
		return;
	case 9:
		add("qdisc.replace", "dev=%s type=%s", a_link(),
		    ONE_OF("pfifo limit=50", "pfifo", "bfifo limit=9000", "tbf rate=8000000",
			   "tbf rate=16000000 burst=90000", "pfifo_fast"));
		return;
	case 10:
		add("qdisc.rate", "dev=%s rate=%u", a_link(), 4000000 + 8 * dice_roll(&d, 9));
		return;
	case 11:
		add("qdisc.del", "dev=%s", a_link());
		return;
	case 12:
		add("sysctl.set", "name=net.ipv4.%s",
		    ONE_OF("tcp_mtu_probing value=1", "conf.wan0.rp_filter value=2",
			   "conf.wan1.rp_filter value=1"));
		return;
	default:
		random_route();
	}
}

/* ---- rounds ------------------------------------------------------------------------------ */

static struct {
	unsigned refused, nothing, failed, done, kinds[KINDS_MAX];
} count;

static void count_kinds(void)
{
	for (uint32_t i = 0; i < request.n_actions; i++)
		for (unsigned k = 0; descs[k]; k++)
			count.kinds[k] += strcmp(descs[k]->kind, request.action[i].kind) == 0;
}

/* For the message of a round that fails. */
static void note(const char *what, const struct exec_result *r)
{
	size_t at = strlen(said);

	(void) snprintf(said + at, sizeof(said) - at, "\n%s: error %d \"%s\", %u of %u:", what,
			r->error, r->why, r->n_done, r->n_steps);
	for (unsigned i = 0; i < r->n_steps; i++) {
		at = strlen(said);
		(void) snprintf(said + at, sizeof(said) - at, " %u", r->state[i]);
	}
}

/* True when something was applied and undone. */
static bool round_trip(void)
{
	struct exec_result r;
	unsigned n = 1 + dice_roll(&d, 4);

	new_request(true);
	said[0] = '\0';
	while (n-- > 0)
		random_action();
	cr_assert_eq(serve_message(&s, &request.head), 0, "%s", said);
	kept = s.steps;
	if (kept.error < 0) {
		count.refused++;
		return false;
	}
	if (kept.n_steps == 0) {
		count.nothing++;
		return false;
	}

	/* What stops half way is undone like what went well. */
	r = lab_apply(&s, 1);
	note("applied", &r);
	count.failed += r.error < 0;
	count.done += r.error == 0;
	if (r.error == 0)
		count_kinds();
	r = lab_steps(&s, EXEC_UNDO, &kept);
	note("undone", &r);
	cr_assert_eq(r.error, 0, "%s: %s", said, r.why);
	/* Twice is once. */
	r = lab_steps(&s, EXEC_UNDO, &kept);
	cr_assert_eq(r.error, 0, "%s: %s", said, r.why);
	for (unsigned i = 0; i < r.n_steps; i++)
		cr_assert(r.state[i] != STEP_UNDONE || kept.step[i].undo_len == 0,
			  "%s: step %u was undone twice", said, i);
	return true;
}

static void show_difference(const char *before, const char *after)
{
	FILE *a = fopen("/tmp/anod-undo-before", "w"), *b = fopen("/tmp/anod-undo-after", "w");

	if (a && b) {
		fputs(before, a);
		fputs(after, b);
		fclose(a);
		fclose(b);
		(void) !system("diff /tmp/anod-undo-before /tmp/anod-undo-after >&2;"
			       "rm /tmp/anod-undo-before /tmp/anod-undo-after");
	}
}

Test(property, what_is_undone_is_as_before, .timeout = 7200)
{
	unsigned rounds = MIN_OF(rounds_of(ROUNDS), (unsigned) ROUNDS_MAX), n;
	static char before[DUMP_SIZE], after[DUMP_SIZE];

	d = (struct dice){ dice_seed("undo") };
	load_actuator();
	for (n = 0; n < rounds; n++) {
		uint64_t limit;

		if (n % 40 == 0) {
			if (n)
				serve_done(&s);
			make_world();
			dump_settled(before);
		} else if (n % 5 == 0) {
			change_world(2);
			dump_settled(before);
		}
		if (!round_trip())
			continue;
		/* A link that comes up takes its time with some of the kernel's own. */
		limit = clock_boot_us() + 4 * US_PER_S;
		while (strcmp(before, dump(after)) != 0 && clock_boot_us() < limit)
			;
		if (strcmp(before, after) != 0)
			show_difference(before, after);
		cr_assert_str_eq(before, after, "round %u: %s", n, said);
	}
	serve_done(&s);

	fprintf(stderr,
		"undo: %u plans: %u done and undone, %u stopped half way and undone, "
		"%u changed nothing, %u refused:",
		n, count.done, count.failed, count.nothing, count.refused);
	for (unsigned k = 0; descs[k]; k++)
		fprintf(stderr, " %s %u", descs[k]->kind, count.kinds[k]);
	fprintf(stderr, "\n");
	cr_expect(count.done > rounds / 5, "%u of %u", count.done, rounds);
}
