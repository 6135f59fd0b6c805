/*
 * graph - a policy as a drawing.
 *
 * Design.  Read from the agents' side, because that is what an engineer asks: what may this one do?
 * What limits everybody stands once, at the end, and not under each agent.
 */
#include "policy/graph.h"

#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "facts/value.h"
#include "policy/dnf.h"

#define COLUMNS 80

/* ---- words --------------------------------------------------------------------------------- */

static void add(char *buf, size_t size, const char *fmt, ...) _printf_(3, 4);
static void add(char *buf, size_t size, const char *fmt, ...)
{
	size_t n = strlen(buf);
	va_list args;

	va_start(args, fmt);
	(void) vsnprintf(buf + n, size - n, fmt, args);
	va_end(args);
}

static void actions_text(const struct policy_rule *r, char *buf, size_t size)
{
	buf[0] = '\0';
	for (unsigned i = 0; i < r->n_actions; i++)
		add(buf, size, "%s%s", i ? ", " : "", r->action[i]);
	if (!r->n_actions)
		add(buf, size, "any action");
}

static void one_on(const struct policy_on *on, char *buf, size_t size)
{
	char text[64];

	if (on->set) {
		add(buf, size, "%s%s", on->negated ? "not in " : "", on->set);
		return;
	}
	for (unsigned i = 0; i < on->n_names; i++)
		add(buf, size, "%s%s %s", i ? ", " : "", on->kind, on->name[i]);
	for (unsigned i = 0; i < on->n_prefixes; i++)
		add(buf, size, "%s%s", i ? ", " : "",
		    prefix_format(&on->prefix[i], text, sizeof(text)));
}

static void on_text(const struct policy_rule *r, char *buf, size_t size)
{
	buf[0] = '\0';
	for (unsigned i = 0; i < r->n_on; i++) {
		add(buf, size, "%s", i ? ", " : "");
		one_on(&r->on[i], buf, size);
	}
	if (!r->n_on)
		add(buf, size, "anything");
}

static void terms_text(const struct policy_rule *r, char *buf, size_t size)
{
	char t[32];

	buf[0] = '\0';
	if (r->level == LEVEL_APPROVE) {
		add(buf, size, ", by %u of ", MAX_OF(r->approvals, 1u));
		for (unsigned i = 0; i < r->n_groups; i++)
			add(buf, size, "%s%s", i ? " or " : "", r->group[i]);
		if (!r->n_groups)
			add(buf, size, "anybody");
	}
	if (r->promote.to)
		add(buf, size, ", may earn %s", level_name(r->promote.to));
	if (r->during)
		add(buf, size, ", during %s", r->during);
	if (r->budget)
		add(buf, size, ", budget %s", r->budget);
	if (r->cooldown_us)
		add(buf, size, ", cooldown %s", format_duration(r->cooldown_us, t, sizeof(t)));
	if (r->verify_within_us)
		add(buf, size, ", verify within %s",
		    format_duration(r->verify_within_us, t, sizeof(t)));
	if (r->confirm_us)
		add(buf, size, ", confirm %s%s", r->confirm_by_hand ? "by operator in " : "after ",
		    format_duration(r->confirm_us, t, sizeof(t)));
	if (r->undo_after_us)
		add(buf, size, ", undo after %s", format_duration(r->undo_after_us, t, sizeof(t)));
	if (r->reflex.there)
		add(buf, size, ", armed before %s%s",
		    r->reflex.link ? "the loss of " : "its trigger",
		    r->reflex.link ? r->reflex.link : "");
	if (buf[0])
		memmove(buf, buf + 2, strlen(buf) - 1);
}

/* ---- text ----------------------------------------------------------------------------------- */

/* Words behind a margin, broken at spaces. */
static void wrap(FILE *f, unsigned margin, const char *text)
{
	while (*text) {
		size_t room = COLUMNS - margin, n = strlen(text);

		if (n > room) {
			n = room;
			while (n > 0 && text[n] != ' ')
				n--;
			if (n == 0) /* one word that does not fit */
				n = strcspn(text, " ");
		}
		(void) fprintf(f, "%*s%.*s\n", (int) margin, "", (int) n, text);
		text += n;
		while (*text == ' ')
			text++;
	}
}

