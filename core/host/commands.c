/*
 * commands - what the control socket can be asked (docs/control.md).
 *
 * Design.  One table: name, function.  A function returns its data, or NULL with one sentence in
 * the call's error.  What changes something is recorded with the user's name, in the ledger and
 * in the incident, before its answer is sent.
 */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/host.h"

struct command_call {
	struct host *h;
	const char *user;
	const cJSON *args;
	char *error; /* 512 bytes */
	int err;
};

static cJSON *fail(struct command_call *c, int err, const char *fmt, ...) _printf_(3, 4);
static cJSON *fail(struct command_call *c, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(c->error, 512, fmt, ap);
	va_end(ap);
	c->err = err;
	return NULL;
}

static const char *arg(const struct command_call *c, const char *name)
{
	const cJSON *a = cJSON_GetObjectItemCaseSensitive(c->args, name);

	return cJSON_IsString(a) ? a->valuestring : NULL;
}

/* ---- facts ---------------------------------------------------------------------------------- */

static void add_raw(cJSON *o, const struct anod_value *v)
{
	char text[64];

	switch ((enum anod_type) v->type) {
	case ANOD_BOOL:
		cJSON_AddBoolToObject(o, "raw", v->u.i != 0);
		return;
	case ANOD_INT: /* as written: a double would lose digits of a 64-bit counter */
		(void) snprintf(text, sizeof(text), "%" PRId64, v->u.i);
		cJSON_AddRawToObject(o, "raw", text);
		return;
	case ANOD_REAL:
		cJSON_AddNumberToObject(o, "raw", v->u.r);
		return;
	case ANOD_TEXT:
		cJSON_AddStringToObject(o, "raw", v->u.text);
		return;
	case ANOD_PREFIX:
		cJSON_AddStringToObject(o, "raw", prefix_format(&v->u.prefix, text, sizeof(text)));
		return;
	case ANOD_UNKNOWN:
		break;
	}
	cJSON_AddNullToObject(o, "raw");
}

cJSON *fact_json(struct host *h, uint32_t entity, const struct schema_attr *a)
{
	uint64_t now = host_now(h);
	char text[96];
	struct fact f;
	cJSON *o;

	if (store_get(h->store, entity, a->slot, now, &f) < 0)
		return NULL;

	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "kind", a->kind_name);
	cJSON_AddStringToObject(o, "entity", store_entity_name(h->store, entity));
	cJSON_AddStringToObject(o, "attr", a->name);
	cJSON_AddStringToObject(o, "value", value_format(&f.value, text, sizeof(text)));
	add_raw(o, &f.value);
	cJSON_AddStringToObject(o, "unit", unit_name(a->unit));
	if (f.time_us)
		cJSON_AddNumberToObject(o, "age_us",
					(double) (now > f.time_us ? now - f.time_us : 0));
	else
		cJSON_AddNullToObject(o, "age_us");
	cJSON_AddNumberToObject(o, "max_age_us", (double) a->max_age_us);
	cJSON_AddStringToObject(o, "source", a->source);
	if (f.why)
		cJSON_AddStringToObject(o, "why", f.why);
	if (a->flags & ANOD_VALUE_OUTSIDE)
		cJSON_AddTrueToObject(o, "outside");
	return o;
}

static bool wanted(const char *pattern, const char *kind, const char *entity, const char *attr)
{
	char path[2 * ANOD_NAME_SIZE + ANOD_KIND_SIZE];

	if (!pattern || !pattern[0])
		return true;
	(void) snprintf(path, sizeof(path), "%s/%s.%s", kind, entity, attr);
	if (fnmatch(pattern, path, 0) == 0)
		return true;
	/* "link/wan0" and "link" mean all of it. */
	(void) snprintf(path, sizeof(path), "%s/%s", kind, entity);
	return fnmatch(pattern, path, 0) == 0 || strcmp(pattern, kind) == 0;
}

