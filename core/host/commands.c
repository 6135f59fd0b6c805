/*
 * commands - what the control socket can be asked (docs/control.md).
 *
 * Design.  One table: name, function.  A function returns its data, or NULL with one sentence in
 * the call's error.  What changes something is recorded with the user's name, in the ledger and
 * in the incident, before its answer is sent.
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/commands.h"
#include "host/objectives.h"
#include "host/people.h"
#include "host/brakes.h"
#include "host/reflexes.h"
#include "host/standing.h"
#include "host/vouch.h"

cJSON *command_fail(struct command_call *c, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(c->error, 512, fmt, ap);
	va_end(ap);
	c->err = err;
	return NULL;
}

const char *command_arg(const struct command_call *c, const char *name)
{
	const cJSON *a = cJSON_GetObjectItemCaseSensitive(c->args, name);

	return cJSON_IsString(a) ? a->valuestring : NULL;
}

void command_note(struct command_call *c, const char *what, const struct txn *t)
{
	command_note_plan(c, what, t, NULL);
}

void command_note_plan(struct command_call *c, const char *what, const struct txn *t,
		       const uint8_t hash[APPROVAL_HASH])
{
	struct host *h = c->h;
	cJSON *b = cJSON_CreateObject();
	char hex[2 * APPROVAL_HASH + 1];

	cJSON_AddStringToObject(b, "user", c->user);
	cJSON_AddStringToObject(b, "did", what);
	if (t)
		cJSON_AddNumberToObject(b, "tx", (double) t->id);
	if (hash)
		cJSON_AddStringToObject(b, "plan",
					sodium_bin2hex(hex, sizeof(hex), hash, APPROVAL_HASH));
	(void) record_event(h, "operator", b);
	if (t)
		incident_note(h->incidents, t->incident, LINE_OPERATOR, t->id, "", host_now(h),
			      clock_wall_us(), "%s: %s", c->user, what);
	if (t)
		log_notice("%s of T%" PRIu64 " by %s", what, t->id, c->user);
	else
		log_notice("%s by %s", what, c->user);
	monitor_send(h, "operator", t ? t->incident : 0, t ? t->id : 0, c->user, what);
}

/* ---- the daemon itself ---------------------------------------------------------------------------- */

static void add_words(cJSON *o, const char *name, const char *const *list)
{
	cJSON *a = cJSON_AddArrayToObject(o, name);

	for (; list && *list; list++)
		cJSON_AddItemToArray(a, cJSON_CreateString(*list));
}

/* Of a declarative agent: where it is written. */
static void add_place(cJSON *o, const struct lex_place *place)
{
	char text[600];

	(void) snprintf(text, sizeof(text), "%s:%u", place->file, place->line);
	cJSON_AddStringToObject(o, "declared", text);
}

cJSON *cmd_agents(struct command_call *c)
{
	cJSON *data = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(data, "agents");
	const struct host *h = c->h;

	for (unsigned k = 0; k < h->n_agents; k++) {
		const struct agent *a = &h->agent[k];
		const struct anod_plugin *p = a->plugin->desc;
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "name", a->name);
		cJSON_AddStringToObject(o, "plugin", p->name);
		cJSON_AddStringToObject(o, "version", p->version);
		cJSON_AddStringToObject(o, "summary", p->summary);
		if (a->block->def)
			add_place(o, &h->config->def[a->block->def - 1].place);
		cJSON_AddStringToObject(o, "state", a->state);
		if (a->why[0])
			cJSON_AddStringToObject(o, "why", a->why);
		cJSON_AddNumberToObject(o, "cell", a->cell.pid);
		cJSON_AddNumberToObject(o, "restarts", a->cell.restarts);
		cJSON_AddNumberToObject(o, "findings", (double) a->n_findings);
		cJSON_AddNumberToObject(o, "proposals", (double) a->n_proposals);
		cJSON_AddNumberToObject(o, "refused", (double) a->n_refused);
		cJSON_AddNumberToObject(o, "watches_behind", (double) a->n_put_off);
		add_words(o, "reads", p->reads);
		add_words(o, "proposes", p->proposes);
		add_words(o, "senses", p->senses);
		cJSON_AddBoolToObject(o, "asks", p->asks != 0);
		cJSON_AddItemToArray(list, o);
	}
	return data;
}

static cJSON *policy_json(const struct host *h)
{
	cJSON *o = cJSON_CreateObject();
	char hex[65];

	for (size_t i = 0; i < sizeof(h->config->hash); i++)
		(void) snprintf(hex + 2 * i, 3, "%02x", h->config->hash[i]);
	cJSON_AddStringToObject(o, "name", h->config->policy->name ?: "");
	cJSON_AddNumberToObject(o, "revision", (double) h->config->policy->revision);
	cJSON_AddStringToObject(o, "hash", hex);
	cJSON_AddNumberToObject(o, "rules", h->config->policy->n_rules);
	return o;
}

