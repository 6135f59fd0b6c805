/* The sensor rtnl hands the qdiscs that somebody has chosen to the model. */
#include <criterion/criterion.h>
#include <string.h>

#include <anod/rtnl.h>

#include "unit/fake_host.h"
#include "unit/netlab.h"

#define WAIT_MS 10000

static struct fake_host *host;
static struct anod_object key = { .type = ANOD_OBJ_QDISC };

static bool in_sync(struct fake_host *h, void *data)
{
	(void) data;
	return fake_host_in_sync(h, ANOD_OBJ_QDISC);
}

/* 'data': its line, or NULL: there is none. */
static bool shows(struct fake_host *h, void *data)
{
	const struct anod_object *o = fake_host_object(h, &key);
	char line[256];

	if (!o || !data)
		return !o && !data;
	return strstr(anod_object_text(o, line, sizeof(line)), data) != NULL;
}

static void expect(const char *command, const char *line)
{
	netlab_run("%s", command);
	cr_expect(fake_host_wait(host, shows, (void *) (uintptr_t) line, WAIT_MS), "%s", command);
}

static void stop(void)
{
	fake_host_free(host);
}

Test(rtnl_qdisc, follows_what_others_choose, .fini = stop)
{
	netlab_enter();
	netlab_veth("v0", "w0");
	netlab_run("tc qdisc add dev v0 root pfifo limit 5");
	key.u.qdisc.ifindex = netlab_ifindex("v0");
	host = fake_host_new("rtnl");
	cr_assert_eq(fake_host_start(host), 0, "%s", fake_host_log(host));
	cr_assert(fake_host_wait(host, in_sync, NULL, WAIT_MS));

	expect("true", "pfifo limit 5");
	expect("tc qdisc change dev v0 root pfifo limit 6", "pfifo limit 6");
	expect("tc qdisc del dev v0 root", NULL);
	expect("tc qdisc add dev v0 root handle 7: tbf rate 8mbit burst 20000 limit 90000",
	       "tbf rate 8 Mbit/s burst 20000 limit 90000");
	/* One below makes the root something that could not be restored, as long as it is there. */
	expect("tc qdisc add dev v0 parent 7:1 handle 8: pfifo limit 5", "(not all of it");
	expect("tc qdisc del dev v0 parent 7:1 handle 8:", "limit 90000");
	expect("tc qdisc replace dev v0 root htb", "htb (not all of it");
	/* Hooks for what comes in are none of it. */
	expect("tc qdisc del dev v0 root; tc qdisc add dev v0 clsact 2>/dev/null || true", NULL);
	expect("tc qdisc replace dev v0 root pfifo limit 5", "pfifo limit 5");
	expect("ip link del v0", NULL);
}
