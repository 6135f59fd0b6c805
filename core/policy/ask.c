/*
 * ask - the environment in which guards and requirements are evaluated.
 *
 * Design.  One small struct says on whose behalf a question is asked: which action, which of its
 * links, inside which set, in which state, under which hypothesis.  Asking on behalf of
 * something else copies it; nothing is allocated.
 */
#include <math.h>
#include <net/if.h>
#include <string.h>

#include "facts/value.h"
#include "facts/watch.h"
#include "policy/judge.h"

static const struct ask *ask_of(const struct expr_env *env)
{
	return env->data;
}

void ask_init(struct ask *q, const struct decide_in *in, const struct act *act,
	      struct hypothesis *hyp, struct expr_trace *trace)
{
	const struct schema *s = store_schema(in->store);

	*q = (struct ask){ .in = in,
			   .act = act,
			   .hyp = hyp,
			   .trace = trace,
			   .link = act && act->n_links ? act->link[0] : NULL,
			   .kind_link = schema_kind_id(s, "link"),
			   .kind_path = schema_kind_id(s, "path") };
}

/* ---- hooks ------------------------------------------------------------------------------ */

static const char *subject(const struct expr_env *env, uint16_t kind)
{
	const struct ask *q = ask_of(env);
	const char *name;

	if (!kind)
		return NULL;
	if (kind == q->entity_kind)
		return q->entity;
	if (kind == q->kind_link || kind == q->kind_path)
		return q->link;

	name = schema_kind_name(store_schema(q->in->store), kind);
	if (!name)
		return NULL;
	if (strcmp(name, "host") == 0)
		return "self";
	if (q->act && strcmp(name, "neigh") == 0 && q->act->neigh[0])
		return q->act->neigh;
	if (q->act && strcmp(name, "nexthop") == 0 && q->act->nexthop[0])
		return q->act->nexthop;
	return NULL;
}

static bool link_capacity(const struct ask *q, struct anod_value *ret)
{
	const struct schema_attr *a = schema_attr(store_schema(q->in->store), "link", "capacity");
	uint32_t entity = q->link ? store_find(q->in->store, q->kind_link, q->link) : 0;
	struct fact f;

	if (!a || !entity || store_get(q->in->store, entity, a->slot, q->in->now_us, &f) < 0)
		return false;
	*ret = f.value;
	return ret->type != ANOD_UNKNOWN;
}

static bool action_operand(const struct ask *q, const char *name, struct anod_value *ret)
{
	const struct anod_value *v;
	double step;

	if (strcmp(name, "kind") == 0) {
		*ret = value_text(q->act->action->kind);
		return true;
	}
	if (strcmp(name, "step") == 0) {
		if (!act_step(q->act, q->in, &step))
			return false;
		*ret = value_real(step, ANOD_UNIT_RATIO);
		return true;
	}

	v = act_arg(q->act, name);
	if (v)
		*ret = *v;
	return v && v->type != ANOD_UNKNOWN;
}

static bool operand(const struct expr_env *env, const char *name, struct anod_value *ret)
{
	const struct ask *q = ask_of(env);
	double c = q->in->proposal->confidence;

	if (strncmp(name, "action.", 7) == 0)
		return q->act && action_operand(q, name + 7, ret);
	if (strcmp(name, "model.confidence") == 0) {
		if (!(c >= 0 && c <= 1))
			return false;
		*ret = value_real(c, ANOD_UNIT_RATIO);
		return true;
	}
	if (strcmp(name, "evidence.count") == 0) {
		*ret = value_int(q->in->evidence, ANOD_UNIT_NONE);
		return true;
	}
	if (strcmp(name, "resource") == 0 && q->act) {
		*ret = value_text(q->act->resource);
		return true;
	}
	if (strcmp(name, "capacity") == 0)
		return link_capacity(q, ret);
	return false;
}

static bool before(const struct expr_env *env, const struct expr *fact, const char *entity,
		   struct anod_value *ret)
{
	const struct ask *q = ask_of(env);

	(void) entity; /* the question is about one */
	return q->before && q->before(q, fact, ret);
}

/* What the store does not decide: the hypothesis, and links in the predicted state. */
static bool fact(const struct expr_env *env, uint16_t kind, uint16_t slot, const char *entity,
		 struct anod_value *ret)
{
	const struct ask *q = ask_of(env);
	const struct schema_attr *a;
	const struct anod_link *l;
	int ifindex;

	if (q->hyp && q->hyp->kind == kind && q->hyp->slot == slot &&
	    strcmp(q->hyp->entity, entity) == 0) {
		*ret = q->hyp->value;
		return true;
	}
	if (!q->state || kind != q->kind_link)
		return false;

	a = schema_attr_at(store_schema(q->in->store), kind, slot);
	if (!a || (strcmp(a->name, "admin_up") != 0 && strcmp(a->name, "carrier") != 0))
		return false;
	ifindex = overlay_ifindex(q->state, entity);
	l = ifindex > 0 ? overlay_link(q->state, (uint32_t) ifindex) : NULL;
	if (!l)
		*ret = value_bool(false); /* a link that is not there is not up */
	else if (a->name[0] == 'c')
		*ret = value_bool(link_usable(l));
	else
		*ret = value_bool(l->flags & IFF_UP);
	return true;
}

struct nameless {
	uint16_t kind;
};

static void note_nameless(const struct expr *e, void *data)
{
	struct nameless *n = data;

	if (e->op == EXPR_FACT && !e->entity && e->kind && !n->kind)
		n->kind = e->kind;
}

