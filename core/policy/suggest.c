/*
 * suggest - the permit that would have allowed a proposal.
 *
 * Design.  An engineer who finds a proposal denied wants the line to add.  It names no more than
 * this agent, these kinds of action and these links or prefixes, and never more than approve:
 * autonomy is given by a person who thought about it.  When something other than a missing
 * permit stands in the way there is nothing to suggest, because the line would promise what it
 * does not keep.
 */
#include <string.h>

#include "facts/value.h"
#include "policy/judge.h"

static bool name_taken(const struct policy *p, const char *name)
{
	for (unsigned i = 0; i < p->n_rules; i++)
		if (strcmp(p->rule[i].name, name) == 0)
			return true;
	return false;
}

static void say_name(const struct decide_in *in, struct text *t)
{
	char name[ANOD_NAME_SIZE + 2 * ANOD_KIND_SIZE];

	for (unsigned n = 1; n < 100; n++) {
		(void) snprintf(name, sizeof(name), "%.63s %.23s", in->agent,
				in->proposal->action[0].kind);
		if (n > 1)
			(void) snprintf(name + strlen(name), 8, " %u", n);
		if (!name_taken(in->config->policy, name))
			break;
	}
	text_add(t, "permit \"%s\" {", name);
}

static void say_kinds(const struct decide_in *in, struct text *t)
{
	const struct anod_proposal *p = in->proposal;

	text_add(t, "  action ");
	for (unsigned i = 0; i < p->n_actions; i++) {
		bool seen = false;

		for (unsigned k = 0; k < i; k++)
			seen |= strcmp(p->action[k].kind, p->action[i].kind) == 0;
		if (!seen)
			text_add(t, "%s%s", i ? ", " : "", p->action[i].kind);
	}
}

static bool each_has_link(const struct act *acts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!acts[i].n_links || !acts[i].links_known)
			return false;
	return true;
}

static void say_links(const struct act *acts, unsigned n, struct text *t)
{
	const char *seen[ANOD_ACTIONS_MAX * ACT_LINKS_MAX];
	unsigned n_seen = 0;

	text_add(t, "  on link {");
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < acts[i].n_links; k++) {
			bool again = false;

			for (unsigned s = 0; s < n_seen; s++)
				again |= strcmp(seen[s], acts[i].link[k]) == 0;
			if (again)
				continue;
			text_add(t, "%s %s", n_seen ? "," : "", acts[i].link[k]);
			seen[n_seen++] = acts[i].link[k];
		}
	text_add(t, " }");
}

static void say_prefixes(const struct act *acts, unsigned n, struct text *t)
{
	unsigned said = 0;
	char prefix[64];

	for (unsigned i = 0; i < n; i++) {
		const struct anod_value *dst = act_arg(&acts[i], "dst");

		if (!dst || dst->type != ANOD_PREFIX)
			return;
	}
	text_add(t, "  on prefix {");
	for (unsigned i = 0; i < n; i++)
		text_add(
			t, "%s %s", said++ ? "," : "",
			prefix_format(&act_arg(&acts[i], "dst")->u.prefix, prefix, sizeof(prefix)));
	text_add(t, " }");
}

/* Words that the language takes as they are; an interface may have any name. */
static bool is_word(const char *name)
{
	if (!(name[0] == '_' || (name[0] >= 'a' && name[0] <= 'z') ||
	      (name[0] >= 'A' && name[0] <= 'Z')))
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
	       strlen(name);
}

static bool names_are_words(const struct decide_in *in, const struct act *acts)
{
	if (!is_word(in->agent))
		return false;
	for (unsigned i = 0; i < in->proposal->n_actions; i++)
		for (unsigned k = 0; k < acts[i].n_links; k++)
			if (!is_word(acts[i].link[k]))
				return false;
	return true;
}

static void say_level(const struct decide_in *in, enum level level, struct text *t)
{
	text_add(t, "  level %s", level_name(level));
	if (level == LEVEL_APPROVE && in->config->n_groups)
		text_add(t, " by 1 of %s within 10m", in->config->group[0].name);
}

char *decision_suggest(const struct decide_in *in)
{
	struct act acts[ANOD_ACTIONS_MAX];
	struct answer answer, each[ANOD_ACTIONS_MAX];
	unsigned n = in->proposal->n_actions;
	enum level level = LEVEL_APPROVE;
	struct text t = { 0 };
	bool foreign = false;

	if (n == 0 || n > ANOD_ACTIONS_MAX || !in->whatif || !in->in_sync)
		return NULL;
	for (unsigned i = 0; i < n; i++)
		act_init(&acts[i], in, i);
	if (judge_all(in, acts, NULL, &answer, each) < 0 || !answer.invariants_hold ||
	    !names_are_words(in, acts))
		return NULL;

	for (unsigned i = 0; i < n; i++) {
		level = MIN_OF(level, each[i].ceiling);
		foreign |= acts[i].foreign;
	}
	if (in->paused || in->capped)
		level = MIN_OF(level, LEVEL_OBSERVE);
	if (level <= answer.level)
		return NULL;

	say_name(in, &t);
	text_add(&t, "  agent %s", in->agent);
	say_kinds(in, &t);
	if (each_has_link(acts, n))
		say_links(acts, n, &t);
	else
		say_prefixes(acts, n, &t);
	say_level(in, level, &t);
	text_add(&t, "%s }", foreign ? "  foreign objects" : "");
	return t.n < sizeof(t.b) - 1 ? strdup(t.b) : NULL;
}
