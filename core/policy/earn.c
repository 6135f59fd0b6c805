/*
 * earn - the level that a permit gives by what was done under it before.
 *
 * Design.  An action on several links is as trusted as on the one where least was earned.  What is
 * not known (the class of a link, the history) earns nothing, so a later fact can only raise the
 * answer.
 */
#include <string.h>

#include "base/clock.h"
#include "policy/judge.h"

static void standing_on(const struct decide_in *in, const struct act *act,
			const struct policy_rule *r, const char *resource,
			struct track_standing *ret)
{
	char role[ANOD_NAME_SIZE];

	(void) class_of(in, resource, role);
	track_standing(in->track, r, in->agent, act->action->kind, role, in->now_us, ret);
}

static bool is_less(const struct policy_rule *r, const struct track_standing *a,
		    const struct track_standing *b)
{
	enum level x = track_level(r, a), y = track_level(r, b);

	return x != y ? x < y : a->verified < b->verified;
}

void earn_level(struct judged *j, const struct decide_in *in, const struct act *act)
{
	const struct policy_rule *r = j->rule;
	char resource[ANOD_NAME_SIZE];
	struct track_standing one;

	if (!r->promote.to && !r->demote.to_set)
		return;

	standing_on(in, act, r, act->resource, &j->standing);
	for (unsigned i = 1; i < act->n_links; i++) {
		(void) snprintf(resource, sizeof(resource), "link %s", act->link[i]);
		standing_on(in, act, r, resource, &one);
		if (is_less(r, &one, &j->standing))
			j->standing = one;
	}
	/* Some of its links are not known: nothing was earned on those. */
	if (!act->links_known)
		track_standing(NULL, r, in->agent, act->action->kind, "", in->now_us, &j->standing);
	j->earns = true;
	j->level = track_level(r, &j->standing);
}

static void add_ago(struct text *t, const char *what, int64_t at_us, uint64_t now_us)
{
	int64_t ago_us = MAX_OF((int64_t) now_us - at_us, 0);
	char text[32];

	text_add(t, "%s %s ago", what, format_duration((uint64_t) ago_us, text, sizeof(text)));
}

static void add_window(struct text *t, const struct policy_rule *r)
{
	char text[32];

	if (r->promote.within_us)
		text_add(t, " in %s", format_duration(r->promote.within_us, text, sizeof(text)));
}

static void add_failures(struct text *t, const struct policy_rule *r,
			 const struct track_standing *s)
{
	if (s->failed)
		text_add(t, ", %u rolled back", s->failed);
	else
		text_add(t, ", none rolled back");
	add_window(t, r);
}

void earn_say(const struct policy_rule *r, const struct track_standing *s, uint64_t now_us,
	      struct text *t)
{
	char text[32];

	if (s->demoted) {
		text_item(t, "demoted to %s", level_name(r->demote.to));
		if (s->demoted_until_us != INT64_MAX)
			text_add(t, " for %s more",
				 format_duration((uint64_t) MAX_OF(
							 s->demoted_until_us - (int64_t) now_us, 0),
						 text, sizeof(text)));
		if (s->has_failed)
			add_ago(t, ": rolled back", s->failed_us, now_us);
		else
			text_add(t, ": what was done before is not known");
	}
	if (!r->promote.to)
		return;
	if (s->promoted) {
		text_item(t, "%s %s: %u verified", s->demoted ? "had earned" : "promoted to",
			  level_name(r->promote.to), s->verified);
		add_failures(t, r, s);
		return;
	}

	text_item(t, "%u of %u verified", s->verified, r->promote.after);
	if (s->failed > r->promote.max_failures)
		add_failures(t, r, s);
	else if (s->has_failed && !s->demoted)
		add_ago(t, " since it was rolled back", s->failed_us, now_us);
	if (s->unknown && !s->demoted)
		text_add(t, ", what was done before is not known");
	text_add(t, " for %s", level_name(r->promote.to));
}

const char *standing_text(const struct policy_rule *permit, const struct track_standing *s,
			  uint64_t now_us, char *buf, size_t size)
{
	struct text t = { 0 };

	earn_say(permit, s, now_us, &t);
	(void) copy_text(buf, size, t.b);
	return buf;
}
