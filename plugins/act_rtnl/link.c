/*
 * link - plans of link.set, link.up and link.down.
 *
 * Design.  Only what is asked for differs between the before-image and the after-image, and only
 * that is sent.  What goes with a link that is set down, its routes, is the executor's to note.
 */
#include "plan.h"

#include <errno.h>
#include <linux/if.h>
#include <string.h>

struct wish { /* NULL: as it is */
	const char *admin;
	const uint32_t *mtu;
	const bool *ignore_linkdown;
};

static int change_link(struct anod_job *j, const struct wish *w)
{
	struct anod_object key = { .type = ANOD_OBJ_LINK }, pre, post;
	const char *dev = "";
	int r;

	r = anod_need(j, "dev", anod_arg_link(j, "dev", &key.u.link.ifindex));
	if (r < 0)
		return r;
	r = anod_look(j, &key, &pre);
	if (r < 0)
		return r;
	if (r == 0) {
		(void) anod_arg_text(j, "dev", &dev);
		return anod_refuse(j, -ENODEV, "no link '%s'", dev);
	}

	post = pre;
	if (w->admin && strcmp(w->admin, "up") == 0)
		post.u.link.flags |= IFF_UP;
	else if (w->admin)
		post.u.link.flags &= ~(uint32_t) IFF_UP;
	if (w->mtu)
		post.u.link.mtu = *w->mtu;
	if (w->ignore_linkdown)
		post.u.link.conf =
			(uint8_t) ((pre.u.link.conf & ~ANOD_LINK_IGNORE_LINKDOWN4) |
				   (*w->ignore_linkdown ? ANOD_LINK_IGNORE_LINKDOWN4 : 0));
	return anod_add_change(j, &pre, &post);
}

int plan_link_set(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	const char *admin = NULL;
	uint32_t mtu;
	bool ignore;
	int r, has_mtu, has_ignore;

	r = anod_arg_text(&j, "admin", &admin);
	if (r < 0)
		return r;
	if (admin && strcmp(admin, "up") != 0 && strcmp(admin, "down") != 0)
		return anod_refuse(&j, -EINVAL, "admin must be 'up' or 'down', not '%s'", admin);
	has_mtu = anod_arg_int(&j, "mtu", 68, 65535, &mtu);
	if (has_mtu < 0)
		return has_mtu;
	has_ignore = anod_arg_bool(&j, "ignore_linkdown", &ignore);
	if (has_ignore < 0)
		return has_ignore;
	if (!admin && !has_mtu && !has_ignore)
		return anod_refuse(&j, -EINVAL,
				   "nothing to set: give admin, mtu or ignore_linkdown");

	return change_link(&j, &(struct wish){ .admin = admin,
					       .mtu = has_mtu ? &mtu : NULL,
					       .ignore_linkdown = has_ignore ? &ignore : NULL });
}

int plan_link_up(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	return change_link(&(struct anod_job){ a, v, ret }, &(struct wish){ .admin = "up" });
}

int plan_link_down(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	return change_link(&(struct anod_job){ a, v, ret }, &(struct wish){ .admin = "down" });
}
