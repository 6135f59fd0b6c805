/* A reflex fires when its link is lost, once, in order, and what it did is undone like any other. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include "exec/guardian_int.h"
#include "unit/guardian_help.h"

static struct exec_step move; /* old -> new, not applied */

static void open_lab(void)
{
	struct anod_change c = open_route();

	cr_assert_eq(lab_prepare(&s, 1, &c, 1, false), 0);
	move = s.steps.step[0];
	open_folder("/tmp/anod-reflex-XXXXXX");
	cr_assert_eq(journal_open(lab.dir, 0, &lab.journal), 0);
	open_guardian(-1);
}

static void close_lab(void)
{
	close_guardian();
	serve_done(&s);
	netlab_run("rm -r %s", lab.dir);
}

static const void *answer(uint32_t type, uint64_t id)
{
	return answer_on(lab.fd, type, id);
}

static struct guard_arm *message(uint64_t tx, const char *link, unsigned n)
{
	struct guard_arm *m = arm_of(tx, GUARD_REFLEX, n);

	if (n)
		m->step[0] = move;
	m->trigger.hold_us = LONG_US;
	if (link)
		set_trigger(m, link);
	return m;
}

static void put(const struct guard_arm *m)
{
	cr_assert_eq(send(lab.fd, m, m->head.size, 0), m->head.size);
}

static void arm(const struct guard_arm *m)
{
	const struct guard_ack *ack;

	put(m);
	ack = answer(GUARD_ARMED, m->head.id);
	cr_assert_eq(ack->crc, crc32c(0, m, m->head.size));
}

static void say(uint32_t type, uint64_t id, uint32_t flags)
{
	struct guard_ack m = { { type, sizeof(m), id }, 0, flags };

	cr_assert_eq(send(lab.fd, &m, sizeof(m), 0), sizeof(m));
}

static struct guard_state state(void)
{
	say(GUARD_STATUS, 77, 0);
	return *(const struct guard_state *) answer(GUARD_STATE, 77);
}

static struct guard_reflexed reflexed(uint64_t tx)
{
	return *(const struct guard_reflexed *) answer(GUARD_REFLEXED, tx);
}

static unsigned n_entries(void)
{
	struct guardian_entry *e = NULL;
	unsigned n;

	cr_assert_eq(guardian_read(lab.dir, &e, &n), 0);
	free(e);
	return n;
}

/* Another route of the same destination, so that order shows. */
static struct guard_arm *second(uint64_t tx, const char *link)
{
	struct guard_arm *m = message(tx, link, 1);
	struct anod_object third = lab_route("192.0.2.0/24", 5, "10.0.1.3", "wan1");

	m->step[0].change.pre = new;
	m->step[0].change.post = third;
	m->step[0].undo_len =
		(uint32_t) anod_rtnl_encode(ANOD_RTNL_SET, &new, &third, m->step[0].undo);
	return m;
}

Test(guardian_reflex, the_loss_of_its_link_fires_it_however_it_comes)
{
	static const char *const loss[] = {
		"ip link set isp0 down",    "ip link set wan0 down",
		"ip link del wan0",	    "ip link set wan0 down; ip link set wan0 name gone0",
		"ip link set wan0 netns 1",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(loss); i++) {
		uint64_t before;
		struct guard_reflexed r;

		open_lab();
		arm(message(1, "wan0", 1));
		cr_assert(lab_is(&old), "nothing is applied before");
		netlab_run("ip link set wan0 mtu 1400; ip link set wan1 mtu 1400");
		cr_assert_eq(guardian_run(lab.g), 1);
		cr_assert(no_answer(lab.fd), "another event, another link");

		before = boot_ns();
		netlab_run("%s", loss[i]);
		r = reflexed(1);
		cr_assert(lab_is(&new), "%s", loss[i]);
		cr_assert_eq(r.cause, GUARD_CAUSE_EVENT);
		cr_assert_eq(r.error, 0);
		cr_assert(r.seen_ns > before && r.sent_ns > r.seen_ns && r.sent_ns < boot_ns());
		cr_assert_eq(r.deadline_us, r.sent_ns / 1000 + LONG_US);
		cr_assert_eq(n_entries(), 0, "nothing was undone");
		close_lab();
	}
}

