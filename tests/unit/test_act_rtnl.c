/* Every action kind: what it plans, that the reverse restores the table, what it refuses. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <anod/plugin.h>
#include <anod/rtnl.h>

#include "unit/netlab.h"

#define OBJECTS_MAX 32

/* A small network as a table. */
struct net {
	struct anod_view view;
	struct anod_object o[OBJECTS_MAX];
	unsigned n;
};

static struct net net;
static struct anod_plan plan;
static const struct anod_plugin *plugin;

static struct anod_object *find(const struct anod_object *key)
{
	for (unsigned i = 0; i < net.n; i++)
		if (anod_object_same_key(&net.o[i], key))
			return &net.o[i];
	return NULL;
}

static int net_get(const struct anod_view *v, const struct anod_object *key,
		   struct anod_object *ret)
{
	const struct anod_object *o = find(key);

	(void) v;
	if (!o)
		return -ENOENT;
	*ret = *o;
	return 0;
}

static int net_ifindex(const struct anod_view *v, const char *name)
{
	(void) v;
	for (unsigned i = 0; i < net.n; i++)
		if (net.o[i].type == ANOD_OBJ_LINK && strcmp(net.o[i].u.link.name, name) == 0)
			return (int) net.o[i].u.link.ifindex;
	return -ENODEV;
}

static struct anod_object *add(enum anod_obj_type type)
{
	cr_assert_lt(net.n, OBJECTS_MAX);
	net.o[net.n] = (struct anod_object){ .type = type };
	return &net.o[net.n++];
}

static void add_link(uint32_t ifindex, const char *name)
{
	struct anod_link *l = &add(ANOD_OBJ_LINK)->u.link;

	l->ifindex = ifindex;
	strcpy(l->name, name);
	l->flags = IFF_UP;
	l->mtu = 1500;
	l->lladdr_len = 6;
	l->lladdr[5] = (uint8_t) ifindex;
}

static struct anod_object *add_route(const char *dst, uint32_t metric, const char *via,
				     uint32_t dev)
{
	struct anod_object *o = add(ANOD_OBJ_ROUTE);
	struct anod_route *t = &o->u.route;

	t->dst = netlab_address(dst);
	t->table = RT_TABLE_MAIN;
	t->metric = metric;
	t->protocol = RTPROT_STATIC;
	t->type = RTN_UNICAST;
	t->n_legs = 1;
	t->leg[0] = (struct anod_leg){ netlab_address(via), dev, 0, 1 };
	return o;
}

static void add_nexthop(uint32_t id, const char *via, uint32_t dev)
{
	struct anod_nexthop *n = &add(ANOD_OBJ_NEXTHOP)->u.nexthop;

	n->id = id;
	n->via = netlab_address(via);
	n->family = n->via.family;
	n->ifindex = dev;
	n->protocol = ANOD_RTPROT;
}

static void set_up(void)
{
	void *so = dlopen(BUILD_DIR "/plugins/act_rtnl.so", RTLD_NOW | RTLD_LOCAL);
	struct anod_nexthop *g;

	cr_assert(so, "%s", dlerror());
	plugin = dlsym(so, "anod_plugin_v1");
	cr_assert(plugin);
	net.view = (struct anod_view){ net_get, net_ifindex };
	add_link(3, "wan0");
	add_link(4, "wan1");
	add_route("10.0.0.0/8", 5, "192.0.2.1", 3);
	add_route("2001:db8::/32", 1024, "fe80::1", 3);
	add_route("172.16.0.0/12", 0, "192.0.2.1", 3)->flags = ANOD_OBJ_LOSSY;
	add_nexthop(1, "192.0.2.1", 3);
	add_nexthop(2, "198.51.100.1", 4);
	g = &add(ANOD_OBJ_NEXTHOP)->u.nexthop;
	g->id = 100;
	g->protocol = RTPROT_ZEBRA;
	g->n_members = 2;
	g->member[0] = (struct anod_member){ 1, 255 };
	g->member[1] = (struct anod_member){ 2, 1 };
}

TestSuite(act_rtnl, .init = set_up);

/* ---- helpers ------------------------------------------------------------------------------ */

static const struct anod_action_desc *desc(const char *kind)
{
	for (const struct anod_action_desc *d = plugin->actions; d->kind; d++)
		if (strcmp(d->kind, kind) == 0)
			return d;
	cr_assert_fail("no action %s", kind);
	return NULL;
}

