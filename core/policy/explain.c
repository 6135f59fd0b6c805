/*
 * explain - why a rule is as it is, in words.
 *
 * Design.  Text goes into a buffer of fixed size, because an explanation that needs more is not
 * read, and a decision must not fail for want of memory.  A cut one ends in "...".
 */
#include <stdarg.h>
#include <string.h>

#include <anod/rtnl.h>

#include "base/clock.h"
#include "facts/value.h"
#include "policy/judge.h"

static void _printf_(2, 0) add_text(struct text *t, const char *fmt, va_list ap)
{
	size_t room = sizeof(t->b) - t->n;
	int n = vsnprintf(t->b + t->n, room, fmt, ap);

	if (n < 0)
		return;
	if ((size_t) n < room) {
		t->n += (size_t) n;
		return;
	}
	t->n = sizeof(t->b) - 1;
	memcpy(t->b + sizeof(t->b) - 4, "...", 4);
}

void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_text(t, fmt, ap);
	va_end(ap);
}

void text_item(struct text *t, const char *fmt, ...)
{
	va_list ap;

	if (t->n)
		text_add(t, "; ");
	va_start(ap, fmt);
	add_text(t, fmt, ap);
	va_end(ap);
}

static void text_read(struct text *t, const struct expr_read *r)
{
	char value[96], age[32];

	if (r->attr && r->entity[0])
		text_item(t, "%s.%s.%s", r->attr->kind_name, r->entity, r->attr->name);
	else if (r->attr)
		text_item(t, "%s.%s", r->attr->kind_name, r->attr->name);
	else
		text_item(t, "%s", r->operand);

	if (r->value.type == ANOD_UNKNOWN) {
		text_add(t, " unknown (%s", r->why ? r->why : "never seen");
		if (r->age_us)
			text_add(t, ", age %s", format_duration(r->age_us, age, sizeof(age)));
		text_add(t, ")");
		return;
	}
	text_add(t, " %s", value_format(&r->value, value, sizeof(value)));
	if (r->attr)
		text_add(t, " (age %s)", format_duration(r->age_us, age, sizeof(age)));
}

void text_reads(struct text *t, const struct expr_trace *trace)
{
	for (unsigned i = 0; i < trace->n; i++)
		text_read(t, &trace->read[i]);
	if (trace->n_dropped)
		text_item(t, "and %u more", trace->n_dropped);
}

void text_approval(struct text *t, const struct policy_rule *permit)
{
	uint64_t within_us = permit->approve_within_us ? permit->approve_within_us : 600 * US_PER_S;
	char duration[32];

	text_add(t, "%u", MAX_OF(permit->approvals, 1u));
	for (unsigned i = 0; i < permit->n_groups; i++)
		text_add(t, "%s%s", i ? ", " : " of ", permit->group[i]);
	text_add(t, " within %s", format_duration(within_us, duration, sizeof(duration)));
}

static void explain_hold(const struct judged *j, const struct decide_in *in, struct text *t)
{
	uint64_t left_us = j->until_us > in->now_us ? j->until_us - in->now_us : 0;
	char left[32], owner[16];

	(void) format_duration(left_us, left, sizeof(left));
	switch (j->hold) {
	case HOLD_NONE:
		break;
	case HOLD_FOREIGN:
		text_item(t,
			  "the object belongs to proto %s and the permit does not say "
			  "\"foreign objects\"",
			  anod_protocol_text(j->owner, owner, sizeof(owner)));
		break;
	case HOLD_BUDGET:
		text_item(t, "budget %s is used up, free in %s", j->rule->budget, left);
		break;
	case HOLD_COOLDOWN:
		text_item(t, "cooling down for %s", left);
		break;
	}
	if (j->remembered)
		text_item(t, "stays in force for %s", left);
}

static void explain_on(const struct judged *j, const struct act *act, struct text *t)
{
	const char *what = j->rule->on[0].set ? j->rule->on[0].set : "the named ones";
	const char *resource = act->resource;

	if (j->on == ANOD_TRUE)
		return;
	if (j->on == ANOD_DOUBT)
		text_item(t, "unknown whether %s is in %s", resource, what);
	else if (j->rule->on[0].negated)
		text_item(t, "%s is in %s", resource, what);
	else
		text_item(t, "%s is not in %s", resource, what);
}

void judge_explain(const struct judged *j, const struct decide_in *in, const struct act *act,
		   const struct expr_trace *trace, struct text *ret)
{
	ret->n = 0;
	ret->b[0] = 0;
	if (j->rule->n_on)
		explain_on(j, act, ret);
	if (j->rule->during && j->during == ANOD_DOUBT)
		text_item(ret, "unknown whether it is %s", j->rule->during);
	else if (j->rule->during)
		text_item(ret, "%s %s", j->during == ANOD_TRUE ? "during" : "outside",
			  j->rule->during);
	text_reads(ret, trace);
	explain_hold(j, in, ret);
	if (j->earns)
		earn_say(j->rule, &j->standing, in->now_us, ret);
	if (j->no_undo)
		text_item(ret, "%s cannot be undone and the permit has no verify: approve at most",
			  act->action->kind);
}
