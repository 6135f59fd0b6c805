/*
 * answer - from a model's text to one checked action, or to nothing.
 *
 * Design.  The only door through which words of a model come in.  The text is first held against
 * JSON's grammar (strict.c), then against the shape below, key by key, so that what is not
 * expected is refused and not skipped.  The result has a fixed size and holds names and numbers
 * of our own tables; the model's prose survives in two bounded texts for people.
 *
 *   {"cause": text, "summary": text, "action": null | {"kind": word, "args": {...}}}
 */
#include "infer/answer.h"

#include <errno.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "infer/infer.h"
#include "infer/strict.h"

DEFINE_CLEANUP(cJSON *, cJSON_Delete);

struct check {
	const struct anod_action_desc *const *actions;
	const char *const *links;
	struct infer_answer *ret;
};

/* A key of the model, bounded and readable, for a sentence to the operator. */
static const char *quoted(const char *key, char *buf, size_t size)
{
	(void) copy_text(buf, size, key);
	clean_text(buf);
	return buf;
}

#define refuse(c, ...) (snprintf((c)->ret->why, sizeof((c)->ret->why), __VA_ARGS__), -EBADMSG)

/* Collect the members of an object by name; another or a repeated key is refused. */
static int members(struct check *c, const cJSON *object, const char *what, const char *const *names,
		   const cJSON **ret)
{
	const cJSON *m;
	char key[32];

	cJSON_ArrayForEach(m, object)
	{
		unsigned i = 0;

		while (names[i] && strcmp(names[i], m->string) != 0)
			i++;
		if (!names[i])
			return refuse(c, "%s has a key that is not in the schema: %s", what,
				      quoted(m->string, key, sizeof(key)));
		if (ret[i])
			return refuse(c, "%s has the key %s twice", what, names[i]);
		ret[i] = m;
	}
	return 0;
}

static int check_prose(struct check *c, const cJSON *v, const char *name, char *dst, size_t size)
{
	if (!cJSON_IsString(v))
		return refuse(c, "%s is %s", name, v ? "not a text" : "missing");
	/* NOLINTNEXTLINE(clang-analyzer-core.*): no string is NULL */
	if (strlen(v->valuestring) >= size)
		return refuse(c, "%s is longer than %zu bytes", name, size - 1);

	(void) copy_text(dst, size, v->valuestring);
	return 0;
}

static int check_args(struct check *c, const struct anod_action_desc *d, const cJSON *args)
{
	struct anod_action *a = &c->ret->action;
	const char *names[ANOD_ARGS_MAX + 1] = { NULL };
	const cJSON *value[ANOD_ARGS_MAX] = { NULL };
	unsigned n = 0;
	int r;

	for (; n < ANOD_ARGS_MAX && d->params[n].name; n++)
		names[n] = d->params[n].name;
	r = members(c, args, "args", names, value);
	if (r < 0)
		return r;

	for (unsigned i = 0; i < n; i++) {
		const struct anod_param *p = &d->params[i];
		struct anod_arg *arg = &a->arg[a->n_args];

		if (!value[i] || cJSON_IsNull(value[i])) {
			if (p->required)
				return refuse(c, "action %s needs the argument %s", d->kind,
					      p->name);
			continue;
		}
		r = answer_check_arg(p, value[i], c->links, &arg->value, c->ret->why,
				     sizeof(c->ret->why));
		if (r < 0)
			return r;

		(void) copy_text(arg->name, sizeof(arg->name), p->name);
		a->n_args++;
	}
	return 0;
}

static int check_action(struct check *c, const cJSON *v)
{
	static const char *const names[] = { "kind", "args", NULL };
	const cJSON *m[2] = { NULL };
	const struct anod_action_desc *d;
	char kind[32];
	int r;

	if (!v)
		return refuse(c, "action is missing (null says that there is none)");
	if (cJSON_IsNull(v))
		return 0;
	if (!cJSON_IsObject(v))
		return refuse(c, "action is neither null nor an object");
	r = members(c, v, "action", names, m);
	if (r < 0)
		return r;
	if (!cJSON_IsString(m[0]) || !cJSON_IsObject(m[1]))
		return refuse(c, "action needs a text 'kind' and an object 'args'");

	d = action_find(c->actions, m[0]->valuestring);
	if (!d)
		return refuse(c, "action kind %s was not offered",
			      quoted(m[0]->valuestring, kind, sizeof(kind)));

	c->ret->action.size = sizeof(c->ret->action);
	(void) copy_text(c->ret->action.kind, sizeof(c->ret->action.kind), d->kind);
	c->ret->has_action = 1;
	return check_args(c, d, m[1]);
}

static int check_object(struct check *c, const cJSON *root)
{
	static const char *const names[] = { "cause", "summary", "action", NULL };
	struct infer_answer *ret = c->ret;
	const cJSON *m[3] = { NULL };
	int r;

	if (!cJSON_IsObject(root))
		return refuse(c, "the answer is not a JSON object");
	r = members(c, root, "the answer", names, m);
	if (r >= 0)
		r = check_prose(c, m[0], "cause", ret->cause, sizeof(ret->cause));
	if (r >= 0)
		r = check_prose(c, m[1], "summary", ret->summary, sizeof(ret->summary));
	if (r >= 0)
		r = check_action(c, m[2]);
	return r;
}

static void forget(struct infer_answer *ret)
{
	ret->has_action = 0;
	memset(ret->cause, 0, sizeof(ret->cause));
	memset(ret->summary, 0, sizeof(ret->summary));
	memset(&ret->action, 0, sizeof(ret->action));
}

int answer_check(const char *text, size_t size, const struct anod_action_desc *const *actions,
		 const char *const *links, struct infer_answer *ret)
{
	_cleanup_(cJSON_Deletep) cJSON *root = NULL;
	struct check c = { .actions = actions, .links = links, .ret = ret };
	int r;

	forget(ret);
	memset(ret->why, 0, sizeof(ret->why));
	if (size > ANSWER_TEXT_MAX)
		return refuse(&c, "the answer is longer than %u bytes", ANSWER_TEXT_MAX);
	r = json_strict(text, size, ret->why, sizeof(ret->why));
	if (r < 0)
		return r;

	root = cJSON_ParseWithLength(text, size);
	if (!root)
		return refuse(&c, "the answer could not be parsed, or memory ran out");
	r = check_object(&c, root);
	if (r < 0)
		forget(ret);
	return r;
}
