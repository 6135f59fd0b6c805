/*
 * items - messages of the kernel's generic netlink family "devlink", taken apart.
 *
 * Design.  All messages name their device by bus and name; what they are about stands beside, in
 * attributes whose numbers are unique over the family (uapi/linux/devlink.h), so one table of
 * pointers serves all.  Names become a part of an entity's name: what does not fit, or has
 * characters that a name cannot have, makes the item go unread rather than be taken for another.
 */
#include "items.h"

#include <linux/devlink.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <string.h>

#include <netlink/attr.h>

#define ATTRS 176

struct walk {
	item_fn *fn;
	void *data;
	unsigned n;
};

static void split(const void *data, int size, const struct nlattr *tb[ATTRS])
{
	const struct nlattr *a = data;

	memset(tb, 0, ATTRS * sizeof(tb[0]));
	for (; size > 0 && nla_ok(a, size); a = nla_next(a, &size))
		if (nla_type(a) < ATTRS)
			tb[nla_type(a)] = a;
}

static void split_nest(const struct nlattr *nest, const struct nlattr *tb[ATTRS])
{
	if (nest)
		split(nla_data(nest), nla_len(nest), tb);
	else
		memset(tb, 0, ATTRS * sizeof(tb[0]));
}

/* A number of 1, 4 or 8 bytes. */
static bool number(const struct nlattr *a, uint64_t *ret)
{
	int len = a ? nla_len(a) : 0;

	*ret = 0;
	if (len == 1)
		*ret = *(const uint8_t *) nla_data(a);
	else if (len == 4)
		*ret = nla_get_u32(a);
	else if (len == 8)
		memcpy(ret, nla_data(a), sizeof(*ret));
	else
		return false;
	return !(*ret >> 63);
}

static void take(struct item *i, unsigned n, const struct nlattr *a)
{
	uint64_t v;

	if (!number(a, &v))
		return;
	i->number[n] = (int64_t) v;
	i->known |= 1u << n;
}

/* Printable text without blanks and slashes, as names have it; false: it is not. */
static bool word(const struct nlattr *a, char *ret, size_t size)
{
	const char *p;
	size_t n;

	if (!a)
		return false;
	p = nla_data(a);
	n = strnlen(p, (size_t) nla_len(a));
	if (n == 0 || n >= size)
		return false;
	for (size_t k = 0; k < n; k++)
		if (p[k] <= ' ' || p[k] > '~' || p[k] == '/' || p[k] == '"')
			return false;
	memcpy(ret, p, n);
	ret[n] = '\0';
	return true;
}

static void say(struct item *i, unsigned n, const char *p, size_t len)
{
	size_t out = 0;

	for (size_t k = 0; k < len && p[k] && out < ANOD_TEXT_SIZE - 1; k++)
		i->text[n][out++] = p[k] >= ' ' && p[k] <= '~' ? p[k] : '?';
	i->text[n][out] = '\0';
	i->known_texts |= 1u << n;
}

static void say_attr(struct item *i, unsigned n, const struct nlattr *a)
{
	if (a)
		say(i, n, nla_data(a), (size_t) nla_len(a));
}

/* BUS/DEV and what stands behind it; false: it does not fit. */
static bool name_it(struct item *i, const char *more)
{
	int n = snprintf(i->name, sizeof(i->name), "%s/%s%s%s", i->bus, i->dev, *more ? "/" : "",
			 more);

	return n > 0 && (size_t) n < sizeof(i->name);
}

static void give(struct walk *w, const struct item *i)
{
	w->n++;
	w->fn(i, w->data);
}

/* ---- subjects ----------------------------------------------------------------------------- */

static void device(struct walk *w, struct item *i, const struct nlattr *const *tb, const void *data,
		   int size)
{
	const struct nlattr *a = data, *v[ATTRS];
	char name[ANOD_TEXT_SIZE];

	say_attr(i, 0, tb[DEVLINK_ATTR_INFO_DRIVER_NAME]);
	say_attr(i, 1, tb[DEVLINK_ATTR_INFO_SERIAL_NUMBER]);
	/* The firmware that runs; devices with several call the whole of them "fw". */
	for (; size > 0 && nla_ok(a, size); a = nla_next(a, &size)) {
		if (nla_type(a) != DEVLINK_ATTR_INFO_VERSION_RUNNING)
			continue;
		split_nest(a, v);
		if (!word(v[DEVLINK_ATTR_INFO_VERSION_NAME], name, sizeof(name)) ||
		    strncmp(name, "fw", 2) != 0)
			continue;
		if (!(i->known_texts & 4) || strcmp(name, "fw") == 0 ||
		    strcmp(name, "fw.version") == 0)
			say_attr(i, 2, v[DEVLINK_ATTR_INFO_VERSION_VALUE]);
	}
	if (name_it(i, ""))
		give(w, i);
}

