/*
 * act - one random change, done to the kernel and to the overlay.
 *
 * Design.  Most changes are an object before and after, sent by the codec, as the executor does.
 * The peer of a link stands for the far end of a cable; what follows for the link is the model's
 * to predict.
 */
#include "twin.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

char act_text[512];

struct pick {
	struct anod_object o;
	unsigned n;
	int (*wanted)(const struct anod_object *);
};

static int pick_one(const struct anod_object *o, void *data)
{
	struct pick *p = data;

	if ((!p->wanted || p->wanted(o)) && roll(++p->n) == 0)
		p->o = *o;
	return 0;
}

static bool pick(const struct overlay *o, enum anod_obj_type type,
		 int (*wanted)(const struct anod_object *), struct anod_object *ret)
{
	struct pick p = { .wanted = wanted };

	(void) overlay_each(o, type, pick_one, &p);
	*ret = p.o;
	return p.n > 0;
}

static void name_it(const char *what, const struct anod_object *o)
{
	char text[400];

	(void) snprintf(act_text, sizeof(act_text), "%s %s", what,
			anod_object_text(o, text, sizeof(text)));
}

/* The kernel deletes the first rule that has what is named, which may be another one. */
static bool is_there(const struct anod_object *o)
{
	static struct anod_object list[OBJECTS_MAX];
	unsigned n = net_dump((enum anod_obj_type) o->type, list, OBJECTS_MAX);

	for (unsigned i = 0; i < n; i++)
		if (anod_object_same_key(&list[i], o))
			return true;
	return false;
}

static bool apply(struct overlay *o, const struct anod_object *pre, const struct anod_object *post)
{
	struct anod_change c = { .has_pre = pre != NULL, .has_post = post != NULL };
	int r;

	r = post ? net_do(ANOD_RTNL_SET, post, pre) : net_do(ANOD_RTNL_DEL, pre, NULL);
	if (r < 0 || (!post && pre->type == ANOD_OBJ_RULE && is_there(pre)))
		return false;
	if (pre)
		c.pre = *pre;
	if (post)
		c.post = *post;
	net_settle();
	if (overlay_apply(o, &c) < 0)
		die("the overlay refuses: %s", act_text);
	return true;
}

/* ---- links ------------------------------------------------------------------------------ */

static bool turn(struct overlay *o, const char *name)
{
	struct anod_object pre = { .type = ANOD_OBJ_LINK }, post;

	pre.u.link.ifindex = world_ifindex(name);
	if (overlay_get(o, &pre, &pre) < 0)
		die("the model has no link %s", name);
	post = pre;
	post.u.link.flags ^= IFF_UP;
	name_it("set to", &post);
	return apply(o, &pre, &post);
}

static bool turn_link(struct overlay *o)
{
	return turn(o, world_any_link());
}

static bool turn_peer(struct overlay *o)
{
	char name[8];

	(void) snprintf(name, sizeof(name), "p%u", 1 + roll(VETHS));
	return turn(o, name);
}

/* ---- the rest --------------------------------------------------------------------------- */

static int own_route(const struct anod_object *o)
{
	return o->u.route.protocol == RTPROT_STATIC;
}

static int own_rule(const struct anod_object *o)
{
	return o->u.rule.protocol == RTPROT_STATIC;
}

static int is_group(const struct anod_object *o)
{
	return o->u.nexthop.n_members > 0;
}

static int is_plain(const struct anod_object *o)
{
	return !o->u.nexthop.n_members;
}

static int not_loopback(const struct anod_object *o)
{
	return o->u.addr.ifindex != 1;
}

static bool set_route(struct overlay *o)
{
	struct anod_object post = world_route(), pre, other;
	bool has_pre;

	if (chance(60) && pick(o, ANOD_OBJ_ROUTE, own_route, &other) &&
	    other.u.route.dst.family == post.u.route.dst.family) {
		post.u.route.dst = other.u.route.dst;
		post.u.route.table = other.u.route.table;
		post.u.route.metric = other.u.route.metric;
		post.u.route.tos = other.u.route.tos;
	}
	has_pre = overlay_get(o, &post, &pre) == 0;
	name_it(has_pre ? "replace" : "add", &post);
	return apply(o, has_pre ? &pre : NULL, &post);
}

static bool set_nexthop(struct overlay *o)
{
	struct anod_object pre, post;

	if (!pick(o, ANOD_OBJ_NEXTHOP, chance(50) ? is_group : is_plain, &pre))
		return false;
	if (!pre.u.nexthop.n_members) {
		post = world_nexthop(pre.u.nexthop.id);
	} else if (chance(50)) {
		post = pre;
		for (unsigned i = 0; i < post.u.nexthop.n_members; i++)
			post.u.nexthop.member[i].weight = 1 + roll(5);
	} else {
		post = world_group(pre.u.nexthop.id);
	}
	name_it("replace", &post);
	return apply(o, &pre, &post);
}

static bool add_rule(struct overlay *o)
{
	struct anod_object post = world_rule();

	name_it("add", &post);
	return apply(o, NULL, &post);
}

static bool remove_one(struct overlay *o, enum anod_obj_type type,
		       int (*wanted)(const struct anod_object *))
{
	struct anod_object pre;

	if (!pick(o, type, wanted, &pre))
		return false;
	name_it("delete", &pre);
	return apply(o, &pre, NULL);
}

bool act_random(struct overlay *o)
{
	uint32_t n = roll(100);

	act_text[0] = '\0';
	if (n < 8)
		return turn_link(o);
	if (n < 14)
		return turn_peer(o);
	if (n < 45)
		return set_route(o);
	if (n < 58)
		return remove_one(o, ANOD_OBJ_ROUTE, own_route);
	if (n < 68)
		return set_nexthop(o);
	if (n < 72)
		return remove_one(o, ANOD_OBJ_NEXTHOP, NULL);
	if (n < 82)
		return add_rule(o);
	if (n < 92)
		return remove_one(o, ANOD_OBJ_RULE, own_rule);
	return remove_one(o, ANOD_OBJ_ADDR, not_loopback);
}