Test(guardian_reflex, a_rename_or_a_lost_carrier_alone_is_a_loss)
{
	struct guard_trigger t = { .ifindex = 3, .link = "wan0" };
	struct link_news n = { .ifindex = 3, .up = true, .name = "wan0" };

	cr_assert(!link_news_lost(&n, &t));
	n.name[0] = '\0';
	cr_assert(!link_news_lost(&n, &t), "a message without a name says nothing of it");
	strcpy(n.name, "wan0x");
	cr_assert(link_news_lost(&n, &t));
	strcpy(n.name, "wan0");
	n.up = false;
	cr_assert(link_news_lost(&n, &t));
	n.up = n.gone = true;
	cr_assert(link_news_lost(&n, &t));
	n.ifindex = 4;
	cr_assert(!link_news_lost(&n, &t));
}

Test(guardian_reflex, what_has_fired_is_an_undo_like_any_other)
{
	struct guard_arm *m;
	struct guard_reflexed r;
	struct journal_record intent = { .type = JOURNAL_INTENT, .tx = 4 };
	struct journal_record commit = { .type = JOURNAL_COMMIT, .tx = 4 };

	/* Its deadline counts from the firing. */
	open_lab();
	m = message(1, "wan0", 1);
	m->trigger.hold_us = 200 * US_PER_MS;
	arm(m);
	netlab_run("ip link set isp0 down");
	r = reflexed(1);
	cr_assert_eq(state().n_undos, 1);
	cr_assert(lab_is(&new));
	cr_assert_eq(((const struct exec_result *) answer(GUARD_FIRED, 1))->state[0], STEP_UNDONE);
	cr_assert_geq(clock_boot_us(), r.deadline_us);
	cr_assert(lab_is(&old));
	cr_assert_eq(n_entries(), 1);
	cr_assert_eq(state().n_undos, 0);

	/* The host's death, and "on crash hold". */
	netlab_run("ip link set isp0 up");
	for (uint64_t tx = 2; tx <= 4; tx++) {
		cr_assert_eq(netlab_set(&old, NULL), 0);
		m = message(tx, "wan0", 1);
		m->flags |= tx == 3 ? GUARD_HOLD_ON_CRASH : 0;
		arm(m);
		say(GUARD_TRIGGER, tx, 0);
		r = reflexed(tx);
		cr_assert_eq(r.cause, GUARD_CAUSE_HOST);
		cr_assert(lab_is(&new));
		if (tx == 2)
			say(GUARD_DISARM, 2, 0), answer(GUARD_DISARMED, 2);
	}
	cr_assert_eq(journal_append(lab.journal, &intent, false), 0);
	cr_assert_eq(journal_append(lab.journal, &commit, false), 0);
	close(lab.fd);
	lab.fd = -1;
	cr_assert_eq(run(), 1, "3 is held");
	cr_assert(lab_is(&new), "2 was disarmed, 3 is held, 4 is committed");
	cr_assert_eq(n_entries(), 1);
	close_lab();

	open_lab();
	arm(message(1, "wan0", 1));
	say(GUARD_TRIGGER, 1, 0);
	reflexed(1);
	close(lab.fd);
	lab.fd = -1;
	cr_assert_eq(run(), 0);
	cr_assert(lab_is(&old));
	cr_assert_eq(n_entries(), 1);
	close_lab();
}

Test(guardian_reflex, all_of_one_link_fire_in_the_order_armed)
{
	struct anod_object third;
	struct guard_reflexed r;

	open_lab();
	third = lab_route("192.0.2.0/24", 5, "10.0.1.3", "wan1");
	arm(second(9, "wan1"));
	arm(message(7, "wan0", 1));
	arm(message(8, "wan0", 0));
	arm(second(3, "wan0"));
	cr_assert_eq(state().n_waiting, 4);
	netlab_run("ip link set isp0 down");
	reflexed(7);
	r = reflexed(8);
	cr_assert_eq(r.deadline_us, 0, "it only watched");
	cr_assert_eq(r.sent_ns, r.seen_ns);
	reflexed(3);
	cr_assert(lab_is(&third), "7 first, then 3");
	cr_assert_eq(state().n_waiting, 1, "9 waits for another link");
	cr_assert_eq(state().n_undos, 2);

	/* Undone newest first. */
	close(lab.fd);
	lab.fd = -1;
	cr_assert_eq(run(), 0);
	cr_assert(lab_is(&old));
	close_lab();
}

