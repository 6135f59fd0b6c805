/*
 * objectives - evaluates intents and accounts the time.
 *
 * Design.  As often as flows are measured, and twice a second at least, behind statistics and watches, all requirements of all objectives are
 * evaluated with the tree evaluator: there are few, and then none of them can be late.  The time
 * until the next evaluation is booked to what was true before it.  When that took longer than
 * OBJECTIVE_GAP_US (a suspended machine, a host that could not run) nobody was looking, and it is
 * booked as unknown.  An objective keeps its account as long as what it requires and over which
 * period stay the same, whatever else in the policy changes.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "host/objectives_int.h"

struct objective *objective_free(struct objective *o)
{
	if (!o)
		return NULL;
	free(o->name);
	free(o->key);
	free(o->account);
	free(o);
	return NULL;
}
DEFINE_CLEANUP(struct objective *, objective_free);

struct objective *objective_find(const struct objectives *s, const char *name)
{
	for (unsigned k = 0; s && k < s->n; k++)
		if (strcmp(s->item[k]->name, name) == 0)
			return s->item[k];
	return NULL;
}

const char *objective_state_name(const struct objective *o)
{
	double left = account_left(o->account);

	switch (o->state) {
	case ANOD_TRUE:
		return "fulfilled";
	case ANOD_FALSE:
		return left > 0 ? "degraded" : "not fulfilled";
	case ANOD_DOUBT:
		break;
	}
	return "unknown";
}

/* ---- what is required ------------------------------------------------------------------------ */

struct key {
	const struct policy_set *set; /* that is looked for */
	bool found;
};

static void key_find(const struct expr *e, void *data)
{
	struct key *k = data;
	bool call = e->op == EXPR_CALL && strncmp(e->name, "path.", 5) == 0;
	bool named = e->op == EXPR_IN_SET || e->op == EXPR_OVERLAPS || e->op == EXPR_COUNT;
	const char *name = call ? e->entity : named ? e->name : NULL;

	k->found |= name && strcmp(name, k->set->name) == 0;
}

static void write_set(const struct policy_set *s, FILE *f)
{
	_cleanup_(freep) char *where = s->where ? expr_format(s->where) : NULL;
	char text[80];

	fprintf(f, "; %s =", s->name);
	for (unsigned i = 0; i < s->n_flows; i++)
		fprintf(f, "%s %s -> %s", i ? "," : "",
			prefix_format(&s->flow[i].dst, text, sizeof(text)), s->flow[i].service);
	for (unsigned i = 0; i < s->n_prefixes; i++)
		fprintf(f, "%s %s", i ? "," : "", prefix_format(&s->prefix[i], text, sizeof(text)));
	for (unsigned i = 0; i < s->n_names; i++)
		fprintf(f, "%s %s", i ? "," : "", s->member[i]);
	if (where)
		fprintf(f, " %s where %s", s->kind_name, where);
}

/* The requirements in one text, with the sets that they name. */
static char *key_of(const struct policy *p, const struct policy_objective *o)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (unsigned i = 0; i < o->n_requires; i++) {
		_cleanup_(freep) char *one = expr_format(o->require[i]);

		fprintf(f, "%s%s", i ? " and " : "", one ? one : "");
	}
	for (unsigned n = 0; n < p->n_sets; n++) {
		struct key k = { .set = &p->set[n] };

		for (unsigned i = 0; i < o->n_requires; i++)
			expr_walk(o->require[i], key_find, &k);
		if (k.found)
			write_set(&p->set[n], f);
	}
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static enum anod_tri env_held(const struct expr_env *env, const struct expr *node)
{
	const struct host *h = env->data;

	return watch_held(h->watches, node, "", env->now_us);
}

void objective_env(struct host *h, struct expr_env *ret)
{
	host_expr_env(h, ret);
	ret->held = env_held;
}

