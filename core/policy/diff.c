/*
 * diff - the changed regions of two policies, each with a tried example.
 *
 * Design.  One space holds what the rules of both read, so a point means the same to both.  A set
 * of the same name may be another one by now; the regions follow, because sets are taken apart,
 * and what is not (counts over sets) is named as not decided.
 *
 * Regions of one change that read the same for several agents or kinds are told once.
 */
#include "policy/diff_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define TRIES_BOX   12 /* points of a box that are tried */
#define TRIES_BOXES 24 /* boxes of a region */

static void texts_done(char **text, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free(text[i]);
	free(text);
}

void diff_done(struct diff *d)
{
	for (unsigned i = 0; i < d->n; i++) {
		struct change *c = &d->change[i];

		free(c->agents);
		free(c->actions);
		free(c->where);
		free(c->example);
		free(c->untried);
		free(c->was_text);
		free(c->now_text);
	}
	free(d->change);
	texts_done(d->note, d->n_notes);
	texts_done(d->open, d->n_open);
	*d = (struct diff){ 0 };
}

static void add_text(char ***list, unsigned *n, const char *fmt, va_list args)
	__attribute__((format(printf, 3, 0)));
static void add_text(char ***list, unsigned *n, const char *fmt, va_list args)
{
	char **grown = realloc(*list, (*n + 1) * sizeof(**list));
	char *text;

	if (!grown)
		return;
	*list = grown;
	if (vasprintf(&text, fmt, args) < 0)
		return;
	for (unsigned i = 0; i < *n; i++)
		if (strcmp((*list)[i], text) == 0) {
			free(text);
			return;
		}
	(*list)[(*n)++] = text;
}

void diff_note(struct diff *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_text(&d->note, &d->n_notes, fmt, args);
	va_end(args);
}

void diff_open(struct diff *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_text(&d->open, &d->n_open, fmt, args);
	va_end(args);
}

/* ---- one agent, one kind ---------------------------------------------------------------------- */

struct compared {
	struct config *was, *now;
	struct schema *schema;
	const struct config_env *env;
	struct diff *d;
	const char *agent;
	const struct anod_action_desc *kind;
	struct space *space; /* with the old configuration */
};

/* Decide the point on a stage of its own; the level or a negative errno. */
static int decide_point(const struct compared *c, struct config *config, const uint64_t *box,
			const struct point *p, char **ret_reason, const char **ret_key)
{
	_cleanup_(stage_freep) struct stage *s = stage_new(c->schema, c->env->actions);
	_cleanup_(decision_freep) struct decision *d = NULL;
	static char key[256];
	const char *at = "";
	int r;

	*ret_key = key;
	key[0] = '\0';
	if (!s)
		return -ENOMEM;
	r = stage_bind(s, c->was);
	if (r == 0)
		r = stage_bind(s, c->now);
	if (r == 0)
		r = stage_point(s, c->space, box, p, c->kind, &at);
	(void) copy_text(key, sizeof(key), at);
	if (r == 0)
		r = stage_decide(s, config, c->agent, false, &d);
	if (r < 0 || !d)
		return r < 0 ? r : -ENOMEM;
	free(*ret_reason);
	*ret_reason = strdup(d->reason);
	return *ret_reason ? (int) d->level : -ENOMEM;
}

/* Is the change really so at this point?  1: yes. */
static int try_point(const struct compared *c, const uint64_t *box, const struct point *p,
		     struct change *ret)
{
	const char *key;
	int was = decide_point(c, c->was, box, p, &ret->was_text, &key), now;

	if (was < 0)
		goto failed;
	now = decide_point(c, c->now, box, p, &ret->now_text, &key);
	if (now >= 0)
		return was == (int) ret->was && now == (int) ret->now;
	was = now;
failed:
	if (was == -ENOMEM)
		return was;
	free(ret->untried);
	if (asprintf(&ret->untried, "'%s' cannot be made up", key) < 0)
		ret->untried = NULL;
	return 0;
}

static unsigned n_bound(const struct space *s, const uint64_t *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_vars; i++)
		n += !box_free_in(s, b, &s->var[i]);
	return n;
}

static void widest_first(const struct space *s, struct region *r)
{
	for (unsigned i = 1; i < r->n; i++)
		if (n_bound(s, region_box(s, r, i)) < n_bound(s, r->box))
			for (unsigned w = 0; w < s->n_words; w++) {
				uint64_t x = r->box[w];

				r->box[w] = region_box(s, r, i)[w];
				region_box(s, r, i)[w] = x;
			}
}