static bool put_arg(const struct anod_action_desc *d, const char *name, const char *text,
		    struct anod_value *ret)
{
	for (const struct anod_param *p = d->params; p->name; p++) {
		if (strcmp(p->name, name) != 0)
			continue;
		*ret = (struct anod_value){ .type = p->type, .unit = p->unit };
		if (p->type == ANOD_INT)
			ret->u.i = strtoll(text, NULL, 10);
		else if (p->type == ANOD_PREFIX)
			ret->u.prefix = netlab_address(text);
		else
			strcpy(ret->u.text, text);
		return true;
	}
	return false;
}

/* try("route.add", "dst=10.0.0.0/8 via=192.0.2.1 dev=wan0") */
static int try(const char *kind, const char *args)
{
	const struct anod_action_desc *d = desc(kind);
	struct anod_action a = { .size = sizeof(a) };
	char copy[256], *word, *save = NULL;

	strcpy(a.kind, kind);
	(void) snprintf(copy, sizeof(copy), "%s", args);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		struct anod_arg *g = &a.arg[a.n_args++];
		char *value = strchr(word, '=');

		*value++ = '\0';
		strcpy(g->name, word);
		cr_assert(put_arg(d, word, value, &g->value), "%s has no %s", kind, word);
	}
	memset(&plan, 0, sizeof(plan));
	return d->plan(&a, &net.view, &plan);
}

static void set_object(const struct anod_object *from, const struct anod_object *to)
{
	struct anod_object *o = find(from ? from : to);

	if (!to) {
		cr_assert(o);
		*o = net.o[--net.n];
	} else if (o) {
		*o = *to;
	} else {
		*add(to->type) = *to;
	}
}

/* Apply the plan, and take it back: the table is then as before. */
static void forth_and_back(const char *what)
{
	static struct net before;

	before = net;
	for (unsigned i = 0; i < plan.n_changes; i++) {
		const struct anod_change *c = &plan.change[i];

		cr_assert(!c->has_pre || find(&c->pre), "%s: before-image of nothing", what);
		cr_assert(c->has_pre || !find(&c->post), "%s: makes what is there", what);
		set_object(c->has_pre ? &c->pre : NULL, c->has_post ? &c->post : NULL);
	}
	for (unsigned i = plan.n_changes; i-- > 0;) {
		const struct anod_change *c = &plan.change[i];

		set_object(c->has_post ? &c->post : NULL, c->has_pre ? &c->pre : NULL);
	}
	cr_assert_eq(net.n, before.n, "%s", what);
	for (unsigned i = 0; i < before.n; i++) {
		const struct anod_object *o = find(&before.o[i]);

		cr_assert(o && memcmp(o, &before.o[i], sizeof(*o)) == 0, "%s: not restored", what);
	}
}

/* The plan has the changes "-old" and "+new" in this order, as text. */
static void plans(const char *kind, const char *args, const char *expected)
{
	char text[1024] = "", line[300];
	int r = try(kind, args);

	cr_assert_eq(r, 0, "%s %s: %s", kind, args, plan.error);
	for (unsigned i = 0; i < plan.n_changes; i++) {
		const struct anod_change *c = &plan.change[i];

		if (c->has_pre)
			strcat(strcat(text, "-"), anod_object_text(&c->pre, line, sizeof(line)));
		if (c->has_pre && c->has_post)
			strcat(text, " ");
		if (c->has_post)
			strcat(strcat(text, "+"), anod_object_text(&c->post, line, sizeof(line)));
		strcat(text, "\n");
	}
	cr_assert_str_eq(text, expected, "%s %s", kind, args);
	forth_and_back(args);
}

static void refuses(const char *kind, const char *args, int error, const char *words)
{
	int r = try(kind, args);

	cr_assert_eq(r, error, "%s %s: %d, %s", kind, args, r, plan.error);
	cr_assert(strstr(plan.error, words), "%s %s: %s", kind, args, plan.error);
	cr_assert_eq(plan.n_changes, 0);
}

/* ---- tests -------------------------------------------------------------------------------- */

#define LLADDR3 " lladdr 00:00:00:00:00:03"

