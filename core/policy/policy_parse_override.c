/*
 * policy_parse_override - who may lift an invariant, and for how long.
 *
 * Design.  An override is for an emergency, so it always ends by itself: "for" is required and a
 * day is the most.  One person alone may be enough, if the engineer says so.
 */
#include "policy/approval.h"
#include "policy/override.h"
#include "policy/parse.h"

int parse_override(struct parse *p, struct policy_invariant *inv)
{
	struct lex_place place;
	int64_t n = 0;
	int r;

	r = parse_expect(p, "by", "'by' and a number of people");
	if (r == 0)
		r = parse_number(p, "override by", 1, APPROVERS_MAX, &n);
	if (r == 0)
		r = parse_expect(p, "of", "'of' and a group");
	if (r == 0)
		r = parse_names(p, "the name of a group", &inv->override_group,
				&inv->n_override_groups);
	if (r == 0)
		r = parse_expect(p, "for", "'for' and a duration");
	place = parse_ahead(p)->place;
	if (r == 0)
		r = parse_duration(p, "for", &inv->override_for_us);
	if (r == 0 && inv->override_for_us > OVERRIDE_MAX_US)
		return parse_error(p, &place, "an override lasts at most a day (24h)");
	inv->override_by = (unsigned) n;
	return r;
}
