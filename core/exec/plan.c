/*
 * plan - from typed actions to steps that can be carried out and undone.
 *
 * Design.  An actuator's plan() is a pure function on a view.  The view that it gets here is the
 * kernel's with the steps planned so far in front, so that "move the route, then take the link
 * down" plans the second action on the state after the first.  What a plan says is checked again
 * before it becomes a step: whose the object is, and whether its before-image can be restored.
 */
#include "exec/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"
#include "exec/exec.h"

static int refuse(struct steps *s, int error, const char *fmt, ...) _printf_(3, 4);
static int refuse(struct steps *s, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(s->why, EXEC_WHY_SIZE, fmt, ap);
	va_end(ap);
	return error;
}

static const struct anod_object *key_of(const struct anod_change *c)
{
	return c->has_post ? &c->post : &c->pre;
}

const struct anod_change *overlay_find(const struct steps *steps, const struct anod_object *key)
{
	for (uint32_t i = steps->n; i-- > 0;)
		if (anod_object_same_key(key_of(&steps->step[i].change), key))
			return &steps->step[i].change;

	return NULL;
}

static const struct overlay *of_view(const struct anod_view *v)
{
	return (const struct overlay *) ((uintptr_t) v - offsetof(struct overlay, view));
}

static int overlay_get(const struct anod_view *v, const struct anod_object *key,
		       struct anod_object *ret)
{
	const struct overlay *o = of_view(v);
	const struct anod_change *c = overlay_find(o->steps, key);

	if (!c)
		return o->below->get(o->below, key, ret);
	if (!c->has_post)
		return -ENOENT;

	*ret = c->post;
	return 0;
}

static int overlay_ifindex(const struct anod_view *v, const char *name)
{
	const struct overlay *o = of_view(v);

	return o->below->ifindex(o->below, name);
}

void overlay_init(struct overlay *o, const struct anod_view *below, const struct steps *steps)
{
	*o = (struct overlay){
		.view = { .get = overlay_get, .ifindex = overlay_ifindex },
		.below = below,
		.steps = steps,
	};
}

int steps_add(struct steps *s, const struct anod_change *c, uint32_t action, bool undo,
	      uint32_t flags)
{
	char object[EXEC_WHY_SIZE - 64];
	struct exec_step *step;
	int get, back = 0;

	(void) anod_object_text(key_of(c), object, sizeof(object));
	if (s->n >= STEPS_MAX)
		return refuse(s, -E2BIG, "more than %u objects would change; %s did not fit",
			      STEPS_MAX, object);

	step = &s->step[s->n];
	*step = (struct exec_step){ .change = *c, .action = action, .flags = flags };

	get = anod_rtnl_encode(ANOD_RTNL_GET, key_of(c), NULL, step->get);
	if (get < 0)
		return refuse(s, get, "%s cannot be read back", object);

	if (undo && c->has_pre)
		back = anod_rtnl_encode(ANOD_RTNL_SET, &c->pre, c->has_post ? &c->post : NULL,
					step->undo);
	else if (undo)
		back = anod_rtnl_encode(ANOD_RTNL_DEL, &c->post, NULL, step->undo);
	if (back < 0)
		return refuse(s, back, "%s could not be put back as it is", object);

	step->get_len = (uint32_t) get;
	step->undo_len = (uint32_t) back;
	s->n++;
	return 0;
}

/* "route main 0.0.0.0/0 metric 100" and "static" from the one line of an object. */
static void name_and_owner(const struct anod_object *o, char *name, size_t size, char *owner,
			   size_t owner_size)
{
	static const char *const end[] = { " via ", " dev ", " nhid ", " proto ", " src " };
	char *word;

	(void) anod_object_text(o, name, size);
	word = strstr(name, " proto ");
	if (word)
		(void) snprintf(owner, owner_size, "%.*s", (int) strcspn(word + 7, " "), word + 7);
	else
		(void) snprintf(owner, owner_size, "%d", anod_object_protocol(o));

	for (size_t i = 0; i < ARRAY_SIZE(end); i++) {
		word = strstr(name, end[i]);
		if (word)
			*word = '\0';
	}
}

