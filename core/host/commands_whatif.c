/*
 * commands_whatif - "whatif" and "snapshot" on the control socket.
 *
 * Design.  A question of an engineer goes the way of a proposal up to the nod and no further: the same
 * plan, the same prediction, the same rules and invariants.  So what "whatif" says is what would be
 * decided now.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "exec/exec.h"
#include "facts/value.h"
#include "host/commands.h"
#include "model/flows.h"
#include "model/snapshot.h"
#include "policy/action_text.h"

#define MOVES_MAX     200   /* groups of prefixes in one answer, the largest first */
#define SNAPSHOT_PAGE 20000 /* lines of one answer */

/* ---- whatif: the question ------------------------------------------------------------------- */

static int parse_one(struct command_call *c, const char *text, size_t size, struct anod_proposal *p)
{
	struct diag_list diags = { 0 };
	struct lexer l;
	int r;

	if (p->n_actions == ANOD_ACTIONS_MAX) {
		(void) command_fail(c, E2BIG, "at most %d actions at once", ANOD_ACTIONS_MAX);
		return -E2BIG;
	}
	lex_init(&l, "whatif", text, size);
	r = action_parse(&l, (const struct anod_action_desc *const *) c->h->plugins->actions,
			 &diags, &p->action[p->n_actions]);
	if (r < 0)
		(void) command_fail(c, EINVAL, "%s", diags.n ? diags.item[0].text : strerror(-r));
	diag_done(&diags);
	p->n_actions++;
	return r;
}

/* "ACTION [; ACTION ...]" */
static bool parse_actions(struct command_call *c, const char *text, struct anod_proposal *p)
{
	int r;

	do {
		size_t n = strcspn(text, ";");

		r = parse_one(c, text, n, p);
		text += n + (text[n] == ';');
	} while (r >= 0 && *text);
	return r >= 0;
}

static bool check_actions(struct command_call *c, const struct anod_proposal *p)
{
	char why[EXEC_WHY_SIZE];

	for (uint32_t i = 0; i < p->n_actions; i++) {
		const struct anod_action_desc *d =
			plugins_find_action(p->action[i].kind, c->h->plugins);

		if (d && action_check(&p->action[i], d, why, sizeof(why)) < 0) {
			(void) command_fail(c, EINVAL, "%s", why);
			return false;
		}
	}
	return true;
}

/* ---- whatif: the effect ----------------------------------------------------------------------- */

static const char *fate_word(enum flow_fate fate)
{
	switch (fate) {
	case FLOW_FORWARDED:
		return "forwarded";
	case FLOW_LOCAL:
		return "local";
	case FLOW_BLACKHOLE:
		return "blackhole";
	case FLOW_PROHIBITED:
		return "prohibited";
	}
	return "no route";
}

static cJSON *path_json(const struct overlay *o, const struct flow_path *p)
{
	cJSON *j = cJSON_CreateObject(), *legs;
	char text[64];

	cJSON_AddStringToObject(j, "fate", fate_word(p->fate));
	legs = cJSON_AddArrayToObject(j, "legs");
	for (uint32_t i = 0; i < p->n_legs; i++) {
		const struct anod_link *l = overlay_link(o, p->leg[i].ifindex);
		cJSON *e = cJSON_CreateObject();

		cJSON_AddStringToObject(e, "dev", l ? l->name : "");
		if (p->leg[i].via.family)
			cJSON_AddStringToObject(e, "via",
						prefix_format(&p->leg[i].via, text, sizeof(text)));
		if (p->n_legs > 1)
			cJSON_AddNumberToObject(e, "weight", p->leg[i].weight);
		cJSON_AddItemToArray(legs, e);
	}
	return j;
}

struct moves {
	const struct whatif *w;
	cJSON *list;
	unsigned n, left_out;
};

static int add_move(const struct flow_group *g, void *data)
{
	struct moves *m = data;
	char text[64];
	cJSON *o;

	if (g->was->fate == g->is->fate && flow_same_legs(g->was, g->is))
		return 0;
	if (m->n == MOVES_MAX) {
		m->left_out++;
		return 0;
	}
	o = cJSON_CreateObject();
	cJSON_AddNumberToObject(o, "prefixes", g->prefixes);
	cJSON_AddStringToObject(o, "example", prefix_format(&g->example, text, sizeof(text)));
	cJSON_AddNumberToObject(o, "table", g->table);
	cJSON_AddItemToObject(o, "from", path_json(m->w->before, g->was));
	cJSON_AddItemToObject(o, "to", path_json(m->w->after, g->is));
	cJSON_AddItemToArray(m->list, o);
	m->n++;
	return 0;
}

