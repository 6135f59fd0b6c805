/*
 * graph_dot - the drawing of a policy for graphviz: dot -Tsvg.
 *
 * Design.  Agents stand on the left, then permits in the colour of their level, actions, and what
 * they are on.  A forbid or cap points to the actions that it is about, with a broken line.
 */
#include <string.h>

#include "facts/value.h"
#include "policy/dnf.h"
#include "policy/graph.h"

static const char *const colours[] = { "#f4b6b6", "#e6e6e6", "#f7e3b0", "#cfe2f3", "#cfe8cf" };

/* A text between quotes. */
static void quote(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			(void) fputc('\\', f);
		(void) fputc(*text, f);
	}
}

static void node(FILE *f, const char *kind, const char *name, const char *style)
{
	(void) fprintf(f, "\t\"%s ", kind);
	quote(f, name);
	(void) fputs("\" [label=\"", f);
	quote(f, name);
	(void) fprintf(f, "\", %s];\n", style);
}

static void edge(FILE *f, const char *a_kind, const char *a, const char *b_kind, const char *b,
		 const char *style)
{
	(void) fprintf(f, "\t\"%s ", a_kind);
	quote(f, a);
	(void) fprintf(f, "\" -> \"%s ", b_kind);
	quote(f, b);
	(void) fprintf(f, "\"%s;\n", style);
}

static void on_label(const struct policy_on *on, char *buf, size_t size)
{
	char text[64];

	if (on->set)
		(void) snprintf(buf, size, "%s%s", on->negated ? "not in " : "", on->set);
	else if (on->n_names)
		(void) snprintf(buf, size, "%s %s%s", on->kind, on->name[0],
				on->n_names > 1 ? " ..." : "");
	else
		(void) snprintf(buf, size, "%s%s",
				on->n_prefixes ? prefix_format(&on->prefix[0], text, sizeof(text))
					       : "",
				on->n_prefixes > 1 ? " ..." : "");
}

static void permit(const struct config *c, const struct policy_rule *r, FILE *f)
{
	char style[128], label[160];

	(void) snprintf(style, sizeof(style),
			"shape=box, style=\"rounded,filled\", fillcolor=\"%s\"", colours[r->level]);
	(void) snprintf(label, sizeof(label), "%.100s: %s", r->name, level_name(r->level));
	node(f, "permit", label, style);
	for (unsigned i = 0; config_proposer(c, i); i++)
		if (guard_names_agent(c->policy, r, config_proposer(c, i)))
			edge(f, "agent", config_proposer(c, i), "permit", label, "");
	for (unsigned i = 0; i < MAX_OF(r->n_actions, 1u); i++) {
		const char *action = r->n_actions ? r->action[i] : "any action";

		node(f, "action", action, "shape=ellipse");
		edge(f, "permit", label, "action", action, "");
		for (unsigned k = 0; k < r->n_on; k++) {
			char on[160];

			on_label(&r->on[k], on, sizeof(on));
			node(f, "on", on, "shape=folder");
			edge(f, "action", action, "on", on, "");
		}
	}
}

static void bar(const struct policy_rule *r, FILE *f)
{
	char label[160], style[128];

	(void) snprintf(label, sizeof(label), "%.100s: %s", r->name,
			r->kind == RULE_FORBID ? "never" : level_name(r->level));
	(void) snprintf(style, sizeof(style), "shape=octagon, style=filled, fillcolor=\"%s\"",
			colours[r->level]);
	node(f, "bar", label, style);
	for (unsigned i = 0; i < MAX_OF(r->n_actions, 1u); i++) {
		const char *action = r->n_actions ? r->action[i] : "any action";

		node(f, "action", action, "shape=ellipse");
		edge(f, "bar", label, "action", action, " [style=dashed]");
	}
}

void graph_dot(const struct config *c, FILE *f)
{
	(void) fputs("digraph \"", f);
	quote(f, c->policy->name);
	(void) fputs("\" {\n\trankdir=LR;\n\tnode [fontname=\"sans-serif\"];\n", f);
	for (unsigned i = 0; config_proposer(c, i); i++)
		node(f, "agent", config_proposer(c, i), "shape=box, style=bold");
	for (unsigned i = 0; i < c->policy->n_rules; i++) {
		if (c->policy->rule[i].kind == RULE_PERMIT)
			permit(c, &c->policy->rule[i], f);
		else
			bar(&c->policy->rule[i], f);
	}
	(void) fputs("}\n", f);
}
