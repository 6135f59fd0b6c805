/*
 * advice - questions to models, on behalf of agents.
 *
 * Design.  The host writes the question as JSON (it writes JSON, it never reads a model's) and
 * hands it to the inference process, which it starts when the first question comes and lets go
 * when nothing was asked for a minute.  Endpoints are tried in the order small before large, then
 * priority; one whose token budget is used up is left out.  What comes back is a struct: checked
 * there against the schema, and its action again here like any other proposal's.  No endpoint:
 * the agent gets -ENOTCONN at once and native agents go on alone.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/host.h"
#include "policy/action_text.h"
#include "host/wire.h"

#define QUESTIONS_MAX  32
#define TIMEOUT_MAX_MS 300000	      /* nobody keeps one of the places for longer */
#define SLACK_US       (2 * US_PER_S) /* beyond the deadline the process itself is at fault */

struct question {
	struct question *next;
	uint64_t id; /* ours */
	unsigned agent;
	uint64_t theirs;
	uint64_t incident;
	sd_event_source *late;
	struct host *host;
};

static uint64_t last_question;

/* Tokens used per endpoint in its present budget window. */
static struct used {
	char name[ANOD_NAME_SIZE];
	uint64_t since_us, tokens;
} used[16];

static struct used *used_of(const struct config_endpoint *e, uint64_t now)
{
	for (size_t i = 0; i < ARRAY_SIZE(used); i++) {
		if (used[i].name[0] && strcmp(used[i].name, e->name) != 0)
			continue;
		if (!used[i].name[0]) {
			copy_text(used[i].name, sizeof(used[i].name), e->name);
			used[i].since_us = now;
		}
		if (e->budget_per_us && now - used[i].since_us >= e->budget_per_us) {
			used[i].since_us = now;
			used[i].tokens = 0;
		}
		return &used[i];
	}
	return NULL;
}

static bool affordable(const struct config_endpoint *e, uint64_t now)
{
	const struct used *u = e->budget_tokens ? used_of(e, now) : NULL;

	return !u || u->tokens < e->budget_tokens;
}

bool advice_available(const struct host *h)
{
	return h->config->n_endpoints > 0;
}

/* ---- the question -------------------------------------------------------------------------- */

static void add_endpoint(cJSON *list, const struct config_endpoint *e)
{
	uint64_t timeout_ms = e->timeout_us / US_PER_MS;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", e->name);
	cJSON_AddStringToObject(o, "provider", e->provider);
	cJSON_AddStringToObject(o, "url", e->url);
	cJSON_AddStringToObject(o, "model", e->model ? e->model : "");
	if (e->key_file)
		cJSON_AddStringToObject(o, "key_file", e->key_file);
	cJSON_AddNumberToObject(o, "timeout_ms", (double) timeout_ms);
	cJSON_AddBoolToObject(o, "large", e->large);
	cJSON_AddBoolToObject(o, "grammar", e->grammar);
	cJSON_AddItemToArray(list, o);
}

static cJSON *endpoints_json(const struct host *h, uint64_t now)
{
	cJSON *list = cJSON_CreateArray();
	bool done[64] = { false };

	/* A handful: selection sort by (large, priority, order of writing). */
	for (unsigned k = 0; k < MIN_OF(h->config->n_endpoints, 64u); k++) {
		const struct config_endpoint *best = NULL;
		unsigned at = 0;

		for (unsigned i = 0; i < MIN_OF(h->config->n_endpoints, 64u); i++) {
			const struct config_endpoint *e = &h->config->endpoint[i];

			if (done[i] ||
			    (best && (e->large > best->large ||
				      (e->large == best->large && e->priority >= best->priority))))
				continue;
			best = e;
			at = i;
		}
		done[at] = true;
		if (best && affordable(best, now))
			add_endpoint(list, best);
	}
	return list;
}

static cJSON *links_json(struct host *h)
{
	uint16_t kind = schema_kind_id(h->schema, "link");
	cJSON *list = cJSON_CreateArray();

	for (unsigned n = 0; kind && n < store_count(h->store, kind); n++)
		cJSON_AddItemToArray(list, cJSON_CreateString(store_entity_name(
						   h->store, store_nth(h->store, kind, n))));
	return list;
}

