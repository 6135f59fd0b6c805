/*
 * route - plans of route.add, route.replace, route.del and route.metric.
 *
 * Design.  A route is named by table, prefix and metric.  route.metric makes the new route before
 * the old one goes, so at no time there is none; in between the kernel has both and takes the
 * lower metric.  What anod makes is anod's, even where it replaces a route of somebody else:
 * whether that is allowed is for the policy, which the executor asks.
 */
#include "plan.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

static int refuse_missing(struct anod_job *j, const struct anod_object *key)
{
	const struct anod_route *t = &key->u.route;

	if (t->table == RT_TABLE_MAIN)
		return anod_refuse(j, -ENOENT, "there is no route to %s metric %u in table main",
				   anod_prefix_text(&t->dst), t->metric);
	return anod_refuse(j, -ENOENT, "there is no route to %s metric %u in table %u",
			   anod_prefix_text(&t->dst), t->metric, t->table);
}

int plan_route_add(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	struct anod_object post, now;
	int r;

	r = route_key(&j, &post);
	if (r < 0)
		return r;
	r = j.v->get(j.v, &post, &now);
	if (r == 0)
		return anod_refuse(&j, -EEXIST,
				   "a route to %s metric %u exists already (%s): use route.replace",
				   anod_prefix_text(&post.u.route.dst), post.u.route.metric,
				   anod_owner_text(&now));
	if (r != -ENOENT)
		return anod_refuse(&j, r, "cannot read the routes: %s", strerror(-r));

	r = route_legs(&j, NULL, &post.u.route);
	return r < 0 ? r : anod_add_change(&j, NULL, &post);
}

int plan_route_replace(const struct anod_action *a, const struct anod_view *v,
		       struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	struct anod_object post, pre;
	int r, there;

	r = route_key(&j, &post);
	if (r < 0)
		return r;
	there = anod_look(&j, &post, &pre);
	if (there < 0)
		return there;

	r = route_legs(&j, there ? &pre : NULL, &post.u.route);
	return r < 0 ? r : anod_add_change(&j, there ? &pre : NULL, &post);
}

int plan_route_del(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	struct anod_object key, pre;
	int r;

	r = route_key(&j, &key);
	if (r < 0)
		return r;
	r = anod_look(&j, &key, &pre);
	if (r < 0)
		return r;

	return r ? anod_add_change(&j, &pre, NULL) : refuse_missing(&j, &key);
}

int plan_route_metric(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	struct anod_object key, pre, post, now;
	uint32_t to;
	int r;

	r = route_key(&j, &key);
	if (r < 0)
		return r;
	r = anod_need(&j, "to",
		      anod_arg_int(&j, "to", key.u.route.dst.family == AF_INET6, UINT32_MAX, &to));
	if (r < 0)
		return r;
	r = anod_look(&j, &key, &pre);
	if (r < 0)
		return r;
	if (r == 0)
		return refuse_missing(&j, &key);
	if (to == key.u.route.metric)
		return 0;

	post = pre;
	post.u.route.metric = to;
	post.u.route.protocol = ANOD_RTPROT;
	r = j.v->get(j.v, &post, &now);
	if (r == 0)
		return anod_refuse(&j, -EEXIST, "a route to %s metric %u exists already (%s)",
				   anod_prefix_text(&post.u.route.dst), to, anod_owner_text(&now));
	if (r != -ENOENT)
		return anod_refuse(&j, r, "cannot read the routes: %s", strerror(-r));

	r = anod_add_change(&j, NULL, &post);
	return r < 0 ? r : anod_add_change(&j, &pre, NULL);
}