static cJSON *cmd_facts(struct command_call *c)
{
	struct host *h = c->h;
	const char *pattern = arg(c, "pattern");
	cJSON *data = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(data, "facts");

	for (uint16_t k = 1; k <= schema_n_kinds(h->schema); k++) {
		for (unsigned n = 0; n < store_count(h->store, k); n++) {
			uint32_t e = store_nth(h->store, k, n);
			const char *name = store_entity_name(h->store, e);

			for (uint16_t s = 0; s < schema_n_slots(h->schema, k); s++) {
				const struct schema_attr *a = schema_attr_at(h->schema, k, s);

				if (wanted(pattern, a->kind_name, name, a->name))
					cJSON_AddItemToArray(list, fact_json(h, e, a));
			}
		}
	}
	return data;
}

static const char *type_word(uint8_t type)
{
	static const char *const words[] = { "unknown", "bool", "int", "real", "text", "prefix" };

	return type < ARRAY_SIZE(words) ? words[type] : "?";
}

static cJSON *cmd_schema(struct command_call *c)
{
	const struct schema *s = c->h->schema;
	cJSON *data = cJSON_CreateObject(), *kinds = cJSON_AddArrayToObject(data, "kinds");

	for (uint16_t k = 1; k <= schema_n_kinds(s); k++) {
		cJSON *o = cJSON_CreateObject(), *attrs;

		cJSON_AddStringToObject(o, "kind", schema_kind_name(s, k));
		cJSON_AddStringToObject(o, "help", schema_kind_help(s, k) ?: "");
		attrs = cJSON_AddArrayToObject(o, "attrs");
		for (uint16_t i = 0; i < schema_n_slots(s, k); i++) {
			const struct schema_attr *a = schema_attr_at(s, k, i);
			cJSON *e = cJSON_CreateObject();

			cJSON_AddStringToObject(e, "attr", a->name);
			cJSON_AddStringToObject(e, "type", type_word(a->type));
			cJSON_AddStringToObject(e, "unit", unit_name(a->unit));
			cJSON_AddNumberToObject(e, "max_age_us", (double) a->max_age_us);
			cJSON_AddStringToObject(e, "source", a->source);
			cJSON_AddStringToObject(e, "help", a->help ?: "");
			cJSON_AddItemToArray(attrs, e);
		}
		cJSON_AddItemToArray(kinds, o);
	}
	return data;
}

/* ---- incidents and transactions ----------------------------------------------------------------- */

static cJSON *cmd_incidents(struct command_call *c)
{
	cJSON *data = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(data, "incidents");
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(c->args, "all");
	const struct incident *i;

	for (unsigned n = 0; (i = incident_nth(c->h->incidents, n)); n++)
		if (i->open || cJSON_IsTrue(all))
			cJSON_AddItemToArray(list, incident_json(i, false));
	return data;
}

struct lookup {
	double tx;
	cJSON *decision, *transaction, *policy; /* copies */
};

/* Newest first: the last decision and the final state win. */
static int on_ledger_line(const cJSON *line, void *data)
{
	struct lookup *l = data;
	const cJSON *kind = cJSON_GetObjectItemCaseSensitive(line, "kind");
	const cJSON *tx = cJSON_GetObjectItemCaseSensitive(line, "tx");
	const cJSON *what;

	if (!cJSON_IsNumber(tx) || tx->valuedouble != l->tx || !cJSON_IsString(kind))
		return 0;

	if (!l->decision && strcmp(kind->valuestring, "decision") == 0) {
		what = cJSON_GetObjectItemCaseSensitive(line, "decision");
		l->decision = cJSON_Duplicate(what, true);
		what = cJSON_GetObjectItemCaseSensitive(line, "policy");
		l->policy = cJSON_Duplicate(what, true);
	}
	if (!l->transaction && strcmp(kind->valuestring, "tx") == 0) {
		what = cJSON_GetObjectItemCaseSensitive(line, "transaction");
		l->transaction = cJSON_Duplicate(what, true);
	}
	return l->decision && l->transaction;
}