static char *question_json(struct host *h, const struct cell_ask *m, cJSON *endpoints)
{
	cJSON *q = cJSON_CreateObject(), *kinds = cJSON_CreateArray();
	char *text;

	for (uint32_t k = 0; k < m->n_kinds; k++)
		cJSON_AddItemToArray(kinds, cJSON_CreateString(m->kind[k]));
	cJSON_AddItemToObject(q, "endpoints", endpoints);
	cJSON_AddStringToObject(q, "user", m->input);
	cJSON_AddItemToObject(q, "actions", kinds);
	cJSON_AddItemToObject(q, "links", links_json(h));
	cJSON_AddNumberToObject(q, "timeout_ms", MIN_OF(m->timeout_ms, TIMEOUT_MAX_MS));
	cJSON_AddNumberToObject(q, "max_tokens", m->max_tokens);
	text = cJSON_PrintUnformatted(q);
	cJSON_Delete(q);
	return text;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void question_free(struct host *h, struct question *q)
{
	for (struct question **at = &h->questions; *at; at = &(*at)->next) {
		if (*at != q)
			continue;
		*at = q->next;
		break;
	}
	sd_event_source_disable_unref(q->late);
	h->answered_us = host_now(h);
	free(q);
}

static void give(struct host *h, unsigned agent, uint64_t theirs, int error, const char *why)
{
	struct infer_answer a = { .error = error, .confidence = -1 };

	copy_text(a.why, sizeof(a.why), why);
	cells_answer(h, agent, theirs, &a);
}

static int on_late(sd_event_source *s, uint64_t due, void *data)
{
	struct question *q = data;
	struct host *h = q->host;

	(void) s, (void) due;
	give(h, q->agent, q->theirs, -ETIMEDOUT, "the inference process did not answer in time");
	question_free(h, q);
	return 0;
}

int advice_ask(struct host *h, unsigned agent, const struct cell_ask *m, uint64_t incident)
{
	uint64_t now = host_now(h), timeout_ms = MIN_OF(m->timeout_ms, TIMEOUT_MAX_MS);
	cJSON *endpoints = endpoints_json(h, now);
	_cleanup_(freep) char *body = NULL;
	struct chan_head head = { .type = INFER_ASK };
	struct question *q;
	unsigned n = 0;
	int r;

	for (q = h->questions; q; q = q->next)
		n++;
	if (cJSON_GetArraySize(endpoints) == 0 || n >= QUESTIONS_MAX) {
		cJSON_Delete(endpoints);
		give(h, agent, m->head.id, n >= QUESTIONS_MAX ? -EBUSY : -ENOTCONN,
		     n >= QUESTIONS_MAX	      ? "too many questions are open"
		     : h->config->n_endpoints ? "the token budget of every endpoint is used up"
					      : "no endpoint is configured");
		return 0;
	}

	body = question_json(h, m, endpoints);
	q = calloc(1, sizeof(*q));
	if (!body || !q) {
		free(q);
		return -ENOMEM;
	}
	*q = (struct question){ .next = h->questions,
				.id = ++last_question,
				.agent = agent,
				.theirs = m->head.id,
				.incident = incident,
				.host = h };
	h->questions = q;
	head.id = q->id;
	r = proc_start(h, PROC_INFER);
	if (r >= 0)
		r = chan_send2(h->proc[PROC_INFER].chan, &head, sizeof(head), body,
			       strlen(body) + 1);
	if (r >= 0)
		r = sd_event_add_time_relative(h->loop, &q->late, CLOCK_BOOTTIME,
					       timeout_ms * US_PER_MS + SLACK_US, US_PER_MS,
					       on_late, q);
	if (r < 0) {
		give(h, agent, m->head.id, r, "the inference process could not be started");
		question_free(h, q);
	}
	return 0;
}

/* One line of the incident: who was asked, what it cost, what it said. */
static void note_incident(struct host *h, const struct question *q, const struct infer_answer *a,
			  const char *action)
{
	char took[32];

	format_duration(a->took_us, took, sizeof(took));
	incident_note(h->incidents, q->incident, LINE_ANSWER, 0, h->agent[q->agent - 1].name,
		      host_now(h), clock_wall_us(),
		      "model %s at %s (%u tokens in, %u out, %s): %s%s%s%s%s", a->model,
		      a->endpoint, a->tokens_in, a->tokens_out, took,
		      a->error ? "no usable answer: " : "cause \"", a->error ? a->why : a->cause,
		      a->error ? "" : "\"", action[0] ? ", proposes " : "", action);
}

static void note_answer(struct host *h, const struct question *q, const struct infer_answer *a)
{
	cJSON *b = cJSON_CreateObject();
	char action[256] = "";

	if (a->has_action)
		(void) action_format(&a->action, action, sizeof(action));
	cJSON_AddStringToObject(b, "agent", h->agent[q->agent - 1].name);
	cJSON_AddStringToObject(b, "endpoint", a->endpoint);
	cJSON_AddStringToObject(b, "model", a->model);
	cJSON_AddNumberToObject(b, "error", a->error);
	cJSON_AddStringToObject(b, "why", a->why);
	cJSON_AddStringToObject(b, "cause", a->cause);
	cJSON_AddStringToObject(b, "summary", a->summary);
	cJSON_AddStringToObject(b, "action", action);
	cJSON_AddNumberToObject(b, "confidence", a->confidence);
	cJSON_AddNumberToObject(b, "tokens_in", a->tokens_in);
	cJSON_AddNumberToObject(b, "tokens_out", a->tokens_out);
	cJSON_AddNumberToObject(b, "took_us", (double) a->took_us);
	(void) record_event(h, "answer", b);
	note_incident(h, q, a, action);
	monitor_send(h, "note", 0, 0, h->agent[q->agent - 1].name, a->error ? a->why : a->summary);
}

static bool answer_ok(const struct infer_answer *a)
{
	return WIRE_ENDS(a->endpoint) && WIRE_ENDS(a->model) && WIRE_ENDS(a->why) &&
	       WIRE_ENDS(a->cause) && WIRE_ENDS(a->summary) && isfinite(a->confidence) &&
	       wire_action_ok(&a->action);
}

int advice_on_message(struct host *h, const struct chan_head *msg)
{
	const struct infer_answer *a = (const void *) msg;
	struct question *q;

	if (msg->type != INFER_ANSWER || msg->size != sizeof(*a) || !answer_ok(a))
		return -EPROTO;

	for (q = h->questions; q && q->id != msg->id; q = q->next)
		;
	if (!q)
		return 0;

	for (unsigned i = 0; i < h->config->n_endpoints; i++) {
		const struct config_endpoint *e = &h->config->endpoint[i];
		struct used *u = strcmp(e->name, a->endpoint) == 0 ? used_of(e, host_now(h)) : NULL;

		if (u)
			u->tokens += a->tokens_in + a->tokens_out;
	}
	note_answer(h, q, a);
	cells_answer(h, q->agent, q->theirs, a);
	question_free(h, q);
	return 0;
}

/* The process ended: with work open that is a failure of every question. */
void advice_on_end(struct host *h)
{
	h->proc[PROC_INFER].wanted = false;
	while (h->questions) {
		struct question *q = h->questions;

		give(h, q->agent, q->theirs, -ECONNRESET, "the inference process ended");
		question_free(h, q);
	}
}

void advice_idle(struct host *h)
{
	struct proc *p = &h->proc[PROC_INFER];

	if (p->pid > 0 && !h->questions && host_now(h) - h->answered_us > INFER_IDLE_US)
		proc_kill(&h->proc[PROC_INFER]);
}

/* The answer is still counted and recorded, but the next cell has its own ids. */
void advice_forget(struct host *h, unsigned agent)
{
	for (struct question *q = h->questions; q; q = q->next)
		if (q->agent == agent)
			q->theirs = 0;
}

void advice_done(struct host *h)
{
	while (h->questions)
		question_free(h, h->questions);
}