static void add_steps(cJSON *data, const struct host *h, const struct whatif *w)
{
	cJSON *list = cJSON_AddArrayToObject(data, "changes");
	char text[512];

	for (unsigned i = 0; i < w->n_steps; i++) {
		const struct anod_change *c = &w->step[i];
		cJSON *o = cJSON_CreateObject();

		cJSON_AddNumberToObject(o, "action", w->step_action[i]);
		if (c->has_pre)
			cJSON_AddStringToObject(
				o, "before", object_named(h->model, &c->pre, text, sizeof(text)));
		if (c->has_post)
			cJSON_AddStringToObject(
				o, "after", object_named(h->model, &c->post, text, sizeof(text)));
		cJSON_AddItemToArray(list, o);
	}
}

static void add_rate(cJSON *o, const char *name, bool known, double bps)
{
	struct anod_value v = known ? value_int((int64_t) bps, ANOD_UNIT_BPS) : value_unknown();
	char text[64];

	cJSON_AddStringToObject(o, name, value_show(&v, text, sizeof(text)));
}

/* Of the links whose load changes, where the policy has loads measured. */
static void add_loads(cJSON *data, const struct whatif *w)
{
	cJSON *list = cJSON_AddArrayToObject(data, "loads");

	for (unsigned i = 0; w->n_stages && w->stage[0].load && i < w->n_loads; i++) {
		const struct link_load *l = &w->stage[0].load[i];
		const struct anod_link *link = overlay_link(w->before, l->ifindex);
		cJSON *o;

		/* One that is not measured and has no limit says nothing. */
		if (!link || (!l->known && l->capacity_bps <= 0) ||
		    (l->known && l->after_known && l->now_bps == l->after_bps))
			continue;
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "link", link->name);
		add_rate(o, "now", l->known, l->now_bps);
		add_rate(o, "after", l->after_known, l->after_bps);
		if (l->capacity_bps > 0)
			add_rate(o, "of", true, l->capacity_bps);
		cJSON_AddItemToArray(list, o);
	}
}

static void add_effect(cJSON *data, const struct host *h, const struct whatif *w)
{
	struct moves m = { .w = w };

	add_steps(data, h, w);
	cJSON_AddNumberToObject(data, "prefixes", w->prefixes);
	cJSON_AddNumberToObject(data, "moved", w->moved_prefixes);
	cJSON_AddNumberToObject(data, "lost", w->new_blackholes);
	cJSON_AddNumberToObject(data, "mended", w->mended);
	m.list = cJSON_AddArrayToObject(data, "moves");
	(void) flows_each(w->before, w->after, add_move, &m);
	cJSON_AddNumberToObject(data, "moves_left_out", m.left_out);
	add_loads(data, w);
}

/* ---- whatif: the answer of the policy --------------------------------------------------------- */

static bool may_propose(const struct agent *a, const struct anod_proposal *p)
{
	for (uint32_t i = 0; i < p->n_actions; i++)
		if (!manifest_lists(a->plugin->desc->proposes, p->action[i].kind))
			return false;
	return true;
}

static int add_answer(cJSON *list, struct host *h, const char *agent, const struct anod_proposal *p)
{
	_cleanup_(whatif_freep) struct whatif *w = NULL;
	_cleanup_(decision_freep) struct decision *d = NULL;
	cJSON *o;
	int r = engine_decide(h, agent, p, &w, &d);

	if (r < 0)
		return r;
	o = decision_json(d);
	if (!o)
		return -ENOMEM;
	cJSON_AddStringToObject(o, "agent", agent);
	cJSON_AddItemToArray(list, o);
	return 0;
}

static int add_answers(cJSON *data, struct host *h, const char *agent,
		       const struct anod_proposal *p)
{
	cJSON *list = cJSON_AddArrayToObject(data, "answers");
	int r = 0;

	if (agent)
		return add_answer(list, h, agent, p);
	for (unsigned k = 0; k < h->n_agents && r == 0; k++)
		if (may_propose(&h->agent[k], p))
			r = add_answer(list, h, h->agent[k].name, p);
	return r;
}

