/*
 * nexthop - plans of nexthop.replace and nexthop.weight.
 *
 * Design.  Moving one next-hop object moves every prefix behind it, so the plan is one change
 * whatever the size of the table.  A group that is changed may be another daemon's and keeps its
 * protocol: it is still that daemon's.
 */
#include "plan.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#define MEMBERS_OF_ARGS 4

static int check_member(struct anod_job *j, const struct anod_nexthop *group, uint32_t id)
{
	struct anod_object key = { .type = ANOD_OBJ_NEXTHOP }, now;
	int r;

	if (id == group->id)
		return anod_refuse(j, -EINVAL, "next hop %u cannot be a member of itself", id);
	for (unsigned i = 0; i < group->n_members; i++)
		if (group->member[i].id == id)
			return anod_refuse(j, -EINVAL, "next hop %u is named twice: use its weight",
					   id);

	key.u.nexthop.id = id;
	r = j->v->get(j->v, &key, &now);
	if (r == -ENOENT)
		return anod_refuse(j, -ENOENT, "no next hop %u: make it first", id);
	if (r < 0)
		return anod_refuse(j, r, "cannot read next hop %u: %s", id, strerror(-r));
	if (now.u.nexthop.n_members)
		return anod_refuse(j, -EINVAL, "next hop %u is a group: groups do not nest", id);
	return 0;
}

static int get_members(struct anod_job *j, struct anod_nexthop *n)
{
	for (unsigned i = 1; i <= MEMBERS_OF_ARGS; i++) {
		struct anod_member m = { .weight = 1 };
		char name[ANOD_KIND_SIZE];
		int r, weighed;

		(void) snprintf(name, sizeof(name), "weight%u", i);
		weighed = anod_arg_int(j, name, 1, 256, &m.weight);
		if (weighed < 0)
			return weighed;
		(void) snprintf(name, sizeof(name), "member%u", i);
		r = anod_arg_int(j, name, 1, UINT32_MAX, &m.id);
		if (r < 0)
			return r;
		if (r == 0 && weighed)
			return anod_refuse(j, -EINVAL, "weight%u without member%u", i, i);
		if (r == 0)
			continue;

		r = check_member(j, n, m.id);
		if (r < 0)
			return r;
		n->member[n->n_members++] = m;
	}
	return 0;
}

static int get_single(struct anod_job *j, const struct anod_object *pre, struct anod_nexthop *n)
{
	int has_via, has_dev;

	has_via = anod_arg_address(j, "via", &n->via);
	if (has_via < 0)
		return has_via;
	has_dev = anod_arg_link(j, "dev", &n->ifindex);
	if (has_dev < 0)
		return has_dev;

	if (n->n_members) {
		if (has_via || has_dev)
			return anod_refuse(j, -EINVAL, "a group has members, not via or dev");
		return 0;
	}
	if (!has_dev)
		return anod_refuse(j, -EINVAL,
				   "give dev (and via), or member1 and so on for a group");
	n->family = has_via			   ? n->via.family
		    : pre && pre->u.nexthop.family ? pre->u.nexthop.family
						   : AF_INET;
	return 0;
}

int plan_nexthop_replace(const struct anod_action *a, const struct anod_view *v,
			 struct anod_plan *ret)
{
	struct anod_object post = { .type = ANOD_OBJ_NEXTHOP }, pre;
	struct anod_nexthop *n = &post.u.nexthop;
	struct anod_job j = { a, v, ret };
	int r, there;

	n->protocol = ANOD_RTPROT;
	r = anod_need(&j, "id", anod_arg_int(&j, "id", 1, UINT32_MAX, &n->id));
	if (r < 0)
		return r;
	there = anod_look(&j, &post, &pre);
	if (there < 0)
		return there;

	r = get_members(&j, n);
	if (r < 0)
		return r;
	r = get_single(&j, there ? &pre : NULL, n);
	if (r < 0)
		return r;
	if (there && (pre.u.nexthop.n_members > 0) != (n->n_members > 0))
		return anod_refuse(&j, -EINVAL,
				   "next hop %u is %s: the kernel cannot turn one into the other",
				   n->id, n->n_members ? "not a group" : "a group");
	/* replace_nexthop_grp() of the kernel (net/ipv4/nexthop.c) leaves a group the protocol of
	 * who made it, replace_nexthop_single() does not. */
	if (there && n->n_members)
		n->protocol = pre.u.nexthop.protocol;
	return anod_add_change(&j, there ? &pre : NULL, &post);
}

int plan_nexthop_weight(const struct anod_action *a, const struct anod_view *v,
			struct anod_plan *ret)
{
	struct anod_object key = { .type = ANOD_OBJ_NEXTHOP }, pre, post;
	struct anod_job j = { a, v, ret };
	uint32_t member, weight;
	int r;

	r = anod_need(&j, "id", anod_arg_int(&j, "id", 1, UINT32_MAX, &key.u.nexthop.id));
	if (r < 0)
		return r;
	r = anod_need(&j, "member", anod_arg_int(&j, "member", 1, UINT32_MAX, &member));
	if (r < 0)
		return r;
	r = anod_need(&j, "weight", anod_arg_int(&j, "weight", 1, 256, &weight));
	if (r < 0)
		return r;
	r = anod_look(&j, &key, &pre);
	if (r < 0)
		return r;
	if (r == 0 || !pre.u.nexthop.n_members)
		return anod_refuse(&j, -ENOENT, r ? "next hop %u is not a group" : "no next hop %u",
				   key.u.nexthop.id);

	post = pre;
	for (unsigned i = 0; i < post.u.nexthop.n_members && i < ANOD_LEGS_MAX; i++)
		if (post.u.nexthop.member[i].id == member) {
			post.u.nexthop.member[i].weight = weight;
			return anod_add_change(&j, &pre, &post);
		}
	return anod_refuse(&j, -ENOENT, "next hop %u is no member of group %u", member,
			   key.u.nexthop.id);
}
