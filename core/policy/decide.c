/*
 * decide - may this proposal be carried out, and on what terms?
 *
 * Design.  judge.c finds the answer and keeps what it looked at; deciding makes no words and, with
 * a pool, takes no memory.  decision_tell() then turns the record into the rules with their facts
 * and the one sentence that names what decided.  What would change the answer is found by deciding
 * again and again, so it is asked for by itself, before the facts move.
 */
#include "policy/decide.h"

#include <errno.h>
#include <string.h>

#include "policy/moved.h"
#include "policy/record.h"

#define SPARE_MAX 16 /* decisions that a pool keeps; more are given back to the system */

struct decisions {
	struct decision *spare;
	unsigned n;
};

/* ---- memory ----------------------------------------------------------------------------- */

static struct decision *really_free(struct decision *d)
{
	if (d->record)
		room_done(&d->record->room);
	free(d->record);
	free(d);
	return NULL;
}

static struct decision *decision_new(struct decisions *pool)
{
	struct decision *d;

	if (pool && pool->spare) {
		d = pool->spare;
		pool->spare = d->next;
		pool->n--;
		*d = (struct decision){ .record = d->record, .pool = pool };
		return d;
	}

	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->pool = pool;
	d->record = calloc(1, sizeof(*d->record));
	return d->record ? d : really_free(d);
}

void decision_detach(struct decision *d)
{
	for (unsigned i = 0; d->rule && i < d->n_rules; i++)
		free(d->rule[i].why);
	for (unsigned i = 0; d->invariant && i < d->n_invariants; i++) {
		free(d->invariant[i].why);
		free(d->invariant[i].lifted_by);
	}
	free(d->rule);
	free(d->invariant);
	free(d->entry);
	d->entry = NULL;
	d->n_entries = 0;
	d->rule = NULL;
	d->invariant = NULL;
	d->permit = NULL;
	d->n_rules = d->n_invariants = d->n_charges = 0;
	if (d->record)
		d->record->n_actions = d->record->n_invariants = 0;
}

struct decision *decision_free(struct decision *d)
{
	if (!d)
		return NULL;

	decision_detach(d);
	free(d->reason);
	free(d->flip);
	free(d->suggest);
	if (!d->pool || d->pool->n == SPARE_MAX)
		return really_free(d);
	d->next = d->pool->spare;
	d->pool->spare = d;
	d->pool->n++;
	return NULL;
}

struct decisions *decisions_new(void)
{
	return calloc(1, sizeof(struct decisions));
}

struct decisions *decisions_free(struct decisions *pool)
{
	while (pool && pool->spare) {
		struct decision *d = pool->spare;

		pool->spare = d->next;
		really_free(d);
	}
	free(pool);
	return NULL;
}

/* ---- deciding --------------------------------------------------------------------------- */

static void fill(const struct decide_in *in, struct decision *d)
{
	const struct record *rec = d->record;

	d->level = rec->answer.level;
	d->permit = rec->answer.permit;
	d->damped = rec->answer.held_back;
	if (d->permit)
		(void) copy_text(d->permit_name, sizeof(d->permit_name), d->permit->name);
	d->generation = in->whatif ? in->whatif->generation : 0;
	d->wall_us = in->wall_us;
	memcpy(d->resource, rec->act[rec->answer.action].resource, sizeof(d->resource));
	for (unsigned i = 0; i < in->proposal->n_actions; i++)
		memcpy(d->action_resource[i], rec->act[i].resource, sizeof(d->resource));
	decision_set_charges(d, in);
	moved_note(in, d);
}

int decide_quietly(const struct decide_in *in, struct decision **ret)
{
	_cleanup_(decision_freep) struct decision *d = NULL;
	int r;

	if (in->proposal->n_actions == 0 || in->proposal->n_actions > ANOD_ACTIONS_MAX)
		return -EINVAL;

	d = decision_new(in->pool);
	if (!d)
		return -ENOMEM;
	r = judge_record(in, d->record);
	if (r < 0)
		return r;

	fill(in, d);
	*ret = TAKE(d);
	return 0;
}

/* ---- words ------------------------------------------------------------------------------ */

