/*
 * neigh - plans of neigh.flush and neigh.replace.
 *
 * Design.  A flushed neighbour cannot be put back, only learned again; one that somebody made
 * permanent would not be, so it is left alone.  An entry without a usable address counts as not
 * there: restoring it would restore nothing.
 */
#include "plan.h"

#include <ctype.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#define NUD_USABLE (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)

static int get_key(struct anod_job *j, struct anod_object *ret)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->type = ANOD_OBJ_NEIGH;
	r = anod_need(j, "dev", anod_arg_link(j, "dev", &ret->u.neigh.ifindex));
	if (r < 0)
		return r;
	return anod_need(j, "dst", anod_arg_address(j, "dst", &ret->u.neigh.dst));
}

int plan_neigh_flush(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	struct anod_object key, pre;
	int r;

	r = get_key(&j, &key);
	if (r < 0)
		return r;
	r = anod_look(&j, &key, &pre);
	if (r < 0)
		return r;
	if (r == 0)
		return anod_refuse(&j, -ENOENT, "there is no neighbour %s there",
				   anod_prefix_text(&key.u.neigh.dst));
	if (pre.u.neigh.state & (NUD_PERMANENT | NUD_NOARP))
		return anod_refuse(&j, -EPERM, "neighbour %s was set by hand: use neigh.replace",
				   anod_prefix_text(&key.u.neigh.dst));

	return anod_add_change(&j, &pre, NULL);
}

/* "02:00:00:00:00:01"; returns how many bytes, 0: not an address. */
static unsigned parse_lladdr(const char *text, uint8_t ret[ANOD_LLADDR_MAX])
{
	unsigned n = 0;

	for (; n < ANOD_LLADDR_MAX; text += 3) {
		if (!isxdigit((unsigned char) text[0]) || !isxdigit((unsigned char) text[1]))
			return 0;
		ret[n++] = (uint8_t) strtoul((char[3]){ text[0], text[1], '\0' }, NULL, 16);
		if (text[2] == '\0')
			return n;
		if (text[2] != ':')
			return 0;
	}
	return 0;
}

static int check_length(struct anod_job *j, const struct anod_neigh *n)
{
	struct anod_object key = { .type = ANOD_OBJ_LINK }, link;
	int r;

	key.u.link.ifindex = n->ifindex;
	r = j->v->get(j->v, &key, &link);
	if (r < 0)
		return anod_refuse(j, r, "cannot read link %u: %s", n->ifindex, strerror(-r));
	if (link.u.link.lladdr_len != n->lladdr_len)
		return anod_refuse(j, -EINVAL, "lladdr has %u bytes, those of '%s' have %u",
				   n->lladdr_len, link.u.link.name, link.u.link.lladdr_len);
	return 0;
}

int plan_neigh_replace(const struct anod_action *a, const struct anod_view *v,
		       struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	struct anod_object post, pre;
	struct anod_neigh *n = &post.u.neigh;
	const char *text = "";
	int r;

	r = get_key(&j, &post);
	if (r < 0)
		return r;
	r = anod_need(&j, "lladdr", anod_arg_text(&j, "lladdr", &text));
	if (r < 0)
		return r;
	n->lladdr_len = (uint8_t) parse_lladdr(text, n->lladdr);
	if (!n->lladdr_len)
		return anod_refuse(&j, -EINVAL, "lladdr must look like 02:00:00:00:00:01, not '%s'",
				   text);
	r = check_length(&j, n);
	if (r < 0)
		return r;
	r = anod_look(&j, &post, &pre);
	if (r < 0)
		return r;

	n->state = NUD_PERMANENT;
	return anod_add_change(&j, r && (pre.u.neigh.state & NUD_USABLE) ? &pre : NULL, &post);
}