Test(act_rtnl, links)
{
	plans("link.down", "dev=wan0",
	      "-link wan0 dev 3 up mtu 1500" LLADDR3 " +link wan0 dev 3 down mtu 1500" LLADDR3
	      "\n");
	plans("link.up", "dev=wan0", "");
	plans("link.set", "dev=wan0 mtu=1400 admin=up",
	      "-link wan0 dev 3 up mtu 1500" LLADDR3 " +link wan0 dev 3 up mtu 1400" LLADDR3 "\n");
	plans("link.set", "dev=wan0 admin=down",
	      "-link wan0 dev 3 up mtu 1500" LLADDR3 " +link wan0 dev 3 down mtu 1500" LLADDR3
	      "\n");
	refuses("link.up", "dev=wan7", -ENODEV, "no link 'wan7'");
	refuses("link.set", "dev=wan0", -EINVAL, "give admin, mtu or ignore_linkdown");
	refuses("link.set", "dev=wan0 admin=sideways", -EINVAL, "up");
	refuses("link.set", "dev=wan0 mtu=5", -EINVAL, "from 68 to 65535");
	refuses("link.set", "mtu=1400", -EINVAL, "dev is missing");
}

Test(act_rtnl, routes_are_added)
{
	plans("route.add", "dst=10.0.0.0/8 via=192.0.2.1 dev=wan0 metric=6",
	      "+route main 10.0.0.0/8 metric 6 via 192.0.2.1 dev 3 proto anod\n");
	plans("route.add", "dst=0.0.0.0/0 dev=wan0 src=192.0.2.9 mtu=1400 table=100",
	      "+route 100 0.0.0.0/0 metric 0 dev 3 src 192.0.2.9 mtu 1400 proto anod\n");
	cr_expect_eq(plan.change[0].post.u.route.scope, RT_SCOPE_LINK);
	plans("route.add",
	      "dst=0.0.0.0/0 via=192.0.2.1 dev=wan0 weight=9 via3=198.51.100.1 "
	      "dev3=wan1",
	      "+route main 0.0.0.0/0 metric 0 nexthop via 192.0.2.1 dev 3 weight 9 nexthop via "
	      "198.51.100.1 dev 4 weight 1 proto anod\n");
	cr_expect_eq(plan.change[0].post.u.route.scope, RT_SCOPE_UNIVERSE);
	plans("route.add", "dst=2001:db8:1::/48 via=fe80::1 dev=wan0",
	      "+route main 2001:db8:1::/48 metric 1024 via fe80::1 dev 3 proto anod\n");
	plans("route.add", "dst=10.1.0.0/16 via=fe80::1 dev=wan0",
	      "+route main 10.1.0.0/16 metric 0 via fe80::1 dev 3 proto anod\n");
	plans("route.add", "dst=10.1.0.0/16 nhid=100",
	      "+route main 10.1.0.0/16 metric 0 nhid 100 proto anod\n");
	plans("route.add", "dst=10.1.0.0/16 type=blackhole",
	      "+route main blackhole 10.1.0.0/16 metric 0 proto anod\n");

	refuses("route.add", "dst=10.0.0.0/8 via=192.0.2.1 dev=wan0 metric=5", -EEXIST,
		"a route to 10.0.0.0/8 metric 5 exists already (proto static): use route.replace");
	refuses("route.add", "via=192.0.2.1 dev=wan0", -EINVAL, "dst is missing");
	refuses("route.add", "dst=10.1.0.0/16", -EINVAL, "where to?");
	refuses("route.add", "dst=10.1.0.0/16 via=192.0.2.1", -EINVAL, "needs dev");
	refuses("route.add", "dst=10.1.0.0/16 via=192.0.2.0/24 dev=wan0", -EINVAL, "an address");
	refuses("route.add", "dst=10.1.0.0/16 via=192.0.2.1 dev=wan7", -ENODEV, "no link 'wan7'");
	refuses("route.add", "dst=2001:db8:1::/48 via=192.0.2.1 dev=wan0", -EINVAL,
		"192.0.2.1 is an IPv4 address, but 2001:db8:1::/48 is IPv6");
	refuses("route.add", "dst=10.1.0.0/16 nhid=100 dev=wan0", -EINVAL, "contradicts");
	refuses("route.add", "dst=10.1.0.0/16 nhid=9", -ENOENT, "no next hop 9");
	refuses("route.add", "dst=10.1.0.0/16 type=blackhole dev=wan0", -EINVAL, "drops");
	refuses("route.add", "dst=10.1.0.0/16 dev=wan0 weight=2", -EINVAL, "second leg");
	refuses("route.add", "dst=10.1.0.0/16 dev=wan0 weight2=2", -EINVAL, "weight2 without");
	refuses("route.add", "dst=10.1.0.0/16 dev=wan0 dev2=wan0", -EINVAL, "the same");
	refuses("route.add", "dst=10.1.0.0/16 dev=wan0 src=2001:db8::1", -EINVAL, "family");
	refuses("route.add", "dst=10.1.0.0/16 dev=wan0 table=255", -EPERM, "local");
	refuses("route.add", "dst=10.1.0.0/16 dev=wan0 type=purple", -EINVAL, "unicast");
}