static bool tell_rule(struct decision *d, const struct decide_in *in, unsigned action, unsigned nth)
{
	struct expr_read read[JUDGE_READS_MAX];
	struct expr_trace trace = { .read = read, .max = JUDGE_READS_MAX };
	const struct guard_views *views = &d->record->views[action];
	const struct judged *j = &d->record->judged[action][nth];
	struct decided_rule *r = &d->rule[d->n_rules];
	struct text why;

	guard_reads(views, &views->guards->guard[nth], &trace);
	judge_explain(j, in, &d->record->act[action], &trace, &why);
	*r = (struct decided_rule){ .rule = j->rule,
				    .action = action,
				    .truth = j->truth,
				    .counted = j->counted,
				    .level = j->level,
				    .why = strdup(why.b) };
	d->n_rules += r->why != NULL;
	return r->why;
}

static bool tell_rules(struct decision *d, const struct decide_in *in)
{
	const struct record *rec = d->record;
	unsigned n = 0;

	for (unsigned i = 0; i < rec->n_actions; i++)
		n += rec->views[i].guards->n;
	d->rule = calloc(MAX_OF(n, 1u), sizeof(*d->rule));
	if (!d->rule)
		return false;

	for (unsigned i = 0; i < rec->n_actions; i++)
		for (unsigned k = 0; k < rec->views[i].guards->n; k++)
			if (!tell_rule(d, in, i, k))
				return false;
	return true;
}

/* By whom, and until when by the wall clock: people take it on them, so people are named. */
static bool tell_override(const struct decide_in *in, struct decided_invariant *v)
{
	const char *who = "";
	uint64_t until_us = in->now_us;

	(void) override_in_force(in->overrides, v->invariant, in->now_us, &until_us, &who);
	v->lifted_by = strdup(who);
	v->lifted_until_us = in->wall_us + (until_us - in->now_us);
	return v->lifted_by;
}

static bool tell_invariants(struct decision *d, const struct decide_in *in)
{
	const struct record *rec = d->record;

	if (!rec->n_invariants)
		return true;
	d->invariant = calloc(rec->n_invariants, sizeof(*d->invariant));
	for (unsigned i = 0; d->invariant && i < rec->n_invariants; i++) {
		const struct invariant_result *v = &rec->invariant[i];

		d->invariant[i] = (struct decided_invariant){
			.invariant = &in->config->policy->invariant[i],
			.failed = v->failed,
			.holds = v->holds,
			.excused = v->excused,
			.why = strdup(rec->invariant_why[i].b),
		};
		d->n_invariants++;
		if (!d->invariant[i].why || (v->lifted && !tell_override(in, &d->invariant[i])))
			return false;
	}
	return d->invariant;
}

static void name_policy(const struct config *c, struct decision *d)
{
	char hash[9];

	for (unsigned i = 0; i < 4; i++)
		(void) snprintf(hash + 2 * i, 3, "%02x", c->hash[i]);
	(void) snprintf(d->policy, sizeof(d->policy), "%.80s revision %llu (sha256 %s)",
			c->policy->name ? c->policy->name : "unnamed",
			(unsigned long long) c->policy->revision, hash);
}

static void tell_assumed(const struct whatif *w, struct decision *d)
{
	if (!w || !w->trigger_link[0])
		return;
	if (w->ready)
		(void) snprintf(
			d->assuming, sizeof(d->assuming),
			"link %s loses its carrier or is set down, then the changes are made",
			w->trigger_link);
	else
		(void) snprintf(
			d->assuming, sizeof(d->assuming),
			"the changes are made, then link %s loses its carrier or is set down",
			w->trigger_link);
}

int decision_tell(struct decision *d, const struct decide_in *in)
{
	if (d->reason)
		return 0;
	if (!tell_rules(d, in) || !tell_invariants(d, in) ||
	    track_fill(in, d->record->act, d->record->each, &d->record->answer, d) < 0)
		return -ENOMEM;
	name_policy(in->config, d);
	tell_assumed(in->whatif, d);
	d->reason = decision_reason(in, d, &d->record->answer);
	return d->reason ? 0 : -ENOMEM;
}

void decision_advise(struct decision *d, const struct decide_in *in)
{
	if (d->level == LEVEL_AUTO || d->flip || d->suggest)
		return;
	d->flip = flip_find(in, d->record);
	d->suggest = decision_suggest(in);
}

int decide_and_tell(const struct decide_in *in, struct decision **ret)
{
	_cleanup_(decision_freep) struct decision *d = NULL;
	int r = decide_quietly(in, &d);

	if (r == 0)
		r = decision_tell(d, in);
	if (r < 0)
		return r;

	*ret = TAKE(d);
	return 0;
}

int decide(const struct decide_in *in, struct decision **ret)
{
	int r = decide_and_tell(in, ret);

	if (r == 0)
		decision_advise(*ret, in);
	return r;
}