static int check_owner(struct steps *s, const struct anod_object *o,
		       const struct anod_action_desc *d, bool foreign)
{
	int protocol = anod_object_protocol(o);
	char name[EXEC_WHY_SIZE - 96], owner[32];

	if (protocol < 0 || protocol == ANOD_RTPROT || (foreign && d->flags & ANOD_ACT_FOREIGN))
		return 0;

	name_and_owner(o, name, sizeof(name), owner, sizeof(owner));
	if (!(d->flags & ANOD_ACT_FOREIGN))
		return refuse(s, -EPERM,
			      "%s belongs to proto %s; %s never touches what is not "
			      "anod's",
			      name, owner, d->kind);

	return refuse(s, -EPERM,
		      "%s belongs to proto %s; the permit does not say 'foreign objects'", name,
		      owner);
}

static int check_change(struct steps *s, const struct anod_change *c,
			const struct anod_action_desc *d, bool foreign)
{
	char object[EXEC_WHY_SIZE - 96];

	if (c->has_pre > 1 || c->has_post > 1 || key_of(c)->type >= ANOD_OBJ_TYPES ||
	    (c->has_pre && c->has_post && !anod_object_same_key(&c->pre, &c->post)))
		return refuse(s, -EBADMSG, "%s: its plan is not a change of one object", d->kind);
	if (!c->has_pre)
		return 0;

	if (c->pre.flags & ANOD_OBJ_LOSSY) {
		(void) anod_object_text(&c->pre, object, sizeof(object));
		return refuse(s, -EOPNOTSUPP,
			      "%s has attributes that anod could not restore; "
			      "change it by hand",
			      object);
	}

	return check_owner(s, &c->pre, d, foreign);
}

static int add_change(struct kernel *k, struct steps *s, const struct anod_change *c,
		      const struct anod_action_desc *d, uint32_t action, bool foreign)
{
	int r;

	if (!c->has_pre && !c->has_post)
		return 0;

	r = check_change(s, c, d, foreign);
	if (r < 0)
		return r;

	r = side_plan(k, s, c, action);
	if (r < 0)
		return r;

	return steps_add(s, c, action, d->flags & ANOD_ACT_UNDO, 0);
}

static int plan_action(struct kernel *k, struct steps *s, const struct anod_action *a,
		       const struct anod_action_desc *d, uint32_t n, bool foreign)
{
	struct anod_plan plan = { 0 };
	struct overlay o;
	int r;

	r = action_check(a, d, s->why, EXEC_WHY_SIZE);
	if (r < 0)
		return r;

	overlay_init(&o, &k->view, s);
	r = d->plan(a, &o.view, &plan);
	if (r < 0) {
		plan.error[sizeof(plan.error) - 1] = '\0';
		return refuse(s, r, "%s: %s", d->kind, plan.error[0] ? plan.error : strerror(-r));
	}
	if (plan.n_changes > ANOD_CHANGES_MAX)
		return refuse(s, -EBADMSG, "%s: its plan has too many changes", d->kind);

	for (uint32_t i = 0; i < plan.n_changes; i++) {
		r = add_change(k, s, &plan.change[i], d, n, foreign);
		if (r < 0)
			return r;
	}

	return 0;
}

static const struct anod_action_desc *desc_find(const struct anod_action_desc *const *descs,
						const struct anod_action *a)
{
	for (; *descs; descs++)
		if (strncmp((*descs)->kind, a->kind, sizeof(a->kind)) == 0)
			return *descs;

	return NULL;
}

int plan_prepare(struct kernel *k, const struct anod_action_desc *const *descs,
		 const struct exec_prepare *p, struct exec_steps *ret)
{
	struct steps s = { .step = ret->step, .why = ret->why };
	int r = 0;

	ret->why[0] = '\0';
	for (uint32_t i = 0; i < p->n_actions && r >= 0; i++) {
		const struct anod_action_desc *d = desc_find(descs, &p->action[i]);

		if (d)
			r = plan_action(k, &s, &p->action[i], d, i, p->foreign == 1);
		else
			r = refuse(&s, -EOPNOTSUPP, "no actuator is loaded for '%.*s'",
				   (int) strnlen(p->action[i].kind, ANOD_KIND_SIZE - 1),
				   p->action[i].kind);
	}

	clean_text(ret->why);
	ret->error = MIN_OF(r, 0);
	ret->n_steps = r < 0 ? 0 : s.n;
	return ret->error;
}
