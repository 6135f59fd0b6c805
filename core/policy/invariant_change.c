/*
 * invariant_change - what a proposal moves and loses, and what it is about.
 *
 * Design.  Numbers of what changes come with the stage (whatif.h); without a proposal they are zero.
 * What is moved "in" a window adds what finished transactions have moved (moved.c).
 */
#include <net/if.h>
#include <string.h>

#include "base/clock.h"
#include "facts/value.h"
#include "policy/invariant_int.h"
#include "policy/moved.h"

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "es";
}

/* ---- prefixes ---------------------------------------------------------------------------- */

struct finding judge_blackhole(const struct probe *p)
{
	const struct policy_require *r = p->require;
	unsigned n = p->stage ? p->stage->blackholes : 0;
	struct finding f = { .holds = probe_compare(n, r->cmp, (double) r->n) };

	f.worse = probe_distance(n, (double) r->n);
	say(p, "%u prefix%s lose their last way %s, need %s %llu", n, plural(n), WHERE(p),
	    cmp_text(r->cmp), (unsigned long long) r->n);
	return f;
}

/* What moved in the window before; false: it cannot be said. */
static bool moved_before(const struct probe *p, enum moved_what what, double *ret)
{
	*ret = 0;
	if (!p->require->window_us || !p->stage)
		return true;
	return p->in->budgets &&
	       moved_within(p->in->budgets, what, p->require->window_us, p->in->now_us, ret);
}

static const char *window_text(const struct probe *p, char *buf, size_t size)
{
	char dur[32];

	if (!p->require->window_us)
		return "";
	(void) snprintf(buf, size, " in %s",
			format_duration(p->require->window_us, dur, sizeof(dur)));
	return buf;
}

struct finding judge_moved(const struct probe *p)
{
	const struct policy_require *r = p->require;
	unsigned now = p->stage ? p->stage->moved : 0, all = p->in->whatif->prefixes;
	double limit = r->ratio > 0 ? r->ratio * all : (double) r->n, before;
	bool known = moved_before(p, MOVED_PREFIXES, &before);
	unsigned n = now + (unsigned) before;
	struct finding f = { .holds = known ? probe_compare(n, r->cmp, limit) : ANOD_DOUBT };
	char window[48];

	f.worse = probe_distance(n, limit);
	if (r->ratio > 0)
		say(p, "%u of %u prefixes move%s, need %s %g%%", n, all,
		    window_text(p, window, sizeof(window)), cmp_text(r->cmp), r->ratio * 100);
	else
		say(p, "%u prefix%s move%s, need %s %llu", n, plural(n),
		    window_text(p, window, sizeof(window)), cmp_text(r->cmp),
		    (unsigned long long) r->n);
	if (p->why && p->stage && p->stage->kind != STAGE_END)
		text_add(p->why, " (%s)", WHERE(p));
	return f;
}

/* ---- traffic ----------------------------------------------------------------------------- */

static struct finding judge_traffic(const struct probe *p, const char *what, double bps, bool known)
{
	struct finding f = { .holds = ANOD_DOUBT };
	char window[48];
	double limit;

	if (!probe_limit(p, NULL, &limit)) {
		say(p, "%s: the limit is unknown", p->require->text);
		return f;
	}
	f.holds = probe_compare(bps, p->require->cmp, limit);
	/* What is not measured can only add to it. */
	if (f.holds == ANOD_TRUE && !known)
		f.holds = ANOD_DOUBT;
	f.worse = probe_distance(bps, limit);
	say(p, "%s%s of traffic %s%s %s, need %s %s", known ? "" : "at least ", BPS(bps), what,
	    window_text(p, window, sizeof(window)), WHERE(p), cmp_text(p->require->cmp),
	    BPS(limit));
	if (!known)
		say(p, "the load of a link that it comes from is not measured");
	return f;
}

struct finding judge_blackhole_traffic(const struct probe *p)
{
	const struct whatif_stage *s = p->stage;

	return judge_traffic(p, "loses its last way", s ? s->traffic.lost_bps : 0,
			     !s || (s->load && s->traffic.known));
}

struct finding judge_moved_traffic(const struct probe *p)
{
	const struct whatif_stage *s = p->stage;
	bool known = !s || (s->load && s->traffic.known);
	double before;

	known &= moved_before(p, MOVED_TRAFFIC, &before);
	return judge_traffic(p, "moves", before + (s ? s->traffic.moved_bps : 0), known);
}

/* ---- what the actions are about ---------------------------------------------------------- */

/* "route.*" or an exact kind. */
static bool kind_matches(const char *pattern, const char *kind)
{
	size_t n = strlen(pattern);

	if (n >= 2 && strcmp(pattern + n - 2, ".*") == 0)
		return strncmp(pattern, kind, n - 1) == 0;
	return strncmp(pattern, kind, ANOD_KIND_SIZE) == 0;
}

