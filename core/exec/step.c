/*
 * step - one object, changed and put back by comparison.
 *
 * Design.  Where an object stands is always read from the kernel and never concluded from an ack
 * (policy.md 5.1, R5).  Two processes may undo the same step at once, the guardian and a starting
 * host; both compare, so the loser of that race finds the object as it was, and a request that
 * failed because of it is no failure.  A link is the same link only with its old name and
 * hardware address, because an index alone may have been given to another (C17).
 */
#include "exec/step.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/util.h"

/* Of RTM_NEWx, DELx and GETx, x of 16..., the kinds that anod has objects for. */
static bool request_sound(const uint8_t *msg, uint32_t len, bool get)
{
	struct nlmsghdr h;
	int group, verb;

	if (len < sizeof(h) || len > ANOD_NLMSG_MAX)
		return false;

	memcpy(&h, msg, sizeof(h));
	if (anod_own_is(&h))
		return anod_own_sound(msg, len, get);
	group = (h.nlmsg_type - RTM_BASE) & ~3;
	verb = (h.nlmsg_type - RTM_BASE) & 3;
	if (h.nlmsg_type < RTM_BASE || h.nlmsg_len != len)
		return false;
	if (get ? verb != (RTM_GETLINK & 3) : verb == (RTM_GETLINK & 3))
		return false;

	switch (group + RTM_BASE) {
	case RTM_NEWLINK: /* and RTM_SETLINK, which stands alone; a link is never deleted */
		return h.nlmsg_type != RTM_DELLINK;
	case RTM_NEWADDR:
	case RTM_NEWROUTE:
	case RTM_NEWNEIGH:
	case RTM_NEWRULE:
	case RTM_NEWNEXTHOP:
	case RTM_NEWQDISC:
		return verb != 3;
	}

	return false;
}

bool step_check(const struct exec_step *s)
{
	const struct anod_change *c = &s->change;
	const struct anod_object *o = c->has_post ? &c->post : &c->pre;

	if (c->has_pre > 1 || c->has_post > 1 || (!c->has_pre && !c->has_post))
		return false;
	if (o->type < ANOD_OBJ_LINK || o->type >= ANOD_OBJ_TYPES)
		return false;
	if (c->has_pre && c->has_post && !anod_object_same_key(&c->pre, &c->post))
		return false;
	if (s->action >= ANOD_ACTIONS_MAX || s->flags & ~(uint32_t) STEP_SIDE)
		return false;

	return request_sound(s->get, s->get_len, true) &&
	       (s->undo_len == 0 || request_sound(s->undo, s->undo_len, false));
}

size_t steps_size(size_t before, uint32_t n)
{
	return n > STEPS_MAX ? 0 : before + n * sizeof(struct exec_step);
}

static const struct anod_object *pre_of(const struct anod_change *c)
{
	return c->has_pre ? &c->pre : NULL;
}

static const struct anod_object *post_of(const struct anod_change *c)
{
	return c->has_post ? &c->post : NULL;
}

static bool same_link(const struct anod_link *a, const struct anod_link *b)
{
	return memcmp(a->name, b->name, sizeof(a->name)) == 0 && a->lladdr_len == b->lladdr_len &&
	       memcmp(a->lladdr, b->lladdr, sizeof(a->lladdr)) == 0;
}

/* Pure: where 'now' (NULL: not there) stands between the two ends of a change. */
static enum step_state judge(const struct anod_object *now, const struct anod_change *c)
{
	const struct anod_object *pre = pre_of(c), *post = post_of(c);

	if (now && pre && now->type == ANOD_OBJ_LINK && !same_link(&now->u.link, &pre->u.link))
		return STEP_OTHER;
	if (anod_object_matches(now, post, pre))
		return STEP_POST;
	if (anod_object_matches(now, pre, post))
		return STEP_PRE;

	return STEP_OTHER;
}

enum step_state step_look(struct kernel *k, const struct exec_step *s)
{
	const struct anod_change *c = &s->change;
	struct anod_object now;
	int r;

	r = kernel_get_ready(k, s->get, s->get_len, c->has_post ? &c->post : &c->pre, &now);
	if (r < 0 && r != -ENOENT) {
		kernel_why_about(k, c);
		return STEP_UNKNOWN;
	}

	return judge(r == 0 ? &now : NULL, c);
}

int step_apply(struct kernel *k, const struct exec_step *s)
{
	const struct anod_change *c = &s->change;
	uint32_t msg[ANOD_NLMSG_MAX / 4];
	int r;

	r = c->has_post ? anod_rtnl_encode(ANOD_RTNL_SET, &c->post, pre_of(c), msg)
			: anod_rtnl_encode(ANOD_RTNL_DEL, &c->pre, NULL, msg);
	if (r < 0)
		return r;

	r = kernel_send(k, msg, (size_t) r);
	if (r < 0)
		kernel_why_about(k, c);
	return r;
}

