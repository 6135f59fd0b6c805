/*
 * story - the pages that an engineer reads during an incident: what happened, what was done,
 * and why.
 */
#include <math.h>
#include <string.h>

#include "cli/people.h"

void show_incidents(const struct cli *c, const cJSON *d)
{
	static const char *const heads[] = { "ID", "STATE", "OPENED", "CLOSED", "TITLE", NULL };
	struct table *t;
	const cJSON *i;

	if (cJSON_GetArraySize(get(d, "incidents")) == 0) {
		(void) printf("no open incident; --all shows the closed ones\n");
		return;
	}
	t = table_new(c, heads);
	cJSON_ArrayForEach(i, get(d, "incidents"))
	{
		bool open = get_bool(i, "open");
		char id[24], opened[32], closed[32] = "-";
		const char *cells[] = { id,
					open			   ? "open"
					: get_text(i, "closed")[0] ? "closed"
								   : "interrupted",
					opened, closed, get_text(i, "title") };

		(void) snprintf(id, sizeof(id), "I%.0f", get_number(i, "id"));
		(void) local_time(get_text(i, "opened"), opened, sizeof(opened));
		if (get_text(i, "closed")[0])
			(void) local_time(get_text(i, "closed"), closed, sizeof(closed));
		table_row(t, cells);
		table_paint(t, 1, paint(c, open ? "yellow" : "green"));
	}
	table_print(t);
}

static void show_finding(const struct cli *c, const cJSON *f)
{
	const cJSON *e;
	char age[32];

	(void) printf("  %s%s%s on %s %s, by %s, confidence %.0f %%%s\n", paint(c, "bold"),
		      get_text(f, "code"), paint(c, "off"), get_text(f, "kind"),
		      get_text(f, "entity"), get_text(f, "agent"),
		      get_number(f, "confidence") * 100, get_bool(f, "open") ? "" : " (cleared)");
	(void) fputs("    ", stdout);
	print_wrapped(get_text(f, "summary"), 4);
	cJSON_ArrayForEach(e, get(f, "evidence"))
	{
		(void) printf("    %sfact%s  %s", paint(c, "dim"), paint(c, "off"),
			      get_text(e, "fact"));
		if (cJSON_IsString(get(e, "value")))
			(void) printf(" = %s", get_text(e, "value"));
		if (cJSON_IsNumber(get(e, "age_us")))
			(void) printf(" (%s old)",
				      duration_text(get_number(e, "age_us"), age, sizeof(age)));
		(void) putchar('\n');
	}
	cJSON_ArrayForEach(e, get(f, "rivals"))(void)
		printf("    %srival%s %s, confidence %.0f %%\n", paint(c, "dim"), paint(c, "off"),
		       get_text(e, "code"), get_number(e, "confidence") * 100);
}

void show_incident(const struct cli *c, const cJSON *i)
{
	const cJSON *f, *l;
	bool open = get_bool(i, "open");

	(void) printf("%sI%.0f%s %s  %s%s%s\n", paint(c, "bold"), get_number(i, "id"),
		      paint(c, "off"), get_text(i, "title"), paint(c, open ? "yellow" : "green"),
		      open ? "open" : "closed", paint(c, "off"));
	cJSON_ArrayForEach(f, get(i, "findings")) show_finding(c, f);
	(void) printf("%stimeline%s\n", paint(c, "dim"), paint(c, "off"));
	cJSON_ArrayForEach(l, get(i, "lines"))
	{
		char when[32], tx[24] = "", text[400];

		if (get(l, "tx") && get_number(l, "tx") > 0)
			(void) snprintf(tx, sizeof(tx), "T%.0f ", get_number(l, "tx"));
		(void) printf("  %s%s%s  %-8s  ", paint(c, "dim"),
			      local_time(get_text(l, "t"), when, sizeof(when)), paint(c, "off"),
			      get_text(l, "kind"));
		(void) snprintf(text, sizeof(text), "%s%s", tx, get_text(l, "text"));
		print_wrapped(text, 26);
	}
	if (get_number(i, "lines_dropped") > 0)
		(void) printf("  (%.0f more lines; see the ledger)\n",
			      get_number(i, "lines_dropped"));
}

static void wrapped(const char *what, const char *text)
{
	(void) printf("  %-9s", what);
	print_wrapped(text, 11);
}

