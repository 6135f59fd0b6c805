/*
 * rule - plans of rule.add and rule.del.
 *
 * Design.  A rule is named by all that it selects by, because the kernel has no other name for
 * it; so rule.del takes the same arguments as the rule.add that made it.
 */
#include "plan.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

static int set_family(struct anod_job *j, struct anod_rule *u, uint32_t family, const char *name)
{
	if (u->family && u->family != family)
		return anod_refuse(j, -EINVAL, "%s is of another family than the rule", name);
	u->family = family;
	return 0;
}

static int get_family(struct anod_job *j, struct anod_rule *u)
{
	const char *word;
	int r = anod_arg_text(j, "family", &word);

	if (r <= 0)
		return r;
	if (strcmp(word, "inet") == 0)
		u->family = AF_INET;
	else if (strcmp(word, "inet6") == 0)
		u->family = AF_INET6;
	else
		return anod_refuse(j, -EINVAL, "family must be inet or inet6, not '%s'", word);
	return 0;
}

static int get_selector(struct anod_job *j, const char *name, struct anod_rule *u,
			struct anod_prefix *ret)
{
	int r = anod_arg_prefix(j, name, ret);

	if (r <= 0)
		return r;
	r = set_family(j, u, ret->family, name);
	if (r == 0 && ret->len == 0) /* everything: the kernel keeps no selector then */
		memset(ret, 0, sizeof(*ret));
	return r;
}

static int get_name(struct anod_job *j, const char *name, char ret[ANOD_IFNAME_SIZE])
{
	const char *word;
	int r = anod_arg_text(j, name, &word);

	if (r <= 0)
		return r;
	if (strlen(word) >= ANOD_IFNAME_SIZE)
		return anod_refuse(j, -EINVAL, "%s: no link can be called '%s'", name, word);
	memcpy(ret, word, strlen(word));
	return 0;
}

static int get_rule(struct anod_job *j, struct anod_object *ret)
{
	struct anod_rule *u = &ret->u.rule;
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->type = ANOD_OBJ_RULE;
	u->action = FR_ACT_TO_TBL;
	u->protocol = ANOD_RTPROT;
	r = anod_need(j, "priority", anod_arg_int(j, "priority", 1, UINT32_MAX, &u->priority));
	if (r < 0)
		return r;
	r = anod_need(j, "table", anod_arg_int(j, "table", 1, UINT32_MAX, &u->table));
	if (r < 0)
		return r;
	r = get_family(j, u);
	if (r < 0)
		return r;
	r = get_selector(j, "src", u, &u->src);
	if (r < 0)
		return r;
	r = get_selector(j, "dst", u, &u->dst);
	if (r < 0)
		return r;
	r = get_name(j, "iif", u->iif);
	if (r < 0)
		return r;
	r = get_name(j, "oif", u->oif);
	if (r < 0)
		return r;
	r = anod_arg_int(j, "fwmark", 1, UINT32_MAX, &u->fwmark);
	if (r < 0)
		return r;

	if (r > 0)
		u->fwmask = UINT32_MAX;
	if (!u->family)
		u->family = AF_INET;
	return 0;
}

int plan_rule_add(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	struct anod_object post, now;
	int r;

	r = get_rule(&j, &post);
	if (r < 0)
		return r;
	r = v->get(v, &post, &now);
	if (r == 0)
		return anod_refuse(&j, -EEXIST, "this rule exists already (%s)",
				   anod_owner_text(&now));
	if (r != -ENOENT)
		return anod_refuse(&j, r, "cannot read the rules: %s", strerror(-r));

	return anod_add_change(&j, NULL, &post);
}

int plan_rule_del(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	struct anod_job j = { a, v, ret };
	struct anod_object key, pre;
	int r;

	r = get_rule(&j, &key);
	if (r < 0)
		return r;
	r = anod_look(&j, &key, &pre);
	if (r < 0)
		return r;

	return r ? anod_add_change(&j, &pre, NULL)
		 : anod_refuse(&j, -ENOENT,
			       "there is no rule %u with exactly these selectors and table %u",
			       key.u.rule.priority, key.u.rule.table);
}
