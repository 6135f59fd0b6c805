/*
 * question - what the host asks, parsed and held until it is answered.
 *
 * Design.  One cJSON tree holds all small texts; the evidence, the only large one, is framed and
 * then cut out of the tree, so an open question costs little more than its evidence.
 */
#include "infer/question.h"

#include <errno.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "infer/answer.h"
#include "infer/infer.h"
#include "infer/offer.h"
#include "infer/strict.h"

struct parse {
	struct question *q;
	const struct anod_dialect *const *dialects;
	const struct anod_action_desc *const *actions;
	char *why;
	size_t why_size;
};

#define refuse(p, ...) (snprintf((p)->why, (p)->why_size, "question: " __VA_ARGS__), -EINVAL)

/* A text member, or NULL. */
static const char *text_of(const cJSON *o, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
}

static bool true_of(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, name));
}

/* A number within 1..max, or 0. */
static uint32_t count_of(const cJSON *o, const char *name, uint32_t max)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 1))
		return 0;
	return v->valuedouble > max ? max : (uint32_t) v->valuedouble;
}

static int parse_endpoint(struct parse *p, const cJSON *o)
{
	struct endpoint *e = &p->q->endpoint[p->q->n_endpoints];
	const char *provider = text_of(o, "provider");

	*e = (struct endpoint){
		.name = text_of(o, "name"),
		.url = text_of(o, "url"),
		.model = text_of(o, "model"),
		.key_file = text_of(o, "key_file"),
		.timeout_ms = count_of(o, "timeout_ms", QUESTION_TIMEOUT_MAX),
		.large = true_of(o, "large"),
		.grammar = true_of(o, "grammar"),
	};
	if (!e->name || !e->url || !e->model || !provider)
		return refuse(p, "endpoint %u needs name, provider, url and model",
			      p->q->n_endpoints + 1);
	if (e->key_file && *e->key_file == '\0')
		e->key_file = NULL;

	for (const struct anod_dialect *const *d = p->dialects; *d; d++)
		if (strcmp((*d)->name, provider) == 0)
			e->dialect = *d;
	if (!e->dialect)
		return refuse(p, "endpoint %s: no model provider '%s' is loaded", e->name,
			      provider);

	p->q->n_endpoints++;
	return 0;
}

static int parse_endpoints(struct parse *p)
{
	const cJSON *o, *list = cJSON_GetObjectItemCaseSensitive(p->q->root, "endpoints");
	int r;

	if (cJSON_GetArraySize(list) < 1 || cJSON_GetArraySize(list) > QUESTION_ENDPOINTS_MAX)
		return refuse(p, "it needs 1 to %d endpoints", QUESTION_ENDPOINTS_MAX);

	cJSON_ArrayForEach(o, list)
	{
		r = parse_endpoint(p, o);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_actions(struct parse *p)
{
	const cJSON *o, *list = cJSON_GetObjectItemCaseSensitive(p->q->root, "actions");
	unsigned n = 0;

	if (cJSON_GetArraySize(list) > QUESTION_ACTIONS_MAX)
		return refuse(p, "it has more than %d actions", QUESTION_ACTIONS_MAX);

	cJSON_ArrayForEach(o, list)
	{
		const char *kind = cJSON_GetStringValue(o);

		p->q->action[n] = kind ? action_find(p->actions, kind) : NULL;
		if (!p->q->action[n])
			return refuse(p, "no actuator has the action '%s'", kind ? kind : "?");
		n++;
	}
	return 0;
}

static int parse_links(struct parse *p)
{
	const cJSON *o, *list = cJSON_GetObjectItemCaseSensitive(p->q->root, "links");
	unsigned n = 0;

	if (cJSON_GetArraySize(list) > QUESTION_LINKS_MAX)
		return refuse(p, "it has more than %d links", QUESTION_LINKS_MAX);

	cJSON_ArrayForEach(o, list)
	{
		const char *name = cJSON_GetStringValue(o);

		if (!name || !word_plain(name, ANOD_IFNAME_SIZE - 1))
			return refuse(p, "link %u is not the name of an interface", n + 1);
		p->q->link[n++] = name;
	}
	return 0;
}

static int parse_limits(struct parse *p)
{
	const cJSON *sure = cJSON_GetObjectItemCaseSensitive(p->q->root, "sure");

	p->q->timeout_ms = count_of(p->q->root, "timeout_ms", QUESTION_TIMEOUT_MAX);
	p->q->max_tokens = count_of(p->q->root, "max_tokens", QUESTION_TOKENS_MAX);
	if (p->q->timeout_ms == 0 || p->q->max_tokens == 0)
		return refuse(p, "timeout_ms and max_tokens have to be at least 1");
	if (sure && !(cJSON_IsNumber(sure) && sure->valuedouble >= 0 && sure->valuedouble <= 1))
		return refuse(p, "'sure' is not within 0..1");

	p->q->sure = sure ? sure->valuedouble : 0;
	p->q->task = text_of(p->q->root, "system");
	return 0;
}

int question_parse(struct question *q, const char *text, size_t size,
		   const struct anod_dialect *const *dialects,
		   const struct anod_action_desc *const *actions, char *why, size_t why_size)
{
	struct parse p = { q, dialects, actions, why, why_size };
	const char *user;
	int r;

	*q = (struct question){ .root = cJSON_ParseWithLength(text, size) };
	if (!cJSON_IsObject(q->root))
		return refuse(&p, "it is not a JSON object");

	r = parse_endpoints(&p);
	if (r >= 0)
		r = parse_actions(&p);
	if (r >= 0)
		r = parse_links(&p);
	if (r >= 0)
		r = parse_limits(&p);
	if (r < 0)
		return r;

	user = text_of(q->root, "user");
	if (!user)
		return refuse(&p, "'user' is not a text with the evidence");
	q->user = evidence_frame(user);
	cJSON_DeleteItemFromObjectCaseSensitive(q->root, "user");
	return q->user ? 0 : -ENOMEM;
}

void question_done(struct question *q)
{
	cJSON_Delete(q->root);
	free(q->user);
	*q = (struct question){ 0 };
}

char *question_encode(const struct question *q, unsigned at, bool again)
{
	const struct endpoint *e = &q->endpoint[at];
	_cleanup_(freep) char *system = prompt_system(q->task, q->action, q->link, again);
	_cleanup_(freep) char *schema = answer_schema_json(q->action, q->link);
	_cleanup_(freep) char *grammar = e->grammar ? answer_grammar(q->action, q->link) : NULL;
	struct anod_chat chat = {
		.size = sizeof(chat),
		.max_tokens = q->max_tokens,
		.model = e->model,
		.system = system,
		.user = q->user,
		.schema = schema,
		.grammar = grammar,
	};

	if (!system || !schema || (e->grammar && !grammar))
		return NULL;
	/* cppcheck-suppress returnDanglingLifetime; text of its own, malloc()ed */
	return e->dialect->encode(&chat);
}