Test(guardian_reflex, one_that_has_not_fired_ends_without_a_trace)
{
	struct guard_arm *m;

	open_lab();
	m = message(1, "wan0", 1);
	m->deadline_us = clock_boot_us() + 100 * US_PER_MS;
	arm(m);
	answer(GUARD_DISARMED, 1);
	cr_assert_geq(clock_boot_us(), m->deadline_us);

	arm(message(2, "wan0", 1));
	say(GUARD_DISARM, 2, GUARD_UNFIRED);
	answer(GUARD_DISARMED, 2);
	netlab_run("ip link set isp0 down; ip link set isp0 up");
	cr_assert_eq(state().n_waiting, 0);
	cr_assert_lt(lab.g->reflex.events, 0, "no link is watched");

	m = message(3, "wan0", 1);
	m->flags |= GUARD_HOLD_ON_CRASH;
	arm(m);
	close(lab.fd);
	lab.fd = -1;
	cr_assert_eq(run(), 0, "nothing is held for a dead host");
	cr_assert(lab_is(&old));
	cr_assert_eq(n_entries(), 0);
	close_lab();
}

Test(guardian_reflex, a_host_that_does_not_know_yet_is_told_again)
{
	open_lab();
	arm(message(1, "wan0", 1));
	say(GUARD_TRIGGER, 1, 0);
	reflexed(1);
	say(GUARD_DISARM, 1, GUARD_UNFIRED);
	reflexed(1);
	say(GUARD_TRIGGER, 1, 0);
	reflexed(1);
	put(message(1, "wan0", 1));
	reflexed(1);
	cr_assert_eq(state().n_undos, 1, "its undo is still there");
	say(GUARD_DISARM, 1, 0);
	answer(GUARD_DISARMED, 1);
	say(GUARD_TRIGGER, 1, 0);
	answer(GUARD_DISARMED, 1);
	cr_assert(lab_is(&new));
	close_lab();
}

Test(guardian_reflex, a_link_that_is_down_or_another_is_refused)
{
	struct guard_arm *m;

	open_lab();
	netlab_run("ip link set isp0 down");
	put(message(1, "wan0", 1));
	answer(GUARD_DISARMED, 1);
	netlab_run("ip link set isp0 up");
	m = message(2, "wan0", 1);
	strcpy(m->trigger.link, "wan9");
	put(m);
	answer(GUARD_DISARMED, 2);
	m = message(3, "wan0", 1);
	m->trigger.ifindex = 4711;
	put(m);
	answer(GUARD_DISARMED, 3);
	cr_assert_eq(state().n_waiting, 0);
	cr_assert(lab_is(&old));
	arm(message(4, "wan0", 1));
	close_lab();
}

Test(guardian_reflex, what_the_kernel_refuses_is_told)
{
	struct guard_arm *m;
	struct guard_reflexed r;

	open_lab();
	m = message(1, "wan0", 2);
	m->step[1] = move;
	m->step[1].change.has_pre = 0;
	m->step[1].change.post.u.route.leg[0].via = netlab_address("203.0.113.1");
	m->step[1].change.post.u.route.dst = netlab_address("198.51.100.0/24");
	arm(m);
	say(GUARD_TRIGGER, 1, 0);
	r = reflexed(1);
	cr_assert_eq(r.error, -ENETUNREACH, "%s", strerror(-r.error));
	cr_assert(lab_is(&new), "the other message went through");
	cr_assert_gt(r.deadline_us, 0);
	close_lab();
}

Test(guardian_reflex, events_that_were_lost_are_asked_for)
{
	struct anod_object up = { .type = ANOD_OBJ_LINK }, more;

	open_lab();
	arm(message(1, "wan0", 1));
	up.u.link.ifindex = netlab_ifindex("wan1");
	cr_assert_eq(netlab_get(&up, &up, NULL), 0);
	more = up;
	for (unsigned i = 0; i < 6000; i++) {
		more.u.link.mtu = 1300 + i % 2;
		cr_assert_eq(netlab_set(&more, &up), 0);
	}
	netlab_run("ip link set isp0 down");
	cr_assert_eq(reflexed(1).cause, GUARD_CAUSE_SENTINEL);
	cr_assert(lab_is(&new));
	close_lab();
}

/* A link of the ordinary kind: the kernel tells of its carrier when it finds the time. */
static int open_tun(const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		cr_skip_test("/dev/net/tun: %s", strerror(errno));
	strcpy(r.ifr_name, name);
	cr_assert_eq(ioctl(fd, TUNSETIFF, &r), 0, "%s", strerror(errno));
	netlab_run("ip link set %s up", name);
	return fd;
}

static void set_carrier(int tun, int on)
{
	cr_assert_eq(ioctl(tun, TUNSETCARRIER, &on), 0, "%s", strerror(errno));
}

