/*
 * netlink_again - the socket of sensors, when the end of a request asks for the next one.
 */
#include <criterion/criterion.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <anod/netlink.h>

#include "plug/netlink_int.h"
#include "unit/fake_host.h"

#define ROUNDS 5

struct chain {
	struct anod_nl *nl;
	unsigned ends;
	int error;
};

static void ask(struct chain *c);

static void done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us, void *data)
{
	struct chain *c = data;

	(void) ctx, (void) why, (void) held_us;
	c->error = c->error ?: error;
	if (++c->ends < ROUNDS)
		ask(c);
}

static void ask(struct chain *c)
{
	struct anod_nl_put put;
	struct ifinfomsg *i = anod_nl_begin(&put, RTM_GETLINK, NLM_F_DUMP, sizeof(*i));

	i->ifi_family = AF_UNSPEC;
	cr_assert_eq(anod_nl_ask(c->nl, anod_nl_end(&put), NULL, done, c), 0);
}

static bool ended(struct fake_host *h, void *data)
{
	(void) h;
	return ((struct chain *) data)->ends == ROUNDS;
}

Test(netlink_again, each_request_is_sent_once)
{
	for (uint32_t flags = 0; flags <= ANOD_NL_SLOW; flags += ANOD_NL_SLOW) {
		struct fake_host *h = fake_host_bare();
		struct chain c = { 0 };

		cr_assert_eq(anod_nl_open(fake_host_ctx(h), NETLINK_ROUTE, flags, &c.nl), 0);
		ask(&c);
		cr_assert(fake_host_wait(h, ended, &c, 5000));
		cr_assert_eq(c.error, 0);
		/* Sent twice, a dump that is still under way is refused: EBUSY. */
		cr_assert_eq(c.nl->seq, ROUNDS, "%u were sent", c.nl->seq);
		anod_nl_close(c.nl);
		fake_host_free(h);
	}
}