/* From memory while it is open, from the ledger afterwards. */
static cJSON *find_txn(struct command_call *c, uint64_t id, cJSON **ret_decision)
{
	const struct txn *t = txns_get(c->h->txns, id);
	struct lookup l = { .tx = (double) id };

	if (ret_decision)
		*ret_decision = NULL;
	if (!t || ret_decision)
		(void) ledger_scan(c->h->state_dir, 100000, on_ledger_line, &l);
	if (ret_decision && l.decision) {
		*ret_decision = TAKE(l.decision);
		if (l.policy)
			cJSON_AddItemToObject(*ret_decision, "policy", TAKE(l.policy));
	}
	cJSON_Delete(l.decision);
	cJSON_Delete(l.policy);
	if (t) {
		cJSON_Delete(l.transaction);
		return txn_json(c->h, t);
	}
	return l.transaction;
}

static int parse_id(struct command_call *c, char letter, uint64_t *ret)
{
	const char *id = arg(c, "id");
	char *end;

	if (!id || (id[0] != letter && id[0] != letter + 32) || id[1] < '0' || id[1] > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoull(id + 1, &end, 10);
	return *end || errno ? -EINVAL : 0;
}

static cJSON *cmd_show(struct command_call *c)
{
	cJSON *data = cJSON_CreateObject(), *t;
	const struct incident *i;
	uint64_t id;

	if (parse_id(c, 'I', &id) == 0) {
		i = incident_get(c->h->incidents, id);
		if (i) {
			cJSON_AddItemToObject(data, "incident", incident_json(i, true));
			return data;
		}
		cJSON_Delete(data);
		return fail(c, ENOENT, "no incident I%" PRIu64, id);
	}
	if (parse_id(c, 'T', &id) == 0) {
		t = find_txn(c, id, NULL);
		if (t) {
			cJSON_AddItemToObject(data, "transaction", t);
			return data;
		}
		cJSON_Delete(data);
		return fail(c, ENOENT, "no transaction T%" PRIu64, id);
	}
	cJSON_Delete(data);
	return fail(c, EINVAL, "show wants an incident (I3) or a transaction (T12)");
}

static cJSON *cmd_why(struct command_call *c)
{
	cJSON *data, *t, *decision;
	uint64_t id;

	if (parse_id(c, 'T', &id) < 0)
		return fail(c, EINVAL, "why wants a transaction (T12)");

	t = find_txn(c, id, &decision);
	if (!t && !decision)
		return fail(c, ENOENT, "no transaction T%" PRIu64, id);

	data = cJSON_CreateObject();
	cJSON_AddItemToObject(data, "transaction", t ? t : cJSON_CreateNull());
	cJSON_AddItemToObject(data, "decision", decision ? decision : cJSON_CreateNull());
	return data;
}

static void operator_did(struct command_call *c, const char *what, const struct txn *t)
{
	struct host *h = c->h;
	cJSON *b = cJSON_CreateObject();

	cJSON_AddStringToObject(b, "user", c->user);
	cJSON_AddStringToObject(b, "did", what);
	if (t)
		cJSON_AddNumberToObject(b, "tx", (double) t->id);
	record_event(h, "operator", b);
	if (t)
		incident_note(h->incidents, t->incident, LINE_OPERATOR, t->id, "", host_now(h),
			      clock_wall_us(), "%s: %s", c->user, what);
	log_notice("%s by %s%s%" PRIu64, what, c->user, t ? ", T" : " #", t ? t->id : 0);
	monitor_send(h, "operator", t ? t->incident : 0, t ? t->id : 0, c->user, what);
}

/* Is the user in one of the groups that the permit names? */
static bool in_group(const struct host *h, const struct txn *t, const char *user)
{
	const struct policy_rule *p = t->decision ? t->decision->permit : NULL;

	for (unsigned g = 0; p && g < p->n_groups; g++)
		for (unsigned k = 0; k < h->config->n_groups; k++) {
			const struct config_group *cg = &h->config->group[k];

			if (strcmp(cg->name, p->group[g]) != 0)
				continue;
			for (unsigned u = 0; u < cg->n_users; u++)
				if (strcmp(cg->user[u], user) == 0)
					return true;
		}
	return false;
}

enum word { WORD_APPROVE, WORD_DENY, WORD_CONFIRM, WORD_ROLLBACK };

static int say(struct command_call *c, enum word w, const struct txn *t)
{
	struct txns *e = c->h->txns;
	char why[128];

	switch (w) {
	case WORD_APPROVE:
		return txns_approve(e, t->id, c->user, in_group(c->h, t, c->user));
	case WORD_DENY:
		return txns_deny(e, t->id, c->user);
	case WORD_CONFIRM:
		return txns_confirm(e, t->id, c->user);
	case WORD_ROLLBACK:
		(void) snprintf(why, sizeof(why), "rolled back by %s", c->user);
		return txns_rollback(e, t->id, why);
	}
	return -EINVAL;
}

static cJSON *word(struct command_call *c, enum word w, const char *name)
{
	const struct txn *t;
	cJSON *data;
	uint64_t id;
	int r;

	if (parse_id(c, 'T', &id) < 0)
		return fail(c, EINVAL, "%s wants a transaction (T12)", name);
	t = txns_get(c->h->txns, id);
	if (!t || txn_state_final(t->state))
		return fail(c, ENOENT, "T%" PRIu64 " is not open", id);
	/* Recorded first: a word that was carried out but not written down would be a lie. */
	operator_did(c, name, t);
	r = say(c, w, t);
	if (r == -EPERM)
		return fail(c, EPERM, "%s is in none of the groups that may approve T%" PRIu64,
			    c->user, id);
	if (r == -EALREADY)
		return fail(c, EALREADY, "%s has approved T%" PRIu64 " already", c->user, id);
	if (r < 0)
		return fail(c, -r, "T%" PRIu64 " cannot be answered so now: %s", id, strerror(-r));

	data = cJSON_CreateObject();
	t = txns_get(c->h->txns, id);
	cJSON_AddItemToObject(data, "transaction", t ? txn_json(c->h, t) : cJSON_CreateNull());
	return data;
}

static cJSON *cmd_approve(struct command_call *c)
{
	return word(c, WORD_APPROVE, "approve");
}

static cJSON *cmd_deny(struct command_call *c)
{
	return word(c, WORD_DENY, "deny");
}

static cJSON *cmd_confirm(struct command_call *c)
{
	return word(c, WORD_CONFIRM, "confirm");
}

static cJSON *cmd_rollback(struct command_call *c)
{
	return word(c, WORD_ROLLBACK, "rollback");
}

static cJSON *pause_now(struct command_call *c, bool paused)
{
	cJSON *data = cJSON_CreateObject();

	c->h->paused = paused;
	txns_pause(c->h->txns, paused);
	operator_did(c, paused ? "pause" : "resume", NULL);
	cJSON_AddBoolToObject(data, "paused", paused);
	return data;
}

static cJSON *cmd_pause(struct command_call *c)
{
	return pause_now(c, true);
}

static cJSON *cmd_resume(struct command_call *c)
{
	return pause_now(c, false);
}

/* ---- the daemon itself ---------------------------------------------------------------------------- */

static void add_words(cJSON *o, const char *name, const char *const *list)
{
	cJSON *a = cJSON_AddArrayToObject(o, name);

	for (; list && *list; list++)
		cJSON_AddItemToArray(a, cJSON_CreateString(*list));
}

static cJSON *cmd_agents(struct command_call *c)
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
		cJSON_AddStringToObject(o, "state", a->state);
		if (a->why[0])
			cJSON_AddStringToObject(o, "why", a->why);
		cJSON_AddNumberToObject(o, "cell", h->proc[PROC_CELL].pid);
		cJSON_AddNumberToObject(o, "restarts", h->proc[PROC_CELL].restarts);
		cJSON_AddNumberToObject(o, "findings", (double) a->n_findings);
		cJSON_AddNumberToObject(o, "proposals", (double) a->n_proposals);
		cJSON_AddNumberToObject(o, "refused", (double) a->n_refused);
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

	for (int i = 0; i < 32; i++)
		(void) snprintf(hex + 2 * i, 3, "%02x", h->config->hash[i]);
	cJSON_AddStringToObject(o, "name", h->config->policy->name ?: "");
	cJSON_AddNumberToObject(o, "revision", (double) h->config->policy->revision);
	cJSON_AddStringToObject(o, "hash", hex);
	cJSON_AddNumberToObject(o, "rules", h->config->policy->n_rules);
	return o;
}