enum step_state step_undo(struct kernel *k, const struct exec_step *s)
{
	enum step_state state;
	int r, error;
	char why[EXEC_WHY_SIZE];

	if (s->undo_len == 0)
		return STEP_UNDONE;

	state = step_look(k, s);
	if (state != STEP_POST)
		return state;

	r = kernel_send(k, s->undo, s->undo_len);
	if (r < 0)
		kernel_why_about(k, &s->change);
	error = k->error;
	memcpy(why, k->why, sizeof(why));

	state = step_look(k, s);
	if (state == STEP_PRE)
		return STEP_UNDONE;
	if (state == STEP_OTHER)
		return STEP_OTHER; /* someone was quicker: theirs stays */
	if (state == STEP_UNKNOWN)
		return STEP_UNDO_FAILED; /* k->why is the look's */

	if (r < 0) {
		k->error = error;
		memcpy(k->why, why, sizeof(why));
	} else {
		k->error = -EIO;
		(void) snprintf(k->why, sizeof(k->why), "the kernel took the undo and did nothing");
		kernel_why_about(k, &s->change);
	}
	return STEP_UNDO_FAILED;
}

/* Keep the first failure of a row. */
static void keep_first(const struct kernel *k, int *error, char *why, size_t why_size)
{
	if (*error < 0)
		return;

	*error = k->error < 0 ? k->error : -EIO;
	(void) copy_text(why, why_size, k->why);
}

static const struct anod_object *object_of(const struct exec_step *s)
{
	return s->change.has_post ? &s->change.post : &s->change.pre;
}

/* The next step on the same object, or NULL. */
static const struct exec_step *next_on_object(const struct exec_step *s, uint32_t i, uint32_t n)
{
	for (uint32_t j = i + 1; j < n; j++)
		if (anod_object_same_key(object_of(&s[i]), object_of(&s[j])))
			return &s[j];

	return NULL;
}

/* Is 'now' as before the first of several steps on it, in all that any of them changes? */
static bool before_all(const struct exec_step *s, uint32_t i, uint32_t n,
		       const struct anod_object *now)
{
	const struct anod_object *pre = pre_of(&s[i].change);
	const struct exec_step *next = &s[i];

	for (; next; next = next_on_object(s, (uint32_t) (next - s), n))
		if (!anod_object_matches(now, pre, post_of(&next->change)))
			return false;

	return true;
}

/*
 * Several steps on one object (a link set down and up again): where it stands before the first of
 * them, all are undone, though the last one may look as applied.  Undoing them again would take it
 * through its states once more, and may not find the way back.
 */
static void find_undone(struct kernel *k, const struct exec_step *s, uint32_t n, bool *ret)
{
	bool later[STEPS_MAX] = { false };
	struct anod_object now;

	for (uint32_t i = 0; i < n; i++) {
		const struct exec_step *next = next_on_object(s, i, n);
		int r;

		if (!next)
			continue;
		if (!later[i]) {
			r = kernel_get_ready(k, s[i].get, s[i].get_len, object_of(&s[i]), &now);
			ret[i] = (r == 0 || r == -ENOENT) &&
				 before_all(s, i, n, r == 0 ? &now : NULL);
		}
		later[next - s] = true;
		ret[next - s] = ret[i];
	}
}

int steps_undo(struct kernel *k, const struct exec_step *s, uint32_t n, uint32_t *ret_state,
	       char *why, size_t why_size)
{
	bool undone[STEPS_MAX] = { false };
	int error = 0;

	find_undone(k, s, n, undone);
	for (uint32_t i = n; i-- > 0;) {
		ret_state[i] = undone[i] ? STEP_PRE : step_undo(k, &s[i]);
		if (ret_state[i] == STEP_UNKNOWN || ret_state[i] == STEP_UNDO_FAILED)
			keep_first(k, &error, why, why_size);
	}

	return error;
}

int steps_look(struct kernel *k, const struct exec_step *s, uint32_t n, uint32_t *ret_state,
	       char *why, size_t why_size)
{
	int error = 0;

	for (uint32_t i = n; i-- > 0;) {
		const struct exec_step *next = next_on_object(s, i, n);

		if (s[i].flags & STEP_SIDE && i + 1 < n)
			ret_state[i] = ret_state[i + 1];
		else if (s[i].undo_len == 0 || (next && ret_state[next - s] == STEP_POST))
			ret_state[i] = STEP_POST;
		else
			ret_state[i] = step_look(k, &s[i]);

		if (ret_state[i] == STEP_UNKNOWN)
			keep_first(k, &error, why, why_size);
	}

	return error;
}