/* What can be said to one that waits, with the code of exactly this plan. */
static void show_answer(const struct cli *c, const cJSON *t)
{
	const cJSON *plan = get(t, "plan");
	double id = get_number(t, "id");

	if (plan) {
		wrapped("policy", get_text(plan, "policy"));
		show_code(c, plan, "  ");
		if (!get_bool(plan, "may_sign"))
			(void) printf("  %s %s\n", get_text(plan, "user"),
				      get_bool(plan, "has_signed")
					      ? "has signed it"
					      : "is in none of the groups that may approve it");
	}
	if (get_number(t, "needs") <= cJSON_GetArraySize(get(t, "approvals")))
		return;
	if (plan && get_bool(plan, "may_sign"))
		(void) printf("  %sanodctl approve T%.0f %s%s, or deny T%.0f\n", paint(c, "bold"),
			      id, get_text(plan, "code")[0] ? get_text(plan, "code") : "CODE",
			      paint(c, "off"), id);
	else
		(void) printf("  %sanodctl show T%.0f%s to approve it, or deny T%.0f\n",
			      paint(c, "bold"), id, paint(c, "off"), id);
}

static void show_txn_head(const struct cli *c, const cJSON *t)
{
	const char *state = get_text(t, "state");
	char text[400], when[32];
	int n;

	n = snprintf(text, sizeof(text), "by %s at %s", get_text(t, "agent"),
		     local_time(get_text(t, "created"), when, sizeof(when)));
	if (get_text(t, "rule")[0] && strcmp(state, "denied") != 0)
		n += snprintf(text + n, sizeof(text) - (size_t) n, ", allowed by \"%.200s\"",
			      get_text(t, "rule"));
	if (get(t, "incident"))
		(void) snprintf(text + n, sizeof(text) - (size_t) n, ", incident I%.0f",
				get_number(t, "incident"));
	n = snprintf(NULL, 0, "T%.0f %s  ", get_number(t, "id"), state);
	(void) printf("%sT%.0f%s %s%s%s  ", paint(c, "bold"), get_number(t, "id"), paint(c, "off"),
		      state_paint(c, state), state, paint(c, "off"));
	print_wrapped(text, (unsigned) n);
}

static void show_outcome(const struct cli *c, const cJSON *t)
{
	char text[700];

	(void) snprintf(text, sizeof(text), "%.600s%s", get_text(t, "why"),
			get_bool(t, "by_guardian") ? " [by the guardian]" : "");
	(void) printf("  %s", paint(c, "bold"));
	print_wrapped(text, 4);
	(void) fputs(paint(c, "off"), stdout);
}

/* 'later': what comes below anyway, and is not said here. */
static void show_txn(const struct cli *c, const cJSON *t, const char *later)
{
	const cJSON *k;

	if (!cJSON_IsObject(t))
		return;

	show_txn_head(c, t);
	wrapped("because", get_text(t, "reason"));
	if (get_text(t, "expect")[0])
		wrapped("expects", get_text(t, "expect"));
	cJSON_ArrayForEach(k, get(t, "actions")) wrapped("action", item_text(k));
	cJSON_ArrayForEach(k, get(t, "changes"))
	{
		char change[700];

		(void) snprintf(change, sizeof(change), "%s -> %s",
				get_text(k, "before")[0] ? get_text(k, "before") : "(nothing)",
				get_text(k, "after")[0] ? get_text(k, "after") : "(nothing)");
		wrapped("change", change);
	}
	cJSON_ArrayForEach(k, get(t, "approvals"))(void) printf("  approved by %s\n", item_text(k));
	show_grants(c, t);
	if (get_text(t, "why")[0] && !(later[0] && strstr(get_text(t, "why"), later)))
		show_outcome(c, t);
	show_answer(c, t);
}

void show_transaction(const struct cli *c, const cJSON *t)
{
	show_txn(c, t, "");
}

static const char *truth_mark(const struct cli *c, const char *truth)
{
	return strcmp(truth, "true") == 0      ? paint(c, "green")
	       : strcmp(truth, "unknown") == 0 ? paint(c, "yellow")
					       : paint(c, "red");
}

static void upper(const char *s, char *buf, size_t size)
{
	size_t n = 0;

	for (; s[n] && n + 1 < size; n++)
		buf[n] = s[n] >= 'a' && s[n] <= 'z' ? (char) (s[n] - 32) : s[n];
	buf[n] = '\0';
}