static void reporter(struct walk *w, struct item *i, const struct nlattr *const *tb)
{
	const struct nlattr *r[ATTRS];
	char name[40], more[56];
	uint64_t port, state, ns;

	split_nest(tb[DEVLINK_ATTR_HEALTH_REPORTER], r);
	if (!word(r[DEVLINK_ATTR_HEALTH_REPORTER_NAME], name, sizeof(name)))
		return;
	if (number(tb[DEVLINK_ATTR_PORT_INDEX], &port))
		(void) snprintf(more, sizeof(more), "%u/%s", (unsigned) port, name);
	else
		(void) snprintf(more, sizeof(more), "%s", name);
	take(i, 0, r[DEVLINK_ATTR_HEALTH_REPORTER_ERR_COUNT]);
	take(i, 1, r[DEVLINK_ATTR_HEALTH_REPORTER_RECOVER_COUNT]);
	if (number(r[DEVLINK_ATTR_HEALTH_REPORTER_DUMP_TS_NS], &ns)) {
		i->number[2] = (int64_t) (ns / 1000);
		i->known |= 4;
	}
	/* enum devlink_health_reporter_state is not part of the uapi: 0 healthy, 1 error. */
	if (number(r[DEVLINK_ATTR_HEALTH_REPORTER_STATE], &state) && state < 2)
		say(i, 0, state ? "error" : "healthy", 8);
	if (name_it(i, more))
		give(w, i);
}

static void counted(struct walk *w, struct item *i, const struct nlattr *const *tb)
{
	static const char *const actions[] = { "drop", "trap", "mirror" };
	const struct nlattr *s[ATTRS];
	char name[ANOD_NAME_SIZE];
	bool group = i->what == WHAT_GROUP;
	uint64_t action;

	if (!word(tb[group ? DEVLINK_ATTR_TRAP_GROUP_NAME : DEVLINK_ATTR_TRAP_NAME], name,
		  sizeof(name)) ||
	    !name_it(i, name))
		return;
	split_nest(tb[DEVLINK_ATTR_STATS], s);
	take(i, 0, s[DEVLINK_ATTR_STATS_RX_PACKETS]);
	take(i, 1, s[DEVLINK_ATTR_STATS_RX_BYTES]);
	take(i, 2, s[DEVLINK_ATTR_STATS_RX_DROPPED]);
	if (!group && number(tb[DEVLINK_ATTR_TRAP_ACTION], &action) && action < 3)
		say(i, 0, actions[action], 8);
	if (!group)
		say_attr(i, 1, tb[DEVLINK_ATTR_TRAP_GROUP_NAME]);
	give(w, i);
}

static void policer(struct walk *w, struct item *i, const struct nlattr *const *tb)
{
	const struct nlattr *s[ATTRS];
	char name[12];
	uint64_t id;

	if (!number(tb[DEVLINK_ATTR_TRAP_POLICER_ID], &id))
		return;
	(void) snprintf(name, sizeof(name), "%u", (unsigned) id);
	split_nest(tb[DEVLINK_ATTR_STATS], s);
	take(i, 0, tb[DEVLINK_ATTR_TRAP_POLICER_RATE]);
	take(i, 1, tb[DEVLINK_ATTR_TRAP_POLICER_BURST]);
	take(i, 2, s[DEVLINK_ATTR_STATS_RX_DROPPED]);
	if (name_it(i, name))
		give(w, i);
}

/* A resource and those inside it; 'path' is what stands before its name. */
static void resources(struct walk *w, const struct item *dev, const struct nlattr *list,
		      const char *path, unsigned depth)
{
	const struct nlattr *a, *r[ATTRS];
	int left;

	if (!list || depth == RESOURCE_DEPTH)
		return;
	a = nla_data(list);
	left = nla_len(list);
	for (; left > 0 && nla_ok(a, left) && w->n < RESOURCES_MAX; a = nla_next(a, &left)) {
		char name[40], whole[ANOD_NAME_SIZE];
		struct item i = *dev;
		int n;

		if (nla_type(a) != DEVLINK_ATTR_RESOURCE)
			continue;
		split_nest(a, r);
		if (!word(r[DEVLINK_ATTR_RESOURCE_NAME], name, sizeof(name)))
			continue;
		n = snprintf(whole, sizeof(whole), "%s%s%s", path, *path ? "/" : "", name);
		if (n < 0 || (size_t) n >= sizeof(whole) || !name_it(&i, whole))
			continue;
		take(&i, 0, r[DEVLINK_ATTR_RESOURCE_SIZE]);
		take(&i, 1, r[DEVLINK_ATTR_RESOURCE_OCC]);
		give(w, &i);
		resources(w, dev, r[DEVLINK_ATTR_RESOURCE_LIST], whole, depth + 1);
	}
}

unsigned items_parse(const struct nlmsghdr *m, enum what what, item_fn *fn, void *data)
{
	const uint8_t *body = (const uint8_t *) m + NLMSG_HDRLEN + GENL_HDRLEN;
	struct item i = { .what = what };
	struct walk w = { fn, data, 0 };
	const struct nlattr *tb[ATTRS];
	int size;

	if (m->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return 0;
	size = (int) (m->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	split(body, size, tb);
	if (!word(tb[DEVLINK_ATTR_BUS_NAME], i.bus, sizeof(i.bus)) ||
	    !word(tb[DEVLINK_ATTR_DEV_NAME], i.dev, sizeof(i.dev)))
		return 0;

	switch (what) {
	case WHAT_DEVICE:
		device(&w, &i, tb, body, size);
		break;
	case WHAT_REPORTER:
		reporter(&w, &i, tb);
		break;
	case WHAT_TRAP:
	case WHAT_GROUP:
		counted(&w, &i, tb);
		break;
	case WHAT_POLICER:
		policer(&w, &i, tb);
		break;
	case WHAT_RESOURCE:
		resources(&w, &i, tb[DEVLINK_ATTR_RESOURCE_LIST], "", 0);
		break;
	case WHATS:
		break;
	}
	return w.n;
}