static cJSON *cmd_reload(struct command_call *c)
{
	struct diag_list diags = { 0 };
	cJSON *data;
	int r;

	operator_did(c, "reload", NULL);
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
		(void) fail(c, -r, "the configuration has errors; the old one stays");
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

static void add_proc(cJSON *list, const char *name, pid_t pid, unsigned restarts)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", name);
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
	if (!model_in_sync(h->model))
		cJSON_AddItemToArray(w, cJSON_CreateString("the kernel's state is being re-read"));
	if (h->config->n_endpoints == 0)
		cJSON_AddItemToArray(w,
				     cJSON_CreateString("no model endpoint: native agents only"));
	for (unsigned k = 0; k < h->plugins->n_refused; k++)
		cJSON_AddItemToArray(w, cJSON_CreateString(h->plugins->refused[k]));
}

static cJSON *cmd_status(struct command_call *c)
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
	cJSON_AddStringToObject(o, "mode", h->built_in ? "observe" : "policy");
	cJSON_AddBoolToObject(o, "paused", h->paused);
	cJSON_AddNumberToObject(o, "facts", facts);
	cJSON_AddNumberToObject(o, "entities", stats.n_entities);
	cJSON_AddNumberToObject(o, "routes", model_count(h->model, ANOD_OBJ_ROUTE));
	cJSON_AddNumberToObject(o, "incidents_open", open);
	cJSON_AddNumberToObject(o, "transactions_open", txns);
	cJSON_AddBoolToObject(o, "in_sync", model_in_sync(h->model));
	l = cJSON_AddObjectToObject(o, "ledger");
	cJSON_AddStringToObject(l, "head", ledger_head(h->ledger, &lines));
	cJSON_AddNumberToObject(l, "lines", (double) lines);
	cJSON_AddNumberToObject(o, "lateness_us", (double) h->lateness_us);
	l = cJSON_AddArrayToObject(o, "processes");
	add_proc(l, "host", getpid(), 0);
	for (int k = 0; k < PROC_KINDS; k++)
		if (h->proc[k].pid > 0)
			add_proc(l, h->proc[k].name, h->proc[k].pid, h->proc[k].restarts);
	add_warnings(o, h);
	return o;
}