Test(act_rtnl, routes_are_replaced)
{
	plans("route.replace", "dst=10.0.0.0/8 metric=5 via=198.51.100.1 dev=wan1",
	      "-route main 10.0.0.0/8 metric 5 via 192.0.2.1 dev 3 proto static "
	      "+route main 10.0.0.0/8 metric 5 via 198.51.100.1 dev 4 proto anod\n");
	/* The device is known from the route that is there. */
	plans("route.replace", "dst=10.0.0.0/8 metric=5 via=192.0.2.1",
	      "-route main 10.0.0.0/8 metric 5 via 192.0.2.1 dev 3 proto static "
	      "+route main 10.0.0.0/8 metric 5 via 192.0.2.1 dev 3 proto anod\n");
	plans("route.replace", "dst=10.7.0.0/16 via=192.0.2.1 dev=wan0",
	      "+route main 10.7.0.0/16 metric 0 via 192.0.2.1 dev 3 proto anod\n");

	/* The same again, whatever state the kernel added: nothing to do. */
	net.o[2].u.route.protocol = ANOD_RTPROT;
	net.o[2].u.route.leg[0].flags = RTNH_F_LINKDOWN;
	plans("route.replace", "dst=10.0.0.0/8 metric=5 via=192.0.2.1 dev=wan0", "");
	refuses("route.replace", "dst=172.16.0.0/12 dev=wan0", -EOPNOTSUPP, "cannot restore");
}

Test(act_rtnl, routes_are_deleted_and_moved)
{
	plans("route.del", "dst=10.0.0.0/8 metric=5",
	      "-route main 10.0.0.0/8 metric 5 via 192.0.2.1 dev 3 proto static\n");
	plans("route.del", "dst=2001:db8::/32",
	      "-route main 2001:db8::/32 metric 1024 via fe80::1 dev 3 proto static\n");
	refuses("route.del", "dst=10.0.0.0/8", -ENOENT, "no route to 10.0.0.0/8 metric 0");
	refuses("route.del", "dst=10.0.0.0/8 metric=5 table=7", -ENOENT, "in table 7");
	refuses("route.del", "dst=172.16.0.0/12", -EOPNOTSUPP, "cannot restore");

	/* Make before break. */
	plans("route.metric", "dst=10.0.0.0/8 metric=5 to=50",
	      "+route main 10.0.0.0/8 metric 50 via 192.0.2.1 dev 3 proto anod\n"
	      "-route main 10.0.0.0/8 metric 5 via 192.0.2.1 dev 3 proto static\n");
	plans("route.metric", "dst=10.0.0.0/8 metric=5 to=5", "");
	add_route("10.0.0.0/8", 60, "192.0.2.1", 3);
	refuses("route.metric", "dst=10.0.0.0/8 metric=5 to=60", -EEXIST, "metric 60 exists");
	refuses("route.metric", "dst=10.0.0.0/8 metric=7 to=70", -ENOENT, "no route");
	refuses("route.metric", "dst=10.0.0.0/8 metric=5", -EINVAL, "to is missing");
	refuses("route.metric", "dst=172.16.0.0/12 metric=0 to=9", -EOPNOTSUPP, "cannot restore");
}

