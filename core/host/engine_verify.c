/*
 * engine_verify - is what a transaction did verified?  By facts, by intents, beside control links.
 *
 * Design.  "before" in a verify expression means the value when the transaction began, so the facts
 * that the expression names are copied then.  A proposal's own verify text is compiled when it
 * comes in, and a proposal whose text does not compile is refused at once, because it could never
 * be verified.  Control links ("verify ... against SET") are looked at in control_links.c.
 */
#include "host/engine_verify.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "facts/lex.h"

/* "link wan1" names the subject "wan1" of links and of paths. */
static const char *verify_subject(const struct expr_env *env, uint16_t kind)
{
	const struct verify_env *v = (const struct verify_env *) env;
	const char *name = schema_kind_name(v->host->schema, kind);
	const char *resource = v->txn->decision ? v->txn->decision->resource
						: txns_resource(v->host->txns, v->txn->id);
	const char *space = strchr(resource, ' ');

	if (strcmp(name, "link") != 0 && strcmp(name, "path") != 0)
		return NULL;
	if (v->control)
		return v->control;
	return space ? space + 1 : NULL;
}

static bool verify_before(const struct expr_env *env, const struct expr *fact, const char *entity,
			  struct anod_value *ret)
{
	const struct verify_env *v = (const struct verify_env *) env;
	const struct tx_before *b = v->txn->before;

	for (unsigned i = 0; b && i < b->n; i++) {
		if (b->item[i].kind != fact->kind || b->item[i].slot != fact->slot ||
		    strcmp(b->item[i].entity, entity) != 0)
			continue;
		*ret = b->item[i].value;
		return ret->type != ANOD_UNKNOWN;
	}
	return false;
}

static enum anod_tri verify_held(const struct expr_env *env, const struct expr *node)
{
	const struct verify_env *v = (const struct verify_env *) env;
	uint16_t kind = watch_subject_kind(node);
	const char *subject = kind ? verify_subject(env, kind) : NULL;

	return watch_held(v->host->watches, node, subject ? subject : "", env->now_us);
}

void verify_env_init(struct verify_env *v, struct host *h, const struct txn *t, const char *control)
{
	*v = (struct verify_env){ .host = h, .txn = t, .control = control };
	host_expr_env(h, &v->env);
	v->env.subject = verify_subject;
	v->env.before = verify_before;
	v->env.held = verify_held;
}

/* No objective that was fulfilled when the change began may be given up for it. */
static enum anod_tri verify_objectives(struct host *h, struct tx_before *b)
{
	const char *name;
	enum anod_tri kept = objectives_kept(h, &b->fulfilled, &name);

	if (kept != ANOD_TRUE)
		(void) snprintf(b->why, sizeof(b->why), "objective \"%s\" %s", name,
				kept == ANOD_FALSE ? "is fulfilled no longer"
						   : "was fulfilled and is unknown now");
	return kept;
}

const char *engine_verify_why(void *data, const struct txn *t)
{
	const struct tx_before *b = t->before;

	(void) data;
	return b && b->why[0] ? b->why : NULL;
}

enum txn_verify engine_verify(void *data, const struct txn *t)
{
	struct host *h = data;
	struct verify_env v;
	struct tx_before *b = t->before;
	const struct policy_rule *permit = t->decision ? t->decision->permit : NULL;
	enum anod_tri all = ANOD_TRUE, one;

	verify_env_init(&v, h, t, NULL);
	if (b)
		b->why[0] = '\0';
	if (permit && permit->verify) {
		one = expr_truth(permit->verify, &v.env);
		all = MIN_OF(all, one);
	}
	if (b && b->own) {
		one = expr_truth(b->own, &v.env);
		all = MIN_OF(all, one);
	}
	if (b && permit && permit->against) {
		one = control_judge(h, t, b);
		all = MIN_OF(all, one);
	}
	if (b) {
		one = verify_objectives(h, b);
		all = MIN_OF(all, one);
	}
	return all == ANOD_TRUE	   ? TXN_VERIFY_YES
	       : all == ANOD_DOUBT ? TXN_VERIFY_DOUBT
				   : TXN_VERIFY_NO;
}

struct collect {
	struct verify_env *v;
	struct tx_before *b;
};

static void collect_fact(const struct expr *e, void *data)
{
	struct collect *c = data;
	struct host *h = c->v->host;
	const char *name = e->entity;
	struct before_value *to;
	struct fact f;
	uint32_t id;

	if ((e->op != EXPR_FACT && e->op != EXPR_CALL) || e->kind == 0 || c->b->n == BEFORE_MAX)
		return;
	if (!name)
		name = verify_subject(&c->v->env, e->kind);
	if (!name)
		return;

	to = &c->b->item[c->b->n++];
	*to = (struct before_value){ .kind = e->kind, .slot = e->slot };
	copy_text(to->entity, sizeof(to->entity), name);
	id = store_find(h->store, e->kind, name);
	if (id && e->slot >= 0 && store_get(h->store, id, (uint16_t) e->slot, host_now(h), &f) >= 0)
		to->value = f.value;
}

/* The proposal's own verify text as a checked tree; NULL with 0 when it has none. */
int engine_compile_verify(struct host *h, const char *agent, const char *text, struct expr **ret,
			  char *why, size_t why_size)
{
	_cleanup_(expr_freep) struct expr *e = NULL;
	struct diag_list diags = { 0 };
	struct expr_scope scope;
	struct lexer l;
	int r;

	*ret = NULL;
	if (!text[0])
		return 0;

	host_expr_scope(h, &scope);
	lex_init(&l, agent, text, strlen(text));
	r = expr_parse(&l, &diags, &e);
	if (r >= 0 && lex_peek(&l, 0)->type != TOKEN_END)
		r = -EINVAL;
	if (r >= 0)
		r = expr_check(e, &scope, true, &diags);
	if (r < 0)
		(void) snprintf(why, why_size, "its verify expression: %s",
				diags.n ? diags.item[0].text : "text behind the expression");
	diag_done(&diags);
	if (r < 0)
		return r;

	*ret = TAKE(e);
	return 0;
}

void engine_snapshot_before(void *data, struct txn *t)
{
	struct host *h = data;
	const struct policy_rule *permit = t->decision->permit;
	struct tx_before *b = calloc(1, sizeof(*b));
	struct verify_env v;
	struct collect c = { &v, b };
	const char *limit;
	char why[256];

	if (!b)
		return;

	verify_env_init(&v, h, t, NULL);
	(void) engine_compile_verify(h, t->agent, t->proposal.verify, &b->own, why, sizeof(why));
	if (b->own && stats_bind(h->stats, b->own, &limit) < 0)
		log_warning("T%llu: its verify expression is never sure: %s",
			    (unsigned long long) t->id, limit);
	if (permit && permit->verify)
		expr_walk(permit->verify, collect_fact, &c);
	if (b->own)
		expr_walk(b->own, collect_fact, &c);
	objectives_mark(h, &b->fulfilled);
	t->before = b;
	if (!permit || !permit->against)
		return;

	control_begin(h, t, b);
	for (unsigned i = 0; i < b->n_controls; i++) {
		v.control = b->control[i].name;
		expr_walk(permit->verify, collect_fact, &c);
	}
}

void engine_drop_before(void *data, struct txn *t)
{
	struct tx_before *b = t->before;
	struct host *h = data;

	if (!b)
		return;

	stats_unbind(h->stats, b->own);
	expr_free(b->own);
	free(b);
	t->before = NULL;
}
