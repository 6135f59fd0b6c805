/*
 * stage_point - make the world as a point of a region has it.
 *
 * Design.  Facts are published, arguments written, statistics put into their columns.  "X for D" is
 * made by letting time pass: guards that are to have held are tracked, the facts are
 * published, the clock moves on, and they are published again so that they are fresh.  A count
 * is made by as many entities that meet its condition, which is a region again.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/zone.h"
#include "facts/value.h"
#include "policy/stage.h"

#define LINK_NAME  "w0" /* of a link that no text names */
#define DAY_S	   86400
#define DEFAULT_V4 "203.0.113.0/24"

struct scene {
	struct stage *s;
	const struct space *space;
	const uint64_t *box;
	const struct point *p;
	const struct anod_action_desc *kind;
	const char *key; /* that is being made */
	char link[ANOD_NAME_SIZE];
	char neigh[ANOD_NAME_SIZE], nexthop[ANOD_NAME_SIZE];
};

static unsigned piece_of(const struct scene *c, const struct var *v)
{
	return c->p->piece[v - c->space->var];
}

/* A value for the variable; unknown where it is not bound by name. */
static bool var_value(const struct scene *c, const char *key, struct anod_value *ret)
{
	const struct var *v = space_find(c->space, key);

	if (!v)
		return false;
	*ret = piece_value(v, piece_of(c, v));
	if (v->type == VAR_WORD && piece_of(c, v) == v->n_pieces - 1)
		*ret = value_text(LINK_NAME);
	return true;
}

static bool is_argument(const struct var *v)
{
	return strncmp(v->key, "action.", 7) == 0 && v->type != VAR_ORDER && !strchr(v->key, ' ');
}

/* ---- the action ----------------------------------------------------------------------------- */

static void add_arg(struct anod_action *a, const char *name, const struct anod_value *v)
{
	struct anod_arg *arg;

	if (a->n_args == ANOD_ARGS_MAX || v->type == ANOD_UNKNOWN)
		return;
	for (uint32_t i = 0; i < a->n_args; i++)
		if (strncmp(a->arg[i].name, name, ANOD_KIND_SIZE) == 0)
			return;
	arg = &a->arg[a->n_args++];
	(void) copy_text(arg->name, sizeof(arg->name), name);
	arg->value = *v;
}

static struct anod_value ordinary(const struct scene *c, const struct anod_param *p)
{
	struct anod_prefix dst;

	switch (p->type) {
	case ANOD_INT:
		return value_int(MAX_OF(p->min, 1), (enum anod_unit) p->unit);
	case ANOD_TEXT:
		return value_text(p->entity		  ? (c->link[0] ? c->link : LINK_NAME)
				  : p->words && *p->words ? p->words[0]
							  : "another");
	case ANOD_PREFIX:
		(void) prefix_parse(DEFAULT_V4, &dst);
		return value_prefix(&dst);
	case ANOD_BOOL:
		return value_bool(true);
	default:
		return value_unknown();
	}
}

static void make_step(const struct scene *c, struct anod_action *a)
{
	struct anod_value step, from = value_int(1000000, ANOD_UNIT_NONE), to = from;

	if (strcmp(a->kind, "route.metric") != 0 || !var_value(c, "action.step", &step) ||
	    step.type != ANOD_REAL)
		return;
	to.u.i = (int64_t) (1000000 * (1 + step.u.r) + 0.5);
	add_arg(a, "metric", &from);
	add_arg(a, "to", &to);
}

static int make_action(struct scene *c)
{
	struct anod_action *a = &c->s->proposal.action[0];
	struct anod_value v;

	*a = (struct anod_action){ .size = sizeof(*a) };
	(void) copy_text(a->kind, sizeof(a->kind), c->kind->kind);
	c->s->proposal.n_actions = 1;
	make_step(c, a);
	for (const struct anod_param *p = c->kind->params; p && p->name; p++) {
		char key[ANOD_KIND_SIZE + 8];

		(void) snprintf(key, sizeof(key), "action.%.23s", p->name);
		if (var_value(c, key, &v)) {
			add_arg(a, p->name, &v);
		} else if (strcmp(p->name, "dev") == 0 && c->link[0]) {
			v = value_text(c->link);
			add_arg(a, "dev", &v);
		} else if (p->required) {
			v = ordinary(c, p);
			add_arg(a, p->name, &v);
		}
	}
	return 0;
}

static void make_names(struct scene *c)
{
	struct anod_value v;

	/* The link that the action names is the link that it is on. */
	(void) copy_text(c->link, sizeof(c->link), LINK_NAME);
	if (var_value(c, "action.dev", &v) && v.type == ANOD_TEXT)
		(void) copy_text(c->link, sizeof(c->link), v.u.text);
	if (var_value(c, "on link", &v))
		(void) copy_text(c->link, sizeof(c->link), v.type == ANOD_TEXT ? v.u.text : "");
}