Test(act_rtnl, next_hops)
{
	plans("nexthop.replace", "id=7 via=192.0.2.1 dev=wan0",
	      "+nexthop 7 via 192.0.2.1 dev 3 proto anod\n");
	plans("nexthop.replace", "id=1 via=198.51.100.1 dev=wan1",
	      "-nexthop 1 via 192.0.2.1 dev 3 proto anod "
	      "+nexthop 1 via 198.51.100.1 dev 4 proto anod\n");
	plans("nexthop.replace", "id=8 member1=1 weight1=255 member2=2",
	      "+nexthop 8 group 1 weight 255, 2 weight 1 proto anod\n");
	plans("nexthop.replace", "id=2 via=198.51.100.1 dev=wan1", "");
	plans("nexthop.replace", "id=100 member1=2",
	      "-nexthop 100 group 1 weight 255, 2 weight 1 proto zebra "
	      "+nexthop 100 group 2 weight 1 proto zebra\n");
	refuses("nexthop.replace", "id=7", -EINVAL, "give dev");
	refuses("nexthop.replace", "via=192.0.2.1 dev=wan0", -EINVAL, "id is missing");
	refuses("nexthop.replace", "id=100 dev=wan0", -EINVAL, "cannot turn one into the other");
	refuses("nexthop.replace", "id=1 member1=2", -EINVAL, "cannot turn one into the other");
	refuses("nexthop.replace", "id=8 member1=9", -ENOENT, "no next hop 9");
	refuses("nexthop.replace", "id=8 member1=100", -EINVAL, "do not nest");
	refuses("nexthop.replace", "id=8 member1=8", -EINVAL, "itself");
	refuses("nexthop.replace", "id=8 member1=1 member2=1", -EINVAL, "twice");
	refuses("nexthop.replace", "id=8 member1=1 weight2=1", -EINVAL, "weight2 without member2");
	refuses("nexthop.replace", "id=8 member1=1 dev=wan0", -EINVAL, "members");

	plans("nexthop.weight", "id=100 member=2 weight=128",
	      "-nexthop 100 group 1 weight 255, 2 weight 1 proto zebra "
	      "+nexthop 100 group 1 weight 255, 2 weight 128 proto zebra\n");
	plans("nexthop.weight", "id=100 member=2 weight=1", "");
	refuses("nexthop.weight", "id=100 member=3 weight=1", -ENOENT, "no member");
	refuses("nexthop.weight", "id=1 member=3 weight=1", -ENOENT, "not a group");
	refuses("nexthop.weight", "id=9 member=3 weight=1", -ENOENT, "no next hop 9");
	refuses("nexthop.weight", "id=100 member=2 weight=257", -EINVAL, "from 1 to 256");
	net.o[net.n - 1].flags = ANOD_OBJ_LOSSY;
	refuses("nexthop.weight", "id=100 member=2 weight=7", -EOPNOTSUPP, "cannot restore");
}

Test(act_rtnl, rules)
{
	const char *args = "priority=100 table=70 src=10.1.0.0/16 iif=wan0 fwmark=5";
	const char *text = "rule inet 100: from 10.1.0.0/16 fwmark 0x5/0xffffffff iif wan0 lookup "
			   "70 proto anod\n";
	char expected[256];

	(void) snprintf(expected, sizeof(expected), "+%s", text);
	plans("rule.add", args, expected);
	cr_assert_eq(try("rule.add", args), 0);
	*add(ANOD_OBJ_RULE) = plan.change[0].post;
	refuses("rule.add", args, -EEXIST, "exists already (proto anod)");
	(void) snprintf(expected, sizeof(expected), "-%s", text);
	plans("rule.del", args, expected);
	refuses("rule.del", "priority=100 table=70 src=10.1.0.0/16", -ENOENT, "no rule 100");

	plans("rule.add", "priority=100 table=254 dst=2001:db8::/32 oif=wan1",
	      "+rule inet6 100: to 2001:db8::/32 oif wan1 lookup main proto anod\n");
	plans("rule.add", "priority=100 table=254 src=0.0.0.0/0",
	      "+rule inet 100: lookup main proto anod\n");
	refuses("rule.add", "priority=100", -EINVAL, "table is missing");
	refuses("rule.add", "table=100", -EINVAL, "priority is missing");
	refuses("rule.add", "priority=100 table=7 src=10.0.0.0/8 dst=2001:db8::/32", -EINVAL,
		"another family");
	refuses("rule.add", "priority=100 table=7 family=inet6 dst=10.0.0.0/8", -EINVAL,
		"another family");
	refuses("rule.add", "priority=100 table=7 family=ipx", -EINVAL, "inet or inet6");
	refuses("rule.add", "priority=100 table=7 iif=averyveryverylongname", -EINVAL, "no link");
	add(ANOD_OBJ_RULE)->u.rule = (struct anod_rule){
		.family = AF_INET, .priority = 9, .table = 9, .action = FR_ACT_TO_TBL
	};
	net.o[net.n - 1].flags = ANOD_OBJ_LOSSY;
	refuses("rule.del", "priority=9 table=9", -EOPNOTSUPP, "cannot restore");
}