cJSON *cmd_reload(struct command_call *c)
{
	struct diag_list diags = { 0 };
	cJSON *data;
	int r;

	command_note(c, "reload", NULL);
	r = host_reload(c->h, &diags);
	if (r >= 0) {
		data = cJSON_CreateObject();
		cJSON_AddItemToObject(data, "policy", policy_json(c->h));
	} else {
		data = cJSON_CreateArray();
		for (unsigned k = 0; k < diags.n; k++) {
			char line[512];

			(void) snprintf(line, sizeof(line), "%s:%u:%u: %s: %s",
					diags.item[k].place.file, diags.item[k].place.line,
					diags.item[k].place.column,
					diags.item[k].level == DIAG_ERROR ? "error" : "warning",
					diags.item[k].text);
			cJSON_AddItemToArray(data, cJSON_CreateString(line));
		}
		(void) command_fail(c, -r, "%s",
				    diags.n_errors
					    ? "the configuration has errors; the old one stays"
					    : "the configuration is in force, but not all of it "
					      "could be started: see the log");
	}
	diag_done(&diags);
	return data;
}

static long rss_kib(pid_t pid)
{
	char path[64], line[128];
	_cleanup_(fclosep) FILE *f = NULL;
	long kib = 0;

	(void) snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	return kib;
}

static void add_proc(cJSON *list, const char *name, const char *agent, pid_t pid, unsigned restarts)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", name);
	if (agent)
		cJSON_AddStringToObject(o, "agent", agent);
	cJSON_AddNumberToObject(o, "pid", pid);
	cJSON_AddNumberToObject(o, "restarts", restarts);
	cJSON_AddNumberToObject(o, "rss_kib", (double) rss_kib(pid));
	cJSON_AddItemToArray(list, o);
}

static void add_warnings(cJSON *o, const struct host *h)
{
	cJSON *w = cJSON_AddArrayToObject(o, "warnings");

	if (h->built_in)
		cJSON_AddItemToArray(w, cJSON_CreateString("no configuration: observing only"));
	if (h->capped)
		cJSON_AddItemToArray(
			w, cJSON_CreateString("journal or ledger cannot be written: nothing is "
					      "changed until anod is restarted"));
	for (int k = PROC_EXEC; k <= PROC_GUARDIAN; k++)
		if (proof_missing(h, (enum proc_kind) k)) {
			char text[384];

			(void) snprintf(text, sizeof(text), "no %s, nothing is changed: %s",
					k == PROC_EXEC ? "executor" : "guardian",
					proof_missing(h, (enum proc_kind) k));
			cJSON_AddItemToArray(w, cJSON_CreateString(text));
		}
	if (!model_in_sync(h->model))
		cJSON_AddItemToArray(w, cJSON_CreateString("the kernel's state is being re-read"));
	if (h->config->n_endpoints == 0)
		cJSON_AddItemToArray(w,
				     cJSON_CreateString("no model endpoint: native agents only"));
	if (h->vouch && h->vouch->info.alarm)
		cJSON_AddItemToArray(w, cJSON_CreateString(h->vouch->info.why));
	overrides_warn(h, w);
	for (unsigned k = 0; k < h->plugins->n_refused; k++)
		cJSON_AddItemToArray(w, cJSON_CreateString(h->plugins->refused[k]));
}

/* Is there a permit that lets anything be carried out? */
static bool may_act(const struct policy *p)
{
	for (unsigned k = 0; k < p->n_rules; k++)
		if (p->rule[k].kind == RULE_PERMIT &&
		    MAX_OF(p->rule[k].level, p->rule[k].promote.to) >= LEVEL_APPROVE)
			return true;
	return false;
}