/* The names of neighbour and next hop follow from the arguments. */
static void make_subjects(struct scene *c)
{
	const struct anod_action *a = &c->s->proposal.action[0];
	const struct anod_value *dst = NULL;
	char text[64];

	for (uint32_t i = 0; i < a->n_args; i++) {
		if (strcmp(a->arg[i].name, "dst") == 0)
			dst = &a->arg[i].value;
		if (strcmp(a->arg[i].name, "id") == 0 && a->arg[i].value.type == ANOD_INT)
			(void) snprintf(c->nexthop, sizeof(c->nexthop), "%lld",
					(long long) a->arg[i].value.u.i);
	}
	if (dst && dst->type == ANOD_PREFIX && c->link[0])
		(void) snprintf(c->neigh, sizeof(c->neigh), "%.15s/%s", c->link,
				prefix_format(&dst->u.prefix, text, sizeof(text)));
}

/* ---- facts ---------------------------------------------------------------------------------- */

static const char *subject_of(const struct scene *c, const char *kind)
{
	if (strcmp(kind, "link") == 0 || strcmp(kind, "path") == 0)
		return c->link;
	if (strcmp(kind, "host") == 0)
		return "self";
	if (strcmp(kind, "neigh") == 0)
		return c->neigh;
	return strcmp(kind, "nexthop") == 0 ? c->nexthop : "";
}

static int publish(struct scene *c, const struct expr *e, const struct anod_value *v)
{
	const struct schema_attr *a =
		e->kind && e->slot >= 0 ? schema_attr_at(c->s->schema, e->kind, (uint16_t) e->slot)
					: NULL;

	return stage_publish(c->s, e, a ? subject_of(c, a->kind_name) : NULL, v);
}

static int make_operand(struct scene *c, const struct var *v, const struct anod_value *value)
{
	if (strcmp(v->key, "model.confidence") == 0) {
		c->s->proposal.confidence = value->type == ANOD_REAL ? value->u.r : -1;
		return 0;
	}
	if (strcmp(v->key, "evidence.count") == 0) {
		c->s->evidence = value->type == ANOD_INT ? (unsigned) value->u.i : 0;
		return 0;
	}
	if (strcmp(v->key, "capacity") == 0 && c->link[0])
		return stage_fact(c->s, "link", c->link, "capacity", value);
	/* The resource follows from the action; whether it fits shows when it is decided. */
	return 0;
}

/* Two facts in an order: 1 against less, as much or more. */
static int make_order(struct scene *c, const struct var *v)
{
	static const double second[] = { 0, 2, 1, 0.5 };
	struct anod_value a = value_real(1, ANOD_UNIT_NONE), b;
	const struct expr *left = v->of->a, *right = v->of->b;
	_cleanup_(freep) char *text = expr_format(left);
	unsigned piece = piece_of(c, v);
	int r;

	if (!text)
		return -ENOMEM;
	if (left->op != EXPR_FACT || right->op != EXPR_FACT ||
	    (left->type != ANOD_INT && left->type != ANOD_REAL) ||
	    (right->type != ANOD_INT && right->type != ANOD_REAL))
		return -ENOTSUP;
	/* The key has them in the order of their texts. */
	if (strncmp(v->key, text, strlen(text)) != 0 || v->key[strlen(text)] != ' ') {
		left = v->of->b;
		right = v->of->a;
	}
	b = value_real(second[piece] * 1000, ANOD_UNIT_NONE);
	a.u.r *= 1000;
	if (piece == PIECE_UNKNOWN)
		a = b = value_unknown();
	if (left->type == ANOD_INT && a.type == ANOD_REAL)
		a = value_int((int64_t) a.u.r, (enum anod_unit) left->unit);
	if (right->type == ANOD_INT && b.type == ANOD_REAL)
		b = value_int((int64_t) b.u.r, (enum anod_unit) right->unit);
	r = publish(c, left, &a);
	return r < 0 ? r : publish(c, right, &b);
}

/* ---- counts --------------------------------------------------------------------------------- */

static int make_count(struct scene *c, const struct var *v)
{
	struct anod_value n = piece_value(v, piece_of(c, v));

	if (v->of->fn != EXPR_FN_COUNT || n.type != ANOD_INT)
		return -ENOTSUP;
	return stage_count(c->s, c->space->config, v->of, (unsigned) n.u.i);
}

/* ---- all variables --------------------------------------------------------------------------- */

