/*
 * invariant - what must hold in the predicted state.
 *
 * Design.  A requirement is a truth and a measure of how far it is violated; both are taken on
 * the predicted state and, only when something is broken, on the state before.  "If broken now
 * allow when not worse" (policy.md 2.1, 5): no measure of the invariant grows, and some measure of
 * the policy shrinks or some prefix gets a usable leg again - otherwise a repair that
 * helps elsewhere, as steering around a dead uplink does, could never begin.
 *
 * Doubt is never excused: nobody can say that it is not worse.
 */
#include <math.h>
#include <string.h>
#include <netinet/in.h>

#include "facts/value.h"
#include "policy/judge.h"

struct probe { /* one requirement on one state */
	const struct policy_require *require;
	const struct decide_in *in;
	struct hypothesis *hyp;
	const struct overlay *state;
	bool after;
	struct text *why; /* or NULL */
};

struct finding {
	enum anod_tri holds;
	double worse; /* 0: it holds */
};

static const char *cmp_text(enum value_cmp cmp)
{
	static const char *const text[] = { "==", "!=", "<", "<=", ">", ">=" };

	return text[cmp];
}

#define say(p, ...)                                                                                \
	do {                                                                                       \
		if ((p)->why)                                                                      \
			text_item((p)->why, __VA_ARGS__);                                          \
	} while (0)

/* ---- links ------------------------------------------------------------------------------ */

struct count_up {
	const struct probe *probe;
	struct ask ask;
	unsigned sure, possible;
};

/* Usable in the predicted state, or by hypothesis. */
static bool counts_as_up(const struct count_up *c, const struct anod_link *l)
{
	const struct hypothesis *h = c->probe->hyp;
	const struct schema_attr *a;
	bool carrier = l->carrier, up = l->flags & 1u; /* IFF_UP */

	if (h && h->kind == c->ask.kind_link && strcmp(h->entity, l->name) == 0) {
		a = schema_attr_at(store_schema(c->probe->in->store), h->kind, (uint16_t) h->slot);
		if (a && strcmp(a->name, "carrier") == 0)
			carrier = h->value.u.i;
		else if (a && strcmp(a->name, "admin_up") == 0)
			up = h->value.u.i;
	}
	return up && carrier;
}

static int count_link(const struct anod_object *o, void *data)
{
	struct count_up *c = data;
	enum anod_tri in;

	if (!counts_as_up(c, &o->u.link))
		return 0;
	/* count(link up) counts them all. */
	in = c->probe->require->set
		     ? ask_member(&c->ask, c->probe->require->set, c->ask.kind_link, o->u.link.name)
		     : ANOD_TRUE;
	c->sure += in == ANOD_TRUE;
	c->possible += in != ANOD_FALSE;
	return 0;
}

static struct finding judge_count(const struct probe *p)
{
	const struct policy_require *r = p->require;
	const char *set = r->set ? r->set : "link";
	struct count_up c = { .probe = p };
	struct anod_value least, most, n = value_int((int64_t) r->n, ANOD_UNIT_NONE);
	enum anod_tri low, high;
	struct finding f;

	ask_init(&c.ask, p->in, NULL, p->hyp, NULL);
	if (overlay_each(p->state, ANOD_OBJ_LINK, count_link, &c) < 0)
		return (struct finding){ .holds = ANOD_DOUBT };

	least = value_int(c.sure, ANOD_UNIT_NONE);
	most = value_int(c.possible, ANOD_UNIT_NONE);
	low = value_compare(r->cmp, &least, &n);
	high = value_compare(r->cmp, &most, &n);
	/* == and != may hold in between only. */
	f.holds = low == high && (c.sure == c.possible || r->cmp >= VALUE_LT) ? low : ANOD_DOUBT;
	f.worse = f.holds == ANOD_TRUE ? 0 : fabs((double) r->n - (double) c.sure);
	if (c.sure == c.possible)
		say(p, "count(%s up) after = %u, need %s %llu", set, c.sure, cmp_text(r->cmp),
		    (unsigned long long) r->n);
	else
		say(p, "count(%s up) after = %u to %u (membership unknown), need %s %llu", set,
		    c.sure, c.possible, cmp_text(r->cmp), (unsigned long long) r->n);
	return f;
}

/* ---- flows ------------------------------------------------------------------------------ */

/* Any address of the prefix will do for a flow "to a prefix": the first. */
static struct flow_key key_of(const struct policy_flow *flow)
{
	struct flow_key k = { .dst = flow->dst };