/* The folder is in "policy" of the status; a table has no room for it. */
static const char *file_of(const char *place)
{
	const char *slash = strrchr(place, '/');

	return slash ? slash + 1 : place;
}

/* "permit "steer"  TRUE  auto  facts", one line for each rule and invariant that was judged. */
static void show_rules(const struct cli *c, const cJSON *v)
{
	static const char *const heads[] = { "  RULE", "TRUTH", "LEVEL", "WHERE", "WHY", NULL };
	struct table *t;
	char name[160], truth[24], why[600], until[32];
	const char *cells[] = { name, truth, "-", "", why };
	const cJSON *r;

	if (cJSON_GetArraySize(get(v, "rules")) + cJSON_GetArraySize(get(v, "invariants")) == 0)
		return;
	t = table_new(c, heads);
	cJSON_ArrayForEach(r, get(v, "rules"))
	{
		(void) snprintf(name, sizeof(name), "  %s \"%s\"", get_text(r, "kind"),
				get_text(r, "name"));
		upper(get_text(r, "truth"), truth, sizeof(truth));
		(void) snprintf(why, sizeof(why), "%s%s", get_text(r, "why"),
				get_bool(r, "counted") || strcmp(truth, "TRUE") != 0
					? ""
					: " (does not count)");
		cells[2] = get_text(r, "level");
		cells[3] = file_of(get_text(r, "place"));
		table_row(t, cells);
		table_paint(t, 1, truth_mark(c, get_text(r, "truth")));
	}
	cells[2] = "-";
	cJSON_ArrayForEach(r, get(v, "invariants"))
	{
		const char *holds = get_text(r, "holds");

		(void) snprintf(name, sizeof(name), "  invariant \"%s\"", get_text(r, "name"));
		(void) snprintf(truth, sizeof(truth), "%s",
				strcmp(holds, "true") == 0    ? "HOLDS"
				: strcmp(holds, "false") == 0 ? "FAILS"
							      : "UNKNOWN");
		(void) snprintf(why, sizeof(why), "%s%s", get_text(r, "why"),
				get_bool(r, "excused") ? " (broken before, not worse)" : "");
		if (get(r, "overridden")) {
			size_t n = strlen(why);

			(void) snprintf(why + n, sizeof(why) - n, " (overridden by %s until %s)",
					get_text(get(r, "overridden"), "by"),
					local_time(get_text(get(r, "overridden"), "until"), until,
						   sizeof(until)));
		}
		cells[3] = file_of(get_text(r, "place"));
		table_row(t, cells);
		table_paint(t, 1, truth_mark(c, holds));
	}
	table_print(t);
}

/* One clause a line, as it would be written; two spaces stand between clauses. */
static void show_permit(const struct cli *c, const char *text)
{
	const char *next;

	(void) printf("  %swould allow%s\n    ", paint(c, "bold"), paint(c, "off"));
	for (; (next = strstr(text, "  ")); text = next + 2)
		(void) printf("%.*s\n        ", (int) (next - text), text);
	next = strstr(text, " }");
	(void) printf("%.*s\n    }\n", (int) (next ? next - text : (long) strlen(text)), text);
}

void show_why(const struct cli *c, const cJSON *d)
{
	const cJSON *t = get(d, "transaction"), *v = get(d, "decision");
	char level[24];

	show_txn(c, t, get_text(v, "reason"));
	if (!cJSON_IsObject(v)) {
		(void) printf("  no decision of it is left in the ledger\n");
		return;
	}
	upper(get_text(v, "level"), level, sizeof(level));
	(void) printf("%s%s%s  ", state_paint(c, get_text(v, "level")), level, paint(c, "off"));
	print_wrapped(get_text(v, "reason"), 11);
	if (get_text(v, "assuming")[0])
		wrapped("assuming", get_text(v, "assuming"));
	if (get_text(v, "policy")[0])
		wrapped("policy", get_text(v, "policy"));
	show_rules(c, v);
	if (get_text(v, "flip")[0])
		(void) printf("  %swould flip%s  %s\n", paint(c, "bold"), paint(c, "off"),
			      get_text(v, "flip"));
	if (get_text(v, "suggest")[0])
		show_permit(c, get_text(v, "suggest"));
}