Test(act_rtnl, neighbours)
{
	struct anod_neigh *n = &add(ANOD_OBJ_NEIGH)->u.neigh;

	n->ifindex = 3;
	n->dst = netlab_address("192.0.2.1");
	n->state = NUD_STALE;
	n->lladdr_len = 6;
	n->lladdr[5] = 9;
	plans("neigh.flush", "dev=wan0 dst=192.0.2.1",
	      "-neigh 192.0.2.1 dev 3 lladdr 00:00:00:00:00:09 stale\n");
	plans("neigh.replace", "dev=wan0 dst=192.0.2.1 lladdr=02:00:00:00:00:0a",
	      "-neigh 192.0.2.1 dev 3 lladdr 00:00:00:00:00:09 stale "
	      "+neigh 192.0.2.1 dev 3 lladdr 02:00:00:00:00:0a permanent\n");
	plans("neigh.replace", "dev=wan1 dst=2001:db8::1 lladdr=02:00:00:00:00:0A",
	      "+neigh 2001:db8::1 dev 4 lladdr 02:00:00:00:00:0a permanent\n");
	refuses("neigh.flush", "dev=wan0 dst=192.0.2.2", -ENOENT, "no neighbour 192.0.2.2");
	refuses("neigh.flush", "dev=wan0 dst=192.0.2.0/24", -EINVAL, "an address");
	refuses("neigh.flush", "dst=192.0.2.1", -EINVAL, "dev is missing");
	refuses("neigh.replace", "dev=wan0 dst=192.0.2.1", -EINVAL, "lladdr is missing");
	refuses("neigh.replace", "dev=wan0 dst=192.0.2.1 lladdr=02:00", -EINVAL, "bytes");
	refuses("neigh.replace", "dev=wan0 dst=192.0.2.1 lladdr=2:0:0:0:0:1", -EINVAL, "look like");
	refuses("neigh.replace", "dev=wan0 dst=192.0.2.1 lladdr=02:00:00:00:00:01:", -EINVAL,
		"look like");
	n->state = NUD_PERMANENT;
	refuses("neigh.flush", "dev=wan0 dst=192.0.2.1", -EPERM, "by hand");
	n->state = NUD_FAILED;
	n->lladdr_len = 0;
	cr_assert_eq(try("neigh.replace", "dev=wan0 dst=192.0.2.1 lladdr=02:00:00:00:00:0a"), 0);
	cr_expect_eq(plan.change[0].has_pre, 0, "nothing that could be restored");
}

/* The executor trusts nobody: wrong types and text without an end are refused, not read. */
Test(act_rtnl, arguments_of_the_wrong_kind_are_refused)
{
	struct anod_action a = { .size = sizeof(a), .n_args = 1 };

	for (const struct anod_action_desc *d = plugin->actions; d->kind; d++)
		for (const struct anod_param *p = d->params; p->name; p++)
			for (int type = ANOD_UNKNOWN; type <= ANOD_PREFIX; type++) {
				if (type == p->type)
					continue;
				strcpy(a.arg[0].name, p->name);
				memset(&a.arg[0].value, 0xff, sizeof(a.arg[0].value));
				a.arg[0].value.type = (uint8_t) type;
				memset(&plan, 0, sizeof(plan));
				cr_expect_lt(d->plan(&a, &net.view, &plan), 0);
				cr_expect(plan.error[0]);
			}

	strcpy(a.kind, "link.up");
	strcpy(a.arg[0].name, "dev");
	a.arg[0].value.type = ANOD_TEXT;
	memset(a.arg[0].value.u.text, 'x', ANOD_TEXT_SIZE);
	cr_expect_eq(desc("link.up")->plan(&a, &net.view, &plan), -EINVAL);
	a.n_args = UINT32_MAX;
	cr_expect_lt(desc("link.up")->plan(&a, &net.view, &plan), 0);
}

Test(act_rtnl, every_kind_says_what_it_takes)
{
	unsigned n = 0;

	for (const struct anod_action_desc *d = plugin->actions; d->kind; d++, n++) {
		cr_expect(d->help && d->help[0]);
		cr_expect_lt(strlen(d->kind), ANOD_KIND_SIZE);
		cr_expect(!!(d->flags & ANOD_ACT_UNDO) == !!strcmp(d->kind, "neigh.flush"));
		for (const struct anod_param *p = d->params; p->name; p++) {
			cr_expect(p->help && p->help[0], "%s.%s", d->kind, p->name);
			cr_expect_lt(strlen(p->name), ANOD_KIND_SIZE);
		}
	}
	cr_expect_eq(n, 13);
}
