/* What an action plans is what the kernel then shows, and the reverse brings back what was. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <anod/plugin.h>
#include <anod/rtnl.h>

#include "unit/netlab.h"

static const struct anod_plugin *plugin;
static struct anod_plan plan;

static int kernel_get(const struct anod_view *v, const struct anod_object *key,
		      struct anod_object *ret)
{
	(void) v;
	return netlab_get(key, ret, NULL);
}

static int kernel_ifindex(const struct anod_view *v, const char *name)
{
	unsigned i = if_nametoindex(name);

	(void) v;
	return i ? (int) i : -ENODEV;
}

static const struct anod_view view = { kernel_get, kernel_ifindex };

static void set_up(void)
{
	void *so = dlopen(BUILD_DIR "/plugins/act_rtnl.so", RTLD_NOW | RTLD_LOCAL);

	cr_assert(so, "%s", dlerror());
	plugin = dlsym(so, "anod_plugin_v1");
	netlab_enter();
	netlab_veth("v0", "w0");
	netlab_veth("v1", "w1");
	netlab_run(
		"ip addr add 10.0.0.1/24 dev v0; ip addr add 10.0.1.1/24 dev v1;"
		"ip addr add 2001:db8::1/64 dev v0 nodad; ip addr add 2001:db8:1::1/64 dev v1 "
		"nodad;"
		"ip nexthop add id 1 via 10.0.0.2 dev v0; ip nexthop add id 2 via 10.0.1.2 dev v1;"
		"ip nexthop add id 100 group 1/2;"
		"ip route add 10.9.0.0/16 via 10.0.0.2 metric 5 proto static;"
		"ip -6 route add 2001:db8:9::/48 via 2001:db8::2;"
		"ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:01 dev v0");
}

static int put_arg(const struct anod_action_desc *d, const char *name, const char *text,
		   struct anod_arg *ret)
{
	for (const struct anod_param *p = d->params; p->name; p++)
		if (strcmp(p->name, name) == 0) {
			strcpy(ret->name, name);
			ret->value = (struct anod_value){ .type = p->type, .unit = p->unit };
			if (p->type == ANOD_INT)
				ret->value.u.i = strtoll(text, NULL, 10);
			else if (p->type == ANOD_PREFIX)
				ret->value.u.prefix = netlab_address(text);
			else
				strcpy(ret->value.u.text, text);
			return 0;
		}
	return -ENOENT;
}

static int make_plan(const char *kind, const char *args)
{
	struct anod_action a = { .size = sizeof(a) };
	char copy[256], *word, *save = NULL;
	const struct anod_action_desc *d = plugin->actions;

	while (d->kind && strcmp(d->kind, kind) != 0)
		d++;
	cr_assert(d->kind, "no action %s", kind);
	(void) snprintf(copy, sizeof(copy), "%s", args);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *value = strchr(word, '=');

		*value++ = '\0';
		cr_assert_eq(put_arg(d, word, value, &a.arg[a.n_args++]), 0);
	}
	memset(&plan, 0, sizeof(plan));
	return d->plan(&a, &view, &plan);
}

static void carry_out(const struct anod_object *from, const struct anod_object *to,
		      const char *what)
{
	int r = to ? netlab_set(to, from) : netlab_del(from);

	cr_assert_eq(r, 0, "%s: %s", what, strerror(-r));
}

static void expect_now(const struct anod_object *want, const struct anod_object *pre,
		       const char *what)
{
	struct anod_object now;
	char a[300] = "nothing", b[300] = "nothing";
	int r = netlab_get(want ? want : pre, &now, NULL);

	cr_assert(r == 0 || r == -ENOENT, "%s: %s", what, strerror(-r));
	if (want)
		anod_object_text(want, a, sizeof(a));
	if (r == 0)
		anod_object_text(&now, b, sizeof(b));
	cr_assert(anod_object_matches(r == 0 ? &now : NULL, want, pre), "%s\nwanted: %s\nis: %s",
		  what, a, b);
}

/* As the executor does: before-images, forward, read back; in reverse, read back. */
static void forth_and_back(const char *kind, const char *args)
{
	int r = make_plan(kind, args);

	cr_assert_eq(r, 0, "%s %s: %s", kind, args, plan.error);
	cr_assert_gt(plan.n_changes, 0);
	for (unsigned i = 0; i < plan.n_changes; i++) {
		const struct anod_change *c = &plan.change[i];

		carry_out(c->has_pre ? &c->pre : NULL, c->has_post ? &c->post : NULL, args);
	}
	for (unsigned i = 0; i < plan.n_changes; i++) {
		const struct anod_change *c = &plan.change[i];

		expect_now(c->has_post ? &c->post : NULL, c->has_pre ? &c->pre : NULL, args);
	}
	for (unsigned i = plan.n_changes; i-- > 0;) {
		const struct anod_change *c = &plan.change[i];

		carry_out(c->has_post ? &c->post : NULL, c->has_pre ? &c->pre : NULL, args);
		expect_now(c->has_pre ? &c->pre : NULL, c->has_post ? &c->post : NULL, args);
	}
}