cJSON *cmd_status(struct command_call *c)
{
	const struct host *h = c->h;
	cJSON *o = cJSON_CreateObject(), *l;
	struct store_stats stats;
	const struct incident *i;
	unsigned open = 0, txns = 0, facts = 0;
	uint64_t lines;

	store_get_stats(h->store, &stats);
	for (uint16_t k = 1; k <= schema_n_kinds(h->schema); k++)
		facts += store_count(h->store, k) * schema_n_slots(h->schema, k);
	for (unsigned n = 0; (i = incident_nth(h->incidents, n)); n++)
		open += i->open;
	while (txns_nth(h->txns, txns))
		txns++;

	cJSON_AddStringToObject(o, "version", ANOD_VERSION);
	cJSON_AddNumberToObject(o, "pid", getpid());
	cJSON_AddStringToObject(o, "boot_id", clock_boot_id());
	cJSON_AddNumberToObject(o, "uptime_us", (double) (host_now(h) - h->started_us));
	cJSON_AddStringToObject(o, "config", h->config->n_files ? h->config->file[0] : "built-in");
	cJSON_AddItemToObject(o, "policy", policy_json(h));
	cJSON_AddStringToObject(o, "mode", may_act(h->config->policy) ? "policy" : "observe");
	cJSON_AddBoolToObject(o, "paused", h->paused);
	cJSON_AddNumberToObject(o, "facts", facts);
	cJSON_AddNumberToObject(o, "entities", stats.n_entities);
	l = cJSON_AddObjectToObject(o, "statistics");
	cJSON_AddNumberToObject(l, "columns", stats_count(h->stats));
	cJSON_AddNumberToObject(l, "bytes", (double) stats_bytes(h->stats));
	cJSON_AddNumberToObject(l, "refused", (double) stats_refused(h->stats));
	cJSON_AddNumberToObject(o, "routes", model_count(h->model, ANOD_OBJ_ROUTE));
	cJSON_AddNumberToObject(o, "incidents_open", open);
	cJSON_AddNumberToObject(o, "transactions_open", txns);
	cJSON_AddItemToObject(o, "objectives", objectives_summary(h));
	cJSON_AddItemToObject(o, "reflexes", reflexes_summary(h));
	cJSON_AddItemToObject(o, "brake", brakes_json(h));
	cJSON_AddBoolToObject(o, "in_sync", model_in_sync(h->model));
	l = cJSON_AddObjectToObject(o, "ledger");
	cJSON_AddStringToObject(l, "head", ledger_head(h->ledger, &lines));
	cJSON_AddNumberToObject(l, "lines", (double) lines);
	cJSON_AddNumberToObject(o, "lateness_us", (double) h->lateness_us);
	l = cJSON_AddArrayToObject(o, "processes");
	add_proc(l, "host", NULL, getpid(), 0);
	for (int k = 0; k < PROC_SINGLES; k++)
		if (h->proc[k].pid > 0)
			add_proc(l, h->proc[k].name, NULL, h->proc[k].pid, h->proc[k].restarts);
	for (unsigned k = 0; k < h->n_agents; k++)
		if (h->agent[k].cell.pid > 0)
			add_proc(l, h->agent[k].cell.name, h->agent[k].name, h->agent[k].cell.pid,
				 h->agent[k].cell.restarts);
	add_warnings(o, h);
	return o;
}

cJSON *cmd_monitor(struct command_call *c)
{
	(void) c;
	return cJSON_CreateObject();
}

cJSON *cmd_doctor(struct command_call *c)
{
	return doctor_json(c->h);
}

cJSON *cmd_verify(struct command_call *c)
{
	int error;
	cJSON *data = verify_json(c->h, &error);

	return data ? data
		    : command_fail(c, error, "the kernel's state cannot be read again: %s",
				   strerror(error));
}

cJSON *cmd_damping(struct command_call *c)
{
	return damping_json(c->h);
}

cJSON *cmd_standing(struct command_call *c)
{
	return standing_json(c->h);
}

cJSON *cmd_reflexes(struct command_call *c)
{
	const char *name = command_arg(c, "name");
	cJSON *o = reflexes_json(c->h, name);

	return o ? o : command_fail(c, ENOENT, "no permit \"%.63s\" has a reflex", name ?: "");
}

static const struct command {
	const char *name;
	cJSON *(*run)(struct command_call *);
} commands[] = {
	{ "status", cmd_status },	  { "facts", cmd_facts },
	{ "schema", cmd_schema },	  { "show", cmd_show },
	{ "incidents", cmd_incidents },	  { "why", cmd_why },
	{ "approve", cmd_approve },	  { "deny", cmd_deny },
	{ "confirm", cmd_confirm },	  { "pause", cmd_pause },
	{ "rollback", cmd_rollback },	  { "resume", cmd_resume },
	{ "agents", cmd_agents },	  { "reload", cmd_reload },
	{ "ledger", cmd_ledger },	  { "monitor", cmd_monitor },
	{ "doctor", cmd_doctor },	  { "verify", cmd_verify },
	{ "whatif", cmd_whatif },	  { "snapshot", cmd_snapshot },
	{ "history", cmd_history },	  { "top", cmd_top },
	{ "override", cmd_override },	  { "overrides", cmd_overrides },
	{ "objectives", cmd_objectives }, { "standing", cmd_standing },
	{ "damping", cmd_damping },	  { "reflexes", cmd_reflexes },
	{ "peers", cmd_peers },		  { "unlock", cmd_unlock },
};

cJSON *command_run(struct host *h, const char *user, const cJSON *request, char *error,
		   int *ret_errno)
{
	struct command_call c = {
		.h = h,
		.user = user,
		.args = cJSON_GetObjectItemCaseSensitive(request, "args"),
		.error = error,
	};
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(request, "command");
	cJSON *data = NULL;

	for (size_t k = 0; k < ARRAY_SIZE(commands); k++) {
		if (strcmp(commands[k].name, name->valuestring) != 0)
			continue;
		data = commands[k].run(&c);
		*ret_errno = c.err;
		/* cppcheck-suppress returnDanglingLifetime; a tree of its own */
		return data;
	}
	/* What is no word is not repeated: it may not be UTF-8, and answers are. */
	if (strspn(name->valuestring, "abcdefghijklmnopqrstuvwxyz-_") == strlen(name->valuestring))
		(void) command_fail(&c, ENOSYS, "no command '%.40s'", name->valuestring);
	else
		(void) command_fail(&c, ENOSYS, "no such command; commands are lower-case words");
	*ret_errno = c.err;
	return NULL;
}