static int find_example(const struct compared *c, const struct region *r, struct change *ret)
{
	const struct space *s = c->space;
	char text[1024];
	struct point p;
	int good = 0;

	for (unsigned i = 0; i < MIN_OF(r->n, TRIES_BOXES) && !good; i++)
		for (unsigned n = 0; n < TRIES_BOX && !good; n++) {
			if (!point_nth(s, region_box(s, r, i), n, &p))
				break;
			good = try_point(c, region_box(s, r, i), &p, ret);
			if (good < 0)
				return good;
			if (!good && (i || n))
				continue;
			point_text(s, region_box(s, r, i), &p, c->agent, c->kind->kind, text,
				   sizeof(text));
			free(ret->example);
			ret->example = strdup(text);
			if (good)
				box_text(s, region_box(s, r, i), text, sizeof(text));
			if (good) {
				free(ret->where);
				ret->where = strdup(text);
			}
		}
	ret->tried = good;
	if (!good && !ret->untried)
		ret->untried = strdup("no example of it was found among those tried");
	return ret->example && (good || ret->untried) ? 0 : -ENOMEM;
}

static int add_change(struct compared *c, enum level was, enum level now, struct region *r)
{
	struct change x = { .was = was, .now = now }, *grown;
	char text[2048];
	int err;

	region_tidy(c->space, r);
	widest_first(c->space, r);
	box_text(c->space, r->box, text, sizeof(text));
	x.where = strdup(text);
	x.agents = strdup(c->agent);
	x.actions = strdup(c->kind->kind);
	err = x.where && x.agents && x.actions ? find_example(c, r, &x) : -ENOMEM;
	grown = err < 0 ? NULL : realloc(c->d->change, (c->d->n + 1) * sizeof(*grown));
	if (!grown) {
		diff_change_done(&x);
		return err < 0 ? err : -ENOMEM;
	}
	c->d->change = grown;
	grown[c->d->n++] = x;
	return 0;
}

static int compare_levels(struct compared *c, struct region was[LEVELS], struct region now[LEVELS])
{
	int r = 0;

	for (int a = 0; a < LEVELS && r == 0; a++)
		for (int b = 0; b < LEVELS && r == 0; b++) {
			_cleanup_(region_done) struct region both = { 0 };

			if (a == b)
				continue;
			r = region_meet(c->space, &was[a], &now[b], &both);
			if (r == 0 && both.n)
				r = add_change(c, (enum level) a, (enum level) b, &both);
		}
	return r;
}

static int make_space(struct compared *c)
{
	int r;

	c->space = space_new(c->was, c->schema);
	if (!c->space)
		return -ENOMEM;
	r = level_note(c->space, c->agent, c->kind);
	c->space->config = c->now;
	if (r == 0)
		r = level_note(c->space, c->agent, c->kind);
	c->space->config = c->was;
	if (r == 0)
		r = guard_note_kind(c->space, c->kind);
	return r < 0 ? r : space_seal(c->space);
}

static int compare_kind(struct compared *c)
{
	struct region was[LEVELS] = { 0 }, now[LEVELS] = { 0 };
	struct space after;
	int r = make_space(c);

	if (r == 0)
		r = level_regions(c->space, c->agent, c->kind, was);
	if (r == 0) {
		after = *c->space;
		after.config = c->now;
		r = level_regions(&after, c->agent, c->kind, now);
	}
	if (r == 0)
		r = compare_levels(c, was, now);
	for (int l = 0; l < LEVELS; l++) {
		region_done(&was[l]);
		region_done(&now[l]);
	}
	c->space = space_free(c->space);
	if (r == -E2BIG) {
		diff_open(c->d, "agent %s, %s: the rules are too many or too large to be compared",
			  c->agent, c->kind->kind);
		r = 0;
	}
	return r;
}

/* ---- all ------------------------------------------------------------------------------------- */

static int compare_agent(struct compared *c, const char *agent)
{
	int r = 0;

	c->agent = agent;
	for (unsigned k = 0; c->env->actions[k] && r == 0; k++) {
		if (c->d->n >= DIFF_CHANGES_MAX) {
			diff_open(c->d, "there are more than %d changes", DIFF_CHANGES_MAX);
			return 0;
		}
		c->kind = c->env->actions[k];
		r = compare_kind(c);
	}
	return r;
}

static bool has_agent(const struct config *c, const char *name)
{
	for (unsigned i = 0; config_proposer(c, i); i++)
		if (strcmp(config_proposer(c, i), name) == 0)
			return true;
	return false;
}

int policy_diff(struct config *was, struct config *now, struct schema *schema,
		const struct config_env *env, struct diff *ret)
{
	struct compared c = { .was = was, .now = now, .schema = schema, .env = env, .d = ret };
	int r = 0;

	*ret = (struct diff){ 0 };
	for (unsigned i = 0; config_proposer(now, i) && r == 0; i++)
		r = compare_agent(&c, config_proposer(now, i));
	for (unsigned i = 0; config_proposer(was, i) && r == 0; i++)
		if (!has_agent(now, config_proposer(was, i)))
			r = compare_agent(&c, config_proposer(was, i));
	if (r == 0) {
		diff_terms(was, now, ret);
		diff_sets(was, now, ret);
		diff_join(ret, false);
		diff_join(ret, true);
	}
	if (r == 0 && ret->n)
		qsort(ret->change, ret->n, sizeof(*ret->change), diff_by_risk);
	if (r < 0)
		diff_done(ret);
	return r;
}