static void show_permit(FILE *f, const struct policy_rule *r)
{
	char actions[512], on[512], terms[512], line[1200];
	_cleanup_(freep) char *when = r->when ? expr_format(r->when) : NULL;

	actions_text(r, actions, sizeof(actions));
	on_text(r, on, sizeof(on));
	terms_text(r, terms, sizeof(terms));
	(void) fprintf(f, "  %-8s ", level_name(r->level));
	(void) snprintf(line, sizeof(line), "%s  ->  %s", actions, on);
	if (strlen(line) <= COLUMNS - 11) {
		(void) fprintf(f, "%s\n", line);
	} else {
		(void) fprintf(f, "permit \"%s\"\n", r->name);
		wrap(f, 11, line);
	}
	if (strlen(line) <= COLUMNS - 11)
		(void) fprintf(f, "           permit \"%s\"\n", r->name);
	if (when) {
		(void) snprintf(line, sizeof(line), "when %s", when);
		wrap(f, 13, line);
	}
	if (terms[0])
		wrap(f, 13, terms);
}

static void show_bar(FILE *f, const struct policy_rule *r, bool agents)
{
	char actions[512], on[512], line[2000] = "";
	_cleanup_(freep) char *when = r->when ? expr_format(r->when) : NULL;

	actions_text(r, actions, sizeof(actions));
	on_text(r, on, sizeof(on));
	(void) fprintf(f, "  %s%-8s %s \"%s\"\n", r->kind == RULE_FORBID ? "" : "<= ",
		       r->kind == RULE_FORBID ? "never   " : level_name(r->level),
		       r->kind == RULE_FORBID ? "forbid" : "cap", r->name);
	if (r->n_actions || r->n_on)
		add(line, sizeof(line), "%s  ->  %s  ", actions, on);
	for (unsigned i = 0; agents && i < r->n_agents; i++)
		add(line, sizeof(line), "%s%s", i ? ", " : "by ", r->agent[i]);
	if (agents && r->n_agents)
		add(line, sizeof(line), "  ");
	if (when)
		add(line, sizeof(line), "when %s  ", when);
	if (r->during)
		add(line, sizeof(line), "during %s", r->during);
	while (line[0] && line[strlen(line) - 1] == ' ')
		line[strlen(line) - 1] = '\0';
	wrap(f, 13, line[0] ? line : "always");
}

static void show_agent(const struct config *c, unsigned nth, FILE *f)
{
	const char *agent = config_proposer(c, nth);
	const char *plugin = nth < c->n_agents ? c->agent[nth].plugin : agent;
	unsigned n = 0;

	(void) fprintf(f, "agent %s%s%s\n", agent, strcmp(agent, plugin) ? " plugin " : "",
		       strcmp(agent, plugin) ? plugin : "");
	for (int l = LEVEL_AUTO; l >= LEVEL_DENY; l--)
		for (unsigned i = 0; i < c->policy->n_rules; i++) {
			const struct policy_rule *r = &c->policy->rule[i];

			if (r->kind != RULE_PERMIT || (int) r->level != l ||
			    !guard_names_agent(c->policy, r, agent))
				continue;
			show_permit(f, r);
			n++;
		}
	if (!n)
		(void) fprintf(f, "  nothing  no permit names it\n");
	(void) fputc('\n', f);
}

void graph_text(const struct config *c, FILE *f)
{
	bool first = true;

	(void) fprintf(f, "policy \"%s\" revision %llu\n\n", c->policy->name,
		       (unsigned long long) c->policy->revision);
	for (unsigned i = 0; config_proposer(c, i); i++)
		show_agent(c, i, f);
	for (unsigned i = 0; i < c->policy->n_rules; i++) {
		if (c->policy->rule[i].kind == RULE_PERMIT)
			continue;
		if (first)
			(void) fputs("over them\n", f);
		first = false;
		show_bar(f, &c->policy->rule[i], true);
	}
	for (unsigned i = 0; i < c->policy->n_invariants; i++) {
		const struct policy_invariant *v = &c->policy->invariant[i];

		(void) fprintf(f, "%sinvariant \"%s\"\n", i ? "" : "\nafter every change\n",
			       v->name);
		for (unsigned k = 0; k < v->n_requires; k++)
			wrap(f, 2, v->require[k].text);
	}
}
