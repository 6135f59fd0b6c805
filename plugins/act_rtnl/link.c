/*
 * link - plans of link.set, link.up and link.down.
 *
 * Design.  Only IFF_UP and the mtu of the after-image differ from the before-image, and only they
 * are sent.  What goes with a link that is set down, its routes, is the executor's to note.
 */
#include "plan.h"

#include <errno.h>
#include <linux/if.h>
#include <string.h>

static int change_link(struct job *j, const char *admin, const uint32_t *mtu)
{
	struct anod_object key = { .type = ANOD_OBJ_LINK }, pre, post;
	const char *dev = "";
	int r;

	r = need(j, "dev", arg_link(j, "dev", &key.u.link.ifindex));
	if (r < 0)
		return r;
	r = look(j, &key, &pre);
	if (r < 0)
		return r;
	if (r == 0) {
		(void) arg_text(j, "dev", &dev);
		return refuse(j, -ENODEV, "no link '%s'", dev);
	}

	post = pre;
	if (admin && strcmp(admin, "up") == 0)
		post.u.link.flags |= IFF_UP;
	else if (admin)
		post.u.link.flags &= ~(uint32_t) IFF_UP;
	if (mtu)
		post.u.link.mtu = *mtu;
	return add_change(j, &pre, &post);
}

int plan_link_set(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	struct job j = { a, v, ret };
	const char *admin = NULL;
	uint32_t mtu;
	int r, has_mtu;

	r = arg_text(&j, "admin", &admin);
	if (r < 0)
		return r;
	if (admin && strcmp(admin, "up") != 0 && strcmp(admin, "down") != 0)
		return refuse(&j, -EINVAL, "admin must be 'up' or 'down', not '%s'", admin);
	has_mtu = arg_int(&j, "mtu", 68, 65535, &mtu);
	if (has_mtu < 0)
		return has_mtu;
	if (!admin && !has_mtu)
		return refuse(&j, -EINVAL, "nothing to set: give admin or mtu");

	return change_link(&j, admin, has_mtu ? &mtu : NULL);
}

int plan_link_up(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	return change_link(&(struct job){ a, v, ret }, "up", NULL);
}

int plan_link_down(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	return change_link(&(struct job){ a, v, ret }, "down", NULL);
}
