/*
 * proposal - a plan in the words of the plugin API.
 *
 * Design.  Actions, the reason and the expected effect for the operator, and the condition under
 * which the transaction counts as verified.  Writes one struct and calls nobody.
 */
#include "uplink.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static struct anod_value *add_arg(struct anod_action *act, const char *name, unsigned n,
				  enum anod_type type)
{
	struct anod_arg *arg = &act->arg[act->n_args++];

	/* via, via2, via3 ... */
	if (n == 0)
		(void) snprintf(arg->name, sizeof(arg->name), "%s", name);
	else
		(void) snprintf(arg->name, sizeof(arg->name), "%s%u", name, n + 1);
	arg->value.type = (uint8_t) type;
	return &arg->value;
}

static void action_make(const struct agent *a, unsigned family, const struct plan *plan,
			struct anod_action *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->size = sizeof(*ret);
	(void) snprintf(ret->kind, sizeof(ret->kind), "%s",
			plan->verb == PLAN_DEL ? "route.del" : "route.replace");
	add_arg(ret, "dst", 0, ANOD_PREFIX)->u.prefix.family = family ? AF_INET6 : AF_INET;
	for (unsigned i = 0; i < plan->n_legs; i++) {
		const struct uplink *u = a->uplink[plan->leg[i]];

		if (u->way[family].via.family)
			add_arg(ret, "via", i, ANOD_PREFIX)->u.prefix = u->way[family].via;
		(void) snprintf(add_arg(ret, "dev", i, ANOD_TEXT)->u.text, ANOD_TEXT_SIZE, "%s",
				u->dev);
		if (plan->n_legs > 1)
			add_arg(ret, "weight", i, ANOD_INT)->u.i = u->weight;
	}
	add_arg(ret, "metric", 0, ANOD_INT)->u.i = a->metric;
	add_arg(ret, "table", 0, ANOD_INT)->u.i = a->table;
}

__attribute__((format(printf, 3, 4))) static void append(char *buf, size_t size, const char *fmt,
							 ...)
{
	size_t n = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(buf + n, size - n, fmt, ap);
	va_end(ap);
}

/* In an expression, a name that is no plain word is quoted ("eth0.100"). */
static const char *quoted(const char *dev, char buf[ANOD_IFNAME_SIZE + 2])
{
	bool plain = isalpha((unsigned char) dev[0]) || dev[0] == '_';

	for (const char *c = dev; *c; c++)
		plain = plain && (isalnum((unsigned char) *c) || *c == '_' || *c == '-');
	(void) snprintf(buf, ANOD_IFNAME_SIZE + 2, plain ? "%s" : "\"%s\"", dev);
	return buf;
}

/* What must be true of the uplinks that the traffic goes to; what does not fit is left out
 * clause by clause, because half a clause would not parse. */
static void verify_make(const struct agent *a, uint32_t mask, char ret[ANOD_REASON_SIZE])
{
	for (unsigned i = 0; i < a->n_uplinks; i++) {
		char clause[ANOD_REASON_SIZE] = "", name[ANOD_IFNAME_SIZE + 2];

		if (!(mask & 1u << i))
			continue;
		(void) quoted(a->uplink[i]->dev, name);
		append(clause, sizeof(clause), "%slink.%s.carrier == true", *ret ? " and " : "",
		       name);
		if (a->n_targets)
			append(clause, sizeof(clause), " and path.%s.targets_up >= 1", name);
		if (strlen(ret) + strlen(clause) < ANOD_REASON_SIZE)
			append(ret, ANOD_REASON_SIZE, "%s", clause);
	}
}

/* The uplink whose fault this is about: the worst of those with an open finding, or -1. */
static int culprit(const struct agent *a)
{
	int found = -1;

	for (unsigned i = 0; i < a->n_uplinks; i++)
		if (a->uplink[i]->finding &&
		    (found < 0 || a->uplink[i]->health.state > a->uplink[found]->health.state))
			found = (int) i;
	return found;
}

static void reason_make(const struct agent *a, const struct plan plan[FAMILIES],
			struct anod_proposal *p)
{
	int bad = culprit(a);
	uint32_t mask = 0;
	const char *sep = "";

	if (bad >= 0)
		append(p->reason, sizeof(p->reason), "%s is %s; ", a->uplink[bad]->dev,
		       health_state_name(a->uplink[bad]->health.state));
	append(p->reason, sizeof(p->reason), "the default route goes over ");
	for (unsigned f = 0; f < FAMILIES; f++) {
		for (unsigned i = 0; i < plan[f].n_legs; i++)
			mask |= 1u << plan[f].leg[i];
		if (plan[f].verb == PLAN_DEL)
			mask |= 1u << a->family[f].now.natural;
	}
	for (unsigned i = 0; i < a->n_uplinks; i++)
		if (mask & 1u << i) {
			append(p->reason, sizeof(p->reason), "%s%s", sep, a->uplink[i]->dev);
			sep = " and ";
		}
	for (unsigned f = 0; f < FAMILIES; f++)
		if (plan[f].verb == PLAN_DEL) {
			append(p->reason, sizeof(p->reason), " again");
			break;
		}
	(void) snprintf(p->expect, sizeof(p->expect), "traffic to the Internet uses %s",
			strstr(p->reason, "goes over ") + strlen("goes over "));
	verify_make(a, mask, p->verify);
	if (bad < 0)
		p->confidence = 0.95;
	else {
		p->finding = a->uplink[bad]->finding;
		p->confidence = a->uplink[bad]->health.state == HEALTH_GRAY
					? a->uplink[bad]->rivals.uplink
					: 0.95;
	}
}

void proposal_make(const struct agent *a, const struct plan plan[FAMILIES],
		   struct anod_proposal *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->size = sizeof(*ret);
	for (unsigned f = 0; f < FAMILIES; f++)
		if (plan[f].verb == PLAN_SET || plan[f].verb == PLAN_DEL)
			action_make(a, f, &plan[f], &ret->action[ret->n_actions++]);
	reason_make(a, plan, ret);
}