cJSON *cmd_whatif(struct command_call *c)
{
	const char *text = command_arg(c, "actions"), *agent = command_arg(c, "agent");
	struct anod_proposal p = { .size = sizeof(p), .confidence = -1 };
	_cleanup_(whatif_freep) struct whatif *w = NULL;
	_cleanup_(decision_freep) struct decision *d = NULL;
	cJSON *data, *list;
	char line[512];
	int r;

	if (!text || !text[0])
		return command_fail(c, EINVAL, "which action? as in: whatif link wan0 down");
	if (!parse_actions(c, text, &p) || !check_actions(c, &p))
		return NULL;
	/* Invariants are the same for everybody: asked once, as nobody. */
	r = engine_decide(c->h, "operator", &p, &w, &d);
	if (r < 0)
		return command_fail(c, -r, "not decided: %s", strerror(-r));

	data = cJSON_CreateObject();
	list = cJSON_AddArrayToObject(data, "actions");
	for (uint32_t i = 0; i < p.n_actions; i++)
		cJSON_AddItemToArray(
			list, cJSON_CreateString(action_format(&p.action[i], line, sizeof(line))));
	cJSON_AddBoolToObject(data, "in_sync", model_in_sync(c->h->model));
	cJSON_AddBoolToObject(data, "possible", w && !w->error[0]);
	if (!w || w->error[0])
		cJSON_AddStringToObject(data, "error", w ? w->error : d->reason);
	else
		add_effect(data, c->h, w);
	cJSON_AddItemToObject(data, "judged", decision_json(d));
	r = !w || w->error[0] ? 0 : add_answers(data, c->h, agent, &p);
	if (r < 0) {
		cJSON_Delete(data);
		return command_fail(c, -r, "not decided: %s", strerror(-r));
	}
	return data;
}

/* ---- snapshot -------------------------------------------------------------------------------- */

struct lines {
	struct host *h;
	cJSON *list;
	double n, offset;
	unsigned taken;
};

static bool wanted(struct lines *l)
{
	return l->n++ >= l->offset && l->taken < SNAPSHOT_PAGE;
}

static int add_object(const struct anod_object *o, void *data)
{
	struct lines *l = data;
	char line[2048];

	if (!wanted(l))
		return 0;
	snapshot_line(l->h->model, o, line, sizeof(line));
	cJSON_AddItemToArray(l->list, cJSON_CreateString(line));
	l->taken++;
	return 0;
}

static bool plain(const char *name)
{
	for (; *name; name++)
		if (!((*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9') ||
		      *name == '-' || *name == '_'))
			return false;
	return true;
}

/* "fact link.wan0.carrier true age 2s": as snapshot_read() wants it. */
static void add_fact(struct lines *l, uint32_t entity, const struct schema_attr *a)
{
	const char *name = store_entity_name(l->h->store, entity);
	uint64_t now = host_now(l->h);
	char line[256], value[96], age[32] = "", age_text[24];
	struct fact f;

	/* What is not named is unknown anyway. */
	if (store_get(l->h->store, entity, a->slot, now, &f) < 0 || f.value.type == ANOD_UNKNOWN ||
	    !wanted(l))
		return;
	if (a->max_age_us)
		(void) snprintf(
			age, sizeof(age), " age %s",
			value_format(&(struct anod_value){ .type = ANOD_INT,
							   .unit = ANOD_UNIT_TIME,
							   .u.i = (int64_t) (now - f.time_us) },
				     age_text, sizeof(age_text)));
	(void) snprintf(line, sizeof(line),
			plain(name) ? "fact %s.%s.%s %s%s" : "fact %s.\"%s\".%s %s%s", a->kind_name,
			name, a->name, value_format(&f.value, value, sizeof(value)), age);
	cJSON_AddItemToArray(l->list, cJSON_CreateString(line));
	l->taken++;
}

static void add_facts(struct lines *l)
{
	const struct schema *s = l->h->schema;

	for (uint16_t kind = 1; kind <= schema_n_kinds(s); kind++)
		for (unsigned n = 0; n < store_count(l->h->store, kind); n++)
			for (uint16_t slot = 0; slot < schema_n_slots(s, kind); slot++) {
				const struct schema_attr *a = schema_attr_at(s, kind, slot);

				/* Text from outside decides nothing, and is nobody else's business. */
				if (strcmp(a->source, "core") != 0 &&
				    !(a->flags & ANOD_VALUE_OUTSIDE))
					add_fact(l, store_nth(l->h->store, kind, n), a);
			}
}

cJSON *cmd_snapshot(struct command_call *c)
{
	const cJSON *offset = cJSON_GetObjectItemCaseSensitive(c->args, "offset");
	struct lines l = { .h = c->h };
	cJSON *data = cJSON_CreateObject();

	l.offset = cJSON_IsNumber(offset) && offset->valuedouble > 0 ? offset->valuedouble : 0;
	l.list = cJSON_AddArrayToObject(data, "lines");
	for (int t = ANOD_OBJ_LINK; t < ANOD_OBJ_TYPES; t++)
		(void) model_each(c->h->model, (enum anod_obj_type) t, add_object, &l);
	add_facts(&l);
	cJSON_AddNumberToObject(data, "offset", l.offset);
	cJSON_AddNumberToObject(data, "total", l.n);
	cJSON_AddNumberToObject(data, "generation", (double) model_generation(c->h->model));
	cJSON_AddBoolToObject(data, "in_sync", model_in_sync(c->h->model));
	return data;
}