static int make_var(struct scene *c, const struct var *v)
{
	struct anod_value value = piece_value(v, piece_of(c, v));
	bool bound = !box_free_in(c->space, c->box, v);

	if (is_argument(v) || strncmp(v->key, "on ", 3) == 0)
		return 0;
	if (v->type == VAR_ORDER)
		return bound ? make_order(c, v) : 0;
	if (!v->of)
		return strncmp(v->key, "agent ", 6) == 0 && bound ? -ENOTSUP : 0;
	switch (v->of->op) {
	case EXPR_FACT:
	case EXPR_CALL:
		return publish(c, v->of, &value);
	case EXPR_OPERAND:
		return make_operand(c, v, &value);
	case EXPR_COUNT:
		return bound ? make_count(c, v) : 0;
	case EXPR_FOR:
	case EXPR_WITHIN:
		return 0; /* made by time */
	default:
		return bound ? -ENOTSUP : 0;
	}
}

static int make_vars(struct scene *c)
{
	int r = 0;

	for (unsigned i = 0; i < c->space->n_vars && r >= 0; i++) {
		c->key = c->space->var[i].key;
		r = make_var(c, &c->space->var[i]);
	}
	return MIN_OF(r, 0);
}

/* ---- time ------------------------------------------------------------------------------------ */

static uint64_t longest(const struct scene *c)
{
	uint64_t us = 0;

	for (unsigned i = 0; i < c->space->n_vars; i++) {
		const struct var *v = &c->space->var[i];

		if (v->of && (v->of->op == EXPR_FOR || v->of->op == EXPR_WITHIN) &&
		    piece_of(c, v) != PIECE_UNKNOWN)
			us = MAX_OF(us, v->of->dur_us);
	}
	return us;
}

/* What each guard of the same text has seen so far: nothing, or all of it. */
static int track(struct scene *c)
{
	int r = 0;

	for (unsigned i = 0; i < c->space->n_vars && r >= 0; i++) {
		const struct var *v = &c->space->var[i];

		if (v->of && (v->of->op == EXPR_FOR || v->of->op == EXPR_WITHIN) &&
		    piece_of(c, v) != PIECE_UNKNOWN)
			r = watch_track(c->s->watches, v->of);
	}
	return MIN_OF(r, 0);
}

static int again(struct stage *s, void *data)
{
	(void) s;
	return make_vars(data);
}

static int let_time_pass(struct scene *c)
{
	uint64_t us = longest(c), step_us = us + US_PER_S;
	int r;

	if (!us)
		return 0;
	r = track(c);
	for (unsigned i = 0; i < c->space->n_vars; i++)
		step_us = stage_step(c->s, c->space->var[i].of, step_us);
	return r < 0 ? r : stage_pass(c->s, us + US_PER_S, step_us, again, c);
}

/* "date in ZONE", "time of day in ZONE" */
static bool clock_var(const struct var *v)
{
	return !v->of && v->type == VAR_NUMBER && strstr(v->key, " in ");
}

static bool shows(const struct scene *c, const struct var *v, int64_t utc_s)
{
	const char *zone = strstr(v->key, " in ") + 4;
	int32_t east_s;
	int64_t wall_s;

	if (zone_offset(zone, utc_s, &east_s) < 0)
		return false;
	wall_s = utc_s + east_s;
	if (v->key[0] == 't')
		wall_s %= DAY_S;
	return piece_at(v, (double) wall_s) == piece_of(c, v);
}

/* The wall time at which every window that the point names shows what it has: looked for from
 * the calendar's piece on, then within a day, in steps of five minutes. */
static void set_wall(struct scene *c)
{
	int64_t from = INT64_C(1800000000);

	for (unsigned i = 0; i < c->space->n_vars; i++) {
		const struct var *v = &c->space->var[i];
		struct anod_value value = piece_value(v, piece_of(c, v));

		if (clock_var(v) && v->key[0] == 'd' && value.type == ANOD_INT)
			from = value.u.i;
	}
	for (int64_t s = from - DAY_S; s < from + 2 * DAY_S; s += 300) {
		bool all = true;

		for (unsigned i = 0; i < c->space->n_vars && all; i++)
			if (clock_var(&c->space->var[i]))
				all = shows(c, &c->space->var[i], s);
		if (!all)
			continue;
		c->s->wall_us = (uint64_t) MAX_OF(s, 0) * US_PER_S;
		return;
	}
	c->s->wall_us = (uint64_t) MAX_OF(from, 0) * US_PER_S;
}

int stage_point(struct stage *s, const struct space *space, const uint64_t *box,
		const struct point *p, const struct anod_action_desc *kind, const char **ret_key)
{
	struct scene c = { .s = s, .space = space, .box = box, .p = p, .kind = kind, .key = "" };
	int r;

	make_names(&c);
	r = c.link[0] ? stage_link(s, c.link) : 0;
	if (r == 0)
		r = make_action(&c);
	make_subjects(&c);
	if (r == 0)
		r = make_vars(&c);
	if (r == 0)
		r = let_time_pass(&c);
	set_wall(&c);
	*ret_key = c.key;
	return r;
}