	k.dst.len = k.dst.family == AF_INET ? 32 : 128;
	return k;
}

static bool judge_paths(const struct probe *p, const struct flow_key *k, const char *name,
			struct finding *f)
{
	unsigned need = (unsigned) MAX_OF(MIN_OF(p->require->n, 16u), 1u);
	unsigned paths = whatif_disjoint_paths(p->state, k, need);

	if (paths >= need)
		return true;
	f->worse += need - paths;
	if (paths == 0)
		say(p, "%s is not reachable after it", name);
	else
		say(p, "%s is reachable via %u disjoint link%s after it, need %u", name, paths,
		    paths == 1 ? "" : "s", need);
	return false;
}

static bool judge_link_loss(const struct probe *p, const struct flow_key *k, const char *name,
			    struct finding *f)
{
	char link[ANOD_IFNAME_SIZE];

	if (whatif_survives_one_link(p->state, k, link))
		return true;
	f->worse += 1;
	if (link[0])
		say(p, "%s is not reachable without link %s", name, link);
	else
		say(p, "%s is not reachable after it", name);
	return false;
}

static struct finding judge_flows(const struct probe *p)
{
	const struct policy_set *s = policy_find_set(p->in->config->policy, p->require->set);
	struct finding f = { .holds = ANOD_TRUE };

	if (!s || !s->n_flows) {
		say(p, "no flows in set %s", p->require->set);
		return (struct finding){ .holds = ANOD_DOUBT };
	}

	for (unsigned i = 0; i < s->n_flows; i++) {
		struct flow_key k = key_of(&s->flow[i]);
		struct flow_path path;
		char name[64];
		bool ok;

		(void) prefix_format(&s->flow[i].dst, name, sizeof(name));
		overlay_lookup(p->state, &k, &path);
		if (path.doubt) {
			say(p, "the way to %s depends on a rule that is beyond the model", name);
			f.holds = ANOD_DOUBT;
			continue;
		}
		ok = p->require->kind == REQUIRE_REACHABLE ? judge_paths(p, &k, name, &f)
							   : judge_link_loss(p, &k, name, &f);
		if (!ok && f.holds == ANOD_TRUE)
			f.holds = ANOD_FALSE;
	}
	return f;
}

/* ---- what changes ----------------------------------------------------------------------- */

static struct finding judge_change(const struct probe *p, const char *what, unsigned value)
{
	const struct policy_require *r = p->require;
	double limit = r->ratio > 0 ? r->ratio * p->in->whatif->prefixes : (double) r->n;
	struct anod_value is = value_real(p->after ? value : 0, ANOD_UNIT_NONE);
	struct anod_value want = value_real(limit, ANOD_UNIT_NONE);
	struct finding f = { .holds = value_compare(r->cmp, &is, &want) };

	if (f.holds != ANOD_TRUE)
		f.worse = fabs(is.u.r - limit);
	if (r->ratio > 0)
		say(p, "%u of %u prefixes %s, need %s %g%%", value, p->in->whatif->prefixes, what,
		    cmp_text(r->cmp), r->ratio * 100);
	else
		say(p, "%u prefix%s %s, need %s %llu", value, value == 1 ? "" : "es", what,
		    cmp_text(r->cmp), (unsigned long long) r->n);
	return f;
}

/* ---- expressions ------------------------------------------------------------------------ */

static bool as_number(const struct anod_value *v, double *ret)
{
	if (v->type == ANOD_INT)
		*ret = (double) v->u.i;
	else if (v->type == ANOD_REAL)
		*ret = v->u.r;
	else
		return false;
	return true;
}

static struct finding judge_expr(const struct probe *p)
{
	struct expr_read read[JUDGE_READS_MAX];
	struct expr_trace trace = { .read = read, .max = JUDGE_READS_MAX };
	const struct expr *e = p->require->expr;
	struct finding f = { .holds = ANOD_DOUBT };
	struct anod_value a, b;
	double x, y;
	struct ask q;

	ask_init(&q, p->in, NULL, p->hyp, p->why ? &trace : NULL);
	q.state = p->state;
	f.holds = ask_truth(&q, e);
	if (f.holds != ANOD_TRUE)
		f.worse = 1;
	if (e->op == EXPR_COMPARE) {
		q.trace = NULL;
		ask_value(&q, e->a, &a);
		ask_value(&q, e->b, &b);
		if (f.holds == ANOD_FALSE && as_number(&a, &x) && as_number(&b, &y))
			f.worse = MAX_OF(fabs(x - y), 1e-12);
	}
	if (p->why) {
		text_item(p->why, "%s is %s after it", p->require->text ? p->require->text : "it",
			  tri_name(f.holds));
		text_reads(p->why, &trace);
	}
	return f;
}