Test(act_rtnl_kernel, what_is_planned_is_what_the_kernel_shows, .init = set_up, .timeout = 60)
{
	static const char *const cases[][2] = {
		{ "link.set", "dev=v0 mtu=1400" },
		{ "route.add", "dst=10.8.0.0/16 via=10.0.0.2 dev=v0" },
		{ "route.add", "dst=10.8.0.0/16 dev=v0 metric=9 src=10.0.1.1 mtu=1400" },
		{ "route.add", "dst=0.0.0.0/0 via=10.0.0.2 dev=v0 weight=3 via2=10.0.1.2 dev2=v1" },
		{ "route.add", "dst=0.0.0.0/0 via=10.0.0.2 dev=v0 dev2=v1 table=100" },
		{ "route.add", "dst=10.8.0.0/16 via=2001:db8::2 dev=v0" },
		{ "route.add", "dst=10.8.0.0/16 nhid=100" },
		{ "route.add", "dst=10.8.0.0/16 type=unreachable" },
		{ "route.add", "dst=2001:db8:8::/48 via=2001:db8::2 dev=v0" },
		{ "route.add",
		  "dst=2001:db8:8::/48 via=fe80::2 dev=v0 via2=fe80::3 dev2=v1 metric=9" },
		{ "route.add", "dst=::/0 dev=v0 mtu=1400" },
		{ "route.add", "dst=2001:db8:8::/48 type=prohibit" },
		{ "route.replace", "dst=10.9.0.0/16 metric=5 via=10.0.1.2 dev=v1" },
		{ "route.replace", "dst=10.9.0.0/16 metric=5 nhid=100" },
		{ "route.replace", "dst=10.9.0.0/16 metric=5 type=blackhole" },
		{ "route.replace", "dst=2001:db8:9::/48 dev=v1" },
		{ "route.replace", "dst=2001:db8:9::/48 via=fe80::2 dev=v0 via2=fe80::3 dev2=v1" },
		{ "route.del", "dst=10.9.0.0/16 metric=5" },
		{ "route.del", "dst=2001:db8:9::/48" },
		{ "route.metric", "dst=10.9.0.0/16 metric=5 to=500" },
		{ "route.metric", "dst=10.9.0.0/16 metric=5 to=0" },
		{ "route.metric", "dst=2001:db8:9::/48 metric=1024 to=7" },
		{ "nexthop.replace", "id=7 dev=v0" },
		{ "nexthop.replace", "id=1 via=10.0.1.9 dev=v1" },
		{ "nexthop.replace", "id=8 member1=1 weight1=255 member2=2" },
		{ "nexthop.weight", "id=100 member=2 weight=77" },
		{ "rule.add", "priority=100 table=70 src=10.1.0.0/16 iif=v0 fwmark=5" },
		{ "rule.add", "priority=100 table=254 dst=2001:db8::/32 oif=gone0" },
		{ "neigh.replace", "dev=v0 dst=10.0.0.7 lladdr=02:00:00:00:00:07" },
		{ "neigh.replace", "dev=v0 dst=10.0.0.9 lladdr=02:00:00:00:00:07" },
		{ "neigh.replace", "dev=v1 dst=2001:db8:1::7 lladdr=02:00:00:00:00:07" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		forth_and_back(cases[i][0], cases[i][1]);

	cr_assert_eq(make_plan("rule.add", "priority=100 table=70"), 0);
	carry_out(NULL, &plan.change[0].post, "rule.add");
	forth_and_back("rule.del", "priority=100 table=70");
	forth_and_back("link.down", "dev=v1");
	cr_assert_eq(make_plan("route.add", "dst=10.9.0.0/16 metric=5 dev=v0"), -EEXIST);
	cr_assert_eq(make_plan("link.up", "dev=nolink"), -ENODEV);
}
