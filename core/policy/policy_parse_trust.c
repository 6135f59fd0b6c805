/*
 * policy_parse_trust - clauses about trust: promote, demote, quorum, notify, severity.
 *
 * Design.  Who has to agree beside the rule itself, who is told, and how a permit may grow with
 * what was verified.
 */
#include "policy/parse.h"

/* "and rollbacks == N in DUR" */
static int parse_rollbacks(struct parse *p, struct policy_promote *m)
{
	int64_t n = 0;
	int k;

	k = parse_expect(p, "rollbacks", "'rollbacks'");
	if (k == 0)
		k = parse_expect(p, "==", "'=='");
	if (k == 0)
		k = parse_number(p, "rollbacks", 0, 1000000, &n);
	if (k == 0)
		k = parse_expect(p, "in", "'in' and a duration");
	m->max_failures = (unsigned) n;
	return k < 0 ? k : parse_duration(p, "in", &m->within_us);
}

/* "to LEVEL after N verified [and rollbacks == N in DUR]" */
int parse_promote(struct parse *p, struct policy_rule *r)
{
	static const char *const levels[] = { "approve", "auto", NULL };
	struct policy_promote *m = &r->promote;
	unsigned index = 0;
	int64_t n = 0;
	int k;

	k = parse_expect(p, "to", "'to' and a level");
	if (k == 0)
		k = parse_choice(p, "promote to", levels, &index);
	if (k == 0)
		k = parse_expect(p, "after", "'after' and a number");
	if (k == 0)
		k = parse_number(p, "after", 1, 1000000, &n);
	if (k == 0)
		k = parse_expect(p, "verified", "'verified'");
	if (k == 0 && parse_accept(p, "and"))
		k = parse_rollbacks(p, m);
	m->to = index ? LEVEL_AUTO : LEVEL_APPROVE;
	m->after = (unsigned) n;
	return k;
}

/* "to LEVEL [for DUR] after rollback" */
int parse_demote(struct parse *p, struct policy_rule *r)
{
	static const char *const levels[] = { "observe", "propose", "approve", NULL };
	struct policy_demote *m = &r->demote;
	unsigned index = 0;
	int k;

	k = parse_expect(p, "to", "'to' and a level");
	if (k == 0)
		k = parse_choice(p, "demote to", levels, &index);
	if (k == 0 && parse_accept(p, "for"))
		k = parse_duration(p, "for", &m->for_us);
	if (k == 0)
		k = parse_expect(p, "after", "'after rollback'");
	if (k == 0)
		k = parse_expect(p, "rollback", "'rollback'");
	m->to_set = k == 0;
	m->to = (enum level)(index + 1);
	return k;
}

/* "N of peers { NAME, ... } grant "WHAT" within DUR" */
int parse_quorum(struct parse *p, struct policy_rule *r)
{
	struct policy_quorum *q = &r->quorum;
	int64_t n = 0;
	int k;

	k = parse_number(p, "quorum", 1, 1000, &n);
	if (k == 0)
		k = parse_expect(p, "of", "'of peers'");
	if (k == 0)
		k = parse_expect(p, "peers", "'peers'");
	if (k == 0)
		k = parse_names(p, "the name of a peer", &q->peer, &q->n_peers);
	if (k == 0 && (uint64_t) n > q->n_peers)
		k = parse_error(p, &parse_ahead(p)->place, "%lld of %u peers can never agree",
				(long long) n, q->n_peers);
	if (k == 0)
		k = parse_expect(p, "grant", "'grant' and a text");
	if (k == 0)
		k = parse_string(p, "grant", &q->grant);
	if (k == 0)
		k = parse_expect(p, "within", "'within' and a duration");
	if (k == 0)
		k = parse_duration(p, "within", &q->within_us);
	q->n = (unsigned) n;
	return k;
}

int parse_notify(struct parse *p, struct policy_rule *r)
{
	return parse_names(p, "whom to notify", &r->notify, &r->n_notify);
}

int parse_severity(struct parse *p, struct policy_rule *r)
{
	static const char *const words[] = { "warning", "minor", "major", "critical", NULL };
	unsigned index;
	int k = parse_choice(p, "severity", words, &index);

	if (k == 0)
		r->severity = (enum severity)(index + 1);
	return k;
}