struct mention {
	struct hypothesis *hyp;
	bool found;
};

static void note_mention(const struct expr *e, void *data)
{
	struct mention *m = data;

	m->found |= e->op == EXPR_FACT && e->kind == m->hyp->kind && e->slot == m->hyp->slot;
}

static enum anod_tri held(const struct expr_env *env, const struct expr *node)
{
	const struct ask *q = ask_of(env);
	struct mention mention = { .hyp = q->hyp };
	struct nameless first = { 0 };
	const char *entity = "";

	if (q->hyp)
		expr_walk(node->a, note_mention, &mention);
	/* The trace wants the facts, and a hypothesis is "if it held so long". */
	if (q->trace || mention.found) {
		enum anod_tri now = expr_truth(node->a, env);

		if (mention.found) {
			q->hyp->held_us = MAX_OF(q->hyp->held_us, node->dur_us);
			return now;
		}
	}

	if (q->in->held)
		return q->in->held(env, node);
	expr_walk(node->a, note_nameless, &first);
	if (first.kind)
		entity = env->subject(env, first.kind);
	if (!entity || !q->in->watches)
		return ANOD_DOUBT;
	return watch_held(q->in->watches, node, entity, q->in->now_us);
}

/* ---- sets ------------------------------------------------------------------------------- */

static enum anod_tri in_set(const struct expr_env *env, const char *set, const struct anod_value *v)
{
	const struct ask *q = ask_of(env);
	const struct policy_set *s = policy_find_set(q->in->config->policy, set);

	if (!s || v->type == ANOD_UNKNOWN)
		return ANOD_DOUBT;
	if (v->type == ANOD_PREFIX)
		return ask_prefix_in(q, set, &v->u.prefix);
	if (v->type != ANOD_TEXT || (v->flags & ANOD_VALUE_OUTSIDE))
		return ANOD_DOUBT;
	return ask_member(q, set, schema_kind_id(store_schema(q->in->store), s->kind_name),
			  v->u.text);
}

static enum anod_tri member(const struct expr_env *env, const char *set, uint16_t kind,
			    const char *entity)
{
	return ask_member(ask_of(env), set, kind, entity);
}

static enum anod_tri overlaps(const struct expr_env *env, const char *set,
			      const struct anod_value *v)
{
	const struct policy_set *s = policy_find_set(ask_of(env)->in->config->policy, set);

	if (!s || v->type != ANOD_PREFIX)
		return ANOD_DOUBT;
	for (unsigned i = 0; i < s->n_prefixes; i++)
		if (prefix_overlaps(&s->prefix[i], &v->u.prefix))
			return ANOD_TRUE;
	for (unsigned i = 0; i < s->n_flows; i++)
		if (prefix_overlaps(&s->flow[i].dst, &v->u.prefix))
			return ANOD_TRUE;
	return ANOD_FALSE;
}

enum anod_tri ask_prefix_in(const struct ask *q, const char *set, const struct anod_prefix *p)
{
	const struct policy_set *s = policy_find_set(q->in->config->policy, set);

	if (!s)
		return ANOD_DOUBT;
	for (unsigned i = 0; i < s->n_prefixes; i++)
		if (prefix_contains(&s->prefix[i], p))
			return ANOD_TRUE;
	for (unsigned i = 0; i < s->n_flows; i++)
		if (prefix_contains(&s->flow[i].dst, p))
			return ANOD_TRUE;
	return ANOD_FALSE;
}

enum anod_tri ask_member(const struct ask *q, const char *set, uint16_t kind, const char *entity)
{
	const struct policy_set *s = policy_find_set(q->in->config->policy, set);
	struct ask inner = *q;

	if (!s || q->depth >= JUDGE_SET_DEPTH)
		return ANOD_DOUBT;
	for (unsigned i = 0; i < s->n_names; i++)
		if (strcmp(s->member[i], entity) == 0)
			return ANOD_TRUE;
	if (!s->where)
		return ANOD_FALSE;

	inner.entity_kind = kind;
	inner.entity = entity;
	inner.depth++;
	if (kind == q->kind_link || kind == q->kind_path)
		inner.link = entity;
	return ask_truth(&inner, s->where);
}

/* ---- questions -------------------------------------------------------------------------- */

/* The environment points to the question, which the hooks only read; 'data' is not const
 * because other users' hooks write. */
static struct expr_env env_of(const struct ask *q)
{
	union {
		const struct ask *in;
		void *out;
	} data = { .in = q };

	return (struct expr_env){ .store = q->in->store,
				  .now_us = q->in->now_us,
				  .subject = subject,
				  .operand = operand,
				  .in_set = in_set,
				  .overlaps = overlaps,
				  .member = member,
				  .held = held,
				  .before = before,
				  .fact = fact,
				  .formerly = ask_formerly,
				  .reversals = ask_reversals,
				  .trace = q->trace,
				  .data = data.out };
}

enum anod_tri ask_truth(const struct ask *q, const struct expr *e)
{
	struct expr_env env = env_of(q);

	return expr_truth(e, &env);
}

void ask_value(const struct ask *q, const struct expr *e, struct anod_value *ret)
{
	struct expr_env env = env_of(q);

	expr_value(e, &env, ret);
}

enum anod_tri set_has(const struct config *c, const struct store *s, uint64_t now_us,
		      const char *set, uint16_t kind, const char *entity)
{
	struct decide_in in = { .config = c, .store = s, .now_us = now_us };
	struct ask q;

	ask_init(&q, &in, NULL, NULL, NULL);
	return ask_member(&q, set, kind, entity);
}