static cJSON *cmd_ledger(struct command_call *c)
{
	cJSON *o = cJSON_CreateObject();
	uint64_t lines;

	cJSON_AddStringToObject(o, "head", ledger_head(c->h->ledger, &lines));
	cJSON_AddNumberToObject(o, "lines", (double) lines);
	cJSON_AddStringToObject(o, "dir", c->h->state_dir);
	return o;
}

static cJSON *cmd_monitor(struct command_call *c)
{
	(void) c;
	return cJSON_CreateObject();
}

static cJSON *cmd_doctor(struct command_call *c)
{
	return doctor_json(c->h);
}

static const struct command {
	const char *name;
	cJSON *(*run)(struct command_call *);
} commands[] = {
	{ "status", cmd_status },   { "facts", cmd_facts },	    { "schema", cmd_schema },
	{ "show", cmd_show },	    { "incidents", cmd_incidents }, { "why", cmd_why },
	{ "approve", cmd_approve }, { "deny", cmd_deny },	    { "confirm", cmd_confirm },
	{ "pause", cmd_pause },	    { "rollback", cmd_rollback },   { "resume", cmd_resume },
	{ "agents", cmd_agents },   { "reload", cmd_reload },	    { "ledger", cmd_ledger },
	{ "monitor", cmd_monitor }, { "doctor", cmd_doctor },
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
		return data;
	}
	(void) fail(&c, ENOSYS, "no command '%.40s'", name->valuestring);
	*ret_errno = c.err;
	return NULL;
}