static struct finding judge(const struct probe *p)
{
	switch (p->require->kind) {
	case REQUIRE_EXPR:
		return judge_expr(p);
	case REQUIRE_REACHABLE:
	case REQUIRE_WITHOUT_LINK:
		return judge_flows(p);
	case REQUIRE_NEW_BLACKHOLE:
		return judge_change(p, "lose their last way", p->in->whatif->new_blackholes);
	case REQUIRE_MOVED_PREFIXES:
		return judge_change(p, "move", p->in->whatif->moved_prefixes);
	case REQUIRE_COUNT_UP:
		return judge_count(p);
	case REQUIRE_LATER:
		break;
	}
	say(p, "'%s' is not evaluated in this version, so it counts as unknown",
	    p->require->text ? p->require->text : "the requirement");
	return (struct finding){ .holds = ANOD_DOUBT, .worse = 1 };
}

/* ---- invariants ------------------------------------------------------------------------- */

static struct probe probe_of(const struct policy_require *r, const struct decide_in *in,
			     struct hypothesis *hyp, bool after, struct text *why)
{
	return (struct probe){ .require = r,
			       .in = in,
			       .hyp = hyp,
			       .state = after ? in->whatif->after : in->whatif->before,
			       .after = after,
			       .why = why };
}

/* All of it; the text is about the first requirement that fails, or else about the first. */
static bool judge_one(const struct policy_invariant *v, const struct decide_in *in,
		      struct hypothesis *hyp, struct invariant_result *ret, struct text *why)
{
	bool worse = false;

	*ret = (struct invariant_result){ .holds = ANOD_TRUE };
	for (unsigned i = 0; i < v->n_requires; i++) {
		struct text one = { 0 };
		struct probe after = probe_of(&v->require[i], in, hyp, true, why ? &one : NULL);
		struct probe before = probe_of(&v->require[i], in, hyp, false, NULL);
		struct finding is = judge(&after), was;

		if (why && (i == 0 || (is.holds != ANOD_TRUE && !ret->failed)))
			*why = one;
		if (is.holds == ANOD_TRUE)
			continue;
		if (!ret->failed)
			ret->failed = &v->require[i];
		ret->holds = MIN_OF(ret->holds, is.holds);
		was = judge(&before);
		worse |= is.holds == ANOD_DOUBT || was.holds != ANOD_FALSE || is.worse > was.worse;
	}
	return !worse;
}

static bool something_shrinks(const struct decide_in *in, struct hypothesis *hyp)
{
	const struct policy *p = in->config->policy;

	if (in->whatif->mended && !in->whatif->new_blackholes)
		return true;
	for (unsigned i = 0; i < p->n_invariants; i++)
		for (unsigned k = 0; k < p->invariant[i].n_requires; k++) {
			const struct policy_require *r = &p->invariant[i].require[k];
			struct probe after = probe_of(r, in, hyp, true, NULL);
			struct probe before = probe_of(r, in, hyp, false, NULL);
			struct finding is = judge(&after), was = judge(&before);

			if (is.holds != ANOD_DOUBT && was.holds == ANOD_FALSE &&
			    is.worse < was.worse)
				return true;
		}
	return false;
}

bool invariants_judge(const struct decide_in *in, struct hypothesis *hyp,
		      struct invariant_result *ret, struct text *why)
{
	const struct policy *p = in->config->policy;
	int shrinks = -1; /* not looked yet */
	bool pass = true;

	for (unsigned i = 0; i < p->n_invariants; i++) {
		const struct policy_invariant *v = &p->invariant[i];
		struct invariant_result one;
		bool not_worse = judge_one(v, in, hyp, &one, why ? &why[i] : NULL);

		if (one.failed && v->not_worse && not_worse) {
			if (shrinks < 0)
				shrinks = something_shrinks(in, hyp);
			one.excused = shrinks;
		}
		one.lifted = one.failed && !one.excused &&
			     override_in_force(in->overrides, v, in->now_us, NULL, NULL);
		pass &= !one.failed || one.excused || one.lifted;
		if (ret)
			ret[i] = one;
	}
	return pass;
}