enum anod_tri objective_truth(struct host *h, const struct objective *o, uint64_t now_us)
{
	enum anod_tri all = ANOD_TRUE;
	struct expr_env env;

	objective_env(h, &env);
	env.now_us = now_us;
	for (unsigned i = 0; i < o->policy->n_requires; i++) {
		enum anod_tri one = expr_truth(o->policy->require[i], &env);

		all = MIN_OF(all, one);
	}
	return all;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void account(struct objective *o, uint64_t dur_us, enum anod_tri truth, uint64_t wall_us)
{
	account_add(o->account, dur_us, truth, wall_us);
	if (truth == ANOD_FALSE && o->n_violations > 0)
		o->violation[(o->n_violations - 1) % VIOLATIONS_KEPT].bad_us += dur_us;
}

static void evaluate(struct host *h, struct objective *o, uint64_t now_us, uint64_t wall_us)
{
	enum anod_tri was = o->state, is = objective_truth(h, o, now_us);

	if (is != ANOD_TRUE)
		o->good_us = 0;
	else if (!o->good_us)
		o->good_us = now_us;
	if (is != was) {
		if (was == ANOD_FALSE && o->n_violations > 0)
			o->violation[(o->n_violations - 1) % VIOLATIONS_KEPT].to_wall_us = wall_us;
		o->state = is;
		if (is == ANOD_FALSE)
			o->violation[o->n_violations++ % VIOLATIONS_KEPT] =
				(struct violation){ .from_wall_us = wall_us };
		objective_changed(h, o, was, now_us);
		o->since_wall_us = wall_us;
		h->objectives->unsaved = true;
	}
	if (o->finding && o->good_us && now_us - o->good_us >= OBJECTIVE_CLEAR_US)
		objective_clear(h, o, "it is fulfilled again");
	objective_burns(h, o);
	objective_publish(h, o, now_us);
}

uint64_t objectives_turn(struct host *h, uint64_t now_us)
{
	struct objectives *s = h->objectives;
	uint64_t dur, wall = clock_wall_us();

	if (!s || s->n == 0)
		return US_INFINITY;
	if (now_us < s->next_us)
		return s->next_us;

	dur = now_us - s->eval_us;
	for (unsigned k = 0; k < s->n; k++) {
		account(s->item[k], dur, dur > OBJECTIVE_GAP_US ? ANOD_DOUBT : s->item[k]->state,
			wall);
		evaluate(h, s->item[k], now_us, wall);
	}
	s->eval_us = now_us;
	s->next_us = now_us + MIN_OF(s->measure_every_us, OBJECTIVE_EVERY_US);
	if (now_us - s->saved_us >= (s->unsaved ? 5 * US_PER_S : OBJECTIVE_SAVE_US))
		objectives_save(h);
	return s->next_us;
}

/* ---- transactions ---------------------------------------------------------------------------- */

void objectives_mark(struct host *h, struct objectives_mark *ret)
{
	const struct objectives *s = h->objectives;

	ret->n = 0;
	for (unsigned k = 0; s && k < s->n; k++)
		if (objective_truth(h, s->item[k], host_now(h)) == ANOD_TRUE)
			ret->id[ret->n++] = s->item[k]->id;
}

enum anod_tri objectives_kept(struct host *h, const struct objectives_mark *m,
			      const char **ret_name)
{
	const struct objectives *s = h->objectives;
	enum anod_tri all = ANOD_TRUE;

	for (unsigned k = 0; s && k < s->n; k++) {
		const struct objective *o = s->item[k];
		bool marked = false;
		enum anod_tri one;

		for (unsigned i = 0; i < m->n; i++)
			marked |= m->id[i] == o->id;
		one = marked ? objective_truth(h, o, host_now(h)) : ANOD_TRUE;
		if (one >= all)
			continue;
		all = one;
		*ret_name = o->name;
	}
	return all;
}

/* ---- from one policy to the next ------------------------------------------------------------- */

static uint64_t period_of(const struct policy_objective *p)
{
	return p->target > 0 ? p->period_us : OBJECTIVE_PERIOD_DFLT;
}

static struct objective *begin(struct host *h, const struct policy_objective *p, char *key)
{
	_cleanup_(objective_freep) struct objective *o = calloc(1, sizeof(*o));