Test(guardian_reflex, the_sentinel_asks_and_says_what_it_costs)
{
	struct guard_reflexed r;
	struct guard_arm *m;
	struct guard_state st;
	int tun;

	open_lab();
	tun = open_tun("tun0");
	(void) open_tun("tun1");
	m = message(1, "tun0", 1);
	m->trigger.sentinel_us = 1000;
	arm(m);
	m = message(2, "tun1", 0);
	m->trigger.sentinel_us = 5000000;
	arm(m);
	arm(message(3, "wan0", 0));
	do
		cr_assert_eq(run(), 1);
	while (lab.g->reflex.n_asks < 20);
	st = state();
	cr_assert_eq(st.n_links, 2, "wan0 is not asked for");
	cr_assert_geq(st.n_asks, 20);
	cr_assert_gt(st.ask_ns, 0);
	cr_assert_lt(st.ask_ns / st.n_asks, 1000000);

	/* The kernel tells such a link's second event within a second late, unless asked. */
	set_carrier(tun, 0);
	r = reflexed(1);
	cr_assert(r.cause == GUARD_CAUSE_EVENT || r.cause == GUARD_CAUSE_SENTINEL);
	set_carrier(tun, 1);
	m = message(4, "tun0", 0);
	m->trigger.sentinel_us = 1000;
	for (;;) { /* "on" is told late, too */
		const struct chan_head *h;

		put(m);
		cr_assert_eq(run(), 1);
		if (no_answer(lab.fd))
			continue;
		h = answer(lab.g->reflex.n ? GUARD_ARMED : GUARD_DISARMED, 4);
		if (h->type == GUARD_ARMED)
			break;
	}
	set_carrier(tun, 0);
	r = reflexed(4);
	cr_assert_eq(r.cause, GUARD_CAUSE_SENTINEL);
	close_lab();
}

Test(guardian_reflex, unsound_reflexes_are_refused)
{
	struct guard_arm *m;

	open_lab();
#define REFUSED(n, ...)                                                                            \
	do {                                                                                       \
		m = message(5, "wan0", n);                                                         \
		__VA_ARGS__;                                                                       \
		put(m);                                                                            \
		answer(GUARD_DISARMED, 5);                                                         \
		cr_assert(!guardian_needed(lab.g), #__VA_ARGS__);                                  \
	} while (0)
	REFUSED(1, m->flags = 0);
	REFUSED(1, m->flags |= 4);
	REFUSED(1, m->trigger.hold_us = 0);
	REFUSED(1, m->trigger.link[0] = '\0');
	REFUSED(1, memset(m->trigger.link, 'x', sizeof(m->trigger.link)));
	REFUSED(1, m->trigger.ifindex = 0);
	REFUSED(1, m->trigger.ifindex = UINT32_MAX);
	REFUSED(1, m->trigger.sentinel_us = GUARD_SENTINEL_MIN_US - 1);
	REFUSED(1, m->trigger.sentinel_us = GUARD_SENTINEL_MAX_US + 1);
	REFUSED(0, memset(&m->trigger, 0, sizeof(m->trigger)));
	REFUSED(1, m->step[0].flags = STEP_SIDE);
	REFUSED(1, m->step[0].change.post.u.route.dst.family = 99);
	/* Never to be made, only to be changed. */
	REFUSED(1, m->step[0].change.has_pre = 0; m->step[0].change.post = lab_link("wan1"));

	/* A trigger for what is no reflex. */
	m = message(6, NULL, 1);
	m->flags = 0;
	memset(&m->trigger, 0, sizeof(m->trigger));
	arm(m);
	say(GUARD_TRIGGER, 6, 0);
	answer(GUARD_DISARMED, 6);
	/* The host's word alone is a trigger, too. */
	m = message(7, NULL, 1);
	arm(m);
	say(GUARD_TRIGGER, 7, 0);
	reflexed(7);
	cr_assert(lab_is(&new));
	say(GUARD_DISARM, 7, 6);
	answer(GUARD_DISARMED, 7);
	close_lab();
}

/* It was stopped, its host died, the next one wrote that nothing was changed; and then it fired. */
Test(guardian_reflex, one_that_fires_behind_its_end_takes_that_back)
{
	struct journal_record r = { .type = JOURNAL_INTENT, .tx = 1, .n_steps = 1, .step = &move };

	open_lab();
	cr_assert_eq(journal_append(lab.journal, &r, false), 0);
	arm(message(1, NULL, 1));
	say(GUARD_TRIGGER, 1, 0);
	(void) reflexed(1);
	cr_assert(lab_is(&new));
	r = (struct journal_record){ .type = JOURNAL_ABORTED, .tx = 1 };
	cr_assert_eq(journal_append(lab.journal, &r, false), 0);
	close(lab.fd);
	lab.fd = -1;
	while (lab_is(&new))
		cr_assert_geq(run(), 0);
	cr_assert(lab_is(&old));
	close_lab();
}