static bool set_overlaps(const struct policy_set *s, const struct anod_prefix *p)
{
	for (unsigned i = 0; i < s->n_prefixes; i++)
		if (prefix_overlaps(&s->prefix[i], p))
			return true;
	for (unsigned i = 0; i < s->n_flows; i++)
		if (prefix_overlaps(&s->flow[i].dst, p))
			return true;
	return false;
}

static void judge_overlap_of(const struct probe *p, const struct anod_action *a,
			     const struct policy_set *s, struct finding *f)
{
	unsigned n = 0;
	char text[64];

	for (unsigned i = 0; i < MIN_OF(a->n_args, ANOD_ARGS_MAX); i++) {
		const struct anod_value *v = &a->arg[i].value;

		if (v->type != ANOD_PREFIX)
			continue;
		n++;
		if (!set_overlaps(s, &v->u.prefix))
			continue;
		finding_fails(f, ANOD_FALSE, 1);
		say(p, "%.*s %.*s %s overlaps %s", ANOD_KIND_SIZE, a->kind, ANOD_KIND_SIZE,
		    a->arg[i].name, prefix_format(&v->u.prefix, text, sizeof(text)), s->name);
	}
	if (!n) {
		finding_fails(f, ANOD_DOUBT, 1);
		say(p, "%.*s names no prefix, so it may concern %s", ANOD_KIND_SIZE, a->kind,
		    s->name);
	}
}

struct finding judge_overlap(const struct probe *p)
{
	const struct policy_set *s = policy_find_set(p->in->config->policy, p->require->set);
	const struct anod_proposal *prop = p->in->proposal;
	struct finding f = { .holds = s ? ANOD_TRUE : ANOD_DOUBT };

	for (unsigned i = 0; i < prop->n_actions && s && p->stage; i++)
		if (kind_matches(p->require->pattern, prop->action[i].kind))
			judge_overlap_of(p, &prop->action[i], s, &f);
	if (f.holds == ANOD_TRUE)
		say(p, "no %s on %s", p->require->pattern, p->require->set);
	return f;
}

/* '*' stands for one part of the name, at the end for all that is left. */
static bool sysctl_matches(const char *pattern, const char *name)
{
	for (; *pattern; pattern++) {
		if (*pattern != '*') {
			if (*pattern != *name)
				return false;
			name++;
			continue;
		}
		if (!pattern[1])
			return *name;
		while (*name && *name != '.')
			name++;
	}
	return !*name;
}

static bool sysctl_is_listed(const struct policy *p, const char *name)
{
	for (unsigned i = 0; i < p->n_invariants; i++)
		for (unsigned k = 0; k < p->invariant[i].n_requires; k++) {
			const struct policy_require *r = &p->invariant[i].require[k];

			if (r->kind == REQUIRE_SYSCTL && sysctl_matches(r->pattern, name))
				return true;
		}
	return false;
}

static const struct anod_value *argument(const struct anod_action *a, const char *name)
{
	for (unsigned i = 0; i < MIN_OF(a->n_args, ANOD_ARGS_MAX); i++)
		if (strncmp(a->arg[i].name, name, ANOD_KIND_SIZE) == 0)
			return &a->arg[i].value;
	return NULL;
}

static bool whole_number(const struct anod_value *v, int64_t *ret)
{
	char *end = NULL;

	if (v && v->type == ANOD_INT) {
		*ret = v->u.i;
		return true;
	}
	if (!v || v->type != ANOD_TEXT || !v->u.text[0])
		return false;
	*ret = strtoll(v->u.text, &end, 10);
	return !*end;
}

static void judge_sysctl_of(const struct probe *p, const struct anod_action *a, struct finding *f)
{
	const struct policy_require *r = p->require;
	const struct anod_value *name = argument(a, "name");
	int64_t value;

	if (!name || name->type != ANOD_TEXT) {
		finding_fails(f, ANOD_DOUBT, 1);
		say(p, "%.*s does not name a sysctl", ANOD_KIND_SIZE, a->kind);
		return;
	}
	if (!sysctl_matches(r->pattern, name->u.text)) {
		if (sysctl_is_listed(p->in->config->policy, name->u.text))
			return;
		finding_fails(f, ANOD_FALSE, 1);
		say(p, "sysctl %s is on no list", name->u.text);
		return;
	}
	if (!whole_number(argument(a, "value"), &value)) {
		finding_fails(f, ANOD_DOUBT, 1);
		say(p, "the value for sysctl %s is no whole number", name->u.text);
	} else if (value < r->low || value > r->high) {
		finding_fails(f, ANOD_FALSE, 1);
		say(p, "sysctl %s = %lld is not in %lld..%lld", name->u.text, (long long) value,
		    (long long) r->low, (long long) r->high);
	}
}