	if (!o) {
		free(key);
		return NULL;
	}
	o->key = key;
	o->name = strdup(p->name);
	o->account = malloc(sizeof(*o->account));
	if (!o->name || !o->account)
		return NULL;
	account_init(o->account, p->target, period_of(p));
	o->id = ++h->objectives->last_id;
	o->policy = p;
	o->state = ANOD_DOUBT;
	o->since_wall_us = clock_wall_us();
	o->tokens = 1;
	return TAKE(o);
}

static void end(struct host *h, struct objective *o, const char *did)
{
	objective_note(h, o, did);
	objective_clear(h, o,
			strcmp(did, "removed") == 0 ? "the policy has no such objective any more"
						    : "the objective was changed");
	if (strcmp(did, "removed") == 0)
		objective_unpublish(h, o->name);
	objective_free(o);
}

/* The one that goes on, a new one, or NULL: no memory. */
static struct objective *adopt(struct host *h, const struct policy_objective *p,
			       struct objective **old, unsigned n_old)
{
	char *key = key_of(h->config->policy, p);

	if (!key)
		return NULL;
	for (unsigned k = 0; k < n_old; k++) {
		struct objective *o = old[k];

		if (!o || strcmp(o->name, p->name) != 0)
			continue;
		old[k] = NULL;
		if (strcmp(o->key, key) == 0 && o->account->period_us == period_of(p)) {
			bool same = o->account->target == p->target;

			free(key);
			o->policy = p;
			o->account->target = p->target;
			if (!same)
				objective_note(h, o, "has another target");
			return o;
		}
		end(h, o, "changed");
		break;
	}
	return begin(h, p, key);
}

void objectives_apply(struct host *h, bool sensors_anew)
{
	struct objectives *s = h->objectives;
	const struct policy nothing = { 0 }, *p = h->config->policy;
	struct objective **old, **item;
	unsigned n_old;

	if (!s)
		return;
	item = calloc(p->n_objectives + 1, sizeof(struct objective *));
	if (!item) {
		log_error("objectives: no memory; nothing is required until the next reload");
		p = &nothing;
		item = NULL;
	}
	old = s->item;
	n_old = s->n;
	s->item = item;
	s->n = 0;
	flows_apply(h, sensors_anew);
	for (unsigned k = 0; k < p->n_objectives && k < OBJECTIVES_MAX; k++) {
		uint32_t last = s->last_id;
		struct objective *o = adopt(h, &p->objective[k], old, n_old);

		if (!o) {
			log_error("objective \"%s\": no memory", p->objective[k].name);
			continue;
		}
		item[s->n++] = o;
		if (o->id > last)
			objective_note(h, o, "began");
		else if (objective_renewed(s, o))
			objective_note(h, o, "renewed");
	}
	for (unsigned k = 0; k < n_old; k++)
		if (old[k])
			end(h, old[k], "removed");
	free(old);
	s->next_us = 0;
	s->unsaved = true;
}

int objectives_open(struct host *h)
{
	h->objectives = calloc(1, sizeof(*h->objectives));
	if (!h->objectives)
		return -ENOMEM;

	h->objectives->eval_us = h->objectives->saved_us = host_now(h);
	objectives_apply(h, false);
	objectives_restore(h);
	return 0;
}

void objectives_close(struct host *h)
{
	struct objectives *s = h->objectives;

	if (!s)
		return;
	if (s->n)
		objectives_save(h);
	flows_done(h);
	for (unsigned k = 0; k < s->n; k++)
		objective_free(s->item[k]);
	free(s->item);
	free(s);
	h->objectives = NULL;
}