struct finding judge_sysctl(const struct probe *p)
{
	const struct anod_proposal *prop = p->in->proposal;
	struct finding f = { .holds = ANOD_TRUE };

	for (unsigned i = 0; i < prop->n_actions && p->stage; i++)
		if (strncmp(prop->action[i].kind, "sysctl.", 7) == 0)
			judge_sysctl_of(p, &prop->action[i], &f);
	if (f.holds == ANOD_TRUE)
		say(p, "no sysctl outside of %s", p->require->text);
	return f;
}

/* ---- what else is under way -------------------------------------------------------------- */

struct finding judge_open(const struct probe *p)
{
	const struct policy_require *r = p->require;
	/* This one, too, when it goes on. */
	unsigned n = p->in->whatif->n_flights + (p->stage ? 1 : 0);
	struct finding f = { .holds = probe_compare(n, r->cmp, (double) r->n) };

	f.worse = probe_distance(n, (double) r->n);
	say(p, "%u transaction%s open with this one, need %s %llu", n, n == 1 ? "" : "s",
	    cmp_text(r->cmp), (unsigned long long) r->n);
	return f;
}

static const struct risk *risk_of(const struct risks *r, uint32_t ifindex)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->link[i].ifindex == ifindex)
			return &r->link[i];
	return NULL;
}

/* Do two links fail together?  Then *ret_srlg is a group of both, or 0: the same device. */
static bool share_risk(const struct risks *r, uint32_t a, uint32_t b, uint64_t *ret_srlg)
{
	const struct risk *x = risk_of(r, a), *y = risk_of(r, b);

	*ret_srlg = x && y ? x->srlg & y->srlg : 0;
	return a == b || *ret_srlg || (x && y && x->root == y->root);
}

static void judge_flight(const struct probe *p, const struct risks *risks,
			 const struct whatif_flight *f, struct finding *ret)
{
	const struct whatif_flight *own = &p->in->whatif->own;
	const struct config *c = p->in->config;
	uint64_t srlg;

	if (own->n_links && (f->more || own->more)) {
		finding_fails(ret, ANOD_DOUBT, 1);
		say(p, "which links T%llu is about is not known", (unsigned long long) f->tx);
		return;
	}
	for (unsigned i = 0; i < own->n_links; i++)
		for (unsigned k = 0; k < f->n_links; k++) {
			const struct anod_link *l = overlay_link(p->state, f->link[k]);

			if (!share_risk(risks, own->link[i], f->link[k], &srlg))
				continue;
			finding_fails(ret, ANOD_FALSE, 1);
			say(p, "T%llu is under way on link %s%s%s", (unsigned long long) f->tx,
			    l ? l->name : "?", srlg ? ", srlg " : "",
			    srlg ? c->srlg[__builtin_ctzll(srlg)] : "");
			return;
		}
}

struct finding judge_one_per_srlg(const struct probe *p)
{
	const struct whatif *w = p->in->whatif;
	struct finding f = { .holds = ANOD_TRUE };
	struct risks risks;

	if (p->stage && w->n_flights) {
		probe_risks(p, &risks);
		if (risks.more)
			return (struct finding){ .holds = ANOD_DOUBT };
		for (unsigned i = 0; i < w->n_flights; i++)
			judge_flight(p, &risks, &w->flight[i], &f);
	}
	if (f.holds == ANOD_TRUE)
		say(p, "nothing is under way on a link that shares an srlg");
	return f;
}

/* ---- the way back ------------------------------------------------------------------------ */

/* Every change has an undo, and on the way back no prefix is without a way that has one now. */
struct finding judge_undo_safe(const struct probe *p)
{
	const struct whatif *w = p->in->whatif;
	struct finding f = { .holds = ANOD_TRUE };

	for (unsigned i = 0; i < w->n_steps && p->stage; i++) {
		if (w->step_undo[i])
			continue;
		finding_fails(&f, ANOD_FALSE, 1);
		say(p, "%.*s cannot be undone", ANOD_KIND_SIZE,
		    p->in->proposal->action[w->step_action[i]].kind);
	}
	for (unsigned i = 0; i < w->n_stages && p->stage; i++) {
		struct probe at = *p;

		at.stage = &w->stage[i];
		if (at.stage->kind != STAGE_UNDO || !at.stage->blackholes)
			continue;
		finding_fails(&f, ANOD_FALSE, at.stage->blackholes);
		say(p, "%u prefix%s lose their last way %s", at.stage->blackholes,
		    plural(at.stage->blackholes), WHERE(&at));
	}
	if (f.holds == ANOD_TRUE)
		say(p, "every change can be undone, and no prefix loses its last way by that");
	return f;
}
